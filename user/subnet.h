/* SPDX-License-Identifier: GPL-2.0-only */
/* Which addresses a network may use: what the host and other networks leave free. */
#ifndef CULVERT_SUBNET_H
#define CULVERT_SUBNET_H

#include <linux/types.h>

struct config;
struct net;
struct tables;
struct uplink_set;

/**
 * subnet_choose() - the first private /24, from 10.20.0.0, that overlaps no
 * address or route of the host and no other network
 *
 * Return: 0, -ENOSPC, or -errno.  Does not log.
 */
int subnet_choose(struct net *host, struct tables *t, __be32 *ret_subnet, __be32 *ret_mask);

/**
 * subnet_check() - may network @name have this subnet?
 *
 * @cfg:	with the subnet chosen
 *
 * Refused where guests could not reach the uplink's own neighbours, and where
 * guests' own addresses are seen outside but not theirs alone; other overlaps
 * work, for guests, and are warned of.  Logs.
 *
 * Return: 0, -EADDRINUSE, or -errno.
 */
int subnet_check(struct net *host, struct tables *t, const char *name, const struct config *cfg,
		 const struct uplink_set *uplinks);

#endif
