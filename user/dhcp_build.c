// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writing replies.  Nothing of the request's options area is reused, so no
 * byte of it can come back (option 80 in an OFFER makes systemd-networkd
 * ignore it for ever).  The checksums are always full ones: clients that read
 * raw packets drop the others.
 */
#include "dhcp_choose.h"
#include "dhcp_msg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>

#define HEADERS_SIZE	(sizeof(struct ether_header) + sizeof(struct iphdr) + sizeof(struct udphdr))
#define IP_UDP_SIZE	(sizeof(struct iphdr) + sizeof(struct udphdr))
#define MTU_MAX		1500
#define REPLY_TTL	64

_Static_assert(sizeof(struct ether_header) + MTU_MAX <= CV_FRAME_SIZE, "a reply fits in a frame");

static void put_options(struct dhcp_writer *w, const struct dhcp_msg *req,
			const struct dhcp_answer *a)
{
	__u8 type = (__u8)a->type;

	dhcp_put_option(w, CV_DHCP_OPT_MESSAGE_TYPE, &type, sizeof(type));
	dhcp_put_option(w, CV_DHCP_OPT_SERVER_ID, &a->server, sizeof(a->server));
	if (a->lease_s) {
		dhcp_put_u32(w, CV_DHCP_OPT_LEASE_TIME, a->lease_s);
		dhcp_put_u32(w, CV_DHCP_OPT_RENEWAL_TIME, CV_DHCP_T1(a->lease_s));
		dhcp_put_u32(w, CV_DHCP_OPT_REBINDING_TIME, CV_DHCP_T2(a->lease_s));
	}
	if (a->rapid)
		dhcp_put_option(w, CV_DHCP_OPT_RAPID_COMMIT, "", 0);
	if (a->text)
		dhcp_put_option(w, CV_DHCP_OPT_MESSAGE, a->text, strlen(a->text));
	dhcp_put_echo(w, req, CV_DHCP_OPT_CLIENT_ID);	/* RFC 6842 */
	dhcp_put_chosen(w, req, a);
	dhcp_put_end(w, req);
}

static struct cv_dhcp reply_header(const struct dhcp_msg *req, const struct dhcp_answer *a)
{
	struct cv_dhcp h = {
		.op = CV_DHCP_REPLY_OP,
		.htype = CV_DHCP_HTYPE_ETHERNET,
		.hlen = CV_DHCP_HLEN_ETHERNET,
		.xid = req->hdr.xid,
		.flags = req->hdr.flags,
		.ciaddr = a->type == CV_DHCP_ACK ? req->hdr.ciaddr : 0,
		.yiaddr = a->yiaddr,
		.siaddr = a->type == CV_DHCP_NAK ? 0 :
			  a->boot && a->boot->server ? a->boot->server : a->server,
		.giaddr = req->hdr.giaddr,
		.magic = htonl(CV_DHCP_MAGIC),
	};

	/* What lies behind the address has no meaning, so it does not come back. */
	memcpy(h.chaddr, req->hdr.chaddr, CV_DHCP_HLEN_ETHERNET);
	if (a->boot && strlen(a->boot->file) < sizeof(h.file))
		memcpy(h.file, a->boot->file, strlen(a->boot->file));
	if (a->type == CV_DHCP_NAK && h.giaddr)	/* the relay must broadcast it */
		h.flags |= htons(CV_DHCP_FLAG_BROADCAST);
	return h;
}

/* --- RFC 2131 4.1: whom to send it to */

struct target {
	__u8 mac[6];
	__be32 ip;
	__u16 port;
};

static struct target choose_target(const struct dhcp_msg *req, const struct dhcp_answer *a)
{
	struct target t = { .port = CV_DHCP_CLIENT_PORT, .ip = htonl(INADDR_BROADCAST) };

	memcpy(t.mac, req->hdr.chaddr, sizeof(t.mac));
	if (req->hdr.giaddr) {
		t.ip = req->hdr.giaddr;
		t.port = CV_DHCP_SERVER_PORT;
		memcpy(t.mac, req->smac, sizeof(t.mac));
	} else if (a->type == CV_DHCP_NAK) {
		memset(t.mac, 0xff, sizeof(t.mac));
	} else if (req->hdr.ciaddr) {
		t.ip = req->hdr.ciaddr;
	} else if (req->hdr.flags & htons(CV_DHCP_FLAG_BROADCAST)) {
		memset(t.mac, 0xff, sizeof(t.mac));
	} else {
		t.ip = a->yiaddr;
	}
	return t;
}

