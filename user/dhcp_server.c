// SPDX-License-Identifier: GPL-2.0-only
/*
 * One function for each thing that a client can be about; the table at the
 * end says which.  Each decides, changes the leases, and leaves what is to be
 * said in the exchange; the reply is built last.
 */
#include "dhcp_server.h"

#include <errno.h>
#include <string.h>

#include "dhcp_msg.h"
#include "dhcp_options.h"
#include "dhcp_profile.h"
#include "dhcp_relay.h"
#include "lease.h"
#include "mem.h"
#include "tables.h"

/* One request on its way to its reply. */
struct exchange {
	struct tables *t;
	struct dhcp_leases *leases;
	struct dhcp_msg msg;
	struct dhcp_client c;
	struct dhcp_profile told;
	struct cv_lease lease;	/* the client's, when @has_lease */
	bool has_lease;
	__u64 now_ns, asked_ns;
	struct dhcp_reply *reply;
};

/* --- outcomes */

static int silent(struct exchange *x, const char *why)
{
	x->reply->why = why;
	return 0;
}

/* The same, and it is counted by name. */
static int drop(struct exchange *x, enum cv_drop reason, const char *why)
{
	x->reply->drop = reason;
	return silent(x, why);
}

static int say(struct exchange *x, const struct dhcp_answer *a, const char *why)
{
	int len = dhcp_msg_build(&x->msg, a, x->reply->frame);

	if (len < 0)
		return drop(x, CV_DROP_DHCP_UNFIT, "the reply is larger than the client takes");
	x->reply->len = (size_t)len;
	x->reply->type = a->type;
	x->reply->why = why;
	return 0;
}

static struct dhcp_answer answer_of(const struct exchange *x, enum cv_dhcp_type type)
{
	struct dhcp_answer a = { .type = type, .server = x->c.network.gateway,
				 .mtu = x->c.network.mtu };

	memcpy(a.server_mac, x->c.network.gateway_mac, sizeof(a.server_mac));
	return a;
}

static int refuse(struct exchange *x, __be32 ip, const char *why)
{
	struct dhcp_answer a = answer_of(x, CV_DHCP_NAK);

	x->reply->ip = ip;
	x->reply->news = CV_LEASE_REFUSED_NEWS;
	a.text = why;
	return say(x, &a, why);
}

static enum cv_lease_news news_of(const struct exchange *x, enum cv_dhcp_type type)
{
	enum dhcp_intent intent = dhcp_msg_intent(&x->msg);

	if (type == CV_DHCP_OFFER)
		return CV_LEASE_OFFERED_NEWS;
	return intent == DHCP_INTENT_RENEW || intent == DHCP_INTENT_REBIND ?
	       CV_LEASE_RENEWED_NEWS : CV_LEASE_BOUND_NEWS;
}

/* @ip 0: no address is given, only options (INFORM). */
static int grant(struct exchange *x, enum cv_dhcp_type type, __be32 ip, const char *why)
{
	struct dhcp_firmware fw = dhcp_boot_firmware(&x->msg);
	struct dhcp_answer a = answer_of(x, type);

	x->reply->ip = ip;
	a.yiaddr = ip;
	a.lease_s = ip ? x->c.network.lease_s : 0;
	x->reply->news = ip ? news_of(x, type) : CV_LEASE_NO_NEWS;
	x->reply->lease_s = a.lease_s;
	a.rapid = type == CV_DHCP_ACK && x->msg.type == CV_DHCP_DISCOVER;
	a.options = &x->told.options;
	a.boot = dhcp_boot_choose(x->told.boot, x->told.n_boot, &fw);
	return say(x, &a, why);
}

/* --- what requests say */

/* Whether the message names another server than us. */
static bool for_another(const struct exchange *x)
{
	__be32 server = dhcp_msg_ip(&x->msg, CV_DHCP_OPT_SERVER_ID);

	return server && server != x->c.network.gateway;
}

static bool in_subnet(const struct exchange *x, __be32 ip)
{
	return (ip & x->c.network.netmask) == x->c.network.subnet;
}

