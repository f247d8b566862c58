/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets that really travel: a guest's TAP, with the header that virtio puts
 * before a frame, and a socket outside the uplink.
 */
#ifndef CULVERT_TESTS_BPF_LIVE_H
#define CULVERT_TESTS_BPF_LIVE_H

#include <linux/virtio_net.h>

#include "world.h"

enum { TOM = 20 };	/* a guest of NET, on the TAP */
#define TOM_IP	IP(10, 77, 0, 20)
#define TOM_MAC	MAC_OF(TOM)

struct live_frame {
	struct virtio_net_hdr vnet;
	__u8 bytes[PACKET_MAX];
	unsigned int len;
};

/**
 * live_open() - the TAP and the socket, the four programs in their places
 * Return: false when this kernel has no tcx.
 */
bool live_open(void);

struct live_frame live_packet(const struct packet *p);
/** live_partial() - leave the transport checksum to the link, as a guest with offloads does */
void live_partial(struct live_frame *f, unsigned int csum_offset);

/* @fd: live_tap or live_outside.  live_read() is false when nothing comes within @ms. */
extern int live_tap, live_outside;
void live_write(int fd, const struct live_frame *f);
bool live_read(int fd, struct live_frame *ret, int ms);

#endif
