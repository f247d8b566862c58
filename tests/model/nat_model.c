// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model's lists and its rules; see nat_model.h.  A packet that leaves is
 * described, never patched: its checksums are computed anew by whoever builds
 * it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nat_rules.h"

#define SECONDS(s)	CV_TICKS(s)

void rules_wrong(struct model *m, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(m->wrong, sizeof(m->wrong), fmt, args);
	va_end(args);
}

/* --- the world */

void model_reset(struct model *m)
{
	static const struct model_guest guests[] = {
#define GUEST(net, slot, ip)	{ net, slot, ip, CV_FLOWS_PER_PORT, 1 << 20, 0, 0, 0 }
		GUEST(NET, ANN, ANN_IP), GUEST(NET, BOB, BOB_IP), GUEST(TWIN, DAN, ANN_IP), GUEST(ALONE, FAY, FAY_IP),
#undef GUEST
	};

	m->n_flows = m->n_mappings = m->n_peers = m->n_wholes = m->n_rules = 0;
	m->n_datagrams = m->n_waits = m->n_copies = m->n_numbers = 0;
	memset(m->budgets, 0, sizeof(m->budgets));
	m->wrong[0] = 0;
	memcpy(m->guests, guests, sizeof(guests));
	for (unsigned int i = 0; i < 3; i++)
		m->nets[i] = (struct model_net) {
			.id = NET + i, .gateway = i == 2 ? IP(10, 79, 0, 1) : GATEWAY,
			.subnet = i == 2 ? IP(10, 79, 0, 0) : IP(10, 77, 0, 0),
			.isolate = i == 1, .isolated = i == 2,
			.port_min = CV_PORT_MIN, .port_max = CV_PORT_MAX, .max_flows = N_FLOWS, .max_ports = 1 << 20,
		};
}

struct model_net *model_net(struct model *m, __u32 id)
{
	return &m->nets[id - NET];
}

const struct model_guest *rules_guest_of_slot(const struct model *m, __u32 slot)
{
	for (unsigned int i = 0; i < 4; i++)
		if (m->guests[i].slot == slot)
			return &m->guests[i];
	return NULL;
}

const struct model_guest *rules_guest_of_ip(const struct model *m, __u32 net, __u32 ip)
{
	for (unsigned int i = 0; i < 4; i++)
		if (m->guests[i].net == net && m->guests[i].ip == ip)
			return &m->guests[i];
	return NULL;
}

/* The host's routes, as world.c makes them.  Return: 0, or why not. */
int rules_route(__u32 to, __u32 *ret_uplink, __u16 *ret_mtu)
{
	static const struct {
		__u32 prefix, mask;
		int drop;
		__u32 uplink;
		__u16 mtu;
	} routes[] = {
		{ HOST_IP, ~0U, CV_DROP_HOST_CLOSED, 0, 0 }, { HOST2_IP, ~0U, CV_DROP_HOST_CLOSED, 0, 0 },
		{ IP(203, 0, 113, 2), ~0U, CV_DROP_HOST_CLOSED, 0, 0 },
		{ IP(198, 51, 100, 255), ~0U, CV_DROP_HOST_CLOSED, 0, 0 },
		{ IP(203, 0, 113, 0), ~255U, CV_DROP_NO_UPLINK, 0, 0 },
		{ IP(10, 77, 0, 1), ~0U, CV_DROP_HOST_CLOSED, 0, 0 },
		{ IP(10, 79, 0, 1), ~0U, CV_DROP_HOST_CLOSED, 0, 0 },
		{ IP(10, 77, 0, 0), ~255U, CV_DROP_NO_UPLINK, 0, 0 },
		{ IP(10, 79, 0, 0), ~255U, CV_DROP_NO_UPLINK, 0, 0 },
		{ IP(100, 65, 0, 0), ~0xffffU, CV_DROP_NO_ROUTE, 0, 0 },
		{ IP(100, 66, 0, 0), ~0xffffU, CV_DROP_NO_ROUTE, 0, 0 },
		{ IP(100, 68, 0, 0), ~0xffffU, 0, UPLINK, 1300 },
		{ IP(192, 0, 2, 0), ~255U, 0, UPLINK2, 1400 },
		{ 0, 0, 0, UPLINK, 1500 },
	};
	unsigned int i = 0;

	while ((to & routes[i].mask) != routes[i].prefix)
		i++;
	*ret_uplink = routes[i].uplink;
	*ret_mtu = routes[i].mtu;
	return routes[i].drop;
}

__u32 rules_address_of(__u32 uplink)
{
	return uplink == UPLINK2 ? HOST2_IP : HOST_IP;
}

bool rules_is_external(__u32 addr)
{
	return addr == HOST_IP || addr == HOST2_IP;
}

/* --- time and TCP (RFC 7857 section 2, RFC 6146 3.5.2) */

bool rules_recent(const struct model *m, __u32 tick, __u32 ticks)
{
	return m->now - tick <= ticks;
}

bool model_alive(const struct model *m, const struct model_flow *f)
{
	return rules_recent(m, f->out_tick, f->timeout) || rules_recent(m, f->in_tick, f->timeout);
}

