// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses outside that guests have whole.  They follow from the port and its
 * network, so they are kept where the port is written, and nowhere else.
 */
#include <errno.h>

#include <bpf/bpf.h>

#include "tables_impl.h"

int tables_whole_get(struct tables *t, __be32 addr, struct cv_whole *ret)
{
	struct cv_whole w;

	if (bpf_map_lookup_elem(t->whole, &addr, &w))
		return -errno;
	*ret = w;
	return 0;
}

struct whole_walk {
	int (*fn)(__be32 addr, const struct cv_whole *w, void *arg);
	void *arg;
};

static int visit_whole(const void *key, const void *value, void *arg)
{
	const struct whole_walk *walk = arg;

	return walk->fn(*(const __be32 *)key, value, walk->arg);
}

int tables_each_whole(struct tables *t, int (*fn)(__be32 addr, const struct cv_whole *w, void *arg), void *arg)
{
	struct whole_walk walk = { fn, arg };

	return tables_walk(t->whole, sizeof(__be32), sizeof(struct cv_whole), visit_whole, &walk);
}

bool tables_shows_guests(const struct cv_network *n)
{
	return n->mode == CV_MODE_ROUTE ||
	       (n->mode == CV_MODE_NAT && n->untranslated[0].mask);
}

static bool shows_own(struct tables *t, const struct cv_port *p)
{
	struct cv_network n;

	return p->ip && !tables_network_get(t, p->net, &n) && tables_shows_guests(&n);
}

static bool has_whole(struct tables *t, const struct cv_port *p, __be32 addr)
{
	return p->external == addr || (p->ip == addr && shows_own(t, p));
}

/* An entry may be what a killed run left of a port that is gone by now. */
static bool is_stale(struct tables *t, __be32 addr, __u32 slot)
{
	struct cv_port p;
	int err = tables_port_get(t, slot, &p);

	return err == -ENOENT || (!err && !has_whole(t, &p, addr));
}

/* Return: 1 when it was not ours before, 0 when it was, -EADDRINUSE, or -errno. */
static int claim(struct tables *t, __be32 addr, __u32 slot, __u32 flags)
{
	struct cv_whole want = { .slot = slot, .flags = flags }, now = {};
	int err = tables_whole_get(t, addr, &now);

	if (err && err != -ENOENT)
		return err;
	if (now.slot == slot && now.flags == flags)
		return 0;
	if (!err && now.slot != slot && !is_stale(t, addr, now.slot))
		return -EADDRINUSE;
	if (bpf_map_update_elem(t->whole, &addr, &want, BPF_ANY))
		return -errno;
	return now.slot != slot;
}

static int leave(struct tables *t, __be32 addr, __u32 slot)
{
	struct cv_whole now = {};
	int err = tables_whole_get(t, addr, &now);

	if (err || now.slot != slot)
		return err == -ENOENT ? 0 : err;
	return bpf_map_delete_elem(t->whole, &addr) ? -errno : 0;
}

int tables_whole_claim(struct tables *t, __u32 slot, const struct cv_port *p)
{
	int external = 0, own = 0;

	if (p->external)
		external = claim(t, p->external, slot, CV_WHOLE_OPEN);
	if (external >= 0 && shows_own(t, p) && p->ip != p->external)
		own = claim(t, p->ip, slot, 0);
	if (own < 0 && external > 0)
		leave(t, p->external, slot);
	return external < 0 ? external : own < 0 ? own : 0;
}

int tables_whole_leave(struct tables *t, __u32 slot, const struct cv_port *before,
		       const struct cv_port *now)
{
	const __be32 had[] = { before->external, before->ip };
	int err = 0;

	for (int i = 0; i < 2 && !err; i++)
		if (had[i] && !(now && has_whole(t, now, had[i])))
			err = leave(t, had[i], slot);
	return err;
}
