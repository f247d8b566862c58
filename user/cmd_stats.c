// SPDX-License-Identifier: GPL-2.0-only
/*
 * culvert stats: who sends how much, and what is dropped and why.  Packets and
 * bytes are the kernel's own counters of each port's link; drops are counted
 * by the programs.  People are shown what is not zero, programs everything.
 */
#include <errno.h>
#include <string.h>

#include "addr.h"
#include "cli.h"
#include "cmd.h"
#include "log.h"
#include "mem.h"
#include "net.h"
#include "netns.h"
#include "network.h"
#include "report.h"
#include "tables.h"

struct stats {
	struct report *r;
	struct tables *t;
	struct net *inside;	/* NULL when the namespace is not there */
	struct cmd_names names;
	__u16 net;
	bool seen[CV_N_DROPS];
};

static void put_counter(struct report *r, const char *key, bool known, __u64 value)
{
	if (known)
		report_number(r, key, value);
	else
		report_text(r, key, NULL);
}

static int put_guest(__u32 slot, const struct cv_port *p, void *arg)
{
	const struct stats *s = arg;
	struct net_counters c = {};
	char ip[ADDR_IP_SIZE];
	__u32 flows, ports;
	bool known;
	int err;

	err = tables_flow_count(s->t, p->net, slot, &flows);
	if (!err)
		err = tables_port_count(s->t, p->net, slot, &ports);
	if (err)
		return err;
	known = s->inside && !net_port_counters(s->inside, p->ifindex, &c);
	report_row(s->r);
	report_text(s->r, "guest", p->name);
	report_text(s->r, "address", p->ip ? addr_format_ip(p->ip, ip) : NULL);
	put_counter(s->r, "packets_out", known, c.from_guest_packets);
	put_counter(s->r, "bytes_out", known, c.from_guest_bytes);
	put_counter(s->r, "packets_in", known, c.to_guest_packets);
	put_counter(s->r, "bytes_in", known, c.to_guest_bytes);
	report_number(s->r, "flows", flows);
	report_number(s->r, "external_ports", ports);
	return 0;
}

static void put_drop_row(struct report *r, __u32 reason, const char *guest, const char *scope,
			 __u64 packets)
{
	report_row(r);
	report_text(r, "reason", tables_drop_name(reason));
	report_text(r, "scope", scope);
	report_text(r, "guest", guest);
	report_number(r, "packets", packets);
	report_text(r, "meaning", tables_drop_text(reason));
}

/* Drops of no known network are in every network's list: they may be its own. */
static int put_drop(const struct cv_drop_key *k, __u64 packets, void *arg)
{
	struct stats *s = arg;

	if (!packets || (k->net && k->net != s->net))
		return 0;
	put_drop_row(s->r, k->reason, cmd_name(&s->names, k->slot),
		     k->net ? "network" : "host", packets);
	if (k->net && k->reason < CV_N_DROPS)
		s->seen[k->reason] = true;
	return 0;
}

static int put_drops(struct stats *s)
{
	int err = tables_each_drop(s->t, put_drop, s);
	__u32 reason;

	if (err || !report_json(s->r))
		return err;
	for (reason = CV_OK + 1; reason < CV_N_DROPS; reason++)
		if (!s->seen[reason])
			put_drop_row(s->r, reason, NULL, "network", 0);
	return 0;
}

static void put_total(struct report *r, const char *name, __u64 value)
{
	if (!value && !report_json(r))
		return;
	report_row(r);
	report_text(r, "counter", name);
	report_number(r, "count", value);
}

/* Of all networks: the programs count these for the host. */
static int put_totals(struct stats *s)
{
	struct cv_totals totals;
	int err = tables_totals(s->t, &totals);

	if (err)
		return err;
#define STATS_TOTAL(name) put_total(s->r, #name, totals.name);
	CV_TOTALS(STATS_TOTAL)
#undef STATS_TOTAL
	return 0;
}

static void open_inside(struct stats *s, const char *name)
{
	_fd_ int fd = -1;
	char netns[40];
	int err;

	network_netns_name(name, netns);
	err = netns_open(netns, &fd);
	if (!err)
		err = net_open(fd, &s->inside);
	if (err)
		log_warn("network '%s': cannot look into namespace '%s', so packets are not known: %s",
			 name, netns, strerror(-err));
}

static int put_all(struct stats *s)
{
	int err = tables_each_port(s->t, s->net, put_guest, s);

	if (err)
		return err;
	report_section(s->r, "drops");
	err = put_drops(s);
	if (err)
		return err;
	report_section(s->r, "totals");
	return put_totals(s);
}

static int show_stats(const char *name, bool json)
{
	_tables_ struct tables *t = NULL;
	_net_ struct net *inside = NULL;
	struct stats s = {};
	struct cv_network n;
	int err;

	if (cmd_open_network(name, &t, &s.net, &n) || cmd_names_load(t, s.net, &s.names))
		return CLI_FAILED;
	s.t = t;
	open_inside(&s, name);
	inside = s.inside;
	s.r = report_new("guests", json);
	if (!s.r) {
		cmd_names_release(&s.names);
		log_ret(-ENOMEM, "cannot show statistics");
		return CLI_FAILED;
	}
	err = put_all(&s);
	cmd_names_release(&s.names);
	return cmd_finish(s.r, err, "statistics");
}

int cmd_stats(int argc, char **argv)
{
	bool json;
	int code;

	if (cli_parse(argc, argv, "stats NET [OPTION]...",
		      "Show packets and bytes of each guest, drops by reason, and the host's totals.",
		      NULL, 1, 1, &json, &code) < 0)
		return code;
	return show_stats(argv[0], json);
}
