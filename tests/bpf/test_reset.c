// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nobody who cannot see a connection ends or begins it: a reset counts where
 * the guest would believe it (RFC 5961 section 3), a FIN not far from there.
 * What is not believed is delivered all the same; the guest judges it too.
 */
#include <stdio.h>
#include <string.h>

#include "table.h"

#define NEXT	0xfffffff0u	/* what ANN waits for: distances cross zero */

enum { EST_S = 7440, TRANS_S = 240 };

struct segment {
	enum hook hook;
	__u8 flags;
	__u32 seq, ack;
	enum cv_flow_state state;	/* afterwards; 0 ends the list */
};

#define RUNS		CV_FLOW_ESTABLISHED
#define DOWN		CV_FLOW_CLOSING
#define OPENED		{ TO_UPLINK, SYN, 100, 0, CV_FLOW_OPEN }
#define CONNECTED	OPENED, { FROM_UPLINK, SYN | ACK, NEXT - 1, 101, RUNS }, { TO_UPLINK, ACK, 101, NEXT, RUNS }
#define PEER(...)	{ FROM_UPLINK, __VA_ARGS__ }
#define GUEST(...)	{ TO_UPLINK, __VA_ARGS__ }

static const struct {
	const char *claim;
	struct segment segments[8];
} connections[] = {
	{ "a reset where the guest waits is believed", { CONNECTED, PEER(RST, NEXT, 0, DOWN) } },
	{ "a reset with an acknowledgement too", { CONNECTED, PEER(RST | ACK, NEXT, 101, DOWN) } },
	{ "a reset one byte before is not believed", { CONNECTED, PEER(RST, NEXT - 1, 0, RUNS) } },
	{ "a reset one byte behind is not believed", { CONNECTED, PEER(RST, NEXT + 1, 0, RUNS) } },
	{ "a reset anywhere else is not believed", { CONNECTED, PEER(RST | ACK, 0x12345678, 101, RUNS) } },
	{ "a reset that finishes as well is not believed in either",
	  { CONNECTED, PEER(RST | FIN, NEXT + 1, 0, RUNS), GUEST(FIN | ACK, 101, NEXT, RUNS) } },
	{ "where the guest waits moves with what it acknowledges",
	  { CONNECTED, GUEST(ACK, 101, NEXT + 1000, RUNS), PEER(RST, NEXT, 0, RUNS), PEER(RST, NEXT + 1000, 0, DOWN) } },
	{ "a reset of a connection not yet answered is believed", { OPENED, PEER(RST | ACK, 0, 101, DOWN) } },
	{ "a guest's reset needs no number", { CONNECTED, GUEST(RST, 77, 0, DOWN) } },
	{ "a FIN where the guest waits closes its side",
	  { CONNECTED, GUEST(FIN | ACK, 101, NEXT, RUNS), PEER(FIN | ACK, NEXT, 102, DOWN) } },
	{ "a FIN behind what is in flight closes its side",
	  { CONNECTED, GUEST(FIN | ACK, 101, NEXT, RUNS), PEER(FIN | ACK, NEXT + (1 << 20), 102, DOWN) } },
	{ "a FIN sent again closes its side",
	  { CONNECTED, GUEST(FIN | ACK, 101, NEXT, RUNS), PEER(FIN | ACK, NEXT - (1 << 20), 102, DOWN) } },
	{ "a FIN further ahead is not believed",
	  { CONNECTED, GUEST(FIN | ACK, 101, NEXT, RUNS), PEER(FIN | ACK, NEXT + (1 << 20) + 1, 102, RUNS) } },
	{ "a FIN further back is not believed",
	  { CONNECTED, GUEST(FIN | ACK, 101, NEXT, RUNS), PEER(FIN | ACK, NEXT - (1 << 20) - 1, 102, RUNS) } },
	{ "the peer's data after a reset revives",
	  { CONNECTED, PEER(RST, NEXT, 0, DOWN), PEER(PSH | ACK, NEXT, 101, RUNS) } },
	{ "the guest's data after a reset revives",
	  { CONNECTED, PEER(RST, NEXT, 0, DOWN), GUEST(PSH | ACK, 101, NEXT, RUNS) } },
	{ "another reset after one, not believed, does not revive",
	  { CONNECTED, PEER(RST, NEXT, 0, DOWN), PEER(RST, NEXT + 9, 0, DOWN) } },
	{ "a SYN from outside changes nothing of a connection", { CONNECTED, PEER(SYN, 5, 0, RUNS), PEER(PSH | ACK, NEXT, 101, RUNS) } },
	{ "an old SYN-ACK changes nothing of a connection",
	  { CONNECTED, PEER(SYN | ACK, NEXT - 1, 101, RUNS), PEER(SYN | ACK, 0x12345678, 99, RUNS) } },
	{ "a SYN from outside leaves a half-closed one as it is",
	  { CONNECTED, PEER(FIN | ACK, NEXT, 101, RUNS), PEER(SYN, 5, 0, RUNS), GUEST(FIN | ACK, 101, NEXT + 1, DOWN) } },
	{ "an old SYN-ACK does not open a closed one",
	  { CONNECTED, PEER(FIN | ACK, NEXT, 101, RUNS), GUEST(FIN | ACK, 101, NEXT + 1, DOWN),
	    PEER(SYN | ACK, NEXT - 1, 101, DOWN) } },
};

/* Sent, and delivered whole. */
static void pass(const struct segment *s)
{
	struct packet p = {
		.dmac = UPLINK_MAC, .smac = PEER_MAC, .saddr = SERVER, .daddr = HOST_IP, .proto = TCP,
		.sport = 80, .dport = 5000, .flags = s->flags, .seq = s->seq, .ack = s->ack,
	};
	struct packet out = p;
	__u8 frame[PACKET_MAX], want[PACKET_MAX];
	unsigned int len;

	out.dmac = TAG_MAC(ANN);
	out.daddr = ANN_IP;
	if (s->hook == TO_UPLINK) {
		p.dmac = out.dmac = GATEWAY_MAC;
		p.smac = out.smac = ANN_MAC;
		p.daddr = out.daddr = SERVER;
		p.saddr = ANN_IP;
		out.saddr = HOST_IP;
		p.sport = out.sport = 5000;
		p.dport = out.dport = 80;
	}
	out.ttl = 63;
	len = packet_build(&p, frame);
	CHECK_EQ(world_run(s->hook, 0, frame, &len, 0), REDIRECT);
	CHECK_BYTES(frame, len, want, packet_build(&out, want));
}

static void check_after(const struct segment *s)
{
	struct cv_tuple key = world_tuple(TCP, ANN_IP, 5000, SERVER, 80);
	struct cv_flow f = {};

	CHECK(world_flow(&key, &f));
	CHECK_EQ(f.state, s->state);
	CHECK_EQ(f.timeout_ticks, CV_TICKS(s->state == RUNS ? EST_S : TRANS_S));
	if (s->hook == TO_UPLINK && s->flags & ACK) {
		CHECK_EQ(f.out_next, s->ack);
		CHECK(f.flags & CV_FLOW_ACKED);
	}
}

int main(void)
{
	world_open();
	for (unsigned int i = 0; i < sizeof(connections) / sizeof(connections[0]); i++) {
		claim_begin();
		for (const struct segment *s = connections[i].segments; s->state; s++) {
			pass(s);
			check_after(s);
		}
		CHECK_EQ(world_entries(world.flows, sizeof(struct cv_tuple)), 1);
		CHECK_EXTERNALS();
		claim_end("%s", connections[i].claim);
	}
	return table_end();
}
