/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest to guest over the bridge, in a network whose rules speak of that: a
 * flow is kept, so that answers pass without a rule of their own.  Other
 * networks never come here.
 */
#ifndef CV_LOCAL_H
#define CV_LOCAL_H

#include "flow.h"

static __always_inline struct cv_flow *local_find(const struct pkt *p,
						  const struct cv_tuple *key)
{
	struct cv_flow *f = bpf_map_lookup_elem(&flows, key);

	return f && f->flags & CV_FLOW_HOST && flow_alive(p->now, f) ? f : NULL;
}

/*
 * Does the frame go to the guest whose address the packet has, or to all?  What
 * is judged by its address must not arrive at another.
 */
static __always_inline bool local_addressed(struct __sk_buff *skb, __u32 slot)
{
	struct ethhdr *eth = pkt_data(skb);
	struct cv_port *peer = port_get(slot);

	if ((void *)(eth + 1) > pkt_end(skb))
		return false;
	return eth->h_dest[0] & 1 || (peer && pkt_mac_equal(eth->h_dest, peer->mac));
}

/*
 * Is this an ICMP error of one side of a flow about what the other sent?  It
 * belongs to the flow then, and neither keeps it nor ends it.
 */
static __noinline bool local_quotes(struct __sk_buff *skb, const struct pkt *p)
{
	__u32 off = p->l4_off + sizeof(struct icmphdr);
	struct cv_tuple key = { .net = p->net };
	struct iphdr ip;
	__be16 l4[4];
	bool echo;

	if (bpf_skb_load_bytes(skb, off, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5 ||
	    ip.frag_off & bpf_htons(PKT_IP_OFFSET) || ip.saddr != p->daddr || ip.daddr != p->saddr ||
	    bpf_skb_load_bytes(skb, off + ip.ihl * 4, l4, sizeof(l4)))
		return false;
	echo = ip.protocol == IPPROTO_ICMP;
	key.proto = ip.protocol;
	key.local = ip.saddr;
	key.remote = ip.daddr;
	if (ip.protocol == IPPROTO_TCP || ip.protocol == IPPROTO_UDP || echo) {
		key.lport = echo ? l4[2] : l4[0];
		key.rport = echo ? 0 : l4[1];
	}
	if (local_find(p, &key))
		return true;
	key.local = ip.daddr;
	key.remote = ip.saddr;
	if (!echo) {
		l4[0] = key.lport;
		key.lport = key.rport;
		key.rport = l4[0];
	}
	return local_find(p, &key);
}

/* A packet of no flow: do the rules let it pass, and does it begin one? */
static __always_inline int local_open(struct __sk_buff *skb, struct pkt *p,
				      const struct cv_network *n, const struct cv_tuple *key)
{
	struct cv_judge_args ask = {
		.net = p->net, .slot = p->slot, .saddr = p->saddr, .daddr = p->daddr,
		.dport = p->dport, .proto = p->proto,
	};
	struct cv_flow *f;
	int drop;

	ask.peer_slot = address_slot(p->net, p->daddr);
	if (!local_addressed(skb, ask.peer_slot))
		return CV_DROP_NO_GUEST;
	/* To all of them, or to nobody: to guests at any rate. */
	if (!ask.peer_slot)
		ask.peer_slot = CV_SLOT_NONE;
	drop = policy_among(n, policy_judge(&ask));
	if (drop) {
		event_refused(p, key, CV_FLOW_HOST | CV_FLOW_LOCAL | CV_FLOW_BY_GUEST, drop);
		return drop;
	}
	if (ask.peer_slot == CV_SLOT_NONE || policy_may_begin(p))
		return 0;
	f = bpf_map_lookup_elem(&flows, key);
	if (!f) {
		drop = flow_make_plain(skb, p, n, key, p->slot,
				       CV_FLOW_HOST | CV_FLOW_LOCAL | CV_FLOW_BY_GUEST);
		f = drop ? NULL : bpf_map_lookup_elem(&flows, key);
		if (f)
			f->ifindex = ask.peer_slot;
		return drop;
	}
	f->state = CV_FLOW_OPEN;
	f->timeout_ticks = flow_timeout(n, p->proto, CV_FLOW_OPEN);
	flow_note_out(skb, p, f);
	return 0;
}

/*
 * May this IPv4 packet go to its neighbour?  Not static: the verifier checks
 * it by itself.
 */
__noinline int local_pass(struct __sk_buff *skb, struct pkt *p)
{
	const struct cv_network *n;
	struct cv_tuple key;
	struct cv_flow *f;
	int drop;

	if (!p)
		return CV_DROP_REWRITE;
	n = network_get(p->net);
	if (!n)
		return CV_DROP_UNKNOWN_PORT;
	p->now = pkt_now();
	drop = frag_recall(skb, p, p->net);
	if (!going(p, drop))
		return drop;
	key = flow_out_key(p);
	f = local_find(p, &key);
	if (f) {
		if (!local_addressed(skb, f->ifindex))
			return CV_DROP_NO_GUEST;
		flow_host_step(p, f, FLOW_OUT);
		flow_note_out(skb, p, f);
		return frag_pass(p, p->net);
	}
	key = flow_in_key(p);
	f = local_find(p, &key);
	if (f) {
		if (!local_addressed(skb, f->slot))
			return CV_DROP_NO_GUEST;
		flow_host_step(p, f, FLOW_IN);
		flow_note_in(skb, p, f);
		return frag_pass(p, p->net);
	}
	if (pkt_icmp_error(p) && !pkt_is_fragment(p) && local_quotes(skb, p))
		return local_addressed(skb, address_slot(p->net, p->daddr)) ? 0 : CV_DROP_NO_GUEST;
	key = flow_out_key(p);
	drop = local_open(skb, p, n, &key);
	return drop ? drop : frag_pass(p, p->net);
}

#endif
