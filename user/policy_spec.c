// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules in words.  Guests' names have no '@' and no dot, so a word tells by
 * itself whether it is a name, a group or an address.  A name need not be
 * known here: its guest may come later.
 */
#include "policy_spec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "config.h"
#include "mem.h"

#define MAX_WORDS	6	/* ACTION FROM -> TO PROTO PORTS */
#define PARTY_SIZE	(CV_NAME_SIZE + ADDR_PREFIX_SIZE)

static const struct group {
	const char *word;
	enum cv_party kind;
} groups[] = {
	{ "@any", CV_PARTY_ANY }, { "@guests", CV_PARTY_GUESTS }, { "@host", CV_PARTY_HOST },
	{ "@internet", CV_PARTY_INTERNET }, { "@lan", CV_PARTY_LAN },
};

static const struct proto {
	const char *word;
	__u8 proto;
} protos[] = {
	{ "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "icmp", IPPROTO_ICMP },
};

static int refuse(const char **ret_problem, const char *problem)
{
	*ret_problem = problem;
	return -EINVAL;
}

/* --- FROM, TO */

/* What may be wrong with one of them: a static text has no room for which it is. */
struct party_problems {
	const char *group, *address, *bits, *name, *taken;
};

#define PARTY_PROBLEMS(which) {								\
	which " is none of @guests, @internet, @host, @lan and @any",			\
	which " is no address or prefix like 192.0.2.1 or 192.0.2.0/24",		\
	which " has bits set behind its prefix",					\
	which " is no guest's name: a-z, 0-9 and '-', not '-' first",			\
	which " cannot be a guest's name, culvert uses it; the host is @host",		\
}

static const struct party_problems from_problems = PARTY_PROBLEMS("FROM");
static const struct party_problems to_problems = PARTY_PROBLEMS("TO");

static int parse_group(const char *word, const struct party_problems *p, struct policy_party *ret,
		       const char **ret_problem)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (!strcmp(word, groups[i].word))
			return ret->kind = groups[i].kind, 0;
	return refuse(ret_problem, p->group);
}

static int parse_address(const char *word, const struct party_problems *p,
			 struct policy_party *ret, const char **ret_problem)
{
	ret->kind = CV_PARTY_PREFIX;
	ret->prefix.mask = 0xffffffff;
	if (!addr_parse_ip(word, &ret->prefix.addr))
		return 0;
	if (addr_parse_prefix(word, &ret->prefix.addr, &ret->prefix.mask))
		return refuse(ret_problem, p->address);
	if (ret->prefix.addr & ~ret->prefix.mask)
		return refuse(ret_problem, p->bits);
	return 0;
}

static int parse_name(const char *word, const struct party_problems *p, struct policy_party *ret,
		      const char **ret_problem)
{
	if (!config_name_ok(word))
		return refuse(ret_problem, p->name);
	if (!strcmp(word, "host") || !strcmp(word, "ns") || !strcmp(word, "uplink"))
		return refuse(ret_problem, p->taken);
	ret->kind = CV_PARTY_GUEST;
	strcpy(ret->guest, word);
	return 0;
}

static int parse_party(const char *word, const struct party_problems *p, struct policy_party *ret,
		       const char **ret_problem)
{
	if (*word == '@')
		return parse_group(word, p, ret, ret_problem);
	if (strpbrk(word, "./"))
		return parse_address(word, p, ret, ret_problem);
	return parse_name(word, p, ret, ret_problem);
}

static bool may_be_guest(const struct policy_party *party)
{
	return party->kind == CV_PARTY_ANY || party->kind == CV_PARTY_GUEST ||
	       party->kind == CV_PARTY_GUESTS || party->kind == CV_PARTY_PREFIX;
}

/* --- PROTO, PORTS */

/* Return: the number, or 0 when there is none from 1 to @max.  *@text is moved behind it. */
static unsigned int parse_number(const char **text, unsigned int max)
{
	unsigned int n = 0;

	if (**text == '0')
		return 0;
	for (; **text >= '0' && **text <= '9'; ++*text) {
		n = n * 10 + (**text - '0');
		if (n > max)
			return 0;
	}
	return n;
}

