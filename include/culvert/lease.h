/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of abi.h that is about DHCP: leases, what guests are told, and
 * requests for the daemon.  Included by abi.h, which has the rules and the version.
 */
#ifndef CULVERT_LEASE_ABI_H
#define CULVERT_LEASE_ABI_H

/* Map `leases`: what the kernel answers DHCP from. */
struct cv_lease_key {
	__u16 net;
	__u8  mac[6];
};

/*
 * BOUND alone is answered from.  LEAVING: its client has released or declined
 * it, and the message is on its way to the daemon; set by the kernel.
 */
enum cv_lease_state { CV_LEASE_OFFERED = 1, CV_LEASE_BOUND, CV_LEASE_SUSPENDED, CV_LEASE_LEAVING };
#define CV_LEASE_STATIC	(1U << 0)
#define CV_LEASE_DIRTY	(1U << 1)	/* renewed by the kernel since the daemon looked */
#define CV_LEASE_DAEMON	(1U << 2)	/* its client has options of its own: the kernel answers nothing */
#define CV_LEASE_RELAYED (1U << 3)	/* given through a CV_PORT_RELAY, whose address it is not */
#define CV_LEASE_EITHER	(1U << 4)	/* back from disk, where it is not said whether it was relayed */

#define CV_CLIENT_ID_SIZE	32
/**
 * struct cv_lease - one lease
 * @ip:		the address
 * @slot:	the port it was given to
 * @state:	enum cv_lease_state
 * @flags:	CV_LEASE_*
 * @expiry_boot_ns: end of what was granted last
 * @horizon_boot_ns: the kernel grants nothing beyond it
 * @start_boot_ns: when the client was bound first
 * @client_id_len, @client_id: option 61 as first sent; with another one it is the daemon's
 * @hostname:	sanitised, NUL-terminated
 */
struct cv_lease {
	__be32 ip;
	__u32  slot;
	__u32  state;
	__u32  flags;
	__u64  expiry_boot_ns;
	__u64  horizon_boot_ns;
	__u64  start_boot_ns;
	__u8   client_id_len;
	__u8   client_id[CV_CLIENT_ID_SIZE - 1];
	char   hostname[64];
};

/* Map `dhcp_options`, key network id: options after 53 54 51 58 59 (61), rendered. */
#define CV_DHCP_OPTIONS_SIZE	256
struct cv_dhcp_options {
	__u32 len;		/* without the final 255 */
	__u8  bytes[CV_DHCP_OPTIONS_SIZE];
};

/* Ring `requests`: a DHCP frame for the daemon. */
#define CV_FRAME_SIZE	1536
struct cv_request {
	__u32 slot;
	__u16 net;
	__u16 len;		/* of frame, bytes */
	__u64 boot_ns;
	__u8  frame[CV_FRAME_SIZE];
};

#endif
