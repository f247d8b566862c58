// SPDX-License-Identifier: GPL-2.0-only
/* Options, boot files and relays: what the file says of them, checked word by word. */
#include "config_dhcp.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "addr.h"
#include "config_schema.h"
#include "dhcp_option_spec.h"
#include "mem.h"

/* --- options */

static int read_option(const struct config_source *src, const struct yaml_path *at,
		       const struct config_file_option *f, struct dhcp_set *set)
{
	const struct dhcp_option_spec spec = { f->option, f->type, f->value };
	struct dhcp_option_bytes bytes;
	char error[DHCP_SPEC_ERROR_SIZE];
	struct yaml_path p = *at;
	struct dhcp_option o;
	const char *key;

	if (dhcp_option_parse(&spec, &bytes, error, &key)) {
		yaml_path_key(&p, key);
		return config_fail(src, &p, "%s", error);
	}
	o = (struct dhcp_option) { bytes.code, bytes.len, bytes.value };
	if (dhcp_set_find(set, o.code, NULL)) {
		yaml_path_key(&p, "option");
		return config_fail(src, &p, "option %u is listed twice", o.code);
	}
	if (dhcp_set_put(set, &o))
		return config_fail(src, at, "the options are longer than any reply");
	return 0;
}

static int read_options(const struct config_source *src, const struct yaml_path *list,
			const struct config_file_option *f, unsigned int n, struct dhcp_set *ret)
{
	struct dhcp_set set = { 0 };
	int err = 0;

	for (unsigned int i = 0; i < n && !err; i++) {
		struct yaml_path p = *list;

		yaml_path_index(&p, i);
		err = read_option(src, &p, &f[i], &set);
	}
	if (!err)
		*ret = set;
	return err;
}

/* --- boot */

static int read_boot(const struct config_source *src, const struct yaml_path *at,
		     const struct config_file_boot *f, struct dhcp_boot *b)
{
	struct yaml_path p = *at;

	b->arch = DHCP_BOOT_ANY;
	b->ipxe = f->ipxe == CONFIG_TRUE;
	if (f->arch && dhcp_boot_arch(f->arch, &b->arch)) {
		yaml_path_key(&p, "arch");
		return config_fail(src, &p, "'%s' is no architecture like bios, efi-x64, efi-x64-http or 7",
				   f->arch);
	}
	if (f->server && addr_parse_ip(f->server, &b->server)) {
		yaml_path_key(&p, "server");
		return config_fail(src, &p, "'%s' is no IPv4 address", f->server);
	}
	if (strlen(f->file) >= sizeof(b->file)) {
		yaml_path_key(&p, "file");
		return config_fail(src, &p, "is longer than %zu characters", sizeof(b->file) - 1);
	}
	strcpy(b->file, f->file);
	return 0;
}

static int read_boots(const struct config_source *src, const struct config_file_dhcp *d,
		      struct config *cfg)
{
	int err = 0;

	if (!d->boot_count)
		return 0;
	cfg->boot = calloc(d->boot_count, sizeof(*cfg->boot));
	if (!cfg->boot)
		return -ENOMEM;
	for (unsigned int i = 0; i < d->boot_count && !err; i++) {
		struct yaml_path p = yaml_path_of("dhcp", "boot");

		yaml_path_index(&p, i);
		err = read_boot(src, &p, &d->boot[i], &cfg->boot[cfg->n_boot]);
		cfg->n_boot++;
	}
	return err;
}

/* --- hook */

