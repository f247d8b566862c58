// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that has an address outside for itself, all ports and protocols of
 * it: a 1:1 address, its own in a routed network, and its own where some
 * destinations see it untranslated.
 */
#include <stdio.h>
#include <string.h>

#include "arp.h"
#include "again.h"
#include "whole.h"

#define WEB		.proto = TCP, .sport = 443, .dport = 80
#define WEB_BACK	.proto = TCP, .sport = 80, .dport = 443
#define PING		.proto = ICMP, .type = ECHO, .sport = 7, .dport = 1, .len = 56
#define PONG		.proto = ICMP, .type = ECHO_REPLY, .sport = 7, .dport = 1, .len = 56
#define GRE		.proto = 47, .len = 64
#define SERVE		.proto = TCP, .sport = 40000, .dport = 22
#define SERVED		.proto = TCP, .sport = 22, .dport = 40000
#define ERROR(t, c)	.dmac = TAG_MAC(ANN), .saddr = GATEWAY, .daddr = ANN_IP, .proto = ICMP, .frag = DF, \
			.type = (t), .code = (c)

static void ok(enum hook hook, const struct packet *p)
{
	CHECK_EQ(world_send(hook, p), REDIRECT);
}

static void one_flow(void)
{
	check_count(1);
	CHECK_EQ(world_use(world.port_use, ANN).ports, 0);
	CHECK_EQ(world_use(world.network_use, NET).ports, 0);
}

static void no_flow(void)
{
	check_count(0);
}

/* --- out */

static const struct row out[] = {
	{
		.claim = "a guest leaves by its own address, and keeps a well-known port", .hook = TO_UPLINK,
		.before = whole, .in = { FROM_ANN, .daddr = SERVER, WEB, .flags = SYN }, .verdict = REDIRECT,
		.after = one_flow, .out = OUT(BY_WHOLE, .daddr = SERVER, WEB, .flags = SYN),
	}, {
		.claim = "by each uplink", .hook = TO_UPLINK,
		.before = whole, .in = { FROM_ANN, .daddr = SERVER2, WEB, .flags = SYN }, .verdict = REDIRECT,
		.after = one_flow, .out = OUT(BY_WHOLE, .daddr = SERVER2, WEB, .flags = SYN),
	}, {
		.claim = "so does its echo", .hook = TO_UPLINK,
		.before = whole, .in = { FROM_ANN, .daddr = SERVER, PING }, .verdict = REDIRECT,
		.after = one_flow, .out = OUT(BY_WHOLE, .daddr = SERVER, PING),
	}, {
		.claim = "so does another protocol", .hook = TO_UPLINK,
		.before = whole, .in = { FROM_ANN, .daddr = SERVER, GRE }, .verdict = REDIRECT,
		.after = one_flow, .out = OUT(BY_WHOLE, .daddr = SERVER, GRE),
	}, {
		.claim = "UDP without a checksum stays without", .hook = TO_UPLINK,
		.before = whole, .in = { FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 53, .dport = 53, .no_csum = true },
		.verdict = REDIRECT,
		.out = OUT(BY_WHOLE, .daddr = SERVER, .proto = UDP, .sport = 53, .dport = 53, .no_csum = true),
	}, {
		.claim = "what would not survive translation is dropped: DCCP", .hook = TO_UPLINK,
		.before = whole, .in = { FROM_ANN, .daddr = SERVER, .proto = 33, .len = 64 },
		.verdict = DROP, .drop = BECAUSE(PROTOCOL), .after = no_flow,
	}, {
		.claim = "what would not survive translation is dropped: AH", .hook = TO_UPLINK,
		.before = whole, .in = { FROM_ANN, .daddr = SERVER, .proto = 51, .len = 64 },
		.verdict = DROP, .drop = BECAUSE(PROTOCOL), .after = no_flow,
	}, {
		.claim = "what would not survive translation is dropped: UDP-Lite", .hook = TO_UPLINK,
		.before = whole, .in = { FROM_ANN, .daddr = SERVER, .proto = 136, .len = 64 },
		.verdict = DROP, .drop = BECAUSE(PROTOCOL), .after = no_flow,
	}, {
		.claim = "its neighbour shares the host's address", .hook = TO_UPLINK, .before = whole,
		.in = { .dmac = GATEWAY_MAC, .smac = BOB_MAC, .saddr = BOB_IP, .daddr = SERVER, .proto = UDP,
			.sport = 5000, .dport = 53 },
		.verdict = REDIRECT,
		.out = OUT(.dmac = GATEWAY_MAC, .smac = BOB_MAC, .saddr = HOST_IP, .daddr = SERVER, .proto = UDP,
			   .sport = 5000, .dport = 53, .ttl = 63),
	}, {
		.claim = "a routed guest leaves as it is", .hook = TO_UPLINK, .before = routed,
		.in = { FROM_ANN, .daddr = SERVER, WEB, .flags = SYN }, .verdict = REDIRECT, .after = one_flow,
		.out = OUT(BY_ANN_IP, .daddr = SERVER, WEB, .flags = SYN),
	}, {
		.claim = "a routed guest speaks protocols that no translation survives", .hook = TO_UPLINK, .before = routed,
		.in = { FROM_ANN, .daddr = SERVER, .proto = 51, .len = 64 }, .verdict = REDIRECT,
		.out = OUT(BY_ANN_IP, .daddr = SERVER, .proto = 51, .len = 64),
	}, {
		.claim = "an untranslated prefix sees the guest's own address", .hook = TO_UPLINK, .before = untranslated,
		.in = { FROM_ANN, .daddr = SERVER, WEB, .flags = SYN }, .verdict = REDIRECT, .after = one_flow,
		.out = OUT(BY_ANN_IP, .daddr = SERVER, WEB, .flags = SYN),
	}, {
		.claim = "the first of two untranslated prefixes does", .hook = TO_UPLINK, .before = untranslated,
		.in = { FROM_ANN, .daddr = IP(100, 99, 255, 255), PING }, .verdict = REDIRECT, .after = one_flow,
		.out = OUT(BY_ANN_IP, .daddr = IP(100, 99, 255, 255), PING),
	}, {
		.claim = "an address beside the prefix sees the host's", .hook = TO_UPLINK, .before = untranslated,
		.in = { FROM_ANN, .daddr = IP(100, 64, 2, 9), .proto = UDP, .sport = 5000, .dport = 53 },
		.verdict = REDIRECT,
		.out = OUT(.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = HOST_IP, .daddr = IP(100, 64, 2, 9),
			   .proto = UDP, .sport = 5000, .dport = 53, .ttl = 63),
	},
};

