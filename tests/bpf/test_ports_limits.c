// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many ports outside a guest and a network may have (RFC 6888 REQ-4): a
 * mapping that is there serves as many flows as one likes.
 */
#include <string.h>

#include "inbound.h"

#define QUERY(port)	FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = (port), .dport = 53, .len = 20
#define LEFT		.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = HOST_IP, .daddr = SERVER, .ttl = 63
#define FROM_BOB	.dmac = GATEWAY_MAC, .smac = BOB_MAC, .saddr = BOB_IP
#define REFUSED		.dmac = TAG_MAC(ANN), .saddr = GATEWAY, .daddr = ANN_IP, .proto = ICMP, .frag = DF, \
			.type = UNREACHABLE, .code = 13

static void limit_port(__u32 n)
{
	struct cv_port port = world_port(ANN);

	port.max_ports = n;
	world_set_port(ANN, &port);
}

static void limit_network(__u32 n)
{
	struct cv_network net = world_network(NET);

	net.max_ports = n;
	world_set_network(NET, &net);
}

static void query(__u16 port)
{
	CHECK_EQ(world_send(TO_UPLINK, &(const struct packet) { QUERY(port) }), REDIRECT);
}

static void two_of_two(void)
{
	limit_port(2);
	query(5000);
	query(5001);
}

static void two_of_three(void)
{
	limit_port(3);
	query(5000);
	query(5001);
}

static void two_of_the_network(void)
{
	limit_network(2);
	query(5000);
	query(5001);
}

static void ports_forgotten(void)
{
	two_of_two();
	CHECK_EQ(world_flush(0, 0, 10), 2);
}

static void forwarded(void)
{
	struct cv_external *e = world_external(HOST_IP, TCP, 8080);

	e->word = EXTERNAL(ANN, 80, 1);
	e->flags = CV_EXTERNAL_FORWARD;
	limit_port(1);
}

static void has(__u32 n)
{
	CHECK_EQ(world_use(world.port_use, ANN).ports, n);
	CHECK_EQ(world_use(world.network_use, NET).ports, n);
}

static void has_one(void)
{
	has(1);
}

static void has_two(void)
{
	has(2);
	CHECK_EQ(world_use(world.port_use, ANN).flows, 2);
}

static void has_three(void)
{
	has(3);
}

static void has_two_for_three_flows(void)
{
	has(2);
	CHECK_EQ(world_use(world.port_use, ANN).flows, 3);
}

