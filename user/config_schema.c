// SPDX-License-Identifier: GPL-2.0-only
/*
 * libcyaml tells what is wrong by an error code and by words for its log: the
 * first word line, then the way to the place, innermost first.  Both are
 * caught here and become one line in our words.
 */
#include "config_schema.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <culvert/abi.h>
#include <culvert/defaults.h>

#include "config.h"
#include "config_schema_dhcp.h"
#include "mem.h"

#define TEXT_MAX CONFIG_TEXT_MAX

static const cyaml_strval_t mode_words[] = {
	{ "nat", CV_MODE_NAT },
	{ "route", CV_MODE_ROUTE },
	{ "isolated", CV_MODE_ISOLATED },
};

static const cyaml_strval_t filter_words[] = {
	{ "address-and-port", CV_FILTER_ADDRESS_AND_PORT },
	{ "address", CV_FILTER_ADDRESS },
	{ "endpoint-independent", CV_FILTER_ENDPOINT_INDEPENDENT },
};

static const cyaml_strval_t xdp_words[] = {
	{ "off", CONFIG_XDP_OFF },
	{ "auto", CONFIG_XDP_AUTO },
	{ "on", CONFIG_XDP_ON },
};

#define OPT	CYAML_FLAG_OPTIONAL
#define STRICT	(CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT)
#define NULLABLE (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER_NULL_STR)

static const cyaml_schema_value_t word_entry = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX),
};

static const cyaml_schema_field_t guest_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct config_file_guest, name, 1, TEXT_MAX),
	CYAML_FIELD_STRING_PTR("mac", OPT, struct config_file_guest, mac, 1, TEXT_MAX),
	CYAML_FIELD_STRING_PTR("ip", OPT, struct config_file_guest, ip, 1, TEXT_MAX),
	CYAML_FIELD_STRING_PTR("external", OPT, struct config_file_guest, external, 1, TEXT_MAX),
	CYAML_FIELD_STRING_PTR("trust", OPT, struct config_file_guest, trust, 1, TEXT_MAX),
	CYAML_FIELD_SEQUENCE("options", NULLABLE, struct config_file_guest, options,
			     &config_option_entry, 0, CONFIG_OPTIONS_MAX),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t guest_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_file_guest, guest_fields),
};

static const cyaml_schema_field_t forward_fields[] = {
	CYAML_FIELD_STRING_PTR("listen", CYAML_FLAG_POINTER, struct config_file_forward, listen, 1, TEXT_MAX),
	CYAML_FIELD_STRING_PTR("to", CYAML_FLAG_POINTER, struct config_file_forward, to, 1, TEXT_MAX),
	CYAML_FIELD_STRING_PTR("proto", OPT, struct config_file_forward, proto, 1, TEXT_MAX),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t forward_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_file_forward, forward_fields),
};

