// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CPU that all is measured on, and whether we had it to ourselves.
 */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/resource.h>

#include <bpf/libbpf.h>

#include "bench.h"

static int print_warnings(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, ap) : 0;
}

int bench_begin(struct bench *b)
{
	cpu_set_t cpus;

	libbpf_set_print(print_warnings);
	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		return bench_fail(-errno, "cannot tell our CPUs");
	while (!CPU_ISSET(b->cpu, &cpus))
		b->cpu++;
	CPU_ZERO(&cpus);
	CPU_SET(b->cpu, &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus) ?
	       bench_fail(-errno, "cannot run on CPU %d", b->cpu) : 0;
}

static long switches(void)
{
	struct rusage use;

	return getrusage(RUSAGE_THREAD, &use) ? 0 : use.ru_nivcsw;
}

void window_begin(struct bench *b)
{
	b->switches = switches();
}

void window_end(struct bench *b)
{
	b->spoilt = switches() != b->switches;
}
