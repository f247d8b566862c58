// SPDX-License-Identifier: GPL-2.0-only
/* Leases added, removed and imported by command. */
#include "network_lease.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "addr.h"
#include "datapath.h"
#include "dhcp_leases.h"
#include "lease.h"
#include "lease_file.h"
#include "log.h"
#include "mem.h"
#include "network_impl.h"
#include "store.h"

/* --- one client of the network */

struct search {
	const char *name;	/* NULL: by the others */
	__u8 mac[6];
	__be32 ip;
	__u32 slot;
	struct cv_port port;
	struct cv_lease_key key;
	struct cv_lease lease;
};

static int match_mac(__u32 slot, const struct cv_port *p, void *arg)
{
	struct search *s = arg;

	if (memcmp(p->mac, s->mac, 6))
		return 0;
	s->slot = slot;
	s->port = *p;
	return 1;
}

/* Somebody else's lease with this address. */
static int match_taken(const struct cv_lease_key *k, const struct cv_lease *l, void *arg)
{
	struct search *s = arg;

	if (l->ip != s->ip || !memcmp(k->mac, s->mac, 6) || dhcp_leases_is_marker(k))
		return 0;
	s->key = *k;
	s->lease = *l;
	return 1;
}

static int match_ip(const struct cv_lease_key *k, const struct cv_lease *l, void *arg)
{
	struct search *s = arg;

	if (l->ip != s->ip || dhcp_leases_is_marker(k))
		return 0;
	memcpy(s->mac, k->mac, 6);
	return 1;
}

/* The MAC that a guest of this name has, or will have. */
static int mac_of(struct network_work *w, const char *name, __u8 ret_mac[6])
{
	struct config_guest guest;
	struct cv_port p;
	__u32 slot;
	int err;

	err = config_name_ok(name) ? 0 : -EINVAL;
	if (err)
		return log_refuse(err, "'%s' is neither a guest's name nor a MAC address", name);
	err = tables_port_find(w->tables, w->id, name, &slot, &p);
	if (err && err != -ENOENT)
		return log_ret(err, "network '%s': cannot read its ports", w->name);
	if (!err)
		memcpy(ret_mac, p.mac, 6);
	else if (reservation_of(w, name, &guest))
		memcpy(ret_mac, guest.mac, 6);
	else
		network_guest_mac(w->name, name, ret_mac);
	return 0;
}

/* --- may a client have an address? */

struct verdict {
	const struct network_work *w;
	const __u8 *mac;
	__be32 ip;
	char why[96];
};

static int find_stored(const struct store_reservation *r, void *arg)
{
	struct verdict *v = arg;

	if (r->ip != v->ip || !memcmp(r->mac, v->mac, 6))
		return 0;
	snprintf(v->why, sizeof(v->why), "it is reserved for another guest");
	return 1;
}

static bool is_guests(const struct network_work *w, __be32 ip)
{
	const struct lease_pool pool = { .subnet = w->entry.subnet, .netmask = w->entry.netmask,
					 .gateway = w->entry.gateway };

	return lease_is_host(&pool, ip);
}

/* Return: 0, 1 with the reason in @v, or -errno. */
static int judge(struct network_work *w, struct store *s, struct verdict *v)
{
	struct search taken = { .ip = v->ip };
	char mac[ADDR_MAC_SIZE];
	struct cv_port p;
	__u32 slot;
	int err;

	if (!is_guests(w, v->ip))
		return snprintf(v->why, sizeof(v->why), "it is no guest's address in network '%s'",
				w->name) > 0;
	memcpy(taken.mac, v->mac, 6);
	err = tables_each_lease(w->tables, w->id, match_taken, &taken);
	if (err > 0)
		return snprintf(v->why, sizeof(v->why), "%s has it",
				dhcp_leases_is_declined(&taken.key) ? "a host that is no guest" :
				addr_format_mac(taken.key.mac, mac)) > 0;
	if (!err)
		err = tables_address_get(w->tables, w->id, v->ip, &slot);
	if (!err)
		err = tables_port_get(w->tables, slot, &p);
	if (!err && memcmp(p.mac, v->mac, 6))
		return snprintf(v->why, sizeof(v->why), "guest '%s' has it", p.name) > 0;
	if (err && err != -ENOENT)
		return log_ret(err, "network '%s': cannot read its leases", w->name);
	err = store_each_reservation(s, w->name, find_stored, v);
	return err < 0 ? log_refuse(err, "leases cannot be read: %s", store_error(s)) : err;
}

