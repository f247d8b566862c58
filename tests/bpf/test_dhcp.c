// SPDX-License-Identifier: GPL-2.0-only
/*
 * DHCP in cv_from_guest: a client whose lease is known is answered here, byte
 * by byte as the RFCs say; every other one is the daemon's; what is no request
 * is dropped.
 */
#include <stdio.h>
#include <string.h>

#include "dhcp.h"
#include "table.h"

enum fate { ANSWERED, STEERED, REFUSED };

struct dhcp_row {
	const char *claim;
	void (*before)(void);
	struct request in;
	enum fate fate;
	struct reply out;
	struct cv_drop_key drop;
	void (*after)(void);
};

/* Options of requests. */
#define O_DISCOVER	"\x35\x01\x01"
#define O_REQUEST	"\x35\x01\x03"
#define O_SERVER	"\x36\x04\x0a\x4d\x00\x01"
#define O_OTHER_SERVER	"\x36\x04\x0a\x4d\x00\x02"
#define O_IP		"\x32\x04\x0a\x4d\x00\x05"
#define O_OTHER_IP	"\x32\x04\x0a\x4d\x00\x06"
#define O_USUAL		"\x37\x04\x01\x03\x06\x1a" "\x39\x02\x02\x40" "\x3c\x08" "MSFT 5.0" "\x0c\x03" "ann"
#define O_ID		"\x3d\x07\x01\x02\x00\x00\x00\x00\x05"
#define ID		"\x01\x02\x00\x00\x00\x00\x05"
#define O_RAPID		"\x50\x00"
#define O_DECLINE	"\x35\x01\x04"
#define O_RELEASE	"\x35\x01\x07"
#define END		"\xff"

#define SELECTING	O_REQUEST O_SERVER O_IP
#define INIT_REBOOT	O_REQUEST O_IP
#define RENEWING	.saddr = ANN_IP, .daddr = GATEWAY, .ciaddr = ANN_IP
#define REBINDING	.saddr = ANN_IP, .ciaddr = ANN_IP
#define LEASE		.lease_s = CV_DHCP_LEASE_S
#define TO_ALL		.dmac = ALL_MAC, .daddr = 0xffffffff

static struct cv_lease lease_before;

static void check_row(const struct dhcp_row *row)
{
	__u8 frame[PACKET_MAX], want[PACKET_MAX];
	struct cv_request steered = {};
	unsigned int len, want_len;

	dhcp_setup();
	if (row->before)
		row->before();
	lease_before = dhcp_lease();
	len = request_build(&row->in, frame);
	want_len = row->fate == ANSWERED ? reply_build(&row->out, want) : request_build(&row->in, want);
	CHECK_EQ(world_run(FROM_GUEST, 0, frame, &len, 0), row->fate == ANSWERED ? REDIRECT : DROP);
	if (row->fate == ANSWERED)
		CHECK_BYTES(frame, len, want, want_len);
	CHECK_DROPS(&row->drop, row->fate == REFUSED);
	CHECK_EQ(dhcp_ring_take(&steered), row->fate == STEERED);
	if (row->fate == STEERED) {
		CHECK_EQ(steered.slot, ANN);
		CHECK_EQ(steered.net, NET);
		CHECK(world_boot_ns() - steered.boot_ns < 5000000000ULL);
		CHECK_BYTES(steered.frame, steered.len, want, want_len);
	}
	CHECK_EQ(world_totals().dhcp_answered, row->fate == ANSWERED);
	CHECK_EQ(world_totals().dhcp_steered, row->fate == STEERED);
	if (row->after)
		row->after();
}

static void run_rows(const struct dhcp_row *rows, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		claim_begin();
		check_row(&rows[i]);
		claim_end("%s", rows[i].claim);
	}
}
#define RUN(rows)	run_rows(rows, sizeof(rows) / sizeof((rows)[0]))

/* --- the lease, before and after */

static void edit_lease(void (*edit)(struct cv_lease *l))
{
	struct cv_lease l = dhcp_lease();

	edit(&l);
	dhcp_set_lease(&l);
}

