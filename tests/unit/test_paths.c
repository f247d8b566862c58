// SPDX-License-Identifier: GPL-2.0-only
/* Where state lives, who is at work there, and what is remembered of a network. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "addr.h"
#include "lock.h"
#include "paths.h"
#include "state.h"

static char root[] = "/tmp/culvert-test-XXXXXX";
static char run_dir[64];

/* --- paths */

static void environment_says_where(void **state)
{
	static const struct {
		const char *variable, *fallback;
		const char *(*get)(void);
	} places[] = {
		{ "CULVERT_RUN", "/run/culvert", paths_run },
		{ "CULVERT_STATE", "/var/lib/culvert", paths_state },
		{ "CULVERT_BPF", "/sys/fs/bpf/culvert", paths_bpf },
		{ "CULVERT_CONF", "/etc/culvert", paths_conf },
		{ "CULVERT_NETNS_CONF", "/etc/netns", paths_netns_conf },
	};

	for (size_t i = 0; i < UNIT_N(places); i++) {
		unsetenv(places[i].variable);
		assert_string_equal(places[i].get(), places[i].fallback);
		setenv(places[i].variable, "", 1);
		assert_string_equal(places[i].get(), places[i].fallback);
		setenv(places[i].variable, "relative", 1);
		assert_string_equal(places[i].get(), places[i].fallback);
		setenv(places[i].variable, "/x/y", 1);
		assert_string_equal(places[i].get(), "/x/y");
		unsetenv(places[i].variable);
	}
	setenv("CULVERT_RUN", run_dir, 1);
}

static void joined_paths_are_whole_or_refused(void **state)
{
	char buf[8];

	assert_int_equal(paths_join(buf, sizeof(buf), "/a", "bcde"), 0);
	assert_string_equal(buf, "/a/bcde");
	assert_int_equal(paths_join(buf, sizeof(buf), "/a", "bcdef"), -ENAMETOOLONG);
}

static void directories_are_made_with_their_parents(void **state)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/a/b/c", root);
	assert_int_equal(paths_mkdir(path, 0700), 0);
	assert_int_equal(paths_mkdir(path, 0700), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	for (int i = 0; i < 3; i++) {
		rmdir(path);
		*strrchr(path, '/') = '\0';
	}
	snprintf(path, sizeof(path), "/proc/nonexistent/x");
	assert_int_not_equal(paths_mkdir(path, 0700), 0);
}

/* --- locks: each question is asked by another process, as flock() wants it */

static int in_child(int (*question)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(question());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int try_lock(void)
{
	int fd, err = lock_try(NULL, &fd);

	return err == -EAGAIN ? 1 : err ? 2 : 0;
}

static int is_held(void)
{
	return lock_held("lock");
}

static void a_lock_is_held_by_one(void **state)
{
	int fd;

	assert_int_equal(in_child(is_held), 0);	/* not even a directory */
	assert_int_equal(lock_take(&fd), 0);
	assert_int_equal(in_child(try_lock), 1);
	assert_int_equal(in_child(is_held), 1);
	close(fd);
	assert_int_equal(in_child(is_held), 0);
	assert_int_equal(in_child(try_lock), 0);
}

static void a_removed_lock_is_made_anew(void **state)
{
	int old, new;

	assert_int_equal(lock_take(&old), 0);
	lock_remove();
	assert_int_equal(lock_try(NULL, &new), 0);	/* another file: not ours, but the one that counts */
	assert_int_equal(in_child(try_lock), 1);
	close(old);
	assert_int_equal(in_child(try_lock), 1);
	close(new);
	lock_remove();
}

static void locks_have_names(void **state)
{
	char path[128];
	int fd;

	assert_int_equal(lock_try("serve.lock", &fd), 0);
	assert_int_equal(in_child(try_lock), 0);
	assert_true(lock_held("serve.lock"));
	close(fd);
	snprintf(path, sizeof(path), "%s/serve.lock", run_dir);
	unlink(path);
	lock_remove();
}

/* --- what `up` remembers reads as what it was told */

struct state_row {
	const char *name, *text;
};

static const struct state_row state_rows[] = {
	{ "defaults", "subnet: 10.20.0.0/24\n" },
	{ "isolated", "{ subnet: 10.20.0.0/24, mode: isolated, isolate: true }\n" },
	{ "one uplink", "{ subnet: 10.20.0.0/24, uplink: eth0 }\n" },
	{ "odd names of uplinks", "{ subnet: 10.20.0.0/24, uplink: ['eth0', 'a#b', 'null', '1'] }\n" },
	{ "no DHCP", "{ subnet: 10.20.0.0/24, dhcp: { enable: no } }\n" },
	{ "no DNS", "{ subnet: 10.20.0.0/24, dhcp: { dns: none, lease: 90s } }\n" },
	{ "names served", "{ subnet: 10.20.0.0/24, dhcp: { dns: serve } }\n" },
	{ "names served below a domain", "{ subnet: 10.20.0.0/24, dhcp: { dns: serve, domain: lab.vm } }\n" },
	{ "DNS and domain", "{ subnet: 10.20.0.0/24, dhcp: { dns: [1.1.1.1, 9.9.9.9], domain: yes } }\n" },
	{ "guests", "subnet: 10.20.0.0/24\nguests:\n- { name: 'true', ip: .10, mac: '52:54:00:00:00:0a' }\n- name: '123'\n" },
};

static void assert_same_guests(const struct config *a, const struct config *b)
{
	assert_int_equal(a->n_guests, b->n_guests);
	for (size_t i = 0; i < a->n_guests; i++) {
		assert_string_equal(a->guests[i].name, b->guests[i].name);
		assert_memory_equal(a->guests[i].mac, b->guests[i].mac, 6);
		assert_int_equal(a->guests[i].has_mac, b->guests[i].has_mac);
		assert_int_equal(a->guests[i].ip, b->guests[i].ip);
	}
}

static void assert_same_network(const struct config *a, const struct config *b)
{
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->subnet_auto, b->subnet_auto);
	assert_int_equal(a->subnet, b->subnet);
	assert_int_equal(a->netmask, b->netmask);
	assert_int_equal(a->n_uplinks, b->n_uplinks);
	assert_memory_equal(a->uplinks, b->uplinks, a->n_uplinks * sizeof(a->uplinks[0]));
	assert_int_equal(a->isolate, b->isolate);
	assert_int_equal(a->dhcp, b->dhcp);
	assert_int_equal(a->lease_s, b->lease_s);
	assert_int_equal(a->dns_host, b->dns_host);
	assert_int_equal(a->dns_serve, b->dns_serve);
	assert_int_equal(a->n_dns, b->n_dns);
	assert_memory_equal(a->dns, b->dns, a->n_dns * sizeof(a->dns[0]));
	assert_string_equal(a->domain, b->domain);
}

