// SPDX-License-Identifier: GPL-2.0-only
/*
 * The set is written front to back; the netmask stands before the router
 * because RFC 2132 3.3 wants it so.  Windows refuses an option 3, 6 or 54 whose
 * length is not the exact multiple of four, so nothing is padded.
 */
#include "dhcp_options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <culvert/wire.h>

bool dhcp_options_on_request(__u8 code)
{
	return code == CV_DHCP_OPT_IPV6_ONLY;
}

/* --- what the network is */

static int put(struct dhcp_set *s, __u8 code, const void *value, size_t len)
{
	const struct dhcp_option o = { code, (__u16)len, value };

	return dhcp_set_put(s, &o);
}

static int put_dns(struct dhcp_set *s, const struct config *cfg, const struct cv_network *n)
{
	bool isolated = n->mode == CV_MODE_ISOLATED;

	if (cfg->dns_serve)	/* also where there is no way out: guests know each other by name */
		return put(s, CV_DHCP_OPT_DNS, &n->gateway, sizeof(n->gateway));
	if (!cfg->n_dns || (isolated && cfg->dns_host))
		return 0;
	return put(s, CV_DHCP_OPT_DNS, cfg->dns, cfg->n_dns * sizeof(cfg->dns[0]));
}

static int put_domain(struct dhcp_set *s, const struct config *cfg)
{
	if (!cfg->domain[0])
		return 0;
	return put(s, CV_DHCP_OPT_DOMAIN, cfg->domain, strlen(cfg->domain));
}

static int put_mtu(struct dhcp_set *s, const struct cv_network *n)
{
	__be16 mtu = htons(n->mtu);

	if (!n->mtu)
		return 0;
	return put(s, CV_DHCP_OPT_MTU, &mtu, sizeof(mtu));
}

static int put_usual(struct dhcp_set *s, const struct config *cfg, const struct cv_network *n)
{
	__be32 broadcast = n->subnet | ~n->netmask;
	bool isolated = n->mode == CV_MODE_ISOLATED;
	int err;

	err = put(s, CV_DHCP_OPT_NETMASK, &n->netmask, sizeof(n->netmask));
	if (!err && !isolated)
		err = put(s, CV_DHCP_OPT_ROUTER, &n->gateway, sizeof(n->gateway));
	if (!err)
		err = put_dns(s, cfg, n);
	if (!err)
		err = put_domain(s, cfg);
	if (!err)
		err = put_mtu(s, n);
	return err ? err : put(s, CV_DHCP_OPT_BROADCAST, &broadcast, sizeof(broadcast));
}

/* --- routes */

/* Whether a default route is among them; also for what was given in hex and is none at all. */
static bool has_default_route(const struct dhcp_option *routes)
{
	size_t at = 0;

	while (at < routes->len) {
		__u8 width = routes->value[at];

		if (!width || width > 32)
			return true;
		at += 1U + (width + 7U) / 8 + 4;
	}
	return at != routes->len;
}

static int complete_routes(struct dhcp_set *s)
{
	struct dhcp_option routes, router;
	__u8 all[DHCP_SET_SIZE];

	if (!dhcp_set_find(s, CV_DHCP_OPT_ROUTES, &routes))
		return 0;
	if (!has_default_route(&routes) && dhcp_set_find(s, CV_DHCP_OPT_ROUTER, &router) &&
	    router.len >= 4 && routes.len + 5U <= sizeof(all)) {
		memcpy(all, routes.value, routes.len);
		all[routes.len] = 0;
		memcpy(all + routes.len + 1, router.value, 4);
		if (put(s, CV_DHCP_OPT_ROUTES, all, routes.len + 5U))
			return -ENOSPC;
		dhcp_set_find(s, CV_DHCP_OPT_ROUTES, &routes);
	}
	if (dhcp_set_find(s, CV_DHCP_OPT_MS_ROUTES, NULL))
		return 0;
	memcpy(all, routes.value, routes.len);
	return put(s, CV_DHCP_OPT_MS_ROUTES, all, routes.len);
}

/* --- all */

int dhcp_options_collect(const struct config *cfg, const struct cv_network *n,
			 const struct dhcp_set *own, struct dhcp_set *ret)
{
	struct dhcp_set s = { 0 };
	int err = put_usual(&s, cfg, n);

	if (!err)
		err = dhcp_set_override(&s, &cfg->options);
	if (!err && own)
		err = dhcp_set_override(&s, own);
	if (!err)
		err = complete_routes(&s);
	if (!err)
		*ret = s;
	return err;
}

/* False: it does not fit. */
static bool render_one(struct cv_dhcp_options *o, const struct dhcp_option *from)
{
	size_t left = from->len, part;
	const __u8 *p = from->value;

	if (o->len + dhcp_set_wire_size(left) > sizeof(o->bytes))
		return false;
	do {
		part = left < 255 ? left : 255;
		o->bytes[o->len++] = from->code;
		o->bytes[o->len++] = (__u8)part;
		memcpy(&o->bytes[o->len], p, part);
		o->len += (__u32)part;
		p += part;
		left -= part;
	} while (left);
	return true;
}

int dhcp_options_render(const struct config *cfg, const struct cv_network *n,
			struct cv_dhcp_options *ret)
{
	struct cv_dhcp_options o = { 0 };
	struct dhcp_option one;
	struct dhcp_set s;
	int err = dhcp_options_collect(cfg, n, NULL, &s);

	for (size_t at = 0; !err && dhcp_set_next(&s, &at, &one); ) {
		if (!dhcp_options_on_request(one.code) && render_one(&o, &one))
			continue;
		o = (struct cv_dhcp_options) { 0 };
		break;
	}
	if (!err)
		*ret = o;
	return err;
}

int dhcp_options_adopt(const struct cv_dhcp_options *o, struct dhcp_set *ret)
{
	struct dhcp_set s = { 0 };

	for (__u32 at = 0; at < o->len; at += 2U + o->bytes[at + 1]) {
		if (at + 2 > o->len || at + 2U + o->bytes[at + 1] > o->len ||
		    put(&s, o->bytes[at], &o->bytes[at + 2], o->bytes[at + 1]))
			return -EBADMSG;
	}
	*ret = s;
	return 0;
}
