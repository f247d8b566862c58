// SPDX-License-Identifier: GPL-2.0-only
/*
 * culvert against nft masquerade and against bare redirects; called by run,
 * which has made the sites.  This file is the list of what is measured and the
 * judgement of what came out.
 */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include <bpf/libbpf.h>

#include "bench.h"
#include "mem.h"

#define MS		1000000ULL
#define SECOND		1000000000ULL
#define MAX_SECONDS	160	/* no round begins later; setting up is not in it */
#define QUICK_SECONDS	32
#define MAX_STEAL	25.0	/* percent */
#define MAX_ERROR	0.05	/* of a ratio that is judged */
#define MAX_LIMITS	16

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_OVER_LIMIT, EXIT_NOISY };

#define PACKETS(dir, text, direction_, flows_, flows_text, ms, n, quick_n)		\
	{ .name = { "ns_" dir "_" #flows_ },						\
	  .label = { text ", " flows_text }, .unit = "ns",				\
	  .prepare = packets_establish, .window = packets_window, .above_floor = true,	\
	  .flows = flows_, .direction = direction_, .window_ns = (ms) * MS,		\
	  .rounds = n, .quick_rounds = quick_n }
#define BULK(name_, label_, direction_, no_offloads_)					\
	{ .name = { name_ }, .label = { label_ }, .unit = "Gb/s",			\
	  .prepare = tcp_offloads, .window = tcp_bulk, .more_is_better = true,		\
	  .direction = direction_, .no_offloads = no_offloads_, .window_ns = 20 * MS,	\
	  .rounds = 60, .quick_rounds = 15 }

static const struct metric metrics[] = {
	PACKETS("up", "packet up", UP, 1, "1 flow", 4, 220, 60),
	PACKETS("up", "packet up", UP, 100, "100 flows", 4, 220, 60),
	PACKETS("up", "packet up", UP, 10000, "10 000 flows", 40, 55, 24),
	PACKETS("down", "packet down", DOWN, 1, "1 flow", 4, 220, 60),
	PACKETS("down", "packet down", DOWN, 100, "100 flows", 4, 220, 60),
	PACKETS("down", "packet down", DOWN, 10000, "10 000 flows", 40, 55, 24),
	BULK("tcp_up", "TCP bulk up", UP, false),
	BULK("tcp_down", "TCP bulk down", DOWN, false),
	BULK("seg_up", "TCP bulk up, no TSO/GSO", UP, true),
	BULK("seg_down", "TCP bulk down, no TSO/GSO", DOWN, true),
	{ .name = { "rr_p50", "rr_p99" }, .label = { "TCP ping-pong p50", "TCP ping-pong p99" },
	  .unit = "us", .prepare = tcp_offloads, .window = tcp_ping_pong,
	  .window_ns = 20 * MS, .rounds = 60, .quick_rounds = 15 },
	{ .name = { "crr" }, .label = { "TCP connect, byte, close" }, .unit = "1/s",
	  .prepare = tcp_offloads, .window = tcp_connect_close, .more_is_better = true,
	  .window_ns = 20 * MS, .rounds = 40, .quick_rounds = 15 },
	/* One packet each; kept few enough for any flow limit. */
	{ .name = { "new_flows" }, .label = { "new UDP flows" }, .unit = "1/s",
	  .window = packets_new_flows, .more_is_better = true,
	  .rounds = 40, .quick_rounds = 15 },
};

#define MAX_ROWS (ARRAY_SIZE(metrics) * METRIC_VALUES)

struct limit {
	const char *name;
	double ratio;
};

struct options {
	const char *json, *only, *sites;
	struct limit limits[MAX_LIMITS];
	unsigned int n_limits;
};

/* Whether @name begins with one of the words of "a,b,c". */
static bool selected(const char *name, const char *only)
{
	while (only) {
		size_t n = strcspn(only, ",");

		if (!strncmp(name, only, n))
			return true;
		only = only[n] ? only + n + 1 : NULL;
	}
	return false;
}

/* "NAME=RATIO"; cuts @text. */
static int parse_limit(char *text, struct options *o)
{
	struct limit *l = &o->limits[o->n_limits];
	char *equals = strchr(text, '='), *end;

	if (!equals || o->n_limits == MAX_LIMITS)
		return -EINVAL;
	*equals = '\0';
	l->name = text;
	l->ratio = strtod(equals + 1, &end);
	if (*end || end == equals + 1 || !(l->ratio > 0))
		return -EINVAL;
	o->n_limits++;
	return 0;
}

static int parse_options(int argc, char **argv, struct bench *b, struct options *o)
{
	static const struct option longs[] = {
		{ "quick", no_argument, NULL, 'q' },
		{ "json", required_argument, NULL, 'j' },
		{ "only", required_argument, NULL, 'o' },
		{ "limit", required_argument, NULL, 'l' },
		{}
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'q')
			b->quick = true;
		else if (c == 'j')
			o->json = optarg;
		else if (c == 'o')
			o->only = optarg;
		else if (c != 'l')
			return -EINVAL;
		else if (parse_limit(optarg, o))
			return bench_fail(-EINVAL, "--limit %s", optarg);
	}
	if (argc - optind != 1)
		return -EINVAL;
	o->sites = argv[optind];
	return 0;
}

static int open_sites(struct bench *b, const char *path)
{
	int err;

	err = sites_read(b, path);
	for (unsigned int i = 0; i < b->n_sites && !err; i++) {
		struct site *s = &b->sites[i];

		err = hooks_attach(b, s);
		if (!err)
			err = packets_open(b, s);
		if (!err)
			err = tcp_open(b, s);
	}
	return err;
}

