// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports added and removed by command.  A TAP is kept (TUNSETPERSIST) as the
 * very last thing, so a run that is killed leaves no half-made one.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "datapath.h"
#include "holders.h"
#include "log.h"
#include "mem.h"
#include "netns.h"
#include "network_impl.h"
#include "tap.h"

static int read_spec(const struct network_work *w, const struct network_port_spec *spec,
		     struct cv_port *p)
{
	struct config_guest guest = { 0 };

	reservation_of(w, spec->name, &guest);
	*p = (struct cv_port) {
		.net = w->id, .kind = spec->netns ? CV_PORT_VETH : CV_PORT_TAP,
		.queues = spec->netns ? 1 : spec->queues, .ip = guest.ip,
		.external = guest.external,
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
	if (spec->external && (addr_parse_ip(spec->external, &p->external) ||
			       !config_address_usable(p->external)))
		return log_refuse(-EINVAL, "'%s' is no IPv4 address that a guest may have", spec->external);
	if (!spec->netns && (!spec->queues || spec->queues > TAP_MAX_QUEUES))
		return log_refuse(-EINVAL, "a TAP has from 1 to %d queues", TAP_MAX_QUEUES);
	if (p->ip)
		p->flags |= CV_PORT_STATIC;
	if (spec->relay || guest.relay)
		p->flags |= CV_PORT_RELAY;
	if (spec->netns && tables_meta(w->tables)->peer_ok)
		p->flags |= CV_PORT_PEER;
	return 0;
}

/* Another port with what must be unique: @arg's ip or mac or name.  Return: 1 when refused */
static int refuse_same(__u32 slot, const struct cv_port *other, void *arg)
{
	const struct cv_port *p = arg;
	char mac[ADDR_MAC_SIZE], ip[ADDR_IP_SIZE];

	if (!strcmp(p->name, other->name))
		log_error("port '%s' is there already", p->name);
	else if (!memcmp(p->mac, other->mac, 6))
		log_error("port '%s': port '%s' has MAC %s; choose another with --mac", p->name,
			  other->name, addr_format_mac(p->mac, mac));
	else if (p->ip && p->ip == other->ip)
		log_error("port '%s': port '%s' has %s", p->name, other->name,
			  addr_format_ip(p->ip, ip));
	else
		return 0;
	return 1;
}

static int check_unique(struct network_work *w, struct cv_port *p)
{
	int err = tables_each_port(w->tables, w->id, refuse_same, p);

	if (err < 0)
		return network_failed(w, NULL, err, "cannot read its ports");
	return err ? -EEXIST : external_check_port(w, p);
}

static int read_user(const char *user, uid_t *ret_uid)
{
	const struct passwd *pw;
	char *end;
	unsigned long n;

	if (!user) {
		*ret_uid = 0;
		return 0;
	}
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
		   const struct cv_port *p, uid_t owner, int *ret_fds)
{
	char link[NET_NAME_SIZE];
	const struct tap t = { .netns_fd = w->netns_fd, .ifindex = p->ifindex, .name = link,
			       .queues = spec->queues, .owner = owner };
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
	port_near_mac(w, p, mac);
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
		err = spec->netns ? add_veth(w, spec, p) : add_tap(w, spec, p, owner, fds);
	if (err)
		return err;
	err = port_settle(w, p);
	if (err >= 0 && spec->persistent && !spec->netns) {
		err = tap_keep(fds[0]);
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

static int put_reservation(struct network_work *w, const struct cv_port *p, __u32 slot)
{
	struct config_guest g = { 0 };

	reservation_of(w, p->name, &g);
	strcpy(g.name, p->name);
	memcpy(g.mac, p->mac, sizeof(g.mac));
	g.ip = p->ip;
	return reservation_put(w, &g, slot);
}

static int reserve_slot(struct network_work *w, struct cv_port *p, __u32 *ret_slot)
{
	struct network_guest_limits limits;
	__u32 slot;
	int err;

	err = tables_port_free_slot(w->tables, &slot);
	if (err)
		return log_ret(err, "port '%s': no slot is free", p->name);
	err = datapath_flush(0, slot);
	if (err < 0)
		return log_ret(err, "port '%s': cannot forget old flows of its slot", p->name);
	p->ifindex = CV_IFINDEX_PORT + slot;
	limits = network_guest_limits(w->tables, w->name);
	p->max_flows = limits.flows;
	p->max_ports = limits.ports;
	err = tables_port_put(w->tables, slot, p);
	if (!err && p->ip)
		err = put_reservation(w, p, slot);
	if (err < 0) {
		tables_port_clear(w->tables, slot);
		return log_ret(err, "port '%s': cannot write its entry", p->name);
	}
	*ret_slot = slot;
	return 0;
}

/* Return: 1 when a port is not up or without its program, 0 when it is whole, -errno. */
static int is_unfinished(struct network_work *w, const struct cv_port *p)
{
	char pin[NETWORK_PIN_SIZE];
	_netns_ int back = -1;
	struct net_link l;
	int err;

	err = net_link_get(w->inside, p->ifindex, &l);
	if (!err)
		err = netns_switch(w->netns_fd, &back);
	if (err)
		return err;
	network_pin(w->name, p->name, pin);
	err = datapath_attached(DATAPATH_FROM_GUEST, p->ifindex, pin);
	return err < 0 ? err : !err || !l.up;
}

/* What a run that was killed left of this port: begin anew. */
static int discard_unfinished(struct network_work *w, const char *name)
{
	struct cv_port p;
	__u32 slot;
	int err;

	err = tables_port_find(w->tables, w->id, name, &slot, &p);
	if (!err)
		err = is_unfinished(w, &p);
	if (err > 0)
		return port_discard(w, slot, &p);
	if (err && err != -ENOENT)
		return log_ret(err, "port '%s'", name);
	return 0;
}

int network_port_add(const char *net, const struct network_port_spec *spec, int *ret_fds)
{
	_work_ struct network_work w = NETWORK_WORK_INIT;
	struct cv_port p;
	__u32 slot = 0;
	int err;

	err = network_name_check("port", spec->name);
	if (!err)
		err = network_work_open(&w, net);
	if (!err)
		err = ports_sweep(&w);
	if (err >= 0)
		err = discard_unfinished(&w, spec->name);
	if (!err)
		err = read_spec(&w, spec, &p);
	if (!err)
		err = check_unique(&w, &p);
	if (!err)
		err = reserve_slot(&w, &p, &slot);
	if (err)
		return err;
	err = policy_open_port(&w, &p);
	if (!err)
		err = forwards_open_port(&w, spec, slot);
	if (!err)
		err = add_link(&w, spec, &p, ret_fds);
	if (err)
		port_discard(&w, slot, &p);
	return err;
}

struct tap_search {
	const struct cv_port *p;
	const struct network_work *w;
	enum log_level level;
	char link[NET_NAME_SIZE];
	int n;
};

static int name_holder(const struct holder *h, void *arg)
{
	struct tap_search *s = arg;

	if (strcmp(h->tap, s->link))
		return 0;
	s->n++;
	log_print(s->level, "port '%s' of network '%s': %s (pid %d) holds its TAP", s->p->name,
		  s->w->name, h->command, h->pid);
	return 0;
}

static int check_tap_holders(const struct network_work *w, const struct cv_port *p, bool force)
{
	struct tap_search s = { .p = p, .w = w, .level = force ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR };
	int err;

	if (p->kind != CV_PORT_TAP)
		return 0;
	network_port_link(p->name, s.link);
	err = holders_each(w->netns_fd, name_holder, &s);
	if (err)
		return port_failed(w, p, err, "cannot see who uses it");
	if (!s.n || force)
		return 0;
	log_error("port '%s' is in use; stop that, or add --force", p->name);
	return -EBUSY;
}

int network_port_rm(const char *net, const char *name, bool force)
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
	if (err)
		return log_ret(err, "port '%s'", name);
	err = check_tap_holders(&w, &p, force);
	return err ? err : port_discard(&w, slot, &p);
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
