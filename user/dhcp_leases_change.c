// SPDX-License-Identifier: GPL-2.0-only
/*
 * One client's lease: offered, bound, dropped; and the commit that makes it so.
 *
 * DOC: until the commit a new binding is in the map as an offer.  Nobody else
 * is given its address meanwhile, and the kernel answers nothing from it: a
 * client that repeats its request while the disk still works must not get an
 * acknowledgement that a power failure can take back.  A binding that goes on
 * stays as it is: what the kernel grants of it lies within the old horizon.
 *
 * What only takes away (release, decline) is done at once: when the process
 * dies before the commit, the store names an owner too many, not too few.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dhcp_leases_impl.h"
#include "mem.h"
#include "tables.h"

/* --- the port */

/* Return: 0 with the port, -ESTALE when it is another client's by now, -EADDRINUSE, -errno. */
static int check_port(struct dhcp_leases *l, const struct cv_lease_key *key, __u32 slot,
		      __be32 ip, struct cv_port *ret)
{
	__u32 owner;
	int err = tables_port_get(l->t, slot, ret);

	if (err == -ENOENT || (!err && (ret->net != key->net ||
					memcmp(ret->mac, key->mac, sizeof(ret->mac)))))
		return -ESTALE;
	if (err || ret->ip == ip)
		return err;
	if (ret->flags & CV_PORT_STATIC)
		return -EADDRINUSE;	/* by itself: it is to keep the one it has */
	return ip && !tables_address_get(l->t, key->net, ip, &owner) && owner != slot ?
	       -EADDRINUSE : 0;
}

/* Somebody behind a relay has no port, but no port may have the address. */
static int check_relayed(struct dhcp_leases *l, const struct cv_lease_key *key, __be32 ip)
{
	__u32 owner;
	int err = tables_address_get(l->t, key->net, ip, &owner);

	return err == -ENOENT ? 0 : err ? err : -EADDRINUSE;
}

/* The lock is held. */
static int change_port(struct dhcp_leases *l, const struct cv_lease_key *key, __u32 slot,
		       __be32 ip)
{
	struct cv_port p;
	__be32 old;
	int err = check_port(l, key, slot, ip, &p);

	if (err || p.ip == ip)
		return err;
	old = p.ip;
	p.ip = ip;
	err = tables_port_put(l->t, slot, &p);
	if (!err && old)
		l->hooks.left(l->hooks.arg, key->net, slot);
	return err;
}

int dhcp_leases_set_port(struct dhcp_leases *l, const struct cv_lease_key *key, __u32 slot,
			 __be32 ip)
{
	int err = l->hooks.lock(l->hooks.arg);

	if (err)
		return err;
	err = change_port(l, key, slot, ip);
	l->hooks.unlock(l->hooks.arg);
	return err;
}

/* --- changes that wait for the commit */

unsigned long dhcp_leases_changes(const struct dhcp_leases *l)
{
	return l->changed;
}

static int make_room(struct dhcp_leases *l)
{
	size_t room = l->room_changes ? l->room_changes * 2 : 64;
	struct lease_change *more;

	if (l->n_changes < l->room_changes)
		return 0;
	more = reallocarray(l->changes, room, sizeof(*more));
	if (!more)
		return -ENOMEM;
	l->changes = more;
	l->room_changes = room;
	return 0;
}

static bool stays_bound(const struct lease_change *ch)
{
	return ch->binds && ch->had && ch->before.state == CV_LEASE_BOUND &&
	       ch->before.ip == ch->after.ip;
}

/* As an offer, whatever it shall be. */
static int hold(struct dhcp_leases *l, const struct lease_change *ch, __u64 now_ns)
{
	struct cv_lease held = ch->after;

	if (stays_bound(ch))
		return 0;
	held.state = CV_LEASE_OFFERED;
	held.flags &= CV_LEASE_DAEMON | CV_LEASE_RELAYED;
	held.expiry_boot_ns = now_ns + DHCP_OFFER_S * NS_PER_S;
	held.horizon_boot_ns = held.expiry_boot_ns;
	return tables_lease_put(l->t, &ch->key, &held);
}

static int add_change(struct dhcp_leases *l, const struct dhcp_client *c,
		      struct lease_change *ch, __u64 now_ns)
{
	struct store_row row;
	int err = make_room(l);

