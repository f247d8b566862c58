// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a test run of the kernel cannot show: frames shorter than an IPv4
 * header, VLAN tags, half-made checksums and segments, and where packets go.
 */
#include <stdio.h>
#include <string.h>

#include "again.h"
#include "arp.h"
#include "dhcp.h"
#include "live.h"
#include "table.h"

#define FROM_TOM	.dmac = GATEWAY_MAC, .smac = TOM_MAC, .saddr = TOM_IP
#define CSUM_OF_TCP	16
#define CSUM_OF_UDP	6

static void begin(void)
{
	struct live_frame left;

	claim_begin();
	world_add_port(NET, TOM, TOM_IP);
	/* Whatever an earlier claim left on its way. */
	while (live_read(live_tap, &left, 0) && !claim_failed())
		check_failed(__FILE__, __LINE__, "a frame nobody asked for, ethertype %04x", get16(left.bytes + 12));
}

/* What arrives at @fd is this frame, and its header says the same. */
static void expect(int fd, const struct live_frame *want)
{
	struct live_frame got;

	if (!live_read(fd, &got, 2000)) {
		check_failed(__FILE__, __LINE__, "nothing arrived %s", fd == live_tap ? "at the guest" : "outside");
		return;
	}
	CHECK_BYTES(got.bytes, got.len, want->bytes, want->len);
	CHECK_EQ(got.vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, want->vnet.flags);
	CHECK_EQ(got.vnet.gso_type, want->vnet.gso_type);
	CHECK_EQ(got.vnet.gso_size, want->vnet.gso_size);
	if (!want->vnet.flags)
		return;
	CHECK_EQ(got.vnet.csum_start, want->vnet.csum_start);
	CHECK_EQ(got.vnet.csum_offset, want->vnet.csum_offset);
}

static void expect_nothing(int fd)
{
	struct live_frame got;

	CHECK(!live_read(fd, &got, 100));
}

/* --- what does not enter */

static void short_frames(void)
{
	const struct packet p = { FROM_TOM, .daddr = SERVER, .proto = UDP, .len = 40 };
	const struct cv_drop_key malformed = BECAUSE_OF(MALFORMED, NET, TOM);
	struct live_frame f = live_packet(&p);

	begin();
	for (f.len = 14; f.len < 34; f.len++) {
		drops_clear();
		live_write(live_tap, &f);
		CHECK_DROPS(&malformed, 1);
	}
	expect_nothing(live_outside);
	claim_end("frames of 14 to 33 bytes are malformed");
}

static void put_tag(struct live_frame *f, __u16 ethertype, __u16 tci)
{
	memmove(f->bytes + 16, f->bytes + 12, f->len - 12);
	put16(f->bytes + 12, ethertype);
	put16(f->bytes + 14, tci);
	f->len += 4;
}

/* The kernel takes the tag off before a program sees the frame. */
static void tagged(__u16 ethertype, __u16 tci, const char *what)
{
	const struct packet p = { FROM_TOM, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .len = 40 };
	const struct cv_drop_key why = BECAUSE_OF(ETHERTYPE, NET, TOM);
	struct live_frame f = live_packet(&p);

	begin();
	put_tag(&f, ethertype, tci);
	live_write(live_tap, &f);
	CHECK_DROPS(&why, 1);
	expect_nothing(live_outside);
	claim_end("a frame with %s does not enter", what);
}

/* A tag on the uplink is of a link of the host's own. */
static void tagged_reply(void)
{
	const struct packet query = { FROM_TOM, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53 };
	const struct packet reply = {
		.dmac = UPLINK_MAC, .smac = PEER_MAC, .saddr = SERVER, .daddr = HOST_IP, .proto = UDP, .sport = 53,
		.dport = 5000, .len = 20,
	};
	struct live_frame f = live_packet(&query), out;

	begin();
	live_write(live_tap, &f);
	CHECK(live_read(live_outside, &out, 2000));
	f = live_packet(&reply);
	put_tag(&f, 0x8100, 100);
	live_write(live_outside, &f);
	expect_nothing(live_tap);
	claim_end("a reply with a VLAN tag is left to the host");
}

/* The kernel would write a checksum there, after all that was judged. */
static void false_place(const struct packet *p, __u16 start, __u16 offset, const char *what)
{
	const struct cv_drop_key why = BECAUSE_OF(OFFLOAD, NET, TOM);
	struct live_frame f = live_packet(p);

	begin();
	f.vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	f.vnet.csum_start = start;
	f.vnet.csum_offset = offset;
	live_write(live_tap, &f);
	CHECK_DROPS(&why, 1);
	expect_nothing(live_outside);
	expect_nothing(live_tap);
	claim_end("a checksum is not to be written %s", what);
}

