// SPDX-License-Identifier: GPL-2.0-only
/* DHCP frames taken apart and put together, byte by byte. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dhcp_script.h"
#include "dhcp_msg.h"

#define OPTIONS_AT (FRAME_HEADERS + CV_DHCP_FIXED_SIZE)
#define HEADER(field) (FRAME_HEADERS + (int)offsetof(struct cv_dhcp, field))

/* --- frames that are refused, or not */

struct frame_row {
	const char *name;
	const char *line;	/* as in dhcp_script.h */
	struct { int at, value; } poke[2];
	int keep;		/* cut the frame to this many bytes; 0: whole */
	int err;
};

static const struct frame_row frame_rows[] = {
	{ "a request as it is", "discover want=.50", {}, 0, 0 },
	{ "no frame at all", "discover", {}, 1, -EBADMSG },
	{ "cut within Ethernet", "discover", {}, 13, -EBADMSG },
	{ "cut within IP", "discover", {}, 33, -EBADMSG },
	{ "cut within UDP", "discover", {}, 41, -EBADMSG },
	{ "cut within the header", "discover", {}, OPTIONS_AT - 1, -EBADMSG },
	{ "cut within the options", "discover", {}, OPTIONS_AT + 1, -EBADMSG },
	{ "not IPv4 by EtherType", "discover", { { 12, 0x86 } }, 0, -EBADMSG },
	{ "not IPv4 by version", "discover", { { 14, 0x65 } }, 0, -EBADMSG },
	{ "IP header length too small", "discover", { { 14, 0x44 } }, 0, -EBADMSG },
	{ "IP header length beyond the packet", "discover", { { 14, 0x4f }, { 17, 40 } }, 0, -EBADMSG },
	{ "IP length beyond the frame", "discover", { { 16, 5 } }, 0, -EBADMSG },
	{ "IP length below its header", "discover", { { 16, 0 }, { 17, 19 } }, 0, -EBADMSG },
	{ "first fragment", "discover", { { 20, 0x20 } }, 0, -EBADMSG },
	{ "later fragment", "discover", { { 21, 1 } }, 0, -EBADMSG },
	{ "do not fragment is fine", "discover", { { 20, 0x40 } }, 0, 0 },
	{ "TCP", "discover", { { 23, 6 } }, 0, -EBADMSG },
	{ "to the client's port", "discover", { { 37, 68 } }, 0, -EBADMSG },
	{ "UDP length below what IP says", "discover", { { 39, 250 } }, 0, -EBADMSG },
	{ "UDP length beyond the packet", "discover", { { 38, 5 } }, 0, -EBADMSG },
	{ "UDP length below its header", "discover", { { 38, 0 }, { 39, 7 } }, 0, -EBADMSG },
	{ "a wrong UDP checksum is not looked at", "discover", { { 40, 1 } }, 0, 0 },
	{ "a reply", "discover", { { HEADER(op), 2 } }, 0, -EBADMSG },
	{ "hardware that is not Ethernet", "discover", { { HEADER(htype), 32 } }, 0, -EBADMSG },
	{ "a hardware address of 16 bytes", "discover", { { HEADER(hlen), 16 } }, 0, -EBADMSG },
	{ "another cookie", "discover", { { HEADER(magic), 0 } }, 0, -EBADMSG },
	{ "plain BOOTP", "bootp", {}, 0, -EBADMSG },
	{ "message type of no bytes", "discover", { { OPTIONS_AT + 1, 0 }, { OPTIONS_AT + 2, 0 } }, 0, -EBADMSG },
	{ "message type of two bytes", "discover", { { OPTIONS_AT + 1, 2 } }, 0, -EBADMSG },
	{ "option longer than the message", "discover", { { OPTIONS_AT + 4, 200 } }, 0, -EBADMSG },
	{ "no end", "discover", { { OPTIONS_AT + 10, 0 } }, 0, -EBADMSG },
	{ "requested address of three bytes", "discover want=.50", { { OPTIONS_AT + 4, 3 } }, 0, -EBADMSG },
	{ "requested address of seven bytes", "discover want=.50 server=.1", { { OPTIONS_AT + 4, 7 } }, 0, -EBADMSG },
	{ "server identifier of three bytes", "discover server=.1", { { OPTIONS_AT + 4, 3 } }, 0, -EBADMSG },
};

