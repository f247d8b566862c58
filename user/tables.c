// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening the pinned maps, and the entries that user space itself writes:
 * networks, uplinks, leases, DHCP options.  Ports and addresses are in
 * tables_port.c, forwards in tables_external.c and tables_host.c, what the
 * programs count in tables_count.c, flows in tables_flow.c, walking over a map in
 * tables_walk.c.
 */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "mem.h"
#include "paths.h"
#include "tables_impl.h"

static int open_map(const char *name, size_t key_size, size_t value_size, int *ret_fd)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	char dir[256], path[288];
	_fd_ int fd = -1;
	int err;

	err = paths_join(dir, sizeof(dir), paths_bpf(), "map");
	if (!err)
		err = paths_join(path, sizeof(path), dir, name);
	if (err)
		return err;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	if (info.key_size != key_size || info.value_size != value_size)
		return -EPROTO;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* The other maps mean nothing before their version is known. */
static int read_layout(struct tables *t)
{
	__u32 zero = 0;
	int err;

	err = open_map("meta", sizeof(zero), sizeof(t->layout), &t->meta);
	if (err)
		return err;
	if (bpf_map_lookup_elem(t->meta, &zero, &t->layout))
		return -errno;
	return t->layout.abi_version == CV_ABI_VERSION ? 0 : -EPROTO;
}

static void forget(struct tables *t)
{
#define TABLES_FORGET(name, key, value) t->name = -1;
	TABLES_MAPS(TABLES_FORGET)
#undef TABLES_FORGET
}

