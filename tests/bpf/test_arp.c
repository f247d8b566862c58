// SPDX-License-Identifier: GPL-2.0-only
/*
 * ARP: a guest speaks for itself alone; the gateway's is answered for it, and
 * the host's for the guests.
 */
#include <stdio.h>
#include <string.h>

#include "arp.h"
#include "table.h"

#define ASK		.dmac = ALL_MAC, .smac = ANN_MAC
#define NO_MAC		0ULL
#define HOST_MAC	0x02bb00000001ULL	/* of the veth's host end */

static const struct row gateway[] = {
	{
		.claim = "the gateway's address is answered",
		.in = { ASK, ARP(ARP_REQUEST, ANN_MAC, ANN_IP, NO_MAC, GATEWAY) },
		.verdict = REDIRECT,
		.out = OUT(.dmac = ANN_MAC, .smac = GATEWAY_MAC, ARP(ARP_REPLY, GATEWAY_MAC, GATEWAY, ANN_MAC, ANN_IP)),
	}, {
		.claim = "a request to the gateway's MAC (revalidation) is answered",
		.in = { .dmac = GATEWAY_MAC, .smac = ANN_MAC, ARP(ARP_REQUEST, ANN_MAC, ANN_IP, NO_MAC, GATEWAY) },
		.verdict = REDIRECT,
		.out = OUT(.dmac = ANN_MAC, .smac = GATEWAY_MAC, ARP(ARP_REPLY, GATEWAY_MAC, GATEWAY, ANN_MAC, ANN_IP)),
	}, {
		.claim = "a request without padding is answered",
		.in = { ASK, .ethertype = ARP_ETHERTYPE, .len = ARP_SIZE,
			.data = ARP_RAW(1, 0x0800, 6, 4, ARP_REQUEST, ANN_MAC, ANN_IP, NO_MAC, GATEWAY) },
		.verdict = REDIRECT,
		.out = OUT(.dmac = ANN_MAC, .smac = GATEWAY_MAC, .ethertype = ARP_ETHERTYPE, .len = ARP_SIZE,
			   .data = ARP_RAW(1, 0x0800, 6, 4, ARP_REPLY, GATEWAY_MAC, GATEWAY, ANN_MAC, ANN_IP)),
	}, {
		.claim = "a probe for the gateway's address finds it in use",
		.in = { ASK, ARP(ARP_REQUEST, ANN_MAC, 0, NO_MAC, GATEWAY) },
		.verdict = REDIRECT,
		.out = OUT(.dmac = ANN_MAC, .smac = GATEWAY_MAC, ARP(ARP_REPLY, GATEWAY_MAC, GATEWAY, ANN_MAC, 0)),
	}, {
		.claim = "a guest without address may probe",
		.at = EVE,
		.in = { .dmac = ALL_MAC, .smac = EVE_MAC, ARP(ARP_REQUEST, EVE_MAC, 0, NO_MAC, GATEWAY) },
		.verdict = REDIRECT,
		.out = OUT(.dmac = EVE_MAC, .smac = GATEWAY_MAC, ARP(ARP_REPLY, GATEWAY_MAC, GATEWAY, EVE_MAC, 0)),
	}, {
		.claim = "an isolated network's gateway is answered",
		.at = DAN,
		.in = { .dmac = ALL_MAC, .smac = DAN_MAC, ARP(ARP_REQUEST, DAN_MAC, ANN_IP, NO_MAC, GATEWAY) },
		.verdict = REDIRECT,
		.out = OUT(.dmac = DAN_MAC, .smac = GATEWAY_MAC, ARP(ARP_REPLY, GATEWAY_MAC, GATEWAY, DAN_MAC, ANN_IP)),
	},
};

static const struct row bridge[] = {
	{
		.claim = "a request for a neighbour is the bridge's",
		.in = { ASK, ARP(ARP_REQUEST, ANN_MAC, ANN_IP, NO_MAC, BOB_IP) },
		.verdict = PASS,
	}, {
		.claim = "a guest's own announcement is the bridge's",
		.in = { ASK, ARP(ARP_REQUEST, ANN_MAC, ANN_IP, NO_MAC, ANN_IP) },
		.verdict = PASS,
	}, {
		.claim = "a probe for its own address is not answered by us (RFC 5227)",
		.in = { ASK, ARP(ARP_REQUEST, ANN_MAC, 0, NO_MAC, ANN_IP) },
		.verdict = PASS,
	}, {
		.claim = "a reply to a neighbour is the bridge's",
		.in = { .dmac = BOB_MAC, .smac = ANN_MAC, ARP(ARP_REPLY, ANN_MAC, ANN_IP, BOB_MAC, BOB_IP) },
		.verdict = PASS,
	}, {
		.claim = "an isolated guest does not find its neighbours",
		.at = DAN,
		.in = { .dmac = ALL_MAC, .smac = DAN_MAC, ARP(ARP_REQUEST, DAN_MAC, ANN_IP, NO_MAC, BOB_IP) },
		.verdict = DROP, .drop = BECAUSE_OF(ISOLATED, TWIN, DAN),
	},
};

