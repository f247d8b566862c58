// SPDX-License-Identifier: GPL-2.0-only
/*
 * The manual pages against the program: commands and options as --help has
 * them, drop reasons and counters as the maps have them, keys, example and
 * errors of the configuration as its reader has them.  Reads the sources of
 * the pages, so it is run from the top of the tree.
 */
#include "unit.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include <culvert/abi.h>

#include "config.h"

/* For its table of commands. */
int culvert_main(int argc, char **argv);
#define main culvert_main
#include "main.c"
#undef main

#define PAGE_COMMANDS	"docs/culvert.8.scd"
#define PAGE_CONFIG	"docs/culvert.yaml.5.scd"

/* --- text; everything returned is heap */

static char *read_stream(FILE *f)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t len = getdelim(&text, &size, '\0', f);

	if (len < 0) {
		free(text);
		return strdup("");
	}
	return text;
}

static char *read_page(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text;

	if (!f)
		fail_msg("%s: %s (run from the top of the tree)", path, strerror(errno));
	text = read_stream(f);
	fclose(f);
	return text;
}

/* What stands between a heading and the next one of its level or above. */
static char *section(const char *page, const char *heading)
{
	size_t level = strspn(heading, "#"), len = strlen(heading);
	const char *from = page, *to;

	while (from && (strncmp(from, heading, len) || from[len] != '\n')) {
		from = strchr(from, '\n');
		from += from ? 1 : 0;
	}
	if (!from)
		fail_msg("no heading '%s'", heading);
	from += len + 1;
	for (to = from; *to; to++)
		if (to[-1] == '\n' && *to == '#' && strspn(to, "#") <= level)
			break;
	return strndup(from, to - from);
}

/* Of the first literal block. */
static char *literal(const char *text)
{
	const char *from = strstr(text, "```\n"), *to;

	assert_non_null(from);
	from += 4;
	to = strstr(from, "```\n");
	assert_non_null(to);
	return strndup(from, to - from);
}

/* Words, one per line; fails when there are too many. */
struct words {
	char *word[256];
	size_t n;
};

static void words_add(struct words *w, const char *from, size_t len)
{
	assert_true(w->n < UNIT_N(w->word));
	w->word[w->n++] = strndup(from, len);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void words_sort(struct words *w)
{
	size_t kept = 0;

	qsort(w->word, w->n, sizeof(*w->word), compare);
	for (size_t i = 0; i < w->n; i++) {
		if (kept && !strcmp(w->word[kept - 1], w->word[i]))
			free(w->word[i]);
		else
			w->word[kept++] = w->word[i];
	}
	w->n = kept;
}

/* Takes both lists. */
static void assert_same_words(struct words *a, struct words *b)
{
	char *text[2];
	size_t size;

	for (int i = 0; i < 2; i++) {
		struct words *w = i ? b : a;
		FILE *f = open_memstream(&text[i], &size);

		for (size_t k = 0; k < w->n; k++) {
			fprintf(f, "%s\n", w->word[k]);
			free(w->word[k]);
		}
		fclose(f);
	}
	assert_string_equal(text[0], text[1]);
	free(text[0]);
	free(text[1]);
}

/* --- commands */

static char *help_of(const char *command)
{
	char words[32], *argv[5] = { "culvert" }, *rest, *text;
	FILE *f = tmpfile();
	int argc = 1, out;

	snprintf(words, sizeof(words), "%s", command);
	for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	argv[argc++] = "--help";
	assert_non_null(f);
	fflush(stdout);
	out = dup(STDOUT_FILENO);
	dup2(fileno(f), STDOUT_FILENO);
	argc = culvert_main(argc, argv);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
	assert_int_equal(argc, CLI_OK);
	rewind(f);
	text = read_stream(f);
	fclose(f);
	return text;
}

/* "-f, --file FILE" of each option but those that all commands have. */
static void options_of_help(const char *help, struct words *ret)
{
	for (const char *line = help; line; line = strchr(line, '\n')) {
		const char *from, *to;

		line += *line == '\n';
		if (strncmp(line, "  ", 2))
			continue;
		from = line + strspn(line, " ");
		to = strstr(from, "  ");
		/* The left column may fill its width. */
		if (!to || to > from + strcspn(from, "\n"))
			to = from + 26 - (from - line - 2);
		while (to[-1] == ' ')
			to--;
		if (strncmp(from, "-h, ", 4) && strncmp(from, "-o, ", 4))
			words_add(ret, from, to - from);
	}
}

static void strip(char *text, const char *formatting)
{
	char *out = text;

	for (; *text; text++)
		if (!strchr(formatting, *text))
			*out++ = *text;
	*out = '\0';
}

/* The lines of a section that name an option, without formatting. */
static void options_of_section(const char *text, struct words *ret)
{
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, "*-", 2))
			continue;
		words_add(ret, line, strcspn(line, "\n"));
		strip(ret->word[ret->n - 1], "*_");
	}
}

