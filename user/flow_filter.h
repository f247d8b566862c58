/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which flows are meant: the words of an administrator as what the program
 * cv_flush compares, and the same comparison for a list.  Pure.
 */
#ifndef CULVERT_FLOW_FILTER_H
#define CULVERT_FLOW_FILTER_H

#include <stdbool.h>

#include <culvert/abi.h>

/* Words as options have them; NULL: not given. */
struct flow_words {
	const char *proto, *peer, *state;
};

/**
 * flow_filter_read() - set what the words say; @ret's network and slot are the caller's
 * @ret_problem: on -EINVAL, heap: "--proto is tcp, udp or icmp, not 'x'"
 *
 * Return: 0, -EINVAL or -ENOMEM; @ret is untouched then.
 */
int flow_filter_read(const struct flow_words *words, struct cv_flush_args *ret, char **ret_problem);

/** flow_filter_match() - as the program does; what is 0 matches all */
bool flow_filter_match(const struct cv_flush_args *which, const struct cv_tuple *key,
		       const struct cv_flow *f);

const char *flow_state_name(__u8 state);	/* NULL: none that we know */
const char *flow_proto_name(__u8 proto);

#endif
