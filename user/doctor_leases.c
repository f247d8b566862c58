// SPDX-License-Identifier: GPL-2.0-only
/* The lease store: can it be read, and does the daemon get its writes through? */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"
#include "lease_health.h"
#include "mem.h"
#include "store.h"

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
