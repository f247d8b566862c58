// SPDX-License-Identifier: GPL-2.0-only
/* The model's packets from outside, rule by rule; see nat_model.h. */
#include <string.h>

#include "nat_rules.h"

static void deliver(const struct model_guest *g, const struct packet *p, __u16 lport, struct model_fate *ret)
{
	struct packet out = *p;

	out.dmac = TAG_MAC(g->slot);
	out.daddr = g->ip;
	out.ttl = p->ttl - 1;
	if (p->proto == ICMP)
		out.sport = walk_is_error(p) ? p->sport : lport;
	else
		out.dport = lport;
	fate_out(ret, &out);
}

/* RFC 5508 REQ-4, REQ-5: the quoted packet is what a guest's flow sent. */
bool quote_in(struct model *m, const struct packet *p, struct model_fate *ret)
{
	struct packet out = *p, quote = *p->quote;
	struct model_owner o = rules_owner(m, quote.proto, quote.saddr, quote.sport, quote.daddr);
	const struct model_guest *g = o.g;
	struct model_flow *f;

	/* No error is so long that it need be fragmented (RFC 1812 section 4.3.2.3). */
	if (IS_FRAGMENT(p) || !g || quote.saddr != p->daddr || OFFSET(&quote))
		return false;
	f = rules_flow(m, g, quote.proto, o.lport, quote.daddr, quote.dport);
	if (!f || !model_alive(m, f))
		return false;
	if (p->ttl <= 1) {
		fate_drop(ret, CV_DROP_TTL, g->net, g->slot);
		return true;
	}
	if (p->bad_l4 || quote.bad_ip) {
		fate_drop(ret, CV_DROP_ICMP_CHECKSUM, g->net, g->slot);
		return true;
	}
	quote.saddr = g->ip;
	quote.sport = o.lport;
	out.quote = &quote;
	deliver(g, &out, 0, ret);
	return true;
}

/* A flow that a stranger begins; @dead: one that is in its place until it is swept. */
static int begin_inbound(struct model *m, __u32 uplink, const struct model_owner *o,
			 const struct packet *p, bool dead, struct model_flow **ret)
{
	struct model_flow f = {
		.guest = o->g, .outside = o->e, .remote = p->saddr, .lport = o->lport,
		.rport = p->proto == TCP || p->proto == UDP ? p->sport : 0, .proto = p->proto, .inbound = true, .uplink = uplink, .hairpin = !uplink,
		.noted = m->now - CV_ROUTE_TICKS - 1,
	};
	enum cv_action action = policy_in(m, o, p);
	int drop;

	/* From outside in the host's own name. */
	if (uplink && rules_is_external(p->saddr))
		return CV_DROP_FILTERED;
	if (action == CV_ACTION_DENY)
		return CV_DROP_POLICY;
	/* A rule opens an address of the guest's own, not a port that is not forwarded. */
	if (o->whole ? !o->whole->open && action != CV_ACTION_ALLOW : !rules_admit(m, o->e, o->g, p->saddr))
		return CV_DROP_FILTERED;
	if (p->proto == TCP && rules_tcp_flags(p) & (RST | FIN))
		return CV_DROP_NO_FLOW;
	if (o->whole && o->whole->addr != o->g->ip && rules_checks_addresses(p->proto))
		return CV_DROP_PROTOCOL;
	drop = rules_limits(m, o->g);
	if (drop)
		return drop;
	if (dead)
		return CV_DROP_FILTERED;
	if (o->whole)
		f.outside = rules_bind_whole(m, &f, p->daddr);
	*ret = rules_add_flow(m, &f);
	if (p->proto == TCP)
		rules_tcp_from_peer(*ret, p);
	return 0;
}

/* Return: the flow of a packet to a guest, used or begun; NULL: @ret says why not. */
static struct model_flow *flow_in(struct model *m, __u32 uplink, const struct model_owner *o,
				  const struct packet *p, unsigned int len, struct model_fate *ret)
{
	struct model_flow *f = rules_flow(m, o->g, p->proto, o->lport, p->saddr, p->sport);
	/* The guest's port may have two outside; its answers to this peer have one. */
	bool other = f && (f->outside->addr != p->daddr || (!o->whole && f->outside != o->e));
	bool begins = p->proto != ICMP || (!OFFSET(p) && p->type == ECHO);
	int drop = CV_DROP_FILTERED;

	if (f && model_alive(m, f) && !other) {
		if (p->proto == TCP)
			rules_tcp_from_peer(f, p);
		rules_use_in(m, f, len);
		return f;
	}
	if (!o->whole && p->proto != TCP && p->proto != UDP) {
		fate_pass(ret, p);	/* it may answer the host's own */
		return NULL;
	}
	if (begins)
		drop = begin_inbound(m, uplink, o, p, f, &f);
	if (drop) {
		fate_drop(ret, drop, o->g->net, o->g->slot);
		return NULL;
	}
	rules_use_in(m, f, len);
	return f;
}

/* @p knows its ports.  Return: the flow that it belongs to, if any. */
struct model_flow *walk_in(struct model *m, __u32 uplink, const struct packet *p, unsigned int len,
			   struct model_fate *ret)
{
	struct model_owner o;
	struct model_flow *f;

	fate_pass(ret, p);
	if (walk_is_error(p)) {
		if (p->quote)
			quote_in(m, p, ret);
		return NULL;
	}
	o = rules_owner(m, p->proto, p->daddr, p->proto == ICMP ? p->sport : p->dport, p->saddr);
	if (!o.g)
		return NULL;
	if (p->proto == ICMP && !OFFSET(p) && p->type != ECHO_REPLY && !(o.whole && p->type == ECHO)) {
		if (o.whole)
			fate_drop(ret, CV_DROP_ICMP_TYPE, o.g->net, o.g->slot);
		return NULL;
	}
	f = flow_in(m, uplink, &o, p, len, ret);
	if (!f)
		return NULL;
	if (p->ttl <= 1)
		walk_refuse(m, f->guest->net, f->guest->slot, p, CV_DROP_TTL, p->daddr, 0, 0, ret);
	else
		deliver(f->guest, p, o.lport, ret);
	return f;
}

void model_in(struct model *m, __u32 uplink, const struct packet *p, unsigned int len,
	      struct model_fate *ret)
{
	struct packet known = *p;
	struct model_flow *f;
	int drop = 0;

	rules_forget(ret);
	if (IS_FRAGMENT(p) && !rules_is_external(p->daddr) && !rules_owner(m, p->proto, p->daddr, 0, 0).g) {
		fate_pass(ret, p);
		return;
	}
	drop = frag_arrive(m, 0, &known, ret);
	if (drop == FRAG_AWAY) {
		ret->verdict = 2;
		return;
	}
	if (drop) {
		fate_pass(ret, p);	/* the host drops what it likes itself */
		return;
	}
	f = walk_in(m, uplink, &known, len, ret);
	if (ret->drop.reason)
		return;
	drop = frag_leave(m, 0, p);
	if (drop && ret->verdict == 7)
		fate_drop(ret, drop, f->guest->net, f->guest->slot);
}

