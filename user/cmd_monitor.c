// SPDX-License-Identifier: GPL-2.0-only
/*
 * culvert monitor: what happens, as it happens.
 *
 * The programs write events only until a tick that we put off again and again:
 * whatever ends us ends them.  Nothing here may block for ever: while whoever
 * reads us does not, the ring fills up and the programs count what they lose.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "cli.h"
#include "cmd.h"
#include "datapath.h"
#include "event_line.h"
#include "lock.h"
#include "log.h"
#include "mem.h"
#include "paths.h"
#include "tables.h"

#define BEAT_NS		2000000000ULL
#define LOOK_MS		40	/* the programs wake us only when there is much (event.h) */
#define BATCH		512	/* events before we look at signals and the clock */

/* PIPE_BUF: when poll() says that a pipe has room, so many bytes do not block. */
_Static_assert(PIPE_BUF >= EVENT_LINE_SIZE, "a line must fit");

/**
 * struct monitor - the whole command
 * @ask:	what the programs are told
 * @name:	of the network; NULL: all
 * @discard:	what lies in the ring is of a monitor before us
 * @batch:	events taken at a time
 * @lost:	the programs' count when it was last told
 * @gap_ticks:	nobody looked on for so long, not yet told
 * @beat_ns:	when the programs were told last
 * @out, @len:	not yet written
 */
struct monitor {
	struct tables *t;
	struct ring_buffer *ring;
	struct cv_monitor ask;
	const char *name;
	enum event_format format;
	int lock_fd;
	bool discard, ended;
	unsigned int batch;
	__u64 lost;
	__u32 gap_ticks;
	__u64 beat_ns;
	char out[PIPE_BUF];
	size_t len;
};

/* --- signals: written to by the handler, so that no poll() misses one */

static int stop_fd = -1;

static void on_stop(int sig)
{
	const __u64 one = 1;
	int saved = errno;

	if (write(stop_fd, &one, sizeof(one)) < 0)
		_exit(CLI_FAILED);
	errno = saved;
}

static int catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction act = { .sa_handler = on_stop };	/* write() ends, too */

	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (stop_fd < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (sigaction(signals[i], &act, NULL))
			return -errno;
	return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -errno : 0;
}

/* --- being there */

static int tell_programs(struct monitor *m)
{
	__u32 now = tables_now_ticks();

	if (m->ask.until_tick && (__s32)(now - m->ask.until_tick) > 0)
		m->gap_ticks += now - m->ask.until_tick;
	m->ask.until_tick = now + CV_TICKS(CV_MONITOR_S);
	m->beat_ns = tables_boot_ns();
	return tables_monitor_put(m->t, &m->ask);
}

static bool is_late(const struct monitor *m)
{
	return tables_boot_ns() - m->beat_ns >= BEAT_NS;
}

static int wait_ms(const struct monitor *m)
{
	__u64 since = tables_boot_ns() - m->beat_ns;

	return since < BEAT_NS ? (int)((BEAT_NS - since) / 1000000) + 1 : 0;
}

static int is_any(__u16 id, const struct cv_network *n, void *arg)
{
	return 1;
}

/* The maps outlive their pins while we have them, but their networks do not. */
static bool is_gone(const struct monitor *m)
{
	struct cv_network n;

	if (!m->name)
		return tables_each_network(m->t, is_any, NULL) != 1;
	return tables_network_get(m->t, m->ask.net, &n) || strncmp(n.name, m->name, sizeof(n.name));
}

/* --- writing */

static int write_some(struct monitor *m)
{
	ssize_t n = write(STDOUT_FILENO, m->out, m->len);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	memmove(m->out, m->out + n, m->len - n);
	m->len -= n;
	return 0;
}

/* Write all, or as much as is taken before we are to end. */
static int flush(struct monitor *m)
{
	struct pollfd fds[] = {
		{ .fd = STDOUT_FILENO, .events = POLLOUT }, { .fd = stop_fd, .events = POLLIN },
	};
	int err = 0;

	while (m->len && !err) {
		if (poll(fds, ARRAY_SIZE(fds), wait_ms(m)) < 0 && errno != EINTR)
			return -errno;
		if (fds[0].revents)
			err = write_some(m);
		else if (fds[1].revents)
			return -ECANCELED;
		if (!err && is_late(m))
			err = tell_programs(m);
	}
	return err;
}

/* Where the next line goes. */
static int make_room(struct monitor *m)
{
	return sizeof(m->out) - m->len < EVENT_LINE_SIZE ? flush(m) : 0;
}

static __u64 real_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (__u64)now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static int on_event(void *arg, void *data, size_t size)
{
	const struct cv_event *e = data;
	struct monitor *m = arg;
	int err;

	if (m->discard || size < sizeof(*e))
		return 0;
	err = make_room(m);
	if (err)
		return err;
	m->len += event_line(m->out + m->len, m->format, e,
			     real_ns() - (tables_boot_ns() - e->boot_ns),
			     tables_drop_name(e->why));
	return ++m->batch < BATCH ? 0 : -EAGAIN;
}

/* Return: 1 when more is there, 0, or -errno. */
static int take_events(struct monitor *m)
{
	int n, err;

	m->batch = 0;
	n = tables_ring_consume(m->ring);
	if (n < 0 && n != -EAGAIN)
		return n;
	err = flush(m);
	return err ? err : n == -EAGAIN;
}

