// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whatever the bytes are, each of the four programs comes to one verdict:
 *
 *	passed		to the kernel, not a byte changed, nothing counted
 *	redirected	nothing counted; or, the refused packet is the ICMP error
 *			that tells of it, one drop counted
 *	dropped		exactly one drop counted
 *	consumed	held or handed to the daemon: in a total, no drop counted
 *
 * and no guest's own address leaves by an uplink, not even in a quote.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "inbound.h"

#define FRAME_IP	14
#define IP_BYTES	128	/* of a frame behind the Ethernet header */

static const char *const hook_names[N_HOOKS] = { "from_guest", "to_uplink", "from_uplink", "to_guest" };

/* --- what is counted */

/* Of all reasons together: one call of the kernel. */
static __u64 all_drops(void)
{
	static struct cv_drop_key keys[256];
	static struct cv_drop_count *counts;
	__u32 n = 256, out[4];
	__u64 sum = 0;

	if (!counts)
		counts = calloc(256 * world.cpus, sizeof(*counts));
	if (bpf_map_lookup_batch(world.drops, NULL, out, keys, counts, &n, NULL) && errno != ENOENT) {
		printf("Bail out! drops: %s\n", strerror(errno));
		exit(1);
	}
	for (__u32 i = 0; i < n * world.cpus; i++)
		sum += counts[i].packets;
	return sum;
}

struct counted {
	__u64 drops, errors, consumed;
};

static struct counted counted_now(void)
{
	struct cv_totals t = world_totals();

	return (struct counted) {
		.drops = all_drops(), .errors = t.icmp_errors_sent, .consumed = t.fragments_held + t.dhcp_steered,
	};
}

/* --- what leaves */

static bool internal(const __u8 *at)
{
	return at[0] == 10;
}

static bool for_a_guest(const __u8 *frame)
{
	return get16(frame) == CV_TAG_MAC_PREFIX;
}

/* An ICMP error quotes what came in: its destination was the guest. */
static bool quotes_internal(const __u8 *ip, unsigned int len)
{
	unsigned int hlen = (ip[0] & 0xf) * 4;

	if (ip[9] != ICMP || get16(ip + 6) & 0x1fff || len < hlen + 28)
		return false;
	switch (ip[hlen]) {
	case 3: case 4: case 11: case 12:
		return internal(ip + hlen + 8 + 16);
	default:
		return false;
	}
}

static const char *leak(enum hook hook, const __u8 *in, const __u8 *out, unsigned int len)
{
	const __u8 *ip = out + FRAME_IP;

	switch (hook) {
	case FROM_GUEST:
		if (get32(out) == get32(in) && get16(out + 4) == get16(in + 4))
			return memcmp(in, out, len) ? "changed on its way to the gateway" : NULL;
		return get16(out) == 0x0200 && get32(out + 2) == ANN ? NULL : "to somebody else than the guest";
	case TO_UPLINK:
		if (for_a_guest(out))
			return NULL;
		if (internal(ip + 12))
			return "with the guest's own address";
		return quotes_internal(ip, len - FRAME_IP) ? "with the guest's own address in a quote" : NULL;
	case FROM_UPLINK:
		if (for_a_guest(out))
			return internal(ip + 16) ? NULL : "to a guest by another address";
		return get16(out + 12) == 0x0800 && internal(ip + 12) ? "with a guest's address" : NULL;
	default:
		/* To whom the packet is for; ARP goes back to the host. */
		if (get16(out + 12) != 0x0800)
			return NULL;
		return get16(out) == 0x0200 && get32(out + 2) == ip[19] ? NULL : "to somebody else than the guest";
	}
}

static bool header_ok(const __u8 *frame, unsigned int len)
{
	unsigned int hlen = (frame[FRAME_IP] & 0xf) * 4;

	if (get16(frame + 12) != 0x0800)
		return true;
	return hlen >= 20 && FRAME_IP + hlen <= len && !packet_checksum(frame + FRAME_IP, hlen, 0);
}

/* --- a frame and its verdict */

static struct counted before;
static unsigned int n_frames, n_verdicts[4];

