// SPDX-License-Identifier: GPL-2.0-only
/*
 * The world's programs and maps.
 *
 * With CULVERT_TEST_PINS=DIR the first test leaves them in DIR, on a bpf
 * filesystem, and the next ones take them from there: in a virtual machine the
 * verifier takes longer than most tables.  Every claim begins with
 * world_reset(), so it does not matter whose claim was before it.
 */
#include <errno.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "culvert.skel.h"
#include "datapath.h"
#include "world.h"

struct world world;
void (*world_before_load)(struct bpf_object *obj);

static struct bpf_object *loaded;
static char pins[200];		/* of such programs; "": none */

static void die(const char *what, int err)
{
	printf("Bail out! %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(1);
}

static int print_to_tap(enum libbpf_print_level level, const char *fmt, va_list args)
{
	if (level != LIBBPF_WARN)
		return 0;
	printf("# ");
	return vprintf(fmt, args);
}

static void set_sizes(struct culvert_bpf *s)
{
	const struct {
		struct bpf_map *map;
		__u32 n;
	} sizes[] = {
		{ s->maps.networks, N_NETWORKS }, { s->maps.network_use, N_NETWORKS },
		{ s->maps.dhcp_options, N_NETWORKS }, { s->maps.ports, N_PORTS },
		{ s->maps.port_use, N_PORTS }, { s->maps.addresses, N_PORTS },
		{ s->maps.flows, N_FLOWS }, { s->maps.live_flows, N_FLOWS },
		{ s->maps.whole, N_PORTS }, { s->maps.xdp_ports, N_PORTS },
	};

	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (bpf_map__set_max_entries(sizes[i].map, sizes[i].n))
			die("map size", EINVAL);
	if (bpf_map__set_map_flags(s->maps.externals, BPF_F_MMAPABLE) ||
	    bpf_map__set_map_flags(s->maps.identifiers, BPF_F_MMAPABLE))
		die("map flags", EINVAL);
}

static void load_object(bool recent)
{
	struct culvert_bpf *s = culvert_bpf__open();

	if (!s)
		die("open", errno);
	s->rodata->cv_peer_ok = recent;
	s->rodata->cv_fib_src = recent && datapath_fib_src_ok();
	s->rodata->cv_kernel_skb = datapath_kernel_skb_ok();
	s->rodata->cv_port_key = PORT_KEY;
	set_sizes(s);
	/* As under libxdp's dispatcher, which takes frames in several buffers. */
	if (bpf_program__set_flags(s->progs.cv_xdp, BPF_F_XDP_HAS_FRAGS))
		die("program flags", EINVAL);
	if (world_before_load)
		world_before_load(s->obj);
	if (culvert_bpf__load(s))
		die("load", errno);
	loaded = s->obj;
}

/* --- by their names */

static int pinned_fd(const char *name)
{
	char path[sizeof(pins) + 64];

	snprintf(path, sizeof(path), "%s/%s", pins, name);
	return bpf_obj_get(path);
}

static int map_fd(const char *name)
{
	int fd = loaded ? bpf_object__find_map_fd_by_name(loaded, name) : pinned_fd(name);

	if (fd < 0)
		die(name, fd);
	return fd;
}

static int prog_fd(const char *name)
{
	struct bpf_program *prog = loaded ? bpf_object__find_program_by_name(loaded, name) : NULL;
	int fd = loaded ? (prog ? bpf_program__fd(prog) : -ENOENT) : pinned_fd(name);

	if (fd < 0)
		die(name, fd);
	return fd;
}

/* Mapped: thousands of entries are written before every claim, and searched after some. */
static void *map_array(const char *name, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd(name), 0);

	if (at == MAP_FAILED)
		die(name, errno);
	return at;
}

static void note_fds(void)
{
	world = (struct world) {
		.prog = {
			[FROM_GUEST] = prog_fd("cv_from_guest"),
			[TO_UPLINK] = prog_fd("cv_to_uplink"),
			[FROM_UPLINK] = prog_fd("cv_from_uplink"),
			[TO_GUEST] = prog_fd("cv_to_guest"),
		},
		.xdp = prog_fd("cv_xdp"),
		.start = prog_fd("cv_start"),
		.flush = prog_fd("cv_flush"),
		.judge = prog_fd("cv_judge"),
		.rejudge = prog_fd("cv_rejudge"),
		.event = prog_fd("cv_event"),
		.networks = map_fd("networks"),
		.ports = map_fd("ports"),
		.port_use = map_fd("port_use"),
		.network_use = map_fd("network_use"),
		.addresses = map_fd("addresses"),
		.uplinks = map_fd("uplinks"),
		.flows = map_fd("flows"),
		.peers = map_fd("peers"),
		.external_addresses = map_fd("external_addresses"),
		.live_flows = map_fd("live_flows"),
		.datagrams = map_fd("datagrams"),
		.held = map_fd("held"),
		.whole = map_fd("whole"),
		.protocols = map_fd("protocols"),
		.policies = map_fd("policies"),
		.lans = map_fd("lans"),
		.xdp_uplinks = map_fd("xdp_uplinks"),
		.xdp_ports = map_fd("xdp_ports"),
		.leases = map_fd("leases"),
		.dhcp_options = map_fd("dhcp_options"),
		.requests = map_fd("requests"),
		.drops = map_fd("drops"),
		.totals = map_fd("totals"),
		.control = map_fd("control"),
		.judged = map_fd("judge"),
		.monitor = map_fd("monitor"),
		.events = map_fd("events"),
		.lease_event = map_fd("lease_event"),
		.routes_seen = map_fd("routes_seen"),
		.cpus = libbpf_num_possible_cpus(),
		.externals = map_array("externals", N_EXTERNALS * sizeof(struct cv_external)),
		.identifiers = map_array("identifiers", CV_IDENTIFIERS * sizeof(__u64)),
	};
}

/* --- what world.h offers */

static void remove_pins(void)
{
	DIR *dir = opendir(pins);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(pins);
}

void world_load(bool recent)
{
	const char *dir = getenv("CULVERT_TEST_PINS");

	libbpf_set_print(print_to_tap);
	if (dir)
		snprintf(pins, sizeof(pins), "%s/%s", dir, recent ? "recent" : "old");
	if (!dir || access(pins, F_OK)) {
		load_object(recent);
		if (dir && bpf_object__pin(loaded, pins))
			die(pins, errno);
	}
	note_fds();
}

int world_start(void)
{
	map_fd("sweeper");	/* a timer wants its map pinned or held */
	if (pins[0])
		remove_pins();
	return world_call(world.start);
}
