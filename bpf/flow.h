/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: flows
 *
 * A flow is one entry of 128 bytes that both directions share, so that a
 * packet of an established flow costs one hash lookup.  It notes when each
 * direction was used last; the flow is dead when both were silent for its
 * timeout.  That is decided at lookup, so expiry is exact and needs no process
 * and no timer per flow.
 *
 * A dead flow is gone for every packet from outside.  A packet of its guest
 * begins it anew in place, with the external port it had.  Memory comes back
 * by the sweeper, one timer for the host, which goes round the queue of all
 * flows in bounded steps; only who has popped a flow's key deletes it.
 *
 * Races.  Two CPUs may add to one counter at once and lose a packet of the
 * count: accepted, an atomic would cost 10 ns per packet.  A CPU that stalls
 * between lookup and use may find its entry deleted and given to another flow:
 * the tag, written first and read last, tells, and the packet is dropped.  The
 * sweeper may delete a flow in the microsecond in which its guest revives it:
 * the packet leaves translated, the next one makes a new flow, with the same
 * port.  Two CPUs may make one flow at once: the second finds the key taken,
 * leaves the mapping and uses the first's.  In the nanoseconds in which a next
 * hop's new MAC address is written, another CPU may send to half of it.
 */
#ifndef CV_FLOW_H
#define CV_FLOW_H

#include "event.h"
#include "frag.h"
#include "policy.h"

static __always_inline __u32 flow_tag(const struct cv_tuple *key)
{
	return key->remote ^ ((__u32)key->lport << 16 | key->rport) ^ key->local >> 7 ^ key->proto;
}

/* Is the entry still this flow's?  Asked after everything else was read. */
static __always_inline bool flow_same(const struct cv_flow *f, __u32 tag)
{
	asm volatile("" ::: "memory");
	return *(const volatile __u32 *)&f->tag == tag;
}

/* Is the next hop's address on the link known? */
static __always_inline bool flow_knows_macs(const struct cv_flow *f)
{
	const __u16 *dst = (const void *)f->macs;

	return dst[0] | dst[1] | dst[2];
}

static __always_inline __u32 flow_timeout(const struct cv_network *n, __u8 proto,
					  __u8 state)
{
	if (proto == IPPROTO_ICMP)
		return n->timeout_ticks[CV_TIMEOUT_ICMP];
	if (proto != IPPROTO_TCP)
		return n->timeout_ticks[CV_TIMEOUT_UDP];
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
		/* Who may open opens a closed connection's ports again. */
		if ((dir == FLOW_OUT || t.flags & CV_FLOW_INBOUND) && t.state == CV_FLOW_CLOSING &&
		    (tcp_flags & (PKT_TCP_SYN | PKT_TCP_ACK)) == PKT_TCP_SYN) {
			t.flags = dir == FLOW_OUT ? 0 : CV_FLOW_INBOUND;
			t.state = CV_FLOW_OPEN;
		}
		/* Data after a reset: the reset was not believed. */
		t.flags &= ~CV_FLOW_RST;
		if (tcp_flags & PKT_TCP_SYN)
			t.flags |= dir == FLOW_OUT ? CV_FLOW_OUT_SYN : CV_FLOW_IN_SYN;
		if (tcp_flags & PKT_TCP_FIN)
			t.flags |= dir == FLOW_OUT ? CV_FLOW_OUT_FIN : CV_FLOW_IN_FIN;
		/*
		 * An answer stands for both SYNs: the flow may be taken up in
		 * its middle, or another CPU may have overwritten one of them.
		 * A stranger's is none before the guest has said something.
		 */
		if (dir == FLOW_IN && tcp_flags & PKT_TCP_ACK &&
		    (!(t.flags & CV_FLOW_INBOUND) || t.flags & CV_FLOW_ACKED))
			t.flags |= syns;
	}

	if (t.flags & CV_FLOW_RST || (t.flags & fins) == fins)
		t.state = CV_FLOW_CLOSING;
	/* Of who came from outside, the third segment establishes, not the guest's answer. */
	else if ((t.flags & syns) == syns &&
		 !(t.flags & CV_FLOW_INBOUND && t.state == CV_FLOW_OPEN && tcp_flags & PKT_TCP_SYN))
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

