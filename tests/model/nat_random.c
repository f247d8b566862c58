// SPDX-License-Identifier: GPL-2.0-only
/* See nat_random.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nat_random.h"

#define N_PENDING	8

/* First fragments whose rest may come; what a guest or the uplink got. */
static struct random_step pending[N_PENDING];
static unsigned int n_pending;
static struct packet quote;
static __u64 state;
static __u32 skip;	/* kinds that are left out */

__u32 rnd(__u32 n)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % n;
}

void random_seed(__u64 seed)
{
	const char *without = getenv("MODEL_WITHOUT");

	skip = without ? strtoul(without, NULL, 0) : 0;
	state = seed * 0x9e3779b97f4a7c15ULL;
	for (int i = 0; i < 4; i++)
		rnd(2);
	n_pending = 0;
	pieces_clear();
	memset(pending, 0, sizeof(pending));
}

static const __u32 servers[] = { SERVER, SERVER, SERVER + 1, SERVER2, IP(100, 68, 0, 1) };
/* From where there is no way back: by no uplink, by no route. */
static const __u32 strange[] = { IP(203, 0, 113, 7), IP(100, 65, 0, 1) };
/* The host's own. */
static const __u32 hosts[] = { HOST_IP, HOST2_IP, IP(203, 0, 113, 2) };
/* What does not leave. */
static const __u32 nowhere[] = {
	GATEWAY, BOB_IP, IP(10, 77, 0, 255), IP(10, 79, 0, 1), FAY_IP, IP(203, 0, 113, 2),
	IP(203, 0, 113, 7), IP(100, 65, 0, 1), IP(100, 66, 0, 1), IP(198, 51, 100, 255),
	IP(224, 0, 0, 251), IP(239, 1, 2, 3), IP(255, 255, 255, 255), IP(240, 0, 0, 1),
	IP(127, 0, 0, 1), IP(0, 0, 0, 1), IP(169, 254, 169, 254), HOST_IP, HOST2_IP,
};
static const __u8 protos[] = { UDP, UDP, UDP, TCP, TCP, TCP, TCP, ICMP, ICMP, 47 };
static const __u8 other_protos[] = { 47, 47, 47, 132, 4, 50, 33, 51, 136 };
static const __u8 tcp_flags[] = {
	SYN, SYN, SYN, ACK, ACK, PSH | ACK, SYN | ACK, SYN | ACK, FIN | ACK, FIN | ACK,
	RST, RST | ACK,
	0, FIN, SYN | FIN, SYN | RST, FIN | PSH,
};
/* Near each other, at the edges of what a reset and a FIN must hit, and anywhere. */
static const __u32 sequences[] = { 0, 0, 0, 1, 1 << 20, (1 << 20) + 1, -(1U << 20), -(1U << 20) - 1, 0x80000000 };

static __u16 random_port(void)
{
	static const __u16 odd[] = { 80, 1023, RESERVED_MIN, RESERVED_MAX, 65535, RANDOM_FORWARD, RANDOM_FORWARD + 1 };

	return rnd(8) ? 2000 + rnd(10) : PICK(odd);
}

/* Such that are in every fragment, and such that are in the first one only. */
static const char *random_options(void)
{
	static const char *const some[] = {
		"\x01\x01\x01\x01", "\x94\x04\0\0", "\x44\x08\x09\0", "\x07\x07\x04\0", "\x82\x0b\0\0",
		"\x01\x01\x07\x06", "\x01\x88\x04\0", "\x44\x04\x05\0", "\x94\0\x01\x01", "\x01\x01\x01\0",
		"\x01\x01\x01\x01", "\x01\x01\x01\x01", "\x94\x04\0\0", "\x01\x83\x03\x04", "\x89\x04\0\0",
	};
	static char options[40];

	for (unsigned int i = 0; i < 40; i += 4)
		memcpy(options + i, PICK(some), 4);
	return options;
}

