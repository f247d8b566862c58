// SPDX-License-Identifier: GPL-2.0-only
#include "daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dhcp_profile.h"
#include "store.h"
#include "tables_impl.h"

static struct tables tables;
static struct dhcp_server server;
static struct store *store;
static char store_dir[] = "/tmp/culvert-bpf-XXXXXX";
static char store_file[sizeof(store_dir) + 16];

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

static void no_news(void *arg, const struct cv_lease_key *key, const struct cv_lease *l)
{
}

static void nothing_restored(void *arg, __u16 net)
{
}

static __s64 wall_clock_s(void *arg)
{
	return time(NULL);
}

static void forget_disk(void)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	char path[sizeof(store_file) + 8];

	dhcp_leases_free(server.leases);
	server.leases = NULL;
	store_free(store);
	store = NULL;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", store_file, suffixes[i]);
		unlink(path);
	}
}

static void remove_disk(void)
{
	forget_disk();
	rmdir(store_dir);
}

void daemon_open(void)
{
	must(!mkdtemp(store_dir), "a directory for the leases");
	snprintf(store_file, sizeof(store_file), "%s/leases.db", store_dir);
	atexit(remove_disk);
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
		.wall_s = wall_clock_s, .restored = nothing_restored,
	};

	forget_disk();
	store = store_new(store_file);
	must(!store, "the store");
	must(dhcp_leases_new(&tables, store, &hooks, &server.leases), "leases");
}

void daemon_answer(const __u8 *frame, unsigned int len, struct dhcp_reply *ret)
{
	struct cv_request req = { .slot = ANN, .net = NET, .len = (__u16)len, .boot_ns = world_boot_ns() };

	must(len > sizeof(req.frame), "size of a frame");
	memcpy(req.frame, frame, len);
	must(dhcp_server_answer(&server, &req, sizeof(req), world_boot_ns(), ret), "the daemon");
	must(dhcp_leases_commit(server.leases, world_boot_ns()), "what the daemon promised");
}
