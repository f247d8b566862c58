// SPDX-License-Identifier: GPL-2.0-only
/* Events as lines: for people, and for programs, to which each kind has its keys. */
#include "unit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "event_line.h"
#include "mem.h"

#define WHEN_NS	1767323045678901234ULL	/* 2026-01-02 03:04:05.678901234 UTC */
#define WHEN	"2026-01-02T03:04:05.678Z"

#define LOCAL	.local = 0x0a14000a	/* host order here: made wire order below */
#define PEER	.remote = 0xcb00710a
#define WEB	.network = "lab", .guest = "web"
#define FLOW	.tuple = { LOCAL, .lport = 40000, .proto = IPPROTO_TCP }, .addr = 0xc6336402, .port = 1024, WEB
#define WITH	.tuple = { LOCAL, .lport = 40000, .proto = IPPROTO_TCP, PEER, .rport = 443 }, \
		.addr = 0xc6336402, .port = 1024, WEB

struct line_row {
	const char *name;
	struct cv_event e;
	const char *refusal;
	const char *text;	/* behind the time */
	const char *json;	/* likewise */
};

#define J_WEB(kind) "\"event\": \"" kind "\", \"network\": \"lab\", \"guest\": \"web\""
#define J_FLOW	"\"proto\": \"tcp\", \"local\": \"10.20.0.10:40000\", \"external\": \"198.51.100.2:1024\", "

static const struct line_row rows[] = {
	{ "a new flow", { .kind = CV_EVENT_NEW, FLOW }, NULL,
	  "new lab web proto=tcp local=10.20.0.10:40000 external=198.51.100.2:1024 from=guest",
	  J_WEB("new") ", " J_FLOW "\"peer\": null, \"from\": \"guest\"" },
	{ "one with its peer", { .kind = CV_EVENT_NEW, WITH }, NULL,
	  "new lab web proto=tcp local=10.20.0.10:40000 external=198.51.100.2:1024 "
	  "peer=203.0.113.10:443 from=guest",
	  J_WEB("new") ", " J_FLOW "\"peer\": \"203.0.113.10:443\", \"from\": \"guest\"" },
	{ "one from outside", { .kind = CV_EVENT_NEW, FLOW, .flags = CV_FLOW_INBOUND }, NULL,
	  "new lab web proto=tcp local=10.20.0.10:40000 external=198.51.100.2:1024 from=outside",
	  J_WEB("new") ", " J_FLOW "\"peer\": null, \"from\": \"outside\"" },
	{ "one of the host, without translation",
	  { .kind = CV_EVENT_NEW, .tuple = { LOCAL, .lport = 22, .proto = IPPROTO_TCP }, WEB,
	    .flags = CV_FLOW_HOST }, NULL,
	  "new lab web proto=tcp local=10.20.0.10:22 from=host",
	  J_WEB("new") ", \"proto\": \"tcp\", \"local\": \"10.20.0.10:22\", \"external\": null, "
	  "\"peer\": null, \"from\": \"host\"" },
	{ "a ping's peer has no port",
	  { .kind = CV_EVENT_NEW, .tuple = { LOCAL, .lport = 77, .proto = IPPROTO_ICMP, PEER }, WEB,
	    .addr = 0xc6336402, .port = 78 }, NULL,
	  "new lab web proto=icmp local=10.20.0.10:77 external=198.51.100.2:78 peer=203.0.113.10 "
	  "from=guest",
	  J_WEB("new") ", \"proto\": \"icmp\", \"local\": \"10.20.0.10:77\", "
	  "\"external\": \"198.51.100.2:78\", \"peer\": \"203.0.113.10\", \"from\": \"guest\"" },
	{ "a flow that was silent",
	  { .kind = CV_EVENT_EXPIRED, FLOW, .state = CV_FLOW_ESTABLISHED, .duration_ticks = 75,
	    .out_packets = 1, .out_bytes = 2, .in_packets = 3, .in_bytes = 5000000000 }, NULL,
	  "end lab web proto=tcp local=10.20.0.10:40000 external=198.51.100.2:1024 from=guest "
	  "reason=expired duration_s=10 packets_out=1 bytes_out=2 packets_in=3 bytes_in=5000000000",
	  J_WEB("end") ", " J_FLOW "\"peer\": null, \"from\": \"guest\", \"reason\": \"expired\", "
	  "\"duration_s\": 10, \"packets_out\": 1, \"bytes_out\": 2, \"packets_in\": 3, "
	  "\"bytes_in\": 5000000000" },
	{ "a connection that was closed",
	  { .kind = CV_EVENT_EXPIRED, FLOW, .state = CV_FLOW_CLOSING }, NULL,
	  "end lab web proto=tcp local=10.20.0.10:40000 external=198.51.100.2:1024 from=guest "
	  "reason=closed duration_s=0 packets_out=0 bytes_out=0 packets_in=0 bytes_in=0",
	  J_WEB("end") ", " J_FLOW "\"peer\": null, \"from\": \"guest\", \"reason\": \"closed\", "
	  "\"duration_s\": 0, \"packets_out\": 0, \"bytes_out\": 0, \"packets_in\": 0, "
	  "\"bytes_in\": 0" },
	{ "a flow that was forgotten",
	  { .kind = CV_EVENT_FLUSHED, FLOW, .state = CV_FLOW_CLOSING }, NULL,
	  "end lab web proto=tcp local=10.20.0.10:40000 external=198.51.100.2:1024 from=guest "
	  "reason=flushed duration_s=0 packets_out=0 bytes_out=0 packets_in=0 bytes_in=0",
	  J_WEB("end") ", " J_FLOW "\"peer\": null, \"from\": \"guest\", \"reason\": \"flushed\", "
	  "\"duration_s\": 0, \"packets_out\": 0, \"bytes_out\": 0, \"packets_in\": 0, "
	  "\"bytes_in\": 0" },
	{ "a refusal of a guest nobody knows",
	  { .kind = CV_EVENT_REFUSED, .tuple = { LOCAL, .lport = 9, .proto = IPPROTO_UDP },
	    .network = "lab" }, "no-guest",
	  "refused lab - proto=udp local=10.20.0.10:9 from=guest reason=no-guest",
	  "\"event\": \"refused\", \"network\": \"lab\", \"guest\": null, \"proto\": \"udp\", "
	  "\"local\": \"10.20.0.10:9\", \"external\": null, \"peer\": null, \"from\": \"guest\", "
	  "\"reason\": \"no-guest\"" },
	{ "a lease",
	  { .kind = CV_EVENT_LEASE, .why = CV_LEASE_BOUND_NEWS, .tuple = { LOCAL }, WEB,
	    .lease_s = 3600 }, NULL,
	  "lease lab web address=10.20.0.10 state=bound lease_s=3600",
	  J_WEB("lease") ", \"address\": \"10.20.0.10\", \"state\": \"bound\", \"lease_s\": 3600" },
	{ "a lease of news that we do not know",
	  { .kind = CV_EVENT_LEASE, .why = 200, WEB }, NULL,
	  "lease lab web lease_s=0",
	  J_WEB("lease") ", \"address\": null, \"state\": null, \"lease_s\": 0" },
	{ "an event that we do not know", { .kind = 200, WEB }, NULL,
	  "unknown lab web", J_WEB("unknown") },
	{ "a name that would break the line",
	  { .kind = 200, .network = "a\"b\\c\n", .guest = "\x1b[1m x" }, NULL,
	  "unknown a?b?c? ?[1m?x",
	  "\"event\": \"unknown\", \"network\": \"a?b?c?\", \"guest\": \"?[1m?x\"" },
};

