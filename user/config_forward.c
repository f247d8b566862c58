// SPDX-License-Identifier: GPL-2.0-only
/* culvert.yaml's key `forwards`, from text to values. */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "addr.h"
#include "config_schema.h"

static struct yaml_path forward_path(size_t i, const char *key)
{
	struct yaml_path p = yaml_path_of("forwards", NULL);

	yaml_path_index(&p, (unsigned int)i);
	if (key)
		yaml_path_key(&p, key);
	return p;
}

static int read_forward(const struct config_source *src, const struct config_file_forward *f,
			size_t i, struct forward *ret)
{
	struct yaml_path p = forward_path(i, "proto");
	const char *problem;

	ret->proto = IPPROTO_TCP;
	if (f->proto && forward_parse_proto(f->proto, ret, &problem))
		return config_fail(src, &p, "'%s': %s", f->proto, problem);
	p = forward_path(i, "listen");
	if (forward_parse_listen(f->listen, ret, &problem))
		return config_fail(src, &p, "'%s': %s", f->listen, problem);
	p = forward_path(i, "to");
	if (forward_parse_to(f->to, ret, &problem))
		return config_fail(src, &p, "'%s': %s", f->to, problem);
	return 0;
}

static int check_mode(const struct config_source *src, const struct config *cfg, size_t i)
{
	struct yaml_path p = forward_path(i, "listen");

	if (cfg->mode == CV_MODE_NAT || addr_is_loopback(cfg->forwards[i].addr))
		return 0;
	if (cfg->mode == CV_MODE_ROUTE)
		return config_fail(src, &p, "mode 'route' translates nothing: guests are reached at their own addresses, by forwards on loopback alone");
	return config_fail(src, &p, "mode 'isolated' has no uplink to listen on");
}

static int check_overlap(const struct config_source *src, const struct config *cfg, size_t i)
{
	struct yaml_path p = forward_path(i, "listen");

	for (size_t k = 0; k < i; k++)
		if (forward_overlaps(&cfg->forwards[k], &cfg->forwards[i]))
			return config_fail(src, &p, "forwards[%zu] listens there already", k);
	return 0;
}

int config_read_forwards(const struct config_source *src, const struct config_file *f,
			 struct config *cfg)
{
	int err;

	if (!f->forwards_count)
		return 0;
	cfg->forwards = calloc(f->forwards_count, sizeof(*cfg->forwards));
	if (!cfg->forwards)
		return -ENOMEM;
	for (size_t i = 0; i < f->forwards_count; i++) {
		err = read_forward(src, &f->forwards[i], i, &cfg->forwards[i]);
		if (!err)
			err = check_mode(src, cfg, i);
		if (!err)
			err = check_overlap(src, cfg, i);
		if (err)
			return err;
		cfg->n_forwards++;
	}
	return 0;
}
