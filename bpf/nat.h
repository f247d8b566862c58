/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Masquerade: make a guest's flow, with a port of the uplink's address that
 * nobody else has, and translate what belongs to it.
 */
#ifndef CV_NAT_H
#define CV_NAT_H

#include "fwd.h"

static __always_inline struct cv_tuple nat_out_key(const struct pkt *p)
{
	return (struct cv_tuple) {
		.local = p->saddr, .remote = p->daddr, .lport = p->sport,
		.rport = p->proto == IPPROTO_ICMP ? 0 : p->dport,
		.proto = p->proto, .net = p->net,
	};
}

static __always_inline struct cv_tuple nat_in_key(const struct pkt *p)
{
	return (struct cv_tuple) {
		.local = p->daddr, .remote = p->saddr, .lport = p->dport,
		.rport = p->proto == IPPROTO_ICMP ? 0 : p->sport,
		.proto = p->proto,
	};
}

/* Ports that the masquerade may use at all; any identifier of an echo may be. */
static __always_inline bool nat_port_allowed(const struct cv_network *n, __u8 proto,
					     __u16 port)
{
	if (proto == IPPROTO_ICMP)
		return true;
	return port >= n->port_min && port <= n->port_max &&
	       !(port >= n->reserved_min && port <= n->reserved_max);
}

/* A random one of them (RFC 6056). */
static __always_inline __u16 nat_port_random(const struct cv_network *n, __u8 proto)
{
	__u32 below, above, port, r = bpf_get_prandom_u32();

	if (proto == IPPROTO_ICMP)
		return r;
	below = n->reserved_min > n->port_min ? n->reserved_min - n->port_min : 0;
	above = n->reserved_max < n->port_max ? n->port_max - n->reserved_max : 0;
	/* A 64-bit product instead of a division; both parts fit in 17 bits. */
	port = ((__u64)r * (below + above)) >> 32;
	return port < below ? n->port_min + port : n->reserved_max + 1 + (port - below);
}

/* Does a socket of the host own this port, towards this peer or towards all? */
static __always_inline bool nat_host_owns(struct __sk_buff *skb, const struct cv_tuple *in_key)
{
	struct bpf_sock_tuple t = {
		.ipv4 = {
			.saddr = in_key->remote, .daddr = in_key->local,
			.sport = in_key->rport, .dport = in_key->lport,
		},
	};
	struct bpf_sock *sk;

	if (in_key->proto == IPPROTO_TCP)
		sk = bpf_skc_lookup_tcp(skb, &t, sizeof(t.ipv4), BPF_F_CURRENT_NETNS, 0);
	else if (in_key->proto == IPPROTO_UDP)
		sk = bpf_sk_lookup_udp(skb, &t, sizeof(t.ipv4), BPF_F_CURRENT_NETNS, 0);
	else
		return false;
	if (!sk)
		return false;
	bpf_sk_release(sk);
	return true;
}

/**
 * struct nat_search - the search for an external port
 * @key:	of `flows_in`; its lport is the port tried last
 * @tries:	so far
 * @drop:	0 once a port is reserved
 */
struct nat_search {
	struct __sk_buff *skb;
	const struct cv_network *n;
	const struct cv_flow_in *in;
	struct cv_tuple key;
	__u32 tries;
	int drop;
};

/* Try one port: the guest's own first, when it may be kept.  Return: 1 to stop. */
static long nat_try_port(__u32 i, struct nat_search *s)
{
	__u16 port = bpf_ntohs(s->in->port);
	long err;

	s->tries++;
	if (i || !nat_port_allowed(s->n, s->key.proto, port))
		port = nat_port_random(s->n, s->key.proto);
	s->key.lport = bpf_htons(port);
	if (!nat_port_allowed(s->n, s->key.proto, port) || nat_host_owns(s->skb, &s->key))
		return 0;
	err = bpf_map_update_elem(&flows_in, &s->key, s->in, BPF_NOEXIST);
	if (err == -17 /* EEXIST */)
		return 0;
	s->drop = err ? CV_DROP_TABLE_FULL : 0;
	return 1;
}

/*
 * Reserve an external port.  The insertion into `flows_in` is the reservation;
 * BPF_NOEXIST makes it ours alone.
 */
static __always_inline int nat_reserve(struct nat_search *s)
{
	s->drop = CV_DROP_NO_PORT;
	bpf_loop(CV_PORT_TRIES, nat_try_port, s, 0);
	TOTAL_ADD(port_tries, s->tries);
	if (!s->drop)
		TOTAL_ADD(port_preserved, s->key.lport == s->in->port);
	return s->drop;
}

