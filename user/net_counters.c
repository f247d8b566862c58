// SPDX-License-Identifier: GPL-2.0-only
/* Packets and bytes of a guest's port: the kernel's own counters of the link. */
#include <errno.h>
#include <string.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <netlink/attr.h>

#include "net.h"
#include "net_internal.h"

struct end {
	struct rtnl_link_stats64 stats;
	int peer_ifindex;
	int peer_netnsid;	/* -1: the peer is here, or there is none */
};

static int read_end(const struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *tb[IFLA_MAX + 1];
	struct end e = { .peer_netnsid = -1 };
	int size;

	if (nlh->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse((struct nlmsghdr *)nlh, sizeof(struct ifinfomsg), tb, IFLA_MAX, NULL))
		return -EBADMSG;
	if (tb[IFLA_STATS64]) {
		/* It grows at its end from kernel to kernel. */
		size = nla_len(tb[IFLA_STATS64]);
		memcpy(&e.stats, nla_data(tb[IFLA_STATS64]),
		       size < (int)sizeof(e.stats) ? size : (int)sizeof(e.stats));
	}
	if (tb[IFLA_LINK] && tb[IFLA_LINK_NETNSID]) {
		e.peer_ifindex = nla_get_u32(tb[IFLA_LINK]);
		e.peer_netnsid = nla_get_s32(tb[IFLA_LINK_NETNSID]);
	}
	*(struct end *)arg = e;
	return 0;
}

static int get_end(struct net *net, int ifindex, int netnsid, struct end *ret)
{
	struct ifinfomsg header = { .ifi_index = ifindex };
	_msg_ struct nl_msg *msg = net_message(RTM_GETLINK, 0, &header, sizeof(header));

	if (!msg || (netnsid >= 0 && nla_put_s32(msg, IFLA_TARGET_NETNSID, netnsid)))
		return -ENOMEM;
	return net_talk(net, msg, read_end, ret);
}

int net_port_counters(struct net *net, int ifindex, struct net_counters *ret)
{
	struct end near, far;
	int err;

	err = get_end(net, ifindex, -1, &near);
	if (err)
		return err;
	if (near.peer_netnsid >= 0 && !get_end(net, near.peer_ifindex, near.peer_netnsid, &far))
		*ret = (struct net_counters){
			far.stats.tx_packets, far.stats.tx_bytes,
			far.stats.rx_packets, far.stats.rx_bytes,
		};
	else
		*ret = (struct net_counters){
			near.stats.rx_packets, near.stats.rx_bytes,
			near.stats.tx_packets, near.stats.tx_bytes,
		};
	return 0;
}
