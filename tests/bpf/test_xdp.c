// SPDX-License-Identifier: GPL-2.0-only
/*
 * cv_xdp: what it takes leaves as from_uplink and to_guest would have sent it,
 * byte for byte, and is noted in the flow as they note it; what it does not
 * take, it has neither changed nor noted.  SEED=N repeats a run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include "table.h"

#define FROM_ANN	.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = ANN_IP
#define OUTSIDE		.dmac = UPLINK_MAC, .smac = PEER_MAC
#define FROM_SERVER	OUTSIDE, .saddr = SERVER, .daddr = HOST_IP
#define ANSWER		.proto = UDP, .sport = 53, .dport = 5000, .len = 20
#define ACKED		.proto = TCP, .sport = 80, .dport = 5000, .flags = ACK

enum { TAKEN = XDP_REDIRECT, PASSED = XDP_PASS };

/* --- the world */

static void let_port(__u32 slot, bool taken)
{
	__u32 ifindex = CV_IFINDEX_PORT + slot;

	if (taken)
		CHECK(!bpf_map_update_elem(world.xdp_ports, &slot, &ifindex, BPF_ANY));
	else
		CHECK(!bpf_map_delete_elem(world.xdp_ports, &slot));
}

static void let_network(__u32 net, bool taken)
{
	struct cv_network n = world_network(net);

	n.flags = taken ? n.flags | CV_NET_XDP : n.flags & ~CV_NET_XDP;
	world_set_network(net, &n);
}

static void let_uplink(__u64 mac)
{
	struct cv_xdp_uplink u = {};
	__u32 key = UPLINK;

	put48(u.mac, mac);
	CHECK(!bpf_map_update_elem(world.xdp_uplinks, &key, &u, BPF_ANY));
}

/* ANN talks UDP, TCP and ICMP with SERVER; TCP is established. */
static void begin(void)
{
	static const struct packet sent[] = {
		{ FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53 },
		{ FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = SYN },
		{ FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5001, .dport = 80, .flags = SYN },
		{ FROM_ANN, .daddr = SERVER, .proto = ICMP, .type = ECHO, .sport = 7, .dport = 1 },
	};
	static const struct packet got = { FROM_SERVER, .proto = TCP, .sport = 80, .dport = 5000, .flags = SYN | ACK };

	world_reset();
	for (unsigned int i = 0; i < 4; i++)
		CHECK_EQ(world_send(TO_UPLINK, &sent[i]), REDIRECT);
	CHECK_EQ(world_send(FROM_UPLINK, &got), REDIRECT);
	let_port(ANN, true);
	let_network(NET, true);
	let_uplink(UPLINK_MAC);
	drops_clear();
}

static struct cv_tuple key_of(const struct packet *p)
{
	return world_tuple(p->proto, ANN_IP, p->dport, p->saddr, p->proto == ICMP ? 0 : p->sport);
}

/* Two moments of one flow: a tick may have begun in between. */
static void check_same(const struct cv_flow *got, const struct cv_flow *want)
{
	struct cv_flow f = *got;

	CHECK(got->in_tick - want->in_tick + 1 <= 2);
	f.in_tick = want->in_tick;
	CHECK(!memcmp(&f, want, sizeof(f)));
}

/* What from_uplink and to_guest make of a frame. */
static void by_tc(__u8 *frame, unsigned int *len)
{
	CHECK_EQ(world_run(FROM_UPLINK, 0, frame, len, 0), REDIRECT);
	CHECK_EQ(world_run(TO_GUEST, 0, frame, len, 0), REDIRECT);
}

