/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Uplinks: the host's links by which guests leave.  They belong to the host;
 * culvert only reads them and attaches from_uplink, once for all networks.
 * These functions log their errors.
 */
#ifndef CULVERT_UPLINK_H
#define CULVERT_UPLINK_H

#include <stdbool.h>
#include <linux/types.h>

#include "config.h"
#include "datapath.h"
#include "log.h"

struct net;
struct net_address;
struct tables;

struct uplink {
	int ifindex;
	unsigned int mtu;
	__be32 addr;		/* its first IPv4 address that no guest has whole; 0: none yet */
	char name[16];
};

struct uplink_set {
	unsigned int n;
	struct uplink links[CONFIG_MAX_UPLINKS];
};

/** uplink_is_ours() - whether culvert made the link: its index is one we choose */
bool uplink_is_ours(int ifindex);

/**
 * struct uplink_view - what decides about uplinks, read once for any number of networks
 * @addresses:	primary ones of links that are not ours, in the kernel's order
 * @defaults:	links of default routes, not ours, as often as they have one
 */
struct uplink_view {
	size_t n_addresses, n_defaults;
	struct net_address *addresses;
	int *defaults;
};

/** uplink_look() - *ret is empty before.  Return: 0 or -errno */
int uplink_look(struct net *host, struct uplink_view *ret);
void uplink_view_release(struct uplink_view *v);
#define _uplink_view_ __attribute__((cleanup(uplink_view_release)))

/**
 * uplink_choose() - the links a configuration means
 *
 * Those it names, else those that hold a default route.  None for an isolated
 * network.
 *
 * Return: 0, -ENODEV when there is none or one does not exist, -EOPNOTSUPP for
 * a link without Ethernet frames, or -errno.
 */
int uplink_choose(struct net *host, struct tables *t, const struct config *cfg,
		  struct uplink_set *ret);

/**
 * uplink_present() - the same of what is there now, be it nothing
 *
 * Links that do not exist or cannot be used are passed over without a word.
 */
int uplink_present(struct net *host, struct tables *t, const struct uplink_view *v,
		   const struct config *cfg, struct uplink_set *ret);

/** uplink_mtu() - the smallest of a set; 1500 for none */
unsigned int uplink_mtu(const struct uplink_set *set);

/** uplink_attach() - tell the maps and attach the program.  Return: 1 changed, 0, -errno */
int uplink_attach(struct tables *t, const struct uplink_set *set);

/**
 * uplink_release() - leave those links that no network uses any more
 * @except: a network that counts as gone; NULL: none
 *
 * A network that does not tell which uplinks it has is taken to use all.
 * Return: 1 when one was left, 0, or -errno.
 */
int uplink_release(struct tables *t, const char *except);

/** uplink_used_by() - whether a network leaves by it; yes where it does not tell */
bool uplink_used_by(const struct cv_network *n, const char *uplink, const char *except);

/**
 * uplink_xdp() - XDP on the uplinks of networks that want it, on no others
 * @except: as of uplink_release()
 * @level:	of the words when one that is wanted cannot have it, which is no error
 *
 * Return: 1 changed, 0, -errno.
 */
int uplink_xdp(struct net *host, struct tables *t, const char *except, enum log_level level);

#define UPLINK_WHY_SIZE 192

struct uplink_xdp_state {
	enum config_xdp want;	/* the most that one of its networks wants */
	enum datapath_xdp mode;
	bool alone;		/* this kernel has no dispatcher */
	char why[UPLINK_WHY_SIZE];	/* it cannot be; empty: nothing is known against it */
};

/** uplink_xdp_look() - what is wanted, what is, and why.  Return: 0 or -errno; does not log */
int uplink_xdp_look(struct tables *t, __u32 ifindex, const char *name,
		    struct uplink_xdp_state *ret);

/**
 * uplink_lans() - tell the maps the uplinks' own prefixes, judge anew where they have changed
 *
 * Those of their addresses, and of the routes that need no next hop.
 * Return: 1 changed, 0, -errno.
 */
int uplink_lans(struct net *host, struct tables *t);

#endif
