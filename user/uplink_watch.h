/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Networks follow the host: its default routes, the addresses of uplinks,
 * links that come and go.  What `up` does for uplinks is done again when they
 * change.  The datapath does not wait for it.  These functions log.
 */
#ifndef CULVERT_UPLINK_WATCH_H
#define CULVERT_UPLINK_WATCH_H

#include <stdbool.h>

struct tables;

/**
 * uplink_watch_follow() - make every network's uplinks what they would be now
 * @ret_lingers: whether a link is kept only for the flows it has still
 *
 * The caller has the lock of the engine.  A network keeps what it has when the
 * host has no default route at the moment, and its MTU in any case.  Return: 0
 * or -errno.
 */
int uplink_watch_follow(struct tables *t, bool *ret_lingers);

#endif
