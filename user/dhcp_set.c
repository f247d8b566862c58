// SPDX-License-Identifier: GPL-2.0-only
#include "dhcp_set.h"

#include <errno.h>
#include <string.h>

#define HEAD 3

/* What a length takes here. */
static size_t stored(__u16 len)
{
	return len == DHCP_NOT_SENT ? 0 : len;
}

bool dhcp_set_next(const struct dhcp_set *s, size_t *at, struct dhcp_option *ret)
{
	const __u8 *p = s->bytes + *at;

	if (*at >= s->len)
		return false;
	ret->code = p[0];
	ret->len = (__u16)(p[1] << 8 | p[2]);
	ret->value = p + HEAD;
	*at += HEAD + stored(ret->len);
	return true;
}

bool dhcp_set_find(const struct dhcp_set *s, __u8 code, struct dhcp_option *ret)
{
	struct dhcp_option o;

	for (size_t at = 0; dhcp_set_next(s, &at, &o); ) {
		if (o.code != code)
			continue;
		if (ret)
			*ret = o;
		return true;
	}
	return false;
}

static int append(struct dhcp_set *s, const struct dhcp_option *o)
{
	size_t len = stored(o->len);
	__u8 *p = s->bytes + s->len;

	if (s->len + HEAD + len > sizeof(s->bytes))
		return -ENOSPC;
	p[0] = o->code;
	p[1] = (__u8)(o->len >> 8);
	p[2] = (__u8)o->len;
	if (len)
		memcpy(p + HEAD, o->value, len);
	s->len = (__u16)(s->len + HEAD + len);
	return 0;
}

int dhcp_set_put(struct dhcp_set *s, const struct dhcp_option *o)
{
	struct dhcp_set all = { 0 };
	struct dhcp_option old;
	bool found = false;
	int err = 0;

	for (size_t at = 0; dhcp_set_next(s, &at, &old) && !err; ) {
		err = append(&all, old.code == o->code ? o : &old);
		found |= old.code == o->code;
	}
	if (!err && !found)
		err = append(&all, o);
	if (!err)
		*s = all;
	return err;
}

void dhcp_set_remove(struct dhcp_set *s, __u8 code)
{
	struct dhcp_set all = { 0 };
	struct dhcp_option o;

	for (size_t at = 0; dhcp_set_next(s, &at, &o); )
		if (o.code != code)
			append(&all, &o);	/* it fitted before */
	*s = all;
}

int dhcp_set_override(struct dhcp_set *s, const struct dhcp_set *over)
{
	struct dhcp_option o;
	int err = 0;

	for (size_t at = 0; !err && dhcp_set_next(over, &at, &o); ) {
		if (o.len == DHCP_NOT_SENT)
			dhcp_set_remove(s, o.code);
		else
			err = dhcp_set_put(s, &o);
	}
	return err;
}

size_t dhcp_set_wire_size(size_t len)
{
	return len ? len + 2 * ((len + 254) / 255) : 2;
}
