// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests behind TAPs.  The guest's kernel is a namespace with a TAP of its own;
 * what it sends is read there and written to the port's TAP, virtio-net header
 * included, and the other way round, as a virtual machine's process does it:
 * GSO frames stay whole and half-finished checksums half finished.  Done by the
 * process that measures, between its sends and receives, so that no wake-up
 * and no second CPU is in the figures.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../tapdev.h"
#include "bench.h"
#include "mem.h"

#define RUNNING_NS	5000000000ULL	/* the kernel looks at carriers once a second */
#define PAUSE_US	5000

static int open_end(struct bench *b, struct site *s, enum place place, const char *link,
		    int *ret_fd)
{
	int err, fd;

	err = site_enter(s, place);
	if (err)
		return err;
	fd = tapdev_open(link);
	bench_leave(b);
	err = fd < 0 ? fd : tapdev_setup(fd, TAPDEV_OFFLOADS);
	if (err) {
		mem_close(&fd);
		return bench_fail(err, "%s: cannot open the TAP \"%s\"",
				  backend_name(s->backend), link);
	}
	*ret_fd = fd;
	return 0;
}

int tap_open(struct bench *b, struct site *s)
{
	int err;

	if (!site_has_tap(s))
		return 0;
	err = open_end(b, s, GUEST, "eth0", &s->tap[UP]);
	return err ? err : open_end(b, s, NET, s->port, &s->tap[DOWN]);
}

void tap_release(struct site *s)
{
	for (int i = 0; i < N_DIRECTIONS; i++)
		mem_close(&s->tap[i]);
}

static int await_running(struct bench *b, struct site *s, enum place place, const char *link)
{
	__u64 end = now_ns() + RUNNING_NS;
	struct ifreq req = {};
	_fd_ int fd = -1;
	int err;

	err = site_enter(s, place);
	if (err)
		return err;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bench_leave(b);
	strncpy(req.ifr_name, link, IFNAMSIZ - 1);
	while (!ioctl(fd, SIOCGIFFLAGS, &req)) {
		if (req.ifr_flags & IFF_RUNNING)
			return 0;
		if (now_ns() > end)
			return bench_fail(-ETIMEDOUT, "%s: \"%s\" does not run",
					  backend_name(s->backend), link);
		usleep(PAUSE_US);
	}
	return bench_fail(-errno, "%s: no link \"%s\"", backend_name(s->backend), link);
}

int tap_await(struct bench *b, struct site *s)
{
	int err;

	if (!site_has_tap(s))
		return 0;
	err = await_running(b, s, GUEST, "eth0");
	return err ? err : await_running(b, s, NET, s->port);
}

int tap_carry(struct site *s, enum direction direction)
{
	static char frame[TAPDEV_FRAME_BYTES];
	int from = s->tap[direction], to = s->tap[!direction], n_frames = 0;
	ssize_t n;

	while ((n = read(from, frame, sizeof(frame))) > 0) {
		if (write(to, frame, n) != n)
			return bench_fail(-errno, "%s: a TAP refuses a frame",
					  backend_name(s->backend));
		s->tap_bytes[direction] += n - TAPDEV_HDR_BYTES;
		n_frames++;
	}
	if (n < 0 && errno != EAGAIN)
		return bench_fail(-errno, "%s: cannot read a TAP", backend_name(s->backend));
	return n_frames;
}

int tap_carry_all(struct site *s)
{
	int up, down;

	if (!site_has_tap(s))
		return 0;
	do {
		up = tap_carry(s, UP);
		down = up < 0 ? 0 : tap_carry(s, DOWN);
	} while (up > 0 || down > 0);
	return up < 0 ? up : down;
}
