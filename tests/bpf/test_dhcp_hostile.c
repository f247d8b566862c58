// SPDX-License-Identifier: GPL-2.0-only
/*
 * Malformed and hostile messages, made by a table: each is refused by the
 * kernel, under the counter that is named, or by the daemon, with the words
 * that are named.  None is answered with an address, none changes Ann's lease.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "daemon.h"
#include "dhcp.h"
#include "table.h"

#define FIXED_AT	42
#define OPTIONS_AT	(FIXED_AT + 240)

#define S		"\x36\x04\x0a\x4d\x00\x01"
#define W		"\x32\x04\x0a\x4d\x00\x05"
#define SELECTING	"\x35\x01\x03" S W
#define END		"\xff"

static unsigned int n_messages;
static struct cv_lease lease_before;

/* What becomes of one message: @drop by the kernel, else @why by the daemon. */
struct fate {
	enum cv_drop drop;
	const char *why;
	bool nak;		/* the daemon says so to the client */
};

static void ready(void)
{
	const struct cv_use use = { .dhcp_tick = world_tick(), .dhcp_tokens = CV_DHCP_BURST };
	struct cv_lease_key key;

	world_set_use(world.port_use, ANN, &use);
	while (!bpf_map_get_next_key(world.leases, NULL, &key))
		bpf_map_delete_elem(world.leases, &key);
	dhcp_setup();
	lease_before = dhcp_lease();
	drops_clear();
	daemon_begin();
}

static void check_daemon(const __u8 *request, unsigned int len, const struct fate *fate)
{
	struct dhcp_reply reply;

	daemon_answer(request, len, &reply);
	if (strcmp(reply.why, fate->why))
		check_failed(__FILE__, __LINE__, "the daemon says '%s', not '%s'", reply.why, fate->why);
	CHECK_EQ(reply.len > 0, fate->nak);
	if (reply.len)
		CHECK_EQ(reply.type, NAK);
}

static void check_message(const __u8 *request, unsigned int request_len, const struct fate *fate)
{
	const struct cv_drop_key why = { fate->drop, NET, ANN };
	unsigned int len = request_len, steered;
	__u8 frame[PACKET_MAX];
	struct cv_lease l;

	n_messages++;
	ready();
	memcpy(frame, request, len);
	CHECK_EQ(world_run(FROM_GUEST, 0, frame, &len, 0), DROP);
	steered = dhcp_ring_take(NULL);
	CHECK_EQ(steered, !fate->drop);
	CHECK_DROPS(&why, fate->drop != 0);
	if (steered)
		check_daemon(request, request_len, fate);
	l = dhcp_lease();
	CHECK(!memcmp(&l, &lease_before, sizeof(l)));
}

/* --- the message as it should be, and what is done to it */

static unsigned int good(__u8 *frame)
{
	const struct request r = { OPTIONS(SELECTING END "\0\0\0\0") };

	return request_build(&r, frame);
}

/* Options in the place of the good ones. */
static unsigned int with_options(__u8 *frame, const void *options, unsigned int len)
{
	const struct request r = { .options = options, .options_len = len };

	return request_build(&r, frame);
}

static const struct fate malformed = { .drop = CV_DROP_DHCP_MALFORMED };

/* One byte of the frame takes each value that is not the right one. */
struct byte_row {
	const char *claim;
	unsigned int at, n;	/* bytes from there, each by itself */
	struct fate fate;
};

static const struct byte_row byte_rows[] = {
	{ "op", FIXED_AT, 1, { .drop = CV_DROP_DHCP_MALFORMED } },
	{ "htype", FIXED_AT + 1, 1, { .drop = CV_DROP_DHCP_MALFORMED } },
	{ "hlen", FIXED_AT + 2, 1, { .drop = CV_DROP_DHCP_MALFORMED } },
	{ "each byte of the cookie", FIXED_AT + 236, 4, { .drop = CV_DROP_DHCP_MALFORMED } },
	{ "each byte of chaddr", FIXED_AT + 28, 6, { .drop = CV_DROP_SPOOFED_MAC } },
	{ "length of the message type", OPTIONS_AT + 1, 1, { .drop = CV_DROP_DHCP_MALFORMED } },
	{ "length of the server identifier", OPTIONS_AT + 4, 1, { .drop = CV_DROP_DHCP_MALFORMED } },
	{ "length of the requested address", OPTIONS_AT + 10, 1, { .drop = CV_DROP_DHCP_MALFORMED } },
	{ "UDP length, its low byte", 39, 1, { .drop = CV_DROP_DHCP_MALFORMED } },
};

