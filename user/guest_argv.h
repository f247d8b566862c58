/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line of a guest: where its TAP's descriptors and MAC go.  Pure. */
#ifndef CULVERT_GUEST_ARGV_H
#define CULVERT_GUEST_ARGV_H

#include <stdbool.h>

struct guest_tap {
	const int *fds;
	unsigned int n_fds;
	const char *mac;	/* as text */
	bool vhost;		/* the kernel can carry the packets */
};

/**
 * guest_argv() - a command with {fd}, {fds} and {mac} filled in
 * @ret_argv: NULL-terminated, heap; guest_argv_free()
 *
 * {fd} is the first descriptor, {fds} all of them as "3:4".  A QEMU without
 * any of the two gets a -netdev and a -device appended.
 *
 * Return: 0, -EINVAL when a command that is no QEMU says nowhere what the
 * descriptors are for, or -ENOMEM.
 */
int guest_argv(int argc, char *const *argv, const struct guest_tap *tap, char ***ret_argv);
void guest_argv_free(char **argv);

#endif
