// SPDX-License-Identifier: GPL-2.0-only
/* The clients' links: one packet socket for all of a site, many frames a system call. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "farm.h"
#include "mem.h"

#define RECEIVE_BUFFER	(16 << 20)

struct outbox {
	unsigned int n;
	__u8 frames[FARM_BATCH][FARM_FRAME_MAX];
	struct iovec iovs[FARM_BATCH];
	struct sockaddr_ll to[FARM_BATCH];
	struct mmsghdr messages[FARM_BATCH];
};

/* The number is in the address, so that a reply's client is found at once. */
static int client_init(struct client *c, unsigned int i, const char *links)
{
	const char *mark = strchr(links, '%');
	char name[IFNAMSIZ];

	if (mark)
		snprintf(name, sizeof(name), "%.*s%u%s", (int)(mark - links), links, i, mark + 1);
	else
		snprintf(name, sizeof(name), "%s", links);
	memcpy(c->mac, (__u8[6]) { 0x02, 0x63, 0x66, 0, i >> 8, i }, sizeof(c->mac));
	c->xid = (__u32)rand();
	c->ifindex = if_nametoindex(name);
	return c->ifindex ? 0 : farm_fail(-errno, "no link %s", name);
}

static int open_socket(void)
{
	int on = 1, buffer = RECEIVE_BUFFER;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));

	if (fd < 0)
		return farm_fail(-errno, "cannot open a packet socket");
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer))) {
		close(fd);
		return farm_fail(-errno, "cannot set up a packet socket");
	}
	return fd;
}

static int open_inside(struct site *s, const char *links)
{
	int err = 0;

	s->fd = open_socket();
	for (unsigned int i = 0; i < s->n && !err; i++)
		err = client_init(&s->clients[i], i, links);
	return s->fd < 0 ? s->fd : err;
}

int site_open(struct site *s, const char *netns, const char *links, unsigned int n)
{
	_fd_ int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	_fd_ int ns = -1;
	char path[128];
	int err;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	s->clients = calloc(n, sizeof(*s->clients));
	s->out = calloc(1, sizeof(*s->out));
	s->n = n;
	if (!s->clients || !s->out)
		return farm_fail(-ENOMEM, "%s", s->name);
	if (home < 0 || ns < 0 || setns(ns, CLONE_NEWNET))
		return farm_fail(-errno, "cannot enter %s", path);
	err = open_inside(s, links);
	if (setns(home, CLONE_NEWNET))
		return farm_fail(-errno, "cannot leave %s", path);
	return err;
}

void site_close(struct site *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->clients);
	free(s->out);
}

int link_flush(struct site *s)
{
	struct outbox *o = s->out;
	unsigned int sent = 0;
	int n;

	while (sent < o->n) {
		n = sendmmsg(s->fd, o->messages + sent, o->n - sent, 0);
		if (n > 0)
			sent += n;
		else if (errno != EINTR && errno != ENOBUFS && errno != EAGAIN)
			return farm_fail(-errno, "%s: cannot send", s->name);
	}
	o->n = 0;
	return 0;
}

int link_queue(struct site *s, int ifindex, const __u8 *frame, size_t len)
{
	struct outbox *o = s->out;
	unsigned int i = o->n++;

	memcpy(o->frames[i], frame, len);
	o->iovs[i] = (struct iovec) { o->frames[i], len };
	o->to[i] = (struct sockaddr_ll) { .sll_family = AF_PACKET, .sll_ifindex = ifindex };
	o->messages[i].msg_hdr = (struct msghdr) {
		.msg_name = &o->to[i], .msg_namelen = sizeof(o->to[i]),
		.msg_iov = &o->iovs[i], .msg_iovlen = 1,
	};
	return o->n == FARM_BATCH ? link_flush(s) : 0;
}

/* Where one call puts what has come; the same for all sites. */
static struct {
	__u8 frames[FARM_BATCH][FARM_FRAME_MAX];
	struct sockaddr_ll from[FARM_BATCH];
	struct iovec iovs[FARM_BATCH];
	struct mmsghdr messages[FARM_BATCH];
	bool ready;
} inbox;

static void inbox_init(void)
{
	for (int i = 0; i < FARM_BATCH; i++) {
		inbox.iovs[i] = (struct iovec) { inbox.frames[i], FARM_FRAME_MAX };
		inbox.messages[i].msg_hdr = (struct msghdr) {
			.msg_name = &inbox.from[i], .msg_namelen = sizeof(inbox.from[i]),
			.msg_iov = &inbox.iovs[i], .msg_iovlen = 1,
		};
	}
	inbox.ready = true;
}

static int receive_batch(struct site *s, link_fn fn, void *arg)
{
	int n, err = 0;

	if (!inbox.ready)
		inbox_init();
	n = recvmmsg(s->fd, inbox.messages, FARM_BATCH, MSG_DONTWAIT, NULL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 :
		       farm_fail(-errno, "%s: cannot receive", s->name);
	for (int i = 0; i < n && !err; i++)
		err = fn(s, inbox.frames[i], inbox.messages[i].msg_len, inbox.from[i].sll_ifindex, arg);
	return err ? err : n;
}

int link_receive(struct site *s, int wait_ms, link_fn fn, void *arg)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	int n = receive_batch(s, fn, arg);

	if (n || !wait_ms)
		return n;
	if (poll(&p, 1, wait_ms) < 0 && errno != EINTR)
		return farm_fail(-errno, "%s: poll", s->name);
	return receive_batch(s, fn, arg);
}
