// SPDX-License-Identifier: GPL-2.0-only
/*
 * cv_to_uplink: new flows where hardly a port, or none, is left outside.
 */
#include <stdio.h>
#include <string.h>

#include "table.h"

#define FROM_ANN	.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = ANN_IP

static bool allowed(__u16 port)
{
	return port >= CV_PORT_MIN && (port < RESERVED_MIN || port > RESERVED_MAX);
}

/* A flow of Ann's from @sport leaves by an allowed port, which is hers. */
static bool new_port(__u16 sport)
{
	const struct packet p = { FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = sport, .dport = 53 };
	__u8 frame[PACKET_MAX];
	unsigned int len = packet_build(&p, frame);
	__u16 port;

	if (world_run(TO_UPLINK, 0, frame, &len, 0) != REDIRECT || get32(frame + 26) != HOST_IP)
		return false;
	port = get16(frame + 34);
	return allowed(port) && world_external(HOST_IP, UDP, port)->word == EXTERNAL(ANN, sport, 1);
}

static __u32 rnd(__u32 n)
{
	static __u64 state = 1;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % n;
}

/* All but one in @every of the ports that may be had are another's; 0: all. */
static void fill(__u32 every)
{
	for (__u32 port = 0; port < 65536; port++)
		if (allowed(port) && (!every || rnd(every)))
			world_external(HOST_IP, UDP, port)->word = EXTERNAL(NOBODY, port, 1);
}

static __u16 random_taken(void)
{
	for (;;) {
		__u16 port = rnd(65536);

		if (world_external(HOST_IP, UDP, port)->word == EXTERNAL(NOBODY, port, 1))
			return port;
	}
}

static void nearly_full(void)
{
	unsigned int n = 0;

	claim_begin();
	fill(20);
	for (__u32 port = 0; port < 65536; port++)
		n += !!world_external(HOST_IP, UDP, port)->word;
	printf("# %u of 36280 ports taken\n", n);
	CHECK(n > 36280 * 0.945 && n < 36280 * 0.955);
	for (unsigned int i = 0; i < 1000 && !claim_failed(); i++) {
		CHECK(new_port(1 + i * 65));
		/* As full as before. */
		world_external(HOST_IP, UDP, random_taken())->word = 0;
	}
	CHECK_EQ(world_totals().new_flows, 1000);
	printf("# %.1f ports tried for a flow, %llu of 1000 kept\n", world_totals().port_tries / 1000.0,
	       (unsigned long long)world_totals().port_preserved);
	claim_end("1000 new flows find ports where 95 %% are taken");
}

/*
 * All ports below those of the host are one guest's, as after a scan, and 2000
 * flows find room in the eighth that is left above.
 */
static void one_piece_left(void)
{
	unsigned int n = 0;

	claim_begin();
	world_reset();
	for (__u32 port = CV_PORT_MIN; port < RESERVED_MIN; port++)
		world_external(HOST_IP, UDP, port)->word = EXTERNAL(NOBODY, port, 1);
	for (unsigned int i = 0; i < 2000; i++)
		n += new_port(CV_PORT_MIN + i);
	CHECK_EQ(n, 2000);
	printf("# %.1f ports tried for a flow\n", world_totals().port_tries / 2000.0);
	claim_end("2000 new flows find ports where all but the last 4536 are taken");
}

static void all_taken(void)
{
	fill(0);
}

static void refused(void)
{
	CHECK_EQ(world_entries(world.flows, sizeof(struct cv_tuple)), 0);
	CHECK_EQ(world_use(world.port_use, ANN).flows, 0);
	CHECK_EQ(world_totals().icmp_errors_sent, 1);
	CHECK_EQ(world_totals().new_flows, 0);
}

#define QUERY	FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53

static const struct row none_free[] = {
	{
		.claim = "no port is free: the guest is told", .hook = TO_UPLINK, .before = all_taken, .unbalanced = true,
		.in = { QUERY },
		.verdict = REDIRECT, .drop = BECAUSE(NO_PORT), .after = refused,
		.out = OUT(.dmac = TAG_MAC(ANN), .saddr = GATEWAY, .daddr = ANN_IP, .proto = ICMP,
			   .frag = DF, .type = UNREACHABLE, .code = 13, .quote = QUOTE(QUERY)),
	}, {
		.claim = "another protocol's ports are free then", .hook = TO_UPLINK, .before = all_taken, .unbalanced = true,
		.in = { FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = SYN },
		.verdict = REDIRECT,
		.out = OUT(.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = HOST_IP, .daddr = SERVER, .proto = TCP,
			   .sport = 5000, .dport = 80, .flags = SYN, .ttl = 63),
	},
};

int main(void)
{
	world_open();
	nearly_full();
	one_piece_left();
	TABLE_RUN(none_free);
	return table_end();
}
