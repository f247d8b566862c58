// SPDX-License-Identifier: GPL-2.0-only
/* What the clients of a site do for a while: so many ask at once, and whoever is done is followed by the next. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "farm.h"

#define WAIT_MS		20
#define WINDOW_MAX_NS	(20 * NS_PER_S)	/* then the server is given up */

struct run {
	struct window *w;
	bool renew;
	unsigned int waiting;		/* clients */
};

static int ask(struct site *s, struct client *c, enum dhcp_kind kind)
{
	__u8 frame[FARM_FRAME_MAX];
	size_t len = frame_build(s, c, kind, frame);

	c->asked_ns = now_ns();
	c->awaits = kind == DISCOVER ? OFFER : ACK;
	return link_queue(s, c->ifindex, frame, len);
}

static int begin(struct site *s, struct client *c, struct run *r)
{
	c->xid++;
	c->offered = 0;
	r->waiting++;
	c->begun_ns = now_ns();
	return ask(s, c, r->renew ? REQUEST : DISCOVER);
}

int window_keep(struct window *w, double us)
{
	if (w->n == w->room) {
		size_t room = w->room ? w->room * 2 : 4096;
		double *more = reallocarray(w->latency_us, room, sizeof(*more));

		if (!more)
			return farm_fail(-ENOMEM, "latencies");
		w->latency_us = more;
		w->room = room;
	}
	w->latency_us[w->n++] = us;
	return 0;
}

static int end(struct client *c, struct run *r, __be32 ip)
{
	if (c->ip && c->ip != ip)
		r->w->refused++;
	c->ip = ip;
	c->offered = 0;
	c->awaits = 0;
	r->waiting--;
	return window_keep(r->w, (now_ns() - c->begun_ns) / 1e3);
}

static int answer_arp(struct site *s, const __u8 *request, __be32 ip, int ifindex)
{
	__u8 frame[FARM_FRAME_MAX];
	struct client *c = s->clients;

	for (; c < s->clients + s->n; c++)
		if (c->ifindex == ifindex && (c->ip == ip || c->offered == ip))
			return link_queue(s, ifindex, frame, frame_answer_arp(c, request, frame));
	return 0;
}

static struct client *client_of(struct site *s, const struct dhcp_seen *m, int ifindex)
{
	unsigned int i = m->mac[4] << 8 | m->mac[5];

	if (i >= s->n || memcmp(s->clients[i].mac, m->mac, sizeof(m->mac)) ||
	    s->clients[i].ifindex != ifindex || s->clients[i].xid != m->xid)
		return NULL;
	return &s->clients[i];
}

static int take(struct site *s, const __u8 *frame, size_t len, int ifindex, void *arg)
{
	struct run *r = arg;
	struct dhcp_seen m;
	struct client *c;
	__be32 ip;

	if (frame_is_arp(frame, len, &ip))
		return answer_arp(s, frame, ip, ifindex);
	if (!frame_read(frame, len, &m))
		return 0;
	c = client_of(s, &m, ifindex);
	if (!c || !c->awaits)
		return 0;
	if (m.kind == NAK) {
		r->w->refused++;
		return r->renew ? end(c, r, c->ip) : ask(s, c, DISCOVER);
	}
	if (m.kind != c->awaits)
		return 0;
	if (m.kind == ACK)
		return end(c, r, m.ip);
	c->offered = m.ip;
	s->server = m.server;
	memcpy(s->server_mac, frame + 6, sizeof(s->server_mac));
	return ask(s, c, REQUEST);
}

static int ask_again(struct site *s, struct run *r)
{
	int err = 0;

	for (struct client *c = s->clients; c < s->clients + s->n && !err; c++) {
		if (!c->awaits || now_ns() - c->asked_ns < FARM_RETRY_NS)
			continue;
		r->w->retries++;
		err = ask(s, c, c->awaits == OFFER ? DISCOVER : REQUEST);
	}
	return err;
}

/* Send what waits, take what has come. */
static int turn(struct site *s, struct run *r)
{
	int n, err = link_flush(s);

	if (err)
		return err;
	n = link_receive(s, 0, take, r);
	if (!n) {
		n = link_receive(s, WAIT_MS, take, r);
		if (!n)
			return ask_again(s, r);
	}
	return n < 0 ? n : 0;
}

static int is_late(struct site *s, __u64 start_ns, const struct run *r)
{
	if (now_ns() - start_ns < WINDOW_MAX_NS)
		return 0;
	return farm_fail(-ETIMEDOUT, "%s: %u clients are not answered", s->name, r->waiting);
}

static int compare_ips(const void *a, const void *b)
{
	__be32 x = *(const __be32 *)a, y = *(const __be32 *)b;

	return (x > y) - (x < y);
}

static int check_distinct(struct site *s)
{
	__be32 ips[FARM_MAX_CLIENTS];

	for (unsigned int i = 0; i < s->n; i++)
		ips[i] = s->clients[i].ip;
	qsort(ips, s->n, sizeof(*ips), compare_ips);
	for (unsigned int i = 0; i < s->n; i++)
		if (!ips[i] || (i && ips[i] == ips[i - 1]))
			return farm_fail(-EADDRINUSE, "%s: two clients have one address", s->name);
	return 0;
}

static int each_once(struct site *s, unsigned int in_flight, bool renew, struct window *w)
{
	struct run r = { .w = w, .renew = renew };
	__u64 start_ns = now_ns();
	unsigned int next = 0;
	int err = 0;

	while (!err && (next < s->n || r.waiting)) {
		while (!err && next < s->n && r.waiting < in_flight)
			err = begin(s, &s->clients[next++], &r);
		if (!err)
			err = turn(s, &r);
		if (!err)
			err = is_late(s, start_ns, &r);
	}
	w->elapsed_s = (now_ns() - start_ns) / 1e9;
	return err;
}

int window_bind(struct site *s, unsigned int in_flight, struct window *w)
{
	int err = each_once(s, in_flight, false, w);

	return err ? err : check_distinct(s);
}

int window_renew_once(struct site *s, unsigned int in_flight, struct window *w)
{
	return each_once(s, in_flight, true, w);
}

int window_renew(struct site *s, unsigned int in_flight, __u64 ns, struct window *w)
{
	struct run r = { .w = w, .renew = true };
	__u64 start_ns = now_ns();
	unsigned int next = 0;
	int err = 0;

	while (!err && (now_ns() - start_ns < ns || r.waiting)) {
		while (!err && now_ns() - start_ns < ns && r.waiting < in_flight) {
			if (!s->clients[next].awaits)
				err = begin(s, &s->clients[next], &r);
			next = (next + 1) % s->n;
		}
		if (!err)
			err = turn(s, &r);
		if (!err)
			err = is_late(s, start_ns, &r);
	}
	w->elapsed_s = (now_ns() - start_ns) / 1e9;
	return err;
}

int window_release(struct site *s)
{
	__u8 frame[FARM_FRAME_MAX];
	int err = 0;

	for (struct client *c = s->clients; c < s->clients + s->n && !err; c++) {
		if (!c->ip)
			continue;
		c->xid++;
		err = link_queue(s, c->ifindex, frame, frame_build(s, c, RELEASE, frame));
		c->ip = 0;
		c->offered = 0;
	}
	return err ? err : link_flush(s);
}

void window_free(struct window *w)
{
	free(w->latency_us);
	*w = (struct window) {};
}
