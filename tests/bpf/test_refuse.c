// SPDX-License-Identifier: GPL-2.0-only
/*
 * cv_to_uplink: what does not leave, why, and which ICMP error the guest is
 * told.  An error is the packet that caused it, so it is compared whole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

#define FROM_ANN	.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = ANN_IP
#define QUERY(addr)	FROM_ANN, .daddr = (addr), .proto = UDP, .sport = 5000, .dport = 53, .len = 20
/* An error of the gateway, on its way to Ann through to_guest. */
#define ERROR(t, c)	.dmac = TAG_MAC(ANN), .saddr = GATEWAY, .daddr = ANN_IP, .proto = ICMP, .frag = DF, .type = (t), .code = (c)
#define NET_UNREACHABLE	0
#define FRAG_NEEDED	4
#define FILTERED	13

/* --- state afterwards */

static void nothing_made(void)
{
	CHECK_EQ(world_entries(world.flows, sizeof(struct cv_tuple)), 0);
	CHECK_EQ(world_use(world.port_use, ANN).flows, 0);
	CHECK_EQ(world_use(world.network_use, NET).flows, 0);
	CHECK_EQ(world_use(world.network_use, 0).flows, 0);
}

static void error_sent(void)
{
	CHECK_EQ(world_totals().icmp_errors_sent, 1);
}

static void refused(void)
{
	nothing_made();
	error_sent();
}

/* The FIB says the same of no route as of an address of the host; a default route decides. */
static void no_default_route(void)
{
	CHECK_EQ(system("ip route del default"), 0);
}

static void refused_default_route_back(void)
{
	refused();
	CHECK_EQ(system("ip route add default via 198.51.100.1"), 0);
}

/* --- where to */

