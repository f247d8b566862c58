// SPDX-License-Identifier: GPL-2.0-only
/* A hash of leases; those that wait hang in a list of their network, the first to wait first. */
#include "lease_book.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PLACES	4096

/**
 * struct page - one lease
 * @told, @now:	@ip 0: none
 * @why:	of the change that waits
 * @waits:	it is in its network's list
 * @noted:	since lease_book_begin()
 */
struct page {
	struct cv_lease_key key;
	struct lease_fact told, now;
	enum lease_event why;
	bool waits, noted;
	struct page *next;	/* in its place of the hash */
	struct page *later;	/* in the list */
};

struct line {
	struct page *first, *last;
	unsigned int n;
	__u64 passed;
};

struct lease_book {
	unsigned int n;
	struct page *place[PLACES];
	struct line line[CV_MAX_NETWORKS];
};

static const char *const words[] = {
	[LEASE_NO_EVENT] = "?",
#define LEASE_EVENT_WORD(id, word)	[LEASE_##id] = word,
	LEASE_EVENTS(LEASE_EVENT_WORD)
#undef LEASE_EVENT_WORD
};

const char *lease_event_word(enum lease_event event)
{
	return words[event < LEASE_N_EVENTS ? event : LEASE_NO_EVENT];
}

struct lease_book *lease_book_new(void)
{
	return calloc(1, sizeof(struct lease_book));
}

static void remove_net(struct lease_book *b, __u16 net);

void lease_book_free(struct lease_book *b)
{
	if (!b)
		return;
	remove_net(b, 0);
	free(b);
}

/* --- pages */

static struct page **place_of(struct lease_book *b, const struct cv_lease_key *key)
{
	const __u8 *bytes = (const void *)key;
	__u32 h = 2166136261U;

	for (size_t i = 0; i < sizeof(*key); i++)
		h = (h ^ bytes[i]) * 16777619U;
	return &b->place[(h ^ h >> 15) % PLACES];
}

static struct page *find(struct lease_book *b, const struct cv_lease_key *key)
{
	struct page *p = *place_of(b, key);

	while (p && memcmp(&p->key, key, sizeof(*key)))
		p = p->next;
	return p;
}

static struct line *line_of(struct lease_book *b, __u16 net)
{
	return &b->line[net % CV_MAX_NETWORKS];
}

/* Return: the page; NULL with *ret_err. */
static struct page *open_page(struct lease_book *b, const struct cv_lease_key *key, int *ret_err)
{
	struct page *p = find(b, key), **place = place_of(b, key);

	if (p)
		return p;
	if (b->n == LEASE_BOOK_MAX) {
		line_of(b, key->net)->passed++;
		*ret_err = -ENOSPC;
		return NULL;
	}
	p = calloc(1, sizeof(*p));
	if (!p) {
		*ret_err = -ENOMEM;
		return NULL;
	}
	p->key = *key;
	p->next = *place;
	*place = p;
	b->n++;
	return p;
}

static bool is_empty(const struct page *p)
{
	return !p->waits && !p->told.ip && !p->now.ip;
}

static void remove_page(struct lease_book *b, struct page *p)
{
	struct page **at = place_of(b, &p->key);

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	free(p);
	b->n--;
}

static bool same(const struct lease_fact *a, const struct lease_fact *b)
{
	return a->ip == b->ip && a->expiry_ns == b->expiry_ns && !strcmp(a->hostname, b->hostname);
}

static void wait_in_line(struct lease_book *b, struct page *p)
{
	struct line *l = line_of(b, p->key.net);

	if (p->waits) {
		l->passed++;	/* what it waited with is told with this, if at all */
		return;
	}
	p->waits = true;
	p->later = NULL;
	if (l->last)
		l->last->later = p;
	else
		l->first = p;
	l->last = p;
	l->n++;
}

/* --- writing */

int lease_book_suppose(struct lease_book *b, const struct cv_lease_key *key,
		       const struct lease_fact *fact)
{
	int err = 0;
	struct page *p = open_page(b, key, &err);

	if (p)
		p->told = p->now = *fact;
	return err;
}

int lease_book_note(struct lease_book *b, const struct cv_lease_key *key,
		    const struct lease_fact *fact, enum lease_event why)
{
	static const struct lease_fact none;
	struct page *p = find(b, key);
	int err = 0;

	if (!p && !fact)
		return 0;
	p = p ? p : open_page(b, key, &err);
	if (!p)
		return err;
	fact = fact ? fact : &none;
	p->noted = true;
	if (same(&p->now, fact) && !(why == LEASE_KNOWN && fact->ip))
		return 0;
	/* Of an address that it has no more the end is told first, and why that came. */
	if (!fact->ip || !p->waits || p->why < LEASE_RELEASE)
		p->why = why;
	p->now = *fact;
	wait_in_line(b, p);
	return 0;
}

void lease_book_begin(struct lease_book *b, __u16 net)
{
	for (size_t i = 0; i < PLACES; i++)
		for (struct page *p = b->place[i]; p; p = p->next)
			if (p->key.net == net)
				p->noted = false;
}

void lease_book_end(struct lease_book *b, __u16 net)
{
	for (size_t i = 0; i < PLACES; i++)
		for (struct page *p = b->place[i]; p; p = p->next)
			if (p->key.net == net && !p->noted && p->now.ip)
				lease_book_note(b, &p->key, NULL, LEASE_REMOVE);
}

/* @net 0: all. */
static void remove_net(struct lease_book *b, __u16 net)
{
	for (size_t i = 0; i < PLACES; i++) {
		for (struct page *p = b->place[i], *next; p; p = next) {
			next = p->next;
			if (!net || p->key.net == net)
				remove_page(b, p);
		}
	}
}

void lease_book_forget(struct lease_book *b, __u16 net)
{
	remove_net(b, net);
	*line_of(b, net) = (struct line) { .n = 0 };
}

/* --- telling */

/* What leads from @told to @now, or a part of it.  False: nothing does. */
static bool step(struct page *p, struct lease_news *ret)
{
	*ret = (struct lease_news) { .key = p->key, .fact = p->now };
	if (p->told.ip && p->told.ip != p->now.ip) {
		ret->fact = p->told;
		ret->event = p->why >= LEASE_RELEASE ? p->why : LEASE_REMOVE;
		memset(&p->told, 0, sizeof(p->told));
		return true;
	}
	if (!p->now.ip)
		return false;
	if (p->why == LEASE_KNOWN)
		ret->event = LEASE_KNOWN;
	else if (!p->told.ip)
		ret->event = LEASE_ADD;
	else if (!same(&p->told, &p->now))
		ret->event = LEASE_RENEW;
	else
		return false;
	p->told = p->now;
	p->why = LEASE_NO_EVENT;
	return true;
}

bool lease_book_next(struct lease_book *b, __u16 net, struct lease_news *ret)
{
	struct line *l = line_of(b, net);
	bool is_news = false;

	while (l->first && !is_news) {
		struct page *p = l->first;

		is_news = step(p, ret);
		if (is_news && p->now.ip && !p->told.ip)
			return true;	/* another address: that it has it is the next */
		l->first = p->later;
		if (!l->first)
			l->last = NULL;
		l->n--;
		p->waits = false;
		if (is_empty(p))
			remove_page(b, p);
	}
	return is_news;
}

__u64 lease_book_passed(const struct lease_book *b, __u16 net)
{
	return b->line[net % CV_MAX_NETWORKS].passed;
}

unsigned int lease_book_waiting(const struct lease_book *b, __u16 net)
{
	return b->line[net % CV_MAX_NETWORKS].n;
}
