// SPDX-License-Identifier: GPL-2.0-only
/*
 * cv_judge: what the rules of a network say of a flow.  The first that matches
 * decides; who is meant by each kind of party.
 */
#include <string.h>

#include "rules.h"

#define LAN_IP	IP(198, 51, 100, 77)

/* Ends of flows. */
enum end { OF_ANN, OF_BOB, OF_HOST, OF_SERVER, OF_LAN, N_ENDS };

static const struct {
	const char *name;
	__u32 slot, addr;
	bool host;
} ends[N_ENDS] = {
	[OF_ANN] = { "ann", ANN, ANN_IP, false },
	[OF_BOB] = { "bob", BOB, BOB_IP, false },
	[OF_HOST] = { "the host", 0, GATEWAY, true },
	[OF_SERVER] = { "a server", 0, SERVER, false },
	[OF_LAN] = { "a neighbour of the host", 0, LAN_IP, false },
};

struct answer {
	int action;
	__u32 number;
};

static struct answer ask(enum end from, enum end to, __u8 proto, __u16 dport)
{
	struct cv_judge_args a = {
		.net = NET, .slot = ends[from].slot, .peer_slot = ends[to].slot,
		.host = ends[from].host, .peer_host = ends[to].host,
		.saddr = htonl(ends[from].addr), .daddr = htonl(ends[to].addr),
		.dport = htons(dport), .proto = proto, .action = 77, .number = 77,
	};
	__u32 zero = 0;

	CHECK(!bpf_map_update_elem(world.judged, &zero, &a, BPF_ANY));
	CHECK_EQ(world_call(world.judge), 0);
	CHECK(!bpf_map_lookup_elem(world.judged, &zero, &a));
	return (struct answer) { a.action, a.number };
}

static void check_answer(enum end from, enum end to, __u8 proto, __u16 dport, int action, __u32 number)
{
	struct answer got = ask(from, to, proto, dport);

	if (got.action != action || got.number != number)
		check_failed(__FILE__, __LINE__, "%s to %s, protocol %u, port %u: action %d by rule %u, not %d by %u",
			     ends[from].name, ends[to].name, proto, dport, got.action, got.number, action, number);
}

/* --- who is meant */

#define BIT(end)	(1U << OF_##end)

static const struct {
	const char *claim;
	__u8 party;
	struct cv_prefix addr;
	unsigned int who;
} parties[] = {
	{ "any is everybody", CV_PARTY_ANY, {}, BIT(ANN) | BIT(BOB) | BIT(HOST) | BIT(SERVER) | BIT(LAN) },
	{ "a guest is itself", CV_PARTY_GUEST, { .addr = ANN }, BIT(ANN) },
	{ "another guest is itself", CV_PARTY_GUEST, { .addr = BOB }, BIT(BOB) },
	{ "a guest that is not there is nobody", CV_PARTY_GUEST, { .addr = CV_SLOT_NONE }, 0 },
	{ "@guests are all of the network", CV_PARTY_GUESTS, {}, BIT(ANN) | BIT(BOB) },
	{ "@host is the host", CV_PARTY_HOST, {}, BIT(HOST) },
	{ "@internet is what an uplink reaches, the host's neighbours too", CV_PARTY_INTERNET, {}, BIT(SERVER) | BIT(LAN) },
	{ "@lan are the host's neighbours", CV_PARTY_LAN, {}, BIT(LAN) },
	{ "an address is who has it: a server", CV_PARTY_PREFIX, PREFIX(SERVER, 32), BIT(SERVER) },
	{ "an address is who has it: a guest", CV_PARTY_PREFIX, PREFIX(ANN_IP, 32), BIT(ANN) },
	{ "an address is who has it: the host", CV_PARTY_PREFIX, PREFIX(GATEWAY, 32), BIT(HOST) },
	{ "a prefix is all that lie in it", CV_PARTY_PREFIX, PREFIX(IP(10, 77, 0, 0), 24), BIT(ANN) | BIT(BOB) | BIT(HOST) },
	{ "a prefix ends at its last bit", CV_PARTY_PREFIX, PREFIX(IP(10, 77, 0, 4), 31), BIT(ANN) },
	{ "the prefix of all is everybody", CV_PARTY_PREFIX, PREFIX(0, 0), BIT(ANN) | BIT(BOB) | BIT(HOST) | BIT(SERVER) | BIT(LAN) },
};

