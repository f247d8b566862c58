// SPDX-License-Identifier: GPL-2.0-only
#include "lease_watch.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "addr.h"
#include "dhcp_leases.h"
#include "hook_run.h"
#include "lease_call.h"
#include "log.h"
#include "mem.h"
#include "paths.h"
#include "state.h"
#include "tables.h"

#define NS_PER_S	1000000000ULL
#define FOREVER_NS	(~0ULL)

/**
 * struct hook - of one network
 * @run, @news, @since_ns: the call that is at work
 * @killed:	because it took too long
 */
struct hook {
	char path[sizeof(((struct config *)NULL)->hook)];
	struct hook_user user;
	bool running, killed;
	struct hook_run run;
	struct lease_news news;
	__u64 since_ns;
	struct lease_watch_state state;
};

struct lease_watch {
	struct tables *t;
	struct lease_book *book;
	int epoll_fd;
	unsigned int n_hooks, n_running, turn;
	bool published;
	struct hook *hook[CV_MAX_NETWORKS];
};

static struct hook *hook_of(struct lease_watch *w, __u16 net)
{
	return net < CV_MAX_NETWORKS ? w->hook[net] : NULL;
}

/* --- what is so */

/* A lease that nobody has asked for yet, put back from disk or reserved, is told when somebody does. */
static bool holds(const struct cv_lease *l, __u64 now_ns)
{
	return l->state != CV_LEASE_OFFERED && l->slot && dhcp_leases_live(l, now_ns);
}

static struct lease_fact fact_of(struct tables *t, const struct cv_lease_key *key,
				 const struct cv_lease *l)
{
	struct lease_fact f = { .ip = l->ip, .expiry_ns = l->expiry_boot_ns,
				.client_id_len = l->client_id_len };
	struct cv_port p;

	memcpy(f.hostname, l->hostname, sizeof(f.hostname));
	memcpy(f.client_id, l->client_id, sizeof(f.client_id));
	if (!(l->flags & CV_LEASE_RELAYED) && !tables_port_get(t, l->slot, &p) && p.net == key->net)
		memcpy(f.guest, p.name, sizeof(f.guest));
	return f;
}

static void note(struct lease_watch *w, const struct cv_lease_key *key, const struct cv_lease *l,
		 enum lease_event why)
{
	struct lease_fact fact;

	if (l && holds(l, tables_boot_ns())) {
		fact = fact_of(w->t, key, l);
		lease_book_note(w->book, key, &fact, why);
	} else {
		lease_book_note(w->book, key, NULL, why);
	}
}

void lease_watch_look(struct lease_watch *w, const struct cv_lease_key *key, enum lease_event why)
{
	struct cv_lease l;

	if (hook_of(w, key->net))
		note(w, key, tables_lease_get(w->t, key, &l) ? NULL : &l, why);
}

struct walk {
	struct lease_watch *w;
	enum lease_event why;
	bool suppose;
};

static int walk_lease(const struct cv_lease_key *key, const struct cv_lease *l, void *arg)
{
	struct walk *x = arg;
	struct lease_fact fact;

	if (!hook_of(x->w, key->net) || dhcp_leases_is_marker(key) || dhcp_leases_is_declined(key))
		return 0;
	if (!x->suppose) {
		note(x->w, key, l, x->why);
	} else if (l->state != CV_LEASE_OFFERED && l->slot) {
		fact = fact_of(x->w->t, key, l);
		lease_book_suppose(x->w->book, key, &fact);
	}
	return 0;
}

/* A network that has gone has taken its leases along: they are held, and told again when it is up. */
static void forget_gone(struct lease_watch *w, __u16 net)
{
	struct cv_network n;

	if (!tables_network_get(w->t, net, &n) && !strcmp(n.name, w->hook[net]->state.network))
		return;
	lease_book_forget(w->book, net);
}

void lease_watch_scan(struct lease_watch *w, __u16 net, enum lease_event why)
{
	struct walk x = { .w = w, .why = why };

	if (!w->n_hooks)
		return;
	for (__u16 id = 1; id < CV_MAX_NETWORKS; id++) {
		if (!w->hook[id] || (net && id != net))
			continue;
		forget_gone(w, id);
		lease_book_begin(w->book, id);
	}
	if (tables_each_lease(w->t, net, walk_lease, &x))
		return;		/* not all were seen: no end is concluded from that */
	for (__u16 id = 1; id < CV_MAX_NETWORKS; id++)
		if (w->hook[id] && (!net || id == net))
			lease_book_end(w->book, id);
}

/* --- calls */

