// SPDX-License-Identifier: GPL-2.0-only
/* culvert flow ls, count, flush: what is translated at this moment. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include <culvert/defaults.h>

#include "addr.h"
#include "cli.h"
#include "cmd.h"
#include "datapath.h"
#include "flow_filter.h"
#include "log.h"
#include "mem.h"
#include "network.h"
#include "report.h"
#include "tables.h"

#define ENDPOINT_SIZE (ADDR_IP_SIZE + 6)

/* The options of `ls` and `flush`: each narrows what the others leave. */
struct flow_options {
	const char *guest;
	struct flow_words words;
};

#define FLOW_OPTIONS(o) \
	{ 0, "guest", CLI_STRING, &(o).guest, "NAME", "of this guest" }, \
	{ 0, "proto", CLI_STRING, &(o).words.proto, "PROTO", "tcp, udp or icmp" }, \
	{ 0, "peer", CLI_STRING, &(o).words.peer, "IP[:PORT]", "with this peer" }, \
	{ 0, "state", CLI_STRING, &(o).words.state, "STATE", "open, established or closing" }

/* Return: 0, or the exit code. */
static int read_filter(const struct flow_options *o, struct cv_flush_args *ret)
{
	_free_ char *problem = NULL;
	int err = flow_filter_read(&o->words, ret, &problem);

	if (err == -EINVAL)
		log_error("%s", problem);
	else if (err)
		log_ret(err, "cannot read the options");
	return !err ? 0 : err == -EINVAL ? CLI_USAGE : CLI_FAILED;
}

struct flow_list {
	struct report *r;
	struct cmd_names names;
	__u32 now;
	struct cv_flush_args which;
};

static const char *endpoint(__be32 ip, __be16 port, char buf[ENDPOINT_SIZE])
{
	char text[ADDR_IP_SIZE];

	snprintf(buf, ENDPOINT_SIZE, "%s:%u", addr_format_ip(ip, text), ntohs(port));
	return buf;
}

static __u64 seconds(__u32 ticks)
{
	/* A packet may have come after we looked at the clock. */
	return (__s32)ticks < 0 ? 0 : ((__u64)ticks << CV_TICK_SHIFT) / 1000000000ULL;
}

static __u32 idle_ticks(const struct tables_flow *f, __u32 now)
{
	__u32 out = now - f->flow.out_tick, in = now - f->flow.in_tick;

	return (__s32)out < (__s32)in ? out : in;
}

static int put_flow(const struct tables_flow *f, void *arg)
{
	const struct flow_list *list = arg;
	bool with_host = f->flow.flags & CV_FLOW_HOST;
	bool icmp = f->tuple.proto == IPPROTO_ICMP;
	char local[ENDPOINT_SIZE], external[ENDPOINT_SIZE], peer[ENDPOINT_SIZE];
	struct report *r = list->r;

	if (f->expired || !flow_filter_match(&list->which, &f->tuple, &f->flow))
		return 0;
	endpoint(f->tuple.local, f->tuple.lport, local);
	endpoint(f->flow.addr, f->flow.port, external);
	if (icmp)
		addr_format_ip(f->tuple.remote, peer);
	else
		endpoint(f->tuple.remote, f->tuple.rport, peer);
	report_row(r);
	report_text(r, "guest", cmd_name(&list->names, f->flow.slot));
	report_text(r, "proto", flow_proto_name(f->tuple.proto));
	report_text(r, "local", local);
	report_text(r, "external", with_host ? NULL : external);
	report_text(r, "peer", peer);
	report_text(r, "state", flow_state_name(f->flow.state));
	report_number(r, "idle_s", seconds(idle_ticks(f, list->now)));
	report_number(r, "age_s", seconds(list->now - f->flow.created_tick));
	report_number(r, "packets_out", f->flow.out_packets);
	report_number(r, "bytes_out", f->flow.out_bytes);
	report_number(r, "packets_in", f->flow.in_packets);
	report_number(r, "bytes_in", f->flow.in_bytes);
	return 0;
}

static int find_guest(struct tables *t, const char *net, __u16 id, const char *guest,
		      __u32 *ret_slot)
{
	struct cv_port p;
	int err = guest ? tables_port_find(t, id, guest, ret_slot, &p) : 0;

	if (err == -ENOENT)
		return log_refuse(err, "network '%s' has no port '%s'", net, guest);
	return err ? log_ret(err, "network '%s': cannot read its ports", net) : 0;
}

static int list_flows(const char *name, const char *guest, const struct cv_flush_args *which,
		      bool json)
{
	struct flow_list list = { .now = tables_now_ticks(), .which = *which };
	_tables_ struct tables *t = NULL;
	struct cv_network n;
	__u16 id;
	int err;

	if (cmd_open_network(name, &t, &id, &n) ||
	    find_guest(t, name, id, guest, &list.which.slot) ||
	    cmd_names_load(t, id, &list.names))
		return CLI_FAILED;
	list.r = report_new("flows", json);
	if (!list.r) {
		cmd_names_release(&list.names);
		log_ret(-ENOMEM, "cannot list flows");
		return CLI_FAILED;
	}
	err = tables_each_flow(t, id, put_flow, &list);
	cmd_names_release(&list.names);
	return cmd_finish(list.r, err, "flows");
}

