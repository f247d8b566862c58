// SPDX-License-Identifier: GPL-2.0-only
/* What the programs count per CPU (drops, totals), and their clocks. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "mem.h"
#include "tables_impl.h"

/* The kernel gives each CPU's value a multiple of eight bytes. */
static size_t percpu_stride(size_t value_size)
{
	return (value_size + 7) & ~(size_t)7;
}

long tables_percpu_size(size_t value_size)
{
	int cpus = libbpf_num_possible_cpus();

	return cpus < 0 ? cpus : (long)(cpus * percpu_stride(value_size));
}

struct drop_walk {
	int (*fn)(const struct cv_drop_key *k, __u64 packets, void *arg);
	void *arg;
	size_t size;
};

static int visit_drop(const void *key, const void *value, void *arg)
{
	const struct drop_walk *w = arg;
	struct cv_drop_count count;
	__u64 packets = 0;
	size_t at;

	for (at = 0; at < w->size; at += percpu_stride(sizeof(count))) {
		memcpy(&count, (const char *)value + at, sizeof(count));
		packets += count.packets;
	}
	return w->fn(key, packets, w->arg);
}

int tables_each_drop(struct tables *t, int (*fn)(const struct cv_drop_key *k, __u64 packets, void *arg), void *arg)
{
	struct drop_walk w = { .fn = fn, .arg = arg };
	long size = tables_percpu_size(sizeof(struct cv_drop_count));

	if (size < 0)
		return size;
	w.size = size;
	return tables_walk(t->drops, sizeof(struct cv_drop_key), size, visit_drop, &w);
}

int tables_drop_add(struct tables *t, const struct cv_drop_key *k, __u64 packets)
{
	long size = tables_percpu_size(sizeof(struct cv_drop_count));
	struct cv_drop_count *count;
	_free_ char *value = size < 0 ? NULL : calloc(1, size);

	if (size < 0)
		return size;
	if (!value)
		return -ENOMEM;
	if (bpf_map_lookup_elem(t->drops, k, value) && errno != ENOENT)
		return -errno;
	count = (void *)value;	/* of the first CPU; only the sum is of interest */
	count->packets += packets;
	return bpf_map_update_elem(t->drops, k, value, BPF_ANY) ? -errno : 0;
}

struct drop_clearing {
	struct tables *t;
	__u32 net, slot;
};

static int clear_drop(const struct cv_drop_key *k, __u64 packets, void *arg)
{
	struct drop_clearing *c = arg;

	if ((c->net && k->net != c->net) || (c->slot && k->slot != c->slot))
		return 0;
	return bpf_map_delete_elem(c->t->drops, k) && errno != ENOENT ? -errno : 0;
}

int tables_drops_clear(struct tables *t, __u32 net, __u32 slot)
{
	struct drop_clearing c = { .t = t, .net = net, .slot = slot };

	return tables_each_drop(t, clear_drop, &c);
}

int tables_totals(struct tables *t, struct cv_totals *ret)
{
	long size = tables_percpu_size(sizeof(*ret)), at;
	struct cv_totals sum = {}, one;
	_free_ char *value = NULL;
	__u32 zero = 0;

	if (size < 0)
		return size;
	value = malloc(size);
	if (!value)
		return -ENOMEM;
	if (bpf_map_lookup_elem(t->totals, &zero, value))
		return -errno;
	for (at = 0; at < size; at += percpu_stride(sizeof(one))) {
		memcpy(&one, value + at, sizeof(one));
#define TABLES_ADD(name) sum.name += one.name;
		CV_TOTALS(TABLES_ADD)
#undef TABLES_ADD
	}
	*ret = sum;
	return 0;
}

/* --- names */

static const char *const drop_names[][2] = {
#define TABLES_DROP(id, name, text) [CV_DROP_##id] = { name, text },
	CV_DROP_REASONS(TABLES_DROP)
#undef TABLES_DROP
};

const char *tables_drop_name(__u32 reason)
{
	return reason > CV_OK && reason < CV_N_DROPS ? drop_names[reason][0] : "unknown";
}

const char *tables_drop_text(__u32 reason)
{
	return reason > CV_OK && reason < CV_N_DROPS ? drop_names[reason][1] :
		"a reason that this version does not know";
}

/* --- clocks */

static __u64 clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (__u64)now.tv_sec * 1000000000ULL + now.tv_nsec;
}

__u32 tables_now_ticks(void)
{
	return clock_ns(CLOCK_MONOTONIC) >> CV_TICK_SHIFT;
}

__u64 tables_boot_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}
