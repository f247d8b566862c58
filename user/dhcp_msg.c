// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading: the options area, then `file`, then `sname` are walked twice, once
 * to measure and once to copy, so that the parts of a split option come to lie
 * one behind the other whatever stands between them.
 */
#include "dhcp_msg.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>

#define OVERLOAD_FILE	1
#define OVERLOAD_SNAME	2

struct span {
	const __u8 *bytes;
	size_t len;
};

/* --- frame */

/* Cuts @n bytes off the front of @s into @to.  False when it is shorter. */
static bool take(struct span *s, void *to, size_t n)
{
	if (s->len < n)
		return false;
	memcpy(to, s->bytes, n);
	s->bytes += n;
	s->len -= n;
	return true;
}

static bool ip_is_ours(const struct iphdr *ip, size_t len)
{
	return ip->version == 4 && ip->ihl >= 5 && ip->protocol == IPPROTO_UDP &&
	       !(ip->frag_off & htons(IP_MF | IP_OFFMASK)) &&
	       ntohs(ip->tot_len) >= ip->ihl * 4U && ntohs(ip->tot_len) <= len;
}

/* Leaves the UDP payload in @s. */
static int open_frame(struct span *s, struct dhcp_msg *m)
{
	struct ether_header eth;
	struct iphdr ip;
	struct udphdr udp;
	size_t ip_options;

	if (!take(s, &eth, sizeof(eth)) || eth.ether_type != htons(ETHERTYPE_IP))
		return -EBADMSG;
	memcpy(m->smac, eth.ether_shost, sizeof(m->smac));
	memcpy(m->dmac, eth.ether_dhost, sizeof(m->dmac));

	if (s->len < sizeof(ip))
		return -EBADMSG;
	memcpy(&ip, s->bytes, sizeof(ip));
	if (!ip_is_ours(&ip, s->len))
		return -EBADMSG;
	s->len = ntohs(ip.tot_len);	/* what follows is Ethernet's padding */
	ip_options = ip.ihl * 4U;
	s->bytes += ip_options;
	s->len -= ip_options;
	m->saddr = ip.saddr;
	m->daddr = ip.daddr;

	if (!take(s, &udp, sizeof(udp)) || udp.dest != htons(CV_DHCP_SERVER_PORT) ||
	    ntohs(udp.len) != sizeof(udp) + s->len)
		return -EBADMSG;
	return 0;
}

/* --- options */

/* What is done with each option of an area. */
typedef void (*option_fn)(struct dhcp_msg *m, __u8 code, const __u8 *value, size_t len);

/* What decides is never split, nor given as an empty part of a split one. */
static bool part_ok(__u8 code, __u8 len)
{
	switch (code) {
	case CV_DHCP_OPT_MESSAGE_TYPE:
		return len == 1;
	case CV_DHCP_OPT_REQUESTED_IP:
	case CV_DHCP_OPT_SERVER_ID:
		return len == 4;
	default:
		return true;
	}
}

/* Return: 1 when the area has an end, 0 when it stops without, -EBADMSG */
static int walk_area(struct dhcp_msg *m, struct span s, option_fn fn)
{
	__u8 code, len;

	while (take(&s, &code, 1)) {
		if (code == CV_DHCP_OPT_PAD)
			continue;
		if (code == CV_DHCP_OPT_END)
			return 1;
		if (!take(&s, &len, 1) || s.len < len || !part_ok(code, len))
			return -EBADMSG;
		fn(m, code, s.bytes, len);
		s.bytes += len;
		s.len -= len;
	}
	return 0;
}

static int walk_all(struct dhcp_msg *m, struct span options, __u8 overload, option_fn fn)
{
	struct span file = { m->hdr.file, sizeof(m->hdr.file) };
	struct span sname = { m->hdr.sname, sizeof(m->hdr.sname) };
	int err = walk_area(m, options, fn);

	/* In these areas some clients leave the end out. */
	if (err >= 0 && (overload & OVERLOAD_FILE))
		err = walk_area(m, file, fn);
	if (err >= 0 && (overload & OVERLOAD_SNAME))
		err = walk_area(m, sname, fn);
	return err < 0 ? err : 0;
}

static void measure(struct dhcp_msg *m, __u8 code, const __u8 *value, size_t len)
{
	m->at[code] = 1;	/* there; where is decided by lay_out() */
	m->len[code] = (__u16)(m->len[code] + len);
}

/* len[] counts again from zero, as copy() fills. */
static int lay_out(struct dhcp_msg *m)
{
	size_t next = 1;

	for (int code = 0; code < 256; code++) {
		if (!m->at[code])
			continue;
		m->at[code] = (__u16)next;
		next += m->len[code];
		m->len[code] = 0;
	}
	return next <= sizeof(m->values) ? 0 : -EBADMSG;
}

static void copy(struct dhcp_msg *m, __u8 code, const __u8 *value, size_t len)
{
	memcpy(&m->values[m->at[code] + m->len[code]], value, len);
	m->len[code] = (__u16)(m->len[code] + len);
}

static void read_overload(struct dhcp_msg *m, __u8 code, const __u8 *value, size_t len)
{
	if (code != CV_DHCP_OPT_OVERLOAD)
		return;
	m->at[code] = 1;
	m->len[code] = len == 1 && value[0] <= 3 ? value[0] : 0;
}