/* --- in */

static void whole_asked(void)
{
	whole();
	ok(TO_UPLINK, &(const struct packet) { FROM_ANN, .daddr = SERVER, WEB, .flags = SYN });
	ok(TO_UPLINK, &(const struct packet) { FROM_ANN, .daddr = SERVER, PING });
	ok(TO_UPLINK, &(const struct packet) { FROM_ANN, .daddr = SERVER, GRE });
}

static void routed_asked(void)
{
	routed();
	ok(TO_UPLINK, &(const struct packet) { FROM_ANN, .daddr = SERVER, WEB, .flags = SYN });
}

static void untranslated_asked(void)
{
	untranslated();
	ok(TO_UPLINK, &(const struct packet) { FROM_ANN, .daddr = SERVER, WEB, .flags = SYN });
}

static void whole_denied(void)
{
	whole();
	RULES(NET, { DENY, FROM_PREFIX(STRANGER, 32), TO_SLOT(ANN), .proto = TCP, .ports = { 22, 22 } });
}

static void routed_allowed(void)
{
	routed();
	RULES(NET, { ALLOW, FROM(INTERNET), TO_SLOT(ANN), .proto = TCP, .ports = { 22, 22 } });
}

static void routed_denied(void)
{
	routed();
	RULES(NET, { DENY, FROM(INTERNET), TO(GUESTS), ALL_PORTS });
}

static void whole_served(void)
{
	whole();
	ok(FROM_UPLINK, &(const struct packet) { TO_WHOLE, .saddr = STRANGER, SERVE, .flags = SYN });
}

static void routed_served(void)
{
	routed_allowed();
	ok(FROM_UPLINK, &(const struct packet) { TO_ANN_IP, .saddr = STRANGER, SERVE, .flags = SYN });
}

static void whole_pinged(void)
{
	whole();
	ok(FROM_UPLINK, &(const struct packet) { TO_WHOLE, .saddr = STRANGER, PING });
}

static void whole_gre(void)
{
	whole();
	ok(FROM_UPLINK, &(const struct packet) { TO_WHOLE, .saddr = STRANGER, GRE });
}

#define INSIDE	.dmac = TAG_MAC(ANN), .smac = PEER_MAC, .daddr = ANN_IP, .ttl = 63

