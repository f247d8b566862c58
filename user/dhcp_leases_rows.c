// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leases as the store has them, and back: when a network comes up, and when a
 * daemon starts that did not see it come up.
 *
 * Where both the maps and the store know a client, the one that promised it
 * more is right; where two have one address, who is in the maps has it: his
 * port or the operator's reservation stand there, and he has been served from
 * them.  The other client is told when it asks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dhcp_leases_impl.h"
#include "mem.h"
#include "tables.h"

/* --- times: boottime in the maps, wall clock in the store */

/* Never earlier than what was promised: the store has whole seconds, rounded up. */
static __s64 to_wall(__u64 boot_ns, __u64 now_ns, __s64 wall_s)
{
	if (boot_ns < now_ns)
		return wall_s - (__s64)((now_ns - boot_ns) / NS_PER_S);
	return wall_s + (__s64)((boot_ns - now_ns) / NS_PER_S) + 1;
}

static __u64 to_boot(__s64 then_s, __u64 now_ns, __s64 wall_s)
{
	__u64 past_ns = wall_s > then_s ? (__u64)(wall_s - then_s) * NS_PER_S : 0;

	if (then_s >= wall_s)
		return now_ns + (__u64)(then_s - wall_s) * NS_PER_S;
	return past_ns < now_ns ? now_ns - past_ns : 0;
}

static enum store_state state_of(const struct cv_lease_key *key, const struct cv_lease *lease)
{
	if (dhcp_leases_is_declined(key))
		return STORE_DECLINED;
	return lease->state == CV_LEASE_OFFERED ? STORE_OFFERED : STORE_BOUND;
}

static enum store_via via_of(const struct cv_lease_key *key, const struct cv_lease *lease)
{
	if (dhcp_leases_is_declined(key) || lease->flags & CV_LEASE_EITHER)
		return STORE_VIA_EITHER;
	return lease->flags & CV_LEASE_RELAYED ? STORE_VIA_RELAY : STORE_VIA_PORT;
}

struct store_row dhcp_leases_row(struct dhcp_leases *l, const char *network, const char *guest,
				 const struct cv_lease_key *key, const struct cv_lease *lease,
				 __u64 now_ns)
{
	__s64 wall_s = l->hooks.wall_s(l->hooks.arg);
	struct store_row row = {
		.ip = lease->ip, .state = state_of(key, lease),
		.start_s = to_wall(lease->start_boot_ns ? lease->start_boot_ns : now_ns, now_ns, wall_s),
		.expiry_s = to_wall(lease->expiry_boot_ns, now_ns, wall_s),
		.horizon_s = to_wall(lease->horizon_boot_ns, now_ns, wall_s),
		.updated_s = wall_s, .client_id_len = lease->client_id_len,
		.via = via_of(key, lease),
	};

	strncpy(row.network, network, sizeof(row.network) - 1);
	strncpy(row.guest, guest, sizeof(row.guest) - 1);
	memcpy(row.mac, key->mac, sizeof(row.mac));
	memcpy(row.client_id, lease->client_id, sizeof(row.client_id));
	memcpy(row.hostname, lease->hostname, sizeof(row.hostname));
	return row;
}

/* --- one network from the store */

struct restore {
	struct dhcp_leases *l;
	__u16 net;
	const struct cv_network *n;
	__u64 now_ns;
	__s64 wall_s;
	struct store_row *rows;
	size_t n_rows, room;
	struct reservation *reserved;
	size_t n_reserved;
	struct dhcp_client *clients;	/* the ports */
	size_t n_clients;
	bool locked_out;
};

