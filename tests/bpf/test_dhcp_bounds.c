// SPDX-License-Identifier: GPL-2.0-only
/*
 * DHCP in cv_from_guest, at its bounds: malformed requests, sizes, allowances,
 * and clients that are not known.
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "dhcp.h"
#include "table.h"

#define SELECTING	"\x35\x01\x03" "\x36\x04\x0a\x4d\x00\x01" "\x32\x04\x0a\x4d\x00\x05"
#define DISCOVER_ONLY	"\x35\x01\x01"
#define END		"\xff"

enum fate { ANSWERED, STEERED, REFUSED };

/* Run one request at a port and return what became of it. */
static enum fate run(const struct request *r, __u32 slot, __u8 *frame, unsigned int *len)
{
	int verdict;

	*len = request_build(r, frame);
	verdict = world_run(FROM_GUEST, slot, frame, len, 0);
	if (verdict == REDIRECT)
		return ANSWERED;
	CHECK_EQ(verdict, DROP);
	return dhcp_ring_take(NULL) ? STEERED : REFUSED;
}

static void check_fate(const struct request *r, enum fate fate, const struct cv_drop_key *why)
{
	__u8 frame[PACKET_MAX];
	unsigned int len;

	drops_clear();
	CHECK_EQ(run(r, ANN, frame, &len), fate);
	CHECK_DROPS(why, fate == REFUSED);
}

/* --- malformed */

struct bad_row {
	const char *claim;
	struct request in;
	struct cv_drop_key why;
};

static const struct bad_row bad[] = {
	{ "a reply (op 2) to a server's port", { .op = 2, OPTIONS(SELECTING END) }, BECAUSE(DHCP_MALFORMED) },
	{ "another hardware type", { .htype = 6, OPTIONS(SELECTING END) }, BECAUSE(DHCP_MALFORMED) },
	{ "another address length", { .hlen = 16, OPTIONS(SELECTING END) }, BECAUSE(DHCP_MALFORMED) },
	{ "another cookie", { .magic = 0x63825364, OPTIONS(SELECTING END) }, BECAUSE(DHCP_MALFORMED) },
	{ "another client's MAC in chaddr", { .chaddr = BOB_MAC, OPTIONS(SELECTING END) }, BECAUSE(SPOOFED_MAC) },
	{ "another client's MAC on the frame", { .smac = BOB_MAC, .chaddr = ANN_MAC, OPTIONS(SELECTING END) },
	  BECAUSE(SPOOFED_MAC) },
	{ "BOOTP, without a message type", { OPTIONS("\x32\x04\x0a\x4d\x00\x05" END) }, BECAUSE(DHCP_MALFORMED) },
	{ "message type 0", { OPTIONS("\x35\x01\x00" END) }, BECAUSE(DHCP_MALFORMED) },
	{ "no end", { OPTIONS(SELECTING) }, BECAUSE(DHCP_MALFORMED) },
	{ "padding, no end", { OPTIONS(SELECTING "\0\0\0\0") }, BECAUSE(DHCP_MALFORMED) },
	{ "a message type of two bytes", { OPTIONS("\x35\x02\x03\x03" END) }, BECAUSE(DHCP_MALFORMED) },
	{ "a message type of no byte", { OPTIONS("\x35\x00" END) }, BECAUSE(DHCP_MALFORMED) },
	{ "an address of three bytes", { OPTIONS("\x35\x01\x03\x32\x03\x0a\x4d\x00" END) }, BECAUSE(DHCP_MALFORMED) },
	{ "an address of five bytes", { OPTIONS("\x35\x01\x03\x32\x05\x0a\x4d\x00\x05\x00" END) },
	  BECAUSE(DHCP_MALFORMED) },
	{ "a server of three bytes", { OPTIONS("\x35\x01\x03\x36\x03\x0a\x4d\x00" END) }, BECAUSE(DHCP_MALFORMED) },
	{ "an option longer than the message", { OPTIONS("\x35\x01\x03\x0c\x0a" "ann" END) },
	  BECAUSE(DHCP_MALFORMED) },
	{ "an option that ends where the message does", { OPTIONS("\x35\x01\x03\x0c\x04" "ann" END) },
	  BECAUSE(DHCP_MALFORMED) },
	{ "from a server's port, as relays do, at a port that is not trusted",
	  { .sport = 67, .giaddr = BOB_IP, OPTIONS(SELECTING END) }, BECAUSE(ROGUE_DHCP) },
	{ "the first fragment of a request", { .frag = MF, OPTIONS(SELECTING END) }, BECAUSE(DHCP_MALFORMED) },
};

