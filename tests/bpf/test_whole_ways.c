// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses that a guest has whole: how its neighbours reach it, how the
 * uplink's neighbours find it, and what becomes of its flows when it is taken
 * away.
 */
#include <stdio.h>
#include <string.h>

#include "again.h"
#include "arp.h"
#include "whole.h"

#define FROM_BOB	.dmac = GATEWAY_MAC, .smac = BOB_MAC, .saddr = BOB_IP
#define CALL		.proto = TCP, .sport = 5000, .dport = 22
#define ANSWER		.proto = TCP, .sport = 22, .dport = 5000
#define QUERY		.proto = UDP, .sport = 5000, .dport = 53, .len = 20
#define REPLY		.proto = UDP, .sport = 53, .dport = 5000, .len = 20
#define PING		.proto = ICMP, .type = ECHO, .sport = 7, .dport = 1, .len = 56
#define PONG		.proto = ICMP, .type = ECHO_REPLY, .sport = 7, .dport = 1, .len = 56
#define ERROR(t, c)	.dmac = TAG_MAC(ANN), .saddr = GATEWAY, .daddr = ANN_IP, .proto = ICMP, .frag = DF, \
			.type = (t), .code = (c)

static void ok(enum hook hook, const struct packet *p)
{
	CHECK_EQ(world_send(hook, p), REDIRECT);
}

/* --- around the corner */

static void called(void)
{
	whole();
	ok(TO_UPLINK, &(const struct packet) { FROM_BOB, .daddr = WHOLE_IP, CALL, .flags = SYN });
}

static void pinged(void)
{
	whole();
	ok(TO_UPLINK, &(const struct packet) { FROM_BOB, .daddr = WHOLE_IP, PING });
}

static void bob_serves(void)
{
	struct cv_external *e = world_external(HOST_IP, TCP, 8080);

	whole();
	e->word = EXTERNAL(BOB, 80, 1);
	e->flags = CV_EXTERNAL_FORWARD;
}

static void bob_called(void)
{
	bob_serves();
	ok(TO_UPLINK, &(const struct packet) { FROM_ANN, .daddr = HOST_IP, .proto = TCP, .sport = 443, .dport = 8080,
					       .flags = SYN });
}

static void isolated(void)
{
	struct cv_network n = world_network(NET);

	whole();
	n.flags |= CV_NET_ISOLATE;
	world_set_network(NET, &n);
}

static void denied(void)
{
	whole();
	RULES(NET, { DENY, FROM_SLOT(BOB), TO_SLOT(ANN), .proto = TCP, .ports = { 22, 22 } });
}

#define ANN_GETS	.dmac = TAG_MAC(ANN), .smac = BOB_MAC, .saddr = HOST_IP, .daddr = ANN_IP, .ttl = 62
#define BOB_GETS	.dmac = TAG_MAC(BOB), .smac = ANN_MAC, .saddr = WHOLE_IP, .daddr = BOB_IP, .ttl = 62

