/* SPDX-License-Identifier: GPL-2.0-only */
/* What a guest may do so often, and in a burst. */
#ifndef CV_BUCKET_H
#define CV_BUCKET_H

#include "pkt.h"

/* Take one token; @per_tick of them come each tick, @burst at most are kept.  False: none is left. */
static __always_inline bool bucket_take(__u32 *tick, __u32 *tokens, __u32 now, __u32 per_tick,
					__u32 burst)
{
	__u32 gain = (now - *tick) * per_tick;

	*tick = now;
	/* Two CPUs may take the last token at once: below zero is zero. */
	if (*tokens > burst)
		*tokens = 0;
	if (gain > burst - *tokens)
		*tokens = burst;
	else
		*tokens += gain;
	if (!*tokens)
		return false;
	--*tokens;
	return true;
}

#endif
