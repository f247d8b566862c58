// SPDX-License-Identifier: GPL-2.0-only
/*
 * The packet's road.  One program for each place where culvert meets a packet;
 * each reads as the list of its stages.  A stage returns 0 or a drop reason
 * (enum cv_drop) and may decide the way out (p.way), which ends the road.
 *
 *     guest -> from_guest =====> to_uplink -> uplink
 *     guest <- to_guest  <===== from_uplink <- uplink
 *
 * The double line is the veth between the network's namespace and the host.
 */
#include "event.h"
#include "verdict.h"
#include "guard.h"
#include "offload.h"
#include "header.h"
#include "gateway.h"
#include "dhcp.h"
#include "policy.h"
#include "frag.h"
#include "flow.h"
#include "sweep.h"
#include "fwd.h"
#include "nat.h"
#include "plain.h"
#include "quote.h"
#include "guest.h"
#include "xdp.h"
#include "rejudge.h"
#include "socket.h"

char LICENSE[] SEC("license") = "GPL";

/* Ingress of a guest's port: does it speak for itself, and where does it go? */
SEC("tc")
int cv_from_guest(struct __sk_buff *skb)
{
	const struct cv_network *n;
	const struct cv_port *port;
	struct pkt p = {};
	int drop;

	drop = guard_port(skb, &p, &port, &n);
	if (!drop)
		drop = plain_from_guest(skb, &p, port, n);
	if (drop == PLAIN_NO)
		drop = guard_source(skb, &p, port);
	if (going(&p, drop))
		drop = offload_check(skb, &p);
	if (going(&p, drop))
		drop = gateway_answer(skb, &p, port, n);
	if (going(&p, drop) && guard_is_dhcp(&p))
		drop = dhcp_answer(skb, &p);
	if (going(&p, drop))
		drop = fwd_from_guest(skb, &p, n);
	return verdict(&p, drop);
}

/* Ingress of the veth's host end: a guest's packet leaves the network. */
SEC("tc")
int cv_to_uplink(struct __sk_buff *skb)
{
	struct pkt p = { .net = skb->ifindex - CV_IFINDEX_HOST };
	int drop = plain_out(skb, &p);

	if (drop == PLAIN_NO)
		drop = gateway_only_ip(skb, &p);
	if (going(&p, drop))
		drop = pkt_arrive(skb, &p);
	if (going(&p, drop) && header_has_options(&p))
		drop = header_options(skb, p.l4_off - PKT_IP_OFF);
	if (going(&p, drop))
		drop = frag_recall(skb, &p, p.net);
	if (going(&p, drop) && pkt_icmp_error(&p))
		drop = quote_out(skb, &p);
	if (going(&p, drop))
		drop = nat_out(skb, &p);
	if (drop)
		drop = fwd_refuse_guest(skb, &p, drop);
	return verdict(&p, drop);
}

/* Ingress of an uplink: a packet for a guest, or none of our business. */
SEC("tc")
int cv_from_uplink(struct __sk_buff *skb)
{
	struct pkt p = {};
	int drop = plain_in(skb, &p);

	if (drop == PLAIN_NO)
		drop = gateway_uplink(skb, &p);
	if (going(&p, drop) && pkt_is_fragment(&p) && owner_fragment(skb, &p))
		p.way = WAY_KERNEL;
	if (going(&p, drop) && pkt_icmp_error(&p))
		drop = quote_in(skb, &p);
	if (going(&p, drop))
		drop = nat_in(skb, &p);
	if (!drop && pkt_is_fragment(&p))
		drop = nat_pass_fragment(&p);
	if (drop)
		drop = fwd_refuse_outside(skb, &p, drop);
	return verdict(&p, drop);
}

/*
 * The uplink's driver, before from_uplink and before there is an skb: a packet
 * of a flow in full swing goes straight to its guest.  Not "xdp.frags": a map of
 * links is for programs of one kind, and libxdp's dispatcher alone has that flag.
 */
