// SPDX-License-Identifier: GPL-2.0-only
/* culvert policy show, test. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "cmd.h"
#include "log.h"
#include "mem.h"
#include "network.h"
#include "paths.h"
#include "report.h"
#include "state.h"
#include "tables.h"

/* --- show */

/* The guests of a rule that have no port: "web", "web, db", or nothing. */
static int waits_for(struct tables *t, __u16 id, const struct policy_rule *rule,
		     char buf[2 * CV_NAME_SIZE + 2])
{
	const struct policy_party *parties[] = { &rule->from, &rule->to };
	size_t len = 0;
	int err;

	buf[0] = '\0';
	for (int i = 0; i < 2; i++) {
		if (parties[i]->kind != CV_PARTY_GUEST)
			continue;
		err = tables_port_find(t, id, parties[i]->guest, NULL, NULL);
		if (err && err != -ENOENT)
			return err;
		if (err && strcmp(buf, parties[i]->guest))
			len += sprintf(buf + len, "%s%s", len ? ", " : "", parties[i]->guest);
	}
	return 0;
}

static int put_rules(struct report *r, struct tables *t, __u16 id, const struct config *cfg)
{
	char text[POLICY_TEXT_SIZE], names[2 * CV_NAME_SIZE + 2];
	int err = 0;

	for (size_t i = 0; i < cfg->n_policy && !err; i++) {
		err = waits_for(t, id, &cfg->policy[i], names);
		report_row(r);
		report_number(r, "number", i + 1);
		report_text(r, "rule", policy_format(&cfg->policy[i], text));
		report_text(r, "waits_for", names[0] ? names : NULL);
	}
	return err;
}

static void put_default(struct report *r, const char *rule, const char *meaning)
{
	report_row(r);
	report_text(r, "default", rule);
	report_text(r, "meaning", meaning);
}

static void put_defaults(struct report *r, const struct cv_network *n)
{
	report_section(r, "defaults");
	if (n->flags & CV_NET_ISOLATE)
		put_default(r, "deny @guests -> @guests", "the network isolates its guests");
	else
		put_default(r, "allow @guests -> @guests", NULL);
	if (n->flags & CV_NET_DHCP)
		put_default(r, "deny @guests -> @host", "but ping of the gateway and DHCP, before all rules");
	else
		put_default(r, "deny @guests -> @host", "but ping of the gateway, before all rules");
	if (n->flags & CV_NET_DNS)
		put_default(r, "allow @guests -> @host udp,tcp 53", "names, at the gateway's address only");
	put_default(r, "allow @host -> @guests", NULL);
	if (n->mode == CV_MODE_ISOLATED) {
		put_default(r, "deny @guests -> @internet", "before all rules: the network has no uplink");
		return;
	}
	put_default(r, "allow @guests -> @internet", NULL);
	put_default(r, "deny @internet -> @guests",
		    "but answers, what is forwarded, and open addresses of guests' own");
}

static int show(struct tables *t, __u16 id, const struct cv_network *n, bool json)
{
	struct report *r = report_new("rules", json);
	struct config cfg;
	int err;

	if (!r) {
		log_ret(-ENOMEM, "cannot list rules");
		return CLI_FAILED;
	}
	err = state_load_config(n->name, &cfg);
	if (err)
		log_error("network '%s': what its rules are is not in '%s'; 'culvert up %s' writes it",
			  n->name, paths_run(), n->name);
	if (!err) {
		err = put_rules(r, t, id, &cfg);
		config_release(&cfg);
	}
	put_defaults(r, n);
	return cmd_finish(r, err, "rules");
}

int cmd_policy_show(int argc, char **argv)
{
	_tables_ struct tables *t = NULL;
	struct cv_network n;
	int exit_code;
	bool json;
	__u16 id;

	if (cli_parse(argc, argv, "policy show NET [OPTION]...",
		      "List a network's rules in their order, and what counts where none matches.",
		      NULL, 1, 1, &json, &exit_code) < 0)
		return exit_code;
	if (cmd_open_network(argv[0], &t, &id, &n))
		return CLI_FAILED;
	return show(t, id, &n, json);
}

/* --- test */

/* Return: CLI_OK or CLI_USAGE, told. */
static int read_question(int operands, char **argv, struct network_question *ret)
{
	struct network_question q = { .from = argv[1], .to = argv[2] };
	const char *problem;

	if (operands > 3 && policy_parse_proto(argv[3], &q.proto, &problem)) {
		log_error("'%s': %s", argv[3], problem);
		return CLI_USAGE;
	}
	if (operands > 4 && q.proto != IPPROTO_TCP && q.proto != IPPROTO_UDP) {
		log_error("only tcp and udp have a PORT");
		return CLI_USAGE;
	}
	if (operands > 4 && policy_parse_port(argv[4], &q.port)) {
		log_error("'%s': PORT is a number from 1 to 65535", argv[4]);
		return CLI_USAGE;
	}
	*ret = q;
	return CLI_OK;
}

static int print_json(const struct network_answer *a, const char *action)
{
	struct report *r = report_new("verdict", true);

	if (!r) {
		log_ret(-ENOMEM, "cannot print the verdict");
		return CLI_FAILED;
	}
	report_row(r);
	report_text(r, "action", action);
	if (a->rule)
		report_number(r, "rule", a->rule);
	else
		report_text(r, "rule", NULL);
	report_text(r, "why", a->why);
	return cmd_finish(r, 0, "the verdict");
}

static int print_answer(const struct network_answer *a, bool json)
{
	const char *action = a->action == CV_ACTION_ALLOW ? "allow" : "deny";

	if (json && print_json(a, action))
		return CLI_FAILED;
	if (!json && a->rule)
		printf("%s: rule %u: %s\n", action, a->rule, a->why);
	else if (!json)
		printf("%s: %s\n", action, a->why);
	return a->action == CV_ACTION_ALLOW ? CLI_OK : CLI_DEGRADED;
}

int cmd_policy_test(int argc, char **argv)
{
	struct network_question q;
	struct network_answer a;
	int operands, exit_code, err;
	bool json;

	operands = cli_parse(argc, argv, "policy test NET FROM TO [PROTO [PORT]] [OPTION]...",
			     "May a packet open a flow, and what says so?  FROM and TO are a guest's name, 'host' or an address.",
			     NULL, 3, 5, &json, &exit_code);
	if (operands < 0)
		return exit_code;
	exit_code = read_question(operands, argv, &q);
	if (exit_code)
		return exit_code;
	err = network_policy_ask(argv[0], &q, &a);
	if (err)
		return err == -EINVAL ? CLI_USAGE : CLI_FAILED;
	return print_answer(&a, json);
}
