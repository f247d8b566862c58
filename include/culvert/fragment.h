/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of abi.h that tells of fragments.  Included by abi.h alone. */
#ifndef CULVERT_FRAGMENT_H
#define CULVERT_FRAGMENT_H

/*
 * Map `datagrams`: what is known of fragmented datagrams on their way; an array
 * of sets of places, by hash of the key (frag.h).  Map `held`: fragments that
 * came before their first.
 */
struct cv_datagram_key {
	__be32 saddr, daddr;
	__be16 id;
	__u8   proto;
	__u8   use;
	__u32  net;		/* 0 when from the uplink */
};

/* A part of a datagram that has passed, in units of 8 bytes; @to 0: none. */
struct cv_datagram_part {
	__u16 from, to;
};

/**
 * struct cv_datagram - a fragmented datagram on its way
 * @tick:	when it began; 0: this place is free
 * @token:	names it in `held`
 * @id:		its identification outside; the low 16 bits
 * @known:	the first fragment has come, the ports are known
 * @held:	place + 1 of the copy that was hung in last
 * @end:	of the datagram; 0 while not known
 * @passed:	a part has passed
 */
struct cv_datagram {
	struct cv_datagram_key key;
	__u32  tick;
	__u32  token;
	__be16 sport, dport;
	__u32  id;
	__u16  known;
	__u16  held;
	__u16  end;
	__u16  passed;
	struct cv_datagram_part parts[CV_DATAGRAM_RANGES];
};

/**
 * struct cv_held - a fragment that waits for the first one of its datagram
 * @word:	tick << 32 | token << 2 | state (frag.h), changed by
 *		compare-and-swap; 0: this place is free
 * @len:	of the frame, bytes
 * @next:	place + 1 of the next copy, 0: no more
 */
struct cv_held {
	__u64 word;
	__u16 len;
	__u16 next;
	__u32 net, slot;
	__u32 pad;
	__u8  frame[CV_HELD_BYTES];
};

CV_ASSERT_SIZE(struct cv_datagram_key, 16);
CV_ASSERT_SIZE(struct cv_datagram, 104);
CV_ASSERT_SIZE(struct cv_held, 2072);

#endif
