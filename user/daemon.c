// SPDX-License-Identifier: GPL-2.0-only
/*
 * The daemon as `up` and `down` see it: a child of nobody that tells through a
 * descriptor when it is ready, holds a lock while it serves, and leaves by
 * itself when no network is left.  Its log is CULVERT_RUN/serve.log.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "daemon.h"
#include "lease_health.h"
#include "lease_watch.h"
#include "lock.h"
#include "log.h"
#include "mem.h"
#include "paths.h"

#define PID_FILE "serve.pid"
#define LOG_FILE "serve.log"
#define READY_MS 15000
#define LEAVE_MS 2000	/* by itself; then it is asked */
#define ASKED_MS 5000

bool daemon_running(void)
{
	return lock_held(DAEMON_LOCK);
}

static void exec_daemon(int ready_fd)
{
	char path[PATH_MAX], fd_text[16];
	int in, out;

	setsid();
	if (chdir("/") || paths_join(path, sizeof(path), paths_run(), LOG_FILE))
		_exit(126);
	in = open("/dev/null", O_RDONLY);
	out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
	if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(126);
	if (in > 2)
		close(in);
	if (out > 2)
		close(out);
	fcntl(ready_fd, F_SETFD, 0);
	snprintf(fd_text, sizeof(fd_text), "%d", ready_fd);
	execl("/proc/self/exe", "culvert", "serve", "--until-last", "--ready-fd", fd_text, NULL);
	_exit(127);
}

static void write_pid(pid_t pid)
{
	_fclose_ FILE *f = NULL;
	char path[PATH_MAX];

	if (!paths_join(path, sizeof(path), paths_run(), PID_FILE))
		f = fopen(path, "we");
	if (f)
		fprintf(f, "%d\n", pid);
}

/* Return: 0 when it said so, -ETIMEDOUT, or -ECHILD when it ended instead. */
static int await_ready(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;
	int n;

	do
		n = poll(&p, 1, READY_MS);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n ? -errno : -ETIMEDOUT;
	return read(fd, &byte, 1) == 1 ? 0 : -ECHILD;
}

int daemon_start(void)
{
	_fd_ int ready = -1, child_end = -1;
	int ends[2], err;
	pid_t pid;

	if (daemon_running())
		return 0;
	if (pipe2(ends, O_CLOEXEC))
		return log_ret(-errno, "cannot start the daemon");
	ready = ends[0];
	child_end = ends[1];
	pid = fork();
	if (pid < 0)
		return log_ret(-errno, "cannot start the daemon");
	if (!pid)
		exec_daemon(child_end);
	write_pid(pid);
	close(take_fd(&child_end));
	err = await_ready(ready);
	if (err == -ECHILD && waitpid(pid, NULL, WNOHANG) >= 0 && daemon_running())
		return 0;	/* another `up` was quicker */
	if (err) {
		log_error("the daemon %s; see '%s/%s'", err == -ECHILD ? "ended at once" :
			  "does not become ready", paths_run(), LOG_FILE);
		return err;
	}
	return 1;
}

static pid_t read_pid(void)
{
	_fclose_ FILE *f = NULL;
	char path[PATH_MAX];
	int pid = 0;

	if (!paths_join(path, sizeof(path), paths_run(), PID_FILE))
		f = fopen(path, "re");
	if (f && fscanf(f, "%d", &pid) != 1)
		pid = 0;
	return pid;
}

/* A number may be another's by now: the words it was started with must be ours. */
static bool is_our_daemon(pid_t pid)
{
	static const char words[] = "culvert\0serve\0--until-last";
	_fd_ int fd = -1;
	char path[64], text[sizeof(words)];

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, text, sizeof(text)) == (ssize_t)sizeof(text) &&
	       !memcmp(text, words, sizeof(words));
}

static bool await_end(int pidfd, int timeout_ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

void daemon_finish(void)
{
	static const char *const files[] = { PID_FILE, LOG_FILE, DAEMON_LOCK, LEASE_HEALTH_FILE,
					     LEASE_WATCH_FILE };
	char path[PATH_MAX];
	pid_t pid = read_pid();
	_fd_ int pidfd = pid > 0 ? syscall(SYS_pidfd_open, pid, 0) : -1;

	if (pidfd >= 0 && is_our_daemon(pid) && !await_end(pidfd, LEAVE_MS)) {
		syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0);
		if (!await_end(pidfd, ASKED_MS))
			log_warn("the daemon (pid %d) does not end", pid);
	}
	if (daemon_running())
		return;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (!paths_join(path, sizeof(path), paths_run(), files[i]))
			unlink(path);
}
