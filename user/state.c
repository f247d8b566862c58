// SPDX-License-Identifier: GPL-2.0-only
/*
 * Small files, replaced whole: written aside and renamed, so that a reader or
 * an interrupted run sees the old or the new one.  They lie on a tmpfs that
 * does not outlive the maps, so nothing is synced.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "addr.h"
#include "config_dhcp.h"
#include "mem.h"
#include "paths.h"
#include "state.h"

static int file_path(char buf[PATH_MAX], const char *net, const char *suffix)
{
	char name[CV_NAME_SIZE + 24];

	snprintf(name, sizeof(name), "%s.%s", net, suffix);
	return paths_join(buf, PATH_MAX, paths_run(), name);
}

/* *ret_text is heap, with a NUL behind it. */
static int read_text(const char *path, char **ret_text)
{
	_fclose_ FILE *f = fopen(path, "re");
	_free_ char *text = NULL;
	size_t size = 0;

	if (!f)
		return -errno;
	errno = 0;
	if (getdelim(&text, &size, '\0', f) < 0) {
		if (errno)
			return -errno;
		free(text);
		text = strdup("");	/* an empty file */
	}
	if (!text)
		return -ENOMEM;
	*ret_text = take_ptr(text);
	return 0;
}

/* Return: 1 when the file was not like this before, 0, -errno. */
static int replace_text_mode(const char *net, const char *suffix, const char *text, mode_t mode)
{
	_free_ char *before = NULL;
	_fd_ int fd = -1;
	char path[PATH_MAX], aside[PATH_MAX];
	size_t len = strlen(text);
	int err;

	err = file_path(path, net, suffix);
	if (!err)
		err = file_path(aside, net, "new");
	if (err)
		return err;
	if (!read_text(path, &before) && !strcmp(before, text))
		return 0;
	fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, mode) || write(fd, text, len) != (ssize_t)len || rename(aside, path)) {
		err = errno ? -errno : -EIO;
		unlink(aside);
		return err;
	}
	return 1;
}

static int replace_text(const char *net, const char *suffix, const char *text)
{
	return replace_text_mode(net, suffix, text, 0600);
}

static void print_uplinks(FILE *f, const struct config *cfg)
{
	if (!cfg->n_uplinks) {
		fputs("uplink: auto\n", f);
		return;
	}
	for (unsigned int i = 0; i < cfg->n_uplinks; i++)
		fprintf(f, "%s\"%s\"", i ? ", " : "uplink: [ ", cfg->uplinks[i]);
	fputs(" ]\n", f);
}

static void print_dhcp(FILE *f, const struct config *cfg)
{
	char ip[ADDR_IP_SIZE];

	fprintf(f, "dhcp:\n  enable: %s\n  lease: %us\n  dns: ", cfg->dhcp ? "true" : "false",
		cfg->lease_s);
	if (cfg->dns_host || !cfg->n_dns)
		fputs(cfg->dns_host ? "host" : cfg->dns_serve ? "serve" : "none", f);
	else
		for (unsigned int i = 0; i < cfg->n_dns; i++)
			fprintf(f, "%s%s", i ? ", " : "[ ", addr_format_ip(cfg->dns[i], ip));
	fputs(cfg->dns_host || !cfg->n_dns ? "\n" : " ]\n", f);
	if (cfg->domain[0])
		fprintf(f, "  domain: \"%s\"\n", cfg->domain);
	config_print_dhcp(f, cfg);
}

static void print_limits(FILE *f, const struct config *cfg)
{
	fputs("timeouts:\n", f);
	for (int i = 0; i < CV_N_TIMEOUTS; i++)
		fprintf(f, "  %s: %us\n", config_timeout_key(i), cfg->timeout_s[i]);
	if (cfg->max_flows || cfg->max_guest_flows || cfg->max_ports || cfg->max_guest_ports)
		fputs("limits:\n", f);
	if (cfg->max_flows)
		fprintf(f, "  flows: %u\n", cfg->max_flows);
	if (cfg->max_guest_flows)
		fprintf(f, "  flows-per-guest: %u\n", cfg->max_guest_flows);
	if (cfg->max_ports)
		fprintf(f, "  ports: %u\n", cfg->max_ports);
	if (cfg->max_guest_ports)
		fprintf(f, "  ports-per-guest: %u\n", cfg->max_guest_ports);
}

