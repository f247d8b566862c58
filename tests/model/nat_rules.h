/* SPDX-License-Identifier: GPL-2.0-only */
/* What nat_walk.c asks nat_model.c: the lists, and the rules of one flow. */
#ifndef CULVERT_TESTS_MODEL_NAT_RULES_H
#define CULVERT_TESTS_MODEL_NAT_RULES_H

#include "nat_model.h"

#define OFFSET(p)	((p)->frag & 0x1fff)
#define IS_FRAGMENT(p)	((p)->frag & (MF | 0x1fff))

/** rules_wrong() - what the datapath did is not allowed */
void rules_wrong(struct model *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void *rules_full(void);

const struct model_guest *rules_guest_of_slot(const struct model *m, __u32 slot);
const struct model_guest *rules_guest_of_ip(const struct model *m, __u32 net, __u32 ip);
int rules_route(__u32 to, __u32 *ret_uplink, __u16 *ret_mtu);
__u32 rules_address_of(__u32 uplink);
bool rules_is_external(__u32 addr);

/* Whose is an address and port outside?  @e: the mapping, @whole: or the address. */
struct model_owner {
	const struct model_guest *g;	/* NULL: nobody's */
	__u16 lport;
	struct model_mapping *e;
	const struct model_whole *whole;
};
struct model_owner rules_owner(struct model *m, __u8 proto, __u32 addr, __u16 port, __u32 remote);
/** rules_own_address() - that @g has towards @daddr; 0: it shares one */
__u32 rules_own_address(struct model *m, const struct model_guest *g, __u32 daddr);
/** rules_bind_whole() - the mapping of a flow of an address of @g's own */
struct model_mapping *rules_bind_whole(struct model *m, const struct model_flow *f, __u32 addr);
bool rules_has_ports(__u8 proto);
/** rules_checks_addresses() - of AH, DCCP and UDP-Lite: they cannot be translated */
bool rules_checks_addresses(__u8 proto);
void rules_forget(struct model_fate *ret);
__u8 rules_tcp_flags(const struct packet *p);
void rules_tcp_from_guest(struct model_flow *f, const struct packet *p);
void rules_tcp_from_peer(struct model_flow *f, const struct packet *p);
void rules_use_out(struct model *m, struct model_flow *f, const struct packet *p, unsigned int len);
void rules_use_in(struct model *m, struct model_flow *f, unsigned int len);
void rules_begin_anew(struct model_flow *f);
void rules_host_step(struct model_flow *f, const struct packet *p);

struct model_flow *rules_flow(struct model *m, const struct model_guest *g, __u8 proto,
			      __u16 lport, __u32 remote, __u16 rport);
struct model_mapping *rules_mapping(struct model *m, __u32 addr, __u8 proto, __u16 port,
				    __u32 remote);
/** rules_recent() - was it at most so many ticks ago? */
bool rules_recent(const struct model *m, __u32 tick, __u32 ticks);
struct model_mapping *rules_add_mapping(struct model *m, __u32 addr, __u8 proto, __u16 port);
struct model_flow *rules_add_flow(struct model *m, const struct model_flow *f);
int rules_limits(struct model *m, const struct model_guest *g);
void rules_note_peer(struct model *m, struct model_flow *f);
bool rules_admit(struct model *m, const struct model_mapping *e, const struct model_guest *g, __u32 from);
/** rules_bind() - the mapping of a new flow of @f's names; NULL: @ret_drop says why not */
struct model_mapping *rules_bind(struct model *m, const struct model_flow *f, __u32 addr, int *ret_drop);

/* --- who may open flows to whom: nat_policy.c */

/* One end of a flow: a guest, the host, or who is outside. */
struct model_side {
	const struct model_guest *g;
	__u32 addr;
	bool  host;
};

/** policy_judge() - what the rules say of a flow to @port (of the guest, where that is translated) */
enum cv_action policy_judge(const struct model *m, __u32 net, const struct model_side *from,
			    const struct model_side *to, __u8 proto, __u16 port);
/** policy_out() - of one that a guest's packet opens; @host: to the host */
enum cv_action policy_out(struct model *m, const struct model_guest *g, const struct packet *p, bool host);
/** policy_in() - of one that a packet opens to a guest */
enum cv_action policy_in(struct model *m, const struct model_owner *o, const struct packet *p);
/** policy_peer() - the guest to whom a guest's packet goes around the corner */
struct model_owner policy_peer(struct model *m, const struct packet *p);

/* --- what becomes of a packet: nat_walk.c */

void fate_drop(struct model_fate *ret, __u32 reason, __u32 net, __u32 slot);
void fate_out(struct model_fate *ret, const struct packet *p);
void fate_pass(struct model_fate *ret, const struct packet *p);
/** walk_refuse() - a drop, and what its sender is told: by @from, in a frame to @dmac */
void walk_refuse(struct model *m, __u32 net, __u32 slot, const struct packet *p, __u32 reason,
		 __u32 from, __u64 dmac, __u16 mtu, struct model_fate *ret);
/** walk_error_of() - what a sender is told of a drop.  False: nothing */
bool walk_error_of(__u32 reason, __u8 *ret_type, __u8 *ret_code);
bool walk_is_error(const struct packet *p);

/* --- from outside: nat_in.c */

/** quote_in() - an error.  False: about nothing of a guest's */
bool quote_in(struct model *m, const struct packet *p, struct model_fate *ret);
/** walk_in() - a packet that knows its ports.  Return: the flow that it belongs to, if any */
struct model_flow *walk_in(struct model *m, __u32 uplink, const struct packet *p, unsigned int len,
			   struct model_fate *ret);

/* --- fragments: nat_frag.c; @net is 0 outside */

enum datagram_use { USE_PORTS, USE_GATEWAY };

#define FRAG_AWAY	-1	/* it waits, or begins its way anew */

/** frag_payload() - bytes behind the IP header */
__u32 frag_payload(const struct packet *p);
/** frag_arrive() - give a later fragment its ports.  Return: 0, FRAG_AWAY or a drop reason */
int frag_arrive(struct model *m, __u32 net, struct packet *p, struct model_fate *ret);
/** frag_leave() - may it pass, when nothing else holds it back?  Return: 0 or why not */
int frag_leave(struct model *m, __u32 net, const struct packet *p);
/** frag_of_gateway() - is it a part of an echo request that the gateway answers? */
bool frag_of_gateway(struct model *m, __u32 net, const struct packet *p);
/** frag_number() - the identification of a packet that leaves; after frag_leave() */
__u16 frag_number(struct model *m, const struct packet *p);
/** frag_split() - @p becomes a first part of @ret_size bytes, the rest begins anew */
int frag_split(struct model *m, __u32 net, struct packet *p, __u16 mtu, unsigned int *ret_size,
	       struct model_fate *ret);
/** frag_cut() - keep these first bytes of what was translated as a whole */
void frag_cut(struct model *m, struct packet *p, unsigned int size);

#endif
