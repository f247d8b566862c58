// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench-scale ROUNDS WINDOW_MS FLOWS SITES
 *
 * What a packet costs at hosts that differ in one thing: how many flows or
 * networks there are besides.  The generator, the sinks and the visits in turn
 * are the bench's own (../bench.h); its proof is not, as there are several
 * culverts here, each with maps of its own.
 *
 * A line of SITES is as topo.sh writes it (no TAPs here), followed by a label and the host's
 * CULVERT_BPF; the first is the floor.  FLOWS packets' flows are made both
 * ways, then used in turn.  Prints JSON: for each label and direction the time
 * per packet, ns, of each round.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <culvert/abi.h>

#include "../bench.h"
#include "mem.h"

#define MAX_REPEATS 3
#define CHUNK 512	/* flows read with one call */

struct label {
	char name[32], bpf[200];
	__u64 seen[N_DIRECTIONS];
	double ns[N_DIRECTIONS][BENCH_MAX_ROUNDS];
};

static struct label labels[BENCH_MAX_SITES];

static int labels_read(const char *path, unsigned int n)
{
	_fclose_ FILE *f = fopen(path, "re");
	char line[512];

	for (unsigned int i = 0; f && i < n && fgets(line, sizeof(line), f); i++)
		if (sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %31s %199s", labels[i].name,
			   labels[i].bpf) != 2)
			return bench_fail(-EINVAL, "no label in \"%s\"", line);
	return f ? 0 : bench_fail(-errno, "cannot open \"%s\"", path);
}

/* --- proof: the host's own flows have grown by what arrived */

static int count_bytes(const struct label *l, __u64 ret[N_DIRECTIONS])
{
	static struct cv_tuple keys[CHUNK];
	static struct cv_flow flows[CHUNK];
	__u64 in, out, *from = NULL;
	char path[256];
	_fd_ int fd = -1;
	int err;

	snprintf(path, sizeof(path), "%s/map/flows", l->bpf);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return bench_fail(-errno, "cannot open \"%s\"", path);
	ret[UP] = ret[DOWN] = 0;
	do {
		__u32 n = CHUNK;

		err = bpf_map_lookup_batch(fd, from, &out, keys, flows, &n, NULL);
		if (err && err != -ENOENT)
			return bench_fail(err, "cannot read \"%s\"", path);
		for (__u32 i = 0; i < n; i++) {
			ret[UP] += flows[i].out_bytes;
			ret[DOWN] += flows[i].in_bytes;
		}
		in = out;
		from = &in;
	} while (!err);
	return 0;
}

static int prove(const struct site *s, const struct label *l)
{
	__u64 now[N_DIRECTIONS];
	int err = count_bytes(l, now);

	for (int d = 0; d < N_DIRECTIONS && !err; d++)
		/* Counters of flows may lose a few packets. */
		if (now[d] - l->seen[d] < s->due[d] - s->due[d] / 1000)
			err = bench_fail(-ENODATA, "%s: its flows counted %llu bytes, %llu arrived",
					 l->name, now[d] - l->seen[d], s->due[d]);
	return err;
}

/* --- measuring */

static int open_all(struct bench *b, const char *sites, const struct metric *m)
{
	int err = sites_read(b, sites);

	if (!err)
		err = labels_read(sites, b->n_sites);
	for (unsigned int i = 0; i < b->n_sites && !err; i++) {
		struct site *s = &b->sites[i];

		err = hooks_attach(b, s);
		if (!err)
			err = packets_open(b, s);
		if (!err && i)
			err = count_bytes(&labels[i], labels[i].seen);
		if (!err)
			err = packets_establish(b, s, m);
	}
	return err;
}

/* A window in which somebody else had our CPU has measured him, and is repeated a few times. */
static int window(struct bench *b, struct site *s, const struct metric *m, double value[METRIC_VALUES])
{
	int err;

	for (int try = 0; try <= MAX_REPEATS; try++) {
		/* Who waits for our CPU may have it now. */
		sched_yield();
		err = packets_window(b, s, m, value);
		if (err || !b->spoilt)
			break;
	}
	return err;
}

static int visit(struct bench *b, struct metric *m, unsigned int round)
{
	for (unsigned int i = 0; i < b->n_sites; i++) {
		unsigned int at = (i + round) % b->n_sites;
		double value[METRIC_VALUES];
		int err = window(b, &b->sites[at], m, value);

		if (err)
			return err;
		labels[at].ns[m->direction][round] = value[0];
	}
	return 0;
}

static void print(const struct bench *b, unsigned int rounds)
{
	printf("{");
	for (unsigned int i = 0; i < b->n_sites; i++) {
		printf("%s\n\"%s\": {", i ? "," : "", labels[i].name);
		for (int d = 0; d < N_DIRECTIONS; d++) {
			printf("%s\n\"%s\": [", d ? "," : "", d == UP ? "up" : "down");
			for (unsigned int r = 0; r < rounds; r++)
				printf("%s%.1f", r ? "," : "", labels[i].ns[d][r]);
			printf("]");
		}
		printf("}");
	}
	printf("\n}\n");
}

static int run(struct bench *b, struct metric *m, const char *sites)
{
	int err = open_all(b, sites, m);

	/* Both directions within a round: the machine's speed is theirs, too. */
	for (unsigned int r = 0; r < m->rounds && !err; r++)
		for (int d = 0; d < N_DIRECTIONS && !err; d++) {
			m->direction = d;
			err = visit(b, m, r);
		}
	for (unsigned int i = 1; i < b->n_sites && !err; i++)
		err = prove(&b->sites[i], &labels[i]);
	return err;
}

int main(int argc, char **argv)
{
	struct metric m = { 0 };
	struct bench b = { 0 };
	int err;

	if (argc != 5 || !(m.rounds = strtoul(argv[1], NULL, 10)) || m.rounds > BENCH_MAX_ROUNDS ||
	    !(m.window_ns = strtoul(argv[2], NULL, 10) * 1000000ULL) ||
	    !(m.flows = strtoul(argv[3], NULL, 10)) || m.flows > BENCH_MAX_FLOWS) {
		fputs("usage: bench-scale ROUNDS WINDOW_MS FLOWS SITES\n", stderr);
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	err = bench_begin(&b);
	/* Who else is on this CPU would be in the windows; refused, it is measured all the same. */
	setpriority(PRIO_PROCESS, 0, -20);
	if (!err)
		err = run(&b, &m, argv[4]);
	if (!err)
		print(&b, m.rounds);
	for (unsigned int i = 0; i < b.n_sites; i++) {
		packets_release(&b.sites[i]);
		hooks_release(&b.sites[i]);
	}
	return err ? 1 : 0;
}
