/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What commands print on standard output: an aligned table for people, or JSON
 * (jansson) for programs: {"version": 1, "KIND": [ {column: value} ... ]}.
 * Columns keep their place and name: what a script reads today it reads
 * tomorrow.
 */
#ifndef CULVERT_REPORT_H
#define CULVERT_REPORT_H

#include <stdbool.h>
#include <linux/types.h>

struct report;

/** report_new() - @kind names the JSON array ("leases"); NULL when out of memory */
struct report *report_new(const char *kind, bool json);
/** report_section() - rows that follow belong to another array, printed as another table */
void report_section(struct report *r, const char *kind);
/** report_row() - begin a row; cells follow, each row with the same keys in the same order */
void report_row(struct report *r);
void report_text(struct report *r, const char *key, const char *value);	/* NULL: null, "-" */
void report_number(struct report *r, const char *key, __u64 value);
void report_bool(struct report *r, const char *key, bool value);
/** report_json() - whether rows go to a program, which wants them all */
bool report_json(const struct report *r);
/** report_end() - print and free.  Return: 0 or -errno (a write failed, out of memory) */
int report_end(struct report *r);

#endif