/* Run XDP and judge what it did.  Return: its verdict. */
static int judge(const __u8 *in, unsigned int in_len, const struct cv_tuple *key)
{
	const struct cv_drop_key none = {};
	struct cv_flow before = {}, after = {}, want = {};
	__u64 taken = world_totals().xdp_packets;
	__u8 frame[PACKET_MAX], other[PACKET_MAX];
	unsigned int len = in_len, other_len = in_len;
	bool known = world_flow(key, &before);
	int verdict;

	memcpy(frame, in, in_len);
	memcpy(other, in, in_len);
	verdict = world_run_xdp(frame, &len);
	CHECK_DROPS(&none, 0);
	CHECK_EQ(world_flow(key, &after), known);
	CHECK_EQ(world_totals().xdp_packets - taken, verdict == TAKEN);
	if (verdict != TAKEN) {
		CHECK_EQ(verdict, PASSED);
		CHECK_BYTES(frame, len, in, in_len);
		CHECK(!memcmp(&before, &after, sizeof(after)));
		return verdict;
	}
	CHECK(known);
	world_set_flow(key, &before);
	by_tc(other, &other_len);
	CHECK(world_flow(key, &want));
	check_same(&after, &want);
	CHECK_EQ(after.in_packets, before.in_packets + 1);
	CHECK_BYTES(frame, len, other, other_len);
	return verdict;
}

/* --- rows */

struct xdp_row {
	const char *claim;
	void (*before)(void);
	struct packet in;
	int verdict;
};

static void run(const struct xdp_row *rows, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct cv_tuple key = key_of(&rows[i].in);
		__u8 frame[PACKET_MAX];
		unsigned int len;

		claim_begin();
		begin();
		if (rows[i].before)
			rows[i].before();
		len = packet_build(&rows[i].in, frame);
		CHECK_EQ(judge(frame, len, &key), rows[i].verdict);
		claim_end("%s", rows[i].claim);
	}
}
#define RUN(rows) run(rows, sizeof(rows) / sizeof((rows)[0]))

static const struct xdp_row taken[] = {
	{ "a datagram of a flow goes to its guest", .in = { FROM_SERVER, ANSWER }, .verdict = TAKEN },
	{ "one of the largest size too", .in = { FROM_SERVER, .proto = UDP, .sport = 53, .dport = 5000, .len = 1472 },
	  .verdict = TAKEN },
	{ "one without payload, in a padded frame",
	  .in = { FROM_SERVER, .proto = UDP, .sport = 53, .dport = 5000, .trailer = 18 }, .verdict = TAKEN },
	{ "one of an odd length", .in = { FROM_SERVER, .proto = UDP, .sport = 53, .dport = 5000, .len = 777 },
	  .verdict = TAKEN },
	{ "one without a checksum", .in = { FROM_SERVER, ANSWER, .no_csum = true }, .verdict = TAKEN },
	{ "one with TTL 2", .in = { FROM_SERVER, ANSWER, .ttl = 2 }, .verdict = TAKEN },
	{ "one that may not be fragmented", .in = { FROM_SERVER, ANSWER, .frag = DF }, .verdict = TAKEN },
	{ "an acknowledgement of an established connection goes to its guest", .in = { FROM_SERVER, ACKED },
	  .verdict = TAKEN },
	{ "one with options, as timestamps and SACK are", .in = { FROM_SERVER, ACKED, .tcp_options = 32, .len = 32 },
	  .verdict = TAKEN },
	{ "one that tells of congestion", .in = { FROM_SERVER, .proto = TCP, .sport = 80, .dport = 5000, .flags = ACK | 0x40 },
	  .verdict = TAKEN },
	{ "one in a padded frame", .in = { FROM_SERVER, ACKED, .trailer = 6 }, .verdict = TAKEN },
};

/* --- what goes on to tc */

static void too_old(void)
{
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53);

	world_tick_begin();
	world_age(&key, CV_TICKS(300) + 1, CV_TICKS(300) + 1);
}

static void no_port(void)
{
	let_port(ANN, false);
}

static void off(void)
{
	let_network(NET, false);
}

static void no_uplink(void)
{
	__u32 key = UPLINK;

	CHECK(!bpf_map_delete_elem(world.xdp_uplinks, &key));
}

static void other_mac(void)
{
	let_uplink(UPLINK_MAC + 1);
}

static void guest_gone(void)
{
	struct cv_port none = {};

	world_set_port(ANN, &none);
}

static void small_mtu(void)
{
	struct cv_network n = world_network(NET);

	n.mtu = 1400;
	world_set_network(NET, &n);
}

