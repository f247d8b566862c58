// SPDX-License-Identifier: GPL-2.0-only
/*
 * Somebody else's XDP program, which lets everything pass: libxdp's own.
 *
 *	xdp_foreign add IF		beside others, by the dispatcher
 *	xdp_foreign del IF
 *	xdp_foreign ls IF		the names of what runs, and how
 */
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include <bpf/libbpf.h>
#include <xdp/libxdp.h>

#define NAME "xdp_pass"

static int quiet(enum libxdp_print_level level, const char *fmt, va_list args)
{
	return level == LIBXDP_DEBUG ? 0 : vfprintf(stderr, fmt, args);
}

static int add(int ifindex)
{
	DECLARE_LIBXDP_OPTS(xdp_program_opts, opts, .find_filename = "xdp-dispatcher.o", .prog_name = NAME);
	struct xdp_program *p = xdp_program__create(&opts);
	long err = libxdp_get_error(p);

	if (!err)
		err = xdp_program__set_xdp_frags_support(p, true);
	return err ? err : xdp_program__attach(p, ifindex, XDP_MODE_NATIVE, 0);
}

static int each(int ifindex, int del)
{
	struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex(ifindex);
	struct xdp_program *p = NULL;
	int err = -2;

	if (libxdp_get_error(mp))
		return del ? -2 : 0;
	if (xdp_multiprog__is_legacy(mp)) {
		p = xdp_multiprog__main_prog(mp);
		printf("alone %s\n", xdp_program__name(p));
		return del ? xdp_multiprog__detach(mp) : 0;
	}
	while ((p = xdp_multiprog__next_prog(p, mp))) {
		if (del && !strcmp(xdp_program__name(p), NAME))
			return xdp_program__detach(p, ifindex, xdp_multiprog__attach_mode(mp), 0);
		if (!del)
			printf("%s %s\n", xdp_multiprog__attach_mode(mp) == XDP_MODE_SKB ? "generic" : "native",
			       xdp_program__name(p));
	}
	return del ? err : 0;
}

int main(int argc, char **argv)
{
	int ifindex = argc > 2 ? if_nametoindex(argv[2]) : 0, err;

	libxdp_set_print(quiet);
	if (!ifindex)
		return 2;
	err = !strcmp(argv[1], "add") ? add(ifindex) : each(ifindex, !strcmp(argv[1], "del"));
	if (err)
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-err));
	return err != 0;
}
