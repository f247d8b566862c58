// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a network is made of, one step each, in the order of making.  `down`
 * undoes them in reverse.
 *
 * DOC: the kernel cannot label a link in the message that makes it, but the
 * index we choose for it, far above what the kernel hands out, is as good: a
 * link at our index with our name and kind is ours even when a run was killed
 * before its alias was set.  The namespace is labelled by the alias of its
 * `lo`, which names the host's CULVERT_BPF too, for several hosts share
 * /run/netns.  The entry in the map is made first and removed last: while it
 * is there, `ls` shows the network and `down` finds all of it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "datapath.h"
#include "log.h"
#include "mem.h"
#include "netns.h"
#include "network_impl.h"
#include "paths.h"
#include "state.h"

int network_failed(const struct network_work *w, const struct net *net, int err, const char *what)
{
	const char *reason = net ? net_reason(net) : "";

	return log_ret(err, "network '%s': %s%s%s%s", w->name, what, *reason ? " (" : "", reason,
		       *reason ? ")" : "");
}

/* --- the entry in the map */

static int entry_make(struct network_work *w)
{
	struct cv_network now;
	int err = tables_network_get(w->tables, w->id, &now);

	if (!err && !memcmp(&now, &w->entry, sizeof(now)))
		return STEP_UNCHANGED;
	if (err && err != -ENOENT)
		return network_failed(w, NULL, err, "cannot read its entry");
	if (tables_network_put(w->tables, w->id, &w->entry))
		return network_failed(w, NULL, -EIO, "cannot write its entry");
	return err ? STEP_MADE : STEP_CHANGED;
}

static int entry_undo(struct network_work *w)
{
	int err = w->id ? tables_network_clear(w->tables, w->id) : 0;

	if (err && err != -ENOENT)
		return network_failed(w, NULL, err, "cannot remove its entry");
	return 0;
}

/* --- the files in CULVERT_RUN */

static int files_make(struct network_work *w)
{
	char names[CONFIG_MAX_UPLINKS][16];
	int config, uplinks;

	for (unsigned int i = 0; i < w->uplinks.n; i++)
		strcpy(names[i], w->uplinks.links[i].name);
	config = state_save_config(w->name, &w->cfg);
	uplinks = state_save_uplinks(w->name, names, w->uplinks.n);
	if (config < 0 || uplinks < 0)
		return log_ret(config < 0 ? config : uplinks, "network '%s': cannot write '%s/%s.*'",
			       w->name, paths_run(), w->name);
	return config || uplinks ? STEP_CHANGED : STEP_UNCHANGED;
}

static int files_undo(struct network_work *w)
{
	state_remove(w->name);
	return 0;
}

/* --- the namespace */

static void netns_label(const struct network_work *w, char buf[NET_ALIAS_SIZE])
{
	snprintf(buf, NET_ALIAS_SIZE, "culvert:%s:lo %s", w->name, paths_bpf());
}

static int is_not_lo(const struct net_link *l, void *arg)
{
	return strcmp(l->name, "lo") != 0;
}

/* Return: 1 when labelled by us, 0 when it is empty and without a label, -EEXIST when someone else's. */
static int check_netns(struct net *inside, const char *label)
{
	struct net_link lo;
	int err = net_link_find(inside, "lo", &lo);

	if (err)
		return err;
	if (!strcmp(lo.alias, label))
		return 1;
	return lo.alias[0] || net_link_each(inside, is_not_lo, NULL) ? -EEXIST : 0;
}

int network_open_netns(struct network_work *w)
{
	_net_ struct net *inside = NULL;
	char label[NET_ALIAS_SIZE];
	_fd_ int fd = -1;
	int err;

	err = netns_open(w->netns, &fd);
	if (!err)
		err = net_open(fd, &inside);
	if (err)
		return err;
	netns_label(w, label);
	err = check_netns(inside, label);
	if (err < 0)
		return err;
	w->inside = take_ptr(inside);
	w->netns_fd = take_fd(&fd);
	return 0;
}

bool network_netns_labelled(const struct network_work *w)
{
	char label[NET_ALIAS_SIZE];

	netns_label(w, label);
	return check_netns(w->inside, label) == 1;
}

static int settle_netns(struct network_work *w)
{
	char label[NET_ALIAS_SIZE];
	struct net_link_want want = { .alias = label, .flags = NET_LINK_UP };
	struct net_link lo;
	int quiet, err;

	netns_label(w, label);
	quiet = netns_quiet(w->netns_fd);
	if (quiet < 0)
		return network_failed(w, NULL, quiet, "cannot set up its namespace");
	err = net_link_find(w->inside, "lo", &lo);
	if (!err)
		err = net_link_apply(w->inside, lo.ifindex, &want);
	if (err < 0)
		return network_failed(w, w->inside, err, "cannot set up 'lo' in its namespace");
	return quiet || err ? STEP_CHANGED : STEP_UNCHANGED;
}

