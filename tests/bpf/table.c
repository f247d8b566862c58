// SPDX-License-Identifier: GPL-2.0-only
/* Runs rows, prints TAP. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "table.h"

static unsigned int n_claims, n_failed;
static bool failing;

static const char *const reasons[] = {
	[CV_OK] = "none",
#define NAME(id, name, text) [CV_DROP_##id] = name,
	CV_DROP_REASONS(NAME)
#undef NAME
};

static const char *reason_name(__u32 reason)
{
	return reason < CV_N_DROPS ? reasons[reason] : "?";
}

/* --- checks */

void check_failed(const char *file, int line, const char *fmt, ...)
{
	const char *base = strrchr(file, '/');
	va_list args;

	failing = true;
	printf("# %s:%d: ", base ? base + 1 : file, line);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
}

void check_bytes(const char *file, int line, const __u8 *got, unsigned int got_len,
		 const __u8 *want, unsigned int want_len)
{
	if (got_len == want_len && !memcmp(got, want, got_len))
		return;
	check_failed(file, line, "other bytes than expected");
	packet_dump("got", got, got_len, want, want_len);
	packet_dump("want", want, want_len, got, got_len);
}

static __u64 drop_count(const struct cv_drop_key *key)
{
	struct cv_drop_count *all = calloc(world.cpus, sizeof(*all));
	__u64 sum = 0;

	if (!bpf_map_lookup_elem(world.drops, key, all))
		for (int i = 0; i < world.cpus; i++)
			sum += all[i].packets;
	free(all);
	return sum;
}

static bool drop_meant(const struct cv_drop_key *at, const struct cv_drop_key *key)
{
	return key->reason == CV_N_DROPS || !memcmp(at, key, sizeof(*at));
}

void check_drops(const char *file, int line, const struct cv_drop_key *key, __u64 packets)
{
	struct cv_drop_key at, next;
	bool found = !packets;
	int err = bpf_map_get_next_key(world.drops, NULL, &next);

	while (!err) {
		__u64 n;

		at = next;
		n = drop_count(&at);
		if (packets && !found && drop_meant(&at, key) && n == packets)
			found = true;
		else if (n)
			check_failed(file, line, "counted %llu times: %s, network %u, slot %u",
				     (unsigned long long)n, reason_name(at.reason), at.net, at.slot);
		err = bpf_map_get_next_key(world.drops, &at, &next);
	}
	if (!found)
		check_failed(file, line, "not counted %llu times: %s, network %u, slot %u",
			     (unsigned long long)packets, reason_name(key->reason), key->net,
			     key->slot);
}

void drops_clear(void)
{
	struct cv_drop_key key;

	while (!bpf_map_get_next_key(world.drops, NULL, &key))
		bpf_map_delete_elem(world.drops, &key);
}

/* Is the entry that the flow names its guest's? */
static void check_flow_external(const char *file, int line, const struct cv_tuple *key,
				const struct cv_flow *f)
{
	const struct cv_external *e = &world.externals[f->external % N_EXTERNALS];
	__u64 owner = EXTERNAL_OWNER(EXTERNAL(f->slot, ntohs(key->lport), 0));

	if (f->external >= N_EXTERNALS ||
	    f->external != world_external_index(ntohl(f->addr), key->proto, ntohs(f->port)))
		check_failed(file, line, "a flow names entry 0x%x for port %u of 0x%x", f->external,
			     ntohs(f->port), ntohl(f->addr));
	else if (EXTERNAL_OWNER(e->word) != owner)
		check_failed(file, line, "port %u has owner %llx, not %llx", ntohs(f->port),
			     (unsigned long long)EXTERNAL_OWNER(e->word), (unsigned long long)owner);
}

void check_externals(const char *file, int line)
{
	static __u32 seen[N_EXTERNALS];
	struct cv_tuple key, next;
	struct cv_flow f;
	int err = bpf_map_get_next_key(world.flows, NULL, &next);

	memset(seen, 0, sizeof(seen));
	while (!err) {
		key = next;
		if (world_flow(&key, &f) && !(f.flags & CV_FLOW_HOST) && f.external != ~0U) {
			check_flow_external(file, line, &key, &f);
			seen[f.external % N_EXTERNALS]++;
		}
		err = bpf_map_get_next_key(world.flows, &key, &next);
	}
	for (__u32 i = 0; i < N_EXTERNALS; i++)
		if (EXTERNAL_FLOWS(world.externals[i].word) != seen[i])
			check_failed(file, line, "entry 0x%x counts %u flows, not %u", i,
				     EXTERNAL_FLOWS(world.externals[i].word), seen[i]);
}

/* --- claims */

void claim_begin(void)
{
	world_reset();
	failing = false;
}

bool claim_failed(void)
{
	return failing;
}

void claim_end(const char *fmt, ...)
{
	va_list args;

	n_claims++;
	n_failed += failing;
	printf("%sok %u - ", failing ? "not " : "", n_claims);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
}

int table_end(void)
{
	printf("1..%u\n", n_claims);
	return n_failed ? 1 : 0;
}

/* --- rows */

static const char *verdict_name(int verdict)
{
	static char number[32];

	switch (verdict) {
	case PASS:
		return "passed to the kernel";
	case DROP:
		return "dropped";
	case REDIRECT:
		return "redirected";
	default:
		snprintf(number, sizeof(number), "%d", verdict);
		return number;
	}
}

void row_check(const struct row *row)
{
	__u8 frame[PACKET_MAX], want[PACKET_MAX];
	unsigned int len, want_len;
	int verdict;

	if (row->before)
		row->before();
	drops_clear();
	len = packet_build(&row->in, frame);
	want_len = packet_build(row->out ? row->out : &row->in, want);
	verdict = world_run(row->hook, row->at, frame, &len, row->gso_size);
	if (verdict != (int)row->verdict)
		check_failed(__FILE__, __LINE__, "the packet was %s", verdict_name(verdict));
	if (row->verdict != DROP)
		CHECK_BYTES(frame, len, want, want_len);
	CHECK_DROPS(&row->drop, row->drop.reason ? 1 : 0);
	if (!row->unbalanced)
		CHECK_EXTERNALS();
	if (row->after)
		row->after();
}

void table_run(const struct row *rows, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		claim_begin();
		row_check(&rows[i]);
		claim_end("%s", rows[i].claim);
	}
}
