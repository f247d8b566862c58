// SPDX-License-Identifier: GPL-2.0-only
/*
 * culvert.yaml's keys about the outside, from text to values: `ports`,
 * `no-nat`, `xdp`, and a guest's `external`.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <culvert/defaults.h>

#include "addr.h"
#include "config_schema.h"

bool config_address_usable(__be32 ip)
{
	__u32 first = ntohl(ip) >> 24;

	return first && first != 127 && first < 224;
}

/* What needs a masquerade, and the mode has none.  Return: 0 or -EINVAL, told. */
static int check_mode(const struct config_source *src, const struct yaml_path *p,
		      const struct config *cfg)
{
	switch (cfg->mode) {
	case CV_MODE_ISOLATED:
		return config_fail(src, p, "mode 'isolated' has no uplink");
	case CV_MODE_ROUTE:
		return config_fail(src, p, "mode 'route' translates nothing");
	default:
		return 0;
	}
}

/* --- masquerade ports */

/* "1024-29999" or "5000", up to @end.  Return: false when it is neither. */
static bool parse_range(const char *text, const char *end, unsigned long ret[2])
{
	char *rest;

	for (int i = 0; i < 2; i++) {
		size_t digits = strspn(text, "0123456789");

		if (!digits || digits > 5)
			return false;
		ret[i] = strtoul(text, &rest, 10);
		text = rest;
		if (!i && text == end)
			return ret[1] = ret[0], true;
		if (!i && *text++ != '-')
			return false;
	}
	return text == end;
}

static int add_range(const struct config_source *src, const struct yaml_path *p,
		     const char *text, size_t len, struct config *cfg)
{
	const struct cv_range *before = cfg->n_ports ? &cfg->ports[cfg->n_ports - 1] : NULL;
	unsigned long port[2];
	int n = (int)len;

	if (!parse_range(text, text + len, port))
		return config_fail(src, p, "'%.*s' is no range of ports like 1024-29999", n, text);
	if (port[0] < CV_PORT_MIN || port[1] > CV_PORT_MAX)
		return config_fail(src, p, "'%.*s' is not from %d to %d", n, text, CV_PORT_MIN,
				   CV_PORT_MAX);
	if (port[0] > port[1])
		return config_fail(src, p, "'%.*s' ends before it begins", n, text);
	if (before && port[0] <= before->last)
		return config_fail(src, p, "'%.*s' is not above %u-%u; ranges ascend and do not overlap",
				   n, text, before->first, before->last);
	if (cfg->n_ports == CONFIG_MAX_PORTS)
		return config_fail(src, p, "has more than %d ranges", CONFIG_MAX_PORTS);
	cfg->ports[cfg->n_ports++] = (struct cv_range) { port[0], port[1] };
	return 0;
}

int config_read_ports(const struct config_source *src, const struct config_file *f,
		      struct config *cfg)
{
	struct yaml_path p = yaml_path_of("ports", NULL);
	const char *text = f->ports.word;
	int err;

	if (!text && !f->ports.list_count)
		return 0;
	err = check_mode(src, &p, cfg);
	cfg->n_ports = 0;
	while (text && !err) {
		size_t len;

		text += strspn(text, " ");
		len = strcspn(text, ",");
		err = add_range(src, &p, text, len, cfg);
		text = text[len] ? text + len + 1 : NULL;
	}
	for (unsigned int i = 0; i < f->ports.list_count && !err; i++) {
		p = yaml_path_of("ports", NULL);
		yaml_path_index(&p, i);
		err = add_range(src, &p, f->ports.list[i], strlen(f->ports.list[i]), cfg);
	}
	return err;
}

/* --- untranslated destinations */

static int add_untranslated(const struct config_source *src, const struct yaml_path *p,
			    const char *text, struct config *cfg)
{
	char fixed[ADDR_PREFIX_SIZE];
	struct cv_prefix x;

	if (addr_parse_prefix(text, &x.addr, &x.mask))
		return config_fail(src, p, "'%s' is no prefix like 10.0.0.0/8", text);
	if (!x.mask)
		return config_fail(src, p, "'%s' is everything: that is mode 'route'", text);
	if (x.addr & ~x.mask)
		return config_fail(src, p, "'%s' has host bits set; the prefix is %s", text,
				   addr_format_prefix(x.addr & x.mask, x.mask, fixed));
	for (unsigned int i = 0; i < cfg->n_untranslated; i++)
		if (!memcmp(&cfg->untranslated[i], &x, sizeof(x)))
			return config_fail(src, p, "'%s' is listed twice", text);
	cfg->untranslated[cfg->n_untranslated++] = x;
	return 0;
}

int config_read_no_nat(const struct config_source *src, const struct config_file *f,
		       struct config *cfg)
{
	struct yaml_path p = yaml_path_of("no-nat", NULL);
	int err;

	if (!f->no_nat.word && !f->no_nat.list_count)
		return 0;
	err = check_mode(src, &p, cfg);
	if (!err && f->no_nat.word)
		err = add_untranslated(src, &p, f->no_nat.word, cfg);
	for (unsigned int i = 0; i < f->no_nat.list_count && !err; i++) {
		p = yaml_path_of("no-nat", NULL);
		yaml_path_index(&p, i);
		err = add_untranslated(src, &p, f->no_nat.list[i], cfg);
	}
	return err;
}

/* --- XDP */

int config_read_xdp(const struct config_source *src, const struct config_file *f,
		    struct config *cfg)
{
	struct yaml_path p = yaml_path_of("xdp", NULL);

	cfg->xdp = (enum config_xdp)f->xdp;
	if (cfg->xdp != CONFIG_XDP_OFF && cfg->mode == CV_MODE_ISOLATED)
		return config_fail(src, &p, "mode 'isolated' has no uplink");
	return 0;
}

/* --- an address of a guest's own */

int config_read_external(const struct config_source *src, const struct yaml_path *p,
			 const char *text, const struct config *cfg, __be32 *ret)
{
	char prefix[ADDR_PREFIX_SIZE];
	__be32 ip;

	if (cfg->mode == CV_MODE_ISOLATED)
		return config_fail(src, p, "mode 'isolated' has no uplink");
	if (addr_parse_ip(text, &ip))
		return config_fail(src, p, "'%s' is no IPv4 address", text);
	if (!config_address_usable(ip))
		return config_fail(src, p, "'%s' cannot be an address of a guest", text);
	if (!cfg->subnet_auto && (ip & cfg->netmask) == cfg->subnet)
		return config_fail(src, p, "'%s' is in the guests' own subnet %s", text,
				   addr_format_prefix(cfg->subnet, cfg->netmask, prefix));
	*ret = ip;
	return 0;
}
