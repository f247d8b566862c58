// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a flow goes through: the states of TCP, its timeouts to the tick, its
 * end with no process running, and by command.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include "table.h"

#define FROM_ANN	.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = ANN_IP, .daddr = SERVER
#define OUTSIDE		.dmac = UPLINK_MAC, .smac = PEER_MAC, .saddr = SERVER, .daddr = HOST_IP

enum { UDP_S = 300, EST_S = 7440, TRANS_S = 240, ICMP_S = 60 };

/* --- the states of TCP */

struct step {
	enum hook hook;
	__u8 flags;
	enum cv_flow_state state;	/* afterwards; 0 ends the list */
	__u16 timeout_s;
};

#define OPENED		{ TO_UPLINK, SYN, CV_FLOW_OPEN, TRANS_S }
#define ANSWERED	OPENED, { FROM_UPLINK, SYN | ACK, CV_FLOW_ESTABLISHED, EST_S }
#define DOWN		CV_FLOW_CLOSING, TRANS_S
#define RUNS		CV_FLOW_ESTABLISHED, EST_S

static const struct {
	const char *claim;
	struct step steps[8];
} connections[] = {
	{ "a connection opens and runs", { ANSWERED, { TO_UPLINK, ACK, RUNS }, { FROM_UPLINK, PSH | ACK, RUNS } } },
	{ "a SYN sent again stays open", { OPENED, OPENED } },
	{ "an answer without ACK and SYN does not establish", { OPENED, { FROM_UPLINK, PSH, CV_FLOW_OPEN, TRANS_S } } },
	{ "an answer stands for both SYNs", { OPENED, { FROM_UPLINK, ACK, RUNS } } },
	{ "both sides open at once", { OPENED, { FROM_UPLINK, SYN, RUNS }, { TO_UPLINK, SYN | ACK, RUNS } } },
	{ "one FIN leaves the connection half closed, and long-lived",
	  { ANSWERED, { TO_UPLINK, FIN | ACK, RUNS }, { FROM_UPLINK, ACK, RUNS }, { FROM_UPLINK, PSH | ACK, RUNS } } },
	{ "FINs of both sides close, the guest first",
	  { ANSWERED, { TO_UPLINK, FIN | ACK, RUNS }, { FROM_UPLINK, FIN | ACK, DOWN }, { TO_UPLINK, ACK, DOWN } } },
	{ "FINs of both sides close, the peer first",
	  { ANSWERED, { FROM_UPLINK, FIN | ACK, RUNS }, { TO_UPLINK, FIN | ACK, DOWN }, { FROM_UPLINK, ACK, DOWN } } },
	{ "the same FIN twice is one", { ANSWERED, { TO_UPLINK, FIN | ACK, RUNS }, { TO_UPLINK, FIN | ACK, RUNS } } },
	{ "the guest's reset is held four minutes", { ANSWERED, { TO_UPLINK, RST, DOWN } } },
	{ "the peer's reset is held four minutes", { ANSWERED, { FROM_UPLINK, RST, DOWN } } },
	{ "data of the guest revives a reset connection",
	  { ANSWERED, { FROM_UPLINK, RST, DOWN }, { TO_UPLINK, PSH | ACK, RUNS } } },
	{ "data of the peer revives a reset connection",
	  { ANSWERED, { FROM_UPLINK, RST, DOWN }, { FROM_UPLINK, PSH | ACK, RUNS } } },
	{ "a reset of an open one is held", { OPENED, { FROM_UPLINK, RST | ACK, DOWN } } },
	{ "the guest opens the ports of a closed connection again",
	  { ANSWERED, { TO_UPLINK, FIN | ACK, RUNS }, { FROM_UPLINK, FIN | ACK, DOWN }, OPENED,
	    { FROM_UPLINK, SYN | ACK, RUNS } } },
	{ "the guest opens the ports of a reset connection again",
	  { ANSWERED, { FROM_UPLINK, RST, DOWN }, OPENED, { FROM_UPLINK, SYN | ACK, RUNS } } },
	{ "the peer's SYN does not open a closed connection again",
	  { ANSWERED, { TO_UPLINK, FIN | ACK, RUNS }, { FROM_UPLINK, FIN | ACK, DOWN }, { FROM_UPLINK, SYN, DOWN } } },
	{ "a blind SYN changes nothing", { ANSWERED, { FROM_UPLINK, SYN, RUNS } } },
	{ "a connection taken up in its middle runs when it is answered",
	  { { TO_UPLINK, ACK, CV_FLOW_OPEN, TRANS_S }, { FROM_UPLINK, ACK, RUNS } } },
};