static void random_rest(struct packet *p)
{
	static const __u16 sizes[] = { 1300, 1400, 1500, 2034, 2600, 2800, 3400 };
	static __u8 data[4096];
	unsigned int header = p->proto == TCP ? 20 : p->proto == UDP || p->proto == ICMP ? 8 : 0, room;

	for (unsigned int i = 0; i < 8; i++)
		data[rnd(sizeof(data))] = rnd(256);
	p->data = data;
	p->options_len = rnd(6) ? 0 : 4 * rnd(11);
	p->options = p->options_len ? random_options() : NULL;
	p->len = rnd(64);
	room = 20 + p->options_len + header;
	if (!rnd(10))
		p->len = PICK(sizes) + rnd(3) - 1 - room;
	if (room + p->len > 1500 && rnd(4))
		p->len = 1500 - room;
	p->ttl = rnd(12) ? 3 + rnd(253) : 1 + rnd(3);
	p->tos = rnd(8) ? 0 : rnd(64) << 2;
	p->id = rnd(8);
	p->frag = rnd(2) ? DF : 0;
	p->seq = PICK(sequences) + rnd(2);
	p->ack = rnd(3) ? 0 : PICK(sequences);
	p->flags = rnd(20) ? PICK(tcp_flags) : rnd(64);
	p->no_csum = p->proto == UDP && !rnd(6);
	p->trailer = room + p->len < 46 ? 46 - room - p->len : 0;
}

/* Sometimes it is the first of several. */
static void maybe_fragment(struct random_step *s)
{
	if (rnd(8))
		return;
	s->p.frag = MF;
	s->p.trailer = 0;
	pending[n_pending++ % N_PENDING] = *s;
}

const char *random_kind_name(enum random_kind kind)
{
	static const char *const names[] = {
		"from a guest", "from a guest, of a flow", "replies", "unsolicited", "errors from outside",
		"errors from a guest", "later fragments", "datagrams in pieces", "odd ones", "steps of the clock", "flushes",
	};

	return names[kind];
}

/* --- from guests */

static void from_guest(const struct model_guest *g, struct random_step *s)
{
	s->hook = FROM_GUEST;
	s->at = g->slot;
	s->p.dmac = GATEWAY_MAC;
	s->p.smac = MAC_OF(g->slot);
	s->p.saddr = g->ip;
}

static void out_any(const struct model *m, struct random_step *s)
{
	const struct model_guest *g = &m->guests[rnd(16) ? rnd(3) : 3];

	s->p.proto = PICK(protos);
	s->p.type = ECHO;
	s->p.sport = random_port();
	s->p.dport = 50 + rnd(3);
	s->p.daddr = PICK(servers);
	random_rest(&s->p);
	switch (rnd(12)) {
	case 0:
		s->p.daddr = PICK(nowhere);
		break;
	case 3:
		s->p.daddr = rnd(2) ? GATEWAY : PICK(hosts);
		break;
	case 1:
	case 2:
		s->p.daddr = rnd(4) ? HOST_IP : HOST2_IP;
		if (m->n_wholes && !rnd(3))
			s->p.daddr = m->wholes[rnd(m->n_wholes)].addr;
		s->p.dport = random_port();
		break;
	default:
		break;
	}
	from_guest(g, s);
	maybe_fragment(s);
}

static const struct model_flow *some_flow(const struct model *m)
{
	return m->n_flows ? &m->flows[rnd(m->n_flows)] : NULL;
}

static void out_flow(const struct model *m, struct random_step *s)
{
	const struct model_flow *f = some_flow(m);

	if (!f) {
		out_any(m, s);
		return;
	}
	s->p.proto = f->proto;
	s->p.type = f->inbound ? ECHO_REPLY : ECHO;
	s->p.sport = f->lport;
	s->p.dport = f->rport;
	s->p.daddr = f->remote;
	random_rest(&s->p);
	from_guest(f->guest, s);
	maybe_fragment(s);
}

/* What a guest should not send, or what is answered at its port. */
static void odd(const struct model *m, struct random_step *s)
{
	static const __u8 types[] = { ECHO_REPLY, 5, 9, 10, 13, 14, 15, 17 };

	out_flow(m, s);
	switch (rnd(5)) {
	case 0:
		s->p.saddr = rnd(2) ? s->p.saddr + 1 : HOST_IP;
		break;
	case 1:
		s->p.proto = PICK(other_protos);
		s->p.frag = 0;
		s->p.trailer = 0;
		break;
	case 2:
		s->p.proto = ICMP;
		s->p.type = PICK(types);
		s->p.rest = s->p.sport << 16;
		break;
	case 3:
		s->p.proto = ICMP;
		s->p.type = ECHO;
		s->p.sport |= 1;	/* all zeros cannot be corrected, only summed up */
		s->p.frag = 0;
		s->p.daddr = m->guests[3].slot == s->at ? IP(10, 79, 0, 1) : GATEWAY;
		break;
	default:
		s->p.dmac = BOB_MAC;
	}
	if (s->p.frag == MF)
		s->p.frag = 0;
}

