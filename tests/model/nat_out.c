// SPDX-License-Identifier: GPL-2.0-only
/* The model's packets from a guest, rule by rule; see nat_model.h. */
#include <string.h>

#include "nat_rules.h"

/* May it leave at all?  Asked where no flow lives. */
static int may_leave(const struct model_net *n, const struct packet *p)
{
	__u32 a = p->daddr >> 24;

	if (a >= 224 || a == 127 || a == 0 || p->daddr >> 16 == 0xa9fe)
		return CV_DROP_NOT_UNICAST;
	if (p->daddr == n->gateway)
		return CV_DROP_HOST_CLOSED;
	if (p->daddr >> 8 == n->subnet >> 8)
		return CV_DROP_GUEST_SUBNET;
	return n->isolated ? CV_DROP_MODE_ISOLATED : 0;
}

static bool may_begin(const struct packet *p)
{
	if (p->proto == ICMP)
		return !OFFSET(p) && p->type == ECHO;
	return p->proto != TCP || !(rules_tcp_flags(p) & (RST | FIN));
}

/* The guest whose port outside this is, or whose address; nobody's: without guest. */
struct model_owner policy_peer(struct model *m, const struct packet *p)
{
	if (rules_is_external(p->daddr) && p->proto != TCP && p->proto != UDP)
		return (struct model_owner) {};
	return rules_owner(m, p->proto, p->daddr, p->proto == ICMP ? p->sport : p->dport, p->saddr);
}

/* What a new flow's peer sees. */
static struct model_mapping *bind_outside(struct model *m, const struct model_flow *f, int *ret_drop)
{
	__u32 own = rules_own_address(m, f->guest, f->remote);

	*ret_drop = CV_DROP_PROTOCOL;
	if (own != f->guest->ip && rules_checks_addresses(f->proto))
		return NULL;
	if (own)
		return rules_bind_whole(m, f, own);
	/* To a guest that has its address for itself: as by the first uplink. */
	if (f->hairpin)
		return rules_bind(m, f, rules_is_external(f->remote) ? f->remote : HOST_IP, ret_drop);
	return rules_bind(m, f, rules_address_of(f->uplink), ret_drop);
}

/* To the host, by a rule. */
static int begin_host(struct model *m, const struct model_guest *g, const struct packet *p,
		      struct model_flow *dead, struct model_flow **ret)
{
	struct model_flow f = {
		.guest = g, .remote = p->daddr, .proto = p->proto, .host = true,
		.lport = rules_has_ports(p->proto) ? p->sport : 0,
		.rport = p->proto == TCP || p->proto == UDP ? p->dport : 0,
	};
	int drop;

	if (policy_out(m, g, p, true) != CV_ACTION_ALLOW)
		return CV_DROP_HOST_CLOSED;
	if (dead && !dead->host)
		return CV_DROP_NO_FLOW;
	if (dead) {
		dead->state = CV_FLOW_OPEN;
		dead->timeout = 0;
		*ret = dead;
		return 0;
	}
	drop = rules_limits(m, g);
	if (drop)
		return drop;
	f.outside = rules_bind_whole(m, &f, 0);
	f.outside->port = 0;
	*ret = rules_add_flow(m, &f);
	return 0;
}

/* A dead flow with the host, in its place until it is swept. */
static int begin_again(struct model *m, const struct model_guest *g, const struct packet *p,
		       struct model_flow *f)
{
	__u32 uplink;
	__u16 mtu;
	int drop = rules_limits(m, g);

	if (!drop && policy_peer(m, p).g)
		return CV_DROP_NO_FLOW;
	if (!drop)
		drop = rules_route(p->daddr, &uplink, &mtu);
	return drop == CV_DROP_HOST_CLOSED ? begin_host(m, g, p, f, &f) : drop ? drop : CV_DROP_NO_FLOW;
}

#define ASK_HOST	(-1)

