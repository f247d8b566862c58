// SPDX-License-Identifier: GPL-2.0-only
/*
 * docs/verdicts.md says what becomes of each class of packet at each of the
 * four programs.  Its tables are what the programs do: made by
 *
 *	build/bpftest/test_verdicts --print
 *
 * and compared here, so that the page and the programs cannot differ.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "arp.h"
#include "inbound.h"

#define PAGE	"docs/verdicts.md"

static const char *const reasons[] = {
	[CV_OK] = "",
#define NAME(id, name, text) [CV_DROP_##id] = name,
	CV_DROP_REASONS(NAME)
#undef NAME
};

/* --- classes */

/**
 * struct class - packets of one kind
 * @what:	the kind, as a line of the page
 * @p:		what makes it that; addresses and MACs are the hook's unless given
 * @known:	it belongs to a flow that is there, or follows a first fragment
 */
struct class {
	const char *what;
	struct packet p;
	bool known, arp;
	void (*more)(enum hook hook);
};

static void first_seen(enum hook hook);
static void part_seen(enum hook hook);

#define DATA	.len = 64

static const struct class classes[] = {
	{ .what = "UDP, of a known flow", .p = { .proto = UDP, DATA }, .known = true },
	{ .what = "UDP, of none", .p = { .proto = UDP, DATA } },
	{ .what = "TCP, of a known flow", .p = { .proto = TCP, .flags = ACK, DATA }, .known = true },
	{ .what = "TCP SYN, of none", .p = { .proto = TCP, .flags = SYN } },
	{ .what = "TCP data, of none", .p = { .proto = TCP, .flags = ACK, DATA } },
	{ .what = "TCP FIN, of none", .p = { .proto = TCP, .flags = FIN | ACK } },
	{ .what = "TCP RST, of none", .p = { .proto = TCP, .flags = RST } },
	{ .what = "ICMP echo request", .p = { .proto = ICMP, .type = ECHO, DATA } },
	{ .what = "ICMP echo reply, of a known flow", .p = { .proto = ICMP, .type = ECHO_REPLY, DATA }, .known = true },
	{ .what = "ICMP echo reply, of none", .p = { .proto = ICMP, .type = ECHO_REPLY, DATA } },
	{ .what = "ICMP error about no flow", .p = { .proto = ICMP, .type = UNREACHABLE, .code = 3,
		.quote = QUOTE(.saddr = SERVER, .daddr = SERVER, .proto = UDP, .len = 8) } },
	{ .what = "ICMP error, its quote cut short", .p = { .proto = ICMP, .type = UNREACHABLE, .code = 3, .len = 20 } },
	{ .what = "ICMP timestamp and all other types", .p = { .proto = ICMP, .type = 13, .len = 12 } },
	{ .what = "GRE, of a known flow", .p = { .proto = 47, DATA }, .known = true },
	{ .what = "GRE, ESP, SCTP and all others, of none", .p = { .proto = 50, DATA } },
	{ .what = "AH", .p = { .proto = 51, DATA } },
	{ .what = "DCCP", .p = { .proto = 33, DATA } },
	{ .what = "UDP-Lite", .p = { .proto = 136, DATA } },
	{ .what = "IP options", .p = { .proto = UDP, DATA, .options = "\x94\x04\x00\x00", .options_len = 4 }, .known = true },
	{ .what = "IP options with a source route",
	  .p = { .proto = UDP, DATA, .options = "\x83\x07\x04\x08\x08\x08\x08\x00", .options_len = 8 }, .known = true },
	{ .what = "wrong checksum of the IP header, of no flow", .p = { .proto = UDP, DATA, .bad_ip = true } },
	{ .what = "wrong checksum of the IP header, of a known flow", .p = { .proto = UDP, DATA, .bad_ip = true }, .known = true },
	{ .what = "TTL 1", .p = { .proto = UDP, DATA, .ttl = 1 }, .known = true },
	{ .what = "longer than the MTU, DF set", .p = { .proto = UDP, .len = 1473, .frag = DF }, .known = true },
	{ .what = "longer than the MTU, DF clear", .p = { .proto = UDP, .len = 1473 }, .known = true },
	{ .what = "first fragment", .p = { .proto = UDP, .frag = MF, .id = 9, DATA }, .known = true },
	{ .what = "later fragment, its first one seen", .p = { .proto = UDP, .frag = 9, .id = 9, DATA }, .known = true, .more = first_seen },
	{ .what = "later fragment, its first one not seen", .p = { .proto = UDP, .frag = 9, .id = 9, DATA }, .known = true },
	{ .what = "later fragment over another", .p = { .proto = UDP, .frag = MF | 19, .id = 9, DATA }, .known = true, .more = part_seen },
	{ .what = "fragment of no whole blocks", .p = { .proto = UDP, .frag = MF | 9, .id = 9, .len = 63 }, .known = true },
	{ .what = "fragment beyond 65535 bytes", .p = { .proto = UDP, .frag = 0x1fff, .id = 9, DATA }, .known = true },
	{ .what = "TCP fragment of offset 1", .p = { .proto = TCP, .frag = 1, .id = 9, DATA }, .known = true },
	{ .what = "version is not 4", .p = { .proto = UDP, .version = 5, DATA }, .known = true },
	{ .what = "IHL less than 5", .p = { .proto = UDP, .ihl = 4, DATA }, .known = true },
	{ .what = "total length less than the header", .p = { .proto = UDP, .tot_len = 19, DATA }, .known = true },
	{ .what = "total length more than the frame", .p = { .proto = UDP, .tot_len = 200, DATA }, .known = true },
	{ .what = "UDP header cut short", .p = { .proto = UDP, .tot_len = 27, DATA }, .known = true },
	{ .what = "TCP header cut short", .p = { .proto = TCP, .tot_len = 39, DATA }, .known = true },
	{ .what = "ICMP header cut short", .p = { .proto = ICMP, .type = ECHO, .tot_len = 27, DATA }, .known = true },
	{ .what = "padding behind the packet", .p = { .proto = UDP, .trailer = 18, .len = 8 }, .known = true },
	{ .what = "to the gateway, or the host", .p = { .proto = UDP, .daddr = GATEWAY, DATA } },
	{ .what = "to a neighbour, by the gateway", .p = { .proto = UDP, .daddr = BOB_IP, DATA } },
	{ .what = "to an address of the guests' network that nobody has", .p = { .proto = UDP, .daddr = IP(10, 77, 0, 99), DATA } },
	{ .what = "to multicast", .p = { .proto = UDP, .daddr = IP(224, 0, 0, 251), DATA } },
	{ .what = "to broadcast", .p = { .dmac = ALL_MAC, .proto = UDP, .daddr = 0xffffffff, DATA } },
	{ .what = "to loopback", .p = { .proto = UDP, .daddr = IP(127, 0, 0, 1), DATA } },
	{ .what = "to link-local", .p = { .proto = UDP, .daddr = IP(169, 254, 169, 254), DATA } },
	{ .what = "to 0.0.0.0/8", .p = { .proto = UDP, .daddr = 1, DATA } },
	{ .what = "to 240.0.0.0/4", .p = { .proto = UDP, .daddr = IP(240, 0, 0, 1), DATA } },
	{ .what = "to where the host has no route", .p = { .proto = UDP, .daddr = IP(100, 65, 0, 1), DATA } },
	{ .what = "to where no uplink leads", .p = { .proto = UDP, .daddr = IP(203, 0, 113, 7), DATA } },
	{ .what = "from another guest's address", .p = { .proto = UDP, .saddr = BOB_IP, DATA } },
	{ .what = "from another guest's MAC", .p = { .smac = BOB_MAC, .proto = UDP, DATA } },
	{ .what = "from an address outside", .p = { .proto = UDP, .saddr = IP(8, 8, 8, 8), DATA } },
	{ .what = "DHCP, of a server", .p = { .proto = UDP, .sport = 67, .dport = 68, .len = 300 } },
	{ .what = "ARP request: for the gateway, the host, a guest", .arp = true },
	{ .what = "ARP, malformed", .p = { .ethertype = ARP_ETHERTYPE, .len = 46 } },
	{ .what = "IPv6", .p = { .ethertype = 0x86dd, .len = 60 } },
	{ .what = "all other ethertypes", .p = { .ethertype = 0x88cc, .len = 60 } },
};
#define N_CLASSES	(sizeof(classes) / sizeof(classes[0]))

