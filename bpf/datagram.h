/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The places of fragmented datagrams: what is known of each, under the lock of
 * its set.  What it is for stands in frag.h.
 */
#ifndef CV_DATAGRAM_H
#define CV_DATAGRAM_H

#include "external.h"

enum frag_use { FRAG_PORTS, FRAG_GATEWAY };

enum frag_op {
	FRAG_FIND,	/* are the ports known? */
	FRAG_FIRST,	/* these are the ports; who waits for them? */
	FRAG_WAIT,	/* a copy waits, unless the ports are known by now */
	FRAG_PASS,	/* these parts pass */
};

/* What a step found. */
#define FRAG_KNOWN	(1U << 0)	/* the ports are known */
#define FRAG_CREATED	(1U << 1)	/* a place was taken ... */
#define FRAG_COMPLETE	(1U << 2)	/* ... and given back: all parts have passed */
#define FRAG_OVERLAP	(1U << 3)	/* over a part that has passed, or beyond the end */
#define FRAG_FULL	(1U << 4)	/* no place, or too many holes */

/**
 * struct frag_ask - a question about a datagram, and its answer
 * @op:		enum frag_op
 * @from, @to:	the part, in units of 8 bytes
 * @last:	no part comes after it
 * @room:	a place may be taken
 * @held:	FRAG_WAIT: the copy, its place in `held` + 1; of FRAG_FIRST the
 *		answer: the copy that was hung in last; 0: none
 * @token:	names the datagram in `held`
 * @id:		the identification that it has outside
 */
struct frag_ask {
	struct cv_datagram_key key;
	__u32  op;
	__u32  now;
	__u16  from, to;
	__be16 sport, dport;
	__u32  last;
	__u32  room;
	__u32  held;
	__u32  token;
	__u32  id;
};

/*
 * 1 when a == b, a < b.  Without a branch: the verifier would follow both ways
 * of each.  The answer is opaque, or clang 16 and 19 see that it is 0 or 1 and
 * make a branch of what is multiplied by it.
 */
static __always_inline __u64 frag_equal(__u64 a, __u64 b)
{
	__u64 x = a ^ b;

	/* 2^64 - x | x has its top bit set when x is not 0. */
	x |= -x;
	PKT_OPAQUE(x);
	x = 1 - (x >> 63);
	PKT_OPAQUE(x);
	return x;
}

static __always_inline __u64 frag_less(__u32 a, __u32 b)
{
	__u64 x = (__u64)a - b;

	PKT_OPAQUE(x);
	x >>= 63;
	PKT_OPAQUE(x);
	return x;
}

static __always_inline __u64 frag_same(const struct cv_datagram_key *a,
				       const struct cv_datagram_key *b)
{
	const __u64 *x = (const void *)a, *y = (const void *)b;

	return frag_equal((x[0] ^ y[0]) | (x[1] ^ y[1]), 0);
}

/* Is the place in use?  Another CPU's tick may be one ahead. */
static __always_inline __u64 frag_alive(const struct cv_datagram *d, __u32 now)
{
	return frag_less(now - d->tick + 16, CV_TICKS(CV_FRAGMENT_TIMEOUT_S) + 17) &
	       ~frag_equal(d->tick, 0);
}

/* One of d->parts, by a number that the verifier does not know. */
static __always_inline struct cv_datagram_part *frag_part(struct cv_datagram *d, __u32 i)
{
	PKT_OPAQUE(i);
	return &d->parts[(i - 1) & (CV_DATAGRAM_RANGES - 1)];
}

