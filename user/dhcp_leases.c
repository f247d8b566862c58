// SPDX-License-Identifier: GPL-2.0-only
/*
 * One client's lease: looked for, offered, bound, dropped.  An address is in
 * use when a port has it, when a lease names it, or when it is kept for a
 * guest of the configuration; whether that lease still holds is left to the
 * scan, which is never far.
 */
#include "dhcp_leases.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <culvert/defaults.h>

#include "dhcp_leases_impl.h"
#include "mem.h"
#include "tables.h"

int dhcp_leases_new(struct tables *t, const struct dhcp_hooks *hooks, struct dhcp_leases **ret)
{
	struct dhcp_leases *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	l->t = t;
	l->hooks = *hooks;
	err = dhcp_leases_scan(l, tables_boot_ns());
	if (err) {
		free(l);
		return err;
	}
	*ret = l;
	return 0;
}

void dhcp_leases_free(struct dhcp_leases *l)
{
	if (!l)
		return;
	free(l->reserved);
	free(l);
}

/* --- reservations */

static int by_address(const void *a, const void *b)
{
	const struct reservation *x = a, *y = b;

	if (x->net != y->net)
		return x->net < y->net ? -1 : 1;
	if (x->ip != y->ip)
		return ntohl(x->ip) < ntohl(y->ip) ? -1 : 1;
	return 0;
}

static struct reservation make_reservation(__u16 net, const struct config_guest *g)
{
	struct reservation r = { .net = net, .has_mac = g->has_mac, .ip = g->ip };

	memcpy(r.mac, g->mac, sizeof(r.mac));
	memcpy(r.name, g->name, sizeof(r.name));
	return r;
}

int dhcp_leases_reserve(struct dhcp_leases *l, __u16 net, const struct config *cfg)
{
	struct reservation *all;
	size_t n = 0;

	all = calloc(l->n_reserved + cfg->n_guests + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < l->n_reserved; i++)
		if (l->reserved[i].net != net)
			all[n++] = l->reserved[i];
	for (size_t i = 0; i < cfg->n_guests; i++)
		if (cfg->guests[i].ip)
			all[n++] = make_reservation(net, &cfg->guests[i]);
	qsort(all, n, sizeof(*all), by_address);
	free(l->reserved);
	l->reserved = all;
	l->n_reserved = n;
	l->known[net % CV_MAX_NETWORKS] = true;
	return 0;
}

static bool is_owner(const struct reservation *r, const struct dhcp_client *c)
{
	if (r->net != c->key.net)
		return false;
	return (!c->relayed && !strncmp(r->name, c->port.name, CV_NAME_SIZE)) ||
	       (r->has_mac && !memcmp(r->mac, c->key.mac, sizeof(r->mac)));
}

__be32 dhcp_leases_reserved(struct dhcp_leases *l, const struct dhcp_client *c)
{
	struct cv_lease lease;

	if (c->port.flags & CV_PORT_STATIC && c->port.ip && !c->relayed)
		return c->port.ip;
	for (size_t i = 0; i < l->n_reserved; i++)
		if (is_owner(&l->reserved[i], c))
			return l->reserved[i].ip;
	if (l->known[c->key.net % CV_MAX_NETWORKS])
		return 0;
	if (!tables_lease_get(l->t, &c->key, &lease) && lease.flags & CV_LEASE_STATIC)
		return lease.ip;
	return 0;
}

static bool reserved_for_other(const struct dhcp_leases *l, const struct dhcp_client *c, __be32 ip)
{
	struct reservation want = { .net = c->key.net, .ip = ip }, *r;

	if (!l->n_reserved)
		return false;
	r = bsearch(&want, l->reserved, l->n_reserved, sizeof(want), by_address);
	return r && !is_owner(r, c);
}

/* --- who has an address */

