// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP with both ends in this thread: what one end sends has reached the other
 * one when the call returns, for all of it runs in this CPU's softirq; with a
 * TAP, when this thread has carried it.  No wake-up and no second CPU stands
 * between the figures and the road.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>

#include "bench.h"
#include "mem.h"

#define LISTEN_PORT	5201
#define WRITE_BYTES	(128 * 1024)
#define READ_BYTES	(256 * 1024)
#define WARM_NS		500000
#define ANSWER_NS	15000000000ULL	/* TCP on a busy machine may wait for several timeouts, but not for good */
#define MAX_SAMPLES	20000
#define HEADER_BYTES	40	/* IP and TCP, at least */

static int tcp_socket(void)
{
	struct timeval most = { .tv_sec = ANSWER_NS / 1000000000 };
	int fd, one = 1;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static int listen_far(struct bench *b, struct site *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(LISTEN_PORT) };
	int err, one = 1;

	err = site_enter(s, FAR);
	if (err)
		return err;
	s->listener = tcp_socket();
	if (s->listener < 0 ||
	    setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(s->listener, (struct sockaddr *)&at, sizeof(at)) || listen(s->listener, 64) ||
	    (site_has_tap(s) && fcntl(s->listener, F_SETFL, O_NONBLOCK)))
		err = bench_fail(-errno, "%s: cannot listen", backend_name(s->backend));
	bench_leave(b);
	return err;
}

/*
 * The far end of a connection that is being made.  Without a TAP connect() has
 * done it all and accept4() finds it; with one, it is carried until it is there.
 */
static int accept_far(struct site *s, struct sockaddr_in *ret_peer)
{
	__u64 end = now_ns() + ANSWER_NS;
	int fd, err;

	do {
		socklen_t size = sizeof(*ret_peer);

		err = tap_carry_all(s);
		if (err)
			return err;
		fd = accept4(s->listener, (struct sockaddr *)ret_peer, &size, SOCK_CLOEXEC);
		if (fd >= 0)
			return fd;
		err = -errno;
	} while (err == -EAGAIN && site_has_tap(s) && now_ns() < end);
	return bench_fail(err, "%s: cannot accept", backend_name(s->backend));
}

/* The namespace is the caller's: the guest's. */
static int connect_pair(struct site *s, struct pair *ret)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(LISTEN_PORT),
		.sin_addr.s_addr = htonl(BENCH_FAR_IP),
	}, peer;
	_fd_ int guest = -1, far = -1;
	int one = 1;

	guest = tcp_socket();
	if (guest < 0)
		return guest;
	if (site_has_tap(s) && fcntl(guest, F_SETFL, O_NONBLOCK))
		return -errno;
	if (connect(guest, (struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS)
		return bench_fail(-errno, "%s: cannot connect", backend_name(s->backend));
	far = accept_far(s, &peer);
	if (far < 0)
		return far;
	setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (peer.sin_addr.s_addr != htonl(site_outside_ip(s)))
		return bench_fail(-EBADMSG, "%s: a connection came from %s",
				  backend_name(s->backend), inet_ntoa(peer.sin_addr));
	ret->guest = take_fd(&guest);
	ret->far = take_fd(&far);
	return 0;
}

int tcp_open(struct bench *b, struct site *s)
{
	struct timeval most = { .tv_sec = ANSWER_NS / 1000000000 };
	int err;

	s->listener = -1;
	for (int i = 0; i < BENCH_STREAMS; i++)
		s->tcp[i].guest = s->tcp[i].far = -1;
	if (s->backend <= TAP_FLOOR)
		return 0;
	err = listen_far(b, s);
	if (!err)
		err = site_enter(s, GUEST);
	if (err)
		return err;
	for (int i = 0; i < BENCH_STREAMS && !err; i++) {
		err = connect_pair(s, &s->tcp[i]);
		if (!err)
			setsockopt(s->tcp[i].far, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
	}
	bench_leave(b);
	return err;
}

void tcp_release(struct site *s)
{
	for (int i = 0; i < BENCH_STREAMS; i++) {
		mem_close(&s->tcp[i].guest);
		mem_close(&s->tcp[i].far);
	}
	mem_close(&s->listener);
}

static int set_offload(struct bench *b, struct site *s, enum place place, __u32 command, bool on)
{
	struct ethtool_value value = { .cmd = command, .data = on };
	struct ifreq req = { .ifr_name = "eth0", .ifr_data = (void *)&value };
	_fd_ int fd = -1;
	int err;

	err = site_enter(s, place);
	if (err)
		return err;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &req))
		err = -errno;
	/* The kernel takes TSO away from the far end of a veth that has XDP. */
	if (err == -EOPNOTSUPP && s->backend == CULVERT_XDP && place == FAR && command == ETHTOOL_STSO)
		err = 0;
	if (err)
		bench_fail(err, "%s: cannot set offloads", backend_name(s->backend));
	bench_leave(b);
	return err;
}

