// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is next to the host: what @lan means.  A rule that speaks of it is about
 * neighbours, so an uplink's routes count as much as its addresses: a host in
 * a cloud has an address of /32 and a route to its gateway.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath.h"
#include "log.h"
#include "net.h"
#include "tables.h"
#include "uplink.h"

struct lan_search {
	struct tables *t;
	struct cv_lans lans;
	unsigned int n;
	bool full;
};

static bool contains(const struct cv_prefix *outer, const struct cv_prefix *inner)
{
	return (outer->mask & inner->mask) == outer->mask &&
	       !((outer->addr ^ inner->addr) & outer->mask);
}

/* No prefix stays that another one contains. */
static void add_prefix(struct lan_search *s, __be32 addr, __be32 mask)
{
	const struct cv_prefix new = { addr & mask, mask };
	struct cv_prefix *list = s->lans.prefix;
	unsigned int kept = 0;

	for (unsigned int i = 0; i < s->n; i++)
		if (contains(&list[i], &new))
			return;
	for (unsigned int i = 0; i < s->n; i++)
		if (!contains(&new, &list[i]))
			list[kept++] = list[i];
	s->full |= kept == CV_MAX_LANS;
	if (kept < CV_MAX_LANS)
		list[kept++] = new;
	memset(&list[kept], 0, (CV_MAX_LANS - kept) * sizeof(*list));
	s->n = kept;
}

static bool is_uplink(const struct lan_search *s, int ifindex)
{
	struct cv_uplink u;

	return ifindex && !uplink_is_ours(ifindex) && !tables_uplink_get(s->t, ifindex, &u);
}

static int on_address(const struct net_address *a, void *arg)
{
	struct lan_search *s = arg;

	if (is_uplink(s, a->ifindex))
		add_prefix(s, a->ip, a->mask);
	return 0;
}

/* A default route may lead into a link as a whole, but then all of it is no neighbour. */
static int on_route(const struct net_route *r, void *arg)
{
	struct lan_search *s = arg;

	if (r->on_link && __builtin_popcount(r->mask) > 1 && is_uplink(s, r->ifindex))
		add_prefix(s, r->dst, r->mask);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct cv_prefix *p = a, *q = b;

	return ntohl(p->addr) < ntohl(q->addr) ? -1 : ntohl(p->addr) > ntohl(q->addr);
}

static int read_lans(struct net *host, struct lan_search *s)
{
	int err = net_address_each(host, on_address, s);

	if (!err)
		err = net_route_each(host, on_route, s);
	/* The kernel lists them in the order they came. */
	qsort(s->lans.prefix, s->n, sizeof(*s->lans.prefix), compare);
	return err;
}

static int rejudge(__u16 id, const struct cv_network *n, void *arg)
{
	struct cv_policy p;
	int err = tables_policy_get(arg, id, &p);

	if (!err)
		err = datapath_rejudge(id);
	return err < 0 && err != -ENOENT ? err : 0;
}

int uplink_lans(struct net *host, struct tables *t)
{
	struct lan_search s = { .t = t };
	struct cv_lans now;
	int err;

	err = read_lans(host, &s);
	if (err)
		return log_ret(err, "cannot read the prefixes of the uplinks");
	err = tables_lans_get(t, &now);
	if (!err && !memcmp(&now, &s.lans, sizeof(now)))
		return 0;
	if (s.full)
		log_warn("the uplinks have more than %d prefixes of their own: @lan in rules does not mean all of them",
			 CV_MAX_LANS);
	if (!err)
		err = tables_lans_put(t, &s.lans);
	if (!err)
		err = tables_each_network(t, rejudge, t);
	return err ? log_ret(err, "cannot write the prefixes of the uplinks") : 1;
}
