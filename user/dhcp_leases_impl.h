/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by dhcp_leases*.c and dhcp_scan.c, and by nobody else. */
#ifndef CULVERT_DHCP_LEASES_IMPL_H
#define CULVERT_DHCP_LEASES_IMPL_H

#include <culvert/defaults.h>

#include "dhcp_leases.h"
#include "lease.h"
#include "store.h"

#define NS_PER_S	1000000000ULL
#define FOREVER_NS	(~0ULL)

/* @stored: made by a command, not by the configuration. */
struct reservation {
	__u16  net;
	bool   has_mac;
	bool   stored;
	__u8   mac[6];
	__be32 ip;
	char   name[CV_NAME_SIZE];
};

/**
 * struct lease_change - what a request did, until the commit
 * @before:	what was in the map; @had: whether anything was
 * @after:	what shall be there; without @binds it is there already
 * @binds:	the port gets the address too
 */
struct lease_change {
	struct cv_lease_key key;
	__u32 slot;
	bool had, binds;
	struct cv_lease before, after;
};

struct dhcp_leases {
	struct tables *t;
	struct store *store;
	struct dhcp_hooks hooks;
	struct reservation *reserved;	/* by network, then address */
	size_t n_reserved;
	bool known[CV_MAX_NETWORKS];	/* whose reservations we were told */
	bool read[CV_MAX_NETWORKS];	/* and what of the store */
	__u64 scanned_ns, tidied_ns;
	struct lease_change *changes;
	size_t n_changes, room_changes;
	unsigned long changed;
	struct lease_index index;
	struct lease_index former;	/* whose an address was last */
};

/* dhcp_leases.c: puts @all (heap, taken over) in order and in place of what there was. */
void dhcp_leases_set_reserved(struct dhcp_leases *l, struct reservation *all, size_t n);
/* dhcp_leases.c: whether somebody else than @c has the address, or it is kept for one. */
bool dhcp_leases_in_use(struct dhcp_leases *l, const struct dhcp_client *c, __be32 ip);
int dhcp_leases_index(struct dhcp_leases *l, __be32 ip, const struct cv_lease_key *key,
		      __u64 now_ns);

/*
 * dhcp_leases_change.c: changes the address of the port if it still is this
 * client's; see dhcp_leases_bind().
 */
int dhcp_leases_set_port(struct dhcp_leases *l, const struct cv_lease_key *key, __u32 slot,
			 __be32 ip);

/* dhcp_leases_rows.c: a lease as a row.  @guest may be empty. */
struct store_row dhcp_leases_row(struct dhcp_leases *l, const char *network, const char *guest,
				 const struct cv_lease_key *key, const struct cv_lease *lease,
				 __u64 now_ns);
/* dhcp_scan.c: what has ended is freed; the store is not asked, horizons stay. */
int dhcp_scan_maps(struct dhcp_leases *l, __u64 now_ns);

#endif
