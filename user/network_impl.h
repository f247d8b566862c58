/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the engine share: network*.c, port*.c, reservation.c, names.c. */
#ifndef CULVERT_NETWORK_IMPL_H
#define CULVERT_NETWORK_IMPL_H

#include <stdbool.h>

#include "log.h"
#include "net.h"
#include "network.h"
#include "tables.h"
#include "uplink.h"

#define NETWORK_PIN_SIZE (2 * CV_NAME_SIZE)

/**
 * struct network_work - one network while a command works on it
 * @id:		0: not in the maps
 * @entry:	as in the maps, or as it shall be
 * @cfg:	the configuration asked for; `up` alone has one
 * @uplinks:	likewise
 * @inside:	rtnetlink in the namespace; NULL while there is none
 * @netns_fd:	-1 while there is none
 */
struct network_work {
	int lock_fd;
	int netns_fd;
	__u16 id;
	struct tables *tables;
	struct net *host, *inside;
	struct cv_network entry;
	struct config cfg;
	struct uplink_set uplinks;
	char name[CV_NAME_SIZE];
	char netns[40];
	char host_link[NET_NAME_SIZE];
};

#define NETWORK_WORK_INIT { .lock_fd = -1, .netns_fd = -1 }

/** network_work_lock() - take the lock, open a socket on the host; @name NULL: for no network.  Logs */
int network_work_lock(struct network_work *w, const char *name);
/** network_work_find() - open the maps, look the network up; fine when nothing of it is there.  Logs */
int network_work_find(struct network_work *w);
/** network_work_begin() - both.  Return: 0 or -errno */
int network_work_begin(struct network_work *w, const char *name);
/** network_work_open() - the same for a network that must be up, with its namespace */
int network_work_open(struct network_work *w, const char *name);
void network_work_end(struct network_work *w);
/** network_work_release() - with the last network go programs, daemon and files.  Logs.  Return: 0 or -errno */
int network_work_release(struct network_work *w);
#define _work_ __attribute__((cleanup(network_work_end)))

/**
 * network_open_netns() - set @w->netns_fd and @w->inside when the namespace is there and ours
 *
 * One without label and links is what an interrupted run left, and ours.
 * Return: 0, -ENOENT, -EINVAL when the name has no namespace, -EXDEV when it is
 * another host's, -EEXIST when someone else's, or -errno.
 */
int network_open_netns(struct network_work *w);
/** network_netns_labelled() - whether the opened namespace bears our label, not just no other's */
bool network_netns_labelled(const struct network_work *w);

/** network_check_host() - -EXDEV when the host's end of the veth is in another namespace than this; logs */
int network_check_host(struct network_work *w);

/*
 * What a step of `up` did.  When a later one fails, what was MADE is undone,
 * and everything when the network itself is new.
 */
enum network_step_result { STEP_UNCHANGED, STEP_CHANGED, STEP_MADE };

/**
 * struct network_step - one thing that makes up a network
 * @make:	ensure it; enum network_step_result or -errno; logs
 * @undo:	take it away, whatever is left of it; 0 or -errno; logs
 */
struct network_step {
	const char *name;
	int (*make)(struct network_work *w);
	int (*undo)(struct network_work *w);
};

extern const struct network_step network_steps[];
extern const int network_n_steps;

/* --- labels and derived values */

/** network_mac() - a locally administered MAC, always the same for network and role */
void network_mac(const char *net, const char *role, __u8 ret_mac[6]);
/** network_guest_mac() - what a guest gets when nobody says: 52:54:00 and a hash */
void network_guest_mac(const char *net, const char *port, __u8 ret_mac[6]);
void network_alias(const char *net, const char *what, char buf[NET_ALIAS_SIZE]);
/** network_netns_label() - of the `lo` in a network's namespace: its host is named too */
void network_netns_label(const char *net, char buf[NET_ALIAS_SIZE]);
void network_altname(const char *net, const char *what, char buf[NET_ALTNAME_SIZE]);
void network_pin(const char *net, const char *what, char buf[NETWORK_PIN_SIZE]);

/** network_name_check() - @what is "network" or "port".  Logs.  Return: 0 or -EINVAL */
int network_name_check(const char *what, const char *name);

/** network_failed() - log "network 'NAME': WHAT: cause", with the kernel's words.  Return: @err */
int network_failed(const struct network_work *w, const struct net *net, int err, const char *what);

/* --- the veth (network_veth.c) */

int veth_make(struct network_work *w);
int veth_undo(struct network_work *w);

/* --- ports (port.c) */

/** port_settle() - finish a port whose link is there: bridge, program, up.  Return: step result or -errno */
int port_settle(struct network_work *w, const struct cv_port *p);
/** port_discard() - forwards, link, program, flows, entry; whatever is left of it.  Logs.  Return: 0 or -errno */
int port_discard(struct network_work *w, __u32 slot, const struct cv_port *p);
/** port_failed() - log "port 'NAME' of network 'NET': WHAT: cause".  Return: @err */
int port_failed(const struct network_work *w, const struct cv_port *p, int err, const char *what);
/** port_near_mac() - of the host's side of a port; never the guest's, or the bridge would keep its frames */
void port_near_mac(const struct network_work *w, const struct cv_port *p, __u8 ret_mac[6]);
/** ports_sweep() - discard ports whose TAP went with its program.  Return: step result or -errno */
int ports_sweep(struct network_work *w);
/** ports_make() - discard those whose link is gone, settle the others */
int ports_make(struct network_work *w);
int ports_undo(struct network_work *w);

