/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the generator, the sinks and the redirect programs agree on: the test
 * packet and its addresses.  Every copy of the topology uses the same ones.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <linux/types.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>

#define BENCH_MAGIC	0x63766265	/* "cvbe" */
#define BENCH_MAX_FLOWS	10000
#define BENCH_PORT	10000		/* of flow 0, on the guest; below the ephemeral range */
#define BENCH_FAR_PORT	7000		/* new flows count up from here */

#define BENCH_GUEST_IP	0x0a4d0002	/* 10.77.0.2 */
#define BENCH_EXT_IP	0xc0000201	/* 192.0.2.1, the masquerade address */
#define BENCH_FAR_IP	0xc0000202	/* 192.0.2.2 */

/* 64 bytes on a wire, which adds four of checksum. */
struct bench_frame {
	struct ethhdr eth;
	struct iphdr  ip;
	struct udphdr udp;
	__be32 magic;
	__be32 id;
	__u8   pad[10];
} __attribute__((packed));

/* Per direction in redirect.bpf.c. */
struct bench_carried {
	__u64 packets;
	__u64 bytes;
};

#endif
