// SPDX-License-Identifier: GPL-2.0-only
/*
 * cv_to_uplink: which port a flow has outside.  The guest's own where that may
 * be, else a random one; never the host's, never one that is taken.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "table.h"

#define FROM_ANN	.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = ANN_IP

/* Send @in and return the external port, with the packet checked against it. */
static __u16 external_port(const struct packet *in, const struct cv_tuple *key)
{
	struct packet out = *in;
	struct cv_flow_out flow = {};
	__u8 frame[PACKET_MAX], want[PACKET_MAX];
	unsigned int len = packet_build(in, frame), want_len;

	CHECK_EQ(world_run(TO_UPLINK, 0, frame, &len, 0), REDIRECT);
	CHECK(world_flow_out(key, &flow));
	out.saddr = HOST_IP;
	out.sport = ntohs(flow.port);
	out.ttl = 63;
	want_len = packet_build(&out, want);
	CHECK_BYTES(frame, len, want, want_len);
	return out.sport;
}

static bool allowed(__u16 port)
{
	return port >= CV_PORT_MIN && (port < RESERVED_MIN || port > RESERVED_MAX);
}

static void not_preserved(__u16 sport, __u8 proto, const char *why)
{
	struct packet in = {
		FROM_ANN, .daddr = SERVER, .proto = proto, .sport = sport, .dport = 443, .flags = SYN,
	};
	struct cv_tuple key = world_tuple(proto, ANN_IP, sport, SERVER, 443);
	bool varies = false;
	__u16 first = 0;

	claim_begin();
	for (int i = 0; i < 8; i++) {
		__u16 port;

		world_reset();
		port = external_port(&in, &key);
		CHECK(allowed(port));
		CHECK(port != sport);
		varies |= first && port != first;
		first = port;
	}
	CHECK(varies);
	claim_end("%s port %u (%s) is not kept, a random one is taken", proto == TCP ? "TCP" : "UDP",
		  sport, why);
}

static void preserved(__u16 sport)
{
	struct packet in = { FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = sport, .dport = 443 };
	struct cv_tuple key = world_tuple(UDP, ANN_IP, sport, SERVER, 443);

	claim_begin();
	CHECK_EQ(external_port(&in, &key), sport);
	claim_end("UDP port %u is kept", sport);
}

/*
 * A socket of the host in this namespace, bound and perhaps listening.  One that
 * is bound to the uplink as a device would not be found: sockets are looked up
 * as for a packet from the veth.
 */
static int host_socket(int type, __u32 addr, __u16 port)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(addr), .sin_port = htons(port),
	};
	int fd = socket(AF_INET, type, 0);

	CHECK(fd >= 0);
	CHECK(!bind(fd, (struct sockaddr *)&sa, sizeof(sa)));
	if (type == SOCK_STREAM)
		CHECK(!listen(fd, 1));
	return fd;
}

static void host_port(__u8 proto, __u32 addr, const char *what)
{
	struct packet in = { FROM_ANN, .daddr = SERVER, .proto = proto, .sport = 5000, .dport = 443, .flags = SYN };
	struct cv_tuple key = world_tuple(proto, ANN_IP, 5000, SERVER, 443);
	__u16 port;
	int fd;

	claim_begin();
	fd = host_socket(proto == TCP ? SOCK_STREAM : SOCK_DGRAM, addr, 5000);
	port = external_port(&in, &key);
	CHECK(port != 5000);
	CHECK(allowed(port));
	close(fd);
	claim_end("the %s port of %s is not taken", proto == TCP ? "TCP" : "UDP", what);
}

