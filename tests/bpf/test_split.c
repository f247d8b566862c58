// SPDX-License-Identifier: GPL-2.0-only
/*
 * cv_to_uplink: a packet that is larger than its way out and may be fragmented
 * leaves in parts, in order (RFC 791 section 3.2, RFC 4787 REQ-13a).  What
 * enters again is caught and fed back (again.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "again.h"

#define TO(addr)	.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = ANN_IP, .daddr = (addr)
#define LEFT(by, addr)	.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = (by), .daddr = (addr), .ttl = 63
#define LOCKED		IP(100, 68, 0, 1)	/* by the first uplink, the route's MTU is 1300 */
#define ERROR(t, c)	.dmac = TAG_MAC(ANN), .saddr = GATEWAY, .daddr = ANN_IP, .proto = ICMP, .frag = DF, \
			.type = (t), .code = (c)
#define UDP_QUERY	.proto = UDP, .sport = 5000, .dport = 53

static struct travel t;
static struct datagram whole;

static void begin(void)
{
	claim_begin();
	again_none(TO_UPLINK, 0);
}

static void send_packet(const struct packet *p)
{
	struct frame f;

	f.len = packet_build(p, f.bytes);
	again_travel(TO_UPLINK, 0, &f, &t);
}

/* As the guest's packet, translated: these bytes, if it were put together. */
static void check_parts(const struct packet *want, unsigned int mtu, unsigned int n)
{
	unsigned int hlen = 20 + want->options_len;
	struct packet p = *want;
	__u8 frame[PACKET_MAX];
	unsigned int len;

	if (!datagram_join(t.left, t.n_left, &whole))
		return;
	p.id = whole.id;	/* whatever it is, it is that of all parts */
	len = packet_build(&p, frame);
	CHECK_BYTES(whole.bytes, whole.len, frame + 14, len - 14);
	CHECK(whole.in_order);
	CHECK_EQ(whole.n_parts, n);
	/* As few parts as may be. */
	CHECK_EQ(whole.longest, hlen + ((mtu - hlen) & ~7));
	for (unsigned int i = 0; i < t.n_left; i++)
		CHECK(!memcmp(t.left[i].bytes, frame, 14));
}

static void nothing_lost(void)
{
	const struct cv_drop_key none = {};

	CHECK_EQ(t.n_dropped, 0);
	CHECK_EQ(t.n_passed, 0);
	CHECK_DROPS(&none, 0);
	CHECK_EQ(world_totals().fragments_held, 0);
	CHECK_EQ(world_use(world.port_use, ANN).datagrams, 0);
	CHECK_EXTERNALS();
}

/* Every byte that left is counted, and no other. */
static void check_count(const struct packet *p)
{
	struct cv_tuple key = world_tuple(p->proto, p->saddr, p->sport, p->daddr,
					  p->proto == ICMP ? 0 : p->dport);
	struct cv_flow f = {};
	unsigned int bytes = 0;

	for (unsigned int i = 0; i < t.n_left; i++)
		bytes += t.left[i].len - 14;
	CHECK(world_flow(&key, &f));
	CHECK_EQ(f.out_bytes, bytes);
	CHECK_EQ(f.out_packets, t.n_left);
	CHECK_EQ(world_totals().new_flows, 1);
}

struct cut {
	const char *what;
	__u32 to, by;	/* destination and address outside */
	unsigned int mtu, n;
	struct packet p;
};

#define NARROW	.to = SERVER2, .by = HOST2_IP, .mtu = 1400

static const struct cut cuts[] = {
	{ "a datagram a byte longer than the MTU", SERVER, HOST_IP, 1500, 2, { UDP_QUERY, .len = 1473 } },
	{ "a datagram of two parts to the byte", SERVER, HOST_IP, 1500, 2, { UDP_QUERY, .len = 2 * 1480 - 8 } },
	{ "a datagram of two parts and a byte", SERVER, HOST_IP, 1500, 3, { UDP_QUERY, .len = 2 * 1480 - 7 } },
	{ "a datagram", NARROW, 2, { UDP_QUERY, .len = 1472 } },
	{ "a long datagram", NARROW, 3, { UDP_QUERY, .len = 3200 } },
	{ "a datagram without checksum", NARROW, 3, { UDP_QUERY, .len = 3200, .no_csum = true } },
	{ "a datagram with TOS and a TTL of its own", NARROW, 2, { UDP_QUERY, .len = 1472, .tos = 0xb9 } },
	{ "a segment", NARROW, 2, { .proto = TCP, .sport = 5000, .dport = 80, .flags = ACK, .len = 1460 } },
	{ "an echo", NARROW, 3, { .proto = ICMP, .type = ECHO, .sport = 5000, .dport = 9, .len = 2900 } },
	{ "a packet of a protocol without ports", NARROW, 2, { .proto = 47, .len = 1480 } },
	{ "a datagram on a route with an MTU", LOCKED, HOST_IP, 1300, 2, { UDP_QUERY, .len = 1472 } },
};