static void false_places(void)
{
	const struct packet udp = { FROM_TOM, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .len = 40 };
	const struct packet tcp = { FROM_TOM, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = SYN };
	const struct packet options = {
		FROM_TOM, .daddr = SERVER, .proto = UDP, .options = "\x01\x01\x01\x00", .options_len = 4, .len = 40,
	};
	const struct packet ping = { FROM_TOM, .daddr = SERVER, .proto = ICMP, .type = ECHO, .len = 40 };
	const struct packet first = { FROM_TOM, .daddr = SERVER, .proto = UDP, .frag = MF, .len = 40 };
	const struct packet later = { FROM_TOM, .daddr = SERVER, .proto = UDP, .frag = 5, .len = 40 };
	const struct packet ask = { .dmac = ALL_MAC, .smac = TOM_MAC, ARP(ARP_REQUEST, TOM_MAC, TOM_IP, 0ULL, GATEWAY) };

	false_place(&udp, 20, 6, "over the source address");
	false_place(&udp, 26, 0, "over the source address, from there on");
	false_place(&udp, 20, 4, "over the IP header's");
	false_place(&udp, 34, 0, "over the source port");
	false_place(&udp, 34, CSUM_OF_TCP, "where TCP has it, in UDP");
	false_place(&tcp, 34, CSUM_OF_UDP, "where UDP has it, in TCP");
	false_place(&udp, 42, CSUM_OF_UDP, "into the payload");
	false_place(&options, 34, CSUM_OF_UDP, "into IP options");
	false_place(&ping, 34, 2, "into an echo");
	false_place(&first, 34, CSUM_OF_UDP, "into a first fragment");
	false_place(&later, 34, CSUM_OF_UDP, "into a later fragment");
	false_place(&ask, 34, CSUM_OF_UDP, "into ARP");
}

/* --- what is answered at the port */

static void arp_answered(void)
{
	const struct packet ask = {
		.dmac = ALL_MAC, .smac = TOM_MAC, ARP(ARP_REQUEST, TOM_MAC, TOM_IP, 0ULL, GATEWAY),
	};
	const struct packet answer = {
		.dmac = TOM_MAC, .smac = GATEWAY_MAC, ARP(ARP_REPLY, GATEWAY_MAC, GATEWAY, TOM_MAC, TOM_IP),
	};
	const struct live_frame in = live_packet(&ask), want = live_packet(&answer);

	begin();
	live_write(live_tap, &in);
	expect(live_tap, &want);
	claim_end("ARP for the gateway is answered out of the port that asked");
}

static void dhcp_answered(void)
{
	const struct request r = { OPTIONS("\x35\x01\x01\xff") };
	const struct reply answer = { .type = OFFER, .lease_s = CV_DHCP_LEASE_S };
	struct live_frame in = {}, want = {};
	struct cv_port port;
	struct cv_lease l;

	begin();
	/* Ann's lease, on Tom's link. */
	world_add_port(NET, TOM, ANN_IP);
	dhcp_setup();
	l = dhcp_lease();
	port = world_port(TOM);
	l.slot = TOM;
	dhcp_set_lease(&l);
	put48(port.mac, ANN_MAC);
	world_set_port(TOM, &port);

	in.len = request_build(&r, in.bytes);
	live_partial(&in, CSUM_OF_UDP);
	live_write(live_tap, &in);
	want.len = reply_build(&answer, want.bytes);
	expect(live_tap, &want);
	claim_end("a DHCP request with a half-made checksum is answered with a whole one");
}

static void time_exceeded(bool partial)
{
	const struct packet p = { FROM_TOM, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .ttl = 1, .len = 400 };
	struct live_frame in = live_packet(&p), want = {};
	struct packet error = {
		.dmac = TOM_MAC, .smac = GATEWAY_MAC, .saddr = GATEWAY, .daddr = TOM_IP,
		.proto = ICMP, .frag = DF, .type = TIME_EXCEEDED, .len = 28,
	};

	begin();
	if (partial)
		live_partial(&in, CSUM_OF_UDP);
	error.data = in.bytes + 14;	/* the quote, its checksum as it was */
	want = live_packet(&error);
	live_write(live_tap, &in);
	expect(live_tap, &want);
	expect_nothing(live_outside);
	claim_end("time exceeded reaches the guest, whose checksum was %s", partial ? "half-made" : "whole");
}

/* --- the whole road */

struct road {
	const char *claim;
	struct packet out;	/* as the guest sends it */
	enum { WHOLE, PARTIAL, SEGMENTS } checksums;
};

#define SEGMENT_SIZE	1448

