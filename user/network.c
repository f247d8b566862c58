// SPDX-License-Identifier: GPL-2.0-only
/*
 * A network made and taken away.  What it consists of stands in
 * network_steps.c; here is when each step is done and undone.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "config_host.h"
#include "datapath.h"
#include "holders.h"
#include "log.h"
#include "mem.h"
#include "netns.h"
#include "network_impl.h"
#include "paths.h"
#include "subnet.h"

/* --- up: what it shall be */

static int read_reserved(__u16 *ret_min, __u16 *ret_max)
{
	_fclose_ FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	unsigned int min, max;

	if (!f || fscanf(f, "%u %u", &min, &max) != 2)
		return -EIO;
	*ret_min = min;
	*ret_max = max;
	return 0;
}

/* What is left of the configured ranges without the host's own. */
static unsigned int ranges_without(const struct config *cfg, struct cv_range own,
				   struct cv_range ret[CV_MAX_PORT_RANGES])
{
	unsigned int n = 0, total = 0;

	memset(ret, 0, CV_MAX_PORT_RANGES * sizeof(*ret));
	for (unsigned int i = 0; i < cfg->n_ports; i++) {
		struct cv_range r = cfg->ports[i], below = r, above = r;

		if (own.last && own.first <= r.last && own.last >= r.first) {
			below.last = own.first - 1;
			above.first = own.last + 1;
		} else {
			above.first = r.last + 1;
		}
		for (int k = 0; k < 2; k++) {
			struct cv_range part = k ? above : below;

			if (part.first > part.last || (k && part.first <= r.first) ||
			    n == CV_MAX_PORT_RANGES)
				continue;
			total += part.last - part.first + 1;
			ret[n++] = part;
		}
	}
	return total;
}

/*
 * A host that gives all ports to its own sockets leaves none to guests.  Then
 * they share: a port with a socket on it is found out when a flow is made.
 */
#define LEAST_PORTS 1024
static int set_ports(struct network_work *w)
{
	struct cv_range own, none = { 0 };
	int err = read_reserved(&own.first, &own.last);
	unsigned int least;

	if (err)
		return log_ret(err, "cannot read the host's port range");
	/* Who configures a few has them. */
	least = ranges_without(&w->cfg, none, w->entry.ports) < LEAST_PORTS ? 1 : LEAST_PORTS;
	if (ranges_without(&w->cfg, own, w->entry.ports) >= least)
		return 0;
	log_warn("the host's own sockets may use ports %u to %u (net.ipv4.ip_local_port_range), so guests share them",
		 own.first, own.last);
	ranges_without(&w->cfg, none, w->entry.ports);
	return 0;
}

static int set_entry(struct network_work *w)
{
	struct cv_network n = {
		.mode = w->cfg.mode,
		.flags = (w->cfg.isolate ? CV_NET_ISOLATE : 0) | (w->cfg.dhcp ? CV_NET_DHCP : 0) |
			 policy_flags(w) |
			 (w->cfg.dns_serve ? CV_NET_DNS : 0) |
			 (w->cfg.xdp != CONFIG_XDP_OFF ? CV_NET_XDP : 0) |
			 (w->cfg.xdp == CONFIG_XDP_ON ? CV_NET_XDP_ON : 0) |
			 (w->cfg.rapid_commit ? CV_NET_RAPID_COMMIT : 0),
		.subnet = w->cfg.subnet, .netmask = w->cfg.netmask,
		.gateway = config_gateway(w->cfg.subnet),
		.host_ifindex = CV_IFINDEX_HOST + w->id, .ns_ifindex = CV_IFINDEX_NS + w->id,
		.mtu = uplink_mtu(&w->uplinks), .filter = w->cfg.filter, .lease_s = w->cfg.lease_s,
		.uplink = w->uplinks.n ? w->uplinks.links[0].ifindex : 0,
	};

	memcpy(n.untranslated, w->cfg.untranslated, sizeof(n.untranslated));
	network_set_limits(w, &n);
	network_mac(w->name, "gateway", n.gateway_mac);
	strcpy(n.name, w->name);
	w->entry = n;
	return set_ports(w);
}

