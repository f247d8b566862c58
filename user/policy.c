// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules of a network.  What was written stands in CULVERT_RUN, in NET.yaml;
 * what holds, in the map `policies`, where guests are slots.  It is written
 * before a guest's link is up and forgets a slot before another guest gets it,
 * so that a rule is never about the wrong one.
 */
#include <errno.h>
#include <string.h>

#include "datapath.h"
#include "log.h"
#include "network_impl.h"
#include "paths.h"
#include "state.h"

__u32 policy_flags(const struct network_work *w)
{
	const struct cv_prefix subnet = { w->cfg.subnet, w->cfg.netmask };

	for (size_t i = 0; i < w->cfg.n_policy; i++)
		if (policy_is_local(&w->cfg.policy[i], &subnet))
			return CV_NET_LOCAL;
	return 0;
}

struct slot_search {
	struct network_work *w;
	int err;
};

static __u32 slot_of(const char *guest, void *arg)
{
	struct slot_search *s = arg;
	__u32 slot;
	int err = tables_port_find(s->w->tables, s->w->id, guest, &slot, NULL);

	if (!err)
		return slot;
	if (err != -ENOENT)
		s->err = err;
	return CV_SLOT_NONE;
}

/* Return: 1 when the map was changed, 0, or -errno. */
static int put(struct network_work *w, const struct config *cfg)
{
	struct slot_search s = { .w = w };
	struct cv_policy want, now;
	int err;

	policy_compile(cfg->policy, cfg->n_policy, slot_of, &s, &want);
	err = s.err ? s.err : tables_policy_get(w->tables, w->id, &now);
	if (err && err != -ENOENT)
		return err;
	if (err ? !want.n_rules : !memcmp(&want, &now, sizeof(now)))
		return 0;
	err = want.n_rules ? tables_policy_put(w->tables, w->id, &want) :
			     tables_policy_clear(w->tables, w->id);
	return err ? err : 1;
}

/* --- up and down */

static bool is_known(const struct network_work *w, const char *guest)
{
	for (size_t i = 0; i < w->cfg.n_guests; i++)
		if (!strcmp(w->cfg.guests[i].name, guest))
			return true;
	return !tables_port_find(w->tables, w->id, guest, NULL, NULL);
}

/* Perhaps it will be added, perhaps it is a slip: a rule that waits does nothing. */
static void warn_unknown(const struct network_work *w)
{
	char text[POLICY_TEXT_SIZE];

	for (size_t i = 0; i < w->cfg.n_policy; i++) {
		const struct policy_rule *r = &w->cfg.policy[i];
		const struct policy_party *parties[] = { &r->from, &r->to };

		for (int k = 0; k < 2; k++)
			if (parties[k]->kind == CV_PARTY_GUEST && !is_known(w, parties[k]->guest))
				log_warn("network '%s': policy[%zu]: '%s': no guest '%s' is in `guests` or has a port; the rule waits for one",
					 w->name, i, policy_format(r, text), parties[k]->guest);
	}
}

int policy_make(struct network_work *w)
{
	int changed, err = 0;

	warn_unknown(w);
	changed = put(w, &w->cfg);
	if (changed < 0)
		return network_failed(w, NULL, changed, "cannot write its rules");
	/* Also when they are the same: what counts where none says anything may have changed. */
	if (changed || w->cfg.n_policy)
		err = datapath_rejudge(w->id);
	if (err < 0)
		return network_failed(w, NULL, err, "cannot judge its flows anew");
	if (err > 0)
		log_info("network '%s': %d %s ended by its rules", w->name, err,
			 err == 1 ? "flow was" : "flows were");
	return changed ? STEP_CHANGED : STEP_UNCHANGED;
}

int policy_undo(struct network_work *w)
{
	int err = w->id ? tables_policy_clear(w->tables, w->id) : 0;

	return err ? network_failed(w, NULL, err, "cannot remove its rules") : 0;
}

/* --- guests that come and go */

int policy_open_port(struct network_work *w, const struct cv_port *p)
{
	struct cv_policy now;
	struct config cfg;
	int err = state_load_config(w->name, &cfg);

	/* Without what was written it is not known which rules are the guest's; none may be lost. */
	if (err == -ENOENT && tables_policy_get(w->tables, w->id, &now) == -ENOENT)
		return 0;
	if (err)
		return log_ret(err, "port '%s' of network '%s': cannot read the rules in '%s'; 'culvert up %s' writes them",
			       p->name, w->name, paths_run(), w->name);
	err = put(w, &cfg);
	config_release(&cfg);
	if (err > 0)
		err = datapath_rejudge(w->id);
	return err < 0 ? port_failed(w, p, err, "cannot write its rules") : 0;
}

static bool forget_slot(struct cv_policy *policy, __u32 slot)
{
	bool found = false;

	for (__u32 i = 0; i < policy->n_rules && i < CV_MAX_RULES; i++) {
		struct cv_rule *r = &policy->rules[i];

		if (r->from == CV_PARTY_GUEST && r->from_addr.addr == slot) {
			r->from_addr.addr = CV_SLOT_NONE;
			found = true;
		}
		if (r->to == CV_PARTY_GUEST && r->to_addr.addr == slot) {
			r->to_addr.addr = CV_SLOT_NONE;
			found = true;
		}
	}
	return found;
}

int policy_close_port(struct network_work *w, __u32 slot, const struct cv_port *p)
{
	struct cv_policy policy;
	int err = tables_policy_get(w->tables, w->id, &policy);

	if (err)
		return err == -ENOENT ? 0 : port_failed(w, p, err, "cannot read its rules");
	if (!forget_slot(&policy, slot))
		return 0;
	err = tables_policy_put(w->tables, w->id, &policy);
	if (!err)
		err = datapath_rejudge(w->id);
	return err < 0 ? port_failed(w, p, err, "cannot write its rules") : 0;
}