static const struct road roads[] = {
	{ "UDP there and back",
	  { FROM_TOM, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .len = 100 }, WHOLE },
	{ "UDP there and back, checksums half-made",
	  { FROM_TOM, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .len = 100 }, PARTIAL },
	{ "UDP of another port there and back, checksums half-made",
	  { FROM_TOM, .daddr = SERVER, .proto = UDP, .sport = 80, .dport = 53, .len = 100 }, PARTIAL },
	{ "TCP there and back, checksums half-made",
	  { FROM_TOM, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = SYN }, PARTIAL },
	{ "TCP segments there and back, whole",
	  { FROM_TOM, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = ACK, .len = 7000 },
	  SEGMENTS },
	{ "TCP segments of another port there and back, whole",
	  { FROM_TOM, .daddr = SERVER, .proto = TCP, .sport = 80, .dport = 80, .flags = ACK, .len = 7000 },
	  SEGMENTS },
	{ "an echo there and back",
	  { FROM_TOM, .daddr = SERVER, .proto = ICMP, .type = ECHO, .sport = 7, .dport = 1, .len = 56 }, WHOLE },
};

static struct live_frame road_frame(const struct road *r, const struct packet *p)
{
	struct live_frame f = live_packet(p);

	if (r->checksums != WHOLE)
		live_partial(&f, p->proto == TCP ? CSUM_OF_TCP : CSUM_OF_UDP);
	if (r->checksums == SEGMENTS) {
		f.vnet.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
		f.vnet.gso_size = SEGMENT_SIZE;
		f.vnet.hdr_len = 54;
	}
	return f;
}

static void take_road(const struct road *r)
{
	struct packet p = r->out;
	struct cv_tuple key = world_tuple(p.proto, TOM_IP, p.sport, SERVER, p.proto == ICMP ? 0 : p.dport);
	struct live_frame f = road_frame(r, &p);
	struct cv_flow flow = {};
	__u16 inner = p.sport;
	const struct cv_drop_key none = {};

	begin();
	live_write(live_tap, &f);
	CHECK(world_flow(&key, &flow));
	p.dmac = PEER_MAC;
	p.smac = UPLINK_MAC;
	p.saddr = HOST_IP;
	p.sport = ntohs(flow.port);
	p.ttl = 63;
	f = road_frame(r, &p);
	expect(live_outside, &f);

	p = (struct packet) {
		.dmac = UPLINK_MAC, .smac = PEER_MAC, .saddr = SERVER, .daddr = HOST_IP, .proto = p.proto,
		.type = ECHO_REPLY, .flags = p.flags, .len = p.len,
		.sport = p.proto == ICMP ? p.sport : p.dport, .dport = p.proto == ICMP ? p.dport : p.sport,
	};
	f = road_frame(r, &p);
	live_write(live_outside, &f);
	p.dmac = TOM_MAC;
	p.smac = GATEWAY_MAC;
	p.daddr = TOM_IP;
	p.ttl = 63;
	*(p.proto == ICMP ? &p.sport : &p.dport) = inner;
	f = road_frame(r, &p);
	expect(live_tap, &f);
	CHECK_DROPS(&none, 0);
	claim_end("%s", r->claim);
}

/* --- in parts */

#define NARROW	IP(100, 68, 0, 1)	/* on a route of 1300 bytes */

/* So many frames that arrive at @fd are parts of this one. */
static void expect_parts(int fd, const struct packet *p, unsigned int n)
{
	static struct frame parts[8];
	static struct datagram whole;
	static struct live_frame got;
	struct live_frame want;
	struct packet of = *p;

	for (unsigned int i = 0; i < n && !claim_failed(); i++) {
		CHECK(live_read(fd, &got, 2000));
		CHECK_EQ(got.vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, 0);
		CHECK_EQ(got.vnet.gso_type, 0);
		memcpy(parts[i].bytes, got.bytes, got.len);
		parts[i].len = got.len;
	}
	if (claim_failed() || !datagram_join(parts, n, &whole))
		return;
	of.id = whole.id;
	want = live_packet(&of);
	CHECK_BYTES(whole.bytes, whole.len, want.bytes + 14, want.len - 14);
	CHECK(!memcmp(parts[0].bytes, want.bytes, 14));
}

/* The last bytes make the checksum 0, which UDP writes as 0xffff. */
static void to_zero(const struct packet *p, __u8 *data)
{
	__u8 frame[PACKET_MAX], *last = data + p->len - 2;
	__u32 sum;

	put16(last, 0);
	packet_build(p, frame);
	sum = get16(last) + get16(frame + 14 + 20 + CSUM_OF_UDP);
	put16(last, (sum & 0xffff) + (sum >> 16));
	packet_build(p, frame);
	CHECK_EQ(get16(frame + 14 + 20 + CSUM_OF_UDP), 0xffff);
}

enum zero { AS_IT_IS, ZERO_INSIDE, ZERO_OUTSIDE };