static void set_lans(void)
{
	const struct cv_lans lans = { .prefix = { PREFIX(IP(192, 0, 2, 0), 24), PREFIX(IP(198, 51, 100, 0), 24) } };
	__u32 zero = 0;

	CHECK(!bpf_map_update_elem(world.lans, &zero, &lans, BPF_ANY));
}

/* Each pair of ends: rule 1 says who sends, rule 2 who is sent to. */
static void party(unsigned int i)
{
	const struct cv_rule rules[] = {
		{ DENY, .from = parties[i].party, .from_addr = parties[i].addr, TO(ANY), ALL_PORTS, .number = 11 },
		{ ALLOW, FROM(ANY), .to = parties[i].party, .to_addr = parties[i].addr, ALL_PORTS, .number = 22 },
	};

	claim_begin();
	set_lans();
	rules_set(NET, rules, 2);
	for (unsigned int from = 0; from < N_ENDS; from++)
		for (unsigned int to = 0; to < N_ENDS; to++) {
			bool sends = parties[i].who >> from & 1, gets = parties[i].who >> to & 1;

			check_answer(from, to, UDP, 53,
				     sends ? CV_ACTION_DENY : gets ? CV_ACTION_ALLOW : CV_ACTION_NONE,
				     sends ? 11 : gets ? 22 : 0);
		}
	claim_end("%s", parties[i].claim);
}

/* --- what is meant */

static void ports_and_protocols(void)
{
	static const struct {
		__u8 rule_proto;
		struct cv_range ports;
		__u8 proto;
		__u16 dport;
		bool matches;
	} rows[] = {
		{ 0, { 0, 0xffff }, TCP, 80, true }, { 0, { 0, 0xffff }, ICMP, 7, true },
		{ 0, { 0, 0xffff }, 47, 0, true }, { 0, { 0, 0xffff }, UDP, 0xffff, true },
		{ TCP, { 0, 0xffff }, TCP, 80, true }, { TCP, { 0, 0xffff }, UDP, 80, false },
		{ TCP, { 0, 0xffff }, ICMP, 80, false },
		{ ICMP, { 0, 0xffff }, ICMP, 80, true }, { ICMP, { 0, 0xffff }, TCP, 80, false },
		{ 47, { 0, 0xffff }, 47, 0, true }, { 47, { 0, 0xffff }, 50, 0, false },
		{ TCP, { 80, 80 }, TCP, 80, true }, { TCP, { 80, 80 }, TCP, 79, false },
		{ TCP, { 80, 80 }, TCP, 81, false }, { TCP, { 80, 80 }, UDP, 80, false },
		{ UDP, { 1000, 2000 }, UDP, 1000, true }, { UDP, { 1000, 2000 }, UDP, 2000, true },
		{ UDP, { 1000, 2000 }, UDP, 999, false }, { UDP, { 1000, 2000 }, UDP, 2001, false },
		{ TCP, { 0x0100, 0x01ff }, TCP, 0x0001, false },	/* not in wire order */
		{ TCP, { 65535, 65535 }, TCP, 65535, true }, { TCP, { 1, 65535 }, TCP, 0, false },
		/* A range of ports without a protocol is of those that have ports. */
		{ 0, { 53, 53 }, TCP, 53, true }, { 0, { 53, 53 }, UDP, 53, true },
		{ 0, { 53, 53 }, ICMP, 53, false }, { 0, { 0, 53 }, 47, 0, false }, { 0, { 1, 0xffff }, ICMP, 7, false },
	};

	claim_begin();
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct cv_rule rule = {
			DENY, FROM(ANY), TO(ANY), .proto = rows[i].rule_proto, .ports = rows[i].ports,
		};

		rules_set(NET, &rule, 1);
		check_answer(OF_ANN, OF_SERVER, rows[i].proto, rows[i].dport,
			     rows[i].matches ? CV_ACTION_DENY : CV_ACTION_NONE, rows[i].matches);
	}
	claim_end("a rule is about its protocol and the ports of the destination");
}

/* --- which one decides */

