/* SPDX-License-Identifier: GPL-2.0-only */
/* Who may talk to whom.  Judged where a flow is made, not per packet. */
#ifndef CV_POLICY_H
#define CV_POLICY_H

#include "maps.h"

/* 224/4 multicast, 240/4 reserved and broadcast, 127/8, 0/8, 169.254/16. */
static __always_inline bool policy_unicast(__be32 addr)
{
	__u32 a = bpf_ntohl(addr);

	return a < 0xe0000000 && a >> 24 != 127 && a >> 24 != 0 &&
	       a >> 16 != 0xa9fe;
}

/* May this guest make a flow out of its network? */
static __always_inline int policy_new_flow(const struct pkt *p, const struct cv_network *n)
{
	if (!policy_unicast(p->daddr))
		return CV_DROP_NOT_UNICAST;
	if (p->daddr == n->gateway)
		return CV_DROP_HOST_CLOSED;
	if ((p->daddr & n->netmask) == n->subnet)
		return CV_DROP_GUEST_SUBNET;
	if (n->mode == CV_MODE_ISOLATED)
		return CV_DROP_MODE_ISOLATED;
	if (p->proto == IPPROTO_ICMP && p->l4_flags != ICMP_ECHO)
		return CV_DROP_ICMP_TYPE;
	/* A connection may be taken up in its middle, not at its end. */
	if (p->proto == IPPROTO_TCP && p->l4_flags & (PKT_TCP_RST | PKT_TCP_FIN))
		return CV_DROP_NO_FLOW;
	return 0;
}

/* Does this frame stay among the guests, and may it? */
static __always_inline int policy_bridge(const struct cv_network *n)
{
	return n->flags & CV_NET_ISOLATE ? CV_DROP_ISOLATED : 0;
}

#endif
