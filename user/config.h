/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * culvert.yaml(5) read by schema (libcyaml): unknown keys, bad types and
 * impossible values are one error with file, line and key.  Pure: reads the
 * file, changes nothing, does not log.
 *
 * Every key may be left out, and the file may be empty:
 *
 *	mode: nat		nat | route | isolated
 *	subnet: auto		auto, or 10.20.0.0/24 (/8 to /30, no host bits)
 *	uplink: auto		auto, eth0, or [eth0, wg0]
 *	xdp: off		off | auto | on: a short road for what comes in by the uplinks
 *	isolate: false		guests may talk to each other
 *	filter: address-and-port	| address | endpoint-independent
 *	ports: 1024-65535	to masquerade with; also 1024-29999,40000-65535, or a list
 *	no-nat: [10.0.0.0/8]	destinations that see the guests' own addresses
 *	dhcp:
 *	  enable: true
 *	  lease: 12h		number and s, m, h or d; 10s to 3650d
 *	  dns: host		host, serve, none, an address, or up to three
 *	  domain: lab.vm
 *	  rapid-commit: false
 *	  hook: /usr/local/bin/x	told what becomes of leases
 *	  hook-user: nobody	as whom it runs
 *	  options:		any, by name or number and type
 *	    - { option: ntp, value: 10.20.0.5 }
 *	  boot:			the first that fits
 *	    - { arch: efi-x64, file: ipxe.efi, server: 10.20.0.5 }
 *	timeouts:		likewise; 1s to 30d
 *	  udp: 300s
 *	  tcp: 7440s
 *	  tcp-transitory: 240s
 *	  icmp: 60s
 *	limits:
 *	  flows: 262144		or what the host's table holds
 *	  flows-per-guest: 65536	or a quarter of that
 *	  ports: 1000		external ports in use; no limit of its own by default
 *	  ports-per-guest: 100
 *	guests:
 *	  - name: web		as in `port add`; this alone is required
 *	    mac: 52:54:00:00:00:0a
 *	    ip: .10		or in full; then `subnet` must be given
 *	    external: 203.0.113.20	an address outside that is this guest's alone
 *	    options: []		as of the network; they go before these
 *	    trust: relay	asks for others
 *	forwards:
 *	  - listen: 0.0.0.0:8080	an uplink's address, or 0.0.0.0 for all; a port, or 8080-8090
 *	    to: web:80		a guest, and its port when it is another
 *	    proto: tcp		tcp | udp
 *	policy:			the first that matches decides
 *	  - deny @guests -> @lan	policy_spec.h
 */
#ifndef CULVERT_CONFIG_H
#define CULVERT_CONFIG_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stddef.h>

#include <culvert/abi.h>

#include "dhcp_boot.h"
#include "dhcp_set.h"
#include "forward_spec.h"
#include "policy_spec.h"

#define CONFIG_MAX_UPLINKS 16
#define CONFIG_MAX_DNS 3
#define CONFIG_MAX_FORWARDS 4096
#define CONFIG_MAX_POLICY 4096	/* lines; an error tells the first beyond CV_MAX_RULES */
#define CONFIG_MAX_PORTS (CV_MAX_PORT_RANGES - 1)	/* the host's own cuts one in two */
#define CONFIG_HOOK_USER "nobody"	/* where none is named */
#define CONFIG_LEASE_MIN_S 10
#define CONFIG_LEASE_MAX_S (3650U * 86400)	/* twice of it fits in 32 bits */

enum config_xdp {
	CONFIG_XDP_OFF,
	CONFIG_XDP_AUTO,	/* where it was measured to gain */
	CONFIG_XDP_ON,		/* wherever it can be */
};

struct config_guest {
	char   name[CV_NAME_SIZE];
	__u8   mac[6];
	bool   has_mac;
	__be32 ip;		/* 0: by DHCP from the pool; see config_guest_ip() */
	__be32 external;	/* 0: it shares the uplink's */
	bool   relay;		/* may ask DHCP for other clients */
	struct dhcp_set *options;	/* its own; NULL: none */
	bool   own_options;	/* has some: known also when the configuration is released */
};

