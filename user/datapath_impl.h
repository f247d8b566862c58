/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of datapath.h and by nobody else. */
#ifndef CULVERT_DATAPATH_IMPL_H
#define CULVERT_DATAPATH_IMPL_H

#include <stdarg.h>
#include <stddef.h>
#include <linux/bpf.h>

#include "datapath.h"

#define DATAPATH_PATH_SIZE 512

/* The name of the pinned program of a hook. */
const char *datapath_prog_name(enum datapath_hook hook);

/* "CULVERT_BPF/KIND/NAME"; characters that a bpffs refuses are written %XX. */
int datapath_pin_path(char buf[DATAPATH_PATH_SIZE], const char *kind, const char *name);

/* What is pinned there.  Return: 0 or -errno. */
int datapath_pin_open(const char *kind, const char *name, int *ret_fd);

/* Remove everything below CULVERT_BPF/KIND, and KIND. */
int datapath_remove_pins(const char *kind);

/* Run a program that is not for packets.  Return: 0, -EIO when it failed, or -errno. */
int datapath_run(int prog_fd);

/*
 * Run a program that looks at flows until it has seen all and finds no more;
 * @which is its argument.  Return: what it counts as flushed, or -errno.
 */
int datapath_run_on_flows(const char *prog, const struct cv_flush_args *which);

/* Send libbpf's words to log_debug(). */
void datapath_hush(void);
/* Send such words there: many lines at once are one line each.  Return: 0 */
int datapath_print(const char *fmt, va_list args);

/* The compiled programs, as an ELF file. */
const void *datapath_object(size_t *ret_size);

/* Take cv_xdp from all uplinks, before the maps go. */
int datapath_xdp_leave(void);

/* --- tcx: attached is a pinned link */

/* An unpinned link, gone with its descriptor.  Return: the descriptor or -errno. */
int datapath_tcx_link(int prog_fd, int ifindex);
int datapath_tcx_attach(int prog_fd, __u32 prog_id, int ifindex, const char *pin);
int datapath_tcx_detach(const char *pin);
int datapath_tcx_attached(__u32 prog_id, int ifindex, const char *pin);

/* --- clsact: attached is a filter; @pin is a symbolic link that says who made the qdisc */

int datapath_tc_attach(int prog_fd, __u32 prog_id, int ifindex, const char *pin);
int datapath_tc_detach(int ifindex, const char *pin);
int datapath_tc_attached(__u32 prog_id, int ifindex);

/* The network namespace of the calling thread, as the programs name it. */
int datapath_netns_cookie(__u64 *ret_cookie);

#endif
