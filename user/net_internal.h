/* SPDX-License-Identifier: GPL-2.0-only */
/* Between net.c, which talks, and net_link.c, which knows the attributes. */
#ifndef CULVERT_NET_INTERNAL_H
#define CULVERT_NET_INTERNAL_H

#include <netlink/msg.h>

struct net;

static inline void net_msg_freep(struct nl_msg **msg)
{
	nlmsg_free(*msg);
}
#define _msg_ __attribute__((cleanup(net_msg_freep)))

/** net_message() - a request with its fixed header; NULL when out of memory */
struct nl_msg *net_message(int type, int flags, const void *header, size_t size);

/**
 * net_talk() - send a request and read what comes back
 * @fn: called for each message of the answer, may be NULL; once it returns
 *	other than 0 it is not called again and that value is returned
 *
 * Return: 0, what @fn returned, or the kernel's -errno.
 */
int net_talk(struct net *net, struct nl_msg *msg,
	     int (*fn)(const struct nlmsghdr *nlh, void *arg), void *arg);

#endif
