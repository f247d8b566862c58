#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a packet costs, to the instruction: not more than the committed baseline
# says, on each kernel that it names.  And that this can fail.
. "$(dirname "$0")/../net/lib.sh"

BASELINE=$TOP/tools/bench/instructions.csv

# kernels_there: fetched, or the claims are skipped
kernels_there()
{
	local series out
	for series in "" 6.12; do
		out=$("$TOP/tools/vm-run" -k "$series" -f 2>&1) && continue
		if grep -q 'known to apt' <<<"$out"; then
			skip "instructions on Debian's kernels" "$out"
		else
			not_ok "the kernels are fetched" "$out"
		fi
		return 1
	done
}

no_path_has_grown()
{
	local claim="no path takes over 1 % more instructions than the baseline says" out rc
	out=$("$TOP/tools/bench/unit" --compare "$BASELINE" --csv "$TMP/baseline.csv" 2>&1)
	rc=$?
	case $rc in
	0) ok "$claim" ;;
	4) skip "$claim" "$(grep -m 1 'the baseline is of' <<<"$out")" ;;
	*) not_ok "$claim" "exit $rc" "$out" ;;
	esac
}

# One more lookup in the programs, all else as it was counted here and now.
a_lookup_is_noticed()
{
	local out rc
	out=$("$TOP/tools/bench/unit" -k 6.1 --define CV_BENCH_EXTRA_LOOKUP --compare "$TMP/baseline.csv" 2>&1)
	rc=$?
	is "one more map lookup on the way out fails the gate" "$rc" 3 || note "$out"
	is "and only on the way out" "$(sed -n 's/^over 1 % more: //p' <<<"$out" | tr ' ' '\n' | grep -E -- '-(out|in|drop)$')" \
		"$(printf '%s\n' udp-out tcp-out echo-out)" || note "$out"
}

topology
if kernels_there; then
	no_path_has_grown
	a_lookup_is_noticed
fi
refute "a file that is no baseline is refused" "$TOP/tools/bench/unit" -k 6.1 --compare /dev/null
finish