static void cut_one(const struct cut *c)
{
	struct packet in = c->p, want = c->p;

	in.dmac = want.dmac = GATEWAY_MAC;
	in.smac = want.smac = ANN_MAC;
	in.saddr = ANN_IP;
	in.daddr = want.daddr = c->to;
	in.id = 7;
	want.saddr = c->by;
	want.ttl = 63;
	begin();
	send_packet(&in);
	check_parts(&want, c->mtu, c->n);
	check_count(&in);
	nothing_lost();
	claim_end("%s leaves in %u parts of %u bytes at most", c->what, c->n, c->mtu);
}

/* The link's own MTU, as far down as headers leave room. */
static void smaller(void)
{
	static const unsigned int mtus[] = { 1399, 1006, 576, 296, 128 };
	const struct packet in = { TO(SERVER2), UDP_QUERY, .len = 3000 };
	const struct packet out = { LEFT(HOST2_IP, SERVER2), UDP_QUERY, .len = 3000 };
	char command[64];

	for (unsigned int i = 0; i < 5; i++) {
		unsigned int part = (mtus[i] - 20) & ~7;

		begin();
		snprintf(command, sizeof(command), "ip link set up1 mtu %u", mtus[i]);
		CHECK_EQ(system(command), 0);
		send_packet(&in);
		check_parts(&out, mtus[i], (3008 + part - 1) / part);
		check_count(&in);
		nothing_lost();
		claim_end("a datagram leaves in parts of %u bytes at most", mtus[i]);
	}
	CHECK_EQ(system("ip link set up1 mtu 1400"), 0);
}

/* --- IP options */

static void options(void)
{
	/* Router alert is in every fragment, record route in the first one. */
	static const char all[] = "\x94\x04\x00\x00" "\x07\x07\x04\x00\x00\x00\x00" "\x00";
	const struct packet in = { TO(SERVER2), UDP_QUERY, .len = 3000, .options = all, .options_len = 12 };
	const struct packet out = { LEFT(HOST2_IP, SERVER2), UDP_QUERY, .len = 3000, .options = all, .options_len = 12 };

	begin();
	send_packet(&in);
	check_parts(&out, 1400, 3);
	nothing_lost();
	CHECK(!memcmp(t.left[0].bytes + 34, all, 12));
	for (unsigned int i = 1; i < t.n_left; i++) {
		const __u8 *o = t.left[i].bytes + 34;

		CHECK(!memcmp(o, all, 4));
		for (unsigned int k = 4; k < 12; k++)
			CHECK(o[k] <= 1);	/* padding: no operation, or the end */
	}
	claim_end("options that are to be copied are in every part, others in the first");
}

/* The length of an option is the guest's to say. */
static void odd_options(void)
{
	static const char *const all[] = {
		"\x07\x00\x00\x00", "\x07\x01\x00\x00", "\x07\xff\x00\x00", "\x00\x07\x07\x07", "\x01\x01\x01\x94",
		"\x94\x28\x00\x00", "\x44\x02\x44\x02", "\xff\xff\xff\xff",
	};

	begin();
	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct packet in = { TO(SERVER2), UDP_QUERY, .len = 1472, .options = all[i], .options_len = 4 };
		const struct packet out = {
			LEFT(HOST2_IP, SERVER2), UDP_QUERY, .len = 1472, .options = all[i], .options_len = 4,
		};

		send_packet(&in);
		check_parts(&out, 1400, 2);
		nothing_lost();
	}
	claim_end("a datagram with options that are none is cut, too");
}

static void longest_options(void)
{
	static const char all[40] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
	const struct packet in = { TO(SERVER2), UDP_QUERY, .len = 2000, .options = all, .options_len = 40 };
	const struct packet out = { LEFT(HOST2_IP, SERVER2), UDP_QUERY, .len = 2000, .options = all, .options_len = 40 };

	begin();
	send_packet(&in);
	check_parts(&out, 1400, 2);
	nothing_lost();
	claim_end("a datagram with the longest header is cut");
}

/* --- fragments that are too long themselves */

