// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fragments, both ways: the first one names the ports, the later ones follow
 * it by the datagram's identification, within two seconds; one that comes
 * before the first waits for it.
 */
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "table.h"

#define FROM_ANN	.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = ANN_IP, .daddr = SERVER
#define LEFT		.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = HOST_IP, .daddr = SERVER, .ttl = 63
#define OUTSIDE		.dmac = UPLINK_MAC, .smac = PEER_MAC, .saddr = SERVER, .daddr = HOST_IP
#define TO_ANN		.dmac = TAG_MAC(ANN), .smac = PEER_MAC, .saddr = SERVER, .daddr = ANN_IP, .ttl = 63

#define FIRST		.proto = UDP, .id = 600, .frag = MF, .sport = 5000, .dport = 53, .len = 1472
#define MIDDLE		.proto = UDP, .id = 600, .frag = MF | 185, .len = 1480
#define LAST		.proto = UDP, .id = 600, .frag = 370, .len = 7
#define FIRST_BACK	.proto = UDP, .id = 600, .frag = MF, .sport = 53, .dport = 5000, .len = 1472
#define ECHO_FIRST	.proto = ICMP, .id = 601, .frag = MF, .type = ECHO, .sport = 7, .dport = 1, .len = 1472
#define ECHO_LAST	.proto = ICMP, .id = 601, .frag = 185, .len = 528
#define TCP_FIRST	.proto = TCP, .id = 602, .frag = MF, .sport = 5000, .dport = 80, .flags = ACK, .len = 1460
#define TCP_LAST	.proto = TCP, .id = 602, .frag = 185, .len = 100

static const struct packet first = { FROM_ANN, FIRST };
static const struct packet first_back = { OUTSIDE, FIRST_BACK };
static const struct packet echo_first = { FROM_ANN, ECHO_FIRST };
static const struct packet tcp_first = { FROM_ANN, TCP_FIRST };
static const struct packet query = { FROM_ANN, .proto = UDP, .sport = 5000, .dport = 53 };

static void first_sent(void)
{
	CHECK_EQ(world_send(TO_UPLINK, &first), REDIRECT);
}

static void first_dropped(void)
{
	struct packet p = first;

	p.ttl = 1;
	world_send(TO_UPLINK, &p);
	CHECK_EQ(world_totals().icmp_errors_sent, 1);
}

static void echo_first_sent(void)
{
	CHECK_EQ(world_send(TO_UPLINK, &echo_first), REDIRECT);
}

static void tcp_first_sent(void)
{
	CHECK_EQ(world_send(TO_UPLINK, &tcp_first), REDIRECT);
}

static void query_sent(void)
{
	CHECK_EQ(world_send(TO_UPLINK, &query), REDIRECT);
}

static void first_came_back(void)
{
	query_sent();
	CHECK_EQ(world_send(FROM_UPLINK, &first_back), REDIRECT);
}

static void hosts_own_first(void)
{
	static const struct packet p = {
		OUTSIDE, .proto = UDP, .id = 600, .frag = MF, .sport = 53, .dport = 41000, .len = 1472,
	};

	query_sent();
	CHECK_EQ(world_send(FROM_UPLINK, &p), PASS);
}

/* It waits, and counts against nobody's limits but its sender's. */
static void held_by(int map, __u32 index)
{
	CHECK_EQ(world_totals().fragments_held, 1);
	CHECK_EQ(world_use(map, index).held, 1);
	CHECK_EQ(world_use(world.network_use, NET).held, 0);
	CHECK_EQ(world_use(world.port_use, BOB).held, 0);
}

static void one_held(void)
{
	held_by(world.port_use, ANN);
}

static void double_held(void)
{
	held_by(world.port_use, DAN);
}

static void one_held_outside(void)
{
	held_by(world.network_use, 0);
}

/* The first fragment was seen so many ticks ago. */
static void age_fragments(__u32 ticks)
{
	world_tick_begin();
	world_age_datagrams(ticks);
}

static void first_sent_just_in_time(void)
{
	first_sent();
	age_fragments(CV_TICKS(CV_FRAGMENT_TIMEOUT_S));
}

static void first_sent_long_ago(void)
{
	first_sent();
	age_fragments(CV_TICKS(CV_FRAGMENT_TIMEOUT_S) + 1);
}

/* Another CPU's clock may be a tick ahead. */
static void first_sent_in_the_future(void)
{
	first_sent();
	age_fragments(-1);
}