/* The client's id and name, as a lease keeps them. */
static struct cv_lease about_client(const struct exchange *x)
{
	struct dhcp_value id = dhcp_msg_value(&x->msg, CV_DHCP_OPT_CLIENT_ID);
	struct cv_lease about = { 0 };

	/* A longer id stays out: its requests keep coming to us, and are answered. */
	if (id.len <= sizeof(about.client_id)) {
		about.client_id_len = (__u8)id.len;
		if (id.len)
			memcpy(about.client_id, id.bytes, id.len);
	}
	if (x->told.own)
		about.flags = CV_LEASE_DAEMON;
	dhcp_msg_hostname(&x->msg, about.hostname);
	if (!about.hostname[0] && x->has_lease)
		memcpy(about.hostname, x->lease.hostname, sizeof(about.hostname));
	return about;
}

static int bind_address(struct exchange *x, __be32 ip, const char *why)
{
	struct cv_lease about = about_client(x);
	int err = dhcp_leases_bind(x->leases, &x->c, ip, &about, x->now_ns);

	switch (err) {
	case 0:
		return grant(x, CV_DHCP_ACK, ip, why);
	case -EADDRINUSE:
		return refuse(x, ip, "address is in use");
	case -ESTALE:
		return drop(x, CV_DROP_DHCP_STALE, "the port is gone");
	default:
		return err;
	}
}

/* A client says which address it wants or has: yes or no. */
static int decide(struct exchange *x, __be32 ip, const char *why)
{
	if (!in_subnet(x, ip))
		return refuse(x, ip, "wrong network");
	if (x->has_lease && x->lease.ip != ip)
		return refuse(x, ip, "lease is of another address");
	if (!dhcp_leases_may_have(x->leases, &x->c, ip))
		return refuse(x, ip, "address is not available");
	return bind_address(x, ip, why);
}

/* Two messages instead of four (RFC 4039); not with option 108 (RFC 8925 3.3.1). */
static bool is_rapid(const struct exchange *x)
{
	return x->c.network.flags & CV_NET_RAPID_COMMIT &&
	       dhcp_msg_value(&x->msg, CV_DHCP_OPT_RAPID_COMMIT).bytes &&
	       !(dhcp_msg_wants(&x->msg, CV_DHCP_OPT_IPV6_ONLY) &&
		 dhcp_set_find(&x->told.options, CV_DHCP_OPT_IPV6_ONLY, NULL));
}

/* --- one of these per intent */

static int on_discover(struct exchange *x)
{
	__be32 wishes[] = {
		dhcp_leases_reserved(x->leases, &x->c),
		x->has_lease ? x->lease.ip : 0,
		dhcp_msg_ip(&x->msg, CV_DHCP_OPT_REQUESTED_IP),
	};
	struct cv_lease about = about_client(x);
	__be32 ip;
	int err;

	err = dhcp_leases_choose(x->leases, &x->c, wishes, ARRAY_SIZE(wishes), x->now_ns, &ip);
	if (err == -ENOSPC) {
		x->reply->warn = true;
		return drop(x, CV_DROP_DHCP_POOL, "no address is left");
	}
	if (!err && is_rapid(x))
		return bind_address(x, ip, "bound at once");
	/* Who is bound to it already stays so. */
	if (!err && !(x->has_lease && x->lease.ip == ip && x->lease.state == CV_LEASE_BOUND))
		err = dhcp_leases_offer(x->leases, &x->c, ip, &about, x->now_ns);
	return err ? err : grant(x, CV_DHCP_OFFER, ip, "offered");
}

static int on_select(struct exchange *x)
{
	__be32 ip = dhcp_msg_ip(&x->msg, CV_DHCP_OPT_REQUESTED_IP);
	int err = 0;

	if (for_another(x)) {
		if (x->has_lease && x->lease.state == CV_LEASE_OFFERED)
			err = dhcp_leases_drop(x->leases, &x->c);
		return err ? err : silent(x, "another server was chosen");
	}
	if (!ip)
		return drop(x, CV_DROP_DHCP_UNFIT, "names no address");
	return decide(x, ip, "bound");
}

static int on_reboot(struct exchange *x)
{
	return decide(x, dhcp_msg_ip(&x->msg, CV_DHCP_OPT_REQUESTED_IP), "bound again");
}