static __u32 timeout_of(__u8 proto, bool established)
{
	if (proto == ICMP)
		return SECONDS(CV_ICMP_TIMEOUT_S);
	if (proto != TCP)
		return SECONDS(CV_UDP_TIMEOUT_S);
	return established ? SECONDS(CV_TCP_ESTABLISHED_TIMEOUT_S) : SECONDS(CV_TCP_TRANSITORY_TIMEOUT_S);
}

static void set_timeout(struct model_flow *f)
{
	f->timeout = timeout_of(f->proto, f->state == CV_FLOW_ESTABLISHED);
}

__u8 rules_tcp_flags(const struct packet *p)
{
	return OFFSET(p) ? 0 : p->flags;
}

static void forget_tcp(struct model_flow *f)
{
	f->out_syn = f->in_syn = f->out_fin = f->in_fin = f->reset = f->acked = false;
	f->state = CV_FLOW_OPEN;
}

/* Of a connection from outside the third segment establishes, not the guest's answer. */
static void tcp_settle(struct model_flow *f, __u8 flags)
{
	if (f->reset || (f->out_fin && f->in_fin))
		f->state = CV_FLOW_CLOSING;
	else if (!f->out_syn || !f->in_syn)
		f->state = CV_FLOW_OPEN;
	else if (!f->inbound || f->state != CV_FLOW_OPEN || !(flags & SYN))
		f->state = CV_FLOW_ESTABLISHED;
}

void rules_tcp_from_guest(struct model_flow *f, const struct packet *p)
{
	__u8 flags = rules_tcp_flags(p);

	f->reset = flags & RST;
	if (!f->reset) {
		if (f->state == CV_FLOW_CLOSING && (flags & (SYN | ACK)) == SYN) {
			forget_tcp(f);
			f->inbound = false;
		}
		f->out_syn |= !!(flags & SYN);
		f->out_fin |= !!(flags & FIN);
	}
	tcp_settle(f, flags);
}

/*
 * A stranger who guesses ends nothing (RFC 5961): a reset counts exactly where
 * the guest waits, a FIN near there.
 */
void rules_tcp_from_peer(struct model_flow *f, const struct packet *p)
{
	__u8 flags = rules_tcp_flags(p);
	__u32 ahead = p->seq - f->next, behind = f->next - p->seq;

	if (flags & RST && f->acked && ahead)
		return;
	if (flags & FIN && f->acked && ahead > 1 << 20 && behind > 1 << 20)
		flags &= ~FIN;
	f->reset = flags & RST;
	if (!f->reset) {
		if (f->inbound && f->state == CV_FLOW_CLOSING && (flags & (SYN | ACK)) == SYN)
			forget_tcp(f);
		f->in_syn |= !!(flags & SYN);
		f->in_fin |= !!(flags & FIN);
		/* An answer stands for both; a stranger's is none before the guest spoke. */
		if (flags & ACK && (!f->inbound || f->acked))
			f->in_syn = f->out_syn = true;
	}
	tcp_settle(f, flags);
}

void rules_use_out(struct model *m, struct model_flow *f, const struct packet *p, unsigned int len)
{
	if (f->proto == TCP) {
		if (rules_tcp_flags(p) & ACK) {
			f->acked = true;
			f->next = p->ack;
		}
		set_timeout(f);
	}
	/* A reset may answer a stranger: it renews nothing (RFC 7857 section 7.1). */
	if (!(rules_tcp_flags(p) & RST) || f->proto != TCP)
		f->out_tick = m->now;
	f->out_packets++;
	f->out_bytes += len - 14;
}

void rules_use_in(struct model *m, struct model_flow *f, unsigned int len)
{
	set_timeout(f);
	f->in_tick = m->now;
	f->in_packets++;
	f->in_bytes += len - 14;
}

/* The guest's packet in its flow with the host: which is open until that answers, or closing. */
void rules_host_step(struct model_flow *f, const struct packet *p)
{
	__u8 flags = rules_tcp_flags(p);

	if (f->proto == TCP && flags & (FIN | RST))
		f->state = CV_FLOW_CLOSING;
	else if (f->proto == TCP && (flags & (SYN | ACK)) == SYN)
		f->state = CV_FLOW_OPEN;
	set_timeout(f);
}

/* A dead flow's guest sends again: as if it were new, with the port it had. */
void rules_begin_anew(struct model_flow *f)
{
	forget_tcp(f);
	f->inbound = false;
	f->out_packets = f->in_packets = f->out_bytes = f->in_bytes = 0;
	set_timeout(f);
}

/* --- lists */

struct model_flow *rules_flow(struct model *m, const struct model_guest *g, __u8 proto,
				    __u16 lport, __u32 remote, __u16 rport)
{
	for (unsigned int i = 0; i < m->n_flows; i++) {
		struct model_flow *f = &m->flows[i];

		if (f->guest == g && f->proto == proto && f->remote == remote &&
		    (f->lport == lport || !rules_has_ports(proto)) &&
		    (f->rport == rport || (proto != TCP && proto != UDP)))
			return f;
	}
	return NULL;
}

