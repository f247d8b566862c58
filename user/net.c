// SPDX-License-Identifier: GPL-2.0-only
/*
 * Talking rtnetlink.  libnl keeps the socket, builds and walks messages; its
 * objects for links cannot say all we need (a chosen index for both ends of a
 * veth, alternative names, per-link forwarding), and its error numbers lose
 * the kernel's, so requests are built from attributes and errors are read
 * from the message itself.
 */
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <string.h>

#include "mem.h"
#include "net.h"
#include "net_internal.h"
#include "netns.h"

/* Extended acknowledgements, in case the headers are older than 4.12. */
#define ACK_CAPPED	0x100
#define ACK_TLVS	0x200
#define ACK_TLV_MSG	1

#define BUFFER_BYTES	(256 * 1024)

struct net {
	struct nl_sock *sock;
	char reason[160];
};

struct nl_msg *net_message(int type, int flags, const void *header, size_t size)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (msg && nlmsg_append(msg, (void *)header, size, NLMSG_ALIGNTO)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int net_open(int netns_fd, struct net **ret_net)
{
	_netns_ int back = -1;
	struct net *net;
	int err;

	if (netns_fd >= 0) {
		err = netns_switch(netns_fd, &back);
		if (err)
			return err;
	}
	net = calloc(1, sizeof(*net));
	if (!net)
		return -ENOMEM;
	net->sock = nl_socket_alloc();
	if (!net->sock || nl_connect(net->sock, NETLINK_ROUTE)) {
		err = net->sock ? -errno : -ENOMEM;
		net_close(net);
		return err ? err : -EIO;
	}
	nl_socket_set_buffer_size(net->sock, BUFFER_BYTES, 0);
	nl_socket_set_msg_buf_size(net->sock, BUFFER_BYTES);
	setsockopt(nl_socket_get_fd(net->sock), SOL_NETLINK, NETLINK_EXT_ACK, &(int){ 1 },
		   sizeof(int));
	*ret_net = net;
	return 0;
}

void net_close(struct net *net)
{
	if (!net)
		return;
	nl_socket_free(net->sock);
	free(net);
}

const char *net_reason(const struct net *net)
{
	return net->reason;
}

/* One request under way. */
struct talk {
	struct net *net;
	int (*fn)(const struct nlmsghdr *nlh, void *arg);
	void *arg;
	__u32 seq;
	int ret;
	bool done;
};

/* What belongs to an earlier request, one that was given up, is passed over. */
static int on_sequence(struct nl_msg *msg, void *arg)
{
	return nlmsg_hdr(msg)->nlmsg_seq == ((struct talk *)arg)->seq ? NL_OK : NL_SKIP;
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct talk *t = arg;

	if (!t->ret && t->fn)
		t->ret = t->fn(nlmsg_hdr(msg), t->arg);
	return NL_OK;
}

static int on_end(struct nl_msg *msg, void *arg)
{
	((struct talk *)arg)->done = true;
	return NL_STOP;
}

/* The kernel's words stand behind the error, and behind our request when it is echoed. */
static void read_reason(struct net *net, const struct nlmsghdr *nlh, const struct nlmsgerr *e)
{
	size_t skip = sizeof(*e);
	struct nlattr *text;

	if (!(nlh->nlmsg_flags & ACK_TLVS))
		return;
	if (!(nlh->nlmsg_flags & ACK_CAPPED))
		skip += e->msg.nlmsg_len - sizeof(e->msg);
	if (NLMSG_HDRLEN + NLMSG_ALIGN(skip) >= nlh->nlmsg_len)
		return;
	text = nlmsg_find_attr((struct nlmsghdr *)nlh, NLMSG_ALIGN(skip), ACK_TLV_MSG);
	if (text)
		snprintf(net->reason, sizeof(net->reason), "%.*s", nla_len(text),
			 (char *)nla_data(text));
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct talk *t = arg;

	read_reason(t->net, (struct nlmsghdr *)((char *)e - NLMSG_HDRLEN), e);
	if (!t->ret)
		t->ret = e->error;
	t->done = true;
	return NL_STOP;
}

int net_talk(struct net *net, struct nl_msg *msg,
	     int (*fn)(const struct nlmsghdr *nlh, void *arg), void *arg)
{
	struct talk t = { .net = net, .fn = fn, .arg = arg };
	struct nl_cb *cb;
	int n;

	net->reason[0] = '\0';
	n = nl_send_auto(net->sock, msg);
	if (n < 0)
		return n == -NLE_NOMEM ? -ENOMEM : -EIO;
	t.seq = nlmsg_hdr(msg)->nlmsg_seq;
	cb = nl_cb_alloc(NL_CB_DEFAULT);
	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_sequence, &t);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, &t);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_end, &t);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_end, &t);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, &t);
	while (!t.done) {
		n = nl_recvmsgs(net->sock, cb);
		/* A dump that changed under us: what it showed is still true of its time. */
		if (n < 0 && n != -NLE_DUMP_INTR && !t.done) {
			t.ret = -EIO;
			break;
		}
	}
	nl_cb_put(cb);
	return t.ret;
}

/* --- addresses */

struct address_walk {
	int (*fn)(const struct net_address *a, void *arg);
	void *arg;
};

