// SPDX-License-Identifier: GPL-2.0-only
/*
 * The daemon's half of DHCP around the engine: ring, sockets, configuration.
 * All it holds can be thrown away and made again from the maps, the store and
 * CULVERT_RUN, which is what a restart does.
 *
 * Requests are answered in batches: all that wait are judged, one commit makes
 * durable what was promised, then the replies leave.  While the disk works the
 * next ones gather, so the more clients come the more share one commit.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "datapath.h"
#include "dhcp_options.h"
#include "dhcp_profile.h"
#include "dns_serve.h"
#include "lease_watch.h"
#include "lock.h"
#include "log.h"
#include "mem.h"
#include "net_watch.h"
#include "paths.h"
#include "reply_socket.h"
#include "resolv.h"
#include "serve_impl.h"
#include "state.h"
#include "store.h"
#include "tables.h"
#include "uplink.h"
#include "uplink_watch.h"

#define META_PIN	"map/meta"

#define BATCH_MAX	128	/* replies that wait for one commit */

/* --- hooks of the engine */

/* A command may wait for us to end while it holds the lock: so the wait has an end too. */
static int take_lock(void *arg)
{
	struct serve *s = arg;

	return lock_await(&s->lock_fd);
}

static void give_lock(void *arg)
{
	struct serve *s = arg;

	close(take_fd(&s->lock_fd));
}

static void forget_flows(void *arg, __u16 net, __u32 slot)
{
	int err = datapath_flush(net, slot);

	if (err < 0)
		log_warn("cannot forget the flows of port %u: %s", slot, strerror(-err));
}

static void tell_end(void *arg, const struct cv_lease_key *key, const struct cv_lease *lease)
{
	serve_tell_end(arg, key, lease);
}

static __s64 wall_clock_s(void *arg)
{
	return time(NULL);
}

/* Else the kernel would renew what a guest with options of its own asks for. */
static void mark_leases(void *arg, __u16 net)
{
	struct serve *s = arg;
	int err = dhcp_profiles_mark(s->profiles, s->tables, net);

	if (err)
		log_warn("cannot mark leases of guests with DHCP options of their own: %s",
			 strerror(-err));
}

/* --- names */

/* The lock of networks that are gone would be left behind. */
static bool maps_are_gone(const struct serve *s)
{
	if (serve_is_current(s))
		return false;
	if (!datapath_loaded())
		lock_remove();
	return true;
}

/* Not while a command is at work: it may be taking the network away. */
static void follow_names(struct serve *s)
{
	_fd_ int lock = -1;
	int err;

	if (!serve_is_current(s) || lock_try(NULL, &lock) || maps_are_gone(s))
		return;
	err = dns_serve_follow(s->tables);
	if (err && err != s->names_error)
		log_warn("cannot serve names: %s", dns_serve_strerror(err));
	s->names_error = err;
	s->names_stale = false;
}

/* --- requests */

static enum cv_drop drop_of(int err)
{
	switch (err) {
	case -EAGAIN:
		return CV_DROP_DHCP_BUSY;
	case -E2BIG:
		return CV_DROP_DHCP_FULL;
	default:
		return CV_DROP_DHCP_STORE;
	}
}

static void tell_unanswered(struct serve *s, int err, unsigned int n)
{
	if (err == -E2BIG) {
		if (!s->table_full)
			log_error("the host's table of leases is full (%d): guests get none", CV_MAX_LEASES);
		s->table_full = true;
		return;
	}
	s->health.unanswered += n;
	if (err == -EAGAIN)
		log_info("%u DHCP requests are left unanswered: somebody else is writing", n);
	else
		lease_health_failed(&s->health, err, s->store);
}

/* Return: 0, or -errno when the client gets no answer. */
static int answer(struct serve *s, const struct cv_request *req, size_t size,
		  struct dhcp_reply *ret)
{
	const struct dhcp_server server = { s->tables, s->leases, s->profiles };
	__u64 now_ns = tables_boot_ns();
	int err = size < offsetof(struct cv_request, frame) ? 0 :
		  dhcp_leases_prepare(s->leases, req->net, now_ns);

	if (err && err != -ENOENT)
		return err;
	return dhcp_server_answer(&server, req, size, now_ns, ret);
}

