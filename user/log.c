// SPDX-License-Identifier: GPL-2.0-only
/* Messages for people: one line each, on standard error. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

static enum log_level log_limit = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	log_limit = level;
}

static void log_line(enum log_level level, const char *fmt, va_list args,
		     const char *cause)
{
	static const char *const prefix[] = { "error: ", "warning: ", "", "debug: " };
	char line[1024];
	int n;

	if (level > log_limit)
		return;
	n = snprintf(line, sizeof(line), "culvert: %s", prefix[level]);
	vsnprintf(line + n, sizeof(line) - n, fmt, args);
	if (cause)
		fprintf(stderr, "%s: %s\n", line, cause);
	else
		fprintf(stderr, "%s\n", line);
}

void log_print(enum log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_line(level, fmt, args, NULL);
	va_end(args);
}

int log_ret(int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_line(LOG_LEVEL_ERROR, fmt, args, strerror(-err));
	va_end(args);
	return err;
}