static const struct row destinations[] = {
	{
		.claim = "multicast does not leave", .hook = TO_UPLINK,
		.in = { QUERY(IP(224, 0, 0, 251)) },
		.verdict = DROP, .drop = BECAUSE(NOT_UNICAST), .after = nothing_made,
	}, {
		.claim = "the broadcast address does not leave", .hook = TO_UPLINK,
		.in = { QUERY(0xffffffff) },
		.verdict = DROP, .drop = BECAUSE(NOT_UNICAST), .after = nothing_made,
	}, {
		.claim = "reserved addresses do not leave", .hook = TO_UPLINK,
		.in = { QUERY(IP(240, 0, 0, 1)) },
		.verdict = DROP, .drop = BECAUSE(NOT_UNICAST), .after = nothing_made,
	}, {
		.claim = "loopback addresses do not leave", .hook = TO_UPLINK,
		.in = { QUERY(IP(127, 0, 0, 1)) },
		.verdict = DROP, .drop = BECAUSE(NOT_UNICAST), .after = nothing_made,
	}, {
		.claim = "addresses of net 0 do not leave", .hook = TO_UPLINK,
		.in = { QUERY(IP(0, 0, 0, 1)) },
		.verdict = DROP, .drop = BECAUSE(NOT_UNICAST), .after = nothing_made,
	}, {
		.claim = "link-local addresses do not leave", .hook = TO_UPLINK,
		.in = { QUERY(IP(169, 254, 169, 254)) },
		.verdict = DROP, .drop = BECAUSE(NOT_UNICAST), .after = nothing_made,
	}, {
		.claim = "the last unicast address leaves", .hook = TO_UPLINK,
		.in = { QUERY(IP(223, 255, 255, 254)) },
		.verdict = REDIRECT,
		.out = OUT(.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = HOST_IP, .daddr = IP(223, 255, 255, 254),
			   .proto = UDP, .sport = 5000, .dport = 53, .len = 20, .ttl = 63),
	}, {
		.claim = "the gateway is closed but for echo", .hook = TO_UPLINK,
		.in = { QUERY(GATEWAY) },
		.verdict = REDIRECT, .drop = BECAUSE(HOST_CLOSED), .after = refused,
		.out = OUT(ERROR(UNREACHABLE, FILTERED), .quote = QUOTE(QUERY(GATEWAY))),
	}, {
		.claim = "a neighbour is not reached by the gateway", .hook = TO_UPLINK,
		.in = { QUERY(BOB_IP) },
		.verdict = DROP, .drop = BECAUSE(GUEST_SUBNET), .after = nothing_made,
	}, {
		.claim = "the network's broadcast address does not leave", .hook = TO_UPLINK,
		.in = { QUERY(IP(10, 77, 0, 255)) },
		.verdict = DROP, .drop = BECAUSE(GUEST_SUBNET), .after = nothing_made,
	}, {
		.claim = "the host's address on the uplink is closed", .hook = TO_UPLINK,
		.in = { QUERY(HOST_IP) },
		.verdict = REDIRECT, .drop = BECAUSE(HOST_CLOSED), .after = refused,
		.out = OUT(ERROR(UNREACHABLE, FILTERED), .quote = QUOTE(QUERY(HOST_IP))),
	}, {
		.claim = "a host's address elsewhere is closed", .hook = TO_UPLINK,
		.in = { QUERY(IP(203, 0, 113, 2)) },
		.verdict = REDIRECT, .drop = BECAUSE(HOST_CLOSED), .after = refused,
		.out = OUT(ERROR(UNREACHABLE, FILTERED), .quote = QUOTE(QUERY(IP(203, 0, 113, 2)))),
	}, {
		.claim = "an uplink's broadcast address is closed", .hook = TO_UPLINK,
		.in = { QUERY(IP(198, 51, 100, 255)) },
		.verdict = REDIRECT, .drop = BECAUSE(HOST_CLOSED), .after = refused,
		.out = OUT(ERROR(UNREACHABLE, FILTERED), .quote = QUOTE(QUERY(IP(198, 51, 100, 255)))),
	}, {
		.claim = "another network of culvert is not reached", .hook = TO_UPLINK,
		.in = { QUERY(FAY_IP) },
		.verdict = REDIRECT, .drop = BECAUSE(NO_UPLINK), .after = refused,
		.out = OUT(ERROR(UNREACHABLE, NET_UNREACHABLE), .quote = QUOTE(QUERY(FAY_IP))),
	}, {
		.claim = "a route by a link that is no uplink is not taken", .hook = TO_UPLINK,
		.in = { QUERY(IP(203, 0, 113, 7)) },
		.verdict = REDIRECT, .drop = BECAUSE(NO_UPLINK), .after = refused,
		.out = OUT(ERROR(UNREACHABLE, NET_UNREACHABLE), .quote = QUOTE(QUERY(IP(203, 0, 113, 7)))),
	}, {
		.claim = "an unreachable route", .hook = TO_UPLINK,
		.in = { QUERY(IP(100, 65, 0, 1)) },
		.verdict = REDIRECT, .drop = BECAUSE(NO_ROUTE), .after = refused,
		.out = OUT(ERROR(UNREACHABLE, NET_UNREACHABLE), .quote = QUOTE(QUERY(IP(100, 65, 0, 1)))),
	}, {
		.claim = "a blackhole route", .hook = TO_UPLINK,
		.in = { QUERY(IP(100, 66, 0, 1)) },
		.verdict = REDIRECT, .drop = BECAUSE(NO_ROUTE), .after = refused,
		.out = OUT(ERROR(UNREACHABLE, NET_UNREACHABLE), .quote = QUOTE(QUERY(IP(100, 66, 0, 1)))),
	}, {
		.claim = "no route at all", .hook = TO_UPLINK, .before = no_default_route,
		.in = { QUERY(IP(100, 67, 0, 1)) },
		.verdict = REDIRECT, .drop = BECAUSE(NO_ROUTE), .after = refused_default_route_back,
		.out = OUT(ERROR(UNREACHABLE, NET_UNREACHABLE), .quote = QUOTE(QUERY(IP(100, 67, 0, 1)))),
	}, {
		.claim = "an isolated network has no uplink", .hook = TO_UPLINK, .at = ALONE,
		.in = { .dmac = GATEWAY_MAC, .smac = FAY_MAC, .saddr = FAY_IP, .daddr = SERVER, .proto = UDP },
		.verdict = REDIRECT, .drop = BECAUSE_OF(MODE_ISOLATED, ALONE, FAY), .after = refused,
		.out = OUT(.dmac = TAG_MAC(FAY), .saddr = IP(10, 79, 0, 1), .daddr = FAY_IP, .proto = ICMP,
			   .frag = DF, .type = UNREACHABLE, .code = NET_UNREACHABLE,
			   .quote = QUOTE(.saddr = FAY_IP, .daddr = SERVER, .proto = UDP)),
	},
};

/* --- a quote has all of a packet that ends before 8 bytes of its payload, of whole words or not */

