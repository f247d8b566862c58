#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Datagrams in fragments, between real kernels: whatever the order in which
# their fragments come, they arrive whole and right; fragments over others
# damage nothing; a flood of fragments harms its sender alone; and what is too
# large for the uplink is cut, or its sender told.
#
# The oracle reassembles every datagram and cuts it again.  So it differs:
# - One fragment over another: the oracle throws the whole datagram away.
#   culvert keeps those that came first, drops the other, and the datagram
#   arrives when what came first makes it whole.
# - A flood of fragments without their first one: the oracle has one memory for
#   all of the host, and when it is full no datagram in fragments passes, of
#   nobody, for 30 s.  culvert has a share for each guest and one for the outside.
# - culvert holds at most 64 fragments of a guest in 2 s, of 2048 bytes at most.
#   So each order is a guest's own here: 60 000 bytes are 44 fragments.
# - Datagrams that a guest sends as one (UDP segmentation) and that are too large
#   for the uplink: the oracle cuts them, culvert tells the guest.
# - A route's MTU: the oracle honours any; culvert one that is locked, for the
#   kernel's bpf_fib_lookup() tells no other.
. "$(dirname "$0")/lib.sh"

SIZES="1473 4000 9000"
LARGE=60000
SMALL_MTU=1300
FRAGMENTS='ip[6:2] & 0x3fff != 0'

fragments() { guest "$1" "$PYTHON" "$TESTS/fragments.py" "${@:2}"; }
fragments_outside() { outside "$PYTHON" "$TESTS/fragments.py" "$@"; }

mac_of() { "$1" ip -o link show dev "$2" | sed 's/.*link.ether \([^ ]*\).*/\1/'; }
gateway_mac()
{
	guest "$1" ping -q -c 1 -W 5 $GATEWAY >/dev/null
	guest "$1" ip neigh show $GATEWAY | sed 's/.*lladdr \([^ ]*\).*/\1/'
}

# guest_relay GUEST MODE, outside_relay MODE: from now on; relay_end GUEST|outside
declare -A RELAY=()
guest_relay()
{
	local ip
	ip=$(guest "$1" ip -o -4 addr show dev eth0 | sed 's/.*inet \([0-9.]*\).*/\1/')
	start_ready "relay-$1" fragments "$1" relay eth0 "$(gateway_mac "$1")" $SERVER "$ip" "$2"
	RELAY[$1]=$PID
}

outside_relay()
{
	start_ready relay-outside fragments_outside relay in0 "$(mac_of host up0)" $UPLINK_IP $SERVER "$1"
	RELAY[outside]=$PID
}

relay_end()
{
	stop "${RELAY[$1]}"
	unset "RELAY[$1]"
}

# order GUEST MODE: both ways by that order
order()
{
	guest_relay "$1" "$2"
	outside_relay "$2"
	if [ "$2" = double ]; then
		# Twice the fragments may well be the datagram twice.
		is "datagrams are whole with each fragment twice" \
			"$(fragments "$1" tell $SERVER $PORT 4000 5 5)" "right 5 wrong 0"
	else
		check "datagrams of 2 to 7 fragments are whole in the order: $2" \
			guest_peer "$1" echo $SERVER $PORT $SIZES
		check "one of 44 fragments is" guest_peer "$1" echo $SERVER $PORT $LARGE
	fi
	check "pings are" guest "$1" ping -q -n -c 3 -i 0.1 -W 5 -s 2000 $SERVER
	relay_end "$1"
	relay_end outside
}

orders()
{
	local g=0 mode
	capture_start watch "$FRAGMENTS"
	for mode in order reverse shuffle double; do
		g=$((g + 1))
		WHERE="$1, TAP"
		guest_tap t$g 10.20.0.$((g + 10))
		order t$g $mode
		WHERE="$1, veth"
		guest_veth v$g 10.20.0.$((g + 20))
		order v$g $mode
	done
	WHERE=$1
	capture_stop watch
	judge_claims watch overlap
}

# told N: how many of 5 datagrams come back through the relays that are there
told() { fragments a tell $SERVER $PORT 4000 5 "$1"; }

# overlap MODE ORACLE CULVERT: how many come back when fragments lie over others
overlap()
{
	local wanted=$3
	[ "$BACKEND" != oracle ] || wanted=$2
	guest_relay a "$1"
	is "fragments of a guest over others ($1): $wanted of 5 datagrams arrive, none is wrong" \
		"$(told "$wanted")" "right $wanted wrong 0"
	relay_end a
	outside_relay "$1"
	is "fragments from outside over others ($1): $wanted of 5 arrive, none is wrong" \
		"$(told "$wanted")" "right $wanted wrong 0"
	relay_end outside
}

