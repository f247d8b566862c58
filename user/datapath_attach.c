// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attaching a pinned program to a link, by tcx where the kernel has it: the
 * link is an object of its own, which nobody flushes by removing a qdisc.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "datapath_impl.h"
#include "mem.h"

/* Linux 6.6.  The headers of Debian 12 are older; the numbers are the kernel's ABI. */
#define TCX_INGRESS	46
#define MAX_ATTACHED	64	/* BPF_MPROG_MAX */

enum datapath_attach datapath_attach_mode(void)
{
	const char *wish = getenv("CULVERT_ATTACH");

	if (wish && !strcmp(wish, "clsact"))
		return DATAPATH_CLSACT;
	if (wish && !strcmp(wish, "tcx"))
		return DATAPATH_TCX;
	return datapath_tcx_ok() ? DATAPATH_TCX : DATAPATH_CLSACT;
}

static int open_program(enum datapath_hook hook, int *ret_fd, __u32 *ret_id)
{
	struct bpf_prog_info info = {};
	char path[DATAPATH_PATH_SIZE];
	__u32 size = sizeof(info);
	_fd_ int fd = -1;
	int err;

	err = datapath_pin_path(path, "prog", datapath_prog_name(hook));
	if (err)
		return err;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	*ret_fd = take_fd(&fd);
	*ret_id = info.id;
	return 0;
}

int datapath_tcx_link(int prog_fd, int ifindex)
{
	int fd = bpf_link_create(prog_fd, ifindex, TCX_INGRESS, NULL);

	return fd < 0 ? -errno : fd;
}

/* Is the program among those that the link of *this* namespace runs? */
static int tcx_runs(__u32 prog_id, int ifindex)
{
	__u32 ids[MAX_ATTACHED], n = MAX_ATTACHED, flags, i;

	if (bpf_prog_query(ifindex, TCX_INGRESS, 0, &flags, ids, &n))
		return errno == ENOENT || errno == ENODEV || errno == EINVAL ? 0 : -errno;
	for (i = 0; i < n; i++)
		if (ids[i] == prog_id)
			return 1;
	return 0;
}

/* Return: 1 when the pinned link belongs to this device, whatever it runs. */
static int tcx_link_fits(int link_fd, int ifindex, __u32 *ret_prog_id)
{
	struct bpf_link_info info = {};
	__u32 size = sizeof(info);
	int runs;

	if (bpf_obj_get_info_by_fd(link_fd, &info, &size))
		return -errno;
	/* struct tcx {ifindex, attach_type} begins as struct xdp does; 0 when the device is gone. */
	if (info.xdp.ifindex != (__u32)ifindex)
		return 0;
	runs = tcx_runs(info.prog_id, ifindex);
	if (runs == 1)
		*ret_prog_id = info.prog_id;
	return runs;
}

int datapath_tcx_attached(__u32 prog_id, int ifindex, const char *pin)
{
	_fd_ int link = bpf_obj_get(pin);
	__u32 runs = 0;
	int fits;

	if (link < 0)
		return errno == ENOENT ? 0 : -errno;
	fits = tcx_link_fits(link, ifindex, &runs);
	return fits < 0 ? fits : fits && runs == prog_id;
}

int datapath_tcx_detach(const char *pin)
{
	_fd_ int link = bpf_obj_get(pin);

	if (link < 0)
		return errno == ENOENT ? 0 : -errno;
	/* ENOLINK: its device is gone, and so is what it did. */
	if (bpf_link_detach(link) && errno != ENOLINK)
		return -errno;
	return unlink(pin) ? -errno : 0;
}

int datapath_tcx_attach(int prog_fd, __u32 prog_id, int ifindex, const char *pin)
{
	_fd_ int old = bpf_obj_get(pin), link = -1;
	__u32 runs;
	int err;

	if (old >= 0 && tcx_link_fits(old, ifindex, &runs) == 1)
		return runs == prog_id || !bpf_link_update(old, prog_fd, NULL) ? 0 : -errno;
	if (old >= 0) {
		err = datapath_tcx_detach(pin);
		if (err)
			return err;
	}
	link = datapath_tcx_link(prog_fd, ifindex);
	if (link < 0)
		return link;
	return bpf_obj_pin(link, pin) ? -errno : 0;
}

int datapath_attached(enum datapath_hook hook, int ifindex, const char *name)
{
	char pin[DATAPATH_PATH_SIZE];
	_fd_ int prog = -1;
	__u32 prog_id;
	int ret;

	datapath_hush();
	ret = datapath_pin_path(pin, "link", name);
	if (!ret)
		ret = open_program(hook, &prog, &prog_id);
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	ret = datapath_tcx_attached(prog_id, ifindex, pin);
	return ret ? ret : datapath_tc_attached(prog_id, ifindex);
}

int datapath_attach(enum datapath_hook hook, int ifindex, const char *name)
{
	char pin[DATAPATH_PATH_SIZE];
	_fd_ int prog = -1;
	__u32 prog_id;
	int ret;

	datapath_hush();
	ret = datapath_attached(hook, ifindex, name);
	if (ret)
		return ret < 0 ? ret : 0;
	ret = datapath_pin_path(pin, "link", name);
	if (!ret)
		ret = open_program(hook, &prog, &prog_id);
	if (ret)
		return ret;
	if (datapath_attach_mode() == DATAPATH_TCX)
		return datapath_tcx_attach(prog, prog_id, ifindex, pin);
	return datapath_tc_attach(prog, prog_id, ifindex, pin);
}

int datapath_detach(enum datapath_hook hook, int ifindex, const char *name)
{
	char pin[DATAPATH_PATH_SIZE];
	int err;

	datapath_hush();
	err = datapath_pin_path(pin, "link", name);
	if (!err)
		err = datapath_tcx_detach(pin);
	return err ? err : datapath_tc_detach(ifindex, pin);
}