/* So that the daemon reads them before it answers again. */
static int make_known(struct network_work *w)
{
	int err = dhcp_leases_reread(w->tables, w->id);

	return err ? log_ret(err, "network '%s': cannot tell the daemon of its leases", w->name) : 0;
}

static int commit(struct network_work *w, struct store *s, int err)
{
	if (!err)
		err = store_commit(s);
	if (err)
		return log_refuse(err, "leases cannot be written: %s", store_error(s));
	return make_known(w);
}

/* --- add */

static int reserve(struct network_work *w, struct store *s, const char *who,
		   const struct store_reservation *r)
{
	struct verdict v = { .w = w, .mac = r->mac, .ip = r->ip };
	struct config_guest guest;
	char ip[ADDR_IP_SIZE];
	int err;

	if (r->guest[0] && reservation_of(w, r->guest, &guest) && guest.ip && guest.ip != r->ip)
		return log_refuse(-EADDRINUSE, "the configuration reserves %s for guest '%s'",
				  addr_format_ip(guest.ip, ip), who);
	err = judge(w, s, &v);
	if (err > 0)
		return log_refuse(-EADDRINUSE, "%s cannot be reserved for '%s': %s",
				  addr_format_ip(r->ip, ip), who, v.why);
	return err < 0 ? err : commit(w, s, store_reserve(s, r));
}

int network_lease_add(const char *net, const char *who, const char *address)
{
	_work_ struct network_work w = NETWORK_WORK_INIT;
	_store_ struct store *s = store_default();
	struct store_reservation r = { .ip = 0 };
	int err;

	if (!s)
		return log_ret(-ENOMEM, "cannot open the lease store");
	err = network_work_open(&w, net);
	if (err)
		return err;
	strcpy(r.network, w.name);
	if (addr_parse_host(address, w.entry.subnet, w.entry.netmask, &r.ip))
		return log_refuse(-EINVAL, "'%s' is no address of a guest in network '%s'", address, net);
	if (addr_parse_mac(who, r.mac)) {
		err = mac_of(&w, who, r.mac);
		if (!err)
			snprintf(r.guest, sizeof(r.guest), "%s", who);
	}
	return err ? err : reserve(&w, s, who, &r);
}

/* --- rm */

static int match_reservation(const struct store_reservation *r, void *arg)
{
	struct search *s = arg;

	if (s->name ? strcmp(r->guest, s->name) : r->ip != s->ip)
		return 0;
	memcpy(s->mac, r->mac, 6);
	return 1;
}

/* Whose lease is meant.  Return: 0, -ENOENT, -errno. */
static int find_client(struct network_work *w, struct store *st, const char *who,
		       struct search *s)
{
	int err;

	if (!addr_parse_mac(who, s->mac))
		return 0;
	if (!addr_parse_host(who, w->entry.subnet, w->entry.netmask, &s->ip))
		err = tables_each_lease(w->tables, w->id, match_ip, s);
	else
		s->name = who, err = 0;
	if (!err)
		err = store_each_reservation(st, w->name, match_reservation, s);
	if (err || !s->name)
		return err > 0 ? 0 : err ? err : -ENOENT;
	return mac_of(w, who, s->mac);
}

/* Its port has no address then; what it sends is dropped until it has asked for one. */
static int close_port(struct network_work *w, struct search *s)
{
	int err;

	if (!s->slot || !s->port.ip)
		return 0;
	s->port.ip = 0;
	err = tables_port_put(w->tables, s->slot, &s->port);
	if (!err)
		err = datapath_flush(w->id, s->slot);
	return err < 0 ? err : 0;
}

