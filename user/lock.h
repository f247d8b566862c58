/* SPDX-License-Identifier: GPL-2.0-only */
/* Files in CULVERT_RUN that say by flock() who is at work. */
#ifndef CULVERT_LOCK_H
#define CULVERT_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * lock_take() - wait for the lock of commands that change something
 * @ret_fd: closing it gives the lock back
 *
 * Makes CULVERT_RUN.  Return: 0 or -errno; does not log.
 */
int lock_take(int *ret_fd);

/**
 * lock_try() - the same without waiting, also for another lock than the commands'
 * @name: file in CULVERT_RUN; NULL: the one of lock_take()
 *
 * Who asks lock_held() has the lock for a moment: try more than once.
 *
 * Return: 0, -EAGAIN when another process has it, or -errno.
 */
int lock_try(const char *name, int *ret_fd);

/** lock_await() - lock_take(), but for a second only.  Return: 0, -EAGAIN or -errno. */
int lock_await(int *ret_fd);

/** lock_remove() - take away the lock's file; the caller holds it and closes it after */
void lock_remove(void);

#define LOCK_MONITOR "monitor.lock"	/* held by `culvert monitor` */

/**
 * lock_own() - be the only process of a kind: lock_try(), and say in the file who
 * @ret_pid: on -EAGAIN whose it is; 0: not known
 *
 * Return: 0, -EAGAIN or -errno.
 */
int lock_own(const char *name, int *ret_fd, pid_t *ret_pid);
/** lock_disown() - remove the file and give the lock back; fine when *@fd is -1 */
void lock_disown(const char *name, int *fd);
/** lock_tidy() - remove the file of an owner that was killed */
void lock_tidy(const char *name);

/** lock_held() - whether another process holds CULVERT_RUN/@name */
bool lock_held(const char *name);

#endif