#define LEASE_EDIT(name, ...)						\
	static void name##_edit(struct cv_lease *l) { __VA_ARGS__; }	\
	static void name(void) { edit_lease(name##_edit); }

#define FROM_NOW_MS(ms)	(world_boot_ns() + (ms) * 1000000ULL)

LEASE_EDIT(with_id, l->client_id_len = 7; memcpy(l->client_id, ID, 7))
LEASE_EDIT(with_other_id, l->client_id_len = 7; memcpy(l->client_id, "\x01\x02\0\0\0\0\x06", 7))
LEASE_EDIT(with_longer_id, l->client_id_len = 8; memcpy(l->client_id, ID "\0", 8))
LEASE_EDIT(with_longest_id, l->client_id_len = 31; memset(l->client_id, 'x', 31))
LEASE_EDIT(offered, l->state = CV_LEASE_OFFERED)
LEASE_EDIT(suspended, l->state = CV_LEASE_SUSPENDED)
LEASE_EDIT(leaving, l->state = CV_LEASE_LEAVING)
LEASE_EDIT(of_another_port, l->slot = BOB)
LEASE_EDIT(of_another_address, l->ip = htonl(BOB_IP))
LEASE_EDIT(horizon_over, l->horizon_boot_ns = FROM_NOW_MS(-1))
LEASE_EDIT(horizon_too_near, l->horizon_boot_ns = FROM_NOW_MS(59900))
LEASE_EDIT(horizon_near, l->horizon_boot_ns = FROM_NOW_MS(600500))
LEASE_EDIT(expired, l->expiry_boot_ns = FROM_NOW_MS(-1000))
LEASE_EDIT(reserved, l->flags = CV_LEASE_STATIC; l->horizon_boot_ns = ~0ULL)

LEASE_EDIT(of_the_daemon, l->flags = CV_LEASE_DAEMON)
LEASE_EDIT(relayed_lease, l->flags = CV_LEASE_RELAYED)

LEASE_EDIT(nameless, l->hostname[0] = 0)
LEASE_EDIT(named_a_nn, strcpy(l->hostname, "a-nn"))
LEASE_EDIT(reserved_for_web, l->flags = CV_LEASE_STATIC; strcpy(l->hostname, "web"); l->horizon_boot_ns = ~0ULL)

static void rapid_network(void)
{
	struct cv_network n = world_network(NET);

	n.flags |= CV_NET_RAPID_COMMIT;
	world_set_network(NET, &n);
}

static void rapid_with_id(void)
{
	rapid_network();
	with_id();
}

/* Ann's port is a relay's; of those behind it, ZOE_MAC has ZOE_IP. */
#define ZOE_MAC	0x020000005555ULL
#define ZOE_IP	IP(10, 77, 0, 99)
static void relay(void)
{
	struct cv_port p = world_port(ANN);
	struct cv_lease l = dhcp_lease();

	p.flags |= CV_PORT_RELAY;
	world_set_port(ANN, &p);
	l.ip = htonl(ZOE_IP);
	l.flags = CV_LEASE_RELAYED;
	dhcp_set_lease_of(ZOE_MAC, &l);
}

/* A lease of the same client that was given at another port. */
static void relay_elsewhere(void)
{
	struct cv_lease l;

	relay();
	l = dhcp_lease();
	l.flags = CV_LEASE_RELAYED;
	l.slot = BOB;
	dhcp_set_lease_of(ZOE_MAC, &l);
}

static void static_port(void)
{
	struct cv_port p = world_port(ANN);

	p.flags |= CV_PORT_STATIC;
	world_set_port(ANN, &p);
}

static void no_options(void)
{
	dhcp_set_options("", 0);
}

static void expiry_is(__u32 seconds)
{
	struct cv_lease l = dhcp_lease();
	__u64 want = world_boot_ns() + seconds * 1000000000ULL;

	CHECK(l.expiry_boot_ns <= want);
	CHECK(l.expiry_boot_ns > want - 2000000000ULL);
	CHECK_EQ(l.flags, CV_LEASE_DIRTY);
	CHECK_EQ(l.horizon_boot_ns, lease_before.horizon_boot_ns);
	CHECK_EQ(l.start_boot_ns, lease_before.start_boot_ns);
	CHECK_EQ(l.state, CV_LEASE_BOUND);
}

static void extended(void)
{
	expiry_is(CV_DHCP_LEASE_S);
}

static void extended_a_little(void)
{
	expiry_is(600);
}

static void lease_unchanged(void)
{
	struct cv_lease l = dhcp_lease();

	CHECK(!memcmp(&l, &lease_before, sizeof(l)));
}

/* Its state alone. */
static void is_left(void)
{
	struct cv_lease l = dhcp_lease();

	CHECK_EQ(l.state, CV_LEASE_LEAVING);
	l.state = lease_before.state;
	CHECK(!memcmp(&l, &lease_before, sizeof(l)));
}

/* --- answered */

static const struct dhcp_row answers[] = {
	{
		.claim = "DISCOVER of a known client: OFFER of its address",
		.in = { OPTIONS(O_DISCOVER O_USUAL END) },
		.out = { OFFER, LEASE }, .after = lease_unchanged,
	}, {
		.claim = "DISCOVER with the broadcast flag: OFFER to all",
		.in = { .flags = BROADCAST_FLAG, OPTIONS(O_DISCOVER O_USUAL END) },
		.out = { OFFER, LEASE, TO_ALL, .flags = BROADCAST_FLAG },
	}, {
		.claim = "DISCOVER that asks for another address: OFFER of its own",
		.in = { OPTIONS(O_DISCOVER O_OTHER_IP END) },
		.out = { OFFER, LEASE },
	}, {
		.claim = "DISCOVER with ciaddr (buggy clients): OFFER with none, to yiaddr",
		.in = { .ciaddr = BOB_IP, OPTIONS(O_DISCOVER END) },
		.out = { OFFER, LEASE },
	}, {
		.claim = "REQUEST, SELECTING: ACK, and the lease is extended",
		.in = { OPTIONS(SELECTING O_USUAL END) },
		.out = { DHCP_ACK, LEASE }, .after = extended,
	}, {
		.claim = "REQUEST, SELECTING with the broadcast flag: ACK to all",
		.in = { .flags = BROADCAST_FLAG, OPTIONS(SELECTING END) },
		.out = { DHCP_ACK, LEASE, TO_ALL, .flags = BROADCAST_FLAG }, .after = extended,
	}, {
		.claim = "REQUEST, INIT-REBOOT: ACK",
		.in = { OPTIONS(INIT_REBOOT END) },
		.out = { DHCP_ACK, LEASE }, .after = extended,
	}, {
		.claim = "REQUEST, RENEWING: ACK to ciaddr",
		.in = { RENEWING, OPTIONS(O_REQUEST O_USUAL END) },
		.out = { DHCP_ACK, LEASE, .ciaddr = ANN_IP }, .after = extended,
	}, {
		.claim = "REQUEST, REBINDING: ACK to ciaddr",
		.in = { REBINDING, OPTIONS(O_REQUEST END) },
		.out = { DHCP_ACK, LEASE, .ciaddr = ANN_IP }, .after = extended,
	}, {
		.claim = "REBINDING with the broadcast flag: ciaddr goes before it",
		.in = { REBINDING, .flags = BROADCAST_FLAG, OPTIONS(O_REQUEST END) },
		.out = { DHCP_ACK, LEASE, .ciaddr = ANN_IP, .flags = BROADCAST_FLAG }, .after = extended,
	}, {
		.claim = "nothing that the client sent comes back but what must",
		.in = { .junk = true, OPTIONS(SELECTING O_USUAL END "secretsecretsecret") },
		.out = { DHCP_ACK, LEASE },
	}, {
		.claim = "a request without a UDP checksum gets a reply with one",
		.in = { .no_csum = true, OPTIONS(SELECTING END) },
		.out = { DHCP_ACK, LEASE },
	}, {
		.claim = "the client id comes back (RFC 6842)", .before = with_id,
		.in = { OPTIONS(SELECTING O_ID O_USUAL END) },
		.out = { DHCP_ACK, LEASE, .id = ID, .id_len = 7 },
	}, {
		.claim = "a client id before all else is found too", .before = with_id,
		.in = { OPTIONS(O_ID O_DISCOVER END) },
		.out = { OFFER, LEASE, .id = ID, .id_len = 7 },
	}, {
		.claim = "the longest client id comes back", .before = with_longest_id,
		.in = { OPTIONS(O_DISCOVER "\x3d\x1f" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" END) },
		.out = { OFFER, LEASE, .id = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", .id_len = 31 },
	}, {
		.claim = "padding between options is skipped",
		.in = { OPTIONS("\0\0\0" O_REQUEST "\0" O_SERVER "\0\0" O_IP "\0" END "\0\0\0") },
		.out = { DHCP_ACK, LEASE },
	}, {
		.claim = "near its horizon a lease is granted that long", .before = horizon_near,
		.in = { OPTIONS(SELECTING END) },
		.out = { DHCP_ACK, .lease_s = 600 }, .after = extended_a_little,
	}, {
		.claim = "an expired lease within its horizon is granted again", .before = expired,
		.in = { OPTIONS(INIT_REBOOT END) },
		.out = { DHCP_ACK, LEASE }, .after = extended,
	}, {
		.claim = "a reservation is granted without end, and not marked", .before = reserved,
		.in = { OPTIONS(SELECTING END) },
		.out = { DHCP_ACK, LEASE }, .after = lease_unchanged,
	}, {
		.claim = "a reservation is for whoever asks at the port", .before = reserved,
		.in = { OPTIONS(O_DISCOVER O_ID END) },
		.out = { OFFER, LEASE, .id = ID, .id_len = 7 },
	}, {
		.claim = "the name of the lease, as it is sent by some",
		.in = { OPTIONS(SELECTING "\x0c\x09" "_Ann_.lab" END) },
		.out = { DHCP_ACK, LEASE }, .after = extended,
	}, {
		.claim = "what is no letter within a name is a hyphen", .before = named_a_nn,
		.in = { OPTIONS(SELECTING "\x0c\x04" "a\xff" "nn" END) },
		.out = { DHCP_ACK, LEASE }, .after = extended,
	}, {
		.claim = "the name in option 81 goes before that in 12",
		.in = { OPTIONS(SELECTING "\x51\x08\x04\0\0\x03" "ann\0" "\x0c\x03" "bob" END) },
		.out = { DHCP_ACK, LEASE }, .after = extended,
	}, {
		.claim = "who sends no name keeps the one he has",
		.in = { OPTIONS(SELECTING END) },
		.out = { DHCP_ACK, LEASE }, .after = extended,
	}, {
		.claim = "a reservation is known by its own name", .before = reserved_for_web,
		.in = { OPTIONS(SELECTING "\x0c\x03" "ann" END) },
		.out = { DHCP_ACK, LEASE }, .after = lease_unchanged,
	}, {
		.claim = "rapid commit where it is not enabled: an OFFER without it",
		.in = { OPTIONS(O_DISCOVER O_RAPID END) },
		.out = { OFFER, LEASE }, .after = lease_unchanged,
	}, {
		.claim = "rapid commit where it is enabled: ACK with it, and the lease is extended", .before = rapid_network,
		.in = { OPTIONS(O_DISCOVER O_RAPID O_USUAL END) },
		.out = { DHCP_ACK, LEASE, .rapid = true }, .after = extended,
	}, {
		.claim = "rapid commit with a client id and a stray ciaddr", .before = rapid_with_id,
		.in = { .ciaddr = BOB_IP, OPTIONS(O_RAPID O_ID O_DISCOVER END) },
		.out = { DHCP_ACK, LEASE, .rapid = true, .id = ID, .id_len = 7 }, .after = extended,
	}, {
		.claim = "rapid commit enabled, not asked for: OFFER", .before = rapid_network,
		.in = { OPTIONS(O_DISCOVER END) },
		.out = { OFFER, LEASE },
	}, {
		.claim = "rapid commit in a REQUEST means nothing", .before = rapid_network,
		.in = { OPTIONS(SELECTING O_RAPID END) },
		.out = { DHCP_ACK, LEASE }, .after = extended,
	}, {
		.claim = "DISCOVER through a trusted relay: OFFER to giaddr, on the server's port", .before = relay,
		.in = { .sport = 67, .saddr = ANN_IP, .daddr = GATEWAY, .chaddr = ZOE_MAC, .giaddr = ANN_IP,
			.flags = BROADCAST_FLAG, OPTIONS(O_DISCOVER O_USUAL END) },
		.out = { OFFER, LEASE, .giaddr = ANN_IP, .chaddr = ZOE_MAC, .yiaddr = ZOE_IP, .flags = BROADCAST_FLAG },
	}, {
		.claim = "renewal through a trusted relay: ACK to giaddr", .before = relay,
		.in = { .sport = 67, .saddr = ZOE_IP, .daddr = GATEWAY, .chaddr = ZOE_MAC, .giaddr = ANN_IP,
			.ciaddr = ZOE_IP, OPTIONS(O_REQUEST END) },
		.out = { DHCP_ACK, LEASE, .giaddr = ANN_IP, .chaddr = ZOE_MAC, .yiaddr = ZOE_IP, .ciaddr = ZOE_IP },
	}, {
		.claim = "a client on the relay's own link: answered there", .before = relay,
		.in = { .chaddr = ZOE_MAC, OPTIONS(O_DISCOVER END) },
		.out = { OFFER, LEASE, .dmac = ZOE_MAC, .daddr = ZOE_IP, .chaddr = ZOE_MAC, .yiaddr = ZOE_IP },
	}, {
		.claim = "the relay itself is a client like others", .before = relay,
		.in = { OPTIONS(SELECTING END) },
		.out = { DHCP_ACK, LEASE }, .after = extended,
	}, {
		.claim = "Ethernet padding behind the message is no part of it",
		.in = { OPTIONS(SELECTING END), .trailer = 40 },
		.out = { DHCP_ACK, LEASE },
	},
};

/* --- steered */

#define TO_DAEMON(what, first, ...)	\
	{ .claim = what, .before = first, .in = { __VA_ARGS__ }, .fate = STEERED, .after = lease_unchanged }

static const struct dhcp_row steered[] = {
	TO_DAEMON("another address in SELECTING", NULL, OPTIONS(O_REQUEST O_SERVER O_OTHER_IP END)),
	TO_DAEMON("another address in INIT-REBOOT", NULL, OPTIONS(O_REQUEST O_OTHER_IP END)),
	TO_DAEMON("another address in RENEWING", NULL, .saddr = ANN_IP, .daddr = GATEWAY, .ciaddr = BOB_IP,
		  OPTIONS(O_REQUEST END)),
	TO_DAEMON("RENEWING from another source", NULL, .daddr = GATEWAY, .ciaddr = ANN_IP, OPTIONS(O_REQUEST END)),
	TO_DAEMON("SELECTING of another server", NULL, OPTIONS(O_REQUEST O_OTHER_SERVER O_IP END)),
	TO_DAEMON("a REQUEST of no state at all", NULL, OPTIONS(O_REQUEST END)),
	TO_DAEMON("a REQUEST with address and ciaddr", NULL, .ciaddr = ANN_IP, OPTIONS(INIT_REBOOT END)),
	TO_DAEMON("DECLINE of another address", NULL, OPTIONS(O_DECLINE O_SERVER O_OTHER_IP END)),
	TO_DAEMON("DECLINE to another server", NULL, OPTIONS(O_DECLINE O_OTHER_SERVER O_IP END)),
	TO_DAEMON("RELEASE of another address", NULL, .saddr = ANN_IP, .daddr = GATEWAY, .ciaddr = BOB_IP,
		  OPTIONS(O_RELEASE O_SERVER END)),
	TO_DAEMON("RELEASE to another server", NULL, RENEWING, OPTIONS(O_RELEASE O_OTHER_SERVER END)),
	TO_DAEMON("RELEASE of a port that keeps its address", static_port, RENEWING, OPTIONS(O_RELEASE END)),
	TO_DAEMON("RELEASE of a lease that was only offered", offered, RENEWING, OPTIONS(O_RELEASE END)),
	TO_DAEMON("RELEASE of a lease of another port", of_another_port, RENEWING, OPTIONS(O_RELEASE END)),
	TO_DAEMON("DISCOVER after RELEASE", leaving, OPTIONS(O_DISCOVER END)),
	TO_DAEMON("SELECTING after RELEASE", leaving, OPTIONS(SELECTING END)),
	TO_DAEMON("INIT-REBOOT after RELEASE", leaving, OPTIONS(INIT_REBOOT END)),
	TO_DAEMON("RENEWING after RELEASE", leaving, RENEWING, OPTIONS(O_REQUEST END)),
	TO_DAEMON("REBINDING after RELEASE", leaving, REBINDING, OPTIONS(O_REQUEST END)),
	TO_DAEMON("another RELEASE", leaving, RENEWING, OPTIONS(O_RELEASE END)),
	TO_DAEMON("INFORM", NULL, RENEWING, OPTIONS("\x35\x01\x08" END)),
	TO_DAEMON("a lease that was only offered", offered, OPTIONS(SELECTING END)),
	TO_DAEMON("a lease that was given up", suspended, OPTIONS(SELECTING END)),
	TO_DAEMON("a lease of another port", of_another_port, OPTIONS(SELECTING END)),
	TO_DAEMON("a lease of another address than the port's", of_another_address, OPTIONS(O_DISCOVER END)),
	TO_DAEMON("a lease beyond its horizon", horizon_over, OPTIONS(SELECTING END)),
	TO_DAEMON("a lease of which less than a minute may be granted", horizon_too_near, OPTIONS(SELECTING END)),
	TO_DAEMON("a client id where there was none", NULL, OPTIONS(SELECTING O_ID END)),
	TO_DAEMON("no client id where there was one", with_id, OPTIONS(SELECTING END)),
	TO_DAEMON("another client id", with_other_id, OPTIONS(SELECTING O_ID END)),
	TO_DAEMON("a shorter client id", with_longer_id, OPTIONS(SELECTING O_ID END)),
	TO_DAEMON("a client id too long to remember", NULL,
		  OPTIONS(O_DISCOVER "\x3d\x20" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" END)),
	TO_DAEMON("a name where there was none", nameless, OPTIONS(SELECTING "\x0c\x03" "ann" END)),
	TO_DAEMON("another name", NULL, OPTIONS(SELECTING "\x0c\x03" "bob" END)),
	TO_DAEMON("a longer name", NULL, OPTIONS(SELECTING "\x0c\x04" "anna" END)),
	TO_DAEMON("a shorter name", NULL, OPTIONS(SELECTING "\x0c\x02" "an" END)),
	TO_DAEMON("another name in option 81", NULL, OPTIONS(SELECTING "\x0c\x03" "ann" "\x51\x06\0\0\0" "bob" END)),
	TO_DAEMON("two names", NULL, OPTIONS(SELECTING "\x0c\x03" "ann" "\x0c\x03" "ann" END)),
	TO_DAEMON("a relay's address", NULL, .giaddr = BOB_IP, OPTIONS(SELECTING END)),
	TO_DAEMON("option 52, overload", NULL, OPTIONS(SELECTING "\x34\x01\x01" END)),
	TO_DAEMON("option 77, user class", NULL, OPTIONS(O_DISCOVER "\x4d\x04" "iPXE" END)),
	TO_DAEMON("a client that has options of its own", of_the_daemon, OPTIONS(SELECTING END)),
	TO_DAEMON("a guest's own MAC with a lease that was relayed", relayed_lease, OPTIONS(SELECTING END)),
	TO_DAEMON("a relayed client that has its lease from another port", relay_elsewhere, .sport = 67,
		  .chaddr = ZOE_MAC, .giaddr = ANN_IP, OPTIONS(O_DISCOVER END)),
	TO_DAEMON("a relayed client that is not known", relay, .sport = 67, .chaddr = EVE_MAC, .giaddr = ANN_IP,
		  OPTIONS(O_DISCOVER END)),
	TO_DAEMON("a relay's option 82", relay, .sport = 67, .chaddr = ZOE_MAC, .giaddr = ANN_IP,
		  OPTIONS(O_DISCOVER "\x52\x02\x01\x00" END)),
	TO_DAEMON("option 82, relay agent", NULL, OPTIONS(O_DISCOVER "\x52\x02\x01\x00" END)),
	TO_DAEMON("option 118, subnet selection", NULL, OPTIONS(O_DISCOVER "\x76\x04\x0a\x00\x00\x00" END)),
	TO_DAEMON("a PXE client", NULL, OPTIONS(O_DISCOVER "\x3c\x09" "PXEClient" END)),
	TO_DAEMON("an HTTP boot client", NULL, OPTIONS(O_DISCOVER "\x3c\x0a" "HTTPClient" END)),
	TO_DAEMON("two message types", NULL, OPTIONS(O_DISCOVER O_REQUEST O_IP END)),
	TO_DAEMON("two addresses", NULL, OPTIONS(INIT_REBOOT O_IP END)),
	TO_DAEMON("two servers", NULL, OPTIONS(SELECTING O_SERVER END)),
	TO_DAEMON("two client ids", with_id, OPTIONS(O_DISCOVER O_ID O_ID END)),
	TO_DAEMON("IP options", NULL, .ip_options = true, OPTIONS(SELECTING END)),
	TO_DAEMON("a network whose options are not known", no_options, OPTIONS(SELECTING END)),
};

/* --- given up: from then on nothing is answered, until the daemon has decided */

#define GIVEN_UP(what, first, ...)	\
	{ .claim = what, .before = first, .in = { __VA_ARGS__ }, .fate = STEERED, .after = is_left }

static const struct dhcp_row given_up[] = {
	GIVEN_UP("RELEASE", NULL, RENEWING, OPTIONS(O_RELEASE O_SERVER END)),
	GIVEN_UP("RELEASE that names no server", NULL, RENEWING, OPTIONS(O_RELEASE END)),
	GIVEN_UP("RELEASE with another client id", NULL, RENEWING, OPTIONS(O_RELEASE O_ID END)),
	GIVEN_UP("RELEASE of a reservation", reserved, RENEWING, OPTIONS(O_RELEASE END)),
	GIVEN_UP("RELEASE with an option for the daemon", NULL, RENEWING, OPTIONS(O_RELEASE "\x4d\x04" "iPXE" END)),
	GIVEN_UP("DECLINE", NULL, OPTIONS(O_DECLINE O_SERVER O_IP END)),
	GIVEN_UP("DECLINE that names no server", NULL, OPTIONS(O_DECLINE O_IP END)),
};

/* What does not reach the daemon changes nothing: it could not be decided. */
static void given_up_in_vain(void)
{
	static const struct cv_use none_left = { .dhcp_tokens = 0 };
	struct request in = { RENEWING, OPTIONS(O_RELEASE O_SERVER END) };
	const struct cv_drop_key rate = BECAUSE(DHCP_RATE);
	struct cv_use use = none_left;
	__u8 frame[PACKET_MAX];
	unsigned int len;

	claim_begin();
	dhcp_setup();
	lease_before = dhcp_lease();
	world_tick_begin();
	use.dhcp_tick = world_tick();
	world_set_use(world.port_use, ANN, &use);
	len = request_build(&in, frame);
	CHECK_EQ(world_run(FROM_GUEST, 0, frame, &len, 0), DROP);
	CHECK_DROPS(&rate, 1);
	lease_unchanged();
	claim_end("a RELEASE beyond the allowance gives nothing up");
}

int main(void)
{
	world_open();
	RUN(answers);
	RUN(steered);
	RUN(given_up);
	given_up_in_vain();
	return table_end();
}
