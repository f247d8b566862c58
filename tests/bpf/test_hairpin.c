// SPDX-License-Identifier: GPL-2.0-only
/*
 * cv_to_uplink: a guest sends to another guest's port of the host's address
 * (RFC 4787 REQ-9).  Each sees the other as the outside does: out and in
 * again, and no hop of the two is saved.
 */
#include <stdio.h>
#include <string.h>

#include "table.h"

/* ANN's port 6000 is 6000 outside, the other guest's port 80 is 8080. */
#define FROM_ANN	.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = ANN_IP
#define FROM_BOB	.dmac = GATEWAY_MAC, .smac = BOB_MAC, .saddr = BOB_IP
#define ANN_CALLS	FROM_ANN, .daddr = HOST_IP, .sport = 6000, .dport = 8080
#define CALL(slot, ip)	.dmac = TAG_MAC(slot), .smac = ANN_MAC, .saddr = HOST_IP, .daddr = ip, \
			.sport = 6000, .dport = 80, .ttl = 62
#define BOB_ANSWERS	FROM_BOB, .daddr = HOST_IP, .sport = 80, .dport = 6000
#define ANSWER(mac)	.dmac = TAG_MAC(ANN), .smac = mac, .saddr = HOST_IP, .daddr = ANN_IP, \
			.sport = 8080, .dport = 6000, .ttl = 62

/* --- state before */

static void forward_at(__u32 addr, __u8 proto, __u32 slot)
{
	struct cv_external *e = world_external(addr, proto, 8080);

	e->word = EXTERNAL(slot, 80, 1);
	e->flags = CV_EXTERNAL_FORWARD;
}

static void bob_serves(void)
{
	forward_at(HOST_IP, TCP, BOB);
	forward_at(HOST_IP, UDP, BOB);
}

static void bob_serves_at_both(void)
{
	bob_serves();
	forward_at(HOST2_IP, UDP, BOB);
}

static void dan_serves(void)
{
	forward_at(HOST_IP, UDP, DAN);
}

static void ann_serves(void)
{
	forward_at(HOST_IP, UDP, ANN);
}

static void isolated(void)
{
	struct cv_network n = world_network(NET);

	bob_serves();
	n.flags |= CV_NET_ISOLATE;
	world_set_network(NET, &n);
}

static void isolated_and_dan_serves(void)
{
	isolated();
	dan_serves();
}

static void bob_full(void)
{
	struct cv_use use = world_use(world.port_use, BOB);

	bob_serves();
	use.flows = CV_FLOWS_PER_PORT;
	world_set_use(world.port_use, BOB, &use);
}

static void bob_without_address(void)
{
	struct cv_port port = world_port(BOB);

	bob_serves();
	port.ip = 0;
	world_set_port(BOB, &port);
}

static const struct packet call_udp = { ANN_CALLS, .proto = UDP, .len = 20 };
static const struct packet call_tcp = { ANN_CALLS, .proto = TCP, .flags = SYN };

static void bob_called(void)
{
	bob_serves();
	CHECK_EQ(world_send(TO_UPLINK, &call_udp), REDIRECT);
	CHECK_EQ(world_send(TO_UPLINK, &call_tcp), REDIRECT);
}

static void dan_called(void)
{
	dan_serves();
	CHECK_EQ(world_send(TO_UPLINK, &call_udp), REDIRECT);
}

/* BOB has a port outside, but of flows with others. */
static void bob_uses_8080(void)
{
	const struct packet p = { FROM_BOB, .daddr = SERVER, .proto = UDP, .sport = 8080, .dport = 53 };

	CHECK_EQ(world_send(TO_UPLINK, &p), REDIRECT);
}

/* --- state afterwards */

