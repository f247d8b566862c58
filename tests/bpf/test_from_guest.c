// SPDX-License-Identifier: GPL-2.0-only
/*
 * cv_from_guest, all but DHCP: nothing enters that does not speak in the
 * guest's own name; the gateway's ARP and echo are answered here.
 */
#include <stdio.h>
#include <string.h>

#include "table.h"

#define FROM_ANN	.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = ANN_IP
#define NOWHERE(why)	BECAUSE_OF(why, 0, 0)

/* --- the usual ways */

static const struct row ways[] = {
	{
		.claim = "UDP for the outside goes to the host end of the veth",
		.in = { FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .len = 20 },
		.verdict = REDIRECT,
	}, {
		.claim = "TCP for the outside goes to the host end of the veth",
		.in = { FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = SYN },
		.verdict = REDIRECT,
	}, {
		.claim = "a packet with IP options passes the guard",
		.in = { FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80,
			.flags = SYN, .options = "\x01\x01\x01\x00", .options_len = 4 },
		.verdict = REDIRECT,
	}, {
		.claim = "a padded frame passes the guard",
		.in = { FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .trailer = 18 },
		.verdict = REDIRECT,
	}, {
		.claim = "guest to guest is the bridge's",
		.in = { .dmac = BOB_MAC, .smac = ANN_MAC, .saddr = ANN_IP, .daddr = BOB_IP,
			.proto = UDP, .sport = 5000, .dport = 53 },
		.verdict = PASS,
	}, {
		.claim = "guest to guest is dropped in an isolated network",
		.at = DAN,
		.in = { .dmac = BOB_MAC, .smac = DAN_MAC, .saddr = ANN_IP, .daddr = BOB_IP,
			.proto = UDP, .sport = 5000, .dport = 53 },
		.verdict = DROP, .drop = BECAUSE_OF(ISOLATED, TWIN, DAN),
	}, {
		.claim = "a broadcast is the bridge's",
		.in = { .dmac = ALL_MAC, .smac = ANN_MAC, .saddr = ANN_IP, .daddr = 0xffffffff,
			.proto = UDP, .sport = 5000, .dport = 5000 },
		.verdict = PASS,
	}, {
		.claim = "a broadcast is dropped in an isolated network",
		.at = DAN,
		.in = { .dmac = ALL_MAC, .smac = DAN_MAC, .saddr = ANN_IP, .daddr = 0xffffffff,
			.proto = UDP, .sport = 5000, .dport = 5000 },
		.verdict = DROP, .drop = BECAUSE_OF(ISOLATED, TWIN, DAN),
	}, {
		.claim = "an isolated network's guest still reaches the outside",
		.at = DAN,
		.in = { .dmac = GATEWAY_MAC, .smac = DAN_MAC, .saddr = ANN_IP, .daddr = SERVER,
			.proto = UDP, .sport = 5000, .dport = 53 },
		.verdict = REDIRECT,
	}, {
		.claim = "UDP for the gateway, no DHCP, goes on to be refused by to_uplink",
		.in = { FROM_ANN, .daddr = GATEWAY, .proto = UDP, .sport = 5000, .dport = 53 },
		.verdict = REDIRECT,
	},
};

/* --- who speaks */

