// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a guest's frame: parsed, answered in every way that the server
 * answers, and the reply held against what RFC 2131 says of all replies.  By
 * libFuzzer (`make fuzz`), and it replays files that it is given.
 *
 * The first byte chooses options and boot rules, and whether a whole frame
 * follows or a message alone.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dhcp_msg.h"
#include "dhcp_options.h"

#define HEADERS	42
#define FIXED	CV_DHCP_FIXED_SIZE
#define WHOLE_FRAME 0x80

#define MUST(cond) do {								\
	if (!(cond)) {								\
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);	\
		abort();							\
	}									\
} while (0)

static const struct dhcp_boot rules[] = {
	{ .arch = 7, .file = "ipxe.efi", .server = 0x0500000a },
	{ .arch = DHCP_BOOT_ANY, .file = "pxelinux.0" },
	{ .arch = DHCP_BOOT_ANY, .file = "http://10.0.0.5/boot.efi" },
	{ .arch = DHCP_BOOT_ANY, .ipxe = true, .file = "http://10.0.0.5/a/very/long/name/of/a/file/that/does/not/fit/in/the/header"
	  "/of/a/message/so/that/it/has/to/be/told/as/an/option/menu.ipxe" },
};

static void put(struct dhcp_set *s, uint8_t code, size_t len, uint8_t byte)
{
	uint8_t value[600];
	struct dhcp_option o = { code, (__u16)len, value };

	memset(value, byte, sizeof(value));
	MUST(!dhcp_set_put(s, &o));
}

static struct dhcp_set options_of(uint8_t choice)
{
	struct dhcp_set s = { 0 };

	put(&s, 1, 4, 0xff);
	put(&s, 3, 4, 10);
	if (choice & 1)
		put(&s, CV_DHCP_OPT_IPV6_ONLY, 4, 0);
	if (choice & 2)
		put(&s, 119, 300, 'a');
	if (choice & 4)
		put(&s, 43, 150, 'v');
	if (choice & 8)
		put(&s, 225, 255, 'w');
	return s;
}

/* --- the reply, read by other code than what wrote it */

static uint16_t sum(const uint8_t *p, size_t len, uint32_t n)
{
	for (size_t i = 0; i < len; i++)
		n += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (n >> 16)
		n = (n & 0xffff) + (n >> 16);
	return (uint16_t)n;
}

static void check_headers(const uint8_t *f, size_t len, const struct dhcp_msg *m)
{
	const uint8_t *udp = f + 34, *h = f + HEADERS;
	size_t payload = len - HEADERS;

	MUST(len >= HEADERS + CV_DHCP_REPLY_MIN && len <= 1514);
	MUST(f[14] == 0x45 && ((size_t)f[16] << 8 | f[17]) == len - 14);
	MUST(sum(f + 14, 20, 0) == 0xffff);
	MUST(((size_t)udp[4] << 8 | udp[5]) == payload + 8 && (udp[6] | udp[7]));
	MUST(sum(udp, payload + 8, sum(f + 26, 8, 17 + (uint32_t)payload + 8)) == 0xffff);
	MUST(h[0] == 2 && h[1] == 1 && h[2] == 6 && !h[3] && !h[8] && !h[9]);
	MUST(!memcmp(h + 4, &m->hdr.xid, 4) && !memcmp(h + 28, m->hdr.chaddr, 6));
	for (int i = 34; i < 108; i++)
		MUST(!h[i]);	/* behind the MAC, and sname */
}

static size_t payload_max(const struct dhcp_msg *m)
{
	struct dhcp_value v = dhcp_msg_value(m, CV_DHCP_OPT_MAX_SIZE);
	size_t size = v.len == 2 ? (size_t)v.bytes[0] << 8 | v.bytes[1] : 0;

	return size < 576 ? 548 : size > 1500 ? 1472 : size - 28;
}

