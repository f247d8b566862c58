// SPDX-License-Identifier: GPL-2.0-only
/* What the random worlds have: filters, limits, addresses, rules. */
#include <string.h>

#include "nat_random.h"

bool random_flood;

#define OUTSIDE_ANN	IP(198, 51, 100, 50)
#define OUTSIDE_DAN	IP(100, 64, 9, 9)

/* Addresses of guests' own: in a routed network, towards some, or given to them. */
static void random_wholes(struct model *m)
{
	__u32 which = rnd(6);

	if (which == 1 || which == 3) {
		m->guests[0].external = OUTSIDE_ANN;
		model_whole(m, OUTSIDE_ANN, ANN, true);
		m->guests[2].external = OUTSIDE_DAN;
		model_whole(m, OUTSIDE_DAN, DAN, true);
	}
	m->nets[0].routed = which == 2;
	m->nets[0].plain = which == 3 || which == 4 ? IP(192, 0, 2, 0) : 0;
	if (which >= 2 && which <= 4) {
		model_whole(m, ANN_IP, ANN, false);
		model_whole(m, BOB_IP, BOB, false);
	}
}

static void random_party(__u8 *party, struct cv_prefix *prefix)
{
	static const __u32 slots[] = { ANN, BOB, DAN, CV_SLOT_NONE };
	static const __u32 prefixes[] = { SERVER & ~255U, HOST_IP & ~255U, ANN_IP & ~255U, IP(100, 68, 0, 0), SERVER2 & ~255U };

	*party = rnd(CV_N_PARTIES);
	if (*party == CV_PARTY_GUEST)
		prefix->addr = PICK(slots);
	if (*party == CV_PARTY_PREFIX)
		*prefix = (struct cv_prefix) { htonl(PICK(prefixes)), htonl(~255U) };
}

static void random_rules(struct model *m)
{
	static const struct cv_range ranges[] = { { 0, 65535 }, { 0, 65535 }, { 51, 51 }, { 2000, 2004 }, { 50, 2005 } };
	static const __u8 rule_protos[] = { 0, 0, 0, TCP, UDP, ICMP, 47 };

	m->n_rules = rnd(2) ? 0 : 1 + rnd(6);
	for (unsigned int i = 0; i < m->n_rules; i++) {
		struct cv_rule *r = &m->rules[i];

		*r = (struct cv_rule) {
			.action = rnd(2) ? CV_ACTION_ALLOW : CV_ACTION_DENY, .proto = PICK(rule_protos),
			.ports = PICK(ranges), .number = i + 1,
		};
		random_party(&r->from, &r->from_addr);
		random_party(&r->to, &r->to_addr);
	}
}

void random_limits(struct model *m)
{
	bool few_ports = !rnd(4), few_flows = !rnd(4), ports_limited = !rnd(4);

	random_flood = !rnd(10);
	random_wholes(m);
	random_rules(m);
	for (unsigned int i = 0; i < 3; i++) {
		m->nets[i].filter = rnd(3);
		if (few_ports) {
			m->nets[i].port_min = 2000;
			m->nets[i].port_max = 2015;
		}
		if (few_flows)
			m->nets[i].max_flows = 40;
		if (ports_limited)
			m->nets[i].max_ports = 12;
	}
	for (unsigned int i = 0; i < 4; i++) {
		if (few_flows)
			m->guests[i].max_flows = 30;
		if (ports_limited)
			m->guests[i].max_ports = 8;
	}
}
