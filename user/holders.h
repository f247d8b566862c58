/* SPDX-License-Identifier: GPL-2.0-only */
/* Who still uses a network namespace: what `down` names.  Nothing here logs. */
#ifndef CULVERT_HOLDERS_H
#define CULVERT_HOLDERS_H

#include <sys/types.h>

struct holder {
	pid_t pid;
	char command[16];
	char tap[16];		/* the TAP it has open; "" when it runs in the namespace */
};

/**
 * holders_each() - processes with an open TAP of the namespace, or in it
 * @fn: returns 0 to go on; any other value ends the walk and is returned
 *
 * The calling process is not counted.  Return: 0, what @fn returned, or -errno.
 */
int holders_each(int netns_fd, int (*fn)(const struct holder *h, void *arg), void *arg);

#endif
