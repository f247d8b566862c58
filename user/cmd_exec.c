// SPDX-License-Identifier: GPL-2.0-only
/*
 * culvert exec: as `ip netns exec` does, with /etc/netns/cv-NET laid over /etc
 * and a sysfs that shows the namespace's links; but what is mounted below /sys
 * (bpffs, cgroups, tracing) is carried over, so that pins stay in reach.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "cli.h"
#include "log.h"
#include "mem.h"
#include "network.h"
#include "paths.h"

static const char *const kept[] = {
	"/sys/fs/bpf", "/sys/fs/cgroup", "/sys/kernel/debug", "/sys/kernel/tracing",
	"/sys/kernel/security",
};

static bool is_mount(const char *path)
{
	struct stat here, sys;

	return !stat(path, &here) && !stat("/sys", &sys) && here.st_dev != sys.st_dev;
}

/* A copy of each mount, held by a descriptor until the new sysfs is there; -1: no mount. */
static void take_mounts(int fds[ARRAY_SIZE(kept)])
{
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		fds[i] = !is_mount(kept[i]) ? -1 :
			 open_tree(AT_FDCWD, kept[i],
				   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

static int put_mounts(const int fds[ARRAY_SIZE(kept)])
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		if (fds[i] < 0)
			continue;
		if (!err && move_mount(fds[i], "", AT_FDCWD, kept[i], MOVE_MOUNT_F_EMPTY_PATH))
			err = -errno;
		close(fds[i]);
	}
	return err;
}

static int remount_sysfs(const char *name)
{
	int fds[ARRAY_SIZE(kept)], err = 0;

	take_mounts(fds);
	if (umount2("/sys", MNT_DETACH) && errno != EINVAL)
		err = -errno;
	if (!err && mount(name, "/sys", "sysfs", 0, NULL))
		err = -errno;
	return put_mounts(fds) ? -EIO : err;
}

static int bind_etc(const char *name)
{
	char dir_path[300], from[PATH_MAX], to[PATH_MAX];
	_closedir_ DIR *dir = NULL;
	struct dirent *e;
	int err;

	err = paths_join(dir_path, sizeof(dir_path), paths_netns_conf(), name);
	if (err)
		return err;
	dir = opendir(dir_path);
	while (dir && (e = readdir(dir))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (paths_join(from, sizeof(from), dir_path, e->d_name) ||
		    paths_join(to, sizeof(to), "/etc", e->d_name))
			return -ENAMETOOLONG;
		if (mount(from, to, "none", MS_BIND, NULL))
			log_warn("cannot put '%s' in place of '%s': %s", from, to, strerror(errno));
	}
	return 0;
}

/* In the namespace already: what is mounted here is seen by the command alone. */
static int set_mounts(const char *net)
{
	char name[40];
	int err;

	network_netns_name(net, name);
	if (unshare(CLONE_NEWNS) || mount("", "/", "none", MS_SLAVE | MS_REC, NULL))
		return log_ret(-errno, "cannot make a private mount namespace");
	err = remount_sysfs(name);
	if (err)
		return log_ret(err, "cannot mount the namespace's /sys");
	err = bind_etc(name);
	return err ? log_ret(err, "cannot read '%s/%s'", paths_netns_conf(), name) : 0;
}

int cmd_exec(int argc, char **argv)
{
	int operands, exit_code, err;

	operands = cli_parse(argc, argv, "exec NET -- COMMAND...",
			     "Run a command in a network's namespace, as 'ip netns exec' does.", NULL,
			     2, argc, NULL, &exit_code);
	if (operands < 0)
		return exit_code;
	if (network_enter(argv[0]) || set_mounts(argv[0]))
		return CLI_FAILED;
	execvp(argv[1], argv + 1);
	err = errno;
	log_error("cannot run '%s': %s", argv[1], strerror(err));
	return err == ENOENT ? 127 : 126;
}