static bool leased_to_other(struct dhcp_leases *l, const struct dhcp_client *c, __be32 ip)
{
	const struct cv_lease_key *key = lease_index_find(&l->index, c->key.net, ip);
	struct cv_lease lease;

	if (!key || !memcmp(key, &c->key, sizeof(*key)))
		return false;
	return !tables_lease_get(l->t, key, &lease) && lease.ip == ip;
}

struct use_question {
	struct dhcp_leases *l;
	const struct dhcp_client *c;
};

static bool in_use(__be32 ip, void *arg)
{
	const struct use_question *q = arg;
	__u32 slot;

	if (!tables_address_get(q->l->t, q->c->key.net, ip, &slot) &&
	    (slot != q->c->slot || q->c->relayed))
		return true;
	return leased_to_other(q->l, q->c, ip) || reserved_for_other(q->l, q->c, ip);
}

static struct lease_pool pool_of(struct use_question *q)
{
	return (struct lease_pool) {
		.subnet = q->c->network.subnet,
		.netmask = q->c->network.netmask,
		.gateway = q->c->network.gateway,
		.in_use = in_use,
		.arg = q,
	};
}

/*
 * A client with a reservation has no other address; but while somebody else
 * sits on the reserved one it gets what is free.
 */
bool dhcp_leases_may_have(struct dhcp_leases *l, const struct dhcp_client *c, __be32 ip)
{
	struct use_question q = { l, c };
	struct lease_pool pool = pool_of(&q);
	__be32 reserved = dhcp_leases_reserved(l, c);

	if (!lease_is_host(&pool, ip) || in_use(ip, &q))
		return false;
	return !reserved || reserved == ip || in_use(reserved, &q);
}

int dhcp_leases_choose(struct dhcp_leases *l, const struct dhcp_client *c, const __be32 *wishes,
		       unsigned int n, __u64 now_ns, __be32 *ret_ip)
{
	struct use_question q = { l, c };
	struct lease_pool pool = pool_of(&q);
	int err = lease_choose(&pool, c->key.mac, wishes, n, ret_ip);

	/* Dead leases count as used until a scan; look again, but not at every flood. */
	if (err != -ENOSPC || now_ns - l->scanned_ns < NS_PER_S)
		return err;
	err = dhcp_leases_scan(l, now_ns);
	return err ? err : lease_choose(&pool, c->key.mac, wishes, n, ret_ip);
}

bool dhcp_leases_live(const struct cv_lease *lease, __u64 now_ns)
{
	return now_ns < (lease->state == CV_LEASE_OFFERED ? lease->expiry_boot_ns :
							    lease->horizon_boot_ns);
}

/* --- changes */

static int index_lease(struct dhcp_leases *l, __be32 ip, const struct cv_lease_key *key,
		       __u64 now_ns)
{
	int err = lease_index_add(&l->index, ip, key);

	return err == -ENOSPC ? dhcp_leases_scan(l, now_ns) : err;	/* makes the index anew */
}

/* Return: the address it had before in *ret_old, when that was changed. */
static int change_port(struct dhcp_leases *l, const struct cv_lease_key *key, __u32 slot,
		       __be32 ip, __be32 *ret_old)
{
	struct cv_port p;
	int err = tables_port_get(l->t, slot, &p);

	if (err == -ENOENT || (!err && (p.net != key->net ||
					memcmp(p.mac, key->mac, sizeof(p.mac)))))
		return -ESTALE;
	if (err)
		return err;
	*ret_old = p.ip;
	if (p.ip == ip)
		return 0;
	if (p.flags & CV_PORT_STATIC)
		return -EADDRINUSE;	/* by itself: it is to keep the one it has */
	p.ip = ip;
	return tables_port_put(l->t, slot, &p);
}