int tcp_offloads(struct bench *b, struct site *s, const struct metric *m)
{
	static const __u32 commands[] = { ETHTOOL_STSO, ETHTOOL_SGSO };
	static const enum place ends[] = { GUEST, FAR };
	int err = 0;

	for (size_t e = 0; e < ARRAY_SIZE(ends); e++)
		for (size_t c = 0; c < ARRAY_SIZE(commands) && !err; c++)
			err = set_offload(b, s, ends[e], commands[c], !m->no_offloads);
	return err;
}

/* Streams that send one way, taken in turn: @n of a site's, from @first on. */
struct bulk {
	struct site *site;
	enum direction direction;
	unsigned int first, n;
	size_t in_flight[BENCH_STREAMS];
};

static int bulk_from(const struct bulk *k, unsigned int i)
{
	const struct pair *p = &k->site->tcp[(k->first + i) % BENCH_STREAMS];

	return k->direction == UP ? p->guest : p->far;
}

static int bulk_to(const struct bulk *k, unsigned int i)
{
	const struct pair *p = &k->site->tcp[(k->first + i) % BENCH_STREAMS];

	return k->direction == UP ? p->far : p->guest;
}

/* What has arrived of stream @i.  Return: bytes, or -errno. */
static ssize_t receive(struct bulk *k, unsigned int i)
{
	static char in[READ_BYTES];
	ssize_t n, got = 0;

	while ((n = recv(bulk_to(k, i), in, sizeof(in), MSG_DONTWAIT)) > 0) {
		got += n;
		k->in_flight[i] -= n;
	}
	if (n == 0)
		return -ECONNRESET;
	return errno == EAGAIN ? got : -errno;
}

/*
 * Move bytes until @end_ns, and some in any case: on a busy machine we may not
 * have run until then.  Return: how many arrived, or -errno.
 */
static ssize_t transfer(struct bulk *k, __u64 end_ns)
{
	static char out[WRITE_BYTES];
	__u64 given_up = end_ns + ANSWER_NS;
	ssize_t n, moved = 0;
	int err;

	do {
		for (unsigned int i = 0; i < k->n; i++) {
			n = send(bulk_from(k, i), out, sizeof(out), MSG_DONTWAIT | MSG_NOSIGNAL);
			if (n < 0 && errno != EAGAIN)
				return -errno;
			k->in_flight[i] += n > 0 ? n : 0;
			err = tap_carry_all(k->site);
			if (err)
				return err;
			n = receive(k, i);
			if (n < 0)
				return n;
			moved += n;
		}
		if (!moved)
			sched_yield();
	} while (now_ns() < (moved ? end_ns : given_up));
	return moved ? moved : -ETIMEDOUT;
}

/* What is under way must not be there in the next site's window. */
static int drain(struct bulk *k)
{
	__u64 end = now_ns() + ANSWER_NS;

	for (unsigned int i = 0; i < k->n; i++) {
		while (k->in_flight[i] && now_ns() < end) {
			int err = tap_carry_all(k->site);
			ssize_t n = err ? err : receive(k, i);

			if (n < 0)
				return n;
			if (!n)
				sched_yield();
		}
		if (k->in_flight[i])
			return -ETIMEDOUT;
	}
	return 0;
}

