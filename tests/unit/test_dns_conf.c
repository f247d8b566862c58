// SPDX-License-Identifier: GPL-2.0-only
/* What dnsmasq is told, and whose name is whose. */
#include "unit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns_conf.h"

static const struct dns_conf lab = {
	.net = "lab", .domain = "lab.vm", .user = "dnsmasq", .dir = "/run/culvert",
};

static char *conf_text(bool alone)
{
	struct dns_conf c = lab;
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	c.subnet = htonl(0x0a140000);
	c.netmask = htonl(0xffffff00);
	c.gateway = htonl(0x0a140001);
	c.alone = alone;
	dns_conf_print(f, &c);
	fclose(f);
	return text;
}

#define CONF "# Written by culvert for network 'lab', and written anew.\n" \
	"port=53\nlisten-address=10.20.0.1\nbind-interfaces\n" \
	"user=dnsmasq\npid-file=/run/culvert/lab.dnsmasq.pid\n" \
	"no-hosts\naddn-hosts=/run/culvert/lab.names\n" \
	"local=/lab.vm/\ndomain=lab.vm,10.20.0.0/24,local\ndomain-needed\n" \
	"edns-packet-max=1232\ncache-size=1000\ndns-forward-max=4000\n"

static void it_asks_whom_the_host_asks(void **state)
{
	char *text = conf_text(false);

	assert_string_equal(text, CONF "resolv-file=/etc/resolv.conf\n");
	free(text);
}

static void without_way_out_it_asks_nobody(void **state)
{
	char *text = conf_text(true);

	assert_string_equal(text, CONF "no-resolv\n");
	free(text);
}

struct names_row {
	const char *name;
	struct dns_name names[4];
	const char *hosts;
};

#define IP(n)		.ip = 0x0000140aU | ((__u32)(n) << 24)
#define GIVEN(n, s)	{ IP(n), .slot = (n), .given = true, .name = s }
#define SAID(n, s)	{ IP(n), .slot = (n), .name = s }

static const struct names_row rows[] = {
	{ "none", { { 0 } }, "" },
	{ "by address", { GIVEN(9, "web"), GIVEN(8, "db") }, "10.20.0.8 db.vm db\n10.20.0.9 web.vm web\n" },
	{ "the given name first", { SAID(9, "alpha"), GIVEN(9, "web") },
	  "10.20.0.9 web.vm web\n10.20.0.9 alpha.vm alpha\n" },
	{ "a guest calls itself as its port", { SAID(9, "web"), GIVEN(9, "web") }, "10.20.0.9 web.vm web\n" },
	{ "a guest takes no other's name", { SAID(5, "web"), GIVEN(9, "web") }, "10.20.0.9 web.vm web\n" },
	{ "not in capitals either", { SAID(5, "WEB"), GIVEN(9, "web") }, "10.20.0.9 web.vm web\n" },
	{ "of two that call themselves the same, the lower slot", { SAID(7, "box"), SAID(6, "box") },
	  "10.20.0.6 box.vm box\n" },
	{ "no guest is localhost", { GIVEN(7, "localhost"), SAID(6, "localhost") }, "" },
	{ "no guest calls itself wpad", { SAID(7, "wpad"), SAID(6, "isatap") }, "" },
	{ "but may be called so", { GIVEN(7, "wpad") }, "10.20.0.7 wpad.vm wpad\n" },
};

static void each_name_is_one_guests(void **state)
{
	const struct names_row *row = *state;
	struct dns_name all[4];
	size_t n = 0, size;
	char *text;
	FILE *f = open_memstream(&text, &size);

	memcpy(all, row->names, sizeof(all));
	while (n < 4 && all[n].ip)
		n++;
	dns_names_print(f, all, dns_names_settle(all, n), "vm");
	fclose(f);
	assert_string_equal(text, row->hosts);
	free(text);
}

int main(void)
{
	struct CMUnitTest tests[2 + UNIT_N(rows)], *end = tests;

	*end++ = (struct CMUnitTest) cmocka_unit_test(it_asks_whom_the_host_asks);
	*end++ = (struct CMUnitTest) cmocka_unit_test(without_way_out_it_asks_nobody);
	for (size_t i = 0; i < UNIT_N(rows); i++)
		*end++ = (struct CMUnitTest) {
			.name = rows[i].name, .test_func = each_name_is_one_guests,
			.initial_state = (void *)&rows[i],
		};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