static void check_flow(__u8 proto, __u32 net, __u32 slot, __u32 local, __u16 lport, __u16 rport, __u8 flags)
{
	struct cv_tuple key = world_tuple(proto, local, lport, HOST_IP, rport);
	struct cv_flow f = {};

	key.net = net;
	CHECK(world_flow(&key, &f));
	CHECK_EQ(f.slot, slot);
	CHECK_EQ(f.flags & CV_FLOW_INBOUND, flags);
	CHECK_EQ(f.ifindex, 0);
	CHECK_EQ(ntohl(f.addr), HOST_IP);
}

static void flows_of_both(void)
{
	CHECK_EQ(world_entries(world.flows, sizeof(struct cv_tuple)), 2);
	CHECK_EQ(world_totals().new_flows, 2);
	CHECK_EQ(world_totals().routes_read, 0);
	CHECK_EQ(world_use(world.port_use, ANN).flows, 1);
}

static void udp_flows(void)
{
	check_flow(UDP, NET, ANN, ANN_IP, 6000, 8080, 0);
	check_flow(UDP, NET, BOB, BOB_IP, 80, 6000, CV_FLOW_INBOUND);
	CHECK_EQ(world_use(world.port_use, BOB).flows, 1);
	flows_of_both();
}

static void tcp_flows(void)
{
	check_flow(TCP, NET, ANN, ANN_IP, 6000, 8080, 0);
	check_flow(TCP, NET, BOB, BOB_IP, 80, 6000, CV_FLOW_INBOUND);
	flows_of_both();
}

static void dan_flows(void)
{
	check_flow(UDP, NET, ANN, ANN_IP, 6000, 8080, 0);
	check_flow(UDP, TWIN, DAN, ANN_IP, 80, 6000, CV_FLOW_INBOUND);
	CHECK_EQ(world_use(world.port_use, DAN).flows, 1);
	CHECK_EQ(world_use(world.network_use, TWIN).flows, 1);
	flows_of_both();
}

static void no_flow(void)
{
	CHECK_EQ(world_entries(world.flows, sizeof(struct cv_tuple)), 0);
	CHECK_EQ(world_external(HOST_IP, UDP, 6000)->word, 0);
}

static void no_flow_of_bob(void)
{
	struct cv_tuple key = world_tuple(UDP, BOB_IP, 80, HOST_IP, 6000);
	struct cv_flow f;

	CHECK(!world_flow(&key, &f));
}

#define CALLS	.hook = TO_UPLINK, .unbalanced = true

