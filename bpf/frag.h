/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fragments: the first one names the ports, the others are recognised by the
 * datagram's identification.  In order only; bounded by the map and by time.
 */
#ifndef CV_FRAG_H
#define CV_FRAG_H

#include "maps.h"

/*
 * Give a later fragment the ports of its first one, and remember those of a
 * first one.  @net is 0 for packets from an uplink.  Return: 0, or
 * CV_DROP_FRAGMENT_NO_FIRST.
 */
static __always_inline int frag_ports(struct pkt *p, __u32 net)
{
	struct cv_fragment_key key = {
		.saddr = p->saddr, .daddr = p->daddr,
		.id = p->id, .proto = p->proto, .net = net,
	};
	struct cv_fragment *seen, first;

	if (pkt_first_fragment(p)) {
		first.sport = p->sport;
		first.dport = p->dport;
		first.tick = p->now;
		bpf_map_update_elem(&fragments, &key, &first, BPF_ANY);
		return 0;
	}
	seen = bpf_map_lookup_elem(&fragments, &key);
	if (!seen || p->now - seen->tick > CV_TICKS(CV_FRAGMENT_TIMEOUT_S))
		return CV_DROP_FRAGMENT_NO_FIRST;
	p->sport = seen->sport;
	p->dport = seen->dport;
	return 0;
}

#endif
