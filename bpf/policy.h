/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: policy
 *
 * Who may talk to whom.  Judged where a flow is made, and again when the rules
 * change (cv_rejudge), never per packet: a flow that is there is allowed.
 *
 * A network's rules are looked through in order, the first that matches
 * decides.  Where none does the defaults hold, which are the code around the
 * question: to outside yes, to the host no, among guests unless they are
 * isolated, from the host yes, from outside where a forward, the filter or an
 * open address of its own lets it in.
 */
#ifndef CV_POLICY_H
#define CV_POLICY_H

#include <culvert/wire.h>

#include "maps.h"

/* 224/4 multicast, 240/4 reserved and broadcast, 127/8, 0/8, 169.254/16. */
static __always_inline bool policy_unicast(__be32 addr)
{
	__u32 a = bpf_ntohl(addr);

	return a < 0xe0000000 && a >> 24 != 127 && a >> 24 != 0 &&
	       a >> 16 != 0xa9fe;
}

/* What can be said without a rule of a guest's packet that leaves its network. */
static __always_inline int policy_may_leave(const struct pkt *p, const struct cv_network *n)
{
	if (!policy_unicast(p->daddr))
		return CV_DROP_NOT_UNICAST;
	if (p->daddr == n->gateway)
		return CV_DROP_HOST_CLOSED;
	if ((p->daddr & n->netmask) == n->subnet)
		return CV_DROP_GUEST_SUBNET;
	if (n->mode == CV_MODE_ISOLATED)
		return CV_DROP_MODE_ISOLATED;
	return 0;
}

/* Does the host answer it by default: DNS of the gateway, where names are served? */
static __always_inline bool policy_served(const struct cv_network *n,
					  const struct cv_judge_args *a)
{
	return n->flags & CV_NET_DNS && a->daddr == n->gateway &&
	       a->dport == bpf_htons(CV_DNS_PORT) &&
	       (a->proto == IPPROTO_UDP || a->proto == IPPROTO_TCP);
}

/* Can a packet like this begin a flow at all? */
static __always_inline int policy_may_begin(const struct pkt *p)
{
	if (p->proto == IPPROTO_ICMP && p->l4_flags != ICMP_ECHO)
		return CV_DROP_ICMP_TYPE;
	/* A connection may be taken up in its middle, not at its end. */
	if (p->proto == IPPROTO_TCP && p->l4_flags & (PKT_TCP_RST | PKT_TCP_FIN))
		return CV_DROP_NO_FLOW;
	return 0;
}

static __always_inline bool policy_in(__be32 addr, struct cv_prefix p)
{
	return p.mask && (addr & p.mask) == p.addr;
}

static __always_inline bool policy_in_lan(__be32 addr)
{
	__u32 zero = 0;
	struct cv_lans *l = bpf_map_lookup_elem(&lans, &zero);

	for (__u64 i = 0; l && i < CV_MAX_LANS; i++)
		if (policy_in(addr, l->prefix[i]))
			return true;
	return false;
}

/**
 * struct policy_side - one end of a flow
 * @parties:	1 << enum cv_party for each that it may be
 */
struct policy_side {
	__be32 addr;
	__u32  slot;
	__u32  parties;
};

#define POLICY_BIT(party)	(1U << CV_PARTY_##party)

static __always_inline struct policy_side policy_side(__be32 addr, __u32 slot, __u32 host)
{
	struct policy_side s = { .addr = addr, .slot = slot };

	s.parties = POLICY_BIT(ANY) | POLICY_BIT(PREFIX);
	if (host)
		s.parties |= POLICY_BIT(HOST);
	else if (slot)
		s.parties |= POLICY_BIT(GUEST) | POLICY_BIT(GUESTS);
	else
		s.parties |= POLICY_BIT(INTERNET) | (policy_in_lan(addr) ? POLICY_BIT(LAN) : 0);
	return s;
}

static __always_inline bool policy_party(const struct policy_side *s, __u8 party,
					 struct cv_prefix addr)
{
	if (!(s->parties >> (party & 7) & 1))
		return false;
	if (party == CV_PARTY_GUEST)
		return addr.addr == s->slot && s->slot != CV_SLOT_NONE;
	if (party == CV_PARTY_PREFIX)
		return (s->addr & addr.mask) == addr.addr;
	return true;
}

struct policy_walk {
	const struct cv_policy *policy;
	struct policy_side from, to;
	__u16 dport;
	__u8  proto;
	__u8  action;
	__u32 number;
};

static __always_inline bool policy_ports(const struct policy_walk *w, const struct cv_rule *r)
{
	if (r->proto && r->proto != w->proto)
		return false;
	if (!r->ports.first && r->ports.last == 0xffff)
		return true;
	return (w->proto == IPPROTO_TCP || w->proto == IPPROTO_UDP) &&
	       w->dport >= r->ports.first && w->dport <= r->ports.last;
}

static long policy_rule(__u32 i, struct policy_walk *w)
{
	const struct cv_rule *r;

	if (i >= CV_MAX_RULES)
		return 1;
	r = &w->policy->rules[i];
	if (!policy_ports(w, r) || !policy_party(&w->from, r->from, r->from_addr) ||
	    !policy_party(&w->to, r->to, r->to_addr))
		return 0;
	w->action = r->action;
	w->number = r->number;
	return 1;
}

/*
 * What do the rules say of this flow?  Not static: the verifier checks it by
 * itself.  Return: enum cv_action, also in @a->action.
 */
__noinline int policy_judge(struct cv_judge_args *a)
{
	struct policy_walk w = {};
	__u32 net;

	if (!a)
		return CV_ACTION_DENY;
	net = a->net;
	a->action = CV_ACTION_NONE;
	a->number = 0;
	w.policy = bpf_map_lookup_elem(&policies, &net);
	if (!w.policy || !w.policy->n_rules)
		return CV_ACTION_NONE;
	w.from = policy_side(a->saddr, a->slot, a->host);
	w.to = policy_side(a->daddr, a->peer_slot, a->peer_host);
	w.dport = bpf_ntohs(a->dport);
	w.proto = a->proto;
	bpf_loop(w.policy->n_rules, policy_rule, &w, 0);
	a->action = w.action;
	a->number = w.number;
	return w.action;
}

/* The question whether a guest's packet may begin a flow; to whom is filled in. */
static __always_inline struct cv_judge_args policy_from_guest(const struct pkt *p, __u32 slot)
{
	return (struct cv_judge_args) {
		.net = p->net, .slot = slot, .saddr = p->saddr,
		.daddr = p->daddr, .dport = p->dport, .proto = p->proto,
	};
}

/* Whether a packet may begin a flow to a guest and its port; from whom is filled in. */
static __always_inline struct cv_judge_args policy_to_guest(const struct pkt *p, __u32 slot,
							    __be32 ip, __be16 port)
{
	return (struct cv_judge_args) {
		.net = p->net, .peer_slot = slot, .saddr = p->saddr,
		.daddr = ip, .dport = port, .proto = p->proto,
	};
}

/* What becomes of a flow among guests when the rules say this. */
static __always_inline int policy_among(const struct cv_network *n, int action)
{
	if (action == CV_ACTION_DENY)
		return CV_DROP_POLICY;
	return action == CV_ACTION_NONE && n->flags & CV_NET_ISOLATE ? CV_DROP_ISOLATED : 0;
}

/* Does this frame stay among the guests, and may it? */
static __always_inline int policy_bridge(const struct cv_network *n)
{
	return n->flags & CV_NET_ISOLATE ? CV_DROP_ISOLATED : 0;
}

#endif
