/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames out of a guest's port: raw sockets in the networks' namespaces, which
 * receive nothing.  A socket keeps its namespace alive, so one that was not
 * used for a moment is closed.  Nothing here logs.
 */
#ifndef CULVERT_REPLY_SOCKET_H
#define CULVERT_REPLY_SOCKET_H

#include <stddef.h>
#include <linux/types.h>

#define REPLY_SOCKET_IDLE_NS	1000000000ULL

struct reply_sockets;

/** reply_sockets_new() - NULL when out of memory */
struct reply_sockets *reply_sockets_new(void);
void reply_sockets_free(struct reply_sockets *rs);

/**
 * reply_sockets_send() - one frame
 * @net, @name: the network
 * @ifindex: the port's
 *
 * Return: 0, -ENOENT when the namespace is gone, -ENXIO or -ENODEV when the
 * link is, or -errno.
 */
int reply_sockets_send(struct reply_sockets *rs, __u16 net, const char *name, int ifindex,
		       const __u8 *frame, size_t len, __u64 now_ns);

/** reply_sockets_tidy() - close what was idle at @now_ns; with ~0 all */
void reply_sockets_tidy(struct reply_sockets *rs, __u64 now_ns);

#endif
