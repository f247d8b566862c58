// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs and maps: loaded, pinned, taken away.
 *
 * DOC: pins outlive every process, so a load that was killed leaves some of
 * them.  The pin of the map `meta` is made last and removed first: while it is
 * there, all others are; while it is not, whatever else is there is rubbish
 * that the next load removes.  Callers hold the lock of the engine.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <culvert/defaults.h>
#include "culvert.skel.h"
#include "datapath_impl.h"
#include "log.h"
#include "mem.h"
#include "paths.h"

#define BPFFS "/sys/fs/bpf"

static void skel_destroy(struct culvert_bpf **skel)
{
	culvert_bpf__destroy(*skel);
}

#define _skel_ __attribute__((cleanup(skel_destroy)))

/* libbpf hands over many lines at once: a verifier's log. */
int datapath_print(const char *fmt, va_list args)
{
	_free_ char *text = NULL;
	char *line, *rest;

	if (vasprintf(&text, fmt, args) < 0) {
		text = NULL;
		return 0;
	}
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		log_debug("%s", line);
	return 0;
}

static int print_debug(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return level == LIBBPF_DEBUG ? 0 : datapath_print(fmt, args);
}

const void *datapath_object(size_t *ret_size)
{
	return culvert_bpf__elf_bytes(ret_size);
}

void datapath_hush(void)
{
	libbpf_set_print(print_debug);
}

const char *datapath_strerror(int err)
{
	switch (err) {
	case -EPROTO:
		return "made by another version of culvert; take its networks down with that version first";
	case -EMEDIUMTYPE:
		return "CULVERT_BPF is not on a bpf filesystem";
	default:
		return strerror(-err);
	}
}

/* --- where pins go */

static bool on_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == BPF_FS_MAGIC;
}

/* CULVERT_BPF itself need not be there yet, but the directory it is made in must. */
static int ensure_bpffs(void)
{
	char parent[PATH_MAX];
	char *slash;

	if (strlen(paths_bpf()) >= sizeof(parent))
		return -ENAMETOOLONG;
	strcpy(parent, paths_bpf());
	while (access(parent, F_OK) && (slash = strrchr(parent, '/')) && slash != parent)
		*slash = '\0';
	if (on_bpffs(parent))
		return 0;
	if (strncmp(paths_bpf(), BPFFS "/", sizeof(BPFFS)))
		return -EMEDIUMTYPE;
	return mount("bpf", BPFFS, "bpf", 0, "mode=0700") ? -errno : 0;
}

static int make_directories(void)
{
	static const char *const kinds[] = { "map", "prog", "link" };
	char path[DATAPATH_PATH_SIZE];
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		err = paths_join(path, sizeof(path), paths_bpf(), kinds[i]);
		if (!err)
			err = paths_mkdir(path, 0700);
		if (err)
			return err;
	}
	return chmod(paths_bpf(), 0700) ? -errno : 0;
}

/* --- what may be there already */

/* Return: 0 when complete pins of our layout are there, -ENOENT, -EPROTO, -errno. */
static int check_pins(void)
{
	struct bpf_map_info info = {};
	char path[DATAPATH_PATH_SIZE];
	__u32 size = sizeof(info), zero = 0;
	struct cv_meta layout;
	_fd_ int fd = -1;
	int err;

	err = datapath_pin_path(path, "map", "meta");
	if (err)
		return err;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	if (info.key_size != sizeof(zero) || info.value_size != sizeof(layout))
		return -EPROTO;
	if (bpf_map_lookup_elem(fd, &zero, &layout))
		return -errno;
	return layout.abi_version == CV_ABI_VERSION ? 0 : -EPROTO;
}

bool datapath_loaded(void)
{
	char path[DATAPATH_PATH_SIZE];

	return !datapath_pin_path(path, "map", "meta") && !access(path, F_OK);
}

int datapath_unload(void)
{
	static const char *const kinds[] = { "map", "link", "prog" };
	char path[DATAPATH_PATH_SIZE];
	size_t i;
	int err;

	datapath_hush();
	if (check_pins() == -EPROTO)
		return -EPROTO;
	err = datapath_xdp_leave();
	if (!err)
		err = datapath_pin_path(path, "map", "meta");
	if (err)
		return err;
	if (unlink(path) && errno != ENOENT && errno != ENOTDIR)
		return -errno;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		err = datapath_remove_pins(kinds[i]);
		if (err)
			return err;
	}
	/* A directory that others use too, or a mount point, stays. */
	if (rmdir(paths_bpf()) && errno != ENOENT && errno != ENOTEMPTY && errno != EBUSY)
		return -errno;
	return 0;
}

