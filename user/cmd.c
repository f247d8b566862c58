// SPDX-License-Identifier: GPL-2.0-only
/* What commands that read the maps share. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "cli.h"
#include "cmd.h"
#include "datapath.h"
#include "forward_spec.h"
#include "log.h"
#include "mem.h"
#include "network.h"
#include "paths.h"
#include "report.h"
#include "tables.h"

int cmd_open_network(const char *name, struct tables **ret_tables, __u16 *ret_id,
		     struct cv_network *ret)
{
	_tables_ struct tables *t = NULL;
	int err;

	err = tables_open(&t);
	if (err && err != -ENOENT) {
		log_error("cannot open the maps in '%s': %s", paths_bpf(), datapath_strerror(err));
		return err;
	}
	if (!err)
		err = tables_network_find(t, name, ret_id, ret);
	if (err == -ENOENT)
		log_error("network '%s' is not up; 'culvert up %s' makes it", name, name);
	else if (err)
		log_ret(err, "network '%s': cannot read the maps", name);
	if (!err)
		*ret_tables = take_ptr(t);
	return err;
}

static int keep_name(__u32 slot, const struct cv_port *p, void *arg)
{
	struct cmd_names *names = arg;

	if (slot < names->n)
		memcpy(names->by_slot[slot], p->name, CV_NAME_SIZE);
	return 0;
}

int cmd_names_load(struct tables *t, __u16 net, struct cmd_names *ret)
{
	struct cmd_names names = { .n = tables_meta(t)->max_ports };
	int err;

	names.by_slot = calloc(names.n, sizeof(*names.by_slot));
	if (!names.by_slot)
		return log_ret(-ENOMEM, "cannot read the ports");
	err = tables_each_port(t, net, keep_name, &names);
	if (err) {
		cmd_names_release(&names);
		return log_ret(err, "cannot read the ports");
	}
	*ret = names;
	return 0;
}

void cmd_names_release(struct cmd_names *names)
{
	free(names->by_slot);
	names->by_slot = NULL;
}

const char *cmd_name(const struct cmd_names *names, __u32 slot)
{
	return slot < names->n && names->by_slot[slot][0] ? names->by_slot[slot] : NULL;
}

void cmd_put_limit(struct report *r, const char *key, __u32 limit)
{
	if (limit == NETWORK_NO_LIMIT)
		report_text(r, key, NULL);
	else
		report_number(r, key, limit);
}

int cmd_finish(struct report *r, int err, const char *what)
{
	int print_err = report_end(r);

	if (err)
		log_ret(err, "cannot read %s", what);
	else if (print_err)
		log_ret(print_err, "cannot print %s", what);
	return err || print_err ? CLI_FAILED : CLI_OK;
}

void cmd_warn_open(const struct forward *forwards, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (addr_is_loopback(forwards[i].addr))
			continue;
		log_warn("the host's firewall does not see what is forwarded: whoever reaches the address reaches the guest");
		return;
	}
}