int policy_parse_proto(const char *text, __u8 *ret, const char **ret_problem)
{
	unsigned int n;

	for (size_t i = 0; i < ARRAY_SIZE(protos); i++)
		if (!strcmp(text, protos[i].word))
			return *ret = protos[i].proto, 0;
	n = parse_number(&text, 255);
	if (!n || *text)
		return refuse(ret_problem, "PROTO is tcp, udp, icmp or a number from 1 to 255");
	*ret = n;
	return 0;
}

int policy_parse_port(const char *text, __u16 *ret)
{
	unsigned int n = parse_number(&text, 65535);

	if (!n || *text)
		return -EINVAL;
	*ret = n;
	return 0;
}

#define BAD_PORTS "PORTS are from 1 to 65535, as in 80,443,8000-8010"

static int parse_range(const char **text, struct cv_range *ret, const char **ret_problem)
{
	unsigned int first = parse_number(text, 65535), last = first;

	if (first && **text == '-') {
		++*text;
		last = parse_number(text, 65535);
	}
	if (!first || !last || (**text && **text != ','))
		return refuse(ret_problem, BAD_PORTS);
	if (last < first)
		return refuse(ret_problem, "a range of PORTS ends before it begins");
	*ret = (struct cv_range) { first, last };
	return 0;
}

static int parse_ports(const char *text, struct policy_rule *ret, const char **ret_problem)
{
	int err;

	if (ret->proto != IPPROTO_TCP && ret->proto != IPPROTO_UDP)
		return refuse(ret_problem, "only tcp and udp have PORTS");
	for (;; text++) {
		if (ret->n_ports == ARRAY_SIZE(ret->ports))
			return refuse(ret_problem, "that are too many PORTS for one rule");
		err = parse_range(&text, &ret->ports[ret->n_ports], ret_problem);
		if (err)
			return err;
		ret->n_ports++;
		if (!*text)
			return 0;
	}
}

/* --- a rule */

/* Return: how many there are, MAX_WORDS + 1 for more.  @text is cut up. */
static int split(char *text, char *words[MAX_WORDS])
{
	char *rest, *word = strtok_r(text, " \t", &rest);
	int n = 0;

	for (; word; word = strtok_r(NULL, " \t", &rest)) {
		if (n == MAX_WORDS)
			return n + 1;
		words[n++] = word;
	}
	return n;
}

static int parse_action(const char *word, enum cv_action *ret, const char **ret_problem)
{
	if (strcmp(word, "allow") && strcmp(word, "deny"))
		return refuse(ret_problem, "a rule begins with allow or deny");
	*ret = *word == 'a' ? CV_ACTION_ALLOW : CV_ACTION_DENY;
	return 0;
}

static int parse_words(char *words[MAX_WORDS], int n, struct policy_rule *rule,
		       const char **ret_problem)
{
	int err = parse_action(words[0], &rule->action, ret_problem);

	if (err)
		return err;
	if (n < 4 || strcmp(words[2], "->"))
		return refuse(ret_problem, "a rule is: allow|deny FROM -> TO [PROTO [PORTS]]");
	err = parse_party(words[1], &from_problems, &rule->from, ret_problem);
	if (!err)
		err = parse_party(words[3], &to_problems, &rule->to, ret_problem);
	if (!err && !may_be_guest(&rule->from) && !may_be_guest(&rule->to))
		err = refuse(ret_problem, "neither FROM nor TO is a guest, and others' packets are not culvert's");
	if (!err && n > 4)
		err = policy_parse_proto(words[4], &rule->proto, ret_problem);
	if (!err && n > MAX_WORDS)
		err = refuse(ret_problem, "PORTS are the last word, as in 80,443");
	if (!err && n > 5)
		err = parse_ports(words[5], rule, ret_problem);
	return err;
}

int policy_parse(const char *text, struct policy_rule *ret, const char **ret_problem)
{
	struct policy_rule rule = { .action = CV_ACTION_NONE };
	char copy[POLICY_TEXT_MAX + 1], *words[MAX_WORDS];
	int n, err;

	if (strlen(text) >= sizeof(copy))
		return refuse(ret_problem, "a rule has at most 250 characters");
	strcpy(copy, text);
	n = split(copy, words);
	if (!n)
		return refuse(ret_problem, "a rule is: allow|deny FROM -> TO [PROTO [PORTS]]");
	err = parse_words(words, n, &rule, ret_problem);
	if (!err)
		*ret = rule;
	return err;
}

