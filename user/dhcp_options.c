// SPDX-License-Identifier: GPL-2.0-only
/*
 * The blob is written front to back; the netmask stands before the router
 * because RFC 2132 3.3 wants it so.  Windows refuses an option 3, 6 or 54 whose
 * length is not the exact multiple of four, so nothing is padded.
 */
#include "dhcp_options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <culvert/wire.h>

static int put(struct cv_dhcp_options *o, __u8 code, const void *value, size_t len)
{
	if (len > 255 || o->len + 2 + len > sizeof(o->bytes))
		return -EMSGSIZE;

	o->bytes[o->len++] = code;
	o->bytes[o->len++] = (__u8)len;
	memcpy(&o->bytes[o->len], value, len);
	o->len += (__u32)len;
	return 0;
}

static int put_dns(struct cv_dhcp_options *o, const struct config *cfg, bool isolated)
{
	if (!cfg->n_dns || (isolated && cfg->dns_host))
		return 0;
	return put(o, CV_DHCP_OPT_DNS, cfg->dns, cfg->n_dns * sizeof(cfg->dns[0]));
}

static int put_domain(struct cv_dhcp_options *o, const struct config *cfg)
{
	if (!cfg->domain[0])
		return 0;
	return put(o, CV_DHCP_OPT_DOMAIN, cfg->domain, strlen(cfg->domain));
}

static int put_mtu(struct cv_dhcp_options *o, const struct cv_network *n)
{
	__be16 mtu = htons(n->mtu);

	if (!n->mtu)
		return 0;
	return put(o, CV_DHCP_OPT_MTU, &mtu, sizeof(mtu));
}

int dhcp_options_render(const struct config *cfg, const struct cv_network *n,
			struct cv_dhcp_options *ret)
{
	struct cv_dhcp_options o = { 0 };
	__be32 broadcast = n->subnet | ~n->netmask;
	bool isolated = n->mode == CV_MODE_ISOLATED;
	int err;

	err = put(&o, CV_DHCP_OPT_NETMASK, &n->netmask, sizeof(n->netmask));
	if (!err && !isolated)
		err = put(&o, CV_DHCP_OPT_ROUTER, &n->gateway, sizeof(n->gateway));
	if (!err)
		err = put_dns(&o, cfg, isolated);
	if (!err)
		err = put_domain(&o, cfg);
	if (!err)
		err = put_mtu(&o, n);
	if (!err)
		err = put(&o, CV_DHCP_OPT_BROADCAST, &broadcast, sizeof(broadcast));
	if (err)
		return err;

	*ret = o;
	return 0;
}
