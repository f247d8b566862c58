// SPDX-License-Identifier: GPL-2.0-only
/*
 * Following the host's uplinks.
 *
 * DOC: a link that held the default route and lost it to another stays an
 * uplink while its address is there and flows have it: those go on with the
 * address they began with, the new ones leave by the other.
 *
 * Somebody's write to ip_forward resets forwarding of all links; then ours
 * gets its own back, or the host's FIB would not answer for guests.
 */
#include <errno.h>
#include <string.h>

#include "datapath.h"
#include "log.h"
#include "mem.h"
#include "network_impl.h"
#include "state.h"
#include "uplink_watch.h"

struct following {
	struct tables *tables;
	struct net *host;
	struct uplink_view view;	/* not read anew for each network */
	bool lingers;
	bool here;		/* some network was made from this namespace */
	int err;		/* the first; others' uplinks are followed all the same */
};

/* --- uplinks that flows still have */

struct flow_search {
	__be32 addr;
};

static int has_address(const struct tables_flow *f, void *arg)
{
	const struct flow_search *s = arg;

	return !f->expired && f->flow.addr == s->addr;
}

static bool is_in(const struct uplink_set *set, int ifindex)
{
	for (unsigned int i = 0; i < set->n; i++)
		if (set->links[i].ifindex == ifindex)
			return true;
	return false;
}

/* Of the uplinks that the network had: those that it needs still. */
static int keep_needed(struct following *f, __u16 id, const struct uplink_set *had,
		       struct uplink_set *set)
{
	bool none = !set->n;
	int needed;

	for (unsigned int i = 0; i < had->n && set->n < CONFIG_MAX_UPLINKS; i++) {
		const struct uplink *u = &had->links[i];

		if (is_in(set, u->ifindex) || (!none && !u->addr))
			continue;
		needed = none ? 1 : tables_each_flow(f->tables, id, has_address,
						     &(struct flow_search) { u->addr });
		if (needed < 0)
			return needed;
		if (!needed)
			continue;
		set->links[set->n++] = *u;
		f->lingers |= !none;
	}
	return 0;
}

static int choose(struct following *f, struct network_work *w)
{
	struct config had_names = { .mode = w->entry.mode };
	struct uplink_set had;
	int err;

	err = uplink_present(f->host, f->tables, &f->view, &w->cfg, &w->uplinks);
	if (err || w->cfg.n_uplinks)
		return err;
	err = state_load_uplinks(w->name, had_names.uplinks, &had_names.n_uplinks);
	if (err || !had_names.n_uplinks)
		return err == -ENOENT ? 0 : err;
	err = uplink_present(f->host, f->tables, &f->view, &had_names, &had);
	return err ? err : keep_needed(f, w->id, &had, &w->uplinks);
}

/* --- one network */

static int save(struct network_work *w)
{
	char names[CONFIG_MAX_UPLINKS][16];

	/* One that was named may come back, and is the network's still. */
	if (w->uplinks.n < w->cfg.n_uplinks)
		return STEP_UNCHANGED;
	for (unsigned int i = 0; i < w->uplinks.n; i++)
		strcpy(names[i], w->uplinks.links[i].name);
	return state_save_uplinks(w->name, names, w->uplinks.n);
}

/* Return: step result or -errno. */
static int settle_entry(struct network_work *w)
{
	__u32 first = w->uplinks.n ? w->uplinks.links[0].ifindex : 0;

	if (!first || w->entry.uplink == first)
		return STEP_UNCHANGED;
	w->entry.uplink = first;
	return tables_network_put(w->tables, w->id, &w->entry) ? -EIO : STEP_CHANGED;
}

