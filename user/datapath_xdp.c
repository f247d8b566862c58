// SPDX-License-Identifier: GPL-2.0-only
/*
 * The program cv_xdp on an uplink, by libxdp's dispatcher, so that others' XDP
 * programs may be there too.
 *
 * DOC: libxdp loads a program anew for each link, as an extension of that
 * link's dispatcher, and pins it below its own directory of the bpffs.  So the
 * object is opened a second time with the pinned maps put in, and ours is what
 * uses the map `xdp_ports` that is pinned below CULVERT_BPF: neither a name nor
 * a pin of our own is needed to find it again, whoever attached it and wherever
 * he was killed.  libxdp does not look for pins that nobody runs any more
 * (their link is gone, or who attached them was killed); those with our program
 * are removed here.  libxdp_clean_references() is no help: it takes the
 * dispatchers of other network namespaces for such pins.
 *
 * A kernel that cannot extend programs has no dispatcher: then ours is alone on
 * the link, or not there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <xdp/libxdp.h>

#include "datapath_impl.h"
#include "mem.h"
#include "paths.h"

#define PROGRAM		"cv_xdp"
#define RUN_PRIO	90	/* after the usual 50: who drops comes before who delivers */
#define MAX_MAPS	64

static void program_close(struct xdp_program **p)
{
	xdp_program__close(*p);
}

static void multiprog_close(struct xdp_multiprog **mp)
{
	xdp_multiprog__close(*mp);
}

static void object_close(struct bpf_object **obj)
{
	bpf_object__close(*obj);
}

#define _program_ __attribute__((cleanup(program_close)))
#define _multiprog_ __attribute__((cleanup(multiprog_close)))
#define _object_ __attribute__((cleanup(object_close)))

static int print_debug(enum libxdp_print_level level, const char *fmt, va_list args)
{
	return level == LIBXDP_DEBUG ? 0 : datapath_print(fmt, args);
}

static void hush(void)
{
	datapath_hush();
	libxdp_set_print(print_debug);
}

/* --- which program is ours */

static int own_map(__u32 *ret_id)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	_fd_ int fd = -1;
	int err = datapath_pin_open("map", "xdp_ports", &fd);

	if (err)
		return err;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	*ret_id = info.id;
	return 0;
}

static bool is_ours(int prog_fd, __u32 map_id)
{
	__u32 ids[MAX_MAPS];
	struct bpf_prog_info info = { .nr_map_ids = MAX_MAPS, .map_ids = (uintptr_t)ids };
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(prog_fd, &info, &size))
		return false;
	for (__u32 i = 0; i < info.nr_map_ids && i < MAX_MAPS; i++)
		if (ids[i] == map_id)
			return true;
	return false;
}

/* What a link runs.  Return: 0 with *ret_mp NULL when that is nothing, or -errno. */
static int open_multiprog(int ifindex, struct xdp_multiprog **ret_mp)
{
	struct xdp_multiprog *mp;
	__u32 id = 0;
	long err;

	/* Mostly there is nothing, or no link any more, and this tells it cheaply. */
	*ret_mp = NULL;
	if (bpf_xdp_query_id(ifindex, 0, &id) || !id)
		return 0;
	mp = xdp_multiprog__get_from_ifindex(ifindex);
	err = libxdp_get_error(mp);
	if (!err)
		*ret_mp = mp;
	return err == -ENOENT || err == -ENODEV ? 0 : (int)err;
}

/* Ours among them, owned by @mp; NULL: it is not there. */
static struct xdp_program *find_ours(struct xdp_multiprog *mp, __u32 map_id)
{
	struct xdp_program *p = NULL;

	if (!mp)
		return NULL;
	if (xdp_multiprog__is_legacy(mp)) {
		p = xdp_multiprog__main_prog(mp);
		return p && is_ours(xdp_program__fd(p), map_id) ? p : NULL;
	}
	while ((p = xdp_multiprog__next_prog(p, mp)))
		if (is_ours(xdp_program__fd(p), map_id))
			return p;
	return NULL;
}

