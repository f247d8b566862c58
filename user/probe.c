// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of kernel features.  What changes links is tried by a child in a
 * namespace of its own, which the kernel clears away when the child ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <linux/btf.h>
#include <linux/if.h>
#include <linux/if_tun.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "datapath.h"
#include "mem.h"
#include "net.h"
#include "netns.h"
#include "probe.h"

#define MAX_FEATURES 32

/* --- the BPF machine */

static bool has_helper(enum bpf_func_id helper)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, helper, NULL) == 1;
}

static bool probe_programs(void)
{
	return libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SCHED_CLS, NULL) == 1;
}

static bool probe_jit(void)
{
	_fd_ int fd = open("/proc/sys/net/core/bpf_jit_enable", O_RDONLY | O_CLOEXEC);
	char value = '0';

	/* No such file: a kernel without, or one that cannot do otherwise. */
	return fd < 0 || (read(fd, &value, 1) == 1 && value != '0');
}

/* "int", described in BTF. */
static bool probe_btf(void)
{
	static const char names[] = "\0int";
	struct {
		struct btf_header head;
		struct btf_type type;
		__u32 encoding;
		char names[sizeof(names)];
	} btf = {
		.head = {
			.magic = BTF_MAGIC, .version = BTF_VERSION, .hdr_len = sizeof(btf.head),
			.type_len = sizeof(btf.type) + sizeof(btf.encoding),
			.str_off = sizeof(btf.type) + sizeof(btf.encoding),
			.str_len = sizeof(names),
		},
		.type = { .name_off = 1, .info = BTF_KIND_INT << 24, .size = 4 },
		.encoding = BTF_INT_SIGNED << 24 | 32,
	};
	_fd_ int fd = -1;

	memcpy(btf.names, names, sizeof(names));
	fd = bpf_btf_load(&btf, offsetof(__typeof__(btf), names) + sizeof(names), NULL);
	return fd >= 0;
}

static bool probe_timer(void)
{
	return has_helper(BPF_FUNC_timer_init) && has_helper(BPF_FUNC_timer_start);
}

static bool probe_loop(void)
{
	return has_helper(BPF_FUNC_loop);
}

static bool probe_coarse_clock(void)
{
	return has_helper(BPF_FUNC_ktime_get_coarse_ns);
}

static bool probe_redirect_neigh(void)
{
	return has_helper(BPF_FUNC_redirect_neigh);
}

static bool probe_fib(void)
{
	return has_helper(BPF_FUNC_fib_lookup);
}

static bool probe_ringbuf(void)
{
	return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) == 1 &&
	       has_helper(BPF_FUNC_ringbuf_reserve);
}

static bool probe_queue(void)
{
	return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_QUEUE, NULL) == 1;
}

static bool probe_bpffs(void)
{
	_fclose_ FILE *f = fopen("/proc/filesystems", "re");
	char line[64];

	while (f && fgets(line, sizeof(line), f))
		if (!strcmp(line, "nodev\tbpf\n"))
			return true;
	return false;
}

/* --- links */

/* Whether @fn holds in a new network namespace. */
static bool in_new_namespace(bool (*fn)(void))
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return false;
	if (!child)
		_exit(unshare(CLONE_NEWNET) || !fn());
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static bool always(void)
{
	return true;
}

static bool probe_namespace(void)
{
	return in_new_namespace(always);
}

static bool add_veth(void)
{
	struct net_veth v = { .name = "a", .peer_name = "b" };
	_fd_ int self = -1;
	_net_ struct net *net = NULL;

	if (netns_open_self(&self) || net_open(-1, &net))
		return false;
	v.netns_fd = self;
	return !net_veth_add(net, &v);
}

static bool probe_veth(void)
{
	return in_new_namespace(add_veth);
}

static bool add_bridge(void)
{
	static const __u8 mac[6] = { 2, 0x63, 0x76, 0, 0, 1 };
	_net_ struct net *net = NULL;

	return !net_open(-1, &net) && !net_bridge_add(net, "a", mac, 1500);
}

static bool probe_bridge(void)
{
	return in_new_namespace(add_bridge);
}

static bool add_tap(void)
{
	_fd_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE };

	return fd >= 0 && !ioctl(fd, TUNSETIFF, &req);
}

static bool probe_tap(void)
{
	return in_new_namespace(add_tap);
}