static void run_bad(void)
{
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		claim_begin();
		dhcp_setup();
		check_fate(&bad[i].in, REFUSED, &bad[i].why);
		claim_end("dropped: %s", bad[i].claim);
	}
}

/* The bytes behind the datagram are no options. */
static void end_in_padding(void)
{
	const struct request r = { OPTIONS(SELECTING), .trailer = 4 };
	const struct cv_drop_key why = BECAUSE(DHCP_MALFORMED);
	__u8 frame[PACKET_MAX];
	unsigned int len;

	claim_begin();
	dhcp_setup();
	len = request_build(&r, frame);
	frame[len - 4] = 0xff;
	CHECK_EQ(world_run(FROM_GUEST, 0, frame, &len, 0), DROP);
	CHECK_DROPS(&why, 1);
	claim_end("dropped: an end only in the frame's padding");
}

/* Options of all kinds, whole; then cut off after each byte. */
static void truncations(void)
{
	static const char whole[] =
		"\x35\x01\x03" "\x3d\x07\x01\x02\x00\x00\x00\x00\x05" "\x36\x04\x0a\x4d\x00\x01"
		"\x32\x04\x0a\x4d\x00\x05" "\x00" "\x37\x04\x01\x03\x06\x1a" "\x0c\x03" "ann" END;
	const struct cv_drop_key why = BECAUSE(DHCP_MALFORMED);
	struct request r = { .options = whole };

	claim_begin();
	dhcp_setup();
	for (r.options_len = 0; r.options_len < sizeof(whole) - 1; r.options_len++)
		check_fate(&r, REFUSED, &why);
	claim_end("dropped: options cut short anywhere");

	claim_begin();
	dhcp_setup();
	for (unsigned int payload = 0; payload < 240; payload++) {
		struct packet p = {
			.dmac = ALL_MAC, .smac = ANN_MAC, .daddr = 0xffffffff, .proto = UDP, .sport = 68, .dport = 67,
			.len = payload,
		};
		__u8 frame[PACKET_MAX];
		unsigned int len = packet_build(&p, frame);

		drops_clear();
		CHECK_EQ(world_run(FROM_GUEST, 0, frame, &len, 0), DROP);
		CHECK_DROPS(&why, 1);
		CHECK_EQ(dhcp_ring_take(NULL), 0);
	}
	claim_end("dropped: the fixed part cut short anywhere");
}

/* --- sizes */

static const struct cv_drop_key none;

static void sized(unsigned int options_len, enum fate fate, const char *what)
{
	char options[2048] = {};
	struct request r = { .options = options, .options_len = options_len };
	const struct cv_drop_key why = BECAUSE(DHCP_MALFORMED);
	unsigned int at = sizeof(SELECTING) - 1;

	claim_begin();
	dhcp_setup();
	memcpy(options, SELECTING, at);
	/* Filled with options that mean nothing here. */
	while (at + 2 + 255 < options_len) {
		options[at] = 43;
		options[at + 1] = (char)255;
		at += 257;
	}
	if (at + 2 < options_len) {
		options[at] = 43;
		options[at + 1] = (char)(options_len - at - 3);
	}
	options[options_len - 1] = (char)255;
	check_fate(&r, fate, fate == REFUSED ? &why : &none);
	claim_end("%u bytes of options: %s", options_len, what);
}

