/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DHCP at the guest's port.  A request of a client whose lease is known is
 * answered here, in its own frame; every other one goes to the daemon.
 *
 * The decision is final before the first byte is written.  What the client
 * sent is never sent back but for its transaction, its addresses and its
 * client id (RFC 6842).
 */
#ifndef CV_DHCP_H
#define CV_DHCP_H

#include "dhcp_steer.h"
#include "event.h"
#include "guard.h"

#define DHCP_NS_PER_S		1000000000ULL
#define DHCP_NAME_MAX		63	/* letters that a lease keeps */
#define DHCP_MIN_GRANT_S	60	/* less than that to grant: the daemon decides */

/* Is this a message that a client on this port may send at all? */
static __always_inline int dhcp_check(struct dhcp_scratch *s, const struct cv_port *port)
{
	const struct cv_dhcp *m = &s->msg;

	if (m->op != CV_DHCP_REQUEST_OP || m->htype != CV_DHCP_HTYPE_ETHERNET ||
	    m->hlen != CV_DHCP_HLEN_ETHERNET || m->magic != bpf_htonl(CV_DHCP_MAGIC))
		return CV_DROP_DHCP_MALFORMED;
	s->relayed = !pkt_mac_equal(m->chaddr, port->mac);
	return s->relayed && !(port->flags & CV_PORT_RELAY) ? CV_DROP_SPOOFED_MAC : 0;
}

/* Copy header and options out of the packet and read them. */
static __always_inline int dhcp_load(struct __sk_buff *skb, const struct pkt *p,
				     struct dhcp_scratch *s, const struct cv_port *port)
{
	__u32 fixed = p->l4_off + 8, options = fixed + CV_DHCP_FIXED_SIZE;
	__u64 size = p->len + PKT_IP_OFF - options;
	__be16 udp_len;
	int drop;

	/* By the IP packet's length: what pads the frame behind it is no option. */
	if (pkt_is_fragment(p) || p->len + PKT_IP_OFF <= options || skb->len > CV_FRAME_SIZE)
		return CV_DROP_DHCP_MALFORMED;
	if (bpf_skb_load_bytes(skb, p->l4_off + offsetof(struct udphdr, len), &udp_len, 2) ||
	    bpf_ntohs(udp_len) != p->len + PKT_IP_OFF - p->l4_off)
		return CV_DROP_DHCP_MALFORMED;
	s->off = s->type = s->requested = s->server = 0;
	s->name_off = s->name_len = 0;
	s->seen = s->id_off = s->id_len = s->odd = s->rapid = 0;
	if (bpf_skb_load_bytes(skb, fixed, &s->msg, sizeof(s->msg)))
		return CV_DROP_DHCP_MALFORMED;
	drop = dhcp_check(s, port);
	if (drop)
		return drop;
	if (p->l4_off != ETH_HLEN + 20 || size > DHCP_OPTIONS_SIZE) {
		s->odd = 1;
		return 0;
	}
	/* Says the same again: 6.1 learns nothing from a comparison with zero. */
	PKT_OPAQUE(size);
	size = ((size - 1) & (DHCP_OPTIONS_SIZE - 1)) + 1;
	if (bpf_skb_load_bytes(skb, options, s->options, size))
		return CV_DROP_DHCP_MALFORMED;
	return dhcp_parse(s, size);
}

/* Is this the client that the lease was given to? */
static __always_inline bool dhcp_same_client(struct dhcp_scratch *s, const struct cv_lease *l)
{
	/* A reservation is for the port, whoever asks. */
	if (l->flags & CV_LEASE_STATIC && !l->client_id_len)
		return true;
	if (s->id_len != l->client_id_len)
		return false;
	for (__u32 i = 0; i < DHCP_CLIENT_ID_MAX; i++) {
		if (i >= s->id_len)
			break;
		if (dhcp_byte(s, s->id_off + i) != l->client_id[i])
			return false;
	}
	return true;
}

