// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel and the daemon beside each other, packet by packet, on the same
 * maps: what the kernel answers the daemon answers with the same bytes, and
 * what the kernel takes for no request the daemon does not answer either.
 * What is steered is the daemon's alone.
 *
 * The packets: usual requests, damaged at random; the seed is told.  And what
 * the fuzzers of the daemon's half have found to be worth keeping.
 */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "daemon.h"
#include "dhcp.h"
#include "table.h"

#define OPTIONS_AT	(14 + 20 + 8 + 240)
#define S		"\x36\x04\x0a\x4d\x00\x01"
#define W		"\x32\x04\x0a\x4d\x00\x05"
#define ID		"\x3d\x07\x01\x02\x00\x00\x00\x00\x05"
#define USUAL		"\x37\x05\x01\x03\x06\x1a\x6c" "\x39\x02\x02\x40" "\x3c\x08" "MSFT 5.0" "\x0c\x03" "ann"
#define END		"\xff"

static const struct request bases[] = {
	{ OPTIONS("\x35\x01\x01" USUAL END) },
	{ OPTIONS("\x35\x01\x01" ID "\x50\x00" W END) },
	{ OPTIONS("\x35\x01\x03" S W USUAL END) },
	{ OPTIONS("\x35\x01\x03" ID W USUAL END), .flags = BROADCAST_FLAG },
	{ OPTIONS("\x35\x01\x03" USUAL END), .ciaddr = ANN_IP, .saddr = ANN_IP, .daddr = GATEWAY },
	{ OPTIONS("\x35\x01\x03" "\0\0" ID END "\0\0\0"), .ciaddr = ANN_IP, .saddr = ANN_IP },
	{ OPTIONS("\x35\x01\x08" USUAL END), .ciaddr = ANN_IP, .saddr = ANN_IP, .daddr = GATEWAY },
	{ OPTIONS("\x35\x01\x04" S W END) },
	{ OPTIONS("\x35\x01\x03" "\x0c\x05" "-A_nn" W END) },
	{ OPTIONS("\x35\x01\x03" "\x0c\x07" "ann.lab" "\x51\x06\0\0\0" "an-" W END) },
	{ OPTIONS("\x35\x01\x03" "\x51\x0d\x05\0\0\x03" "ann" "\x03" "lab" "\0\0" W END) },
	{ OPTIONS("\x35\x01\x07" S END), .ciaddr = ANN_IP, .saddr = ANN_IP, .daddr = GATEWAY },
	{ OPTIONS("\x35\x01\x01" ID "\x34\x01\x01" END) },
	{ OPTIONS("\x35\x01\x01" "\x52\x04\x01\x02\x00\x01" END), .giaddr = ANN_IP, .sport = 67 },
};
#define N_BASES (sizeof(bases) / sizeof(bases[0]))

static unsigned int seed = 20261123;

static unsigned int below(unsigned int n)
{
	return (unsigned int)rand_r(&seed) % n;
}

/* The codes that somebody looks at come more often than others. */
static __u8 some_byte(void)
{
	static const __u8 usual[] = { 0, 1, 2, 3, 4, 5, 7, 8, 12, 50, 52, 53, 54, 57, 60, 61, 77, 80, 82, 118, 255 };

	return below(2) ? usual[below(sizeof(usual))] : (__u8)below(256);
}

static __u16 sum16(const __u8 *p, unsigned int len)
{
	__u32 n = 0;

	for (unsigned int i = 0; i < len; i += 2)
		n += (__u32)p[i] << 8 | p[i + 1];
	while (n >> 16)
		n = (n & 0xffff) + (n >> 16);
	return (__u16)n;
}

static void set_lengths(__u8 *frame, unsigned int len)
{
	put16(frame + 16, len - 14);
	put16(frame + 38, len - 34);
	put16(frame + 24, 0);
	put16(frame + 24, 0xffff ^ sum16(frame + 14, 20));
	put16(frame + 40, 0);	/* no UDP checksum: it was damaged too */
}

/* Return: the new length. */
static unsigned int damage(__u8 *frame, unsigned int len)
{
	unsigned int n = below(4), at;

	for (unsigned int i = 0; i < n; i++) {
		at = below(8) ? OPTIONS_AT + below(len - OPTIONS_AT) : 42 + below(len - 42);
		frame[at] = some_byte();
	}
	if (!below(4) && len < 600) {	/* an option comes in, or something like one */
		unsigned int size = 2 + below(6);

		at = OPTIONS_AT + below(len - OPTIONS_AT);
		memmove(frame + at + size, frame + at, len - at);
		for (unsigned int i = 0; i < size; i++)
			frame[at + i] = some_byte();
		frame[at + 1] = (__u8)(below(8) ? size - 2 : below(256));
		len += size;
	}
	if (!below(8))
		len = OPTIONS_AT + below(len - OPTIONS_AT + 1);
	if (below(16))
		set_lengths(frame, len);
	return len;
}

