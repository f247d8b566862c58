/* SPDX-License-Identifier: GPL-2.0-only */
/* Internet checksum arithmetic (RFC 1071, RFC 1624).  Pure. */
#ifndef CV_CSUM_H
#define CV_CSUM_H

#include <linux/types.h>

/* Fold a 32-bit sum to 16 bits, not inverted. */
static __always_inline __u16 csum_fold_sum(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static __always_inline __u16 csum_fold(__u32 sum)
{
	return ~csum_fold_sum(sum);
}

/*
 * What the checksum @check becomes when the words that add up to @removed
 * leave and those that add up to @added come (RFC 1624, equation 3).
 */
static __always_inline __u16 csum_replace(__u16 check, __u32 removed, __u32 added)
{
	return csum_fold((__u16)~check + (__u32)(__u16)~csum_fold_sum(removed) + added);
}

/* The two 16-bit words of an address, added. */
static __always_inline __u32 csum_addr(__be32 addr)
{
	return (addr & 0xffff) + (addr >> 16);
}

#endif
