// SPDX-License-Identifier: GPL-2.0-only
/* culvert ls: one row for each network. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <culvert/defaults.h>

#include "addr.h"
#include "cli.h"
#include "cmd.h"
#include "cmd_network.h"
#include "config.h"
#include "datapath.h"
#include "log.h"
#include "paths.h"
#include "report.h"
#include "state.h"
#include "tables.h"

/* What each network has. */
struct counts {
	unsigned int ports[CV_MAX_NETWORKS], leases[CV_MAX_NETWORKS];
};

static int count_port(__u32 slot, const struct cv_port *p, void *arg)
{
	struct counts *c = arg;

	c->ports[p->net % CV_MAX_NETWORKS]++;
	return 0;
}

/* A reservation without a guest is no lease yet. */
static int count_lease(const struct cv_lease_key *k, const struct cv_lease *l, void *arg)
{
	struct counts *c = arg;

	if (l->state == CV_LEASE_BOUND && l->slot)
		c->leases[k->net % CV_MAX_NETWORKS]++;
	return 0;
}

/* Of one network, or 0: of all, in one walk over each map. */
static int count(struct tables *t, __u16 net, struct counts *ret)
{
	int err;

	memset(ret, 0, sizeof(*ret));
	err = tables_each_port(t, net, count_port, ret);
	return err ? err : tables_each_lease(t, net, count_lease, ret);
}

static void read_uplinks(struct cmd_network *n)
{
	char names[CONFIG_MAX_UPLINKS][16];
	unsigned int count;
	size_t len = 0;

	n->uplinks[0] = '\0';
	if (state_load_uplinks(n->entry.name, names, &count))
		return;
	for (unsigned int i = 0; i < count && len < sizeof(n->uplinks); i++)
		len += snprintf(n->uplinks + len, sizeof(n->uplinks) - len, "%s%s",
				i ? ", " : "", names[i]);
}

static int fill(struct tables *t, const struct counts *c, struct cmd_network *ret)
{
	int err;

	ret->n_ports = c->ports[ret->id];
	ret->n_leases = c->leases[ret->id];
	read_uplinks(ret);
	err = tables_flow_count(t, ret->id, 0, &ret->flows);
	if (!err)
		err = tables_port_count(t, ret->id, 0, &ret->external_ports);
	return err ? log_ret(err, "network '%s': cannot read the maps", ret->entry.name) : 0;
}

int cmd_network_fill(struct tables *t, struct cmd_network *ret)
{
	struct counts c;
	int err = count(t, ret->id, &c);

	return err ? log_ret(err, "network '%s': cannot read the maps", ret->entry.name) :
		     fill(t, &c, ret);
}

int cmd_network_read(const char *name, struct cmd_network *ret)
{
	_tables_ struct tables *t = NULL;
	int err = cmd_open_network(name, &t, &ret->id, &ret->entry);

	return err ? err : cmd_network_fill(t, ret);
}

void cmd_network_row(struct report *r, const struct cmd_network *n)
{
	char prefix[ADDR_PREFIX_SIZE], ip[ADDR_IP_SIZE];

	report_row(r);
	report_text(r, "network", n->entry.name);
	report_text(r, "mode", config_mode_word(n->entry.mode));
	report_text(r, "subnet", addr_format_prefix(n->entry.subnet, n->entry.netmask, prefix));
	report_text(r, "gateway", addr_format_ip(n->entry.gateway, ip));
	report_text(r, "uplinks", n->uplinks[0] ? n->uplinks : NULL);
	report_number(r, "ports", n->n_ports);
	report_number(r, "leases", n->n_leases);
	report_number(r, "flows", n->flows);
}

int cmd_network_print(const struct cmd_network *n, bool json)
{
	struct report *r = report_new("networks", json);

	if (!r) {
		log_ret(-ENOMEM, "cannot list networks");
		return CLI_FAILED;
	}
	cmd_network_row(r, n);
	return cmd_finish(r, 0, "networks");
}

struct list {
	struct report *r;
	struct tables *t;
	struct counts counts;
};

static int put_network(__u16 id, const struct cv_network *n, void *arg)
{
	struct cmd_network row = { .id = id, .entry = *n };
	struct list *list = arg;
	int err = fill(list->t, &list->counts, &row);

	if (!err)
		cmd_network_row(list->r, &row);
	return err;
}

int cmd_ls(int argc, char **argv)
{
	_tables_ struct tables *t = NULL;
	struct list list;
	int exit_code, err;
	bool json;

	if (cli_parse(argc, argv, "ls [OPTION]...", "List the networks that are up.", NULL, 0, 0,
		      &json, &exit_code) < 0)
		return exit_code;
	err = tables_open(&t);
	if (err && err != -ENOENT) {
		log_error("cannot open the maps in '%s': %s", paths_bpf(), datapath_strerror(err));
		return CLI_FAILED;
	}
	list = (struct list) { .r = report_new("networks", json), .t = t };
	err = t ? count(t, 0, &list.counts) : 0;
	if (!list.r) {
		log_ret(-ENOMEM, "cannot list networks");
		return CLI_FAILED;
	}
	if (!err && t)
		err = tables_each_network(t, put_network, &list);
	return cmd_finish(list.r, err, "networks");
}
