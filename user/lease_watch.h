/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hooks of networks: programs that are told what becomes of leases.  What
 * is so is read from the maps, so that renewals by the kernel and changes by
 * commands are seen too; lease_book.h says what is told of it.  A network's
 * program is called once at a time.  Nothing here waits.  These functions log.
 */
#ifndef CULVERT_LEASE_WATCH_H
#define CULVERT_LEASE_WATCH_H

#include "config.h"
#include "lease_book.h"

#define LEASE_WATCH_FILE	"serve.hooks"	/* in CULVERT_RUN, while there are hooks */
#define LEASE_WATCH_CALL_S	10	/* a call that takes longer is killed */
#define HOOK_ERROR_SIZE		256
#define LEASE_WATCH_CALLS	8	/* at a time, of all networks */

struct lease_watch;
struct tables;

/**
 * lease_watch_open() - before leases are changed
 *
 * What holds in the maps of networks with a hook is supposed to be known to it;
 * lease_watch_scan() with LEASE_KNOWN tells it again.
 */
int lease_watch_open(struct tables *t, struct lease_watch **ret);
void lease_watch_close(struct lease_watch *w);	/* ends calls; NULL is fine */

/** lease_watch_configure() - a network's hook, or that it has none any more */
void lease_watch_configure(struct lease_watch *w, __u16 net, const struct cv_network *n,
			   const struct config *cfg);

/** lease_watch_look() - a lease may have changed; @why as of lease_book_note() */
void lease_watch_look(struct lease_watch *w, const struct cv_lease_key *key, enum lease_event why);

/** lease_watch_scan() - all leases of a network, 0: of all; @why: LEASE_KNOWN or LEASE_NO_EVENT */
void lease_watch_scan(struct lease_watch *w, __u16 net, enum lease_event why);

/** lease_watch_fd() - readable when a call has ended or says something */
int lease_watch_fd(const struct lease_watch *w);
/** lease_watch_calls() - look at calls, and begin those that may; after each of the others */
void lease_watch_calls(struct lease_watch *w);
/** lease_watch_tick() - about once a second: calls that take too long; the file */
void lease_watch_tick(struct lease_watch *w);

/** lease_watch_remove() - the file, when nobody serves any more */
void lease_watch_remove(void);

/**
 * struct lease_watch_state - of a network, as the file has it
 * @failing:	the last call failed, as @error says
 * @left_out:	changes that were told with a later one, or not at all
 */
struct lease_watch_state {
	char network[CV_NAME_SIZE];
	bool failing;
	__u64 calls, failed, killed, left_out;
	unsigned int waiting;
	char error[HOOK_ERROR_SIZE];
};

/** lease_watch_read() - each network.  Return: 0, -ENOENT when there is no hook, -errno */
int lease_watch_read(void (*fn)(const struct lease_watch_state *s, void *arg), void *arg);

#endif
