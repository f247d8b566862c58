/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the datapath promises, said a second time and as simply as possible:
 * lists that are searched from the front, packets as descriptions, no
 * checksums, no bytes.  Written from the RFCs and docs/packet-walk.md; shares
 * no code with bpf/, so that one mistake is not made in both.
 *
 * Only the number of a new external port is taken from the datapath, which
 * draws it by a keyed hash; the model judges whether it may be that one.
 */
#ifndef CULVERT_TESTS_MODEL_NAT_MODEL_H
#define CULVERT_TESTS_MODEL_NAT_MODEL_H

#include "world.h"

#define MODEL_MAX	8192	/* flows, mappings, fragments, peers: each */

struct model_net {
	__u32 id, gateway, subnet;
	bool isolate, isolated;		/* guests from each other; all from outside */
	bool routed;			/* with their own addresses ... */
	__u32 plain;			/* ... or to this /24 only; 0: to none */
	enum cv_filter filter;
	__u16 port_min, port_max;
	__u32 max_flows, max_ports;
};

struct model_guest {
	__u32 net, slot, ip, max_flows, max_ports;
	__u32 external;			/* an address outside for it alone; 0: none */
	__u32 errors, error_tick;	/* ICMP errors that it caused in this tick */
};

/* An address that one guest has for itself; @open: who comes unasked is let in. */
struct model_whole {
	__u32 addr, slot;
	bool  open;
};

/*
 * A port outside and who has it; of a protocol without ports the peer's
 * packets.  @whole: of an address that a guest has for itself, made for a flow.
 */
struct model_mapping {
	__u32 addr, remote;
	__u8  proto;
	__u16 port, lport;
	__u32 slot, flows, tick;
	bool  forward, whole;
};

struct model_flow {
	const struct model_guest *guest;
	struct model_mapping *outside;
	__u32 remote;
	__u16 lport, rport;
	__u8  proto;
	bool  out_syn, in_syn, out_fin, in_fin, reset, acked;
	bool  inbound, hairpin;
	bool  host;		/* with the host, begun by the guest, not translated */
	__u32 uplink, timeout, out_tick, in_tick;
	enum cv_flow_state state;
	__u32 noted;	/* when its peer was noted last */
	__u32 next;	/* TCP: what the guest's last acknowledgement asked for */
	__u64 out_packets, in_packets, out_bytes, in_bytes;
};

/* Whom a guest's port has sent to; kept where a network filters by address. */
struct model_peer {
	const struct model_guest *guest;
	__u32 remote, tick;
	__u16 lport;
	__u8  proto;
};

#define MODEL_HELD	CV_HELD
#define MODEL_BLOCKS	9000

/*
 * Fragments of one datagram; @passed: each block of 8 bytes; @awaited: some
 * came before the first; @begun: some have passed.
 */
struct model_datagram {
	__u32 net, use, saddr, daddr, tick;	/* when it began */
	__u16 id, sport, dport, number;
	__u8  proto;
	bool  known, done, numbered, awaited, begun;
	unsigned int end;
	__u8 passed[MODEL_BLOCKS];
};

/* A fragment that waits for the first one of @of; NULL: nobody will ask for it. */
struct model_wait {
	struct packet *p;
	struct model_datagram *of;
	__u32 tick;
};

struct model_copy {
	struct packet p;
	__u8 data[4096];
	char options[40];
};

/* An identification that a datagram has outside. */
struct model_number {
	__u32 daddr;
	__u16 id;
	__u8  proto;
};

/* What a guest, or all outside (0), began within CV_FRAGMENT_TIMEOUT_S from @tick on. */
struct model_budget {
	__u32 tick, datagrams, held;
};

enum {
	FOLLOW_DEAD_MAPPING = 1,	/* a mapping of dead flows admits strangers */
};

/*
 * Known differences of the datapath from the requirements;
 * docs/rfc-compliance.md names them.  A run looks behind them.
 */
#define FOLLOW_KNOWN	(FOLLOW_DEAD_MAPPING)

struct model {
	__u32 now;
	struct model_net nets[3];
	struct model_guest guests[4];
	struct cv_rule rules[8];	/* of network NET */
	unsigned int n_rules;
	struct model_whole wholes[8];
	unsigned int n_wholes;
	struct model_flow flows[MODEL_MAX];
	struct model_mapping mappings[MODEL_MAX];
	struct model_peer peers[MODEL_MAX];
	struct model_datagram datagrams[MODEL_MAX];
	struct model_wait waits[MODEL_HELD];
	struct model_copy copies[MODEL_MAX];
	struct model_number numbers[MODEL_MAX];
	struct model_budget budgets[N_PORTS];	/* by slot */
	unsigned int full;	/* datagrams that found no place: should be few */
	unsigned int n_flows, n_mappings, n_peers, n_datagrams, n_waits, n_copies, n_numbers;
	struct model_datagram *passing;	/* of the fragment that goes on now */
	/* The port that the datapath gave to a flow; 0 and false: it made none. */
	bool (*chosen)(const struct model_flow *f, __u16 *ret_port);
	/* The identification that the datapath gave to the packet that leaves. */
	__u16 (*number)(void);
	/* Has the datapath a place for this datagram; did it copy the fragment? */
	bool (*placed)(const struct model_datagram *d);
	bool (*held)(void);
	/* FOLLOW_*: be wrong like the datapath, to look for what lies behind a known divergence */
	__u32 follow;
	char wrong[200];	/* what was wrong with that; empty: nothing */
};

/**
 * struct model_fate - what becomes of a packet
 * @verdict:	as struct row says it
 * @drop:	the counter that goes up; reason 0: none
 * @out, @quote: the packet that leaves, and what it quotes, unless it is dropped
 * @again:	what begins its way anew at the same place, in this order
 */
struct model_fate {
	int verdict;
	struct cv_drop_key drop;
	struct packet out, quote;
	struct packet *again[MODEL_HELD + 1];
	unsigned int n_again;
};

/** model_reset() - no flows; networks and guests as world_reset() makes them */
void model_reset(struct model *m);

/** model_forward() - port @port of @addr is forwarded to the same port of a guest */
void model_forward(struct model *m, __u32 addr, __u8 proto, __u16 port, __u32 slot);

/** model_whole() - guest @slot has @addr for itself */
void model_whole(struct model *m, __u32 addr, __u32 slot, bool open);

/** model_from_guest() - a packet at a guest's port; @len: of the frame */
void model_from_guest(struct model *m, __u32 slot, const struct packet *p, struct model_fate *ret);
/** model_out() - a guest's packet at the host */
void model_out(struct model *m, __u32 net, const struct packet *p, unsigned int len,
	       struct model_fate *ret);
/** model_in() - a packet at an uplink */
void model_in(struct model *m, __u32 uplink, const struct packet *p, unsigned int len,
	      struct model_fate *ret);
/** model_to_guest() - a packet with a tag at the network's door */
void model_to_guest(struct model *m, const struct packet *p, struct model_fate *ret);
/** model_sweep() - what waited in vain goes.  Return: how many */
__u32 model_sweep(struct model *m);
/** model_flush() - as world_flush().  Return: how many */
__u32 model_flush(struct model *m, __u32 net, __u32 slot);

/** model_flows(), model_ports() - that a guest or, @slot 0, a network has */
__u32 model_flows(const struct model *m, __u32 net, __u32 slot);
__u32 model_ports(const struct model *m, __u32 net, __u32 slot);
bool model_alive(const struct model *m, const struct model_flow *f);
struct model_net *model_net(struct model *m, __u32 id);

#endif
