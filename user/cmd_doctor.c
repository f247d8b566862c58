// SPDX-License-Identifier: GPL-2.0-only
/*
 * culvert doctor: what this kernel offers, and whether everything that culvert
 * put into it is still there.  Looks only; each finding names the next step.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "cmd.h"
#include "datapath.h"
#include "doctor.h"
#include "lock.h"
#include "log.h"
#include "mem.h"
#include "net.h"
#include "paths.h"
#include "probe.h"
#include "report.h"
#include "tables.h"

#define DAEMON_LOCK "serve.lock"

void doctor_say(struct doctor *d, enum doctor_state state, const char *subject, const char *fix,
		const char *fmt, ...)
{
	static const char *const names[] = { "ok", "note", "warn", "FAIL" };
	char what[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	d->degraded |= state >= DOCTOR_WARN;
	report_row(d->r);
	report_text(d->r, "state", names[state]);
	report_text(d->r, "subject", subject);
	report_text(d->r, "finding", what);
	report_text(d->r, "fix", fix);
}

static void check_features(struct doctor *d)
{
	size_t n, i;
	const struct probe_feature *f = probe_features(&n);

	for (i = 0; i < n; i++) {
		if (probe_has(&f[i]))
			doctor_say(d, DOCTOR_OK, f[i].name, NULL, "%s", f[i].why);
		else
			doctor_say(d, f[i].required ? DOCTOR_FAIL : DOCTOR_NOTE, f[i].name,
				   f[i].fix, "this kernel has it not: %s", f[i].why);
	}
}

static void check_programs(struct doctor *d)
{
	int same = datapath_same_programs();

	if (same < 0)
		doctor_say(d, DOCTOR_FAIL, "programs", "culvert down --all, then culvert up",
			   "cannot compare those in '%s' with this binary's: %s", paths_bpf(),
			   strerror(-same));
	else if (!same)
		doctor_say(d, DOCTOR_NOTE, "programs", "culvert down --all, then culvert up",
			   "those that run were loaded by another build of this version");
	else
		doctor_say(d, DOCTOR_OK, "programs", NULL, "loaded, pinned in '%s'", paths_bpf());
}

struct modes {
	bool dhcp, nat;
};

static int note_modes(__u16 id, const struct cv_network *n, void *arg)
{
	struct modes *m = arg;

	m->dhcp |= n->flags & CV_NET_DHCP;
	m->nat |= n->mode != CV_MODE_ISOLATED;
	return 0;
}

static int check_host(struct doctor *d)
{
	struct modes m = {};
	int err = tables_each_network(d->t, note_modes, &m);

	if (err)
		return err;
	if (m.dhcp && !lock_held(DAEMON_LOCK))
		doctor_say(d, DOCTOR_WARN, "daemon", "culvert serve &",
			   "not running: guests that are not known yet get no address");
	else if (m.dhcp)
		doctor_say(d, DOCTOR_OK, "daemon", NULL, "running");
	if (m.dhcp) {
		doctor_leases(d);
		doctor_hooks(d);
	}
	if (m.nat)
		doctor_say(d, DOCTOR_NOTE, "firewall", NULL,
			   "the host's firewall does not see guests' flows; nothing reaches a guest "
			   "uninvited");
	return 0;
}

static int check_maps(struct doctor *d)
{
	int err;

	check_programs(d);
	err = doctor_networks(d);
	if (!err)
		err = doctor_uplinks(d);
	if (!err)
		err = doctor_forwards(d);
	return err ? err : check_host(d);
}

/* @maps: what opening them gave.  Without them nothing can be told from residue. */
static int check_all(struct doctor *d, int maps)
{
	int err = 0;

	check_features(d);
	if (!maps)
		err = check_maps(d);
	else if (maps == -ENOENT && !datapath_loaded())
		doctor_say(d, DOCTOR_NOTE, "networks", "culvert up", "none is up");
	else
		doctor_say(d, DOCTOR_FAIL, "maps", maps == -EPROTO ? NULL : "culvert up",
			   "cannot open those in '%s': %s", paths_bpf(), datapath_strerror(maps));
	if (err || d->net || (maps && maps != -ENOENT))
		return err;
	return doctor_residue(d);
}

static int examine(struct doctor *d, const char *name, bool json)
{
	struct cv_network n;
	int maps, err;

	if (name && cmd_open_network(name, &d->t, &d->net, &n))
		return CLI_FAILED;
	maps = name ? 0 : tables_open(&d->t);
	d->r = report_new("findings", json);
	if (!d->r) {
		log_ret(-ENOMEM, "cannot tell the state of culvert");
		return CLI_FAILED;
	}
	err = check_all(d, maps);
	err = cmd_finish(d->r, err, "the state of culvert");
	return err == CLI_OK && d->degraded ? CLI_DEGRADED : err;
}

int cmd_doctor(int argc, char **argv)
{
	struct doctor d = {};
	bool json;
	int code, n, err;

	n = cli_parse(argc, argv, "doctor [NET] [OPTION]...",
		      "Check the kernel's features, hooks, uplinks, the daemon, and what was left "
		      "behind.  Exits with 3 when something is not as it should be.",
		      NULL, 0, 1, &json, &code);
	if (n < 0)
		return code;
	err = net_open(-1, &d.host);
	if (err) {
		log_ret(err, "cannot open a netlink socket");
		return CLI_FAILED;
	}
	code = examine(&d, n ? argv[0] : NULL, json);
	tables_close(d.t);
	net_close(d.host);
	return code;
}
