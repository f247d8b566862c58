#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Guests that are seen with their own addresses: everywhere in a routed network,
# by some destinations with no-nat.  Nobody else has those addresses, and they
# are no door: what comes in unasked is dropped.
. "$(dirname "$0")/lib.sh"

# Not of 10.0.0.0/8, which must not be seen outside in any test.
SUBNET=172.20.0.0/24
GATEWAY=172.20.0.1
KNOWING=203.0.113.11	# a server that has a route to the guests
PROTO=253		# for experiments (RFC 3692)

# said CLAIM PATTERN CMD...: the command fails with these words
said()
{
	local out
	if out=$("${@:3}" 2>&1); then
		not_ok "$1" "succeeded: ${*:3}" "$out"
		return
	fi
	has "$1" "$out" "$2"
}

seen_as() { guest_peer "$1" who "$2" "${4:-$SERVER}" $PORT $3; }
closed() { ! outside timeout 1.5 "$PYTHON" "$TESTS/peer.py" who "$1" "$2" $PORT; }
entries() { bpftool -j map dump pinned "$CULVERT_BPF/map/whole" | jq length; }
flows() { culvert flow ls "$NET" -o json | jq '.flows | length'; }

# config LINE...
config()
{
	printf '%s\n' "subnet: $SUBNET" "$@"
} >"$TMP/net.yaml"
converge() { culvert up "$NET" -f "$TMP/net.yaml"; }

words()
{
	local out
	config "mode: route"
	out=$(converge)
	has "up says that it routes" "$out" 'uplink +up0, routed: the outside needs a route'
	has "and what comes in" "$out" 'What comes in unasked is dropped'
	NETS+=("$NET")
	is "show tells the mode, and no masquerade ports" \
		"$(culvert show "$NET" -o json | jq -r '.network[] | "\(.mode) \(.masquerade_ports)"')" "route null"
	is "no address is anybody's yet" "$(entries)" 0
}

routed()
{
	local p before
	guest_tap a 172.20.0.10
	guest_veth b 172.20.0.11
	start_ready serve-a guest_peer a serve 0.0.0.0 $PORT
	start_ready proto-a guest_peer a protocol $PROTO
	is "two guests have two addresses" "$(entries)" 2
	is "a guest is seen with its address and port, by UDP" "$(seen_as a udp 500)" "172.20.0.10 500"
	is "by TCP" "$(seen_as a tcp 33000)" "172.20.0.10 33000"
	is "another guest with the same port too" "$(seen_as b tcp 33000)" "172.20.0.11 33000"
	check "ping" guest a ping -q -c 2 -i 0.1 -W 5 $SERVER
	is "another protocol" "$(guest_peer a protocol $PROTO $SERVER)" 172.20.0.10
	check "datagrams of all sizes" guest_peer a echo $SERVER $PORT 1 1472 1473 4000
	check "data in both directions" guest_peer a bulk $SERVER $PORT 4000000
	is "errors come back" "$(guest_peer a error $SERVER 9)" ECONNREFUSED
	is "they have no port of the uplink's" "$(culvert port ls "$NET" -o json | jq '[.ports[].external_ports] | add')" 0

	before=$(dropped filtered a)
	check "TCP does not come in" closed tcp 172.20.0.10
	check "nor UDP" closed udp 172.20.0.10
	refute "nor ping" outside ping -q -c 1 -W 1 172.20.0.10
	refute "nor another protocol" outside timeout 1.5 "$PYTHON" "$TESTS/peer.py" protocol $PROTO 172.20.0.10
	check "each is counted" test "$(dropped filtered a)" -ge $((before + 4))
	check "the host reaches its guest" host_peer who tcp 172.20.0.10 $PORT
	check "a guest reaches its neighbour" guest_peer b who tcp 172.20.0.10 $PORT
	is "a guest does not reach the host" "$(guest_peer a error $UPLINK_IP 9)" EHOSTUNREACH
	said "a port of the host cannot be forwarded" "is routed: guests are reached at their own addresses" \
		culvert forward add "$NET" $UPLINK_IP:8080:a:80
	said "nor for one run" "is routed" culvert run -n "$NET" -p $UPLINK_IP:8080:80 -- sh -c ': {fd}'
	is "of which nothing is left" "$(culvert port ls "$NET" -o json | jq '.ports | length') $(entries)" "2 2"
}

# A rule is what opens a guest's own address.
opened()
{
	config "mode: route" "policy:" "- allow @internet -> a tcp $PORT"
	check "a rule for one port" converge
	is "lets TCP in" "$(outside_peer who tcp 172.20.0.10 $PORT | cut -d' ' -f1)" 198.51.100.1
	check "and nothing else" closed udp 172.20.0.10
	config "mode: route"
	check "without it" converge
	check "nothing comes in" closed tcp 172.20.0.10
}

# Whoever binds the address, the map follows.
leased()
{
	guest_tap c
	is "a guest without an address is nobody outside" "$(entries)" 2
	export DHCP_LOG=$TMP/dhcp.log
	start udhcpc guest c busybox udhcpc -f -i eth0 -t 20 -T 1 -s "$TESTS/dhcp-script"
	await_line 20 "$DHCP_LOG" '^bound' || not_ok "the guest gets a lease" "$(cat "$DHCP_LOG")"
	stop "$PID"
	is "with its lease it is somebody" "$(entries)" 3
	is "and is seen so" "$(seen_as c udp 501 | cut -d' ' -f1)" \
		"$(guest c ip -j -4 addr show dev eth0 | jq -r '.[].addr_info[].local')"
	guest_rm c
	check "its port goes" culvert port rm "$NET" c
	is "and its address with it" "$(entries)" 2
}

