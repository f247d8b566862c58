// SPDX-License-Identifier: GPL-2.0-only
/* The table for people, progress, and every sample in JSON for path_report.py. */
#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "bench.h"
#include "mem.h"

#define PROGRESS_NS 100000000ULL

void print_head(const struct bench *b)
{
	bool taps = site_has_tap(&b->sites[b->first]);

	printf("guests behind %s\n"
	       "ns: CPU time of a 64-byte packet above the generator's floor%s, where a packet of the generator takes %d ns\n"
	       "x: median of the ratios to %s, and their quartiles\n\n%-34s",
	       taps ? "TAPs, virtio-net headers carried as QEMU does" : "veths",
	       taps ? " and the TAPs'" : "", BENCH_FLOOR_NS,
	       backend_name(b->sites[b->first].backend), "");
	for (unsigned int i = b->first; i < b->n_sites; i++)
		printf(i == b->first ? " %9s" : "  %-30s", backend_name(b->sites[i].backend));
	printf("\n");
}

static int digits(double value)
{
	return value < 100 ? 2 : 0;
}

static struct quartiles values(const struct row *r, unsigned int site)
{
	double buf[BENCH_MAX_ROUNDS];

	memcpy(buf, r->of[site].value, r->rounds * sizeof(*buf));
	return quartiles_of(buf, r->rounds);
}

static struct quartiles ratios(const struct row *r, unsigned int site, unsigned int first)
{
	double buf[BENCH_MAX_ROUNDS];

	for (unsigned int i = 0; i < r->rounds; i++)
		buf[i] = r->of[site].value[i] / r->of[first].value[i];
	return quartiles_of(buf, r->rounds);
}

static bool progress_shown;

static void clear_progress(void)
{
	if (progress_shown)
		fputs("\r\033[K", stderr);
	progress_shown = false;
}

void print_row(const struct bench *b, const struct row *r)
{
	clear_progress();
	printf("%-28s %5s", r->label, r->unit);
	for (unsigned int i = b->first; i < b->n_sites; i++) {
		struct quartiles v = values(r, i), q = ratios(r, i, b->first);

		if (i == b->first)
			printf(" %9.*f", digits(v.median), v.median);
		else
			printf("  %8.*f x%-5.2f [%.2f .. %.2f]", digits(v.median), v.median,
			       q.median, q.q1, q.q3);
	}
	printf("%s\n", r->more_is_better ? "  more is better" : "");
	fflush(stdout);
}

void print_progress(const struct bench *b, const char *label, unsigned int round,
		    unsigned int rounds)
{
	static __u64 last;

	if (!isatty(STDERR_FILENO)) {
		if (b->progress && !round)
			fprintf(stderr, "bench: %s: %u rounds\n", label, rounds);
		return;
	}
	if (now_ns() < last + PROGRESS_NS)
		return;
	last = now_ns();
	fprintf(stderr, "\r\033[K%s: round %u of %u", label, round + 1, rounds);
	progress_shown = true;
}

static json_t *json_values(const struct row *r, unsigned int site)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < r->rounds; i++)
		json_array_append_new(list, json_real(r->of[site].value[i]));
	return list;
}

static json_t *json_row(const struct bench *b, const struct row *r)
{
	json_t *of = json_object();

	for (unsigned int i = 0; i < b->n_sites; i++) {
		json_t *one = json_object();

		if (r->is_time) {
			json_object_set_new(one, "raw_ns", json_real(r->of[i].raw));
			json_object_set_new(one, "least_ns", json_real(r->of[i].least));
		}
		if (i >= b->first) {
			json_object_set_new(one, "values", json_values(r, i));
			json_object_set_new(one, "bytes_arrived",
					    json_pack("[I,I]", r->of[i].due[UP], r->of[i].due[DOWN]));
			json_object_set_new(one, "bytes_counted",
					    json_pack("[I,I]", r->of[i].carried[UP], r->of[i].carried[DOWN]));
		}
		json_object_set_new(of, backend_name(b->sites[i].backend), one);
	}
	return json_pack("{s:s, s:s, s:s, s:b, s:o}", "name", r->name, "label", r->label,
			 "unit", r->unit, "more_is_better", r->more_is_better, "backends", of);
}

static json_t *json_steal(const struct steal *s)
{
	return json_pack("[I,I]", s->busy, s->stolen);
}

int print_json(const char *path, const struct bench *b, const struct row *rows,
	       unsigned int n_rows, const struct steal *before, const struct steal *after)
{
	json_t *list = json_array(), *root;
	int err;

	for (unsigned int i = 0; i < n_rows; i++)
		json_array_append_new(list, json_row(b, &rows[i]));
	root = json_pack("{s:s, s:s, s:i, s:b, s:i, s:i, s:o, s:o, s:o}",
			 "guests", site_has_tap(&b->sites[b->first]) ? "tap" : "veth",
			 "reference", backend_name(b->sites[b->first].backend),
			 "floor_ns", BENCH_FLOOR_NS, "quick", b->quick,
			 "windows", b->windows, "disturbed", b->disturbed,
			 "ticks_before", json_steal(before), "ticks_after", json_steal(after),
			 "rows", list);
	err = root ? json_dump_file(root, path, JSON_INDENT(1)) : -1;
	json_decref(root);
	return err ? bench_fail(-EIO, "cannot write \"%s\"", path) : 0;
}
