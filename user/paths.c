// SPDX-License-Identifier: GPL-2.0-only
/* Where state lives: one environment variable and one default each. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "paths.h"

static const char *from_env(const char *name, const char *fallback)
{
	const char *value = getenv(name);

	return value && value[0] == '/' ? value : fallback;
}

const char *paths_run(void)
{
	return from_env("CULVERT_RUN", "/run/culvert");
}

const char *paths_state(void)
{
	return from_env("CULVERT_STATE", "/var/lib/culvert");
}

const char *paths_bpf(void)
{
	return from_env("CULVERT_BPF", "/sys/fs/bpf/culvert");
}

const char *paths_conf(void)
{
	return from_env("CULVERT_CONF", "/etc/culvert");
}

const char *paths_netns_conf(void)
{
	return from_env("CULVERT_NETNS_CONF", "/etc/netns");
}

int paths_join(char *buf, size_t size, const char *dir, const char *name)
{
	int n = snprintf(buf, size, "%s/%s", dir, name);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int paths_mkdir(const char *dir, unsigned int mode)
{
	char path[4096];
	size_t len = strlen(dir);

	if (len >= sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, dir, len + 1);
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(path, mode) && errno != EEXIST ? -errno : 0;
}