static void frame_is_judged(void **state)
{
	const struct frame_row *row = *state;
	struct script_frame f = script_request(row->line);
	size_t len = row->keep ? (size_t)row->keep : f.len;
	struct dhcp_msg m;
	__u8 *copy;

	for (size_t i = 0; i < UNIT_N(row->poke); i++)
		if (row->poke[i].at)
			f.bytes[row->poke[i].at] = (__u8)row->poke[i].value;
	f.len = len;
	if (row->keep > FRAME_HEADERS)	/* the lengths agree: only the message is cut */
		script_set_lengths(&f);
	copy = malloc(len);	/* exactly as long, so that ASan sees one byte more */
	memcpy(copy, f.bytes, len);
	assert_int_equal(dhcp_msg_parse(copy, len, &m), row->err);
	free(copy);
}

/* --- options, wherever they lie */

struct option_row {
	const char *name;
	const char *options, *file, *sname;	/* in C strings; \0 ends them */
	__u8 code;
	const char *value;			/* NULL: not there */
};

static const struct option_row option_rows[] = {
	{ "one option", "\x35\x01\x01\x0c\x03" "abc\xff", "", "", 12, "abc" },
	{ "an option that is not there", "\x35\x01\x01\xff", "", "", 12, NULL },
	{ "an empty option is there", "\x35\x01\x01\x50\x00", "", "", 80, "" },
	{ "nothing is read behind the end", "\x35\x01\x01\xff\x0c\x03" "abc", "", "", 12, NULL },
	{ "a split option is joined", "\x35\x01\x01\x0c\x02" "ab\x3d\x02zz\x0c\x03" "cde\xff", "", "", 12, "abcde" },
	{ "the other one is not harmed", "\x35\x01\x01\x0c\x02" "ab\x3d\x02zz\x0c\x03" "cde\xff", "", "", 61, "zz" },
	{ "file is no options unless 52 says so", "\x35\x01\x01\xff", "\x0c\x03" "abc\xff", "", 12, NULL },
	{ "file with 52=1", "\x34\x01\x01\x35\x01\x01\xff", "\x0c\x03" "abc\xff", "", 12, "abc" },
	{ "sname is left alone with 52=1", "\x34\x01\x01\x35\x01\x01\xff", "", "\x0c\x03" "abc\xff", 12, NULL },
	{ "sname with 52=2", "\x35\x01\x01\x34\x01\x02\xff", "", "\x0c\x03" "abc\xff", 12, "abc" },
	{ "file comes before sname with 52=3", "\x35\x01\x01\x34\x01\x03\x0c\x01" "1\xff", "\x0c\x01" "2\xff",
	  "\x0c\x01" "3\xff", 12, "123" },
	{ "the type itself in file", "\x34\x01\x01\xff", "\x35\x01\x03\xff", "", 53, "\x03" },
	{ "52 within file is no more than an option", "\x34\x01\x01\x35\x01\x01\xff", "\x34\x01\x02\xff",
	  "\x0c\x03" "abc\xff", 12, NULL },
};

static size_t set_area(__u8 *to, const char *from)
{
	size_t len = strlen(from);

	/* A 0x00 length cannot be in a C string: the one row that has it ends there. */
	memcpy(to, from, len);
	return len;
}

static void option_is_found(void **state)
{
	const struct option_row *row = *state;
	struct script_frame f = script_request("discover");
	struct dhcp_value v;
	struct dhcp_msg m;

	memset(f.bytes + HEADER(file), 0, 128);
	memset(f.bytes + HEADER(sname), 0, 64);
	set_area(f.bytes + HEADER(file), row->file);
	set_area(f.bytes + HEADER(sname), row->sname);
	f.len = OPTIONS_AT + set_area(f.bytes + OPTIONS_AT, row->options);
	if (row->code == 80) {
		f.bytes[f.len++] = 0;
		f.bytes[f.len++] = 255;
	}
	script_set_lengths(&f);

	assert_int_equal(dhcp_msg_parse(f.bytes, f.len, &m), 0);
	v = dhcp_msg_value(&m, row->code);
	assert_int_equal(!!v.bytes, !!row->value);
	if (!row->value)
		return;
	assert_int_equal(v.len, strlen(row->value));
	assert_memory_equal(v.bytes, row->value, v.len);
}

/* --- what the client is about */

