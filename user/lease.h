/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which address a client gets, and who has which.  Pure.
 */
#ifndef CULVERT_LEASE_H
#define CULVERT_LEASE_H

#include <stdbool.h>

#include <culvert/abi.h>

/**
 * struct lease_pool - the addresses of a network
 * @in_use:	whether another client has it, or it is kept for one
 */
struct lease_pool {
	__be32 subnet, netmask, gateway;
	bool (*in_use)(__be32 ip, void *arg);
	void *arg;
};

/** lease_in_subnet() - whether @ip is of this network at all */
static inline bool lease_in_subnet(const struct lease_pool *p, __be32 ip)
{
	return (ip & p->netmask) == p->subnet;
}

/** lease_is_host() - whether a guest can have @ip: not the network's, broadcast or gateway's */
bool lease_is_host(const struct lease_pool *p, __be32 ip);

/**
 * lease_choose() - an address for a client
 * @wishes: @n of them, best first, 0 for none: the reservation, what it has, what it asks for
 *
 * The first wish that a guest can have and that is not in use; else the first
 * free address from a place that the MAC decides, so that a guest gets the
 * same one again though nobody remembered it.  x.x.x.0 and x.x.x.255 are only
 * given when wished: some guests take them for broadcasts in any subnet.
 *
 * Return: 0, or -ENOSPC when every address is in use.
 */
int lease_choose(const struct lease_pool *p, const __u8 mac[6], const __be32 *wishes,
		 unsigned int n, __be32 *ret_ip);

/*
 * Address -> client.  A hint: entries may be stale, so who finds one looks at
 * the lease itself.  Four times as many places as there can be leases, so that
 * stale ones seldom fill it.
 */
#ifndef LEASE_INDEX_SIZE	/* a fuzzer's few clients need less */
#define LEASE_INDEX_SIZE 32768
#endif

struct lease_index {
	unsigned int n;
	struct lease_entry {
		__be32 ip;	/* 0: free */
		struct cv_lease_key key;
	} entry[LEASE_INDEX_SIZE];
};

void lease_index_clear(struct lease_index *x);
/** lease_index_add() - Return: 0, or -ENOSPC when it wants to be made anew */
int lease_index_add(struct lease_index *x, __be32 ip, const struct cv_lease_key *key);
/** lease_index_find() - who was said to have @ip; NULL: nobody */
const struct cv_lease_key *lease_index_find(const struct lease_index *x, __u16 net, __be32 ip);

#endif
