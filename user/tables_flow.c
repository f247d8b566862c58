// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flows as people see them: the two directions joined.  A flow may die between
 * the two look-ups; then it is not shown.
 */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "tables_impl.h"

struct flow_walk {
	struct tables *t;
	int (*fn)(const struct tables_flow *f, void *arg);
	void *arg;
	__u32 now;
	__u16 net;
};

static bool flow_expired(const struct tables_flow *f, __u32 now)
{
	__u32 idle = now - f->out.last_tick;
	__u32 idle_in = now - f->in.last_tick;

	/* Signed: a packet may have come after @now was read. */
	if (!(f->out.flags & CV_FLOW_HOST) && (__s32)idle_in < (__s32)idle)
		idle = idle_in;
	return (__s32)idle > (__s32)f->out.timeout_ticks;
}

static int visit_flow(const void *key, const void *value, void *arg)
{
	const struct flow_walk *w = arg;
	struct cv_tuple external;
	struct tables_flow f = {};

	memcpy(&f.tuple, key, sizeof(f.tuple));
	memcpy(&f.out, value, sizeof(f.out));
	if (w->net && f.tuple.net != w->net)
		return 0;
	if (!(f.out.flags & CV_FLOW_HOST)) {
		external = f.tuple;
		external.local = f.out.addr;
		external.lport = f.out.port;
		external.net = 0;
		if (bpf_map_lookup_elem(w->t->flows_in, &external, &f.in))
			return errno == ENOENT ? 0 : -errno;
	}
	f.expired = flow_expired(&f, w->now);
	return w->fn(&f, w->arg);
}

int tables_each_flow(struct tables *t, __u16 net, int (*fn)(const struct tables_flow *f, void *arg), void *arg)
{
	struct flow_walk w = {
		.t = t, .fn = fn, .arg = arg, .net = net, .now = tables_now_ticks(),
	};

	return tables_walk(t->flows_out, sizeof(struct cv_tuple), sizeof(struct cv_flow_out), visit_flow, &w);
}

int tables_flow_count(struct tables *t, __u16 net, __u32 slot, __u32 *ret_flows)
{
	__u32 key = slot ? slot : net;
	struct cv_use use;

	if (bpf_map_lookup_elem(slot ? t->port_use : t->network_use, &key, &use))
		return -errno;
	*ret_flows = use.flows;
	return 0;
}
