// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fragments that come before their first one (RFC 4787 REQ-14): they wait, and
 * enter again behind it.  Bounded for each guest, and for the outside.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include "again.h"

#define FROM_ANN	.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = ANN_IP, .daddr = SERVER
#define FROM_BOB	.dmac = GATEWAY_MAC, .smac = BOB_MAC, .saddr = BOB_IP, .daddr = SERVER
#define LEFT		.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = HOST_IP, .daddr = SERVER, .ttl = 63
#define OUTSIDE		.dmac = UPLINK_MAC, .smac = PEER_MAC, .saddr = SERVER, .daddr = HOST_IP
#define TO_ANN		.dmac = TAG_MAC(ANN), .smac = PEER_MAC, .saddr = SERVER, .daddr = ANN_IP, .ttl = 63

#define QUERY		.proto = UDP, .sport = 5000, .dport = 53
#define REPLY		.proto = UDP, .sport = 53, .dport = 5000
#define PART		800	/* bytes of payload; of 3200 there are four */
#define N_PARTS		4
#define LONG		.id = 600, .len = N_PARTS * PART - 8 - 3	/* the last one is odd */

#define SEGMENT		.proto = TCP, .sport = 5000, .dport = 80, .flags = ACK, .id = 600, .len = N_PARTS * PART - 20 - 3

static const struct packet query = { FROM_ANN, QUERY };
static struct travel t;
static struct datagram whole;

/* Part @i of the datagram, of four. */
static struct frame part_of(const struct packet *p, unsigned int i)
{
	struct frame f;

	f.len = packet_part(p, i * PART, PART, i + 1 < N_PARTS, f.bytes);
	return f;
}

/* What left is this datagram, and nothing else. */
static void check_whole(const struct packet *p, unsigned int n_parts)
{
	__u8 want[PACKET_MAX];
	unsigned int len = packet_build(p, want);

	if (!datagram_join(t.left, t.n_left, &whole))
		return;
	CHECK_EQ(whole.n_parts, n_parts);
	CHECK_BYTES(whole.bytes, whole.len, want + 14, len - 14);
	for (unsigned int i = 0; i < t.n_left; i++)
		CHECK(!memcmp(t.left[i].bytes, want, 12));
}

/* All of them, one after the other; t.left collects what leaves. */
static void send_parts(enum hook hook, const struct packet *p, const unsigned int order[], unsigned int n)
{
	static struct travel one;

	t.n_left = t.n_passed = t.n_dropped = t.n_entered = 0;
	for (unsigned int i = 0; i < n; i++) {
		const struct frame f = part_of(p, order[i]);

		again_travel(hook, 0, &f, &one);
		memcpy(t.left + t.n_left, one.left, one.n_left * sizeof(struct frame));
		memcpy(t.entered + t.n_entered, one.entered, one.n_entered * sizeof(struct frame));
		t.n_left += one.n_left;
		t.n_entered += one.n_entered;
		t.n_passed += one.n_passed;
		t.n_dropped += one.n_dropped;
	}
}

static void begin(void)
{
	claim_begin();
	again_none(TO_UPLINK, 0);
	again_none(FROM_UPLINK, 0);
}

/* What waited comes back as it was, behind the first one. */
static void check_entered(const struct packet *p, unsigned int n)
{
	struct frame want = part_of(p, 0);
	unsigned int seen = 1;	/* bit by bit */

	CHECK_EQ(t.n_entered, n);
	CHECK_BYTES(t.entered[0].bytes, t.entered[0].len, want.bytes, want.len);
	for (unsigned int i = 1; i < n; i++)
		for (unsigned int k = 1; k < N_PARTS; k++) {
			want = part_of(p, k);
			if (t.entered[i].len == want.len && !memcmp(t.entered[i].bytes, want.bytes, want.len))
				seen |= 1 << k;
		}
	CHECK_EQ(__builtin_popcount(seen), n);
}

static const struct packet long_query = { FROM_ANN, QUERY, LONG };
static const struct packet long_reply = { OUTSIDE, REPLY, LONG };

