// SPDX-License-Identifier: GPL-2.0-only
/* The options that every guest of a network gets, and where its DNS servers come from. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "addr.h"
#include "dhcp_options.h"
#include "resolv.h"

struct blob_row {
	const char *name;
	const char *config;	/* of the file */
	unsigned int mtu;
	const char *hex;
};

static const struct blob_row blob_rows[] = {
	{ "netmask, router, broadcast", "dhcp: { dns: none }", 0,
	  "0104ffffff00 03040a140001 1c040a1400ff" },
	{ "one DNS server", "dhcp: { dns: 9.9.9.9 }", 0,
	  "0104ffffff00 03040a140001 060409090909 1c040a1400ff" },
	{ "three DNS servers", "dhcp: { dns: [9.9.9.9, 1.1.1.1, 10.0.0.2] }", 0,
	  "0104ffffff00 03040a140001 060c09090909010101010a000002 1c040a1400ff" },
	{ "domain and MTU", "dhcp: { dns: none, domain: lab.vm }", 1420,
	  "0104ffffff00 03040a140001 0f066c61622e766d 1a02058c 1c040a1400ff" },
	{ "the host's DNS servers, of which it has none", "", 0, "0104ffffff00 03040a140001 1c040a1400ff" },
	{ "isolated: no router", "{ mode: isolated, dhcp: { dns: none } }", 1500,
	  "0104ffffff00 1a0205dc 1c040a1400ff" },
	{ "names served: the gateway", "{ dhcp: { dns: serve } }", 0,
	  "0104ffffff00 03040a140001 06040a140001 0f02766d 1c040a1400ff" },
	{ "isolated: names served too", "{ mode: isolated, dhcp: { dns: serve } }", 0,
	  "0104ffffff00 06040a140001 0f02766d 1c040a1400ff" },
	{ "isolated: a DNS server that was named", "{ mode: isolated, dhcp: { dns: 10.20.0.5 } }", 0,
	  "0104ffffff00 06040a140005 1c040a1400ff" },
};

static void to_hex(const struct cv_dhcp_options *o, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (__u32 i = 0; i < o->len; i += 2U + o->bytes[i + 1])
		for (__u32 k = 0; k < 2U + o->bytes[i + 1]; k++)
			len += (size_t)snprintf(buf + len, size - len, "%s%02x",
						i && !k ? " " : "", o->bytes[i + k]);
}

static void blob_is(void **state)
{
	const struct blob_row *row = *state;
	struct cv_network n = { .subnet = htonl(0x0a140000), .netmask = htonl(0xffffff00),
				.gateway = htonl(0x0a140001), .mtu = (__u16)row->mtu };
	struct cv_dhcp_options o;
	struct config cfg;
	char *error, hex[1024];

	assert_int_equal(config_parse("t", row->config, strlen(row->config), &cfg, &error), 0);
	n.mode = cfg.mode;
	assert_int_equal(dhcp_options_render(&cfg, &n, &o), 0);
	to_hex(&o, hex, sizeof(hex));
	assert_string_equal(hex, row->hex);
	config_release(&cfg);
}

/* What is longest in every way leaves room for the client's id in 548 bytes. */
static void the_longest_blob_fits(void **state)
{
	struct config cfg = { .n_dns = CONFIG_MAX_DNS };
	struct cv_network n = { .mode = CV_MODE_NAT, .mtu = 1500 };
	struct cv_dhcp_options o;

	memset(cfg.domain, 'a', sizeof(cfg.domain) - 1);
	assert_int_equal(dhcp_options_render(&cfg, &n, &o), 0);
	assert_in_range(240 + 27 + 2 + CV_CLIENT_ID_SIZE - 1 + o.len + 1, 0, 548);
}

static void the_hosts_resolvers_are_not_for_an_isolated_network(void **state)
{
	struct config cfg = { .mode = CV_MODE_ISOLATED, .dns_host = true, .n_dns = 1,
			      .dns = { htonl(0x09090909) } };
	struct cv_network n = { .mode = CV_MODE_ISOLATED };
	struct cv_dhcp_options o;
	char hex[128];

	assert_int_equal(dhcp_options_render(&cfg, &n, &o), 0);
	to_hex(&o, hex, sizeof(hex));
	assert_string_equal(hex, "010400000000 1c04ffffffff");
}

/* --- resolv.conf */

