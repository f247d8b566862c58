// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does bpf_redirect_peer() scrub the packet?  (CVE-2025-37959)
 *
 * DOC: scrubbing makes every packet one "to this host" (pkt_type PACKET_HOST).
 * So: two namespaces without a name, joined by a veth; in the near one a TAP.
 * A frame for somebody else's MAC is written into the TAP, where it is
 * PACKET_OTHERHOST; a program there sends it by bpf_redirect_peer() to the far
 * end of the veth, where a second program looks at it.  PACKET_HOST: scrubbed.
 * PACKET_OTHERHOST, or no packet: the kernel is not one to use it on.
 *
 * All of it happens in a child, which leaves its namespace for good; when it
 * ends, in whatever way, the kernel takes both away with all that is in them.
 * docs/decisions/0002-redirect-peer-probe.md has the reasons.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "datapath_impl.h"
#include "datapath_insn.h"
#include "mem.h"
#include "net.h"

#define WAIT_MS 200	/* the frame is there when write() returns, unless RPS moved it to another CPU */

enum { AT_TAP, AT_FAR_END, N_SEEN };	/* index into the map: pkt_type + 1 */

/* --- links */

/* "near" here, "far" in the namespace @far_fd. */
static int make_veth(int far_fd)
{
	const struct net_veth v = { .name = "near", .netns_fd = far_fd, .peer_name = "far" };
	_net_ struct net *net = NULL;
	int err = net_open(-1, &net);

	return err ? err : net_veth_add(net, &v);
}

static int set_up(const char *name)
{
	const struct net_link_want want = { .flags = NET_LINK_UP };
	_net_ struct net *net = NULL;
	int err = net_open(-1, &net);

	return err ? err : net_link_apply(net, if_nametoindex(name), &want);
}

static int make_tap(int *ret_fd)
{
	_fd_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	struct ifreq req = { .ifr_name = "tap", .ifr_flags = IFF_TAP | IFF_NO_PI };

	if (fd < 0 || ioctl(fd, TUNSETIFF, &req))
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* --- the programs */

/* Note pkt_type + 1 in the map, then send the packet to the peer of @ifindex, or drop it. */
static int load_program(int map_fd, int index, int ifindex)
{
	const struct bpf_insn insns[] = {
		LOAD(BPF_W, BPF_REG_6, BPF_REG_1, offsetof(struct __sk_buff, pkt_type)),
		STORE_IMM(BPF_W, BPF_REG_10, -4, index),
		MOV_REG(BPF_REG_2, BPF_REG_10),
		ADD_IMM(BPF_REG_2, -4),
		LOAD_MAP(BPF_REG_1, map_fd),
		CALL(BPF_FUNC_map_lookup_elem),
		JUMP_ZERO(BPF_REG_0, 2),
		ADD_IMM(BPF_REG_6, 1),
		STORE(BPF_W, BPF_REG_0, 0, BPF_REG_6),
		MOV_IMM(BPF_REG_0, TC_ACT_SHOT),
		/* AT_FAR_END ends here, AT_TAP goes on. */
		index == AT_FAR_END ? EXIT : MOV_IMM(BPF_REG_1, ifindex),
		MOV_IMM(BPF_REG_2, 0),
		CALL(BPF_FUNC_redirect_peer),
		EXIT,
	};
	size_t n = ARRAY_SIZE(insns);

	return insn_load(BPF_PROG_TYPE_SCHED_CLS, insns, index == AT_FAR_END ? n - 3 : n);
}

/* Attached until the namespace goes; *ret_link must stay open. */
static int attach(int prog_fd, int ifindex, int *ret_link)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd);
	int link, err;

	if (datapath_tcx_ok()) {
		link = datapath_tcx_link(prog_fd, ifindex);
		if (link >= 0)
			*ret_link = link;
		return link < 0 ? link : 0;
	}
	err = bpf_tc_hook_create(&hook);
	return err ? err : bpf_tc_attach(&hook, &opts);
}

static int put_program(int map_fd, int index, const char *link_name, int *ret_link)
{
	_fd_ int prog = load_program(map_fd, index, if_nametoindex("near"));

	return prog < 0 ? prog : attach(prog, if_nametoindex(link_name), ret_link);
}

/* --- the measurement */

static int new_namespace(int *ret_fd)
{
	int fd;

	if (unshare(CLONE_NEWNET))
		return -errno;
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static int send_frame(int tap_fd)
{
	/* Locally administered addresses that no link has; IEEE's experimental type. */
	const unsigned char frame[ETH_ZLEN] = {
		0x02, 0x63, 0x76, 0, 0, 1, 0x02, 0x63, 0x76, 0, 0, 2, 0x88, 0xb5,
	};

	return write(tap_fd, frame, sizeof(frame)) == sizeof(frame) ? 0 : -EIO;
}

static bool wait_scrubbed(int map_fd)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	__u32 seen[N_SEEN] = {}, index;
	int i;

	for (i = 0; i < WAIT_MS && !seen[AT_FAR_END]; i++) {
		for (index = 0; index < N_SEEN; index++)
			if (bpf_map_lookup_elem(map_fd, &index, &seen[index]))
				return false;
		if (!seen[AT_FAR_END])
			nanosleep(&ms, NULL);
	}
	return seen[AT_TAP] == PACKET_OTHERHOST + 1 && seen[AT_FAR_END] == PACKET_HOST + 1;
}

/* Runs in the child; what is not closed here closes with it. */
static bool measure(void)
{
	int far = -1, near = -1, tap = -1, link_tap = -1, link_far = -1, map;

	map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "culvert_probe", sizeof(__u32),
			     sizeof(__u32), N_SEEN, NULL);
	if (map < 0 || new_namespace(&far) || new_namespace(&near))
		return false;
	if (make_veth(far) || set_up("near") < 0 || make_tap(&tap) || set_up("tap") < 0 ||
	    put_program(map, AT_TAP, "tap", &link_tap))
		return false;
	if (setns(far, CLONE_NEWNET) || set_up("far") < 0 ||
	    put_program(map, AT_FAR_END, "far", &link_far))
		return false;
	return !send_frame(tap) && wait_scrubbed(map);
}

static bool probe_peer(void)
{
	pid_t child;
	int status;

	datapath_hush();
	datapath_tcx_ok();
	child = fork();
	if (child < 0)
		return false;
	if (!child)
		_exit(!measure());
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

bool datapath_peer_ok(void)
{
	static int known = -1;

	if (known < 0)
		known = probe_peer();
	return known;
}
