/* SPDX-License-Identifier: GPL-2.0-only */
/* A DHCP message goes to the daemon. */
#ifndef CV_DHCP_STEER_H
#define CV_DHCP_STEER_H

#include "bucket.h"
#include "maps.h"

/* One request fewer that the port may send to the daemon; a relay has no limit. */
static __always_inline int dhcp_allowance(__u32 slot)
{
	struct cv_use *use = bpf_map_lookup_elem(&port_use, &slot);
	const struct cv_port *port = port_get(slot);

	if (!use || !port)
		return CV_DROP_UNKNOWN_PORT;
	if (port->flags & CV_PORT_RELAY)
		return 0;
	return bucket_take(&use->dhcp_tick, &use->dhcp_tokens, pkt_now(), CV_DHCP_PER_TICK,
			   CV_DHCP_BURST) ? 0 : CV_DROP_DHCP_RATE;
}

/*
 * A client gives its lease up, by RELEASE or DECLINE.  The daemon will end it,
 * now or when there is one again; until then nothing more is granted of it
 * here, so that what the daemon ends is not what the client was given since.
 * By the state's own word: what a renewal on another CPU writes is beside it.
 */
static __always_inline void dhcp_leave(struct dhcp_scratch *s, const struct pkt *p,
				       const struct cv_network *n,
				       const struct cv_port *port)
{
	struct cv_lease_key key = { .net = p->net };
	__be32 ip = s->type == CV_DHCP_RELEASE ? s->msg.ciaddr : s->requested;
	struct cv_lease *l;

	if ((s->type != CV_DHCP_RELEASE && s->type != CV_DHCP_DECLINE) ||
	    (s->server && s->server != n->gateway))
		return;
	if (port->flags & CV_PORT_STATIC && !s->relayed)
		return;		/* it keeps its address, whatever it says */
	pkt_mac_copy(key.mac, s->msg.chaddr);
	l = bpf_map_lookup_elem(&leases, &key);
	if (l && l->slot == p->slot && l->ip == ip)
		__sync_val_compare_and_swap(&l->state, CV_LEASE_BOUND, CV_LEASE_LEAVING);
}

/* Hand the frame to the daemon, within the port's allowance. */
static __noinline int dhcp_steer(struct __sk_buff *skb, const struct pkt *p,
				 struct dhcp_scratch *s, const struct cv_network *n,
				 const struct cv_port *port)
{
	__u32 slot = p->slot;
	__u64 len = skb->len;
	struct cv_request *r;
	int drop = dhcp_allowance(slot);

	if (drop)
		return drop;
	if (len < DHCP_HEADERS || len > CV_FRAME_SIZE)
		return CV_DROP_DHCP_MALFORMED;
	r = bpf_ringbuf_reserve(&requests, sizeof(*r), 0);
	if (!r)
		return CV_DROP_DHCP_RING;
	r->slot = slot;
	r->net = p->net;
	r->len = len;
	r->boot_ns = bpf_ktime_get_boot_ns();
	PKT_OPAQUE(len);
	if (len < DHCP_HEADERS || len > CV_FRAME_SIZE ||
	    bpf_skb_load_bytes(skb, 0, r->frame, len)) {
		bpf_ringbuf_discard(r, 0);
		return CV_DROP_DHCP_MALFORMED;
	}
	dhcp_leave(s, p, n, port);	/* before the daemon can see it */
	bpf_ringbuf_submit(r, 0);
	TOTAL_ADD(dhcp_steered, 1);
	return 0;
}

#endif
