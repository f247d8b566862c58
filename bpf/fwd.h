/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a packet goes next: the host's FIB for what leaves, the guest's port
 * for what arrives, an ICMP error for what may not go on.
 */
#ifndef CV_FWD_H
#define CV_FWD_H

#include "local.h"
#include "gateway.h"
#include "icmp.h"

#define FWD_AF_INET		2
/* In the kernel since 6.7; the headers of older systems lack it. */
#define FWD_FIB_LOOKUP_SRC	(1U << 4)

/* What the FIB's answer means.  NO_NEIGH and FRAG_NEEDED come with a route. */
static __always_inline int fwd_fib_drop(long rc)
{
	switch (rc) {
	case BPF_FIB_LKUP_RET_SUCCESS:
	case BPF_FIB_LKUP_RET_NO_NEIGH:
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
		return 0;
	default:
		return CV_DROP_NO_ROUTE;
	}
}

/*
 * The answer for an address of the host, for a broadcast, and where there is
 * no route at all.  With a default route it is not the last.
 */
static __always_inline int fwd_not_forwarded(struct __sk_buff *skb, struct bpf_fib_lookup *fib)
{
	long rc;

	fib->ipv4_dst = 0;
	rc = bpf_fib_lookup(skb, fib, sizeof(*fib), 0);
	return fwd_fib_drop(rc) ? CV_DROP_NO_ROUTE : CV_DROP_HOST_CLOSED;
}

/*
 * The FIB does not answer for a link that does not forward.  `up` sets that on
 * the veth, but a write to ip_forward resets it on every link of the host:
 * then the network's first uplink serves, and the kernel finds the next hop.
 */
static __always_inline int fwd_route_fallback(struct __sk_buff *skb, const struct pkt *p,
					      struct bpf_fib_lookup *fib)
{
	const struct cv_network *n = network_get(p->net);

	if (!n || !n->uplink)
		return CV_DROP_NO_ROUTE;
	fib->ifindex = n->uplink;
	fib->ipv4_dst = 0;
	fib->ipv4_src = 0;
	return 0;
}

/*
 * Flows come in bunches: within a tick (134 ms) the FIB is asked once for a
 * destination, on each CPU.
 */
static __always_inline struct fwd_seen *fwd_seen_at(__be32 daddr)
{
	__u32 i = (daddr * 0x9e3779b1U >> 16) & (FWD_SEEN - 1);

	return bpf_map_lookup_elem(&routes_seen, &i);
}

/* NULL: not in this tick. */
static __always_inline struct fwd_seen *fwd_seen(const struct pkt *p)
{
	struct fwd_seen *seen = fwd_seen_at(p->daddr);

	return seen && seen->daddr == p->daddr && seen->tick == p->now && seen->net == p->net &&
	       seen->proto == p->proto && seen->tos == p->tos ? seen : NULL;
}

/* @fib: knows the next hop's address on the link; may be NULL. */
static __always_inline void fwd_see(const struct pkt *p, const struct fwd_route *route,
				    const struct bpf_fib_lookup *fib)
{
	struct fwd_seen *seen = fwd_seen_at(p->daddr);

	if (!seen)
		return;
	seen->daddr = p->daddr;
	seen->tick = p->now;
	seen->net = p->net;
	seen->proto = p->proto;
	seen->tos = p->tos;
	seen->route = *route;
	__builtin_memset(seen->macs, 0, sizeof(seen->macs));
	if (!fib)
		return;
	pkt_mac_copy(seen->macs, fib->dmac);
	pkt_mac_copy(seen->macs + ETH_ALEN, fib->smac);
}

/* What has just been seen of the next hop. */
static __always_inline void fwd_macs(const struct pkt *p, struct cv_flow *f)
{
	const struct fwd_seen *seen = fwd_seen(p);

	if (seen)
		__builtin_memcpy(f->macs, seen->macs, sizeof(f->macs));
	else
		__builtin_memset(f->macs, 0, sizeof(f->macs));
}

