/* SPDX-License-Identifier: GPL-2.0-only */
/* The last step to a guest: find its port, open the way for its answers. */
#ifndef CV_GUEST_H
#define CV_GUEST_H

#include "frag.h"
#include "fwd.h"

/* A frame with a tag comes from from_uplink or to_uplink and is ready. */
static __always_inline int guest_tagged(struct __sk_buff *skb, struct pkt *p)
{
	struct ethhdr *eth;
	struct iphdr *ip;

	if (pkt_pull(skb, PKT_IP_OFF + PKT_IP_MIN))
		return 0;
	eth = pkt_data(skb);
	ip = (void *)(eth + 1);
	if ((void *)(ip + 1) > pkt_end(skb))
		return 0;
	p->slot = pkt_tag(eth);
	if (!p->slot)
		return 0;
	return fwd_to_port(skb, p, ip->daddr);
}

/* The host asks for a guest's MAC: answer for the guest. */
static __always_inline int guest_host_arp(struct __sk_buff *skb, struct pkt *p)
{
	struct cv_port *port;
	__be32 ip;

	if (pkt_pull(skb, ETH_HLEN + sizeof(struct guard_arp)))
		return CV_DROP_MALFORMED;
	ip = gateway_arp_target(skb);
	p->slot = address_slot(p->net, ip);
	port = port_get(p->slot);
	if (!port)
		return CV_DROP_NO_GUEST;
	return gateway_arp_reply(skb, p, port->mac);
}

/* From another address of the host's, or from elsewhere by it: only what the guest asked for. */
static __noinline int guest_asked(struct __sk_buff *skb, struct pkt *p)
{
	int drop = frag_recall(skb, p, p->net);

	if (!going(p, drop))
		return drop;
	return flow_asked(p) ? frag_pass(p, p->net) : CV_DROP_INBOUND_CLOSED;
}

/* The host itself sends to a guest. */
static __noinline int guest_from_host(struct __sk_buff *skb, struct pkt *p)
{
	const struct cv_network *n;
	int drop;

	if (skb->protocol == bpf_htons(ETH_P_ARP))
		return guest_host_arp(skb, p);
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return CV_DROP_IPV6;
	if (skb->protocol != bpf_htons(ETH_P_IP))
		return CV_DROP_ETHERTYPE;
	drop = pkt_parse(skb, p);
	if (drop)
		return drop;
	/* A host that forwards would let everybody in who routes by it. */
	n = network_get(p->net);
	p->now = pkt_now();
	if (!n)
		return CV_DROP_INBOUND_CLOSED;
	if (p->saddr != n->gateway) {
		drop = guest_asked(skb, p);
		if (drop || p->way != WAY_NONE)
			return drop;
	}
	p->slot = address_slot(p->net, p->daddr);
	if (!p->slot)
		return policy_unicast(p->daddr) ? CV_DROP_NO_GUEST : CV_DROP_NOT_UNICAST;
	/* Errors and answers open nothing; nor do later fragments. */
	if (pkt_first_fragment(p) &&
	    (p->proto != IPPROTO_ICMP || p->l4_flags == ICMP_ECHO)) {
		drop = flow_from_host(skb, p);
		if (drop)
			return drop;
	}
	return fwd_to_port(skb, p, p->daddr);
}

#endif
