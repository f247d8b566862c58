/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Forwards for the host itself: its sockets never meet the uplink's hook, so
 * they are led to the guest before there is a packet, when they connect or
 * send.  From then on it is a flow between host and guest like any other.
 *
 * The programs hang at the root of the cgroups and see the sockets of every
 * namespace.  Another one has a loopback of its own, so those are left alone.
 */
#ifndef CV_SOCKET_H
#define CV_SOCKET_H

#include "external.h"

#define SOCKET_LOOPBACK		0x7f000001	/* 127.0.0.1, host order */
#define SOCKET_MAPPED		0xffff		/* ::ffff:0.0.0.0/96, third word, host order */

/* An address and port, as the socket's owner or the guest's network names it. */
struct socket_end {
	__be32 addr;
	__be16 port;
};

static __always_inline bool socket_is_hosts(struct bpf_sock_addr *ctx)
{
	return bpf_get_netns_cookie(ctx) == cv_host_cookie;
}

/* An IPv6 socket that speaks IPv4, as those of Java do. */
static __always_inline bool socket_is_mapped(const struct bpf_sock_addr *ctx)
{
	return !ctx->user_ip6[0] && !ctx->user_ip6[1] &&
	       ctx->user_ip6[2] == bpf_htonl(SOCKET_MAPPED);
}

/* Whose is what listens there?  Return: the guest's slot, or 0. */
static __always_inline __u32 socket_owner(const struct socket_end *asked, __u8 proto,
					  __be16 *ret_lport)
{
	struct cv_host_listen key = { .addr = asked->addr, .port = asked->port, .proto = proto };
	struct cv_host_forward *f;
	struct cv_external *e;
	__u64 word;
	__u32 base;

	if (bpf_ntohl(asked->addr) >> 24 == SOCKET_LOOPBACK >> 24) {
		f = bpf_map_lookup_elem(&host_forwards, &key);
		if (!f)
			return 0;
		*ret_lport = f->lport;
		return f->slot;
	}
	base = external_base(asked->addr, proto);
	if (base == EXTERNAL_NONE)
		return 0;
	e = external_get(base + bpf_ntohs(asked->port));
	if (!e || !(e->flags & CV_EXTERNAL_FORWARD))
		return 0;
	word = external_word(e);
	*ret_lport = external_lport(word);
	return external_flows(word) ? external_slot(word) : 0;
}

