// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model's fragments (RFC 4787 REQ-14, RFC 1858, RFC 3128): a list of
 * datagrams on their way, a bit for each block of 8 bytes that has passed, and
 * copies of what waits for its first fragment.
 */
#include <string.h>

#include "nat_rules.h"

#define LONGEST		(65535 - 20)	/* payload of an IPv4 packet */
#define FEW		32	/* of 4096 places, and of 1024 for copies */
#define FRAGMENT_TICKS	((__u32)CV_TICKS(CV_FRAGMENT_TIMEOUT_S))

/* What follows the IP header, as it is on the wire. */
static __u32 transport_bytes(const struct packet *p, __u8 *ret)
{
	static __u8 frame[PACKET_MAX];
	unsigned int head = 34 + p->options_len, len = packet_build(p, frame) - p->trailer;

	memcpy(ret, frame + head, len - head);
	return len - head;
}

__u32 frag_payload(const struct packet *p)
{
	static __u8 bytes[PACKET_MAX];

	return transport_bytes(p, bytes);
}

/* A copy of a packet, with other data, that lasts as long as the world. */
static struct packet *copy(struct model *m, const struct packet *p, const void *data, __u32 len)
{
	struct model_copy *c = m->n_copies < MODEL_MAX ? &m->copies[m->n_copies++] : rules_full();

	c->p = *p;
	c->p.len = len;
	if (len > sizeof(c->data))
		rules_full();
	if (data)
		c->p.data = memcpy(c->data, data, len);
	if (p->options_len)
		c->p.options = memcpy(c->options, p->options, p->options_len);
	return &c->p;
}

/* --- limits: what a guest, or all outside together, began within two seconds */

static struct model_budget *budget(struct model *m, __u32 slot)
{
	struct model_budget *b = &m->budgets[slot];

	if (m->now - b->tick > FRAGMENT_TICKS)
		*b = (struct model_budget) { .tick = m->now };
	return b;
}

static __u32 sender(const struct model *m, __u32 net, const struct packet *p)
{
	const struct model_guest *g = net ? rules_guest_of_ip(m, net, p->saddr) : NULL;

	return g ? g->slot : 0;
}

/* --- datagrams */

static struct model_datagram *find(struct model *m, __u32 net, enum datagram_use use, const struct packet *p)
{
	for (unsigned int i = 0; i < m->n_datagrams; i++) {
		struct model_datagram *d = &m->datagrams[i];

		if (!d->done && m->now - d->tick <= FRAGMENT_TICKS && d->net == net && d->use == use &&
		    d->saddr == p->saddr && d->daddr == p->daddr && d->id == p->id && d->proto == p->proto)
			return d;
	}
	return NULL;
}

static unsigned int count_alive(const struct model *m)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < m->n_datagrams; i++)
		n += !m->datagrams[i].done && m->now - m->datagrams[i].tick <= FRAGMENT_TICKS;
	return n;
}

/* Places are in sets of four: one may be full when there are some dozens in all. */
static bool has_place(struct model *m, const struct model_datagram *d)
{
	if (count_alive(m) < FEW || m->placed(d))
		return true;
	m->full++;
	return false;
}

/* It is there afterwards, unless its sender has begun too many. */
static struct model_datagram *find_or_begin(struct model *m, __u32 net, enum datagram_use use,
					    const struct packet *p)
{
	struct model_datagram *d = find(m, net, use, p);
	struct model_budget *b = budget(m, sender(m, net, p));

	if (!d) {
		if (b->datagrams >= (net ? CV_DATAGRAMS_PER_PORT : CV_DATAGRAMS_OUTSIDE))
			return NULL;
		d = m->n_datagrams < MODEL_MAX ? &m->datagrams[m->n_datagrams++] : rules_full();
		*d = (struct model_datagram) {
			.net = net, .use = use, .saddr = p->saddr, .daddr = p->daddr,
			.id = p->id, .proto = p->proto, .tick = m->now,
		};
		if (!has_place(m, d)) {
			m->n_datagrams--;
			return NULL;
		}
		b->datagrams++;
	}
	return d;
}

/* The first one comes.  Once more: it is another datagram. */
static struct model_datagram *begin(struct model *m, __u32 net, enum datagram_use use, const struct packet *p)
{
	struct model_datagram *d = find_or_begin(m, net, use, p);