static enum datapath_xdp mode_of(const struct xdp_multiprog *mp)
{
	return xdp_multiprog__attach_mode(mp) == XDP_MODE_SKB ? DATAPATH_XDP_GENERIC :
								DATAPATH_XDP_NATIVE;
}

int datapath_xdp_attached(int ifindex, bool *ret_alone)
{
	_multiprog_ struct xdp_multiprog *mp = NULL;
	__u32 map_id;
	int err;

	hush();
	err = own_map(&map_id);
	if (!err)
		err = open_multiprog(ifindex, &mp);
	if (err)
		return err == -ENOENT ? DATAPATH_XDP_OFF : err;
	if (!find_ours(mp, map_id))
		return DATAPATH_XDP_OFF;
	if (ret_alone)
		*ret_alone = xdp_multiprog__is_legacy(mp);
	return mode_of(mp);
}

/* --- pins of libxdp's that nobody runs */

static int pins_path(char buf[DATAPATH_PATH_SIZE])
{
	const char *bpffs = secure_getenv(XDP_BPFFS_ENVVAR);

	return paths_join(buf, DATAPATH_PATH_SIZE, bpffs ? bpffs : "/sys/fs/bpf", "xdp");
}

/* Does one of the pins in @path hold our program? */
static bool holds_ours(const char *path, __u32 map_id)
{
	_closedir_ DIR *dir = opendir(path);
	char pin[DATAPATH_PATH_SIZE];
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		_fd_ int fd = -1;

		if (!strstr(entry->d_name, "-prog") ||
		    paths_join(pin, sizeof(pin), path, entry->d_name))
			continue;
		fd = bpf_obj_get(pin);
		if (fd >= 0 && is_ours(fd, map_id))
			return true;
	}
	return false;
}

static void remove_directory(const char *path)
{
	_closedir_ DIR *dir = opendir(path);
	char pin[DATAPATH_PATH_SIZE];
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && !paths_join(pin, sizeof(pin), path, entry->d_name))
			unlink(pin);
	rmdir(path);
}

static bool is_running(int ifindex, __u32 prog_id)
{
	__u32 id = 0;

	return !bpf_xdp_query_id(ifindex, 0, &id) && id == prog_id;
}

/* @ifindex: 0: of all links.  libxdp's own directory goes when nothing is in it. */
static void clean_pins(int ifindex, __u32 map_id)
{
	char path[DATAPATH_PATH_SIZE], sub[DATAPATH_PATH_SIZE];
	_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	unsigned int id;
	int at;

	if (pins_path(path))
		return;
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (sscanf(entry->d_name, "dispatch-%d-%u", &at, &id) == 2 &&
		    (!ifindex || at == ifindex) &&
		    !paths_join(sub, sizeof(sub), path, entry->d_name) &&
		    !is_running(at, id) && holds_ours(sub, map_id))
			remove_directory(sub);
	rmdir(path);
}

/* --- on and off */

static int use_pinned(struct bpf_map *map)
{
	_fd_ int fd = -1;
	int err = datapath_pin_open("map", bpf_map__name(map), &fd);

	return err ? err : bpf_map__reuse_fd(map, fd);
}

/* This program alone, on the maps that are there.  It reads none of the knobs in .rodata. */
static int open_object(struct bpf_object **ret)
{
	_object_ struct bpf_object *obj = NULL;
	struct bpf_program *prog;
	struct bpf_map *map;
	size_t size;
	const void *elf = datapath_object(&size);
	int err;

	obj = bpf_object__open_mem(elf, size, NULL);
	if (!obj)
		return -errno;
	bpf_object__for_each_program(prog, obj)
		bpf_program__set_autoload(prog, !strcmp(bpf_program__name(prog), PROGRAM));
	bpf_object__for_each_map(map, obj) {
		err = bpf_map__is_internal(map) ? 0 : use_pinned(map);
		if (err)
			return err;
	}
	*ret = take_ptr(obj);
	return 0;
}

