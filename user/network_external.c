// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests that have an address outside for themselves: by the configuration, or
 * by `port add --external` until the port goes.  The address stands in the
 * port; tables_port_put() lets the programs know.
 */
#include <errno.h>
#include <string.h>

#include "addr.h"
#include "datapath.h"
#include "log.h"
#include "network_impl.h"
#include "state.h"

/* --- what a port shall have */

static __be32 external_of(const struct config *cfg, const char *guest)
{
	for (size_t i = 0; i < cfg->n_guests; i++)
		if (!strcmp(cfg->guests[i].name, guest))
			return cfg->guests[i].external;
	return 0;
}

/* @before: what the network came up with; what it gave and @now does not is taken back. */
static __be32 wanted(const struct config *before, const struct config *now,
		     const struct cv_port *p)
{
	__be32 addr = external_of(now, p->name);

	if (addr)
		return addr;
	return p->external && p->external == external_of(before, p->name) ? 0 : p->external;
}

static void load_before(const struct network_work *w, struct config *ret)
{
	if (state_load_config(w->name, ret))
		config_defaults(ret);
}

/* --- whether it may */

/**
 * struct external_check - the addresses that guests shall get
 * @before:	of `up`: NULL for a port that is added, where nobody gives way
 * @subnet, @mask: of the network
 */
struct external_check {
	const struct network_work *w;
	const struct config_guest *guests;
	size_t n;
	const struct config *before;
	__be32 subnet, mask;
};

static const struct config_guest *find_address(const struct external_check *c, __be32 addr)
{
	for (size_t i = 0; addr && i < c->n; i++)
		if (c->guests[i].external == addr)
			return &c->guests[i];
	return NULL;
}

/* Return: 1, as all of the checks when they refuse. */
static int refuse_owner(const struct external_check *c, const struct config_guest *g,
			const char *guest, const char *net)
{
	char ip[ADDR_IP_SIZE];

	log_error("network '%s': guest '%s' cannot have %s: guest '%s' of network '%s' has it",
		  c->w->name, g->name, addr_format_ip(g->external, ip), guest, net);
	return 1;
}

static int check_uplink(const struct external_check *c, __be32 addr, const char *uplink)
{
	const struct config_guest *g = find_address(c, addr);
	char ip[ADDR_IP_SIZE];

	if (!g)
		return 0;
	log_error("network '%s': guest '%s' cannot have %s: it is the address of uplink '%s', which the host and other guests have",
		  c->w->name, g->name, addr_format_ip(addr, ip), uplink);
	return 1;
}

static int check_uplinks(const struct external_check *c)
{
	const struct uplink_set *chosen = &c->w->uplinks;
	__u32 ifindex = 0;
	struct cv_uplink u;
	int err;

	for (unsigned int i = 0; i < chosen->n; i++)
		if (check_uplink(c, chosen->links[i].addr, chosen->links[i].name))
			return 1;
	while (!(err = tables_uplink_next(c->w->tables, ifindex, &ifindex, &u)))
		if (check_uplink(c, u.addr, u.name))
			return 1;
	return err == -ENOENT ? 0 : err;
}

static int check_subnet(const struct external_check *c, __be32 subnet, __be32 mask,
			const char *net)
{
	char ip[ADDR_IP_SIZE], prefix[ADDR_PREFIX_SIZE];

	for (size_t i = 0; i < c->n; i++) {
		const struct config_guest *g = &c->guests[i];

		if (!g->external || (g->external & mask) != subnet)
			continue;
		log_error("network '%s': guest '%s' cannot have %s: it is in %s, the guests' subnet of network '%s'",
			  c->w->name, g->name, addr_format_ip(g->external, ip),
			  addr_format_prefix(subnet, mask, prefix), net);
		return 1;
	}
	return 0;
}

static int check_config(const struct external_check *c, const struct config *cfg, const char *net)
{
	bool own = !strcmp(net, c->w->name);

	for (size_t i = 0; i < cfg->n_guests; i++) {
		const struct config_guest *g = find_address(c, cfg->guests[i].external);

		if (g && !(own && !strcmp(g->name, cfg->guests[i].name)))
			return refuse_owner(c, g, cfg->guests[i].name, net);
	}
	return 0;
}

