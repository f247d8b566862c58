/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A DHCP server's day as text: each step is a line that a client or an
 * operator does, and the line that comes of it.
 *
 *	discover reboot select renew rebind decline release inform request bootp
 *	  with: by=A|B|C  want=.50 (50)  server=.1 (54)  ciaddr=.50
 *	  id=text (61)  host=text (12)  bcast  giaddr=.9  chaddr=B  net=9  slot=9
 *	  rapid (80)  max=590 (57)  list=1,3,121 (55)  class=PXEClient (60)
 *	  user=iPXE (77)  arch=7 (93)  agent=0104... (82, hex)  link=192.0.2.0 (118)
 *	  mac=02:..:01 (chaddr)  see=121,249: tell these options of the reply, in hex
 *	tick 61		seconds pass, then the scan runs; "wait" without the scan
 *	show		the leases and the addresses of the ports
 *	and what operators do: see do_step()
 *
 * A reply is told as "offer .50 to A@.50 3600s: offered"; what holds for every
 * reply (checksums, header, options by type) is asserted for each.
 */
#ifndef CULVERT_TESTS_DHCP_SCRIPT_H
#define CULVERT_TESTS_DHCP_SCRIPT_H

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <culvert/wire.h>

#define FRAME_HEADERS (14 + 20 + 8)

static const __u8 script_macs[][6] = {
	{ 0x52, 0x54, 0, 0, 0, 0x0a }, { 0x52, 0x54, 0, 0, 0, 0x0b }, { 0x52, 0x54, 0, 0, 0, 0x0c },
};
static const __u8 script_gateway_mac[6] = { 0x02, 0, 0, 0, 0, 1 };

static inline __be32 script_ip(unsigned int host)
{
	return htonl(0x0a140000 | host);
}

/* ".50" or "10.20.0.50" or "192.0.2.1" */
static inline __be32 script_parse_ip(const char *text)
{
	struct in_addr in;

	if (text[0] == '.')
		return script_ip((unsigned int)atoi(text + 1));
	assert_int_equal(inet_pton(AF_INET, text, &in), 1);
	return in.s_addr;
}

static inline void script_print_ip(FILE *f, __be32 ip)
{
	__u32 host = ntohl(ip);

	if ((host & 0xffffff00) == 0x0a140000)
		fprintf(f, ".%u", host & 255);
	else
		fprintf(f, "%s", inet_ntoa((struct in_addr) { ip }));
}

/* The value of "key=value" in @line; false when it is not there. */
static inline bool script_arg(const char *line, const char *key, char *value, size_t size)
{
	size_t len = strlen(key);

	for (const char *p = line; (p = strchr(p, ' ')); ) {
		p++;
		if (strncmp(p, key, len) || (p[len] != '=' && p[len] != ' ' && p[len]))
			continue;
		if (value)
			snprintf(value, size, "%.*s", p[len] == '=' ? (int)strcspn(p + len + 1, " ") : 0,
				 p[len] == '=' ? p + len + 1 : "");
		return true;
	}
	return false;
}

static inline __be32 script_arg_ip(const char *line, const char *key)
{
	char value[32];

	return script_arg(line, key, value, sizeof(value)) ? script_parse_ip(value) : 0;
}

/* --- checksums, by the book */

