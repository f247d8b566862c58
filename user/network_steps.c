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

/* Else flows would go on with guests' own addresses, or without. */
static bool same_translation(const struct cv_network *a, const struct cv_network *b)
{
	return a->mode == b->mode &&
	       !memcmp(a->untranslated, b->untranslated, sizeof(a->untranslated));
}

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
	if (!err && !same_translation(&now, &w->entry) && datapath_flush(w->id, 0) < 0)
		return network_failed(w, NULL, -EIO, "cannot forget its flows");
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

static int is_not_lo(const struct net_link *l, void *arg)
{
	return strcmp(l->name, "lo") != 0;
}

/* Return: 1 when labelled by us, 0 when it is empty and without a label, -EXDEV, -EEXIST. */
static int check_netns(struct net *inside, const char *net)
{
	char owner[CV_NAME_SIZE];
	struct net_link lo;
	int err = net_link_find(inside, "lo", &lo);

	if (err)
		return err;
	switch (network_netns_owner(lo.alias, owner)) {
	case NETWORK_OWNER_US:
		return strcmp(owner, net) ? -EEXIST : 1;
	case NETWORK_OWNER_HOST:
		return -EXDEV;
	case NETWORK_OWNER_NOBODY:
		return net_link_each(inside, is_not_lo, NULL) ? -EEXIST : 0;
	default:
		return -EEXIST;
	}
}

int network_open_netns(struct network_work *w)
{
	_net_ struct net *inside = NULL;
	_fd_ int fd = -1;
	int err;

	err = netns_open(w->netns, &fd);
	if (!err)
		err = net_open(fd, &inside);
	if (err)
		return err;
	err = check_netns(inside, w->name);
	if (err < 0)
		return err;
	w->inside = take_ptr(inside);
	w->netns_fd = take_fd(&fd);
	return 0;
}

bool network_netns_labelled(const struct network_work *w)
{
	return check_netns(w->inside, w->name) == 1;
}

static int settle_netns(struct network_work *w)
{
	char label[NET_ALIAS_SIZE];
	struct net_link_want want = { .alias = label, .flags = NET_LINK_UP };
	struct net_link lo;
	int quiet, err;

	network_netns_label(w->name, label);
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

static void close_netns(struct network_work *w)
{
	net_close(take_ptr(w->inside));
	mem_close(&w->netns_fd);
	w->netns_fd = -1;
}

/*
 * One without a label was perhaps just being made by another host; whoever has
 * the lock knows better.
 */
static int look_again(struct network_work *w)
{
	if (w->inside && network_netns_labelled(w))
		return 0;
	close_netns(w);
	return network_open_netns(w);
}

/* *ret_made is set when there is a new namespace, also when it could not be opened. */
static int make_and_open(struct network_work *w, int *ret_made)
{
	int made = netns_make(w->netns);

	if (made < 0)
		return log_ret(made, "network '%s': cannot make namespace '%s/%s'", w->name,
			       PATHS_NETNS_DIR, w->netns);
	*ret_made = made;
	return look_again(w);
}

static int netns_step_make(struct network_work *w)
{
	_fd_ int lock = -1;
	int made = 0, err;

	/* Until the label is on, so that no other host takes it for an interrupted run's. */
	err = netns_lock(&lock);
	if (err)
		return network_failed(w, NULL, err, "cannot lock '" PATHS_NETNS_DIR "'");
	err = make_and_open(w, &made);
	if (err == -EXDEV) {
		network_netns_own_name(w->name, w->netns);
		err = make_and_open(w, &made);
	}
	if (err == -EEXIST || err == -EXDEV)
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
	_fd_ int lock = -1;
	int err;

	err = netns_lock(&lock);
	if (w->netns_fd < 0) {
		if (!err)
			err = netns_remove_husk(w->netns);
	} else {
		if (!err && look_again(w))
			return 0;
		close_netns(w);
		if (!err)
			err = netns_remove(w->netns);
	}
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

/* --- the uplinks */

static int uplinks_make(struct network_work *w)
{
	int attached = uplink_attach(w->tables, &w->uplinks), left, lans, xdp;

	if (attached < 0)
		return attached;
	left = uplink_release(w->tables, NULL);
	if (left < 0)
		return left;
	lans = uplink_lans(w->host, w->tables);
	if (lans < 0)
		return lans;
	xdp = uplink_xdp(w->host, w->tables, NULL, LOG_LEVEL_WARN);
	return xdp < 0 ? xdp : attached | left | lans | xdp ? STEP_CHANGED : STEP_UNCHANGED;
}

static int uplinks_undo(struct network_work *w)
{
	int err = w->tables ? uplink_release(w->tables, w->name) : 0;

	if (err > 0)
		err = uplink_lans(w->host, w->tables);
	if (err >= 0 && w->tables)
		err = uplink_xdp(w->host, w->tables, w->name, LOG_LEVEL_DEBUG);
	return err < 0 ? err : 0;
}

const struct network_step network_steps[] = {
	{ "entry",	entry_make,		entry_undo },
	{ "externals",	externals_make,		externals_undo },
	{ "files",	files_make,		files_undo },
	{ "policy",	policy_make,		policy_undo },
	{ "namespace",	netns_step_make,	netns_step_undo },
	{ "bridge",	bridge_make,		bridge_undo },
	{ "veth",	veth_make,		veth_undo },
	{ "uplinks",	uplinks_make,		uplinks_undo },
	{ "ports",	ports_make,		ports_undo },
	{ "limits",	limits_make,		limits_undo },
	{ "dhcp",	dhcp_make,		dhcp_undo },
	{ "forwards",	forwards_make,		forwards_undo },
	{ "names",	names_make,		names_undo },
	{ "resolver",	resolver_make,		resolver_undo },
};
const int network_n_steps = ARRAY_SIZE(network_steps);