static int on_address(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrmsg *ifa = nlmsg_data(nlh);
	struct nlattr *local = nlmsg_find_attr((struct nlmsghdr *)nlh, sizeof(*ifa), IFA_LOCAL);
	struct address_walk *w = arg;
	struct net_address a = {
		.ifindex = ifa->ifa_index,
		.mask = htonl(ifa->ifa_prefixlen ? ~0U << (32 - ifa->ifa_prefixlen) : 0),
		.primary = !(ifa->ifa_flags & IFA_F_SECONDARY) &&
			   ifa->ifa_scope == RT_SCOPE_UNIVERSE,
	};

	if (nlh->nlmsg_type != RTM_NEWADDR || ifa->ifa_family != AF_INET || !local)
		return 0;
	a.ip = nla_get_u32(local);
	return w->fn(&a, w->arg);
}

int net_address_each(struct net *net, int (*fn)(const struct net_address *a, void *arg), void *arg)
{
	struct ifaddrmsg header = { .ifa_family = AF_INET };
	struct address_walk w = { fn, arg };
	_msg_ struct nl_msg *msg = net_message(RTM_GETADDR, NLM_F_DUMP, &header, sizeof(header));

	return msg ? net_talk(net, msg, on_address, &w) : -ENOMEM;
}

static int address_change(struct net *net, int type, int flags, int ifindex, __be32 ip, __be32 mask)
{
	struct ifaddrmsg header = {
		.ifa_family = AF_INET,
		.ifa_prefixlen = __builtin_popcount(mask),
		.ifa_index = ifindex,
	};
	_msg_ struct nl_msg *msg = net_message(type, flags, &header, sizeof(header));

	if (!msg || nla_put_u32(msg, IFA_LOCAL, ip) || nla_put_u32(msg, IFA_ADDRESS, ip))
		return -ENOMEM;
	return net_talk(net, msg, NULL, NULL);
}

int net_address_add(struct net *net, int ifindex, __be32 ip, __be32 mask)
{
	int err = address_change(net, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, ip, mask);

	if (err == -EEXIST)
		return 0;
	return err ? err : 1;
}

int net_address_del(struct net *net, int ifindex, __be32 ip, __be32 mask)
{
	return address_change(net, RTM_DELADDR, 0, ifindex, ip, mask);
}

/* --- routes */

struct route_walk {
	int (*fn)(const struct net_route *r, void *arg);
	void *arg;
};

/* A route with several next hops is reported once for each. */
static int each_nexthop(struct nlattr *multipath, struct net_route *r, struct route_walk *w)
{
	struct rtnexthop *hop = nla_data(multipath);
	int left = nla_len(multipath);
	int err = 0;

	while (!err && left >= (int)sizeof(*hop) && hop->rtnh_len >= sizeof(*hop) &&
	       hop->rtnh_len <= left) {
		r->ifindex = hop->rtnh_ifindex;
		err = w->fn(r, w->arg);
		left -= NLMSG_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
	return err;
}

static int on_route(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *rtm = nlmsg_data(nlh);
	struct nlattr *tb[RTA_MAX + 1];
	struct route_walk *w = arg;
	struct net_route r = {
		.mask = htonl(rtm->rtm_dst_len ? ~0U << (32 - rtm->rtm_dst_len) : 0),
		.table = rtm->rtm_table,
		.on_link = rtm->rtm_scope == RT_SCOPE_LINK,
	};

	if (nlh->nlmsg_type != RTM_NEWROUTE || rtm->rtm_type != RTN_UNICAST ||
	    nlmsg_parse((struct nlmsghdr *)nlh, sizeof(*rtm), tb, RTA_MAX, NULL))
		return 0;
	if (tb[RTA_TABLE])
		r.table = nla_get_u32(tb[RTA_TABLE]);
	if (r.table == RT_TABLE_LOCAL)
		return 0;
	if (tb[RTA_DST])
		r.dst = nla_get_u32(tb[RTA_DST]);
	if (tb[RTA_MULTIPATH])
		return each_nexthop(tb[RTA_MULTIPATH], &r, w);
	if (tb[RTA_OIF])
		r.ifindex = nla_get_u32(tb[RTA_OIF]);
	return w->fn(&r, w->arg);
}

int net_route_each(struct net *net, int (*fn)(const struct net_route *r, void *arg), void *arg)
{
	struct rtmsg header = { .rtm_family = AF_INET };
	struct route_walk w = { fn, arg };
	_msg_ struct nl_msg *msg = net_message(RTM_GETROUTE, NLM_F_DUMP, &header, sizeof(header));

	return msg ? net_talk(net, msg, on_route, &w) : -ENOMEM;
}

/* --- bridge entries */

int net_bridge_pin_mac(struct net *net, int ifindex, const __u8 mac[6])
{
	struct ndmsg header = {
		.ndm_family = AF_BRIDGE,
		.ndm_ifindex = ifindex,
		.ndm_state = NUD_NOARP,
		.ndm_flags = NTF_MASTER,
	};
	_msg_ struct nl_msg *msg = net_message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE,
					       &header, sizeof(header));

	if (!msg || nla_put(msg, NDA_LLADDR, 6, mac))
		return -ENOMEM;
	return net_talk(net, msg, NULL, NULL);
}