/* May it go to whom it is for, where no flow lives?  ASK_HOST: that is the host, by the rules for it. */
static int ask_rules(struct model *m, const struct model_guest *g, const struct packet *p)
{
	const struct model_guest *peer = policy_peer(m, p).g;
	enum cv_action action = policy_out(m, g, p, false);
	__u32 uplink;
	__u16 mtu;

	if (peer && peer->net == g->net && action == CV_ACTION_NONE && model_net(m, g->net)->isolate)
		return CV_DROP_ISOLATED;
	/* The host's rules are asked when that is known. */
	if (!peer && rules_route(p->daddr, &uplink, &mtu) == CV_DROP_HOST_CLOSED)
		return action == CV_ACTION_DENY ? ASK_HOST : 0;
	return action == CV_ACTION_DENY ? CV_DROP_POLICY : 0;
}

static int begin_outbound(struct model *m, const struct model_guest *g, const struct packet *p,
			  struct model_flow **ret)
{
	struct model_flow f = {
		.guest = g, .remote = p->daddr, .proto = p->proto, .hairpin = policy_peer(m, p).g,
		.lport = rules_has_ports(p->proto) ? p->sport : 0,
		.rport = p->proto == ICMP || !rules_has_ports(p->proto) ? 0 : p->dport,
	};
	int drop = rules_limits(m, g);
	__u16 mtu;

	if (drop)
		return drop;
	if (!f.hairpin)
		drop = rules_route(p->daddr, &f.uplink, &mtu);
	if (drop == CV_DROP_HOST_CLOSED)
		return begin_host(m, g, p, NULL, ret);
	if (drop)
		return drop;
	f.outside = bind_outside(m, &f, &drop);
	if (!f.outside)
		return drop;
	*ret = rules_add_flow(m, &f);
	return 0;
}

/* The flow of a guest's packet, used; begun, or begun anew, when none lives. */
static int flow_out(struct model *m, const struct model_guest *g, const struct packet *p, unsigned int len,
		    struct model_flow **ret)
{
	struct model_flow *f = rules_flow(m, g, p->proto, p->sport, p->daddr, p->dport);
	bool alive = f && model_alive(m, f), begun = !f;
	bool asked = f && f->inbound, gateway = false;
	int drop = 0;

	/* Who may come unasked may ask. */
	if (p->proto == ICMP && !OFFSET(p) && p->type != ECHO && (p->type != ECHO_REPLY || !asked))
		return CV_DROP_ICMP_TYPE;
	if (!alive)
		drop = may_leave(model_net(m, g->net), p);
	gateway = drop == CV_DROP_HOST_CLOSED;
	if ((!drop || gateway) && !alive && !may_begin(p))
		drop = gateway ? drop : p->proto == ICMP ? CV_DROP_ICMP_TYPE : CV_DROP_NO_FLOW;
	else if (gateway)
		drop = begin_host(m, g, p, f, &f);
	else if (!drop && !alive)
		drop = ask_rules(m, g, p);
	if (drop == ASK_HOST) {
		gateway = true;
		drop = begin_host(m, g, p, f, &f);
	}
	if (drop)
		return drop;
	if (!f)
		drop = begin_outbound(m, g, p, &f);
	else if (!alive && f->host && !gateway)
		drop = begin_again(m, g, p, f);
	else if (!alive && !gateway)
		rules_begin_anew(f);
	if (drop)
		return drop;
	if (f->host)
		rules_host_step(f, p);
	else if (p->proto == TCP)
		rules_tcp_from_guest(f, p);
	rules_use_out(m, f, p, len);
	if (begun && !f->host)
		rules_note_peer(m, f);
	*ret = f;
	return 0;
}

/* RFC 5508 REQ-5: a guest's error about a packet that it received. */
static int quote_out(struct model *m, const struct model_guest *g, const struct packet *p,
		     struct model_fate *ret)
{
	struct packet out = *p, quote = *p->quote;
	__u16 lport = quote.proto == ICMP ? quote.sport : quote.dport;
	struct model_flow *f = rules_flow(m, g, quote.proto, lport, quote.saddr, quote.sport);

