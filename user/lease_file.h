/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leases of other servers as files, and our own export: read whole or not at
 * all.  Pure: takes text, changes nothing, does not log.
 *
 *	dnsmasq		EXPIRY MAC ADDRESS HOSTNAME|* CLIENT-ID|*	a line each; expiry 0: no
 *			end; from a line "duid ..." on they are of DHCPv6, and passed over
 *	libvirt		NET.status: [ { "ip-address", "mac-address", "hostname", "client-id",
 *			"expiry-time" } ... ]
 *	culvert		{ "version": 1, "leases": [ { "guest", "address", "mac", "hostname",
 *			"client_id", "state", "expires" } ... ] }
 */
#ifndef CULVERT_LEASE_FILE_H
#define CULVERT_LEASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include <culvert/abi.h>

/**
 * struct lease_record - one lease of a file
 * @expiry_s:	Unix time; of no meaning when @reserved
 * @reserved:	it has no end
 * @line:	where it stands
 */
struct lease_record {
	__u8   mac[6];
	__be32 ip;
	bool   reserved;
	__s64  expiry_s;
	unsigned int line;
	__u8   client_id_len;
	__u8   client_id[CV_CLIENT_ID_SIZE - 1];
	char   guest[CV_NAME_SIZE];	/* empty: not said */
	char   hostname[64];
};

struct lease_records {
	struct lease_record *all;
	size_t n;
};

/**
 * lease_file_parse() - in whichever of the formats it is
 * @file: named in errors
 * @ret: release with lease_records_release(); untouched on failure
 * @ret_error: "FILE:LINE: what is wrong", heap; NULL only when out of memory
 *
 * No two of the records have one address or one MAC.
 * Return: 0, -EINVAL or -ENOMEM.
 */
int lease_file_parse(const char *file, const char *text, struct lease_records *ret,
		     char **ret_error);
void lease_records_release(struct lease_records *r);

#endif