/*
 * Does the peer's segment close or reset the connection?  Only where the guest
 * would believe it: a reset exactly where the guest waits for data (RFC 5961
 * section 3), a FIN not far from there.  Others pass, and change nothing here:
 * nobody ends a flow who cannot see it.
 */
#define FLOW_FIN_DISTANCE	(1 << 20)	/* bytes: more than is in flight usually */

static __always_inline __u8 flow_tcp_believed(const struct pkt *p, const struct cv_flow *f)
{
	__u8 flags = p->l4_flags;

	if (!(f->flags & CV_FLOW_ACKED))
		return flags;
	if (flags & PKT_TCP_RST && p->seq != f->out_next)
		flags &= ~(PKT_TCP_RST | PKT_TCP_FIN);
	if (flags & PKT_TCP_FIN &&
	    p->seq - f->out_next + FLOW_FIN_DISTANCE > 2 * FLOW_FIN_DISTANCE)
		flags &= ~PKT_TCP_FIN;
	return flags;
}

static __always_inline void flow_tcp_step(const struct pkt *p, struct cv_flow *f,
					  enum flow_direction dir)
{
	struct flow_tcp t = { f->state, f->flags };
	const struct cv_network *n = network_get(p->net);
	__u8 flags = dir == FLOW_IN ? flow_tcp_believed(p, f) : p->l4_flags;

	if (!n)
		return;
	/* A reset that is not believed must not pass for data that revives. */
	if (p->l4_flags & PKT_TCP_RST && !(flags & PKT_TCP_RST))
		return;
	t = flow_tcp_next(t, flags, dir);
	f->state = t.state;
	f->flags = t.flags;
	f->timeout_ticks = flow_timeout(n, IPPROTO_TCP, t.state);
}

/*
 * The state of a flow that is not translated: long-lived between the first
 * answer and the first FIN or reset of either.
 */
static __always_inline void flow_host_step(const struct pkt *p, struct cv_flow *f,
					   enum flow_direction dir)
{
	bool opener = (dir == FLOW_OUT) == !!(f->flags & CV_FLOW_BY_GUEST);
	const struct cv_network *n;
	__u8 state = f->state;

	if (p->proto != IPPROTO_TCP)
		return;
	if (p->l4_flags & (PKT_TCP_FIN | PKT_TCP_RST))
		state = CV_FLOW_CLOSING;
	else if (!opener && state == CV_FLOW_OPEN)
		state = CV_FLOW_ESTABLISHED;
	else if (opener && (p->l4_flags & (PKT_TCP_SYN | PKT_TCP_ACK)) == PKT_TCP_SYN)
		state = CV_FLOW_OPEN;
	if (state == f->state)
		return;
	n = network_get(p->net);
	if (!n)
		return;
	f->state = state;
	f->timeout_ticks = flow_timeout(n, IPPROTO_TCP, state);
}

static __always_inline bool flow_alive(__u32 now, const struct cv_flow *f)
{
	return pkt_recent(now, f->out_tick, f->timeout_ticks) ||
	       pkt_recent(now, f->in_tick, f->timeout_ticks);
}

/* Let a flow be dead from now on. */
static __always_inline void flow_end(__u32 now, struct cv_flow *f)
{
	f->out_tick = f->in_tick = now - f->timeout_ticks - 1;
}

/*
 * A dead flow is begun anew by its guest, in its place: as if it had been
 * swept and made again with the same port.  It was judged as a new one.
 */
static __always_inline void flow_revive(const struct pkt *p, const struct cv_network *n,
					struct cv_flow *f)
{
	struct flow_tcp t = { .state = CV_FLOW_OPEN };

	if (p->proto == IPPROTO_TCP)
		t = flow_tcp_next(t, p->l4_flags, FLOW_OUT);
	f->state = t.state;
	f->flags = t.flags;
	f->timeout_ticks = flow_timeout(n, p->proto, t.state);
	f->out_packets = f->out_bytes = 0;
	f->in_packets = f->in_bytes = 0;
	f->created_tick = f->out_tick = p->now;
}

