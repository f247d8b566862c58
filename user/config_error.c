// SPDX-License-Identifier: GPL-2.0-only
/* What is wrong with a file, in one line: "FILE:LINE: KEY: what". */
#include "config_schema.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "mem.h"

static int set_error(char **ret_error, char *text)
{
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
	*ret_error = text;
	return -EINVAL;
}

static int fail(const struct config_source *src, size_t line, const char *key,
		const char *fmt, va_list ap)
{
	_free_ char *what = NULL;
	char at[24] = "", *text;

	if (vasprintf(&what, fmt, ap) < 0) {
		what = NULL;
		return -ENOMEM;
	}
	if (line)
		snprintf(at, sizeof(at), ":%zu", line);
	if (asprintf(&text, "%s%s: %s%s%s", src->file, at, key, *key ? ": " : "", what) < 0)
		return -ENOMEM;
	return set_error(src->ret_error, text);
}

int config_fail(const struct config_source *src, const struct yaml_path *p, const char *fmt, ...)
{
	char key[YAML_PATH_DEPTH * (YAML_KEY_SIZE + 1)];
	va_list ap;
	int err;

	yaml_path_format(p, key, sizeof(key));
	va_start(ap, fmt);
	err = fail(src, yaml_doc_line(src->doc, p), key, fmt, ap);
	va_end(ap);
	return err;
}

int config_fail_at(const struct config_source *src, size_t line, const char *fmt, ...)
{
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = fail(src, line, "", fmt, ap);
	va_end(ap);
	return err;
}
