#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The daemon follows the host: another address, another default route, a link
# that goes and comes back, somebody's write to ip_forward.  Flows that are
# there do not need it.
. "$(dirname "$0")/lib.sh"

OUTSIDE2=cvt-$ID-out2
UPLINK2_IP=192.0.2.2
OTHER_IP=198.51.100.77
outside2() { $RUN nsenter "--net=/run/netns/$OUTSIDE2" "$@"; }
outside2_peer() { outside2 "$PYTHON" "$TESTS/peer.py" "$@"; }

# A second way out: up1, to another outside that has the same server.
second_outside()
{
	new_netns "$OUTSIDE2"
	outside2 ip addr add $SERVER/32 dev lo
	outside2 nft -f - <<-RULES
		table ip leak {
			chain pre {
				type filter hook prerouting priority raw;
				ip saddr 10.0.0.0/8 counter
			}
		}
	RULES
	second_link
	start_ready server2 outside2_peer serve $SERVER $PORT
}

second_link()
{
	ip link add up1 netns "$HOST" type veth peer name in0 netns "$OUTSIDE2"
	outside2 sh -c 'ip addr add 192.0.2.1/24 dev in0; ip link set in0 up'
	host sh -c "ip addr add $UPLINK2_IP/24 dev up1; ip link set up1 up"
}

leaked2() { outside2 nft list table ip leak | sed -n 's/.*counter packets \([0-9]*\).*/\1/p'; }
route() { host ip route "$@"; }

# seen PROTO: the address that a new flow of the guest comes from
seen()
{
	guest a timeout 0.7 "$PYTHON" "$TESTS/peer.py" who "$1" $SERVER $PORT 2>/dev/null | cut -d' ' -f1
}
leaves_by() { [ "$(seen udp)" = "$1" ]; }
both_leave_by() { leaves_by "$1" && [ "$(seen tcp)" = "$1" ]; }
uplinks_are() { [ "$(xargs <"$CULVERT_RUN/$NET.uplinks")" = "$1" ]; }
# What the programs have: the link, and that it is an uplink.
attached() { [ -e "$CULVERT_BPF/link/uplink:$1" ] || [ -L "$CULVERT_BPF/link/uplink:$1" ]; }
detached() { ! attached "$1"; }
index_of() { host ip -o link show dev "$1" | cut -d: -f1; }

rounds() { grep -c '^round' "$TMP/flows.log"; }
rounds_exceed() { [ "$(rounds)" -gt "$1" ]; }
flows_go_on() { await 20 rounds_exceed $(($(rounds) + ${1:-20})); }

flows_begin()
{
	start_ready flows guest_peer a flows $SERVER $PORT 10 ${FLOWS_OF:-}
	FLOWS=$PID
}

flows_end()
{
	stop "$FLOWS"
	is "$1" "$(grep -o '^flows.*' "$TMP/flows.log" | sed 's/rounds [0-9]* //')" "flows 10 broken 0"
}

kill_daemon()
{
	local p
	for p in $(own_culverts); do
		kill -9 "$p"
	done
	await 5 gone [ -n "$(own_culverts)" ]
}

# set_address NEW OLD: of up0; with the last one its routes go
set_address()
{
	host sh -c "ip addr del $2/24 dev up0; ip addr add $1/24 dev up0
		ip route replace default via 198.51.100.1"
}

asked() { outside timeout 0.7 "$PYTHON" "$TESTS/peer.py" who tcp "$1" 8080; }

address()
{
	check "a new flow has the uplink's address" both_leave_by $UPLINK_IP
	start_ready web guest_peer a serve 10.20.0.10 80
	check "a port of every uplink is forwarded" culvert forward add "$NET" 0.0.0.0:8080:a:80
	set_address $OTHER_IP $UPLINK_IP
	check "the uplink's address is replaced: a new flow has the new one" await 2 leaves_by $OTHER_IP
	check "by TCP too" both_leave_by $OTHER_IP
	check "the forward has moved, too" await 2 asked $OTHER_IP
	set_address $UPLINK_IP $OTHER_IP
	check "and back" await 2 both_leave_by $UPLINK_IP
	check "with the forward" await 2 asked $UPLINK_IP
	check "the forward is removed" culvert forward rm "$NET" --all
}

moved()
{
	flows_begin
	route replace default via 192.0.2.1 dev up1
	check "the default route moves: a new flow leaves by the second link" \
		await 3 both_leave_by $UPLINK2_IP
	check "data passes both ways" guest_peer a bulk $SERVER $PORT 1000000
	check "flows that were there go on, with the address they had" flows_go_on 100
	flows_end "none of them was harmed"
	is "for them the first link is kept" "$(xargs <"$CULVERT_RUN/$NET.uplinks")" "up1 up0"
	check "they are forgotten" culvert flow flush "$NET"
	check "then the first link is left" await 10 uplinks_are up1
	check "and has no program" await 5 detached up0
	route replace default via 198.51.100.1
	check "the route moves back, and new flows with it" await 3 both_leave_by $UPLINK_IP
	route del default
	refute "without a default route no guest is out" both_leave_by $UPLINK_IP
	check "but the uplink is kept" attached up0
	route add default via 198.51.100.1
	check "with it guests are out again" await 3 both_leave_by $UPLINK_IP
}

