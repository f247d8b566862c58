#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# culvert bench path works: all its rows, for both kinds of guests; who has not
# carried the bytes is found out; its statuses; installed, too; nothing is left.
# How fast anything is, is no claim here.
. "$(dirname "$0")/lib.sh"

export TMPDIR=$TMP
JSON=$TMP/figures.json
path() { timeout 90 "$CULVERT" bench path "$@"; }

its_things()
{
	ls -d /run/netns/cvb*-* /run/netns/cv-cvb* /sys/fs/bpf/cvb* "$TMP"/cvb* "$TMP"/culvert-bench.* 2>/dev/null |
		grep -E "$(printf 'cvb%s-|cv-cvb%sx?$|/cvb%s$|culvert-bench\n' "$1" "$1" "$1")"
}

# status WANTED CLAIM CMD...
status()
{
	local out
	out=$("${@:3}" 2>&1)
	is "$2: status $1" "$?${out:+ }$([ "$1" = "$?" ] || tail -n 3 <<<"$out")" "$1${out:+ }"
}

[ -x "$BUILD/bench" ] || bail "no $BUILD/bench: run make tools"
topology

# --- the command
is "without a suite they are listed" "$("$CULVERT" bench | awk '/^  / { print $1 }' | paste -sd' ')" "path unit scale dhcp"
status 2 "a suite that is none" "$CULVERT" bench speed
status 2 "an option before the suite" "$CULVERT" bench --quick path
status 1 "a suite that is not where CULVERT_BENCH says" env CULVERT_BENCH="$TMP" "$CULVERT" bench path
status 2 "the suite's status is handed on: an unknown option" path --speed
status 2 "a backend that is none" path --backends nft,pf
status 2 "guests that are none" path --guests vhost
status 2 "the short road, which veths have not" path --backends nft,culvert-xdp
status 2 "a limit that is none" path --limit ns_up_100
status 1 "a baseline that is not there" path --baseline "$TMP/none"
is "nothing was made for these" "$(its_things '[0-9]*')" ""

# --- all rows
start rows path --quick --rounds 2 --progress --json "$JSON" --svg "$TMP/svg"
await 10 test -s "$TMP/rows.log"
wait "$PID"
rc=$?
has "it ends with 0, or 4 on a busy machine, and says so" \
	"$rc $(grep -c '^cannot be judged' "$TMP/rows.log")" '^(0 0|4 [1-9])$'
[ $rc = 0 ] || [ $rc = 4 ] || note "$(tail -n 20 "$TMP/rows.log")"
ROWS=$(for f in 1 100 10000; do echo {ns,pps}_{up,down}_$f; done; echo {tcp,tcp4,seg}_{up,down} rr_p50 rr_p99 crr new_flows)
wanted=$(for row in $ROWS; do for b in culvert redirect; do echo "$row.$b"; done; done | sort)
names() { jq -r --arg g "$1" '.metrics[] | select(.guests == $g and .kind == "ratio") | .name' "$JSON" | sort; }
is "each row is there for veths, as a ratio to nft" "$(names veth)" "$wanted"
is "and for TAPs" "$(names tap | sed 's/^tap\.//' | sort)" "$wanted"
is "each is a line of the table" "$(grep -cE '(ns|k/s|Gb/s|us|1/s) +-?[0-9.]+ +-?[0-9.]+ x' "$TMP/rows.log")" 44
is "progress is told for each metric" "$(grep -c '^bench: .*: 2 rounds' "$TMP/rows.log")" 30
is "every value has its samples" "$(jq '[.metrics[].samples] | unique == [2]' "$JSON")" true
is "each row tells bytes that arrived, and that the datapath counted as many" "$(jq '
	[.metrics[] | select(.kind == "value") | select((.bytes_arrived | add) > 0 and
		([.bytes_arrived, .bytes_counted] | transpose | all(.[1] >= .[0] * 0.999)))] | length' "$JSON")" 132
is "the header tells kernel, processor, compiler and programs" "$(jq -c '
	.header | [.kernel, .cpu, .clang, .object_sha256, .revision, .steal_ticks.after] | map(. != null) | unique' "$JSON")" '[true]'
is "the plots are XML" "$($PYTHON - "$TMP"/svg/*.svg <<'EOP' 2>&1
import sys, xml.etree.ElementTree as x
print(sum(x.parse(f).getroot().tag == "{http://www.w3.org/2000/svg}svg" for f in sys.argv[1:]))
EOP
)" 10
is "nothing of it is left" "$(its_things '[0-9]*')" ""

# --- the other backends; iptables is not needed to build or test
OTHERS=none,masquerade
! command -v iptables-restore >/dev/null || OTHERS=$OTHERS,iptables
out=$(path --guests veth --backends $OTHERS --rounds 2 --only ns_up_100,crr --json "$TMP/others.json" 2>&1)
has "plain routing is compared with $OTHERS" "$? $(jq -r '[.metrics[].backend] | unique | join(",")' "$TMP/others.json") $out" \
	"^[04] $(tr , '\n' <<<$OTHERS | sort | paste -sd,) "
has "and told who carried the bytes" "$out" '^carried, .*: none 0\.[0-9]+ GB \(its link\), masquerade 0\.[0-9]+ GB \(its link\)'
[ $OTHERS != none,masquerade ] || skip "and with iptables" "no iptables"