static void cut(struct packet p, bool partial, enum zero zero, const char *what)
{
	const struct cv_drop_key none = {};
	struct cv_flow flow = {};
	static __u8 data[1400];
	struct cv_tuple key;
	struct live_frame f;

	begin();
	if (zero) {
		p.data = data;
		p.len = sizeof(data);
		p.saddr = zero == ZERO_INSIDE ? TOM_IP : HOST_IP;
		to_zero(&p, data);
		p.saddr = TOM_IP;
	}
	f = live_packet(&p);
	key = world_tuple(p.proto, TOM_IP, p.sport, p.daddr, p.dport);
	if (partial)
		live_partial(&f, p.proto == TCP ? CSUM_OF_TCP : CSUM_OF_UDP);
	live_write(live_tap, &f);
	CHECK(world_flow(&key, &flow));
	p.dmac = PEER_MAC;
	p.smac = UPLINK_MAC;
	p.saddr = HOST_IP;
	p.sport = ntohs(flow.port);
	p.ttl = 63;
	expect_parts(live_outside, &p, 2);
	expect_nothing(live_outside);
	CHECK_DROPS(&none, 0);
	claim_end("%s leaves in parts with a right checksum, which the guest had left %s", what,
		  partial ? "half-made" : "whole");
}

static void cut_all(void)
{
	const struct packet udp = { FROM_TOM, .daddr = NARROW, .proto = UDP, .sport = 5000, .dport = 53 };
	const struct packet tcp = { FROM_TOM, .daddr = NARROW, .proto = TCP, .sport = 5000, .dport = 80, .flags = ACK };
	struct packet p;

	for (int partial = 0; partial < 2; partial++) {
		p = udp;
		p.len = 1472;
		cut(p, partial, AS_IT_IS, "a datagram");
		p.len = 1471;
		cut(p, partial, AS_IT_IS, "a datagram of odd length");
		p.sport = 80;
		cut(p, partial, AS_IT_IS, "a datagram from another port");
		p = tcp;
		p.len = 1459;
		cut(p, partial, AS_IT_IS, "a segment of odd length");
		p.sport = 80;
		cut(p, partial, AS_IT_IS, "a segment from another port");
		p = udp;
		cut(p, partial, ZERO_INSIDE, "a datagram whose checksum inside is zero");
		cut(p, partial, ZERO_OUTSIDE, "a datagram whose checksum outside is zero");
		p.len = 1464;
		p.options = "\x94\x04\x00\x00\x01\x01\x01\x00";
		p.options_len = 8;
		cut(p, partial, AS_IT_IS, "a datagram with options");
	}
}

/* Backwards, by all four programs. */
static void fragments(bool reply)
{
	const struct packet query = { FROM_TOM, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .id = 9, .len = 3000 };
	const struct packet answer = {
		.dmac = UPLINK_MAC, .smac = PEER_MAC, .saddr = SERVER, .daddr = HOST_IP, .proto = UDP, .sport = 53,
		.dport = 5000, .id = 9, .len = 3000,
	};
	struct packet begun = query, want = reply ? answer : query;
	struct live_frame f;

	begin();
	begun.len = 10;
	begun.frag = DF;
	f = live_packet(&begun);
	live_write(live_tap, &f);
	CHECK(live_read(live_outside, &f, 2000));
	for (int i = 2; i >= 0; i--) {
		memset(&f, 0, sizeof(f));
		f.len = packet_part(&want, i * 1480, 1480, i < 2, f.bytes);
		live_write(reply ? live_outside : live_tap, &f);
	}
	want.ttl = 63;
	want.dmac = reply ? TOM_MAC : PEER_MAC;
	want.smac = reply ? GATEWAY_MAC : UPLINK_MAC;
	*(reply ? &want.daddr : &want.saddr) = reply ? TOM_IP : HOST_IP;
	expect_parts(reply ? live_tap : live_outside, &want, 3);
	CHECK_EQ(world_totals().fragments_held, 2);
	claim_end("fragments %s that come last first arrive", reply ? "of a reply" : "of a guest's datagram");
}

int main(void)
{
	if (!live_open()) {
		printf("1..0 # SKIP no tcx links before Linux 6.6\n");
		return 0;
	}
	short_frames();
	tagged(0x8100, 100, "a VLAN tag");
	tagged(0x8100, 0, "a priority tag");
	tagged(0x88a8, 100, "a provider's VLAN tag");
	tagged_reply();
	false_places();
	arp_answered();
	dhcp_answered();
	time_exceeded(false);
	time_exceeded(true);
	for (unsigned int i = 0; i < sizeof(roads) / sizeof(roads[0]); i++)
		take_road(&roads[i]);
	cut_all();
	fragments(false);
	fragments(true);
	return table_end();
}
