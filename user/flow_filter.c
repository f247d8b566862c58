// SPDX-License-Identifier: GPL-2.0-only
/* Which flows are meant: protocol, peer and state, from words and compared. */
#include "flow_filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"

struct word {
	const char *name;
	__u8 value;
};

static const struct word protos[] = {
	{ "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "icmp", IPPROTO_ICMP }, { 0 },
};

static const struct word states[] = {
	{ "open", CV_FLOW_OPEN }, { "established", CV_FLOW_ESTABLISHED },
	{ "closing", CV_FLOW_CLOSING }, { 0 },
};

static const char *word_name(const struct word *words, __u8 value)
{
	while (words->name && words->value != value)
		words++;
	return words->name;
}

const char *flow_state_name(__u8 state)
{
	return word_name(states, state);
}

const char *flow_proto_name(__u8 proto)
{
	return word_name(protos, proto);
}

static int read_word(const struct word *words, const char *text, __u8 *ret)
{
	while (words->name && strcmp(words->name, text))
		words++;
	if (!words->name)
		return -EINVAL;
	*ret = words->value;
	return 0;
}

static int read_port(const char *text, __be16 *ret)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long n = strtoul(text, NULL, 10);

	if (!digits || digits > 5 || text[digits] || !n || n > 65535)
		return -EINVAL;
	*ret = htons(n);
	return 0;
}

/* 0 would mean any address, and is no one's. */
static int read_peer(const char *text, __be32 *ret_ip, __be16 *ret_port)
{
	char ip[ADDR_IP_SIZE];
	size_t len = strcspn(text, ":");

	if (len >= sizeof(ip))
		return -EINVAL;
	memcpy(ip, text, len);
	ip[len] = '\0';
	if (addr_parse_ip(ip, ret_ip) || !*ret_ip)
		return -EINVAL;
	return text[len] ? read_port(text + len + 1, ret_port) : 0;
}

static int fail(char **ret_problem, const char *what, const char *text)
{
	return asprintf(ret_problem, "%s, not '%s'", what, text) < 0 ? -ENOMEM : -EINVAL;
}

int flow_filter_read(const struct flow_words *words, struct cv_flush_args *ret, char **ret_problem)
{
	struct cv_flush_args which = *ret;

	if (words->proto && read_word(protos, words->proto, &which.proto))
		return fail(ret_problem, "--proto is tcp, udp or icmp", words->proto);
	if (words->peer && read_peer(words->peer, &which.remote, &which.rport))
		return fail(ret_problem, "--peer is an address like 192.0.2.1 or 192.0.2.1:53",
			    words->peer);
	if (words->state && read_word(states, words->state, &which.state))
		return fail(ret_problem, "--state is open, established or closing", words->state);
	*ret = which;
	return 0;
}

bool flow_filter_match(const struct cv_flush_args *which, const struct cv_tuple *key,
		       const struct cv_flow *f)
{
	return (!which->net || which->net == key->net) &&
	       (!which->slot || which->slot == f->slot) &&
	       (!which->proto || which->proto == key->proto) &&
	       (!which->remote || which->remote == key->remote) &&
	       (!which->rport || which->rport == key->rport) &&
	       (!which->state || which->state == f->state);
}
