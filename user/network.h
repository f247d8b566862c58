/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine: a network and its ports made, converged, taken away.
 *
 * Every function does its work in ordered steps; a step that fails undoes the
 * ones before it in reverse and says what failed on which object.  Each step
 * is idempotent, so an interrupted run is finished by the next one.  Only
 * objects with our label (alias "culvert:NET:PORT") are touched.  One process
 * at a time: all take the lock in CULVERT_RUN.  These functions log their
 * errors and return -errno.
 */
#ifndef CULVERT_NETWORK_H
#define CULVERT_NETWORK_H

#include <stdbool.h>

#include <culvert/abi.h>
#include "config.h"

struct tables;

enum network_change { NETWORK_UNCHANGED, NETWORK_CHANGED };

/** network_up() - make or converge; *ret tells whether anything had to be done */
int network_up(const char *name, const struct config *cfg, enum network_change *ret);

/**
 * network_down() - remove everything and verify by reading back
 * @force: also when a guest still holds its TAP open
 *
 * Return: 0, -ENOENT when there is no such network, -EBUSY when someone holds
 * on (named in the log), or -errno.  The last network takes the pinned
 * programs and the daemon that `up` started with it.
 */
int network_down(const char *name, bool force);

/** network_clean() - programs and files that interrupted runs left, when no network is up */
int network_clean(void);

struct network_port_spec {
	const char *name;
	const char *mac;	/* NULL: made from network and name */
	const char *ip;		/* NULL: by DHCP */
	const char *external;	/* NULL: as the configuration says */
	const char *user;	/* NULL: root */
	unsigned int queues;	/* 1 .. 256; TAP only */
	const char *netns;	/* not NULL: a veth whose far end goes there (name or path) */
	const char *ifname;	/* of the far end; NULL: "eth0" */
	bool relay;		/* may ask DHCP for other clients */
	bool persistent;	/* a TAP that outlives the descriptor */
	const struct forward *forwards;	/* as long as the port is there */
	unsigned int n_forwards;
};

/** network_port_add() - @ret_fds: NULL, or @spec->queues open TAP descriptors */
int network_port_add(const char *net, const struct network_port_spec *spec, int *ret_fds);
/**
 * network_port_rm() - the link, its program, flows and lease
 * @force: also while a process holds the TAP open; else that is -EBUSY, and it is named
 */
int network_port_rm(const char *net, const char *name, bool force);
/** network_port_forget() - the same after the guest's end, when others may have removed it before */
int network_port_forget(const char *net, const char *name);

/**
 * network_forward_add() - until `down`, also for a guest that has no port yet
 * Return: 0 (also when it was there), -EADDRINUSE when someone has a port of it, or -errno.
 */
int network_forward_add(const char *net, const struct forward *f);
/** network_forward_rm() - @f NULL: all.  Flows that are there go on.  Return: 0, -ENOENT or -errno */
int network_forward_rm(const char *net, const struct forward *f);

enum network_forward_state {
	NETWORK_FORWARD_OPEN,
	NETWORK_FORWARD_PARTLY,		/* some of its ports */
	NETWORK_FORWARD_CLOSED,
	NETWORK_FORWARD_WAITING,	/* the guest has no port */
};

struct network_forward {
	struct forward forward;
	enum forward_origin origin;
	enum network_forward_state state;
	__u32 flows;
};

/** network_each_forward() - @fn returns 0 to go on.  Return: 0, what @fn returned, or -errno; does not log */
int network_each_forward(struct tables *t, const char *net,
			 int (*fn)(const struct network_forward *f, void *arg), void *arg);

#define NETWORK_NO_LIMIT 0xffffffffU

struct network_guest_limits {
	__u32 flows;
	__u32 ports;		/* NETWORK_NO_LIMIT: as many as flows need */
};

/** network_guest_limits() - what each guest may have, as the network came up */
struct network_guest_limits network_guest_limits(const struct tables *t, const char *net);

/**
 * network_flush() - forget flows
 * @guest: NULL: of all
 * @which: what else must match; net, slot and the program's own fields are not read
 *
 * Return: their number or -errno.
 */
int network_flush(const char *net, const char *guest, const struct cv_flush_args *which);

/**
 * struct network_question - may a packet open a flow?
 * @from, @to:	each a guest's name, "host" or an address; one is a guest's
 * @proto:	0: of no protocol that a rule names
 * @port:	of the destination, host order; 0: none that a rule names
 */
struct network_question {
	const char *from, *to;
	__u8  proto;
	__u16 port;
};

/**
 * struct network_answer - whether it may, and what says so
 * @rule:	its number; 0: what counts where no rule says anything, or before all
 * @why:	the rule as it is written, or that
 */
struct network_answer {
	enum cv_action action;
	__u32 rule;
	char why[POLICY_TEXT_SIZE + 64];
};

/** network_policy_ask() - Return: 0, -EINVAL when it makes no sense to ask that, or -errno */
int network_policy_ask(const char *net, const struct network_question *q,
		       struct network_answer *ret);

/** network_enter() - put the calling process into the network's namespace */
int network_enter(const char *net);

/**
 * network_each_name() - every network of this host, also one that is only half there
 *
 * By the maps, and by the labels of namespaces whose maps are lost.  @fn
 * returns 0 to go on; the list was made before the first call.
 */
int network_each_name(int (*fn)(const char *name, void *arg), void *arg);

/**
 * network_netns_name() - where the namespace is, or would be looked for first
 *
 * cv-NET; with a hash of CULVERT_BPF behind it (network_netns_own_name()) when
 * there is one of that name, which `up` makes when another host of this machine
 * has cv-NET.
 */
void network_netns_name(const char *net, char buf[40]);
void network_netns_own_name(const char *net, char buf[40]);	/* cv-NET-XXXX */

/* Whose a namespace is, by the alias of its `lo`. */
enum network_owner {
	NETWORK_OWNER_NOBODY,	/* no label */
	NETWORK_OWNER_US,
	NETWORK_OWNER_HOST,	/* another host of this machine */
	NETWORK_OWNER_FOREIGN,	/* no label of culvert's */
};

/** network_netns_owner() - *ret_net is the network's name when it is ours */
enum network_owner network_netns_owner(const char *alias, char ret_net[CV_NAME_SIZE]);

/* Names: deterministic, at most 15 characters for a link. */
void network_host_link(const char *net, char buf[16]);	/* cv-NET, hashed when too long */
void network_port_link(const char *port, char buf[16]);	/* PORT, hashed when too long */

#endif
