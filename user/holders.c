// SPDX-License-Identifier: GPL-2.0-only
/*
 * A descriptor of /dev/net/tun tells its link's name in fdinfo, but names are
 * the namespace's own: which namespace it is, the descriptor itself is asked
 * (pidfd_getfd, TUNGETDEVNETNS).  A process that vanishes meanwhile holds
 * nothing, so whatever fails on it is skipped.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "holders.h"
#include "mem.h"
#include "netns.h"

static void read_command(struct holder *h)
{
	_fclose_ FILE *f = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", h->pid);
	f = fopen(path, "re");
	if (!f || !fgets(h->command, sizeof(h->command), f))
		strcpy(h->command, "?");
	h->command[strcspn(h->command, "\n")] = '\0';
}

static bool runs_in(pid_t pid, const struct stat *ns)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	return !stat(path, &st) && st.st_dev == ns->st_dev && st.st_ino == ns->st_ino;
}

/* The TAP behind a descriptor, as fdinfo tells.  Return: 0 or -ENOENT */
static int read_tap(pid_t pid, int fd, char ret_tap[16])
{
	_fclose_ FILE *f = NULL;
	char path[64], line[128];

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "iff:\t%15s", ret_tap) == 1)
			return 0;
	return -ENOENT;
}

static bool tap_lives_in(pid_t pid, int fd, int netns_fd)
{
	_fd_ int process = syscall(SYS_pidfd_open, pid, 0), copy = -1, ns = -1;

	if (process < 0)
		return false;
	copy = syscall(SYS_pidfd_getfd, process, fd, 0);
	if (copy < 0)
		return false;
	ns = ioctl(copy, TUNGETDEVNETNS);
	return ns >= 0 && netns_same(ns, netns_fd);
}

static bool is_tun(pid_t pid, const char *fd)
{
	char path[320], target[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, fd);
	n = readlink(path, target, sizeof(target));
	return n == 12 && !memcmp(target, "/dev/net/tun", 12);
}

/* One report per TAP and process, however many queues it has. */
static int each_tap(struct holder *h, int netns_fd,
		    int (*fn)(const struct holder *h, void *arg), void *arg)
{
	_closedir_ DIR *dir = NULL;
	char path[64], tap[16];
	struct dirent *e;
	int err;

	snprintf(path, sizeof(path), "/proc/%d/fd", h->pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		int fd = atoi(e->d_name);

		if (!isdigit((unsigned char)e->d_name[0]) || !is_tun(h->pid, e->d_name) ||
		    read_tap(h->pid, fd, tap) || !strcmp(tap, h->tap) ||
		    !tap_lives_in(h->pid, fd, netns_fd))
			continue;
		strcpy(h->tap, tap);
		err = fn(h, arg);
		if (err)
			return err;
	}
	return 0;
}

int holders_each(int netns_fd, int (*fn)(const struct holder *h, void *arg), void *arg)
{
	_closedir_ DIR *proc = opendir("/proc");
	struct dirent *e;
	struct stat ns;
	int err = 0;

	if (!proc || fstat(netns_fd, &ns))
		return -errno;
	while (!err && (e = readdir(proc))) {
		struct holder h = { .pid = atoi(e->d_name) };

		if (h.pid <= 0 || h.pid == getpid())
			continue;
		read_command(&h);
		if (runs_in(h.pid, &ns))
			err = fn(&h, arg);
		if (!err)
			err = each_tap(&h, netns_fd, fn, arg);
	}
	return err;
}