static void print_masquerade(FILE *f, const struct config *cfg)
{
	char prefix[ADDR_PREFIX_SIZE];

	for (unsigned int i = 0; i < cfg->n_ports; i++)
		fprintf(f, "%s%u-%u", i ? "," : "ports: \"", cfg->ports[i].first,
			cfg->ports[i].last);
	fputs("\"\n", f);
	for (unsigned int i = 0; i < cfg->n_untranslated; i++)
		fprintf(f, "%s\"%s\"", i ? ", " : "no-nat: [ ",
			addr_format_prefix(cfg->untranslated[i].addr, cfg->untranslated[i].mask,
					   prefix));
	if (cfg->n_untranslated)
		fputs(" ]\n", f);
}

static void print_guests(FILE *f, const struct config *cfg)
{
	char ip[ADDR_IP_SIZE], mac[ADDR_MAC_SIZE];

	if (cfg->n_guests)
		fputs("guests:\n", f);
	for (size_t i = 0; i < cfg->n_guests; i++) {
		const struct config_guest *g = &cfg->guests[i];
		__be32 addr = config_guest_ip(cfg, g, cfg->subnet);

		fprintf(f, "  - name: \"%s\"\n", g->name);
		if (g->has_mac)
			fprintf(f, "    mac: \"%s\"\n", addr_format_mac(g->mac, mac));
		if (addr)
			fprintf(f, "    ip: \"%s\"\n", addr_format_ip(addr, ip));
		if (g->external)
			fprintf(f, "    external: \"%s\"\n", addr_format_ip(g->external, ip));
		config_print_guest_dhcp(f, g);
	}
}

static void print_forwards(FILE *f, const struct config *cfg)
{
	char listen[FORWARD_PART_SIZE], to[FORWARD_PART_SIZE];

	if (cfg->n_forwards)
		fputs("forwards:\n", f);
	for (size_t i = 0; i < cfg->n_forwards; i++)
		fprintf(f, "  - listen: \"%s\"\n    to: \"%s\"\n    proto: %s\n",
			forward_format_listen(&cfg->forwards[i], listen),
			forward_format_to(&cfg->forwards[i], to),
			forward_proto(cfg->forwards[i].proto));
}

static void print_policy(FILE *f, const struct config *cfg)
{
	char text[POLICY_TEXT_SIZE];

	if (cfg->n_policy)
		fputs("policy:\n", f);
	for (size_t i = 0; i < cfg->n_policy; i++)
		fprintf(f, "  - \"%s\"\n", policy_format(&cfg->policy[i], text));
}

int state_save_config(const char *net, const struct config *cfg)
{
	_free_ char *text = NULL;
	char prefix[ADDR_PREFIX_SIZE];
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return -ENOMEM;
	fprintf(f, "mode: %s\nsubnet: \"%s\"\n", config_mode_word(cfg->mode),
		addr_format_prefix(cfg->subnet, cfg->netmask, prefix));
	if (cfg->mode != CV_MODE_ISOLATED)
		print_uplinks(f, cfg);
	fprintf(f, "xdp: %s\n", config_xdp_word(cfg->xdp));
	if (cfg->mode == CV_MODE_NAT)
		print_masquerade(f, cfg);
	fprintf(f, "isolate: %s\n", cfg->isolate ? "true" : "false");
	fprintf(f, "filter: %s\n", config_filter_word(cfg->filter));
	print_dhcp(f, cfg);
	print_limits(f, cfg);
	print_guests(f, cfg);
	print_forwards(f, cfg);
	print_policy(f, cfg);
	if (fclose(f) || !text)
		return -ENOMEM;
	return replace_text(net, "yaml", text);
}

