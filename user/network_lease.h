/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What commands do to leases: under the lock of commands, in the store first.
 * The daemon then reads the network's leases anew, before its next answer; it
 * need not run.  These functions log.
 */
#ifndef CULVERT_NETWORK_LEASE_H
#define CULVERT_NETWORK_LEASE_H

struct lease_records;

/**
 * network_lease_add() - keep an address for a guest, without end
 * @who: its name, whether it has a port or not, or its MAC
 * @address: also as ".10"
 *
 * Return: 0, -EADDRINUSE when somebody has the address, or -errno.
 */
int network_lease_add(const char *net, const char *who, const char *address);

/**
 * network_lease_rm() - end a lease or what network_lease_add() did
 * @who: a name, a MAC or an address
 *
 * The guest's port is closed until it has asked for an address anew.
 * Return: 0, -ENOENT, -EBUSY when the configuration or `port add` says so, or -errno.
 */
int network_lease_rm(const char *net, const char *who);

/**
 * network_lease_import() - all leases of a file, or none
 * @file: named in errors
 * Return: how many, or -errno.
 */
int network_lease_import(const char *net, const char *file, const struct lease_records *r);

#endif