/* One character of the client's name against the lease's.  False: they differ. */
static __always_inline bool dhcp_same_letter(struct dhcp_scratch *s, const struct cv_lease *l, __u8 c)
{
	__u32 at = DHCP_VOLATILE(s->name_at) & (sizeof(l->hostname) - 1);
	char want = l->hostname[at];

	if (c >= 'A' && c <= 'Z')
		c += 'a' - 'A';
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
		if (DHCP_VOLATILE(s->name_tail) || want != (char)c)
			return false;
	} else if (!at) {
		return true;	/* what is in front of the name is not kept */
	} else if (want != '-') {
		DHCP_VOLATILE(s->name_tail) = 1;	/* nor what is behind it */
		return true;
	}
	DHCP_VOLATILE(s->name_at) = at + 1;
	return true;
}

/*
 * Does the client still have the name of its lease, as dhcp_msg_hostname() reads
 * it?  The daemon must hear of a new one.  Who has a reservation is known by
 * another name, and who sends none keeps what he has.
 */
static __noinline int dhcp_same_name(struct dhcp_scratch *s, const struct cv_lease *l)
{
	if (!s->name_len || l->flags & CV_LEASE_STATIC)
		return 1;
	DHCP_VOLATILE(s->name_at) = 0;
	DHCP_VOLATILE(s->name_tail) = 0;
	for (__u32 i = 0; i < DHCP_NAME_MAX; i++) {
		__u8 c = dhcp_byte(s, s->name_off + i);

		if (i >= s->name_len || c == '.' || !c)
			break;
		if (!dhcp_same_letter(s, l, c))
			return 0;
	}
	/* A longer one is cut, so its end cannot be compared. */
	return DHCP_VOLATILE(s->name_at) == 0 || s->name_len > DHCP_NAME_MAX ||
	       !l->hostname[DHCP_VOLATILE(s->name_at) & (sizeof(l->hostname) - 1)];
}

/*
 * What the kernel may answer with, from the lease alone: an offer, an
 * acknowledgement, or (0) nothing: the daemon has to see it.  RFC 2131 4.3.
 */
static __always_inline __u8 dhcp_answer_type(const struct dhcp_scratch *s, const struct pkt *p,
					     const struct cv_lease *l,
					     const struct cv_network *n)
{
	const struct cv_dhcp *m = &s->msg;

	if (s->type == CV_DHCP_DISCOVER)
		return s->rapid && n->flags & CV_NET_RAPID_COMMIT ? CV_DHCP_ACK : CV_DHCP_OFFER;
	if (s->type != CV_DHCP_REQUEST)
		return 0;
	if (s->server && s->server != n->gateway)
		return 0;
	if (s->seen & DHCP_SEEN_REQUESTED)	/* SELECTING, INIT-REBOOT */
		return s->requested == l->ip && !m->ciaddr ? CV_DHCP_ACK : 0;
	/* RENEWING, REBINDING */
	return !s->server && m->ciaddr == l->ip && p->saddr == l->ip ? CV_DHCP_ACK : 0;
}

/* Where the reply goes (RFC 2131 4.1).  A relay's own MAC is the port's. */
static __always_inline void dhcp_destination(struct dhcp_reply *r, const struct dhcp_scratch *s,
					     const struct cv_port *port, __be32 yiaddr)
{
	pkt_mac_copy(r->eth.h_dest, s->msg.chaddr);
	if (s->msg.giaddr) {
		pkt_mac_copy(r->eth.h_dest, port->mac);
		r->ip.daddr = s->msg.giaddr;
	} else if (s->type == CV_DHCP_REQUEST && s->msg.ciaddr) {
		r->ip.daddr = s->msg.ciaddr;
	} else if (s->msg.flags & bpf_htons(CV_DHCP_FLAG_BROADCAST)) {
		r->ip.daddr = 0xffffffff;
		__builtin_memset(r->eth.h_dest, 0xff, 6);
	} else {
		r->ip.daddr = yiaddr;
	}
}

