// SPDX-License-Identifier: GPL-2.0-only
/*
 * What runs in a network's namespace asks whom its guests ask: resolv.conf,
 * where `ip netns exec` and `culvert exec` look for it.  It is beside the
 * network: where /etc cannot be written the network does without.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "mem.h"
#include "network_impl.h"
#include "paths.h"
#include "resolv.h"

#define TEXT_MAX 1024	/* of ours: three servers and a domain */

struct resolver_file {
	char dir[PATH_MAX], path[PATH_MAX], aside[PATH_MAX];
	char mark[128];
};

static int find_file(const struct network_work *w, struct resolver_file *r)
{
	int err = paths_join(r->dir, sizeof(r->dir), paths_netns_conf(), w->netns);

	if (!err)
		err = paths_join(r->path, sizeof(r->path), r->dir, "resolv.conf");
	if (!err)
		err = paths_join(r->aside, sizeof(r->aside), r->dir, "resolv.conf.culvert");
	snprintf(r->mark, sizeof(r->mark),
		 "# Written by culvert for network '%s'; removed by 'culvert down'.\n", w->name);
	return err;
}

/* Return: 1 ours, with its text; 0 there is none; -EEXIST: somebody else's; -errno. */
static int read_ours(const struct resolver_file *r, char ret_text[TEXT_MAX])
{
	_fclose_ FILE *f = fopen(r->path, "re");
	size_t len;

	ret_text[0] = '\0';
	if (!f)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	len = fread(ret_text, 1, TEXT_MAX - 1, f);
	ret_text[len] = '\0';
	return strncmp(ret_text, r->mark, strlen(r->mark)) ? -EEXIST : 1;
}

static int write_ours(const struct resolver_file *r, const char *text)
{
	int err = paths_mkdir(r->dir, 0755);
	FILE *f = err ? NULL : fopen(r->aside, "we");

	if (!f)
		return err ? err : -errno;
	err = fputs(text, f) < 0 || fchmod(fileno(f), 0644) ? -EIO : 0;
	if (fclose(f) || err || rename(r->aside, r->path)) {
		err = errno ? -errno : -EIO;
		unlink(r->aside);
		return err;
	}
	return 0;
}

static int remove_ours(const struct resolver_file *r)
{
	char text[TEXT_MAX];
	int ours = read_ours(r, text);

	if (ours <= 0)
		return ours == -EEXIST ? 0 : ours;
	unlink(r->aside);	/* of an interrupted run */
	if (unlink(r->path))
		return -errno;
	if (!rmdir(r->dir))
		rmdir(paths_netns_conf());
	return 1;
}

static int replace_ours(const struct resolver_file *r, const char *servers)
{
	char now[TEXT_MAX], text[TEXT_MAX];
	int ours = read_ours(r, now), err;

	if (ours < 0)
		return ours == -EEXIST ? 0 : ours;
	snprintf(text, sizeof(text), "%s%s", r->mark, servers);
	if (ours && !strcmp(now, text))
		return 0;
	err = write_ours(r, text);
	return err ? err : 1;
}

static int settle(struct network_work *w)
{
	_free_ char *servers = NULL;
	struct resolver_file r;
	int err = find_file(w, &r);

	if (!err)
		err = resolv_fill(&w->cfg);
	if (err)
		return err;
	servers = resolv_print(&w->cfg, w->entry.gateway);
	if (!servers)
		return -ENOMEM;
	/* The host's resolvers are not for who has no way out. */
	if (!servers[0] || (w->cfg.dns_host && w->cfg.mode == CV_MODE_ISOLATED))
		return remove_ours(&r);
	return replace_ours(&r, servers);
}

int resolver_make(struct network_work *w)
{
	int err = settle(w);

	if (err < 0)
		log_warn("network '%s': cannot write '%s/%s/resolv.conf': %s", w->name,
			 paths_netns_conf(), w->netns, strerror(-err));
	return err > 0 ? STEP_CHANGED : STEP_UNCHANGED;
}

int resolver_undo(struct network_work *w)
{
	struct resolver_file r;
	int err = find_file(w, &r);

	if (!err)
		err = remove_ours(&r);
	if (err < 0)
		log_warn("network '%s': cannot remove '%s/%s/resolv.conf': %s", w->name,
			 paths_netns_conf(), w->netns, strerror(-err));
	return 0;
}
