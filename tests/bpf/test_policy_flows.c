// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules where flows are made: to outside, to the host, around the corner and
 * in by a forward; and what becomes of flows when the rules change.
 */
#include <stdio.h>
#include <string.h>

#include "again.h"
#include "inbound.h"
#include "rules.h"

#define QUERY(addr)	FROM_ANN, .daddr = (addr), .proto = UDP, .sport = 5000, .dport = 53, .len = 20
#define LEFT		.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = HOST_IP, .ttl = 63
#define FROM_BOB	.dmac = GATEWAY_MAC, .smac = BOB_MAC, .saddr = BOB_IP
#define PROHIBITED	.dmac = TAG_MAC(ANN), .daddr = ANN_IP, REFUSAL
#define REFUSAL		.saddr = GATEWAY, .proto = ICMP, .frag = DF, \
			.type = UNREACHABLE, .code = 13
#define SSH(addr)	FROM_ANN, .daddr = (addr), .proto = TCP, .sport = 5000, .dport = 22
#define HOSTS_MAC	0x02bb00000001ULL

static void send_ok(enum hook hook, const struct packet *p, enum verdict verdict)
{
	CHECK_EQ(world_send(hook, p), verdict);
}

static __u32 n_flows(void)
{
	return world_entries(world.flows, sizeof(struct cv_tuple));
}

static void no_flow(void)
{
	CHECK_EQ(n_flows(), 0);
	CHECK_EQ(world_use(world.network_use, NET).flows, 0);
}

static void one_flow(void)
{
	CHECK_EQ(n_flows(), 1);
	CHECK_EQ(world_use(world.network_use, NET).flows, 1);
}

/* --- to outside */

static void server_denied(void)
{
	RULES(NET, { DENY, FROM_SLOT(ANN), TO_PREFIX(SERVER, 32), .proto = UDP, .ports = { 53, 53 } });
}

static void flow_then_denied(void)
{
	send_ok(TO_UPLINK, &(const struct packet) { QUERY(SERVER) }, REDIRECT);
	server_denied();
}

static void dead_flow_then_denied(void)
{
	const struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53);

	flow_then_denied();
	world_age(&key, CV_TICKS(400), CV_TICKS(400));
}

static void all_denied_but_web(void)
{
	RULES(NET, { ALLOW, FROM(GUESTS), TO(INTERNET), .proto = TCP, .ports = { 443, 443 } },
	      { DENY, FROM(ANY), TO(ANY), ALL_PORTS });
}

static void gre_denied(void)
{
	RULES(NET, { DENY, FROM(GUESTS), TO(ANY), .proto = 47, ALL_PORTS });
}

