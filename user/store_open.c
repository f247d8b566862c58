// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening the database: made when it is not there, refused when it is not ours
 * or of another version, closed when it has failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "paths.h"
#include "store_impl.h"

#define APPLICATION_ID	0x43564c53	/* "CVLS" */
#define BUSY_MS		2000

#define VIA "via TEXT NOT NULL DEFAULT '' CHECK (via IN ('','port','relay'))"

/* Both tables refuse to say of one address that it is two clients'. */
static const char schema[] =
	"CREATE TABLE lease ("
	" network TEXT NOT NULL, mac TEXT NOT NULL, address TEXT NOT NULL,"
	" state TEXT NOT NULL CHECK (state IN ('offered','bound','declined','free','imported')),"
	" guest TEXT NOT NULL, start INTEGER NOT NULL, expiry INTEGER NOT NULL,"
	" horizon INTEGER NOT NULL, updated INTEGER NOT NULL, client_id BLOB NOT NULL,"
	" hostname TEXT NOT NULL, " VIA ","
	" PRIMARY KEY (network, mac), UNIQUE (network, address)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE reservation ("
	" network TEXT NOT NULL, mac TEXT NOT NULL, address TEXT NOT NULL, guest TEXT NOT NULL,"
	" PRIMARY KEY (network, mac), UNIQUE (network, address)) STRICT, WITHOUT ROWID;";

/* Of version 1: who has a name had a port; clients behind relays had none, nor had others. */
static const char from_1[] =
	"ALTER TABLE lease ADD COLUMN " VIA ";"
	"UPDATE lease SET via = 'port' WHERE guest <> '';";

/* --- failures */

static int errno_of(sqlite3 *db, int rc)
{
	int system = db ? sqlite3_system_errno(db) : 0;

	switch (rc & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EAGAIN;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		return -EBADMSG;
	case SQLITE_CONSTRAINT:
		return -EADDRINUSE;
	case SQLITE_PERM:
	case SQLITE_READONLY:
		return -EROFS;
	default:
		return system == ENOSPC ? -ENOSPC : -EIO;
	}
}

int store_fail(struct store *s, int rc)
{
	int err = errno_of(s->db, rc);

	snprintf(s->error, sizeof(s->error), "'%s': %s", s->path,
		 s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc));
	if (s->changing)
		s->failed = err;
	switch (err) {
	case -EAGAIN:
	case -EADDRINUSE:
	case -ENOMEM:
		break;
	default:
		store_close(s);
	}
	return err;
}

void store_close(struct store *s)
{
	for (int i = 0; i < STORE_N_STATEMENTS; i++) {
		sqlite3_finalize(s->statement[i]);
		s->statement[i] = NULL;
	}
	sqlite3_close(s->db);	/* a transaction that is open is undone */
	s->db = NULL;
	s->log_pages = 0;
}

/* --- what is in it */

static int read_pragma(struct store *s, const char *pragma, int *ret)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(s->db, pragma, -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		*ret = sqlite3_column_int(st, 0);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(st);
	return rc;
}

static int refuse(struct store *s, int id, int version)
{
	if (id != APPLICATION_ID)
		snprintf(s->error, sizeof(s->error), "'%s' is no lease store of culvert", s->path);
	else
		snprintf(s->error, sizeof(s->error),
			 "'%s' is of schema version %d, this culvert reads version %d: use the culvert that wrote it, or move the file away and lose its leases",
			 s->path, version, STORE_SCHEMA_VERSION);
	store_close(s);
	return id == APPLICATION_ID ? -EPROTO : -EBADMSG;
}

/* What was begun is undone, so that a connection that stays open has nothing half done. */
static int fail_schema(struct store *s, int rc)
{
	int err = store_fail(s, rc);

	store_close(s);
	return err;
}