static int keep_row(const struct store_row *row, void *arg)
{
	struct restore *r = arg;

	/* A clock that is behind what was written has lost its time: the lease has all of its own. */
	if (r->wall_s < row->updated_s)
		r->wall_s = row->updated_s;
	if (r->n_rows == r->room) {
		size_t room = r->room ? r->room * 2 : 64;
		struct store_row *more = reallocarray(r->rows, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		r->rows = more;
		r->room = room;
	}
	r->rows[r->n_rows++] = *row;
	return 0;
}

static int keep_reservation(const struct store_reservation *s, void *arg)
{
	struct restore *r = arg;
	struct reservation *more = reallocarray(r->reserved, r->n_reserved + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	r->reserved = more;
	more += r->n_reserved++;
	*more = (struct reservation) { .net = r->net, .has_mac = true, .stored = true, .ip = s->ip };
	memcpy(more->mac, s->mac, sizeof(more->mac));
	memcpy(more->name, s->guest, sizeof(more->name));
	return 0;
}

/* With those of other networks, and those of the configuration. */
static int replace_reserved(struct restore *r)
{
	struct dhcp_leases *l = r->l;
	struct reservation *all = calloc(l->n_reserved + r->n_reserved + 1, sizeof(*all));
	size_t n = 0;

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < l->n_reserved; i++)
		if (l->reserved[i].net != r->net || !l->reserved[i].stored)
			all[n++] = l->reserved[i];
	if (r->n_reserved)
		memcpy(all + n, r->reserved, r->n_reserved * sizeof(*all));
	dhcp_leases_set_reserved(l, all, n + r->n_reserved);
	return 0;
}

static int keep_port(__u32 slot, const struct cv_port *p, void *arg)
{
	struct restore *r = arg;
	struct dhcp_client *more = reallocarray(r->clients, r->n_clients + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	r->clients = more;
	more += r->n_clients++;
	*more = (struct dhcp_client) { .key.net = r->net, .slot = slot, .port = *p,
				       .network = *r->n };
	memcpy(more->key.mac, p->mac, sizeof(more->key.mac));
	return 0;
}

/* A client whose port may not be there yet: then slot 0. */
static struct dhcp_client find_client(const struct restore *r, const __u8 mac[6])
{
	struct dhcp_client c = { .key.net = r->net, .network = *r->n };

	memcpy(c.key.mac, mac, sizeof(c.key.mac));
	for (size_t i = 0; i < r->n_clients; i++)
		if (!memcmp(&r->clients[i].key, &c.key, sizeof(c.key)))
			return r->clients[i];
	return c;
}

static struct cv_lease lease_of(const struct restore *r, const struct store_row *row)
{
	struct cv_lease lease = {
		.ip = row->ip, .client_id_len = row->client_id_len,
		.state = row->state == STORE_OFFERED ? CV_LEASE_OFFERED :
			 row->state == STORE_DECLINED ? CV_LEASE_SUSPENDED : CV_LEASE_BOUND,
		.start_boot_ns = to_boot(row->start_s, r->now_ns, r->wall_s),
		.expiry_boot_ns = to_boot(row->expiry_s, r->now_ns, r->wall_s),
		.horizon_boot_ns = to_boot(row->horizon_s, r->now_ns, r->wall_s),
	};

	memcpy(lease.client_id, row->client_id, sizeof(lease.client_id));
	memcpy(lease.hostname, row->hostname, sizeof(lease.hostname));
	if (row->via == STORE_VIA_RELAY)
		lease.flags = CV_LEASE_RELAYED;
	else if (row->via == STORE_VIA_EITHER && row->state != STORE_DECLINED)
		lease.flags = CV_LEASE_EITHER;
	return lease;
}

static bool in_pool(const struct restore *r, __be32 ip)
{
	const struct lease_pool p = { .subnet = r->n->subnet, .netmask = r->n->netmask,
				      .gateway = r->n->gateway };

	return lease_is_host(&p, ip);
}

/* Whether the maps have something that is worth more than the row. */
static bool is_outdone(struct restore *r, const struct dhcp_client *c, const struct cv_lease *lease)
{
	struct cv_lease now;

	if (dhcp_leases_in_use(r->l, c, lease->ip))
		return true;
	if (c->slot && c->port.ip && c->port.ip != lease->ip)
		return true;
	return !tables_lease_get(r->l->t, &c->key, &now) &&
	       (now.flags & CV_LEASE_STATIC || now.horizon_boot_ns >= lease->horizon_boot_ns);
}

static int put_back(struct restore *r, const struct store_row *row)
{
	struct cv_lease lease = lease_of(r, row);
	struct dhcp_client c;
	int err;

	if (row->state == STORE_FREE || !dhcp_leases_live(&lease, r->now_ns) ||
	    !in_pool(r, row->ip))
		return 0;
	c = find_client(r, row->mac);
	if (row->via == STORE_VIA_RELAY)
		c.slot = 0;	/* a port with that MAC is somebody else's until it asks */
	if (is_outdone(r, &c, &lease))
		return 0;
	if (c.slot)
		lease.flags &= ~CV_LEASE_EITHER;
	lease.slot = c.slot;
	err = tables_lease_put(r->l->t, &c.key, &lease);
	if (!err)
		err = dhcp_leases_index(r->l, lease.ip, &c.key, r->now_ns);
	/* If that is not possible now: when the client asks.  A lock is waited for once. */
	if (!err && c.slot && !c.port.ip && lease.state == CV_LEASE_BOUND && !r->locked_out)
		r->locked_out = dhcp_leases_set_port(r->l, &c.key, c.slot, lease.ip) == -EAGAIN;
	return err;
}

/* As reservation_put() does for the configuration's: so it is seen, and nobody else's. */
static int put_reserved(struct restore *r, const struct reservation *res)
{
	struct cv_lease lease = {
		.ip = res->ip, .state = CV_LEASE_BOUND, .flags = CV_LEASE_STATIC,
		.expiry_boot_ns = FOREVER_NS, .horizon_boot_ns = FOREVER_NS,
	}, now;
	struct dhcp_client c = find_client(r, res->mac);
	int err;

	if (!tables_lease_get(r->l->t, &c.key, &now) ||
	    dhcp_leases_in_use(r->l, &c, res->ip) || !in_pool(r, res->ip))
		return 0;
	memcpy(lease.hostname, res->name, sizeof(res->name));
	err = tables_lease_put(r->l->t, &c.key, &lease);
	return err ? err : dhcp_leases_index(r->l, lease.ip, &c.key, r->now_ns);
}

static int put_all_back(struct restore *r)
{
	int err = tables_each_port(r->l->t, r->net, keep_port, r);

	for (size_t i = 0; i < r->n_reserved && !err; i++)
		err = put_reserved(r, &r->reserved[i]);
	for (size_t i = 0; i < r->n_rows && !err; i++)
		err = put_back(r, &r->rows[i]);
	return err;
}

static void remember_owners(struct restore *r)
{
	struct cv_lease_key key = { .net = r->net };

	for (size_t i = 0; i < r->n_rows; i++) {
		memcpy(key.mac, r->rows[i].mac, sizeof(key.mac));
		if (r->rows[i].state == STORE_FREE)
			lease_index_add(&r->l->former, r->rows[i].ip, &key);
	}
}

/* --- and whether it was done */

static const struct cv_lease marker = {
	.state = CV_LEASE_SUSPENDED, .expiry_boot_ns = FOREVER_NS, .horizon_boot_ns = FOREVER_NS,
};

static struct cv_lease_key marker_of(__u16 net)
{
	return (struct cv_lease_key) { .net = net, .mac = { 0x03, 0x01 } };
}

int dhcp_leases_reread(struct tables *t, __u16 net)
{
	struct cv_lease_key key = marker_of(net);
	int err = tables_lease_clear(t, &key);

	return err == -ENOENT ? 0 : err;
}

/*
 * With the marker in the maps they have all leases, and more recent ones than
 * the store: then only what is kept in memory is read.
 */
static int restore(struct dhcp_leases *l, __u16 net, const struct cv_network *n, bool marked,
		   __u64 now_ns)
{
	struct restore r = { .l = l, .net = net, .n = n, .now_ns = now_ns,
			     .wall_s = l->hooks.wall_s(l->hooks.arg) };
	struct cv_lease_key key = marker_of(net);
	int err;

	err = store_each_reservation(l->store, n->name, keep_reservation, &r);
	if (!err)
		err = store_each(l->store, n->name, keep_row, &r);
	if (!err)
		err = replace_reserved(&r);
	if (!err && !marked)
		err = put_all_back(&r);
	if (!err && !marked)
		err = tables_lease_put(l->t, &key, &marker);
	if (!err)
		remember_owners(&r);
	free(r.rows);
	free(r.reserved);
	free(r.clients);
	return err;
}

int dhcp_leases_prepare(struct dhcp_leases *l, __u16 net, __u64 now_ns)
{
	struct cv_lease_key key = marker_of(net);
	struct cv_network n;
	struct cv_lease lease;
	int err = tables_lease_get(l->t, &key, &lease);
	bool marked = !err;

	if (err && err != -ENOENT)
		return err;
	if (marked && l->read[net % CV_MAX_NETWORKS])
		return 0;
	err = tables_network_get(l->t, net, &n);
	if (!err)
		err = restore(l, net, &n, marked, now_ns);
	l->read[net % CV_MAX_NETWORKS] = !err;
	if (!marked)	/* some may be back even if not all are */
		l->hooks.restored(l->hooks.arg, net);
	return err;
}
