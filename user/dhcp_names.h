/* SPDX-License-Identifier: GPL-2.0-only */
/* Domain names as option 119 has them: DNS wire format, compressed (RFC 3397). Pure. */
#ifndef CULVERT_DHCP_NAMES_H
#define CULVERT_DHCP_NAMES_H

#include <stddef.h>

#include <linux/types.h>

/**
 * dhcp_names_add() - append one name to the @len bytes that are there
 *
 * An ending that stands there already becomes a pointer.
 *
 * Return: 0, -EINVAL for what is no domain name, -E2BIG; then @len is as before.
 */
int dhcp_names_add(__u8 *bytes, size_t size, size_t *len, const char *name);

#endif
