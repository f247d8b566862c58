#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Guests among themselves, and with the host: guests talk to each other unless
# isolated; the host reaches its guests; guests reach of the host only the
# gateway's ping.
. "$(dirname "$0")/lib.sh"

# closed GUEST ADDRESS: neither TCP nor UDP of the host's server answers
closed()
{
	! guest "$1" timeout 2 bash -c "exec 3<>/dev/tcp/$2/7100" &&
	! guest "$1" timeout 1 "$PYTHON" "$TESTS/peer.py" who udp "$2" 7100
}

neighbours()
{
	start_ready "server-a-$1" guest_peer a serve 10.20.0.10 7200
	start_ready "server-b-$1" guest_peer b serve 10.20.0.11 7200
	check "a guest pings its neighbour" guest a ping -q -c 2 -i 0.1 -W 5 10.20.0.11
	check "and is pinged" guest b ping -q -c 2 -i 0.1 -W 5 10.20.0.10
	check "TCP from TAP to veth" guest_peer a bulk 10.20.0.11 7200 4000000
	check "TCP from veth to TAP" guest_peer b bulk 10.20.0.10 7200 4000000
	check "TCP from TAP to TAP" guest_peer c bulk 10.20.0.10 7200 4000000
	check "datagrams from TAP to veth" guest_peer a echo 10.20.0.11 7200 1 1472 1473 9000
	is "neighbours see each other's own address" \
		"$(guest_peer a who tcp 10.20.0.11 7200 30009)" "10.20.0.10 30009"
}

with_the_host()
{
	local g addr
	for g in a b; do
		addr=$(guest $g ip -o -4 addr show dev eth0 | sed 's/.*inet \([0-9.]*\).*/\1/')
		check "the host pings guest $g" host ping -q -c 2 -i 0.1 -W 5 "$addr"
		check "the host's TCP reaches guest $g" host_peer bulk "$addr" 7200 4000000
		check "the host's UDP reaches guest $g" host_peer echo "$addr" 7200 1 1472 1473 9000
		check "guest $g pings the gateway" guest $g ping -q -c 2 -i 0.1 -W 5 $GATEWAY
		check "guest $g finds the gateway's ports closed" closed $g $GATEWAY
		check "guest $g finds the uplink's address closed" closed $g $UPLINK_IP
	done
	check "the host's server is alive, though" host_peer who tcp $UPLINK_IP 7100
}

scenario()
{
	guest_tap a 10.20.0.10
	guest_veth b 10.20.0.11
	guest_tap c 10.20.0.12
	neighbours "$1"
	with_the_host
}

# culvert is told by its configuration, the oracle's bridge by its ports.
isolated()
{
	local g
	guest_tap a 10.20.0.10
	guest_veth b 10.20.0.11
	if [ "$BACKEND" = oracle ]; then
		for g in a b; do
			host bridge link set dev $g isolated on
		done
	fi
	start_ready server-i guest_peer b serve 10.20.0.11 7200
	refute "no ping to a neighbour" guest a ping -q -c 2 -i 0.1 -W 1 10.20.0.11
	refute "no ping back" guest b ping -q -c 2 -i 0.1 -W 1 10.20.0.10
	guest a ip neigh replace 10.20.0.11 lladdr "${GUEST_MAC[b]}" dev eth0
	refute "not even with its neighbour's MAC known" guest a timeout 2 \
		bash -c "exec 3<>/dev/tcp/10.20.0.11/7200"
	guest a ip route add 10.20.0.11/32 via $GATEWAY dev eth0
	refute "nor by way of the gateway" guest a timeout 2 bash -c "exec 3<>/dev/tcp/10.20.0.11/7200"
	for g in a b; do
		check "the outside is open to guest $g" guest_peer $g bulk $SERVER $PORT 1000000
	done
	check "the host reaches it" host_peer who tcp 10.20.0.11 7200
}

topology
servers
start_ready host-server host_peer serve 0.0.0.0 7100
on_backends scenario

echo 'isolate: true' >"$TMP/isolate.yaml"
for b in culvert oracle; do
	case " ${TEST_BACKENDS:-$b} " in
	*" $b "*)
		WHERE=
		if [ $b = culvert ]; then
			backend culvert -f "$TMP/isolate.yaml"
		else
			backend oracle
		fi
		WHERE="$b, isolated"
		isolated
		;;
	esac
done
finish
