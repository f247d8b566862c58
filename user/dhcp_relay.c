// SPDX-License-Identifier: GPL-2.0-only
#include "dhcp_relay.h"

#include <string.h>

#define LINK_SELECTION	5	/* in option 82; RFC 3527 */

static bool in_network(const struct dhcp_client *c, __be32 ip)
{
	return (ip & c->network.netmask) == c->network.subnet;
}

/* The address in a suboption of option 82; 0: none. */
static __be32 link_selection(const struct dhcp_msg *m)
{
	struct dhcp_value v = dhcp_msg_value(m, CV_DHCP_OPT_RELAY_AGENT);
	__be32 ip = 0;

	for (size_t at = 0; at + 2 <= v.len; at += 2U + v.bytes[at + 1]) {
		if (v.bytes[at] != LINK_SELECTION || v.bytes[at + 1] != sizeof(ip))
			continue;
		if (at + 2 + sizeof(ip) <= v.len)
			memcpy(&ip, v.bytes + at + 2, sizeof(ip));
		return ip;
	}
	return 0;
}

/* There are addresses of one subnet here: who asks for those of another gets none. */
static bool asks_elsewhere(const struct dhcp_client *c, const struct dhcp_msg *m)
{
	__be32 link = link_selection(m), subnet = dhcp_msg_ip(m, CV_DHCP_OPT_SUBNET_SELECTION);

	if (link)
		return !in_network(c, link);
	if (subnet)
		return !in_network(c, subnet);
	return m->hdr.giaddr && !in_network(c, m->hdr.giaddr);
}

static bool is_unicast(const __u8 mac[6])
{
	static const __u8 zero[6];

	return !(mac[0] & 1) && memcmp(mac, zero, sizeof(zero));
}

const char *dhcp_relay_identify(struct dhcp_client *c, const struct dhcp_msg *m)
{
	bool itself = !memcmp(m->hdr.chaddr, c->port.mac, sizeof(c->port.mac));

	memcpy(c->key.mac, m->hdr.chaddr, sizeof(c->key.mac));
	c->relayed = !itself;
	if (memcmp(m->smac, c->port.mac, sizeof(c->port.mac)))
		return "asks for another client";
	if (!(c->port.flags & CV_PORT_RELAY)) {
		if (!itself)
			return "asks for another client";
		if (m->hdr.giaddr || dhcp_msg_value(m, CV_DHCP_OPT_RELAY_AGENT).bytes)
			return "was relayed";
		return NULL;
	}
	if (!is_unicast(m->hdr.chaddr))
		return "is for no client";
	return asks_elsewhere(c, m) ? "asks for another network" : NULL;
}
