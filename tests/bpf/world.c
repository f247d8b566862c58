// SPDX-License-Identifier: GPL-2.0-only
/*
 * A namespace and its links (load.c: the programs and their maps).  The links'
 * indexes are chosen as culvert chooses them; ip(8) makes them, so that the tables
 * do not depend on the code that they are to judge.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "world.h"

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

/* --- all of it */

static void open_with(bool recent)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (geteuid()) {
		printf("1..0 # SKIP needs root\n");
		exit(0);
	}
	world_load(recent);
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

/*
 * What leaves gets the router's MAC address from the flow, or from the kernel
 * behind the program.  That it is the flow's is noted, and taken back: all that
 * leaves looks the same, and tests of nothing else need not know.
 */
bool world_unlink(__u8 *out, const __u8 *in)
{
	static const __u8 macs[] = { 0x02, 0xee, 0xee, 0, 0, 1, 0x02, 0xaa, 0, 0, 0, 1 };

	if (memcmp(out, macs, sizeof(macs)))
		return false;
	memcpy(out, in, sizeof(macs));
	return true;
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
	world.by_link = hook == TO_UPLINK && world_unlink(out, frame);
	memcpy(frame, out, opts.data_size_out);
	*len = opts.data_size_out;
	return (int)opts.retval;
}

int world_run_xdp(__u8 *frame, unsigned int *len)
{
	struct xdp_md ctx = { .data_end = *len, .ingress_ifindex = UPLINK };
	static __u8 out[PACKET_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = *len,
		    .data_out = out, .data_size_out = sizeof(out),
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));

	if (bpf_prog_test_run_opts(world.xdp, &opts))
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
