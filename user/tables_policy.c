// SPDX-License-Identifier: GPL-2.0-only
/* Rules, and the prefixes that @lan in them means. */
#include <errno.h>

#include <bpf/bpf.h>

#include "tables_impl.h"

int tables_policy_get(struct tables *t, __u16 net, struct cv_policy *ret)
{
	struct cv_policy p;
	__u32 key = net;

	if (bpf_map_lookup_elem(t->policies, &key, &p))
		return -errno;
	*ret = p;
	return 0;
}

int tables_policy_put(struct tables *t, __u16 net, const struct cv_policy *p)
{
	__u32 key = net;

	return bpf_map_update_elem(t->policies, &key, p, BPF_ANY) ? -errno : 0;
}

int tables_policy_clear(struct tables *t, __u16 net)
{
	__u32 key = net;

	return bpf_map_delete_elem(t->policies, &key) && errno != ENOENT ? -errno : 0;
}

int tables_lans_get(struct tables *t, struct cv_lans *ret)
{
	struct cv_lans lans;
	__u32 zero = 0;

	if (bpf_map_lookup_elem(t->lans, &zero, &lans))
		return -errno;
	*ret = lans;
	return 0;
}

int tables_lans_put(struct tables *t, const struct cv_lans *lans)
{
	__u32 zero = 0;

	return bpf_map_update_elem(t->lans, &zero, lans, BPF_ANY) ? -errno : 0;
}
