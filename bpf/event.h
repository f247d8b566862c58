/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happens, for who looks on (culvert monitor): flows that begin, end or
 * are refused, and leases.  Nothing of this is on the road of an established
 * flow.  While nobody looks on it costs one lookup in an array.
 *
 * The functions are not static, so that the verifier checks each once, by
 * itself, and writes of an event go to the ring: the stack of who calls is full.
 */
#ifndef CV_EVENT_H
#define CV_EVENT_H

#include "maps.h"

/* Does somebody want to know this of a network?  NULL: no. */
static __always_inline const struct cv_monitor *event_wanted(__u32 what, __u32 net)
{
	__u32 zero = 0;
	const struct cv_monitor *m = bpf_map_lookup_elem(&monitor, &zero);

	if (!m || !(m->what & what) || !pkt_recent(pkt_now(), m->until_tick, 0))
		return NULL;
	return !m->net || m->net == net ? m : NULL;
}

/* An event to fill in and submit; NULL: there is no room for it. */
static __always_inline struct cv_event *event_begin(__u32 kind, __u32 net, __u32 slot)
{
	struct cv_event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	const struct cv_network *n;
	const struct cv_port *port;

	if (!e) {
		TOTAL_ADD(events_lost, 1);
		return NULL;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->boot_ns = bpf_ktime_get_boot_ns();
	e->kind = kind;
	e->net = net;
	e->slot = slot;
	n = network_get(net);
	if (n)
		__builtin_memcpy(e->network, n->name, sizeof(e->network));
	port = port_get(slot);
	if (port && port->net == net)
		__builtin_memcpy(e->guest, port->name, sizeof(e->guest));
	return e;
}

/*
 * Hand it over.  A wake costs more than a new flow, some 3 us; so who looks on
 * looks many times a second by himself, and is woken when a quarter of the ring
 * is full: once on the way up, or a few times, not for each event.
 */
static __always_inline void event_end(struct cv_event *e)
{
	__u64 beyond = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) - CV_EVENTS_BYTES / 4;

	bpf_ringbuf_submit(e, beyond < 8 * sizeof(*e) ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

/* Who talks; with whom only when it was asked for: what is not written is zero. */
static __always_inline void event_tuple(struct cv_event *e, const struct cv_monitor *m,
					const struct cv_tuple *key)
{
	e->tuple.local = key->local;
	e->tuple.lport = key->lport;
	e->tuple.proto = key->proto;
	e->tuple.net = key->net;
	if (!(m->what & CV_MONITOR_DESTINATIONS))
		return;
	e->tuple.remote = key->remote;
	e->tuple.rport = key->rport;
}

/* A flow was made, or is taken away. */
__noinline int event_flow(__u32 kind, const struct cv_tuple *key, const struct cv_flow *f)
{
	const struct cv_monitor *m;
	struct cv_event *e;
	__u32 last;

	if (!key || !f)
		return 0;
	m = event_wanted(CV_MONITOR_FLOWS, key->net);
	e = m ? event_begin(kind, key->net, f->slot) : NULL;
	if (!e)
		return 0;
	event_tuple(e, m, key);
	e->addr = f->addr;
	e->port = f->port;
	e->state = f->state;
	e->flags = f->flags;
	if (kind != CV_EVENT_NEW) {
		last = pkt_recent(f->in_tick, f->out_tick, 0) ? f->out_tick : f->in_tick;
		/* One whose address has gone was made to look silent for long. */
		if (pkt_recent(f->created_tick, last, 0))
			e->duration_ticks = last - f->created_tick;
		e->out_packets = f->out_packets;
		e->out_bytes = f->out_bytes;
		e->in_packets = f->in_packets;
		e->in_bytes = f->in_bytes;
	}
	event_end(e);
	return 0;
}

/*
 * A flow was not made.  @flags: who would have begun it (CV_FLOW_INBOUND,
 * CV_FLOW_HOST, or the guest).  What closes or resets asks for no flow.
 */
__noinline int event_refused(const struct pkt *p, const struct cv_tuple *key, __u32 flags,
			     __u32 drop)
{
	const struct cv_monitor *m;
	struct cv_event *e;
	__u32 slot;

	if (!p || !key || drop == CV_DROP_NO_FLOW)
		return 0;
	m = event_wanted(CV_MONITOR_REFUSALS, key->net);
	if (!m)
		return 0;
	slot = p->slot ? p->slot : address_slot(key->net, key->local);
	e = event_begin(CV_EVENT_REFUSED, key->net, slot);
	if (!e)
		return 0;
	event_tuple(e, m, key);
	e->why = drop;
	e->flags = flags;
	if (flags & CV_FLOW_INBOUND) {
		e->addr = p->daddr;
		e->port = p->dport;
	}
	event_end(e);
	return 0;
}

/* @news: enum cv_lease_news */
__noinline int event_lease(__u32 net, __u32 slot, __be32 ip, __u32 news, __u32 lease_s)
{
	struct cv_event *e;

	if (!event_wanted(CV_MONITOR_LEASES, net))
		return 0;
	e = event_begin(CV_EVENT_LEASE, net, slot);
	if (!e)
		return 0;
	e->why = news;
	e->tuple.local = ip;
	e->lease_s = lease_s;
	event_end(e);
	return 0;
}

#endif
