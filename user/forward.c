// SPDX-License-Identifier: GPL-2.0-only
/*
 * The port forwards of a network.  What is wanted stands in CULVERT_RUN: those
 * of the configuration in NET.yaml, those of commands in NET.forwards; what is
 * open stands in the maps.  A forward belongs to its guest by name: it is
 * opened when the guest's port is added and closed when it goes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "mem.h"
#include "network_impl.h"
#include "paths.h"
#include "state.h"

/* --- what is wanted */

/* Return: index of one that overlaps, or -1 */
static int find_overlap(const struct forward_list *list, const struct forward *f)
{
	for (size_t i = 0; i < list->n; i++)
		if (forward_overlaps(&list->entries[i].forward, f))
			return i;
	return -1;
}

static int load_config_forwards(const char *net, struct forward_list *list)
{
	struct config cfg;
	int err = state_load_config(net, &cfg);

	if (err)
		return err == -ENOENT ? 0 : err;
	for (size_t i = 0; i < cfg.n_forwards && !err; i++)
		err = forward_list_add(list, &cfg.forwards[i], FORWARD_CONFIG);
	config_release(&cfg);
	return err;
}

/*
 * All, no two of which overlap: of the configuration first, so that a command's
 * gives way when the configuration has come to want its port.
 */
static int load_wanted(const char *net, struct forward_list *list)
{
	_forwards_ struct forward_list own = { 0 };
	int err = load_config_forwards(net, list);

	if (!err)
		err = state_load_forwards(net, &own);
	for (size_t i = 0; i < own.n && !err; i++)
		if (find_overlap(list, &own.entries[i].forward) < 0)
			err = forward_list_add(list, &own.entries[i].forward, own.entries[i].origin);
	return err;
}

static int cannot_read(const struct network_work *w, int err)
{
	return log_ret(err, "network '%s': cannot read its forwards in '%s'", w->name, paths_run());
}

static int cannot_write(const struct network_work *w, int err)
{
	return log_ret(err, "network '%s': cannot write its forwards in '%s'", w->name, paths_run());
}

static int add_own(const struct network_work *w, const struct forward *f, enum forward_origin origin)
{
	_forwards_ struct forward_list own = { 0 };
	int err = state_load_forwards(w->name, &own);

	if (err)
		return cannot_read(w, err);
	err = forward_list_add(&own, f, origin);
	if (!err)
		err = state_save_forwards(w->name, &own);
	return err < 0 ? cannot_write(w, err) : 0;
}

/* Sockets of the host are led to guests in any mode, others where addresses are translated. */
static bool fits_mode(const struct network_work *w, const struct forward *f)
{
	return w->entry.mode == CV_MODE_NAT || addr_is_loopback(f->addr);
}

static int check_mode(const struct network_work *w, const struct forward *f)
{
	if (fits_mode(w, f))
		return 0;
	if (w->entry.mode == CV_MODE_ROUTE)
		return log_refuse(-EINVAL, "network '%s' is routed: guests are reached at their own addresses, by forwards on loopback alone",
				  w->name);
	return log_refuse(-EINVAL, "network '%s' is isolated: it has no uplink to listen on", w->name);
}

/* Those that wait until the network translates again. */
static void drop_unfit(const struct network_work *w, struct forward_list *list)
{
	for (size_t i = list->n; i-- > 0; )
		if (!fits_mode(w, &list->entries[i].forward))
			forward_list_remove(list, i);
}

/* --- closing what nobody wants */

struct closing {
	struct network_work *w;
	struct forward_list wanted;
	struct forward_addresses addresses;
	int changed;
};

static int is_here(__be32 addr, __u16 port, void *arg)
{
	const struct tables_external *x = arg;

	return addr == x->addr && port == x->port;
}

