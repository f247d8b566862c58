/* SPDX-License-Identifier: GPL-2.0-only */
/* TAP devices: made and opened through /dev/net/tun.  Nothing here logs. */
#ifndef CULVERT_TAP_H
#define CULVERT_TAP_H

#include <stdbool.h>
#include <sys/types.h>

#define TAP_MAX_QUEUES 256

struct tap {
	int netns_fd;		/* where it lives; the descriptors work from anywhere */
	int ifindex;		/* chosen by the caller */
	const char *name;
	unsigned int queues;	/* 1 .. TAP_MAX_QUEUES */
	uid_t owner;		/* may open it without CAP_NET_ADMIN */
};

/**
 * tap_open() - make a TAP with virtio-net headers, or open it when it is there
 * @ret_fds: @t->queues descriptors, close-on-exec; the device goes with the
 *	last of them unless tap_keep() was called
 *
 * Return: 0, -EBUSY when the name, index or every queue is taken, or -errno.
 */
int tap_open(const struct tap *t, int *ret_fds);

/** tap_keep() - let the device outlive its descriptors */
int tap_keep(int fd);

#endif
