// SPDX-License-Identifier: GPL-2.0-only
/* The directory of pins: names into paths and back, and removal. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "datapath_impl.h"
#include "mem.h"
#include "paths.h"

const char *datapath_prog_name(enum datapath_hook hook)
{
	switch (hook) {
	case DATAPATH_FROM_GUEST:
		return "cv_from_guest";
	case DATAPATH_TO_GUEST:
		return "cv_to_guest";
	case DATAPATH_TO_UPLINK:
		return "cv_to_uplink";
	case DATAPATH_FROM_UPLINK:
		return "cv_from_uplink";
	}
	return NULL;
}

/* A bpffs refuses dots, and a slash is never part of a name. */
static bool plain(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == ':';
}

static int escape(char *buf, size_t size, const char *name)
{
	size_t n = 0;

	for (; *name; name++) {
		if (n + 4 > size)
			return -ENAMETOOLONG;
		if (plain(*name))
			buf[n++] = *name;
		else
			n += sprintf(buf + n, "%%%02x", (unsigned char)*name);
	}
	buf[n] = '\0';
	return n ? 0 : -EINVAL;
}

static void unescape(char *name)
{
	char *out = name;
	unsigned int c;

	while (*name) {
		if (*name == '%' && sscanf(name + 1, "%2x", &c) == 1) {
			*out++ = c;
			name += 3;
		} else {
			*out++ = *name++;
		}
	}
	*out = '\0';
}

int datapath_pin_path(char buf[DATAPATH_PATH_SIZE], const char *kind, const char *name)
{
	char dir[DATAPATH_PATH_SIZE], leaf[256];
	int err;

	err = escape(leaf, sizeof(leaf), name);
	if (!err)
		err = paths_join(dir, sizeof(dir), paths_bpf(), kind);
	return err ? err : paths_join(buf, DATAPATH_PATH_SIZE, dir, leaf);
}

int datapath_pin_open(const char *kind, const char *name, int *ret_fd)
{
	char path[DATAPATH_PATH_SIZE];
	int fd, err;

	err = datapath_pin_path(path, kind, name);
	if (err)
		return err;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* Return: 0 when there is no such directory; *ret_dir is NULL then. */
static int open_kind(const char *kind, char path[DATAPATH_PATH_SIZE], DIR **ret_dir)
{
	int err = paths_join(path, DATAPATH_PATH_SIZE, paths_bpf(), kind);

	if (err)
		return err;
	*ret_dir = opendir(path);
	return *ret_dir || errno == ENOENT ? 0 : -errno;
}

/*
 * A link whose pin goes is detached by a worker of the kernel, some time
 * later.  Detached by hand it is off when we return.  Other pins say EINVAL.
 */
static void detach_link(const char *path)
{
	_fd_ int fd = bpf_obj_get(path);

	if (fd >= 0)
		bpf_link_detach(fd);
}

int datapath_remove_pins(const char *kind)
{
	_closedir_ DIR *dir = NULL;
	char path[DATAPATH_PATH_SIZE], pin[DATAPATH_PATH_SIZE];
	struct dirent *entry;
	int err;

	err = open_kind(kind, path, &dir);
	if (err || !dir)
		return err;
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		err = paths_join(pin, sizeof(pin), path, entry->d_name);
		if (err)
			return err;
		if (!strcmp(kind, "link"))
			detach_link(pin);
		if (unlink(pin) && errno != ENOENT)
			return -errno;
	}
	return rmdir(path) && errno != ENOENT ? -errno : 0;
}

int datapath_each_link(int (*fn)(const char *name, void *arg), void *arg)
{
	_closedir_ DIR *dir = NULL;
	char path[DATAPATH_PATH_SIZE], name[256];
	struct dirent *entry;
	int ret;

	ret = open_kind("link", path, &dir);
	if (ret || !dir)
		return ret;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s", entry->d_name);
		unescape(name);
		ret = fn(name, arg);
		if (ret)
			return ret;
	}
	return 0;
}
