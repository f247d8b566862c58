// SPDX-License-Identifier: GPL-2.0-only
/*
 * culvert serve: the daemon.  One for a CULVERT_RUN, in the foreground, in
 * sd-event's loop.  It comes before or after the first network, follows the
 * maps when they are replaced, and may be killed at any time: a guest with an
 * address does not notice, and the next one goes on from the maps.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>

#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "cli.h"
#include "daemon.h"
#include "lock.h"
#include "log.h"
#include "mem.h"
#include "paths.h"
#include "serve.h"
#include "state.h"
#include "tables.h"

#define TICK_US		1000000ULL
#define EAGER_TICK_US	50000ULL	/* for a second after something changed in CULVERT_RUN */
#define EAGER_TICKS	20
#define FIRST_NETWORK_NS 60000000000ULL	/* --until-last waits this long for one */
#define SETTLE_US	100000ULL	/* the host's changes come in bursts */
#define LOCK_TRIES	50
#define LOCK_PAUSE_NS	10000000

/**
 * struct daemon - the whole process
 * @serve:	NULL while there are no maps
 * @requests, @hooks: its event sources
 * @uplinks:	likewise; NULL when uplinks are not followed
 * @settle:	runs while they are to be looked at
 * @known_error: of opening the maps, told already
 * @eager:	ticks that come quickly still
 * @reload:	configurations may have changed
 * @changed:	of this network alone; empty: of any
 */
struct daemon {
	sd_event *event;
	sd_event_source *requests, *hooks, *uplinks, *settle, *timer, *changes;
	struct serve *serve;
	int lock_fd, ready_fd;
	bool until_last, had_network, reload;
	char changed[CV_NAME_SIZE];
	int known_error, networks;
	unsigned int eager;
	__u64 started_ns;
};

/* --- one instance */

static int hold_lock(struct daemon *d)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };
	int err = lock_try(DAEMON_LOCK, &d->lock_fd);

	/* Who only asks whether we run has it for a moment. */
	for (int i = 0; err == -EAGAIN && i < LOCK_TRIES; i++) {
		nanosleep(&pause, NULL);
		err = lock_try(DAEMON_LOCK, &d->lock_fd);
	}
	if (err)
		return err;
	if (ftruncate(d->lock_fd, 0) || dprintf(d->lock_fd, "%d\n", getpid()) < 0)
		return -errno;
	return 0;
}

static void release_lock(struct daemon *d)
{
	char path[PATH_MAX];

	if (d->lock_fd < 0)
		return;
	if (!paths_join(path, sizeof(path), paths_run(), DAEMON_LOCK))
		unlink(path);
	close(take_fd(&d->lock_fd));
}

/* --- the maps */

static int on_requests(sd_event_source *src, int fd, uint32_t revents, void *arg)
{
	struct daemon *d = arg;
	int err = serve_requests(d->serve);

	if (err)
		log_warn("cannot read DHCP requests: %s", strerror(-err));
	return 0;
}

static int on_hooks(sd_event_source *src, int fd, uint32_t revents, void *arg)
{
	struct daemon *d = arg;

	serve_hooks(d->serve);
	return 0;
}

/* Not put off by what changes meanwhile: the first change waits no longer than this. */
static int look_soon(struct daemon *d)
{
	int on, err = sd_event_source_get_enabled(d->settle, &on);

	if (err < 0 || on != SD_EVENT_OFF)
		return err < 0 ? err : 0;
	err = sd_event_source_set_time_relative(d->settle, SETTLE_US);
	return err < 0 ? err : sd_event_source_set_enabled(d->settle, SD_EVENT_ONESHOT);
}

static int on_uplinks(sd_event_source *src, int fd, uint32_t revents, void *arg)
{
	struct daemon *d = arg;

	return serve_uplinks_changed(d->serve) ? look_soon(d) : 0;
}

static int on_settle(sd_event_source *src, uint64_t usec, void *arg)
{
	struct daemon *d = arg;

	return d->serve && serve_uplinks_follow(d->serve) == -EAGAIN ? look_soon(d) : 0;
}

static int watch_uplinks(struct daemon *d)
{
	int fd = serve_uplinks_fd(d->serve), err;

	if (fd < 0)
		return 0;
	err = sd_event_add_io(d->event, &d->uplinks, fd, EPOLLIN, on_uplinks, d);
	return err < 0 ? err : look_soon(d);	/* what changed while nobody served */
}

