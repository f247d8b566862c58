/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What this kernel offers, each thing tried and none guessed from its version.
 * Needs root.  Nothing here logs.
 */
#ifndef CULVERT_PROBE_H
#define CULVERT_PROBE_H

#include <stdbool.h>
#include <stddef.h>

struct probe_feature {
	const char *name;
	const char *why;	/* what culvert does with it */
	bool required;
	bool (*probe)(void);
	const char *fix;	/* what to do when it is missing */
};

/** probe_features() - the table; *ret_n rows */
const struct probe_feature *probe_features(size_t *ret_n);

/** probe_has() - try it; a second question is answered from memory */
bool probe_has(const struct probe_feature *f);

/** probe_library() - libbpf's version */
const char *probe_library(void);

#endif
