// SPDX-License-Identifier: GPL-2.0-only
/*
 * cv_from_uplink: who may send to a guest's port without having been sent to,
 * by the network's filter (RFC 4787 section 5).
 */
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "inbound.h"

/* Each filtered packet must be admitted by the next filter. */
#define OTHER_PORT	.saddr = SERVER, .proto = UDP, .sport = 54, .dport = 5000, .len = 20
#define OTHER_PORT_TCP	.saddr = SERVER, .proto = TCP, .sport = 81, .dport = 5000, .flags = SYN
#define ANYBODY		.saddr = STRANGER, .proto = UDP, .sport = 53, .dport = 5000, .len = 20
#define ANYBODY_TCP	.saddr = STRANGER, .proto = TCP, .sport = 80, .dport = 5000

enum { BEFORE = 3 };		/* flows that flows() makes */

/* --- state before */

static void flows(void)
{
	static const struct packet sent[BEFORE] = {
		{ FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53 },
		{ FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = SYN },
		{ FROM_ANN, .daddr = SERVER + 5, .proto = UDP, .sport = 5001, .dport = 53 },
	};

	for (unsigned int i = 0; i < BEFORE; i++)
		CHECK_EQ(world_send(TO_UPLINK, &sent[i]), REDIRECT);
}

static void filter(enum cv_filter filter)
{
	struct cv_network n = world_network(NET);

	n.filter = filter;
	world_set_network(NET, &n);
}

static void by_address_and_port(void)
{
	filter(CV_FILTER_ADDRESS_AND_PORT);
	flows();
}

static void by_address(void)
{
	filter(CV_FILTER_ADDRESS);
	flows();
}

static void by_nothing(void)
{
	filter(CV_FILTER_ENDPOINT_INDEPENDENT);
	flows();
}

/* The peer was sent to so many ticks ago. */
static void peer_age(__u32 ticks)
{
	struct cv_tuple peer = world_tuple(UDP, ANN_IP, 5000, SERVER, 0);
	__u32 tick;

	by_address();
	world_tick_begin();
	tick = world_tick() - ticks;
	CHECK(!bpf_map_update_elem(world.peers, &peer, &tick, BPF_EXIST));
}

static void peer_just_remembered(void)
{
	peer_age(CV_TICKS(UDP_S));
}

static void peer_forgotten(void)
{
	peer_age(CV_TICKS(UDP_S) + 1);
}

static void guest_full(void)
{
	struct cv_use use;

	by_nothing();
	use = world_use(world.port_use, ANN);
	use.flows = CV_FLOWS_PER_PORT;
	world_set_use(world.port_use, ANN, &use);
}

static void network_full(void)
{
	struct cv_use use;

	by_nothing();
	use = world_use(world.network_use, NET);
	use.flows = N_FLOWS;
	world_set_use(world.network_use, NET, &use);
}

/* --- state afterwards */

static void nothing_made(void)
{
	check_count(BEFORE);
}

static void nothing_made_though_full(void)
{
	CHECK_EQ(world_entries(world.flows, sizeof(struct cv_tuple)), BEFORE);
	CHECK_EQ(world_totals().new_flows, BEFORE);
}

static void other_port_made(void)
{
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 54);

	check_made(&key, UDP_S);
	check_count(BEFORE + 1);
	CHECK_EQ(world_external(HOST_IP, UDP, 5000)->word, EXTERNAL(ANN, 5000, 2));
}

static void other_port_tcp_made(void)
{
	struct cv_tuple key = world_tuple(TCP, ANN_IP, 5000, SERVER, 81);

	check_made(&key, TRANS_S);
	check_count(BEFORE + 1);
	CHECK_EQ(world_external(HOST_IP, TCP, 5000)->word, EXTERNAL(ANN, 5000, 2));
}

static void anybody_made(void)
{
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, STRANGER, 53);

	check_made(&key, UDP_S);
	check_count(BEFORE + 1);
}

static void anybody_tcp_made(void)
{
	struct cv_tuple key = world_tuple(TCP, ANN_IP, 5000, STRANGER, 80);

	check_made(&key, TRANS_S);
	check_count(BEFORE + 1);
}

/* --- the filters */

#define REFUSED(filter) .hook = FROM_UPLINK, .before = filter, .verdict = DROP, \
			.drop = BECAUSE(FILTERED), .after = nothing_made

