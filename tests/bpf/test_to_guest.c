// SPDX-License-Identifier: GPL-2.0-only
/*
 * cv_to_guest: a tagged frame is delivered to the port that its tag names; the
 * host's own packets open the way for their answers, and for nothing else.
 */
#include <stdio.h>
#include <string.h>

#include "table.h"

#define TAGGED(slot)	.dmac = TAG_MAC(slot), .smac = PEER_MAC
#define DELIVERED(mac)	.dmac = (mac), .smac = GATEWAY_MAC
/* The host's, to a guest whose MAC it knows by ARP. */
#define HOST_MAC	0x02bb00000001ULL
#define FROM_HOST	.dmac = ANN_MAC, .smac = HOST_MAC, .saddr = GATEWAY, .daddr = ANN_IP
#define SSH		.proto = TCP, .sport = 50000, .dport = 22
#define SSH_ANSWER	.proto = TCP, .sport = 22, .dport = 50000

/* --- tagged */

static void peer_delivery(void)
{
	struct cv_port port = world_port(ANN);

	port.kind = CV_PORT_VETH;
	port.flags |= CV_PORT_PEER;
	world_set_port(ANN, &port);
}

static void ann_moved(void)
{
	struct cv_port port = world_port(ANN);

	port.ip = htonl(IP(10, 77, 0, 50));
	world_set_port(ANN, &port);
}

static const struct row tagged[] = {
	{
		.claim = "a tagged frame gets the MACs of guest and gateway", .hook = TO_GUEST,
		.in = { TAGGED(ANN), .saddr = SERVER, .daddr = ANN_IP, .proto = UDP, .sport = 53, .dport = 5000, .len = 20 },
		.verdict = REDIRECT,
		.out = OUT(DELIVERED(ANN_MAC), .saddr = SERVER, .daddr = ANN_IP, .proto = UDP, .sport = 53,
			   .dport = 5000, .len = 20),
	}, {
		.claim = "a tagged frame for a veth is delivered likewise", .hook = TO_GUEST, .before = peer_delivery,
		.in = { TAGGED(ANN), .saddr = SERVER, .daddr = ANN_IP, .proto = UDP, .sport = 53, .dport = 5000, .len = 20 },
		.verdict = REDIRECT,
		.out = OUT(DELIVERED(ANN_MAC), .saddr = SERVER, .daddr = ANN_IP, .proto = UDP, .sport = 53,
			   .dport = 5000, .len = 20),
	}, {
		.claim = "a tagged fragment is delivered", .hook = TO_GUEST,
		.in = { TAGGED(BOB), .saddr = SERVER, .daddr = BOB_IP, .proto = UDP, .frag = 185, .len = 100 },
		.verdict = REDIRECT,
		.out = OUT(DELIVERED(BOB_MAC), .saddr = SERVER, .daddr = BOB_IP, .proto = UDP, .frag = 185, .len = 100),
	}, {
		.claim = "a tag of a guest with another address is stale", .hook = TO_GUEST,
		.in = { TAGGED(BOB), .saddr = SERVER, .daddr = ANN_IP, .proto = UDP },
		.verdict = DROP, .drop = BECAUSE_OF(STALE_PORT, NET, BOB),
	}, {
		.claim = "a tag of a guest whose address changed is stale", .hook = TO_GUEST, .before = ann_moved,
		.in = { TAGGED(ANN), .saddr = SERVER, .daddr = ANN_IP, .proto = UDP },
		.verdict = DROP, .drop = BECAUSE(STALE_PORT),
	}, {
		.claim = "a tag of a guest of another network is stale", .hook = TO_GUEST,
		.in = { TAGGED(DAN), .saddr = SERVER, .daddr = ANN_IP, .proto = UDP },
		.verdict = DROP, .drop = BECAUSE_OF(STALE_PORT, NET, DAN),
	}, {
		.claim = "a tag of no port is stale", .hook = TO_GUEST,
		.in = { TAGGED(NOBODY), .saddr = SERVER, .daddr = ANN_IP, .proto = UDP },
		.verdict = DROP, .drop = BECAUSE_OF(STALE_PORT, NET, NOBODY),
	}, {
		.claim = "a tag beyond all ports is stale", .hook = TO_GUEST,
		.in = { TAGGED(0x10005), .saddr = SERVER, .daddr = ANN_IP, .proto = UDP },
		.verdict = DROP, .drop = BECAUSE_OF(STALE_PORT, NET, 0x10005),
	},
};