/* --- the packet of a class at a hook */

static const struct packet ways[N_HOOKS] = {
	[FROM_GUEST] = { FROM_ANN, .daddr = SERVER, .sport = 5000, .dport = 53 },
	[TO_UPLINK] = { FROM_ANN, .daddr = SERVER, .sport = 5000, .dport = 53 },
	[FROM_UPLINK] = { OUTSIDE, .saddr = SERVER, .sport = 53, .dport = 5000 },
	[TO_GUEST] = { .dmac = ANN_MAC, .smac = UPLINK_MAC, .saddr = GATEWAY, .daddr = ANN_IP, .sport = 53, .dport = 5000 },
};

static struct packet packet_of(const struct class *c, enum hook hook)
{
	const struct packet *way = &ways[hook];
	struct packet p = c->p;

	p.dmac = p.dmac ? p.dmac : way->dmac;
	p.smac = p.smac ? p.smac : way->smac;
	p.saddr = p.saddr ? p.saddr : way->saddr;
	p.daddr = p.daddr ? p.daddr : way->daddr;
	if (!p.sport && !p.dport) {
		p.sport = way->sport;
		p.dport = way->dport;
	}
	/* An echo's identifier is where others have a source port. */
	if (p.proto == ICMP)
		p.sport = 5000;
	/* Another peer's, or from another port. */
	if (!c->known && p.saddr == way->saddr && p.daddr == way->daddr && p.dport != 68)
		*(hook == FROM_UPLINK ? &p.saddr : &p.daddr) += hook == TO_GUEST ? 0 : 1;
	return p;
}

