/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What dnsmasq reads where a network serves names: its configuration, and the
 * guests' names as hosts(5) has them.  Pure.
 */
#ifndef CULVERT_DNS_CONF_H
#define CULVERT_DNS_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <culvert/abi.h>

/**
 * struct dns_conf - one network's server
 * @domain:	of the guests' names; nothing below it is asked elsewhere
 * @user:	whom the server becomes
 * @dir:	where NET.names and NET.dnsmasq.pid are
 * @alone:	it asks nobody: the network has no way out, and names are no way out either
 */
struct dns_conf {
	const char *net, *domain, *user, *dir;
	__be32 subnet, netmask, gateway;
	bool alone;
};

void dns_conf_print(FILE *f, const struct dns_conf *c);

/**
 * struct dns_name - a guest is called so
 * @given:	by who made its port; else the guest says so itself
 */
struct dns_name {
	__be32 ip;
	__u32  slot;
	bool   given;
	char   name[64];
};

/**
 * dns_names_settle() - each name is one guest's
 *
 * Who was given it has it, whatever others call themselves; else who has the
 * lowest slot, then address.  Names that guests take to find services of the
 * network (wpad, isatap) and localhost are nobody's for the asking.  What stays
 * stands by address, the given name first: that is what an address resolves to.
 *
 * Return: how many stay.
 */
size_t dns_names_settle(struct dns_name *all, size_t n);

void dns_names_print(FILE *f, const struct dns_name *all, size_t n, const char *domain);

#endif