static void order(void)
{
	claim_begin();
	RULES(NET, { ALLOW, FROM_SLOT(ANN), TO(INTERNET), .proto = TCP, .ports = { 80, 80 } },
	      { DENY, FROM_SLOT(ANN), TO(INTERNET), ALL_PORTS },
	      { ALLOW, FROM(ANY), TO(ANY), ALL_PORTS },
	      { DENY, FROM(ANY), TO(ANY), ALL_PORTS });
	check_answer(OF_ANN, OF_SERVER, TCP, 80, CV_ACTION_ALLOW, 1);
	check_answer(OF_ANN, OF_SERVER, TCP, 81, CV_ACTION_DENY, 2);
	check_answer(OF_BOB, OF_SERVER, TCP, 81, CV_ACTION_ALLOW, 3);
	check_answer(OF_ANN, OF_BOB, TCP, 81, CV_ACTION_ALLOW, 3);
	claim_end("the first rule that matches decides");
}

static void both_sides(void)
{
	claim_begin();
	RULES(NET, { DENY, FROM_SLOT(ANN), TO_PREFIX(IP(100, 64, 1, 0), 24), ALL_PORTS });
	check_answer(OF_ANN, OF_SERVER, TCP, 80, CV_ACTION_DENY, 1);
	check_answer(OF_SERVER, OF_ANN, TCP, 80, CV_ACTION_NONE, 0);
	check_answer(OF_ANN, OF_LAN, TCP, 80, CV_ACTION_NONE, 0);
	check_answer(OF_BOB, OF_SERVER, TCP, 80, CV_ACTION_NONE, 0);
	claim_end("a rule is about one direction, and matches when both sides do");
}

/* A rule that the user wrote may be several here, one for each range. */
static void numbers(void)
{
	claim_begin();
	RULES(NET, { DENY, FROM(ANY), TO(ANY), .proto = TCP, .ports = { 80, 80 }, .number = 4 },
	      { DENY, FROM(ANY), TO(ANY), .proto = TCP, .ports = { 443, 443 }, .number = 4 },
	      { ALLOW, FROM(ANY), TO(ANY), ALL_PORTS, .number = 9 });
	check_answer(OF_ANN, OF_SERVER, TCP, 443, CV_ACTION_DENY, 4);
	check_answer(OF_ANN, OF_SERVER, TCP, 80, CV_ACTION_DENY, 4);
	check_answer(OF_ANN, OF_SERVER, TCP, 8080, CV_ACTION_ALLOW, 9);
	claim_end("the number told is that of the user's rule");
}

static void as_many_as_fit(void)
{
	struct cv_rule rules[CV_MAX_RULES];

	claim_begin();
	for (unsigned int i = 0; i < CV_MAX_RULES; i++)
		rules[i] = (struct cv_rule) { DENY, FROM(ANY), TO(ANY), .proto = TCP, .ports = { i + 1, i + 1 } };
	rules_set(NET, rules, CV_MAX_RULES);
	for (unsigned int i = 0; i < CV_MAX_RULES; i++)
		check_answer(OF_ANN, OF_SERVER, TCP, i + 1, CV_ACTION_DENY, i + 1);
	check_answer(OF_ANN, OF_SERVER, TCP, CV_MAX_RULES + 1, CV_ACTION_NONE, 0);
	rules_set(NET, rules, 5);
	check_answer(OF_ANN, OF_SERVER, TCP, 5, CV_ACTION_DENY, 5);
	check_answer(OF_ANN, OF_SERVER, TCP, 6, CV_ACTION_NONE, 0);
	claim_end("each of %u rules decides, and none that is no longer there", CV_MAX_RULES);
}

static void others(void)
{
	claim_begin();
	RULES(TWIN, { DENY, FROM(ANY), TO(ANY), ALL_PORTS });
	for (unsigned int from = 0; from < N_ENDS; from++)
		for (unsigned int to = 0; to < N_ENDS; to++)
			check_answer(from, to, TCP, 80, CV_ACTION_NONE, 0);
	claim_end("another network's rules say nothing");
}

int main(void)
{
	world_open();
	for (unsigned int i = 0; i < sizeof(parties) / sizeof(parties[0]); i++)
		party(i);
	ports_and_protocols();
	order();
	both_sides();
	numbers();
	as_many_as_fit();
	others();
	return table_end();
}