struct model_mapping *rules_mapping(struct model *m, __u32 addr, __u8 proto, __u16 port, __u32 remote)
{
	for (unsigned int i = 0; i < m->n_mappings; i++) {
		struct model_mapping *e = &m->mappings[i];

		if (!e->whole && e->addr == addr && e->proto == proto &&
		    (rules_has_ports(proto) ? e->port == port : e->remote == remote))
			return e;
	}
	return NULL;
}

bool rules_has_ports(__u8 proto)
{
	return proto == TCP || proto == UDP || proto == ICMP;
}

bool rules_checks_addresses(__u8 proto)
{
	return proto == 33 || proto == 51 || proto == 136;
}

void rules_forget(struct model_fate *ret)
{
	ret->verdict = 0;
	ret->drop = (struct cv_drop_key) {};
	ret->out = ret->quote = (struct packet) {};
	ret->n_again = 0;
}

void *rules_full(void)
{
	printf("Bail out! the model's lists are full\n");
	exit(1);
}

struct model_mapping *rules_add_mapping(struct model *m, __u32 addr, __u8 proto, __u16 port)
{
	struct model_mapping *e = m->n_mappings < MODEL_MAX ? &m->mappings[m->n_mappings++] : rules_full();

	*e = (struct model_mapping) { .addr = addr, .proto = proto, .port = port };
	return e;
}

struct model_flow *rules_add_flow(struct model *m, const struct model_flow *f)
{
	struct model_flow *at = m->n_flows < MODEL_MAX ? &m->flows[m->n_flows++] : rules_full();

	*at = *f;
	at->state = CV_FLOW_OPEN;
	at->out_tick = at->in_tick = m->now;
	at->outside->flows++;
	set_timeout(at);
	return at;
}

__u32 model_flows(const struct model *m, __u32 net, __u32 slot)
{
	__u32 n = 0;

	for (unsigned int i = 0; i < m->n_flows; i++)
		n += m->flows[i].guest->net == net && (!slot || m->flows[i].guest->slot == slot);
	return n;
}

int rules_limits(struct model *m, const struct model_guest *g)
{
	if (model_flows(m, g->net, g->slot) >= g->max_flows)
		return CV_DROP_PORT_FLOWS;
	if (model_flows(m, g->net, 0) >= model_net(m, g->net)->max_flows)
		return CV_DROP_NETWORK_FLOWS;
	return 0;
}

__u32 model_flush(struct model *m, __u32 net, __u32 slot)
{
	unsigned int left = 0, n = m->n_flows;

	for (unsigned int i = 0; i < n; i++) {
		struct model_flow *f = &m->flows[i];

		if ((net && f->guest->net != net) || (slot && f->guest->slot != slot)) {
			m->flows[left++] = *f;
			continue;
		}
		f->outside->flows--;
		f->outside->tick = m->now;
	}
	m->n_flows = left;
	return n - left;
}

void model_forward(struct model *m, __u32 addr, __u8 proto, __u16 port, __u32 slot)
{
	struct model_mapping *e = rules_add_mapping(m, addr, proto, port);

	e->slot = slot;
	e->lport = port;
	e->flows = 1;
	e->forward = true;
}

/* --- whom a guest has sent to */

static struct model_peer *find_peer(struct model *m, const struct model_guest *g, __u8 proto,
				    __u16 lport, __u32 remote)
{
	for (unsigned int i = 0; i < m->n_peers; i++) {
		struct model_peer *s = &m->peers[i];

		if (s->guest == g && s->proto == proto && s->lport == lport && s->remote == remote)
			return s;
	}
	return NULL;
}

void rules_note_peer(struct model *m, struct model_flow *f)
{
	struct model_peer *s = find_peer(m, f->guest, f->proto, f->lport, f->remote);

	if (!s) {
		s = m->n_peers < MODEL_MAX ? &m->peers[m->n_peers++] : rules_full();
		*s = (struct model_peer) {
			.guest = f->guest, .remote = f->remote, .lport = f->lport, .proto = f->proto,
		};
	}
	s->tick = f->noted = m->now;
}

static bool mapping_alive(struct model *m, const struct model_mapping *e)
{
	for (unsigned int i = 0; i < m->n_flows; i++)
		if (m->flows[i].outside == e && model_alive(m, &m->flows[i]))
			return true;
	return false;
}

/* RFC 4787 section 5, for a packet that belongs to no flow. */
bool rules_admit(struct model *m, const struct model_mapping *e, const struct model_guest *g, __u32 from)
{
	struct model_peer *s;

	if (e->forward)
		return true;
	switch (model_net(m, g->net)->filter) {
	case CV_FILTER_ENDPOINT_INDEPENDENT:
		return m->follow & FOLLOW_DEAD_MAPPING || mapping_alive(m, e);
	case CV_FILTER_ADDRESS:
		s = find_peer(m, g, e->proto, e->lport, from);
		return s && rules_recent(m, s->tick, timeout_of(e->proto, true));
	default:
		return false;
	}
}
