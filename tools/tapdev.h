/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A TAP as QEMU opens it: virtio-net header, offloads.  Shared by pump and the
 * bench, which are programs of their own.
 */
#ifndef TOOLS_TAPDEV_H
#define TOOLS_TAPDEV_H

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/if_tun.h>

/* Debian 12's headers are older than UDP segmentation on TAPs (6.2). */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

#define TAPDEV_HDR_BYTES	12	/* as QEMU: struct virtio_net_hdr_mrg_rxbuf */
#define TAPDEV_FRAME_BYTES	(TAPDEV_HDR_BYTES + 64 * 1024 + 256)
#define TAPDEV_OFFLOADS		(TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | \
				 TUN_F_USO4 | TUN_F_USO6)

/** tapdev_open() - a TAP of the caller's namespace, made when it is not there.  Return: descriptor or -errno */
static inline int tapdev_open(const char *ifname)
{
	struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd, err;

	if (strlen(ifname) >= sizeof(req.ifr_name))
		return -ENAMETOOLONG;
	strcpy(req.ifr_name, ifname);
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!ioctl(fd, TUNSETIFF, &req))
		return fd;
	/* A TAP made with several queues takes nothing else. */
	req.ifr_flags |= IFF_MULTI_QUEUE;
	if (errno == EINVAL && !ioctl(fd, TUNSETIFF, &req))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* TUNSETOFFLOAD refuses the whole set for one flag that the kernel lacks. */
static inline int tapdev_offloads(int fd, unsigned int flags)
{
	static const unsigned int newer[] = { 0, TUN_F_USO4 | TUN_F_USO6, TUN_F_UFO };

	for (size_t i = 0; i < sizeof(newer) / sizeof(*newer); i++) {
		flags &= ~newer[i];
		if (!ioctl(fd, TUNSETOFFLOAD, flags))
			return 0;
	}
	return -errno;
}

/** tapdev_setup() - header's size, no waiting, what the kernel may hand over unfinished.  Return: 0 or -errno */
static inline int tapdev_setup(int fd, unsigned int flags)
{
	int size = TAPDEV_HDR_BYTES;
	struct ifreq req;

	if (ioctl(fd, TUNGETIFF, &req))
		return -errno;
	if (!(req.ifr_flags & IFF_VNET_HDR))
		return -EPROTOTYPE;
	if (ioctl(fd, TUNSETVNETHDRSZ, &size))
		return -errno;
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK))
		return -errno;
	return tapdev_offloads(fd, flags);
}

#endif
