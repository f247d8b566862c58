// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs get each row as soon as it is whole, so that a quarter of a million
 * flows need no memory; people get a table, whose column widths are known only
 * at the end, so its cells are kept as text.  The first error is remembered
 * and returned by report_end(): callers need not look at every cell.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "mem.h"
#include "report.h"

#define REPORT_VERSION	1
#define MAX_COLUMNS	24

struct column {
	const char *key;
	size_t width;
	bool right;		/* numbers end in one line */
};

struct report {
	bool json;
	int err;
	bool in_row;
	bool any_section;	/* printed */
	size_t n_rows;		/* of this section */
	json_t *row;		/* JSON: not yet printed */
	size_t n_columns, col;	/* table: columns, and the one that comes next */
	struct column columns[MAX_COLUMNS];
	char **cells;
	size_t n_cells, room;
};

static void fail(struct report *r, int err)
{
	if (!r->err)
		r->err = err;
}

/* --- JSON */

static void json_begin(struct report *r, const char *kind)
{
	printf("%s  \"%s\": [", r->any_section ? ",\n" : "{\n  \"version\": 1,\n", kind);
	_Static_assert(REPORT_VERSION == 1, "the version is written above");
}

static void json_end_row(struct report *r)
{
	if (!r->in_row)
		return;
	fputs(r->n_rows ? ",\n    " : "\n    ", stdout);
	if (json_dumpf(r->row, stdout, 0))
		fail(r, -EIO);
	json_decref(r->row);
	r->row = NULL;
}

static void json_cell(struct report *r, const char *key, json_t *value)
{
	if (!r->row)
		json_decref(value);
	else if (json_object_set_new(r->row, key, value))
		fail(r, -ENOMEM);
}

/* --- the table */

static void put_cell(const char *text, const struct column *c, bool last)
{
	if (c->right)
		printf("%*s", (int)c->width, text);
	else if (last)
		fputs(text, stdout);	/* no blanks at the end of a line */
	else
		printf("%-*s", (int)c->width, text);
	fputs(last ? "\n" : "  ", stdout);
}

static void put_head(const struct report *r)
{
	char head[64];
	size_t col, i;

	for (col = 0; col < r->n_columns; col++) {
		const char *key = r->columns[col].key;

		for (i = 0; key[i] && i < sizeof(head) - 1; i++)
			head[i] = key[i] >= 'a' && key[i] <= 'z' ? key[i] - 'a' + 'A' : key[i];
		head[i] = '\0';
		put_cell(head, &r->columns[col], col + 1 == r->n_columns);
	}
}

static void put_table(struct report *r)
{
	size_t i, col;

	if (r->n_cells) {
		if (r->any_section)
			putchar('\n');
		r->any_section = true;
		put_head(r);
	}
	for (i = 0; i < r->n_cells; i++) {
		col = i % r->n_columns;
		put_cell(r->cells[i], &r->columns[col], col + 1 == r->n_columns);
		free(r->cells[i]);
	}
	r->n_cells = r->n_columns = 0;
}

static struct column *next_column(struct report *r, const char *key)
{
	struct column *c = &r->columns[r->col];

	if (r->col == MAX_COLUMNS)
		return NULL;
	if (r->col == r->n_columns) {
		*c = (struct column){ .key = key, .width = strlen(key) };
		r->n_columns++;
	}
	r->col++;
	return c;
}

static int keep_cell(struct report *r, const char *text)
{
	size_t room = r->room ? 2 * r->room : 256;
	char **cells = r->cells, *copy;

	if (r->n_cells == r->room) {
		cells = realloc(cells, room * sizeof(*cells));
		if (!cells)
			return -ENOMEM;
		r->cells = cells;
		r->room = room;
	}
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	r->cells[r->n_cells++] = copy;
	/* What others called their links must not steer the terminal. */
	for (; *copy; copy++)
		if ((unsigned char)*copy < ' ' || *copy == 0x7f)
			*copy = '?';
	return 0;
}

static void table_cell(struct report *r, const char *key, const char *text, bool number)
{
	struct column *c = next_column(r, key);
	size_t len = strlen(text);

	if (r->err || !c)
		return;
	if (len > c->width)
		c->width = len;
	c->right |= number;
	if (keep_cell(r, text))
		fail(r, -ENOMEM);
}

/* --- for the commands */

struct report *report_new(const char *kind, bool json)
{
	struct report *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->json = json;
	if (json)
		json_begin(r, kind);
	return r;
}

static void end_section(struct report *r)
{
	if (r->json) {
		json_end_row(r);
		fputs(r->n_rows || r->in_row ? "\n  ]" : "]", stdout);
		r->any_section = true;
	} else {
		put_table(r);
	}
	r->in_row = false;
	r->n_rows = 0;
}

void report_section(struct report *r, const char *kind)
{
	end_section(r);
	if (r->json)
		json_begin(r, kind);
}

void report_row(struct report *r)
{
	if (r->json) {
		json_end_row(r);
		r->row = json_object();
		if (!r->row)
			fail(r, -ENOMEM);
	}
	r->n_rows += r->in_row;
	r->in_row = true;
	r->col = 0;
}

void report_text(struct report *r, const char *key, const char *value)
{
	json_t *text;

	if (!r->json) {
		table_cell(r, key, value ? value : "-", false);
		return;
	}
	text = value ? json_string(value) : json_null();
	/* Not UTF-8: a link may be called anything. */
	json_cell(r, key, text ? text : json_string("?"));
}

void report_number(struct report *r, const char *key, __u64 value)
{
	char text[24];

	if (r->json) {
		json_cell(r, key, json_integer((json_int_t)value));
		return;
	}
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	table_cell(r, key, text, true);
}

void report_bool(struct report *r, const char *key, bool value)
{
	if (r->json)
		json_cell(r, key, json_boolean(value));
	else
		table_cell(r, key, value ? "yes" : "no", false);
}

bool report_json(const struct report *r)
{
	return r->json;
}

int report_end(struct report *r)
{
	int err;

	end_section(r);
	if (r->json)
		puts("\n}");
	if (fflush(stdout) || ferror(stdout))
		fail(r, errno ? -errno : -EIO);
	err = r->err;
	free(r->cells);
	free(r);
	return err;
}