	ch->key = c->key;
	ch->slot = c->slot;
	if (!err)
		err = tables_lease_get(l->t, &c->key, &ch->before);
	ch->had = !err;
	if (!err || err == -ENOENT)
		err = hold(l, ch, now_ns);
	if (err)
		return err;
	l->changes[l->n_changes++] = *ch;
	l->changed++;
	err = dhcp_leases_index(l, ch->after.ip, &c->key, now_ns);
	if (err || ch->after.flags & CV_LEASE_STATIC)
		return err;	/* a reservation is durable where it was made */
	row = dhcp_leases_row(l, c->network.name, c->relayed ? "" : c->port.name, &c->key,
			      &ch->after, now_ns);
	return store_put(l->store, &row);
}

static const struct lease_change *find_binding(const struct dhcp_leases *l,
					       const struct cv_lease_key *key)
{
	for (size_t i = l->n_changes; i-- > 0; )
		if (l->changes[i].binds && !memcmp(&l->changes[i].key, key, sizeof(*key)))
			return &l->changes[i];
	return NULL;
}

static __u32 flags_of(const struct dhcp_client *c, const struct cv_lease *about)
{
	return (about->flags & CV_LEASE_DAEMON) | (c->relayed ? CV_LEASE_RELAYED : 0);
}

int dhcp_leases_offer(struct dhcp_leases *l, const struct dhcp_client *c, __be32 ip,
		      const struct cv_lease *about, __u64 now_ns)
{
	const struct lease_change *bound = find_binding(l, &c->key);
	struct lease_change ch = { .after = *about };

	/* An acknowledgement waits for the same commit: an offer must not undo it. */
	if (bound)
		return bound->after.ip == ip ? 0 : -EAGAIN;
	ch.after.ip = ip;
	ch.after.slot = c->slot;
	ch.after.state = CV_LEASE_OFFERED;
	ch.after.flags = flags_of(c, about);
	ch.after.start_boot_ns = 0;
	ch.after.expiry_boot_ns = now_ns + DHCP_OFFER_S * NS_PER_S;
	ch.after.horizon_boot_ns = ch.after.expiry_boot_ns;
	return add_change(l, c, &ch, now_ns);
}

/* A reservation is for the port, whatever client asks there, and has no end. */
static void make_static(struct cv_lease *lease)
{
	lease->flags |= CV_LEASE_STATIC;
	lease->client_id_len = 0;
	memset(lease->client_id, 0, sizeof(lease->client_id));
	lease->expiry_boot_ns = FOREVER_NS;
	lease->horizon_boot_ns = FOREVER_NS;
}

static struct cv_lease make_binding(struct dhcp_leases *l, const struct dhcp_client *c, __be32 ip,
				    const struct cv_lease *about, __u64 now_ns)
{
	__u64 length_ns = c->network.lease_s * NS_PER_S;
	struct cv_lease lease = *about, old;

	lease.ip = ip;
	lease.slot = c->slot;
	lease.state = CV_LEASE_BOUND;
	lease.flags = flags_of(c, about);
	lease.expiry_boot_ns = now_ns + length_ns;
	lease.horizon_boot_ns = now_ns + CV_DHCP_HORIZON_LEASES * length_ns;
	lease.start_boot_ns = now_ns;
	if (!tables_lease_get(l->t, &c->key, &old) && old.ip == ip && old.state == CV_LEASE_BOUND)
		lease.start_boot_ns = old.start_boot_ns;
	if (dhcp_leases_reserved(l, c) == ip)
		make_static(&lease);
	return lease;
}

static int check_change(struct dhcp_leases *l, const struct lease_change *ch)
{
	struct cv_port p;

	if (!ch->binds)
		return 0;
	return ch->after.flags & CV_LEASE_RELAYED ?
	       check_relayed(l, &ch->key, ch->after.ip) :
	       check_port(l, &ch->key, ch->slot, ch->after.ip, &p);
}

int dhcp_leases_bind(struct dhcp_leases *l, const struct dhcp_client *c, __be32 ip,
		     const struct cv_lease *about, __u64 now_ns)
{
	struct lease_change ch = { .binds = true, .slot = c->slot, .key = c->key };
	int err;

	ch.after = make_binding(l, c, ip, about, now_ns);
	err = check_change(l, &ch);
	return err ? err : add_change(l, c, &ch, now_ns);
}

/* --- the commit */

