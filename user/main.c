// SPDX-License-Identifier: GPL-2.0-only
/* culvert VERB: finds the command and runs it. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "log.h"
#include "mem.h"

static const struct cli_command commands[] = {
	{ "up",		"make or converge a network",			cmd_up },
	{ "down",	"remove a network, verify, name who holds on",	cmd_down },
	{ "ls",		"list networks",				cmd_ls },
	{ "show",	"everything about one network",			cmd_show },
	{ "run",	"start a virtual machine on a network",		cmd_run },
	{ "exec",	"run a command in a network's namespace",	cmd_exec },
	{ "port add",	"give a guest a port: a TAP, or a veth",	cmd_port_add },
	{ "port rm",	"remove a port",				cmd_port_rm },
	{ "port ls",	"list ports",					cmd_port_ls },
	{ "forward add", "open a port of the host for a guest",		cmd_forward_add },
	{ "forward rm",	"close it for new connections",			cmd_forward_rm },
	{ "forward ls",	"list port forwards",				cmd_forward_ls },
	{ "policy show", "list a network's rules, and what counts without one", cmd_policy_show },
	{ "policy test", "may a packet open a flow, and which rule says so", cmd_policy_test },
	{ "lease ls",	"list DHCP leases",				cmd_lease_ls },
	{ "lease add",	"keep an address for a guest",			cmd_lease_add },
	{ "lease rm",	"end a lease or a reservation",			cmd_lease_rm },
	{ "lease export", "print leases as JSON",			cmd_lease_export },
	{ "lease import", "take over leases of a file",			cmd_lease_import },
	{ "flow ls",	"list flows",					cmd_flow_ls },
	{ "flow flush",	"forget flows",					cmd_flow_flush },
	{ "flow count",	"count flows",					cmd_flow_count },
	{ "monitor",	"print flows, refusals and leases as they happen", cmd_monitor },
	{ "stats",	"packets, bytes and drops of each guest",	cmd_stats },
	{ "doctor",	"check kernel, hooks, uplinks, daemon, residue", cmd_doctor },
	{ "serve",	"the daemon: DHCP of clients not yet known",	cmd_serve },
	{ "bench",	"measure it on this machine, beside nft and others", cmd_bench },
	{ "version",	"version, kernel and layout",			cmd_version },
};

static void print_help(void)
{
	puts("usage: culvert [-v] COMMAND [ARGUMENT]...\n\n"
	     "Networks for virtual machines: a namespace each, NAT and DHCP by eBPF.\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-12s %s\n", commands[i].name, commands[i].help);
	puts("\n  -v           say more, on standard error\n\n"
	     "'culvert COMMAND --help' tells a command's options; culvert(8) the rest.");
}

/* How many words of @argv name @cmd; 0: they do not. */
static int match(const struct cli_command *cmd, int argc, char **argv)
{
	const char *space = strchr(cmd->name, ' ');
	size_t len = space ? (size_t)(space - cmd->name) : strlen(cmd->name);

	if (strlen(argv[0]) != len || strncmp(argv[0], cmd->name, len))
		return 0;
	if (!space)
		return 1;
	return argc > 1 && !strcmp(argv[1], space + 1) ? 2 : 0;
}

/* Letters that differ, roughly: enough to guess what was meant. */
static size_t distance(const char *a, const char *b)
{
	size_t prefix = 0, n_a = strlen(a), n_b = strcspn(b, " ");

	while (prefix < n_a && prefix < n_b && a[prefix] == b[prefix])
		prefix++;
	while (n_a > prefix && n_b > prefix && a[n_a - 1] == b[n_b - 1])
		n_a--, n_b--;
	return (n_a > n_b ? n_a : n_b) - prefix;
}

/* The first of two words was right: tell the second ones. */
static int incomplete(const char *word)
{
	char list[128] = "";
	size_t len = 0, n = strlen(word);

	for (size_t i = 0; i < ARRAY_SIZE(commands) && len < sizeof(list); i++)
		if (!strncmp(commands[i].name, word, n) && commands[i].name[n] == ' ')
			len += snprintf(list + len, sizeof(list) - len, "%s'%s'", len ? ", " : "",
					commands[i].name);
	log_error("which '%s' command? %s", word, list);
	return CLI_USAGE;
}

static int unknown(const char *word)
{
	const struct cli_command *best = NULL;
	size_t least = 3;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		size_t d = distance(word, commands[i].name);

		if (d < least) {
			least = d;
			best = &commands[i];
		}
	}
	if (!least)
		return incomplete(word);
	if (best)
		log_error("unknown command '%s'; did you mean '%s'?", word, best->name);
	else
		log_error("unknown command '%s': see 'culvert --help'", word);
	return CLI_USAGE;
}

int main(int argc, char **argv)
{
	argc--, argv++;
	if (argc && (!strcmp(argv[0], "-v") || !strcmp(argv[0], "--verbose"))) {
		log_set_level(LOG_LEVEL_DEBUG);
		argc--, argv++;
	}
	if (!argc) {
		log_error("which command? see 'culvert --help'");
		return CLI_USAGE;
	}
	if (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h") || !strcmp(argv[0], "help")) {
		print_help();
		return CLI_OK;
	}
	if (!strcmp(argv[0], "--version"))
		return cmd_version(0, argv + argc);

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		int words = match(&commands[i], argc, argv);

		if (words)
			return commands[i].run(argc - words, argv + words);
	}
	return unknown(argv[0]);
}
