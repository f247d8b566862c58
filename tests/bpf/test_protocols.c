// SPDX-License-Identifier: GPL-2.0-only
/*
 * Protocols other than TCP, UDP and ICMP: translated by address alone.  The
 * first guest that speaks one with a peer has it, until its flow is gone.
 */
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "again.h"
#include "inbound.h"

#define GRE		.proto = 47, .len = 64
#define ESP		.proto = 50, .len = 64
#define SCTP		.proto = 132, .len = 64
#define LEFT		.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = HOST_IP, .ttl = 63
#define FROM_BOB	.dmac = GATEWAY_MAC, .smac = BOB_MAC, .saddr = BOB_IP
#define REFUSED(slot, ip) .dmac = TAG_MAC(slot), .saddr = GATEWAY, .daddr = ip, .proto = ICMP, .frag = DF, \
			.type = UNREACHABLE, .code = 13

static bool spoken(unsigned int proto)
{
	return proto != TCP && proto != UDP && proto != ICMP && proto != 33 && proto != 51 && proto != 136;
}

static __u32 n_protocols(void)
{
	return world_entries(world.protocols, sizeof(struct cv_protocol));
}

static void speak(enum hook hook, const struct packet *p)
{
	CHECK_EQ(world_send(hook, p), REDIRECT);
}

static void gre_spoken(void)
{
	speak(TO_UPLINK, &(const struct packet) { FROM_ANN, .daddr = SERVER, GRE });
}

static void gre_spoken_long_ago(void)
{
	const struct cv_tuple key = world_tuple(47, ANN_IP, 0, SERVER, 0);

	gre_spoken();
	world_age(&key, CV_TICKS(UDP_S) + 2, CV_TICKS(UDP_S) + 2);
}

static void gre_forgotten(void)
{
	gre_spoken();
	CHECK_EQ(world_flush(0, 0, 10), 1);
	CHECK_EQ(n_protocols(), 0);
}

static void ports_spent(void)
{
	struct cv_port port = world_port(ANN);

	port.max_ports = 0;
	world_set_port(ANN, &port);
}

static void flows_spent(void)
{
	struct cv_port port = world_port(ANN);

	port.max_flows = 0;
	world_set_port(ANN, &port);
}

static void one(void)
{
	check_count(1);
	CHECK_EQ(n_protocols(), 1);
	CHECK_EQ(world_use(world.port_use, ANN).ports, 0);
}

static void none(void)
{
	check_count(0);
	CHECK_EQ(n_protocols(), 0);
}

