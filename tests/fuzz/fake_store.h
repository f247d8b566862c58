/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lease store in memory: what store.h promises of the functions that the
 * DHCP engine calls, with an array behind them.  What is not committed is gone
 * with store_rollback(), as with the process.
 */
#ifndef CULVERT_TESTS_FAKE_STORE_H
#define CULVERT_TESTS_FAKE_STORE_H

#include <errno.h>
#include <string.h>

#include "store.h"

#define FAKE_ROWS	64

struct fake_rows {
	size_t n;
	struct store_row row[FAKE_ROWS];
};

struct store {
	struct fake_rows now, committed;
};

static struct store fake_store;

static struct store_row *fake_row(struct fake_rows *r, const char *network, const __u8 mac[6])
{
	for (size_t i = 0; i < r->n; i++)
		if (!memcmp(r->row[i].mac, mac, 6) && !strcmp(r->row[i].network, network))
			return &r->row[i];
	return NULL;
}

static void fake_row_remove(struct fake_rows *r, struct store_row *row)
{
	*row = r->row[--r->n];
}

int store_put(struct store *s, const struct store_row *row)
{
	struct store_row *old = fake_row(&s->now, row->network, row->mac);

	if (old)
		fake_row_remove(&s->now, old);
	for (size_t i = s->now.n; i-- > 0; )
		if (s->now.row[i].ip == row->ip && !strcmp(s->now.row[i].network, row->network))
			fake_row_remove(&s->now, &s->now.row[i]);
	if (s->now.n == FAKE_ROWS)
		return -ENOSPC;
	s->now.row[s->now.n++] = *row;
	return 0;
}

int store_release(struct store *s, const char *network, const __u8 mac[6], __s64 now_s)
{
	struct store_row *row = fake_row(&s->now, network, mac);

	if (!row)
		return 0;
	if (row->state == STORE_OFFERED || row->state == STORE_DECLINED) {
		fake_row_remove(&s->now, row);
	} else if (row->state != STORE_FREE) {
		row->state = STORE_FREE;
		row->expiry_s = row->horizon_s = row->updated_s = now_s;
	}
	return 0;
}

int store_tidy(struct store *s, __s64 before_s)
{
	for (size_t i = s->now.n; i-- > 0; )
		if (s->now.row[i].state == STORE_FREE && s->now.row[i].horizon_s < before_s)
			fake_row_remove(&s->now, &s->now.row[i]);
	return store_commit(s);
}

int store_commit(struct store *s)
{
	s->committed = s->now;
	return 0;
}

void store_rollback(struct store *s)
{
	s->now = s->committed;
}

int store_get(struct store *s, const char *network, const __u8 mac[6], struct store_row *ret)
{
	const struct store_row *row = fake_row(&s->now, network, mac);

	if (!row)
		return -ENOENT;
	*ret = *row;
	return 0;
}

static unsigned int fake_older_than(const struct store *s, const struct store_row *row)
{
	unsigned int n = 0;

	for (size_t i = 0; i < s->now.n; i++) {
		const struct store_row *r = &s->now.row[i];

		n += r->state == STORE_FREE && !strcmp(r->network, row->network) &&
		     (r->horizon_s < row->horizon_s || (r->horizon_s == row->horizon_s && r < row));
	}
	return n;
}

int store_oldest(struct store *s, const char *network, unsigned int skip, __be32 *ret_ip)
{
	for (size_t i = 0; i < s->now.n; i++) {
		const struct store_row *row = &s->now.row[i];

		if (row->state != STORE_FREE || strcmp(row->network, network) ||
		    fake_older_than(s, row) != skip)
			continue;
		*ret_ip = row->ip;
		return 0;
	}
	return -ENOENT;
}

int store_each(struct store *s, const char *network,
	       int (*fn)(const struct store_row *row, void *arg), void *arg)
{
	int stop = 0;

	for (size_t i = 0; i < s->now.n && !stop; i++)
		if (!network || !strcmp(s->now.row[i].network, network))
			stop = fn(&s->now.row[i], arg);
	return stop;
}

int store_each_reservation(struct store *s, const char *network,
			   int (*fn)(const struct store_reservation *r, void *arg), void *arg)
{
	return 0;
}

#endif