static const struct row spoofs[] = {
	{
		.claim = "another guest's MAC",
		.in = { .dmac = GATEWAY_MAC, .smac = BOB_MAC, .saddr = ANN_IP, .daddr = SERVER, .proto = UDP },
		.verdict = DROP, .drop = BECAUSE(SPOOFED_MAC),
	}, {
		.claim = "the gateway's MAC",
		.in = { .dmac = BOB_MAC, .smac = GATEWAY_MAC, .saddr = ANN_IP, .daddr = BOB_IP, .proto = UDP },
		.verdict = DROP, .drop = BECAUSE(SPOOFED_MAC),
	}, {
		.claim = "a MAC that differs in its last bit",
		.in = { .dmac = GATEWAY_MAC, .smac = ANN_MAC ^ 1, .saddr = ANN_IP, .daddr = SERVER, .proto = UDP },
		.verdict = DROP, .drop = BECAUSE(SPOOFED_MAC),
	}, {
		.claim = "a MAC that differs in its first bit",
		.in = { .dmac = GATEWAY_MAC, .smac = ANN_MAC ^ 1ULL << 47, .saddr = ANN_IP, .daddr = SERVER,
			.proto = UDP },
		.verdict = DROP, .drop = BECAUSE(SPOOFED_MAC),
	}, {
		.claim = "a forged MAC is named before a forged address",
		.in = { .dmac = GATEWAY_MAC, .smac = BOB_MAC, .saddr = BOB_IP, .daddr = SERVER, .proto = UDP },
		.verdict = DROP, .drop = BECAUSE(SPOOFED_MAC),
	}, {
		.claim = "another guest's address",
		.in = { .dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = BOB_IP, .daddr = SERVER, .proto = UDP },
		.verdict = DROP, .drop = BECAUSE(SPOOFED_IP),
	}, {
		.claim = "the gateway's address",
		.in = { .dmac = BOB_MAC, .smac = ANN_MAC, .saddr = GATEWAY, .daddr = BOB_IP, .proto = TCP,
			.flags = SYN },
		.verdict = DROP, .drop = BECAUSE(SPOOFED_IP),
	}, {
		.claim = "no address, and no DHCP",
		.in = { .dmac = GATEWAY_MAC, .smac = ANN_MAC, .daddr = SERVER, .proto = UDP },
		.verdict = DROP, .drop = BECAUSE(SPOOFED_IP),
	}, {
		.claim = "a guest without address may use none",
		.at = EVE,
		.in = { .dmac = GATEWAY_MAC, .smac = EVE_MAC, .saddr = BOB_IP, .daddr = SERVER, .proto = UDP },
		.verdict = DROP, .drop = BECAUSE_OF(SPOOFED_IP, NET, EVE),
	}, {
		.claim = "a guest without address may not use 0.0.0.0",
		.at = EVE,
		.in = { .dmac = GATEWAY_MAC, .smac = EVE_MAC, .daddr = SERVER, .proto = UDP },
		.verdict = DROP, .drop = BECAUSE_OF(SPOOFED_IP, NET, EVE),
	}, {
		.claim = "another guest's address on a later fragment",
		.in = { .dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = BOB_IP, .daddr = SERVER, .proto = UDP,
			.frag = 100, .len = 64 },
		.verdict = DROP, .drop = BECAUSE(SPOOFED_IP),
	}, {
		.claim = "a link that is no port",
		.at = NOBODY,
		.in = { FROM_ANN, .daddr = SERVER, .proto = UDP },
		.verdict = DROP, .drop = NOWHERE(UNKNOWN_PORT),
	}, {
		.claim = "a DHCP server's reply",
		.in = { .dmac = BOB_MAC, .smac = ANN_MAC, .saddr = ANN_IP, .daddr = BOB_IP, .proto = UDP,
			.sport = 67, .dport = 68, .len = 300 },
		.verdict = DROP, .drop = BECAUSE(ROGUE_DHCP),
	}, {
		.claim = "a DHCP server's reply to a server's port",
		.in = { .dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = ANN_IP, .daddr = SERVER, .proto = UDP,
			.sport = 67, .dport = 67, .len = 300 },
		.verdict = DROP, .drop = BECAUSE(ROGUE_DHCP),
	}, {
		.claim = "a DHCP reply from another port to a client's",
		.in = { .dmac = BOB_MAC, .smac = ANN_MAC, .saddr = ANN_IP, .daddr = BOB_IP, .proto = UDP,
			.sport = 6767, .dport = 68, .len = 300 },
		.verdict = DROP, .drop = BECAUSE(ROGUE_DHCP),
	}, {
		.claim = "the first fragment of a DHCP server's reply",
		.in = { .dmac = BOB_MAC, .smac = ANN_MAC, .saddr = ANN_IP, .daddr = BOB_IP, .proto = UDP,
			.sport = 67, .dport = 68, .len = 296, .frag = MF },
		.verdict = DROP, .drop = BECAUSE(ROGUE_DHCP),
	},
};