#define SHORT(n)	FROM_ANN, .daddr = GATEWAY, .proto = 47, .len = (n)
#define SHORT_ROW(n)								\
	{									\
		.claim = "an error about a packet of another protocol with " #n " bytes", .hook = TO_UPLINK,	\
		.in = { SHORT(n) }, .verdict = REDIRECT, .drop = BECAUSE(HOST_CLOSED), .after = refused,	\
		.out = OUT(ERROR(UNREACHABLE, FILTERED), .quote = QUOTE(SHORT(n)), .quote_len = 20 + (n)),	\
	}

static const struct row shorts[] = {
	SHORT_ROW(1), SHORT_ROW(2), SHORT_ROW(3), SHORT_ROW(4), SHORT_ROW(5), SHORT_ROW(6), SHORT_ROW(7),
	SHORT_ROW(8),
};

/* --- what */

static const struct row kinds[] = {
	{
		.claim = "IPv6 does not leave", .hook = TO_UPLINK,
		.in = { .ethertype = 0x86dd, .len = 60 },
		.verdict = DROP, .drop = BECAUSE_OF(ETHERTYPE, NET, 0),
	}, {
		.claim = "ARP does not leave", .hook = TO_UPLINK,
		.in = { .ethertype = 0x0806, .len = 46 },
		.verdict = DROP, .drop = BECAUSE_OF(ETHERTYPE, NET, 0),
	}, {
		.claim = "an address that no port has does not leave", .hook = TO_UPLINK,
		.in = { .saddr = IP(10, 77, 0, 99), .daddr = SERVER, .proto = UDP },
		.verdict = DROP, .drop = BECAUSE_OF(NO_GUEST, NET, 0), .after = nothing_made,
	}, {
		.claim = "an address of no guest at all does not leave", .hook = TO_UPLINK,
		.in = { .saddr = IP(8, 8, 8, 8), .daddr = SERVER, .proto = TCP, .flags = SYN },
		.verdict = DROP, .drop = BECAUSE_OF(NO_GUEST, NET, 0), .after = nothing_made,
	}, {
		.claim = "a FIN opens nothing", .hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = FIN | ACK },
		.verdict = DROP, .drop = BECAUSE(NO_FLOW), .after = nothing_made,
	}, {
		.claim = "a RST opens nothing", .hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = RST },
		.verdict = DROP, .drop = BECAUSE(NO_FLOW), .after = nothing_made,
	}, {
		.claim = "SYN with FIN opens nothing", .hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = SYN | FIN },
		.verdict = DROP, .drop = BECAUSE(NO_FLOW), .after = nothing_made,
	}, {
		.claim = "an echo reply opens nothing", .hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER, .proto = ICMP, .type = ECHO_REPLY, .sport = 7 },
		.verdict = DROP, .drop = BECAUSE(ICMP_TYPE), .after = nothing_made,
	}, {
		.claim = "DCCP does not leave: its checksum covers the address", .hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER, .proto = 33, .len = 64 },
		.verdict = DROP, .drop = BECAUSE(PROTOCOL), .after = nothing_made,
	}, {
		.claim = "UDP-Lite does not leave: its checksum covers the address", .hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER, .proto = 136, .len = 64 },
		.verdict = DROP, .drop = BECAUSE(PROTOCOL), .after = nothing_made,
	}, {
		.claim = "AH does not leave: it signs the address", .hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER, .proto = 51, .len = 64 },
		.verdict = DROP, .drop = BECAUSE(PROTOCOL), .after = nothing_made,
	}, {
		.claim = "a redirect does not leave", .hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER, .proto = ICMP, .type = 5, .len = 28 },
		.verdict = DROP, .drop = BECAUSE(ICMP_TYPE), .after = nothing_made,
	},
};

static void each_icmp_type(void)
{
	claim_begin();
	for (unsigned int type = 0; type < 256; type++) {
		struct row row = {
			.hook = TO_UPLINK,
			.in = { FROM_ANN, .daddr = SERVER, .proto = ICMP, .type = type, .len = 64 },
			.verdict = DROP, .drop = BECAUSE(ICMP_TYPE),
		};

		/* Those with a quote are judged by it. */
		if (type == ECHO || type == 3 || type == 4 || type == 11 || type == 12)
			continue;
		row_check(&row);
	}
	nothing_made();
	claim_end("ICMP types other than echo and errors do not leave");
}

/* --- the IP header (RFC 7126 section 4.3, RFC 1812 section 5.2.2) */

