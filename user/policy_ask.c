// SPDX-License-Identifier: GPL-2.0-only
/*
 * May this packet open a flow?  What the rules say is asked of the program
 * that judges packets; what counts before them and without them is code of the
 * datapath around that question (policy.h, open.h), told here in words.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <culvert/wire.h>

#include "addr.h"
#include "datapath.h"
#include "log.h"
#include "network_impl.h"
#include "state.h"

#define DHCP_SERVER_PORT 67

/**
 * struct side - an end of the flow
 * @slot:	of a guest of this network, or 0
 * @ip:		0 while a guest has none
 * @word:	as it was asked
 */
struct side {
	__u32  slot;
	bool   host;
	__be32 ip;
	const char *word;
};

struct asking {
	struct network_work w;
	struct side from, to;
	__u8  proto;
	__u16 port;		/* the guest's own one, when @to is one */
	bool  forwarded;	/* @to was asked by an address and port that lead to it */
};

static void asking_end(struct asking *a)
{
	network_work_end(&a->w);
}
#define _asking_ __attribute__((cleanup(asking_end)))

static int cannot_ask(const struct asking *a, int err)
{
	return network_failed(&a->w, NULL, err, "cannot ask its rules");
}

/* --- who is meant */

static int is_address(const struct net_address *a, void *arg)
{
	return a->ip == *(const __be32 *)arg;
}

/* Return: 1 when the guest is of this network, 0, or -errno. */
static int take_guest(struct asking *a, __u32 slot, struct side *side)
{
	struct cv_port p;
	int err = tables_port_get(a->w.tables, slot, &p);

	if (err || p.net != a->w.id)
		return err == -ENOENT ? 0 : err;
	side->slot = slot;
	side->ip = p.ip;
	return 1;
}

static int find_address(struct asking *a, struct side *side)
{
	struct cv_whole whole;
	__u32 slot = 0;
	int err = tables_address_get(a->w.tables, a->w.id, side->ip, &slot);

	if (err == -ENOENT) {
		err = tables_whole_get(a->w.tables, side->ip, &whole);
		slot = err ? 0 : whole.slot;
	}
	if (err && err != -ENOENT)
		return cannot_ask(a, err);
	err = slot ? take_guest(a, slot, side) : 0;
	if (err < 0)
		return cannot_ask(a, err);
	if (err > 0)
		return 0;
	err = side->ip == a->w.entry.gateway ? 1 : net_address_each(a->w.host, is_address, &side->ip);
	side->host = err > 0;
	return err < 0 ? network_failed(&a->w, a->w.host, err, "cannot read the host's addresses") : 0;
}

static int find_side(struct asking *a, struct side *side)
{
	struct cv_port p;
	int err;

	if (!strcmp(side->word, "host") || !strcmp(side->word, "@host")) {
		side->host = true;
		side->ip = a->w.entry.gateway;
		return 0;
	}
	if (!addr_parse_ip(side->word, &side->ip))
		return find_address(a, side);
	if (!config_name_ok(side->word))
		return log_refuse(-EINVAL, "'%s' is no guest's name, no address and not 'host'", side->word);
	err = tables_port_find(a->w.tables, a->w.id, side->word, &side->slot, &p);
	if (err == -ENOENT)
		return log_refuse(err, "network '%s' has no port '%s'", a->w.name, side->word);
	if (err)
		return cannot_ask(a, err);
	side->ip = p.ip;
	return 0;
}

/* An uplink's address and port may be a guest's. */
static int follow_forward(struct asking *a)
{
	struct tables_external x;
	struct cv_port p;
	int err;

	if (a->to.slot || !a->port || (a->proto != IPPROTO_TCP && a->proto != IPPROTO_UDP))
		return 0;
	err = tables_external_get(a->w.tables, a->to.ip, a->proto, a->port, &x);
	if (err || !x.forward)
		return err == -ENOENT || err == -EADDRNOTAVAIL ? 0 : err;
	err = tables_port_get(a->w.tables, x.slot, &p);
	if (err || p.net != a->w.id)
		return err == -ENOENT ? 0 : err;
	a->to = (struct side) { .slot = x.slot, .ip = p.ip, .word = a->to.word };
	a->port = x.guest_port;
	a->forwarded = true;
	return 0;
}

