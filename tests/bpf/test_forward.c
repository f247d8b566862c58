// SPDX-License-Identifier: GPL-2.0-only
/*
 * cv_from_uplink: a forwarded port leads to its guest, whoever sends, wherever
 * the guest is.  ANN's port 80 is 8080 outside.
 */
#include "inbound.h"

#define CLIENT		OUTSIDE, .saddr = STRANGER, .proto = TCP, .sport = 40000, .dport = 8080
#define CLIENT_OUT	TO_ANN, .saddr = STRANGER, .proto = TCP, .sport = 40000, .dport = 80

static void forward(void)
{
	struct cv_external *e = world_external(HOST_IP, TCP, 8080);

	e->word = EXTERNAL(ANN, 80, 1);
	e->flags = CV_EXTERNAL_FORWARD;
}

static void ann_moved(void)
{
	struct cv_port port = world_port(ANN);

	forward();
	port.ip = htonl(ANN_IP + 10);
	world_set_port(ANN, &port);
}

static void ann_without_address(void)
{
	struct cv_port port = world_port(ANN);

	forward();
	port.ip = 0;
	world_set_port(ANN, &port);
}

static void ann_gone(void)
{
	const struct cv_port none = {};

	forward();
	world_set_port(ANN, &none);
}

static void forward_closed(void)
{
	forward();
	world_external(HOST_IP, TCP, 8080)->word = EXTERNAL(ANN, 80, 0);
	world_external(HOST_IP, TCP, 8080)->flags = 0;
}

static void client_made_at(__u32 ip)
{
	struct cv_tuple key = world_tuple(TCP, ip, 80, STRANGER, 40000);

	check_made(&key, TRANS_S);
	check_count(1);
	CHECK_EQ(world_external(HOST_IP, TCP, 8080)->word, EXTERNAL(ANN, 80, 2));
}

static void client_made(void)
{
	client_made_at(ANN_IP);
}

static void client_made_anew(void)
{
	client_made_at(ANN_IP + 10);
}

static void no_client(void)
{
	check_count(0);
}

static const struct row forwards[] = {
	{
		.claim = "a SYN to a forwarded port makes a flow", .hook = FROM_UPLINK, .before = forward,
		.in = { CLIENT, .flags = SYN }, .verdict = REDIRECT,
		.out = OUT(CLIENT_OUT, .flags = SYN), .after = client_made, .unbalanced = true,
	}, {
		.claim = "a forward follows the guest's address", .hook = FROM_UPLINK, .before = ann_moved,
		.in = { CLIENT, .flags = SYN }, .verdict = REDIRECT,
		.out = OUT(.dmac = TAG_MAC(ANN), .smac = PEER_MAC, .daddr = ANN_IP + 10, .ttl = 63,
			   .saddr = STRANGER, .proto = TCP, .sport = 40000, .dport = 80, .flags = SYN),
		.after = client_made_anew, .unbalanced = true,
	}, {
		.claim = "a guest without address gets nothing of its forward", .hook = FROM_UPLINK,
		.before = ann_without_address,
		.in = { CLIENT, .flags = SYN }, .verdict = PASS, .after = no_client, .unbalanced = true,
	}, {
		.claim = "a forward to a guest that is gone is the host's", .hook = FROM_UPLINK, .before = ann_gone,
		.in = { CLIENT, .flags = SYN }, .verdict = PASS, .after = no_client, .unbalanced = true,
	}, {
		.claim = "a reset to a forwarded port makes no flow", .hook = FROM_UPLINK, .before = forward,
		.in = { CLIENT, .flags = RST }, .verdict = DROP, .drop = BECAUSE(NO_FLOW),
		.after = no_client, .unbalanced = true,
	}, {
		.claim = "a forward is of one protocol", .hook = FROM_UPLINK, .before = forward,
		.in = { OUTSIDE, .saddr = STRANGER, .proto = UDP, .sport = 40000, .dport = 8080 },
		.verdict = PASS, .after = no_client, .unbalanced = true,
	}, {
		.claim = "a forward is of one address", .hook = FROM_UPLINK, .before = forward,
		.in = { .dmac = UPLINK_MAC, .smac = PEER_MAC, .daddr = HOST2_IP, .saddr = STRANGER, .proto = TCP,
			.sport = 40000, .dport = 8080, .flags = SYN },
		.verdict = PASS, .after = no_client, .unbalanced = true,
	}, {
		.claim = "a port that is forwarded no more is the host's", .hook = FROM_UPLINK, .before = forward_closed,
		.in = { CLIENT, .flags = SYN }, .verdict = PASS, .after = no_client,
	},
};

