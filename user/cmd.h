/* SPDX-License-Identifier: GPL-2.0-only */
/* What commands that read the maps share.  These functions log their errors. */
#ifndef CULVERT_CMD_H
#define CULVERT_CMD_H

#include <stddef.h>

#include <culvert/abi.h>

struct forward;
struct report;
struct tables;

/**
 * cmd_open_network() - the maps, and a network in them
 *
 * Return: 0, -ENOENT when there is no such network, or -errno.
 */
int cmd_open_network(const char *name, struct tables **ret_tables, __u16 *ret_id,
		     struct cv_network *ret);

/** struct cmd_names - of ports, by slot: rows name guests without a question to the kernel each */
struct cmd_names {
	char (*by_slot)[CV_NAME_SIZE];
	__u32 n;
};

int cmd_names_load(struct tables *t, __u16 net, struct cmd_names *ret);	/* net 0: all */
void cmd_names_release(struct cmd_names *names);
const char *cmd_name(const struct cmd_names *names, __u32 slot);	/* NULL: no such port */

/** cmd_put_limit() - a cell; null where there is none */
void cmd_put_limit(struct report *r, const char *key, __u32 limit);

/** cmd_finish() - end the report.  @err: of the walk that filled it.  Return: the exit code */
int cmd_finish(struct report *r, int err, const char *what);

/** cmd_warn_open() - say what a forward means, when one of @n is open to others than the host */
void cmd_warn_open(const struct forward *forwards, size_t n);

#endif
