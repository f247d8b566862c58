// SPDX-License-Identifier: GPL-2.0-only
/* What drives a link, by ethtool's ioctl: rtnetlink does not tell, and features have names only. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/sockios.h>

#include "mem.h"
#include "net.h"

static int ask(int sock, const char *name, void *arg)
{
	struct ifreq req = { .ifr_data = arg };

	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	return ioctl(sock, SIOCETHTOOL, &req) ? -errno : 0;
}

/* How many features this kernel knows. */
static int count_features(int sock, const char *name, __u32 *ret)
{
	struct {
		struct ethtool_sset_info info;
		__u32 n;
	} sset = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES } };
	int err = ask(sock, name, &sset);

	if (!err)
		*ret = sset.n;
	return err;
}

static void note_feature(struct net_driver *d, const char *feature, bool on, bool fixed)
{
	if (!strcmp(feature, "rx-vlan-hw-parse"))
		d->takes_vlan = on;
	if (!strcmp(feature, "rx-gro-hw") || !strcmp(feature, "rx-lro"))
		d->always_merges |= on && fixed;
}

static int read_features(int sock, const char *name, struct net_driver *d)
{
	_free_ struct ethtool_gstrings *names = NULL;
	_free_ struct ethtool_gfeatures *f = NULL;
	__u32 n = 0, blocks;
	int err = count_features(sock, name, &n);

	if (err)
		return err;
	blocks = (n + 31) / 32;
	names = calloc(1, sizeof(*names) + n * ETH_GSTRING_LEN);
	f = calloc(1, sizeof(*f) + blocks * sizeof(f->features[0]));
	if (!names || !f)
		return -ENOMEM;
	*names = (struct ethtool_gstrings) { .cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_FEATURES, .len = n };
	*f = (struct ethtool_gfeatures) { .cmd = ETHTOOL_GFEATURES, .size = blocks };
	err = ask(sock, name, names);
	if (!err)
		err = ask(sock, name, f);
	for (__u32 i = 0; i < n && !err; i++) {
		const struct ethtool_get_features_block *b = &f->features[i / 32];
		__u32 bit = 1U << i % 32;

		note_feature(d, (const char *)names->data + i * ETH_GSTRING_LEN, b->active & bit,
			     !(b->available & bit));
	}
	return err;
}

int net_driver_get(const char *name, struct net_driver *ret)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	_fd_ int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct net_driver d = {};
	int err;

	if (sock < 0)
		return -errno;
	err = ask(sock, name, &info);
	if (!err || err == -EOPNOTSUPP)
		err = read_features(sock, name, &d);
	if (err)
		return err;
	memcpy(d.name, info.driver, sizeof(d.name) - 1);
	*ret = d;
	return 0;
}
