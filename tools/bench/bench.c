// SPDX-License-Identifier: GPL-2.0-only
/*
 * culvert against nft masquerade and against bare redirects; called by path,
 * which has made the sites, and has path_report.py judge.  This file is the list
 * of what is measured.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "bench.h"
#include "mem.h"

#define MS		1000000ULL
#define SECOND		1000000000ULL
#define MAX_SECONDS	110	/* for the rounds of all metrics, on a busy machine */
#define QUICK_SECONDS	27

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };

#define PACKETS(dir, text, direction_, flows_, flows_text, ms, n, quick_n)		\
	{ .name = { "ns_" dir "_" #flows_, "pps_" dir "_" #flows_ },			\
	  .label = { text ", " flows_text, text ", " flows_text }, .unit = { "ns", "k/s" }, \
	  .more_is_better = { false, true },						\
	  .prepare = packets_establish, .window = packets_window, .above_floor = true,	\
	  .flows = flows_, .direction = direction_, .window_ns = (ms) * MS,		\
	  .rounds = n, .quick_rounds = quick_n }
#define BULK(name_, label_, direction_, streams_, no_offloads_)				\
	{ .name = { name_ }, .label = { label_ }, .unit = { "Gb/s" },			\
	  .prepare = tcp_offloads, .window = tcp_bulk, .more_is_better = { true },	\
	  .direction = direction_, .streams = streams_, .no_offloads = no_offloads_,	\
	  .window_ns = 2 * MS, .rounds = 200, .quick_rounds = 50 }

static const struct metric metrics[] = {
	PACKETS("up", "packet up", UP, 1, "1 flow", 2, 250, 80),
	PACKETS("up", "packet up", UP, 100, "100 flows", 2, 250, 80),
	PACKETS("up", "packet up", UP, 10000, "10 000 flows", 2, 250, 80),
	PACKETS("down", "packet down", DOWN, 1, "1 flow", 2, 250, 80),
	PACKETS("down", "packet down", DOWN, 100, "100 flows", 2, 250, 80),
	PACKETS("down", "packet down", DOWN, 10000, "10 000 flows", 2, 250, 80),
	BULK("tcp_up", "TCP up, 1 stream", UP, 1, false),
	BULK("tcp_down", "TCP down, 1 stream", DOWN, 1, false),
	BULK("tcp4_up", "TCP up, 4 streams", UP, 4, false),
	BULK("tcp4_down", "TCP down, 4 streams", DOWN, 4, false),
	BULK("seg_up", "TCP up, no TSO/GSO", UP, 1, true),
	BULK("seg_down", "TCP down, no TSO/GSO", DOWN, 1, true),
	{ .name = { "rr_p50", "rr_p99" }, .label = { "TCP ping-pong p50", "TCP ping-pong p99" },
	  .unit = { "us", "us" }, .prepare = tcp_offloads, .window = tcp_ping_pong,
	  .window_ns = 3 * MS, .rounds = 200, .quick_rounds = 50 },
	{ .name = { "crr" }, .label = { "TCP connect, byte, close" }, .unit = { "1/s" },
	  .prepare = tcp_offloads, .window = tcp_connect_close, .more_is_better = { true },
	  .window_ns = 2 * MS, .rounds = 200, .quick_rounds = 50 },
	/* One packet each; with what the others leave, fewer than a table holds (topo.sh). */
	{ .name = { "new_flows" }, .label = { "new UDP flows" }, .unit = { "1/s" },
	  .window = packets_new_flows, .more_is_better = { true }, .fills = true,
	  .rounds = 100, .quick_rounds = 40 },
};

#define MAX_ROWS (ARRAY_SIZE(metrics) * METRIC_VALUES)

struct options {
	const char *json, *only, *sites;
};

/* Whether @name begins with one of the words of "a,b,c". */
static bool selected(const char *name, const char *only)
{
	while (only) {
		size_t n = strcspn(only, ",");

		/* "ns_up_1." is no ns_up_100. */
		if (n && only[n - 1] == '.' ? !strncmp(name, only, n - 1) && !name[n - 1] :
					     !strncmp(name, only, n))
			return true;
		only = only[n] ? only + n + 1 : NULL;
	}
	return false;
}

static int parse_rounds(const char *text, unsigned int *ret_rounds)
{
	unsigned long n;
	char *end;

	n = strtoul(text, &end, 10);
	if (*end || end == text || !n || n > BENCH_MAX_ROUNDS)
		return bench_fail(-EINVAL, "--rounds %s", text);
	*ret_rounds = n;
	return 0;
}

static int parse_options(int argc, char **argv, struct bench *b, struct options *o)
{
	static const struct option longs[] = {
		{ "quick", no_argument, NULL, 'q' },
		{ "progress", no_argument, NULL, 'p' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "json", required_argument, NULL, 'j' },
		{ "only", required_argument, NULL, 'o' },
		{}
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'q')
			b->quick = true;
		else if (c == 'p')
			b->progress = true;
		else if (c == 'j')
			o->json = optarg;
		else if (c == 'o')
			o->only = optarg;
		else if (c != 'r' || parse_rounds(optarg, &b->max_rounds))
			return -EINVAL;
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

		err = tap_open(b, s);
		if (!err)
			err = hooks_attach(b, s);
		if (!err)
			err = packets_open(b, s);
		if (!err)
			err = tap_await(b, s);
		if (!err)
			err = packets_await(b, s);
		if (!err)
			err = tcp_open(b, s);
	}
	return err;
}