static void check_state(enum cv_flow_state state, __u16 timeout_s)
{
	struct cv_tuple key = world_tuple(TCP, ANN_IP, 80, STRANGER, 40000);
	struct cv_flow f = {};

	CHECK(world_flow(&key, &f));
	CHECK_EQ(f.state, state);
	CHECK_EQ(f.timeout_ticks, CV_TICKS(timeout_s));
}

static void client_served(void)
{
	struct packet in = { CLIENT, .flags = SYN };

	claim_begin();
	forward();
	CHECK_EQ(world_send(FROM_UPLINK, &in), REDIRECT);
	check_state(CV_FLOW_OPEN, TRANS_S);
	answered(&in, 80, 8080, SYN | ACK);
	in.flags = ACK;
	CHECK_EQ(world_send(FROM_UPLINK, &in), REDIRECT);
	check_state(CV_FLOW_ESTABLISHED, EST_S);
	answered(&in, 80, 8080, PSH | ACK);
	in.flags = FIN | ACK;
	CHECK_EQ(world_send(FROM_UPLINK, &in), REDIRECT);
	answered(&in, 80, 8080, FIN | ACK);
	check_state(CV_FLOW_CLOSING, TRANS_S);
	check_count(1);
	CHECK_EQ(world_flush(0, 0, 10), 1);
	CHECK_EQ(world_external(HOST_IP, TCP, 8080)->word, EXTERNAL(ANN, 80, 1));
	CHECK_EQ(world_send(FROM_UPLINK, OUT(CLIENT, .flags = SYN)), REDIRECT);
	claim_end("a client of a forwarded port is served from that port, and the forward outlives it");
}

static void not_yet_answered(void)
{
	struct packet in = { CLIENT, .flags = SYN };

	claim_begin();
	forward();
	CHECK_EQ(world_send(FROM_UPLINK, &in), REDIRECT);
	in.flags = ACK;
	CHECK_EQ(world_send(FROM_UPLINK, &in), REDIRECT);
	check_state(CV_FLOW_OPEN, TRANS_S);
	claim_end("who sends blindly to a forward establishes nothing");

	claim_begin();
	forward();
	in.flags = SYN;
	CHECK_EQ(world_send(FROM_UPLINK, &in), REDIRECT);
	answered(&in, 80, 8080, SYN | ACK);
	check_state(CV_FLOW_OPEN, TRANS_S);
	CHECK_EQ(world_send(FROM_UPLINK, &in), REDIRECT);
	check_state(CV_FLOW_OPEN, TRANS_S);
	claim_end("a client that does not go on is not established by the guest's answer");
}

static void client_again(void)
{
	struct packet in = { CLIENT, .flags = SYN };

	claim_begin();
	forward();
	CHECK_EQ(world_send(FROM_UPLINK, &in), REDIRECT);
	answered(&in, 80, 8080, SYN | ACK);
	in.flags = FIN | ACK;
	CHECK_EQ(world_send(FROM_UPLINK, &in), REDIRECT);
	answered(&in, 80, 8080, FIN | ACK);
	check_state(CV_FLOW_CLOSING, TRANS_S);
	in.flags = SYN;
	CHECK_EQ(world_send(FROM_UPLINK, &in), REDIRECT);
	check_state(CV_FLOW_OPEN, TRANS_S);
	answered(&in, 80, 8080, SYN | ACK);
	in.flags = ACK;
	CHECK_EQ(world_send(FROM_UPLINK, &in), REDIRECT);
	check_state(CV_FLOW_ESTABLISHED, EST_S);
	claim_end("a client of a forward opens its closed connection's ports again");
}

/* One port of the guest, two outside: an answer could leave by one of them only. */
static void two_forwards(void)
{
	const struct packet in = { CLIENT, .flags = SYN };
	const struct cv_drop_key why = BECAUSE(FILTERED);
	struct packet other = in;

	claim_begin();
	forward();
	*world_external(HOST_IP, TCP, 8081) = *world_external(HOST_IP, TCP, 8080);
	CHECK_EQ(world_send(FROM_UPLINK, &in), REDIRECT);
	other.dport = 8081;
	CHECK_EQ(world_send(FROM_UPLINK, &other), DROP);
	CHECK_DROPS(&why, 1);
	other.sport++;
	CHECK_EQ(world_send(FROM_UPLINK, &other), REDIRECT);
	answered(&other, 80, 8081, SYN | ACK);
	claim_end("two forwards of one guest's port are not mixed up");
}

int main(void)
{
	world_open();
	TABLE_RUN(forwards);
	client_served();
	not_yet_answered();
	client_again();
	two_forwards();
	return table_end();
}