static void last_first(enum hook hook, const struct packet *p, const struct packet *want, const char *what)
{
	static const unsigned int backwards[] = { 3, 2, 1, 0 };
	const struct cv_drop_key none = {};

	begin();
	world_send(TO_UPLINK, &query);
	world_number(p->id);
	send_parts(hook, p, backwards, 3);
	CHECK_EQ(t.n_left, 0);
	CHECK_EQ(t.n_entered, 0);
	CHECK_EQ(world_totals().fragments_held, 3);
	send_parts(hook, p, backwards + 3, 1);
	check_entered(p, 4);
	check_whole(want, 4);
	CHECK_EQ((t.left[0].bytes[20] & 0x1f) << 8 | t.left[0].bytes[21], 0);
	CHECK_DROPS(&none, 0);
	claim_end("%s that comes last first arrives, first one first", what);
}

/* --- each order */

/* The permutation with this number. */
static void order_of(unsigned int n, unsigned int ret[N_PARTS])
{
	unsigned int left[] = { 0, 1, 2, 3 };

	for (unsigned int size = N_PARTS; size; n /= size--) {
		ret[N_PARTS - size] = left[n % size];
		left[n % size] = left[size - 1];
	}
}

static void each_order(enum hook hook, const struct packet *p, const struct packet *want, const char *what)
{
	const struct cv_drop_key none = {};
	unsigned int order[N_PARTS];

	begin();
	for (unsigned int n = 0; n < 24 && !claim_failed(); n++) {
		world_reset();
		world_send(TO_UPLINK, &query);
		world_number(p->id);
		order_of(n, order);
		send_parts(hook, p, order, N_PARTS);
		check_whole(want, N_PARTS);
		CHECK_EQ(world_totals().datagrams, 1);
		CHECK_EQ(world_use(world.port_use, ANN).datagrams + world_use(world.network_use, 0).datagrams, 0);
		CHECK_DROPS(&none, 0);
		CHECK_EXTERNALS();
	}
	claim_end("%s arrives whole and translated in each order of its four fragments", what);
}

static void each_way(void)
{
	const struct packet query_left = { LEFT, QUERY, LONG }, reply_left = { TO_ANN, REPLY, LONG };
	const struct packet ping = { FROM_ANN, .proto = ICMP, .type = ECHO, .sport = 5000, .dport = 1, LONG };
	const struct packet ping_left = { LEFT, .proto = ICMP, .type = ECHO, .sport = 5000, .dport = 1, LONG };
	const struct packet segment = { FROM_ANN, SEGMENT }, segment_left = { LEFT, SEGMENT };

	last_first(TO_UPLINK, &long_query, &query_left, "a guest's datagram");
	last_first(FROM_UPLINK, &long_reply, &reply_left, "a reply");
	each_order(TO_UPLINK, &long_query, &query_left, "a guest's datagram");
	each_order(FROM_UPLINK, &long_reply, &reply_left, "a reply");
	each_order(TO_UPLINK, &ping, &ping_left, "a guest's echo");
	each_order(TO_UPLINK, &segment, &segment_left, "a guest's segment");
}

/* The reply to an echo. */
static void pong(void)
{
	const struct packet ping = { FROM_ANN, .proto = ICMP, .type = ECHO, .sport = 5000, .dport = 1 };
	const struct packet in = { OUTSIDE, .proto = ICMP, .type = ECHO_REPLY, .sport = 5000, .dport = 1, LONG };
	const struct packet out = { TO_ANN, .proto = ICMP, .type = ECHO_REPLY, .sport = 5000, .dport = 1, LONG };
	static const unsigned int order[] = { 2, 0, 3, 1 };

	begin();
	CHECK_EQ(world_send(TO_UPLINK, &ping), REDIRECT);
	send_parts(FROM_UPLINK, &in, order, N_PARTS);
	check_whole(&out, N_PARTS);
	claim_end("the fragments of an echo's reply arrive in any order");
}

static void around_the_corner(void)
{
	const struct packet in = {
		.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = ANN_IP, .daddr = HOST_IP,
		.proto = UDP, .sport = 6000, .dport = 8080, LONG,
	};
	const struct packet out = {
		.dmac = TAG_MAC(BOB), .smac = ANN_MAC, .saddr = HOST_IP, .daddr = BOB_IP, .ttl = 62,
		.proto = UDP, .sport = 6000, .dport = 80, LONG,
	};
	static const unsigned int order[] = { 1, 3, 0, 2 };
	struct cv_external *e;

	begin();
	e = world_external(HOST_IP, UDP, 8080);
	e->word = EXTERNAL(BOB, 80, 1);
	e->flags = CV_EXTERNAL_FORWARD;
	world_number(in.id);
	send_parts(TO_UPLINK, &in, order, N_PARTS);
	check_whole(&out, N_PARTS);
	claim_end("the fragments of a call to a neighbour's forward arrive in any order");
}

