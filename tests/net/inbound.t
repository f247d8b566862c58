#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Nothing comes in that a guest did not ask for: neither to the uplink's
# address, nor to the port of a guest's own flow from another peer, nor to a
# guest's address from someone who routes it here.
. "$(dirname "$0")/lib.sh"

# Arrived but not asked for; the oracle's bridge reports its own multicast groups.  The ping is asked for, and tells that all before it was heard.
unasked()
{
	guest "$1" ping -q -c 1 -W 5 $SERVER >/dev/null
	await_line 5 "$TMP/heard-$1.log" 'echo reply'
	listen_end "heard-$1"
	grep ' > ' "$TMP/heard-$1.log" | grep -vE " $SERVER(\.$PORT > | > .*echo reply)|igmp"
}

scenario()
{
	local g
	guest_tap a 10.20.0.10
	guest_veth b 10.20.0.11
	outside ip route replace 10.20.0.0/24 via $UPLINK_IP
	for g in a b; do
		WHERE="$1, $g"
		start_ready "flow-$1-$g" guest_peer $g hold $SERVER $PORT 41000 "$TMP/go-$1-$g" mine
		listen heard-$g ip guest $g
		check "knocks on the uplink's address leave" outside_peer knock $UPLINK_IP 1 22 80 2000 41000 65535
		check "knocks on the guests' addresses leave" outside_peer knock 10.20.0.10 80 41000
		check "knocks on the guests' addresses leave again" outside_peer knock 10.20.0.11 80 41000
		outside ping -q -c 1 -W 1 10.20.0.10 >/dev/null 2>&1
		outside ping -q -c 1 -W 1 $UPLINK_IP >/dev/null 2>&1
		is "the guest heard nothing of it" "$(unasked $g)" ""
		touch "$TMP/go-$1-$g"
		await_line 10 "$TMP/flow-$1-$g.log" mine
		is "its flow was not disturbed" "$(grep -c '^mine' "$TMP/flow-$1-$g.log")" 2
	done
	WHERE=$1
	check "the host itself answers its ping" outside ping -q -c 1 -W 5 $UPLINK_IP
}

topology
servers
on_backends scenario
finish
