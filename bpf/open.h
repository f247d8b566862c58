/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A flow is opened: by a guest to outside, to another guest's external address
 * or to the host; from outside to a guest.  Here the rules are asked, the
 * limits looked at and ports given.
 */
#ifndef CV_OPEN_H
#define CV_OPEN_H

#include "header.h"
#include "owner.h"

/* Their checksums or authentication cover the addresses, and we do not know them. */
#define OPEN_PROTO_DCCP		33
#define OPEN_PROTO_AH		51
#define OPEN_PROTO_UDPLITE	136

/* Would a packet of it with another address be of no use? */
static __always_inline bool open_untranslatable(__u8 proto)
{
	return proto == OPEN_PROTO_DCCP || proto == OPEN_PROTO_AH || proto == OPEN_PROTO_UDPLITE;
}

/* Note whom the guest sends to, where the network filters by address. */
static __always_inline void open_note_peer(const struct cv_network *n, const struct cv_tuple *key,
					   __u32 now)
{
	struct cv_tuple peer = *key;

	if (n->filter != CV_FILTER_ADDRESS)
		return;
	peer.rport = 0;
	bpf_map_update_elem(&peers, &peer, &now, BPF_ANY);
}

/* --- from a guest */

/* A protocol without ports: this guest alone talks it with this peer. */
static __noinline int open_protocol(const struct pkt *p, __be32 addr, __u32 slot)
{
	struct cv_protocol key = { .addr = addr, .remote = p->daddr, .proto = p->proto };
	__u32 *has;

	if (external_base(addr, p->proto) == EXTERNAL_NONE)
		return CV_DROP_NO_ADDRESS;
	if (!bpf_map_update_elem(&protocols, &key, &slot, BPF_NOEXIST))
		return 0;
	has = bpf_map_lookup_elem(&protocols, &key);
	return has && *has == slot ? 0 : CV_DROP_NO_PORT;
}

/* A port outside for the flow.  Return: 0 with @f->port, @f->external set. */
static __noinline int open_port(struct __sk_buff *skb, const struct pkt *p,
				     const struct cv_network *n, struct cv_flow *f)
{
	struct external_search s = {
		.skb = skb, .n = n, .now = p->now, .proto = p->proto,
		.owner = external_owner(f->slot, p->sport), .base = external_base(f->addr, p->proto),
		.preserved = bpf_ntohs(p->sport), .net = p->net,
		.addr = f->addr, .remote = p->daddr, .rport = p->proto == IPPROTO_ICMP ? 0 : p->dport,
	};
	int drop;

	if (s.base == EXTERNAL_NONE)
		return CV_DROP_NO_ADDRESS;
	s.drop = external_limits(p->net, f->slot, n);
	drop = external_bind(&s);
	TOTAL_ADD(port_tries, s.tries);
	if (drop)
		return drop;
	f->external = s.found;
	f->port = bpf_htons(s.found);
	TOTAL_ADD(port_preserved, f->port == p->sport);
	return 0;
}

/* Put the flow in with what it needs outside; both or neither. */
static __always_inline int open_insert(struct __sk_buff *skb, const struct pkt *p,
				       const struct cv_network *n,
				       const struct cv_tuple *key,
				       const struct fwd_route *r, __u32 slot)
{
	struct flow_tcp t = { .state = CV_FLOW_OPEN };
	struct cv_flow *f = flow_blank(key, slot, p->now);
	int drop = 0;

	if (!f)
		return CV_DROP_TABLE_FULL;
	if (r->addr != p->saddr && open_untranslatable(p->proto))
		return CV_DROP_PROTOCOL;
	if (p->proto == IPPROTO_TCP)
		t = flow_tcp_next(t, p->l4_flags, FLOW_OUT);
	f->addr = r->addr;
	f->port = p->sport;
	f->ifindex = r->ifindex;
	f->nexthop = r->nexthop;
	fwd_macs(p, f);
	f->mtu = r->mtu;
	f->route_tick = p->now;
	f->state = t.state;
	f->flags = t.flags;
	f->timeout_ticks = flow_timeout(n, p->proto, t.state);
	if (!r->whole)
		drop = owner_has_ports(p->proto) ? open_port(skb, p, n, f) :
						   open_protocol(p, r->addr, slot);
	if (drop)
		return drop;
	open_note_peer(n, key, p->now);
	drop = flow_insert(key, f);
	if (drop && f->external != EXTERNAL_NONE)
		external_leave(f->external, p->net, p->now);
	return drop < 0 ? 0 : drop;
}

