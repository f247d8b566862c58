/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A frame becomes a struct pkt here, and changes of its bytes happen here: the
 * only code that does arithmetic with packet pointers.
 */
#ifndef CV_PKT_H
#define CV_PKT_H

#include <linux/bpf.h>
#include <linux/icmp.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stddef.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <culvert/abi.h>
#include <culvert/defaults.h>

#include "csum.h"

#define PKT_IP_OFF	ETH_HLEN
#define PKT_IP_MIN	((int)sizeof(struct iphdr))

#define PKT_TCP_FIN	0x01
#define PKT_TCP_SYN	0x02
#define PKT_TCP_RST	0x04
#define PKT_TCP_ACK	0x10

#define PKT_IP_MF	0x2000
#define PKT_IP_DF	0x4000
#define PKT_IP_OFFSET	0x1fff

#define PKT_FOR_HOST	0	/* skb->pkt_type: PACKET_HOST */

/* How a packet leaves a program when it is not dropped; verdict.h does it. */
enum pkt_way {
	WAY_NONE,	/* not decided: the next stage has it */
	WAY_KERNEL,	/* to whom it would go without us */
	WAY_LINK,	/* out of a link */
	WAY_PEER,	/* into the other end of a veth, or out of the near end */
	WAY_NEIGH,	/* out of a link, its neighbour resolved by the kernel */
	WAY_CONSUMED,	/* it has served its purpose: no drop */
};

/* Does the destination belong to one guest, all ports of it? */
enum pkt_whole {
	PKT_SHARED,	/* no: each port has its owner */
	PKT_WHOLE,	/* and who comes unasked needs a rule that lets him in */
	PKT_WHOLE_OPEN,	/* and he is let in */
};

/**
 * struct pkt - what the stages know of a packet
 * @saddr, @daddr, @sport, @dport: as in the frame; an ICMP echo has its
 *		identifier in both ports
 * @new_id:	what @id becomes on its way out
 * @len:	total length of the IP header
 * @frag:	fragment field of the header, host order: PKT_IP_MF, _DF, _OFFSET
 * @l4_off:	of the transport header, from the start of the frame
 * @l4_flags:	TCP flags, or the ICMP type
 * @whole:	enum pkt_whole
 * @mtu:	of the way out, for an ICMP error; 0 while not known
 * @no_flow:	its flow has just been looked for, and there is none
 * @now:	ticks
 * @seq, @ack:	of TCP, host order
 * @net, @slot:	0 while not known
 * @way, @ifindex, @nexthop: how it leaves
 */
struct pkt {
	__be32 saddr, daddr;
	__be16 sport, dport;
	__be16 id, new_id;
	__u16  len;
	__u16  frag;
	__u16  l4_off;
	__u8   proto;
	__u8   ttl;
	__u8   tos;
	__u8   l4_flags;
	__u8   way;
	__u8   whole;
	__u16  mtu;
	__u8   no_flow;
	__u8   pad;
	__u32  now;
	__u32  seq, ack;
	__u32  net, slot;
	__u32  ifindex;
	__be32 nexthop;
};

/*
 * Forget what the compiler knows of a size, so that the bounds check that
 * follows stays in the program, on the register that the helper is given:
 * clang 14 folds it into an earlier one of another width, which the verifier
 * cannot connect.  Without it cv_from_guest does not load.
 */
#define PKT_OPAQUE(x)	asm volatile("" : "+r"(x))

static __always_inline bool going(const struct pkt *p, int drop)
{
	return !drop && p->way == WAY_NONE;
}

/*
 * The packet's ends, read in assembly: from C, clang 14 may widen the 32-bit
 * field by shifts, which the verifier refuses on a packet pointer, or with
 * -mcpu=v3 truncate it, which the verifier accepts: every bounds check then
 * fails and packets leave untranslated.  The packet tables compare bytes.
 */