/* The host has a socket of its own there; its kernel puts them together. */
static void of_the_host(void)
{
	const struct packet p = { OUTSIDE, .proto = UDP, .sport = 53, .dport = 41000, LONG };
	static const unsigned int order[] = { 3, 1, 0, 2 };
	const struct cv_drop_key none = {};

	begin();
	world_send(TO_UPLINK, &query);
	send_parts(FROM_UPLINK, &p, order, N_PARTS);
	CHECK_EQ(t.n_left, 0);
	CHECK_EQ(t.n_passed, 4);
	check_entered(&p, 3);
	CHECK_DROPS(&none, 0);
	claim_end("the host's own fragments reach it in any order");
}

/* To an address of the host's that no guest shares: nothing waits. */
static void of_nobody(void)
{
	struct packet p = long_reply;
	static const unsigned int order[] = { 3, 1, 0, 2 };

	begin();
	p.daddr = IP(203, 0, 113, 2);
	send_parts(FROM_UPLINK, &p, order, N_PARTS);
	CHECK_EQ(t.n_passed, 4);
	CHECK_EQ(world_totals().fragments_held, 0);
	claim_end("fragments for an address that no guest shares are the host's at once");
}

/* What a guest's datagrams have outside is theirs alone (RFC 6864 section 5.3.1). */
static void numbers(void)
{
	struct packet bobs = long_query;
	static const unsigned int order[] = { 3, 2, 1, 0 };
	__u16 id;

	begin();
	bobs.smac = BOB_MAC;
	bobs.saddr = BOB_IP;
	world_number(0x77fe);
	send_parts(TO_UPLINK, &long_query, order, N_PARTS);
	CHECK(datagram_join(t.left, t.n_left, &whole));
	id = whole.id;
	send_parts(TO_UPLINK, &bobs, order, N_PARTS);
	CHECK(datagram_join(t.left, t.n_left, &whole));
	CHECK(whole.id != id);
	claim_end("two guests' datagrams of one identification have two outside, each its parts the same");
}

/* --- the same number again */

static void reused(void)
{
	static const unsigned int forwards[] = { 0, 1, 2, 3 }, backwards[] = { 3, 2, 1, 0 };
	const struct packet want = { LEFT, QUERY, LONG };
	const struct cv_drop_key none = {};

	begin();
	for (unsigned int i = 0; i < 6; i++) {
		world_number(long_query.id);
		send_parts(TO_UPLINK, &long_query, i & 1 ? backwards : forwards, N_PARTS);
		check_whole(&want, N_PARTS);
	}
	CHECK_EQ(world_totals().datagrams, 6);
	CHECK_DROPS(&none, 0);
	claim_end("a datagram that is whole frees its identification at once");
}

static void begun_anew(void)
{
	static const unsigned int some[] = { 0, 1, 2 }, all[] = { 0, 1, 2, 3 };
	struct packet want = { LEFT, QUERY, LONG };
	const struct cv_drop_key none = {};
	__u16 id;

	begin();
	world_number(long_query.id);
	send_parts(TO_UPLINK, &long_query, some, 3);
	CHECK_EQ(t.n_left, 3);
	id = get16(t.left[0].bytes + 18);
	send_parts(TO_UPLINK, &long_query, all, N_PARTS);
	/* Another number: no part of the one that was left unfinished belongs to it. */
	want.id = get16(t.left[0].bytes + 18);
	CHECK(want.id != id);
	check_whole(&want, N_PARTS);
	CHECK_EQ(world_totals().datagrams, 1);
	CHECK_DROPS(&none, 0);
	claim_end("a second first fragment begins its datagram anew");
}

/* --- in vain */

/* Until the sweeper, which looks at a sixteenth of the places at once, has seen all of them. */
static void await_round(void)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	__u64 round = world_totals().sweeps + 17;

	for (int i = 0; i < 20000 && world_totals().sweeps < round; i++)
		nanosleep(&ms, NULL);
	CHECK(world_totals().sweeps >= round);
}

