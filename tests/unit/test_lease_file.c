// SPDX-License-Identifier: GPL-2.0-only
/* Lease files of other servers: what is read, and what is said of bad ones. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "lease_file.h"

struct file_row {
	const char *name;
	const char *text;
	const char *want;	/* "MAC ADDRESS EXPIRY HOSTNAME GUEST ID-BYTES@LINE; ..." or the error */
};

#define MAC "52:54:00:00:00:0a"
#define EXPORT(lease) "{\n  \"version\": 1,\n  \"leases\": [\n" lease "]}\n"
#define LEASE(more) "{\"address\": \"10.20.0.5\", \"mac\": \"" MAC "\", " more "\"expires\": 1700000000}"

static const struct file_row rows[] = {
	{ "nothing", "", "" },
	{ "dnsmasq: a lease", "1700000000 " MAC " 10.20.0.5 web 01:" MAC "\n",
	  MAC " 10.20.0.5 1700000000 web - 7@1; " },
	{ "dnsmasq: no name, no id, no final newline", "1700000000 " MAC " 10.20.0.5 * *",
	  MAC " 10.20.0.5 1700000000 - - 0@1; " },
	{ "dnsmasq: a lease without end", "0 " MAC " 10.20.0.5 * *\n", MAC " 10.20.0.5 reserved - - 0@1; " },
	{ "dnsmasq: the leases of DHCPv6 behind", "1 " MAC " 10.20.0.5 * *\nduid 00:01\n1 2 ::1 * 00\n",
	  MAC " 10.20.0.5 1 - - 0@1; " },
	{ "dnsmasq: a long client id is left out",
	  "1 " MAC " 10.20.0.5 * 00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11:12:13:14:15:16:17:18:19:1a:1b:1c:1d:1e:1f\n",
	  MAC " 10.20.0.5 1 - - 0@1; " },
	{ "dnsmasq: too few words", "\n1 " MAC "\n", "file:2: no lease: expected EXPIRY MAC ADDRESS HOSTNAME CLIENT-ID" },
	{ "dnsmasq: too many words", "1 " MAC " 10.20.0.5 * * *\n", "file:1: more than five words, so no lease of dnsmasq" },
	{ "dnsmasq: a bad time", "soon " MAC " 10.20.0.5 * *\n", "file:1: 'soon' is no time" },
	{ "dnsmasq: a negative time", "-1 " MAC " 10.20.0.5 * *\n", "file:1: '-1' is no time" },
	{ "dnsmasq: a bad MAC", "1 52:54 10.20.0.5 * *\n", "file:1: '52:54' is no MAC address of a guest" },
	{ "dnsmasq: a group's MAC", "1 01:00:5e:00:00:01 10.20.0.5 * *\n",
	  "file:1: '01:00:5e:00:00:01' is no MAC address of a guest" },
	{ "dnsmasq: a bad address", "1 " MAC " 10.20.0.555 * *\n", "file:1: '10.20.0.555' is no IPv4 address" },
	{ "dnsmasq: a bad name", "1 " MAC " 10.20.0.5 a;b *\n", "file:1: 'a;b' is no hostname" },
	{ "dnsmasq: a bad id", "1 " MAC " 10.20.0.5 * 01:xx\n", "file:1: '01:xx' is no client id" },
	{ "one address twice", "1 " MAC " 10.20.0.5 * *\n1 52:54:00:00:00:0b 10.20.0.5 * *\n",
	  "file:2: 10.20.0.5 is leased in line 1 already" },
	{ "one MAC twice", "1 " MAC " 10.20.0.5 * *\n1 " MAC " 10.20.0.6 * *\n",
	  "file:2: " MAC " has a lease in line 1 already" },
	{ "libvirt: a lease", "[\n  {\n    \"ip-address\": \"10.20.0.5\",\n    \"mac-address\": \"" MAC "\",\n"
	  "    \"hostname\": \"web\",\n    \"client-id\": \"01:" MAC "\",\n    \"expiry-time\": 1700000000\n  }\n]\n",
	  MAC " 10.20.0.5 1700000000 web - 7@2; " },
	{ "libvirt: none", "[]\n", "" },
	{ "libvirt: the second is bad", "[\n  {\n    \"ip-address\": \"10.20.0.5\",\n    \"mac-address\": \"" MAC "\",\n"
	  "    \"expiry-time\": 1\n  },\n  {\n    \"ip-address\": \"10.20.0\"\n  }\n]\n",
	  "file:7: '' is no MAC address of a guest" },
	{ "libvirt: no object", "[\n [ 1 ]\n]\n", "file:2: expected a lease" },
	{ "culvert: a lease", EXPORT("    " LEASE("\"guest\": \"web\", \"hostname\": null, ")),
	  MAC " 10.20.0.5 1700000000 - web 0@4; " },
	{ "culvert: a brace in a string", EXPORT(LEASE("\"state\": \"}]{\\\"\", ")), MAC " 10.20.0.5 1700000000 - - 0@4; " },
	{ "culvert: a reservation", EXPORT("{\"address\": \"10.20.0.5\", \"mac\": \"" MAC "\", \"expires\": null}"),
	  MAC " 10.20.0.5 reserved - - 0@4; " },
	{ "culvert: another version", "{\"version\": 2, \"leases\": []}", "file:1: version: expected 1" },
	{ "culvert: no list", "{\"version\": 1, \"leases\": 7}", "file:1: leases: expected a list of leases" },
	{ "culvert: no text where one must be", EXPORT("{\"address\": 7, \"mac\": \"" MAC "\"}"),
	  "file:4: address: expected a string" },
	{ "culvert: no time", EXPORT("{\"address\": \"10.20.0.5\", \"mac\": \"" MAC "\", \"expires\": \"now\"}"),
	  "file:4: expires: expected Unix seconds" },
	{ "JSON cut short", "{\n  \"version\": 1,\n", "file:3: string or '}' expected near end of file" },
};