/* --- the host's own */

static void host_flow(void)
{
	struct cv_tuple key = world_tuple(TCP, ANN_IP, 22, GATEWAY, 50000);
	struct cv_flow f = {};

	CHECK(world_flow(&key, &f));
	CHECK_EQ(f.flags, CV_FLOW_HOST);
	CHECK_EQ(f.slot, ANN);
	CHECK_EQ(f.state, CV_FLOW_OPEN);
	CHECK_EQ(f.timeout_ticks, CV_TICKS(240));
	CHECK(world_tick() - f.in_tick <= 1);
	CHECK_EQ(f.in_packets, 1);
	CHECK_EQ(f.out_packets, 0);
	CHECK_EQ(world_entries(world.flows, sizeof(key)), 1);
	CHECK_EQ(world_use(world.port_use, ANN).flows, 1);
	CHECK_EQ(world_use(world.network_use, NET).flows, 1);
}

static void no_flow(void)
{
	CHECK_EQ(world_entries(world.flows, sizeof(struct cv_tuple)), 0);
	CHECK_EQ(world_use(world.port_use, ANN).flows, 0);
}

static void ann_full(void)
{
	struct cv_port port = world_port(ANN);

	port.max_flows = 0;
	world_set_port(ANN, &port);
}

static const struct row from_host[] = {
	{
		.claim = "the host's TCP reaches a guest and opens the way back", .hook = TO_GUEST,
		.in = { FROM_HOST, SSH, .flags = SYN },
		.verdict = REDIRECT, .after = host_flow,
		.out = OUT(DELIVERED(ANN_MAC), .saddr = GATEWAY, .daddr = ANN_IP, SSH, .flags = SYN),
	}, {
		.claim = "a guest without a flow to spare is not reached", .hook = TO_GUEST, .before = ann_full,
		.in = { FROM_HOST, SSH, .flags = SYN },
		.verdict = DROP, .drop = BECAUSE(PORT_FLOWS), .after = no_flow,
	}, {
		.claim = "a later fragment of the host's is delivered and opens nothing", .hook = TO_GUEST,
		.in = { FROM_HOST, .proto = UDP, .frag = 185, .len = 100 },
		.verdict = REDIRECT, .after = no_flow,
		.out = OUT(DELIVERED(ANN_MAC), .saddr = GATEWAY, .daddr = ANN_IP, .proto = UDP, .frag = 185, .len = 100),
	}, {
		.claim = "the host's ICMP error is delivered and opens nothing", .hook = TO_GUEST,
		.in = { FROM_HOST, .proto = ICMP, .type = UNREACHABLE, .code = 3,
			.quote = QUOTE(.saddr = ANN_IP, .daddr = GATEWAY, .proto = UDP, .sport = 1, .dport = 2) },
		.verdict = REDIRECT, .after = no_flow,
		.out = OUT(DELIVERED(ANN_MAC), .saddr = GATEWAY, .daddr = ANN_IP, .proto = ICMP, .type = UNREACHABLE,
			   .code = 3, .quote = QUOTE(.saddr = ANN_IP, .daddr = GATEWAY, .proto = UDP, .sport = 1,
						     .dport = 2)),
	}, {
		.claim = "an address that no guest has", .hook = TO_GUEST,
		.in = { .saddr = GATEWAY, .daddr = IP(10, 77, 0, 99), SSH, .flags = SYN },
		.verdict = DROP, .drop = BECAUSE_OF(NO_GUEST, NET, 0),
	}, {
		.claim = "the network's broadcast address reaches no guest", .hook = TO_GUEST,
		.in = { .dmac = ALL_MAC, .saddr = GATEWAY, .daddr = IP(10, 77, 0, 255), .proto = UDP },
		.verdict = DROP, .drop = BECAUSE_OF(NO_GUEST, NET, 0),
	}, {
		.claim = "the host's multicast reaches no guest", .hook = TO_GUEST,
		.in = { .saddr = GATEWAY, .daddr = IP(224, 0, 0, 251), .proto = UDP, .sport = 5353, .dport = 5353 },
		.verdict = DROP, .drop = BECAUSE_OF(NOT_UNICAST, NET, 0),
	}, {
		.claim = "the host's broadcast reaches no guest", .hook = TO_GUEST,
		.in = { .dmac = ALL_MAC, .saddr = GATEWAY, .daddr = 0xffffffff, .proto = UDP },
		.verdict = DROP, .drop = BECAUSE_OF(NOT_UNICAST, NET, 0),
	}, {
		.claim = "other protocols of the host reach its guest", .hook = TO_GUEST,
		.in = { FROM_HOST, .proto = 47, .len = 64 }, .verdict = REDIRECT,
		.out = OUT(DELIVERED(ANN_MAC), .saddr = GATEWAY, .daddr = ANN_IP, .proto = 47, .len = 64),
	}, {
		.claim = "IPv6 of the host is dropped", .hook = TO_GUEST,
		.in = { .dmac = 0x3333000000fbULL, .ethertype = 0x86dd, .len = 60 },
		.verdict = DROP, .drop = BECAUSE_OF(IPV6, NET, 0),
	}, {
		.claim = "other ethertypes of the host are dropped", .hook = TO_GUEST,
		.in = { .dmac = ANN_MAC, .ethertype = 0x88cc, .len = 60 },
		.verdict = DROP, .drop = BECAUSE_OF(ETHERTYPE, NET, 0),
	}, {
		.claim = "a malformed packet of the host is dropped", .hook = TO_GUEST,
		.in = { FROM_HOST, SSH, .flags = SYN, .ihl = 4 },
		.verdict = DROP, .drop = BECAUSE_OF(MALFORMED, NET, 0),
	}, {
		.claim = "a packet that the host forwards from outside reaches no guest", .hook = TO_GUEST,
		.in = { .dmac = ANN_MAC, .smac = HOST_MAC, .saddr = SERVER, .daddr = ANN_IP, SSH, .flags = SYN },
		.verdict = DROP, .drop = BECAUSE_OF(INBOUND_CLOSED, NET, 0), .after = no_flow,
	},
};

