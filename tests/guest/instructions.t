#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a packet costs, to the instruction, and what the verifiers say of the
# programs: not more than the committed baselines allow, on each kernel that
# they name.  And that this can fail.
. "$(dirname "$0")/../net/lib.sh"

BASELINE=$TOP/tools/bench/instructions.csv
VERIFIER=$TOP/tools/bench/verifier.csv

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

# judged CLAIM RC OUT PATTERN: PATTERN is of lines that say what has grown; that
# of another kernel or by another compiler cannot be judged
judged()
{
	local lines other
	lines=$(grep -E "$4" <<<"$3")
	other=$(grep -m 1 'baseline is of' <<<"$3")
	if [ "$2" != 0 ] && [ "$2" != 3 ] && [ "$2" != 4 ]; then
		not_ok "$1" "exit $2" "$3"
	elif [ -z "$lines" ]; then
		ok "$1"
	elif [ -n "$other" ]; then
		skip "$1" "$other"
	else
		not_ok "$1" "$3"
	fi
}

nothing_has_grown()
{
	local out rc
	out=$("$TOP/tools/bench/unit" --compare "$BASELINE" --csv "$TMP/baseline.csv" \
		--verifier "$VERIFIER" --verifier-csv "$TMP/verifier.csv" 2>&1)
	rc=$?
	judged "no path takes over 1 % more instructions than the baseline says" $rc "$out" '^over 1 %'
	judged "no program takes 10 % more of a verifier" $rc "$out" '^too much: .* -> '
	is "no program takes more of a verifier than it may" "$(grep '^too much:' <<<"$out" | grep -v -- '->')" ""
}

# One more lookup in the programs and 40 instructions in cv_event, all else as it
# was counted here and now.
growth_is_noticed()
{
	local out rc
	out=$("$TOP/tools/bench/unit" -k 6.1 --define CV_BENCH_EXTRA_LOOKUP --define CV_BENCH_MORE_VERIFIED \
		--compare "$TMP/baseline.csv" --verifier "$TMP/verifier.csv" 2>&1)
	rc=$?
	is "one more map lookup on the way out fails the gate" "$rc" 3 || note "$out"
	is "and only on the way out" "$(sed -n 's/^over 1 % more: //p' <<<"$out" | tr ' ' '\n' | grep -E -- '-(out|in|drop)$')" \
		"$(printf '%s-out\n' udp tcp forward one-to-one routed)" || note "$out"
	has "more work for the verifier is told with program, kernel, old and new" "$out" \
		'^too much: cv_event on 6\.1: [0-9]+ -> [0-9]+ instructions verified, \+[0-9.]+ % \(may be 10 %\)$'
	is "and only of that program" "$(grep -c '^too much:' <<<"$out")" 1 || note "$out"
}

topology
if kernels_there; then
	nothing_has_grown
	growth_is_noticed
fi
refute "a file that is no baseline is refused" "$TOP/tools/bench/unit" -k 6.1 --compare /dev/null
refute "nor one of the verifiers" "$TOP/tools/bench/unit" -k 6.1 --verifier /dev/null
finish
