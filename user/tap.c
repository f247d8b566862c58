// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/net/tun belongs to the network namespace in which it was opened: the
 * thread goes there for the open() alone.  The offloads (TUNSETOFFLOAD) are
 * for whoever runs the guest: he knows what his virtio device negotiated.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>

#include "mem.h"
#include "netns.h"
#include "tap.h"

static int open_queue(const struct tap *t, bool first, int *ret_fd)
{
	_fd_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	unsigned int ifindex = t->ifindex;
	struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };

	if (fd < 0)
		return -errno;
	if (t->queues > 1)
		req.ifr_flags |= IFF_MULTI_QUEUE;
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", t->name);
	if (first && ioctl(fd, TUNSETIFINDEX, &ifindex))
		return -errno;
	if (ioctl(fd, TUNSETIFF, &req))
		return -errno;
	/* One without owner and group is open to whoever is in the namespace. */
	if (first && ioctl(fd, TUNSETOWNER, (unsigned long)t->owner))
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

int tap_open(const struct tap *t, int *ret_fds)
{
	_netns_ int back = -1;
	int fds[TAP_MAX_QUEUES];
	unsigned int n = 0;
	int err;

	if (!t->queues || t->queues > TAP_MAX_QUEUES)
		return -EINVAL;
	err = netns_switch(t->netns_fd, &back);
	while (!err && n < t->queues) {
		err = open_queue(t, n == 0, &fds[n]);
		if (!err)
			n++;
	}
	if (err) {
		while (n)
			close(fds[--n]);
		return err;
	}
	memcpy(ret_fds, fds, n * sizeof(*fds));
	return 0;
}

int tap_keep(int fd)
{
	return ioctl(fd, TUNSETPERSIST, 1UL) ? -errno : 0;
}
