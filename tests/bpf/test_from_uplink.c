// SPDX-License-Identifier: GPL-2.0-only
/*
 * cv_from_uplink: replies of known flows go to their guest; what else arrives
 * for a guest's port is dropped, unless the host has a socket for it; all the
 * rest is the host's and is left as it is.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <bpf/bpf.h>

#include "table.h"

#define FROM_ANN	.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = ANN_IP
/* From the outside to the host, and what becomes of it. */
#define OUTSIDE		.dmac = UPLINK_MAC, .smac = PEER_MAC
#define FROM_SERVER	OUTSIDE, .saddr = SERVER, .daddr = HOST_IP
#define TO_ANN		.dmac = TAG_MAC(ANN), .smac = PEER_MAC, .saddr = SERVER, .daddr = ANN_IP

#define ANSWER		.proto = UDP, .sport = 53, .dport = 5000, .len = 20

/* --- state before */

static void flows(void)
{
	static const struct packet sent[] = {
		{ FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53 },
		{ FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = SYN },
		{ FROM_ANN, .daddr = SERVER, .proto = ICMP, .type = ECHO, .sport = 7, .dport = 1 },
	};

	for (unsigned int i = 0; i < 3; i++)
		CHECK_EQ(world_send(TO_UPLINK, &sent[i]), REDIRECT);
}

/* A guest whose port outside is not its own: 80 is never kept. */
static const struct packet from_80 = { FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 80, .dport = 443, .flags = SYN };

static void udp_silent(__u32 out_ticks, __u32 in_ticks)
{
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53);

	flows();
	world_tick_begin();
	world_age(&key, out_ticks, in_ticks);
}

static void silent_too_long(void)
{
	udp_silent(CV_TICKS(300) + 1, CV_TICKS(300) + 1);
}

static void silent_as_long_as_may_be(void)
{
	udp_silent(CV_TICKS(300), CV_TICKS(300));
}

static void silent_inwards_only(void)
{
	udp_silent(1, CV_TICKS(300) + 1);
}

static void silent_outwards_only(void)
{
	udp_silent(CV_TICKS(300) + 1, 1);
}

/* --- state afterwards */

static void answered(void)
{
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53);
	struct cv_flow f = {};

	CHECK(world_flow(&key, &f));
	CHECK_EQ(f.in_packets, 1);
	CHECK_EQ(f.in_bytes, 48);
	CHECK(world_tick() - f.in_tick <= 1);
	CHECK_EQ(world_entries(world.flows, sizeof(key)), 3);
}

static void not_answered(void)
{
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53);
	struct cv_flow f = {};

	CHECK(world_flow(&key, &f));
	CHECK_EQ(f.in_packets, 0);
	CHECK(world_tick() - f.in_tick >= CV_TICKS(300));
}

static void established(void)
{
	struct cv_tuple key = world_tuple(TCP, ANN_IP, 5000, SERVER, 80);
	struct cv_flow f = {};

	CHECK(world_flow(&key, &f));
	CHECK_EQ(f.state, CV_FLOW_ESTABLISHED);
	CHECK_EQ(f.timeout_ticks, CV_TICKS(7440));
}

static void error_sent(void)
{
	CHECK_EQ(world_totals().icmp_errors_sent, 1);
}

/* --- replies */

