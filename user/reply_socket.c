// SPDX-License-Identifier: GPL-2.0-only
/*
 * A packet socket sees the links of the namespace it was made in, wherever its
 * owner goes after.  Its protocol is 0: it is no tap on the guests' traffic.
 */
#include "reply_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mem.h"
#include "netns.h"
#include "network.h"

struct reply_socket {
	__u16 net;
	int fd;
	__u64 used_ns;
};

struct reply_sockets {
	struct reply_socket *all;
	size_t n, room;
};

struct reply_sockets *reply_sockets_new(void)
{
	return calloc(1, sizeof(struct reply_sockets));
}

void reply_sockets_free(struct reply_sockets *rs)
{
	if (!rs)
		return;
	reply_sockets_tidy(rs, ~0ULL);
	free(rs->all);
	free(rs);
}

static int open_inside(const char *name, int *ret_fd)
{
	_netns_ int back = -1;
	_fd_ int ns = -1;
	char netns[40];
	int err, fd;

	network_netns_name(name, netns);
	err = netns_open(netns, &ns);
	if (!err)
		err = netns_switch(ns, &back);
	if (err)
		return err;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static struct reply_socket *find(struct reply_sockets *rs, __u16 net)
{
	for (size_t i = 0; i < rs->n; i++)
		if (rs->all[i].net == net)
			return &rs->all[i];
	return NULL;
}

static int add(struct reply_sockets *rs, __u16 net, const char *name, struct reply_socket **ret)
{
	struct reply_socket *s;
	int err;

	if (rs->n == rs->room) {
		size_t room = rs->room ? rs->room * 2 : 8;

		s = reallocarray(rs->all, room, sizeof(*s));
		if (!s)
			return -ENOMEM;
		rs->all = s;
		rs->room = room;
	}
	s = &rs->all[rs->n];
	*s = (struct reply_socket) { .net = net };
	err = open_inside(name, &s->fd);
	if (err)
		return err;
	rs->n++;
	*ret = s;
	return 0;
}

static void drop(struct reply_sockets *rs, struct reply_socket *s)
{
	close(s->fd);
	*s = rs->all[--rs->n];
}

static int send_frame(int fd, int ifindex, const __u8 *frame, size_t len)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE_IP),
		.sll_ifindex = ifindex, .sll_halen = ETH_ALEN,
	};
	ssize_t sent;

	memcpy(to.sll_addr, frame, ETH_ALEN);
	do
		sent = sendto(fd, frame, len, 0, (struct sockaddr *)&to, sizeof(to));
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

int reply_sockets_send(struct reply_sockets *rs, __u16 net, const char *name, int ifindex,
		       const __u8 *frame, size_t len, __u64 now_ns)
{
	struct reply_socket *s = find(rs, net);
	int err;

	if (s) {
		err = send_frame(s->fd, ifindex, frame, len);
		s->used_ns = now_ns;
		if (err != -ENXIO && err != -ENODEV)
			return err;
		drop(rs, s);	/* perhaps of a namespace that was made anew since */
	}
	err = add(rs, net, name, &s);
	if (err)
		return err;
	s->used_ns = now_ns;
	return send_frame(s->fd, ifindex, frame, len);
}

void reply_sockets_tidy(struct reply_sockets *rs, __u64 now_ns)
{
	for (size_t i = rs->n; i-- > 0; )
		if (now_ns == ~0ULL || now_ns - rs->all[i].used_ns >= REPLY_SOCKET_IDLE_NS)
			drop(rs, &rs->all[i]);
}