struct intent_row {
	const char *name;	/* the request */
	enum dhcp_intent intent;
};

static const struct intent_row intent_rows[] = {
	{ "discover", DHCP_INTENT_DISCOVER },
	{ "discover want=.50", DHCP_INTENT_DISCOVER },
	{ "select want=.50 server=.1", DHCP_INTENT_SELECT },
	{ "select want=.50 server=.9", DHCP_INTENT_SELECT },
	{ "reboot want=.50", DHCP_INTENT_REBOOT },
	{ "reboot want=.50 ciaddr=.50", DHCP_INTENT_REBOOT },
	{ "renew ciaddr=.50", DHCP_INTENT_RENEW },
	{ "rebind ciaddr=.50", DHCP_INTENT_REBIND },
	{ "request", DHCP_INTENT_NONE },
	{ "decline want=.50 server=.1", DHCP_INTENT_DECLINE },
	{ "release ciaddr=.50 server=.1", DHCP_INTENT_RELEASE },
	{ "inform ciaddr=.50", DHCP_INTENT_INFORM },
	{ "offer", DHCP_INTENT_NONE },
};

static void intent_is_told(void **state)
{
	const struct intent_row *row = *state;
	struct script_frame f = script_request(row->name);
	struct dhcp_msg m;

	assert_int_equal(dhcp_msg_parse(f.bytes, f.len, &m), 0);
	assert_int_equal(dhcp_msg_intent(&m), row->intent);
}

/* --- names */

struct name_row {
	const char *name;
	const char *option12;
	const char *option81;
	size_t len81;
	const char *hostname;
};

#define X60 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
static const struct name_row name_rows[] = {
	{ "none", NULL, NULL, 0, "" },
	{ "plain", "web", NULL, 0, "web" },
	{ "capitals", "Web-01", NULL, 0, "web-01" },
	{ "the first label only", "web.lab.vm", NULL, 0, "web" },
	{ "what is no letter, digit or hyphen", "a_b c\x1b[31m\xc3\xa9", NULL, 0, "a-b-c--31m" },
	{ "hyphens at the ends", "--a--", NULL, 0, "a" },
	{ "nothing but rubbish", "_._", NULL, 0, "" },
	{ "63 letters and no more", X60 "abcdef", NULL, 0, X60 "abc" },
	{ "a cut that would end in a hyphen", X60 "ab-def", NULL, 0, X60 "ab" },
	{ "81 as text comes first", "web", "\x01\x00\x00" "mail.lab", 11, "mail" },
	{ "81 in wire format", NULL, "\x05\x00\x00\x04mail\x03lab\x00", 13, "mail" },
	{ "81 in wire format, longer than it is", "web", "\x05\x00\x00\x09mail", 8, "web" },
	{ "81 without a name", "web", "\x05\x00\x00", 3, "web" },
};

static void hostname_is_clean(void **state)
{
	const struct name_row *row = *state;
	struct script_frame f = script_request("discover");
	char hostname[DHCP_HOSTNAME_SIZE];
	struct dhcp_msg m;

	f.len--;	/* over the end mark */
	if (row->option12)
		script_option(&f, 12, row->option12, strlen(row->option12));
	if (row->option81)
		script_option(&f, 81, row->option81, row->len81);
	f.bytes[f.len++] = 255;
	script_set_lengths(&f);
	assert_int_equal(dhcp_msg_parse(f.bytes, f.len, &m), 0);
	dhcp_msg_hostname(&m, hostname);
	assert_string_equal(hostname, row->hostname);
}

/* --- replies: size and destination; what they say is test_dhcp_server's */

struct reply_row {
	const char *name;
	const char *line;
	enum cv_dhcp_type type;
	unsigned int blob;	/* bytes of the network's options */
	int payload;		/* of UDP; or -errno */
	const char *to;		/* IP:port, broadcast or unicast MAC */
};