static const struct row replies[] = {
	{
		.claim = "a UDP reply goes to its guest", .hook = FROM_UPLINK, .before = flows,
		.in = { FROM_SERVER, ANSWER },
		.verdict = REDIRECT, .after = answered,
		.out = OUT(TO_ANN, ANSWER, .ttl = 63),
	}, {
		.claim = "a UDP reply without a checksum gets none", .hook = FROM_UPLINK, .before = flows,
		.in = { FROM_SERVER, ANSWER, .no_csum = true },
		.verdict = REDIRECT, .after = answered,
		.out = OUT(TO_ANN, ANSWER, .no_csum = true, .ttl = 63),
	}, {
		.claim = "a SYN-ACK goes to its guest and establishes", .hook = FROM_UPLINK, .before = flows,
		.in = { FROM_SERVER, .proto = TCP, .sport = 80, .dport = 5000, .flags = SYN | ACK, .frag = DF },
		.verdict = REDIRECT, .after = established,
		.out = OUT(TO_ANN, .proto = TCP, .sport = 80, .dport = 5000, .flags = SYN | ACK, .frag = DF, .ttl = 63),
	}, {
		.claim = "an echo reply goes to its guest", .hook = FROM_UPLINK, .before = flows,
		.in = { FROM_SERVER, .proto = ICMP, .type = ECHO_REPLY, .sport = 7, .dport = 1, .len = 56 },
		.verdict = REDIRECT,
		.out = OUT(TO_ANN, .proto = ICMP, .type = ECHO_REPLY, .sport = 7, .dport = 1, .len = 56, .ttl = 63),
	}, {
		.claim = "a reply with IP options and padding goes to its guest", .hook = FROM_UPLINK, .before = flows,
		.in = { FROM_SERVER, .proto = UDP, .sport = 53, .dport = 5000, .len = 1,
			.options = "\x01\x01\x01\x00", .options_len = 4, .trailer = 9 },
		.verdict = REDIRECT,
		.out = OUT(TO_ANN, .proto = UDP, .sport = 53, .dport = 5000, .len = 1, .ttl = 63,
			   .options = "\x01\x01\x01\x00", .options_len = 4, .trailer = 9),
	}, {
		.claim = "a reply with TTL 1 ends here, and its sender is told", .hook = FROM_UPLINK, .before = flows,
		.in = { FROM_SERVER, ANSWER, .ttl = 1 },
		.verdict = REDIRECT, .drop = BECAUSE(TTL), .after = error_sent,
		.out = OUT(.saddr = HOST_IP, .daddr = SERVER, .proto = ICMP, .frag = DF, .type = TIME_EXCEEDED,
			   .quote = QUOTE(.saddr = SERVER, .daddr = HOST_IP, ANSWER, .ttl = 1)),
	}, {
		.claim = "a reply with TTL 2 arrives with TTL 1", .hook = FROM_UPLINK, .before = flows,
		.in = { FROM_SERVER, ANSWER, .ttl = 2 },
		.verdict = REDIRECT, .after = answered,
		.out = OUT(TO_ANN, ANSWER, .ttl = 1),
	}, {
		.claim = "a packet of many segments arrives whole", .hook = FROM_UPLINK, .before = flows,
		.in = { FROM_SERVER, .proto = TCP, .sport = 80, .dport = 5000, .flags = ACK, .len = 3000 },
		.gso_size = 1448, .verdict = REDIRECT,
		.out = OUT(TO_ANN, .proto = TCP, .sport = 80, .dport = 5000, .flags = ACK, .len = 3000, .ttl = 63),
	}, {
		.claim = "a reply by another uplink goes to its guest too", .hook = FROM_UPLINK, .at = UPLINK2,
		.before = flows,
		.in = { FROM_SERVER, ANSWER },
		.verdict = REDIRECT, .after = answered,
		.out = OUT(TO_ANN, ANSWER, .ttl = 63),
	},
};

/* --- the host's own */

