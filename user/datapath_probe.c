// SPDX-License-Identifier: GPL-2.0-only
/*
 * What this kernel can do, found out by doing it with programs of a few
 * instructions, written by hand so that they load before anything of ours is
 * trusted to.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "datapath_impl.h"
#include "datapath_insn.h"
#include "mem.h"

#ifndef BPF_FIB_LOOKUP_SRC
#define BPF_FIB_LOOKUP_SRC (1U << 4)	/* 6.7; the headers of Debian 12 are older */
#endif
#define UNKNOWN_FLAG (1U << 31)

static bool probe_tcx(void)
{
	const struct bpf_insn pass[] = { MOV_IMM(BPF_REG_0, TC_ACT_OK), EXIT };
	_fd_ int prog = insn_load(BPF_PROG_TYPE_SCHED_CLS, pass, ARRAY_SIZE(pass));
	_fd_ int link = -1;

	if (prog < 0)
		return false;
	/* No device has this index: a kernel with tcx looks for it, another knows no tcx. */
	link = datapath_tcx_link(prog, INT32_MAX);
	return link == -ENODEV;
}

bool datapath_tcx_ok(void)
{
	static int known = -1;

	if (known < 0)
		known = probe_tcx();
	return known;
}

/*
 * Ask the FIB for a route from the loopback device; what it answers does not
 * matter, only whether it knows the flag.
 */
static int fib_lookup(__u32 flags, int *ret_answer)
{
	const int size = sizeof(struct bpf_fib_lookup);
	const struct bpf_insn insns[] = {
		MOV_REG(BPF_REG_6, BPF_REG_1),
		STORE_IMM(BPF_DW, BPF_REG_10, -64, 0), STORE_IMM(BPF_DW, BPF_REG_10, -56, 0),
		STORE_IMM(BPF_DW, BPF_REG_10, -48, 0), STORE_IMM(BPF_DW, BPF_REG_10, -40, 0),
		STORE_IMM(BPF_DW, BPF_REG_10, -32, 0), STORE_IMM(BPF_DW, BPF_REG_10, -24, 0),
		STORE_IMM(BPF_DW, BPF_REG_10, -16, 0), STORE_IMM(BPF_DW, BPF_REG_10, -8, 0),
		STORE_IMM(BPF_B, BPF_REG_10, -64 + offsetof(struct bpf_fib_lookup, family), AF_INET),
		STORE_IMM(BPF_W, BPF_REG_10, -64 + offsetof(struct bpf_fib_lookup, ifindex), 1),
		MOV_REG(BPF_REG_1, BPF_REG_6),
		MOV_REG(BPF_REG_2, BPF_REG_10),
		ADD_IMM(BPF_REG_2, -64),
		MOV_IMM(BPF_REG_3, size),
		MOV_IMM(BPF_REG_4, flags),
		CALL(BPF_FUNC_fib_lookup),
		EXIT,
	};
	char frame[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame));
	_fd_ int prog = -1;

	_Static_assert(sizeof(struct bpf_fib_lookup) == 64, "struct bpf_fib_lookup has grown");
	prog = insn_load(BPF_PROG_TYPE_SCHED_CLS, insns, ARRAY_SIZE(insns));
	if (prog < 0)
		return prog;
	if (bpf_prog_test_run_opts(prog, &opts))
		return -errno;
	*ret_answer = (int)opts.retval;
	return 0;
}

static bool fib_takes(__u32 flags)
{
	int answer;

	return !fib_lookup(flags, &answer) && answer >= 0;
}

/* Told only by a kernel that refuses a flag which nobody has defined. */
bool datapath_fib_src_ok(void)
{
	static int known = -1;

	if (known < 0)
		known = fib_takes(0) && !fib_takes(UNKNOWN_FLAG) && fib_takes(BPF_FIB_LOOKUP_SRC);
	return known;
}

static bool probe_kernel_skb(void)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	_fd_ int prog = -1;
	int id;

	if (!kernel)
		return false;
	id = btf__find_by_name_kind(kernel, "bpf_cast_to_kern_ctx", BTF_KIND_FUNC);
	btf__free(kernel);
	if (id > 0) {
		const struct bpf_insn cast[] = {
			CALL_KERNEL(id), MOV_IMM(BPF_REG_0, TC_ACT_OK), EXIT,
		};

		prog = insn_load(BPF_PROG_TYPE_SCHED_CLS, cast, ARRAY_SIZE(cast));
	}
	return prog >= 0;
}

bool datapath_kernel_skb_ok(void)
{
	static int known = -1;

	if (known < 0)
		known = probe_kernel_skb();
	return known;
}
