/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whose is an address and port outside?  A guest's that has the address whole,
 * or whose port is mapped there, or who talks that protocol with that peer; or
 * the host's.
 */
#ifndef CV_OWNER_H
#define CV_OWNER_H

#include "fwd.h"

/**
 * struct owner - the guest behind an address and port
 * @slot:	0: there is none
 * @lport:	its port
 * @whole:	enum pkt_whole
 */
struct owner {
	__u32  slot;
	__be16 lport;
	__u8   whole;
	__u8   pad;
};

static __always_inline bool owner_has_ports(__u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_ICMP;
}

static __always_inline struct owner owner_of_port(__u32 base, __be16 port)
{
	struct cv_external *e = external_get(base + bpf_ntohs(port));
	struct owner o = {};
	__u64 word;

	if (!e)
		return o;
	word = external_word(e);
	if (!external_flows(word))
		return o;
	o.slot = external_slot(word);
	o.lport = external_lport(word);
	return o;
}

static __always_inline struct owner owner_of_whole(__be32 addr, __be16 port)
{
	struct cv_whole *w = bpf_map_lookup_elem(&whole, &addr);
	struct owner o = { .lport = port };

	if (!w)
		return o;
	o.slot = w->slot;
	o.whole = w->flags & CV_WHOLE_OPEN ? PKT_WHOLE_OPEN : PKT_WHOLE;
	return o;
}

/* Not static: only seldom asked for.  Return: the slot, or 0. */
__noinline int owner_of_protocol(__u32 addr, __u32 remote, __u32 proto)
{
	struct cv_protocol key = { .addr = addr, .remote = remote, .proto = proto };
	__u32 *slot = bpf_map_lookup_elem(&protocols, &key);

	return slot ? *slot : 0;
}

/* Who has @port of @addr; @remote is who sends to it. */
static __always_inline struct owner owner_find(__u8 proto, __be32 addr, __be16 port,
					       __be32 remote)
{
	__u32 base = external_base(addr, proto);
	struct owner o = {};

	if (base == EXTERNAL_NONE)
		return owner_of_whole(addr, port);
	if (owner_has_ports(proto))
		return owner_of_port(base, port);
	o.slot = owner_of_protocol(addr, remote, proto);
	return o;
}

/* Fill in what an owner says.  False: it is nobody, so the packet is the host's. */
static __always_inline bool owner_fill(struct pkt *p, struct owner o, __u8 proto,
				       struct cv_tuple *key)
{
	struct cv_port *guest = port_get(o.slot);

	if (!o.slot || !guest || !guest->ip)
		return false;
	p->slot = o.slot;
	p->net = guest->net;
	p->whole = o.whole;
	key->local = guest->ip;
	key->lport = o.lport;
	key->proto = proto;
	key->net = guest->net;
	return true;
}

/*
 * The guest that a packet from outside is for.  Fills in network, slot and the
 * guest's half of the tuple.  False: nobody, so the packet is the host's.
 */
static __always_inline bool owner_meet(struct pkt *p, __u8 proto, __be32 addr, __be16 port,
				       struct cv_tuple *key)
{
	return owner_fill(p, owner_find(proto, addr, port, key->remote), proto, key);
}

/*
 * A fragment from outside learns its ports, or waits for them.  Return: not 0
 * when it is the host's: none of a guest's address need wait, and where there
 * is no room to wait the host may have it.
 */
static __noinline int owner_fragment(struct __sk_buff *skb, struct pkt *p)
{
	if ((external_base(p->daddr, p->proto) != EXTERNAL_NONE || owner_of_whole(p->daddr, 0).slot) &&
	    !frag_begin(skb, p, 0))
		return 0;
	p->frag &= PKT_IP_DF;	/* its datagram is not followed */
	return 1;
}

#endif
