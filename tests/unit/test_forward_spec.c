// SPDX-License-Identifier: GPL-2.0-only
/* How a port forward may be written, what it means, and what of two collides. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "forward_spec.h"

/* --- what is understood, by its canonical form */

struct good_row {
	const char *name;
	const char *spec;
	const char *guest;	/* of `run`, where the spec names none */
	const char *canonical;
};

static const struct good_row good_rows[] = {
	{ "address, port, guest, port", "198.51.100.2:8080:web:80", NULL, "198.51.100.2:8080:web:80/tcp" },
	{ "the guest's port is the same by default", "198.51.100.2:80:web", NULL, "198.51.100.2:80:web:80/tcp" },
	{ "all addresses", "0.0.0.0:8080:web:80", NULL, "0.0.0.0:8080:web:80/tcp" },
	{ "all addresses by a star", "*:8080:web:80", NULL, "0.0.0.0:8080:web:80/tcp" },
	{ "loopback", "127.0.0.1:8080:web:80", NULL, "127.0.0.1:8080:web:80/tcp" },
	{ "all of loopback", "127.1.2.3:53:dns/udp", NULL, "127.1.2.3:53:dns:53/udp" },
	{ "loopback, guest known", "127.0.0.1:8080:80", "vm", "127.0.0.1:8080:vm:80/tcp" },
	{ "udp", "*:53:dns/udp", NULL, "0.0.0.0:53:dns:53/udp" },
	{ "tcp said", "*:53:dns:53/tcp", NULL, "0.0.0.0:53:dns:53/tcp" },
	{ "a range", "*:8000-8010:web", NULL, "0.0.0.0:8000-8010:web:8000-8010/tcp" },
	{ "a range elsewhere", "*:8000-8010:web:80-90/udp", NULL, "0.0.0.0:8000-8010:web:80-90/udp" },
	{ "a range of one", "*:8000-8000:web:80", NULL, "0.0.0.0:8000:web:80/tcp" },
	{ "one to a range of one", "*:8000:web:80-80", NULL, "0.0.0.0:8000:web:80/tcp" },
	{ "the lowest port", "*:1:web:1", NULL, "0.0.0.0:1:web:1/tcp" },
	{ "the highest port", "*:65535:web:65535", NULL, "0.0.0.0:65535:web:65535/tcp" },
	{ "every port", "*:1-65535:web", NULL, "0.0.0.0:1-65535:web:1-65535/tcp" },
	{ "a guest that is named by a number", "*:8080:80", NULL, "0.0.0.0:8080:80:8080/tcp" },
	{ "a guest's name with a hyphen", "*:8080:web-1:80", NULL, "0.0.0.0:8080:web-1:80/tcp" },
	{ "a guest's name of 31 characters", "*:80:abcdefghijklmnopqrstuvwxyz01234", NULL,
	  "0.0.0.0:80:abcdefghijklmnopqrstuvwxyz01234:80/tcp" },
	{ "of a guest that is known: port to port", "198.51.100.2:8080:80", "vm", "198.51.100.2:8080:vm:80/tcp" },
	{ "of a guest that is known: ranges", "*:8000-8001:80-81/udp", "vm", "0.0.0.0:8000-8001:vm:80-81/udp" },
};

static void good_spec_means(void **state)
{
	const struct good_row *row = *state;
	char text[FORWARD_SIZE], again[FORWARD_SIZE];
	struct forward f, g;
	const char *problem;

	assert_int_equal(forward_parse(row->spec, row->guest, &f, &problem), 0);
	assert_string_equal(forward_format(&f, text), row->canonical);
	/* What is written is read as the same. */
	assert_int_equal(forward_parse(text, NULL, &g, &problem), 0);
	assert_true(forward_same(&f, &g));
	assert_string_equal(forward_format(&g, again), text);
}

/* --- what is refused, by a part of the reason */

struct bad_row {
	const char *name;
	const char *spec;
	const char *guest;
	const char *problem;
};

#define PORT	"a port is a number from 1 to 65535"
#define NONE	"names no address to listen on"
#define NO_IP	"is no IPv4 address"
#define NAME	"no name of a guest"

