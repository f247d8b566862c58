// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the programs tell who looks on: each event in every field, none that was
 * not asked for, no destination unless it was, and a count of what found no room.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "dhcp.h"
#include "table.h"

#define FROM_ANN	.dmac = GATEWAY_MAC, .smac = ANN_MAC, .saddr = ANN_IP
#define OUTSIDE		.dmac = UPLINK_MAC, .smac = PEER_MAC, .saddr = SERVER, .daddr = HOST_IP
#define ALL		(CV_MONITOR_FLOWS | CV_MONITOR_REFUSALS | CV_MONITOR_LEASES)
#define UDP_S		CV_UDP_TIMEOUT_S
#define N_EVENTS	4096

static struct cv_event events[N_EVENTS];
static unsigned int n_events;

static int note_event(void *ctx, void *data, size_t size)
{
	CHECK_EQ(size, sizeof(events[0]));
	if (n_events < N_EVENTS)
		memcpy(&events[n_events++], data, sizeof(events[0]));
	return 0;
}

/* Read all events there are.  Return: their number. */
static unsigned int take(void)
{
	static struct ring_buffer *ring;

	if (!ring)
		ring = ring_buffer__new(world.events, note_event, NULL, NULL);
	memset(events, 0, sizeof(events));
	n_events = 0;
	CHECK(ring && ring_buffer__consume(ring) >= 0);
	return n_events;
}

static void look_on_until(__u32 what, __u32 net, __s32 ticks)
{
	const struct cv_monitor m = { .what = what, .net = net, .until_tick = world_tick() + ticks };
	__u32 zero = 0;

	CHECK(!bpf_map_update_elem(world.monitor, &zero, &m, BPF_ANY));
}

static void look_on(__u32 what, __u32 net)
{
	look_on_until(what, net, CV_TICKS(60));
}

static const struct packet dns = { FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53, .len = 72 };
static const struct packet answer = { OUTSIDE, .proto = UDP, .sport = 53, .dport = 5000, .len = 172 };
static const struct packet stranger = { OUTSIDE, .proto = UDP, .sport = 54, .dport = 5000 };
static const struct packet of_host = { .saddr = GATEWAY, .daddr = ANN_IP, .proto = TCP, .sport = 50000, .dport = 22, .flags = SYN };
static const struct packet to_neighbour = { FROM_ANN, .daddr = BOB_IP, .proto = TCP, .sport = 5001, .dport = 80, .flags = SYN };

/* --- what every event says */

static void check_header(const struct cv_event *e, enum cv_event_kind kind)
{
	__u64 now = world_boot_ns();

	CHECK_EQ(e->kind, kind);
	CHECK_EQ(e->net, NET);
	CHECK_EQ(e->slot, ANN);
	CHECK(!strcmp(e->network, "net3"));
	CHECK(!strcmp(e->guest, "port5"));
	CHECK(e->boot_ns <= now && now - e->boot_ns < 60000000000ULL);
}

static void check_tuple(const struct cv_event *e, struct cv_tuple want)
{
	CHECK(!memcmp(&e->tuple, &want, sizeof(want)));
}

/* As world_tuple(), without whom. */
static struct cv_tuple alone(__u8 proto, __u32 local, __u16 lport)
{
	return world_tuple(proto, local, lport, 0, 0);
}

static void check_counters(const struct cv_event *e, __u64 out_packets, __u64 out_bytes,
			   __u64 in_packets, __u64 in_bytes)
{
	CHECK_EQ(e->out_packets, out_packets);
	CHECK_EQ(e->out_bytes, out_bytes);
	CHECK_EQ(e->in_packets, in_packets);
	CHECK_EQ(e->in_bytes, in_bytes);
}

/* --- flows */

