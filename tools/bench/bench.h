/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bench: one process that visits every copy of the topology (a site) in
 * short windows, in turn.  What one round measured is compared within that
 * round only, so that a machine whose speed changes by the second still gives
 * steady ratios.
 */
#ifndef BENCH_H
#define BENCH_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>

#include "wire.h"

#define BENCH_MAX_SITES 12
#define IP_BYTES	(sizeof(struct bench_frame) - sizeof(struct ethhdr))	/* of a test packet */
#define BENCH_FLOOR_NS	670	/* a packet of the generator on the machine of reference */
#define BENCH_STREAMS	4	/* of TCP, at most */
#define BENCH_MAX_ROUNDS 256

enum direction { UP, DOWN, N_DIRECTIONS };

/* In the order of a line of topo.sh. */
enum place { GUEST, NET, HOST, FAR, N_PLACES };

/* FLOOR: the generator alone; TAP_FLOOR: and two TAPs with what carries between them. */
enum backend {
	FLOOR, TAP_FLOOR, NONE, MASQUERADE, NFT, FLOWTABLE, IPTABLES, REDIRECT, BARE, CULVERT, CULVERT_XDP,
	N_BACKENDS
};

/* Test packets in one direction: a raw socket and what it sends. */
struct lane {
	int fd;
	unsigned int n;		/* messages set up */
	unsigned int at;	/* the next one */
	struct bench_frame *frames;	/* one per flow */
	struct iovec *iovs;
	struct mmsghdr *messages;
};

/* A TCP connection, both of its ends. */
struct pair {
	int guest, far;
};

struct site {
	enum backend backend;
	int  ns[N_PLACES];	/* -1: has none that we may enter */
	char port[IFNAMSIZ];	/* the guest's TAP in NET; "": the guest is a veth */
	int  tap[N_DIRECTIONS];	/* what the guest sends comes from [UP], what it gets from [DOWN] */
	__u64 tap_bytes[N_DIRECTIONS];	/* of frames that were carried */
	__u8 guest_mac[ETH_ALEN], gateway_mac[ETH_ALEN];
	__u8 host_mac[ETH_ALEN], far_mac[ETH_ALEN];
	struct lane lane[N_DIRECTIONS];
	struct sink_bpf *sink[N_DIRECTIONS];	/* at the end of each lane */
	struct redirect_bpf *redirect;
	unsigned int fresh;	/* how often packets_new_flows() was here */
	int  listener;		/* in FAR */
	struct pair tcp[BENCH_STREAMS];
	unsigned int turn;	/* which of them is next */
	__u64 due[N_DIRECTIONS];	/* bytes that the datapath must have seen since due_begin() */
	__u64 first[N_DIRECTIONS];	/* of these, of packets that begin flows */
	__u64 seen[N_DIRECTIONS];	/* the datapath's counters then */
	__u64 slow[N_DIRECTIONS];	/* what had passed by a FLOWTABLE's rules then */
	__u64 short_road;	/* packets that had come by XDP then */
	__u64 tap_seen[N_DIRECTIONS];	/* tap_bytes then */
};

struct bench {
	struct site sites[BENCH_MAX_SITES];
	unsigned int n_sites;
	unsigned int first;	/* the backend that others are compared with; before it are floors */
	int  home;		/* the namespace we come from */
	int  cpu;
	bool quick;
	bool progress;		/* lines, where there is no terminal */
	long switches;		/* of this process against its will, when a window began */
	bool spoilt;		/* the last window: others had our CPU in it */
	unsigned int windows, disturbed;	/* all; those in which others had our CPU */
	unsigned int max_rounds;	/* 0: as the metrics say */
	__u64 deadline_ns;	/* no round begins later */
};

#define METRIC_VALUES	2

/**
 * struct metric - one thing to measure
 * @name, @label, @unit, @more_is_better: of up to METRIC_VALUES values that one
 *	window gives; else less is better
 * @prepare: once per site before the first round; may be NULL
 * @window:	visit a site once
 * @above_floor: the first value is ns per packet, to be scaled against the floor's
 * @flows, @direction, @streams, @window_ns, @offloads: for prepare and window
 * @rounds, @quick_rounds: how often
 */
struct metric {
	const char *name[METRIC_VALUES];
	const char *label[METRIC_VALUES];
	const char *unit[METRIC_VALUES];
	bool more_is_better[METRIC_VALUES];
	int (*prepare)(struct bench *b, struct site *s, const struct metric *m);
	int (*window)(struct bench *b, struct site *s, const struct metric *m,
		      double ret_value[METRIC_VALUES]);
	bool above_floor;
	bool no_offloads;
	bool fills;	/* each window leaves flows behind: repeat it a few times at most */
	unsigned int flows, streams;
	enum direction direction;
	__u64 window_ns;
	unsigned int rounds, quick_rounds;
};

/* Over rounds. */
struct quartiles {
	double q1, median, q3;
};

struct row {
	const char *name, *label, *unit;
	bool more_is_better;
	bool is_time;		/* above the floor */
	unsigned int rounds;
	struct {
		double value[BENCH_MAX_ROUNDS];
		double raw, least;	/* median and minimum before scaling; ns per packet */
		__u64 due[N_DIRECTIONS], carried[N_DIRECTIONS];
	} of[BENCH_MAX_SITES];
};

