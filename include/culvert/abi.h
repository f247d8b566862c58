/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract of the two halves: every structure that lies in a map, every
 * number that both halves name.  The maps are pinned and outlive the program
 * that made them, so a change of anything here is a new CV_ABI_VERSION.
 *
 * Addresses and ports are in wire order (__be32, __be16) unless said
 * otherwise; times are ticks (defaults.h) of CLOCK_MONOTONIC or nanoseconds of
 * CLOCK_BOOTTIME, as the name says.
 */
#ifndef CULVERT_ABI_H
#define CULVERT_ABI_H

#include <linux/types.h>

#include <culvert/defaults.h>

#define CV_ABI_VERSION	6

#define CV_NAME_SIZE	32	/* of a network or port, with the final NUL */

/*
 * culvert chooses the index of each link it makes, so that a program finds its
 * network or port by subtraction: no lookup by ifindex, one program for all.
 */
#define CV_IFINDEX_PORT		0x63700000	/* + slot; guest ports, in the namespace */
#define CV_IFINDEX_NS		0x63780000	/* + network id; uplink0, in the namespace */
#define CV_IFINDEX_HOST		0x63790000	/* + network id; cv-NAME, on the host */

/*
 * Between the two ends of the veth a frame that from_uplink or to_uplink sends
 * to a guest carries this prefix and the port's slot as its destination MAC;
 * to_guest replaces it.  A host cannot send such a frame by accident: the
 * address is in no neighbour table.
 */
#define CV_TAG_MAC_PREFIX	0x6276		/* local, unicast; then the slot in 32 bits */

/* The layout, checked before pinned maps of another build are used. */
struct cv_meta {
	__u32 abi_version;
	__u32 max_flows;
	__u32 max_ports;
	__u32 max_networks;
	__u32 peer_ok;		/* bpf_redirect_peer() may be used: measured when the programs were loaded */
};

enum cv_mode { CV_MODE_NAT = 1, CV_MODE_ROUTE, CV_MODE_ISOLATED };

enum cv_timeout {
	CV_TIMEOUT_UDP,
	CV_TIMEOUT_TCP_ESTABLISHED,
	CV_TIMEOUT_TCP_TRANSITORY,
	CV_TIMEOUT_ICMP,
	CV_N_TIMEOUTS
};

/* Who may send to a guest's mapped port (RFC 4787 section 5). */
enum cv_filter {
	CV_FILTER_ADDRESS_AND_PORT,	/* whom the guest has sent to */
	CV_FILTER_ADDRESS,		/* any port of an address it has sent to */
	CV_FILTER_ENDPOINT_INDEPENDENT,	/* anybody, while the mapping lives */
};

#define CV_NET_ISOLATE	(1U << 0)	/* guests may not talk to each other */
#define CV_NET_DHCP	(1U << 1)	/* requests are answered */
#define CV_NET_LOCAL	(1U << 2)	/* rules speak of guest to guest: such flows are kept too */
#define CV_NET_RAPID_COMMIT (1U << 3)	/* who asks for it gets two messages of DHCP, not four */
#define CV_NET_DNS	(1U << 4)	/* names are served on the gateway's address */
#define CV_NET_XDP	(1U << 5)	/* its guests may be reached by XDP */
#define CV_NET_XDP_ON	(1U << 6)	/* also where it was not measured to gain */

struct cv_prefix {
	__be32 addr, mask;	/* mask 0 in a list: its end */
};

struct cv_range {
	__u16 first, last;	/* host order, both included; last 0 in a list: its end */
};

/**
 * struct cv_network - one network; map `networks`, index is its id (0 unused)
 * @mode:	enum cv_mode; 0 marks a free entry
 * @flags:	CV_NET_*
 * @subnet, @netmask, @gateway: of the guests' network
 * @host_ifindex: the host end of the veth
 * @ns_ifindex:	its other end
 * @max_flows:	limit of this network's flows
 * @timeout_ticks: by enum cv_timeout
 * @max_ports:	limit of the external ports that its guests have
 * @ports:	masquerade ports, ascending, without the host's ip_local_port_range
 * @untranslated: destinations that see the guests' own addresses
 * @gateway_mac: what guests see as the gateway; no link has it but the bridge,
 *		so that frames for it go nowhere when the programs are gone
 * @mtu:	of the guests' links
 * @filter:	enum cv_filter
 * @lease_s:	DHCP lease
 * @uplink:	ifindex of the uplink to use while the host's FIB does not
 *		answer, because somebody turned forwarding off on our link
 * @name:	NUL-terminated
 *
 * Written by user space, read by every hook.
 */