static bool is_wanted(const struct closing *c, const struct tables_external *x,
		      const struct cv_port *p)
{
	for (size_t i = 0; i < c->wanted.n; i++) {
		const struct forward *f = &c->wanted.entries[i].forward;
		struct forward one = *f;

		if (!forward_covers(f, x->addr, x->proto, x->port) || strcmp(f->guest, p->name) ||
		    forward_guest_port(f, x->port) != x->guest_port)
			continue;
		one.first = one.last = x->port;
		if (forward_each_port(&one, &c->addresses, is_here, (void *)x))
			return true;
	}
	return false;
}

static int close_unwanted(const struct tables_external *x, void *arg)
{
	struct closing *c = arg;
	struct cv_port p;
	int err;

	err = tables_port_get(c->w->tables, x->slot, &p);
	if (err)
		return err == -ENOENT ? 0 : err;
	if (p.net != c->w->id || is_wanted(c, x, &p))
		return 0;
	err = tables_forward_clear(c->w->tables, x->addr, x->proto, x->port, x->slot);
	if (err > 0)
		c->changed = STEP_CHANGED;
	return err < 0 && err != -EADDRNOTAVAIL ? err : 0;
}

/* Return: step result or -errno.  @c->wanted is set, and the caller's. */
static int close_all_unwanted(struct closing *c)
{
	int err;

	/* Of ports that are gone, from a run that was killed. */
	err = tables_forwards_clear(c->w->tables, 0);
	if (!err)
		err = forward_addresses(c->w->tables, c->w->name, &c->addresses);
	if (!err)
		err = tables_each_forward(c->w->tables, close_unwanted, c);
	if (err)
		return network_failed(c->w, NULL, err, "cannot close its forwards");
	return c->changed;
}

/* --- all of a network */

/* What cannot be opened now is warned of: the guests' network comes up without. */
static int open_wanted(struct network_work *w, const struct forward_list *wanted)
{
	int changed = STEP_UNCHANGED, err;
	struct cv_port p;
	__u32 slot;

	for (size_t i = 0; i < wanted->n; i++) {
		const struct forward *f = &wanted->entries[i].forward;

		err = tables_port_find(w->tables, w->id, f->guest, &slot, &p);
		if (err == -ENOENT)
			continue;
		if (err)
			return network_failed(w, NULL, err, "cannot read its ports");
		if (forward_open(w, f, slot, LOG_LEVEL_WARN) > 0)
			changed = STEP_CHANGED;
	}
	return changed;
}

int forwards_make(struct network_work *w)
{
	struct closing c = { .w = w };
	int closed, opened = 0;

	closed = load_wanted(w->name, &c.wanted);
	if (closed)
		closed = cannot_read(w, closed);
	drop_unfit(w, &c.wanted);
	if (!closed)
		closed = close_all_unwanted(&c);
	if (closed >= 0)
		opened = open_wanted(w, &c.wanted);
	forward_list_release(&c.wanted);
	return closed < 0 || opened < 0 ? (closed < 0 ? closed : opened) : closed | opened;
}

static int close_of_network(const struct tables_external *x, void *arg)
{
	struct network_work *w = arg;
	struct cv_port p;

	if (!tables_port_get(w->tables, x->slot, &p) && p.net == w->id)
		tables_forward_clear(w->tables, x->addr, x->proto, x->port, x->slot);
	return 0;
}

int forwards_undo(struct network_work *w)
{
	int err = w->id ? tables_each_forward(w->tables, close_of_network, w) : 0;

	return err ? network_failed(w, NULL, err, "cannot close its forwards") : 0;
}

/* --- of one port */

static int open_waiting(struct network_work *w, const struct forward_list *wanted,
			const char *guest, __u32 slot)
{
	for (size_t i = 0; i < wanted->n; i++)
		if (!strcmp(wanted->entries[i].forward.guest, guest))
			forward_open(w, &wanted->entries[i].forward, slot, LOG_LEVEL_WARN);
	return 0;
}