static void fragment(unsigned int order[3], const char *how)
{
	const struct packet in = { TO(SERVER2), UDP_QUERY, .id = 7, .len = 3300 };
	struct packet out = { LEFT(HOST2_IP, SERVER2), UDP_QUERY, .len = 3300 };
	static struct travel all;
	struct frame f;

	begin();
	all.n_left = 0;
	for (unsigned int i = 0; i < 3; i++) {
		f.len = packet_part(&in, order[i] * 1480, 1480, order[i] < 2, f.bytes);
		again_travel(TO_UPLINK, 0, &f, &t);
		memcpy(all.left + all.n_left, t.left, t.n_left * sizeof(f));
		all.n_left += t.n_left;
	}
	CHECK(datagram_join(all.left, all.n_left, &whole));
	out.id = whole.id;
	f.len = packet_build(&out, f.bytes);
	CHECK_BYTES(whole.bytes, whole.len, f.bytes + 14, f.len - 14);
	CHECK_EQ(whole.n_parts, 5);
	CHECK(whole.longest <= 1400);
	CHECK_EQ(world_use(world.port_use, ANN).datagrams, 0);
	CHECK_DROPS((&(const struct cv_drop_key) {}), 0);
	claim_end("fragments that are too long are cut%s", how);
}

/* --- what is not cut */

static void datagrams_spent(void)
{
	struct cv_use use = { .datagrams = CV_DATAGRAMS_PER_PORT };

	world_tick_begin();
	use.fragment_tick = world_tick();
	world_set_use(world.port_use, ANN, &use);
}

static void tiny_link(void)
{
	CHECK_EQ(system("ip link set up1 mtu 127"), 0);
}

static void told(void)
{
	CHECK_EQ(world_totals().icmp_errors_sent, 1);
	CHECK_EQ(system("ip link set up1 mtu 1400"), 0);
}

#define BIG	TO(SERVER2), UDP_QUERY, .len = 1472
#define SEGMENTS TO(SERVER2), .proto = TCP, .sport = 5000, .dport = 80, .flags = ACK, .len = 3000

static const struct row refused[] = {
	{
		.claim = "a datagram as long as the MTU leaves whole", .hook = TO_UPLINK,
		.in = { TO(SERVER2), UDP_QUERY, .len = 1372 }, .verdict = REDIRECT,
		.out = OUT(LEFT(HOST2_IP, SERVER2), UDP_QUERY, .len = 1372),
	}, {
		.claim = "a frame that is too long by its padding loses that", .hook = TO_UPLINK,
		.in = { TO(SERVER2), UDP_QUERY, .len = 1360, .trailer = 40 }, .verdict = REDIRECT,
		.out = OUT(LEFT(HOST2_IP, SERVER2), UDP_QUERY, .len = 1360),
	}, {
		.claim = "with DF the guest is told the MTU", .hook = TO_UPLINK,
		.in = { BIG, .frag = DF }, .verdict = REDIRECT, .drop = BECAUSE(TOO_BIG), .after = told,
		.out = OUT(ERROR(UNREACHABLE, 4), .rest = 1400, .quote = QUOTE(BIG, .frag = DF)),
	}, {
		.claim = "a first fragment with DF is refused as a whole packet is", .hook = TO_UPLINK,
		.in = { BIG, .frag = DF | MF }, .verdict = REDIRECT, .drop = BECAUSE(TOO_BIG), .after = told,
		.out = OUT(ERROR(UNREACHABLE, 4), .rest = 1400, .quote = QUOTE(BIG, .frag = DF | MF)),
	}, {
		.claim = "segments that are too long are refused without DF, too", .hook = TO_UPLINK, .gso_size = 1448,
		.in = { SEGMENTS }, .verdict = REDIRECT, .drop = BECAUSE(TOO_BIG), .after = told,
		.out = OUT(ERROR(UNREACHABLE, 4), .rest = 1400, .quote = QUOTE(SEGMENTS)),
	}, {
		.claim = "a way that is too narrow for headers is told as it is", .hook = TO_UPLINK, .before = tiny_link,
		.in = { BIG }, .verdict = REDIRECT, .drop = BECAUSE(TOO_BIG), .after = told,
		.out = OUT(ERROR(UNREACHABLE, 4), .rest = 127, .quote = QUOTE(BIG)),
	}, {
		.claim = "a guest with too many datagrams under way has none cut", .hook = TO_UPLINK,
		.before = datagrams_spent,
		.in = { BIG }, .verdict = DROP, .drop = BECAUSE(FRAGMENT_LIMIT),
	},
};

int main(void)
{
	world_open();
	for (unsigned int i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
		cut_one(&cuts[i]);
	smaller();
	options();
	odd_options();
	longest_options();
	fragment((unsigned int[]) { 0, 1, 2 }, "");
	fragment((unsigned int[]) { 2, 1, 0 }, ", and come in any order");
	TABLE_RUN(refused);
	return table_end();
}
