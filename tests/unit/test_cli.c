// SPDX-License-Identifier: GPL-2.0-only
/* How a command line is read: options anywhere, -- ends them, errors are usage. */
#include "unit.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#define WORDS 10

struct cli_row {
	const char *name;
	const char *words[WORDS];
	const char *result;	/* "operands | force name queues json", or "exit N" */
};

static const struct cli_row cli_rows[] = {
	{ "nothing but an operand", { "lab" }, "lab | - - 7 text" },
	{ "two operands", { "lab", "web" }, "lab web | - - 7 text" },
	{ "options before", { "--force", "--name", "vm", "lab" }, "lab | force vm 7 text" },
	{ "options after", { "lab", "--force", "--name", "vm" }, "lab | force vm 7 text" },
	{ "options between", { "lab", "--name", "vm", "web" }, "lab web | - vm 7 text" },
	{ "short options", { "-f", "-n", "vm", "lab" }, "lab | force vm 7 text" },
	{ "short options together", { "-fnvm", "lab" }, "lab | force vm 7 text" },
	{ "option with =", { "--name=vm", "lab" }, "lab | - vm 7 text" },
	{ "abbreviated option", { "--que", "3", "lab" }, "lab | - - 3 text" },
	{ "number", { "--queues", "4294967295", "lab" }, "lab | - - 4294967295 text" },
	{ "json", { "-o", "json", "lab" }, "lab | - - 7 json" },
	{ "json in full", { "lab", "--output=json" }, "lab | - - 7 json" },
	{ "text", { "-o", "text", "lab" }, "lab | - - 7 text" },
	{ "the last of two counts", { "--name", "a", "--name", "b", "lab" }, "lab | - b 7 text" },
	{ "after -- everything is an operand", { "--", "--force", "-x" }, "--force -x | - - 7 text" },
	{ "-- after operands", { "lab", "--", "-x" }, "lab -x | - - 7 text" },
	{ "a lone hyphen is an operand", { "-" }, "- | - - 7 text" },
	{ "empty operand", { "" }, " | - - 7 text" },
	{ "help", { "--help" }, "exit 0" },
	{ "help before errors that follow", { "-h", "--wrong" }, "exit 0" },
	{ "operand missing", { NULL }, "exit 2" },
	{ "operand missing, with options", { "--force" }, "exit 2" },
	{ "too many operands", { "a", "b", "c" }, "exit 2" },
	{ "unknown option", { "lab", "--wrong" }, "exit 2" },
	{ "unknown short option", { "lab", "-x" }, "exit 2" },
	{ "argument missing", { "lab", "--name" }, "exit 2" },
	{ "short option without argument", { "lab", "-n" }, "exit 2" },
	{ "flag with an argument", { "lab", "--force=yes" }, "exit 2" },
	{ "number that is none", { "lab", "--queues", "many" }, "exit 2" },
	{ "number below zero", { "lab", "--queues", "-1" }, "exit 2" },
	{ "number too large", { "lab", "--queues", "4294967296" }, "exit 2" },
	{ "number with more behind", { "lab", "--queues", "2x" }, "exit 2" },
	{ "empty number", { "lab", "--queues", "" }, "exit 2" },
	{ "output that is none", { "lab", "-o", "xml" }, "exit 2" },
};

/* What the parser prints must not stand among the TAP lines. */
static int mute(int fd)
{
	int saved = dup(fd), null = open("/dev/null", O_WRONLY);

	fflush(NULL);
	dup2(null, fd);
	close(null);
	return saved;
}

static void unmute(int fd, int saved)
{
	fflush(NULL);
	dup2(saved, fd);
	close(saved);
}

