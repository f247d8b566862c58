// SPDX-License-Identifier: GPL-2.0-only
/* Which networks there are, and the way into one. */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "datapath.h"
#include "log.h"
#include "mem.h"
#include "netns.h"
#include "network_impl.h"
#include "paths.h"

struct names {
	char (*rows)[CV_NAME_SIZE];
	size_t n;
};

static void names_release(struct names *names)
{
	free(names->rows);
}
#define _names_ __attribute__((cleanup(names_release)))

static int add_name(struct names *names, const char *name)
{
	char (*rows)[CV_NAME_SIZE];

	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->rows[i], name))
			return 0;
	rows = reallocarray(names->rows, names->n + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	names->rows = rows;
	snprintf(rows[names->n++], CV_NAME_SIZE, "%s", name);
	return 0;
}

static int add_network(__u16 id, const struct cv_network *n, void *arg)
{
	return add_name(arg, n->name);
}

/* A namespace counts when its label says that it is ours, and of which network. */
static int add_labelled(struct names *names, const char *netns)
{
	_net_ struct net *inside = NULL;
	char name[CV_NAME_SIZE];
	_fd_ int fd = -1;
	struct net_link lo;

	if (netns_open(netns, &fd) || net_open(fd, &inside) || net_link_find(inside, "lo", &lo) ||
	    network_netns_owner(lo.alias, name) != NETWORK_OWNER_US)
		return 0;
	return add_name(names, name);
}

static int add_namespaces(struct names *names)
{
	_closedir_ DIR *dir = opendir(PATHS_NETNS_DIR);
	struct dirent *e;
	int err = 0;

	while (dir && !err && (e = readdir(dir)))
		if (!strncmp(e->d_name, "cv-", 3))
			err = add_labelled(names, e->d_name);
	return err;
}

int network_each_name(int (*fn)(const char *name, void *arg), void *arg)
{
	_tables_ struct tables *t = NULL;
	_names_ struct names names = { 0 };
	int err = tables_open(&t);

	if (err && err != -ENOENT) {
		log_error("cannot open the maps in '%s': %s", paths_bpf(), datapath_strerror(err));
		return err;
	}
	err = t ? tables_each_network(t, add_network, &names) : 0;
	if (!err)
		err = add_namespaces(&names);
	if (err)
		return log_ret(err, "cannot list networks");
	for (size_t i = 0; i < names.n && !err; i++)
		err = fn(names.rows[i], arg);
	return err;
}

int network_enter(const char *net)
{
	_work_ struct network_work w = NETWORK_WORK_INIT;
	int err = network_work_open(&w, net);

	if (err)
		return err;
	if (setns(w.netns_fd, CLONE_NEWNET))
		return log_ret(-errno, "cannot enter namespace '%s'", w.netns);
	return 0;
}
