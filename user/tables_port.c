// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports and the addresses they own.  A guest's address is in two places: in
 * its port, which the guard compares with each packet, and in `addresses`,
 * which finds the port when a flow is made.  The second is claimed first, so
 * that two ports never own one address.  What a port has whole outside
 * (tables_whole.c) goes the same way.
 */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "tables_impl.h"

int tables_port_get(struct tables *t, __u32 slot, struct cv_port *ret)
{
	struct cv_port p;

	if (!slot || bpf_map_lookup_elem(t->ports, &slot, &p))
		return slot ? -errno : -ENOENT;
	if (!p.net)
		return -ENOENT;
	*ret = p;
	return 0;
}

struct port_search {
	const char *name;
	__u32 slot;
	struct cv_port found;
};

static int match_port(__u32 slot, const struct cv_port *p, void *arg)
{
	struct port_search *s = arg;

	if (strncmp(p->name, s->name, CV_NAME_SIZE))
		return 0;
	s->slot = slot;
	s->found = *p;
	return 1;
}

int tables_port_find(struct tables *t, __u16 net, const char *name, __u32 *ret_slot, struct cv_port *ret)
{
	struct port_search s = { .name = name };
	int found = tables_each_port(t, net, match_port, &s);

	if (found <= 0)
		return found ? found : -ENOENT;
	if (ret_slot)
		*ret_slot = s.slot;
	if (ret)
		*ret = s.found;
	return 0;
}

/*
 * A slot whose last guest still has flows in the count would charge them to
 * the next one, so it is taken only when there is no other.
 */
int tables_port_free_slot(struct tables *t, __u32 *ret_slot)
{
	__u32 slot, worse = 0, flows;
	struct cv_port p;
	int err;

	for (slot = 1; slot < t->layout.max_ports; slot++) {
		err = tables_port_get(t, slot, &p);
		if (!err)
			continue;
		if (err != -ENOENT)
			return err;
		err = tables_flow_count(t, 0, slot, &flows);
		if (err)
			return err;
		if (!flows) {
			*ret_slot = slot;
			return 0;
		}
		if (!worse)
			worse = slot;
	}
	if (!worse)
		return -ENOSPC;
	*ret_slot = worse;
	return 0;
}

/* --- addresses */

int tables_address_get(struct tables *t, __u16 net, __be32 ip, __u32 *ret_slot)
{
	struct cv_address key = { .ip = ip, .net = net };
	__u32 slot;

	if (bpf_map_lookup_elem(t->addresses, &key, &slot))
		return -errno;
	*ret_slot = slot;
	return 0;
}

/* *ret_new tells whether it was free before. */
static int claim_address(struct tables *t, __u16 net, __be32 ip, __u32 slot, bool *ret_new)
{
	struct cv_address key = { .ip = ip, .net = net };
	__u32 owner = 0;
	int err;

	*ret_new = !bpf_map_update_elem(t->addresses, &key, &slot, BPF_NOEXIST);
	if (*ret_new)
		return 0;
	if (errno != EEXIST)
		return -errno;
	err = tables_address_get(t, net, ip, &owner);
	if (err)
		return err;
	return owner == slot ? 0 : -EADDRINUSE;
}

static int release_address(struct tables *t, __u16 net, __be32 ip, __u32 slot)
{
	struct cv_address key = { .ip = ip, .net = net };
	__u32 owner = 0;
	int err;

	if (!ip)
		return 0;
	err = tables_address_get(t, net, ip, &owner);
	if (err || owner != slot)
		return err == -ENOENT ? 0 : err;
	return bpf_map_delete_elem(t->addresses, &key) ? -errno : 0;
}

int tables_port_put(struct tables *t, __u32 slot, const struct cv_port *p)
{
	struct cv_port old = {};
	bool claimed = false;
	int err;

	if (!slot || !p->net)
		return -EINVAL;
	err = tables_port_get(t, slot, &old);
	if (err && err != -ENOENT)
		return err;
	err = p->ip ? claim_address(t, p->net, p->ip, slot, &claimed) : 0;
	if (err)
		return err;
	err = tables_whole_claim(t, slot, p);
	if (!err && bpf_map_update_elem(t->ports, &slot, p, BPF_EXIST)) {
		err = -errno;
		tables_whole_leave(t, slot, p, &old);
	}
	if (err) {
		if (claimed)
			release_address(t, p->net, p->ip, slot);
		return err;
	}
	err = tables_whole_leave(t, slot, &old, p);
	if (err || (old.ip == p->ip && old.net == p->net))
		return err;
	return release_address(t, old.net, old.ip, slot);
}

int tables_port_clear(struct tables *t, __u32 slot)
{
	struct cv_port none = {}, old;
	int err;

	err = tables_port_get(t, slot, &old);
	if (err)
		return err;
	if (bpf_map_update_elem(t->ports, &slot, &none, BPF_EXIST))
		return -errno;
	err = tables_whole_leave(t, slot, &old, NULL);
	if (!err)
		err = release_address(t, old.net, old.ip, slot);
	if (!err)
		err = tables_leases_clear(t, old.net, slot);
	if (!err)
		err = tables_drops_clear(t, 0, slot);
	return err;
}
