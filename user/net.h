/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Links, addresses, routes and bridge entries over rtnetlink; the only caller
 * of libnl.  A handle belongs to the network namespace it was opened in and
 * goes on working there.  Nothing here logs; what the kernel said about the
 * last failure is kept for the caller's message.
 */
#ifndef CULVERT_NET_H
#define CULVERT_NET_H

#include <stdbool.h>
#include <linux/types.h>

#define NET_NAME_SIZE	16
#define NET_ALIAS_SIZE	256
#define NET_ALTNAME_SIZE 128

struct net;

/**
 * net_open() - a socket in a network namespace
 * @netns_fd: of the namespace; -1 for the one the caller is in
 *
 * Return: 0 or -errno.
 */
int net_open(int netns_fd, struct net **ret_net);
void net_close(struct net *net);
static inline void net_closep(struct net **net) { net_close(*net); }
#define _net_ __attribute__((cleanup(net_closep)))

/** net_reason() - the kernel's own words about the last failure, or "" */
const char *net_reason(const struct net *net);

/* Flags of a bridge port that we set; everything that is not listed is off. */
#define NET_PORT_LEARNING	(1U << 0)
#define NET_PORT_FLOOD		(1U << 1)	/* unknown unicast goes out here */
#define NET_PORT_MCAST_FLOOD	(1U << 2)
#define NET_PORT_BCAST_FLOOD	(1U << 3)
#define NET_PORT_ISOLATED	(1U << 4)	/* no traffic with other isolated ports */

struct net_link {
	int ifindex;
	int master;		/* ifindex, 0: none */
	int peer_ifindex;	/* of a veth; in its own namespace */
	bool ether;		/* has Ethernet frames */
	bool up;
	bool forwarding;	/* IPv4 */
	bool ipv6_quiet;	/* makes no IPv6 address of its own */
	unsigned int mtu;
	unsigned int group;
	unsigned int port_flags; /* NET_PORT_*, of a bridge port */
	__u8 mac[6];
	char name[NET_NAME_SIZE];
	char kind[NET_NAME_SIZE];	/* "veth", "bridge", "tun", or "" */
	char alias[NET_ALIAS_SIZE];
	char altname[NET_ALTNAME_SIZE];	/* the last one */
};

/** net_link_get() - by index.  Return: 0, -ENODEV, or -errno */
int net_link_get(struct net *net, int ifindex, struct net_link *ret);
/** net_link_find() - by name.  Return: 0, -ENODEV, or -errno */
int net_link_find(struct net *net, const char *name, struct net_link *ret);
/** net_link_each() - until @fn returns other than 0, which is returned then */
int net_link_each(struct net *net, int (*fn)(const struct net_link *l, void *arg), void *arg);

/**
 * struct net_veth - a pair that comes into being whole, in two namespaces
 * @netns_fd: where the peer is born
 * @peer_ifindex: 0: the kernel chooses
 */
struct net_veth {
	int ifindex;
	const char *name;
	const __u8 *mac;
	unsigned int mtu;
	int netns_fd;
	int peer_ifindex;
	const char *peer_name;
	const __u8 *peer_mac;
};

/* All are made down.  Return: 0, -EEXIST (name or index taken), or -errno. */
int net_veth_add(struct net *net, const struct net_veth *v);
/* A bridge without spanning tree, forward delay or multicast snooping. */
int net_bridge_add(struct net *net, const char *name, const __u8 mac[6], unsigned int mtu);
/** net_link_del() - Return: 0, -ENODEV, or -errno */
int net_link_del(struct net *net, int ifindex);
/** net_group_del() - all links of a group at once: the kernel waits for its readers once, not for each */
int net_group_del(struct net *net, unsigned int group);

#define NET_LINK_UP		(1U << 0)
#define NET_LINK_FORWARDING	(1U << 1)	/* IPv4, this link alone */
#define NET_LINK_IPV6_QUIET	(1U << 2)

/**
 * struct net_link_want - what a link should be; NULL and 0 leave a thing alone
 * @port_flags: NULL, or NET_PORT_* of a bridge port
 * @flags:	NET_LINK_*
 */
struct net_link_want {
	const char *alias;
	const char *altname;
	const __u8 *mac;
	unsigned int mtu;
	unsigned int group;
	int master;
	const unsigned int *port_flags;
	unsigned int flags;
};

/**
 * net_link_apply() - make a link so; sends only what differs
 * Return: 1 when something was changed, 0 when not, -ENODEV, or -errno.
 */
int net_link_apply(struct net *net, int ifindex, const struct net_link_want *want);

/* What passed a guest's port, seen from the guest. */
struct net_counters {
	__u64 from_guest_packets, from_guest_bytes;
	__u64 to_guest_packets, to_guest_bytes;
};

/**
 * net_port_counters() - of a guest's TAP or veth
 *
 * The far end of a veth is asked where that is possible: what bpf_redirect_peer()
 * delivers is counted there alone.  Return: 0, -ENODEV, or -errno.
 */
int net_port_counters(struct net *net, int ifindex, struct net_counters *ret);

struct net_address {
	int ifindex;
	__be32 ip, mask;
	bool primary;		/* not secondary, scope global */
};

int net_address_each(struct net *net, int (*fn)(const struct net_address *a, void *arg), void *arg);
/** net_address_add() - Return: 1 when added, 0 when it was there, -errno */
int net_address_add(struct net *net, int ifindex, __be32 ip, __be32 mask);
/** net_address_del() - Return: 0, -EADDRNOTAVAIL, -errno */
int net_address_del(struct net *net, int ifindex, __be32 ip, __be32 mask);

struct net_route {
	__be32 dst, mask;
	int ifindex;		/* one call for each next hop */
	unsigned int table;
	bool on_link;		/* no next hop: scope link */
};

/* IPv4 unicast routes of all tables but the local one. */
int net_route_each(struct net *net, int (*fn)(const struct net_route *r, void *arg), void *arg);

struct net_driver {
	char name[32];		/* "veth", "virtio_net"; "" where it does not tell */
	bool takes_vlan;	/* a received VLAN tag is beside the frame, not in it (rx-vlan-offload) */
	bool always_merges;	/* makes one packet of many, and cannot be told not to (rx-gro-hw, lro) */
};

/** net_driver_get() - of a link in the calling thread's namespace.  Return: 0 or -errno */
int net_driver_get(const char *name, struct net_driver *ret);

/** net_bridge_pin_mac() - a static entry: frames for @mac leave by this bridge port */
int net_bridge_pin_mac(struct net *net, int ifindex, const __u8 mac[6]);

#endif
