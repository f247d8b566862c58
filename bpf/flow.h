/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: flows
 *
 * A flow is one entry in each direction, of 48 bytes, so that a packet of an
 * established flow costs one lookup.  Each entry notes when it was used last;
 * the flow is dead when both were silent for its timeout.  A packet finds its
 * own entry recent nearly always and asks for the other one (its twin) only
 * when it does not, so expiry is exact and needs no process and no timer per
 * flow.
 *
 * A dead flow is gone for every packet from outside.  A packet of its guest
 * begins it anew in place, with the external port it had.  Memory comes back
 * by the sweeper, one timer for the host, which goes round the queue of all
 * flows in bounded steps; only who has popped a flow's key deletes it.
 *
 * Races.  Two CPUs may add to one entry's counters at once and lose a packet
 * of the count: accepted, an atomic would cost 10 ns per packet.  The sweeper
 * may delete a flow in the microsecond in which its guest revives it: the
 * packet leaves translated, the next one makes a new flow.  Two CPUs may make
 * one flow at once: the second finds the key taken, gives its port back and
 * uses the first's.
 */
#ifndef CV_FLOW_H
#define CV_FLOW_H

#include "policy.h"

/* The key of the same flow in the other map. */
static __always_inline struct cv_tuple flow_in_key(const struct cv_tuple *out_key,
						   const struct cv_flow_out *out)
{
	struct cv_tuple key = *out_key;

	key.local = out->addr;
	key.lport = out->port;
	key.net = 0;
	return key;
}

static __always_inline struct cv_tuple flow_out_key(const struct cv_tuple *in_key,
						    const struct cv_flow_in *in)
{
	struct cv_tuple key = *in_key;

	key.local = in->addr;
	key.lport = in->port;
	key.net = in->net;
	return key;
}

static __always_inline struct cv_flow_in *flow_in_twin(const struct cv_tuple *out_key,
						       const struct cv_flow_out *out)
{
	struct cv_tuple key = flow_in_key(out_key, out);

	return bpf_map_lookup_elem(&flows_in, &key);
}

static __always_inline struct cv_flow_out *flow_out_twin(const struct cv_tuple *in_key,
							 const struct cv_flow_in *in)
{
	struct cv_tuple key = flow_out_key(in_key, in);

	return bpf_map_lookup_elem(&flows_out, &key);
}

static __always_inline __u32 flow_timeout(const struct cv_network *n, __u8 proto,
					  __u8 state)
{
	if (proto == IPPROTO_UDP)
		return n->timeout_ticks[CV_TIMEOUT_UDP];
	if (proto == IPPROTO_ICMP)
		return n->timeout_ticks[CV_TIMEOUT_ICMP];
	if (state == CV_FLOW_ESTABLISHED)
		return n->timeout_ticks[CV_TIMEOUT_TCP_ESTABLISHED];
	return n->timeout_ticks[CV_TIMEOUT_TCP_TRANSITORY];
}

enum flow_direction { FLOW_OUT, FLOW_IN };

/* What a TCP flow becomes by a segment (RFC 7857 section 2, RFC 6146 3.5.2). */
struct flow_tcp {
	__u8 state;
	__u8 flags;
};

static __always_inline struct flow_tcp flow_tcp_next(struct flow_tcp t, __u8 tcp_flags,
						     enum flow_direction dir)
{
	const __u8 syns = CV_FLOW_OUT_SYN | CV_FLOW_IN_SYN;
	const __u8 fins = CV_FLOW_OUT_FIN | CV_FLOW_IN_FIN;

	if (tcp_flags & PKT_TCP_RST) {
		t.flags |= CV_FLOW_RST;
	} else {
		/* The guest opens a closed connection's ports again. */
		if (dir == FLOW_OUT && t.state == CV_FLOW_CLOSING &&
		    (tcp_flags & (PKT_TCP_SYN | PKT_TCP_ACK)) == PKT_TCP_SYN)
			t.flags = 0;
		/* Data after a reset: the reset was not believed. */
		t.flags &= ~CV_FLOW_RST;
		if (tcp_flags & PKT_TCP_SYN)
			t.flags |= dir == FLOW_OUT ? CV_FLOW_OUT_SYN : CV_FLOW_IN_SYN;
		if (tcp_flags & PKT_TCP_FIN)
			t.flags |= dir == FLOW_OUT ? CV_FLOW_OUT_FIN : CV_FLOW_IN_FIN;
		/*
		 * An answer stands for both SYNs: the flow may be taken up in
		 * its middle, or another CPU may have overwritten one of them.
		 */
		if (dir == FLOW_IN && tcp_flags & PKT_TCP_ACK)
			t.flags |= syns;
	}

