// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's port: a slot in the maps, a link with the slot's index in the
 * namespace, the program from_guest on it.
 *
 * DOC: the slot is written first, so that a link never stands without an owner
 * and the next run knows what a killed one left: a slot without a link is
 * stale and discarded, a link that is not finished is finished.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "datapath.h"
#include "log.h"
#include "mem.h"
#include "netns.h"
#include "network_impl.h"

/* All ports of a network are taken down by one message. */
#define PORT_GROUP 0x6376

/* The host's side of a port must not have the guest's MAC: the bridge would keep its frames. */
void port_near_mac(const struct network_work *w, const struct cv_port *p, __u8 ret_mac[6])
{
	char role[CV_NAME_SIZE + 8];

	snprintf(role, sizeof(role), "port/%s", p->name);
	network_mac(w->name, role, ret_mac);
}

int port_failed(const struct network_work *w, const struct cv_port *p, int err, const char *what)
{
	const char *reason = w->inside ? net_reason(w->inside) : "";

	return log_ret(err, "port '%s' of network '%s': %s%s%s%s", p->name, w->name, what,
		       *reason ? " (" : "", reason, *reason ? ")" : "");
}

/* --- finishing a port */

static int settle_link(struct network_work *w, const struct cv_port *p)
{
	/* Where rules speak of guest to guest, the programs alone isolate. */
	bool isolated = (w->entry.flags & (CV_NET_ISOLATE | CV_NET_LOCAL)) == CV_NET_ISOLATE;
	unsigned int flags = NET_PORT_MCAST_FLOOD | NET_PORT_BCAST_FLOOD |
			     (isolated ? NET_PORT_ISOLATED : 0);
	char alias[NET_ALIAS_SIZE], altname[NET_ALTNAME_SIZE];
	__u8 mac[6];
	struct net_link_want want = {
		.alias = alias, .altname = altname, .mac = mac, .mtu = w->entry.mtu,
		.group = PORT_GROUP, .port_flags = &flags, .flags = NET_LINK_IPV6_QUIET,
	};
	struct net_link br;
	int err, changed;

	network_alias(w->name, p->name, alias);
	network_altname(w->name, p->name, altname);
	port_near_mac(w, p, mac);
	err = net_link_find(w->inside, "br0", &br);
	if (err)
		return err;
	want.master = br.ifindex;
	changed = net_link_apply(w->inside, p->ifindex, &want);
	if (changed <= 0)
		return changed;
	/* The port's guest and nobody else is behind it: nothing to learn or to flood. */
	err = net_bridge_pin_mac(w->inside, p->ifindex, p->mac);
	return err ? err : changed;
}

static int settle_program(struct network_work *w, const struct cv_port *p)
{
	char pin[NETWORK_PIN_SIZE];
	_netns_ int back = -1;
	int err = netns_switch(w->netns_fd, &back);

	if (err)
		return err;
	network_pin(w->name, p->name, pin);
	err = datapath_attached(DATAPATH_FROM_GUEST, p->ifindex, pin);
	if (err)
		return err < 0 ? err : STEP_UNCHANGED;
	err = datapath_attach(DATAPATH_FROM_GUEST, p->ifindex, pin);
	return err ? err : STEP_CHANGED;
}

/*
 * Let XDP deliver to a TAP.  Not to a veth: whether its other end takes frames
 * of XDP is the guest's to say and to change, and nobody would count what is
 * lost.
 */
static int settle_xdp(struct network_work *w, const struct cv_port *p)
{
	__u32 slot = p->ifindex - CV_IFINDEX_PORT, now;
	_netns_ int back = -1;
	int err;

	if (p->kind != CV_PORT_TAP)
		return STEP_UNCHANGED;
	err = tables_xdp_port_get(w->tables, slot, &now);
	if (err && err != -ENOENT)
		return err;
	if (!err && now == p->ifindex)
		return STEP_UNCHANGED;
	err = netns_switch(w->netns_fd, &back);
	if (!err)
		err = tables_xdp_port_put(w->tables, slot, p->ifindex);
	return err ? err : STEP_CHANGED;
}

int port_settle(struct network_work *w, const struct cv_port *p)
{
	int link, program, xdp, up;

	link = settle_link(w, p);
	if (link < 0)
		return port_failed(w, p, link, "cannot set up its link");
	program = settle_program(w, p);
	if (program < 0)
		return port_failed(w, p, program, "cannot attach from_guest");
	xdp = settle_xdp(w, p);
	if (xdp < 0)
		return port_failed(w, p, xdp, "cannot let XDP deliver to it");
	up = net_link_apply(w->inside, p->ifindex, &(struct net_link_want) { .flags = NET_LINK_UP });
	if (up < 0)
		return port_failed(w, p, up, "cannot bring its link up");
	return link | program | xdp | up;
}

