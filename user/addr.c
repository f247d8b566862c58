// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses as text and back.  Stricter than inet_aton(): four decimal parts
 * without leading zeros, so that no octal number is read as a decimal one.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"

int addr_parse_ip(const char *text, __be32 *ret_ip)
{
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1)
		return -EINVAL;
	*ret_ip = in.s_addr;
	return 0;
}

/* A decimal number up to @max and nothing after it. */
static int parse_number(const char *text, unsigned int max, unsigned int *ret)
{
	unsigned int n = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		n = n * 10 + (*text - '0');
		if (n > max)
			return -EINVAL;
	}
	*ret = n;
	return 0;
}

int addr_parse_prefix(const char *text, __be32 *ret_ip, __be32 *ret_mask)
{
	const char *slash = strchr(text, '/');
	char ip_text[ADDR_IP_SIZE];
	unsigned int len;
	__be32 ip;

	if (!slash || (size_t)(slash - text) >= sizeof(ip_text))
		return -EINVAL;
	snprintf(ip_text, sizeof(ip_text), "%.*s", (int)(slash - text), text);
	if (addr_parse_ip(ip_text, &ip) || parse_number(slash + 1, 32, &len))
		return -EINVAL;
	*ret_ip = ip;
	*ret_mask = htonl(len ? ~0U << (32 - len) : 0);
	return 0;
}

int addr_parse_host(const char *text, __be32 subnet, __be32 mask, __be32 *ret_ip)
{
	unsigned int host;
	__be32 ip;

	if (text[0] == '.') {
		if (parse_number(text + 1, ~ntohl(mask) & 0x7fffffff, &host))
			return -EINVAL;
		ip = (subnet & mask) | htonl(host);
	} else if (addr_parse_ip(text, &ip)) {
		return -EINVAL;
	}

	if ((ip & mask) != (subnet & mask) || (ip & ~mask) == 0 || (ip & ~mask) == ~mask)
		return -ERANGE;
	*ret_ip = ip;
	return 0;
}

int addr_parse_mac(const char *text, __u8 ret_mac[6])
{
	static const __u8 zero[6];
	__u8 mac[6];

	if (strlen(text) != ADDR_MAC_SIZE - 1)
		return -EINVAL;
	for (int i = 0; i < 6; i++) {
		const char *p = text + i * 3;

		if (!isxdigit((unsigned char)p[0]) || !isxdigit((unsigned char)p[1]))
			return -EINVAL;
		if (p[2] != (i < 5 ? ':' : '\0'))
			return -EINVAL;
		mac[i] = strtoul(p, NULL, 16);
	}
	if ((mac[0] & 1) || !memcmp(mac, zero, sizeof(mac)))
		return -EINVAL;
	memcpy(ret_mac, mac, sizeof(mac));
	return 0;
}

const char *addr_format_ip(__be32 ip, char buf[ADDR_IP_SIZE])
{
	return inet_ntop(AF_INET, &ip, buf, ADDR_IP_SIZE);
}

const char *addr_format_prefix(__be32 ip, __be32 mask, char buf[ADDR_PREFIX_SIZE])
{
	char text[ADDR_IP_SIZE];

	snprintf(buf, ADDR_PREFIX_SIZE, "%s/%u", addr_format_ip(ip, text), addr_mask_len(mask));
	return buf;
}

const char *addr_format_mac(const __u8 mac[6], char buf[ADDR_MAC_SIZE])
{
	snprintf(buf, ADDR_MAC_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x",
		 mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return buf;
}

unsigned int addr_mask_len(__be32 mask)
{
	return __builtin_popcount(mask);
}

bool addr_is_loopback(__be32 ip)
{
	return ntohl(ip) >> 24 == 127;
}