static __always_inline void flow_note_out(const struct __sk_buff *skb, const struct pkt *p,
					  struct cv_flow *f)
{
	if (p->proto == IPPROTO_TCP && p->l4_flags & PKT_TCP_ACK) {
		f->out_next = p->ack;
		f->flags |= CV_FLOW_ACKED;
	}
	/* A reset may answer a stranger: it renews nothing (RFC 7857 section 7.1). */
	if (p->proto != IPPROTO_TCP || !(p->l4_flags & PKT_TCP_RST))
		f->out_tick = p->now;
	f->out_packets++;
	f->out_bytes += skb->len - ETH_HLEN;
}

/* @frame_len: with the Ethernet header. */
static __always_inline void flow_count_in(const struct pkt *p, struct cv_flow *f, __u32 frame_len)
{
	f->in_tick = p->now;
	f->in_packets++;
	f->in_bytes += frame_len - ETH_HLEN;
}

static __always_inline void flow_note_in(const struct __sk_buff *skb, const struct pkt *p,
					 struct cv_flow *f)
{
	flow_count_in(p, f, skb->len);
}

/* The entry of a packet's flow; not looked for again when there has just been none. */
static __always_inline struct cv_flow *flow_look(const struct pkt *p, const struct cv_tuple *key)
{
	return p->no_flow ? NULL : bpf_map_lookup_elem(&flows, key);
}

/*
 * The flow of a guest's packet, noted as used.  NULL: there is none.
 */
static __always_inline struct cv_flow *flow_find_out(const struct __sk_buff *skb,
						     const struct pkt *p,
						     const struct cv_tuple *key)
{
	struct cv_flow *f = flow_look(p, key);

	if (!f)
		return NULL;
	if (f->flags & CV_FLOW_HOST) {
		/* With the host; the guest keeps one alive, no more. */
		if (!flow_alive(p->now, f))
			return NULL;
		flow_host_step(p, f, FLOW_OUT);
	} else {
		if (!pkt_recent(p->now, f->out_tick, f->timeout_ticks) &&
		    !pkt_recent(p->now, f->in_tick, f->timeout_ticks))
			return NULL;
		if (flow_tcp_matters(p, f->state))
			flow_tcp_step(p, f, FLOW_OUT);
	}
	flow_note_out(skb, p, f);
	return f;
}

/* The flow of a packet from outside.  NULL: there is none, or it is dead. */
static __always_inline struct cv_flow *flow_get_in(const struct pkt *p, const struct cv_tuple *key)
{
	struct cv_flow *f = flow_look(p, key);

	if (!f || !flow_alive(p->now, f))
		return NULL;
	/* The guest's port may have two outside; its answers to this peer have one. */
	return f->port == p->dport && f->addr == p->daddr ? f : NULL;
}

