/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of culvert.yaml about DHCP options, read and written.  For config.c and state.c. */
#ifndef CULVERT_CONFIG_DHCP_H
#define CULVERT_CONFIG_DHCP_H

#include <stdio.h>

#include "config.h"

struct config_source;
struct config_file_dhcp;
struct config_file_guest;

/** config_read_dhcp() - options, rapid-commit, boot.  Return: 0, or -errno with the error set */
int config_read_dhcp(const struct config_source *src, const struct config_file_dhcp *d,
		     struct config *cfg);
/** config_read_guest_dhcp() - options and trust of guests[i] */
int config_read_guest_dhcp(const struct config_source *src, const struct config_file_guest *f,
			   size_t i, struct config_guest *g);

/** config_print_dhcp() - so that config_parse() reads the same again; below `dhcp:` */
void config_print_dhcp(FILE *f, const struct config *cfg);
/** config_print_guest_dhcp() - below an entry of `guests:` */
void config_print_guest_dhcp(FILE *f, const struct config_guest *g);

#endif