static const struct packet asks[N_HOOKS] = {
	[FROM_GUEST] = { .dmac = ALL_MAC, .smac = ANN_MAC, ARP(ARP_REQUEST, ANN_MAC, ANN_IP, 0ULL, GATEWAY) },
	[TO_UPLINK] = { .dmac = ALL_MAC, .smac = ANN_MAC, ARP(ARP_REQUEST, ANN_MAC, ANN_IP, 0ULL, GATEWAY) },
	[FROM_UPLINK] = { .dmac = ALL_MAC, .smac = PEER_MAC, ARP(ARP_REQUEST, PEER_MAC, ROUTER_IP, 0ULL, HOST_IP) },
	[TO_GUEST] = { .dmac = ALL_MAC, .smac = UPLINK_MAC, ARP(ARP_REQUEST, UPLINK_MAC, GATEWAY, 0ULL, ANN_IP) },
};

/* Flows of ANN that each protocol may belong to. */
static void flows(void)
{
	const struct packet *way = &ways[TO_UPLINK];
	static const __u8 protos[] = { UDP, TCP, ICMP, 47 };

	for (unsigned int i = 0; i < 4; i++) {
		struct packet p = *way;

		p.proto = protos[i];
		p.flags = SYN;
		p.type = ECHO;
		CHECK_EQ(world_send(TO_UPLINK, &p), REDIRECT);
	}
}

static void send_part(enum hook hook, __u16 frag)
{
	struct packet p = ways[hook];

	p.proto = UDP;
	p.id = 9;
	p.frag = MF | frag;
	p.len = 64;
	CHECK_EQ(world_send(hook, &p), REDIRECT);
}

static void first_seen(enum hook hook)
{
	send_part(hook, 0);
}

/* From byte 152 to 216 of the payload. */
static void part_seen(enum hook hook)
{
	send_part(hook, 0);
	send_part(hook, 19);
}

/* --- the verdict in words */

static __u32 only_drop(void)
{
	struct cv_drop_key key, other;

	if (bpf_map_get_next_key(world.drops, NULL, &key))
		return CV_OK;
	CHECK(bpf_map_get_next_key(world.drops, &key, &other));
	return key.reason;
}

static const char *way_out(enum hook hook, const __u8 *in, const __u8 *out)
{
	bool tagged = get16(out) == CV_TAG_MAC_PREFIX;

	switch (hook) {
	case FROM_GUEST:
		return memcmp(in, out, 12) ? "answered" : "on";
	case TO_UPLINK:
		return tagged ? "to a guest" : "translated";
	case FROM_UPLINK:
		return tagged ? "translated" : "answered";
	default:
		return get16(in + 12) == ARP_ETHERTYPE ? "answered" : "delivered";
	}
}