static int read_options(struct span s, struct dhcp_msg *m)
{
	__u8 overload;
	int err = walk_area(m, s, read_overload);

	if (err <= 0)
		return -EBADMSG;
	overload = (__u8)m->len[CV_DHCP_OPT_OVERLOAD];
	m->at[CV_DHCP_OPT_OVERLOAD] = 0;
	m->len[CV_DHCP_OPT_OVERLOAD] = 0;

	err = walk_all(m, s, overload, measure);
	if (!err)
		err = lay_out(m);
	return err ? err : walk_all(m, s, overload, copy);
}

struct dhcp_value dhcp_msg_value(const struct dhcp_msg *m, enum cv_dhcp_option code)
{
	if (!m->at[code])
		return (struct dhcp_value) { NULL, 0 };
	return (struct dhcp_value) { &m->values[m->at[code]], m->len[code] };
}

__be32 dhcp_msg_ip(const struct dhcp_msg *m, enum cv_dhcp_option code)
{
	struct dhcp_value v = dhcp_msg_value(m, code);
	__be32 ip = 0;

	if (v.len == sizeof(ip))
		memcpy(&ip, v.bytes, sizeof(ip));
	return ip;
}

bool dhcp_msg_wants(const struct dhcp_msg *m, __u8 code)
{
	struct dhcp_value list = dhcp_msg_value(m, CV_DHCP_OPT_PARAMETERS);

	return list.len && memchr(list.bytes, code, list.len);
}

static bool length_ok(const struct dhcp_msg *m, enum cv_dhcp_option code, size_t len)
{
	return !m->at[code] || m->len[code] == len;
}

int dhcp_msg_parse(const __u8 *frame, size_t len, struct dhcp_msg *ret)
{
	struct span s = { frame, len };
	struct dhcp_value type;
	int err;

	memset(ret, 0, sizeof(*ret));
	err = open_frame(&s, ret);
	if (err)
		return err;
	if (!take(&s, &ret->hdr, sizeof(ret->hdr)) ||
	    ret->hdr.op != CV_DHCP_REQUEST_OP ||
	    ret->hdr.htype != CV_DHCP_HTYPE_ETHERNET ||
	    ret->hdr.hlen != CV_DHCP_HLEN_ETHERNET ||
	    ret->hdr.magic != htonl(CV_DHCP_MAGIC))
		return -EBADMSG;
	err = read_options(s, ret);
	if (err)
		return err;

	type = dhcp_msg_value(ret, CV_DHCP_OPT_MESSAGE_TYPE);
	if (type.len != 1 || !length_ok(ret, CV_DHCP_OPT_REQUESTED_IP, 4) ||
	    !length_ok(ret, CV_DHCP_OPT_SERVER_ID, 4))
		return -EBADMSG;
	ret->type = type.bytes[0];
	/* Some clients set it where they must not. */
	if (ret->type == CV_DHCP_DISCOVER || ret->at[CV_DHCP_OPT_REQUESTED_IP])
		ret->hdr.ciaddr = 0;
	return 0;
}

static enum dhcp_intent request_intent(const struct dhcp_msg *m)
{
	/* Some clients name the server when they renew. */
	if (m->at[CV_DHCP_OPT_SERVER_ID] && (m->at[CV_DHCP_OPT_REQUESTED_IP] || !m->hdr.ciaddr))
		return DHCP_INTENT_SELECT;
	if (m->at[CV_DHCP_OPT_REQUESTED_IP])
		return DHCP_INTENT_REBOOT;
	if (!m->hdr.ciaddr)
		return DHCP_INTENT_NONE;
	return m->dmac[0] & 1 ? DHCP_INTENT_REBIND : DHCP_INTENT_RENEW;
}

enum dhcp_intent dhcp_msg_intent(const struct dhcp_msg *m)
{
	switch (m->type) {
	case CV_DHCP_DISCOVER:
		return DHCP_INTENT_DISCOVER;
	case CV_DHCP_REQUEST:
		return request_intent(m);
	case CV_DHCP_DECLINE:
		return DHCP_INTENT_DECLINE;
	case CV_DHCP_RELEASE:
		return DHCP_INTENT_RELEASE;
	case CV_DHCP_INFORM:
		return DHCP_INTENT_INFORM;
	default:
		return DHCP_INTENT_NONE;
	}
}

/* --- the client's name */

/* The first label of a name in option 81 (RFC 4702): text, or DNS wire format. */
static struct dhcp_value fqdn_label(const struct dhcp_msg *m)
{
	struct dhcp_value v = dhcp_msg_value(m, CV_DHCP_OPT_FQDN);

	if (v.len < 4)
		return (struct dhcp_value) { NULL, 0 };
	if (!(v.bytes[0] & 4))	/* the E bit */
		return (struct dhcp_value) { v.bytes + 3, v.len - 3 };
	if (v.bytes[3] > v.len - 4)
		return (struct dhcp_value) { NULL, 0 };
	return (struct dhcp_value) { v.bytes + 4, v.bytes[3] };
}

void dhcp_msg_hostname(const struct dhcp_msg *m, char ret[DHCP_HOSTNAME_SIZE])
{
	struct dhcp_value v = fqdn_label(m);
	size_t n = 0;

	if (!v.len)
		v = dhcp_msg_value(m, CV_DHCP_OPT_HOSTNAME);
	for (size_t i = 0; i < v.len && n < DHCP_HOSTNAME_SIZE - 1; i++) {
		int c = v.bytes[i];

		if (c == '.' || !c)
			break;
		if (isascii(c) && isalnum(c))
			ret[n++] = (char)tolower(c);
		else if (n)	/* none in front */
			ret[n++] = '-';
	}
	while (n && ret[n - 1] == '-')
		n--;
	ret[n] = '\0';
}
