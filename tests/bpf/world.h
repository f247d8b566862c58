/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world in which packets are judged: a network namespace of this process
 * alone, with the links that culvert would make, and private maps.
 *
 *	network NET	10.77.0.0/24, guests ANN, BOB, and EVE without address
 *	network TWIN	the same addresses, guests may not talk; guest DAN is ANN's double
 *	network ALONE	10.79.0.0/24, no uplink; guest FAY
 *	uplink		198.51.100.2/24, default route by 198.51.100.1
 *	second uplink	192.0.2.2/24, of MTU 1400
 *	no uplink	203.0.113.2/24
 */
#ifndef CULVERT_TESTS_BPF_WORLD_H
#define CULVERT_TESTS_BPF_WORLD_H

#include <arpa/inet.h>

#include <culvert/abi.h>
#include <culvert/defaults.h>

#include "packet.h"

enum { NET = 3, TWIN = 4, ALONE = 5, N_NETWORKS = 16 };
enum { ANN = 5, BOB = 6, EVE = 7, DAN = 9, FAY = 11, NOBODY = 60, N_PORTS = 64 };
enum { UPLINK = 77, UPLINK2 = 78, DMZ = 79 };	/* ifindexes */

#define N_FLOWS		65536
#define PORT_KEY	0x5eed5eed5eed5eedULL	/* what ports are drawn with */

#define GATEWAY		IP(10, 77, 0, 1)
#define ANN_IP		IP(10, 77, 0, 5)
#define BOB_IP		IP(10, 77, 0, 6)
#define FAY_IP		IP(10, 79, 0, 5)
#define HOST_IP		IP(198, 51, 100, 2)	/* on the uplink */
#define ROUTER_IP	IP(198, 51, 100, 1)
#define HOST2_IP	IP(192, 0, 2, 2)
#define SERVER		IP(100, 64, 1, 9)	/* behind the default route */
#define SERVER2		IP(192, 0, 2, 7)	/* on the second uplink */

#define GATEWAY_MAC	0x02cafe000001ULL
#define ALL_MAC		0xffffffffffffULL
#define MAC_OF(slot)	(0x020000000000ULL | (slot))
#define ANN_MAC		MAC_OF(ANN)
#define BOB_MAC		MAC_OF(BOB)
#define EVE_MAC		MAC_OF(EVE)
#define DAN_MAC		MAC_OF(DAN)
#define FAY_MAC		MAC_OF(FAY)
#define TAG_MAC(slot)	((__u64)CV_TAG_MAC_PREFIX << 32 | (slot))
#define UPLINK_MAC	0x02aa00000001ULL	/* of both uplinks */
#define PEER_MAC	0x02eeee000001ULL	/* of a router or host outside */

/* Masquerade ports as user/tables.c sets them by default, and the host's own. */
#define RESERVED_MIN	32768
#define RESERVED_MAX	60999

enum hook { FROM_GUEST, TO_UPLINK, FROM_UPLINK, TO_GUEST, N_HOOKS };

struct world {
	int prog[N_HOOKS], xdp, start, flush, judge, rejudge, event;
	int networks, ports, port_use, network_use, addresses, uplinks;
	int flows, peers, external_addresses, live_flows, datagrams, held;
	int whole, protocols, policies, lans;
	int xdp_uplinks, xdp_ports;
	int leases, dhcp_options, requests, drops, totals, control, judged;
	int monitor, events, lease_event, routes_seen;
	int cpus;
	struct cv_external *externals;	/* the map itself, mapped */
	__u64 *identifiers;		/* likewise */
	bool by_link;			/* the last packet had the router's MAC address; world_run() */
};
extern struct world world;

/** world_open() - make it; ends the process when that is not possible */
void world_open(void);

/**
 * world_open_live() - the same for packets that really travel
 *
 * As on a kernel without bpf_redirect_peer(), which does not go within one
 * namespace, and where the FIB tells no source address.
 */
void world_open_live(void);

/** world_load() - the programs and maps only; @recent: as world_open(), or as world_open_live() */
void world_load(bool recent);
/* When set: called with the opened object, before it is loaded. */
struct bpf_object;
extern void (*world_before_load)(struct bpf_object *obj);

/** world_start() - the sweeper, which cannot be stopped: no later test takes these maps.  Return: as world_call() */
int world_start(void);

/** world_reset() - maps as after `culvert up` and the ports' addition */
void world_reset(void);

