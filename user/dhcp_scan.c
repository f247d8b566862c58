// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walk over all leases and ports that time asks for.  Leases are copied
 * out first and judged after: a map must not be changed under its own walk.
 * What has ended is freed at once.  What goes on longer is written to the
 * store first, all that differs there in one commit, and then to the maps.
 *
 * The kernel may renew a lease between our read and our write.  The write then
 * puts the old expiry back; the client's grant still lies within the horizon
 * that we write, since the kernel grants nothing beyond the one we read, which
 * is never later.  The horizon decides when an address is free, so no address
 * is given twice; the next renewal sets things right.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <culvert/defaults.h>

#include "dhcp_leases_impl.h"
#include "mem.h"
#include "tables.h"

/* @changed: @lease is not what the map has; @gone: it was freed; @other: it is another one by now. */
struct entry {
	struct cv_lease_key key;
	struct cv_lease lease;
	bool changed, gone, other;
	char guest[CV_NAME_SIZE];
};

struct entries {
	struct entry *all;
	size_t n, room;
};

static int collect(const struct cv_lease_key *key, const struct cv_lease *lease, void *arg)
{
	struct entries *e = arg;

	if (e->n == e->room) {
		size_t room = e->room ? e->room * 2 : 64;
		struct entry *more = reallocarray(e->all, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		e->all = more;
		e->room = room;
	}
	e->all[e->n++] = (struct entry) { .key = *key, .lease = *lease };
	return 0;
}

/*
 * The guest that a lease was given to, as it is now.  A declined address has
 * no port.  Return: 0, or -ENOENT when it or its network is gone.
 */
static int find_owner(struct dhcp_leases *l, const struct entry *e, struct dhcp_client *ret)
{
	int err;

	memset(ret, 0, sizeof(*ret));
	ret->key = e->key;
	ret->slot = e->lease.slot;
	err = tables_network_get(l->t, e->key.net, &ret->network);
	if (err || !ret->slot)
		return err;
	err = tables_port_get(l->t, ret->slot, &ret->port);
	if (err)
		return err;
	if (ret->port.net != e->key.net)
		return -ENOENT;
	ret->relayed = e->lease.flags & CV_LEASE_RELAYED;
	if (ret->relayed)
		return ret->port.flags & CV_PORT_RELAY ? 0 : -ENOENT;
	return memcmp(ret->port.mac, e->key.mac, 6) ? -ENOENT : 0;
}

static bool has_ended(const struct entry *e, __u64 now_ns)
{
	return !(e->lease.flags & CV_LEASE_STATIC) && !dhcp_leases_live(&e->lease, now_ns);
}

/* An end for a lease that had none. */
static void end_after(struct entry *e, __u64 now_ns, __u64 length_ns)
{
	if (!(e->lease.flags & CV_LEASE_STATIC))
		return;
	e->lease.flags &= ~CV_LEASE_STATIC;
	e->lease.expiry_boot_ns = now_ns + length_ns;
	e->lease.horizon_boot_ns = now_ns + CV_DHCP_HORIZON_LEASES * length_ns;
}

/* What the kernel and the configuration have changed about a lease that goes on. */
static bool revise(struct dhcp_leases *l, const struct dhcp_client *c, struct entry *e,
		   __u64 now_ns)
{
	__u64 length_ns = c->network.lease_s * NS_PER_S;
	__u64 horizon_ns = e->lease.expiry_boot_ns + (CV_DHCP_HORIZON_LEASES - 1) * length_ns;
	struct cv_lease before = e->lease;

	if (e->lease.state != CV_LEASE_BOUND || !c->slot)
		return false;
	if (e->lease.flags & CV_LEASE_DIRTY && !(e->lease.flags & CV_LEASE_STATIC) &&
	    horizon_ns > e->lease.horizon_boot_ns)
		e->lease.horizon_boot_ns = horizon_ns;
	e->lease.flags &= ~CV_LEASE_DIRTY;
	if (!dhcp_leases_may_have(l, c, e->lease.ip)) {
		e->lease.state = CV_LEASE_SUSPENDED;
		end_after(e, now_ns, length_ns);
	} else if (dhcp_leases_reserved(l, c) != e->lease.ip) {
		end_after(e, now_ns, length_ns);
	}
	return memcmp(&before, &e->lease, sizeof(before));
}

/*
 * Whether it is another lease by now: a command has removed or reserved
 * something, or its client gives it up.
 */
static bool was_replaced(struct dhcp_leases *l, const struct entry *e)
{
	struct cv_lease now;

	return tables_lease_get(l->t, &e->key, &now) || now.slot != e->lease.slot ||
	       now.ip != e->lease.ip ||
	       (now.state == CV_LEASE_LEAVING && e->lease.state != CV_LEASE_LEAVING);
}

/* Judge one lease; one that goes on is in the new index. */
static int judge(struct dhcp_leases *l, struct entry *e, __u64 now_ns)
{
	struct dhcp_client owner;
	int err = find_owner(l, e, &owner);

	if (err && err != -ENOENT)
		return err;
	e->gone = true;
	e->other = was_replaced(l, e);
	if (e->other)
		return 0;	/* the next scan's */
	if (err || has_ended(e, now_ns)) {
		err = tables_lease_clear(l->t, &e->key);
		if (!err && e->lease.slot && e->lease.state != CV_LEASE_OFFERED)
			l->hooks.ended(l->hooks.arg, &e->key, &e->lease);
		return err == -ENOENT ? 0 : err;
	}
	e->gone = false;
	if (!owner.relayed)
		memcpy(e->guest, owner.port.name, sizeof(e->guest));
	if (dhcp_leases_is_marker(&e->key))
		return 0;
	return lease_index_add(&l->index, e->lease.ip, &e->key);
}

static int judge_all(struct dhcp_leases *l, struct entries *e, __u64 now_ns)
{
	int err = tables_each_lease(l->t, 0, collect, e), err_one;

	l->scanned_ns = now_ns;
	if (err)	/* not all are known: the old index is better than half a one */
		return err;
	lease_index_clear(&l->index);
	for (size_t i = 0; i < e->n; i++) {
		err_one = judge(l, &e->all[i], now_ns);
		err = err ? err : err_one;
	}
	return err;
}

int dhcp_scan_maps(struct dhcp_leases *l, __u64 now_ns)
{
	struct entries e = { 0 };
	int err = judge_all(l, &e, now_ns);

	free(e.all);
	return err;
}

static int revise_all(struct dhcp_leases *l, struct entries *e, __u64 now_ns)
{
	struct dhcp_client owner;
	int err;

	for (size_t i = 0; i < e->n; i++) {
		if (e->all[i].gone)
			continue;
		err = find_owner(l, &e->all[i], &owner);
		if (err == -ENOENT)
			continue;
		if (err)
			return err;
		e->all[i].changed = revise(l, &owner, &e->all[i], now_ns);
	}
	return 0;
}

/* --- the store */

struct known {
	struct cv_lease_key key;
	struct store_row row;
};

/* What the store says of the networks that are up. */
struct knowledge {
	struct dhcp_leases *l;
	__u64 now_ns;
	__s64 wall_s;
	__u16 net;
	struct known *all;
	size_t n, room;
};

static int know(const struct store_row *row, void *arg)
{
	struct knowledge *k = arg;
	struct known *more;

	if (k->n == k->room) {
		size_t room = k->room ? k->room * 2 : 64;

		more = reallocarray(k->all, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		k->all = more;
		k->room = room;
	}
	more = &k->all[k->n++];
	*more = (struct known) { .key.net = k->net, .row = *row };
	memcpy(more->key.mac, row->mac, sizeof(more->key.mac));
	if (row->state == STORE_FREE)
		lease_index_add(&k->l->former, row->ip, &more->key);	/* full: a few are forgotten */
	return 0;
}

static int know_network(__u16 id, const struct cv_network *n, void *arg)
{
	struct knowledge *k = arg;

	k->net = id;
	return store_each(k->l->store, n->name, know, k);
}

static int prepare_network(__u16 id, const struct cv_network *n, void *arg)
{
	struct knowledge *k = arg;

	return dhcp_leases_prepare(k->l, id, k->now_ns);
}

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct cv_lease_key));	/* first in both */
}