static int on_extend(struct exchange *x)
{
	if (for_another(x))
		return silent(x, "renews with another server");
	return decide(x, x->msg.hdr.ciaddr, "renewed");
}

struct declines {
	const struct exchange *x;
	unsigned int n;
};

static int count_decline(const struct cv_lease_key *k, const struct cv_lease *l, void *arg)
{
	struct declines *d = arg;

	d->n += dhcp_leases_is_declined(k) && dhcp_leases_live(l, d->x->now_ns) &&
		!strncmp(l->hostname, d->x->c.port.name, CV_NAME_SIZE);
	return 0;
}

/* Else one guest could take the whole network's addresses away. */
static int declines_too_much(struct exchange *x, bool *ret)
{
	struct declines d = { .x = x };
	int err = tables_each_lease(x->t, x->c.key.net, count_decline, &d);

	*ret = d.n >= DHCP_DECLINES_MAX;
	return err;
}

/*
 * The kernel grants nothing more of a lease that is given up (CV_LEASE_LEAVING),
 * unless it could not read the message: IP options, more options than it looks
 * at.  Then it may have acknowledged the lease anew while that waited for us,
 * and the client has it, whatever it said before.  Where the lease ends even
 * later it was longer once, and that grant is of before.
 */
static bool granted_since(const struct exchange *x)
{
	__u64 length_ns = x->c.network.lease_s * 1000000000ULL;

	return x->lease.state == CV_LEASE_BOUND && !(x->lease.flags & CV_LEASE_STATIC) &&
	       x->lease.expiry_boot_ns > x->asked_ns + length_ns &&
	       x->lease.expiry_boot_ns <= x->now_ns + length_ns;
}

static int on_decline(struct exchange *x)
{
	__be32 ip = dhcp_msg_ip(&x->msg, CV_DHCP_OPT_REQUESTED_IP);
	bool too_much;
	int err;

	if (for_another(x))
		return silent(x, "declined to another server");
	if (!ip || !x->has_lease || x->lease.ip != ip)
		return drop(x, CV_DROP_DHCP_UNFIT, "declines what it does not have");
	if (granted_since(x))
		return silent(x, "was granted again since");
	err = declines_too_much(x, &too_much);
	if (!err && too_much) {
		x->reply->warn = true;
		return drop(x, CV_DROP_DHCP_DECLINES, "declines too many addresses");
	}
	if (!err)
		err = dhcp_leases_decline(x->leases, &x->c, ip, x->now_ns);
	x->reply->ip = ip;
	x->reply->warn = true;
	x->reply->news = CV_LEASE_DECLINED_NEWS;
	return err ? err : silent(x, "declined: somebody else answers for the address");
}

static int on_release(struct exchange *x)
{
	int err;

	if (for_another(x))
		return silent(x, "released to another server");
	if (!x->has_lease || x->lease.ip != x->msg.hdr.ciaddr)
		return drop(x, CV_DROP_DHCP_UNFIT, "releases what it does not have");
	if (granted_since(x))
		return silent(x, "was granted again since");
	err = dhcp_leases_drop(x->leases, &x->c);
	x->reply->ip = x->lease.ip;
	x->reply->news = CV_LEASE_RELEASED_NEWS;
	return err ? err : silent(x, "released");
}

static int on_inform(struct exchange *x)
{
	__be32 ip = x->msg.hdr.ciaddr;
	__be32 its = !x->c.relayed ? x->c.port.ip : x->has_lease ? x->lease.ip : 0;

	if (!ip || ip != its)
		return drop(x, CV_DROP_DHCP_UNFIT, "asks for an address that it does not have");
	return grant(x, CV_DHCP_ACK, 0, "informed");
}

static int on_none(struct exchange *x)
{
	return drop(x, CV_DROP_DHCP_UNFIT, "asks for nothing");
}

static int (*const on_intent[])(struct exchange *x) = {
	[DHCP_INTENT_NONE] = on_none,
	[DHCP_INTENT_DISCOVER] = on_discover,
	[DHCP_INTENT_SELECT] = on_select,
	[DHCP_INTENT_REBOOT] = on_reboot,
	[DHCP_INTENT_RENEW] = on_extend,
	[DHCP_INTENT_REBIND] = on_extend,
	[DHCP_INTENT_DECLINE] = on_decline,
	[DHCP_INTENT_RELEASE] = on_release,
	[DHCP_INTENT_INFORM] = on_inform,
};