static int take_away(struct network_work *w, struct store *st, const char *who, struct search *s)
{
	struct cv_lease_key key = { .net = w->id };
	int n_reserved = 0, n = 0, err;

	memcpy(key.mac, s->mac, 6);
	err = store_unreserve(st, w->name, s->mac, &n_reserved);
	if (!err)
		err = store_delete(st, w->name, s->mac, &n);
	if (err)
		return log_refuse(err, "leases cannot be written: %s", store_error(st));
	err = tables_lease_get(w->tables, &key, &s->lease);
	if (!err && s->lease.flags & CV_LEASE_STATIC && (!n_reserved || s->port.flags & CV_PORT_STATIC))
		return log_refuse(-EBUSY, "the configuration or 'port add' gives '%s' its address", who);
	if (err == -ENOENT && !n_reserved && !n)
		return log_refuse(-ENOENT, "network '%s' has no lease of '%s'", w->name, who);
	err = tables_lease_clear(w->tables, &key);
	if (!err || err == -ENOENT)
		err = close_port(w, s);
	if (err)
		return log_ret(err, "network '%s': cannot end the lease of '%s'", w->name, who);
	return commit(w, st, 0);
}

int network_lease_rm(const char *net, const char *who)
{
	_work_ struct network_work w = NETWORK_WORK_INIT;
	_store_ struct store *st = store_default();
	struct search s = { 0 };
	int err;

	if (!st)
		return log_ret(-ENOMEM, "cannot open the lease store");
	err = network_work_open(&w, net);
	if (err)
		return err;
	err = find_client(&w, st, who, &s);
	if (err == -ENOENT)
		return log_refuse(err, "network '%s' has no lease of '%s'", net, who);
	if (!err)
		err = tables_each_port(w.tables, w.id, match_mac, &s);
	if (err < 0)
		return err;
	return take_away(&w, st, who, &s);
}

/* --- import */

static int put_record(struct network_work *w, struct store *s, const struct lease_record *r,
		      __s64 now_s)
{
	struct store_reservation res = { .ip = r->ip };
	struct store_row row = {
		.ip = r->ip, .state = r->expiry_s > now_s ? STORE_IMPORTED : STORE_FREE,
		.start_s = now_s, .expiry_s = r->expiry_s, .horizon_s = r->expiry_s,
		.updated_s = now_s, .client_id_len = r->client_id_len,
	};

	if (r->reserved) {
		strcpy(res.network, w->name);
		memcpy(res.mac, r->mac, 6);
		strcpy(res.guest, r->guest);
		return store_reserve(s, &res);
	}
	strcpy(row.network, w->name);
	strcpy(row.guest, r->guest);
	strcpy(row.hostname, r->hostname);
	memcpy(row.mac, r->mac, 6);
	memcpy(row.client_id, r->client_id, sizeof(row.client_id));
	return store_put(s, &row);
}

/* Another lease of this client would be forgotten without a word. */
static int has_other(struct network_work *w, const struct lease_record *r, struct verdict *v)
{
	struct cv_lease_key key = { .net = w->id };
	char ip[ADDR_IP_SIZE], mac[ADDR_MAC_SIZE];
	struct cv_lease lease;

	memcpy(key.mac, r->mac, 6);
	if (tables_lease_get(w->tables, &key, &lease) || lease.ip == r->ip)
		return 0;
	snprintf(v->why, sizeof(v->why), "%s has %s here", addr_format_mac(r->mac, mac),
		 addr_format_ip(lease.ip, ip));
	return 1;
}

static int check_record(struct network_work *w, struct store *s, const char *file,
			const struct lease_record *r)
{
	struct verdict v = { .w = w, .mac = r->mac, .ip = r->ip };
	char ip[ADDR_IP_SIZE];
	int err = judge(w, s, &v);

	if (!err)
		err = has_other(w, r, &v);
	if (err > 0)
		return log_refuse(-EADDRINUSE, "%s:%u: %s cannot be imported: %s", file, r->line,
				  addr_format_ip(r->ip, ip), v.why);
	return err;
}

int network_lease_import(const char *net, const char *file, const struct lease_records *r)
{
	_work_ struct network_work w = NETWORK_WORK_INIT;
	_store_ struct store *s = store_default();
	__s64 now_s = time(NULL);
	int err;

	if (!s)
		return log_ret(-ENOMEM, "cannot open the lease store");
	if (r->n > CV_MAX_LEASES / 2)
		return log_refuse(-E2BIG, "%s: more than %d leases", file, CV_MAX_LEASES / 2);
	err = network_work_open(&w, net);
	for (size_t i = 0; i < r->n && !err; i++)
		err = check_record(&w, s, file, &r->all[i]);
	if (err)
		return err;
	for (size_t i = 0; i < r->n && !err; i++)
		err = put_record(&w, s, &r->all[i], now_s);
	err = commit(&w, s, err);
	return err ? err : (int)r->n;
}