static bool is_wanted(const struct metric *m, const struct options *o)
{
	return !o->only || selected(m->name[0], o->only) ||
	       (m->name[1] && selected(m->name[1], o->only));
}

static unsigned int count_wanted(const struct options *o)
{
	unsigned int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(metrics); i++)
		n += is_wanted(&metrics[i], o);
	return n;
}

static int run_all(struct bench *b, const struct options *o, struct row *rows,
		   unsigned int *ret_n_rows)
{
	__u64 all_ns = (b->quick ? QUICK_SECONDS : MAX_SECONDS) * SECOND, start = now_ns();
	unsigned int n = 0, wanted = count_wanted(o), done = 0;
	int err;

	print_head(b);
	for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
		const struct metric *m = &metrics[i];

		if (!is_wanted(m, o))
			continue;
		/* What one leaves the next ones have. */
		b->deadline_ns = start + all_ns * ++done / wanted;
		err = rounds_run(b, m, &rows[n]);
		if (err)
			return err;
		for (int v = 0; v < METRIC_VALUES && m->name[v]; v++)
			print_row(b, &rows[n++]);
	}
	*ret_n_rows = n;
	return n ? 0 : bench_fail(-EINVAL, "--only %s", o->only);
}

int main(int argc, char **argv)
{
	static struct row rows[MAX_ROWS + METRIC_VALUES];
	struct steal before, after;
	struct options o = {};
	struct bench b = {};
	unsigned int n_rows = 0;
	int err;

	if (parse_options(argc, argv, &b, &o)) {
		fprintf(stderr, "usage: bench [--quick] [--rounds N] [--progress] [--json FILE] [--only LIST] SITES\n");
		return EXIT_USAGE;
	}
	/* Not to outlive path, which takes the sites away. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	err = bench_begin(&b);
	if (!err)
		err = steal_read(&b, &before);
	if (!err)
		err = open_sites(&b, o.sites);
	if (!err)
		err = run_all(&b, &o, rows, &n_rows);
	if (!err)
		err = steal_read(&b, &after);
	if (!err && o.json)
		err = print_json(o.json, &b, rows, n_rows, &before, &after);
	for (unsigned int i = 0; i < b.n_sites; i++) {
		tcp_release(&b.sites[i]);
		packets_release(&b.sites[i]);
		hooks_release(&b.sites[i]);
		tap_release(&b.sites[i]);
	}
	return err ? EXIT_FAILED : EXIT_DONE;
}
