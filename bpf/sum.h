/* SPDX-License-Identifier: GPL-2.0-only */
/* The Internet checksum over bytes of the packet. */
#ifndef CV_SUM_H
#define CV_SUM_H

#include "maps.h"

struct sum_walk {
	struct __sk_buff *skb;
	struct cv_scratch *s;
	__u32 off, left;
	__s64 sum;
};

static long sum_chunk(__u32 i, struct sum_walk *w)
{
	__u32 n = w->left < CV_SUM_CHUNK ? w->left : CV_SUM_CHUNK;

	if (!n)
		return 1;
	/* What is left of the last word is zero. */
	*(__u32 *)&w->s->chunk[(n - 1) & (CV_SUM_CHUNK - 4)] = 0;
	PKT_OPAQUE(n);
	n = ((n - 1) & (CV_SUM_CHUNK - 1)) + 1;
	if (bpf_skb_load_bytes(w->skb, w->off, w->s->chunk, n)) {
		w->sum = -1;
		return 1;
	}
	w->sum = bpf_csum_diff(NULL, 0, (void *)w->s->chunk, (n + 3) & (2 * CV_SUM_CHUNK - 4), w->sum);
	w->off += n;
	w->left -= n;
	return 0;
}

/*
 * Add up @len bytes from @off.  Return: the sum folded to 16 bits, not
 * inverted; negative when they cannot be read.
 */
static __noinline int sum_bytes(struct __sk_buff *skb, __u32 off, __u32 len)
{
	__u32 zero = 0;
	struct sum_walk w = { .skb = skb, .off = off, .left = len };

	w.s = bpf_map_lookup_elem(&scratch, &zero);
	if (!w.s)
		return -1;
	bpf_loop(0xffff / CV_SUM_CHUNK + 1, sum_chunk, &w, 0);
	return w.sum < 0 || w.left ? -1 : csum_fold_sum(w.sum);
}

#endif