static void take_step(const struct step *s)
{
	const struct packet out = { FROM_ANN, .proto = TCP, .sport = 5000, .dport = 80, .flags = s->flags };
	const struct packet in = { OUTSIDE, .proto = TCP, .sport = 80, .dport = 5000, .flags = s->flags };
	struct cv_tuple key = world_tuple(TCP, ANN_IP, 5000, SERVER, 80);
	struct cv_flow flow = {};

	CHECK_EQ(world_send(s->hook, s->hook == TO_UPLINK ? &out : &in), REDIRECT);
	CHECK(world_flow(&key, &flow));
	CHECK_EQ(flow.state, s->state);
	CHECK_EQ(flow.timeout_ticks, CV_TICKS(s->timeout_s));
}

static void run_connections(void)
{
	for (unsigned int i = 0; i < sizeof(connections) / sizeof(connections[0]); i++) {
		claim_begin();
		for (const struct step *s = connections[i].steps; s->state; s++)
			take_step(s);
		CHECK_EQ(world_entries(world.flows, sizeof(struct cv_tuple)), 1);
		CHECK_EQ(world_totals().new_flows, 1);
		CHECK_EXTERNALS();
		claim_end("%s", connections[i].claim);
	}
}

/* --- timeouts, to the tick */

struct lifetime {
	const char *claim;
	__u8 proto;
	__u8 out_flags[2], in_flags[2];	/* of TCP segments sent first, 0 ends */
	__u16 timeout_s;
};

static const struct lifetime lifetimes[] = {
	{ "UDP", UDP, {}, {}, UDP_S },
	{ "an echo", ICMP, {}, {}, ICMP_S },
	{ "TCP not yet answered", TCP, { SYN }, {}, TRANS_S },
	{ "TCP established", TCP, { SYN }, { SYN | ACK }, EST_S },
	{ "TCP half closed", TCP, { SYN }, { SYN | ACK, FIN | ACK }, EST_S },
	{ "TCP reset", TCP, { SYN }, { SYN | ACK, RST }, TRANS_S },
	{ "TCP closed", TCP, { SYN, FIN | ACK }, { SYN | ACK, FIN | ACK }, TRANS_S },
};

static const struct packet *packet_out(__u8 proto, __u8 flags)
{
	static struct packet p;

	p = (struct packet) { FROM_ANN, .proto = proto, .sport = 5000, .dport = 80, .flags = flags, .type = ECHO };
	return &p;
}

static const struct packet *packet_in(__u8 proto, __u8 flags)
{
	static struct packet p;

	p = (struct packet) { OUTSIDE, .proto = proto, .sport = 80, .dport = 5000, .flags = flags, .type = ECHO_REPLY };
	if (proto == ICMP)
		p.sport = 5000;
	return &p;
}

static struct cv_tuple bring_up(const struct lifetime *l)
{
	CHECK_EQ(world_send(TO_UPLINK, packet_out(l->proto, l->out_flags[0])), REDIRECT);
	for (int i = 0; i < 2; i++) {
		if (i && l->out_flags[i])
			CHECK_EQ(world_send(TO_UPLINK, packet_out(l->proto, l->out_flags[i])), REDIRECT);
		if (l->in_flags[i])
			CHECK_EQ(world_send(FROM_UPLINK, packet_in(l->proto, l->in_flags[i])), REDIRECT);
	}
	return world_tuple(l->proto, ANN_IP, 5000, SERVER, l->proto == ICMP ? 0 : 80);
}

static void one_lifetime(const struct lifetime *l)
{
	const struct cv_drop_key why = BECAUSE(FILTERED);
	__u32 ticks = CV_TICKS(l->timeout_s);
	struct cv_tuple key;

	claim_begin();
	key = bring_up(l);
	world_tick_begin();
	world_age(&key, ticks, ticks);
	CHECK_EQ(world_send(FROM_UPLINK, packet_in(l->proto, ACK)), REDIRECT);
	claim_end("%s lives %u s", l->claim, l->timeout_s);

	claim_begin();
	key = bring_up(l);
	world_tick_begin();
	world_age(&key, ticks + 1, ticks + 1);
	if (l->proto == ICMP) {
		CHECK_EQ(world_send(FROM_UPLINK, packet_in(l->proto, ACK)), PASS);
	} else {
		CHECK_EQ(world_send(FROM_UPLINK, packet_in(l->proto, ACK)), DROP);
		CHECK_DROPS(&why, 1);
	}
	claim_end("%s does not live a tick longer", l->claim);
}

