// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the file's text to values: what the schema cannot know (addresses,
 * times, names, and whether they fit together).  The first error ends it.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <culvert/defaults.h>

#include "addr.h"
#include "config_dhcp.h"
#include "config_schema.h"
#include "mem.h"

#define FILE_MAX_BYTES	(4U << 20)
#define AUTO_NETMASK	htonl(0xffffff00)	/* what subnet: auto will be */

void config_defaults(struct config *cfg)
{
	*cfg = (struct config) {
		.mode = CV_MODE_NAT,
		.subnet_auto = true,
		.filter = CV_FILTER_ADDRESS_AND_PORT,
		.dhcp = true,
		.lease_s = CV_DHCP_LEASE_S,
		.dns_host = true,
		.n_ports = 1,
		.ports = { { CV_PORT_MIN, CV_PORT_MAX } },
		.timeout_s = {
			[CV_TIMEOUT_UDP] = CV_UDP_TIMEOUT_S,
			[CV_TIMEOUT_TCP_ESTABLISHED] = CV_TCP_ESTABLISHED_TIMEOUT_S,
			[CV_TIMEOUT_TCP_TRANSITORY] = CV_TCP_TRANSITORY_TIMEOUT_S,
			[CV_TIMEOUT_ICMP] = CV_ICMP_TIMEOUT_S,
		},
	};
}

void config_release(struct config *cfg)
{
	for (size_t i = 0; i < cfg->n_guests; i++)
		free(cfg->guests[i].options);
	free(cfg->guests);
	cfg->guests = NULL;
	cfg->n_guests = 0;
	free(cfg->forwards);
	cfg->forwards = NULL;
	cfg->n_forwards = 0;
	free(cfg->policy);
	cfg->policy = NULL;
	cfg->n_policy = 0;
	free(cfg->boot);
	cfg->boot = NULL;
	cfg->n_boot = 0;
}