	if (IS_FRAGMENT(p))
		return CV_DROP_MALFORMED;
	if (!f || !model_alive(m, f) || quote.daddr != g->ip || p->daddr != quote.saddr)
		return CV_DROP_ICMP_NO_FLOW;
	if (f->host) {
		fate_pass(ret, p);
		return 0;
	}
	if (p->ttl <= (f->hairpin ? 2 : 1))
		return CV_DROP_TTL;
	if (p->bad_l4 || p->quote->bad_ip)
		return CV_DROP_ICMP_CHECKSUM;
	quote.daddr = out.saddr = f->outside->addr;
	*(quote.proto == ICMP ? &quote.sport : &quote.dport) = f->outside->port;
	out.quote = &quote;
	out.ttl--;
	if (!f->hairpin)
		fate_out(ret, &out);
	else if (!quote_in(m, &out, ret))
		return CV_DROP_ICMP_NO_FLOW;
	if (!ret->drop.reason)
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
	if (!drop && (uplink == f->uplink || rules_address_of(uplink) == f->outside->addr || f->outside->whole))
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
	struct model_owner to;
	int drop = frag_leave(m, f->guest->net, p);

	if (drop)
		return drop;
	if (p->ttl <= 2)
		return CV_DROP_TTL;
	out.saddr = f->outside->addr;
	out.sport = f->outside->port;
	out.ttl--;
	to = rules_owner(m, p->proto, p->daddr, p->proto == ICMP ? out.sport : p->dport, out.saddr);
	walk_in(m, 0, &out, len, ret);
	if (ret->verdict == -1 && to.g)
		fate_drop(ret, CV_DROP_FILTERED, to.g->net, to.g->slot);
	else if (ret->verdict == -1)
		return CV_DROP_FILTERED;
	if (!ret->drop.reason)
		ret->out.id = frag_number(m, p);
	return 0;
}

/* On its way in the flow that it belongs to.  Return: 0, @ret says how, or why not. */
static int go_on(struct model *m, struct model_flow *f, const struct packet *p, unsigned int len,
		 __u16 *ret_mtu, struct model_fate *ret)
{
	int drop;

	if (f->host) {
		drop = frag_leave(m, f->guest->net, p);
		fate_pass(ret, p);
		return drop;
	}
	if (p->ttl <= 1)
		return CV_DROP_TTL;
	/* About once a second, with 16 bits of the time. */
	if ((__u16)(m->now - f->noted) > CV_ROUTE_TICKS)
		rules_note_peer(m, f);
	return f->hairpin ? hairpin(m, f, p, len, ret) : leave(m, f, p, len, ret_mtu, ret);
}

/* A way of the sender's own choice (RFC 7126 section 4.3). */
static bool has_source_route(const struct packet *p)
{
	const __u8 *o = (const __u8 *)p->options;

	for (unsigned int i = 0, len; i < p->options_len && o[i]; i += len) {
		if (o[i] == 131 || o[i] == 137)
			return true;
		len = o[i] == 1 ? 1 : o[i + 1];
		if (!len)
			return false;
	}
	return false;
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
	drop = has_source_route(p) ? CV_DROP_SOURCE_ROUTE : frag_arrive(m, net, &known, ret);
	if (drop == FRAG_AWAY) {
		ret->verdict = 2;
		return;
	}
	if (!drop && walk_is_error(p))
		drop = quote_out(m, g, p, ret);
	else if (!drop)
		drop = flow_out(m, g, &known, len, &f);
	if (!drop && f)
		drop = go_on(m, f, &known, len, &mtu, ret);
	if (drop)
		walk_refuse(m, net, g->slot, p, drop, model_net(m, net)->gateway, TAG_MAC(g->slot),
		       drop == CV_DROP_TOO_BIG ? mtu : 0, ret);
}