static void begins(void)
{
	claim_begin();
	look_on(ALL, 0);
	CHECK_EQ(world_send(TO_UPLINK, &dns), REDIRECT);
	CHECK_EQ(world_send(FROM_UPLINK, &answer), REDIRECT);
	CHECK_EQ(world_send(TO_UPLINK, &dns), REDIRECT);
	CHECK_EQ(take(), 1);
	check_header(&events[0], CV_EVENT_NEW);
	check_tuple(&events[0], alone(UDP, ANN_IP, 5000));
	CHECK_EQ(ntohl(events[0].addr), HOST_IP);
	CHECK_EQ(ntohs(events[0].port), 5000);
	CHECK_EQ(events[0].state, CV_FLOW_OPEN);
	CHECK_EQ(events[0].flags, 0);
	CHECK_EQ(events[0].why, 0);
	CHECK_EQ(events[0].lease_s, 0);
	CHECK_EQ(events[0].duration_ticks, 0);
	check_counters(&events[0], 0, 0, 0, 0);
	claim_end("a new flow is told once, without its peer");

	claim_begin();
	look_on(ALL | CV_MONITOR_DESTINATIONS, NET);
	CHECK_EQ(world_send(TO_UPLINK, &dns), REDIRECT);
	CHECK_EQ(take(), 1);
	check_tuple(&events[0], world_tuple(UDP, ANN_IP, 5000, SERVER, 53));
	claim_end("its peer is told when that is asked for");

	claim_begin();
	look_on(ALL | CV_MONITOR_DESTINATIONS, 0);
	CHECK_EQ(world_send(TO_GUEST, &of_host), REDIRECT);
	CHECK_EQ(take(), 1);
	check_header(&events[0], CV_EVENT_NEW);
	check_tuple(&events[0], world_tuple(TCP, ANN_IP, 22, GATEWAY, 50000));
	CHECK_EQ(events[0].flags, CV_FLOW_HOST);
	CHECK_EQ(events[0].addr, 0);
	CHECK_EQ(events[0].port, 0);
	claim_end("a flow of the host is told, without an address outside");
}

static void begins_from_outside(void)
{
	struct cv_network n;

	claim_begin();
	CHECK_EQ(world_send(TO_UPLINK, &dns), REDIRECT);
	n = world_network(NET);
	n.filter = CV_FILTER_ENDPOINT_INDEPENDENT;
	world_set_network(NET, &n);
	look_on(ALL, 0);
	CHECK_EQ(world_send(FROM_UPLINK, &stranger), REDIRECT);
	CHECK_EQ(take(), 1);
	check_header(&events[0], CV_EVENT_NEW);
	check_tuple(&events[0], alone(UDP, ANN_IP, 5000));
	CHECK_EQ(events[0].flags, CV_FLOW_INBOUND);
	CHECK_EQ(ntohl(events[0].addr), HOST_IP);
	CHECK_EQ(ntohs(events[0].port), 5000);
	claim_end("a flow that the outside begins is told as that");
}

static void bring_up(void)
{
	CHECK_EQ(world_send(TO_UPLINK, &dns), REDIRECT);
	CHECK_EQ(world_send(FROM_UPLINK, &answer), REDIRECT);
	CHECK_EQ(world_send(FROM_UPLINK, &answer), REDIRECT);
}

/* The flow began so long ago, and was last used then, on either side. */
static void lived(__u32 began_ticks, __u32 out_ticks, __u32 in_ticks)
{
	struct cv_tuple key = world_tuple(UDP, ANN_IP, 5000, SERVER, 53);
	struct cv_flow f = {};

	CHECK(world_flow(&key, &f));
	f.created_tick = world_tick() - began_ticks;
	world_set_flow(&key, &f);
	world_age(&key, out_ticks, in_ticks);
}

static void check_end(enum cv_event_kind kind, __u32 min_ticks, __u32 max_ticks)
{
	check_header(&events[0], kind);
	check_tuple(&events[0], alone(UDP, ANN_IP, 5000));
	CHECK_EQ(ntohl(events[0].addr), HOST_IP);
	CHECK_EQ(ntohs(events[0].port), 5000);
	check_counters(&events[0], 1, 100, 2, 400);
	CHECK(events[0].duration_ticks >= min_ticks && events[0].duration_ticks <= max_ticks);
}

static void is_flushed(void)
{
	claim_begin();
	bring_up();
	lived(500, 100, 200);
	look_on(ALL, 0);
	CHECK_EQ(world_flush(NET, 0, 10), 1);
	CHECK_EQ(take(), 1);
	check_end(CV_EVENT_FLUSHED, 399, 401);
	claim_end("a flow that is forgotten is told with its packets, bytes and time in use");

	claim_begin();
	bring_up();
	lived(500, 300, 200);
	look_on(ALL, 0);
	CHECK_EQ(world_flush(NET, 0, 10), 1);
	CHECK_EQ(take(), 1);
	check_end(CV_EVENT_FLUSHED, 299, 301);
	claim_end("the last packet may be the peer's");

	claim_begin();
	bring_up();
	lived(10, 500, 500);
	look_on(ALL, 0);
	CHECK_EQ(world_flush(NET, 0, 10), 1);
	CHECK_EQ(take(), 1);
	check_end(CV_EVENT_FLUSHED, 0, 0);
	claim_end("one that was made to look silent for longer than it lived has no time");
}

