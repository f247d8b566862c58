// SPDX-License-Identifier: GPL-2.0-only
/*
 * The paths.  All of ANN, with one flow or none in the table: how the cost
 * grows with the number of flows is a matter of caches, which are not counted.
 */
#include <bpf/bpf.h>

#include "count.h"
#include "dhcp.h"
#include "inbound.h"
#include "whole.h"

#define LEFT	.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = HOST_IP, .daddr = SERVER, .ttl = 63
#define GIVEN	.dmac = ANN_MAC, .smac = GATEWAY_MAC, .daddr = ANN_IP, .ttl = 63

#define OUTWARD	.hooks = { FROM_GUEST, TO_UPLINK }, .n_hooks = 2, .verdict = REDIRECT
#define INWARD	.hooks = { FROM_UPLINK, TO_GUEST }, .n_hooks = 2, .verdict = REDIRECT

#define UDP_OUT	.proto = UDP, .sport = 5000, .dport = 53, .len = 18
#define UDP_IN	.proto = UDP, .sport = 53, .dport = 5000, .len = 18
#define TCP_OUT	.proto = TCP, .sport = 5000, .dport = 80
#define TCP_IN	.proto = TCP, .sport = 80, .dport = 5000
#define PING	.proto = ICMP, .type = ECHO, .sport = 7, .dport = 1, .len = 56
#define PONG	.proto = ICMP, .type = ECHO_REPLY, .sport = 7, .dport = 1, .len = 56
#define FIRST	.proto = UDP, .id = 600, .frag = MF, .sport = 5000, .dport = 53, .len = 1472
#define LATER	.proto = UDP, .id = 600, .frag = 185, .len = 100
#define ROUTER	IP(100, 64, 7, 1)	/* on the way to the server */

/* By the forward of ann_serves(). */
#define SERVED_IN	OUTSIDE, .saddr = STRANGER, .proto = TCP, .sport = 40000, .dport = 8080
#define SERVED_OUT	FROM_ANN, .daddr = STRANGER, .proto = TCP, .sport = 80, .dport = 40000
#define TO_BOB		.dmac = BOB_MAC, .smac = ANN_MAC, .saddr = ANN_IP, .daddr = BOB_IP

static void sent(const struct packet *p)
{
	CHECK_EQ(world_send(TO_UPLINK, p), REDIRECT);
}

/* --- state before */

static void udp_flow(void)
{
	sent(&(const struct packet) { FROM_ANN, .daddr = SERVER, UDP_OUT });
}

/* A TAP that takes frames of XDP, in a network that wants it. */
static void udp_flow_xdp(void)
{
	struct cv_xdp_uplink u = {};
	__u32 slot = ANN, port = CV_IFINDEX_PORT + ANN, uplink = UPLINK;
	struct cv_network n = world_network(NET);

	udp_flow();
	put48(u.mac, UPLINK_MAC);
	n.flags |= CV_NET_XDP;
	world_set_network(NET, &n);
	CHECK(!bpf_map_update_elem(world.xdp_ports, &slot, &port, BPF_ANY));
	CHECK(!bpf_map_update_elem(world.xdp_uplinks, &uplink, &u, BPF_ANY));
}

static void tcp_flow(void)
{
	const struct packet answer = { OUTSIDE, .saddr = SERVER, TCP_IN, .flags = SYN | ACK };

	sent(&(const struct packet) { FROM_ANN, .daddr = SERVER, TCP_OUT, .flags = SYN });
	CHECK_EQ(world_send(FROM_UPLINK, &answer), REDIRECT);
	sent(&(const struct packet) { FROM_ANN, .daddr = SERVER, TCP_OUT, .flags = ACK });
}

static void ping_flow(void)
{
	sent(&(const struct packet) { FROM_ANN, .daddr = SERVER, PING });
}

static void first_sent(void)
{
	sent(&(const struct packet) { FROM_ANN, .daddr = SERVER, FIRST });
}

