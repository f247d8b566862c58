// SPDX-License-Identifier: GPL-2.0-only
/* The lease store: can it be read, and does the daemon get its writes through? */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"
#include "lease_health.h"
#include "lease_watch.h"
#include "mem.h"
#include "store.h"
#include "tables.h"

static int count_row(const struct store_row *row, void *arg)
{
	unsigned int *n = arg;

	*n += row->state == STORE_BOUND || row->state == STORE_IMPORTED;
	return 0;
}

static int count_reservation(const struct store_reservation *r, void *arg)
{
	++*(unsigned int *)arg;
	return 0;
}

static void check_writes(struct doctor *d, const char *subject)
{
	struct lease_health h;

	if (lease_health_read(&h))
		return;
	if (h.failing)
		doctor_say(d, DOCTOR_FAIL, subject, "make room, or mend the disk: service resumes by itself",
			   "leases cannot be written, %llu attempts, %llu requests without an answer: %s",
			   (unsigned long long)h.failures, (unsigned long long)h.unanswered, h.error);
	else
		doctor_say(d, DOCTOR_NOTE, subject, NULL,
			   "leases can be written again after %llu failures, %llu requests had no answer; the last was: %s",
			   (unsigned long long)h.failures, (unsigned long long)h.unanswered, h.error);
}

struct hooks {
	struct doctor *d;
	const char *network;	/* NULL: all */
};

static void check_hook(const struct lease_watch_state *s, void *arg)
{
	const struct hooks *h = arg;
	char subject[CV_NAME_SIZE + 8], counts[128];

	if (h->network && strcmp(h->network, s->network))
		return;
	snprintf(subject, sizeof(subject), "hook %s", s->network);
	snprintf(counts, sizeof(counts), "%llu calls, %llu failed, %llu of them killed; %llu change%s left out, %u wait",
		 (unsigned long long)s->calls, (unsigned long long)s->failed,
		 (unsigned long long)s->killed, (unsigned long long)s->left_out,
		 s->left_out == 1 ? "" : "s", s->waiting);
	if (s->failing)
		doctor_say(h->d, DOCTOR_WARN, subject, "mend the program of dhcp.hook",
			   "%s; the last call failed: %s", counts, s->error);
	else
		doctor_say(h->d, DOCTOR_OK, subject, NULL, "%s", counts);
}

void doctor_hooks(struct doctor *d)
{
	struct hooks h = { .d = d };
	struct cv_network n;

	if (d->net && !tables_network_get(d->t, d->net, &n))
		h.network = n.name;
	lease_watch_read(check_hook, &h);
}

void doctor_leases(struct doctor *d)
{
	static const char subject[] = "lease store";
	_store_ struct store *s = store_default();
	unsigned int n = 0, n_reserved = 0;
	int err;

	if (!s)
		return;
	check_writes(d, subject);
	if (access(store_path(s), F_OK) && errno == ENOENT) {
		doctor_say(d, DOCTOR_NOTE, subject, NULL, "'%s': made with the first lease", store_path(s));
		return;
	}
	err = store_each(s, NULL, count_row, &n);
	if (!err)
		err = store_each_reservation(s, NULL, count_reservation, &n_reserved);
	if (err)
		doctor_say(d, DOCTOR_FAIL, subject, "move the file away and lose its leases",
			   "cannot be read: %s", *store_error(s) ? store_error(s) : strerror(-err));
	else
		doctor_say(d, DOCTOR_OK, subject, NULL, "'%s': %u lease%s, %u reservation%s", store_path(s),
			   n, n == 1 ? "" : "s", n_reserved, n_reserved == 1 ? "" : "s");
}
