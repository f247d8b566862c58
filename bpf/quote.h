/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP errors of others: the packet they quote tells whose they are, and is
 * translated back with them (RFC 5508 REQ-3 to REQ-5).  No flow is refreshed,
 * made or ended by one (RFC 5508 REQ-6, RFC 4787 REQ-12, RFC 5382 REQ-10).
 */
#ifndef CV_QUOTE_H
#define CV_QUOTE_H

#include "nat.h"

/**
 * struct quote - the quoted packet
 * @off:	of its IP header, from the start of the frame
 * @l4_off:	of its transport header
 * @side:	enum pkt_side: whose address and port in it are ours
 */
struct quote {
	__be32 saddr, daddr;
	__be16 sport, dport;
	__u16  off, l4_off;
	__be16 check;
	__u8   proto;
	__u8   side;
};

static __always_inline int quote_parse(struct __sk_buff *skb, const struct pkt *p,
				       struct quote *q)
{
	struct iphdr ip;
	__be16 l4[4];

	q->off = p->l4_off + sizeof(struct icmphdr);
	/* No error is so long that it need be fragmented (RFC 1812 section 4.3.2.3). */
	if (pkt_is_fragment(p) || bpf_skb_load_bytes(skb, q->off, &ip, sizeof(ip)) ||
	    ip.version != 4 || ip.ihl < 5)
		return CV_DROP_MALFORMED;
	q->saddr = ip.saddr;
	q->daddr = ip.daddr;
	q->check = ip.check;
	q->proto = ip.protocol;
	q->l4_off = q->off + ip.ihl * 4;
	q->sport = q->dport = 0;
	if (ip.frag_off & bpf_htons(PKT_IP_OFFSET))
		return CV_DROP_MALFORMED;
	if (!owner_has_ports(q->proto))
		return 0;
	if (bpf_skb_load_bytes(skb, q->l4_off, l4, sizeof(l4)))
		return CV_DROP_MALFORMED;
	if (q->proto == IPPROTO_ICMP) {
		q->sport = q->dport = l4[2];
		return *(__u8 *)l4 == ICMP_ECHO || *(__u8 *)l4 == ICMP_ECHOREPLY ?
		       0 : CV_DROP_ICMP_TYPE;
	}
	q->sport = l4[0];
	q->dport = l4[1];
	return 0;
}

/* Are the message's checksum and that of the quoted header right (RFC 5508 REQ-3)? */
static __noinline int quote_valid(struct __sk_buff *skb, const struct pkt *p, const struct quote *q)
{
	if (sum_bytes(skb, p->l4_off, p->len - (p->l4_off - PKT_IP_OFF)) != 0xffff ||
	    sum_bytes(skb, q->off, q->l4_off - q->off) != 0xffff)
		return CV_DROP_ICMP_CHECKSUM;
	return 0;
}

/*
 * Replace @size bytes (2 or 4) within the ICMP message, whose checksum follows.
 * Not in half-made checksums: nobody offloads ICMP's.
 */
static __always_inline int quote_replace(struct __sk_buff *skb, const struct pkt *p,
					 __u32 off, __u32 from, __u32 to, __u32 size)
{
	__u32 icmp_check = p->l4_off + offsetof(struct icmphdr, checksum);
	__be16 to2 = to;

	if (from == to)
		return 0;
	if (bpf_l4_csum_replace(skb, icmp_check, from, to, size))
		return CV_DROP_REWRITE;
	if (size == 2)
		return bpf_skb_store_bytes(skb, off, &to2, 2, 0) ? CV_DROP_REWRITE : 0;
	return bpf_skb_store_bytes(skb, off, &to, 4, 0) ? CV_DROP_REWRITE : 0;
}

/* The quoted transport checksum, where the quote is long enough to have it. */
static __always_inline int quote_l4_check(struct __sk_buff *skb, const struct pkt *p,
					  const struct quote *q, __u32 removed, __u32 added)
{
	__u32 off = q->l4_off + pkt_csum_off(q->proto);
	__be16 check, next;

	if (!owner_has_ports(q->proto) || bpf_skb_load_bytes(skb, off, &check, sizeof(check)))
		return 0;
	if (q->proto == IPPROTO_UDP && !check)
		return 0;
	next = csum_replace(check, removed, added);
	if (q->proto == IPPROTO_UDP && !next)
		next = 0xffff;	/* zero would say that there is none */
	return quote_replace(skb, p, off, check, next, 2);
}

