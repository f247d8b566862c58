// SPDX-License-Identifier: GPL-2.0-only
/*
 * dhcp-farm [--quick] [--json FILE] SITES
 *
 * SITES has a line for each server: NAME NETNS LINKS COUNT, for site_open().
 * The first is what the others are compared with.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "farm.h"
#include "mem.h"

#define RENEW_GAP_NS	1100000000
#define DISK_PROBES	10	/* a round */
#define SETTLE_NS	150000000	/* a server's time to take back what was released */

static struct metric metrics[] = {
	{ .name = "first_boot", .label = "all boot at once, never seen",
	  .rounds = 1, .quick_rounds = 1 },
	{ .name = "boot", .label = "all boot at once", .rounds = 9, .quick_rounds = 3 },
	{ .name = "new", .label = "new clients, 16 at once", .in_flight = 16,
	  .rounds = 15, .quick_rounds = 3 },
	{ .name = "renew", .label = "renewals, 64 at once", .in_flight = 64, .renew = true,
	  .rounds = 12, .quick_rounds = 3 },
	{ .name = "renew_alone", .label = "renewals, one at a time", .in_flight = 1, .renew = true,
	  .rounds = 9, .quick_rounds = 2 },
	{ .name = "again", .label = "the same again, 64 at once", .in_flight = 64, .renew = true,
	  .again_ns = 100000000, .rounds = 12, .quick_rounds = 3 },
	{ .name = "again_alone", .label = "the same again, one at a time", .in_flight = 1, .renew = true,
	  .again_ns = 100000000, .rounds = 12, .quick_rounds = 3 },
};

__u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int farm_fail(int err, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "dhcp-farm: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(-err));
	return err;
}

static int sites_read(const char *path, struct site *sites, unsigned int *ret_n)
{
	_fclose_ FILE *f = fopen(path, "re");
	char netns[64], links[32];
	unsigned int n;
	int err = 0;

	if (!f)
		return farm_fail(-errno, "cannot read %s", path);
	while (!err && *ret_n < FARM_MAX_SITES &&
	       fscanf(f, "%15s %63s %31s %u", sites[*ret_n].name, netns, links, &n) == 4) {
		if (!n || n > FARM_MAX_CLIENTS)
			return farm_fail(-ERANGE, "%s: %u clients", path, n);
		err = site_open(&sites[(*ret_n)++], netns, links, n);
	}
	return err;
}

/* What the hypervisor and others took of the farm's CPU cannot be told apart by times alone. */
static int cpu_read(__u64 *ret_busy, __u64 *ret_stolen)
{
	_fclose_ FILE *f = fopen("/proc/stat", "re");
	unsigned long long t[8];

	if (!f || fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2],
			 &t[3], &t[4], &t[5], &t[6], &t[7]) != 8)
		return farm_fail(-ENODATA, "/proc/stat");
	*ret_stolen = t[7];
	*ret_busy = t[0] + t[1] + t[2] + t[5] + t[6] + t[7];
	return 0;
}

static void pause_ns(__u64 ns)
{
	const struct timespec ts = { .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };

	nanosleep(&ts, NULL);
}

/*
 * Leases end at whole seconds: a server that is asked again within one may have
 * nothing to write.  Clients do not do that.
 */
static int renew(struct site *s, const struct metric *m, struct window *w)
{
	__u64 gone_ns = now_ns() - s->renewed_ns;
	int err;

	if (!m->again_ns && gone_ns < RENEW_GAP_NS)
		pause_ns(RENEW_GAP_NS - gone_ns);
	err = m->again_ns ? window_renew(s, m->in_flight, m->again_ns, w) :
			    window_renew_once(s, m->in_flight, w);
	s->renewed_ns = now_ns();
	return err;
}

static int bind_anew(struct site *s, const struct metric *m, struct window *w)
{
	int err = window_release(s);

	pause_ns(SETTLE_NS);
	return err ? err : window_bind(s, m->in_flight ? m->in_flight : s->n, w);
}

/*
 * What is durable cannot be faster than the disk is, which others use, too: a
 * write of 4 KiB and its sync, beside each round of new clients.
 */
