#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A guest gets online by itself: two real clients, busybox's udhcpc and ISC
# dhclient, each behind a TAP and a veth.  The oracle's server is busybox's.
. "$(dirname "$0")/lib.sh"

# udhcpc GUEST: stays in the background as the guest's client
udhcpc_start()
{
	export DHCP_LOG=$TMP/dhcp-$1.log
	: >"$DHCP_LOG"
	start "udhcpc-$1" guest "$1" busybox udhcpc -f -i eth0 -t 20 -T 1 -x "hostname:guest-$1" \
		-O mtu -s "$TESTS/dhcp-script"
	CLIENT=$PID
}

dhclient_start()
{
	local dir=$TMP/dhclient-$1
	mkdir -p "$dir"
	: >"$TMP/dhcp-$1.log"
	echo 'send host-name "guest"; retry 2; timeout 20;' >"$dir/conf"
	start "dhclient-$1" guest "$1" dhclient -4 -d -v -cf "$dir/conf" -lf "$dir/leases" \
		-pf "$dir/pid" -sf "$TESTS/dhcp-script" -e "DHCP_LOG=$TMP/dhcp-$1.log" eth0
	CLIENT=$PID
}

address_of() { guest "$1" ip -o -4 addr show dev eth0 | sed -n 's/.*inet \([0-9./]*\).*/\1/p'; }

# online GUEST: what a lease is for
online()
{
	local g=$1 ip
	if ! await_line 25 "$TMP/dhcp-$g.log" '^(bound|BOUND) '; then
		not_ok "the client is given a lease" "$(cat "$TMP"/*"-$g.log")"
		return
	fi
	ok "the client is given a lease"
	has "of an address, netmask and router of the network" "$(cat "$TMP/dhcp-$g.log")" \
		'^(bound|BOUND) ip=10\.20\.0\.[0-9]+ mask=(24|255\.255\.255\.0) router=10\.20\.0\.1 '
	check "it pings the gateway" guest "$g" ping -q -c 1 -W 5 $GATEWAY
	check "it pings the outside" guest "$g" ping -q -c 1 -W 5 $SERVER
	check "it transfers data" guest_peer "$g" bulk $SERVER $PORT 1000000
	ip=$(address_of "$g")
	ADDRESSES+=("$ip")
	[ "$BACKEND" = culvert ] || return
	is "culvert shows the lease" "$(culvert lease ls "$NET" -o json | jq -r --arg mac \
		"${GUEST_MAC[$g]}" '.leases[] | select(.mac == $mac) | .address')" "${ip%/*}"
}

# A renewal asked for by the client, in RENEWING: unicast to the server.
udhcpc_renews()
{
	local before
	before=$(grep -c '^renew' "$DHCP_LOG")
	kill -USR1 "$1"
	await 10 renewals_exceed "$before"
}
renewals_exceed() { [ "$(grep -c '^renew' "$DHCP_LOG")" -gt "$1" ]; }

scenario()
{
	ADDRESSES=()
	[ "$BACKEND" = culvert ] || oracle_dhcp
	guest_tap a
	guest_veth b
	guest_tap c
	guest_veth d

	WHERE="$1, udhcpc, TAP"
	udhcpc_start a
	online a
	check "it renews" udhcpc_renews "$CLIENT"
	stop "$CLIENT"
	udhcpc_start a
	await_line 25 "$DHCP_LOG" '^bound'
	is "started anew it gets the address that it had" "$(address_of a)" "${ADDRESSES[0]:-}"
	WHERE="$1, udhcpc, veth"
	udhcpc_start b
	online b
	WHERE="$1, dhclient, TAP"
	dhclient_start c
	online c
	stop "$CLIENT"
	: >"$TMP/dhcp-c.log"
	dhclient_start c
	check "started anew it is given its lease again" await_line 25 "$TMP/dhcp-c.log" '^(REBOOT|BOUND)'
	WHERE="$1, dhclient, veth"
	dhclient_start d
	online d
	WHERE=$1
	is "four guests have four addresses" "$(printf '%s\n' "${ADDRESSES[@]}" | sort -u | wc -l)" 4
	check "and reach each other" guest a ping -q -c 1 -W 5 "${ADDRESSES[1]%/*}"
	[ "$BACKEND" = oracle ] ||
		is "no socket on port 67 is open" "$(host ss -Hlunp sport = :67)" ""
}

# An address that the operator reserved is given, whatever the client.
reserved()
{
	guest_tap e 10.20.0.77
	guest e ip addr flush dev eth0
	udhcpc_start e
	await_line 25 "$DHCP_LOG" '^bound'
	is "a reserved address is given to its guest" "$(address_of e)" 10.20.0.77/24
	check "with which it is online" guest_peer e bulk $SERVER $PORT 100000
}

topology
servers
on_backends scenario
on_backends reserved culvert
finish
