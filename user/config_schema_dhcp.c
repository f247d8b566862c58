// SPDX-License-Identifier: GPL-2.0-only
#include "config_schema_dhcp.h"

#include <stdlib.h>

#define OPT	CYAML_FLAG_OPTIONAL

const cyaml_strval_t config_switch_words[CONFIG_SWITCH_WORDS] = {
	{ "true", CONFIG_TRUE }, { "false", CONFIG_FALSE },
	{ "yes", CONFIG_TRUE }, { "no", CONFIG_FALSE },
	{ "on", CONFIG_TRUE }, { "off", CONFIG_FALSE },
};

static const cyaml_schema_field_t option_fields[] = {
	CYAML_FIELD_STRING_PTR("option", CYAML_FLAG_POINTER, struct config_file_option, option,
			       1, CONFIG_TEXT_MAX),
	CYAML_FIELD_STRING_PTR("type", OPT, struct config_file_option, type, 1, CONFIG_TEXT_MAX),
	CYAML_FIELD_STRING_PTR("value", OPT, struct config_file_option, value, 1, CONFIG_VALUE_MAX),
	CYAML_FIELD_END
};

const cyaml_schema_value_t config_option_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_file_option, option_fields),
};

const cyaml_schema_field_t config_boot_fields[] = {
	CYAML_FIELD_STRING_PTR("arch", OPT, struct config_file_boot, arch, 1, CONFIG_TEXT_MAX),
	CYAML_FIELD_ENUM("ipxe", OPT | CYAML_FLAG_STRICT, struct config_file_boot, ipxe,
			 config_switch_words, CONFIG_SWITCH_WORDS),
	CYAML_FIELD_STRING_PTR("server", OPT, struct config_file_boot, server, 1, CONFIG_TEXT_MAX),
	CYAML_FIELD_STRING_PTR("file", CYAML_FLAG_POINTER, struct config_file_boot, file,
			       1, CONFIG_TEXT_MAX),
	CYAML_FIELD_END
};

const cyaml_schema_value_t config_boot_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_file_boot, config_boot_fields),
};

void config_options_free(struct config_file_option *o, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		free(o[i].option);
		free(o[i].type);
		free(o[i].value);
	}
	free(o);
}

void config_boots_free(struct config_file_boot *b, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		free(b[i].arch);
		free(b[i].server);
		free(b[i].file);
	}
	free(b);
}
