// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attaching by a filter of the clsact qdisc, for kernels before 6.6.  The
 * qdisc is shared with everybody: ours is one filter in it, with a priority
 * and handle of our own, and the qdisc goes with it only when we made it and
 * nobody else came.  Who made it is remembered in a symbolic link where a tcx
 * link would have its pin: a bpffs holds no files.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include <bpf/libbpf.h>

#include "datapath_impl.h"
#include "mem.h"

#define FILTER_PRIORITY	99	/* before those that the kernel numbers: 49152 downwards */
#define FILTER_HANDLE	0x6376
#define MADE_QDISC	"clsact:made"
#define FOUND_QDISC	"clsact:found"

/* --- what else is there; libbpf cannot list */

struct dump_request {
	struct nlmsghdr head;
	struct tcmsg tc;
};

#define DUMP_END INT_MIN

/* Return: how many objects of one reply belong to @ifindex, DUMP_END, or -errno. */
static int count_reply(struct nlmsghdr *msg, int len, int ifindex, __u32 handle)
{
	int n = 0;

	for (; NLMSG_OK(msg, (unsigned int)len); msg = NLMSG_NEXT(msg, len)) {
		const struct tcmsg *tc = NLMSG_DATA(msg);

		if (msg->nlmsg_type == NLMSG_DONE)
			return n ? n : DUMP_END;
		if (msg->nlmsg_type == NLMSG_ERROR)
			return ((struct nlmsgerr *)NLMSG_DATA(msg))->error;
		if (tc->tcm_ifindex == ifindex && (!handle || tc->tcm_handle == handle))
			n++;
	}
	return n;
}

/*
 * tc_exists() - whether a dump names an object of this link
 * @type: RTM_GETQDISC (all links are in the dump) or RTM_GETTFILTER
 */
static int tc_exists(int type, int ifindex, __u32 parent, __u32 handle)
{
	_fd_ int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct dump_request request = {
		.head = {
			.nlmsg_len = sizeof(request), .nlmsg_type = type,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
		.tc = { .tcm_ifindex = ifindex, .tcm_parent = parent },
	};
	_free_ char *reply = malloc(32768);
	int n;

	if (sock < 0 || !reply)
		return reply ? -errno : -ENOMEM;
	if (send(sock, &request, sizeof(request), 0) < 0)
		return -errno;
	for (;;) {
		n = recv(sock, reply, 32768, 0);
		if (n < 0)
			return -errno;
		n = count_reply((struct nlmsghdr *)reply, n, ifindex, handle);
		if (n)
			return n == DUMP_END ? 0 : n < 0 ? n : 1;
	}
}

/* An ingress qdisc has the same place, and takes filters as well. */
static int qdisc_exists(int ifindex)
{
	return tc_exists(RTM_GETQDISC, ifindex, 0, TC_H_MAJ(TC_H_CLSACT));
}

static int filters_exist(int ifindex)
{
	int n = tc_exists(RTM_GETTFILTER, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), 0);

	return n ? n : tc_exists(RTM_GETTFILTER, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), 0);
}

/* --- the mark that we are attached */

static bool made_qdisc(const char *pin)
{
	char text[sizeof(MADE_QDISC)];
	ssize_t len = readlink(pin, text, sizeof(text));

	return len == (ssize_t)strlen(MADE_QDISC) && !memcmp(text, MADE_QDISC, len);
}

/*
 * Made before the qdisc is, so that a kill between the two leaves a mark
 * without a qdisc and not a qdisc without a mark.
 */
static int set_mark(int ifindex, const char *pin)
{
	int found = qdisc_exists(ifindex);

	if (found < 0)
		return found;
	if (!symlink(found ? FOUND_QDISC : MADE_QDISC, pin))
		return 0;
	return errno == EEXIST ? 0 : -errno;
}

/* --- the filter */

int datapath_tc_attached(__u32 prog_id, int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	int err;

	if (ifindex <= 0)
		return 0;
	err = bpf_tc_query(&hook, &opts);
	/* EINVAL: no such qdisc, or no filter in it. */
	if (err)
		return err == -ENOENT || err == -EINVAL || err == -ENODEV ? 0 : err;
	return opts.prog_id == prog_id;
}

int datapath_tc_attach(int prog_fd, __u32 prog_id, int ifindex, const char *pin)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY,
		    .prog_fd = prog_fd, .flags = BPF_TC_F_REPLACE);
	int err;

	err = set_mark(ifindex, pin);
	if (err)
		return err;
	err = bpf_tc_hook_create(&hook);
	if (!err || err == -EEXIST)
		err = bpf_tc_attach(&hook, &opts);
	if (err)
		datapath_tc_detach(ifindex, pin);
	return err;
}

static int remove_filter(int ifindex, bool with_qdisc)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	int err;

	err = bpf_tc_detach(&hook, &opts);
	if (err && err != -ENOENT && err != -EINVAL)
		return err;
	if (!with_qdisc)
		return 0;
	err = filters_exist(ifindex);
	if (err)
		return err < 0 ? err : 0;
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	err = bpf_tc_hook_destroy(&hook);
	return err == -ENOENT || err == -EINVAL ? 0 : err;
}

int datapath_tc_detach(int ifindex, const char *pin)
{
	char text[32];
	int err = 0;

	if (readlink(pin, text, sizeof(text)) < 0)
		return errno == ENOENT || errno == EINVAL ? 0 : -errno;
	if (ifindex > 0)
		err = remove_filter(ifindex, made_qdisc(pin));
	/* With the link its qdisc has gone too. */
	if (err && err != -ENODEV)
		return err;
	return unlink(pin) ? -errno : 0;
}