static const struct row outward[] = {
	{
		.claim = "a flow that a rule denies is not made, and the guest is told", .hook = TO_UPLINK,
		.before = server_denied, .in = { QUERY(SERVER) },
		.verdict = REDIRECT, .drop = BECAUSE(POLICY), .after = no_flow,
		.out = OUT(PROHIBITED, .quote = QUOTE(QUERY(SERVER))),
	}, {
		.claim = "to another address it is made", .hook = TO_UPLINK, .before = server_denied,
		.in = { QUERY(SERVER + 1) }, .verdict = REDIRECT, .after = one_flow,
		.out = OUT(LEFT, .daddr = SERVER + 1, .proto = UDP, .sport = 5000, .dport = 53, .len = 20),
	}, {
		.claim = "another guest's is made", .hook = TO_UPLINK, .before = server_denied,
		.in = { FROM_BOB, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53 }, .verdict = REDIRECT,
		.out = OUT(.dmac = GATEWAY_MAC, .smac = BOB_MAC, .saddr = HOST_IP, .daddr = SERVER, .proto = UDP,
			   .sport = 5000, .dport = 53, .ttl = 63),
	}, {
		.claim = "another network's is made", .hook = TO_UPLINK, .at = TWIN, .before = server_denied,
		.in = { QUERY(SERVER) }, .verdict = REDIRECT,
		.out = OUT(LEFT, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .len = 20),
	}, {
		.claim = "a flow that is there is not judged again", .hook = TO_UPLINK, .before = flow_then_denied,
		.in = { QUERY(SERVER) }, .verdict = REDIRECT,
		.out = OUT(LEFT, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .len = 20),
	}, {
		.claim = "a dead flow is judged as a new one", .hook = TO_UPLINK, .before = dead_flow_then_denied,
		.in = { QUERY(SERVER) }, .verdict = REDIRECT, .drop = BECAUSE(POLICY),
		.out = OUT(PROHIBITED, .quote = QUOTE(QUERY(SERVER))),
	}, {
		.claim = "where all is denied but one port, that is let out", .hook = TO_UPLINK, .before = all_denied_but_web,
		.in = { FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 443, .flags = SYN },
		.verdict = REDIRECT, .after = one_flow,
		.out = OUT(LEFT, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 443, .flags = SYN),
	}, {
		.claim = "and nothing else: no echo", .hook = TO_UPLINK, .before = all_denied_but_web,
		.in = { FROM_ANN, .daddr = SERVER, .proto = ICMP, .type = ECHO, .sport = 7, .len = 8 },
		.verdict = REDIRECT, .drop = BECAUSE(POLICY), .after = no_flow,
		.out = OUT(PROHIBITED, .quote = QUOTE(FROM_ANN, .daddr = SERVER, .proto = ICMP, .type = ECHO, .sport = 7,
						      .len = 8)),
	}, {
		.claim = "a protocol without ports is denied likewise", .hook = TO_UPLINK, .before = gre_denied,
		.in = { FROM_ANN, .daddr = SERVER, .proto = 47, .len = 40 },
		.verdict = REDIRECT, .drop = BECAUSE(POLICY), .after = no_flow,
		.out = OUT(PROHIBITED, .quote = QUOTE(FROM_ANN, .daddr = SERVER, .proto = 47, .len = 40)),
	},
};

/* Later fragments are judged as their first one, whichever comes first (RFC 4787 REQ-14). */
static void fragments(bool backwards)
{
	const struct packet p = { FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .id = 9, .len = 3000 };
	static struct travel t;
	struct cv_drop_key why = BECAUSE(POLICY);
	struct frame f;

	claim_begin();
	again_none(TO_UPLINK, 0);
	server_denied();
	for (int i = 0; i < 3; i++) {
		int at = backwards ? 2 - i : i;

		f.len = packet_part(&p, at * 1480, 1480, at < 2, f.bytes);
		again_travel(TO_UPLINK, 0, &f, &t);
	}
	no_flow();
	CHECK_EQ(world_totals().icmp_errors_sent, 1);
	CHECK_DROPS(&why, 3);
	claim_end("no fragment of a denied datagram leaves%s", backwards ? ", though the first one comes last" : "");
}

/* --- to the host */

static void ssh_allowed(void)
{
	RULES(NET, { ALLOW, FROM_SLOT(ANN), TO(HOST), .proto = TCP, .ports = { 22, 22 } });
}

static void ssh_begun(void)
{
	ssh_allowed();
	send_ok(TO_UPLINK, &(const struct packet) { SSH(HOST_IP), .flags = SYN }, PASS);
}

static void ssh_begun_then_denied(void)
{
	ssh_begun();
	RULES(NET, { DENY, FROM(ANY), TO(ANY), ALL_PORTS });
}

static void host_denied(void)
{
	RULES(NET, { DENY, FROM(HOST), TO_SLOT(ANN), .proto = TCP, .ports = { 22, 22 } });
}

static void asked_by_host(void)
{
	const struct packet p = {
		.dmac = ANN_MAC, .smac = HOSTS_MAC, .saddr = GATEWAY, .daddr = ANN_IP, .proto = TCP, .sport = 50000,
		.dport = 22, .flags = SYN,
	};

	send_ok(TO_GUEST, &p, REDIRECT);
	RULES(NET, { DENY, FROM(GUESTS), TO(HOST), ALL_PORTS });
}

#define HOST_SSH	.dmac = ANN_MAC, .smac = HOSTS_MAC, .daddr = ANN_IP, .proto = TCP
#define DELIVERED	.dmac = ANN_MAC, .smac = GATEWAY_MAC, .daddr = ANN_IP, .proto = TCP

#define ASK(addr)	FROM_ANN, .daddr = (addr), .proto = UDP, .sport = 5000, .dport = 53, .len = 20