static void a_saved_network_reads_the_same(void **state)
{
	const struct state_row *row = *state;
	struct config cfg, back;
	char *error;

	assert_int_equal(config_parse("t", row->text, strlen(row->text), &cfg, &error), 0);
	paths_mkdir(run_dir, 0700);
	assert_int_equal(state_save_config("lab", &cfg), 1);
	assert_int_equal(state_save_config("lab", &cfg), 0);	/* nothing new */
	assert_int_equal(state_load_config("lab", &back), 0);
	assert_same_guests(&cfg, &back);
	assert_same_network(&cfg, &back);
	config_release(&cfg);
	config_release(&back);
	state_remove("lab");
	assert_int_equal(state_load_config("lab", &back), -ENOENT);
}

static void uplinks_are_remembered(void **state)
{
	static const char names[][16] = { "eth0", "abcdefghijklmno" };
	char back[CONFIG_MAX_UPLINKS][16];
	unsigned int n;

	paths_mkdir(run_dir, 0700);
	assert_int_equal(state_load_uplinks("lab", back, &n), -ENOENT);
	assert_int_equal(state_save_uplinks("lab", names, 2), 1);
	assert_int_equal(state_save_uplinks("lab", names, 2), 0);
	assert_int_equal(state_load_uplinks("lab", back, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(back[0], names[0]);
	assert_string_equal(back[1], names[1]);
	state_remove("lab");
	state_remove_dir();
	assert_int_not_equal(access(run_dir, F_OK), 0);
}

int main(void)
{
	struct CMUnitTest tests[UNIT_N(state_rows) + 8], *end = tests;
	const struct CMUnitTest before[] = {
		cmocka_unit_test(environment_says_where),
		cmocka_unit_test(joined_paths_are_whole_or_refused),
		cmocka_unit_test(directories_are_made_with_their_parents),
		cmocka_unit_test(a_lock_is_held_by_one),
		cmocka_unit_test(a_removed_lock_is_made_anew),
		cmocka_unit_test(locks_have_names),
	};
	int failed;

	if (!mkdtemp(root))
		return 1;
	snprintf(run_dir, sizeof(run_dir), "%s/run", root);
	for (size_t i = 0; i < UNIT_N(before); i++)
		*end++ = before[i];
	end = UNIT_ROWS(end, state_rows, a_saved_network_reads_the_same);
	*end++ = (struct CMUnitTest) cmocka_unit_test(uplinks_are_remembered);
	failed = UNIT_RUN(tests, end);
	rmdir(root);
	return failed;
}