static void begins_anew(void)
{
	const __u32 dead = CV_TICKS(UDP_S) + 100;

	claim_begin();
	bring_up();
	lived(dead + 70, dead, dead);
	look_on(ALL, 0);
	CHECK_EQ(world_send(TO_UPLINK, &dns), REDIRECT);
	CHECK_EQ(take(), 2);
	check_end(CV_EVENT_EXPIRED, 69, 71);
	check_header(&events[1], CV_EVENT_NEW);
	check_counters(&events[1], 0, 0, 0, 0);
	claim_end("a dead flow that its guest begins anew is an end and a beginning");
}

/* Wait for events, 20 s at most. */
static unsigned int await_events(void)
{
	const struct timespec pause = { .tv_nsec = 50000000 };

	for (int i = 0; i < 400 && !take(); i++)
		nanosleep(&pause, NULL);
	return n_events;
}

static void expires(void)
{
	const __u32 dead = CV_TICKS(UDP_S) + 100;

	claim_begin();
	bring_up();
	lived(dead + 70, dead, dead);
	look_on(ALL, 0);
	CHECK_EQ(world_start(), 0);
	CHECK_EQ(await_events(), 1);
	check_end(CV_EVENT_EXPIRED, 69, 71);
	claim_end("a flow that the sweeper takes away is told");
}

/* --- refusals */

static void check_refusal(__u8 flags, enum cv_drop why)
{
	CHECK_EQ(take(), 1);
	check_header(&events[0], CV_EVENT_REFUSED);
	CHECK_EQ(events[0].flags, flags);
	CHECK_EQ(events[0].why, why);
	check_counters(&events[0], 0, 0, 0, 0);
}

static void limit_ann(void)
{
	struct cv_port port = world_port(ANN);

	port.max_flows = 0;
	world_set_port(ANN, &port);
}

static void refuses(void)
{
	const struct packet reset = { FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 80, .flags = RST };

	claim_begin();
	look_on(ALL, 0);
	world_send(TO_UPLINK, &to_neighbour);
	check_refusal(0, CV_DROP_GUEST_SUBNET);
	check_tuple(&events[0], alone(TCP, ANN_IP, 5001));
	CHECK_EQ(events[0].addr, 0);
	claim_end("a refused flow is told with the reason, without its peer");

	claim_begin();
	look_on(ALL | CV_MONITOR_DESTINATIONS, 0);
	world_send(TO_UPLINK, &to_neighbour);
	check_refusal(0, CV_DROP_GUEST_SUBNET);
	check_tuple(&events[0], world_tuple(TCP, ANN_IP, 5001, BOB_IP, 80));
	claim_end("and with it when that is asked for");

	claim_begin();
	look_on(ALL, 0);
	limit_ann();
	world_send(TO_UPLINK, &dns);
	check_refusal(0, CV_DROP_PORT_FLOWS);
	world_send(TO_GUEST, &of_host);
	check_refusal(CV_FLOW_HOST, CV_DROP_PORT_FLOWS);
	claim_end("limits refuse the guest, and the host");

	claim_begin();
	CHECK_EQ(world_send(TO_UPLINK, &dns), REDIRECT);
	look_on(ALL, 0);
	CHECK_EQ(world_send(FROM_UPLINK, &stranger), DROP);
	check_refusal(CV_FLOW_INBOUND, CV_DROP_FILTERED);
	check_tuple(&events[0], alone(UDP, ANN_IP, 5000));
	CHECK_EQ(ntohl(events[0].addr), HOST_IP);
	CHECK_EQ(ntohs(events[0].port), 5000);
	claim_end("a stranger's is told with the port outside");

	claim_begin();
	look_on(ALL, 0);
	CHECK_EQ(world_send(TO_UPLINK, &reset), DROP);
	CHECK_EQ(take(), 0);
	claim_end("what resets nothing is no refused flow");
}

/* --- leases */

static void request(const char *options, unsigned int len, __u32 ciaddr)
{
	const struct request r = {
		.options = options, .options_len = len, .ciaddr = ciaddr,
		.saddr = ciaddr, .daddr = ciaddr ? GATEWAY : 0,
	};
	__u8 frame[PACKET_MAX];
	unsigned int size = request_build(&r, frame);

	CHECK_EQ(world_run(FROM_GUEST, 0, frame, &size, 0), REDIRECT);
}
#define REQUEST(bytes, ciaddr) request(bytes "\xff", sizeof(bytes), ciaddr)

