// SPDX-License-Identifier: GPL-2.0-only
/*
 * The server under a stream of anything: messages, time, a daemon started anew
 * and reboots, on maps and a store in memory.  After each step no address is two clients', and
 * what is bound and its port agree.
 *
 * The input is a list of steps: what (1 byte), how much (2), and so many bytes
 * of a message, which is put behind a header that is right.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dhcp_profile.h"
#include "dhcp_server.h"
#include "fake_store.h"
#include "fake_tables.h"

#define NET	3
#define GUESTS	3
#define RELAY	3		/* the last guest's port is one's */
#define STEPS	24
#define HEADERS	42
#define START_NS 1000000000000ULL

#define MUST(cond) do {								\
	if (!(cond)) {								\
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);	\
		abort();							\
	}									\
} while (0)

static struct dhcp_server server;

static int lock(void *arg)
{
	return 0;
}

static void unlock(void *arg)
{
}

static void left(void *arg, __u16 net, __u32 slot)
{
}

static void ended(void *arg, const struct cv_lease_key *key, const struct cv_lease *lease)
{
}

static __s64 wall_s(void *arg)
{
	return (__s64)(fake.now_ns / 1000000000);
}

static void restored(void *arg, __u16 net)
{
	MUST(!dhcp_profiles_mark(server.profiles, &fake, net));
}

static void start_daemon(void)
{
	const struct dhcp_hooks hooks = {
		.lock = lock, .unlock = unlock, .left = left, .ended = ended, .wall_s = wall_s,
		.restored = restored,
	};

	dhcp_leases_free(server.leases);
	server.leases = NULL;
	store_rollback(&fake_store);
	MUST(!dhcp_leases_new(&fake, &fake_store, &hooks, &server.leases));
	MUST(!dhcp_leases_scan(server.leases, fake.now_ns));
}

static void set_stage(void)
{
	static const uint8_t blob[] = { 1, 4, 255, 255, 255, 240, 3, 4, 10, 0, 0, 1, 108, 4, 0, 0, 7, 8 };

	memset(&fake, 0, sizeof(fake));
	memset(&fake_store, 0, sizeof(fake_store));
	fake.now_ns = START_NS;
	/* Few addresses, so that clients meet. */
	fake.network[NET] = (struct cv_network) {
		.mode = CV_MODE_NAT, .flags = CV_NET_DHCP | CV_NET_RAPID_COMMIT,
		.subnet = htonl(0x0a000000), .netmask = htonl(0xfffffff0), .gateway = htonl(0x0a000001),
		.lease_s = 3600, .mtu = 1500, .gateway_mac = { 2, 0, 0, 0, 0, 1 }, .name = "net",
	};
	fake.options[NET].len = sizeof(blob);
	memcpy(fake.options[NET].bytes, blob, sizeof(blob));
	for (int slot = 1; slot <= GUESTS; slot++)
		fake.port[slot] = (struct cv_port) { .net = NET, .mac = { 2, 0, 0, 0, 0, (__u8)(10 + slot) } };
	fake.port[RELAY].flags = CV_PORT_RELAY | CV_PORT_STATIC;
	fake.port[RELAY].ip = htonl(0x0a000009);
	server.tables = &fake;
	if (!server.profiles)
		server.profiles = dhcp_profiles_new();
	start_daemon();
}

/* What is bound is on disk, for as long as the kernel may grant it. */
static void check_disk(const struct fake_lease *e)
{
	const struct store_row *row = fake_row(&fake_store.committed, "net", e->key.mac);

	MUST(row && row->ip == e->lease.ip && row->state == STORE_BOUND);
	MUST(row->horizon_s >= (__s64)(e->lease.horizon_boot_ns / 1000000000));
}

/* The maps are gone, the ports are there again. */
static void reboot(void)
{
	memset(fake.lease, 0, sizeof(fake.lease));
	for (int slot = 1; slot <= GUESTS; slot++)
		if (!(fake.port[slot].flags & CV_PORT_STATIC))
			fake.port[slot].ip = 0;
}

