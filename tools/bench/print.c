// SPDX-License-Identifier: GPL-2.0-only
/* The table for people, and the same in JSON with everything that led to it. */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include <jansson.h>

#include "bench.h"
#include "mem.h"

void print_head(const struct bench *b)
{
	printf("ns: CPU time of a 64-byte packet above the generator's floor, where the floor is %d ns\n"
	       "x: median of the ratios to %s, and their quartiles\n\n%-34s",
	       BENCH_FLOOR_NS, backend_name(b->sites[1].backend), "");
	for (unsigned int i = 1; i < b->n_sites; i++)
		printf(i == 1 ? " %9s" : "  %-30s", backend_name(b->sites[i].backend));
	printf("\n");
}

static int digits(double value)
{
	return value < 100 ? 2 : 0;
}

void print_row(const struct bench *b, const struct row *r)
{
	printf("%-28s %5s", r->label, r->unit);
	for (unsigned int i = 1; i < b->n_sites; i++) {
		const struct quartiles *v = &r->of[i].value, *q = &r->of[i].ratio;

		if (i == 1)
			printf(" %9.*f", digits(v->median), v->median);
		else
			printf("  %8.*f x%-5.2f [%.2f .. %.2f]", digits(v->median), v->median,
			       q->median, q->q1, q->q3);
	}
	printf("%s\n", r->more_is_better ? "  more is better" : "");
	fflush(stdout);
}

static json_t *json_quartiles(const struct quartiles *q)
{
	return json_pack("{s:f, s:f, s:f}", "q1", q->q1, "median", q->median, "q3", q->q3);
}

static json_t *json_row(const struct bench *b, const struct row *r)
{
	json_t *of = json_object();

	for (unsigned int i = 1; i < b->n_sites; i++) {
		json_t *one = json_pack("{s:o, s:o, s:f, s:[I,I], s:[I,I]}",
					"value", json_quartiles(&r->of[i].value),
					"ratio", json_quartiles(&r->of[i].ratio),
					"ratio_error", r->of[i].error,
					"bytes_arrived", r->of[i].due[UP], r->of[i].due[DOWN],
					"bytes_counted", r->of[i].carried[UP], r->of[i].carried[DOWN]);

		if (r->is_time)
			json_object_set_new(one, "raw_ns", json_real(r->of[i].raw));
		json_object_set_new(of, backend_name(b->sites[i].backend), one);
	}
	if (r->is_time)
		json_object_set_new(of, "floor", json_pack("{s:f}", "raw_ns", r->of[0].raw));
	return json_pack("{s:s, s:s, s:s, s:b, s:i, s:o}", "name", r->name, "label", r->label,
			 "unit", r->unit, "more_is_better", r->more_is_better, "rounds",
			 r->rounds, "backends", of);
}

int print_json(const char *path, const struct bench *b, const struct row *rows,
	       unsigned int n_rows, const struct verdict *v)
{
	json_t *list = json_array(), *root;
	struct utsname host = {};
	int err;

	uname(&host);
	for (unsigned int i = 0; i < n_rows; i++)
		json_array_append_new(list, json_row(b, &rows[i]));
	root = json_pack("{s:i, s:s, s:s, s:i, s:b, s:f, s:b, s:b, s:o}", "version", 1,
			 "kernel", host.release, "reference", backend_name(b->sites[1].backend),
			 "floor_ns", BENCH_FLOOR_NS, "quick", b->quick, "steal_percent", v->steal,
			 "noisy", v->noisy, "over_limit", v->over_limit, "rows", list);
	err = root ? json_dump_file(root, path, JSON_INDENT(1)) : -1;
	json_decref(root);
	return err ? bench_fail(-EIO, "cannot write \"%s\"", path) : 0;
}