static const struct row out[] = {
	{
		.claim = "the first fragment makes the flow and leaves", .hook = TO_UPLINK,
		.in = { FROM_ANN, FIRST }, .verdict = REDIRECT, .out = OUT(LEFT, FIRST),
	}, {
		.claim = "a middle fragment follows it", .hook = TO_UPLINK, .before = first_sent,
		.in = { FROM_ANN, MIDDLE }, .verdict = REDIRECT, .out = OUT(LEFT, MIDDLE),
	}, {
		.claim = "the last fragment follows it", .hook = TO_UPLINK, .before = first_sent,
		.in = { FROM_ANN, LAST }, .verdict = REDIRECT, .out = OUT(LEFT, LAST),
	}, {
		.claim = "a fragment of TCP follows its first", .hook = TO_UPLINK, .before = tcp_first_sent,
		.in = { FROM_ANN, TCP_LAST }, .verdict = REDIRECT, .out = OUT(LEFT, TCP_LAST),
	}, {
		.claim = "a fragment of an echo follows its first", .hook = TO_UPLINK, .before = echo_first_sent,
		.in = { FROM_ANN, ECHO_LAST }, .verdict = REDIRECT, .out = OUT(LEFT, ECHO_LAST),
	}, {
		.claim = "a later fragment before its first waits", .hook = TO_UPLINK,
		.in = { FROM_ANN, LAST }, .verdict = DROP, .after = one_held,
	}, {
		.claim = "a later fragment whose first ran out of time is judged by itself", .hook = TO_UPLINK,
		.before = first_dropped,
		.in = { FROM_ANN, LAST }, .verdict = REDIRECT, .out = OUT(LEFT, LAST),
	}, {
		.claim = "a later fragment with another identification waits", .hook = TO_UPLINK,
		.before = first_sent,
		.in = { FROM_ANN, .proto = UDP, .id = 666, .frag = 370, .len = 7 },
		.verdict = DROP, .after = one_held,
	}, {
		.claim = "a later fragment of another protocol waits", .hook = TO_UPLINK, .before = first_sent,
		.in = { FROM_ANN, .proto = TCP, .id = 600, .frag = 370, .len = 7 },
		.verdict = DROP, .after = one_held,
	}, {
		.claim = "a later fragment to another peer waits", .hook = TO_UPLINK, .before = first_sent,
		.in = { .smac = ANN_MAC, .saddr = ANN_IP, .daddr = SERVER + 1, LAST },
		.verdict = DROP, .after = one_held,
	}, {
		.claim = "a later fragment of the double in another network waits", .hook = TO_UPLINK,
		.at = TWIN, .before = first_sent,
		.in = { FROM_ANN, LAST }, .verdict = DROP, .after = double_held,
	}, {
		.claim = "a first fragment holds for two seconds", .hook = TO_UPLINK,
		.before = first_sent_just_in_time,
		.in = { FROM_ANN, LAST }, .verdict = REDIRECT, .out = OUT(LEFT, LAST),
	}, {
		.claim = "a first fragment holds no longer", .hook = TO_UPLINK, .before = first_sent_long_ago,
		.in = { FROM_ANN, LAST }, .verdict = DROP, .after = one_held,
	}, {
		.claim = "a first fragment seen by a CPU a tick ahead holds", .hook = TO_UPLINK,
		.before = first_sent_in_the_future,
		.in = { FROM_ANN, LAST }, .verdict = REDIRECT, .out = OUT(LEFT, LAST),
	}, {
		.claim = "a later fragment with TTL 1 is dropped without an error", .hook = TO_UPLINK,
		.before = first_sent,
		.in = { FROM_ANN, LAST, .ttl = 1 }, .verdict = DROP, .drop = BECAUSE(TTL),
	}, {
		.claim = "a first fragment too small for its header is malformed", .hook = TO_UPLINK,
		.in = { FROM_ANN, .proto = TCP, .id = 9, .frag = MF, .flags = SYN, .tot_len = 28 },
		.verdict = DROP, .drop = BECAUSE(MALFORMED),
	}, {
		.claim = "a fragment that would hide TCP's flags behind the first is malformed", .hook = TO_UPLINK,
		.in = { FROM_ANN, .proto = TCP, .id = 602, .frag = MF | 1, .len = 64 },
		.verdict = DROP, .drop = BECAUSE(MALFORMED),
	}, {
		.claim = "a later fragment of a protocol without ports waits", .hook = TO_UPLINK,
		.in = { FROM_ANN, .proto = 47, .id = 9, .frag = 10, .len = 64 },
		.verdict = DROP, .after = one_held,
	},
};

