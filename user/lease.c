// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses are tried one after the other from where the MAC's hash falls.
 * With half of a subnet given away two tries are enough on average; a full one
 * costs one look at each address, and only then.
 */
#include "lease.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define FNV_BASIS	2166136261U
#define FNV_PRIME	16777619U

/* FNV-1a, then stirred: its low bits alone say little of the last byte's high ones. */
static __u32 hash_bytes(const void *data, size_t len, __u32 h)
{
	const __u8 *p = data;

	while (len--)
		h = (h ^ *p++) * FNV_PRIME;
	h ^= h >> 16;
	h *= 0x85ebca6bU;
	return h ^ h >> 13;
}

bool lease_is_host(const struct lease_pool *p, __be32 ip)
{
	__be32 host = ip & ~p->netmask;

	return lease_in_subnet(p, ip) && host && host != ~p->netmask && ip != p->gateway;
}

static bool is_free(const struct lease_pool *p, __be32 ip)
{
	return lease_is_host(p, ip) && !p->in_use(ip, p->arg);
}

static bool looks_odd(__be32 ip)
{
	__u32 last = ntohl(ip) & 255;

	return last == 0 || last == 255;
}

int lease_choose(const struct lease_pool *p, const __u8 mac[6], const __be32 *wishes,
		 unsigned int n, __be32 *ret_ip)
{
	__u32 size = ntohl(~p->netmask) + 1;
	__u32 start = hash_bytes(mac, 6, FNV_BASIS) % size;

	for (unsigned int i = 0; i < n; i++) {
		if (wishes[i] && is_free(p, wishes[i])) {
			*ret_ip = wishes[i];
			return 0;
		}
	}
	for (__u32 i = 0; i < size; i++) {
		__be32 ip = p->subnet | htonl((start + i) % size);

		if (!looks_odd(ip) && is_free(p, ip)) {
			*ret_ip = ip;
			return 0;
		}
	}
	return -ENOSPC;
}

/* --- index: open addressing; entries are never taken out, only all at once */

void lease_index_clear(struct lease_index *x)
{
	memset(x, 0, sizeof(*x));
}

/* The entry of this address, or the free one where it would be. */
static unsigned int place_of(const struct lease_index *x, __u16 net, __be32 ip)
{
	unsigned int i = hash_bytes(&ip, sizeof(ip), FNV_BASIS ^ net) % LEASE_INDEX_SIZE;

	while (x->entry[i].ip && (x->entry[i].ip != ip || x->entry[i].key.net != net))
		i = (i + 1) % LEASE_INDEX_SIZE;
	return i;
}

int lease_index_add(struct lease_index *x, __be32 ip, const struct cv_lease_key *key)
{
	struct lease_entry *e = &x->entry[place_of(x, key->net, ip)];

	if (!e->ip) {
		if (x->n >= LEASE_INDEX_SIZE / 4 * 3)
			return -ENOSPC;
		x->n++;
	}
	e->ip = ip;
	e->key = *key;
	return 0;
}

const struct cv_lease_key *lease_index_find(const struct lease_index *x, __u16 net, __be32 ip)
{
	const struct lease_entry *e = &x->entry[place_of(x, net, ip)];

	return e->ip ? &e->key : NULL;
}
