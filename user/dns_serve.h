/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of guests, served by a dnsmasq of each network that wants it.  It runs
 * in the host's namespace, at the gateway's address alone; the programs let
 * guests reach it there (CV_NET_DNS).  `up` starts it and `down` ends it; the
 * daemon feeds it names and starts it again when it has died.  It outlives the
 * daemon: who comes next finds it by its pid file.  All here is called with the
 * lock held.
 */
#ifndef CULVERT_DNS_SERVE_H
#define CULVERT_DNS_SERVE_H

#include <culvert/abi.h>

struct tables;

/**
 * dns_serve_ensure() - it runs, with this configuration and the names of now
 *
 * Return: 1 when it was started (anew), 0, -ENOENT when there is no dnsmasq,
 * -EADDRNOTAVAIL when it ended at once (it says why on stderr), or -errno.
 */
int dns_serve_ensure(struct tables *t, __u16 id, const struct cv_network *n, const char *domain);

/** dns_serve_stop() - end it, take its files away.  Return: 1, 0 when there was none, -errno */
int dns_serve_stop(const char *net);

/** dns_serve_follow() - of all networks.  Return: 0 or the last -errno; does not log errors */
int dns_serve_follow(struct tables *t);

/** dns_serve_strerror() - what dns_serve_ensure() returned, in words */
const char *dns_serve_strerror(int err);

#endif