static void print(FILE *f, const struct lease_record *r)
{
	char mac[ADDR_MAC_SIZE], ip[ADDR_IP_SIZE];

	fprintf(f, "%s %s ", addr_format_mac(r->mac, mac), addr_format_ip(r->ip, ip));
	if (r->reserved)
		fputs("reserved", f);
	else
		fprintf(f, "%lld", (long long)r->expiry_s);
	fprintf(f, " %s %s %u@%u; ", r->hostname[0] ? r->hostname : "-", r->guest[0] ? r->guest : "-",
		r->client_id_len, r->line);
}

static void file_is_read(void **state)
{
	const struct file_row *row = *state;
	struct lease_records r = { 0 };
	char *error = NULL, *got;
	size_t size;
	FILE *f = open_memstream(&got, &size);
	int err = lease_file_parse("file", row->text, &r, &error);

	if (err) {
		assert_int_equal(err, -EINVAL);
		assert_null(r.all);
		fputs(error, f);
	}
	for (size_t i = 0; i < r.n; i++)
		print(f, &r.all[i]);
	fclose(f);
	assert_string_equal(got, row->want);
	free(got);
	free(error);
	lease_records_release(&r);
}

/* Cut anywhere, or with any byte changed, a file is read or refused, and nothing breaks. */
static void damaged_files_do_no_harm(void **state)
{
	unsigned int seed = 1;

	for (size_t i = 0; i < UNIT_N(rows) * 200; i++) {
		char *text = strdup(rows[i % UNIT_N(rows)].text), *error = NULL;
		size_t len = strlen(text);
		struct lease_records r = { 0 };

		for (int k = 0; len && k < 3; k++)
			text[(size_t)rand_r(&seed) % len] = (char)(1 + rand_r(&seed) % 255);
		if (len && i % 3 == 0)
			text[(size_t)rand_r(&seed) % len] = '\0';
		if (lease_file_parse("file", text, &r, &error))
			assert_non_null(error);
		lease_records_release(&r);
		free(error);
		free(text);
	}
}

int main(void)
{
	struct CMUnitTest tests[UNIT_N(rows) + 1], *end = tests;

	end = UNIT_ROWS(end, rows, file_is_read);
	*end++ = (struct CMUnitTest) cmocka_unit_test(damaged_files_do_no_harm);
	return UNIT_RUN(tests, end);
}
