// SPDX-License-Identifier: GPL-2.0-only
/*
 * The datapath beside a naive model of it (tests/model): random packets go to
 * both, and the model says beforehand what becomes of each: verdict, counter,
 * every byte, and the state of every flow.  MODEL_SEED=N repeats a run,
 * MODEL_PACKETS=N makes it longer.  To narrow a failure down: MODEL_WITHOUT, a
 * mask of enum random_kind.  The model makes the datapath's known errors as
 * well (FOLLOW_KNOWN, nat_model.h), so as to see what else there is;
 * MODEL_FOLLOW=0 shows them.
 *
 * The clock stands still but for steps that the run decides: whenever the real
 * one goes on, the times in the maps are moved with it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <time.h>
#include <sys/socket.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <bpf/bpf.h>

#include "nat_random.h"
#include "table.h"

#define DEFAULT_PACKETS	250000
#define EPISODE		2500	/* packets in one world */
#define MS		1000000

static struct model model;
static __u32 real_tick;		/* when the times in the maps were moved last */
static __u32 crossed;		/* ticks that the real clock went on during runs */
static bool ticked;		/* did it, in any run of the episode? */
static unsigned int n_runs, n_kinds[N_KINDS], n_drops[CV_N_DROPS];

/* --- state of both sides */

static bool placed(const struct model_datagram *d)
{
	const struct cv_datagram_key key = {
		.saddr = htonl(d->saddr), .daddr = htonl(d->daddr), .id = htons(d->id),
		.proto = d->proto, .use = d->use, .net = d->net,
	};

	return world_datagram_known(&key);
}

/* Copies that the datapath has made, before the packet of now and after it. */
static __u64 held_before, held_after;

static bool held(void)
{
	return held_after != held_before;
}

static struct cv_tuple key_of(const struct model_flow *f)
{
	struct cv_tuple key = world_tuple(f->proto, f->guest->ip, f->lport, f->remote, f->rport);

	key.net = f->guest->net;
	return key;
}

static bool chosen(const struct model_flow *f, __u16 *ret_port)
{
	struct cv_tuple key = key_of(f);
	struct cv_flow flow;

	if (!world_flow(&key, &flow))
		return false;
	*ret_port = ntohs(flow.port);
	return true;
}

static __u8 flags_of(const struct model_flow *f)
{
	if (f->host)
		return CV_FLOW_HOST | CV_FLOW_BY_GUEST | (f->acked ? CV_FLOW_ACKED : 0);
	return (f->out_syn ? CV_FLOW_OUT_SYN : 0) | (f->in_syn ? CV_FLOW_IN_SYN : 0) |
	       (f->out_fin ? CV_FLOW_OUT_FIN : 0) | (f->in_fin ? CV_FLOW_IN_FIN : 0) |
	       (f->reset ? CV_FLOW_RST : 0) | (f->inbound ? CV_FLOW_INBOUND : 0) |
	       (f->acked ? CV_FLOW_ACKED : 0);
}

/* Was it @want, or one of the ticks that the clock has gone on meanwhile? */
static void check_tick(__u32 got, __u32 want)
{
	if (got - want > crossed)
		CHECK_EQ(got, want);
}

static void check_flow(const struct model_flow *f, __u32 shift, __u32 new_shift)
{
	struct cv_tuple key = key_of(f);
	struct cv_flow flow = {};

	if (!world_flow(&key, &flow)) {
		CHECK(!"a flow is missing");
		return;
	}
	CHECK_EQ(flow.state, f->state);
	CHECK_EQ(flow.flags, flags_of(f));
	CHECK_EQ(flow.timeout_ticks, f->timeout);
	CHECK_EQ(flow.slot, f->guest->slot);
	CHECK_EQ(ntohl(flow.addr), f->outside->addr);
	CHECK_EQ(ntohs(flow.port), f->outside->port);
	CHECK_EQ(flow.out_packets, f->out_packets);
	CHECK_EQ(flow.out_bytes, f->out_bytes);
	CHECK_EQ(flow.in_packets, f->in_packets);
	CHECK_EQ(flow.in_bytes, f->in_bytes);
	if (f->acked)
		CHECK_EQ(flow.out_next, f->next);
	check_tick(flow.out_tick, f->out_tick + shift);
	check_tick(flow.in_tick, f->in_tick + shift);
	flow.out_tick = f->out_tick + new_shift;
	flow.in_tick = f->in_tick + new_shift;
	flow.route_tick += new_shift - shift;
	world_set_flow(&key, &flow);
}