static const struct row corner[] = {
	{
		.claim = "a neighbour calls a 1:1 address, and is seen by the address it shares", .hook = TO_UPLINK,
		.before = whole, .in = { FROM_BOB, .daddr = WHOLE_IP, CALL, .flags = SYN }, .verdict = REDIRECT,
		.out = OUT(ANN_GETS, CALL, .flags = SYN),
	}, {
		.claim = "the answer comes by the 1:1 address", .hook = TO_UPLINK, .before = called,
		.in = { FROM_ANN, .daddr = HOST_IP, ANSWER, .flags = SYN | ACK }, .verdict = REDIRECT,
		.out = OUT(BOB_GETS, ANSWER, .flags = SYN | ACK),
	}, {
		.claim = "a neighbour pings a 1:1 address", .hook = TO_UPLINK,
		.before = whole, .in = { FROM_BOB, .daddr = WHOLE_IP, PING }, .verdict = REDIRECT,
		.out = OUT(ANN_GETS, PING),
	}, {
		.claim = "and has its reply", .hook = TO_UPLINK, .before = pinged,
		.in = { FROM_ANN, .daddr = HOST_IP, PONG }, .verdict = REDIRECT, .out = OUT(BOB_GETS, PONG),
	}, {
		.claim = "who has a 1:1 address calls a forward by it", .hook = TO_UPLINK, .before = bob_serves,
		.unbalanced = true,
		.in = { FROM_ANN, .daddr = HOST_IP, .proto = TCP, .sport = 443, .dport = 8080, .flags = SYN },
		.verdict = REDIRECT, .out = OUT(BOB_GETS, .proto = TCP, .sport = 443, .dport = 80, .flags = SYN),
	}, {
		.claim = "and is answered there", .hook = TO_UPLINK, .before = bob_called, .unbalanced = true,
		.in = { FROM_BOB, .daddr = WHOLE_IP, .proto = TCP, .sport = 80, .dport = 443, .flags = SYN | ACK },
		.verdict = REDIRECT,
		.out = OUT(ANN_GETS, .proto = TCP, .sport = 8080, .dport = 443, .flags = SYN | ACK),
	}, {
		.claim = "who has a 1:1 address reaches itself by it", .hook = TO_UPLINK, .before = whole,
		.in = { FROM_ANN, .daddr = WHOLE_IP, CALL, .flags = SYN }, .verdict = REDIRECT,
		.out = OUT(.dmac = TAG_MAC(ANN), .smac = ANN_MAC, .saddr = WHOLE_IP, .daddr = ANN_IP, CALL, .flags = SYN,
			   .ttl = 62),
	}, {
		.claim = "a guest of another network calls a 1:1 address", .hook = TO_UPLINK, .at = TWIN, .before = whole,
		.in = { FROM_ANN, .daddr = WHOLE_IP, CALL, .flags = SYN }, .verdict = REDIRECT,
		.out = OUT(.dmac = TAG_MAC(ANN), .smac = ANN_MAC, .saddr = HOST_IP, .daddr = ANN_IP, CALL, .flags = SYN,
			   .ttl = 62),
	}, {
		.claim = "isolated neighbours do not", .hook = TO_UPLINK, .before = isolated,
		.in = { FROM_BOB, .daddr = WHOLE_IP, CALL, .flags = SYN },
		.verdict = DROP, .drop = BECAUSE_OF(ISOLATED, NET, BOB),
	}, {
		.claim = "nor by echo", .hook = TO_UPLINK, .before = isolated,
		.in = { FROM_BOB, .daddr = WHOLE_IP, PING },
		.verdict = DROP, .drop = BECAUSE_OF(ISOLATED, NET, BOB),
	}, {
		.claim = "nor whom a rule denies", .hook = TO_UPLINK, .before = denied,
		.in = { FROM_BOB, .daddr = WHOLE_IP, CALL, .flags = SYN },
		.verdict = REDIRECT, .drop = BECAUSE_OF(POLICY, NET, BOB),
		.out = OUT(.dmac = TAG_MAC(BOB), .saddr = GATEWAY, .daddr = BOB_IP, .proto = ICMP, .frag = DF,
			   .type = UNREACHABLE, .code = 13, .quote = QUOTE(FROM_BOB, .daddr = WHOLE_IP, CALL, .flags = SYN)),
	},
};

/* --- who has the address, asks a neighbour of the uplink */

#define ASK(ip)	.dmac = ALL_MAC, .smac = PEER_MAC, ARP(ARP_REQUEST, PEER_MAC, ROUTER_IP, 0ULL, ip)

