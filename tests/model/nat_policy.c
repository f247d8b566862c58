// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model's rules of who may open flows to whom: the first that matches
 * decides.  And flows between a guest and the host, which need one.
 */
#include <string.h>

#include "nat_rules.h"

static bool in_lan(__u32 addr)
{
	return addr >> 8 == HOST_IP >> 8 || addr >> 8 == HOST2_IP >> 8;
}

static bool is_party(const struct model_side *s, __u8 party, const struct cv_prefix *prefix)
{
	switch (party) {
	case CV_PARTY_ANY:
		return true;
	case CV_PARTY_GUEST:
		return s->g && s->g->slot == prefix->addr;
	case CV_PARTY_GUESTS:
		return s->g;
	case CV_PARTY_HOST:
		return s->host;
	case CV_PARTY_INTERNET:
		return !s->g && !s->host;
	case CV_PARTY_LAN:
		return !s->g && !s->host && in_lan(s->addr);
	case CV_PARTY_PREFIX:
		return (s->addr & ntohl(prefix->mask)) == ntohl(prefix->addr);
	default:
		return false;
	}
}

/* Only TCP and UDP have ports. */
static bool is_port(const struct cv_range *ports, __u8 proto, __u16 port)
{
	if (!ports->first && ports->last == 65535)
		return true;
	return (proto == TCP || proto == UDP) && port >= ports->first && port <= ports->last;
}

enum cv_action policy_judge(const struct model *m, __u32 net, const struct model_side *from,
			    const struct model_side *to, __u8 proto, __u16 port)
{
	for (unsigned int i = 0; i < m->n_rules; i++) {
		const struct cv_rule *r = &m->rules[i];

		if (net == NET && (!r->proto || r->proto == proto) && is_port(&r->ports, proto, port) &&
		    is_party(from, r->from, &r->from_addr) && is_party(to, r->to, &r->to_addr))
			return r->action;
	}
	return CV_ACTION_NONE;
}

enum cv_action policy_out(struct model *m, const struct model_guest *g, const struct packet *p, bool host)
{
	struct model_owner peer = host ? (struct model_owner) {} : policy_peer(m, p);
	struct model_side from = { .g = g, .addr = g->ip }, to = { .addr = p->daddr, .host = host };
	__u16 port = p->dport;

	/* Around the corner, but in one network: as if it were the short way. */
	if (peer.g && peer.g->net == g->net) {
		to = (struct model_side) { .g = peer.g, .addr = peer.g->ip };
		port = peer.lport;
	}
	return policy_judge(m, g->net, &from, &to, p->proto, port);
}

enum cv_action policy_in(struct model *m, const struct model_owner *o, const struct packet *p)
{
	struct model_owner sender = rules_owner(m, p->proto, p->saddr, p->sport, p->daddr);
	struct model_side from = { .addr = p->saddr }, to = { .g = o->g, .addr = o->g->ip };

	if (sender.g && sender.g->net == o->g->net)
		from = (struct model_side) { .g = sender.g, .addr = sender.g->ip };
	return policy_judge(m, o->g->net, &from, &to, p->proto, o->lport);
}
