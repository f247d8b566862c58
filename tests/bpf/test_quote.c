// SPDX-License-Identifier: GPL-2.0-only
/*
 * ICMP errors about a guest's packets, and a guest's errors about what it
 * received: translated with the packet that they quote (RFC 5508).
 */
#include <stdio.h>
#include <string.h>

#include "table.h"

#define FROM_ANN	.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = ANN_IP
#define OUTSIDE		.dmac = UPLINK_MAC, .smac = PEER_MAC
#define TAGGED		.dmac = TAG_MAC(ANN), .smac = PEER_MAC
#define LEFT		.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = HOST_IP
#define ROUTER		IP(100, 64, 7, 1)	/* on the way to the server */

#define NO_PORT		.proto = ICMP, .type = UNREACHABLE, .code = 3
#define TOO_LONG	.proto = ICMP, .type = UNREACHABLE, .code = 4, .rest = 1400
#define EXPIRED		.proto = ICMP, .type = TIME_EXCEEDED
#define PARAMETER	.proto = ICMP, .type = PARAMETER_PROBLEM, .rest = 0x08000000
#define QUENCH		.proto = ICMP, .type = 4
#define OPTIONS		.options = "\x94\x04\x00\x00\x01\x01\x01\x00", .options_len = 8

/* What the guest sent, as it was inside and outside, at the router; and its replies. */
#define UDP_SENT	.proto = UDP, .sport = 5000, .dport = 33434, .len = 32, .ttl = 1
#define UDP_UNSUMMED	UDP_SENT, .no_csum = true
#define TCP_SENT	.proto = TCP, .sport = 5000, .dport = 80, .flags = ACK, .seq = 99, .len = 100, .frag = DF
#define PING_SENT	.proto = ICMP, .type = ECHO, .sport = 7, .dport = 1, .len = 32
#define UDP_REPLY	.proto = UDP, .sport = 33434, .dport = 5000, .len = 32
#define TCP_REPLY	.proto = TCP, .sport = 80, .dport = 5000, .flags = ACK, .seq = 5, .len = 100
#define INSIDE(...)	.saddr = ANN_IP, .daddr = SERVER, __VA_ARGS__
#define ABROAD(...)	.saddr = HOST_IP, .daddr = SERVER, __VA_ARGS__
#define BACK_ABROAD(...)	.saddr = SERVER, .daddr = HOST_IP, __VA_ARGS__
#define BACK_INSIDE(...)	.saddr = SERVER, .daddr = ANN_IP, __VA_ARGS__

static void flows(void)
{
	static const struct packet sent[] = {
		{ FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 33434 },
		{ FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = SYN },
		{ FROM_ANN, .daddr = SERVER, .proto = ICMP, .type = ECHO, .sport = 7, .dport = 1 },
	};

	for (unsigned int i = 0; i < 3; i++)
		CHECK_EQ(world_send(TO_UPLINK, &sent[i]), REDIRECT);
}

static void flows_dead(void)
{
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 33434);

	flows();
	world_tick_begin();
	world_age(&key, CV_TICKS(300) + 1, CV_TICKS(300) + 1);
}

static void flows_of_both(void)
{
	static const struct packet bobs = {
		.smac = BOB_MAC, .saddr = BOB_IP, .daddr = SERVER, .proto = UDP, .sport = 5001, .dport = 33434,
	};

	flows();
	CHECK_EQ(world_send(TO_UPLINK, &bobs), REDIRECT);
}

/* An error refreshes, makes and ends nothing. */
static void unchanged(void)
{
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 33434);
	struct cv_flow f = {};

	CHECK(world_flow(&key, &f));
	CHECK_EQ(f.out_packets, 1);
	CHECK_EQ(f.in_packets, 0);
	CHECK_EQ(f.state, CV_FLOW_OPEN);
	CHECK_EQ(world_entries(world.flows, sizeof(key)), 3);
}

/* --- from outside */

#define ERROR_IN(kind, x, bytes)							\
	.hook = FROM_UPLINK, .before = flows, .verdict = REDIRECT, .after = unchanged,	\
	.in = { OUTSIDE, .saddr = ROUTER, .daddr = HOST_IP, kind,			\
		.quote = QUOTE(ABROAD(x)), .quote_len = (bytes) },			\
	.out = OUT(TAGGED, .saddr = ROUTER, .daddr = ANN_IP, kind, .ttl = 63,		\
		   .quote = QUOTE(INSIDE(x)), .quote_len = (bytes))
#define WITH_OPTIONS(...)	__VA_ARGS__, OPTIONS

