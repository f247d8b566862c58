#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Rules: the first that matches decides, who is meant by a word, what becomes of
# flows when they change, and that `policy test` says what really happens.
. "$(dirname "$0")/lib.sh"

LAN=198.51.100.1	# outside's own address on the uplink's link
FORWARDED=8080		# of the uplink's address, guest a's $PORT
HOST_PORT=2222

# rules RULE...: as the configuration of the network; what `up` says is in $TMP/up
rules()
{
	{
		printf 'subnet: %s\nguests: [{ name: a }, { name: b }, { name: late }]\n%s\n' $SUBNET "${MORE:-}"
		printf 'forwards: [{ listen: 0.0.0.0:%s, to: a:%s }]\npolicy:\n' $FORWARDED $PORT
		printf -- '- %s\n' "$@"
	} >"$TMP/policy.yaml"
	culvert up "$NET" -f "$TMP/policy.yaml" >"$TMP/up" 2>&1 || not_ok "up with rules" "$(cat "$TMP/up")"
}

no_rules()
{
	printf 'subnet: %s\n' $SUBNET >"$TMP/policy.yaml"
	culvert up "$NET" -f "$TMP/policy.yaml" >"$TMP/up" 2>&1 || not_ok "up without rules" "$(cat "$TMP/up")"
}

# reaches FROM PROTO TO PORT: a conversation really takes place
reaches()
{
	local at=$3
	case $3 in
	a) at=10.20.0.10 ;;
	b) at=10.20.0.11 ;;
	host) at=$GATEWAY ;;
	esac
	case $1 in
	host) host timeout 1 "$PYTHON" "$TESTS/peer.py" who "$2" "$at" "$4" >/dev/null 2>&1 ;;
	*.*) outside timeout 1 "$PYTHON" "$TESTS/peer.py" who "$2" "$at" "$4" 0 "$1" >/dev/null 2>&1 ;;
	*) guest "$1" timeout 1 "$PYTHON" "$TESTS/peer.py" who "$2" "$at" "$4" >/dev/null 2>&1 ;;
	esac
}

verdict() { culvert policy test "$NET" "$@" 2>&1; }

# agree FROM TO PROTO PORT allow|deny: both are so
agree()
{
	local told real=deny
	told=$(verdict "$1" "$2" "$3" "$4")
	reaches "$1" "$3" "$2" "$4" && real=allow
	is "$1 to $2 by $3 $4: $5" "$real, told $told" "$5, told $5: ${told#*: }"
}

peers() { culvert flow ls "$NET" -o json | jq -r '[.flows[] | "\(.guest) \(.peer)"] | unique | join(", ")'; }
rules_in_maps() { bpftool -j map dump pinned "$CULVERT_BPF/map/policies" | jq length; }
waits() { culvert policy show "$NET" -o json | jq -r '[.rules[] | .waits_for // "-"] | join(" ")'; }

defaults()
{
	is "a network without rules has none in the maps" "$(rules_in_maps)" 0
	is "and shows none" "$(culvert policy show "$NET" -o json | jq '.rules | length')" 0
	agree a $SERVER tcp $PORT allow
	agree a $LAN udp $PORT allow
	agree a b tcp $PORT allow
	agree b a udp $PORT allow
	agree a host tcp $HOST_PORT deny
	agree host a tcp $PORT allow
	agree $SERVER $UPLINK_IP tcp $FORWARDED allow
	has "what a forward leads to is open to the guest's own port" "$(verdict $SERVER a tcp $PORT)" '^allow: no rule'
	has "other ports of it are not" "$(verdict $SERVER a tcp 22)" '^deny: no rule .* no forward'
	has "the gateway's ping is answered before rules" "$(verdict a host icmp)" '^allow: .*before all rules'
	check "it is" guest a ping -q -c 1 -W 5 $GATEWAY
}