/* A request that cannot be answered is the client's to repeat; the ring goes on. */
static int on_request(void *arg, void *data, size_t size)
{
	struct serve *s = arg;
	struct waiting_reply *w = &s->batch[s->n_batch];
	const struct cv_request *req = data;
	unsigned long before = dhcp_leases_changes(s->leases);
	int err = answer(s, req, size, &w->reply);

	if (err) {
		serve_count(s, req->net, req->slot, drop_of(err));
		tell_unanswered(s, err, 1);
		return 0;
	}
	w->promises = dhcp_leases_changes(s->leases) != before;
	s->n_batch++;
	return s->n_batch == BATCH_MAX ? -ENOBUFS : 0;	/* the rest is the next batch's */
}

/* Refusals and options need no commit: they leave in any case. */
static void end_batch(struct serve *s)
{
	unsigned int n_lost = 0;
	int err = dhcp_leases_commit(s->leases, tables_boot_ns());

	for (size_t i = 0; i < s->n_batch; i++) {
		if (err && s->batch[i].promises) {
			serve_count(s, s->batch[i].reply.net, s->batch[i].reply.slot, drop_of(err));
			n_lost++;
			continue;
		}
		serve_deliver(s, &s->batch[i].reply);
	}
	s->n_batch = 0;
	if (err)
		tell_unanswered(s, err, n_lost);
}

int serve_requests(struct serve *s)
{
	int n = tables_ring_consume(s->ring);

	end_batch(s);
	lease_watch_calls(s->hooks);
	if (s->names_stale)
		follow_names(s);
	return n < 0 && n != -ENOBUFS ? n : 0;
}

int serve_fd(const struct serve *s)
{
	return tables_ring_fd(s->ring);
}

/* --- uplinks */

int serve_uplinks_fd(const struct serve *s)
{
	return s->watch ? net_watch_fd(s->watch) : -1;
}

bool serve_uplinks_changed(struct serve *s)
{
	int changed = net_watch_read(s->watch);

	if (changed < 0)
		log_warn("cannot read what changes on the host: %s", strerror(-changed));
	return changed;
}

int serve_uplinks_follow(struct serve *s)
{
	_fd_ int lock = -1;
	int err;

	if (!serve_is_current(s))
		return 0;
	err = lock_try(NULL, &lock);
	if (err == -EAGAIN)
		return err;
	if (err)
		return log_ret(err, "cannot lock '%s'", paths_run()), 0;
	if (!maps_are_gone(s))
		uplink_watch_follow(s->tables, &s->lingers);
	return 0;
}

/* --- configuration */

static int update_options(struct serve *s, __u16 id, const struct cv_network *n,
			  struct config *cfg)
{
	struct cv_dhcp_options options = { 0 }, now = { 0 };
	int err = resolv_fill(cfg);

	if (!err)
		err = dhcp_profiles_set(s->profiles, s->tables, id, n, cfg);
	if (!err)
		err = dhcp_options_render(cfg, n, &options);
	if (!err)
		err = tables_dhcp_options_get(s->tables, id, &now);
	if ((err && err != -ENOENT) || (!err && !memcmp(&options, &now, sizeof(now))))
		return err;
	log_debug("network '%s': new DHCP options", n->name);
	return tables_dhcp_options_put(s->tables, id, &options);
}

static int reload_network(__u16 id, const struct cv_network *n, void *arg)
{
	struct serve *s = arg;
	struct config cfg;
	int err = state_load_config(n->name, &cfg);

	if (err) {	/* the maps tell enough to serve */
		log_debug("network '%s': no configuration: %s", n->name, strerror(-err));
		return 0;
	}
	lease_watch_configure(s->hooks, id, n, &cfg);
	err = dhcp_leases_reserve(s->leases, id, &cfg);
	if (!err && cfg.dhcp)
		err = update_options(s, id, n, &cfg);
	if (err)
		log_warn("network '%s': cannot apply its configuration: %s", n->name, strerror(-err));
	config_release(&cfg);
	return 0;
}

static void scan(struct serve *s, __u64 now_ns, enum lease_event why)
{
	int err = dhcp_leases_scan(s->leases, now_ns);

	s->scanned_ns = now_ns;
	s->table_full = false;
	if (!err && s->health.failing)	/* a scan may have had nothing to write */
		err = store_probe(s->store);
	if (!err)
		lease_health_well(&s->health);
	else if (err != -EAGAIN && err != -E2BIG)
		lease_health_failed(&s->health, err, s->store);
	lease_watch_scan(s->hooks, 0, why);
}

