/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DHCP messages as data (RFC 2131), and what the ring of requests got.  The
 * network's options are OPTIONS_OF_NET.
 */
#ifndef CULVERT_TESTS_BPF_DHCP_H
#define CULVERT_TESTS_BPF_DHCP_H

#include "world.h"

enum { DISCOVER = 1, OFFER, REQUEST, DECLINE, DHCP_ACK, NAK, RELEASE, INFORM };

#define BROADCAST_FLAG	0x8000
#define XID		0x3903f326

/**
 * struct request - what a client sends
 * @saddr, @daddr: of the IP header; @daddr 0: broadcast
 * @smac, @chaddr: 0: Ann's
 * @sport:	0: a client's
 * @op, @htype, @hlen, @magic: 0: the right one
 * @options, @options_len: behind the cookie, the end included
 * @junk:	fill every field that a server ignores, so that none comes back
 * @ip_options:	a header of 24 bytes
 */
struct request {
	__u32 saddr, daddr;
	__u64 smac, chaddr;
	__u32 ciaddr, giaddr, magic;
	__u16 flags, options_len, trailer, frag, sport;
	__u8  op, htype, hlen;
	bool  junk, ip_options, no_csum;
	const char *options;
};

/* Members of a struct request. */
#define OPTIONS(bytes)	.options = (bytes), .options_len = sizeof(bytes) - 1

/** request_build() - the frame.  Return: its length */
unsigned int request_build(const struct request *r, __u8 *frame);

/**
 * struct reply - what the kernel answers, for Ann
 * @dmac, @daddr: 0: Ann's
 * @chaddr, @yiaddr: likewise
 * @giaddr:	then it goes to a server's port
 * @rapid:	option 80 is in it
 * @id, @id_len: client id that comes back
 * @blob, @blob_len: the network's options; NULL: OPTIONS_OF_NET
 */
struct reply {
	__u8  type, id_len;
	__u16 flags, blob_len;
	bool  rapid;
	__u64 dmac, chaddr;
	__u32 daddr, ciaddr, lease_s, giaddr, yiaddr;
	const char *id;
	const void *blob;
};

unsigned int reply_build(const struct reply *r, __u8 *frame);

#define OPTIONS_OF_NET								\
	"\x01\x04\xff\xff\xff\x00" "\x03\x04\x0a\x4d\x00\x01" "\x06\x04\x0a\x4d\x00\x01" \
	"\x1c\x04\x0a\x4d\x00\xff" "\x1a\x02\x05\xdc" "\x0f\x03lab"

/** dhcp_setup() - options of NET, and a lease of Ann that is good for a while */
void dhcp_setup(void);
void dhcp_set_options(const void *bytes, __u32 len);
struct cv_lease dhcp_lease(void);
void dhcp_set_lease(const struct cv_lease *l);
/** dhcp_set_lease_of() - the same for another client of NET */
void dhcp_set_lease_of(__u64 mac, const struct cv_lease *l);

/** dhcp_ring_take() - what was steered since; of the last one @ret.  Return: their number */
unsigned int dhcp_ring_take(struct cv_request *ret);

#endif
