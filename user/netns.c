// SPDX-License-Identifier: GPL-2.0-only
/*
 * Network namespaces with names.  A namespace is made by a forked child, so
 * that the caller never leaves its own; the file is made first and mounted on
 * second, and a file without a mount is what an interrupted run leaves.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "mem.h"
#include "netns.h"
#include "paths.h"

#define PATH_SIZE 300

static int name_to_path(const char *name, char path[PATH_SIZE])
{
	if (!strchr(name, '/'))
		return paths_join(path, PATH_SIZE, PATHS_NETNS_DIR, name);
	if (strlen(name) >= PATH_SIZE)
		return -ENAMETOOLONG;
	strcpy(path, name);
	return 0;
}

static int is_netns(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs))
		return -errno;
	if (fs.f_type != NSFS_MAGIC || ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return -EINVAL;
	return 0;
}

int netns_open(const char *name, int *ret_fd)
{
	_fd_ int fd = -1;
	char path[PATH_SIZE];
	int err;

	err = name_to_path(name, path);
	if (err)
		return err;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = is_netns(fd);
	if (err)
		return err;
	*ret_fd = take_fd(&fd);
	return 0;
}

int netns_open_self(int *ret_fd)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/*
 * The directory must be a shared mount, or a namespace removed here would stay
 * mounted in the copies that other mount namespaces have of it.
 */
static int make_dir(void)
{
	int err = paths_mkdir(PATHS_NETNS_DIR, 0755);

	if (err)
		return err;
	if (!mount("", PATHS_NETNS_DIR, "none", MS_SHARED | MS_REC, NULL))
		return 0;
	if (errno != EINVAL)
		return -errno;
	if (mount(PATHS_NETNS_DIR, PATHS_NETNS_DIR, "none", MS_BIND | MS_REC, NULL) ||
	    mount("", PATHS_NETNS_DIR, "none", MS_SHARED | MS_REC, NULL))
		return -errno;
	return 0;
}

int netns_lock(int *ret_fd)
{
	_fd_ int fd = -1;
	int err = make_dir();

	if (err)
		return err;
	fd = open(PATHS_NETNS_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX))
		if (errno != EINTR)
			return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

static int mount_new(const char *path)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		if (unshare(CLONE_NEWNET) ||
		    mount("/proc/self/ns/net", path, "none", MS_BIND, NULL))
			_exit(errno);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

int netns_make(const char *name)
{
	_fd_ int fd = -1;
	char path[PATH_SIZE];
	int err;

	if (!netns_open(name, &fd))
		return 0;
	err = name_to_path(name, path);
	if (!err)
		err = make_dir();
	if (err)
		return err;
	fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0444);
	if (fd < 0)
		return -errno;
	err = mount_new(path);
	if (err) {
		unlink(path);
		return err;
	}
	return 1;
}

int netns_remove(const char *name)
{
	char path[PATH_SIZE];
	int err = name_to_path(name, path);

	if (err)
		return err;
	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) && errno != EINVAL && errno != ENOENT)
		return -errno;
	if (unlink(path) && errno != ENOENT)
		return -errno;
	return 0;
}

int netns_remove_husk(const char *name)
{
	char path[PATH_SIZE];
	int err = name_to_path(name, path);
	struct statfs fs;
	struct stat st;

	if (err)
		return err;
	if (lstat(path, &st) || statfs(path, &fs))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISREG(st.st_mode) || st.st_size || fs.f_type == NSFS_MAGIC)
		return 0;
	return unlink(path) && errno != ENOENT ? -errno : 0;
}

bool netns_same(int fd_a, int fd_b)
{
	struct stat a, b;

	return !fstat(fd_a, &a) && !fstat(fd_b, &b) && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

int netns_switch(int fd, int *ret_back)
{
	_fd_ int back = -1;
	int err = netns_open_self(&back);

	if (err)
		return err;
	if (setns(fd, CLONE_NEWNET))
		return -errno;
	*ret_back = take_fd(&back);
	return 0;
}

void netns_backp(int *back)
{
	if (*back < 0)
		return;
	if (setns(*back, CLONE_NEWNET))
		abort();
	close(*back);
	*back = -1;
}

/* Return: 1 written, 0 when it says so already or there is no such setting, -errno. */
static int set_number(const char *path, char digit)
{
	_fd_ int fd = open(path, O_RDWR | O_CLOEXEC);
	char now = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (read(fd, &now, 1) == 1 && now == digit)
		return 0;
	return pwrite(fd, &digit, 1, 0) == 1 ? 1 : -errno;
}

int netns_quiet(int fd)
{
	static const struct {
		const char *path;
		char digit;
	} settings[] = {
		{ "/proc/sys/net/ipv4/ip_forward", '0' },
		{ "/proc/sys/net/ipv6/conf/all/disable_ipv6", '1' },
		{ "/proc/sys/net/ipv6/conf/default/disable_ipv6", '1' },
		{ "/proc/sys/net/bridge/bridge-nf-call-iptables", '0' },
		{ "/proc/sys/net/bridge/bridge-nf-call-ip6tables", '0' },
		{ "/proc/sys/net/bridge/bridge-nf-call-arptables", '0' },
	};
	_netns_ int back = -1;
	int changed = 0, err;

	/* Below /proc/sys/net stands the namespace of who opens, not of who mounted. */
	err = netns_switch(fd, &back);
	for (size_t i = 0; i < ARRAY_SIZE(settings) && err >= 0; i++) {
		err = set_number(settings[i].path, settings[i].digit);
		if (err > 0)
			changed = 1;
	}
	return err < 0 ? err : changed;
}
