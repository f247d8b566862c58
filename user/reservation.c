// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses that are given by name, not by chance: a static lease each, which
 * the kernel answers from.  It has slot 0 until the guest has a port.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "dhcp_leases.h"
#include "dhcp_options.h"
#include "log.h"
#include "mem.h"
#include "network_impl.h"
#include "resolv.h"
#include "state.h"

#define FOREVER (~0ULL)

/* --- options */

static int put_options(struct network_work *w)
{
	struct cv_dhcp_options options = { 0 };
	struct config cfg = w->cfg;	/* the guests stay w->cfg's */
	int err;

	err = resolv_fill(&cfg);
	if (err)
		log_warn("network '%s': cannot read the host's resolvers: %s", w->name,
			 strerror(-err));
	err = dhcp_options_render(&cfg, &w->entry, &options);
	return err ? err : tables_dhcp_options_put(w->tables, w->id, &options);
}

/* --- one lease */

struct lease_search {
	__be32 ip;
	struct cv_lease_key not;
};

static int same_address(const struct cv_lease_key *k, const struct cv_lease *l, void *arg)
{
	const struct lease_search *s = arg;

	return l->ip == s->ip && memcmp(k, &s->not, sizeof(*k));
}

int reservation_put(struct network_work *w, const struct config_guest *g, __u32 slot)
{
	struct cv_lease want = {
		.ip = g->ip, .slot = slot, .state = CV_LEASE_BOUND,
		.flags = CV_LEASE_STATIC | (g->own_options ? CV_LEASE_DAEMON : 0),
		.expiry_boot_ns = FOREVER, .horizon_boot_ns = FOREVER,
	};
	struct cv_lease_key key = { .net = w->id };
	struct lease_search s = { .ip = g->ip };
	struct cv_lease now;
	int err;

	memcpy(key.mac, g->mac, 6);
	s.not = key;
	err = tables_each_lease(w->tables, w->id, same_address, &s);
	if (err)
		return err < 0 ? err : -EADDRINUSE;
	snprintf(want.hostname, sizeof(want.hostname), "%s", g->name);
	err = tables_lease_get(w->tables, &key, &now);
	if (!err && now.ip == g->ip && now.slot == slot && now.state == want.state &&
	    (now.flags & (CV_LEASE_STATIC | CV_LEASE_DAEMON)) == want.flags)
		return STEP_UNCHANGED;
	if (err && err != -ENOENT)
		return err;
	err = tables_lease_put(w->tables, &key, &want);
	return err ? err : STEP_CHANGED;
}

/* --- what the configuration reserves */

static void complete(const struct network_work *w, const struct config *cfg,
		     struct config_guest *g)
{
	g->ip = config_guest_ip(cfg, g, w->entry.subnet);
	if (!g->has_mac)
		network_guest_mac(w->name, g->name, g->mac);
	g->has_mac = true;
}

bool reservation_of(const struct network_work *w, const char *port, struct config_guest *ret)
{
	struct config cfg;
	bool found = false;

	if (state_load_config(w->name, &cfg))
		return false;
	for (size_t i = 0; i < cfg.n_guests && !found; i++) {
		if (strcmp(cfg.guests[i].name, port))
			continue;
		*ret = cfg.guests[i];
		ret->options = NULL;
		complete(w, &cfg, ret);
		found = true;
	}
	config_release(&cfg);
	return found;
}

/* A guest that has its port already gets the address there too. */
static int reserve(struct network_work *w, const struct config_guest *g)
{
	__u32 slot = 0;
	struct cv_port p;
	int err, changed;

	err = tables_port_find(w->tables, w->id, g->name, &slot, &p);
	if (err && err != -ENOENT)
		return err;
	if (!err && memcmp(p.mac, g->mac, 6))
		slot = 0;
	changed = reservation_put(w, g, slot);
	if (changed < 0 || !slot || (p.ip == g->ip && (p.flags & CV_PORT_STATIC)))
		return changed;
	p.ip = g->ip;
	p.flags |= CV_PORT_STATIC;
	err = tables_port_put(w->tables, slot, &p);
	return err ? err : STEP_CHANGED;
}

/* What a guest's port may ask for, the file says. */
static int set_trust(struct network_work *w, const struct config_guest *g)
{
	struct cv_port p;
	__u32 slot;
	int err = tables_port_find(w->tables, w->id, g->name, &slot, &p);

	if (err)
		return err == -ENOENT ? 0 : err;
	if (!(p.flags & CV_PORT_RELAY) == !g->relay)
		return STEP_UNCHANGED;
	p.flags ^= CV_PORT_RELAY;
	err = tables_port_put(w->tables, slot, &p);
	return err ? err : STEP_CHANGED;
}

static int put_reservations(struct network_work *w)
{
	char ip[ADDR_IP_SIZE];
	int changed = 0, err;

	for (size_t i = 0; i < w->cfg.n_guests; i++) {
		struct config_guest g = w->cfg.guests[i];

		complete(w, &w->cfg, &g);
		err = set_trust(w, &g);
		if (err < 0)
			return err;
		changed |= err;
		err = g.ip ? reserve(w, &g) : 0;
		if (err == -EADDRINUSE)
			log_warn("network '%s': %s of guest '%s' is in use by another guest; it will be his when 'culvert up' is run after that",
				 w->name, addr_format_ip(g.ip, ip), g.name);
		else if (err < 0)
			return err;
		else
			changed |= err;
	}
	return changed;
}

/* Is the reservation one that no configuration and no port asks for any more? */
static int drop_reservation(const struct cv_lease_key *k, const struct cv_lease *l, void *arg)
{
	struct network_work *w = arg;
	int err;

	if (!(l->flags & CV_LEASE_STATIC) || l->slot)
		return 0;
	for (size_t i = 0; i < w->cfg.n_guests; i++) {
		struct config_guest g = w->cfg.guests[i];

		complete(w, &w->cfg, &g);
		if (!memcmp(g.mac, k->mac, 6) && g.ip == l->ip)
			return 0;
	}
	err = tables_lease_clear(w->tables, k);
	/* It may be one of `lease add`: then the daemon puts it back. */
	return err ? err : dhcp_leases_reread(w->tables, w->id);
}

int dhcp_make(struct network_work *w)
{
	int err = w->cfg.dhcp ? put_options(w) : 0;

	if (err)
		return network_failed(w, NULL, err, "cannot write its DHCP options");
	err = tables_each_lease(w->tables, w->id, drop_reservation, w);
	if (!err)
		err = put_reservations(w);
	return err < 0 ? network_failed(w, NULL, err, "cannot write its reservations") : err;
}

static int drop_lease(const struct cv_lease_key *k, const struct cv_lease *l, void *arg)
{
	int err = tables_lease_clear(((struct network_work *)arg)->tables, k);

	return err == -ENOENT ? 0 : err;
}

int dhcp_undo(struct network_work *w)
{
	int err = w->id ? tables_each_lease(w->tables, w->id, drop_lease, w) : 0;

	return err ? network_failed(w, NULL, err, "cannot remove its leases") : 0;
}
