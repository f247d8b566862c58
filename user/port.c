// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's port: a slot in the maps, a link with the slot's index in the
 * namespace, the program from_guest on it.
 *
 * DOC: the slot is written first, so that a link never stands without an owner
 * and the next run knows what a killed one left: a slot without a link is
 * stale and discarded, a link that is not finished is finished.  A TAP is kept
 * (TUNSETPERSIST) as the very last thing; until then it goes with us.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "datapath.h"
#include "log.h"
#include "mem.h"
#include "netns.h"
#include "network_impl.h"
#include "tap.h"

/* The host's side of a port must not have the guest's MAC: the bridge would keep its frames. */
static void near_mac(const struct network_work *w, const struct cv_port *p, __u8 ret_mac[6])
{
	char role[CV_NAME_SIZE + 8];

	snprintf(role, sizeof(role), "port/%s", p->name);
	network_mac(w->name, role, ret_mac);
}

static int port_failed(const struct network_work *w, const struct cv_port *p, int err,
		       const char *what)
{
	const char *reason = w->inside ? net_reason(w->inside) : "";

	return log_ret(err, "port '%s' of network '%s': %s%s%s%s", p->name, w->name, what,
		       *reason ? " (" : "", reason, *reason ? ")" : "");
}

/* --- finishing a port */