/* In a new namespace lo has index 1. */
static bool add_filter(void)
{
	const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = 1, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts);
	_fd_ int prog = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, NULL, "GPL", pass,
				      ARRAY_SIZE(pass), NULL);

	opts.prog_fd = prog;
	return prog >= 0 && !bpf_tc_hook_create(&hook) && !bpf_tc_attach(&hook, &opts);
}

static bool probe_clsact(void)
{
	return in_new_namespace(add_filter);
}

static bool probe_attach(void)
{
	return datapath_tcx_ok() || probe_clsact();
}

static bool probe_sockets(void)
{
	return !datapath_sockets_probe();
}

#define CONFIG(option) "this kernel is built without " option

static const struct probe_feature features[] = {
	{ "bpf", "programs at a link's ingress", true, probe_programs,
	  CONFIG("CONFIG_BPF_SYSCALL") ", or root lacks CAP_BPF and CAP_NET_ADMIN here" },
	{ "jit", "programs run as machine code", false, probe_jit,
	  "sysctl net.core.bpf_jit_enable=1" },
	{ "btf", "maps with typed fields; timers need it", true, probe_btf,
	  CONFIG("CONFIG_DEBUG_INFO_BTF") },
	{ "bpffs", "programs and maps outlive every process", true, probe_bpffs,
	  CONFIG("CONFIG_BPF_SYSCALL") },
	{ "attach", "programs see what a link receives", true, probe_attach,
	  CONFIG("CONFIG_NET_XGRESS and CONFIG_NET_CLS_BPF") },
	{ "tcx", "attached by a link that no tc command flushes (6.6)", false, datapath_tcx_ok,
	  "none needed: a clsact filter is used" },
	{ "clsact", "attached by a filter on kernels before 6.6", false, probe_clsact,
	  "none needed where tcx is there" },
	{ "bpf-timer", "flows expire with no process running", true, probe_timer,
	  "Linux 6.1 or newer is needed" },
	{ "bpf-loop", "the search for a free port", true, probe_loop,
	  "Linux 6.1 or newer is needed" },
	{ "coarse-clock", "the time of a packet, cheaply", true, probe_coarse_clock,
	  "Linux 6.1 or newer is needed" },
	{ "fib-lookup", "routes of the host", true, probe_fib,
	  CONFIG("CONFIG_INET") },
	{ "fib-source", "the source address is the one that the route names", false, datapath_fib_src_ok,
	  "none needed: the uplink's first address is used" },
	{ "kernel-skb", "the kind of a packet's checksum, cheaply (6.2)", false, datapath_kernel_skb_ok,
	  "none needed: it is asked for by a helper" },
	{ "redirect-neigh", "the next hop's MAC is the kernel's business", true, probe_redirect_neigh,
	  "Linux 6.1 or newer is needed" },
	{ "redirect-peer", "straight into a guest's namespace (6.15, 6.12.29, 6.6.91, 6.1.139)",
	  false, datapath_peer_ok,
	  "update the kernel (CVE-2025-37959); until then packets take the slower way" },
	{ "ringbuf", "DHCP requests reach the daemon", true, probe_ringbuf,
	  "Linux 6.1 or newer is needed" },
	{ "queue", "the list of flows that may expire", true, probe_queue,
	  "Linux 6.1 or newer is needed" },
	{ "netns", "a namespace for each network", true, probe_namespace,
	  CONFIG("CONFIG_NET_NS") ", or root lacks CAP_SYS_ADMIN here" },
	{ "veth", "from the namespace to the host", true, probe_veth,
	  "modprobe veth" },
	{ "bridge", "between the guests of a network", true, probe_bridge,
	  "modprobe bridge" },
	{ "tap", "ports of virtual machines", true, probe_tap,
	  "modprobe tun; in a container, give it /dev/net/tun" },
	{ "sockets", "forwards serve the host itself", false, probe_sockets,
	  "mount a cgroup2 filesystem, or name one by CULVERT_CGROUP; it needs CONFIG_CGROUP_BPF" },
};

const struct probe_feature *probe_features(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(features);
	return features;
}

bool probe_has(const struct probe_feature *f)
{
	static signed char known[MAX_FEATURES];	/* 0: not tried */
	size_t i = f - features;

	_Static_assert(ARRAY_SIZE(features) <= MAX_FEATURES, "known[] is too small");
	if (!known[i])
		known[i] = f->probe() ? 1 : -1;
	return known[i] > 0;
}

const char *probe_library(void)
{
	return libbpf_version_string();
}