static void bob_serves(void)
{
	struct cv_external *e = world_external(HOST_IP, UDP, 8080);

	e->word = EXTERNAL(BOB, 80, 1);
	e->flags = CV_EXTERNAL_FORWARD;
}

static void bob_called(void)
{
	bob_serves();
	sent(&(const struct packet) { FROM_ANN, .daddr = HOST_IP, .proto = UDP, .sport = 6000, .dport = 8080 });
}

static void ann_serves(void)
{
	struct cv_external *e = world_external(HOST_IP, TCP, 8080);

	e->word = EXTERNAL(ANN, 80, 1);
	e->flags = CV_EXTERNAL_FORWARD;
}

/* A stranger's connection by a forward is established. */
static void served_flow(void)
{
	const struct packet call = { SERVED_IN, .flags = SYN };

	ann_serves();
	CHECK_EQ(world_send(FROM_UPLINK, &call), REDIRECT);
	sent(&(const struct packet) { SERVED_OUT, .flags = SYN | ACK });
	CHECK_EQ(world_send(FROM_UPLINK, &(const struct packet) { SERVED_IN, .flags = ACK }), REDIRECT);
}

static void whole_flow(void)
{
	whole();
	udp_flow();
}

static void routed_flow(void)
{
	routed();
	udp_flow();
}

static void server_denied(void)
{
	RULES(NET, { DENY, FROM_SLOT(ANN), TO_PREFIX(SERVER, 32), .proto = UDP, .ports = { 53, 53 } });
}

static void stranger_denied(void)
{
	ann_serves();
	RULES(NET, { DENY, FROM_PREFIX(STRANGER, 32), TO_SLOT(ANN), ALL_PORTS });
}

/* --- undone */

/* The guest may be answered with an error again. */
static void none_refused(void)
{
	struct cv_use use = world_use(world.port_use, ANN);

	use.error_tick = 0;
	world_set_use(world.port_use, ANN, &use);
}

/* The datagram is whole, and what was known of it forgotten. */
static void later_sent(void)
{
	sent(&(const struct packet) { FROM_ANN, .daddr = SERVER, LATER });
}

static void no_flow(void)
{
	world_flush(0, 0, 10);
	world_external(HOST_IP, UDP, 5000)->word = 0;
	world_forget_routes();
}

/* No flow, but another one to the same server has just been made. */
static void no_flow_but_route(void)
{
	no_flow();
	sent(&(const struct packet) { FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5001, .dport = 53 });
}

/* Its route was read so long ago that it is read again. */
static void route_is_old(void)
{
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53);
	struct cv_flow f = {};

	CHECK(world_flow(&key, &f));
	f.route_tick -= CV_ROUTE_TICKS + 1;
	world_set_flow(&key, &f);
}

static void flushed(void)
{
	world_flush(0, 0, 10);
}

/* --- DHCP: a client that renews its lease */

static unsigned int renewal(__u8 *frame)
{
	const struct request r = {
		.saddr = ANN_IP, .daddr = GATEWAY, .ciaddr = ANN_IP,
		OPTIONS("\x35\x01\x03" "\x37\x04\x01\x03\x06\x1a" "\x39\x02\x02\x40" "\x0c\x03" "ann" "\xff"),
	};

	return request_build(&r, frame);
}

static unsigned int renewed(__u8 *frame)
{
	const struct reply r = { .type = DHCP_ACK, .ciaddr = ANN_IP, .lease_s = CV_DHCP_LEASE_S };

	return reply_build(&r, frame);
}

