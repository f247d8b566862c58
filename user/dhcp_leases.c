// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which address a client may have.  An address is in use when a port has it, when a lease names it, or when it is kept for a
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

int dhcp_leases_new(struct tables *t, struct store *store, const struct dhcp_hooks *hooks,
		    struct dhcp_leases **ret)
{
	struct dhcp_leases *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	l->t = t;
	l->store = store;
	l->hooks = *hooks;
	err = dhcp_scan_maps(l, tables_boot_ns());
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
	free(l->changes);
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

void dhcp_leases_set_reserved(struct dhcp_leases *l, struct reservation *all, size_t n)
{
	qsort(all, n, sizeof(*all), by_address);
	free(l->reserved);
	l->reserved = all;
	l->n_reserved = n;
}

int dhcp_leases_reserve(struct dhcp_leases *l, __u16 net, const struct config *cfg)
{
	struct reservation *all;
	size_t n = 0;

	all = calloc(l->n_reserved + cfg->n_guests + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < l->n_reserved; i++)
		if (l->reserved[i].net != net || l->reserved[i].stored)
			all[n++] = l->reserved[i];
	for (size_t i = 0; i < cfg->n_guests; i++)
		if (cfg->guests[i].ip)
			all[n++] = make_reservation(net, &cfg->guests[i]);
	dhcp_leases_set_reserved(l, all, n);
	l->known[net % CV_MAX_NETWORKS] = true;
	return 0;
}

static bool is_owner(const struct reservation *r, const struct dhcp_client *c)
{
	if (r->net != c->key.net)
		return false;
	return (!c->relayed && r->name[0] && !strncmp(r->name, c->port.name, CV_NAME_SIZE)) ||
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

bool dhcp_leases_in_use(struct dhcp_leases *l, const struct dhcp_client *c, __be32 ip)
{
	return in_use(ip, &(struct use_question) { l, c });
}

/* An address that was another guest's last is kept for him while there are others. */
static bool in_use_or_remembered(__be32 ip, void *arg)
{
	const struct use_question *q = arg;

	return lease_index_find(&q->l->former, q->c->key.net, ip) || in_use(ip, arg);
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

static __be32 previous_of(struct dhcp_leases *l, const struct dhcp_client *c)
{
	struct store_row row;

	return store_get(l->store, c->network.name, c->key.mac, &row) ? 0 : row.ip;
}

static int choose_wish(const struct lease_pool *p, const __be32 *wishes, unsigned int n,
		       __be32 *ret_ip)
{
	for (unsigned int i = 0; i < n; i++) {
		if (!wishes[i] || !lease_is_host(p, wishes[i]) || p->in_use(wishes[i], p->arg))
			continue;
		*ret_ip = wishes[i];
		return 0;
	}
	return -ENOSPC;
}

static int choose_oldest(struct dhcp_leases *l, const struct dhcp_client *c,
			 const struct lease_pool *p, __be32 *ret_ip)
{
	__be32 ip;

	for (unsigned int i = 0; !store_oldest(l->store, c->network.name, i, &ip); i++)
		if (!choose_wish(p, &ip, 1, ret_ip))
			return 0;
	return -ENOSPC;
}

static int choose(struct dhcp_leases *l, const struct dhcp_client *c, const __be32 *wishes,
		  unsigned int n, __be32 *ret_ip)
{
	struct use_question q = { l, c };
	struct lease_pool pool = pool_of(&q), fresh = pool;
	__be32 previous;

	fresh.in_use = in_use_or_remembered;
	if (!choose_wish(&pool, wishes, n, ret_ip))
		return 0;
	previous = previous_of(l, c);
	if (!choose_wish(&pool, &previous, 1, ret_ip))
		return 0;
	if (!lease_choose(&fresh, c->key.mac, NULL, 0, ret_ip) ||
	    !choose_oldest(l, c, &pool, ret_ip))
		return 0;
	return lease_choose(&pool, c->key.mac, NULL, 0, ret_ip);
}

int dhcp_leases_choose(struct dhcp_leases *l, const struct dhcp_client *c, const __be32 *wishes,
		       unsigned int n, __u64 now_ns, __be32 *ret_ip)
{
	int err = choose(l, c, wishes, n, ret_ip);

	/* Dead leases count as used until a scan; look again, but not at every flood. */
	if (err != -ENOSPC || now_ns - l->scanned_ns < NS_PER_S)
		return err;
	err = dhcp_scan_maps(l, now_ns);
	return err ? err : choose(l, c, wishes, n, ret_ip);
}

bool dhcp_leases_live(const struct cv_lease *lease, __u64 now_ns)
{
	return now_ns < (lease->state == CV_LEASE_OFFERED ? lease->expiry_boot_ns :
							    lease->horizon_boot_ns);
}

int dhcp_leases_index(struct dhcp_leases *l, __be32 ip, const struct cv_lease_key *key,
		      __u64 now_ns)
{
	int err = lease_index_add(&l->index, ip, key);

	return err == -ENOSPC ? dhcp_scan_maps(l, now_ns) : err;	/* makes the index anew */
}

/*
 * What is no client's is a lease of a MAC that no port can have, a group
 * address, so that it is in the maps like everything else: a declined address
 * (the IP is in it), and that the leases of a network were read.
 */
bool dhcp_leases_is_declined(const struct cv_lease_key *key)
{
	return key->mac[0] == 0x03 && !key->mac[1];
}

bool dhcp_leases_is_marker(const struct cv_lease_key *key)
{
	return key->mac[0] == 0x03 && key->mac[1] == 0x01;
}
