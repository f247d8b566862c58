/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by dhcp_leases.c and dhcp_scan.c, and by nobody else. */
#ifndef CULVERT_DHCP_LEASES_IMPL_H
#define CULVERT_DHCP_LEASES_IMPL_H

#include <culvert/defaults.h>

#include "dhcp_leases.h"
#include "lease.h"

#define NS_PER_S	1000000000ULL
#define FOREVER_NS	(~0ULL)

struct reservation {
	__u16  net;
	bool   has_mac;
	__u8   mac[6];
	__be32 ip;
	char   name[CV_NAME_SIZE];
};

struct dhcp_leases {
	struct tables *t;
	struct dhcp_hooks hooks;
	struct reservation *reserved;	/* by network, then address */
	size_t n_reserved;
	bool known[CV_MAX_NETWORKS];	/* whose reservations we were told */
	__u64 scanned_ns;
	struct lease_index index;
};

/* Changes the address of the port if it still is this client's; see dhcp_leases_bind(). */
int dhcp_leases_set_port(struct dhcp_leases *l, const struct cv_lease_key *key, __u32 slot,
			 __be32 ip);

#endif
