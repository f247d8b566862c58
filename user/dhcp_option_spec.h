/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A DHCP option as a file has it, by number and type or by name, as bytes on
 * the wire.  Pure.
 */
#ifndef CULVERT_DHCP_OPTION_SPEC_H
#define CULVERT_DHCP_OPTION_SPEC_H

#include <linux/types.h>

#include "dhcp_set.h"

#define DHCP_VALUE_MAX	1024		/* of one option; no reply has more room */
#define DHCP_SPEC_ERROR_SIZE 200

/* As written; @type and @value may be NULL. */
struct dhcp_option_spec {
	const char *option, *type, *value;
};

/**
 * struct dhcp_option_bytes - what it says
 * @len:	of @value, or DHCP_NOT_SENT when the spec had no value
 */
struct dhcp_option_bytes {
	__u8  code;
	__u16 len;
	__u8  value[DHCP_VALUE_MAX];
};

/**
 * dhcp_option_parse() - @ret_error: what is wrong; @ret_key: which key is, "option"...
 *
 * Types: string, ip, ips, u8, u16, u32, hex, search (RFC 3397, compressed) and
 * routes (RFC 3442).  A value of many parts has blanks or commas between them.
 * hex may be said of every option, another type only of one that has none by
 * its number.
 *
 * Return: 0 or -EINVAL; only then are the errors set.
 */
int dhcp_option_parse(const struct dhcp_option_spec *spec, struct dhcp_option_bytes *ret,
		      char ret_error[DHCP_SPEC_ERROR_SIZE], const char **ret_key);

#endif
