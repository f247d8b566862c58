/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A set of DHCP options: each code once, in the order in which they are sent.
 * Pure.
 */
#ifndef CULVERT_DHCP_SET_H
#define CULVERT_DHCP_SET_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#define DHCP_SET_SIZE	2048	/* more than any reply takes */
#define DHCP_NOT_SENT	0xffff	/* a length: this option is to be left out */

/* One option; @value is not kept in wire format: it may be longer than 255 bytes. */
struct dhcp_option {
	__u8  code;
	__u16 len;		/* or DHCP_NOT_SENT */
	const __u8 *value;
};

/* Nothing but zeros is an empty one; it owns no memory. */
struct dhcp_set {
	__u16 len;
	__u8  bytes[DHCP_SET_SIZE];	/* code, length in two bytes, value; again */
};

/** dhcp_set_next() - walk; *@at is 0 at first.  False at the end */
bool dhcp_set_next(const struct dhcp_set *s, size_t *at, struct dhcp_option *ret);

/** dhcp_set_find() - @ret may be NULL.  False when there is none */
bool dhcp_set_find(const struct dhcp_set *s, __u8 code, struct dhcp_option *ret);

/** dhcp_set_put() - add one, or put it in the place of the one with this code
 *
 * Return: 0, or -ENOSPC; then @s is as before.
 */
int dhcp_set_put(struct dhcp_set *s, const struct dhcp_option *o);

/** dhcp_set_remove() - does nothing when it is not there */
void dhcp_set_remove(struct dhcp_set *s, __u8 code);

/** dhcp_set_override() - @over goes before @s; what it says is not sent goes out of @s.
 * Return: 0 or -ENOSPC
 */
int dhcp_set_override(struct dhcp_set *s, const struct dhcp_set *over);

/** dhcp_set_wire_size() - bytes of a value of @len in a message: each 255 have a head of two */
size_t dhcp_set_wire_size(size_t len);

#endif
