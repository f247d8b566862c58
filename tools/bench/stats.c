// SPDX-License-Identifier: GPL-2.0-only
/* Medians, quartiles, and how much of the time the hypervisor took. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "mem.h"

int double_cmp(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double quantile(const double *sorted, unsigned int n, double q)
{
	double at = q * (n - 1);
	unsigned int below = floor(at);

	if (below + 1 >= n)
		return sorted[n - 1];
	return sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
}

struct quartiles quartiles_of(double *values, unsigned int n)
{
	qsort(values, n, sizeof(*values), double_cmp);
	return (struct quartiles) {
		.q1 = quantile(values, n, 0.25),
		.median = quantile(values, n, 0.50),
		.q3 = quantile(values, n, 0.75),
	};
}

/* BENCH_STAT names another file, for the tests of what follows from it. */
int steal_read(const struct bench *b, struct steal *ret)
{
	const char *path = getenv("BENCH_STAT") ?: "/proc/stat";
	_fclose_ FILE *f = fopen(path, "re");
	unsigned long long user, nice, system, irq, softirq, steal;
	char line[256], name[16];

	snprintf(name, sizeof(name), "cpu%d ", b->cpu);
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, name, strlen(name)) ||
		    sscanf(line + strlen(name), "%llu %llu %llu %*u %*u %llu %llu %llu", &user,
			   &nice, &system, &irq, &softirq, &steal) != 6)
			continue;
		ret->stolen = steal;
		ret->busy = user + nice + system + irq + softirq + steal;
		return 0;
	}
	return bench_fail(-ENODATA, "no line \"%s\" in %s", name, path);
}
