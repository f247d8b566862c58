// SPDX-License-Identifier: GPL-2.0-only
/* A network while a command works on it: the lock, the maps, its namespace. */
#include <errno.h>
#include <string.h>

#include "daemon.h"
#include "datapath.h"
#include "lock.h"
#include "log.h"
#include "mem.h"
#include "network_impl.h"
#include "paths.h"
#include "state.h"

static int open_tables(struct network_work *w)
{
	int err = tables_open(&w->tables);

	if (err && err != -ENOENT) {
		log_error("cannot open the maps in '%s': %s", paths_bpf(), datapath_strerror(err));
		return err;
	}
	return 0;
}

static int find_entry(struct network_work *w)
{
	int err = w->tables ? tables_network_find(w->tables, w->name, &w->id, &w->entry) : 0;

	if (err && err != -ENOENT)
		return log_ret(err, "network '%s': cannot read the maps", w->name);
	return 0;
}

int network_work_lock(struct network_work *w, const char *name)
{
	int err = name ? network_name_check("network", name) : 0;

	if (err)
		return err;
	if (name) {
		strcpy(w->name, name);
		network_netns_name(name, w->netns);
		network_host_link(name, w->host_link);
	}
	if (geteuid())
		return log_refuse(-EPERM, "networks are made by root");
	err = lock_take(&w->lock_fd);
	if (err)
		return log_ret(err, "cannot lock '%s'", paths_run());
	err = net_open(-1, &w->host);
	return err ? log_ret(err, "cannot open a netlink socket") : 0;
}

int network_work_find(struct network_work *w)
{
	int err = open_tables(w);

	if (err || !w->name[0])
		return err;
	err = find_entry(w);
	if (err)
		return err;
	err = network_open_netns(w);
	/* None, or somebody else's: nothing of ours is in it. */
	if (err == -ENOENT || err == -EINVAL || err == -EEXIST || err == -EXDEV)
		return 0;
	return err ? network_failed(w, NULL, err, "cannot open its namespace") : 0;
}

int network_work_begin(struct network_work *w, const char *name)
{
	int err = network_work_lock(w, name);

	return err ? err : network_work_find(w);
}

int network_work_open(struct network_work *w, const char *name)
{
	int err = network_work_begin(w, name);

	if (err)
		return err;
	if (!w->id)
		return log_refuse(-ENOENT, "network '%s' is not up; 'culvert up %s' makes it", name, name);
	if (!w->inside)
		return log_refuse(-ENOENT, "network '%s' has lost its namespace; 'culvert up %s' repairs it",
			       name, name);
	return 0;
}

void network_work_end(struct network_work *w)
{
	/* Where there was nothing, looking leaves nothing. */
	if (w->lock_fd >= 0 && !w->tables && !datapath_loaded()) {
		lock_remove();
		state_remove_dir();
	}
	tables_close(w->tables);
	net_close(w->inside);
	net_close(w->host);
	mem_close(&w->netns_fd);
	mem_close(&w->lock_fd);
}

static int is_any(__u16 id, const struct cv_network *n, void *arg)
{
	return 1;
}

int network_work_release(struct network_work *w)
{
	int err;

	err = w->tables ? tables_each_network(w->tables, is_any, NULL) : 0;
	if (err)
		return err < 0 ? log_ret(err, "cannot read the maps") : 0;
	err = w->tables ? uplink_release(w->tables, NULL) : 0;
	if (err >= 0 && w->tables)
		err = uplink_xdp(w->host, w->tables, NULL, LOG_LEVEL_DEBUG);
	if (err < 0)
		return err;
	daemon_finish();
	err = datapath_unload();
	if (err)
		return log_ret(err, "cannot remove the pins in '%s'", paths_bpf());
	lock_tidy(LOCK_MONITOR);
	lock_remove();
	state_remove_dir();
	return 0;
}
