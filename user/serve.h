/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What `culvert serve` does with one set of pinned maps: takes requests off
 * the ring, answers them, lets time pass.  Knows nothing of event loops.
 * These functions log.
 */
#ifndef CULVERT_SERVE_H
#define CULVERT_SERVE_H

#include <stdbool.h>
#include <linux/types.h>

#define SERVE_SCAN_NS	5000000000ULL	/* between two looks at all leases */

struct serve;

/**
 * serve_open() - the maps that are pinned now
 * Return: 0, -ENOENT when there are none (not logged), or -errno.
 */
int serve_open(struct serve **ret);
void serve_close(struct serve *s);

/** serve_is_current() - whether the pins still are the maps that were opened */
bool serve_is_current(const struct serve *s);

/** serve_fd() - readable when requests are there */
int serve_fd(const struct serve *s);

/** serve_requests() - answer those.  Return: 0 or -errno */
int serve_requests(struct serve *s);

/** serve_uplinks_fd() - readable when links, addresses or routes of the host change; -1: no such */
int serve_uplinks_fd(const struct serve *s);

/** serve_uplinks_changed() - read that.  Return: whether to call serve_uplinks_follow() soon */
bool serve_uplinks_changed(struct serve *s);

/**
 * serve_uplinks_follow() - make the networks follow
 * Return: 0, or -EAGAIN when a command holds the lock: try again soon.
 */
int serve_uplinks_follow(struct serve *s);

/** serve_hooks_fd() - readable when a call of a network's hook has ended or says something */
int serve_hooks_fd(const struct serve *s);
/** serve_hooks() - look at them */
void serve_hooks(struct serve *s);

/** serve_reload() - read the configuration of @net, NULL: of all, and the host's resolvers anew */
void serve_reload(struct serve *s, const char *net);

/** serve_tick() - about once a second: time passes for leases and sockets */
void serve_tick(struct serve *s);

/** serve_networks() - how many there are.  Return: their number or -errno */
int serve_networks(struct serve *s);

#endif
