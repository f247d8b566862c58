// SPDX-License-Identifier: GPL-2.0-only
/*
 * The server against the message tables of RFC 2131 (4.3, 4.4, tables 3 and
 * 5), as conversations.  The network is 10.20.0.0/24, gateway .1, lease 3600 s;
 * guests A, B and C are on slots 1, 2 and 3.
 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <sqlite3.h>

#include "dhcp_conversations.h"
#include "dhcp_profile.h"
#include "dhcp_script.h"
#include "dhcp_server.h"
#include "fake_tables.h"
#include "lease.h"
#include "store.h"

#define NET	7
#define START_NS 1000000000000ULL

static char store_file[] = "/tmp/culvert-unit-XXXXXX/leases.db";

/* --- the stage */

struct stage {
	struct dhcp_leases *leases;
	struct dhcp_profiles *profiles;
	struct store *store;
	__s64 clock_s;
	bool locked, held, batch;
	char left[64], ended[64];
};

static int on_lock(void *arg)
{
	struct stage *s = arg;

	if (s->held)
		return -EAGAIN;
	assert_false(s->locked);
	s->locked = true;
	return 0;
}

static void on_unlock(void *arg)
{
	struct stage *s = arg;

	assert_true(s->locked);
	s->locked = false;
}

static void on_left(void *arg, __u16 net, __u32 slot)
{
	struct stage *s = arg;

	assert_true(s->locked);
	snprintf(s->left, sizeof(s->left), "%u/%u", net, slot);
}

static void on_ended(void *arg, const struct cv_lease_key *key, const struct cv_lease *l)
{
	struct stage *s = arg;

	assert_false(s->locked);
	snprintf(s->ended, sizeof(s->ended), "%u/%u .%u", key->net, l->slot,
		 ntohl(l->ip) & 0xff);
}

/* The wall clock goes with the other one, until a row sets it. */
static __s64 on_wall(void *arg)
{
	const struct stage *s = arg;

	return (__s64)(fake.now_ns / 1000000000) + s->clock_s;
}

static void on_restored(void *arg, __u16 net)
{
	const struct stage *s = arg;

	assert_int_equal(dhcp_profiles_mark(s->profiles, &fake, net), 0);
}

static void stop_server(struct stage *s)
{
	dhcp_leases_free(s->leases);
	store_free(s->store);
	dhcp_profiles_free(s->profiles);
	s->leases = NULL;
	s->store = NULL;
	s->profiles = NULL;
}

static void start_server(struct stage *s)
{
	const struct dhcp_hooks hooks = { on_lock, on_unlock, on_left, on_ended, on_wall,
					 on_restored, s };

	stop_server(s);
	s->profiles = dhcp_profiles_new();
	s->store = store_new(store_file);
	assert_non_null(s->store);
	assert_int_equal(dhcp_leases_new(&fake, s->store, &hooks, &s->leases), 0);
	assert_int_equal(dhcp_leases_scan(s->leases, fake.now_ns), 0);
}

static void forget_disk(void)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	char path[sizeof(store_file) + 8];

	for (size_t i = 0; i < UNIT_N(suffixes); i++) {
		snprintf(path, sizeof(path), "%s%s", store_file, suffixes[i]);
		unlink(path);
	}
}