/* "*networks*: network, mode.": an array of JSON and its keys. */
static bool tells_json(const char *text)
{
	for (const char *line = text; line; line = strchr(line, '\n')) {
		size_t len;

		line += *line == '\n';
		len = strspn(line + (*line == '*'), "abcdefghijklmnopqrstuvwxyz");
		if (*line == '*' && len && !strncmp(line + 1 + len, "*: ", 3))
			return true;
	}
	return strstr(text, "JSON");
}

static void command_is_described(void **state)
{
	const struct cli_command *const *cmd = (const void *)((const char **)*state + 1);
	struct words wanted = { .n = 0 }, got = { .n = 0 };
	char *help = help_of((*cmd)->name), *page = read_page(PAGE_COMMANDS), *text;
	char heading[256];

	assert_true(!strncmp(help, "usage: culvert ", 15));
	snprintf(heading, sizeof(heading), "## %.*s", (int)strcspn(help + 15, "\n"), help + 15);
	text = section(page, heading);
	options_of_help(help, &wanted);
	options_of_section(text, &got);
	assert_same_words(&got, &wanted);
	assert_int_equal(tells_json(text), strstr(help, "--output") != NULL);
	free(text);
	free(page);
	free(help);
}

static void no_other_command_is_described(void **state)
{
	char *page = read_page(PAGE_COMMANDS), *text = section(page, "# COMMANDS");
	size_t n = 0;

	for (const char *at = strstr(text, "\n## "); at; at = strstr(at + 1, "\n## "))
		n++;
	assert_int_equal(n, ARRAY_SIZE(commands));
	free(text);
	free(page);
}

/* --- what the maps count */

static void drop_reasons_are_the_maps(void **state)
{
	char *page = read_page(PAGE_COMMANDS), *text = section(page, "# DROP REASONS");
	char *got = literal(text), *wanted;
	size_t size;
	FILE *f = open_memstream(&wanted, &size);

#define MANUAL_DROP(id, name, meaning) fprintf(f, "%-18s %s\n", name, meaning);
	CV_DROP_REASONS(MANUAL_DROP)
#undef MANUAL_DROP
	fclose(f);
	assert_string_equal(got, wanted);
	free(wanted);
	free(got);
	free(text);
	free(page);
}

static void counters_are_the_maps(void **state)
{
	char *page = read_page(PAGE_COMMANDS), *from = strstr(page, "\nCounters: ");
	struct words wanted = { .n = 0 }, got = { .n = 0 };

#define MANUAL_TOTAL(name) words_add(&wanted, #name, strlen(#name));
	CV_TOTALS(MANUAL_TOTAL)
#undef MANUAL_TOTAL
	assert_non_null(from);
	for (from += 11; *from != '.'; ) {
		size_t len = strspn(from, "abcdefghijklmnopqrstuvwxyz_");

		assert_true(*from);
		if (*from == '(')
			len = strcspn(from, ")");
		else if (len)
			words_add(&got, from, len);
		from += len ? len : 1;
	}
	assert_same_words(&got, &wanted);
	free(page);
}

/* --- what sources name between @before and a quote */

static void names_in_source(const char *path, const char *before, const char *alphabet,
			    struct words *ret)
{
	char *text = read_page(path);

	for (const char *at = strstr(text, before); at; at = strstr(at + 1, before)) {
		const char *quote = at + strcspn(at, "\"(\n");
		size_t len;

		if (strncmp(quote, "(\"", 2))
			continue;
		len = strspn(quote + 2, alphabet);
		if (len && quote[2 + len] == '"')
			words_add(ret, quote + 2, len);
	}
	free(text);
}

/* Terms "*NAME*" or "*NAME*: …": what explains one stands further in. */
static void terms_of(const char *text, const char *alphabet, struct words *ret)
{
	for (const char *line = text; line; line = strchr(line, '\n')) {
		const char *next, *term;
		size_t len;

		line += *line == '\n';
		term = line + strspn(line, "\t");
		len = *term == '*' ? strspn(term + 1, alphabet) : 0;
		next = term + strcspn(term, "\n");
		if (len && term[1 + len] == '*' && strchr(":\n", term[2 + len]) &&
		    strspn(next + (*next == '\n'), "\t") > (size_t)(term - line))
			words_add(ret, term + 1, len);
	}
}

static void environment_is_what_is_read(void **state)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	char *page = read_page(PAGE_COMMANDS), *text = section(page, "# ENVIRONMENT");
	struct words wanted = { .n = 0 }, got = { .n = 0 };
	glob_t sources;

	assert_int_equal(glob("user/*.c", 0, NULL, &sources), 0);
	for (size_t i = 0; i < sources.gl_pathc; i++) {
		names_in_source(sources.gl_pathv[i], "getenv", alphabet, &wanted);
		names_in_source(sources.gl_pathv[i], "from_env", alphabet, &wanted);
	}
	globfree(&sources);
	terms_of(text, alphabet, &got);
	words_sort(&wanted);
	words_sort(&got);
	assert_same_words(&got, &wanted);
	free(text);
	free(page);
}

