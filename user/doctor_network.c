// SPDX-License-Identifier: GPL-2.0-only
/*
 * Networks, uplinks and forwards: is every link there and up, and does every one have its
 * program?  Whatever is wrong gets a line; what is right is one line for all.
 */
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "datapath.h"
#include "doctor.h"
#include "log.h"
#include "mem.h"
#include "net.h"
#include "netns.h"
#include "network.h"
#include "tables.h"
#include "uplink.h"

#define PIN_SIZE	(2 * CV_NAME_SIZE)
#define FIX_SIZE	128

/* One network being looked at. */
struct patient {
	struct doctor *d;
	__u16 id;
	const struct cv_network *n;
	struct net *inside;
	int netns_fd;
	unsigned int n_ports, n_bad;
	char subject[CV_NAME_SIZE + 8];
	char fix[FIX_SIZE];
};

__attribute__((format(printf, 2, 3)))
static void complain(struct patient *p, const char *fmt, ...)
{
	char what[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	p->n_bad++;
	doctor_say(p->d, DOCTOR_FAIL, p->subject, p->fix, "%s", what);
}

/*
 * A link and its program.  @net and the calling thread are in the same
 * namespace.  Return: whether the link is there.
 */
static bool check_hook(struct patient *p, struct net *net, enum datapath_hook hook, int ifindex,
		       const char *role, struct net_link *ret)
{
	char pin[PIN_SIZE];
	int err;

	err = net_link_get(net, ifindex, ret);
	if (err) {
		complain(p, "the link '%s' is gone: %s", role, strerror(-err));
		return false;
	}
	if (!ret->up)
		complain(p, "link '%s' (%s) is down", ret->name, role);
	snprintf(pin, sizeof(pin), "%s:%s", p->n->name, role);
	err = datapath_attached(hook, ifindex, pin);
	if (err < 0)
		complain(p, "cannot tell the program of link '%s': %s", ret->name, strerror(-err));
	else if (!err)
		complain(p, "link '%s' (%s) has lost its program", ret->name, role);
	return true;
}

static int check_port(__u32 slot, const struct cv_port *port, void *arg)
{
	struct patient *p = arg;
	struct net_link l;

	p->n_ports++;
	if (check_hook(p, p->inside, DATAPATH_FROM_GUEST, port->ifindex, port->name, &l) &&
	    !l.master)
		complain(p, "link '%s' (%s) is in no bridge", l.name, port->name);
	return 0;
}

static int check_inside(struct patient *p)
{
	_netns_ int back = -1;
	struct net_link l;
	int err;

	err = netns_switch(p->netns_fd, &back);
	if (err)
		return err;
	check_hook(p, p->inside, DATAPATH_TO_GUEST, p->n->ns_ifindex, "ns", &l);
	return tables_each_port(p->d->t, p->id, check_port, p);
}

/* The host's FIB does not answer for packets of a link that does not forward. */
static void warn_not_forwarding(struct patient *p, const struct net_link *host)
{
	char uplink[IF_NAMESIZE];

	if (!if_indextoname(p->n->uplink, uplink)) {
		complain(p, "somebody turned IPv4 forwarding of link '%s' off, and the uplink to use "
			 "without it is gone", host->name);
		return;
	}
	p->n_bad++;
	doctor_say(p->d, DOCTOR_WARN, p->subject, p->fix,
		   "somebody turned IPv4 forwarding of link '%s' off (net.ipv4.ip_forward does it to "
		   "all links): guests leave by '%s' alone", host->name, uplink);
}

static int check_links(struct patient *p)
{
	struct net_link host;
	char netns[40];
	int err;

	if (check_hook(p, p->d->host, DATAPATH_TO_UPLINK, p->n->host_ifindex, "host", &host) &&
	    !host.forwarding && p->n->mode != CV_MODE_ISOLATED)
		warn_not_forwarding(p, &host);
	network_netns_name(p->n->name, netns);
	err = netns_open(netns, &p->netns_fd);
	if (!err)
		err = net_open(p->netns_fd, &p->inside);
	if (err) {
		complain(p, "cannot look into namespace '%s': %s", netns, strerror(-err));
		return 0;
	}
	return check_inside(p);
}

static int check_network(__u16 id, const struct cv_network *n, void *arg)
{
	struct doctor *d = arg;
	struct patient p = { .d = d, .id = id, .n = n, .netns_fd = -1 };
	int err;

	if (d->net && d->net != id)
		return 0;
	snprintf(p.subject, sizeof(p.subject), "net %s", n->name);
	snprintf(p.fix, sizeof(p.fix), "culvert up %s", n->name);
	err = check_links(&p);
	net_close(p.inside);
	mem_close(&p.netns_fd);
	if (err)
		return err;
	if (!p.n_bad)
		doctor_say(d, DOCTOR_OK, p.subject, NULL,
			   "links up and programs in place on both ends of the veth and on %u port%s",
			   p.n_ports, p.n_ports == 1 ? "" : "s");
	return 0;
}

int doctor_networks(struct doctor *d)
{
	return tables_each_network(d->t, check_network, d);
}

/* --- uplinks */

struct search {
	int ifindex;
	bool found;
};

static int match_address(const struct net_address *a, void *arg)
{
	struct search *s = arg;

	s->found |= a->ifindex == s->ifindex && a->primary;
	return s->found;
}

static int match_default(const struct net_route *r, void *arg)
{
	struct search *s = arg;

	s->found |= r->ifindex == s->ifindex && !r->mask;
	return s->found;
}

static int check_uplink(struct doctor *d, int ifindex, const struct cv_uplink *u)
{
	struct search address = { .ifindex = ifindex }, route = { .ifindex = ifindex };
	const char *fix = "culvert up for each network";
	char subject[32], pin[PIN_SIZE];
	struct net_link l;
	int err;

	snprintf(subject, sizeof(subject), "uplink %s", u->name);
	snprintf(pin, sizeof(pin), "uplink:%s", u->name);
	err = net_link_get(d->host, ifindex, &l);
	if (err) {
		doctor_say(d, DOCTOR_WARN, subject, fix, "the link is gone: %s", strerror(-err));
		return 0;
	}
	err = net_address_each(d->host, match_address, &address);
	if (err >= 0)
		err = net_route_each(d->host, match_default, &route);
	if (err < 0)
		return err;
	if (!l.up)
		doctor_say(d, DOCTOR_WARN, subject, "ip link set IF up", "the link is down");
	if (!address.found)
		doctor_say(d, DOCTOR_WARN, subject, NULL, "it has no IPv4 address");
	if (!route.found)
		doctor_say(d, DOCTOR_NOTE, subject, NULL,
			   "no default route leaves by it: guests reach what the host's routes tell");
	err = datapath_attached(DATAPATH_FROM_UPLINK, ifindex, pin);
	if (err != 1)
		doctor_say(d, DOCTOR_FAIL, subject, fix, "it has lost its program: no answer "
			   "reaches a guest");
	else if (l.up && address.found)
		doctor_say(d, DOCTOR_OK, subject, NULL, "up, with an address, program in place");
	return 0;
}

static int check_xdp(struct doctor *d, int ifindex, const struct cv_uplink *u)
{
	struct uplink_xdp_state x;
	char subject[32];
	int err = uplink_xdp_look(d->t, ifindex, u->name, &x);

	snprintf(subject, sizeof(subject), "uplink %s", u->name);
	if (err)
		doctor_say(d, DOCTOR_WARN, subject, NULL, "cannot tell its XDP: %s", strerror(-err));
	else if (x.want != CONFIG_XDP_OFF && x.why[0])
		doctor_say(d, DOCTOR_NOTE, subject, NULL, "XDP is off: %s", x.why);
	else if (x.want != CONFIG_XDP_OFF && x.mode == DATAPATH_XDP_OFF)
		doctor_say(d, DOCTOR_WARN, subject, "culvert up, which tells why",
			   "XDP is wanted, but off");
	else if (x.mode == DATAPATH_XDP_GENERIC)
		doctor_say(d, DOCTOR_NOTE, subject, NULL,
			   "XDP is generic, as the driver has none: it gains little");
	else if (x.mode != DATAPATH_XDP_OFF)
		doctor_say(d, DOCTOR_OK, subject, NULL, "XDP is native");
	if (!err && x.alone)
		doctor_say(d, DOCTOR_NOTE, subject, NULL,
			   "this kernel has no dispatcher for XDP: no other program fits beside culvert's");
	return 0;
}

static int count_nat(__u16 id, const struct cv_network *n, void *arg)
{
	*(unsigned int *)arg += n->mode != CV_MODE_ISOLATED;
	return 0;
}

int doctor_uplinks(struct doctor *d)
{
	unsigned int n_nat = 0, n = 0;
	__u32 ifindex = 0;
	struct cv_uplink u;
	int err;

	while (!(err = tables_uplink_next(d->t, ifindex, &ifindex, &u))) {
		err = check_uplink(d, ifindex, &u);
		if (!err)
			err = check_xdp(d, ifindex, &u);
		if (err)
			return err;
		n++;
	}
	if (err != -ENOENT)
		return err;
	err = tables_each_network(d->t, count_nat, &n_nat);
	if (!err && n_nat && !n)
		doctor_say(d, DOCTOR_FAIL, "uplink",
			   "give the host a default route, or the network an uplink, then culvert up",
			   "there is none: guests cannot leave the host");
	return err;
}

/* --- forwards */

static int is_any(const struct tables_external *x, void *arg)
{
	return 1;
}

/* Attached with the first forward; then they stay. */
int doctor_forwards(struct doctor *d)
{
	int any = tables_each_forward(d->t, is_any, NULL), err;

	if (any <= 0)
		return any;
	err = datapath_sockets_attached();
	if (!err)
		doctor_say(d, DOCTOR_OK, "forwards", NULL, "they serve the host itself too");
	else if (datapath_sockets_probe())
		doctor_say(d, DOCTOR_NOTE, "forwards", NULL, "they do not serve the host itself: %s",
			   datapath_sockets_strerror(datapath_sockets_probe()));
	else
		doctor_say(d, DOCTOR_FAIL, "forwards", "culvert up for each network",
			   "they do not serve the host itself: %s", datapath_sockets_strerror(err));
	return 0;
}
