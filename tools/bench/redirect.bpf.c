// SPDX-License-Identifier: GPL-2.0-only
/*
 * The limits: culvert's four hooks without a NAT, and with as little of one as
 * can be.
 *
 * redirect: a packet hops from link to link, gets the MAC addresses it needs on
 * the wire and one count (the proof that it came this way); nothing is parsed,
 * looked up or rewritten.
 *
 * bare: one lookup besides, one note of when and how much, and the guest's
 * address exchanged for the host's.  Nothing is asked: whose the packet is,
 * whether it is whole, whether the flow may be, lives, or has the port; it fits
 * the bench's one guest and its packets only.
 */
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "wire.h"

const volatile __u32 uplink_ifindex;	/* up0, on the host */
const volatile __u32 host_ifindex;	/* hv0, on the host */
const volatile __u32 ns_ifindex;	/* uplink0, hv0's other end */
const volatile __u32 port_ifindex;	/* the guest's */
const volatile __u32 port_is_tap;	/* which has no other end to be put at */
const volatile __u8 translates;	/* bare */
const volatile __u8 to_far[2 * ETH_ALEN];	/* destination, source */
const volatile __u8 to_guest[2 * ETH_ALEN];

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct bench_carried);
} carried SEC(".maps");

struct bare_key {
	__be32 peer;
	__be16 port, peer_port;
	__u32  proto;
};

/* As large as culvert's. */
struct bare_flow {
	__u64  out_packets, out_bytes, in_packets, in_bytes;
	__u32  tick;
	__be32 inside, outside;
	__u32  pad[5];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__type(key, struct bare_key);
	__type(value, struct bare_flow);
} bare_flows SEC(".maps");

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

/* RFC 1624, eqn. 3; @delta is the sum of what is new and of what went, inverted. */
static __always_inline __sum16 sum_changed(__sum16 sum, __u32 delta)
{
	delta += (__u16)~sum;
	delta = (delta & 0xffff) + (delta >> 16);
	return ~((delta & 0xffff) + (delta >> 16));
}

static __always_inline __u32 sum_delta(__be32 from, __be32 to)
{
	__u32 not_from = ~from;

	return (not_from >> 16) + (not_from & 0xffff) + (to >> 16) + (to & 0xffff);
}

/*
 * The address at @at becomes @to.  UDP's checksum is there and full, as the
 * generator makes it; TCP's may be half made, which the helper knows.
 */
static __always_inline int translate(struct __sk_buff *skb, __u32 at, __be32 from, __be32 to)
{
	struct iphdr *ip = (void *)(long)skb->data + ETH_HLEN;
	struct udphdr *udp = (void *)(ip + 1);
	__u32 delta = sum_delta(from, to);

	if ((void *)(udp + 1) > (void *)(long)skb->data_end)
		return -1;
	if (ip->protocol == IPPROTO_UDP) {
		udp->check = sum_changed(udp->check, delta);
	} else {
		if (bpf_l4_csum_replace(skb, ETH_HLEN + sizeof(*ip) + offsetof(struct tcphdr, check), from, to,
					BPF_F_PSEUDO_HDR | sizeof(to)))
			return -1;
		ip = (void *)(long)skb->data + ETH_HLEN;
		if ((void *)(ip + 1) > (void *)(long)skb->data_end)
			return -1;
	}
	*(__be32 *)((void *)ip + at) = to;
	ip->ttl--;
	/* TTL is the high byte of its word. */
	ip->check = sum_changed(ip->check, delta + (__u16)~bpf_htons(0x0100));
	return 0;
}

/* A packet's flow; out of the guest, one is made.  NULL: there is none. */
static __always_inline struct bare_flow *flow_of(struct __sk_buff *skb, bool out)
{
	struct iphdr *ip = (void *)(long)skb->data + ETH_HLEN;
	struct udphdr *ports = (void *)(ip + 1);
	struct bare_flow fresh = {}, *flow;
	struct bare_key key = {};

	if ((void *)(ports + 1) > (void *)(long)skb->data_end)
		return NULL;
	key.proto = ip->protocol;
	key.peer = out ? ip->daddr : ip->saddr;
	key.port = out ? ports->source : ports->dest;
	key.peer_port = out ? ports->dest : ports->source;
	flow = bpf_map_lookup_elem(&bare_flows, &key);
	if (flow || !out)
		return flow;
	fresh.inside = bpf_htonl(BENCH_GUEST_IP);
	fresh.outside = bpf_htonl(BENCH_EXT_IP);
	bpf_map_update_elem(&bare_flows, &key, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&bare_flows, &key);
}

/* Return: 0, or -1 when it is not of a flow. */
static __always_inline int bare(struct __sk_buff *skb, bool out)
{
	struct bare_flow *flow = flow_of(skb, out);

	if (!flow)
		return -1;
	flow->tick = bpf_ktime_get_coarse_ns() >> 27;
	if (out) {
		flow->out_packets++;
		flow->out_bytes += skb->len;
		return translate(skb, offsetof(struct iphdr, saddr), flow->inside, flow->outside);
	}
	flow->in_packets++;
	flow->in_bytes += skb->len;
	return translate(skb, offsetof(struct iphdr, daddr), flow->outside, flow->inside);
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
	if ((translates && bare(skb, true)) || store_macs(skb, to_far))
		return TC_ACT_UNSPEC;
	return bpf_redirect(uplink_ifindex, 0);
}

SEC("tc")
int bench_from_uplink(struct __sk_buff *skb)
{
	if ((translates && bare(skb, false)) || store_macs(skb, to_guest))
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