/* A flow with the host, which has no address outside. */
static void with_host(void)
{
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53);
	struct cv_flow f = {};

	CHECK(world_flow(&key, &f));
	f.flags |= CV_FLOW_HOST;
	world_set_flow(&key, &f);
}

/* The port's entry names another guest than the flow does. */
static void other_slot(void)
{
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53);
	struct cv_flow f = {};

	CHECK(world_flow(&key, &f));
	f.slot = BOB;
	world_set_flow(&key, &f);
}

static void other_tag(void)
{
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53);
	struct cv_flow f = {};

	CHECK(world_flow(&key, &f));
	f.tag++;
	world_set_flow(&key, &f);
}

static const struct xdp_row passed[] = {
	{ "a datagram of no flow is passed on", .in = { FROM_SERVER, .proto = UDP, .sport = 54, .dport = 5000 } },
	{ "another peer's too", .in = { OUTSIDE, .saddr = SERVER + 1, .daddr = HOST_IP, ANSWER } },
	{ "for a port that nobody has", .in = { FROM_SERVER, .proto = UDP, .sport = 53, .dport = 41000 } },
	{ "for the host's other address", .in = { OUTSIDE, .saddr = SERVER, .daddr = HOST2_IP, ANSWER } },
	{ "for a guest's own address", .in = { OUTSIDE, .saddr = SERVER, .daddr = ANN_IP, ANSWER } },
	{ "of a flow that is dead", .before = too_old, .in = { FROM_SERVER, ANSWER } },
	{ "of a flow with the host", .before = with_host, .in = { FROM_SERVER, ANSWER } },
	{ "of a flow that is another guest's by now", .before = other_slot, .in = { FROM_SERVER, ANSWER } },
	{ "of an entry that is another flow's by now", .before = other_tag, .in = { FROM_SERVER, ANSWER } },
	{ "to a guest that has gone", .before = guest_gone, .in = { FROM_SERVER, ANSWER } },
	{ "to a port that takes no frames of XDP", .before = no_port, .in = { FROM_SERVER, ANSWER } },
	{ "to a network whose XDP is off", .before = off, .in = { FROM_SERVER, ANSWER } },
	{ "from an uplink that is not in the map", .before = no_uplink, .in = { FROM_SERVER, ANSWER } },
	{ "for another host's MAC", .before = other_mac, .in = { FROM_SERVER, ANSWER } },
	{ "in a broadcast frame", .in = { .dmac = ALL_MAC, .smac = PEER_MAC, .saddr = SERVER, .daddr = HOST_IP, ANSWER } },
	{ "with TTL 1", .in = { FROM_SERVER, ANSWER, .ttl = 1 } },
	{ "with a wrong checksum", .in = { FROM_SERVER, ANSWER, .bad_l4 = true } },
	{ "with IP options", .in = { FROM_SERVER, ANSWER, .options = "\x01\x01\x01\x00", .options_len = 4 } },
	{ "a first fragment", .in = { FROM_SERVER, ANSWER, .frag = MF } },
	{ "a later fragment", .in = { FROM_SERVER, ANSWER, .frag = 3 } },
	{ "of more than the guests' MTU", .before = small_mtu, .in = { FROM_SERVER, .proto = UDP, .sport = 53, .dport = 5000, .len = 1373 } },
	{ "a jumbo datagram", .in = { FROM_SERVER, .proto = UDP, .sport = 53, .dport = 5000, .len = 1473 } },
	{ "one in several buffers", .in = { FROM_SERVER, .proto = UDP, .sport = 53, .dport = 5000, .len = 5000 } },
	{ "with bytes behind the packet", .in = { FROM_SERVER, ANSWER, .trailer = 20 } },
	{ "whose IP length is a lie", .in = { FROM_SERVER, ANSWER, .tot_len = 49 } },
	{ "of another IP version", .in = { FROM_SERVER, ANSWER, .version = 6 } },
	{ "ARP", .in = { OUTSIDE, .ethertype = 0x0806, .len = 46 } },
	{ "a frame with a VLAN tag", .in = { OUTSIDE, .ethertype = 0x8100, .len = 100 } },
	{ "an echo reply", .in = { FROM_SERVER, .proto = ICMP, .type = ECHO_REPLY, .sport = 7, .dport = 1, .len = 56 } },
	{ "another protocol", .in = { FROM_SERVER, .proto = 47, .len = 64 } },
	{ "TCP data", .in = { FROM_SERVER, ACKED, .len = 1 } },
	{ "an acknowledgement that is urgent", .in = { FROM_SERVER, .proto = TCP, .sport = 80, .dport = 5000, .flags = ACK | 0x20 } },
	{ "one that pushes", .in = { FROM_SERVER, .proto = TCP, .sport = 80, .dport = 5000, .flags = ACK | PSH } },
	{ "one of a connection that is not established", .in = { FROM_SERVER, .proto = TCP, .sport = 80, .dport = 5001, .flags = ACK } },
	{ "one with a wrong checksum", .in = { FROM_SERVER, ACKED, .bad_l4 = true } },
	{ "a SYN with ACK", .in = { FROM_SERVER, .proto = TCP, .sport = 80, .dport = 5000, .flags = SYN | ACK } },
	{ "a FIN", .in = { FROM_SERVER, .proto = TCP, .sport = 80, .dport = 5000, .flags = FIN | ACK } },
	{ "a reset", .in = { FROM_SERVER, .proto = TCP, .sport = 80, .dport = 5000, .flags = RST | ACK } },
	{ "no flags at all", .in = { FROM_SERVER, .proto = TCP, .sport = 80, .dport = 5000 } },
};

