/* SPDX-License-Identifier: GPL-2.0-only */
/* Which options go into a reply, and their bytes; for dhcp_build.c.  Pure. */
#ifndef CULVERT_DHCP_CHOOSE_H
#define CULVERT_DHCP_CHOOSE_H

#include "dhcp_msg.h"

/**
 * struct dhcp_writer - a message in the making
 * @overflow:	something that must be in it did not fit; nothing is written any more
 */
struct dhcp_writer {
	__u8 *bytes;
	size_t len, size;
	bool overflow;
};

void dhcp_put_bytes(struct dhcp_writer *w, const void *from, size_t len);
/** dhcp_put_option() - in parts of 255 bytes when it is longer (RFC 3396) */
void dhcp_put_option(struct dhcp_writer *w, __u8 code, const void *value, size_t len);
void dhcp_put_u32(struct dhcp_writer *w, __u8 code, __u32 value);
/** dhcp_put_echo() - as it came, if it came */
void dhcp_put_echo(struct dhcp_writer *w, const struct dhcp_msg *req, __u8 code);
/** dhcp_put_chosen() - what the client is told, as far as it fits before dhcp_put_end() */
void dhcp_put_chosen(struct dhcp_writer *w, const struct dhcp_msg *req,
		     const struct dhcp_answer *a);
/** dhcp_put_end() - option 82, and the end */
void dhcp_put_end(struct dhcp_writer *w, const struct dhcp_msg *req);

#endif
