/* SPDX-License-Identifier: GPL-2.0-only */
/* What all flows have in common that ANN did not begin. */
#ifndef CULVERT_TESTS_BPF_INBOUND_H
#define CULVERT_TESTS_BPF_INBOUND_H

#include "table.h"

#define FROM_ANN	.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = ANN_IP
#define OUTSIDE		.dmac = UPLINK_MAC, .smac = PEER_MAC, .daddr = HOST_IP
#define STRANGER	(SERVER + 1)
#define TO_ANN		.dmac = TAG_MAC(ANN), .smac = PEER_MAC, .daddr = ANN_IP, .ttl = 63

enum { UDP_S = 300, EST_S = 7440, TRANS_S = 240 };

static inline void check_made(const struct cv_tuple *key, __u16 timeout_s)
{
	struct cv_flow f = {};

	CHECK(world_flow(key, &f));
	CHECK_EQ(f.flags & (CV_FLOW_INBOUND | CV_FLOW_HOST), CV_FLOW_INBOUND);
	CHECK_EQ(f.state, CV_FLOW_OPEN);
	CHECK_EQ(f.timeout_ticks, CV_TICKS(timeout_s));
	CHECK_EQ(f.slot, ANN);
	CHECK_EQ(f.in_packets, 1);
	CHECK_EQ(f.out_packets, 0);
	CHECK(world_tick() - f.created_tick <= 1);
}

static inline void check_count(__u32 n)
{
	CHECK_EQ(world_entries(world.flows, sizeof(struct cv_tuple)), n);
	CHECK_EQ(world_totals().new_flows, n);
	CHECK_EQ(world_use(world.port_use, ANN).flows, n);
	CHECK_EQ(world_use(world.network_use, NET).flows, n);
	CHECK_EQ(world_use(world.network_use, 0).flows, n);
}

/* Out by HOST_IP and @port, whatever else the guest's routes and ports say. */
static inline void answered(const struct packet *in, __u16 lport, __u16 port, __u8 flags)
{
	struct packet reply = {
		FROM_ANN, .daddr = in->saddr, .proto = in->proto, .sport = lport, .dport = in->sport,
		.flags = flags, .len = 9,
	};
	struct packet out = reply;
	__u8 frame[PACKET_MAX], want[PACKET_MAX];
	unsigned int len = packet_build(&reply, frame), want_len;

	out.saddr = HOST_IP;
	out.sport = port;
	out.ttl = 63;
	want_len = packet_build(&out, want);
	CHECK_EQ(world_run(TO_UPLINK, 0, frame, &len, 0), REDIRECT);
	CHECK_BYTES(frame, len, want, want_len);
}

#endif
