// SPDX-License-Identifier: GPL-2.0-only
/* culvert up: a configuration from its places, made so, and told in a few lines. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "cli.h"
#include "cmd_network.h"
#include "config.h"
#include "daemon.h"
#include "log.h"
#include "mem.h"
#include "network.h"
#include "paths.h"
#include "state.h"
#include "tables.h"

struct up_options {
	const char *file, *subnet, *uplink;
	bool no_daemon;
};

static int load_file(const char *path, struct config *ret)
{
	_free_ char *error = NULL;
	int err = config_load(path, ret, &error);

	if (err)
		log_error("%s", error ? error : strerror(-err));
	return err;
}

/*
 * The file that was named, else the network's own below CULVERT_CONF, else what
 * it came up with before, else the defaults.
 */
static int load_config(const char *net, const char *file, struct config *ret)
{
	char name[CV_NAME_SIZE + 8], path[PATH_MAX];
	int err;

	if (file)
		return load_file(file, ret);
	snprintf(name, sizeof(name), "%s.yaml", net);
	err = paths_join(path, sizeof(path), paths_conf(), name);
	if (err)
		return log_ret(err, "'%s'", paths_conf());
	if (!access(path, F_OK))
		return load_file(path, ret);
	err = state_load_config(net, ret);
	if (err)
		config_defaults(ret);
	if (err && err != -ENOENT)
		log_warn("network '%s': cannot read what it came up with before: %s", net,
			 strerror(-err));
	return 0;
}

static int override_subnet(const char *text, struct config *cfg)
{
	unsigned int len;
	__be32 ip, mask;

	if (!strcmp(text, "auto"))
		return cfg->subnet_auto = true, 0;
	if (addr_parse_prefix(text, &ip, &mask))
		return log_refuse(-EINVAL, "'%s' is no subnet like 10.20.0.0/24", text);
	len = addr_mask_len(mask);
	if (ip & ~mask)
		return log_refuse(-EINVAL, "'%s' has bits set behind its mask", text);
	if (len < 8 || len > 30)
		return log_refuse(-EINVAL, "'%s': a subnet is from /8 to /30", text);
	if (!(ntohl(ip) >> 24) || ntohl(ip) >> 24 == 127 || ntohl(ip) >> 24 >= 224)
		return log_refuse(-EINVAL, "'%s' is not for guests", text);
	cfg->subnet_auto = false;
	cfg->subnet = ip;
	cfg->netmask = mask;
	return 0;
}

static int override_uplinks(const char *text, struct config *cfg)
{
	cfg->n_uplinks = 0;
	if (!strcmp(text, "auto"))
		return 0;
	if (cfg->mode == CV_MODE_ISOLATED)
		return log_refuse(-EINVAL, "a network of mode 'isolated' has no uplink");
	while (*text) {
		size_t len = strcspn(text, ",");

		if (!len || len > 15 || cfg->n_uplinks == CONFIG_MAX_UPLINKS)
			return log_refuse(-EINVAL, "'%s' is no list of at most %d links", text,
				       CONFIG_MAX_UPLINKS);
		snprintf(cfg->uplinks[cfg->n_uplinks], 16, "%.*s", (int)len, text);
		for (unsigned int i = 0; i < cfg->n_uplinks; i++)
			if (!strcmp(cfg->uplinks[i], cfg->uplinks[cfg->n_uplinks]))
				return log_refuse(-EINVAL, "--uplink names '%s' twice", cfg->uplinks[i]);
		cfg->n_uplinks++;
		text += len + (text[len] == ',');
	}
	return cfg->n_uplinks ? 0 : log_refuse(-EINVAL, "--uplink names no link");
}

static const char *lease_text(__u32 seconds, char buf[24])
{
	if (seconds % 3600 == 0)
		snprintf(buf, 24, "%u h", seconds / 3600);
	else if (seconds % 60 == 0)
		snprintf(buf, 24, "%u min", seconds / 60);
	else
		snprintf(buf, 24, "%u s", seconds);
	return buf;
}

