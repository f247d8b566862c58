// SPDX-License-Identifier: GPL-2.0-only
/*
 * cv_to_uplink: which port a guest's port has outside.  Its own where that may
 * be, else a drawn one; one for all peers (RFC 4787 REQ-1); never the host's,
 * never another guest's, and for a while not one that was.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "table.h"

#define FROM_ANN	.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = ANN_IP
#define FROM_BOB	.dmac = GATEWAY_MAC, .smac = BOB_MAC, .saddr = BOB_IP

static struct packet from_ann(__u8 proto, __u16 sport)
{
	return (struct packet) {
		FROM_ANN, .daddr = SERVER, .proto = proto, .sport = sport, .dport = 443, .flags = SYN, .type = ECHO,
	};
}

static struct packet from_bob(__u8 proto, __u16 sport)
{
	return (struct packet) {
		FROM_BOB, .daddr = SERVER, .proto = proto, .sport = sport, .dport = 443, .flags = SYN, .type = ECHO,
	};
}

/* Send @in and return the port outside, with the packet and the entry checked. */
static __u16 port_in(__u32 net, __u32 slot, const struct packet *in)
{
	struct cv_tuple key = world_tuple(in->proto, in->saddr, in->sport, in->daddr,
					  in->proto == ICMP ? 0 : in->dport);
	struct packet out = *in;
	struct cv_flow flow = {};
	__u8 frame[PACKET_MAX], want[PACKET_MAX];
	unsigned int len = packet_build(in, frame), want_len;

	key.net = net;
	CHECK_EQ(world_run(TO_UPLINK, net, frame, &len, 0), REDIRECT);
	CHECK(world_flow(&key, &flow));
	out.saddr = HOST_IP;
	out.sport = ntohs(flow.port);
	out.ttl = 63;
	want_len = packet_build(&out, want);
	CHECK_BYTES(frame, len, want, want_len);
	CHECK_EQ(flow.slot, slot);
	CHECK_EQ(flow.external, world_external_index(HOST_IP, in->proto, out.sport));
	CHECK_EQ(EXTERNAL_OWNER(world_external(HOST_IP, in->proto, out.sport)->word),
		 EXTERNAL_OWNER(EXTERNAL(slot, in->sport, 0)));
	return out.sport;
}

static __u16 external_port(const struct packet *in)
{
	return port_in(NET, in->saddr == ANN_IP ? ANN : BOB, in);
}

static __u16 ann_gets(__u8 proto, __u16 sport)
{
	const struct packet p = from_ann(proto, sport);

	return external_port(&p);
}

static __u16 bob_gets(__u8 proto, __u16 sport)
{
	const struct packet p = from_bob(proto, sport);

	return external_port(&p);
}

static bool allowed(__u16 port)
{
	return port >= CV_PORT_MIN && (port < RESERVED_MIN || port > RESERVED_MAX);
}

static const char *proto_name(__u8 proto)
{
	return proto == TCP ? "TCP" : proto == UDP ? "UDP" : "echo";
}

/* --- kept or drawn */

static void not_preserved(__u16 sport, __u8 proto, const char *why)
{
	__u16 ann, bob;

	claim_begin();
	ann = ann_gets(proto, sport);
	bob = bob_gets(proto, sport);
	CHECK(allowed(ann) && ann != sport);
	CHECK(allowed(bob) && bob != sport);
	CHECK(ann != bob);
	CHECK_EQ(world_totals().port_preserved, 0);
	CHECK_EQ(world_totals().port_tries, 2);
	world_reset();
	CHECK_EQ(ann_gets(proto, sport), ann);
	claim_end("%s port %u (%s) is not kept, one is drawn for it", proto_name(proto), sport, why);
}

static void preserved(__u8 proto, __u16 sport)
{
	claim_begin();
	CHECK_EQ(ann_gets(proto, sport), sport);
	CHECK_EQ(world_totals().port_preserved, 1);
	CHECK_EQ(world_totals().port_tries, 1);
	CHECK_EQ(world_external(HOST_IP, proto, sport)->word, EXTERNAL(ANN, sport, 1));
	CHECK_EXTERNALS();
	claim_end("%s port %u is kept", proto_name(proto), sport);
}