static const struct row calls[] = {
	{
		.claim = "a guest reaches its neighbour's port outside", CALLS, .before = bob_serves,
		.in = { ANN_CALLS, .proto = UDP, .len = 20 }, .verdict = REDIRECT,
		.out = OUT(CALL(BOB, BOB_IP), .proto = UDP, .len = 20), .after = udp_flows,
	}, {
		.claim = "a guest connects to its neighbour's port outside", CALLS, .before = bob_serves,
		.in = { ANN_CALLS, .proto = TCP, .flags = SYN }, .verdict = REDIRECT,
		.out = OUT(CALL(BOB, BOB_IP), .proto = TCP, .flags = SYN), .after = tcp_flows,
	}, {
		.claim = "a guest reaches a port of another network's guest", CALLS, .before = dan_serves,
		.in = { ANN_CALLS, .proto = UDP, .len = 20 }, .verdict = REDIRECT,
		.out = OUT(CALL(DAN, ANN_IP), .proto = UDP, .len = 20), .after = dan_flows,
	}, {
		.claim = "a call has the source address that it was sent to", CALLS, .before = bob_serves_at_both,
		.in = { FROM_ANN, .daddr = HOST2_IP, .sport = 6000, .dport = 8080, .proto = UDP }, .verdict = REDIRECT,
		.out = OUT(.dmac = TAG_MAC(BOB), .smac = ANN_MAC, .saddr = HOST2_IP, .daddr = BOB_IP,
			   .sport = 6000, .dport = 80, .proto = UDP, .ttl = 62),
	}, {
		.claim = "a guest reaches itself", CALLS, .before = ann_serves,
		.in = { ANN_CALLS, .proto = UDP }, .verdict = REDIRECT,
		.out = OUT(CALL(ANN, ANN_IP), .proto = UDP),
	}, {
		.claim = "a call with TTL 3 arrives with TTL 1", CALLS, .before = bob_serves,
		.in = { ANN_CALLS, .proto = UDP, .len = 20, .ttl = 3 }, .verdict = REDIRECT,
		.out = OUT(.dmac = TAG_MAC(BOB), .smac = ANN_MAC, .saddr = HOST_IP, .daddr = BOB_IP,
			   .sport = 6000, .dport = 80, .ttl = 1, .proto = UDP, .len = 20),
	}, {
		.claim = "an answer comes from where the call went", CALLS, .before = bob_called,
		.in = { BOB_ANSWERS, .proto = UDP, .len = 7 }, .verdict = REDIRECT,
		.out = OUT(ANSWER(BOB_MAC), .proto = UDP, .len = 7),
	}, {
		.claim = "a connection is answered from where it went", CALLS, .before = bob_called,
		.in = { BOB_ANSWERS, .proto = TCP, .flags = SYN | ACK }, .verdict = REDIRECT,
		.out = OUT(ANSWER(BOB_MAC), .proto = TCP, .flags = SYN | ACK),
	}, {
		.claim = "another network's guest answers from where the call went", CALLS, .at = TWIN,
		.before = dan_called,
		.in = { .dmac = GATEWAY_MAC, .smac = DAN_MAC, .saddr = ANN_IP, .daddr = HOST_IP, .sport = 80,
			.dport = 6000, .proto = UDP, .len = 7 },
		.verdict = REDIRECT, .out = OUT(ANSWER(DAN_MAC), .proto = UDP, .len = 7), .after = dan_flows,
	},
};

static const struct row refused[] = {
	{
		.claim = "isolate: no way round by the outside", CALLS, .before = isolated,
		.in = { ANN_CALLS, .proto = UDP },
		.verdict = DROP, .drop = BECAUSE(ISOLATED), .after = no_flow,
	}, {
		.claim = "isolate: no connection round by the outside", CALLS, .before = isolated,
		.in = { ANN_CALLS, .proto = TCP, .flags = SYN },
		.verdict = DROP, .drop = BECAUSE(ISOLATED), .after = no_flow,
	}, {
		.claim = "isolate is of one network: another's guest is reached", CALLS,
		.before = isolated_and_dan_serves,
		.in = { ANN_CALLS, .proto = UDP, .len = 20 }, .verdict = REDIRECT,
		.out = OUT(CALL(DAN, ANN_IP), .proto = UDP, .len = 20), .after = dan_flows,
	}, {
		.claim = "a neighbour's port that is not forwarded is filtered", .hook = TO_UPLINK,
		.before = bob_uses_8080,
		.in = { ANN_CALLS, .proto = UDP },
		.verdict = DROP, .drop = BECAUSE_OF(FILTERED, NET, BOB), .after = no_flow_of_bob,
	}, {
		.claim = "a neighbour with all its flows gets no call", CALLS, .before = bob_full,
		.in = { ANN_CALLS, .proto = UDP },
		.verdict = DROP, .drop = BECAUSE_OF(PORT_FLOWS, NET, BOB), .after = no_flow_of_bob,
	}, {
		.claim = "a neighbour without address gets no call", CALLS, .before = bob_without_address,
		.in = { ANN_CALLS, .proto = UDP },
		.verdict = DROP, .drop = BECAUSE(FILTERED), .after = no_flow_of_bob,
	}, {
		.claim = "a call with TTL 2 does not arrive, and the caller is told", CALLS, .before = bob_serves,
		.in = { ANN_CALLS, .proto = UDP, .ttl = 2 },
		.verdict = REDIRECT, .drop = BECAUSE(TTL), .after = no_flow_of_bob,
		.out = OUT(.dmac = TAG_MAC(ANN), .saddr = GATEWAY, .daddr = ANN_IP, .proto = ICMP,
			   .frag = DF, .type = TIME_EXCEEDED, .quote = QUOTE(ANN_CALLS, .proto = UDP, .ttl = 2)),
	}, {
		.claim = "a reset round by the outside makes no flow", CALLS, .before = bob_serves,
		.in = { ANN_CALLS, .proto = TCP, .flags = RST },
		.verdict = DROP, .drop = BECAUSE(NO_FLOW), .after = no_flow,
	},
};

