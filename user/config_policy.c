// SPDX-License-Identifier: GPL-2.0-only
/* culvert.yaml's key `policy`, from text to values. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "config_schema.h"

int config_read_policy(const struct config_source *src, const struct config_file *f,
		       struct config *cfg)
{
	unsigned int places = 0;
	const char *problem;

	if (!f->policy_count)
		return 0;
	cfg->policy = calloc(f->policy_count, sizeof(*cfg->policy));
	if (!cfg->policy)
		return -ENOMEM;
	for (unsigned int i = 0; i < f->policy_count; i++) {
		struct yaml_path p = yaml_path_of("policy", NULL);

		yaml_path_index(&p, i);
		if (policy_parse(f->policy[i], &cfg->policy[i], &problem))
			return config_fail(src, &p, "'%s': %s", f->policy[i], problem);
		places += policy_places(&cfg->policy[i]);
		if (places > CV_MAX_RULES)
			return config_fail(src, &p, "one rule too many: a network has room for %d, and each range of ports counts as one",
					   CV_MAX_RULES);
		cfg->n_policy++;
	}
	return 0;
}