static int tell_lost(struct monitor *m)
{
	__u32 gap_s = ((__u64)m->gap_ticks << CV_TICK_SHIFT) / 1000000000ULL;
	struct cv_totals totals;
	int err = tables_totals(m->t, &totals);

	if (err || (totals.events_lost == m->lost && !gap_s))
		return err;
	err = make_room(m);
	if (err)
		return err;
	m->len += event_line_lost(m->out + m->len, m->format, real_ns(),
				  totals.events_lost - m->lost, gap_s);
	m->lost = totals.events_lost;
	m->gap_ticks = 0;
	return flush(m);
}

/* --- the whole */

/* What a monitor before us left, killed perhaps, is not ours to tell. */
static int begin(struct monitor *m)
{
	const struct cv_monitor nobody = { 0 };
	struct cv_totals totals;
	int err = tables_monitor_put(m->t, &nobody);

	m->discard = true;
	if (!err)
		err = tables_events_open(m->t, on_event, m, &m->ring);
	if (!err)
		err = tables_ring_consume(m->ring);
	m->discard = false;
	if (err >= 0)
		err = tables_totals(m->t, &totals);
	if (err < 0)
		return err;
	m->lost = totals.events_lost;
	return tell_programs(m);
}

static int beat(struct monitor *m)
{
	int err = tell_programs(m);

	if (!err)
		err = tell_lost(m);
	m->ended = is_gone(m);
	return err;
}

static int watch(struct monitor *m)
{
	struct pollfd fds[] = {
		{ .fd = tables_ring_fd(m->ring), .events = POLLIN },
		{ .fd = stop_fd, .events = POLLIN },
		{ .fd = STDOUT_FILENO },	/* tells when nobody reads any more */
	};
	int err = 0;

	while (!m->ended && err >= 0) {
		if (poll(fds, ARRAY_SIZE(fds), LOOK_MS) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents || fds[2].revents)
			return 0;
		err = take_events(m);
		if (err >= 0 && is_late(m))
			err = beat(m);
	}
	return err;
}

/* What was written until now is told, if somebody reads it. */
static int end(struct monitor *m)
{
	const struct cv_monitor nobody = { 0 };
	int err = tables_monitor_put(m->t, &nobody), more = 1;

	while (!err && more > 0)
		more = take_events(m);
	if (!err && more >= 0)
		err = tell_lost(m);
	return err ? err : more < 0 ? more : 0;
}

/* Not an error: whoever started us, or reads us, wants it so. */
static int forgive(int err)
{
	return err == -ECANCELED || err == -EPIPE ? 0 : err;
}

static int monitor(struct monitor *m)
{
	int err = begin(m), end_err;

	if (err < 0)
		return log_ret(err, "cannot begin to look on");
	err = forgive(watch(m));
	end_err = forgive(end(m));
	if (err || end_err)
		return log_ret(err ? err : end_err, "cannot print events");
	return 0;
}

static int own(struct monitor *m)
{
	pid_t pid = 0;
	int err = lock_own(LOCK_MONITOR, &m->lock_fd, &pid);

	if (err == -EAGAIN)
		return log_refuse(err, "another 'culvert monitor' looks on already: process %d", pid);
	return err ? log_ret(err, "cannot lock '%s/%s'", paths_run(), LOCK_MONITOR) : 0;
}

static int open_all(struct monitor *m)
{
	int err = tables_open(&m->t);

	if (err == -ENOENT || (!err && is_gone(m)))
		return log_refuse(-ENOENT, "no network is up");
	if (err)
		log_error("cannot open the maps in '%s': %s", paths_bpf(), datapath_strerror(err));
	return err;
}

static int open_network(struct monitor *m)
{
	struct cv_network n;
	__u16 id;
	int err = cmd_open_network(m->name, &m->t, &id, &n);

	m->ask.net = err ? 0 : id;
	return err;
}

static int run(struct monitor *m)
{
	int err = m->name ? open_network(m) : open_all(m);

	if (!err)
		err = own(m);
	if (err)
		return err;
	err = catch_signals();
	return err ? log_ret(err, "cannot wait for signals") : monitor(m);
}

int cmd_monitor(int argc, char **argv)
{
	struct monitor m = { .lock_fd = -1 };
	bool flows = false, refusals = false, leases = false, destinations = false, json;
	const struct cli_option options[] = {
		{ 0, "flows", CLI_FLAG, &flows, NULL, "flows that begin and end" },
		{ 0, "refusals", CLI_FLAG, &refusals, NULL, "new flows that were not made, and why" },
		{ 0, "leases", CLI_FLAG, &leases, NULL, "what becomes of DHCP leases" },
		{ 0, "destinations", CLI_FLAG, &destinations, NULL, "with whom guests talk" },
		{ 0 }
	};
	int code, n, err;

	n = cli_parse(argc, argv, "monitor [NET] [OPTION]...",
		      "Print what happens, one line each, until it is told to end: of one network or "
		      "all; what the options name, or all of it.  Whom guests talk to is left out "
		      "unless asked for.", options, 0, 1, &json, &code);
	if (n < 0)
		return code;
	m.name = n ? argv[0] : NULL;
	m.format = json ? EVENT_JSON : EVENT_TEXT;
	m.ask.what = (flows ? CV_MONITOR_FLOWS : 0) | (refusals ? CV_MONITOR_REFUSALS : 0) |
		     (leases ? CV_MONITOR_LEASES : 0);
	if (!m.ask.what)
		m.ask.what = CV_MONITOR_FLOWS | CV_MONITOR_REFUSALS | CV_MONITOR_LEASES;
	m.ask.what |= destinations ? CV_MONITOR_DESTINATIONS : 0;
	err = run(&m);
	tables_ring_close(m.ring);
	tables_close(m.t);
	lock_disown(LOCK_MONITOR, &m.lock_fd);
	return err ? CLI_FAILED : CLI_OK;
}