static void forget_network(void)
{
	static const struct cv_network none;

	world_set_network(NET, &none);
}

static const struct row no_network[] = {
	{
		.claim = "the port of a network that is gone",
		.before = forget_network,
		.in = { FROM_ANN, .daddr = SERVER, .proto = UDP },
		.verdict = DROP, .drop = BECAUSE(UNKNOWN_PORT),
	},
};

/* --- echo of the gateway */

static void first_echo(void)
{
	static const struct packet p = {
		FROM_ANN, .daddr = GATEWAY, .proto = ICMP, .type = ECHO, .id = 9, .frag = MF, .len = 1472,
	};

	CHECK_EQ(world_send(FROM_GUEST, &p), REDIRECT);
}

static const struct row echoes[] = {
	{
		.claim = "echo of the gateway is answered",
		.in = { FROM_ANN, .daddr = GATEWAY, .proto = ICMP, .type = ECHO, .sport = 77, .dport = 1,
			.id = 4711, .len = 56 },
		.verdict = REDIRECT,
		.out = OUT(.dmac = ANN_MAC, .smac = GATEWAY_MAC, .saddr = GATEWAY, .daddr = ANN_IP,
			   .proto = ICMP, .type = ECHO_REPLY, .sport = 77, .dport = 1, .id = 4711, .len = 56),
	}, {
		.claim = "echo with TTL 1, TOS, DF and IP options is answered with TTL 64",
		.in = { FROM_ANN, .daddr = GATEWAY, .proto = ICMP, .type = ECHO, .sport = 1, .dport = 2,
			.ttl = 1, .tos = 0x10, .frag = DF, .options = "\x01\x01\x01\x00", .options_len = 4,
			.len = 1 },
		.verdict = REDIRECT,
		.out = OUT(.dmac = ANN_MAC, .smac = GATEWAY_MAC, .saddr = GATEWAY, .daddr = ANN_IP,
			   .proto = ICMP, .type = ECHO_REPLY, .sport = 1, .dport = 2, .tos = 0x10,
			   .frag = DF, .options = "\x01\x01\x01\x00", .options_len = 4, .len = 1),
	}, {
		.claim = "the longest echo in one frame is answered",
		.in = { FROM_ANN, .daddr = GATEWAY, .proto = ICMP, .type = ECHO, .len = 1472 },
		.verdict = REDIRECT,
		.out = OUT(.dmac = ANN_MAC, .smac = GATEWAY_MAC, .saddr = GATEWAY, .daddr = ANN_IP,
			   .proto = ICMP, .type = ECHO_REPLY, .len = 1472),
	}, {
		.claim = "the first fragment of an echo is answered",
		.in = { FROM_ANN, .daddr = GATEWAY, .proto = ICMP, .type = ECHO, .sport = 3, .id = 9,
			.frag = MF, .len = 1472 },
		.verdict = REDIRECT,
		.out = OUT(.dmac = ANN_MAC, .smac = GATEWAY_MAC, .saddr = GATEWAY, .daddr = ANN_IP,
			   .proto = ICMP, .type = ECHO_REPLY, .sport = 3, .id = 9, .frag = MF, .len = 1472),
	}, {
		.claim = "a later fragment of an echo is answered when its first was", .before = first_echo,
		.in = { FROM_ANN, .daddr = GATEWAY, .proto = ICMP, .id = 9, .frag = 185, .len = 528 },
		.verdict = REDIRECT,
		.out = OUT(.dmac = ANN_MAC, .smac = GATEWAY_MAC, .saddr = GATEWAY, .daddr = ANN_IP,
			   .proto = ICMP, .id = 9, .frag = 185, .len = 528),
	}, {
		.claim = "a later fragment of nothing that we know goes on",
		.in = { FROM_ANN, .daddr = GATEWAY, .proto = ICMP, .id = 9, .frag = 185, .len = 528 },
		.verdict = REDIRECT,
	}, {
		.claim = "a later fragment of another datagram goes on", .before = first_echo,
		.in = { FROM_ANN, .daddr = GATEWAY, .proto = ICMP, .id = 10, .frag = 185, .len = 528 },
		.verdict = REDIRECT,
	}, {
		.claim = "an echo reply for the gateway is not answered",
		.in = { FROM_ANN, .daddr = GATEWAY, .proto = ICMP, .type = ECHO_REPLY, .sport = 77 },
		.verdict = REDIRECT,
	}, {
		.claim = "echo of another host goes on",
		.in = { FROM_ANN, .daddr = SERVER, .proto = ICMP, .type = ECHO, .sport = 77 },
		.verdict = REDIRECT,
	}, {
		.claim = "echo of the gateway in another guest's name is dropped",
		.in = { .dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = BOB_IP, .daddr = GATEWAY,
			.proto = ICMP, .type = ECHO },
		.verdict = DROP, .drop = BECAUSE(SPOOFED_IP),
	},
};

