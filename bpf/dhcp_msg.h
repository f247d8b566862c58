/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A DHCP request, read.
 *
 * The parser keeps all that its loop carries in a map, through volatile
 * accesses: with the offset in a register the verifier (6.1 to 6.18, clang 14)
 * follows every combination of option lengths and gives up at a million
 * instructions.  tools/verifier-stats would show it.
 */
#ifndef CV_DHCP_MSG_H
#define CV_DHCP_MSG_H

#include <culvert/wire.h>

#include "pkt.h"

#define DHCP_OPTIONS_SIZE	512	/* a power of two; longer requests are steered */
#define DHCP_MAX_OPTIONS	48	/* of one request, padding included */
#define DHCP_CLIENT_ID_MAX	(CV_CLIENT_ID_SIZE - 1)
#define DHCP_HEADERS		(ETH_HLEN + 20 + 8)

#define DHCP_SEEN_TYPE		(1U << 0)
#define DHCP_SEEN_REQUESTED	(1U << 1)
#define DHCP_SEEN_SERVER	(1U << 2)
#define DHCP_SEEN_ID		(1U << 3)
#define DHCP_SEEN_HOSTNAME	(1U << 4)
#define DHCP_SEEN_FQDN		(1U << 5)
#define DHCP_SEEN_NAME		(1U << 6)	/* in option 81 */

struct dhcp_reply {
	__u16 align;			/* keeps the rest aligned; not sent */
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	union {
		struct cv_dhcp msg;
		__u8 payload[CV_DHCP_REPLY_MAX];
	};
} __attribute__((aligned(8)));	/* it is zeroed by words */

/**
 * struct dhcp_scratch - one request on its way, per CPU
 * @off:	the parser's place in @options
 * @type:	option 53
 * @requested, @server: options 50 and 54; 0 when absent
 * @seen:	DHCP_SEEN_*: which were there
 * @id_off, @id_len: the value of option 61; @id_len 0 when absent
 * @name_off, @name_len: the name in option 81, else 12; @name_len 0 when there is none
 * @name_at, @name_tail: how far dhcp_same_name() has come
 * @odd:	an option that only the daemon understands was seen
 * @rapid:	option 80 was seen; counts in a DISCOVER alone
 * @relayed:	the client is another one than the port's guest
 * @reply_type, @grant_s: the decision
 * @large:	the reply takes CV_DHCP_REPLY_MAX bytes, not CV_DHCP_REPLY_MIN
 */
struct dhcp_scratch {
	__u32  off;
	__u32  type;
	__be32 requested;
	__be32 server;
	__u32  seen;
	__u32  id_off;
	__u32  id_len;
	__u32  name_off;
	__u32  name_len;
	__u32  name_at;
	__u32  name_tail;
	__u32  odd;
	__u32  rapid;
	__u32  relayed;
	__u32  reply_type;
	__u32  grant_s;
	__u32  large;
	struct cv_dhcp msg;
	/* Beyond the end: room for the longest id that begins before it. */
	__u8   options[DHCP_OPTIONS_SIZE + CV_CLIENT_ID_SIZE + 2];
	struct dhcp_reply reply;
};

#define DHCP_VOLATILE(x)	(*(volatile __typeof__(x) *)&(x))

static __always_inline __u8 dhcp_byte(struct dhcp_scratch *s, __u32 off)
{
	return DHCP_VOLATILE(s->options[off & (DHCP_OPTIONS_SIZE - 1)]);
}

/* Aligned or not: whoever has eBPF in native code has loads that do not mind. */
static __always_inline __be32 dhcp_ip(struct dhcp_scratch *s, __u32 off)
{
	return DHCP_VOLATILE(*(__be32 *)&s->options[off & (DHCP_OPTIONS_SIZE - 1)]);
}

/* Does the vendor class begin with "PXEC" or "HTTP": firmware that boots? */
static __always_inline bool dhcp_is_firmware(struct dhcp_scratch *s, __u32 off, __u32 len)
{
	__be32 word = len >= 4 ? dhcp_ip(s, off) : 0;

	return word == bpf_htonl(0x50584543) || word == bpf_htonl(0x48545450);
}

/* A second one of its kind: parts of one value (RFC 3396), which the daemon joins. */
static __always_inline void dhcp_see(struct dhcp_scratch *s, __u32 what)
{
	s->odd |= s->seen & what;
	s->seen |= what;
}

