// SPDX-License-Identifier: GPL-2.0-only
/*
 * A socket at each link where something may enter again.  A mark that is sent
 * behind it by the other end of the link tells that all has come: both go by
 * the one queue of this CPU.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <net/if.h>
#include <sys/socket.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "again.h"

#define MARK_ETHERTYPE	0x88b5	/* for experiments: nobody's */

struct catcher {
	__u32 ifindex, peer;
	int fd;
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static void one_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	must(!sched_setaffinity(0, sizeof(one), &one), "sched_setaffinity");
}

static int catcher_open(__u32 ifindex)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = ifindex,
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1, bytes = 1 << 22;

	must(fd >= 0, "AF_PACKET");
	must(!setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)), "PACKET_IGNORE_OUTGOING");
	must(!setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)), "SO_RCVBUFFORCE");
	must(!bind(fd, (struct sockaddr *)&at, sizeof(at)), "bind");
	return fd;
}

/* The other end of a veth. */
static __u32 peer_of(__u32 ifindex)
{
	char name[IF_NAMESIZE], command[96], line[16] = "";
	FILE *f;

	must(if_indextoname(ifindex, name) != NULL, "if_indextoname");
	snprintf(command, sizeof(command), "ip -o link show dev %s | sed 's/.*@\\([^:]*\\):.*/\\1/'", name);
	f = popen(command, "r");
	must(f && fgets(line, sizeof(line), f), "ip link show");
	pclose(f);
	line[strcspn(line, "\n")] = 0;
	return if_nametoindex(line);
}

static const struct catcher *catcher_get(__u32 ifindex)
{
	static struct catcher all[8];
	static unsigned int n;

	for (unsigned int i = 0; i < n; i++)
		if (all[i].ifindex == ifindex)
			return &all[i];
	must(n < 8, "too many links");
	if (!n)
		one_cpu();
	all[n] = (struct catcher) { ifindex, peer_of(ifindex), catcher_open(ifindex) };
	return &all[n++];
}

static void send_mark(const struct catcher *c)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = 6, .sll_ifindex = c->peer };
	__u8 frame[60] = {};

	put48(frame, ALL_MAC);
	put16(frame + 12, MARK_ETHERTYPE);
	must(sendto(c->fd, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)) == sizeof(frame),
	     "sendto");
}

/* All that has entered at the link since it was asked last. */
static unsigned int catch_all(const struct catcher *c, struct frame *ret, unsigned int max)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	struct frame lost, *f;
	unsigned int n = 0;

	send_mark(c);
	for (;;) {
		ssize_t len;

		f = n < max ? &ret[n] : &lost;
		must(poll(&p, 1, 5000) == 1, "the mark");
		len = read(c->fd, f->bytes, sizeof(f->bytes));
		must(len >= 14, "read");
		f->len = len;
		if (get16(f->bytes + 12) == MARK_ETHERTYPE)
			return n;
		if (n == max)
			check_failed(__FILE__, __LINE__, "more than %u frames enter again", max);
		else
			n++;
	}
}

void again_none(enum hook hook, __u32 at)
{
	static struct frame some[TRAVEL_MAX];

	catch_all(catcher_get(world_ifindex(hook, at)), some, TRAVEL_MAX);
}

static void judge(enum hook hook, __u32 at, const struct frame *f, struct travel *t)
{
	struct frame out = *f;

	switch (world_run_numbered(hook, at, out.bytes, &out.len, 0)) {
	case REDIRECT:
		if (t->n_left == TRAVEL_MAX)
			check_failed(__FILE__, __LINE__, "more than %u frames leave", TRAVEL_MAX);
		else
			t->left[t->n_left++] = out;
		return;
	case PASS:
		CHECK_BYTES(out.bytes, out.len, f->bytes, f->len);
		t->n_passed++;
		return;
	case DROP:
		t->n_dropped++;
		return;
	default:
		check_failed(__FILE__, __LINE__, "no verdict");
	}
}

void again_travel(enum hook hook, __u32 at, const struct frame *f, struct travel *ret)
{
	const struct catcher *c = catcher_get(world_ifindex(hook, at));
	unsigned int done = 0;

	ret->n_left = ret->n_entered = ret->n_passed = ret->n_dropped = 0;
	judge(hook, at, f, ret);
	for (;;) {
		ret->n_entered += catch_all(c, ret->entered + ret->n_entered, TRAVEL_MAX - ret->n_entered);
		if (done == ret->n_entered)
			return;
		judge(hook, at, &ret->entered[done++], ret);
	}
}

/* --- putting together */

static bool same_datagram(const __u8 *a, const __u8 *b)
{
	return get16(a + 4) == get16(b + 4) && a[1] == b[1] && a[8] == b[8] && a[9] == b[9] &&
	       !memcmp(a + 12, b + 12, 8);
}

static bool join_part(const struct frame *f, const __u8 *first, struct datagram *d, bool *seen)
{
	const __u8 *ip = f->bytes + 14;
	unsigned int hlen = (ip[0] & 0xf) * 4, len = get16(ip + 2), payload = len - hlen;
	unsigned int at = (get16(ip + 6) & 0x1fff) * 8;

	if (len + 14 != f->len || packet_checksum(ip, hlen, 0) || !same_datagram(ip, first))
		return false;
	if (get16(ip + 6) & MF ? payload % 8 : d->len != 0)
		return false;
	for (unsigned int i = 0; i < payload; i++) {
		if (seen[at + i])
			return false;
		seen[at + i] = true;
	}
	memcpy(d->bytes + (first[0] & 0xf) * 4 + at, ip + hlen, payload);
	if (!(get16(ip + 6) & MF))
		d->len = (first[0] & 0xf) * 4 + at + payload;
	if (len > d->longest)
		d->longest = len;
	d->n_parts++;
	return true;
}

bool datagram_join(const struct frame *parts, unsigned int n, struct datagram *ret)
{
	static bool seen[0x10000 + PACKET_MAX];
	const __u8 *first = NULL;
	unsigned int hlen, last_at = 0;

	memset(seen, 0, sizeof(seen));
	memset(ret, 0, sizeof(*ret));
	ret->in_order = true;
	for (unsigned int i = 0; i < n; i++) {
		unsigned int at = get16(parts[i].bytes + 20) & 0x1fff;

		if (!at)
			first = parts[i].bytes + 14;
		if (at < last_at)
			ret->in_order = false;
		last_at = at;
	}
	if (!first) {
		check_failed(__FILE__, __LINE__, "of %u parts none is the first", n);
		return false;
	}
	hlen = (first[0] & 0xf) * 4;
	for (unsigned int i = 0; i < n; i++)
		if (!join_part(&parts[i], first, ret, seen)) {
			check_failed(__FILE__, __LINE__, "part %u of %u does not belong there", i + 1, n);
			packet_dump("part", parts[i].bytes, parts[i].len, NULL, 0);
			return false;
		}
	for (unsigned int i = hlen; i < ret->len; i++)
		if (!seen[i - hlen]) {
			check_failed(__FILE__, __LINE__, "byte %u is missing", i - hlen);
			return false;
		}
	CHECK(ret->len > hlen);
	memcpy(ret->bytes, first, hlen);
	put16(ret->bytes + 2, ret->len);
	put16(ret->bytes + 6, get16(first + 6) & ~MF);
	put16(ret->bytes + 10, 0);
	put16(ret->bytes + 10, packet_checksum(ret->bytes, hlen, 0));
	ret->id = get16(first + 4);
	return ret->len > hlen;
}