#define WITH(options_, ...)	FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .len = 20, \
				.options = options_, .options_len = sizeof(options_) - 1, ##__VA_ARGS__
#define ROUTED(what, options_)							\
	{									\
		.claim = what " does not leave", .hook = TO_UPLINK, .in = { WITH(options_) }, \
		.verdict = DROP, .drop = BECAUSE(SOURCE_ROUTE), .after = nothing_made, \
	}
#define HARMLESS(what, options_)						\
	{									\
		.claim = what " leaves", .hook = TO_UPLINK, .in = { WITH(options_) }, .verdict = REDIRECT, \
		.out = OUT(.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = HOST_IP, .daddr = SERVER, .ttl = 63, \
			   .proto = UDP, .sport = 5000, .dport = 53, .len = 20,	\
			   .options = options_, .options_len = sizeof(options_) - 1), \
	}

static const struct row headers[] = {
	ROUTED("a loose source route", "\x83\x07\x04\x08\x08\x08\x08\x00"),
	ROUTED("a strict source route", "\x89\x07\x04\x08\x08\x08\x08\x00"),
	ROUTED("a source route behind padding", "\x01\x83\x07\x04\x08\x08\x08\x08"),
	ROUTED("a source route behind another option", "\x94\x04\x00\x00\x83\x03\x04\x00"),
	HARMLESS("a record route", "\x07\x07\x04\x00\x00\x00\x00\x00"),
	HARMLESS("a router alert", "\x94\x04\x00\x00"),
	HARMLESS("what looks like a source route behind the end", "\x00\x83\x07\x04\x08\x08\x08\x08"),
	HARMLESS("what looks like a source route inside an option", "\x44\x08\x83\x89\x83\x89\x83\x89"),
	{
		.claim = "a wrong checksum of the header begins no flow", .hook = TO_UPLINK,
		.in = { QUERY(SERVER), .bad_ip = true },
		.verdict = DROP, .drop = BECAUSE(MALFORMED), .after = nothing_made,
	}, {
		.claim = "a wrong checksum of a header with options begins none", .hook = TO_UPLINK,
		.in = { WITH("\x94\x04\x00\x00", .bad_ip = true) },
		.verdict = DROP, .drop = BECAUSE(MALFORMED), .after = nothing_made,
	},
};

/* --- time to live and size */

#define OPTIONS	.options = "\x94\x04\x00\x00\x01\x01\x01\x00", .options_len = 8
#define BIG	FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .frag = DF, .id = 77
#define BIG2	FROM_ANN, .daddr = SERVER2, .proto = UDP, .sport = 5000, .dport = 53, .frag = DF
#define NARROW	FROM_ANN, .daddr = IP(100, 68, 0, 1), .proto = UDP, .sport = 5000, .dport = 53, .frag = DF

