// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walk over all leases and ports that time asks for.  Leases are copied
 * out first and judged after: a map must not be changed under its own walk.
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

struct entry {
	struct cv_lease_key key;
	struct cv_lease lease;
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
	e->all[e->n++] = (struct entry) { *key, *lease };
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

/* Whether it is another lease by now: a command has removed or reserved something. */
static bool was_replaced(struct dhcp_leases *l, const struct entry *e)
{
	struct cv_lease now;

	return tables_lease_get(l->t, &e->key, &now) || now.slot != e->lease.slot ||
	       now.ip != e->lease.ip;
}

/* Judge one lease; one that goes on is in the new index. */
static int judge(struct dhcp_leases *l, struct entry *e, __u64 now_ns)
{
	struct dhcp_client owner;
	int err = find_owner(l, e, &owner);

	if (err && err != -ENOENT)
		return err;
	if (was_replaced(l, e))
		return 0;	/* the next scan's */
	if (err || has_ended(e, now_ns)) {
		err = tables_lease_clear(l->t, &e->key);
		if (!err && e->lease.slot && e->lease.state != CV_LEASE_OFFERED)
			l->hooks.ended(l->hooks.arg, e->key.net, e->lease.slot, e->lease.ip);
		return err == -ENOENT ? 0 : err;
	}
	err = lease_index_add(&l->index, e->lease.ip, &e->key);
	if (!err && revise(l, &owner, e, now_ns))
		err = tables_lease_put(l->t, &e->key, &e->lease);
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

int dhcp_leases_scan(struct dhcp_leases *l, __u64 now_ns)
{
	struct entries e = { 0 };
	int err = tables_each_lease(l->t, 0, collect, &e), err_one;

	l->scanned_ns = now_ns;
	if (err) {	/* not all are known: the old index is better than half a one */
		free(e.all);
		return err;
	}
	lease_index_clear(&l->index);
	for (size_t i = 0; i < e.n; i++) {
		err_one = judge(l, &e.all[i], now_ns);
		err = err ? err : err_one;
	}
	free(e.all);
	return err ? err : close_ports(l);
}
