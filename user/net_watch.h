/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Being told when links, addresses, default routes or forwarding change in a
 * network namespace: the one the watch was opened in.  Nothing here logs.
 */
#ifndef CULVERT_NET_WATCH_H
#define CULVERT_NET_WATCH_H

#include <stdbool.h>

struct net_watch;

/**
 * net_watch_open() - from now on
 * @is_own: of these links only that forwarding was turned off is told
 *
 * Return: 0 or -errno.
 */
int net_watch_open(bool (*is_own)(int ifindex), struct net_watch **ret);
void net_watch_close(struct net_watch *w);	/* NULL is fine */

/** net_watch_fd() - readable when something was told */
int net_watch_fd(const struct net_watch *w);

/**
 * net_watch_read() - take in what was told
 *
 * It says that something changed, not what: the reader looks for itself, and
 * so it does no harm when the kernel had more to tell than fitted.
 *
 * Return: 1 when an uplink may have changed, 0, or -errno.
 */
int net_watch_read(struct net_watch *w);

#endif