	if (!d)
		return NULL;
	if (d->begun) {
		memset(d->passed, 0, sizeof(d->passed));
		d->end = 0;
		d->tick = m->now;
		d->numbered = d->begun = false;
	}
	d->known = true;
	d->sport = p->sport;
	d->dport = p->dport;
	return d;
}

static bool malformed(const struct packet *p)
{
	__u32 payload = frag_payload(p);

	return !payload || (p->frag & MF && payload % 8) || OFFSET(p) * 8 + payload > LONGEST;
}

static unsigned int runs(const struct model_datagram *d)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < sizeof(d->passed); i++)
		n += d->passed[i] && (!i || !d->passed[i - 1]);
	return n;
}

static bool complete(const struct model_datagram *d)
{
	return d->end && !memchr(d->passed, 0, d->end);
}

/* Return: 0, or why this part may not pass. */
static int add(struct model_datagram *d, const struct packet *p)
{
	unsigned int from = OFFSET(p), to = from + (frag_payload(p) + 7) / 8;
	bool last = !(p->frag & MF);

	if (d->end && (to > d->end || (last && to != d->end)))
		return CV_DROP_FRAGMENT_OVERLAP;
	if (memchr(d->passed + from, 1, to - from) ||
	    (last && memchr(d->passed + to, 1, sizeof(d->passed) - to)))
		return CV_DROP_FRAGMENT_OVERLAP;
	memset(d->passed + from, 1, to - from);
	if (runs(d) > CV_DATAGRAM_RANGES) {
		memset(d->passed + from, 0, to - from);
		return CV_DROP_FRAGMENT_LIMIT;
	}
	if (last)
		d->end = to;
	d->begun = true;
	return 0;
}

static int pass(struct model *m, __u32 net, enum datagram_use use, const struct packet *p)
{
	struct model_budget *b = budget(m, sender(m, net, p));
	struct model_datagram *d = find(m, net, use, p);
	int drop;

	m->passing = d;
	if (!d)
		return 0;
	drop = add(d, p);
	if (!drop && complete(d)) {
		d->done = true;
		b->datagrams -= !!b->datagrams;
	}
	return drop;
}

/* --- what waits */

static int wait(struct model *m, __u32 net, const struct packet *p)
{
	static __u8 bytes[PACKET_MAX];
	struct model_budget *b = budget(m, sender(m, net, p));
	unsigned int len = transport_bytes(p, bytes);
	struct model_datagram *d;

	if (b->held >= (net ? CV_HELD_PER_PORT : CV_HELD_OUTSIDE))
		return CV_DROP_FRAGMENT_LIMIT;
	if (34 + p->options_len + len + p->trailer > CV_HELD_BYTES)
		return CV_DROP_FRAGMENT_NO_FIRST;
	if (m->n_waits == MODEL_HELD)
		rules_full();
	/* The datapath looks for room in some places only. */
	if (m->n_waits > FEW && !m->held())
		return CV_DROP_FRAGMENT_LIMIT;
	d = find_or_begin(m, net, USE_PORTS, p);
	if (!d)
		return CV_DROP_FRAGMENT_LIMIT;
	b->held++;
	m->waits[m->n_waits++] = (struct model_wait) { copy(m, p, bytes, len), d, m->now };
	d->awaited = true;
	return 0;
}

static void forget_wait(struct model *m, unsigned int i)
{
	memmove(&m->waits[i], &m->waits[i + 1], (--m->n_waits - i) * sizeof(m->waits[0]));
}

/* It enters again, and who waited behind it: the last one that came first. */
static void release(struct model *m, struct model_datagram *d, const struct packet *p, struct model_fate *ret)
{
	d->awaited = false;
	ret->again[ret->n_again++] = copy(m, p, p->data, p->len);
	for (unsigned int i = m->n_waits; i-- > 0;) {
		if (m->waits[i].of != d)
			continue;
		ret->again[ret->n_again++] = m->waits[i].p;
		forget_wait(m, i);
	}
}

__u32 model_sweep(struct model *m)
{
	__u32 before = m->n_waits;

	for (unsigned int i = m->n_waits; i-- > 0;)
		if (m->now - m->waits[i].tick > FRAGMENT_TICKS)
			forget_wait(m, i);
	return before - m->n_waits;
}