static const cyaml_schema_field_t timeouts_fields[] = {
	CYAML_FIELD_STRING_PTR("udp", OPT, struct config_file_timeouts, text[CV_TIMEOUT_UDP], 1, TEXT_MAX),
	CYAML_FIELD_STRING_PTR("tcp", OPT, struct config_file_timeouts, text[CV_TIMEOUT_TCP_ESTABLISHED], 1, TEXT_MAX),
	CYAML_FIELD_STRING_PTR("tcp-transitory", OPT, struct config_file_timeouts,
			       text[CV_TIMEOUT_TCP_TRANSITORY], 1, TEXT_MAX),
	CYAML_FIELD_STRING_PTR("icmp", OPT, struct config_file_timeouts, text[CV_TIMEOUT_ICMP], 1, TEXT_MAX),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t limits_fields[] = {
	CYAML_FIELD_STRING_PTR("flows", OPT, struct config_file_limits, flows, 1, TEXT_MAX),
	CYAML_FIELD_STRING_PTR("flows-per-guest", OPT, struct config_file_limits, guest_flows, 1, TEXT_MAX),
	CYAML_FIELD_STRING_PTR("ports", OPT, struct config_file_limits, ports, 1, TEXT_MAX),
	CYAML_FIELD_STRING_PTR("ports-per-guest", OPT, struct config_file_limits, guest_ports, 1, TEXT_MAX),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t host_fields[] = {
	CYAML_FIELD_STRING_PTR("flows", OPT, struct config_file_host, flows, 1, TEXT_MAX),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t host_root = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config_file_host, host_fields),
};

/* The rows of a key that takes a word or a list; load() picks what the file has. */
enum { WORD, LIST };
static const cyaml_schema_field_t dns_rows[] = {
	[WORD] = CYAML_FIELD_STRING_PTR("dns", OPT, struct config_file_dhcp, dns.word, 1, TEXT_MAX),
	[LIST] = CYAML_FIELD_SEQUENCE_COUNT("dns", OPT | CYAML_FLAG_POINTER, struct config_file_dhcp,
					    dns.list, dns.list_count, &word_entry, 1, CONFIG_MAX_DNS),
};
static const cyaml_schema_field_t uplink_rows[] = {
	[WORD] = CYAML_FIELD_STRING_PTR("uplink", OPT, struct config_file, uplink.word, 1, TEXT_MAX),
	[LIST] = CYAML_FIELD_SEQUENCE_COUNT("uplink", OPT | CYAML_FLAG_POINTER, struct config_file,
					    uplink.list, uplink.list_count, &word_entry, 1,
					    CONFIG_MAX_UPLINKS),
};
static const cyaml_schema_field_t ports_rows[] = {
	[WORD] = CYAML_FIELD_STRING_PTR("ports", OPT, struct config_file, ports.word, 1, TEXT_MAX),
	[LIST] = CYAML_FIELD_SEQUENCE_COUNT("ports", OPT | CYAML_FLAG_POINTER, struct config_file,
					    ports.list, ports.list_count, &word_entry, 1,
					    CONFIG_MAX_PORTS),
};
static const cyaml_schema_field_t no_nat_rows[] = {
	[WORD] = CYAML_FIELD_STRING_PTR("no-nat", OPT, struct config_file, no_nat.word, 1, TEXT_MAX),
	[LIST] = CYAML_FIELD_SEQUENCE_COUNT("no-nat", OPT | CYAML_FLAG_POINTER, struct config_file,
					    no_nat.list, no_nat.list_count, &word_entry, 1,
					    CV_MAX_UNTRANSLATED),
};

/* Which of two rows each such key has. */
struct rows {
	int dns, uplink, ports, no_nat;
};

struct schema {
	cyaml_schema_field_t dhcp[10];
	cyaml_schema_field_t top[15];
	cyaml_schema_value_t root;
};

static void schema_init(struct schema *s, const struct rows *rows)
{
	const cyaml_schema_field_t dhcp[] = {
		CYAML_FIELD_ENUM("enable", STRICT, struct config_file_dhcp, enable,
				 config_switch_words, CONFIG_SWITCH_WORDS),
		CYAML_FIELD_STRING_PTR("lease", OPT, struct config_file_dhcp, lease, 1, TEXT_MAX),
		CYAML_FIELD_STRING_PTR("domain", OPT, struct config_file_dhcp, domain, 1, TEXT_MAX),
		CYAML_FIELD_STRING_PTR("hook", OPT, struct config_file_dhcp, hook, 1, TEXT_MAX),
		CYAML_FIELD_STRING_PTR("hook-user", OPT, struct config_file_dhcp, hook_user, 1, TEXT_MAX),
		dns_rows[rows->dns],
		CYAML_FIELD_ENUM("rapid-commit", STRICT, struct config_file_dhcp, rapid_commit,
				 config_switch_words, CONFIG_SWITCH_WORDS),
		CYAML_FIELD_SEQUENCE("options", NULLABLE, struct config_file_dhcp, options,
				     &config_option_entry, 0, CONFIG_OPTIONS_MAX),
		CYAML_FIELD_SEQUENCE("boot", NULLABLE, struct config_file_dhcp, boot,
				     &config_boot_entry, 0, DHCP_BOOT_MAX),
		CYAML_FIELD_END
	};
	const cyaml_schema_field_t top[] = {
		CYAML_FIELD_ENUM("mode", STRICT, struct config_file, mode,
				 mode_words, ARRAY_SIZE(mode_words)),
		CYAML_FIELD_STRING_PTR("subnet", OPT, struct config_file, subnet, 1, TEXT_MAX),
		uplink_rows[rows->uplink],
		ports_rows[rows->ports],
		no_nat_rows[rows->no_nat],
		CYAML_FIELD_ENUM("isolate", STRICT, struct config_file, isolate,
				 config_switch_words, CONFIG_SWITCH_WORDS),
		CYAML_FIELD_ENUM("filter", STRICT, struct config_file, filter,
				 filter_words, ARRAY_SIZE(filter_words)),
		CYAML_FIELD_ENUM("xdp", STRICT, struct config_file, xdp, xdp_words,
				 ARRAY_SIZE(xdp_words)),
		CYAML_FIELD_MAPPING_PTR("dhcp", NULLABLE, struct config_file, dhcp, s->dhcp),
		CYAML_FIELD_MAPPING_PTR("timeouts", NULLABLE, struct config_file, timeouts,
					timeouts_fields),
		CYAML_FIELD_MAPPING_PTR("limits", NULLABLE, struct config_file, limits, limits_fields),
		CYAML_FIELD_SEQUENCE("guests", NULLABLE, struct config_file, guests,
				     &guest_entry, 0, CV_MAX_PORTS - 1),
		CYAML_FIELD_SEQUENCE("forwards", NULLABLE, struct config_file, forwards,
				     &forward_entry, 0, CONFIG_MAX_FORWARDS),
		CYAML_FIELD_SEQUENCE("policy", NULLABLE, struct config_file, policy,
				     &word_entry, 0, CONFIG_MAX_POLICY),
		CYAML_FIELD_END
	};
	const cyaml_schema_value_t root = {
		CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config_file, s->top),
	};

	_Static_assert(sizeof(dhcp) == sizeof(s->dhcp), "dhcp");
	_Static_assert(sizeof(top) == sizeof(s->top), "top");
	memcpy(s->dhcp, dhcp, sizeof(dhcp));
	memcpy(s->top, top, sizeof(top));
	memcpy(&s->root, &root, sizeof(root));
}

