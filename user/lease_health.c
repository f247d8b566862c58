// SPDX-License-Identifier: GPL-2.0-only
/* One line of a file: "failing|well FAILURES UNANSWERED ERROR". */
#include "lease_health.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "mem.h"
#include "paths.h"
#include "store.h"

void lease_health_failed(struct lease_health *h, int err, const struct store *s)
{
	const char *why = store_error(s)[0] ? store_error(s) : strerror(-err);
	bool is_new = !h->failing || strcmp(h->error, why);

	snprintf(h->error, sizeof(h->error), "%s", why);
	h->failures++;
	h->failing = true;
	h->published = false;
	if (is_new)
		log_error("leases cannot be written, so no new one is given: %s", why);
}

void lease_health_well(struct lease_health *h)
{
	if (!h->failing)
		return;
	h->failing = false;
	h->published = false;
	log_info("leases can be written again; %llu requests were left unanswered",
		 (unsigned long long)h->unanswered);
}

/* In place: a reader may see half a line, and then says less. */
void lease_health_publish(struct lease_health *h)
{
	_fd_ int fd = -1;
	char path[PATH_MAX];

	if (h->published || !h->failures ||
	    paths_join(path, sizeof(path), paths_run(), LEASE_HEALTH_FILE))
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	h->published = fd >= 0 &&
		       dprintf(fd, "%s %llu %llu %s\n", h->failing ? "failing" : "well",
			       (unsigned long long)h->failures, (unsigned long long)h->unanswered,
			       h->error) > 0;
}

void lease_health_remove(void)
{
	char path[PATH_MAX];

	if (!paths_join(path, sizeof(path), paths_run(), LEASE_HEALTH_FILE))
		unlink(path);
}

int lease_health_read(struct lease_health *ret)
{
	unsigned long long failures, unanswered;
	struct lease_health h = { 0 };
	_fclose_ FILE *f = NULL;
	char path[PATH_MAX], word[16];
	int err = paths_join(path, sizeof(path), paths_run(), LEASE_HEALTH_FILE);

	if (err)
		return err;
	f = fopen(path, "re");
	if (!f)
		return -errno;
	if (fscanf(f, "%15s %llu %llu %511[^\n]", word, &failures, &unanswered, h.error) < 3)
		return -EBADMSG;
	h.failing = !strcmp(word, "failing");
	h.failures = failures;
	h.unanswered = unanswered;
	*ret = h;
	return 0;
}
