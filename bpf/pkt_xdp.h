/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A frame that has no skb yet: read, verified and changed in place.  What XDP
 * does not take is not an error here, so these tell by a bool.
 */
#ifndef CV_PKT_XDP_H
#define CV_PKT_XDP_H

#include "pkt.h"

#define PKT_XDP_L4	(PKT_IP_OFF + PKT_IP_MIN)	/* no IP options on this road */
#define PKT_XDP_MAX	1514	/* of a frame: what Ethernet carries, and the sum's loop ends at */
#define PKT_XDP_KIND	0x3f	/* TCP flags FIN to URG; not those of congestion */
#define PKT_XDP_PADDED	64	/* a shorter frame may be padded */

/* The frame's ends, read as pkt_data() and pkt_end() do it, for their reason. */
static __always_inline void *pkt_xdp_data(const struct xdp_md *ctx)
{
	void *data;

	asm volatile("%0 = *(u32 *)(%1 + %2)" : "=r"(data)
		     : "r"(ctx), "i"(offsetof(struct xdp_md, data)));
	return data;
}

static __always_inline void *pkt_xdp_end(const struct xdp_md *ctx)
{
	void *end;

	asm volatile("%0 = *(u32 *)(%1 + %2)" : "=r"(end)
		     : "r"(ctx), "i"(offsetof(struct xdp_md, data_end)));
	return end;
}

/* Of a frame in one piece.  A driver may split a long one; then it is longer than this. */
static __always_inline __u32 pkt_xdp_len(const struct xdp_md *ctx)
{
	return pkt_xdp_end(ctx) - pkt_xdp_data(ctx);
}

/*
 * Read a frame for @mac with an IPv4 packet in one piece, whole, without
 * options and of the length that it says.  False: it is something else.
 */
static __always_inline bool pkt_xdp_parse_ip(struct xdp_md *ctx, struct pkt *p, const __u8 *mac)
{
	struct ethhdr *eth = pkt_xdp_data(ctx);
	struct iphdr *ip = (void *)(eth + 1);
	__u32 len = pkt_xdp_len(ctx);

	if ((void *)(ip + 1) > pkt_xdp_end(ctx))
		return false;
	if (eth->h_proto != bpf_htons(ETH_P_IP) || !pkt_mac_equal(eth->h_dest, mac) ||
	    *(__u8 *)ip != 0x45 || ip->frag_off & bpf_htons(PKT_IP_MF | PKT_IP_OFFSET))
		return false;
	p->len = bpf_ntohs(ip->tot_len);
	if (len > PKT_XDP_MAX || bpf_xdp_get_buff_len(ctx) != len || p->len + PKT_IP_OFF > len ||
	    (len > PKT_XDP_PADDED && p->len + PKT_IP_OFF != len))
		return false;
	p->saddr = ip->saddr;
	p->daddr = ip->daddr;
	p->proto = ip->protocol;
	p->ttl = ip->ttl;
	p->l4_off = PKT_XDP_L4;
	return true;
}

/* Read ports and TCP's flags.  *ret_payload: bytes behind the transport header. */
static __always_inline bool pkt_xdp_parse_l4(struct xdp_md *ctx, struct pkt *p,
					     __u32 *ret_payload)
{
	__u32 len = p->len - PKT_IP_MIN, head = sizeof(struct udphdr);
	struct udphdr *udp = pkt_xdp_data(ctx) + PKT_XDP_L4;
	struct tcphdr *tcp = (void *)udp;

	if ((void *)(udp + 1) > pkt_xdp_end(ctx) || p->len < PKT_IP_MIN + head)
		return false;
	p->sport = udp->source;
	p->dport = udp->dest;
	if (p->proto == IPPROTO_TCP) {
		if ((void *)(tcp + 1) > pkt_xdp_end(ctx) || len < sizeof(*tcp))
			return false;
		p->l4_flags = ((__u8 *)tcp)[13];
		head = tcp->doff * 4;
		if (head < sizeof(*tcp) || head > len)
			return false;
	} else if (p->proto != IPPROTO_UDP || bpf_ntohs(udp->len) != len) {
		return false;
	}
	*ret_payload = len - head;
	return true;
}