/* A socket of the host's own that came later is asked first, as it is from outside. */
static __always_inline bool socket_has_listener(struct bpf_sock_addr *ctx,
						const struct socket_end *asked, __u8 proto)
{
	struct bpf_sock_tuple t = {
		.ipv4 = { .saddr = asked->addr, .daddr = asked->addr, .dport = asked->port },
	};
	struct bpf_sock *sk;

	if (proto == IPPROTO_TCP)
		sk = bpf_sk_lookup_tcp(ctx, &t, sizeof(t.ipv4), BPF_F_CURRENT_NETNS, 0);
	else
		sk = bpf_sk_lookup_udp(ctx, &t, sizeof(t.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return false;
	bpf_sk_release(sk);
	return true;
}

/* The guest that has this address and port for the host, and its own. */
static __always_inline bool socket_find_guest(const struct socket_end *asked, __u8 proto,
					      __be32 source, struct socket_end *ret_guest)
{
	const struct cv_network *n;
	const struct cv_port *port;

	port = port_get(socket_owner(asked, proto, &ret_guest->port));
	if (!port || !port->ip)
		return false;
	/* Guests answer the gateway's address alone; a socket bound elsewhere stays here. */
	n = network_get(port->net);
	if (!n || (source && source != n->gateway))
		return false;
	ret_guest->addr = port->ip;
	return true;
}

static __always_inline struct cv_host_peer_key socket_peer_key(struct bpf_sock_addr *ctx,
							       const struct socket_end *guest)
{
	return (struct cv_host_peer_key) {
		.cookie = bpf_get_socket_cookie(ctx), .addr = guest->addr, .port = guest->port,
	};
}

/* Written when it is new only: a datagram costs a look. */
static __always_inline void socket_note_peer(struct bpf_sock_addr *ctx,
					     const struct socket_end *asked,
					     const struct socket_end *guest)
{
	struct cv_host_peer_key key = socket_peer_key(ctx, guest);
	struct cv_host_peer now = { .addr = asked->addr, .port = asked->port }, *known;

	known = bpf_map_lookup_elem(&host_peers, &key);
	if (!known || known->addr != now.addr || known->port != now.port)
		bpf_map_update_elem(&host_peers, &key, &now, BPF_ANY);
}

/**
 * socket_lead() - where a socket of the host shall go in place of *@end
 * @source:	what it is bound to, or 0
 * @end:	as it asks; as it shall be, when true is returned
 */
static __always_inline bool socket_lead(struct bpf_sock_addr *ctx, __be32 source,
					struct socket_end *end)
{
	struct socket_end asked = *end, guest = {};
	__u8 proto = ctx->protocol;

	if (ctx->protocol != IPPROTO_TCP && ctx->protocol != IPPROTO_UDP)
		return false;
	if (!asked.addr)
		asked.addr = bpf_htonl(SOCKET_LOOPBACK);	/* so says connect(2) of INADDR_ANY */
	if (!socket_find_guest(&asked, proto, source, &guest) ||
	    socket_has_listener(ctx, &asked, proto))
		return false;
	socket_note_peer(ctx, &asked, &guest);
	*end = guest;
	return true;
}

/* What the socket is bound to.  One bound to a device cannot leave by another: not 0 either. */
static __always_inline __be32 socket_source(const struct bpf_sock_addr *ctx)
{
	const struct bpf_sock *sk = ctx->sk;

	if (!sk || sk->bound_dev_if)
		return ~0U;
	return sk->src_ip4;
}

/* Tell the address that the socket asked for in place of the guest's. */
static __always_inline bool socket_recall(struct bpf_sock_addr *ctx, struct socket_end *end)
{
	struct cv_host_peer_key key = socket_peer_key(ctx, end);
	struct cv_host_peer *asked = bpf_map_lookup_elem(&host_peers, &key);

	if (!asked)
		return false;
	end->addr = asked->addr;
	end->port = asked->port;
	return true;
}

/* --- one for each way to name an address: connect and sendmsg lead, the others recall */

static __always_inline void socket_lead4(struct bpf_sock_addr *ctx, __be32 source)
{
	struct socket_end end = { .addr = ctx->user_ip4, .port = ctx->user_port };

	if (!socket_is_hosts(ctx) || !socket_lead(ctx, source, &end))
		return;
	ctx->user_ip4 = end.addr;
	ctx->user_port = end.port;
}

static __always_inline void socket_lead6(struct bpf_sock_addr *ctx)
{
	struct socket_end end = { .addr = ctx->user_ip6[3], .port = ctx->user_port };

	if (!socket_is_hosts(ctx) || !socket_is_mapped(ctx) ||
	    !socket_lead(ctx, socket_source(ctx), &end))
		return;
	ctx->user_ip6[3] = end.addr;
	ctx->user_port = end.port;
}

static __always_inline void socket_recall4(struct bpf_sock_addr *ctx)
{
	struct socket_end end = { .addr = ctx->user_ip4, .port = ctx->user_port };

	if (!socket_is_hosts(ctx) || !socket_recall(ctx, &end))
		return;
	ctx->user_ip4 = end.addr;
	ctx->user_port = end.port;
}

static __always_inline void socket_recall6(struct bpf_sock_addr *ctx)
{
	struct socket_end end = { .addr = ctx->user_ip6[3], .port = ctx->user_port };

	if (!socket_is_hosts(ctx) || !socket_is_mapped(ctx) || !socket_recall(ctx, &end))
		return;
	ctx->user_ip6[3] = end.addr;
	ctx->user_port = end.port;
}

#endif
