// SPDX-License-Identifier: GPL-2.0-only
#include "dhcp_choose.h"

#include <arpa/inet.h>
#include <string.h>

#include "dhcp_options.h"

/* iPXE waits two seconds for a ProxyDHCP server unless it is told (175.176) that there is none. */
static const __u8 ipxe_no_proxy[] = { 0xb0, 1, 1 };

/* --- bytes */

void dhcp_put_bytes(struct dhcp_writer *w, const void *from, size_t len)
{
	if (w->overflow || len > w->size - w->len) {
		w->overflow = true;
		return;
	}
	memcpy(w->bytes + w->len, from, len);
	w->len += len;
}

void dhcp_put_option(struct dhcp_writer *w, __u8 code, const void *value, size_t len)
{
	const __u8 *p = value;

	do {
		__u8 head[2] = { code, (__u8)(len < 255 ? len : 255) };

		dhcp_put_bytes(w, head, sizeof(head));
		dhcp_put_bytes(w, p, head[1]);
		p += head[1];
		len -= head[1];
	} while (len);
}

void dhcp_put_u32(struct dhcp_writer *w, __u8 code, __u32 value)
{
	__be32 wire = htonl(value);

	dhcp_put_option(w, code, &wire, sizeof(wire));
}

void dhcp_put_echo(struct dhcp_writer *w, const struct dhcp_msg *req, __u8 code)
{
	struct dhcp_value v = dhcp_msg_value(req, code);

	if (v.bytes)
		dhcp_put_option(w, code, v.bytes, v.len);
}

/* What dhcp_put_end() will take. */
static size_t end_size(const struct dhcp_msg *req)
{
	struct dhcp_value v = dhcp_msg_value(req, CV_DHCP_OPT_RELAY_AGENT);

	return 1 + (v.bytes ? dhcp_set_wire_size(v.len) : 0);
}

void dhcp_put_end(struct dhcp_writer *w, const struct dhcp_msg *req)
{
	static const __u8 end = CV_DHCP_OPT_END;

	dhcp_put_echo(w, req, CV_DHCP_OPT_RELAY_AGENT);
	dhcp_put_bytes(w, &end, 1);
}

/* --- the choice */

struct choice {
	struct dhcp_writer *w;
	const struct dhcp_msg *req;
	const struct dhcp_set *all;
	size_t reserved;
	bool done[256];
};

static bool is_for(const struct choice *c, __u8 code)
{
	return !dhcp_options_on_request(code) || dhcp_msg_wants(c->req, code);
}

static void try_option(struct choice *c, const struct dhcp_option *o)
{
	size_t size = dhcp_set_wire_size(o->len);

	if (c->done[o->code] || !is_for(c, o->code) ||
	    c->w->overflow || size + c->reserved > c->w->size - c->w->len)
		return;
	dhcp_put_option(c->w, o->code, o->value, o->len);
	c->done[o->code] = true;
}

static size_t size_of_all(const struct choice *c)
{
	struct dhcp_option o;
	size_t size = 0;

	for (size_t at = 0; dhcp_set_next(c->all, &at, &o); )
		if (is_for(c, o.code))
			size += dhcp_set_wire_size(o.len);
	return size;
}

static void try_code(struct choice *c, __u8 code)
{
	struct dhcp_option o;

	if (dhcp_set_find(c->all, code, &o))
		try_option(c, &o);
}

/* In the client's order, but the netmask before the router (RFC 2132 3.3). */
static void put_requested(struct choice *c)
{
	struct dhcp_value list = dhcp_msg_value(c->req, CV_DHCP_OPT_PARAMETERS);

	for (size_t i = 0; i < list.len; i++) {
		if (list.bytes[i] == CV_DHCP_OPT_ROUTER)
			try_code(c, CV_DHCP_OPT_NETMASK);
		try_code(c, list.bytes[i]);
	}
}

static void put_set(struct choice *c)
{
	struct dhcp_option o;

	if (c->w->overflow)
		return;
	if (size_of_all(c) + c->reserved > c->w->size - c->w->len)
		put_requested(c);
	for (size_t at = 0; dhcp_set_next(c->all, &at, &o); )
		try_option(c, &o);
}

/* --- firmware */

static void put_u8s(struct choice *c, __u8 code, const void *value, size_t len)
{
	const struct dhcp_option o = { code, (__u16)len, value };

	try_option(c, &o);
}

/*
 * HTTP firmware wants its class back (UEFI 2.10, 24.7.3.1), and others must not
 * see one: with 60=PXEClient EDK2 asks a boot server that is not there.
 */
static void put_boot(struct choice *c, const struct dhcp_boot *b)
{
	struct dhcp_firmware fw = dhcp_boot_firmware(c->req);
	char server[INET_ADDRSTRLEN];

	if (fw.loader == DHCP_LOADER_HTTP)
		put_u8s(c, CV_DHCP_OPT_VENDOR_CLASS, "HTTPClient", 10);
	if (fw.loader == DHCP_LOADER_IPXE)
		put_u8s(c, CV_DHCP_OPT_IPXE, ipxe_no_proxy, sizeof(ipxe_no_proxy));
	if (fw.loader == DHCP_LOADER_HTTP || dhcp_msg_wants(c->req, CV_DHCP_OPT_BOOT_FILE) ||
	    strlen(b->file) >= sizeof(c->req->hdr.file))
		put_u8s(c, CV_DHCP_OPT_BOOT_FILE, b->file, strlen(b->file));
	if (b->server && dhcp_msg_wants(c->req, CV_DHCP_OPT_TFTP_SERVER) &&
	    inet_ntop(AF_INET, &b->server, server, sizeof(server)))
		put_u8s(c, CV_DHCP_OPT_TFTP_SERVER, server, strlen(server));
}

void dhcp_put_chosen(struct dhcp_writer *w, const struct dhcp_msg *req,
		     const struct dhcp_answer *a)
{
	struct choice c = { .w = w, .req = req, .all = a->options, .reserved = end_size(req) };

	if (a->boot)
		put_boot(&c, a->boot);
	if (a->options)
		put_set(&c);
}
