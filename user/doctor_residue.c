// SPDX-License-Identifier: GPL-2.0-only
/*
 * What should not be there: links, pins and namespaces with culvert's label
 * that belong to no network.  Other hosts on this machine, with their own
 * CULVERT_BPF, are told apart by the label of their namespaces.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "datapath.h"
#include "doctor.h"
#include "mem.h"
#include "net.h"
#include "netns.h"
#include "network.h"
#include "paths.h"
#include "tables.h"

#define LABEL	"culvert:"
#define NETNS	"cv-"

static bool network_known(const struct doctor *d, const char *name)
{
	return d->t && !tables_network_find(d->t, name, NULL, NULL);
}

/* "NET:REST": is there such a network?  *ret_net is its name. */
static bool split_name(const char *text, char ret_net[CV_NAME_SIZE], const char **ret_rest)
{
	size_t len = strcspn(text, ":");

	if (!text[len] || len >= CV_NAME_SIZE)
		return false;
	memcpy(ret_net, text, len);
	ret_net[len] = '\0';
	*ret_rest = text + len + 1;
	return true;
}

static bool owner_known(const struct doctor *d, const char *text)
{
	char name[CV_NAME_SIZE];
	const char *rest;
	__u16 id;

	if (!split_name(text, name, &rest) || !d->t ||
	    tables_network_find(d->t, name, &id, NULL))
		return false;
	return !strcmp(rest, "host") || !strcmp(rest, "ns") || !strcmp(rest, "bridge") ||
	       !tables_port_find(d->t, id, rest, NULL, NULL);
}

/* --- pins */

static bool uplink_known(const struct doctor *d, const char *name)
{
	struct cv_uplink u;
	__u32 ifindex = 0;

	while (d->t && !tables_uplink_next(d->t, ifindex, &ifindex, &u))
		if (!strncmp(u.name, name, sizeof(u.name)))
			return true;
	return false;
}

static int check_pin(const char *name, void *arg)
{
	struct doctor *d = arg;
	char fix[128];

	if (owner_known(d, name) || (d->t && datapath_sockets_pin(name)) ||
	    (!strncmp(name, "uplink:", 7) && uplink_known(d, name + 7)))
		return 0;
	snprintf(fix, sizeof(fix), "culvert up and culvert down of %.*s",
		 (int)strcspn(name, ":"), name);
	doctor_say(d, DOCTOR_WARN, "residue", fix,
		   "program attached as '%s', which no network knows", name);
	return 0;
}

/* --- links */

static int check_link(const struct net_link *l, void *arg)
{
	struct doctor *d = arg;
	char fix[64];

	/* lo carries the label of its namespace. */
	if (!strcmp(l->name, "lo") || strncmp(l->alias, LABEL, strlen(LABEL)) ||
	    owner_known(d, l->alias + strlen(LABEL)))
		return 0;
	snprintf(fix, sizeof(fix), "ip link del %s", l->name);
	doctor_say(d, DOCTOR_WARN, "residue", fix, "link '%s' is labelled '%s', which no network "
		   "knows", l->name, l->alias);
	return 0;
}

/* --- namespaces */

static int count_links(const struct net_link *l, void *arg)
{
	*(unsigned int *)arg += strcmp(l->name, "lo") != 0;
	return 0;
}

/* Return: whether a namespace is of this CULVERT_BPF, or of nobody; then of which network. */
static bool netns_ours(struct net *inside, const char *netns, char ret_net[CV_NAME_SIZE])
{
	struct net_link lo;
	unsigned int n = 0;

	if (net_link_find(inside, "lo", &lo))
		return false;
	if (lo.alias[0])
		return network_netns_owner(lo.alias, ret_net) == NETWORK_OWNER_US;
	snprintf(ret_net, CV_NAME_SIZE, "%s", netns + strlen(NETNS));
	return !net_link_each(inside, count_links, &n) && !n;
}

static void check_netns(struct doctor *d, const char *netns)
{
	_net_ struct net *inside = NULL;
	char name[CV_NAME_SIZE], fix[64];
	_fd_ int fd = -1;

	if (netns_open(netns, &fd) || net_open(fd, &inside) || !netns_ours(inside, netns, name))
		return;
	snprintf(fix, sizeof(fix), "culvert down %s", name);
	if (!network_known(d, name))
		doctor_say(d, DOCTOR_WARN, "residue", fix, "namespace '%s' is of no network that is "
			   "up", netns);
	else
		net_link_each(inside, check_link, d);
}

static int check_all_netns(struct doctor *d)
{
	_closedir_ DIR *dir = opendir(PATHS_NETNS_DIR);
	struct dirent *entry;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, NETNS, strlen(NETNS)))
			check_netns(d, entry->d_name);
	return 0;
}

int doctor_residue(struct doctor *d)
{
	bool before = d->degraded;
	int err;

	d->degraded = false;
	err = datapath_each_link(check_pin, d);
	if (!err)
		err = net_link_each(d->host, check_link, d);
	if (!err)
		err = check_all_netns(d);
	if (!err && !d->degraded)
		doctor_say(d, DOCTOR_OK, "residue", NULL, "nothing was left behind");
	d->degraded |= before;
	return err;
}