struct cv_network {
	__u32  mode;
	__u32  flags;
	__be32 subnet;
	__be32 netmask;
	__be32 gateway;
	__u32  host_ifindex;
	__u32  ns_ifindex;
	__u32  max_flows;
	__u32  timeout_ticks[CV_N_TIMEOUTS];
	__u32  max_ports;
	struct cv_range ports[CV_MAX_PORT_RANGES];
	struct cv_prefix untranslated[CV_MAX_UNTRANSLATED];
	__u8   gateway_mac[6];
	__u16  mtu;
	__u32  filter;
	__u32  lease_s;
	__u32  uplink;
	char   name[CV_NAME_SIZE];
};

enum cv_port_kind { CV_PORT_TAP = 1, CV_PORT_VETH };

#define CV_PORT_PEER	(1U << 0)	/* deliver by bpf_redirect_peer */
#define CV_PORT_STATIC	(1U << 1)	/* the address is reserved, not leased */
#define CV_PORT_RELAY	(1U << 2)	/* may ask DHCP for other clients */

/**
 * struct cv_port - one guest's port; map `ports`, index is its slot (0 unused)
 * @net:	network id; 0 marks a free entry
 * @kind:	enum cv_port_kind
 * @flags:	CV_PORT_*
 * @ifindex:	CV_IFINDEX_PORT + slot
 * @ip:		the bound address; 0 while it has none
 * @mac:	the bound source MAC
 * @max_flows:	limit of this guest's flows
 * @max_ports:	limit of its external ports
 * @external:	the external address that it has whole (map `whole`); 0: it shares
 * @name:	NUL-terminated
 *
 * Written by user space (port commands, and the daemon when a lease is given).
 */
struct cv_port {
	__u16  net;
	__u8   mac[6];
	__be32 ip;
	__u32  ifindex;
	__u32  flags;
	__u16  kind;
	__u16  queues;
	__u32  max_flows;
	__u32  max_ports;
	__be32 external;
	__u32  pad;
	char   name[CV_NAME_SIZE];
};

/* Map `addresses`: who owns a guest address.  Consulted when a flow is made. */
struct cv_address {
	__be32 ip;
	__u16  net;
	__u16  pad;
};	/* -> __u32 slot */

/**
 * struct cv_tuple - a flow, named from its guest's side; key of `flows`
 * @local:	the guest's address
 * @remote:	the peer
 * @lport, @rport: likewise; an ICMP echo keeps its identifier in @lport, 0 in @rport
 * @proto:	IPPROTO_TCP, IPPROTO_UDP or IPPROTO_ICMP
 * @net:	network id
 */
struct cv_tuple {
	__be32 local, remote;
	__be16 lport, rport;
	__u8   proto;
	__u8   pad;
	__u16  net;
};

enum cv_flow_state {
	CV_FLOW_OPEN = 1,	/* UDP, ICMP, and TCP not yet answered */
	CV_FLOW_ESTABLISHED,	/* TCP answered */
	CV_FLOW_CLOSING,	/* TCP: FIN both ways, or a reset */
};

#define CV_FLOW_OUT_SYN	(1U << 0)
#define CV_FLOW_IN_SYN	(1U << 1)
#define CV_FLOW_OUT_FIN	(1U << 2)
#define CV_FLOW_IN_FIN	(1U << 3)
#define CV_FLOW_RST	(1U << 4)
#define CV_FLOW_INBOUND	(1U << 5)	/* made by a packet from outside */
#define CV_FLOW_ACKED	(1U << 6)	/* TCP: @out_next is known */
#define CV_FLOW_HOST	(1U << 7)	/* between a guest and the host: no translation */
/* What the bits of TCP mean in a flow with CV_FLOW_HOST, which needs none of them. */
#define CV_FLOW_BY_GUEST CV_FLOW_OUT_SYN	/* the guest opened it */
#define CV_FLOW_LOCAL	CV_FLOW_IN_SYN		/* and its peer is a guest of its network */