/* Whose are a peer's packets of a protocol without ports? */
static void check_protocol(const struct model_mapping *e)
{
	struct cv_protocol key = { htonl(e->addr), htonl(e->remote), e->proto };
	__u32 slot = 0;

	bpf_map_lookup_elem(world.protocols, &key, &slot);
	CHECK_EQ(slot, e->flows ? e->slot : 0);
}

static void check_mapping(const struct model_mapping *e, __u32 shift, __u32 new_shift)
{
	struct cv_external *at = world_external(e->addr, e->proto, e->port);

	if (e->whole)
		return;
	if (e->remote) {
		check_protocol(e);
		return;
	}
	if (at->word != EXTERNAL(e->slot, e->lport, e->flows))
		check_failed(__FILE__, __LINE__, "port %u of %x is %llx, not %llx", e->port, e->addr,
			     (unsigned long long)at->word,
			     (unsigned long long)EXTERNAL(e->slot, e->lport, e->flows));
	/* When the last flow went; of no use while there are any. */
	if (!e->flows)
		check_tick(at->tick, e->tick + shift);
	at->tick = e->tick + new_shift;
}

/* None is of later than @last: the clock may have gone on meanwhile. */
static void move_peers(__u32 last, __u32 by)
{
	struct cv_tuple at, next;
	__u32 tick;
	int err = bpf_map_get_next_key(world.peers, NULL, &next);

	while (!err) {
		at = next;
		err = bpf_map_get_next_key(world.peers, &at, &next);
		if (bpf_map_lookup_elem(world.peers, &at, &tick))
			continue;
		tick = (tick == last + 1 ? last : tick) + by;
		bpf_map_update_elem(world.peers, &at, &tick, BPF_EXIST);
	}
}

/* What was begun within two seconds. */
static void move_budget(struct cv_use *use, __u32 slot, __u32 new_shift)
{
	struct model_budget *b = &model.budgets[slot];

	if (!b->tick)
		return;
	CHECK_EQ(use->datagrams, b->datagrams);
	CHECK_EQ(use->held, b->held);
	use->fragment_tick = b->tick + new_shift;
}

static void move_limits(__u32 new_shift)
{
	struct cv_use use;

	for (unsigned int i = 0; i < 4; i++) {
		struct model_guest *g = &model.guests[i];

		use = world_use(world.port_use, g->slot);

		CHECK_EQ(use.flows, model_flows(&model, g->net, g->slot));
		CHECK_EQ(use.ports, model_ports(&model, g->net, g->slot));
		use.error_tick = g->error_tick + new_shift;
		use.errors = g->errors;
		move_budget(&use, g->slot, new_shift);
		world_set_use(world.port_use, g->slot, &use);
	}
	for (unsigned int i = 0; i < 3; i++) {
		use = world_use(world.network_use, model.nets[i].id);
		CHECK_EQ(use.flows, model_flows(&model, model.nets[i].id, 0));
		CHECK_EQ(use.ports, model_ports(&model, model.nets[i].id, 0));
	}
	use = world_use(world.network_use, 0);
	move_budget(&use, 0, new_shift);
	world_set_use(world.network_use, 0, &use);
}

/* Compare all state, and let the model's clock go on by @ticks. */
static void clock_step(__u32 ticks)
{
	__u32 shift = real_tick - model.now, new_shift;

	model.now += ticks;
	real_tick = world_tick();
	new_shift = real_tick - model.now;
	for (unsigned int i = 0; i < model.n_flows; i++)
		check_flow(&model.flows[i], shift, new_shift);
	for (unsigned int i = 0; i < model.n_mappings; i++)
		check_mapping(&model.mappings[i], shift, new_shift);
	CHECK_EQ(world_use(world.network_use, 0).flows, model.n_flows);
	if (crossed)
		world_clamp_datagrams(model.now - ticks + shift);
	world_move_datagrams(new_shift - shift);
	CHECK_EQ(world_sweep_held(real_tick), model_sweep(&model));
	move_peers(model.now - ticks + shift, new_shift - shift);
	move_limits(new_shift);
	crossed = 0;
}

