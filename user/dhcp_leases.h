/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The leases: what the maps and the store say, and every change of them.
 *
 * While a network is up the maps are the truth: the kernel answers from them.
 * The store is what outlives them.  Nothing is promised that is not in the
 * store: what a batch of requests changes is kept from others at once, is
 * valid only after dhcp_leases_commit(), and only then replies may leave.  The
 * kernel promises nothing beyond a lease's horizon, which is in the store.
 *
 * When a network comes up its leases are read from the store before its first
 * request is judged.  That it was done says an entry in the map, which goes
 * with the network.  What is kept here beside (an index, the reservations) is
 * made again at any time, so that the process may die between any two lines.
 *
 * A binding is a lease and the port's address.  The kernel answers and lets
 * traffic pass only while both agree, so the order of the two writes matters
 * to nobody but dhcp_leases_scan(), which takes back half a binding.
 */
#ifndef CULVERT_DHCP_LEASES_H
#define CULVERT_DHCP_LEASES_H

#include <culvert/abi.h>

#include "config.h"

struct store;
struct tables;

#define DHCP_OFFER_S		60	/* an offered address is kept this long */
#define DHCP_DECLINED_S		600	/* one that somebody else uses, this long */
#define DHCP_REMEMBER_S		(90 * 86400)	/* whose an address was, after its lease */

/**
 * struct dhcp_hooks - what lies outside of the maps; @arg is handed to each
 * @lock:	before a port is changed: commands change ports too.  0, or
 *		-errno, and the change is not done
 * @unlock:	after it
 * @left:	a port has lost an address: its flows are to be forgotten; the
 *		lock is held
 * @ended:	a lease is free: its time was over, or its port has gone
 * @wall_s:	now, Unix seconds
 * @restored:	leases of a network were put back from the store, which does not
 *		know of CV_LEASE_DAEMON
 */
struct dhcp_hooks {
	int  (*lock)(void *arg);
	void (*unlock)(void *arg);
	void (*left)(void *arg, __u16 net, __u32 slot);
	void (*ended)(void *arg, const struct cv_lease_key *key, const struct cv_lease *lease);
	__s64 (*wall_s)(void *arg);
	void (*restored)(void *arg, __u16 net);
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

/**
 * dhcp_leases_new() - adopts what the maps hold, and what the store does
 * @store: the caller's; it need not be readable now, see dhcp_leases_prepare()
 * Return: 0 or -errno of the maps.
 */
int dhcp_leases_new(struct tables *t, struct store *store, const struct dhcp_hooks *hooks,
		    struct dhcp_leases **ret);
void dhcp_leases_free(struct dhcp_leases *l);

/**
 * dhcp_leases_reserve() - a network's reservations, in place of those before
 *
 * The next scan suspends leases that do not agree with them: the kernel no
 * longer renews these, and their clients are told when they ask.  Return: 0 or -ENOMEM.
 */
int dhcp_leases_reserve(struct dhcp_leases *l, __u16 net, const struct config *cfg);

/**
 * dhcp_leases_prepare() - before a request of a network is judged
 *
 * Return: 0, -ENOENT when there is no such network, or -errno when the store
 * cannot be read: who does not know what was promised promises nothing.
 */
int dhcp_leases_prepare(struct dhcp_leases *l, __u16 net, __u64 now_ns);

/** dhcp_leases_reread() - a command has changed a network's rows: they are read before the next request */
int dhcp_leases_reread(struct tables *t, __u16 net);

/**
 * dhcp_leases_commit() - the end of a batch: all it changed is made durable, then valid
 *
 * Return: 0, or -errno (of the store; -EAGAIN: a command holds the lock): then
 * offers and bindings of the batch do not hold, and their replies must not leave.
 */
int dhcp_leases_commit(struct dhcp_leases *l, __u64 now_ns);

/** dhcp_leases_changes() - grows with each change that the next commit decides about */
unsigned long dhcp_leases_changes(const struct dhcp_leases *l);

/** dhcp_leases_reserved() - the address kept for a client, 0: none */
__be32 dhcp_leases_reserved(struct dhcp_leases *l, const struct dhcp_client *c);

/** dhcp_leases_may_have() - whether a client can be given @ip */
bool dhcp_leases_may_have(struct dhcp_leases *l, const struct dhcp_client *c, __be32 ip);

/**
 * dhcp_leases_choose() - an address for a client
 * @wishes: @n of them, best first, 0 for none
 *
 * The first wish that is free; the one it had last; one that was nobody's yet,
 * from where the MAC's hash falls; the one that is free for longest.
 * Return: 0 or -ENOSPC.
 */
int dhcp_leases_choose(struct dhcp_leases *l, const struct dhcp_client *c, const __be32 *wishes,
		       unsigned int n, __u64 now_ns, __be32 *ret_ip);

/** dhcp_leases_live() - whether a lease (its own owner's) still holds */
bool dhcp_leases_live(const struct cv_lease *lease, __u64 now_ns);

/**
 * dhcp_leases_offer() - keep @ip for a client for DHCP_OFFER_S, once committed
 * @about: client_id, hostname and CV_LEASE_DAEMON; the rest is not looked at
 */
int dhcp_leases_offer(struct dhcp_leases *l, const struct dhcp_client *c, __be32 ip,
		      const struct cv_lease *about, __u64 now_ns);

/**
 * dhcp_leases_bind() - give @ip to a client, or give it longer, once committed
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
 * renewed, all in one commit.  Suspends what the configuration no longer agrees
 * with.  Never frees a CV_LEASE_STATIC of a port that is there.  Brings the store in
 * line with the maps.
 *
 * Return: 0 or -errno; when it is the store's, the horizons stay as they were.
 */
int dhcp_leases_scan(struct dhcp_leases *l, __u64 now_ns);

/** dhcp_leases_is_declined() - whether an entry stands for a declined address, not for a client */
bool dhcp_leases_is_declined(const struct cv_lease_key *key);

/** dhcp_leases_is_marker() - whether an entry says that its network's leases were read */
bool dhcp_leases_is_marker(const struct cv_lease_key *key);

#endif