/* Ask the host's FIB.  Not static: the verifier checks it by itself. */
__noinline int fwd_route_read(struct __sk_buff *skb, struct pkt *p, struct fwd_route *ret)
{
	struct bpf_fib_lookup fib = {
		.family = FWD_AF_INET, .ifindex = skb->ifindex,
		.tot_len = 1,	/* asks for the route's MTU */
	};
	struct cv_uplink *uplink;
	__u32 mtu = 0, ifindex;
	int drop;
	long rc;

	if (!p || !ret)
		return CV_DROP_REWRITE;
	fib.l4_protocol = p->proto;
	fib.tos = p->tos;
	fib.ipv4_dst = p->daddr;
	TOTAL_ADD(routes_read, 1);
	rc = bpf_fib_lookup(skb, &fib, sizeof(fib), cv_fib_src ? FWD_FIB_LOOKUP_SRC : 0);
	if (rc == BPF_FIB_LKUP_RET_FWD_DISABLED)
		drop = fwd_route_fallback(skb, p, &fib);
	else if (rc == BPF_FIB_LKUP_RET_NOT_FWDED)
		drop = fwd_not_forwarded(skb, &fib);
	else
		drop = fwd_fib_drop(rc);
	if (drop)
		return drop;
	ifindex = fib.ifindex;
	uplink = bpf_map_lookup_elem(&uplinks, &ifindex);
	if (!uplink)
		return CV_DROP_NO_UPLINK;
	ret->ifindex = ifindex;
	ret->addr = uplink->addr;
	if (cv_fib_src && external_base(fib.ipv4_src, p->proto) != EXTERNAL_NONE)
		ret->addr = fib.ipv4_src;
	/* A gateway of the other family: redirect_neigh looks it up itself. */
	ret->nexthop = fib.family == FWD_AF_INET ? fib.ipv4_dst : 0;
	bpf_check_mtu(skb, ifindex, &mtu, 0, 0);
	ret->mtu = mtu < 0xffff ? mtu : 0xffff;
	/* Told only where the next hop is resolved; asked again within a second. */
	if (rc == BPF_FIB_LKUP_RET_SUCCESS && fib.mtu_result > 1 && fib.mtu_result < ret->mtu)
		ret->mtu = fib.mtu_result;
	fwd_see(p, ret, rc == BPF_FIB_LKUP_RET_SUCCESS ? &fib : NULL);
	return 0;
}

/* The route of a new flow. */
static __always_inline int fwd_route_find(struct __sk_buff *skb, struct pkt *p,
					  struct fwd_route *ret)
{
	const struct fwd_seen *seen = fwd_seen(p);

	if (!seen)
		return fwd_route_read(skb, p, ret);
	*ret = seen->route;
	return 0;
}

/* The flow keeps its way; whether the next hop is still the one that it was, the kernel knows. */
static __always_inline int fwd_route_keep(const struct pkt *p, struct cv_flow *out)
{
	__builtin_memset(out->macs, 0, sizeof(out->macs));
	out->route_tick = p->now;
	return 0;
}

/*
 * Let a flow follow the host's routes, about once a second.  This packet goes by
 * the kernel's neighbour whatever is known of it, so that the kernel sees it used
 * and asks for it in time; the next ones have its address from the flow.  Addresses
 * that are as before are written as before: another CPU may be reading them.
 */
static __always_inline int fwd_route_refresh(struct __sk_buff *skb, struct pkt *p,
					     struct cv_flow *out)
{
	struct fwd_route r = {};
	int drop;

	if ((__u16)(p->now - out->route_tick) <= CV_ROUTE_TICKS)
		return 0;
	drop = fwd_route_read(skb, p, &r);
	if (!drop && !r.addr && external_base(out->addr, p->proto) != EXTERNAL_NONE)
		drop = CV_DROP_NO_ADDRESS;
	/* The route moved to a link that is no uplink: the flow keeps its own way. */
	if (drop == CV_DROP_NO_UPLINK && external_ours(out->addr, p->proto, out->slot))
		return fwd_route_keep(p, out);
	if (drop)
		return drop;
	if (r.addr != out->addr) {
		/* The host has lost the address: what comes back would be lost too. */
		if (!external_ours(out->addr, p->proto, out->slot)) {
			flow_end(p->now, out);
			return CV_DROP_NO_ADDRESS;
		}
		/* Another uplink: this flow keeps its address, and so its way. */
		if (r.ifindex != out->ifindex &&
		    external_base(out->addr, p->proto) != EXTERNAL_NONE)
			return fwd_route_keep(p, out);
	}
	out->ifindex = r.ifindex;
	out->nexthop = r.nexthop;
	out->mtu = r.mtu;
	fwd_macs(p, out);
	/* Last: who finds the tick old comes here himself. */
	asm volatile("" ::: "memory");
	out->route_tick = p->now;
	return 0;
}

/* How long each segment of a GSO packet will be, from its IP header on. */
static __noinline __u32 fwd_segment(struct __sk_buff *skb, const struct pkt *p)
{
	__u8 doff = 0xf0;	/* the longest header, when it cannot be read */
	__u32 header = sizeof(struct udphdr);

	if (p->proto == IPPROTO_TCP) {
		bpf_skb_load_bytes(skb, p->l4_off + 12, &doff, sizeof(doff));
		header = (doff >> 4) * 4;
	}
	return skb->gso_size + p->l4_off - ETH_HLEN + header;
}

/* Is the packet, or one segment of it, larger than the path takes? */
static __always_inline int fwd_mtu(struct __sk_buff *skb, struct pkt *p,
				   const struct cv_flow *out)
{
	if (skb->len - ETH_HLEN <= out->mtu)
		return 0;
	if (skb->gso_size && fwd_segment(skb, p) <= out->mtu)
		return 0;
	p->mtu = out->mtu;
	return CV_DROP_TOO_BIG;
}

/* Send a translated packet out of its flow's uplink. */
static __always_inline void fwd_uplink(struct pkt *p, const struct cv_flow *out)
{
	p->way = WAY_NEIGH;
	p->ifindex = out->ifindex;
	p->nexthop = out->nexthop;
}

