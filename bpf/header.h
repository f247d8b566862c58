/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The IP header of a packet that leaves a network: no route of the sender's own
 * choice, which could carry addresses from inside (RFC 7126 section 4.3), and a
 * right checksum (RFC 1812 section 5.2.2).  That is looked at where there are
 * options and where a flow is made: in between a wrong one stays wrong, as it is
 * corrected by the difference only, and the next router drops the packet.
 */
#ifndef CV_HEADER_H
#define CV_HEADER_H

#include "sum.h"

#define HEADER_END	0
#define HEADER_NOP	1
#define HEADER_LSRR	131
#define HEADER_SSRR	137

struct header_walk {
	struct cv_scratch *s;
	__u32 off, end;
	__u32 routed;
};

static __always_inline __u8 header_byte(struct header_walk *w, __u32 off)
{
	PKT_OPAQUE(off);
	return w->s->head[off & 63];
}

static long header_option(__u32 i, struct header_walk *w)
{
	__u8 kind = header_byte(w, w->off), len;

	if (w->off >= w->end || kind == HEADER_END)
		return 1;
	w->routed |= kind == HEADER_LSRR || kind == HEADER_SSRR;
	len = kind == HEADER_NOP ? 1 : header_byte(w, w->off + 1);
	w->off += len;
	return !len;
}

/* A header with options.  Not static: the verifier checks it by itself. */
__noinline int header_options(struct __sk_buff *skb, __u32 hlen)
{
	struct header_walk w = { .off = PKT_IP_MIN, .end = hlen };
	__u64 size = hlen;
	__u32 zero = 0;

	if (sum_bytes(skb, PKT_IP_OFF, hlen) != 0xffff)
		return CV_DROP_MALFORMED;
	w.s = bpf_map_lookup_elem(&scratch, &zero);
	PKT_OPAQUE(size);
	size = ((size - 1) & 63) + 1;
	if (!w.s || bpf_skb_load_bytes(skb, PKT_IP_OFF, w.s->head, size))
		return CV_DROP_MALFORMED;
	bpf_loop(60 - PKT_IP_MIN, header_option, &w, 0);
	return w.routed ? CV_DROP_SOURCE_ROUTE : 0;
}

static __always_inline bool header_has_options(const struct pkt *p)
{
	return p->l4_off != PKT_IP_OFF + PKT_IP_MIN;
}

/* The sum over a header without options. */
static __always_inline __u16 header_sum(const struct __sk_buff *skb)
{
	const __u32 *word = pkt_data(skb) + PKT_IP_OFF;
	__u64 sum = 0;

	if ((void *)word + PKT_IP_MIN > pkt_end(skb))
		return 0;
#pragma unroll
	for (int i = 0; i < PKT_IP_MIN / 4; i++)
		sum += word[i];
	return csum_fold_sum((sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32));
}

/* Before a flow is made for it. */
static __always_inline int header_check(struct __sk_buff *skb, const struct pkt *p)
{
	if (!header_has_options(p))
		return header_sum(skb) == 0xffff ? 0 : CV_DROP_MALFORMED;
	return sum_bytes(skb, PKT_IP_OFF, p->l4_off - PKT_IP_OFF) == 0xffff ? 0 :
	       CV_DROP_MALFORMED;
}

#endif