int state_load_config(const char *net, struct config *ret)
{
	_free_ char *error = NULL;
	char path[PATH_MAX];
	int err = file_path(path, net, "yaml");

	if (err)
		return err;
	if (access(path, F_OK))
		return -errno;
	return config_load_saved(path, ret, &error);
}

int state_save_uplinks(const char *net, const char names[][16], unsigned int n)
{
	char text[CONFIG_MAX_UPLINKS * 17 + 1] = "";
	size_t len = 0;

	for (unsigned int i = 0; i < n; i++)
		len += snprintf(text + len, sizeof(text) - len, "%.15s\n", names[i]);
	return replace_text(net, "uplinks", text);
}

int state_load_uplinks(const char *net, char ret_names[CONFIG_MAX_UPLINKS][16],
		       unsigned int *ret_n)
{
	_free_ char *text = NULL;
	char path[PATH_MAX], *name, *rest;
	unsigned int n = 0;
	int err;

	err = file_path(path, net, "uplinks");
	if (!err)
		err = read_text(path, &text);
	if (err)
		return err;
	for (name = strtok_r(text, "\n", &rest); name && n < CONFIG_MAX_UPLINKS;
	     name = strtok_r(NULL, "\n", &rest))
		snprintf(ret_names[n++], 16, "%.15s", name);
	*ret_n = n;
	return 0;
}

/* --- forwards: "command SPEC" or "run SPEC" each */

static const char *const origins[] = { [FORWARD_COMMAND] = "command", [FORWARD_RUN] = "run" };

int state_save_forwards(const char *net, const struct forward_list *list)
{
	char spec[FORWARD_SIZE];
	_free_ char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return -ENOMEM;
	for (size_t i = 0; i < list->n; i++)
		if (list->entries[i].origin != FORWARD_CONFIG)
			fprintf(f, "%s %s\n", origins[list->entries[i].origin],
				forward_format(&list->entries[i].forward, spec));
	if (fclose(f) || !text)
		return -ENOMEM;
	return replace_text(net, "forwards", text);
}

static int read_forward(char *line, struct forward_list *list)
{
	char *spec = strchr(line, ' ');
	const char *problem;
	struct forward f;

	if (!spec)
		return -EINVAL;
	*spec++ = '\0';
	for (enum forward_origin o = FORWARD_COMMAND; o <= FORWARD_RUN; o++)
		if (!strcmp(line, origins[o]))
			return forward_parse(spec, NULL, &f, &problem) ? -EINVAL :
			       forward_list_add(list, &f, o);
	return -EINVAL;
}

int state_load_forwards(const char *net, struct forward_list *list)
{
	_free_ char *text = NULL;
	char path[PATH_MAX], *line, *rest;
	int err;

	err = file_path(path, net, "forwards");
	if (!err)
		err = read_text(path, &text);
	if (err)
		return err == -ENOENT ? 0 : err;
	for (line = strtok_r(text, "\n", &rest); line && !err; line = strtok_r(NULL, "\n", &rest))
		err = read_forward(line, list);
	return err;
}

/* --- for dnsmasq, which is not root when it reads them */

static const char *const dns_suffixes[] = {
	[STATE_DNS_CONF] = "dnsmasq", [STATE_DNS_NAMES] = "names", [STATE_DNS_PID] = "dnsmasq.pid",
};

int state_dns_path(const char *net, enum state_dns_file file, char ret[PATH_MAX])
{
	return file_path(ret, net, dns_suffixes[file]);
}

int state_save_dns(const char *net, enum state_dns_file file, const char *text)
{
	return replace_text_mode(net, dns_suffixes[file], text, 0644);
}

void state_remove_dns(const char *net)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(dns_suffixes); i++)
		if (!file_path(path, net, dns_suffixes[i]))
			unlink(path);
}

void state_remove(const char *net)
{
	static const char *const suffixes[] = { "yaml", "uplinks", "forwards", "new" };
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (!file_path(path, net, suffixes[i]))
			unlink(path);
}

void state_remove_dir(void)
{
	rmdir(paths_run());
}