static const struct row refused[] = {
	{
		.claim = "address-and-port: the peer's other port is filtered", REFUSED(by_address_and_port),
		.in = { OUTSIDE, OTHER_PORT },
	}, {
		.claim = "address-and-port: the peer's SYN from another port is filtered", REFUSED(by_address_and_port),
		.in = { OUTSIDE, OTHER_PORT_TCP },
	}, {
		.claim = "address-and-port: a stranger is filtered", REFUSED(by_address_and_port),
		.in = { OUTSIDE, ANYBODY },
	}, {
		.claim = "address: a stranger is filtered", REFUSED(by_address),
		.in = { OUTSIDE, ANYBODY },
	}, {
		.claim = "address: a stranger's SYN is filtered", REFUSED(by_address),
		.in = { OUTSIDE, ANYBODY_TCP, .flags = SYN },
	}, {
		.claim = "address: the peer of the guest's other port is a stranger", REFUSED(by_address),
		.in = { OUTSIDE, .saddr = SERVER + 5, .proto = UDP, .sport = 54, .dport = 5000 },
	}, {
		.claim = "address: a peer is forgotten when a flow would be", REFUSED(peer_forgotten),
		.in = { OUTSIDE, OTHER_PORT },
	},
};

static const struct row admitted[] = {
	{
		.claim = "address: the peer's other port is admitted", .hook = FROM_UPLINK, .before = by_address,
		.in = { OUTSIDE, OTHER_PORT }, .verdict = REDIRECT,
		.out = OUT(TO_ANN, OTHER_PORT), .after = other_port_made,
	}, {
		.claim = "address: the peer's SYN from another port is admitted", .hook = FROM_UPLINK, .before = by_address,
		.in = { OUTSIDE, OTHER_PORT_TCP }, .verdict = REDIRECT,
		.out = OUT(TO_ANN, OTHER_PORT_TCP), .after = other_port_tcp_made,
	}, {
		.claim = "address: a peer is remembered as long as a flow", .hook = FROM_UPLINK,
		.before = peer_just_remembered,
		.in = { OUTSIDE, OTHER_PORT }, .verdict = REDIRECT,
		.out = OUT(TO_ANN, OTHER_PORT), .after = other_port_made,
	}, {
		.claim = "endpoint-independent: a stranger is admitted", .hook = FROM_UPLINK, .before = by_nothing,
		.in = { OUTSIDE, ANYBODY }, .verdict = REDIRECT,
		.out = OUT(TO_ANN, ANYBODY), .after = anybody_made,
	}, {
		.claim = "endpoint-independent: a stranger's SYN is admitted", .hook = FROM_UPLINK, .before = by_nothing,
		.in = { OUTSIDE, ANYBODY_TCP, .flags = SYN }, .verdict = REDIRECT,
		.out = OUT(TO_ANN, ANYBODY_TCP, .flags = SYN), .after = anybody_tcp_made,
	}, {
		.claim = "endpoint-independent: by another uplink too", .hook = FROM_UPLINK, .at = UPLINK2,
		.before = by_nothing,
		.in = { OUTSIDE, ANYBODY }, .verdict = REDIRECT,
		.out = OUT(TO_ANN, ANYBODY), .after = anybody_made,
	},
};

static const struct row limits[] = {
	{
		.claim = "a stranger's reset makes no flow", .hook = FROM_UPLINK, .before = by_nothing,
		.in = { OUTSIDE, ANYBODY_TCP, .flags = RST },
		.verdict = DROP, .drop = BECAUSE(NO_FLOW), .after = nothing_made,
	}, {
		.claim = "a stranger's FIN makes no flow", .hook = FROM_UPLINK, .before = by_nothing,
		.in = { OUTSIDE, ANYBODY_TCP, .flags = FIN | ACK },
		.verdict = DROP, .drop = BECAUSE(NO_FLOW), .after = nothing_made,
	}, {
		.claim = "a guest with all its flows gets no stranger", .hook = FROM_UPLINK, .before = guest_full,
		.in = { OUTSIDE, ANYBODY },
		.verdict = DROP, .drop = BECAUSE(PORT_FLOWS), .after = nothing_made_though_full,
	}, {
		.claim = "a network with all its flows gets no stranger", .hook = FROM_UPLINK, .before = network_full,
		.in = { OUTSIDE, ANYBODY },
		.verdict = DROP, .drop = BECAUSE(NETWORK_FLOWS), .after = nothing_made_though_full,
	}, {
		.claim = "endpoint-independent: a port that no guest uses is the host's", .hook = FROM_UPLINK,
		.before = by_nothing,
		.in = { OUTSIDE, .saddr = STRANGER, .proto = UDP, .sport = 53, .dport = 5002 },
		.verdict = PASS, .after = nothing_made,
	}, {
		.claim = "endpoint-independent: an echo request is the host's", .hook = FROM_UPLINK,
		.before = by_nothing,
		.in = { OUTSIDE, .saddr = STRANGER, .proto = ICMP, .type = ECHO, .sport = 5000, .dport = 1 },
		.verdict = PASS, .after = nothing_made,
	},
};

