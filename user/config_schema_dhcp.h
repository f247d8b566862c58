/* SPDX-License-Identifier: GPL-2.0-only */
/* The rows of config_schema.c about options and boot files, and what frees them. */
#ifndef CULVERT_CONFIG_SCHEMA_DHCP_H
#define CULVERT_CONFIG_SCHEMA_DHCP_H

#include <cyaml/cyaml.h>

#include "config_schema.h"

#define CONFIG_TEXT_MAX		255	/* of any single value ... */
#define CONFIG_VALUE_MAX	4096	/* ... but of an option's */
#define CONFIG_OPTIONS_MAX	128

#define CONFIG_SWITCH_WORDS	6
extern const cyaml_strval_t config_switch_words[CONFIG_SWITCH_WORDS];
extern const cyaml_schema_field_t config_boot_fields[];
extern const cyaml_schema_value_t config_option_entry, config_boot_entry;

void config_options_free(struct config_file_option *o, unsigned int n);
void config_boots_free(struct config_file_boot *b, unsigned int n);

#endif
