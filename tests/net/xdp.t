#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# XDP on the uplink: what it takes, what it leaves, and that nothing but the
# road differs.  Native on a veth and generic on a bridge; half-finished
# checksums, jumbo frames, somebody else's program, ports that go meanwhile.
# libxdp's dispatcher and a real driver: tests/guest/xdp.t.
. "$(dirname "$0")/lib.sh"

# up MODE [OPTION...]: again, with that in the configuration
up()
{
	mkdir -p "$CULVERT_CONF"
	echo "xdp: $1" >"$CULVERT_CONF/$NET.yaml"
	[ -n "$BACKEND" ] || { backend culvert "${@:2}"; return; }
	culvert up "$NET" --subnet $SUBNET "${@:2}"
}

mode() { culvert show "$NET" -o json | jq -r '.network[0].xdp // .xdp'; }
total() { culvert stats "$NET" -o json | jq ".totals[] | select(.counter == \"$1\").count"; }
xdp_of() { host ip -o link show dev "$1" | grep -o 'xdp[a-z]* ' || echo none; }
ports_taken() { bpftool -j map dump pinned "$CULVERT_BPF/map/xdp_ports" | jq '[.[] | select(.value | type == "array")] | length'; }

# took CMD...: run it; print how many packets went by XDP meanwhile
took()
{
	local before
	before=$(total xdp_packets)
	"$@" >"$TMP/took.out" 2>&1 || { echo "failed: $(cat "$TMP/took.out")"; return; }
	echo $(($(total xdp_packets) - before))
}

some() { [ "$1" -gt "$2" ] || { echo "$1 are not more than $2"; return 1; }; }
echo_to() { guest_peer "$1" echo $SERVER $PORT "${@:2}"; }
# checksums whole|half: how those arrive that are sent outside
checksums()
{
	local state=on
	[ "$1" = half ] || state=off
	outside ethtool -K in0 tx $state >/dev/null
	outside ethtool -k in0 | grep -q "^tx-checksumming: $state" || bail "cannot switch checksums"
}
wrong_checksums() { "$@" nstat -asz 2>/dev/null | awk '/InCsumErrors/ && $2 { print }'; }

SIZES=(1 18 19 100 777 1472 0 64)

# What the network and its guest have counted of a conversation.  Not the bytes of
# the guest: of a frame from XDP a TAP counts the virtio-net header too.
conversation()
{
	local before after
	culvert flow flush "$NET" >/dev/null
	before=$(culvert stats "$NET" -o json | jq -c '.guests[] | select(.guest == "a") | [.packets_in]')
	echo_to a "${SIZES[@]}" >/dev/null || echo "no conversation"
	after=$(culvert stats "$NET" -o json | jq -c '.guests[] | select(.guest == "a") | [.packets_in]')
	jq -nc --argjson a "$before" --argjson b "$after" '[$b[0] - $a[0]]'
	culvert flow ls "$NET" -o json | jq -c '.flows[] | select(.proto == "udp") |
		[.packets_out, .bytes_out, .packets_in, .bytes_in, .state]'
	culvert flow flush "$NET" >/dev/null
}

road()
{
	checksums whole
	is "each datagram goes by XDP" "$(took echo_to a "${SIZES[@]}")" ${#SIZES[@]}
	is "none of a guest behind a veth does" "$(took echo_to b "${SIZES[@]}")" 0
	is "no ping does" "$(took guest a ping -q -c 3 -i 0.01 -W 2 $SERVER)" 0
	is "no datagram in fragments does" "$(took echo_to a 4000 20000)" 0
	check "TCP both ways arrives undamaged" guest_peer a bulk $SERVER $PORT 2000000
	check "its acknowledgements go by XDP" some "$(took guest_peer a bulk $SERVER $PORT 2000000)" 20
	check "TCP of the guest behind a veth arrives undamaged" guest_peer b bulk $SERVER $PORT 2000000
	is "the host's own do not" "$(took host_peer echo $SERVER $PORT 1 100)" 0
	checksums half
	is "with half-finished checksums none does" "$(took echo_to a "${SIZES[@]}")" 0
	is "nor an acknowledgement" "$(took guest_peer a bulk $SERVER $PORT 2000000)" 0
}

# combinations LINK GSO...
combinations()
{
	local tx gso tso gro
	for tx in on off; do for gso in "${@:2}"; do for tso in "${@:2}"; do for gro in on off; do
		outside ethtool -K in0 tx $tx gso $gso tso $tso gro $gro >/dev/null 2>&1
		host ethtool -K "$1" gro $gro >/dev/null 2>&1
		check "TCP and UDP both ways, outside tx $tx gso $gso tso $tso gro $gro" transfers
	done; done; done; done
	outside ethtool -K in0 tx on gso on tso on gro on >/dev/null 2>&1
	is "no side saw a wrong checksum" "$(wrong_checksums outside
		for g in a b; do wrong_checksums guest $g; done)" ""
}

transfers()
{
	guest_peer a bulk $SERVER $PORT 500000 && echo_to a "${SIZES[@]}" 20000 &&
	guest_peer b bulk $SERVER $PORT 500000 && echo_to b "${SIZES[@]}"
}

