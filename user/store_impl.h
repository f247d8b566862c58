/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by store.c and store_open.c, and by nobody else. */
#ifndef CULVERT_STORE_IMPL_H
#define CULVERT_STORE_IMPL_H

#include <limits.h>
#include <sqlite3.h>

#include "store.h"

enum store_statement {
	STORE_BEGIN, STORE_COMMIT, STORE_TAKE_ADDRESS, STORE_PUT, STORE_RELEASE_OFFER,
	STORE_RELEASE, STORE_DELETE, STORE_RESERVE, STORE_UNRESERVE, STORE_FORGET, STORE_GET,
	STORE_OLDEST, STORE_EACH, STORE_EACH_RESERVATION, STORE_N_STATEMENTS
};

/**
 * struct store - one connection
 * @db:		NULL while it is not open
 * @changing:	a transaction is open
 * @failed:	why it cannot be committed any more; 0: it can
 * @log_pages:	length of the log after the last commit
 */
struct store {
	sqlite3 *db;
	sqlite3_stmt *statement[STORE_N_STATEMENTS];
	bool changing;
	int failed;
	int log_pages;
	char path[PATH_MAX];
	char error[PATH_MAX + 256];
};

/** store_fail() - keep SQLite's words for @rc, close what can no longer be trusted.  Return: -errno */
int store_fail(struct store *s, int rc);
/** store_close() - the connection; the handle stays */
void store_close(struct store *s);

extern const char *const store_sql[STORE_N_STATEMENTS];

#endif
