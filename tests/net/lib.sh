# SPDX-License-Identifier: GPL-2.0-only
# What every network test stands on: TAP words, waiting for events, processes,
# and the other parts, topology.sh (namespaces, guests, backends), residue.sh
# (nothing may be left) and capture.sh (what came outside).  A test reads
#
#	. "$(dirname "$0")/lib.sh"
#	topology
#	…claims…
#	finish
#
# Each process has names and CULVERT_* directories of its own, so tests run in
# parallel.  Namespaces are entered with `nsenter --net`: `ip netns exec` gives
# a private mount namespace, where pins made by the command die with it.

set -u
export LC_ALL=C

TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$TESTS/../.." && pwd)
BUILD=$(cd "$TOP" && realpath -m "${BUILD:-build}")
PYTHON=/usr/bin/python3

if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP needs root"
	exit 0
fi

ID=$$
TMP=$(mktemp -d "${TMPDIR:-/tmp}/culvert-test.XXXXXX")
export TMP
export CULVERT_RUN=$TMP/run CULVERT_STATE=$TMP/state CULVERT_CONF=$TMP/conf
export CULVERT_BPF=/sys/fs/bpf/cvt-$ID CULVERT_NETNS_CONF=$TMP/netns
NET=t$ID		# the network most tests make

# --- TAP

N_CLAIMS=0
N_FAILED=0
WHERE=			# appended to each claim: which backend, which guest

ok()
{
	N_CLAIMS=$((N_CLAIMS + 1))
	echo "ok $N_CLAIMS - $1${WHERE:+ [$WHERE]}"
}

# not_ok CLAIM [WHY...]
not_ok()
{
	N_CLAIMS=$((N_CLAIMS + 1))
	N_FAILED=$((N_FAILED + 1))
	echo "not ok $N_CLAIMS - $1${WHERE:+ [$WHERE]}"
	shift
	[ $# = 0 ] || note "$@" | head -n 60
}

# skip CLAIM REASON
skip()
{
	N_CLAIMS=$((N_CLAIMS + 1))
	echo "ok $N_CLAIMS - $1${WHERE:+ [$WHERE]} # SKIP $2"
}

# check CLAIM CMD...: the command succeeds
check()
{
	local claim=$1 out rc
	shift
	out=$("$@" 2>&1) && { ok "$claim"; return 0; }
	rc=$?
	not_ok "$claim" "exit $rc: $*" "$out"
	return 1
}

# refute CLAIM CMD...: the command fails
refute()
{
	local claim=$1 out
	shift
	out=$("$@" 2>&1) || { ok "$claim"; return 0; }
	not_ok "$claim" "succeeded: $*" "$out"
	return 1
}

# is CLAIM GOT WANTED
is()
{
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "got:    ${2//$'\n'/$'\n'        }" "wanted: ${3//$'\n'/$'\n'        }"
		return 1
	fi
}

# has CLAIM TEXT PATTERN: some line matches the extended regular expression
has()
{
	if grep -qE -- "$3" <<<"$2"; then
		ok "$1"
	else
		not_ok "$1" "no line matches $3 in:" "$2"
		return 1
	fi
}

note()
{
	printf '%s\n' "$@" | sed 's/^/# /'
}

# A test that cannot go on.  The missing plan makes it a failure.
bail()
{
	echo "Bail out! $*"
	exit 1
}

# --- waiting for events

# await SECONDS CMD...: until the command succeeds
await()
{
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/./}" -lt $end ] || return 1
		sleep 0.05
	done
}

# await_line SECONDS FILE PATTERN
await_line()
{
	await "$1" grep -qE -- "$3" "$2" && return 0
	note "no line matched $3 within $1 s in $2:" "$(tail -n 20 "$2" 2>&1)"
	return 1
}

gone()
{
	! "$@" >/dev/null 2>&1
}

# --- processes of the test

STARTED=()

# start NAME CMD...: in the background, output in $TMP/NAME.log; sets PID
start()
{
	local name=$1
	shift
	: >"$TMP/$name.log"	# what it said the last time is not waited for
	{
		RUN=exec
		if declare -F "$1" >/dev/null; then "$@"; else exec "$@"; fi
	} >"$TMP/$name.log" 2>&1 </dev/null &
	PID=$!
	STARTED+=("$PID")
}

# start_ready NAME CMD...: and wait for its line "ready"
start_ready()
{
	start "$@"
	await 10 ready_or_dead "$1" "$PID"
	grep -q '^ready' "$TMP/$1.log" || bail "$1 does not start: $(cat "$TMP/$1.log")"
}

ready_or_dead()
{
	grep -q '^ready' "$TMP/$1.log" || ! kill -0 "$2" 2>/dev/null
}

# stop PID [SIGNAL]: and wait for it; its exit status is returned
stop()
{
	kill "-${2:-TERM}" "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

stop_all()
{
	local pid
	for pid in ${STARTED[@]+"${STARTED[@]}"}; do
		kill "$pid" 2>/dev/null
	done
	for pid in ${STARTED[@]+"${STARTED[@]}"}; do
		await 5 gone kill -0 "$pid" || kill -9 "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	STARTED=()
}

# --- the end

FINISHED=

# finish: take all down, claim that nothing is left, print the plan
finish()
{
	WHERE=
	backend_down
	stop_all
	topology_down
	residue_claims
	residue_remove
	rm -rf "$TMP"
	FINISHED=1
	echo "1..$N_CLAIMS"
	[ "$N_FAILED" = 0 ]
	exit
}

# Whatever ended the test, nothing of it stays.
rescue()
{
	[ -z "$FINISHED" ] || return
	trap '' TERM INT HUP
	stop_all
	[ ! -x "$CULVERT" ] || timeout 30 "${IN_HOST[@]}" "$CULVERT" down --all --force >/dev/null 2>&1
	residue_remove
	topology_down
	rm -rf "$TMP"
}
trap rescue EXIT
trap 'exit 143' TERM
trap 'exit 130' INT HUP

. "$TESTS/topology.sh"
. "$TESTS/residue.sh"
. "$TESTS/capture.sh"
residue_before