static void check_options(const uint8_t *f, size_t len, const struct dhcp_msg *m,
			  const struct dhcp_answer *a)
{
	const uint8_t *p = f + HEADERS + FIXED, *end = f + len;
	struct dhcp_value agent = dhcp_msg_value(m, CV_DHCP_OPT_RELAY_AGENT);
	size_t seen[256] = { 0 };
	uint8_t last = 0;

	MUST(p[0] == 53 && p[1] == 1 && p[2] == a->type && p[3] == 54);
	while (p < end && *p != 255) {
		MUST(p + 2 <= end && p + 2 + p[1] <= end);
		last = *p;
		seen[*p] += p[1] + 1U;
		p += 2 + p[1];
	}
	MUST(p < end);
	for (p++; p < end; p++)
		MUST(!*p);
	MUST(!seen[50] && !seen[52] && !seen[55] && !seen[57] && !seen[118]);
	MUST(!seen[51] == !a->lease_s && !seen[58] == !a->lease_s && !seen[59] == !a->lease_s);
	MUST(!seen[61] == !dhcp_msg_value(m, 61).bytes);
	MUST(!seen[82] == !agent.bytes && (!agent.bytes || last == 82));
	MUST(!seen[108] || dhcp_msg_wants(m, 108));
	MUST(!seen[80] == !a->rapid);
	if (a->type == CV_DHCP_NAK)
		MUST(!seen[1] && !seen[3]);
}

static void answer(const struct dhcp_msg *m, struct dhcp_answer *a)
{
	uint8_t frame[CV_FRAME_SIZE];
	int len;

	memset(frame, 0xee, sizeof(frame));
	len = dhcp_msg_build(m, a, frame);
	if (len < 0)
		return;
	MUST((size_t)len <= HEADERS + payload_max(m));
	check_headers(frame, (size_t)len, m);
	check_options(frame, (size_t)len, m, a);
}

static void answer_all(const struct dhcp_msg *m, uint8_t choice)
{
	struct dhcp_firmware fw = dhcp_boot_firmware(m);
	struct dhcp_set options = options_of(choice);
	struct dhcp_answer a = {
		.server = htonl(0x0a000001), .server_mac = { 2, 0, 0, 0, 0, 1 },
		.yiaddr = htonl(0x0a000032), .lease_s = 3600, .options = &options,
		.boot = dhcp_boot_choose(rules, sizeof(rules) / sizeof(rules[0]), &fw),
	};

	a.type = CV_DHCP_OFFER;
	answer(m, &a);
	a.type = CV_DHCP_ACK;
	a.rapid = choice & 16;
	answer(m, &a);
	a.rapid = false;
	a.lease_s = 0;
	a.yiaddr = 0;
	answer(m, &a);
	a = (struct dhcp_answer) { .type = CV_DHCP_NAK, .server = a.server, .text = "address is in use" };
	answer(m, &a);
}

/* The headers around a message, so that what is tried is the message. */
static size_t wrap(uint8_t *frame, const uint8_t *message, size_t len)
{
	static const uint8_t headers[HEADERS] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 5, 8, 0, 0x45, 0,
		[22] = 64, [23] = 17, [30] = 0xff, 0xff, 0xff, 0xff, 0, 68, 0, 67,
	};
	size_t ip = len + 28, udp = len + 8;

	memcpy(frame, headers, sizeof(headers));
	frame[16] = (uint8_t)(ip >> 8);
	frame[17] = (uint8_t)ip;
	frame[38] = (uint8_t)(udp >> 8);
	frame[39] = (uint8_t)udp;
	memcpy(frame + HEADERS, message, len);
	return len + HEADERS;
}

static void check_message(const struct dhcp_msg *m)
{
	char name[DHCP_HOSTNAME_SIZE];

	dhcp_msg_hostname(m, name);
	for (const char *c = name; *c; c++)
		MUST(strchr("abcdefghijklmnopqrstuvwxyz0123456789-", *c));
	MUST(name[0] != '-');
	MUST(dhcp_msg_intent(m) <= DHCP_INTENT_INFORM);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dhcp_msg m;
	uint8_t *frame;
	size_t len;

	if (!size || size > CV_FRAME_SIZE - HEADERS)
		return 0;
	/* Exactly as long as it is, so that a byte more is noticed. */
	len = data[0] & WHOLE_FRAME ? size - 1 : size - 1 + HEADERS;
	frame = malloc(len ? len : 1);
	MUST(frame);
	if (data[0] & WHOLE_FRAME)
		memcpy(frame, data + 1, len);
	else
		wrap(frame, data + 1, size - 1);
	if (!dhcp_msg_parse(frame, len, &m)) {
		check_message(&m);
		answer_all(&m, data[0]);
	}
	free(frame);
	return 0;
}
