// SPDX-License-Identifier: GPL-2.0-only
/*
 * External ports and forwards.
 *
 * DOC: the programs change an entry's word by compare-and-swap at any moment,
 * so it is not written through the map but in the map's own memory, by
 * compare-and-swap too.  The flag has no such need: commands alone write it,
 * and they have the lock.  It is set after the count is taken and gone before
 * the count is given back: an open port always has an owner.
 *
 * What listens on loopback is in another map, see tables_host.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>

#include "addr.h"
#include "tables_impl.h"

#define N_PORTS		65536U
#define N_EXTERNALS	(CV_MAX_EXTERNAL_ADDRESSES * CV_EXTERNAL_PROTOS * N_PORTS)
#define EXTERNALS_BYTES	(N_EXTERNALS * sizeof(struct cv_external))	/* whole pages */

static int map_externals(struct tables *t)
{
	void *at;

	if (t->external_ports)
		return 0;
	at = mmap(NULL, EXTERNALS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, t->externals, 0);
	if (at == MAP_FAILED)
		return -errno;
	t->external_ports = at;
	return 0;
}

void tables_externals_unmap(struct tables *t)
{
	if (t->external_ports)
		munmap(t->external_ports, EXTERNALS_BYTES);
	t->external_ports = NULL;
}

static int read_addresses(struct tables *t, struct cv_external_addresses *ret)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(t->external_addresses, &zero, ret) ? -errno : 0;
}

static struct cv_external *entry(struct tables *t, unsigned int place, __u8 proto, __u16 port)
{
	unsigned int which = proto == IPPROTO_TCP ? CV_EXTERNAL_TCP : CV_EXTERNAL_UDP;

	return &t->external_ports[(place * CV_EXTERNAL_PROTOS + which) * N_PORTS + port];
}

static int find_entry(struct tables *t, __be32 addr, __u8 proto, __u16 port,
		      struct cv_external **ret)
{
	struct cv_external_addresses known;
	int err = map_externals(t);

	if (!err)
		err = read_addresses(t, &known);
	if (err)
		return err;
	for (unsigned int i = 0; addr && i < CV_MAX_EXTERNAL_ADDRESSES; i++) {
		if (known.addr[i] != addr)
			continue;
		*ret = entry(t, i, proto, port);
		return 0;
	}
	return -EADDRNOTAVAIL;
}

static __u64 word_of(const struct cv_external *e)
{
	return __atomic_load_n(&e->word, __ATOMIC_RELAXED);
}

static bool is_forward(const struct cv_external *e)
{
	return __atomic_load_n(&e->flags, __ATOMIC_RELAXED) & CV_EXTERNAL_FORWARD;
}

static void describe(const struct cv_external *e, struct tables_external *ret)
{
	__u64 word = word_of(e);

	ret->forward = is_forward(e);
	ret->slot = word >> 48;
	ret->guest_port = word >> 32;
	ret->flows = (__u32)word - (ret->forward && (__u32)word);
}

int tables_external_get(struct tables *t, __be32 addr, __u8 proto, __u16 port,
			struct tables_external *ret)
{
	struct tables_external x = { .addr = addr, .proto = proto, .port = port };
	struct cv_external *e;
	int err;

	if (addr_is_loopback(addr))
		return tables_host_forward_get(t, addr, proto, port, ret);
	err = find_entry(t, addr, proto, port, &e);
	if (err)
		return err;
	describe(e, &x);
	if (!x.flows && !x.forward)
		return -ENOENT;
	*ret = x;
	return 0;
}