/* The subnet of a network that is up stays: guests have addresses in it. */
static int keep_subnet(struct network_work *w)
{
	char ours[ADDR_PREFIX_SIZE];

	if (!w->cfg.subnet_auto &&
	    (w->cfg.subnet != w->entry.subnet || w->cfg.netmask != w->entry.netmask)) {
		log_error("network '%s' is up with subnet %s; take it down to change that", w->name,
			  addr_format_prefix(w->entry.subnet, w->entry.netmask, ours));
		return -EBUSY;
	}
	w->cfg.subnet = w->entry.subnet;
	w->cfg.netmask = w->entry.netmask;
	if ((w->cfg.mode == CV_MODE_ROUTE && w->entry.mode != CV_MODE_ROUTE) ||
	    (w->cfg.n_untranslated && !tables_shows_guests(&w->entry)))
		return subnet_check(w->host, w->tables, w->name, &w->cfg, &w->uplinks);
	return 0;
}

static int choose_subnet(struct network_work *w)
{
	int err;

	if (w->id)
		return keep_subnet(w);
	if (!w->cfg.subnet_auto)
		return subnet_check(w->host, w->tables, w->name, &w->cfg, &w->uplinks);
	err = subnet_choose(w->host, w->tables, &w->cfg.subnet, &w->cfg.netmask);
	return err ? log_ret(err, "network '%s': no private subnet is free", w->name) : 0;
}

/* With an automatic subnet nobody could check this before. */
static int check_guests(const struct network_work *w)
{
	char ip[ADDR_IP_SIZE], prefix[ADDR_PREFIX_SIZE];

	for (size_t i = 0; i < w->cfg.n_guests; i++) {
		__be32 addr = config_guest_ip(&w->cfg, &w->cfg.guests[i], w->cfg.subnet);
		__be32 host = addr & ~w->cfg.netmask;

		if (!addr || ((addr & w->cfg.netmask) == w->cfg.subnet && host &&
			      host != ~w->cfg.netmask && addr != config_gateway(w->cfg.subnet)))
			continue;
		log_error("network '%s': %s of guest '%s' is no guest's address in %s", w->name,
			  addr_format_ip(addr, ip), w->cfg.guests[i].name,
			  addr_format_prefix(w->cfg.subnet, w->cfg.netmask, prefix));
		return -EINVAL;
	}
	return 0;
}

static int prepare(struct network_work *w, const struct config *cfg)
{
	int err;

	w->cfg = *cfg;
	err = uplink_choose(w->host, w->tables, &w->cfg, &w->uplinks);
	if (!err)
		err = choose_subnet(w);
	if (!err)
		err = check_guests(w);
	if (!err)
		err = externals_check(w);
	if (!err && !w->id) {
		err = tables_network_free_id(w->tables, &w->id);
		if (err)
			log_ret(err, "network '%s': no more networks fit", w->name);
	}
	return err ? err : set_entry(w);
}

/* --- up: making it so */

static void undo_steps(struct network_work *w, int last, const bool made[], bool fresh)
{
	for (int i = last; i >= 0; i--)
		if (fresh || made[i])
			network_steps[i].undo(w);
}

static int do_steps(struct network_work *w, enum network_change *ret)
{
	bool made[16] = { false }, changed = false;
	int err;

	for (int i = 0; i < network_n_steps; i++) {
		err = network_steps[i].make(w);
		log_debug("network '%s': %s: %s", w->name, network_steps[i].name,
			  err < 0 ? "failed" : err == STEP_MADE ? "made" :
			  err ? "changed" : "as it was");
		if (err < 0) {
			undo_steps(w, i, made, made[0]);
			return err;
		}
		made[i] = err == STEP_MADE;
		changed |= err != STEP_UNCHANGED;
	}
	*ret = changed ? NETWORK_CHANGED : NETWORK_UNCHANGED;
	return 0;
}

static int load_host_config(struct config_host *ret)
{
	_free_ char *error = NULL;
	char path[PATH_MAX];
	int err = paths_join(path, sizeof(path), paths_conf(), CONFIG_HOST_FILE);

	if (!err)
		err = config_host_load(path, ret, &error);
	if (err)
		log_error("%s", error ? error : strerror(-err));
	return err;
}