/* --- errors about what went around the corner (RFC 5508 REQ-7) */

static void called_by_ann(void)
{
	bob_serves();
	CHECK_EQ(world_send(TO_UPLINK, &call_udp), REDIRECT);
}

#define BOBS_ERROR	FROM_BOB, .daddr = HOST_IP, .proto = ICMP, .type = UNREACHABLE, .code = 3
#define CALL_AT_BOB	.saddr = HOST_IP, .daddr = BOB_IP, .proto = UDP, .sport = 6000, .dport = 80, .len = 20
#define CALL_AT_ANN	.saddr = ANN_IP, .daddr = HOST_IP, .proto = UDP, .sport = 6000, .dport = 8080, .len = 20
#define ERROR_AT_ANN	.dmac = TAG_MAC(ANN), .smac = BOB_MAC, .saddr = HOST_IP, .daddr = ANN_IP, .ttl = 62, \
			.proto = ICMP, .type = UNREACHABLE, .code = 3

static const struct row errors[] = {
	{
		.claim = "the called one's error reaches the caller, as if from outside", CALLS, .before = called_by_ann,
		.in = { BOBS_ERROR, .quote = QUOTE(CALL_AT_BOB) }, .verdict = REDIRECT,
		.out = OUT(ERROR_AT_ANN, .quote = QUOTE(CALL_AT_ANN)),
	}, {
		.claim = "with all that it quotes", CALLS, .before = called_by_ann,
		.in = { BOBS_ERROR, .quote = QUOTE(CALL_AT_BOB), .quote_len = 0xffff }, .verdict = REDIRECT,
		.out = OUT(ERROR_AT_ANN, .quote = QUOTE(CALL_AT_ANN), .quote_len = 0xffff),
	}, {
		.claim = "an error with a wrong checksum does not", CALLS, .before = called_by_ann,
		.in = { BOBS_ERROR, .bad_l4 = true, .quote = QUOTE(CALL_AT_BOB) },
		.verdict = DROP, .drop = BECAUSE_OF(ICMP_CHECKSUM, NET, BOB),
	}, {
		.claim = "an error with TTL 2 does not", CALLS, .before = called_by_ann,
		.in = { BOBS_ERROR, .ttl = 2, .quote = QUOTE(CALL_AT_BOB) },
		.verdict = DROP, .drop = BECAUSE_OF(TTL, NET, BOB),
	}, {
		.claim = "an error about no call does not", CALLS, .before = called_by_ann,
		.in = { BOBS_ERROR, .quote = QUOTE(.saddr = HOST_IP, .daddr = BOB_IP, .proto = UDP, .sport = 6001,
						   .dport = 80, .len = 20) },
		.verdict = DROP, .drop = BECAUSE_OF(ICMP_NO_FLOW, NET, BOB),
	},
};

/* --- conversations */

