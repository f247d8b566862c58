// SPDX-License-Identifier: GPL-2.0-only
/*
 * The syntax of Docker's -p, with the guest's name in it.  An address to
 * listen on must be written out: which one is open to the world is not a thing
 * to be guessed.
 */
#include "forward_spec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "config.h"

#define NO_ADDRESS "names no address to listen on: put one of an uplink before the port, as in " \
		   "198.51.100.2:8080, or 0.0.0.0 for all of them, or 127.0.0.1 for the host alone"

/* Of the loopback's network: no host's addresses. */
#define LOOPBACK_FIRST	0x7f000000
#define LOOPBACK_LAST	0x7fffffff

static int refuse(const char **ret_problem, const char *problem)
{
	*ret_problem = problem;
	return -EINVAL;
}

/* One number, up to @end.  Return: the port, or 0 */
static __u16 parse_port(const char *text, const char *end)
{
	unsigned int n = 0;

	if (text == end || *text == '0')
		return 0;
	for (; text < end; text++) {
		if (*text < '0' || *text > '9')
			return 0;
		n = n * 10 + (*text - '0');
		if (n > 65535)
			return 0;
	}
	return n;
}

static int parse_ports(const char *text, __u16 *ret_first, __u16 *ret_last,
		       const char **ret_problem)
{
	const char *end = text + strlen(text), *dash = strchr(text, '-');
	__u16 first = parse_port(text, dash ? dash : end);
	__u16 last = dash ? parse_port(dash + 1, end) : first;

	if (!first || !last)
		return refuse(ret_problem, "a port is a number from 1 to 65535, or two with '-' between");
	if (last < first)
		return refuse(ret_problem, "the range of ports ends before it begins");
	*ret_first = first;
	*ret_last = last;
	return 0;
}

static int parse_address(const char *text, size_t len, __be32 *ret_ip, const char **ret_problem)
{
	char copy[ADDR_IP_SIZE];
	__be32 ip;

	if (len == 1 && *text == '*') {
		*ret_ip = 0;
		return 0;
	}
	if (len >= sizeof(copy))
		return refuse(ret_problem, "the address to listen on is no IPv4 address");
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (addr_parse_ip(copy, &ip))
		return refuse(ret_problem, "the address to listen on is no IPv4 address");
	if ((ip && !(ntohl(ip) >> 24)) || ntohl(ip) >> 24 >= 224 || ip == htonl(LOOPBACK_FIRST) ||
	    ip == htonl(LOOPBACK_LAST))
		return refuse(ret_problem, "the address to listen on is no host's");
	*ret_ip = ip;
	return 0;
}

int forward_parse_proto(const char *text, struct forward *ret, const char **ret_problem)
{
	if (strcmp(text, "tcp") && strcmp(text, "udp"))
		return refuse(ret_problem, "the protocol is tcp or udp");
	ret->proto = *text == 't' ? IPPROTO_TCP : IPPROTO_UDP;
	return 0;
}

int forward_parse_listen(const char *text, struct forward *ret, const char **ret_problem)
{
	const char *colon = strrchr(text, ':');
	int err;

	if (!colon)
		return refuse(ret_problem, NO_ADDRESS);
	err = parse_address(text, colon - text, &ret->addr, ret_problem);
	return err ? err : parse_ports(colon + 1, &ret->first, &ret->last, ret_problem);
}

/* As many as it listens on; NULL: the same ones. */
static int parse_guest_ports(const char *text, struct forward *ret, const char **ret_problem)
{
	__u16 last = ret->last;
	int err;

	ret->to = ret->first;
	if (!text)
		return 0;
	err = parse_ports(text, &ret->to, &last, ret_problem);
	if (!err && last - ret->to != ret->last - ret->first)
		err = refuse(ret_problem, "the two ranges of ports are not of one length");
	return err;
}

int forward_parse_to(const char *text, struct forward *ret, const char **ret_problem)
{
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);

	if (len >= sizeof(ret->guest))
		return refuse(ret_problem, "the guest's name is too long");
	memcpy(ret->guest, text, len);
	ret->guest[len] = '\0';
	if (!config_name_ok(ret->guest))
		return refuse(ret_problem, "that is no name of a guest: a-z, 0-9 and '-', not '-' first");
	return parse_guest_ports(colon ? colon + 1 : NULL, ret, ret_problem);
}

/* Is the first part of a spec one of ports?  Then it has no address. */
static bool begins_with_ports(const char *spec)
{
	size_t len = strspn(spec, "0123456789-");

	return len && (!spec[len] || spec[len] == ':');
}