bool config_name_ok(const char *name)
{
	size_t len = strlen(name);

	return len && len < CV_NAME_SIZE && name[0] != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool name_is_ours(const char *name)
{
	return !strcmp(name, "host") || !strcmp(name, "ns") || !strcmp(name, "uplink");
}

/* --- one check per key; each reports at its own path */

static int read_mode(const struct config_source *src, const struct config_file *f,
		     struct config *cfg)
{
	if (f->mode)
		cfg->mode = (enum cv_mode)f->mode;
	return 0;
}

static int read_subnet(const struct config_source *src, const struct config_file *f,
		       struct config *cfg)
{
	struct yaml_path p = yaml_path_of("subnet", NULL);
	char fixed[ADDR_PREFIX_SIZE];
	__be32 ip, mask;

	if (!f->subnet || !strcmp(f->subnet, "auto"))
		return 0;
	if (addr_parse_prefix(f->subnet, &ip, &mask))
		return config_fail(src, &p, "'%s' is neither 'auto' nor a subnet like 10.20.0.0/24",
				   f->subnet);
	if (addr_mask_len(mask) < 8 || addr_mask_len(mask) > 30)
		return config_fail(src, &p, "'%s': the prefix must be from /8 to /30", f->subnet);
	if (ip & ~mask)
		return config_fail(src, &p, "'%s' has host bits set; the subnet is %s", f->subnet,
				   addr_format_prefix(ip & mask, mask, fixed));
	if (!config_address_usable(ip))
		return config_fail(src, &p, "'%s' is not for guests", f->subnet);
	cfg->subnet_auto = false;
	cfg->subnet = ip;
	cfg->netmask = mask;
	return 0;
}

static int add_uplink(const struct config_source *src, const struct yaml_path *p,
		      const char *name, struct config *cfg)
{
	if (strlen(name) > 15 || strpbrk(name, "/: \t") || !strcmp(name, ".") || !strcmp(name, ".."))
		return config_fail(src, p, "'%s' is no name of a link", name);
	for (unsigned int i = 0; i < cfg->n_uplinks; i++)
		if (!strcmp(cfg->uplinks[i], name))
			return config_fail(src, p, "'%s' is listed twice", name);
	snprintf(cfg->uplinks[cfg->n_uplinks++], sizeof(cfg->uplinks[0]), "%.15s", name);
	return 0;
}

static int read_uplink(const struct config_source *src, const struct config_file *f,
		       struct config *cfg)
{
	struct yaml_path p = yaml_path_of("uplink", NULL);
	int err = 0;

	if (f->uplink.word && !strcmp(f->uplink.word, "auto"))
		return 0;
	if (f->uplink.word)
		err = add_uplink(src, &p, f->uplink.word, cfg);
	for (unsigned int i = 0; i < f->uplink.list_count && !err; i++) {
		p = yaml_path_of("uplink", NULL);
		yaml_path_index(&p, i);
		err = add_uplink(src, &p, f->uplink.list[i], cfg);
	}
	p = yaml_path_of("uplink", NULL);
	if (!err && cfg->n_uplinks && cfg->mode == CV_MODE_ISOLATED)
		err = config_fail(src, &p, "mode 'isolated' has no uplink");
	return err;
}

static int read_lease(const struct config_source *src, const struct config_file_dhcp *d,
		      struct config *cfg)
{
	static const struct config_range range = {
		CONFIG_LEASE_MIN_S, CONFIG_LEASE_MAX_S, "10s to 3650d",
	};
	struct yaml_path p = yaml_path_of("dhcp", "lease");

	return d->lease ? config_time(src, &p, d->lease, &range, &cfg->lease_s) : 0;
}

static bool dns_usable(__be32 ip)
{
	return config_address_usable(ip);	/* loopback would be the guest itself */
}

static int add_dns(const struct config_source *src, const struct yaml_path *p,
		   const char *text, struct config *cfg)
{
	__be32 ip;

	if (addr_parse_ip(text, &ip))
		return config_fail(src, p, "'%s' is no IPv4 address", text);
	if (!dns_usable(ip))
		return config_fail(src, p, "'%s' cannot be a guest's DNS server", text);
	for (unsigned int i = 0; i < cfg->n_dns; i++)
		if (cfg->dns[i] == ip)
			return config_fail(src, p, "'%s' is listed twice", text);
	cfg->dns[cfg->n_dns++] = ip;
	return 0;
}

static int read_dns(const struct config_source *src, const struct config_file_dhcp *d,
		    struct config *cfg)
{
	struct yaml_path p = yaml_path_of("dhcp", "dns");
	__be32 ip;
	int err = 0;

	if (!d->dns.word && !d->dns.list_count)
		return 0;
	if (d->dns.word && !strcmp(d->dns.word, "host"))
		return 0;
	cfg->dns_host = false;
	cfg->dns_serve = d->dns.word && !strcmp(d->dns.word, "serve");
	if (cfg->dns_serve || (d->dns.word && !strcmp(d->dns.word, "none")))
		return 0;
	if (d->dns.word && addr_parse_ip(d->dns.word, &ip))
		return config_fail(src, &p, "'%s' is neither 'host', 'serve', 'none' nor an IPv4 address",
				   d->dns.word);
	if (d->dns.word)
		return add_dns(src, &p, d->dns.word, cfg);
	for (unsigned int i = 0; i < d->dns.list_count && !err; i++) {
		p = yaml_path_of("dhcp", "dns");
		yaml_path_index(&p, i);
		err = add_dns(src, &p, d->dns.list[i], cfg);
	}
	return err;
}

/* Labels of letters, digits and hyphens (RFC 1123 2.1). */
static bool domain_ok(const char *s)
{
	size_t label = 0;

	for (; *s; s++) {
		if (*s == '.' && label && s[-1] != '-') {
			label = 0;
			continue;
		}
		if (!isascii(*s) || (!isalnum(*s) && (*s != '-' || !label)))
			return false;
		label++;
	}
	return label && s[-1] != '-';
}

static int read_domain(const struct config_source *src, const struct config_file_dhcp *d,
		       struct config *cfg)
{
	struct yaml_path p = yaml_path_of("dhcp", "domain");

	if (!d->domain) {
		if (cfg->dns_serve)
			strcpy(cfg->domain, CV_DNS_DOMAIN);
		return 0;
	}
	if (strlen(d->domain) >= sizeof(cfg->domain))
		return config_fail(src, &p, "is longer than %zu characters", sizeof(cfg->domain) - 1);
	if (!domain_ok(d->domain))
		return config_fail(src, &p, "'%s' is no domain name", d->domain);
	strcpy(cfg->domain, d->domain);
	return 0;
}

static int read_dhcp(const struct config_source *src, const struct config_file *f,
		     struct config *cfg)
{
	int err;

	if (!f->dhcp)
		return 0;
	if (f->dhcp->enable)
		cfg->dhcp = f->dhcp->enable == CONFIG_TRUE;
	err = read_lease(src, f->dhcp, cfg);
	if (!err)
		err = read_dns(src, f->dhcp, cfg);
	if (!err)
		err = read_domain(src, f->dhcp, cfg);
	if (!err)
		err = config_read_dhcp(src, f->dhcp, cfg);
	return err;
}

/* --- guests */

static struct yaml_path guest_path(size_t i, const char *key)
{
	struct yaml_path p = yaml_path_of("guests", NULL);

	yaml_path_index(&p, (unsigned int)i);
	yaml_path_key(&p, key);
	return p;
}

static int read_guest_ip(const struct config_source *src, size_t i, const char *text,
			 const struct config *cfg, struct config_guest *g)
{
	struct yaml_path p = guest_path(i, "ip");
	__be32 mask = cfg->subnet_auto ? AUTO_NETMASK : cfg->netmask;
	__be32 ip;
	int err;

	if (cfg->subnet_auto && text[0] != '.' && !addr_parse_ip(text, &ip))
		return config_fail(src, &p, "'%s' needs a `subnet`; with 'auto' write .%u",
				   text, ntohl(ip) & 255);
	err = addr_parse_host(text, cfg->subnet, mask, &ip);
	if (err == -ERANGE)
		return config_fail(src, &p, "'%s' is no guest's address in the subnet", text);
	if (err)
		return config_fail(src, &p, "'%s' is no address like .10 or 10.20.0.10", text);
	if (ip == config_gateway(cfg->subnet))
		return config_fail(src, &p, "'%s' is the gateway's", text);
	g->ip = ip;
	return 0;
}

static int read_guest(const struct config_source *src, const struct config_file_guest *f,
		      size_t i, const struct config *cfg, struct config_guest *g)
{
	struct yaml_path p = guest_path(i, "name");
	int err = 0;

	if (!config_name_ok(f->name))
		return config_fail(src, &p, "'%s' is no name: up to %d of a-z, 0-9 and '-', not '-' first",
				   f->name, CV_NAME_SIZE - 1);
	if (name_is_ours(f->name))
		return config_fail(src, &p, "'%s' cannot be a guest's name: culvert uses it", f->name);
	strcpy(g->name, f->name);
	p = guest_path(i, "mac");
	if (f->mac && addr_parse_mac(f->mac, g->mac))
		return config_fail(src, &p, "'%s' is no unicast MAC address", f->mac);
	g->has_mac = f->mac;
	if (f->ip)
		err = read_guest_ip(src, i, f->ip, cfg, g);
	p = guest_path(i, "external");
	if (!err && f->external)
		err = config_read_external(src, &p, f->external, cfg, &g->external);
	return err;
}

/* What two guests share that none may; NULL when nothing. */
static const char *shared_key(const struct config_guest *a, const struct config_guest *b)
{
	if (!strcmp(a->name, b->name))
		return "name";
	if (a->has_mac && b->has_mac && !memcmp(a->mac, b->mac, sizeof(a->mac)))
		return "mac";
	if (a->ip && a->ip == b->ip)
		return "ip";
	if (a->external && a->external == b->external)
		return "external";
	return NULL;
}

static int check_unique(const struct config_source *src, const struct config *cfg, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		const char *key = shared_key(&cfg->guests[i], &cfg->guests[k]);
		struct yaml_path p;

		if (!key)
			continue;
		p = guest_path(i, key);
		return config_fail(src, &p, "the same as of guests[%zu] ('%s')", k,
				   cfg->guests[k].name);
	}
	return 0;
}