static const char *uplink_words(__u32 mode)
{
	switch (mode) {
	case CV_MODE_ISOLATED:
		return "none: isolated";
	case CV_MODE_ROUTE:
		return ", routed: the outside needs a route to the subnet by this host";
	default:
		return "";
	}
}

/* What of the outside gets in, besides answers, when no rule says another thing. */
static const char *inbound_words(const struct cv_network *n)
{
	if (n->mode == CV_MODE_ROUTE)
		return "What comes in unasked is dropped, unless a rule allows it.";
	switch (n->filter) {
	case CV_FILTER_ENDPOINT_INDEPENDENT:
		return "Anybody gets in to ports that guests have in use outside, to forwards, and to a guest's own external address; the rest is dropped.";
	case CV_FILTER_ADDRESS:
		return "Addresses that a guest has sent to get in from any port of theirs, anybody to forwards and to a guest's own external address; the rest is dropped.";
	default:
		return "What comes in unasked, neither to a forward nor to a guest's own external address, is dropped.";
	}
}

static void tell(const struct cmd_network *n)
{
	char prefix[ADDR_PREFIX_SIZE], ip[ADDR_IP_SIZE], lease[24];
	const char *daemon = daemon_running() ? "" : "; no daemon: new guests get no address";

	printf("network %s is up\n", n->entry.name);
	printf("  subnet   %s, gateway %s, MTU %u\n",
	       addr_format_prefix(n->entry.subnet, n->entry.netmask, prefix),
	       addr_format_ip(n->entry.gateway, ip), n->entry.mtu);
	printf("  uplink   %s%s\n", n->uplinks, uplink_words(n->entry.mode));
	if (n->entry.flags & CV_NET_DHCP)
		printf("  DHCP     leases of %s%s\n", lease_text(n->entry.lease_s, lease), daemon);
	else
		puts("  DHCP     off");
	if (n->entry.mode != CV_MODE_ISOLATED)
		printf("The host's firewall does not see the guests' flows. %s\n",
		       inbound_words(&n->entry));
	printf("A guest:   culvert run%s%s -- qemu-system-x86_64 -m 1G -drive file=disk.qcow2\n",
	       strcmp(n->entry.name, "default") ? " -n " : "",
	       strcmp(n->entry.name, "default") ? n->entry.name : "");
}

static int up(const char *net, const struct up_options *o, enum network_change *ret)
{
	struct config cfg;
	int err;

	err = load_config(net, o->file, &cfg);
	if (err)
		return err;
	if (o->subnet)
		err = override_subnet(o->subnet, &cfg);
	if (!err && o->uplink)
		err = override_uplinks(o->uplink, &cfg);
	if (!err)
		err = network_up(net, &cfg, ret);
	config_release(&cfg);
	return err;
}

int cmd_up(int argc, char **argv)
{
	struct up_options o = { 0 };
	const struct cli_option options[] = {
		{ 'f', "file", CLI_STRING, &o.file, "FILE", "configuration, culvert.yaml(5)" },
		{ 0, "subnet", CLI_STRING, &o.subnet, "CIDR", "addresses of the guests, or auto" },
		{ 0, "uplink", CLI_STRING, &o.uplink, "IF[,IF]", "links to leave by, or auto" },
		{ 0, "no-daemon", CLI_FLAG, &o.no_daemon, NULL, "do not start the DHCP daemon" },
		{ 0 }
	};
	enum network_change change;
	struct cmd_network n;
	const char *net;
	int operands, exit_code, daemon = 0;
	bool json;

	operands = cli_parse(argc, argv, "up [NET] [OPTION]...",
			     "Make a network, or make it what its configuration says; without NET, 'default'.",
			     options, 0, 1, &json, &exit_code);
	if (operands < 0)
		return exit_code;
	net = operands ? argv[0] : "default";
	if (up(net, &o, &change))
		return CLI_FAILED;
	if (!o.no_daemon)
		daemon = daemon_start();
	if (cmd_network_read(net, &n))
		return CLI_FAILED;
	if (json)
		cmd_network_print(&n, json);
	else if (change == NETWORK_UNCHANGED && !daemon)
		printf("network %s is already up, nothing to do\n", net);
	else
		tell(&n);
	return daemon < 0 ? CLI_FAILED : CLI_OK;
}
