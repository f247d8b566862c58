// SPDX-License-Identifier: GPL-2.0-only
/* What becomes of the model's packets, and both ends of their way; see nat_model.h. */
#include <string.h>

#include "nat_rules.h"

void fate_drop(struct model_fate *ret, __u32 reason, __u32 net, __u32 slot)
{
	ret->verdict = 2;	/* TC_ACT_SHOT */
	ret->drop = (struct cv_drop_key) { reason, net, slot };
}

void fate_out(struct model_fate *ret, const struct packet *p)
{
	ret->verdict = 7;	/* TC_ACT_REDIRECT */
	ret->out = *p;
	if (p->quote) {
		ret->quote = *p->quote;
		ret->out.quote = &ret->quote;
	}
}

void fate_pass(struct model_fate *ret, const struct packet *p)
{
	fate_out(ret, p);
	ret->verdict = -1;	/* TC_ACT_UNSPEC */
}

bool walk_is_error(const struct packet *p)
{
	return p->proto == ICMP && !OFFSET(p) &&
	       (p->type == UNREACHABLE || p->type == 4 || p->type == TIME_EXCEEDED ||
		p->type == PARAMETER_PROBLEM);
}

/* --- errors that a router sends (RFC 1812 4.3.2, RFC 1122 3.2.2) */

bool walk_error_of(__u32 reason, __u8 *ret_type, __u8 *ret_code)
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
		if (!ret_type)
			return true;
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
void walk_refuse(struct model *m, __u32 net, __u32 slot, const struct packet *p, __u32 reason,
		 __u32 from, __u64 dmac, __u16 mtu, struct model_fate *ret)
{
	struct packet e = {
		.dmac = dmac, .saddr = from, .daddr = p->saddr, .proto = ICMP, .frag = DF, .rest = mtu,
		.quote = p,
	};

	fate_drop(ret, reason, net, slot);
	if (!walk_error_of(reason, &e.type, &e.code) || !may_tell(m, slot, p))
		return;
	fate_out(ret, &e);
	ret->quote.trailer = 0;
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
	bool answered;

	rules_forget(ret);
	if (p->saddr != g->ip) {
		fate_drop(ret, CV_DROP_SPOOFED_IP, g->net, slot);
		return;
	}
	answered = asks_gateway(m, n, p);	/* whatever MAC it was sent to */
	if (!answered && p->dmac != GATEWAY_MAC) {
		fate_pass(ret, p);
		if (n->isolate)
			fate_drop(ret, CV_DROP_ISOLATED, g->net, slot);
		return;
	}
	if (answered) {
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