static void watch_fd(struct lease_watch *w, int fd, __u16 net)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = net };

	epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &e);	/* else the next tick sees it */
}

static void tell_failure(struct hook *h, const char *why)
{
	const char *said = h->run.output;
	char error[HOOK_ERROR_SIZE], mac[ADDR_MAC_SIZE];

	snprintf(error, sizeof(error), "%s%s%s", why, *said ? ": " : "", said);
	h->state.failed++;
	if (!h->state.failing || strcmp(error, h->state.error))
		log_warn("network '%s': hook '%s' failed for '%s %s': %s", h->state.network, h->path,
			 lease_event_word(h->news.event), addr_format_mac(h->news.key.mac, mac), error);
	h->state.failing = true;
	memcpy(h->state.error, error, sizeof(error));
}

static void judge(struct hook *h, int status)
{
	char why[48];

	if (h->killed) {
		h->state.killed++;
		snprintf(why, sizeof(why), "took longer than %d s and was killed", LEASE_WATCH_CALL_S);
	} else if (WIFSIGNALED(status)) {
		snprintf(why, sizeof(why), "ended by signal %d", WTERMSIG(status));
	} else if (WEXITSTATUS(status)) {
		snprintf(why, sizeof(why), "exit status %d", WEXITSTATUS(status));
	} else {
		if (h->state.failing)
			log_info("network '%s': hook '%s' works again", h->state.network, h->path);
		h->state.failing = false;
		return;
	}
	tell_failure(h, why);
}

static void end_call(struct lease_watch *w, struct hook *h)
{
	judge(h, hook_run_end(&h->run));
	h->running = false;
	w->n_running--;
	w->published = false;
}

static bool has_ended(const struct hook *h)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)h->run.pid, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid;
}

static void begin_call(struct lease_watch *w, __u16 net, struct hook *h)
{
	struct lease_call call;
	int err;

	lease_call_make(&call, h->path, h->state.network, h->user.name, &h->news, tables_boot_ns(),
			time(NULL));
	h->run = (struct hook_run)HOOK_RUN_INIT;
	h->state.calls++;
	w->published = false;
	err = hook_run_start(call.argv, call.envp, &h->user, &h->run);
	if (err) {
		tell_failure(h, strerror(-err));
		return;
	}
	h->running = true;
	h->killed = false;
	h->since_ns = tables_boot_ns();
	w->n_running++;
	watch_fd(w, h->run.pidfd, net);
	watch_fd(w, h->run.out_fd, net);
}

/* Networks take turns, so that one with many guests does not keep the others waiting. */
static void begin_calls(struct lease_watch *w)
{
	for (unsigned int i = 0; i < CV_MAX_NETWORKS && w->n_running < LEASE_WATCH_CALLS; i++) {
		__u16 net = (__u16)((w->turn + i) % CV_MAX_NETWORKS);
		struct hook *h = w->hook[net];

		if (!h || h->running || !lease_book_next(w->book, net, &h->news))
			continue;
		begin_call(w, net, h);
		w->turn = net + 1;
		i = 0;
	}
}

void lease_watch_calls(struct lease_watch *w)
{
	for (__u16 net = 1; w->n_running && net < CV_MAX_NETWORKS; net++) {
		struct hook *h = w->hook[net];

		if (!h || !h->running)
			continue;
		hook_run_read(&h->run);
		if (has_ended(h))
			end_call(w, h);
	}
	if (w->n_hooks)
		begin_calls(w);
}

int lease_watch_fd(const struct lease_watch *w)
{
	return w->epoll_fd;
}

/* --- the file */

static void print_states(struct lease_watch *w, FILE *f)
{
	for (__u16 net = 1; net < CV_MAX_NETWORKS; net++) {
		const struct hook *h = w->hook[net];

		if (h)
			fprintf(f, "%s %s %llu %llu %llu %llu %u %s\n", h->state.network,
				h->state.failing ? "failing" : "well",
				(unsigned long long)h->state.calls, (unsigned long long)h->state.failed,
				(unsigned long long)h->state.killed,
				(unsigned long long)lease_book_passed(w->book, net),
				lease_book_waiting(w->book, net), h->state.error);
	}
}

static void publish(struct lease_watch *w)
{
	_fclose_ FILE *f = NULL;
	char path[PATH_MAX];

	if (w->published || paths_join(path, sizeof(path), paths_run(), LEASE_WATCH_FILE))
		return;
	if (!w->n_hooks) {
		unlink(path);
		w->published = true;
		return;
	}
	f = fopen(path, "we");
	if (!f)
		return;
	print_states(w, f);
	w->published = true;
}