/*
 * The address that the flow has outside, where it is not the uplink's: the
 * guest's own whole one, or the one that it really has.
 */
static __always_inline __be32 open_whole(const struct pkt *p, const struct cv_network *n,
					 __u32 slot)
{
	struct cv_port *port = port_get(slot);

	if (n->mode == CV_MODE_ROUTE)
		return p->saddr;
	for (__u64 i = 0; i < CV_MAX_UNTRANSLATED; i++)
		if (policy_in(p->daddr, n->untranslated[i]))
			return p->saddr;
	return port ? port->external : 0;
}

/* The address of the network's first uplink. */
static __always_inline __be32 open_shared_addr(const struct cv_network *n)
{
	__u32 ifindex = n->uplink;
	struct cv_uplink *u = bpf_map_lookup_elem(&uplinks, &ifindex);

	return u ? u->addr : 0;
}

/* May the guest talk to the host, which no default lets it but for names?  Not static, as all here. */
__noinline int open_host(struct __sk_buff *skb, struct pkt *p, __u32 slot)
{
	const struct cv_network *n;
	struct cv_judge_args ask;
	struct cv_tuple key;
	struct cv_flow *f;
	int action;

	if (!p)
		return CV_DROP_REWRITE;
	n = network_get(p->net);
	if (!n)
		return CV_DROP_UNKNOWN_PORT;
	ask = policy_from_guest(p, slot);
	key = flow_out_key(p);
	ask.peer_host = 1;
	action = policy_judge(&ask);
	if (action == CV_ACTION_NONE && policy_served(n, &ask))
		action = CV_ACTION_ALLOW;
	if (action != CV_ACTION_ALLOW)
		return CV_DROP_HOST_CLOSED;
	f = bpf_map_lookup_elem(&flows, &key);
	if (f && !(f->flags & CV_FLOW_HOST))
		return CV_DROP_NO_FLOW;		/* one that was translated, until it is swept */
	if (f) {
		f->state = CV_FLOW_OPEN;
		f->timeout_ticks = flow_timeout(n, p->proto, CV_FLOW_OPEN);
		flow_note_out(skb, p, f);
		return 0;
	}
	return flow_make_plain(skb, p, n, &key, slot, CV_FLOW_HOST | CV_FLOW_BY_GUEST);
}

/* What the rules say of a guest's flow to @peer, or to outside when that is nobody. */
__noinline int open_judge(struct pkt *p, __u32 slot, struct owner *peer)
{
	const struct cv_network *n;
	struct cv_judge_args ask;
	struct cv_port *guest;

	if (!p || !peer)
		return CV_DROP_REWRITE;
	n = network_get(p->net);
	guest = port_get(peer->slot);
	if (!n)
		return CV_DROP_UNKNOWN_PORT;
	ask = policy_from_guest(p, slot);
	/* Around the corner, but in one network: as if it were the short way. */
	if (guest && guest->net == p->net) {
		ask.peer_slot = peer->slot;
		ask.dport = peer->lport;
		ask.daddr = guest->ip;
		return policy_among(n, policy_judge(&ask));
	}
	return policy_judge(&ask) == CV_ACTION_DENY ? CV_DROP_POLICY : 0;
}

/*
 * A guest's packet belongs to no flow: may it have one, and make it.  Not
 * static: the verifier checks it by itself, not again for each way here.
 */