/**
 * struct cv_flow - one flow, both directions; map `flows`
 * @tag:	of the key; written before and read after everything else, so
 *		that a reader whose entry was taken away and given to another
 *		flow meanwhile notices
 * @state, @flags: enum cv_flow_state, CV_FLOW_*
 * @addr, @port: what the peer sees
 * @timeout_ticks: the flow is dead when both directions were silent this long
 * @slot:	the guest's port
 * @ifindex, @mtu: the cached route; between two guests @ifindex is the slot of
 *		the other one
 * @route_tick:	low bits of the tick when the route was read
 * @out_tick:	of the guest's last packet; @in_tick of the peer's
 * @out_packets, ...: plain sums; two CPUs in one direction may lose a few
 * @out_next:	TCP: the sequence number that the guest's last acknowledgement
 *		asked its peer for (host order)
 * @macs:	destination and source on the uplink; the destination is 0: the
 *		neighbour is not resolved, or another one may be right by now
 * @external:	index in `externals`
 * @nexthop:	of the route
 *
 * With the kernel's 48 bytes and the key it fills three cache lines: what
 * identifies it, what the guest's packets write, what the peer's do.
 */
struct cv_flow {
	__u32  tag;
	__be32 addr;
	__be16 port;
	__u8   state;
	__u8   flags;
	__u32  timeout_ticks;
	__u32  slot;
	__u32  ifindex;
	__u16  mtu;
	__u16  route_tick;
	__u32  out_tick;
	__u64  out_packets;
	__u64  out_bytes;
	__u32  out_next;
	__u8   macs[12];	/* aligned for two bytes at once */

	__u64  in_packets;
	__u64  in_bytes;
	__u32  in_tick;
	__u32  external;
	__be32 nexthop;
	__u32  created_tick;
	__u32  spare[8];
};

/* Flags of an external port. */
#define CV_EXTERNAL_FORWARD	(1U << 0)	/* anybody may open flows to it */

/**
 * struct cv_external - who owns an external port; map `externals`
 * @word:	slot << 48 | the guest's port (host order) << 32 | flows that use it;
 *		changed by compare-and-swap only; 0: never used
 * @tick:	when its last flow went
 * @flags:	CV_EXTERNAL_*; set by user space, which then counts as a flow
 *
 * The index is (index of the address in `external_addresses` * 3 +
 * CV_EXTERNAL_TCP...) << 16 | port in host order.  The mapping is
 * endpoint-independent (RFC 4787 REQ-1): all flows of one guest port use it.
 */
struct cv_external {
	__u64 word;
	__u32 tick;
	__u32 flags;
};

enum { CV_EXTERNAL_TCP, CV_EXTERNAL_UDP, CV_EXTERNAL_ICMP, CV_EXTERNAL_PROTOS };

struct cv_external_addresses {
	__be32 addr[CV_MAX_EXTERNAL_ADDRESSES];	/* 0: free */
};

/*
 * Map `whole`: a guest that has an address outside for itself, all ports and
 * protocols of it.  Its own address in a routed network, and where some
 * destinations see it untranslated.
 */
struct cv_whole {
	__u32  slot;
	__u32  flags;		/* CV_WHOLE_* */
};	/* key: __be32 */

#define CV_WHOLE_OPEN	(1U << 0)	/* who comes unasked is let in, unless a rule denies */

/*
 * Map `protocols`: which guest talks another protocol than TCP, UDP and ICMP
 * with a peer by an address that guests share.  The first has it.
 */
struct cv_protocol {
	__be32 addr, remote;
	__u32  proto;
};	/* -> __u32 slot */

/*
 * Maps `port_use`, `network_use`: what the limits count, changed atomically.
 * Index 0 of `network_use` is the whole host.  What is counted in a tick or in
 * a window may be one too many by a race.
 */
struct cv_use {
	__u32 flows;
	__u32 ports;		/* external ports with flows */
	__u32 error_tick;	/* ICMP errors sent in this tick ... */
	__u32 errors;		/* ... and how many */
	__u32 dhcp_tick;	/* token bucket for requests to the daemon */
	__u32 dhcp_tokens;
	__u32 fragment_tick;	/* begin of a window of CV_FRAGMENT_TIMEOUT_S ... */
	__u32 datagrams;	/* ... how many were begun and not ended in it */
	__u32 held;		/* ... and how many fragments were held back in it */
	__u32 dns_tick;		/* token bucket for questions to the network's name server */
	__u32 dns_tokens;
	__u32 pad;
};