/* Ports come from the network's range and nowhere else, whatever the host reserves. */
static void range(__u16 min, __u16 max, __u16 reserved_min, __u16 reserved_max)
{
	struct cv_network n;

	claim_begin();
	n = world_network(NET);
	memset(n.ports, 0, sizeof(n.ports));
	n.ports[0] = (struct cv_range) { min, max };
	if (reserved_min <= max && reserved_max >= min) {
		int above = reserved_min > min;

		n.ports[0].last = reserved_min - 1;
		n.ports[above] = (struct cv_range) { reserved_max + 1, max };
		if (reserved_max >= max)
			n.ports[above] = (struct cv_range) {};
	}
	world_set_network(NET, &n);
	for (__u16 sport = 1; sport <= 200 && !claim_failed(); sport++) {
		__u16 port = ann_gets(UDP, sport);

		if (port < min || port > max || (port >= reserved_min && port <= reserved_max))
			check_failed(__FILE__, __LINE__, "port %u", port);
	}
	CHECK_EXTERNALS();
	claim_end("drawn ports lie in %u-%u and not in %u-%u", min, max, reserved_min, reserved_max);
}

/* --- the host's */

/*
 * A socket of the host in this namespace, bound and perhaps listening.  One that
 * is bound to the uplink as a device would not be found: sockets are looked up
 * as for a packet from the veth.
 */
static int host_socket(__u8 proto, __u32 addr, __u16 port)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(addr), .sin_port = htons(port),
	};
	int fd = socket(AF_INET, proto == TCP ? SOCK_STREAM : SOCK_DGRAM, 0);

	CHECK(fd >= 0);
	CHECK(!bind(fd, (struct sockaddr *)&sa, sizeof(sa)));
	if (proto == TCP)
		CHECK(!listen(fd, 1));
	return fd;
}

static void host_port(__u8 proto, __u32 addr, const char *what)
{
	__u16 port;
	int fd;

	claim_begin();
	fd = host_socket(proto, addr, 5000);
	port = ann_gets(proto, 5000);
	CHECK(port != 5000);
	CHECK(allowed(port));
	CHECK_EQ(EXTERNAL_FLOWS(world_external(HOST_IP, proto, 5000)->word), 0);
	close(fd);
	claim_end("the %s port of %s is not taken", proto_name(proto), what);
}

/* Wherever the draw falls, the host has been there before. */
static void host_everywhere(__u8 proto)
{
	__u16 taken[8];
	int fds[8];

	claim_begin();
	for (unsigned int i = 0; i < 8; i++) {
		world_reset();
		taken[i] = ann_gets(proto, 80);
		for (unsigned int j = 0; j < i; j++)
			CHECK(taken[i] != taken[j]);
		fds[i] = host_socket(proto, 0, taken[i]);
	}
	for (unsigned int i = 0; i < 8; i++)
		close(fds[i]);
	claim_end("a drawn %s port is never one of eight that the host has", proto_name(proto));
}

/* The mapping stays where it is when the port that it could not have is let go. */
static void host_port_let_go(void)
{
	struct packet p = from_ann(UDP, 5000);
	__u16 port;
	int fd;

	claim_begin();
	fd = host_socket(UDP, 0, 5000);
	port = external_port(&p);
	close(fd);
	p.daddr++;
	CHECK_EQ(external_port(&p), port);
	CHECK_EXTERNALS();
	claim_end("a mapping stays when the host lets the guest's own port go");
}

/* --- one for all peers */

static void endpoint_independent(__u8 proto, __u16 sport)
{
	static const struct {
		__u32 addr;
		__u16 port;
	} peers[] = {
		{ SERVER, 53 }, { SERVER, 54 }, { SERVER + 1, 53 }, { IP(8, 8, 8, 8), 53 }, { IP(9, 9, 9, 9), 9 },
	};
	struct packet p = from_ann(proto, sport);
	__u16 port = 0;
	__u32 want = 5;

	claim_begin();
	for (unsigned int i = 0; i < 5; i++) {
		p.daddr = peers[i].addr;
		p.dport = peers[i].port;
		if (!i)
			port = external_port(&p);
		else
			CHECK_EQ(external_port(&p), port);
	}
	if (proto == ICMP)
		want = 4;	/* two of them are one peer */
	CHECK_EQ(world_external(HOST_IP, proto, port)->word, EXTERNAL(ANN, sport, want));
	CHECK_EQ(world_entries(world.flows, sizeof(struct cv_tuple)), want);
	CHECK_EXTERNALS();
	claim_end("%s port %u has one port outside for five peers (RFC 4787 REQ-1)", proto_name(proto), sport);
}

