// SPDX-License-Identifier: GPL-2.0-only
/* What a request came to, for all who want to know: its client, the log, monitors, names, hooks. */
#include <errno.h>
#include <string.h>

#include "addr.h"
#include "datapath.h"
#include "lease_watch.h"
#include "log.h"
#include "reply_socket.h"
#include "serve_impl.h"
#include "tables.h"

/* Tell who looks on, if anybody does; the guest's affair does not depend on it. */
static void tell_lease(struct serve *s, __u16 net, const struct cv_lease_event *e)
{
	int err;

	s->names_stale |= e->news != 0;
	if (!e->news || !tables_monitor_wants(s->tables, CV_MONITOR_LEASES, net))
		return;
	err = datapath_tell_lease(e);
	if (err)
		log_warn("cannot tell 'culvert monitor' of a lease: %s", strerror(-err));
}

void serve_tell_end(struct serve *s, const struct cv_lease_key *key, const struct cv_lease *lease)
{
	tell_lease(s, key->net, &(struct cv_lease_event) {
		.net = key->net, .slot = lease->slot, .ip = lease->ip, .news = CV_LEASE_EXPIRED_NEWS,
	});
	lease_watch_look(s->hooks, key, dhcp_leases_live(lease, tables_boot_ns()) ? LEASE_REMOVE :
									      LEASE_EXPIRE);
}

static void tell_reply(struct serve *s, const struct dhcp_reply *reply)
{
	tell_lease(s, reply->net, &(struct cv_lease_event) {
		.net = reply->net, .slot = reply->slot, .ip = reply->ip,
		.news = reply->news, .lease_s = reply->lease_s,
	});
}

static void log_reply(const struct cv_network *n, const struct cv_port *p,
		      const struct dhcp_reply *reply)
{
	bool worth_it = reply->warn || reply->type == CV_DHCP_ACK || reply->type == CV_DHCP_NAK;
	enum log_level level = reply->warn ? LOG_LEVEL_WARN :
			       worth_it ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
	char ip[ADDR_IP_SIZE];

	log_print(level, "network '%s': guest '%s': DHCP%s%s: %s", n->name, p->name,
		  reply->ip ? ": " : "", reply->ip ? addr_format_ip(reply->ip, ip) : "", reply->why);
}

static void send_reply(struct serve *s, const struct dhcp_reply *reply)
{
	struct cv_network n = { .name = "?" };
	struct cv_port p = { .name = "?" };
	int err;

	if (tables_network_get(s->tables, reply->net, &n) ||
	    tables_port_get(s->tables, reply->slot, &p)) {
		log_debug("DHCP: %s", reply->why);
		return;
	}
	log_reply(&n, &p, reply);
	if (!reply->len)
		return;
	err = reply_sockets_send(s->sockets, reply->net, n.name, (int)(CV_IFINDEX_PORT + reply->slot),
				 reply->frame, reply->len, tables_boot_ns());
	if (err)
		log_warn("network '%s': guest '%s': cannot send a DHCP reply: %s", n.name, p.name,
			 strerror(-err));
}

/* Of an offer too: it may be in place of a lease of another address. */
static void tell_hooks(struct serve *s, const struct dhcp_reply *reply)
{
	enum lease_event why = reply->news == CV_LEASE_RELEASED_NEWS ? LEASE_RELEASE :
			       reply->news == CV_LEASE_DECLINED_NEWS ? LEASE_DECLINE : LEASE_REMOVE;

	if (reply->news)
		lease_watch_look(s->hooks, &reply->client, why);
}

/* Full: the host has more counters than anybody looks at. */
void serve_count(struct serve *s, __u16 net, __u32 slot, enum cv_drop drop)
{
	const struct cv_drop_key key = { .reason = drop, .net = net, .slot = slot };
	int err = tables_drop_add(s->tables, &key, 1);

	if (err)
		log_debug("cannot count a '%s': %s", tables_drop_name(drop), strerror(-err));
}

void serve_deliver(struct serve *s, const struct dhcp_reply *reply)
{
	send_reply(s, reply);
	if (reply->drop)
		serve_count(s, reply->net, reply->slot, reply->drop);
	tell_reply(s, reply);
	tell_hooks(s, reply);
}