int cmd_flow_ls(int argc, char **argv)
{
	struct flow_options o = { 0 };
	const struct cli_option options[] = { FLOW_OPTIONS(o), { 0 } };
	struct cv_flush_args which = { 0 };
	bool json;
	int code;

	if (cli_parse(argc, argv, "flow ls NET [OPTION]...",
		      "List the live flows of a network's guests.  An ICMP flow has its identifier "
		      "for a port; one between a guest and the host has no external address.",
		      options, 1, 1, &json, &code) < 0)
		return code;
	code = read_filter(&o, &which);
	return code ? code : list_flows(argv[0], o.guest, &which, json);
}

static int print_flushed(const char *net, int flows)
{
	struct report *r = report_new("flushed", true);

	if (!r) {
		log_ret(-ENOMEM, "cannot tell how many");
		return CLI_FAILED;
	}
	report_row(r);
	report_text(r, "network", net);
	report_number(r, "flows", flows);
	return cmd_finish(r, 0, "flows");
}

int cmd_flow_flush(int argc, char **argv)
{
	struct flow_options o = { 0 };
	const struct cli_option options[] = { FLOW_OPTIONS(o), { 0 } };
	struct cv_flush_args which = { 0 };
	int code, flushed;
	bool json;

	if (cli_parse(argc, argv, "flow flush NET [OPTION]...",
		      "Forget flows of a network's guests: all, or those that the options tell.",
		      options, 1, 1, &json, &code) < 0)
		return code;
	code = read_filter(&o, &which);
	if (code)
		return code;
	flushed = network_flush(argv[0], o.guest, &which);
	if (flushed < 0)
		return CLI_FAILED;
	if (json)
		return print_flushed(argv[0], flushed);
	printf("%d %s forgotten\n", flushed, flushed == 1 ? "flow" : "flows");
	return CLI_OK;
}

/* --- flow count */

struct flow_counts {
	struct report *r;
	struct tables *t;
};

/* What follows the name. */
static int put_count(struct flow_counts *c, __u16 net, __u32 slot, __u32 max_flows,
		     __u32 max_ports)
{
	__u32 flows, ports;
	int err = tables_flow_count(c->t, net, slot, &flows);

	if (!err)
		err = tables_port_count(c->t, net, slot, &ports);
	if (err)
		return err;
	report_number(c->r, "flows", flows);
	report_number(c->r, "limit", max_flows);
	report_number(c->r, "external_ports", ports);
	cmd_put_limit(c->r, "external_ports_limit", max_ports);
	return 0;
}

static int put_network_count(__u16 id, const struct cv_network *n, void *arg)
{
	struct flow_counts *c = arg;

	report_row(c->r);
	report_text(c->r, "network", n->name);
	return put_count(c, id, 0, n->max_flows, n->max_ports);
}

static int put_guest_count(__u32 slot, const struct cv_port *p, void *arg)
{
	struct flow_counts *c = arg;

	report_row(c->r);
	report_text(c->r, "guest", p->name);
	return put_count(c, p->net, slot, p->max_flows, p->max_ports);
}

static struct report *new_counts(bool json)
{
	struct report *r = report_new("networks", json);

	if (!r)
		log_ret(-ENOMEM, "cannot count flows");
	return r;
}

static int count_network(const char *name, bool json)
{
	_tables_ struct tables *t = NULL;
	struct flow_counts c = {};
	struct cv_network n;
	__u16 id;
	int err;

	err = cmd_open_network(name, &t, &id, &n);
	if (err)
		return CLI_FAILED;
	c.t = t;
	c.r = new_counts(json);
	if (!c.r)
		return CLI_FAILED;
	err = put_network_count(id, &n, &c);
	if (!err) {
		report_section(c.r, "guests");
		err = tables_each_port(t, id, put_guest_count, &c);
	}
	return cmd_finish(c.r, err, "flow counts");
}

static int count_all(bool json)
{
	_tables_ struct tables *t = NULL;
	struct flow_counts c = {};
	int err = tables_open(&t);

	/* No maps: no network, no flow. */
	if (err && err != -ENOENT) {
		log_error("cannot count flows: %s", datapath_strerror(err));
		return CLI_FAILED;
	}
	c.t = t;
	c.r = new_counts(json);
	if (!c.r)
		return CLI_FAILED;
	return cmd_finish(c.r, t ? tables_each_network(t, put_network_count, &c) : 0,
			  "flow counts");
}

int cmd_flow_count(int argc, char **argv)
{
	bool json;
	int code, n;

	n = cli_parse(argc, argv, "flow count [NET] [OPTION]...",
		      "Count flows and external ports, of all networks or of one and its guests, next to their limits.",
		      NULL, 0, 1, &json, &code);
	if (n < 0)
		return code;
	return n ? count_network(argv[0], json) : count_all(json);
}