SEC("xdp")
int cv_xdp(struct xdp_md *ctx)
{
	struct pkt p = {};

	return verdict_xdp(xdp_parse(ctx, &p) && xdp_to_guest(ctx, &p));
}

/* Ingress of the veth's inner end: from from_uplink, or from the host itself. */
SEC("tc")
int cv_to_guest(struct __sk_buff *skb)
{
	struct pkt p = { .net = skb->ifindex - CV_IFINDEX_NS };
	int drop;

	drop = guest_tagged(skb, &p);
	if (going(&p, drop))
		drop = guest_from_host(skb, &p);
	return verdict(&p, drop);
}

/* Run once by user space: start the sweeper. */
SEC("tc")
int cv_start(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct cv_sweeper *s = bpf_map_lookup_elem(&sweeper, &zero);

	if (!s)
		return 1;
	/* It may have been started before: -EBUSY, and nothing to do again. */
	bpf_timer_init(&s->timer, &sweeper, 1 /* CLOCK_MONOTONIC */);
	if (bpf_timer_set_callback(&s->timer, flow_sweep) ||
	    bpf_timer_start(&s->timer, 0, 0))
		return 1;
	return 0;
}

/* Run by user space: what do the rules say (struct cv_judge_args in `judge`)? */
SEC("tc")
int cv_judge(struct __sk_buff *skb)
{
	struct cv_judge_args ask = {}, *args;
	__u32 zero = 0;

	args = bpf_map_lookup_elem(&judge, &zero);
	if (!args)
		return 1;
	ask = *args;
	policy_judge(&ask);
	*args = ask;
	return 0;
}

/* Run by user space when rules have changed: forget what they deny (as cv_flush). */
SEC("tc")
int cv_rejudge(struct __sk_buff *skb)
{
	return sweep_by_command(rejudge_one);
}

/* Run by user space: forget flows (struct cv_flush_args in `control`). */
SEC("tc")
int cv_flush(struct __sk_buff *skb)
{
	return sweep_by_command(flow_walk_one);
}

/* Run by the daemon: tell who looks on what became of a lease (`lease_event`). */
SEC("tc")
int cv_event(struct __sk_buff *skb)
{
	struct cv_lease_event *a;
	__u32 zero = 0;

#ifdef CV_BENCH_MORE_VERIFIED	/* that tools/bench/unit notices: tests/guest/instructions.t */
	asm volatile(".rept 40\nr0 = 0\n.endr" ::: "r0");
#endif
	a = bpf_map_lookup_elem(&lease_event, &zero);
	if (!a)
		return 1;
	event_lease(a->net, a->slot, a->ip, a->news, a->lease_s);
	return 0;
}

/*
 * Sockets at the root of the cgroups: the host's own way to a forward.  All
 * of them always let the call go on.
 */
SEC("cgroup/connect4")
int cv_connect4(struct bpf_sock_addr *ctx)
{
	socket_lead4(ctx, socket_source(ctx));
	return 1;
}

SEC("cgroup/connect6")
int cv_connect6(struct bpf_sock_addr *ctx)
{
	socket_lead6(ctx);
	return 1;
}

/* Also of an IPv6 socket.  A datagram may name its source by itself. */
SEC("cgroup/sendmsg4")
int cv_sendmsg4(struct bpf_sock_addr *ctx)
{
	__be32 source = socket_source(ctx);

	socket_lead4(ctx, source ? source : ctx->msg_src_ip4);
	return 1;
}

SEC("cgroup/recvmsg4")
int cv_recvmsg4(struct bpf_sock_addr *ctx)
{
	socket_recall4(ctx);
	return 1;
}

SEC("cgroup/recvmsg6")
int cv_recvmsg6(struct bpf_sock_addr *ctx)
{
	socket_recall6(ctx);
	return 1;
}

SEC("cgroup/getpeername4")
int cv_getpeername4(struct bpf_sock_addr *ctx)
{
	socket_recall4(ctx);
	return 1;
}

SEC("cgroup/getpeername6")
int cv_getpeername6(struct bpf_sock_addr *ctx)
{
	socket_recall6(ctx);
	return 1;
}
