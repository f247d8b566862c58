/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * host.yaml: what is one for all networks of a host, beside their own files in
 * CULVERT_CONF ("host" is the name of no network).  Pure, as config.h.
 *
 *	flows: 1000000		room in the flow table; by the host's memory, at most 262144
 */
#ifndef CULVERT_CONFIG_HOST_H
#define CULVERT_CONFIG_HOST_H

#include <linux/types.h>

#define CONFIG_HOST_FILE "host.yaml"

struct config_host {
	__u32 max_flows;	/* 0: by the host's memory */
};

/**
 * config_host_load() - read it; a file that is not there says nothing
 *
 * Return: 0, or -errno with *ret_error set (heap) unless memory is short.
 */
int config_host_load(const char *path, struct config_host *ret, char **ret_error);

#endif
