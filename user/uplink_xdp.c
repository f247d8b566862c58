// SPDX-License-Identifier: GPL-2.0-only
/*
 * XDP on uplinks: where networks want it, where it can be, and where it is.
 *
 * DOC: an entry in `xdp_uplinks` comes before the program and goes after it, so
 * a run that was killed leaves nothing that the next one does not see.  Without
 * its entry the program takes no frame.  An uplink that XDP cannot be put on is
 * as good as before: that is a warning and no error.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "datapath.h"
#include "mem.h"
#include "net.h"
#include "tables.h"
#include "uplink.h"

/*
 * Drivers where it was measured to gain, native (docs/decisions/0015-xdp.md).
 * None so far: veth and virtio_net lose more of bulk TCP than they gain.
 */
static const char *const measured[] = { NULL };

/* --- what is wanted */

struct wish {
	const char *uplink, *except;
	enum config_xdp want;
};

static int add_wish(__u16 id, const struct cv_network *n, void *arg)
{
	struct wish *w = arg;
	enum config_xdp want = !(n->flags & CV_NET_XDP) ? CONFIG_XDP_OFF :
			       n->flags & CV_NET_XDP_ON ? CONFIG_XDP_ON : CONFIG_XDP_AUTO;

	if (want > w->want && uplink_used_by(n, w->uplink, w->except))
		w->want = want;
	return 0;
}

static int wanted(struct tables *t, const char *name, const char *except, enum config_xdp *ret)
{
	struct wish w = { .uplink = name, .except = except };
	int err = tables_each_network(t, add_wish, &w);

	*ret = w.want;
	return err;
}

/* --- what can be */

static bool is_measured(const char *driver)
{
	for (const char *const *m = measured; *m; m++)
		if (!strcmp(*m, driver))
			return true;
	return false;
}

/* Why not; empty: nothing speaks against it. */
static void object(const char *name, enum config_xdp want, struct net_driver *ret_driver,
		   char why[UPLINK_WHY_SIZE])
{
	int err = net_driver_get(name, ret_driver);

	why[0] = '\0';
	if (err)
		snprintf(why, UPLINK_WHY_SIZE, "its driver does not tell what it is: %s", strerror(-err));
	else if (want == CONFIG_XDP_AUTO && !is_measured(ret_driver->name))
		snprintf(why, UPLINK_WHY_SIZE, "'auto': no gain was measured with driver '%.32s'",
			 ret_driver->name);
	/* A veth says so too, but what it is given it hands on as it is. */
	else if (ret_driver->takes_vlan && strcmp(ret_driver->name, "veth"))
		snprintf(why, UPLINK_WHY_SIZE,
			 "VLAN tags would not be seen, as the driver takes them out of frames: ethtool -K %s rxvlan off",
			 name);
}

/*
 * Generic where native cannot be, but not where the driver goes on to merge
 * packets: the kernel cries out then.
 */
static int attach(int ifindex, enum config_xdp want, const struct net_driver *d)
{
	int now = datapath_xdp_attached(ifindex, NULL), err;

	if (now != DATAPATH_XDP_OFF)	/* generic where it must be is as it should be */
		return now < 0 ? now : 0;
	err = datapath_xdp_attach(ifindex, DATAPATH_XDP_NATIVE);
	if (err && err != -EBUSY && want == CONFIG_XDP_ON && !d->always_merges)
		err = datapath_xdp_attach(ifindex, DATAPATH_XDP_GENERIC);
	return err ? err : 1;
}

/* --- on and off */

static int leave(struct tables *t, __u32 ifindex)
{
	int err = datapath_xdp_detach(ifindex);

	if (!err)
		err = tables_xdp_uplink_clear(t, ifindex);
	return err && err != -ENOENT ? log_ret(err, "cannot take XDP from link %u", ifindex) : 1;
}

static int put_entry(struct tables *t, const struct net_link *l)
{
	struct cv_xdp_uplink u = {}, now;

	memcpy(u.mac, l->mac, sizeof(u.mac));
	if (!tables_xdp_uplink_get(t, l->ifindex, &now) && !memcmp(&now, &u, sizeof(u)))
		return 0;
	return tables_xdp_uplink_put(t, l->ifindex, &u);
}

/* Return: 1 changed, 0, -errno. */
static int settle(struct net *host, struct tables *t, __u32 ifindex, const char *name,
		  enum config_xdp want, enum log_level level)
{
	char why[UPLINK_WHY_SIZE];
	struct cv_xdp_uplink u;
	struct net_driver d;
	struct net_link l;
	int err;

	if (net_link_get(host, ifindex, &l))
		return 0;	/* just gone */
	object(name, want, &d, why);
	if (why[0]) {
		log_print(want == CONFIG_XDP_ON ? level : LOG_LEVEL_DEBUG,
			  "uplink '%s': no XDP: %s", name, why);
		return tables_xdp_uplink_get(t, ifindex, &u) ? 0 : leave(t, ifindex);
	}
	err = put_entry(t, &l);
	if (err)
		return log_ret(err, "uplink '%s': cannot write its entry for XDP", name);
	err = attach(ifindex, want, &d);
	if (err >= 0)
		return err;
	log_print(level, "uplink '%s': no XDP: %s", name, datapath_xdp_strerror(err));
	leave(t, ifindex);
	return 0;
}

/* Those that have it and are not wanted any more, or are no uplinks. */
static int leave_unwanted(struct tables *t, const char *except)
{
	__u32 ifindex = 0, next;
	int changed = 0, err;

	while (!(err = tables_xdp_uplink_next(t, ifindex, &next))) {
		enum config_xdp want = CONFIG_XDP_OFF;
		struct cv_uplink u;

		if (!tables_uplink_get(t, next, &u))
			err = wanted(t, u.name, except, &want);
		if (err)
			return err;
		if (want != CONFIG_XDP_OFF) {
			ifindex = next;
			continue;
		}
		err = leave(t, next);
		if (err < 0)
			return err;
		changed = 1;
	}
	return err == -ENOENT ? changed : err;
}

int uplink_xdp(struct net *host, struct tables *t, const char *except, enum log_level level)
{
	int changed = leave_unwanted(t, except), err;
	__u32 ifindex = 0;
	struct cv_uplink u;

	if (changed < 0)
		return changed;
	while (!(err = tables_uplink_next(t, ifindex, &ifindex, &u))) {
		enum config_xdp want;

		err = wanted(t, u.name, except, &want);
		if (!err && want != CONFIG_XDP_OFF)
			err = settle(host, t, ifindex, u.name, want, level);
		if (err < 0)
			return err;
		changed |= err;
	}
	return err == -ENOENT ? changed : log_ret(err, "cannot read the uplinks");
}

int uplink_xdp_look(struct tables *t, __u32 ifindex, const char *name, struct uplink_xdp_state *ret)
{
	int err = wanted(t, name, NULL, &ret->want), now;
	struct net_driver d;

	if (err)
		return err;
	ret->alone = false;
	now = datapath_xdp_attached(ifindex, &ret->alone);
	if (now < 0)
		return now;
	ret->mode = now;
	object(name, ret->want, &d, ret->why);
	return 0;
}
