/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: external ports
 *
 * Every port of an external address has an entry that names its owner: a
 * guest's port, and how many flows use the mapping.  All in one word, changed
 * by compare-and-swap: two CPUs cannot give one port to two guests.
 *
 * Where a guest's port is mapped to is drawn by a keyed hash: its own number
 * first, when that is allowed, then CV_PORT_GROUPS groups of four neighbours
 * (one cache line), one from each of as many equal parts of the range: whole
 * parts are taken where guests keep their own ports.  The same draw finds a mapping again, which makes it
 * endpoint-independent without a second table: entries are never emptied,
 * only taken over, so the search may stop at the first that was never used.
 */
#ifndef CV_EXTERNAL_H
#define CV_EXTERNAL_H

#include "verdict.h"

#define EXTERNAL_NONE	(~0U)

/* The part of an entry's word that says who owns it. */
static __always_inline __u64 external_owner(__u32 slot, __be16 lport)
{
	return (__u64)slot << 48 | (__u64)bpf_ntohs(lport) << 32;
}

static __always_inline __u32 external_flows(__u64 word)
{
	return word;
}

static __always_inline __u32 external_slot(__u64 word)
{
	return word >> 48;
}

static __always_inline __be16 external_lport(__u64 word)
{
	return bpf_htons(word >> 32);
}

/* First entry of an address and protocol; EXTERNAL_NONE when it is not ours. */
static __always_inline __u32 external_base(__be32 addr, __u8 proto)
{
	struct cv_external_addresses *known;
	__u32 zero = 0, which;

	which = proto == IPPROTO_TCP ? CV_EXTERNAL_TCP :
		proto == IPPROTO_UDP ? CV_EXTERNAL_UDP : CV_EXTERNAL_ICMP;
	known = bpf_map_lookup_elem(&external_addresses, &zero);
	if (!known || !addr)
		return EXTERNAL_NONE;
#pragma unroll
	for (__u32 i = 0; i < CV_MAX_EXTERNAL_ADDRESSES; i++)
		if (known->addr[i] == addr)
			return (i * CV_EXTERNAL_PROTOS + which) << 16;
	return EXTERNAL_NONE;
}

static __always_inline struct cv_external *external_get(__u32 index)
{
	return bpf_map_lookup_elem(&externals, &index);
}

static __always_inline __u64 external_word(const struct cv_external *e)
{
	return *(const volatile __u64 *)&e->word;
}

static __always_inline __u32 external_range_size(struct cv_range r)
{
	return r.last ? r.last + 1 - r.first : 0;
}

/* Ports that the masquerade may use at all; any identifier of an echo may be. */
static __always_inline bool external_allowed(const struct cv_network *n, __u8 proto,
					     __u16 port)
{
	if (proto == IPPROTO_ICMP)
		return true;
	for (int i = 0; i < CV_MAX_PORT_RANGES; i++)
		if (port >= n->ports[i].first && port <= n->ports[i].last)
			return port;
	return false;
}