/* --- the world before each packet */

static struct cv_port ann_port;

static void restore(bool with_id, bool rapid, bool relay)
{
	static const char *const names[] = { "", "ann", "ann", "a-nn" };

	const struct cv_use use = { .dhcp_tick = world_tick(), .dhcp_tokens = CV_DHCP_BURST };
	struct cv_network n = world_network(NET);
	struct cv_port p = ann_port;
	struct cv_lease_key key;
	struct cv_lease l;

	n.flags = rapid ? n.flags | CV_NET_RAPID_COMMIT : n.flags & ~CV_NET_RAPID_COMMIT;
	world_set_network(NET, &n);
	p.flags = relay ? p.flags | CV_PORT_RELAY : p.flags & ~CV_PORT_RELAY;
	world_set_port(ANN, &p);
	world_set_use(world.port_use, ANN, &use);
	while (!bpf_map_get_next_key(world.leases, NULL, &key))
		bpf_map_delete_elem(world.leases, &key);
	dhcp_setup();
	l = dhcp_lease();
	if (with_id) {
		l.client_id_len = 7;
		memcpy(l.client_id, ID + 2, 7);
	}
	strcpy(l.hostname, names[below(4)]);
	dhcp_set_lease(&l);
}

/* --- both */

static struct { unsigned int answered, steered, refused, by_daemon; } outcome;

static void tell(const __u8 *frame, unsigned int len)
{
	printf("# request:");
	for (unsigned int i = 0; i < len; i++)
		printf("%s%02x", i == 14 || i == 34 || i == 42 || i == OPTIONS_AT ? " " : "", frame[i]);
	printf("\n");
}

static void check_both(const __u8 *request, unsigned int request_len)
{
	struct cv_lease before = dhcp_lease(), after;
	__u8 frame[PACKET_MAX];
	unsigned int len = request_len;
	struct dhcp_reply reply;
	int verdict;

	memcpy(frame, request, len);
	verdict = world_run(FROM_GUEST, 0, frame, &len, 0);
	if (dhcp_ring_take(NULL)) {
		outcome.steered++;
		daemon_answer(request, request_len, &reply);
		outcome.by_daemon += reply.len > 0;
		return;
	}
	daemon_answer(request, request_len, &reply);
	if (verdict == REDIRECT) {
		outcome.answered++;
		CHECK_BYTES(frame, len, reply.frame, (unsigned int)reply.len);
		after = dhcp_lease();
		if (strcmp(before.hostname, after.hostname))
			check_failed(__FILE__, __LINE__, "the daemon renames '%s' to '%s'", before.hostname,
				     after.hostname);
	} else {
		outcome.refused++;
		CHECK_EQ(verdict, DROP);
		CHECK_EQ(reply.len, 0);
	}
	if (claim_failed())
		tell(request, request_len);
}

static void requests_as_they_are(void)
{
	claim_begin();
	for (unsigned int i = 0; i < N_BASES * 8; i++) {
		__u8 frame[PACKET_MAX];
		unsigned int len = request_build(&bases[i / 8], frame);

		restore(i & 1, i & 2, i & 4);
		daemon_begin();
		check_both(frame, len);
	}
	claim_end("usual requests: both say the same");
}

static void requests_damaged(unsigned int n)
{
	unsigned int first = seed;

	claim_begin();
	memset(&outcome, 0, sizeof(outcome));
	for (unsigned int i = 0; i < n && !claim_failed(); i++) {
		__u8 frame[PACKET_MAX];
		unsigned int len = request_build(&bases[below(N_BASES)], frame);

		len = damage(frame, len);
		restore(below(2), below(2), below(2));
		daemon_begin();
		check_both(frame, len);
	}
	printf("# %u: %u answered by the kernel, %u refused by it, %u steered, of which the daemon answered %u\n",
	       n, outcome.answered, outcome.refused, outcome.steered, outcome.by_daemon);
	CHECK(outcome.answered > n / 25);
	CHECK(outcome.refused > n / 20);
	CHECK(outcome.by_daemon > n / 100);
	claim_end("%u damaged requests (seed %u): both say the same, or both nothing", n, first);
}