/* RFC 4702: text, or DNS wire format, of which the first label counts. */
static __always_inline void dhcp_fqdn(struct dhcp_scratch *s, __u32 off, __u32 len)
{
	__u32 label;

	dhcp_see(s, DHCP_SEEN_FQDN);
	if (len < 4)
		return;
	label = len - 3;
	off += 3;
	if (dhcp_byte(s, off - 3) & 4) {
		label = dhcp_byte(s, off);
		off++;
		if (!label || label > len - 4)
			return;
	}
	s->name_off = off;
	s->name_len = label;
	s->seen |= DHCP_SEEN_NAME;
}

/* Note one option.  Return: 0, or CV_DROP_DHCP_MALFORMED for a wrong length. */
static __always_inline int dhcp_option(struct dhcp_scratch *s, __u8 code, __u32 off, __u32 len)
{
	switch (code) {
	case CV_DHCP_OPT_MESSAGE_TYPE:
		if (len != 1)
			return CV_DROP_DHCP_MALFORMED;
		dhcp_see(s, DHCP_SEEN_TYPE);
		s->type = dhcp_byte(s, off);
		return 0;
	case CV_DHCP_OPT_REQUESTED_IP:
		if (len != 4)
			return CV_DROP_DHCP_MALFORMED;
		dhcp_see(s, DHCP_SEEN_REQUESTED);
		s->requested = dhcp_ip(s, off);
		return 0;
	case CV_DHCP_OPT_SERVER_ID:
		if (len != 4)
			return CV_DROP_DHCP_MALFORMED;
		dhcp_see(s, DHCP_SEEN_SERVER);
		s->server = dhcp_ip(s, off);
		return 0;
	case CV_DHCP_OPT_CLIENT_ID:
		dhcp_see(s, DHCP_SEEN_ID);
		s->odd |= !len || len > DHCP_CLIENT_ID_MAX;
		s->id_off = off;
		s->id_len = len;
		return 0;
	case CV_DHCP_OPT_VENDOR_CLASS:
		s->odd |= dhcp_is_firmware(s, off, len);
		return 0;
	case CV_DHCP_OPT_HOSTNAME:
		dhcp_see(s, DHCP_SEEN_HOSTNAME);
		if (!(s->seen & DHCP_SEEN_NAME)) {
			s->name_off = off;
			s->name_len = len;
		}
		return 0;
	case CV_DHCP_OPT_FQDN:
		dhcp_fqdn(s, off, len);
		return 0;
	case CV_DHCP_OPT_RAPID_COMMIT:
		s->rapid = 1;
		return 0;
	case CV_DHCP_OPT_OVERLOAD:
	case CV_DHCP_OPT_USER_CLASS:
	case CV_DHCP_OPT_RELAY_AGENT:
	case CV_DHCP_OPT_SUBNET_SELECTION:
		s->odd = 1;
		return 0;
	default:
		return 0;
	}
}

enum { DHCP_GOES_ON, DHCP_ENDED, DHCP_WRONG };

struct dhcp_walk {
	struct dhcp_scratch *s;
	__u32 size;
	int state;
};

static __always_inline long dhcp_stop(struct dhcp_walk *w, int state)
{
	w->state = state;
	return 1;
}

/* One option, or what pads. */
static long dhcp_next(__u32 i, struct dhcp_walk *w)
{
	struct dhcp_scratch *s = w->s;
	__u32 off = s->off, len;
	__u8 code;

	if (off >= w->size)
		return dhcp_stop(w, DHCP_WRONG);
	code = dhcp_byte(s, off);
	if (code == CV_DHCP_OPT_END)
		return dhcp_stop(w, DHCP_ENDED);
	s->off = off + 1;
	if (code == CV_DHCP_OPT_PAD)
		return 0;
	len = dhcp_byte(s, off + 1);
	s->off = off + 2 + len;
	if (s->off > w->size || dhcp_option(s, code, off + 2, len))
		return dhcp_stop(w, DHCP_WRONG);
	return 0;
}

/* Walk the options.  Return: 0 or a drop reason; s->odd sends it to the daemon. */
static __noinline int dhcp_parse(struct dhcp_scratch *s, __u32 size)
{
	struct dhcp_walk w = { .s = s, .size = size, .state = DHCP_GOES_ON };

	bpf_loop(DHCP_MAX_OPTIONS, dhcp_next, &w, 0);
	if (w.state == DHCP_GOES_ON)
		s->odd = 1;
	else if (w.state == DHCP_WRONG || !s->type)
		return CV_DROP_DHCP_MALFORMED;
	return 0;
}

#endif
