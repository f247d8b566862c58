// SPDX-License-Identifier: GPL-2.0-only
/*
 * One table says which options have names and what their values are, another
 * how a value of each type is read.  Windows refuses a whole reply for one
 * option of a wrong length, so nothing ill-formed gets past here.
 */
#include "dhcp_option_spec.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <culvert/wire.h>

#include "addr.h"
#include "dhcp_names.h"
#include "mem.h"

enum type { TYPE_NONE, TYPE_STRING, TYPE_IP, TYPE_IPS, TYPE_U8, TYPE_U16, TYPE_U32, TYPE_HEX,
	    TYPE_SEARCH, TYPE_ROUTES };

static const struct { __u8 code; enum type type; const char *name; } known[] = {
	{ 2, TYPE_U32, "time-offset" },
	{ 3, TYPE_IPS, "router" },
	{ 4, TYPE_IPS, "time-server" },
	{ 6, TYPE_IPS, "dns" },
	{ 7, TYPE_IPS, "log-server" },
	{ 12, TYPE_STRING, "hostname" },
	{ 13, TYPE_U16, "boot-size" },
	{ 15, TYPE_STRING, "domain" },
	{ 17, TYPE_STRING, "root-path" },
	{ 23, TYPE_U8, "ttl" },
	{ 26, TYPE_U16, "mtu" },
	{ 40, TYPE_STRING, "nis-domain" },
	{ 41, TYPE_IPS, "nis-server" },
	{ 42, TYPE_IPS, "ntp" },
	{ 43, TYPE_HEX, "vendor" },
	{ 44, TYPE_IPS, "netbios-ns" },
	{ 46, TYPE_U8, "netbios-node-type" },
	{ 66, TYPE_STRING, "tftp-server" },
	{ 67, TYPE_STRING, "bootfile" },
	{ 69, TYPE_IPS, "smtp-server" },
	{ 100, TYPE_STRING, "posix-timezone" },
	{ 101, TYPE_STRING, "timezone" },
	{ 108, TYPE_U32, "ipv6-only" },
	{ 114, TYPE_STRING, "captive-portal" },
	{ 119, TYPE_SEARCH, "search" },
	{ 121, TYPE_ROUTES, "routes" },
	{ 150, TYPE_IPS, "tftp-address" },
	{ 249, TYPE_ROUTES, "ms-routes" },
	{ 252, TYPE_STRING, "wpad" },
};

/* The server's own: a value of these would contradict what it does. */
static const __u8 ours[] = {
	CV_DHCP_OPT_PAD, CV_DHCP_OPT_NETMASK, CV_DHCP_OPT_REQUESTED_IP, CV_DHCP_OPT_LEASE_TIME,
	CV_DHCP_OPT_OVERLOAD, CV_DHCP_OPT_MESSAGE_TYPE, CV_DHCP_OPT_SERVER_ID,
	CV_DHCP_OPT_PARAMETERS, CV_DHCP_OPT_MESSAGE, CV_DHCP_OPT_MAX_SIZE,
	CV_DHCP_OPT_RENEWAL_TIME, CV_DHCP_OPT_REBINDING_TIME, CV_DHCP_OPT_CLIENT_ID,
	CV_DHCP_OPT_USER_CLASS, CV_DHCP_OPT_RAPID_COMMIT, CV_DHCP_OPT_FQDN,
	CV_DHCP_OPT_RELAY_AGENT, CV_DHCP_OPT_SUBNET_SELECTION, CV_DHCP_OPT_END,
};

/* --- what is wrong */

struct complaint {
	char *text;
	const char **key;
};

__attribute__((format(printf, 3, 4)))
static int complain(struct complaint *c, const char *key, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->text, DHCP_SPEC_ERROR_SIZE, fmt, ap);
	va_end(ap);
	*c->key = key;
	return -EINVAL;
}

/* --- values */

static int put(struct dhcp_option_bytes *o, const void *bytes, size_t len)
{
	if (len > sizeof(o->value) - o->len)
		return -E2BIG;
	memcpy(o->value + o->len, bytes, len);
	o->len = (__u16)(o->len + len);
	return 0;
}

static int read_string(const char *text, struct dhcp_option_bytes *o)
{
	return put(o, text, strlen(text));
}

static int read_ip(const char *text, struct dhcp_option_bytes *o)
{
	__be32 ip;

	return addr_parse_ip(text, &ip) ? -EINVAL : put(o, &ip, sizeof(ip));
}

static int read_number(const char *text, unsigned int size, struct dhcp_option_bytes *o)
{
	unsigned long long n, max = (1ULL << 8 * size) - 1;
	__u8 bytes[4];
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 0);
	if (*end || errno)
		return -EINVAL;
	if (n > max)
		return -ERANGE;
	for (unsigned int i = 0; i < size; i++)
		bytes[i] = (__u8)(n >> 8 * (size - 1 - i));
	return put(o, bytes, size);
}

static int read_u8(const char *text, struct dhcp_option_bytes *o)
{
	return read_number(text, 1, o);
}

static int read_u16(const char *text, struct dhcp_option_bytes *o)
{
	return read_number(text, 2, o);
}

static int read_u32(const char *text, struct dhcp_option_bytes *o)
{
	return read_number(text, 4, o);
}

/* "0a:0b:0c", "0a0b0c", or with blanks. */
static int read_hex(const char *text, struct dhcp_option_bytes *o)
{
	int err = 0;

	while (*text && !err) {
		char pair[3] = { text[0], text[1], '\0' };
		__u8 byte;

		if (!isxdigit((unsigned char)pair[0]) || !isxdigit((unsigned char)pair[1]))
			return -EINVAL;
		byte = (__u8)strtoul(pair, NULL, 16);
		err = put(o, &byte, 1);
		text += 2;
		if ((*text == ':' || *text == ' ') && text[1])
			text++;
	}
	return err;
}

