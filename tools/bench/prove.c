// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proof of the datapath: before and after a metric the backend's own counters
 * are read; they must have grown by what was sent and arrived.  A packet that
 * took another way (the host's stack under culvert, a bridge that leaks) is
 * not in them, and the row is refused.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <jansson.h>

#include <culvert/abi.h>

#include "bench.h"
#include "mem.h"

#define CHUNK 512	/* flows read with one call */

/* Each culvert of a topology has its own maps (topo.sh).  Return: a descriptor, or -errno, logged */
static int open_map(const struct site *s, const char *map)
{
	const char *root = getenv("CULVERT_BPF");
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s%s/map/%s", root ? root : "/sys/fs/bpf/culvert",
		 s->backend == CULVERT_XDP ? "-xdp" : "", map);
	fd = bpf_obj_get(path);
	return fd < 0 ? bench_fail(-errno, "cannot open \"%s\"", path) : fd;
}

/* Sums the bytes of all flows. */
static int culvert_sum(const struct site *s, size_t bytes_at, __u64 *ret_bytes)
{
	static struct cv_tuple keys[CHUNK];
	static __u8 values[CHUNK][sizeof(struct cv_flow)];
	__u64 in, out, *from = NULL;
	_fd_ int fd = open_map(s, "flows");
	__u64 sum = 0;
	int err;

	if (fd < 0)
		return fd;
	do {
		__u32 n = CHUNK;

		err = bpf_map_lookup_batch(fd, from, &out, keys, values, &n, NULL);
		if (err && err != -ENOENT)
			return bench_fail(err, "%s: cannot read the flows", backend_name(s->backend));
		for (__u32 i = 0; i < n; i++)
			sum += *(__u64 *)(values[i] + bytes_at);
		in = out;
		from = &in;
	} while (!err);
	*ret_bytes = sum;
	return 0;
}

static int culvert_seen(const struct site *s, __u64 ret_bytes[N_DIRECTIONS])
{
	int err;

	err = culvert_sum(s, offsetof(struct cv_flow, out_bytes), &ret_bytes[UP]);
	if (!err)
		err = culvert_sum(s, offsetof(struct cv_flow, in_bytes), &ret_bytes[DOWN]);
	return err;
}

/* What came by XDP. */
static int short_road_seen(const struct site *s, __u64 *ret_packets)
{
	_free_ struct cv_totals *of_cpu = NULL;
	int n_cpus = libbpf_num_possible_cpus();
	_fd_ int fd = -1;
	__u32 key = 0;

	if (s->backend != CULVERT_XDP)
		return 0;
	of_cpu = n_cpus > 0 ? calloc(n_cpus, sizeof(*of_cpu)) : NULL;
	if (!of_cpu)
		return bench_fail(-ENOMEM, "%s", backend_name(s->backend));
	fd = open_map(s, "totals");
	if (fd < 0)
		return fd;
	if (bpf_map_lookup_elem(fd, &key, of_cpu))
		return bench_fail(-errno, "%s: cannot read the totals", backend_name(s->backend));
	*ret_packets = 0;
	for (int i = 0; i < n_cpus; i++)
		*ret_packets += of_cpu[i].xdp_packets;
	return 0;
}

/* The rules of topo.sh count by name. */
static int nft_seen(__u64 ret_bytes[N_DIRECTIONS])
{
	FILE *f = popen("nft -j list counters table ip bench", "re");
	json_t *root, *item, *counter;
	unsigned int found = 0;
	size_t i;

	root = f ? json_loadf(f, 0, NULL) : NULL;
	if (f)
		pclose(f);
	json_array_foreach(json_object_get(root, "nftables"), i, item) {
		const char *name;

		counter = json_object_get(item, "counter");
		name = json_string_value(json_object_get(counter, "name"));
		if (!name)
			continue;
		ret_bytes[!strcmp(name, "up") ? UP : DOWN] =
			json_integer_value(json_object_get(counter, "bytes"));
		found++;
	}
	json_decref(root);
	return found == N_DIRECTIONS ? 0 : bench_fail(-ENODATA, "nft: no counters");
}

/* Likewise, by their comments. */
static int iptables_seen(__u64 ret_bytes[N_DIRECTIONS])
{
	FILE *f = popen("iptables -w -nvxL FORWARD", "re");
	unsigned int found = 0;
	char line[512];
	__u64 bytes;

	while (f && fgets(line, sizeof(line), f)) {
		const char *name = strstr(line, "bench-");

		if (!name || sscanf(line, "%*u %llu", &bytes) != 1)
			continue;
		ret_bytes[!strncmp(name, "bench-up", 8) ? UP : DOWN] = bytes;
		found++;
	}
	if (f)
		pclose(f);
	return found == N_DIRECTIONS ? 0 : bench_fail(-ENODATA, "iptables: no counters");
}

/*
 * Where no rule counts: what the host's end of the veth received and sent, from
 * the IP header on.  That a packet was translated is seen by the sink.
 */