/* The same, noted as used. */
static __always_inline struct cv_flow *flow_find_in(const struct __sk_buff *skb,
						    const struct pkt *p,
						    const struct cv_tuple *key)
{
	struct cv_flow *f = flow_get_in(p, key);

	if (!f)
		return NULL;
	if (flow_tcp_matters(p, f->state))
		flow_tcp_step(p, f, FLOW_IN);
	flow_note_in(skb, p, f);
	return f;
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
 * Put a new flow and its key in.  Return: 0, -1 when another CPU has made the
 * same flow meanwhile, or CV_DROP_TABLE_FULL.
 */
static __always_inline int flow_insert(const struct cv_tuple *key, const struct cv_flow *f)
{
	/* Before Linux 6.4 only the lower half of what it returns is defined (on 6.1: test_forward). */
	int err = bpf_map_update_elem(&flows, key, f, BPF_NOEXIST);

	if (err == -17 /* EEXIST */)
		return -1;
	if (err)
		return CV_DROP_TABLE_FULL;
	/* Counted first: once its key is pushed, the flow may be taken away. */
	flow_count(key->net, f->slot, 1);
	if (bpf_map_push_elem(&live_flows, key, 0)) {
		flow_count(key->net, f->slot, -1);
		bpf_map_delete_elem(&flows, key);
		return CV_DROP_TABLE_FULL;
	}
	TOTAL_ADD(new_flows, 1);
	event_flow(CV_EVENT_NEW, key, f);
	return 0;
}

/* An empty flow to fill in and insert; NULL never happens. */
static __always_inline struct cv_flow *flow_blank(const struct cv_tuple *key, __u32 slot,
						  __u32 now)
{
	__u32 zero = 0;
	struct cv_flow *f = bpf_map_lookup_elem(&flow_scratch, &zero);

	if (!f)
		return NULL;
	__builtin_memset(f, 0, sizeof(*f));
	f->tag = flow_tag(key);
	f->state = CV_FLOW_OPEN;
	f->external = EXTERNAL_NONE;
	f->slot = slot;
	f->out_tick = f->in_tick = f->created_tick = now;
	return f;
}

/* Make a flow that is not translated: with the host, or between two guests. */
static __always_inline int flow_make_plain(const struct __sk_buff *skb, const struct pkt *p,
					   const struct cv_network *n,
					   const struct cv_tuple *key, __u32 slot, __u8 flags)
{
	struct cv_flow *f;
	int drop = flow_limits(key->net, slot, n);

	if (drop) {
		event_refused(p, key, flags, drop);
		return drop;
	}
	f = flow_blank(key, slot, p->now);
	if (!f)
		return CV_DROP_TABLE_FULL;
	f->flags = flags;
	f->timeout_ticks = flow_timeout(n, p->proto, CV_FLOW_OPEN);
	if (flags & CV_FLOW_BY_GUEST)
		flow_note_out(skb, p, f);
	else
		flow_note_in(skb, p, f);
	drop = flow_insert(key, f);
	if (drop > 0)
		event_refused(p, key, flags, drop);
	return drop < 0 ? 0 : drop;
}

/* The flow that a guest's packet belongs to, seen from the guest. */
static __always_inline struct cv_tuple flow_out_key(const struct pkt *p)
{
	return (struct cv_tuple) {
		.local = p->saddr, .remote = p->daddr, .lport = p->sport,
		.rport = p->proto == IPPROTO_ICMP ? 0 : p->dport,
		.proto = p->proto, .net = p->net,
	};
}

/* The flow that a packet to a guest belongs to, seen from the guest. */
static __always_inline struct cv_tuple flow_in_key(const struct pkt *p)
{
	return (struct cv_tuple) {
		.local = p->daddr, .remote = p->saddr, .lport = p->dport,
		.rport = p->proto == IPPROTO_ICMP ? 0 : p->sport,
		.proto = p->proto, .net = p->net,
	};
}

/* Has a guest asked the host for this, at another address than the gateway's? */
static __always_inline bool flow_asked(const struct pkt *p)
{
	struct cv_tuple key = flow_in_key(p);
	struct cv_flow *f = bpf_map_lookup_elem(&flows, &key);

	return f && f->flags & CV_FLOW_HOST && flow_alive(p->now, f);
}

/*
 * Note a packet of the host to a guest, so that the guest's answers pass.
 */
static __always_inline int flow_from_host(const struct __sk_buff *skb, const struct pkt *p)
{
	const struct cv_network *n = network_get(p->net);
	struct cv_judge_args ask = policy_to_guest(p, p->slot, p->daddr, p->dport);
	struct cv_tuple key = flow_in_key(p);
	struct cv_flow *f;

	if (!n)
		return CV_DROP_UNKNOWN_PORT;
	f = bpf_map_lookup_elem(&flows, &key);
	if (f) {
		flow_host_step(p, f, FLOW_IN);
		flow_note_in(skb, p, f);
		return 0;
	}
	ask.host = 1;
	if (policy_judge(&ask) == CV_ACTION_DENY) {
		event_refused(p, &key, CV_FLOW_HOST, CV_DROP_POLICY);
		return CV_DROP_POLICY;
	}
	return flow_make_plain(skb, p, n, &key, p->slot, CV_FLOW_HOST);
}

#endif
