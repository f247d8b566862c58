// SPDX-License-Identifier: GPL-2.0-only
/*
 * dnsmasq becomes a daemon by itself, after it has its socket, so that its exit
 * status says whether it serves.  It has left root by the time it reads names:
 * CULVERT_RUN is made passable for that, its other files are root's to read.
 */
#include "dns_serve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "dhcp_leases.h"
#include "dns_conf.h"
#include "log.h"
#include "mem.h"
#include "paths.h"
#include "state.h"
#include "tables.h"

#define STOP_MS		2000	/* when asked; then it is killed */
#define CMDLINE_MAX	(PATH_MAX + 64)

/* --- the process */

static void conf_word(const char *net, char buf[CMDLINE_MAX])
{
	snprintf(buf, CMDLINE_MAX, "--conf-file=%s/%s.dnsmasq", paths_run(), net);
}

/* A number may be another's by now: the words it was started with must be ours. */
static bool is_ours(pid_t pid, const char *net)
{
	char path[64], word[CMDLINE_MAX], text[2 * CMDLINE_MAX];
	_fd_ int fd = -1;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	conf_word(net, word);
	return len > 0 && memmem(text, (size_t)len, word, strlen(word) + 1);
}

static pid_t read_pid(const char *net)
{
	_fclose_ FILE *f = NULL;
	char path[PATH_MAX];
	int pid = 0;

	if (!state_dns_path(net, STATE_DNS_PID, path))
		f = fopen(path, "re");
	if (f && fscanf(f, "%d", &pid) != 1)
		pid = 0;
	return pid;
}

/* Return: a pidfd, or -1. */
static int open_process(const char *net)
{
	pid_t pid = read_pid(net);
	_fd_ int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

	return fd >= 0 && is_ours(pid, net) ? take_fd(&fd) : -1;
}

static void tell(int pidfd, int signal)
{
	syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

static bool await_end(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, STOP_MS) == 1;
}

static int end_process(const char *net)
{
	_fd_ int fd = open_process(net);

	if (fd < 0)
		return 0;
	tell(fd, SIGTERM);
	if (await_end(fd))
		return 1;
	tell(fd, SIGKILL);
	return await_end(fd) ? 1 : -ETIMEDOUT;
}

static void exec_dnsmasq(const char *word)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);	/* the daemon holds some back */
	if (null < 0 || dup2(null, 0) < 0 || chdir("/"))
		_exit(126);
	execl("/usr/sbin/dnsmasq", "dnsmasq", word, NULL);
	execlp("dnsmasq", "dnsmasq", word, NULL);
	_exit(127);
}

static int start_process(const char *net)
{
	char word[CMDLINE_MAX];
	int status;
	pid_t pid;

	conf_word(net, word);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		exec_dnsmasq(word);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 1;
	return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? -ENOENT : -EADDRNOTAVAIL;
}

const char *dns_serve_strerror(int err)
{
	switch (err) {
	case -ENOENT:
		return "there is no dnsmasq (Debian: dnsmasq-base)";
	case -EADDRNOTAVAIL:
		return "dnsmasq does not start";
	default:
		return strerror(-err);
	}
}

/* --- the names */

struct names {
	struct dns_name *all;
	size_t n, room;
	__u64 now_ns;
};

static int add_name(struct names *s, __be32 ip, __u32 slot, const char *name, bool given)
{
	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 64;
		struct dns_name *more = realloc(s->all, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->all = more;
		s->room = room;
	}
	s->all[s->n] = (struct dns_name) { .ip = ip, .slot = slot, .given = given };
	snprintf(s->all[s->n++].name, sizeof(s->all->name), "%.63s", name);
	return 0;
}

static int add_port(__u32 slot, const struct cv_port *p, void *arg)
{
	return p->ip ? add_name(arg, p->ip, slot, p->name, true) : 0;
}

static int add_lease(const struct cv_lease_key *k, const struct cv_lease *l, void *arg)
{
	struct names *s = arg;

	if (dhcp_leases_is_marker(k) || dhcp_leases_is_declined(k) || !l->slot || !l->hostname[0] ||
	    l->state != CV_LEASE_BOUND || !dhcp_leases_live(l, s->now_ns))
		return 0;
	return add_name(s, l->ip, l->slot, l->hostname, false);
}

/* Return: heap, or NULL. */
static char *print_names(struct tables *t, __u16 id, const char *domain)
{
	struct names s = { .now_ns = tables_boot_ns() };
	char *text = NULL;
	size_t size;
	FILE *f = NULL;
	int err = tables_each_port(t, id, add_port, &s);

	if (!err)
		err = tables_each_lease(t, id, add_lease, &s);
	if (!err)
		f = open_memstream(&text, &size);
	if (f)
		dns_names_print(f, s.all, dns_names_settle(s.all, s.n), domain);
	free(s.all);
	if (f && fclose(f))
		free(take_ptr(text));
	return text;
}

static char *print_conf(const struct cv_network *n, const char *domain)
{
	const struct dns_conf c = {
		.net = n->name, .domain = domain, .dir = paths_run(),
		.user = getpwnam("dnsmasq") ? "dnsmasq" : "nobody",
		.subnet = n->subnet, .netmask = n->netmask, .gateway = n->gateway,
		.alone = n->mode == CV_MODE_ISOLATED,
	};
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (f)
		dns_conf_print(f, &c);
	if (f && fclose(f))
		free(take_ptr(text));
	return text;
}

/* --- both */

int dns_serve_ensure(struct tables *t, __u16 id, const struct cv_network *n, const char *domain)
{
	_free_ char *names = print_names(t, id, domain), *conf = print_conf(n, domain);
	int new_names, new_conf, err;
	_fd_ int process = -1;

	if (!names || !conf)
		return -ENOMEM;
	if (chmod(paths_run(), 0711))
		return -errno;
	new_names = state_save_dns(n->name, STATE_DNS_NAMES, names);
	new_conf = state_save_dns(n->name, STATE_DNS_CONF, conf);
	if (new_names < 0 || new_conf < 0)
		return new_names < 0 ? new_names : new_conf;
	process = open_process(n->name);
	if (process >= 0 && !new_conf) {
		if (new_names)
			tell(process, SIGHUP);
		return 0;
	}
	err = end_process(n->name);
	return err < 0 ? err : start_process(n->name);
}

int dns_serve_stop(const char *net)
{
	int ended = end_process(net);

	if (ended >= 0)
		state_remove_dns(net);
	return ended;
}

struct following {
	struct tables *tables;
	int err;
};

static int follow_network(__u16 id, const struct cv_network *n, void *arg)
{
	struct following *x = arg;
	struct config cfg;
	int err = n->flags & CV_NET_DNS ? state_load_config(n->name, &cfg) : -ENOENT;

	if (err)
		return 0;
	err = cfg.dns_serve ? dns_serve_ensure(x->tables, id, n, cfg.domain) : 0;
	if (err > 0)
		log_info("network '%s': dnsmasq had ended, it is started again", n->name);
	else if (err)
		x->err = err;
	config_release(&cfg);
	return 0;
}

int dns_serve_follow(struct tables *t)
{
	struct following x = { .tables = t };
	int err = tables_each_network(t, follow_network, &x);

	return err ? err : x.err;
}
