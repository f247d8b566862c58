// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many flows and external ports a network and its guests may have, how
 * long flows may be silent, and forgetting some of them.
 */
#include <errno.h>

#include "datapath.h"
#include "log.h"
#include "network_impl.h"
#include "state.h"

/* What a NAT shall grant; shorter is the administrator's choice, but he is told. */
static const struct least_timeout {
	__u32 seconds;
	const char *text, *demand;
} least_timeouts[CV_N_TIMEOUTS] = {
	[CV_TIMEOUT_UDP] = { 120, "2 minutes", "RFC 4787 REQ-5" },
	[CV_TIMEOUT_TCP_ESTABLISHED] = { 7440, "2 hours 4 minutes", "RFC 5382 REQ-5" },
	[CV_TIMEOUT_TCP_TRANSITORY] = { 240, "4 minutes", "RFC 5382 REQ-5" },
	[CV_TIMEOUT_ICMP] = { 60, "60 seconds", "RFC 5508 REQ-2" },
};

static void warn_timeouts(const struct network_work *w)
{
	for (int i = 0; i < CV_N_TIMEOUTS; i++) {
		const struct least_timeout *least = &least_timeouts[i];

		if (w->cfg.timeout_s[i] < least->seconds)
			log_warn("network '%s': timeouts.%s is %u s, less than the %s of %s; guests may lose flows that are merely quiet",
				 w->name, config_timeout_key(i), w->cfg.timeout_s[i], least->text,
				 least->demand);
	}
}

/* A file may be written for a host with a larger table. */
static void warn_limit(const struct network_work *w, const char *key, __u32 flows)
{
	__u32 table = tables_meta(w->tables)->max_flows;

	if (flows > table)
		log_warn("network '%s': limits.%s is %u, but the table of this host has room for %u",
			 w->name, key, flows, table);
}

static __u32 smaller(__u32 a, __u32 b)
{
	return a < b ? a : b;
}

void network_set_limits(const struct network_work *w, struct cv_network *n)
{
	__u32 table = tables_meta(w->tables)->max_flows;

	warn_timeouts(w);
	warn_limit(w, "flows", w->cfg.max_flows);
	warn_limit(w, "flows-per-guest", w->cfg.max_guest_flows);
	for (int i = 0; i < CV_N_TIMEOUTS; i++)
		n->timeout_ticks[i] = CV_TICKS(w->cfg.timeout_s[i]);
	n->max_flows = w->cfg.max_flows ? smaller(w->cfg.max_flows, table) : table;
	n->max_ports = w->cfg.max_ports ? w->cfg.max_ports : NETWORK_NO_LIMIT;
}

/* --- of each guest */

static struct network_guest_limits guest_limits(const struct tables *t, const struct config *cfg)
{
	__u32 table = tables_meta(t)->max_flows;

	return (struct network_guest_limits) {
		.flows = cfg->max_guest_flows ? smaller(cfg->max_guest_flows, table) :
						smaller(CV_FLOWS_PER_PORT, table / 4),
		.ports = cfg->max_guest_ports ? cfg->max_guest_ports : CV_PORTS_PER_GUEST,
	};
}

struct network_guest_limits network_guest_limits(const struct tables *t, const char *net)
{
	struct network_guest_limits limits;
	struct config cfg;

	if (state_load_config(net, &cfg))
		config_defaults(&cfg);
	limits = guest_limits(t, &cfg);
	config_release(&cfg);
	return limits;
}

struct limit_walk {
	struct tables *t;
	struct network_guest_limits limits;
	int changed;
};

static int limit_port(__u32 slot, const struct cv_port *p, void *arg)
{
	struct limit_walk *walk = arg;
	struct cv_port want = *p;

	want.max_flows = walk->limits.flows;
	want.max_ports = walk->limits.ports;
	if (want.max_flows == p->max_flows && want.max_ports == p->max_ports)
		return 0;
	walk->changed = STEP_CHANGED;
	return tables_port_put(walk->t, slot, &want);
}

int limits_make(struct network_work *w)
{
	struct limit_walk walk = { .t = w->tables, .limits = guest_limits(w->tables, &w->cfg) };
	int err = tables_each_port(w->tables, w->id, limit_port, &walk);

	if (err)
		return network_failed(w, NULL, err, "cannot write its guests' limits");
	return walk.changed;
}

int limits_undo(struct network_work *w)
{
	return 0;	/* they lie in the ports */
}

/* --- forgetting */

int network_flush(const char *net, const char *guest, const struct cv_flush_args *which)
{
	_work_ struct network_work w = NETWORK_WORK_INIT;
	struct cv_flush_args args = *which;
	struct cv_port p;
	int err;

	err = network_work_begin(&w, net);
	if (err)
		return err;
	if (!w.id)
		return log_refuse(-ENOENT, "network '%s' is not up; 'culvert up %s' makes it", net, net);
	args.net = w.id;
	err = guest ? tables_port_find(w.tables, w.id, guest, &args.slot, &p) : 0;
	if (err == -ENOENT)
		return log_refuse(err, "network '%s' has no port '%s'", net, guest);
	if (!err)
		err = datapath_flush_some(&args);
	return err < 0 ? log_ret(err, "network '%s': cannot forget flows", net) : err;
}