/* What a command has done to the ports since the requests were judged. */
static int check_changes(struct dhcp_leases *l)
{
	for (size_t i = 0; i < l->n_changes; i++) {
		int err = check_change(l, &l->changes[i]);

		if (err)
			return err;
	}
	return 0;
}

static int apply_change(struct dhcp_leases *l, const struct lease_change *ch)
{
	int err = ch->after.flags & CV_LEASE_RELAYED ? 0 :
		  change_port(l, &ch->key, ch->slot, ch->after.ip);

	return err ? err : tables_lease_put(l->t, &ch->key, &ch->after);
}

static int apply_changes(struct dhcp_leases *l)
{
	int err = 0, err_one;

	for (size_t i = 0; i < l->n_changes; i++) {
		err_one = l->changes[i].binds ? apply_change(l, &l->changes[i]) : 0;
		err = err ? err : err_one;
	}
	return err;
}

/* The last first: one client may have asked twice. */
static void undo_changes(struct dhcp_leases *l)
{
	for (size_t i = l->n_changes; i-- > 0; ) {
		const struct lease_change *ch = &l->changes[i];

		if (stays_bound(ch))
			continue;	/* was not touched, and the kernel may have renewed it */
		if (ch->had)
			tables_lease_put(l->t, &ch->key, &ch->before);
		else
			tables_lease_clear(l->t, &ch->key);
	}
}

/* Ports are changed under the lock; it is taken first, so that nothing can fail after the commit. */
static int commit_changes(struct dhcp_leases *l)
{
	int err = check_changes(l);

	if (err) {
		store_rollback(l->store);
		return err == -ESTALE || err == -EADDRINUSE ? -EAGAIN : err;
	}
	err = store_commit(l->store);
	return err ? err : apply_changes(l);
}

int dhcp_leases_commit(struct dhcp_leases *l, __u64 now_ns)
{
	int err;

	if (!l->n_changes)
		return store_commit(l->store);
	err = l->hooks.lock(l->hooks.arg);
	if (err) {
		store_rollback(l->store);
	} else {
		err = commit_changes(l);
		l->hooks.unlock(l->hooks.arg);
	}
	if (err)
		undo_changes(l);
	l->n_changes = 0;
	return err;
}

/* --- what is done at once */

static void forget_changes(struct dhcp_leases *l, const struct cv_lease_key *key)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n_changes; i++)
		if (memcmp(&l->changes[i].key, key, sizeof(*key)))
			l->changes[n++] = l->changes[i];
	l->n_changes = n;
}

int dhcp_leases_drop(struct dhcp_leases *l, const struct dhcp_client *c)
{
	int err;

	if (c->port.flags & CV_PORT_STATIC && !c->relayed)
		return 0;
	err = tables_lease_clear(l->t, &c->key);
	if (err && err != -ENOENT)
		return err;
	forget_changes(l, &c->key);
	err = c->port.ip && !c->relayed ? dhcp_leases_set_port(l, &c->key, c->slot, 0) : 0;
	if (err)
		return err;
	l->changed++;
	return store_release(l->store, c->network.name, c->key.mac, l->hooks.wall_s(l->hooks.arg));
}

int dhcp_leases_decline(struct dhcp_leases *l, const struct dhcp_client *c, __be32 ip,
			__u64 now_ns)
{
	struct cv_lease_key key = { .net = c->key.net, .mac = { 0x03, 0x00 } };
	struct cv_lease lease = {
		.ip = ip,
		.state = CV_LEASE_SUSPENDED,
		.start_boot_ns = now_ns,
		.expiry_boot_ns = now_ns + DHCP_DECLINED_S * NS_PER_S,
		.horizon_boot_ns = now_ns + DHCP_DECLINED_S * NS_PER_S,
	};
	struct store_row row;
	int err = dhcp_leases_drop(l, c);

	if (err || (c->port.flags & CV_PORT_STATIC && !c->relayed))
		return err;
	memcpy(lease.hostname, c->port.name, sizeof(c->port.name));	/* who did it */
	memcpy(key.mac + 2, &ip, sizeof(ip));
	err = tables_lease_put(l->t, &key, &lease);
	if (!err)
		err = dhcp_leases_index(l, ip, &key, now_ns);
	if (err)
		return err;
	row = dhcp_leases_row(l, c->network.name, "", &key, &lease, now_ns);
	return store_put(l->store, &row);
}