static void port_taken(void)
{
	struct packet ann = { FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53 };
	struct packet bob = { .dmac = GATEWAY_MAC, .smac = BOB_MAC, .saddr = BOB_IP, .daddr = SERVER,
			      .proto = UDP, .sport = 5000, .dport = 53 };
	struct cv_tuple ann_key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53);
	struct cv_tuple bob_key = world_tuple(UDP, BOB_IP, 5000, SERVER, 53);
	__u16 port;

	claim_begin();
	CHECK_EQ(external_port(&ann, &ann_key), 5000);
	port = external_port(&bob, &bob_key);
	CHECK(port != 5000);
	CHECK(allowed(port));
	CHECK_EQ(world_entries(world.flows_in, sizeof(ann_key)), 2);
	claim_end("two guests with one port to one server get two");

	claim_begin();
	external_port(&ann, &ann_key);
	bob.dport = 54;
	bob_key.rport = htons(54);
	CHECK_EQ(external_port(&bob, &bob_key), 5000);
	claim_end("two guests with one port to two servers both keep it");
}

/* The same addresses in another network are another guest. */
static void twins(void)
{
	struct packet in = { FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53 };
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53), twin = key, in_key;
	struct cv_flow_out out = {};
	struct cv_flow_in back = {};
	__u8 frame[PACKET_MAX];
	unsigned int len;

	claim_begin();
	twin.net = TWIN;
	external_port(&in, &key);
	in.smac = DAN_MAC;
	len = packet_build(&in, frame);
	CHECK_EQ(world_run(TO_UPLINK, TWIN, frame, &len, 0), REDIRECT);
	CHECK(world_flow_out(&twin, &out));
	CHECK(out.port != htons(5000));
	CHECK_EQ(out.slot, DAN);
	in_key = world_in_key(&twin, &out);
	CHECK(world_flow_in(&in_key, &back));
	CHECK_EQ(back.net, TWIN);
	CHECK_EQ(back.slot, DAN);
	CHECK_EQ(back.ifindex, CV_IFINDEX_HOST + TWIN);
	claim_end("two networks with the same addresses do not meet");
}

/* Ports come from the network's range and nowhere else, whatever the host reserves. */
static void range(__u16 min, __u16 max, __u16 reserved_min, __u16 reserved_max)
{
	struct packet in = { FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 80, .dport = 53 };
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 80, SERVER, 53);
	struct cv_network n;

	claim_begin();
	for (int i = 0; i < 200 && !claim_failed(); i++) {
		__u16 port;

		world_reset();
		n = world_network(NET);
		n.port_min = min;
		n.port_max = max;
		n.reserved_min = reserved_min;
		n.reserved_max = reserved_max;
		world_set_network(NET, &n);
		port = external_port(&in, &key);
		if (port < min || port > max || (port >= reserved_min && port <= reserved_max))
			check_failed(__FILE__, __LINE__, "port %u", port);
	}
	claim_end("random ports lie in %u-%u and not in %u-%u", min, max, reserved_min, reserved_max);
}

int main(void)
{
	world_open();
	preserved(CV_PORT_MIN);
	preserved(RESERVED_MIN - 1);
	preserved(RESERVED_MAX + 1);
	preserved(CV_PORT_MAX);
	not_preserved(CV_PORT_MIN - 1, UDP, "well-known");
	not_preserved(53, UDP, "well-known");
	not_preserved(443, TCP, "well-known");
	not_preserved(RESERVED_MIN, TCP, "the host's own range");
	not_preserved(RESERVED_MAX, UDP, "the host's own range");
	host_port(UDP, 0, "a host's socket on all addresses");
	host_port(UDP, HOST_IP, "a host's socket on the uplink's address");
	host_port(TCP, 0, "a host's listener on all addresses");
	host_port(TCP, HOST_IP, "a host's listener on the uplink's address");
	port_taken();
	twins();
	range(1024, 65535, 32768, 60999);
	range(1024, 65535, 1023, 1023);
	range(1024, 65535, 1, 800);
	range(1024, 65535, 1024, 64000);
	range(1024, 65535, 2048, 65535);
	range(1024, 65535, 15000, 65000);
	range(30000, 40000, 32768, 60999);
	range(50000, 62000, 32768, 60999);
	return table_end();
}
