// SPDX-License-Identifier: GPL-2.0-only
/* How a rule may be written, what it means, and what the programs get of it. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "policy_spec.h"

/* --- what is understood, by its canonical form */

struct good_row {
	const char *name;
	const char *text;
	const char *canonical;	/* NULL: as it stands */
};

static const struct good_row good_rows[] = {
	{ "guests to neighbours", "deny @guests -> @lan", NULL },
	{ "a guest to the internet, some ports", "allow web -> @internet tcp 80,443", NULL },
	{ "spaces and tabs", "  deny \t@guests   ->\t@lan ", "deny @guests -> @lan" },
	{ "a range of ports", "allow web -> @internet udp 80,443,8000-8010", NULL },
	{ "every port", "deny web -> @any tcp 1-65535", NULL },
	{ "a range of one port", "deny web -> @any tcp 80-80", "deny web -> @any tcp 80" },
	{ "ping", "deny web -> @any icmp", NULL },
	{ "a protocol by number", "deny web -> @any 47", NULL },
	{ "a number that has a name", "deny web -> @any 17 53", "deny web -> @any udp 53" },
	{ "the highest protocol", "deny web -> @any 255", NULL },
	{ "a protocol without ports", "deny web -> @any tcp", NULL },
	{ "guest to guest", "allow web -> db tcp 5432", NULL },
	{ "the host to a guest", "deny @host -> web", NULL },
	{ "a guest to the host", "allow web -> @host tcp 22", NULL },
	{ "from the internet", "deny @internet -> @guests", NULL },
	{ "from an address", "allow 198.51.100.7 -> web tcp 80", NULL },
	{ "to a prefix", "deny @guests -> 10.0.0.0/8", NULL },
	{ "a prefix of one address", "deny web -> 192.0.2.1/32", "deny web -> 192.0.2.1" },
	{ "every address", "deny 0.0.0.0/0 -> web", NULL },
	{ "prefix to prefix", "deny 10.0.0.0/8 -> 192.0.2.0/24", NULL },
	{ "anybody to anybody", "deny @any -> @any tcp 25", NULL },
	{ "a guest whose name is a number", "deny 10 -> 20", NULL },
	{ "guests whose names are words of rules", "allow allow -> tcp tcp 1", NULL },
	{ "a guest with the name of a group", "deny lan -> internet", NULL },
	{ "a name with hyphens", "deny a- -> b-c", NULL },
	{ "a name of 31 characters", "deny abcdefghijklmnopqrstuvwxyz01234 -> @any", NULL },
};

static void good_rule_means(void **state)
{
	const struct good_row *row = *state;
	char text[POLICY_TEXT_SIZE], again[POLICY_TEXT_SIZE];
	struct policy_rule r;
	const char *problem = "";

	if (policy_parse(row->text, &r, &problem))
		fail_msg("%s", problem);
	assert_string_equal(policy_format(&r, text), row->canonical ? row->canonical : row->text);
	/* What is written is read as the same. */
	assert_int_equal(policy_parse(text, &r, &problem), 0);
	assert_string_equal(policy_format(&r, again), text);
}

/* --- what is refused, by a part of the reason */

struct bad_row {
	const char *name;
	const char *text;
	const char *problem;
};

#define WHOLE	"a rule is: allow|deny FROM -> TO"
#define ACTION	"begins with allow or deny"
#define PORTS	"PORTS are from 1 to 65535"
#define PROTO	"PROTO is tcp, udp, icmp or a number from 1 to 255"