/* site.c */
const char *backend_name(enum backend backend);
/** site_outside_ip() - the guest's address as FAR must see it, host order */
__u32 site_outside_ip(const struct site *s);
/** bench_fail() - say what failed.  Return: @err */
__attribute__((format(printf, 2, 3)))
int bench_fail(int err, const char *fmt, ...);
/** sites_read() - open the namespaces that @path lists.  Return: 0 or -errno, logged */
int sites_read(struct bench *b, const char *path);
/** site_enter() - be in a namespace of a site until bench_leave().  Return: 0 or -errno, logged */
int site_enter(struct site *s, enum place place);
void bench_leave(struct bench *b);
__u64 now_ns(void);

/* tap.c: guests behind TAPs, each carried by this process as a virtual machine's would be */
int tap_open(struct bench *b, struct site *s);
void tap_release(struct site *s);
static inline bool site_has_tap(const struct site *s) { return s->port[0]; }
/** tap_carry() - what the guest has sent (UP) or is to get (DOWN).  Return: frames, or -errno */
int tap_carry(struct site *s, enum direction direction);
/** tap_carry_all() - both ways until nothing is left; where there is no TAP, nothing.  Return: 0 or -errno */
int tap_carry_all(struct site *s);
/** tap_await() - until both links run, as the kernel does a while after they are opened */
int tap_await(struct bench *b, struct site *s);

/* hooks.c: our eBPF programs at a site.  They go when the process does. */
int hooks_attach(struct bench *b, struct site *s);
void hooks_release(struct site *s);
/** hooks_carried() - what the redirect programs have carried, bytes */
int hooks_carried(struct site *s, __u64 ret_bytes[N_DIRECTIONS]);

/* packets.c: test packets.  Functions log. */
int packets_open(struct bench *b, struct site *s);
void packets_release(struct site *s);
/** packets_establish() - make @m->flows flows both ways, learn their ports, check checksums */
int packets_establish(struct bench *b, struct site *s, const struct metric *m);
/** packets_window() - ret_value: ns per packet that arrived, and packets per ms */
int packets_window(struct bench *b, struct site *s, const struct metric *m,
		   double ret_value[METRIC_VALUES]);
/** packets_await() - until a packet goes both ways: bridges open late */
int packets_await(struct bench *b, struct site *s);
/** packets_new_flows() - ret_value[0]: flows per second, one packet each */
int packets_new_flows(struct bench *b, struct site *s, const struct metric *m,
		      double ret_value[METRIC_VALUES]);

/* tcp.c: both ends in this process and on one CPU.  Functions log. */
int tcp_open(struct bench *b, struct site *s);
void tcp_release(struct site *s);
/** tcp_offloads() - set segmentation offload of both ends as @m says */
int tcp_offloads(struct bench *b, struct site *s, const struct metric *m);
/** tcp_bulk() - ret_value[0]: Gb/s of @m->streams */
int tcp_bulk(struct bench *b, struct site *s, const struct metric *m,
	     double ret_value[METRIC_VALUES]);
/** tcp_ping_pong() - ret_value: p50 and p99 of a request and its response, us */
int tcp_ping_pong(struct bench *b, struct site *s, const struct metric *m,
		  double ret_value[METRIC_VALUES]);
/** tcp_connect_close() - ret_value[0]: connect, request, response, close per second */
int tcp_connect_close(struct bench *b, struct site *s, const struct metric *m,
		      double ret_value[METRIC_VALUES]);

/* prove.c: which datapath carried the bytes */
int prove_begin(struct bench *b, struct site *s);
/** prove_end() - @ret_carried: bytes since; -ENODATA, logged, when it is less than due */
int prove_end(struct bench *b, struct site *s, const char *metric,
	      __u64 ret_carried[N_DIRECTIONS]);

/* window.c */
/** bench_begin() - run on one CPU, the first that we may use.  Return: 0 or -errno, logged */
int bench_begin(struct bench *b);
/** window_begin() - here what is measured begins, and ends with window_end() */
void window_begin(struct bench *b);
void window_end(struct bench *b);

/* rounds.c */
/** rounds_run() - measure; fills as many rows as @m has names.  Return: 0 or -errno, logged */
int rounds_run(struct bench *b, const struct metric *m, struct row rows[METRIC_VALUES]);

/* stats.c */
int double_cmp(const void *a, const void *b);
double quantile(const double *sorted, unsigned int n, double q);
/** quartiles_of() - sorts @values */
struct quartiles quartiles_of(double *values, unsigned int n);
/* CPU time in which the hypervisor ran others, of the time that we were busy. */
struct steal {
	__u64 busy, stolen;
};
int steal_read(const struct bench *b, struct steal *ret);

/* print.c */
void print_head(const struct bench *b);
void print_row(const struct bench *b, const struct row *r);
/** print_progress() - on standard error; the line goes when a row comes */
void print_progress(const struct bench *b, const char *label, unsigned int round,
		    unsigned int rounds);
int print_json(const char *path, const struct bench *b, const struct row *rows,
	       unsigned int n_rows, const struct steal *before, const struct steal *after);

#endif
