/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of abi.h that tells of the host's own sockets and links.  Included by abi.h alone. */
#ifndef CULVERT_HOST_H
#define CULVERT_HOST_H

/* Map `host_forwards`: a port of 127.0.0.0/8 that leads the host's sockets to a guest. */
struct cv_host_listen {
	__be32 addr;
	__be16 port;
	__u8   proto;		/* IPPROTO_TCP, IPPROTO_UDP */
	__u8   pad;
};

/* By slot, as `externals` are: it follows the guest's address. */
struct cv_host_forward {
	__u32  slot;
	__be16 lport;
	__u16  pad;
};

/* Map `host_peers`: what a socket that was led to a guest had asked for. */
struct cv_host_peer_key {
	__u64  cookie;		/* of the socket; never used twice */
	__be32 addr;		/* the guest's, as port */
	__be16 port;
	__u16  pad;
};

struct cv_host_peer {
	__be32 addr;
	__be16 port;
	__u16  pad;
};

/* Map `xdp_uplinks`, key ifindex: whose frames the XDP program may take. */
struct cv_xdp_uplink {
	__u8  mac[6];		/* the link's: XDP comes before the kernel compares it */
	__u16 pad;
};

CV_ASSERT_SIZE(struct cv_host_listen, 8);
CV_ASSERT_SIZE(struct cv_host_forward, 8);
CV_ASSERT_SIZE(struct cv_host_peer_key, 16);
CV_ASSERT_SIZE(struct cv_host_peer, 8);
CV_ASSERT_SIZE(struct cv_xdp_uplink, 8);

#endif
