/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which resolvers the host asks, for handing them to guests.  A resolver on
 * the host's loopback (systemd-resolved's stub, dnsmasq, unbound) is of no use
 * to a guest: where it is resolved's stub, the servers behind it are taken.
 */
#ifndef CULVERT_RESOLV_H
#define CULVERT_RESOLV_H

#include "config.h"

/**
 * resolv_parse() - the `nameserver` lines of a resolv.conf(5)
 * @text: its contents
 * @ret: up to CONFIG_MAX_DNS IPv4 addresses that are not loopback or zero
 * @ret_stub: set when 127.0.0.53 or .54 is among them
 *
 * Return: number of addresses in @ret.
 */
unsigned int resolv_parse(const char *text, __be32 ret[CONFIG_MAX_DNS], bool *ret_stub);

/**
 * resolv_read() - the host's upstream resolvers
 * @root: prefix of /etc/resolv.conf and /run/systemd/resolve/resolv.conf; ""
 *
 * Return: number of addresses (0: none that a guest could ask), or -errno.
 */
int resolv_read(const char *root, __be32 ret[CONFIG_MAX_DNS]);

/**
 * resolv_print() - a resolv.conf(5) of the servers that guests are told
 * @gateway: where names are served (cfg->dns_serve)
 *
 * Return: heap, "" when there are none, NULL without memory.
 */
char *resolv_print(const struct config *cfg, __be32 gateway);

/** resolv_fill() - with cfg->dns_host, set cfg->dns from the host.  Return: 0 or -errno */
int resolv_fill(struct config *cfg);

#endif