/* Two may open a file at once: who gets to write first makes it what it is to be. */
static int make_schema(struct store *s)
{
	char pragmas[96];
	int version = 0, rc = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	snprintf(pragmas, sizeof(pragmas), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 APPLICATION_ID, STORE_SCHEMA_VERSION);
	if (rc == SQLITE_OK)
		rc = read_pragma(s, "PRAGMA user_version", &version);
	if (rc == SQLITE_OK && version < STORE_SCHEMA_VERSION)
		rc = sqlite3_exec(s->db, version ? from_1 : schema, NULL, NULL, NULL);
	if (rc == SQLITE_OK && version < STORE_SCHEMA_VERSION)
		rc = sqlite3_exec(s->db, pragmas, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : fail_schema(s, rc);
}

static int check_schema(struct store *s)
{
	int id = 0, version = 0, tables = 0, rc, err;
	bool is_ours;

	for (int round = 0; ; round++) {
		rc = read_pragma(s, "PRAGMA application_id", &id);
		if (rc == SQLITE_OK)
			rc = read_pragma(s, "PRAGMA user_version", &version);
		if (rc == SQLITE_OK)
			rc = read_pragma(s, "SELECT count(*) FROM sqlite_schema", &tables);
		if (rc != SQLITE_OK)
			return store_fail(s, rc);
		if (id == APPLICATION_ID && version == STORE_SCHEMA_VERSION)
			return 0;
		is_ours = id == APPLICATION_ID && version == 1;
		if (round || (!is_ours && (id || version || tables)))
			return refuse(s, id, version);
		err = make_schema(s);
		if (err)
			return err;
	}
}

/* --- opening */

static int on_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
	((struct store *)arg)->log_pages = pages;
	return SQLITE_OK;
}

/* SQLite would make it readable to all. */
static int make_file(struct store *s)
{
	_free_ char *copy = strdup(s->path);
	_fd_ int fd = -1;
	int err = copy ? paths_mkdir(dirname(copy), 0700) : -ENOMEM;

	if (!err) {
		fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		err = fd < 0 ? -errno : 0;
	}
	if (err)
		snprintf(s->error, sizeof(s->error), "'%s': %s", s->path, strerror(-err));
	return err;
}

static int prepare(struct store *s)
{
	int rc = SQLITE_OK;

	for (int i = 0; i < STORE_N_STATEMENTS && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v3(s->db, store_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
					&s->statement[i], NULL);
	return rc == SQLITE_OK ? 0 : store_fail(s, rc);
}

int store_open(struct store *s)
{
	static const char pragmas[] =
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
		"PRAGMA trusted_schema = OFF; PRAGMA journal_size_limit = 4194304";
	int err, rc;

	if (s->db)
		return 0;
	err = make_file(s);
	if (err)
		return err;
	rc = sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL);
	if (rc != SQLITE_OK)
		return store_fail(s, rc);
	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_busy_timeout(s->db, BUSY_MS);
	rc = sqlite3_exec(s->db, pragmas, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return store_fail(s, rc);
	err = check_schema(s);
	if (!err)
		err = prepare(s);
	if (!err)
		sqlite3_wal_hook(s->db, on_commit, s);	/* ends what autocheckpoint does */
	return err;
}

int store_probe(struct store *s)
{
	char pragma[40];
	int err = store_open(s), rc;

	if (err)
		return err;
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d", STORE_SCHEMA_VERSION);
	rc = sqlite3_exec(s->db, pragma, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : store_fail(s, rc);
}

struct store *store_new(const char *path)
{
	struct store *s = calloc(1, sizeof(*s));

	if (s)
		snprintf(s->path, sizeof(s->path), "%s", path);
	return s;
}

struct store *store_default(void)
{
	char path[PATH_MAX];

	return paths_join(path, sizeof(path), paths_state(), STORE_FILE) ? NULL : store_new(path);
}

void store_free(struct store *s)
{
	if (!s)
		return;
	store_close(s);
	free(s);
}

const char *store_error(const struct store *s)
{
	return s->error;
}

const char *store_path(const struct store *s)
{
	return s->path;
}