/* The table is made once, for all networks. */
static void warn_table(const struct network_work *w, const struct config_host *host)
{
	__u32 now = tables_meta(w->tables)->max_flows;

	if (host->max_flows && host->max_flows != now)
		log_warn("the flow table has room for %u flows, not the %u of '%s/%s', until all networks have been down",
			 now, host->max_flows, paths_conf(), CONFIG_HOST_FILE);
}

static int load_datapath(struct network_work *w)
{
	struct config_host host;
	int err = load_host_config(&host);

	if (err)
		return err;
	err = datapath_load(host.max_flows);
	if (err)
		log_error("cannot load the programs into '%s': %s", paths_bpf(),
			  datapath_strerror(err));
	if (!err)
		err = network_work_find(w);
	if (!err)
		warn_table(w, &host);
	return err;
}

int network_up(const char *name, const struct config *cfg, enum network_change *ret)
{
	_work_ struct network_work w = NETWORK_WORK_INIT;
	int err;

	err = network_work_lock(&w, name);
	if (err)
		return err;
	err = load_datapath(&w);
	if (!err)
		err = network_check_host(&w);
	if (!err)
		err = prepare(&w, cfg);
	if (!err)
		err = do_steps(&w, ret);
	if (err)
		network_work_release(&w);
	return err;
}

/* --- down */

struct holders {
	const struct network_work *w;
	enum log_level level;
	int n;
};

static int name_holder(const struct holder *h, void *arg)
{
	struct holders *found = arg;

	found->n++;
	if (h->tap[0])
		log_print(found->level, "network '%s': %s (pid %d) holds TAP '%s'", found->w->name,
			  h->command, h->pid, h->tap);
	else
		log_print(found->level, "network '%s': %s (pid %d) runs in its namespace",
			  found->w->name, h->command, h->pid);
	return 0;
}

static int check_holders(struct network_work *w, bool force)
{
	struct holders found = { w, force ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR, 0 };
	int err;

	if (w->netns_fd < 0)
		return 0;
	err = holders_each(w->netns_fd, name_holder, &found);
	if (err)
		return network_failed(w, NULL, err, "cannot see who uses it");
	if (!found.n || force)
		return 0;
	log_error("network '%s' is in use; stop those, or add --force", w->name);
	return -EBUSY;
}

static bool host_link_is_ours(const struct network_work *w)
{
	char alias[NET_ALIAS_SIZE];
	struct net_link l;

	network_alias(w->name, "host", alias);
	return !net_link_find(w->host, w->host_link, &l) && !strcmp(l.alias, alias);
}

static int pin_is_left(const char *pin, void *arg)
{
	const struct network_work *w = arg;
	size_t len = strlen(w->name);

	return !strncmp(pin, w->name, len) && pin[len] == ':';
}

/* Read back what should be gone. */
static int verify_gone(const struct network_work *w)
{
	_work_ struct network_work again = NETWORK_WORK_INIT;
	const char *left = NULL;

	strcpy(again.name, w->name);
	strcpy(again.netns, w->netns);
	if (host_link_is_ours(w))
		left = "its link on the host";
	else if (!network_open_netns(&again) && network_netns_labelled(&again))
		left = "its namespace";
	else if (datapath_each_link(pin_is_left, (void *)w) == 1)
		left = "a pinned program";
	return left ? log_ret(-EIO, "network '%s': %s is still there", w->name, left) : 0;
}

int network_down(const char *name, bool force)
{
	_work_ struct network_work w = NETWORK_WORK_INIT;
	int err;

	err = network_work_begin(&w, name);
	if (err)
		return err;
	if (!w.id && !(w.inside && network_netns_labelled(&w)) && !host_link_is_ours(&w)) {
		network_work_release(&w);
		return log_refuse(-ENOENT, "there is no network '%s'", name);
	}
	err = network_check_host(&w);
	if (!err)
		err = check_holders(&w, force);
	for (int i = network_n_steps - 1; i >= 0 && !err; i--)
		err = network_steps[i].undo(&w);
	if (!err)
		err = verify_gone(&w);
	return err ? err : network_work_release(&w);
}

int network_clean(void)
{
	_work_ struct network_work w = NETWORK_WORK_INIT;
	int err = network_work_begin(&w, NULL);

	return err ? err : network_work_release(&w);
}
