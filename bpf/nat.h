/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Masquerade: make a guest's flow, with a port of the uplink's address that
 * nobody else has, and translate what belongs to it.
 */
#ifndef CV_NAT_H
#define CV_NAT_H

#include "frag.h"
#include "fwd.h"
#include "mss.h"
#include "split.h"

static __always_inline struct cv_tuple nat_out_key(const struct pkt *p)
{
	return (struct cv_tuple) {
		.local = p->saddr, .remote = p->daddr, .lport = p->sport,
		.rport = p->proto == IPPROTO_ICMP ? 0 : p->dport,
		.proto = p->proto, .net = p->net,
	};
}

static __always_inline __u32 nat_out_tag(const struct pkt *p)
{
	struct cv_tuple key = nat_out_key(p);

	return flow_tag(&key);
}

/*
 * Whose is this external port?  Fills in network, slot and the guest's tuple.
 * False: nobody's, so the packet is the host's.
 */
static __always_inline bool nat_owner(struct pkt *p, __u8 proto, __be32 addr, __be16 port,
				      struct cv_tuple *key)
{
	__u32 base = external_base(addr, proto);
	struct cv_external *e;
	struct cv_port *guest;
	__u64 word;

	if (base == EXTERNAL_NONE)
		return false;
	e = external_get(base + bpf_ntohs(port));
	if (!e)
		return false;
	word = external_word(e);
	if (!external_flows(word))
		return false;
	guest = port_get(external_slot(word));
	if (!guest || !guest->ip)
		return false;
	p->slot = external_slot(word);
	p->net = guest->net;
	key->local = guest->ip;
	key->lport = external_lport(word);
	key->proto = proto;
	key->net = guest->net;
	return true;
}

/* Note whom the guest sends to, where the network filters by address. */
static __always_inline void nat_note_peer(const struct cv_network *n, const struct cv_tuple *key,
					  __u32 now)
{
	struct cv_tuple peer = *key;

	if (n->filter != CV_FILTER_ADDRESS)
		return;
	peer.rport = 0;
	bpf_map_update_elem(&peers, &peer, &now, BPF_ANY);
}

/* Bind the flow's port, then put the flow in; both or neither. */
static __always_inline int nat_insert(struct __sk_buff *skb, const struct pkt *p,
				      const struct cv_network *n,
				      const struct cv_tuple *key,
				      const struct fwd_route *r, __u32 slot)
{
	struct flow_tcp t = { .state = CV_FLOW_OPEN };
	struct external_search s = {
		.skb = skb, .n = n, .now = p->now, .proto = p->proto,
		.owner = external_owner(slot, p->sport), .base = external_base(r->addr, p->proto),
		.preserved = bpf_ntohs(p->sport),
		.addr = r->addr, .remote = key->remote, .rport = key->rport,
	};
	struct cv_flow *f = flow_blank(key, slot, p->now);
	int drop;

	if (!f)
		return CV_DROP_TABLE_FULL;
	if (s.base == EXTERNAL_NONE)
		return CV_DROP_NO_ADDRESS;
	drop = external_bind(&s);
	TOTAL_ADD(port_tries, s.tries);
	if (drop)
		return drop;
	if (p->proto == IPPROTO_TCP)
		t = flow_tcp_next(t, p->l4_flags, FLOW_OUT);
	f->addr = r->addr;
	f->ifindex = r->ifindex;
	f->nexthop = r->nexthop;
	f->mtu = r->mtu;
	f->route_tick = p->now;
	f->state = t.state;
	f->flags = t.flags;
	f->timeout_ticks = flow_timeout(n, p->proto, t.state);
	f->external = s.found;
	f->port = bpf_htons(s.found);
	nat_note_peer(n, key, p->now);
	TOTAL_ADD(port_preserved, f->port == p->sport);
	drop = flow_insert(key, f);
	if (drop)
		external_leave(s.found, p->now);
	return drop < 0 ? 0 : drop;
}

/* The network of the guest that has this port of an external address; 0: none has. */
static __always_inline __u32 nat_external_net(__be32 addr, __u8 proto, __be16 port)
{
	__u32 base = external_base(addr, proto);
	struct cv_external *e;
	struct cv_port *guest;
	__u64 word;

	if (base == EXTERNAL_NONE || proto == IPPROTO_ICMP)
		return 0;
	e = external_get(base + bpf_ntohs(port));
	if (!e)
		return 0;
	word = external_word(e);
	guest = external_flows(word) ? port_get(external_slot(word)) : NULL;
	return guest ? guest->net : 0;
}

