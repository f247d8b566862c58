/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of abi.h that tells of rules.  Included by abi.h alone. */
#ifndef CULVERT_POLICY_H
#define CULVERT_POLICY_H

/*
 * Policy: ordered rules, the first that matches decides.  Judged when a flow
 * is made.  Map `policies`, key network id; replaced as a whole.
 */
enum cv_party {
	CV_PARTY_ANY,
	CV_PARTY_GUEST,		/* addr: its slot; CV_SLOT_NONE while there is no such guest */
	CV_PARTY_GUESTS,	/* all of the network */
	CV_PARTY_HOST,
	CV_PARTY_INTERNET,	/* whatever is reached by an uplink, the uplinks' own prefixes too */
	CV_PARTY_LAN,		/* the uplinks' own prefixes (map `lans`) */
	CV_PARTY_PREFIX,	/* addr, mask: an address of whatever kind */
	CV_N_PARTIES
};
#define CV_SLOT_NONE	0xffffffffU

enum cv_action { CV_ACTION_NONE, CV_ACTION_ALLOW, CV_ACTION_DENY };

/**
 * struct cv_rule - one rule with one range of ports
 * @action:	enum cv_action
 * @proto:	0: any
 * @from, @to:	enum cv_party
 * @ports:	of the destination; only TCP and UDP have some; 0-65535: any, others too
 * @number:	of the rule in the list that the user wrote, from 1
 */
struct cv_rule {
	__u8   action;
	__u8   proto;
	__u8   from, to;
	struct cv_range ports;
	__u32  number;
	struct cv_prefix from_addr, to_addr;
};

struct cv_policy {
	__u32 n_rules;
	__u32 pad;
	struct cv_rule rules[CV_MAX_RULES];
};

/* Map `lans`, index 0: the uplinks' own prefixes. */
struct cv_lans {
	struct cv_prefix prefix[CV_MAX_LANS];
};

/*
 * Map `judge`, index 0: the argument and the answer of the program cv_judge,
 * which tells what the rules of a network say of a flow.
 * @net:	network id
 * @slot, @peer_slot: guests of the network, or 0
 * @host, @peer_host: 1 when it is the host
 * @saddr, @daddr, @dport, @proto: of the packet that opens the flow, the
 *		guest's own address and port where it is translated
 * @action, @number: of the rule; CV_ACTION_NONE: no rule says anything
 */
struct cv_judge_args {
	__u32  net;
	__u32  slot, peer_slot;
	__be32 saddr, daddr;
	__be16 dport;
	__u8   proto;
	__u8   host, peer_host;
	__u8   action;
	__u16  pad;
	__u32  number;
};

CV_ASSERT_SIZE(struct cv_rule, 28);
CV_ASSERT_SIZE(struct cv_judge_args, 32);

#endif
