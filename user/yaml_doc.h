/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a key stands in a YAML text.  libcyaml checks the file by schema but
 * keeps no lines of the values that it accepted; this does, by libyaml.  Pure.
 */
#ifndef CULVERT_YAML_DOC_H
#define CULVERT_YAML_DOC_H

#include <stdbool.h>
#include <stddef.h>

#define YAML_PATH_DEPTH	5
#define YAML_KEY_SIZE	64

/* "guests[1].ip" is {"guests"}, {index 1}, {"ip"}. */
struct yaml_step {
	char key[YAML_KEY_SIZE];	/* empty: an entry of a list */
	unsigned int index;
};

struct yaml_path {
	unsigned int depth;
	struct yaml_step step[YAML_PATH_DEPTH];
};

/* What is too deep or too long for a path is cut off. */
void yaml_path_key(struct yaml_path *p, const char *key);
void yaml_path_index(struct yaml_path *p, unsigned int index);
/** yaml_path_of() - { "dhcp", "dns" }; @b may be NULL */
struct yaml_path yaml_path_of(const char *a, const char *b);
/** yaml_path_format() - as text, printable and in one line */
void yaml_path_format(const struct yaml_path *p, char *buf, size_t size);

enum yaml_kind { YAML_KIND_NONE, YAML_KIND_SCALAR, YAML_KIND_LIST, YAML_KIND_MAPPING };

struct yaml_doc;

/**
 * yaml_doc_parse() - read one document
 * @ret_line, @ret_problem: what is wrong and where, on -EINVAL; @ret_problem is static
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int yaml_doc_parse(const char *text, size_t len, struct yaml_doc **ret,
		   size_t *ret_line, const char **ret_problem);
void yaml_doc_free(struct yaml_doc *d);

/** yaml_doc_kind() - of the value at @p; of the whole with an empty path.  "key:" alone has none. */
enum yaml_kind yaml_doc_kind(struct yaml_doc *d, const struct yaml_path *p);

/**
 * yaml_doc_line() - of a key, or of a list's entry; from 1
 *
 * A key given twice has the line of the last.  What is not there has the line
 * of what it would be in.
 */
size_t yaml_doc_line(struct yaml_doc *d, const struct yaml_path *p);

#endif
