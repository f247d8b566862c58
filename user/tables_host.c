// SPDX-License-Identifier: GPL-2.0-only
/*
 * Forwards that listen on the host's loopback: for its own sockets alone.  The
 * programs only read them; commands write them, and have the lock.
 */
#include <arpa/inet.h>
#include <errno.h>

#include <bpf/bpf.h>

#include "tables_impl.h"

static struct cv_host_listen key_of(__be32 addr, __u8 proto, __u16 port)
{
	return (struct cv_host_listen) { .addr = addr, .port = htons(port), .proto = proto };
}

static struct tables_external describe(const struct cv_host_listen *k,
				       const struct cv_host_forward *f)
{
	return (struct tables_external) {
		.addr = k->addr, .port = ntohs(k->port), .proto = k->proto,
		.slot = f->slot, .guest_port = ntohs(f->lport), .forward = true,
	};
}

int tables_host_forward_get(struct tables *t, __be32 addr, __u8 proto, __u16 port,
			    struct tables_external *ret)
{
	struct cv_host_listen key = key_of(addr, proto, port);
	struct cv_host_forward f;

	if (bpf_map_lookup_elem(t->host_forwards, &key, &f))
		return -errno;
	*ret = describe(&key, &f);
	return 0;
}

int tables_host_forward_put(struct tables *t, __be32 addr, __u8 proto, __u16 port, __u32 slot,
			    __u16 guest_port)
{
	struct cv_host_forward f = { .slot = slot, .lport = htons(guest_port) };
	struct cv_host_listen key = key_of(addr, proto, port);
	struct tables_external now;
	int err;

	if (!slot || !port || !guest_port)
		return -EINVAL;
	if (!bpf_map_update_elem(t->host_forwards, &key, &f, BPF_NOEXIST))
		return 1;
	if (errno != EEXIST)
		return errno == E2BIG ? -ENOSPC : -errno;
	err = tables_host_forward_get(t, addr, proto, port, &now);
	if (err)
		return err;
	return now.slot == slot && now.guest_port == guest_port ? 0 : -EADDRINUSE;
}

int tables_host_forward_clear(struct tables *t, __be32 addr, __u8 proto, __u16 port, __u32 slot)
{
	struct cv_host_listen key = key_of(addr, proto, port);
	struct tables_external now;
	int err;

	err = tables_host_forward_get(t, addr, proto, port, &now);
	if (err || now.slot != slot)
		return err == -ENOENT ? 0 : err;
	return bpf_map_delete_elem(t->host_forwards, &key) ? -errno : 1;
}

/* --- all of them */

struct visit {
	int (*fn)(const struct tables_external *e, void *arg);
	void *arg;
};

static int visit(const void *key, const void *value, void *arg)
{
	struct tables_external x = describe(key, value);
	const struct visit *v = arg;

	return v->fn(&x, v->arg);
}

int tables_each_host_forward(struct tables *t,
			     int (*fn)(const struct tables_external *e, void *arg), void *arg)
{
	struct visit v = { fn, arg };

	return tables_walk(t->host_forwards, sizeof(struct cv_host_listen),
			   sizeof(struct cv_host_forward), visit, &v);
}

struct slot_search {
	struct tables *t;
	__u32 slot;
};

static int clear_of_slot(const struct tables_external *x, void *arg)
{
	const struct slot_search *s = arg;
	struct cv_port p;
	int err = 0;

	if (s->slot ? x->slot == s->slot : tables_port_get(s->t, x->slot, &p) == -ENOENT)
		err = tables_host_forward_clear(s->t, x->addr, x->proto, x->port, x->slot);
	return err < 0 ? err : 0;
}

int tables_host_forwards_clear(struct tables *t, __u32 slot)
{
	return tables_each_host_forward(t, clear_of_slot, &(struct slot_search) { t, slot });
}