/* --- loading */

static __u32 flows_for_memory(void)
{
	struct sysinfo host;
	__u32 flows = CV_MAX_FLOWS;
	__u64 bytes;

	if (sysinfo(&host))
		return CV_MIN_FLOWS;
	bytes = (__u64)host.totalram * host.mem_unit;
	while (flows > CV_MIN_FLOWS && (__u64)flows * CV_BYTES_PER_FLOW > bytes)
		flows /= 2;
	return flows;
}

static int set_sizes(struct culvert_bpf *skel, const struct cv_meta *layout)
{
	const struct {
		struct bpf_map *map;
		__u32 n;
	} sizes[] = {
		{ skel->maps.networks, layout->max_networks },
		{ skel->maps.network_use, layout->max_networks },
		{ skel->maps.dhcp_options, layout->max_networks },
		{ skel->maps.ports, layout->max_ports },
		{ skel->maps.xdp_ports, layout->max_ports },
		{ skel->maps.port_use, layout->max_ports },
		{ skel->maps.addresses, layout->max_ports },
		{ skel->maps.whole, 2 * layout->max_ports },	/* outside, and its own */
		{ skel->maps.flows, layout->max_flows },
		{ skel->maps.live_flows, layout->max_flows },
	};
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		err = bpf_map__set_max_entries(sizes[i].map, sizes[i].n);
		if (err)
			return err;
	}
	return 0;
}

/* A kernel that has no such programs gets none of them. */
static int set_sockets(struct culvert_bpf *skel)
{
	struct bpf_program *prog;
	__u64 cookie;
	int err;

	if (!datapath_sockets_ok()) {
		bpf_object__for_each_program(prog, skel->obj)
			if (bpf_program__type(prog) == BPF_PROG_TYPE_CGROUP_SOCK_ADDR)
				bpf_program__set_autoload(prog, false);
		return 0;
	}
	err = datapath_netns_cookie(&cookie);
	if (!err)
		skel->rodata->cv_host_cookie = cookie;
	return err;
}

/* Where drops are counted once the table of counters is full. */
static int make_last_counters(struct culvert_bpf *skel)
{
	int cpus = libbpf_num_possible_cpus();
	struct cv_drop_key key = {};
	_free_ struct cv_drop_count *zero = NULL;

	if (cpus < 0)
		return cpus;
	zero = calloc(cpus, sizeof(*zero));
	if (!zero)
		return -ENOMEM;
	for (key.reason = CV_OK + 1; key.reason < CV_N_DROPS; key.reason++)
		if (bpf_map_update_elem(bpf_map__fd(skel->maps.drops), &key, zero, BPF_ANY))
			return -errno;
	return 0;
}

/*
 * IP identifications begin anywhere: nobody outside foresees them (RFC 7739),
 * and a network that is made anew does not repeat those of its last packets.
 */
static int seed_identifiers(struct culvert_bpf *skel)
{
	const __u32 chunk = 256;	/* bytes that getrandom() gives whole, whatever signal comes */
	__u32 n = CV_IDENTIFIERS;
	_free_ __u64 *numbers = calloc(n, sizeof(*numbers));
	_free_ __u32 *keys = calloc(n, sizeof(*keys));

	if (!numbers || !keys)
		return -ENOMEM;
	for (size_t at = 0; at < n * sizeof(*numbers); at += chunk)
		if (getrandom((__u8 *)numbers + at, chunk, 0) < 0)
			return -errno;
	for (__u32 i = 0; i < n; i++)
		keys[i] = i;
	if (bpf_map_update_batch(bpf_map__fd(skel->maps.identifiers), keys, numbers, &n, NULL))
		return -errno;
	return 0;
}

/* Programs of ours that do not look at a packet still are given one. */
int datapath_run(int prog_fd)
{
	char frame[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame));

	if (bpf_prog_test_run_opts(prog_fd, &opts))
		return -errno;
	return opts.retval ? -EIO : 0;
}

static int pin_programs(struct bpf_object *obj)
{
	char path[DATAPATH_PATH_SIZE];
	struct bpf_program *prog;
	int err;

	bpf_object__for_each_program(prog, obj) {
		if (!bpf_program__autoload(prog))
			continue;
		err = datapath_pin_path(path, "prog", bpf_program__name(prog));
		if (!err && bpf_obj_pin(bpf_program__fd(prog), path))
			err = -errno;
		if (err)
			return err;
	}
	return 0;
}

