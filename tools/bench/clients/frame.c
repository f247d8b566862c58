// SPDX-License-Identifier: GPL-2.0-only
/* Messages of DHCP clients, and what servers answer. */
#include <arpa/inet.h>
#include <string.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include "farm.h"

#define BOOTP_MIN	300	/* RFC 1542 2.1 */
#define COOKIE		0x63825363
#define OPTIONS_AT	(sizeof(struct bootp_frame))

struct bootp_frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	__u8   op, htype, hlen, hops;
	__be32 xid;
	__be16 secs, flags;
	__be32 ciaddr, yiaddr, siaddr, giaddr;
	__u8   chaddr[16], sname[64], file[128];
	__be32 cookie;
} __attribute__((packed));

struct arp_frame {
	struct ethhdr eth;
	__be16 hrd, pro;
	__u8   hln, pln;
	__be16 op;
	__u8   sha[6];
	__be32 spa;
	__u8   tha[6];
	__be32 tpa;
} __attribute__((packed));

static __u8 *put(__u8 *at, __u8 code, const void *value, __u8 len)
{
	at[0] = code;
	at[1] = len;
	memcpy(at + 2, value, len);
	return at + 2 + len;
}

static __sum16 ip_checksum(const void *header)
{
	const __u8 *b = header;
	__u32 sum = 0;

	for (unsigned int i = 0; i < sizeof(struct iphdr); i += 2)
		sum += b[i] << 8 | b[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return htons(~(sum + (sum >> 16)));
}

/* A client that has an address speaks from it to its server alone. */
static void put_headers(const struct site *s, const struct client *c, bool bound, size_t len,
			struct bootp_frame *f)
{
	memset(f->eth.h_dest, 0xff, ETH_ALEN);
	if (bound)
		memcpy(f->eth.h_dest, s->server_mac, ETH_ALEN);
	memcpy(f->eth.h_source, c->mac, ETH_ALEN);
	f->eth.h_proto = htons(ETH_P_IP);
	f->ip = (struct iphdr) {
		.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
		.tot_len = htons(len - ETH_HLEN),
		.saddr = bound ? c->ip : 0, .daddr = bound ? s->server : htonl(INADDR_BROADCAST),
	};
	f->ip.check = ip_checksum((__u8 *)f + ETH_HLEN);
	f->udp = (struct udphdr) {	/* 0: without a checksum */
		.source = htons(68), .dest = htons(67), .len = htons(len - ETH_HLEN - sizeof(f->ip)),
	};
}

size_t frame_build(const struct site *s, const struct client *c, enum dhcp_kind kind, __u8 *frame)
{
	static const __u8 asked[] = { 1, 3, 6, 15, 26, 28, 51, 58, 59 };
	struct bootp_frame *f = (void *)frame;
	bool bound = kind == RELEASE || (kind == REQUEST && !c->offered);
	size_t len = offsetof(struct bootp_frame, op) + BOOTP_MIN;
	__u8 *at = frame + OPTIONS_AT, type = kind;

	memset(frame, 0, len);
	put_headers(s, c, bound, len, f);
	f->op = f->htype = 1;
	f->hlen = ETH_ALEN;
	f->xid = htonl(c->xid);
	f->ciaddr = bound ? c->ip : 0;
	memcpy(f->chaddr, c->mac, ETH_ALEN);
	f->cookie = htonl(COOKIE);
	at = put(at, 53, &type, 1);
	if (kind == RELEASE || (kind == REQUEST && c->offered))
		at = put(at, 54, &s->server, 4);
	if (kind == REQUEST && c->offered)
		at = put(at, 50, &c->offered, 4);
	if (kind != RELEASE)
		at = put(at, 55, asked, sizeof(asked));
	*at = 255;
	return len;
}

static void read_options(const __u8 *at, const __u8 *end, struct dhcp_seen *ret)
{
	while (at + 2 <= end && *at != 255) {
		if (!*at) {
			at++;
			continue;
		}
		if (at + 2 + at[1] > end)
			return;
		if (at[0] == 53 && at[1] == 1)
			ret->kind = at[2];
		if (at[0] == 54 && at[1] == 4)
			memcpy(&ret->server, at + 2, 4);
		at += 2 + at[1];
	}
}

bool frame_read(const __u8 *frame, size_t len, struct dhcp_seen *ret)
{
	const struct bootp_frame *f = (const void *)frame;

	if (len < OPTIONS_AT || f->eth.h_proto != htons(ETH_P_IP) ||
	    f->ip.protocol != IPPROTO_UDP || f->ip.ihl != 5 || f->udp.dest != htons(68) ||
	    f->op != 2 || f->cookie != htonl(COOKIE))
		return false;
	*ret = (struct dhcp_seen) { .xid = ntohl(f->xid), .ip = f->yiaddr };
	memcpy(ret->mac, f->chaddr, sizeof(ret->mac));
	read_options(frame + OPTIONS_AT, frame + len, ret);
	return ret->kind;
}

bool frame_is_arp(const __u8 *frame, size_t len, __be32 *ret_ip)
{
	const struct arp_frame *f = (const void *)frame;

	if (len < sizeof(*f) || f->eth.h_proto != htons(ETH_P_ARP) || f->op != htons(1))
		return false;
	*ret_ip = f->tpa;
	return true;
}

size_t frame_answer_arp(const struct client *c, const __u8 *request, __u8 *frame)
{
	const struct arp_frame *q = (const void *)request;
	struct arp_frame *f = (void *)frame;

	*f = *q;
	memcpy(f->eth.h_dest, q->eth.h_source, ETH_ALEN);
	memcpy(f->eth.h_source, c->mac, ETH_ALEN);
	f->op = htons(2);
	memcpy(f->sha, c->mac, ETH_ALEN);
	f->spa = q->tpa;
	memcpy(f->tha, q->sha, ETH_ALEN);
	f->tpa = q->spa;
	return sizeof(*f);
}
