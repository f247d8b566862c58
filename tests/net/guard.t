#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A guest cannot pretend: frames with another's MAC, address or ARP claim, a
# DHCP server's replies, IPv6 and VLAN tags are dropped at its port, and each
# is counted under its reason.  Only culvert guards; the oracle shows that the
# frames are real by letting them pass.
. "$(dirname "$0")/lib.sh"

N=10
OTHER_MAC=52:54:00:00:0f:0f

# send GUEST KIND: N frames of one kind
send()
{
	guest_peer "$1" frames eth0 "$2" $N mac="${GUEST_MAC[$1]}" ip="${GUEST_IP[$1]}" \
		gw=$GATEWAY gwmac="$GATEWAY_MAC" other=$OTHER_MAC otherip=10.20.0.12 dst=$SERVER
}

# What must not be heard: another's MAC, claims of a and b to others' addresses,
# and what only a router or a DHCP server sends.
FORGED="$OTHER_MAC|Reply 10\.20\.0\.(1|12) is-at 52:54:00:00:00:0[12]|IPv6|BOOTP|802\.1Q|10\.20\.0\.12\.4000"

# drop KIND REASON CLAIM
drop()
{
	local before after g where=$WHERE
	for g in a b; do
		before=$(dropped "$2" $g)
		send $g "$1"
		after=$(dropped "$2" $g)
		WHERE="$where, ${KIND[$g]}"
		is "$3" "$((after - before)) counted as $2" "$N counted as $2"
	done
	WHERE=$where
}

gateway_mac()
{
	guest a ping -q -c 1 -W 5 $GATEWAY >/dev/null
	guest a ip neigh show $GATEWAY | sed -n 's/.*lladdr \([^ ]*\).*/\1/p'
}

declare -A GUEST_IP=([a]=10.20.0.10 [b]=10.20.0.11) KIND=([a]=TAP [b]=veth)

scenario()
{
	guest_tap a 10.20.0.10
	guest_veth b 10.20.0.11
	guest_tap c 10.20.0.12
	GATEWAY_MAC=$(gateway_mac)
	guest c ping -q -c 1 -W 5 $GATEWAY >/dev/null
	listen heard-outside '' outside
	listen heard-c '' guest c

	# The generator makes frames that pass when they are honest.
	send a good
	check "an honest frame of the same make arrives outside" \
		await_line 5 "$TMP/heard-outside.log" "$UPLINK_IP.4000 > $SERVER.4000"
	if [ "$BACKEND" = oracle ]; then
		send a arp-ip
		check "without a guard, a neighbour hears a forged ARP claim" \
			await_line 5 "$TMP/heard-c.log" 'Reply 10.20.0.12 is-at'
		send b ipv6
		check "without a guard, a neighbour hears a router advertisement" \
			await_line 5 "$TMP/heard-c.log" 'ip6|IPv6'
		return
	fi
	drop mac spoofed-mac "a frame with another MAC is dropped"
	drop ip spoofed-ip "a packet with another address is dropped"
	drop arp-ip spoofed-arp "an ARP claim to a neighbour's address is dropped"
	drop arp-gateway spoofed-arp "an ARP claim to the gateway's address is dropped"
	drop arp-mac spoofed-arp "an ARP request with another's MAC inside is dropped"
	drop dhcp rogue-dhcp "a DHCP server's offer is dropped"
	drop ipv6 ipv6 "a router advertisement is dropped"
	drop vlan ethertype "a tagged frame is dropped"

	# Whoever is heard now was heard after all of them.
	guest a ping -q -c 1 -W 5 10.20.0.12 >/dev/null
	guest a ping -q -c 1 -W 5 $SERVER >/dev/null
	check "the guests can still talk" await_line 5 "$TMP/heard-c.log" '10.20.0.10 > 10.20.0.12: ICMP echo'
	check "and reach the outside" await_line 5 "$TMP/heard-outside.log" 'ICMP echo request'
	listen_end heard-outside
	listen_end heard-c
	is "nothing of it came to a neighbour" "$(grep -E "$FORGED" "$TMP/heard-c.log")" ""
	is "nothing of it came outside" "$(grep -E "$FORGED" "$TMP/heard-outside.log")" ""
	is "only the honest frames did" "$(grep -c "4000 > $SERVER.4000" "$TMP/heard-outside.log")" $N
	is "the neighbour still knows the gateway's MAC" \
		"$(guest c ip neigh show $GATEWAY | sed 's/.*lladdr \([^ ]*\).*/\1/')" "$GATEWAY_MAC"
}

topology
servers
on_backends scenario
finish