/* Add a part to those that have passed.  Return: FRAG_*. */
static __always_inline __u32 frag_add(struct cv_datagram *d, const struct frag_ask *a)
{
	__u64 over = 0, left = 0, right = 0, space = 0;

	over = d->end && (a->to > d->end || (a->last && a->to != d->end));
#pragma clang loop unroll(disable)
	for (__u64 i = 1; i <= CV_DATAGRAM_RANGES; i++) {
		__u32 from = d->parts[i - 1].from, to = d->parts[i - 1].to;
		__u64 free = frag_equal(to, 0);

		over |= frag_less(a->from, to) & frag_less(from, a->to);
		over |= frag_less(a->to, to) & a->last;
		left += (frag_equal(to, a->from) & ~free) * i;
		right += (frag_equal(from, a->to) & ~free) * i;
		space += free * (i - space);
	}
	if (over)
		return FRAG_OVERLAP;
	if (left) {
		frag_part(d, left)->to = a->to;
		if (right) {
			frag_part(d, left)->to = frag_part(d, right)->to;
			*frag_part(d, right) = (struct cv_datagram_part) {};
		}
	} else if (right) {
		frag_part(d, right)->from = a->from;
	} else if (space) {
		*frag_part(d, space) = (struct cv_datagram_part) { a->from, a->to };
	} else {
		return FRAG_FULL;
	}
	d->passed = 1;
	if (a->last)
		d->end = a->to;
	over = 0;
#pragma clang loop unroll(disable)
	for (__u64 i = 0; i < CV_DATAGRAM_RANGES; i++)
		over |= frag_equal(d->parts[i].to, d->end) & frag_equal(d->parts[i].from, 0);
	return d->end && over ? FRAG_COMPLETE : 0;
}

#define HELD_WRITING	1ULL
#define HELD_READY	2ULL

static __always_inline __u64 held_word(__u32 now, __u32 token, __u64 state)
{
	return (__u64)now << 32 | token << 2 | state;
}

static __always_inline struct cv_held *held_get(__u32 place)
{
	__u32 i = (place - 1) & (CV_HELD - 1);

	return bpf_map_lookup_elem(&held, &i);
}

/* What a step does with the datagram's place; @h: the copy that is to wait; @next: a new number. */
static __always_inline __u32 frag_do(struct cv_datagram *d, struct frag_ask *a,
				     struct cv_held *h, __u32 next)
{
	__u32 found = 0;

	switch (a->op) {
	case FRAG_FIRST:
		/* The same number again: another datagram, also outside. */
		if (d->passed) {
			d->tick = a->now;
			d->id = next;
			__builtin_memset(d->parts, 0, sizeof(d->parts));
			d->end = d->passed = 0;
		}
		d->known = 1;
		d->sport = a->sport;
		d->dport = a->dport;
		a->held = d->held;
		d->held = 0;
		break;
	case FRAG_WAIT:
		if (!d->known) {
			h->next = d->held;
			h->word = held_word(a->now, d->token, HELD_READY);
			d->held = a->held;
		}
		break;
	case FRAG_PASS:
		found = frag_add(d, a);
		break;
	}
	a->sport = d->sport;
	a->dport = d->dport;
	a->token = d->token;
	a->id = d->id;
	return found | (d->known ? FRAG_KNOWN : 0);
}

static __always_inline struct cv_datagram *frag_way(struct cv_datagram_set *set, __u32 i)
{
	PKT_OPAQUE(i);
	return &set->way[(i - 1) & (CV_DATAGRAM_WAYS - 1)];
}

static __always_inline __u32 frag_hash(const struct cv_datagram_key *k)
{
	__u64 x = (__u64)k->saddr << 32 | k->daddr;

	x ^= ((__u64)k->net << 32 | (__u32)k->id << 16 | k->proto) * 0x9e3779b97f4a7c15ULL;
	x ^= cv_port_key;
	x ^= x >> 29;
	x *= 0xff51afd7ed558ccdULL;
	return x >> 32;
}

/* The next identification towards this peer (RFC 6864): guests share an address. */
static __always_inline __u64 *frag_counter(__be32 daddr, __u8 proto)
{
	__u32 i = (daddr * 0x9e3779b1U ^ (__u32)cv_port_key ^ proto) >> 7 & (CV_IDENTIFIERS - 1);

	return bpf_map_lookup_elem(&identifiers, &i);
}

/*
 * One step, under the lock of the datagram's set.  Not static: the verifier
 * checks it by itself, once.  Return: FRAG_*, 0 when there is no such datagram.
 */