/* --- the configuration */

static void keys_of_manual(struct words *ret)
{
	char *page = read_page(PAGE_CONFIG), *text = section(page, "# KEYS");

	terms_of(text, "abcdefghijklmnopqrstuvwxyz-", ret);
	words_sort(ret);
	free(text);
	free(page);
}

static void keys_are_the_schemas(void **state)
{
	struct words wanted = { .n = 0 }, got = { .n = 0 };

	names_in_source("user/config_schema.c", "CYAML_FIELD_", "abcdefghijklmnopqrstuvwxyz-",
			&wanted);
	names_in_source("user/config_schema_dhcp.c", "CYAML_FIELD_", "abcdefghijklmnopqrstuvwxyz-",
			&wanted);
	words_sort(&wanted);
	keys_of_manual(&got);
	assert_true(got.n > 10);
	assert_same_words(&got, &wanted);
}

static char *example(void)
{
	char *page = read_page(PAGE_CONFIG), *text = section(page, "# EXAMPLE");
	char *yaml = literal(text);

	free(text);
	free(page);
	return yaml;
}

static void example_has_every_key(void **state)
{
	struct words keys = { .n = 0 };
	char *yaml = example(), key[32];

	keys_of_manual(&keys);
	for (size_t i = 0; i < keys.n; i++) {
		snprintf(key, sizeof(key), "%s:", keys.word[i]);
		if (!strstr(yaml, key))
			fail_msg("'%s' is not in the example", keys.word[i]);
		free(keys.word[i]);
	}
	free(yaml);
}

static void example_is_accepted(void **state)
{
	char *yaml = example(), *error;
	struct config cfg, defaults;

	if (config_parse(PAGE_CONFIG, yaml, strlen(yaml), &cfg, &error))
		fail_msg("%s", error);
	config_defaults(&defaults);
	assert_int_equal(cfg.mode, defaults.mode);
	assert_int_equal(cfg.n_uplinks, defaults.n_uplinks);
	assert_int_equal(cfg.isolate, defaults.isolate);
	assert_int_equal(cfg.dhcp, defaults.dhcp);
	assert_int_equal(cfg.lease_s, defaults.lease_s);
	assert_int_equal(cfg.dns_host, defaults.dns_host);
	assert_memory_equal(cfg.timeout_s, defaults.timeout_s, sizeof(cfg.timeout_s));
	assert_int_equal(cfg.max_flows, CV_MAX_FLOWS);
	assert_int_equal(cfg.max_guest_flows, CV_FLOWS_PER_PORT);
	assert_true(cfg.n_guests);
	config_release(&cfg);
	free(yaml);
}

static void check_error(const char *yaml, const char *wanted)
{
	struct config cfg;
	char *error, line[256];

	assert_int_equal(config_parse("f", yaml, strlen(yaml), &cfg, &error), -EINVAL);
	snprintf(line, sizeof(line), "f:1: %s", wanted);
	assert_string_equal(error, line);
	free(error);
}

/* A file of one line each, and below it, indented, what is said of it. */
static void errors_are_said_so(void **state)
{
	char *page = read_page(PAGE_CONFIG), *text = section(page, "# EXAMPLE OF ERRORS");
	char *block = literal(text), *rest, *file = strtok_r(block, "\n", &rest), *wanted;
	size_t n = 0;

	for (; file; file = strtok_r(NULL, "\n", &rest), n++) {
		wanted = strtok_r(NULL, "\n", &rest);
		assert_non_null(wanted);
		assert_int_equal(*wanted, '\t');
		check_error(file, wanted + 1);
	}
	assert_true(n > 10);
	free(block);
	free(text);
	free(page);
}

struct command_row {
	char *name;
	const struct cli_command *cmd;
};

int main(void)
{
	static struct command_row rows[ARRAY_SIZE(commands)];
	struct CMUnitTest tests[ARRAY_SIZE(commands) + 16], *end = tests;
	const struct CMUnitTest others[] = {
		cmocka_unit_test(no_other_command_is_described),
		cmocka_unit_test(drop_reasons_are_the_maps),
		cmocka_unit_test(counters_are_the_maps),
		cmocka_unit_test(environment_is_what_is_read),
		cmocka_unit_test(keys_are_the_schemas),
		cmocka_unit_test(example_has_every_key),
		cmocka_unit_test(example_is_accepted),
		cmocka_unit_test(errors_are_said_so),
	};
	int failed;

	for (size_t i = 0; i < UNIT_N(rows); i++) {
		rows[i].cmd = &commands[i];
		if (asprintf(&rows[i].name, "culvert %s is described as it is", commands[i].name) < 0)
			return 1;
	}
	end = UNIT_ROWS(end, rows, command_is_described);
	for (size_t i = 0; i < UNIT_N(others); i++)
		*end++ = others[i];
	failed = UNIT_RUN(tests, end);
	for (size_t i = 0; i < UNIT_N(rows); i++)
		free(rows[i].name);
	return failed;
}