/* Both send first: the way of two applications that a third has introduced. */
static void introduced(void)
{
	const struct packet from_ann = { FROM_ANN, .daddr = HOST_IP, .sport = 6000, .dport = 8080, .proto = UDP };
	struct row bob = {
		.hook = TO_UPLINK,
		.in = { FROM_BOB, .daddr = HOST_IP, .sport = 8080, .dport = 6000, .proto = UDP },
		.verdict = REDIRECT,
		.out = OUT(ANSWER(BOB_MAC), .proto = UDP),
	};
	struct row ann = {
		.hook = TO_UPLINK,
		.in = from_ann, .verdict = REDIRECT,
		.out = OUT(.dmac = TAG_MAC(BOB), .smac = ANN_MAC, .saddr = HOST_IP, .daddr = BOB_IP,
			   .sport = 6000, .dport = 8080, .proto = UDP, .ttl = 62),
	};

	claim_begin();
	bob_uses_8080();
	CHECK_EQ(world_send(TO_UPLINK, &from_ann), DROP);
	row_check(&bob);
	row_check(&ann);
	CHECK_EQ(world_entries(world.flows, sizeof(struct cv_tuple)), 3);
	CHECK_EQ(world_flush(0, 0, 10), 3);
	CHECK_EXTERNALS();
	claim_end("guests that send to each other's ports outside meet, whatever the filter");
}

/* Ports that are others outside, on both sides. */
static void drawn(void)
{
	const struct packet out = { FROM_ANN, .daddr = HOST_IP, .sport = 443, .dport = 8080, .proto = UDP };
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 443, HOST_IP, 8080);
	struct packet want = { CALL(BOB, BOB_IP), .proto = UDP };
	struct row answer = {
		.hook = TO_UPLINK, .in = { FROM_BOB, .daddr = HOST_IP, .sport = 80, .proto = UDP },
		.verdict = REDIRECT, .unbalanced = true,
		.out = OUT(.dmac = TAG_MAC(ANN), .smac = BOB_MAC, .saddr = HOST_IP, .daddr = ANN_IP,
			   .sport = 8080, .dport = 443, .proto = UDP, .ttl = 62),
	};
	__u8 frame[PACKET_MAX], wanted[PACKET_MAX];
	unsigned int len = packet_build(&out, frame);
	struct cv_flow f = {};

	claim_begin();
	bob_serves();
	CHECK_EQ(world_run(TO_UPLINK, 0, frame, &len, 0), REDIRECT);
	CHECK(world_flow(&key, &f));
	CHECK(ntohs(f.port) != 443);
	want.sport = answer.in.dport = ntohs(f.port);
	CHECK_BYTES(frame, len, wanted, packet_build(&want, wanted));
	row_check(&answer);
	claim_end("neighbours see no port but those outside");
}

static void other_port(void)
{
	const struct packet p = { FROM_BOB, .daddr = HOST_IP, .sport = 81, .dport = 6000, .proto = UDP };
	const struct cv_drop_key why = BECAUSE(FILTERED);

	claim_begin();
	bob_called();
	drops_clear();
	CHECK_EQ(world_send(TO_UPLINK, &p), DROP);
	CHECK_DROPS(&why, 1);
	claim_end("an answer from another port of the neighbour is filtered");
}

static void fragments(void)
{
	const struct packet first = { ANN_CALLS, .proto = UDP, .id = 7, .frag = MF, .len = 24 };
	struct row later = {
		.hook = TO_UPLINK, .unbalanced = true,
		.in = { FROM_ANN, .daddr = HOST_IP, .proto = UDP, .id = 7, .frag = 4, .len = 24 },
		.verdict = REDIRECT,
		.out = OUT(.dmac = TAG_MAC(BOB), .smac = ANN_MAC, .saddr = HOST_IP, .daddr = BOB_IP,
			   .proto = UDP, .id = 7, .frag = 4, .len = 24, .ttl = 62),
	};

	claim_begin();
	bob_serves();
	CHECK_EQ(world_send(TO_UPLINK, &first), REDIRECT);
	row_check(&later);
	claim_end("a call's later fragments follow its first one");
}

int main(void)
{
	world_open();
	TABLE_RUN(calls);
	TABLE_RUN(refused);
	TABLE_RUN(errors);
	introduced();
	drawn();
	other_port();
	fragments();
	return table_end();
}