static void wrong(enum hook hook, const __u8 *in, unsigned int len, const char *what)
{
	check_failed(__FILE__, __LINE__, "%s: %s", hook_names[hook], what);
	packet_dump("the frame", in, len, NULL, 0);
}

static const char *judge(enum hook hook, int verdict, const __u8 *in, unsigned int in_len, const __u8 *out,
			 unsigned int len)
{
	const struct counted now = counted_now();
	const __u64 drops = now.drops - before.drops, errors = now.errors - before.errors,
		    consumed = now.consumed - before.consumed;
	const char *bad;

	before = now;
	switch (verdict) {
	case PASS:
		n_verdicts[0]++;
		if (drops || errors || consumed)
			return "passed and counted";
		return in_len != len || memcmp(in, out, len) ? "passed and changed" : NULL;
	case REDIRECT:
		n_verdicts[1]++;
		if (consumed)
			return "redirected and consumed";
		if (drops != errors || drops > 1)
			return "redirected, and what is counted is not one refusal that was told";
		bad = leak(hook, in, out, len);
		if (bad)
			return bad;
		return header_ok(in, in_len) && !header_ok(out, len) ? "its IP checksum is wrong now" : NULL;
	case DROP:
		n_verdicts[consumed ? 3 : 2]++;
		if (errors)
			return "dropped, and the error for it lost";
		return drops + consumed != 1 ? "dropped, and not counted once" : NULL;
	default:
		return "no verdict";
	}
}

/* True while all is well. */
static bool check(enum hook hook, const __u8 *in, unsigned int in_len)
{
	__u8 frame[PACKET_MAX];
	unsigned int len = in_len;
	const char *bad;
	int verdict;

	memcpy(frame, in, in_len);
	verdict = world_run_numbered(hook, 0, frame, &len, 0);
	n_frames++;
	bad = judge(hook, verdict, in, in_len, frame, len);
	if (bad)
		wrong(hook, in, in_len, bad);
	return !bad;
}

/* --- frames */

/* Every datagram is another one: none waits for a fragment that was meant for an earlier claim. */
static __u32 number;

/* A packet on its way by @hook, as its bytes; IP_BYTES of them whatever the header says. */
static void put_frame(enum hook hook, __u8 *frame, __u8 ihl, __u16 tot_len, __u8 proto, __u16 frag)
{
	static const struct {
		__u64 dmac, smac;
		__u32 saddr, daddr;
	} ends[N_HOOKS] = {
		[FROM_GUEST] = { GATEWAY_MAC, ANN_MAC, ANN_IP, SERVER },
		[TO_UPLINK] = { GATEWAY_MAC, ANN_MAC, ANN_IP, SERVER },
		[FROM_UPLINK] = { UPLINK_MAC, PEER_MAC, SERVER, HOST_IP },
		[TO_GUEST] = { ANN_MAC, UPLINK_MAC, GATEWAY, ANN_IP },
	};
	__u8 *ip = frame + FRAME_IP;
	unsigned int hlen = ihl * 4;

	memset(frame, 0, FRAME_IP + IP_BYTES);
	put48(frame, ends[hook].dmac);
	put48(frame + 6, ends[hook].smac);
	put16(frame + 12, 0x0800);
	ip[0] = 0x40 | ihl;
	put16(ip + 2, tot_len);
	put16(ip + 4, ++number);
	put16(ip + 6, frag);
	ip[8] = 64;
	ip[9] = proto;
	put32(ip + 12, ends[hook].saddr);
	put32(ip + 16, ends[hook].daddr);
	for (unsigned int i = 20; i < IP_BYTES; i++)
		ip[i] = i * 7 + number;
	if (hlen >= 20) {
		put16(ip + 10, packet_checksum(ip, hlen, 0));
		put16(ip + hlen, hook == FROM_UPLINK ? 53 : 5000);
		put16(ip + hlen + 2, hook == FROM_UPLINK ? 5000 : 53);
	}
}

static const __u16 positions[] = { 0, DF, MF, MF | 1, MF | 8, 8, 0x1fff, MF | 0x1fff, 0x8000 };
#define N_POSITIONS	(sizeof(positions) / sizeof(positions[0]))