/* --- the fuzzers' corpus: tests/fuzz/fuzz_dhcp.c and fuzz_dhcp_server.c tell what is in a file */

#define CORPUS		"tests/fuzz/corpus/"
#define MESSAGE_AT	42
#define WHOLE_FRAME	0x80

static unsigned int n_of_corpus;

/* As it is, and as Ann's. */
static void compare(__u8 *frame, unsigned int len)
{
	__u8 ann[PACKET_MAX];

	request_build(&bases[0], ann);
	for (unsigned int i = 0; i < 2; i++) {
		restore(n_of_corpus & 1, n_of_corpus & 2, n_of_corpus & 4);
		daemon_begin();
		check_both(frame, len);
		if (len >= MESSAGE_AT + 34)
			memcpy(frame + MESSAGE_AT + 28, ann + MESSAGE_AT + 28, 6);
	}
	n_of_corpus++;
}

/* @rest: from @at on; what is before it is a usual request's. */
static void compare_message(unsigned int at, const __u8 *rest, unsigned int len)
{
	__u8 frame[2 * PACKET_MAX];

	request_build(&bases[n_of_corpus % (N_BASES - 1)], frame);	/* the last one is a relay's */
	memcpy(frame + at, rest, len);
	set_lengths(frame, at + len);
	compare(frame, at + len);
}

/* Of a whole frame the message alone: ports and addresses are the guard's, which the daemon does not repeat. */
static void compare_input(const __u8 *data, unsigned int size)
{
	unsigned int skip = size && data[0] & WHOLE_FRAME ? 1 + MESSAGE_AT : 1;

	if (size >= skip && size - skip <= 1514 - MESSAGE_AT)
		compare_message(MESSAGE_AT, data + skip, size - skip);
}

/* Of the steps those that bring a message: its options, behind three bytes for the header. */
static void compare_steps(const __u8 *data, unsigned int size)
{
	while (size >= 3) {
		unsigned int len = ((unsigned int)data[1] << 8 | data[2]) % 400;
		__u8 what = data[0] & 7;

		data += 3;
		size -= 3;
		if (what >= 6)
			continue;
		len = len < size ? len : size;
		if (len > 3)
			compare_message(OPTIONS_AT, data + 3, len - 3);
		data += len;
		size -= len;
	}
}

static void compare_file(const char *dir, const char *name,
			 void (*fn)(const __u8 *data, unsigned int size))
{
	static __u8 data[65536];
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (!f) {
		CHECK_EQ(errno, 0);
		return;
	}
	fn(data, (unsigned int)fread(data, 1, sizeof(data), f));
	fclose(f);
	if (claim_failed())
		printf("# in %s\n", path);
}

static void requests_of_the_corpus(const char *dir, void (*fn)(const __u8 *data, unsigned int size))
{
	unsigned int n = 0;
	struct dirent *e;
	DIR *d;

	claim_begin();
	memset(&outcome, 0, sizeof(outcome));
	n_of_corpus = 0;
	d = opendir(dir);
	while (d && (e = readdir(d)) && !claim_failed()) {
		if (e->d_name[0] == '.')
			continue;
		compare_file(dir, e->d_name, fn);
		n++;
	}
	if (d)
		closedir(d);
	printf("# %u files: %u answered by the kernel, %u refused by it, %u steered, of which the daemon answered %u\n",
	       n, outcome.answered, outcome.refused, outcome.steered, outcome.by_daemon);
	CHECK(outcome.answered && outcome.refused && outcome.by_daemon);
	claim_end("what is in %s: both say the same, or both nothing", dir);
}

/* The programs work in memory of the CPU. */
static void stay_on_one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		printf("# cannot stay on one CPU\n");
}

int main(void)
{
	const char *n = getenv("PACKETS");
	unsigned int first;

	if (getenv("SEED"))
		seed = (unsigned int)strtoul(getenv("SEED"), NULL, 10);
	first = seed;
	world_open();
	daemon_open();
	stay_on_one_cpu();
	claim_begin();	/* sets the world; says nothing yet */
	ann_port = world_port(ANN);
	claim_end("the world is there");
	requests_as_they_are();
	requests_of_the_corpus(CORPUS "dhcp", compare_input);
	requests_of_the_corpus(CORPUS "dhcp_server", compare_steps);
	seed = first;
	requests_damaged(n ? (unsigned int)strtoul(n, NULL, 10) : 20000);
	return table_end();
}
