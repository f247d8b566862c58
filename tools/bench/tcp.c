// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP with both ends in this thread: what one end sends has reached the other
 * one when the call returns, for all of it runs in this CPU's softirq.  No
 * wake-up and no second CPU stands between the figures and the road.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>

#include "bench.h"
#include "mem.h"

#define LISTEN_PORT	5201
#define WRITE_BYTES	(128 * 1024)
#define READ_BYTES	(256 * 1024)
#define WARM_NS		3000000
#define DRAIN_NS	200000000
#define MAX_SAMPLES	20000
#define HEADER_BYTES	40	/* IP and TCP, at least */

static int tcp_socket(void)
{
	struct timeval most = { .tv_sec = 2 };
	int fd, one = 1;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* A lost packet must not stop the bench for good. */
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
	    bind(s->listener, (struct sockaddr *)&at, sizeof(at)) || listen(s->listener, 64))
		err = bench_fail(-errno, "%s: cannot listen", backend_name(s->backend));
	bench_leave(b);
	return err;
}

/* The namespace is the caller's: the guest's. */
static int connect_pair(struct site *s, struct pair *ret)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(LISTEN_PORT),
		.sin_addr.s_addr = htonl(BENCH_FAR_IP),
	}, peer;
	socklen_t size = sizeof(peer);
	_fd_ int guest = -1, far = -1;
	int one = 1;

	guest = tcp_socket();
	if (guest < 0)
		return guest;
	if (connect(guest, (struct sockaddr *)&to, sizeof(to)))
		return bench_fail(-errno, "%s: cannot connect", backend_name(s->backend));
	far = accept4(s->listener, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC);
	if (far < 0)
		return bench_fail(-errno, "%s: cannot accept", backend_name(s->backend));
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
	struct timeval most = { .tv_sec = 2 };
	int err;

	s->listener = s->tcp.guest = s->tcp.far = -1;
	if (s->backend == FLOOR)
		return 0;
	err = listen_far(b, s);
	if (!err)
		err = site_enter(s, GUEST);
	if (err)
		return err;
	err = connect_pair(s, &s->tcp);
	bench_leave(b);
	if (!err)
		setsockopt(s->tcp.far, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
	return err;
}

void tcp_release(struct site *s)
{
	mem_close(&s->tcp.guest);
	mem_close(&s->tcp.far);
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
		err = bench_fail(-errno, "%s: cannot set offloads", backend_name(s->backend));
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

/* Move bytes until @end_ns.  Return: how many arrived, or -errno. */
static ssize_t pump(int from, int to, __u64 end_ns, size_t *in_flight)
{
	static char out[WRITE_BYTES], in[READ_BYTES];
	ssize_t n, moved = 0;

	do {
		n = send(from, out, sizeof(out), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return -errno;
		*in_flight += n > 0 ? n : 0;
		while ((n = recv(to, in, sizeof(in), MSG_DONTWAIT)) > 0) {
			moved += n;
			*in_flight -= n;
		}
		if (n == 0)
			return -ECONNRESET;
		if (errno != EAGAIN)
			return -errno;
	} while (now_ns() < end_ns);
	return moved;
}

/* What is under way must not be there in the next site's window. */
static int drain(int to, size_t in_flight)
{
	static char in[READ_BYTES];
	__u64 end = now_ns() + DRAIN_NS;

	while (in_flight && now_ns() < end) {
		ssize_t n = recv(to, in, sizeof(in), MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno != EAGAIN))
			return n ? -errno : -ECONNRESET;
		in_flight -= n > 0 ? n : 0;
	}
	return in_flight ? -ETIMEDOUT : 0;
}

int tcp_bulk(struct bench *b, struct site *s, const struct metric *m,
	     double ret_value[METRIC_VALUES])
{
	int from = m->direction == UP ? s->tcp.guest : s->tcp.far;
	int to = m->direction == UP ? s->tcp.far : s->tcp.guest;
	size_t in_flight = 0;
	ssize_t warm, moved;
	__u64 start;
	int err;

	warm = pump(from, to, now_ns() + WARM_NS, &in_flight);
	start = now_ns();
	moved = warm < 0 ? warm : pump(from, to, start + m->window_ns, &in_flight);
	if (moved > 0)
		ret_value[0] = moved * 8.0 / (now_ns() - start);
	err = moved < 0 ? moved : moved ? drain(to, in_flight) : -ETIMEDOUT;
	if (err)
		return bench_fail(err, "%s: bulk TCP broke", backend_name(s->backend));
	s->due[m->direction] += warm + moved;
	return 0;
}

/* One byte there and one back.  Return: 0 or -errno. */
static int exchange(const struct pair *p)
{
	char byte = 'c';

	if (send(p->guest, &byte, 1, MSG_NOSIGNAL) != 1 || recv(p->far, &byte, 1, 0) != 1 ||
	    send(p->far, &byte, 1, MSG_NOSIGNAL) != 1 || recv(p->guest, &byte, 1, 0) != 1)
		return errno ? -errno : -ECONNRESET;
	return 0;
}

int tcp_ping_pong(struct bench *b, struct site *s, const struct metric *m,
		  double ret_value[METRIC_VALUES])
{
	static double us[MAX_SAMPLES];
	__u64 start = now_ns(), before, now = start;
	unsigned int n = 0, warm = 0;
	int err;

	errno = 0;
	while (now < start + WARM_NS + m->window_ns && n < MAX_SAMPLES) {
		before = now;
		err = exchange(&s->tcp);
		if (err)
			return bench_fail(err, "%s: ping-pong broke", backend_name(s->backend));
		now = now_ns();
		if (now > start + WARM_NS)
			us[n++] = (now - before) / 1000.0;
		else
			warm++;
	}
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
	errno = 0;
	start = now = now_ns();
	while (!err && now < start + m->window_ns) {
		struct pair p = { -1, -1 };

		err = connect_pair(s, &p);
		if (!err)
			err = exchange(&p);
		mem_close(&p.guest);
		mem_close(&p.far);
		now = now_ns();
		n++;
	}
	bench_leave(b);
	if (err)
		return bench_fail(err, "%s: connect and close broke", backend_name(s->backend));
	ret_value[0] = n * 1e9 / (now - start);
	/* handshake, byte and close */
	s->due[UP] += n * (4 * HEADER_BYTES + 1);
	s->due[DOWN] += n * (3 * HEADER_BYTES + 1);
	return 0;
}
