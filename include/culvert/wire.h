/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DHCP as it lies on the wire (RFC 2131, RFC 2132), for both halves.  Numbers
 * of more than one byte are given in host order: the users convert.
 */
#ifndef CULVERT_WIRE_H
#define CULVERT_WIRE_H

#include <linux/types.h>

#define CV_DHCP_SERVER_PORT	67
#define CV_DHCP_CLIENT_PORT	68
#define CV_DNS_PORT		53

#define CV_DHCP_REQUEST_OP	1	/* BOOTREQUEST */
#define CV_DHCP_REPLY_OP	2	/* BOOTREPLY */
#define CV_DHCP_HTYPE_ETHERNET	1
#define CV_DHCP_HLEN_ETHERNET	6
#define CV_DHCP_MAGIC		0x63825363
#define CV_DHCP_FLAG_BROADCAST	0x8000

/**
 * struct cv_dhcp - the fixed part of a message, magic cookie included
 *
 * In a frame it lies at offset 42 (no IP options), so it is not aligned there:
 * copy it, or read single fields where the machine allows that.
 */
struct cv_dhcp {
	__u8   op;
	__u8   htype;
	__u8   hlen;
	__u8   hops;
	__be32 xid;
	__be16 secs;
	__be16 flags;
	__be32 ciaddr;
	__be32 yiaddr;
	__be32 siaddr;
	__be32 giaddr;
	__u8   chaddr[16];
	__u8   sname[64];
	__u8   file[128];
	__be32 magic;
};

/* Bytes of UDP payload. */
#define CV_DHCP_FIXED_SIZE	240	/* header and cookie: options follow */
#define CV_DHCP_REPLY_MIN	300	/* clients and relays drop less (RFC 1542) */
#define CV_DHCP_REPLY_MAX	548	/* what every client takes: 576 with IP and UDP */

/* Values of option 53. */
enum cv_dhcp_type {
	CV_DHCP_DISCOVER = 1,
	CV_DHCP_OFFER,
	CV_DHCP_REQUEST,
	CV_DHCP_DECLINE,
	CV_DHCP_ACK,
	CV_DHCP_NAK,
	CV_DHCP_RELEASE,
	CV_DHCP_INFORM,
};

enum cv_dhcp_option {
	CV_DHCP_OPT_PAD			= 0,
	CV_DHCP_OPT_NETMASK		= 1,
	CV_DHCP_OPT_ROUTER		= 3,
	CV_DHCP_OPT_DNS			= 6,
	CV_DHCP_OPT_HOSTNAME		= 12,
	CV_DHCP_OPT_DOMAIN		= 15,
	CV_DHCP_OPT_MTU			= 26,
	CV_DHCP_OPT_BROADCAST		= 28,
	CV_DHCP_OPT_REQUESTED_IP	= 50,
	CV_DHCP_OPT_LEASE_TIME		= 51,
	CV_DHCP_OPT_OVERLOAD		= 52,
	CV_DHCP_OPT_MESSAGE_TYPE	= 53,
	CV_DHCP_OPT_SERVER_ID		= 54,
	CV_DHCP_OPT_PARAMETERS		= 55,
	CV_DHCP_OPT_MESSAGE		= 56,
	CV_DHCP_OPT_MAX_SIZE		= 57,
	CV_DHCP_OPT_RENEWAL_TIME	= 58,
	CV_DHCP_OPT_REBINDING_TIME	= 59,
	CV_DHCP_OPT_VENDOR_CLASS	= 60,
	CV_DHCP_OPT_CLIENT_ID		= 61,
	CV_DHCP_OPT_TFTP_SERVER		= 66,
	CV_DHCP_OPT_BOOT_FILE		= 67,
	CV_DHCP_OPT_USER_CLASS		= 77,
	CV_DHCP_OPT_RAPID_COMMIT	= 80,
	CV_DHCP_OPT_FQDN		= 81,
	CV_DHCP_OPT_RELAY_AGENT		= 82,
	CV_DHCP_OPT_CLIENT_ARCH		= 93,
	CV_DHCP_OPT_IPV6_ONLY		= 108,
	CV_DHCP_OPT_SUBNET_SELECTION	= 118,
	CV_DHCP_OPT_ROUTES		= 121,
	CV_DHCP_OPT_IPXE		= 175,
	CV_DHCP_OPT_MS_ROUTES		= 249,
	CV_DHCP_OPT_END			= 255,
};

/*
 * A reply's options, whoever writes it: 53 54 51 58 59, then 61 when the
 * client sent it, then the network's blob (struct cv_dhcp_options), then 255,
 * zeros up to CV_DHCP_REPLY_MIN.  These are the bytes of the first five, and
 * where their values lie, from the end of the cookie.
 */
#define CV_DHCP_HEAD_SIZE	27
#define CV_DHCP_HEAD_TYPE	2
#define CV_DHCP_HEAD_SERVER	5
#define CV_DHCP_HEAD_LEASE	11
#define CV_DHCP_HEAD_RENEWAL	17
#define CV_DHCP_HEAD_REBINDING	23

/* T1 and T2 of a lease of @s seconds (RFC 2131 4.4.5). */
#define CV_DHCP_T1(s)		((s) / 2)
#define CV_DHCP_T2(s)		((__u32)((__u64)(s) * 7 / 8))

_Static_assert(sizeof(struct cv_dhcp) == CV_DHCP_FIXED_SIZE, "struct cv_dhcp");
_Static_assert(__builtin_offsetof(struct cv_dhcp, ciaddr) == 12, "ciaddr");
_Static_assert(__builtin_offsetof(struct cv_dhcp, chaddr) == 28, "chaddr");
_Static_assert(__builtin_offsetof(struct cv_dhcp, sname) == 44, "sname");
_Static_assert(__builtin_offsetof(struct cv_dhcp, file) == 108, "file");
_Static_assert(__builtin_offsetof(struct cv_dhcp, magic) == 236, "magic");

#endif
