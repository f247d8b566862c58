// SPDX-License-Identifier: GPL-2.0-only
/* culvert lease add, rm, export, import. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "cli.h"
#include "config.h"
#include "lease_file.h"
#include "log.h"
#include "mem.h"
#include "network_lease.h"
#include "report.h"
#include "store.h"

#define MAX_FILE_BYTES	(16 << 20)

int cmd_lease_add(int argc, char **argv)
{
	int code;

	if (cli_parse(argc, argv, "lease add NET GUEST|MAC ADDRESS",
		      "Keep an address for a guest, until 'lease rm'; also over 'down' and a reboot.  "
		      "A guest with another address is told when it renews.",
		      NULL, 3, 3, NULL, &code) < 0)
		return code;
	return network_lease_add(argv[0], argv[1], argv[2]) ? CLI_FAILED : CLI_OK;
}

int cmd_lease_rm(int argc, char **argv)
{
	int code;

	if (cli_parse(argc, argv, "lease rm NET GUEST|MAC|ADDRESS",
		      "End a lease, or what 'lease add' has reserved.  The guest is cut off until it "
		      "asks for an address again.",
		      NULL, 2, 2, NULL, &code) < 0)
		return code;
	return network_lease_rm(argv[0], argv[1]) ? CLI_FAILED : CLI_OK;
}

/* --- export */

static void put_client_id(struct report *r, const struct store_row *row)
{
	char text[3 * CV_CLIENT_ID_SIZE] = "";
	size_t len = 0;

	for (size_t i = 0; i < row->client_id_len; i++)
		len += snprintf(text + len, sizeof(text) - len, "%s%02x", i ? ":" : "", row->client_id[i]);
	report_text(r, "client_id", len ? text : NULL);
}

/* What is lent no longer, or not yet, is nobody's business elsewhere. */
static int put_row(const struct store_row *row, void *arg)
{
	char ip[ADDR_IP_SIZE], mac[ADDR_MAC_SIZE];
	struct report *r = arg;

	if (row->state != STORE_BOUND && row->state != STORE_IMPORTED)
		return 0;
	report_row(r);
	report_text(r, "guest", row->guest[0] ? row->guest : NULL);
	report_text(r, "address", addr_format_ip(row->ip, ip));
	report_text(r, "mac", addr_format_mac(row->mac, mac));
	report_text(r, "hostname", row->hostname[0] ? row->hostname : NULL);
	put_client_id(r, row);
	report_text(r, "state", "bound");
	report_number(r, "expires", (__u64)row->expiry_s);
	return 0;
}

static int put_reservation(const struct store_reservation *res, void *arg)
{
	char ip[ADDR_IP_SIZE], mac[ADDR_MAC_SIZE];
	struct report *r = arg;

	report_row(r);
	report_text(r, "guest", res->guest[0] ? res->guest : NULL);
	report_text(r, "address", addr_format_ip(res->ip, ip));
	report_text(r, "mac", addr_format_mac(res->mac, mac));
	report_text(r, "hostname", NULL);
	report_text(r, "client_id", NULL);
	report_text(r, "state", "reserved");
	report_text(r, "expires", NULL);
	return 0;
}

static int export(const char *net)
{
	_store_ struct store *s = store_default();
	struct report *r;
	int err, print_err;

	r = s ? report_new("leases", true) : NULL;
	if (!r)
		return log_ret(-ENOMEM, "cannot export leases");
	err = store_each_reservation(s, net, put_reservation, r);
	if (!err)
		err = store_each(s, net, put_row, r);
	print_err = report_end(r);
	if (err)
		return log_refuse(err, "leases cannot be read: %s", store_error(s));
	return print_err ? log_ret(print_err, "cannot print leases") : 0;
}

int cmd_lease_export(int argc, char **argv)
{
	int code;

	if (cli_parse(argc, argv, "lease export NET",
		      "Print a network's leases and reservations of 'lease add' as JSON, for 'lease "
		      "import'.  The network need not be up.",
		      NULL, 1, 1, NULL, &code) < 0)
		return code;
	if (!config_name_ok(argv[0])) {
		log_error("'%s' is no name of a network", argv[0]);
		return CLI_USAGE;
	}
	return export(argv[0]) ? CLI_FAILED : CLI_OK;
}

/* --- import */

static int read_file(const char *path, char **ret_text)
{
	_fclose_ FILE *f = fopen(path, "re");
	_free_ char *text = malloc(MAX_FILE_BYTES + 1);
	size_t n;

	if (!f)
		return log_ret(-errno, "%s", path);
	if (!text)
		return log_ret(-ENOMEM, "%s", path);
	n = fread(text, 1, MAX_FILE_BYTES + 1, f);
	if (ferror(f))
		return log_ret(-EIO, "%s", path);
	if (n > MAX_FILE_BYTES || memchr(text, 0, n))
		return log_refuse(-EINVAL, "%s: is no file of leases", path);
	text[n] = '\0';
	*ret_text = take_ptr(text);
	return 0;
}

int cmd_lease_import(int argc, char **argv)
{
	struct lease_records records = { 0 };
	_free_ char *text = NULL, *error = NULL;
	int code, n;

	if (cli_parse(argc, argv, "lease import NET FILE",
		      "Take over the leases of a file: dnsmasq's lease file, libvirt's NET.status, or "
		      "what 'lease export' has printed.  All of them or none.",
		      NULL, 2, 2, NULL, &code) < 0)
		return code;
	if (read_file(argv[1], &text))
		return CLI_FAILED;
	if (lease_file_parse(argv[1], text, &records, &error)) {
		log_error("%s", error ? error : strerror(ENOMEM));
		return CLI_FAILED;
	}
	n = network_lease_import(argv[0], argv[1], &records);
	lease_records_release(&records);
	if (n < 0)
		return CLI_FAILED;
	log_info("network '%s': %d lease%s imported", argv[0], n, n == 1 ? "" : "s");
	return CLI_OK;
}