static const struct reply_row reply_rows[] = {
	{ "small replies are padded to 300 bytes", "discover", CV_DHCP_OFFER, 6, 300, "10.20.0.50:68 unicast" },
	{ "the last that fits in 300", "discover", CV_DHCP_OFFER, 32, 300, "10.20.0.50:68 unicast" },
	{ "the first that does not is padded to 548", "discover", CV_DHCP_OFFER, 33, 548, "10.20.0.50:68 unicast" },
	{ "a client id counts", "discover id=1234567890", CV_DHCP_OFFER, 21, 548, "10.20.0.50:68 unicast" },
	{ "the largest blob", "discover", CV_DHCP_OFFER, 256, 548, "10.20.0.50:68 unicast" },
	{ "more than 548 only when the client takes it", "discover id=0123456789012345678901234567890123456789",
	  CV_DHCP_OFFER, 256, 548, "10.20.0.50:68 unicast" },
	{ "more than 548 with option 57", "discover max=1500 id=0123456789012345678901234567890123456789",
	  CV_DHCP_OFFER, 256, 566, "10.20.0.50:68 unicast" },
	{ "option 57 that is too small", "discover max=590 id=0123456789012345678901234567890123456789",
	  CV_DHCP_OFFER, 256, 548, "10.20.0.50:68 unicast" },
	{ "option 57 below the legal minimum", "discover max=300", CV_DHCP_OFFER, 33, 548, "10.20.0.50:68 unicast" },
	{ "broadcast flag", "discover bcast", CV_DHCP_OFFER, 6, 300, "255.255.255.255:68 broadcast" },
	{ "ciaddr before the broadcast flag", "renew ciaddr=.50 bcast", CV_DHCP_ACK, 6, 300, "10.20.0.50:68 unicast" },
	{ "a NAK goes to all", "renew ciaddr=.50", CV_DHCP_NAK, 0, 300, "255.255.255.255:68 broadcast" },
	{ "a relay gets it on the server's port", "discover giaddr=.9 bcast", CV_DHCP_OFFER, 6, 300, "10.20.0.9:67 unicast" },
	{ "a NAK through a relay", "discover giaddr=.9", CV_DHCP_NAK, 0, 300, "10.20.0.9:67 unicast" },
};

static void describe_target(const __u8 *frame, char *buf, size_t size)
{
	snprintf(buf, size, "%u.%u.%u.%u:%u %s", frame[30], frame[31], frame[32], frame[33],
		 (unsigned int)frame[36] << 8 | frame[37], frame[0] == 0xff ? "broadcast" : "unicast");
}

static void reply_has_size_and_target(void **state)
{
	const struct reply_row *row = *state;
	struct script_frame f = script_request(row->line);
	struct dhcp_set blob = { 0 };
	__u8 value[256] = { 0 };
	struct dhcp_option o = { 224, (__u16)(row->blob ? row->blob - 2 : 0), value };
	struct dhcp_answer a = { .type = row->type, .server = script_ip(1), .options = &blob };
	__u8 frame[CV_FRAME_SIZE];
	struct cv_dhcp h;
	struct dhcp_msg m;
	char to[64];
	int len;

	memset(frame, 0xee, sizeof(frame));	/* what is not written shows */
	if (row->blob)
		assert_int_equal(dhcp_set_put(&blob, &o), 0);
	if (row->type != CV_DHCP_NAK)
		a.yiaddr = script_ip(50), a.lease_s = 3600;
	assert_int_equal(dhcp_msg_parse(f.bytes, f.len, &m), 0);
	len = dhcp_msg_build(&m, &a, frame);
	if (row->payload < 0) {
		assert_int_equal(len, row->payload);
		return;
	}
	assert_int_equal(len, FRAME_HEADERS + row->payload);
	script_check_sums(frame, (size_t)len);
	describe_target(frame, to, sizeof(to));
	assert_string_equal(to, row->to);
	memcpy(&h, frame + FRAME_HEADERS, sizeof(h));
	if (row->type == CV_DHCP_NAK && m.hdr.giaddr)
		assert_true(h.flags & htons(CV_DHCP_FLAG_BROADCAST));
	if (row->payload > 300)		/* the padding is zeros to the end */
		assert_int_equal(frame[len - 1], row->blob == 256 && row->payload > 548 ? 255 : 0);
}

int main(void)
{
	struct CMUnitTest tests[128], *end = tests;

	end = UNIT_ROWS(end, frame_rows, frame_is_judged);
	end = UNIT_ROWS(end, option_rows, option_is_found);
	end = UNIT_ROWS(end, intent_rows, intent_is_told);
	end = UNIT_ROWS(end, name_rows, hostname_is_clean);
	end = UNIT_ROWS(end, reply_rows, reply_has_size_and_target);
	return UNIT_RUN(tests, end);
}
