// SPDX-License-Identifier: GPL-2.0-only
/*
 * One changing command at a time.  The file is removed with the last network,
 * so who waited on the removed one must notice and take the new one.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "lock.h"
#include "mem.h"
#include "paths.h"

#define LOCK_FILE "lock"

#define LOCK_TRIES	200
#define LOCK_PAUSE_NS	5000000		/* a second in all */

/* @how: LOCK_NB for -EAGAIN instead of waiting */
static int open_locked(const char *path, int how, int *ret_fd)
{
	_fd_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | how))
		if (errno != EINTR)
			return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

static bool is_current(int fd, const char *path)
{
	struct stat held, named;

	return !fstat(fd, &held) && !stat(path, &named) &&
	       held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

static int take(const char *name, int how, int *ret_fd)
{
	char path[PATH_MAX];
	int err;

	err = paths_join(path, sizeof(path), paths_run(), name);
	if (err)
		return err;
	for (;;) {
		_fd_ int fd = -1;

		err = paths_mkdir(paths_run(), 0700);
		if (!err)
			err = open_locked(path, how, &fd);
		if (err == -ENOENT)	/* the last network took the directory meanwhile */
			continue;
		if (err)
			return err;
		if (is_current(fd, path)) {
			*ret_fd = take_fd(&fd);
			return 0;
		}
	}
}

int lock_take(int *ret_fd)
{
	return take(LOCK_FILE, 0, ret_fd);
}

int lock_try(const char *name, int *ret_fd)
{
	return take(name ? name : LOCK_FILE, LOCK_NB, ret_fd);
}

int lock_await(int *ret_fd)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };
	int err = lock_try(NULL, ret_fd);

	for (int i = 0; err == -EAGAIN && i < LOCK_TRIES; i++) {
		nanosleep(&pause, NULL);
		err = lock_try(NULL, ret_fd);
	}
	return err;
}

void lock_remove(void)
{
	char path[PATH_MAX];

	if (!paths_join(path, sizeof(path), paths_run(), LOCK_FILE))
		unlink(path);
}

static pid_t read_owner(const char *name)
{
	_fclose_ FILE *f = NULL;
	char path[PATH_MAX];
	int pid = 0;

	if (!paths_join(path, sizeof(path), paths_run(), name))
		f = fopen(path, "re");
	return f && fscanf(f, "%d", &pid) == 1 ? pid : 0;
}

int lock_own(const char *name, int *ret_fd, pid_t *ret_pid)
{
	_fd_ int fd = -1;
	int err = lock_try(name, &fd);

	if (err == -EAGAIN)
		*ret_pid = read_owner(name);
	if (err)
		return err;
	if (ftruncate(fd, 0) || dprintf(fd, "%d\n", getpid()) < 0)
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

void lock_disown(const char *name, int *fd)
{
	char path[PATH_MAX];

	if (*fd < 0)
		return;
	if (!paths_join(path, sizeof(path), paths_run(), name))
		unlink(path);
	close(take_fd(fd));
}

void lock_tidy(const char *name)
{
	char path[PATH_MAX];
	int fd;

	if (paths_join(path, sizeof(path), paths_run(), name) || access(path, F_OK))
		return;
	if (!lock_try(name, &fd))
		lock_disown(name, &fd);
}

bool lock_held(const char *name)
{
	char path[PATH_MAX];
	_fd_ int fd = -1;

	if (paths_join(path, sizeof(path), paths_run(), name))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	return flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
}
