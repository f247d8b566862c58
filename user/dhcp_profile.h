/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the daemon tells each client beyond its address: the configurations of
 * the networks, made ready.  The kernel tells the same to whom it serves; who
 * has options of his own has CV_LEASE_DAEMON in his lease and is not served by it.
 */
#ifndef CULVERT_DHCP_PROFILE_H
#define CULVERT_DHCP_PROFILE_H

#include <culvert/abi.h>

#include "config.h"
#include "dhcp_leases.h"
#include "dhcp_set.h"

struct tables;
struct dhcp_profiles;

/** dhcp_profiles_new() - no network is known.  NULL: out of memory */
struct dhcp_profiles *dhcp_profiles_new(void);
void dhcp_profiles_free(struct dhcp_profiles *all);

/**
 * dhcp_profiles_set() - a network's configuration, in place of the one before
 * @cfg: after resolv_fill(); nothing of it is kept
 *
 * Also marks the leases that are there (CV_LEASE_DAEMON).  Return: 0 or -errno.
 */
int dhcp_profiles_set(struct dhcp_profiles *all, struct tables *t, __u16 net,
		      const struct cv_network *n, const struct config *cfg);

/** dhcp_profiles_mark() - mark the leases again; when the network is not known nothing is done */
int dhcp_profiles_mark(const struct dhcp_profiles *all, struct tables *t, __u16 net);

/**
 * struct dhcp_profile - what one client is told
 * @own:	it has options of its own
 * @boot, @n_boot: rules; good until the next dhcp_profiles_set()
 */
struct dhcp_profile {
	struct dhcp_set options;
	bool own;
	const struct dhcp_boot *boot;
	size_t n_boot;
};

/**
 * dhcp_profiles_get() - of a network that is not known, what the maps tell
 * Return: 0, -ENOENT when they tell nothing, or -errno.
 */
int dhcp_profiles_get(const struct dhcp_profiles *all, struct tables *t,
		      const struct dhcp_client *c, struct dhcp_profile *ret);

#endif
