// SPDX-License-Identifier: GPL-2.0-only
/* Rows in, rows out, and the transaction around them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "mem.h"
#include "store_impl.h"

#define LOG_PAGES_MAX	1000	/* about 4 MiB: then the log is folded into the file */

#define ROW "network, mac, address, state, guest, start, expiry, horizon, updated, client_id, hostname, via"

const char *const store_sql[STORE_N_STATEMENTS] = {
	[STORE_BEGIN] = "BEGIN IMMEDIATE",
	[STORE_COMMIT] = "COMMIT",
	[STORE_TAKE_ADDRESS] = "DELETE FROM lease WHERE network = ?1 AND address = ?3 AND mac <> ?2",
	[STORE_PUT] = "INSERT INTO lease (" ROW ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
		" ON CONFLICT (network, mac) DO UPDATE SET address = excluded.address,"
		" state = excluded.state, start = excluded.start, expiry = excluded.expiry,"
		" horizon = excluded.horizon, updated = excluded.updated,"
		" client_id = excluded.client_id, hostname = excluded.hostname,"
		" guest = CASE excluded.guest WHEN '' THEN guest ELSE excluded.guest END,"
		" via = CASE excluded.via WHEN '' THEN via ELSE excluded.via END",
	[STORE_RELEASE_OFFER] = "DELETE FROM lease WHERE network = ?1 AND mac = ?2"
		" AND state IN ('offered', 'declined')",
	[STORE_RELEASE] = "UPDATE lease SET state = 'free', updated = ?3, expiry = min(expiry, ?3),"
		" horizon = min(horizon, ?3) WHERE network = ?1 AND mac = ?2 AND state <> 'free'",
	[STORE_DELETE] = "DELETE FROM lease WHERE network = ?1 AND mac = ?2",
	[STORE_RESERVE] = "INSERT INTO reservation (network, mac, address, guest)"
		" VALUES (?1, ?2, ?3, ?4) ON CONFLICT (network, mac) DO UPDATE SET"
		" address = excluded.address, guest = excluded.guest",
	[STORE_UNRESERVE] = "DELETE FROM reservation WHERE network = ?1 AND mac = ?2",
	[STORE_FORGET] = "DELETE FROM lease WHERE horizon < ?1",
	[STORE_GET] = "SELECT " ROW " FROM lease WHERE network = ?1 AND mac = ?2",
	[STORE_OLDEST] = "SELECT address FROM lease WHERE network = ?1 AND state = 'free'"
		" ORDER BY updated LIMIT 1 OFFSET ?2",
	[STORE_EACH] = "SELECT " ROW " FROM lease WHERE ?1 IS NULL OR network = ?1"
		" ORDER BY network, address",
	[STORE_EACH_RESERVATION] = "SELECT network, mac, address, guest FROM reservation"
		" WHERE ?1 IS NULL OR network = ?1 ORDER BY network, address",
};

static const char *const words[] = {
	[STORE_OFFERED] = "offered", [STORE_BOUND] = "bound", [STORE_DECLINED] = "declined",
	[STORE_FREE] = "free", [STORE_IMPORTED] = "imported",
};

static const char *const vias[] = {
	[STORE_VIA_EITHER] = "", [STORE_VIA_PORT] = "port", [STORE_VIA_RELAY] = "relay",
};

const char *store_word(enum store_state state)
{
	return state < ARRAY_SIZE(words) && words[state] ? words[state] : "?";
}

enum store_state store_state_of(const char *word)
{
	for (size_t i = 1; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i], word))
			return i;
	return 0;
}

/* --- binding values */

static void bind_text(sqlite3_stmt *st, int at, const char *text)
{
	sqlite3_bind_text(st, at, text, -1, SQLITE_TRANSIENT);
}

static void bind_client(sqlite3_stmt *st, const char *network, const __u8 mac[6])
{
	char text[ADDR_MAC_SIZE];

	bind_text(st, 1, network);
	bind_text(st, 2, addr_format_mac(mac, text));
}

static void bind_ip(sqlite3_stmt *st, int at, __be32 ip)
{
	char text[ADDR_IP_SIZE];

	bind_text(st, at, addr_format_ip(ip, text));
}

static void bind_row(sqlite3_stmt *st, const struct store_row *row)
{
	bind_client(st, row->network, row->mac);
	bind_ip(st, 3, row->ip);
	bind_text(st, 4, store_word(row->state));
	bind_text(st, 5, row->guest);
	sqlite3_bind_int64(st, 6, row->start_s);
	sqlite3_bind_int64(st, 7, row->expiry_s);
	sqlite3_bind_int64(st, 8, row->horizon_s);
	sqlite3_bind_int64(st, 9, row->updated_s);
	sqlite3_bind_blob(st, 10, row->client_id, row->client_id_len, SQLITE_TRANSIENT);
	bind_text(st, 11, row->hostname);
	bind_text(st, 12, vias[row->via]);
}

