// SPDX-License-Identifier: GPL-2.0-only
#include "hook_run.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/types.h>
#include <unistd.h>

#include "mem.h"

#define READS_MAX 16	/* at a time; who writes without end has a time limit */

int hook_user_find(const char *name, struct hook_user *ret)
{
	struct passwd *pw;
	struct hook_user u;

	errno = 0;
	pw = getpwnam(name);
	if (!pw)
		return errno ? -errno : -ENOENT;
	snprintf(u.name, sizeof(u.name), "%s", name);
	u.uid = pw->pw_uid;
	u.gid = pw->pw_gid;
	*ret = u;
	return 0;
}

/* --- in the child */

/*
 * Nothing is held back or ignored there; what an ignored signal was set to is
 * inherited.  Not by signal(), which keeps libc's own two as they are.
 */
static void default_signals(void)
{
	static const __u64 by_default[4];	/* the kernel's struct sigaction */
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		syscall(SYS_rt_sigaction, sig, by_default, NULL, NSIG / 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * Root stays root; anybody else becomes nobody more than he is, by no
 * set-user-id program.  It ends with us, who would have ended it (@parent); that
 * is forgotten with a change of user, so it is said after.
 */
static int become(const struct hook_user *user, pid_t parent)
{
	if (initgroups(user->name, user->gid) || setresgid(user->gid, user->gid, user->gid) ||
	    setresuid(user->uid, user->uid, user->uid) || prctl(PR_SET_PDEATHSIG, SIGKILL))
		return -errno;
	if (getppid() != parent)
		_exit(126);
	return user->uid && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}

__attribute__((noreturn))
static void child(char *const argv[], char *const envp[], const struct hook_user *user, int out,
		  pid_t parent)
{
	int null = open("/dev/null", O_RDONLY);

	setsid();
	default_signals();
	umask(022);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || chdir("/"))
		_exit(126);
	close_range(3, ~0U, 0);
	if (become(user, parent)) {
		dprintf(2, "cannot become '%s': %s\n", user->name, strerror(errno));
		_exit(126);
	}
	execve(argv[0], argv, envp);
	dprintf(2, "%s\n", strerror(errno));
	_exit(127);
}

/* --- in the daemon */

int hook_run_start(char *const argv[], char *const envp[], const struct hook_user *user,
		   struct hook_run *ret)
{
	struct hook_run r = HOOK_RUN_INIT;
	_fd_ int in = -1, out = -1;
	pid_t parent = getpid();
	int ends[2], err;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	in = ends[0];
	out = ends[1];
	if (fcntl(in, F_SETFL, O_NONBLOCK))	/* of our end alone */
		return -errno;
	r.pid = fork();
	if (r.pid < 0)
		return -errno;
	if (!r.pid)
		child(argv, envp, user, out, parent);
	r.pidfd = (int)syscall(SYS_pidfd_open, r.pid, 0);
	if (r.pidfd < 0) {
		err = -errno;
		kill(r.pid, SIGKILL);
		waitpid(r.pid, NULL, 0);
		return err;
	}
	r.out_fd = take_fd(&in);
	*ret = r;
	return 0;
}

/* The first line of it, without what a terminal would obey. */
static void keep(struct hook_run *r, const char *text, size_t n)
{
	for (size_t i = 0; i < n && r->len < sizeof(r->output) - 1; i++) {
		if (text[i] == '\n') {
			r->len = sizeof(r->output) - 1;
			return;
		}
		r->output[r->len++] = text[i] >= ' ' && text[i] < 127 ? text[i] : '?';
	}
}

bool hook_run_read(struct hook_run *r)
{
	char text[4096];
	ssize_t n;

	for (int i = 0; i < READS_MAX && r->out_fd >= 0; i++) {
		n = read(r->out_fd, text, sizeof(text));
		if (n > 0)
			keep(r, text, (size_t)n);
		else if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		else
			close(take_fd(&r->out_fd));
	}
	return r->out_fd >= 0;
}

/* Until setsid() it is of our group, and its own does not exist. */
void hook_run_kill(const struct hook_run *r)
{
	kill(-r->pid, SIGKILL);
	syscall(SYS_pidfd_send_signal, r->pidfd, SIGKILL, NULL, 0);
}

int hook_run_end(struct hook_run *r)
{
	int status = 0;

	while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
		;
	hook_run_read(r);
	mem_close(&r->out_fd);
	mem_close(&r->pidfd);
	r->out_fd = r->pidfd = -1;
	return status;
}
