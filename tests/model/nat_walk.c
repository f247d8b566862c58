// SPDX-License-Identifier: GPL-2.0-only
/* The model's packets on their way, rule by rule; see nat_model.h. */
#include <string.h>

#include "nat_rules.h"

static void fate_drop(struct model_fate *ret, __u32 reason, __u32 net, __u32 slot)
{
	ret->verdict = 2;	/* TC_ACT_SHOT */
	ret->drop = (struct cv_drop_key) { reason, net, slot };
}

static void fate_out(struct model_fate *ret, const struct packet *p)
{
	ret->verdict = 7;	/* TC_ACT_REDIRECT */
	ret->out = *p;
	if (p->quote) {
		ret->quote = *p->quote;
		ret->out.quote = &ret->quote;
	}
}

static void fate_pass(struct model_fate *ret, const struct packet *p)
{
	fate_out(ret, p);
	ret->verdict = -1;	/* TC_ACT_UNSPEC */
}

/* Another protocol's packet of less than the 8 bytes that an error quotes at least. */
static bool is_short(struct model *m, const struct packet *p)
{
	return m->follow & FOLLOW_SHORT && !rules_has_ports(p->proto) && frag_payload(p) + p->trailer < 8;
}

static bool is_error(const struct packet *p)
{
	return p->proto == ICMP && !OFFSET(p) &&
	       (p->type == UNREACHABLE || p->type == 4 || p->type == TIME_EXCEEDED ||
		p->type == PARAMETER_PROBLEM);
}

/* --- errors that a router sends (RFC 1812 4.3.2, RFC 1122 3.2.2) */

static bool error_of(__u32 reason, __u8 *ret_type, __u8 *ret_code)
{
	static const struct {
		__u32 reason;
		__u8 type, code;
	} errors[] = {
		{ CV_DROP_TTL, TIME_EXCEEDED, 0 }, { CV_DROP_TOO_BIG, UNREACHABLE, 4 },
		{ CV_DROP_NO_ROUTE, UNREACHABLE, 0 }, { CV_DROP_NO_UPLINK, UNREACHABLE, 0 },
		{ CV_DROP_MODE_ISOLATED, UNREACHABLE, 0 }, { CV_DROP_HOST_CLOSED, UNREACHABLE, 13 },
		{ CV_DROP_NO_PORT, UNREACHABLE, 13 }, { CV_DROP_PORT_FLOWS, UNREACHABLE, 13 },
		{ CV_DROP_NETWORK_FLOWS, UNREACHABLE, 13 }, { CV_DROP_POLICY, UNREACHABLE, 13 },
		{ CV_DROP_PORT_PORTS, UNREACHABLE, 13 }, { CV_DROP_NETWORK_PORTS, UNREACHABLE, 13 },
	};

	for (unsigned int i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (errors[i].reason != reason)
			continue;
		*ret_type = errors[i].type;
		*ret_code = errors[i].code;
		return true;
	}
	return false;
}

/* Of each guest's own: a neighbour's are not taken. */
static bool may_tell(struct model *m, __u32 slot, const struct packet *p)
{
	struct model_guest *n = (struct model_guest *)rules_guest_of_slot(m, slot);

	if (OFFSET(p) || (p->proto == ICMP && p->type != ECHO && p->type != ECHO_REPLY))
		return false;
	if (n->error_tick != m->now)
		n->errors = 0;
	n->error_tick = m->now;
	if (n->errors >= CV_ICMP_ERRORS_PER_TICK)
		return false;
	n->errors++;
	return true;
}

/* A drop, and what its sender is told: by @from, in a frame to @dmac. */
static void refuse(struct model *m, __u32 net, __u32 slot, const struct packet *p, __u32 reason,
		   __u32 from, __u64 dmac, __u16 mtu, struct model_fate *ret)
{
	struct packet e = {
		.dmac = dmac, .saddr = from, .daddr = p->saddr, .proto = ICMP, .frag = DF, .rest = mtu,
		.quote = p,
	};

	fate_drop(ret, reason, net, slot);
	if (!error_of(reason, &e.type, &e.code) || !may_tell(m, slot, p) || is_short(m, p))
		return;
	fate_out(ret, &e);
}

/* --- from outside */

static void deliver(const struct model_guest *g, const struct packet *p, __u16 lport, struct model_fate *ret)
{
	struct packet out = *p;

	out.dmac = TAG_MAC(g->slot);
	out.daddr = g->ip;
	out.ttl = p->ttl - 1;
	if (p->proto == ICMP)
		out.sport = is_error(p) ? p->sport : lport;
	else
		out.dport = lport;
	fate_out(ret, &out);
}