	if (t.flags & CV_FLOW_RST || (t.flags & fins) == fins)
		t.state = CV_FLOW_CLOSING;
	else if ((t.flags & syns) == syns)
		t.state = CV_FLOW_ESTABLISHED;
	else
		t.state = CV_FLOW_OPEN;
	return t;
}

static __always_inline bool flow_tcp_matters(const struct pkt *p, __u8 state)
{
	return p->proto == IPPROTO_TCP &&
	       (state != CV_FLOW_ESTABLISHED ||
		p->l4_flags & (PKT_TCP_SYN | PKT_TCP_FIN | PKT_TCP_RST));
}

/* Write a flow's state to both of its entries. */
static __always_inline void flow_set_state(struct cv_flow_out *out, struct cv_flow_in *in,
					   struct flow_tcp t, __u32 timeout)
{
	out->state = in->state = t.state;
	out->flags = in->flags = t.flags;
	out->timeout_ticks = in->timeout_ticks = timeout;
}

static __always_inline void flow_tcp_step(const struct pkt *p, struct cv_flow_out *out,
					  struct cv_flow_in *in, enum flow_direction dir)
{
	struct flow_tcp t = { out->state, out->flags };
	const struct cv_network *n = network_get(in->net);

	if (!n)
		return;
	t = flow_tcp_next(t, p->l4_flags, dir);
	flow_set_state(out, in, t, flow_timeout(n, IPPROTO_TCP, t.state));
}

/*
 * A flow that was dead is begun anew by its guest, in its place: as if it had
 * been swept and made again with the same port.
 */
static __noinline void flow_revive(const struct pkt *p, struct cv_flow_out *out,
				   struct cv_flow_in *in)
{
	const struct cv_network *n = network_get(in->net);
	struct flow_tcp t = { .state = CV_FLOW_OPEN };

	if (!n)
		return;
	flow_set_state(out, in, t, flow_timeout(n, p->proto, t.state));
	out->packets = out->bytes = 0;
	in->packets = in->bytes = 0;
	in->created_tick = p->now;
}

/*
 * The state of a flow with the host, which has one entry: long-lived between
 * the guest's first answer and the first FIN or reset of either.
 */
static __always_inline void flow_host_step(const struct pkt *p, struct cv_flow_out *out,
					   enum flow_direction dir)
{
	const struct cv_network *n;
	__u8 state = out->state;

	if (p->proto != IPPROTO_TCP)
		return;
	if (p->l4_flags & (PKT_TCP_FIN | PKT_TCP_RST))
		state = CV_FLOW_CLOSING;
	else if (dir == FLOW_OUT && state == CV_FLOW_OPEN)
		state = CV_FLOW_ESTABLISHED;
	else if (dir == FLOW_IN && (p->l4_flags & (PKT_TCP_SYN | PKT_TCP_ACK)) == PKT_TCP_SYN)
		state = CV_FLOW_OPEN;
	if (state == out->state)
		return;
	n = network_get(p->net);
	if (!n)
		return;
	out->state = state;
	out->timeout_ticks = flow_timeout(n, IPPROTO_TCP, state);
}

static __always_inline void flow_note_out(const struct __sk_buff *skb, const struct pkt *p,
					  struct cv_flow_out *out)
{
	out->last_tick = p->now;
	out->packets++;
	out->bytes += skb->len - ETH_HLEN;
}

/*
 * The flow of a guest's packet, noted as used.  NULL: there is none.
 */
