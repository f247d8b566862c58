// SPDX-License-Identifier: GPL-2.0-only
/*
 * JSON is checked as a whole by jansson first; then each lease is read from
 * the text of its own object, because only there its line is known.
 */
#include "lease_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "addr.h"
#include "mem.h"

struct parser {
	const char *file;
	unsigned int line;
	struct lease_record *all;
	size_t n, room;
	char **ret_error;
};

__attribute__((format(printf, 2, 3)))
static int complain(struct parser *p, const char *fmt, ...)
{
	_free_ char *what = NULL;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&what, fmt, args);
	va_end(args);
	if (len < 0) {
		what = NULL;
		return -ENOMEM;
	}
	if (asprintf(p->ret_error, "%s:%u: %s", p->file, p->line, what) < 0) {
		*p->ret_error = NULL;
		return -ENOMEM;
	}
	return -EINVAL;
}

static int add(struct parser *p, const struct lease_record *r)
{
	char text[ADDR_MAC_SIZE];

	for (size_t i = 0; i < p->n; i++) {
		if (p->all[i].ip == r->ip)
			return complain(p, "%s is leased in line %u already",
					addr_format_ip(r->ip, text), p->all[i].line);
		if (!memcmp(p->all[i].mac, r->mac, sizeof(r->mac)))
			return complain(p, "%s has a lease in line %u already",
					addr_format_mac(r->mac, text), p->all[i].line);
	}
	if (p->n == p->room) {
		size_t room = p->room ? p->room * 2 : 64;
		struct lease_record *more = reallocarray(p->all, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		p->all = more;
		p->room = room;
	}
	p->all[p->n] = *r;
	p->all[p->n++].line = p->line;
	return 0;
}

/* --- values; NULL stands for one that is not there */

static int read_mac(struct parser *p, const char *text, struct lease_record *r)
{
	if (!text || addr_parse_mac(text, r->mac))
		return complain(p, "'%s' is no MAC address of a guest", text ? text : "");
	return 0;
}

static int read_ip(struct parser *p, const char *text, struct lease_record *r)
{
	if (!text || addr_parse_ip(text, &r->ip) || !r->ip)
		return complain(p, "'%s' is no IPv4 address", text ? text : "");
	return 0;
}

static int read_hostname(struct parser *p, const char *text, struct lease_record *r)
{
	if (!text)
		return 0;
	if (strlen(text) >= sizeof(r->hostname))
		return complain(p, "the hostname '%s' is too long", text);
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '.')
			return complain(p, "'%s' is no hostname", text);
	snprintf(r->hostname, sizeof(r->hostname), "%.*s", (int)strcspn(text, "."), text);
	return 0;
}

/* "01:52:54:..."; a longer one than a lease keeps stays out: such a client is asked about. */
static int read_client_id(struct parser *p, const char *text, struct lease_record *r)
{
	__u8 bytes[256];
	size_t n = 0;
	unsigned int byte;
	int len;

	for (const char *c = text; c && *c; c += *c == ':') {
		if (n == sizeof(bytes) || !isxdigit((unsigned char)*c) ||
		    sscanf(c, "%2x%n", &byte, &len) != 1 || (c[len] && c[len] != ':'))
			return complain(p, "'%s' is no client id", text);
		bytes[n++] = (__u8)byte;
		c += len;
	}
	if (n && n <= sizeof(r->client_id)) {
		memcpy(r->client_id, bytes, n);
		r->client_id_len = (__u8)n;
	}
	return 0;
}

static int read_guest(struct parser *p, const char *text, struct lease_record *r)
{
	if (!text)
		return 0;
	if (strlen(text) >= sizeof(r->guest))
		return complain(p, "the guest's name '%s' is too long", text);
	strcpy(r->guest, text);
	return 0;
}

/* --- dnsmasq */

static const char *unless_star(const char *text)
{
	return strcmp(text, "*") ? text : NULL;
}

static int read_dnsmasq(struct parser *p, char *line)
{
	struct lease_record r = { 0 };
	char *word[5], *rest = NULL, *end;
	int n = 0, err;

	for (char *w = strtok_r(line, " \t\r", &rest); w; w = strtok_r(NULL, " \t\r", &rest)) {
		if (n == 5)
			return complain(p, "more than five words, so no lease of dnsmasq");
		word[n++] = w;
	}
	if (!n)
		return 0;
	if (n < 4)
		return complain(p, "no lease: expected EXPIRY MAC ADDRESS HOSTNAME CLIENT-ID");
	errno = 0;
	r.expiry_s = strtoll(word[0], &end, 10);
	if (*end || errno || r.expiry_s < 0)
		return complain(p, "'%s' is no time", word[0]);
	r.reserved = !r.expiry_s;
	err = read_mac(p, word[1], &r);
	if (!err)
		err = read_ip(p, word[2], &r);
	if (!err)
		err = read_hostname(p, unless_star(word[3]), &r);
	if (!err && n == 5)
		err = read_client_id(p, unless_star(word[4]), &r);
	return err ? err : add(p, &r);
}

static int parse_dnsmasq(struct parser *p, const char *text)
{
	_free_ char *copy = strdup(text);
	char *rest = copy, *line;
	int err = copy ? 0 : -ENOMEM;

	while (!err && (line = strsep(&rest, "\n"))) {
		p->line++;
		if (!strncmp(line, "duid ", 5))
			break;
		err = read_dnsmasq(p, line);
	}
	return err;
}

