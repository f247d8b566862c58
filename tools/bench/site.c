// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sites: the namespaces that topo.sh made, entered by descriptor.  A socket
 * stays in the namespace it was made in, so the process goes in once, opens
 * what it needs and comes home.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "bench.h"
#include "mem.h"

static const char *const backend_names[N_BACKENDS] = {
	[FLOOR] = "floor",
	[TAP_FLOOR] = "tap-floor",
	[NONE] = "none",
	[MASQUERADE] = "masquerade",
	[NFT] = "nft",
	[FLOWTABLE] = "flowtable",
	[IPTABLES] = "iptables",
	[REDIRECT] = "redirect",
	[BARE] = "bare",
	[CULVERT] = "culvert",
	[CULVERT_XDP] = "culvert-xdp",
};

const char *backend_name(enum backend backend)
{
	return backend_names[backend];
}

__u32 site_outside_ip(const struct site *s)
{
	bool as_it_is = s->backend <= NONE || s->backend == REDIRECT;

	return as_it_is ? BENCH_GUEST_IP : BENCH_EXT_IP;
}

int bench_fail(int err, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("bench: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, ": %s\n", strerror(-err));
	return err;
}

__u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

int site_enter(struct site *s, enum place place)
{
	if (setns(s->ns[place], CLONE_NEWNET))
		return bench_fail(-errno, "%s: cannot enter its namespace",
				  backend_name(s->backend));
	return 0;
}

void bench_leave(struct bench *b)
{
	/* What follows would act on the wrong namespace: there is no way on. */
	if (setns(b->home, CLONE_NEWNET)) {
		bench_fail(-errno, "cannot leave a namespace");
		abort();
	}
}

static int read_mac(struct bench *b, struct site *s, enum place place,
		    const char *link, __u8 ret_mac[ETH_ALEN])
{
	struct ifreq req = {};
	_fd_ int fd = -1;
	int err;

	err = site_enter(s, place);
	if (err)
		return err;
	strncpy(req.ifr_name, link, IFNAMSIZ - 1);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &req))
		err = bench_fail(-errno, "%s: no link \"%s\"", backend_name(s->backend), link);
	else
		memcpy(ret_mac, req.ifr_hwaddr.sa_data, ETH_ALEN);
	bench_leave(b);
	return err;
}

static int open_netns(const char *name, int *ret_fd)
{
	char path[128];

	*ret_fd = -1;
	if (!strcmp(name, "-"))
		return 0;
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC);
	return *ret_fd < 0 ? bench_fail(-errno, "cannot open \"%s\"", path) : 0;
}

/* "BACKEND GUEST NET HOST FAR GATEWAY-MAC PORT", a namespace and the port may be "-". */
static int site_read(struct bench *b, struct site *s, const char *line)
{
	char name[16], ns[N_PLACES][64], port[IFNAMSIZ];
	__u8 *mac = s->gateway_mac;
	int err = 0;

	s->tap[UP] = s->tap[DOWN] = -1;
	if (sscanf(line, "%15s %63s %63s %63s %63s %hhx:%hhx:%hhx:%hhx:%hhx:%hhx %15s", name,
		   ns[GUEST], ns[NET], ns[HOST], ns[FAR], &mac[0], &mac[1], &mac[2],
		   &mac[3], &mac[4], &mac[5], port) != 12)
		return bench_fail(-EINVAL, "bad line \"%s\"", line);
	if (strcmp(port, "-"))
		strcpy(s->port, port);
	for (s->backend = 0; s->backend < N_BACKENDS; s->backend++)
		if (!strcmp(name, backend_name(s->backend)))
			break;
	if (s->backend == N_BACKENDS)
		return bench_fail(-EINVAL, "no backend \"%s\"", name);
	for (int i = 0; i < N_PLACES && !err; i++)
		err = open_netns(ns[i], &s->ns[i]);
	if (!err)
		err = read_mac(b, s, GUEST, "eth0", s->guest_mac);
	if (!err)
		err = read_mac(b, s, FAR, "eth0", s->far_mac);
	if (!err && s->ns[HOST] >= 0)
		err = read_mac(b, s, HOST, "up0", s->host_mac);
	return err;
}

int sites_read(struct bench *b, const char *path)
{
	_fclose_ FILE *f = NULL;
	char line[512];
	int err;

	b->home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (b->home < 0)
		return bench_fail(-errno, "cannot open our namespace");
	f = fopen(path, "re");
	if (!f)
		return bench_fail(-errno, "cannot open \"%s\"", path);
	while (fgets(line, sizeof(line), f)) {
		if (b->n_sites == BENCH_MAX_SITES)
			return bench_fail(-E2BIG, "\"%s\"", path);
		err = site_read(b, &b->sites[b->n_sites], line);
		if (err)
			return err;
		b->n_sites++;
	}
	while (b->first < b->n_sites && b->sites[b->first].backend <= TAP_FLOOR)
		b->first++;
	if (!b->first || b->first == b->n_sites)
		return bench_fail(-EINVAL, "\"%s\": wants the floor and a backend", path);
	return 0;
}
