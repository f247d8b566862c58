/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Masquerade: make a guest's flow, with a port of the uplink's address that
 * nobody else has, and translate what belongs to it.
 */
#ifndef CV_NAT_H
#define CV_NAT_H

#include "dns.h"
#include "mss.h"
#include "open.h"
#include "split.h"

static __always_inline __u32 nat_out_tag(const struct pkt *p)
{
	struct cv_tuple key = flow_out_key(p);

	return flow_tag(&key);
}

/* The flow of a guest's packet; made when there is none. */
static __always_inline int nat_flow_out(struct __sk_buff *skb, struct pkt *p,
					struct cv_flow **ret)
{
	struct cv_tuple key = flow_out_key(p);
	struct cv_flow *out = flow_find_out(skb, p, &key);
	int drop;

	if (!out) {
		drop = open_from_guest(skb, p);
		p->no_flow = 0;
		if (drop) {
			event_refused(p, &key, 0, drop);
			return drop;
		}
		out = bpf_map_lookup_elem(&flows, &key);
		/*
		 * Swept or flushed between the two, or a dead flow of the host
		 * is still in its place: the guest sends again.
		 */
		if (!out || (out->flags & CV_FLOW_HOST && !(out->flags & CV_FLOW_BY_GUEST)))
			return CV_DROP_NO_FLOW;
		if (!(out->flags & CV_FLOW_HOST))	/* that was noted when it was made */
			flow_note_out(skb, p, out);
	}
	*ret = out;
	return 0;
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

	/* An echo's identifier may be the host's own ping as well; so may another protocol. */
	return (p->proto != IPPROTO_TCP && p->proto != IPPROTO_UDP) ||
	       external_host_socket(skb, p->proto, &t);
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
	if (!owner_meet(p, p->proto, p->daddr, p->dport, &key))
		return 0;
	if (p->proto == IPPROTO_ICMP && pkt_first_fragment(p) && p->l4_flags != ICMP_ECHOREPLY &&
	    (!p->whole || p->l4_flags != ICMP_ECHO))
		return p->whole ? CV_DROP_ICMP_TYPE : 0;
	f = flow_find_in(skb, p, &key);
	if (!f) {
		if (!p->whole && nat_is_host(skb, p))
			return 0;
		drop = p->proto == IPPROTO_ICMP && !pkt_icmp_echo(p, ICMP_ECHO) ?
		       CV_DROP_FILTERED : open_judge_in(p, &key, skb->ifindex);
		if (!drop)
			drop = open_to_guest(skb, p, &key);
		p->no_flow = 0;
		if (drop) {
			event_refused(p, &key, CV_FLOW_INBOUND, drop);
			return drop;
		}
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
	/* It counts as the sender's, or as who would have got it; then nobody is told. */
	if (drop)
		p->saddr = p->slot ? 0 : guest;
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
	key = flow_out_key(p);
	if (n)
		open_note_peer(n, &key, p->now);
	if (!f->ifindex)
		f->route_tick = p->now;	/* a hairpin: has no route to renew */
}

/* Has somebody asked for this echo reply: the host, or who may ask the guest's own address? */
static __always_inline bool nat_was_asked(const struct pkt *p)
{
	struct cv_tuple key = flow_out_key(p);
	struct cv_flow *f = bpf_map_lookup_elem(&flows, &key);

	if (!f)
		return false;
	return f->flags & CV_FLOW_HOST ? !(f->flags & CV_FLOW_BY_GUEST) : f->flags & CV_FLOW_INBOUND;
}

/* A guest's packet to an uplink. */
static __always_inline int nat_out(struct __sk_buff *skb, struct pkt *p)
{
	struct cv_flow *f;
	__be32 addr;
	__be16 port;
	__u16 mtu;
	int drop;

	/* Other messages have something else where an echo has its identifier. */
	if (p->proto == IPPROTO_ICMP && pkt_first_fragment(p) &&
	    p->l4_flags != ICMP_ECHO && p->l4_flags != ICMP_ECHOREPLY)
		return CV_DROP_ICMP_TYPE;
	if (pkt_icmp_echo(p, ICMP_ECHOREPLY) && pkt_first_fragment(p) && !nat_was_asked(p))
		return CV_DROP_ICMP_TYPE;
	drop = nat_flow_out(skb, p, &f);
	if (drop)
		return drop;
	if (f->flags & CV_FLOW_HOST && f->flags & CV_FLOW_LOCAL)
		return CV_DROP_GUEST_SUBNET;
	if (f->flags & CV_FLOW_HOST) {
		drop = dns_pass(p, f->slot);
		if (drop)
			return drop;
		/* To the host; its own MAC is not what guests send to. */
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