static void check_maps(void)
{
	for (size_t i = 0; i < FAKE_LEASES; i++) {
		const struct fake_lease *e = &fake.lease[i];

		if (!e->key.net || dhcp_leases_is_marker(&e->key))
			continue;
		MUST((e->lease.ip & htonl(0xfffffff0)) == htonl(0x0a000000) && e->lease.ip != htonl(0x0a000001));
		if (e->lease.state == CV_LEASE_BOUND && !(e->lease.flags & CV_LEASE_STATIC))
			check_disk(e);
		/* Slot 0: from the store, of somebody behind the relay who has not asked yet. */
		if (e->lease.state == CV_LEASE_BOUND && e->lease.slot && !(e->lease.flags & CV_LEASE_RELAYED))
			MUST(fake.port[e->lease.slot].ip == e->lease.ip);
		for (size_t k = 0; k < i; k++)
			MUST(!fake.lease[k].key.net || fake.lease[k].lease.ip != e->lease.ip);
	}
	MUST(fake.port[RELAY].ip == htonl(0x0a000009));
}

/* A message from slot, its own MAC in it unless it is the relay's. */
static void ask(uint32_t slot, const uint8_t *bytes, size_t len)
{
	static const uint8_t headers[HEADERS] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0, 8, 0, 0x45, 0,
		[22] = 64, [23] = 17, [30] = 0xff, 0xff, 0xff, 0xff, 0, 68, 0, 67,
	};
	static struct cv_request req;
	static struct dhcp_reply reply;
	static const uint8_t cookie[] = { 0x63, 0x82, 0x53, 0x63 };
	uint8_t *m = req.frame + HEADERS;
	size_t size = CV_DHCP_FIXED_SIZE + len;

	memset(&req, 0, sizeof(req));
	memcpy(req.frame, headers, sizeof(headers));
	memcpy(req.frame + 6, fake.port[slot].mac, 6);
	m[0] = m[1] = 1;
	m[2] = 6;
	memcpy(m + 28, fake.port[slot].mac, 6);
	/* The first bytes: ciaddr's host, giaddr's, and the relayed client's number. */
	if (len >= 3) {
		m[12] = bytes[0] ? 10 : 0;
		m[15] = bytes[0];
		if (slot == RELAY && bytes[1]) {
			m[24] = 10;
			m[27] = bytes[1];
		}
		if (slot == RELAY)
			m[33] ^= bytes[2] & 7;
		bytes += 3;
		len -= 3;
		size -= 3;
	}
	memcpy(m + 236, cookie, sizeof(cookie));
	memcpy(m + CV_DHCP_FIXED_SIZE, bytes, len);
	req.slot = slot;
	req.net = NET;
	req.boot_ns = fake.now_ns;
	req.len = (__u16)(HEADERS + size);
	req.frame[16] = (uint8_t)((size + 28) >> 8);
	req.frame[17] = (uint8_t)(size + 28);
	req.frame[38] = (uint8_t)((size + 8) >> 8);
	req.frame[39] = (uint8_t)(size + 8);
	MUST(!dhcp_server_answer(&server, &req, sizeof(req), fake.now_ns, &reply));
	MUST(!dhcp_leases_commit(server.leases, fake.now_ns));
	MUST(reply.why && reply.len <= CV_FRAME_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	set_stage();
	for (int step = 0; step < STEPS && size >= 3; step++) {
		uint8_t what = data[0];
		size_t much = (size_t)data[1] << 8 | data[2], len;

		data += 3;
		size -= 3;
		switch (what & 7) {
		case 6:
			fake.now_ns += much * 1000000000ULL;
			MUST(!dhcp_leases_scan(server.leases, fake.now_ns));
			break;
		case 7:
			if (much & 1)
				reboot();
			start_daemon();
			break;
		default:
			len = much % 400 < size ? much % 400 : size;
			ask(1 + (uint32_t)(what & 7) % GUESTS, data, len);
			data += len;
			size -= len;
		}
		check_maps();
	}
	return 0;
}