both_roads()
{
	local by_xdp by_tc mac
	checksums whole
	mac=$(culvert show "$NET" -o json | jq -r '.network[0].gateway_mac // .gateway_mac')
	guest a ip neigh replace $GATEWAY lladdr "$mac" dev eth0 nud permanent	# nobody asks meanwhile
	by_xdp=$(conversation)
	up off >/dev/null || not_ok "XDP can be turned off"
	is "nothing is on the link when it is off" "$(mode), $(xdp_of "$1")" "off, none"
	by_tc=$(conversation)
	is "flows and guests count the same by either road" "$by_xdp" "$by_tc"
	is "off, no packet goes by XDP" "$(took echo_to a "${SIZES[@]}")" 0
	up on >/dev/null || not_ok "XDP can be turned on"
	is "on again, they do" "$(took echo_to a "${SIZES[@]}")" ${#SIZES[@]}
	check "up again changes nothing" grep -q 'already' <(up on)
}

# --- on a veth

uplink_changes()
{
	local mac
	mac=$(host ip -br link show up0 | awk '{ print $3 }')
	host ip link set dev up0 address 02:11:22:33:44:55
	outside ip neigh flush dev in0
	check "another MAC of the uplink's is followed" await 10 took_all
	culvert doctor >"$TMP/doctor" 2>&1
	is "the doctor finds nothing wrong" "$?" 0 || note "$(cat "$TMP/doctor")"
	host ip link set dev up0 address "$mac"
}
took_all() { [ "$(took echo_to a 1 2 3)" = 3 ]; }

# The guest's flows go on while its port, and then the network, is taken away.
goes_meanwhile()
{
	local flows
	is "the TAP alone is a link of XDP's" "$(ports_taken)" 1
	start_ready flows guest_peer a flows $SERVER $PORT 20
	flows=$PID
	check "a port is removed under traffic" culvert port rm "$NET" a --force
	is "no link stays for it" "$(ports_taken)" 0
	stop "$flows" KILL
	check "the other guest goes on" echo_to b 100
	check "down under traffic" culvert down "$NET" --force
	is "nothing is on the link" "$(xdp_of up0)" none
	NETS=()
}

native()
{
	up on
	guest_tap a 10.20.0.10
	guest_veth b 10.20.0.11
	is "XDP is native" "$(mode)" "up0 native"
	road
	combinations up0 on off
	both_roads up0
	uplink_changes
	goes_meanwhile
	backend_down
}

# --- on a bridge, which has no XDP of its own

generic()
{
	host sh -c "ip addr flush dev up0; ip link add upbr type bridge
		ip link set upbr address 02:11:22:33:44:66; ip link set up0 master upbr
		ip link set upbr up; ip addr add $UPLINK_IP/24 dev upbr
		ip route replace default via 198.51.100.1"
	outside ip neigh flush dev in0
	await 5 host ping -q -c 1 -W 1 $SERVER
	up on
	guest_tap a 10.20.0.10
	guest_veth b 10.20.0.11
	is "XDP is generic" "$(mode)" "upbr generic"
	road
	combinations upbr on
	both_roads upbr
	backend_down
	is "nothing is on the link" "$(xdp_of upbr)" none
	host sh -c "ip link del upbr; ip addr add $UPLINK_IP/24 dev up0
		ip route replace default via 198.51.100.1"
	outside ip neigh flush dev in0
}

# --- where it cannot be

refused()
{
	cc -o "$TMP/xdp_foreign" "$TOP/tests/guest/xdp_foreign.c" -lxdp -lbpf || bail "no compiler"
	LIBXDP_SKIP_DISPATCHER=1 host "$TMP/xdp_foreign" add up0 2>"$TMP/foreign" ||
		bail "no foreign program: $(cat "$TMP/foreign")"
	up on
	has "with somebody else's program there, up says so" "$(culvert up "$NET" --subnet $SUBNET 2>&1)" \
		"uplink 'up0': no XDP: another program is there"
	is "and leaves it alone" "$(mode), $(host ip link show up0 | grep -c 'prog/xdp')" "up0 off, 1"
	has "the doctor tells" "$(culvert doctor)" 'uplink up0 .*XDP is wanted, but off'
	guest_tap a 10.20.0.10
	checksums whole
	check "guests go on by tc" echo_to a "${SIZES[@]}"
	backend_down
	is "the other's program stays" "$(host ip link show up0 | grep -c 'prog/xdp')" 1
	host "$TMP/xdp_foreign" del up0 >/dev/null
	up auto
	is "auto leaves a veth alone" "$(mode)" "up0 off"
	has "and the doctor says why" "$(culvert doctor)" "uplink up0 .*'auto': no gain was measured with driver 'veth'"
	backend_down
}

jumbo()
{
	host ip link set up0 mtu 9000
	outside ip link set in0 mtu 9000
	up on
	guest_tap a 10.20.0.10
	guest a ip link set eth0 mtu 9000
	checksums whole
	has "XDP is on with jumbo frames" "$(mode)" 'up0 (native|generic)'
	is "small datagrams go by XDP" "$(took echo_to a 1 100 1472)" 3
	is "jumbo datagrams do not, and arrive" "$(took echo_to a 1473 4000 8972)" 0
	check "TCP both ways arrives undamaged" guest_peer a bulk $SERVER $PORT 2000000
	checksums half
	check "with half-finished checksums too" guest_peer a bulk $SERVER $PORT 2000000
	backend_down
	host ip link set up0 mtu 1500
	outside ip link set in0 mtu 1500
}

topology
servers
case " ${TEST_BACKENDS:-culvert} " in
*' culvert '*)
	for scenario in native generic refused jumbo; do
		WHERE=$scenario
		$scenario
	done
	;;
esac
finish