/* Where the transport checksum is, in the frame or not. */
static __always_inline __be16 *pkt_xdp_check(struct xdp_md *ctx, const struct pkt *p)
{
	__u32 off = p->proto == IPPROTO_TCP ? offsetof(struct tcphdr, check) :
					      offsetof(struct udphdr, check);

	return pkt_xdp_data(ctx) + PKT_XDP_L4 + off;
}

/* 32-bit words of @bytes, a multiple of 8, added up. */
static __always_inline __u64 pkt_xdp_words(const void *at, __u32 bytes)
{
	const __u32 *word = at;
	__u64 sum = 0;

#pragma unroll
	for (__u32 i = 0; i < bytes / 4; i++)
		sum += word[i];
	return sum;
}

#define PKT_XDP_ADD(bytes, value)						\
	if (left & (bytes) && at + (bytes) <= end) {				\
		sum += (value);							\
		at += (bytes);							\
	}

/* Add up the transport header and what follows, as words; p->len is true. */
static __always_inline __u64 pkt_xdp_sum_l4(struct xdp_md *ctx, const struct pkt *p)
{
	const void *at = pkt_xdp_data(ctx) + PKT_XDP_L4;
	const void *end = pkt_xdp_end(ctx);
	__u32 left = p->len - PKT_IP_MIN;
	__u64 sum = 0;

	for (int i = 0; i < PKT_XDP_MAX / 64 && left >= 64 && at + 64 <= end; i++) {
		sum += pkt_xdp_words(at, 64);
		at += 64;
		left -= 64;
	}
	PKT_XDP_ADD(32, pkt_xdp_words(at, 32));
	PKT_XDP_ADD(16, pkt_xdp_words(at, 16));
	PKT_XDP_ADD(8, pkt_xdp_words(at, 8));
	PKT_XDP_ADD(4, *(const __u32 *)at);
	PKT_XDP_ADD(2, *(const __u16 *)at);
	PKT_XDP_ADD(1, bpf_htons(*(const __u8 *)at << 8));	/* of a word whose rest is zero */
	return sum;
}

static __always_inline __u16 pkt_xdp_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	return csum_fold_sum(csum_fold_sum(sum));
}

/*
 * Is the transport checksum there and right?  XDP is not told where the kernel
 * has yet to write one (CHECKSUM_PARTIAL, from a sender on this machine): such
 * a packet carries the sum of the pseudo header in its place.  Where both are
 * the same number, it cannot be told which is meant, and the answer is no.
 */
static __always_inline bool pkt_xdp_sum_right(struct xdp_md *ctx, const struct pkt *p)
{
	__be16 *check = pkt_xdp_check(ctx, p);
	__u32 pseudo = csum_addr(p->saddr) + csum_addr(p->daddr) + bpf_htons(p->proto) +
		       bpf_htons(p->len - PKT_IP_MIN);

	if ((void *)(check + 1) > pkt_xdp_end(ctx) || *check == csum_fold_sum(pseudo))
		return false;
	if (p->proto == IPPROTO_UDP && !*check)
		return true;
	return pkt_xdp_fold(pkt_xdp_sum_l4(ctx, p) + pseudo) == 0xffff;
}

/* As pkt_translate() does it with a destination, and both MACs. */
static __always_inline void pkt_xdp_translate(struct xdp_md *ctx, const struct pkt *p, __be32 addr,
					      __be16 port, const __u8 *dst, const __u8 *src)
{
	struct ethhdr *eth = pkt_xdp_data(ctx);
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *l4 = (void *)(ip + 1);
	__be16 *check = pkt_xdp_check(ctx, p);

	if ((void *)(l4 + 1) > pkt_xdp_end(ctx) || (void *)(check + 1) > pkt_xdp_end(ctx))
		return;		/* was read before */
	if (p->proto != IPPROTO_UDP || *check) {
		*check = csum_replace(*check, csum_addr(p->daddr) + p->dport, csum_addr(addr) + port);
		/* Of UDP a zero would say that there is none (RFC 768). */
		if (p->proto == IPPROTO_UDP && !*check)
			*check = 0xffff;
	}
	ip->check = csum_replace(ip->check, csum_addr(p->daddr) + bpf_htons(p->ttl << 8),
				 csum_addr(addr) + bpf_htons((p->ttl - 1) << 8));
	ip->ttl = p->ttl - 1;
	ip->daddr = addr;
	l4->dest = port;
	pkt_mac_copy(eth->h_dest, dst);
	pkt_mac_copy(eth->h_source, src);
}

#endif
