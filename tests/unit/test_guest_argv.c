// SPDX-License-Identifier: GPL-2.0-only
/* What command line a guest is started with. */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "guest_argv.h"

#define MAC "52:54:00:00:00:01"

struct row {
	const char *name;
	const char *in[8];
	unsigned int n_fds;
	const char *out[12];	/* empty: refused */
};

static const struct row rows[] = {
	{ "a qemu gets its netdev and device", { "qemu-system-x86_64", "-m", "1G" }, 1,
	  { "qemu-system-x86_64", "-m", "1G", "-netdev", "tap,id=culvert0,fds=20", "-device",
	    "virtio-net-pci,netdev=culvert0,mac=" MAC } },
	{ "a qemu with a path is one too", { "/usr/bin/qemu-kvm" }, 1,
	  { "/usr/bin/qemu-kvm", "-netdev", "tap,id=culvert0,fds=20", "-device",
	    "virtio-net-pci,netdev=culvert0,mac=" MAC } },
	{ "several queues are told to both", { "qemu" }, 3,
	  { "qemu", "-netdev", "tap,id=culvert0,fds=20:21:22", "-device",
	    "virtio-net-pci,netdev=culvert0,mac=" MAC ",mq=on,vectors=8" } },
	{ "a qemu that names the descriptor is left as it is", { "qemu", "-netdev", "tap,fd={fd}" }, 1,
	  { "qemu", "-netdev", "tap,fd=20" } },
	{ "the MAC alone says nothing of the descriptor", { "qemu", "{mac}" }, 1,
	  { "qemu", MAC, "-netdev", "tap,id=culvert0,fds=20", "-device",
	    "virtio-net-pci,netdev=culvert0,mac=" MAC } },
	{ "each place in a word is filled", { "vmm", "{fd}{fds}-{mac}{fd}" }, 2,
	  { "vmm", "2020:21-" MAC "20" } },
	{ "what is no place stays", { "vmm", "{fd", "{}", "fd}", "{fd}" }, 1,
	  { "vmm", "{fd", "{}", "fd}", "20" } },
	{ "an empty word stays one", { "vmm", "", "{fd}" }, 1, { "vmm", "", "20" } },
	{ "another program must say where the descriptor goes", { "sleep", "1" }, 1, { NULL } },
	{ "a directory named qemu makes no qemu", { "/opt/qemu/sleep" }, 1, { NULL } },
};

static const struct row vhost_rows[] = {
	{ "with vhost in the kernel it is used", { "qemu" }, 2,
	  { "qemu", "-netdev", "tap,id=culvert0,fds=20:21,vhost=on", "-device",
	    "virtio-net-pci,netdev=culvert0,mac=" MAC ",mq=on,vectors=6" } },
	{ "but not forced on who names the descriptor", { "qemu", "-netdev", "tap,fd={fd}" }, 1,
	  { "qemu", "-netdev", "tap,fd=20" } },
};

static int length(const char *const *words)
{
	int n = 0;

	while (words[n])
		n++;
	return n;
}

static void check_row(const struct row *r, bool vhost)
{
	static const int fds[] = { 20, 21, 22 };
	const struct guest_tap tap = { fds, r->n_fds, MAC, vhost };
	char **out = NULL;
	int err = guest_argv(length(r->in), (char *const *)r->in, &tap, &out);

	if (!r->out[0]) {
		assert_int_equal(err, -EINVAL);
		assert_null(out);
		return;
	}
	assert_int_equal(err, 0);
	assert_int_equal(length((const char *const *)out), length(r->out));
	for (int i = 0; r->out[i]; i++)
		assert_string_equal(out[i], r->out[i]);
	guest_argv_free(out);
}

static void command_line(void **state)
{
	check_row(*state, false);
}

static void command_line_with_vhost(void **state)
{
	check_row(*state, true);
}

int main(void)
{
	struct CMUnitTest tests[UNIT_N(rows) + UNIT_N(vhost_rows)], *end = tests;

	end = UNIT_ROWS(end, rows, command_line);
	end = UNIT_ROWS(end, vhost_rows, command_line_with_vhost);
	return UNIT_RUN(tests, end);
}
