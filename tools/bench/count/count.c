// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench-count: instructions that the kernel executes for a packet, program,
 * helpers and maps included.
 *
 * Runs in a virtual machine of QEMU with -icount, where a nanosecond is one
 * instruction.  The kernel times a test run of one packet by itself; what an
 * empty program takes is subtracted, so the figures are without the
 * test run.  One packet a run, as a second one would find the first one's
 * changes in its frame.  The least of the runs has met no interrupt.
 *
 * Prints TAP and, for tools/bench/unit, lines "count PATH HOOK INSTRUCTIONS
 * OTHERS", where OTHERS is how many runs took more, and those of verifier.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "count.h"

#define RUNS		51
#define N_ADDS		4000	/* instructions of the long calibration program */

static const char *const hook_names[] = {
	[FROM_GUEST] = "from_guest", [TO_UPLINK] = "to_uplink",
	[FROM_UPLINK] = "from_uplink", [TO_GUEST] = "to_guest", [XDP] = "xdp",
};

struct samples {
	__u32 runs[RUNS];
	unsigned int n;
};

static void die(const char *what, int err)
{
	printf("Bail out! %s: %s\n", what, strerror(err));
	exit(1);
}

/* --- one run */

struct run {
	__u8 frame[PACKET_MAX];
	unsigned int len;
	int verdict;
	__u32 duration_ns;
};

static void run_program(enum bpf_prog_type type, int prog, __u32 ifindex, struct run *r)
{
	static __u8 out[PACKET_MAX];
	struct __sk_buff tc = { .ifindex = ifindex };
	struct xdp_md xdp = { .data_end = r->len, .ingress_ifindex = ifindex };
	bool is_xdp = type == BPF_PROG_TYPE_XDP;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = r->frame, .data_size_in = r->len,
		    .data_out = out, .data_size_out = sizeof(out),
		    .ctx_in = is_xdp ? (void *)&xdp : (void *)&tc,
		    .ctx_size_in = is_xdp ? sizeof(xdp) : sizeof(tc), .repeat = 1);

	if (bpf_prog_test_run_opts(prog, &opts))
		die("test run", errno);
	if (prog == world.prog[TO_UPLINK])
		world_unlink(out, r->frame);
	memcpy(r->frame, out, opts.data_size_out);
	r->len = opts.data_size_out;
	r->verdict = (int)opts.retval;
	r->duration_ns = opts.duration;
}

/* --- calibration */

/* r0 = 0, so many times r0 += 1, exit. */
static int adding_program(enum bpf_prog_type type, unsigned int adds)
{
	struct bpf_insn *insns = calloc(adds + 2, sizeof(*insns));
	int fd;

	insns[0] = (struct bpf_insn) { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 };
	for (unsigned int i = 1; i <= adds; i++)
		insns[i] = (struct bpf_insn) {
			.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_0, .imm = 1,
		};
	insns[adds + 1] = (struct bpf_insn) { .code = BPF_JMP | BPF_EXIT };
	fd = bpf_prog_load(type, "adding", "GPL", insns, adds + 2, NULL);
	free(insns);
	if (fd < 0)
		die("calibration program", -fd);
	return fd;
}

static __u32 least(const struct samples *s)
{
	__u32 n = s->runs[0];

	for (unsigned int i = 1; i < s->n; i++)
		n = s->runs[i] < n ? s->runs[i] : n;
	return n;
}

static __u32 program_ns(enum bpf_prog_type type, unsigned int adds)
{
	struct run r = { .len = 60 };
	struct samples s = {};
	int fd = adding_program(type, adds);

	while (s.n < RUNS) {
		run_program(type, fd, UPLINK, &r);
		s.runs[s.n++] = r.duration_ns;
	}
	return least(&s);
}

/*
 * What a test run costs that does nothing.  Ends the process when time is no
 * count of instructions: without -icount, or with a clock that is not the TSC.
 */
static __u32 calibrate(enum bpf_prog_type type)
{
	__u32 empty = program_ns(type, 0), adding = program_ns(type, N_ADDS);
	int wrong = (int)(adding - empty) - N_ADDS;

	printf("# calibration: %u ns empty, %u ns with %u instructions\n", empty, adding, N_ADDS);
	if (wrong < -2 || wrong > 2) {
		printf("Bail out! the clock does not count instructions: %u of %u\n",
		       adding - empty, N_ADDS);
		exit(1);
	}
	return empty;
}

/* --- a path */

static unsigned int build(unsigned int (*how)(__u8 *), const struct packet *p, __u8 *frame)
{
	return how ? how(frame) : packet_build(p, frame);
}

static void travel(const struct path *path, struct run *r, struct samples at[])
{
	if (path->again)
		path->again();
	r->len = build(path->build, &path->in, r->frame);
	/* What is numbered on its way out keeps its number, so that all bytes can be compared. */
	world_number(get16(r->frame + 18));
	for (unsigned int i = 0; i < path->n_hooks; i++) {
		unsigned int hook = path->hooks[i];

		if (hook == XDP) {
			run_program(BPF_PROG_TYPE_XDP, world.xdp, UPLINK, r);
			CHECK_EQ(r->verdict, XDP_REDIRECT);
		} else {
			run_program(BPF_PROG_TYPE_SCHED_CLS, world.prog[hook], world_ifindex(hook, 0), r);
			CHECK_EQ(r->verdict, i + 1 < path->n_hooks ? REDIRECT : path->verdict);
		}
		at[i].runs[at[i].n++ % RUNS] = r->duration_ns;
	}
}

/* That it is the path which its name says. */
static void prove(const struct path *path)
{
	struct samples unused[PATH_HOOKS] = {};
	const struct cv_totals before = world_totals();
	struct cv_totals after;
	__u8 want[PACKET_MAX];
	unsigned int len;
	struct run r;

	drops_clear();
	travel(path, &r, unused);
	after = world_totals();
	CHECK_EQ(after.new_flows - before.new_flows, path->new_flows);
	CHECK_EQ(after.routes_read - before.routes_read, path->routes_read);
	len = build(path->build_out, &path->out, want);
	if (path->verdict != DROP)
		CHECK_BYTES(r.frame, r.len, want, len);
	CHECK_DROPS(&path->drop, path->drop.reason ? 1 : 0);
}

static void print_samples(const char *path, unsigned int hook, const struct samples *s, __u32 empty)
{
	__u32 n = least(s);
	unsigned int others = 0;

	for (unsigned int i = 0; i < s->n; i++)
		others += s->runs[i] != n;
	printf("count %s %s %u %u\n", path, hook_names[hook], n - empty, others);
}

/* @empty, @empty_xdp: what a run takes that does nothing */
static void count(const struct path *path, __u32 empty, __u32 empty_xdp)
{
	struct samples at[PATH_HOOKS] = {};
	struct run r;

	claim_begin();
	if (path->before)
		path->before();
	prove(path);
	for (unsigned int i = 0; i < RUNS; i++)
		travel(path, &r, at);
	for (unsigned int i = 0; i < path->n_hooks && !claim_failed(); i++)
		print_samples(path->name, path->hooks[i], &at[i],
			      path->hooks[i] == XDP ? empty_xdp : empty);
	claim_end("%s", path->name);
}

int main(void)
{
	__u32 empty, empty_xdp;

	verifier_watch();
	world_open();
	verifier_print();
	empty = calibrate(BPF_PROG_TYPE_SCHED_CLS);
	empty_xdp = calibrate(BPF_PROG_TYPE_XDP);
	for (unsigned int i = 0; i < n_paths; i++)
		count(&paths[i], empty, empty_xdp);
	return table_end();
}