static __always_inline void *pkt_data(const struct __sk_buff *skb)
{
	void *data;

	asm volatile("%0 = *(u32 *)(%1 + %2)" : "=r"(data)
		     : "r"(skb), "i"(offsetof(struct __sk_buff, data)));
	return data;
}

static __always_inline void *pkt_end(const struct __sk_buff *skb)
{
	void *end;

	asm volatile("%0 = *(u32 *)(%1 + %2)" : "=r"(end)
		     : "r"(skb), "i"(offsetof(struct __sk_buff, data_end)));
	return end;
}

/* The transport header; it begins at byte 74 at the latest, and the mask says so. */
static __always_inline void *pkt_l4(const struct __sk_buff *skb, __u32 l4_off)
{
	PKT_OPAQUE(l4_off);
	return pkt_data(skb) + (l4_off & 0x7f);
}

static __always_inline __u32 pkt_now(void)
{
	return bpf_ktime_get_coarse_ns() >> CV_TICK_SHIFT;
}

/* Was @last at most @timeout ticks ago?  Another CPU's tick may be one ahead: signed. */
static __always_inline bool pkt_recent(__u32 now, __u32 last, __u32 timeout)
{
	return (__s32)(now - last) <= (__s32)timeout;
}

/* Make the first @len bytes readable; they are, unless a driver left them in a fragment. */
static __always_inline int pkt_pull(struct __sk_buff *skb, __u32 len)
{
	if (pkt_data(skb) + len <= pkt_end(skb))
		return 0;
	if (skb->len < len || bpf_skb_pull_data(skb, len))
		return CV_DROP_MALFORMED;
	return 0;
}

static __always_inline bool pkt_first_fragment(const struct pkt *p)
{
	return !(p->frag & PKT_IP_OFFSET);
}

static __always_inline bool pkt_is_fragment(const struct pkt *p)
{
	return p->frag & (PKT_IP_MF | PKT_IP_OFFSET);
}

/* Read the IPv4 header behind the Ethernet header. */
static __always_inline int pkt_parse_ip(struct __sk_buff *skb, struct pkt *p)
{
	struct iphdr *ip;
	__u32 hlen;

	if (pkt_pull(skb, PKT_IP_OFF + PKT_IP_MIN))
		return CV_DROP_MALFORMED;
	ip = pkt_data(skb) + PKT_IP_OFF;
	if ((void *)(ip + 1) > pkt_end(skb))
		return CV_DROP_MALFORMED;

	hlen = ip->ihl * 4;
	p->len = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || hlen < PKT_IP_MIN || p->len < hlen ||
	    p->len > skb->len - PKT_IP_OFF)
		return CV_DROP_MALFORMED;

	p->saddr = ip->saddr;
	p->daddr = ip->daddr;
	p->id = p->new_id = ip->id;
	p->frag = bpf_ntohs(ip->frag_off);
	p->proto = ip->protocol;
	p->ttl = ip->ttl;
	p->tos = ip->tos;
	p->l4_off = PKT_IP_OFF + hlen;
	return 0;
}

/* Is this ICMP type one that quotes a packet (RFC 792)? */
static __always_inline bool pkt_icmp_is_error(__u8 type)
{
	return type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETERPROB || type == ICMP_SOURCE_QUENCH;
}

static __always_inline bool pkt_icmp_error(const struct pkt *p)
{
	return p->proto == IPPROTO_ICMP && pkt_icmp_is_error(p->l4_flags);
}

static __always_inline bool pkt_icmp_echo(const struct pkt *p, __u8 type)
{
	return p->proto == IPPROTO_ICMP && p->l4_flags == type;
}

