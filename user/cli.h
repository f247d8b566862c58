/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Commands and their options as tables; --help is made from the same rows.
 *
 * Exit codes: 0 done, 1 failed, 2 usage, 3 differs or degraded; of the bench 4, too.
 */
#ifndef CULVERT_CLI_H
#define CULVERT_CLI_H

#include <stdbool.h>

enum { CLI_OK, CLI_FAILED, CLI_USAGE, CLI_DEGRADED };

enum cli_type { CLI_FLAG, CLI_STRING, CLI_UINT, CLI_LIST };

/* What an option that may be given several times was given. */
#define CLI_LIST_MAX 64
struct cli_list {
	unsigned int n;
	const char *values[CLI_LIST_MAX];
};

struct cli_option {
	char short_name;	/* 0: none */
	const char *long_name;
	enum cli_type type;
	void *value;		/* bool *, const char **, unsigned int *, struct cli_list * */
	const char *arg;	/* "CIDR"; NULL for a flag */
	const char *help;
};

/**
 * cli_parse() - read options, which may stand between the operands
 * @usage: "port add NET NAME [OPTION]..."
 * @about: one sentence
 * @options: ends with a row of zeros; --help, and -o/--output when @ret_json
 *	is not NULL, are added
 * @min_operands, @max_operands: how many operands may be left; after "--"
 *	everything is an operand
 *
 * Return: number of operands, moved to the front of @argv, or -1 when the
 * program should exit with *ret_exit (after --help or a usage error, which is printed).
 */
int cli_parse(int argc, char **argv, const char *usage, const char *about,
	      const struct cli_option *options, int min_operands,
	      int max_operands, bool *ret_json, int *ret_exit);

struct cli_command {
	const char *name;	/* "port add" or "up" */
	const char *help;
	int (*run)(int argc, char **argv);	/* argv[0] is the first word after the name */
};

int cmd_up(int argc, char **argv);
int cmd_down(int argc, char **argv);
int cmd_ls(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_port_add(int argc, char **argv);
int cmd_port_rm(int argc, char **argv);
int cmd_port_ls(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_forward_add(int argc, char **argv);
int cmd_forward_rm(int argc, char **argv);
int cmd_forward_ls(int argc, char **argv);
int cmd_policy_show(int argc, char **argv);
int cmd_policy_test(int argc, char **argv);
int cmd_lease_ls(int argc, char **argv);
int cmd_lease_add(int argc, char **argv);
int cmd_lease_rm(int argc, char **argv);
int cmd_lease_export(int argc, char **argv);
int cmd_lease_import(int argc, char **argv);
int cmd_flow_ls(int argc, char **argv);
int cmd_flow_flush(int argc, char **argv);
int cmd_flow_count(int argc, char **argv);
int cmd_monitor(int argc, char **argv);
int cmd_stats(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
