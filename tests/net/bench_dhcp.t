#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The bench of DHCP works: it measures, tells what it measured, and leaves
# nothing.  How fast anything is, is no claim here.
. "$(dirname "$0")/lib.sh"

bench() { BUILD=$BUILD TMPDIR=$TMP timeout 60 "$TOP/tools/bench/dhcp" "$@"; }

# Its names begin with that of its directory.
its_name() { NAME=$(cd "$TMP" && echo cvd*.*) && [ -d "$TMP/$NAME" ] && NAME=${NAME%%.*}; }
its_things() { ls -d /run/netns/"$NAME"-* /run/netns/cv-"$NAME" /sys/fs/bpf/"$NAME" "$TMP/$NAME".* 2>/dev/null; }

[ -x "$BUILD/dhcp-farm" ] || bail "no $BUILD/dhcp-farm: run make tools"
topology
start bench bench --quick --clients 16 --servers culvert --json "$TMP/figures.json"
NAME=
await 10 its_name || bail "no bench: $(cat "$TMP/bench.log")"
check "it makes namespaces of its own" await 10 test -e "/run/netns/cv-$NAME"
wait "$PID"
is "the bench ends well" "$?: $(grep 'dhcp' "$TMP/bench.log")" "0: "
has "prints each metric" "$(cat "$TMP/bench.log")" '^renewals, 64 at once +culvert +[1-9]'
is "no client was refused or given another address" \
	"$(jq '[.metrics[].servers.culvert.refused // empty] | add' "$TMP/figures.json")" 0
is "each of the clients got a lease in each round" \
	"$(jq -c '[.metrics[] | select(.name == "boot") | .rounds * 16 == .servers.culvert.answers]' "$TMP/figures.json")" '[true]'
is "goals without dnsmasq are those that need none" \
	"$(jq '[.goals[] | select(.verdict != null)] | length' "$TMP/figures.json")" 3
is "nothing of it is left" "$(its_things)" ""
refute "a server that it does not know is refused" bench --servers isc
refute "and a number of clients that is none" bench --clients 0
finish