int tables_open(struct tables **ret_tables)
{
	_tables_ struct tables *t = malloc(sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	t->external_ports = NULL;
	t->network_array = t->port_array = (struct tables_array) { 0 };
	forget(t);
	err = read_layout(t);
#define TABLES_OPEN(name, key, value)						\
	if (!err && t->name < 0)						\
		err = open_map(#name, sizeof(key), sizeof(value), &t->name);
	TABLES_MAPS(TABLES_OPEN)
#undef TABLES_OPEN
	if (err)
		return err;
	*ret_tables = take_ptr(t);
	return 0;
}

void tables_close(struct tables *t)
{
	if (!t)
		return;
	tables_externals_unmap(t);
	tables_arrays_unmap(t);
#define TABLES_CLOSE(name, key, value) mem_close(&t->name);
	TABLES_MAPS(TABLES_CLOSE)
#undef TABLES_CLOSE
	free(t);
}

const struct cv_meta *tables_meta(const struct tables *t)
{
	return &t->layout;
}

/* --- networks */

int tables_network_get(struct tables *t, __u16 id, struct cv_network *ret)
{
	struct cv_network n;
	__u32 key = id;

	if (!id || bpf_map_lookup_elem(t->networks, &key, &n))
		return id ? -errno : -ENOENT;
	if (!n.mode)
		return -ENOENT;
	*ret = n;
	return 0;
}

struct network_search {
	const char *name;
	__u16 id;
	struct cv_network found;
};

static int match_network(__u16 id, const struct cv_network *n, void *arg)
{
	struct network_search *s = arg;

	if (strncmp(n->name, s->name, CV_NAME_SIZE))
		return 0;
	s->id = id;
	s->found = *n;
	return 1;
}

int tables_network_find(struct tables *t, const char *name, __u16 *ret_id, struct cv_network *ret)
{
	struct network_search s = { .name = name };
	int found = tables_each_network(t, match_network, &s);

	if (found <= 0)
		return found ? found : -ENOENT;
	if (ret_id)
		*ret_id = s.id;
	if (ret)
		*ret = s.found;
	return 0;
}

int tables_network_free_id(struct tables *t, __u16 *ret_id)
{
	struct cv_network n;
	__u32 id;
	int err;

	for (id = 1; id < t->layout.max_networks; id++) {
		err = tables_network_get(t, id, &n);
		if (err == -ENOENT) {
			*ret_id = id;
			return 0;
		}
		if (err)
			return err;
	}
	return -ENOSPC;
}

int tables_network_put(struct tables *t, __u16 id, const struct cv_network *n)
{
	__u32 key = id;

	if (!id || !n->mode)
		return -EINVAL;
	return bpf_map_update_elem(t->networks, &key, n, BPF_EXIST) ? -errno : 0;
}

int tables_network_clear(struct tables *t, __u16 id)
{
	struct cv_network none = {};
	struct cv_dhcp_options no_options = {};
	__u32 key = id;
	int err;

	if (!id)
		return -EINVAL;
	if (bpf_map_update_elem(t->networks, &key, &none, BPF_EXIST))
		return -errno;
	err = tables_leases_clear(t, id, 0);
	if (!err)
		err = tables_drops_clear(t, id, 0);
	if (!err)
		err = tables_dhcp_options_put(t, id, &no_options);
	return err;
}

int tables_dhcp_options_put(struct tables *t, __u16 net, const struct cv_dhcp_options *o)
{
	__u32 key = net;

	return bpf_map_update_elem(t->dhcp_options, &key, o, BPF_ANY) ? -errno : 0;
}

int tables_dhcp_options_get(struct tables *t, __u16 net, struct cv_dhcp_options *ret)
{
	struct cv_dhcp_options o;
	__u32 key = net;

	if (bpf_map_lookup_elem(t->dhcp_options, &key, &o))
		return -errno;
	*ret = o;
	return 0;
}

/* --- uplinks */

/* Give the address its part of `externals`, if it has none. */
static int external_add(struct tables *t, __be32 addr)
{
	struct cv_external_addresses known;
	__u32 zero = 0;
	int place = -1;

	if (bpf_map_lookup_elem(t->external_addresses, &zero, &known))
		return -errno;
	for (int i = CV_MAX_EXTERNAL_ADDRESSES - 1; i >= 0; i--) {
		if (known.addr[i] == addr)
			return 0;
		if (!known.addr[i])
			place = i;
	}
	if (place < 0)
		return -ENOSPC;
	known.addr[place] = addr;
	return bpf_map_update_elem(t->external_addresses, &zero, &known, BPF_ANY) ? -errno : 0;
}

/*
 * Take it away; the ports' owners stay noted, so that none is given twice, but
 * no forward may open a port of the address that gets the place next.
 */
static int external_remove(struct tables *t, __be32 addr)
{
	struct cv_external_addresses known;
	__u32 zero = 0;
	int place = -1;

	if (bpf_map_lookup_elem(t->external_addresses, &zero, &known))
		return -errno;
	for (int i = 0; i < CV_MAX_EXTERNAL_ADDRESSES; i++)
		if (addr && known.addr[i] == addr)
			place = i;
	if (place < 0)
		return 0;
	known.addr[place] = 0;
	if (bpf_map_update_elem(t->external_addresses, &zero, &known, BPF_ANY))
		return -errno;
	return tables_forwards_clear_address(t, place);
}

static int has_address(const void *key, const void *value, void *arg)
{
	const struct cv_uplink *u = value;

	return u->addr == *(const __be32 *)arg;
}

/* An uplink has lost an address: it goes when no other one has it. */
static int external_release(struct tables *t, __be32 addr)
{
	int err;

	err = tables_walk(t->uplinks, sizeof(__u32), sizeof(struct cv_uplink), has_address, &addr);
	return err ? (err < 0 ? err : 0) : external_remove(t, addr);
}

/*
 * The new address is known before the entry names it.  Where there is no room
 * for both, the old one goes first: guests' packets are dropped in between.
 */
int tables_uplink_put(struct tables *t, __u32 ifindex, const struct cv_uplink *u)
{
	struct cv_uplink before = {};
	struct cv_uplink without = *u;
	int err;

	if (bpf_map_lookup_elem(t->uplinks, &ifindex, &before) && errno != ENOENT)
		return -errno;
	err = u->addr ? external_add(t, u->addr) : 0;
	if (err == -ENOSPC && before.addr) {
		without.addr = 0;
		err = bpf_map_update_elem(t->uplinks, &ifindex, &without, BPF_ANY) ? -errno : 0;
		if (!err)
			err = external_release(t, before.addr);
		if (!err)
			err = external_add(t, u->addr);
	}
	if (err)
		return err;
	if (bpf_map_update_elem(t->uplinks, &ifindex, u, BPF_ANY))
		return -errno;
	return before.addr && before.addr != u->addr ? external_release(t, before.addr) : 0;
}

int tables_uplink_get(struct tables *t, __u32 ifindex, struct cv_uplink *ret)
{
	struct cv_uplink u;

	if (bpf_map_lookup_elem(t->uplinks, &ifindex, &u))
		return -errno;
	*ret = u;
	return 0;
}

int tables_uplink_clear(struct tables *t, __u32 ifindex)
{
	struct cv_uplink u = {};
	int err = tables_uplink_get(t, ifindex, &u);

	if (err)
		return err;
	if (bpf_map_delete_elem(t->uplinks, &ifindex))
		return -errno;
	return external_release(t, u.addr);
}

struct uplink_search {
	__u32 after, best;
	struct cv_uplink found;
};

static int match_uplink(const void *key, const void *value, void *arg)
{
	struct uplink_search *s = arg;
	__u32 ifindex = *(const __u32 *)key;

	if (ifindex > s->after && (!s->best || ifindex < s->best)) {
		s->best = ifindex;
		memcpy(&s->found, value, sizeof(s->found));
	}
	return 0;
}

/* In the order of ifindexes: uplinks may come and go between two calls. */
int tables_uplink_next(struct tables *t, __u32 ifindex, __u32 *ret_ifindex, struct cv_uplink *ret)
{
	struct uplink_search s = { .after = ifindex };
	int err;

	err = tables_walk(t->uplinks, sizeof(__u32), sizeof(struct cv_uplink), match_uplink, &s);
	if (err)
		return err;
	if (!s.best)
		return -ENOENT;
	*ret_ifindex = s.best;
	if (ret)
		*ret = s.found;
	return 0;
}

/* --- leases */

int tables_lease_get(struct tables *t, const struct cv_lease_key *key, struct cv_lease *ret)
{
	struct cv_lease l;

	if (bpf_map_lookup_elem(t->leases, key, &l))
		return -errno;
	*ret = l;
	return 0;
}

int tables_lease_put(struct tables *t, const struct cv_lease_key *key, const struct cv_lease *l)
{
	return bpf_map_update_elem(t->leases, key, l, BPF_ANY) ? -errno : 0;
}

int tables_lease_clear(struct tables *t, const struct cv_lease_key *key)
{
	return bpf_map_delete_elem(t->leases, key) ? -errno : 0;
}

struct lease_clearing {
	struct tables *t;
	__u32 slot;
};

static int clear_lease(const struct cv_lease_key *k, const struct cv_lease *l, void *arg)
{
	struct lease_clearing *c = arg;
	int err = 0;

	if (!c->slot || l->slot == c->slot)
		err = tables_lease_clear(c->t, k);
	return err == -ENOENT ? 0 : err;
}

int tables_leases_clear(struct tables *t, __u16 net, __u32 slot)
{
	struct lease_clearing c = { .t = t, .slot = slot };

	return tables_each_lease(t, net, clear_lease, &c);
}
