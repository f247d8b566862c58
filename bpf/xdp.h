/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: the short road in
 *
 * On an uplink that has XDP, a packet from outside may go to its guest's TAP
 * before the kernel has made an skb of it.  The short road does what from_uplink
 * and to_guest do with a packet of a flow in full swing, by the same code on
 * the same maps, and nothing else: it opens, ends and drops nothing.  Whatever is
 * not plain goes on untouched, with nothing noted, and meets from_uplink:
 *
 * - another frame than an IPv4 packet for the link's own MAC, in one piece,
 *   without options, no fragment, at most 1500 bytes and within the guests' MTU;
 * - TCP but a bare acknowledgement of an established connection.  Data stays on
 *   the other road, where GRO makes one packet of many, and where it arrives in
 *   order: the two roads overtake each other.  An acknowledgement may do so.
 * - ICMP, and all that opens, closes or resets;
 * - TTL 1, a port that nobody has, no flow, a dead one, one with the host;
 * - a transport checksum that is not right, or not made yet;
 * - a network whose `xdp` is off;
 * - a guest whose port takes no frames of XDP (map `xdp_ports`).
 */
#ifndef CV_XDP_H
#define CV_XDP_H

#include "flow.h"
#include "owner.h"
#include "pkt_xdp.h"

/* Is it a packet that this road knows? */
static __always_inline bool xdp_parse(struct xdp_md *ctx, struct pkt *p)
{
	__u32 ifindex = ctx->ingress_ifindex, payload;
	struct cv_xdp_uplink *uplink = bpf_map_lookup_elem(&xdp_uplinks, &ifindex);

	if (!uplink || !pkt_xdp_parse_ip(ctx, p, uplink->mac) ||
	    !pkt_xdp_parse_l4(ctx, p, &payload) || p->ttl <= 1)
		return false;
	return p->proto == IPPROTO_UDP ||
	       (!payload && (p->l4_flags & PKT_XDP_KIND) == PKT_TCP_ACK);
}

/* The flow that says all there is to say of the packet; NULL: ask from_uplink. */
static __always_inline struct cv_flow *xdp_flow(struct pkt *p, struct cv_tuple *key)
{
	struct cv_flow *f;

	key->remote = p->saddr;
	key->rport = p->sport;
	if (!owner_meet(p, p->proto, p->daddr, p->dport, key))
		return NULL;
	p->now = pkt_now();
	f = flow_get_in(p, key);
	if (!f || f->flags & CV_FLOW_HOST || flow_tcp_matters(p, f->state))
		return NULL;
	return f;
}

/* Send it to its guest.  False: nothing has been done. */
static __always_inline bool xdp_to_guest(struct xdp_md *ctx, struct pkt *p)
{
	const struct cv_network *n;
	struct cv_tuple key = {};
	struct cv_port *port;
	struct cv_flow *f = xdp_flow(p, &key);

	if (!f)
		return false;
	n = network_get(p->net);
	port = port_get(p->slot);
	if (!n || !(n->flags & CV_NET_XDP) || !port || p->len > n->mtu || !pkt_xdp_sum_right(ctx, p) ||
	    !verdict_xdp_port(p->slot))
		return false;
	/* Key and owner agree, or the entry was another's when it was read. */
	if (f->slot != p->slot || !flow_same(f, flow_tag(&key)))
		return false;
	flow_count_in(p, f, pkt_xdp_len(ctx));
	TOTAL_ADD(xdp_packets, 1);
	pkt_xdp_translate(ctx, p, key.local, key.lport, port->mac, n->gateway_mac);
	return true;
}

#endif