/* --- as text again */

static const char *format_party(const struct policy_party *party, char buf[PARTY_SIZE])
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (groups[i].kind == party->kind)
			return groups[i].word;
	if (party->kind == CV_PARTY_GUEST)
		return party->guest;
	if (party->prefix.mask == 0xffffffff)
		return addr_format_ip(party->prefix.addr, buf);
	return addr_format_prefix(party->prefix.addr, party->prefix.mask, buf);
}

const char *policy_format_proto(__u8 proto, char buf[8])
{
	for (size_t i = 0; i < ARRAY_SIZE(protos); i++)
		if (protos[i].proto == proto)
			return protos[i].word;
	snprintf(buf, 8, "%u", proto);
	return buf;
}

/* Return: the new length. */
static size_t format_range(const struct cv_range *r, char sep, char *buf, size_t len)
{
	size_t size = POLICY_TEXT_SIZE;

	if (r->first == r->last)
		len += snprintf(buf + len, size - len, "%c%u", sep, r->first);
	else
		len += snprintf(buf + len, size - len, "%c%u-%u", sep, r->first, r->last);
	return len < size ? len : size - 1;
}

/* What was parsed fits: it was not longer, but for a protocol that was a number like 1. */
const char *policy_format(const struct policy_rule *rule, char buf[POLICY_TEXT_SIZE])
{
	char from[PARTY_SIZE], to[PARTY_SIZE], proto[8];
	size_t len;

	len = snprintf(buf, POLICY_TEXT_SIZE, "%s %s -> %s%s%s",
		       rule->action == CV_ACTION_ALLOW ? "allow" : "deny",
		       format_party(&rule->from, from), format_party(&rule->to, to),
		       rule->proto ? " " : "",
		       rule->proto ? policy_format_proto(rule->proto, proto) : "");
	for (unsigned int i = 0; i < rule->n_ports; i++)
		len = format_range(&rule->ports[i], i ? ',' : ' ', buf, len);
	return buf;
}

/* --- as the programs read them */

static bool meets_guests(const struct policy_party *party, const struct cv_prefix *subnet)
{
	if (party->kind != CV_PARTY_PREFIX)
		return may_be_guest(party);
	return !((party->prefix.addr ^ subnet->addr) & party->prefix.mask & subnet->mask);
}

bool policy_is_local(const struct policy_rule *rule, const struct cv_prefix *subnet)
{
	return meets_guests(&rule->from, subnet) && meets_guests(&rule->to, subnet);
}

struct resolver {
	__u32 (*slot_of)(const char *guest, void *arg);
	void *arg;
};

static __u8 compile_party(const struct policy_party *party, const struct resolver *r,
			  struct cv_prefix *ret)
{
	switch (party->kind) {
	case CV_PARTY_GUEST:
		ret->addr = r->slot_of(party->guest, r->arg);
		return CV_PARTY_GUEST;
	case CV_PARTY_PREFIX:
		*ret = party->prefix;
		return party->prefix.mask ? CV_PARTY_PREFIX : CV_PARTY_ANY;
	default:
		return party->kind;
	}
}

void policy_compile(const struct policy_rule *rules, size_t n,
		    __u32 (*slot_of)(const char *guest, void *arg), void *arg,
		    struct cv_policy *ret)
{
	static const struct cv_range any = { 0, 65535 };
	const struct resolver r = { slot_of, arg };

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < n; i++) {
		struct cv_rule one = {
			.action = rules[i].action, .proto = rules[i].proto, .number = i + 1,
		};

		one.from = compile_party(&rules[i].from, &r, &one.from_addr);
		one.to = compile_party(&rules[i].to, &r, &one.to_addr);
		for (unsigned int k = 0; k < policy_places(&rules[i]); k++) {
			if (ret->n_rules == CV_MAX_RULES)
				return;
			one.ports = rules[i].n_ports ? rules[i].ports[k] : any;
			ret->rules[ret->n_rules++] = one;
		}
	}
}
