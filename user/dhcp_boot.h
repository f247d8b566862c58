/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What firmware boots from the network: PXE (RFC 4578, 5970), iPXE, and UEFI
 * HTTP boot (UEFI 2.10, 24.7).  Pure.
 */
#ifndef CULVERT_DHCP_BOOT_H
#define CULVERT_DHCP_BOOT_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#define DHCP_BOOT_MAX	32		/* rules of a network */
#define DHCP_BOOT_FILE_SIZE 256
#define DHCP_BOOT_ANY	0xffff		/* an architecture */

enum dhcp_loader {
	DHCP_LOADER_NONE,	/* an ordinary client */
	DHCP_LOADER_PXE,	/* firmware that loads by TFTP */
	DHCP_LOADER_HTTP,	/* UEFI firmware that loads a URL */
	DHCP_LOADER_IPXE,	/* loads both */
};

/**
 * struct dhcp_boot - one rule
 * @arch:	of option 93, or DHCP_BOOT_ANY
 * @ipxe:	for iPXE alone; without, for everything else alone
 * @server:	next server (siaddr, option 66); 0: the gateway
 * @file:	path or URL
 */
struct dhcp_boot {
	__u16  arch;
	bool   ipxe;
	__be32 server;
	char   file[DHCP_BOOT_FILE_SIZE];
};

/* Who asks: options 60, 77, 93 and 175 of a request. */
struct dhcp_firmware {
	enum dhcp_loader loader;
	__u16 arch;		/* DHCP_BOOT_ANY when it does not say */
};

struct dhcp_msg;
struct dhcp_firmware dhcp_boot_firmware(const struct dhcp_msg *m);

/** dhcp_boot_is_url() - http or https */
bool dhcp_boot_is_url(const char *file);

/**
 * dhcp_boot_choose() - the first rule that fits
 *
 * PXE firmware is not given a URL, and HTTP firmware nothing else.  NULL: none.
 */
const struct dhcp_boot *dhcp_boot_choose(const struct dhcp_boot *rules, size_t n,
					 const struct dhcp_firmware *fw);

/** dhcp_boot_arch() - "efi-x64" or a number.  Return: 0 or -EINVAL */
int dhcp_boot_arch(const char *word, __u16 *ret_arch);

#endif