/* --- JSON */

static int read_text(struct parser *p, const json_t *o, const char *key, const char **ret)
{
	const json_t *v = json_object_get(o, key);

	*ret = NULL;
	if (!v || json_is_null(v))
		return 0;
	if (!json_is_string(v))
		return complain(p, "%s: expected a string", key);
	*ret = json_string_value(v);
	return 0;
}

static int read_expiry(struct parser *p, const json_t *o, const char *key, struct lease_record *r)
{
	const json_t *v = json_object_get(o, key);

	r->reserved = !v || json_is_null(v);
	if (r->reserved)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return complain(p, "%s: expected Unix seconds", key);
	r->expiry_s = json_integer_value(v);
	r->reserved = !r->expiry_s;
	return 0;
}

struct keys {
	const char *ip, *mac, *hostname, *client_id, *expiry, *guest;
};

static int read_object(struct parser *p, const json_t *o, const struct keys *keys)
{
	const struct {
		const char *key;
		int (*read)(struct parser *p, const char *text, struct lease_record *r);
	} fields[] = {
		{ keys->mac, read_mac }, { keys->ip, read_ip }, { keys->hostname, read_hostname },
		{ keys->client_id, read_client_id }, { keys->guest, read_guest },
	};
	struct lease_record r = { 0 };
	const char *text;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fields) && !err; i++) {
		if (!fields[i].key)
			continue;
		err = read_text(p, o, fields[i].key, &text);
		if (!err)
			err = fields[i].read(p, text, &r);
	}
	if (!err)
		err = read_expiry(p, o, keys->expiry, &r);
	return err ? err : add(p, &r);
}

/*
 * The next object of the array that *at is in; the text is known to be JSON.
 * *at is then behind it.  Return: its begin, or NULL at the array's end; counts
 * the lines before it.
 */
static const char *next_object(struct parser *p, const char **at)
{
	const char *begin = NULL;
	bool in_string = false;
	int depth = 0;

	for (const char *c = *at; *c; c++) {
		if (*c == '\n' && !begin)
			p->line++;
		if (in_string) {
			if (*c == '\\')
				c++;
			else if (*c == '"')
				in_string = false;
		} else if (*c == '"') {
			in_string = true;
		} else if (*c == '{' || *c == '[') {
			if (!depth++)
				begin = c;
		} else if (*c == '}' || *c == ']') {
			if (--depth < 0)
				return NULL;
			if (!depth) {
				*at = c + 1;
				return begin;
			}
		}
	}
	return NULL;
}

static int read_array(struct parser *p, const char *text, const struct keys *keys)
{
	const char *at = text, *begin;
	int err = 0;

	while (!err && (begin = next_object(p, &at))) {
		json_t *o = json_loadb(begin, (size_t)(at - begin), 0, NULL);

		err = json_is_object(o) ? read_object(p, o, keys) :
					  complain(p, "expected a lease");
		json_decref(o);
		for (const char *c = begin; c < at; c++)
			p->line += *c == '\n';
	}
	return err;
}

static unsigned int lines_between(const char *from, const char *to)
{
	unsigned int n = 0;

	while (from < to)
		n += *from++ == '\n';
	return n;
}

static int parse_culvert(struct parser *p, const json_t *root, const char *text)
{
	static const struct keys keys = { "address", "mac", "hostname", "client_id", "expires", "guest" };
	const json_t *version = json_object_get(root, "version");
	const json_t *leases = json_object_get(root, "leases");
	const char *at = strstr(text, "\"leases\"");

	p->line = 1;
	if (!json_is_integer(version) || json_integer_value(version) != 1)
		return complain(p, "version: expected 1");
	if (!json_is_array(leases) || !at)
		return complain(p, "leases: expected a list of leases");
	at += strlen("\"leases\"");
	at += strcspn(at, "[") + 1;
	p->line += lines_between(text, at);
	return read_array(p, at, &keys);
}

static int parse_libvirt(struct parser *p, const char *text)
{
	static const struct keys keys = { "ip-address", "mac-address", "hostname", "client-id",
					  "expiry-time", NULL };
	const char *at = strchr(text, '[') + 1;

	p->line = 1 + lines_between(text, at);
	return read_array(p, at, &keys);
}

static int parse_json(struct parser *p, const char *text)
{
	json_error_t error;
	json_t *root = json_loads(text, 0, &error);
	int err;

	if (!root) {
		p->line = error.line > 0 ? (unsigned int)error.line : 1;
		return complain(p, "%s", error.text);
	}
	err = json_is_array(root) ? parse_libvirt(p, text) : parse_culvert(p, root, text);
	json_decref(root);
	return err;
}

int lease_file_parse(const char *file, const char *text, struct lease_records *ret,
		     char **ret_error)
{
	struct parser p = { .file = file, .ret_error = ret_error };
	const char first = text[strspn(text, " \t\r\n")];
	int err;

	*ret_error = NULL;
	err = first == '{' || first == '[' ? parse_json(&p, text) : parse_dnsmasq(&p, text);
	if (err) {
		free(p.all);
		return err;
	}
	*ret = (struct lease_records) { p.all, p.n };
	return 0;
}

void lease_records_release(struct lease_records *r)
{
	free(r->all);
	*r = (struct lease_records) { 0 };
}
