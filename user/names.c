// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names, labels and MACs of everything culvert makes: a pure function of the
 * network's and port's name, so that a run finds what an earlier one made.  The
 * one thing that all hosts of a machine share is /run/netns; where another has
 * the name there already, ours has a hash of CULVERT_BPF in it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "mem.h"
#include "network_impl.h"
#include "paths.h"

/* FNV-1a.  Not for secrets: it spreads names, and must never change. */
static __u32 hash(const char *a, const char *b)
{
	__u64 h = 0xcbf29ce484222325ULL;

	for (; *a; a++)
		h = (h ^ (unsigned char)*a) * 0x100000001b3ULL;
	h = (h ^ '/') * 0x100000001b3ULL;
	for (; *b; b++)
		h = (h ^ (unsigned char)*b) * 0x100000001b3ULL;
	return h ^ h >> 32;
}

static void make_mac(const __u8 prefix[3], __u32 h, __u8 ret_mac[6])
{
	memcpy(ret_mac, prefix, 3);
	ret_mac[3] = h >> 16;
	ret_mac[4] = h >> 8;
	ret_mac[5] = h;
}

void network_mac(const char *net, const char *role, __u8 ret_mac[6])
{
	make_mac((const __u8[]){ 0x0a, 0x63, 0x76 }, hash(net, role), ret_mac);
}

void network_guest_mac(const char *net, const char *port, __u8 ret_mac[6])
{
	make_mac((const __u8[]){ 0x52, 0x54, 0x00 }, hash(net, port), ret_mac);
}

void network_netns_name(const char *net, char buf[40])
{
	char path[64];

	network_netns_own_name(net, buf);
	if (paths_join(path, sizeof(path), PATHS_NETNS_DIR, buf) || access(path, F_OK))
		snprintf(buf, 40, "cv-%s", net);
}

void network_netns_own_name(const char *net, char buf[40])
{
	snprintf(buf, 40, "cv-%s-%04x", net, hash(paths_bpf(), "host") & 0xffff);
}

void network_netns_label(const char *net, char buf[NET_ALIAS_SIZE])
{
	snprintf(buf, NET_ALIAS_SIZE, "culvert:%s:lo %s", net, paths_bpf());
}

enum network_owner network_netns_owner(const char *alias, char ret_net[CV_NAME_SIZE])
{
	char name[CV_NAME_SIZE], ours[NET_ALIAS_SIZE];
	int end = 0;

	if (!alias[0])
		return NETWORK_OWNER_NOBODY;
	/* One less than CV_NAME_SIZE. */
	if (sscanf(alias, "culvert:%31[a-z0-9-]:lo /%n", name, &end) != 1 || !end)
		return NETWORK_OWNER_FOREIGN;
	network_netns_label(name, ours);
	if (strcmp(alias, ours))
		return NETWORK_OWNER_HOST;
	strcpy(ret_net, name);
	return NETWORK_OWNER_US;
}

void network_host_link(const char *net, char buf[16])
{
	if (strlen(net) <= 12)
		snprintf(buf, 16, "cv-%s", net);
	else
		snprintf(buf, 16, "cv-%.5s-%06x", net, hash(net, "link") & 0xffffff);
}

void network_port_link(const char *port, char buf[16])
{
	static const char *const taken[] = { "lo", "br0", "uplink0", "all", "default" };
	bool plain = strlen(port) <= 15;

	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		plain = plain && strcmp(port, taken[i]);
	if (plain)
		snprintf(buf, 16, "%s", port);
	else
		snprintf(buf, 16, "%.8s-%06x", port, hash(port, "link") & 0xffffff);
}

void network_alias(const char *net, const char *what, char buf[NET_ALIAS_SIZE])
{
	snprintf(buf, NET_ALIAS_SIZE, "culvert:%s:%s", net, what);
}

void network_altname(const char *net, const char *what, char buf[NET_ALTNAME_SIZE])
{
	snprintf(buf, NET_ALTNAME_SIZE, "culvert-%s-%s", net, what);
}

void network_pin(const char *net, const char *what, char buf[NETWORK_PIN_SIZE])
{
	snprintf(buf, NETWORK_PIN_SIZE, "%s:%s", net, what);
}

int network_name_check(const char *what, const char *name)
{
	/* They would share a pin with an end of the veth, or with an uplink. */
	static const char *const reserved[] = { "host", "ns", "uplink" };
	size_t len = strlen(name);

	if (!len || len >= CV_NAME_SIZE || name[0] == '-' ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != len) {
		log_error("'%s' is no name of a %s: up to %d of a-z, 0-9 and '-', not '-' first",
			  name, what, CV_NAME_SIZE - 1);
		return -EINVAL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
		if (strcmp(name, reserved[i]))
			continue;
		log_error("'%s' cannot be the name of a %s: culvert uses it", name, what);
		return -EINVAL;
	}
	return 0;
}