static void too_late(void)
{
	static const unsigned int later[] = { 3 }, first[] = { 0 };

	begin();
	send_parts(TO_UPLINK, &long_query, later, 1);
	world_age_datagrams(CV_TICKS(CV_FRAGMENT_TIMEOUT_S) + 1);
	send_parts(TO_UPLINK, &long_query, first, 1);
	CHECK_EQ(t.n_left, 1);
	CHECK_EQ(t.n_entered, 0);
	claim_end("what has waited two seconds waits in vain: the first one goes alone");
}

/* Beyond what a place holds: not held, and said so. */
static void too_long(void)
{
	const struct packet p = { FROM_ANN, QUERY, .id = 600, .len = 6000 };
	const struct cv_drop_key why = BECAUSE(FRAGMENT_NO_FIRST), none = {};
	struct frame f;

	begin();
	f.len = packet_part(&p, 2048, ((CV_HELD_BYTES - 34) & ~7) + 8, true, f.bytes);
	again_travel(TO_UPLINK, 0, &f, &t);
	CHECK_EQ(t.n_dropped, 1);
	CHECK_DROPS(&why, 1);
	CHECK_EQ(world_totals().fragments_held, 0);
	drops_clear();
	f.len = packet_part(&p, 2048, (CV_HELD_BYTES - 34) & ~7, true, f.bytes);
	again_travel(TO_UPLINK, 0, &f, &t);
	CHECK_DROPS(&none, 0);
	CHECK_EQ(world_totals().fragments_held, 1);
	claim_end("a frame of more than %u bytes does not wait", CV_HELD_BYTES);
}

/* The sweeper runs from here on: the last claim. */
static void swept(void)
{
	static const unsigned int later[] = { 1, 2, 3 };
	const struct cv_drop_key late = BECAUSE(FRAGMENT_LATE), none = {};

	begin();
	send_parts(TO_UPLINK, &long_query, later, 3);
	CHECK_EQ(world_start(), 0);
	await_round();
	CHECK_DROPS(&none, 0);
	world_age_datagrams(CV_TICKS(CV_FRAGMENT_TIMEOUT_S) + 1);
	await_round();
	CHECK_DROPS(&late, 3);
	claim_end("what waits in vain is dropped after two seconds, and counted");
}

/* --- limits */

static void send_part(enum hook hook, const struct packet *p, unsigned int i)
{
	send_parts(hook, p, &i, 1);
}

static void many_datagrams(void)
{
	const struct cv_drop_key why = BECAUSE(FRAGMENT_LIMIT), none = {};
	struct packet p = long_query, bobs = { FROM_BOB, QUERY, LONG };

	begin();
	world_tick_begin();
	for (unsigned int i = 0; i < CV_DATAGRAMS_PER_PORT; i++) {
		p.id = 1000 + i;
		send_part(TO_UPLINK, &p, 0);
		CHECK_EQ(t.n_left, 1);
	}
	CHECK_DROPS(&none, 0);
	p.id = 999;
	send_part(TO_UPLINK, &p, 0);
	CHECK_EQ(t.n_dropped, 1);
	CHECK_DROPS(&why, 1);
	drops_clear();
	send_part(TO_UPLINK, &p, 3);
	CHECK_EQ(t.n_dropped, 1);
	CHECK_DROPS(&why, 1);
	drops_clear();
	for (unsigned int i = 0; i < 32; i++) {
		bobs.id = 500 + i;
		for (unsigned int k = 0; k < N_PARTS; k++) {
			send_part(TO_UPLINK, &bobs, k);
			CHECK_EQ(t.n_left, 1);
		}
	}
	for (unsigned int k = 1; k < N_PARTS; k++) {
		p.id = 1000;
		send_part(TO_UPLINK, &p, k);
		CHECK_EQ(t.n_left, 1);
	}
	p.id = 998;
	send_part(TO_UPLINK, &p, 0);
	CHECK_EQ(t.n_left, 1);
	CHECK_DROPS(&none, 0);
	claim_end("a guest has %u datagrams under way, another is not touched, one that is whole makes room",
		  CV_DATAGRAMS_PER_PORT);
}

