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
	struct model_mapping *e = rules_mapping(m, quote.saddr, quote.proto, quote.sport, quote.daddr);
	const struct model_guest *g;
	struct model_flow *f;

	/* No error is so long that it need be fragmented (RFC 1812 section 4.3.2.3). */
	if (IS_FRAGMENT(p) || !e || !e->flows || quote.saddr != p->daddr || OFFSET(&quote))
		return false;
	g = rules_guest_of_slot(m, e->slot);
	f = rules_flow(m, g, quote.proto, e->lport, quote.daddr, quote.dport);
	if (!f || !model_alive(m, f))
		return false;
	if (p->ttl <= 1) {
		fate_drop(ret, CV_DROP_TTL, g->net, g->slot);
		return true;
	}
	if (p->bad_check || quote.bad_ip_check) {
		fate_drop(ret, CV_DROP_ICMP_CHECKSUM, g->net, g->slot);
		return true;
	}
	quote.saddr = g->ip;
	quote.sport = e->lport;
	out.quote = &quote;
	deliver(g, &out, 0, ret);
	return true;
}

/* A flow that a stranger begins; @dead: one that is in its place until it is swept. */
static int begin_inbound(struct model *m, __u32 uplink, const struct model_guest *g,
			 struct model_mapping *e, const struct packet *p, bool dead,
			 struct model_flow **ret)
{
	struct model_flow f = {
		.guest = g, .outside = e, .remote = p->saddr, .lport = e->lport, .rport = p->sport,
		.proto = p->proto, .inbound = true, .uplink = uplink, .hairpin = !uplink,
		.noted = m->now - CV_ROUTE_TICKS - 1,
	};
	int drop;

	/* From outside in the host's own name. */
	if (uplink && rules_is_external(p->saddr))
		return CV_DROP_FILTERED;
	if (!rules_admit(m, e, g, p->saddr))
		return CV_DROP_FILTERED;
	if (p->proto == TCP && rules_tcp_flags(p) & (RST | FIN))
		return CV_DROP_NO_FLOW;
	drop = rules_limits(m, g);
	if (drop)
		return drop;
	if (dead)
		return CV_DROP_FILTERED;
	*ret = rules_add_flow(m, &f);
	if (p->proto == TCP)
		rules_tcp_from_peer(*ret, p);
	return 0;
}

/* Return: the flow of a packet to mapping @e, used or begun; NULL: @ret says why not. */
static struct model_flow *flow_in(struct model *m, __u32 uplink, struct model_mapping *e,
				  const struct packet *p, unsigned int len, struct model_fate *ret)
{
	const struct model_guest *g = rules_guest_of_slot(m, e->slot);
	struct model_flow *f = rules_flow(m, g, p->proto, e->lport, p->saddr, p->sport);
	int drop = CV_DROP_FILTERED;

	bool other = f && f->outside != e;	/* the guest's port has two outside */

	if (f && model_alive(m, f) && !other) {
		if (p->proto == TCP)
			rules_tcp_from_peer(f, p);
		rules_use_in(m, f, len);
		return f;
	}
	if (!rules_has_ports(p->proto) || p->proto == ICMP) {
		fate_pass(ret, p);	/* it may answer the host's own */
		return NULL;
	} else {
		drop = begin_inbound(m, uplink, g, e, p, f, &f);
		if (drop) {
			fate_drop(ret, drop, g->net, g->slot);
			return NULL;
		}
	}
	rules_use_in(m, f, len);
	return f;
}

/* @p knows its ports.  Return: the flow that it belongs to, if any. */
struct model_flow *walk_in(struct model *m, __u32 uplink, const struct packet *p, unsigned int len,
				  struct model_fate *ret)
{
	struct model_mapping *e;
	struct model_flow *f;

	fate_pass(ret, p);
	if (walk_is_error(p)) {
		if (p->quote)
			quote_in(m, p, ret);
		return NULL;
	}
	if (p->proto == ICMP && !OFFSET(p) && p->type != ECHO_REPLY)
		return NULL;
	e = rules_mapping(m, p->daddr, p->proto, p->proto == ICMP ? p->sport : p->dport, p->saddr);
	if (!e || !e->flows)
		return NULL;
	f = flow_in(m, uplink, e, p, len, ret);
	if (!f)
		return NULL;
	if (p->ttl <= 1)
		walk_refuse(m, f->guest->net, f->guest->slot, p, CV_DROP_TTL, p->daddr, 0, 0, ret);
	else
		deliver(f->guest, p, e->lport, ret);
	return f;
}

void model_in(struct model *m, __u32 uplink, const struct packet *p, unsigned int len,
	      struct model_fate *ret)
{
	struct packet known = *p;
	struct model_flow *f;
	int drop = 0;

	rules_forget(ret);
	if (IS_FRAGMENT(p) && !rules_is_external(p->daddr)) {
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