static int settle_link(struct network_work *w, const struct cv_port *p)
{
	unsigned int flags = NET_PORT_MCAST_FLOOD | NET_PORT_BCAST_FLOOD |
			     (w->entry.flags & CV_NET_ISOLATE ? NET_PORT_ISOLATED : 0);
	char alias[NET_ALIAS_SIZE], altname[NET_ALTNAME_SIZE];
	__u8 mac[6];
	struct net_link_want want = {
		.alias = alias, .altname = altname, .mac = mac, .mtu = w->entry.mtu,
		.port_flags = &flags, .flags = NET_LINK_IPV6_QUIET,
	};
	struct net_link br;
	int err, changed;

	network_alias(w->name, p->name, alias);
	network_altname(w->name, p->name, altname);
	near_mac(w, p, mac);
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

int port_settle(struct network_work *w, const struct cv_port *p)
{
	int link, program, up;

	link = settle_link(w, p);
	if (link < 0)
		return port_failed(w, p, link, "cannot set up its link");
	program = settle_program(w, p);
	if (program < 0)
		return port_failed(w, p, program, "cannot attach from_guest");
	up = net_link_apply(w->inside, p->ifindex, &(struct net_link_want) { .flags = NET_LINK_UP });
	if (up < 0)
		return port_failed(w, p, up, "cannot bring its link up");
	return link | program | up;
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
	/* What the configuration reserves stays reserved. */
	if (reservation_of(w, p->name, &guest) && guest.ip)
		reservation_put(w, guest.name, guest.mac, guest.ip, 0);
	return 0;
}

struct port_walk {
	struct network_work *w;
	int changed;
	bool all;
};

static int walk_discard(__u32 slot, const struct cv_port *p, void *arg)
{
	struct port_walk *walk = arg;
	struct net_link l;
	int err = -ENODEV;

	if (!walk->all && walk->w->inside)
		err = net_link_get(walk->w->inside, p->ifindex, &l);
	if (err != -ENODEV)
		return err;
	log_debug("port '%s' of network '%s': discarded", p->name, walk->w->name);
	walk->changed = STEP_CHANGED;
	return port_discard(walk->w, slot, p);
}

static int walk_settle(__u32 slot, const struct cv_port *p, void *arg)
{
	struct port_walk *walk = arg;
	int err = port_settle(walk->w, p);

	if (err > 0)
		walk->changed = STEP_CHANGED;
	return err < 0 ? err : 0;
}

/* Ports of programs that are gone took their TAP with them. */
static int ports_sweep(struct network_work *w, struct port_walk *walk)
{
	return tables_each_port(w->tables, w->id, walk_discard, walk);
}

int ports_make(struct network_work *w)
{
	struct port_walk walk = { .w = w };
	int err = ports_sweep(w, &walk);

	if (!err)
		err = tables_each_port(w->tables, w->id, walk_settle, &walk);
	return err ? err : walk.changed;
}

static int find_port_link(const struct net_link *l, void *arg)
{
	if (l->ifindex < CV_IFINDEX_PORT || l->ifindex >= CV_IFINDEX_PORT + CV_MAX_PORTS)
		return 0;
	*(int *)arg = l->ifindex;
	return 1;
}

/* Links whose entry is lost: one at a time, for a walk is no time to delete. */
static int remove_strays(struct network_work *w)
{
	int ifindex, err = 0;

	while (!err && (err = net_link_each(w->inside, find_port_link, &ifindex)) == 1)
		err = net_link_del(w->inside, ifindex);
	return err;
}

int ports_undo(struct network_work *w)
{
	struct port_walk walk = { .w = w, .all = true };
	int err = 0;

	if (w->id)
		err = tables_each_port(w->tables, w->id, walk_discard, &walk);
	if (!err && w->inside) {
		err = remove_strays(w);
		if (err)
			network_failed(w, w->inside, err, "cannot remove a guest's link");
	}
	return err;
}

/* --- adding one */

static int read_spec(const struct network_work *w, const struct network_port_spec *spec,
		     struct cv_port *p)
{
	struct config_guest guest = { 0 };

	reservation_of(w, spec->name, &guest);
	*p = (struct cv_port) {
		.net = w->id, .kind = spec->netns ? CV_PORT_VETH : CV_PORT_TAP,
		.queues = spec->netns ? 1 : spec->queues, .ip = guest.ip,
	};
	strcpy(p->name, spec->name);
	if (guest.has_mac)
		memcpy(p->mac, guest.mac, 6);
	else
		network_guest_mac(w->name, spec->name, p->mac);
	if (spec->mac && addr_parse_mac(spec->mac, p->mac))
		return log_refuse(-EINVAL, "'%s' is no unicast MAC address", spec->mac);
	if (spec->ip && addr_parse_host(spec->ip, w->entry.subnet, w->entry.netmask, &p->ip))
		return log_refuse(-EINVAL, "'%s' is no address of a guest in network '%s'", spec->ip,
			       w->name);
	if (p->ip == w->entry.gateway)
		return log_refuse(-EINVAL, "'%s' is the gateway's address", spec->ip);
	if (!spec->netns && (!spec->queues || spec->queues > TAP_MAX_QUEUES))
		return log_refuse(-EINVAL, "a TAP has from 1 to %d queues", TAP_MAX_QUEUES);
	if (p->ip)
		p->flags |= CV_PORT_STATIC;
	if (spec->netns && datapath_peer_ok())
		p->flags |= CV_PORT_PEER;
	return 0;
}

/* Another port with what must be unique. */
static int refuse_same(__u32 slot, const struct cv_port *other, void *arg)
{
	const struct cv_port *p = arg;
	char mac[ADDR_MAC_SIZE], ip[ADDR_IP_SIZE];

	if (!strcmp(p->name, other->name))
		return log_refuse(-EEXIST, "port '%s' is there already", p->name);
	if (!memcmp(p->mac, other->mac, 6))
		return log_refuse(-EEXIST, "port '%s': port '%s' has MAC %s; choose another with --mac",
			       p->name, other->name, addr_format_mac(p->mac, mac));
	if (p->ip && p->ip == other->ip)
		return log_refuse(-EADDRINUSE, "port '%s': port '%s' has %s", p->name, other->name,
			       addr_format_ip(p->ip, ip));
	return 0;
}

static int read_user(const char *user, uid_t *ret_uid)
{
	const struct passwd *pw;
	char *end;
	unsigned long n;

	*ret_uid = -1;
	if (!user)
		return 0;
	pw = getpwnam(user);
	if (pw) {
		*ret_uid = pw->pw_uid;
		return 0;
	}
	n = strtoul(user, &end, 10);
	if (end == user || *end || n >= 0xffffffffUL)
		return log_refuse(-EINVAL, "no user '%s'", user);
	*ret_uid = n;
	return 0;
}

static int add_tap(struct network_work *w, const struct network_port_spec *spec,
		   const struct cv_port *p, int *ret_fds)
{
	char link[NET_NAME_SIZE];
	const struct tap t = { .netns_fd = w->netns_fd, .ifindex = p->ifindex, .name = link,
			       .queues = spec->queues };
	int err;

	network_port_link(spec->name, link);
	err = tap_open(&t, ret_fds);
	return err ? port_failed(w, p, err, "cannot make its TAP") : 0;
}

/* The guest's end is born where the guest is, with its MAC and MTU. */
static int add_veth(struct network_work *w, const struct network_port_spec *spec,
		    const struct cv_port *p)
{
	char link[NET_NAME_SIZE];
	__u8 mac[6];
	struct net_veth v = {
		.ifindex = p->ifindex, .name = link, .mac = mac, .mtu = w->entry.mtu,
		.peer_name = spec->ifname ? spec->ifname : "eth0", .peer_mac = p->mac,
	};
	_fd_ int guest_fd = -1;
	int err;

	if (strlen(v.peer_name) >= NET_NAME_SIZE)
		return log_refuse(-EINVAL, "'%s' is no name of a link", v.peer_name);
	err = netns_open(spec->netns, &guest_fd);
	if (err)
		return log_ret(err, "network namespace '%s'", spec->netns);
	network_port_link(spec->name, link);
	near_mac(w, p, mac);
	v.netns_fd = guest_fd;
	err = net_veth_add(w->inside, &v);
	if (err == -EEXIST)
		return log_refuse(err, "port '%s': a link '%s' is in namespace '%s' already",
				  p->name, v.peer_name, spec->netns);
	return err ? port_failed(w, p, err, "cannot make its veth") : 0;
}

static void close_fds(int *fds, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		close(fds[i]);
}

/* The link and all that belongs to it.  On failure nothing of it is left but the entry. */
static int add_link(struct network_work *w, const struct network_port_spec *spec,
		    const struct cv_port *p, int *ret_fds)
{
	int fds[TAP_MAX_QUEUES], err;
	unsigned int n = spec->netns ? 0 : spec->queues;
	uid_t owner;

	err = read_user(spec->user, &owner);
	if (!err)
		err = spec->netns ? add_veth(w, spec, p) : add_tap(w, spec, p, fds);
	if (err)
		return err;
	err = port_settle(w, p);
	if (err >= 0 && spec->persistent && !spec->netns) {
		err = tap_keep(fds[0], owner);
		if (err)
			port_failed(w, p, err, "cannot keep its TAP");
	}
	if (err >= 0 && ret_fds) {
		memcpy(ret_fds, fds, n * sizeof(*fds));
		return 0;
	}
	close_fds(fds, n);
	return err < 0 ? err : 0;
}

static int reserve_slot(struct network_work *w, struct cv_port *p, __u32 *ret_slot)
{
	__u32 max_flows = tables_meta(w->tables)->max_flows / 4, slot;
	int err;

	err = tables_port_free_slot(w->tables, &slot);
	if (err)
		return log_ret(err, "port '%s': no slot is free", p->name);
	err = datapath_flush(0, slot);
	if (err < 0)
		return log_ret(err, "port '%s': cannot forget old flows of its slot", p->name);
	p->ifindex = CV_IFINDEX_PORT + slot;
	p->max_flows = max_flows < CV_FLOWS_PER_PORT ? max_flows : CV_FLOWS_PER_PORT;
	err = tables_port_put(w->tables, slot, p);
	if (!err && p->ip)
		err = reservation_put(w, p->name, p->mac, p->ip, slot);
	if (err < 0) {
		tables_port_clear(w->tables, slot);
		return log_ret(err, "port '%s': cannot write its entry", p->name);
	}
	*ret_slot = slot;
	return 0;
}

/* A run that was killed leaves a port that is not up or without its program: begin anew. */
static int discard_unfinished(struct network_work *w, const char *name)
{
	char pin[NETWORK_PIN_SIZE];
	_netns_ int back = -1;
	struct cv_port p;
	struct net_link l;
	__u32 slot;
	int err;

	err = tables_port_find(w->tables, w->id, name, &slot, &p);
	if (!err)
		err = net_link_get(w->inside, p.ifindex, &l);
	if (!err)
		err = netns_switch(w->netns_fd, &back);
	if (err)
		return err == -ENOENT ? 0 : err;
	network_pin(w->name, name, pin);
	if (l.up && datapath_attached(DATAPATH_FROM_GUEST, p.ifindex, pin) == 1)
		return 0;
	return port_discard(w, slot, &p);
}

int network_port_add(const char *net, const struct network_port_spec *spec, int *ret_fds)
{
	_work_ struct network_work w = NETWORK_WORK_INIT;
	struct port_walk walk = { .w = &w };
	struct cv_port p;
	__u32 slot = 0;
	int err;

	err = network_name_check("port", spec->name);
	if (!err)
		err = network_work_open(&w, net);
	if (!err)
		err = ports_sweep(&w, &walk);
	if (!err)
		err = discard_unfinished(&w, spec->name);
	if (!err)
		err = read_spec(&w, spec, &p);
	if (!err)
		err = tables_each_port(w.tables, w.id, refuse_same, &p);
	if (!err)
		err = reserve_slot(&w, &p, &slot);
	if (err)
		return err;
	err = add_link(&w, spec, &p, ret_fds);
	if (err)
		port_discard(&w, slot, &p);
	return err;
}

int network_port_rm(const char *net, const char *name)
{
	_work_ struct network_work w = NETWORK_WORK_INIT;
	struct cv_port p;
	__u32 slot;
	int err;

	err = network_work_open(&w, net);
	if (err)
		return err;
	err = tables_port_find(w.tables, w.id, name, &slot, &p);
	if (err == -ENOENT)
		return log_refuse(err, "network '%s' has no port '%s'", net, name);
	return err ? log_ret(err, "port '%s'", name) : port_discard(&w, slot, &p);
}

int network_port_forget(const char *net, const char *name)
{
	_work_ struct network_work w = NETWORK_WORK_INIT;
	struct cv_port p;
	__u32 slot;
	int err;

	err = network_work_begin(&w, net);
	if (err || !w.id)
		return err;
	err = tables_port_find(w.tables, w.id, name, &slot, &p);
	if (err)
		return err == -ENOENT ? 0 : log_ret(err, "port '%s'", name);
	return port_discard(&w, slot, &p);
}
