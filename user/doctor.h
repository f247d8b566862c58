/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of `culvert doctor` share. */
#ifndef CULVERT_DOCTOR_H
#define CULVERT_DOCTOR_H

#include <stdbool.h>

#include <culvert/abi.h>

struct net;
struct report;
struct tables;

enum doctor_state {
	DOCTOR_OK,
	DOCTOR_NOTE,	/* as it should be, and good to know */
	DOCTOR_WARN,
	DOCTOR_FAIL,
};

/**
 * struct doctor - one visit
 * @t:		NULL when no network is up
 * @host:	rtnetlink in the host's namespace
 * @net:	the network asked for; 0: all
 * @degraded:	something was not as it should be
 */
struct doctor {
	struct report *r;
	struct tables *t;
	struct net *host;
	__u16 net;
	bool degraded;
};

/** doctor_say() - one line; @fix may be NULL */
__attribute__((format(printf, 5, 6)))
void doctor_say(struct doctor *d, enum doctor_state state, const char *subject, const char *fix,
		const char *fmt, ...);

/* Each returns 0 or -errno when the looking itself failed. */
int doctor_networks(struct doctor *d);
int doctor_uplinks(struct doctor *d);
int doctor_forwards(struct doctor *d);
int doctor_residue(struct doctor *d);
void doctor_leases(struct doctor *d);
void doctor_hooks(struct doctor *d);

#endif
