// SPDX-License-Identifier: GPL-2.0-only
/* What the file may say of DHCP options, boot files and relays, and what comes of it. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "config_dhcp.h"

/* --- options: good ones as bytes, bad ones as the whole error */

struct option_row {
	const char *name;	/* what stands in the braces */
	const char *result;	/* "CODE=hex", or the error behind "t:1: dhcp.options[0]" */
};

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct option_row option_rows[] = {
	/* by name */
	{ "option: router, value: 10.0.0.1", "3=0a000001" },
	{ "option: router, value: '10.0.0.1, 10.0.0.2'", "3=0a0000010a000002" },
	{ "option: ntp, value: 10.0.0.1 10.0.0.2", "42=0a0000010a000002" },
	{ "option: hostname, value: web", "12=776562" },
	{ "option: mtu, value: 1400", "26=0578" },
	{ "option: mtu, value: 0x578", "26=0578" },
	{ "option: ttl, value: 64", "23=40" },
	{ "option: time-offset, value: 4294967295", "2=ffffffff" },
	{ "option: tftp-server, value: 10.0.0.1", "66=31302e302e302e31" },
	{ "option: captive-portal, value: 'http://a/'", "114=687474703a2f2f612f" },
	{ "option: ipv6-only, value: 1800", "108=00000708" },
	{ "option: vendor, value: '01:02:ff'", "43=0102ff" },
	/* by number */
	{ "option: 42, value: 10.0.0.1", "42=0a000001" },
	{ "option: 224, type: string, value: a b", "224=612062" },
	{ "option: 224, type: ip, value: 10.0.0.1", "224=0a000001" },
	{ "option: 224, type: ips, value: 10.0.0.1 10.0.0.2", "224=0a0000010a000002" },
	{ "option: 224, type: u8, value: 255", "224=ff" },
	{ "option: 224, type: u16, value: 65535", "224=ffff" },
	{ "option: 224, type: u32, value: 65536", "224=00010000" },
	{ "option: 224, type: hex, value: 0a0B0c", "224=0a0b0c" },
	{ "option: 224, type: hex, value: 0a 0b 0c", "224=0a0b0c" },
	{ "option: 224, type: search, value: lab.vm", "224=036c616202766d00" },
	{ "option: 224, type: routes, value: 10.0.0.0/8=10.0.0.1", "224=080a0a000001" },
	{ "option: 6, type: hex, value: 01020304", "6=01020304" },
	{ "option: 3", "3=-" },
	{ "option: 254", "254=-" },
	/* search lists: RFC 3397's own example */
	{ "option: search, value: eng.apple.com marketing.apple.com",
	  "119=03656e67056170706c6503636f6d00096d61726b6574696e67c004" },
	{ "option: search, value: Apple.COM www.apple.com apple.com",
	  "119=054170706c6503434f4d0003777777c000c000" },
	{ "option: search, value: a b", "119=0161000162" "00" },
	{ "option: search, value: a.b b", "119=016101620" "0c002" },
	{ "option: search, value: _x.lab", "119=025f78036c616200" },
	/* routes: widths decide how many bytes of the prefix there are */
	{ "option: routes, value: 0.0.0.0/0=10.0.0.1", "121=000a000001" },
	{ "option: routes, value: 10.17.0.0/16=10.0.0.1", "121=100a110a000001" },
	{ "option: routes, value: 10.27.129.0/24=10.0.0.1", "121=180a1b810a000001" },
	{ "option: routes, value: 10.198.122.47/32=10.0.0.1", "121=200ac67a2f0a000001" },
	{ "option: routes, value: 10.128.0.0/9=10.0.0.1", "121=090a800a000001" },
	/* bad: which option */
	{ "option: foo, value: 1", ".option: 'foo' is neither a known name nor a number" },
	{ "option: -1, value: 1", ".option: '-1' is neither a known name nor a number" },
	{ "option: 12x, value: 1", ".option: '12x' is neither a known name nor a number" },
	{ "option: 256, value: 1", ".option: '256' is not from 1 to 254" },
	{ "option: 0, value: 1", ".option: 0 is the server's own" },
	{ "option: 255, value: 1", ".option: 255 is the server's own" },
	{ "option: 1, value: 255.0.0.0", ".option: 1 is the server's own" },
	{ "option: 50, value: 1", ".option: 50 is the server's own" },
	{ "option: 51, value: 1", ".option: 51 is the server's own" },
	{ "option: 52, value: 1", ".option: 52 is the server's own" },
	{ "option: 53, value: 1", ".option: 53 is the server's own" },
	{ "option: 54, value: 1", ".option: 54 is the server's own" },
	{ "option: 58, value: 1", ".option: 58 is the server's own" },
	{ "option: 61, value: 1", ".option: 61 is the server's own" },
	{ "option: 80, value: 1", ".option: 80 is the server's own" },
	{ "option: 82, value: 1", ".option: 82 is the server's own" },
	{ "value: 1", ".option: is missing" },
	{ "option: '', value: 1", ".option: is empty" },
	{ "option: 3, values: 1", ".values: unknown key" },
	{ "option: 3, value: [10.0.0.1]", ".value: expected a single value" },
	/* bad: which type */
	{ "option: 224, value: 1", ".type: is missing: option 224 has none by itself" },
	{ "option: 224, type: int, value: 1",
	  ".type: 'int' is none of: string, ip, ips, u8, u16, u32, hex, search, routes" },
	{ "option: mtu, type: u32, value: 1", ".type: option 26 is of type u16 (or hex)" },
	/* bad: values */
	{ "option: mtu, value: 65536", ".value: '65536' is not a number up to 65535" },
	{ "option: mtu, value: -1", ".value: '-1' is not a number up to 65535" },
	{ "option: mtu, value: 1400x", ".value: '1400x' is not a number up to 65535" },
	{ "option: ttl, value: 256", ".value: '256' is not a number up to 255" },
	{ "option: time-offset, value: 4294967296", ".value: '4294967296' is not a number up to 4294967295" },
	{ "option: time-offset, value: 99999999999999999999999", ".value: '99999999999999999999999' is not a number up to 4294967295" },
	{ "option: 224, type: ip, value: 10.0.0.1 10.0.0.2", ".value: '10.0.0.1 10.0.0.2' is not an IPv4 address" },
	{ "option: router, value: 10.0.0", ".value: '10.0.0' is not IPv4 addresses with blanks between them" },
	{ "option: router, value: ' '", ".value: ' ' is not IPv4 addresses with blanks between them" },
	{ "option: vendor, value: 0a0", ".value: '0a0' is not bytes like 0a:0b:0c" },
	{ "option: vendor, value: 0g", ".value: '0g' is not bytes like 0a:0b:0c" },
	{ "option: vendor, value: '0a:'", ".value: '0a:' is not bytes like 0a:0b:0c" },
	{ "option: search, value: a..b", ".value: 'a..b' is not domain names with blanks between them" },
	{ "option: search, value: -a", ".value: '-a' is not domain names with blanks between them" },
	{ "option: search, value: " X64 ".vm", ".value: '" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	  "' is not domain names with blanks between them" },
	{ "option: routes, value: 10.0.0.1/8=10.0.0.1",
	  ".value: '10.0.0.1/8=10.0.0.1' is not routes like 10.0.0.0/8=10.20.0.5, without host bits" },
	{ "option: routes, value: 10.0.0.0/8",
	  ".value: '10.0.0.0/8' is not routes like 10.0.0.0/8=10.20.0.5, without host bits" },
	{ "option: routes, value: 10.0.0.0/33=10.0.0.1",
	  ".value: '10.0.0.0/33=10.0.0.1' is not routes like 10.0.0.0/8=10.20.0.5, without host bits" },
	{ "option: routes, value: 10.0.0.0/8=gw",
	  ".value: '10.0.0.0/8=gw' is not routes like 10.0.0.0/8=10.20.0.5, without host bits" },
};