static void lying_bytes(void)
{
	for (unsigned int i = 0; i < sizeof(byte_rows) / sizeof(byte_rows[0]); i++) {
		const struct byte_row *row = &byte_rows[i];
		unsigned int before = n_messages;

		claim_begin();
		for (unsigned int at = row->at; at < row->at + row->n; at++) {
			for (unsigned int value = 0; value < 256 && !claim_failed(); value++) {
				__u8 frame[PACKET_MAX];
				unsigned int len = good(frame);

				if (frame[at] == value)
					continue;
				frame[at] = (__u8)value;
				check_message(frame, len, &row->fate);
			}
		}
		claim_end("%s: all %u wrong values", row->claim, n_messages - before);
	}
}

/* Each option, longer than what is left of the message. */
static void options_beyond_the_end(void)
{
	claim_begin();
	for (unsigned int code = 1; code < 255; code++) {
		__u8 options[] = { 0x35, 1, 3, (__u8)code, 3, 0, 0xff }, frame[PACKET_MAX];

		check_message(frame, with_options(frame, options, sizeof(options)), &malformed);
	}
	claim_end("each option that is longer than the message");
}

/* The types that no client sends. */
static void unknown_types(void)
{
	static const struct fate nothing = { .why = "asks for nothing" };

	claim_begin();
	for (unsigned int type = 0; type < 256; type++) {
		__u8 options[] = { 0x35, 1, (__u8)type, 0xff }, frame[PACKET_MAX];

		if (type == DISCOVER || type == REQUEST || type == DECLINE || type == RELEASE || type == INFORM)
			continue;
		check_message(frame, with_options(frame, options, sizeof(options)),
			      type ? &nothing : &malformed);
	}
	claim_end("each type that no client sends");
}

/* --- single ones */

struct message_row {
	const char *claim;
	struct request in;
	struct fate fate;
};
#define KERNEL(reason)	{ .drop = CV_DROP_##reason }
#define DAEMON(words)	{ .why = words }
#define REFUSAL(words)	{ .why = words, .nak = true }

