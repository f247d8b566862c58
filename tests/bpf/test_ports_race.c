// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports outside, given out by two CPUs at once: eight guests that all want the
 * same few thousand, some flows wanted twice at the same time, then the same
 * while flows are taken away.  No port may ever have two owners, no count may
 * be lost.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "table.h"

enum { FIRST_GUEST = 12, N_GUESTS = 8, N_THREADS = 2, N_PACKETS = 15000, N_LPORTS = 400, N_SERVERS = 4 };
enum { ALL_FLOWS = N_GUESTS * N_LPORTS * N_SERVERS * 2 };

/* What the packets that left have shown: [UDP?][port] -> owner + 1. */
static __u32 owners[2][65536];
/* Likewise [UDP?][guest][its port] -> port outside. */
static __u32 mappings[2][N_GUESTS][N_LPORTS];
static bool flushing;

struct hammer {
	pthread_t thread;
	__u64 random;
	int cpu;
	unsigned int sent, dropped, strange, shared, moved;
};

static __u32 rnd(__u64 *state, __u32 n)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*state >> 33) % n;
}

/* Note @value where nothing is yet.  Return: whether it is what stands there. */
static bool note(__u32 *at, __u32 value)
{
	__u32 was = 0;

	return __atomic_compare_exchange_n(at, &was, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED) ||
	       was == value;
}

static void hammer_once(struct hammer *h)
{
	__u32 guest = rnd(&h->random, N_GUESTS), lport = rnd(&h->random, N_LPORTS), udp = rnd(&h->random, 2), owner;
	const struct packet p = {
		.dmac = GATEWAY_MAC, .smac = MAC_OF(FIRST_GUEST + guest), .saddr = IP(10, 77, 0, FIRST_GUEST + guest),
		.daddr = SERVER + rnd(&h->random, N_SERVERS), .proto = udp ? UDP : TCP, .flags = SYN,
		/* One half is well-known, so drawn. */
		.sport = 800 + lport, .dport = 443,
	};
	__u8 frame[PACKET_MAX];
	unsigned int len = packet_build(&p, frame);
	int verdict = world_run(TO_UPLINK, 0, frame, &len, 0);
	__u16 port = get16(frame + 34);

	h->sent++;
	if (verdict == DROP) {
		h->dropped++;
		return;
	}
	if (verdict != REDIRECT || get32(frame + 26) != HOST_IP) {
		h->strange++;
		return;
	}
	/* A guest may give a port of its own to another of its own, once it was flushed. */
	owner = 1 + guest * N_LPORTS + (flushing ? 0 : lport);
	if (!note(&owners[udp][port], owner))
		h->shared++;
	if (!flushing && !note(&mappings[udp][guest][lport], port))
		h->moved++;
}

static void *hammer(void *arg)
{
	struct hammer *h = arg;
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET(h->cpu, &cpu);
	/* With one CPU they take turns there. */
	sched_setaffinity(0, sizeof(cpu), &cpu);
	for (unsigned int i = 0; i < N_PACKETS; i++)
		hammer_once(h);
	return NULL;
}

static void start(struct hammer *hammers)
{
	memset(owners, 0, sizeof(owners));
	memset(mappings, 0, sizeof(mappings));
	for (int i = 0; i < N_THREADS; i++) {
		hammers[i] = (struct hammer) { .cpu = i, .random = 17 + i * 4 };
		CHECK(!pthread_create(&hammers[i].thread, NULL, hammer, &hammers[i]));
	}
}

static struct hammer join(struct hammer *hammers)
{
	struct hammer sum = {};

	for (int i = 0; i < N_THREADS; i++) {
		pthread_join(hammers[i].thread, NULL);
		sum.sent += hammers[i].sent;
		sum.dropped += hammers[i].dropped;
		sum.strange += hammers[i].strange;
		sum.shared += hammers[i].shared;
		sum.moved += hammers[i].moved;
	}
	return sum;
}