/* --- from outside */

static void from_uplink(struct random_step *s)
{
	s->hook = FROM_UPLINK;
	s->at = rnd(4) ? UPLINK : UPLINK2;
	s->p.dmac = UPLINK_MAC;
	s->p.smac = PEER_MAC;
}

static void reply(const struct model *m, struct random_step *s)
{
	const struct model_flow *f = some_flow(m);

	if (!f) {
		out_any(m, s);
		return;
	}
	s->p.proto = f->proto;
	s->p.type = f->inbound && rnd(8) ? ECHO : rnd(16) ? ECHO_REPLY : PICK(protos);
	s->p.saddr = f->remote;
	s->p.daddr = f->outside->addr;
	s->p.sport = f->proto == ICMP ? f->outside->port : f->rport;
	s->p.dport = f->proto == ICMP ? rnd(100) : f->outside->port;
	random_rest(&s->p);
	if (s->p.proto == ICMP && s->p.type != ECHO_REPLY && s->p.type != ECHO)
		s->p.type = 13;
	from_uplink(s);
	maybe_fragment(s);
}

static void stranger(const struct model *m, struct random_step *s)
{
	const struct model_mapping *e = m->n_mappings && rnd(3) ? &m->mappings[rnd(m->n_mappings)] : NULL;

	s->p.proto = e ? e->proto : PICK(protos);
	s->p.type = ECHO_REPLY;
	s->p.saddr = rnd(12) ? PICK(servers) : PICK(strange);
	s->p.daddr = e ? e->addr : rnd(2) ? HOST_IP : HOST2_IP;
	s->p.dport = e ? e->port : random_port();
	if (m->n_wholes && !rnd(4)) {
		s->p.daddr = m->wholes[rnd(m->n_wholes)].addr;
		s->p.type = rnd(4) ? ECHO : rnd(2) ? ECHO_REPLY : 13;
	}
	s->p.sport = s->p.proto == ICMP ? s->p.dport : 50 + rnd(5);
	random_rest(&s->p);
	from_uplink(s);
	maybe_fragment(s);
}

/* --- errors; they quote what the flow has sent or received */

static void error_rest(struct packet *p)
{
	static const __u8 types[] = { UNREACHABLE, UNREACHABLE, TIME_EXCEEDED, PARAMETER_PROBLEM, 4 };

	random_rest(&quote);
	quote.trailer = 0;
	quote.dmac = quote.smac = 0;
	p->proto = ICMP;
	p->type = PICK(types);
	p->code = rnd(5);
	p->rest = rnd(2) ? 1400 : 0;
	p->quote = &quote;
	p->quote_len = rnd(2) ? 0 : 20 + quote.options_len + 8 + rnd(40);
	/* Half a checksum cannot be translated, and nobody would look at it. */
	if (quote.proto == TCP && p->quote_len == 20 + quote.options_len + 17)
		p->quote_len++;
	random_rest(p);
	p->trailer = 0;
	/* What follows too short a quote of TCP is taken for the rest of it. */
	p->len = rnd(4) || (quote.proto == TCP && p->quote_len < 20 + quote.options_len + 20) ? 0 : rnd(16);
	p->frag = rnd(16) ? rnd(2) * DF : MF;
	p->options_len = rnd(4) ? 0 : 8;
	if (p->options_len)
		p->options = random_options();
	p->bad_l4 = !rnd(20);
	quote.bad_ip = !rnd(20);
}

static void error_in(const struct model *m, struct random_step *s)
{
	const struct model_flow *f = some_flow(m);

	if (!f) {
		out_any(m, s);
		return;
	}
	quote = (struct packet) {
		.proto = f->proto, .type = ECHO, .saddr = f->outside->addr, .daddr = f->remote,
		.sport = f->outside->port, .dport = f->rport,
	};
	if (!rnd(8))
		quote.dport++;
	if (!rnd(16))
		quote.saddr = f->guest->ip;
	s->p.saddr = rnd(2) ? f->remote : IP(100, 64, 7, 1);
	s->p.daddr = rnd(16) ? f->outside->addr : HOST2_IP;
	error_rest(&s->p);
	from_uplink(s);
}

static void error_out(const struct model *m, struct random_step *s)
{
	const struct model_flow *f = some_flow(m);

	if (!f) {
		out_any(m, s);
		return;
	}
	quote = (struct packet) {
		.proto = f->proto, .type = ECHO_REPLY, .saddr = f->remote, .daddr = f->guest->ip,
		.sport = f->proto == ICMP ? f->lport : f->rport, .dport = f->lport,
	};
	if (!rnd(8))
		quote.daddr ^= 3;
	s->p.daddr = rnd(12) ? f->remote : SERVER + 1;
	error_rest(&s->p);
	from_guest(f->guest, s);
}

