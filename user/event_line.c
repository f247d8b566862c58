// SPDX-License-Identifier: GPL-2.0-only
/*
 * A line is a list of cells.  In text the first four, which every event has,
 * stand bare; the others as key=value, unknown ones left out.
 */
#include "event_line.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "addr.h"
#include "flow_filter.h"
#include "mem.h"

#define ENDPOINT_SIZE	(ADDR_IP_SIZE + 6)
#define TIME_SIZE	32

struct line {
	enum event_format format;
	char *buf;
	size_t len;
};

static __attribute__((format(printf, 2, 3))) void put(struct line *l, const char *fmt, ...)
{
	size_t room = EVENT_LINE_SIZE - l->len;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(l->buf + l->len, room, fmt, args);
	va_end(args);
	if (n > 0)
		l->len += (size_t)n < room ? (size_t)n : room - 1;
}

/* Names are of a-z, 0-9 and "-"; whatever else a map holds must not break the line. */
static void put_safely(struct line *l, const char *text)
{
	for (; *text; text++)
		put(l, "%c", *text > ' ' && *text < 0x7f && *text != '"' && *text != '\\' ? *text : '?');
}

static void put_key(struct line *l, const char *key)
{
	if (l->format == EVENT_JSON)
		put(l, "%s\"%s\": ", l->len ? ", " : "{", key);
	else
		put(l, " %s=", key);
}

/* @value NULL: not known */
static void put_text(struct line *l, const char *key, const char *value)
{
	const char *quote = l->format == EVENT_JSON ? "\"" : "";

	if (!value && l->format == EVENT_TEXT)
		return;
	put_key(l, key);
	put(l, "%s", value ? quote : "null");
	put_safely(l, value ? value : "");
	put(l, "%s", value ? quote : "");
}

static void put_number(struct line *l, const char *key, __u64 value)
{
	put_key(l, key);
	put(l, "%llu", (unsigned long long)value);
}

/* One of the first cells. */
static void put_head(struct line *l, const char *key, const char *value)
{
	if (l->format == EVENT_JSON) {
		put_text(l, key, value);
		return;
	}
	put(l, "%s", l->len ? " " : "");
	put_safely(l, value ? value : "-");
}

static const char *format_time(__u64 real_ns, char buf[TIME_SIZE])
{
	time_t s = real_ns / 1000000000ULL;
	struct tm tm = { 0 };
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(buf, TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, TIME_SIZE - n, ".%03uZ", (unsigned int)(real_ns / 1000000 % 1000));
	return buf;
}

/* NULL when there is no address. */
static const char *endpoint(__be32 ip, __be16 port, char buf[ENDPOINT_SIZE])
{
	char text[ADDR_IP_SIZE];

	if (!ip)
		return NULL;
	snprintf(buf, ENDPOINT_SIZE, "%s:%u", addr_format_ip(ip, text), ntohs(port));
	return buf;
}

/* --- the kinds */

static const char *opener(const struct cv_event *e)
{
	if (e->flags & CV_FLOW_HOST)
		return "host";
	return e->flags & CV_FLOW_INBOUND ? "outside" : "guest";
}

static void put_flow(struct line *l, const struct cv_event *e)
{
	char local[ENDPOINT_SIZE], external[ENDPOINT_SIZE], peer[ENDPOINT_SIZE];
	const char *proto = flow_proto_name(e->tuple.proto), *with;

	with = endpoint(e->tuple.remote, e->tuple.rport, peer);
	if (with && e->tuple.proto == IPPROTO_ICMP)	/* its port says nothing */
		with = addr_format_ip(e->tuple.remote, peer);
	put_text(l, "proto", proto);
	put_text(l, "local", endpoint(e->tuple.local, e->tuple.lport, local));
	put_text(l, "external", endpoint(e->addr, e->port, external));
	put_text(l, "peer", with);
	put_text(l, "from", opener(e));
}

static const char *end_reason(const struct cv_event *e)
{
	if (e->kind == CV_EVENT_FLUSHED)
		return "flushed";
	return e->state == CV_FLOW_CLOSING ? "closed" : "expired";
}

static void put_end(struct line *l, const struct cv_event *e)
{
	put_flow(l, e);
	put_text(l, "reason", end_reason(e));
	put_number(l, "duration_s", ((__u64)e->duration_ticks << CV_TICK_SHIFT) / 1000000000ULL);
	put_number(l, "packets_out", e->out_packets);
	put_number(l, "bytes_out", e->out_bytes);
	put_number(l, "packets_in", e->in_packets);
	put_number(l, "bytes_in", e->in_bytes);
}

static const char *news_name(__u8 news)
{
	static const char *const names[] = {
#define EVENT_NEWS(id, name) [CV_LEASE_##id##_NEWS] = name,
		CV_LEASE_NEWS(EVENT_NEWS)
#undef EVENT_NEWS
	};

	return news < ARRAY_SIZE(names) ? names[news] : NULL;
}

static void put_lease(struct line *l, const struct cv_event *e)
{
	char ip[ADDR_IP_SIZE];

	put_text(l, "address", e->tuple.local ? addr_format_ip(e->tuple.local, ip) : NULL);
	put_text(l, "state", news_name(e->why));
	put_number(l, "lease_s", e->lease_s);
}

static const char *kind_name(__u8 kind)
{
	switch (kind) {
	case CV_EVENT_NEW:
		return "new";
	case CV_EVENT_EXPIRED:
	case CV_EVENT_FLUSHED:
		return "end";
	case CV_EVENT_REFUSED:
		return "refused";
	case CV_EVENT_LEASE:
		return "lease";
	default:
		return "unknown";
	}
}

static void put_kind(struct line *l, const struct cv_event *e, const char *refusal)
{
	switch (e->kind) {
	case CV_EVENT_NEW:
		put_flow(l, e);
		break;
	case CV_EVENT_EXPIRED:
	case CV_EVENT_FLUSHED:
		put_end(l, e);
		break;
	case CV_EVENT_REFUSED:
		put_flow(l, e);
		put_text(l, "reason", refusal);
		break;
	case CV_EVENT_LEASE:
		put_lease(l, e);
		break;
	}
}

static const char *name_of(const char name[CV_NAME_SIZE], char buf[CV_NAME_SIZE])
{
	snprintf(buf, CV_NAME_SIZE, "%.*s", CV_NAME_SIZE - 1, name);
	return buf[0] ? buf : NULL;
}

static size_t finish(struct line *l)
{
	put(l, l->format == EVENT_JSON ? "}\n" : "\n");
	return l->len;
}

size_t event_line(char buf[EVENT_LINE_SIZE], enum event_format format, const struct cv_event *e,
		  __u64 real_ns, const char *refusal)
{
	struct line l = { .format = format, .buf = buf };
	char when[TIME_SIZE], network[CV_NAME_SIZE], guest[CV_NAME_SIZE];

	put_head(&l, "time", format_time(real_ns, when));
	put_head(&l, "event", kind_name(e->kind));
	put_head(&l, "network", name_of(e->network, network));
	put_head(&l, "guest", name_of(e->guest, guest));
	put_kind(&l, e, refusal);
	return finish(&l);
}

size_t event_line_lost(char buf[EVENT_LINE_SIZE], enum event_format format, __u64 real_ns,
		       __u64 count, __u32 gap_s)
{
	struct line l = { .format = format, .buf = buf };
	char when[TIME_SIZE];

	put_head(&l, "time", format_time(real_ns, when));
	put_head(&l, "event", "lost");
	put_number(&l, "count", count);
	put_number(&l, "gap_s", gap_s);
	return finish(&l);
}