/* Map `uplinks`, key ifindex: where guests may leave the host. */
struct cv_uplink {
	__be32 addr;		/* source address when the FIB names none */
	__u32  flags;
	char   name[16];
};

/*
 * Why a packet was dropped.  Order is ABI: append only.  The enum, the names
 * that `culvert stats` prints and the manual's table expand from this list.
 */
#define CV_DROP_REASONS(X)							\
	X(MALFORMED,	    "malformed",	"header truncated or inconsistent") \
	X(UNKNOWN_PORT,	    "unknown-port",	"the link is no port of a network") \
	X(SPOOFED_MAC,	    "spoofed-mac",	"source MAC is not the guest's") \
	X(SPOOFED_IP,	    "spoofed-ip",	"source address is not the guest's") \
	X(SPOOFED_ARP,	    "spoofed-arp",	"ARP sender is not the guest") \
	X(IPV6,		    "ipv6",		"IPv6 is not supported") \
	X(ETHERTYPE,	    "ethertype",	"neither IPv4 nor ARP") \
	X(ROGUE_DHCP,	    "rogue-dhcp",	"DHCP server reply from a guest") \
	X(ISOLATED,	    "isolated",		"guests of this network may not talk") \
	X(HOST_CLOSED,	    "host-closed",	"guests may not reach the host") \
	X(NOT_UNICAST,	    "not-unicast",	"not a unicast destination") \
	X(GUEST_SUBNET,	    "guest-subnet",	"sent to the gateway for a neighbour") \
	X(PROTOCOL,	    "protocol",		"of no use with another address (AH, DCCP, UDP-Lite)") \
	X(ICMP_TYPE,	    "icmp-type",	"ICMP message that is not translated") \
	X(ICMP_NO_FLOW,	    "icmp-no-flow",	"ICMP error about no known flow") \
	X(NO_FLOW,	    "no-flow",		"closes or resets no known flow") \
	X(FRAGMENT_NO_FIRST, "fragment-no-first", "fragment before its first one") \
	X(TTL,		    "ttl",		"time to live exceeded") \
	X(TOO_BIG,	    "too-big",		"larger than the path's MTU") \
	X(NO_ROUTE,	    "no-route",		"the host has no route") \
	X(NO_UPLINK,	    "no-uplink",	"the route leaves by no uplink of culvert") \
	X(NO_ADDRESS,	    "no-address",	"the uplink has no IPv4 address") \
	X(NO_PORT,	    "no-port",		"no masquerade port was free") \
	X(PORT_FLOWS,	    "port-flows",	"the guest's flow limit") \
	X(NETWORK_FLOWS,    "network-flows",	"the network's flow limit") \
	X(TABLE_FULL,	    "table-full",	"the flow table is full") \
	X(NO_GUEST,	    "no-guest",		"no guest has this address") \
	X(REWRITE,	    "rewrite",		"the kernel refused to change the packet") \
	X(DHCP_MALFORMED,   "dhcp-malformed",	"not a DHCP request") \
	X(DHCP_RATE,	    "dhcp-rate",	"too many DHCP requests") \
	X(DHCP_RING,	    "dhcp-ring",	"the daemon does not keep up") \
	X(DHCP_OFF,	    "dhcp-off",		"this network answers no DHCP") \
	X(MODE_ISOLATED,    "mode-isolated",	"this network has no uplink") \
	X(INBOUND_CLOSED,   "inbound-closed",	"forwarded by the host, not its own") \
	X(STALE_PORT,	    "stale-port",	"the flow's guest is gone")			\
	X(OFFLOAD,	    "offload",		"checksum to be written where none belongs")	\
	X(FILTERED,	    "filtered",		"from outside, for a guest's port, not an answer") \
	X(POLICY,	    "policy",		"a rule of the network denies it")		\
	X(PORT_PORTS,	    "port-ports",	"the guest's limit of external ports")		\
	X(NETWORK_PORTS,    "network-ports",	"the network's limit of external ports")	\
	X(FRAGMENT_OVERLAP, "fragment-overlap",	"fragment over another of its datagram")	\
	X(FRAGMENT_LIMIT,   "fragment-limit",	"too many fragments wait for their first one")	\
	X(FRAGMENT_LATE,    "fragment-late",	"waited for its first fragment in vain")	\
	X(ICMP_CHECKSUM,    "icmp-checksum",	"ICMP error with a wrong checksum, or one in its quote") \
	X(SOURCE_ROUTE,	    "source-route",	"the sender wants to choose the route")		\
	X(DNS_RATE,	    "dns-rate",		"too many questions to the name server")	\
	/* These are counted by the daemon alone. */					\
	X(DHCP_POOL,	    "dhcp-pool",	"no address of the network is left")		\
	X(DHCP_FULL,	    "dhcp-full",	"the host's table of leases is full")		\
	X(DHCP_STORE,	    "dhcp-store",	"the lease cannot be written to disk")		\
	X(DHCP_BUSY,	    "dhcp-busy",	"a command was at work for long")		\
	X(DHCP_DECLINES,    "dhcp-declines",	"the guest declines too many addresses")	\
	X(DHCP_RELAY,	    "dhcp-relay",	"for a client that may not be asked for here")	\
	X(DHCP_STALE,	    "dhcp-stale",	"nobody served for long, or the port is gone")	\
	X(DHCP_UNFIT,	    "dhcp-unfit",	"a DHCP message that fits no lease of its sender")

