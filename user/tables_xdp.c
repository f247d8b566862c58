// SPDX-License-Identifier: GPL-2.0-only
/* What XDP needs to know: the uplinks that have it, and the guests' links. */
#include <errno.h>

#include <bpf/bpf.h>

#include "tables_impl.h"

int tables_xdp_uplink_put(struct tables *t, __u32 ifindex, const struct cv_xdp_uplink *u)
{
	return bpf_map_update_elem(t->xdp_uplinks, &ifindex, u, BPF_ANY) ? -errno : 0;
}

int tables_xdp_uplink_get(struct tables *t, __u32 ifindex, struct cv_xdp_uplink *ret)
{
	return bpf_map_lookup_elem(t->xdp_uplinks, &ifindex, ret) ? -errno : 0;
}

int tables_xdp_uplink_clear(struct tables *t, __u32 ifindex)
{
	return bpf_map_delete_elem(t->xdp_uplinks, &ifindex) ? -errno : 0;
}

int tables_xdp_uplink_next(struct tables *t, __u32 ifindex, __u32 *ret_ifindex)
{
	return bpf_map_get_next_key(t->xdp_uplinks, ifindex ? &ifindex : NULL, ret_ifindex) ?
	       -errno : 0;
}

int tables_xdp_port_put(struct tables *t, __u32 slot, __u32 ifindex)
{
	return bpf_map_update_elem(t->xdp_ports, &slot, &ifindex, BPF_ANY) ? -errno : 0;
}

int tables_xdp_port_get(struct tables *t, __u32 slot, __u32 *ret_ifindex)
{
	return bpf_map_lookup_elem(t->xdp_ports, &slot, ret_ifindex) ? -errno : 0;
}

int tables_xdp_port_clear(struct tables *t, __u32 slot)
{
	return bpf_map_delete_elem(t->xdp_ports, &slot) && errno != ENOENT ? -errno : 0;
}