/* --- headers below */

static __u32 sum_words(const void *data, size_t len, __u32 sum)
{
	const __u8 *p = data;

	for (; len > 1; p += 2, len -= 2)
		sum += (__u32)p[0] << 8 | p[1];
	if (len)
		sum += (__u32)p[0] << 8;
	return sum;
}

static __be16 fold(__u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((__u16)~sum);
}

static __be16 udp_checksum(const struct iphdr *ip, const struct udphdr *udp,
			   const __u8 *payload, size_t len)
{
	__u32 sum = IPPROTO_UDP + ntohs(udp->len);
	__be16 check;

	sum = sum_words(&ip->saddr, sizeof(ip->saddr), sum);
	sum = sum_words(&ip->daddr, sizeof(ip->daddr), sum);
	sum = sum_words(udp, sizeof(*udp), sum);
	check = fold(sum_words(payload, len, sum));
	return check ? check : 0xffff;	/* 0 would say that there is none */
}

static void write_headers(__u8 *frame, const struct dhcp_answer *a, const struct target *t,
			  size_t payload_len)
{
	__u8 *payload = frame + HEADERS_SIZE;
	struct ether_header eth = { .ether_type = htons(ETHERTYPE_IP) };
	struct iphdr ip = {
		.version = 4, .ihl = 5, .ttl = REPLY_TTL, .protocol = IPPROTO_UDP,
		.tot_len = htons((__u16)(IP_UDP_SIZE + payload_len)),
		.saddr = a->server, .daddr = t->ip,
	};
	struct udphdr udp = {
		.source = htons(CV_DHCP_SERVER_PORT), .dest = htons(t->port),
		.len = htons((__u16)(sizeof(udp) + payload_len)),
	};

	memcpy(eth.ether_dhost, t->mac, sizeof(eth.ether_dhost));
	memcpy(eth.ether_shost, a->server_mac, sizeof(eth.ether_shost));
	ip.check = fold(sum_words(&ip, sizeof(ip), 0));
	udp.check = udp_checksum(&ip, &udp, payload, payload_len);

	memcpy(frame, &eth, sizeof(eth));
	memcpy(frame + sizeof(eth), &ip, sizeof(ip));
	memcpy(frame + sizeof(eth) + sizeof(ip), &udp, sizeof(udp));
}

/* How much UDP payload the client takes (option 57 counts IP and UDP too). */
static size_t payload_limit(const struct dhcp_msg *req, const struct dhcp_answer *a)
{
	size_t mtu = a->mtu && a->mtu < MTU_MAX ? a->mtu : MTU_MAX;
	struct dhcp_value v = dhcp_msg_value(req, CV_DHCP_OPT_MAX_SIZE);
	size_t size;

	if (v.len != 2)
		return CV_DHCP_REPLY_MAX;
	size = (size_t)v.bytes[0] << 8 | v.bytes[1];
	if (size < CV_DHCP_REPLY_MAX + IP_UDP_SIZE)
		return CV_DHCP_REPLY_MAX;
	size = (size < mtu ? size : mtu) - IP_UDP_SIZE;
	return size < CV_DHCP_REPLY_MAX ? CV_DHCP_REPLY_MAX : size;
}

int dhcp_msg_build(const struct dhcp_msg *req, const struct dhcp_answer *a, __u8 *frame)
{
	struct cv_dhcp header = reply_header(req, a);
	struct target target = choose_target(req, a);
	struct dhcp_writer w = { .bytes = frame + HEADERS_SIZE, .size = payload_limit(req, a) };
	size_t padded;

	dhcp_put_bytes(&w, &header, sizeof(header));
	put_options(&w, req, a);
	if (w.overflow)
		return -EMSGSIZE;

	padded = w.len <= CV_DHCP_REPLY_MIN ? CV_DHCP_REPLY_MIN :
		 w.len <= CV_DHCP_REPLY_MAX ? CV_DHCP_REPLY_MAX : w.len;
	memset(w.bytes + w.len, 0, padded - w.len);
	write_headers(frame, a, &target, padded);
	return (int)(HEADERS_SIZE + padded);
}
