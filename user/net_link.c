// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links: what the kernel tells about one, and the messages that make or change
 * one.  Name, index, MAC and MTU go into the message that makes a link, so
 * that neither udev nor we ever see it half made; alias, forwarding and bridge
 * settings can only follow in a second one, while the link is still down.
 */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"
#include "net_internal.h"

#define CONF_FORWARDING 1	/* IPV4_DEVCONF_FORWARDING - 1 + 1: attribute of IFLA_INET_CONF */
#define ADDR_GEN_NONE	1	/* IN6_ADDR_GEN_MODE_NONE */

static const struct {
	unsigned int flag;
	int attr;
} port_attrs[] = {
	{ NET_PORT_LEARNING,	IFLA_BRPORT_LEARNING },
	{ NET_PORT_FLOOD,	IFLA_BRPORT_UNICAST_FLOOD },
	{ NET_PORT_MCAST_FLOOD,	IFLA_BRPORT_MCAST_FLOOD },
	{ NET_PORT_BCAST_FLOOD,	IFLA_BRPORT_BCAST_FLOOD },
	{ NET_PORT_ISOLATED,	IFLA_BRPORT_ISOLATED },
};
#define N_PORT_ATTRS (sizeof(port_attrs) / sizeof(port_attrs[0]))

/* --- reading */

static void copy_text(char *buf, size_t size, struct nlattr *attr)
{
	if (attr)
		nla_strlcpy(buf, attr, size);
}

static void read_linkinfo(struct nlattr *attr, struct net_link *l)
{
	struct nlattr *tb[IFLA_INFO_MAX + 1], *port[IFLA_BRPORT_MAX + 1];

	if (!attr || nla_parse_nested(tb, IFLA_INFO_MAX, attr, NULL))
		return;
	copy_text(l->kind, sizeof(l->kind), tb[IFLA_INFO_KIND]);
	if (!tb[IFLA_INFO_SLAVE_DATA] || !tb[IFLA_INFO_SLAVE_KIND] ||
	    strcmp(nla_data(tb[IFLA_INFO_SLAVE_KIND]), "bridge") ||
	    nla_parse_nested(port, IFLA_BRPORT_MAX, tb[IFLA_INFO_SLAVE_DATA], NULL))
		return;
	for (size_t i = 0; i < N_PORT_ATTRS; i++)
		if (port[port_attrs[i].attr] && nla_get_u8(port[port_attrs[i].attr]))
			l->port_flags |= port_attrs[i].flag;
}

/* The kernel sends all of the IPv4 settings as one array of numbers, setting 1 first. */
static void read_af_spec(struct nlattr *attr, struct net_link *l)
{
	struct nlattr *families[AF_INET6 + 1], *inet[IFLA_INET_MAX + 1], *inet6[IFLA_INET6_MAX + 1];
	__u32 forwarding;

	if (!attr || nla_parse_nested(families, AF_INET6, attr, NULL))
		return;
	if (families[AF_INET] && !nla_parse_nested(inet, IFLA_INET_MAX, families[AF_INET], NULL) &&
	    inet[IFLA_INET_CONF] && nla_len(inet[IFLA_INET_CONF]) >= (int)sizeof(forwarding)) {
		memcpy(&forwarding, (__u32 *)nla_data(inet[IFLA_INET_CONF]) + CONF_FORWARDING - 1,
		       sizeof(forwarding));
		l->forwarding = forwarding;
	}
	/* A kernel or namespace without IPv6 is quiet. */
	l->ipv6_quiet = !families[AF_INET6] ||
			nla_parse_nested(inet6, IFLA_INET6_MAX, families[AF_INET6], NULL) ||
			!inet6[IFLA_INET6_ADDR_GEN_MODE] ||
			nla_get_u8(inet6[IFLA_INET6_ADDR_GEN_MODE]) == ADDR_GEN_NONE;
}

static void read_altname(struct nlattr *list, struct net_link *l)
{
	struct nlattr *attr;
	int left;

	if (!list)
		return;
	nla_for_each_nested(attr, list, left)
		if (nla_type(attr) == IFLA_ALT_IFNAME)
			nla_strlcpy(l->altname, attr, sizeof(l->altname));
}