/* .rodata and .bss live as long as the programs that refer to them: no pin. */
static int pin_maps(struct culvert_bpf *skel)
{
	char path[DATAPATH_PATH_SIZE];
	struct bpf_map *map;
	int err;

	bpf_object__for_each_map(map, skel->obj) {
		if (bpf_map__is_internal(map) || map == skel->maps.meta)
			continue;
		err = datapath_pin_path(path, "map", bpf_map__name(map));
		if (!err && bpf_obj_pin(bpf_map__fd(map), path))
			err = -errno;
		if (err)
			return err;
	}
	return 0;
}

static int pin_meta(struct culvert_bpf *skel, const struct cv_meta *layout)
{
	int fd = bpf_map__fd(skel->maps.meta), err;
	char path[DATAPATH_PATH_SIZE];
	__u32 zero = 0;

	if (bpf_map_update_elem(fd, &zero, layout, BPF_ANY))
		return -errno;
	err = datapath_pin_path(path, "map", "meta");
	if (err)
		return err;
	return bpf_obj_pin(fd, path) ? -errno : 0;
}

static int open_and_load(const struct cv_meta *layout, struct culvert_bpf **ret_skel)
{
	_skel_ struct culvert_bpf *skel = culvert_bpf__open();
	int err;

	if (!skel)
		return -errno;
	skel->rodata->cv_peer_ok = datapath_peer_ok();
	skel->rodata->cv_fib_src = datapath_fib_src_ok();
	skel->rodata->cv_kernel_skb = datapath_kernel_skb_ok();
	if (getrandom((void *)&skel->rodata->cv_port_key, sizeof(skel->rodata->cv_port_key), 0) < 0)
		return -errno;
	err = set_sizes(skel, layout);
	if (!err)
		err = set_sockets(skel);
	if (!err)
		err = culvert_bpf__load(skel);
	if (err)
		return err;
	*ret_skel = take_ptr(skel);
	return 0;
}

static int load_and_pin(__u32 max_flows)
{
	const struct cv_meta layout = {
		.abi_version = CV_ABI_VERSION,
		.max_flows = max_flows ? max_flows : flows_for_memory(),
		.max_ports = CV_MAX_PORTS,
		.max_networks = CV_MAX_NETWORKS,
		.peer_ok = datapath_peer_ok(),
	};
	_skel_ struct culvert_bpf *skel = NULL;
	int err;

	err = open_and_load(&layout, &skel);
	if (!err)
		err = make_last_counters(skel);
	if (!err)
		err = seed_identifiers(skel);
	if (!err)
		err = make_directories();
	if (!err)
		err = pin_programs(skel->obj);
	if (!err)
		err = pin_maps(skel);
	/* The timer lives while its map is pinned; an unpinned one dies with us. */
	if (!err)
		err = datapath_run(bpf_program__fd(skel->progs.cv_start));
	return err ? err : pin_meta(skel, &layout);
}

int datapath_load(__u32 max_flows)
{
	int err;

	datapath_hush();
	err = ensure_bpffs();
	if (err)
		return err;
	err = check_pins();
	if (err != -ENOENT)
		return err;
	err = datapath_unload();
	if (err)
		return err;
	err = load_and_pin(max_flows);
	if (err)
		datapath_unload();
	return err;
}

/* --- the loaded programs */

static int prog_info(int fd, struct bpf_prog_info *ret)
{
	__u32 size = sizeof(*ret);

	memset(ret, 0, sizeof(*ret));
	return bpf_obj_get_info_by_fd(fd, ret, &size) ? -errno : 0;
}

static int same_program(struct bpf_program *prog)
{
	struct bpf_prog_info ours, pinned;
	char path[DATAPATH_PATH_SIZE];
	_fd_ int fd = -1;
	int err;

	err = datapath_pin_path(path, "prog", bpf_program__name(prog));
	if (err)
		return err;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	err = prog_info(fd, &pinned);
	if (!err)
		err = prog_info(bpf_program__fd(prog), &ours);
	if (err)
		return err;
	return !memcmp(ours.tag, pinned.tag, sizeof(ours.tag));
}

int datapath_same_programs(void)
{
	/* Small tables: these programs are looked at, not used. */
	const struct cv_meta layout = { .max_flows = 1, .max_ports = 1, .max_networks = 1 };
	_skel_ struct culvert_bpf *skel = NULL;
	struct bpf_program *prog;
	int same;

	datapath_hush();
	same = open_and_load(&layout, &skel);
	if (same)
		return same;
	bpf_object__for_each_program(prog, skel->obj) {
		same = bpf_program__autoload(prog) ? same_program(prog) : 1;
		if (same != 1)
			return same;
	}
	return 1;
}
