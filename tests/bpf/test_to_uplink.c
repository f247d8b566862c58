// SPDX-License-Identifier: GPL-2.0-only
/*
 * cv_to_uplink: a guest's flow is made, translated and remembered.  What is
 * refused is in test_refuse.c, its port outside in test_ports.c, ICMP errors in
 * test_quote.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/if_ether.h>

#include "table.h"

#define FROM_ANN	.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = ANN_IP
#define BY_HOST		.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = HOST_IP

/* --- state afterwards */

static struct cv_flow the_flow;

/* It is there, counts one packet, and its port outside is its guest's. */
static void check_flow(const struct cv_tuple *key, __u32 addr, __u16 port)
{
	__u32 now = world_tick();

	memset(&the_flow, 0, sizeof(the_flow));
	CHECK(world_flow(key, &the_flow));
	CHECK_EQ(world_entries(world.flows, sizeof(*key)), 1);
	CHECK_EQ(ntohl(the_flow.addr), addr);
	CHECK_EQ(ntohs(the_flow.port), port);
	CHECK_EQ(the_flow.ifindex, addr == HOST_IP ? UPLINK : UPLINK2);
	CHECK_EQ(the_flow.slot, ANN);
	CHECK_EQ(the_flow.out_packets, 1);
	CHECK(now - the_flow.out_tick <= 1);
	CHECK_EQ(the_flow.in_packets, 0);
	CHECK_EQ(the_flow.in_bytes, 0);
	CHECK(now - the_flow.in_tick <= 1);
	CHECK(now - the_flow.created_tick <= 1);
	CHECK_EQ(the_flow.external, world_external_index(addr, key->proto, port));
	CHECK_EQ(world_external(addr, key->proto, port)->word, EXTERNAL(ANN, ntohs(key->lport), 1));
	CHECK_EQ(world_use(world.port_use, ANN).flows, 1);
	CHECK_EQ(world_use(world.network_use, NET).flows, 1);
	CHECK_EQ(world_use(world.network_use, 0).flows, 1);
	CHECK_EQ(world_totals().new_flows, 1);
}

static void made_udp(void)
{
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53);

	check_flow(&key, HOST_IP, 5000);
	CHECK_EQ(the_flow.state, CV_FLOW_OPEN);
	CHECK_EQ(the_flow.flags, 0);
	CHECK_EQ(the_flow.timeout_ticks, CV_TICKS(300));
	CHECK_EQ(ntohl(the_flow.nexthop), ROUTER_IP);
	CHECK_EQ(the_flow.mtu, 1500);
	CHECK_EQ(the_flow.out_bytes, 48);
	CHECK_EQ(world_totals().port_preserved, 1);
	CHECK_EQ(world_totals().port_tries, 1);
}

static void made_tcp(void)
{
	struct cv_tuple key = world_tuple(TCP, ANN_IP, 5000, SERVER, 80);

	check_flow(&key, HOST_IP, 5000);
	CHECK_EQ(the_flow.state, CV_FLOW_OPEN);
	CHECK_EQ(the_flow.flags, CV_FLOW_OUT_SYN);
	CHECK_EQ(the_flow.timeout_ticks, CV_TICKS(240));
}

static void made_echo(void)
{
	struct cv_tuple key = world_tuple(ICMP, ANN_IP, 40000, SERVER, 0);

	check_flow(&key, HOST_IP, 40000);
	CHECK_EQ(the_flow.timeout_ticks, CV_TICKS(60));
}

static void made_on_link(void)
{
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER2, 53);

	check_flow(&key, HOST2_IP, 5000);
	CHECK_EQ(the_flow.mtu, 1400);
}

static void made_in_the_middle(void)
{
	struct cv_tuple key = world_tuple(TCP, ANN_IP, 5000, SERVER, 80);

	check_flow(&key, HOST_IP, 5000);
	CHECK_EQ(the_flow.state, CV_FLOW_OPEN);
	CHECK_EQ(the_flow.timeout_ticks, CV_TICKS(240));
}