overlaps()
{
	guest_veth a 10.20.0.10
	capture_start watch "$FRAGMENTS"
	overlap hole 0 0
	overlap ahead 0 0
	overlap extra 0 5
	overlap first 0 0
	capture_stop watch
	judge_claims watch overlap
}

# Fragments that wait for a first one which never comes.
orphans()
{
	guest_veth a 10.20.0.10
	guest_tap b 10.20.0.11
	guest_relay b shuffle
	[ "$BACKEND" = oracle ] || is "identifications began at random numbers" "$(bpftool map dump -j pinned \
		"$CULVERT_BPF/map/identifiers" | jq '[.[].formatted.value] | unique | length > 4000')" true
	check "a guest sends 20 000 fragments without their first one" \
		fragments a orphans eth0 "$(gateway_mac a)" 10.20.0.10 $SERVER 20000
	if [ "$BACKEND" = oracle ]; then
		is "no datagram in fragments passes any more" "$(fragments b tell $SERVER $PORT 4000 5 0)" "right 0 wrong 0"
		return
	fi
	is "its neighbour's datagrams arrive, in whatever order" \
		"$(fragments b tell $SERVER $PORT 4000 5 5)" "right 5 wrong 0"
	check "what is beyond its share is dropped and counted" [ "$(dropped fragment-limit a)" -gt 19000 ]
	is "nothing of its neighbour's is" "$(dropped fragment-limit b)" 0
	check "the outside sends as many" fragments_outside orphans in0 "$(mac_of host up0)" $SERVER $UPLINK_IP 20000
	is "a guest's datagrams arrive all the same, in whatever order" \
		"$(fragments b tell $SERVER $PORT 4000 5 5)" "right 5 wrong 0"
}

# --- larger than the uplink

uplink_mtu()
{
	host ip link set up0 mtu "$1"
	outside ip link set in0 mtu "$1"
}

# Whatever fits the guest's link, but not the uplink.
cut()
{
	local g=$1
	check "datagrams that may be cut arrive, whatever their size" \
		guest_peer $g echo $SERVER $PORT 1172 1173 1272 1273 1400 1472 1473 6000 60000
	check "pings do" guest $g ping -q -n -c 2 -i 0.1 -W 5 -M dont -s 1472 $SERVER
	guest_relay $g shuffle
	is "fragments in any order that are cut again do" "$(fragments $g tell $SERVER $PORT 4000 5 5)" \
		"right 5 wrong 0"
	relay_end $g
}

# What a guest hands over as one, for its kernel or a network card to make
# datagrams of.  culvert cannot cut these: the guest is told.
sent_as_one()
{
	if [ "$BACKEND" = oracle ]; then
		check "40 datagrams sent as one, that may be cut, arrive" fragments $1 cut $SERVER $PORT 1400 40
		return
	fi
	refute "40 datagrams sent as one do not arrive" fragments $1 cut $SERVER $PORT 1400 40
	is "but the guest is told" "$(guest $1 ip route get $SERVER | grep -o 'mtu [0-9]*')" "mtu $SMALL_MTU"
}

# One that may not be cut: the guest learns why it does not arrive.
told_of_mtu()
{
	has "a ping that may not be cut: the guest is told" \
		"$(guest "$1" ping -n -c 2 -i 0.1 -W 5 -M do -s 1400 $SERVER 2>&1)" "mtu ?= ?$2"
	is "a datagram likewise" "$(guest_peer "$1" mtu $SERVER $PORT)" "$2"
}

too_large()
{
	local g
	guest_tap a 10.20.0.10
	guest_veth b 10.20.0.11
	for g in a b; do
		rm -f "$TMP/go"
		WHERE="$1, guest $g, uplink's MTU"
		start_ready grow-$g fragments $g grow $SERVER $PORT "$TMP/go"
		uplink_mtu $SMALL_MTU
		cut $g
		sent_as_one $g
		touch "$TMP/go"
		check "a connection from before goes on" await_line 20 "$TMP/grow-$g.log" '^whole'
		check "a new one carries data" guest_peer $g bulk $SERVER $PORT 3000000
		told_of_mtu $g $SMALL_MTU
		uplink_mtu 1500
		guest $g ip route flush cache
		WHERE="$1, guest $g, route's MTU"
		host ip route change default via 198.51.100.1 mtu lock $SMALL_MTU
		cut $g
		sent_as_one $g
		told_of_mtu $g $SMALL_MTU
		check "TCP carries data" guest_peer $g bulk $SERVER $PORT 3000000
		host ip route change default via 198.51.100.1
		guest $g ip route flush cache
	done
	WHERE=$1
}

topology
servers
on_backends orders
on_backends overlaps
on_backends too_large
on_backends orphans
finish
