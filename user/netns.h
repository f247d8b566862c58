/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Named network namespaces in iproute2's layout: a file below /run/netns that
 * the namespace is mounted on.  Nothing here logs.
 */
#ifndef CULVERT_NETNS_H
#define CULVERT_NETNS_H

#include <stdbool.h>

/** netns_lock() - keep others from making named namespaces until *ret_fd is closed.  Return: 0 or -errno */
int netns_lock(int *ret_fd);

/** netns_make() - a new namespace with this name.  Return: 1 made, 0 it was there, -errno */
int netns_make(const char *name);

/**
 * netns_open() - by name, or by path when it holds a slash
 * Return: 0, -ENOENT, -EINVAL when it is no network namespace, or -errno.
 */
int netns_open(const char *name, int *ret_fd);

/** netns_open_self() - the namespace the caller is in */
int netns_open_self(int *ret_fd);

/** netns_remove() - unmount and unlink; an interrupted one too.  Return: 0 (also when absent) or -errno */
int netns_remove(const char *name);

/** netns_remove_husk() - the empty file that a removal leaves when it is killed half-way */
int netns_remove_husk(const char *name);

/** netns_same() - whether two descriptors are of one namespace */
bool netns_same(int fd_a, int fd_b);

/**
 * netns_switch() - put the calling thread into a namespace
 * @ret_back: an int with the attribute _netns_ takes the thread back at the
 *	end of its scope; a thread that cannot go back is aborted, because what
 *	it would do next would happen on the wrong host
 */
int netns_switch(int fd, int *ret_back);
void netns_backp(int *back);
#define _netns_ __attribute__((cleanup(netns_backp)))

/** netns_quiet() - no IPv6 and no netfilter for bridges in a namespace.  Return: 1 changed, 0, -errno */
int netns_quiet(int fd);

#endif