static const struct row rows[] = {
	{
		.claim = "GRE leaves by the host's address", .hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER, GRE }, .verdict = REDIRECT, .after = one,
		.out = OUT(LEFT, .daddr = SERVER, GRE),
	}, {
		.claim = "an answer comes to who spoke", .hook = FROM_UPLINK, .before = gre_spoken,
		.in = { OUTSIDE, .saddr = SERVER, GRE }, .verdict = REDIRECT, .after = one,
		.out = OUT(TO_ANN, .saddr = SERVER, GRE),
	}, {
		.claim = "a second packet is of the same flow", .hook = TO_UPLINK, .before = gre_spoken,
		.in = { FROM_ANN, .daddr = SERVER, GRE }, .verdict = REDIRECT, .after = one,
		.out = OUT(LEFT, .daddr = SERVER, GRE),
	}, {
		.claim = "a packet without payload leaves, too", .hook = TO_UPLINK,
		.in = { FROM_ANN, .daddr = SERVER, .proto = 47 }, .verdict = REDIRECT, .after = one,
		.out = OUT(LEFT, .daddr = SERVER, .proto = 47),
	}, {
		.claim = "another guest does not speak it with the same peer, and is told", .hook = TO_UPLINK,
		.before = gre_spoken,
		.in = { FROM_BOB, .daddr = SERVER, GRE },
		.verdict = REDIRECT, .drop = BECAUSE_OF(NO_PORT, NET, BOB), .after = one,
		.out = OUT(REFUSED(BOB, BOB_IP), .quote = QUOTE(FROM_BOB, .daddr = SERVER, GRE)),
	}, {
		.claim = "nor does one of another network", .hook = TO_UPLINK, .at = TWIN, .before = gre_spoken,
		.in = { FROM_ANN, .daddr = SERVER, GRE },
		.verdict = REDIRECT, .drop = BECAUSE_OF(NO_PORT, TWIN, DAN),
		.out = OUT(REFUSED(DAN, ANN_IP), .quote = QUOTE(FROM_ANN, .daddr = SERVER, GRE)),
	}, {
		.claim = "another guest speaks it with another peer", .hook = TO_UPLINK, .before = gre_spoken,
		.in = { FROM_BOB, .daddr = SERVER + 1, GRE }, .verdict = REDIRECT,
		.out = OUT(.dmac = GATEWAY_MAC, .smac = BOB_MAC, .saddr = HOST_IP, .daddr = SERVER + 1, GRE, .ttl = 63),
	}, {
		.claim = "another guest speaks another protocol with the same peer", .hook = TO_UPLINK, .before = gre_spoken,
		.in = { FROM_BOB, .daddr = SERVER, ESP }, .verdict = REDIRECT,
		.out = OUT(.dmac = GATEWAY_MAC, .smac = BOB_MAC, .saddr = HOST_IP, .daddr = SERVER, ESP, .ttl = 63),
	}, {
		.claim = "another guest speaks it when the first one's flow has gone", .hook = TO_UPLINK,
		.before = gre_forgotten,
		.in = { FROM_BOB, .daddr = SERVER, GRE }, .verdict = REDIRECT,
		.out = OUT(.dmac = GATEWAY_MAC, .smac = BOB_MAC, .saddr = HOST_IP, .daddr = SERVER, GRE, .ttl = 63),
	}, {
		.claim = "a flow lives as long as UDP's", .hook = FROM_UPLINK, .before = gre_spoken_long_ago,
		.in = { OUTSIDE, .saddr = SERVER, GRE }, .verdict = PASS,
	}, {
		.claim = "and is begun anew by its guest", .hook = TO_UPLINK, .before = gre_spoken_long_ago,
		.in = { FROM_ANN, .daddr = SERVER, GRE }, .verdict = REDIRECT, .after = one,
		.out = OUT(LEFT, .daddr = SERVER, GRE),
	}, {
		.claim = "the host's own GRE is left alone", .hook = FROM_UPLINK, .before = gre_spoken,
		.in = { OUTSIDE, .saddr = SERVER + 1, GRE }, .verdict = PASS, .after = one,
	}, {
		.claim = "the host's own ESP of the same peer is left alone", .hook = FROM_UPLINK, .before = gre_spoken,
		.in = { OUTSIDE, .saddr = SERVER, ESP }, .verdict = PASS, .after = one,
	}, {
		.claim = "GRE by the host's other address is left alone", .hook = FROM_UPLINK, .at = UPLINK2,
		.before = gre_spoken,
		.in = { .dmac = UPLINK_MAC, .smac = PEER_MAC, .saddr = SERVER, .daddr = HOST2_IP, GRE }, .verdict = PASS,
	}, {
		.claim = "it needs no port", .hook = TO_UPLINK, .before = ports_spent,
		.in = { FROM_ANN, .daddr = SERVER, SCTP }, .verdict = REDIRECT, .after = one,
		.out = OUT(LEFT, .daddr = SERVER, SCTP),
	}, {
		.claim = "it is a flow of the guest's", .hook = TO_UPLINK, .before = flows_spent,
		.in = { FROM_ANN, .daddr = SERVER, SCTP },
		.verdict = REDIRECT, .drop = BECAUSE(PORT_FLOWS), .after = none,
		.out = OUT(REFUSED(ANN, ANN_IP), .quote = QUOTE(FROM_ANN, .daddr = SERVER, SCTP)),
	}, {
		.claim = "around the corner nobody is reached by it", .hook = TO_UPLINK, .before = gre_spoken,
		.in = { FROM_BOB, .daddr = HOST_IP, GRE },
		.verdict = REDIRECT, .drop = BECAUSE_OF(HOST_CLOSED, NET, BOB), .after = one,
		.out = OUT(REFUSED(BOB, BOB_IP), .quote = QUOTE(FROM_BOB, .daddr = HOST_IP, GRE)),
	}, {
		.claim = "TTL 1 ends here", .hook = TO_UPLINK, .before = gre_spoken,
		.in = { FROM_ANN, .daddr = SERVER, GRE, .ttl = 1 }, .verdict = REDIRECT, .drop = BECAUSE(TTL),
		.out = OUT(.dmac = TAG_MAC(ANN), .saddr = GATEWAY, .daddr = ANN_IP, .proto = ICMP, .frag = DF,
			   .type = TIME_EXCEEDED, .quote = QUOTE(FROM_ANN, .daddr = SERVER, GRE, .ttl = 1)),
	}, {
		.claim = "an ICMP error about it comes to who spoke", .hook = FROM_UPLINK, .before = gre_spoken,
		.in = { OUTSIDE, .saddr = ROUTER_IP, .proto = ICMP, .type = UNREACHABLE, .code = 4, .rest = 1400,
			.quote = QUOTE(.saddr = HOST_IP, .daddr = SERVER, GRE) },
		.verdict = REDIRECT, .after = one,
		.out = OUT(TO_ANN, .saddr = ROUTER_IP, .proto = ICMP, .type = UNREACHABLE, .code = 4, .rest = 1400,
			   .quote = QUOTE(.saddr = ANN_IP, .daddr = SERVER, GRE)),
	}, {
		.claim = "an ICMP error about the host's own is left alone", .hook = FROM_UPLINK, .before = gre_spoken,
		.in = { OUTSIDE, .saddr = ROUTER_IP, .proto = ICMP, .type = UNREACHABLE, .code = 4, .rest = 1400,
			.quote = QUOTE(.saddr = HOST_IP, .daddr = SERVER + 1, GRE) },
		.verdict = PASS,
	}, {
		.claim = "a guest's error about it leaves", .hook = TO_UPLINK, .before = gre_spoken, .verdict = REDIRECT,
		.in = { FROM_ANN, .daddr = SERVER, .proto = ICMP, .type = UNREACHABLE, .code = 2,
			.quote = QUOTE(.saddr = SERVER, .daddr = ANN_IP, GRE) },
		.out = OUT(LEFT, .daddr = SERVER, .proto = ICMP, .type = UNREACHABLE, .code = 2,
			   .quote = QUOTE(.saddr = SERVER, .daddr = HOST_IP, GRE)),
	},
};