static __always_inline void dhcp_head(__u8 *o, __u8 type, __be32 server, __u32 grant_s)
{
	__be32 lease = bpf_htonl(grant_s), t1 = bpf_htonl(CV_DHCP_T1(grant_s)),
	       t2 = bpf_htonl(CV_DHCP_T2(grant_s));

	o[0] = CV_DHCP_OPT_MESSAGE_TYPE;
	o[1] = 1;
	o[CV_DHCP_HEAD_TYPE] = type;
	o[3] = CV_DHCP_OPT_SERVER_ID;
	o[4] = 4;
	__builtin_memcpy(o + CV_DHCP_HEAD_SERVER, &server, 4);
	o[9] = CV_DHCP_OPT_LEASE_TIME;
	o[10] = 4;
	__builtin_memcpy(o + CV_DHCP_HEAD_LEASE, &lease, 4);
	o[15] = CV_DHCP_OPT_RENEWAL_TIME;
	o[16] = 4;
	__builtin_memcpy(o + CV_DHCP_HEAD_RENEWAL, &t1, 4);
	o[21] = CV_DHCP_OPT_REBINDING_TIME;
	o[22] = 4;
	__builtin_memcpy(o + CV_DHCP_HEAD_REBINDING, &t2, 4);
}

/* Headers, fixed part and the first five options; zeros behind. */
static __noinline int dhcp_fill(struct dhcp_scratch *s, const struct cv_network *n,
				const struct cv_port *port, __be32 ip)
{
	__u32 size = s->large ? CV_DHCP_REPLY_MAX : CV_DHCP_REPLY_MIN;
	struct dhcp_reply *r = &s->reply;
	struct cv_dhcp *m = &r->msg;
	__s64 sum;

	__builtin_memset(r, 0, sizeof(*r));
	pkt_mac_copy(r->eth.h_source, n->gateway_mac);
	r->eth.h_proto = bpf_htons(ETH_P_IP);
	dhcp_destination(r, s, port, ip);

	r->ip.version = 4;
	r->ip.ihl = 5;
	r->ip.tot_len = bpf_htons(28 + size);
	r->ip.ttl = 64;
	r->ip.protocol = IPPROTO_UDP;
	r->ip.saddr = n->gateway;
	sum = bpf_csum_diff(NULL, 0, (void *)&r->ip, sizeof(r->ip), 0);
	r->ip.check = csum_fold(sum);
	r->udp.source = GUARD_DHCP_SERVER_PORT;
	r->udp.dest = s->msg.giaddr ? GUARD_DHCP_SERVER_PORT : GUARD_DHCP_CLIENT_PORT;
	r->udp.len = bpf_htons(8 + size);

	m->op = CV_DHCP_REPLY_OP;
	m->htype = CV_DHCP_HTYPE_ETHERNET;
	m->hlen = CV_DHCP_HLEN_ETHERNET;
	m->xid = s->msg.xid;
	m->flags = s->msg.flags;
	m->ciaddr = s->type == CV_DHCP_REQUEST ? s->msg.ciaddr : 0;
	m->yiaddr = ip;
	m->siaddr = n->gateway;
	m->giaddr = s->msg.giaddr;
	pkt_mac_copy(m->chaddr, s->msg.chaddr);
	m->magic = bpf_htonl(CV_DHCP_MAGIC);
	dhcp_head(r->payload + CV_DHCP_FIXED_SIZE, s->reply_type, n->gateway, s->grant_s);
	if (s->rapid)	/* RFC 4039; its length is the zero behind it */
		r->payload[CV_DHCP_FIXED_SIZE + CV_DHCP_HEAD_SIZE] = CV_DHCP_OPT_RAPID_COMMIT;
	return 0;
}

/* Write the client id and the network's options behind what dhcp_fill() made. */
static __always_inline int dhcp_store_options(struct __sk_buff *skb, struct dhcp_scratch *s,
					      const struct cv_dhcp_options *o)
{
	__u32 off = DHCP_HEADERS + CV_DHCP_FIXED_SIZE + CV_DHCP_HEAD_SIZE + (s->rapid ? 2 : 0);
	__u32 id = (s->id_off - 2) & (DHCP_OPTIONS_SIZE - 1);
	__u64 id_len = s->id_len, len = o->len;
	__u8 end = CV_DHCP_OPT_END;

	if (id_len > DHCP_CLIENT_ID_MAX || len < 1 || len > CV_DHCP_OPTIONS_SIZE)
		return CV_DROP_REWRITE;
	/* As in dhcp_load(). */
	PKT_OPAQUE(len);
	len = ((len - 1) & (CV_DHCP_OPTIONS_SIZE - 1)) + 1;
	if (id_len) {
		if (bpf_skb_store_bytes(skb, off, s->options + id, id_len + 2,
					BPF_F_RECOMPUTE_CSUM))
			return CV_DROP_REWRITE;
		off += id_len + 2;
	}
	if (bpf_skb_store_bytes(skb, off, o->bytes, len, BPF_F_RECOMPUTE_CSUM))
		return CV_DROP_REWRITE;
	return bpf_skb_store_bytes(skb, off + len, &end, 1, BPF_F_RECOMPUTE_CSUM) ?
	       CV_DROP_REWRITE : 0;
}

