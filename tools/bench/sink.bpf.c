// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of the road: counts every test packet and drops it before the stack
 * sees it.  A packet whose addresses are not the expected ones is counted as
 * wrong: a NAT that is fast because it forgot to translate must not win.
 * While flows are made (learn) it also checks both checksums and writes down
 * the source port that the NAT chose.  Runs on the generator's CPU, in its
 * softirq, hence plain counters.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "wire.h"

const volatile __be32 expect_saddr;
const volatile __be32 expect_daddr;
const volatile __u32 expect_flow_port;	/* destination port is the flow's own */

__u64 counted;
__u64 wrong;
__u64 bad_sum;
__u32 learn;
__be16 source_port[BENCH_MAX_FLOWS];

static __always_inline __u32 sum_halves(const __u16 *p, int n)
{
	__u32 sum = 0;

#pragma unroll
	for (int i = 0; i < n; i++)
		sum += p[i];
	return sum;
}

static __always_inline bool sum_good(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

/* In 16-bit halves of the frame. */
#define AT(member)	(__builtin_offsetof(struct bench_frame, member) / 2)

static __always_inline void learn_flow(const struct bench_frame *f)
{
	const __u16 *half = (const void *)f;
	__u32 id = bpf_ntohl(f->id);
	__u32 sum;

	sum = sum_halves(half + AT(udp), sizeof(*f) / 2 - AT(udp));
	sum += sum_halves(half + AT(ip.saddr), 4);
	sum += bpf_htons(IPPROTO_UDP) + f->udp.len;
	if (!sum_good(sum) || !f->udp.check ||
	    !sum_good(sum_halves(half + AT(ip), sizeof(f->ip) / 2)))
		bad_sum++;
	if (id < BENCH_MAX_FLOWS)
		source_port[id] = f->udp.source;
}

static __always_inline bool expected(const struct bench_frame *f)
{
	if (f->ip.saddr != expect_saddr || f->ip.daddr != expect_daddr)
		return false;
	return !expect_flow_port ||
	       bpf_ntohs(f->udp.dest) == BENCH_PORT + bpf_ntohl(f->id);
}

SEC("tc")
int bench_sink(struct __sk_buff *skb)
{
	const struct bench_frame *f = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;

	if ((void *)(f + 1) > end || f->magic != bpf_htonl(BENCH_MAGIC) ||
	    f->eth.h_proto != bpf_htons(ETH_P_IP) || f->ip.protocol != IPPROTO_UDP)
		return TC_ACT_UNSPEC;
	if (learn)
		learn_flow(f);
	if (expected(f))
		counted++;
	else
		wrong++;
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "GPL";