struct cv_network world_network(__u32 net);
void world_set_network(__u32 net, const struct cv_network *n);
/** world_add_port() - a usual one, with MAC_OF(slot); @ip 0: without address */
void world_add_port(__u32 net, __u32 slot, __u32 ip);
struct cv_port world_port(__u32 slot);
void world_set_port(__u32 slot, const struct cv_port *port);
/** world_set_whole() - guest @slot has the address (host order) for itself */
void world_set_whole(__u32 addr, __u32 slot, __u32 flags);
/** world_set_rules() - of a network; and the uplinks' prefixes are what they are */
void world_set_rules(__u32 net, const struct cv_rule *rules, __u32 n);
struct cv_use world_use(int map, __u32 index);
void world_set_use(int map, __u32 index, const struct cv_use *use);
struct cv_totals world_totals(void);
__u32 world_entries(int map, unsigned int key_size);

/** world_tick() - the datapath's clock */
__u32 world_tick(void);
/** world_tick_begin() - wait for the beginning of a tick, so that the next 0.1 s lie in it */
void world_tick_begin(void);
__u64 world_boot_ns(void);

/** world_ifindex() - where a hook is: @at is a slot, network or uplink's index; 0: ANN, NET, UPLINK */
__u32 world_ifindex(enum hook hook, __u32 at);

/**
 * world_run() - give a frame to a program
 * @frame, @len: replaced by what comes out
 * Return: TC_ACT_*, or -errno - 1000 when the kernel did not run it.
 */
int world_run(enum hook hook, __u32 at, __u8 *frame, unsigned int *len, __u32 gso_size);

/** world_unlink() - take the router's MAC address away; @in: the frame that went in.  Return: it had it */
bool world_unlink(__u8 *out, const __u8 *in);

/** world_run_numbered() - the same; what leaves is numbered as world_number() says */
int world_run_numbered(enum hook hook, __u32 at, __u8 *frame, unsigned int *len, __u32 gso_size);

/**
 * world_run_xdp() - give a frame to the XDP program of UPLINK
 *
 * Nothing is ready for it: `xdp_uplinks`, `xdp_ports` and the networks' flag are
 * the test's.  Return: XDP_*, or -errno - 1000.
 */
int world_run_xdp(__u8 *frame, unsigned int *len);

/** world_send() - the same with a packet whose fate does not matter */
int world_send(enum hook hook, const struct packet *p);

/** world_call() - run a program of ours that looks at no packet.  Return: its value */
int world_call(int prog_fd);
/** world_flush() - forget flows of a network and a port, 0: of any.  Return: how many */
__u32 world_flush(__u32 net, __u32 slot, __u32 budget);

/** world_flow() - true when it is there, dead or alive */
bool world_flow(const struct cv_tuple *key, struct cv_flow *ret);
void world_set_flow(const struct cv_tuple *key, const struct cv_flow *f);

/* The owner of a port outside, as its word in `externals` says; in host order. */
#define EXTERNAL(slot, lport, flows)	((__u64)(slot) << 48 | (__u64)(lport) << 32 | (flows))
#define EXTERNAL_FLOWS(word)		((__u32)(word))
#define EXTERNAL_OWNER(word)		((word) >> 32)
#define N_EXTERNALS			(CV_MAX_EXTERNAL_ADDRESSES * CV_EXTERNAL_PROTOS << 16)

/** world_external_index() - of a port of HOST_IP or HOST2_IP, in host order */
__u32 world_external_index(__u32 addr, __u8 proto, __u16 port);
struct cv_external *world_external(__u32 addr, __u8 proto, __u16 port);

/** world_forget_routes() - new flows ask the FIB again, also in this tick */
void world_forget_routes(void);

/** world_number() - the next datagrams that are numbered get this identification */
void world_number(__u16 id);
/** world_age_datagrams() - what is known of fragments was learnt so many ticks ago */
void world_age_datagrams(__u32 ticks);
/** world_move_datagrams() - it was learnt so much later */
void world_move_datagrams(__u32 ticks);

/** world_clamp_datagrams() - none of it was learnt later than @tick */
void world_clamp_datagrams(__u32 tick);
/** world_datagram_known() - has it a place? */
bool world_datagram_known(const struct cv_datagram_key *key);
/** world_sweep_held() - let copies go that have waited too long, as the sweeper would at @now.  Return: how many */
__u32 world_sweep_held(__u32 now);

/** world_tuple() - in host order, of network NET */
struct cv_tuple world_tuple(__u8 proto, __u32 local, __u16 lport, __u32 remote, __u16 rport);
/** world_age() - a flow was last used so many ticks ago, in each direction */
void world_age(const struct cv_tuple *key, __u32 out_ticks, __u32 in_ticks);

#endif