static void names_served(void)
{
	struct cv_network n = world_network(NET);

	n.flags |= CV_NET_DNS;
	world_set_network(NET, &n);
}

static void names_served_and_denied(void)
{
	names_served();
	RULES(NET, { DENY, FROM_SLOT(ANN), TO(HOST), .proto = UDP, .ports = { 53, 53 } });
}

static const struct row with_names[] = {
	{
		.claim = "the gateway is asked for names where they are served", .hook = TO_UPLINK,
		.before = names_served, .in = { ASK(GATEWAY) }, .verdict = PASS, .after = one_flow,
	}, {
		.claim = "by TCP too", .hook = TO_UPLINK, .before = names_served,
		.in = { FROM_ANN, .daddr = GATEWAY, .proto = TCP, .sport = 5000, .dport = 53, .flags = SYN },
		.verdict = PASS, .after = one_flow,
	}, {
		.claim = "nowhere else", .hook = TO_UPLINK,
		.in = { ASK(GATEWAY) }, .verdict = REDIRECT, .drop = BECAUSE(HOST_CLOSED), .after = no_flow,
		.out = OUT(PROHIBITED, .quote = QUOTE(ASK(GATEWAY))),
	}, {
		.claim = "not by another address of the host", .hook = TO_UPLINK, .before = names_served,
		.in = { ASK(HOST_IP) }, .verdict = REDIRECT, .drop = BECAUSE(HOST_CLOSED), .after = no_flow,
		.out = OUT(PROHIBITED, .quote = QUOTE(ASK(HOST_IP))),
	}, {
		.claim = "another port stays closed where names are served", .hook = TO_UPLINK, .before = names_served,
		.in = { SSH(GATEWAY), .flags = SYN }, .verdict = REDIRECT, .drop = BECAUSE(HOST_CLOSED),
		.after = no_flow, .out = OUT(PROHIBITED, .quote = QUOTE(SSH(GATEWAY), .flags = SYN)),
	}, {
		.claim = "a rule keeps a guest from names", .hook = TO_UPLINK, .before = names_served_and_denied,
		.in = { ASK(GATEWAY) }, .verdict = REDIRECT, .drop = BECAUSE(HOST_CLOSED), .after = no_flow,
		.out = OUT(PROHIBITED, .quote = QUOTE(ASK(GATEWAY))),
	},
};