enum cv_drop {
	CV_OK,
#define CV_DROP_ENUM(id, name, text)	CV_DROP_##id,
	CV_DROP_REASONS(CV_DROP_ENUM)
#undef CV_DROP_ENUM
	CV_N_DROPS
};

/* Map `drops`: (why, where) -> packets, per CPU. */
struct cv_drop_key {
	__u32 reason;		/* enum cv_drop */
	__u32 net;		/* 0: not known */
	__u32 slot;		/* 0: not known */
};

struct cv_drop_count {
	__u64 packets;
};

/* Map `totals`, per CPU, index 0: what did not end in a drop. */
#define CV_TOTALS(X)								\
	X(new_flows)		/* made */					\
	X(expired_flows)	/* taken away by the sweeper */			\
	X(flushed_flows)	/* taken away by a command */			\
	X(port_preserved)	/* new flows that kept their port */		\
	X(port_tries)		/* external ports tried */			\
	X(datagrams)		/* fragmented ones begun */			\
	X(fragments_held)	/* they came before their first one */		\
	X(routes_read)		/* FIB lookups */				\
	X(dhcp_answered)	/* by the kernel */				\
	X(dhcp_steered)		/* to the daemon */				\
	X(icmp_errors_sent)							\
	X(icmp_errors_held)	/* by the rate limit */				\
	X(sweeps)							\
	X(events_lost)		/* of a monitor: the ring was full */		\
	X(xdp_packets)		/* that went to their guest by XDP */
struct cv_totals {
#define CV_TOTAL_FIELD(name)	__u64 name;
	CV_TOTALS(CV_TOTAL_FIELD)
#undef CV_TOTAL_FIELD
};

/*
 * Map `control`, index 0: the argument of the program cv_flush, which looks at
 * @budget flows and forgets those that match.
 */
struct cv_flush_args {
	__u32 net;		/* 0: any */
	__u32 slot;		/* 0: any */
	__u32 budget;
	__u32 flushed;		/* added to by the program */
	__be32 remote;		/* 0: any, as of all that follow */
	__be16 rport;
	__u8  proto;
	__u8  state;		/* enum cv_flow_state */
};

#define CV_ASSERT_SIZE(type, size) \
	_Static_assert(sizeof(type) == (size), #type " has changed its layout")

#include <culvert/event.h>
#include <culvert/fragment.h>
#include <culvert/host.h>
#include <culvert/lease.h>
#include <culvert/policy.h>

CV_ASSERT_SIZE(struct cv_network, 200);
CV_ASSERT_SIZE(struct cv_port, 72);
CV_ASSERT_SIZE(struct cv_tuple, 16);
CV_ASSERT_SIZE(struct cv_flow, 128);
CV_ASSERT_SIZE(struct cv_external, 16);
CV_ASSERT_SIZE(struct cv_address, 8);
CV_ASSERT_SIZE(struct cv_use, 48);
CV_ASSERT_SIZE(struct cv_lease_key, 8);
CV_ASSERT_SIZE(struct cv_lease, 136);
CV_ASSERT_SIZE(struct cv_drop_key, 12);
CV_ASSERT_SIZE(struct cv_flush_args, 24);
#endif
