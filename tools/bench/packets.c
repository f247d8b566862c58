// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generator.  A raw socket past the queueing discipline hands 64 frames at
 * a time to the driver; veth and everything behind it up to the sink runs in
 * the softirq of the same CPU before the next frame is sent, so the time per
 * packet is the CPU time of the whole road.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "bench.h"
#include "mem.h"
#include "sink.skel.h"

#define BATCH		64
#define WARM_PACKETS	(2 * BATCH)
#define NEW_FLOWS	256	/* made per window, after BATCH to warm up */
#define ARRIVAL_NS	200000000ULL	/* how long the last packets may take, on a busy machine */
#define ROAD_NS		5000000000ULL	/* how long a bridge may take to open */

static __u32 sum_bytes(const void *data, size_t n, __u32 sum)
{
	const __u8 *p = data;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += p[i] << 8 | p[i + 1];
	return sum;
}

static __be16 sum_fold(__u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(sum == 0xffff ? 0xffff : ~sum);
}

static void frame_fill(struct bench_frame *f, const struct site *s, enum direction direction,
		       __u32 id, __be16 guest_port, __u16 far_port)
{
	bool up = direction == UP;

	memset(f, 0, sizeof(*f));
	memcpy(f->eth.h_dest, up ? s->gateway_mac : s->host_mac, ETH_ALEN);
	memcpy(f->eth.h_source, up ? s->guest_mac : s->far_mac, ETH_ALEN);
	f->eth.h_proto = htons(ETH_P_IP);
	f->ip.version = 4;
	f->ip.ihl = 5;
	f->ip.ttl = 64;
	f->ip.protocol = IPPROTO_UDP;
	f->ip.tot_len = htons(IP_BYTES);
	f->ip.saddr = htonl(up ? BENCH_GUEST_IP : BENCH_FAR_IP);
	f->ip.daddr = htonl(up ? BENCH_FAR_IP : site_outside_ip(s));
	f->ip.check = sum_fold(sum_bytes(&f->ip, sizeof(f->ip), 0));
	f->udp.source = up ? guest_port : htons(far_port);
	f->udp.dest = up ? htons(far_port) : guest_port;
	f->udp.len = htons(IP_BYTES - sizeof(f->ip));
	f->magic = htonl(BENCH_MAGIC);
	f->id = htonl(id);
	f->udp.check = sum_fold(sum_bytes(&f->udp, IP_BYTES - sizeof(f->ip),
			sum_bytes(&f->ip.saddr, 8, IPPROTO_UDP + ntohs(f->udp.len))));
}

/* Send the first @n frames in turn, in as many messages as fill whole batches. */
static void lane_select(struct lane *l, unsigned int n)
{
	unsigned int repeat = n;

	while (n < 1024 && repeat % BATCH)
		repeat += n;
	l->n = repeat;
	l->at = 0;
	for (unsigned int i = 0; i < repeat; i++)
		l->iovs[i].iov_base = &l->frames[i % n];
}

/* Return: how many packets went out, or -errno. */
static int lane_send(struct site *s, enum direction direction, unsigned int most)
{
	struct lane *l = &s->lane[direction];
	unsigned int n = l->n - l->at;
	int sent, carried = 0;

	if (n > most)
		n = most;
	if (n > BATCH)
		n = BATCH;
	sent = sendmmsg(l->fd, &l->messages[l->at], n, 0);
	if (sent < 0)
		return errno == ENOBUFS || errno == EAGAIN ? 0 : -errno;
	l->at += sent;
	if (l->at == l->n)
		l->at = 0;
	if (site_has_tap(s))
		carried = tap_carry(s, direction);
	return carried < 0 ? carried : sent;
}

static int lane_send_all(struct site *s, enum direction direction, unsigned int n)
{
	while (n) {
		int sent = lane_send(s, direction, n);

		if (sent < 0)
			return sent;
		n -= sent;
	}
	return 0;
}