/* Each protocol and each of the host's addresses has ports of its own. */
static void apart(void)
{
	struct packet p = from_ann(UDP, 5000);
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER2, 443);
	struct cv_flow f = {};

	claim_begin();
	CHECK_EQ(external_port(&p), 5000);
	CHECK_EQ(bob_gets(TCP, 5000), 5000);
	CHECK_EQ(ann_gets(ICMP, 5000), 5000);
	p.daddr = SERVER2;
	CHECK_EQ(world_send(TO_UPLINK, &p), REDIRECT);
	CHECK(world_flow(&key, &f));
	CHECK_EQ(ntohl(f.addr), HOST2_IP);
	CHECK_EQ(ntohs(f.port), 5000);
	CHECK_EXTERNALS();
	claim_end("a port of one protocol and address is free in another");
}

/* --- whose it is */

static void port_taken(__u8 proto)
{
	struct packet bob = from_bob(proto, 5000);
	__u16 port;

	claim_begin();
	CHECK_EQ(ann_gets(proto, 5000), 5000);
	port = external_port(&bob);
	CHECK(port != 5000);
	CHECK(proto == ICMP || allowed(port));
	CHECK_EQ(world_external(HOST_IP, proto, 5000)->word, EXTERNAL(ANN, 5000, 1));
	CHECK_EQ(world_external(HOST_IP, proto, port)->word, EXTERNAL(BOB, 5000, 1));
	bob.daddr++;
	CHECK_EQ(external_port(&bob), port);
	CHECK_EXTERNALS();
	claim_end("two guests with one %s port get two, whichever the server", proto_name(proto));
}

/* The same addresses in another network are another guest. */
static void twins(void)
{
	struct packet in = from_ann(UDP, 5000);
	struct packet reply = { .dmac = UPLINK_MAC, .smac = PEER_MAC, .saddr = SERVER, .daddr = HOST_IP,
				.proto = UDP, .sport = 443 };
	struct row row = { .hook = FROM_UPLINK, .verdict = REDIRECT };
	struct packet out = reply;

	claim_begin();
	CHECK_EQ(external_port(&in), 5000);
	in.smac = DAN_MAC;
	reply.dport = port_in(TWIN, DAN, &in);
	CHECK(reply.dport != 5000);
	row.in = reply;
	out.dmac = TAG_MAC(DAN);
	out.daddr = ANN_IP;
	out.dport = 5000;
	out.ttl = 63;
	row.out = &out;
	row_check(&row);
	claim_end("two networks with the same addresses do not meet");
}

/* --- when its flows are gone */

static void held(void)
{
	struct cv_external *e;
	struct packet p = from_ann(UDP, 5000);

	claim_begin();
	ann_gets(UDP, 5000);
	e = world_external(HOST_IP, UDP, 5000);
	e->tick = 0;
	CHECK_EQ(world_flush(0, 0, 10), 1);
	CHECK_EQ(e->word, EXTERNAL(ANN, 5000, 0));
	CHECK(world_tick() - e->tick <= 1);
	CHECK(bob_gets(UDP, 5000) != 5000);
	p.daddr = SERVER + 7;
	CHECK_EQ(external_port(&p), 5000);
	CHECK_EQ(e->word, EXTERNAL(ANN, 5000, 1));
	CHECK_EXTERNALS();
	claim_end("a port without flows is held for its guest, who gets it again");
}

static void held_so_long(__u32 ticks, bool free)
{
	struct cv_external *e;

	claim_begin();
	ann_gets(UDP, 5000);
	world_flush(0, 0, 10);
	e = world_external(HOST_IP, UDP, 5000);
	world_tick_begin();
	e->tick = world_tick() - ticks;
	CHECK_EQ(bob_gets(UDP, 5000) == 5000, free);
	CHECK_EQ(e->word, free ? EXTERNAL(BOB, 5000, 1) : EXTERNAL(ANN, 5000, 0));
	CHECK_EQ(ann_gets(UDP, 5000) == 5000, !free);
	CHECK_EXTERNALS();
	claim_end("a port whose flows went %u ticks ago is %s", ticks, free ? "another guest's to take" : "not yet free");
}

