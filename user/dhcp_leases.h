/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The leases as they stand in the maps, and every change of them.  The maps
 * are the only memory: what is kept here beside (an index, the reservations)
 * is made again from them and from the configuration at any time, so that the
 * process may die between any two lines.
 *
 * A binding is a lease and the port's address.  The kernel answers and lets
 * traffic pass only while both agree, so the order of the two writes matters
 * to nobody but dhcp_leases_scan(), which takes back half a binding.
 */
#ifndef CULVERT_DHCP_LEASES_H
#define CULVERT_DHCP_LEASES_H

#include <culvert/abi.h>

#include "config.h"

struct tables;

#define DHCP_OFFER_S		60	/* an offered address is kept this long */
#define DHCP_DECLINED_S		600	/* one that somebody else uses, this long */

/**
 * struct dhcp_hooks - what lies outside of the maps; @arg is handed to each
 * @lock:	before a port is changed: commands change ports too.  0, or
 *		-errno, and the change is not done
 * @unlock:	after it
 * @left:	a port has lost an address: its flows are to be forgotten; the
 *		lock is held
 * @ended:	a bound lease's time was over, and it is free
 */
struct dhcp_hooks {
	int  (*lock)(void *arg);
	void (*unlock)(void *arg);
	void (*left)(void *arg, __u16 net, __u32 slot);
	void (*ended)(void *arg, __u16 net, __u32 slot, __be32 ip);
	void *arg;
};

/* Who asks: a port, and what the maps say about it; or (@relayed) somebody through it. */
struct dhcp_client {
	struct cv_lease_key key;
	__u32 slot;
	bool relayed;
	struct cv_port port;
	struct cv_network network;
};

struct dhcp_leases;

/** dhcp_leases_new() - adopts what the maps hold.  Return: 0 or -errno */
int dhcp_leases_new(struct tables *t, const struct dhcp_hooks *hooks, struct dhcp_leases **ret);
void dhcp_leases_free(struct dhcp_leases *l);

/**
 * dhcp_leases_reserve() - a network's reservations, in place of those before
 *
 * The next scan suspends leases that do not agree with them: the kernel no
 * longer renews these, and their clients are told when they ask.  Return: 0 or -ENOMEM.
 */
int dhcp_leases_reserve(struct dhcp_leases *l, __u16 net, const struct config *cfg);

/** dhcp_leases_reserved() - the address kept for a client, 0: none */
__be32 dhcp_leases_reserved(struct dhcp_leases *l, const struct dhcp_client *c);

/** dhcp_leases_may_have() - whether a client can be given @ip */
bool dhcp_leases_may_have(struct dhcp_leases *l, const struct dhcp_client *c, __be32 ip);

/** dhcp_leases_choose() - lease_choose() among what is free.  Return: 0 or -ENOSPC */
int dhcp_leases_choose(struct dhcp_leases *l, const struct dhcp_client *c, const __be32 *wishes,
		       unsigned int n, __u64 now_ns, __be32 *ret_ip);

/** dhcp_leases_live() - whether a lease (its own owner's) still holds */
bool dhcp_leases_live(const struct cv_lease *lease, __u64 now_ns);

/**
 * dhcp_leases_offer() - keep @ip for a client for DHCP_OFFER_S
 * @about: client_id, hostname and CV_LEASE_DAEMON; the rest is not looked at
 */
int dhcp_leases_offer(struct dhcp_leases *l, const struct dhcp_client *c, __be32 ip,
		      const struct cv_lease *about, __u64 now_ns);

/**
 * dhcp_leases_bind() - give @ip to a client, or give it longer
 *
 * Return: 0, -EADDRINUSE when it is another's by now, -ESTALE when the port is
 * no longer this client's, or -errno; then nothing has changed.
 */
int dhcp_leases_bind(struct dhcp_leases *l, const struct dhcp_client *c, __be32 ip,
		     const struct cv_lease *about, __u64 now_ns);

/** dhcp_leases_drop() - take the client's lease and address away; a static port keeps both */
int dhcp_leases_drop(struct dhcp_leases *l, const struct dhcp_client *c);

/** dhcp_leases_decline() - drop, and give @ip to nobody for DHCP_DECLINED_S */
int dhcp_leases_decline(struct dhcp_leases *l, const struct dhcp_client *c, __be32 ip,
			__u64 now_ns);

/**
 * dhcp_leases_scan() - what time does to leases; call every few seconds
 *
 * Frees leases beyond their horizon, offers and declined addresses beyond
 * their time, leases of ports and networks that are gone, and addresses of
 * ports that no lease covers.  Extends the horizon of leases that the kernel
 * renewed.  Suspends what the configuration no longer agrees with.  Never
 * frees a CV_LEASE_STATIC of a port that is there.
 */
int dhcp_leases_scan(struct dhcp_leases *l, __u64 now_ns);

/** dhcp_leases_is_declined() - whether an entry stands for a declined address, not for a client */
bool dhcp_leases_is_declined(const struct cv_lease_key *key);

#endif
