// SPDX-License-Identifier: GPL-2.0-only
/* Flows, and how many of them and of their ports outside count against a limit. */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "tables_impl.h"

struct flow_walk {
	int (*fn)(const struct tables_flow *f, void *arg);
	void *arg;
	__u32 now;
	__u16 net;
};

static bool flow_silent(const struct cv_flow *f, __u32 now, __u32 last)
{
	/* Signed: a packet may have come after @now was read. */
	return (__s32)(now - last) > (__s32)f->timeout_ticks;
}

static int visit_flow(const void *key, const void *value, void *arg)
{
	const struct flow_walk *w = arg;
	struct tables_flow f;

	memcpy(&f.tuple, key, sizeof(f.tuple));
	memcpy(&f.flow, value, sizeof(f.flow));
	if (w->net && f.tuple.net != w->net)
		return 0;
	f.expired = flow_silent(&f.flow, w->now, f.flow.out_tick) &&
		    flow_silent(&f.flow, w->now, f.flow.in_tick);
	return w->fn(&f, w->arg);
}

int tables_each_flow(struct tables *t, __u16 net, int (*fn)(const struct tables_flow *f, void *arg), void *arg)
{
	struct flow_walk w = {
		.fn = fn, .arg = arg, .net = net, .now = tables_now_ticks(),
	};

	return tables_walk(t->flows, sizeof(struct cv_tuple), sizeof(struct cv_flow), visit_flow, &w);
}

static int read_use(struct tables *t, __u16 net, __u32 slot, struct cv_use *ret)
{
	__u32 key = slot ? slot : net;

	return bpf_map_lookup_elem(slot ? t->port_use : t->network_use, &key, ret) ? -errno : 0;
}

int tables_flow_count(struct tables *t, __u16 net, __u32 slot, __u32 *ret_flows)
{
	struct cv_use use;
	int err = read_use(t, net, slot, &use);

	if (!err)
		*ret_flows = use.flows;
	return err;
}

int tables_port_count(struct tables *t, __u16 net, __u32 slot, __u32 *ret_ports)
{
	struct cv_use use;
	int err = read_use(t, net, slot, &use);

	if (!err)
		*ret_ports = use.ports;
	return err;
}
