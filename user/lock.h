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

/** lock_remove() - take away the lock's file; the caller holds it and closes it after */
void lock_remove(void);

/** lock_held() - whether another process holds CULVERT_RUN/@name */
bool lock_held(const char *name);

#endif
