// SPDX-License-Identifier: GPL-2.0-only
/* What user space adds to the programs' events: only a program can write to their ring. */
#include <errno.h>

#include <bpf/bpf.h>

#include "datapath_impl.h"
#include "mem.h"

int datapath_tell_lease(const struct cv_lease_event *e)
{
	_fd_ int prog = -1, args = -1;
	__u32 zero = 0;
	int err;

	datapath_hush();
	err = datapath_pin_open("prog", "cv_event", &prog);
	if (!err)
		err = datapath_pin_open("map", "lease_event", &args);
	if (err)
		return err;
	if (bpf_map_update_elem(args, &zero, e, BPF_ANY))
		return -errno;
	return datapath_run(prog);
}