static int read_link(const struct nlmsghdr *nlh, struct net_link *ret)
{
	const struct ifinfomsg *ifi = nlmsg_data(nlh);
	struct nlattr *tb[IFLA_MAX + 1];
	struct net_link l = {
		.ifindex = ifi->ifi_index,
		.up = ifi->ifi_flags & IFF_UP,
		.ether = ifi->ifi_type == ARPHRD_ETHER,
		.ipv6_quiet = true,
	};

	if (nlh->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse((struct nlmsghdr *)nlh, sizeof(*ifi), tb, IFLA_MAX, NULL))
		return -EBADMSG;
	copy_text(l.name, sizeof(l.name), tb[IFLA_IFNAME]);
	copy_text(l.alias, sizeof(l.alias), tb[IFLA_IFALIAS]);
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == 6)
		memcpy(l.mac, nla_data(tb[IFLA_ADDRESS]), 6);
	if (tb[IFLA_MTU])
		l.mtu = nla_get_u32(tb[IFLA_MTU]);
	if (tb[IFLA_GROUP])
		l.group = nla_get_u32(tb[IFLA_GROUP]);
	if (tb[IFLA_MASTER])
		l.master = nla_get_u32(tb[IFLA_MASTER]);
	if (tb[IFLA_LINK])
		l.peer_ifindex = nla_get_u32(tb[IFLA_LINK]);
	read_linkinfo(tb[IFLA_LINKINFO], &l);
	read_af_spec(tb[IFLA_AF_SPEC], &l);
	read_altname(tb[IFLA_PROP_LIST], &l);
	*ret = l;
	return 0;
}

static int on_one_link(const struct nlmsghdr *nlh, void *arg)
{
	return read_link(nlh, arg);
}

static int get_link(struct net *net, int ifindex, const char *name, struct net_link *ret)
{
	struct ifinfomsg header = { .ifi_index = ifindex };
	_msg_ struct nl_msg *msg = net_message(RTM_GETLINK, 0, &header, sizeof(header));

	if (!msg || (name && nla_put_string(msg, IFLA_IFNAME, name)))
		return -ENOMEM;
	return net_talk(net, msg, on_one_link, ret);
}

int net_link_get(struct net *net, int ifindex, struct net_link *ret)
{
	return get_link(net, ifindex, NULL, ret);
}

int net_link_find(struct net *net, const char *name, struct net_link *ret)
{
	if (strlen(name) >= NET_NAME_SIZE)
		return -ENODEV;
	return get_link(net, 0, name, ret);
}

struct link_walk {
	int (*fn)(const struct net_link *l, void *arg);
	void *arg;
};

static int on_link(const struct nlmsghdr *nlh, void *arg)
{
	struct link_walk *w = arg;
	struct net_link l;

	return read_link(nlh, &l) ? 0 : w->fn(&l, w->arg);
}

int net_link_each(struct net *net, int (*fn)(const struct net_link *l, void *arg), void *arg)
{
	struct ifinfomsg header = { 0 };
	struct link_walk w = { fn, arg };
	_msg_ struct nl_msg *msg = net_message(RTM_GETLINK, NLM_F_DUMP, &header, sizeof(header));

	return msg ? net_talk(net, msg, on_link, &w) : -ENOMEM;
}

/* --- making */

#define CREATE (NLM_F_CREATE | NLM_F_EXCL)

static int put_identity(struct nl_msg *msg, const char *name, const __u8 *mac, unsigned int mtu)
{
	if (nla_put_string(msg, IFLA_IFNAME, name) ||
	    (mac && nla_put(msg, IFLA_ADDRESS, 6, mac)) ||
	    (mtu && nla_put_u32(msg, IFLA_MTU, mtu)))
		return -ENOMEM;
	return 0;
}

/* The peer is a link message of its own inside of the attribute, header included. */
static int put_peer(struct nl_msg *msg, const struct net_veth *v)
{
	struct ifinfomsg header = { .ifi_index = v->peer_ifindex };
	struct nlattr *peer = nla_nest_start(msg, VETH_INFO_PEER);

	if (!peer || nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) ||
	    put_identity(msg, v->peer_name, v->peer_mac, v->mtu) ||
	    nla_put_u32(msg, IFLA_NET_NS_FD, v->netns_fd))
		return -ENOMEM;
	nla_nest_end(msg, peer);
	return 0;
}

