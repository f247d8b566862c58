/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Questions to the network's name server, which guests share: who asks without
 * end does not take the others' share.
 */
#ifndef CV_DNS_H
#define CV_DNS_H

#include <culvert/wire.h>

#include "bucket.h"
#include "maps.h"

/* May the guest send this packet to the host?  Not static: the verifier checks it by itself. */
__noinline int dns_pass(const struct pkt *p, __u32 slot)
{
	const struct cv_network *n;
	struct cv_use *use;

	if (!p || p->dport != bpf_htons(CV_DNS_PORT) || p->proto != IPPROTO_UDP)
		return 0;
	n = network_get(p->net);
	use = bpf_map_lookup_elem(&port_use, &slot);
	if (!n || !use || !(n->flags & CV_NET_DNS) || p->daddr != n->gateway)
		return 0;
	return bucket_take(&use->dns_tick, &use->dns_tokens, p->now, CV_DNS_PER_TICK, CV_DNS_BURST) ?
	       0 : CV_DROP_DNS_RATE;
}

#endif
