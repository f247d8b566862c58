// SPDX-License-Identifier: GPL-2.0-only
/*
 * culvert show: one network whole.  People read a list of properties, programs
 * one object with the same names.
 */
#include <errno.h>
#include <stdio.h>

#include "addr.h"
#include "cli.h"
#include "cmd.h"
#include "cmd_network.h"
#include "config.h"
#include "daemon.h"
#include "datapath.h"
#include "log.h"
#include "mem.h"
#include "netns.h"
#include "network.h"
#include "report.h"
#include "tables.h"
#include "uplink.h"

/* --- which programs are where they belong */

struct hooks {
	const char *net;
	unsigned int wanted, found;
};

static void count_hook(struct hooks *h, enum datapath_hook hook, int ifindex, const char *pin)
{
	h->wanted++;
	if (datapath_attached(hook, ifindex, pin) == 1)
		h->found++;
}

static int count_port_hook(__u32 slot, const struct cv_port *p, void *arg)
{
	char pin[2 * CV_NAME_SIZE];
	struct hooks *h = arg;

	snprintf(pin, sizeof(pin), "%s:%s", h->net, p->name);
	count_hook(h, DATAPATH_FROM_GUEST, p->ifindex, pin);
	return 0;
}

static int count_inside(struct hooks *h, struct tables *t, const struct cmd_network *n)
{
	_netns_ int back = -1;
	_fd_ int fd = -1;
	char netns[40], pin[2 * CV_NAME_SIZE];
	int err;

	network_netns_name(h->net, netns);
	err = netns_open(netns, &fd);
	if (!err)
		err = netns_switch(fd, &back);
	if (err) {		/* none of them can be in place */
		h->wanted += 1 + n->n_ports;
		return err == -ENOENT ? 0 : err;
	}
	snprintf(pin, sizeof(pin), "%s:ns", h->net);
	count_hook(h, DATAPATH_TO_GUEST, n->entry.ns_ifindex, pin);
	return tables_each_port(t, n->id, count_port_hook, h);
}

static int count_hooks(struct hooks *h, struct tables *t, const struct cmd_network *n)
{
	char pin[2 * CV_NAME_SIZE];
	struct cv_uplink u;
	__u32 ifindex = 0;
	int err;

	snprintf(pin, sizeof(pin), "%s:host", h->net);
	count_hook(h, DATAPATH_TO_UPLINK, n->entry.host_ifindex, pin);
	while (n->entry.mode != CV_MODE_ISOLATED &&
	       !tables_uplink_next(t, ifindex, &ifindex, &u)) {
		snprintf(pin, sizeof(pin), "uplink:%s", u.name);
		count_hook(h, DATAPATH_FROM_UPLINK, ifindex, pin);
	}
	err = count_inside(h, t, n);
	return err;
}

/* --- properties */

static void put_text(struct report *r, const char *key, const char *value)
{
	if (report_json(r)) {
		report_text(r, key, value);
		return;
	}
	report_row(r);
	report_text(r, "property", key);
	report_text(r, "value", value);
}

static void put_number(struct report *r, const char *key, __u64 value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", value);
	if (report_json(r))
		report_number(r, key, value);
	else
		put_text(r, key, text);
}

static void put_bool(struct report *r, const char *key, bool value)
{
	if (report_json(r))
		report_bool(r, key, value);
	else
		put_text(r, key, value ? "yes" : "no");
}

static void put_limit(struct report *r, const char *key, __u32 limit)
{
	if (limit == NETWORK_NO_LIMIT)
		put_text(r, key, NULL);
	else
		put_number(r, key, limit);
}

/* As `ports` of the configuration has it, without what the host keeps. */
static void put_ranges(struct report *r, const struct cv_network *n)
{
	char text[CV_MAX_PORT_RANGES * sizeof("65535-65535,")] = "";
	size_t len = 0;

	for (int i = 0; i < CV_MAX_PORT_RANGES && n->ports[i].last; i++)
		len += snprintf(text + len, sizeof(text) - len, "%s%u-%u", i ? "," : "",
				n->ports[i].first, n->ports[i].last);
	put_text(r, "masquerade_ports", n->mode == CV_MODE_NAT ? text : NULL);
}

/* "eth0 native, eth1 off" */
static void put_xdp(struct report *r, struct tables *t, const struct cv_network *n)
{
	static const char *const modes[] = {
		[DATAPATH_XDP_OFF] = "off", [DATAPATH_XDP_NATIVE] = "native",
		[DATAPATH_XDP_GENERIC] = "generic",
	};
	char text[CONFIG_MAX_UPLINKS * 32] = "";
	struct uplink_xdp_state x;
	struct cv_uplink u;
	__u32 ifindex = 0;
	size_t len = 0;

	while (n->flags & CV_NET_XDP && len < sizeof(text) &&
	       !tables_uplink_next(t, ifindex, &ifindex, &u))
		if (uplink_used_by(n, u.name, NULL) && !uplink_xdp_look(t, ifindex, u.name, &x))
			len += snprintf(text + len, sizeof(text) - len, "%s%.15s %s",
					len ? ", " : "", u.name, modes[x.mode]);
	put_text(r, "xdp", text[0] ? text : "off");
}

