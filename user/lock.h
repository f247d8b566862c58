/* SPDX-License-Identifier: GPL-2.0-only */
/* Files in CULVERT_RUN that say by flock() who is at work. */
#ifndef CULVERT_LOCK_H
#define CULVERT_LOCK_H

#include <stdbool.h>

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

/** lock_remove() - take away the lock's file; the caller holds it and closes it after */
void lock_remove(void);

/** lock_held() - whether another process holds CULVERT_RUN/@name */
bool lock_held(const char *name);

#endif