static void check_lease(enum cv_lease_news news, __u32 lease_s)
{
	CHECK_EQ(take(), 1);
	check_header(&events[0], CV_EVENT_LEASE);
	check_tuple(&events[0], (struct cv_tuple) { .local = htonl(ANN_IP) });
	CHECK_EQ(events[0].why, news);
	CHECK_EQ(events[0].lease_s, lease_s);
	CHECK_EQ(events[0].addr, 0);
}

static void leases(void)
{
	const struct cv_lease_event e = {
		.net = NET, .slot = ANN, .ip = htonl(ANN_IP), .news = CV_LEASE_RELEASED_NEWS,
	};
	__u32 zero = 0;

	claim_begin();
	dhcp_setup();
	look_on(ALL, 0);
	REQUEST("\x35\x01\x01", 0);
	check_lease(CV_LEASE_OFFERED_NEWS, CV_DHCP_LEASE_S);
	REQUEST("\x35\x01\x03\x36\x04\x0a\x4d\x00\x01\x32\x04\x0a\x4d\x00\x05", 0);
	check_lease(CV_LEASE_BOUND_NEWS, CV_DHCP_LEASE_S);
	REQUEST("\x35\x01\x03", ANN_IP);
	check_lease(CV_LEASE_RENEWED_NEWS, CV_DHCP_LEASE_S);
	claim_end("what the kernel answers to DHCP is told as what it is");

	claim_begin();
	look_on(ALL, 0);
	CHECK(!bpf_map_update_elem(world.lease_event, &zero, &e, BPF_ANY));
	CHECK_EQ(world_call(world.event), 0);
	check_lease(CV_LEASE_RELEASED_NEWS, 0);
	claim_end("what the daemon tells is handed on");
}

/* --- what is not told */

/* Each kind of event once, in network NET; a flow that was there before ends. */
static void all_kinds(void)
{
	const struct packet other = { FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5001, .dport = 53 };

	CHECK_EQ(world_send(TO_UPLINK, &other), REDIRECT);
	CHECK_EQ(world_flush(0, 0, 1), 1);
	world_send(TO_UPLINK, &to_neighbour);
	REQUEST("\x35\x01\x01", 0);
}

static void told_of_all_kinds(const char *what, __u32 kinds, __u32 net, __s32 ticks,
			      unsigned int want)
{
	claim_begin();
	dhcp_setup();
	look_on_until(kinds, net, ticks);
	all_kinds();
	CHECK_EQ(take(), want);
	CHECK_EQ(world_totals().events_lost, 0);
	claim_end("%s is told %s", what, want ? "that and no more" : "nothing");
}

static void asks(void)
{
	const __s32 later = CV_TICKS(60);

	told_of_all_kinds("who asks for all", ALL, 0, later, 4);
	told_of_all_kinds("who asks for all of this network", ALL, NET, later, 4);
	told_of_all_kinds("who asks for flows", CV_MONITOR_FLOWS, 0, later, 2);
	told_of_all_kinds("who asks for refusals", CV_MONITOR_REFUSALS, 0, later, 1);
	told_of_all_kinds("who asks for leases", CV_MONITOR_LEASES, 0, later, 1);
	told_of_all_kinds("who asks for destinations alone", CV_MONITOR_DESTINATIONS, 0, later, 0);
	told_of_all_kinds("who asks for another network", ALL, TWIN, later, 0);
	told_of_all_kinds("who has not said for long that he is there", ALL, 0, -1, 0);
	told_of_all_kinds("nobody", 0, 0, later, 0);
}

/* More than the ring takes. */
static void loses(void)
{
	struct packet p = dns;
	unsigned int told;

	claim_begin();
	look_on(ALL, 0);
	for (p.sport = 2000; p.sport < 4000; p.sport++)
		CHECK_EQ(world_send(TO_UPLINK, &p), REDIRECT);
	told = take();
	CHECK(told > 1500 && told < 2000);
	CHECK_EQ(world_totals().events_lost, 2000 - told);
	CHECK_EQ(world_totals().new_flows, 2000);
	CHECK_EQ(world_send(TO_UPLINK, &to_neighbour), DROP);
	CHECK_EQ(take(), 1);
	claim_end("what finds no room is counted, its flow is made, and later ones are told");
}

int main(void)
{
	world_open();
	begins();
	begins_from_outside();
	is_flushed();
	begins_anew();
	refuses();
	leases();
	asks();
	loses();
	expires();	/* from here on the sweeper goes */
	return table_end();
}
