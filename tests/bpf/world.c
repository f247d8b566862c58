// SPDX-License-Identifier: GPL-2.0-only
/*
 * A namespace, its links, the programs and their maps.  The links' indexes are
 * chosen as culvert chooses them; ip(8) makes them, so that the tables do not
 * depend on the code that they are to judge.
 */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "culvert.skel.h"
#include "datapath.h"
#include "world.h"

struct world world;

static void die(const char *what, int err)
{
	printf("Bail out! %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(1);
}

/* --- links */

static void veth(FILE *ip, const char *name, unsigned int index, const char *peer,
		 const char *peer_index)
{
	fprintf(ip, "link add name %s index %u type veth peer name %s %s\n", name, index,
		peer, peer_index);
	fprintf(ip, "link set %s up\nlink set %s up\n", name, peer);
}

static void make_network_links(FILE *ip)
{
	static const int nets[] = { NET, TWIN, ALONE };
	char host[16], ns[16], index[32];

	for (unsigned int i = 0; i < 3; i++) {
		snprintf(host, sizeof(host), "host%d", nets[i]);
		snprintf(ns, sizeof(ns), "ns%d", nets[i]);
		snprintf(index, sizeof(index), "index %u", CV_IFINDEX_NS + nets[i]);
		veth(ip, host, CV_IFINDEX_HOST + nets[i], ns, index);
		fprintf(ip, "addr add 10.%d.0.1/24 dev %s\n", nets[i] == ALONE ? 79 : 77, host);
	}
}

static void make_port_links(FILE *ip)
{
	static const int slots[] = { ANN, BOB, EVE, DAN, FAY, NOBODY };
	char name[16], peer[16];

	for (unsigned int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "port%d", slots[i]);
		snprintf(peer, sizeof(peer), "guest%d", slots[i]);
		veth(ip, name, CV_IFINDEX_PORT + slots[i], peer, "");
	}
}

static void make_uplinks(FILE *ip)
{
	veth(ip, "up0", UPLINK, "out0", "");
	veth(ip, "up1", UPLINK2, "out1", "");
	veth(ip, "dmz", DMZ, "out2", "");
	fprintf(ip, "link set lo up\n"
		"link set up0 address 02:aa:00:00:00:01\n"
		"link set up1 address 02:aa:00:00:00:01 mtu 1400\n"
		"addr add 198.51.100.2/24 dev up0\n"
		"addr add 192.0.2.2/24 dev up1\n"
		"addr add 203.0.113.2/24 dev dmz\n"
		"route add default via 198.51.100.1\n"
		"neigh add 198.51.100.1 lladdr 02:ee:ee:00:00:01 dev up0 nud permanent\n"
		"route add unreachable 100.65.0.0/16\n"
		"route add blackhole 100.66.0.0/16\n"
		"route add throw 100.67.0.0/16\n"
		"route add 100.68.0.0/16 via 198.51.100.1 mtu lock 1300\n");
}

/* No router solicitations among the frames that a test awaits. */
static void silence_ipv6(void)
{
	FILE *f = fopen("/proc/sys/net/ipv6/conf/default/disable_ipv6", "w");

	if (!f)
		return;		/* there is none */
	fputs("1", f);
	fclose(f);
}

static void allow_forwarding(void)
{
	static const int nets[] = { NET, TWIN, ALONE };
	char path[64];
	FILE *f;

	for (unsigned int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/host%d/forwarding", nets[i]);
		f = fopen(path, "w");
		if (!f || fputs("1", f) < 0 || fclose(f))
			die(path, errno);
	}
}

static void make_links(void)
{
	FILE *ip;

	if (unshare(CLONE_NEWNET))
		die("unshare", errno);
	silence_ipv6();
	ip = popen("ip -batch -", "w");
	if (!ip)
		die("ip", errno);
	make_network_links(ip);
	make_port_links(ip);
	make_uplinks(ip);
	if (pclose(ip))
		die("ip -batch", EINVAL);
	allow_forwarding();
}

/* --- programs and maps */

static int print_to_tap(enum libbpf_print_level level, const char *fmt, va_list args)
{
	if (level != LIBBPF_WARN)
		return 0;
	printf("# ");
	return vprintf(fmt, args);
}

static void set_sizes(struct culvert_bpf *s)
{
	const struct {
		struct bpf_map *map;
		__u32 n;
	} sizes[] = {
		{ s->maps.networks, N_NETWORKS }, { s->maps.network_use, N_NETWORKS },
		{ s->maps.dhcp_options, N_NETWORKS }, { s->maps.ports, N_PORTS },
		{ s->maps.port_use, N_PORTS }, { s->maps.addresses, N_PORTS },
		{ s->maps.flows, N_FLOWS }, { s->maps.live_flows, N_FLOWS },
		{ s->maps.whole, N_PORTS },
	};

	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (bpf_map__set_max_entries(sizes[i].map, sizes[i].n))
			die("map size", EINVAL);
	if (bpf_map__set_map_flags(s->maps.externals, BPF_F_MMAPABLE) ||
	    bpf_map__set_map_flags(s->maps.identifiers, BPF_F_MMAPABLE))
		die("map flags", EINVAL);
}

/* Mapped: thousands of entries are written before every claim, and searched after some. */
static void *map_array(struct bpf_map *map, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (at == MAP_FAILED)
		die(bpf_map__name(map), errno);
	return at;
}