static int check_hook(const struct config_source *src, const struct yaml_path *p, const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return config_fail(src, p, "'%s': %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return config_fail(src, p, "'%s' is no program: it cannot be executed", path);
	if (st.st_mode & S_IWOTH)
		return config_fail(src, p, "'%s' can be written to by anybody", path);
	return 0;
}

static int read_hook(const struct config_source *src, const struct config_file_dhcp *d,
		     struct config *cfg)
{
	const char *user = d->hook_user ? d->hook_user : CONFIG_HOOK_USER;
	struct yaml_path p = yaml_path_of("dhcp", "hook"), u = yaml_path_of("dhcp", "hook-user");
	int err = 0;

	if (!d->hook)
		return d->hook_user ? config_fail(src, &u, "there is no `hook`") : 0;
	if (d->hook[0] != '/' || strlen(d->hook) >= sizeof(cfg->hook))
		return config_fail(src, &p, "'%s' is no absolute path of a program", d->hook);
	if (strlen(user) >= sizeof(cfg->hook_user))
		return config_fail(src, &u, "is longer than %zu characters", sizeof(cfg->hook_user) - 1);
	if (src->host)
		err = check_hook(src, &p, d->hook);
	if (!err && src->host && !getpwnam(user))
		err = config_fail(src, &u, "there is no user '%s'", user);
	strcpy(cfg->hook, d->hook);
	strcpy(cfg->hook_user, user);
	return err;
}

int config_read_dhcp(const struct config_source *src, const struct config_file_dhcp *d,
		     struct config *cfg)
{
	struct yaml_path p = yaml_path_of("dhcp", "options");
	int err;

	cfg->rapid_commit = d->rapid_commit == CONFIG_TRUE;
	err = read_options(src, &p, d->options, d->options_count, &cfg->options);
	if (!err)
		err = read_hook(src, d, cfg);
	return err ? err : read_boots(src, d, cfg);
}

/* --- guests */

static struct yaml_path guest_path(size_t i, const char *key)
{
	struct yaml_path p = yaml_path_of("guests", NULL);

	yaml_path_index(&p, (unsigned int)i);
	yaml_path_key(&p, key);
	return p;
}

int config_read_guest_dhcp(const struct config_source *src, const struct config_file_guest *f,
			   size_t i, struct config_guest *g)
{
	struct yaml_path p = guest_path(i, "trust");

	if (f->trust && strcmp(f->trust, "relay"))
		return config_fail(src, &p, "'%s' is none of: relay", f->trust);
	g->relay = f->trust;
	if (!f->options_count)
		return 0;
	g->options = calloc(1, sizeof(*g->options));
	if (!g->options)
		return -ENOMEM;
	g->own_options = true;
	p = guest_path(i, "options");
	return read_options(src, &p, f->options, f->options_count, g->options);
}

/* --- as text */

static void print_options(FILE *f, const struct dhcp_set *set, const char *indent)
{
	struct dhcp_option o;

	if (set->len)
		fprintf(f, "%soptions:\n", indent);
	for (size_t at = 0; dhcp_set_next(set, &at, &o); ) {
		fprintf(f, "%s  - option: %u\n", indent, o.code);
		if (o.len == DHCP_NOT_SENT)
			continue;
		fprintf(f, "%s    type: hex\n%s    value: \"", indent, indent);
		for (__u16 i = 0; i < o.len; i++)
			fprintf(f, "%02x", o.value[i]);
		fputs("\"\n", f);
	}
}

static void print_quoted(FILE *f, const char *text)
{
	putc('"', f);
	for (; *text; text++) {
		if (strchr("\"\\", *text))
			putc('\\', f);
		putc(*text, f);
	}
	fputs("\"\n", f);
}

void config_print_dhcp(FILE *f, const struct config *cfg)
{
	char ip[ADDR_IP_SIZE];

	if (cfg->rapid_commit)
		fputs("  rapid-commit: true\n", f);
	if (cfg->hook[0]) {
		fputs("  hook: ", f);
		print_quoted(f, cfg->hook);
		fputs("  hook-user: ", f);
		print_quoted(f, cfg->hook_user);
	}
	print_options(f, &cfg->options, "  ");
	if (cfg->n_boot)
		fputs("  boot:\n", f);
	for (size_t i = 0; i < cfg->n_boot; i++) {
		const struct dhcp_boot *b = &cfg->boot[i];

		fputs("    - file: ", f);
		print_quoted(f, b->file);
		if (b->arch != DHCP_BOOT_ANY)
			fprintf(f, "      arch: %u\n", b->arch);
		if (b->ipxe)
			fputs("      ipxe: true\n", f);
		if (b->server)
			fprintf(f, "      server: \"%s\"\n", addr_format_ip(b->server, ip));
	}
}

void config_print_guest_dhcp(FILE *f, const struct config_guest *g)
{
	if (g->relay)
		fputs("    trust: relay\n", f);
	if (g->options)
		print_options(f, g->options, "    ");
}