static int probe_disk(const char *dir, struct window *w)
{
	static const char block[4096];
	char path[256];
	_fd_ int fd = -1;
	__u64 start_ns;

	snprintf(path, sizeof(path), "%s.disk", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	for (unsigned int i = 0; fd >= 0 && i < DISK_PROBES; i++) {
		start_ns = now_ns();
		if (write(fd, block, sizeof(block)) != sizeof(block) || fdatasync(fd))
			break;
		if (window_keep(w, (now_ns() - start_ns) / 1e3))
			return -ENOMEM;
		w->elapsed_s += (now_ns() - start_ns) / 1e9;
	}
	return w->n ? 0 : farm_fail(-errno, "cannot write %s", path);
}

static int visit(struct site *s, const struct metric *m, struct record *r)
{
	struct window w = {};
	int err = m->renew ? renew(s, m, &w) : bind_anew(s, m, &w);

	if (!err)
		err = record_add(r, &w);
	window_free(&w);
	return err;
}

/* Who is first changes from round to round. */
static int measure(struct site *sites, unsigned int n, struct metric *m, struct record *disk,
		   const char *path)
{
	struct window w;
	int err = 0;

	for (unsigned int i = 0; i < n; i++) {
		m->of[i] = calloc(1, sizeof(*m->of[i]));
		if (!m->of[i])
			return farm_fail(-ENOMEM, "%s", m->name);
	}
	for (unsigned int round = 0; round < m->rounds && !err; round++) {
		for (unsigned int i = 0; i < n && !err; i++) {
			unsigned int at = (round + i) % n;

			err = visit(&sites[at], m, m->of[at]);
		}
		if (err || m->renew)
			continue;
		w = (struct window) {};
		err = probe_disk(path, &w);
		if (!err)
			err = record_add(disk, &w);
		window_free(&w);
	}
	return err;
}

static int measure_all(struct site *sites, unsigned int n, bool quick, const char *json,
		       const char *path)
{
	static struct record disk;
	__u64 busy[2], stolen[2];
	int err = cpu_read(&busy[0], &stolen[0]);

	for (unsigned int i = 0; i < ARRAY_SIZE(metrics) && !err; i++) {
		if (quick)
			metrics[i].rounds = metrics[i].quick_rounds;
		err = measure(sites, n, &metrics[i], &disk, path);
	}
	if (!err)
		err = cpu_read(&busy[1], &stolen[1]);
	if (!err)
		err = report(sites, n, metrics, ARRAY_SIZE(metrics), &disk,
			     100.0 * (stolen[1] - stolen[0]) / (busy[1] - busy[0] + 1), json);
	window_free(&disk.all);
	return err;
}

static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(FARM_CPU, &set);
	sched_setaffinity(0, sizeof(set), &set);	/* one CPU alone is as good */
}

int main(int argc, char **argv)
{
	struct site sites[FARM_MAX_SITES] = {};
	const char *json = NULL;
	unsigned int n = 0;
	bool quick = false;
	int at = 1, err;

	for (unsigned int i = 0; i < FARM_MAX_SITES; i++)
		sites[i].fd = -1;
	for (; at < argc - 1; at++) {
		if (!strcmp(argv[at], "--quick"))
			quick = true;
		else if (!strcmp(argv[at], "--json") && at < argc - 2)
			json = argv[++at];
		else
			break;
	}
	if (at != argc - 1) {
		fprintf(stderr, "usage: dhcp-farm [--quick] [--json FILE] SITES\n");
		return 2;
	}
	pin();
	err = sites_read(argv[at], sites, &n);
	if (!err)
		err = measure_all(sites, n, quick, json, argv[at]);
	for (unsigned int i = 0; i < n; i++)
		site_close(&sites[i]);
	for (unsigned int i = 0; i < ARRAY_SIZE(metrics); i++)
		for (unsigned int k = 0; k < n; k++) {
			if (metrics[i].of[k])
				window_free(&metrics[i].of[k]->all);
			free(metrics[i].of[k]);
		}
	return err < 0 ? 1 : err;
}
