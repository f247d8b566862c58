#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What culvert.yaml says of timeouts and limits is so: a flow ends on its time
# with no process of culvert there, a guest and a network have as many flows as
# they may, and a network that is up takes other values without losing a flow.
. "$(dirname "$0")/lib.sh"

# up_with YAML: the network that is up, by this configuration; $TMP/up.log is what was said
up_with()
{
	printf '%s\n' "$1" >"$TMP/up.yaml"
	culvert up "$NET" -f "$TMP/up.yaml" >"$TMP/up.log" 2>&1
}

shown() { culvert show "$NET" -o json | jq -r ".network[] | \"$1\""; }
TIMEOUTS='\(.udp_timeout_s) \(.tcp_timeout_s) \(.tcp_transitory_timeout_s) \(.icmp_timeout_s)'
LIMITS='\(.max_flows) \(.max_guest_flows)'

flows_with() { culvert flow ls "$NET" "$@" -o json | jq '.flows | length'; }
no_flows() { [ "$(flows_with)" = 0 ]; }

# Time itself is what is tested here, so here is waiting by the clock.
expiry()
{
	local p late=$SERVER:7300
	guest_tap a 10.20.0.10
	is "show tells the timeouts of the configuration" "$(shown "$TIMEOUTS")" "10 7440 240 60"
	for p in $(own_culverts); do
		kill -9 "$p"
	done
	await 5 gone [ -n "$(own_culverts)" ]
	is "no process of culvert runs" "$(own_culverts)" ""
	# The server answers its first peer after 8 s and its second after 11 s.
	start_ready late outside_peer late $SERVER 7300 8 11
	start answer-1 guest_peer a ask $SERVER 7300 15
	await_line 10 "$TMP/late.log" '^heard 1'
	start answer-2 guest_peer a ask $SERVER 7300 15
	await_line 10 "$TMP/late.log" '^heard 2'
	is "two flows are listed" "$(flows_with --peer $late)" 2
	await_line 15 "$TMP/late.log" '^done'
	is "the one that got its answer is left after 11 s" "$(culvert flow ls "$NET" -o json |
		jq -r '.flows[] | "\(.peer) \(.packets_in)"')" "$late 1"
	check "11 s after its last packet it is gone as well" await 8 no_flows
	is "an answer after 8 s reached the guest" "$(cat "$TMP/answer-1.log")" answered
	await_line 10 "$TMP/answer-2.log" '^(silence|answered)'
	is "one after 11 s did not" "$(cat "$TMP/answer-2.log")" silence
}

# Between two exchanges of one TCP connection and one UDP port.
converging()
{
	local progs link
	start_ready held guest_peer a hold $SERVER $PORT 40000 "$TMP/go" "still here"
	link=$(culvert exec "$NET" -- ip -o link show a)
	check "up takes other values" up_with 'timeouts: { tcp: 1h, tcp-transitory: 90s, icmp: 30s }
limits: { flows: 1000, flows-per-guest: 50 }'
	has "RFC 5382 is told where tcp is short" "$(cat "$TMP/up.log")" 'timeouts\.tcp .*RFC 5382 REQ-5'
	has "likewise for tcp-transitory" "$(cat "$TMP/up.log")" 'timeouts\.tcp-transitory .*RFC 5382 REQ-5'
	has "RFC 5508 for icmp" "$(cat "$TMP/up.log")" 'timeouts\.icmp .*RFC 5508 REQ-2'
	is "nothing else is warned of" "$(grep -c 'RFC' "$TMP/up.log")" 3
	is "show tells the new timeouts" "$(shown "$TIMEOUTS")" "300 3600 90 30"
	is "and limits" "$(shown "$LIMITS")" "1000 50"
	is "the guest that was there has its limit" "$(culvert flow count "$NET" -o json |
		jq -r '.guests[] | select(.guest == "a") | .limit')" 50
	is "its link is as it was" "$(culvert exec "$NET" -- ip -o link show a)" "$link"
	up_with "$(cat "$TMP/up.yaml")"
	has "the same again is nothing to do" "$(cat "$TMP/up.log")" 'nothing to do'
	culvert up "$NET" >"$TMP/up.log" 2>&1
	is "up without the file keeps the values" "$(shown "$TIMEOUTS $LIMITS")" "300 3600 90 30 1000 50"
	touch "$TMP/go"
	check "the connection from before goes on" await_line 10 "$TMP/held.log" 'still here'
	await_line 10 "$TMP/held.log" 'still here' && wait "$PID"
	is "and the UDP port" "$(grep -c 'still here' "$TMP/held.log")" 2
}

# fill_from GUEST N: how many of N flows were answered, and what the others were told
fill_from()
{
	start_ready "fill-$1" guest_peer "$1" fill $SERVER $PORT "$2" "$TMP/filled"
	head -n 1 "$TMP/fill-$1.log"
}

limits()
{
	guest_veth b 10.20.0.11
	culvert flow flush "$NET" >/dev/null
	listen errors 'icmp[0] = 3 and icmp[1] = 13' guest a
	is "the 51st flow is refused" "$(fill_from a 51)" "1 EHOSTUNREACH, 50 answered"
	await_line 5 "$TMP/errors.log" 'unreachable'
	listen_end errors
	is "by ICMP 3/13 from the gateway, once" \
		"$(grep -c "IPv4.* $GATEWAY > 10.20.0.10: ICMP host $SERVER unreachable" "$TMP/errors.log")" 1
	is "stats count it" "$(dropped port-flows a)" 1
	is "flow count tells 50 of 50" "$(culvert flow count "$NET" -o json |
		jq -r '.guests[] | select(.guest == "a") | "\(.flows) \(.limit)"')" "50 50"
	check "another guest is not affected" guest_peer b echo $SERVER $PORT 100
	is "nothing of it is counted" "$(dropped port-flows b)" 0

	check "the network gets a limit" up_with 'limits: { flows: 55, flows-per-guest: 50 }'
	is "another guest's flow is forgotten" "$(culvert flow flush "$NET" --guest b)" "1 flow forgotten"
	is "it has what the first one left" "$(fill_from b 6)" "1 EHOSTUNREACH, 5 answered"
	is "stats count what the network refused" "$(dropped network-flows b)" 1
	check "without limits it is as before" up_with ''
	check "and the first guest has flows again" guest_peer a echo $SERVER $PORT 100
	touch "$TMP/filled"
}

topology
servers
echo 'timeouts: { udp: 10s }' >"$TMP/short.yaml"
backend culvert -f "$TMP/short.yaml"
has "up warns of a UDP timeout below that of RFC 4787" \
	"$(culvert up "$NET" -f "$TMP/short.yaml" 2>&1)" 'timeouts\.udp .*RFC 4787 REQ-5'
expiry
converging
limits
finish
