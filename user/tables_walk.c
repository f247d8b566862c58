// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walks over maps, by the kernel's batch calls: a table of 262144 flows is
 * read in a few hundred calls, and a deletion by others while we walk costs
 * nothing.  All map types used here have them since Linux 5.13, below our
 * floor of 6.1.
 *
 * Networks and ports are few entries in large arrays, and commands look through
 * them again and again: they are read in the maps' own memory, a hundred times
 * quicker.  Each entry is copied before it is shown, as the kernel would.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>

#include "mem.h"
#include "tables_impl.h"

#define BATCH_ENTRIES	1024
#define BATCH_BYTES	(256 * 1024)
#define MAX_KEY_SIZE	32

struct batch {
	size_t key_size, value_size;
	__u32 n;		/* room */
	char *keys, *values;
	char cursor[MAX_KEY_SIZE];	/* the kernel's: a bucket, or the last key */
	bool begun;
};

static void batch_release(struct batch *b)
{
	free(b->keys);
	free(b->values);
	b->keys = b->values = NULL;
}

static int batch_alloc(struct batch *b, __u32 n)
{
	batch_release(b);
	b->n = n;
	b->keys = calloc(n, b->key_size);
	b->values = calloc(n, b->value_size);
	return b->keys && b->values ? 0 : -ENOMEM;
}

/* Return: 1 when more may follow, 0 at the end, or -errno. */
static int batch_read(int map_fd, struct batch *b, __u32 *ret_n)
{
	char next[MAX_KEY_SIZE] = {};
	__u32 n;
	int err;

	for (;;) {
		n = b->n;
		if (!bpf_map_lookup_batch(map_fd, b->begun ? b->cursor : NULL, next,
					  b->keys, b->values, &n, NULL))
			break;
		if (errno == ENOENT) {
			*ret_n = n;
			return 0;
		}
		if (errno == EINTR || errno == EAGAIN)
			continue;
		if (errno != ENOSPC)
			return -errno;
		/* A bucket with more entries than there is room. */
		err = batch_alloc(b, b->n * 2);
		if (err)
			return err;
	}
	memcpy(b->cursor, next, sizeof(next));
	b->begun = true;
	*ret_n = n;
	return 1;
}

static int batch_visit(const struct batch *b, __u32 n,
		       int (*fn)(const void *key, const void *value, void *arg), void *arg)
{
	__u32 i;
	int ret;

	for (i = 0; i < n; i++) {
		ret = fn(b->keys + i * b->key_size, b->values + i * b->value_size, arg);
		if (ret)
			return ret;
	}
	return 0;
}

int tables_walk(int map_fd, size_t key_size, size_t value_size,
		int (*fn)(const void *key, const void *value, void *arg), void *arg)
{
	__attribute__((cleanup(batch_release))) struct batch b = {
		.key_size = key_size, .value_size = value_size,
	};
	__u32 room = BATCH_BYTES / value_size, n = 0;
	int err, more;

	if (key_size > MAX_KEY_SIZE)
		return -EINVAL;
	err = batch_alloc(&b, room < BATCH_ENTRIES ? room + 1 : BATCH_ENTRIES);
	if (err)
		return err;
	do {
		more = batch_read(map_fd, &b, &n);
		if (more < 0)
			return more;
		err = batch_visit(&b, n, fn, arg);
		if (err)
			return err;
	} while (more);
	return 0;
}

/* --- arrays in their own memory */

/* The kernel keeps entries at multiples of eight bytes. */
static size_t array_stride(size_t value_size)
{
	return (value_size + 7) & ~(size_t)7;
}

/* Return: whether it is mapped; maps of an earlier culvert cannot be. */
static bool map_array(int fd, struct tables_array *a, size_t bytes)
{
	void *at;

	if (a->at)
		return true;
	at = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return false;
	*a = (struct tables_array) { at, bytes };
	return true;
}

#define MAX_ARRAY_VALUE	1024

/* As tables_walk(), of an array with @n entries. */
static int walk_array(int fd, struct tables_array *a, __u32 n, size_t size,
		      int (*fn)(const void *key, const void *value, void *arg), void *arg)
{
	const size_t stride = array_stride(size);
	_Alignas(8) char value[MAX_ARRAY_VALUE];
	int ret = 0;

	if (size > sizeof(value) || !map_array(fd, a, stride * n))
		return tables_walk(fd, sizeof(n), size, fn, arg);
	for (__u32 i = 0; i < n && !ret; i++) {
		memcpy(value, a->at + i * stride, size);
		ret = fn(&i, value, arg);
	}
	return ret;
}

static void unmap_array(struct tables_array *a)
{
	if (a->at)
		munmap((void *)a->at, a->bytes);
	a->at = NULL;
}

void tables_arrays_unmap(struct tables *t)
{
	unmap_array(&t->network_array);
	unmap_array(&t->port_array);
}

/* --- the typed walks */

struct network_walk {
	int (*fn)(__u16 id, const struct cv_network *n, void *arg);
	void *arg;
};

static int visit_network(const void *key, const void *value, void *arg)
{
	const struct cv_network *n = value;
	const struct network_walk *w = arg;

	return n->mode ? w->fn(*(const __u32 *)key, n, w->arg) : 0;
}

int tables_each_network(struct tables *t, int (*fn)(__u16 id, const struct cv_network *n, void *arg), void *arg)
{
	struct network_walk w = { .fn = fn, .arg = arg };

	return walk_array(t->networks, &t->network_array, t->layout.max_networks,
			  sizeof(struct cv_network), visit_network, &w);
}

struct port_walk {
	int (*fn)(__u32 slot, const struct cv_port *p, void *arg);
	void *arg;
	__u16 net;
};

static int visit_port(const void *key, const void *value, void *arg)
{
	const struct port_walk *w = arg;
	const struct cv_port *p = value;

	if (!p->net || (w->net && p->net != w->net))
		return 0;
	return w->fn(*(const __u32 *)key, p, w->arg);
}

int tables_each_port(struct tables *t, __u16 net, int (*fn)(__u32 slot, const struct cv_port *p, void *arg), void *arg)
{
	struct port_walk w = { .fn = fn, .arg = arg, .net = net };

	return walk_array(t->ports, &t->port_array, t->layout.max_ports, sizeof(struct cv_port),
			  visit_port, &w);
}

struct lease_walk {
	int (*fn)(const struct cv_lease_key *k, const struct cv_lease *l, void *arg);
	void *arg;
	__u16 net;
};

static int visit_lease(const void *key, const void *value, void *arg)
{
	const struct cv_lease_key *k = key;
	const struct lease_walk *w = arg;

	if (w->net && k->net != w->net)
		return 0;
	return w->fn(k, value, w->arg);
}

int tables_each_lease(struct tables *t, __u16 net, int (*fn)(const struct cv_lease_key *k, const struct cv_lease *l, void *arg), void *arg)
{
	struct lease_walk w = { .fn = fn, .arg = arg, .net = net };

	return tables_walk(t->leases, sizeof(struct cv_lease_key), sizeof(struct cv_lease), visit_lease, &w);
}