static const struct row with_host[] = {
	{
		.claim = "no default lets a guest talk to the host", .hook = TO_UPLINK,
		.in = { SSH(GATEWAY), .flags = SYN }, .verdict = REDIRECT, .drop = BECAUSE(HOST_CLOSED), .after = no_flow,
		.out = OUT(PROHIBITED, .quote = QUOTE(SSH(GATEWAY), .flags = SYN)),
	}, {
		.claim = "a rule does, to the gateway's address", .hook = TO_UPLINK, .before = ssh_allowed,
		.in = { SSH(GATEWAY), .flags = SYN }, .verdict = PASS, .after = one_flow,
	}, {
		.claim = "a rule does, to another address of the host", .hook = TO_UPLINK, .before = ssh_allowed,
		.in = { SSH(HOST_IP), .flags = SYN }, .verdict = PASS, .after = one_flow,
	}, {
		.claim = "not to another port", .hook = TO_UPLINK, .before = ssh_allowed,
		.in = { FROM_ANN, .daddr = GATEWAY, .proto = TCP, .sport = 5000, .dport = 23, .flags = SYN },
		.verdict = REDIRECT, .drop = BECAUSE(HOST_CLOSED), .after = no_flow,
		.out = OUT(PROHIBITED, .quote = QUOTE(FROM_ANN, .daddr = GATEWAY, .proto = TCP, .sport = 5000,
						      .dport = 23, .flags = SYN)),
	}, {
		.claim = "not another guest", .hook = TO_UPLINK, .before = ssh_allowed,
		.in = { FROM_BOB, .daddr = GATEWAY, .proto = TCP, .sport = 5000, .dport = 22, .flags = SYN },
		.verdict = REDIRECT, .drop = BECAUSE_OF(HOST_CLOSED, NET, BOB), .after = no_flow,
		.out = OUT(REFUSAL, .dmac = TAG_MAC(BOB), .daddr = BOB_IP,
			   .quote = QUOTE(FROM_BOB, .daddr = GATEWAY, .proto = TCP, .sport = 5000, .dport = 22,
					  .flags = SYN)),
	}, {
		.claim = "the guest goes on", .hook = TO_UPLINK, .before = ssh_begun,
		.in = { SSH(HOST_IP), .flags = ACK, .len = 40 }, .verdict = PASS, .after = one_flow,
	}, {
		.claim = "the host answers by the address that was asked", .hook = TO_GUEST, .before = ssh_begun,
		.in = { HOST_SSH, .saddr = HOST_IP, .sport = 22, .dport = 5000, .flags = SYN | ACK },
		.verdict = REDIRECT, .after = one_flow,
		.out = OUT(DELIVERED, .saddr = HOST_IP, .sport = 22, .dport = 5000, .flags = SYN | ACK),
	}, {
		.claim = "by no other port of that address", .hook = TO_GUEST, .before = ssh_begun,
		.in = { HOST_SSH, .saddr = HOST_IP, .sport = 23, .dport = 5000, .flags = SYN | ACK },
		.verdict = DROP, .drop = BECAUSE_OF(INBOUND_CLOSED, NET, 0), .after = one_flow,
	}, {
		.claim = "what was allowed goes on until it is judged again", .hook = TO_UPLINK,
		.before = ssh_begun_then_denied,
		.in = { SSH(HOST_IP), .flags = ACK }, .verdict = PASS,
	}, {
		.claim = "a rule keeps the host from a guest", .hook = TO_GUEST, .before = host_denied,
		.in = { HOST_SSH, .saddr = GATEWAY, .sport = 50000, .dport = 22, .flags = SYN },
		.verdict = DROP, .drop = BECAUSE(POLICY), .after = no_flow,
	}, {
		.claim = "of other ports it says nothing, and the host is let in", .hook = TO_GUEST, .before = host_denied,
		.in = { HOST_SSH, .saddr = GATEWAY, .sport = 50000, .dport = 80, .flags = SYN },
		.verdict = REDIRECT, .after = one_flow,
		.out = OUT(DELIVERED, .saddr = GATEWAY, .sport = 50000, .dport = 80, .flags = SYN),
	}, {
		.claim = "a guest's answer to the host needs no rule", .hook = TO_UPLINK, .before = asked_by_host,
		.in = { FROM_ANN, .daddr = GATEWAY, .proto = TCP, .sport = 22, .dport = 50000, .flags = SYN | ACK },
		.verdict = PASS, .after = one_flow,
	},
};

/* --- from outside, by a forward */

static void ann_serves(void)
{
	struct cv_external *e = world_external(HOST_IP, TCP, 8080);

	e->word = EXTERNAL(ANN, 80, 1);
	e->flags = CV_EXTERNAL_FORWARD;
}

static void stranger_denied(void)
{
	ann_serves();
	RULES(NET, { DENY, FROM_PREFIX(STRANGER, 32), TO_SLOT(ANN), .proto = TCP, .ports = { 80, 80 } });
}

static void internet_denied(void)
{
	ann_serves();
	RULES(NET, { DENY, FROM(INTERNET), TO(GUESTS), ALL_PORTS });
}

static void internet_allowed(void)
{
	RULES(NET, { ALLOW, FROM(INTERNET), TO(GUESTS), ALL_PORTS });
}

static void query_sent_inward_denied(void)
{
	internet_denied();
	send_ok(TO_UPLINK, &(const struct packet) { QUERY(SERVER) }, REDIRECT);
}

#define KNOCK(addr)	OUTSIDE, .saddr = (addr), .proto = TCP, .sport = 40000, .dport = 8080, .flags = SYN

