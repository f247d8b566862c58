/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One call of an operator's program: a process of its own session, as another
 * user, that has nothing of ours but what it is given.  Does not log.
 */
#ifndef CULVERT_HOOK_RUN_H
#define CULVERT_HOOK_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define HOOK_OUTPUT_SIZE 160

/** struct hook_user - as whom; looked up before, as that may take its time */
struct hook_user {
	char  name[32];
	uid_t uid;
	gid_t gid;
};

/**
 * struct hook_run - while it lasts
 * @pidfd:	readable when the process has ended
 * @out_fd:	what it says on both outputs; -1 when it has closed them
 * @output:	the beginning of that, one line
 */
struct hook_run {
	pid_t pid;
	int pidfd, out_fd;
	char output[HOOK_OUTPUT_SIZE];
	size_t len;
};

#define HOOK_RUN_INIT { .pidfd = -1, .out_fd = -1 }

/** hook_user_find() - Return: 0, -ENOENT, or -errno */
int hook_user_find(const char *name, struct hook_user *ret);

/**
 * hook_run_start() - begin a call
 * @argv, @envp: NULL-terminated; argv[0] is the program's path
 * Return: 0 or -errno.  That it cannot be executed is what it says, and its end.
 */
int hook_run_start(char *const argv[], char *const envp[], const struct hook_user *user,
		   struct hook_run *ret);

/** hook_run_read() - take what it says.  Return: whether more may come */
bool hook_run_read(struct hook_run *r);

/** hook_run_kill() - the process and all of its session that stayed in its group */
void hook_run_kill(const struct hook_run *r);

/** hook_run_end() - wait for the process, which has ended or was killed.  Return: as of waitpid() */
int hook_run_end(struct hook_run *r);

#endif