static void many_held(void)
{
	const struct cv_drop_key why = BECAUSE(FRAGMENT_LIMIT), none = {};
	struct packet p = long_query, bobs = { FROM_BOB, QUERY, LONG };

	begin();
	world_tick_begin();
	for (unsigned int i = 0; i < CV_HELD_PER_PORT; i++) {
		p.id = 1000 + i;
		send_part(TO_UPLINK, &p, 3);
	}
	CHECK_EQ(world_totals().fragments_held, CV_HELD_PER_PORT);
	CHECK_DROPS(&none, 0);
	p.id = 999;
	send_part(TO_UPLINK, &p, 3);
	CHECK_DROPS(&why, 1);
	drops_clear();
	send_part(TO_UPLINK, &bobs, 3);
	CHECK_EQ(world_totals().fragments_held, CV_HELD_PER_PORT + 1);
	send_part(FROM_UPLINK, &long_reply, 3);
	CHECK_EQ(world_totals().fragments_held, CV_HELD_PER_PORT + 2);
	CHECK_DROPS(&none, 0);
	claim_end("%u fragments of a guest wait, another and the outside are not touched", CV_HELD_PER_PORT);
}

/* As many places are taken as by one guest and the outside, and all in one piece. */
static void third_taken(void)
{
	const struct cv_held taken = { .word = 1 };
	const struct cv_drop_key none = {};
	struct packet p = long_query;

	begin();
	for (__u32 i = 100; i < 100 + CV_HELD_PER_PORT + CV_HELD_OUTSIDE; i++)
		CHECK(!bpf_map_update_elem(world.held, &i, &taken, BPF_ANY));
	world_tick_begin();
	for (unsigned int i = 0; i < CV_HELD_PER_PORT; i++) {
		p.id = 1000 + i;
		send_part(TO_UPLINK, &p, 3);
	}
	CHECK_EQ(world_totals().fragments_held, CV_HELD_PER_PORT);
	CHECK_DROPS(&none, 0);
	claim_end("%u fragments of a guest find a place where others have a third of them", CV_HELD_PER_PORT);
}

/* The window is over: what was begun in it does not count any more. */
static void next_window(void)
{
	struct cv_use use = { .datagrams = CV_DATAGRAMS_PER_PORT, .held = CV_HELD_PER_PORT };
	const struct cv_drop_key none = {};

	begin();
	use.fragment_tick = world_tick() - CV_TICKS(CV_FRAGMENT_TIMEOUT_S) - 1;
	world_set_use(world.port_use, ANN, &use);
	send_part(TO_UPLINK, &long_query, 3);
	CHECK_EQ(world_totals().fragments_held, 1);
	send_part(TO_UPLINK, &long_query, 0);
	CHECK_EQ(t.n_left, 2);
	CHECK_DROPS(&none, 0);
	claim_end("a guest's limits are for two seconds");
}

/* The kernel of the host puts together what we have no room for. */
static void outside_full(void)
{
	struct cv_use use = { .datagrams = CV_DATAGRAMS_OUTSIDE, .held = CV_HELD_OUTSIDE };
	const struct packet want = { LEFT, QUERY, LONG };
	static const unsigned int order[] = { 3, 0, 1, 2 };
	const struct cv_drop_key none = {};

	begin();
	world_send(TO_UPLINK, &query);
	world_tick_begin();
	use.fragment_tick = world_tick();
	world_set_use(world.network_use, 0, &use);
	send_part(FROM_UPLINK, &long_reply, 3);
	CHECK_EQ(t.n_passed, 1);
	send_part(FROM_UPLINK, &long_reply, 0);
	CHECK_EQ(t.n_passed, 1);
	CHECK_EQ(world_totals().fragments_held, 0);
	world_number(long_query.id);
	send_parts(TO_UPLINK, &long_query, order, N_PARTS);
	check_whole(&want, N_PARTS);
	CHECK_DROPS(&none, 0);
	claim_end("a flood of fragments from outside takes nothing of a guest's own");
}

int main(void)
{
	world_open();
	each_way();
	pong();
	around_the_corner();
	of_the_host();
	of_nobody();
	numbers();
	reused();
	begun_anew();
	too_late();
	too_long();
	many_datagrams();
	many_held();
	third_taken();
	next_window();
	outside_full();
	swept();
	return table_end();
}
