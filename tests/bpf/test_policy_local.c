// SPDX-License-Identifier: GPL-2.0-only
/*
 * cv_from_guest in a network whose rules speak of guest to guest (CV_NET_LOCAL):
 * what goes over the bridge is judged where a flow begins; answers need no rule.
 */
#include <stdio.h>
#include <string.h>

#include "again.h"
#include "arp.h"
#include "rules.h"

#define ANN_TO_BOB	.dmac = BOB_MAC, .smac = ANN_MAC, .saddr = ANN_IP, .daddr = BOB_IP
#define BOB_TO_ANN	.dmac = ANN_MAC, .smac = BOB_MAC, .saddr = BOB_IP, .daddr = ANN_IP
#define CALL		.proto = TCP, .sport = 5000, .dport = 80
#define ANSWER		.proto = TCP, .sport = 80, .dport = 5000
#define BY_BOB		.hook = FROM_GUEST, .at = BOB
#define BY_ANN		.hook = FROM_GUEST

static void local(void)
{
	struct cv_network n = world_network(NET);

	n.flags |= CV_NET_LOCAL;
	world_set_network(NET, &n);
}

/* Ann may call Bob, Bob may not call Ann. */
static void one_way(void)
{
	local();
	RULES(NET, { DENY, FROM_SLOT(BOB), TO_SLOT(ANN), ALL_PORTS });
}

static void one_way_by_address(void)
{
	local();
	RULES(NET, { DENY, FROM_PREFIX(BOB_IP, 32), TO_PREFIX(ANN_IP, 32), ALL_PORTS });
}

static void web_only(void)
{
	local();
	RULES(NET, { ALLOW, FROM(GUESTS), TO(GUESTS), .proto = TCP, .ports = { 80, 80 } },
	      { DENY, FROM(GUESTS), TO(GUESTS), ALL_PORTS });
}

static void called(void)
{
	one_way();
	CHECK_EQ(world_send(FROM_GUEST, &(const struct packet) { ANN_TO_BOB, CALL, .flags = SYN }), PASS);
}

static void called_by_udp(void)
{
	one_way();
	CHECK_EQ(world_send(FROM_GUEST, &(const struct packet) { ANN_TO_BOB, .proto = UDP, .sport = 5000, .dport = 53 }),
		 PASS);
}

static void pinged(void)
{
	one_way();
	CHECK_EQ(world_send(FROM_GUEST, &(const struct packet) { ANN_TO_BOB, .proto = ICMP, .type = ECHO, .sport = 7 }),
		 PASS);
}

static void called_long_ago(void)
{
	const struct cv_tuple key = world_tuple(TCP, ANN_IP, 5000, BOB_IP, 80);

	called();
	world_age(&key, CV_TICKS(8000), CV_TICKS(8000));
}

static void denied_without_local(void)
{
	RULES(NET, { DENY, FROM(GUESTS), TO(GUESTS), ALL_PORTS });
}

static void ghost_denied(void)
{
	local();
	RULES(NET, { DENY, FROM(ANY), TO_SLOT(CV_SLOT_NONE), ALL_PORTS });
}

static void isolated_but_web(void)
{
	struct cv_network n = world_network(NET);

	n.flags |= CV_NET_LOCAL | CV_NET_ISOLATE;
	world_set_network(NET, &n);
	RULES(NET, { ALLOW, FROM_SLOT(BOB), TO_SLOT(ANN), .proto = TCP, .ports = { 80, 80 } });
}

static void called_in_isolation(void)
{
	const struct packet p = { BOB_TO_ANN, CALL, .flags = SYN };
	__u8 frame[PACKET_MAX];
	unsigned int len = packet_build(&p, frame);

	isolated_but_web();
	CHECK_EQ(world_run(FROM_GUEST, BOB, frame, &len, 0), PASS);
}

static void no_flow(void)
{
	CHECK_EQ(world_entries(world.flows, sizeof(struct cv_tuple)), 0);
}

static void one_flow(void)
{
	CHECK_EQ(world_entries(world.flows, sizeof(struct cv_tuple)), 1);
	CHECK_EQ(world_use(world.port_use, ANN).flows, 1);
	CHECK_EQ(world_use(world.port_use, BOB).flows, 0);
	CHECK_EQ(world_use(world.network_use, NET).flows, 1);
}

static void answered(void)
{
	const struct cv_tuple key = world_tuple(TCP, ANN_IP, 5000, BOB_IP, 80);
	struct cv_flow f = {};

	one_flow();
	CHECK(world_flow(&key, &f));
	CHECK_EQ(f.state, CV_FLOW_ESTABLISHED);
	CHECK_EQ(f.in_packets, 1);
}

#define OF_BOB	BECAUSE_OF(POLICY, NET, BOB)