static const struct row in[] = {
	{
		.claim = "an answer arrives", .hook = FROM_UPLINK, .before = whole_asked,
		.in = { TO_WHOLE, .saddr = SERVER, WEB_BACK, .flags = SYN | ACK }, .verdict = REDIRECT,
		.out = OUT(INSIDE, .saddr = SERVER, WEB_BACK, .flags = SYN | ACK),
	}, {
		.claim = "an echo's reply arrives", .hook = FROM_UPLINK, .before = whole_asked,
		.in = { TO_WHOLE, .saddr = SERVER, PONG }, .verdict = REDIRECT,
		.out = OUT(INSIDE, .saddr = SERVER, PONG),
	}, {
		.claim = "another protocol's answer arrives", .hook = FROM_UPLINK, .before = whole_asked,
		.in = { TO_WHOLE, .saddr = SERVER, GRE }, .verdict = REDIRECT,
		.out = OUT(INSIDE, .saddr = SERVER, GRE),
	}, {
		.claim = "an ICMP error about its packet arrives", .hook = FROM_UPLINK, .before = whole_asked,
		.in = { TO_WHOLE, .saddr = ROUTER_IP, .proto = ICMP, .type = UNREACHABLE, .code = 1,
			.quote = QUOTE(.saddr = WHOLE_IP, .daddr = SERVER, WEB, .flags = SYN), .quote_len = 40 },
		.verdict = REDIRECT,
		.out = OUT(INSIDE, .saddr = ROUTER_IP, .proto = ICMP, .type = UNREACHABLE, .code = 1,
			   .quote = QUOTE(.saddr = ANN_IP, .daddr = SERVER, WEB, .flags = SYN), .quote_len = 40),
	}, {
		.claim = "who comes unasked is let in", .hook = FROM_UPLINK, .before = whole, .after = one_flow,
		.in = { TO_WHOLE, .saddr = STRANGER, SERVE, .flags = SYN }, .verdict = REDIRECT,
		.out = OUT(INSIDE, .saddr = STRANGER, SERVE, .flags = SYN),
	}, {
		.claim = "so is a stranger's echo", .hook = FROM_UPLINK, .before = whole, .after = one_flow,
		.in = { TO_WHOLE, .saddr = STRANGER, PING }, .verdict = REDIRECT,
		.out = OUT(INSIDE, .saddr = STRANGER, PING),
	}, {
		.claim = "so is another protocol", .hook = FROM_UPLINK, .before = whole, .after = one_flow,
		.in = { TO_WHOLE, .saddr = STRANGER, GRE }, .verdict = REDIRECT,
		.out = OUT(INSIDE, .saddr = STRANGER, GRE),
	}, {
		.claim = "a rule keeps a stranger out", .hook = FROM_UPLINK, .before = whole_denied,
		.in = { TO_WHOLE, .saddr = STRANGER, SERVE, .flags = SYN },
		.verdict = DROP, .drop = BECAUSE(POLICY), .after = no_flow,
	}, {
		.claim = "and no other one", .hook = FROM_UPLINK, .before = whole_denied, .after = one_flow,
		.in = { TO_WHOLE, .saddr = STRANGER + 1, SERVE, .flags = SYN }, .verdict = REDIRECT,
		.out = OUT(INSIDE, .saddr = STRANGER + 1, SERVE, .flags = SYN),
	}, {
		.claim = "a reset opens nothing", .hook = FROM_UPLINK, .before = whole,
		.in = { TO_WHOLE, .saddr = STRANGER, SERVE, .flags = RST },
		.verdict = DROP, .drop = BECAUSE(NO_FLOW), .after = no_flow,
	}, {
		.claim = "what would not survive translation does not come in", .hook = FROM_UPLINK, .before = whole,
		.in = { TO_WHOLE, .saddr = STRANGER, .proto = 51, .len = 64 },
		.verdict = DROP, .drop = BECAUSE(PROTOCOL), .after = no_flow,
	}, {
		.claim = "other ICMP messages do not come in", .hook = FROM_UPLINK, .before = whole,
		.in = { TO_WHOLE, .saddr = STRANGER, .proto = ICMP, .type = 13, .len = 12 },
		.verdict = DROP, .drop = BECAUSE(ICMP_TYPE), .after = no_flow,
	}, {
		.claim = "a reply that nobody asked for does not come in", .hook = FROM_UPLINK, .before = whole,
		.in = { TO_WHOLE, .saddr = STRANGER, PONG },
		.verdict = DROP, .drop = BECAUSE(FILTERED), .after = no_flow,
	}, {
		.claim = "nobody comes in the host's own name", .hook = FROM_UPLINK, .before = whole,
		.in = { TO_WHOLE, .saddr = HOST_IP, SERVE, .flags = SYN },
		.verdict = DROP, .drop = BECAUSE(FILTERED), .after = no_flow,
	}, {
		.claim = "a routed guest's answer arrives", .hook = FROM_UPLINK, .before = routed_asked,
		.in = { TO_ANN_IP, .saddr = SERVER, WEB_BACK, .flags = SYN | ACK }, .verdict = REDIRECT,
		.out = OUT(INSIDE, .saddr = SERVER, WEB_BACK, .flags = SYN | ACK),
	}, {
		.claim = "to a routed guest nobody comes unasked", .hook = FROM_UPLINK, .before = routed,
		.in = { TO_ANN_IP, .saddr = STRANGER, SERVE, .flags = SYN },
		.verdict = DROP, .drop = BECAUSE(FILTERED), .after = no_flow,
	}, {
		.claim = "but by a rule", .hook = FROM_UPLINK, .before = routed_allowed, .after = one_flow,
		.in = { TO_ANN_IP, .saddr = STRANGER, SERVE, .flags = SYN }, .verdict = REDIRECT,
		.out = OUT(INSIDE, .saddr = STRANGER, SERVE, .flags = SYN),
	}, {
		.claim = "a rule opens its port and no other", .hook = FROM_UPLINK, .before = routed_allowed,
		.in = { TO_ANN_IP, .saddr = STRANGER, .proto = TCP, .sport = 40000, .dport = 23, .flags = SYN },
		.verdict = DROP, .drop = BECAUSE(FILTERED), .after = no_flow,
	}, {
		.claim = "where a rule denies it is named", .hook = FROM_UPLINK, .before = routed_denied,
		.in = { TO_ANN_IP, .saddr = STRANGER, SERVE, .flags = SYN },
		.verdict = DROP, .drop = BECAUSE(POLICY), .after = no_flow,
	}, {
		.claim = "an untranslated guest's answer arrives", .hook = FROM_UPLINK, .before = untranslated_asked,
		.in = { TO_ANN_IP, .saddr = SERVER, WEB_BACK, .flags = SYN | ACK }, .verdict = REDIRECT,
		.out = OUT(INSIDE, .saddr = SERVER, WEB_BACK, .flags = SYN | ACK),
	}, {
		.claim = "to an untranslated guest nobody comes unasked", .hook = FROM_UPLINK, .before = untranslated,
		.in = { TO_ANN_IP, .saddr = STRANGER, SERVE, .flags = SYN },
		.verdict = DROP, .drop = BECAUSE(FILTERED), .after = no_flow,
	}, {
		.claim = "an address of no guest is the host's, inside or not", .hook = FROM_UPLINK, .before = routed,
		.in = { .dmac = UPLINK_MAC, .smac = PEER_MAC, .saddr = STRANGER, .daddr = IP(10, 77, 0, 99), SERVE, .flags = SYN },
		.verdict = PASS,
	},
};

