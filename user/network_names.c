// SPDX-License-Identifier: GPL-2.0-only
/* Names of guests, as a part of a network. */
#include <errno.h>

#include "dns_serve.h"
#include "network_impl.h"

int names_make(struct network_work *w)
{
	int err;

	if (!w->cfg.dns_serve)
		return names_undo(w) ? -EIO : STEP_UNCHANGED;
	err = dns_serve_ensure(w->tables, w->id, &w->entry, w->cfg.domain);
	if (err < 0)
		return log_ret(err, "network '%s': cannot serve names: %s", w->name,
			       dns_serve_strerror(err));
	return err ? STEP_MADE : STEP_UNCHANGED;
}

int names_undo(struct network_work *w)
{
	int err = dns_serve_stop(w->name);

	return err < 0 ? network_failed(w, NULL, err, "its dnsmasq does not end") : 0;
}