__noinline int open_from_guest(struct __sk_buff *skb, struct pkt *p)
{
	const struct cv_network *n;
	struct fwd_route r = {};
	struct owner peer = {};
	struct cv_tuple key;
	struct cv_flow *f;
	__u32 slot;
	int drop;

	if (!p)
		return CV_DROP_REWRITE;
	n = network_get(p->net);
	if (!n)
		return CV_DROP_UNKNOWN_PORT;
	drop = header_check(skb, p);
	if (drop)
		return drop;
	drop = policy_may_leave(p, n);
	if (drop && drop != CV_DROP_HOST_CLOSED)
		return drop;
	if (policy_may_begin(p))
		return drop ? drop : policy_may_begin(p);
	slot = address_slot(p->net, p->saddr);
	if (!slot)
		return CV_DROP_NO_GUEST;
	if (drop)
		return open_host(skb, p, slot);
	key = flow_out_key(p);
	f = flow_look(p, &key);
	peer = p->proto == IPPROTO_ICMP ? owner_of_whole(p->daddr, p->sport) :
	       owner_find(p->proto, p->daddr, p->dport, p->saddr);
	drop = open_judge(p, slot, &peer);
	/* The host's own address lies in a prefix of an uplink, and yet is no neighbour's. */
	if (drop == CV_DROP_POLICY && !peer.slot &&
	    fwd_route_read(skb, p, &r) == CV_DROP_HOST_CLOSED)
		return open_host(skb, p, slot);
	if (drop)
		return drop;
	if (f && !(f->flags & CV_FLOW_HOST) && f->slot == slot) {
		/* Until it is swept, when its address has gone. */
		if (!external_ours(f->addr, p->proto, slot))
			return CV_DROP_NO_ADDRESS;
		event_flow(CV_EVENT_EXPIRED, &key, f);
		flow_revive(p, n, f);
		event_flow(CV_EVENT_NEW, &key, f);
		return 0;
	}
	drop = flow_limits(p->net, slot, n);
	if (drop)
		return drop;
	/* A hairpin has no uplink. */
	if (!peer.slot)
		drop = fwd_route_find(skb, p, &r);
	else
		r.addr = p->daddr;
	if (drop == CV_DROP_HOST_CLOSED)
		return open_host(skb, p, slot);
	if (drop)
		return drop;
	/* A dead one with the host is in its place, until it is swept. */
	if (f && f->flags & CV_FLOW_HOST)
		return CV_DROP_NO_FLOW;
	r.whole = open_whole(p, n, slot);
	if (r.whole)
		r.addr = r.whole;
	else if (peer.whole)
		r.addr = open_shared_addr(n);
	return r.addr ? open_insert(skb, p, n, &key, &r, slot) : CV_DROP_NO_ADDRESS;
}

/* --- to a guest */

/* May this stranger send to the guest's port?  Without a rule. */
static __always_inline bool open_admits(const struct cv_network *n, const struct cv_tuple *key,
					__u32 now)
{
	struct cv_tuple peer = *key;
	__u32 *tick;

	if (n->filter == CV_FILTER_ENDPOINT_INDEPENDENT)
		return true;
	if (n->filter != CV_FILTER_ADDRESS)
		return false;
	peer.rport = 0;
	tick = bpf_map_lookup_elem(&peers, &peer);
	return tick && pkt_recent(now, *tick, flow_timeout(n, key->proto, CV_FLOW_ESTABLISHED));
}

/* Does a packet for a guest come from another one? */
static __always_inline bool open_is_hairpin(__u32 ifindex)
{
	return ifindex - CV_IFINDEX_HOST < CV_MAX_NETWORKS;
}

/* Did the guest's packet, or an operator, let the stranger in? */
static __always_inline bool open_admitted(const struct pkt *p, const struct cv_network *n,
					  const struct cv_tuple *key)
{
	struct cv_external *e;

	if (p->whole)
		return p->whole == PKT_WHOLE_OPEN;
	e = external_get(external_base(p->daddr, p->proto) + bpf_ntohs(p->dport));
	return e && (e->flags & CV_EXTERNAL_FORWARD || open_admits(n, key, p->now));
}