/* ANN has flows that what comes from outside may be an answer of; now and then, as they fill up. */
static void begin(void)
{
	static const struct packet p[] = {
		{ FROM_ANN, .daddr = SERVER, .proto = UDP, .sport = 5000, .dport = 53 },
		{ FROM_ANN, .daddr = SERVER, .proto = TCP, .sport = 5000, .dport = 53, .flags = SYN },
		{ FROM_ANN, .daddr = SERVER, .proto = ICMP, .type = ECHO, .sport = 7 },
		{ FROM_ANN, .daddr = SERVER, .proto = 47, .len = 8 },
	};

	for (unsigned int i = 0; i < 4; i++)
		CHECK_EQ(world_send(TO_UPLINK, &p[i]), REDIRECT);
	before = counted_now();
}

/* Limits of fragments would drop most of them. */
static void limits_anew(void)
{
	const struct cv_use none = {};

	world_set_use(world.port_use, ANN, &none);
	world_set_use(world.network_use, 0, &none);
}

static void claim_over(enum hook hook, const char *what)
{
	claim_end("%s: one verdict for each of %u frames: %s (%u passed, %u redirected, %u dropped, %u consumed)",
		  hook_names[hook], n_frames, what, n_verdicts[0], n_verdicts[1], n_verdicts[2], n_verdicts[3]);
	n_frames = 0;
	memset(n_verdicts, 0, sizeof(n_verdicts));
}

static void each_length(enum hook hook)
{
	static const __u8 protos[] = { TCP, UDP, ICMP, 47 };
	__u8 frame[PACKET_MAX];
	bool well = true;

	claim_begin();
	for (unsigned int i = 0; i < sizeof(protos); i++)
		for (unsigned int k = 0; k < N_POSITIONS; k++) {
			for (unsigned int ihl = 0; ihl < 16 && well; ihl++)
				for (unsigned int len = 0; len <= IP_BYTES + 1 && well; len++) {
					if (!len && !(ihl % 5)) {
						world_reset();
						begin();
					}
					limits_anew();
					put_frame(hook, frame, ihl, len > IP_BYTES ? 0xffff : len, protos[i], positions[k]);
					well = check(hook, frame, FRAME_IP + IP_BYTES);
				}
		}
	claim_over(hook, "each IHL and length, by protocol and fragment");
}

static void each_protocol(enum hook hook)
{
	static const __u16 lens[] = { 20, 21, 24, 27, 28, 39, 40, 60, 128 };
	__u8 frame[PACKET_MAX];
	bool well = true;

	claim_begin();
	for (unsigned int k = 0; k < N_POSITIONS; k++) {
		world_reset();
		begin();
		for (unsigned int proto = 0; proto < 256; proto++)
			for (unsigned int i = 0; i < sizeof(lens) / sizeof(lens[0]) && well; i++) {
				limits_anew();
				put_frame(hook, frame, 5, lens[i], proto, positions[k]);
				well = check(hook, frame, FRAME_IP + IP_BYTES);
			}
	}
	claim_over(hook, "each protocol, by length and fragment");
}

/* With a quote of a packet of ANN's, as far as there is room. */
static void put_icmp(__u8 *frame, __u8 type, __u8 code, unsigned int len, bool summed)
{
	__u8 *icmp = frame + FRAME_IP + 20, *quote = icmp + 8;
	const bool inward = get32(frame + FRAME_IP + 16) == HOST_IP;

	icmp[0] = type;
	icmp[1] = code;
	put16(icmp + 4, 7);
	memset(quote, 0, 20);
	quote[0] = 0x45;
	put16(quote + 2, 60);
	quote[8] = 60;
	quote[9] = UDP;
	put32(quote + 12, inward ? HOST_IP : SERVER);
	put32(quote + 16, inward ? SERVER : ANN_IP);
	put16(quote + 10, packet_checksum(quote, 20, 0));
	put16(quote + 20, inward ? 5000 : 53);
	put16(quote + 22, inward ? 53 : 5000);
	put16(icmp + 2, 0);
	if (summed)
		put16(icmp + 2, packet_checksum(icmp, len - 20, 0));
}