struct config {
	enum cv_mode mode;
	bool   subnet_auto;	/* then subnet and netmask are 0: a /24 is to be chosen */
	__be32 subnet, netmask;	/* host bits of the file are refused unless zero */
	unsigned int n_uplinks;	/* 0: auto, follows the host's default routes */
	char   uplinks[CONFIG_MAX_UPLINKS][16];
	enum config_xdp xdp;
	bool   isolate;
	enum cv_filter filter;
	bool   dhcp;
	__u32  lease_s;
	bool   dns_host;	/* hand out the host's upstream resolvers: resolv_fill() */
	bool   dns_serve;	/* names are served on the gateway's address; has a domain then */
	unsigned int n_dns;
	__be32 dns[CONFIG_MAX_DNS];
	char   domain[64];	/* empty: none */
	bool   rapid_commit;
	char   hook[256];	/* empty: none */
	char   hook_user[32];	/* when there is one */
	struct dhcp_set options;	/* that the file names */
	size_t n_boot;
	struct dhcp_boot *boot;
	__u32  timeout_s[CV_N_TIMEOUTS];
	__u32  max_flows, max_guest_flows;	/* 0: what is right for the host's table */
	__u32  max_ports, max_guest_ports;	/* external ports; 0: no limit but that of flows, CV_PORTS_PER_GUEST */
	unsigned int n_ports;			/* masquerade ports, ascending, disjoint */
	struct cv_range ports[CONFIG_MAX_PORTS];
	unsigned int n_untranslated;		/* destinations, no two the same */
	struct cv_prefix untranslated[CV_MAX_UNTRANSLATED];
	size_t n_guests;
	struct config_guest *guests;
	size_t n_forwards;
	struct forward *forwards;	/* no two of them overlap */
	size_t n_policy;
	struct policy_rule *policy;	/* together they fit into a struct cv_policy */
};

/** config_defaults() - what an empty file means */
void config_defaults(struct config *cfg);

/**
 * config_load() - read a file; programs and users that it names must be there
 * @ret_error: set to "FILE:LINE: KEY: what is wrong" on failure, heap; without
 *	LINE when the file cannot be read, without KEY when it is not YAML;
 *	NULL only when out of memory
 *
 * Return: 0 or -errno (-EINVAL for a bad file); @ret is untouched on failure.
 */
int config_load(const char *path, struct config *ret, char **ret_error);

/** config_load_saved() - the same of what culvert wrote: what was there may have gone since */
int config_load_saved(const char *path, struct config *ret, char **ret_error);

/** config_parse() - likewise from memory; @file is named in errors */
int config_parse(const char *file, const char *text, size_t len, struct config *ret,
		 char **ret_error);
void config_release(struct config *cfg);

/** config_name_ok() - as network_name_check(), which logs and knows networks too */
bool config_name_ok(const char *name);

/** config_address_usable() - whether a host may have it: no loopback, no multicast */
bool config_address_usable(__be32 ip);

/** config_mode_word() - as the file has it */
const char *config_mode_word(enum cv_mode mode);
/** config_filter_word() - likewise */
const char *config_filter_word(enum cv_filter filter);
/** config_xdp_word() - likewise */
const char *config_xdp_word(enum config_xdp xdp);
/** config_timeout_key() - its name below `timeouts` */
const char *config_timeout_key(enum cv_timeout timeout);

/** config_gateway() - the first address of a subnet */
static inline __be32 config_gateway(__be32 subnet)
{
	return htonl(ntohl(subnet) + 1);
}

/**
 * config_guest_ip() - a guest's address once the subnet is known
 *
 * With subnet_auto a guest's ip is its host part alone; a subnet of /24 or
 * larger has room for it.  Return: the address, or 0 when it has none.
 */
static inline __be32 config_guest_ip(const struct config *cfg, const struct config_guest *g,
				     __be32 subnet)
{
	return g->ip && cfg->subnet_auto ? subnet | g->ip : g->ip;
}

#endif
