// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rings by which the programs speak to processes: requests to the daemon,
 * events to who looks on.
 */
#include <errno.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tables_impl.h"

static int open_ring(int map_fd, int (*fn)(void *arg, void *data, size_t size), void *arg, struct ring_buffer **ret_ring)
{
	struct ring_buffer *ring = ring_buffer__new(map_fd, fn, arg, NULL);

	if (!ring)
		return -errno;
	*ret_ring = ring;
	return 0;
}

int tables_requests_open(struct tables *t, int (*fn)(void *arg, void *data, size_t size), void *arg, struct ring_buffer **ret_ring)
{
	return open_ring(t->requests, fn, arg, ret_ring);
}

int tables_events_open(struct tables *t, int (*fn)(void *arg, void *data, size_t size), void *arg, struct ring_buffer **ret_ring)
{
	return open_ring(t->events, fn, arg, ret_ring);
}

int tables_ring_fd(const struct ring_buffer *ring)
{
	return ring_buffer__epoll_fd(ring);
}

int tables_ring_consume(struct ring_buffer *ring)
{
	return ring_buffer__consume(ring);
}

void tables_ring_close(struct ring_buffer *ring)
{
	ring_buffer__free(ring);
}

/* --- who looks on */

int tables_monitor_put(struct tables *t, const struct cv_monitor *m)
{
	__u32 zero = 0;

	return bpf_map_update_elem(t->monitor, &zero, m, BPF_ANY) ? -errno : 0;
}

bool tables_monitor_wants(struct tables *t, __u32 what, __u16 net)
{
	struct cv_monitor m;
	__u32 zero = 0;

	if (bpf_map_lookup_elem(t->monitor, &zero, &m))
		return false;
	return m.what & what && (!m.net || m.net == net) &&
	       (__s32)(m.until_tick - tables_now_ticks()) >= 0;
}