static int find_sides(struct asking *a)
{
	int err = find_side(a, &a->from);

	if (!err)
		err = find_side(a, &a->to);
	if (err)
		return err;
	err = follow_forward(a);
	if (err)
		return cannot_ask(a, err);
	if (!a->from.slot && !a->to.slot)
		return log_refuse(-EINVAL, "neither '%s' nor '%s' is a guest of network '%s'", a->from.word,
				  a->to.word, a->w.name);
	return 0;
}

/* --- what counts */

static int answer(struct network_answer *ret, enum cv_action action, const char *why)
{
	ret->action = action;
	ret->rule = 0;
	snprintf(ret->why, sizeof(ret->why), "%s", why);
	return 0;
}

#define ALLOW(why)	answer(ret, CV_ACTION_ALLOW, why)
#define DENY(why)	answer(ret, CV_ACTION_DENY, why)

static bool is_unicast(__be32 ip)
{
	__u32 first = ntohl(ip) >> 24;

	return first && first != 127 && first < 224 && ntohl(ip) >> 16 != 0xa9fe;
}

/* DCCP, AH and UDP-Lite: their checksums cover addresses. */
static bool is_untranslatable(__u8 proto)
{
	return proto == 33 || proto == 51 || proto == 136;
}

static int before_to_host(const struct asking *a, struct network_answer *ret)
{
	if (a->to.ip != a->w.entry.gateway)
		return 1;
	if (a->proto == IPPROTO_ICMP)
		return ALLOW("the gateway answers ping, before all rules");
	if (a->proto == IPPROTO_UDP && a->port == DHCP_SERVER_PORT)
		return a->w.entry.flags & CV_NET_DHCP ?
		       ALLOW("DHCP is answered, before all rules") :
		       DENY("this network answers no DHCP");
	return 1;
}

static int before_to_outside(const struct asking *a, struct network_answer *ret)
{
	if (!is_unicast(a->to.ip))
		return DENY("that is no unicast address");
	if ((a->to.ip & a->w.entry.netmask) == a->w.entry.subnet)
		return DENY("no guest has this address");
	if (a->w.entry.mode == CV_MODE_ISOLATED)
		return DENY("this network has no uplink");
	return 1;
}

/* What no rule changes.  Return: 0, or 1 when there is nothing. */
static int ask_before(const struct asking *a, struct network_answer *ret)
{
	if (a->from.slot && a->to.host)
		return before_to_host(a, ret);
	if (a->from.slot && !a->to.slot)
		return before_to_outside(a, ret);
	if (a->from.host && a->from.ip != a->w.entry.gateway)
		return DENY("the host speaks to guests from the gateway's address");
	return 1;
}

static int without_to_outside(const struct asking *a, struct network_answer *ret)
{
	struct cv_whole whole;
	struct cv_port p;

	if (is_untranslatable(a->proto) && !tables_port_get(a->w.tables, a->from.slot, &p) &&
	    !p.external && tables_whole_get(a->w.tables, p.ip, &whole))
		return DENY("this protocol cannot be translated");
	return ALLOW("no rule says anything: guests may reach the internet");
}

/* What comes in unasked, as open_admitted() of the programs has it. */
enum admission { ADMITTED, BY_RULE, NOT_ADMITTED };

static int lead_to_port(const struct tables_external *x, void *arg)
{
	const struct asking *a = arg;

	/* On loopback it is the host's alone; without an address it is nobody's. */
	return x->addr && !addr_is_loopback(x->addr) && x->slot == a->to.slot &&
	       x->proto == a->proto && x->guest_port == a->port;
}

