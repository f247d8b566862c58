// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's announcements, reduced to whether it is worth looking again.  A
 * host with a full routing table announces a route every few milliseconds, so
 * routes that cannot be default ones do not count, nor do bridge ports.  Nor do
 * links of the caller's own making: he looks through all networks for each
 * change, and a thousand of them come up one after another.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <stdlib.h>

#include "net_internal.h"
#include "net_watch.h"

#define BUFFER_BYTES	(1 << 20)	/* a burst of link events */
#define MESSAGE_BYTES	(64 * 1024)	/* a link with many virtual functions */
#define MOST_AT_ONCE	1000		/* the daemon has other work, too */

struct net_watch {
	struct nl_sock *sock;
	bool (*is_own)(int ifindex);
	bool changed;
};

/*
 * A new link tells all of its settings; later a change comes alone.  One of our
 * own matters when somebody has turned its forwarding off.
 */
static bool forwarding_matters(const struct net_watch *w, const struct nlmsghdr *nlh)
{
	struct nlattr *tb[NETCONFA_MAX + 1], *on;

	if (nlmsg_parse((struct nlmsghdr *)nlh, sizeof(struct netconfmsg), tb, NETCONFA_MAX, NULL) ||
	    !tb[NETCONFA_IFINDEX] || !w->is_own((int)nla_get_u32(tb[NETCONFA_IFINDEX])))
		return true;
	on = tb[NETCONFA_FORWARDING];
	return nlh->nlmsg_type == RTM_NEWNETCONF && on && !nla_get_u32(on) && !tb[NETCONFA_RP_FILTER];
}

/* As VPNs do it, two routes to one half each are a default route too. */
static bool matters(const struct net_watch *w, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *link = nlmsg_data(nlh);
	const struct ifaddrmsg *addr = nlmsg_data(nlh);
	const struct rtmsg *route = nlmsg_data(nlh);

	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return link->ifi_family == AF_UNSPEC && !w->is_own(link->ifi_index);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return !w->is_own((int)addr->ifa_index);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return route->rtm_dst_len <= 1;
	case RTM_NEWNETCONF:
	case RTM_DELNETCONF:
		return forwarding_matters(w, nlh);
	default:
		return true;
	}
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct net_watch *w = arg;

	w->changed |= matters(w, nlmsg_hdr(msg));
	return NL_OK;
}

static int set_up(struct net_watch *w)
{
	w->sock = nl_socket_alloc();
	if (!w->sock)
		return -ENOMEM;
	nl_socket_disable_seq_check(w->sock);
	nl_socket_modify_cb(w->sock, NL_CB_VALID, NL_CB_CUSTOM, on_message, w);
	if (nl_connect(w->sock, NETLINK_ROUTE))
		return errno ? -errno : -EIO;
	nl_socket_set_buffer_size(w->sock, BUFFER_BYTES, 0);
	nl_socket_set_msg_buf_size(w->sock, MESSAGE_BYTES);
	if (nl_socket_add_memberships(w->sock, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE,
				      RTNLGRP_IPV4_NETCONF, 0) ||
	    nl_socket_set_nonblocking(w->sock))
		return errno ? -errno : -EIO;
	return 0;
}

int net_watch_open(bool (*is_own)(int ifindex), struct net_watch **ret)
{
	struct net_watch *w = calloc(1, sizeof(*w));
	int err = -ENOMEM;

	if (w) {
		w->is_own = is_own;
		err = set_up(w);
	}
	if (err) {
		net_watch_close(w);
		return err;
	}
	*ret = w;
	return 0;
}

void net_watch_close(struct net_watch *w)
{
	if (!w)
		return;
	nl_socket_free(w->sock);
	free(w);
}

int net_watch_fd(const struct net_watch *w)
{
	return nl_socket_get_fd(w->sock);
}

int net_watch_read(struct net_watch *w)
{
	int n = 0;

	w->changed = false;
	for (int i = 0; i < MOST_AT_ONCE && n != -NLE_AGAIN; i++) {
		n = nl_recvmsgs_default(w->sock);
		/* ENOBUFS: some were lost, and it may be those that mattered. */
		if (n == -NLE_NOMEM || n == -NLE_MSG_TRUNC)
			w->changed = true;
		else if (n < 0 && n != -NLE_AGAIN && n != -NLE_INTR && n != -NLE_DUMP_INTR)
			return -EIO;
	}
	return w->changed;
}
