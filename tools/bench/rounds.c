// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rounds: every site once, the first one another each time and every second
 * round backwards, so that neither who comes first, nor after whom, nor a slow
 * second favours a backend.  Ratios are taken inside a
 * round; the median over rounds is what counts.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "mem.h"

#define MAX_REPEATS	7
#define ENOUGH_WINDOWS	50
#define HOPELESS	0.9	/* of windows that are disturbed */
#define MIN_ROUNDS	5	/* run even past the deadline: a median needs some */

/* One metric's values of every site and round. */
struct samples {
	double of[METRIC_VALUES][BENCH_MAX_SITES][BENCH_MAX_ROUNDS];
	unsigned int rounds;
	unsigned int windows, disturbed;
};

static bool takes_part(const struct site *s, const struct metric *m)
{
	return s->backend > TAP_FLOOR || m->above_floor;
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

/*
 * A window in which the kernel gave our CPU to somebody else has measured him,
 * and is repeated; where that happens to nearly all of a metric it would be in vain.
 */
static int visit(struct bench *b, struct site *s, const struct metric *m,
		 struct samples *samples, double value[METRIC_VALUES])
{
	int repeats = m->fills ? 3 : MAX_REPEATS;

	for (int try = 0; ; try++) {
		int err;

		/* Who waits for our CPU may have it now, not in the window. */
		sched_yield();
		err = m->window(b, s, m, value);
		samples->windows++;
		if (err || !b->spoilt)
			return err;
		samples->disturbed++;
		if (try == repeats || (samples->windows > ENOUGH_WINDOWS &&
					   samples->disturbed > HOPELESS * samples->windows))
			return 0;
	}
}

static int visit_all(struct bench *b, const struct metric *m, struct samples *samples)
{
	unsigned int r = samples->rounds++;

	for (unsigned int i = 0; i < b->n_sites; i++) {
		unsigned int place = r % 2 ? b->n_sites - 1 - i : i;
		unsigned int at = (place + r / 2) % b->n_sites;
		struct site *s = &b->sites[at];
		double value[METRIC_VALUES] = {};
		int err;

		if (!takes_part(s, m))
			continue;
		err = visit(b, s, m, samples, value);
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

	if (b->max_rounds && most > b->max_rounds)
		most = b->max_rounds;

	for (samples->rounds = 0; samples->rounds < most;) {
		if (samples->rounds >= MIN_ROUNDS && now_ns() > b->deadline_ns)
			break;
		print_progress(b, m->label[0], samples->rounds, most);
		err = visit_all(b, m, samples);
		if (err)
			return err;
	}
	return 0;
}

/*
 * Time per packet becomes time above the floor (with TAPs, above the TAPs'
 * own), at the speed of reference, which is that of the generator.
 */
static void scale(struct bench *b, struct samples *samples)
{
	const double *generator = samples->of[0][0], *floor = samples->of[0][b->first - 1];

	for (unsigned int r = 0; r < samples->rounds; r++)
		for (unsigned int i = b->first; i < b->n_sites; i++)
			samples->of[0][i][r] = (samples->of[0][i][r] - floor[r]) / generator[r] *
					       BENCH_FLOOR_NS;
}

static void raw_medians(struct bench *b, const struct samples *samples, struct row *row)
{
	double buf[BENCH_MAX_ROUNDS];

	for (unsigned int i = 0; i < b->n_sites; i++) {
		memcpy(buf, samples->of[0][i], samples->rounds * sizeof(*buf));
		row->of[i].raw = quartiles_of(buf, samples->rounds).median;
		row->of[i].least = buf[0];
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
	b->windows += samples->windows;
	b->disturbed += samples->disturbed;
	for (unsigned int i = 0; i < b->n_sites && !err; i++)
		if (takes_part(&b->sites[i], m)) {
			err = prove_end(b, &b->sites[i], m->name[0], rows[0].of[i].carried);
			memcpy(rows[0].of[i].due, b->sites[i].due, sizeof(rows[0].of[i].due));
		}
	if (err)
		return err;
	if (m->above_floor) {
		raw_medians(b, samples, &rows[0]);
		scale(b, samples);
	}
	rows[1] = rows[0];
	for (int v = 0; v < METRIC_VALUES && m->name[v]; v++) {
		rows[v].name = m->name[v];
		rows[v].label = m->label[v];
		rows[v].unit = m->unit[v];
		rows[v].more_is_better = m->more_is_better[v];
		rows[v].is_time = m->above_floor && !v;
		rows[v].rounds = samples->rounds;
		for (unsigned int i = b->first; i < b->n_sites; i++)
			memcpy(rows[v].of[i].value, samples->of[v][i],
			       samples->rounds * sizeof(double));
	}
	return 0;
}