int tables_forward_put(struct tables *t, __be32 addr, __u8 proto, __u16 port, __u32 slot,
		       __u16 guest_port)
{
	__u64 owner = (__u64)slot << 48 | (__u64)guest_port << 32, word;
	struct cv_external *e;
	bool ours;
	int err;

	if (!slot || !port || !guest_port)
		return -EINVAL;
	if (addr_is_loopback(addr))
		return tables_host_forward_put(t, addr, proto, port, slot, guest_port);
	err = find_entry(t, addr, proto, port, &e);
	if (err)
		return err;
	word = word_of(e);
	do {
		ours = (word ^ owner) >> 32 == 0;
		if ((__u32)word && !ours)
			return -EADDRINUSE;
		if ((__u32)word && is_forward(e))
			return 0;
	} while (!__atomic_compare_exchange_n(&e->word, &word, ours ? word + 1 : owner + 1, false,
					      __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	__atomic_store_n(&e->flags, CV_EXTERNAL_FORWARD, __ATOMIC_SEQ_CST);
	return 1;
}

/* Our count and no other; it is there, so the subtraction stays within it. */
static void clear_entry(struct cv_external *e)
{
	__atomic_store_n(&e->flags, 0, __ATOMIC_SEQ_CST);
	/* As the programs do: who sees none left sees since when. */
	__atomic_store_n(&e->tick, tables_now_ticks(), __ATOMIC_RELAXED);
	__atomic_fetch_sub(&e->word, 1, __ATOMIC_SEQ_CST);
}

int tables_forward_clear(struct tables *t, __be32 addr, __u8 proto, __u16 port, __u32 slot)
{
	struct cv_external *e;
	int err;

	if (addr_is_loopback(addr))
		return tables_host_forward_clear(t, addr, proto, port, slot);
	err = find_entry(t, addr, proto, port, &e);
	if (err)
		return err;
	if (!is_forward(e) || word_of(e) >> 48 != slot)
		return 0;
	clear_entry(e);
	return 1;
}

/* --- all of them */

struct forward_walk {
	int (*fn)(struct cv_external *e, const struct tables_external *x, void *arg);
	void *arg;
};

static int walk_ports(struct tables *t, unsigned int place, __be32 addr, __u8 proto,
		      const struct forward_walk *w)
{
	struct tables_external x = { .addr = addr, .proto = proto };
	int err;

	for (unsigned int port = 0; port < N_PORTS; port++) {
		struct cv_external *e = entry(t, place, proto, port);

		if (!is_forward(e))
			continue;
		x.port = port;
		describe(e, &x);
		err = w->fn(e, &x, w->arg);
		if (err)
			return err;
	}
	return 0;
}

/* @place of an address, or -1 for all. */
static int walk_forwards(struct tables *t, int place, const struct forward_walk *w)
{
	struct cv_external_addresses known;
	int err = map_externals(t);

	if (!err)
		err = read_addresses(t, &known);
	for (int i = 0; i < CV_MAX_EXTERNAL_ADDRESSES && !err; i++) {
		if (place >= 0 && place != i)
			continue;
		err = walk_ports(t, i, known.addr[i], IPPROTO_TCP, w);
		if (!err)
			err = walk_ports(t, i, known.addr[i], IPPROTO_UDP, w);
	}
	return err;
}

struct visit {
	int (*fn)(const struct tables_external *e, void *arg);
	void *arg;
};

static int visit_forward(struct cv_external *e, const struct tables_external *x, void *arg)
{
	const struct visit *v = arg;

	return v->fn(x, v->arg);
}

int tables_each_forward(struct tables *t, int (*fn)(const struct tables_external *e, void *arg), void *arg)
{
	struct visit v = { fn, arg };
	int err = walk_forwards(t, -1, &(struct forward_walk) { visit_forward, &v });

	return err ? err : tables_each_host_forward(t, fn, arg);
}

static int clear_any(struct cv_external *e, const struct tables_external *x, void *arg)
{
	clear_entry(e);
	return 0;
}

int tables_forwards_clear_address(struct tables *t, unsigned int place)
{
	return walk_forwards(t, place, &(struct forward_walk) { clear_any, NULL });
}

struct slot_search {
	struct tables *t;
	__u32 slot;
};

static int clear_of_slot(struct cv_external *e, const struct tables_external *x, void *arg)
{
	const struct slot_search *s = arg;
	struct cv_port p;

	if (s->slot ? x->slot == s->slot : tables_port_get(s->t, x->slot, &p) == -ENOENT)
		clear_entry(e);
	return 0;
}

int tables_forwards_clear(struct tables *t, __u32 slot)
{
	struct slot_search s = { t, slot };
	int err = walk_forwards(t, -1, &(struct forward_walk) { clear_of_slot, &s });

	return err ? err : tables_host_forwards_clear(t, slot);
}