/* @net: that one alone; NULL: all. */
static void reload(struct serve *s, const char *net, enum lease_event why)
{
	struct cv_network n;
	__u16 id;
	int err;

	err = net ? tables_network_find(s->tables, net, &id, &n) :
		    tables_each_network(s->tables, reload_network, s);
	if (!err && net)
		err = reload_network(id, &n, s);
	if (err && err != -ENOENT)
		log_warn("cannot read the networks: %s", strerror(-err));
	s->n_dns = resolv_read("", s->dns);
	scan(s, tables_boot_ns(), why);
}

void serve_reload(struct serve *s, const char *net)
{
	reload(s, net, LEASE_NO_EVENT);
}

static bool resolvers_changed(const struct serve *s)
{
	__be32 dns[CONFIG_MAX_DNS];
	int n = resolv_read("", dns);

	return n >= 0 && (n != s->n_dns || memcmp(dns, s->dns, (size_t)n * sizeof(dns[0])));
}

void serve_tick(struct serve *s)
{
	__u64 now_ns = tables_boot_ns();

	reply_sockets_tidy(s->sockets, now_ns);
	lease_health_publish(&s->health);
	lease_watch_tick(s->hooks);
	if (s->names_stale)
		follow_names(s);
	if (now_ns - s->scanned_ns < SERVE_SCAN_NS)
		return;
	if (s->lingers)
		serve_uplinks_follow(s);
	if (resolvers_changed(s))
		serve_reload(s, NULL);
	else
		scan(s, now_ns, LEASE_NO_EVENT);
	follow_names(s);
}

int serve_hooks_fd(const struct serve *s)
{
	return lease_watch_fd(s->hooks);
}

void serve_hooks(struct serve *s)
{
	lease_watch_calls(s->hooks);
}

static int count_network(__u16 id, const struct cv_network *n, void *arg)
{
	++*(int *)arg;
	return 0;
}

int serve_networks(struct serve *s)
{
	int n = 0, err = tables_each_network(s->tables, count_network, &n);

	return err ? err : n;
}

/* --- opening */

static int stat_pin(struct stat *ret)
{
	char path[PATH_MAX];
	int err = paths_join(path, sizeof(path), paths_bpf(), META_PIN);

	if (err)
		return err;
	return stat(path, ret) ? -errno : 0;
}

bool serve_is_current(const struct serve *s)
{
	struct stat pin;

	return !stat_pin(&pin) && pin.st_dev == s->pin.st_dev && pin.st_ino == s->pin.st_ino;
}

void serve_close(struct serve *s)
{
	if (!s)
		return;
	net_watch_close(s->watch);
	tables_ring_close(s->ring);
	reply_sockets_free(s->sockets);
	lease_watch_close(s->hooks);
	dhcp_leases_free(s->leases);
	dhcp_profiles_free(s->profiles);
	store_free(s->store);
	free(s->batch);
	lease_health_remove();
	tables_close(s->tables);
	free(s);
}

static int open_parts(struct serve *s)
{
	const struct dhcp_hooks hooks = {
		.lock = take_lock, .unlock = give_lock, .left = forget_flows,
		.ended = tell_end, .wall_s = wall_clock_s, .restored = mark_leases, .arg = s,
	};
	int err;

	err = stat_pin(&s->pin);
	if (!err)
		err = tables_open(&s->tables);
	if (err)
		return err;
	s->sockets = reply_sockets_new();
	s->profiles = dhcp_profiles_new();
	s->batch = calloc(BATCH_MAX, sizeof(*s->batch));
	s->store = store_default();
	if (!s->sockets || !s->profiles || !s->batch || !s->store)
		return -ENOMEM;
	err = lease_watch_open(s->tables, &s->hooks);
	if (!err)
		err = dhcp_leases_new(s->tables, s->store, &hooks, &s->leases);
	if (!err)
		err = tables_requests_open(s->tables, on_request, s, &s->ring);
	return err;
}

int serve_open(struct serve **ret)
{
	struct serve *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return log_ret(-ENOMEM, "cannot serve");
	s->lock_fd = -1;
	lease_health_remove();	/* what one that was killed has left says nothing of now */
	err = open_parts(s);
	if (err) {
		serve_close(s);
		if (err != -ENOENT)
			log_error("cannot open the maps in '%s': %s", paths_bpf(),
				  datapath_strerror(err));
		return err;
	}
	err = net_watch_open(uplink_is_ours, &s->watch);
	if (err)
		log_warn("cannot watch the host's links, so networks do not follow them: %s",
			 strerror(-err));
	reload(s, NULL, LEASE_KNOWN);
	lease_watch_calls(s->hooks);
	*ret = s;
	return 0;
}
