#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Limits as a neighbour sees them: guest a opens all the flows that it can get
# and goes on trying, a million times; guest b notices nothing.
#
# The oracle has no limit per guest: there a opens 70 000 flows beside b's, and
# a million would fill the connection table of the whole machine.  So what is
# refused, and how, is asked of culvert only.  Nor has it a limit of ports: to
# other peers a port serves as often as there are peers, so a takes none of b's.
. "$(dirname "$0")/lib.sh"

NOWHERE=203.0.113.66	# outside drops what is for it without a word,
NEVER=203.0.113.67	# as for this one
SPORTS=100		# of the flood: a takes flows, not ports; or ports, see below

neighbour() { guest "$1" "$PYTHON" "$TESTS/neighbours.py" "${@:2}"; }

# flood udp|syn COUNT DESTINATION [OPTION]: from guest a
flood()
{
	local mac
	mac=$(guest a ip neigh show $GATEWAY | sed 's/.*lladdr \([^ ]*\).*/\1/')
	guest a "$BUILD/flood" "${@:4}" eth0 "$1" "$2" $SPORTS "$mac" 10.20.0.10 "$3"
}

limit_of() { culvert flow count "$NET" -o json | jq ".guests[] | select(.guest == \"$1\") | .limit"; }
flows_of() { culvert flow count "$NET" -o json | jq ".guests[] | select(.guest == \"$1\") | .flows"; }
ports_of() { culvert flow count "$NET" -o json | jq ".guests[] | select(.guest == \"$1\") | .external_ports"; }
total() { culvert stats "$NET" -o json | jq ".totals[] | select(.counter == \"$1\") | .count"; }

# Is the flow there that a began first?
first_flow()
{
	culvert flow ls "$NET" --guest a --proto udp -o json |
		jq -r '[.flows[] | select(.local == "10.20.0.10:1024" and .peer == "'$NOWHERE':1024")] | length'
}

ticks() { awk '{ print int($1 * 1e9 / 2^27) }' /proc/uptime; }

b_connects()
{
	is "the neighbour makes 1000 of 1000 new connections" "$(neighbour b new $SERVER $PORT 1000)" "new 1000"
}

# 70 000 flows are more than a guest may have; the rest is refused.
limited()
{
	local limit
	limit=$(limit_of a)
	is "a guest gets the flows of its limit and no more" "$(flows_of a)" "$limit"
	is "each one beyond is refused and counted" "$(dropped port-flows)" $((70000 - limit))
}

# A million SYNs and as many more as go out while b connects.
refused()
{
	local before sent held told attempts counted
	counted=$(dropped port-flows)
	sent=$(total icmp_errors_sent) held=$(total icmp_errors_held)
	listen told 'icmp[0] == 3 and icmp[1] == 13' guest a
	before=$(ticks)
	start flood flood syn 1000000 $NEVER -u
	b_connects
	check "a million SYNs are sent meanwhile" await_line 60 "$TMP/flood.log" '^sent 1000000$'
	stop "$PID"
	before=$(($(ticks) - before + 2))
	listen_end told
	attempts=$(sed -n 's/^total //p' "$TMP/flood.log")
	told=$(grep -c 'admin prohibited' "$TMP/told.log")
	sent=$(($(total icmp_errors_sent) - sent)) held=$(($(total icmp_errors_held) - held))
	is "each of them is refused and counted" $(($(dropped port-flows) - counted)) "$attempts"
	is "the guest is told of it or the rate limit holds the word back" $((sent + held)) "$attempts"
	is "it hears what was sent" "$told" "$sent"
	check "it is told" [ "$told" -gt 0 ]
	check "not more than 128 times a tick" [ "$sent" -le $((128 * before)) ]
	note "$attempts SYNs, told $told times in $before ticks"
}

not_evicted()
{
	is "no flow was taken away: the guest has as many as before" "$(flows_of a)" "$(limit_of a)"
	is "its first one, too" "$(first_flow)" 1
	is "nothing expired and nothing was flushed" "$(total expired_flows) $(total flushed_flows)" "0 0"
	is "nothing else was dropped" "$(culvert stats "$NET" -o json |
		jq -r '.drops[] | select(.packets > 0) | .reason' | sort -u)" port-flows
}

scenario()
{
	guest_veth a 10.20.0.10
	guest_tap b 10.20.0.11
	check "the greedy guest is there" guest a ping -q -c 1 -W 5 $GATEWAY
	rm -f "$TMP/go"
	start_ready idle neighbour b idle $SERVER $PORT 1000 "$TMP/go"
	check "a guest sends the first packets of 35 000 UDP flows" flood udp 35000 $NOWHERE
	check "and of 35 000 TCP flows" flood syn 35000 $NOWHERE
	if [ "$BACKEND" = culvert ]; then
		limited
		refused
		not_evicted
	else
		b_connects
	fi
	touch "$TMP/go"
	await_line 30 "$TMP/idle.log" '^idle'
	is "the neighbour's 1000 idle connections all still carry data" \
		"$(grep ^idle "$TMP/idle.log")" "idle 1000"
}

# A flow from each port: that all ports outside are a's must not be.
ports()
{
	local limit
	SPORTS=60000
	guest_veth a 10.20.0.10
	guest_tap b 10.20.0.11
	check "the greedy guest is there" guest a ping -q -c 1 -W 5 $GATEWAY
	check "a guest uses 60 000 of its UDP ports" flood udp 60000 $NOWHERE
	check "and of its TCP ports" flood syn 60000 $NOWHERE
	if [ "$BACKEND" = culvert ]; then
		limit=$(culvert flow count "$NET" -o json |
			jq '.guests[] | select(.guest == "a") | .external_ports_limit')
		is "it gets the ports of its limit, the rest is refused and counted" \
			"$(ports_of a) $(dropped port-ports a)" "$limit $((120000 - limit))"
	fi
	: >"$TMP/go"
	is "the neighbour begins 100 of 100 UDP flows" "$(guest_peer b fill $SERVER $PORT 100 "$TMP/go" | head -n 1)" \
		"100 answered"
	is "the neighbour makes 100 of 100 connections" "$(neighbour b new $SERVER $PORT 100)" "new 100"
	SPORTS=100
}

# What culvert tells a greedy guest is not taken from what it tells its neighbour.
errors()
{
	guest_veth a 10.20.0.10
	guest_tap b 10.20.0.11
	check "the greedy guest is there" guest a ping -q -c 1 -W 5 $GATEWAY
	check "it has all its flows" flood syn 70000 $NOWHERE
	start flood flood syn 1000000 $NEVER -u
	await_line 60 "$TMP/flood.log" '^sent 1000000$'
	is "the neighbour hears of 100 of 100 packets that run out of time" \
		"$(guest b ping -n -t 1 -c 100 -i 0.02 -W 1 $SERVER | grep -c 'Time to live exceeded')" 100
	stop "$PID"
}

topology
servers
on_backends scenario
on_backends ports
on_backends errors culvert
finish
