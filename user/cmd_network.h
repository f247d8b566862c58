/* SPDX-License-Identifier: GPL-2.0-only */
/* A network as `up`, `ls` and `show` tell of it.  These functions log their errors. */
#ifndef CULVERT_CMD_NETWORK_H
#define CULVERT_CMD_NETWORK_H

#include <stdbool.h>

#include <culvert/abi.h>

struct report;
struct tables;

struct cmd_network {
	__u16 id;
	struct cv_network entry;
	unsigned int n_ports, n_leases;
	__u32 flows;
	__u32 external_ports;	/* that they use */
	char uplinks[256];	/* "eth0, eth1" */
};

/** cmd_network_read() - by name.  Return: 0 or -errno */
int cmd_network_read(const char *name, struct cmd_network *ret);
/** cmd_network_fill() - @ret->id and @ret->entry are set; counts the rest */
int cmd_network_fill(struct tables *t, struct cmd_network *ret);
/** cmd_network_row() - as one row of a report */
void cmd_network_row(struct report *r, const struct cmd_network *n);
/** cmd_network_print() - as a report of one.  Return: exit code */
int cmd_network_print(const struct cmd_network *n, bool json);

/** cmd_ports() - a row for each port, as `port ls` and `show` have it.  Return: 0 or -errno */
int cmd_ports(struct report *r, struct tables *t, const struct cmd_network *n);

#endif
