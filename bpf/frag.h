/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: fragments
 *
 * Only the first fragment of a datagram names its ports.  `datagrams` keeps
 * them for the others, and which parts of the datagram have passed, so that
 * none passes over another.  A place is given back when all parts have passed,
 * or two seconds after it was taken.
 *
 * A fragment that comes before its first one is copied into `held`.  When the
 * first one comes, it and the copies begin their way again at the link where
 * they came in, the first one first: a later fragment never passes by a
 * judgement of its own.  What waits in vain is dropped by the sweeper.
 *
 * Both are bounded per guest, and for all that comes from outside.  A set of
 * places is changed under its lock, and the ports become known under the same
 * lock as a copy is hung in: no fragment can miss its first one.
 */
#ifndef CV_FRAG_H
#define CV_FRAG_H

#include "datagram.h"

/* --- those that wait */

/*
 * All over `held`, as evenly as can be: the next try is a golden section away.
 * Where a third is taken, no free place is found for one copy in 10^15, and for
 * none where they lie in one piece.
 */
#define HELD_TRIES	32
#define HELD_STEP	0x9e3779b1U

struct held_search {
	__u32 first;
	__u32 now;
	__u32 place;
};

static long held_take(__u32 i, struct held_search *s)
{
	__u32 place = ((__u64)(s->first + i * HELD_STEP) * CV_HELD >> 32) + 1;
	struct cv_held *h = held_get(place);

	if (!h || h->word ||
	    __sync_val_compare_and_swap(&h->word, 0, held_word(s->now, 0, HELD_WRITING)))
		return 0;
	s->place = place;
	return 1;
}

/* Copy the frame into a free place.  Return: the place + 1, 0 when there is none. */
static __noinline __u32 held_store(struct __sk_buff *skb, const struct pkt *p, __u32 net)
{
	struct held_search s = { .first = bpf_get_prandom_u32(), .now = p->now };
	__u64 len = skb->len;
	struct cv_held *h;

	if (len > CV_HELD_BYTES || len < ETH_HLEN)
		return 0;
	PKT_OPAQUE(len);
	len = ((len - 1) & (CV_HELD_BYTES - 1)) + 1;
	bpf_loop(HELD_TRIES, held_take, &s, 0);
	h = held_get(s.place);
	if (!s.place || !h)
		return 0;
	h->len = len;
	h->net = p->net;
	h->slot = net ? address_slot(net, p->saddr) : 0;
	if (bpf_skb_load_bytes(skb, 0, h->frame, len)) {
		h->word = 0;
		return 0;
	}
	return s.place;
}

/* Keep a fragment until its first one comes, unless that has come meanwhile. */
static __always_inline int held_keep(struct __sk_buff *skb, struct pkt *p, struct frag_ask *a)
{
	__u32 net = a->key.net, found;
	struct cv_use *use = frag_budget(p, net);
	struct cv_held *h;

	if (!use || use->held >= (net ? CV_HELD_PER_PORT : CV_HELD_OUTSIDE))
		return CV_DROP_FRAGMENT_LIMIT;
	a->held = held_store(skb, p, net);
	h = held_get(a->held);
	if (!a->held || !h)
		return skb->len > CV_HELD_BYTES ? CV_DROP_FRAGMENT_NO_FIRST : CV_DROP_FRAGMENT_LIMIT;
	a->op = FRAG_WAIT;
	found = frag_counted(p, a);
	if (!(found & (FRAG_FULL | FRAG_KNOWN))) {
		__sync_fetch_and_add(&use->held, 1);
		TOTAL_ADD(fragments_held, 1);
		p->way = WAY_CONSUMED;
		return 0;
	}
	h->word = 0;
	return found & FRAG_KNOWN ? 0 : CV_DROP_FRAGMENT_LIMIT;
}

struct held_walk {
	struct __sk_buff *skb;
	__u32 next;
	__u32 token;
};

/* Send one copy on its way again, in the packet that we have. */
static long held_again(__u32 i, struct held_walk *w)
{
	struct cv_held *h = held_get(w->next);
	__u64 word, len;

	if (!w->next || !h)
		return 1;
	word = h->word;
	if (((__u32)word ^ (w->token << 2)) != HELD_READY)
		return 1;
	/* The sweeper may be about to take it away. */
	if (__sync_val_compare_and_swap(&h->word, word, HELD_WRITING) != word)
		return 1;
	w->next = h->next;
	len = h->len;
	PKT_OPAQUE(len);
	len = ((len - 1) & (CV_HELD_BYTES - 1)) + 1;
	if (!bpf_skb_change_tail(w->skb, len, 0) &&
	    !bpf_skb_store_bytes(w->skb, 0, h->frame, len, BPF_F_RECOMPUTE_CSUM))
		bpf_clone_redirect(w->skb, w->skb->ifindex, BPF_F_INGRESS);
	h->word = 0;
	return 0;
}