/* No file may grow: what the kernel says of it is what it says of a full disk, but for the number. */
static void disk_takes(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void set_stage(struct stage *s)
{
	static const __u8 blob[] = { 1, 4, 255, 255, 255, 0, 3, 4, 10, 20, 0, 1, 26, 2, 5, 220 };

	memset(&fake, 0, sizeof(fake));
	memset(s, 0, sizeof(*s));
	disk_takes(RLIM_INFINITY);
	forget_disk();
	fake.now_ns = START_NS;
	fake.network[NET] = (struct cv_network) {
		.mode = CV_MODE_NAT, .flags = CV_NET_DHCP, .subnet = script_ip(0),
		.netmask = htonl(0xffffff00), .gateway = script_ip(1), .lease_s = 3600, .mtu = 1500,
		.name = "net",
	};
	memcpy(fake.network[NET].gateway_mac, script_gateway_mac, 6);
	fake.options[NET].len = sizeof(blob);
	memcpy(fake.options[NET].bytes, blob, sizeof(blob));
	for (int i = 0; i < 3; i++) {
		struct cv_port *p = &fake.port[i + 1];

		p->net = NET;
		p->name[0] = (char)('a' + i);
		memcpy(p->mac, script_macs[i], 6);
	}
	start_server(s);
}

/* --- what is done */

static void operator_reserves(struct stage *s, const char *line)
{
	struct config_guest g = { 0 };
	struct config cfg = { .n_guests = 1, .guests = &g };
	char who[8], ip[16];

	assert_int_equal(sscanf(line, "%*s %7s %15s", who, ip), 2);
	g.ip = script_parse_ip(ip);
	g.has_mac = !strncmp(line, "reserve-mac", 11);
	strcpy(g.name, g.has_mac ? "other" : who);
	if (g.has_mac)
		memcpy(g.mac, script_macs[who[0] - 'A'], 6);
	assert_int_equal(dhcp_leases_reserve(s->leases, NET, &cfg), 0);
}

static void operator_sets_ip(const char *line, __u32 flags)
{
	unsigned int slot;
	char ip[16];

	assert_int_equal(sscanf(line, "%*s %u %15s", &slot, ip), 2);
	fake.port[slot].ip = script_parse_ip(ip);
	fake.port[slot].flags |= flags;
}

/* What `up` does for a guest that has no port yet. */
static void command_reserves(const char *line)
{
	struct cv_lease lease = { .state = CV_LEASE_BOUND, .flags = CV_LEASE_STATIC,
				  .expiry_boot_ns = ~0ULL, .horizon_boot_ns = ~0ULL };
	struct cv_lease_key key = { .net = NET };
	char who, ip[16];

	assert_int_equal(sscanf(line, "%*s %c %15s", &who, ip), 2);
	memcpy(key.mac, script_macs[who - 'A'], 6);
	lease.ip = script_parse_ip(ip);
	assert_int_equal(tables_lease_put(&fake, &key, &lease), 0);
}

/* The file; the port's `up` and daemon's reload have been. */
static void operator_configures(struct stage *s, const char *text)
{
	struct config cfg;
	char *error = NULL;

	if (config_parse("t", text, strlen(text), &cfg, &error))
		fail_msg("%s", error);
	assert_int_equal(dhcp_profiles_set(s->profiles, &fake, NET, &fake.network[NET], &cfg), 0);
	config_release(&cfg);
}

/* The client has sent RELEASE or DECLINE. */
static void kernel_sees_leaving(const char *line)
{
	struct cv_lease_key key = { .net = NET };
	struct fake_lease *f;

	memcpy(key.mac, script_macs[strrchr(line, ' ')[1] - 'A'], 6);
	f = fake_find(&fake, &key);
	assert_non_null(f);
	f->lease.state = CV_LEASE_LEAVING;
}

static void kernel_renews(const char *line)
{
	struct cv_lease_key key = { .net = NET };
	struct fake_lease *f;

	memcpy(key.mac, script_macs[strrchr(line, ' ')[1] - 'A'], 6);
	f = fake_find(&fake, &key);
	assert_non_null(f);
	f->lease.expiry_boot_ns = fake.now_ns + 3600000000000ULL;
	f->lease.flags |= CV_LEASE_DIRTY;
}

/* The maps are gone with the boot, the ports are there again. */
static void host_reboots(struct stage *s)
{
	memset(fake.lease, 0, sizeof(fake.lease));
	for (int slot = 1; slot < FAKE_PORTS; slot++)
		if (!(fake.port[slot].flags & CV_PORT_STATIC))
			fake.port[slot].ip = 0;
	start_server(s);
}

/* As schema version 1 had it, which does not say who asked by a relay. */
static void store_gets_old(struct stage *s)
{
	static const char sql[] = "ALTER TABLE lease DROP COLUMN via; PRAGMA user_version = 1";
	sqlite3 *db;

	assert_int_equal(dhcp_leases_scan(s->leases, fake.now_ns), 0);
	store_free(s->store);
	s->store = NULL;
	dhcp_leases_free(s->leases);
	s->leases = NULL;
	assert_int_equal(sqlite3_open(store_file, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
	start_server(s);
}

static void add_port(int slot)
{
	fake.port[slot].net = NET;
	fake.port[slot].name[0] = (char)('a' + slot - 1);
	memcpy(fake.port[slot].mac, script_macs[slot - 1], 6);
}

static void clear_leases(__u32 slot)
{
	for (size_t i = 0; i < FAKE_LEASES; i++)
		if (!slot || fake.lease[i].lease.slot == slot)
			memset(&fake.lease[i], 0, sizeof(fake.lease[i]));
}

/* What operators, commands, the kernel and fate do.  False: none of these. */
static bool do_step(struct stage *s, const char *line)
{
	const char *arg = strchr(line, ' ') ? strchr(line, ' ') + 1 : "";
	size_t len = strcspn(line, " ");

#define IS(word) (len == strlen(word) && !strncmp(line, word, len))
	if (IS("wait") || IS("tick"))
		fake.now_ns += strtoull(arg, NULL, 10) * 1000000000ULL;
	if (IS("tick"))
		assert_int_equal(dhcp_leases_scan(s->leases, fake.now_ns), 0);
	else if (IS("try-tick"))
		assert_int_not_equal(dhcp_leases_scan(s->leases, fake.now_ns), 0);
	else if (IS("commit-fails"))
		assert_int_not_equal(dhcp_leases_commit(s->leases, fake.now_ns), 0);
	else if (IS("batch") || IS("commit"))
		s->batch = IS("batch");
	else if (IS("disk-full"))
		disk_takes(0);
	else if (IS("disk-well"))
		disk_takes(RLIM_INFINITY);
	else if (IS("boot"))
		host_reboots(s);
	else if (IS("old-store"))
		store_gets_old(s);
	else if (IS("clock"))
		s->clock_s += atoi(arg);
	else if (IS("port"))
		add_port(atoi(arg));
	else if (IS("port-rm"))	/* as tables_port_clear() */
		memset(&fake.port[atoi(arg)], 0, sizeof(fake.port[0])), clear_leases((__u32)atoi(arg));
	else if (IS("down"))	/* as the command, all at once */
		memset(fake.port, 0, sizeof(fake.port)), clear_leases(0), fake.network[NET].mode = 0;
	else if (IS("up"))
		fake.network[NET].mode = CV_MODE_NAT;
	else if (IS("reserve") || IS("reserve-mac"))
		operator_reserves(s, line);
	else if (IS("static"))
		operator_sets_ip(line, CV_PORT_STATIC);
	else if (IS("half"))
		operator_sets_ip(line, 0);
	else if (IS("static-lease"))
		command_reserves(line);
	else if (IS("kernel-leaves"))
		kernel_sees_leaving(line);
	else if (IS("kernel-renews"))
		kernel_renews(line);
	else if (IS("remove"))
		memset(&fake.port[atoi(arg)], 0, sizeof(fake.port[0]));
	else if (IS("remove-network"))
		fake.network[NET].mode = 0;
	else if (IS("replace"))
		fake.port[atoi(arg)].mac[5] ^= 0x80;
	else if (IS("off"))
		fake.network[NET].flags = 0;
	else if (IS("small"))	/* .0/30: one guest */
		fake.network[NET].netmask = htonl(0xfffffffc), fake.port[3].ip = script_ip(3);
	else if (IS("file"))
		operator_configures(s, arg);
	else if (IS("relay"))
		fake.port[atoi(arg)].flags |= CV_PORT_RELAY | CV_PORT_STATIC,
		fake.port[atoi(arg)].ip = script_ip(9);
	else if (IS("rename"))
		strcpy(fake.network[NET].name, arg);
	else if (IS("no-blob"))
		fake.options[NET].len = 0;
	else if (IS("mtu"))
		fake.network[NET].mtu = (__u16)atoi(arg);
	else if (IS("lease-time"))
		fake.network[NET].lease_s = (__u32)atoi(arg);
	else if (IS("rapid-commit"))
		fake.network[NET].flags |= CV_NET_RAPID_COMMIT;
	else if (IS("restart"))
		start_server(s);
	else if (IS("fail"))
		fake.lease_put_error = atoi(arg);
	else if (IS("lock") || IS("unlock"))
		s->held = IS("lock");
	else
		return IS("wait");
	if (IS("commit"))
		assert_int_equal(dhcp_leases_commit(s->leases, fake.now_ns), 0);
#undef IS
	return true;
}

static void print_lease(FILE *f, const struct fake_lease *e)
{
	static const char *const states[] = { "", "offered", "bound", "suspended", "leaving" };
	long long expiry = (long long)(e->lease.expiry_boot_ns - fake.now_ns) / 1000000000;
	long long horizon = (long long)(e->lease.horizon_boot_ns - fake.now_ns) / 1000000000;

	if (dhcp_leases_is_declined(&e->key))
		fputs("declined=", f);
	else if (e->lease.flags & CV_LEASE_RELAYED)
		fprintf(f, "%02x=", e->key.mac[5]);
	else
		fprintf(f, "%c=", e->key.mac[5] - 10 + 'A');
	script_print_ip(f, e->lease.ip);
	if (e->lease.flags & CV_LEASE_STATIC)
		fprintf(f, " %s static ", states[e->lease.state]);
	else if (dhcp_leases_is_declined(&e->key))
		fprintf(f, " %llds ", horizon);
	else
		fprintf(f, " %s %llds/%llds ", states[e->lease.state], expiry < 0 ? 0 : expiry, horizon);
	if (e->lease.flags & CV_LEASE_DAEMON)
		fputs("daemon ", f);
	if (e->lease.hostname[0] && !dhcp_leases_is_declined(&e->key))
		fprintf(f, "%s ", e->lease.hostname);
}

static void print_maps(FILE *f)
{
	for (int slot = 1; slot < FAKE_PORTS; slot++) {
		if (!fake.port[slot].ip)
			continue;
		fprintf(f, "%d=", slot);
		script_print_ip(f, fake.port[slot].ip);
		fputc(' ', f);
	}
	for (size_t i = 0; i < FAKE_LEASES; i++)
		if (fake.lease[i].key.net && !dhcp_leases_is_marker(&fake.lease[i].key))
			print_lease(f, &fake.lease[i]);
}

static size_t count_leases(void)
{
	size_t n = 0;

	for (size_t i = 0; i < FAKE_LEASES; i++)
		n += fake.lease[i].key.net && !dhcp_leases_is_marker(&fake.lease[i].key);
	return n;
}

/* What a monitor is told of it: of each reply, and of no other thing. */
static enum cv_lease_news news_of(const struct dhcp_reply *reply, const char *line)
{
	bool renews = !strncmp(line, "renew", 5) || !strncmp(line, "rebind", 6);

	if (!reply->len && !strcmp(reply->why, "released"))
		return CV_LEASE_RELEASED_NEWS;
	if (!reply->len && !strncmp(reply->why, "declined:", 9))
		return CV_LEASE_DECLINED_NEWS;
	if (!reply->len || !strcmp(reply->why, "informed"))
		return CV_LEASE_NO_NEWS;
	if (reply->type == CV_DHCP_NAK)
		return CV_LEASE_REFUSED_NEWS;
	if (reply->type == CV_DHCP_OFFER)
		return CV_LEASE_OFFERED_NEWS;
	return renews ? CV_LEASE_RENEWED_NEWS : CV_LEASE_BOUND_NEWS;
}

static void check_news(const struct dhcp_reply *reply, const char *line)
{
	enum cv_lease_news news = news_of(reply, line);
	bool granted = news == CV_LEASE_OFFERED_NEWS || news == CV_LEASE_BOUND_NEWS ||
		       news == CV_LEASE_RENEWED_NEWS;

	assert_int_equal(reply->news, news);
	assert_int_equal(reply->lease_s, granted ? 3600 : 0);
}

/* Who gets no answer is counted by name, but for what needs none. */
static void check_drop(const struct dhcp_reply *reply)
{
	static const char *const fine[] = {
		"released", "declined", "another server was chosen", "renews with another server",
		"was granted again since",
	};
	bool needs_none = reply->len;

	for (size_t i = 0; i < UNIT_N(fine); i++)
		needs_none |= !strncmp(reply->why, fine[i], strlen(fine[i]));
	if (needs_none != !reply->drop)
		fail_msg("'%s' counts as %d", reply->why, reply->drop);
}

static void client_asks(struct stage *s, FILE *f, const char *line)
{
	struct script_frame frame = script_request(!strcmp(line, "cut") ? "discover" : line);
	struct cv_request req = { .net = NET, .slot = (__u32)script_who(line, "by") + 1,
				  .len = (__u16)frame.len, .boot_ns = fake.now_ns };
	struct dhcp_reply reply;
	char text[16];
	size_t size;
	int err, committed;

	memcpy(req.frame, frame.bytes, frame.len);
	if (script_arg(line, "slot", text, sizeof(text)))
		req.slot = (__u32)atoi(text);
	if (script_arg(line, "net", text, sizeof(text)))
		req.net = (__u16)atoi(text);
	if (script_arg(line, "old", text, sizeof(text)))
		req.boot_ns -= strtoull(text, NULL, 10) * 1000000000ULL;
	size = offsetof(struct cv_request, frame) + frame.len - !strcmp(line, "cut");
	err = dhcp_leases_prepare(s->leases, req.net, fake.now_ns);
	if (!err || err == -ENOENT)
		err = dhcp_server_answer(&(struct dhcp_server) { &fake, s->leases, s->profiles },
					 &req, size, fake.now_ns, &reply);
	committed = s->batch ? 0 : dhcp_leases_commit(s->leases, fake.now_ns);
	if (!err)
		err = committed;
	if (err) {
		fprintf(f, "error %d", err);
		return;
	}
	check_news(&reply, line);
	check_drop(&reply);
	if (reply.len)
		script_print_reply(f, reply.frame, reply.len, line);
	else
		fputs("nothing", f);
	fprintf(f, ": %s", reply.why);
}

static void run_step(struct stage *s, FILE *f, const char *line)
{
	if (!strcmp(line, "show"))
		print_maps(f);
	else if (!strcmp(line, "left"))
		fputs(s->left, f);
	else if (!strcmp(line, "ended"))
		fputs(s->ended, f);
	else if (!strcmp(line, "leases"))
		fprintf(f, "%zu", count_leases());
	else if (!strcmp(line, "cut") || !do_step(s, line))
		client_asks(s, f, line);
}

static void conversation_goes(void **state)
{
	const struct row *row = *state;
	struct stage s;

	set_stage(&s);
	for (int i = 0; i < STEPS && row->step[i]; i += 2) {
		char *got;
		size_t size;
		FILE *f = open_memstream(&got, &size);

		run_step(&s, f, row->step[i]);
		fclose(f);
		while (size && got[size - 1] == ' ')
			got[--size] = '\0';
		if (strcmp(got, row->step[i + 1]))
			fail_msg("%s\n  is   %s\n  want %s", row->step[i], got, row->step[i + 1]);
		free(got);
	}
	stop_server(&s);
}

/* --- a daemon that dies at every write in turn */

static const char *const life[] = {
	"discover want=.50", "select want=.50 server=.1",
	"discover by=B want=.51", "select by=B want=.51 server=.1",
	"renew ciaddr=.50", "decline want=.50 server=.1",
	"discover want=.60", "select want=.60 server=.1",
	"release by=B ciaddr=.51 server=.1",
	"discover by=C want=.51", "select by=C want=.51 server=.1",
};

/* Return: whether it lived. */
static bool live_through(struct stage *s, const char *line)
{
	char *got;
	size_t size;
	FILE *volatile f = open_memstream(&got, &size);
	bool lived = !setjmp(fake_death);

	if (lived)
		client_asks(s, f, line);
	fclose(f);
	free(got);
	return lived;
}

/* A lease that holds and its port agree; and no address is two clients'. */
static void check_bindings(void)
{
	for (size_t i = 0; i < FAKE_LEASES; i++) {
		const struct fake_lease *e = &fake.lease[i];

		if (!e->key.net || dhcp_leases_is_marker(&e->key))
			continue;
		if (e->lease.state == CV_LEASE_BOUND)
			assert_int_equal(fake.port[e->lease.slot].ip, e->lease.ip);
		for (size_t k = 0; k < i; k++)
			assert_true(!fake.lease[k].key.net || fake.lease[k].lease.ip != e->lease.ip);
	}
	for (int slot = 1; slot < FAKE_PORTS; slot++) {
		struct cv_lease_key key = { .net = NET };

		memcpy(key.mac, fake.port[slot].mac, 6);
		if (fake.port[slot].ip)
			assert_int_equal(fake_find(&fake, &key)->lease.ip, fake.port[slot].ip);
	}
}

static void check_end_of_life(void)
{
	assert_int_equal(fake.port[1].ip, script_ip(60));
	assert_int_equal(fake.port[2].ip, 0);
	assert_int_equal(fake.port[3].ip, script_ip(51));
}

static void death_between_any_two_writes_harms_nobody(void **state)
{
	struct stage s;
	int deaths = 0;

	for (int k = 0; !k || deaths == k; k++) {
		set_stage(&s);
		fake.mortal = true;
		fake.writes_left = k;
		for (size_t i = 0; i < UNIT_N(life); i++) {
			if (live_through(&s, life[i]))
				continue;
			deaths++;
			fake.mortal = false;
			s.locked = false;	/* the kernel gives back a dead one's */
			start_server(&s);
			check_bindings();
			assert_true(live_through(&s, life[i]));	/* asked again */
		}
		check_bindings();
		check_end_of_life();
		stop_server(&s);
	}
	assert_true(deaths > 12);	/* each of them was one write later */
}

/* Whatever bytes come, nothing breaks and nothing is leased to a stranger. */
static void damaged_requests_do_no_harm(void **state)
{
	struct script_frame frame = script_request("discover want=.50 host=abc id=0123456789");
	struct stage s;
	unsigned int seed = 1;

	set_stage(&s);
	for (int i = 0; i < 20000; i++) {
		struct cv_request req = { .net = NET, .slot = 1, .boot_ns = fake.now_ns };
		struct dhcp_reply reply;

		memcpy(req.frame, frame.bytes, frame.len);
		for (int k = 0; k < 1 + i % 4; k++)
			req.frame[14 + rand_r(&seed) % (frame.len - 14)] = (__u8)rand_r(&seed);
		req.len = (__u16)(i % 3 ? frame.len : rand_r(&seed) % frame.len);
		assert_int_equal(dhcp_server_answer(&(struct dhcp_server) { &fake, s.leases, s.profiles },
						    &req, sizeof(req), fake.now_ns, &reply), 0);
		if (dhcp_leases_changes(s.leases) % 16 == 0)	/* as batches go */
			assert_int_equal(dhcp_leases_commit(s.leases, fake.now_ns), 0);
		assert_true(count_leases() <= 1 || fake.lease[1].lease.state == CV_LEASE_SUSPENDED);
	}
	stop_server(&s);
}

int main(void)
{
	struct CMUnitTest tests[UNIT_N(rows) + 2], *end = tests;
	int failed;

	end = UNIT_ROWS(end, rows, conversation_goes);
	*end++ = (struct CMUnitTest) cmocka_unit_test(death_between_any_two_writes_harms_nobody);
	*end++ = (struct CMUnitTest) cmocka_unit_test(damaged_requests_do_no_harm);
	*strrchr(store_file, '/') = '\0';
	if (!mkdtemp(store_file))
		return 1;
	store_file[strlen(store_file)] = '/';
	failed = UNIT_RUN(tests, end);
	forget_disk();
	*strrchr(store_file, '/') = '\0';
	rmdir(store_file);
	return failed;
}
