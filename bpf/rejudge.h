/* SPDX-License-Identifier: GPL-2.0-only */
/* The rules have changed: which flows may not be any more? */
#ifndef CV_REJUDGE_H
#define CV_REJUDGE_H

#include "open.h"
#include "sweep.h"

/*
 * Whose is the peer's port outside?  Also when its own flow has just been taken
 * away, and with it the last of that port: an entry keeps its owner.
 */
static __always_inline struct owner rejudge_peer(const struct cv_tuple *key)
{
	struct owner peer = owner_find(key->proto, key->remote, key->rport, key->local);
	__u32 base = external_base(key->remote, key->proto);
	struct cv_external *e;

	if (peer.slot || base == EXTERNAL_NONE || !owner_has_ports(key->proto))
		return peer;
	e = external_get(base + bpf_ntohs(key->rport));
	if (e) {
		peer.slot = external_slot(external_word(e));
		peer.lport = external_lport(external_word(e));
	}
	return peer;
}

/* The question that the flow's first packet would be. */
static __always_inline void rejudge_ask(const struct cv_tuple *key, const struct cv_flow *f,
					struct cv_judge_args *a)
{
	bool by_guest = f->flags & CV_FLOW_HOST ? f->flags & CV_FLOW_BY_GUEST :
						  !(f->flags & CV_FLOW_INBOUND);
	struct owner peer = {};
	struct cv_port *guest;

	if (f->flags & CV_FLOW_LOCAL && f->flags & CV_FLOW_HOST)
		peer.slot = address_slot(key->net, key->remote);
	else if (!(f->flags & CV_FLOW_HOST))
		peer = rejudge_peer(key);
	guest = port_get(peer.slot);
	if (guest && guest->net != key->net)
		peer.slot = 0;
	a->net = key->net;
	a->proto = key->proto;
	a->saddr = by_guest ? key->local : key->remote;
	a->daddr = by_guest ? key->remote : key->local;
	a->dport = by_guest ? key->rport : key->lport;
	a->slot = by_guest ? f->slot : peer.slot;
	a->peer_slot = by_guest ? peer.slot : f->slot;
	if (f->flags & CV_FLOW_HOST && !(f->flags & CV_FLOW_LOCAL)) {
		a->host = !by_guest;
		a->peer_host = by_guest;
	}
	/* Around the corner: its own address and port. */
	if (by_guest && guest && peer.slot && !(f->flags & CV_FLOW_HOST)) {
		a->daddr = guest->ip;
		a->dport = peer.lport;
	}
}

/* Is it a flow that needs a rule, as no default lets it be? */
static __always_inline bool rejudge_needs_rule(const struct cv_flow *f)
{
	__be32 addr = f->addr;
	struct cv_whole *w;

	if (f->flags & CV_FLOW_HOST)
		return f->flags & CV_FLOW_BY_GUEST && !(f->flags & CV_FLOW_LOCAL);
	if (!(f->flags & CV_FLOW_INBOUND) || f->external != EXTERNAL_NONE)
		return false;
	w = bpf_map_lookup_elem(&whole, &addr);
	return !w || !(w->flags & CV_WHOLE_OPEN);
}

static __noinline bool rejudge_denies(const struct cv_tuple *key, const struct cv_flow *f)
{
	const struct cv_network *n = network_get(key->net);
	struct cv_judge_args a = {};
	int action;

	rejudge_ask(key, f, &a);
	action = policy_judge(&a);
	if (n && a.slot && a.peer_slot)
		return policy_among(n, action);
	if (action == CV_ACTION_NONE && n && f->flags & CV_FLOW_HOST && policy_served(n, &a))
		return false;
	return action == CV_ACTION_DENY ||
	       (action == CV_ACTION_NONE && rejudge_needs_rule(f));
}

/* Take one key off the queue; forget its flow or put the key back. */
static long rejudge_one(__u32 i, struct flow_walk *w)
{
	struct cv_tuple key;
	struct cv_flow *f;

	if (bpf_map_pop_elem(&live_flows, &key))
		return 1;
	f = bpf_map_lookup_elem(&flows, &key);
	if (!f)
		return 0;
	if ((w->which.net && w->which.net != key.net) || !rejudge_denies(&key, f)) {
		if (!bpf_map_push_elem(&live_flows, &key, 0))
			return 0;
	}
	flow_forget(&key, f, w);
	return 0;
}

#endif