static const struct row rows[] = {
	{
		.claim = "who may begins a flow, and the frame is not touched", BY_ANN, .before = one_way,
		.in = { ANN_TO_BOB, CALL, .flags = SYN }, .verdict = PASS, .after = one_flow,
	}, {
		.claim = "who may not does not", BY_BOB, .before = one_way,
		.in = { BOB_TO_ANN, CALL, .flags = SYN }, .verdict = DROP, .drop = OF_BOB, .after = no_flow,
	}, {
		.claim = "nor by a rule about addresses", BY_BOB, .before = one_way_by_address,
		.in = { BOB_TO_ANN, CALL, .flags = SYN }, .verdict = DROP, .drop = OF_BOB, .after = no_flow,
	}, {
		.claim = "nor by UDP", BY_BOB, .before = one_way,
		.in = { BOB_TO_ANN, .proto = UDP, .sport = 5000, .dport = 53 }, .verdict = DROP, .drop = OF_BOB,
	}, {
		.claim = "nor by echo", BY_BOB, .before = one_way,
		.in = { BOB_TO_ANN, .proto = ICMP, .type = ECHO, .sport = 7 }, .verdict = DROP, .drop = OF_BOB,
	}, {
		.claim = "nor by another protocol", BY_BOB, .before = one_way,
		.in = { BOB_TO_ANN, .proto = 47, .len = 40 }, .verdict = DROP, .drop = OF_BOB,
	}, {
		.claim = "nor by what looks like an answer", BY_BOB, .before = one_way,
		.in = { BOB_TO_ANN, ANSWER, .flags = SYN | ACK }, .verdict = DROP, .drop = OF_BOB, .after = no_flow,
	}, {
		.claim = "nor by a reset", BY_BOB, .before = one_way,
		.in = { BOB_TO_ANN, ANSWER, .flags = RST }, .verdict = DROP, .drop = OF_BOB, .after = no_flow,
	}, {
		.claim = "an answer needs no rule", BY_BOB, .before = called,
		.in = { BOB_TO_ANN, ANSWER, .flags = SYN | ACK }, .verdict = PASS, .after = answered,
	}, {
		.claim = "an answer by UDP", BY_BOB, .before = called_by_udp,
		.in = { BOB_TO_ANN, .proto = UDP, .sport = 53, .dport = 5000 }, .verdict = PASS, .after = one_flow,
	}, {
		.claim = "an echo's reply", BY_BOB, .before = pinged,
		.in = { BOB_TO_ANN, .proto = ICMP, .type = ECHO_REPLY, .sport = 7 }, .verdict = PASS, .after = one_flow,
	}, {
		.claim = "from another port it is none", BY_BOB, .before = called,
		.in = { BOB_TO_ANN, .proto = TCP, .sport = 81, .dport = 5000, .flags = SYN | ACK },
		.verdict = DROP, .drop = OF_BOB,
	}, {
		.claim = "long after it is none", BY_BOB, .before = called_long_ago,
		.in = { BOB_TO_ANN, ANSWER, .flags = ACK }, .verdict = DROP, .drop = OF_BOB,
	}, {
		.claim = "an ICMP error about a flow belongs to it", BY_BOB, .before = called_by_udp,
		.in = { BOB_TO_ANN, .proto = ICMP, .type = UNREACHABLE, .code = 3,
			.quote = QUOTE(.saddr = ANN_IP, .daddr = BOB_IP, .proto = UDP, .sport = 5000, .dport = 53) },
		.verdict = PASS,
	}, {
		.claim = "rules about ports: one that is open", BY_BOB, .before = web_only,
		.in = { BOB_TO_ANN, CALL, .flags = SYN }, .verdict = PASS,
	}, {
		.claim = "rules about ports: one that is not", BY_BOB, .before = web_only,
		.in = { BOB_TO_ANN, .proto = TCP, .sport = 5000, .dport = 81, .flags = SYN },
		.verdict = DROP, .drop = OF_BOB,
	}, {
		.claim = "ARP is no flow", BY_BOB, .before = web_only,
		.in = { .dmac = ALL_MAC, .smac = BOB_MAC, ARP(ARP_REQUEST, BOB_MAC, BOB_IP, 0ULL, ANN_IP) },
		.verdict = PASS, .after = no_flow,
	}, {
		.claim = "a broadcast is to @guests", BY_BOB, .before = web_only,
		.in = { .dmac = ALL_MAC, .smac = BOB_MAC, .saddr = BOB_IP, .daddr = 0xffffffff, .proto = UDP, .dport = 137 },
		.verdict = DROP, .drop = OF_BOB, .after = no_flow,
	}, {
		.claim = "a broadcast is to no single guest", BY_BOB, .before = one_way,
		.in = { .dmac = ALL_MAC, .smac = BOB_MAC, .saddr = BOB_IP, .daddr = 0xffffffff, .proto = UDP, .dport = 137 },
		.verdict = PASS, .after = no_flow,
	}, {
		.claim = "a neighbour's MAC with an address outside is no way there", BY_BOB, .before = web_only,
		.in = { .dmac = ANN_MAC, .smac = BOB_MAC, .saddr = BOB_IP, .daddr = SERVER, .proto = UDP },
		.verdict = DROP, .drop = BECAUSE_OF(NO_GUEST, NET, BOB), .after = no_flow,
	}, {
		.claim = "a neighbour's MAC is who has it, whatever the address says", BY_BOB, .before = one_way,
		.in = { .dmac = ANN_MAC, .smac = BOB_MAC, .saddr = BOB_IP, .daddr = SERVER, .proto = UDP },
		.verdict = DROP, .drop = BECAUSE_OF(NO_GUEST, NET, BOB), .after = no_flow,
	}, {
		.claim = "nor with another neighbour's address", BY_BOB, .before = one_way,
		.in = { .dmac = ANN_MAC, .smac = BOB_MAC, .saddr = BOB_IP, .daddr = IP(10, 77, 0, 8), .proto = UDP },
		.verdict = DROP, .drop = BECAUSE_OF(NO_GUEST, NET, BOB), .after = no_flow,
	}, {
		.claim = "a rule about a guest that is not there is about nobody", BY_BOB, .before = ghost_denied,
		.in = { .dmac = ALL_MAC, .smac = BOB_MAC, .saddr = BOB_IP, .daddr = 0xffffffff, .proto = UDP, .dport = 137 },
		.verdict = PASS,
	}, {
		.claim = "a rule lifts isolation", BY_BOB, .before = isolated_but_web,
		.in = { BOB_TO_ANN, CALL, .flags = SYN }, .verdict = PASS,
	}, {
		.claim = "for what it speaks of", BY_BOB, .before = isolated_but_web,
		.in = { BOB_TO_ANN, .proto = UDP, .sport = 5000, .dport = 53 },
		.verdict = DROP, .drop = BECAUSE_OF(ISOLATED, NET, BOB), .after = no_flow,
	}, {
		.claim = "and the answer", BY_ANN, .before = called_in_isolation,
		.in = { ANN_TO_BOB, ANSWER, .flags = SYN | ACK }, .verdict = PASS,
	}, {
		.claim = "without the flag nothing is judged and no flow kept", BY_BOB, .before = denied_without_local,
		.in = { BOB_TO_ANN, CALL, .flags = SYN }, .verdict = PASS, .after = no_flow,
	},
};

