/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest may leave its checksum to the kernel and says where it is to be
 * written (virtio_net_hdr, PACKET_VNET_HDR).  The kernel writes it when the
 * packet is sent, after guard and translation: a guest that names the place of
 * its source address would forge it behind our back.  So the place must be
 * that of the transport checksum of the packet that was judged.
 */
#ifndef CV_OFFLOAD_H
#define CV_OFFLOAD_H

#include "maps.h"

#include <bpf/bpf_core_read.h>

/* linux/skbuff.h */
#define OFFLOAD_CHECKSUM_COMPLETE	2	/* skb->csum is of the whole packet */
#define OFFLOAD_CHECKSUM_PARTIAL	3	/* the sender's link is to complete it */

/* What is read of the kernel's packet; its BTF tells where the fields are. */
struct sk_buff {
	__u16 network_header;
	__u16 csum_start;
	__u16 csum_offset;
	__u8  ip_summed:2;
	struct net_device *dev;
} __attribute__((preserve_access_index));

struct net_device {
	const unsigned char *dev_addr;
} __attribute__((preserve_access_index));

/* The address of the link where the packet came in. */
static __always_inline int offload_link_mac(struct __sk_buff *skb, __u8 *ret_mac)
{
	struct sk_buff *kernel = (void *)skb;
	const unsigned char *addr = BPF_CORE_READ(kernel, dev, dev_addr);

	return bpf_probe_read_kernel(ret_mac, 6, addr);
}

/* The kernel's packet, whose fields may be read without asking (6.2). */
extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak;

/* What the kernel knows of the packet's transport checksum: OFFLOAD_CHECKSUM_*. */
static __always_inline __u8 offload_summed(struct __sk_buff *skb)
{
	struct sk_buff *kernel = (void *)skb;

	if (!cv_kernel_skb)
		return BPF_CORE_READ_BITFIELD_PROBED(kernel, ip_summed);
	kernel = bpf_cast_to_kern_ctx(skb);
	return BPF_CORE_READ_BITFIELD(kernel, ip_summed);
}

static __always_inline bool offload_is_partial(struct __sk_buff *skb)
{
	return offload_summed(skb) == OFFLOAD_CHECKSUM_PARTIAL;
}

/* Where the kernel would write a checksum: the header's place in the IP packet, and its own there. */
static __always_inline int offload_place(struct __sk_buff *skb, __u16 *ret_header, __u16 *ret_check)
{
	struct sk_buff *kernel = (void *)skb;
	__u16 start, offset, network;

	if (cv_kernel_skb) {
		kernel = bpf_cast_to_kern_ctx(skb);
		start = kernel->csum_start;
		offset = kernel->csum_offset;
		network = kernel->network_header;
	} else if (bpf_core_read(&start, sizeof(start), &kernel->csum_start) ||
		   bpf_core_read(&offset, sizeof(offset), &kernel->csum_offset) ||
		   bpf_core_read(&network, sizeof(network), &kernel->network_header)) {
		return CV_DROP_OFFLOAD;
	}
	*ret_header = start - network;
	*ret_check = offset;
	return 0;
}

/* @p has been parsed when the packet is IPv4. */
static __always_inline int offload_check(struct __sk_buff *skb, const struct pkt *p)
{
	__u16 header, check;

	if (!offload_is_partial(skb))
		return 0;
	if (offload_place(skb, &header, &check) ||
	    skb->protocol != bpf_htons(ETH_P_IP) || pkt_is_fragment(p) ||
	    (p->proto != IPPROTO_TCP && p->proto != IPPROTO_UDP) ||
	    header != p->l4_off - PKT_IP_OFF || check != pkt_csum_off(p->proto))
		return CV_DROP_OFFLOAD;
	return 0;
}

#endif