/* --- every class of a field */

/* The kernel's test run takes no IPv4 frame below 34 bytes: test_live.c has those. */
static void lengths(void)
{
	const struct row whole = {
		.in = { FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80,
			.flags = SYN, .options = "\x01\x01\x01\x00", .options_len = 4, .len = 71 },
	};
	const struct cv_drop_key malformed = BECAUSE(MALFORMED);
	__u8 frame[PACKET_MAX];
	unsigned int len, cut;
	int verdict;

	claim_begin();
	packet_build(&whole.in, frame);
	for (cut = 34; cut <= 128; cut++) {
		packet_build(&whole.in, frame);
		len = cut;
		drops_clear();
		verdict = world_run(FROM_GUEST, 0, frame, &len, 0);
		CHECK_EQ(verdict, DROP);
		CHECK_DROPS(&malformed, 1);
	}
	claim_end("a frame cut short anywhere up to 128 bytes is malformed");

	claim_begin();
	for (cut = 34; cut <= 128; cut++) {
		packet_build(&whole.in, frame);
		put16(frame + 16, cut - 14);
		len = cut;
		drops_clear();
		verdict = world_run(FROM_GUEST, 0, frame, &len, 0);
		CHECK_EQ(verdict, cut < 14 + 24 + 20 ? DROP : REDIRECT);
		CHECK_DROPS(&malformed, cut < 14 + 24 + 20);
	}
	claim_end("a datagram shorter than its headers is malformed, one byte more is not");
}

static void each_ihl(void)
{
	claim_begin();
	for (__u8 ihl = 0; ihl < 16; ihl++) {
		struct row row = {
			.in = { FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .len = 100 },
			.verdict = ihl >= 5 ? REDIRECT : DROP,
		};
		__u8 frame[PACKET_MAX];
		unsigned int len = packet_build(&row.in, frame);
		const struct cv_drop_key malformed = BECAUSE(MALFORMED);

		frame[14] = 0x40 | ihl;
		drops_clear();
		CHECK_EQ(world_run(FROM_GUEST, 0, frame, &len, 0), row.verdict);
		CHECK_DROPS(&malformed, ihl < 5);
	}
	claim_end("header lengths below 20 bytes are malformed, all others are not");
}