/* Beyond what rounding makes of the times. */
static bool differs(const struct store_row *now, const struct store_row *want)
{
	__s64 more_s = want->horizon_s - now->horizon_s;

	return now->ip != want->ip || now->state != want->state || more_s > 2 || more_s < -2 ||
	       now->client_id_len != want->client_id_len ||
	       memcmp(now->client_id, want->client_id, sizeof(now->client_id)) ||
	       strcmp(now->hostname, want->hostname);
}

static int write_lease(struct knowledge *k, const struct entry *e)
{
	struct dhcp_leases *l = k->l;
	const struct known *known = NULL;
	struct store_row want;
	struct cv_network n;
	int err;

	if (e->gone || dhcp_leases_is_marker(&e->key) || e->lease.flags & CV_LEASE_STATIC)
		return 0;
	err = tables_network_get(l->t, e->key.net, &n);
	if (err)
		return err == -ENOENT ? 0 : err;
	if (k->n)
		known = bsearch(&e->key, k->all, k->n, sizeof(*known), by_key);
	want = dhcp_leases_row(l, n.name, e->guest, &e->key, &e->lease, k->now_ns);
	if (known && !e->changed && !differs(&known->row, &want))
		return 0;
	return store_put(l->store, &want);
}

/* A row whose lease is not in the maps any more: it has ended, or its port has gone. */
static int end_row(struct knowledge *k, const struct known *known, const struct entries *e)
{
	const struct entry *lease = NULL;

	if (known->row.state == STORE_FREE || known->row.state == STORE_IMPORTED)
		return 0;
	if (e->n)
		lease = bsearch(&known->key, e->all, e->n, sizeof(*lease), by_key);
	if (lease && (!lease->gone || lease->other) && !(lease->lease.flags & CV_LEASE_STATIC))
		return 0;
	return store_release(k->l->store, known->row.network, known->row.mac, k->wall_s);
}

