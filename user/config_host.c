// SPDX-License-Identifier: GPL-2.0-only
#include "config_host.h"

#include <errno.h>
#include <string.h>

#include <culvert/defaults.h>

#include "config_schema.h"
#include "mem.h"

#define TEXT(number)	TEXT_OF(number)
#define TEXT_OF(number)	#number

static int read_keys(const struct config_source *src, const char *text, size_t len,
		     struct config_host *ret)
{
	static const struct config_range range = {
		CV_MIN_FLOWS, CV_MOST_FLOWS, TEXT(CV_MIN_FLOWS) " to " TEXT(CV_MOST_FLOWS)
	};
	struct yaml_path flows = yaml_path_of("flows", NULL);
	struct config_file_host *f = NULL;
	int err = config_schema_load_host(src, text, len, &f);

	if (err)
		return err;
	if (f->flows)
		err = config_number(src, &flows, f->flows, &range, &ret->max_flows);
	free(f->flows);
	free(f);
	return err;
}

static int parse(struct config_source *src, const char *text, size_t len, struct config_host *ret)
{
	struct yaml_path root = { 0 };
	const char *problem;
	size_t line;
	int err = yaml_doc_parse(text, len, &src->doc, &line, &problem);

	if (err)
		return err == -EINVAL ? config_fail_at(src, line, "%s", problem) : err;
	switch (yaml_doc_kind(src->doc, &root)) {
	case YAML_KIND_NONE:
		break;
	case YAML_KIND_MAPPING:
		err = read_keys(src, text, len, ret);
		break;
	default:
		err = config_fail(src, &root, "expected keys with values");
	}
	yaml_doc_free(src->doc);
	return err;
}

int config_host_load(const char *path, struct config_host *ret, char **ret_error)
{
	struct config_source src = { .file = path, .ret_error = ret_error };
	struct config_host host = { 0 };
	_free_ char *text = NULL;
	size_t len;
	int err;

	*ret_error = NULL;
	err = config_read_file(path, &text, &len);
	if (err && err != -ENOENT) {
		config_fail_at(&src, 0, "%s", strerror(-err));
		return err;
	}
	if (!err)
		err = parse(&src, text, len, &host);
	else
		err = 0;
	if (!err)
		*ret = host;
	return err;
}