static void command_line_is_read(void **state)
{
	const struct cli_row *row = *state;
	char *argv[WORDS + 1] = { NULL }, got[256] = "";
	const char *name = "-";
	unsigned int queues = 7;
	bool force = false, json = true;
	const struct cli_option options[] = {
		{ 'f', "force", CLI_FLAG, &force, NULL, "do it" },
		{ 'n', "name", CLI_STRING, &name, "NAME", "of the guest" },
		{ 0, "queues", CLI_UINT, &queues, "N", "how many" },
		{ 0 }
	};
	int argc = 0, n, code = -1, out, err;

	for (; row->words[argc]; argc++)
		argv[argc] = (char *)(uintptr_t)row->words[argc];
	out = mute(1);
	err = mute(2);
	n = cli_parse(argc, argv, "test NET", "A test.", options, 1, 2, &json, &code);
	unmute(1, out);
	unmute(2, err);
	if (n < 0)
		snprintf(got, sizeof(got), "exit %d", code);
	for (int i = 0; i < n; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s ", argv[i]);
	if (n >= 0)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "| %s %s %u %s",
			 force ? "force" : "-", name, queues, json ? "json" : "text");
	assert_string_equal(got, row->result);
}

static void help_names_every_option(void **state)
{
	bool force = false, json;
	const struct cli_option options[] = {
		{ 'f', "force", CLI_FLAG, &force, NULL, "do it" },
		{ 0 }
	};
	char *argv[] = { (char *)(uintptr_t)"--help", NULL }, text[1024] = "";
	char path[] = "/tmp/culvert-test-XXXXXX";
	int fd = mkstemp(path), saved = dup(1), code;

	assert_true(fd >= 0);
	unlink(path);
	fflush(stdout);
	dup2(fd, 1);
	assert_int_equal(cli_parse(1, argv, "test NET", "A test.", options, 1, 1, &json, &code), -1);
	unmute(1, saved);
	assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
	close(fd);
	assert_int_equal(code, 0);
	assert_non_null(strstr(text, "usage: culvert test NET"));
	assert_non_null(strstr(text, "A test."));
	assert_non_null(strstr(text, "-f, --force"));
	assert_non_null(strstr(text, "-o, --output FORMAT"));
	assert_non_null(strstr(text, "-h, --help"));
}

/* Given @n times, with one operand.  Return: what cli_parse() does; an error's code in *ret_exit. */
static int parse_list(unsigned int n, struct cli_list *list, int *ret_exit)
{
	static const char *const words[] = { "first", "second" };
	const struct cli_option options[] = {
		{ 'p', "publish", CLI_LIST, list, "SPEC", "a port" },
		{ 0 }
	};
	char *argv[2 * CLI_LIST_MAX + 4] = { (char *)(uintptr_t)"lab" };
	int argc = 1, err, ret;

	for (unsigned int i = 0; i < n; i++) {
		argv[argc++] = (char *)(uintptr_t)"-p";
		argv[argc++] = (char *)(uintptr_t)words[i > 0];
	}
	err = mute(2);
	ret = cli_parse(argc, argv, "test NET", "A test.", options, 1, 1, NULL, ret_exit);
	unmute(2, err);
	return ret;
}

static void list_keeps_all_values(void **state)
{
	struct cli_list list = { 0 };
	int code;

	assert_int_equal(parse_list(0, &list, &code), 1);
	assert_int_equal(list.n, 0);
	assert_int_equal(parse_list(CLI_LIST_MAX, &list, &code), 1);
	assert_int_equal(list.n, CLI_LIST_MAX);
	assert_string_equal(list.values[0], "first");
	assert_string_equal(list.values[CLI_LIST_MAX - 1], "second");
}

static void list_has_an_end(void **state)
{
	struct cli_list list = { 0 };
	int code = -1;

	assert_int_equal(parse_list(CLI_LIST_MAX + 1, &list, &code), -1);
	assert_int_equal(code, CLI_USAGE);
}

int main(void)
{
	struct CMUnitTest tests[UNIT_N(cli_rows) + 3], *end = tests;

	end = UNIT_ROWS(end, cli_rows, command_line_is_read);
	*end++ = (struct CMUnitTest) cmocka_unit_test(help_names_every_option);
	*end++ = (struct CMUnitTest) cmocka_unit_test(list_keeps_all_values);
	*end++ = (struct CMUnitTest) cmocka_unit_test(list_has_an_end);
	return UNIT_RUN(tests, end);
}