static const char *word_of(const cyaml_strval_t *words, size_t n, int64_t value)
{
	for (size_t i = 0; i < n; i++)
		if (words[i].val == value)
			return words[i].str;
	return NULL;
}

const char *config_mode_word(enum cv_mode mode)
{
	return word_of(mode_words, ARRAY_SIZE(mode_words), mode);
}

const char *config_filter_word(enum cv_filter filter)
{
	return word_of(filter_words, ARRAY_SIZE(filter_words), filter);
}

const char *config_xdp_word(enum config_xdp xdp)
{
	return word_of(xdp_words, ARRAY_SIZE(xdp_words), xdp);
}

/* What libcyaml said. */
struct trace {
	char first[TEXT_MAX + 128];	/* without "Load: " */
	struct yaml_path inner;		/* innermost step first */
};

#define UNKNOWN_STEP "?"	/* in a mapping, at no known key */

static void trace_line(struct trace *t, const char *line)
{
	char key[YAML_KEY_SIZE];
	unsigned int n;

	if (sscanf(line, "  in mapping field '%63[^']'", key) == 1)
		yaml_path_key(&t->inner, key);
	else if (sscanf(line, "  in sequence entry '%u'", &n) == 1)
		yaml_path_index(&t->inner, n ? n - 1 : 0);	/* it counts from 1 */
	else if (!strncmp(line, "  in mapping ", 13))
		yaml_path_key(&t->inner, UNKNOWN_STEP);
	else if (!t->first[0] && !strncmp(line, "Load: ", 6))
		snprintf(t->first, sizeof(t->first), "%s", line + 6);
}

static void on_log(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	char line[TEXT_MAX + 128];

	vsnprintf(line, sizeof(line), fmt, args);
	if (strlen(line) && line[strlen(line) - 1] == '\n')
		line[strlen(line) - 1] = '\0';
	trace_line(ctx, line);
}

/* What stands behind the first ": " of libcyaml's words. */
static const char *trace_subject(const struct trace *t)
{
	const char *colon = strstr(t->first, ": ");

	return colon ? colon + 2 : "";
}

/* The way from the outside in, as far as what contains the innermost step. */
static struct yaml_path trace_parent(const struct trace *t)
{
	struct yaml_path p = { 0 };

