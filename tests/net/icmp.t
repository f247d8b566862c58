#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# ICMP errors find the guest that they are for, and no other: time exceeded
# (traceroute), port unreachable, fragmentation needed.  Between host and
# outside is a router whose far link has an MTU of 1400.
. "$(dirname "$0")/lib.sh"

# hops GUEST OPTION...: the addresses that traceroute meets, the last one included
hops()
{
	guest "$1" traceroute -n -q 1 -w 3 -m 8 "${@:2}" $SERVER 2>&1 |
		awk 'NR > 1 { print $2 }' | xargs
}

# What guest b hears while a is told of an error; its ping ends the listening.
heard()
{
	guest "$1" ping -q -c 1 -W 5 $SERVER >/dev/null
	await_line 5 "$TMP/heard-$1.log" 'echo reply'
	listen_end "heard-$1"
	grep -E 'unreachable|exceeded' "$TMP/heard-$1.log"
}

route_mtu() { guest "$1" ip route get $SERVER | grep -o 'mtu [0-9]*'; }

scenario()
{
	local path="$GATEWAY 198.51.100.1 $SERVER"
	guest_tap a 10.20.0.10
	guest_veth b 10.20.0.11

	is "traceroute by UDP sees the gateway as one hop" "$(hops a)" "$path"
	is "traceroute by ICMP sees the gateway as one hop" "$(hops a -I)" "$path"
	is "traceroute by TCP sees the gateway as one hop" "$(hops b -T -p $PORT)" "$path"

	# Both guests have the same port towards the server, so only the flow tells them apart.
	start_ready "other-$1" guest_peer b hold $SERVER $PORT 5555 "$TMP/go-$1" undisturbed
	listen heard-b icmp guest b
	is "port unreachable comes back to its guest" \
		"$(guest_peer a error $SERVER 9 5555)" ECONNREFUSED
	is "and again, for a flow that exists" "$(guest_peer a error $SERVER 9 5555)" ECONNREFUSED
	is "fragmentation needed comes back to its guest" "$(guest_peer a mtu $SERVER $PORT)" 1400
	is "no other guest hears of it" "$(heard b)" ""
	is "no other guest's path is changed" "$(route_mtu b)" ""
	touch "$TMP/go-$1"
	check "nor its flows from the same port" await_line 10 "$TMP/other-$1.log" undisturbed

	check "TCP finds the smaller MTU, behind a TAP" guest_peer a bulk $SERVER $PORT 3000000
	check "TCP finds the smaller MTU, behind a veth" guest_peer b bulk $SERVER $PORT 3000000
	check "datagrams are cut to the smaller MTU" guest_peer b echo $SERVER $PORT 1372 1373 1472 6000
	check "large pings are cut to the smaller MTU" \
		guest b ping -q -c 2 -i 0.1 -W 5 -M dont -s 1472 $SERVER
	is "a closed TCP port refuses" \
		"$(guest_peer a who tcp $SERVER 9 2>&1 | grep -o 'Connection refused')" "Connection refused"
}

topology 1400
servers
on_backends scenario
finish
