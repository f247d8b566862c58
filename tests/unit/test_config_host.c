// SPDX-License-Identifier: GPL-2.0-only
/* host.yaml: what it means, and how it is refused. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_host.h"

struct row {
	const char *claim, *text;
	__u32 max_flows;
	const char *error;	/* behind the file's name; NULL: none */
};

static const struct row rows[] = {
	{ "an empty file says nothing", "", 0, NULL },
	{ "a comment says nothing", "# flows: 5\n", 0, NULL },
	{ "a million flows", "flows: 1000000\n", 1000000, NULL },
	{ "the least", "flows: 16384\n", 16384, NULL },
	{ "the most", "flows: 16777216\n", 16777216, NULL },
	{ "fewer than the least", "flows: 16383\n", 0, ":1: flows: '16383' is not from 16384 to 16777216" },
	{ "more than the most", "# all\nflows: 16777217\n", 0,
	  ":2: flows: '16777217' is not from 16384 to 16777216" },
	{ "more than 32 bits", "flows: 4294983680\n", 0,
	  ":1: flows: '4294983680' is not from 16384 to 16777216" },
	{ "a word", "flows: many\n", 0, ":1: flows: 'many' is no number" },
	{ "a unit", "flows: 1M\n", 0, ":1: flows: '1M' is no number" },
	{ "a list", "flows: [ 20000 ]\n", 0, ":1: flows: expected a single value" },
	{ "given twice", "flows: 20000\nflows: 20000\n", 0, ":2: flows: given twice" },
	{ "a network's key", "flows: 20000\nsubnet: auto\n", 0, ":2: subnet: unknown key" },
	{ "a network's limits", "limits: { flows: 20000 }\n", 0, ":1: limits: unknown key" },
	{ "no keys", "20000\n", 0, ":1: expected keys with values" },
	{ "no YAML", "flows: [\n", 0, ":2: " },
};

static void file_means(void **state)
{
	const struct row *row = *state;
	char path[] = "/tmp/culvert-test-XXXXXX", want[256], *error = NULL;
	struct config_host host = { .max_flows = 1 };
	int fd = mkstemp(path), err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, row->text, strlen(row->text)), (int)strlen(row->text));
	close(fd);
	err = config_host_load(path, &host, &error);
	unlink(path);
	if (!row->error) {
		assert_null(error);
		assert_int_equal(err, 0);
		assert_int_equal(host.max_flows, row->max_flows);
		return;
	}
	assert_int_equal(err, -EINVAL);
	assert_int_equal(host.max_flows, 1);	/* untouched */
	snprintf(want, sizeof(want), "%s%s", path, row->error);
	assert_int_equal(strncmp(error, want, strlen(want)), 0);
	free(error);
}

static void file_that_is_not_there_says_nothing(void **state)
{
	struct config_host host = { .max_flows = 1 };
	char *error;

	assert_int_equal(config_host_load("/nonexistent/host.yaml", &host, &error), 0);
	assert_null(error);
	assert_int_equal(host.max_flows, 0);
}

static void file_that_cannot_be_read_is_an_error(void **state)
{
	struct config_host host;
	char *error;

	assert_int_equal(config_host_load("/", &host, &error), -EISDIR);
	assert_string_equal(error, "/: Is a directory");
	free(error);
}

int main(void)
{
	struct CMUnitTest tests[UNIT_N(rows) + 2], *end = tests;

	end = UNIT_ROWS(end, rows, file_means);
	*end++ = (struct CMUnitTest)cmocka_unit_test(file_that_is_not_there_says_nothing);
	*end++ = (struct CMUnitTest)cmocka_unit_test(file_that_cannot_be_read_is_an_error);
	return UNIT_RUN(tests, end);
}