static int refuse_overlap(const struct forward_list *wanted, const struct forward *f)
{
	char spec[FORWARD_SIZE], other[FORWARD_SIZE];
	int i = find_overlap(wanted, f);

	if (i < 0)
		return 0;
	return log_refuse(-EADDRINUSE, "forward '%s': '%s' is there already", forward_format(f, spec),
			  forward_format(&wanted->entries[i].forward, other));
}

static int open_own(struct network_work *w, struct forward_list *wanted, const struct forward *f,
		    __u32 slot)
{
	int err = check_mode(w, f);

	if (!err)
		err = refuse_overlap(wanted, f);
	if (!err)
		err = forward_open(w, f, slot, LOG_LEVEL_ERROR);
	if (err < 0)
		return err;
	err = forward_list_add(wanted, f, FORWARD_RUN);
	return err ? cannot_write(w, err) : add_own(w, f, FORWARD_RUN);
}

int forwards_open_port(struct network_work *w, const struct network_port_spec *spec, __u32 slot)
{
	_forwards_ struct forward_list wanted = { 0 };
	int err = load_wanted(w->name, &wanted);

	if (err)
		return cannot_read(w, err);
	drop_unfit(w, &wanted);
	open_waiting(w, &wanted, spec->name, slot);
	for (unsigned int i = 0; i < spec->n_forwards && !err; i++)
		err = open_own(w, &wanted, &spec->forwards[i], slot);
	return err;
}

static int forget_run(struct network_work *w, const char *guest)
{
	_forwards_ struct forward_list own = { 0 };
	int err = state_load_forwards(w->name, &own);
	size_t n = own.n;

	if (err)
		return cannot_read(w, err);
	for (size_t i = own.n; i-- > 0; )
		if (own.entries[i].origin == FORWARD_RUN && !strcmp(own.entries[i].forward.guest, guest))
			forward_list_remove(&own, i);
	err = own.n == n ? 0 : state_save_forwards(w->name, &own);
	return err < 0 ? cannot_write(w, err) : 0;
}

int forwards_close_port(struct network_work *w, __u32 slot, const struct cv_port *p)
{
	int err = tables_forwards_clear(w->tables, slot);

	if (err)
		return port_failed(w, p, err, "cannot close its forwards");
	return forget_run(w, p->name);
}

/* --- by command */

/* Open it when its guest has a port. */
static int open_added(struct network_work *w, const struct forward *f)
{
	struct forward_addresses a;
	struct cv_port p;
	__u32 slot;
	int err;

	err = tables_port_find(w->tables, w->id, f->guest, &slot, &p);
	if (!err)
		err = forward_open(w, f, slot, LOG_LEVEL_ERROR);
	else if (err != -ENOENT)
		return network_failed(w, NULL, err, "cannot read its ports");
	else if (!(err = forward_addresses_attach(w->tables, w->name, &a)) &&
		 !(err = forward_check(w, f, &a, LOG_LEVEL_ERROR)))
		log_info("guest '%s' has no port yet; the forward waits for it", f->guest);
	return err < 0 ? err : 0;
}

int network_forward_add(const char *net, const struct forward *f)
{
	_work_ struct network_work w = NETWORK_WORK_INIT;
	_forwards_ struct forward_list wanted = { 0 };
	int err, i;

	err = network_work_open(&w, net);
	if (err)
		return err;
	err = check_mode(&w, f);
	if (err)
		return err;
	err = load_wanted(net, &wanted);
	if (err)
		return cannot_read(&w, err);
	i = find_overlap(&wanted, f);
	if (i >= 0 && forward_same(&wanted.entries[i].forward, f))
		return open_added(&w, f);
	err = refuse_overlap(&wanted, f);
	if (!err)
		err = open_added(&w, f);
	return err ? err : add_own(&w, f, FORWARD_COMMAND);
}

