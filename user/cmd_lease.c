// SPDX-License-Identifier: GPL-2.0-only
/* culvert lease ls: who has which address, for how long. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "cli.h"
#include "cmd.h"
#include "dhcp_leases.h"
#include "log.h"
#include "mem.h"
#include "report.h"
#include "tables.h"

#define NS_PER_S 1000000000ULL

struct lease_row {
	struct cv_lease_key key;
	struct cv_lease lease;
};

struct lease_list {
	struct lease_row *rows;
	size_t n, room;
};

static int keep_lease(const struct cv_lease_key *k, const struct cv_lease *l, void *arg)
{
	struct lease_list *list = arg;

	if (dhcp_leases_is_marker(k))
		return 0;
	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		struct lease_row *more = reallocarray(list->rows, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		list->rows = more;
		list->room = room;
	}
	list->rows[list->n++] = (struct lease_row) { *k, *l };
	return 0;
}

static int by_address(const void *a, const void *b)
{
	const struct lease_row *x = a, *y = b;
	__u32 ip_x = ntohl(x->lease.ip), ip_y = ntohl(y->lease.ip);

	return ip_x < ip_y ? -1 : ip_x > ip_y;
}

static const char *state_name(const struct lease_row *row, __u64 now_ns)
{
	if (dhcp_leases_is_declined(&row->key))
		return "declined";
	if (row->lease.flags & CV_LEASE_STATIC)
		return row->lease.slot ? "static" : "reserved";
	switch (row->lease.state) {
	case CV_LEASE_OFFERED:
		return "offered";
	case CV_LEASE_BOUND:
		return now_ns < row->lease.expiry_boot_ns ? "bound" : "expired";
	case CV_LEASE_SUSPENDED:
		return "suspended";
	case CV_LEASE_LEAVING:
		return "leaving";
	}
	return NULL;
}

static void put_expiry(struct report *r, const struct cv_lease *l, __u64 now_ns)
{
	if (l->flags & CV_LEASE_STATIC)
		report_text(r, "expires_s", NULL);
	else
		report_number(r, "expires_s", now_ns < l->expiry_boot_ns ?
			      (l->expiry_boot_ns - now_ns) / NS_PER_S : 0);
}

static void put_lease(struct report *r, const struct lease_row *row,
		      const struct cmd_names *names, __u64 now_ns)
{
	bool declined = dhcp_leases_is_declined(&row->key);
	char ip[ADDR_IP_SIZE], mac[ADDR_MAC_SIZE];

	report_row(r);
	report_text(r, "guest", cmd_name(names, row->lease.slot));
	report_text(r, "address", addr_format_ip(row->lease.ip, ip));
	report_text(r, "mac", declined ? NULL : addr_format_mac(row->key.mac, mac));
	report_text(r, "hostname", row->lease.hostname[0] ? row->lease.hostname : NULL);
	report_text(r, "state", state_name(row, now_ns));
	put_expiry(r, &row->lease, now_ns);
}

static int list_leases(const char *name, bool json)
{
	_tables_ struct tables *t = NULL;
	struct lease_list list = { 0 };
	__u64 now_ns = tables_boot_ns();
	struct cmd_names names;
	struct cv_network n;
	struct report *r;
	__u16 id;
	int err;

	if (cmd_open_network(name, &t, &id, &n) || cmd_names_load(t, id, &names))
		return CLI_FAILED;
	r = report_new("leases", json);
	if (!r) {
		cmd_names_release(&names);
		log_ret(-ENOMEM, "cannot list leases");
		return CLI_FAILED;
	}
	err = tables_each_lease(t, id, keep_lease, &list);
	if (list.n)
		qsort(list.rows, list.n, sizeof(*list.rows), by_address);
	for (size_t i = 0; i < list.n; i++)
		put_lease(r, &list.rows[i], &names, now_ns);
	free(list.rows);
	cmd_names_release(&names);
	return cmd_finish(r, err, "leases");
}

int cmd_lease_ls(int argc, char **argv)
{
	bool json;
	int code;

	if (cli_parse(argc, argv, "lease ls NET [OPTION]...",
		      "List the addresses that a network's guests have by DHCP, and those kept for "
		      "them.  An expired one is held as long again for its guest.",
		      NULL, 1, 1, &json, &code) < 0)
		return code;
	return list_leases(argv[0], json);
}
