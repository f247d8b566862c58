/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: fragmentation
 *
 * A packet that is larger than its way out and may be fragmented (RFC 791, RFC
 * 4787 REQ-13a) is cut in two: what fits goes on, the rest enters again where
 * the packet came in, as a fragment like any, behind it, and is cut in its
 * turn.  So the parts leave in order, one by one, by the road of all packets.
 */
#ifndef CV_SPLIT_H
#define CV_SPLIT_H

#include "frag.h"
#include "offload.h"
#include "sum.h"

#define SPLIT_MIN_MTU	128	/* more than the longest headers */

#define SPLIT_COPIED	0x80	/* an IP option that is in every fragment */
#define SPLIT_END	0
#define SPLIT_NOP	1

/* A checksum that the guest left to the kernel covers all parts: write it now. */
static __always_inline int split_checksum(struct __sk_buff *skb, const struct pkt *p)
{
	__u32 off = p->l4_off + pkt_csum_off(p->proto);
	int sum;
	__u16 check;

	if (!offload_is_partial(skb))
		return 0;
	sum = sum_bytes(skb, p->l4_off, p->len - (p->l4_off - PKT_IP_OFF));
	if (sum < 0)
		return CV_DROP_REWRITE;
	check = ~sum;
	if (p->proto == IPPROTO_UDP && !check)
		check = 0xffff;
	return bpf_skb_store_bytes(skb, off, &check, sizeof(check), 0) ? CV_DROP_REWRITE : 0;
}

struct split_walk {
	struct cv_scratch *s;
	__u32 l4_off;
	__u32 left;	/* of the option that was begun, bytes */
	__u32 copied;
};

static long split_option_byte(__u32 i, struct split_walk *w)
{
	__u32 at = ETH_HLEN + 20 + i;
	__u8 *byte = &w->s->head[(at + 2) & 127];

	if (at >= w->l4_off)
		return 1;
	if (!w->left) {
		if (*byte == SPLIT_END)
			return 1;
		/* No room for its length: nobody reads on. */
		if (*byte != SPLIT_NOP && at + 1 >= w->l4_off)
			return 1;
		w->copied = *byte & SPLIT_COPIED;
		w->left = *byte == SPLIT_NOP ? 1 : w->s->head[(at + 3) & 127];
		if (!w->left)
			return 1;
	}
	if (!w->copied)
		*byte = SPLIT_NOP;
	w->left--;
	return 0;
}

/* Options that later fragments do not carry become padding. */
static __always_inline void split_options(struct cv_scratch *s, __u32 l4_off)
{
	struct split_walk w = { .s = s, .l4_off = l4_off };

	if (l4_off > ETH_HLEN + 20)
		bpf_loop(40, split_option_byte, &w, 0);
}

/* The header of one part, at the front of the packet. */
static __always_inline int split_header(struct __sk_buff *skb, struct cv_scratch *s,
					__u32 l4_off, __u32 len, __u32 frag)
{
	struct iphdr *ip = (void *)(s->head + 2 + ETH_HLEN);
	__u64 size = l4_off - ETH_HLEN;
	__s64 sum;

	ip->tot_len = bpf_htons(len);
	ip->frag_off = bpf_htons(frag);
	ip->check = 0;
	PKT_OPAQUE(size);
	size = ((size - 20) & 0x3c) + 20;
	if (size > 60)
		return CV_DROP_REWRITE;
	sum = bpf_csum_diff(NULL, 0, (void *)ip, size, 0);
	ip->check = csum_fold(sum);
	return bpf_skb_store_bytes(skb, 0, s->head + 2, size + ETH_HLEN, 0) ? CV_DROP_REWRITE : 0;
}

/* The others will ask for this one's ports. */
static __always_inline int split_first(struct pkt *p)
{
	struct frag_ask a = frag_question(p, p->net, FRAG_FIRST);

	if (pkt_is_fragment(p))
		return 0;
	if (frag_counted(p, &a) & FRAG_FULL)
		return CV_DROP_FRAGMENT_LIMIT;
	p->new_id = bpf_htons(a.id);
	return 0;
}

/*
 * Cut @p, whose DF is clear, to @mtu bytes; not for GSO.  Not static: the
 * verifier checks it by itself.  Return: 0, @p and @skb are the first part
 * then; or a drop reason.
 */
__noinline int split_packet(struct __sk_buff *skb, struct pkt *p, __u32 mtu)
{
	__u32 zero = 0, hlen, frag, whole;
	struct cv_scratch *s;
	__u64 size, head;

	if (!p)
		return CV_DROP_REWRITE;
	hlen = p->l4_off - PKT_IP_OFF;
	s = bpf_map_lookup_elem(&scratch, &zero);
	if (!s || mtu < SPLIT_MIN_MTU || hlen > 60)
		return CV_DROP_TOO_BIG;
	whole = p->len;
	frag = p->frag;
	if (whole <= mtu)	/* padding behind the packet */
		return bpf_skb_change_tail(skb, PKT_IP_OFF + whole, 0) ? CV_DROP_REWRITE : 0;
	if (split_first(p))
		return CV_DROP_FRAGMENT_LIMIT;
	if (!pkt_is_fragment(p) && split_checksum(skb, p))
		return CV_DROP_REWRITE;

	size = (mtu - hlen) & ~7U;
	if (size > CV_PART_BYTES)
		size = CV_PART_BYTES;
	head = hlen - PKT_IP_MIN;
	PKT_OPAQUE(head);
	PKT_OPAQUE(size);
	/* For the verifier, whatever the compiler makes of the checks above. */
	head = (head & 0x3f) + PKT_IP_OFF + PKT_IP_MIN;
	if (size < 64 || size > CV_PART_BYTES ||
	    bpf_skb_load_bytes(skb, 0, s->head + 2, head) ||
	    bpf_skb_load_bytes(skb, p->l4_off, s->part, size) ||
	    bpf_skb_adjust_room(skb, -(__s32)size, BPF_ADJ_ROOM_NET, 0))
		return CV_DROP_REWRITE;

	__builtin_memcpy(s->first, s->head + 2 + 34, sizeof(s->first));
	split_options(s, p->l4_off);
	if (split_header(skb, s, p->l4_off, whole - size, frag + size / 8) ||
	    bpf_clone_redirect(skb, skb->ifindex, BPF_F_INGRESS))
		return CV_DROP_REWRITE;

	__builtin_memcpy(s->head + 2 + 34, s->first, sizeof(s->first));
	p->len = hlen + size;
	p->frag |= PKT_IP_MF;
	if (bpf_skb_change_tail(skb, p->l4_off + size, 0) ||
	    split_header(skb, s, p->l4_off, p->len, p->frag) ||
	    bpf_skb_store_bytes(skb, p->l4_off, s->part, size, 0))
		return CV_DROP_REWRITE;
	return 0;
}

#endif
