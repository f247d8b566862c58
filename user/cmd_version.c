// SPDX-License-Identifier: GPL-2.0-only
/* culvert version: what to write into a bug report. */
#include <sys/utsname.h>

#include <culvert/abi.h>

#include "cli.h"
#include "cmd.h"
#include "log.h"
#include "probe.h"
#include "report.h"

int cmd_version(int argc, char **argv)
{
	struct utsname kernel;
	struct report *r;
	bool json;
	int code;

	if (cli_parse(argc, argv, "version [OPTION]...",
		      "Print the version of culvert, of its map layout and of what it runs on.",
		      NULL, 0, 0, &json, &code) < 0)
		return code;
	r = report_new("versions", json);
	if (!r || uname(&kernel)) {
		log_error("cannot tell the version");
		return CLI_FAILED;
	}
	report_row(r);
	report_text(r, "culvert", CULVERT_VERSION);
	report_number(r, "abi", CV_ABI_VERSION);
	report_text(r, "libbpf", probe_library());
	report_text(r, "kernel", kernel.release);
	report_text(r, "machine", kernel.machine);
	return cmd_finish(r, 0, "the version");
}
