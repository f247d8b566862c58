// SPDX-License-Identifier: GPL-2.0-only
/*
 * The veth between a network's namespace and the host, with its two programs,
 * and the host's address on it.  The inner end is brought up first, the outer
 * one last and with to_uplink on, for it forwards: never without its program.
 */
#include <errno.h>
#include <string.h>

#include "datapath.h"
#include "log.h"
#include "netns.h"
#include "network_impl.h"

/* The pair dies as one, so an inner end alone has its other end on another host. */
int network_check_host(struct network_work *w)
{
	struct net_link l;

	if (!w->id || !w->inside || net_link_get(w->inside, w->entry.ns_ifindex, &l) ||
	    !net_link_get(w->host, w->entry.host_ifindex, &l))
		return 0;
	return log_refuse(-EXDEV, "network '%s' was made from another network namespace; run culvert there",
			  w->name);
}

/* Return: 1 when the pair is there and whole, 0 when not, -EEXIST or -EXDEV when it cannot be. */
static int find_veth(struct network_work *w, struct net_link *ret_host)
{
	struct net_link other, inner;
	char alias[NET_ALIAS_SIZE];
	int err;

	network_alias(w->name, "host", alias);
	err = net_link_find(w->host, w->host_link, &other);
	if (err && err != -ENODEV)
		return err;
	if (!err && (other.ifindex != (int)w->entry.host_ifindex || strcmp(other.kind, "veth") ||
		     (other.alias[0] && strcmp(other.alias, alias)))) {
		log_error("network '%s': a link '%s' is there that is not ours", w->name, w->host_link);
		return -EEXIST;
	}
	if (err)
		return network_check_host(w);
	*ret_host = other;
	err = net_link_get(w->inside, w->entry.ns_ifindex, &inner);
	if (!err)
		return 1;
	/* Its namespace was taken away, and another one has the name now. */
	return err == -ENODEV ? net_link_del(w->host, other.ifindex) : err;
}

static int add_veth(struct network_work *w)
{
	__u8 host_mac[6], ns_mac[6];
	const struct net_veth v = {
		.ifindex = w->entry.host_ifindex, .name = w->host_link, .mac = host_mac,
		.mtu = w->entry.mtu, .netns_fd = w->netns_fd,
		.peer_ifindex = w->entry.ns_ifindex, .peer_name = "uplink0", .peer_mac = ns_mac,
	};

	network_mac(w->name, "host", host_mac);
	network_mac(w->name, "ns", ns_mac);
	return net_veth_add(w->host, &v);
}

/* Of the calling thread's namespace.  Return: step result or -errno. */
static int attach(enum datapath_hook hook, int ifindex, const char *pin)
{
	int err = datapath_attached(hook, ifindex, pin);

	if (err)
		return err < 0 ? err : STEP_UNCHANGED;
	err = datapath_attach(hook, ifindex, pin);
	return err ? err : STEP_CHANGED;
}

static int attach_inside(struct network_work *w, const char *pin)
{
	_netns_ int back = -1;
	int err = netns_switch(w->netns_fd, &back);

	return err ? err : attach(DATAPATH_TO_GUEST, w->entry.ns_ifindex, pin);
}

/* The inner end: a port of the bridge that only to_guest and from_guest send through. */
static int settle_inner(struct network_work *w)
{
	const unsigned int no_flags = 0;
	char alias[NET_ALIAS_SIZE], pin[NETWORK_PIN_SIZE];
	struct net_link_want want = { .alias = alias, .mtu = w->entry.mtu, .port_flags = &no_flags,
				      .flags = NET_LINK_IPV6_QUIET };
	struct net_link br;
	int set, attached, err;

	network_alias(w->name, "ns", alias);
	network_pin(w->name, "ns", pin);
	err = net_link_find(w->inside, "br0", &br);
	want.master = br.ifindex;
	set = err ? err : net_link_apply(w->inside, w->entry.ns_ifindex, &want);
	if (set < 0)
		return network_failed(w, w->inside, set, "cannot set up the inner end of its veth");
	attached = attach_inside(w, pin);
	if (attached < 0)
		return network_failed(w, NULL, attached, "cannot attach to_guest");
	want = (struct net_link_want) { .flags = NET_LINK_UP };
	err = net_link_apply(w->inside, w->entry.ns_ifindex, &want);
	if (err < 0)
		return network_failed(w, w->inside, err, "cannot bring 'uplink0' up");
	return set | attached | err;
}