static const struct row in[] = {
	{
		.claim = "the first fragment of a reply goes to its guest", .hook = FROM_UPLINK, .before = query_sent,
		.in = { OUTSIDE, FIRST_BACK }, .verdict = REDIRECT, .out = OUT(TO_ANN, FIRST_BACK),
	}, {
		.claim = "a middle fragment of a reply follows it", .hook = FROM_UPLINK, .before = first_came_back,
		.in = { OUTSIDE, MIDDLE }, .verdict = REDIRECT, .out = OUT(TO_ANN, MIDDLE),
	}, {
		.claim = "the last fragment of a reply follows it", .hook = FROM_UPLINK, .before = first_came_back,
		.in = { OUTSIDE, LAST }, .verdict = REDIRECT, .out = OUT(TO_ANN, LAST),
	}, {
		.claim = "a later fragment of a reply before its first waits", .hook = FROM_UPLINK, .before = query_sent,
		.in = { OUTSIDE, LAST }, .verdict = DROP, .after = one_held_outside,
	}, {
		.claim = "a later fragment for an address of the host's that no guest shares waits for nothing",
		.hook = FROM_UPLINK, .before = query_sent,
		.in = { .dmac = UPLINK_MAC, .smac = PEER_MAC, .saddr = SERVER, .daddr = IP(198, 51, 100, 9), LAST },
		.verdict = PASS,
	}, {
		.claim = "the host's own first fragment opens nothing", .hook = FROM_UPLINK, .before = hosts_own_first,
		.in = { OUTSIDE, LAST }, .verdict = PASS,
	}, {
		.claim = "a guest's own first fragment opens nothing from outside", .hook = FROM_UPLINK,
		.before = first_sent,
		.in = { OUTSIDE, LAST }, .verdict = DROP, .after = one_held_outside,
	}, {
		.claim = "fragments of the host's own are left alone", .hook = FROM_UPLINK, .before = query_sent,
		.in = { OUTSIDE, .proto = UDP, .id = 600, .frag = MF, .sport = 53, .dport = 41000, .len = 1472 },
		.verdict = PASS,
	},
};

/* --- over one another (RFC 1858, RFC 4787 REQ-14a) */

#define UNITS(from, to)	.proto = UDP, .id = 600, .frag = MF | (from), .len = ((to) - (from)) * 8
#define END(from, to)	.proto = UDP, .id = 600, .frag = (from), .len = ((to) - (from)) * 8

static void sent_part(unsigned int from, unsigned int to, bool last)
{
	struct packet p = { FROM_ANN, UNITS(from, to) };

	if (last)
		p.frag = from;
	CHECK_EQ(world_send(TO_UPLINK, &p), REDIRECT);
}

/* 0-185 and 300-400. */
static void two_sent(void)
{
	first_sent();
	sent_part(300, 400, false);
}

/* 0-185 and 300-400, which is the end. */
static void end_sent(void)
{
	first_sent();
	sent_part(300, 400, true);
}

static void two_came_back(void)
{
	const struct packet p = { OUTSIDE, UNITS(300, 400) };

	first_came_back();
	CHECK_EQ(world_send(FROM_UPLINK, &p), REDIRECT);
}

/* The first one and as many more, none beside another. */
static void holes(unsigned int n)
{
	first_sent();
	for (unsigned int i = 0; i < n; i++)
		sent_part(200 + i * 10, 200 + i * 10 + 4, false);
}

static void all_holes_but_one(void)
{
	holes(CV_DATAGRAM_RANGES - 2);
}

static void all_holes(void)
{
	holes(CV_DATAGRAM_RANGES - 1);
}

/* What it lies over has passed already, and what is still missing may come. */
static void rest_passes(void)
{
	sent_part(185, 300, false);
}

#define OVER(what, ...)								\
	{									\
		.claim = "a fragment " what " is dropped", .hook = TO_UPLINK, .before = two_sent, \
		.in = { FROM_ANN, __VA_ARGS__ }, .verdict = DROP, .drop = BECAUSE(FRAGMENT_OVERLAP), .after = rest_passes, \
	}, {									\
		.claim = "a fragment of a reply " what " is dropped", .hook = FROM_UPLINK, .before = two_came_back, \
		.in = { OUTSIDE, __VA_ARGS__ }, .verdict = DROP, .drop = BECAUSE(FRAGMENT_OVERLAP), \
	}

