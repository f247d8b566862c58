// SPDX-License-Identifier: GPL-2.0-only
#include "dhcp_boot.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dhcp_msg.h"
#include "mem.h"

/* IANA, "Processor Architecture Types" of RFC 5970. */
static const struct { const char *name; __u16 arch; } archs[] = {
	{ "bios", 0 }, { "efi-ia32", 6 }, { "efi-x64", 7 }, { "efi-bc", 9 },
	{ "efi-arm32", 10 }, { "efi-arm64", 11 },
	{ "efi-ia32-http", 15 }, { "efi-x64-http", 16 }, { "efi-arm32-http", 18 },
	{ "efi-arm64-http", 19 }, { "efi-riscv64", 27 }, { "efi-riscv64-http", 28 },
};

int dhcp_boot_arch(const char *word, __u16 *ret_arch)
{
	char *end;
	unsigned long n;

	for (size_t i = 0; i < ARRAY_SIZE(archs); i++) {
		if (strcmp(archs[i].name, word))
			continue;
		*ret_arch = archs[i].arch;
		return 0;
	}
	n = strtoul(word, &end, 10);
	if (!isdigit((unsigned char)word[0]) || *end || n >= DHCP_BOOT_ANY)
		return -EINVAL;
	*ret_arch = (__u16)n;
	return 0;
}

bool dhcp_boot_is_url(const char *file)
{
	return !strncasecmp(file, "http://", 7) || !strncasecmp(file, "https://", 8);
}

static bool begins(struct dhcp_value v, const char *word)
{
	return v.len >= strlen(word) && !memcmp(v.bytes, word, strlen(word));
}

/* It says "iPXE" in option 77, with or without RFC 3004's length before it; or has its own 175. */
static bool is_ipxe(const struct dhcp_msg *m)
{
	struct dhcp_value class = dhcp_msg_value(m, CV_DHCP_OPT_USER_CLASS);

	return begins(class, "iPXE") || begins(class, "\x04iPXE") ||
	       dhcp_msg_value(m, CV_DHCP_OPT_IPXE).bytes;
}

struct dhcp_firmware dhcp_boot_firmware(const struct dhcp_msg *m)
{
	struct dhcp_value arch = dhcp_msg_value(m, CV_DHCP_OPT_CLIENT_ARCH);
	struct dhcp_value vendor = dhcp_msg_value(m, CV_DHCP_OPT_VENDOR_CLASS);
	struct dhcp_firmware fw = { .loader = DHCP_LOADER_NONE, .arch = DHCP_BOOT_ANY };

	if (is_ipxe(m))
		fw.loader = DHCP_LOADER_IPXE;
	else if (begins(vendor, "HTTPClient"))
		fw.loader = DHCP_LOADER_HTTP;
	else if (begins(vendor, "PXEClient"))
		fw.loader = DHCP_LOADER_PXE;
	if (arch.len >= 2)	/* a list: the first is what it runs as */
		fw.arch = (__u16)(arch.bytes[0] << 8 | arch.bytes[1]);
	return fw;
}

static bool fits(const struct dhcp_boot *rule, const struct dhcp_firmware *fw)
{
	if (rule->ipxe != (fw->loader == DHCP_LOADER_IPXE))
		return false;
	if (fw->loader != DHCP_LOADER_IPXE &&
	    dhcp_boot_is_url(rule->file) != (fw->loader == DHCP_LOADER_HTTP))
		return false;
	return rule->arch == DHCP_BOOT_ANY || rule->arch == fw->arch;
}

const struct dhcp_boot *dhcp_boot_choose(const struct dhcp_boot *rules, size_t n,
					 const struct dhcp_firmware *fw)
{
	for (size_t i = 0; i < n && fw->loader != DHCP_LOADER_NONE; i++)
		if (fits(&rules[i], fw))
			return &rules[i];
	return NULL;
}