static void print_set(const struct dhcp_set *set, char *buf, size_t size)
{
	struct dhcp_option o;
	size_t len = 0;

	buf[0] = '\0';
	for (size_t at = 0; dhcp_set_next(set, &at, &o); ) {
		len += (size_t)snprintf(buf + len, size - len, "%s%u=%s", len ? " " : "", o.code,
					o.len == DHCP_NOT_SENT ? "-" : "");
		for (__u16 i = 0; o.len != DHCP_NOT_SENT && i < o.len; i++)
			len += (size_t)snprintf(buf + len, size - len, "%02x", o.value[i]);
	}
}

/* Written as the state is, and read again, a configuration is the same. */
static void check_round_trip(const struct config *cfg)
{
	char *text, *error = NULL;
	struct config again;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	fputs("dhcp:\n  enable: true\n", f);
	config_print_dhcp(f, cfg);
	if (cfg->n_guests)
		fputs("guests:\n", f);
	for (size_t i = 0; i < cfg->n_guests; i++) {
		fprintf(f, "  - name: %s\n", cfg->guests[i].name);
		config_print_guest_dhcp(f, &cfg->guests[i]);
	}
	fclose(f);
	if (config_parse("t", text, size, &again, &error))
		fail_msg("%s in\n%s", error, text);
	free(text);
	assert_int_equal(again.rapid_commit, cfg->rapid_commit);
	assert_string_equal(again.hook, cfg->hook);
	assert_string_equal(again.hook_user, cfg->hook_user);
	assert_memory_equal(&again.options, &cfg->options, sizeof(cfg->options));
	assert_int_equal(again.n_boot, cfg->n_boot);
	if (cfg->n_boot)
		assert_memory_equal(again.boot, cfg->boot, cfg->n_boot * sizeof(*cfg->boot));
	assert_int_equal(again.n_guests, cfg->n_guests);
	for (size_t i = 0; i < cfg->n_guests; i++) {
		assert_int_equal(again.guests[i].relay, cfg->guests[i].relay);
		assert_int_equal(!again.guests[i].options, !cfg->guests[i].options);
		if (cfg->guests[i].options)
			assert_memory_equal(again.guests[i].options, cfg->guests[i].options,
					    sizeof(struct dhcp_set));
	}
	config_release(&again);
}

