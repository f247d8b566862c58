// SPDX-License-Identifier: GPL-2.0-only
/* What is in the maps: put there before a packet, read after it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stddef.h>
#include <time.h>

#include <asm/byteorder.h>
#include <bpf/bpf.h>

#include "world.h"

static void must(int err, const char *what)
{
	if (!err)
		return;
	printf("Bail out! map: %s\n", what);
	exit(1);
}

static void set(int map, const void *key, const void *value, const char *what)
{
	must(bpf_map_update_elem(map, key, value, BPF_ANY), what);
}

/* --- as after `culvert up` */

static struct cv_network usual_network(__u32 net)
{
	struct cv_network n = {
		.mode = net == ALONE ? CV_MODE_ISOLATED : CV_MODE_NAT,
		.flags = CV_NET_DHCP | (net == TWIN ? CV_NET_ISOLATE : 0),
		.subnet = htonl(net == ALONE ? IP(10, 79, 0, 0) : IP(10, 77, 0, 0)),
		.netmask = htonl(IP(255, 255, 255, 0)),
		.gateway = htonl(net == ALONE ? IP(10, 79, 0, 1) : GATEWAY),
		.host_ifindex = CV_IFINDEX_HOST + net,
		.ns_ifindex = CV_IFINDEX_NS + net,
		.max_flows = N_FLOWS,
		.timeout_ticks = {
			[CV_TIMEOUT_UDP] = CV_TICKS(CV_UDP_TIMEOUT_S),
			[CV_TIMEOUT_TCP_ESTABLISHED] = CV_TICKS(CV_TCP_ESTABLISHED_TIMEOUT_S),
			[CV_TIMEOUT_TCP_TRANSITORY] = CV_TICKS(CV_TCP_TRANSITORY_TIMEOUT_S),
			[CV_TIMEOUT_ICMP] = CV_TICKS(CV_ICMP_TIMEOUT_S),
		},
		.max_ports = 1 << 20,
		.ports = { { CV_PORT_MIN, RESERVED_MIN - 1 }, { RESERVED_MAX + 1, CV_PORT_MAX } },
		.mtu = 1500, .lease_s = CV_DHCP_LEASE_S,
	};

	put48(n.gateway_mac, GATEWAY_MAC);
	snprintf(n.name, sizeof(n.name), "net%u", net);
	return n;
}

void world_add_port(__u32 net, __u32 slot, __u32 ip)
{
	struct cv_address address = { .ip = htonl(ip), .net = net };
	struct cv_port port = {
		.net = net, .ip = htonl(ip), .ifindex = CV_IFINDEX_PORT + slot,
		.kind = CV_PORT_TAP, .queues = 1, .max_flows = CV_FLOWS_PER_PORT,
		.max_ports = 1 << 20,
	};

	put48(port.mac, MAC_OF(slot));
	snprintf(port.name, sizeof(port.name), "port%u", slot);
	world_set_port(slot, &port);
	if (ip)
		set(world.addresses, &address, &slot, "addresses");
}

static void usual_uplinks(void)
{
	const struct cv_uplink up0 = { .addr = htonl(HOST_IP), .name = "up0" };
	const struct cv_uplink up1 = { .addr = htonl(HOST2_IP), .name = "up1" };
	const struct cv_external_addresses both = { .addr = { htonl(HOST_IP), htonl(HOST2_IP) } };
	const __u32 keys[] = { UPLINK, UPLINK2 }, zero = 0;

	set(world.external_addresses, &zero, &both, "external_addresses");
	set(world.uplinks, &keys[0], &up0, "uplinks");
	set(world.uplinks, &keys[1], &up1, "uplinks");
}

static void clear_hash(int map, unsigned int key_size)
{
	__u8 key[64];

	(void)key_size;
	while (!bpf_map_get_next_key(map, NULL, key))
		must(bpf_map_delete_elem(map, key), "delete");
}

static void clear_array(int map, unsigned int n, const void *zero)
{
	for (__u32 i = 0; i < n; i++)
		set(map, &i, zero, "array");
}