static const struct row foreign[] = {
	{
		.claim = "a packet of the host's own is left alone", .hook = FROM_UPLINK, .before = flows,
		.in = { FROM_SERVER, .proto = TCP, .sport = 80, .dport = 41000, .flags = SYN | ACK },
		.verdict = PASS,
	}, {
		.claim = "another peer's echo reply is left alone", .hook = FROM_UPLINK, .before = flows,
		.in = { OUTSIDE, .saddr = SERVER + 1, .daddr = HOST_IP, .proto = ICMP, .type = ECHO_REPLY, .sport = 7, .dport = 1 },
		.verdict = PASS,
	}, {
		.claim = "the same number of another protocol is left alone", .hook = FROM_UPLINK, .before = flows,
		.in = { FROM_SERVER, .proto = TCP, .sport = 53, .dport = 7, .flags = SYN },
		.verdict = PASS,
	}, {
		.claim = "a packet for the host's other address is left alone", .hook = FROM_UPLINK, .before = flows,
		.in = { OUTSIDE, .saddr = SERVER, .daddr = HOST2_IP, ANSWER },
		.verdict = PASS,
	}, {
		.claim = "an echo request to the host is left alone", .hook = FROM_UPLINK, .before = flows,
		.in = { FROM_SERVER, .proto = ICMP, .type = ECHO, .sport = 7, .dport = 1, .len = 56 },
		.verdict = PASS,
	}, {
		.claim = "a packet to a guest's inner address is left alone", .hook = FROM_UPLINK, .before = flows,
		.in = { OUTSIDE, .saddr = SERVER, .daddr = ANN_IP, ANSWER },
		.verdict = PASS,
	}, {
		.claim = "TTL 1 for the host is left alone", .hook = FROM_UPLINK, .before = flows,
		.in = { FROM_SERVER, .proto = UDP, .sport = 9, .dport = 9, .ttl = 1 },
		.verdict = PASS,
	}, {
		.claim = "a reply in a frame for another host is left alone", .hook = FROM_UPLINK, .before = flows,
		.in = { .dmac = PEER_MAC, .smac = PEER_MAC, .saddr = SERVER, .daddr = HOST_IP, ANSWER },
		.verdict = PASS,
	}, {
		.claim = "a reply in a broadcast frame is left alone", .hook = FROM_UPLINK, .before = flows,
		.in = { .dmac = ALL_MAC, .smac = PEER_MAC, .saddr = SERVER, .daddr = HOST_IP, ANSWER },
		.verdict = PASS,
	}, {
		.claim = "ARP is left alone", .hook = FROM_UPLINK, .before = flows,
		.in = { OUTSIDE, .ethertype = 0x0806, .len = 46 },
		.verdict = PASS,
	}, {
		.claim = "IPv6 is left alone", .hook = FROM_UPLINK, .before = flows,
		.in = { OUTSIDE, .ethertype = 0x86dd, .len = 60 },
		.verdict = PASS,
	}, {
		.claim = "other protocols are left alone", .hook = FROM_UPLINK, .before = flows,
		.in = { FROM_SERVER, .proto = 47, .len = 64 },
		.verdict = PASS,
	}, {
		.claim = "a reply whose length is a lie is left alone", .hook = FROM_UPLINK, .before = flows,
		.in = { FROM_SERVER, ANSWER, .tot_len = 49 },
		.verdict = PASS,
	}, {
		.claim = "a reply with an impossible header length is left alone", .hook = FROM_UPLINK, .before = flows,
		.in = { FROM_SERVER, ANSWER, .ihl = 4 },
		.verdict = PASS,
	}, {
		.claim = "a reply of another IP version is left alone", .hook = FROM_UPLINK, .before = flows,
		.in = { FROM_SERVER, ANSWER, .version = 5 },
		.verdict = PASS,
	},
};

/* --- for a guest's port, but of no flow */

#define FILTERED	.hook = FROM_UPLINK, .before = flows, .verdict = DROP, .drop = BECAUSE(FILTERED), \
			.after = nothing_counted

static void nothing_counted(void)
{
	struct cv_tuple key, next;
	struct cv_flow f;
	int err = bpf_map_get_next_key(world.flows, NULL, &next);

	CHECK_EQ(world_entries(world.flows, sizeof(key)), 3);
	while (!err) {
		key = next;
		CHECK(world_flow(&key, &f));
		CHECK_EQ(f.in_packets, 0);
		CHECK_EQ(f.state, CV_FLOW_OPEN);
		err = bpf_map_get_next_key(world.flows, &key, &next);
	}
	CHECK_EQ(world_totals().new_flows, 3);
}

static const struct row unsolicited[] = {
	{
		.claim = "another peer's packet to a guest's port is filtered", FILTERED,
		.in = { OUTSIDE, .saddr = SERVER + 1, .daddr = HOST_IP, ANSWER },
	}, {
		.claim = "the peer's packet from another port is filtered", FILTERED,
		.in = { FROM_SERVER, .proto = UDP, .sport = 54, .dport = 5000, .len = 20 },
	}, {
		.claim = "another peer's SYN to a guest's port is filtered", FILTERED,
		.in = { FROM_SERVER, .proto = TCP, .sport = 53, .dport = 5000, .flags = SYN },
	}, {
		.claim = "another peer's reset to a guest's port is filtered", FILTERED,
		.in = { OUTSIDE, .saddr = SERVER + 1, .daddr = HOST_IP, .proto = TCP, .sport = 80, .dport = 5000, .flags = RST },
	}, {
		.claim = "an unsolicited packet with TTL 1 is filtered, and nobody is told", FILTERED,
		.in = { FROM_SERVER, .proto = UDP, .sport = 54, .dport = 5000, .ttl = 1 },
	}, {
		.claim = "an unsolicited packet from another uplink is filtered", .at = UPLINK2, FILTERED,
		.in = { FROM_SERVER, .proto = UDP, .sport = 54, .dport = 5000 },
	},
};