/* Also what is kept for a guest that has no port. */
static int check_network(__u16 id, const struct cv_network *n, void *arg)
{
	const struct external_check *c = arg;
	struct config cfg;
	int err;

	if (c->before && id == c->w->id)
		return 0;
	err = check_subnet(c, n->subnet, n->netmask, n->name);
	if (err || state_load_config(n->name, &cfg))
		return err;
	err = check_config(c, &cfg, n->name);
	config_release(&cfg);
	return err;
}

static int check_port(__u32 slot, const struct cv_port *p, void *arg)
{
	const struct external_check *c = arg;
	bool own = p->net == c->w->id;
	__be32 addr = own && c->before ? wanted(c->before, &c->w->cfg, p) : p->external;
	const struct config_guest *g = find_address(c, addr);
	char ip[ADDR_IP_SIZE], prefix[ADDR_PREFIX_SIZE];
	struct cv_network n = { .name = "?" };

	tables_network_get(c->w->tables, p->net, &n);
	if (g && !(own && !strcmp(g->name, p->name)))
		return refuse_owner(c, g, p->name, n.name);
	if (!addr || (addr & c->mask) != c->subnet)
		return 0;
	log_error("network '%s': subnet %s has %s in it, which guest '%s' of network '%s' has outside",
		  c->w->name, addr_format_prefix(c->subnet, c->mask, prefix),
		  addr_format_ip(addr, ip), p->name, n.name);
	return 1;
}

static bool any_address(const struct external_check *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->guests[i].external)
			return true;
	return false;
}

static int check_all(const struct external_check *c)
{
	int err = check_uplinks(c);

	if (!err)
		err = check_subnet(c, c->subnet, c->mask, c->w->name);
	if (!err)
		err = tables_each_port(c->w->tables, 0, check_port, (void *)c);
	if (!err && any_address(c))
		err = tables_each_network(c->w->tables, check_network, (void *)c);
	if (err < 0)
		return network_failed(c->w, NULL, err, "cannot see which external addresses are in use");
	return err ? -EADDRINUSE : 0;
}

int externals_check(const struct network_work *w)
{
	struct external_check c = {
		.w = w, .guests = w->cfg.guests, .n = w->cfg.n_guests,
		.subnet = w->cfg.subnet, .mask = w->cfg.netmask,
	};
	struct config before;
	int err;

	load_before(w, &before);
	c.before = &before;
	err = check_all(&c);
	config_release(&before);
	return err;
}

int external_check_port(const struct network_work *w, const struct cv_port *p)
{
	struct config_guest guest = { .external = p->external };
	const struct external_check c = {
		.w = w, .guests = &guest, .n = 1,
		.subnet = w->entry.subnet, .mask = w->entry.netmask,
	};

	if (!p->external)
		return 0;
	if (w->entry.mode == CV_MODE_ISOLATED)
		return log_refuse(-EINVAL, "network '%s' is isolated: it has no address outside", w->name);
	strcpy(guest.name, p->name);
	return check_all(&c);
}

/* --- the step of `up` */

struct settling {
	struct network_work *w;
	struct config before;
	bool taking;		/* first what somebody else may be to get */
	int changed;
};

static int settle_port(__u32 slot, const struct cv_port *p, void *arg)
{
	struct settling *s = arg;
	struct cv_port want = *p;
	int err;

	want.external = wanted(&s->before, &s->w->cfg, p);
	if (s->taking && (!p->external || want.external == p->external))
		return 0;
	if (want.external != p->external)
		s->changed = STEP_CHANGED;
	if (s->taking)
		want.external = 0;
	/* Also when nothing has changed: what is whole depends on the network. */
	err = tables_port_put(s->w->tables, slot, &want);
	if (!err && s->taking)
		err = datapath_flush(s->w->id, slot);
	return err < 0 ? err : 0;
}

int externals_make(struct network_work *w)
{
	struct settling s = { .w = w, .taking = true };
	int err;

	load_before(w, &s.before);
	err = tables_each_port(w->tables, w->id, settle_port, &s);
	s.taking = false;
	if (!err)
		err = tables_each_port(w->tables, w->id, settle_port, &s);
	config_release(&s.before);
	return err ? network_failed(w, NULL, err, "cannot write its guests' external addresses") :
		     s.changed;
}

int externals_undo(struct network_work *w)
{
	return 0;	/* they lie in the ports */
}