static int attach_once(int ifindex, enum xdp_attach_mode mode, bool frags)
{
	_object_ struct bpf_object *obj = NULL;
	_program_ struct xdp_program *prog = NULL;	/* closed before its object */
	DECLARE_LIBXDP_OPTS(xdp_program_opts, opts, .prog_name = PROGRAM);
	int err = open_object(&obj);

	if (err)
		return err;
	opts.obj = obj;
	prog = xdp_program__create(&opts);
	err = libxdp_get_error(prog);
	if (err) {
		prog = NULL;
		return err;
	}
	err = xdp_program__set_run_prio(prog, RUN_PRIO);
	if (!err)
		err = xdp_program__set_xdp_frags_support(prog, frags);
	return err ? err : xdp_program__attach(prog, ifindex, mode, 0);
}

/*
 * Frames in several buffers are for the dispatcher, not for a program that is
 * alone: see cv_xdp.  Not for generic XDP: with them Linux 6.12 forgets where
 * the Ethernet header of a packet begins, and tc sees none (the claims of
 * tests/guest/xdp_generic.t then fail).  Another run may remove libxdp's directory just when it was
 * found to be there.
 */
static int attach(int ifindex, enum xdp_attach_mode mode)
{
	char path[DATAPATH_PATH_SIZE];
	int err = pins_path(path);

	for (int i = 0; i < 4 && !err; i++) {
		if (mkdir(path, 0700) && errno != EEXIST)
			return -errno;
		err = mode == XDP_MODE_NATIVE ? attach_once(ifindex, mode, true) : -EINVAL;
		if (err == -EINVAL)
			err = attach_once(ifindex, mode, false);
		if (err != -ENOENT)
			return err;
		err = 0;
	}
	return err ? err : -ENOENT;
}

int datapath_xdp_attach(int ifindex, enum datapath_xdp mode)
{
	int now = datapath_xdp_attached(ifindex, NULL), err;
	__u32 map_id;

	if (now < 0 || now == (int)mode)
		return now < 0 ? now : 0;
	if (now != DATAPATH_XDP_OFF) {
		err = datapath_xdp_detach(ifindex);
		if (err)
			return err;
	}
	err = own_map(&map_id);
	if (err)
		return err;
	clean_pins(ifindex, map_id);
	return attach(ifindex, mode == DATAPATH_XDP_GENERIC ? XDP_MODE_SKB : XDP_MODE_NATIVE);
}

int datapath_xdp_detach(int ifindex)
{
	_multiprog_ struct xdp_multiprog *mp = NULL;
	struct xdp_program *prog;
	__u32 map_id;
	int err;

	hush();
	err = own_map(&map_id);
	if (err)
		return err == -ENOENT ? 0 : err;
	err = open_multiprog(ifindex, &mp);
	if (err)
		return err;
	prog = find_ours(mp, map_id);
	err = prog ? xdp_program__detach(prog, ifindex, xdp_multiprog__attach_mode(mp), 0) : 0;
	if (!err)
		clean_pins(ifindex, map_id);
	return err;
}

int datapath_xdp_leave(void)
{
	__u32 ifindex = 0, map_id;
	_fd_ int fd = -1;
	int err = own_map(&map_id);

	if (!err)
		err = datapath_pin_open("map", "xdp_uplinks", &fd);
	if (err)
		return err == -ENOENT || err == -ENOTDIR ? 0 : err;
	while (!bpf_map_get_next_key(fd, ifindex ? &ifindex : NULL, &ifindex)) {
		err = datapath_xdp_detach(ifindex);
		if (err)
			return err;
	}
	clean_pins(0, map_id);
	return 0;
}

const char *datapath_xdp_strerror(int err)
{
	switch (err) {
	case -EBUSY:
		return "another program is there, which was not attached by libxdp's dispatcher";
	case -EOPNOTSUPP:
		return "its driver, or this kernel, does not support it";
	case -ERANGE:
		return "its MTU, or that of its other end, is too large for it";
	default:
		return strerror(-err);
	}
}