/* --- a dead flow and its guest */

static void begun_anew(void)
{
	struct cv_tuple key = world_tuple(TCP, ANN_IP, 5000, SERVER, 80);
	struct cv_flow f = {};
	__u32 dead = CV_TICKS(EST_S) + 1;

	claim_begin();
	bring_up(&lifetimes[3]);
	world_age(&key, dead, dead);
	CHECK_EQ(world_send(TO_UPLINK, packet_out(TCP, SYN)), REDIRECT);
	CHECK(world_flow(&key, &f));
	CHECK_EQ(f.out_packets, 1);
	CHECK_EQ(f.out_bytes, 40);
	CHECK_EQ(f.in_packets, 0);
	CHECK_EQ(f.in_bytes, 0);
	CHECK_EQ(f.state, CV_FLOW_OPEN);
	CHECK_EQ(f.flags, CV_FLOW_OUT_SYN);
	CHECK_EQ(f.timeout_ticks, CV_TICKS(TRANS_S));
	CHECK(world_tick() - f.created_tick <= 1);
	CHECK_EQ(ntohs(f.port), 5000);
	CHECK_EQ(world_entries(world.flows, sizeof(key)), 1);
	CHECK_EXTERNALS();
	CHECK_EQ(world_use(world.port_use, ANN).flows, 1);
	CHECK_EQ(world_send(FROM_UPLINK, packet_in(TCP, SYN | ACK)), REDIRECT);
	claim_end("a dead flow is begun anew by its guest, and answered");
}

static void not_revived(__u8 flags, const char *what)
{
	struct cv_tuple key = world_tuple(TCP, ANN_IP, 5000, SERVER, 80);
	const struct cv_drop_key why = BECAUSE(NO_FLOW), filtered = BECAUSE(FILTERED);
	__u32 dead = CV_TICKS(EST_S) + 1;

	claim_begin();
	bring_up(&lifetimes[3]);
	world_age(&key, dead, dead);
	CHECK_EQ(world_send(TO_UPLINK, packet_out(TCP, flags)), DROP);
	CHECK_DROPS(&why, 1);
	drops_clear();
	CHECK_EQ(world_send(FROM_UPLINK, packet_in(TCP, ACK)), DROP);
	CHECK_DROPS(&filtered, 1);
	claim_end("a dead flow is not begun anew by %s", what);
}

static void revived_unlawfully(void)
{
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 80);
	const struct cv_drop_key filtered = BECAUSE(FILTERED);
	__u32 dead = CV_TICKS(UDP_S) + 1;
	struct cv_network n;

	claim_begin();
	bring_up(&lifetimes[0]);
	world_age(&key, dead, dead);
	n = world_network(NET);
	n.mode = CV_MODE_ISOLATED;
	world_set_network(NET, &n);
	CHECK_EQ(world_send(TO_UPLINK, packet_out(UDP, 0)), REDIRECT);	/* the ICMP error */
	CHECK_EQ(world_totals().icmp_errors_sent, 1);
	drops_clear();
	CHECK_EQ(world_send(FROM_UPLINK, packet_in(UDP, 0)), DROP);
	CHECK_DROPS(&filtered, 1);
	claim_end("a dead flow is not begun anew against the network's policy");
}

/* --- the end of flows */

static void check_none(void)
{
	struct cv_tuple key;

	CHECK_EQ(world_entries(world.flows, sizeof(key)), 0);
	CHECK(bpf_map_lookup_elem(world.live_flows, NULL, &key));
	CHECK_EQ(world_use(world.port_use, ANN).flows, 0);
	CHECK_EQ(world_use(world.port_use, BOB).flows, 0);
	CHECK_EQ(world_use(world.network_use, NET).flows, 0);
	CHECK_EQ(world_use(world.network_use, 0).flows, 0);
	CHECK_EXTERNALS();
}

static void some_flows(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct packet p = { FROM_ANN, .proto = i & 1 ? UDP : TCP, .sport = 2000 + i, .dport = 80, .flags = SYN };

		if (i & 2) {
			p.saddr = BOB_IP;
			p.smac = BOB_MAC;
		}
		CHECK_EQ(world_send(TO_UPLINK, &p), REDIRECT);
	}
}