alone()
{
	said "an overlapping subnet is refused, also of a masqueraded network" \
		"subnet overlaps $SUBNET of network '$NET'; addresses that are seen outside" culvert up "${NET}x" --subnet 172.20.0.128/25
	echo 'mode: route' >"$TMP/other.yaml"
	said "and of a routed one" "subnet overlaps $SUBNET" culvert up "${NET}x" -f "$TMP/other.yaml" --subnet 172.20.0.0/16
	host ip addr add 172.22.0.1/24 dev lo
	said "so is one that overlaps an address of the host" "overlaps the host's 172.22.0.1/24; mode 'route' needs" \
		culvert up "${NET}x" -f "$TMP/other.yaml" --subnet 172.22.0.0/16
	check "a masqueraded one is not" culvert up "${NET}x" --subnet 172.22.0.0/16
	said "until it is to be routed" "overlaps the host's" culvert up "${NET}x" -f "$TMP/other.yaml"
	is "then it stays what it is" "$(culvert show "${NET}x" -o json | jq -r '.network[].mode')" nat
	check "it goes" culvert down "${NET}x"
	host ip addr del 172.22.0.1/24 dev lo
}

# Flows do not go on with what is not so any more.
changed()
{
	start_ready held guest_peer a flows $SERVER $PORT 4
	config "mode: nat"
	check "a routed network comes to masquerade" converge
	stop "$PID"
	is "no guest has an address outside" "$(entries)" 0
	is "each is seen as the uplink" "$(seen_as a udp 502 | cut -d' ' -f1)" $UPLINK_IP
	is "also with a flow that was there" "$(culvert flow ls "$NET" -o json |
		jq -r '.flows[].external | select(. != null) | sub(":.*"; "")' | sort -u)" $UPLINK_IP
	check "a forward is opened" culvert forward add "$NET" $UPLINK_IP:8080:a:$PORT
	config "mode: route"
	check "and comes to route again" converge
	is "they have them again" "$(entries) $(seen_as a udp 503)" "2 172.20.0.10 503"
	is "the forward is closed" "$(culvert forward ls "$NET" -o json | jq -r '.forwards[].state')" closed
	config "mode: nat"
	converge >/dev/null
	is "until it masquerades" "$(culvert forward ls "$NET" -o json | jq -r '.forwards[].state')" open
	check "the forward goes" culvert forward rm "$NET" --all
}

untranslated()
{
	local out
	config "no-nat: [192.0.2.0/24, $KNOWING/32]"
	check "no-nat for one server" converge
	is "show tells it" "$(culvert show "$NET" -o json | jq -r '.network[].no_nat')" "192.0.2.0/24, $KNOWING/32"
	is "which sees the guest's own address and port" "$(seen_as a udp 504 $KNOWING) $(seen_as a tcp 33001 $KNOWING)" \
		"172.20.0.10 504 172.20.0.10 33001"
	is "the server beside it does not" "$(seen_as a udp 33002 | cut -d' ' -f1)" $UPLINK_IP
	check "data in both directions" guest_peer a bulk $KNOWING $PORT 1000000
	check "ping" guest a ping -q -c 2 -i 0.1 -W 5 $KNOWING
	check "what comes in unasked is dropped" closed tcp 172.20.0.10

	echo "no-nat: 203.0.113.0/24" >"$TMP/other.yaml"
	said "another network with no-nat and the same addresses is refused" "addresses that are seen outside, by mode 'route' or by no-nat" \
		culvert up "${NET}x" -f "$TMP/other.yaml" --subnet $SUBNET
	out=$(culvert up "${NET}x" --subnet $SUBNET 2>&1) || not_ok "one without no-nat comes up" "$out"
	has "one without is warned" "$out" "subnet overlaps $SUBNET of network '$NET'; the host itself reaches"
	said "until it wants no-nat too" "addresses that are seen outside" culvert up "${NET}x" -f "$TMP/other.yaml"
	check "a guest with the same address there" culvert port add "${NET}x" x --ip 172.20.0.10
	is "takes nothing from ours" "$(seen_as a udp 505 $KNOWING)" "172.20.0.10 505"
	culvert port rm "${NET}x" x
	is "also when it goes" "$(entries)" 2
	culvert down "${NET}x" >/dev/null

	start_ready held guest_peer a hold $KNOWING $PORT 33003 "$TMP/go" text
	config "no-nat: [192.0.2.0/24]"
	check "no-nat for others" converge
	is "the flows are forgotten" "$(flows)" 0
	touch "$TMP/go"
	is "that server does not see guests any more" "$(seen_as a udp 506 $KNOWING | cut -d' ' -f1)" $UPLINK_IP
	config
	check "no-nat for none" converge
	is "no guest has an address outside" "$(entries)" 0
}

topology
outside ip route add $SUBNET via $UPLINK_IP
outside ip addr add $KNOWING/32 dev lo
servers
start_ready knowing outside_peer serve $KNOWING $PORT
start_ready serve-proto outside_peer protocol $PROTO
BACKEND=culvert
words
routed
opened
leased
alone
changed
untranslated
finish
