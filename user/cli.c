// SPDX-License-Identifier: GPL-2.0-only
/* Options from tables: getopt_long() does the reading, the rows do the rest. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "log.h"

#define MAX_OPTIONS 24
#define LONG_BASE 256	/* val of an option without a short name: LONG_BASE + row */

static const struct cli_option help_row = { 'h', "help", CLI_FLAG, NULL, NULL, "show this text" };
static const struct cli_option output_row = { 'o', "output", CLI_STRING, NULL, "FORMAT",
					      "text (default) or json" };

/* All rows of a command, and the same as getopt_long() wants them. */
struct cli_table {
	struct cli_option rows[MAX_OPTIONS];
	int n_rows;
	struct option longs[MAX_OPTIONS + 1];
	char shorts[2 * MAX_OPTIONS + 2];
	const char *output;
};

static void add_row(struct cli_table *t, const struct cli_option *row)
{
	struct option *o = &t->longs[t->n_rows];
	size_t n = strlen(t->shorts);

	o->name = row->long_name;
	o->has_arg = row->type == CLI_FLAG ? no_argument : required_argument;
	o->val = row->short_name ? row->short_name : LONG_BASE + t->n_rows;
	if (row->short_name)
		snprintf(t->shorts + n, sizeof(t->shorts) - n, "%c%s", row->short_name,
			 row->type == CLI_FLAG ? "" : ":");
	t->rows[t->n_rows++] = *row;
}

static void make_table(struct cli_table *t, const struct cli_option *options, bool json)
{
	memset(t, 0, sizeof(*t));
	strcpy(t->shorts, ":");	/* tell a missing argument from an unknown option */
	for (; options && options->long_name && t->n_rows < MAX_OPTIONS - 2; options++)
		add_row(t, options);
	if (json)
		add_row(t, &output_row);
	add_row(t, &help_row);
}

static void print_help(const struct cli_table *t, const char *usage, const char *about)
{
	printf("usage: culvert %s\n\n%s\n\n", usage, about);
	for (int i = 0; i < t->n_rows; i++) {
		const struct cli_option *row = &t->rows[i];
		char left[64], dash[8] = "    ";

		if (row->short_name)
			snprintf(dash, sizeof(dash), "-%c, ", row->short_name);
		snprintf(left, sizeof(left), "%s--%s%s%s", dash, row->long_name,
			 row->arg ? " " : "", row->arg ? row->arg : "");
		printf("  %-26s %s\n", left, row->help);
	}
}

static int usage_error(const char *usage, const char *what, const char *arg)
{
	log_error("%s%s%s%s", what, *arg ? " '" : "", arg, *arg ? "'" : "");
	fprintf(stderr, "usage: culvert %s\n", usage);
	return CLI_USAGE;
}

static int read_uint(const char *text, unsigned int *ret)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-' || n > 0xffffffffUL)
		return -EINVAL;
	*ret = n;
	return 0;
}

static int append(struct cli_list *list, const char *arg)
{
	if (list->n == CLI_LIST_MAX)
		return -E2BIG;
	list->values[list->n++] = arg;
	return 0;
}

/* Return: 0, -EINVAL for a bad number, or -E2BIG for one too many. */
static int store(struct cli_table *t, int val, const char *arg)
{
	const struct cli_option *row = NULL;

	for (int i = 0; i < t->n_rows && !row; i++)
		if (t->longs[i].val == val)
			row = &t->rows[i];
	if (!row)
		return -EINVAL;
	if (row->type == CLI_UINT)
		return read_uint(arg, row->value);
	if (row->type == CLI_LIST)
		return append(row->value, arg);
	if (row->type == CLI_FLAG)
		*(bool *)row->value = true;
	else
		*(const char **)(row->value ? row->value : &t->output) = arg;
	return 0;
}

/* Return: 0, or -1 when the program should exit with *ret_exit. */
static int read_options(struct cli_table *t, int argc, char **argv, const char *usage,
			const char *about, int *ret_exit)
{
	int val;

	optind = 0;
	opterr = 0;
	while ((val = getopt_long(argc, argv, t->shorts, t->longs, NULL)) != -1) {
		if (val == 'h') {
			print_help(t, usage, about);
			*ret_exit = CLI_OK;
			return -1;
		}
		if (val == '?' && optopt && optopt < LONG_BASE && !strchr(t->shorts, optopt)) {
			char text[3] = { '-', optopt };

			*ret_exit = usage_error(usage, "unknown option", text);
			return -1;
		}
		if (val == '?' || val == ':') {
			*ret_exit = usage_error(usage, val == ':' ? "argument missing for" : optopt ?
						"no argument is taken by" : "unknown option",
						argv[optind - 1]);
			return -1;
		}
		switch (store(t, val, optarg)) {
		case 0:
			break;
		case -E2BIG:
			*ret_exit = usage_error(usage, "one too many:", optarg);
			return -1;
		default:
			*ret_exit = usage_error(usage, "not a number:", optarg);
			return -1;
		}
	}
	return 0;
}

static int read_output(const char *text, const char *usage, bool *ret_json, int *ret_exit)
{
	if (!text || !strcmp(text, "text") || !strcmp(text, "json")) {
		*ret_json = text && *text == 'j';
		return 0;
	}
	*ret_exit = usage_error(usage, "output is text or json, not", text);
	return -1;
}

int cli_parse(int argc, char **argv, const char *usage, const char *about,
	      const struct cli_option *options, int min_operands,
	      int max_operands, bool *ret_json, int *ret_exit)
{
	char *args[argc + 2];	/* getopt wants a name before the first word */
	struct cli_table t;
	int n;

	args[0] = "culvert";
	memcpy(args + 1, argv, argc * sizeof(*argv));
	args[argc + 1] = NULL;
	make_table(&t, options, ret_json);
	if (read_options(&t, argc + 1, args, usage, about, ret_exit))
		return -1;
	if (ret_json && read_output(t.output, usage, ret_json, ret_exit))
		return -1;

	n = argc + 1 - optind;
	if (n < min_operands || n > max_operands) {
		*ret_exit = n < min_operands ? usage_error(usage, "operand missing", "") :
			    usage_error(usage, "one operand too many:", args[optind + max_operands]);
		return -1;
	}
	memcpy(argv, args + optind, n * sizeof(*argv));
	if (n < argc)
		argv[n] = NULL;
	return n;
}
