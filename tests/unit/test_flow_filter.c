// SPDX-License-Identifier: GPL-2.0-only
/* The words that say which flows are meant, and which flows these then are. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow_filter.h"

#define PEER	0xc0000201	/* 192.0.2.1 */

struct good_row {
	const char *name;
	struct flow_words words;
	struct { __u32 remote; __u16 rport; __u8 proto, state; } means;	/* host order */
};

static const struct good_row good_rows[] = {
	{ "no word", { 0 }, { 0 } },
	{ "tcp", { .proto = "tcp" }, { .proto = 6 } },
	{ "udp", { .proto = "udp" }, { .proto = 17 } },
	{ "icmp", { .proto = "icmp" }, { .proto = 1 } },
	{ "a peer", { .peer = "192.0.2.1" }, { .remote = PEER } },
	{ "a peer and its port", { .peer = "192.0.2.1:53" }, { .remote = PEER, .rport = 53 } },
	{ "the last port", { .peer = "192.0.2.1:65535" }, { .remote = PEER, .rport = 65535 } },
	{ "the longest peer", { .peer = "255.255.255.255:65535" },
	  { .remote = 0xffffffff, .rport = 65535 } },
	{ "open", { .state = "open" }, { .state = CV_FLOW_OPEN } },
	{ "established", { .state = "established" }, { .state = CV_FLOW_ESTABLISHED } },
	{ "closing", { .state = "closing" }, { .state = CV_FLOW_CLOSING } },
	{ "all of them", { "udp", "192.0.2.1:53", "open" }, { PEER, 53, 17, CV_FLOW_OPEN } },
};

static void words_mean(void **state)
{
	const struct good_row *row = *state;
	struct cv_flush_args got = { .net = 7, .slot = 9 };
	char *problem = NULL;

	assert_int_equal(flow_filter_read(&row->words, &got, &problem), 0);
	assert_null(problem);
	assert_int_equal(got.net, 7);
	assert_int_equal(got.slot, 9);
	assert_int_equal(ntohl(got.remote), row->means.remote);
	assert_int_equal(ntohs(got.rport), row->means.rport);
	assert_int_equal(got.proto, row->means.proto);
	assert_int_equal(got.state, row->means.state);
}

struct bad_row {
	const char *name;
	struct flow_words words;
	const char *problem;
};

#define BAD_PEER(text) \
	{ "peer '" text "'", { .peer = text }, \
	  "--peer is an address like 192.0.2.1 or 192.0.2.1:53, not '" text "'" }

static const struct bad_row bad_rows[] = {
	{ "another protocol", { .proto = "sctp" }, "--proto is tcp, udp or icmp, not 'sctp'" },
	{ "protocol in capitals", { .proto = "TCP" }, "--proto is tcp, udp or icmp, not 'TCP'" },
	{ "protocol by number", { .proto = "6" }, "--proto is tcp, udp or icmp, not '6'" },
	{ "empty protocol", { .proto = "" }, "--proto is tcp, udp or icmp, not ''" },
	{ "another state", { .state = "new" }, "--state is open, established or closing, not 'new'" },
	{ "beginning of a state", { .state = "est" }, "--state is open, established or closing, not 'est'" },
	{ "empty state", { .state = "" }, "--state is open, established or closing, not ''" },
	BAD_PEER(""), BAD_PEER("example.org"), BAD_PEER("192.0.2"), BAD_PEER("192.0.2.1/24"),
	BAD_PEER("0.0.0.0"), BAD_PEER("192.0.2.1:"), BAD_PEER("192.0.2.1:0"),
	BAD_PEER("192.0.2.1:65536"), BAD_PEER("192.0.2.1:053053"), BAD_PEER("192.0.2.1:-1"),
	BAD_PEER("192.0.2.1:+1"), BAD_PEER("192.0.2.1:53:53"), BAD_PEER("192.0.2.1:domain"),
	BAD_PEER(":53"), BAD_PEER("2001:db8::1"), BAD_PEER("1234567890.1234567890.1.1"),
	{ "the first that is wrong is told", { .proto = "tcp", .peer = "x", .state = "y" },
	  "--peer is an address like 192.0.2.1 or 192.0.2.1:53, not 'x'" },
};

static void words_are_refused(void **state)
{
	const struct bad_row *row = *state;
	struct cv_flush_args got = { .net = 7, .proto = 99 }, before = got;
	char *problem = NULL;

	assert_int_equal(flow_filter_read(&row->words, &got, &problem), -EINVAL);
	assert_string_equal(problem, row->problem);
	assert_memory_equal(&got, &before, sizeof(got));
	free(problem);
}

struct match_row {
	const char *name;
	struct cv_flush_args which;
	bool matches;
};

/* The flow asked about: of network 7 and slot 9, TCP, established, with 192.0.2.1:443. */
static const struct match_row match_rows[] = {
	{ "nothing asked", { 0 }, true },
	{ "its network", { .net = 7 }, true },
	{ "another network", { .net = 8 }, false },
	{ "its guest", { .slot = 9 }, true },
	{ "another guest", { .slot = 10 }, false },
	{ "its protocol", { .proto = 6 }, true },
	{ "another protocol", { .proto = 17 }, false },
	{ "its state", { .state = CV_FLOW_ESTABLISHED }, true },
	{ "another state", { .state = CV_FLOW_CLOSING }, false },
	{ "its peer", { .remote = __builtin_bswap32(PEER) }, true },
	{ "another peer", { .remote = __builtin_bswap32(PEER + 1) }, false },
	{ "its peer and port", { .remote = __builtin_bswap32(PEER), .rport = __builtin_bswap16(443) }, true },
	{ "another port", { .remote = __builtin_bswap32(PEER), .rport = __builtin_bswap16(80) }, false },
	{ "all right", { .net = 7, .slot = 9, .proto = 6, .state = CV_FLOW_ESTABLISHED,
			 .remote = __builtin_bswap32(PEER), .rport = __builtin_bswap16(443) }, true },
	{ "all right but the guest", { .net = 7, .slot = 8, .proto = 6, .state = CV_FLOW_ESTABLISHED,
				       .remote = __builtin_bswap32(PEER) }, false },
};

static void flow_matches(void **state)
{
	const struct match_row *row = *state;
	const struct cv_tuple key = {
		.net = 7, .proto = 6, .local = htonl(0x0a14000a), .lport = htons(40000),
		.remote = htonl(PEER), .rport = htons(443),
	};
	const struct cv_flow flow = { .slot = 9, .state = CV_FLOW_ESTABLISHED };

	assert_int_equal(flow_filter_match(&row->which, &key, &flow), row->matches);
}

static void names_are_those_of_the_options(void **state)
{
	assert_string_equal(flow_proto_name(17), "udp");
	assert_string_equal(flow_state_name(CV_FLOW_CLOSING), "closing");
	assert_null(flow_proto_name(0));
	assert_null(flow_state_name(0));
}

int main(void)
{
	struct CMUnitTest tests[UNIT_N(good_rows) + UNIT_N(bad_rows) + UNIT_N(match_rows) + 1];
	struct CMUnitTest *end = tests;

	end = UNIT_ROWS(end, good_rows, words_mean);
	end = UNIT_ROWS(end, bad_rows, words_are_refused);
	end = UNIT_ROWS(end, match_rows, flow_matches);
	*end++ = (struct CMUnitTest) cmocka_unit_test(names_are_those_of_the_options);
	return UNIT_RUN(tests, end);
}
