/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP errors of our own: the packet that caused one becomes it.
 */
#ifndef CV_ICMP_H
#define CV_ICMP_H

#include "maps.h"

#define ICMP_QUOTE_MAX	68	/* longest IPv4 header and 8 bytes (RFC 792) */

struct icmp_frame {
	struct ethhdr eth;
	__u16 align;	/* cut off when the frame is written: keeps the rest aligned */
	struct iphdr ip;
	struct icmphdr icmp;
	__u8 quote[ICMP_QUOTE_MAX];
};

/* May this guest cause another error in this tick?  Of its own: a neighbour's are not taken. */
static __always_inline bool icmp_allowed(__u32 slot, __u32 now)
{
	struct cv_use *use = bpf_map_lookup_elem(&port_use, &slot);

	if (!use)
		return false;
	if (use->error_tick != now) {
		use->error_tick = now;
		use->errors = 0;
	}
	if (use->errors >= CV_ICMP_ERRORS_PER_TICK) {
		TOTAL_ADD(icmp_errors_held, 1);
		return false;
	}
	use->errors++;
	return true;
}

/* Errors are not sent about errors, later fragments and doubtful sources (RFC 1122). */
static __always_inline bool icmp_may_answer(const struct pkt *p)
{
	if (!pkt_first_fragment(p) || !p->saddr)
		return false;
	return p->proto != IPPROTO_ICMP || p->l4_flags == ICMP_ECHO ||
	       p->l4_flags == ICMP_ECHOREPLY;
}

/* Fill the headers around a quote of @len bytes. */
static __always_inline void icmp_fill(struct icmp_frame *f, const struct pkt *p,
				      __be32 source, __u8 type, __u8 code,
				      __u16 mtu, __u32 len)
{
	__s64 sum;

	f->ip.version = 4;
	f->ip.ihl = 5;
	f->ip.tot_len = bpf_htons(sizeof(f->ip) + sizeof(f->icmp) + len);
	f->ip.frag_off = bpf_htons(PKT_IP_DF);	/* so that it needs no number of its own */
	f->ip.ttl = 64;
	f->ip.protocol = IPPROTO_ICMP;
	f->ip.saddr = source;
	f->ip.daddr = p->saddr;
	sum = bpf_csum_diff(NULL, 0, (void *)&f->ip, sizeof(f->ip), 0);
	f->ip.check = csum_fold(sum);

	f->icmp.type = type;
	f->icmp.code = code;
	f->icmp.un.frag.mtu = bpf_htons(mtu);
	sum = bpf_csum_diff(NULL, 0, (void *)&f->icmp, sizeof(f->icmp), 0);
	/* All of it, as the rest is zero: up to Linux 6.12 at least it must be of whole words. */
	sum = bpf_csum_diff(NULL, 0, (void *)f->quote, sizeof(f->quote), sum);
	f->icmp.checksum = csum_fold(sum);
}

/*
 * Turn the packet into an ICMP error from @source to its sender.  The caller
 * has counted the drop; what leaves is a new packet.  Return: 0, or -1 when
 * none is to be sent.
 */
static __noinline int icmp_error(struct __sk_buff *skb, const struct pkt *p,
				 __be32 source, __u32 type_code, __u32 mtu)
{
	struct icmp_frame f = { .eth.h_proto = bpf_htons(ETH_P_IP) };
	__u64 len = p->l4_off - PKT_IP_OFF + 8;

	if (len > p->len)
		len = p->len;	/* other protocols may have less behind their header */
	if (!icmp_may_answer(p) || !icmp_allowed(p->slot, p->now))
		return -1;
	PKT_OPAQUE(len);
	if (len > ICMP_QUOTE_MAX || len < 20)
		return -1;
	if (bpf_skb_load_bytes(skb, PKT_IP_OFF, f.quote, len))
		return -1;
	icmp_fill(&f, p, source, type_code >> 8, type_code, mtu, len);

	if (pkt_renew(skb, ETH_HLEN + sizeof(f.ip) + sizeof(f.icmp) + len) ||
	    bpf_skb_store_bytes(skb, 0, &f.eth, sizeof(f.eth), BPF_F_RECOMPUTE_CSUM) ||
	    bpf_skb_store_bytes(skb, PKT_IP_OFF, &f.ip,
				sizeof(f.ip) + sizeof(f.icmp) + len, BPF_F_RECOMPUTE_CSUM))
		return -1;
	TOTAL_ADD(icmp_errors_sent, 1);
	return 0;
}

#define ICMP_TYPE_CODE(type, code)	((type) << 8 | (code))

#endif
