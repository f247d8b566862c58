/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An event as one line: words for people, a JSON object for programs, which
 * always has the same keys for one kind of event.  Pure.
 */
#ifndef CULVERT_EVENT_LINE_H
#define CULVERT_EVENT_LINE_H

#include <stddef.h>

#include <culvert/abi.h>

#define EVENT_LINE_SIZE	768	/* more than the longest */

enum event_format { EVENT_TEXT, EVENT_JSON };

/**
 * event_line() - with the line's end
 * @e:		may be what a newer program wrote: of an unknown kind nothing is told but that
 * @real_ns:	when, CLOCK_REALTIME
 * @refusal:	CV_EVENT_REFUSED: the name of the drop reason
 *
 * Return: the bytes of @buf, without the final NUL.
 */
size_t event_line(char buf[EVENT_LINE_SIZE], enum event_format format, const struct cv_event *e,
		  __u64 real_ns, const char *refusal);

/**
 * event_line_lost() - that some are missing from here on
 * @count:	there was no room for so many
 * @gap_s:	nobody told the programs for so long that somebody looks on
 */
size_t event_line_lost(char buf[EVENT_LINE_SIZE], enum event_format format, __u64 real_ns,
		       __u64 count, __u32 gap_s);

#endif