/* The guest has sent on meanwhile. */
static void peer_long_known(void)
{
	const struct packet p = { FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53 };
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53);
	struct cv_flow f = {};

	peer_forgotten();
	CHECK(world_flow(&key, &f));
	f.route_tick -= CV_ROUTE_TICKS + 1;
	world_set_flow(&key, &f);
	CHECK_EQ(world_send(TO_UPLINK, &p), REDIRECT);
}

static const struct row refreshed[] = {
	{
		.claim = "address: a peer is remembered while the guest sends to it", .hook = FROM_UPLINK,
		.before = peer_long_known,
		.in = { OUTSIDE, OTHER_PORT }, .verdict = REDIRECT,
		.out = OUT(TO_ANN, OTHER_PORT), .after = other_port_made,
	}, {
		.claim = "endpoint-independent: a stranger's acknowledgement establishes nothing", .hook = FROM_UPLINK,
		.before = by_nothing,
		.in = { OUTSIDE, ANYBODY_TCP, .flags = ACK }, .verdict = REDIRECT,
		.out = OUT(TO_ANN, ANYBODY_TCP, .flags = ACK), .after = anybody_tcp_made,
	}, {
		.claim = "endpoint-independent: a stranger's SYN-ACK establishes nothing", .hook = FROM_UPLINK,
		.before = by_nothing,
		.in = { OUTSIDE, ANYBODY_TCP, .flags = SYN | ACK }, .verdict = REDIRECT,
		.out = OUT(TO_ANN, ANYBODY_TCP, .flags = SYN | ACK), .after = anybody_tcp_made,
	}, {
		.claim = "a packet from outside in the host's own name is filtered", REFUSED(by_nothing),
		.in = { OUTSIDE, .saddr = HOST2_IP, .proto = UDP, .sport = 54, .dport = 5000 },
	},
};

/* --- the guest answers */

/* A guest's port that has another number outside. */
static void stranger_answered(__u32 stranger, __u32 uplink, const char *what)
{
	const struct packet out = { FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 80, .dport = 53 };
	struct packet in = { OUTSIDE, .saddr = stranger, .proto = UDP, .sport = 7, .len = 9 };
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 80, SERVER, 53);
	__u8 frame[PACKET_MAX];
	unsigned int len;
	struct cv_flow f = {};

	claim_begin();
	filter(CV_FILTER_ENDPOINT_INDEPENDENT);
	CHECK_EQ(world_send(TO_UPLINK, &out), REDIRECT);
	CHECK(world_flow(&key, &f));
	CHECK(ntohs(f.port) != 80);
	in.dport = ntohs(f.port);
	len = packet_build(&in, frame);
	CHECK_EQ(world_run(FROM_UPLINK, uplink, frame, &len, 0), REDIRECT);
	answered(&in, 80, in.dport, 0);
	check_count(2);
	key = world_tuple(UDP, ANN_IP, 80, stranger, 7);
	CHECK(world_flow(&key, &f));
	CHECK_EQ(f.ifindex, uplink);
	CHECK_EQ(f.out_packets, 1);
	CHECK_EXTERNALS();
	CHECK_EQ(world_flush(0, 0, 10), 2);
	CHECK_EXTERNALS();
	claim_end("%s is answered from the port it sent to", what);
}

int main(void)
{
	world_open();
	TABLE_RUN(refused);
	TABLE_RUN(admitted);
	TABLE_RUN(limits);
	stranger_answered(STRANGER, UPLINK, "a stranger");
	stranger_answered(SERVER2, UPLINK2, "a stranger of another uplink");
	TABLE_RUN(refreshed);
	return table_end();
}
