/* SPDX-License-Identifier: GPL-2.0-only */
/* What nat_walk.c asks nat_model.c: the lists, and the rules of one flow. */
#ifndef CULVERT_TESTS_MODEL_NAT_RULES_H
#define CULVERT_TESTS_MODEL_NAT_RULES_H

#include "nat_model.h"

#define OFFSET(p)	((p)->frag & 0x1fff)

const struct model_guest *rules_guest_of_slot(const struct model *m, __u32 slot);
const struct model_guest *rules_guest_of_ip(const struct model *m, __u32 net, __u32 ip);
int rules_route(__u32 to, __u32 *ret_uplink, __u16 *ret_mtu);
__u32 rules_address_of(__u32 uplink);
bool rules_is_external(__u32 addr);

__u8 rules_tcp_flags(const struct packet *p);
void rules_tcp_from_guest(struct model_flow *f, const struct packet *p);
void rules_tcp_from_peer(struct model_flow *f, const struct packet *p);
void rules_use_out(struct model *m, struct model_flow *f, const struct packet *p, unsigned int len);
void rules_use_in(struct model *m, struct model_flow *f, unsigned int len);
void rules_begin_anew(struct model_flow *f);

struct model_flow *rules_flow(struct model *m, const struct model_guest *g, __u8 proto,
			      __u16 lport, __u32 remote, __u16 rport);
struct model_mapping *rules_mapping(struct model *m, __u32 addr, __u8 proto, __u16 port);
struct model_flow *rules_add_flow(struct model *m, const struct model_flow *f);
int rules_limits(struct model *m, const struct model_guest *g);
void rules_note_peer(struct model *m, struct model_flow *f);
bool rules_admit(struct model *m, const struct model_mapping *e, const struct model_guest *g, __u32 from);
/** rules_recall() - give a later fragment its ports.  False: its first is not known */
bool rules_recall(struct model *m, __u32 net, struct packet *p);
void rules_remember(struct model *m, __u32 net, const struct packet *p);
/** rules_bind() - the mapping of a new flow of @f's names; NULL: there can be none */
struct model_mapping *rules_bind(struct model *m, const struct model_flow *f, __u32 addr);

#endif