static int write_store(struct knowledge *k, struct entries *e)
{
	int err;

	lease_index_clear(&k->l->former);
	err = tables_each_network(k->l->t, know_network, k);
	if (k->n)
		qsort(k->all, k->n, sizeof(*k->all), by_key);
	if (e->n)
		qsort(e->all, e->n, sizeof(*e->all), by_key);
	for (size_t i = 0; i < k->n && !err; i++)
		err = end_row(k, &k->all[i], e);
	for (size_t i = 0; i < e->n && !err; i++)
		err = write_lease(k, &e->all[i]);
	if (err) {
		store_rollback(k->l->store);
		return err;
	}
	return store_commit(k->l->store);
}

static int apply(struct dhcp_leases *l, const struct entries *e)
{
	int err = 0;

	for (size_t i = 0; i < e->n && !err; i++)
		if (!e->all[i].gone && e->all[i].changed && !was_replaced(l, &e->all[i]))
			err = tables_lease_put(l->t, &e->all[i].key, &e->all[i].lease);
	return err;
}

static int bring_in_line(struct dhcp_leases *l, struct entries *e, __u64 now_ns)
{
	struct knowledge k = { .l = l, .now_ns = now_ns, .wall_s = l->hooks.wall_s(l->hooks.arg) };
	int err = revise_all(l, e, now_ns);

	if (!err)
		err = write_store(&k, e);
	if (!err)
		err = apply(l, e);
	free(k.all);
	return err;
}

/* --- ports whose address no lease covers */

struct stale_port {
	struct cv_lease_key key;
	__u32 slot;
};

struct stale_ports {
	struct dhcp_leases *l;
	struct stale_port *all;
	size_t n, room;
};

static bool is_covered(struct dhcp_leases *l, const struct cv_lease_key *key, const struct cv_port *p)
{
	struct cv_lease lease;
	int err = tables_lease_get(l->t, key, &lease);

	if (err)
		return err != -ENOENT;	/* nobody knows: leave it alone */
	return lease.state != CV_LEASE_OFFERED && lease.ip == p->ip &&
	       !(lease.flags & CV_LEASE_RELAYED);
}

static int collect_stale(__u32 slot, const struct cv_port *p, void *arg)
{
	struct stale_ports *s = arg;
	struct stale_port found = { .key.net = p->net, .slot = slot };

	memcpy(found.key.mac, p->mac, sizeof(found.key.mac));
	if (!p->ip || p->flags & CV_PORT_STATIC || is_covered(s->l, &found.key, p))
		return 0;
	if (s->n == s->room) {
		size_t room = s->room ? s->room * 2 : 16;
		struct stale_port *more = reallocarray(s->all, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->all = more;
		s->room = room;
	}
	s->all[s->n++] = found;
	return 0;
}

/* A guest whose lease has ended must not go on with its address. */
static int close_ports(struct dhcp_leases *l)
{
	struct stale_ports s = { .l = l };
	int err = tables_each_port(l->t, 0, collect_stale, &s);

	for (size_t i = 0; i < s.n && !err; i++) {
		err = dhcp_leases_set_port(l, &s.all[i].key, s.all[i].slot, 0);
		if (err == -ESTALE || err == -EAGAIN)	/* gone; or busy: the next scan's */
			err = 0;
	}
	free(s.all);
	return err;
}

/* Old rows are many at most after months: seldom is enough. */
static int tidy(struct dhcp_leases *l, __u64 now_ns)
{
	if (l->tidied_ns && now_ns - l->tidied_ns < 60 * NS_PER_S)
		return 0;
	l->tidied_ns = now_ns;
	return store_tidy(l->store, l->hooks.wall_s(l->hooks.arg) - DHCP_REMEMBER_S);
}

int dhcp_leases_scan(struct dhcp_leases *l, __u64 now_ns)
{
	struct knowledge k = { .l = l, .now_ns = now_ns };
	struct entries e = { 0 };
	int stored, err;

	stored = tables_each_network(l->t, prepare_network, &k);
	err = judge_all(l, &e, now_ns);
	if (!err && !stored)
		stored = bring_in_line(l, &e, now_ns);
	free(e.all);
	if (!err)
		err = close_ports(l);
	if (!err && !stored)
		stored = tidy(l, now_ns);
	return err ? err : stored;
}