static const struct row inwards[] = {
	{ .claim = "time exceeded about UDP, 8 bytes quoted (traceroute)", ERROR_IN(EXPIRED, UDP_SENT, 28) },
	{ .claim = "port unreachable about UDP, all of it quoted", ERROR_IN(NO_PORT, UDP_SENT, 0xffff) },
	{ .claim = "fragmentation needed about TCP, 8 bytes quoted", ERROR_IN(TOO_LONG, TCP_SENT, 28) },
	{ .claim = "fragmentation needed about TCP, cut before the checksum", ERROR_IN(TOO_LONG, TCP_SENT, 20 + 16) },
	{ .claim = "fragmentation needed about TCP, checksum quoted", ERROR_IN(TOO_LONG, TCP_SENT, 20 + 18) },
	{ .claim = "fragmentation needed about TCP, all of it quoted", ERROR_IN(TOO_LONG, TCP_SENT, 0xffff) },
	{ .claim = "time exceeded about an echo", ERROR_IN(EXPIRED, PING_SENT, 28) },
	{ .claim = "an error that quotes IP options", ERROR_IN(EXPIRED, WITH_OPTIONS(UDP_SENT), 36) },
	{ .claim = "an error that quotes IP options of TCP whole", ERROR_IN(TOO_LONG, WITH_OPTIONS(TCP_SENT), 0xffff) },
	{ .claim = "an error with extensions behind the quote (RFC 4884)",
	  .hook = FROM_UPLINK, .before = flows, .verdict = REDIRECT, .after = unchanged,
	  .in = { OUTSIDE, .saddr = ROUTER, .daddr = HOST_IP, EXPIRED, .rest = 0x00200000,
		  .quote = QUOTE(ABROAD(UDP_SENT)), .quote_len = 60, .len = 76 },
	  .out = OUT(TAGGED, .saddr = ROUTER, .daddr = ANN_IP, EXPIRED, .rest = 0x00200000, .ttl = 63,
		     .quote = QUOTE(INSIDE(UDP_SENT)), .quote_len = 60, .len = 76) },
	{ .claim = "an error with IP options of its own",
	  .hook = FROM_UPLINK, .before = flows, .verdict = REDIRECT, .after = unchanged,
	  .in = { OUTSIDE, .saddr = ROUTER, .daddr = HOST_IP, EXPIRED, OPTIONS, .quote = QUOTE(ABROAD(UDP_SENT)) },
	  .out = OUT(TAGGED, .saddr = ROUTER, .daddr = ANN_IP, EXPIRED, OPTIONS, .ttl = 63,
		     .quote = QUOTE(INSIDE(UDP_SENT))) },
	{ .claim = "a parameter problem",
	  ERROR_IN(PARAMETER, UDP_SENT, 28) },
	{ .claim = "a source quench",
	  ERROR_IN(QUENCH, UDP_SENT, 28) },
	{ .claim = "a quoted UDP packet without checksum keeps none",
	  ERROR_IN(NO_PORT, UDP_UNSUMMED, 28) },
};

#define ERROR_ALONE(from, to, ...)							\
	.hook = FROM_UPLINK, .before = flows, .verdict = PASS, .after = unchanged,	\
	.in = { OUTSIDE, .saddr = (from), .daddr = (to), __VA_ARGS__ }