static const struct row spoofs[] = {
	{
		.claim = "another sender's MAC in ARP",
		.in = { ASK, ARP(ARP_REQUEST, BOB_MAC, ANN_IP, NO_MAC, GATEWAY) },
		.verdict = DROP, .drop = BECAUSE(SPOOFED_ARP),
	}, {
		.claim = "another sender's address in ARP",
		.in = { ASK, ARP(ARP_REQUEST, ANN_MAC, BOB_IP, NO_MAC, GATEWAY) },
		.verdict = DROP, .drop = BECAUSE(SPOOFED_ARP),
	}, {
		.claim = "the gateway's address claimed in a reply",
		.in = { .dmac = BOB_MAC, .smac = ANN_MAC, ARP(ARP_REPLY, ANN_MAC, GATEWAY, BOB_MAC, BOB_IP) },
		.verdict = DROP, .drop = BECAUSE(SPOOFED_ARP),
	}, {
		.claim = "a neighbour's address announced",
		.in = { ASK, ARP(ARP_REQUEST, ANN_MAC, BOB_IP, NO_MAC, BOB_IP) },
		.verdict = DROP, .drop = BECAUSE(SPOOFED_ARP),
	}, {
		.claim = "another MAC on the frame",
		.in = { .dmac = ALL_MAC, .smac = BOB_MAC, ARP(ARP_REQUEST, ANN_MAC, ANN_IP, NO_MAC, GATEWAY) },
		.verdict = DROP, .drop = BECAUSE(SPOOFED_MAC),
	}, {
		.claim = "a guest without address claims one in ARP",
		.at = EVE,
		.in = { .dmac = ALL_MAC, .smac = EVE_MAC, ARP(ARP_REQUEST, EVE_MAC, BOB_IP, NO_MAC, GATEWAY) },
		.verdict = DROP, .drop = BECAUSE_OF(SPOOFED_ARP, NET, EVE),
	},
};

#define BAD_ARP(hrd, pro, hln, pln) \
	ASK, .ethertype = ARP_ETHERTYPE, .len = ARP_SIZE, .trailer = 18, \
	.data = ARP_RAW(hrd, pro, hln, pln, ARP_REQUEST, ANN_MAC, ANN_IP, NO_MAC, GATEWAY)

static const struct row malformed[] = {
	{ .claim = "ARP of another link type", .in = { BAD_ARP(6, 0x0800, 6, 4) },
	  .verdict = DROP, .drop = BECAUSE(MALFORMED) },
	{ .claim = "ARP of another protocol", .in = { BAD_ARP(1, 0x0801, 6, 4) },
	  .verdict = DROP, .drop = BECAUSE(MALFORMED) },
	{ .claim = "ARP with another address length", .in = { BAD_ARP(1, 0x0800, 8, 4) },
	  .verdict = DROP, .drop = BECAUSE(MALFORMED) },
	{ .claim = "ARP with another protocol address length", .in = { BAD_ARP(1, 0x0800, 6, 16) },
	  .verdict = DROP, .drop = BECAUSE(MALFORMED) },
};

static void cut_short(enum hook hook, const struct packet *in, __u32 slot)
{
	const struct cv_drop_key key = { CV_DROP_MALFORMED, NET, slot };

	claim_begin();
	for (unsigned int cut = 14; cut < 14 + ARP_SIZE; cut++) {
		__u8 frame[PACKET_MAX];
		unsigned int len = cut;

		packet_build(in, frame);
		drops_clear();
		CHECK_EQ(world_run(hook, 0, frame, &len, 0), DROP);
		CHECK_DROPS(&key, 1);
	}
	claim_end("ARP cut short is malformed, %s", hook == FROM_GUEST ? "from a guest" : "from the host");
}

#define HOST_ASKS	.dmac = ALL_MAC, .smac = HOST_MAC

static const struct row host[] = {
	{
		.claim = "the host's request for a guest is answered for the guest", .hook = TO_GUEST,
		.in = { HOST_ASKS, ARP(ARP_REQUEST, HOST_MAC, GATEWAY, NO_MAC, BOB_IP) },
		.verdict = REDIRECT,
		.out = OUT(.dmac = HOST_MAC, .smac = BOB_MAC, ARP(ARP_REPLY, BOB_MAC, BOB_IP, HOST_MAC, GATEWAY)),
	}, {
		.claim = "in another network the same address is another guest", .hook = TO_GUEST, .at = TWIN,
		.in = { HOST_ASKS, ARP(ARP_REQUEST, HOST_MAC, GATEWAY, NO_MAC, ANN_IP) },
		.verdict = REDIRECT,
		.out = OUT(.dmac = HOST_MAC, .smac = DAN_MAC, ARP(ARP_REPLY, DAN_MAC, ANN_IP, HOST_MAC, GATEWAY)),
	}, {
		.claim = "an address that no guest has is not answered", .hook = TO_GUEST,
		.in = { HOST_ASKS, ARP(ARP_REQUEST, HOST_MAC, GATEWAY, NO_MAC, IP(10, 77, 0, 99)) },
		.verdict = DROP, .drop = BECAUSE_OF(NO_GUEST, NET, 0),
	}, {
		.claim = "the host's announcement goes no further", .hook = TO_GUEST,
		.in = { HOST_ASKS, ARP(ARP_REQUEST, HOST_MAC, GATEWAY, NO_MAC, GATEWAY) },
		.verdict = DROP, .drop = BECAUSE_OF(NO_GUEST, NET, 0),
	}, {
		.claim = "a reply of the host goes no further", .hook = TO_GUEST,
		.in = { HOST_ASKS, ARP(ARP_REPLY, HOST_MAC, GATEWAY, ANN_MAC, ANN_IP) },
		.verdict = DROP, .drop = BECAUSE_OF(NO_GUEST, NET, 0),
	},
};

int main(void)
{
	const struct packet request = { ASK, ARP(ARP_REQUEST, ANN_MAC, ANN_IP, NO_MAC, GATEWAY) };

	world_open();
	TABLE_RUN(gateway);
	TABLE_RUN(bridge);
	TABLE_RUN(spoofs);
	TABLE_RUN(malformed);
	TABLE_RUN(host);
	cut_short(FROM_GUEST, &request, ANN);
	cut_short(TO_GUEST, &request, 0);
	return table_end();
}
