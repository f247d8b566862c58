#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The bench of many flows, networks and ports works: it measures, tells all of
# it, fails when what it measures is not there, and leaves nothing.  How much
# anything takes is no claim here.
. "$(dirname "$0")/lib.sh"

bench() { BUILD=${BENCH_BUILD:-$BUILD} CULVERT_BENCH=$TOP/tools/bench TMPDIR=$TMP timeout 280 "$CULVERT" bench scale "$@"; }
names() { jq -r '.metrics[].name' "$TMP/figures.json" | grep -cE "$1"; }
its_groups() { ls -d /sys/fs/cgroup/{,memory/,unified/}culvert-scale-* 2>/dev/null; }

[ -x "$BUILD/bench-scale" ] || bail "no $BUILD/bench-scale: run make tools"
topology
its_groups >"$TMP/groups"

mkdir "$TMP/plots"
start bench bench --quick --json "$TMP/figures.json" --plots "$TMP/plots"
BENCH=$PID
wait "$BENCH"
is "the bench ends well" "$?: $(grep '^scale' "$TMP/bench.log")" "0: "
is "packets up and down at each number of idle flows, for each number of active ones" \
	"$(names '^packet_(up|down)_(1|100)_of_(100|2k|20k)(_ns)?$')" 20
is "commands and the sweeper at each" \
	"$(names '^(flows_(ls|stats|flow_count|port_add|port_rm)_of_\w+_cpu_ms|sweeper_alive_\w+_pct)$')" 18
is "20 000 flows have ended, in the sweeper's time" \
	"$(jq '[.metrics[] | select(.name == "expiry_flows" or (.name == "expiry_cpu_ms" and .value > 0)) | .name] | length' "$TMP/figures.json")" 2
is "each command at each number of networks" \
	"$(names '^networks_(ls|show|stats|flow_count|doctor|up_again|port_add|port_rm)_cpu_ms_(2|10)$')" 16
is "packets in the first network and the last" "$(names '^networks_packet_(up|down)_(first|last)_(2|10)$')" 8
is "up and down beside their floor" "$(names '^networks_(up|down)_to_floor_10$')" 2
is "memory, and the daemon's time" "$(names '^networks_(kernel_kib_each|daemon_idle_pct|daemon_mib)_(2|10)$')" 6
is "each command at each number of ports" "$(names '^ports_(add|rm|port_ls|stats|doctor|up_again)_cpu_ms_(1|50)$')" 12
is "leases that are renewed" "$(names '^leases_(boot_s|renew_daemon_cpu_us)$')" 2
is "every figure is printed" "$(grep -cE ' [-0-9.e+]+ [^ ]+( +\[.*\])?$' "$TMP/bench.log")" \
	"$(jq '.metrics | length' "$TMP/figures.json")"
is "the curves are drawn" "$(cd "$TMP/plots" && echo *.svg)" \
	"scale-flows.svg scale-networks-cpu.svg scale-networks-packet.svg scale-networks.svg scale-ports-packet.svg scale-ports.svg scale-sweeper.svg"
is "nothing of it is left" "$(ls -d "$TMP"/cvs.* 2>/dev/null; its_groups | diff - "$TMP/groups")" ""

# Into the page go figures of a machine that was there for them.
PAGE=$TMP/scale.md
cp "$TOP/docs/performance/scale.md" "$PAGE"
jq '.header.steal_pct = 52' "$TMP/figures.json" >"$TMP/stolen.json"
is "figures of stolen time are not published, and it says why" "$(bench --publish "$PAGE" "$TMP/stolen.json" 2>&1; echo $?)" \
	"scale: not published: $TMP/stolen.json: 52.0 % of the CPU time was stolen
4"
is "the page is as it was" "$(cmp "$PAGE" "$TOP/docs/performance/scale.md" 2>&1)" ""
jq '.header.steal_pct = 0' "$TMP/figures.json" >"$TMP/quiet.json"
bench --publish "$PAGE" "$TMP/quiet.json"
is "others are" "$? $(grep -c '^| flows that ended | 20[^|]*000 |$' "$PAGE")" "0 1"

# A generator that makes half of its flows.
mkdir "$TMP/build"
cp -s "$BUILD"/* "$TMP/build/" 2>/dev/null
rm "$TMP/build/flood"
cat >"$TMP/build/flood" <<-SH
	#!/bin/sh
	exec "$BUILD/flood" "\$1" "\$2" \$((\$3 / 2)) "\$4" "\$5" "\$6" "\$7"
SH
chmod +x "$TMP/build/flood"
is "flows that are not in the table are missed" "$(BENCH_BUILD=$TMP/build bench --quick --only flows 2>&1 |
	grep '^scale:')" "scale: flows-100: 50 of 100 flows are in the table"
is "and nothing is left then" "$(ls -d "$TMP"/cvs.* 2>/dev/null; its_groups | diff - "$TMP/groups")" ""
bench --quick --only nonsense >/dev/null 2>&1
is "a part that it does not know is refused" $? 2
finish
