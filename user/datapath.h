/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The eBPF programs: loaded once for the host, pinned below CULVERT_BPF
 * (prog/NAME, map/NAME, link/NAME), attached to any number of links.  Hides
 * how a program is attached: a tcx link (6.6 and newer) or a clsact filter.
 * Only this file knows libbpf's objects.  Nothing here logs; libbpf's own
 * words go to log_debug().
 */
#ifndef CULVERT_DATAPATH_H
#define CULVERT_DATAPATH_H

#include <stdbool.h>

#include <culvert/abi.h>

enum datapath_hook {
	DATAPATH_FROM_GUEST,
	DATAPATH_TO_GUEST,
	DATAPATH_TO_UPLINK,
	DATAPATH_FROM_UPLINK,
};

enum datapath_attach { DATAPATH_TCX, DATAPATH_CLSACT };

/**
 * datapath_load() - load and pin programs and maps unless they are
 * @max_flows: room of the flow table; 0: what the host's memory allows
 *
 * Mounts a bpffs on /sys/fs/bpf when there is none and CULVERT_BPF lies there.
 * A load that was interrupted is taken away and done again: the pin `meta` is
 * made last and vouches for the rest.  Arms the sweeper.
 *
 * Return: 0, -EPROTO when pins of another ABI version are there, -EMEDIUMTYPE
 * when CULVERT_BPF is not on a bpf filesystem, or -errno.
 */
int datapath_load(__u32 max_flows);

/** datapath_strerror() - what an error of datapath_load() or tables_open() means, for a message */
const char *datapath_strerror(int err);

/**
 * datapath_unload() - take away every pin; networks must be gone
 * Return: 0, -EPROTO when they are of another ABI version (and stay), or -errno.
 */
int datapath_unload(void);

/** datapath_loaded() - whether pins are there */
bool datapath_loaded(void);

/**
 * datapath_attach() - make @hook see what a link receives
 * @ifindex: of a link in the calling thread's network namespace
 * @name: of the pin, unique: "NET:PORT", "NET:host", "NET:ns", "uplink:IFNAME"
 *
 * Does nothing when it is attached already; foreign programs stay.
 * CULVERT_ATTACH=tcx or clsact overrides what was probed.
 *
 * Return: 0 or -errno.
 */
int datapath_attach(enum datapath_hook hook, int ifindex, const char *name);

/** datapath_detach() - undo; fine when it is not attached or the link is gone */
int datapath_detach(enum datapath_hook hook, int ifindex, const char *name);

/** datapath_attached() - whether it is, in the calling thread's namespace.  Return: 1, 0 or -errno */
int datapath_attached(enum datapath_hook hook, int ifindex, const char *name);

/**
 * datapath_each_link() - names of all attachments that were not detached
 *
 * @fn returns 0 to go on, anything else to stop with that value.
 */
int datapath_each_link(int (*fn)(const char *name, void *arg), void *arg);

/** datapath_attach_mode() - what datapath_attach() uses here */
enum datapath_attach datapath_attach_mode(void);

/** datapath_tcx_ok() - whether this kernel has tcx links: by asking for one on no device */
bool datapath_tcx_ok(void);

/**
 * datapath_peer_ok() - whether bpf_redirect_peer() may be used
 *
 * Kernels that do not scrub the packet (CVE-2025-37959) are refused by
 * measurement, not by version: docs/decisions/0002-redirect-peer-probe.md.
 * Takes some 20 ms, once per process.
 */
bool datapath_peer_ok(void);

/** datapath_fib_src_ok() - whether bpf_fib_lookup() tells the source address (6.7) */
bool datapath_fib_src_ok(void);

/**
 * datapath_kernel_skb_ok() - whether programs may read the kernel's own packet (6.2)
 *
 * Then its checksum's kind costs a load instead of a call.
 */
bool datapath_kernel_skb_ok(void);

/**
 * datapath_same_programs() - whether the pinned programs are those of this binary
 * Return: 1, 0, or -errno.
 */
int datapath_same_programs(void);

/**
 * datapath_flush() - forget the flows of a network and/or port; 0 matches all
 *
 * The caller holds the lock of the engine: there is one argument for all.
 *
 * Return: their number or -errno.
 */
int datapath_flush(__u16 net, __u32 slot);
/** datapath_flush_some() - the same of those that match @which, but for what the program sets */
int datapath_flush_some(const struct cv_flush_args *which);

/**
 * datapath_rejudge() - forget those flows of a network that its rules now deny
 * As datapath_flush().
 */
int datapath_rejudge(__u16 net);
/**
 * datapath_judge() - what the rules of a network say of a packet that opens a flow
 *
 * The caller holds the lock of the engine.  Return: 0, with the answer in
 * @args, or -errno.
 */
int datapath_judge(struct cv_judge_args *args);

/* --- the programs for the host's own sockets, see bpf/socket.h */

/**
 * datapath_sockets_attach() - to the root of the cgroup2 hierarchy, unless they are
 *
 * That is CULVERT_CGROUP, else the first cgroup2 in /proc/self/mounts.  They
 * stay until datapath_unload().
 *
 * Return: 0, -EOPNOTSUPP when they are not loaded, as this kernel has no such
 * programs, -ENOENT when there is no cgroup2, or -errno; then none is attached.
 */
int datapath_sockets_attach(void);
/** datapath_sockets_attached() - Return: 0 when they are, -EOPNOTSUPP, -ENOTCONN when not, or -errno */
int datapath_sockets_attached(void);
/** datapath_sockets_ok() - whether this kernel has such programs */
bool datapath_sockets_ok(void);
/** datapath_sockets_probe() - whether they could be attached.  Return: 0 or what attaching would */
int datapath_sockets_probe(void);
/** datapath_sockets_strerror() - what an error of these means, for a message */
const char *datapath_sockets_strerror(int err);
/** datapath_sockets_pin() - whether @name, of datapath_each_link(), is one of theirs */
bool datapath_sockets_pin(const char *name);

/* --- the XDP program of an uplink, see bpf/xdp.h */

enum datapath_xdp { DATAPATH_XDP_OFF, DATAPATH_XDP_NATIVE, DATAPATH_XDP_GENERIC };

/**
 * datapath_xdp_attach() - put it on a link of the calling thread's namespace, in that mode
 *
 * Beside others' programs, when libxdp's dispatcher runs them.  Does nothing
 * when it is there in that mode.  Return: 0 or -errno, as datapath_xdp_strerror().
 */
int datapath_xdp_attach(int ifindex, enum datapath_xdp mode);
/** datapath_xdp_detach() - undo; fine when it is not attached or the link is gone */
int datapath_xdp_detach(int ifindex);
/**
 * datapath_xdp_attached() - whether and how
 * @ret_alone: may be NULL; set when it is attached: nobody else's can be put beside it
 * Return: enum datapath_xdp, or -errno.
 */
int datapath_xdp_attached(int ifindex, bool *ret_alone);
const char *datapath_xdp_strerror(int err);

/**
 * datapath_tell_lease() - an event for who looks on; does nothing while nobody does
 *
 * For the daemon: there is one argument for all.  Return: 0 or -errno.
 */
int datapath_tell_lease(const struct cv_lease_event *e);

#endif