static void add_guests(void)
{
	for (__u32 i = FIRST_GUEST; i < FIRST_GUEST + N_GUESTS; i++)
		world_add_port(NET, i, IP(10, 77, 0, i));
}

/* Flows, keys and every count agree. */
static void check_counts(void)
{
	__u32 flows = world_entries(world.flows, sizeof(struct cv_tuple)), sum = 0;

	for (__u32 i = FIRST_GUEST; i < FIRST_GUEST + N_GUESTS; i++)
		sum += world_use(world.port_use, i).flows;
	CHECK_EQ(sum, flows);
	CHECK_EQ(world_use(world.network_use, NET).flows, flows);
	CHECK_EQ(world_use(world.network_use, 0).flows, flows);
	CHECK_EXTERNALS();
}

static void check_flushed(void)
{
	__u32 flows = world_entries(world.flows, sizeof(struct cv_tuple));

	CHECK_EQ(world_flush(0, 0, ALL_FLOWS), flows);
	CHECK_EQ(world_entries(world.flows, sizeof(struct cv_tuple)), 0);
	check_counts();
}

static void at_once(void)
{
	struct hammer hammers[N_THREADS], sum;
	const struct cv_drop_key none = {};

	claim_begin();
	add_guests();
	start(hammers);
	sum = join(hammers);
	CHECK_EQ(sum.sent, N_THREADS * N_PACKETS);
	CHECK_EQ(sum.dropped, 0);
	CHECK_EQ(sum.strange, 0);
	CHECK_EQ(sum.shared, 0);
	CHECK_EQ(sum.moved, 0);
	CHECK_DROPS(&none, 0);
	CHECK_EQ(world_totals().new_flows, world_entries(world.flows, sizeof(struct cv_tuple)));
	check_counts();
	printf("# %llu flows, %llu ports tried, %llu kept\n", (unsigned long long)world_totals().new_flows,
	       (unsigned long long)world_totals().port_tries, (unsigned long long)world_totals().port_preserved);
	claim_end("two CPUs give no port to two guests, and one to all flows of a guest's port");
	check_flushed();
	claim_end("all counts are zero when they are flushed");
}

static __u64 drops_of(__u32 reason)
{
	struct cv_drop_count all[world.cpus];
	struct cv_drop_key at, next;
	__u64 sum = 0;
	int err = bpf_map_get_next_key(world.drops, NULL, &next);

	while (!err) {
		at = next;
		if (at.reason == reason && !bpf_map_lookup_elem(world.drops, &at, all))
			for (int i = 0; i < world.cpus; i++)
				sum += all[i].packets;
		err = bpf_map_get_next_key(world.drops, &at, &next);
	}
	return sum;
}

static void while_flushed(void)
{
	struct hammer hammers[N_THREADS], sum;
	__u64 flushed = 0;

	claim_begin();
	add_guests();
	flushing = true;
	start(hammers);
	while (!world_totals().new_flows)
		sched_yield();		/* on a busy machine they begin late */
	for (unsigned int i = 0; i < 400; i++) {
		flushed += world_flush(0, FIRST_GUEST + i % N_GUESTS, 256);
		sched_yield();
	}
	sum = join(hammers);
	CHECK_EQ(sum.strange, 0);
	CHECK_EQ(sum.shared, 0);
	/* Taken away between the making and the use. */
	CHECK_EQ(sum.dropped, drops_of(CV_DROP_NO_FLOW));
	CHECK(sum.dropped < N_PACKETS / 100);
	CHECK(flushed > 0);
	CHECK_EQ(world_totals().new_flows, flushed + world_entries(world.flows, sizeof(struct cv_tuple)));
	check_counts();
	printf("# %llu flows, %llu flushed meanwhile, %u packets dropped\n", (unsigned long long)world_totals().new_flows,
	       (unsigned long long)flushed, sum.dropped);
	claim_end("two CPUs give no port to two guests while flows are taken away");
	check_flushed();
	claim_end("all counts are zero when they are flushed, too");
}

int main(void)
{
	world_open();
	at_once();
	while_flushed();
	return table_end();
}
