/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The leases on disk: CULVERT_STATE/leases.db, an SQLite database in WAL mode
 * with synchronous=FULL, so that what store_commit() has accepted is there
 * after a kill, a crash or a power failure.  The only user of SQLite.  Nothing
 * here logs.
 *
 * docs/lease-store.md has the schema for people; in short, schema version 2
 * (version 1 is made into it when it is opened):
 *
 *	lease		who has or had which address: one row for a network and
 *			MAC, one for a network and address
 *	reservation	made by `culvert lease add`; likewise
 *
 * Networks have their names there, not the ids of the maps; times are Unix
 * seconds of the wall clock, for boottime means nothing after a reboot.
 *
 * A connection is opened when it is needed and closed after an I/O error: what
 * a failed fsync left in the page cache is not to be trusted, a new connection
 * recovers from what is on disk.  So a handle goes on working once a full or
 * failing disk is well again.
 */
#ifndef CULVERT_STORE_H
#define CULVERT_STORE_H

#include <stdbool.h>

#include <culvert/abi.h>

#define STORE_FILE		"leases.db"	/* in CULVERT_STATE */
#define STORE_SCHEMA_VERSION	2

/* What a row of `lease` says.  The words on disk are store.c's. */
enum store_state {
	STORE_OFFERED = 1,	/* not taken yet */
	STORE_BOUND,		/* the address is this client's until the horizon */
	STORE_DECLINED,		/* somebody else uses it: nobody's until the horizon */
	STORE_FREE,		/* it was this client's last; anybody may have it */
	STORE_IMPORTED,		/* as STORE_BOUND; the daemon has not seen it yet */
};

/* By which way its client asks.  Likewise. */
enum store_via {
	STORE_VIA_EITHER,	/* not known: imported, or from schema version 1 */
	STORE_VIA_PORT,		/* its own */
	STORE_VIA_RELAY,	/* somebody else's, which is trusted with it */
};

/**
 * struct store_row - a row of `lease`
 * @guest:	the port's name; empty: not known, what is there stays
 * @start_s, @expiry_s, @horizon_s, @updated_s: as in struct cv_lease, wall
 *		clock; @updated_s: when the row was written
 * @via:	STORE_VIA_EITHER: what is there stays
 */
struct store_row {
	char   network[CV_NAME_SIZE];
	__u8   mac[6];
	__be32 ip;
	enum store_state state;
	char   guest[CV_NAME_SIZE];
	__s64  start_s, expiry_s, horizon_s, updated_s;
	__u8   client_id_len;
	__u8   client_id[CV_CLIENT_ID_SIZE - 1];
	char   hostname[64];
	enum store_via via;
};

/** struct store_reservation - a row of `reservation`; @guest may be empty */
struct store_reservation {
	char   network[CV_NAME_SIZE];
	__u8   mac[6];
	__be32 ip;
	char   guest[CV_NAME_SIZE];
};

struct store;

/**
 * store_new() - a handle; nothing is opened yet
 * @path: of the database; its directory is made when it is needed
 * Return: NULL when out of memory.
 */
struct store *store_new(const char *path);
void store_free(struct store *s);	/* what was not committed is gone; NULL is fine */
static inline void store_freep(struct store **s) { store_free(*s); }
#define _store_ __attribute__((cleanup(store_freep)))

/** store_default() - of CULVERT_STATE.  Return: NULL when out of memory or the path is too long */
struct store *store_default(void);

/** store_open() - what the first other call does: open or make it, check the schema */
int store_open(struct store *s);

/*
 * All of these return 0 or -errno: -EPROTO when the file is of another schema
 * version, -EBADMSG when it is damaged or no lease store, -EAGAIN when another
 * process writes for long, -ENOSPC, -EIO, ...  store_error() says it in words.
 *
 * The first change begins a transaction.  After an error nothing of it holds,
 * and store_commit() says so too.
 */

/** store_put() - a lease, in place of the client's before and of whoever had the address */
int store_put(struct store *s, const struct store_row *row);
/** store_release() - a lease that has ended: an offer is forgotten, of a binding the address is remembered */
int store_release(struct store *s, const char *network, const __u8 mac[6], __s64 now_s);
/** store_delete() - forget a client.  *ret_n (may be NULL): how many rows went */
int store_delete(struct store *s, const char *network, const __u8 mac[6], int *ret_n);
/** store_reserve() - -EADDRINUSE when another reservation of the network has the address */
int store_reserve(struct store *s, const struct store_reservation *r);
int store_unreserve(struct store *s, const char *network, const __u8 mac[6], int *ret_n);
/** store_tidy() - forget rows that ended before @before_s, and fold the log into the file when it is long */
int store_tidy(struct store *s, __s64 before_s);

/** store_commit() - durable when it returns 0; nothing of it otherwise */
int store_commit(struct store *s);
void store_rollback(struct store *s);

/** store_probe() - whether a commit gets through: writes what is there already */
int store_probe(struct store *s);

/** store_get() - one lease.  -ENOENT: none */
int store_get(struct store *s, const char *network, const __u8 mac[6], struct store_row *ret);
/**
 * store_oldest() - the address that has been free for longest
 * @skip: so many of them are passed over
 * Return: 0, -ENOENT when no more are, or -errno.
 */
int store_oldest(struct store *s, const char *network, unsigned int skip, __be32 *ret_ip);
/** store_each() - leases, by network and address.  @network NULL: all.  @fn ends it with anything but 0 */
int store_each(struct store *s, const char *network,
	       int (*fn)(const struct store_row *row, void *arg), void *arg);
int store_each_reservation(struct store *s, const char *network,
			   int (*fn)(const struct store_reservation *r, void *arg), void *arg);

/** store_error() - what the last failure was, with the file; never NULL */
const char *store_error(const struct store *s);
const char *store_path(const struct store *s);
/** store_word() - a state as it is on disk */
const char *store_word(enum store_state state);
/** store_state_of() - the other way round; 0: no such word */
enum store_state store_state_of(const char *word);

#endif
