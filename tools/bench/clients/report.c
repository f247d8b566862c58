// SPDX-License-Identifier: GPL-2.0-only
/* Figures of the rounds, the table, the goals, and the same in JSON. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <jansson.h>

#include "farm.h"
#include "mem.h"

#define STEAL_MAX	25.0	/* percent; beyond that nothing is judged */

static const char *const figure_name[] = { "per_s", "median_ms", "p99_ms", "max_ms" };

struct ratio {
	double median, error;	/* error: standard, relative */
};

/* culvert's figure, or its ratio to the first site's, and what it is to be. */
struct goal {
	const char *metric, *text;
	enum figure_kind figure;
	bool is_ratio, at_least;
	double limit;
};

static const struct goal goals[] = {
	{ "renew", "renewals: rate at least 10 times", FIGURE_RATE, true, true, 10 },
	{ "renew", "renewals: median latency at most a tenth", FIGURE_MEDIAN, true, false, 0.1 },
	{ "renew_alone", "one at a time: median latency at most a tenth", FIGURE_MEDIAN, true, false, 0.1 },
	{ "again", "the same again: rate at least 10 times", FIGURE_RATE, true, true, 10 },
	{ "again", "the same again: median latency at most a tenth", FIGURE_MEDIAN, true, false, 0.1 },
	{ "again_alone", "again, alone: median latency at most a tenth", FIGURE_MEDIAN, true, false, 0.1 },
	{ "new", "new clients: at least the rate", FIGURE_RATE, true, true, 1 },
	{ "new", "new clients: p99 at most 50 ms", FIGURE_P99, false, false, 50 },
	{ "first_boot", "boot of all, never seen: the last within 1 s", FIGURE_MAX, false, false, 1000 },
	{ "boot", "boot of all: the last within 1 s", FIGURE_MAX, false, false, 1000 },
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t n, double q)
{
	double at = q * (n - 1);
	size_t below = floor(at);

	if (below + 1 >= n)
		return sorted[n - 1];
	return sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
}

static int append(struct window *all, const struct window *w)
{
	double *more = reallocarray(all->latency_us, all->n + w->n, sizeof(*more));

	if (!more)
		return farm_fail(-ENOMEM, "latencies");
	memcpy(more + all->n, w->latency_us, w->n * sizeof(*more));
	all->latency_us = more;
	all->n += w->n;
	all->elapsed_s += w->elapsed_s;
	all->retries += w->retries;
	all->refused += w->refused;
	return 0;
}

int record_add(struct record *r, const struct window *w)
{
	unsigned int at = r->rounds;

	if (!w->n || at == FARM_MAX_ROUNDS)
		return farm_fail(-ENODATA, "no answers");
	qsort(w->latency_us, w->n, sizeof(*w->latency_us), compare);
	r->figure[FIGURE_RATE][at] = w->n / w->elapsed_s;
	r->figure[FIGURE_MEDIAN][at] = quantile(w->latency_us, w->n, 0.5) / 1e3;
	r->figure[FIGURE_P99][at] = quantile(w->latency_us, w->n, 0.99) / 1e3;
	r->figure[FIGURE_MAX][at] = w->latency_us[w->n - 1] / 1e3;
	r->rounds++;
	return append(&r->all, w);
}

/* Rates: the median round.  Latencies: of all requests of all rounds. */
static double value(const struct record *r, enum figure_kind figure)
{
	static const double at[] = { 0, 0.5, 0.99, 1 };
	double sorted[FARM_MAX_ROUNDS];

	if (figure != FIGURE_RATE) {
		qsort(r->all.latency_us, r->all.n, sizeof(double), compare);
		return quantile(r->all.latency_us, r->all.n, at[figure]) / 1e3;
	}
	memcpy(sorted, r->figure[figure], r->rounds * sizeof(*sorted));
	qsort(sorted, r->rounds, sizeof(*sorted), compare);
	return quantile(sorted, r->rounds, 0.5);
}

static struct ratio ratio_of(const struct record *r, const struct record *first,
			     enum figure_kind figure)
{
	double each[FARM_MAX_ROUNDS], median;
	unsigned int n = r->rounds;

	for (unsigned int i = 0; i < n; i++)
		each[i] = r->figure[figure][i] / first->figure[figure][i];
	qsort(each, n, sizeof(*each), compare);
	median = quantile(each, n, 0.5);
	/* Standard error of a median: 1.253 sigma / sqrt(n), sigma = IQR / 1.349. */
	return (struct ratio) { median, 0.929 * (quantile(each, n, 0.75) - quantile(each, n, 0.25)) /
				median / sqrt(n) };
}

static void print_metric(const struct site *sites, unsigned int n, const struct metric *m)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct record *r = m->of[i];
		struct ratio rate = ratio_of(r, m->of[0], FIGURE_RATE);
		struct ratio median = ratio_of(r, m->of[0], FIGURE_MEDIAN);

		printf("%-30s %-8s %8.0f x%-7.2f %9.3f x%-7.3f %9.3f %9.3f %5u %5u\n",
		       i ? "" : m->label, sites[i].name, value(r, FIGURE_RATE), rate.median,
		       value(r, FIGURE_MEDIAN), median.median, value(r, FIGURE_P99),
		       value(r, FIGURE_MAX), r->all.retries, r->all.refused);
	}
}

