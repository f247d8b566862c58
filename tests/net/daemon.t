#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The daemon may die at any time: no flow notices, and a client that is known
# renews its lease without it.  There is no oracle for that: nft has no daemon.
. "$(dirname "$0")/lib.sh"

rounds() { grep -c '^round' "$TMP/flows-$1.log"; }
rounds_exceed() { [ "$(rounds "$1")" -gt "$2" ]; }

# flows_go_on GUEST: twenty more exchanges on every flow
flows_go_on()
{
	await 20 rounds_exceed "$1" $(($(rounds "$1") + 20))
}

client()
{
	export DHCP_LOG=$TMP/dhcp-$1.log
	: >>"$DHCP_LOG"
	start "udhcpc-$1" guest "$1" busybox udhcpc -f -i eth0 -t 20 -T 1 -s "$TESTS/dhcp-script"
	CLIENT=$PID
}
events_exceed() { [ "$(grep -c "^$1" "$2")" -gt "$3" ]; }

# next_event EVENT FILE CMD...: the command causes one more
next_event()
{
	local n
	n=$(grep -c "^$1" "$2")
	"${@:3}"
	await 15 events_exceed "$1" "$2" "$n"
}

kill_daemon()
{
	local p pids
	pids=$(own_culverts)
	[ -n "$pids" ] || return 1
	for p in $pids; do
		kill -9 "$p"
	done
	await 5 gone [ -n "$(own_culverts)" ]
}
daemon_runs() { [ -n "$(own_culverts)" ]; }

forwards() { [ "$(host cat "/proc/sys/net/ipv4/conf/cv-$NET/forwarding")" = 1 ]; }

scenario()
{
	local i g log
	guest_tap a 10.20.0.10
	guest_veth b 10.20.0.11
	guest_tap known
	guest_veth late
	client known
	log=$DHCP_LOG
	check "a client is given a lease by the daemon" await_line 25 "$log" '^bound'
	known=$CLIENT
	for g in a b; do
		start_ready flows-$g guest_peer $g flows $SERVER $PORT 50
		eval "flows_$g=\$PID"
	done

	check "the daemon is killed" kill_daemon
	check "50 flows behind a TAP go on" flows_go_on a
	check "50 flows behind a veth go on" flows_go_on b
	check "a known client renews its lease" next_event renew "$log" kill -USR1 "$known"
	stop "$known"
	: >"$log"
	client known
	check "a known client that starts anew is given its lease" await_line 25 "$log" '^bound'
	check "new flows are made" guest_peer a bulk $SERVER $PORT 1000000
	client late
	late=$DHCP_LOG

	check "up starts the daemon again" culvert up "$NET" --subnet $SUBNET
	check "it runs" await 5 daemon_runs
	check "a client that it did not know is given a lease" await_line 25 "$late" '^bound'
	for i in 1 2 3; do
		check "kill $i: the daemon dies" kill_daemon
		check "kill $i: it is started" culvert up "$NET" --subnet $SUBNET
		check "kill $i: a client renews" next_event renew "$late" kill -USR1 "$CLIENT"
	done
	check "flows behind the TAP go on" flows_go_on a
	check "flows behind the veth go on" flows_go_on b
	host sh -c "echo 0 >/proc/sys/net/ipv4/conf/cv-$NET/forwarding"
	check "somebody turns forwarding of the network's link off: it is on again" await 4 forwards
	for g in a b; do
		eval "stop \$flows_$g"
		is "no flow of guest $g was harmed" "$(grep -o '^flows.*' "$TMP/flows-$g.log" |
			sed 's/rounds [0-9]* //')" "flows 50 broken 0"
	done
}

topology
servers
on_backends scenario culvert
finish
