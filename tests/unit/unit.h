/* SPDX-License-Identifier: GPL-2.0-only */
/* Tests as data: each row of a table is one cmocka test, named as its claim. */
#ifndef CULVERT_TESTS_UNIT_H
#define CULVERT_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define UNIT_N(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Appends @n rows of @size bytes; the first member of a row is its name. */
static inline struct CMUnitTest *unit_rows(struct CMUnitTest *at, const void *rows, size_t n,
					   size_t size, CMUnitTestFunction fn)
{
	for (size_t i = 0; i < n; i++) {
		const char *row = (const char *)rows + i * size;

		*at++ = (struct CMUnitTest) {
			.name = *(const char *const *)row,
			.test_func = fn,
			.initial_state = (void *)(uintptr_t)row,
		};
	}
	return at;
}

#define UNIT_ROWS(at, rows, fn) unit_rows(at, rows, UNIT_N(rows), sizeof((rows)[0]), fn)

#define UNIT_RUN(tests, end) \
	(cmocka_set_message_output(CM_OUTPUT_TAP), \
	 _cmocka_run_group_tests(#tests, tests, (size_t)((end) - (tests)), NULL, NULL))

#endif
