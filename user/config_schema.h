/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * culvert.yaml's keys and types, given to libcyaml; for config*.c only.  What
 * comes out is text still, but in the right places.
 */
#ifndef CULVERT_CONFIG_SCHEMA_H
#define CULVERT_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include <culvert/abi.h>

#include "yaml_doc.h"

enum config_switch { CONFIG_UNSET, CONFIG_FALSE, CONFIG_TRUE };

/* A key that takes one word or a list has one of the two. */
struct config_words {
	char *word;
	char **list;
	unsigned int list_count;
};

struct config_file_option {
	char *option, *type, *value;
};

struct config_file_boot {
	int ipxe;		/* enum config_switch */
	char *arch, *server, *file;
};

struct config_file_guest {
	char *name, *mac, *ip, *external, *trust;
	struct config_file_option *options;
	unsigned int options_count;
};

struct config_file_forward {
	char *listen, *to, *proto;
};

struct config_file_dhcp {
	int enable;		/* enum config_switch */
	int rapid_commit;	/* likewise */
	char *lease, *domain, *hook, *hook_user;
	struct config_words dns;
	struct config_file_option *options;
	unsigned int options_count;
	struct config_file_boot *boot;
	unsigned int boot_count;
};

struct config_file_timeouts {
	char *text[CV_N_TIMEOUTS];
};

struct config_file_limits {
	char *flows, *guest_flows;
	char *ports, *guest_ports;
};

struct config_file {
	int mode;		/* enum cv_mode; 0 when not given */
	int isolate;		/* enum config_switch */
	int filter;		/* enum cv_filter; 0, the default, when not given */
	int xdp;		/* enum config_xdp; likewise */
	char *subnet;
	struct config_words uplink, ports, no_nat;
	struct config_file_dhcp *dhcp;
	struct config_file_timeouts *timeouts;
	struct config_file_limits *limits;
	struct config_file_guest *guests;
	unsigned int guests_count;
	struct config_file_forward *forwards;
	unsigned int forwards_count;
	char **policy;
	unsigned int policy_count;
};

/* host.yaml */
struct config_file_host {
	char *flows;
};

/*
 * Where an error is to be told: names the file, knows the lines.  @host: what
 * the file names on this host must be there.
 */
struct config_source {
	const char *file;
	struct yaml_doc *doc;
	char **ret_error;
	bool host;
};

/** config_fail() - set the error "FILE:LINE: KEY: what".  Return: -EINVAL, or -ENOMEM */
__attribute__((format(printf, 3, 4)))
int config_fail(const struct config_source *src, const struct yaml_path *p, const char *fmt, ...);

/** config_fail_at() - the same where there is a line but no key; line 0: no line either */
__attribute__((format(printf, 3, 4)))
int config_fail_at(const struct config_source *src, size_t line, const char *fmt, ...);

/** config_schema_load() - Return: 0, or -errno with the error set */
int config_schema_load(const struct config_source *src, const char *text, size_t len,
		       struct config_file **ret);
void config_schema_free(struct config_file *f);
/** config_schema_load_host() - likewise; both are the caller's to free */
int config_schema_load_host(const struct config_source *src, const char *text, size_t len,
			    struct config_file_host **ret);

struct config;

/* Both included; @text is how an error tells them. */
struct config_range {
	__u32 min, max;
	const char *text;
};

/** config_time() - "12h" in seconds.  Return: 0, or -errno with the error set, as all of these */
int config_time(const struct config_source *src, const struct yaml_path *p, const char *text,
		const struct config_range *range, __u32 *ret_s);
int config_number(const struct config_source *src, const struct yaml_path *p,
		  const char *text, const struct config_range *range, __u32 *ret);
/** config_read_file() - *ret_text is heap.  Return: 0 or -errno, without an error set */
int config_read_file(const char *path, char **ret_text, size_t *ret_len);
int config_read_timeouts(const struct config_source *src, const struct config_file *f,
			 struct config *cfg);
int config_read_limits(const struct config_source *src, const struct config_file *f,
		       struct config *cfg);
/* Of config.c's readers those in config_network.c. */
int config_read_ports(const struct config_source *src, const struct config_file *f,
		      struct config *cfg);
int config_read_no_nat(const struct config_source *src, const struct config_file *f,
		       struct config *cfg);
int config_read_xdp(const struct config_source *src, const struct config_file *f,
		    struct config *cfg);
/** config_read_external() - the address outside that a guest has for itself; @p is its key's path */
int config_read_external(const struct config_source *src, const struct yaml_path *p,
			 const char *text, const struct config *cfg, __be32 *ret);

/** config_read_forwards() - of config.c's readers the one in config_forward.c */
int config_read_forwards(const struct config_source *src, const struct config_file *f,
			 struct config *cfg);
/** config_read_policy() - likewise the one in config_policy.c */
int config_read_policy(const struct config_source *src, const struct config_file *f,
		       struct config *cfg);

#endif