/* Mix 64 bits so that each of the input touches each of the output. */
static __always_inline __u64 external_mix(__u64 x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

/**
 * struct external_search - the search for a guest's mapping
 * @owner:	who searches
 * @base:	first entry of address and protocol
 * @net:	the network, whose ports are counted
 * @drop:	why the guest may have no more ports; 0: it may
 * @total:	how many ports the network may use
 * @preserved:	the guest's own port, tried first; host order
 * @found:	entry with the mapping, or EXTERNAL_NONE
 * @free:	first entry that may be taken, or EXTERNAL_NONE
 * @seen:	its word when it was found free
 * @addr, @remote, @rport: the flow that is to be made, for the question
 *		whether a socket of the host has it
 */
struct external_search {
	struct __sk_buff *skb;
	const struct cv_network *n;
	__u64  owner;
	__u64  seen;
	__u32  base;
	__u32  now;
	__u32  found;
	__u32  free;
	__u32  tries;
	__u32  total;
	__u32  net;
	int    drop;
	__u16  preserved;
	__u8   proto;
	__u8   pad;
	__be32 addr, remote;
	__be16 rport;
	__u16  pad2;
};

/* The port number of candidate @i; 0 is the guest's own. */
static __always_inline __u16 external_candidate(const struct external_search *s, __u32 i)
{
	__u32 group, at, size;
	__u64 key, r;

	if (!i)
		return s->preserved;
	group = (i - 1) / CV_PORT_GROUP_SIZE;
	key = external_mix((s->owner ^ cv_port_key) + ((__u64)s->base << 32));
	r = external_mix(key + group);
	if (s->proto == IPPROTO_ICMP)
		return (r & ~3ULL) + ((i - 1) & 3);
	r = (key + group * CV_PORT_STRIDE) % CV_PORT_GROUPS << 32 | r >> 32;
	/* A product instead of a division. */
	at = (r * s->total / CV_PORT_GROUPS >> 32 & ~3U) + ((i - 1) & 3);
	for (int k = 0; k < CV_MAX_PORT_RANGES; k++) {
		size = external_range_size(s->n->ports[k]);
		if (at < size)
			return s->n->ports[k].first + at;
		at -= size;
	}
	return 0;
}

/* May this guest take the entry from whoever had it? */
static __always_inline bool external_free(const struct cv_external *e, __u64 word,
					  const struct external_search *s)
{
	if (!word)
		return true;
	if (external_flows(word))
		return false;
	return word >> 48 == s->owner >> 48 ||
	       !pkt_recent(s->now, e->tick, CV_TICKS(CV_PORT_HOLD_S));
}

/* Would a socket of the host get this packet from outside? */
static __always_inline bool external_host_socket(struct __sk_buff *skb, __u8 proto,
						 const struct bpf_sock_tuple *t)
{
	struct bpf_sock *sk;

	if (proto == IPPROTO_TCP)
		sk = bpf_skc_lookup_tcp(skb, (void *)t, sizeof(t->ipv4), BPF_F_CURRENT_NETNS, 0);
	else if (proto == IPPROTO_UDP)
		sk = bpf_sk_lookup_udp(skb, (void *)t, sizeof(t->ipv4), BPF_F_CURRENT_NETNS, 0);
	else
		return false;
	if (!sk)
		return false;
	bpf_sk_release(sk);
	return true;
}

static __always_inline bool external_host_owns(const struct external_search *s, __u16 port)
{
	struct bpf_sock_tuple t = {
		.ipv4 = {
			.saddr = s->remote, .daddr = s->addr,
			.sport = s->rport, .dport = bpf_htons(port),
		},
	};

	return external_host_socket(s->skb, s->proto, &t);
}

#define EXTERNAL_PASSED	(1ULL << 32)	/* slot 0: nobody's, but no longer 0 */

/* Look at one candidate.  Return: 1 to stop. */
static long external_look(__u32 i, struct external_search *s)
{
	__u16 port = external_candidate(s, i);
	struct cv_external *e;
	__u64 word;

	if (!external_allowed(s->n, s->proto, port))
		return 0;
	e = external_get(s->base + port);
	if (!e)
		return 1;
	s->tries++;
	word = external_word(e);
	if ((word ^ s->owner) >> 32 == 0) {
		s->found = s->base + port;
		return 1;
	}
	if (s->free == EXTERNAL_NONE && external_free(e, word, s)) {
		if (external_host_owns(s, port)) {
			/* Passed over: the mapping may lie behind it, so no longer "never used". */
			if (!word)
				__sync_val_compare_and_swap(&e->word, 0, EXTERNAL_PASSED);
			return 0;
		}
		s->free = s->base + port;
		s->seen = word;
	}
	/* Never used: the mapping cannot lie behind it. */
	return !word;
}

/* How many ports a guest and its network have in use. */
static __always_inline void external_count(__u32 net, __u32 slot, __u32 by)
{
	struct cv_use *use = bpf_map_lookup_elem(&port_use, &slot);

	if (use)
		__sync_fetch_and_add(&use->ports, by);
	use = bpf_map_lookup_elem(&network_use, &net);
	if (use)
		__sync_fetch_and_add(&use->ports, by);
}

/* Is the port in use by flows?  A forward counts as one, but is none. */
static __always_inline bool external_in_use(const struct cv_external *e, __u64 word)
{
	return external_flows(word) > (e->flags & CV_EXTERNAL_FORWARD);
}

/* May this guest have one more port? */
static __always_inline int external_limits(__u32 net, __u32 slot, const struct cv_network *n)
{
	struct cv_use *of_port = bpf_map_lookup_elem(&port_use, &slot);
	struct cv_use *of_net = bpf_map_lookup_elem(&network_use, &net);
	struct cv_port *port = port_get(slot);

	if (!port || !of_port || of_port->ports >= port->max_ports)
		return CV_DROP_PORT_PORTS;
	return !of_net || of_net->ports >= n->max_ports ? CV_DROP_NETWORK_PORTS : 0;
}

/* One more flow for a mapping that is ours.  False: it is not any more. */
static __always_inline bool external_join(__u32 index, __u64 owner, __u32 net)
{
	struct cv_external *e = external_get(index);
	__u64 word;

	if (!e)
		return false;
	for (int i = 0; i < 8; i++) {
		word = external_word(e);
		if ((word ^ owner) >> 32)
			return false;
		if (__sync_val_compare_and_swap(&e->word, word, word + 1) == word) {
			if (!external_in_use(e, word))
				external_count(net, external_slot(owner), 1);
			return true;
		}
	}
	return false;
}

/* Become the owner of the free entry, with one flow.  False: it is taken. */
static __always_inline bool external_take(struct external_search *s)
{
	struct cv_external *e = external_get(s->free);

	if (!e || __sync_val_compare_and_swap(&e->word, s->seen, s->owner + 1) != s->seen)
		return false;
	external_count(s->net, external_slot(s->owner), 1);
	return true;
}

/* Does the mapping that was found cost another port? */
static __always_inline bool external_idle(__u32 index)
{
	struct cv_external *e = external_get(index);

	return e && !external_in_use(e, external_word(e));
}

#define EXTERNAL_ATTEMPTS	4

/*
 * Find this guest port's mapping, or make one, and count a flow on it.
 * Return: 0 with s->found set, CV_DROP_NO_PORT, or s->drop.
 */
static __noinline int external_bind(struct external_search *s)
{
	for (int i = 0; i < CV_MAX_PORT_RANGES; i++)
		s->total += external_range_size(s->n->ports[i]);
	s->total &= ~3U;	/* groups are whole */
	for (int i = 0; i < EXTERNAL_ATTEMPTS; i++) {
		s->found = s->free = EXTERNAL_NONE;
		bpf_loop(1 + CV_PORT_GROUPS * CV_PORT_GROUP_SIZE, external_look, s, 0);
		if (s->drop && (s->found == EXTERNAL_NONE || external_idle(s->found)))
			return s->drop;
		if (s->found != EXTERNAL_NONE) {
			if (external_join(s->found, s->owner, s->net))
				return 0;
			continue;
		}
		if (s->free == EXTERNAL_NONE)
			return CV_DROP_NO_PORT;
		if (external_take(s)) {
			s->found = s->free;
			return 0;
		}
	}
	return CV_DROP_NO_PORT;
}

/* A flow that used the mapping has gone. */
static __always_inline void external_leave(__u32 index, __u32 net, __u32 now)
{
	struct cv_external *e = external_get(index);
	__u64 word;

	if (!e)
		return;
	/* Before the count: who sees none left sees since when. */
	e->tick = now;
	word = __sync_fetch_and_add(&e->word, -1);
	if (!external_in_use(e, word - 1))
		external_count(net, external_slot(word), -1);
}

/*
 * May a flow go on with this address outside?  Not when the host has lost it,
 * or the guest that had it whole.
 */
static __always_inline bool external_ours(__be32 addr, __u8 proto, __u32 slot)
{
	struct cv_whole *w = bpf_map_lookup_elem(&whole, &addr);

	return w ? w->slot == slot : external_base(addr, proto) != EXTERNAL_NONE;
}

#endif