static const struct row left_alone[] = {
	{ .claim = "an error about the host's own packet is left alone",
	  ERROR_ALONE(ROUTER, HOST_IP, NO_PORT, .quote = QUOTE(.saddr = HOST_IP, .daddr = SERVER, .proto = UDP,
							       .sport = 41000, .dport = 53)) },
	{ .claim = "an error to another address than it quotes is left alone",
	  ERROR_ALONE(ROUTER, HOST2_IP, NO_PORT, .quote = QUOTE(ABROAD(UDP_SENT))) },
	{ .claim = "an error that quotes less than 8 bytes is left alone",
	  ERROR_ALONE(ROUTER, HOST_IP, NO_PORT, .quote = QUOTE(ABROAD(UDP_SENT)), .quote_len = 27) },
	{ .claim = "an error that quotes no whole header is left alone",
	  ERROR_ALONE(ROUTER, HOST_IP, NO_PORT, .quote = QUOTE(ABROAD(UDP_SENT)), .quote_len = 19) },
	{ .claim = "an error that quotes a later fragment is left alone",
	  ERROR_ALONE(ROUTER, HOST_IP, EXPIRED, .quote = QUOTE(ABROAD(.proto = UDP), .frag = 185, .len = 64)) },
	{ .claim = "an error that quotes an error is left alone",
	  ERROR_ALONE(ROUTER, HOST_IP, NO_PORT, .quote = QUOTE(ABROAD(NO_PORT), .len = 28)) },
	{ .claim = "an error that quotes another protocol is left alone",
	  ERROR_ALONE(ROUTER, HOST_IP, NO_PORT, .quote = QUOTE(ABROAD(.proto = 47), .len = 28)) },
	{ .claim = "an error that quotes a guest's inner address is left alone",
	  ERROR_ALONE(ROUTER, HOST_IP, NO_PORT, .quote = QUOTE(INSIDE(UDP_SENT))) },
	{ .claim = "an error that quotes no IPv4 is left alone",
	  ERROR_ALONE(ROUTER, HOST_IP, NO_PORT, .quote = QUOTE(ABROAD(UDP_SENT), .version = 6)) },
	{ .claim = "an error about a dead flow is left alone",
	  .hook = FROM_UPLINK, .before = flows_dead, .verdict = PASS,
	  .in = { OUTSIDE, .saddr = ROUTER, .daddr = HOST_IP, NO_PORT, .quote = QUOTE(ABROAD(UDP_SENT)) } },
	{ .claim = "an error with TTL 1 is dropped, without an error about it",
	  .hook = FROM_UPLINK, .before = flows, .verdict = DROP, .drop = BECAUSE(TTL), .after = unchanged,
	  .in = { OUTSIDE, .saddr = ROUTER, .daddr = HOST_IP, NO_PORT, .ttl = 1, .quote = QUOTE(ABROAD(UDP_SENT)) } },
};

/* --- from a guest */

#define ERROR_OUT(kind, x, bytes)							\
	.hook = TO_UPLINK, .before = flows, .verdict = REDIRECT, .after = unchanged,	\
	.in = { FROM_ANN, .daddr = SERVER, kind,					\
		.quote = QUOTE(BACK_INSIDE(x)), .quote_len = (bytes) },			\
	.out = OUT(LEFT, .daddr = SERVER, kind, .ttl = 63,				\
		   .quote = QUOTE(BACK_ABROAD(x)), .quote_len = (bytes))
#define ERROR_DROPPED(why, ...)								\
	.hook = TO_UPLINK, .before = flows, .verdict = DROP, .drop = why,		\
	.after = unchanged, .in = { FROM_ANN, __VA_ARGS__ }

static const struct row outwards[] = {
	{ .claim = "a guest's port unreachable, 8 bytes quoted", ERROR_OUT(NO_PORT, UDP_REPLY, 28) },
	{ .claim = "a guest's port unreachable, all quoted", ERROR_OUT(NO_PORT, UDP_REPLY, 0xffff) },
	{ .claim = "a guest's error about TCP, 8 bytes quoted", ERROR_OUT(NO_PORT, TCP_REPLY, 28) },
	{ .claim = "a guest's error about TCP, all quoted", ERROR_OUT(NO_PORT, TCP_REPLY, 0xffff) },
	{ .claim = "a guest's error that quotes IP options", ERROR_OUT(NO_PORT, WITH_OPTIONS(UDP_REPLY), 36) },
	{ .claim = "a guest's error about no flow is dropped",
	  ERROR_DROPPED(BECAUSE_OF(ICMP_NO_FLOW, NET, ANN), .daddr = SERVER, NO_PORT,
			.quote = QUOTE(BACK_INSIDE(.proto = UDP), .sport = 9, .dport = 9)) },
	{ .claim = "a guest's error about another guest's packet of no flow is dropped",
	  ERROR_DROPPED(BECAUSE_OF(ICMP_NO_FLOW, NET, ANN), .daddr = SERVER, NO_PORT,
			.quote = QUOTE(.saddr = SERVER, .daddr = BOB_IP, UDP_REPLY)) },
	{ .claim = "a guest's error about another guest's flow is dropped",
	  .hook = TO_UPLINK, .before = flows_of_both, .verdict = DROP, .drop = BECAUSE(ICMP_NO_FLOW),
	  .in = { FROM_ANN, .daddr = SERVER, NO_PORT,
		  .quote = QUOTE(.saddr = SERVER, .daddr = BOB_IP, .proto = UDP, .sport = 33434, .dport = 5001) } },
	{ .claim = "a guest's error about its own sending is dropped",
	  ERROR_DROPPED(BECAUSE_OF(ICMP_NO_FLOW, NET, ANN), .daddr = SERVER, NO_PORT, .quote = QUOTE(INSIDE(UDP_SENT))) },
	{ .claim = "a guest's error with too short a quote is dropped",
	  ERROR_DROPPED(BECAUSE_OF(MALFORMED, NET, ANN), .daddr = SERVER, NO_PORT, .quote = QUOTE(BACK_INSIDE(UDP_REPLY)), .quote_len = 24) },
	{ .claim = "a guest's error about an error is dropped",
	  ERROR_DROPPED(BECAUSE_OF(ICMP_TYPE, NET, ANN), .daddr = SERVER, NO_PORT, .quote = QUOTE(BACK_INSIDE(NO_PORT), .len = 28)) },
	{ .claim = "a guest's error with TTL 1 is dropped, without an error about it",
	  ERROR_DROPPED(BECAUSE_OF(TTL, NET, ANN), .daddr = SERVER, NO_PORT, .ttl = 1, .quote = QUOTE(BACK_INSIDE(UDP_REPLY))) },
	{ .claim = "a guest's error goes to whom it is about, not to a third",
	  ERROR_DROPPED(SOME_REASON, .daddr = IP(100, 64, 9, 9), NO_PORT, .quote = QUOTE(BACK_INSIDE(UDP_REPLY))) },
	{ .claim = "a guest's error to multicast is dropped",
	  ERROR_DROPPED(SOME_REASON, .daddr = IP(224, 0, 0, 1), NO_PORT, .quote = QUOTE(BACK_INSIDE(UDP_REPLY))) },
	{ .claim = "a guest's error to the host's uplink address is dropped",
	  ERROR_DROPPED(SOME_REASON, .daddr = HOST_IP, NO_PORT, .quote = QUOTE(BACK_INSIDE(UDP_REPLY))) },
};

