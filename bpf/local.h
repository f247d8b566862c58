/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest to guest over the bridge, in a network whose rules speak of that: a
 * flow is kept, so that answers pass without a rule of their own.  Other
 * networks never come here.
 */
#ifndef CV_LOCAL_H
#define CV_LOCAL_H

#include "flow.h"

static __always_inline struct cv_tuple local_out_key(const struct pkt *p)
{
	return (struct cv_tuple) {
		.local = p->saddr, .remote = p->daddr, .lport = p->sport,
		.rport = p->proto == IPPROTO_ICMP ? 0 : p->dport,
		.proto = p->proto, .net = p->net,
	};
}

static __always_inline struct cv_flow *local_find(const struct pkt *p,
						  const struct cv_tuple *key)
{
	struct cv_flow *f = bpf_map_lookup_elem(&flows, key);

	return f && f->flags & CV_FLOW_HOST && flow_alive(p->now, f) ? f : NULL;
}

/* A packet of no flow: do the rules let it pass, and does it begin one? */
static __always_inline int local_open(struct __sk_buff *skb, struct pkt *p,
				      const struct cv_network *n, const struct cv_tuple *key)
{
	struct cv_judge_args ask = {
		.net = p->net, .slot = p->slot, .saddr = p->saddr, .daddr = p->daddr,
		.dport = p->dport, .proto = p->proto,
	};
	struct cv_flow *f;

	ask.peer_slot = address_slot(p->net, p->daddr);
	/* To all of them, or to nobody: to guests at any rate. */
	if (!ask.peer_slot)
		ask.peer_slot = CV_SLOT_NONE;
	if (policy_judge(&ask) == CV_ACTION_DENY) {
		event_refused(p, key, CV_FLOW_HOST | CV_FLOW_LOCAL | CV_FLOW_BY_GUEST,
			      CV_DROP_POLICY);
		return CV_DROP_POLICY;
	}
	if (ask.peer_slot == CV_SLOT_NONE || policy_may_begin(p))
		return 0;
	f = bpf_map_lookup_elem(&flows, key);
	if (!f)
		return flow_make_plain(skb, p, n, key, p->slot,
				       CV_FLOW_HOST | CV_FLOW_LOCAL | CV_FLOW_BY_GUEST);
	f->state = CV_FLOW_OPEN;
	f->timeout_ticks = flow_timeout(n, p->proto, CV_FLOW_OPEN);
	flow_note_out(skb, p, f);
	return 0;
}

/*
 * May this IPv4 packet go to its neighbour?  Not static: the verifier checks
 * it by itself.
 */
__noinline int local_pass(struct __sk_buff *skb, struct pkt *p)
{
	const struct cv_network *n;
	struct cv_tuple key;
	struct cv_flow *f;
	int drop;

	if (!p)
		return CV_DROP_REWRITE;
	n = network_get(p->net);
	if (!n)
		return CV_DROP_UNKNOWN_PORT;
	p->now = pkt_now();
	drop = frag_recall(skb, p, p->net);
	if (!going(p, drop))
		return drop;
	key = local_out_key(p);
	f = local_find(p, &key);
	if (f) {
		flow_host_step(p, f, FLOW_OUT);
		flow_note_out(skb, p, f);
		return frag_pass(p, p->net);
	}
	key = flow_in_key(p);
	f = local_find(p, &key);
	if (f) {
		flow_host_step(p, f, FLOW_IN);
		flow_note_in(skb, p, f);
		return frag_pass(p, p->net);
	}
	key = local_out_key(p);
	drop = local_open(skb, p, n, &key);
	return drop ? drop : frag_pass(p, p->net);
}

#endif
