// SPDX-License-Identifier: GPL-2.0-only
/* A command line with the guest's TAP put in. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "guest_argv.h"
#include "mem.h"

#define EXTRA_WORDS 4	/* -netdev X -device Y */

static char *join_fds(const struct guest_tap *tap)
{
	char *text = malloc(tap->n_fds * 12 + 1);
	size_t len = 0;

	if (!text)
		return NULL;
	*text = '\0';
	for (unsigned int i = 0; i < tap->n_fds; i++)
		len += sprintf(text + len, "%s%d", i ? ":" : "", tap->fds[i]);
	return text;
}

/* @word with each placeholder replaced; heap, NULL when out of memory. */
static char *fill_word(const char *word, const struct guest_tap *tap, const char *fds)
{
	char fd[12], *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	const struct {
		const char *name, *value;
	} places[] = { { "{fd}", fd }, { "{fds}", fds }, { "{mac}", tap->mac } };

	if (!f)
		return NULL;
	snprintf(fd, sizeof(fd), "%d", tap->fds[0]);
	while (*word) {
		bool filled = false;

		for (size_t i = 0; i < ARRAY_SIZE(places) && !filled; i++) {
			size_t len = strlen(places[i].name);

			filled = !strncmp(word, places[i].name, len);
			if (filled) {
				fputs(places[i].value, f);
				word += len;
			}
		}
		if (!filled)
			fputc(*word++, f);
	}
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

static bool names_fd(int argc, char *const *argv)
{
	for (int i = 0; i < argc; i++)
		if (strstr(argv[i], "{fd}") || strstr(argv[i], "{fds}"))
			return true;
	return false;
}

static bool is_qemu(const char *command)
{
	const char *slash = strrchr(command, '/');

	return !strncmp(slash ? slash + 1 : command, "qemu", 4);
}

static int append_qemu(char **out, int n, const struct guest_tap *tap, const char *fds)
{
	char *netdev, *device, queues[40] = "";

	if (tap->n_fds > 1)
		snprintf(queues, sizeof(queues), ",mq=on,vectors=%u", 2 * tap->n_fds + 2);
	if (asprintf(&netdev, "tap,id=culvert0,fds=%s%s", fds,
		     tap->vhost ? ",vhost=on" : "") < 0)
		return -ENOMEM;
	out[n++] = strdup("-netdev");
	out[n++] = netdev;
	if (asprintf(&device, "virtio-net-pci,netdev=culvert0,mac=%s%s", tap->mac, queues) < 0)
		return -ENOMEM;
	out[n++] = strdup("-device");
	out[n++] = device;
	return out[n - 4] && out[n - 2] ? 0 : -ENOMEM;
}

void guest_argv_free(char **argv)
{
	for (char **word = argv; word && *word; word++)
		free(*word);
	free(argv);
}

int guest_argv(int argc, char *const *argv, const struct guest_tap *tap, char ***ret_argv)
{
	bool filled = names_fd(argc, argv);
	_free_ char *fds = NULL;
	char **out;
	int err = 0;

	if (!filled && !is_qemu(argv[0]))
		return -EINVAL;
	fds = join_fds(tap);
	out = calloc(argc + EXTRA_WORDS + 1, sizeof(*out));
	if (!fds || !out) {
		free(out);
		return -ENOMEM;
	}
	for (int i = 0; i < argc && !err; i++) {
		out[i] = fill_word(argv[i], tap, fds);
		err = out[i] ? 0 : -ENOMEM;
	}
	if (!err && !filled)
		err = append_qemu(out, argc, tap, fds);
	if (err) {
		guest_argv_free(out);
		return err;
	}
	*ret_argv = out;
	return 0;
}
