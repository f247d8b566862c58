// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many random packets out, and a random answer to each back in.  Every byte of
 * both is compared with a packet built anew; no two flows of guests may share
 * a name outside, and no flow may have two.  SEED=N repeats a run.
 */
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "table.h"

#define N_PACKETS	20000

/* A flow's name inside and outside; compared as bytes. */
struct name {
	__u32 net, addr, remote;
	__u16 port, rport;
	__u32 proto;
};

struct pair {
	struct name key, value;
};

static void *outside_of, *inside_of;	/* trees of struct pair */
static __u64 state;

static __u32 rnd(__u32 n)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % n;
}

static int by_key(const void *a, const void *b)
{
	return memcmp(&((const struct pair *)a)->key, &((const struct pair *)b)->key, sizeof(struct name));
}

/* Note that @key goes with @value.  Return: whether it always has. */
static bool goes_with(void **tree, const struct name *key, const struct name *value)
{
	struct pair *p = malloc(sizeof(*p)), **found;

	*p = (struct pair) { *key, *value };
	found = tsearch(p, tree, by_key);
	if (*found == p)
		return true;
	free(p);
	return !memcmp(&(*found)->value, value, sizeof(*value));
}

/* --- packets */

static const struct guest {
	__u32 net, slot, ip;
} guests[] = {
	{ NET, ANN, ANN_IP }, { NET, BOB, BOB_IP }, { TWIN, DAN, ANN_IP },
};

static const __u32 servers[] = { SERVER, SERVER + 1, SERVER2, IP(8, 8, 8, 8) };

/* Few names, so that guests meet on them; some ports that may not be kept. */
static __u16 random_port(void)
{
	switch (rnd(4)) {
	case 0:
		return 1 + rnd(1023);
	case 1:
		return RESERVED_MIN + rnd(64);
	default:
		return 2000 + rnd(64);
	}
}

static void random_rest(struct packet *p)
{
	static const char options[] = "\x01\x01\x01\x01\x94\x04\x00\x00\x01\x01\x01\x01\x01\x01\x01\x00"
				      "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01";
	static __u8 data[1400];
	static const __u8 flags[] = { SYN, ACK, PSH | ACK, SYN | ACK };

	for (unsigned int i = 0; i < 64; i++)
		data[rnd(sizeof(data))] = rnd(256);
	p->data = data;
	p->len = rnd(3) ? rnd(64) : rnd(1300);
	p->options = options;
	p->options_len = rnd(4) ? 0 : 4 * rnd(9);
	p->ttl = 2 + rnd(254);
	p->tos = rnd(4) ? 0 : rnd(64) << 2;
	p->id = rnd(65536);
	p->frag = rnd(2) ? DF : 0;
	p->seq = rnd(0xffffffff);
	p->flags = flags[rnd(4)];
	p->no_csum = !rnd(8);
	p->trailer = rnd(8) ? 0 : rnd(20);
}

static struct packet random_out(const struct guest *g)
{
	static const __u8 protos[] = { UDP, UDP, TCP, TCP, ICMP };
	struct packet p = {
		.dmac = GATEWAY_MAC, .smac = MAC_OF(g->slot), .saddr = g->ip, .daddr = servers[rnd(4)],
		.proto = protos[rnd(5)], .type = ECHO, .sport = random_port(),
	};

	p.dport = p.proto == ICMP ? rnd(65536) : 50 + rnd(4);
	random_rest(&p);
	return p;
}

/* --- one packet, there and back */

static bool out_flow(const struct guest *g, const struct packet *p, struct cv_flow *ret)
{
	struct cv_tuple key = world_tuple(p->proto, p->saddr, p->sport, p->daddr, p->proto == ICMP ? 0 : p->dport);

	key.net = g->net;
	return world_flow(&key, ret);
}

static void check_names(const struct guest *g, const struct packet *in, const struct packet *out)
{
	__u16 rport = in->proto == ICMP ? 0 : in->dport;
	const struct name inside = { g->net, in->saddr, in->daddr, in->sport, rport, in->proto };
	const struct name outside = { 0, out->saddr, out->daddr, out->sport, rport, out->proto };

	CHECK(goes_with(&outside_of, &inside, &outside));
	CHECK(goes_with(&inside_of, &outside, &inside));
	if (out->proto != ICMP)
		CHECK(out->sport >= CV_PORT_MIN && (out->sport < RESERVED_MIN || out->sport > RESERVED_MAX));
}

static struct packet there(const struct guest *g, const struct packet *in)
{
	struct packet out = *in;
	struct cv_flow flow = {};
	__u8 frame[PACKET_MAX], want[PACKET_MAX];
	unsigned int len = packet_build(in, frame), want_len;

	CHECK_EQ(world_run(TO_UPLINK, g->net, frame, &len, 0), REDIRECT);
	CHECK(out_flow(g, in, &flow));
	out.saddr = in->daddr == SERVER2 ? HOST2_IP : HOST_IP;
	out.sport = ntohs(flow.port);
	out.ttl = in->ttl - 1;
	want_len = packet_build(&out, want);
	CHECK_BYTES(frame, len, want, want_len);
	CHECK(packet_l4_ok(want + 14, want_len - 14 - out.trailer));
	check_names(g, in, &out);
	return out;
}

static void back(const struct guest *g, const struct packet *in, const struct packet *out)
{
	struct packet reply = { .dmac = UPLINK_MAC, .smac = PEER_MAC }, want_reply;
	__u8 frame[PACKET_MAX], want[PACKET_MAX];
	unsigned int len, want_len;

	random_rest(&reply);
	reply.proto = out->proto;
	reply.type = ECHO_REPLY;
	reply.saddr = out->daddr;
	reply.daddr = out->saddr;
	reply.sport = out->proto == ICMP ? out->sport : out->dport;
	reply.dport = out->proto == ICMP ? out->dport : out->sport;
	want_reply = reply;
	want_reply.dmac = TAG_MAC(g->slot);
	want_reply.daddr = in->saddr;
	want_reply.ttl = reply.ttl - 1;
	if (out->proto == ICMP)
		want_reply.sport = in->sport;
	else
		want_reply.dport = in->sport;

	len = packet_build(&reply, frame);
	want_len = packet_build(&want_reply, want);
	CHECK_EQ(world_run(FROM_UPLINK, 0, frame, &len, 0), REDIRECT);
	CHECK_BYTES(frame, len, want, want_len);
}

int main(void)
{
	const char *seed = getenv("SEED");
	const struct cv_drop_key none = {};
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	state = seed ? strtoull(seed, NULL, 0) : (__u64)now.tv_nsec;
	world_open();
	printf("# SEED=%llu\n", (unsigned long long)state);

	claim_begin();
	for (unsigned int i = 0; i < N_PACKETS && !claim_failed(); i++) {
		const struct guest *g = &guests[rnd(3)];
		struct packet in = random_out(g), out = there(g, &in);

		back(g, &in, &out);
	}
	CHECK_DROPS(&none, 0);
	CHECK_EXTERNALS();
	CHECK_EQ(world_use(world.network_use, 0).flows, world_entries(world.flows, sizeof(struct cv_tuple)));
	printf("# %llu flows, %llu ports tried, %llu kept\n", (unsigned long long)world_totals().new_flows,
	       (unsigned long long)world_totals().port_tries, (unsigned long long)world_totals().port_preserved);
	claim_end("%u random packets and their answers are translated exactly, one name for each flow", N_PACKETS);
	return table_end();
}
