// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests are strangers here: what they call themselves must neither take a
 * name from another guest nor one that others trust.
 */
#include "dns_conf.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <culvert/defaults.h>
#include <culvert/wire.h>

#include "addr.h"
#include "mem.h"

#define EDNS_MAX	1232	/* fits the smallest MTU unfragmented (DNS flag day 2020) */
#define CACHE_SIZE	1000

void dns_conf_print(FILE *f, const struct dns_conf *c)
{
	char ip[ADDR_IP_SIZE], prefix[ADDR_PREFIX_SIZE];

	fprintf(f, "# Written by culvert for network '%s', and written anew.\n", c->net);
	fprintf(f, "port=%d\nlisten-address=%s\nbind-interfaces\n", CV_DNS_PORT,
		addr_format_ip(c->gateway, ip));
	fprintf(f, "user=%s\npid-file=%s/%s.dnsmasq.pid\n", c->user, c->dir, c->net);
	fprintf(f, "no-hosts\naddn-hosts=%s/%s.names\n", c->dir, c->net);
	fprintf(f, "local=/%s/\ndomain=%s,%s,local\ndomain-needed\n", c->domain, c->domain,
		addr_format_prefix(c->subnet, c->netmask, prefix));
	fprintf(f, "edns-packet-max=%d\ncache-size=%d\ndns-forward-max=%d\n", EDNS_MAX, CACHE_SIZE,
		CV_DNS_UNDER_WAY);
	/* The host's own view: its stub too, which knows what each link is asked for. */
	fputs(c->alone ? "no-resolv\n" : "resolv-file=/etc/resolv.conf\n", f);
}

static int by_number(__u64 a, __u64 b)
{
	return a < b ? -1 : a > b;
}

/* The best claim to each name first. */
static int by_name(const void *pa, const void *pb)
{
	const struct dns_name *a = pa, *b = pb;
	int order = strcmp(a->name, b->name);

	if (!order)
		order = by_number(!a->given, !b->given);
	if (!order)
		order = by_number(a->slot, b->slot);
	return order ? order : by_number(ntohl(a->ip), ntohl(b->ip));
}

static int by_address(const void *pa, const void *pb)
{
	const struct dns_name *a = pa, *b = pb;
	int order = by_number(ntohl(a->ip), ntohl(b->ip));

	if (!order)
		order = by_number(!a->given, !b->given);
	return order ? order : strcmp(a->name, b->name);
}

static bool is_for_nobody(const struct dns_name *d)
{
	return !d->name[0] || !strcmp(d->name, "localhost") ||
	       (!d->given && (!strcmp(d->name, "wpad") || !strcmp(d->name, "isatap")));
}

static void to_lower(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s += 'a' - 'A';
}

size_t dns_names_settle(struct dns_name *all, size_t n)
{
	size_t stay = 0;

	for (size_t i = 0; i < n; i++)
		to_lower(all[i].name);
	if (n)
		qsort(all, n, sizeof(*all), by_name);
	for (size_t i = 0; i < n; i++) {
		bool taken = stay && !strcmp(all[stay - 1].name, all[i].name);

		if (!taken && !is_for_nobody(&all[i]))
			all[stay++] = all[i];
	}
	if (stay)
		qsort(all, stay, sizeof(*all), by_address);
	return stay;
}

void dns_names_print(FILE *f, const struct dns_name *all, size_t n, const char *domain)
{
	char ip[ADDR_IP_SIZE];

	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s %s.%s %s\n", addr_format_ip(all[i].ip, ip), all[i].name, domain,
			all[i].name);
}
