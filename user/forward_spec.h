/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A port forward as it is written:
 *
 *	[ADDR:]PORT[-PORT]:GUEST[:PORT[-PORT]][/tcp|/udp]
 *
 * in a command, and in two parts, "listen" and "to", in a configuration.  Pure.
 */
#ifndef CULVERT_FORWARD_SPEC_H
#define CULVERT_FORWARD_SPEC_H

#include <stdbool.h>
#include <stddef.h>

#include <culvert/abi.h>

/**
 * struct forward - ports of the host's address that lead to a guest
 * @addr:	an uplink's address, or one of 127.0.0.0/8, for the host alone;
 *		0: each uplink's, and 127.0.0.1
 * @first, @last: ports to listen on, both included; host order
 * @to:		the guest's port for @first; those of the others follow it
 * @proto:	IPPROTO_TCP or IPPROTO_UDP
 * @guest:	by name, whether or not it has a port now
 */
struct forward {
	__be32 addr;
	__u16  first, last;
	__u16  to;
	__u8   proto;
	char   guest[CV_NAME_SIZE];
};

/**
 * forward_parse() - what a command takes
 * @guest:	NULL, or the guest's name, which @spec then leaves out
 * @ret_problem: static text on -EINVAL, for "'SPEC': PROBLEM"
 */
int forward_parse(const char *spec, const char *guest, struct forward *ret,
		  const char **ret_problem);

/* The same in parts, in this order.  Return: 0 or -EINVAL, then *ret is not complete. */
int forward_parse_proto(const char *text, struct forward *ret, const char **ret_problem);
int forward_parse_listen(const char *text, struct forward *ret, const char **ret_problem);
int forward_parse_to(const char *text, struct forward *ret, const char **ret_problem);

#define FORWARD_PART_SIZE 64	/* "198.51.100.2:8000-8010", or a guest and its ports */
#define FORWARD_SIZE	  (2 * FORWARD_PART_SIZE)

const char *forward_format_listen(const struct forward *f, char buf[FORWARD_PART_SIZE]);
const char *forward_format_to(const struct forward *f, char buf[FORWARD_PART_SIZE]);
const char *forward_format(const struct forward *f, char buf[FORWARD_SIZE]);
const char *forward_proto(__u8 proto);	/* "tcp", "udp" */

bool forward_same(const struct forward *a, const struct forward *b);
/** forward_overlaps() - whether some packet would be for both */
bool forward_overlaps(const struct forward *a, const struct forward *b);
/** forward_covers() - whether it listens there */
bool forward_covers(const struct forward *f, __be32 addr, __u8 proto, __u16 port);
/** forward_loopback() - where the host alone is served, or 0 */
__be32 forward_loopback(const struct forward *f);
/** forward_guest_port() - where @port, which it listens on, leads to */
static inline __u16 forward_guest_port(const struct forward *f, __u16 port)
{
	return f->to + (port - f->first);
}

/* --- several, each with who asked for it */

enum forward_origin {
	FORWARD_CONFIG,
	FORWARD_COMMAND,	/* `forward add`: until `down` */
	FORWARD_RUN,		/* `run -p`: as long as the guest's port */
};

struct forward_entry {
	struct forward forward;
	enum forward_origin origin;
};

struct forward_list {
	size_t n;
	struct forward_entry *entries;
};

int forward_list_add(struct forward_list *list, const struct forward *f, enum forward_origin origin);
void forward_list_remove(struct forward_list *list, size_t i);
void forward_list_release(struct forward_list *list);
#define _forwards_ __attribute__((cleanup(forward_list_release)))

#endif