static int lane_open(struct bench *b, struct site *s, enum direction direction)
{
	const unsigned int most = BENCH_MAX_FLOWS;
	struct lane *l = &s->lane[direction];
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	int one = 1, err;

	l->frames = calloc(most, sizeof(*l->frames));
	l->iovs = calloc(most, sizeof(*l->iovs));
	l->messages = calloc(most, sizeof(*l->messages));
	if (!l->frames || !l->iovs || !l->messages)
		return bench_fail(-ENOMEM, "cannot make frames");
	for (unsigned int i = 0; i < most; i++) {
		l->iovs[i].iov_len = sizeof(*l->frames);
		l->messages[i].msg_hdr.msg_iov = &l->iovs[i];
		l->messages[i].msg_hdr.msg_iovlen = 1;
	}
	err = site_enter(s, direction == UP ? GUEST : FAR);
	if (err)
		return err;
	l->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	to.sll_ifindex = if_nametoindex("eth0");
	if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&to, sizeof(to)) ||
	    setsockopt(l->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)))
		err = bench_fail(-errno, "%s: no raw socket", backend_name(s->backend));
	bench_leave(b);
	return err;
}

int packets_open(struct bench *b, struct site *s)
{
	int err;

	for (int i = 0; i < N_DIRECTIONS; i++)
		s->lane[i].fd = -1;
	err = lane_open(b, s, UP);
	if (!err && s->backend > TAP_FLOOR)
		err = lane_open(b, s, DOWN);
	return err;
}

void packets_release(struct site *s)
{
	for (int i = 0; i < N_DIRECTIONS; i++) {
		struct lane *l = &s->lane[i];

		mem_close(&l->fd);
		free(l->frames);
		free(l->iovs);
		free(l->messages);
	}
}

/* Wait for the packets that a thread of the kernel has taken over. */
static void await_arrival(const struct sink_bpf *sink, __u64 counted)
{
	__u64 end = now_ns() + ARRIVAL_NS;

	while (*(volatile __u64 *)&sink->bss->counted < counted && now_ns() < end)
		sched_yield();
}

static int check_sink(struct site *s, enum direction direction, __u64 arrived, __u64 sent,
		      __u64 allowed_loss)
{
	struct sink_bpf *sink = s->sink[direction];
	const char *name = backend_name(s->backend), *way = direction == UP ? "up" : "down";

	if (sink->bss->wrong)
		return bench_fail(-EBADMSG, "%s: %llu packets %s arrived with wrong addresses",
				  name, sink->bss->wrong, way);
	if (sink->bss->bad_sum)
		return bench_fail(-EBADMSG, "%s: %llu packets %s arrived with a wrong checksum",
				  name, sink->bss->bad_sum, way);
	if (arrived + allowed_loss < sent || arrived > sent)
		return bench_fail(-EIO, "%s: sent %llu packets %s, %llu arrived", name, sent,
				  way, arrived);
	return 0;
}

/* The port that the NAT has given a flow. */
static __be16 sink_port(const struct site *s, unsigned int flow)
{
	return s->sink[UP]->bss->source_port[flow];
}

/* One packet of each flow, checked and learnt from. */
static int establish(struct site *s, enum direction direction, unsigned int flows)
{
	struct lane *l = &s->lane[direction];
	struct sink_bpf *sink = s->sink[direction];
	__u64 before = sink->bss->counted;
	int err;

	for (unsigned int i = 0; i < flows; i++) {
		__be16 port = direction == UP ? htons(BENCH_PORT + i) : sink_port(s, i);

		frame_fill(&l->frames[i], s, direction, i, port, BENCH_FAR_PORT);
	}
	lane_select(l, flows);
	sink->bss->learn = 1;
	err = lane_send_all(s, direction, flows);
	if (!err)
		await_arrival(sink, before + flows);
	sink->bss->learn = 0;
	if (err)
		return bench_fail(err, "%s: cannot send", backend_name(s->backend));
	s->due[direction] += flows * IP_BYTES;
	s->first[direction] += flows * IP_BYTES;
	return check_sink(s, direction, sink->bss->counted - before, flows, 0);
}

