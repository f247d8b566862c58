// SPDX-License-Identifier: GPL-2.0-only
/*
 * Our eBPF programs at a site: the sinks at both ends and, for the limit, the
 * redirects.  Attached as culvert attaches: tcx, where the kernel has it, else
 * a clsact filter.  The links are owned by this process, the filters by links
 * that topo.sh removes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bench.h"
#include "mem.h"
#include "redirect.skel.h"
#include "sink.skel.h"

#define TCX_INGRESS 46	/* enum bpf_attach_type; not in Debian 12's header */

static int attach_clsact(struct bpf_program *prog, int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bpf_program__fd(prog));
	int err;

	err = bpf_tc_hook_create(&hook);
	if (err && err != -EEXIST)
		return err;
	return bpf_tc_attach(&hook, &opts);
}

static int attach(struct bench *b, struct site *s, enum place place, const char *link,
		  struct bpf_program *prog)
{
	int err, ifindex, fd;

	err = site_enter(s, place);
	if (err)
		return err;
	ifindex = if_nametoindex(link);
	/* The descriptor is kept to the end of the process: it holds the link. */
	fd = bpf_link_create(bpf_program__fd(prog), ifindex, TCX_INGRESS, NULL);
	err = fd >= 0 ? 0 : fd == -EINVAL ? attach_clsact(prog, ifindex) : fd;
	bench_leave(b);
	if (err)
		bench_fail(err, "%s: cannot attach \"%s\" to \"%s\"", backend_name(s->backend),
			   bpf_program__name(prog), link);
	return err;
}

static int ifindex_at(struct bench *b, struct site *s, enum place place, const char *link,
		      __u32 *ret_ifindex)
{
	int err;

	err = site_enter(s, place);
	if (err)
		return err;
	*ret_ifindex = if_nametoindex(link);
	bench_leave(b);
	return *ret_ifindex ? 0 : bench_fail(-ENODEV, "%s: no link \"%s\"",
					     backend_name(s->backend), link);
}

static int attach_sink(struct bench *b, struct site *s, enum direction direction)
{
	struct sink_bpf *skel = sink_bpf__open();

	if (!skel)
		return bench_fail(-errno, "cannot open the sink");
	s->sink[direction] = skel;
	if (direction == UP) {
		skel->rodata->expect_saddr = htonl(site_outside_ip(s));
		skel->rodata->expect_daddr = htonl(BENCH_FAR_IP);
	} else {
		skel->rodata->expect_saddr = htonl(BENCH_FAR_IP);
		skel->rodata->expect_daddr = htonl(BENCH_GUEST_IP);
		skel->rodata->expect_flow_port = 1;
	}
	if (sink_bpf__load(skel))
		return bench_fail(-errno, "cannot load the sink");
	return attach(b, s, direction == UP ? FAR : GUEST, "eth0", skel->progs.bench_sink);
}

static int attach_redirect(struct bench *b, struct site *s)
{
	struct redirect_bpf *skel = redirect_bpf__open();
	const char *port;
	int err;

	if (!skel)
		return bench_fail(-errno, "cannot open the redirects");
	s->redirect = skel;
	skel->rodata->port_is_tap = site_has_tap(s);
	skel->rodata->translates = s->backend == BARE;
	memcpy((void *)skel->rodata->to_far, s->far_mac, ETH_ALEN);
	memcpy((void *)(skel->rodata->to_far + ETH_ALEN), s->host_mac, ETH_ALEN);
	memcpy((void *)skel->rodata->to_guest, s->guest_mac, ETH_ALEN);
	memcpy((void *)(skel->rodata->to_guest + ETH_ALEN), s->gateway_mac, ETH_ALEN);
	port = site_has_tap(s) ? s->port : "port0";
	err = ifindex_at(b, s, HOST, "up0", (__u32 *)&skel->rodata->uplink_ifindex);
	if (!err)
		err = ifindex_at(b, s, HOST, "hv0", (__u32 *)&skel->rodata->host_ifindex);
	if (!err)
		err = ifindex_at(b, s, NET, "uplink0", (__u32 *)&skel->rodata->ns_ifindex);
	if (!err)
		err = ifindex_at(b, s, NET, port, (__u32 *)&skel->rodata->port_ifindex);
	if (err)
		return err;
	if (redirect_bpf__load(skel))
		return bench_fail(-errno, "cannot load the redirects");
	err = attach(b, s, NET, port, skel->progs.bench_from_guest);
	if (!err)
		err = attach(b, s, HOST, "hv0", skel->progs.bench_to_uplink);
	if (!err)
		err = attach(b, s, HOST, "up0", skel->progs.bench_from_uplink);
	if (!err)
		err = attach(b, s, NET, "uplink0", skel->progs.bench_to_guest);
	return err;
}

int hooks_attach(struct bench *b, struct site *s)
{
	int err;

	err = attach_sink(b, s, UP);
	if (!err && s->backend > TAP_FLOOR)
		err = attach_sink(b, s, DOWN);
	if (!err && (s->backend == REDIRECT || s->backend == BARE))
		err = attach_redirect(b, s);
	return err;
}

void hooks_release(struct site *s)
{
	redirect_bpf__destroy(s->redirect);
	for (int i = 0; i < N_DIRECTIONS; i++)
		sink_bpf__destroy(s->sink[i]);
}

int hooks_carried(struct site *s, __u64 ret_bytes[N_DIRECTIONS])
{
	int n_cpus = libbpf_num_possible_cpus();
	int fd = bpf_map__fd(s->redirect->maps.carried);
	_free_ struct bench_carried *of_cpu = NULL;

	if (n_cpus < 0)
		return n_cpus;
	of_cpu = calloc(n_cpus, sizeof(*of_cpu));
	if (!of_cpu)
		return -ENOMEM;
	for (__u32 i = 0; i < N_DIRECTIONS; i++) {
		if (bpf_map_lookup_elem(fd, &i, of_cpu))
			return -errno;
		ret_bytes[i] = 0;
		for (int c = 0; c < n_cpus; c++)
			ret_bytes[i] += of_cpu[c].bytes;
	}
	return 0;
}