static void each_version(void)
{
	claim_begin();
	for (__u8 version = 0; version < 16; version++) {
		struct row row = {
			.in = { FROM_ANN, .daddr = SERVER, .proto = UDP, .version = version, .len = 100 },
			.verdict = version == 4 || !version ? REDIRECT : DROP,
			.drop = { version == 4 || !version ? 0 : CV_DROP_MALFORMED, NET, ANN },
		};

		row_check(&row);
	}
	claim_end("IP versions other than 4 are malformed");
}

static void each_protocol(void)
{
	claim_begin();
	for (unsigned int proto = 0; proto < 256; proto++) {
		struct row row = {
			.in = { FROM_ANN, .daddr = SERVER, .proto = proto, .type = ECHO, .len = 64 },
			.verdict = REDIRECT,
		};

		row_check(&row);
	}
	claim_end("every protocol passes the guard in the guest's own name");

	claim_begin();
	for (unsigned int proto = 0; proto < 256; proto++) {
		struct row row = {
			.in = { .smac = ANN_MAC, .dmac = GATEWAY_MAC, .saddr = BOB_IP, .daddr = SERVER,
				.proto = proto, .type = ECHO, .len = 64 },
			.verdict = DROP, .drop = BECAUSE(SPOOFED_IP),
		};

		row_check(&row);
	}
	claim_end("no protocol passes the guard in another's name");
}

static void each_ethertype(void)
{
	claim_begin();
	for (unsigned int type = 1; type < 0x10000; type += type < 0x700 || type > 0x7f0 ? 97 : 1) {
		struct row row = {
			.in = { FROM_ANN, .ethertype = type, .len = 60 },
			.verdict = DROP, .drop = BECAUSE(ETHERTYPE),
		};

		if (type == 0x0800 || type == 0x0806 || type == 0x86dd)
			continue;
		row_check(&row);
	}
	claim_end("ethertypes other than IPv4 and ARP are dropped and counted");
}

static const struct row odd[] = {
	{
		.claim = "IPv6 is dropped and counted",
		.in = { FROM_ANN, .ethertype = 0x86dd, .len = 60 },
		.verdict = DROP, .drop = BECAUSE(IPV6),
	}, {
		.claim = "a total length beyond the frame is malformed",
		.in = { FROM_ANN, .daddr = SERVER, .proto = UDP, .tot_len = 49, .len = 20 },
		.verdict = DROP, .drop = BECAUSE(MALFORMED),
	}, {
		.claim = "a total length below the header's is malformed",
		.in = { FROM_ANN, .daddr = SERVER, .proto = UDP, .tot_len = 19, .len = 20 },
		.verdict = DROP, .drop = BECAUSE(MALFORMED),
	}, {
		.claim = "a UDP header behind the datagram's end, in the padding, is malformed",
		.in = { FROM_ANN, .daddr = SERVER, .proto = UDP, .tot_len = 24, .len = 20 },
		.verdict = DROP, .drop = BECAUSE(MALFORMED),
	}, {
		.claim = "a TCP header behind the datagram's end, in the padding, is malformed",
		.in = { FROM_ANN, .daddr = SERVER, .proto = TCP, .flags = SYN, .tot_len = 36, .len = 20 },
		.verdict = DROP, .drop = BECAUSE(MALFORMED),
	}, {
		.claim = "a TCP header split between fragments (RFC 1858) is malformed",
		.in = { FROM_ANN, .daddr = SERVER, .proto = TCP, .frag = 1, .len = 32 },
		.verdict = DROP, .drop = BECAUSE(MALFORMED),
	}, {
		.claim = "a total length below the frame's is padding",
		.in = { FROM_ANN, .daddr = SERVER, .proto = UDP, .tot_len = 28, .len = 20 },
		.verdict = REDIRECT,
	},
};

int main(void)
{
	world_open();
	TABLE_RUN(ways);
	TABLE_RUN(spoofs);
	TABLE_RUN(no_network);
	TABLE_RUN(echoes);
	TABLE_RUN(odd);
	lengths();
	each_ihl();
	each_version();
	each_protocol();
	each_ethertype();
	return table_end();
}