static inline __u16 script_sum(const __u8 *p, size_t len, __u32 sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? p[i] : (__u32)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

static inline void script_check_sums(const __u8 *frame, size_t len)
{
	const __u8 *ip = frame + 14, *udp = frame + 34;
	size_t udp_len = (size_t)udp[4] << 8 | udp[5];

	assert_int_equal(ip[0], 0x45);
	assert_int_equal((size_t)ip[2] << 8 | ip[3], len - 14);
	assert_int_equal(script_sum(ip, 20, 0), 0xffff);
	assert_int_equal(udp_len, len - 34);
	assert_true(udp[6] || udp[7]);
	assert_int_equal(script_sum(udp, udp_len, script_sum(ip + 12, 8, IPPROTO_UDP + (__u32)udp_len)),
			 0xffff);
}

/* --- requests */

struct script_frame {
	__u8 bytes[1536];
	size_t len;
};

static inline void script_option(struct script_frame *f, __u8 code, const void *value, size_t len)
{
	f->bytes[f->len++] = code;
	f->bytes[f->len++] = (__u8)len;
	memcpy(f->bytes + f->len, value, len);
	f->len += len;
}

static inline void script_option_ip(struct script_frame *f, const char *line, const char *key, __u8 code)
{
	__be32 ip = script_arg_ip(line, key);

	if (script_arg(line, key, NULL, 0))
		script_option(f, code, &ip, 4);
}

static inline __u8 script_type(const char *line)
{
	static const struct { const char *word; __u8 type; } words[] = {
		{ "discover", 1 }, { "select", 3 }, { "reboot", 3 }, { "renew", 3 },
		{ "rebind", 3 }, { "request", 3 }, { "decline", 4 }, { "release", 7 },
		{ "inform", 8 }, { "offer", 2 }, { "bootp", 0 },
	};
	size_t len = strcspn(line, " ");

	for (size_t i = 0; i < UNIT_N(words); i++)
		if (strlen(words[i].word) == len && !strncmp(words[i].word, line, len))
			return words[i].type;
	fail_msg("no such message: %s", line);
	return 0;
}

static inline int script_who(const char *line, const char *key)
{
	char value[8] = "A";

	script_arg(line, key, value, sizeof(value));
	return value[0] - 'A';
}

/* "1,3,121" */
static inline size_t script_list(const char *text, __u8 *to, size_t size)
{
	size_t n = 0;

	for (const char *p = text; *p && n < size; p += strcspn(p, ","), p += *p == ',')
		to[n++] = (__u8)atoi(p);
	return n;
}

static inline size_t script_unhex(const char *text, __u8 *to, size_t size)
{
	size_t n = 0;
	unsigned int byte;

	for (; n < size && sscanf(text + 2 * n, "%2x", &byte) == 1; n++)
		to[n] = (__u8)byte;
	return n;
}

static inline void script_option_agent(struct script_frame *f, const char *line)
{
	char text[600];
	__u8 value[300];

	if (script_arg(line, "agent", text, sizeof(text)))
		script_option(f, 82, value, script_unhex(text, value, 255));
}

static inline void script_options(struct script_frame *f, const char *line)
{
	__u8 type = script_type(line), parameters[64] = { 1, 3, 6, 15, 26 };
	size_t n_parameters = 5;
	char text[1024];
	__be16 max;

	if (script_arg(line, "id", text, sizeof(text)))	/* before 53: order means nothing */
		script_option(f, 61, text, strlen(text));
	if (type)
		script_option(f, 53, &type, 1);
	script_option_ip(f, line, "want", 50);
	script_option_ip(f, line, "server", 54);
	if (script_arg(line, "host", text, sizeof(text)))
		script_option(f, 12, text, strlen(text));
	if (script_arg(line, "max", text, sizeof(text))) {
		max = htons((__u16)atoi(text));
		script_option(f, 57, &max, 2);
	}
	if (script_arg(line, "rapid", NULL, 0))
		script_option(f, 80, "", 0);
	if (script_arg(line, "list", text, sizeof(text)))
		n_parameters = script_list(text, parameters, sizeof(parameters));
	if (script_arg(line, "class", text, sizeof(text)))
		script_option(f, 60, text, strlen(text));
	if (script_arg(line, "user", text, sizeof(text)))
		script_option(f, 77, text, strlen(text));
	if (script_arg(line, "arch", text, sizeof(text))) {
		max = htons((__u16)atoi(text));
		script_option(f, 93, &max, 2);
	}
	script_option_ip(f, line, "link", 118);
	script_option_agent(f, line);
	script_option(f, 55, parameters, n_parameters);
	f->bytes[f->len++] = 255;
}

/* The lengths in IP and UDP, after the message was changed. */
static inline void script_set_lengths(struct script_frame *f)
{
	__be16 ip = htons((__u16)(f->len - 14)), udp = htons((__u16)(f->len - 34));

	memcpy(f->bytes + 16, &ip, sizeof(ip));
	memcpy(f->bytes + 38, &udp, sizeof(udp));
}

static inline void script_chaddr(const char *line, __u8 *to)
{
	char text[24];

	if (script_arg(line, "mac", text, sizeof(text)))
		assert_int_equal(sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", to, to + 1, to + 2,
					to + 3, to + 4, to + 5), 6);
	else
		memcpy(to, script_macs[script_who(line, script_arg(line, "chaddr", NULL, 0) ?
						  "chaddr" : "by")], 6);
}

