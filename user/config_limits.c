// SPDX-License-Identifier: GPL-2.0-only
/*
 * Values with a unit or a bound: how long a flow may be silent, and how many
 * flows and external ports there may be.  The timeouts that RFCs ask for are no bounds: who
 * chooses shorter ones is warned when the network comes up, not refused.
 */
#include <stdio.h>
#include <string.h>

#include <culvert/defaults.h>

#include "config.h"
#include "config_schema.h"
#include "mem.h"

#define TIMEOUT_MIN_S	1
#define TIMEOUT_MAX_S	(30U * 86400)

static __u32 unit_seconds(const char *unit)
{
	static const struct { const char *name; __u32 seconds; } units[] = {
		{ "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(unit, units[i].name))
			return units[i].seconds;
	return 0;
}

int config_time(const struct config_source *src, const struct yaml_path *p, const char *text,
		const struct config_range *range, __u32 *ret_s)
{
	size_t digits = strspn(text, "0123456789");
	__u64 n;

	if (!digits || !unit_seconds(text + digits))
		return config_fail(src, p, "'%s' is no time like 90s, 30m, 12h or 7d", text);
	n = digits > 10 ? 0 : strtoull(text, NULL, 10);
	n *= unit_seconds(text + digits);
	if (digits > 10 || n < range->min || n > range->max)
		return config_fail(src, p, "'%s' is not from %s", text, range->text);
	*ret_s = (__u32)n;
	return 0;
}

int config_number(const struct config_source *src, const struct yaml_path *p,
		  const char *text, const struct config_range *range, __u32 *ret)
{
	size_t digits = strspn(text, "0123456789");
	__u64 n = digits > 10 ? 0 : strtoull(text, NULL, 10);

	if (!digits || text[digits])
		return config_fail(src, p, "'%s' is no number", text);
	if (digits > 10 || n < range->min || n > range->max)
		return config_fail(src, p, "'%s' is not from %s", text, range->text);
	*ret = (__u32)n;
	return 0;
}

int config_read_timeouts(const struct config_source *src, const struct config_file *f,
			 struct config *cfg)
{
	static const struct config_range range = { TIMEOUT_MIN_S, TIMEOUT_MAX_S, "1s to 30d" };
	int err = 0;

	for (int i = 0; i < CV_N_TIMEOUTS && f->timeouts && !err; i++) {
		struct yaml_path p = yaml_path_of("timeouts", config_timeout_key(i));

		if (f->timeouts->text[i])
			err = config_time(src, &p, f->timeouts->text[i], &range,
					  &cfg->timeout_s[i]);
	}
	return err;
}

#define TEXT(number)	TEXT_OF(number)
#define TEXT_OF(number)	#number

static int read_limits(const struct config_source *src, const struct config_file_limits *l,
		       struct config *cfg)
{
	static const struct config_range range = { 1, CV_MOST_FLOWS, "1 to " TEXT(CV_MOST_FLOWS) };
	const struct {
		const char *key, *text;
		__u32 *ret;
	} rows[] = {
		{ "flows", l->flows, &cfg->max_flows },
		{ "flows-per-guest", l->guest_flows, &cfg->max_guest_flows },
		{ "ports", l->ports, &cfg->max_ports },
		{ "ports-per-guest", l->guest_ports, &cfg->max_guest_ports },
	};
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows) && !err; i++) {
		struct yaml_path p = yaml_path_of("limits", rows[i].key);

		if (rows[i].text)
			err = config_number(src, &p, rows[i].text, &range, rows[i].ret);
	}
	return err;
}

int config_read_limits(const struct config_source *src, const struct config_file *f,
		       struct config *cfg)
{
	return f->limits ? read_limits(src, f->limits, cfg) : 0;
}

const char *config_timeout_key(enum cv_timeout timeout)
{
	switch (timeout) {
	case CV_TIMEOUT_UDP:
		return "udp";
	case CV_TIMEOUT_TCP_ESTABLISHED:
		return "tcp";
	case CV_TIMEOUT_TCP_TRANSITORY:
		return "tcp-transitory";
	case CV_TIMEOUT_ICMP:
		return "icmp";
	default:
		return NULL;
	}
}
