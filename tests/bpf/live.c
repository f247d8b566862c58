// SPDX-License-Identifier: GPL-2.0-only
/* The TAP, the socket, and what lies between. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>

#include <bpf/bpf.h>

#include "live.h"

#define TCX_INGRESS	46	/* enum bpf_attach_type of 6.6 */

int live_tap = -1, live_outside = -1;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static void open_tap(void)
{
	struct ifreq ifr = { .ifr_name = "tap20", .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int index = CV_IFINDEX_PORT + TOM;

	live_tap = open("/dev/net/tun", O_RDWR);
	must(live_tap >= 0, "/dev/net/tun");
	must(!ioctl(live_tap, TUNSETIFINDEX, &index), "TUNSETIFINDEX");
	must(!ioctl(live_tap, TUNSETIFF, &ifr), "TUNSETIFF");
	must(!ioctl(live_tap, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4), "TUNSETOFFLOAD");
	must(!system("ip link set tap20 up"), "ip link set");
}

static void open_outside(void)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = if_nametoindex("out0"),
	};
	int one = 1;

	live_outside = socket(AF_PACKET, SOCK_RAW, 0);
	must(live_outside >= 0, "AF_PACKET");
	must(!setsockopt(live_outside, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)), "PACKET_VNET_HDR");
	must(!setsockopt(live_outside, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)),
	     "PACKET_IGNORE_OUTGOING");
	must(!bind(live_outside, (struct sockaddr *)&at, sizeof(at)), "bind");
}

static bool attach(enum hook hook, __u32 at)
{
	return bpf_link_create(world.prog[hook], world_ifindex(hook, at), TCX_INGRESS, NULL) >= 0;
}

bool live_open(void)
{
	world_open_live();
	open_tap();
	open_outside();
	return attach(FROM_GUEST, TOM) && attach(TO_UPLINK, NET) && attach(FROM_UPLINK, UPLINK) &&
	       attach(TO_GUEST, NET);
}

/* --- frames */

struct live_frame live_packet(const struct packet *p)
{
	struct live_frame f = {};

	f.len = packet_build(p, f.bytes);
	return f;
}

void live_partial(struct live_frame *f, unsigned int csum_offset)
{
	__u8 *ip = f->bytes + 14, pseudo[12];
	unsigned int hlen = (ip[0] & 0xf) * 4;

	memcpy(pseudo, ip + 12, 8);
	put16(pseudo + 8, ip[9]);
	put16(pseudo + 10, get16(ip + 2) - hlen);
	put16(ip + hlen + csum_offset, ~packet_checksum(pseudo, sizeof(pseudo), 0));
	f->vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	f->vnet.csum_start = 14 + hlen;
	f->vnet.csum_offset = csum_offset;
}

void live_write(int fd, const struct live_frame *f)
{
	const struct iovec parts[] = {
		{ (void *)&f->vnet, sizeof(f->vnet) }, { (void *)f->bytes, f->len },
	};

	must(writev(fd, parts, 2) == (ssize_t)(sizeof(f->vnet) + f->len), "writev");
}

bool live_read(int fd, struct live_frame *ret, int ms)
{
	const struct iovec parts[] = {
		{ &ret->vnet, sizeof(ret->vnet) }, { ret->bytes, sizeof(ret->bytes) },
	};
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	memset(ret, 0, sizeof(*ret));
	if (poll(&p, 1, ms) <= 0)
		return false;
	n = readv(fd, parts, 2);
	must(n >= (ssize_t)sizeof(ret->vnet), "readv");
	ret->len = n - sizeof(ret->vnet);
	return true;
}
