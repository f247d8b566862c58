#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Which ports a network masquerades with, and how many of them a guest and a
# network may have at a time.
. "$(dirname "$0")/lib.sh"

config()
{
	printf '%s\n' "subnet: $SUBNET" "$@"
} >"$TMP/net.yaml"
converge() { culvert up "$NET" -f "$TMP/net.yaml"; }
ranges() { culvert show "$NET" -o json | jq -r '.network[].masquerade_ports'; }
DEFAULT=32768	# ports of each guest
clear_flows() { culvert flow flush "$NET" >/dev/null; }

# fill GUEST N: N flows, until `release`; TOLD is what became of them
fill()
{
	start_ready "fill-$1" guest_peer "$1" fill $SERVER $PORT "$2" "$TMP/go"
	FILLING+=("$PID")
	TOLD=$(head -n 1 "$TMP/fill-$1.log")
}
FILLING=()
release()
{
	touch "$TMP/go"
	wait "${FILLING[@]}"
	FILLING=()
	rm "$TMP/go"
	clear_flows
}

# Of UDP flows: the ports outside, each once, in order.
outside_ports()
{
	culvert flow ls "$NET" --proto udp "$@" -o json |
		jq -r '.flows[].external | sub(".*:"; "")' | sort -nu | xargs
}
in_use() { culvert flow count "$NET" -o json | jq -r --arg g "$1" '(.networks + .guests)[] |
	select(.network == $g or .guest == $g) | "\(.external_ports) \(.external_ports_limit)"'; }

which_ports()
{
	host sysctl -qw net.ipv4.ip_local_port_range="32768 60999"
	config
	converge >/dev/null
	is "all but well-known ones and the host's own" "$(ranges)" "1024-32767,61000-65535"
	config "ports: 30000-33000,50000,61000-62000"
	check "ranges of ports" converge
	is "lose what is the host's own" "$(ranges)" "30000-32767,61000-62000"
	config "ports: [ 40000-40009 ]"
	has "ports that are all the host's own are warned of" "$(converge 2>&1)" "the host's own sockets may use ports 32768 to 60999"
	is "and shared" "$(ranges)" "40000-40009"
	config "ports: 20000-20003,20010-20013"
	is "a few are fine" "$(converge 2>&1 >/dev/null)" ""
	is "and what was asked for" "$(ranges)" "20000-20003,20010-20013"
	is "up again has nothing to do" "$(converge)" "network $NET is already up, nothing to do"
	clear_flows
	fill a 10
	is "eight flows find a port" "$TOLD" '2 EHOSTUNREACH, 8 answered'
	is "each one of those" "$(outside_ports)" "20000 20001 20002 20003 20010 20011 20012 20013"
	is "who has none is counted" "$(dropped no-port a)" 2
	is "as many are in use" "$(in_use a) $(in_use "$NET")" "8 $DEFAULT 8 null"
	check "TCP has ports of its own" guest_peer b who tcp $SERVER $PORT
	release
	is "none after a flush" "$(in_use a)" "0 $DEFAULT"
}

# One guest's greed is its own.
of_a_guest()
{
	local before
	config "limits: { ports-per-guest: 3 }"
	check "a limit of each guest" converge
	is "show tells it" "$(culvert show "$NET" -o json | jq -r '.network[] | "\(.max_external_ports) \(.max_guest_external_ports)"')" "null 3"
	is "so does port ls" "$(culvert port ls "$NET" -o json | jq -r '[.ports[].max_external_ports] | unique | @csv')" 3
	clear_flows
	before=$(dropped port-ports a)
	listen told "icmp" guest a
	guest_peer a who udp $SERVER $PORT 40001 >/dev/null
	fill a 4
	is "the guest has its three, and is told of the others" "$TOLD" "2 EHOSTUNREACH, 2 answered"
	listen_end told
	is "by ICMP, as prohibited" "$(grep -c 'admin prohibited' "$TMP/told.log")" 2
	is "each is counted" $(($(dropped port-ports a) - before)) 2
	is "three are in use" "$(in_use a)" "3 3"
	is "from a port that has one it may speak to others" "$(guest_peer a error $SERVER 7001 40001) $(guest_peer a error $SERVER 7002 40001)" \
		"ECONNREFUSED ECONNREFUSED"
	is "which costs no other" "$(in_use a)" "3 3"
	fill b 3
	is "another guest goes on" "$TOLD" "3 answered"
	is "both count for the network" "$(in_use "$NET")" "6 null"
	release
	is "when they end there is room again" "$(in_use a) $(guest_peer a who udp $SERVER $PORT | cut -d' ' -f1)" "0 3 $UPLINK_IP"
}

of_a_network()
{
	local before
	config "limits: { ports: 4 }"
	check "a limit of the network" converge
	clear_flows
	is "the guests' own is gone" "$(in_use a) $(in_use "$NET")" "0 $DEFAULT 0 4"
	before=$(dropped network-ports)
	fill a 3
	is "one guest has three" "$TOLD" "3 answered"
	fill b 3
	is "so the next one has one" "$TOLD" "2 EHOSTUNREACH, 1 answered"
	is "each is counted" $(($(dropped network-ports) - before)) 2
	check "a new guest is under the limits that are in force" culvert port add "$NET" c
	is "which are its own" "$(in_use c)" "0 $DEFAULT"
	touch "$TMP/go"
	wait "${FILLING[@]}"
}

topology
servers
backend culvert
WHERE=
guest_tap a 10.20.0.10
guest_veth b 10.20.0.11
which_ports
of_a_guest
of_a_network
is "flow flush tells how many by JSON too" "$(culvert flow flush "$NET" -o json | jq -r '.flushed[] | "\(.network) \(.flows > 0)"')" "$NET true"
finish
