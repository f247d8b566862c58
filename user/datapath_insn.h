/* SPDX-License-Identifier: GPL-2.0-only */
/* BPF instructions for the probes: the few that they need. */
#ifndef CULVERT_DATAPATH_INSN_H
#define CULVERT_DATAPATH_INSN_H

#include <errno.h>
#include <linux/bpf.h>

#include <bpf/bpf.h>

#define INSN(op, dst, src, offset, value) ((struct bpf_insn){		\
	.code = (op), .dst_reg = (dst), .src_reg = (src),		\
	.off = (__s16)(offset), .imm = (__s32)(value) })

#define MOV_IMM(dst, value)	INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value)
#define MOV_REG(dst, src)	INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define ADD_IMM(dst, value)	INSN(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, value)
#define LOAD(size, dst, src, offset) INSN(BPF_LDX | BPF_MEM | (size), dst, src, offset, 0)
#define STORE(size, dst, offset, src) INSN(BPF_STX | BPF_MEM | (size), dst, src, offset, 0)
#define STORE_IMM(size, dst, offset, value) INSN(BPF_ST | BPF_MEM | (size), dst, 0, offset, value)
#define JUMP_ZERO(dst, skip)	INSN(BPF_JMP | BPF_JEQ | BPF_K, dst, 0, skip, 0)
#define CALL(helper)		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
/* A function of the kernel, by its BTF id. */
#define CALL_KERNEL(id)		INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, id)
#define EXIT			INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
/* Two instructions long. */
#define LOAD_MAP(dst, map_fd)						\
	INSN(BPF_LD | BPF_DW | BPF_IMM, dst, BPF_PSEUDO_MAP_FD, 0, map_fd),	\
	INSN(0, 0, 0, 0, 0)

/* Return: a descriptor or -errno. */
static inline int insn_load(enum bpf_prog_type type, const struct bpf_insn *insns, size_t n)
{
	int fd = bpf_prog_load(type, "culvert_probe", "GPL", insns, n, NULL);

	return fd < 0 ? -errno : fd;
}

#endif