static const struct row roads[] = {
	{
		.claim = "TTL 1 ends here, and the guest is told", .hook = TO_UPLINK,
		.in = { QUERY(SERVER), .ttl = 1 },
		.verdict = REDIRECT, .drop = BECAUSE(TTL), .after = error_sent,
		.out = OUT(ERROR(TIME_EXCEEDED, 0), .quote = QUOTE(QUERY(SERVER), .ttl = 1)),
	}, {
		.claim = "TTL 0 ends here, and the guest is told", .hook = TO_UPLINK,
		.in = { QUERY(SERVER), .ttl = TTL_ZERO },
		.verdict = REDIRECT, .drop = BECAUSE(TTL), .after = error_sent,
		.out = OUT(ERROR(TIME_EXCEEDED, 0), .quote = QUOTE(QUERY(SERVER), .ttl = TTL_ZERO)),
	}, {
		.claim = "time exceeded quotes IP options and 8 bytes behind them", .hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = SYN,
			.ttl = 1, OPTIONS, .len = 9 },
		.verdict = REDIRECT, .drop = BECAUSE(TTL), .after = error_sent,
		.out = OUT(ERROR(TIME_EXCEEDED, 0),
			   .quote = QUOTE(FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80,
					  .flags = SYN, .ttl = 1, OPTIONS, .len = 9)),
	}, {
		.claim = "an echo with TTL 1 is told of too (ping through)", .hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER, .proto = ICMP, .type = ECHO, .sport = 7, .ttl = 1, .len = 56 },
		.verdict = REDIRECT, .drop = BECAUSE(TTL), .after = error_sent,
		.out = OUT(ERROR(TIME_EXCEEDED, 0),
			   .quote = QUOTE(FROM_ANN, .daddr = SERVER, .proto = ICMP, .type = ECHO, .sport = 7,
					  .ttl = 1, .len = 56)),
	}, {
		.claim = "a packet as long as the MTU leaves", .hook = TO_UPLINK,
		.in = { BIG, .len = 1472 },
		.verdict = REDIRECT,
		.out = OUT(.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = HOST_IP, .daddr = SERVER, .proto = UDP,
			   .sport = 5000, .dport = 53, .frag = DF, .id = 77, .len = 1472, .ttl = 63),
	}, {
		.claim = "DF and a byte too long: the guest is told the MTU", .hook = TO_UPLINK,
		.in = { BIG, .len = 1473 },
		.verdict = REDIRECT, .drop = BECAUSE(TOO_BIG), .after = error_sent,
		.out = OUT(ERROR(UNREACHABLE, FRAG_NEEDED), .rest = 1500, .quote = QUOTE(BIG, .len = 1473)),
	}, {
		.claim = "the MTU told is that of the uplink taken", .hook = TO_UPLINK,
		.in = { BIG2, .len = 1400 },
		.verdict = REDIRECT, .drop = BECAUSE(TOO_BIG), .after = error_sent,
		.out = OUT(ERROR(UNREACHABLE, FRAG_NEEDED), .rest = 1400, .quote = QUOTE(BIG2, .len = 1400)),
	}, {
		.claim = "the MTU told is the route's where one is locked (the FIB tells no other)", .hook = TO_UPLINK,
		.in = { NARROW, .len = 1400 },
		.verdict = REDIRECT, .drop = BECAUSE(TOO_BIG), .after = error_sent,
		.out = OUT(ERROR(UNREACHABLE, FRAG_NEEDED), .rest = 1300, .quote = QUOTE(NARROW, .len = 1400)),
	}, {
		.claim = "a packet of many segments leaves whole when they fit", .hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = ACK, .frag = DF,
			.len = 3000 },
		.gso_size = 1420, .verdict = REDIRECT,
		.out = OUT(.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = HOST_IP, .daddr = SERVER, .proto = TCP,
			   .sport = 5000, .dport = 80, .flags = ACK, .frag = DF, .len = 3000, .ttl = 63),
	}, {
		.claim = "segments that are too long with DF are refused", .hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER2, .proto = TCP, .sport = 5000, .dport = 80, .flags = ACK, .frag = DF,
			.len = 3000 },
		.gso_size = 1448, .verdict = REDIRECT, .drop = BECAUSE(TOO_BIG), .after = error_sent,
		.out = OUT(ERROR(UNREACHABLE, FRAG_NEEDED), .rest = 1400,
			   .quote = QUOTE(FROM_ANN, .daddr = SERVER2, .proto = TCP, .sport = 5000, .dport = 80,
					  .flags = ACK, .frag = DF, .len = 3000)),
	},
};

/* --- limits */

static const struct packet first = { FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .len = 20 };

static void port_full(void)
{
	struct cv_port port = world_port(ANN);

	port.max_flows = 1;
	world_set_port(ANN, &port);
	world_send(TO_UPLINK, &first);
}

static void network_full(void)
{
	struct cv_network n = world_network(NET);

	n.max_flows = 1;
	world_set_network(NET, &n);
	world_send(TO_UPLINK, &first);
}

/* Every port that may be had is another guest's. */
static void ports_gone(void)
{
	struct packet other = { .saddr = BOB_IP, .daddr = SERVER, .proto = UDP, .sport = 2000, .dport = 53 };
	struct cv_network n = world_network(NET);

	memset(n.ports, 0, sizeof(n.ports));
	n.ports[0] = (struct cv_range) { 2000, 2000 };
	world_set_network(NET, &n);
	world_send(TO_UPLINK, &other);
}

static void one_flow_left(void)
{
	error_sent();
	CHECK_EQ(world_entries(world.flows, sizeof(struct cv_tuple)), 1);
	CHECK_EQ(world_use(world.network_use, NET).flows, 1);
}

static void no_error(void)
{
	CHECK_EQ(world_totals().icmp_errors_sent, 0);
	CHECK_EQ(world_totals().icmp_errors_held, 1);
}

#define SECOND	FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5001, .dport = 53, .len = 20

