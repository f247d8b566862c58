#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The host's firewall neither carries nor disturbs guests: a ruleset that drops
# all, and `nft flush ruleset`, change nothing for them.  The oracle's guests
# are cut off by both, which shows that the rulesets bite.
. "$(dirname "$0")/lib.sh"

rounds() { grep -c '^round' "$TMP/flows-$1.log"; }
rounds_exceed() { [ "$(rounds "$1")" -gt "$2" ]; }

drop_all()
{
	host nft -f - <<-RULES
		flush ruleset
		table inet hostile {
			chain forward { type filter hook forward priority filter; policy drop; }
			chain input { type filter hook input priority filter; policy drop; }
			chain output { type filter hook output priority filter; policy drop; }
			chain pre { type filter hook prerouting priority raw; policy drop; }
		}
	RULES
}

claims()
{
	local g n
	for g in a b; do
		n=$(rounds $g)
		check "$1: the flows of guest $g go on" await 20 rounds_exceed $g $((n + 20))
		check "$1: guest $g makes new ones" guest_peer $g bulk $SERVER $PORT 1000000
		check "$1: guest $g pings the gateway" guest $g ping -q -c 1 -W 5 $GATEWAY
	done
	export DHCP_LOG=$TMP/dhcp.log
	: >"$DHCP_LOG"
	guest c busybox udhcpc -f -q -n -i eth0 -t 20 -T 1 -s "$TESTS/dhcp-script" >/dev/null 2>&1
	has "$1: a client is given a lease" "$(cat "$DHCP_LOG")" '^bound'
}

scenario()
{
	local g
	guest_tap a 10.20.0.10
	guest_veth b 10.20.0.11
	guest_tap c
	if [ "$BACKEND" = oracle ]; then
		check "with its rules the oracle's guest is online" guest_peer a who tcp $SERVER $PORT
		host nft list ruleset >"$TMP/oracle.nft"
		host nft flush ruleset
		# Without its rules it forwards, but does not translate.
		refute "flush ruleset cuts it off" guest a timeout 2 bash -c "exec 3<>/dev/tcp/$SERVER/$PORT"
		drop_all
		refute "so does a dropping ruleset" guest a timeout 2 bash -c "exec 3<>/dev/tcp/$SERVER/$PORT"
		leak_watch
		host nft -f - <<<"flush ruleset; $(cat "$TMP/oracle.nft")"
		return
	fi
	for g in a b; do
		start_ready flows-$g guest_peer $g flows $SERVER $PORT 50
		eval "flows_$g=\$PID"
	done
	claims "no rule"
	drop_all
	claims "all dropped"
	host nft flush ruleset
	claims "ruleset flushed"
	for g in a b; do
		eval "stop \$flows_$g"
		is "no flow of guest $g was harmed" "$(grep -o '^flows.*' "$TMP/flows-$g.log" |
			sed 's/rounds [0-9]* //')" "flows 50 broken 0"
	done
}

topology
servers
on_backends scenario
finish