static int read_guests(const struct config_source *src, const struct config_file *f,
		       struct config *cfg)
{
	int err;

	if (!f->guests_count)
		return 0;
	cfg->guests = calloc(f->guests_count, sizeof(*cfg->guests));
	if (!cfg->guests)
		return -ENOMEM;
	for (size_t i = 0; i < f->guests_count; i++) {
		err = read_guest(src, &f->guests[i], i, cfg, &cfg->guests[i]);
		cfg->n_guests++;	/* what it has is released with it */
		if (!err)
			err = config_read_guest_dhcp(src, &f->guests[i], i, &cfg->guests[i]);
		if (!err)
			err = check_unique(src, cfg, i);
		if (err)
			return err;
	}
	return 0;
}

/* --- the file */

static int read_all(const struct config_source *src, const struct config_file *f,
		    struct config *cfg)
{
	static int (*const readers[])(const struct config_source *,
				      const struct config_file *, struct config *) = {
		read_mode, read_subnet, read_uplink, read_dhcp, config_read_timeouts,
		config_read_limits, config_read_ports, config_read_no_nat, config_read_xdp, read_guests,
		config_read_forwards, config_read_policy,
	};
	int err = 0;

	cfg->isolate = f->isolate == CONFIG_TRUE;
	cfg->filter = (enum cv_filter)f->filter;
	for (size_t i = 0; i < ARRAY_SIZE(readers) && !err; i++)
		err = readers[i](src, f, cfg);
	return err;
}