static void errors_spent(void)
{
	struct cv_use use = { .errors = CV_ICMP_ERRORS_PER_TICK };

	world_tick_begin();
	use.error_tick = world_tick();
	world_set_use(world.port_use, ANN, &use);
}

static void neighbours_errors_spent(void)
{
	struct cv_use use = { .errors = CV_ICMP_ERRORS_PER_TICK };

	world_tick_begin();
	use.error_tick = world_tick();
	world_set_use(world.port_use, BOB, &use);
	world_set_use(world.network_use, NET, &use);
}

static void errors_nearly_spent(void)
{
	struct cv_use use = { .errors = CV_ICMP_ERRORS_PER_TICK - 1 };

	world_tick_begin();
	use.error_tick = world_tick();
	world_set_use(world.port_use, ANN, &use);
}

static void errors_spent_before(void)
{
	struct cv_use use = { .errors = CV_ICMP_ERRORS_PER_TICK };

	world_tick_begin();
	use.error_tick = world_tick() - 1;
	world_set_use(world.port_use, ANN, &use);
}

static const struct row limits[] = {
	{
		.claim = "the guest's limit refuses a new flow", .hook = TO_UPLINK, .before = port_full,
		.in = { SECOND },
		.verdict = REDIRECT, .drop = BECAUSE(PORT_FLOWS), .after = one_flow_left,
		.out = OUT(ERROR(UNREACHABLE, FILTERED), .quote = QUOTE(SECOND)),
	}, {
		.claim = "the guest's limit leaves its flows alone", .hook = TO_UPLINK, .before = port_full,
		.in = { QUERY(SERVER) },
		.verdict = REDIRECT,
		.out = OUT(.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = HOST_IP, .daddr = SERVER, .proto = UDP,
			   .sport = 5000, .dport = 53, .len = 20, .ttl = 63),
	}, {
		.claim = "the network's limit refuses a new flow", .hook = TO_UPLINK, .before = network_full,
		.in = { SECOND },
		.verdict = REDIRECT, .drop = BECAUSE(NETWORK_FLOWS), .after = one_flow_left,
		.out = OUT(ERROR(UNREACHABLE, FILTERED), .quote = QUOTE(SECOND)),
	}, {
		.claim = "no free port refuses a new flow", .hook = TO_UPLINK, .before = ports_gone,
		.in = { QUERY(SERVER) },
		.verdict = REDIRECT, .drop = BECAUSE(NO_PORT), .after = one_flow_left,
		.out = OUT(ERROR(UNREACHABLE, FILTERED), .quote = QUOTE(QUERY(SERVER))),
	}, {
		.claim = "errors beyond a tick's allowance are held back", .hook = TO_UPLINK,
		.before = errors_spent, .in = { QUERY(SERVER), .ttl = 1 },
		.verdict = DROP, .drop = BECAUSE(TTL), .after = no_error,
	}, {
		.claim = "what a neighbour's errors took is not this guest's", .hook = TO_UPLINK,
		.before = neighbours_errors_spent, .in = { QUERY(SERVER), .ttl = 1 },
		.verdict = REDIRECT, .drop = BECAUSE(TTL), .after = error_sent,
		.out = OUT(ERROR(TIME_EXCEEDED, 0), .quote = QUOTE(QUERY(SERVER), .ttl = 1)),
	}, {
		.claim = "the last of a tick's errors is sent", .hook = TO_UPLINK,
		.before = errors_nearly_spent, .in = { QUERY(SERVER), .ttl = 1 },
		.verdict = REDIRECT, .drop = BECAUSE(TTL), .after = error_sent,
		.out = OUT(ERROR(TIME_EXCEEDED, 0), .quote = QUOTE(QUERY(SERVER), .ttl = 1)),
	}, {
		.claim = "the next tick has errors again", .hook = TO_UPLINK,
		.before = errors_spent_before, .in = { QUERY(SERVER), .ttl = 1 },
		.verdict = REDIRECT, .drop = BECAUSE(TTL), .after = error_sent,
		.out = OUT(ERROR(TIME_EXCEEDED, 0), .quote = QUOTE(QUERY(SERVER), .ttl = 1)),
	},
};

int main(void)
{
	world_open();
	TABLE_RUN(destinations);
	TABLE_RUN(shorts);
	TABLE_RUN(kinds);
	TABLE_RUN(headers);
	TABLE_RUN(roads);
	TABLE_RUN(limits);
	each_icmp_type();
	return table_end();
}