void lease_watch_remove(void)
{
	char path[PATH_MAX];

	if (!paths_join(path, sizeof(path), paths_run(), LEASE_WATCH_FILE))
		unlink(path);
}

int lease_watch_read(void (*fn)(const struct lease_watch_state *s, void *arg), void *arg)
{
	unsigned long long calls, failed, killed, left_out;
	char path[PATH_MAX], line[512], word[16];
	struct lease_watch_state s;
	_fclose_ FILE *f = NULL;
	int err = paths_join(path, sizeof(path), paths_run(), LEASE_WATCH_FILE);

	if (err)
		return err;
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		s = (struct lease_watch_state) { .calls = 0 };
		if (sscanf(line, "%31s %15s %llu %llu %llu %llu %u %255[^\n]", s.network, word, &calls,
			   &failed, &killed, &left_out, &s.waiting, s.error) < 7)
			continue;
		s.failing = !strcmp(word, "failing");
		s.calls = calls;
		s.failed = failed;
		s.killed = killed;
		s.left_out = left_out;
		fn(&s, arg);
	}
	return 0;
}

void lease_watch_tick(struct lease_watch *w)
{
	__u64 now_ns = tables_boot_ns();

	for (__u16 net = 1; w->n_running && net < CV_MAX_NETWORKS; net++) {
		struct hook *h = w->hook[net];

		if (!h || !h->running || now_ns - h->since_ns < LEASE_WATCH_CALL_S * NS_PER_S)
			continue;
		h->killed = !has_ended(h);
		hook_run_kill(&h->run);
	}
	lease_watch_calls(w);
	publish(w);
}

/* --- configuration */

/* Its last call is not waited for. */
static void remove_hook(struct lease_watch *w, __u16 net)
{
	struct hook *h = w->hook[net];

	if (!h)
		return;
	if (h->running) {
		hook_run_kill(&h->run);
		hook_run_end(&h->run);
		w->n_running--;
	}
	lease_book_forget(w->book, net);
	free(h);
	w->hook[net] = NULL;
	w->n_hooks--;
	w->published = false;
}

static bool is_same(const struct hook *h, const struct cv_network *n, const struct config *cfg)
{
	return h && !strcmp(h->path, cfg->hook) && !strcmp(h->user.name, cfg->hook_user) &&
	       !strcmp(h->state.network, n->name);
}

void lease_watch_configure(struct lease_watch *w, __u16 net, const struct cv_network *n,
			   const struct config *cfg)
{
	struct hook *h;
	int err;

	if (is_same(w->hook[net], n, cfg))
		return;
	remove_hook(w, net);
	if (!cfg->hook[0])
		return;
	h = calloc(1, sizeof(*h));
	err = h ? hook_user_find(cfg->hook_user, &h->user) : -ENOMEM;
	if (err) {
		log_warn("network '%s': hook '%s' is not called: user '%s': %s", n->name, cfg->hook,
			 cfg->hook_user, err == -ENOENT ? "there is none" : strerror(-err));
		free(h);
		return;
	}
	snprintf(h->path, sizeof(h->path), "%s", cfg->hook);
	snprintf(h->state.network, sizeof(h->state.network), "%s", n->name);
	w->hook[net] = h;
	w->n_hooks++;
	w->published = false;
}

static int configure_network(__u16 id, const struct cv_network *n, void *arg)
{
	struct config cfg;

	if (state_load_config(n->name, &cfg))
		return 0;
	lease_watch_configure(arg, id, n, &cfg);
	config_release(&cfg);
	return 0;
}

int lease_watch_open(struct tables *t, struct lease_watch **ret)
{
	struct lease_watch *w = calloc(1, sizeof(*w));
	struct walk x = { .w = w, .suppose = true };
	int err;

	if (!w)
		return -ENOMEM;
	w->t = t;
	w->book = lease_book_new();
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	err = !w->book ? -ENOMEM : w->epoll_fd < 0 ? -errno : 0;
	if (!err)
		err = tables_each_network(t, configure_network, w);
	if (!err && w->n_hooks)
		err = tables_each_lease(t, 0, walk_lease, &x);
	if (err) {
		lease_watch_close(w);
		return err;
	}
	*ret = w;
	return 0;
}

void lease_watch_close(struct lease_watch *w)
{
	if (!w)
		return;
	for (__u16 net = 1; net < CV_MAX_NETWORKS; net++)
		remove_hook(w, net);
	lease_book_free(w->book);
	mem_close(&w->epoll_fd);
	lease_watch_remove();
	free(w);
}
