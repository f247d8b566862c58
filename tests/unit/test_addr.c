// SPDX-License-Identifier: GPL-2.0-only
/* Addresses as text and back. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"

struct ip_row {
	const char *name;	/* the text */
	const char *back;	/* NULL: refused */
};

static const struct ip_row ip_rows[] = {
	{ "10.0.0.1", "10.0.0.1" }, { "0.0.0.0", "0.0.0.0" },
	{ "255.255.255.255", "255.255.255.255" },
	{ "", NULL }, { " 10.0.0.1", NULL }, { "10.0.0.1 ", NULL }, { "10.0.0", NULL },
	{ "10.0.0.1.2", NULL }, { "10.0.0.256", NULL }, { "10.0.0.-1", NULL }, { "10.0.0.0x1", NULL },
	{ "10.0.0.010", NULL }, { "010.0.0.1", NULL }, { "10..0.1", NULL }, { "167772161", NULL },
	{ "::1", NULL }, { "10.0.0.1/24", NULL }, { "web", NULL },
};

static void ip_is_read(void **state)
{
	const struct ip_row *row = *state;
	char text[ADDR_IP_SIZE];
	__be32 ip = htonl(0xdeadbeef);

	if (!row->back) {
		assert_int_equal(addr_parse_ip(row->name, &ip), -EINVAL);
		assert_int_equal(ip, htonl(0xdeadbeef));
		return;
	}
	assert_int_equal(addr_parse_ip(row->name, &ip), 0);
	assert_string_equal(addr_format_ip(ip, text), row->back);
}

static const struct ip_row prefix_rows[] = {
	{ "10.20.0.0/24", "10.20.0.0/24" }, { "10.20.0.7/24", "10.20.0.7/24" },
	{ "0.0.0.0/0", "0.0.0.0/0" }, { "10.0.0.1/32", "10.0.0.1/32" }, { "255.255.255.254/31", "255.255.255.254/31" },
	{ "10.20.0.0", NULL }, { "10.20.0.0/", NULL }, { "10.20.0.0/33", NULL }, { "10.20.0.0/-1", NULL },
	{ "10.20.0.0/024", NULL }, { "10.20.0.0/2 4", NULL }, { "10.20.0.0/24/8", NULL },
	{ "10.20.0.0/255.255.255.0", NULL }, { "/24", NULL }, { "10.20/16", NULL },
	{ "10.20.0.0/99999999999999999999", NULL }, { "1010101010.20.0.0/24", NULL },
};

static void prefix_is_read(void **state)
{
	const struct ip_row *row = *state;
	char text[ADDR_PREFIX_SIZE];
	__be32 ip, mask;

	if (!row->back) {
		assert_int_equal(addr_parse_prefix(row->name, &ip, &mask), -EINVAL);
		return;
	}
	assert_int_equal(addr_parse_prefix(row->name, &ip, &mask), 0);
	assert_string_equal(addr_format_prefix(ip, mask, text), row->back);
}

struct host_row {
	const char *name;
	const char *text, *subnet;
	const char *back;	/* NULL: @err */
	int err;
};

static const struct host_row host_rows[] = {
	{ "host part", ".10", "10.20.0.0/24", "10.20.0.10", 0 },
	{ "in full", "10.20.0.10", "10.20.0.0/24", "10.20.0.10", 0 },
	{ "host part beyond a byte", ".300", "10.20.0.0/16", "10.20.1.44", 0 },
	{ "host part in /8", ".65793", "10.0.0.0/8", "10.1.1.1", 0 },
	{ "the last one", ".254", "10.20.0.0/24", "10.20.0.254", 0 },
	{ "the network's", ".0", "10.20.0.0/24", NULL, -ERANGE },
	{ "the broadcast", ".255", "10.20.0.0/24", NULL, -ERANGE },
	{ "the broadcast in full", "10.20.255.255", "10.20.0.0/16", NULL, -ERANGE },
	{ "outside", "10.20.1.10", "10.20.0.0/24", NULL, -ERANGE },
	{ "too large a host part", ".256", "10.20.0.0/24", NULL, -EINVAL },
	{ "no number", ".x", "10.20.0.0/24", NULL, -EINVAL },
	{ "only a dot", ".", "10.20.0.0/24", NULL, -EINVAL },
	{ "leading zero", ".010", "10.20.0.0/24", NULL, -EINVAL },
	{ "nothing", "", "10.20.0.0/24", NULL, -EINVAL },
};

static void host_is_read(void **state)
{
	const struct host_row *row = *state;
	char text[ADDR_IP_SIZE];
	__be32 subnet, mask, ip;

	assert_int_equal(addr_parse_prefix(row->subnet, &subnet, &mask), 0);
	assert_int_equal(addr_parse_host(row->text, subnet, mask, &ip), row->err);
	if (row->back)
		assert_string_equal(addr_format_ip(ip, text), row->back);
}

static const struct ip_row mac_rows[] = {
	{ "52:54:00:00:00:0a", "52:54:00:00:00:0a" }, { "52:54:00:AB:CD:EF", "52:54:00:ab:cd:ef" },
	{ "fe:ff:ff:ff:ff:ff", "fe:ff:ff:ff:ff:ff" },
	{ "", NULL }, { "52:54:00:00:00", NULL }, { "52:54:00:00:00:0a:0b", NULL }, { "52-54-00-00-00-0a", NULL },
	{ "52:54:0:0:0:a", NULL }, { "5254.0000.000a", NULL }, { "52:54:00:00:00:0g", NULL },
	{ "52:54:00:00:00:0a ", NULL }, { "00:00:00:00:00:00", NULL }, { "ff:ff:ff:ff:ff:ff", NULL },
	{ "01:00:5e:00:00:01", NULL }, { "+2:54:00:00:00:0a", NULL }, { "52:54:00:00:00:0x", NULL },
};

static void mac_is_read(void **state)
{
	const struct ip_row *row = *state;
	char text[ADDR_MAC_SIZE];
	__u8 mac[6] = { 1, 2, 3, 4, 5, 6 };

	if (!row->back) {
		assert_int_equal(addr_parse_mac(row->name, mac), -EINVAL);
		assert_memory_equal(mac, ((__u8[]) { 1, 2, 3, 4, 5, 6 }), 6);
		return;
	}
	assert_int_equal(addr_parse_mac(row->name, mac), 0);
	assert_string_equal(addr_format_mac(mac, text), row->back);
}

static void mask_lengths_are_counted(void **state)
{
	for (unsigned int len = 0; len <= 32; len++)
		assert_int_equal(addr_mask_len(htonl(len ? ~0U << (32 - len) : 0)), len);
}

int main(void)
{
	struct CMUnitTest tests[128], *end = tests;

	end = UNIT_ROWS(end, ip_rows, ip_is_read);
	end = UNIT_ROWS(end, prefix_rows, prefix_is_read);
	end = UNIT_ROWS(end, host_rows, host_is_read);
	end = UNIT_ROWS(end, mac_rows, mac_is_read);
	*end++ = (struct CMUnitTest) cmocka_unit_test(mask_lengths_are_counted);
	return UNIT_RUN(tests, end);
}