static void option_is_read(void **state)
{
	const struct option_row *row = *state;
	const char *at = "t:1: dhcp.options[0]";
	char text[1024], got[1024], *error = NULL;
	struct config cfg;

	snprintf(text, sizeof(text), "dhcp: { options: [ { %s } ] }", row->name);
	if (config_parse("t", text, strlen(text), &cfg, &error)) {
		assert_non_null(error);
		if (strncmp(error, at, strlen(at)))
			fail_msg("%s", error);
		assert_string_equal(error + strlen(at), row->result);
		free(error);
		return;
	}
	print_set(&cfg.options, got, sizeof(got));
	assert_string_equal(got, row->result);
	check_round_trip(&cfg);
	config_release(&cfg);
}

/* --- whole files */

struct file_row {
	const char *name;
	const char *text;
	const char *error;	/* NULL: it is good, and survives being written and read */
};

static const struct file_row file_rows[] = {
	{ "rapid commit", "dhcp: { rapid-commit: yes }", NULL },
	{ "rapid commit is a switch", "dhcp: { rapid-commit: always }",
	  "t:1: dhcp.rapid-commit: 'always' is none of: true, false, yes, no, on, off" },
	{ "a hook", "dhcp: { hook: '/usr/lib/a b\"c' }", NULL },
	{ "a hook and its user", "dhcp: { hook: /usr/bin/logger, hook-user: root }", NULL },
	{ "a hook that is no path", "mode: nat\ndhcp:\n  hook: logger\n",
	  "t:3: dhcp.hook: 'logger' is no absolute path of a program" },
	{ "a user without hook", "dhcp: { hook-user: root }", "t:1: dhcp.hook-user: there is no `hook`" },
	{ "a user with a long name", "dhcp: { hook: /x, hook-user: " X64 " }",
	  "t:1: dhcp.hook-user: is longer than 31 characters" },
	{ "no options", "dhcp: { options: [] }", NULL },
	{ "several options", "dhcp: { options: [ { option: 3 }, { option: ntp, value: 10.0.0.1 } ] }", NULL },
	{ "an option listed twice", "dhcp:\n  options:\n    - { option: ntp, value: 10.0.0.1 }\n    - { option: 42 }\n",
	  "t:4: dhcp.options[1].option: option 42 is listed twice" },
	{ "options as keys", "dhcp: { options: { ntp: 10.0.0.1 } }", "t:1: dhcp.options: expected a list" },
	{ "boot files", "dhcp: { boot: [ { file: a }, { arch: efi-x64, file: 'b \"c\\d', server: 10.0.0.1 }, "
	  "{ arch: 12, ipxe: true, file: http://x/y } ] }", NULL },
	{ "a boot rule without file", "dhcp: { boot: [ { arch: bios } ] }", "t:1: dhcp.boot[0].file: is missing" },
	{ "a boot rule for no architecture", "dhcp: { boot: [ { arch: vax, file: a } ] }",
	  "t:1: dhcp.boot[0].arch: 'vax' is no architecture like bios, efi-x64, efi-x64-http or 7" },
	{ "a boot server by name", "dhcp: { boot: [ { file: a, server: pxe.lab } ] }",
	  "t:1: dhcp.boot[0].server: 'pxe.lab' is no IPv4 address" },
	{ "iPXE is a switch", "dhcp: { boot: [ { file: a, ipxe: 2 } ] }",
	  "t:1: dhcp.boot[0].ipxe: '2' is none of: true, false, yes, no, on, off" },
	{ "a guest's options and trust", "guests: [ { name: a, trust: relay, options: [ { option: hostname, value: x } ] }, "
	  "{ name: b } ]", NULL },
	{ "a guest trusted with something else", "guests: [ { name: a, trust: all } ]",
	  "t:1: guests[0].trust: 'all' is none of: relay" },
	{ "a guest's bad option", "guests:\n- name: a\n  options:\n  - option: mtu\n    value: big\n",
	  "t:5: guests[0].options[0].value: 'big' is not a number up to 65535" },
};

