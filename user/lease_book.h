/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs of `dhcp: { hook: }` were told of each lease, and what is
 * so by now.  Pure.
 *
 * There is no queue of events.  Of each lease the book has two states: what was
 * told last, and what holds now; when they differ the lease waits for its turn,
 * and what is told then leads from the one to the other.  So the memory is
 * bounded by the number of leases, a guest that changes its own all the time
 * puts off nobody else's, the order of one lease's events is kept, and whoever
 * was told everything knows what is so, however slow he was.  What came and
 * went in between is counted.
 */
#ifndef CULVERT_LEASE_BOOK_H
#define CULVERT_LEASE_BOOK_H

#include <stdbool.h>

#include <culvert/abi.h>
#include <culvert/defaults.h>

/* Leases that the book has room for: all that there can be, and as many that have ended. */
#define LEASE_BOOK_MAX (2 * CV_MAX_LEASES)

#define LEASE_EVENTS(X)			\
	X(ADD, "add")			\
	X(RENEW, "renew")		\
	X(KNOWN, "known")		\
	X(RELEASE, "release")		\
	X(DECLINE, "decline")		\
	X(EXPIRE, "expire")		\
	X(REMOVE, "remove")

enum lease_event {
	LEASE_NO_EVENT,
#define LEASE_EVENT_ENUM(id, word)	LEASE_##id,
	LEASE_EVENTS(LEASE_EVENT_ENUM)
#undef LEASE_EVENT_ENUM
	LEASE_N_EVENTS
};

/** lease_event_word() - as a program is told it */
const char *lease_event_word(enum lease_event event);

/**
 * struct lease_fact - a lease that holds
 * @ip:		0: none does
 * @expiry_ns:	boottime; ~0: it has no end
 * @guest:	the port's name; empty: somebody behind a relay
 */
struct lease_fact {
	__be32 ip;
	__u64  expiry_ns;
	char   guest[CV_NAME_SIZE];
	char   hostname[64];
	__u8   client_id_len;
	__u8   client_id[CV_CLIENT_ID_SIZE - 1];
};

/* What a program is to be told; of a lease that has ended @fact is what it was. */
struct lease_news {
	struct cv_lease_key key;
	enum lease_event event;
	struct lease_fact fact;
};

struct lease_book;

struct lease_book *lease_book_new(void);	/* NULL: out of memory */
void lease_book_free(struct lease_book *b);	/* NULL is fine */

/** lease_book_suppose() - @fact was told before, by somebody else perhaps */
int lease_book_suppose(struct lease_book *b, const struct cv_lease_key *key,
		       const struct lease_fact *fact);

/**
 * lease_book_note() - what is so of a lease now
 * @fact: NULL: it has ended
 * @why:  for the end, or LEASE_KNOWN for one that is told anew though nothing has changed
 *
 * Return: 0, -ENOSPC when the book is full (counted), or -ENOMEM.
 */
int lease_book_note(struct lease_book *b, const struct cv_lease_key *key,
		    const struct lease_fact *fact, enum lease_event why);

/*
 * Between these two each lease of a network that holds is noted; who was not
 * has ended.
 */
void lease_book_begin(struct lease_book *b, __u16 net);
void lease_book_end(struct lease_book *b, __u16 net);

/** lease_book_forget() - a network, with what was to be told of it */
void lease_book_forget(struct lease_book *b, __u16 net);

/** lease_book_next() - what is to be told next of a network; it counts as told then.  False: nothing */
bool lease_book_next(struct lease_book *b, __u16 net, struct lease_news *ret);

/** lease_book_passed() - changes of a network that were told with a later one, or not at all */
__u64 lease_book_passed(const struct lease_book *b, __u16 net);

/** lease_book_waiting() - leases of a network of which something is to be told */
unsigned int lease_book_waiting(const struct lease_book *b, __u16 net);

#endif
