/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The options that every guest of a network gets, rendered once, so that the
 * kernel and the daemon copy the same bytes.  Pure.
 */
#ifndef CULVERT_DHCP_OPTIONS_H
#define CULVERT_DHCP_OPTIONS_H

#include <culvert/abi.h>
#include "config.h"

/**
 * dhcp_options_render() - options 1, 3, 6, 15, 26, 28, without the final 255
 * @cfg: DNS servers and domain; with dns_host the caller has filled dns[]
 *	from resolv_fill()
 * @n: subnet, gateway, MTU and mode
 *
 * An isolated network gives no router and none of the host's resolvers: what
 * they promise is not reachable, and a guest with a second link would take
 * its default route from here.
 *
 * Return: 0, or -EMSGSIZE (nothing a file can say is that long).
 */
int dhcp_options_render(const struct config *cfg, const struct cv_network *n,
			struct cv_dhcp_options *ret);

#endif