/* Each fragment, in each order that matters; nothing is translated. */
static void fragments(bool denied, bool backwards)
{
	const struct packet p = {
		.dmac = denied ? ANN_MAC : BOB_MAC, .smac = denied ? BOB_MAC : ANN_MAC,
		.saddr = denied ? BOB_IP : ANN_IP, .daddr = denied ? ANN_IP : BOB_IP,
		.proto = UDP, .sport = 5000, .dport = 53, .id = 9, .len = 3000,
	};
	const struct cv_drop_key why = OF_BOB;
	unsigned int passed = 0, entered = 0;
	__u32 at = denied ? BOB : ANN;
	static struct travel t;
	struct frame f;

	claim_begin();
	again_none(FROM_GUEST, at);
	one_way();
	for (int i = 0; i < 3; i++) {
		int n = backwards ? 2 - i : i;

		f.len = packet_part(&p, n * 1480, 1480, n < 2, f.bytes);
		again_travel(FROM_GUEST, at, &f, &t);
		passed += t.n_passed;
		entered += t.n_entered;
	}
	CHECK_EQ(passed, denied ? 0 : 3);
	CHECK_EQ(entered, backwards ? 3 : 0);
	CHECK_DROPS(&why, denied ? 3 : 0);
	claim_end("%s fragment of a neighbour's datagram passes%s", denied ? "no denied" : "each allowed",
		  backwards ? ", the first one last" : "");
}

/* Twice the flow's two sides, and then the rules change. */
static void judged_again(void)
{
	claim_begin();
	called();
	CHECK_EQ(rules_rejudge(NET), 0);
	one_flow();
	RULES(NET, { DENY, FROM_SLOT(ANN), TO_SLOT(BOB), ALL_PORTS });
	CHECK_EQ(rules_rejudge(NET), 1);
	no_flow();
	CHECK_EQ(world_use(world.port_use, ANN).flows, 0);
	claim_end("judged again: a flow between neighbours that a rule denies by now ends, another does not");
}

int main(void)
{
	world_open();
	TABLE_RUN(rows);
	for (int i = 0; i < 4; i++)
		fragments(i & 1, i & 2);
	judged_again();
	return table_end();
}
