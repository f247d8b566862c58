// SPDX-License-Identifier: GPL-2.0-only
#include "daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dhcp_profile.h"
#include "tables_impl.h"

static struct tables tables;
static struct dhcp_server server;

static void must(int err, const char *what)
{
	if (!err)
		return;
	printf("Bail out! %s: %d\n", what, err);
	exit(1);
}

static int nothing_to_lock(void *arg)
{
	return 0;
}

static void nothing_to_unlock(void *arg)
{
}

static void no_flows(void *arg, __u16 net, __u32 slot)
{
}

static void no_news(void *arg, __u16 net, __u32 slot, __be32 ip)
{
}

void daemon_open(void)
{
	tables = (struct tables) {
		.layout = { CV_ABI_VERSION, N_FLOWS, N_PORTS, N_NETWORKS },
		.networks = world.networks, .ports = world.ports, .port_use = world.port_use,
		.network_use = world.network_use, .addresses = world.addresses, .whole = world.whole,
		.leases = world.leases, .dhcp_options = world.dhcp_options,
	};
	server.tables = &tables;
	server.profiles = dhcp_profiles_new();
	must(!server.profiles, "profiles");
}

void daemon_begin(void)
{
	const struct dhcp_hooks hooks = {
		.lock = nothing_to_lock, .unlock = nothing_to_unlock, .left = no_flows, .ended = no_news,
	};

	dhcp_leases_free(server.leases);
	server.leases = NULL;
	must(dhcp_leases_new(&tables, &hooks, &server.leases), "leases");
}

void daemon_answer(const __u8 *frame, unsigned int len, struct dhcp_reply *ret)
{
	struct cv_request req = { .slot = ANN, .net = NET, .len = (__u16)len, .boot_ns = world_boot_ns() };

	must(len > sizeof(req.frame), "size of a frame");
	memcpy(req.frame, frame, len);
	must(dhcp_server_answer(&server, &req, sizeof(req), world_boot_ns(), ret), "the daemon");
}
