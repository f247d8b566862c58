/* SPDX-License-Identifier: GPL-2.0-only */
/* Random packets, few enough names that guests and peers meet on them. */
#ifndef CULVERT_TESTS_MODEL_NAT_RANDOM_H
#define CULVERT_TESTS_MODEL_NAT_RANDOM_H

#include "nat_model.h"

#define RANDOM_FORWARD	2100	/* a port that is forwarded in some worlds */

enum random_kind {
	OUT_ANY, OUT_FLOW, REPLY, STRANGER, ERROR_IN, ERROR_OUT, LATER, PIECES, ODD, CLOCK, FLUSH,
	N_KINDS
};

/**
 * struct random_step - what happens next
 * @hook, @at:	FROM_GUEST and a slot, or FROM_UPLINK and an uplink; @p goes there
 * @ticks:	of CLOCK
 * @net, @at:	of FLUSH
 */
struct random_step {
	enum random_kind kind;
	enum hook hook;
	__u32 at, net, ticks;
	struct packet p;
};

void random_seed(__u64 seed);
__u32 rnd(__u32 n);
#define PICK(list)	((list)[rnd(sizeof(list) / sizeof((list)[0]))])
const char *random_kind_name(enum random_kind kind);
/* In this world somebody sends more fragments than he may. */
extern bool random_flood;
/** random_limits() - filters, limits, addresses and rules of a world */
void random_limits(struct model *m);
/** random_step() - what @ret points to lasts until the next one */
void random_step(const struct model *m, struct random_step *ret);
/* --- datagrams in pieces: nat_pieces.c */

/** pieces_of() - cut the packet: @s becomes one piece, the others come later */
void pieces_of(struct random_step *s);
/** pieces_flood() - let it be one fragment of a datagram of its own */
void pieces_flood(struct random_step *s);
/** pieces_next() - another one.  False: there is none */
bool pieces_next(struct random_step *ret);
void pieces_clear(void);

/** random_print() - a packet, as TAP diagnostics */
void random_print(enum hook hook, __u32 at, const struct packet *p);

#endif