static const struct row inward[] = {
	{
		.claim = "a forward is closed to an address that a rule denies; the port is the guest's own",
		.hook = FROM_UPLINK, .before = stranger_denied, .unbalanced = true,
		.in = { KNOCK(STRANGER) }, .verdict = DROP, .drop = BECAUSE(POLICY), .after = no_flow,
	}, {
		.claim = "to another address it is open", .hook = FROM_UPLINK, .before = stranger_denied, .unbalanced = true,
		.in = { KNOCK(SERVER) }, .verdict = REDIRECT, .after = one_flow,
		.out = OUT(TO_ANN, .saddr = SERVER, .proto = TCP, .sport = 40000, .dport = 80, .flags = SYN),
	}, {
		.claim = "a forward is closed where a rule denies @internet", .hook = FROM_UPLINK,
		.before = internet_denied, .unbalanced = true,
		.in = { KNOCK(SERVER) }, .verdict = DROP, .drop = BECAUSE(POLICY), .after = no_flow,
	}, {
		.claim = "a rule opens no port that is not forwarded: it is the host's", .hook = FROM_UPLINK,
		.before = internet_allowed,
		.in = { KNOCK(SERVER) }, .verdict = PASS, .after = no_flow,
	}, {
		.claim = "an answer needs no rule", .hook = FROM_UPLINK, .before = query_sent_inward_denied, .unbalanced = true,
		.in = { OUTSIDE, .saddr = SERVER, .proto = UDP, .sport = 53, .dport = 5000 }, .verdict = REDIRECT,
		.out = OUT(TO_ANN, .saddr = SERVER, .proto = UDP, .sport = 53, .dport = 5000),
	},
};

/* --- around the corner: to a neighbour's port outside */

static void bob_serves(void)
{
	struct cv_external *e = world_external(HOST_IP, UDP, 8080);

	e->word = EXTERNAL(BOB, 80, 1);
	e->flags = CV_EXTERNAL_FORWARD;
}

static void neighbour_denied(void)
{
	bob_serves();
	RULES(NET, { DENY, FROM_SLOT(ANN), TO_SLOT(BOB), .proto = UDP, .ports = { 80, 80 } });
}

static void neighbour_denied_by_address(void)
{
	bob_serves();
	RULES(NET, { DENY, FROM_PREFIX(ANN_IP, 32), TO_PREFIX(BOB_IP, 32), ALL_PORTS });
}

static void guests_denied(void)
{
	bob_serves();
	RULES(NET, { DENY, FROM(GUESTS), TO(GUESTS), ALL_PORTS });
}

static void internet_denied_to_guests(void)
{
	bob_serves();
	RULES(NET, { DENY, FROM(INTERNET), TO(GUESTS), ALL_PORTS }, { DENY, FROM(GUESTS), TO(INTERNET), ALL_PORTS });
}

static void isolated(void)
{
	struct cv_network n = world_network(NET);

	bob_serves();
	n.flags |= CV_NET_ISOLATE;
	world_set_network(NET, &n);
}

static void isolated_with_a_rule(void)
{
	isolated();
	RULES(NET, { ALLOW, FROM_SLOT(ANN), TO_SLOT(BOB), .proto = UDP, .ports = { 80, 80 } });
}

static void isolated_with_another_rule(void)
{
	isolated();
	RULES(NET, { ALLOW, FROM(GUESTS), TO(INTERNET), ALL_PORTS }, { ALLOW, FROM(INTERNET), TO(GUESTS), ALL_PORTS });
}

#define CALL	FROM_ANN, .daddr = HOST_IP, .proto = UDP, .sport = 6000, .dport = 8080, .len = 20
#define CALLED	.dmac = TAG_MAC(BOB), .smac = ANN_MAC, .saddr = HOST_IP, .daddr = BOB_IP, .proto = UDP, \
		.sport = 6000, .dport = 80, .len = 20, .ttl = 62

