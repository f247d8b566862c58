// SPDX-License-Identifier: GPL-2.0-only
/* The lease store by itself: what is committed is there, and nothing else. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "store.h"

static char dir[] = "/tmp/culvert-unit-XXXXXX";
static char file[sizeof(dir) + 32];

static struct store *open_store(void)
{
	struct store *s = store_new(file);

	assert_non_null(s);
	return s;
}

static int remove_files(void **state)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	char path[sizeof(file) + 8];

	for (size_t i = 0; i < UNIT_N(suffixes); i++) {
		snprintf(path, sizeof(path), "%s%s", file, suffixes[i]);
		unlink(path);
	}
	return 0;
}

static struct store_row make_row(unsigned int client, unsigned int host)
{
	struct store_row row = {
		.network = "net", .mac = { 0x52, 0x54, 0, 0, (__u8)(client >> 8), (__u8)client },
		.ip = htonl(0x0a140000 + host), .state = STORE_BOUND, .guest = "web",
		.start_s = 100, .expiry_s = 200, .horizon_s = 300, .updated_s = 100,
		.client_id_len = 3, .client_id = { 1, 0, 255 }, .hostname = "host",
	};

	return row;
}

static int count(const struct store_row *row, void *arg)
{
	++*(unsigned int *)arg;
	return 0;
}

static unsigned int rows_of(struct store *s, const char *network)
{
	unsigned int n = 0;

	assert_int_equal(store_each(s, network, count, &n), 0);
	return n;
}

static void what_is_put_is_got(void **state)
{
	struct store_row row = make_row(1, 10), got;
	struct store *s = open_store();

	assert_int_equal(store_get(s, "net", row.mac, &got), -ENOENT);
	assert_int_equal(store_put(s, &row), 0);
	assert_int_equal(store_commit(s), 0);
	store_free(s);
	s = open_store();
	memset(&got, 0, sizeof(got));
	assert_int_equal(store_get(s, "net", row.mac, &got), 0);
	assert_memory_equal(&got, &row, sizeof(row));
	store_free(s);
}

static void what_is_not_committed_is_not_there(void **state)
{
	struct store_row row = make_row(1, 10);
	struct store *s = open_store();

	assert_int_equal(store_put(s, &row), 0);
	store_rollback(s);
	assert_int_equal(rows_of(s, NULL), 0);
	assert_int_equal(store_put(s, &row), 0);
	store_free(s);
	s = open_store();
	assert_int_equal(rows_of(s, NULL), 0);
	assert_int_equal(store_commit(s), 0);	/* of nothing */
	store_free(s);
}

static void an_address_is_one_clients(void **state)
{
	struct store_row first = make_row(1, 10), second = make_row(2, 10), other = make_row(3, 10), got;
	struct store *s = open_store();

	strcpy(other.network, "other");
	assert_int_equal(store_put(s, &first), 0);
	assert_int_equal(store_put(s, &second), 0);
	assert_int_equal(store_put(s, &other), 0);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_get(s, "net", first.mac, &got), -ENOENT);
	assert_int_equal(store_get(s, "net", second.mac, &got), 0);
	assert_int_equal(rows_of(s, "other"), 1);
	store_free(s);
}

static void a_name_that_is_known_is_kept(void **state)
{
	struct store_row row = make_row(1, 10), got;
	struct store *s = open_store();

	assert_int_equal(store_put(s, &row), 0);
	row.guest[0] = '\0';
	assert_int_equal(store_put(s, &row), 0);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_get(s, "net", row.mac, &got), 0);
	assert_string_equal(got.guest, "web");
	store_free(s);
}

static void a_release_remembers_and_an_offer_does_not(void **state)
{
	struct store_row bound = make_row(1, 10), offered = make_row(2, 11), got;
	struct store *s = open_store();
	__be32 ip = 0;

	offered.state = STORE_OFFERED;
	assert_int_equal(store_put(s, &bound), 0);
	assert_int_equal(store_put(s, &offered), 0);
	assert_int_equal(store_release(s, "net", bound.mac, 150), 0);
	assert_int_equal(store_release(s, "net", offered.mac, 150), 0);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_get(s, "net", bound.mac, &got), 0);
	assert_int_equal(got.state, STORE_FREE);
	assert_int_equal(got.horizon_s, 150);
	assert_int_equal(store_get(s, "net", offered.mac, &got), -ENOENT);
	assert_int_equal(store_oldest(s, "net", 0, &ip), 0);
	assert_int_equal(ip, bound.ip);
	assert_int_equal(store_oldest(s, "net", 1, &ip), -ENOENT);
	assert_int_equal(store_tidy(s, 151), 0);
	assert_int_equal(rows_of(s, NULL), 0);
	store_free(s);
}