int tcp_bulk(struct bench *b, struct site *s, const struct metric *m,
	     double ret_value[METRIC_VALUES])
{
	struct bulk k = { .site = s, .direction = m->direction, .n = m->streams };
	ssize_t warm, moved;
	__u64 start;
	int err;

	/* A connection keeps for life what it has learnt: none stands for its backend alone. */
	k.first = s->turn++ % BENCH_STREAMS;
	warm = transfer(&k, now_ns() + WARM_NS);
	window_begin(b);
	start = now_ns();
	moved = warm < 0 ? warm : transfer(&k, start + m->window_ns);
	if (moved > 0)
		ret_value[0] = moved * 8.0 / (now_ns() - start);
	window_end(b);
	err = moved < 0 ? moved : drain(&k);
	if (err)
		return bench_fail(err, "%s: bulk TCP broke", backend_name(s->backend));
	s->due[m->direction] += warm + moved;
	return 0;
}

/* A byte that is due.  Without a TAP it is there, or its softirq must be let run. */
static int await_byte(struct site *s, int fd)
{
	__u64 end = now_ns() + ANSWER_NS;
	char byte;
	ssize_t n;
	int err;

	do {
		err = tap_carry_all(s);
		if (err)
			return err;
		n = recv(fd, &byte, 1, site_has_tap(s) ? MSG_DONTWAIT : 0);
		if (n > 0)
			return 0;
		if (n == 0 || errno != EAGAIN)
			return n ? -errno : -ECONNRESET;
		sched_yield();
	} while (now_ns() < end);
	return -ETIMEDOUT;
}

static int send_byte(int fd)
{
	ssize_t n = send(fd, "c", 1, MSG_NOSIGNAL);

	return n == 1 ? 0 : n < 0 ? -errno : -ECONNRESET;
}

/* One byte there and one back.  Return: 0 or -errno. */
static int exchange(struct site *s, const struct pair *p)
{
	int err;

	err = send_byte(p->guest);
	if (!err)
		err = await_byte(s, p->far);
	if (!err)
		err = send_byte(p->far);
	return err ? err : await_byte(s, p->guest);
}

int tcp_ping_pong(struct bench *b, struct site *s, const struct metric *m,
		  double ret_value[METRIC_VALUES])
{
	static double us[MAX_SAMPLES];
	__u64 start = now_ns(), before, now = start;
	unsigned int n = 0, warm = 0;
	int err;

	while (now < start + WARM_NS + m->window_ns && n < MAX_SAMPLES) {
		before = now;
		err = exchange(s, &s->tcp[0]);
		if (err)
			return bench_fail(err, "%s: ping-pong broke", backend_name(s->backend));
		now = now_ns();
		if (now > start + WARM_NS)
			us[n++] = (now - before) / 1000.0;
		else
			warm++;
		if (!n)
			window_begin(b);
	}
	window_end(b);
	if (!n)
		return bench_fail(-ETIMEDOUT, "%s: ping-pong", backend_name(s->backend));
	qsort(us, n, sizeof(*us), double_cmp);
	ret_value[0] = quantile(us, n, 0.50);
	ret_value[1] = quantile(us, n, 0.99);
	s->due[UP] += (n + warm) * (HEADER_BYTES + 1);
	s->due[DOWN] += (n + warm) * (HEADER_BYTES + 1);
	return 0;
}

int tcp_connect_close(struct bench *b, struct site *s, const struct metric *m,
		      double ret_value[METRIC_VALUES])
{
	unsigned int n = 0;
	__u64 start, now;
	int err;

	err = site_enter(s, GUEST);
	if (err)
		return err;
	window_begin(b);
	start = now = now_ns();
	while (!err && now < start + m->window_ns) {
		struct pair p = { -1, -1 };

		err = connect_pair(s, &p);
		if (!err)
			err = exchange(s, &p);
		mem_close(&p.guest);
		mem_close(&p.far);
		if (!err)
			err = tap_carry_all(s);
		now = now_ns();
		n++;
	}
	window_end(b);
	bench_leave(b);
	if (err)
		return bench_fail(err, "%s: connect and close broke", backend_name(s->backend));
	ret_value[0] = n * 1e9 / (now - start);
	/* handshake, byte and close */
	s->due[UP] += n * (4 * HEADER_BYTES + 1);
	s->due[DOWN] += n * (3 * HEADER_BYTES + 1);
	return 0;
}