static void clear_totals(void)
{
	struct cv_totals *zero = calloc(world.cpus, sizeof(*zero));
	__u32 key = 0;

	set(world.totals, &key, zero, "totals");
	free(zero);
}

void world_forget_routes(void)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	void *zero;

	must(bpf_obj_get_info_by_fd(world.routes_seen, &info, &size), "routes_seen");
	zero = calloc(world.cpus, (info.value_size + 7) & ~7U);
	clear_array(world.routes_seen, info.max_entries, zero);
	free(zero);
}

/* As in bpf/maps.h, where the first word is a lock. */
struct datagram_set {
	__u64 lock;
	struct cv_datagram way[CV_DATAGRAM_WAYS];
};

static void clear_datagrams(void)
{
	static const struct datagram_set no_set;
	static const struct cv_held no_copy;

	if (!world_totals().datagrams)
		return;		/* 3 MiB: only when there is something */
	clear_array(world.datagrams, CV_DATAGRAM_SETS, &no_set);
	clear_array(world.held, CV_HELD, &no_copy);
}

void world_reset(void)
{
	static const struct cv_use no_use;
	static const struct cv_port no_port;
	static const struct cv_dhcp_options no_options;
	static const struct cv_lans no_lans;
	static const struct cv_monitor nobody;
	static const int nets[] = { NET, TWIN, ALONE };
	struct cv_tuple key;

	clear_hash(world.flows, sizeof(struct cv_tuple));
	clear_hash(world.peers, sizeof(struct cv_tuple));
	memset(world.externals, 0, N_EXTERNALS * sizeof(struct cv_external));
	while (!bpf_map_lookup_and_delete_elem(world.live_flows, NULL, &key))
		;
	clear_datagrams();
	world_number(0);
	clear_hash(world.whole, sizeof(__be32));
	clear_hash(world.protocols, sizeof(struct cv_protocol));
	clear_hash(world.policies, sizeof(__u32));
	clear_array(world.lans, 1, &no_lans);
	clear_hash(world.leases, sizeof(struct cv_lease_key));
	clear_hash(world.addresses, sizeof(struct cv_address));
	clear_hash(world.uplinks, sizeof(__u32));
	clear_hash(world.drops, sizeof(struct cv_drop_key));
	clear_array(world.port_use, N_PORTS, &no_use);
	clear_array(world.network_use, N_NETWORKS, &no_use);
	clear_array(world.ports, N_PORTS, &no_port);
	clear_array(world.dhcp_options, N_NETWORKS, &no_options);
	clear_array(world.monitor, 1, &nobody);
	clear_totals();
	world_forget_routes();

	for (unsigned int i = 0; i < 3; i++) {
		struct cv_network n = usual_network(nets[i]);

		world_set_network(nets[i], &n);
	}
	world_add_port(NET, ANN, ANN_IP);
	world_add_port(NET, BOB, BOB_IP);
	world_add_port(NET, EVE, 0);
	world_add_port(TWIN, DAN, ANN_IP);
	world_add_port(ALONE, FAY, FAY_IP);
	usual_uplinks();
}

/* --- single entries */

struct cv_network world_network(__u32 net)
{
	struct cv_network n;

	must(bpf_map_lookup_elem(world.networks, &net, &n), "networks");
	return n;
}

void world_set_network(__u32 net, const struct cv_network *n)
{
	set(world.networks, &net, n, "networks");
}

struct cv_port world_port(__u32 slot)
{
	struct cv_port port;

	must(bpf_map_lookup_elem(world.ports, &slot, &port), "ports");
	return port;
}

void world_set_port(__u32 slot, const struct cv_port *port)
{
	set(world.ports, &slot, port, "ports");
}

void world_set_whole(__u32 addr, __u32 slot, __u32 flags)
{
	const struct cv_whole w = { .slot = slot, .flags = flags };
	const __be32 key = htonl(addr);

	set(world.whole, &key, &w, "whole");
}