	for (unsigned int i = t->inner.depth; i > 1; i--)
		p.step[p.depth++] = t->inner.step[i - 1];
	return p;
}

static struct yaml_path trace_path(const struct trace *t)
{
	struct yaml_path p = trace_parent(t);

	if (t->inner.depth)
		p.step[p.depth++] = t->inner.step[0];
	return p;
}

/*
 * A key that has no place (unknown, missing): libcyaml tells the mapping and
 * some key in it; the one it means stands in its words.
 */
static struct yaml_path trace_key(const struct trace *t)
{
	struct yaml_path p = trace_parent(t);

	if (*trace_subject(t))
		yaml_path_key(&p, trace_subject(t));
	return p;
}

static const cyaml_schema_field_t *find_field(const cyaml_schema_field_t *fields, const char *key)
{
	while (fields->key && strcmp(fields->key, key))
		fields++;
	return fields->key ? fields : NULL;
}

/* The words that an enum takes: of `dhcp`, of the top, and of a boot rule.  host.yaml has none. */
static void enum_words(const struct schema *s, const struct yaml_path *p, char *buf, size_t size)
{
	const cyaml_schema_field_t *fields = p->depth == 1 ? s->top :
					     p->depth == 2 ? s->dhcp : config_boot_fields;
	const cyaml_schema_field_t *f = find_field(fields, p->step[p->depth - 1].key);
	size_t len = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; f && i < f->value.enumeration.count && len < size; i++) {
		const cyaml_strval_t *word = &f->value.enumeration.strings[i];

		len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "", word->str);
	}
}

static int fail_value(const struct config_source *src, const struct schema *s,
		      const struct trace *t)
{
	struct yaml_path p = trace_path(t);
	char words[128];

	if (!strncmp(t->first, "Invalid ENUM", 12)) {
		enum_words(s, &p, words, sizeof(words));
		return config_fail(src, &p, "'%s' is none of: %s", trace_subject(t), words);
	}
	if (!strncmp(t->first, "Expecting MAPPING", 17))
		return config_fail(src, &p, "expected keys with values");
	if (!strncmp(t->first, "Expecting SEQUENCE", 18))
		return config_fail(src, &p, "expected a list");
	return config_fail(src, &p, "expected a single value");
}

static int fail_entries(const struct config_source *src, cyaml_err_t err, const struct trace *t)
{
	struct yaml_path p = trace_parent(t);	/* the list, not its entry */
	unsigned int max = 0;

	if (err == CYAML_ERR_SEQUENCE_ENTRIES_MIN)
		return config_fail(src, &p, "is an empty list");
	sscanf(t->first, "Excessive entries (%u max)", &max);
	return config_fail(src, &p, "has more than %u entries", max);
}

static int fail_key(const struct config_source *src, cyaml_err_t err, const struct trace *t)
{
	struct yaml_path p = trace_key(t);

	switch (err) {
	case CYAML_ERR_MAPPING_FIELD_MISSING:
		return config_fail(src, &p, "is missing");
	case CYAML_ERR_INVALID_KEY:
		if (!*trace_subject(t))
			return config_fail(src, &p, "unknown key ''");
		return config_fail(src, &p, "unknown key");
	default:	/* a list or mapping where a key is due */
		p = trace_parent(t);
		return config_fail(src, &p, "a key must be a single word");
	}
}

static int fail_schema(const struct config_source *src, const struct schema *s,
		       cyaml_err_t err, const struct trace *t)
{
	struct yaml_path p = trace_path(t);

	switch (err) {
	case CYAML_ERR_OOM:
		return -ENOMEM;
	case CYAML_ERR_INVALID_KEY:
	case CYAML_ERR_MAPPING_FIELD_MISSING:
	case CYAML_ERR_INTERNAL_ERROR:
		return fail_key(src, err, t);
	case CYAML_ERR_UNEXPECTED_EVENT:
		return config_fail(src, &p, "given twice");
	case CYAML_ERR_INVALID_VALUE:
		return fail_value(src, s, t);
	case CYAML_ERR_STRING_LENGTH_MIN:
		return config_fail(src, &p, "is empty");
	case CYAML_ERR_STRING_LENGTH_MAX:
		return config_fail(src, &p, "is longer than %d characters",
				   strcmp(p.step[p.depth - 1].key, "value") ? TEXT_MAX : CONFIG_VALUE_MAX);
	case CYAML_ERR_SEQUENCE_ENTRIES_MIN:
	case CYAML_ERR_SEQUENCE_ENTRIES_MAX:
		return fail_entries(src, err, t);
	case CYAML_ERR_ALIAS:
		return config_fail(src, &p, "aliases are not supported");
	default:
		return config_fail(src, &p, "%s", cyaml_strerror(err));
	}
}

