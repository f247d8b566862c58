/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a DHCP server says to a request that the kernel did not answer: RFC
 * 2131 4.3.  Changes leases first, then gives the reply.  Does not log.
 */
#ifndef CULVERT_DHCP_SERVER_H
#define CULVERT_DHCP_SERVER_H

#include <stddef.h>

#include <culvert/abi.h>
#include <culvert/wire.h>

#include "dhcp_leases.h"

struct tables;
struct dhcp_profiles;

/*
 * What lay in the ring for longer, because nobody served, is not answered: the
 * client has asked again since, and may have changed its mind.  A lease that was
 * given up is ended nevertheless.
 */
#define DHCP_REQUEST_MAX_NS	10000000000ULL

/* What it works on; each may be shared with others. */
struct dhcp_server {
	struct tables *tables;
	struct dhcp_leases *leases;
	const struct dhcp_profiles *profiles;	/* what clients are told; see dhcp_profile.h */
};

/* Addresses that one port may have in quarantine (DECLINE) at a time. */
#define DHCP_DECLINES_MAX	4

/**
 * struct dhcp_reply - what came of a request
 * @len:	bytes of @frame; 0: nothing is to be sent
 * @slot:	the port it goes out of
 * @net:	its network
 * @type:	of the reply, or of the request when there is none; 0: not known
 * @client:	whose lease; all zero: not known
 * @ip:		what it is about, 0: no address
 * @why:	in a few words, never NULL
 * @warn:	an operator wants to know
 * @drop:	as what a request without an answer counts, 0: it needs none
 * @news:	what became of the lease of @ip
 * @lease_s:	what was granted
 */
struct dhcp_reply {
	size_t len;
	__u32  slot;
	__u16  net;
	bool   warn;
	enum cv_drop drop;
	enum cv_dhcp_type type;
	struct cv_lease_key client;
	__be32 ip;
	const char *why;
	enum cv_lease_news news;
	__u32 lease_s;
	__u8   frame[CV_FRAME_SIZE];
};

/**
 * dhcp_server_answer() - judge one request
 * @size: bytes that are there of @req
 * @now_ns: CLOCK_BOOTTIME
 *
 * The port's MAC is the identity, and a client asks for itself alone unless its
 * port is trusted as a relay.  Where no lease is known the server is
 * authoritative: a free address is given to who had it, another one refused
 * at once, so that a server that has forgotten takes no guest's address away.
 *
 * Return: 0 (also when there is nothing to say), or -errno when the maps could
 * not be read or written; then nothing was promised, and the client asks again.
 */
int dhcp_server_answer(const struct dhcp_server *s, const struct cv_request *req, size_t size,
		       __u64 now_ns, struct dhcp_reply *ret);

#endif
