/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A rule of a network's policy as it is written:
 *
 *	allow|deny FROM -> TO [PROTO [PORTS]]
 *
 * and what the programs read of a list of them.  Pure.
 */
#ifndef CULVERT_POLICY_SPEC_H
#define CULVERT_POLICY_SPEC_H

#include <stdbool.h>
#include <stddef.h>

#include <culvert/abi.h>

#define POLICY_TEXT_MAX	250	/* characters of a rule ... */
#define POLICY_TEXT_SIZE 256	/* ... which as text again may have some more, and a NUL */

/**
 * struct policy_party - who sends, or who is sent to
 * @guest:	of CV_PARTY_GUEST, by name, whether or not it has a port now
 * @prefix:	of CV_PARTY_PREFIX; mask 0: every address
 */
struct policy_party {
	enum cv_party kind;
	char guest[CV_NAME_SIZE];
	struct cv_prefix prefix;
};

/**
 * struct policy_rule - one rule
 * @proto:	0: any
 * @ports:	of the destination, @n_ports of them; none: any
 */
struct policy_rule {
	enum cv_action action;
	struct policy_party from, to;
	__u8 proto;
	unsigned int n_ports;
	struct cv_range ports[CV_MAX_RULES];
};

/**
 * policy_parse() - one rule
 * @ret_problem: static text on -EINVAL, for "'RULE': PROBLEM"
 */
int policy_parse(const char *text, struct policy_rule *ret, const char **ret_problem);

/* Its parts, as `policy test` takes them.  Return: 0 or -EINVAL; @ret is untouched then. */
int policy_parse_proto(const char *text, __u8 *ret, const char **ret_problem);
int policy_parse_port(const char *text, __u16 *ret);	/* host order */

/** policy_format() - as text again, with single spaces */
const char *policy_format(const struct policy_rule *rule, char buf[POLICY_TEXT_SIZE]);
/** policy_format_proto() - "tcp", or a number */
const char *policy_format_proto(__u8 proto, char buf[8]);

/** policy_places() - how many entries of struct cv_policy a rule takes */
static inline unsigned int policy_places(const struct policy_rule *rule)
{
	return rule->n_ports ? rule->n_ports : 1;
}

/** policy_is_local() - whether a rule may speak of packets from guest to guest */
bool policy_is_local(const struct policy_rule *rule, const struct cv_prefix *subnet);

/**
 * policy_compile() - rules as the programs read them
 * @slot_of: a guest's slot, or CV_SLOT_NONE
 *
 * Together they take at most CV_MAX_RULES places.
 */
void policy_compile(const struct policy_rule *rules, size_t n,
		    __u32 (*slot_of)(const char *guest, void *arg), void *arg,
		    struct cv_policy *ret);

#endif
