// SPDX-License-Identifier: GPL-2.0-only
/* Questions to the network's name server: each guest has its share, and no other's. */
#include <stdio.h>

#include "rules.h"
#include "table.h"

#define QUESTION(who_mac, who_ip, to, port)						\
	{ .smac = who_mac, .dmac = GATEWAY_MAC, .saddr = who_ip, .daddr = to, .proto = UDP,	\
	  .sport = 5000, .dport = port, .len = 20 }

static void names_served(bool served)
{
	struct cv_network n = world_network(NET);

	n.flags = served ? n.flags | CV_NET_DNS : n.flags & ~CV_NET_DNS;
	world_set_network(NET, &n);
}

static unsigned int passed_of(const struct packet *p, unsigned int n)
{
	unsigned int len, passed = 0;
	__u8 frame[PACKET_MAX];

	for (unsigned int i = 0; i < n; i++) {
		len = packet_build(p, frame);
		passed += world_run(TO_UPLINK, 0, frame, &len, 0) == PASS;
	}
	return passed;
}

static void set_tokens(__u32 tick, __u32 tokens)
{
	const struct cv_use use = { .dns_tick = tick, .dns_tokens = tokens };

	world_set_use(world.port_use, ANN, &use);
}

static void begin(void)
{
	claim_begin();
	world_reset();
	names_served(true);
	world_tick_begin();
}

static void shares(void)
{
	static const struct packet ann = QUESTION(ANN_MAC, ANN_IP, GATEWAY, 53);
	static const struct packet bob = QUESTION(BOB_MAC, BOB_IP, GATEWAY, 53);
	const struct cv_drop_key rate = BECAUSE(DNS_RATE);

	begin();
	set_tokens(world_tick(), 3);
	CHECK_EQ(passed_of(&ann, 9), 3);
	CHECK_DROPS(&rate, 6);
	CHECK_EQ(passed_of(&bob, 9), 9);
	claim_end("who has none left is dropped and counted, and nobody else");

	begin();
	set_tokens(world_tick() - 1, 0);
	CHECK_EQ(passed_of(&ann, CV_DNS_PER_TICK + 9), CV_DNS_PER_TICK);
	claim_end("a tick brings %u questions", CV_DNS_PER_TICK);

	begin();
	set_tokens(world_tick() - 100000, 3);
	CHECK(passed_of(&ann, CV_DNS_BURST + 200) < CV_DNS_BURST + 200);
	claim_end("a long pause brings no more than a burst");

	begin();
	set_tokens(world_tick(), CV_DNS_BURST + 100);
	CHECK_EQ(passed_of(&ann, 1), 0);
	claim_end("what two processors took below zero is zero");
}

/* With a rule that lets guests ask the host, nothing of this counts but what culvert serves. */
static void nothing_else(void)
{
	static const struct packet other_port = QUESTION(ANN_MAC, ANN_IP, GATEWAY, 5353);
	static const struct packet other_address = QUESTION(ANN_MAC, ANN_IP, HOST_IP, 53);
	static const struct packet question = QUESTION(ANN_MAC, ANN_IP, GATEWAY, 53);

	begin();
	RULES(NET, { ALLOW, FROM(GUESTS), TO(HOST), ALL_PORTS });
	set_tokens(world_tick(), 0);
	CHECK_EQ(passed_of(&other_port, 9), 9);
	claim_end("another port has no share");

	begin();
	RULES(NET, { ALLOW, FROM(GUESTS), TO(HOST), ALL_PORTS });
	set_tokens(world_tick(), 0);
	CHECK_EQ(passed_of(&other_address, 9), 9);
	claim_end("nor has another address of the host");

	begin();
	RULES(NET, { ALLOW, FROM(GUESTS), TO(HOST), ALL_PORTS });
	names_served(false);
	set_tokens(world_tick(), 0);
	CHECK_EQ(passed_of(&question, 9), 9);
	claim_end("nor has a server of the host's own");
}

int main(void)
{
	world_open();
	shares();
	nothing_else();
	return table_end();
}