/*
 * What the rules and, where they are silent, the defaults say of a stranger's
 * packet.  From another guest it comes by @ifindex.
 */
__noinline int open_judge_in(struct pkt *p, struct cv_tuple *key, __u32 ifindex)
{
	const struct cv_network *n;
	struct cv_judge_args ask;
	struct cv_port *guest;
	struct owner sender;
	bool admitted;
	int action;

	if (!p || !key)
		return CV_DROP_REWRITE;
	n = network_get(p->net);
	if (!n)
		return CV_DROP_FILTERED;
	/* In the host's own name, from outside: the kernel would not take it either. */
	if (!open_is_hairpin(ifindex) && external_base(p->saddr, p->proto) != EXTERNAL_NONE)
		return CV_DROP_FILTERED;
	admitted = open_admitted(p, n, key);
	ask = policy_to_guest(p, p->slot, key->local, key->lport);
	sender = owner_find(p->proto, p->saddr, p->sport, p->daddr);
	guest = port_get(sender.slot);
	if (guest && guest->net == p->net) {
		ask.slot = sender.slot;
		ask.saddr = guest->ip;
	}
	action = policy_judge(&ask);
	if (action == CV_ACTION_DENY)
		return CV_DROP_POLICY;
	/* A rule opens an address that is the guest's own; not a port that is not forwarded. */
	if (admitted || (p->whole && action == CV_ACTION_ALLOW))
		return 0;
	return CV_DROP_FILTERED;
}

/*
 * A packet from outside to a guest's port, of no flow, that may come in
 * (open_judge_in): make one.  Its way back is asked for when the guest answers.
 */
__noinline int open_to_guest(struct __sk_buff *skb, struct pkt *p, struct cv_tuple *tuple)
{
	struct flow_tcp t = { .state = CV_FLOW_OPEN, .flags = CV_FLOW_INBOUND };
	/* From another guest: the way back is a hairpin too, and has no uplink. */
	bool hairpin = open_is_hairpin(skb->ifindex);
	__u32 mtu = 0, found;
	const struct cv_network *n;
	struct cv_external *e;
	struct cv_tuple key;
	struct cv_flow *f;
	int drop;

	if (!p || !tuple)
		return CV_DROP_REWRITE;
	key = *tuple;	/* 6.1 takes keys of maps from the stack only */
	n = network_get(p->net);
	found = external_base(p->daddr, p->proto) + bpf_ntohs(p->dport);
	e = p->whole ? NULL : external_get(found);
	if (!n || (!e && !p->whole))
		return CV_DROP_FILTERED;
	if (p->daddr != key.local && open_untranslatable(p->proto))
		return CV_DROP_PROTOCOL;
	if (p->proto == IPPROTO_TCP && p->l4_flags & (PKT_TCP_RST | PKT_TCP_FIN))
		return CV_DROP_NO_FLOW;
	drop = flow_limits(p->net, p->slot, n);
	if (drop)
		return drop;
	f = flow_blank(&key, p->slot, p->now);
	if (!f || (e && !external_join(found, external_owner(p->slot, key.lport), p->net)))
		return CV_DROP_FILTERED;
	if (p->proto == IPPROTO_TCP)
		t = flow_tcp_next(t, p->l4_flags, FLOW_IN);
	f->addr = p->daddr;
	f->port = p->dport;
	f->external = e ? found : EXTERNAL_NONE;
	f->ifindex = hairpin ? 0 : skb->ifindex;
	bpf_check_mtu(skb, skb->ifindex, &mtu, 0, 0);
	f->mtu = hairpin || !mtu || mtu > 0xffff ? 0xffff : mtu;
	f->route_tick = p->now - CV_ROUTE_TICKS - 1;
	f->state = t.state;
	f->flags = t.flags;
	f->timeout_ticks = flow_timeout(n, p->proto, t.state);
	drop = flow_insert(&key, f);
	if (drop && e)
		external_leave(found, p->net, p->now);
	return drop < 0 ? 0 : drop;
}

#endif
