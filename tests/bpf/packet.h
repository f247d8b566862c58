/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets as data.  A packet is described by what differs from a usual one and
 * built with checksums computed over all of its bytes, so that what comes out
 * of a program is compared with something that no increment touched.
 *
 * Numbers are given in host order: a description is no wire format.
 */
#ifndef CULVERT_TESTS_BPF_PACKET_H
#define CULVERT_TESTS_BPF_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#define IP(a, b, c, d)	((__u32)(a) << 24 | (b) << 16 | (c) << 8 | (d))

#define PACKET_MAX	8192

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, PSH = 0x08, ACK = 0x10 };
enum { DF = 0x4000, MF = 0x2000 };
enum { ICMP = 1, TCP = 6, UDP = 17 };
enum { ECHO_REPLY = 0, UNREACHABLE = 3, ECHO = 8, TIME_EXCEEDED = 11, PARAMETER_PROBLEM = 12 };

/**
 * struct packet - an Ethernet frame
 * @dmac, @smac: as numbers of 48 bits
 * @ethertype:	0: IPv4; with another one @data is all that follows
 * @ttl:	0: 64; TTL_ZERO: 0
 * @version, @ihl, @tot_len: 0: the right one; else a lie
 * @frag:	flags, and the offset in units of 8 bytes; with an offset there
 *		is no transport header
 * @options:	of the IP header; a multiple of 4 bytes
 * @sport, @dport: of TCP and UDP; of ICMP echo the identifier and the number
 * @flags, @seq, @ack: of TCP
 * @tcp_options: so many of the first bytes of @data are TCP's options; a multiple of 4
 * @type, @code: of ICMP
 * @rest:	the second word of an ICMP error
 * @no_csum:	UDP without a checksum
 * @bad_ip, @bad_l4: the checksum of the IP header or the transport is wrong, by
 *		as much whatever else is in the packet
 * @quote, @quote_len: in an ICMP error, this packet's first so many bytes from
 *		its IP header on; @quote_len 0: header and 8 bytes
 * @data, @len:	payload; NULL: a pattern
 * @trailer:	bytes behind the datagram, as of a padded frame
 * @raw:	what follows the IP header is @data, the transport header too
 */
struct packet {
	__u64 dmac, smac;
	__u32 saddr, daddr;
	__u16 ethertype;
	__u16 id, frag, tot_len;
	__u16 sport, dport;
	__u16 ttl;
	__u8  proto, tos, version, ihl;
	__u8  flags, type, code, options_len, tcp_options;
	__u32 seq, ack;
	__u32 rest;
	const char *options;
	const struct packet *quote;
	const void *data;
	__u16 quote_len, len, trailer;
	bool  no_csum, bad_ip, bad_l4, raw;
};

#define TTL_ZERO	0x100

/** packet_build() - write the frame to @out (PACKET_MAX bytes).  Return: its length */
unsigned int packet_build(const struct packet *p, __u8 *out);

/**
 * packet_part() - one fragment of the datagram that @p describes
 * @from, @len:	which bytes of its payload; @len is cut where the payload ends
 * @more:	MF is set
 *
 * All have the header that @p has, with its options.  Return: the frame's length.
 */
unsigned int packet_part(const struct packet *p, unsigned int from, unsigned int len, bool more,
			 __u8 *out);

/** packet_checksum() - internet checksum of @len bytes, on top of a partial @sum; folded, inverted */
__u16 packet_checksum(const void *bytes, unsigned int len, __u32 sum);

/** packet_l4_ok() - whether a transport checksum is right; @ip is a whole IPv4 packet */
bool packet_l4_ok(const __u8 *ip, unsigned int len);

/* Bytes on the wire, wherever they lie. */
void put16(__u8 *at, __u16 value);
void put32(__u8 *at, __u32 value);
void put48(__u8 *at, __u64 value);
__u16 get16(const __u8 *at);
__u32 get32(const __u8 *at);

/** packet_dump() - as TAP diagnostics: the lines that differ from @other, marked */
void packet_dump(const char *what, const __u8 *bytes, unsigned int len,
		 const __u8 *other, unsigned int other_len);

#endif
