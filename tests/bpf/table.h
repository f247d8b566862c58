/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables of claims.  A row is a packet and what must become of it: the
 * verdict, every byte that comes out, the one counter that says why, the state
 * afterwards.  Each row begins in the same world (world.h).
 */
#ifndef CULVERT_TESTS_BPF_TABLE_H
#define CULVERT_TESTS_BPF_TABLE_H

#include "world.h"

enum verdict { PASS = -1, DROP = 2, REDIRECT = 7 };	/* TC_ACT_UNSPEC, _SHOT, _REDIRECT */

/**
 * struct row - a claim
 * @hook, @at:	see world_ifindex()
 * @before:	brings the state about; may be NULL
 * @in:		the packet
 * @out:	what leaves; NULL: the same bytes, or nothing when it is dropped
 * @drop:	the counter that goes up by one; reason 0: none does
 * @after:	judges the state with CHECK(); may be NULL
 * @unbalanced:	ports outside were given to nobody's flows
 */
struct row {
	const char *claim;
	enum hook hook;
	__u32 at;
	void (*before)(void);
	struct packet in;
	enum verdict verdict;
	const struct packet *out;
	struct cv_drop_key drop;
	void (*after)(void);
	__u32 gso_size;
	bool unbalanced;
};

#define OUT(...)	(&(const struct packet) { __VA_ARGS__ })
#define QUOTE(...)	(&(const struct packet) { __VA_ARGS__ })
#define BECAUSE(why)		{ CV_DROP_##why, NET, ANN }
#define BECAUSE_OF(why, net, slot) { CV_DROP_##why, net, slot }
#define SOME_REASON	{ .reason = CV_N_DROPS }	/* exactly one, whichever */

/** table_run() - all rows, each a line of TAP */
void table_run(const struct row *rows, unsigned int n);
#define TABLE_RUN(rows)	table_run(rows, sizeof(rows) / sizeof((rows)[0]))

/** row_check() - judge one row within a claim; says nothing when it holds */
void row_check(const struct row *row);

/* A claim that is no row: begin, any number of checks, end. */
void claim_begin(void);
void claim_end(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Whether something of this claim has failed already. */
bool claim_failed(void);

/** check_failed() - note a failure, with words */
void check_failed(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
#define CHECK(cond) do {						\
	if (!(cond))							\
		check_failed(__FILE__, __LINE__, "%s", #cond);		\
} while (0)
#define CHECK_EQ(got, want) do {					\
	long long got_ = (got), want_ = (want);				\
	if (got_ != want_)						\
		check_failed(__FILE__, __LINE__, "%s is %lld (0x%llx), not %lld (0x%llx)", \
			     #got, got_, got_, want_, want_);		\
} while (0)

/** check_bytes() - compare frames, and show both when they differ */
void check_bytes(const char *file, int line, const __u8 *got, unsigned int got_len,
		 const __u8 *want, unsigned int want_len);
#define CHECK_BYTES(got, got_len, want, want_len) \
	check_bytes(__FILE__, __LINE__, got, got_len, want, want_len)

/** check_drops() - that this counter, and no other, says this many */
void check_drops(const char *file, int line, const struct cv_drop_key *key, __u64 packets);
#define CHECK_DROPS(key, n)	check_drops(__FILE__, __LINE__, key, n)
/** drops_clear() - forget what was counted so far */
void drops_clear(void);

/**
 * check_externals() - that flows and ports outside agree: every flow's entry
 * names its guest's port, counts as many flows as there are, and no entry
 * counts a flow that is not there
 */
void check_externals(const char *file, int line);
#define CHECK_EXTERNALS()	check_externals(__FILE__, __LINE__)

/** table_end() - the plan.  Return: the process's exit status */
int table_end(void);

#endif