static void from_host(void)
{
	const struct packet p = { .saddr = GATEWAY, .daddr = ANN_IP, .proto = TCP, .sport = 50000, .dport = 22, .flags = SYN };

	CHECK_EQ(world_send(TO_GUEST, &p), REDIRECT);
}

static void flushes(void)
{
	claim_begin();
	some_flows(64);
	from_host();
	CHECK_EQ(world_flush(0, 0, 100), 65);
	check_none();
	CHECK_EQ(world_totals().flushed_flows, 65);
	claim_end("a flush of all forgets every flow in every map");

	claim_begin();
	some_flows(64);
	from_host();
	CHECK_EQ(world_flush(0, ANN, 65), 33);
	CHECK_EQ(world_entries(world.flows, sizeof(struct cv_tuple)), 32);
	CHECK_EQ(world_use(world.port_use, ANN).flows, 0);
	CHECK_EQ(world_use(world.port_use, BOB).flows, 32);
	CHECK_EQ(world_use(world.network_use, NET).flows, 32);
	CHECK_EQ(world_flush(TWIN, 0, 32), 0);
	CHECK_EQ(world_flush(NET, BOB, 32), 32);
	check_none();
	claim_end("a flush of a guest forgets its flows and no other");

	claim_begin();
	some_flows(64);
	CHECK_EQ(world_flush(NET, 0, 10), 10);
	CHECK_EXTERNALS();
	CHECK_EQ(world_entries(world.flows, sizeof(struct cv_tuple)), 54);
	claim_end("a flush looks at no more flows than it may");

	claim_begin();
	CHECK_EQ(world_flush(0, 0, 10), 0);
	check_none();
	claim_end("a flush of nothing is fine");
}

/* Wait until no more flows than so many are left, 20 s at most. */
static void await_flows(__u32 n)
{
	const struct timespec pause = { .tv_nsec = 50000000 };

	for (int i = 0; i < 400; i++) {
		if (world_entries(world.flows, sizeof(struct cv_tuple)) <= n)
			return;
		nanosleep(&pause, NULL);
	}
}

/* Each sweep looks at one flow at least. */
static void await_sweeps(unsigned int n)
{
	const struct timespec pause = { .tv_nsec = 50000000 };
	__u64 begin = world_totals().sweeps;

	for (int i = 0; i < 400 && world_totals().sweeps < begin + n; i++)
		nanosleep(&pause, NULL);
	CHECK(world_totals().sweeps >= begin + n);
}

static void age_all(__u32 dport)
{
	struct cv_tuple key, next;
	int err = bpf_map_get_next_key(world.flows, NULL, &next);

	while (!err) {
		key = next;
		if (!dport || key.rport == htons(dport))
			world_age(&key, CV_TICKS(EST_S) + 1, CV_TICKS(EST_S) + 1);
		err = bpf_map_get_next_key(world.flows, &key, &next);
	}
}

static void sweeps(void)
{
	struct packet p = { FROM_ANN, .proto = UDP, .sport = 9, .dport = 53 };

	claim_begin();
	CHECK_EQ(world_start(), 0);
	some_flows(40);
	from_host();
	age_all(0);
	await_flows(0);
	check_none();
	CHECK_EQ(world_totals().expired_flows, 41);
	claim_end("dead flows leave every map and every count by themselves");

	claim_begin();
	some_flows(20);
	age_all(80);
	CHECK_EQ(world_send(TO_UPLINK, &p), REDIRECT);
	await_flows(1);
	await_sweeps(10);
	CHECK_EQ(world_entries(world.flows, sizeof(struct cv_tuple)), 1);
	CHECK_EQ(world_use(world.port_use, ANN).flows, 1);
	CHECK_EQ(world_use(world.port_use, BOB).flows, 0);
	CHECK_EQ(world_use(world.network_use, NET).flows, 1);
	CHECK_EXTERNALS();
	claim_end("a living flow stays among dead ones");
	CHECK_EQ(world_flush(0, 0, 10), 1);
}

int main(void)
{
	world_open();
	run_connections();
	for (unsigned int i = 0; i < sizeof(lifetimes) / sizeof(lifetimes[0]); i++)
		one_lifetime(&lifetimes[i]);
	begun_anew();
	not_revived(RST, "a reset");
	not_revived(FIN | ACK, "a FIN");
	revived_unlawfully();
	flushes();
	sweeps();
	return table_end();
}
