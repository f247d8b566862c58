// SPDX-License-Identifier: GPL-2.0-only
#include "dhcp_profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dhcp_options.h"
#include "mem.h"
#include "tables.h"

/* A guest that has options of its own; they and the network's are one set here. */
struct own {
	char name[CV_NAME_SIZE];
	bool has_mac;
	__u8 mac[6];
	struct dhcp_set options;
};

struct network_profile {
	struct cv_network made_for;
	struct dhcp_set options;
	size_t n_boot, n_own;
	struct dhcp_boot *boot;
	struct own *own;
};

struct dhcp_profiles {
	struct network_profile *net[CV_MAX_NETWORKS];	/* NULL: not known */
};

struct dhcp_profiles *dhcp_profiles_new(void)
{
	return calloc(1, sizeof(struct dhcp_profiles));
}

static void profile_free(struct network_profile *p)
{
	if (!p)
		return;
	free(p->boot);
	free(p->own);
	free(p);
}

void dhcp_profiles_free(struct dhcp_profiles *all)
{
	for (size_t i = 0; all && i < CV_MAX_NETWORKS; i++)
		profile_free(all->net[i]);
	free(all);
}

/* --- from the configuration */

static int add_own(struct network_profile *p, const struct config *cfg,
		   const struct cv_network *n, const struct config_guest *g)
{
	struct own *own = &p->own[p->n_own++];

	memcpy(own->name, g->name, sizeof(own->name));
	own->has_mac = g->has_mac;
	memcpy(own->mac, g->mac, sizeof(own->mac));
	return dhcp_options_collect(cfg, n, g->options, &own->options);
}

static int copy_boot(struct network_profile *p, const struct config *cfg)
{
	if (!cfg->n_boot)
		return 0;
	p->boot = calloc(cfg->n_boot, sizeof(*p->boot));
	if (!p->boot)
		return -ENOMEM;
	memcpy(p->boot, cfg->boot, cfg->n_boot * sizeof(*p->boot));
	p->n_boot = cfg->n_boot;
	return 0;
}

static int fill(struct network_profile *p, const struct cv_network *n, const struct config *cfg)
{
	size_t n_own = 0;
	int err;

	for (size_t i = 0; i < cfg->n_guests; i++)
		n_own += cfg->guests[i].options != NULL;
	p->own = calloc(n_own + 1, sizeof(*p->own));
	if (!p->own)
		return -ENOMEM;
	err = dhcp_options_collect(cfg, n, NULL, &p->options);
	if (!err)
		err = copy_boot(p, cfg);
	for (size_t i = 0; i < cfg->n_guests && !err; i++)
		if (cfg->guests[i].options)
			err = add_own(p, cfg, n, &cfg->guests[i]);
	return err;
}

/* --- who is who */

static const struct own *find_own(const struct network_profile *p, const char *port_name,
				  const __u8 mac[6])
{
	for (size_t i = 0; i < p->n_own; i++) {
		const struct own *own = &p->own[i];

		if ((port_name && !strncmp(own->name, port_name, CV_NAME_SIZE)) ||
		    (own->has_mac && !memcmp(own->mac, mac, 6)))
			return own;
	}
	return NULL;
}

struct marking {
	struct tables *t;
	const struct network_profile *p;
};

/* The lease's port, by which a guest is known; NULL when there is none, or it asks for others. */
static const char *port_name(struct tables *t, const struct cv_lease *l, struct cv_port *port)
{
	if (!l->slot || l->flags & CV_LEASE_RELAYED || tables_port_get(t, l->slot, port))
		return NULL;
	return port->name;
}

static int mark_one(const struct cv_lease_key *k, const struct cv_lease *l, void *arg)
{
	const struct marking *m = arg;
	struct cv_lease now = *l;
	struct cv_port port;

	if (find_own(m->p, port_name(m->t, l, &port), k->mac))
		now.flags |= CV_LEASE_DAEMON;
	else
		now.flags &= ~CV_LEASE_DAEMON;
	/* A value in the place of the one that is there does not disturb the walk. */
	return now.flags == l->flags ? 0 : tables_lease_put(m->t, k, &now);
}

int dhcp_profiles_set(struct dhcp_profiles *all, struct tables *t, __u16 net,
		      const struct cv_network *n, const struct config *cfg)
{
	struct network_profile *p = calloc(1, sizeof(*p));
	struct marking m = { t, p };
	int err = p ? fill(p, n, cfg) : -ENOMEM;

	if (p)
		p->made_for = *n;
	if (err || net >= CV_MAX_NETWORKS) {
		profile_free(p);
		return err ? err : -EINVAL;
	}
	profile_free(all->net[net]);
	all->net[net] = p;
	return tables_each_lease(t, net, mark_one, &m);
}

/* --- asked */

static int from_maps(struct tables *t, __u16 net, struct dhcp_profile *ret)
{
	struct cv_dhcp_options blob;
	int err = tables_dhcp_options_get(t, net, &blob);

	if (!err && !blob.len)
		err = -ENOENT;	/* the kernel cannot hold them: they come with the configuration */
	return err ? err : dhcp_options_adopt(&blob, &ret->options);
}

/* Its number may have gone to another network, of which we are told in a moment. */
static bool is_of(const struct network_profile *p, const struct cv_network *n)
{
	return p->made_for.subnet == n->subnet && p->made_for.netmask == n->netmask &&
	       p->made_for.mode == n->mode &&
	       !strncmp(p->made_for.name, n->name, sizeof(n->name));
}

int dhcp_profiles_mark(const struct dhcp_profiles *all, struct tables *t, __u16 net)
{
	struct marking m = { t, net < CV_MAX_NETWORKS ? all->net[net] : NULL };
	struct cv_network n;
	int err = m.p ? tables_network_get(t, net, &n) : -ENOENT;

	if (err || !is_of(m.p, &n))
		return err == -ENOENT ? 0 : err;
	return tables_each_lease(t, net, mark_one, &m);
}

int dhcp_profiles_get(const struct dhcp_profiles *all, struct tables *t,
		      const struct dhcp_client *c, struct dhcp_profile *ret)
{
	const struct network_profile *p = c->key.net < CV_MAX_NETWORKS ? all->net[c->key.net] : NULL;
	const struct own *own;

	*ret = (struct dhcp_profile) { .own = false };
	if (!p || !is_of(p, &c->network))
		return from_maps(t, c->key.net, ret);
	own = find_own(p, c->relayed ? NULL : c->port.name, c->key.mac);
	ret->own = own;
	ret->options = own ? own->options : p->options;
	ret->boot = p->boot;
	ret->n_boot = p->n_boot;
	return 0;
}