/* The UDP checksum over what is in the packet now; sizes are constants here. */
static __always_inline int dhcp_checksum(struct __sk_buff *skb, struct dhcp_scratch *s)
{
	struct dhcp_reply *r = &s->reply;
	__u32 size = s->large ? CV_DHCP_REPLY_MAX : CV_DHCP_REPLY_MIN;
	__u32 sum = csum_addr(r->ip.saddr) + csum_addr(r->ip.daddr) +
		    bpf_htons(IPPROTO_UDP) + bpf_htons(8 + size) +
		    r->udp.source + r->udp.dest + r->udp.len;
	__u16 check;

	if (s->large) {
		if (bpf_skb_load_bytes(skb, DHCP_HEADERS, r->payload, CV_DHCP_REPLY_MAX))
			return CV_DROP_REWRITE;
		sum = bpf_csum_diff(NULL, 0, (void *)(r->payload + CV_DHCP_REPLY_MIN),
				    CV_DHCP_REPLY_MAX - CV_DHCP_REPLY_MIN, sum);
	} else if (bpf_skb_load_bytes(skb, DHCP_HEADERS, r->payload, CV_DHCP_REPLY_MIN)) {
		return CV_DROP_REWRITE;
	}
	sum = bpf_csum_diff(NULL, 0, (void *)r->payload, CV_DHCP_REPLY_MIN, sum);
	check = csum_fold(sum);
	if (!check)
		check = 0xffff;
	return bpf_skb_store_bytes(skb, ETH_HLEN + 20 + offsetof(struct udphdr, check),
				   &check, sizeof(check), BPF_F_RECOMPUTE_CSUM) ?
	       CV_DROP_REWRITE : 0;
}

/* Make the request its own answer and send it back. */
static __noinline int dhcp_reply(struct __sk_buff *skb, struct dhcp_scratch *s,
				 const struct cv_dhcp_options *o)
{
	struct dhcp_reply *r = &s->reply;
	__u32 size = s->large ? CV_DHCP_REPLY_MAX : CV_DHCP_REPLY_MIN;

	if (pkt_renew(skb, DHCP_HEADERS + size) ||
	    bpf_skb_store_bytes(skb, 0, &r->eth, ETH_HLEN, BPF_F_RECOMPUTE_CSUM))
		return CV_DROP_REWRITE;
	if (s->large ? bpf_skb_store_bytes(skb, ETH_HLEN, &r->ip, 28 + CV_DHCP_REPLY_MAX,
					BPF_F_RECOMPUTE_CSUM)
		  : bpf_skb_store_bytes(skb, ETH_HLEN, &r->ip, 28 + CV_DHCP_REPLY_MIN,
					BPF_F_RECOMPUTE_CSUM))
		return CV_DROP_REWRITE;
	if (dhcp_store_options(skb, s, o))
		return CV_DROP_REWRITE;
	return dhcp_checksum(skb, s);
}

/* Seconds that may be granted without the daemon; 0: it must decide. */
static __always_inline __u32 dhcp_grant(const struct cv_lease *l, const struct cv_network *n,
					__u64 now)
{
	__u64 left;

	if (l->horizon_boot_ns == ~0ULL)
		return n->lease_s;
	if (l->horizon_boot_ns <= now)
		return 0;
	left = (l->horizon_boot_ns - now) / DHCP_NS_PER_S;
	if (left >= n->lease_s)
		return n->lease_s;
	return left >= DHCP_MIN_GRANT_S ? left : 0;
}