static void detach(struct daemon *d)
{
	d->uplinks = sd_event_source_disable_unref(d->uplinks);
	d->hooks = sd_event_source_disable_unref(d->hooks);
	d->requests = sd_event_source_disable_unref(d->requests);
	serve_close(take_ptr(d->serve));
}

static int attach(struct daemon *d)
{
	int err = serve_open(&d->serve);

	if (err)
		return err;
	err = sd_event_add_io(d->event, &d->requests, serve_fd(d->serve), EPOLLIN, on_requests, d);
	if (err >= 0)
		err = sd_event_add_io(d->event, &d->hooks, serve_hooks_fd(d->serve), EPOLLIN, on_hooks, d);
	if (err >= 0)
		err = watch_uplinks(d);
	if (err < 0) {
		detach(d);
		return log_ret(err, "cannot wait for events");
	}
	d->reload = false;
	return 0;
}

/* All configurations are read only when more than one may have changed: `up` comes a thousand times. */
static void note_reload(struct daemon *d, const char *net)
{
	bool same = d->reload && !strcmp(d->changed, net);

	if (d->reload && !same)
		net = "";
	snprintf(d->changed, sizeof(d->changed), "%s", net);
	d->reload = true;
}

static void follow_maps(struct daemon *d)
{
	int err;

	if (d->serve && !serve_is_current(d->serve)) {
		log_info("the maps are gone");
		detach(d);
	}
	if (d->serve)
		return;
	if (d->known_error && !d->reload)	/* it was told; again when something changes */
		return;
	err = attach(d);
	d->known_error = err == -ENOENT ? 0 : err;
	if (!err)
		log_info("serving the maps in '%s'", paths_bpf());
}

static int count_networks(struct daemon *d)
{
	int n = d->serve ? serve_networks(d->serve) : 0;

	return n < 0 ? d->networks : n;
}

static void tell_status(struct daemon *d, int networks)
{
	if (networks == d->networks)
		return;
	d->networks = networks;
	sd_notifyf(0, "STATUS=%d network%s", networks, networks == 1 ? "" : "s");
	log_debug("%d networks", networks);
}

/* --- the end, with --until-last */

static bool is_last_gone(struct daemon *d)
{
	if (d->networks)
		d->had_network = true;
	if (!d->until_last || d->networks)
		return false;
	return d->had_network || tables_boot_ns() - d->started_ns > FIRST_NETWORK_NS;
}

/*
 * `up` writes the network first and asks for the lock then; here it is the
 * other way round.  So either `up` sees that nobody serves, or its network is
 * seen here, and never does each rely on the other.
 */
static bool may_leave(struct daemon *d)
{
	release_lock(d);
	follow_maps(d);
	if (!count_networks(d))
		return true;
	return hold_lock(d) != 0;	/* somebody else serves already */
}

/* --- events */

static void step(struct daemon *d)
{
	follow_maps(d);
	if (d->serve && d->reload)
		serve_reload(d->serve, d->changed[0] ? d->changed : NULL);
	else if (d->serve)
		serve_tick(d->serve);
	d->reload = false;
	tell_status(d, count_networks(d));
	if (is_last_gone(d) && may_leave(d)) {
		log_info("no network is left");
		sd_event_exit(d->event, 0);
	}
}

static int on_timer(sd_event_source *src, uint64_t usec, void *arg)
{
	struct daemon *d = arg;

	step(d);
	if (d->eager)
		d->eager--;
	sd_event_source_set_time_relative(src, d->eager ? EAGER_TICK_US : TICK_US);
	return sd_event_source_set_enabled(src, SD_EVENT_ONESHOT);
}

/*
 * A command is at work: it writes a network's file at some moment between its
 * first and its last change, so look again quickly for a while.
 */
static int on_change(sd_event_source *src, const struct inotify_event *ev, void *arg)
{
	struct daemon *d = arg;
	const char *dot = ev->len ? strrchr(ev->name, '.') : NULL;
	char net[CV_NAME_SIZE];

	if (!(ev->mask & IN_Q_OVERFLOW) && (!dot || strcmp(dot, ".yaml")))
		return 0;
	snprintf(net, sizeof(net), "%.*s", dot ? (int)(dot - ev->name) : 0, dot ? ev->name : "");
	note_reload(d, net);
	d->eager = EAGER_TICKS;
	return sd_event_source_set_time_relative(d->timer, 0);
}

static int on_hangup(sd_event_source *src, const struct signalfd_siginfo *si, void *arg)
{
	struct daemon *d = arg;

	sd_notify(0, "RELOADING=1");
	log_info("reading the configurations anew");
	note_reload(d, "");
	step(d);
	sd_notify(0, "READY=1");
	return 0;
}