/* --- the guest's answers to the host, at to_uplink */

static const struct packet ssh = { FROM_HOST, SSH, .flags = SYN };
static const struct packet ping = { FROM_HOST, .proto = ICMP, .type = ECHO, .sport = 7, .dport = 1 };

static void host_spoke(void)
{
	CHECK_EQ(world_send(TO_GUEST, &ssh), REDIRECT);
	CHECK_EQ(world_send(TO_GUEST, &ping), REDIRECT);
}

static void host_spoke_long_ago(void)
{
	struct cv_tuple key = world_tuple(TCP, ANN_IP, 22, GATEWAY, 50000);

	host_spoke();
	world_tick_begin();
	world_age(&key, CV_TICKS(7440) + 1, CV_TICKS(7440) + 1);
}

static void guest_was_silent(void)
{
	struct cv_tuple key = world_tuple(TCP, ANN_IP, 22, GATEWAY, 50000);

	host_spoke();
	world_tick_begin();
	world_age(&key, CV_TICKS(7440) + 1, 0);
}

#define ANSWER_TO_HOST	.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = ANN_IP, .daddr = GATEWAY

static const struct row answers[] = {
	{
		.claim = "a guest's answer to the host's TCP passes untouched", .hook = TO_UPLINK, .before = host_spoke,
		.in = { ANSWER_TO_HOST, SSH_ANSWER, .flags = SYN | ACK },
		.verdict = PASS,
	}, {
		.claim = "a guest's reset of the host's TCP passes untouched", .hook = TO_UPLINK, .before = host_spoke,
		.in = { ANSWER_TO_HOST, SSH_ANSWER, .flags = RST | ACK },
		.verdict = PASS,
	}, {
		.claim = "a guest's answer with TTL 1 passes to the host", .hook = TO_UPLINK, .before = host_spoke,
		.in = { ANSWER_TO_HOST, SSH_ANSWER, .flags = ACK, .ttl = 1 },
		.verdict = PASS,
	}, {
		.claim = "a guest's echo reply passes to the host", .hook = TO_UPLINK, .before = host_spoke,
		.in = { ANSWER_TO_HOST, .proto = ICMP, .type = ECHO_REPLY, .sport = 7, .dport = 1 },
		.verdict = PASS,
	}, {
		.claim = "a guest's port-unreachable about the host's packet passes", .hook = TO_UPLINK, .before = host_spoke,
		.in = { ANSWER_TO_HOST, .proto = ICMP, .type = UNREACHABLE, .code = 3,
			.quote = QUOTE(.saddr = GATEWAY, .daddr = ANN_IP, SSH, .flags = SYN) },
		.verdict = PASS,
	}, {
		.claim = "an answer from another port does not pass", .hook = TO_UPLINK, .before = host_spoke,
		.in = { ANSWER_TO_HOST, .proto = TCP, .sport = 23, .dport = 50000, .flags = SYN | ACK },
		.verdict = REDIRECT, .drop = BECAUSE(HOST_CLOSED),
		.out = OUT(.dmac = TAG_MAC(ANN), .saddr = GATEWAY, .daddr = ANN_IP, .proto = ICMP, .frag = DF, .type = UNREACHABLE,
			   .code = 13, .quote = QUOTE(.saddr = ANN_IP, .daddr = GATEWAY, .proto = TCP, .sport = 23,
						      .dport = 50000, .flags = SYN | ACK)),
	}, {
		.claim = "an answer to what the host said just now passes, however late", .hook = TO_UPLINK,
		.before = guest_was_silent,
		.in = { ANSWER_TO_HOST, SSH_ANSWER, .flags = ACK },
		.verdict = PASS,
	}, {
		.claim = "an answer to a flow of long ago does not pass", .hook = TO_UPLINK, .before = host_spoke_long_ago,
		.in = { ANSWER_TO_HOST, SSH_ANSWER, .flags = ACK },
		.verdict = REDIRECT, .drop = BECAUSE(HOST_CLOSED),
		.out = OUT(.dmac = TAG_MAC(ANN), .saddr = GATEWAY, .daddr = ANN_IP, .proto = ICMP, .frag = DF, .type = UNREACHABLE,
			   .code = 13, .quote = QUOTE(.saddr = ANN_IP, .daddr = GATEWAY, SSH_ANSWER, .flags = ACK)),
	},
};

