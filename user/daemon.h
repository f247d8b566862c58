/* SPDX-License-Identifier: GPL-2.0-only */
/* Starting `culvert serve` for the first network, waiting for its end after the last. */
#ifndef CULVERT_DAEMON_H
#define CULVERT_DAEMON_H

#include <stdbool.h>

#define DAEMON_LOCK "serve.lock"	/* in CULVERT_RUN; locked by whoever serves */

/** daemon_running() - whether someone serves, started by us or not */
bool daemon_running(void);

/**
 * daemon_start() - start one unless it runs, and wait until it serves
 * Return: 1 started, 0 it ran already, or -errno.  Logs.
 */
int daemon_start(void);

/**
 * daemon_finish() - see that the one `up` started ends, now that no network is
 * left, and take away its files.  One that an administrator runs is left alone.
 */
void daemon_finish(void);

#endif