/* Not a byte but addresses, TTL and checksum of the header. */
static void each_protocol(void)
{
	claim_begin();
	for (unsigned int proto = 0; proto < 256; proto++) {
		const struct packet left = { LEFT, .daddr = SERVER, .proto = proto, .len = 64 };
		const struct packet came = { TO_ANN, .saddr = SERVER, .proto = proto, .len = 64 };
		const struct row out = {
			.hook = TO_UPLINK, .in = { FROM_ANN, .daddr = SERVER, .proto = proto, .len = 64 },
			.verdict = REDIRECT, .out = &left,
		};
		const struct row in = {
			.hook = FROM_UPLINK, .in = { OUTSIDE, .saddr = SERVER, .proto = proto, .len = 64 },
			.verdict = REDIRECT, .out = &came,
		};

		if (!spoken(proto))
			continue;
		row_check(&out);
		row_check(&in);
	}
	CHECK_EQ(n_protocols(), 250);
	CHECK_EQ(world_flush(0, 0, 300), 250);
	CHECK_EQ(n_protocols(), 0);
	claim_end("250 protocols leave and are answered by address alone");
}

/* What is not spoken outward is not taken for a guest's inward. */
static void not_spoken(void)
{
	static const unsigned int protos[] = { 33, 51, 136 };

	claim_begin();
	for (unsigned int i = 0; i < 3; i++) {
		const struct row in = {
			.hook = FROM_UPLINK, .in = { OUTSIDE, .saddr = SERVER, .proto = protos[i], .len = 64 },
			.verdict = PASS,
		};

		gre_spoken();
		row_check(&in);
	}
	claim_end("AH, DCCP and UDP-Lite from outside are the host's");
}

static void fragments(bool reply)
{
	const struct packet in = {
		.dmac = reply ? UPLINK_MAC : GATEWAY_MAC, .smac = reply ? PEER_MAC : ANN_MAC,
		.saddr = reply ? SERVER : ANN_IP, .daddr = reply ? HOST_IP : SERVER, .proto = 47, .id = 5, .len = 3000,
	};
	struct packet want = in;
	static struct datagram d;
	static struct travel t;
	__u8 frame[PACKET_MAX];
	struct frame f;

	claim_begin();
	again_none(reply ? FROM_UPLINK : TO_UPLINK, 0);
	gre_spoken();
	for (int i = 2; i >= 0; i--) {
		f.len = packet_part(&in, i * 1480, 1480, i < 2, f.bytes);
		again_travel(reply ? FROM_UPLINK : TO_UPLINK, 0, &f, &t);
	}
	*(reply ? &want.daddr : &want.saddr) = reply ? ANN_IP : HOST_IP;
	want.ttl = 63;
	if (datagram_join(t.left, t.n_left, &d)) {
		want.id = d.id;
		CHECK_BYTES(d.bytes, d.len, frame + 14, packet_build(&want, frame) - 14);
	}
	CHECK_EQ(t.n_left, 3);
	claim_end("fragments of GRE %s, though they come last first", reply ? "arrive" : "leave");
}

int main(void)
{
	world_open();
	TABLE_RUN(rows);
	each_protocol();
	not_spoken();
	fragments(false);
	fragments(true);
	return table_end();
}
