// SPDX-License-Identifier: GPL-2.0-only
/*
 * libyaml's document tree, walked by path.  Aliases are resolved by libyaml
 * to shared nodes, so the tree is never larger than the text.
 */
#include "yaml_doc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "mem.h"

struct yaml_doc {
	yaml_document_t doc;
};

void yaml_path_key(struct yaml_path *p, const char *key)
{
	if (p->depth == YAML_PATH_DEPTH)
		return;
	snprintf(p->step[p->depth].key, YAML_KEY_SIZE, "%s", key);
	p->step[p->depth++].index = 0;
}

void yaml_path_index(struct yaml_path *p, unsigned int index)
{
	if (p->depth == YAML_PATH_DEPTH)
		return;
	p->step[p->depth].key[0] = '\0';
	p->step[p->depth++].index = index;
}

struct yaml_path yaml_path_of(const char *a, const char *b)
{
	struct yaml_path p = { 0 };

	yaml_path_key(&p, a);
	if (b)
		yaml_path_key(&p, b);
	return p;
}

void yaml_path_format(const struct yaml_path *p, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; i < p->depth && len < size; i++) {
		const struct yaml_step *s = &p->step[i];

		if (s->key[0])
			len += (size_t)snprintf(buf + len, size - len, "%s%s",
						i ? "." : "", s->key);
		else
			len += (size_t)snprintf(buf + len, size - len, "[%u]", s->index);
	}
	for (char *c = buf; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
}

/* The reader's errors carry a byte offset, the others a line. */
static size_t problem_line(const yaml_parser_t *p, const char *text, size_t len)
{
	size_t line = 1;

	if (p->error != YAML_READER_ERROR)
		return p->problem_mark.line + 1;
	for (size_t i = 0; i < len && i < p->problem_offset; i++)
		line += text[i] == '\n';
	return line;
}

/* Whether a second document follows the one that was read. */
static int expect_end(yaml_parser_t *parser, size_t *ret_line)
{
	yaml_document_t next;
	yaml_node_t *root;

	if (!yaml_parser_load(parser, &next))
		return -EINVAL;
	root = yaml_document_get_root_node(&next);
	if (root)
		*ret_line = root->start_mark.line + 1;
	yaml_document_delete(&next);
	return root ? -E2BIG : 0;
}

static int load(yaml_parser_t *parser, struct yaml_doc *d, const char *text,
		size_t len, size_t *ret_line, const char **ret_problem)
{
	size_t line = 1;
	int err = -EINVAL;

	if (yaml_parser_load(parser, &d->doc)) {
		/* after the end of the stream libyaml gives an empty document */
		if (!yaml_document_get_root_node(&d->doc))
			return 0;
		err = expect_end(parser, &line);
		if (!err)
			return 0;
		yaml_document_delete(&d->doc);
	}
	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	*ret_line = err == -E2BIG ? line : problem_line(parser, text, len);
	*ret_problem = err == -E2BIG ? "a second document" :
		       parser->problem ? parser->problem : "not YAML";
	return -EINVAL;
}

int yaml_doc_parse(const char *text, size_t len, struct yaml_doc **ret,
		   size_t *ret_line, const char **ret_problem)
{
	_free_ struct yaml_doc *d = calloc(1, sizeof(*d));
	yaml_parser_t parser;
	int err;

	if (!d || !yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	err = load(&parser, d, text, len, ret_line, ret_problem);
	yaml_parser_delete(&parser);
	if (err)
		return err;
	*ret = take_ptr(d);
	return 0;
}

void yaml_doc_free(struct yaml_doc *d)
{
	if (!d)
		return;
	yaml_document_delete(&d->doc);
	free(d);
}

static yaml_node_pair_t *find_pair(yaml_document_t *doc, yaml_node_t *map, const char *key)
{
	yaml_node_pair_t *found = NULL;

	for (yaml_node_pair_t *p = map->data.mapping.pairs.start;
	     p < map->data.mapping.pairs.top; p++) {
		yaml_node_t *k = yaml_document_get_node(doc, p->key);

		if (k && k->type == YAML_SCALAR_NODE &&
		    !strncmp((const char *)k->data.scalar.value, key, YAML_KEY_SIZE - 1))
			found = p;
	}
	return found;
}

/* One step down.  *line is the key's, or the entry's. */
static yaml_node_t *descend(yaml_document_t *doc, yaml_node_t *node,
			    const struct yaml_step *s, size_t *line)
{
	yaml_node_pair_t *pair;
	yaml_node_t *next = NULL;

	if (s->key[0] && node->type == YAML_MAPPING_NODE) {
		pair = find_pair(doc, node, s->key);
		if (!pair)
			return NULL;
		*line = yaml_document_get_node(doc, pair->key)->start_mark.line + 1;
		next = yaml_document_get_node(doc, pair->value);
	} else if (!s->key[0] && node->type == YAML_SEQUENCE_NODE) {
		yaml_node_item_t *i = node->data.sequence.items.start + s->index;

		if (i >= node->data.sequence.items.top)
			return NULL;
		next = yaml_document_get_node(doc, *i);
		*line = next->start_mark.line + 1;
	}
	return next;
}

static yaml_node_t *walk(struct yaml_doc *d, const struct yaml_path *p, size_t *line)
{
	yaml_node_t *node = yaml_document_get_root_node(&d->doc);

	*line = node ? node->start_mark.line + 1 : 1;
	for (unsigned int i = 0; node && i < p->depth; i++)
		node = descend(&d->doc, node, &p->step[i], line);
	return node;
}

enum yaml_kind yaml_doc_kind(struct yaml_doc *d, const struct yaml_path *p)
{
	size_t line;
	yaml_node_t *node = walk(d, p, &line);

	if (!node)
		return YAML_KIND_NONE;
	switch (node->type) {
	case YAML_SCALAR_NODE:
		return node->data.scalar.length ||
		       node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE ?
		       YAML_KIND_SCALAR : YAML_KIND_NONE;
	case YAML_SEQUENCE_NODE:
		return YAML_KIND_LIST;
	case YAML_MAPPING_NODE:
		return YAML_KIND_MAPPING;
	default:
		return YAML_KIND_NONE;
	}
}

size_t yaml_doc_line(struct yaml_doc *d, const struct yaml_path *p)
{
	size_t line;

	walk(d, p, &line);
	return line;
}