/* Read ports, flags, echo identifier; of a later fragment there are none. */
static __always_inline int pkt_parse_l4(struct __sk_buff *skb, struct pkt *p)
{
	__u32 off = p->l4_off, need = p->proto == IPPROTO_TCP ? 20 : 8;
	struct tcphdr *tcp;
	struct icmphdr *icmp;

	/* Nobody splits a TCP header but to hide its flags (RFC 1858). */
	if (p->proto == IPPROTO_TCP && (p->frag & PKT_IP_OFFSET) == 1)
		return CV_DROP_MALFORMED;
	if (!pkt_first_fragment(p))
		return 0;
	if (p->proto != IPPROTO_TCP && p->proto != IPPROTO_UDP &&
	    p->proto != IPPROTO_ICMP)
		return 0;
	/* Within the IP packet: what pads the frame behind it is no header. */
	if (p->len < off - PKT_IP_OFF + need || pkt_pull(skb, off + need))
		return CV_DROP_MALFORMED;

	tcp = pkt_l4(skb, off);
	icmp = (void *)tcp;
	if (p->proto == IPPROTO_TCP) {
		if ((void *)(tcp + 1) > pkt_end(skb))
			return CV_DROP_MALFORMED;
		p->l4_flags = ((__u8 *)tcp)[13];
		p->seq = bpf_ntohl(tcp->seq);
		p->ack = bpf_ntohl(tcp->ack_seq);
	}
	if ((void *)(icmp + 1) > pkt_end(skb))
		return CV_DROP_MALFORMED;
	if (p->proto == IPPROTO_ICMP) {
		p->l4_flags = icmp->type;
		p->sport = p->dport = icmp->un.echo.id;
	} else {
		p->sport = tcp->source;
		p->dport = tcp->dest;
	}
	return 0;
}

static __always_inline int pkt_parse(struct __sk_buff *skb, struct pkt *p)
{
	int drop = pkt_parse_ip(skb, p);

	return drop ? drop : pkt_parse_l4(skb, p);
}

/* Read the clock and the headers. */
static __always_inline int pkt_arrive(struct __sk_buff *skb, struct pkt *p)
{
	if (!p->now)
		p->now = pkt_now();
	return pkt_parse(skb, p);
}

static __always_inline bool pkt_mac_equal(const __u8 *a, const __u8 *b)
{
	const __u16 *x = (const void *)a, *y = (const void *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2];
}

static __always_inline void pkt_mac_copy(__u8 *to, const __u8 *from)
{
	__u16 *x = (void *)to;
	const __u16 *y = (const void *)from;

	x[0] = y[0];
	x[1] = y[1];
	x[2] = y[2];
}

/* Write both addresses of the Ethernet header. */
static __always_inline int pkt_set_macs(struct __sk_buff *skb, const __u8 *dst,
					const __u8 *src)
{
	struct ethhdr *eth = pkt_data(skb);

	if ((void *)(eth + 1) > pkt_end(skb))
		return CV_DROP_MALFORMED;
	pkt_mac_copy(eth->h_dest, dst);
	pkt_mac_copy(eth->h_source, src);
	return 0;
}

/* Name the guest's port in the destination MAC, for to_guest to read. */
static __always_inline int pkt_set_tag(struct __sk_buff *skb, __u32 slot)
{
	struct ethhdr *eth = pkt_data(skb);
	__be16 *dst = (void *)eth->h_dest;

	if ((void *)(eth + 1) > pkt_end(skb))
		return CV_DROP_MALFORMED;
	dst[0] = bpf_htons(CV_TAG_MAC_PREFIX);
	dst[1] = bpf_htons(slot >> 16);
	dst[2] = bpf_htons(slot);
	return 0;
}

/* The port's slot when the frame carries a tag, else 0. */
static __always_inline __u32 pkt_tag(const struct ethhdr *eth)
{
	const __be16 *dst = (const void *)eth->h_dest;

	if (dst[0] != bpf_htons(CV_TAG_MAC_PREFIX))
		return 0;
	return (__u32)bpf_ntohs(dst[1]) << 16 | bpf_ntohs(dst[2]);
}

enum pkt_side { PKT_SOURCE, PKT_DESTINATION };