/* --- running a statement */

static int run(struct store *s, enum store_statement which)
{
	sqlite3_stmt *st = s->statement[which];
	int rc = sqlite3_step(st), err = 0;

	if (rc != SQLITE_DONE)
		err = store_fail(s, rc);
	if (s->db) {
		sqlite3_reset(st);
		sqlite3_clear_bindings(st);
	}
	return err;
}

/* What is to be changed, in a transaction that may still succeed. */
static int begin(struct store *s)
{
	int err;

	if (s->failed)
		return s->failed;
	err = store_open(s);
	if (!err && !s->changing) {
		err = run(s, STORE_BEGIN);
		s->changing = !err;
	}
	if (err)
		s->failed = err;	/* until the end of what was to be one transaction */
	return err;
}

int store_commit(struct store *s)
{
	int err = s->failed;

	if (!err && s->changing)
		err = run(s, STORE_COMMIT);
	if (err)
		store_rollback(s);
	s->changing = false;
	s->failed = 0;
	return err;
}

void store_rollback(struct store *s)
{
	if (s->changing && s->db && !sqlite3_get_autocommit(s->db) &&
	    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
		store_close(s);
	s->changing = false;
	s->failed = 0;
}

/* --- changes */

int store_put(struct store *s, const struct store_row *row)
{
	int err = begin(s);

	if (err)
		return err;
	bind_client(s->statement[STORE_TAKE_ADDRESS], row->network, row->mac);
	bind_ip(s->statement[STORE_TAKE_ADDRESS], 3, row->ip);
	err = run(s, STORE_TAKE_ADDRESS);
	if (err)
		return err;
	bind_row(s->statement[STORE_PUT], row);
	return run(s, STORE_PUT);
}

int store_release(struct store *s, const char *network, const __u8 mac[6], __s64 now_s)
{
	int err = begin(s);

	if (err)
		return err;
	bind_client(s->statement[STORE_RELEASE_OFFER], network, mac);
	err = run(s, STORE_RELEASE_OFFER);
	if (err)
		return err;
	bind_client(s->statement[STORE_RELEASE], network, mac);
	sqlite3_bind_int64(s->statement[STORE_RELEASE], 3, now_s);
	return run(s, STORE_RELEASE);
}

static int remove_client(struct store *s, enum store_statement which, const char *network,
			 const __u8 mac[6], int *ret_n)
{
	int err = begin(s);

	if (err)
		return err;
	bind_client(s->statement[which], network, mac);
	err = run(s, which);
	if (!err && ret_n)
		*ret_n = sqlite3_changes(s->db);
	return err;
}

int store_delete(struct store *s, const char *network, const __u8 mac[6], int *ret_n)
{
	return remove_client(s, STORE_DELETE, network, mac, ret_n);
}

int store_unreserve(struct store *s, const char *network, const __u8 mac[6], int *ret_n)
{
	return remove_client(s, STORE_UNRESERVE, network, mac, ret_n);
}

int store_reserve(struct store *s, const struct store_reservation *r)
{
	sqlite3_stmt *st;
	int err = begin(s);

	if (err)
		return err;
	st = s->statement[STORE_RESERVE];
	bind_client(st, r->network, r->mac);
	bind_ip(st, 3, r->ip);
	bind_text(st, 4, r->guest);
	return run(s, STORE_RESERVE);
}

/* A reader may hold the log; then it grows until he is gone. */
static void fold_log(struct store *s)
{
	if (s->db && s->log_pages >= LOG_PAGES_MAX &&
	    sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) == SQLITE_OK)
		s->log_pages = 0;
}

int store_tidy(struct store *s, __s64 before_s)
{
	int err = begin(s);

	if (err)
		return err;
	sqlite3_bind_int64(s->statement[STORE_FORGET], 1, before_s);
	err = run(s, STORE_FORGET);
	if (!err)
		err = store_commit(s);
	else
		store_rollback(s);
	if (!err)
		fold_log(s);
	return err;
}

/* --- reading */

static void copy_text(sqlite3_stmt *st, int at, char *buf, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(st, at);

	snprintf(buf, size, "%s", text ? text : "");
}

/* Addresses as another program may have written them are not believed. */
static int read_client(sqlite3_stmt *st, char network[CV_NAME_SIZE], __u8 mac[6], __be32 *ip)
{
	const char *mac_text = (const char *)sqlite3_column_text(st, 1);
	const char *ip_text = (const char *)sqlite3_column_text(st, 2);
	unsigned int b[6];
	char end;

	copy_text(st, 0, network, CV_NAME_SIZE);
	if (!mac_text || !ip_text || addr_parse_ip(ip_text, ip) ||
	    sscanf(mac_text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &end) != 6)
		return -EBADMSG;
	for (int i = 0; i < 6; i++)
		mac[i] = (__u8)b[i];
	return 0;
}