static int link_seen(__u64 ret_bytes[N_DIRECTIONS])
{
	_fclose_ FILE *f = fopen("/proc/thread-self/net/dev", "re");
	unsigned long long packets[N_DIRECTIONS];
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " hv0: %llu %llu %*u %*u %*u %*u %*u %*u %llu %llu", &ret_bytes[UP],
			   &packets[UP], &ret_bytes[DOWN], &packets[DOWN]) != 4)
			continue;
		for (int i = 0; i < N_DIRECTIONS; i++)
			ret_bytes[i] -= packets[i] * ETH_HLEN;
		return 0;
	}
	return bench_fail(-ENODATA, "no counters of \"hv0\"");
}

/* What went by the rules although there is a flowtable. */
static int slow_seen(struct bench *b, struct site *s, __u64 ret_bytes[N_DIRECTIONS])
{
	int err;

	if (s->backend != FLOWTABLE)
		return 0;
	err = site_enter(s, HOST);
	if (err)
		return err;
	err = nft_seen(ret_bytes);
	bench_leave(b);
	return err;
}

static int seen(struct bench *b, struct site *s, __u64 ret_bytes[N_DIRECTIONS])
{
	int err;

	if (s->backend <= TAP_FLOOR) {
		memset(ret_bytes, 0, N_DIRECTIONS * sizeof(*ret_bytes));
		return 0;
	}
	err = site_enter(s, HOST);
	if (err)
		return err;
	switch (s->backend) {
	case CULVERT:
	case CULVERT_XDP:
		err = culvert_seen(s, ret_bytes);
		break;
	case NFT:
		err = nft_seen(ret_bytes);
		break;
	case IPTABLES:
		err = iptables_seen(ret_bytes);
		break;
	case REDIRECT:
	case BARE:
		err = hooks_carried(s, ret_bytes);
		break;
	default:
		err = link_seen(ret_bytes);
	}
	bench_leave(b);
	return err;
}

int prove_begin(struct bench *b, struct site *s)
{
	int err;

	memset(s->due, 0, sizeof(s->due));
	memset(s->first, 0, sizeof(s->first));
	err = slow_seen(b, s, s->slow);
	if (!err)
		err = short_road_seen(s, &s->short_road);
	if (err)
		return err;
	memcpy(s->tap_seen, s->tap_bytes, sizeof(s->tap_seen));
	return seen(b, s, s->seen);
}

/* Packets of flows that are there already: none of them by the rules. */
static int prove_fast(struct bench *b, struct site *s, const char *metric)
{
	__u64 slow[N_DIRECTIONS] = {};
	int err;

	if (s->backend != FLOWTABLE || !s->first[UP])
		return 0;
	err = slow_seen(b, s, slow);
	for (int i = 0; i < N_DIRECTIONS && !err; i++)
		if (slow[i] - s->slow[i] > s->first[i] + s->due[i] / 1000)
			err = bench_fail(-ENODATA, "%s: %llu bytes %s passed by the rules, not by the flowtable",
					 metric, slow[i] - s->slow[i], i == UP ? "up" : "down");
	return err;
}

/* Likewise: all of them by XDP. */
static int prove_short(struct site *s, const char *metric)
{
	__u64 packets = s->short_road, due = s->due[DOWN] - s->first[DOWN];
	int err;

	if (s->backend != CULVERT_XDP || !s->first[DOWN])
		return 0;
	err = short_road_seen(s, &packets);
	packets -= s->short_road;
	if (!err && packets * IP_BYTES < due - due / 1000)
		err = bench_fail(-ENODATA, "%s: %s: %llu packets came by XDP, %llu arrived", metric,
				 backend_name(s->backend), packets, due / IP_BYTES);
	return err;
}

int prove_end(struct bench *b, struct site *s, const char *metric,
	      __u64 ret_carried[N_DIRECTIONS])
{
	__u64 bytes[N_DIRECTIONS];
	int err;

	err = seen(b, s, bytes);
	if (err || s->backend <= TAP_FLOOR)
		return err;
	for (int i = 0; i < N_DIRECTIONS; i++) {
		__u64 due = s->due[i];

		ret_carried[i] = bytes[i] - s->seen[i];
		/* Counters of flows may lose a few packets; a flow that expired is gone. */
		if (bytes[i] < s->seen[i] || ret_carried[i] < due - due / 1000)
			return bench_fail(-ENODATA, "%s: %s: the datapath counted %lld bytes %s, "
					  "%llu arrived", metric, backend_name(s->backend),
					  (long long)ret_carried[i], i == UP ? "up" : "down", due);
		if (site_has_tap(s) && s->tap_bytes[i] - s->tap_seen[i] < due)
			return bench_fail(-ENODATA, "%s: %s: the TAP carried %llu bytes %s, "
					  "%llu arrived", metric, backend_name(s->backend),
					  s->tap_bytes[i] - s->tap_seen[i],
					  i == UP ? "up" : "down", due);
	}
	err = prove_fast(b, s, metric);
	return err ? err : prove_short(s, metric);
}
