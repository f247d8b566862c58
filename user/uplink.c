// SPDX-License-Identifier: GPL-2.0-only
/*
 * Choosing, attaching, leaving uplinks.  Which network uses which is told by
 * CULVERT_RUN/NET.uplinks; which are attached, by the map `uplinks`.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "datapath.h"
#include "log.h"
#include "net.h"
#include "state.h"
#include "tables.h"
#include "uplink.h"

#define DEFAULT_MTU	1500
#define MAX_MTU		65521	/* of a TAP */

bool uplink_is_ours(int ifindex)
{
	return ifindex >= CV_IFINDEX_PORT && ifindex < CV_IFINDEX_HOST + CV_MAX_NETWORKS;
}

static bool set_has(const struct uplink_set *set, int ifindex)
{
	for (unsigned int i = 0; i < set->n; i++)
		if (set->links[i].ifindex == ifindex)
			return true;
	return false;
}

/* --- which */

struct address_search {
	struct tables *t;
	struct uplink *u;
};

/* An address that was secondary comes first when the one before it goes. */
static bool is_guests(struct tables *t, __be32 ip)
{
	struct cv_whole w;

	return !tables_whole_get(t, ip, &w);
}

static int on_address(const struct net_address *a, void *arg)
{
	const struct address_search *s = arg;

	if (a->ifindex == s->u->ifindex && a->primary && !s->u->addr && !is_guests(s->t, a->ip))
		s->u->addr = a->ip;
	return 0;
}

static int add_uplink(struct net *host, struct tables *t, const struct net_link *l,
		      struct uplink_set *set)
{
	struct address_search search = { t, &set->links[set->n] };
	struct uplink *u = &set->links[set->n];
	int err;

	if (!l->ether)
		return log_refuse(-EOPNOTSUPP, "uplink '%s' carries no Ethernet frames", l->name);
	*u = (struct uplink) { .ifindex = l->ifindex, .mtu = l->mtu };
	strcpy(u->name, l->name);
	set->n++;
	err = net_address_each(host, on_address, &search);
	return err ? log_ret(err, "uplink '%s': cannot read its addresses", u->name) : 0;
}

static int choose_named(struct net *host, struct tables *t, const struct config *cfg, bool present,
			struct uplink_set *set)
{
	struct net_link l;
	int err;

	for (unsigned int i = 0; i < cfg->n_uplinks; i++) {
		err = net_link_find(host, cfg->uplinks[i], &l);
		if (present && (err == -ENODEV || (!err && (!l.ether || uplink_is_ours(l.ifindex)))))
			continue;
		if (err)
			return log_ret(err, "uplink '%s'", cfg->uplinks[i]);
		if (uplink_is_ours(l.ifindex))
			return log_refuse(-EINVAL, "uplink '%s' is a network's own link", l.name);
		if (!set_has(set, l.ifindex))
			err = add_uplink(host, t, &l, set);
		if (err)
			return err;
	}
	return 0;
}

struct route_search {
	struct net *query;	/* a second socket: the first is busy with the walk */
	struct tables *t;
	struct uplink_set *set;
	bool present;
};

/* As VPNs do it, two routes to one half each are a default route too. */
static int on_route(const struct net_route *r, void *arg)
{
	struct route_search *s = arg;
	struct net_link l;

	if (__builtin_popcount(r->mask) > 1 || !r->ifindex || uplink_is_ours(r->ifindex) ||
	    set_has(s->set, r->ifindex) || s->set->n == CONFIG_MAX_UPLINKS)
		return 0;
	if (net_link_get(s->query, r->ifindex, &l))
		return 0;	/* just gone */
	if (!l.ether) {
		log_print(s->present ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN,
			  "link '%s' holds a default route but carries no Ethernet frames: not used",
			  l.name);
		return 0;
	}
	return add_uplink(s->query, s->t, &l, s->set);
}

static int choose_by_route(struct net *host, struct tables *t, bool present,
			   struct uplink_set *set)
{
	_net_ struct net *query = NULL;
	struct route_search s = { .t = t, .set = set, .present = present };
	int err;

	err = net_open(-1, &query);
	if (err)
		return log_ret(err, "cannot open a netlink socket");
	s.query = query;
	err = net_route_each(host, on_route, &s);
	if (err)
		return log_ret(err, "cannot read the host's routes");
	if (!set->n && !present)
		return log_refuse(-ENODEV, "no link holds an IPv4 default route; name one with --uplink, or use mode 'isolated'");
	return 0;
}

static int choose(struct net *host, struct tables *t, const struct config *cfg, bool present,
		  struct uplink_set *ret)
{
	struct uplink_set set = { 0 };
	int err = 0;

	if (cfg->mode != CV_MODE_ISOLATED)
		err = cfg->n_uplinks ? choose_named(host, t, cfg, present, &set) :
				       choose_by_route(host, t, present, &set);
	if (!err)
		*ret = set;
	return err;
}

int uplink_choose(struct net *host, struct tables *t, const struct config *cfg,
		  struct uplink_set *ret)
{
	return choose(host, t, cfg, false, ret);
}

int uplink_present(struct net *host, struct tables *t, const struct config *cfg,
		   struct uplink_set *ret)
{
	return choose(host, t, cfg, true, ret);
}

