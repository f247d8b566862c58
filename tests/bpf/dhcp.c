// SPDX-License-Identifier: GPL-2.0-only
/* Builds DHCP messages from the RFC's text; shares no code with bpf/ or user/. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "dhcp.h"

#define COOKIE	0x63825363
#define FIXED	240

/* --- messages */

static void put_junk(__u8 *m)
{
	m[3] = 3;			/* hops */
	put16(m + 8, 77);		/* secs */
	put32(m + 16, 0xdeadbeef);	/* yiaddr */
	put32(m + 20, 0xdeadbeef);	/* siaddr */
	memset(m + 34, 0xbe, 10);	/* behind the MAC in chaddr */
	memset(m + 44, 'S', 64);	/* sname */
	memset(m + 108, 'F', 128);	/* file */
}

unsigned int request_build(const struct request *r, __u8 *frame)
{
	__u8 m[PACKET_MAX] = {};
	struct packet p = {
		.dmac = r->daddr && r->daddr != 0xffffffff ? GATEWAY_MAC : ALL_MAC,
		.smac = r->smac ? r->smac : ANN_MAC,
		.saddr = r->saddr, .daddr = r->daddr ? r->daddr : 0xffffffff,
		.proto = UDP, .sport = r->sport ? r->sport : 68, .dport = 67, .data = m,
		.len = FIXED + r->options_len,
		.trailer = r->trailer, .frag = r->frag, .no_csum = r->no_csum,
		.options = r->ip_options ? "\x01\x01\x01\x00" : NULL,
		.options_len = r->ip_options ? 4 : 0,
	};

	if (r->junk)
		put_junk(m);
	m[0] = r->op ? r->op : 1;
	m[1] = r->htype ? r->htype : 1;
	m[2] = r->hlen ? r->hlen : 6;
	put32(m + 4, XID);
	put16(m + 10, r->flags);
	put32(m + 12, r->ciaddr);
	put32(m + 24, r->giaddr);
	put48(m + 28, r->chaddr ? r->chaddr : p.smac);
	put32(m + 236, r->magic ? r->magic : COOKIE);
	memcpy(m + FIXED, r->options, r->options_len);
	return packet_build(&p, frame);
}

static __u8 *option(__u8 *at, __u8 code, const void *value, __u8 len)
{
	at[0] = code;
	at[1] = len;
	memcpy(at + 2, value, len);
	return at + 2 + len;
}

static __u8 *option32(__u8 *at, __u8 code, __u32 value)
{
	__u8 bytes[4];

	put32(bytes, value);
	return option(at, code, bytes, 4);
}

unsigned int reply_build(const struct reply *r, __u8 *frame)
{
	__u8 m[PACKET_MAX] = {}, *at = m + FIXED;
	const void *blob = r->blob ? r->blob : OPTIONS_OF_NET;
	unsigned int blob_len = r->blob ? r->blob_len : sizeof(OPTIONS_OF_NET) - 1;
	struct packet p = {
		.dmac = r->dmac ? r->dmac : ANN_MAC, .smac = GATEWAY_MAC,
		.saddr = GATEWAY, .daddr = r->daddr ? r->daddr : ANN_IP,
		.proto = UDP, .sport = 67, .dport = r->giaddr ? 67 : 68, .data = m,
	};

	m[0] = 2;
	m[1] = 1;
	m[2] = 6;
	put32(m + 4, XID);
	put16(m + 10, r->flags);
	put32(m + 12, r->ciaddr);
	put32(m + 16, r->yiaddr ? r->yiaddr : ANN_IP);
	put32(m + 20, GATEWAY);
	put32(m + 24, r->giaddr);
	put48(m + 28, r->chaddr ? r->chaddr : ANN_MAC);
	put32(m + 236, COOKIE);
	at = option(at, 53, &r->type, 1);
	at = option32(at, 54, GATEWAY);
	at = option32(at, 51, r->lease_s);
	at = option32(at, 58, r->lease_s / 2);
	at = option32(at, 59, (__u64)r->lease_s * 7 / 8);
	if (r->rapid)
		at = option(at, 80, "", 0);
	if (r->id_len)
		at = option(at, 61, r->id, r->id_len);
	memcpy(at, blob, blob_len);
	at[blob_len] = 255;
	p.len = at + blob_len + 1 - m <= 300 ? 300 : 548;
	return packet_build(&p, frame);
}

/* --- state */

static void must(int err, const char *what)
{
	if (!err)
		return;
	printf("Bail out! %s\n", what);
	exit(1);
}

void dhcp_set_options(const void *bytes, __u32 len)
{
	struct cv_dhcp_options o = { .len = len };
	__u32 net = NET;

	memcpy(o.bytes, bytes, len);
	must(bpf_map_update_elem(world.dhcp_options, &net, &o, BPF_ANY), "dhcp_options");
}

static struct cv_lease_key ann_key(void)
{
	struct cv_lease_key key = { .net = NET };

	put48(key.mac, ANN_MAC);
	return key;
}

struct cv_lease dhcp_lease(void)
{
	struct cv_lease_key key = ann_key();
	struct cv_lease l;

	must(bpf_map_lookup_elem(world.leases, &key, &l), "no lease");
	return l;
}

void dhcp_set_lease_of(__u64 mac, const struct cv_lease *l)
{
	struct cv_lease_key key = { .net = NET };

	put48(key.mac, mac);
	must(bpf_map_update_elem(world.leases, &key, l, BPF_ANY), "leases");
}

void dhcp_set_lease(const struct cv_lease *l)
{
	dhcp_set_lease_of(ANN_MAC, l);
}

void dhcp_setup(void)
{
	__u64 now = world_boot_ns();
	const struct cv_lease l = {
		.ip = htonl(ANN_IP), .slot = ANN, .state = CV_LEASE_BOUND,
		.start_boot_ns = now, .expiry_boot_ns = now + 600 * 1000000000ULL,
		.horizon_boot_ns = now + 2ULL * CV_DHCP_LEASE_S * 1000000000,
		.hostname = "ann",
	};

	dhcp_set_options(OPTIONS_OF_NET, sizeof(OPTIONS_OF_NET) - 1);
	dhcp_set_lease(&l);
	dhcp_ring_take(NULL);
}

/* --- the ring */

static struct cv_request last_request;
static unsigned int n_requests;

static int note_request(void *ctx, void *data, size_t size)
{
	must(size != sizeof(last_request), "size of a request");
	memcpy(&last_request, data, sizeof(last_request));
	n_requests++;
	return 0;
}

unsigned int dhcp_ring_take(struct cv_request *ret)
{
	static struct ring_buffer *ring;

	if (!ring)
		ring = ring_buffer__new(world.requests, note_request, NULL, NULL);
	must(!ring, "ring");
	n_requests = 0;
	must(ring_buffer__consume(ring) < 0, "ring");
	if (ret && n_requests)
		*ret = last_request;
	return n_requests;
}
