/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What enters again: a program may send a frame back to the ingress of the
 * link where it came in, behind what it was given.  Here it is caught there
 * and given to the program in its turn, as the kernel would.
 */
#ifndef CULVERT_TESTS_BPF_AGAIN_H
#define CULVERT_TESTS_BPF_AGAIN_H

#include "table.h"

struct frame {
	__u8 bytes[PACKET_MAX];
	unsigned int len;
};

#define TRAVEL_MAX	80

/**
 * struct travel - what has become of a frame and of all that entered again
 * @left, @n_left: redirected, in order
 * @entered, @n_entered: entered again, in order, before they were judged
 * @n_passed:	left to the kernel, unchanged
 * @n_dropped:	dropped or held
 */
struct travel {
	struct frame left[TRAVEL_MAX], entered[TRAVEL_MAX];
	unsigned int n_left, n_entered, n_passed, n_dropped;
};

/** again_none() - forget what entered so far: an earlier claim's */
void again_none(enum hook hook, __u32 at);

/** again_travel() - give a frame to a program, and then what enters again, until nothing does */
void again_travel(enum hook hook, __u32 at, const struct frame *f, struct travel *ret);

/* Of a datagram that is put together again from the frames that left. */
struct datagram {
	__u8 bytes[20 + 0x10000];	/* an IPv4 packet with the first fragment's header */
	unsigned int len;
	unsigned int n_parts, longest;	/* longest: total length of a part */
	__u16 id;
	bool in_order;
};

/**
 * datagram_join() - put fragments together
 *
 * Says with check_failed() what is wrong: a header checksum, another address,
 * identification or TTL than the first one's, a part over another, a hole, a
 * second end.  Return: false then.
 */
bool datagram_join(const struct frame *parts, unsigned int n, struct datagram *ret);

#endif
