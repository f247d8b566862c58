/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gateway that guests see is not the host: its ARP and its echo are
 * answered here, in the frame that asked, so that they depend on no address,
 * route, sysctl or firewall of the host.  In the other direction the host's
 * ARP for a guest is answered in the guest's stead.
 */
#ifndef CV_GATEWAY_H
#define CV_GATEWAY_H

#include "frag.h"
#include "guard.h"
#include "offload.h"

/* Turn an ARP request around: @mac has the address that was asked for. */
static __always_inline int gateway_arp_reply(struct __sk_buff *skb, struct pkt *p,
					     const __u8 *mac)
{
	struct ethhdr *eth = pkt_data(skb);
	struct guard_arp *arp = (void *)(eth + 1);
	__u8 ip[4];

	if ((void *)(arp + 1) > pkt_end(skb))
		return CV_DROP_MALFORMED;
	pkt_mac_copy(eth->h_dest, arp->sha);
	pkt_mac_copy(eth->h_source, mac);
	arp->h.ar_op = bpf_htons(ARPOP_REPLY);
	__builtin_memcpy(ip, arp->tpa, 4);
	__builtin_memcpy(arp->tpa, arp->spa, 4);
	__builtin_memcpy(arp->spa, ip, 4);
	pkt_mac_copy(arp->tha, arp->sha);
	pkt_mac_copy(arp->sha, mac);
	p->way = WAY_LINK;
	p->ifindex = skb->ifindex;
	return 0;
}

/* The address an ARP request asks for; 0 when it is something else. */
static __always_inline __be32 gateway_arp_target(struct __sk_buff *skb)
{
	struct guard_arp *arp = pkt_data(skb) + ETH_HLEN;

	if ((void *)(arp + 1) > pkt_end(skb) || !guard_arp_ok(arp) ||
	    arp->h.ar_op != bpf_htons(ARPOP_REQUEST))
		return 0;
	return guard_ip4(arp->tpa);
}

/*
 * Somebody outside asks for an address that a guest has whole.  The host need
 * not have it: we answer with the uplink's address.
 */
static __noinline int gateway_uplink_arp(struct __sk_buff *skb, struct pkt *p)
{
	struct cv_whole *w;
	__be32 ip;
	__u8 mac[6];

	p->way = WAY_KERNEL;
	if (skb->protocol != bpf_htons(ETH_P_ARP) || skb->vlan_present || pkt_pull(skb, ETH_HLEN + sizeof(struct guard_arp)))
		return 0;
	ip = gateway_arp_target(skb);
	w = bpf_map_lookup_elem(&whole, &ip);
	if (!ip || !w || !(w->flags & CV_WHOLE_OPEN) || offload_link_mac(skb, mac))
		return 0;
	return gateway_arp_reply(skb, p, mac);
}

/* What an uplink receives: IPv4 for this host is looked at. */
static __always_inline int gateway_uplink(struct __sk_buff *skb, struct pkt *p)
{
	if (skb->protocol != bpf_htons(ETH_P_IP))
		return gateway_uplink_arp(skb, p);
	/* A frame with a VLAN tag is another link's, one for another host nobody's. */
	if (skb->vlan_present || skb->pkt_type != PKT_FOR_HOST || pkt_arrive(skb, p))
		p->way = WAY_KERNEL;
	return 0;
}

/* Turn an ICMP echo request around; a later fragment of one likewise. */
static __always_inline int gateway_echo_reply(struct __sk_buff *skb, struct pkt *p,
					      const struct cv_port *port,
					      const struct cv_network *n)
{
	struct icmphdr *icmp;
	struct iphdr *ip;

	/* By the helper: the request may carry a checksum of the whole packet. */
	if (pkt_first_fragment(p) &&
	    bpf_l4_csum_replace(skb, p->l4_off + offsetof(struct icmphdr, checksum),
				bpf_htons(ICMP_ECHO << 8), bpf_htons(ICMP_ECHOREPLY << 8), 2))
		return CV_DROP_REWRITE;
	if (pkt_set_macs(skb, port->mac, n->gateway_mac))
		return CV_DROP_REWRITE;
	ip = pkt_data(skb) + PKT_IP_OFF;
	if ((void *)(ip + 1) > pkt_end(skb))
		return CV_DROP_REWRITE;
	ip->saddr = p->daddr;
	ip->daddr = p->saddr;
	ip->check = csum_replace(ip->check, bpf_htons(p->ttl << 8), bpf_htons(64 << 8));
	ip->ttl = 64;
	p->way = WAY_LINK;
	p->ifindex = skb->ifindex;
	if (!pkt_first_fragment(p))
		return 0;
	icmp = pkt_l4(skb, p->l4_off);
	if ((void *)(icmp + 1) > pkt_end(skb))
		return CV_DROP_REWRITE;
	icmp->type = ICMP_ECHOREPLY;
	/* Where all else is zero; in sums both stand for the same. */
	if (!icmp->checksum)
		icmp->checksum = 0xffff;
	return 0;
}

/*
 * What comes up the veth is IPv4 from guests; ARP is the host's alone: what
 * to_guest answers it.  A guest does not know the host's own MAC.
 */
static __always_inline int gateway_only_ip(const struct __sk_buff *skb, struct pkt *p)
{
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return 0;
	if (skb->protocol != bpf_htons(ETH_P_ARP) || skb->pkt_type != PKT_FOR_HOST)
		return CV_DROP_ETHERTYPE;
	p->way = WAY_KERNEL;
	return 0;
}

/* Answer a guest that asks the gateway itself. */
static __always_inline int gateway_answer(struct __sk_buff *skb, struct pkt *p,
					  const struct cv_port *port,
					  const struct cv_network *n)
{
	if (skb->protocol == bpf_htons(ETH_P_ARP)) {
		if (gateway_arp_target(skb) == n->gateway)
			return gateway_arp_reply(skb, p, n->gateway_mac);
		return 0;
	}
	if (p->daddr != n->gateway || guard_is_dhcp(p))
		return 0;
	if (p->proto != IPPROTO_ICMP || (pkt_first_fragment(p) && p->l4_flags != ICMP_ECHO))
		return 0;
	/* A later fragment may be of an answer to the host: only if its first was ours. */
	if (!frag_gateway(p))
		return 0;
	return gateway_echo_reply(skb, p, port, n);
}

#endif