static inline struct script_frame script_request(const char *line)
{
	struct script_frame f = { .len = FRAME_HEADERS + sizeof(struct cv_dhcp) };
	struct cv_dhcp h = {
		.op = 1, .htype = 1, .hlen = 6, .hops = 3, .xid = htonl(0xdecade01), .secs = htons(7),
		.flags = script_arg(line, "bcast", NULL, 0) ? htons(0x8000) : 0,
		.ciaddr = script_arg_ip(line, "ciaddr"), .giaddr = script_arg_ip(line, "giaddr"),
		.sname = "stale", .file = "stale", .magic = htonl(CV_DHCP_MAGIC),
	};
	bool unicast = !strncmp(line, "renew", 5) || !strncmp(line, "release", 7);
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
			    .saddr = h.ciaddr, .daddr = unicast ? script_ip(1) : 0xffffffff };
	struct udphdr udp = { .source = htons(68), .dest = htons(67) };
	struct ether_header eth = { .ether_type = htons(ETHERTYPE_IP) };

	script_chaddr(line, h.chaddr);
	script_options(&f, line);
	memset(eth.ether_dhost, 0xff, 6);
	if (unicast)
		memcpy(eth.ether_dhost, script_gateway_mac, 6);
	memcpy(eth.ether_shost, script_macs[script_who(line, "by")], 6);
	memcpy(f.bytes, &eth, 14);
	memcpy(f.bytes + 14, &ip, 20);
	memcpy(f.bytes + 34, &udp, 8);
	memcpy(f.bytes + FRAME_HEADERS, &h, sizeof(h));
	script_set_lengths(&f);
	return f;
}

/* --- replies */

/* The value of an option of a reply, walked by hand; NULL when absent. */
static inline const __u8 *script_find(const __u8 *frame, size_t len, __u8 code, __u8 *ret_len)
{
	const __u8 *p = frame + FRAME_HEADERS + sizeof(struct cv_dhcp), *end = frame + len;

	while (p < end && *p != 255) {
		if (!*p) {
			p++;
			continue;
		}
		assert_true(p + 2 <= end && p + 2 + p[1] <= end);
		if (*p == code) {
			*ret_len = p[1];
			return p + 2;
		}
		p += 2 + p[1];
	}
	assert_true(p < end);	/* the end mark is there */
	return NULL;
}

static inline bool script_has(const __u8 *frame, size_t len, __u8 code)
{
	__u8 n;

	return script_find(frame, len, code, &n);
}

static inline __u32 script_seconds(const __u8 *frame, size_t len, __u8 code)
{
	__u8 n = 0;
	const __u8 *v = script_find(frame, len, code, &n);

	if (!v)
		return 0;
	assert_int_equal(n, 4);
	return (__u32)v[0] << 24 | (__u32)v[1] << 16 | (__u32)v[2] << 8 | v[3];
}

/* RFC 2131 table 3, RFC 6842: what holds for every reply of its type. */
static inline void script_check_options(const __u8 *frame, size_t len, const char *line, __u8 type)
{
	static const __u8 never[] = { 50, 55, 57, 52, 118, 77, 93 };
	bool times = type == 2 || (type == 5 && strncmp(line, "inform", 6));
	__u32 lease = script_seconds(frame, len, 51);
	__be32 server = script_ip(1);
	char id[64];
	__u8 n;

	assert_int_equal(frame[FRAME_HEADERS + sizeof(struct cv_dhcp)], 53);	/* first */
	assert_memory_equal(script_find(frame, len, 54, &n), &server, 4);
	for (size_t i = 0; i < sizeof(never); i++)
		assert_false(script_has(frame, len, never[i]));
	assert_int_equal(script_has(frame, len, 82), script_arg(line, "agent", NULL, 0));
	if (type != 5 || !script_arg(line, "rapid", NULL, 0))
		assert_false(script_has(frame, len, 80));
	assert_int_equal(!!lease, times);
	assert_int_equal(script_seconds(frame, len, 58), lease / 2);
	assert_int_equal(script_seconds(frame, len, 59), (__u64)lease * 7 / 8);
	assert_int_equal(script_has(frame, len, 1), type != 6);
	assert_int_equal(script_has(frame, len, 56), type == 6);
	assert_int_equal(script_has(frame, len, 61), script_arg(line, "id", id, sizeof(id)));
	if (script_has(frame, len, 61))
		assert_memory_equal(script_find(frame, len, 61, &n), id, strlen(id));
}

