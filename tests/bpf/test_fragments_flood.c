// SPDX-License-Identifier: GPL-2.0-only
/*
 * Datagrams that are begun and never ended: as many as the limits let the
 * outside, or eight guests, have at once.  Another guest finds room for its own
 * all the same; places are found by a hash, so one in a hundred may be refused.
 */
#include <stdio.h>
#include <string.h>

#include "table.h"

#define BEGUN	.proto = UDP, .sport = 5000, .dport = 53, .frag = MF, .len = 64
#define ENDED	.proto = UDP, .frag = 9, .len = 64
#define N_OWN	200

enum { FIRST_GREEDY = 30, N_GREEDY = 8 };

static unsigned int redirected(enum hook hook, const struct packet *p)
{
	return world_send(hook, p) == REDIRECT;
}

/* How many of BOB's datagrams pass whole. */
static unsigned int bobs(void)
{
	struct packet first = { .dmac = GATEWAY_MAC, .smac = BOB_MAC, .saddr = BOB_IP, .daddr = SERVER, BEGUN };
	struct packet last = { .dmac = GATEWAY_MAC, .smac = BOB_MAC, .saddr = BOB_IP, .daddr = SERVER, ENDED };
	unsigned int n = 0;

	for (unsigned int i = 0; i < N_OWN; i++) {
		first.id = last.id = i * 77;
		n += redirected(TO_UPLINK, &first) && redirected(TO_UPLINK, &last);
	}
	return n;
}

static void check_room(unsigned int refused)
{
	unsigned int n = bobs();

	if (n < N_OWN - N_OWN / 100)
		check_failed(__FILE__, __LINE__, "of %u datagrams %u pass; of the flood %u found no room", N_OWN, n, refused);
}

static void flood_from_outside(void)
{
	struct packet p = {
		.dmac = UPLINK_MAC, .smac = PEER_MAC, .saddr = SERVER, .daddr = HOST_IP, .proto = UDP, .sport = 53,
		.dport = 5000, .frag = MF, .len = 64,
	};
	const struct packet query = {
		.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = ANN_IP, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53,
	};
	unsigned int n = 0;

	claim_begin();
	world_send(TO_UPLINK, &query);
	for (p.id = 0; p.id < CV_DATAGRAMS_OUTSIDE; p.id++)
		n += redirected(FROM_UPLINK, &p);
	check_room(CV_DATAGRAMS_OUTSIDE - n);
	claim_end("with %u datagrams from outside unfinished a guest's own pass", CV_DATAGRAMS_OUTSIDE);
}

static void flood_of_guests(void)
{
	struct packet p = { .dmac = GATEWAY_MAC, .daddr = SERVER, BEGUN };
	unsigned int n = 0;

	claim_begin();
	for (unsigned int i = 0; i < N_GREEDY; i++) {
		p.saddr = IP(10, 77, 0, FIRST_GREEDY + i);
		world_add_port(NET, FIRST_GREEDY + i, p.saddr);
		for (p.id = 0; p.id < CV_DATAGRAMS_PER_PORT; p.id++)
			n += redirected(TO_UPLINK, &p);
	}
	check_room(N_GREEDY * CV_DATAGRAMS_PER_PORT - n);
	claim_end("with %u datagrams of eight guests unfinished another's pass", N_GREEDY * CV_DATAGRAMS_PER_PORT);
}

int main(void)
{
	world_open();
	flood_from_outside();
	flood_of_guests();
	return table_end();
}