int frag_arrive(struct model *m, __u32 net, struct packet *p, struct model_fate *ret)
{
	struct model_datagram *d;
	int drop;

	if (!IS_FRAGMENT(p))
		return 0;
	if (malformed(p))
		return CV_DROP_MALFORMED;
	if (OFFSET(p)) {
		d = find(m, net, USE_PORTS, p);
		if (d && d->known) {
			p->sport = d->sport;
			p->dport = d->dport;
			return 0;
		}
		drop = wait(m, net, p);
		return drop ? drop : FRAG_AWAY;
	}
	if (p->proto == ICMP && p->type != ECHO && p->type != ECHO_REPLY)
		return 0;
	d = begin(m, net, USE_PORTS, p);
	if (!d)
		return CV_DROP_FRAGMENT_LIMIT;
	if (!d->awaited)
		return 0;
	release(m, d, p, ret);
	return FRAG_AWAY;
}

int frag_leave(struct model *m, __u32 net, const struct packet *p)
{
	return IS_FRAGMENT(p) ? pass(m, net, USE_PORTS, p) : 0;
}

bool frag_of_gateway(struct model *m, __u32 net, const struct packet *p)
{
	struct model_datagram *d;

	if (!IS_FRAGMENT(p))
		return true;
	budget(m, sender(m, net, p));	/* two seconds begin here too */
	d = OFFSET(p) ? find(m, net, USE_GATEWAY, p) : begin(m, net, USE_GATEWAY, p);
	return d && pass(m, net, USE_GATEWAY, p) != CV_DROP_FRAGMENT_OVERLAP;
}

/* --- identification outside (RFC 6864): no two datagrams to one peer have the same */

static bool number_used(struct model *m, const struct packet *p, __u16 id)
{
	for (unsigned int i = 0; i < m->n_numbers; i++)
		if (m->numbers[i].daddr == p->daddr && m->numbers[i].proto == p->proto &&
		    m->numbers[i].id == id)
			return true;
	return false;
}

static __u16 number_new(struct model *m, const struct packet *p)
{
	__u16 id = m->number();

	if (number_used(m, p, id))
		rules_wrong(m, "identification %u was given to another datagram to %x", id, p->daddr);
	if (m->n_numbers == MODEL_MAX)
		rules_full();
	m->numbers[m->n_numbers++] = (struct model_number) { p->daddr, id, p->proto };
	return id;
}

__u16 frag_number(struct model *m, const struct packet *p)
{
	struct model_datagram *d;

	if (!IS_FRAGMENT(p))
		return p->frag & DF ? p->id : number_new(m, p);
	d = m->passing;
	if (!d)
		return p->id;
	if (!d->numbered)
		d->number = number_new(m, p);
	d->numbered = true;
	return d->number;
}

/* --- fragmentation (RFC 791 section 3.2) */

static void strip_options(struct packet *p)
{
	__u8 *o = (__u8 *)p->options;

	for (unsigned int i = 0, len; i < p->options_len && o[i]; i += len) {
		len = o[i] == 1 ? 1 : i + 1 < p->options_len ? o[i + 1] : 0;
		if (!len)
			return;
		if (!(o[i] & 0x80))
			memset(o + i, 1, i + len > p->options_len ? p->options_len - i : len);
	}
}

int frag_split(struct model *m, __u32 net, struct packet *p, __u16 mtu, unsigned int *ret_size,
	       struct model_fate *ret)
{
	static __u8 bytes[PACKET_MAX];
	unsigned int len = transport_bytes(p, bytes), head = 20 + p->options_len;
	unsigned int size = (mtu - head) / 8 * 8, more = p->frag & MF;
	struct model_datagram *d;
	struct packet *rest;

	if (!IS_FRAGMENT(p)) {
		d = begin(m, net, USE_PORTS, p);
		if (!d)
			return CV_DROP_FRAGMENT_LIMIT;
		d->awaited = false;
		for (unsigned int i = 0; i < m->n_waits; i++)
			if (m->waits[i].of == d)
				m->waits[i].of = NULL;
	}
	rest = copy(m, p, bytes + size, len - size);
	rest->frag = (OFFSET(p) + size / 8) | more;
	strip_options(rest);
	ret->again[ret->n_again++] = rest;
	p->frag |= MF;
	*ret_size = size;
	return 0;
}

void frag_cut(struct model *m, struct packet *p, unsigned int size)
{
	static __u8 bytes[PACKET_MAX];

	transport_bytes(p, bytes);
	*p = *copy(m, p, bytes, size);
	p->raw = true;
}