__noinline int frag_step(struct frag_ask *a)
{
	__u32 hash, found = 0, token, next;
	__u64 *counter, place = 0, space = 0;
	struct cv_datagram_set *set;
	struct cv_datagram *d = NULL;
	struct cv_held *h;

	if (!a)
		return FRAG_FULL;
	h = held_get(a->held);
	hash = frag_hash(&a->key) & (CV_DATAGRAM_SETS - 1);
	set = bpf_map_lookup_elem(&datagrams, &hash);
	counter = frag_counter(a->key.daddr, a->key.proto);
	token = bpf_get_prandom_u32() >> 2;
	if (!set || !counter || !h)
		return FRAG_FULL;

	/* One is lost where none is needed. */
	next = a->op == FRAG_FIRST || a->op == FRAG_WAIT ? __sync_fetch_and_add(counter, 1) : 0;

	bpf_spin_lock(&set->lock);
#pragma clang loop unroll(disable)
	for (__u64 i = 0; i < CV_DATAGRAM_WAYS; i++) {
		struct cv_datagram *at = &set->way[i];
		__u64 alive = frag_alive(at, a->now);

		place += (alive & frag_same(&at->key, &a->key)) * (i + 1);
		space += (1 - alive) * (i + 1 - space);
	}
	if (place)
		d = frag_way(set, place);
	if (!d && (a->op == FRAG_FIRST || a->op == FRAG_WAIT)) {
		found = FRAG_FULL;
		if (space && a->room) {
			d = frag_way(set, space);
			__builtin_memset(d, 0, sizeof(*d));
			d->key = a->key;
			d->token = token;
			d->tick = a->now;
			d->id = next;
			found = FRAG_CREATED;
		}
	}
	if (d) {
		found |= frag_do(d, a, h, next);
		if (found & FRAG_COMPLETE)
			d->tick = 0;
	}
	bpf_spin_unlock(&set->lock);
	return found;
}

static __always_inline struct frag_ask frag_question(const struct pkt *p, __u32 net,
						     enum frag_op op)
{
	__u32 from = p->frag & PKT_IP_OFFSET, payload = p->len - (p->l4_off - PKT_IP_OFF);

	return (struct frag_ask) {
		.key = {
			.saddr = p->saddr, .daddr = p->daddr,
			.id = p->id, .proto = p->proto, .net = net,
		},
		.op = op, .now = p->now ? p->now : 1,
		.from = from, .to = from + (payload + 7) / 8,
		.sport = p->sport, .dport = p->dport, .last = !(p->frag & PKT_IP_MF),
	};
}

/* What counts the fragments of whoever sent this one. */
static __always_inline struct cv_use *frag_budget(const struct pkt *p, __u32 net)
{
	__u32 slot = net ? address_slot(net, p->saddr) : 0;
	struct cv_use *use;

	use = net ? bpf_map_lookup_elem(&port_use, &slot) :
		    bpf_map_lookup_elem(&network_use, &slot);
	if (use && !pkt_recent(p->now, use->fragment_tick, CV_TICKS(CV_FRAGMENT_TIMEOUT_S))) {
		use->fragment_tick = p->now;
		use->datagrams = use->held = 0;
	}
	return use;
}

/* A step that may take a place or give one back. */
static __noinline __u32 frag_counted(const struct pkt *p, struct frag_ask *a)
{
	__u32 limit = a->key.net ? CV_DATAGRAMS_PER_PORT : CV_DATAGRAMS_OUTSIDE, found;
	struct cv_use *use = frag_budget(p, a->key.net);

	if (!use)
		return FRAG_FULL;
	a->room = use->datagrams < limit;
	found = frag_step(a);
	if (found & FRAG_CREATED) {
		__sync_fetch_and_add(&use->datagrams, 1);
		TOTAL_ADD(datagrams, 1);
	}
	if (found & FRAG_COMPLETE && use->datagrams)
		__sync_fetch_and_add(&use->datagrams, -1);
	return found;
}

#endif
