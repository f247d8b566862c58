/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The single exit: a drop reason becomes a counter and a dropped packet, a way
 * becomes the kernel's action.  Only this file knows TC's and XDP's codes.
 */
#ifndef CV_VERDICT_H
#define CV_VERDICT_H

#include <linux/pkt_cls.h>

#include "maps.h"

static __noinline int count_drop(__u32 reason, __u32 net, __u32 slot)
{
	struct cv_drop_key key = { .reason = reason, .net = net, .slot = slot };
	struct cv_drop_count *count, one = { .packets = 1 };

	count = bpf_map_lookup_elem(&drops, &key);
	if (!count) {
		if (!bpf_map_update_elem(&drops, &key, &one, BPF_NOEXIST))
			return 0;
		/* Another CPU was faster, or the map is full. */
		count = bpf_map_lookup_elem(&drops, &key);
	}
	if (!count) {
		key.net = key.slot = 0;
		count = bpf_map_lookup_elem(&drops, &key);
	}
	if (count)
		count->packets++;
	return 0;
}

static __always_inline int verdict_neigh(const struct pkt *p)
{
	struct bpf_redir_neigh next;

	if (!p->nexthop)
		return bpf_redirect_neigh(p->ifindex, NULL, 0, 0);
	next.nh_family = 2 /* AF_INET */;
	next.ipv4_nh = p->nexthop;
	/* What IPv6 would need, and the kernel reads as a whole. */
	next.ipv6_nh[1] = next.ipv6_nh[2] = next.ipv6_nh[3] = 0;
	return bpf_redirect_neigh(p->ifindex, &next, sizeof(next), 0);
}

static __always_inline int verdict_redirect(const struct pkt *p)
{
	switch (p->way) {
	case WAY_PEER:
		if (cv_peer_ok)
			return bpf_redirect_peer(p->ifindex, 0);
		return bpf_redirect(p->ifindex, 0);
	case WAY_LINK:
		return bpf_redirect(p->ifindex, 0);
	case WAY_NEIGH:
		return verdict_neigh(p);
	case WAY_CONSUMED:
		return TC_ACT_SHOT;
	default:
		/* The next program on this hook has it, and then the stack. */
		return TC_ACT_UNSPEC;
	}
}

/*
 * Choose a guest's port as the frame's way out.  False: it takes no frames of
 * XDP.  Done before the frame is changed, so that who is refused goes on whole;
 * the kernel has the port's link in hand then, whatever becomes of the map.
 */
static __always_inline bool verdict_xdp_port(__u32 slot)
{
	return bpf_redirect_map(&xdp_ports, slot, XDP_PASS) == XDP_REDIRECT;
}

/* XDP drops nothing and refuses nobody: what it does not take, tc judges. */
static __always_inline int verdict_xdp(bool taken)
{
	return taken ? XDP_REDIRECT : XDP_PASS;
}

static __always_inline int verdict(const struct pkt *p, int drop)
{
	if (!drop)
		return verdict_redirect(p);
	count_drop(drop, p->net, p->slot ? p->slot :
		   p->net ? address_slot(p->net, p->saddr) : 0);
	return TC_ACT_SHOT;
}

#endif
