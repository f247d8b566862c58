// SPDX-License-Identifier: GPL-2.0-only
/* Whose is an address or a port outside, and which may a guest have? */
#include <string.h>

#include "nat_rules.h"

/* --- addresses of one guest alone */

void model_whole(struct model *m, __u32 addr, __u32 slot, bool open)
{
	m->wholes[m->n_wholes++] = (struct model_whole) { addr, slot, open };
}

struct model_owner rules_owner(struct model *m, __u8 proto, __u32 addr, __u16 port, __u32 remote)
{
	struct model_owner o = {};

	if (rules_is_external(addr)) {
		o.e = rules_mapping(m, addr, proto, port, remote);
		if (o.e && o.e->flows) {
			o.g = rules_guest_of_slot(m, o.e->slot);
			o.lport = o.e->lport;
		}
		return o;
	}
	for (unsigned int i = 0; i < m->n_wholes && !o.g; i++)
		if (m->wholes[i].addr == addr) {
			o.whole = &m->wholes[i];
			o.g = rules_guest_of_slot(m, o.whole->slot);
			o.lport = rules_has_ports(proto) ? port : 0;
		}
	return o;
}

__u32 rules_own_address(struct model *m, const struct model_guest *g, __u32 daddr)
{
	const struct model_net *n = model_net(m, g->net);

	return n->routed || (n->plain && daddr >> 8 == n->plain >> 8) ? g->ip : g->external;
}

/* --- ports that guests share */

static struct model_mapping *find_owned(struct model *m, __u32 addr, __u8 proto, __u32 slot, __u16 lport)
{
	for (unsigned int i = 0; i < m->n_mappings; i++) {
		struct model_mapping *e = &m->mappings[i];

		if (!e->whole && e->addr == addr && e->proto == proto && e->slot == slot && e->lport == lport)
			return e;
	}
	return NULL;
}

static bool allowed(const struct model_net *n, __u8 proto, __u16 port)
{
	return proto == ICMP || (port >= n->port_min && port <= n->port_max &&
				 (port < RESERVED_MIN || port > RESERVED_MAX));
}

static bool may_take(struct model *m, const struct model_guest *g, __u32 addr, __u8 proto, __u16 port)
{
	struct model_mapping *e = rules_mapping(m, addr, proto, port, 0);

	if (!allowed(model_net(m, g->net), proto, port))
		return false;
	if (!e)
		return true;
	return !e->flows && (e->slot == g->slot || !rules_recent(m, e->tick, (__u32)CV_TICKS(CV_PORT_HOLD_S)));
}

static bool any_free(struct model *m, const struct model_guest *g, __u32 addr, __u8 proto)
{
	for (__u32 port = 0; port < 65536; port++)
		if (may_take(m, g, addr, proto, port))
			return true;
	return false;
}

__u32 model_ports(const struct model *m, __u32 net, __u32 slot)
{
	__u32 n = 0;

	for (unsigned int i = 0; i < m->n_mappings; i++) {
		const struct model_mapping *e = &m->mappings[i];

		n += rules_has_ports(e->proto) && !e->whole && e->flows > e->forward &&
		     (slot ? e->slot == slot : rules_guest_of_slot(m, e->slot)->net == net);
	}
	return n;
}

/* RFC 6888 REQ-4: one more port outside? */
static int port_limits(struct model *m, const struct model_guest *g)
{
	if (model_ports(m, g->net, g->slot) >= g->max_ports)
		return CV_DROP_PORT_PORTS;
	return model_ports(m, g->net, 0) >= model_net(m, g->net)->max_ports ? CV_DROP_NETWORK_PORTS : 0;
}

struct model_mapping *rules_bind_whole(struct model *m, const struct model_flow *f, __u32 addr)
{
	struct model_mapping *e = rules_add_mapping(m, addr, f->proto, f->lport);

	e->slot = f->guest->slot;
	e->lport = f->lport;
	e->whole = true;
	return e;
}

/* A protocol without ports: one guest alone talks it with that peer. */
static struct model_mapping *bind_protocol(struct model *m, const struct model_flow *f, __u32 addr)
{
	struct model_mapping *e = rules_mapping(m, addr, f->proto, 0, f->remote);

	if (!e)
		e = rules_add_mapping(m, addr, f->proto, 0);
	else if (e->flows && e->slot != f->guest->slot)
		return NULL;
	e->remote = f->remote;
	e->slot = f->guest->slot;
	return e;
}

/* The mapping of a new flow of @f's names; NULL: there can be none. */
struct model_mapping *rules_bind(struct model *m, const struct model_flow *f, __u32 addr, int *ret_drop)
{
	const struct model_guest *g = f->guest;
	struct model_mapping *e = find_owned(m, addr, f->proto, g->slot, f->lport);
	__u16 port = 0;
	int drop;

	*ret_drop = CV_DROP_NO_PORT;
	if (!rules_has_ports(f->proto))
		return bind_protocol(m, f, addr);
	drop = !e || e->flows == e->forward ? port_limits(m, g) : 0;
	if (drop) {
		*ret_drop = drop;
		return NULL;
	}
	*ret_drop = CV_DROP_NO_PORT;
	if (!e && !may_take(m, g, addr, f->proto, f->lport) && !any_free(m, g, addr, f->proto))
		return NULL;
	if (!m->chosen(f, &port)) {
		rules_wrong(m, "no flow was made, though a port is free");
		return NULL;
	}
	if (e) {
		if (e->port != port)
			rules_wrong(m, "mapped to %u, but it has %u already", port, e->port);
		return e;
	}
	if (!may_take(m, g, addr, f->proto, port))
		rules_wrong(m, "mapped to %u, which it may not have", port);
	else if (port != f->lport && may_take(m, g, addr, f->proto, f->lport))
		rules_wrong(m, "mapped to %u, though its own number %u is free", port, f->lport);
	e = rules_mapping(m, addr, f->proto, port, 0);
	if (!e)
		e = rules_add_mapping(m, addr, f->proto, port);
	e->slot = g->slot;
	e->lport = f->lport;
	return e;
}