/* Return: enum admission or -errno. */
static int admission(struct asking *a)
{
	enum admission best = NOT_ADMITTED;
	struct cv_whole whole;
	struct cv_port p;
	int err = tables_port_get(a->w.tables, a->to.slot, &p);

	if (err)
		return err;
	if (a->forwarded)
		return ADMITTED;
	for (int i = 0; i < 2; i++) {
		__be32 addr = i ? p.external : p.ip;

		if (!addr || tables_whole_get(a->w.tables, addr, &whole) || whole.slot != a->to.slot)
			continue;
		if (whole.flags & CV_WHOLE_OPEN)
			return ADMITTED;
		best = BY_RULE;
	}
	err = a->port ? tables_each_forward(a->w.tables, lead_to_port, a) : 0;
	if (err)
		return err < 0 ? err : (int)ADMITTED;
	return best;
}

/* As policy_served() of the programs has it. */
static bool is_names(const struct asking *a)
{
	return a->w.entry.flags & CV_NET_DNS && a->to.ip == a->w.entry.gateway &&
	       a->port == CV_DNS_PORT && (a->proto == IPPROTO_UDP || a->proto == IPPROTO_TCP);
}

static int ask_without(struct asking *a, struct network_answer *ret)
{
	int in;

	if (a->from.slot && a->to.slot)
		return a->w.entry.flags & CV_NET_ISOLATE ?
		       DENY("no rule says anything: guests of this network are isolated") :
		       ALLOW("no rule says anything: guests may reach each other");
	if (a->from.slot && a->to.host)
		return is_names(a) ?
		       ALLOW("no rule says anything: the gateway serves names") :
		       DENY("no rule says anything: of the host guests reach ping of the gateway and DHCP");
	if (a->from.slot)
		return without_to_outside(a, ret);
	if (a->from.host)
		return ALLOW("no rule says anything: the host may reach guests");
	in = admission(a);
	if (in < 0)
		return cannot_ask(a, in);
	if (in == ADMITTED)
		return ALLOW("no rule says anything: it is forwarded, or the guest's own address is open");
	return DENY("no rule says anything: no forward and no open address of the guest leads there");
}

/* --- the rules */

static void put_rule(const struct asking *a, __u32 number, struct network_answer *ret)
{
	char text[POLICY_TEXT_SIZE];
	struct config cfg;

	ret->rule = number;
	snprintf(ret->why, sizeof(ret->why), "rule %u", number);
	if (state_load_config(a->w.name, &cfg))
		return;
	if (number && number <= cfg.n_policy)
		snprintf(ret->why, sizeof(ret->why), "%s", policy_format(&cfg.policy[number - 1], text));
	config_release(&cfg);
}

static int ask_rules(struct asking *a, struct network_answer *ret)
{
	struct cv_judge_args args = {
		.net = a->w.id, .slot = a->from.slot, .host = a->from.host, .saddr = a->from.ip,
		.peer_slot = a->to.slot, .peer_host = a->to.host, .daddr = a->to.ip,
		.dport = htons(a->port), .proto = a->proto,
	};
	int err = datapath_judge(&args), in;

	if (err)
		return cannot_ask(a, err);
	if (args.action == CV_ACTION_NONE)
		return ask_without(a, ret);
	put_rule(a, args.number, ret);
	ret->action = args.action;
	if (args.action == CV_ACTION_DENY || a->from.slot || a->from.host)
		return 0;
	/* A rule opens an address that is the guest's own, not a port that is not forwarded. */
	in = admission(a);
	if (in < 0)
		return cannot_ask(a, in);
	return in == NOT_ADMITTED ?
	       DENY("a rule allows it, but no forward and no address of the guest's own leads there") : 0;
}

int network_policy_ask(const char *net, const struct network_question *q,
		       struct network_answer *ret)
{
	_asking_ struct asking a = {
		.w = NETWORK_WORK_INIT, .from.word = q->from, .to.word = q->to,
		.proto = q->proto, .port = q->port,
	};
	int err = network_work_begin(&a.w, net);

	if (err)
		return err;
	if (!a.w.id)
		return log_refuse(-ENOENT, "network '%s' is not up; 'culvert up %s' makes it", net, net);
	err = find_sides(&a);
	if (err)
		return err;
	err = ask_before(&a, ret);
	return err > 0 ? ask_rules(&a, ret) : err;
}