/* While a flow lives it does not matter when another went. */
static void never_while_used(void)
{
	struct cv_external *e;

	claim_begin();
	ann_gets(UDP, 5000);
	e = world_external(HOST_IP, UDP, 5000);
	e->tick = world_tick() - CV_TICKS(CV_PORT_HOLD_S) - 10;
	CHECK(bob_gets(UDP, 5000) != 5000);
	CHECK_EQ(e->word, EXTERNAL(ANN, 5000, 1));
	claim_end("a port with a flow is never taken over");
}

static void stays_where_it_is(void)
{
	struct packet p = from_bob(UDP, 5000);
	__u16 port;

	claim_begin();
	ann_gets(UDP, 5000);
	port = external_port(&p);
	CHECK(port != 5000);
	world_flush(0, ANN, 10);
	world_external(HOST_IP, UDP, 5000)->tick = world_tick() - CV_TICKS(CV_PORT_HOLD_S) - 10;
	p.daddr++;
	CHECK_EQ(external_port(&p), port);
	CHECK_EXTERNALS();
	claim_end("a mapping stays when the guest's own port becomes free");
}

static void own_again(void)
{
	__u16 port;

	claim_begin();
	port = ann_gets(UDP, 80);
	world_flush(0, 0, 10);
	CHECK_EQ(ann_gets(UDP, port), port);
	CHECK(ann_gets(UDP, 80) != port);
	CHECK_EXTERNALS();
	claim_end("a guest may take its own held port for another of its ports");
}

/* From outside, a port without flows is the host's. */
static void held_is_the_hosts(void)
{
	const struct packet p = { .dmac = UPLINK_MAC, .smac = PEER_MAC, .saddr = SERVER, .daddr = HOST_IP,
				  .proto = UDP, .sport = 443, .dport = 5000 };
	const struct cv_drop_key none = {};

	claim_begin();
	ann_gets(UDP, 5000);
	world_flush(0, 0, 10);
	CHECK_EQ(world_send(FROM_UPLINK, &p), PASS);
	CHECK_DROPS(&none, 0);
	claim_end("packets to a port without flows are the host's");
}

int main(void)
{
	world_open();
	preserved(UDP, CV_PORT_MIN);
	preserved(TCP, RESERVED_MIN - 1);
	preserved(UDP, RESERVED_MAX + 1);
	preserved(TCP, CV_PORT_MAX);
	preserved(ICMP, 0);
	preserved(ICMP, 40000);
	not_preserved(CV_PORT_MIN - 1, UDP, "well-known");
	not_preserved(53, UDP, "well-known");
	not_preserved(443, TCP, "well-known");
	not_preserved(RESERVED_MIN, TCP, "the host's own range");
	not_preserved(RESERVED_MAX, UDP, "the host's own range");
	range(1024, 65535, 32768, 60999);
	range(1024, 65535, 1023, 1023);
	range(1024, 65535, 1, 800);
	range(1024, 65535, 1024, 64000);
	range(1024, 65535, 2048, 65535);
	range(1024, 65535, 15000, 65000);
	range(30000, 40000, 32768, 60999);
	range(50000, 62000, 32768, 60999);
	range(40000, 40999, 1024, 2047);
	range(2000, 2999, 32768, 60999);
	host_port(UDP, 0, "a host's socket on all addresses");
	host_port(UDP, HOST_IP, "a host's socket on the uplink's address");
	host_port(TCP, 0, "a host's listener on all addresses");
	host_port(TCP, HOST_IP, "a host's listener on the uplink's address");
	host_everywhere(UDP);
	host_everywhere(TCP);
	host_port_let_go();
	endpoint_independent(UDP, 5000);
	endpoint_independent(UDP, 80);
	endpoint_independent(TCP, 5000);
	endpoint_independent(TCP, 80);
	endpoint_independent(ICMP, 7);
	apart();
	port_taken(UDP);
	port_taken(TCP);
	port_taken(ICMP);
	twins();
	held();
	held_so_long(CV_TICKS(CV_PORT_HOLD_S), false);
	held_so_long(CV_TICKS(CV_PORT_HOLD_S) + 1, true);
	never_while_used();
	stays_where_it_is();
	own_again();
	held_is_the_hosts();
	return table_end();
}