/* Cut "LISTEN:TO" in two.  Return: TO, or NULL when there is none. */
static char *cut(char *spec)
{
	char *colon = strchr(spec, ':');

	if (!begins_with_ports(spec))
		colon = colon ? strchr(colon + 1, ':') : NULL;
	if (!colon)
		return NULL;
	*colon = '\0';
	return colon + 1;
}

int forward_parse(const char *spec, const char *guest, struct forward *ret,
		  const char **ret_problem)
{
	struct forward f = { .proto = IPPROTO_TCP };
	char text[FORWARD_SIZE], *slash, *to;
	int err = 0;

	if (strlen(spec) >= sizeof(text))
		return refuse(ret_problem, "that is too long");
	strcpy(text, spec);
	slash = strchr(text, '/');
	if (slash) {
		*slash = '\0';
		err = forward_parse_proto(slash + 1, &f, ret_problem);
	}
	to = cut(text);
	if (!err)
		err = forward_parse_listen(text, &f, ret_problem);
	if (!err && !to)
		err = refuse(ret_problem, guest ? "the guest's port is missing" : "the guest is missing");
	if (err)
		return err;
	if (guest)
		snprintf(f.guest, sizeof(f.guest), "%s", guest);
	err = guest ? parse_guest_ports(to, &f, ret_problem) : forward_parse_to(to, &f, ret_problem);
	if (!err)
		*ret = f;
	return err;
}

/* --- as text again */

static void format_ports(char *buf, size_t size, __u16 first, __u16 last)
{
	if (first == last)
		snprintf(buf, size, ":%u", first);
	else
		snprintf(buf, size, ":%u-%u", first, last);
}

const char *forward_format_listen(const struct forward *f, char buf[FORWARD_PART_SIZE])
{
	size_t len;

	addr_format_ip(f->addr, buf);
	len = strlen(buf);
	format_ports(buf + len, FORWARD_PART_SIZE - len, f->first, f->last);
	return buf;
}

const char *forward_format_to(const struct forward *f, char buf[FORWARD_PART_SIZE])
{
	size_t len = snprintf(buf, FORWARD_PART_SIZE, "%s", f->guest);

	format_ports(buf + len, FORWARD_PART_SIZE - len, f->to, forward_guest_port(f, f->last));
	return buf;
}

const char *forward_format(const struct forward *f, char buf[FORWARD_SIZE])
{
	char listen[FORWARD_PART_SIZE], to[FORWARD_PART_SIZE];

	snprintf(buf, FORWARD_SIZE, "%s:%s/%s", forward_format_listen(f, listen),
		 forward_format_to(f, to), forward_proto(f->proto));
	return buf;
}

const char *forward_proto(__u8 proto)
{
	return proto == IPPROTO_TCP ? "tcp" : "udp";
}

/* --- compared */

bool forward_same(const struct forward *a, const struct forward *b)
{
	return a->addr == b->addr && a->first == b->first && a->last == b->last &&
	       a->to == b->to && a->proto == b->proto && !strcmp(a->guest, b->guest);
}

__be32 forward_loopback(const struct forward *f)
{
	if (!f->addr)
		return htonl(INADDR_LOOPBACK);
	return addr_is_loopback(f->addr) ? f->addr : 0;
}

static bool listens_on(const struct forward *f, __be32 addr)
{
	return f->addr == addr ||
	       (!f->addr && (!addr_is_loopback(addr) || addr == forward_loopback(f)));
}

bool forward_overlaps(const struct forward *a, const struct forward *b)
{
	return a->proto == b->proto && (listens_on(a, b->addr) || listens_on(b, a->addr)) &&
	       a->first <= b->last && b->first <= a->last;
}

bool forward_covers(const struct forward *f, __be32 addr, __u8 proto, __u16 port)
{
	return f->proto == proto && listens_on(f, addr) && port >= f->first && port <= f->last;
}

/* --- several */

int forward_list_add(struct forward_list *list, const struct forward *f, enum forward_origin origin)
{
	struct forward_entry *entries = realloc(list->entries, (list->n + 1) * sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	list->entries = entries;
	entries[list->n++] = (struct forward_entry) { *f, origin };
	return 0;
}

void forward_list_remove(struct forward_list *list, size_t i)
{
	list->n--;
	memmove(&list->entries[i], &list->entries[i + 1], (list->n - i) * sizeof(*list->entries));
}

void forward_list_release(struct forward_list *list)
{
	free(list->entries);
	*list = (struct forward_list) { 0 };
}
