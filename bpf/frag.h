/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fragments: the first one names the ports, the others are recognised by the
 * datagram's identification.  In order only; bounded by the map and by time.
 */
#ifndef CV_FRAG_H
#define CV_FRAG_H

#include "maps.h"

enum frag_use { FRAG_PORTS, FRAG_GATEWAY };

static __always_inline struct cv_fragment_key frag_key(const struct pkt *p, __u32 net,
						       enum frag_use use)
{
	return (struct cv_fragment_key) {
		.saddr = p->saddr, .daddr = p->daddr,
		.id = p->id, .proto = p->proto, .pad = use, .net = net,
	};
}

static __always_inline struct cv_fragment *frag_find(const struct pkt *p, __u32 net,
						     enum frag_use use)
{
	struct cv_fragment_key key = frag_key(p, net, use);
	struct cv_fragment *first = bpf_map_lookup_elem(&fragments, &key);

	if (!first || !pkt_recent(p->now, first->tick, CV_TICKS(CV_FRAGMENT_TIMEOUT_S)))
		return NULL;
	return first;
}

static __always_inline void frag_store(const struct pkt *p, __u32 net, enum frag_use use)
{
	struct cv_fragment_key key = frag_key(p, net, use);
	struct cv_fragment first = { .sport = p->sport, .dport = p->dport, .tick = p->now };

	bpf_map_update_elem(&fragments, &key, &first, BPF_ANY);
}

/*
 * Give a later fragment the ports of its first one.  @net is 0 for packets
 * from an uplink.  Return: 0, or CV_DROP_FRAGMENT_NO_FIRST.
 */
static __always_inline int frag_recall(struct pkt *p, __u32 net)
{
	struct cv_fragment *first;

	if (pkt_first_fragment(p))
		return 0;
	first = frag_find(p, net, FRAG_PORTS);
	if (!first)
		return CV_DROP_FRAGMENT_NO_FIRST;
	p->sport = first->sport;
	p->dport = first->dport;
	return 0;
}

/* A first fragment was taken: the others will be. */
static __always_inline void frag_remember(const struct pkt *p, __u32 net)
{
	if (p->frag & PKT_IP_MF && pkt_first_fragment(p))
		frag_store(p, net, FRAG_PORTS);
}

/* Is this a fragment of an echo request to the gateway?  A first one is. */
static __always_inline bool frag_gateway(struct pkt *p)
{
	if (!pkt_is_fragment(p))
		return true;
	p->now = pkt_now();
	if (pkt_first_fragment(p)) {
		frag_store(p, p->net, FRAG_GATEWAY);
		return true;
	}
	return frag_find(p, p->net, FRAG_GATEWAY);
}

#endif