static int parse_doc(const struct config_source *src, const char *text, size_t len,
		     struct config *cfg)
{
	struct config_file *f = NULL;
	struct yaml_path root = { 0 };
	int err;

	switch (yaml_doc_kind(src->doc, &root)) {
	case YAML_KIND_NONE:
		return 0;
	case YAML_KIND_MAPPING:
		break;
	default:
		return config_fail(src, &root, "expected keys with values");
	}
	err = config_schema_load(src, text, len, &f);
	if (err)
		return err;
	err = read_all(src, f, cfg);
	config_schema_free(f);
	return err;
}

static int parse(struct config_source *src, const char *text, size_t len, struct config *ret)
{
	const char *problem;
	struct config cfg;
	size_t line;
	int err;

	*src->ret_error = NULL;
	err = yaml_doc_parse(text, len, &src->doc, &line, &problem);
	if (err == -EINVAL)
		return config_fail_at(src, line, "%s", problem);
	if (err)
		return err;
	config_defaults(&cfg);
	err = parse_doc(src, text, len, &cfg);
	yaml_doc_free(src->doc);
	if (err) {
		config_release(&cfg);
		return err;
	}
	*ret = cfg;
	return 0;
}

int config_parse(const char *file, const char *text, size_t len, struct config *ret,
		 char **ret_error)
{
	struct config_source src = { .file = file, .ret_error = ret_error };

	return parse(&src, text, len, ret);
}

/* *ret_text is one byte longer than *ret_len. */
int config_read_file(const char *path, char **ret_text, size_t *ret_len)
{
	_fclose_ FILE *f = fopen(path, "re");
	_free_ char *text = NULL;
	size_t len;

	if (!f)
		return -errno;
	text = malloc(FILE_MAX_BYTES + 1);
	if (!text)
		return -ENOMEM;
	len = fread(text, 1, FILE_MAX_BYTES + 1, f);
	if (ferror(f))
		return errno ? -errno : -EIO;
	if (len > FILE_MAX_BYTES)
		return -EFBIG;
	*ret_text = take_ptr(text);
	*ret_len = len;
	return 0;
}

static int load(struct config_source *src, struct config *ret)
{
	_free_ char *text = NULL;
	size_t len = 0;
	int err;

	*src->ret_error = NULL;
	err = config_read_file(src->file, &text, &len);
	if (err) {
		config_fail_at(src, 0, "%s", strerror(-err));
		return err;
	}
	return parse(src, text, len, ret);
}

int config_load(const char *path, struct config *ret, char **ret_error)
{
	struct config_source src = { .file = path, .ret_error = ret_error, .host = true };

	return load(&src, ret);
}

int config_load_saved(const char *path, struct config *ret, char **ret_error)
{
	struct config_source src = { .file = path, .ret_error = ret_error };

	return load(&src, ret);
}
