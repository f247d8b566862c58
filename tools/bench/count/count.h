/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is counted: the ways a packet may go through the programs.  Each is a
 * row in the world of the packet tables (tests/bpf/world.h), and is proved to
 * be the way it is called after before it is counted.
 */
#ifndef BENCH_COUNT_H
#define BENCH_COUNT_H

#include "table.h"

#define PATH_HOOKS	3
#define XDP	N_HOOKS		/* one more hook: the XDP program of UPLINK */

/**
 * struct path - one way of a packet
 * @before:	brings the state about, once; may be NULL
 * @again:	undoes what the packet did to the state, before each run; may be NULL
 * @hooks, @n_hooks: the programs that it meets, each with what the last one left
 * @in, @out:	the packet, and what leaves by the last program
 * @build, @build_out: write the frames instead, when they are no struct packet
 * @verdict:	of the last program; those before it redirect, XDP always
 * @drop:	the counter that goes up by one; reason 0: none does
 * @new_flows, @routes_read: how far these totals go up
 */
struct path {
	const char *name;
	void (*before)(void);
	void (*again)(void);
	unsigned int hooks[PATH_HOOKS];	/* enum hook, or XDP */
	unsigned int n_hooks;
	struct packet in, out;
	unsigned int (*build)(__u8 *frame);
	unsigned int (*build_out)(__u8 *frame);
	enum verdict verdict;
	struct cv_drop_key drop;
	__u8 new_flows, routes_read;
};

extern const struct path paths[];
extern const unsigned int n_paths;

/** verifier_watch() - call before world_open() */
void verifier_watch(void);
/** verifier_print() - what the verifier said of each program */
void verifier_print(void);

#endif
