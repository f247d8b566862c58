/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The options that every guest of a network gets, once as a set for the daemon
 * and once as bytes for the kernel.  Pure.
 */
#ifndef CULVERT_DHCP_OPTIONS_H
#define CULVERT_DHCP_OPTIONS_H

#include <culvert/abi.h>
#include "config.h"
#include "dhcp_set.h"

/**
 * dhcp_options_collect() - options 1, 3, 6, 15, 26, 28, then what the file names
 * @cfg: DNS servers and domain; with dns_host the caller has filled dns[]
 *	from resolv_fill()
 * @n: subnet, gateway, MTU and mode
 * @own: of one guest, before the network's; NULL: none
 *
 * An isolated network gives no router and none of the host's resolvers: what
 * they promise is not reachable, and a guest with a second link would take
 * its default route from here.
 *
 * Who asks for option 121 ignores option 3 (RFC 3442), so routes without a
 * default one get the router's; 249, which old Windows asks for instead, is
 * the same.
 *
 * Return: 0, or -ENOSPC.
 */
int dhcp_options_collect(const struct config *cfg, const struct cv_network *n,
			 const struct dhcp_set *own, struct dhcp_set *ret);

/**
 * dhcp_options_render() - the network's, as the kernel sends them, without the final 255
 *
 * Empty when the kernel cannot serve this network: they take more than
 * CV_DHCP_OPTIONS_SIZE bytes, or one is only for who asks for it.  Then every
 * request is the daemon's.
 *
 * Return: 0, or -ENOSPC.
 */
int dhcp_options_render(const struct config *cfg, const struct cv_network *n,
			struct cv_dhcp_options *ret);

/** dhcp_options_adopt() - the set of what dhcp_options_render() has made.  Return: 0 or -EBADMSG */
int dhcp_options_adopt(const struct cv_dhcp_options *o, struct dhcp_set *ret);

/** dhcp_options_on_request() - whether only who asks for it gets it (RFC 8925 3.1) */
bool dhcp_options_on_request(__u8 code);

#endif