static void many_options(unsigned int n, enum fate fate)
{
	char options[512] = {};
	struct request r = { .options = options };
	unsigned int at = sizeof(SELECTING) - 1;

	claim_begin();
	dhcp_setup();
	memcpy(options, SELECTING, at);
	for (unsigned int i = 3; i < n; i++) {
		options[at++] = 43;
		options[at++] = 0;
	}
	options[at++] = (char)255;
	r.options_len = at;
	check_fate(&r, fate, &none);
	claim_end("%u options: %s", n, fate == ANSWERED ? "answered" : "the daemon's");
}

/* The network's options decide how long the reply is. */
static void reply_sized(unsigned int blob_len, unsigned int id_len, enum fate fate)
{
	char blob[256], options[64] = DISCOVER_ONLY "\x3d";
	__u8 frame[PACKET_MAX], want[PACKET_MAX];
	struct request r = { .options = options };
	struct reply out = {
		.type = OFFER, .lease_s = CV_DHCP_LEASE_S, .blob = blob, .blob_len = blob_len,
		.id = options + 5, .id_len = id_len,
	};
	struct cv_lease l;
	unsigned int len, want_len, at = id_len ? 5 + id_len : 3;

	claim_begin();
	dhcp_setup();
	memset(blob, 'b', sizeof(blob));
	dhcp_set_options(blob, blob_len);
	options[4] = (char)id_len;
	memset(options + 5, 'i', id_len);
	options[at] = (char)255;
	r.options_len = at + 1;
	l = dhcp_lease();
	l.client_id_len = id_len;
	memset(l.client_id, 'i', id_len);
	dhcp_set_lease(&l);

	CHECK_EQ(run(&r, ANN, frame, &len), fate);
	want_len = reply_build(&out, want);
	if (fate == ANSWERED)
		CHECK_BYTES(frame, len, want, want_len);
	claim_end("%u bytes of the network's options and %u of client id: %s", blob_len, id_len,
		  fate == ANSWERED ? "answered" : "the daemon's");
}

/* --- who is not known */

static void unknown_clients(void)
{
	const struct request eve = { .smac = EVE_MAC, OPTIONS(DISCOVER_ONLY END) };
	const struct request ann = { OPTIONS(SELECTING END) };
	struct cv_lease_key key = { .net = NET };
	struct cv_request steered = {};
	__u8 frame[PACKET_MAX], want[PACKET_MAX];
	unsigned int len, want_len;

	claim_begin();
	dhcp_setup();
	want_len = request_build(&eve, want);
	len = request_build(&eve, frame);
	CHECK_EQ(world_run(FROM_GUEST, EVE, frame, &len, 0), DROP);
	CHECK_EQ(dhcp_ring_take(&steered), 1);
	CHECK_EQ(steered.slot, EVE);
	CHECK_EQ(steered.net, NET);
	CHECK_BYTES(steered.frame, steered.len, want, want_len);
	CHECK_DROPS(&none, 0);
	claim_end("a client without a lease is the daemon's");

	claim_begin();
	dhcp_setup();
	put48(key.mac, ANN_MAC);
	CHECK(!bpf_map_delete_elem(world.leases, &key));
	check_fate(&ann, STEERED, &none);
	claim_end("a client whose lease is gone is the daemon's");
}

static void other_networks(void)
{
	const struct request dan = { .smac = DAN_MAC, OPTIONS(SELECTING END) };
	const struct request ann = { OPTIONS(SELECTING END) };
	const struct cv_drop_key off = BECAUSE(DHCP_OFF);
	__u8 frame[PACKET_MAX];
	struct cv_network n;
	unsigned int len;

	claim_begin();
	dhcp_setup();
	CHECK_EQ(run(&dan, DAN, frame, &len), STEERED);
	claim_end("a lease of one network says nothing in another");

	claim_begin();
	dhcp_setup();
	n = world_network(NET);
	n.flags &= ~CV_NET_DHCP;
	world_set_network(NET, &n);
	check_fate(&ann, REFUSED, &off);
	claim_end("a network without DHCP drops requests");
}

/* --- allowances */

static void set_tokens(__u32 tick, __u32 tokens)
{
	const struct cv_use use = { .dhcp_tick = tick, .dhcp_tokens = tokens };

	world_set_use(world.port_use, ANN, &use);
}

