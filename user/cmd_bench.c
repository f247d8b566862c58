// SPDX-License-Identifier: GPL-2.0-only
/*
 * culvert bench: finds a suite of the bench and becomes it.  The suites are
 * programs of their own, beside the build tree or in PREFIX/libexec/culvert/bench;
 * their options and exit statuses are theirs.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "log.h"
#include "mem.h"
#include "paths.h"

#define USAGE	"bench [SUITE [ARGUMENT]...]"

static const struct suite {
	const char *name, *takes, *about;
} suites[] = {
	{ "path", "2 min", "packets, TCP, latency, connects, new flows: against nft and bare redirects" },
	{ "unit", "30 s", "instructions per packet on Debian's kernels, exact on any machine" },
	{ "scale", "minutes", "many guests and many flows: rates, memory, time to come up" },
	{ "dhcp", "90 s", "DHCP against dnsmasq and Kea" },
};

static int list_suites(void)
{
	puts("culvert bench SUITE; each has --help. As root, on a machine that is otherwise quiet.\n");
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
		printf("  %-6s %-8s %s\n", suites[i].name, suites[i].takes, suites[i].about);
	return CLI_OK;
}

static bool is_suite(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
		if (!strcmp(name, suites[i].name))
			return true;
	return false;
}

/* This program's path, and the directory it lies in. */
static int find_self(char ret_path[PATH_MAX], char ret_dir[PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", ret_path, PATH_MAX - 1);
	char *slash;

	if (len < 0)
		return -errno;
	ret_path[len] = '\0';
	memcpy(ret_dir, ret_path, len + 1);
	slash = strrchr(ret_dir, '/');
	if (!slash)
		return -ENOENT;
	*(slash == ret_dir ? slash + 1 : slash) = '\0';
	return 0;
}

/* Whether @name lies in @dir; its path, as the kernel calls it, in @ret_path. */
static bool lies_in(const char *dir, const char *name, char ret_path[PATH_MAX])
{
	char path[PATH_MAX];

	return !paths_join(path, sizeof(path), dir, name) && realpath(path, ret_path) &&
	       !access(ret_path, X_OK);
}

/*
 * The suite's path, and in the environment what it needs to know: BUILD, where
 * the bench's programs are, and CULVERT_PROGRAM, this one.
 */
static int find_suite(const char *name, char ret_path[PATH_MAX])
{
	char self[PATH_MAX], bin[PATH_MAX], installed[PATH_MAX], tree[PATH_MAX];
	const char *given = getenv("CULVERT_BENCH");
	int err;

	err = find_self(self, bin);
	if (!err)
		err = paths_join(installed, sizeof(installed), bin, "../libexec/culvert/bench");
	if (!err)
		err = paths_join(tree, sizeof(tree), bin, "../tools/bench");
	if (err)
		return log_ret(err, "cannot tell where this program lies");
	setenv("CULVERT_PROGRAM", self, 1);
	if (given) {
		if (lies_in(given, name, ret_path))
			return 0;
		log_error("no suite '%s' in '%s', as CULVERT_BENCH says", name, given);
		return -ENOENT;
	}
	if (lies_in(installed, name, ret_path)) {
		setenv("BUILD", installed, 1);
		return 0;
	}
	if (lies_in(tree, name, ret_path)) {
		setenv("BUILD", bin, 1);
		return 0;
	}
	log_error("the suite '%s' is not installed: neither in '%s' nor in '%s'", name, installed, tree);
	log_error("'make install' in culvert's source installs path, scale and dhcp; there, build/culvert bench has all");
	return -ENOENT;
}

int cmd_bench(int argc, char **argv)
{
	char path[PATH_MAX];
	int code;

	if (!argc)
		return list_suites();
	/* What follows the suite is its own. */
	if (argv[0][0] == '-') {
		cli_parse(1, argv, USAGE, "Measure culvert on this machine, beside what it replaces.",
			  NULL, 1, 1, NULL, &code);
		return code;
	}
	if (!is_suite(argv[0])) {
		log_error("no suite '%s': 'culvert bench' lists them", argv[0]);
		return CLI_USAGE;
	}
	if (find_suite(argv[0], path))
		return CLI_FAILED;
	argv[0] = path;
	execv(path, argv);
	log_error("cannot run '%s': %s", path, strerror(errno));
	return CLI_FAILED;
}
