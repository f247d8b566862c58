/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where state lives, as the environment says: CULVERT_RUN, CULVERT_STATE,
 * CULVERT_BPF, CULVERT_CONF, CULVERT_NETNS_CONF.  Several hosts with their own
 * live on one machine without meeting.
 */
#ifndef CULVERT_PATHS_H
#define CULVERT_PATHS_H

#include <stddef.h>

#define PATHS_NETNS_DIR "/run/netns"

const char *paths_run(void);	/* /run/culvert */
const char *paths_state(void);	/* /var/lib/culvert */
const char *paths_bpf(void);	/* /sys/fs/bpf/culvert */
const char *paths_conf(void);	/* /etc/culvert */
const char *paths_netns_conf(void);	/* /etc/netns, where `ip netns exec` looks */

/** paths_join() - "@dir/@name" into @buf.  Return: 0 or -ENAMETOOLONG */
int paths_join(char *buf, size_t size, const char *dir, const char *name);

/** paths_mkdir() - make @dir (and its parents) with @mode.  Return: 0 or -errno */
int paths_mkdir(const char *dir, unsigned int mode);

#endif