/* Where a transport protocol keeps its checksum, from its header. */
static __always_inline __u32 pkt_csum_off(__u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return offsetof(struct tcphdr, check);
	case IPPROTO_UDP:
		return offsetof(struct udphdr, check);
	default:
		return offsetof(struct icmphdr, checksum);
	}
}

/* Does its transport checksum cover the addresses? */
static __always_inline bool pkt_has_pseudo(const struct pkt *p)
{
	return p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP;
}

/*
 * Adjust the transport checksum for a new address and port.  By the helper,
 * because only the kernel knows whether the packet carries a full checksum or
 * a guest's half-made one; a UDP checksum of zero stays zero.
 */
static __always_inline int pkt_l4_csum(struct __sk_buff *skb, const struct pkt *p,
				       __be32 old_addr, __be32 new_addr,
				       __be16 old_port, __be16 new_port)
{
	__u64 zero_stays = p->proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	__u32 off = p->l4_off + pkt_csum_off(p->proto);

	if (pkt_has_pseudo(p) && old_addr != new_addr &&
	    bpf_l4_csum_replace(skb, off, old_addr, new_addr,
				sizeof(old_addr) | BPF_F_PSEUDO_HDR | zero_stays))
		return CV_DROP_REWRITE;
	if (old_port != new_port &&
	    bpf_l4_csum_replace(skb, off, old_port, new_port,
				sizeof(old_port) | zero_stays))
		return CV_DROP_REWRITE;
	return 0;
}

/*
 * Give the packet a new source or destination and count its TTL down.  The IP
 * header is written directly: its own checksum balances the change, so a
 * checksum of the whole packet (CHECKSUM_COMPLETE) stays right.
 */
static __always_inline int pkt_translate(struct __sk_buff *skb, const struct pkt *p,
					 enum pkt_side side, __be32 addr, __be16 port)
{
	__be32 old_addr = side == PKT_SOURCE ? p->saddr : p->daddr;
	__be16 old_port = side == PKT_SOURCE ? p->sport : p->dport;
	__u32 port_off = p->proto == IPPROTO_ICMP ? 4 : side == PKT_SOURCE ? 0 : 2;
	struct iphdr *ip;
	__be16 *l4;

	if (pkt_first_fragment(p) &&
	    pkt_l4_csum(skb, p, old_addr, addr, old_port, port))
		return CV_DROP_REWRITE;

	ip = pkt_data(skb) + PKT_IP_OFF;
	if ((void *)(ip + 1) > pkt_end(skb))
		return CV_DROP_REWRITE;
	ip->check = csum_replace(ip->check,
				 csum_addr(old_addr) + bpf_htons(p->ttl << 8),
				 csum_addr(addr) + bpf_htons((p->ttl - 1) << 8));
	ip->ttl = p->ttl - 1;
	if (side == PKT_SOURCE) {
		ip->check = csum_replace(ip->check, p->id, p->new_id);
		ip->id = p->new_id;
		ip->saddr = addr;
	} else {
		ip->daddr = addr;
	}

	if (!pkt_first_fragment(p) || old_port == port)
		return 0;
	l4 = pkt_l4(skb, p->l4_off) + port_off;
	if ((void *)(l4 + 1) > pkt_end(skb))
		return CV_DROP_REWRITE;
	*l4 = port;
	return 0;
}

/*
 * Make room for a frame of our own: @len bytes, contents undefined, no GSO and
 * no half-made checksum any more.  The detour over a longer packet whose front
 * is then cut off makes the kernel forget CHECKSUM_PARTIAL: it does so when
 * the place where the checksum would begin is pulled away.
 */
#define PKT_CUT	96	/* > Ethernet + longest IPv4 header + 1; a multiple of 4 */
static __always_inline int pkt_renew(struct __sk_buff *skb, __u32 len)
{
	if (bpf_skb_change_tail(skb, len + PKT_CUT, 0) ||
	    bpf_skb_adjust_room(skb, -PKT_CUT, BPF_ADJ_ROOM_MAC, 0))
		return CV_DROP_REWRITE;
	return 0;
}

#endif