struct resolv_row {
	const char *name;
	const char *etc, *resolved;	/* NULL: no such file */
	const char *servers;
};

static const struct resolv_row resolv_rows[] = {
	{ "no file", NULL, NULL, "" },
	{ "an empty file", "", NULL, "" },
	{ "one server", "nameserver 9.9.9.9\n", NULL, "9.9.9.9" },
	{ "no line break at the end", "nameserver 9.9.9.9", NULL, "9.9.9.9" },
	{ "tabs, blanks, comments, other words",
	  "# nameserver 1.2.3.4\nsearch lab\noptions edns0\n \tnameserver\t9.9.9.9 # mine\nnameservers 1.1.1.1\n",
	  NULL, "9.9.9.9" },
	{ "no more than three, none twice",
	  "nameserver 1.1.1.1\nnameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3\nnameserver 4.4.4.4\n",
	  NULL, "1.1.1.1 2.2.2.2 3.3.3.3" },
	{ "IPv6 and rubbish", "nameserver fe80::1%eth0\nnameserver 999.1.1.1\nnameserver\nnameserver 9.9.9.9\n",
	  NULL, "9.9.9.9" },
	{ "a server on loopback is of no use", "nameserver 127.0.0.1\nnameserver 0.0.0.0\n", "nameserver 9.9.9.9\n", "" },
	{ "a loopback server beside a real one", "nameserver 127.0.0.1\nnameserver 9.9.9.9\n", NULL, "9.9.9.9" },
	{ "systemd-resolved's stub", "nameserver 127.0.0.53\noptions edns0 trust-ad\n",
	  "nameserver 9.9.9.9\nnameserver 8.8.8.8\n", "9.9.9.9 8.8.8.8" },
	{ "its other stub", "nameserver 127.0.0.54\n", "nameserver 9.9.9.9\n", "9.9.9.9" },
	{ "the stub without its list", "nameserver 127.0.0.53\n", NULL, "" },
	{ "the stub's list names the stub", "nameserver 127.0.0.53\n", "nameserver 127.0.0.53\n", "" },
	{ "servers beside the stub are enough", "nameserver 127.0.0.53\nnameserver 7.7.7.7\n",
	  "nameserver 9.9.9.9\n", "7.7.7.7" },
	{ "a very long line", "search aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
	  "nameserver 9.9.9.9\n", NULL, "9.9.9.9" },
};

static const char *const resolv_dirs[] = { "etc", "run", "run/systemd", "run/systemd/resolve" };

static void put_file(const char *root, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	if (!text)
		return;
	snprintf(path, sizeof(path), "%s/%s", root, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void remove_tree(const char *root)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/etc/resolv.conf", root);
	unlink(path);
	snprintf(path, sizeof(path), "%s/run/systemd/resolve/resolv.conf", root);
	unlink(path);
	for (size_t i = UNIT_N(resolv_dirs); i-- > 0; ) {
		snprintf(path, sizeof(path), "%s/%s", root, resolv_dirs[i]);
		rmdir(path);
	}
	rmdir(root);
}

static void resolvers_are(void **state)
{
	const struct resolv_row *row = *state;
	char root[] = "/tmp/culvert-test-XXXXXX", path[128], got[128] = "", ip[ADDR_IP_SIZE];
	__be32 dns[CONFIG_MAX_DNS];
	int n;

	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i < UNIT_N(resolv_dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, resolv_dirs[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	put_file(root, "etc/resolv.conf", row->etc);
	put_file(root, "run/systemd/resolve/resolv.conf", row->resolved);
	n = resolv_read(root, dns);
	remove_tree(root);
	assert_true(n >= 0);
	for (int i = 0; i < n; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", i ? " " : "",
			 addr_format_ip(dns[i], ip));
	assert_string_equal(got, row->servers);
}

int main(void)
{
	struct CMUnitTest tests[UNIT_N(blob_rows) + UNIT_N(resolv_rows) + 2], *end = tests;

	end = UNIT_ROWS(end, blob_rows, blob_is);
	*end++ = (struct CMUnitTest) cmocka_unit_test(the_longest_blob_fits);
	*end++ = (struct CMUnitTest) cmocka_unit_test(the_hosts_resolvers_are_not_for_an_isolated_network);
	end = UNIT_ROWS(end, resolv_rows, resolvers_are);
	return UNIT_RUN(tests, end);
}