static const struct message_row rows[] = {
	{ "no options at all", { OPTIONS("") }, KERNEL(DHCP_MALFORMED) },
	{ "an end alone", { OPTIONS(END) }, KERNEL(DHCP_MALFORMED) },
	{ "padding alone", { OPTIONS("\0\0\0\0\0\0\0\0") }, KERNEL(DHCP_MALFORMED) },
	{ "options without an end", { OPTIONS(SELECTING) }, KERNEL(DHCP_MALFORMED) },
	{ "a code without a length", { OPTIONS(SELECTING "\x0c") }, KERNEL(DHCP_MALFORMED) },
	{ "the type behind the end", { OPTIONS(S W END "\x35\x01\x03") }, KERNEL(DHCP_MALFORMED) },
	{ "the type within another option", { OPTIONS("\x2b\x05\x35\x01\x03\x00\x00" END) }, KERNEL(DHCP_MALFORMED) },
	{ "two types", { OPTIONS("\x35\x01\x01" SELECTING END) }, DAEMON("not a DHCP request") },
	{ "two types, the first of them zero", { OPTIONS("\x35\x01\x00" SELECTING END) }, DAEMON("not a DHCP request") },
	{ "two addresses", { OPTIONS(SELECTING W END) }, DAEMON("not a DHCP request") },
	{ "two addresses, the first of them zero", { OPTIONS("\x32\x04\0\0\0\0" SELECTING END) }, DAEMON("not a DHCP request") },
	{ "two servers", { OPTIONS(SELECTING S END) }, DAEMON("not a DHCP request") },
	{ "overload that promises options which are none",
	  { .junk = true, OPTIONS(SELECTING "\x34\x01\x03" END) }, DAEMON("not a DHCP request") },
	{ "overload whose field holds another address",
	  { OPTIONS("\x34\x01\x01" SELECTING "\x32\x04\x0a\x4d\x00\x06" END) }, DAEMON("not a DHCP request") },
	{ "relayed, on a port that is none's", { .giaddr = BOB_IP, OPTIONS(SELECTING END) }, DAEMON("was relayed") },
	{ "option 82 from a guest", { OPTIONS(SELECTING "\x52\x02\x01\x00" END) }, DAEMON("was relayed") },
	{ "from the server's port", { .sport = 67, OPTIONS(SELECTING END) }, KERNEL(ROGUE_DHCP) },
	{ "an OFFER to a server's port", { .op = 2, OPTIONS("\x35\x01\x02" S END) }, KERNEL(DHCP_MALFORMED) },
	{ "a first fragment", { .frag = MF, OPTIONS(SELECTING END) }, KERNEL(DHCP_MALFORMED) },
	{ "another's MAC on the frame", { .smac = BOB_MAC, OPTIONS(SELECTING END) }, KERNEL(SPOOFED_MAC) },
	{ "another's MAC in the message", { .chaddr = BOB_MAC, OPTIONS(SELECTING END) }, KERNEL(SPOOFED_MAC) },
	{ "REQUEST of the gateway's address", { OPTIONS("\x35\x01\x03" "\x32\x04\x0a\x4d\x00\x01" END) },
	  REFUSAL("lease is of another address") },
	{ "REQUEST of the broadcast address", { OPTIONS("\x35\x01\x03" "\x32\x04\x0a\x4d\x00\xff" END) },
	  REFUSAL("lease is of another address") },
	{ "REQUEST of another guest's address", { OPTIONS("\x35\x01\x03" "\x32\x04\x0a\x4d\x00\x06" END) },
	  REFUSAL("lease is of another address") },
	{ "REQUEST of an address of nowhere", { OPTIONS("\x35\x01\x03" "\x32\x04\0\0\0\0" END) }, REFUSAL("wrong network") },
	{ "renewal of another guest's address", { .ciaddr = BOB_IP, .saddr = BOB_IP, OPTIONS("\x35\x01\x03" END) },
	  REFUSAL("lease is of another address") },
	{ "SELECTING without an address", { OPTIONS("\x35\x01\x03" S END) }, DAEMON("names no address") },
	{ "a REQUEST of no state", { OPTIONS("\x35\x01\x03" END) }, DAEMON("asks for nothing") },
	{ "DECLINE of another guest's address", { OPTIONS("\x35\x01\x04" S "\x32\x04\x0a\x4d\x00\x06" END) },
	  DAEMON("declines what it does not have") },
	{ "DECLINE to another server", { OPTIONS("\x35\x01\x04" "\x36\x04\x0a\x4d\x00\x02" W END) },
	  DAEMON("declined to another server") },
	{ "RELEASE of another guest's address", { .ciaddr = BOB_IP, OPTIONS("\x35\x01\x07" S END) },
	  DAEMON("releases what it does not have") },
	{ "RELEASE to another server", { .ciaddr = ANN_IP, OPTIONS("\x35\x01\x07" "\x36\x04\x0a\x4d\x00\x02" END) },
	  DAEMON("released to another server") },
	{ "INFORM for another guest's address", { .ciaddr = BOB_IP, OPTIONS("\x35\x01\x08" END) },
	  DAEMON("asks for an address that it does not have") },
	{ "INFORM for no address", { OPTIONS("\x35\x01\x08" END) }, DAEMON("asks for an address that it does not have") },
};

static void single_ones(void)
{
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		__u8 frame[PACKET_MAX];

		claim_begin();
		check_message(frame, request_build(&rows[i].in, frame), &rows[i].fate);
		claim_end("%s: %s", rows[i].claim, rows[i].fate.drop ? "the kernel" : rows[i].fate.why);
	}
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
	daemon_open();
	stay_on_one_cpu();
	lying_bytes();
	options_beyond_the_end();
	unknown_types();
	single_ones();
	claim_begin();
	CHECK(n_messages >= 300);
	claim_end("%u messages in all", n_messages);
	return table_end();
}
