/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every map and every knob: the whole surface that user space can touch.
 * Sizes given as 1 are set when the maps are made (user/datapath.c).
 */
#ifndef CV_MAPS_H
#define CV_MAPS_H

#include "dhcp_msg.h"

/* bpf_redirect_peer() may be used: this kernel scrubs the packet on the way. */
const volatile bool cv_peer_ok;
/* bpf_fib_lookup() tells the source address (6.7 and newer). */
const volatile bool cv_fib_src;
/* bpf_cast_to_kern_ctx() is there (6.2 and newer). */
const volatile bool cv_kernel_skb;
/* Random, made at load: external ports are drawn with it (RFC 6056). */
const volatile __u64 cv_port_key;

/* 0 -> layout.  Written once, when the maps are made; read by every command. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct cv_meta);
	__uint(max_entries, 1);
} meta SEC(".maps");

/*
 * Network id -> network.  Written by user space, read by every hook.  Mapped,
 * as `ports`, by commands that look for one among all.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cv_network);
	__uint(max_entries, 1);
} networks SEC(".maps");

/* Slot -> guest's port.  Written by user space, read by the guests' hooks. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cv_port);
	__uint(max_entries, 1);
} ports SEC(".maps");

/* Slot -> what counts against a guest's limits.  Written by the hooks. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct cv_use);
	__uint(max_entries, 1);
} port_use SEC(".maps");

/* Network id -> what counts against its limits; 0: the whole host. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct cv_use);
	__uint(max_entries, 1);
} network_use SEC(".maps");

/* Guest address -> slot.  Written by user space; read when a flow is made. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct cv_address);
	__type(value, __u32);
	__uint(max_entries, 1);
} addresses SEC(".maps");

/* Interface index -> uplink.  Written by user space; read when a route is. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct cv_uplink);
	__uint(max_entries, CV_MAX_UPLINKS);
} uplinks SEC(".maps");

/* Interface index -> uplink that may use XDP.  Written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct cv_xdp_uplink);
	__uint(max_entries, CV_MAX_UPLINKS);
} xdp_uplinks SEC(".maps");

/*
 * Slot -> link that takes frames of XDP.  Written by user space, in the port's
 * own namespace, where the kernel looks the index up; the kernel takes the
 * entry out when the link goes.
 */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
	__uint(max_entries, 1);
} xdp_ports SEC(".maps");

/*
 * Guest's tuple -> flow.  A plain hash: when it is full a new flow is refused,
 * no old one is lost.  Preallocated: half the cache misses of the other kind.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct cv_tuple);
	__type(value, struct cv_flow);
	__uint(max_entries, 1);
} flows SEC(".maps");

/*
 * External port -> guest's port.  An array, so that a packet from outside
 * finds its guest without a second hash, and a port has one owner by the
 * nature of the thing.  Mapped by user space, which must change a word by
 * compare-and-swap too.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cv_external);
	__uint(max_entries, CV_MAX_EXTERNAL_ADDRESSES * CV_EXTERNAL_PROTOS << 16);
} externals SEC(".maps");

/* 0 -> the addresses that `externals` speaks of.  Added to by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct cv_external_addresses);
	__uint(max_entries, 1);
} external_addresses SEC(".maps");

/*
 * The keys of `flows`, once each.  Whoever pops a key, and nobody else,
 * may delete its flow; he deletes it or pushes the key back.
 */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__type(value, struct cv_tuple);
	__uint(max_entries, 1);
} live_flows SEC(".maps");

/*
 * A guest's port and an address it has sent to (rport 0) -> tick.  Kept for
 * networks that filter by address.  LRU: what is lost makes the filter
 * stricter for one peer, until the guest sends again.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct cv_tuple);
	__type(value, __u32);
	__uint(max_entries, CV_MAX_PEERS);
} peers SEC(".maps");

/* A set of places for datagrams, and what guards it. */
struct cv_datagram_set {
	struct bpf_spin_lock lock;
	__u32 pad;		/* keys are compared as 64-bit words */
	struct cv_datagram way[CV_DATAGRAM_WAYS];
};

/* Fragmented datagrams; see frag.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct cv_datagram_set);
	__uint(max_entries, CV_DATAGRAM_SETS);
} datagrams SEC(".maps");

/* Fragments that wait for their first one. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct cv_held);
	__uint(max_entries, CV_HELD);
} held SEC(".maps");

/*
 * Hash of peer and protocol -> the last IP identification given out.  The first
 * ones are random, written by user space.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);	/* clang 14 loses what a 32-bit fetch-and-add returns */
	__uint(max_entries, CV_IDENTIFIERS);
} identifiers SEC(".maps");