#define BEYOND(what, ...)							\
	{									\
		.claim = what " is dropped", .hook = TO_UPLINK, .before = end_sent, \
		.in = { FROM_ANN, __VA_ARGS__ }, .verdict = DROP, .drop = BECAUSE(FRAGMENT_OVERLAP), .after = rest_passes, \
	}

static const struct row overlaps[] = {
	OVER("that begins in another", UNITS(399, 410)),
	OVER("that ends in another", UNITS(290, 301)),
	OVER("inside another", UNITS(320, 330)),
	OVER("over another", UNITS(290, 410)),
	OVER("that is another's beginning and more", UNITS(300, 410)),
	OVER("that is another's end and more", UNITS(290, 400)),
	OVER("over the first one's end", UNITS(184, 190)),
	OVER("that was there already", UNITS(300, 400)),
	OVER("that says it is the last and is not", END(200, 210)),
	BEYOND("a fragment behind the last one", UNITS(400, 410)),
	BEYOND("a last fragment behind the last one", END(400, 410)),
	BEYOND("a second, earlier last fragment", END(200, 210)),
	BEYOND("the last fragment again", END(300, 400)),
	{
		.claim = "fragments that touch and do not overlap pass", .hook = TO_UPLINK, .before = two_sent,
		.in = { FROM_ANN, UNITS(185, 300) }, .verdict = REDIRECT, .out = OUT(LEFT, UNITS(185, 300)),
	}, {
		.claim = "a datagram has as many holes as there is room for", .hook = TO_UPLINK,
		.before = all_holes_but_one,
		.in = { FROM_ANN, UNITS(1000, 1010) }, .verdict = REDIRECT, .out = OUT(LEFT, UNITS(1000, 1010)),
	}, {
		.claim = "one more hole is too many", .hook = TO_UPLINK, .before = all_holes,
		.in = { FROM_ANN, UNITS(1000, 1010) }, .verdict = DROP, .drop = BECAUSE(FRAGMENT_LIMIT),
	}, {
		.claim = "what fills a hole passes though there are many", .hook = TO_UPLINK, .before = all_holes,
		.in = { FROM_ANN, UNITS(204, 210) }, .verdict = REDIRECT, .out = OUT(LEFT, UNITS(204, 210)),
	},
};

/* --- malformed */

#define BAD(what, ...)								\
	{									\
		.claim = what " is malformed", .hook = TO_UPLINK,		\
		.in = { FROM_ANN, .id = 600, __VA_ARGS__ }, .verdict = DROP, .drop = BECAUSE(MALFORMED), \
		.after = nothing_kept,						\
	}, {									\
		.claim = what " from outside is the host's to judge", .hook = FROM_UPLINK, .before = query_sent, \
		.in = { OUTSIDE, .id = 600, __VA_ARGS__ }, .verdict = PASS, .after = nothing_kept, \
	}

static void nothing_kept(void)
{
	CHECK_EQ(world_totals().datagrams, 0);
	CHECK_EQ(world_totals().fragments_held, 0);
}

static const struct row malformed[] = {
	BAD("an empty fragment", .proto = UDP, .frag = MF | 10),
	BAD("an empty last fragment", .proto = UDP, .frag = 10),
	BAD("a first fragment of no whole blocks", .proto = UDP, .frag = MF, .len = 57),
	BAD("a middle fragment of no whole blocks", .proto = UDP, .frag = MF | 10, .len = 57),
	BAD("a fragment beyond the longest packet", .proto = UDP, .frag = 8189, .len = 4),
	BAD("the farthest fragment", .proto = UDP, .frag = 8191, .len = 1400),
	BAD("a middle fragment beyond the longest packet", .proto = UDP, .frag = MF | 8100, .len = 1400),
	{
		.claim = "a fragment to the end of the longest packet waits", .hook = TO_UPLINK,
		.in = { FROM_ANN, .id = 600, .proto = UDP, .frag = 8189, .len = 3 },
		.verdict = DROP, .after = one_held,
	},
};

int main(void)
{
	world_open();
	TABLE_RUN(out);
	TABLE_RUN(in);
	TABLE_RUN(overlaps);
	TABLE_RUN(malformed);
	return table_end();
}
