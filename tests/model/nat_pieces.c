// SPDX-License-Identifier: GPL-2.0-only
/*
 * Datagrams in pieces: in order and not, some twice, some over another, some
 * lost, some of a length that cannot be.
 */
#include <string.h>

#include "nat_random.h"

#define N_PIECES	64

static struct random_step pieces[N_PIECES];
static unsigned int n_pieces;

void pieces_clear(void)
{
	n_pieces = 0;
}

/* The @i-th of @n, from block @from on.  Return: where the next one begins. */
static unsigned int cut(const struct packet *p, unsigned int i, unsigned int n, unsigned int from)
{
	unsigned int header = p->proto == TCP ? 20 : p->proto == UDP || p->proto == ICMP ? 8 : 0;
	struct random_step *s = &pieces[n_pieces++];
	unsigned int blocks = 1 + rnd(rnd(3) ? 8 : 180), bytes;

	if (from)
		header = 0;
	if (blocks * 8 < header)
		blocks = 3;
	bytes = blocks * 8 - header;
	if (i == n - 1 || !rnd(20))
		bytes += rnd(8);
	s->p.len = bytes;
	s->p.frag = from | (i < n - 1 ? MF : 0);
	from += blocks;
	return rnd(30) ? from : rnd(2) ? from - 1 : from + 1 + rnd(3);
}

static void shuffle(unsigned int first)
{
	struct random_step keep;

	for (unsigned int i = n_pieces - 1; i > first; i--) {
		unsigned int k = first + rnd(i - first + 1);

		keep = pieces[i];
		pieces[i] = pieces[k];
		pieces[k] = keep;
	}
}

void pieces_of(struct random_step *s)
{
	unsigned int n = rnd(12) ? 2 + rnd(5) : 20, from = 0, first = n_pieces;

	/* What is cut already stays as it is. */
	if (n_pieces + n + 1 > N_PIECES || s->p.frag & MF)
		return;
	s->p.trailer = 0;
	s->p.id = rnd(64);
	for (unsigned int i = 0; i < n; i++) {
		pieces[n_pieces] = *s;
		from = cut(&s->p, i, n, from);
		/* Holes all over. */
		if (n == 20)
			from += rnd(8) != 0;
		if (i && !rnd(16))
			n_pieces--;
	}
	if (!rnd(12)) {
		pieces[n_pieces] = pieces[first + rnd(n_pieces - first)];
		n_pieces++;
	}
	if (rnd(2))
		shuffle(first);
	pieces_next(s);
}

void pieces_flood(struct random_step *s)
{
	unsigned int header = s->p.proto == TCP ? 20 : s->p.proto == UDP || s->p.proto == ICMP ? 8 : 0;

	s->kind = PIECES;
	s->p.trailer = 0;
	s->p.id = rnd(65536);
	s->p.frag = MF | (rnd(3) ? 1 + rnd(100) : 0);
	if (s->p.frag & 0x1fff)
		header = 0;
	s->p.len = 8 * (3 + rnd(4)) - header;
	if (s->p.proto == TCP && !header && (s->p.frag & 0x1fff) == 1)
		s->p.frag++;
	if (header == 20)
		s->p.len = 32 - header;
	if (!rnd(40))
		s->p.len = 2000 + 8 * rnd(10);
}

bool pieces_next(struct random_step *ret)
{
	if (!n_pieces)
		return false;
	*ret = pieces[0];
	memmove(pieces, pieces + 1, --n_pieces * sizeof(pieces[0]));
	ret->kind = PIECES;
	return true;
}
