/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A farm of DHCP clients: one thread that is all the guests of a server, each
 * with its MAC address, behind a link of its own or all behind one.  It visits
 * the servers (sites) in turn, in short windows, and compares within a round.
 */
#ifndef FARM_H
#define FARM_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#define FARM_MAX_SITES	 4
#define FARM_MAX_CLIENTS 1024
#define FARM_MAX_ROUNDS	 64
#define FARM_FRAME_MAX	 1500
#define FARM_BATCH	 64	/* frames of one system call */
#define FARM_RETRY_NS	 1000000000ULL
#define FARM_CPU	 0
#define NS_PER_S	 1000000000ULL

enum dhcp_kind { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE };

/**
 * struct client - one guest
 * @ip: its lease, 0: none
 * @awaits: OFFER or ACK, 0: nothing
 * @begun_ns: when it sent the first message of what is going on
 * @asked_ns: when it sent the last one
 */
struct client {
	__u8   mac[6];
	int    ifindex;
	__u32  xid;
	__be32 ip, offered;
	enum dhcp_kind awaits;
	__u64  begun_ns, asked_ns;
};

struct outbox;

struct site {
	char name[16];
	int  fd;			/* packet socket in the clients' namespace */
	struct client *clients;
	unsigned int n;
	__be32 server;			/* from its offers */
	__u8 server_mac[6];
	struct outbox *out;
	__u64 renewed_ns;		/* the end of the last window of renewals */
};

/* What a window gave. */
struct window {
	double *latency_us;		/* grows; of each request, or four-way */
	size_t n, room;
	double elapsed_s;
	unsigned int retries;		/* sent again after a second without answer */
	unsigned int refused;		/* NAK, or another address than it had */
};

/* What a message says; addresses in wire order. */
struct dhcp_seen {
	enum dhcp_kind kind;
	__u32  xid;
	__u8   mac[6];
	__be32 ip, server;
};

__u64 now_ns(void);
/** farm_fail() - say what failed.  Return: @err */
__attribute__((format(printf, 2, 3)))
int farm_fail(int err, const char *fmt, ...);

/* frame.c */
/** frame_build() - a client's message.  @frame: FARM_FRAME_MAX bytes.  Return: its length */
size_t frame_build(const struct site *s, const struct client *c, enum dhcp_kind kind, __u8 *frame);
/** frame_read() - Return: whether it is a server's message to a client */
bool frame_read(const __u8 *frame, size_t len, struct dhcp_seen *ret);
/** frame_is_arp() - whether an ARP request, and for which address */
bool frame_is_arp(const __u8 *frame, size_t len, __be32 *ret_ip);
/** frame_answer_arp() - Return: length of the answer of @c to @request */
size_t frame_answer_arp(const struct client *c, const __u8 *request, __u8 *frame);

/* link.c */
/**
 * site_open() - @links: a name, for one link for all, or with a "%" that stands for
 * the client's number.  Return: 0 or -errno, logged
 */
int site_open(struct site *s, const char *netns, const char *links, unsigned int n);
void site_close(struct site *s);
/** link_queue() - send @frame with the next flush.  Return: 0 or -errno, logged */
int link_queue(struct site *s, int ifindex, const __u8 *frame, size_t len);
int link_flush(struct site *s);
typedef int (*link_fn)(struct site *s, const __u8 *frame, size_t len, int ifindex, void *arg);
/** link_receive() - all that has come, after waiting so long.  Return: how many, or -errno */
int link_receive(struct site *s, int wait_ms, link_fn fn, void *arg);

/* window.c: functions log */
/** window_bind() - each client gets a lease, four messages, @in_flight at once */
int window_bind(struct site *s, unsigned int in_flight, struct window *w);
/** window_renew_once() - each client asks for what it has, once */
int window_renew_once(struct site *s, unsigned int in_flight, struct window *w);
/** window_renew() - clients ask for what they have, for so long */
int window_renew(struct site *s, unsigned int in_flight, __u64 ns, struct window *w);
/** window_release() - all leases are given back */
int window_release(struct site *s);
/** window_keep() - one more latency.  Return: 0 or -ENOMEM */
int window_keep(struct window *w, double us);
void window_free(struct window *w);

/* report.c */
enum figure_kind { FIGURE_RATE, FIGURE_MEDIAN, FIGURE_P99, FIGURE_MAX, N_FIGURES };

/* One metric's windows at one site. */
struct record {
	double figure[N_FIGURES][FARM_MAX_ROUNDS];	/* per second, then ms */
	struct window all;	/* of all rounds together */
	unsigned int rounds;
};

struct metric {
	const char *name, *label;
	unsigned int in_flight;		/* 0: all */
	bool renew;			/* else leases are given back and taken anew */
	__u64 again_ns;			/* the same clients renew again and again for so long; 0: once */
	unsigned int rounds, quick_rounds;
	struct record *of[FARM_MAX_SITES];
};

/** record_add() - a window of one round.  Return: 0 or -ENOMEM */
int record_add(struct record *r, const struct window *w);
/** report() - print table and goals; @disk: its own time for a sync.  Return: 0, 3 a goal is not met, 4 too noisy to judge */
int report(const struct site *sites, unsigned int n_sites, const struct metric *metrics,
	   unsigned int n_metrics, const struct record *disk, double steal_percent,
	   const char *json_path);

#endif