static const struct row new_flows[] = {
	{
		.claim = "a new UDP flow leaves as the host's, with its port",
		.hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .len = 20 },
		.verdict = REDIRECT,
		.out = OUT(BY_HOST, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .ttl = 63, .len = 20),
		.after = made_udp,
	}, {
		.claim = "UDP without a checksum leaves without one",
		.hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .no_csum = true,
			.len = 20 },
		.verdict = REDIRECT,
		.out = OUT(BY_HOST, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .ttl = 63,
			   .no_csum = true, .len = 20),
		.after = made_udp,
	}, {
		.claim = "a new TCP flow leaves as the host's, with its port",
		.hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = SYN,
			.seq = 0x01020304, .frag = DF, .id = 7, .tos = 0x2 },
		.verdict = REDIRECT,
		.out = OUT(BY_HOST, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = SYN,
			   .seq = 0x01020304, .frag = DF, .id = 7, .tos = 0x2, .ttl = 63),
		.after = made_tcp,
	}, {
		.claim = "a TCP flow may be taken up in its middle",
		.hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = ACK,
			.len = 1000 },
		.verdict = REDIRECT,
		.out = OUT(BY_HOST, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = ACK,
			   .len = 1000, .ttl = 63),
		.after = made_in_the_middle,
	}, {
		.claim = "an echo leaves as the host's, with its identifier",
		.hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER, .proto = ICMP, .type = ECHO, .sport = 40000, .dport = 1,
			.len = 56 },
		.verdict = REDIRECT,
		.out = OUT(BY_HOST, .daddr = SERVER, .proto = ICMP, .type = ECHO, .sport = 40000,
			   .dport = 1, .len = 56, .ttl = 63),
		.after = made_echo,
	}, {
		.claim = "IP options stay, and ports behind them are found",
		.hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = SYN,
			.options = "\x94\x04\x00\x00\x01\x01\x01\x00", .options_len = 8 },
		.verdict = REDIRECT,
		.out = OUT(BY_HOST, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = SYN,
			   .options = "\x94\x04\x00\x00\x01\x01\x01\x00", .options_len = 8, .ttl = 63),
		.after = made_tcp,
	}, {
		.claim = "the longest IP header is translated",
		.hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = SYN,
			.options = "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\0",
			.options_len = 40 },
		.verdict = REDIRECT,
		.out = OUT(BY_HOST, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = SYN,
			   .options = "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\0",
			   .options_len = 40, .ttl = 63),
		.after = made_tcp,
	}, {
		.claim = "a route over another uplink takes that one's address",
		.hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER2, .proto = UDP, .sport = 5000, .dport = 53, .len = 20 },
		.verdict = REDIRECT,
		.out = OUT(.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = HOST2_IP, .daddr = SERVER2, .proto = UDP, .sport = 5000, .dport = 53, .ttl = 63,
			   .len = 20),
		.after = made_on_link,
	}, {
		.claim = "TTL 255 becomes 254",
		.hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .ttl = 255, .len = 20 },
		.verdict = REDIRECT,
		.out = OUT(BY_HOST, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .ttl = 254, .len = 20),
		.after = made_udp,
	}, {
		.claim = "TTL 2 becomes 1",
		.hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .ttl = 2, .len = 20 },
		.verdict = REDIRECT,
		.out = OUT(BY_HOST, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .ttl = 1, .len = 20),
		.after = made_udp,
	},
};

/* --- established */

static const struct packet query = {
	FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .len = 20,
};

static void query_sent(void)
{
	world_send(TO_UPLINK, &query);
}

static void second_counted(void)
{
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53);
	struct cv_flow f = {};

	CHECK(world_flow(&key, &f));
	CHECK_EQ(f.out_packets, 2);
	CHECK_EQ(f.out_bytes, 48 + 128);
	CHECK_EQ(world_totals().new_flows, 1);
	CHECK_EQ(world_totals().routes_read, 1);
	CHECK_EQ(world_entries(world.flows, sizeof(key)), 1);
}

/* The route is old; meanwhile nothing else has changed. */
static void route_aged(void)
{
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53);
	struct cv_flow f;

	query_sent();
	if (!world_flow(&key, &f))
		return;
	f.route_tick = world_tick() - CV_ROUTE_TICKS - 1;
	f.nexthop = htonl(IP(198, 51, 100, 99));
	f.mtu = 100;
	world_set_flow(&key, &f);
}

static void route_fresh(void)
{
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53);
	struct cv_flow f = {};

	CHECK(world_flow(&key, &f));
	CHECK_EQ(ntohl(f.nexthop), ROUTER_IP);
	CHECK_EQ(f.mtu, 1500);
	CHECK_EQ(world_totals().routes_read, 2);
}

