#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The tests' own judgement: a test that leaves something behind fails with the
# claim that names it, a test that is ended in the middle leaves nothing, and
# a comparison that should fail does.
. "$(dirname "$0")/lib.sh"

# inner NAME: a test read from stdin; its output is in $TMP/NAME.out
inner()
{
	{
		echo ". '$TESTS/lib.sh'"
		cat
	} >"$TMP/$1.t"
	# Its processes are told from ours by its own CULVERT_RUN.
	bash "$TMP/$1.t" >"$TMP/$1.out" 2>&1
}

fails() { has "$2 is noticed" "$(grep '^not ok' "$TMP/$1.out")" "^not ok [0-9]+ - $3"; }

left_of() { ls -d /run/netns/cv*t"$1"* /sys/fs/bpf/cvt-"$1" 2>/dev/null; }

inner sloppy <<'EOT'
topology
echo "# id $$"
host ip link add name left type bridge
sleep 1000 &
mkdir -p "$CULVERT_BPF" "$CULVERT_RUN"
bpftool map create "$CULVERT_BPF/left" type array key 4 value 4 entries 1 name left
touch "$CULVERT_RUN/left"
ip netns add "cv-$NET"
host nft add table ip left
host sh -c 'echo 1 >/proc/sys/net/ipv4/conf/up0/proxy_arp'
host ip addr add 10.9.9.9/32 dev lo
host ping -q -c 1 -W 1 -I 10.9.9.9 $SERVER >/dev/null
DMESG_LAST="no such line"
SPLAT='entered forwarding state'
check "a command that fails" false
is "two words" one two
has "no such line" "text" '^nothing$'
refute "a command that succeeds" true
finish
EOT
is "a sloppy test fails" $? 1
for claim in "a command that fails" "two words" "no such line" "a command that succeeds"; do
	fails sloppy "$claim" "$claim"
done
fails sloppy "a process" "no process stays"
fails sloppy "a pin, or a file," "no pin and no file in CULVERT_RUN stays"
fails sloppy "a namespace" "no namespace stays"
fails sloppy "a mount" "no mount stays"
fails sloppy "a change of the host" "links, addresses, routes, rules and sysctls of the host are as before"
fails sloppy "a guest's address outside" "no guest's address was seen outside"
fails sloppy "a line in the kernel's log" "the kernel's log shows no harm"
for what in ': left:' 'table ip left' 'conf.up0.proxy_arp = 1' '10.9.9.9'; do
	has "the difference names '$what'" "$(cat "$TMP/sloppy.out")" "$what"
done
is "it is cleaned up after, nevertheless" "$(left_of "$(sed -n 's/^# id //p' "$TMP/sloppy.out")")" ""

CAPTURE=oracle inner captured <<'EOT'
topology
backend oracle
host ip addr add 10.9.9.9/32 dev lo
host ping -q -c 1 -W 1 -I 10.9.9.9 $SERVER >/dev/null
host ip addr del 10.9.9.9/32 dev lo
finish
EOT
is "a test whose packets are judged fails by them" $? 1
fails captured "an internal address in a capture" "no internal address came outside .oracle."

case " ${TEST_BACKENDS:-culvert} " in
*' culvert '*)
	inner ended <<-'EOT' &
		topology
		servers
		backend culvert
		guest_tap a 10.20.0.10
		guest_veth b 10.20.0.11
		echo "id $$"
		sleep 1000
	EOT
	await_line 30 "$TMP/ended.out" '^id '
	id=$(sed -n 's/^id //p' "$TMP/ended.out")
	kill -TERM "$id"		# heard when its sleep has ended
	pkill -TERM -P "$id" sleep
	wait $!
	is "a test ended by SIGTERM" $? 143
	is "leaves nothing" "$(left_of "$id")" ""
	refute "and has no plan" grep '^1\.\.' "$TMP/ended.out"
	;;
esac

# What docs/differences.md names as proof is there: tests, and claims in quotes.
unproven()
{
	local kind name claim
	grep -oP '(?<!tests/)\b(net|bpf)/[a-z_]+' "$TOP/docs/differences.md" | sort -u | while IFS=/ read -r kind name; do
		[ -e "$TESTS/$name.t" ] || [ -e "$TOP/tests/bpf/test_$name.c" ] || echo "$kind/$name"
	done
	grep -oE '"[^"]+"' "$TOP/docs/differences.md" | tr -d '"' | sort -u | while read -r claim; do
		grep -rqF -- "$claim" "$TESTS" "$TOP/tests/bpf" || echo "$claim"
	done
}
is "each test and claim that docs/differences.md names is there" "$(unproven)" ""

topology
finish
