// SPDX-License-Identifier: GPL-2.0-only
/*
 * resolv.conf(5), and systemd-resolved's list of upstream servers where only
 * its stub is named: what it writes beside its stub's file, with the servers
 * of all links in it.
 */
#include "resolv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "mem.h"
#include "paths.h"

#define RESOLV_CONF	"etc/resolv.conf"
#define RESOLVED_CONF	"run/systemd/resolve/resolv.conf"
#define READ_MAX	(64 << 10)

static bool is_stub(__be32 ip)
{
	return ip == htonl(0x7f000035) || ip == htonl(0x7f000036);
}

/* Whether a guest can ask there: not the host's loopback, not "this host". */
static bool is_reachable(__be32 ip)
{
	__u32 first = ntohl(ip) >> 24;

	return first && first != 127 && first < 224;
}

/* The address of a "nameserver" line.  Return: 0 or -EINVAL. */
static int parse_line(const char *line, size_t len, __be32 *ret_ip)
{
	char text[64], word[16], value[ADDR_IP_SIZE];

	if (len >= sizeof(text))	/* none that matters is that long */
		return -EINVAL;
	memcpy(text, line, len);
	text[len] = '\0';
	if (sscanf(text, "%15s %15s", word, value) != 2 || strcmp(word, "nameserver"))
		return -EINVAL;
	return addr_parse_ip(value, ret_ip);
}

static bool is_listed(const __be32 *all, unsigned int n, __be32 ip)
{
	while (n--)
		if (all[n] == ip)
			return true;
	return false;
}

unsigned int resolv_parse(const char *text, __be32 ret[CONFIG_MAX_DNS], bool *ret_stub)
{
	unsigned int n = 0;
	__be32 ip;

	*ret_stub = false;
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (!parse_line(text, len, &ip)) {
			*ret_stub |= is_stub(ip);
			if (n < CONFIG_MAX_DNS && is_reachable(ip) && !is_listed(ret, n, ip))
				ret[n++] = ip;
		}
		text += len + (text[len] == '\n');
	}
	return n;
}

/* A file that is not there is an empty one. */
static int read_servers(const char *root, const char *name, __be32 ret[CONFIG_MAX_DNS],
			bool *ret_stub)
{
	_fclose_ FILE *f = NULL;
	_free_ char *text = calloc(1, READ_MAX + 1);
	char path[PATH_MAX];
	int err = paths_join(path, sizeof(path), root, name);

	*ret_stub = false;
	if (err || !text)
		return err ? err : -ENOMEM;
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	errno = 0;
	if (!fread(text, 1, READ_MAX, f) && ferror(f))
		return errno ? -errno : -EIO;
	return (int)resolv_parse(text, ret, ret_stub);
}

int resolv_read(const char *root, __be32 ret[CONFIG_MAX_DNS])
{
	bool stub, ignored;
	int n = read_servers(root, RESOLV_CONF, ret, &stub);

	if (n || !stub)
		return n;
	return read_servers(root, RESOLVED_CONF, ret, &ignored);
}

char *resolv_print(const struct config *cfg, __be32 gateway)
{
	unsigned int n = cfg->dns_serve ? 1 : cfg->n_dns;
	const __be32 *servers = cfg->dns_serve ? &gateway : cfg->dns;
	char *text = NULL, ip[ADDR_IP_SIZE];
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	for (unsigned int i = 0; i < n; i++)
		fprintf(f, "nameserver %s\n", addr_format_ip(servers[i], ip));
	if (n && cfg->domain[0])
		fprintf(f, "search %s\n", cfg->domain);
	if (fclose(f))
		free(take_ptr(text));
	return text;
}

int resolv_fill(struct config *cfg)
{
	__be32 dns[CONFIG_MAX_DNS];
	int n;

	if (!cfg->dns_host)
		return 0;
	n = resolv_read("", dns);
	if (n < 0)
		return n;
	cfg->n_dns = (unsigned int)n;
	memcpy(cfg->dns, dns, (size_t)n * sizeof(dns[0]));
	return 0;
}
