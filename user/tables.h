/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Typed access to the pinned maps; the only caller of bpf_map_*.  Nothing here
 * logs.  Every function returns 0 or -errno; -ENOENT means "no such entry".
 * The handle reads the maps of one CULVERT_BPF; readers need no daemon.
 */
#ifndef CULVERT_TABLES_H
#define CULVERT_TABLES_H

#include <stdbool.h>
#include <stddef.h>

#include <culvert/abi.h>
#include <culvert/defaults.h>

struct tables;

/**
 * tables_open() - open the pinned maps
 * Return: 0, -ENOENT when there are none (no network is up), -EPROTO when they
 * are of another CV_ABI_VERSION, or another negative errno.
 */
int tables_open(struct tables **ret_tables);
void tables_close(struct tables *t);
static inline void tables_closep(struct tables **t) { tables_close(*t); }
#define _tables_ __attribute__((cleanup(tables_closep)))

const struct cv_meta *tables_meta(const struct tables *t);

/* Networks.  Ids are 1 .. max_networks-1. */
int tables_network_get(struct tables *t, __u16 id, struct cv_network *ret);	/* -ENOENT: free */
int tables_network_find(struct tables *t, const char *name, __u16 *ret_id, struct cv_network *ret);
int tables_network_free_id(struct tables *t, __u16 *ret_id);			/* -ENOSPC */
int tables_network_put(struct tables *t, __u16 id, const struct cv_network *n);
int tables_network_clear(struct tables *t, __u16 id);	/* with its counters and options */

/* Ports.  Slots are 1 .. max_ports-1. */
int tables_port_get(struct tables *t, __u32 slot, struct cv_port *ret);
int tables_port_find(struct tables *t, __u16 net, const char *name, __u32 *ret_slot, struct cv_port *ret);
int tables_port_free_slot(struct tables *t, __u32 *ret_slot);
/*
 * Writes the port, `addresses` when it has an address, and `whole` when it has
 * one outside or its network shows it as it is; what it had before and has no
 * more is released.  -EADDRINUSE: another port has one of them.
 */
int tables_port_put(struct tables *t, __u32 slot, const struct cv_port *p);
/*
 * Takes the port, its address, leases and drop counters out.  Its forwards and
 * then its flows (datapath_flush()) are taken before; what the limits count
 * falls as they are.
 */
int tables_port_clear(struct tables *t, __u32 slot);

/*
 * External ports.  A forward belongs to a port's slot: it follows the guest's
 * address, and counts as one flow that never ends.  On an address of 127.0.0.0/8
 * it is for the host's sockets alone; nothing but forwards is there, @flows is 0.
 */
struct tables_external {
	__be32 addr;		/* 0: an address that no uplink has any more */
	__u16  port;		/* host order, as guest_port */
	__u16  guest_port;
	__u32  slot;		/* the owner */
	__u32  flows;		/* without the forward */
	__u8   proto;		/* IPPROTO_TCP, IPPROTO_UDP */
	bool   forward;		/* anybody may open flows */
};

/* The owner.  -ENOENT: it is free; -EADDRNOTAVAIL: no uplink has the address. */
int tables_external_get(struct tables *t, __be32 addr, __u8 proto, __u16 port,
			struct tables_external *ret);
/*
 * Open a port to everybody.  Return: 1, 0 when it was, -EADDRINUSE when another
 * guest's port has it, -EADDRNOTAVAIL, or -errno.
 */
int tables_forward_put(struct tables *t, __be32 addr, __u8 proto, __u16 port, __u32 slot,
		       __u16 guest_port);
/* Close it for new flows.  Return: 1, 0 when there was no such forward of this slot, -errno. */
int tables_forward_clear(struct tables *t, __be32 addr, __u8 proto, __u16 port, __u32 slot);
/* All of a slot; 0: of slots that have no port. */
int tables_forwards_clear(struct tables *t, __u32 slot);

/* Who has this address.  -ENOENT: nobody. */
int tables_address_get(struct tables *t, __u16 net, __be32 ip, __u32 *ret_slot);

/* Addresses outside that a guest has whole; tables_port_put() keeps them. */
int tables_whole_get(struct tables *t, __be32 addr, struct cv_whole *ret);	/* -ENOENT: nobody's */
int tables_each_whole(struct tables *t, int (*fn)(__be32 addr, const struct cv_whole *w, void *arg), void *arg);
/* Whether some destinations see guests' own addresses. */
bool tables_shows_guests(const struct cv_network *n);

/* -ENOSPC: more than CV_MAX_EXTERNAL_ADDRESSES addresses are in use. */
int tables_uplink_put(struct tables *t, __u32 ifindex, const struct cv_uplink *u);
int tables_uplink_get(struct tables *t, __u32 ifindex, struct cv_uplink *ret);
int tables_uplink_clear(struct tables *t, __u32 ifindex);
/* @ifindex 0 starts; -ENOENT ends.  *ret_ifindex is the next uplink. */
int tables_uplink_next(struct tables *t, __u32 ifindex, __u32 *ret_ifindex, struct cv_uplink *ret);