void world_set_rules(__u32 net, const struct cv_rule *rules, __u32 n)
{
	static const struct cv_lans lans = { .prefix = {
		{ __constant_htonl(HOST_IP & ~255U), __constant_htonl(~255U) },
		{ __constant_htonl(HOST2_IP & ~255U), __constant_htonl(~255U) },
	} };
	static struct cv_policy policy;
	const __u32 zero = 0;

	policy.n_rules = n;
	memcpy(policy.rules, rules, n * sizeof(*rules));
	set(world.policies, &net, &policy, "policies");
	set(world.lans, &zero, &lans, "lans");
}

struct cv_use world_use(int map, __u32 index)
{
	struct cv_use use;

	must(bpf_map_lookup_elem(map, &index, &use), "use");
	return use;
}

void world_set_use(int map, __u32 index, const struct cv_use *use)
{
	set(map, &index, use, "use");
}

struct cv_totals world_totals(void)
{
	struct cv_totals *all = calloc(world.cpus, sizeof(*all)), sum = {};
	__u32 key = 0;

	must(bpf_map_lookup_elem(world.totals, &key, all), "totals");
	for (int i = 0; i < world.cpus; i++) {
#define ADD(name) sum.name += all[i].name;
		CV_TOTALS(ADD)
#undef ADD
	}
	free(all);
	return sum;
}

__u32 world_entries(int map, unsigned int key_size)
{
	__u8 key[64], next[64];
	__u32 n = 0;
	int err = bpf_map_get_next_key(map, NULL, next);

	while (!err) {
		n++;
		memcpy(key, next, key_size);
		err = bpf_map_get_next_key(map, key, next);
	}
	return n;
}

/* --- flows */

struct cv_tuple world_tuple(__u8 proto, __u32 local, __u16 lport, __u32 remote, __u16 rport)
{
	return (struct cv_tuple) {
		.local = htonl(local), .lport = htons(lport),
		.remote = htonl(remote), .rport = htons(rport), .proto = proto, .net = NET,
	};
}

bool world_flow(const struct cv_tuple *key, struct cv_flow *ret)
{
	return !bpf_map_lookup_elem(world.flows, key, ret);
}

void world_set_flow(const struct cv_tuple *key, const struct cv_flow *f)
{
	set(world.flows, key, f, "flows");
}

void world_age(const struct cv_tuple *key, __u32 out_ticks, __u32 in_ticks)
{
	struct cv_flow f;

	must(!world_flow(key, &f), "no such flow");
	f.out_tick = world_tick() - out_ticks;
	f.in_tick = world_tick() - in_ticks;
	world_set_flow(key, &f);
}

__u32 world_external_index(__u32 addr, __u8 proto, __u16 port)
{
	__u32 which = proto == TCP ? CV_EXTERNAL_TCP : proto == UDP ? CV_EXTERNAL_UDP : CV_EXTERNAL_ICMP;

	return ((addr == HOST_IP ? 0 : 1) * CV_EXTERNAL_PROTOS + which) << 16 | port;
}

struct cv_external *world_external(__u32 addr, __u8 proto, __u16 port)
{
	return &world.externals[world_external_index(addr, proto, port)];
}

__u32 world_flush(__u32 net, __u32 slot, __u32 budget)
{
	struct cv_flush_args args = { .net = net, .slot = slot, .budget = budget };
	__u32 zero = 0;

	set(world.control, &zero, &args, "control");
	must(world_call(world.flush), "flush");
	must(bpf_map_lookup_elem(world.control, &zero, &args), "control");
	return args.flushed;
}

/* --- fragments */

void world_number(__u16 id)
{
	for (unsigned int i = 0; i < CV_IDENTIFIERS; i++)
		world.identifiers[i] = id;
}

