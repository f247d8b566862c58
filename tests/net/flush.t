#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Which flows `flow ls` lists and `flow flush` forgets, by guest, protocol, peer
# and state; and what those feel that are forgotten.
. "$(dirname "$0")/lib.sh"

# listed [OPTION...]: "guest proto" of each
listed()
{
	culvert flow ls "$NET" "$@" -o json | jq -r '.flows[] | "\(.guest) \(.proto)"' | sort | xargs
}

flush() { culvert flow flush "$NET" "$@"; }

# usage OPTION VALUE: is refused by its name, by both commands
usage()
{
	local verb out
	for verb in ls flush; do
		out=$(culvert flow "$verb" "$NET" "$1" "$2" 2>&1)
		is "flow $verb $1 '$2' is wrong usage" $? 2
		has "the message of $verb names $1" "$out" "^[^ ]*culvert: $1 |^$1 |: $1 "
	done
}

filters()
{
	is "without a filter all are listed" "$(listed)" "a tcp b icmp b udp"
	is "of one guest" "$(listed --guest b)" "b icmp b udp"
	is "of one protocol" "$(listed --proto tcp)" "a tcp"
	is "of one peer" "$(listed --peer $SERVER)" "a tcp b icmp b udp"
	is "of one peer and port, which ICMP has not" "$(listed --peer $SERVER:$PORT)" "a tcp b udp"
	is "of another port" "$(listed --peer $SERVER:$((PORT + 1)))" ""
	is "of another peer" "$(listed --peer 203.0.113.11)" ""
	is "of one state" "$(listed --state established)" "a tcp"
	is "of another state" "$(listed --state open)" "b icmp b udp"
	is "of a state that none has" "$(listed --state closing)" ""
	is "filters combine" "$(listed --guest b --proto udp --peer $SERVER:$PORT --state open)" "b udp"
	is "and exclude" "$(listed --guest b --proto tcp)" ""
}

flushes()
{
	is "what none matches forgets none" "$(flush --guest b --proto tcp)" "0 flows forgotten"
	is "another port's neither" "$(flush --peer $SERVER:$((PORT + 1)))" "0 flows forgotten"
	is "all are still there" "$(listed)" "a tcp b icmp b udp"
	is "all filters at once forget one" \
		"$(flush --guest b --proto udp --peer $SERVER:$PORT --state open)" "1 flow forgotten"
	is "the others are there" "$(listed)" "a tcp b icmp"
	is "one guest's are forgotten" "$(flush --guest b)" "1 flow forgotten"
	is "an established one is, by its state" "$(flush --state established)" "1 flow forgotten"
	is "none is left" "$(listed)" ""
	touch "$TMP/go"
	check "its connection goes on when the guest speaks" await_line 10 "$TMP/held.log" 'still here'
	await 10 two_answers
	is "and has its TCP and UDP flow again" "$(listed --guest a)" "a tcp a udp"
	is "all of a network are forgotten" "$(flush)" "2 flows forgotten"
	is "those of another network are not" "$(culvert flow count "${NET}x" -o json |
		jq '.networks[].flows')" 1
	is "stats count the forgotten" "$(culvert stats "$NET" -o json |
		jq '.totals[] | select(.counter == "flushed_flows") | .count')" 5
}
two_answers() { [ "$(grep -c 'still here' "$TMP/held.log")" = 2 ]; }

# unasked: what the server sends to a flow that was forgotten
forgotten()
{
	start_ready late outside_peer late $SERVER 7300 2
	start answer guest_peer b ask $SERVER 7300 5
	await_line 10 "$TMP/late.log" '^heard 1'
	is "a flow that waits is forgotten" "$(flush --peer $SERVER:7300)" "1 flow forgotten"
	await_line 10 "$TMP/answer.log" '^(silence|answered)'
	is "the answer does not reach the guest" "$(cat "$TMP/answer.log")" silence
}

refusals()
{
	local out
	usage --proto sctp
	usage --proto ''
	usage --peer example.org
	usage --peer $SERVER:0
	usage --peer $SERVER:65536
	usage --state new
	out=$(culvert flow ls "$NET" --guest nobody 2>&1)
	is "a guest that is not there fails" $? 1
	has "and is named" "$out" "no port 'nobody'"
	out=$(flush --guest nobody 2>&1)
	is "for flush as well" $? 1
	has "which names him too" "$out" "no port 'nobody'"
	refute "a network that is not there fails" culvert flow flush no-such-network
}

topology
servers
backend culvert
network_up "${NET}x"
guest_tap a 10.20.0.10
guest_veth b 10.20.0.11
guest_veth c 10.20.0.10 "${NET}x"
start_ready held guest_peer a hold $SERVER $PORT 40000 "$TMP/go" "still here"
check "guest b talks by UDP" guest_peer b echo $SERVER $PORT 100
check "guest b pings" guest b ping -q -c 1 -W 5 $SERVER
check "a guest of another network talks" guest_peer c echo $SERVER $PORT 100
filters
flushes
forgotten
refusals
finish