static int on_stop(sd_event_source *src, const struct signalfd_siginfo *si, void *arg)
{
	struct daemon *d = arg;

	return sd_event_exit(d->event, 0);
}

static int add_signals(struct daemon *d)
{
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	/* Who wanted to know that we are ready may be gone; children are waited for. */
	if (sigprocmask(SIG_BLOCK, &set, NULL) || signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
	    signal(SIGCHLD, SIG_DFL) == SIG_ERR)
		return -errno;
	err = sd_event_add_signal(d->event, NULL, SIGTERM, on_stop, d);
	if (err >= 0)
		err = sd_event_add_signal(d->event, NULL, SIGINT, on_stop, d);
	if (err >= 0)
		err = sd_event_add_signal(d->event, NULL, SIGHUP, on_hangup, d);
	return err;
}

static int add_sources(struct daemon *d)
{
	int err = sd_event_new(&d->event);

	if (err >= 0)
		err = add_signals(d);
	if (err >= 0)
		err = sd_event_add_time_relative(d->event, &d->timer, CLOCK_MONOTONIC, TICK_US,
						 EAGER_TICK_US / 5, on_timer, d);
	if (err >= 0)
		err = sd_event_add_time_relative(d->event, &d->settle, CLOCK_MONOTONIC, 0, 0,
						 on_settle, d);
	if (err >= 0)
		err = sd_event_source_set_enabled(d->settle, SD_EVENT_OFF);
	if (err >= 0)
		err = sd_event_add_inotify(d->event, &d->changes, paths_run(),
					   IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE,
					   on_change, d);
	if (err >= 0)
		err = sd_event_set_watchdog(d->event, true);
	return err < 0 ? log_ret(err, "cannot wait for events") : 0;
}

static void tell_ready(struct daemon *d)
{
	sd_notify(0, "READY=1");
	if (d->ready_fd < 0)
		return;
	if (write(d->ready_fd, "1", 1) != 1)
		log_warn("nobody waits on descriptor %d", d->ready_fd);
	close(take_fd(&d->ready_fd));
}

static int run(struct daemon *d)
{
	int err;

	d->started_ns = tables_boot_ns();
	err = hold_lock(d);
	if (err == -EAGAIN) {
		log_error("another 'culvert serve' is at work in '%s'", paths_run());
		return err;
	}
	if (err)
		return log_ret(err, "cannot lock '%s/%s'", paths_run(), DAEMON_LOCK);
	err = add_sources(d);
	if (err)
		return err;
	d->networks = -1;
	step(d);
	tell_ready(d);
	err = sd_event_loop(d->event);
	sd_notify(0, "STOPPING=1");
	return err < 0 ? log_ret(err, "the event loop failed") : 0;
}

static void clean_up(struct daemon *d)
{
	detach(d);
	sd_event_source_unref(d->settle);
	sd_event_source_unref(d->timer);
	sd_event_source_unref(d->changes);
	sd_event_unref(d->event);
	release_lock(d);
	state_remove_dir();
	mem_close(&d->ready_fd);
}

int cmd_serve(int argc, char **argv)
{
	struct daemon d = { .lock_fd = -1, .ready_fd = -1 };
	unsigned int ready_fd = UINT_MAX;
	const struct cli_option options[] = {
		{ 0, "until-last", CLI_FLAG, &d.until_last, NULL, "end when no network is left" },
		{ 0, "ready-fd", CLI_UINT, &ready_fd, "FD", "write a byte there when ready, and close it" },
		{ 0 }
	};
	int code, err;

	if (cli_parse(argc, argv, "serve [OPTION]...",
		      "Answer DHCP requests of guests that have no lease yet, in the foreground.  "
		      "SIGHUP reads the configurations anew.",
		      options, 0, 0, NULL, &code) < 0)
		return code;
	if (ready_fd != UINT_MAX && (ready_fd > INT_MAX ||
				     fcntl((int)ready_fd, F_SETFD, FD_CLOEXEC) < 0)) {
		log_error("descriptor %u is not open", ready_fd);
		return CLI_USAGE;
	}
	if (ready_fd != UINT_MAX)
		d.ready_fd = (int)ready_fd;
	err = geteuid() ? log_ret(-EPERM, "the daemon runs as root") : run(&d);
	clean_up(&d);
	return err ? CLI_FAILED : CLI_OK;
}