static void run_passed(void)
{
	for (unsigned int i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
		struct xdp_row row = passed[i];

		row.verdict = PASSED;
		run(&row, 1);
	}
}

/* --- checksums that the kernel is yet to write */

static __u16 pseudo(const __u8 *ip, unsigned int l4_len)
{
	__u8 bytes[12];

	memcpy(bytes, ip + 12, 8);
	put16(bytes + 8, ip[9]);
	put16(bytes + 10, l4_len);
	return ~packet_checksum(bytes, sizeof(bytes), 0);
}

static void half_done(const struct packet *p, unsigned int check_off, const char *what)
{
	struct cv_tuple key = key_of(p);
	__u8 frame[PACKET_MAX];
	unsigned int len = packet_build(p, frame);

	claim_begin();
	begin();
	put16(frame + 34 + check_off, pseudo(frame + 14, len - 34));
	CHECK_EQ(judge(frame, len, &key), PASSED);
	claim_end("%s whose checksum is half done is passed on", what);
}

/*
 * The payload makes the sum of the pseudo header the right checksum as well: it
 * may be half done all the same.
 */
static void ambiguous(void)
{
	struct packet p = { FROM_SERVER, ANSWER };
	struct cv_tuple key = key_of(&p);
	__u8 frame[PACKET_MAX];
	unsigned int len = packet_build(&p, frame), i;

	claim_begin();
	begin();
	for (i = 0; i < 0x10000; i++) {
		put16(frame + 60, i);
		put16(frame + 40, pseudo(frame + 14, len - 34));
		if (packet_l4_ok(frame + 14, len - 14))
			break;
	}
	CHECK(i < 0x10000);
	CHECK_EQ(judge(frame, len, &key), PASSED);
	claim_end("a checksum that may be right or half done is passed on");
}

/* For the guest its checksum would be zero, which says that there is none. */
static void zero_sum(void)
{
	struct packet p = { FROM_SERVER, ANSWER }, out = p;
	struct cv_tuple key = key_of(&p);
	__u8 data[20] = {}, frame[PACKET_MAX], inside[PACKET_MAX];
	unsigned int len = 0, i;

	claim_begin();
	begin();
	p.data = out.data = data;
	out.daddr = ANN_IP;
	for (i = 0; i < 0x10000; i++) {
		put16(data, i);
		len = packet_build(&p, frame);
		packet_build(&out, inside);
		if (get16(inside + 40) == 0xffff)
			break;
	}
	CHECK(i < 0x10000);
	CHECK_EQ(judge(frame, len, &key), TAKEN);
	claim_end("a datagram whose checksum becomes zero says 0xffff");
}