/* No run begins at the end of a tick. */
static void settle(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (((__u64)now.tv_sec * 1000000000 + now.tv_nsec) % (1 << CV_TICK_SHIFT) > (1 << CV_TICK_SHIFT) - 4 * MS)
		world_tick_begin();
	if (world_tick() != real_tick)
		clock_step(0);
}

/* --- what begins its way anew: the links get it, and a socket hears that */

static int again_fd;

static void again_open(void)
{
	const struct sockaddr_ll all = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int one = 1;

	again_fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (again_fd < 0 || setsockopt(again_fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    bind(again_fd, (const struct sockaddr *)&all, sizeof(all))) {
		printf("Bail out! AF_PACKET\n");
		exit(1);
	}
}

/* The next frame at this link.  Return: its length, 0 when there is none within @ms. */
static unsigned int again_read(__u32 ifindex, __u8 *frame, int ms)
{
	struct pollfd p = { .fd = again_fd, .events = POLLIN };
	struct sockaddr_ll from;
	socklen_t size = sizeof(from);
	ssize_t n;

	while (poll(&p, 1, ms) > 0) {
		n = recvfrom(again_fd, frame, PACKET_MAX, 0, (struct sockaddr *)&from, &size);
		if (n > 0 && from.sll_ifindex == (int)ifindex)
			return n;
	}
	return 0;
}

/* What a run that went wrong has left. */
static void again_forget(void)
{
	static __u8 frame[PACKET_MAX];

	while (recv(again_fd, frame, sizeof(frame), MSG_DONTWAIT) > 0)
		;
}

/* --- one packet */

static __u16 left_with;	/* the identification of what came out last */

static __u16 number_of(void)
{
	return left_with;
}

/*
 * The gateway's echo replies never carry a checksum of zero, as all else might
 * be zero: in the sum 0xffff stands for the same.
 */
static void same_zero(const struct packet *p, const __u8 *got, __u8 *want)
{
	unsigned int at = ETH_HLEN + (want[ETH_HLEN] & 15) * 4 + 2;

	if (p->proto == ICMP && p->type == ECHO_REPLY && !get16(want + at) && get16(got + at) == 0xffff)
		put16(want + at, 0xffff);
}

static void judge(enum hook hook, __u32 at, const struct packet *p, const struct model_fate *want,
		  __u8 *frame, unsigned int len, int verdict)
{
	static __u8 bytes[PACKET_MAX];
	unsigned int n;

	CHECK_EQ(verdict, want->verdict);
	if (want->verdict != DROP) {
		n = packet_build(&want->out, bytes);
		if (hook == FROM_GUEST)
			same_zero(&want->out, frame, bytes);
		CHECK_BYTES(frame, len, bytes, n);
	}
	CHECK_DROPS(&want->drop, want->drop.reason ? 1 : 0);
	if (want->drop.reason)
		drops_clear();
	if (model.wrong[0])
		check_failed(__FILE__, __LINE__, "%s", model.wrong);
}

/* What begins its way anew at this link: these packets, in this order. */
static void check_again(__u32 ifindex, const struct model_fate *want)
{
	static __u8 got[PACKET_MAX], bytes[PACKET_MAX];
	unsigned int n, len;

	for (unsigned int i = 0; i < want->n_again; i++) {
		n = packet_build(want->again[i], bytes);
		len = again_read(ifindex, got, 1000);
		CHECK_BYTES(got, len, bytes, n);
	}
	CHECK_EQ(again_read(ifindex, got, 0), 0);
}

static void note_crossed(void)
{
	__u32 ticks = world_tick() - real_tick;

	if (ticks > crossed)
		crossed = ticks;
	ticked |= ticks;
}

/* Give one packet to both. */
static void one_run(enum hook hook, __u32 at, const struct packet *p, struct model_fate *ret)
{
	static __u8 frame[PACKET_MAX];
	unsigned int len = packet_build(p, frame), sent = len;
	int verdict;

	settle();
	if (claim_failed())
		return;
	n_runs++;
	held_before = held_after;
	verdict = world_run_numbered(hook, at, frame, &len, 0);
	left_with = get16(frame + 18);
	held_after = world_totals().fragments_held;
	note_crossed();
	if (hook == FROM_GUEST)
		model_from_guest(&model, at, p, ret);
	else if (hook == TO_UPLINK)
		model_out(&model, at, p, sent, ret);
	else if (hook == FROM_UPLINK)
		model_in(&model, at, p, sent, ret);
	else
		model_to_guest(&model, p, ret);
	n_drops[ret->drop.reason]++;
	judge(hook, at, p, ret, frame, len, verdict);
	check_again(world_ifindex(hook, at), ret);
	if (claim_failed())
		random_print(hook, at, p);
}

/* A packet at a hook, and where it goes from there. */
static void one_packet(enum hook hook, __u32 at, const struct packet *p)
{
	struct model_fate fate;

	one_run(hook, at, p, &fate);
	for (unsigned int i = 0; i < fate.n_again && !claim_failed(); i++)
		one_packet(hook, at, fate.again[i]);
	if (claim_failed() || fate.verdict != REDIRECT)
		return;
	if (hook == FROM_GUEST && fate.out.dmac == GATEWAY_MAC)
		one_packet(TO_UPLINK, world_port(at).net, &fate.out);
	/* What has a tag goes on to its guest. */
	else if (fate.out.dmac >> 32 == CV_TAG_MAC_PREFIX)
		one_packet(TO_GUEST, world_port(fate.out.dmac & 0xffffffff).net, &fate.out);
}

static void flush(const struct random_step *s)
{
	__u32 looked_at = model.n_flows, want;

	settle();
	want = model_flush(&model, s->net, s->at);
	CHECK_EQ(world_flush(s->net, s->at, looked_at), want);
	note_crossed();
	clock_step(0);
}

/* No port outside counts flows but those that the model knows. */
static void check_all_mappings(void)
{
	__u64 got = 0, want = 0;

	for (__u32 i = 0; i < N_EXTERNALS; i++)
		got += EXTERNAL_FLOWS(world.externals[i].word);
	for (unsigned int i = 0; i < model.n_mappings; i++)
		want += model.mappings[i].remote || model.mappings[i].whole ? 0 : model.mappings[i].flows;
	CHECK_EQ(got, want);
	CHECK_EQ(world_entries(world.flows, sizeof(struct cv_tuple)), model.n_flows);
}

/* --- a world and its packets */

static void forward(__u32 addr, __u8 proto, __u16 port, __u32 slot)
{
	struct cv_external *e = world_external(addr, proto, port);

	e->word = EXTERNAL(slot, port, 1);
	e->flags = CV_EXTERNAL_FORWARD;
	model_forward(&model, addr, proto, port, slot);
}

static void put_limits(void)
{
	for (unsigned int i = 0; i < 3; i++) {
		struct cv_network n = world_network(model.nets[i].id);

		n.filter = model.nets[i].filter;
		memset(n.ports, 0, sizeof(n.ports));
		n.ports[0] = (struct cv_range) { model.nets[i].port_min, model.nets[i].port_max };
		if (n.ports[0].last == CV_PORT_MAX) {
			n.ports[0].last = RESERVED_MIN - 1;
			n.ports[1] = (struct cv_range) { RESERVED_MAX + 1, CV_PORT_MAX };
		}
		n.max_flows = model.nets[i].max_flows;
		n.max_ports = model.nets[i].max_ports;
		n.mode = model.nets[i].routed ? CV_MODE_ROUTE : n.mode;
		n.untranslated[0].addr = htonl(model.nets[i].plain);
		n.untranslated[0].mask = model.nets[i].plain ? htonl(IP(255, 255, 255, 0)) : 0;
		n.uplink = UPLINK;
		world_set_network(model.nets[i].id, &n);
	}
	for (unsigned int i = 0; i < 4; i++) {
		struct cv_port port = world_port(model.guests[i].slot);

		port.max_flows = model.guests[i].max_flows;
		port.max_ports = model.guests[i].max_ports;
		port.external = htonl(model.guests[i].external);
		world_set_port(model.guests[i].slot, &port);
	}
	world_set_rules(NET, model.rules, model.n_rules);
	for (unsigned int i = 0; i < model.n_wholes; i++) {
		const struct model_whole *w = &model.wholes[i];

		world_set_whole(w->addr, w->slot, w->open ? CV_WHOLE_OPEN : 0);
	}
}

static void begin(void)
{
	model_reset(&model);
	model.now = 1 << 20;
	model.chosen = chosen;
	model.number = number_of;
	model.placed = placed;
	model.held = held;
	held_after = 0;
	random_limits(&model);
	put_limits();
	if (model.nets[0].port_max == CV_PORT_MAX && rnd(2)) {
		forward(HOST_IP, TCP, RANDOM_FORWARD, ANN);
		forward(HOST_IP, UDP, RANDOM_FORWARD, ANN);
		forward(HOST2_IP, TCP, RANDOM_FORWARD + 1, DAN);
		forward(HOST2_IP, UDP, RANDOM_FORWARD + 1, DAN);
	}
	real_tick = world_tick();
	crossed = 0;
	clock_step(0);
}

static void episode(unsigned int packets)
{
	struct random_step s;

	begin();
	for (unsigned int i = 0; i < packets && !claim_failed(); i++) {
		random_step(&model, &s);
		n_kinds[s.kind]++;
		if (s.kind == CLOCK)
			clock_step(s.ticks);
		else if (s.kind == FLUSH)
			flush(&s);
		else
			one_packet(s.hook, s.at, &s.p);
		if (claim_failed())
			printf("# step %u of the episode: %s\n", i, random_kind_name(s.kind));
	}
	if (claim_failed())
		return;
	clock_step(0);
	check_all_mappings();
}

#define TRIES	3

/*
 * An episode in a new world.  A run in which the real clock went on is between
 * two times, and one that hangs on the tick may be as neither: such an episode
 * begins again.  A true divergence is there again.
 */
static void judged_episode(__u64 seed)
{
	for (unsigned int i = 0; i < TRIES; i++) {
		claim_begin();
		again_forget();
		ticked = false;
		random_seed(seed);
		episode(EPISODE);
		if (!claim_failed() || !ticked)
			return;
		printf("# the clock's tick fell into a run: once more\n");
	}
}

static __u64 number(const char *name, __u64 otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void print_numbers(void)
{
	static const char *const reasons[] = {
		[CV_OK] = "not dropped",
#define NAME(id, name, text) [CV_DROP_##id] = name,
		CV_DROP_REASONS(NAME)
#undef NAME
	};

	for (unsigned int i = 0; i < N_KINDS; i++)
		printf("# %u %s\n", n_kinds[i], random_kind_name(i));
	for (unsigned int i = 0; i < CV_N_DROPS; i++)
		if (n_drops[i])
			printf("# %u %s\n", n_drops[i], reasons[i]);
}

int main(void)
{
	struct timespec now;
	__u64 seed, packets = number("MODEL_PACKETS", DEFAULT_PACKETS), diverged = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	seed = number("MODEL_SEED", now.tv_nsec);
	model.follow = number("MODEL_FOLLOW", FOLLOW_KNOWN);
	world_open();
	again_open();
	for (__u64 e = 0; n_runs < packets && diverged < 5; e++) {
		judged_episode(seed + e);
		if (!claim_failed())
			continue;
		diverged++;
		printf("# MODEL_SEED=%llu repeats it\n", (unsigned long long)(seed + e));
		claim_end("an episode of random packets is as the model says");
	}
	claim_begin();
	CHECK_EQ(diverged, 0);
	claim_end("%u runs are as the model says, MODEL_SEED=%llu", n_runs, (unsigned long long)seed);
	printf("# %u datagrams found no place\n", model.full);
	print_numbers();
	return table_end();
}
