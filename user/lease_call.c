// SPDX-License-Identifier: GPL-2.0-only
#include "lease_call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"

#define NS_PER_S	1000000000ULL
#define FOREVER_NS	(~0ULL)

/* What finds no room is empty, which no value of ours is long enough for. */
__attribute__((format(printf, 2, 3)))
static char *put(struct lease_call *c, const char *fmt, ...)
{
	char *at = c->bytes + c->used;
	size_t room = sizeof(c->bytes) - c->used;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(at, room, fmt, args);
	va_end(args);
	if (len < 0 || (size_t)len >= room)
		return "";
	c->used += (size_t)len + 1;
	return at;
}

static void add_arg(struct lease_call *c, const char *text)
{
	c->argv[c->n_argv++] = put(c, "%s", text);
}

static void add_env(struct lease_call *c, const char *name, const char *value)
{
	c->envp[c->n_envp++] = put(c, "%s=%s", name, value);
}

static void add_time(struct lease_call *c, const struct lease_fact *f, __u64 now_ns, __s64 now_s)
{
	__s64 left_s = f->expiry_ns > now_ns ? (__s64)((f->expiry_ns - now_ns) / NS_PER_S) :
					       -(__s64)((now_ns - f->expiry_ns) / NS_PER_S);
	bool endless = f->expiry_ns == FOREVER_NS;
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)(now_s + left_s));
	add_env(c, "CULVERT_EXPIRES", endless ? "" : text);
	snprintf(text, sizeof(text), "%lld", (long long)(left_s > 0 ? left_s : 0));
	add_env(c, "CULVERT_REMAINING", endless ? "" : text);
}

static void add_client_id(struct lease_call *c, const struct lease_fact *f)
{
	char text[3 * CV_CLIENT_ID_SIZE] = "";

	for (__u8 i = 0; i < f->client_id_len && i < sizeof(f->client_id); i++)
		sprintf(text + strlen(text), "%s%02x", i ? ":" : "", f->client_id[i]);
	add_env(c, "CULVERT_CLIENT_ID", text);
}

/* So that `culvert` called by the program speaks of the same networks. */
static void add_ours(struct lease_call *c)
{
	static const char *const names[] = { "CULVERT_RUN", "CULVERT_STATE", "CULVERT_CONF",
					     "CULVERT_BPF", "CULVERT_NETNS_CONF" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (getenv(names[i]))
			add_env(c, names[i], getenv(names[i]));
}

void lease_call_make(struct lease_call *c, const char *program, const char *network,
		     const char *user, const struct lease_news *news, __u64 now_ns, __s64 now_s)
{
	char mac[ADDR_MAC_SIZE], ip[ADDR_IP_SIZE];

	memset(c, 0, sizeof(*c));
	addr_format_mac(news->key.mac, mac);
	addr_format_ip(news->fact.ip, ip);
	add_arg(c, program);
	add_arg(c, lease_event_word(news->event));
	add_arg(c, mac);
	add_arg(c, ip);
	if (news->fact.hostname[0])
		add_arg(c, news->fact.hostname);

	add_env(c, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	add_env(c, "USER", user);
	add_env(c, "CULVERT_EVENT", lease_event_word(news->event));
	add_env(c, "CULVERT_NETWORK", network);
	add_env(c, "CULVERT_GUEST", news->fact.guest);
	add_env(c, "CULVERT_MAC", mac);
	add_env(c, "CULVERT_ADDRESS", ip);
	add_env(c, "CULVERT_HOSTNAME", news->fact.hostname);
	add_client_id(c, &news->fact);
	add_time(c, &news->fact, now_ns, now_s);
	add_ours(c);
}
