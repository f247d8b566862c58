/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DHCP messages in Ethernet frames, read and written; RFC 2131, 2132, 3396.
 * Pure.  Nothing of a frame is believed before its length was checked.
 */
#ifndef CULVERT_DHCP_MSG_H
#define CULVERT_DHCP_MSG_H

#include <stdbool.h>
#include <stddef.h>

#include <culvert/abi.h>
#include <culvert/wire.h>

#include "dhcp_boot.h"
#include "dhcp_set.h"

/* One option's value; NULL when the message has none, else @len may be 0. */
struct dhcp_value {
	const __u8 *bytes;
	size_t len;
};

/**
 * struct dhcp_msg - a request, taken apart
 * @smac, @dmac, @saddr, @daddr: of the frame
 * @hdr:	the fixed part; ciaddr is 0 in a DISCOVER and beside option 50,
 *		where it has no meaning and some clients set it
 * @type:	option 53
 * @at, @len:	where each option's value lies in @values; @at 0: not there
 * @values:	values, the parts of split options joined; byte 0 is not used
 */
struct dhcp_msg {
	__u8   smac[6], dmac[6];
	__be32 saddr, daddr;
	struct cv_dhcp hdr;
	enum cv_dhcp_type type;
	__u16  at[256];
	__u16  len[256];
	__u8   values[CV_FRAME_SIZE];
};

/**
 * dhcp_msg_parse() - a client's request
 *
 * Options may be split (RFC 3396) and lie in `file` and `sname` too (option
 * 52).  The UDP checksum is not looked at: a guest's packet need not have one
 * yet where the link says so, and it came through no medium.
 *
 * Return: 0, or -EBADMSG for what is no DHCP request of Ethernet (a plain
 * BOOTP one included) or has an option 50, 53 or 54 of a wrong length.
 */
int dhcp_msg_parse(const __u8 *frame, size_t len, struct dhcp_msg *ret);

struct dhcp_value dhcp_msg_value(const struct dhcp_msg *m, enum cv_dhcp_option code);
/** dhcp_msg_ip() - value of an option that is an address; 0 when not there */
__be32 dhcp_msg_ip(const struct dhcp_msg *m, enum cv_dhcp_option code);

/** dhcp_msg_wants() - whether option 55 names this one */
bool dhcp_msg_wants(const struct dhcp_msg *m, __u8 code);

/* What the client is about: RFC 2131 4.3.2. */
enum dhcp_intent {
	DHCP_INTENT_NONE,	/* nothing that a server answers */
	DHCP_INTENT_DISCOVER,
	DHCP_INTENT_SELECT,	/* REQUEST after an OFFER */
	DHCP_INTENT_REBOOT,	/* REQUEST: I had this address */
	DHCP_INTENT_RENEW,	/* REQUEST to the server that gave it */
	DHCP_INTENT_REBIND,	/* REQUEST to anyone */
	DHCP_INTENT_DECLINE,
	DHCP_INTENT_RELEASE,
	DHCP_INTENT_INFORM,
};
enum dhcp_intent dhcp_msg_intent(const struct dhcp_msg *m);

#define DHCP_HOSTNAME_SIZE 64
/**
 * dhcp_msg_hostname() - options 81 or 12 as one label of letters, digits and
 * hyphens, in lower case; empty when there is none
 */
void dhcp_msg_hostname(const struct dhcp_msg *m, char ret[DHCP_HOSTNAME_SIZE]);

/**
 * struct dhcp_answer - what a reply says besides what it takes from the request
 * @type:	OFFER, ACK or NAK
 * @server:	server identifier and source address
 * @server_mac:	source MAC
 * @mtu:	of the client's link; 0: 1500
 * @yiaddr:	0 in the ACK of an INFORM and in a NAK
 * @lease_s:	0: no times (INFORM, NAK)
 * @rapid:	an ACK to a DISCOVER (RFC 4039)
 * @options:	the client's; NULL: none (NAK)
 * @boot:	what its firmware loads; NULL: nothing
 * @text:	option 56, NULL: none
 */
struct dhcp_answer {
	enum cv_dhcp_type type;
	__be32 server;
	__u8   server_mac[6];
	__u16  mtu;
	__be32 yiaddr;
	__u32  lease_s;
	bool   rapid;
	const struct dhcp_set *options;
	const struct dhcp_boot *boot;
	const char *text;
};

/**
 * dhcp_msg_build() - the reply as an Ethernet frame with full checksums
 * @frame: of CV_FRAME_SIZE bytes
 *
 * Addressed by RFC 2131 4.1; UDP payload of CV_DHCP_REPLY_MIN bytes, of
 * CV_DHCP_REPLY_MAX when that is too little, and larger only as far as the
 * client's option 57 and its link allow.  Options that do not fit are left out: first
 * those that it does not ask for, then those that it asks for last.  Option
 * 82 comes back behind all others (RFC 3046 2.2).
 *
 * Return: length of the frame, or -EMSGSIZE when not even what must be in it fits.
 */
int dhcp_msg_build(const struct dhcp_msg *req, const struct dhcp_answer *a, __u8 *frame);

#endif
