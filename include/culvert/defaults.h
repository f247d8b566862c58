/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every number that a reader may want to change, in one place, with its
 * reason.  Sizes are entries, times carry their unit in the name.
 */
#ifndef CULVERT_DEFAULTS_H
#define CULVERT_DEFAULTS_H

/* Timeouts: RFC 4787 REQ-5, RFC 5382 REQ-5, RFC 5508 REQ-2. */
#define CV_UDP_TIMEOUT_S		300
#define CV_TCP_ESTABLISHED_TIMEOUT_S	7440
#define CV_TCP_TRANSITORY_TIMEOUT_S	240
#define CV_ICMP_TIMEOUT_S		60
#define CV_FRAGMENT_TIMEOUT_S		2

/*
 * The datapath's clock: one tick is 2^27 ns, about 134 ms, so that a time fits
 * in 32 bits for 18 years and a comparison needs no division.
 */
#define CV_TICK_SHIFT			27
#define CV_TICKS(seconds)		(((__u64)(seconds) * 1000000000ULL) >> CV_TICK_SHIFT)

/* How long a flow may use its cached next hop before it asks the FIB again. */
#define CV_ROUTE_TICKS			7	/* about 1 s */

/* Table sizes.  The flow table is halved on hosts with less than 4 GiB. */
#define CV_MAX_FLOWS			262144
#define CV_MIN_FLOWS			16384
#define CV_BYTES_PER_FLOW		16384	/* of host memory; caps the table */
#define CV_MOST_FLOWS			16777216	/* that host.yaml may ask for: 4 GB */
#define CV_MAX_NETWORKS			1024
#define CV_MAX_PORTS			4096
#define CV_MAX_LEASES			8192
#define CV_MAX_UPLINKS			64
#define CV_MAX_PEERS			65536
#define CV_MAX_DROP_COUNTERS		16384
#define CV_RING_BYTES			(256 * 1024)
#define CV_MAX_RULES			96	/* of a network; a rule takes one per range of ports */
#define CV_MAX_LANS			32
#define CV_MAX_PORT_RANGES		8
#define CV_MAX_UNTRANSLATED		8
#define CV_MAX_PROTOCOLS		4096

/*
 * Fragments: places for datagrams, four in a set; 2 MiB of frames that wait for
 * the first one of their datagram.
 */
#define CV_DATAGRAM_SETS		8192
#define CV_DATAGRAM_WAYS		4
#define CV_DATAGRAM_RANGES		16	/* parts seen, not connected yet */
#define CV_HELD				1024
#define CV_HELD_BYTES			2048	/* of a frame; a longer one is not held; a power of two */
/* Counters of the IP identification: one for each hash of peer and protocol. */
#define CV_IDENTIFIERS			4096
/* Of one guest, within CV_FRAGMENT_TIMEOUT_S; from outside, all together. */
#define CV_DATAGRAMS_PER_PORT		256
#define CV_DATAGRAMS_OUTSIDE		2048
#define CV_HELD_PER_PORT		64
#define CV_HELD_OUTSIDE			256
/* Events that wait for a monitor: about 1700; what finds no room is counted. */
#define CV_EVENTS_BYTES			(256 * 1024)
/* A monitor that does not say every so often that it is there is not. */
#define CV_MONITOR_S			6

/* Limits, so that one guest cannot starve another (RFC 6888 REQ-4, REQ-5). */
#define CV_FLOWS_PER_PORT		65536
/* Outside: all that one Linux guest uses for itself, and not all that there are. */
#define CV_PORTS_PER_GUEST		32768

/* Masquerade ports: never a well-known one (RFC 4787 REQ-3, port shadowing). */
#define CV_PORT_MIN			1024
#define CV_PORT_MAX			65535
/*
 * Places where a guest's port may be mapped to: 64 groups of four neighbours,
 * each in its own 64th of the range.  At 95 % fill one of 256 is free but for
 * two in a million.  The parts are tried in steps that have no common factor
 * with 64 and come soon to the middle between any two (the golden section).
 */
#define CV_PORT_GROUPS			64
#define CV_PORT_STRIDE			39
#define CV_PORT_GROUP_SIZE		4
/* A freed port is kept from other guests this long (RFC 6888 REQ-8). */
#define CV_PORT_HOLD_S			120
/* External addresses of the host, 3 MiB each. */
#define CV_MAX_EXTERNAL_ADDRESSES	4

/* ICMP errors that one network may cause per tick; a tick is 134 ms. */
#define CV_ICMP_ERRORS_PER_TICK		128

/* DHCP: requests that a port may send to the daemon per tick, and in a burst. */
#define CV_DHCP_PER_TICK		2
#define CV_DHCP_BURST			16
#define CV_DHCP_LEASE_S			43200
/*
 * Questions to the network's name server: about 60 per second of a guest, and
 * in a burst.  dnsmasq keeps one without an answer for ten seconds, so one guest
 * has at most some 800 under way, and five of them no more than the server takes.
 */
#define CV_DNS_PER_TICK			8
#define CV_DNS_BURST			200
#define CV_DNS_UNDER_WAY		4000
#define CV_DNS_DOMAIN		"vm"	/* of names that are served, where none is named */
/* A lease is held twice its length, so that the kernel may renew it alone. */
#define CV_DHCP_HORIZON_LEASES		2

/* Ports of the host's loopback that are forwarded, and sockets of it that use a forward. */
#define CV_MAX_HOST_FORWARDS		65536
#define CV_MAX_HOST_PEERS		16384

#endif