/* The first fragment of those that wait: it enters again, and they behind it. */
static __always_inline int held_release(struct __sk_buff *skb, struct pkt *p,
					const struct frag_ask *a)
{
	struct held_walk w = { .skb = skb, .next = a->held, .token = a->token };

	if (bpf_clone_redirect(skb, skb->ifindex, BPF_F_INGRESS))
		return CV_DROP_REWRITE;
	bpf_loop(CV_HELD_OUTSIDE, held_again, &w, 0);
	p->way = WAY_CONSUMED;
	return 0;
}

struct held_sweep {
	__u32 now;
	__u32 next;
};

/* Run by the sweeper: drop what has waited in vain. */
static long held_sweep_one(__u32 i, struct held_sweep *s)
{
	struct cv_held *h = held_get(s->next + i + 1);
	__u64 word;

	if (!h)
		return 1;
	word = h->word;
	if ((__u32)word & HELD_READY &&
	    !pkt_recent(s->now, word >> 32, CV_TICKS(CV_FRAGMENT_TIMEOUT_S)) &&
	    __sync_val_compare_and_swap(&h->word, word, HELD_WRITING) == word) {
		count_drop(CV_DROP_FRAGMENT_LATE, h->net, h->slot);
		h->word = 0;
	}
	return 0;
}

/* --- the stages */

/* May the others know this one's ports?  Those of an ICMP error are none. */
static __always_inline bool frag_has_ports(const struct pkt *p)
{
	return p->proto != IPPROTO_ICMP || p->l4_flags == ICMP_ECHO ||
	       p->l4_flags == ICMP_ECHOREPLY;
}

static __noinline int frag_begin(struct __sk_buff *skb, struct pkt *p, __u32 net)
{
	struct frag_ask a = frag_question(p, net, FRAG_FIND);
	__u32 payload = p->len - (p->l4_off - PKT_IP_OFF), found;
	int drop = 0;

	/* All but the last are of whole blocks, and none reaches beyond the longest packet. */
	if (!payload || (p->frag & PKT_IP_MF && payload & 7) ||
	    a.from * 8 + payload > 0xffff - PKT_IP_MIN)
		return CV_DROP_MALFORMED;
	if (pkt_first_fragment(p)) {
		if (!frag_has_ports(p))
			return 0;
		a.op = FRAG_FIRST;
		found = frag_counted(p, &a);
		if (found & FRAG_FULL)
			return CV_DROP_FRAGMENT_LIMIT;
		p->new_id = bpf_htons(a.id);
		return a.held ? held_release(skb, p, &a) : 0;
	}
	if (!(frag_step(&a) & FRAG_KNOWN))
		drop = held_keep(skb, p, &a);
	p->sport = a.sport;
	p->dport = a.dport;
	p->new_id = bpf_htons(a.id);
	return drop;
}

/*
 * Give a later fragment the ports of its first one, or let it wait for that.
 * @net is 0 for packets from an uplink.
 */
static __always_inline int frag_recall(struct __sk_buff *skb, struct pkt *p, __u32 net)
{
	return pkt_is_fragment(p) ? frag_begin(skb, p, net) : 0;
}

static __noinline int frag_pass_part(const struct pkt *p, __u32 net)
{
	struct frag_ask a = frag_question(p, net, FRAG_PASS);
	__u32 found = frag_counted(p, &a);

	if (found & FRAG_OVERLAP)
		return CV_DROP_FRAGMENT_OVERLAP;
	return found & FRAG_FULL ? CV_DROP_FRAGMENT_LIMIT : 0;
}

/* A fragment is about to go on: not over another of its datagram. */
static __always_inline int frag_pass(const struct pkt *p, __u32 net)
{
	return pkt_is_fragment(p) ? frag_pass_part(p, net) : 0;
}

/*
 * A packet that may be fragmented by others, and is not by us, needs a number
 * that no other guest's packet to this peer has (RFC 6864 section 5.3.1).
 */
static __always_inline void frag_number(const struct __sk_buff *skb, struct pkt *p)
{
	__u64 *counter, n = 1;

	if (p->frag & (PKT_IP_DF | PKT_IP_MF | PKT_IP_OFFSET))
		return;
	/* The segments of one packet get consecutive numbers. */
	if (skb->gso_size)
		n += skb->len / skb->gso_size;
	counter = frag_counter(p->daddr, p->proto);
	if (counter)
		p->new_id = bpf_htons(__sync_fetch_and_add(counter, n));
}

/* Is this a fragment of an echo request to the gateway?  A first one is. */
static __noinline int frag_of_gateway(struct pkt *p)
{
	struct frag_ask a = frag_question(p, p->net, FRAG_FIND);
	__u32 found;

	a.key.use = FRAG_GATEWAY;
	if (pkt_first_fragment(p))
		a.op = FRAG_FIRST;
	found = frag_counted(p, &a);
	if (!(found & FRAG_KNOWN))
		return 0;
	a.op = FRAG_PASS;
	a.held = 0;
	return !(frag_counted(p, &a) & FRAG_OVERLAP);
}

static __always_inline bool frag_gateway(struct pkt *p)
{
	if (!pkt_is_fragment(p))
		return true;
	p->now = pkt_now();
	return frag_of_gateway(p);
}

#endif
