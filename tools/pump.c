// SPDX-License-Identifier: GPL-2.0-only
/*
 * pump: joins two TAP devices frame by frame, virtio-net header included, so
 * that a real kernel's network stack can sit behind a guest's TAP as a virtual
 * machine would: GSO frames stay whole, half-finished checksums stay half
 * finished.
 *
 *	pump [--offload LIST] ENDPOINT ENDPOINT
 *
 * An ENDPOINT is NETNS:IFNAME (NETNS: a path, or "" for the own namespace), a
 * TAP that is opened there and made when it does not exist, or fd:NUMBER, an
 * inherited descriptor.  LIST (default csum,tso,uso; or none) says what the
 * kernel behind each endpoint may hand over unfinished; what this kernel does
 * not know is left out.  Prints "ready" and ends on SIGTERM, or when one side
 * is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "tapdev.h"

#define BURST		64	/* frames of one side before the other's turn */

static const struct {
	const char *name;
	unsigned int flags;
} offloads[] = {
	{ "csum", TUN_F_CSUM },
	{ "tso", TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN },
	{ "ufo", TUN_F_UFO },
	{ "uso", TUN_F_USO4 | TUN_F_USO6 },
};

static int parse_offloads(char *list, unsigned int *ret_flags)
{
	unsigned int flags = 0, i;

	if (!strcmp(list, "none"))
		list = "";
	for (char *word = strtok(list, ","); word; word = strtok(NULL, ",")) {
		for (i = 0; i < sizeof(offloads) / sizeof(*offloads); i++)
			if (!strcmp(word, offloads[i].name))
				break;
		if (i == sizeof(offloads) / sizeof(*offloads))
			return -EINVAL;
		flags |= offloads[i].flags;
	}
	*ret_flags = flags;
	return 0;
}

/* A descriptor of a TAP belongs to the namespace in which it was opened. */
static int open_tap(const char *netns, const char *ifname)
{
	int own, ns, fd, err = 0;

	if (!*netns)
		return tapdev_open(ifname);
	own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	ns = open(netns, O_RDONLY | O_CLOEXEC);
	if (own < 0 || ns < 0 || setns(ns, CLONE_NEWNET))
		err = -errno;
	fd = err ? err : tapdev_open(ifname);
	if (!err && setns(own, CLONE_NEWNET))
		err = -errno;
	close(ns);
	close(own);
	return err ? err : fd;
}

static int open_endpoint(char *endpoint)
{
	char *colon = strrchr(endpoint, ':'), *end;
	long fd;

	if (!colon)
		return -EINVAL;
	*colon = '\0';
	if (strcmp(endpoint, "fd"))
		return open_tap(endpoint, colon + 1);
	fd = strtol(colon + 1, &end, 10);
	return *end || fd < 0 || fd > 1 << 20 ? -EINVAL : (int)fd;
}

/*
 * Copy what @from has now.  A frame that @to refuses (its link is down) is
 * lost, as on a wire.  Return: false when @from is gone.
 */
static bool copy(int from, int to)
{
	static char frame[TAPDEV_FRAME_BYTES];
	ssize_t n;

	for (int i = 0; i < BURST; i++) {
		n = read(from, frame, sizeof(frame));
		if (n < 0)
			return errno == EAGAIN || errno == EINTR || errno == EIO;
		if (write(to, frame, n) < 0 && errno == EBADFD)
			return false;
	}
	return true;
}

static int signal_fd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int pump(const int taps[2])
{
	int ep = epoll_create1(EPOLL_CLOEXEC), sig = signal_fd();
	struct epoll_event ev = { .events = EPOLLIN };

	for (int i = 0; i < 3; i++) {
		ev.data.u32 = i;
		if (epoll_ctl(ep, EPOLL_CTL_ADD, i < 2 ? taps[i] : sig, &ev))
			return -errno;
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		if (epoll_wait(ep, &ev, 1, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (ev.data.u32 == 2)
			return 0;
		if (!copy(taps[ev.data.u32], taps[!ev.data.u32]))
			return 0;
		/* A deleted TAP reports an error and nothing to read. */
		if ((ev.events & (EPOLLERR | EPOLLHUP)) && !(ev.events & EPOLLIN))
			return 0;
	}
}

static int usage(void)
{
	fputs("usage: pump [--offload csum,tso,ufo,uso|none] NETNS:IFNAME|fd:N NETNS:IFNAME|fd:N\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	unsigned int flags = TAPDEV_OFFLOADS;
	int taps[2], err;

	if (argc == 5 && !strcmp(argv[1], "--offload")) {
		if (parse_offloads(argv[2], &flags))
			return usage();
		argv += 2;
		argc -= 2;
	}
	if (argc != 3)
		return usage();
	for (int i = 0; i < 2; i++) {
		taps[i] = open_endpoint(argv[1 + i]);
		err = taps[i] < 0 ? taps[i] : tapdev_setup(taps[i], flags);
		if (err) {
			fprintf(stderr, "pump: endpoint %d (%s): %s\n", i + 1, argv[1 + i],
				strerror(-err));
			return 1;
		}
	}
	err = pump(taps);
	if (err)
		fprintf(stderr, "pump: %s\n", strerror(-err));
	return err ? 1 : 0;
}