/* --- port forwards: all of a network (forward.c), one of them (forward_open.c) */

/** forwards_make() - close what nobody wants any more, open what is wanted */
int forwards_make(struct network_work *w);
int forwards_undo(struct network_work *w);
/**
 * forwards_open_port() - those that wait for this guest, and those of @spec
 *
 * What waited and cannot be opened now is warned of; of @spec all must.  Logs.
 * Return: 0 or -errno.
 */
int forwards_open_port(struct network_work *w, const struct network_port_spec *spec, __u32 slot);
/** forwards_close_port() - before the port goes; those of `run` go for good.  Logs.  Return: 0 or -errno */
int forwards_close_port(struct network_work *w, __u32 slot, const struct cv_port *p);

/**
 * struct forward_addresses - where a network's forwards may listen
 * @n, @ip:	the addresses of its uplinks
 * @loopback:	0 when also there; else why the host's own sockets cannot be led
 *		to guests, as datapath_sockets_strerror() knows it
 */
struct forward_addresses {
	unsigned int n;
	int loopback;
	__be32 ip[CONFIG_MAX_UPLINKS];
};

int forward_addresses(struct tables *t, const char *net, struct forward_addresses *ret);
/** forward_addresses_attach() - the same, with the programs for the host's sockets, if they can be */
int forward_addresses_attach(struct tables *t, const char *net, struct forward_addresses *ret);
/** forward_check() - whether it may listen there; else logs with @level.  Return: 0 or -EADDRNOTAVAIL */
int forward_check(const struct network_work *w, const struct forward *f,
		  const struct forward_addresses *a, enum log_level level);
/**
 * forward_open() - all ports of one forward
 *
 * The first that cannot be opened is logged with @level; as an error it ends
 * the attempt and what was opened is closed again.
 * Return: step result or -errno.
 */
int forward_open(struct network_work *w, const struct forward *f, __u32 slot,
		 enum log_level level);
/** forward_each_port() - @fn returns 0 to go on, anything else to stop with that value */
int forward_each_port(const struct forward *f, const struct forward_addresses *a,
		      int (*fn)(__be32 addr, __u16 port, void *arg), void *arg);

/* --- addresses outside that guests have whole (network_external.c) */

/** externals_check() - may the guests of w->cfg have theirs?  Logs.  Return: 0, -EADDRINUSE or -errno */
int externals_check(const struct network_work *w);
/** external_check_port() - the same of a port that is added */
int external_check_port(const struct network_work *w, const struct cv_port *p);
/** externals_make() - each port its own, and `whole` as the network's entry wants it */
int externals_make(struct network_work *w);
int externals_undo(struct network_work *w);

/* --- limits (network_limits.c) */

/** network_set_limits() - timeouts, number of flows and ports, from w->cfg; warns of what is unwise */
void network_set_limits(const struct network_work *w, struct cv_network *n);
/** limits_make() - the same of each guest's port */
int limits_make(struct network_work *w);
int limits_undo(struct network_work *w);

/* --- rules (policy.c) */

/** policy_flags() - CV_NET_LOCAL, when rules of w->cfg speak of guest to guest */
__u32 policy_flags(const struct network_work *w);
/** policy_make() - the rules of w->cfg, in the maps; flows that they deny end */
int policy_make(struct network_work *w);
int policy_undo(struct network_work *w);
/** policy_open_port() - rules that name the guest are its from now on.  Logs.  Return: 0 or -errno */
int policy_open_port(struct network_work *w, const struct cv_port *p);
/** policy_close_port() - they wait for it again.  Logs.  Return: 0 or -errno */
int policy_close_port(struct network_work *w, __u32 slot, const struct cv_port *p);

/* --- names (network_names.c) */

/** names_make() - a server for them, where w->cfg wants one */
int names_make(struct network_work *w);
int names_undo(struct network_work *w);
/** resolver_make() - resolv.conf for what runs in the namespace; somebody's own stays, and counts */
int resolver_make(struct network_work *w);
int resolver_undo(struct network_work *w);

/* --- addresses of guests (reservation.c) */

/** dhcp_make() - options and reservations of w->cfg, in the maps */
int dhcp_make(struct network_work *w);
int dhcp_undo(struct network_work *w);
/** reservation_of() - what the configuration the network came up with says of a guest; false: nothing */
bool reservation_of(const struct network_work *w, const char *port, struct config_guest *ret);
/**
 * reservation_put() - the static lease of a guest, so that the kernel answers its DHCP
 * Return: step result, -EADDRINUSE when another one has the address, or -errno.  Does not log.
 */
int reservation_put(struct network_work *w, const struct config_guest *g, __u32 slot);

#endif