/* All entries of an array at once: change the tick of those that have one. */
static void retick(int map, __u32 n, size_t size, size_t first, size_t step, unsigned int per,
		   __u32 (*change)(__u32 tick, __u32 by), __u32 by)
{
	static __u32 keys[CV_DATAGRAM_SETS];
	__u8 *all = calloc(n, size);
	__u32 count = n, out = 0;
	LIBBPF_OPTS(bpf_map_batch_opts, opts);

	bpf_map_lookup_batch(map, NULL, &out, keys, all, &count, &opts);
	must(count != n, "batch");
	for (__u32 i = 0; i < n; i++)
		for (unsigned int k = 0; k < per; k++) {
			__u32 *tick = (void *)(all + i * size + first + k * step);

			if (*tick)
				*tick = change(*tick, by);
		}
	must(bpf_map_update_batch(map, keys, all, &count, &opts), "batch");
	free(all);
}

static void retick_all(__u32 (*change)(__u32 tick, __u32 by), __u32 by)
{
	_Static_assert(CV_HELD <= CV_DATAGRAM_SETS, "keys");
	if (!world_totals().datagrams)
		return;
	retick(world.datagrams, CV_DATAGRAM_SETS, sizeof(struct datagram_set),
	       offsetof(struct datagram_set, way[0].tick), sizeof(struct cv_datagram),
	       CV_DATAGRAM_WAYS, change, by);
	if (world_totals().fragments_held)
		retick(world.held, CV_HELD, sizeof(struct cv_held), 4, 0, 1, change, by);
}

bool world_datagram_known(const struct cv_datagram_key *key)
{
	static struct datagram_set all[CV_DATAGRAM_SETS];
	static __u32 keys[CV_DATAGRAM_SETS];
	__u32 count = CV_DATAGRAM_SETS, out = 0;
	LIBBPF_OPTS(bpf_map_batch_opts, opts);

	bpf_map_lookup_batch(world.datagrams, NULL, &out, keys, all, &count, &opts);
	must(count != CV_DATAGRAM_SETS, "batch");
	for (__u32 i = 0; i < CV_DATAGRAM_SETS * CV_DATAGRAM_WAYS; i++) {
		const struct cv_datagram *d = &all[i / CV_DATAGRAM_WAYS].way[i % CV_DATAGRAM_WAYS];

		if (d->tick && world_tick() - d->tick <= CV_TICKS(CV_FRAGMENT_TIMEOUT_S) &&
		    !memcmp(&d->key, key, sizeof(*key)))
			return true;
	}
	return false;
}

__u32 world_sweep_held(__u32 now)
{
	static const struct cv_held no_copy;
	struct cv_held h;
	__u32 n = 0;

	if (!world_totals().fragments_held)
		return 0;
	for (__u32 i = 0; i < CV_HELD; i++) {
		must(bpf_map_lookup_elem(world.held, &i, &h), "held");
		if (!h.word || now - (__u32)(h.word >> 32) <= CV_TICKS(CV_FRAGMENT_TIMEOUT_S))
			continue;
		set(world.held, &i, &no_copy, "held");
		n++;
	}
	return n;
}

static __u32 tick_ago(__u32 tick, __u32 by)
{
	return world_tick() - by;
}

static __u32 tick_moved(__u32 tick, __u32 by)
{
	return tick + by;
}

static __u32 tick_clamped(__u32 tick, __u32 last)
{
	return (__s32)(tick - last) > 0 ? last : tick;
}

void world_clamp_datagrams(__u32 tick)
{
	retick_all(tick_clamped, tick);
}

void world_age_datagrams(__u32 ticks)
{
	retick_all(tick_ago, ticks);
}

void world_move_datagrams(__u32 ticks)
{
	retick_all(tick_moved, ticks);
}

/* --- time */

static __u64 clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (__u64)t.tv_sec * 1000000000 + t.tv_nsec;
}

__u32 world_tick(void)
{
	return clock_ns(CLOCK_MONOTONIC_COARSE) >> CV_TICK_SHIFT;
}

__u64 world_boot_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

void world_tick_begin(void)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	__u32 tick = world_tick();

	while (world_tick() == tick)
		nanosleep(&ms, NULL);
}