static const struct row arp[] = {
	{
		.claim = "a 1:1 address is answered for, with the uplink's MAC", .hook = FROM_UPLINK, .before = whole,
		.in = { ASK(WHOLE_IP) }, .verdict = REDIRECT,
		.out = OUT(.dmac = PEER_MAC, .smac = UPLINK_MAC,
			   ARP(ARP_REPLY, UPLINK_MAC, WHOLE_IP, PEER_MAC, ROUTER_IP)),
	}, {
		.claim = "a question to the uplink's own MAC, too", .hook = FROM_UPLINK, .before = whole,
		.in = { .dmac = UPLINK_MAC, .smac = PEER_MAC, ARP(ARP_REQUEST, PEER_MAC, ROUTER_IP, UPLINK_MAC, WHOLE_IP) },
		.verdict = REDIRECT,
		.out = OUT(.dmac = PEER_MAC, .smac = UPLINK_MAC,
			   ARP(ARP_REPLY, UPLINK_MAC, WHOLE_IP, PEER_MAC, ROUTER_IP)),
	}, {
		.claim = "a probe for it finds it taken (RFC 5227)", .hook = FROM_UPLINK, .before = whole,
		.in = { .dmac = ALL_MAC, .smac = PEER_MAC, ARP(ARP_REQUEST, PEER_MAC, 0, 0ULL, WHOLE_IP) },
		.verdict = REDIRECT,
		.out = OUT(.dmac = PEER_MAC, .smac = UPLINK_MAC, ARP(ARP_REPLY, UPLINK_MAC, WHOLE_IP, PEER_MAC, 0)),
	}, {
		.claim = "any other address is the host's to answer", .hook = FROM_UPLINK, .before = whole,
		.in = { ASK(HOST_IP) }, .verdict = PASS,
	}, {
		.claim = "an address of nobody is, too", .hook = FROM_UPLINK, .before = whole,
		.in = { ASK(WHOLE_IP + 1) }, .verdict = PASS,
	}, {
		.claim = "a routed guest's address is nobody's on the uplink", .hook = FROM_UPLINK, .before = routed,
		.in = { ASK(ANN_IP) }, .verdict = PASS,
	}, {
		.claim = "a reply is no question", .hook = FROM_UPLINK, .before = whole,
		.in = { .dmac = UPLINK_MAC, .smac = PEER_MAC, ARP(ARP_REPLY, PEER_MAC, ROUTER_IP, UPLINK_MAC, WHOLE_IP) },
		.verdict = PASS,
	}, {
		.claim = "what is cut short is no question", .hook = FROM_UPLINK, .before = whole,
		.in = { .dmac = ALL_MAC, .smac = PEER_MAC, .ethertype = ARP_ETHERTYPE, .len = 20,
			.data = ARP_RAW(1, 0x0800, 6, 4, ARP_REQUEST, PEER_MAC, ROUTER_IP, 0ULL, WHOLE_IP) },
		.verdict = PASS,
	}, {
		.claim = "ARP of other hardware is no question", .hook = FROM_UPLINK, .before = whole,
		.in = { .dmac = ALL_MAC, .smac = PEER_MAC, .ethertype = ARP_ETHERTYPE, .len = ARP_SIZE, .trailer = 18,
			.data = ARP_RAW(6, 0x0800, 6, 4, ARP_REQUEST, PEER_MAC, ROUTER_IP, 0ULL, WHOLE_IP) },
		.verdict = PASS,
	},
};

/* --- taken away */

/* The next packet asks for the route again, as a second later. */
static void a_second_later(const struct cv_tuple *key)
{
	struct cv_flow f = {};

	CHECK(world_flow(key, &f));
	f.route_tick -= CV_ROUTE_TICKS + 1;
	world_set_flow(key, &f);
}

static void taken(void)
{
	const struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53);

	whole();
	ok(TO_UPLINK, &(const struct packet) { FROM_ANN, .daddr = SERVER, QUERY });
	whole_take(ANN, WHOLE_IP);
	a_second_later(&key);
}

static void taken_and_told(void)
{
	taken();
	ok(TO_UPLINK, &(const struct packet) { FROM_ANN, .daddr = SERVER, QUERY });
	drops_clear();
}

