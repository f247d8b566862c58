/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses as text and back.  Wire order everywhere; nothing logs. */
#ifndef CULVERT_ADDR_H
#define CULVERT_ADDR_H

#include <stdbool.h>

#include <linux/types.h>

#define ADDR_IP_SIZE	16	/* "255.255.255.255" */
#define ADDR_PREFIX_SIZE 19	/* "255.255.255.255/32" */
#define ADDR_MAC_SIZE	18	/* "00:00:00:00:00:00" */

/** addr_parse_ip() - "10.0.0.1"; nothing else may follow.  Return: 0 or -EINVAL */
int addr_parse_ip(const char *text, __be32 *ret_ip);

/**
 * addr_parse_prefix() - "10.20.0.0/24"
 * @ret_ip: the address as written, host bits included
 * @ret_mask: the netmask
 *
 * Return: 0 or -EINVAL.
 */
int addr_parse_prefix(const char *text, __be32 *ret_ip, __be32 *ret_mask);

/**
 * addr_parse_host() - an address, or ".10": the host part within a subnet
 * Return: 0, -EINVAL for bad text, -ERANGE when outside of the subnet or its
 * network or broadcast address.
 */
int addr_parse_host(const char *text, __be32 subnet, __be32 mask, __be32 *ret_ip);

/** addr_parse_mac() - "52:54:00:00:00:0a", unicast and not zero.  Return: 0 or -EINVAL */
int addr_parse_mac(const char *text, __u8 ret_mac[6]);

const char *addr_format_ip(__be32 ip, char buf[ADDR_IP_SIZE]);
const char *addr_format_prefix(__be32 ip, __be32 mask, char buf[ADDR_PREFIX_SIZE]);
const char *addr_format_mac(const __u8 mac[6], char buf[ADDR_MAC_SIZE]);

/** addr_mask_len() - bits of a netmask */
unsigned int addr_mask_len(__be32 mask);

/** addr_is_loopback() - whether it is in 127.0.0.0/8 */
bool addr_is_loopback(__be32 ip);

#endif
