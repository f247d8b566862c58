// SPDX-License-Identifier: GPL-2.0-only
/* culvert forward add, rm, ls. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "cmd.h"
#include "log.h"
#include "mem.h"
#include "network.h"
#include "report.h"
#include "tables.h"

/* Return: CLI_OK or CLI_USAGE, told. */
static int read_spec(const char *spec, bool udp, struct forward *ret)
{
	const char *problem;

	if (forward_parse(spec, NULL, ret, &problem)) {
		log_error("'%s': %s", spec, problem);
		return CLI_USAGE;
	}
	if (udp && strchr(spec, '/') && ret->proto != IPPROTO_UDP) {
		log_error("'%s' says tcp, and --udp udp", spec);
		return CLI_USAGE;
	}
	if (udp)
		ret->proto = IPPROTO_UDP;
	return CLI_OK;
}

/* The one that was given, as operand or by option.  Return: NULL when it is not one. */
static const char *one_spec(int operands, char **argv, const char *published)
{
	if ((operands == 2) == (published != NULL)) {
		log_error(published ? "one SPEC at a time" : "which forward? say ADDR:PORT:GUEST[:PORT]");
		return NULL;
	}
	return published ? published : argv[1];
}

int cmd_forward_add(int argc, char **argv)
{
	const char *spec = NULL;
	bool udp = false;
	const struct cli_option options[] = {
		{ 'p', "publish", CLI_STRING, &spec, "SPEC", "the same as the operand" },
		{ 0, "udp", CLI_FLAG, &udp, NULL, "UDP, as SPEC with /udp" },
		{ 0 }
	};
	int operands, exit_code;
	struct forward f;

	operands = cli_parse(argc, argv, "forward add NET [-p] SPEC [--udp]",
			     "Open a port of the host for a guest: SPEC is ADDR:PORT[-PORT]:GUEST[:PORT[-PORT]][/tcp|/udp], ADDR an uplink's address, 0.0.0.0 for all uplinks', or one of 127.0.0.0/8 for the host alone.",
			     options, 1, 2, NULL, &exit_code);
	if (operands < 0)
		return exit_code;
	spec = one_spec(operands, argv, spec);
	exit_code = spec ? read_spec(spec, udp, &f) : CLI_USAGE;
	if (exit_code)
		return exit_code;
	if (network_forward_add(argv[0], &f))
		return CLI_FAILED;
	cmd_warn_open(&f, 1);
	return CLI_OK;
}

int cmd_forward_rm(int argc, char **argv)
{
	bool all = false, udp = false;
	const struct cli_option options[] = {
		{ 0, "all", CLI_FLAG, &all, NULL, "all forwards of the network" },
		{ 0, "udp", CLI_FLAG, &udp, NULL, "UDP, as SPEC with /udp" },
		{ 0 }
	};
	int operands, exit_code;
	struct forward f;

	operands = cli_parse(argc, argv, "forward rm NET SPEC|--all [--udp]",
			     "Close a forward: no new connection comes in, those that are there go on.",
			     options, 1, 2, NULL, &exit_code);
	if (operands < 0)
		return exit_code;
	if (all == (operands == 2)) {
		log_error(all ? "--all and a SPEC exclude each other" :
			  "which forward? say SPEC, or --all");
		return CLI_USAGE;
	}
	exit_code = all ? CLI_OK : read_spec(argv[1], udp, &f);
	if (exit_code)
		return exit_code;
	return network_forward_rm(argv[0], all ? NULL : &f) ? CLI_FAILED : CLI_OK;
}

static int put_forward(const struct network_forward *f, void *arg)
{
	static const char *const states[] = {
		[NETWORK_FORWARD_OPEN] = "open", [NETWORK_FORWARD_PARTLY] = "partly",
		[NETWORK_FORWARD_CLOSED] = "closed", [NETWORK_FORWARD_WAITING] = "waiting",
	};
	static const char *const origins[] = {
		[FORWARD_CONFIG] = "config", [FORWARD_COMMAND] = "command", [FORWARD_RUN] = "run",
	};
	char listen[FORWARD_PART_SIZE], to[FORWARD_PART_SIZE];
	struct report *r = arg;

	report_row(r);
	report_text(r, "listen", forward_format_listen(&f->forward, listen));
	report_text(r, "proto", forward_proto(f->forward.proto));
	report_text(r, "to", forward_format_to(&f->forward, to));
	report_text(r, "origin", origins[f->origin]);
	report_text(r, "state", states[f->state]);
	report_number(r, "flows", f->flows);
	return 0;
}

int cmd_forward_ls(int argc, char **argv)
{
	_tables_ struct tables *t = NULL;
	struct cv_network n;
	struct report *r;
	int exit_code;
	bool json;
	__u16 id;

	if (cli_parse(argc, argv, "forward ls NET [OPTION]...",
		      "List a network's port forwards, and the flows that use their ports.",
		      NULL, 1, 1, &json, &exit_code) < 0)
		return exit_code;
	if (cmd_open_network(argv[0], &t, &id, &n))
		return CLI_FAILED;
	r = report_new("forwards", json);
	if (!r) {
		log_ret(-ENOMEM, "cannot list forwards");
		return CLI_FAILED;
	}
	return cmd_finish(r, network_each_forward(t, argv[0], put_forward, r), "forwards");
}