int packets_establish(struct bench *b, struct site *s, const struct metric *m)
{
	int err;

	err = establish(s, UP, m->flows);
	if (!err && s->backend > TAP_FLOOR)
		err = establish(s, DOWN, m->flows);
	return err;
}

int packets_await(struct bench *b, struct site *s)
{
	__u64 end = now_ns() + ROAD_NS;
	int err;

	for (enum direction d = UP; d < (s->backend > TAP_FLOOR ? N_DIRECTIONS : 1); d++) {
		struct sink_bpf *sink = s->sink[d];
		__be16 port = d == UP ? htons(BENCH_PORT) : sink_port(s, 0);

		frame_fill(&s->lane[d].frames[0], s, d, 0, port, BENCH_FAR_PORT);
		lane_select(&s->lane[d], 1);
		do {
			__u64 before = sink->bss->counted;

			sink->bss->learn = 1;
			err = lane_send_all(s, d, 1);
			if (err)
				return bench_fail(err, "%s: cannot send", backend_name(s->backend));
			await_arrival(sink, before + 1);
			if (sink->bss->counted > before || sink->bss->wrong)
				break;
		} while (now_ns() < end);
		sink->bss->learn = 0;
		err = check_sink(s, d, sink->bss->counted, sink->bss->counted, 0);
		if (err)
			return err;
		if (!sink->bss->counted)
			return bench_fail(-ETIMEDOUT, "%s: no packet arrives %s",
					  backend_name(s->backend), d == UP ? "up" : "down");
	}
	return 0;
}

int packets_window(struct bench *b, struct site *s, const struct metric *m,
		   double ret_value[METRIC_VALUES])
{
	enum direction direction = s->backend <= TAP_FLOOR ? UP : m->direction;
	struct sink_bpf *sink = s->sink[direction];
	__u64 before = sink->bss->counted, start, now, sent = 0, arrived;
	int err;

	err = lane_send_all(s, direction, WARM_PACKETS);
	if (err)
		return bench_fail(err, "%s: cannot send", backend_name(s->backend));
	await_arrival(sink, before + WARM_PACKETS);
	s->due[direction] += (sink->bss->counted - before) * IP_BYTES;
	before = sink->bss->counted;
	window_begin(b);
	start = now_ns();
	do {
		int n = lane_send(s, direction, BATCH);

		if (n < 0)
			return bench_fail(n, "%s: cannot send", backend_name(s->backend));
		sent += n;
		now = now_ns();
	} while (now < start + m->window_ns);
	if (sink->bss->counted - before < sent) {
		await_arrival(sink, before + sent);
		now = now_ns();
	}
	window_end(b);
	arrived = sink->bss->counted - before;
	s->due[direction] += arrived * IP_BYTES;
	ret_value[0] = (double)(now - start) / arrived;
	ret_value[1] = 1e6 / ret_value[0];
	return check_sink(s, direction, arrived, sent, sent / 1000);
}

int packets_new_flows(struct bench *b, struct site *s, const struct metric *m,
		      double ret_value[METRIC_VALUES])
{
	const unsigned int n = BATCH + NEW_FLOWS;
	struct lane *l = &s->lane[UP];
	struct sink_bpf *sink = s->sink[UP];
	__u64 before = sink->bss->counted, start;
	int err;

	s->fresh++;
	for (unsigned int i = 0; i < n; i++)
		frame_fill(&l->frames[i], s, UP, i, htons(BENCH_PORT + i),
			   BENCH_FAR_PORT + s->fresh);
	lane_select(l, n);
	err = lane_send_all(s, UP, BATCH);
	if (!err)
		await_arrival(sink, before + BATCH);
	window_begin(b);
	start = now_ns();
	if (!err)
		err = lane_send_all(s, UP, NEW_FLOWS);
	if (err)
		return bench_fail(err, "%s: cannot send", backend_name(s->backend));
	await_arrival(sink, before + n);
	ret_value[0] = NEW_FLOWS * 1e9 / (now_ns() - start);
	window_end(b);
	s->due[UP] += n * IP_BYTES;
	return check_sink(s, UP, sink->bss->counted - before, n, 0);
}