/* A quoted UDP checksum that translation would turn into zero, which means "none". */
static void checksum_that_becomes_zero(void)
{
	struct packet quote = { ABROAD(UDP_SENT) }, inner = { INSIDE(UDP_SENT) };
	__u8 frame[PACKET_MAX], data[32] = {};
	unsigned int len;
	__u16 check;
	const struct packet want = {
		TAGGED, .saddr = ROUTER, .daddr = ANN_IP, NO_PORT, .ttl = 63, .quote = &inner,
	};
	const struct row row = {
		.hook = FROM_UPLINK, .verdict = REDIRECT,
		.in = { OUTSIDE, .saddr = ROUTER, .daddr = HOST_IP, NO_PORT, .quote = &quote },
		.out = &want,
	};

	claim_begin();
	quote.data = inner.data = data;
	packet_build(&inner, frame);
	check = get16(frame + 14 + 20 + 6);
	put16(data, check);	/* the sum over all becomes 0xffff */
	len = packet_build(&inner, frame);
	CHECK_EQ(get16(frame + 14 + 20 + 6), 0xffff);
	CHECK(len > 0);
	flows();
	row_check(&row);
	claim_end("a quoted UDP checksum of zero is written 0xffff");
}

/* Half a checksum cannot be kept right, but the error's own can. */
static void every_length(void)
{
	struct packet in = {
		OUTSIDE, .saddr = ROUTER, .daddr = HOST_IP, TOO_LONG, .quote = QUOTE(ABROAD(TCP_SENT)),
	};

	claim_begin();
	flows();
	for (in.quote_len = 28; in.quote_len <= 140; in.quote_len++) {
		__u8 frame[PACKET_MAX];
		unsigned int len = packet_build(&in, frame);

		CHECK_EQ(world_run(FROM_UPLINK, 0, frame, &len, 0), REDIRECT);
		CHECK_EQ(len, 14 + 28 + in.quote_len);
		CHECK_EQ(get32(frame + 30), ANN_IP);
		CHECK_EQ(get32(frame + 54), ANN_IP);
		CHECK(packet_l4_ok(frame + 14, len - 14));
	}
	claim_end("an error's checksum is right, however long its quote");
}

/* --- checksums (RFC 5508 REQ-3) */

#define SPOILT_IN(what, how, ...)							\
	{ .claim = "an error from outside with a wrong " what " is dropped",		\
	  .hook = FROM_UPLINK, .before = flows, .after = unchanged,			\
	  .in = { OUTSIDE, .saddr = ROUTER, .daddr = HOST_IP, NO_PORT, how, .quote = QUOTE(ABROAD(UDP_SENT), __VA_ARGS__) }, \
	  .verdict = DROP, .drop = BECAUSE(ICMP_CHECKSUM) },				\
	{ .claim = "a guest's error with a wrong " what " is dropped",			\
	  .hook = TO_UPLINK, .before = flows, .after = unchanged,			\
	  .in = { FROM_ANN, .daddr = SERVER, NO_PORT, how, .quote = QUOTE(BACK_INSIDE(UDP_REPLY), __VA_ARGS__) }, \
	  .verdict = DROP, .drop = BECAUSE(ICMP_CHECKSUM) }