static const struct row back[] = {
	{
		.claim = "the guest answers who came unasked", .hook = TO_UPLINK, .before = whole_served,
		.in = { FROM_ANN, .daddr = STRANGER, SERVED, .flags = SYN | ACK }, .verdict = REDIRECT, .after = one_flow,
		.out = OUT(BY_WHOLE, .daddr = STRANGER, SERVED, .flags = SYN | ACK),
	}, {
		.claim = "the guest answers a stranger's echo", .hook = TO_UPLINK, .before = whole_pinged,
		.in = { FROM_ANN, .daddr = STRANGER, PONG }, .verdict = REDIRECT, .after = one_flow,
		.out = OUT(BY_WHOLE, .daddr = STRANGER, PONG),
	}, {
		.claim = "the guest answers another protocol", .hook = TO_UPLINK, .before = whole_gre,
		.in = { FROM_ANN, .daddr = STRANGER, GRE }, .verdict = REDIRECT, .after = one_flow,
		.out = OUT(BY_WHOLE, .daddr = STRANGER, GRE),
	}, {
		.claim = "the guest's error about a stranger's packet leaves by its address", .hook = TO_UPLINK,
		.before = whole_served,
		.in = { FROM_ANN, .daddr = STRANGER, .proto = ICMP, .type = UNREACHABLE, .code = 3,
			.quote = QUOTE(.saddr = STRANGER, .daddr = ANN_IP, SERVE, .flags = SYN), .quote_len = 40 },
		.verdict = REDIRECT,
		.out = OUT(BY_WHOLE, .daddr = STRANGER, .proto = ICMP, .type = UNREACHABLE, .code = 3,
			   .quote = QUOTE(.saddr = STRANGER, .daddr = WHOLE_IP, SERVE, .flags = SYN), .quote_len = 40),
	}, {
		.claim = "a routed guest answers as it is", .hook = TO_UPLINK, .before = routed_served,
		.in = { FROM_ANN, .daddr = STRANGER, SERVED, .flags = SYN | ACK }, .verdict = REDIRECT, .after = one_flow,
		.out = OUT(BY_ANN_IP, .daddr = STRANGER, SERVED, .flags = SYN | ACK),
	}, {
		.claim = "a reply that nobody asked for does not leave", .hook = TO_UPLINK, .before = whole,
		.in = { FROM_ANN, .daddr = STRANGER, PONG }, .verdict = DROP, .drop = BECAUSE(ICMP_TYPE),
	},
};

int main(void)
{
	world_open();
	TABLE_RUN(out);
	TABLE_RUN(in);
	TABLE_RUN(back);
	return table_end();
}
