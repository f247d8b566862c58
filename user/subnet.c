// SPDX-License-Identifier: GPL-2.0-only
/*
 * The search for a free subnet.  Only what lies outside of culvert's own links
 * counts as the host's; culvert's networks are asked of their map, so that
 * one that is half made counts too.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "addr.h"
#include "log.h"
#include "mem.h"
#include "net.h"
#include "subnet.h"
#include "tables.h"
#include "uplink.h"

/* Private ranges in the order of preference, host order. */
static const struct {
	__u32 first, last;	/* /24s, both included */
} ranges[] = {
	{ 0x0a140000, 0x0affff00 },	/* 10.20.0.0 .. 10.255.255.0 */
	{ 0xac100000, 0xac1fff00 },	/* 172.16.0.0/12 */
	{ 0xc0a80000, 0xc0a8ff00 },	/* 192.168.0.0/16 */
};

struct prefix {
	__be32 ip, mask;
};

struct prefix_list {
	struct prefix *rows;
	size_t n, room;
};

static void list_release(struct prefix_list *list)
{
	free(list->rows);
}
#define _list_ __attribute__((cleanup(list_release)))

static int add_prefix(struct prefix_list *list, __be32 ip, __be32 mask)
{
	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		struct prefix *rows = reallocarray(list->rows, room, sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		list->rows = rows;
		list->room = room;
	}
	list->rows[list->n++] = (struct prefix) { ip & mask, mask };
	return 0;
}

static bool overlap(__be32 ip_a, __be32 mask_a, __be32 ip_b, __be32 mask_b)
{
	return ((ip_a ^ ip_b) & mask_a & mask_b) == 0;
}

static int on_address(const struct net_address *a, void *arg)
{
	return uplink_is_ours(a->ifindex) ? 0 : add_prefix(arg, a->ip, a->mask);
}

/* A route to everything (or to half of it, as VPNs have) says nothing about use. */
static int on_route(const struct net_route *r, void *arg)
{
	if (uplink_is_ours(r->ifindex) || addr_mask_len(r->mask) <= 1)
		return 0;
	return add_prefix(arg, r->dst, r->mask);
}

static int on_network(__u16 id, const struct cv_network *n, void *arg)
{
	return add_prefix(arg, n->subnet, n->netmask);
}

static int on_port(__u32 slot, const struct cv_port *p, void *arg)
{
	return p->external ? add_prefix(arg, p->external, ~(__be32)0) : 0;
}

static bool is_free(const struct prefix_list *list, __be32 ip, __be32 mask)
{
	for (size_t i = 0; i < list->n; i++)
		if (overlap(ip, mask, list->rows[i].ip, list->rows[i].mask))
			return false;
	return true;
}

int subnet_choose(struct net *host, struct tables *t, __be32 *ret_subnet, __be32 *ret_mask)
{
	const __be32 mask = htonl(0xffffff00);
	_list_ struct prefix_list used = { 0 };
	int err;

	err = net_address_each(host, on_address, &used);
	if (!err)
		err = net_route_each(host, on_route, &used);
	if (!err)
		err = tables_each_network(t, on_network, &used);
	if (!err)
		err = tables_each_port(t, 0, on_port, &used);
	if (err)
		return err;

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		for (__u32 ip = ranges[i].first; ip <= ranges[i].last; ip += 256) {
			if (!is_free(&used, htonl(ip), mask))
				continue;
			*ret_subnet = htonl(ip);
			*ret_mask = mask;
			return 0;
		}
	}
	return -ENOSPC;
}

struct check {
	const char *name;
	__be32 subnet, mask;
	bool routed, shows;	/* as tables_shows_guests() */
	const struct uplink_set *uplinks;
};

/* Return: 1 when refused, as check_network(). */
static int check_address(const struct net_address *a, void *arg)
{
	const struct check *c = arg;
	char ours[ADDR_PREFIX_SIZE], theirs[ADDR_PREFIX_SIZE];

	if (uplink_is_ours(a->ifindex) || !overlap(c->subnet, c->mask, a->ip, a->mask))
		return 0;
	addr_format_prefix(c->subnet, c->mask, ours);
	addr_format_prefix(a->ip, a->mask, theirs);
	for (unsigned int i = 0; i < c->uplinks->n; i++) {
		if (c->uplinks->links[i].ifindex != a->ifindex)
			continue;
		log_error("network '%s': subnet %s overlaps %s of uplink '%s'; choose another with --subnet",
			  c->name, ours, theirs, c->uplinks->links[i].name);
		return 1;
	}
	if (c->routed) {
		log_error("network '%s': subnet %s overlaps the host's %s; mode 'route' needs addresses that are the guests' alone",
			  c->name, ours, theirs);
		return 1;
	}
	log_warn("network '%s': subnet %s overlaps the host's %s; guests will not reach that",
		 c->name, ours, theirs);
	return 0;
}

static int check_network(__u16 id, const struct cv_network *n, void *arg)
{
	const struct check *c = arg;
	char theirs[ADDR_PREFIX_SIZE];

	if (!strcmp(n->name, c->name) || !overlap(c->subnet, c->mask, n->subnet, n->netmask))
		return 0;
	addr_format_prefix(n->subnet, n->netmask, theirs);
	if (c->routed || n->mode == CV_MODE_ROUTE || (c->shows && tables_shows_guests(n))) {
		log_error("network '%s': subnet overlaps %s of network '%s'; addresses that are seen outside, by mode 'route' or by no-nat, are those of one network",
			  c->name, theirs, n->name);
		return 1;
	}
	log_warn("network '%s': subnet overlaps %s of network '%s'; the host itself reaches the guests of one only",
		 c->name, theirs, n->name);
	return 0;
}

int subnet_check(struct net *host, struct tables *t, const char *name, const struct config *cfg,
		 const struct uplink_set *uplinks)
{
	struct check c = {
		.name = name, .subnet = cfg->subnet, .mask = cfg->netmask,
		.routed = cfg->mode == CV_MODE_ROUTE,
		.shows = cfg->mode == CV_MODE_ROUTE || cfg->n_untranslated, .uplinks = uplinks,
	};
	int err = net_address_each(host, check_address, &c);

	if (!err)
		err = tables_each_network(t, check_network, &c);
	if (err > 0)
		return -EADDRINUSE;
	return err ? log_ret(err, "network '%s': cannot see which subnets are in use", name) : 0;
}
