/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whom a request is for.  A port asks for itself, by its MAC; one that is
 * trusted as a relay (CV_PORT_RELAY) asks for whom it says, also by giaddr and
 * option 82 (RFC 3046).  Pure.
 */
#ifndef CULVERT_DHCP_RELAY_H
#define CULVERT_DHCP_RELAY_H

#include "dhcp_leases.h"
#include "dhcp_msg.h"

/**
 * dhcp_relay_identify() - completes @c: key.mac and relayed
 * @c: slot, port and network are set
 *
 * Return: NULL, or why this request is not served.
 */
const char *dhcp_relay_identify(struct dhcp_client *c, const struct dhcp_msg *m);

#endif
