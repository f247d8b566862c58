/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: plain packets
 *
 * Nearly all packets are TCP or UDP of an established flow, whole, without IP
 * options, and change nothing but counters and addresses.  For these each
 * program asks all its questions at once, with one bounds check and no helper
 * that can be spared.  What is not plain goes through the stages, which know
 * everything; so nothing that they read is written before the last question, and each
 * "no" is right.  A plain packet leaves as the stages would have sent it: the model and
 * the tables cannot tell which way it went.
 */
#ifndef CV_PLAIN_H
#define CV_PLAIN_H

#include "nat.h"
#include "offload.h"

#define PLAIN_NO	(-1)	/* not plain: the stages have it, as it came */
#define PLAIN_IHL	0x45	/* version 4, 20 bytes */

#define PLAIN_L4_OFF	(PKT_IP_OFF + PKT_IP_MIN)

/* Pointers to the headers of a plain frame. */
static __always_inline struct iphdr *plain_ip(void *data)
{
	return data + PKT_IP_OFF;
}

static __always_inline struct tcphdr *plain_l4(void *data)
{
	return data + PLAIN_L4_OFF;
}

/* Read the headers.  False: not plain. */
static __always_inline bool plain_read(const struct __sk_buff *skb, struct pkt *p)
{
	void *data = pkt_data(skb);
	const struct tcphdr *l4 = plain_l4(data);
	const struct iphdr *ip = plain_ip(data);

	if ((void *)l4 + sizeof(struct udphdr) > pkt_end(skb) || skb->protocol != bpf_htons(ETH_P_IP))
		return false;
	p->proto = ip->protocol;
	if (*(const __u8 *)ip != PLAIN_IHL || ip->frag_off & ~bpf_htons(PKT_IP_DF))
		return false;
	p->len = bpf_ntohs(ip->tot_len);
	if (p->len > skb->len - ETH_HLEN)
		return false;
	p->l4_flags = 0;
	if (p->proto == IPPROTO_TCP) {
		if ((void *)(l4 + 1) > pkt_end(skb) || p->len < PKT_IP_MIN + sizeof(*l4))
			return false;
		p->l4_flags = ((const __u8 *)l4)[13];
		p->ack = bpf_ntohl(l4->ack_seq);
	} else if (p->proto != IPPROTO_UDP || p->len < PKT_IP_MIN + sizeof(struct udphdr)) {
		return false;
	}
	p->saddr = ip->saddr;
	p->daddr = ip->daddr;
	p->sport = l4->source;
	p->dport = l4->dest;
	p->id = p->new_id = ip->id;
	p->frag = bpf_ntohs(ip->frag_off);
	p->ttl = ip->ttl;
	p->l4_off = PLAIN_L4_OFF;
	return true;
}

/* Does it leave the flow's state as it is, and nobody is to be told anything? */
static __always_inline bool plain_flow(const struct pkt *p, const struct cv_flow *f)
{
	return p->ttl > 1 && !(f->flags & CV_FLOW_HOST) && flow_alive(p->now, f) && !flow_tcp_matters(p, f->state);
}

/*
 * As pkt_translate(), where we know what kind of checksum there is.  A
 * checksum of the whole packet the kernel keeps elsewhere: only it can adjust that.
 */
static __always_inline int plain_translate(struct __sk_buff *skb, const struct pkt *p,
					   enum pkt_side side, __be32 addr, __be16 port)
{
	__be32 old_addr = side == PKT_SOURCE ? p->saddr : p->daddr;
	__be16 old_port = side == PKT_SOURCE ? p->sport : p->dport;
	__u32 removed = csum_addr(old_addr), added = csum_addr(addr);
	struct iphdr *ip;
	struct tcphdr *l4;
	__u16 *check;
	__u8 summed;

	if (!cv_kernel_skb)
		return pkt_translate(skb, p, side, addr, port);
	summed = offload_summed(skb);
	if (summed == OFFLOAD_CHECKSUM_COMPLETE)
		return pkt_translate(skb, p, side, addr, port);

	ip = plain_ip(pkt_data(skb));
	l4 = (void *)(ip + 1);
	if ((void *)l4 + sizeof(struct udphdr) > pkt_end(skb))
		return CV_DROP_REWRITE;
	if (p->proto == IPPROTO_UDP) {
		check = &((struct udphdr *)l4)->check;
	} else {
		check = &l4->check;
		if ((void *)(l4 + 1) > pkt_end(skb))
			return CV_DROP_REWRITE;
	}
	/* A UDP checksum of zero is none. */
	if (p->proto == IPPROTO_TCP || *check) {
		/* A half-made one is of the addresses alone, and not inverted. */
		if (summed == OFFLOAD_CHECKSUM_PARTIAL)
			*check = ~csum_replace(~*check, removed, added);
		else
			*check = csum_replace(*check, removed + old_port, added + port);
		if (p->proto == IPPROTO_UDP && !*check)
			*check = 0xffff;
	}
	if (side == PKT_SOURCE) {
		removed += p->id;
		added += p->new_id;
		ip->id = p->new_id;
		ip->saddr = addr;
		l4->source = port;
	} else {
		ip->daddr = addr;
		l4->dest = port;
	}
	ip->check = csum_replace(ip->check, removed + bpf_htons(p->ttl << 8),
				 added + bpf_htons((p->ttl - 1) << 8));
	ip->ttl = p->ttl - 1;
	return 0;
}