static enum store_via via_of(const char *word)
{
	for (size_t i = 1; word && i < ARRAY_SIZE(vias); i++)
		if (!strcmp(vias[i], word))
			return i;
	return STORE_VIA_EITHER;
}

static int read_row(sqlite3_stmt *st, struct store_row *ret)
{
	const char *word = (const char *)sqlite3_column_text(st, 3);
	struct store_row row = { 0 };
	int len = sqlite3_column_bytes(st, 9);

	if (!word || read_client(st, row.network, row.mac, &row.ip))
		return -EBADMSG;
	row.state = store_state_of(word);
	copy_text(st, 4, row.guest, sizeof(row.guest));
	row.start_s = sqlite3_column_int64(st, 5);
	row.expiry_s = sqlite3_column_int64(st, 6);
	row.horizon_s = sqlite3_column_int64(st, 7);
	row.updated_s = sqlite3_column_int64(st, 8);
	if (len && (size_t)len <= sizeof(row.client_id)) {
		row.client_id_len = (__u8)len;
		memcpy(row.client_id, sqlite3_column_blob(st, 9), (size_t)len);
	}
	copy_text(st, 10, row.hostname, sizeof(row.hostname));
	row.via = via_of((const char *)sqlite3_column_text(st, 11));
	*ret = row;
	return 0;
}

/* Step on.  Return: 1 a row, 0 the end, -errno; after anything but 1 the statement is reset. */
static int next(struct store *s, sqlite3_stmt *st)
{
	int rc = sqlite3_step(st), err;

	if (rc == SQLITE_ROW)
		return 1;
	err = rc == SQLITE_DONE ? 0 : store_fail(s, rc);
	if (s->db)
		sqlite3_reset(st);
	return err;
}

static int bad_row(struct store *s, sqlite3_stmt *st)
{
	sqlite3_reset(st);
	snprintf(s->error, sizeof(s->error), "'%s': a row has no address", s->path);
	return -EBADMSG;
}

int store_get(struct store *s, const char *network, const __u8 mac[6], struct store_row *ret)
{
	sqlite3_stmt *st;
	int err = store_open(s);

	if (err)
		return err;
	st = s->statement[STORE_GET];
	bind_client(st, network, mac);
	err = next(s, st);
	if (err <= 0)
		return err ? err : -ENOENT;
	err = read_row(st, ret);
	if (err)
		return bad_row(s, st);
	sqlite3_reset(st);
	return 0;
}

int store_oldest(struct store *s, const char *network, unsigned int skip, __be32 *ret_ip)
{
	sqlite3_stmt *st;
	__be32 ip = 0;
	int err = store_open(s);

	if (err)
		return err;
	st = s->statement[STORE_OLDEST];
	bind_text(st, 1, network);
	sqlite3_bind_int64(st, 2, skip);
	err = next(s, st);
	if (err <= 0)
		return err ? err : -ENOENT;
	err = addr_parse_ip((const char *)sqlite3_column_text(st, 0), &ip);
	if (err)
		return bad_row(s, st);
	sqlite3_reset(st);
	*ret_ip = ip;
	return 0;
}

static void bind_network(sqlite3_stmt *st, const char *network)
{
	if (network)
		bind_text(st, 1, network);
	else
		sqlite3_bind_null(st, 1);
}

int store_each(struct store *s, const char *network,
	       int (*fn)(const struct store_row *row, void *arg), void *arg)
{
	struct store_row row;
	sqlite3_stmt *st;
	int err = store_open(s), more;

	if (err)
		return err;
	st = s->statement[STORE_EACH];
	bind_network(st, network);
	while ((more = next(s, st)) == 1) {
		if (read_row(st, &row))
			return bad_row(s, st);
		err = fn(&row, arg);
		if (err) {
			sqlite3_reset(st);
			return err;
		}
	}
	return more;
}

int store_each_reservation(struct store *s, const char *network,
			   int (*fn)(const struct store_reservation *r, void *arg), void *arg)
{
	struct store_reservation r;
	sqlite3_stmt *st;
	int err = store_open(s), more;

	if (err)
		return err;
	st = s->statement[STORE_EACH_RESERVATION];
	bind_network(st, network);
	while ((more = next(s, st)) == 1) {
		if (read_client(st, r.network, r.mac, &r.ip))
			return bad_row(s, st);
		copy_text(st, 3, r.guest, sizeof(r.guest));
		err = fn(&r, arg);
		if (err) {
			sqlite3_reset(st);
			return err;
		}
	}
	return more;
}
