// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the verifier of this kernel said of each program while the world was
 * loaded, so that nothing is verified twice.  Prints, for tools/bench/unit,
 * lines "verifier PROGRAM INSNS STATES STACK XLATED JITED", where STACK is
 * what the deepest chain of calls takes, as the verifier adds it up against
 * its 512 bytes, and a timer's callback as if it was called.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "count.h"

#define LOG_STATS	4	/* include/linux/bpf_verifier.h */
#define LOG_BYTES	65536
#define MAX_PROGRAMS	32
#define MAX_SUBPROGRAMS	256	/* the kernel's */
#define FRAME_BYTES	32	/* of which a frame's size is a multiple, before 6.9 */

/* A tree that is older than this file has no such thing. */
extern void (*world_before_load)(struct bpf_object *obj) __attribute__((weak));

static struct bpf_object *object;
static char *logs[MAX_PROGRAMS];

static void __attribute__((noreturn)) give_up(const char *what, const struct bpf_program *prog)
{
	printf("Bail out! %s: %s\n", bpf_program__name(prog), what);
	exit(1);
}

static void keep_logs(struct bpf_object *obj)
{
	struct bpf_program *prog;
	unsigned int i = 0;

	object = obj;
	bpf_object__for_each_program(prog, obj) {
		if (i == MAX_PROGRAMS)
			give_up("one program too many", prog);
		logs[i] = calloc(1, LOG_BYTES);
		if (!logs[i] || bpf_program__set_log_buf(prog, logs[i], LOG_BYTES))
			give_up("no log", prog);
		bpf_program__set_log_level(prog, LOG_STATS);
		i++;
	}
}

void verifier_watch(void)
{
	if (&world_before_load)
		world_before_load = keep_logs;
}

/* --- the stack */

struct calls {
	const struct bpf_insn *insns;
	unsigned int n_insns;
	unsigned int start[MAX_SUBPROGRAMS + 1];	/* in order; the last is n_insns */
	unsigned int bytes[MAX_SUBPROGRAMS];		/* of the frame; the verifier's order is this one */
	unsigned int n;
};

/* The function that an instruction calls, or hands to a helper; -1: none. */
static int callee(const struct bpf_insn *insn, unsigned int at)
{
	bool call = insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL;
	bool pointer = insn->code == (BPF_LD | BPF_IMM | BPF_DW) && insn->src_reg == BPF_PSEUDO_FUNC;

	return call || pointer ? (int)(at + insn->imm + 1) : -1;
}

static int unsigned_cmp(const void *a, const void *b)
{
	return (int)*(const unsigned int *)a - (int)*(const unsigned int *)b;
}

static void find_functions(struct calls *c, const struct bpf_program *prog)
{
	unsigned int n = 1, *starts = calloc(c->n_insns + 1, sizeof(*starts));

	for (unsigned int i = 0; i < c->n_insns; i++)
		if (callee(&c->insns[i], i) >= 0)
			starts[n++] = callee(&c->insns[i], i);
	qsort(starts, n, sizeof(*starts), unsigned_cmp);
	for (unsigned int i = 0; i < n; i++) {
		if (i && starts[i] == starts[i - 1])
			continue;
		if (c->n == MAX_SUBPROGRAMS)
			give_up("one function too many", prog);
		c->start[c->n++] = starts[i];
	}
	c->start[c->n] = c->n_insns;
	free(starts);
}

/*
 * Since 6.8 a function that is never called is not looked at and taken out, and
 * which one that was is not told: suppose the largest frame for all but the first.
 */
static void suppose_largest(struct calls *c, unsigned int told)
{
	unsigned int largest = 0;

	for (unsigned int i = 1; i < told; i++)
		largest = c->bytes[i] > largest ? c->bytes[i] : largest;
	for (unsigned int i = 1; i < c->n; i++)
		c->bytes[i] = largest;
}

/* "stack depth 96+24+40": of each function. */
static void read_frames(struct calls *c, const struct bpf_program *prog, const char *log)
{
	const char *at = strstr(log, "stack depth ");
	unsigned int n = 0;
	char *end;

	if (!at)
		give_up("the verifier tells no stack depth", prog);
	at += strlen("stack depth ");
	for (;; at = end + 1) {
		if (n == c->n)
			give_up("more stack frames than functions", prog);
		c->bytes[n++] = strtoul(at, &end, 10);
		if (*end != '+')
			break;
	}
	if (n < c->n)
		suppose_largest(c, n);
}

static unsigned int function_at(const struct calls *c, unsigned int start)
{
	unsigned int i = 0;

	while (c->start[i] != start)
		i++;
	return i;
}

/* There is no recursion: the verifier refuses it. */
static unsigned int deepest(const struct calls *c, unsigned int function)
{
	unsigned int own = c->bytes[function] ? c->bytes[function] : 1, below = 0;

	for (unsigned int i = c->start[function]; i < c->start[function + 1]; i++) {
		int start = callee(&c->insns[i], i);

		if (start >= 0) {
			unsigned int n = deepest(c, function_at(c, start));

			below = n > below ? n : below;
		}
	}
	return (own + FRAME_BYTES - 1) / FRAME_BYTES * FRAME_BYTES + below;
}

static unsigned int stack_bytes(const struct bpf_program *prog, const char *log)
{
	static struct calls c;

	memset(&c, 0, sizeof(c));
	c.insns = bpf_program__insns(prog);
	c.n_insns = bpf_program__insn_cnt(prog);
	find_functions(&c, prog);
	read_frames(&c, prog, log);
	return deepest(&c, 0);
}

/* --- the lines */

static void print_program(const struct bpf_program *prog, const char *log)
{
	const char *processed = strstr(log, "processed "), *states = strstr(log, "total_states ");
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	if (!processed || !states)
		give_up("the verifier tells no statistics", prog);
	if (bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &size))
		give_up(strerror(errno), prog);
	printf("verifier %s %lu %lu %u %u %u\n", bpf_program__name(prog),
	       strtoul(processed + strlen("processed "), NULL, 10),
	       strtoul(states + strlen("total_states "), NULL, 10), stack_bytes(prog, log),
	       info.xlated_prog_len, info.jited_prog_len);
}

void verifier_print(void)
{
	struct bpf_program *prog;
	unsigned int i = 0;

	if (!object)
		return;
	bpf_object__for_each_program(prog, object)
		print_program(prog, logs[i++]);
}