static const struct row corner[] = {
	{
		.claim = "a neighbour that a rule denies is not reached by its forward", .hook = TO_UPLINK,
		.before = neighbour_denied, .unbalanced = true, .in = { CALL },
		.verdict = REDIRECT, .drop = BECAUSE(POLICY), .after = no_flow,
		.out = OUT(PROHIBITED, .quote = QUOTE(CALL)),
	}, {
		.claim = "nor one that is denied by its address", .hook = TO_UPLINK,
		.before = neighbour_denied_by_address, .unbalanced = true, .in = { CALL },
		.verdict = REDIRECT, .drop = BECAUSE(POLICY), .after = no_flow,
		.out = OUT(PROHIBITED, .quote = QUOTE(CALL)),
	}, {
		.claim = "nor where @guests are denied each other", .hook = TO_UPLINK,
		.before = guests_denied, .unbalanced = true, .in = { CALL },
		.verdict = REDIRECT, .drop = BECAUSE(POLICY), .after = no_flow,
		.out = OUT(PROHIBITED, .quote = QUOTE(CALL)),
	}, {
		.claim = "a neighbour is no part of @internet, around the corner neither", .hook = TO_UPLINK,
		.before = internet_denied_to_guests, .unbalanced = true, .in = { CALL },
		.verdict = REDIRECT, .out = OUT(CALLED),
	}, {
		.claim = "isolated guests do not meet around the corner", .hook = TO_UPLINK,
		.before = isolated, .unbalanced = true, .in = { CALL },
		.verdict = DROP, .drop = BECAUSE(ISOLATED), .after = no_flow,
	}, {
		.claim = "but where a rule lets them", .hook = TO_UPLINK,
		.before = isolated_with_a_rule, .unbalanced = true, .in = { CALL },
		.verdict = REDIRECT, .out = OUT(CALLED),
	}, {
		.claim = "a rule about the outside does not let them", .hook = TO_UPLINK,
		.before = isolated_with_another_rule, .unbalanced = true, .in = { CALL },
		.verdict = DROP, .drop = BECAUSE(ISOLATED), .after = no_flow,
	}, {
		.claim = "a guest of another network is @internet", .hook = TO_UPLINK, .at = TWIN,
		.before = internet_denied_to_guests, .unbalanced = true, .in = { CALL },
		.verdict = DROP, .drop = BECAUSE_OF(POLICY, NET, BOB),
	},
};

/* --- the rules change */

/* One of each kind. */
static void all_flows(void)
{
	ann_serves();
	bob_serves();
	RULES(NET, { ALLOW, FROM(GUESTS), TO(HOST), ALL_PORTS });
	send_ok(TO_UPLINK, &(const struct packet) { QUERY(SERVER) }, REDIRECT);
	send_ok(TO_UPLINK, &(const struct packet) { QUERY(SERVER2) }, REDIRECT);
	send_ok(TO_UPLINK, &(const struct packet) { SSH(GATEWAY), .flags = SYN }, PASS);
	send_ok(TO_UPLINK, &(const struct packet) { CALL }, REDIRECT);		/* two flows */
	send_ok(FROM_UPLINK, &(const struct packet) { KNOCK(STRANGER) }, REDIRECT);
	send_ok(TO_GUEST, &(const struct packet) { HOST_SSH, .saddr = GATEWAY, .sport = 50000, .dport = 22,
						   .flags = SYN }, REDIRECT);
}

enum { TO_SERVER = 1, TO_SERVER2 = 2, GUEST_SSH = 4, CALL_OUT = 8, CALL_IN = 16, KNOCKED = 32, SSH_OF_HOST = 64, ALL = 127 };

static unsigned int flows_left(void)
{
	const struct cv_tuple keys[] = {
		world_tuple(UDP, ANN_IP, 5000, SERVER, 53), world_tuple(UDP, ANN_IP, 5000, SERVER2, 53),
		world_tuple(TCP, ANN_IP, 5000, GATEWAY, 22), world_tuple(UDP, ANN_IP, 6000, HOST_IP, 8080),
		world_tuple(UDP, BOB_IP, 80, HOST_IP, 6000), world_tuple(TCP, ANN_IP, 80, STRANGER, 40000),
		world_tuple(TCP, ANN_IP, 22, GATEWAY, 50000),
	};
	unsigned int left = 0;
	struct cv_flow f;

	for (unsigned int i = 0; i < 7; i++)
		left |= world_flow(&keys[i], &f) << i;
	CHECK_EQ(n_flows(), __builtin_popcount(left));
	return left;
}