static struct cv_event in_wire_order(struct cv_event e)
{
	e.tuple.local = htonl(e.tuple.local);
	e.tuple.remote = htonl(e.tuple.remote);
	e.tuple.lport = htons(e.tuple.lport);
	e.tuple.rport = htons(e.tuple.rport);
	e.addr = htonl(e.addr);
	e.port = htons(e.port);
	return e;
}

static void people_read(void **state)
{
	const struct line_row *row = *state;
	const struct cv_event e = in_wire_order(row->e);
	char want[EVENT_LINE_SIZE], got[EVENT_LINE_SIZE];
	size_t len;

	snprintf(want, sizeof(want), WHEN " %s\n", row->text);
	len = event_line(got, EVENT_TEXT, &e, WHEN_NS, row->refusal);
	assert_string_equal(got, want);
	assert_int_equal(len, strlen(want));
}

static void programs_read(void **state)
{
	const struct line_row *row = *state;
	const struct cv_event e = in_wire_order(row->e);
	char want[EVENT_LINE_SIZE], got[EVENT_LINE_SIZE];
	json_t *json;
	size_t len;

	snprintf(want, sizeof(want), "{\"time\": \"" WHEN "\", %s}\n", row->json);
	len = event_line(got, EVENT_JSON, &e, WHEN_NS, row->refusal);
	assert_string_equal(got, want);
	assert_int_equal(len, strlen(want));
	json = json_loads(got, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	json_decref(json);
}

static void tells_what_is_lost(void **state)
{
	char got[EVENT_LINE_SIZE];

	event_line_lost(got, EVENT_TEXT, WHEN_NS, 12, 3);
	assert_string_equal(got, WHEN " lost count=12 gap_s=3\n");
	event_line_lost(got, EVENT_JSON, WHEN_NS, 12, 3);
	assert_string_equal(got, "{\"time\": \"" WHEN "\", \"event\": \"lost\", \"count\": 12, \"gap_s\": 3}\n");
}

/* All that is as long as it can be, and names without an end. */
static struct cv_event longest(void)
{
	struct cv_event e = {
		.kind = CV_EVENT_FLUSHED, .duration_ticks = ~0U, .addr = ~0U, .port = 0xffff,
		.flags = CV_FLOW_INBOUND, .tuple = { ~0U, ~0U, 0xffff, 0xffff, .proto = IPPROTO_TCP },
		.out_packets = INT64_MAX, .out_bytes = INT64_MAX,	/* of JSON's readers */
		.in_packets = INT64_MAX, .in_bytes = INT64_MAX,
	};

	memset(e.network, 'n', sizeof(e.network));
	memset(e.guest, 'g', sizeof(e.guest));
	return e;
}

static void has_room_for_the_longest(void **state)
{
	const struct cv_event e = longest();
	char got[EVENT_LINE_SIZE];
	json_t *json;
	size_t len = event_line(got, EVENT_JSON, &e, ~0ULL, NULL);

	assert_true(len < EVENT_LINE_SIZE - 64);
	assert_int_equal(len, strlen(got));
	json = json_loads(got, 0, NULL);
	assert_non_null(json);
	assert_int_equal(strlen(json_string_value(json_object_get(json, "guest"))), CV_NAME_SIZE - 1);
	json_decref(json);
}

int main(void)
{
	struct CMUnitTest tests[2 * UNIT_N(rows) + 2], *end = tests;

	end = UNIT_ROWS(end, rows, people_read);
	end = UNIT_ROWS(end, rows, programs_read);
	*end++ = (struct CMUnitTest) cmocka_unit_test(tells_what_is_lost);
	*end++ = (struct CMUnitTest) cmocka_unit_test(has_room_for_the_longest);
	return UNIT_RUN(tests, end);
}