static void file_is_read(void **state)
{
	const struct file_row *row = *state;
	char *error = NULL;
	struct config cfg;
	int err = config_parse("t", row->text, strlen(row->text), &cfg, &error);

	if (row->error) {
		assert_true(err);
		assert_string_equal(error, row->error);
		free(error);
		return;
	}
	if (err)
		fail_msg("%s", error);
	check_round_trip(&cfg);
	config_release(&cfg);
}

static void options_longer_than_any_reply_are_refused(void **state)
{
	char *text, *error = NULL;
	struct config cfg;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	fputs("dhcp:\n  options:\n", f);
	for (int i = 0; i < 2; i++) {
		fprintf(f, "  - option: %d\n    type: hex\n    value: ", 224 + i);
		for (int k = 0; k < 1024; k++)
			fputs("ab", f);
		putc('\n', f);
	}
	fclose(f);
	assert_true(config_parse("t", text, size, &cfg, &error));
	assert_string_equal(error, "t:6: dhcp.options[1]: the options are longer than any reply");
	free(error);
	free(text);
}

/* --- what is on the host */

struct hook_row {
	const char *name;
	mode_t mode;		/* of the program; 0: there is none */
	const char *user;
	const char *error;	/* %s is the program; NULL: it is good */
};

static const struct hook_row hook_rows[] = {
	{ "a program is taken", 0755, "nobody", NULL },
	{ "one that is not there is not", 0, "nobody", "dhcp.hook: '%s': No such file or directory" },
	{ "one that cannot be executed is not", 0644, "nobody",
	  "dhcp.hook: '%s' is no program: it cannot be executed" },
	{ "one that anybody may change is not", 0757, "nobody",
	  "dhcp.hook: '%s' can be written to by anybody" },
	{ "nor is a user that there is not", 0755, "no-such-user", "dhcp.hook-user: there is no user 'no-such-user'" },
};

static void hook_is_looked_for(void **state)
{
	const struct hook_row *row = *state;
	char dir[] = "/tmp/culvert-test-XXXXXX", file[64], hook[64], what[128], want[256], *error = NULL;
	struct config cfg;
	int err, fd;
	FILE *f;

	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/t.yaml", dir);
	snprintf(hook, sizeof(hook), "%s/hook", dir);
	if (row->mode) {
		fd = open(hook, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		assert_int_equal(fchmod(fd, row->mode), 0);
		close(fd);
	}
	f = fopen(file, "w");
	fprintf(f, "dhcp:\n  hook: %s\n  hook-user: %s\n", hook, row->user);
	fclose(f);
	err = config_load(file, &cfg, &error);
	if (row->error) {
		assert_int_equal(err, -EINVAL);
		snprintf(what, sizeof(what), row->error, hook);
		snprintf(want, sizeof(want), "%s:%d: %s", file, strstr(what, "user:") ? 3 : 2, what);
		assert_string_equal(error, want);
		free(error);
	} else {
		assert_int_equal(err, 0);
		assert_string_equal(cfg.hook, hook);
		config_release(&cfg);
	}
	/* What is up stays so, whatever has become of its program. */
	assert_int_equal(config_load_saved(file, &cfg, &error), 0);
	config_release(&cfg);
	unlink(hook);
	unlink(file);
	rmdir(dir);
}

int main(void)
{
	struct CMUnitTest tests[128], *end = tests;

	end = UNIT_ROWS(end, option_rows, option_is_read);
	end = UNIT_ROWS(end, file_rows, file_is_read);
	end = UNIT_ROWS(end, hook_rows, hook_is_looked_for);
	*end++ = (struct CMUnitTest) cmocka_unit_test(options_longer_than_any_reply_are_refused);
	return UNIT_RUN(tests, end);
}