/* --- the states of the host's connections, by what the guest's next packet meets */

static const struct {
	const char *claim;
	struct {
		enum hook hook;
		__u8 flags;
	} steps[4];
	__u16 timeout_s;
} host_states[] = {
	{ "the host's SYN waits four minutes", { { TO_GUEST, SYN } }, 240 },
	{ "the guest's answer makes it long-lived", { { TO_GUEST, SYN }, { TO_UPLINK, SYN | ACK } }, 7440 },
	{ "data keeps it so", { { TO_GUEST, SYN }, { TO_UPLINK, SYN | ACK }, { TO_GUEST, PSH | ACK } }, 7440 },
	{ "the host's FIN begins its end", { { TO_GUEST, SYN }, { TO_UPLINK, SYN | ACK }, { TO_GUEST, FIN | ACK } }, 240 },
	{ "the guest's FIN begins its end", { { TO_GUEST, SYN }, { TO_UPLINK, SYN | ACK }, { TO_UPLINK, FIN | ACK } }, 240 },
	{ "the guest's reset begins its end", { { TO_GUEST, SYN }, { TO_UPLINK, RST | ACK } }, 240 },
	{ "the host's reset begins its end", { { TO_GUEST, SYN }, { TO_UPLINK, SYN | ACK }, { TO_GUEST, RST } }, 240 },
	{ "the host opens its ports again",
	  { { TO_GUEST, SYN }, { TO_UPLINK, RST | ACK }, { TO_GUEST, SYN }, { TO_UPLINK, SYN | ACK } }, 7440 },
};

static void run_host_states(void)
{
	const struct cv_tuple key = world_tuple(TCP, ANN_IP, 22, GATEWAY, 50000);
	struct cv_flow f = {};

	for (unsigned int i = 0; i < sizeof(host_states) / sizeof(host_states[0]); i++) {
		claim_begin();
		for (unsigned int s = 0; s < 4 && host_states[i].steps[s].flags; s++) {
			struct packet from_ann = { ANSWER_TO_HOST, SSH_ANSWER }, to_ann = { FROM_HOST, SSH };

			from_ann.flags = to_ann.flags = host_states[i].steps[s].flags;
			if (host_states[i].steps[s].hook == TO_GUEST)
				CHECK_EQ(world_send(TO_GUEST, &to_ann), REDIRECT);
			else
				CHECK_EQ(world_send(TO_UPLINK, &from_ann), PASS);
		}
		CHECK(world_flow(&key, &f));
		CHECK_EQ(f.timeout_ticks, CV_TICKS(host_states[i].timeout_s));
		CHECK_EQ(world_use(world.port_use, ANN).flows, 1);
		claim_end("%s", host_states[i].claim);
	}
}

int main(void)
{
	world_open();
	TABLE_RUN(tagged);
	TABLE_RUN(from_host);
	TABLE_RUN(answers);
	run_host_states();
	return table_end();
}