static void given_to_bob(void)
{
	const struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53);

	taken();
	whole_give(BOB, WHOLE_IP);
	a_second_later(&key);
}

/* The flow was swept, which takes four seconds at most. */
static void taken_and_swept(void)
{
	taken();
	world_flush(0, 0, 10);
}

static const struct row away[] = {
	{
		.claim = "a flow ends when its address was taken away", .hook = TO_UPLINK, .before = taken,
		.in = { FROM_ANN, .daddr = SERVER, QUERY }, .verdict = REDIRECT, .drop = BECAUSE(NO_ADDRESS),
		.out = OUT(ERROR(UNREACHABLE, 0), .quote = QUOTE(FROM_ANN, .daddr = SERVER, QUERY)),
	}, {
		.claim = "it is not revived with the address", .hook = TO_UPLINK, .before = taken_and_told,
		.in = { FROM_ANN, .daddr = SERVER, QUERY }, .verdict = REDIRECT, .drop = BECAUSE(NO_ADDRESS),
		.out = OUT(ERROR(UNREACHABLE, 0), .quote = QUOTE(FROM_ANN, .daddr = SERVER, QUERY)),
	}, {
		.claim = "the next one leaves by the address that is shared", .hook = TO_UPLINK, .before = taken_and_swept,
		.in = { FROM_ANN, .daddr = SERVER, QUERY }, .verdict = REDIRECT,
		.out = OUT(.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = HOST_IP, .daddr = SERVER, QUERY, .ttl = 63),
	}, {
		.claim = "what comes to the address is the host's", .hook = FROM_UPLINK, .before = taken,
		.in = { TO_WHOLE, .saddr = SERVER, REPLY }, .verdict = PASS,
	}, {
		.claim = "a flow does not go on by an address that another guest has now", .hook = TO_UPLINK,
		.before = given_to_bob,
		.in = { FROM_ANN, .daddr = SERVER, QUERY }, .verdict = REDIRECT, .drop = BECAUSE(NO_ADDRESS),
		.out = OUT(ERROR(UNREACHABLE, 0), .quote = QUOTE(FROM_ANN, .daddr = SERVER, QUERY)),
	}, {
		.claim = "what comes to the address is that guest's", .hook = FROM_UPLINK, .before = given_to_bob,
		.in = { TO_WHOLE, .saddr = SERVER, REPLY }, .verdict = REDIRECT,
		.out = OUT(.dmac = TAG_MAC(BOB), .smac = PEER_MAC, .saddr = SERVER, .daddr = BOB_IP, REPLY, .ttl = 63),
	},
};

/* --- a conversation of each network, and fragments */

static void fragments(void)
{
	const struct packet in = { TO_WHOLE, .saddr = STRANGER, .proto = UDP, .sport = 9, .dport = 53, .id = 5, .len = 3000 };
	const struct packet want = {
		.dmac = TAG_MAC(ANN), .smac = PEER_MAC, .saddr = STRANGER, .daddr = ANN_IP, .ttl = 63,
		.proto = UDP, .sport = 9, .dport = 53, .id = 5, .len = 3000,
	};
	static struct datagram d;
	static struct travel t;
	__u8 frame[PACKET_MAX];
	struct frame f;

	claim_begin();
	again_none(FROM_UPLINK, 0);
	whole();
	for (int i = 2; i >= 0; i--) {
		f.len = packet_part(&in, i * 1480, 1480, i < 2, f.bytes);
		again_travel(FROM_UPLINK, 0, &f, &t);
	}
	if (datagram_join(t.left, t.n_left, &d))
		CHECK_BYTES(d.bytes, d.len, frame + 14, packet_build(&want, frame) - 14);
	CHECK_EQ(t.n_left, 3);
	claim_end("fragments for a 1:1 address arrive, though they come last first");
}

int main(void)
{
	world_open();
	TABLE_RUN(corner);
	TABLE_RUN(arp);
	TABLE_RUN(away);
	fragments();
	return table_end();
}