int net_veth_add(struct net *net, const struct net_veth *v)
{
	struct ifinfomsg header = { .ifi_index = v->ifindex };
	_msg_ struct nl_msg *msg = net_message(RTM_NEWLINK, CREATE, &header, sizeof(header));
	struct nlattr *info, *data;

	if (!msg || put_identity(msg, v->name, v->mac, v->mtu))
		return -ENOMEM;
	info = nla_nest_start(msg, IFLA_LINKINFO);
	if (!info || nla_put_string(msg, IFLA_INFO_KIND, "veth"))
		return -ENOMEM;
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	if (!data || put_peer(msg, v))
		return -ENOMEM;
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return net_talk(net, msg, NULL, NULL);
}

int net_bridge_add(struct net *net, const char *name, const __u8 mac[6], unsigned int mtu)
{
	struct ifinfomsg header = { 0 };
	_msg_ struct nl_msg *msg = net_message(RTM_NEWLINK, CREATE, &header, sizeof(header));
	struct nlattr *info, *data;

	if (!msg || put_identity(msg, name, mac, mtu))
		return -ENOMEM;
	info = nla_nest_start(msg, IFLA_LINKINFO);
	if (!info || nla_put_string(msg, IFLA_INFO_KIND, "bridge"))
		return -ENOMEM;
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	if (!data || nla_put_u32(msg, IFLA_BR_STP_STATE, 0) ||
	    nla_put_u32(msg, IFLA_BR_FORWARD_DELAY, 0) ||
	    nla_put_u8(msg, IFLA_BR_MCAST_SNOOPING, 0))
		return -ENOMEM;
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return net_talk(net, msg, NULL, NULL);
}

int net_link_del(struct net *net, int ifindex)
{
	struct ifinfomsg header = { .ifi_index = ifindex };
	_msg_ struct nl_msg *msg = net_message(RTM_DELLINK, 0, &header, sizeof(header));

	return msg ? net_talk(net, msg, NULL, NULL) : -ENOMEM;
}

int net_group_del(struct net *net, unsigned int group)
{
	struct ifinfomsg header = { 0 };
	_msg_ struct nl_msg *msg = net_message(RTM_DELLINK, 0, &header, sizeof(header));

	if (!msg || nla_put_u32(msg, IFLA_GROUP, group))
		return -ENOMEM;
	return net_talk(net, msg, NULL, NULL);
}

/* --- changing */

static int put_af_spec(struct nl_msg *msg, bool forwarding, bool ipv6_quiet)
{
	struct nlattr *spec = nla_nest_start(msg, IFLA_AF_SPEC), *family, *conf;

	if (!spec)
		return -ENOMEM;
	if (forwarding) {
		family = nla_nest_start(msg, AF_INET);
		conf = family ? nla_nest_start(msg, IFLA_INET_CONF) : NULL;
		if (!conf || nla_put_u32(msg, CONF_FORWARDING, 1))
			return -ENOMEM;
		nla_nest_end(msg, conf);
		nla_nest_end(msg, family);
	}
	if (ipv6_quiet) {
		family = nla_nest_start(msg, AF_INET6);
		if (!family || nla_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, ADDR_GEN_NONE))
			return -ENOMEM;
		nla_nest_end(msg, family);
	}
	nla_nest_end(msg, spec);
	return 0;
}

static int put_port_flags(struct nl_msg *msg, unsigned int flags)
{
	struct nlattr *info = nla_nest_start(msg, IFLA_LINKINFO), *data;

	if (!info || nla_put_string(msg, IFLA_INFO_SLAVE_KIND, "bridge"))
		return -ENOMEM;
	data = nla_nest_start(msg, IFLA_INFO_SLAVE_DATA);
	if (!data)
		return -ENOMEM;
	for (size_t i = 0; i < N_PORT_ATTRS; i++)
		if (nla_put_u8(msg, port_attrs[i].attr, !!(flags & port_attrs[i].flag)))
			return -ENOMEM;
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return 0;
}