static int follow_uplinks(struct following *f, struct network_work *w)
{
	int saved, attached, entry, err;

	err = choose(f, w);
	if (err)
		return network_failed(w, f->host, err, "cannot see its uplinks");
	if (!w->uplinks.n) {
		log_debug("network '%s': no uplink at the moment", w->name);
		return STEP_UNCHANGED;
	}
	attached = uplink_attach(w->tables, &w->uplinks);
	if (attached < 0)
		return attached;
	saved = save(w);
	if (saved < 0)
		return network_failed(w, NULL, saved, "cannot note its uplinks");
	entry = settle_entry(w);
	if (entry < 0)
		return network_failed(w, NULL, entry, "cannot write its entry");
	return attached | saved | entry ? STEP_CHANGED : STEP_UNCHANGED;
}

static void tell(const struct network_work *w)
{
	char list[CONFIG_MAX_UPLINKS * 18] = "";
	size_t len = 0;

	for (unsigned int i = 0; i < w->uplinks.n; i++)
		len += snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "",
				w->uplinks.links[i].name);
	log_info("network '%s': uplinks have changed; now %s", w->name, list);
}

/* Never without the program: what forwards unguarded is worse than a fallback. */
static int settle_forwarding(struct following *f, const struct network_work *w)
{
	const struct net_link_want want = { .flags = NET_LINK_FORWARDING };
	char pin[NETWORK_PIN_SIZE];
	int err;

	network_pin(w->name, "host", pin);
	err = datapath_attached(DATAPATH_TO_UPLINK, w->entry.host_ifindex, pin);
	if (err <= 0)
		return err;
	err = net_link_apply(f->host, w->entry.host_ifindex, &want);
	if (err == 1)
		log_info("network '%s': forwarding of '%s' was turned off; it is on again", w->name,
			 w->host_link);
	return err < 0 ? network_failed(w, f->host, err, "cannot set forwarding of its link") : 0;
}

static int follow_network(struct following *f, struct network_work *w)
{
	int err = settle_forwarding(f, w), changed;

	if (err || w->entry.mode == CV_MODE_ISOLATED)
		return err;
	err = state_load_config(w->name, &w->cfg);
	if (err)	/* what it wants is not known: it keeps what it has */
		return err == -ENOENT ? 0 : network_failed(w, NULL, err, "cannot read its configuration");
	changed = follow_uplinks(f, w);
	config_release(&w->cfg);
	if (changed <= 0)
		return changed;
	tell(w);
	err = forwards_make(w);
	return err < 0 ? err : 0;
}

static int on_network(__u16 id, const struct cv_network *n, void *arg)
{
	struct following *f = arg;
	struct network_work w = NETWORK_WORK_INIT;
	struct net_link l;
	int err;

	if (net_link_get(f->host, n->host_ifindex, &l))
		return 0;	/* down to be, or another namespace's */
	f->here = true;
	w.id = id;
	w.tables = f->tables;
	w.host = f->host;
	w.entry = *n;
	strcpy(w.name, n->name);
	strcpy(w.host_link, l.name);
	err = follow_network(f, &w);
	if (err && !f->err)
		f->err = err;
	return 0;
}

static int follow_all(struct following *f, bool *ret_lingers)
{
	int err = uplink_look(f->host, &f->view), left;

	if (err)
		return err;
	err = tables_each_network(f->tables, on_network, f);
	if (err)
		return log_ret(err, "cannot read the networks");
	*ret_lingers = f->lingers;
	if (!f->here || f->err)
		return f->err;
	left = uplink_release(f->tables, NULL);
	if (left >= 0)
		left = uplink_lans(f->host, f->tables);
	if (left >= 0)
		left = uplink_xdp(f->host, f->tables, NULL, LOG_LEVEL_DEBUG);
	return left < 0 ? left : 0;
}

int uplink_watch_follow(struct tables *t, bool *ret_lingers)
{
	_net_ struct net *host = NULL;
	struct following f = { .tables = t };
	int err;

	err = net_open(-1, &host);
	if (err)
		return log_ret(err, "cannot open a netlink socket");
	f.host = host;
	err = follow_all(&f, ret_lingers);
	uplink_view_release(&f.view);
	return err;
}