/* Also from what the network came up with.  Return: how many, or -errno. */
static int remove_config_forwards(const struct network_work *w, const struct forward *f)
{
	struct config cfg;
	size_t n, kept = 0;
	int err = state_load_config(w->name, &cfg);

	if (err)
		return err == -ENOENT ? 0 : cannot_read(w, err);
	n = cfg.n_forwards;
	for (size_t i = 0; i < n; i++)
		if (f && !forward_same(&cfg.forwards[i], f))
			cfg.forwards[kept++] = cfg.forwards[i];
	cfg.n_forwards = kept;
	err = kept == n ? 0 : state_save_config(w->name, &cfg);
	config_release(&cfg);
	return err < 0 ? cannot_write(w, err) : (int)(n - kept);
}

static int remove_own(const struct network_work *w, const struct forward *f)
{
	_forwards_ struct forward_list own = { 0 };
	int err = state_load_forwards(w->name, &own);
	size_t n = own.n;

	if (err)
		return cannot_read(w, err);
	for (size_t i = own.n; i-- > 0; )
		if (!f || forward_same(&own.entries[i].forward, f))
			forward_list_remove(&own, i);
	err = own.n == n ? 0 : state_save_forwards(w->name, &own);
	return err < 0 ? cannot_write(w, err) : (int)(n - own.n);
}

int network_forward_rm(const char *net, const struct forward *f)
{
	_work_ struct network_work w = NETWORK_WORK_INIT;
	struct closing c = { .w = &w };
	char spec[FORWARD_SIZE];
	int err, own, of_config;

	err = network_work_open(&w, net);
	if (err)
		return err;
	of_config = remove_config_forwards(&w, f);
	own = of_config < 0 ? of_config : remove_own(&w, f);
	if (own < 0)
		return own;
	if (f && !own && !of_config)
		return log_refuse(-ENOENT, "network '%s' has no forward '%s'", net, forward_format(f, spec));
	err = load_wanted(net, &c.wanted);
	err = err ? cannot_read(&w, err) : close_all_unwanted(&c);
	forward_list_release(&c.wanted);
	return err < 0 ? err : 0;
}

/* --- told */

struct count {
	struct tables *t;
	const struct forward *f;
	__u32 slot;
	unsigned int wanted, open;
	__u32 flows;
};

static int count_port(__be32 addr, __u16 port, void *arg)
{
	struct count *c = arg;
	struct tables_external x;

	c->wanted++;
	if (tables_external_get(c->t, addr, c->f->proto, port, &x) || !x.forward ||
	    x.slot != c->slot || x.guest_port != forward_guest_port(c->f, port))
		return 0;
	c->open++;
	c->flows += x.flows;
	return 0;
}

static enum network_forward_state state_of(const struct count *c)
{
	if (!c->slot)
		return NETWORK_FORWARD_WAITING;
	if (!c->open)
		return NETWORK_FORWARD_CLOSED;
	return c->open == c->wanted ? NETWORK_FORWARD_OPEN : NETWORK_FORWARD_PARTLY;
}

int network_each_forward(struct tables *t, const char *net,
			 int (*fn)(const struct network_forward *f, void *arg), void *arg)
{
	_forwards_ struct forward_list wanted = { 0 };
	struct forward_addresses a;
	__u16 id;
	int err;

	err = tables_network_find(t, net, &id, NULL);
	if (!err)
		err = load_wanted(net, &wanted);
	if (!err)
		err = forward_addresses(t, net, &a);
	for (size_t i = 0; i < wanted.n && !err; i++) {
		struct network_forward told = {
			.forward = wanted.entries[i].forward, .origin = wanted.entries[i].origin,
		};
		struct count c = { .t = t, .f = &told.forward };

		err = tables_port_find(t, id, told.forward.guest, &c.slot, NULL);
		if (err && err != -ENOENT)
			return err;
		forward_each_port(&told.forward, &a, count_port, &c);
		told.state = state_of(&c);
		told.flows = c.flows;
		err = fn(&told, arg);
	}
	return err;
}
