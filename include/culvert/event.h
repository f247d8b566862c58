/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of abi.h that is about what happens: who looks on, and what he is
 * told.  Included by abi.h, which has the rules and the version.
 */
#ifndef CULVERT_EVENT_H
#define CULVERT_EVENT_H

/* What a monitor asks for. */
#define CV_MONITOR_FLOWS	(1U << 0)	/* that begin and end */
#define CV_MONITOR_REFUSALS	(1U << 1)	/* new flows that were not made */
#define CV_MONITOR_LEASES	(1U << 2)
#define CV_MONITOR_DESTINATIONS	(1U << 3)	/* with peers: not for a log (RFC 6888 REQ-12) */

/**
 * struct cv_monitor - who looks on; map `monitor`, index 0
 * @until_tick:	from then on nobody does: who does writes it again and again,
 *		so that one that was killed costs nothing
 * @what:	CV_MONITOR_*
 * @net:	network id, 0: all
 */
struct cv_monitor {
	__u32 until_tick;
	__u32 what;
	__u32 net;
	__u32 pad;
};

enum cv_event_kind {
	CV_EVENT_NEW = 1,	/* a flow was made */
	CV_EVENT_EXPIRED,	/* one was taken away: silent for its timeout */
	CV_EVENT_FLUSHED,	/* by a command */
	CV_EVENT_REFUSED,	/* one was not made */
	CV_EVENT_LEASE,
};

/* What becomes of a lease.  Order is ABI: append only. */
#define CV_LEASE_NEWS(X)							\
	X(OFFERED, "offered")							\
	X(BOUND, "bound")							\
	X(RENEWED, "renewed")							\
	X(REFUSED, "refused")							\
	X(DECLINED, "declined")							\
	X(RELEASED, "released")							\
	X(EXPIRED, "expired")

enum cv_lease_news {
	CV_LEASE_NO_NEWS,
#define CV_LEASE_NEWS_ENUM(id, name)	CV_LEASE_##id##_NEWS,
	CV_LEASE_NEWS(CV_LEASE_NEWS_ENUM)
#undef CV_LEASE_NEWS_ENUM
	CV_N_LEASE_NEWS
};

/**
 * struct cv_event - in the ring `events`
 * @boot_ns:	when
 * @kind:	enum cv_event_kind
 * @why:	REFUSED: enum cv_drop; LEASE: enum cv_lease_news
 * @tuple:	of the flow, @remote and @rport 0 unless CV_MONITOR_DESTINATIONS;
 *		of a lease its address in @local
 * @addr, @port: outside; 0: there is none
 * @state, @flags: as of struct cv_flow; REFUSED: CV_FLOW_INBOUND, CV_FLOW_HOST or 0
 * @duration_ticks: EXPIRED, FLUSHED: from the first packet to the last
 * @lease_s:	LEASE: what was granted, 0: nothing
 * @out_packets, ...: EXPIRED, FLUSHED: as of struct cv_flow
 * @network, @guest: names at that moment; empty: not known
 */
struct cv_event {
	__u64  boot_ns;
	__u32  slot;
	__u16  net;
	__u8   kind;
	__u8   why;
	struct cv_tuple tuple;
	__be32 addr;
	__be16 port;
	__u8   state;
	__u8   flags;
	__u32  duration_ticks;
	__u32  lease_s;
	__u64  out_packets, out_bytes;
	__u64  in_packets, in_bytes;
	char   network[CV_NAME_SIZE];
	char   guest[CV_NAME_SIZE];
};

/* Map `lease_event`, index 0: the argument of the program cv_event. */
struct cv_lease_event {
	__u32  net;
	__u32  slot;
	__be32 ip;
	__u32  news;		/* enum cv_lease_news */
	__u32  lease_s;
};

CV_ASSERT_SIZE(struct cv_monitor, 16);
CV_ASSERT_SIZE(struct cv_event, 144);
CV_ASSERT_SIZE(struct cv_lease_event, 20);

#endif
