#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The main road: a guest behind a TAP and one behind a veth reach the outside
# by ping, TCP, UDP and HTTP, masqueraded, in both attach modes.
. "$(dirname "$0")/lib.sh"

page_arrives()
{
	guest "$1" curl -sS --max-time 20 "http://$SERVER:$HTTP/page" | cmp - "$TMP/www/page"
}

# The host's own stack carries nothing: that is what makes firewalls harmless.
not_forwarding()
{
	host sh -c '[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 0 ]'
}

# iperf GUEST OPTION...: iperf3's server takes some moments to end the test before.
iperf()
{
	local out
	while ! out=$(guest "$1" iperf3 -c $SERVER -p $IPERF "${@:2}" 2>&1); do
		grep -q 'server is busy' <<<"$out" || { echo "$out"; return 1; }
		sleep 0.1
	done
}

# How the programs hang on the uplink: as filters, or as links that tc does not show.
filters() { host tc filter show dev up0 ingress | grep -c 'bpf.*direct-action'; }

guest_claims()
{
	local g=$1 tcp=$2 udp=$3
	check "the gateway answers ping" guest "$g" ping -q -c 2 -i 0.1 -W 5 $GATEWAY
	check "the outside answers ping" guest "$g" ping -q -c 2 -i 0.1 -W 5 $SERVER
	check "a ping in six fragments comes back" guest "$g" ping -q -c 2 -i 0.1 -W 5 -s 8000 $SERVER
	check "TCP carries 8 MB each way undamaged" guest_peer "$g" bulk $SERVER $PORT 8000000
	check "datagrams of every size come back whole" \
		guest_peer "$g" echo $SERVER $PORT 1 0 2 17 512 1471 1472 1473 4000 9000 30000 65507
	check "a page arrives over HTTP" page_arrives "$g"
	check "iperf3 sends" iperf "$g" -n 50M
	check "iperf3 receives" iperf "$g" -n 50M -R
	check "iperf3 sends UDP" iperf "$g" -u -b 50M -n 2M
	is "the server sees the uplink's address and the guest's port, by TCP" \
		"$(guest_peer "$g" who tcp $SERVER $PORT "$tcp")" "$UPLINK_IP $tcp"
	is "the server sees the uplink's address and the guest's port, by UDP" \
		"$(guest_peer "$g" who udp $SERVER $PORT "$udp")" "$UPLINK_IP $udp"
}

scenario()
{
	guest_tap a 10.20.0.10
	guest_veth b 10.20.0.11
	WHERE="$1, TAP"
	guest_claims a 30001 30002
	WHERE="$1, veth"
	guest_claims b 30003 30004
	WHERE=$1
	[ "$BACKEND" = oracle ] || check "the host forwards nothing itself" not_forwarding
	case $1 in
	*:tcx) is "the uplink has no filter" "$(filters)" 0 ;;
	*:clsact) is "the uplink has a filter" "$(filters)" 1 ;;
	esac
}

topology
servers
on_backends scenario culvert:tcx culvert:clsact oracle
finish