static int netns_step_make(struct network_work *w)
{
	int made = netns_make(w->netns), err;

	if (made < 0)
		return log_ret(made, "network '%s': cannot make namespace '%s/%s'", w->name,
			       PATHS_NETNS_DIR, w->netns);
	err = w->inside ? 0 : network_open_netns(w);
	if (err == -EEXIST)
		log_error("network '%s': namespace '%s/%s' is there and not ours; choose another name, or remove it",
			  w->name, PATHS_NETNS_DIR, w->netns);
	else if (err)
		network_failed(w, NULL, err, "cannot enter its namespace");
	if (!err)
		err = settle_netns(w);
	if (err < 0 && made)
		netns_remove(w->netns);
	return err < 0 || !made ? err : STEP_MADE;
}

static int netns_step_undo(struct network_work *w)
{
	int err;

	if (w->netns_fd < 0)
		return 0;
	net_close(take_ptr(w->inside));
	close(take_fd(&w->netns_fd));
	err = netns_remove(w->netns);
	return err ? network_failed(w, NULL, err, "cannot remove its namespace") : 0;
}

/* --- the bridge */

static int bridge_make(struct network_work *w)
{
	char alias[NET_ALIAS_SIZE];
	struct net_link_want want = {
		.alias = alias, .mac = w->entry.gateway_mac, .mtu = w->entry.mtu,
		.flags = NET_LINK_UP | NET_LINK_IPV6_QUIET,
	};
	int made = STEP_UNCHANGED, err;
	struct net_link br;

	network_alias(w->name, "bridge", alias);
	err = net_link_find(w->inside, "br0", &br);
	if (err == -ENODEV) {
		made = STEP_MADE;
		err = net_bridge_add(w->inside, "br0", w->entry.gateway_mac, w->entry.mtu);
		if (!err)
			err = net_link_find(w->inside, "br0", &br);
	}
	if (!err)
		err = net_link_apply(w->inside, br.ifindex, &want);
	if (err < 0)
		return network_failed(w, w->inside, err, "cannot make the bridge");
	return made ? made : err;
}

static int bridge_undo(struct network_work *w)
{
	struct net_link br;
	int err;

	if (!w->inside)
		return 0;
	err = net_link_find(w->inside, "br0", &br);
	if (!err)
		err = net_link_del(w->inside, br.ifindex);
	return err && err != -ENODEV ? network_failed(w, w->inside, err, "cannot remove the bridge") : 0;
}

/* --- the veth with its two programs, and the host's address on it */

/* Return: 1 when the pair is there and whole, 0 when not, -EEXIST when another's link is in the way. */
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
	if (err) {
		/* The pair dies as one, so an inner end alone has its other end on another host. */
		if (!net_link_get(w->inside, w->entry.ns_ifindex, &inner)) {
			log_error("network '%s' was made from another network namespace than this one",
				  w->name);
			return -EEXIST;
		}
		return 0;
	}
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

static int veth_make(struct network_work *w)
{
	struct net_link host;
	int found = find_veth(w, &host), inner, outer, err;

	if (found < 0)
		return found == -EEXIST ? found :
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
static int veth_undo(struct network_work *w)
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

/* --- the uplinks */

static int uplinks_make(struct network_work *w)
{
	int attached = uplink_attach(w->tables, &w->uplinks), left;

	if (attached < 0)
		return attached;
	left = uplink_release(w->tables, NULL);
	return left < 0 ? left : attached | left ? STEP_CHANGED : STEP_UNCHANGED;
}

static int uplinks_undo(struct network_work *w)
{
	int err = w->tables ? uplink_release(w->tables, w->name) : 0;

	return err < 0 ? err : 0;
}

const struct network_step network_steps[] = {
	{ "entry",	entry_make,		entry_undo },
	{ "files",	files_make,		files_undo },
	{ "namespace",	netns_step_make,	netns_step_undo },
	{ "bridge",	bridge_make,		bridge_undo },
	{ "veth",	veth_make,		veth_undo },
	{ "uplinks",	uplinks_make,		uplinks_undo },
	{ "ports",	ports_make,		ports_undo },
	{ "dhcp",	dhcp_make,		dhcp_undo },
};
const int network_n_steps = ARRAY_SIZE(network_steps);