static unsigned int steered_of(unsigned int n)
{
	const struct request r = { OPTIONS("\x35\x01\x08" END) };	/* INFORM */
	__u8 frame[PACKET_MAX];
	unsigned int len, steered = 0;

	for (unsigned int i = 0; i < n; i++)
		steered += run(&r, ANN, frame, &len) == STEERED;
	return steered;
}

static void trust_ann(void)
{
	struct cv_port p = world_port(ANN);

	p.flags |= CV_PORT_RELAY;
	world_set_port(ANN, &p);
}

static void allowances(void)
{
	const struct cv_drop_key rate = BECAUSE(DHCP_RATE);
	const struct request known = { OPTIONS(SELECTING END) };

	claim_begin();
	dhcp_setup();
	world_tick_begin();
	CHECK_EQ(steered_of(CV_DHCP_BURST + 9), CV_DHCP_BURST);
	CHECK_DROPS(&rate, 9);
	check_fate(&known, ANSWERED, &none);
	claim_end("a port steers a burst of %u and no more; known clients are still answered", CV_DHCP_BURST);

	claim_begin();
	dhcp_setup();
	world_tick_begin();
	set_tokens(world_tick() - 1, 0);
	CHECK_EQ(steered_of(10), CV_DHCP_PER_TICK);
	claim_end("a tick brings %u requests", CV_DHCP_PER_TICK);

	claim_begin();
	dhcp_setup();
	world_tick_begin();
	set_tokens(world_tick() - 100000, 3);
	CHECK_EQ(steered_of(30), CV_DHCP_BURST);
	claim_end("a long pause brings no more than a burst");

	claim_begin();
	dhcp_setup();
	world_tick_begin();
	trust_ann();
	CHECK_EQ(steered_of(CV_DHCP_BURST + 9), CV_DHCP_BURST + 9);
	claim_end("a trusted relay has no allowance to use up");
}

static void ring_full(void)
{
	const struct cv_drop_key full = BECAUSE(DHCP_RING);
	const struct request r = { OPTIONS("\x35\x01\x08" END) };
	unsigned int n, taken, len, max = CV_RING_BYTES / sizeof(struct cv_request) + 8;
	__u8 frame[PACKET_MAX];

	claim_begin();
	dhcp_setup();
	for (n = 0; n < max; n++) {
		set_tokens(world_tick(), 4);
		len = request_build(&r, frame);
		CHECK_EQ(world_run(FROM_GUEST, 0, frame, &len, 0), DROP);
	}
	taken = dhcp_ring_take(NULL);
	CHECK(taken > 100);
	CHECK(taken < max);
	CHECK_DROPS(&full, max - taken);
	set_tokens(world_tick(), 4);
	drops_clear();
	check_fate(&r, STEERED, &none);
	claim_end("a full ring drops and counts, and recovers");
}

/* The programs work in memory of the CPU. */
static void stay_on_one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		printf("# cannot stay on one CPU\n");
}

int main(void)
{
	world_open();
	stay_on_one_cpu();
	run_bad();
	end_in_padding();
	truncations();
	sized(64, ANSWERED, "answered");
	sized(512, ANSWERED, "answered");
	sized(513, STEERED, "the daemon's");
	sized(1254, STEERED, "the daemon's, as long as a frame for it may be");
	sized(1255, REFUSED, "dropped");
	many_options(3, ANSWERED);
	many_options(47, ANSWERED);
	many_options(60, STEERED);
	reply_sized(32, 0, ANSWERED);
	reply_sized(33, 0, ANSWERED);
	reply_sized(1, 31, ANSWERED);
	reply_sized(256, 0, ANSWERED);
	reply_sized(247, 31, ANSWERED);
	reply_sized(248, 31, STEERED);
	/* Behind a longer reply, whose memory it has. */
	reply_sized(100, 0, ANSWERED);
	reply_sized(1, 0, ANSWERED);
	unknown_clients();
	other_networks();
	allowances();
	ring_full();
	return table_end();
}