/* --- who asks */

/* Return: 0, -ENOENT with the reason set when nobody may ask so, or -errno. */
static int identify(struct exchange *x, const struct cv_request *req)
{
	struct dhcp_client *c = &x->c;
	int err;

	err = tables_network_get(x->t, req->net, &c->network);
	if (!err)
		err = tables_port_get(x->t, req->slot, &c->port);
	if (err == -ENOENT || (!err && c->port.net != req->net)) {
		drop(x, CV_DROP_DHCP_STALE, "the port is gone");
		return -ENOENT;
	}
	if (err)
		return err;
	c->slot = req->slot;
	c->key.net = req->net;
	return 0;
}

/* Why this client is not served; NULL when it is. */
static const char *objection(struct exchange *x)
{
	if (!(x->c.network.flags & CV_NET_DHCP))
		return "this network answers no DHCP";
	return dhcp_relay_identify(&x->c, &x->msg);
}

static int look_up_lease(struct exchange *x)
{
	int err = tables_lease_get(x->t, &x->c.key, &x->lease);

	if (err)
		return err == -ENOENT ? 0 : err;
	x->has_lease = dhcp_leases_live(&x->lease, x->now_ns);
	return 0;
}

/*
 * Did it lie in the ring for long?  But who has given his lease up was granted
 * nothing since, however long that is ago.
 */
static bool is_stale(const struct exchange *x)
{
	bool leaves = x->msg.type == CV_DHCP_RELEASE || x->msg.type == CV_DHCP_DECLINE;

	return x->now_ns > x->asked_ns + DHCP_REQUEST_MAX_NS &&
	       !(leaves && x->has_lease && x->lease.state == CV_LEASE_LEAVING);
}

/*
 * Is the client that a relay asks for one that it may ask for?  Slot 0: the
 * lease is reserved, or from the store, and was asked for by nobody yet.
 */
static bool may_relay(const struct exchange *x)
{
	if (x->lease.slot)
		return x->lease.slot == x->c.slot;
	return x->lease.flags & (CV_LEASE_STATIC | CV_LEASE_RELAYED | CV_LEASE_EITHER);
}

static bool is_whole(const struct cv_request *req, size_t size)
{
	return size >= offsetof(struct cv_request, frame) && req->len <= CV_FRAME_SIZE &&
	       size - offsetof(struct cv_request, frame) >= req->len;
}

int dhcp_server_answer(const struct dhcp_server *s, const struct cv_request *req, size_t size,
		       __u64 now_ns, struct dhcp_reply *ret)
{
	struct exchange x = { .t = s->tables, .leases = s->leases, .now_ns = now_ns, .reply = ret };
	const char *why;
	int err;

	*ret = (struct dhcp_reply) { .why = "" };
	if (size >= offsetof(struct cv_request, frame)) {
		ret->slot = req->slot;
		ret->net = req->net;
	}
	if (!is_whole(req, size) || dhcp_msg_parse(req->frame, req->len, &x.msg))
		return drop(&x, CV_DROP_DHCP_UNFIT, "not a DHCP request");
	ret->type = x.msg.type;

	x.asked_ns = req->boot_ns;
	err = identify(&x, req);
	if (err)
		return err == -ENOENT ? 0 : err;
	why = objection(&x);
	if (why)
		return drop(&x, x.c.network.flags & CV_NET_DHCP ? CV_DROP_DHCP_RELAY :
								  CV_DROP_DHCP_OFF, why);
	ret->client = x.c.key;
	err = look_up_lease(&x);
	if (!err && is_stale(&x))
		return drop(&x, CV_DROP_DHCP_STALE, "asked too long ago");
	if (!err && x.c.relayed && x.has_lease && !may_relay(&x))
		return drop(&x, CV_DROP_DHCP_RELAY, "is another port's client");
	if (!err)
		err = dhcp_profiles_get(s->profiles, s->tables, &x.c, &x.told);
	return err ? err : on_intent[dhcp_msg_intent(&x.msg)](&x);
}
