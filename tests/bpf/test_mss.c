// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MSS that a SYN offers is no more than the uplink takes: 1400 bytes of the
 * second uplink leave 1360 for a segment; 1500 of the first leave 1460.
 */
#include "table.h"

#define FROM_ANN	.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = ANN_IP
#define LEFT		.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = HOST2_IP, .ttl = 63
#define OUTSIDE		.dmac = UPLINK_MAC, .smac = PEER_MAC, .saddr = SERVER2, .daddr = HOST2_IP
#define TO_ANN		.dmac = TAG_MAC(ANN), .smac = PEER_MAC, .saddr = SERVER2, .daddr = ANN_IP, .ttl = 63
#define SYN_OF(bytes)	.daddr = SERVER2, .proto = TCP, .sport = 5000, .dport = 80, .flags = SYN, \
			.data = bytes, .len = sizeof(bytes) - 1, .tcp_options = sizeof(bytes) - 1
#define SYN_ACK_OF(bytes) .proto = TCP, .sport = 80, .dport = 5000, .flags = SYN | ACK, \
			.data = bytes, .len = sizeof(bytes) - 1, .tcp_options = sizeof(bytes) - 1

#define MSS_1460	"\x02\x04\x05\xb4"
#define MSS_1360	"\x02\x04\x05\x50"
#define MSS_536		"\x02\x04\x02\x18"
#define SACK_NOP_NOP	"\x04\x02\x01\x01"

static const struct packet syn = { FROM_ANN, SYN_OF(MSS_1460) };

static void syn_sent(void)
{
	CHECK_EQ(world_send(TO_UPLINK, &syn), REDIRECT);
}

#define CLAMPED(what, before, after)						\
	{ .claim = what, .hook = TO_UPLINK, .in = { FROM_ANN, SYN_OF(before) },	\
	  .verdict = REDIRECT, .out = OUT(LEFT, SYN_OF(after)) }

static const struct row rows[] = {
	CLAMPED("a SYN's MSS is clamped to the uplink", MSS_1460, MSS_1360),
	CLAMPED("one that fits stays", MSS_536, MSS_536),
	CLAMPED("one that fits exactly stays", MSS_1360, MSS_1360),
	CLAMPED("behind other options it is found", SACK_NOP_NOP MSS_1460, SACK_NOP_NOP MSS_1360),
	CLAMPED("at an odd place the checksum is right too",
		"\x01" MSS_1460 "\x01\x01\x01", "\x01" MSS_1360 "\x01\x01\x01"),
	CLAMPED("behind the end of options there is none",
		"\x00\x00\x00\x00" MSS_1460, "\x00\x00\x00\x00" MSS_1460),
	CLAMPED("an option of length 0 ends the search", "\x08\x00\x01\x01" MSS_1460,
		"\x08\x00\x01\x01" MSS_1460),
	CLAMPED("a length that is not MSS's is left alone", "\x02\x06\x05\xb4\x01\x01\x01\x01",
		"\x02\x06\x05\xb4\x01\x01\x01\x01"),
	CLAMPED("an MSS cut off by the header's end is left alone", "\x01\x01\x02\x04",
		"\x01\x01\x02\x04"),
	CLAMPED("an MSS behind ten others is left alone",
		"\x01\x01\x01\x01" "\x08\x0a\0\0\0\1\0\0\0\2" "\x04\x02" "\x03\x03\x07" "\x01"
		"\x05\x0a\0\0\0\1\0\0\0\2" "\x01\x01" MSS_1460 "\x01\x01\x01\x01",
		"\x01\x01\x01\x01" "\x08\x0a\0\0\0\1\0\0\0\2" "\x04\x02" "\x03\x03\x07" "\x01"
		"\x05\x0a\0\0\0\1\0\0\0\2" "\x01\x01" MSS_1460 "\x01\x01\x01\x01"),
	{
		.claim = "a SYN without options stays",
		.hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER2, .proto = TCP, .sport = 5000, .dport = 80, .flags = SYN },
		.verdict = REDIRECT,
		.out = OUT(LEFT, .daddr = SERVER2, .proto = TCP, .sport = 5000, .dport = 80, .flags = SYN),
	}, {
		.claim = "payload of a segment that is no SYN is not read for options",
		.hook = TO_UPLINK,
		.before = syn_sent,
		.in = { FROM_ANN, .daddr = SERVER2, .proto = TCP, .sport = 5000, .dport = 80, .flags = ACK,
			.data = MSS_1460, .len = 4, .tcp_options = 4 },
		.verdict = REDIRECT,
		.out = OUT(LEFT, .daddr = SERVER2, .proto = TCP, .sport = 5000, .dport = 80, .flags = ACK,
			   .data = MSS_1460, .len = 4, .tcp_options = 4),
	}, {
		.claim = "the answer's MSS is clamped as well",
		.hook = FROM_UPLINK,
		.at = UPLINK2,
		.before = syn_sent,
		.in = { OUTSIDE, SYN_ACK_OF(MSS_1460) },
		.verdict = REDIRECT,
		.out = OUT(TO_ANN, SYN_ACK_OF(MSS_1360)),
	}, {
		.claim = "the answer's MSS at an odd place",
		.hook = FROM_UPLINK,
		.at = UPLINK2,
		.before = syn_sent,
		.in = { OUTSIDE, SYN_ACK_OF("\x01" MSS_1460 "\x01\x01\x01") },
		.verdict = REDIRECT,
		.out = OUT(TO_ANN, SYN_ACK_OF("\x01" MSS_1360 "\x01\x01\x01")),
	},
};

int main(void)
{
	world_open();
	TABLE_RUN(rows);
	return table_end();
}