/* RFC 5508 REQ-4, REQ-5: the quoted packet is what a guest's flow sent. */
static bool quote_in(struct model *m, const struct packet *p, struct model_fate *ret)
{
	struct packet out = *p, quote = *p->quote;
	struct model_mapping *e = rules_mapping(m, quote.saddr, quote.proto, quote.sport, quote.daddr);
	const struct model_guest *g;
	struct model_flow *f;

	/* No error is so long that it need be fragmented (RFC 1812 section 4.3.2.3). */
	if (IS_FRAGMENT(p) || is_short(m, &quote) || !e || !e->flows || quote.saddr != p->daddr || OFFSET(&quote))
		return false;
	g = rules_guest_of_slot(m, e->slot);
	f = rules_flow(m, g, quote.proto, e->lport, quote.daddr, quote.dport);
	if (!f || !model_alive(m, f))
		return false;
	if (p->ttl <= 1) {
		fate_drop(ret, CV_DROP_TTL, g->net, g->slot);
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
static struct model_flow *walk_in(struct model *m, __u32 uplink, const struct packet *p, unsigned int len,
				  struct model_fate *ret)
{
	struct model_mapping *e;
	struct model_flow *f;

	fate_pass(ret, p);
	if (is_error(p)) {
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
		refuse(m, f->guest->net, f->guest->slot, p, CV_DROP_TTL, p->daddr, 0, 0, ret);
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
		if (m->follow & FOLLOW_MALFORMED)
			frag_leave(m, 0, p);
		return;
	}
	f = walk_in(m, uplink, &known, len, ret);
	if (ret->drop.reason)
		return;
	drop = frag_leave(m, 0, p);
	if (drop && ret->verdict == 7)
		fate_drop(ret, drop, f->guest->net, f->guest->slot);
}

/* --- from a guest */

/* May it leave at all?  Asked where no flow lives. */
static int policy(const struct model_net *n, const struct packet *p)
{
	__u32 a = p->daddr >> 24;

	if (a >= 224 || a == 127 || a == 0 || p->daddr >> 16 == 0xa9fe)
		return CV_DROP_NOT_UNICAST;
	if (p->daddr == n->gateway)
		return CV_DROP_HOST_CLOSED;
	if (p->daddr >> 8 == n->subnet >> 8)
		return CV_DROP_GUEST_SUBNET;
	if (n->isolated)
		return CV_DROP_MODE_ISOLATED;
	if (p->proto == ICMP && (OFFSET(p) || p->type != ECHO))
		return CV_DROP_ICMP_TYPE;
	if (p->proto == TCP && rules_tcp_flags(p) & (RST | FIN))
		return CV_DROP_NO_FLOW;
	return 0;
}

/* The guest whose port outside this is; NULL: nobody's. */
static const struct model_guest *hairpin_to(struct model *m, const struct packet *p)
{
	struct model_mapping *to = p->proto != TCP && p->proto != UDP ? NULL :
				   rules_mapping(m, p->daddr, p->proto, p->dport, p->saddr);

	return to && to->flows ? rules_guest_of_slot(m, to->slot) : NULL;
}

static int begin_outbound(struct model *m, const struct model_guest *g, const struct packet *p,
			  struct model_flow **ret)
{
	struct model_flow f = {
		.guest = g, .remote = p->daddr, .proto = p->proto, .hairpin = hairpin_to(m, p),
		.lport = rules_has_ports(p->proto) ? p->sport : 0,
		.rport = p->proto == ICMP || !rules_has_ports(p->proto) ? 0 : p->dport,
	};
	int drop = rules_limits(m, g);
	__u16 mtu;

	if (drop)
		return drop;
	if (!f.hairpin)
		drop = rules_route(p->daddr, &f.uplink, &mtu);
	if (drop)
		return drop;
	/* DCCP, AH and UDP-Lite: a check of theirs covers the addresses. */
	if (p->proto == 33 || p->proto == 51 || p->proto == 136)
		return CV_DROP_PROTOCOL;
	f.outside = rules_bind(m, &f, f.hairpin ? p->daddr : rules_address_of(f.uplink));
	if (!f.outside)
		return CV_DROP_NO_PORT;
	*ret = rules_add_flow(m, &f);
	return 0;
}

/* The flow of a guest's packet, used; begun, or begun anew, when none lives. */
static int flow_out(struct model *m, const struct model_guest *g, const struct packet *p, unsigned int len,
		    struct model_flow **ret)
{
	struct model_flow *f = rules_flow(m, g, p->proto, p->sport, p->daddr, p->dport);
	bool alive = f && model_alive(m, f), begun = !f;
	const struct model_guest *peer = hairpin_to(m, p);
	int drop = 0;

	/* Only the host asks guests. */
	if (p->proto == ICMP && !OFFSET(p) && p->type != ECHO)
		return CV_DROP_ICMP_TYPE;
	if (!alive)
		drop = policy(model_net(m, g->net), p);
	if (!alive && !drop && peer && peer->net == g->net && model_net(m, g->net)->isolate)
		drop = CV_DROP_ISOLATED;
	if (drop)
		return drop;
	if (!f)
		drop = begin_outbound(m, g, p, &f);
	else if (!alive)
		rules_begin_anew(f);
	if (drop)
		return drop;
	if (p->proto == TCP)
		rules_tcp_from_guest(f, p);
	rules_use_out(m, f, p, len);
	if (begun)
		rules_note_peer(m, f);
	*ret = f;
	return 0;
}

/* A hairpinned error about no flow counts for whose the port is. */
static void follow_error_drop(struct model *m, const struct model_guest *g, const struct packet *quote,
			      struct model_fate *ret)
{
	struct model_mapping *e = rules_mapping(m, quote->saddr, quote->proto, quote->sport, quote->daddr);
	const struct model_guest *to = e && e->flows ? rules_guest_of_slot(m, e->slot) : NULL;

	fate_drop(ret, CV_DROP_ICMP_NO_FLOW, to ? to->net : g->net, to ? to->slot : 0);
}

/* RFC 5508 REQ-5: a guest's error about a packet that it received. */
static int quote_out(struct model *m, const struct model_guest *g, const struct packet *p,
		     struct model_fate *ret)
{
	struct packet out = *p, quote = *p->quote;
	__u16 lport = quote.proto == ICMP ? quote.sport : quote.dport;
	struct model_flow *f = rules_flow(m, g, quote.proto, lport, quote.saddr, quote.sport);

	if (IS_FRAGMENT(p) || is_short(m, &quote))
		return CV_DROP_MALFORMED;
	if (!f || !model_alive(m, f) || quote.daddr != g->ip || p->daddr != quote.saddr)
		return CV_DROP_ICMP_NO_FLOW;
	if (p->ttl <= (f->hairpin ? 2 : 1))
		return CV_DROP_TTL;
	quote.daddr = out.saddr = f->outside->addr;
	*(quote.proto == ICMP ? &quote.sport : &quote.dport) = f->outside->port;
	out.quote = &quote;
	out.ttl--;
	if (!f->hairpin)
		fate_out(ret, &out);
	else if (!quote_in(m, &out, ret) && m->follow & FOLLOW_ERROR_DROPS)
		follow_error_drop(m, g, &quote, ret);
	else if (ret->verdict == 0)
		return CV_DROP_ICMP_NO_FLOW;
	if (!ret->drop.reason && !(m->follow & FOLLOW_ERROR_NUMBERS))
		ret->out.id = frag_number(m, p);
	return 0;
}

/* Translate; of what was cut only @size bytes go. */
static int leave_part(struct model *m, struct model_flow *f, struct packet *p, unsigned int size)
{
	struct packet part = *p;
	int drop;

	p->saddr = f->outside->addr;
	p->sport = f->outside->port;
	p->ttl--;
	if (size) {
		frag_cut(m, p, size);
		part.data = p->data;
		part.len = p->len;
		part.raw = true;
	}
	drop = frag_leave(m, f->guest->net, &part);
	if (!drop)
		p->id = frag_number(m, &part);
	return drop;
}

/* Out of the uplink, as the host's.  Return: 0, or why not. */
static int leave(struct model *m, struct model_flow *f, const struct packet *p, unsigned int len,
		 __u16 *ret_mtu, struct model_fate *ret)
{
	struct packet out = *p;
	__u32 uplink;
	__u16 mtu;
	unsigned int size = 0;
	int drop = rules_route(p->daddr, &uplink, &mtu);

	/* To a link that is no uplink now: the flow keeps the way it came. */
	if (drop && drop != CV_DROP_NO_UPLINK)
		return drop;
	if (!drop && (uplink == f->uplink || rules_address_of(uplink) == f->outside->addr))
		f->uplink = uplink;
	else
		mtu = f->uplink == UPLINK2 ? 1400 : 1500;	/* it keeps its address, and so its way */
	drop = 0;
	*ret_mtu = mtu;
	len -= 14 + p->trailer;
	if (len > mtu && p->frag & DF)
		return CV_DROP_TOO_BIG;
	if (len > mtu)
		drop = frag_split(m, f->guest->net, &out, mtu, &size, ret);
	if (size)
		f->out_bytes -= len - (20 + out.options_len + size);
	if (!drop)
		drop = leave_part(m, f, &out, size);
	if (!drop)
		fate_out(ret, &out);
	return drop;
}

/* Through the host's address to another guest (RFC 4787 REQ-9): two routers' hops. */
static int hairpin(struct model *m, struct model_flow *f, const struct packet *p, unsigned int len,
		   struct model_fate *ret)
{
	struct packet out = *p;
	int drop = frag_leave(m, f->guest->net, p);

	if (drop)
		return drop;
	if (p->ttl <= 2)
		return CV_DROP_TTL;
	out.saddr = f->outside->addr;
	out.sport = f->outside->port;
	out.ttl--;
	walk_in(m, 0, &out, len, ret);
	if (ret->verdict == -1)
		return CV_DROP_FILTERED;
	if (!ret->drop.reason)
		ret->out.id = frag_number(m, p);
	return 0;
}

/* On its way in the flow that it belongs to.  Return: 0, @ret says how, or why not. */
static int go_on(struct model *m, struct model_flow *f, const struct packet *p, unsigned int len,
		 __u16 *ret_mtu, struct model_fate *ret)
{
	if (p->ttl <= 1)
		return CV_DROP_TTL;
	/* About once a second, with 16 bits of the time. */
	if ((__u16)(m->now - f->noted) > CV_ROUTE_TICKS)
		rules_note_peer(m, f);
	return f->hairpin ? hairpin(m, f, p, len, ret) : leave(m, f, p, len, ret_mtu, ret);
}

void model_out(struct model *m, __u32 net, const struct packet *p, unsigned int len,
	       struct model_fate *ret)
{
	const struct model_guest *g = rules_guest_of_ip(m, net, p->saddr);
	struct packet known = *p;
	struct model_flow *f = NULL;
	__u16 mtu = 0;
	int drop;

	rules_forget(ret);
	drop = frag_arrive(m, net, &known, ret);
	if (drop == FRAG_AWAY) {
		ret->verdict = 2;
		return;
	}
	if (!drop && is_error(p))
		drop = quote_out(m, g, p, ret);
	else if (!drop)
		drop = flow_out(m, g, &known, len, &f);
	if (!drop && f)
		drop = go_on(m, f, &known, len, &mtu, ret);
	if (drop)
		refuse(m, net, g->slot, p, drop, model_net(m, net)->gateway, TAG_MAC(g->slot),
		       drop == CV_DROP_TOO_BIG ? mtu : 0, ret);
}

/* --- at the guest's port, both ways */

/* A ping of the gateway, or the rest of one. */
static bool asks_gateway(struct model *m, const struct model_net *n, const struct packet *p)
{
	return p->daddr == n->gateway && p->proto == ICMP && (OFFSET(p) || p->type == ECHO) &&
	       frag_of_gateway(m, n->id, p);
}

void model_from_guest(struct model *m, __u32 slot, const struct packet *p, struct model_fate *ret)
{
	const struct model_guest *g = rules_guest_of_slot(m, slot);
	const struct model_net *n = model_net(m, g->net);
	struct packet out = *p;

	rules_forget(ret);
	if (p->saddr != g->ip) {
		fate_drop(ret, CV_DROP_SPOOFED_IP, g->net, slot);
		return;
	}
	if (p->dmac != GATEWAY_MAC) {
		fate_pass(ret, p);
		if (n->isolate)
			fate_drop(ret, CV_DROP_ISOLATED, g->net, slot);
		return;
	}
	if (asks_gateway(m, n, p)) {
		out.dmac = p->smac;
		out.smac = GATEWAY_MAC;
		out.saddr = p->daddr;
		out.daddr = p->saddr;
		out.type = ECHO_REPLY;
		out.ttl = 64;
	}
	fate_out(ret, &out);
}

void model_to_guest(struct model *m, const struct packet *p, struct model_fate *ret)
{
	struct packet out = *p;

	rules_forget(ret);
	out.dmac = MAC_OF(p->dmac & 0xffffffff);
	out.smac = GATEWAY_MAC;
	fate_out(ret, &out);
}