static void each_icmp(enum hook hook)
{
	static const __u16 lens[] = { 28, 47, 48, 55, 56, 57, 60, 128 };
	__u8 frame[PACKET_MAX];
	bool well = true;

	claim_begin();
	for (unsigned int type = 0; type < 256; type++) {
		if (!(type % 32)) {
			world_reset();
			begin();
		}
		for (unsigned int code = 0; code < 6; code++)
			for (unsigned int i = 0; i < 2 * sizeof(lens) / sizeof(lens[0]) && well; i++) {
				put_frame(hook, frame, 5, lens[i / 2], ICMP, 0);
				put_icmp(frame, type, code, lens[i / 2], i & 1);
				well = check(hook, frame, FRAME_IP + IP_BYTES);
			}
	}
	claim_over(hook, "each ICMP type, by code, length and checksum");
}

/* Each class in full, the rest by a stride that is prime. */
static void each_ethertype(enum hook hook)
{
	static const __u16 known[] = {
		0x0000, 0x0001, 0x05dc, 0x05ff, 0x0600, 0x0800, 0x0806, 0x0842, 0x6558, 0x8035, 0x8100, 0x86dd,
		0x8847, 0x8848, 0x8863, 0x8864, 0x886d, 0x888e, 0x88a8, 0x88b5, 0x88cc, 0x88e5, 0x88f7, 0x9000,
		0x9100, 0xffff,
	};
	static const __u64 macs[] = { GATEWAY_MAC, BOB_MAC, ALL_MAC, 0x333300000001ULL, UPLINK_MAC, TAG_MAC(ANN) };
	const unsigned int n_known = sizeof(known) / sizeof(known[0]);
	__u8 frame[PACKET_MAX];
	bool well = true;

	claim_begin();
	begin();
	for (unsigned int i = 0; i < n_known + 0x10000 / 53; i++)
		for (unsigned int k = 0; k < sizeof(macs) / sizeof(macs[0]) && well; k++) {
			put_frame(hook, frame, 5, 60, UDP, 0);
			put16(frame + 12, i < n_known ? known[i] : (i - n_known) * 53);
			put48(frame, macs[k]);
			well = check(hook, frame, 60 + FRAME_IP);
		}
	claim_over(hook, "each class of ethertype, by destination");
}

/* To and from each kind of address. */
static void each_address(enum hook hook)
{
	static const __u32 addrs[] = {
		0, 1, ANN_IP, BOB_IP, IP(10, 77, 0, 99), IP(10, 77, 0, 255), IP(10, 77, 0, 0), GATEWAY, FAY_IP, HOST_IP,
		HOST2_IP, IP(203, 0, 113, 2), ROUTER_IP, SERVER, SERVER2, IP(100, 65, 0, 1), IP(100, 66, 0, 1),
		IP(127, 0, 0, 1), IP(169, 254, 1, 1), IP(224, 0, 0, 1), IP(239, 255, 255, 255), IP(240, 0, 0, 1), 0xffffffff,
		IP(198, 51, 100, 255), IP(10, 0, 0, 1), IP(192, 168, 1, 1),
	};
	static const __u8 protos[] = { TCP, UDP, ICMP, 47 };
	const unsigned int n = sizeof(addrs) / sizeof(addrs[0]);
	__u8 frame[PACKET_MAX], *ip = frame + FRAME_IP;
	bool well = true;

	claim_begin();
	begin();
	for (unsigned int from = 0; from < n; from++)
		for (unsigned int to = 0; to < n; to++)
			for (unsigned int i = 0; i < 8 && well; i++) {
				put_frame(hook, frame, 5, 60, protos[i / 2], 0);
				put32(ip + 12, addrs[from]);
				put32(ip + 16, addrs[to]);
				ip[8] = i & 1 ? 1 : 64;
				if (protos[i / 2] == ICMP)
					put_icmp(frame, ECHO, 0, 60, true);
				put16(ip + 10, 0);
				put16(ip + 10, packet_checksum(ip, 20, 0));
				well = check(hook, frame, FRAME_IP + 60);
			}
	claim_over(hook, "each kind of source and destination");
}

int main(void)
{
	world_open();
	for (enum hook hook = 0; hook < N_HOOKS; hook++) {
		each_length(hook);
		each_protocol(hook);
		each_icmp(hook);
		each_ethertype(hook);
		each_address(hook);
	}
	return table_end();
}