words()
{
	rules "deny @guests -> @lan" "allow b -> @internet tcp $PORT,9000-9010" "deny b -> @internet" \
		"deny $LAN -> a tcp $PORT" "allow a -> @host tcp $HOST_PORT" "deny @host -> b tcp $PORT"
	agree a $LAN tcp $PORT deny
	agree b $LAN udp $PORT deny
	agree a $SERVER udp $PORT allow
	agree b $SERVER tcp $PORT allow
	agree b $SERVER udp $PORT deny
	agree b $SERVER tcp $HTTP deny
	agree a b tcp $PORT allow
	agree a host tcp $HOST_PORT allow
	agree b host tcp $HOST_PORT deny
	agree a $UPLINK_IP tcp $HOST_PORT allow
	agree b $UPLINK_IP tcp $HOST_PORT deny
	agree host a tcp $PORT allow
	agree host b tcp $PORT deny
	agree host b udp $PORT allow
	agree $LAN $UPLINK_IP tcp $FORWARDED deny
	agree $SERVER $UPLINK_IP tcp $FORWARDED allow
	is "a verdict names its rule" "$(verdict b $SERVER tcp $PORT)" \
		"allow: rule 2: allow b -> @internet tcp $PORT,9000-9010"
	is "as JSON too" "$(verdict b $SERVER udp -o json | jq -c '.verdict[]')" \
		'{"action":"deny","rule":3,"why":"deny b -> @internet"}'
	check "what rules deny is counted" [ "$(dropped policy b)" -gt 0 ]
	is "the rules are shown in their order" \
		"$(culvert policy show "$NET" -o json | jq -r '.rules[] | "\(.number) \(.rule)"' | sed -n '1p;6p')" \
		"1 deny @guests -> @lan
6 deny @host -> b tcp $PORT"
	is "up again has nothing to do" "$(culvert up "$NET" -f "$TMP/policy.yaml")" \
		"network $NET is already up, nothing to do"
}

among_guests()
{
	rules "allow a -> b tcp $PORT" "deny @guests -> @guests"
	agree a b tcp $PORT allow
	agree a b udp $PORT deny
	agree b a tcp $PORT deny
	agree b a udp $PORT deny
	agree a $SERVER tcp $PORT allow
	rules "deny 10.20.0.10 -> 10.20.0.0/24 udp"
	agree a b udp $PORT deny
	agree a b tcp $PORT allow
	agree b a udp $PORT allow
	MORE="isolate: true" rules "allow a -> b tcp $PORT"
	agree a b tcp $PORT allow
	agree a b udp $PORT deny
	agree b a tcp $PORT deny
	MORE="isolate: true" rules "deny a -> @lan"
	agree a b tcp $PORT deny
}

# What is there is judged anew: flows to the neighbour end, the others go on.
judged_anew()
{
	no_rules
	culvert flow flush "$NET" >/dev/null
	start_ready held-lan guest_peer a hold $LAN $PORT 43001 "$TMP/go-lan" lan
	LAN_PID=$PID
	start_ready held-server guest_peer a hold $SERVER $PORT 43002 "$TMP/go-server" server
	is "two flows are there" "$(peers)" "a $LAN:$PORT, a $SERVER:$PORT"
	rules "deny a -> @lan"
	has "up tells that one was ended" "$(cat "$TMP/up")" '1 flow was ended'
	is "the other one is left" "$(peers)" "a $SERVER:$PORT"
	touch "$TMP/go-lan" "$TMP/go-server"
	await_line 10 "$TMP/held-server.log" server
	is "and goes on, by TCP and by UDP" "$(await 10 both_said server; grep -c '^server' "$TMP/held-server.log")" 2
	stop "$LAN_PID"
	is "the ended one says nothing more" "$(grep -c '^lan' "$TMP/held-lan.log")" 0

	rules "allow a -> b" "allow b -> a"
	start_ready held-b guest_peer a hold 10.20.0.11 $PORT 43003 "$TMP/go-b" b
	B_PID=$PID
	start_ready kept-a guest_peer b hold 10.20.0.10 $PORT 43004 "$TMP/go-a" a
	rules "deny a -> b" "allow b -> a"
	touch "$TMP/go-b" "$TMP/go-a"
	is "between guests what is allowed goes on" "$(await 10 both_said a kept; grep -c '^a' "$TMP/kept-a.log")" 2
	stop "$B_PID"
	is "and what is denied ends" "$(grep -c '^b' "$TMP/held-b.log")" 0

	rules "allow a -> @host tcp $HOST_PORT"
	start_ready held-host guest_peer a hold $GATEWAY $HOST_PORT 43005 "$TMP/go-host" host
	HOST_PID=$PID
	no_rules
	touch "$TMP/go-host"
	check "what only a rule allowed is refused without it" gone reaches a tcp host $HOST_PORT
	stop "$HOST_PID"
	is "and ends" "$(grep -c '^host' "$TMP/held-host.log")" 0
}
both_said() { [ "$(grep -c "^$1" "$TMP/${2:-held}-$1.log")" = 2 ]; }