# again: up1 is deleted and made again
again()
{
	local before
	before=$(index_of up1)
	host ip link del up1
	check "$1: the link goes" await 3 gone leaves_by $UPLINK2_IP
	second_link
	route replace default via 192.0.2.1 dev up1
	check "$1: the link is another one" [ "$(index_of up1)" != "$before" ]
	check "$1: made again, it is an uplink again" await 3 both_leave_by $UPLINK2_IP
	host ip link del up1
	second_link
	route replace default via 192.0.2.1 dev up1
	check "$1: also when it was away for a moment only" await 3 both_leave_by $UPLINK2_IP
}

remade()
{
	route replace default via 192.0.2.1 dev up1
	check "the second link is the uplink" await 3 both_leave_by $UPLINK2_IP
	again automatic
	check "the uplink is named" culvert up "$NET" --subnet $SUBNET --uplink up1
	again named
	check "up finds nothing to do" grep -q 'nothing to do' <(culvert up "$NET" --subnet $SUBNET --uplink up1)
	check "uplinks are automatic again" culvert up "$NET" --subnet $SUBNET --uplink auto
	route replace default via 198.51.100.1
	check "the first link serves" await 3 both_leave_by $UPLINK_IP
}

# As a VPN comes: a better default route beside the first.
without_daemon()
{
	route del default
	route add default via 198.51.100.1 metric 100
	check "guests are out" await 3 both_leave_by $UPLINK_IP
	check "flows of before are forgotten" culvert flow flush "$NET"
	check "the first link is the only uplink" await 10 uplinks_are up0
	flows_begin
	check "the daemon is killed" kill_daemon
	route add default via 192.0.2.1 dev up1 metric 50
	check "without it a better default route harms no flow" flows_go_on 150
	flows_end "none of them was harmed"
	start serve host "$CULVERT" serve
	SERVE=$PID
	check "the daemon follows what happened meanwhile" await 3 both_leave_by $UPLINK2_IP
	route del default via 192.0.2.1 dev up1 metric 50
	check "and when that route goes" await 3 both_leave_by $UPLINK_IP
	route del default
	route add default via 198.51.100.1
}

forwarding() { host cat "/proc/sys/net/ipv4/conf/cv-$NET/forwarding"; }
is_forwarding() { [ "$(forwarding)" = 1 ]; }

ip_forward()
{
	host sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	check "ip_forward is set: guests are out" both_leave_by $UPLINK_IP
	host sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
	check "ip_forward is reset: the network's link forwards again" await 3 is_forwarding
	is "and no other one does" "$(host cat /proc/sys/net/ipv4/conf/up0/forwarding)" 0
	check "guests are out" both_leave_by $UPLINK_IP
}

# router_is MAC: from now on; nobody is told
router_is() { outside ip link set in0 address "$1"; }

# neighbours_time REACHABLE-MS DELAY-S RETRANS-MS: the kernel's patience with them
neighbours_time()
{
	local of=/proc/sys/net/ipv4/neigh/up0
	host sh -c "echo $1 >$of/base_reachable_time_ms; echo $2 >$of/delay_first_probe_time; echo $3 >$of/retrans_time_ms"
}

# The other end of the uplink gets another MAC address under running flows.
router()
{
	FLOWS_OF=tcp flows_begin
	check "TCP flows go on" flows_go_on 50
	router_is 02:ee:ee:00:00:02
	host ip neigh replace 198.51.100.1 lladdr 02:ee:ee:00:00:02 dev up0 nud reachable
	check "the router has another MAC address and announces it: they do" flows_go_on 50
	neighbours_time 1000 1 100
	host ip neigh replace 198.51.100.1 lladdr 02:ee:ee:00:00:02 dev up0 nud stale
	router_is 02:ee:ee:00:00:03
	check "and another one that it does not announce: the kernel asks, they do" flows_go_on 50
	flows_end "none of them was harmed"
	neighbours_time 30000 5 1000
}

scenario()
{
	guest_tap a 10.20.0.10
	router
	address
	moved
	remade
	without_daemon
	ip_forward
	is "doctor finds nothing wrong" "$(culvert doctor "$NET" 2>&1 | grep -E 'warn|FAIL')" ""
	stop "$SERVE"
}

topology
servers
second_outside
on_backends scenario culvert:tcx culvert:clsact
is "no guest's address was seen behind the second link" "$(leaked2)" 0
host ip link del up1
finish