/* Address outside -> the guest that has it whole.  Written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __be32);
	__type(value, struct cv_whole);
	__uint(max_entries, 1);
} whole SEC(".maps");

/* Peer and protocol -> guest.  Written where a flow is made and taken away. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct cv_protocol);
	__type(value, __u32);
	__uint(max_entries, CV_MAX_PROTOCOLS);
} protocols SEC(".maps");

/*
 * Network id -> rules.  Written by user space.  Not preallocated: most networks
 * have none.  A hash, as an entry of it is replaced whole.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct cv_policy);
	__uint(max_entries, CV_MAX_NETWORKS);
} policies SEC(".maps");

/* 0 -> the uplinks' own prefixes.  Written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct cv_lans);
	__uint(max_entries, 1);
} lans SEC(".maps");

/* Client -> lease.  Written by the daemon; renewed here within its horizon. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct cv_lease_key);
	__type(value, struct cv_lease);
	__uint(max_entries, CV_MAX_LEASES);
} leases SEC(".maps");

/* Network id -> rendered options.  Written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct cv_dhcp_options);
	__uint(max_entries, 1);
} dhcp_options SEC(".maps");

/* DHCP requests that need the daemon.  Full: the client asks again. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, CV_RING_BYTES);
} requests SEC(".maps");

/*
 * (why, where) -> packets, per CPU.  Full: counted under (why, 0, 0), which
 * user space makes at the start.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__type(key, struct cv_drop_key);
	__type(value, struct cv_drop_count);
	__uint(max_entries, CV_MAX_DROP_COUNTERS);
} drops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct cv_totals);
	__uint(max_entries, 1);
} totals SEC(".maps");

/* The one timer; see flow.h. */
struct cv_sweeper {
	struct bpf_timer timer;
	__u32 held;		/* where in `held` it goes on */
	__u32 longest_ns;	/* that one run held its CPU */
	__u64 spent_ns;		/* all of them */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct cv_sweeper);
	__uint(max_entries, 1);
} sweeper SEC(".maps");

/* One DHCP request on its way, per CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct dhcp_scratch);
	__uint(max_entries, 1);
} dhcp_scratch SEC(".maps");

#define CV_SUM_CHUNK	256	/* a power of two */
#define CV_PART_BYTES	2040	/* a multiple of 8 */

/**
 * struct cv_scratch - bytes of a packet while it is worked on, per CPU
 * @chunk:	of what is added up (sum.h)
 * @head:	two bytes, so that the IP header is aligned, then the headers
 * @first:	IP options of the first part
 * @part:	payload of the part that is cut off (split.h)
 */
struct cv_scratch {
	__u8 chunk[2 * CV_SUM_CHUNK];
	__u8 head[128 + 8];
	__u8 first[40];
	__u8 part[CV_PART_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct cv_scratch);
	__uint(max_entries, 1);
} scratch SEC(".maps");

/**
 * struct fwd_route - the way to a destination
 * @addr:	the host's address there, which masqueraded packets carry; 0: none
 * @whole:	the address that the guest has for itself; 0: none (open.h)
 * @nexthop:	0: on the link
 */
struct fwd_route {
	__u32  ifindex;
	__be32 nexthop;
	__be32 addr;
	__be32 whole;
	__u16  mtu;
};

/* What the FIB has said of a destination in this tick; fwd.h.  @macs as in struct cv_flow. */
struct fwd_seen {
	__be32 daddr;
	__u32  tick;
	__u16  net;
	__u8   proto;
	__u8   tos;
	struct fwd_route route;
	__u8   macs[2 * ETH_ALEN];
};

#define FWD_SEEN	64	/* a power of two */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct fwd_seen);
	__uint(max_entries, FWD_SEEN);
} routes_seen SEC(".maps");

/* A flow while it is made, per CPU: too large for the stack that is left. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct cv_flow);
	__uint(max_entries, 1);
} flow_scratch SEC(".maps");

/* 0 -> argument of cv_flush and cv_rejudge. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct cv_flush_args);
	__uint(max_entries, 1);
} control SEC(".maps");

/* 0 -> question and answer of cv_judge. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct cv_judge_args);
	__uint(max_entries, 1);
} judge SEC(".maps");
/* 0 -> who looks on.  Written by user space; read where an event happens. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct cv_monitor);
	__uint(max_entries, 1);
} monitor SEC(".maps");

/* Events for the one monitor.  Full: counted as events_lost. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, CV_EVENTS_BYTES);
} events SEC(".maps");

/* 0 -> argument of cv_event.  Written by the daemon. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct cv_lease_event);
	__uint(max_entries, 1);
} lease_event SEC(".maps");

static __always_inline struct cv_network *network_get(__u32 net)
{
	struct cv_network *n = bpf_map_lookup_elem(&networks, &net);

	return n && n->mode ? n : NULL;
}

static __always_inline struct cv_port *port_get(__u32 slot)
{
	struct cv_port *port = bpf_map_lookup_elem(&ports, &slot);

	return port && port->net ? port : NULL;
}

/* Who has this guest address?  0: nobody. */
static __always_inline __u32 address_slot(__u32 net, __be32 ip)
{
	struct cv_address key = { .ip = ip, .net = net };
	__u32 *slot = bpf_map_lookup_elem(&addresses, &key);

	return slot ? *slot : 0;
}

#define TOTAL_ADD(field, n) do {						\
	__u32 zero_ = 0;							\
	struct cv_totals *t_ = bpf_map_lookup_elem(&totals, &zero_);		\
	if (t_)									\
		t_->field += (n);						\
} while (0)

/* The network namespace whose loopback `host_forwards` speaks of. */
const volatile __u64 cv_host_cookie;

/*
 * Address of 127.0.0.0/8 and port -> guest's port, for sockets of the host.
 * Written by user space.  Full: a forward is refused.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct cv_host_listen);
	__type(value, struct cv_host_forward);
	__uint(max_entries, CV_MAX_HOST_FORWARDS);
} host_forwards SEC(".maps");

/*
 * Socket of the host and guest -> what the socket had asked for.  LRU: what is
 * lost makes a socket see the guest's own address.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct cv_host_peer_key);
	__type(value, struct cv_host_peer);
	__uint(max_entries, CV_MAX_HOST_PEERS);
} host_peers SEC(".maps");

#endif