static __always_inline struct cv_flow_out *flow_find_out(const struct __sk_buff *skb,
							 const struct pkt *p,
							 const struct cv_tuple *key)
{
	struct cv_flow_out *out = bpf_map_lookup_elem(&flows_out, key);
	struct cv_flow_in *in;

	if (!out)
		return NULL;
	if (out->flags & CV_FLOW_HOST) {
		/* Only the host opens these; the guest keeps one alive, no more. */
		if (!pkt_recent(p->now, out->last_tick, out->timeout_ticks))
			return NULL;
		flow_host_step(p, out, FLOW_OUT);
	} else if (!pkt_recent(p->now, out->last_tick, out->timeout_ticks) ||
		   flow_tcp_matters(p, out->state)) {
		in = flow_in_twin(key, out);
		if (!in)
			return NULL;
		if (!pkt_recent(p->now, out->last_tick, out->timeout_ticks) &&
		    !pkt_recent(p->now, in->last_tick, out->timeout_ticks))
			flow_revive(p, out, in);
		if (p->proto == IPPROTO_TCP)
			flow_tcp_step(p, out, in, FLOW_OUT);
	}
	flow_note_out(skb, p, out);
	return out;
}

/*
 * The flow of a packet from outside, noted as used.  NULL: there is none, or
 * it is dead.
 */
static __always_inline struct cv_flow_in *flow_find_in(const struct __sk_buff *skb,
						       const struct pkt *p,
						       const struct cv_tuple *key)
{
	struct cv_flow_in *in = bpf_map_lookup_elem(&flows_in, key);
	struct cv_flow_out *out;

	if (!in)
		return NULL;
	if (!pkt_recent(p->now, in->last_tick, in->timeout_ticks) ||
	    flow_tcp_matters(p, in->state)) {
		out = flow_out_twin(key, in);
		if (!out)
			return NULL;
		if (!pkt_recent(p->now, in->last_tick, in->timeout_ticks) &&
		    !pkt_recent(p->now, out->last_tick, in->timeout_ticks))
			return NULL;
		if (p->proto == IPPROTO_TCP)
			flow_tcp_step(p, out, in, FLOW_IN);
	}
	in->last_tick = p->now;
	in->packets++;
	in->bytes += skb->len - ETH_HLEN;
	return in;
}

static __always_inline void flow_count(__u32 net, __u32 slot, __u32 by)
{
	__u32 host = 0;
	struct cv_use *use;

	use = bpf_map_lookup_elem(&port_use, &slot);
	if (use)
		__sync_fetch_and_add(&use->flows, by);
	use = bpf_map_lookup_elem(&network_use, &net);
	if (use)
		__sync_fetch_and_add(&use->flows, by);
	use = bpf_map_lookup_elem(&network_use, &host);
	if (use)
		__sync_fetch_and_add(&use->flows, by);
}

/*
 * May this guest have one more?  Read before it is counted: as many flows as
 * there are CPUs may be made beyond the limit.
 */
static __always_inline int flow_limits(__u32 net, __u32 slot, const struct cv_network *n)
{
	struct cv_port *port = port_get(slot);
	struct cv_use *use;

	if (!port || port->net != net)
		return CV_DROP_NO_GUEST;
	use = bpf_map_lookup_elem(&port_use, &slot);
	if (!use || use->flows >= port->max_flows)
		return CV_DROP_PORT_FLOWS;
	use = bpf_map_lookup_elem(&network_use, &net);
	if (!use || use->flows >= n->max_flows)
		return CV_DROP_NETWORK_FLOWS;
	return 0;
}

/*
 * Put a new flow's outward entry and its key in.  Return: 0, -1 when another
 * CPU has made the same flow meanwhile, or CV_DROP_TABLE_FULL.
 */
static __always_inline int flow_insert_out(const struct cv_tuple *key,
					   const struct cv_flow_out *out)
{
	long err = bpf_map_update_elem(&flows_out, key, out, BPF_NOEXIST);

	if (err == -17 /* EEXIST */)
		return -1;
	if (err)
		return CV_DROP_TABLE_FULL;
	/* Counted first: once its key is pushed, the flow may be taken away. */
	flow_count(key->net, out->slot, 1);
	if (bpf_map_push_elem(&live_flows, key, 0)) {
		flow_count(key->net, out->slot, -1);
		bpf_map_delete_elem(&flows_out, key);
		return CV_DROP_TABLE_FULL;
	}
	TOTAL_ADD(new_flows, 1);
	return 0;
}

