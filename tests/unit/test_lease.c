// SPDX-License-Identifier: GPL-2.0-only
/* Which address a client is given. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "lease.h"

static const __u8 mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

struct choice_row {
	const char *name;
	const char *subnet;
	const char *wishes;	/* up to three */
	const char *used;	/* addresses, or "all" */
	const char *chosen;	/* NULL: nothing is left; "pool": any free one of no wish */
};

static const struct choice_row choice_rows[] = {
	{ "the first wish", "10.20.0.0/24", "10.20.0.9 10.20.0.50", "", "10.20.0.9" },
	{ "the second when the first is used", "10.20.0.0/24", "10.20.0.9 10.20.0.50", "10.20.0.9", "10.20.0.50" },
	{ "wishes that are no address", "10.20.0.0/24", "0.0.0.0 0.0.0.0 10.20.0.50", "", "10.20.0.50" },
	{ "a wish outside", "10.20.0.0/24", "10.20.1.9", "", "pool" },
	{ "the network's address", "10.20.0.0/24", "10.20.0.0", "", "pool" },
	{ "the broadcast address", "10.20.0.0/24", "10.20.0.255", "", "pool" },
	{ "the gateway's", "10.20.0.0/24", "10.20.0.1", "", "pool" },
	{ "x.x.x.255 in a larger subnet, wished", "10.20.0.0/23", "10.20.0.255", "", "10.20.0.255" },
	{ "x.x.x.0 in a larger subnet, wished", "10.20.0.0/23", "10.20.1.0", "", "10.20.1.0" },
	{ "no wish", "10.20.0.0/24", "", "", "pool" },
	{ "the only guest of a /30", "10.20.0.4/30", "", "", "10.20.0.6" },
	{ "a /30 in use", "10.20.0.4/30", "", "10.20.0.6", NULL },
	{ "everything in use", "10.20.0.0/24", "10.20.0.9", "all", NULL },
	{ "a /8", "10.0.0.0/8", "", "", "pool" },
};

static bool is_used(__be32 ip, void *arg)
{
	const char *used = arg;
	char text[ADDR_IP_SIZE];

	return !strcmp(used, "all") || !strcmp(used, addr_format_ip(ip, text));
}

static struct lease_pool make_pool(const char *subnet, const char *used)
{
	struct lease_pool p = { .in_use = is_used, .arg = (void *)(uintptr_t)used };

	assert_int_equal(addr_parse_prefix(subnet, &p.subnet, &p.netmask), 0);
	p.gateway = htonl(ntohl(p.subnet) + 1);
	return p;
}

static unsigned int parse_wishes(const char *text, __be32 ret[3])
{
	char word[3][ADDR_IP_SIZE];
	int n = sscanf(text, "%15s %15s %15s", word[0], word[1], word[2]);

	for (int i = 0; i < n; i++)
		assert_int_equal(addr_parse_ip(word[i], &ret[i]), 0);
	return n < 0 ? 0 : (unsigned int)n;
}

static void address_is_chosen(void **state)
{
	const struct choice_row *row = *state;
	struct lease_pool p = make_pool(row->subnet, row->used);
	__be32 wishes[3], ip = 0;
	unsigned int n = parse_wishes(row->wishes, wishes);
	char text[ADDR_IP_SIZE];
	int err = lease_choose(&p, mac, wishes, n, &ip);

	if (!row->chosen) {
		assert_int_equal(err, -ENOSPC);
		return;
	}
	assert_int_equal(err, 0);
	if (strcmp(row->chosen, "pool")) {
		assert_string_equal(addr_format_ip(ip, text), row->chosen);
		return;
	}
	assert_true(lease_is_host(&p, ip));
	assert_true((ntohl(ip) & 255) != 0 && (ntohl(ip) & 255) != 255);
	for (unsigned int i = 0; i < n; i++)
		assert_true(ip != wishes[i]);
}

/* --- many guests */