/*
 * A guest's packet belongs to no flow: may it have one, and make it.  Not
 * static: the verifier checks it by itself, not again for each way here.
 */
__noinline int nat_new_flow(struct __sk_buff *skb, struct pkt *p)
{
	const struct cv_network *n;
	struct fwd_route r = {};
	struct cv_tuple key;
	struct cv_flow *f;
	__u32 slot, other;
	int drop;

	if (!p)
		return CV_DROP_REWRITE;
	n = network_get(p->net);
	if (!n)
		return CV_DROP_UNKNOWN_PORT;
	key = nat_out_key(p);
	drop = policy_new_flow(p, n);
	if (drop)
		return drop;
	slot = address_slot(p->net, p->saddr);
	if (!slot)
		return CV_DROP_NO_GUEST;
	f = bpf_map_lookup_elem(&flows, &key);
	if (f && !(f->flags & CV_FLOW_HOST) && f->slot == slot) {
		/* Until it is swept, when its address has gone. */
		if (external_base(f->addr, p->proto) == EXTERNAL_NONE)
			return CV_DROP_NO_ADDRESS;
		flow_revive(p, n, f);
		return 0;
	}
	drop = flow_limits(p->net, slot, n);
	if (drop)
		return drop;
	other = nat_external_net(p->daddr, p->proto, p->dport);
	if (other == p->net && n->flags & CV_NET_ISOLATE)
		return CV_DROP_ISOLATED;
	if (other)
		r.addr = p->daddr;	/* a hairpin: no uplink */
	else
		drop = fwd_route_read(skb, p, &r);
	if (drop)
		return drop;
	return nat_insert(skb, p, n, &key, &r, slot);
}

/* The flow of a guest's packet; made when there is none. */
static __always_inline int nat_flow_out(struct __sk_buff *skb, struct pkt *p,
					struct cv_flow **ret)
{
	struct cv_tuple key = nat_out_key(p);
	struct cv_flow *out = flow_find_out(skb, p, &key);
	int drop;

	if (!out) {
		drop = nat_new_flow(skb, p);
		if (drop)
			return drop;
		out = bpf_map_lookup_elem(&flows, &key);
		/*
		 * Swept or flushed between the two, or a dead flow with the
		 * host is still in its place: the guest sends again.
		 */
		if (!out || out->flags & CV_FLOW_HOST)
			return CV_DROP_NO_FLOW;
		flow_note_out(skb, p, out);
	}
	*ret = out;
	return 0;
}

