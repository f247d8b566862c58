# SPDX-License-Identifier: GPL-2.0-only
# fuzz NAME: as a test, TAP: the corpus replayed, then FUZZ_S seconds (30) of
# libFuzzer from there.  What it finds is told with its bytes, and left in
# $BUILD/fuzz/NAME-*.  Nothing is added to the corpus; `make fuzz` does that.

set -u
export LC_ALL=C
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
BUILD=$(realpath -m "${BUILD:-build}")
# By the word of the compiler, not by what is there: a fuzzer that does not build is no skip.
has_libfuzzer()
{
	echo 'int LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return 0; }' |
		"${CLANG:-clang}" -xc - -fsanitize=fuzzer,address,undefined -o /dev/null 2>/dev/null
}

# run CLAIM ARGUMENT...: of the fuzzer; its figures are told, or what it found
run()
{
	local claim=$1 rc
	shift
	N_CLAIMS=$((N_CLAIMS + 1))
	"$PROGRAM" -max_len=1600 -timeout=25 -rss_limit_mb=1024 -print_final_stats=1 -verbosity=1 \
		-artifact_prefix="$FOUND" "$@" >"$LOG" 2>&1
	rc=$?
	if [ $rc = 0 ]; then
		sed -n 's/^INFO: Seed: /# seed /p; s/^stat::\(number_of_executed_units: .*\)/# \1/p' "$LOG"
		echo "ok $N_CLAIMS - $claim"
		return
	fi
	N_FAILED=$((N_FAILED + 1))
	echo "not ok $N_CLAIMS - $claim"
	grep -vE '^(INFO|#[0-9]|stat::|Running|Executed)' "$LOG" | sed '/^Shadow bytes/,$d' | head -n 50 | sed 's/^/# /'
	found
}

# What it has written, or the file that it died of.
found()
{
	local f
	for f in "$FOUND"* "$(sed -n 's/^Running: //p' "$LOG" | tail -n 1)"; do
		[ -e "$f" ] || continue
		echo "# again: ${PROGRAM#"$PWD/"} $f"
		echo "# bytes: $(od -An -v -tx1 "$f" | tr -d ' \n')"
	done
}

fuzz()
{
	local name=$1
	PROGRAM=$BUILD/fuzz/fuzz_$name FOUND=$BUILD/fuzz/$name-found-
	N_CLAIMS=0 N_FAILED=0
	if [ ! -x "$PROGRAM" ]; then
		has_libfuzzer || { echo "1..0 # SKIP ${CLANG:-clang} has no libFuzzer"; exit 0; }
		echo "no program $PROGRAM: run make tests"
		exit 1
	fi
	LOG=$(mktemp) || exit 1
	WORK=$(mktemp -d) || exit 1
	trap 'rm -rf "$LOG" "$WORK"' EXIT
	rm -f "$FOUND"*
	run "the corpus of $name" "tests/fuzz/corpus/$name"/*
	[ "$N_FAILED" != 0 ] ||
		run "${FUZZ_S:-30} seconds from there on" -max_total_time="${FUZZ_S:-30}" "$WORK" "tests/fuzz/corpus/$name"
	echo "1..$N_CLAIMS"
	exit "$N_FAILED"
}