/* Calls @read for each part. */
static int read_parts(const char *text, int (*read)(const char *, struct dhcp_option_bytes *),
		      struct dhcp_option_bytes *o)
{
	_free_ char *copy = strdup(text);
	char *save, *part;
	int err = copy ? 0 : -ENOMEM;

	for (part = copy ? strtok_r(copy, " ,\t", &save) : NULL; part && !err;
	     part = strtok_r(NULL, " ,\t", &save))
		err = read(part, o);
	return err ? err : o->len ? 0 : -EINVAL;
}

static int read_ips(const char *text, struct dhcp_option_bytes *o)
{
	return read_parts(text, read_ip, o);
}

static int add_search(const char *name, struct dhcp_option_bytes *o)
{
	size_t len = o->len;
	int err = dhcp_names_add(o->value, sizeof(o->value), &len, name);

	o->len = (__u16)len;
	return err;
}

static int read_search(const char *text, struct dhcp_option_bytes *o)
{
	return read_parts(text, add_search, o);
}

/* "10.0.0.0/8=10.20.0.5": width, as many bytes of the prefix as it takes, router. */
static int add_route(const char *text, struct dhcp_option_bytes *o)
{
	_free_ char *prefix = strdup(text);
	char *router = prefix ? strchr(prefix, '=') : NULL;
	__be32 addr, mask, via;
	__u8 width;
	int err;

	if (!prefix)
		return -ENOMEM;
	if (!router)
		return -EINVAL;
	*router++ = '\0';
	if (addr_parse_prefix(prefix, &addr, &mask) || addr & ~mask || addr_parse_ip(router, &via))
		return -EINVAL;
	width = (__u8)addr_mask_len(mask);
	err = put(o, &width, 1);
	if (!err)
		err = put(o, &addr, (width + 7U) / 8);
	return err ? err : put(o, &via, sizeof(via));
}

static int read_routes(const char *text, struct dhcp_option_bytes *o)
{
	return read_parts(text, add_route, o);
}

static const struct reader {
	const char *name;	/* as in the file */
	const char *want;	/* for who wrote something else */
	int (*read)(const char *text, struct dhcp_option_bytes *o);
} readers[] = {
	[TYPE_STRING] = { "string", "text", read_string },
	[TYPE_IP] = { "ip", "an IPv4 address", read_ip },
	[TYPE_IPS] = { "ips", "IPv4 addresses with blanks between them", read_ips },
	[TYPE_U8] = { "u8", "a number up to 255", read_u8 },
	[TYPE_U16] = { "u16", "a number up to 65535", read_u16 },
	[TYPE_U32] = { "u32", "a number up to 4294967295", read_u32 },
	[TYPE_HEX] = { "hex", "bytes like 0a:0b:0c", read_hex },
	[TYPE_SEARCH] = { "search", "domain names with blanks between them", read_search },
	[TYPE_ROUTES] = { "routes", "routes like 10.0.0.0/8=10.20.0.5, without host bits", read_routes },
};

/* --- which option, which type */

static enum type type_of(__u8 code)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].code == code)
			return known[i].type;
	return TYPE_NONE;
}

static int read_code(struct complaint *c, const char *text, __u8 *ret_code)
{
	char *end;
	unsigned long n;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(known[i].name, text))
			continue;
		*ret_code = known[i].code;
		return 0;
	}
	n = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end)
		return complain(c, "option", "'%s' is neither a known name nor a number", text);
	if (n > 255)
		return complain(c, "option", "'%s' is not from 1 to 254", text);
	for (size_t i = 0; i < sizeof(ours); i++)
		if (ours[i] == n)
			return complain(c, "option", "%lu is the server's own", n);
	*ret_code = (__u8)n;
	return 0;
}

static int read_type(struct complaint *c, const struct dhcp_option_spec *spec, __u8 code,
		     enum type *ret)
{
	enum type its = type_of(code);

	if (!spec->type) {
		if (its == TYPE_NONE && spec->value)
			return complain(c, "type", "is missing: option %u has none by itself", code);
		*ret = its;
		return 0;
	}
	for (size_t i = 1; i < ARRAY_SIZE(readers); i++) {
		if (strcmp(readers[i].name, spec->type))
			continue;
		if (its != TYPE_NONE && i != its && i != TYPE_HEX)
			return complain(c, "type", "option %u is of type %s (or hex)", code,
					readers[its].name);
		*ret = (enum type)i;
		return 0;
	}
	return complain(c, "type",
			"'%s' is none of: string, ip, ips, u8, u16, u32, hex, search, routes",
			spec->type);
}

int dhcp_option_parse(const struct dhcp_option_spec *spec, struct dhcp_option_bytes *ret,
		      char ret_error[DHCP_SPEC_ERROR_SIZE], const char **ret_key)
{
	struct complaint c = { ret_error, ret_key };
	struct dhcp_option_bytes o = { 0 };
	enum type type = TYPE_NONE;
	int err;

	err = read_code(&c, spec->option, &o.code);
	if (!err)
		err = read_type(&c, spec, o.code, &type);
	if (err)
		return err;
	if (!spec->value) {
		o.len = DHCP_NOT_SENT;
		*ret = o;
		return 0;
	}
	err = readers[type].read(spec->value, &o);
	if (err == -E2BIG)
		return complain(&c, "value", "is longer than %d bytes", DHCP_VALUE_MAX);
	if (err == -ERANGE)
		return complain(&c, "value", "'%.60s' is not %s", spec->value, readers[type].want);
	if (err || !o.len)
		return complain(&c, "value", "'%.60s' is not %s", spec->value, readers[type].want);
	*ret = o;
	return 0;
}
