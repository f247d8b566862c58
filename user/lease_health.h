/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether the daemon can write leases, as CULVERT_RUN/serve.leases tells it to
 * `culvert doctor`: CULVERT_RUN is a tmpfs, which a full disk leaves alone.
 */
#ifndef CULVERT_LEASE_HEALTH_H
#define CULVERT_LEASE_HEALTH_H

#include <stdbool.h>
#include <linux/types.h>

#define LEASE_HEALTH_FILE "serve.leases"	/* in CULVERT_RUN, while something was wrong */

struct store;

/**
 * struct lease_health - since the daemon began
 * @failing:	the last attempt to write failed
 * @failures:	how many did
 * @unanswered:	requests that got no reply because of that
 * @published:	the file says so
 * @error:	what the last failure was
 */
struct lease_health {
	bool failing, published;
	__u64 failures, unanswered;
	char error[512];
};

/** lease_health_failed() - logs it when it is new.  @err: when it is not the store's, its text is taken */
void lease_health_failed(struct lease_health *h, int err, const struct store *s);
/** lease_health_well() - a write went through; logs it after failures */
void lease_health_well(struct lease_health *h);
/** lease_health_publish() - write the file when something has changed; call it now and then */
void lease_health_publish(struct lease_health *h);
/** lease_health_remove() - the file, when nobody serves any more */
void lease_health_remove(void);

/** lease_health_read() - what the daemon says.  Return: 0, -ENOENT when all was well, -errno */
int lease_health_read(struct lease_health *ret);

#endif
