/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known of a network beside the maps, in CULVERT_RUN: NET.yaml, the
 * configuration it was brought up with (subnet and addresses filled in), and
 * NET.uplinks, the names of the links it leaves by, and NET.forwards, what
 * commands forward.  All are lost without harm: the maps say what is, these say
 * what was asked for.  Nothing here logs.
 */
#ifndef CULVERT_STATE_H
#define CULVERT_STATE_H

#include <limits.h>
#include <stdbool.h>

#include "config.h"

/** state_save_config() - Return: 1 when it differs from what was saved, 0, -errno */
int state_save_config(const char *net, const struct config *cfg);
/** state_load_config() - Return: 0, -ENOENT, or -errno; release with config_release() */
int state_load_config(const char *net, struct config *ret);

/** state_save_uplinks() - @names: as in struct config.  Return: 1 changed, 0, -errno */
int state_save_uplinks(const char *net, const char names[][16], unsigned int n);
/** state_load_uplinks() - *ret_n of at most CONFIG_MAX_UPLINKS names.  Return: 0, -ENOENT, -errno */
int state_load_uplinks(const char *net, char ret_names[CONFIG_MAX_UPLINKS][16],
		       unsigned int *ret_n);

/** state_save_forwards() - those that are not of the configuration.  Return: 1 changed, 0, -errno */
int state_save_forwards(const char *net, const struct forward_list *list);
/** state_load_forwards() - appended to a list; none is fine.  Return: 0 or -errno */
int state_load_forwards(const char *net, struct forward_list *list);

/* What dnsmasq reads and writes: NET.dnsmasq, NET.names, NET.dnsmasq.pid. */
enum state_dns_file { STATE_DNS_CONF, STATE_DNS_NAMES, STATE_DNS_PID };

int state_dns_path(const char *net, enum state_dns_file file, char ret[PATH_MAX]);
/** state_save_dns() - readable by all.  Return: 1 when it differs from what was saved, 0, -errno */
int state_save_dns(const char *net, enum state_dns_file file, const char *text);
void state_remove_dns(const char *net);

/** state_remove() - all files of a network */
void state_remove(const char *net);

/** state_remove_dir() - CULVERT_RUN itself, when nothing is in it */
void state_remove_dir(void);

#endif