#define NOTHING	.tos = 0	/* as usual */

static const struct row checksums[] = {
	SPOILT_IN("checksum", .bad_l4 = true, NOTHING),
	SPOILT_IN("checksum in the IP header that it quotes", NOTHING, .bad_ip = true),
	SPOILT_IN("checksum in the longest IP header", NOTHING, .bad_ip = true,
		  .options = "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1",
		  .options_len = 40),
	SPOILT_IN("checksum twice", .bad_l4 = true, .bad_ip = true),
	{
		.claim = "a wrong checksum of the quoted transport is none of ours (REQ-3c)",
		.hook = FROM_UPLINK, .before = flows, .after = unchanged, .verdict = REDIRECT,
		.in = { OUTSIDE, .saddr = ROUTER, .daddr = HOST_IP, NO_PORT, .quote_len = 0xffff,
			.quote = QUOTE(ABROAD(UDP_SENT), .bad_l4 = true) },
		.out = OUT(TAGGED, .saddr = ROUTER, .daddr = ANN_IP, NO_PORT, .ttl = 63, .quote_len = 0xffff,
			   .quote = QUOTE(INSIDE(UDP_SENT), .bad_l4 = true)),
	}, {
		.claim = "nor is it in a guest's error",
		.hook = TO_UPLINK, .before = flows, .after = unchanged, .verdict = REDIRECT,
		.in = { FROM_ANN, .daddr = SERVER, NO_PORT, .quote_len = 0xffff,
			.quote = QUOTE(BACK_INSIDE(TCP_REPLY), .bad_l4 = true) },
		.out = OUT(LEFT, .daddr = SERVER, NO_PORT, .ttl = 63, .quote_len = 0xffff,
			   .quote = QUOTE(BACK_ABROAD(TCP_REPLY), .bad_l4 = true)),
	}, {
		.claim = "what pads a frame is no part of the checksum",
		.hook = FROM_UPLINK, .before = flows, .after = unchanged, .verdict = REDIRECT,
		.in = { OUTSIDE, .saddr = ROUTER, .daddr = HOST_IP, NO_PORT, .trailer = 7, .quote = QUOTE(ABROAD(UDP_SENT)) },
		.out = OUT(TAGGED, .saddr = ROUTER, .daddr = ANN_IP, NO_PORT, .ttl = 63, .trailer = 7,
			   .quote = QUOTE(INSIDE(UDP_SENT))),
	}, {
		.claim = "a wrong checksum in an error about the host's own packet is the host's to see",
		.hook = FROM_UPLINK, .before = flows, .after = unchanged, .verdict = PASS,
		.in = { OUTSIDE, .saddr = ROUTER, .daddr = HOST_IP, NO_PORT, .bad_l4 = true,
			.quote = QUOTE(.saddr = HOST_IP, .daddr = SERVER, .proto = UDP, .sport = 41000, .dport = 53) },
	},
};

/* Of each length, the longest too: all of its bytes are added up. */
static void spoilt_byte(void)
{
	struct packet in = {
		OUTSIDE, .saddr = ROUTER, .daddr = HOST_IP, NO_PORT, .quote = QUOTE(ABROAD(UDP_SENT)), .quote_len = 60,
	};
	const struct cv_drop_key why = BECAUSE(ICMP_CHECKSUM);
	static const unsigned int lens[] = { 0, 1, 2, 3, 187, 188, 189, 443, 444, 445, 1000, 1404 };

	claim_begin();
	flows();
	for (unsigned int i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		__u8 frame[PACKET_MAX], other[PACKET_MAX];
		unsigned int len, n;

		in.len = lens[i];
		len = n = packet_build(&in, frame);
		memcpy(other, frame, len);
		CHECK_EQ(world_run(FROM_UPLINK, 0, frame, &n, 0), REDIRECT);
		CHECK(packet_l4_ok(frame + 14, n - 14));
		other[len - 1] ^= 0x40;
		drops_clear();
		CHECK_EQ(world_run(FROM_UPLINK, 0, other, &len, 0), DROP);
		CHECK_DROPS(&why, 1);
		drops_clear();
	}
	claim_end("one wrong bit at the end of an error is noticed, however long it is");
}

int main(void)
{
	world_open();
	TABLE_RUN(checksums);
	spoilt_byte();
	TABLE_RUN(inwards);
	TABLE_RUN(left_alone);
	TABLE_RUN(outwards);
	checksum_that_becomes_zero();
	every_length();
	return table_end();
}