/* Give the quoted packet the address and port @addr, @port on its q->side. */
static __noinline int quote_translate(struct __sk_buff *skb, const struct pkt *p,
				      const struct quote *q, __be32 addr, __u32 port)
{
	bool source = q->side == PKT_SOURCE;
	__be32 old_addr = source ? q->saddr : q->daddr;
	__be16 old_port = source ? q->sport : q->dport, new_port = port;
	__u32 port_off = q->proto == IPPROTO_ICMP ? 4 : source ? 0 : 2;
	__u32 addr_off = source ? offsetof(struct iphdr, saddr) : offsetof(struct iphdr, daddr);
	__u32 pseudo = q->proto == IPPROTO_ICMP ? 0 : 1;
	__be16 check = csum_replace(q->check, csum_addr(old_addr), csum_addr(addr));

	if (quote_l4_check(skb, p, q, pseudo * csum_addr(old_addr) + old_port,
			   pseudo * csum_addr(addr) + new_port) ||
	    quote_replace(skb, p, q->l4_off + port_off, old_port, new_port, 2) ||
	    quote_replace(skb, p, q->off + addr_off, old_addr, addr, 4) ||
	    quote_replace(skb, p, q->off + offsetof(struct iphdr, check), q->check, check, 2))
		return CV_DROP_REWRITE;
	return 0;
}

/* Someone outside reports an error about a packet that we sent. */
__noinline int quote_in(struct __sk_buff *skb, struct pkt *p)
{
	struct quote q = { .side = PKT_SOURCE };
	struct cv_tuple key = {};
	struct cv_flow *f;
	int drop;

	if (!p)
		return CV_DROP_REWRITE;
	p->way = WAY_KERNEL;
	if (quote_parse(skb, p, &q) || q.saddr != p->daddr)
		return 0;
	key.remote = q.daddr;
	key.rport = q.proto == IPPROTO_ICMP ? 0 : q.dport;
	if (!owner_meet(p, q.proto, q.saddr, q.sport, &key))
		return 0;
	f = bpf_map_lookup_elem(&flows, &key);
	if (!f || !flow_alive(p->now, f) || f->flags & CV_FLOW_HOST || f->slot != p->slot)
		return 0;
	if (p->ttl <= 1)
		return CV_DROP_TTL;
	drop = quote_valid(skb, p, &q);
	if (!drop)
		drop = quote_translate(skb, p, &q, key.local, key.lport);
	if (drop)
		return drop;
	drop = pkt_translate(skb, p, PKT_DESTINATION, key.local, p->dport);
	return drop ? drop : fwd_into_network(skb, p);
}

/* A guest reports an error about a packet it received. */
__noinline int quote_out(struct __sk_buff *skb, struct pkt *p)
{
	struct cv_flow *out;
	struct quote q = { .side = PKT_DESTINATION };
	struct cv_tuple key;
	__be32 addr, guest;
	__u32 net;
	int drop;

	if (!p)
		return CV_DROP_REWRITE;
	drop = quote_parse(skb, p, &q);
	if (drop)
		return drop;
	key = (struct cv_tuple) {
		.local = q.daddr, .remote = q.saddr, .lport = q.dport,
		.rport = q.proto == IPPROTO_ICMP ? 0 : q.sport,
		.proto = q.proto, .net = p->net,
	};
	out = bpf_map_lookup_elem(&flows, &key);
	/* About another guest's packet, none that we know, or not to its sender. */
	if (!out || !flow_alive(p->now, out) || key.local != p->saddr || p->daddr != q.saddr)
		return CV_DROP_ICMP_NO_FLOW;
	if (out->flags & CV_FLOW_HOST && out->flags & CV_FLOW_LOCAL)
		return CV_DROP_ICMP_NO_FLOW;
	if (out->flags & CV_FLOW_HOST) {
		p->way = WAY_KERNEL;
		bpf_skb_change_type(skb, PKT_FOR_HOST);
		return 0;
	}
	if (p->ttl <= (out->ifindex ? 1 : 2))
		return CV_DROP_TTL;
	addr = out->addr;
	guest = p->saddr;
	frag_number(skb, p);
	drop = quote_valid(skb, p, &q);
	if (!drop)
		drop = quote_translate(skb, p, &q, addr, out->port);
	if (!drop)
		drop = pkt_translate(skb, p, PKT_SOURCE, addr, p->sport);
	if (drop)
		return drop;
	if (out->ifindex) {
		fwd_uplink(p, out);
		return 0;
	}
	/* About a hairpin: to the other guest, as if it came from outside (REQ-7). */
	p->saddr = addr;
	p->ttl--;
	net = p->net;
	drop = quote_in(skb, p);
	if (!drop && p->way != WAY_KERNEL)
		return 0;
	/* It counts as the sender's. */
	p->saddr = guest;
	p->net = net;
	p->slot = 0;
	return drop ? drop : CV_DROP_ICMP_NO_FLOW;
}

#endif