static const struct row established[] = {
	{
		.claim = "a second packet uses the flow and asks no route",
		.hook = TO_UPLINK, .before = query_sent,
		.in = { FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .len = 100 },
		.verdict = REDIRECT,
		.out = OUT(BY_HOST, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .ttl = 63, .len = 100),
		.after = second_counted,
	}, {
		.claim = "a flow reads its route anew after a second",
		.hook = TO_UPLINK, .before = route_aged,
		.in = { FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .len = 100 },
		.verdict = REDIRECT,
		.out = OUT(BY_HOST, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .ttl = 63, .len = 100),
		.after = route_fresh,
	},
};

/* --- somebody turned forwarding off on our link */

static void set_forwarding(bool on)
{
	FILE *f = fopen("/proc/sys/net/ipv4/conf/host3/forwarding", "w");

	CHECK(f && fputs(on ? "1" : "0", f) >= 0 && !fclose(f));
}

static void without_forwarding(void)
{
	struct row row = {
		.hook = TO_UPLINK, .in = query, .verdict = REDIRECT,
		.out = OUT(BY_HOST, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .len = 20, .ttl = 63),
	};
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53);
	struct cv_network n;

	claim_begin();
	n = world_network(NET);
	n.uplink = UPLINK;
	world_set_network(NET, &n);
	set_forwarding(false);
	row_check(&row);
	check_flow(&key, HOST_IP, 5000);
	CHECK_EQ(the_flow.nexthop, 0);
	claim_end("without forwarding on our link the network's uplink serves");

	claim_begin();
	row.drop = (struct cv_drop_key) BECAUSE(NO_ROUTE);
	row.out = OUT(.dmac = TAG_MAC(ANN), .saddr = GATEWAY, .daddr = ANN_IP, .proto = ICMP, .frag = DF, .type = UNREACHABLE,
		      .quote = &query);
	row_check(&row);
	set_forwarding(true);
	claim_end("without forwarding and uplink there is no route");
}

/* --- the next hop's address on the link */

static bool query_by_link(void)
{
	CHECK_EQ(world_send(TO_UPLINK, &query), REDIRECT);
	return world.by_link;
}

static struct cv_flow query_flow(void)
{
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53);
	struct cv_flow f = {};

	CHECK(world_flow(&key, &f));
	return f;
}

static void age_route(void)
{
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53);
	struct cv_flow f = query_flow();

	f.route_tick = world_tick() - CV_ROUTE_TICKS - 1;
	world_set_flow(&key, &f);
}

static void no_macs(void)
{
	static const __u8 none[2 * ETH_ALEN];
	const struct cv_flow f = query_flow();

	CHECK(!memcmp(f.macs, none, sizeof(f.macs)));
}

static void neighbours(void)
{
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53);
	struct cv_flow f;

	claim_begin();
	world_tick_begin();
	CHECK(!query_by_link());
	CHECK(query_by_link());
	age_route();
	CHECK(!query_by_link());
	CHECK(query_by_link());
	CHECK_EQ(world_totals().routes_read, 2);
	claim_end("a flow remembers the router's MAC address, and goes by the kernel's neighbour once a second");

	claim_begin();
	world_tick_begin();
	CHECK(!query_by_link());
	CHECK_EQ(system("ip neigh del 198.51.100.1 dev up0"), 0);
	CHECK(query_by_link());
	age_route();
	CHECK(!query_by_link());
	CHECK(!query_by_link());
	no_macs();
	CHECK_EQ(system("ip neigh add 198.51.100.1 lladdr 02:ee:ee:00:00:01 dev up0 nud permanent"), 0);
	age_route();
	CHECK(!query_by_link());
	CHECK(query_by_link());
	claim_end("a neighbour that the kernel has not resolved is left to it");

	claim_begin();
	world_tick_begin();
	CHECK(!query_by_link());
	CHECK_EQ(system("ip route change default via 192.0.2.1"), 0);
	age_route();
	CHECK(!query_by_link());
	f = query_flow();
	CHECK_EQ(f.ifindex, UPLINK);
	CHECK(!query_by_link());
	no_macs();
	CHECK_EQ(system("ip route change default via 198.51.100.1"), 0);
	claim_end("a flow that keeps its way while the route goes another one leaves the neighbour to the kernel");

	claim_begin();
	world_tick_begin();
	CHECK(!query_by_link());
	f = query_flow();
	f.nexthop = 0;
	memset(f.macs, 0, sizeof(f.macs));
	world_set_flow(&key, &f);
	CHECK(!query_by_link());
	claim_end("a flow without a MAC address goes by the kernel's neighbour");
}

int main(void)
{
	world_open();
	TABLE_RUN(new_flows);
	TABLE_RUN(established);
	without_forwarding();
	neighbours();
	return table_end();
}
