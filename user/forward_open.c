// SPDX-License-Identifier: GPL-2.0-only
/*
 * One port forward opened in the maps, or the reason why it is not.
 *
 * A port that the host itself uses is refused: its socket would be asked
 * first, and the guest would never hear.  Who uses it is found out the way any
 * program would: by bind().
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "addr.h"
#include "datapath.h"
#include "mem.h"
#include "network_impl.h"
#include "state.h"

/* --- which addresses */

static bool names_uplink(const char names[][16], unsigned int n, const char *name)
{
	for (unsigned int i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static bool has_address(const struct forward_addresses *a, __be32 ip)
{
	for (unsigned int i = 0; i < a->n; i++)
		if (a->ip[i] == ip)
			return true;
	return false;
}

int forward_addresses(struct tables *t, const char *net, struct forward_addresses *ret)
{
	char names[CONFIG_MAX_UPLINKS][16];
	struct forward_addresses a = { 0 };
	unsigned int n = 0;
	__u32 ifindex = 0;
	struct cv_uplink u;
	int err;

	err = state_load_uplinks(net, names, &n);
	if (err)
		return err;
	while (!(err = tables_uplink_next(t, ifindex, &ifindex, &u)))
		if (u.addr && a.n < CONFIG_MAX_UPLINKS && !has_address(&a, u.addr) &&
		    names_uplink(names, n, u.name))
			a.ip[a.n++] = u.addr;
	if (err != -ENOENT)
		return err;
	a.loopback = datapath_sockets_attached();
	*ret = a;
	return 0;
}

int forward_addresses_attach(struct tables *t, const char *net, struct forward_addresses *ret)
{
	int loopback = datapath_sockets_attach();
	int err = forward_addresses(t, net, ret);

	if (loopback)
		log_debug("the host's own sockets are not led to guests: %s",
			  datapath_sockets_strerror(loopback));
	if (!err && loopback)
		ret->loopback = loopback;	/* says more than that they are not there */
	return err;
}

static int check_loopback(const struct forward *f, const struct forward_addresses *a,
			  enum log_level level)
{
	char spec[FORWARD_SIZE];

	if (!a->loopback)
		return 0;
	log_print(level, "forward '%s': the host's own sockets cannot be led to guests: %s",
		  forward_format(f, spec), datapath_sockets_strerror(a->loopback));
	return -EADDRNOTAVAIL;
}

int forward_check(const struct network_work *w, const struct forward *f,
		  const struct forward_addresses *a, enum log_level level)
{
	char spec[FORWARD_SIZE], ip[ADDR_IP_SIZE], list[CONFIG_MAX_UPLINKS * 18] = "";
	size_t len = 0;

	if (addr_is_loopback(f->addr))
		return check_loopback(f, a, level);
	if (f->addr ? has_address(a, f->addr) : a->n)
		return 0;
	forward_format(f, spec);
	for (unsigned int i = 0; i < a->n; i++)
		len += snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "",
				addr_format_ip(a->ip[i], ip));
	if (!a->n)
		log_print(level, "forward '%s': no uplink of network '%s' has an IPv4 address", spec,
			  w->name);
	else
		log_print(level, "forward '%s': %s is no uplink's address; network '%s' has: %s", spec,
			  addr_format_ip(f->addr, ip), w->name, list);
	return -EADDRNOTAVAIL;
}

static int each_port_at(const struct forward *f, __be32 addr,
			int (*fn)(__be32 addr, __u16 port, void *arg), void *arg)
{
	int err = 0;

	for (unsigned int port = f->first; port <= f->last && !err; port++)
		err = fn(addr, port, arg);
	return err;
}

int forward_each_port(const struct forward *f, const struct forward_addresses *a,
		      int (*fn)(__be32 addr, __u16 port, void *arg), void *arg)
{
	__be32 loopback = a->loopback ? 0 : forward_loopback(f);
	int err = 0;

	for (unsigned int i = 0; i < a->n && !err; i++)
		if (!f->addr || f->addr == a->ip[i])
			err = each_port_at(f, a->ip[i], fn, arg);
	return err || !loopback ? err : each_port_at(f, loopback, fn, arg);
}

/* --- opening */

struct opening {
	struct network_work *w;
	const struct forward *f;
	__u32 slot;
	enum log_level level;
	bool told;
	int changed, err;
};

static void tell(struct opening *o, __be32 addr, __u16 port, const char *why)
{
	char spec[FORWARD_SIZE], ip[ADDR_IP_SIZE];

	if (!o->told)
		log_print(o->level, "forward '%s': %s:%u %s", forward_format(o->f, spec),
			  addr_format_ip(addr, ip), port, why);
	o->told = true;
}

/* Return: 0, -EADDRINUSE when a socket of the host has the port, or -errno. */
static int try_bind(__be32 addr, __u16 port, __u8 proto)
{
	const struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_addr.s_addr = addr, .sin_port = htons(port),
	};
	_fd_ int fd = socket(AF_INET, (proto == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		return -errno;
	/* Ended connections do not count, listeners do.  With UDP it would let two share. */
	if (proto == IPPROTO_TCP && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		return -errno;
	return bind(fd, (const struct sockaddr *)&at, sizeof(at)) ? -errno : 0;
}

static void tell_owner(struct opening *o, const struct tables_external *x)
{
	struct cv_network n = { .name = "?" };
	struct cv_port p = { .name = "?" };
	char why[160];

	tables_port_get(o->w->tables, x->slot, &p);
	tables_network_get(o->w->tables, p.net, &n);
	if (x->forward)
		snprintf(why, sizeof(why), "is forwarded to guest '%s' of network '%s'", p.name, n.name);
	else
		snprintf(why, sizeof(why), "is used by guest '%s' of network '%s' for its own flows (%u)",
			 p.name, n.name, x->flows);
	tell(o, x->addr, x->port, why);
}

static int put(struct opening *o, __be32 addr, __u16 port)
{
	__u16 guest_port = forward_guest_port(o->f, port);
	struct tables_external x;
	int err;

	err = tables_external_get(o->w->tables, addr, o->f->proto, port, &x);
	if (!err && (x.slot != o->slot || x.guest_port != guest_port))
		return tell_owner(o, &x), -EADDRINUSE;
	if (!err && x.forward)
		return STEP_UNCHANGED;
	if (err && err != -ENOENT)
		return tell(o, addr, port, strerror(-err)), err;
	err = try_bind(addr, port, o->f->proto);
	if (err)
		return tell(o, addr, port, err == -EADDRINUSE ?
			    "is in use by a socket of the host itself" : strerror(-err)), err;
	err = tables_forward_put(o->w->tables, addr, o->f->proto, port, o->slot, guest_port);
	if (err < 0)
		tell(o, addr, port, strerror(-err));
	return err;
}

static int open_port(__be32 addr, __u16 port, void *arg)
{
	struct opening *o = arg;
	int err = put(o, addr, port);

	if (err > 0)
		o->changed = STEP_CHANGED;
	if (err < 0 && !o->err)
		o->err = err;
	return o->level == LOG_LEVEL_ERROR ? o->err : 0;
}

static int close_port(__be32 addr, __u16 port, void *arg)
{
	struct opening *o = arg;
	struct tables_external x;

	if (!tables_external_get(o->w->tables, addr, o->f->proto, port, &x) && x.forward &&
	    x.guest_port == forward_guest_port(o->f, port))
		tables_forward_clear(o->w->tables, addr, o->f->proto, port, o->slot);
	return 0;
}

int forward_open(struct network_work *w, const struct forward *f, __u32 slot, enum log_level level)
{
	struct opening o = { .w = w, .f = f, .slot = slot, .level = level };
	struct forward_addresses a;
	int err;

	err = forward_addresses_attach(w->tables, w->name, &a);
	if (err)
		return network_failed(w, NULL, err, "cannot read its uplinks");
	err = forward_check(w, f, &a, level);
	if (err)
		return err;
	forward_each_port(f, &a, open_port, &o);
	if (o.err && level == LOG_LEVEL_ERROR)
		forward_each_port(f, &a, close_port, &o);
	return o.err ? o.err : o.changed;
}
