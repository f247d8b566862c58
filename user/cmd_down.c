// SPDX-License-Identifier: GPL-2.0-only
/* culvert down: one network, or all of this host. */
#include "cli.h"
#include "log.h"
#include "network.h"

struct all {
	bool force;
	bool failed;
};

/* One that is in use keeps nobody from taking the others down. */
static int down_one(const char *name, void *arg)
{
	struct all *all = arg;

	if (network_down(name, all->force))
		all->failed = true;
	return 0;
}

int cmd_down(int argc, char **argv)
{
	bool every = false, force = false;
	const struct cli_option options[] = {
		{ 0, "all", CLI_FLAG, &every, NULL, "all networks of this host" },
		{ 0, "force", CLI_FLAG, &force, NULL, "also when a guest still runs on it" },
		{ 0 }
	};
	struct all all;
	int operands, exit_code;

	operands = cli_parse(argc, argv, "down NET|--all [--force]",
			     "Remove a network with everything culvert made for it, and verify that it is gone.",
			     options, 0, 1, NULL, &exit_code);
	if (operands < 0)
		return exit_code;
	if (every == (operands == 1)) {
		log_error(every ? "--all and the name of a network exclude each other" :
			  "which network? name it, or say --all");
		return CLI_USAGE;
	}
	if (!every)
		return network_down(argv[0], force) ? CLI_FAILED : CLI_OK;
	all = (struct all) { .force = force };
	return network_each_name(down_one, &all) || network_clean() || all.failed ?
	       CLI_FAILED : CLI_OK;
}