unsigned int uplink_mtu(const struct uplink_set *set)
{
	unsigned int mtu = set->n ? MAX_MTU : DEFAULT_MTU;

	for (unsigned int i = 0; i < set->n; i++)
		if (set->links[i].mtu && set->links[i].mtu < mtu)
			mtu = set->links[i].mtu;
	return mtu;
}

/* --- attaching */

static const char *pin_name(char buf[32], const char *ifname)
{
	snprintf(buf, 32, "uplink:%s", ifname);
	return buf;
}

static int put_entry(struct tables *t, const struct uplink *u)
{
	struct cv_uplink want = { .addr = u->addr }, now;
	int err;

	snprintf(want.name, sizeof(want.name), "%s", u->name);
	err = tables_uplink_get(t, u->ifindex, &now);
	if (!err && !memcmp(&want, &now, sizeof(now)))
		return 0;
	if (err && err != -ENOENT)
		return err;
	err = tables_uplink_put(t, u->ifindex, &want);
	return err ? err : 1;
}

/* A link that was given another name: its pin has the old one. */
static int forget_old_name(struct tables *t, const struct uplink *u)
{
	struct cv_uplink now;
	char pin[32];
	int err = tables_uplink_get(t, u->ifindex, &now);

	if (err || !strcmp(now.name, u->name))
		return err == -ENOENT ? 0 : err;
	return datapath_detach(DATAPATH_FROM_UPLINK, u->ifindex, pin_name(pin, now.name));
}

static int attach_program(struct tables *t, const struct uplink *u)
{
	char pin[32];
	int err = forget_old_name(t, u);

	if (err)
		return err;
	err = datapath_attached(DATAPATH_FROM_UPLINK, u->ifindex, pin_name(pin, u->name));

	if (err)
		return err < 0 ? err : 0;
	err = datapath_attach(DATAPATH_FROM_UPLINK, u->ifindex, pin);
	return err ? err : 1;
}

int uplink_attach(struct tables *t, const struct uplink_set *set)
{
	int changed = 0, err;

	for (unsigned int i = 0; i < set->n; i++) {
		const struct uplink *u = &set->links[i];

		/* The program first: with the entry, guests' packets begin to leave here. */
		err = attach_program(t, u);
		if (err < 0)
			return log_ret(err, "uplink '%s': cannot attach the program", u->name);
		changed |= err;
		err = put_entry(t, u);
		if (err < 0)
			return log_ret(err, "uplink '%s': cannot write its entry", u->name);
		changed |= err;
		if (err && !u->addr)
			log_warn("uplink '%s' has no IPv4 address yet", u->name);
	}
	return changed;
}

/* --- leaving */

struct usage {
	const char *except;
	const char *uplink;
};

/* Return: 1 when the network uses the uplink. */
static int uses_uplink(__u16 id, const struct cv_network *n, void *arg)
{
	char names[CONFIG_MAX_UPLINKS][16];
	const struct usage *u = arg;
	unsigned int count;

	if ((u->except && !strcmp(n->name, u->except)) || n->mode == CV_MODE_ISOLATED)
		return 0;
	if (state_load_uplinks(n->name, names, &count))
		return 1;
	for (unsigned int i = 0; i < count; i++)
		if (!strcmp(names[i], u->uplink))
			return 1;
	return 0;
}

static bool is_gone(int ifindex, const char *name)
{
	char now[IF_NAMESIZE];

	return !if_indextoname(ifindex, now) || strcmp(now, name);
}

/* Return: 1 when another link has the name by now, and with it the pin. */
static int name_is_taken(struct tables *t, const char *name)
{
	struct cv_uplink u;
	__u32 ifindex = 0;
	int err;

	while (!(err = tables_uplink_next(t, ifindex, &ifindex, &u)))
		if (!strcmp(u.name, name))
			return 1;
	return err == -ENOENT ? 0 : err;
}

static int leave(struct tables *t, __u32 ifindex, const struct cv_uplink *u)
{
	char pin[32];
	int err;

	err = tables_uplink_clear(t, ifindex);
	if (err && err != -ENOENT)
		return log_ret(err, "uplink '%s': cannot remove its entry", u->name);
	err = name_is_taken(t, u->name);
	if (err)
		return err < 0 ? log_ret(err, "cannot read the uplinks") : 0;
	err = datapath_detach(DATAPATH_FROM_UPLINK, ifindex, pin_name(pin, u->name));
	if (err)
		return log_ret(err, "uplink '%s': cannot detach the program", u->name);
	return 0;
}

int uplink_release(struct tables *t, const char *except)
{
	__u32 ifindex = 0, next;
	struct cv_uplink u;
	int changed = 0, used, err;

	for (;;) {
		err = tables_uplink_next(t, ifindex, &next, &u);
		if (err)
			return err == -ENOENT ? changed : log_ret(err, "cannot read the uplinks");
		used = is_gone(next, u.name) ? 0 :
		       tables_each_network(t, uses_uplink, &(struct usage) { except, u.name });
		if (used < 0)
			return log_ret(used, "cannot read the networks");
		if (used) {
			ifindex = next;
			continue;
		}
		err = leave(t, next, &u);
		if (err)
			return err;
		changed = 1;
	}
}