out=$(path --guests tap --backends nft,culvert,culvert-xdp --rounds 3 --only ns_down_100.,ns_up_1.,tcp_down --json "$TMP/xdp.json" 2>&1)
has "the short road is measured beside the other" "$? $(jq -r '[.metrics[].backend] | unique | join(",")' "$TMP/xdp.json") $out" \
	'^[04] culvert,culvert-xdp,nft '

# --- statuses
SHORT=(--guests veth --backends nft,culvert --rounds 9)
jq '(.metrics[] | select(.name == "rr_p50.culvert")).value /= 3' "$JSON" >"$TMP/doctored.json"
out=$(path "${SHORT[@]}" --only rr_p50 --baseline "$TMP/doctored.json")
rc=$?
has "what is worse than the baseline is told, with old, new and percent" "$out" \
	'^worse: rr_p50.culvert: 0\.[0-9]+ -> [0-9.]+ x nft, \+[0-9.]+ % \(may be 20 %\)$'
has "the status is 3, or 4 when it scattered as well" "$rc $(grep -c '^cannot be judged' <<<"$out")" '^(3 0|4 1)$'

# stat SYSTEM STOLEN: as /proc/stat
stat() { for cpu in cpu $(seq -f 'cpu%g' 0 63); do echo "$cpu 0 0 $1 0 0 0 0 $2 0 0"; done; }
stat 100 0 >"$TMP/stat"
stat 150 50 >"$TMP/stolen"
start stolen env BENCH_STAT="$TMP/stat" "$CULVERT" bench path "${SHORT[@]}" --only rr_p50,crr
await_line 20 "$TMP/stolen.log" '^TCP ping-pong p50'
mv "$TMP/stolen" "$TMP/stat"
wait "$PID"
is "stolen time: the status is 4" $? 4
has "and the reason" "$(cat "$TMP/stolen.log")" '^cannot be judged: 50\.0 % of the CPU time was stolen'

start killed path "${SHORT[@]}"
await_line 20 "$TMP/killed.log" '^packet up'
stop "$(pgrep -P "$PID" || echo "$PID")"
wait "$PID"
is "it is ended in the middle: nothing is left" "$(its_things '[0-9]*')" ""

# --- who carried the bytes.  Sites whose names lie about what they are.
cat >"$TMP/misled" <<'EOT'
guests=$1 culvert=$BUILD/culvert P=cvb$$ work=$TMP/$P
. "$TOP/tools/bench/topo.sh"
trap topo_remove EXIT
mkdir "$work"
topo_floor; topo_nft; topo_none; topo_culvert; topo_network culvert-xdp "${P}x" 'xdp: off'
# lie NAME TRUTH: what is called NAME is TRUTH, and the first that is measured
lie()
{
	{
		grep floor "$work/sites"
		sed -n "s/^$2 /$1 /p" "$work/sites"
	} >"$work/lie"
	echo "$1 is $2: $(CULVERT_BPF=/sys/fs/bpf/$P "$BUILD/bench" --rounds 3 --only "$3" "$work/lie" 2>&1 >/dev/null) -> $?"
}
lie nft nft ns_up_1; lie culvert nft ns_up_100; lie culvert nft tcp_down; lie nft culvert crr; lie nft none ns_up_100
lie culvert-xdp culvert-xdp ns_down_1.
EOT
for guests in veth tap; do
	WHERE=$guests
	start misled env TOP="$TOP" BUILD="$BUILD" bash -eu "$TMP/misled" $guests
	wait "$PID"
	out=$(cat "$TMP/misled.log")
	has "what tells the truth passes" "$out" '^nft is nft:  -> 0$'
	has "packets that nftables carried are not culvert's" "$out" \
		'^culvert is nft: bench: ns_up_100: culvert: the datapath counted 0 bytes up, [1-9][0-9]* arrived: .* -> 1$'
	has "nor are TCP's bytes" "$out" \
		'^culvert is nft: bench: tcp_down: culvert: the datapath counted 0 bytes (up|down), [1-9][0-9]* arrived: .* -> 1$'
	has "where nft has no rules it has not carried" "$out" '^bench: nft: no counters: .* -> 1$'
	has "where XDP is off, nothing came by it" "$out" \
		'^culvert-xdp is culvert-xdp: bench: ns_down_1: culvert-xdp: 0 packets came by XDP, [1-9][0-9]* arrived: .* -> 1$'
	has "packets that nobody translated are refused" "$out" \
		'^nft is none: bench: nft: 1 packets up arrived with wrong addresses: .* -> 1$'
done
WHERE=

# --- installed
make -s -C "$TOP" install DESTDIR="$TMP/root" PREFIX=/usr >"$TMP/install.log" 2>&1 || note "$(cat "$TMP/install.log")"
CULVERT_INSTALLED=$TMP/root/usr/sbin/culvert
out=$(cd / && BUILD='' timeout 60 "$CULVERT_INSTALLED" bench path --guests tap --backends nft,culvert --rounds 3 --only crr --json "$TMP/installed.json" 2>&1)
has "installed, it runs from anywhere" "$? $(tail -n 1 <<<"$out")" '^[04] '
is "and measures with the installed programs" "$(jq -r .header.object_sha256 "$TMP/installed.json")" \
	"$(sha256sum <"$CULVERT_INSTALLED" | cut -d' ' -f1)"
has "what needs the source says so" "$("$CULVERT_INSTALLED" bench unit 2>&1)" "'unit' is not installed"
make -s -C "$TOP" uninstall DESTDIR="$TMP/root" PREFIX=/usr >/dev/null
is "uninstalled, no file is left" "$(find "$TMP/root" -type f)" ""
finish