static const struct bad_row bad_rows[] = {
	{ "nothing", "", NULL, NONE },
	{ "no address", "8080:web:80", NULL, NONE },
	{ "no address before a range", "8080-8090:web", NULL, NONE },
	{ "no address, guest known", "8080:80", "vm", NONE },
	{ "a port alone", "8080", NULL, NONE },
	{ "an address alone", "198.51.100.2", NULL, NONE },
	{ "an empty address", ":8080:web:80", NULL, NO_IP },
	{ "a name as address", "localhost:8080:web:80", NULL, NO_IP },
	{ "a short address", "198.51.100:8080:web:80", NULL, NO_IP },
	{ "an octal address", "198.51.100.02:8080:web:80", NULL, NO_IP },
	{ "an address of IPv6", "[2001:db8::1]:8080:web:80", NULL, "" },
	{ "an address far too long", "198.51.100.222222222222222:8080:web", NULL, NO_IP },
	{ "two stars", "**:8080:web:80", NULL, NO_IP },
	{ "the network of loopback", "127.0.0.0:8080:web:80", NULL, "is no host's" },
	{ "its broadcast", "127.255.255.255:8080:web:80", NULL, "is no host's" },
	{ "multicast", "224.0.0.1:8080:web:80", NULL, "is no host's" },
	{ "broadcast", "255.255.255.255:8080:web", NULL, "is no host's" },
	{ "an address of net 0", "0.0.0.1:8080:web", NULL, "is no host's" },
	{ "port 0", "*:0:web:80", NULL, PORT },
	{ "port 65536", "*:65536:web:80", NULL, PORT },
	{ "a port beyond 32 bits", "*:4294967376:web:80", NULL, PORT },
	{ "a port with a zero first", "*:080:web:80", NULL, PORT },
	{ "a port with a sign", "*:+80:web:80", NULL, PORT },
	{ "a port with a blank", "*: 80:web:80", NULL, PORT },
	{ "a port in letters", "*:http:web:80", NULL, PORT },
	{ "an empty port", "*::web:80", NULL, PORT },
	{ "a range without end", "*:80-:web", NULL, PORT },
	{ "a range without begin", "*:-80:web", NULL, PORT },
	{ "a range of three", "*:80-81-82:web", NULL, PORT },
	{ "a range backwards", "*:81-80:web", NULL, "ends before it begins" },
	{ "a guest's range backwards", "*:80-81:web:91-90", NULL, "ends before it begins" },
	{ "a guest's range too short", "*:80-82:web:80-81", NULL, "not of one length" },
	{ "a guest's range too long", "*:80-81:web:80-82", NULL, "not of one length" },
	{ "a range to one port", "*:80-81:web:80", NULL, "not of one length" },
	{ "a guest's range beyond the last port", "*:80-81:web:65535-65536", NULL, PORT },
	{ "no guest", "*:8080", NULL, "the guest is missing" },
	{ "no port of a guest that is known", "*:8080", "vm", "the guest's port is missing" },
	{ "an empty guest", "*:8080:", NULL, NAME },
	{ "an empty guest with a port", "*:8080::80", NULL, NAME },
	{ "a guest in capitals", "*:8080:Web:80", NULL, NAME },
	{ "a guest with a hyphen first", "*:8080:-web", NULL, NAME },
	{ "a guest by address", "*:8080:10.20.0.10:80", NULL, NAME },
	{ "a guest's name too long", "*:80:abcdefghijklmnopqrstuvwxyz012345", NULL, "too long" },
	{ "an empty port of the guest", "*:8080:web:", NULL, PORT },
	{ "port 0 of the guest", "*:8080:web:0", NULL, PORT },
	{ "one part too many", "*:8080:web:80:81", NULL, PORT },
	{ "a guest where one is known", "*:8080:web:80", "vm", PORT },
	{ "another protocol", "*:8080:web:80/sctp", NULL, "tcp or udp" },
	{ "a protocol in capitals", "*:8080:web:80/TCP", NULL, "tcp or udp" },
	{ "an empty protocol", "*:8080:web:80/", NULL, "tcp or udp" },
	{ "two protocols", "*:8080:web:80/tcp/udp", NULL, "tcp or udp" },
	{ "far too long", "*:8080:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, "too long" },
};

static void bad_spec_is_refused(void **state)
{
	const struct bad_row *row = *state;
	struct forward f, before;
	const char *problem = NULL;

	memset(&f, 0xa5, sizeof(f));
	before = f;
	assert_int_equal(forward_parse(row->spec, row->guest, &f, &problem), -EINVAL);
	assert_non_null(problem);
	if (!strstr(problem, row->problem))
		fail_msg("'%s': %s", row->spec, problem);
	assert_memory_equal(&f, &before, sizeof(f));
}

/* --- two of them */

struct pair_row {
	const char *name;
	const char *a, *b;
	bool overlap;
};

static const struct pair_row pair_rows[] = {
	{ "one port, two guests, collide", "198.51.100.2:80:a", "198.51.100.2:80:b", true },
	{ "two ports do not", "198.51.100.2:80:a", "198.51.100.2:81:a", false },
	{ "two protocols do not", "198.51.100.2:80:a", "198.51.100.2:80:a/udp", false },
	{ "two addresses do not", "198.51.100.2:80:a", "198.51.100.3:80:a", false },
	{ "all addresses and one collide", "*:80:a", "198.51.100.3:80:a", true },
	{ "all addresses twice collide", "*:80:a", "0.0.0.0:80:b", true },
	{ "all addresses have loopback's first", "*:80:a", "127.0.0.1:80:b", true },
	{ "not its others", "*:80:a", "127.0.0.2:80:b", false },
	{ "loopback and an uplink do not", "127.0.0.1:80:a", "198.51.100.2:80:b", false },
	{ "loopback twice collides", "127.0.0.2:80:a", "127.0.0.2:80:b", true },
	{ "ranges that share their last port collide", "*:80-90:a", "*:90-95:b", true },
	{ "a range within another collides", "*:80-90:a", "*:84:b:1", true },
	{ "ranges side by side do not", "*:80-90:a", "*:91-95:b", false },
};

static void pair_overlaps(void **state)
{
	const struct pair_row *row = *state;
	struct forward a, b;
	const char *problem;

	assert_int_equal(forward_parse(row->a, NULL, &a, &problem), 0);
	assert_int_equal(forward_parse(row->b, NULL, &b, &problem), 0);
	assert_int_equal(forward_overlaps(&a, &b), row->overlap);
	assert_int_equal(forward_overlaps(&b, &a), row->overlap);
	assert_false(forward_same(&a, &b));
	assert_true(forward_same(&a, &a));
}

static void range_is_covered_in_order(void **state)
{
	const char *problem;
	struct forward f;

	assert_int_equal(forward_parse("198.51.100.2:8000-8002:web:65533-65535", NULL, &f, &problem), 0);
	assert_int_equal(forward_guest_port(&f, 8000), 65533);
	assert_int_equal(forward_guest_port(&f, 8002), 65535);
	assert_true(forward_covers(&f, inet_addr("198.51.100.2"), IPPROTO_TCP, 8002));
	assert_false(forward_covers(&f, inet_addr("198.51.100.2"), IPPROTO_TCP, 8003));
	assert_false(forward_covers(&f, inet_addr("198.51.100.2"), IPPROTO_TCP, 7999));
	assert_false(forward_covers(&f, inet_addr("198.51.100.2"), IPPROTO_UDP, 8001));
	assert_false(forward_covers(&f, inet_addr("198.51.100.3"), IPPROTO_TCP, 8001));
}

static void host_is_served_on_loopback(void **state)
{
	const char *problem;
	struct forward f;

	assert_int_equal(forward_parse("198.51.100.2:80:web", NULL, &f, &problem), 0);
	assert_int_equal(forward_loopback(&f), 0);
	assert_int_equal(forward_parse("127.1.2.3:80:web", NULL, &f, &problem), 0);
	assert_int_equal(forward_loopback(&f), inet_addr("127.1.2.3"));
	assert_false(forward_covers(&f, inet_addr("127.0.0.1"), IPPROTO_TCP, 80));
	assert_int_equal(forward_parse("*:80:web", NULL, &f, &problem), 0);
	assert_int_equal(forward_loopback(&f), inet_addr("127.0.0.1"));
	assert_true(forward_covers(&f, inet_addr("127.0.0.1"), IPPROTO_TCP, 80));
	assert_false(forward_covers(&f, inet_addr("127.0.0.2"), IPPROTO_TCP, 80));
}

static void list_keeps_the_order(void **state)
{
	struct forward_list list = { 0 };
	const char *problem;
	struct forward f;

	assert_int_equal(forward_parse("*:1:a", NULL, &f, &problem), 0);
	for (f.first = f.last = 1; f.first <= 4; f.first++, f.last++)
		assert_int_equal(forward_list_add(&list, &f, FORWARD_COMMAND), 0);
	forward_list_remove(&list, 1);
	forward_list_remove(&list, 2);
	assert_int_equal(list.n, 2);
	assert_int_equal(list.entries[0].forward.first, 1);
	assert_int_equal(list.entries[1].forward.first, 3);
	forward_list_release(&list);
	assert_int_equal(list.n, 0);
}

int main(void)
{
	struct CMUnitTest tests[UNIT_N(good_rows) + UNIT_N(bad_rows) + UNIT_N(pair_rows) + 3];
	struct CMUnitTest *end = tests;
	const struct CMUnitTest others[] = {
		cmocka_unit_test(range_is_covered_in_order),
		cmocka_unit_test(host_is_served_on_loopback),
		cmocka_unit_test(list_keeps_the_order),
	};

	end = UNIT_ROWS(end, good_rows, good_spec_means);
	end = UNIT_ROWS(end, bad_rows, bad_spec_is_refused);
	end = UNIT_ROWS(end, pair_rows, pair_overlaps);
	for (size_t i = 0; i < UNIT_N(others); i++)
		*end++ = others[i];
	return UNIT_RUN(tests, end);
}
