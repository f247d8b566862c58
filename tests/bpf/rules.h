/* SPDX-License-Identifier: GPL-2.0-only */
/* Rules of a network, as data. */
#ifndef CULVERT_TESTS_BPF_RULES_H
#define CULVERT_TESTS_BPF_RULES_H

#include <stdio.h>
#include <stdlib.h>

#include <bpf/bpf.h>

#include "table.h"

#define ALLOW		.action = CV_ACTION_ALLOW
#define DENY		.action = CV_ACTION_DENY
#define ALL_PORTS	.ports = { 0, 0xffff }
#define FROM(party)	.from = CV_PARTY_##party
#define TO(party)	.to = CV_PARTY_##party
/* The guest's slot is a number, not in wire order. */
#define FROM_SLOT(slot)	.from = CV_PARTY_GUEST, .from_addr = { .addr = (slot) }
#define TO_SLOT(slot)	.to = CV_PARTY_GUEST, .to_addr = { .addr = (slot) }
#define WIRE(ip)	__builtin_bswap32(ip)
#define PREFIX(ip, len)	{ .addr = WIRE(ip), .mask = (len) ? WIRE(0xffffffffU << (32 - (len))) : 0 }
#define FROM_PREFIX(ip, len) .from = CV_PARTY_PREFIX, .from_addr = PREFIX(ip, len)
#define TO_PREFIX(ip, len) .to = CV_PARTY_PREFIX, .to_addr = PREFIX(ip, len)

/* Give a network these rules, and none before them. */
static inline void rules_set(__u32 net, const struct cv_rule *rules, unsigned int n)
{
	struct cv_policy *p = calloc(1, sizeof(*p));

	p->n_rules = n;
	for (unsigned int i = 0; i < n; i++) {
		p->rules[i] = rules[i];
		if (!p->rules[i].number)
			p->rules[i].number = i + 1;
	}
	if (bpf_map_update_elem(world.policies, &net, p, BPF_ANY)) {
		printf("Bail out! map: policies\n");
		exit(1);
	}
	free(p);
}

#define RULES(net, ...) do {							\
	static const struct cv_rule rules_[] = { __VA_ARGS__ };			\
	rules_set(net, rules_, sizeof(rules_) / sizeof(rules_[0]));		\
} while (0)

/* Forget what the rules deny by now.  Return: how many flows. */
static inline __u32 rules_rejudge(__u32 net)
{
	struct cv_flush_args args = { .net = net, .budget = N_FLOWS };
	__u32 zero = 0;

	if (bpf_map_update_elem(world.control, &zero, &args, BPF_ANY) || world_call(world.rejudge) ||
	    bpf_map_lookup_elem(world.control, &zero, &args)) {
		printf("Bail out! rejudge\n");
		exit(1);
	}
	return args.flushed;
}

#endif