static const struct bad_row bad_rows[] = {
	{ "nothing", "", WHOLE },
	{ "spaces", " \t ", WHOLE },
	{ "an action alone", "deny", WHOLE },
	{ "no TO", "deny web ->", WHOLE },
	{ "no FROM", "deny -> web", WHOLE },
	{ "no arrow", "deny web db", WHOLE },
	{ "no arrow but more words", "deny web to db", WHOLE },
	{ "an arrow without spaces", "deny web->db", WHOLE },
	{ "another action", "drop web -> db", ACTION },
	{ "an action in capitals", "Deny web -> db", ACTION },
	{ "an unknown group", "deny @all -> @lan", "FROM is none of @guests" },
	{ "an unknown group as TO", "deny web -> @wan", "TO is none of @guests" },
	{ "a group in capitals", "deny @Guests -> @lan", "FROM is none of" },
	{ "an at alone", "deny @ -> web", "FROM is none of" },
	{ "a short address", "deny 10.0.0 -> web", "FROM is no address or prefix" },
	{ "a short prefix", "deny web -> 10/8", "TO is no address or prefix" },
	{ "a prefix that is too long", "deny web -> 10.0.0.0/33", "TO is no address or prefix" },
	{ "a prefix without length", "deny web -> 10.0.0.0/", "TO is no address or prefix" },
	{ "host bits", "deny web -> 10.0.0.1/8", "TO has bits set behind its prefix" },
	{ "a name in capitals", "deny Web -> @lan", "FROM is no guest's name" },
	{ "a name with an underscore", "deny web -> my_db", "TO is no guest's name" },
	{ "a name that is too long", "deny abcdefghijklmnopqrstuvwxyz012345 -> @any", "FROM is no guest's name" },
	{ "a name that begins with a hyphen", "deny -web -> @any", "FROM is no guest's name" },
	{ "a name that is no guest's", "deny host -> web", "the host is @host" },
	{ "the host's name as TO", "deny web -> host", "TO cannot be a guest's name" },
	{ "no guest in it", "deny @internet -> @host", "neither FROM nor TO is a guest" },
	{ "neighbours to the internet", "allow @lan -> @internet", "neither FROM nor TO is a guest" },
	{ "an unknown protocol", "deny web -> db sctp", PROTO },
	{ "protocol 0", "deny web -> db 0", PROTO },
	{ "protocol 256", "deny web -> db 256", PROTO },
	{ "a protocol of many digits", "deny web -> db 4294967302", PROTO },
	{ "a protocol with a leading zero", "deny web -> db 06", PROTO },
	{ "ports without a protocol", "deny web -> db 80,443", PROTO },
	{ "ports of ping", "deny web -> db icmp 8", "only tcp and udp have PORTS" },
	{ "ports of another protocol", "deny web -> db 132 80", "only tcp and udp have PORTS" },
	{ "port 0", "deny web -> db tcp 0", PORTS },
	{ "a port that is too high", "deny web -> db tcp 65536", PORTS },
	{ "a port with a sign", "deny web -> db tcp -1", PORTS },
	{ "a port by name", "deny web -> db tcp http", PORTS },
	{ "a range without end", "deny web -> db tcp 80-", PORTS },
	{ "a range of three", "deny web -> db tcp 1-2-3", PORTS },
	{ "a range that ends too high", "deny web -> db tcp 80-65536", PORTS },
	{ "a range backwards", "deny web -> db tcp 90-80", "ends before it begins" },
	{ "a comma at the end", "deny web -> db tcp 80,", PORTS },
	{ "two commas", "deny web -> db tcp 80,,443", PORTS },
	{ "a comma at the beginning", "deny web -> db tcp ,80", PORTS },
	{ "a space in ports", "deny web -> db tcp 80, 443", "PORTS are the last word" },
	{ "ports in two words", "deny web -> db tcp 80 443", "PORTS are the last word" },
	{ "a rule that is too long", "deny web -> db tcp "
	  "10000,10001,10002,10003,10004,10005,10006,10007,10008,10009,10010,10011,10012,10013,10014,"
	  "10015,10016,10017,10018,10019,10020,10021,10022,10023,10024,10025,10026,10027,10028,10029,"
	  "10030,10031,10032,10033,10034,10035,10036,10037,10038,10039", "has at most 250 characters" },
	{ "more ports than fit", "deny a -> b tcp "
	  "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
	  "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1",
	  "too many PORTS" },
};

static void bad_rule_is_refused(void **state)
{
	const struct bad_row *row = *state;
	struct policy_rule r, before;
	const char *problem = "";

	memset(&r, 0x5a, sizeof(r));
	before = r;
	assert_int_equal(policy_parse(row->text, &r, &problem), -EINVAL);
	if (!strstr(problem, row->problem))
		fail_msg("'%s' where '%s' was expected", problem, row->problem);
	assert_memory_equal(&r, &before, sizeof(r));
}

/* --- what the programs get */

struct compile_row {
	const char *name;
	const char *rules;	/* one per line */
	const char *compiled;	/* action FROM TO proto first-last #number, one per line */
};

static const struct compile_row compile_rows[] = {
	{ "no rule", "", "" },
	{ "a group", "deny @guests -> @lan", "2 2 5 0 0-65535 #1\n" },
	{ "all groups", "allow @any -> @guests\nallow @guests -> @host\nallow @internet -> @any",
	  "1 0 2 0 0-65535 #1\n1 2 3 0 0-65535 #2\n1 4 0 0 0-65535 #3\n" },
	{ "a guest that has a port", "deny web -> @any", "2 1(7) 0 0 0-65535 #1\n" },
	{ "a guest that has none", "deny late -> @any", "2 1(4294967295) 0 0 0-65535 #1\n" },
	{ "an address", "deny 192.0.2.1 -> web", "2 6(192.0.2.1/32) 1(7) 0 0-65535 #1\n" },
	{ "a prefix", "deny web -> 10.0.0.0/8", "2 1(7) 6(10.0.0.0/8) 0 0-65535 #1\n" },
	{ "every address is anybody", "deny web -> 0.0.0.0/0", "2 1(7) 0 0 0-65535 #1\n" },
	{ "a protocol without ports: any of them", "allow web -> @any tcp", "1 1(7) 0 6 0-65535 #1\n" },
	{ "one place for each range", "allow web -> @any tcp 80,443,8000-8010\ndeny @any -> @any",
	  "1 1(7) 0 6 80-80 #1\n1 1(7) 0 6 443-443 #1\n1 1(7) 0 6 8000-8010 #1\n2 0 0 0 0-65535 #2\n" },
};

