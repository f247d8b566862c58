// SPDX-License-Identifier: GPL-2.0-only
/*
 * Choosing, attaching, leaving uplinks.  Which network uses which is told by
 * CULVERT_RUN/NET.uplinks; which are attached, by the map `uplinks`.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
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

/* --- what the host has */

static int note_address(const struct net_address *a, void *arg)
{
	struct uplink_view *v = arg;
	struct net_address *more;

	if (!a->primary || uplink_is_ours(a->ifindex))
		return 0;
	more = reallocarray(v->addresses, v->n_addresses + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	v->addresses = more;
	more[v->n_addresses++] = *a;
	return 0;
}

/* As VPNs do it, two routes to one half each are a default route too. */
static int note_route(const struct net_route *r, void *arg)
{
	struct uplink_view *v = arg;
	int *more;

	if (__builtin_popcount(r->mask) > 1 || !r->ifindex || uplink_is_ours(r->ifindex))
		return 0;
	more = reallocarray(v->defaults, v->n_defaults + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	v->defaults = more;
	more[v->n_defaults++] = r->ifindex;
	return 0;
}

int uplink_look(struct net *host, struct uplink_view *ret)
{
	int err = net_address_each(host, note_address, ret);

	if (err)
		return log_ret(err, "cannot read the host's addresses");
	err = net_route_each(host, note_route, ret);
	return err ? log_ret(err, "cannot read the host's routes") : 0;
}

void uplink_view_release(struct uplink_view *v)
{
	free(v->addresses);
	free(v->defaults);
	*v = (struct uplink_view) { 0 };
}

/* --- which */

/* An address that was secondary comes first when the one before it goes. */
static bool is_guests(struct tables *t, __be32 ip)
{
	struct cv_whole w;

	return !tables_whole_get(t, ip, &w);
}

static __be32 first_address(struct tables *t, const struct uplink_view *v, int ifindex)
{
	for (size_t i = 0; i < v->n_addresses; i++)
		if (v->addresses[i].ifindex == ifindex && !is_guests(t, v->addresses[i].ip))
			return v->addresses[i].ip;
	return 0;
}

static int add_uplink(struct tables *t, const struct uplink_view *v, const struct net_link *l,
		      struct uplink_set *set)
{
	struct uplink *u = &set->links[set->n];

	if (!l->ether)
		return log_refuse(-EOPNOTSUPP, "uplink '%s' carries no Ethernet frames", l->name);
	*u = (struct uplink) { .ifindex = l->ifindex, .mtu = l->mtu,
			       .addr = first_address(t, v, l->ifindex) };
	strcpy(u->name, l->name);
	set->n++;
	return 0;
}

static int choose_named(struct net *host, struct tables *t, const struct uplink_view *v,
			const struct config *cfg, bool present, struct uplink_set *set)
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
			err = add_uplink(t, v, &l, set);
		if (err)
			return err;
	}
	return 0;
}

static int choose_by_route(struct net *host, struct tables *t, const struct uplink_view *v,
			   bool present, struct uplink_set *set)
{
	struct net_link l;
	int err = 0;

	for (size_t i = 0; i < v->n_defaults && !err; i++) {
		if (set_has(set, v->defaults[i]) || set->n == CONFIG_MAX_UPLINKS ||
		    net_link_get(host, v->defaults[i], &l))	/* just gone */
			continue;
		if (l.ether)
			err = add_uplink(t, v, &l, set);
		else
			log_print(present ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN,
				  "link '%s' holds a default route but carries no Ethernet frames: not used",
				  l.name);
	}
	if (!err && !set->n && !present)
		return log_refuse(-ENODEV, "no link holds an IPv4 default route; name one with --uplink, or use mode 'isolated'");
	return err;
}

static int choose(struct net *host, struct tables *t, const struct uplink_view *v,
		  const struct config *cfg, bool present, struct uplink_set *ret)
{
	struct uplink_set set = { 0 };
	int err = 0;

	if (cfg->mode != CV_MODE_ISOLATED)
		err = cfg->n_uplinks ? choose_named(host, t, v, cfg, present, &set) :
				       choose_by_route(host, t, v, present, &set);
	if (!err)
		*ret = set;
	return err;
}

int uplink_choose(struct net *host, struct tables *t, const struct config *cfg,
		  struct uplink_set *ret)
{
	_uplink_view_ struct uplink_view v = { 0 };
	int err = cfg->mode == CV_MODE_ISOLATED ? 0 : uplink_look(host, &v);

	return err ? err : choose(host, t, &v, cfg, false, ret);
}

int uplink_present(struct net *host, struct tables *t, const struct uplink_view *v,
		   const struct config *cfg, struct uplink_set *ret)
{
	return choose(host, t, v, cfg, true, ret);
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

bool uplink_used_by(const struct cv_network *n, const char *uplink, const char *except)
{
	char names[CONFIG_MAX_UPLINKS][16];
	unsigned int count;

	if ((except && !strcmp(n->name, except)) || n->mode == CV_MODE_ISOLATED)
		return false;
	if (state_load_uplinks(n->name, names, &count))
		return true;
	for (unsigned int i = 0; i < count; i++)
		if (!strcmp(names[i], uplink))
			return true;
	return false;
}

static int uses_uplink(__u16 id, const struct cv_network *n, void *arg)
{
	const struct usage *u = arg;

	return uplink_used_by(n, u->uplink, u->except);
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