/* A socket of the host that came to a guest's port later. */
static void host_has_it(__u8 proto, __u32 addr, const char *what)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(addr), .sin_port = htons(5000) };
	const struct packet answer = { FROM_SERVER, ANSWER };
	struct row row = {
		.hook = FROM_UPLINK, .verdict = PASS,
		.in = { OUTSIDE, .saddr = SERVER + 1, .daddr = HOST_IP, .proto = proto, .sport = 99, .dport = 5000, .flags = SYN },
	};
	int fd;

	claim_begin();
	flows();
	fd = socket(AF_INET, proto == TCP ? SOCK_STREAM : SOCK_DGRAM, 0);
	CHECK(fd >= 0);
	CHECK(!bind(fd, (struct sockaddr *)&sa, sizeof(sa)));
	if (proto == TCP)
		CHECK(!listen(fd, 1));
	row_check(&row);
	CHECK_EQ(world_send(FROM_UPLINK, &answer), REDIRECT);
	close(fd);
	claim_end("an unsolicited packet is left alone for %s; the guest's are not", what);
}

static void flushed(void)
{
	flows();
	CHECK_EQ(world_flush(0, 0, 10), 3);
}

static const struct row unmapped[] = {
	{
		.claim = "an answer to a flow that was flushed is left alone", .hook = FROM_UPLINK, .before = flushed,
		.in = { FROM_SERVER, ANSWER },
		.verdict = PASS,
	},
};

static const struct row expiry[] = {
	{
		.claim = "a flow lives as long as its timeout", .hook = FROM_UPLINK,
		.before = silent_as_long_as_may_be,
		.in = { FROM_SERVER, ANSWER },
		.verdict = REDIRECT, .out = OUT(TO_ANN, ANSWER, .ttl = 63), .after = answered,
	}, {
		.claim = "a flow is dead a tick later", .hook = FROM_UPLINK,
		.before = silent_too_long,
		.in = { FROM_SERVER, ANSWER },
		.verdict = DROP, .drop = BECAUSE(FILTERED), .after = not_answered,
	}, {
		.claim = "a flow that its guest alone uses lives", .hook = FROM_UPLINK,
		.before = silent_inwards_only,
		.in = { FROM_SERVER, ANSWER },
		.verdict = REDIRECT, .out = OUT(TO_ANN, ANSWER, .ttl = 63), .after = answered,
	}, {
		.claim = "a flow that its peer alone uses lives", .hook = FROM_UPLINK,
		.before = silent_outwards_only,
		.in = { FROM_SERVER, ANSWER },
		.verdict = REDIRECT, .out = OUT(TO_ANN, ANSWER, .ttl = 63), .after = answered,
	},
};

static void port_restored(void)
{
	struct cv_tuple key = world_tuple(TCP, ANN_IP, 80, SERVER, 443);
	struct cv_flow f = {};
	struct row row = {
		.hook = FROM_UPLINK,
		.in = { FROM_SERVER, .proto = TCP, .sport = 443, .flags = SYN | ACK, .len = 3 },
		.verdict = REDIRECT,
		.out = OUT(TO_ANN, .proto = TCP, .sport = 443, .dport = 80, .flags = SYN | ACK, .len = 3, .ttl = 63),
	};

	claim_begin();
	world_send(TO_UPLINK, &from_80);
	CHECK(world_flow(&key, &f));
	row.in.dport = ntohs(f.port);
	CHECK(row.in.dport != 80);
	row_check(&row);
	claim_end("a reply to another port than the guest's gets the guest's back");
}

static void cut_short(void)
{
	const struct packet in = { FROM_SERVER, .proto = TCP, .sport = 80, .dport = 5000, .flags = SYN | ACK };

	claim_begin();
	flows();
	for (unsigned int cut = 34; cut < 54; cut++) {
		__u8 frame[PACKET_MAX], want[PACKET_MAX];
		unsigned int len = cut;

		packet_build(&in, frame);
		put16(frame + 16, cut - 14);
		memcpy(want, frame, cut);
		CHECK_EQ(world_run(FROM_UPLINK, 0, frame, &len, 0), PASS);
		CHECK_BYTES(frame, len, want, cut);
	}
	claim_end("a reply cut short anywhere is left alone");
}

int main(void)
{
	world_open();
	TABLE_RUN(replies);
	TABLE_RUN(foreign);
	TABLE_RUN(unsolicited);
	TABLE_RUN(unmapped);
	host_has_it(UDP, 0, "a host's UDP socket");
	host_has_it(UDP, HOST_IP, "a host's UDP socket on the uplink's address");
	host_has_it(TCP, 0, "a host's listener");
	TABLE_RUN(expiry);
	port_restored();
	cut_short();
	return table_end();
}