/* Uplinks that have XDP, or are to have it; as the above. */
int tables_xdp_uplink_put(struct tables *t, __u32 ifindex, const struct cv_xdp_uplink *u);
int tables_xdp_uplink_get(struct tables *t, __u32 ifindex, struct cv_xdp_uplink *ret);
int tables_xdp_uplink_clear(struct tables *t, __u32 ifindex);
int tables_xdp_uplink_next(struct tables *t, __u32 ifindex, __u32 *ret_ifindex);
/*
 * The link that frames of XDP leave by to a guest.  Put by a thread that is in
 * the link's namespace; the kernel clears it when the link goes.
 */
int tables_xdp_port_put(struct tables *t, __u32 slot, __u32 ifindex);
int tables_xdp_port_get(struct tables *t, __u32 slot, __u32 *ret_ifindex);	/* -ENOENT: none */
int tables_xdp_port_clear(struct tables *t, __u32 slot);	/* fine when there is none */

/* Rules of a network; -ENOENT: it has none.  Clear is fine with that. */
int tables_policy_get(struct tables *t, __u16 net, struct cv_policy *ret);
int tables_policy_put(struct tables *t, __u16 net, const struct cv_policy *p);
int tables_policy_clear(struct tables *t, __u16 net);
/* The uplinks' own prefixes. */
int tables_lans_get(struct tables *t, struct cv_lans *ret);
int tables_lans_put(struct tables *t, const struct cv_lans *lans);

int tables_lease_get(struct tables *t, const struct cv_lease_key *key, struct cv_lease *ret);
int tables_lease_put(struct tables *t, const struct cv_lease_key *key, const struct cv_lease *l);
int tables_lease_clear(struct tables *t, const struct cv_lease_key *key);
int tables_dhcp_options_put(struct tables *t, __u16 net, const struct cv_dhcp_options *o);
int tables_dhcp_options_get(struct tables *t, __u16 net, struct cv_dhcp_options *ret);

/*
 * Walks.  The callback returns 0 to go on, anything else to stop with that
 * value.  Entries that come or go meanwhile may be seen or not, none twice.
 */
int tables_each_network(struct tables *t, int (*fn)(__u16 id, const struct cv_network *n, void *arg), void *arg);
int tables_each_port(struct tables *t, __u16 net, int (*fn)(__u32 slot, const struct cv_port *p, void *arg), void *arg);	/* net 0: all */
int tables_each_lease(struct tables *t, __u16 net, int (*fn)(const struct cv_lease_key *k, const struct cv_lease *l, void *arg), void *arg);

/* The forwards; @fn may put and clear some. */
int tables_each_forward(struct tables *t, int (*fn)(const struct tables_external *e, void *arg), void *arg);

struct tables_flow {
	struct cv_tuple tuple;
	struct cv_flow flow;
	bool expired;
};
int tables_each_flow(struct tables *t, __u16 net, int (*fn)(const struct tables_flow *f, void *arg), void *arg);
/* How many flows a network (or, with slot, a guest) has in the limits' count. */
int tables_flow_count(struct tables *t, __u16 net, __u32 slot, __u32 *ret_flows);
/* The same of the external ports that its flows use. */
int tables_port_count(struct tables *t, __u16 net, __u32 slot, __u32 *ret_ports);

/* Drops summed over CPUs. */
int tables_each_drop(struct tables *t, int (*fn)(const struct cv_drop_key *k, __u64 packets, void *arg), void *arg);
/*
 * Count packets that the daemon drops, of a reason that the programs do not
 * count: what they count meanwhile would be lost.
 */
int tables_drop_add(struct tables *t, const struct cv_drop_key *k, __u64 packets);
int tables_totals(struct tables *t, struct cv_totals *ret);

/* Now, in the datapath's ticks. */
__u32 tables_now_ticks(void);
__u64 tables_boot_ns(void);

/*
 * Rings; each has one reader.  What @fn returns when negative ends a consume.
 */
struct ring_buffer;
/* Steered DHCP requests, struct cv_request, for the daemon only. */
int tables_requests_open(struct tables *t, int (*fn)(void *arg, void *data, size_t size), void *arg, struct ring_buffer **ret_ring);
/* What happens, struct cv_event, for who holds the lock of monitors only. */
int tables_events_open(struct tables *t, int (*fn)(void *arg, void *data, size_t size), void *arg, struct ring_buffer **ret_ring);
/* Readable when something is there; owned by the ring. */
int tables_ring_fd(const struct ring_buffer *ring);
/* Return: how many were handled, or what @fn returned, or -errno. */
int tables_ring_consume(struct ring_buffer *ring);
void tables_ring_close(struct ring_buffer *ring);	/* NULL is fine */

/* Who looks on, and at what; of all zeros: nobody. */
int tables_monitor_put(struct tables *t, const struct cv_monitor *m);
/* Does anybody look on at this (CV_MONITOR_*) in a network? */
bool tables_monitor_wants(struct tables *t, __u32 what, __u16 net);

/* enum cv_drop as text: "spoofed-mac" and its explanation. */
const char *tables_drop_name(__u32 reason);
const char *tables_drop_text(__u32 reason);

#endif