/*
 * From a guest's port to the gateway: in its own name, nothing that concerns
 * DHCP, no checksum that the kernel would write where the guest likes.  The
 * source MAC has been looked at.
 */
static __always_inline int plain_from_guest(struct __sk_buff *skb, struct pkt *p,
					    const struct cv_port *port,
					    const struct cv_network *n)
{
	struct ethhdr *eth;
	struct pkt q = {};

	if (skb->vlan_present || !plain_read(skb, &q))
		return PLAIN_NO;
	if (q.proto == IPPROTO_UDP &&
	    (q.sport == GUARD_DHCP_SERVER_PORT || q.dport == GUARD_DHCP_SERVER_PORT ||
	     q.dport == GUARD_DHCP_CLIENT_PORT))
		return PLAIN_NO;
	if (q.saddr != port->ip || !q.saddr)
		return CV_DROP_SPOOFED_IP;
	eth = pkt_data(skb);
	if ((void *)(eth + 1) > pkt_end(skb) || !pkt_mac_equal(eth->h_dest, n->gateway_mac))
		return PLAIN_NO;
	if (offload_check(skb, &q))
		return PLAIN_NO;
	p->way = WAY_PEER;
	p->ifindex = n->ns_ifindex;
	return 0;
}

/* From the host end of the veth to the uplink of an established flow. */
static __noinline int plain_out(struct __sk_buff *skb, struct pkt *p)
{
	struct pkt q = { .net = p->net };
	struct cv_tuple key;
	struct cv_flow *f;
	__be32 addr;
	__be16 port;

	if (!plain_read(skb, &q))
		return PLAIN_NO;
	q.now = pkt_now();
	key = flow_out_key(&q);
	f = bpf_map_lookup_elem(&flows, &key);
#ifdef CV_BENCH_EXTRA_LOOKUP	/* that tools/bench/unit notices: tests/guest/instructions.t */
	f = bpf_map_lookup_elem(&flows, &key);
#endif
	p->no_flow = !f;
	if (!f || !plain_flow(&q, f) || !f->ifindex)
		return PLAIN_NO;
	if ((__u16)(q.now - f->route_tick) > CV_ROUTE_TICKS || skb->len - ETH_HLEN > f->mtu)
		return PLAIN_NO;
	addr = f->addr;
	port = f->port;
	p->ifindex = f->ifindex;
	/* Nobody behind reads what was there: these or the neighbour's are written over it. */
	if (flow_knows_macs(f) && !pkt_set_macs(skb, f->macs, f->macs + ETH_ALEN)) {
		p->way = WAY_LINK;
	} else {
		p->nexthop = f->nexthop;
		p->way = WAY_NEIGH;
	}
	if (!flow_same(f, flow_tag(&key)))
		return PLAIN_NO;
	frag_number(skb, &q);
	flow_note_out(skb, &q, f);
	return plain_translate(skb, &q, PKT_SOURCE, addr, port);
}

/* From an uplink into the network of an established flow, or to the host that it is for. */
static __always_inline int plain_in(struct __sk_buff *skb, struct pkt *p)
{
	struct cv_tuple key = {};
	struct pkt q = {};
	struct cv_flow *f;

	if (skb->vlan_present || skb->pkt_type != PKT_FOR_HOST || !plain_read(skb, &q))
		return PLAIN_NO;
	key.remote = q.saddr;
	key.rport = q.sport;
	if (!owner_meet(&q, q.proto, q.daddr, q.dport, &key)) {
		p->way = WAY_KERNEL;
		return 0;
	}
	q.now = pkt_now();
	f = bpf_map_lookup_elem(&flows, &key);
	p->no_flow = !f;
	if (!f || !plain_flow(&q, f) || f->slot != q.slot || f->port != q.dport || f->addr != q.daddr)
		return PLAIN_NO;
	if (!flow_same(f, flow_tag(&key)))
		return PLAIN_NO;
	flow_note_in(skb, &q, f);
	p->net = q.net;
	p->slot = q.slot;
	if (plain_translate(skb, &q, PKT_DESTINATION, key.local, key.lport))
		return CV_DROP_REWRITE;
	return fwd_into_network(skb, p);
}

#endif
