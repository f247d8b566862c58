// SPDX-License-Identifier: GPL-2.0-only
/*
 * Forgetting flows.  A program goes round the queue of all flows, a few
 * thousand at a time so that no CPU is held for long; we run it until a whole
 * round has found nothing more.  The sweeper turns the same queue meanwhile and
 * may carry a flow past us: hence the round after.
 */
#include <errno.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "datapath_impl.h"
#include "mem.h"

#define STEP	8192	/* flows; about 2 ms */
#define ROUNDS	8	/* guests that make flows all the time do not keep us for ever */

/* Return: how many flows a network, or a port, has; 0 of `network_use` is the host. */
static long count_flows(int use_fd, __u32 key)
{
	struct cv_use use;

	return bpf_map_lookup_elem(use_fd, &key, &use) ? -errno : (long)use.flows;
}

/*
 * Whether there is anything to find: a port without flows, of a thousand that
 * go, must not cost a walk over a million.  A flow is counted before its key is
 * in the queue, so what is not counted no walk would find.
 */
static long count_wanted(int network_use_fd, const struct cv_flush_args *which)
{
	_fd_ int port_use = -1;
	int err;

	if (!which->slot)
		return count_flows(network_use_fd, which->net);
	err = datapath_pin_open("map", "port_use", &port_use);
	return err ? err : count_flows(port_use, which->slot);
}

static int run_step(int prog_fd, int control_fd, struct cv_flush_args *args)
{
	__u32 zero = 0;
	int err;

	if (bpf_map_update_elem(control_fd, &zero, args, BPF_ANY))
		return -errno;
	err = datapath_run(prog_fd);
	if (err)
		return err;
	return bpf_map_lookup_elem(control_fd, &zero, args) ? -errno : 0;
}

/* Return: how many were forgotten in one round, or -errno. */
static int run_round(int prog_fd, int control_fd, int use_fd, struct cv_flush_args args)
{
	long left = count_flows(use_fd, 0);
	int err;

	if (left < 0)
		return left;
	args.flushed = 0;
	for (; left > 0; left -= STEP) {
		args.budget = left < STEP ? left : STEP;
		err = run_step(prog_fd, control_fd, &args);
		if (err)
			return err;
	}
	return args.flushed;
}

int datapath_run_on_flows(const char *name, const struct cv_flush_args *which)
{
	_fd_ int prog = -1, control = -1, use = -1;
	int err, flushed, total = 0, i;
	long wanted;

	datapath_hush();
	err = datapath_pin_open("prog", name, &prog);
	if (!err)
		err = datapath_pin_open("map", "control", &control);
	if (!err)
		err = datapath_pin_open("map", "network_use", &use);
	if (err)
		return err;
	wanted = count_wanted(use, which);
	if (wanted <= 0)
		return wanted;
	for (i = 0; i < ROUNDS; i++) {
		flushed = run_round(prog, control, use, *which);
		if (flushed <= 0)
			return flushed ? flushed : total;
		total += flushed;
	}
	return total;
}

int datapath_flush_some(const struct cv_flush_args *which)
{
	return datapath_run_on_flows("cv_flush", which);
}

int datapath_flush(__u16 net, __u32 slot)
{
	return datapath_flush_some(&(struct cv_flush_args) { .net = net, .slot = slot });
}