/* May a frame go to its neighbour?  Rules may let some through where guests are isolated. */
static __always_inline int fwd_over_bridge(struct __sk_buff *skb, struct pkt *p,
					   const struct cv_network *n)
{
	if (!(n->flags & CV_NET_LOCAL))
		return policy_bridge(n);
	return skb->protocol == bpf_htons(ETH_P_IP) ? local_pass(skb, p) : 0;
}

/* From the guest's port: to the host end of the veth, or over the bridge. */
static __always_inline int fwd_from_guest(struct __sk_buff *skb, struct pkt *p,
					  const struct cv_network *n)
{
	struct ethhdr *eth = pkt_data(skb);

	if ((void *)(eth + 1) > pkt_end(skb))
		return CV_DROP_MALFORMED;
	if (!pkt_mac_equal(eth->h_dest, n->gateway_mac)) {
		int drop = fwd_over_bridge(skb, p, n);

		if (p->way == WAY_NONE)
			p->way = WAY_KERNEL;
		return drop;
	}
	p->way = WAY_PEER;
	p->ifindex = n->ns_ifindex;
	return 0;
}

/* Into the guest's namespace: to_guest finds the port by the tag. */
static __always_inline int fwd_into_network(struct __sk_buff *skb, struct pkt *p)
{
	const struct cv_network *n = network_get(p->net);

	if (!n)
		return CV_DROP_STALE_PORT;
	p->way = WAY_PEER;
	p->ifindex = n->host_ifindex;
	return pkt_set_tag(skb, p->slot);
}

/* Out of the port of guest p->slot, in network p->net. */
static __always_inline int fwd_to_port(struct __sk_buff *skb, struct pkt *p, __be32 daddr)
{
	const struct cv_network *n = network_get(p->net);
	struct cv_port *port = port_get(p->slot);

	if (!n || !port || port->net != p->net || port->ip != daddr)
		return CV_DROP_STALE_PORT;
	p->ifindex = port->ifindex;
	p->way = WAY_LINK;
	if (port->flags & CV_PORT_PEER) {
		p->way = WAY_PEER;
		/* It arrives there as it is: not as a frame for another host. */
		if (skb->pkt_type != PKT_FOR_HOST)
			bpf_skb_change_type(skb, PKT_FOR_HOST);
	}
	return pkt_set_macs(skb, port->mac, n->gateway_mac);
}

/* The ICMP error that tells a guest of a drop; 0: none. */
static __always_inline __u32 fwd_error_of(int drop, const struct pkt *p)
{
	switch (drop) {
	case CV_DROP_TTL:
		return ICMP_TYPE_CODE(ICMP_TIME_EXCEEDED, ICMP_EXC_TTL);
	case CV_DROP_TOO_BIG:
		/* Also of a GSO packet with DF clear: it is not cut here. */
		return ICMP_TYPE_CODE(ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED);
	case CV_DROP_NO_ROUTE:
	case CV_DROP_NO_UPLINK:
	case CV_DROP_NO_ADDRESS:
	case CV_DROP_MODE_ISOLATED:
		return ICMP_TYPE_CODE(ICMP_DEST_UNREACH, ICMP_NET_UNREACH);
	case CV_DROP_HOST_CLOSED:
	case CV_DROP_NO_PORT:
	case CV_DROP_PORT_FLOWS:
	case CV_DROP_NETWORK_FLOWS:
	case CV_DROP_TABLE_FULL:
	case CV_DROP_POLICY:
	case CV_DROP_PORT_PORTS:
	case CV_DROP_NETWORK_PORTS:
		return ICMP_TYPE_CODE(ICMP_DEST_UNREACH, ICMP_PKT_FILTERED);
	default:
		return 0;
	}
}

/*
 * A guest's packet is dropped: count it, and tell the guest where a router
 * would.  Leaves p->way set when an error goes out; the packet is then that.
 */
static __always_inline int fwd_refuse_guest(struct __sk_buff *skb, struct pkt *p, int drop)
{
	__u32 error = fwd_error_of(drop, p), slot;
	const struct cv_network *n;

	p->way = WAY_NONE;
	n = network_get(p->net);
	if (!n || !error)
		return drop;
	slot = address_slot(p->net, p->saddr);
	if (slot)
		p->slot = slot;
	if (!slot || icmp_error(skb, p, n->gateway, error, p->mtu))
		return drop;
	count_drop(drop, p->net, slot);
	p->way = WAY_LINK;
	p->ifindex = n->host_ifindex;
	return pkt_set_tag(skb, slot);
}

/* A packet from outside ran out of time to live: tell its sender. */
static __always_inline int fwd_refuse_outside(struct __sk_buff *skb, struct pkt *p, int drop)
{
	p->way = WAY_NONE;
	if (drop != CV_DROP_TTL ||
	    icmp_error(skb, p, p->daddr, fwd_error_of(drop, p), 0))
		return drop;
	count_drop(drop, p->net, p->slot);
	p->way = WAY_NEIGH;
	p->ifindex = skb->ifindex;
	p->nexthop = 0;
	return 0;
}

#endif