static void put_untranslated(struct report *r, const struct cv_network *n)
{
	char text[CV_MAX_UNTRANSLATED * (ADDR_PREFIX_SIZE + 1)] = "", prefix[ADDR_PREFIX_SIZE];
	size_t len = 0;

	for (int i = 0; i < CV_MAX_UNTRANSLATED && n->untranslated[i].mask; i++)
		len += snprintf(text + len, sizeof(text) - len, "%s%s", i ? ", " : "",
				addr_format_prefix(n->untranslated[i].addr,
						   n->untranslated[i].mask, prefix));
	put_text(r, "no_nat", len ? text : NULL);
}

static const char *const timeout_keys[CV_N_TIMEOUTS] = {
	[CV_TIMEOUT_UDP] = "udp_timeout_s",
	[CV_TIMEOUT_TCP_ESTABLISHED] = "tcp_timeout_s",
	[CV_TIMEOUT_TCP_TRANSITORY] = "tcp_transitory_timeout_s",
	[CV_TIMEOUT_ICMP] = "icmp_timeout_s",
};

/* The seconds that CV_TICKS() made ticks of: it rounds down, by less than one. */
static __u64 whole_seconds(__u32 ticks)
{
	return (((__u64)ticks << CV_TICK_SHIFT) + 999999999) / 1000000000;
}

static void put_network(struct report *r, struct tables *t, const struct cmd_network *n,
			const struct hooks *h, const struct network_guest_limits *guest)
{
	char prefix[ADDR_PREFIX_SIZE], ip[ADDR_IP_SIZE], mac[ADDR_MAC_SIZE];
	char netns[40], link[16];

	network_netns_name(n->entry.name, netns);
	network_host_link(n->entry.name, link);
	if (report_json(r))
		report_row(r);
	put_text(r, "network", n->entry.name);
	put_text(r, "mode", config_mode_word(n->entry.mode));
	put_text(r, "subnet", addr_format_prefix(n->entry.subnet, n->entry.netmask, prefix));
	put_text(r, "gateway", addr_format_ip(n->entry.gateway, ip));
	put_text(r, "gateway_mac", addr_format_mac(n->entry.gateway_mac, mac));
	put_text(r, "uplinks", n->uplinks[0] ? n->uplinks : NULL);
	put_xdp(r, t, &n->entry);
	put_number(r, "mtu", n->entry.mtu);
	put_bool(r, "isolate", n->entry.flags & CV_NET_ISOLATE);
	put_text(r, "filter", config_filter_word(n->entry.filter));
	put_ranges(r, &n->entry);
	put_untranslated(r, &n->entry);
	put_bool(r, "dhcp", n->entry.flags & CV_NET_DHCP);
	put_number(r, "lease_s", n->entry.lease_s);
	put_text(r, "namespace", netns);
	put_text(r, "host_link", link);
	put_number(r, "ports", n->n_ports);
	put_number(r, "leases", n->n_leases);
	put_number(r, "flows", n->flows);
	put_number(r, "max_flows", n->entry.max_flows);
	put_number(r, "max_guest_flows", guest->flows);
	put_number(r, "external_ports", n->external_ports);
	put_limit(r, "max_external_ports", n->entry.max_ports);
	put_limit(r, "max_guest_external_ports", guest->ports);
	for (int i = 0; i < CV_N_TIMEOUTS; i++)
		put_number(r, timeout_keys[i], whole_seconds(n->entry.timeout_ticks[i]));
	put_number(r, "hooks", h->wanted);
	put_number(r, "hooks_in_place", h->found);
	put_bool(r, "daemon", daemon_running());
}

static int show(const char *name, bool json)
{
	_tables_ struct tables *t = NULL;
	struct hooks h = { .net = name };
	struct network_guest_limits limits;
	struct cmd_network n;
	struct report *r;
	int err;

	if (cmd_open_network(name, &t, &n.id, &n.entry) || cmd_network_fill(t, &n))
		return CLI_FAILED;
	err = count_hooks(&h, t, &n);
	r = report_new("network", json);
	if (!r || err) {
		log_ret(err ? err : -ENOMEM, "cannot show network '%s'", name);
		if (r)
			report_end(r);
		return CLI_FAILED;
	}
	limits = network_guest_limits(t, name);
	put_network(r, t, &n, &h, &limits);
	report_section(r, "guests");
	return cmd_finish(r, cmd_ports(r, t, &n), "ports");
}

int cmd_show(int argc, char **argv)
{
	int exit_code;
	bool json;

	if (cli_parse(argc, argv, "show NET [OPTION]...", "Show everything about a network.", NULL,
		      1, 1, &json, &exit_code) < 0)
		return exit_code;
	return show(argv[0], json);
}
