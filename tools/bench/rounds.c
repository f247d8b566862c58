// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rounds: every site once, the first one another each time, so that neither
 * the order nor a slow second favours a backend.  Ratios are taken inside a
 * round; the median over rounds is what counts.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "mem.h"

#define MAX_ROUNDS	256
#define MIN_ROUNDS	5	/* run even past the deadline: a median needs some */

/* One metric's values of every site and round. */
struct samples {
	double of[METRIC_VALUES][BENCH_MAX_SITES][MAX_ROUNDS];
	unsigned int rounds;
};

static bool takes_part(const struct site *s, const struct metric *m)
{
	return s->backend != FLOOR || m->above_floor;
}

static int begin(struct bench *b, const struct metric *m)
{
	int err = 0;

	for (unsigned int i = 0; i < b->n_sites && !err; i++) {
		if (!takes_part(&b->sites[i], m))
			continue;
		err = prove_begin(b, &b->sites[i]);
		if (!err && m->prepare)
			err = m->prepare(b, &b->sites[i], m);
	}
	return err;
}

static int visit_all(struct bench *b, const struct metric *m, struct samples *samples)
{
	unsigned int r = samples->rounds++;

	for (unsigned int i = 0; i < b->n_sites; i++) {
		unsigned int at = (i + r) % b->n_sites;
		struct site *s = &b->sites[at];
		double value[METRIC_VALUES] = {};
		int err;

		if (!takes_part(s, m))
			continue;
		err = m->window(b, s, m, value);
		if (err)
			return err;
		for (int v = 0; v < METRIC_VALUES; v++)
			samples->of[v][at][r] = value[v];
	}
	return 0;
}

static int measure(struct bench *b, const struct metric *m, struct samples *samples)
{
	unsigned int most = b->quick ? m->quick_rounds : m->rounds;
	int err;

	for (samples->rounds = 0; samples->rounds < most;) {
		if (samples->rounds >= MIN_ROUNDS && now_ns() > b->deadline_ns)
			break;
		err = visit_all(b, m, samples);
		if (err)
			return err;
	}
	return 0;
}

/* Time per packet becomes time above the floor, at the speed of reference. */
static void scale(struct bench *b, struct samples *samples)
{
	for (unsigned int i = 1; i < b->n_sites; i++)
		for (unsigned int r = 0; r < samples->rounds; r++)
			samples->of[0][i][r] = (samples->of[0][i][r] / samples->of[0][0][r] - 1) *
					       BENCH_FLOOR_NS;
}

static void summarise(struct bench *b, const struct samples *samples, int v, struct row *row)
{
	unsigned int n = samples->rounds;
	double buf[MAX_ROUNDS];

	for (unsigned int i = 1; i < b->n_sites; i++) {
		const double *own = samples->of[v][i], *first = samples->of[v][1];
		struct quartiles q;

		memcpy(buf, own, n * sizeof(*buf));
		row->of[i].value = quartiles_of(buf, n);
		for (unsigned int r = 0; r < n; r++)
			buf[r] = own[r] / first[r];
		q = quartiles_of(buf, n);
		row->of[i].ratio = q;
		/* Standard error of a median: 1.253 sigma / sqrt(n), sigma = IQR / 1.349. */
		row->of[i].error = 0.929 * (q.q3 - q.q1) / q.median / sqrt(n);
		row->of[i].present = true;
	}
}

static void raw_medians(struct bench *b, const struct samples *samples, struct row *row)
{
	double buf[MAX_ROUNDS];

	for (unsigned int i = 0; i < b->n_sites; i++) {
		memcpy(buf, samples->of[0][i], samples->rounds * sizeof(*buf));
		row->of[i].raw = quartiles_of(buf, samples->rounds).median;
	}
}

int rounds_run(struct bench *b, const struct metric *m, struct row rows[METRIC_VALUES])
{
	_free_ struct samples *samples = calloc(1, sizeof(*samples));
	int err;

	if (!samples)
		return bench_fail(-ENOMEM, "%s", m->name[0]);
	memset(rows, 0, METRIC_VALUES * sizeof(*rows));
	err = begin(b, m);
	if (!err)
		err = measure(b, m, samples);
	for (unsigned int i = 0; i < b->n_sites && !err; i++)
		if (takes_part(&b->sites[i], m)) {
			err = prove_end(b, &b->sites[i], m->name[0], rows[0].of[i].carried);
			memcpy(rows[0].of[i].due, b->sites[i].due, sizeof(rows[0].of[i].due));
		}
	if (err)
		return err;
	rows[1] = rows[0];
	if (m->above_floor) {
		raw_medians(b, samples, &rows[0]);
		scale(b, samples);
	}
	for (int v = 0; v < METRIC_VALUES && m->name[v]; v++) {
		rows[v].name = m->name[v];
		rows[v].label = m->label[v];
		rows[v].unit = m->unit;
		rows[v].more_is_better = m->more_is_better;
		rows[v].is_time = m->above_floor;
		rows[v].rounds = samples->rounds;
		summarise(b, samples, v, &rows[v]);
	}
	return 0;
}