const struct path paths[] = {
	{
		.name = "udp-out", OUTWARD, .before = udp_flow,
		.in = { FROM_ANN, .daddr = SERVER, UDP_OUT }, .out = { LEFT, UDP_OUT },
	}, {
		.name = "udp-in", INWARD, .before = udp_flow,
		.in = { OUTSIDE, .saddr = SERVER, UDP_IN }, .out = { GIVEN, .saddr = SERVER, UDP_IN },
	}, {
		.name = "udp-in-xdp", .hooks = { XDP }, .n_hooks = 1, .before = udp_flow_xdp, .verdict = REDIRECT,
		.in = { .dmac = UPLINK_MAC, .smac = PEER_MAC, .saddr = SERVER, .daddr = HOST_IP, UDP_IN },
		.out = { GIVEN, .saddr = SERVER, UDP_IN },
	}, {
		.name = "tcp-out", OUTWARD, .before = tcp_flow,
		.in = { FROM_ANN, .daddr = SERVER, TCP_OUT, .flags = ACK, .len = 100 },
		.out = { LEFT, TCP_OUT, .flags = ACK, .len = 100 },
	}, {
		.name = "tcp-in", INWARD, .before = tcp_flow,
		.in = { OUTSIDE, .saddr = SERVER, TCP_IN, .flags = ACK, .len = 100 },
		.out = { GIVEN, .saddr = SERVER, TCP_IN, .flags = ACK, .len = 100 },
	}, {
		.name = "echo-out", OUTWARD, .before = ping_flow,
		.in = { FROM_ANN, .daddr = SERVER, PING }, .out = { LEFT, PING },
	}, {
		.name = "echo-in", INWARD, .before = ping_flow,
		.in = { OUTSIDE, .saddr = SERVER, PONG }, .out = { GIVEN, .saddr = SERVER, PONG },
	}, {
		.name = "route-read", OUTWARD, .before = udp_flow, .again = route_is_old, .routes_read = 1,
		.in = { FROM_ANN, .daddr = SERVER, UDP_OUT }, .out = { LEFT, UDP_OUT },
	}, {
		.name = "new-udp", OUTWARD, .again = no_flow, .new_flows = 1, .routes_read = 1,
		.in = { FROM_ANN, .daddr = SERVER, UDP_OUT }, .out = { LEFT, UDP_OUT },
	}, {
		.name = "new-udp-again", OUTWARD, .again = no_flow_but_route, .new_flows = 2, .routes_read = 1,
		.in = { FROM_ANN, .daddr = SERVER, UDP_OUT }, .out = { LEFT, UDP_OUT },
	}, {
		.name = "new-by-forward", INWARD, .before = ann_serves, .again = flushed, .new_flows = 1,
		.in = { OUTSIDE, .saddr = STRANGER, .proto = TCP, .sport = 40000, .dport = 8080, .flags = SYN },
		.out = { GIVEN, .saddr = STRANGER, .proto = TCP, .sport = 40000, .dport = 80, .flags = SYN },
	}, {
		.name = "icmp-error-in", INWARD, .before = udp_flow,
		.in = { OUTSIDE, .saddr = ROUTER, .proto = ICMP, .type = UNREACHABLE, .code = 3,
			.quote = QUOTE(.saddr = HOST_IP, .daddr = SERVER, UDP_OUT) },
		.out = { GIVEN, .saddr = ROUTER, .proto = ICMP, .type = UNREACHABLE, .code = 3,
			 .quote = QUOTE(.saddr = ANN_IP, .daddr = SERVER, UDP_OUT) },
	}, {
		.name = "fragment-first", OUTWARD, .before = first_sent, .again = later_sent,
		.in = { FROM_ANN, .daddr = SERVER, FIRST }, .out = { LEFT, FIRST },
	}, {
		.name = "fragment-later", OUTWARD, .before = udp_flow, .again = first_sent,
		.in = { FROM_ANN, .daddr = SERVER, LATER }, .out = { LEFT, LATER },
	}, {
		.name = "forward-in", INWARD, .before = served_flow,
		.in = { SERVED_IN, .flags = ACK, .len = 100 },
		.out = { GIVEN, .saddr = STRANGER, .proto = TCP, .sport = 40000, .dport = 80, .flags = ACK, .len = 100 },
	}, {
		.name = "forward-out", OUTWARD, .before = served_flow,
		.in = { SERVED_OUT, .flags = ACK, .len = 100 },
		.out = { .dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = HOST_IP, .daddr = STRANGER, .ttl = 63,
			 .proto = TCP, .sport = 8080, .dport = 40000, .flags = ACK, .len = 100 },
	}, {
		.name = "one-to-one-out", OUTWARD, .before = whole_flow,
		.in = { FROM_ANN, .daddr = SERVER, UDP_OUT }, .out = { BY_WHOLE, .daddr = SERVER, UDP_OUT },
	}, {
		.name = "one-to-one-in", INWARD, .before = whole_flow,
		.in = { TO_WHOLE, .saddr = SERVER, UDP_IN }, .out = { GIVEN, .saddr = SERVER, UDP_IN },
	}, {
		.name = "routed-out", OUTWARD, .before = routed_flow,
		.in = { FROM_ANN, .daddr = SERVER, UDP_OUT }, .out = { BY_ANN_IP, .daddr = SERVER, UDP_OUT },
	}, {
		.name = "routed-in", INWARD, .before = routed_flow,
		.in = { TO_ANN_IP, .saddr = SERVER, UDP_IN }, .out = { GIVEN, .saddr = SERVER, UDP_IN },
	}, {
		.name = "guest-to-guest", .hooks = { FROM_GUEST }, .n_hooks = 1, .verdict = PASS,
		.in = { TO_BOB, UDP_OUT }, .out = { TO_BOB, UDP_OUT },
	}, {
		.name = "hairpin", .before = bob_called, .verdict = REDIRECT,
		.hooks = { FROM_GUEST, TO_UPLINK, TO_GUEST }, .n_hooks = 3,
		.in = { FROM_ANN, .daddr = HOST_IP, .proto = UDP, .sport = 6000, .dport = 8080, .len = 18 },
		.out = { .dmac = BOB_MAC, .smac = GATEWAY_MAC, .saddr = HOST_IP, .daddr = BOB_IP, .proto = UDP,
			 .sport = 6000, .dport = 80, .len = 18, .ttl = 62 },
	}, {
		.name = "dhcp-answer", .before = dhcp_setup, .again = dhcp_setup, .verdict = REDIRECT,
		.hooks = { FROM_GUEST }, .n_hooks = 1, .build = renewal, .build_out = renewed,
	}, {
		.name = "spoof-drop", .hooks = { FROM_GUEST }, .n_hooks = 1,
		.in = { .dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = BOB_IP, .daddr = SERVER, UDP_OUT },
		.verdict = DROP, .drop = BECAUSE(SPOOFED_IP),
	}, {
		.name = "policy-refuse", OUTWARD, .before = server_denied, .again = none_refused, .routes_read = 1,
		.in = { FROM_ANN, .daddr = SERVER, UDP_OUT }, .drop = BECAUSE(POLICY),
		.out = { .dmac = TAG_MAC(ANN), .saddr = GATEWAY, .daddr = ANN_IP, .proto = ICMP, .frag = DF,
			 .type = UNREACHABLE, .code = 13, .quote = QUOTE(FROM_ANN, .daddr = SERVER, UDP_OUT) },
	}, {
		.name = "policy-drop", .before = stranger_denied, .hooks = { FROM_UPLINK }, .n_hooks = 1,
		.in = { SERVED_IN, .flags = SYN }, .verdict = DROP, .drop = BECAUSE(POLICY),
	}, {
		.name = "filtered-drop", .before = udp_flow, .hooks = { FROM_UPLINK }, .n_hooks = 1,
		.in = { OUTSIDE, .saddr = STRANGER, UDP_IN },
		.verdict = DROP, .drop = BECAUSE(FILTERED),
	},
};
const unsigned int n_paths = sizeof(paths) / sizeof(paths[0]);