/* May this stranger send to the guest's port? */
static __always_inline bool nat_admits(const struct cv_network *n, const struct cv_tuple *key,
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

/*
 * A packet from outside to a guest's mapped port, of no flow: make one when
 * the port is forwarded or the filter admits the sender.  Its way back is
 * asked for when the guest answers.
 */
static __noinline int nat_inbound_flow(struct __sk_buff *skb, const struct pkt *p,
				       const struct cv_tuple *key)
{
	const struct cv_network *n = network_get(p->net);
	struct flow_tcp t = { .state = CV_FLOW_OPEN, .flags = CV_FLOW_INBOUND };
	/* From another guest: the way back is a hairpin too, and has no uplink. */
	bool hairpin = skb->ifindex - CV_IFINDEX_HOST < CV_MAX_NETWORKS;
	struct external_search s = {
		.owner = external_owner(p->slot, key->lport),
		.found = external_base(p->daddr, p->proto) + bpf_ntohs(p->dport),
	};
	struct cv_external *e = external_get(s.found);
	struct cv_flow *f = flow_blank(key, p->slot, p->now);
	__u32 mtu = 0;
	int drop;

	if (!n || !e || !f)
		return CV_DROP_FILTERED;
	/* In the host's own name, from outside: the kernel would not take it either. */
	if (!hairpin && external_base(p->saddr, p->proto) != EXTERNAL_NONE)
		return CV_DROP_FILTERED;
	if (!(e->flags & CV_EXTERNAL_FORWARD) && !nat_admits(n, key, p->now))
		return CV_DROP_FILTERED;
	if (p->proto == IPPROTO_TCP && p->l4_flags & (PKT_TCP_RST | PKT_TCP_FIN))
		return CV_DROP_NO_FLOW;
	drop = flow_limits(p->net, p->slot, n);
	if (drop)
		return drop;
	if (!external_join(&s))
		return CV_DROP_FILTERED;
	if (p->proto == IPPROTO_TCP)
		t = flow_tcp_next(t, p->l4_flags, FLOW_IN);
	f->addr = p->daddr;
	f->port = p->dport;
	f->external = s.found;
	f->ifindex = hairpin ? 0 : skb->ifindex;
	bpf_check_mtu(skb, skb->ifindex, &mtu, 0, 0);
	f->mtu = hairpin || !mtu || mtu > 0xffff ? 0xffff : mtu;
	f->route_tick = p->now - CV_ROUTE_TICKS - 1;
	f->state = t.state;
	f->flags = t.flags;
	f->timeout_ticks = flow_timeout(n, p->proto, t.state);
	drop = flow_insert(key, f);
	if (drop)
		external_leave(s.found, p->now);
	return drop < 0 ? 0 : drop;
}

/* A fragment that cannot be a guest's: it need not wait for its first one. */
static __always_inline bool nat_foreign_fragment(const struct pkt *p)
{
	return pkt_is_fragment(p) && external_base(p->daddr, p->proto) == EXTERNAL_NONE;
}

/* A fragment goes to a guest, or to the host: that drops what it likes itself. */
static __always_inline int nat_pass_fragment(const struct pkt *p)
{
	int drop;

	if (p->way != WAY_PEER && p->way != WAY_KERNEL)
		return 0;
	drop = frag_pass(p, 0);
	return p->way == WAY_PEER ? drop : 0;
}

/* Is a packet without flow the host's own after all? */
static __always_inline bool nat_is_host(struct __sk_buff *skb, const struct pkt *p)
{
	struct bpf_sock_tuple t = {
		.ipv4 = {
			.saddr = p->saddr, .daddr = p->daddr,
			.sport = p->sport, .dport = p->dport,
		},
	};

	/* An echo's identifier may be the host's own ping as well. */
	return p->proto == IPPROTO_ICMP || external_host_socket(skb, p->proto, &t);
}

/*
 * A packet from an uplink.  Not ours unless a guest has the port; then only
 * when it belongs to a flow, or the host itself has a socket for it.
 * Not static: the verifier checks it by itself, not again for each way here.
 */
__noinline int nat_in(struct __sk_buff *skb, struct pkt *p)
{
	struct cv_tuple key = {};
	struct cv_flow *f;
	int drop;

	if (!p)
		return CV_DROP_REWRITE;
	key.remote = p->saddr;
	key.rport = p->proto == IPPROTO_ICMP ? 0 : p->sport;
	p->way = WAY_KERNEL;
	if (p->proto != IPPROTO_TCP && p->proto != IPPROTO_UDP &&
	    (p->proto != IPPROTO_ICMP ||
	     (pkt_first_fragment(p) && p->l4_flags != ICMP_ECHOREPLY)))
		return 0;
	if (!nat_owner(p, p->proto, p->daddr, p->dport, &key))
		return 0;
	f = flow_find_in(skb, p, &key);
	if (!f) {
		if (nat_is_host(skb, p))
			return 0;
		drop = nat_inbound_flow(skb, p, &key);
		if (drop)
			return drop;
		f = flow_find_in(skb, p, &key);
	}
	if (!f || f->flags & CV_FLOW_HOST)
		return CV_DROP_FILTERED;
	if (p->ttl <= 1)
		return CV_DROP_TTL;
	/* Key and owner agree, or the entry was another's when it was read. */
	if (f->slot != p->slot || !flow_same(f, flow_tag(&key)))
		return CV_DROP_NO_FLOW;
	if (mss_matters(p) && f->mtu && mss_clamp(skb, p, f->mtu))
		return CV_DROP_REWRITE;
	if (pkt_translate(skb, p, PKT_DESTINATION, key.local, key.lport))
		return CV_DROP_REWRITE;
	return fwd_into_network(skb, p);
}

/*
 * A guest's packet to a port of the host's address that another guest has
 * (RFC 4787 REQ-9): out and in again, so that each sees the other's external
 * address.
 */
static __always_inline int nat_hairpin(struct __sk_buff *skb, struct pkt *p,
				       __be32 addr, __be16 port)
{
	__be32 guest = p->saddr;
	int drop;

	/* Two hops: the sender is told of the second one too, and here, where it is known. */
	if (p->ttl <= 2)
		return CV_DROP_TTL;
	drop = pkt_translate(skb, p, PKT_SOURCE, addr, port);
	if (drop)
		return drop;
	p->saddr = addr;
	p->sport = port;
	p->ttl--;
	drop = nat_in(skb, p);
	if (!drop && p->way == WAY_KERNEL)
		drop = CV_DROP_FILTERED;
	if (drop && !p->slot)
		p->saddr = guest;	/* it counts as the sender's */
	return drop;
}

/* Let the packet fit its way out, where it may be fragmented. */
static __always_inline int nat_fit(struct __sk_buff *skb, struct pkt *p, struct cv_flow *f)
{
	__u32 len = skb->len;
	int drop = fwd_mtu(skb, p, f);

	if (drop != CV_DROP_TOO_BIG || p->frag & PKT_IP_DF || skb->gso_size)
		return drop;
	drop = split_packet(skb, p, p->mtu);
	/* The rest is counted when it comes again. */
	f->out_bytes -= len - skb->len;
	return drop;
}

/* The filter by address remembers whom the guest goes on to send to. */
static __always_inline void nat_renew_peer(const struct pkt *p, struct cv_flow *f)
{
	const struct cv_network *n;
	struct cv_tuple key;

	if ((__u16)(p->now - f->route_tick) <= CV_ROUTE_TICKS)
		return;
	n = network_get(p->net);
	key = nat_out_key(p);
	if (n)
		nat_note_peer(n, &key, p->now);
	if (!f->ifindex)
		f->route_tick = p->now;	/* a hairpin: has no route to renew */
}

/* Is this echo reply one that the host, who alone asks guests, waits for? */
static __always_inline bool nat_host_asked(const struct pkt *p)
{
	struct cv_tuple key = nat_out_key(p);
	struct cv_flow *f = bpf_map_lookup_elem(&flows, &key);

	return f && f->flags & CV_FLOW_HOST;
}

/* A guest's packet to an uplink. */
static __always_inline int nat_out(struct __sk_buff *skb, struct pkt *p)
{
	struct cv_flow *f;
	__be32 addr;
	__be16 port;
	__u16 mtu;
	int drop;

	if (p->proto != IPPROTO_TCP && p->proto != IPPROTO_UDP && p->proto != IPPROTO_ICMP)
		return CV_DROP_PROTOCOL;
	/* Other messages have something else where an echo has its identifier. */
	if (p->proto == IPPROTO_ICMP && pkt_first_fragment(p) &&
	    p->l4_flags != ICMP_ECHO && p->l4_flags != ICMP_ECHOREPLY)
		return CV_DROP_ICMP_TYPE;
	if (pkt_icmp_echo(p, ICMP_ECHOREPLY) && pkt_first_fragment(p) && !nat_host_asked(p))
		return CV_DROP_ICMP_TYPE;
	drop = nat_flow_out(skb, p, &f);
	if (drop)
		return drop;
	if (f->flags & CV_FLOW_HOST) {
		/* An answer to the host; its own MAC is not what guests send to. */
		p->way = WAY_KERNEL;
		bpf_skb_change_type(skb, PKT_FOR_HOST);
		return frag_pass(p, p->net);
	}
	if (p->ttl <= 1)
		return CV_DROP_TTL;
	addr = f->addr;
	port = f->port;
	nat_renew_peer(p, f);
	frag_number(skb, p);
	if (!f->ifindex) {
		drop = frag_pass(p, p->net);
		return drop ? drop : nat_hairpin(skb, p, addr, port);
	}
	drop = fwd_route_refresh(skb, p, f);
	if (!drop)
		drop = nat_fit(skb, p, f);
	if (!drop)
		drop = frag_pass(p, p->net);
	if (drop)
		return drop;
	fwd_uplink(p, f);
	mtu = f->mtu;
	if (!flow_same(f, nat_out_tag(p)))
		return CV_DROP_NO_FLOW;
	if (mss_matters(p) && mss_clamp(skb, p, mtu))
		return CV_DROP_REWRITE;
	return pkt_translate(skb, p, PKT_SOURCE, addr, port);
}

#endif
