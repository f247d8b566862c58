// SPDX-License-Identifier: GPL-2.0-only
/*
 * The limit: culvert's four hooks without a NAT.  A packet hops from link to
 * link by redirects, gets the MAC addresses it needs on the wire and one count
 * (the proof that it came this way); nothing is parsed, looked up or rewritten.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "wire.h"

const volatile __u32 uplink_ifindex;	/* up0, on the host */
const volatile __u32 host_ifindex;	/* hv0, on the host */
const volatile __u32 ns_ifindex;	/* uplink0, hv0's other end */
const volatile __u32 port_ifindex;	/* the guest's */
const volatile __u32 port_is_tap;	/* which has no other end to be put at */
const volatile __u8 to_far[2 * ETH_ALEN];	/* destination, source */
const volatile __u8 to_guest[2 * ETH_ALEN];

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct bench_carried);
} carried SEC(".maps");

static __always_inline void count(struct __sk_buff *skb, __u32 direction)
{
	struct bench_carried *c = bpf_map_lookup_elem(&carried, &direction);

	if (c) {
		c->packets++;
		c->bytes += skb->len;
	}
}

/* Return: 0, or -1 when it is not IPv4. */
static __always_inline int store_macs(struct __sk_buff *skb, const volatile __u8 *macs)
{
	struct ethhdr *eth = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	__u8 *addresses = (void *)eth;

	if ((void *)(eth + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return -1;
#pragma unroll
	for (int i = 0; i < 2 * ETH_ALEN; i += 2)
		*(__u16 *)(addresses + i) = *(const volatile __u16 *)(macs + i);
	return 0;
}

SEC("tc")
int bench_from_guest(struct __sk_buff *skb)
{
	if (skb->protocol != bpf_htons(ETH_P_IP))
		return TC_ACT_UNSPEC;
	count(skb, 0);
	return bpf_redirect_peer(ns_ifindex, 0);
}

SEC("tc")
int bench_to_uplink(struct __sk_buff *skb)
{
	if (store_macs(skb, to_far))
		return TC_ACT_UNSPEC;
	return bpf_redirect(uplink_ifindex, 0);
}

SEC("tc")
int bench_from_uplink(struct __sk_buff *skb)
{
	if (store_macs(skb, to_guest))
		return TC_ACT_UNSPEC;
	return bpf_redirect_peer(host_ifindex, 0);
}

SEC("tc")
int bench_to_guest(struct __sk_buff *skb)
{
	if (skb->protocol != bpf_htons(ETH_P_IP))
		return TC_ACT_UNSPEC;
	count(skb, 1);
	return port_is_tap ? bpf_redirect(port_ifindex, 0) : bpf_redirect_peer(port_ifindex, 0);
}

char LICENSE[] SEC("license") = "GPL";
