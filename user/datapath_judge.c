// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules, by the programs that packets meet: who asks what a rule would do asks
 * the code that does it.
 */
#include <errno.h>

#include <bpf/bpf.h>

#include "datapath_impl.h"
#include "mem.h"

int datapath_rejudge(__u16 net)
{
	return datapath_run_on_flows("cv_rejudge", &(struct cv_flush_args) { .net = net });
}

int datapath_judge(struct cv_judge_args *args)
{
	_fd_ int prog = -1, judge = -1;
	__u32 zero = 0;
	int err;

	datapath_hush();
	err = datapath_pin_open("prog", "cv_judge", &prog);
	if (!err)
		err = datapath_pin_open("map", "judge", &judge);
	if (err)
		return err;
	if (bpf_map_update_elem(judge, &zero, args, BPF_ANY))
		return -errno;
	err = datapath_run(prog);
	if (err)
		return err;
	return bpf_map_lookup_elem(judge, &zero, args) ? -errno : 0;
}
