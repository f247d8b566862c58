/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: plain packets
 *
 * Nearly all packets are TCP or UDP of an established flow, whole, without IP
 * options, and change nothing but counters and addresses.  For these each
 * program asks all its questions at once, with one bounds check and no helper
 * that can be spared.  What is not plain goes through the stages, which know
 * everything; so nothing is written before the last question, and each "no" is
 * right.  A plain packet leaves as the stages would have sent it: the model and
 * the tables cannot tell which way it went.
 */
#ifndef CV_PLAIN_H
#define CV_PLAIN_H

#include "nat.h"
#include "offload.h"

#define PLAIN_NO	(-1)	/* not plain: the stages have it, as it came */
#define PLAIN_IHL	0x45	/* version 4, 20 bytes */

/* The front of a plain packet; all that is read and written. */
struct plain_frame {
	struct ethhdr eth;
	struct iphdr ip;
	__be16 source;
	__be16 dest;
	__u8   more[4];
} __attribute__((packed));

struct plain_tcp {
	struct plain_frame front;
	__be32 ack;
	__u8   doff;
	__u8   flags;
	__u8   rest[6];
} __attribute__((packed));

/* Read the headers.  False: not plain. */
static __always_inline bool plain_read(const struct __sk_buff *skb, struct pkt *p)
{
	const struct plain_frame *f = pkt_data(skb);
	const struct plain_tcp *tcp = (void *)f;

	if ((void *)(f + 1) > pkt_end(skb) || skb->protocol != bpf_htons(ETH_P_IP))
		return false;
	if (*(const __u8 *)&f->ip != PLAIN_IHL || f->ip.frag_off & ~bpf_htons(PKT_IP_DF))
		return false;
	p->proto = f->ip.protocol;
	p->len = bpf_ntohs(f->ip.tot_len);
	if (p->len > skb->len - ETH_HLEN)
		return false;
	p->l4_flags = 0;
	if (p->proto == IPPROTO_TCP) {
		if ((void *)(tcp + 1) > pkt_end(skb) || p->len < PKT_IP_MIN + sizeof(struct tcphdr))
			return false;
		p->l4_flags = tcp->flags;
		p->ack = bpf_ntohl(tcp->ack);
	} else if (p->proto != IPPROTO_UDP || p->len < PKT_IP_MIN + sizeof(struct udphdr)) {
		return false;
	}
	p->saddr = f->ip.saddr;
	p->daddr = f->ip.daddr;
	p->sport = f->source;
	p->dport = f->dest;
	p->id = p->new_id = f->ip.id;
	p->frag = bpf_ntohs(f->ip.frag_off);
	p->ttl = f->ip.ttl;
	p->l4_off = ETH_HLEN + PKT_IP_MIN;
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
	__u32 removed = csum_addr(old_addr), added = csum_addr(addr), off;
	struct plain_frame *f;
	__u8 summed;
	__u16 *check;

	if (!cv_kernel_skb)
		return pkt_translate(skb, p, side, addr, port);
	summed = offload_summed(skb);
	if (summed == OFFLOAD_CHECKSUM_COMPLETE)
		return pkt_translate(skb, p, side, addr, port);

	f = pkt_data(skb);
	off = p->proto == IPPROTO_TCP ? offsetof(struct tcphdr, check) : offsetof(struct udphdr, check);
	check = (void *)&f->source + off;
	if ((void *)(f + 1) > pkt_end(skb) || (void *)(check + 1) > pkt_end(skb))
		return CV_DROP_REWRITE;
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
		f->ip.id = p->new_id;
		f->ip.saddr = addr;
		f->source = port;
	} else {
		f->ip.daddr = addr;
		f->dest = port;
	}
	f->ip.check = csum_replace(f->ip.check, removed + bpf_htons(p->ttl << 8),
				   added + bpf_htons((p->ttl - 1) << 8));
	f->ip.ttl = p->ttl - 1;
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
	const struct plain_frame *f = pkt_data(skb);
	struct pkt q = {};

	if (skb->vlan_present || !plain_read(skb, &q))
		return PLAIN_NO;
	if (q.proto == IPPROTO_UDP &&
	    (q.sport == GUARD_DHCP_SERVER_PORT || q.dport == GUARD_DHCP_SERVER_PORT ||
	     q.dport == GUARD_DHCP_CLIENT_PORT))
		return PLAIN_NO;
	if (q.saddr != port->ip || !q.saddr)
		return CV_DROP_SPOOFED_IP;
	if ((void *)(f + 1) > pkt_end(skb) || !pkt_mac_equal(f->eth.h_dest, n->gateway_mac))
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
	p->nexthop = f->nexthop;
	if (!flow_same(f, flow_tag(&key)))
		return PLAIN_NO;
	frag_number(skb, &q);
	flow_note_out(skb, &q, f);
	p->way = WAY_NEIGH;
	return plain_translate(skb, &q, PKT_SOURCE, addr, port);
}

/* From an uplink into the network of an established flow, or to the host that it is for. */
static __always_inline int plain_in(struct __sk_buff *skb, struct pkt *p)
{
	struct cv_tuple key = {};
	struct pkt q = {};
	struct cv_flow *f;
	__u32 base;

	if (skb->vlan_present || skb->pkt_type != PKT_FOR_HOST || !plain_read(skb, &q))
		return PLAIN_NO;
	q.now = pkt_now();
	base = external_base(q.daddr, q.proto);
	if (base == EXTERNAL_NONE)
		return PLAIN_NO;
	key.remote = q.saddr;
	key.rport = q.sport;
	if (!owner_fill(&q, owner_of_port(base, q.dport), q.proto, &key)) {
		p->way = WAY_KERNEL;
		return 0;
	}
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
