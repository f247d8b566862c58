/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of tables.h and by nobody else. */
#ifndef CULVERT_TABLES_IMPL_H
#define CULVERT_TABLES_IMPL_H

#include "tables.h"

/* The maps that user space opens, with the sizes it expects of key and value. */
#define TABLES_MAPS(X)							\
	X(meta, __u32, struct cv_meta)					\
	X(networks, __u32, struct cv_network)				\
	X(ports, __u32, struct cv_port)					\
	X(port_use, __u32, struct cv_use)				\
	X(network_use, __u32, struct cv_use)				\
	X(addresses, struct cv_address, __u32)				\
	X(whole, __be32, struct cv_whole)				\
	X(uplinks, __u32, struct cv_uplink)				\
	X(xdp_uplinks, __u32, struct cv_xdp_uplink)			\
	X(xdp_ports, __u32, __u32)					\
	X(flows, struct cv_tuple, struct cv_flow)			\
	X(externals, __u32, struct cv_external)				\
	X(external_addresses, __u32, struct cv_external_addresses)	\
	X(policies, __u32, struct cv_policy)				\
	X(lans, __u32, struct cv_lans)					\
	X(leases, struct cv_lease_key, struct cv_lease)			\
	X(dhcp_options, __u32, struct cv_dhcp_options)			\
	X(requests, char[0], char[0])	/* a ring */			\
	X(drops, struct cv_drop_key, struct cv_drop_count)		\
	X(totals, __u32, struct cv_totals)				\
	X(host_forwards, struct cv_host_listen, struct cv_host_forward)	\
	X(monitor, __u32, struct cv_monitor)				\
	X(events, char[0], char[0])	/* a ring */

/* An array's own memory, read only; NULL until it is asked for, or where it cannot be. */
struct tables_array {
	const char *at;
	size_t bytes;
};

struct tables {
	struct cv_meta layout;
	struct tables_array network_array, port_array;
	struct cv_external *external_ports;	/* `externals` itself; NULL until it is asked for */
#define TABLES_FIELD(name, key, value) int name;
	TABLES_MAPS(TABLES_FIELD)
#undef TABLES_FIELD
};

/**
 * tables_walk() - every entry of a map, in large batches
 * @key_size, @value_size: as the kernel copies them; of a per-CPU map the
 *	value of all CPUs
 * @fn:		returns 0 to go on, anything else to stop with that value
 *
 * A batch ends between hash buckets, so entries that others add or delete
 * meanwhile never make a walk begin anew, as they do with "get next key".
 */
int tables_walk(int map_fd, size_t key_size, size_t value_size,
		int (*fn)(const void *key, const void *value, void *arg), void *arg);

/** tables_arrays_unmap() - what walks over networks and ports have mapped */
void tables_arrays_unmap(struct tables *t);

/* Bytes of a per-CPU value of all CPUs; negative errno when they cannot be counted. */
long tables_percpu_size(size_t value_size);

/* Forget drop counters; 0 matches all. */
int tables_drops_clear(struct tables *t, __u32 net, __u32 slot);
/* Forget leases of a network and/or port; 0 matches all. */
int tables_leases_clear(struct tables *t, __u16 net, __u32 slot);

/**
 * tables_whole_claim() - what a port has whole: its external address, and where
 *	its network shows its guests' own addresses, that too
 *
 * Return: 0, -EADDRINUSE when another port has one of them (then nothing has
 * changed), or -errno.
 */
int tables_whole_claim(struct tables *t, __u32 slot, const struct cv_port *p);
/** tables_whole_leave() - what @before had whole and @now has not.  @now NULL: all */
int tables_whole_leave(struct tables *t, __u32 slot, const struct cv_port *before,
		       const struct cv_port *now);

/** tables_externals_unmap() - give `externals` back, if it is mapped */
void tables_externals_unmap(struct tables *t);
/** tables_forwards_clear_address() - those of an address, by its place in `external_addresses` */
int tables_forwards_clear_address(struct tables *t, unsigned int place);

/*
 * Forwards of loopback addresses, which are no part of `externals`: as the
 * functions of tables.h without "host".  Clearing: of a slot; 0: of slots that
 * have no port.
 */
int tables_host_forward_get(struct tables *t, __be32 addr, __u8 proto, __u16 port,
			    struct tables_external *ret);
int tables_host_forward_put(struct tables *t, __be32 addr, __u8 proto, __u16 port, __u32 slot,
			    __u16 guest_port);
int tables_host_forward_clear(struct tables *t, __be32 addr, __u8 proto, __u16 port, __u32 slot);
int tables_host_forwards_clear(struct tables *t, __u32 slot);
int tables_each_host_forward(struct tables *t,
			     int (*fn)(const struct tables_external *e, void *arg), void *arg);

#endif
