/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is this guest who it says?  Link and source MAC, ARP sender and IPv4 source
 * must be those of the port's binding; nothing else enters the network.
 */
#ifndef CV_GUARD_H
#define CV_GUARD_H

#include "maps.h"

#define GUARD_DHCP_SERVER_PORT	bpf_htons(67)
#define GUARD_DHCP_CLIENT_PORT	bpf_htons(68)

struct guard_arp {
	struct arphdr h;
	__u8 sha[6];
	__u8 spa[4];	/* not aligned for a __be32 */
	__u8 tha[6];
	__u8 tpa[4];
} __attribute__((packed));

static __always_inline __be32 guard_ip4(const __u8 a[4])
{
	const __u16 *half = (const void *)a;

	return (__u32)half[0] | (__u32)half[1] << 16;
}

static __always_inline bool guard_arp_ok(const struct guard_arp *arp)
{
	return arp->h.ar_hrd == bpf_htons(ARPHRD_ETHER) &&
	       arp->h.ar_pro == bpf_htons(ETH_P_IP) &&
	       arp->h.ar_hln == 6 && arp->h.ar_pln == 4;
}

/* Which guest is this, and does the frame carry its MAC? */
static __always_inline int guard_port(struct __sk_buff *skb, struct pkt *p,
				      const struct cv_port **ret_port,
				      const struct cv_network **ret_net)
{
	__u32 slot = skb->ifindex - CV_IFINDEX_PORT;
	const struct cv_network *n;
	struct cv_port *port;
	struct ethhdr *eth;

	port = port_get(slot);
	if (!port)
		return CV_DROP_UNKNOWN_PORT;
	p->slot = slot;
	p->net = port->net;
	n = network_get(port->net);
	if (!n)
		return CV_DROP_UNKNOWN_PORT;

	if (pkt_pull(skb, ETH_HLEN))
		return CV_DROP_MALFORMED;
	eth = pkt_data(skb);
	if ((void *)(eth + 1) > pkt_end(skb))
		return CV_DROP_MALFORMED;
	if (!pkt_mac_equal(eth->h_source, port->mac))
		return CV_DROP_SPOOFED_MAC;
	*ret_port = port;
	*ret_net = n;
	return 0;
}

static __always_inline int guard_arp(struct __sk_buff *skb, const struct cv_port *port)
{
	struct guard_arp *arp;

	if (pkt_pull(skb, ETH_HLEN + sizeof(*arp)))
		return CV_DROP_MALFORMED;
	arp = pkt_data(skb) + ETH_HLEN;
	if ((void *)(arp + 1) > pkt_end(skb) || !guard_arp_ok(arp))
		return CV_DROP_MALFORMED;
	if (!pkt_mac_equal(arp->sha, port->mac))
		return CV_DROP_SPOOFED_ARP;
	/* A probe (RFC 5227) has no sender address yet. */
	if (guard_ip4(arp->spa) && guard_ip4(arp->spa) != port->ip)
		return CV_DROP_SPOOFED_ARP;
	return 0;
}

/* Is this for a DHCP server?  Such a packet is judged by dhcp.h alone. */
static __always_inline bool guard_is_dhcp(const struct pkt *p)
{
	return p->proto == IPPROTO_UDP && pkt_first_fragment(p) &&
	       p->dport == GUARD_DHCP_SERVER_PORT;
}

static __always_inline int guard_ip(struct __sk_buff *skb, struct pkt *p,
				    const struct cv_port *port)
{
	int drop = pkt_parse(skb, p);

	if (drop)
		return drop;
	/* Clients listen for the destination; many do not look at the source port. */
	if (p->proto == IPPROTO_UDP && pkt_first_fragment(p) &&
	    (p->sport == GUARD_DHCP_SERVER_PORT || p->dport == GUARD_DHCP_CLIENT_PORT) &&
	    !(guard_is_dhcp(p) && port->flags & CV_PORT_RELAY))	/* relays send from 67 */
		return CV_DROP_ROGUE_DHCP;
	if (guard_is_dhcp(p))
		return 0;
	if (p->saddr != port->ip || !p->saddr)
		return CV_DROP_SPOOFED_IP;
	return 0;
}

/* Does the frame speak in the guest's own name? */
static __always_inline int guard_source(struct __sk_buff *skb, struct pkt *p,
					const struct cv_port *port)
{
	/* The kernel has taken the tag off the frame: it would be put back on the way out. */
	if (skb->vlan_present)
		return CV_DROP_ETHERTYPE;
	switch (skb->protocol) {
	case bpf_htons(ETH_P_IP):
		return guard_ip(skb, p, port);
	case bpf_htons(ETH_P_ARP):
		return guard_arp(skb, port);
	case bpf_htons(ETH_P_IPV6):
		return CV_DROP_IPV6;
	default:
		return CV_DROP_ETHERTYPE;
	}
}

#endif