int dhcp_leases_set_port(struct dhcp_leases *l, const struct cv_lease_key *key, __u32 slot,
			 __be32 ip)
{
	__be32 old = ip;
	int err = l->hooks.lock(l->hooks.arg);

	if (err)
		return err;
	err = change_port(l, key, slot, ip, &old);
	if (!err && old && old != ip)
		l->hooks.left(l->hooks.arg, key->net, slot);
	l->hooks.unlock(l->hooks.arg);
	return err;
}

static __u32 flags_of(const struct dhcp_client *c, const struct cv_lease *about)
{
	return (about->flags & CV_LEASE_DAEMON) | (c->relayed ? CV_LEASE_RELAYED : 0);
}

int dhcp_leases_offer(struct dhcp_leases *l, const struct dhcp_client *c, __be32 ip,
		      const struct cv_lease *about, __u64 now_ns)
{
	struct cv_lease lease = *about;
	int err;

	lease.ip = ip;
	lease.slot = c->slot;
	lease.state = CV_LEASE_OFFERED;
	lease.flags = flags_of(c, about);
	lease.start_boot_ns = 0;
	lease.expiry_boot_ns = now_ns + DHCP_OFFER_S * NS_PER_S;
	lease.horizon_boot_ns = lease.expiry_boot_ns;
	err = tables_lease_put(l->t, &c->key, &lease);
	return err ? err : index_lease(l, ip, &c->key, now_ns);
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

int dhcp_leases_bind(struct dhcp_leases *l, const struct dhcp_client *c, __be32 ip,
		     const struct cv_lease *about, __u64 now_ns)
{
	struct cv_lease lease = make_binding(l, c, ip, about, now_ns);
	int err;

	/* First what can be refused: it claims the address against other ports. */
	err = c->relayed ? 0 : dhcp_leases_set_port(l, &c->key, c->slot, ip);
	if (err)
		return err;
	err = tables_lease_put(l->t, &c->key, &lease);
	if (err) {
		if (c->port.ip != ip && !c->relayed)
			dhcp_leases_set_port(l, &c->key, c->slot, c->port.ip);
		return err;
	}
	return index_lease(l, ip, &c->key, now_ns);
}

int dhcp_leases_drop(struct dhcp_leases *l, const struct dhcp_client *c)
{
	int err;

	if (c->port.flags & CV_PORT_STATIC && !c->relayed)
		return 0;
	err = tables_lease_clear(l->t, &c->key);
	if (err && err != -ENOENT)
		return err;
	return c->port.ip && !c->relayed ? dhcp_leases_set_port(l, &c->key, c->slot, 0) : 0;
}

/*
 * A declined address is a lease of a MAC that no port can have: a group
 * address that holds the IP.  So it is in the maps like everything else.
 */
static const __u8 declined_prefix[2] = { 0x03, 0x00 };

bool dhcp_leases_is_declined(const struct cv_lease_key *key)
{
	return !memcmp(key->mac, declined_prefix, sizeof(declined_prefix));
}

int dhcp_leases_decline(struct dhcp_leases *l, const struct dhcp_client *c, __be32 ip,
			__u64 now_ns)
{
	struct cv_lease_key key = { .net = c->key.net };
	struct cv_lease lease = {
		.ip = ip,
		.state = CV_LEASE_SUSPENDED,
		.start_boot_ns = now_ns,
		.expiry_boot_ns = now_ns + DHCP_DECLINED_S * NS_PER_S,
		.horizon_boot_ns = now_ns + DHCP_DECLINED_S * NS_PER_S,
	};
	int err = dhcp_leases_drop(l, c);

	if (err || (c->port.flags & CV_PORT_STATIC && !c->relayed))
		return err;
	memcpy(lease.hostname, c->port.name, sizeof(c->port.name));	/* who did it */
	memcpy(key.mac, declined_prefix, sizeof(declined_prefix));
	memcpy(key.mac + sizeof(declined_prefix), &ip, sizeof(ip));
	err = tables_lease_put(l->t, &key, &lease);
	return err ? err : index_lease(l, ip, &key, now_ns);
}
