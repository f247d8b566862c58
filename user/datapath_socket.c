// SPDX-License-Identifier: GPL-2.0-only
/*
 * The programs for the host's own sockets, at the root of the cgroup2
 * hierarchy.  Each is held there by a link that is pinned beside the others,
 * under a name that no network's pin has.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <linux/bpf.h>
#include <linux/magic.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "datapath_impl.h"
#include "mem.h"

#define PIN_PREFIX "socket-"

static const struct {
	const char *prog, *pin;
	enum bpf_attach_type type;
} hooks[] = {
	{ "cv_connect4", PIN_PREFIX "connect4", BPF_CGROUP_INET4_CONNECT },
	{ "cv_connect6", PIN_PREFIX "connect6", BPF_CGROUP_INET6_CONNECT },
	{ "cv_sendmsg4", PIN_PREFIX "sendmsg4", BPF_CGROUP_UDP4_SENDMSG },
	{ "cv_recvmsg4", PIN_PREFIX "recvmsg4", BPF_CGROUP_UDP4_RECVMSG },
	{ "cv_recvmsg6", PIN_PREFIX "recvmsg6", BPF_CGROUP_UDP6_RECVMSG },
	{ "cv_getpeername4", PIN_PREFIX "getpeername4", BPF_CGROUP_INET4_GETPEERNAME },
	{ "cv_getpeername6", PIN_PREFIX "getpeername6", BPF_CGROUP_INET6_GETPEERNAME },
};

/* --- what this kernel and this machine have */

bool datapath_sockets_ok(void)
{
	static int known = -1;

	if (known < 0)
		known = libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, NULL) == 1;
	return known;
}

static int mounted_cgroup(char path[PATH_MAX])
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	int err = -ENOENT;

	if (!mounts)
		return -errno;
	while (err && (m = getmntent(mounts)))
		if (!strcmp(m->mnt_type, "cgroup2") && strlen(m->mnt_dir) < PATH_MAX) {
			strcpy(path, m->mnt_dir);
			err = 0;
		}
	endmntent(mounts);
	return err;
}

static int open_cgroup(int *ret_fd)
{
	const char *named = getenv("CULVERT_CGROUP");
	char path[PATH_MAX];
	struct statfs fs;
	_fd_ int fd = -1;
	int err = 0;

	if (named && named[0] == '/')
		snprintf(path, sizeof(path), "%s", named);
	else
		err = mounted_cgroup(path);
	if (err)
		return err;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstatfs(fd, &fs))
		return -errno;
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return -ENOENT;
	*ret_fd = take_fd(&fd);
	return 0;
}

int datapath_sockets_probe(void)
{
	_fd_ int cgroup = -1;

	return datapath_sockets_ok() ? open_cgroup(&cgroup) : -EOPNOTSUPP;
}

const char *datapath_sockets_strerror(int err)
{
	switch (err) {
	case -EOPNOTSUPP:
		return "this kernel is built without CONFIG_CGROUP_BPF";
	case -ENOENT:
		return "no cgroup2 filesystem is mounted, or CULVERT_CGROUP names none";
	case -ENOTCONN:
		return "their programs are not attached";
	default:
		return strerror(-err);
	}
}

int datapath_netns_cookie(__u64 *ret_cookie)
{
	_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(*ret_cookie);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, ret_cookie, &size))
		return -errno;
	return 0;
}

/* --- attached */

static int open_program(const char *name, int *ret_fd, __u32 *ret_id)
{
	struct bpf_prog_info info = {};
	char path[DATAPATH_PATH_SIZE];
	__u32 size = sizeof(info);
	_fd_ int fd = -1;
	int err;

	err = datapath_pin_path(path, "prog", name);
	if (err)
		return err;
	fd = bpf_obj_get(path);
	if (fd < 0)	/* loaded where there are no such programs */
		return errno == ENOENT ? -EOPNOTSUPP : -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	*ret_fd = take_fd(&fd);
	*ret_id = info.id;
	return 0;
}

/* Is the pinned link one of this program, and its cgroup still there? */
static bool link_holds(const char *pin, __u32 prog_id)
{
	_fd_ int fd = bpf_obj_get(pin);
	struct bpf_link_info info = {};
	__u32 size = sizeof(info);

	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size) &&
	       info.type == BPF_LINK_TYPE_CGROUP && info.prog_id == prog_id &&
	       info.cgroup.cgroup_id;
}

/* Return: 0 when it is attached, -ENOTCONN, or -errno. */
static int check_hook(size_t i)
{
	char pin[DATAPATH_PATH_SIZE];
	_fd_ int prog = -1;
	__u32 id;
	int err;

	err = datapath_pin_path(pin, "link", hooks[i].pin);
	if (!err)
		err = open_program(hooks[i].prog, &prog, &id);
	return err ? err : link_holds(pin, id) ? 0 : -ENOTCONN;
}

static int attach_hook(int cgroup_fd, size_t i)
{
	char pin[DATAPATH_PATH_SIZE];
	_fd_ int prog = -1, link = -1;
	__u32 id;
	int err;

	err = check_hook(i);
	if (err != -ENOTCONN)
		return err;
	err = datapath_pin_path(pin, "link", hooks[i].pin);
	if (!err)
		err = open_program(hooks[i].prog, &prog, &id);
	if (err)
		return err;
	if (unlink(pin) && errno != ENOENT)
		return -errno;
	link = bpf_link_create(prog, cgroup_fd, hooks[i].type, NULL);
	if (link < 0 || bpf_obj_pin(link, pin))
		return -errno;
	return 0;
}

int datapath_sockets_attached(void)
{
	int err = 0;

	datapath_hush();
	for (size_t i = 0; i < ARRAY_SIZE(hooks) && !err; i++)
		err = check_hook(i);
	return err;
}

static void detach_all(void)
{
	char pin[DATAPATH_PATH_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		_fd_ int link = -1;

		if (datapath_pin_path(pin, "link", hooks[i].pin))
			continue;
		link = bpf_obj_get(pin);
		if (link >= 0)
			bpf_link_detach(link);
		unlink(pin);
	}
}

/* All or none, those that lead last: a socket that is led must be told what it asked for. */
int datapath_sockets_attach(void)
{
	_fd_ int cgroup = -1;
	int err = datapath_sockets_attached();

	if (err != -ENOTCONN)
		return err;
	err = open_cgroup(&cgroup);
	for (size_t i = ARRAY_SIZE(hooks); i-- > 0 && !err; )
		err = attach_hook(cgroup, i);
	if (err)
		detach_all();
	return err;
}

bool datapath_sockets_pin(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
		if (!strcmp(name, hooks[i].pin))
			return true;
	return false;
}
