/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The maps in memory: what tables.h promises of the functions that the DHCP
 * engine calls, with arrays behind them.  A test may make a write fail.
 */
#ifndef CULVERT_TESTS_FAKE_TABLES_H
#define CULVERT_TESTS_FAKE_TABLES_H

#include <errno.h>
#include <setjmp.h>
#include <string.h>

#include "tables.h"

#define FAKE_NETWORKS	16
#define FAKE_PORTS	16
#ifndef FAKE_LEASES
#define FAKE_LEASES	1024
#endif

struct tables {
	struct cv_network network[FAKE_NETWORKS];
	struct cv_dhcp_options options[FAKE_NETWORKS];
	struct cv_port port[FAKE_PORTS];
	struct fake_lease {
		struct cv_lease_key key;	/* net 0: free */
		struct cv_lease lease;
	} lease[FAKE_LEASES];
	int lease_put_error;	/* returned by the next tables_lease_put() */
	__u64 now_ns;
	bool mortal;		/* die before the write after the next @writes_left */
	int writes_left;
};

static struct tables fake;
static jmp_buf fake_death;

static void fake_write(struct tables *t)
{
	if (t->mortal && !t->writes_left--)
		longjmp(fake_death, 1);
}

__u64 tables_boot_ns(void)
{
	return fake.now_ns;
}

int tables_network_get(struct tables *t, __u16 id, struct cv_network *ret)
{
	if (id >= FAKE_NETWORKS || !t->network[id].mode)
		return -ENOENT;
	*ret = t->network[id];
	return 0;
}

int tables_port_get(struct tables *t, __u32 slot, struct cv_port *ret)
{
	if (slot >= FAKE_PORTS || !t->port[slot].net)
		return -ENOENT;
	*ret = t->port[slot];
	return 0;
}

int tables_address_get(struct tables *t, __u16 net, __be32 ip, __u32 *ret_slot)
{
	for (__u32 slot = 1; slot < FAKE_PORTS; slot++) {
		if (!ip || t->port[slot].net != net || t->port[slot].ip != ip)
			continue;
		*ret_slot = slot;
		return 0;
	}
	return -ENOENT;
}

int tables_port_put(struct tables *t, __u32 slot, const struct cv_port *p)
{
	__u32 owner;

	fake_write(t);
	if (!tables_address_get(t, p->net, p->ip, &owner) && owner != slot)
		return -EADDRINUSE;
	t->port[slot] = *p;
	return 0;
}

static struct fake_lease *fake_find(struct tables *t, const struct cv_lease_key *key)
{
	for (size_t i = 0; i < FAKE_LEASES; i++)
		if (t->lease[i].key.net && !memcmp(&t->lease[i].key, key, sizeof(*key)))
			return &t->lease[i];
	return NULL;
}

int tables_lease_get(struct tables *t, const struct cv_lease_key *key, struct cv_lease *ret)
{
	struct fake_lease *f = fake_find(t, key);

	if (!f)
		return -ENOENT;
	*ret = f->lease;
	return 0;
}

int tables_lease_put(struct tables *t, const struct cv_lease_key *key, const struct cv_lease *l)
{
	struct fake_lease *f = fake_find(t, key);
	int err = t->lease_put_error;

	fake_write(t);
	t->lease_put_error = 0;
	if (err)
		return err;
	for (size_t i = 0; i < FAKE_LEASES && !f; i++)
		if (!t->lease[i].key.net)
			f = &t->lease[i];
	if (!f)
		return -E2BIG;
	*f = (struct fake_lease) { *key, *l };
	return 0;
}

int tables_lease_clear(struct tables *t, const struct cv_lease_key *key)
{
	struct fake_lease *f = fake_find(t, key);

	fake_write(t);
	if (!f)
		return -ENOENT;
	memset(f, 0, sizeof(*f));
	return 0;
}

int tables_dhcp_options_get(struct tables *t, __u16 net, struct cv_dhcp_options *ret)
{
	if (net >= FAKE_NETWORKS || !t->options[net].len)
		return -ENOENT;
	*ret = t->options[net];
	return 0;
}

int tables_each_network(struct tables *t,
			int (*fn)(__u16 id, const struct cv_network *n, void *arg), void *arg)
{
	int stop = 0;

	for (__u16 id = 1; id < FAKE_NETWORKS && !stop; id++)
		if (t->network[id].mode)
			stop = fn(id, &t->network[id], arg);
	return stop;
}

int tables_each_port(struct tables *t, __u16 net,
		     int (*fn)(__u32 slot, const struct cv_port *p, void *arg), void *arg)
{
	int stop = 0;

	for (__u32 slot = 1; slot < FAKE_PORTS && !stop; slot++)
		if (t->port[slot].net && (!net || t->port[slot].net == net))
			stop = fn(slot, &t->port[slot], arg);
	return stop;
}

int tables_each_lease(struct tables *t, __u16 net,
		      int (*fn)(const struct cv_lease_key *k, const struct cv_lease *l, void *arg),
		      void *arg)
{
	int stop = 0;

	for (size_t i = 0; i < FAKE_LEASES && !stop; i++)
		if (t->lease[i].key.net && (!net || t->lease[i].key.net == net))
			stop = fn(&t->lease[i].key, &t->lease[i].lease, arg);
	return stop;
}

#endif