static void cut_short(void)
{
	const struct packet in[] = { { FROM_SERVER, ACKED }, { FROM_SERVER, .proto = UDP, .sport = 53, .dport = 5000 } };

	claim_begin();
	begin();
	for (unsigned int i = 0; i < 2; i++) {
		struct cv_tuple key = key_of(&in[i]);
		__u8 frame[PACKET_MAX];
		unsigned int whole = packet_build(&in[i], frame);

		for (unsigned int cut = 14; cut < whole; cut++) {
			packet_build(&in[i], frame);
			if (cut > 18)
				put16(frame + 16, cut - 14);
			CHECK_EQ(judge(frame, cut, &key), PASSED);
		}
	}
	claim_end("a frame cut short anywhere is passed on");
}

/* --- at random */

#define N_PACKETS 40000

static __u64 state;

static __u32 rnd(__u32 n)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % n;
}

static struct packet random_answer(void)
{
	static __u8 data[1600];
	static const __u8 flags[] = { ACK, ACK, ACK, PSH | ACK, FIN | ACK, SYN | ACK, RST, 0xd0 };
	struct packet p = { FROM_SERVER, .data = data };

	for (unsigned int i = 0; i < 64; i++)
		data[rnd(sizeof(data))] = rnd(256);
	p.proto = rnd(3) ? UDP : TCP;
	p.sport = p.proto == UDP ? 53 : 80;
	p.dport = 5000;
	p.flags = flags[rnd(8)];
	p.len = rnd(2) ? rnd(40) : rnd(1560);
	if (p.proto == TCP && rnd(2)) {
		p.tcp_options = 4 * rnd(11);
		p.len = p.tcp_options;
	}
	p.ttl = rnd(6) ? 2 + rnd(254) : 1 + rnd(3);
	p.tos = rnd(256);
	p.id = rnd(65536);
	p.seq = rnd(0xffffffff);
	p.frag = rnd(2) ? DF : rnd(30) ? 0 : MF;
	p.no_csum = !rnd(8);
	p.bad_l4 = !rnd(10);
	p.options = "\x01\x01\x01\x00";
	p.options_len = rnd(10) ? 0 : 4;
	p.trailer = rnd(8) ? 0 : rnd(24);
	return p;
}

/* The rules again, from the packet's description.  A checksum may be both by chance. */
static bool may_be_taken(const struct packet *p, unsigned int len)
{
	unsigned int packet = len - 14 - p->trailer;

	return !p->options_len && !(p->frag & MF) && p->ttl > 1 && packet <= 1500 &&
	       (len <= 64 || !p->trailer) && (!p->bad_l4 || (p->proto == UDP && p->no_csum)) &&
	       (p->proto == UDP || (p->len == p->tcp_options && (p->flags & 0x3f) == ACK));
}

static void at_random(void)
{
	unsigned int n_taken = 0, n_unsure = 0;

	claim_begin();
	begin();
	for (unsigned int i = 0; i < N_PACKETS && !claim_failed(); i++) {
		struct packet p = random_answer();
		struct cv_tuple key = key_of(&p);
		__u8 frame[PACKET_MAX];
		unsigned int len = packet_build(&p, frame);
		bool may = may_be_taken(&p, len), is = judge(frame, len, &key) == TAKEN;

		CHECK(may || !is);
		n_taken += is;
		n_unsure += may && !is;
	}
	CHECK(n_taken > N_PACKETS / 8);
	CHECK(n_unsure <= 4);	/* one in 65536 */
	claim_end("%u random packets: %u taken, exactly as tc would have sent them", N_PACKETS, n_taken);
}

int main(void)
{
	const char *seed = getenv("SEED");
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	state = seed ? strtoull(seed, NULL, 0) : (__u64)now.tv_nsec;
	world_open();
	printf("# SEED=%llu\n", (unsigned long long)state);
	RUN(taken);
	run_passed();
	half_done(&(const struct packet) { FROM_SERVER, ANSWER }, 6, "a datagram");
	half_done(&(const struct packet) { FROM_SERVER, ACKED }, 16, "an acknowledgement");
	ambiguous();
	zero_sum();
	cut_short();
	at_random();
	return table_end();
}