static __u32 slot_of(const char *guest, void *arg)
{
	return !strcmp(guest, "web") ? 7 : CV_SLOT_NONE;
}

static void print_party(FILE *f, __u8 kind, const struct cv_prefix *p)
{
	char text[ADDR_PREFIX_SIZE];

	fprintf(f, " %u", kind);
	if (kind == CV_PARTY_GUEST)
		fprintf(f, "(%u)", p->addr);
	else if (kind == CV_PARTY_PREFIX)
		fprintf(f, "(%s)", addr_format_prefix(p->addr, p->mask, text));
}

static size_t parse_lines(const char *text, struct policy_rule *rules, size_t room)
{
	char *copy = strdup(text), *rest, *line;
	const char *problem;
	size_t n = 0;

	for (line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		assert_true(n < room);
		if (policy_parse(line, &rules[n++], &problem))
			fail_msg("%s", problem);
	}
	free(copy);
	return n;
}

static void rules_are_compiled(void **state)
{
	const struct compile_row *row = *state;
	struct policy_rule rules[4];
	struct cv_policy p;
	char *got;
	size_t size;
	FILE *f = open_memstream(&got, &size);

	memset(&p, 0x5a, sizeof(p));
	policy_compile(rules, parse_lines(row->rules, rules, 4), slot_of, NULL, &p);
	for (__u32 i = 0; i < p.n_rules; i++) {
		const struct cv_rule *r = &p.rules[i];

		fprintf(f, "%u", r->action);
		print_party(f, r->from, &r->from_addr);
		print_party(f, r->to, &r->to_addr);
		fprintf(f, " %u %u-%u #%u\n", r->proto, r->ports.first, r->ports.last, r->number);
	}
	fclose(f);
	assert_string_equal(got, row->compiled);
	/* What is behind compares equal to what is read back. */
	for (const __u8 *b = (const __u8 *)&p.rules[p.n_rules]; b < (const __u8 *)(&p + 1); b++)
		assert_int_equal(*b, 0);
	free(got);
}

/* --- whether packets between guests are spoken of */

struct local_row {
	const char *name;
	const char *text;
	bool local;
};

static const struct local_row local_rows[] = {
	{ "guest to guest", "deny web -> db", true },
	{ "guests to guests", "deny @guests -> @guests", true },
	{ "anybody to anybody", "deny @any -> @any", true },
	{ "a guest to anybody", "deny web -> @any", true },
	{ "a guest to its subnet", "deny web -> 10.20.0.0/24", true },
	{ "a guest to a part of its subnet", "deny web -> 10.20.0.128/25", true },
	{ "a guest to an address of its subnet", "deny web -> 10.20.0.7", true },
	{ "a guest to what holds its subnet", "deny web -> 10.0.0.0/8", true },
	{ "a guest to every address", "deny web -> 0.0.0.0/0", true },
	{ "guests to neighbours", "deny @guests -> @lan", false },
	{ "guests to the internet", "deny @guests -> @internet", false },
	{ "guests to the host", "allow @guests -> @host", false },
	{ "anybody from the internet", "deny @internet -> @any", false },
	{ "guests to another prefix", "deny @guests -> 10.21.0.0/24", false },
	{ "the next address after the subnet", "deny @guests -> 10.20.1.0", false },
};

static void rule_is_local(void **state)
{
	const struct local_row *row = *state;
	const struct cv_prefix subnet = { inet_addr("10.20.0.0"), inet_addr("255.255.255.0") };
	struct policy_rule r;
	const char *problem;

	assert_int_equal(policy_parse(row->text, &r, &problem), 0);
	assert_int_equal(policy_is_local(&r, &subnet), row->local);
}

int main(void)
{
	struct CMUnitTest tests[UNIT_N(good_rows) + UNIT_N(bad_rows) + UNIT_N(compile_rows) +
				UNIT_N(local_rows)], *end = tests;

	end = UNIT_ROWS(end, good_rows, good_rule_means);
	end = UNIT_ROWS(end, bad_rows, bad_rule_is_refused);
	end = UNIT_ROWS(end, compile_rows, rules_are_compiled);
	end = UNIT_ROWS(end, local_rows, rule_is_local);
	return UNIT_RUN(tests, end);
}
