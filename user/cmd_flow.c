// SPDX-License-Identifier: GPL-2.0-only
/* culvert flow ls, culvert flow count: what is translated at this moment. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include <culvert/defaults.h>

#include "addr.h"
#include "cli.h"
#include "cmd.h"
#include "datapath.h"
#include "log.h"
#include "mem.h"
#include "report.h"
#include "tables.h"

#define ENDPOINT_SIZE (ADDR_IP_SIZE + 6)

struct flow_list {
	struct report *r;
	struct cmd_names names;
	__u32 now;
};

static const char *state_name(__u8 state)
{
	switch (state) {
	case CV_FLOW_OPEN:
		return "open";
	case CV_FLOW_ESTABLISHED:
		return "established";
	case CV_FLOW_CLOSING:
		return "closing";
	}
	return NULL;
}

static const char *proto_name(__u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	}
	return NULL;
}

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
	__u32 out = now - f->out.last_tick, in = now - f->in.last_tick;

	return f->out.flags & CV_FLOW_HOST || (__s32)out < (__s32)in ? out : in;
}

static int put_flow(const struct tables_flow *f, void *arg)
{
	const struct flow_list *list = arg;
	bool with_host = f->out.flags & CV_FLOW_HOST;
	bool icmp = f->tuple.proto == IPPROTO_ICMP;
	char local[ENDPOINT_SIZE], external[ENDPOINT_SIZE], peer[ENDPOINT_SIZE];
	struct report *r = list->r;

	if (f->expired)
		return 0;
	endpoint(f->tuple.local, f->tuple.lport, local);
	endpoint(f->out.addr, f->out.port, external);
	if (icmp)
		addr_format_ip(f->tuple.remote, peer);
	else
		endpoint(f->tuple.remote, f->tuple.rport, peer);
	report_row(r);
	report_text(r, "guest", cmd_name(&list->names, f->out.slot));
	report_text(r, "proto", proto_name(f->tuple.proto));
	report_text(r, "local", local);
	report_text(r, "external", with_host ? NULL : external);
	report_text(r, "peer", peer);
	report_text(r, "state", state_name(f->out.state));
	report_number(r, "idle_s", seconds(idle_ticks(f, list->now)));
	if (with_host)
		report_text(r, "age_s", NULL);
	else
		report_number(r, "age_s", seconds(list->now - f->in.created_tick));
	report_number(r, "packets_out", f->out.packets);
	report_number(r, "bytes_out", f->out.bytes);
	report_number(r, "packets_in", f->in.packets);
	report_number(r, "bytes_in", f->in.bytes);
	return 0;
}

static int list_flows(const char *name, bool json)
{
	struct flow_list list = { .now = tables_now_ticks() };
	_tables_ struct tables *t = NULL;
	struct cv_network n;
	__u16 id;
	int err;

	if (cmd_open_network(name, &t, &id, &n) || cmd_names_load(t, id, &list.names))
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
	bool json;
	int code;

	if (cli_parse(argc, argv, "flow ls NET [OPTION]...",
		      "List the live flows of a network's guests.  An ICMP flow has its identifier "
		      "for a port; one between a guest and the host has no external address.",
		      NULL, 1, 1, &json, &code) < 0)
		return code;
	return list_flows(argv[0], json);
}

/* --- flow count */

struct flow_counts {
	struct report *r;
	struct tables *t;
};

static int put_count(struct flow_counts *c, const char *key, const char *name, __u16 net,
		     __u32 slot, __u32 limit)
{
	__u32 flows;
	int err = tables_flow_count(c->t, net, slot, &flows);

	if (err)
		return err;
	report_row(c->r);
	report_text(c->r, key, name);
	report_number(c->r, "flows", flows);
	report_number(c->r, "limit", limit);
	return 0;
}

static int put_network_count(__u16 id, const struct cv_network *n, void *arg)
{
	return put_count(arg, "network", n->name, id, 0, n->max_flows);
}

static int put_guest_count(__u32 slot, const struct cv_port *p, void *arg)
{
	return put_count(arg, "guest", p->name, p->net, slot, p->max_flows);
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
		      "Count flows, of all networks or of one and its guests, next to their limits.",
		      NULL, 0, 1, &json, &code);
	if (n < 0)
		return code;
	return n ? count_network(argv[0], json) : count_all(json);
}