static const struct change {
	const char *claim;
	struct cv_rule rules[4];
	unsigned int n, left;
} changes[] = {
	{ "no rules: what needed one ends", {}, 0, ALL & ~GUEST_SSH },
	{ "all is allowed: nothing ends", { { ALLOW, FROM(ANY), TO(ANY), ALL_PORTS } }, 1, ALL },
	{ "all is denied: all ends", { { DENY, FROM(ANY), TO(ANY), ALL_PORTS } }, 1, 0 },
	{ "an address outside is denied",
	  { { ALLOW, FROM(GUESTS), TO(HOST), ALL_PORTS }, { DENY, FROM(ANY), TO_PREFIX(SERVER, 32), ALL_PORTS } }, 2,
	  ALL & ~TO_SERVER },
	{ "a stranger is denied",
	  { { ALLOW, FROM(GUESTS), TO(HOST), ALL_PORTS }, { DENY, FROM_PREFIX(STRANGER, 32), TO(ANY), ALL_PORTS } }, 2,
	  ALL & ~KNOCKED },
	{ "a port of the guest's is denied",
	  { { ALLOW, FROM(GUESTS), TO(HOST), ALL_PORTS },
	    { DENY, FROM(ANY), TO_SLOT(ANN), .proto = TCP, .ports = { 80, 80 } } }, 2, ALL & ~KNOCKED },
	{ "the port outside of a forward is no port of the guest's",
	  { { ALLOW, FROM(GUESTS), TO(HOST), ALL_PORTS }, { DENY, FROM(ANY), TO(ANY), .ports = { 8080, 8080 } } }, 2, ALL },
	{ "guests are denied each other",
	  { { ALLOW, FROM(GUESTS), TO(HOST), ALL_PORTS }, { DENY, FROM(GUESTS), TO(GUESTS), ALL_PORTS } }, 2,
	  ALL & ~(CALL_OUT | CALL_IN) },
	{ "the host is denied its guests",
	  { { ALLOW, FROM(GUESTS), TO(HOST), ALL_PORTS }, { DENY, FROM(HOST), TO(ANY), ALL_PORTS } }, 2,
	  ALL & ~SSH_OF_HOST },
	{ "@internet is denied to guests",
	  { { DENY, FROM(GUESTS), TO(INTERNET), ALL_PORTS }, { ALLOW, FROM(GUESTS), TO(HOST), ALL_PORTS } }, 2,
	  ALL & ~(TO_SERVER | TO_SERVER2) },
};

static void change(const struct change *c)
{
	struct cv_use use;
	__u64 flushed;

	claim_begin();
	all_flows();
	CHECK_EQ(flows_left(), ALL);
	flushed = world_totals().flushed_flows;
	rules_set(NET, c->rules, c->n);
	CHECK_EQ(rules_rejudge(NET), __builtin_popcount(ALL & ~c->left));
	CHECK_EQ(flows_left(), c->left);
	CHECK_EQ(world_totals().flushed_flows - flushed, __builtin_popcount(ALL & ~c->left));
	use = world_use(world.network_use, NET);
	CHECK_EQ(use.flows, __builtin_popcount(c->left));
	/* Each is still in the queue, once. */
	CHECK_EQ(world_flush(0, 0, 100), __builtin_popcount(c->left));
	no_flow();
	claim_end("judged again: %s", c->claim);
}

static void names_go_on(void)
{
	const struct cv_rule deny = { DENY, FROM(GUESTS), TO(HOST), ALL_PORTS };

	claim_begin();
	names_served();
	send_ok(TO_UPLINK, &(const struct packet) { ASK(GATEWAY) }, PASS);
	CHECK_EQ(rules_rejudge(NET), 0);
	rules_set(NET, &deny, 1);
	CHECK_EQ(rules_rejudge(NET), 1);
	no_flow();
	claim_end("judged again: names need no rule, and one ends them");
}

static void another_network(void)
{
	claim_begin();
	all_flows();
	RULES(TWIN, { DENY, FROM(ANY), TO(ANY), ALL_PORTS });
	RULES(NET, { DENY, FROM(ANY), TO(ANY), ALL_PORTS });
	CHECK_EQ(world_send(TO_UPLINK, &(const struct packet) { QUERY(SERVER) }), REDIRECT);
	CHECK_EQ(rules_rejudge(TWIN), 0);
	CHECK_EQ(flows_left(), ALL);
	CHECK_EQ(rules_rejudge(0), 7);
	CHECK_EQ(flows_left(), 0);
	claim_end("judged again: one network, or all of them");
}

int main(void)
{
	world_open();
	TABLE_RUN(outward);
	fragments(false);
	fragments(true);
	TABLE_RUN(with_names);
	TABLE_RUN(with_host);
	TABLE_RUN(inward);
	TABLE_RUN(corner);
	for (unsigned int i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		change(&changes[i]);
	names_go_on();
	another_network();
	return table_end();
}
