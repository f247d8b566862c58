/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by serve.c and serve_reply.c, and by nobody else. */
#ifndef CULVERT_SERVE_IMPL_H
#define CULVERT_SERVE_IMPL_H

#include <sys/stat.h>

#include "config.h"
#include "dhcp_server.h"
#include "lease_health.h"
#include "serve.h"

/* @promises: it may leave only if the batch was committed. */
struct waiting_reply {
	bool promises;
	struct dhcp_reply reply;
};

struct serve {
	struct tables *tables;
	struct store *store;
	struct lease_health health;
	struct waiting_reply *batch;
	size_t n_batch;
	struct dhcp_leases *leases;
	struct dhcp_profiles *profiles;
	struct reply_sockets *sockets;
	struct ring_buffer *ring;
	struct lease_watch *hooks;
	struct net_watch *watch;	/* NULL: uplinks are not followed */
	bool lingers;			/* an uplink is kept for flows; look when they have ended */
	struct stat pin;
	bool names_stale;		/* a lease came or went since names were told */
	int names_error;		/* known already */
	bool table_full;		/* likewise, since the last scan */
	int lock_fd;
	__u64 scanned_ns;
	int n_dns;			/* the host's resolvers when last looked at */
	__be32 dns[CONFIG_MAX_DNS];
};

/* serve_reply.c: send it, if there is something to be sent, and tell who wants to know. */
void serve_deliver(struct serve *s, const struct dhcp_reply *reply);
/* serve_reply.c: a request that gets no answer, by name. */
void serve_count(struct serve *s, __u16 net, __u32 slot, enum cv_drop drop);
/* serve_reply.c: a lease's time was over, or its port has gone. */
void serve_tell_end(struct serve *s, const struct cv_lease_key *key, const struct cv_lease *lease);

#endif