static inline void script_check_header(const struct cv_dhcp *h, const char *line, __u8 type)
{
	static const __u8 zeros[128];
	__u8 chaddr[6];

	assert_int_equal(h->op, 2);
	assert_int_equal(h->htype, 1);
	assert_int_equal(h->hlen, 6);
	assert_int_equal(h->hops, 0);
	assert_int_equal(h->secs, 0);
	assert_int_equal(h->xid, htonl(0xdecade01));
	assert_int_equal(!!(h->flags & htons(0x8000)), script_arg(line, "bcast", NULL, 0) ||
			 (type == 6 && h->giaddr));
	assert_int_equal(h->giaddr, script_arg_ip(line, "giaddr"));
	assert_int_equal(h->magic, htonl(CV_DHCP_MAGIC));
	script_chaddr(line, chaddr);
	assert_memory_equal(h->chaddr, chaddr, 6);
	assert_memory_equal(h->chaddr + 6, zeros, 10);
	assert_memory_equal(h->sname, zeros, 64);
	if (!script_arg(line, "class", NULL, 0) && !script_arg(line, "user", NULL, 0))
		assert_memory_equal(h->file, zeros, 128);
	assert_int_equal(h->ciaddr, type == 5 && !script_arg(line, "want", NULL, 0) ?
				    script_arg_ip(line, "ciaddr") : 0);
	if (type == 6)
		assert_int_equal(h->yiaddr, 0);
}

/* " 121=180a14 file=pxe next=.5", as "see" wishes; parts of a split option are joined */
static inline void script_print_seen(FILE *f, const __u8 *frame, size_t len, const char *line)
{
	const __u8 *start = frame + FRAME_HEADERS + sizeof(struct cv_dhcp);
	__u8 codes[32];
	char text[128];
	size_t n = script_arg(line, "see", text, sizeof(text)) ? script_list(text, codes, 32) : 0;
	struct cv_dhcp h;

	for (size_t i = 0; i < n; i++) {
		fprintf(f, " %u=", codes[i]);
		if (!script_has(frame, len, codes[i]))
			fputc('-', f);
		for (const __u8 *p = start; *p != 255; p += *p ? 2 + p[1] : 1)
			for (int k = 0; *p == codes[i] && k < p[1]; k++)
				fprintf(f, "%02x", p[2 + k]);
	}
	memcpy(&h, frame + FRAME_HEADERS, sizeof(h));
	if (script_arg(line, "boot", NULL, 0)) {
		fprintf(f, " file=%.128s next=", h.file);
		script_print_ip(f, h.siaddr);
	}
	if (script_arg(line, "codes", NULL, 0))
		for (const __u8 *p = start; *p != 255; p += *p ? 2 + p[1] : 1)
			if (*p)
				fprintf(f, " %u", *p);
}

/* "offer .50 to A@.50 3600s" */
static inline void script_print_reply(FILE *f, const __u8 *frame, size_t len, const char *line)
{
	static const char *const names[] = { "", "", "offer", "", "", "ack", "nak" };
	static const __u8 broadcast[6] = { 255, 255, 255, 255, 255, 255 };
	struct cv_dhcp h;
	__be32 daddr;
	__u8 type, n;

	assert_true(len >= FRAME_HEADERS + CV_DHCP_REPLY_MIN);
	script_check_sums(frame, len);
	memcpy(&h, frame + FRAME_HEADERS, sizeof(h));
	memcpy(&daddr, frame + 30, 4);
	type = *script_find(frame, len, 53, &n);
	script_check_header(&h, line, type);
	script_check_options(frame, len, line, type);
	assert_memory_equal(frame + 6, script_gateway_mac, 6);

	fprintf(f, "%s ", names[type]);
	script_print_ip(f, h.yiaddr);
	if (memcmp(frame, broadcast, 6)) {
		if (h.giaddr)
			assert_memory_equal(frame, script_macs[script_who(line, "by")], 6);
		else
			assert_memory_equal(frame, h.chaddr, 6);
		fprintf(f, " to %c@", 'A' + script_who(line, "by"));
	} else {
		fputs(" to all@", f);
	}
	script_print_ip(f, daddr);
	assert_int_equal(frame[36] << 8 | frame[37], h.giaddr ? 67 : 68);
	if (script_seconds(frame, len, 51))
		fprintf(f, " %us", script_seconds(frame, len, 51));
	script_print_seen(f, frame, len, line);
}

#endif