static const char *told(const __u8 *frame)
{
	static char words[64];
	const __u8 *icmp = frame + 14 + (frame[14] & 0xf) * 4;

	snprintf(words, sizeof(words), ", told by ICMP %u/%u", icmp[0], icmp[1]);
	return words;
}

static void verdict_of(const struct class *c, enum hook hook, char *ret, size_t size)
{
	const struct packet p = c->arp ? asks[hook] : packet_of(c, hook);
	__u8 frame[PACKET_MAX], in[PACKET_MAX];
	unsigned int len = packet_build(&p, frame);
	__u32 reason;
	int verdict;

	world_reset();
	flows();
	if (c->more)
		c->more(hook);
	memcpy(in, frame, len);
	drops_clear();
	verdict = world_run(hook, 0, frame, &len, 0);
	reason = only_drop();
	if (verdict == PASS)
		snprintf(ret, size, "%s", hook == FROM_UPLINK ? "the host's" : hook == FROM_GUEST ? "over the bridge" : "to the host");
	else if (verdict == REDIRECT)
		snprintf(ret, size, "%s%s", reason ? reasons[reason] : way_out(hook, in, frame), reason ? told(frame) : "");
	else
		snprintf(ret, size, "%s", reason ? reasons[reason] : "waits");
	if (reason && verdict != PASS) {
		char words[128];

		snprintf(words, sizeof(words), "**%s**", ret);
		snprintf(ret, size, "%s", words);
	}
}

/* --- the page */

static void put_table(FILE *out)
{
	char words[256];

	fprintf(out, "| packet | from_guest | to_uplink | from_uplink | to_guest |\n|---|---|---|---|---|\n");
	for (unsigned int i = 0; i < N_CLASSES; i++) {
		fprintf(out, "| %s |", classes[i].what);
		for (enum hook hook = 0; hook < N_HOOKS; hook++) {
			verdict_of(&classes[i], hook, words, sizeof(words));
			fprintf(out, " %s |", words);
		}
		fprintf(out, "\n");
	}
}

/* Beside the build directory, wherever that is started from. */
static FILE *open_page(void)
{
	char path[512];
	FILE *f = fopen(PAGE, "r");
	ssize_t n;

	if (f)
		return f;
	n = readlink("/proc/self/exe", path, sizeof(path) - 32);
	if (n < 0)
		return NULL;
	path[n] = 0;
	for (int up = 0; up < 3 && strrchr(path, '/'); up++)
		*strrchr(path, '/') = 0;
	strcat(path, "/" PAGE);
	return fopen(path, "r");
}

/* The page's line that begins as this one does. */
static bool find_line(FILE *page, const char *line, char *ret, size_t size)
{
	const char *end = strchr(line + 1, '|');

	rewind(page);
	while (fgets(ret, size, page))
		if (end && !strncmp(ret, line, end - line + 1))
			return true;
	return false;
}

static void compare(FILE *page, FILE *table)
{
	char want[512], got[512];
	unsigned int n = 0;

	rewind(table);
	while (fgets(want, sizeof(want), table)) {
		claim_begin();
		if (!find_line(page, want, got, sizeof(got)))
			check_failed(__FILE__, __LINE__, "the page has no such line: %s", want);
		else if (strcmp(want, got))
			check_failed(__FILE__, __LINE__, "the page says%s# and the programs do%s", got, want);
		want[strcspn(want + 2, "|") + 1] = 0;
		if (n++ > 1)
			claim_end("the page tells the verdicts: %s", want + 2);
	}
}

/* Nor has it lines of classes that are gone. */
static void count_lines(FILE *page)
{
	char line[512];
	unsigned int n = 0;

	claim_begin();
	rewind(page);
	while (fgets(line, sizeof(line), page))
		n += !strncmp(line, "| ", 2);
	CHECK_EQ(n, N_CLASSES + 1);
	claim_end("the page tells of these classes and of no others");
}

int main(int argc, char **argv)
{
	FILE *page, *table;

	world_open();
	if (argc > 1 && !strcmp(argv[1], "--print")) {
		put_table(stdout);
		return 0;
	}
	table = tmpfile();
	page = open_page();
	if (!page || !table) {
		printf("Bail out! %s cannot be read\n", PAGE);
		return 1;
	}
	put_table(table);
	compare(page, table);
	count_lines(page);
	return table_end();
}
