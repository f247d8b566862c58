/* SPDX-License-Identifier: GPL-2.0-only */
/* The arguments and the environment of a hook's call.  Pure. */
#ifndef CULVERT_LEASE_CALL_H
#define CULVERT_LEASE_CALL_H

#include <stddef.h>

#include "lease_book.h"

#define LEASE_CALL_WORDS	24
#define LEASE_CALL_BYTES	6144

/** struct lease_call - do not copy: it points into itself */
struct lease_call {
	char *argv[8];
	char *envp[LEASE_CALL_WORDS];
	unsigned int n_argv, n_envp;
	size_t used;
	char bytes[LEASE_CALL_BYTES];
};

/**
 * lease_call_make() - for one event
 * @now_ns, @now_s: the same moment in boottime and in Unix seconds
 */
void lease_call_make(struct lease_call *c, const char *program, const char *network,
		     const char *user, const struct lease_news *news, __u64 now_ns, __s64 now_s);

#endif