struct address_search {
	const struct cv_network *n;
	struct net_address stale;	/* ifindex 0: none */
};

static int find_stale_address(const struct net_address *a, void *arg)
{
	struct address_search *s = arg;

	if (a->ifindex == (int)s->n->host_ifindex &&
	    (a->ip != s->n->gateway || a->mask != s->n->netmask))
		s->stale = *a;
	return 0;
}

static int settle_address(struct network_work *w)
{
	struct address_search s = { .n = &w->entry };
	int err, removed = 0;

	err = net_address_each(w->host, find_stale_address, &s);
	if (!err && s.stale.ifindex) {
		err = net_address_del(w->host, s.stale.ifindex, s.stale.ip, s.stale.mask);
		removed = 1;
	}
	if (!err)
		err = net_address_add(w->host, w->entry.host_ifindex, w->entry.gateway,
				      w->entry.netmask);
	return err < 0 ? err : err | removed;
}

/* The host's end.  Up last, with its program on: it forwards, so it must never be up without. */
static int settle_outer(struct network_work *w)
{
	char alias[NET_ALIAS_SIZE], altname[NET_ALTNAME_SIZE], pin[NETWORK_PIN_SIZE];
	struct net_link_want want = { .alias = alias, .altname = altname, .mtu = w->entry.mtu,
				      .flags = NET_LINK_IPV6_QUIET };
	int set, attached, address, err;

	network_alias(w->name, "host", alias);
	network_altname(w->name, "host", altname);
	network_pin(w->name, "host", pin);
	set = net_link_apply(w->host, w->entry.host_ifindex, &want);
	if (set < 0)
		return network_failed(w, w->host, set, "cannot set up the host's end of its veth");
	attached = attach(DATAPATH_TO_UPLINK, w->entry.host_ifindex, pin);
	if (attached < 0)
		return network_failed(w, NULL, attached, "cannot attach to_uplink");
	address = settle_address(w);
	if (address < 0)
		return network_failed(w, w->host, address, "cannot set the host's address");
	want = (struct net_link_want) { .flags = NET_LINK_UP | NET_LINK_FORWARDING };
	err = net_link_apply(w->host, w->entry.host_ifindex, &want);
	if (err < 0)
		return network_failed(w, w->host, err, "cannot bring the host's end of its veth up");
	return set | attached | address | err;
}

int veth_make(struct network_work *w)
{
	struct net_link host;
	int found = find_veth(w, &host), inner, outer, err;

	if (found < 0)
		return found == -EEXIST || found == -EXDEV ? found :
		       network_failed(w, w->host, found, "cannot look for its veth");
	if (!found) {
		err = add_veth(w);
		if (err)
			return network_failed(w, w->host, err, "cannot make its veth");
	}
	inner = settle_inner(w);
	outer = inner < 0 ? inner : settle_outer(w);
	if (outer < 0) {
		if (!found)
			net_link_del(w->host, w->entry.host_ifindex);
		return outer;
	}
	return found ? inner | outer : STEP_MADE;
}

/* The link goes first, with its programs on: without them the host might forward. */
int veth_undo(struct network_work *w)
{
	char pin[NETWORK_PIN_SIZE], alias[NET_ALIAS_SIZE];
	struct net_link l;
	int err;

	network_alias(w->name, "host", alias);
	err = net_link_find(w->host, w->host_link, &l);
	if (!err && (!strcmp(l.alias, alias) || (w->id && l.ifindex == (int)w->entry.host_ifindex)))
		err = net_link_del(w->host, l.ifindex);
	if (err && err != -ENODEV)
		return network_failed(w, w->host, err, "cannot remove its veth");
	network_pin(w->name, "host", pin);
	err = datapath_detach(DATAPATH_TO_UPLINK, w->entry.host_ifindex, pin);
	if (!err) {
		network_pin(w->name, "ns", pin);
		err = datapath_detach(DATAPATH_TO_GUEST, w->entry.ns_ifindex, pin);
	}
	return err ? network_failed(w, NULL, err, "cannot unpin the programs of its veth") : 0;
}
