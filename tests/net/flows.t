#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Flows are told apart by guest and network, and end on time by themselves.
. "$(dirname "$0")/lib.sh"

# same_port GUEST...: all talk from port 40000 to the same server at once
same_port()
{
	local g go=$TMP/go-$RANDOM peers
	for g; do
		start_ready "hold-$g" guest_peer "$g" hold $SERVER $PORT 40000 "$go" "this is $g"
	done
	peers=$(outside ss -Htn state established "sport = :$PORT" | awk '{ print $4 }' | sort -u)
	touch "$go"
	for g; do
		await 10 ended "hold-$g"
		is "guest $g hears itself, by TCP and by UDP" "$(grep -v ready "$TMP/hold-$g.log")" \
			"this is $g"$'\n'"this is $g"
	done
	is "the server sees as many peers as guests, all at the uplink's address" \
		"$(grep -c "^$UPLINK_IP:" <<<"$peers") of $(wc -l <<<"$peers")" "$# of $#"
}
ended() { [ "$(grep -c 'this is' "$TMP/$1.log")" = 2 ]; }

scenario()
{
	guest_tap a 10.20.0.10
	guest_veth b 10.20.0.11
	guest_tap c 10.20.0.12
	same_port a b c
	[ "$BACKEND" = oracle ] ||
		is "flow ls names the guests of all six flows" "$(culvert flow ls "$NET" -o json |
			jq -r '.flows[] | select(.local | endswith(":40000")) | .guest' | sort | xargs)" "a a b b c c"
}

# One namespace of the oracle cannot have the same subnet twice: culvert only.
same_subnet()
{
	network_up "${NET}x"
	guest_tap a 10.20.0.10
	guest_tap b 10.20.0.10 "${NET}x"
	guest_veth c 10.20.0.11
	guest_veth d 10.20.0.11 "${NET}x"
	same_port a b c d
	check "each network's gateway answers" guest b ping -q -c 1 -W 5 $GATEWAY
	check "a neighbour of the own network answers" guest b ping -q -c 1 -W 5 10.20.0.11
	is "it is the own network's" "$(guest b ip neigh show 10.20.0.11 | sed 's/.*lladdr \([^ ]*\).*/\1/')" \
		"${GUEST_MAC[d]}"
	guest_rm b
	guest_rm d
	check "one network goes" culvert down "${NET}x"
	NETS=("$NET")
	check "the other one stays" guest_peer a bulk $SERVER $PORT 1000000
}

no_flows() { [ "$(culvert flow ls "$NET" -o json | jq '.flows | length')" = 0 ]; }

TRACKED='/proc/sys/net/netfilter/nf_conntrack_udp_timeout /proc/sys/net/netfilter/nf_conntrack_udp_timeout_stream'

# Flows of UDP end after 3 s: culvert's with no process of it there.
short_timeouts()
{
	local p
	if [ "$BACKEND" = oracle ]; then
		TRACKED_S=$(host cat $TRACKED | xargs)
		host sh -c "for f in $TRACKED; do echo 3 >\$f; done"
		return
	fi
	echo 'timeouts: { udp: 3s, icmp: 3s }' >"$TMP/short.yaml"
	culvert up "$NET" -f "$TMP/short.yaml" >/dev/null 2>&1 || bail "cannot set the timeouts"
	for p in $(own_culverts); do
		kill -9 "$p"
	done
	await 5 gone [ -n "$(own_culverts)" ]
	is "no process of culvert runs" "$(own_culverts)" ""
}

timeouts_as_before()
{
	[ "$BACKEND" = oracle ] || return 0
	host sh -c "set -- $TRACKED_S; for f in $TRACKED; do echo \$1 >\$f; shift; done"
}

# Time itself is what is tested here, so here is waiting by the clock.
expiry()
{
	guest_tap a 10.20.0.10
	short_timeouts
	# The server answers its first peer after 2 s and its second after 4 s.
	start_ready late outside_peer late $SERVER 7300 2 4
	start answer-1 guest_peer a who udp $SERVER 7300
	await_line 10 "$TMP/late.log" '^heard 1'
	start answer-2 guest_peer a who udp $SERVER 7300
	await_line 15 "$TMP/late.log" '^done'
	guest a ping -q -c 1 -W 5 $SERVER >/dev/null
	is "an answer within the timeout arrives" "$(cat "$TMP/answer-1.log")" WHO
	is "an answer after the timeout does not" "$(grep -c WHO "$TMP/answer-2.log")" 0
	[ "$BACKEND" = oracle ] || check "flows that have ended are gone" await 10 no_flows
	check "a new flow is made as ever" guest_peer a echo $SERVER $PORT 100
	timeouts_as_before
}

topology
servers
on_backends scenario
on_backends same_subnet culvert
on_backends expiry
finish