#define MANY 253	/* all of a /24 */

static bool given[256];

static bool is_given(__be32 ip, void *arg)
{
	return given[ntohl(ip) & 255];
}

static void a_subnet_is_used_up_to_the_last(void **state)
{
	struct lease_pool p = make_pool("10.20.0.0/24", "");
	__be32 ip;

	p.in_use = is_given;
	memset(given, 0, sizeof(given));
	for (int i = 0; i < MANY; i++) {
		__u8 each[6] = { 0x52, 0x54, 0, 0, 0, (__u8)i };

		assert_int_equal(lease_choose(&p, each, NULL, 0, &ip), 0);
		assert_false(given[ntohl(ip) & 255]);
		given[ntohl(ip) & 255] = true;
	}
	assert_int_equal(lease_choose(&p, mac, NULL, 0, &ip), -ENOSPC);
}

static void a_forgotten_guest_gets_its_address_again(void **state)
{
	struct lease_pool p = make_pool("10.20.0.0/16", "");
	__be32 first, again;

	assert_int_equal(lease_choose(&p, mac, NULL, 0, &first), 0);
	assert_int_equal(lease_choose(&p, mac, NULL, 0, &again), 0);
	assert_int_equal(first, again);
}

/* MACs that differ in one bit must not fall on neighbours only. */
static void similar_macs_are_spread(void **state)
{
	struct lease_pool p = make_pool("10.20.0.0/16", "");
	unsigned int quarters[4] = { 0 };
	__be32 ip;

	for (int i = 0; i < 1000; i++) {
		__u8 each[6] = { 0x52, 0x54, 0, 0, (__u8)(i >> 8), (__u8)i };

		assert_int_equal(lease_choose(&p, each, NULL, 0, &ip), 0);
		quarters[(ntohl(ip) >> 14) & 3]++;
	}
	for (int i = 0; i < 4; i++)
		assert_in_range(quarters[i], 200, 300);
}

/* --- index */

static void the_index_finds_what_was_added(void **state)
{
	struct lease_index *x = calloc(1, sizeof(*x));
	struct cv_lease_key key = { 0 };

	for (unsigned int i = 0; i < 24576; i++) {
		key.net = (__u16)(1 + i % 7);
		key.mac[4] = (__u8)(i >> 8), key.mac[5] = (__u8)i;
		assert_int_equal(lease_index_add(x, htonl(0x0a000000 + i), &key), 0);
	}
	assert_int_equal(lease_index_add(x, htonl(0x0b000000), &key), -ENOSPC);
	assert_int_equal(lease_index_add(x, htonl(0x0a000000 + 24575), &key), 0);	/* known: replaced */
	for (unsigned int i = 0; i < 24576; i++) {
		const struct cv_lease_key *found = lease_index_find(x, (__u16)(1 + i % 7), htonl(0x0a000000 + i));

		assert_non_null(found);
		assert_int_equal(found->mac[4] << 8 | found->mac[5], i);
		assert_null(lease_index_find(x, (__u16)(1 + (i + 1) % 7), htonl(0x0a000000 + i)));
	}
	lease_index_clear(x);
	assert_null(lease_index_find(x, 1, htonl(0x0a000000)));
	free(x);
}

int main(void)
{
	struct CMUnitTest tests[UNIT_N(choice_rows) + 4], *end = tests;

	end = UNIT_ROWS(end, choice_rows, address_is_chosen);
	*end++ = (struct CMUnitTest) cmocka_unit_test(a_subnet_is_used_up_to_the_last);
	*end++ = (struct CMUnitTest) cmocka_unit_test(a_forgotten_guest_gets_its_address_again);
	*end++ = (struct CMUnitTest) cmocka_unit_test(similar_macs_are_spread);
	*end++ = (struct CMUnitTest) cmocka_unit_test(the_index_finds_what_was_added);
	return UNIT_RUN(tests, end);
}
