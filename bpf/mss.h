/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MSS clamping: the two ends of a connection agree on segments that fit the
 * path, so that it does not depend on ICMP that somebody filters.  SYN only.
 */
#ifndef CV_MSS_H
#define CV_MSS_H

#include "maps.h"

#define MSS_OPTION	2
#define MSS_HEADERS	40	/* IPv4 and TCP without options (RFC 6691) */
#define MSS_MAX_OPTIONS	10
#define MSS_OPTIONS_MAX	40

/* Put a smaller value at @off, from the start of the TCP header. */
static __always_inline int mss_store(struct __sk_buff *skb, const struct pkt *p, __u32 off,
				     __u16 from, __u16 to)
{
	__be16 value = bpf_htons(to), old = bpf_htons(from), new = value;

	/* At an odd place its two bytes count with their weights exchanged. */
	if (off & 1) {
		old = from;
		new = to;
	}
	if (bpf_l4_csum_replace(skb, p->l4_off + offsetof(struct tcphdr, check), old, new, 2) ||
	    bpf_skb_store_bytes(skb, p->l4_off + off, &value, sizeof(value), 0))
		return CV_DROP_REWRITE;
	return 0;
}

/* The options, in the per-CPU buffer.  Return: their bytes, 0 when there are none. */
static __always_inline __u32 mss_load(struct __sk_buff *skb, const struct pkt *p,
				      struct dhcp_scratch *s)
{
	__u8 doff;
	__u64 size;

	if (bpf_skb_load_bytes(skb, p->l4_off + 12, &doff, 1))
		return 0;
	size = (doff >> 4) * 4;
	if (size <= 20)
		return 0;
	size -= 20;
	PKT_OPAQUE(size);
	size = ((size - 1) & 63) + 1;
	if (bpf_skb_load_bytes(skb, p->l4_off + 20, s->options, size))
		return 0;
	return size;
}

/*
 * Let the SYN offer no more than fits @mtu.  What cannot be read is left alone.
 * Not static: the verifier checks it by itself, not again for each way here.
 */
__noinline int mss_clamp(struct __sk_buff *skb, struct pkt *p, __u32 mtu)
{
	__u32 zero = 0, size, len, mss;
	struct dhcp_scratch *s;
	__u8 kind;

	if (!p)
		return CV_DROP_REWRITE;
	s = bpf_map_lookup_elem(&dhcp_scratch, &zero);
	if (!s || mtu < 576)
		return 0;
	size = mss_load(skb, p, s);
	DHCP_VOLATILE(s->off) = 0;
	for (int i = 0; i < MSS_MAX_OPTIONS; i++) {
		__u32 off = DHCP_VOLATILE(s->off);

		if (off + 4 > size)
			return 0;
		kind = dhcp_byte(s, off);
		if (!kind)
			return 0;
		len = kind == 1 ? 1 : dhcp_byte(s, off + 1);
		if (kind == MSS_OPTION && len == 4) {
			mss = (__u32)dhcp_byte(s, off + 2) << 8 | dhcp_byte(s, off + 3);
			if (mss <= mtu - MSS_HEADERS)
				return 0;
			return mss_store(skb, p, 20 + (off & 63) + 2, mss, mtu - MSS_HEADERS);
		}
		if (!len)
			return 0;
		DHCP_VOLATILE(s->off) = off + len;
	}
	return 0;
}

static __always_inline bool mss_matters(const struct pkt *p)
{
	return p->proto == IPPROTO_TCP && p->l4_flags & PKT_TCP_SYN && pkt_first_fragment(p);
}

#endif