static const struct row rows[] = {
	{
		.claim = "a guest has no more ports than its limit, and is told", .hook = TO_UPLINK, .before = two_of_two,
		.in = { QUERY(5002) }, .verdict = REDIRECT, .drop = BECAUSE(PORT_PORTS), .after = has_two,
		.out = OUT(REFUSED, .quote = QUOTE(QUERY(5002))),
	}, {
		.claim = "up to its limit it has", .hook = TO_UPLINK, .before = two_of_three,
		.in = { QUERY(5002) }, .verdict = REDIRECT, .after = has_three,
		.out = OUT(LEFT, .proto = UDP, .sport = 5002, .dport = 53, .len = 20),
	}, {
		.claim = "identifiers of echoes are among them", .hook = TO_UPLINK, .before = two_of_two,
		.in = { FROM_ANN, .daddr = SERVER, .proto = ICMP, .type = ECHO, .sport = 7, .len = 8 },
		.verdict = REDIRECT, .drop = BECAUSE(PORT_PORTS), .after = has_two,
		.out = OUT(REFUSED, .quote = QUOTE(FROM_ANN, .daddr = SERVER, .proto = ICMP, .type = ECHO, .sport = 7,
						   .len = 8)),
	}, {
		.claim = "ports of TCP are among them", .hook = TO_UPLINK, .before = two_of_two,
		.in = { FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = SYN },
		.verdict = REDIRECT, .drop = BECAUSE(PORT_PORTS), .after = has_two,
		.out = OUT(REFUSED, .quote = QUOTE(FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80,
						   .flags = SYN)),
	}, {
		.claim = "a port that is there serves another peer", .hook = TO_UPLINK, .before = two_of_two,
		.in = { FROM_ANN, .daddr = SERVER + 1, .proto = UDP, .sport = 5000, .dport = 53 }, .verdict = REDIRECT,
		.after = has_two_for_three_flows,
		.out = OUT(.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = HOST_IP, .daddr = SERVER + 1, .ttl = 63,
			   .proto = UDP, .sport = 5000, .dport = 53),
	}, {
		.claim = "flows that are there go on", .hook = TO_UPLINK, .before = two_of_two,
		.in = { QUERY(5001) }, .verdict = REDIRECT, .after = has_two,
		.out = OUT(LEFT, .proto = UDP, .sport = 5001, .dport = 53, .len = 20),
	}, {
		.claim = "its neighbour is not touched", .hook = TO_UPLINK, .before = two_of_two,
		.in = { FROM_BOB, .daddr = SERVER, .proto = UDP, .sport = 5002, .dport = 53 }, .verdict = REDIRECT,
		.out = OUT(.dmac = GATEWAY_MAC, .smac = BOB_MAC, .saddr = HOST_IP, .daddr = SERVER, .ttl = 63,
			   .proto = UDP, .sport = 5002, .dport = 53),
	}, {
		.claim = "a port whose flows have gone makes room", .hook = TO_UPLINK, .before = ports_forgotten,
		.in = { QUERY(5002) }, .verdict = REDIRECT, .after = has_one,
		.out = OUT(LEFT, .proto = UDP, .sport = 5002, .dport = 53, .len = 20),
	}, {
		.claim = "it takes room again when it comes back", .hook = TO_UPLINK, .before = ports_forgotten,
		.in = { QUERY(5000) }, .verdict = REDIRECT, .after = has_one,
		.out = OUT(LEFT, .proto = UDP, .sport = 5000, .dport = 53, .len = 20),
	}, {
		.claim = "a forward that nobody uses takes none of them", .hook = TO_UPLINK, .before = forwarded,
		.unbalanced = true,
		.in = { QUERY(5000) }, .verdict = REDIRECT, .after = has_one,
		.out = OUT(LEFT, .proto = UDP, .sport = 5000, .dport = 53, .len = 20),
	}, {
		.claim = "a network has no more ports than its limit", .hook = TO_UPLINK, .before = two_of_the_network,
		.in = { FROM_BOB, .daddr = SERVER, .proto = UDP, .sport = 5002, .dport = 53 },
		.verdict = REDIRECT, .drop = BECAUSE_OF(NETWORK_PORTS, NET, BOB), .after = has_two,
		.out = OUT(.dmac = TAG_MAC(BOB), .saddr = GATEWAY, .daddr = BOB_IP, .proto = ICMP, .frag = DF,
			   .type = UNREACHABLE, .code = 13,
			   .quote = QUOTE(FROM_BOB, .daddr = SERVER, .proto = UDP, .sport = 5002, .dport = 53)),
	}, {
		.claim = "another network is not touched", .hook = TO_UPLINK, .at = TWIN, .before = two_of_the_network,
		.in = { QUERY(5002) }, .verdict = REDIRECT,
		.out = OUT(LEFT, .proto = UDP, .sport = 5002, .dport = 53, .len = 20),
	},
};

/* Made and forgotten many times over, the count ends where it began. */
static void count_returns(void)
{
	claim_begin();
	for (unsigned int round = 0; round < 4; round++) {
		for (__u16 port = 5000; port < 5020; port++) {
			query(port);
			CHECK_EQ(world_send(TO_UPLINK, &(const struct packet) {
				FROM_ANN, .daddr = SERVER + 1, .proto = UDP, .sport = port, .dport = 53 }), REDIRECT);
		}
		has(20);
		CHECK_EQ(world_flush(0, 0, 100), 40);
		has(0);
		CHECK_EXTERNALS();
	}
	claim_end("a guest's ports are counted once each, and none that has no flow");
}

int main(void)
{
	world_open();
	TABLE_RUN(rows);
	count_returns();
	return table_end();
}
