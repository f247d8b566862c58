/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flows are taken away: by the sweeper when they are dead, by commands when
 * they match.  Only who has popped a flow's key off the queue deletes it.
 */
#ifndef CV_SWEEP_H
#define CV_SWEEP_H

#include "flow.h"

struct flow_walk {
	__u32 now;
	struct cv_flush_args which;	/* for cv_flush */
	__u32 deleted;
	__u8  flush;
	__u8  pad[3];
};

static __always_inline bool flow_matches(const struct cv_flush_args *which,
					 const struct cv_tuple *key, const struct cv_flow *f)
{
	return (!which->net || which->net == key->net) &&
	       (!which->slot || which->slot == f->slot) &&
	       (!which->proto || which->proto == key->proto) &&
	       (!which->remote || which->remote == key->remote) &&
	       (!which->rport || which->rport == key->rport) &&
	       (!which->state || which->state == f->state);
}

/* The peer's packets of another protocol are no longer this guest's. */
static __always_inline void flow_leave_protocol(const struct cv_tuple *key,
						const struct cv_flow *f)
{
	struct cv_protocol k = { .addr = f->addr, .remote = key->remote, .proto = key->proto };
	__u32 *slot = bpf_map_lookup_elem(&protocols, &k);

	if (slot && *slot == f->slot)
		bpf_map_delete_elem(&protocols, &k);
}

/* Delete a flow whose key was popped. */
static __always_inline void flow_forget(const struct cv_tuple *key, const struct cv_flow *f,
					struct flow_walk *w)
{
	flow_count(key->net, f->slot, -1);
	if (f->external != EXTERNAL_NONE)
		external_leave(f->external, key->net, w->now);
	else if (!(f->flags & CV_FLOW_HOST))
		flow_leave_protocol(key, f);
	event_flow(w->flush ? CV_EVENT_FLUSHED : CV_EVENT_EXPIRED, key, f);
	bpf_map_delete_elem(&flows, key);
	w->deleted++;
}

/* Take one key off the queue; delete its flow or put the key back. */
static long flow_walk_one(__u32 i, struct flow_walk *w)
{
	struct cv_tuple key;
	struct cv_flow *f;
	bool go;

	if (bpf_map_pop_elem(&live_flows, &key))
		return 1;
	f = bpf_map_lookup_elem(&flows, &key);
	if (!f)
		return 0;
	if (w->flush)
		go = flow_matches(&w->which, &key, f);
	else
		go = !flow_alive(w->now, f);
	/* The push finds room: there are never more keys than `flows` holds. */
	if (!go && !bpf_map_push_elem(&live_flows, &key, 0))
		return 0;
	flow_forget(&key, f, w);
	return 0;
}

/*
 * The sweeper goes round all flows in about FLOW_ROUND_MS, in steps of at most
 * FLOW_STEP flows, so that no step holds its CPU for more than about 0.2 ms.
 */
#define FLOW_ROUND_MS	4000
#define FLOW_STEP	1024
#define FLOW_IDLE_MS	100

/* Nothing else can tell what a timer takes: the kernel does not count its runs. */
static __always_inline void sweep_account(struct cv_sweeper *s, __u64 begun_ns)
{
	__u64 ns = bpf_ktime_get_ns() - begun_ns;

	s->spent_ns += ns;
	if (ns > s->longest_ns)
		s->longest_ns = ns;
}

static int flow_sweep(void *map, __u32 *key, struct cv_sweeper *s)
{
	__u64 begun_ns = bpf_ktime_get_ns();
	struct flow_walk w = { .now = pkt_now() };
	struct held_sweep h = { .now = w.now, .next = s->held };
	struct cv_use *use;
	__u32 host = 0, step, ms = FLOW_IDLE_MS;

	use = bpf_map_lookup_elem(&network_use, &host);
	if (!use)
		return 0;
	/* Never fewer than a few hundred: what is left of many dead ones goes at once. */
	step = use->flows / (FLOW_ROUND_MS / FLOW_IDLE_MS) + FLOW_STEP / 4;
	if (step > FLOW_STEP) {
		ms = FLOW_IDLE_MS * FLOW_STEP / step;
		step = FLOW_STEP;
	}
	bpf_loop(step, flow_walk_one, &w, 0);
	TOTAL_ADD(expired_flows, w.deleted);
	TOTAL_ADD(sweeps, 1);
	bpf_loop(CV_HELD / 16, held_sweep_one, &h, 0);
	s->held = (s->held + CV_HELD / 16) & (CV_HELD - 1);
	sweep_account(s, begun_ns);
	bpf_timer_start(&s->timer, (__u64)(ms ? ms : 1) * 1000000, 0);
	return 0;
}

/* What a command asks for: go round @control's budget of flows with @one. */
static __always_inline int sweep_by_command(long (*one)(__u32, struct flow_walk *))
{
	struct flow_walk w = { .flush = 1 };
	struct cv_flush_args *args;
	__u32 zero = 0;

	args = bpf_map_lookup_elem(&control, &zero);
	if (!args)
		return 1;
	w.now = pkt_now();
	w.which = *args;
	bpf_loop(args->budget, one, &w, 0);
	args->flushed += w.deleted;
	TOTAL_ADD(flushed_flows, w.deleted);
	return 0;
}

#endif