static int run_all(struct bench *b, const struct options *o, struct row *rows,
		   unsigned int *ret_n_rows)
{
	unsigned int n = 0;
	int err;

	print_head(b);
	for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
		const struct metric *m = &metrics[i];

		if (o->only && !selected(m->name[0], o->only))
			continue;
		err = rounds_run(b, m, &rows[n]);
		if (err)
			return err;
		for (int v = 0; v < METRIC_VALUES && m->name[v]; v++)
			print_row(b, &rows[n++]);
	}
	*ret_n_rows = n;
	return n ? 0 : bench_fail(-EINVAL, "--only %s", o->only);
}

static bool has_culvert(const struct bench *b)
{
	for (unsigned int i = 1; i < b->n_sites; i++)
		if (b->sites[i].backend == CULVERT)
			return true;
	return false;
}

/* Whether noise in this row matters: what has a limit, else every packet time. */
static bool is_judged(const struct row *r, const struct options *o)
{
	for (unsigned int i = 0; i < o->n_limits; i++)
		if (!strcmp(r->name, o->limits[i].name))
			return true;
	return !o->n_limits && r->is_time;
}

/*
 * Too noisy when culvert's ratios (without culvert: anyone's) are not known
 * well enough to be judged.
 */
static bool too_noisy(const struct bench *b, const struct options *o, const struct row *rows,
		      unsigned int n_rows, double steal)
{
	bool all = !has_culvert(b), noisy = steal > MAX_STEAL;

	if (noisy)
		printf("too noisy: %.1f %% of the CPU time was stolen\n", steal);
	for (unsigned int i = 0; i < n_rows; i++)
		for (unsigned int s = 1; s < b->n_sites && is_judged(&rows[i], o); s++) {
			if ((!all && b->sites[s].backend != CULVERT) ||
			    rows[i].of[s].error <= MAX_ERROR)
				continue;
			printf("too noisy: the ratio %s of %s is known to %.0f %% only\n",
			       rows[i].name, backend_name(b->sites[s].backend),
			       rows[i].of[s].error * 100);
			noisy = true;
		}
	return noisy;
}

/* Return: 1 when culvert is over the limit, 0 when not, -ENODATA when it was not measured. */
static int over_limit(const struct bench *b, const struct row *rows, unsigned int n_rows,
		      const struct limit *limit)
{
	for (unsigned int i = 0; i < n_rows; i++)
		for (unsigned int s = 1; s < b->n_sites; s++) {
			const struct row *r = &rows[i];
			double ratio = r->of[s].ratio.median;

			if (strcmp(r->name, limit->name) || b->sites[s].backend != CULVERT)
				continue;
			if (r->more_is_better ? ratio >= limit->ratio : ratio <= limit->ratio)
				return 0;
			printf("over limit: %s is x%.2f, limit x%.2f\n", r->name, ratio,
			       limit->ratio);
			return 1;
		}
	return bench_fail(-ENODATA, "--limit %s: not measured for culvert", limit->name);
}

static int judge(struct bench *b, const struct options *o, const struct row *rows,
		 unsigned int n_rows, double steal)
{
	struct verdict v = { .steal = steal };

	printf("\nsteal %.1f %%; every packet's addresses checked, every row's bytes counted by its own datapath\n",
	       steal);
	for (unsigned int i = 0; i < o->n_limits; i++) {
		int over = over_limit(b, rows, n_rows, &o->limits[i]);

		if (over < 0)
			return EXIT_FAILED;
		v.over_limit |= over;
	}
	v.noisy = too_noisy(b, o, rows, n_rows, steal);
	if (o->json && print_json(o->json, b, rows, n_rows, &v))
		return EXIT_FAILED;
	/* Noise first: a limit that noise has broken proves nothing. */
	return v.noisy ? EXIT_NOISY : v.over_limit ? EXIT_OVER_LIMIT : EXIT_DONE;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, ap) : 0;
}

int main(int argc, char **argv)
{
	static struct row rows[MAX_ROWS + METRIC_VALUES];
	struct steal before, after;
	struct options o = {};
	struct bench b = {};
	unsigned int n_rows = 0;
	cpu_set_t cpu;
	int err;

	if (parse_options(argc, argv, &b, &o)) {
		fprintf(stderr, "usage: bench [--quick] [--json FILE] [--only LIST] [--limit NAME=RATIO] SITES\n");
		return EXIT_USAGE;
	}
	/* Not to outlive run, which takes the sites away. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	libbpf_set_print(quiet);
	CPU_ZERO(&cpu);
	CPU_SET(BENCH_CPU, &cpu);
	if (sched_setaffinity(0, sizeof(cpu), &cpu)) {
		bench_fail(-errno, "cannot run on CPU %d", BENCH_CPU);
		return EXIT_FAILED;
	}
	err = steal_read(&before);
	if (!err)
		err = open_sites(&b, o.sites);
	b.deadline_ns = now_ns() + (b.quick ? QUICK_SECONDS : MAX_SECONDS) * SECOND;
	if (!err)
		err = run_all(&b, &o, rows, &n_rows);
	if (!err)
		err = steal_read(&after);
	for (unsigned int i = 0; i < b.n_sites; i++) {
		tcp_release(&b.sites[i]);
		packets_release(&b.sites[i]);
		hooks_release(&b.sites[i]);
	}
	return err ? EXIT_FAILED : judge(&b, &o, rows, n_rows, steal_percent(&before, &after));
}