/*
 * Note a packet of the host to a guest, so that the guest's answers pass.
 */
static __always_inline int flow_from_host(const struct __sk_buff *skb, const struct pkt *p)
{
	const struct cv_network *n = network_get(p->net);
	struct cv_tuple key = {
		.local = p->daddr, .remote = p->saddr, .lport = p->dport,
		.rport = p->proto == IPPROTO_ICMP ? 0 : p->sport,
		.proto = p->proto, .net = p->net,
	};
	struct cv_flow_out *out, fresh = {
		.state = CV_FLOW_OPEN, .flags = CV_FLOW_HOST,
		.last_tick = p->now, .slot = p->slot,
	};
	int drop;

	if (!n)
		return CV_DROP_UNKNOWN_PORT;
	out = bpf_map_lookup_elem(&flows_out, &key);
	if (out) {
		flow_host_step(p, out, FLOW_IN);
		out->last_tick = p->now;
		return 0;
	}
	drop = flow_limits(p->net, p->slot, n);
	if (drop)
		return drop;
	fresh.timeout_ticks = flow_timeout(n, p->proto, CV_FLOW_OPEN);
	drop = flow_insert_out(&key, &fresh);
	return drop < 0 ? 0 : drop;
}

/* Is the flow with this key to be taken away? */
static __always_inline bool flow_is_dead(__u32 now, const struct cv_flow_out *out,
					 const struct cv_flow_in *in)
{
	if (pkt_recent(now, out->last_tick, out->timeout_ticks))
		return false;
	return !in || !pkt_recent(now, in->last_tick, out->timeout_ticks);
}

struct flow_walk {
	__u32 now;
	__u32 net, slot;	/* for cv_flush: whose flows; all 0: the dead ones */
	__u32 deleted;
	__u8  flush;
	__u8  empty;
	__u16 pad;
};

/* Take one key off the queue; delete its flow or put the key back. */
static long flow_walk_one(__u32 i, struct flow_walk *w)
{
	struct cv_tuple key, in_key;
	struct cv_flow_out *out;
	struct cv_flow_in *in;
	bool go;

	if (bpf_map_pop_elem(&live_flows, &key)) {
		w->empty = 1;
		return 1;
	}
	out = bpf_map_lookup_elem(&flows_out, &key);
	if (!out)
		return 0;
	in_key = flow_in_key(&key, out);
	in = out->flags & CV_FLOW_HOST ? NULL : bpf_map_lookup_elem(&flows_in, &in_key);
	if (w->flush)
		go = (!w->net || w->net == key.net) && (!w->slot || w->slot == out->slot);
	else
		go = flow_is_dead(w->now, out, in);
	/* The push finds room: there are never more keys than `flows_out` holds. */
	if (!go && !bpf_map_push_elem(&live_flows, &key, 0))
		return 0;
	flow_count(key.net, out->slot, -1);
	if (in)
		bpf_map_delete_elem(&flows_in, &in_key);
	bpf_map_delete_elem(&flows_out, &key);
	w->deleted++;
	return 0;
}

/*
 * The sweeper goes round all flows in about FLOW_ROUND_MS, in steps of at most
 * FLOW_STEP flows, so that no step holds its CPU for more than about 0.2 ms.
 */
#define FLOW_ROUND_MS	4000
#define FLOW_STEP	1024
#define FLOW_IDLE_MS	100

static int flow_sweep(void *map, __u32 *key, struct cv_sweeper *s)
{
	struct flow_walk w = { .now = pkt_now() };
	struct cv_use *use;
	__u32 host = 0, step, ms = FLOW_IDLE_MS;

	use = bpf_map_lookup_elem(&network_use, &host);
	if (!use)
		return 0;
	step = use->flows / (FLOW_ROUND_MS / FLOW_IDLE_MS) + 1;
	if (step > FLOW_STEP) {
		ms = FLOW_IDLE_MS * FLOW_STEP / step;
		step = FLOW_STEP;
	}
	bpf_loop(step, flow_walk_one, &w, 0);
	TOTAL_ADD(expired_flows, w.deleted);
	TOTAL_ADD(sweeps, 1);
	bpf_timer_start(&s->timer, (__u64)(ms ? ms : 1) * 1000000, 0);
	return 0;
}

#endif