/* Both entries of a new flow. */
static __always_inline int nat_insert(struct __sk_buff *skb, const struct pkt *p,
				      const struct cv_network *n,
				      const struct cv_tuple *key,
				      const struct fwd_route *r, __u32 slot)
{
	struct flow_tcp t = { .state = CV_FLOW_OPEN };
	struct cv_flow_in in = {
		.addr = p->saddr, .port = p->sport, .last_tick = p->now,
		.ifindex = n->host_ifindex, .created_tick = p->now,
		.net = p->net, .slot = slot,
	};
	struct cv_flow_out out = {
		.addr = r->addr, .last_tick = p->now, .slot = slot,
		.ifindex = r->ifindex, .nexthop = r->nexthop, .mtu = r->mtu,
		.route_tick = p->now,
	};
	struct nat_search s = { .skb = skb, .n = n, .in = &in, .key = *key };
	int drop;

	if (p->proto == IPPROTO_TCP)
		t = flow_tcp_next(t, p->l4_flags, FLOW_OUT);
	flow_set_state(&out, &in, t, flow_timeout(n, p->proto, t.state));
	s.key.local = r->addr;
	s.key.net = 0;
	drop = nat_reserve(&s);
	if (drop)
		return drop;
	out.port = s.key.lport;
	drop = flow_insert_out(key, &out);
	if (drop)
		bpf_map_delete_elem(&flows_in, &s.key);
	return drop < 0 ? 0 : drop;
}

/* A guest's packet belongs to no flow: may it have one, and make it. */
static __noinline int nat_new_flow(struct __sk_buff *skb, const struct pkt *p,
				   const struct cv_tuple *key)
{
	const struct cv_network *n = network_get(p->net);
	struct fwd_route r = {};
	__u32 slot;
	int drop;

	if (!n)
		return CV_DROP_UNKNOWN_PORT;
	drop = policy_new_flow(p, n);
	if (drop)
		return drop;
	slot = address_slot(p->net, p->saddr);
	if (!slot)
		return CV_DROP_NO_GUEST;
	drop = flow_limits(p->net, slot, n);
	if (drop)
		return drop;
	drop = fwd_route_read(skb, p, &r);
	if (drop)
		return drop;
	return nat_insert(skb, p, n, key, &r, slot);
}

/* The flow of a guest's packet; made when there is none. */
static __always_inline int nat_flow_out(struct __sk_buff *skb, const struct pkt *p,
					struct cv_flow_out **ret)
{
	struct cv_tuple key = nat_out_key(p);
	struct cv_flow_out *out = flow_find_out(skb, p, &key);
	int drop;

	if (!out) {
		drop = nat_new_flow(skb, p, &key);
		if (drop)
			return drop;
		out = bpf_map_lookup_elem(&flows_out, &key);
		/* Swept or flushed between the two: the guest sends again. */
		if (!out)
			return CV_DROP_NO_FLOW;
		flow_note_out(skb, p, out);
	}
	*ret = out;
	return 0;
}

/* A guest's packet to an uplink. */
static __always_inline int nat_out(struct __sk_buff *skb, struct pkt *p)
{
	struct cv_flow_out *out;
	int drop;

	if (p->proto != IPPROTO_TCP && p->proto != IPPROTO_UDP && p->proto != IPPROTO_ICMP)
		return CV_DROP_PROTOCOL;
	drop = nat_flow_out(skb, p, &out);
	if (drop)
		return drop;
	if (out->flags & CV_FLOW_HOST) {
		/* An answer to the host; its own MAC is not what guests send to. */
		p->way = WAY_KERNEL;
		bpf_skb_change_type(skb, PKT_FOR_HOST);
		return 0;
	}
	if (p->ttl <= 1)
		return CV_DROP_TTL;
	drop = fwd_route_refresh(skb, p, out);
	if (!drop)
		drop = fwd_mtu(skb, p, out);
	if (!drop)
		drop = pkt_translate(skb, p, PKT_SOURCE, out->addr, out->port);
	fwd_uplink(p, out);
	return drop;
}

/* A packet from an uplink; not ours unless a flow has it. */
static __always_inline int nat_in(struct __sk_buff *skb, struct pkt *p)
{
	struct cv_tuple key = nat_in_key(p);
	struct cv_flow_in *in;

	p->way = WAY_KERNEL;
	if (p->proto == IPPROTO_ICMP && pkt_first_fragment(p) && p->l4_flags != ICMP_ECHOREPLY)
		return 0;
	in = flow_find_in(skb, p, &key);
	if (!in)
		return 0;
	p->net = in->net;
	p->slot = in->slot;
	if (p->ttl <= 1)
		return CV_DROP_TTL;
	if (pkt_translate(skb, p, PKT_DESTINATION, in->addr, in->port))
		return CV_DROP_REWRITE;
	return fwd_into_network(skb, p, in);
}

#endif