static const cyaml_config_t cyaml_base = {
	.mem_fn = cyaml_mem,
	.log_fn = on_log,
	.log_level = CYAML_LOG_ERROR,
	.flags = CYAML_CFG_NO_ALIAS,
};

static int row_for(const struct config_source *src, const char *a, const char *b)
{
	struct yaml_path p = yaml_path_of(a, b);

	return yaml_doc_kind(src->doc, &p) == YAML_KIND_LIST ? LIST : WORD;
}

static int load(const struct config_source *src, const char *text, size_t len,
		const cyaml_schema_value_t *root, const struct schema *schema, void **ret)
{
	cyaml_config_t config = cyaml_base;
	struct trace trace = { 0 };
	cyaml_data_t *data = NULL;
	cyaml_err_t err;

	config.log_ctx = &trace;
	err = cyaml_load_data((const uint8_t *)text, len, &config, root, &data, NULL);
	if (err != CYAML_OK)
		return fail_schema(src, schema, err, &trace);
	*ret = data;
	return 0;
}

int config_schema_load(const struct config_source *src, const char *text, size_t len,
		       struct config_file **ret)
{
	const struct rows rows = {
		.dns = row_for(src, "dhcp", "dns"), .uplink = row_for(src, "uplink", NULL),
		.ports = row_for(src, "ports", NULL), .no_nat = row_for(src, "no-nat", NULL),
	};
	struct schema schema;

	schema_init(&schema, &rows);
	return load(src, text, len, &schema.root, &schema, (void **)ret);
}

int config_schema_load_host(const struct config_source *src, const char *text, size_t len,
			    struct config_file_host **ret)
{
	return load(src, text, len, &host_root, NULL, (void **)ret);
}

/*
 * By hand: cyaml_free() would need the rows of the schema it was loaded with,
 * and libcyaml's allocator is plain realloc().
 */
static void free_words(struct config_words *w)
{
	free(w->word);
	for (unsigned int i = 0; i < w->list_count; i++)
		free(w->list[i]);
	free(w->list);
}

void config_schema_free(struct config_file *f)
{
	if (!f)
		return;
	if (f->dhcp) {
		free(f->dhcp->lease);
		free(f->dhcp->domain);
		free(f->dhcp->hook);
		free(f->dhcp->hook_user);
		free_words(&f->dhcp->dns);
		config_options_free(f->dhcp->options, f->dhcp->options_count);
		config_boots_free(f->dhcp->boot, f->dhcp->boot_count);
		free(f->dhcp);
	}
	for (int i = 0; i < CV_N_TIMEOUTS && f->timeouts; i++)
		free(f->timeouts->text[i]);
	free(f->timeouts);
	if (f->limits) {
		free(f->limits->flows);
		free(f->limits->guest_flows);
		free(f->limits->ports);
		free(f->limits->guest_ports);
		free(f->limits);
	}
	for (unsigned int i = 0; i < f->guests_count; i++) {
		free(f->guests[i].name);
		free(f->guests[i].mac);
		free(f->guests[i].ip);
		free(f->guests[i].external);
		free(f->guests[i].trust);
		config_options_free(f->guests[i].options, f->guests[i].options_count);
	}
	free(f->guests);
	for (unsigned int i = 0; i < f->forwards_count; i++) {
		free(f->forwards[i].listen);
		free(f->forwards[i].to);
		free(f->forwards[i].proto);
	}
	free(f->forwards);
	for (unsigned int i = 0; i < f->policy_count; i++)
		free(f->policy[i]);
	free(f->policy);
	free_words(&f->uplink);
	free_words(&f->ports);
	free_words(&f->no_nat);
	free(f->subnet);
	free(f);
}