guests_to_come()
{
	rules "deny late -> @internet tcp $PORT" "deny a -> nobody" "deny 10.20.0.9 -> @any"
	has "a guest that nobody knows is warned of" "$(cat "$TMP/up")" "policy\[1\]: 'deny a -> nobody': no guest 'nobody'"
	is "one of the configuration is not" "$(grep -c late "$TMP/up")" 0
	is "both rules wait" "$(waits)" "late nobody -"
	guest_veth late 10.20.0.12
	is "the port comes, and the rule is its" "$(waits)" "- nobody -"
	agree late $SERVER tcp $PORT deny
	agree late $SERVER udp $PORT allow
	guest_rm late
	check "the port goes" culvert port rm "$NET" late
	is "the rule waits again" "$(waits)" "late nobody -"
	guest_veth other 10.20.0.13
	agree other $SERVER tcp $PORT allow
	guest_rm other
	culvert port rm "$NET" other
}

told() { culvert policy test "$NET" a 192.168.77.2 | grep -q "^$1:"; }

# The daemon follows what is next to the host.
neighbours()
{
	rules "deny @guests -> @lan"
	check "an address elsewhere is no neighbour" told allow
	host ip addr add 192.168.77.1/24 dev up0
	check "with an address of the uplink in its prefix it is one" await 5 told deny
	host ip addr del 192.168.77.1/24 dev up0
	check "and without it no more" await 5 told allow
	host ip route add 192.168.77.0/24 dev up0
	rules "deny @guests -> @lan"
	check "a route without next hop makes neighbours too" told deny
	host ip route del 192.168.77.0/24 dev up0
}

status()
{
	culvert policy test "$NET" "${@:3}" >/dev/null 2>"$TMP/err"
	is "$2: status $1" $? "$1"
}

statuses()
{
	rules "deny a -> @lan"
	status 0 "allowed" a $SERVER
	status 3 "denied" a $LAN
	status 1 "a guest without a port" late $SERVER
	status 2 "nobody is a guest" host $SERVER
	status 2 "no protocol" a $SERVER sctp
	status 2 "a port of ping" a $SERVER icmp 80
	status 2 "no TO" a
	culvert policy test no-such a b >/dev/null 2>&1
	is "no network: status 1" $? 1
	printf 'policy:\n- deny @guests -> @lan\n- deny a => b\n' >"$TMP/bad.yaml"
	has "a bad rule is told with its line" "$(culvert up "$NET" -f "$TMP/bad.yaml" 2>&1)" \
		"bad.yaml:3: policy\[1\]: 'deny a => b': a rule is"
	status 3 "and nothing has changed" a $LAN
}

topology
servers
start_ready lan-server outside_peer serve $LAN $PORT
start_ready host-server host_peer serve 0.0.0.0 $HOST_PORT
backend culvert
guest_tap a 10.20.0.10
guest_veth b 10.20.0.11
start_ready serve-a guest_peer a serve 0.0.0.0 $PORT
start_ready serve-b guest_peer b serve 0.0.0.0 $PORT
culvert forward add "$NET" 0.0.0.0:$FORWARDED:a:$PORT 2>/dev/null
defaults
culvert forward rm "$NET" --all
words
among_guests
judged_anew
guests_to_come
neighbours
statuses
no_rules
is "rules that are gone from the file are gone" "$(rules_in_maps)" 0
rules "deny a -> @lan"
finish