/* The lease of the client on this port, if the kernel may speak for it. */
static __always_inline struct cv_lease *dhcp_lease(struct dhcp_scratch *s, const struct pkt *p,
						   const struct cv_port *port)
{
	struct cv_lease_key key = { .net = p->net };
	struct cv_lease *l;

	if (s->odd || (s->msg.giaddr && !(port->flags & CV_PORT_RELAY)))
		return NULL;
	pkt_mac_copy(key.mac, s->msg.chaddr);
	l = bpf_map_lookup_elem(&leases, &key);
	if (!l || l->state != CV_LEASE_BOUND || l->slot != p->slot ||
	    l->flags & CV_LEASE_DAEMON || !!(l->flags & CV_LEASE_RELAYED) != s->relayed)
		return NULL;
	if (!s->relayed && l->ip != port->ip)
		return NULL;
	return dhcp_same_client(s, l) ? l : NULL;
}

/*
 * Decide, and write the reply.  Return: 0 when it was answered, -1 when the
 * daemon has to see it, or a drop reason.
 */
static __noinline int dhcp_known(struct __sk_buff *skb, const struct pkt *p,
				 struct dhcp_scratch *s)
{
	__u32 net = p->net, size;
	const struct cv_network *n = network_get(net);
	struct cv_dhcp_options *o = bpf_map_lookup_elem(&dhcp_options, &net);
	struct cv_port *port = port_get(p->slot);
	__u64 now = bpf_ktime_get_boot_ns();
	struct cv_lease *l;
	int drop;

	if (!n || !o || !port || !o->len)
		return -1;
	/* Whoever relays from elsewhere asks for addresses that are not ours. */
	if (s->msg.giaddr && (s->msg.giaddr & n->netmask) != n->subnet)
		return -1;
	l = dhcp_lease(s, p, port);
	if (!l || !dhcp_same_name(s, l))
		return -1;
	s->reply_type = dhcp_answer_type(s, p, l, n);
	s->grant_s = dhcp_grant(l, n, now);
	s->rapid = s->reply_type == CV_DHCP_ACK && s->type == CV_DHCP_DISCOVER;
	size = CV_DHCP_FIXED_SIZE + CV_DHCP_HEAD_SIZE + o->len + 1 +
	       (s->id_len ? s->id_len + 2 : 0) + (s->rapid ? 2 : 0);
	if (!s->reply_type || !s->grant_s || size > CV_DHCP_REPLY_MAX)
		return -1;

	s->large = size > CV_DHCP_REPLY_MIN;
	dhcp_fill(s, n, port, l->ip);
	drop = dhcp_reply(skb, s, o);
	if (drop)
		return drop;
	/* Again, as the daemon may have put a new entry in the place of this one. */
	l = dhcp_lease(s, p, port);
	if (l && s->reply_type == CV_DHCP_ACK && !(l->flags & CV_LEASE_STATIC)) {
		l->expiry_boot_ns = now + s->grant_s * DHCP_NS_PER_S;
		l->flags |= CV_LEASE_DIRTY;
	}
	TOTAL_ADD(dhcp_answered, 1);
	event_lease(net, p->slot, s->reply.msg.yiaddr, s->reply_type == CV_DHCP_OFFER ?
		    CV_LEASE_OFFERED_NEWS : s->requested ? CV_LEASE_BOUND_NEWS :
		    CV_LEASE_RENEWED_NEWS, s->grant_s);
	return 0;
}

/*
 * Every packet for a DHCP server ends here.  Not static: the verifier checks it
 * once, by itself, not again for each state in which a packet comes here.
 */
__noinline int dhcp_answer(struct __sk_buff *skb, struct pkt *p)
{
	const struct cv_network *n;
	struct dhcp_scratch *s;
	struct cv_port *port;
	__u32 zero = 0;
	int drop;

	if (!p)
		return CV_DROP_DHCP_MALFORMED;
	port = port_get(p->slot);
	n = network_get(p->net);
	s = bpf_map_lookup_elem(&dhcp_scratch, &zero);
	if (!s || !port || !n)
		return CV_DROP_UNKNOWN_PORT;
	if (!(n->flags & CV_NET_DHCP))
		return CV_DROP_DHCP_OFF;
	drop = dhcp_load(skb, p, s, port);
	if (drop)
		return drop;
	drop = dhcp_known(skb, p, s);
	if (!drop) {
		p->way = WAY_LINK;
		p->ifindex = skb->ifindex;
		return 0;
	}
	if (drop < 0) {
		p->way = WAY_CONSUMED;
		drop = dhcp_steer(skb, p, s, n, port);
	}
	return drop;
}

#endif