static void note_fds(struct culvert_bpf *s)
{
	world = (struct world) {
		.prog = {
			[FROM_GUEST] = bpf_program__fd(s->progs.cv_from_guest),
			[TO_UPLINK] = bpf_program__fd(s->progs.cv_to_uplink),
			[FROM_UPLINK] = bpf_program__fd(s->progs.cv_from_uplink),
			[TO_GUEST] = bpf_program__fd(s->progs.cv_to_guest),
		},
		.start = bpf_program__fd(s->progs.cv_start),
		.flush = bpf_program__fd(s->progs.cv_flush),
		.judge = bpf_program__fd(s->progs.cv_judge),
		.rejudge = bpf_program__fd(s->progs.cv_rejudge),
		.event = bpf_program__fd(s->progs.cv_event),
		.networks = bpf_map__fd(s->maps.networks),
		.ports = bpf_map__fd(s->maps.ports),
		.port_use = bpf_map__fd(s->maps.port_use),
		.network_use = bpf_map__fd(s->maps.network_use),
		.addresses = bpf_map__fd(s->maps.addresses),
		.uplinks = bpf_map__fd(s->maps.uplinks),
		.flows = bpf_map__fd(s->maps.flows),
		.peers = bpf_map__fd(s->maps.peers),
		.external_addresses = bpf_map__fd(s->maps.external_addresses),
		.live_flows = bpf_map__fd(s->maps.live_flows),
		.datagrams = bpf_map__fd(s->maps.datagrams),
		.held = bpf_map__fd(s->maps.held),
		.whole = bpf_map__fd(s->maps.whole),
		.protocols = bpf_map__fd(s->maps.protocols),
		.policies = bpf_map__fd(s->maps.policies),
		.lans = bpf_map__fd(s->maps.lans),
		.leases = bpf_map__fd(s->maps.leases),
		.dhcp_options = bpf_map__fd(s->maps.dhcp_options),
		.requests = bpf_map__fd(s->maps.requests),
		.drops = bpf_map__fd(s->maps.drops),
		.totals = bpf_map__fd(s->maps.totals),
		.control = bpf_map__fd(s->maps.control),
		.judged = bpf_map__fd(s->maps.judge),
		.monitor = bpf_map__fd(s->maps.monitor),
		.events = bpf_map__fd(s->maps.events),
		.lease_event = bpf_map__fd(s->maps.lease_event),
		.routes_seen = bpf_map__fd(s->maps.routes_seen),
		.cpus = libbpf_num_possible_cpus(),
		.externals = map_array(s->maps.externals, N_EXTERNALS * sizeof(struct cv_external)),
		.identifiers = map_array(s->maps.identifiers, CV_IDENTIFIERS * sizeof(__u64)),
	};
}

static void open_with(bool recent)
{
	struct culvert_bpf *s;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (geteuid()) {
		printf("1..0 # SKIP needs root\n");
		exit(0);
	}
	libbpf_set_print(print_to_tap);
	s = culvert_bpf__open();
	if (!s)
		die("open", errno);
	s->rodata->cv_peer_ok = recent;
	s->rodata->cv_fib_src = recent && datapath_fib_src_ok();
	s->rodata->cv_kernel_skb = datapath_kernel_skb_ok();
	s->rodata->cv_port_key = PORT_KEY;
	set_sizes(s);
	if (culvert_bpf__load(s))
		die("load", errno);
	note_fds(s);
	make_links();
	world_reset();
}

void world_open(void)
{
	open_with(true);
}

void world_open_live(void)
{
	open_with(false);
}

/* --- running */

__u32 world_ifindex(enum hook hook, __u32 at)
{
	switch (hook) {
	case FROM_GUEST:
		return CV_IFINDEX_PORT + (at ? at : ANN);
	case TO_UPLINK:
		return CV_IFINDEX_HOST + (at ? at : NET);
	case TO_GUEST:
		return CV_IFINDEX_NS + (at ? at : NET);
	default:
		return at ? at : UPLINK;
	}
}

int world_run(enum hook hook, __u32 at, __u8 *frame, unsigned int *len, __u32 gso_size)
{
	/* What leaves keeps its identification, so that all bytes can be compared. */
	if (hook == TO_UPLINK && *len >= 20)
		world_number(get16(frame + 18));
	return world_run_numbered(hook, at, frame, len, gso_size);
}

int world_run_numbered(enum hook hook, __u32 at, __u8 *frame, unsigned int *len, __u32 gso_size)
{
	struct __sk_buff ctx = {
		.ifindex = world_ifindex(hook, at),
		.gso_size = gso_size,
		.gso_segs = gso_size ? (*len + gso_size - 1) / gso_size : 0,
	};
	static __thread __u8 out[PACKET_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = *len,
		    .data_out = out, .data_size_out = sizeof(out),
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));

	if (bpf_prog_test_run_opts(world.prog[hook], &opts))
		return -errno - 1000;
	memcpy(frame, out, opts.data_size_out);
	*len = opts.data_size_out;
	return (int)opts.retval;
}

int world_send(enum hook hook, const struct packet *p)
{
	__u8 frame[PACKET_MAX];
	unsigned int len = packet_build(p, frame);

	return world_run(hook, 0, frame, &len, 0);
}

int world_call(int prog_fd)
{
	__u8 frame[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame));

	return bpf_prog_test_run_opts(prog_fd, &opts) ? -errno : (int)opts.retval;
}