static void an_address_is_reserved_once(void **state)
{
	struct store_reservation r = { .network = "net", .mac = { 2 }, .ip = 1, .guest = "web" };
	struct store *s = open_store();
	int n = 0;

	assert_int_equal(store_reserve(s, &r), 0);
	assert_int_equal(store_commit(s), 0);
	r.mac[5] = 7;
	assert_int_equal(store_reserve(s, &r), -EADDRINUSE);
	assert_int_equal(store_commit(s), -EADDRINUSE);
	r.mac[5] = 0;
	assert_int_equal(store_unreserve(s, "net", r.mac, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(store_commit(s), 0);
	store_free(s);
}

static void set_version(int version)
{
	char sql[64];
	sqlite3 *db;

	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", version);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void another_version_is_refused_by_name(void **state)
{
	struct store_row row = make_row(1, 10);
	struct store *s = open_store();

	assert_int_equal(store_put(s, &row), 0);
	assert_int_equal(store_commit(s), 0);
	store_free(s);
	set_version(STORE_SCHEMA_VERSION + 1);
	s = open_store();
	assert_int_equal(store_put(s, &row), -EPROTO);
	assert_int_equal(store_commit(s), -EPROTO);
	assert_non_null(strstr(store_error(s), "schema version 3"));
	set_version(STORE_SCHEMA_VERSION);
	assert_int_equal(rows_of(s, NULL), 1);	/* the same handle, once it is right */
	store_free(s);
}

/* --- version 1, as culvert wrote it */

static const char version_1[] =
	"PRAGMA journal_mode = WAL; PRAGMA application_id = 1129729107; PRAGMA user_version = 1;"
	"CREATE TABLE lease ("
	" network TEXT NOT NULL, mac TEXT NOT NULL, address TEXT NOT NULL,"
	" state TEXT NOT NULL CHECK (state IN ('offered','bound','declined','free','imported')),"
	" guest TEXT NOT NULL, start INTEGER NOT NULL, expiry INTEGER NOT NULL,"
	" horizon INTEGER NOT NULL, updated INTEGER NOT NULL, client_id BLOB NOT NULL,"
	" hostname TEXT NOT NULL,"
	" PRIMARY KEY (network, mac), UNIQUE (network, address)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE reservation ("
	" network TEXT NOT NULL, mac TEXT NOT NULL, address TEXT NOT NULL, guest TEXT NOT NULL,"
	" PRIMARY KEY (network, mac), UNIQUE (network, address)) STRICT, WITHOUT ROWID;"
	"INSERT INTO lease VALUES ('net','52:54:00:00:00:01','10.20.0.10','bound','web',100,200,300,100,x'0100ff','host');"
	"INSERT INTO lease VALUES ('net','52:54:00:00:00:02','10.20.0.11','bound','',100,200,300,100,x'','');"
	"INSERT INTO reservation VALUES ('net','52:54:00:00:00:03','10.20.0.12','');";

static void execute(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

static int version_on_disk(void)
{
	sqlite3_stmt *st;
	sqlite3 *db;
	int version;

	assert_int_equal(sqlite3_open_v2(file, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	version = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return version;
}

static int count_reserved(const struct store_reservation *r, void *arg)
{
	++*(unsigned int *)arg;
	return 0;
}

static void version_1_becomes_this_one(void **state)
{
	struct store_row want = make_row(1, 10), other = make_row(2, 11), got;
	unsigned int n = 0;
	struct store *s;

	execute(version_1);
	s = open_store();
	want.via = STORE_VIA_PORT;
	memset(&got, 0, sizeof(got));
	assert_int_equal(store_get(s, "net", want.mac, &got), 0);
	assert_memory_equal(&got, &want, sizeof(want));
	assert_int_equal(store_get(s, "net", other.mac, &got), 0);
	assert_int_equal(got.via, STORE_VIA_EITHER);
	assert_int_equal(store_each_reservation(s, "net", count_reserved, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(version_on_disk(), STORE_SCHEMA_VERSION);
	other.via = STORE_VIA_RELAY;
	assert_int_equal(store_put(s, &other), 0);
	assert_int_equal(store_commit(s), 0);
	store_free(s);
	s = open_store();
	assert_int_equal(store_get(s, "net", other.mac, &got), 0);
	assert_int_equal(got.via, STORE_VIA_RELAY);
	store_free(s);
}

/* Who has the file open with version 1's statements goes on; what he writes does not say by which way. */
static void two_open_version_1_at_once(void **state)
{
	struct store_row row = make_row(5, 15);
	struct store *a, *b;

	execute(version_1);
	a = open_store();
	b = open_store();
	assert_int_equal(rows_of(a, "net"), 2);
	assert_int_equal(rows_of(b, "net"), 2);
	execute("INSERT INTO lease (network, mac, address, state, guest, start, expiry, horizon, updated, client_id, hostname)"
		" VALUES ('net','52:54:00:00:00:04','10.20.0.14','bound','',1,2,3,1,x'','')");
	assert_int_equal(store_put(a, &row), 0);
	assert_int_equal(store_commit(a), 0);
	assert_int_equal(rows_of(b, "net"), 4);
	store_free(a);
	store_free(b);
}

static void a_full_disk_leaves_version_1_as_it_is(void **state)
{
	struct rlimit limit;
	struct store *s;

	execute(version_1);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	s = open_store();
	assert_true(store_open(s) < 0);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(version_on_disk(), 1);
	assert_int_equal(rows_of(s, "net"), 2);	/* the same handle, once there is room */
	assert_int_equal(version_on_disk(), STORE_SCHEMA_VERSION);
	store_free(s);
}

static void by_which_way_is_kept(void **state)
{
	struct store_row row = make_row(1, 10), got;
	struct store *s = open_store();

	for (enum store_via via = STORE_VIA_PORT; via <= STORE_VIA_RELAY; via++) {
		row.via = via;
		assert_int_equal(store_put(s, &row), 0);
		row.via = STORE_VIA_EITHER;
		assert_int_equal(store_put(s, &row), 0);
		assert_int_equal(store_get(s, "net", row.mac, &got), 0);
		assert_int_equal(got.via, via);
	}
	store_free(s);
}

static void another_database_is_refused_and_left_alone(void **state)
{
	struct store *s = open_store();
	sqlite3 *db;

	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE theirs (x)", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(store_open(s), -EBADMSG);
	assert_int_equal(sqlite3_exec(db, "SELECT * FROM theirs", NULL, NULL, NULL), SQLITE_OK);
	assert_int_not_equal(sqlite3_exec(db, "SELECT * FROM lease", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	store_free(s);
}

static void a_row_that_makes_no_sense_is_an_error(void **state)
{
	struct store_row row = make_row(1, 10);
	struct store *s = open_store();
	unsigned int n = 0;
	sqlite3 *db;

	assert_int_equal(store_put(s, &row), 0);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "UPDATE lease SET address = 'here'", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(store_each(s, NULL, count, &n), -EBADMSG);
	assert_int_equal(n, 0);
	store_free(s);
}

/* Another process that reads does not stop us, and one that writes does for its time alone. */
static void others_read_and_write_too(void **state)
{
	struct store_row row = make_row(1, 10);
	struct store *s = open_store();
	sqlite3 *db;

	assert_int_equal(store_put(s, &row), 0);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT * FROM lease", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(store_put(s, &row), 0);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(sqlite3_exec(db, "COMMIT; BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(store_put(s, &row), -EAGAIN);
	assert_int_equal(store_commit(s), -EAGAIN);
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(store_put(s, &row), 0);
	assert_int_equal(store_commit(s), 0);
	store_free(s);
}

static void disk_takes(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void after_a_failed_write_it_goes_on(void **state)
{
	struct store_row row = make_row(1, 10), second = make_row(2, 11);
	struct store *s = open_store();

	assert_int_equal(store_put(s, &row), 0);
	assert_int_equal(store_commit(s), 0);
	disk_takes(0);
	assert_int_equal(store_put(s, &second) | store_commit(s), -EIO);
	assert_int_not_equal(store_probe(s), 0);
	disk_takes(RLIM_INFINITY);
	assert_int_equal(rows_of(s, NULL), 1);
	assert_int_equal(store_probe(s), 0);
	assert_int_equal(store_put(s, &second), 0);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(rows_of(s, NULL), 2);
	store_free(s);
}

#define MANY 4000

/* The log does not grow for ever. */
static void a_long_log_is_folded_into_the_file(void **state)
{
	struct store *s = open_store();
	char path[sizeof(file) + 8];
	FILE *log;
	long size;

	for (unsigned int i = 0; i < MANY; i++) {
		struct store_row row = make_row(i, i);

		assert_int_equal(store_put(s, &row), 0);
		if (i % 10 == 0)
			assert_int_equal(store_commit(s), 0);
		if (i % 100 == 0)
			assert_int_equal(store_tidy(s, 0), 0);
	}
	assert_int_equal(store_commit(s), 0);
	snprintf(path, sizeof(path), "%s-wal", file);
	log = fopen(path, "r");
	assert_non_null(log);
	assert_int_equal(fseek(log, 0, SEEK_END), 0);
	size = ftell(log);
	fclose(log);
	assert_in_range(size, 1, 8 << 20);
	assert_int_equal(rows_of(s, NULL), MANY);
	store_free(s);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_teardown(fn, remove_files)
	const struct CMUnitTest tests[] = {
		TEST(what_is_put_is_got),
		TEST(what_is_not_committed_is_not_there),
		TEST(an_address_is_one_clients),
		TEST(a_name_that_is_known_is_kept),
		TEST(a_release_remembers_and_an_offer_does_not),
		TEST(an_address_is_reserved_once),
		TEST(another_version_is_refused_by_name),
		TEST(version_1_becomes_this_one),
		TEST(two_open_version_1_at_once),
		TEST(a_full_disk_leaves_version_1_as_it_is),
		TEST(by_which_way_is_kept),
		TEST(another_database_is_refused_and_left_alone),
		TEST(a_row_that_makes_no_sense_is_an_error),
		TEST(others_read_and_write_too),
		TEST(after_a_failed_write_it_goes_on),
		TEST(a_long_log_is_folded_into_the_file),
	};
	int failed;

	if (!mkdtemp(dir))
		return 1;
	snprintf(file, sizeof(file), "%s/below/leases.db", dir);
	failed = UNIT_RUN(tests, tests + UNIT_N(tests));
	*strrchr(file, '/') = '\0';
	rmdir(file);
	rmdir(dir);
	return failed;
}
