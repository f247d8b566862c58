/* SPDX-License-Identifier: GPL-2.0-only */
/* ANN has an address outside whole, or is seen by her own. */
#ifndef CULVERT_TESTS_BPF_WHOLE_H
#define CULVERT_TESTS_BPF_WHOLE_H

#include "inbound.h"
#include "rules.h"

#define WHOLE_IP	IP(198, 51, 100, 50)	/* on the uplink; the host has it not */
#define BY_WHOLE	.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = WHOLE_IP, .ttl = 63
#define TO_WHOLE	.dmac = UPLINK_MAC, .smac = PEER_MAC, .daddr = WHOLE_IP
#define BY_ANN_IP	.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = ANN_IP, .ttl = 63
#define TO_ANN_IP	.dmac = UPLINK_MAC, .smac = PEER_MAC, .daddr = ANN_IP

static inline void whole_set(__u32 addr, __u32 slot, __u32 flags)
{
	const struct cv_whole w = { .slot = slot, .flags = flags };
	__be32 key = htonl(addr);

	CHECK(!bpf_map_update_elem(world.whole, &key, &w, BPF_ANY));
}

static inline void whole_give(__u32 slot, __u32 addr)
{
	struct cv_port port = world_port(slot);

	port.external = htonl(addr);
	world_set_port(slot, &port);
	if (addr)
		whole_set(addr, slot, CV_WHOLE_OPEN);
}

/* As the commands do it: the guest first, then nobody has it. */
static inline void whole_take(__u32 slot, __u32 addr)
{
	__be32 key = htonl(addr);

	whole_give(slot, 0);
	CHECK(!bpf_map_delete_elem(world.whole, &key));
}

/* The network's first uplink: by its address neighbours are seen at a 1:1 address. */
static inline void whole_uplink(__u32 net)
{
	struct cv_network n = world_network(net);

	n.uplink = UPLINK;
	world_set_network(net, &n);
}

/* A 1:1 address. */
static inline void whole(void)
{
	whole_uplink(NET);
	whole_uplink(TWIN);
	whole_give(ANN, WHOLE_IP);
}

static inline void routed(void)
{
	struct cv_network n = world_network(NET);

	n.mode = CV_MODE_ROUTE;
	world_set_network(NET, &n);
	whole_set(ANN_IP, ANN, 0);
	whole_set(BOB_IP, BOB, 0);
}

/* Towards SERVER's neighbours only. */
static inline void untranslated(void)
{
	struct cv_network n = world_network(NET);

	n.untranslated[1] = (struct cv_prefix) PREFIX(IP(100, 64, 1, 0), 24);
	n.untranslated[0] = (struct cv_prefix) PREFIX(IP(100, 99, 0, 0), 16);
	world_set_network(NET, &n);
	whole_set(ANN_IP, ANN, 0);
}

#endif