/* --- the rest of a datagram, time, flushes */

static void later(struct random_step *s)
{
	*s = pending[rnd(N_PENDING)];
	if (!s->p.proto)
		return;
	s->p.frag = (1 + rnd(100)) | (rnd(2) ? MF : 0);
	if (s->p.proto == TCP && (s->p.frag & 0x1fff) == 1)
		s->p.frag++;
	s->p.ttl = rnd(12) ? 3 + rnd(253) : 1 + rnd(3);
	s->p.len = rnd(200);
	if (!rnd(8))
		s->p.id ^= 1;
}

static __u32 random_ticks(void)
{
	static const __u32 seconds[] = {
		CV_FRAGMENT_TIMEOUT_S, CV_FRAGMENT_TIMEOUT_S, CV_ICMP_TIMEOUT_S, CV_PORT_HOLD_S,
		CV_TCP_TRANSITORY_TIMEOUT_S, CV_UDP_TIMEOUT_S, CV_TCP_ESTABLISHED_TIMEOUT_S,
	};

	if (rnd(2))
		return 1 + rnd(20);
	return CV_TICKS(PICK(seconds)) + rnd(3) - 1;
}

static void plain(const struct model *m, enum random_kind kind, struct random_step *s)
{
	if (kind == OUT_FLOW)
		out_flow(m, s);
	else if (kind == REPLY)
		reply(m, s);
	else if (kind == STRANGER)
		stranger(m, s);
	else
		out_any(m, s);
}

void random_step(const struct model *m, struct random_step *s)
{
	static const enum random_kind kinds[] = {
		OUT_ANY, OUT_ANY, OUT_ANY, OUT_ANY, OUT_FLOW, OUT_FLOW, OUT_FLOW, OUT_FLOW,
		REPLY, REPLY, REPLY, REPLY, REPLY, REPLY, STRANGER, STRANGER, ERROR_IN, ERROR_OUT,
		LATER, LATER, PIECES, PIECES, ODD, CLOCK,
	};

	static const enum random_kind flooders[] = { OUT_ANY, OUT_FLOW, REPLY, REPLY, REPLY };

	*s = (struct random_step) {};
	if (rnd(2) && pieces_next(s))
		return;
	if (random_flood && rnd(3)) {
		plain(m, PICK(flooders), s);
		pieces_flood(s);
		return;
	}
	do
		s->kind = rnd(300) ? PICK(kinds) : FLUSH;
	while (skip & 1 << s->kind);
	switch (s->kind) {
	case CLOCK:
		s->ticks = random_flood && rnd(4) ? 0 : random_ticks();
		return;
	case FLUSH:
		s->net = rnd(3) ? NET + rnd(2) : 0;
		s->at = s->net == NET && rnd(2) ? ANN : 0;
		return;
	case LATER:
		later(s);
		s->kind = LATER;
		if (s->p.proto)
			return;
		out_any(m, s);
		return;
	case PIECES:
		plain(m, rnd(STRANGER + 1), s);
		pieces_of(s);
		return;
	case ERROR_IN:
		error_in(m, s);
		return;
	case ERROR_OUT:
		error_out(m, s);
		return;
	case ODD:
		odd(m, s);
		return;
	default:
		plain(m, s->kind, s);
	}
}

static void print_ip(const char *what, const struct packet *p)
{
	printf("# %s %x:%u -> %x:%u proto %u ttl %u frag %x id %u len %u options %u\n", what, p->saddr, p->sport,
	       p->daddr, p->dport, p->proto, p->ttl, p->frag, p->id, p->len, p->options_len);
	if (p->proto == TCP)
		printf("#  flags %x seq %x ack %x\n", p->flags, p->seq, p->ack);
	if (p->proto == ICMP)
		printf("#  type %u code %u\n", p->type, p->code);
}

void random_print(enum hook hook, __u32 at, const struct packet *p)
{
	static const char *const hooks[] = { "from_guest", "to_uplink", "from_uplink", "to_guest" };

	print_ip(hooks[hook], p);
	printf("#  at %u, to %012llx\n", at, (unsigned long long)p->dmac);
	if (p->quote)
		print_ip("quotes", p->quote);
}