static json_t *json_metric(const struct site *sites, unsigned int n, const struct metric *m)
{
	json_t *of = json_object();

	for (unsigned int i = 0; i < n; i++) {
		const struct record *r = m->of[i];
		json_t *one = json_pack("{s:i, s:i, s:i}", "answers", (int)r->all.n,
					"retries", (int)r->all.retries, "refused", (int)r->all.refused);

		for (int f = 0; f < N_FIGURES; f++) {
			struct ratio q = ratio_of(r, m->of[0], f);

			json_object_set_new(one, figure_name[f], json_pack("{s:f, s:f, s:f}",
				"value", value(r, f), "ratio", q.median, "ratio_error", q.error));
		}
		json_object_set_new(of, sites[i].name, one);
	}
	return json_pack("{s:s, s:s, s:i, s:o}", "name", m->name, "label", m->label,
			 "rounds", (int)m->rounds, "servers", of);
}

/* Return: 0 met, 3 not met, 4 so near that noise may have decided. */
static int judge(const struct goal *g, const struct record *r, const struct record *first,
		 json_t *list)
{
	static const char *const words[] = { [0] = "met", [3] = "NOT MET", [4] = "too near to judge" };
	double got = value(r, g->figure), error = 0;
	int verdict;

	if (g->is_ratio) {
		struct ratio q = ratio_of(r, first, g->figure);

		got = q.median;
		error = 2 * q.error;
	}
	verdict = (g->at_least ? got >= g->limit : got <= g->limit) ? 0 : 3;
	if (fabs(log(got / g->limit)) < error)	/* ratios of bursts are skewed */
		verdict = 4;
	printf("%-50s %9.3f  %s\n", g->text, got, words[verdict]);
	json_array_append_new(list, json_pack("{s:s, s:f, s:f, s:s}", "goal", g->text, "limit",
					      g->limit, "value", got, "verdict", words[verdict]));
	return verdict;
}

static int judge_all(const struct site *sites, unsigned int n, const struct metric *metrics,
		     unsigned int n_metrics, json_t *list)
{
	int worst = 0, verdict;
	unsigned int at = 0;

	while (at < n && strcmp(sites[at].name, "culvert"))
		at++;
	if (at == n)
		return 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(goals); i++)
		for (unsigned int k = 0; k < n_metrics; k++) {
			if (strcmp(metrics[k].name, goals[i].metric) || (goals[i].is_ratio && !at))
				continue;
			verdict = judge(&goals[i], metrics[k].of[at], metrics[k].of[0], list);
			worst = verdict == 3 || !worst ? verdict : worst;
		}
	return worst;
}

static int write_json(const char *path, json_t *metrics, json_t *verdicts, double steal)
{
	struct utsname host = {};
	json_t *root;
	int err;

	uname(&host);
	root = json_pack("{s:s, s:s, s:f, s:O, s:O}", "kernel", host.release, "machine", host.machine,
			 "steal_percent", steal, "metrics", metrics, "goals", verdicts);
	err = !root || (path && json_dump_file(root, path, JSON_INDENT(2) | JSON_REAL_PRECISION(6)));
	json_decref(root);
	return err ? farm_fail(-EIO, "cannot write %s", path) : 0;
}

int report(const struct site *sites, unsigned int n_sites, const struct metric *metrics,
	   unsigned int n_metrics, const struct record *disk, double steal_percent,
	   const char *json_path)
{
	json_t *list = json_array(), *verdicts = json_array();
	int verdict, err;

	printf("%u clients; x: median of the rounds' ratios to %s; again: asked again after 1 s\n\n"
	       "%-30s %-8s %8s %-8s %9s %-8s %9s %9s %5s %5s\n", sites[0].n, sites[0].name, "", "",
	       "per s", "", "median ms", "", "p99 ms", "max ms", "again", "wrong");
	for (unsigned int i = 0; i < n_metrics; i++) {
		print_metric(sites, n_sites, &metrics[i]);
		json_array_append_new(list, json_metric(sites, n_sites, &metrics[i]));
	}
	json_array_append_new(list, json_pack("{s:s, s:f, s:f, s:f}", "name", "disk",
		"median_ms", value(disk, FIGURE_MEDIAN), "p99_ms", value(disk, FIGURE_P99),
		"max_ms", value(disk, FIGURE_MAX)));
	printf("%-30s %-8s %8.0f %-8s %9.3f %-8s %9.3f %9.3f\n", "4 KiB written and synced", "the disk",
	       value(disk, FIGURE_RATE), "", value(disk, FIGURE_MEDIAN), "",
	       value(disk, FIGURE_P99), value(disk, FIGURE_MAX));
	printf("\nculvert, against %s:\n", sites[0].name);
	verdict = judge_all(sites, n_sites, metrics, n_metrics, verdicts);
	if (steal_percent > STEAL_MAX) {
		printf("too noisy: the hypervisor took %.0f %% of the time\n", steal_percent);
		verdict = 4;
	}
	err = json_path ? write_json(json_path, list, verdicts, steal_percent) : 0;
	json_decref(list);
	json_decref(verdicts);
	return err ? err : verdict;
}
