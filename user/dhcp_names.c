// SPDX-License-Identifier: GPL-2.0-only
#include "dhcp_names.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_WIRE	255
#define LABEL_MAX	63
#define POINTER		0xc0
#define POINTER_LIMIT	0x3fff

/* Letters, digits, hyphens inside (RFC 1123 2.1); also '_', which search lists have. */
static bool label_ok(const char *label, size_t len)
{
	if (!len || len > LABEL_MAX || label[0] == '-' || label[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isascii(label[i]) || (!isalnum(label[i]) && !strchr("-_", label[i])))
			return false;
	return true;
}

static bool name_ok(const char *name)
{
	size_t len = strlen(name);

	if (!len || len + 2 > NAME_MAX_WIRE)
		return false;
	for (;;) {
		size_t label = strcspn(name, ".");

		if (!label_ok(name, label))
			return false;
		if (!name[label])
			return true;
		name += label + 1;
	}
}

/* Does the name that is written at @at (all before it is well formed) say @text? */
static bool says(const __u8 *bytes, size_t at, const char *text)
{
	for (;;) {
		size_t len = bytes[at], want = strcspn(text, ".");

		if (len >= POINTER) {
			at = (len & ~(size_t)POINTER) << 8 | bytes[at + 1];
			continue;
		}
		if (!len)
			return !*text;
		if (len != want || strncasecmp((const char *)bytes + at + 1, text, len))
			return false;
		at += 1 + len;
		text += want + (text[want] == '.');
	}
}

/* Where a name that is there ends in @text; -1: nowhere. */
static long find_suffix(const __u8 *bytes, size_t len, const char *text)
{
	for (size_t at = 0; at < len; ) {
		if (at <= POINTER_LIMIT && bytes[at] && bytes[at] < POINTER && says(bytes, at, text))
			return (long)at;
		at += bytes[at] >= POINTER ? 2 : 1U + bytes[at];
	}
	return -1;
}

int dhcp_names_add(__u8 *bytes, size_t size, size_t *len, const char *name)
{
	size_t before = *len, at = before;

	if (!name_ok(name))
		return -EINVAL;
	while (*name) {
		size_t label = strcspn(name, ".");
		long known = find_suffix(bytes, before, name);

		if (at + 1 + label + 2 > size)
			return -E2BIG;
		if (known >= 0) {
			bytes[at++] = (__u8)(POINTER | known >> 8);
			bytes[at++] = (__u8)known;
			*len = at;
			return 0;
		}
		bytes[at++] = (__u8)label;
		memcpy(bytes + at, name, label);
		at += label;
		name += label + (name[label] == '.');
	}
	bytes[at++] = 0;
	*len = at;
	return 0;
}