/* --- taking a port away */

static int remove_link(struct network_work *w, const struct cv_port *p)
{
	int err = w->inside ? net_link_del(w->inside, p->ifindex) : 0;

	return err == -ENODEV ? 0 : err;
}

int port_discard(struct network_work *w, __u32 slot, const struct cv_port *p)
{
	struct config_guest guest;
	char pin[NETWORK_PIN_SIZE];
	int err;

	err = forwards_close_port(w, slot, p);
	if (err)
		return err;
	err = tables_xdp_port_clear(w->tables, slot);
	if (err)
		return port_failed(w, p, err, "cannot keep XDP from it");
	err = remove_link(w, p);
	if (err)
		return port_failed(w, p, err, "cannot remove its link");
	network_pin(w->name, p->name, pin);
	err = datapath_detach(DATAPATH_FROM_GUEST, p->ifindex, pin);
	if (err)
		return port_failed(w, p, err, "cannot unpin its program");
	err = datapath_flush(w->id, slot);
	if (err < 0)
		return port_failed(w, p, err, "cannot forget its flows");
	err = tables_port_clear(w->tables, slot);
	if (err && err != -ENOENT)
		return port_failed(w, p, err, "cannot remove its entry");
	err = policy_close_port(w, slot, p);
	if (err)
		return err;
	/* What the configuration reserves stays reserved. */
	if (reservation_of(w, p->name, &guest) && guest.ip)
		reservation_put(w, &guest, 0);
	return 0;
}

/**
 * struct port_walk - a walk over a network's ports
 * @all:	discard every port, not only those without a link
 * @err:	of a port; it is logged already
 */
struct port_walk {
	struct network_work *w;
	bool all;
	int changed, err;
};

static int walk_discard(__u32 slot, const struct cv_port *p, void *arg)
{
	struct port_walk *walk = arg;
	struct net_link l;
	int err = -ENODEV;

	if (!walk->all && walk->w->inside)
		err = net_link_get(walk->w->inside, p->ifindex, &l);
	if (err != -ENODEV)
		return walk->err = err ? port_failed(walk->w, p, err, "cannot look for its link") : 0;
	if (!walk->all)
		log_info("port '%s' of network '%s': its link is gone, so it was removed", p->name,
			 walk->w->name);
	walk->changed = STEP_CHANGED;
	return walk->err = port_discard(walk->w, slot, p);
}

static int walk_settle(__u32 slot, const struct cv_port *p, void *arg)
{
	struct port_walk *walk = arg;
	int err = port_settle(walk->w, p);

	if (err > 0)
		walk->changed = STEP_CHANGED;
	return walk->err = err < 0 ? err : 0;
}

/* Return: step result or -errno. */
static int walk_ports(struct port_walk *walk,
		      int (*fn)(__u32 slot, const struct cv_port *p, void *arg))
{
	int err = tables_each_port(walk->w->tables, walk->w->id, fn, walk);

	if (err && !walk->err)
		return network_failed(walk->w, NULL, err, "cannot read its ports");
	return err ? err : walk->changed;
}

int ports_sweep(struct network_work *w)
{
	return walk_ports(&(struct port_walk) { .w = w }, walk_discard);
}

int ports_make(struct network_work *w)
{
	int swept = ports_sweep(w), settled;

	if (swept < 0)
		return swept;
	settled = walk_ports(&(struct port_walk) { .w = w }, walk_settle);
	return settled < 0 ? settled : swept | settled;
}

static int find_port_link(const struct net_link *l, void *arg)
{
	if (l->ifindex < CV_IFINDEX_PORT || l->ifindex >= CV_IFINDEX_PORT + CV_MAX_PORTS)
		return 0;
	*(int *)arg = l->ifindex;
	return 1;
}

/* Links that were not finished: one at a time, for a walk is no time to delete. */
static int remove_strays(struct network_work *w)
{
	int ifindex, err = 0;

	while (!err && (err = net_link_each(w->inside, find_port_link, &ifindex)) == 1)
		err = net_link_del(w->inside, ifindex);
	return err;
}

int ports_undo(struct network_work *w)
{
	int err = w->inside ? net_group_del(w->inside, PORT_GROUP) : 0;

	if (!err || err == -ENODEV)
		err = w->inside ? remove_strays(w) : 0;
	if (err)
		return network_failed(w, w->inside, err, "cannot remove its guests' links");
	err = w->id ? walk_ports(&(struct port_walk) { .w = w, .all = true }, walk_discard) : 0;
	return err < 0 ? err : 0;
}
