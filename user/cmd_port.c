// SPDX-License-Identifier: GPL-2.0-only
/* culvert port add, rm, ls. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "cli.h"
#include "cmd.h"
#include "cmd_network.h"
#include "log.h"
#include "mem.h"
#include "net.h"
#include "netns.h"
#include "network.h"
#include "report.h"
#include "tables.h"

int cmd_port_add(int argc, char **argv)
{
	struct network_port_spec spec = { .queues = 1, .persistent = true };
	const char *trust = NULL;
	const struct cli_option options[] = {
		{ 0, "mac", CLI_STRING, &spec.mac, "MAC", "of the guest (made from the names)" },
		{ 0, "ip", CLI_STRING, &spec.ip, "IP", "the guest's address, also as .10 (by DHCP)" },
		{ 0, "external", CLI_STRING, &spec.external, "IP", "an address outside for this guest alone" },
		{ 0, "user", CLI_STRING, &spec.user, "USER", "who may open the TAP (root)" },
		{ 0, "queues", CLI_UINT, &spec.queues, "N", "of the TAP (1)" },
		{ 0, "veth", CLI_STRING, &spec.netns, "NETNS", "a veth into this namespace, not a TAP" },
		{ 0, "trust", CLI_STRING, &trust, "WHAT", "relay: may ask DHCP for others (nothing)" },
		{ 0, "ifname", CLI_STRING, &spec.ifname, "NAME", "of the veth's end there (eth0)" },
		{ 0 }
	};
	int exit_code;

	if (cli_parse(argc, argv, "port add NET NAME [OPTION]...",
		      "Give a guest a port: a TAP that stays, or a veth into a namespace.",
		      options, 2, 2, NULL, &exit_code) < 0)
		return exit_code;
	if (spec.ifname && !spec.netns) {
		log_error("--ifname is for --veth");
		return CLI_USAGE;
	}
	if (spec.netns && (spec.user || spec.queues != 1)) {
		log_error("--user and --queues are for a TAP, not for --veth");
		return CLI_USAGE;
	}
	if (trust && strcmp(trust, "relay")) {
		log_error("--trust: '%s' is none of: relay", trust);
		return CLI_USAGE;
	}
	spec.relay = trust;
	spec.name = argv[1];
	return network_port_add(argv[0], &spec, NULL) ? CLI_FAILED : CLI_OK;
}

int cmd_port_rm(int argc, char **argv)
{
	bool force = false;
	const struct cli_option options[] = {
		{ 0, "force", CLI_FLAG, &force, NULL, "also while a guest holds its TAP" },
		{ 0 }
	};
	int exit_code;

	if (cli_parse(argc, argv, "port rm NET NAME [--force]",
		      "Remove a port, its flows and its lease.", options, 2, 2, NULL,
		      &exit_code) < 0)
		return exit_code;
	return network_port_rm(argv[0], argv[1], force) ? CLI_FAILED : CLI_OK;
}

struct list {
	struct report *r;
	struct tables *t;
	struct net *inside;	/* NULL when the namespace is not there */
};

static const char *link_state(const struct list *list, const struct cv_port *p,
			      struct net_link *l)
{
	if (!list->inside || net_link_get(list->inside, p->ifindex, l))
		return "gone";
	return l->up ? "up" : "down";
}

static int put_port(__u32 slot, const struct cv_port *p, void *arg)
{
	char mac[ADDR_MAC_SIZE], ip[ADDR_IP_SIZE], link[NET_NAME_SIZE];
	struct list *list = arg;
	struct net_link l;
	__u32 flows, ports;
	int err = tables_flow_count(list->t, p->net, slot, &flows);

	if (!err)
		err = tables_port_count(list->t, p->net, slot, &ports);
	if (err)
		return err;
	network_port_link(p->name, link);
	report_row(list->r);
	report_text(list->r, "port", p->name);
	report_text(list->r, "kind", p->kind == CV_PORT_TAP ? "tap" : "veth");
	report_text(list->r, "mac", addr_format_mac(p->mac, mac));
	report_text(list->r, "address", p->ip ? addr_format_ip(p->ip, ip) : NULL);
	report_bool(list->r, "static", p->flags & CV_PORT_STATIC);
	report_text(list->r, "link", link);
	report_text(list->r, "state", link_state(list, p, &l));
	report_number(list->r, "queues", p->queues);
	report_number(list->r, "flows", flows);
	report_text(list->r, "external", p->external ? addr_format_ip(p->external, ip) : NULL);
	report_number(list->r, "external_ports", ports);
	cmd_put_limit(list->r, "max_external_ports", p->max_ports);
	return 0;
}

int cmd_ports(struct report *r, struct tables *t, const struct cmd_network *n)
{
	_net_ struct net *inside = NULL;
	struct list list = { r, t, NULL };
	_fd_ int fd = -1;
	char netns[40];

	network_netns_name(n->entry.name, netns);
	if (!netns_open(netns, &fd) && !net_open(fd, &inside))
		list.inside = inside;
	return tables_each_port(t, n->id, put_port, &list);
}

int cmd_port_ls(int argc, char **argv)
{
	_tables_ struct tables *t = NULL;
	struct cmd_network n;
	struct report *r;
	int exit_code;
	bool json;

	if (cli_parse(argc, argv, "port ls NET [OPTION]...",
		      "List a network's ports.  One whose state is 'gone' was left by a program that was killed; the next 'port add', 'run' or 'up' removes it.",
		      NULL, 1, 1, &json, &exit_code) < 0)
		return exit_code;
	if (cmd_open_network(argv[0], &t, &n.id, &n.entry))
		return CLI_FAILED;
	r = report_new("ports", json);
	if (!r) {
		log_ret(-ENOMEM, "cannot list ports");
		return CLI_FAILED;
	}
	return cmd_finish(r, cmd_ports(r, t, &n), "ports");
}