/* What differs between @l and @want, without UP and the bridge port's flags. */
static int put_differences(struct nl_msg *msg, const struct net_link *l,
			   const struct net_link_want *want, bool *ret_any)
{
	bool alias = want->alias && strcmp(want->alias, l->alias);
	bool mac = want->mac && memcmp(want->mac, l->mac, 6);
	bool mtu = want->mtu && want->mtu != l->mtu;
	bool group = want->group && want->group != l->group;
	bool master = want->master && want->master != l->master;
	bool forwarding = (want->flags & NET_LINK_FORWARDING) && !l->forwarding;
	bool ipv6_quiet = (want->flags & NET_LINK_IPV6_QUIET) && !l->ipv6_quiet;

	if ((alias && nla_put(msg, IFLA_IFALIAS, strlen(want->alias), want->alias)) ||
	    (mac && nla_put(msg, IFLA_ADDRESS, 6, want->mac)) ||
	    (mtu && nla_put_u32(msg, IFLA_MTU, want->mtu)) ||
	    (group && nla_put_u32(msg, IFLA_GROUP, want->group)) ||
	    (master && nla_put_u32(msg, IFLA_MASTER, want->master)))
		return -ENOMEM;
	if ((forwarding || ipv6_quiet) && put_af_spec(msg, forwarding, ipv6_quiet))
		return -ENOMEM;
	*ret_any = alias || mac || mtu || group || master || forwarding || ipv6_quiet;
	return 0;
}

static int apply_differences(struct net *net, const struct net_link *l,
			     const struct net_link_want *want)
{
	struct ifinfomsg header = { .ifi_index = l->ifindex };
	_msg_ struct nl_msg *msg = net_message(RTM_SETLINK, 0, &header, sizeof(header));
	bool any;
	int err;

	if (!msg || put_differences(msg, l, want, &any))
		return -ENOMEM;
	if (!any)
		return 0;
	err = net_talk(net, msg, NULL, NULL);
	return err ? err : 1;
}

/* Needs RTM_NEWLINK, and the link to be a port of the bridge already. */
static int apply_port_flags(struct net *net, const struct net_link *l, const unsigned int *flags)
{
	struct ifinfomsg header = { .ifi_index = l->ifindex };
	_msg_ struct nl_msg *msg = NULL;
	int err;

	if (!flags || *flags == l->port_flags)
		return 0;
	msg = net_message(RTM_NEWLINK, 0, &header, sizeof(header));
	if (!msg || put_port_flags(msg, *flags))
		return -ENOMEM;
	err = net_talk(net, msg, NULL, NULL);
	return err ? err : 1;
}

static int apply_altname(struct net *net, const struct net_link *l, const char *altname)
{
	struct ifinfomsg header = { .ifi_index = l->ifindex };
	_msg_ struct nl_msg *msg = NULL;
	struct nlattr *list;
	int err;

	if (!altname || !strcmp(altname, l->altname) || !strcmp(altname, l->name))
		return 0;
	msg = net_message(RTM_NEWLINKPROP, CREATE | NLM_F_APPEND, &header, sizeof(header));
	list = msg ? nla_nest_start(msg, IFLA_PROP_LIST | NLA_F_NESTED) : NULL;
	if (!list || nla_put_string(msg, IFLA_ALT_IFNAME, altname))
		return -ENOMEM;
	nla_nest_end(msg, list);
	err = net_talk(net, msg, NULL, NULL);
	return err ? err : 1;
}

static int apply_up(struct net *net, const struct net_link *l)
{
	struct ifinfomsg header = { .ifi_index = l->ifindex, .ifi_flags = IFF_UP,
				    .ifi_change = IFF_UP };
	_msg_ struct nl_msg *msg = NULL;
	int err;

	if (l->up)
		return 0;
	msg = net_message(RTM_SETLINK, 0, &header, sizeof(header));
	if (!msg)
		return -ENOMEM;
	err = net_talk(net, msg, NULL, NULL);
	return err ? err : 1;
}

int net_link_apply(struct net *net, int ifindex, const struct net_link_want *want)
{
	bool joins = want->master && want->port_flags;
	struct net_link l;
	int changed = 0, err;

	err = net_link_get(net, ifindex, &l);
	if (err)
		return err;
	err = apply_differences(net, &l, want);
	if (err < 0)
		return err;
	changed |= err;
	if (joins && l.master != want->master)	/* a new port starts with the bridge's defaults */
		l.port_flags = ~0U;
	err = apply_port_flags(net, &l, want->port_flags);
	if (err < 0)
		return err;
	changed |= err;
	err = apply_altname(net, &l, want->altname);
	if (err < 0)
		return err;
	changed |= err;
	if (want->flags & NET_LINK_UP)
		err = apply_up(net, &l);
	return err < 0 ? err : changed | err;
}
