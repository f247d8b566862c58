#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# All that guests do, and what comes of it at the uplink's far end, in the eyes
# of a dissector that knows nothing of culvert: no internal address, no wrong
# checksum, nothing malformed, no identification twice.  Then what guests should
# not do.
#
# The oracle translates what its connection tracking calls valid.  All else,
# a wrong transport checksum, an answer that nobody asked for, an error about
# nothing, leaves with the guest's own address; and identifications are left as
# the guests wrote them.
CAPTURE="culvert oracle"
. "$(dirname "$0")/lib.sh"

forge() { guest "$1" "$PYTHON" "$TESTS/forge.py" "${@:2}"; }
forged() { "$PYTHON" "$TESTS/forge.py" capture "$TMP/forged.pcap" "$@"; }
fragments() { guest "$1" "$PYTHON" "$TESTS/fragments.py" "${@:2}"; }

gateway_mac()
{
	guest "$1" ping -q -c 1 -W 5 $GATEWAY >/dev/null
	guest "$1" ip neigh show $GATEWAY | sed 's/.*lladdr \([^ ]*\).*/\1/'
}

# --- the judge itself

# judged KIND RULE: a good packet, and one of this kind, which breaks this rule alone
judged()
{
	forged 192.0.2.1 $SERVER tcp "$1"
	is "a capture with one packet of kind $1 breaks the rule '$2'" \
		"$(judge "$TMP/forged.pcap" | sed 's/:.*//' | sort -u)" "$2"
}

judge_judged()
{
	local kind
	forged 192.0.2.1 $SERVER udp tcp icmp sum-of-0
	is "a good capture breaks no rule" "$(judge "$TMP/forged.pcap")" ""
	for kind in ip udp tcp icmp; do
		judged sum-$kind checksum
	done
	for kind in version ihl-short length-short udp-length-beyond tcp-header-short truncated; do
		judged $kind malformed
	done
	forged 192.0.2.1 $SERVER tcp twins twins
	has "two packets with one identification" "$(judge "$TMP/forged.pcap")" '^identification: frame 3 .*frame 2'
	forged 10.20.0.10 $SERVER udp
	has "an internal address" "$(judge "$TMP/forged.pcap")" '^internal'
	forged 192.0.2.1 $SERVER error-invented
	is "an error that quotes a packet" "$(judge "$TMP/forged.pcap" internal)" ""
	forged 192.0.2.1 10.20.0.10 error-invented
	has "an error that quotes an internal address" "$(judge "$TMP/forged.pcap" internal)" '^internal'
	refute "what is no capture is not judged good" judge "$TESTS/lib.sh"
}

# --- what guests do

DENIED=7001

# A socket is closed before its answer comes: the guest's error goes out.
error_of_guest()
{
	start_ready late outside_peer late $SERVER 7300 0.5
	guest_peer "$1" ask $SERVER 7300 0.1 >/dev/null
	await_line 10 "$TMP/late.log" '^done'
}

# Guest $2 from outside and around the corner, by a forward.
forwarded()
{
	culvert forward add "$NET" $UPLINK_IP:8080:"$2":80 >/dev/null 2>&1 || bail "no forward"
	culvert forward add "$NET" $UPLINK_IP:8080:"$2":80 --udp >/dev/null 2>&1 || bail "no forward"
	start_ready "web-$2" guest_peer "$2" serve 0.0.0.0 80
	check "a forward carries TCP" outside_peer bulk $UPLINK_IP 8080 3000000
	check "and UDP of every size" outside_peer echo $UPLINK_IP 8080 1 1472 1473 9000
	check "another guest reaches it" guest_peer "$1" bulk $UPLINK_IP 8080 1000000
	has "a way to it is traced" "$(outside traceroute -n -T -p 8080 -q 1 -w 3 -m 4 $UPLINK_IP)" "$UPLINK_IP"
}

everything()
{
	local g
	for g in "$@"; do
		check "guest $g: TCP in large segments" guest_peer $g bulk $SERVER $PORT 3000000
		check "guest $g: datagrams of every size" guest_peer $g echo $SERVER $PORT 1 1472 1473 9000 60000
		check "guest $g: 40 datagrams sent as one" fragments $g cut $SERVER $PORT 1400 40
		check "guest $g: pings, whole and in fragments" guest $g ping -q -c 3 -i 0.1 -W 5 -s 4000 $SERVER
		check "guest $g: a closed port" test "$(guest_peer $g error $SERVER 9)" = ECONNREFUSED
		check "guest $g: its own error" error_of_guest $g
		guest $g traceroute -n -q 1 -w 3 -m 4 $SERVER >/dev/null
		guest $g sh -c 'echo 1 >/proc/sys/net/ipv4/ip_no_pmtu_disc'
		check "guest $g: TCP that may be cut" guest_peer $g bulk $SERVER $PORT 1000000
	done
	# From the same port, with the same identification.
	for g in "$@"; do
		forge $g send eth0 "$(gateway_mac $g)" "${GUEST_IP[$g]}" $SERVER twins 20
	done
}

declare -A GUEST_IP=([a]=10.20.0.10 [b]=10.20.0.11 [c]=10.20.0.10 [d]=10.20.0.11)

# Whatever the rules did not see would not break them.
seen()
{
	local what min
	judge "$1" --verified >"$TMP/verified"
	[ "$BACKEND" = oracle ] ||
		is "nothing went to a port that a rule denies" "$(tcpdump -nr "$1" "tcp dst port $DENIED" 2>/dev/null)" ""
	while read -r what min; do
		check "at least $min $what were judged" \
			awk -v what="$what" -v min="$min" '$1 == what { n = $2 } END { exit n < min }' "$TMP/verified"
	done <<-MIN
		ip 2000
		tcp 1000
		udp 100
		icmp 10
		fragment 100
		quote 2
	MIN
}

scenario()
{
	guest_tap a 10.20.0.10
	guest_veth b 10.20.0.11
	if [ "$BACKEND" = oracle ]; then
		everything a b
		return
	fi
	echo "policy: [ deny @guests -> @internet tcp $DENIED ]" >"$TMP/policy.yaml"
	network_up "${NET}x" -f "$TMP/policy.yaml"
	guest_tap c 10.20.0.10 "${NET}x"
	guest_veth d 10.20.0.11 "${NET}x"
	everything a b c d
	has "a rule denies guest d a port" "$(guest_peer d who tcp $SERVER $DENIED 2>&1)" 'No route to host'
	forwarded a b
}

# --- what guests should not do

wrong()
{
	local mac kind before
	guest_veth a 10.20.0.10
	mac=$(gateway_mac a)
	for kind in ip udp; do
		capture_start sum-$kind 'udp dst port 4001'
		forge a send eth0 "$mac" 10.20.0.10 $SERVER sum-$kind 10
		capture_stop sum-$kind
	done
	is "a wrong IP checksum begins no flow" "$(tcpdump -nr "$TMP/sum-ip.pcap" 'dst port 4001' 2>/dev/null)" ""
	[ "$BACKEND" = oracle ] ||
		is "a wrong UDP checksum is not made right: ten packets left with one" \
			"$(judge "$TMP/sum-udp.pcap" checksum | grep -c '')" 10
	capture_start forged ip
	check "forged frames of each kind" forge a send eth0 "$mac" 10.20.0.10 $SERVER all 3
	check "3000 frames with random faults in their headers" \
		forge a random eth0 "$mac" 10.20.0.10 $SERVER 1 3000
	capture_stop forged
	if [ "$BACKEND" = oracle ]; then
		before=$(judge "$TMP/forged.pcap" internal | grep -c '')
		check "some of it leaves with the guest's own address" [ "$before" -gt 30 ]
		leak_watch	# that was no leak of culvert's
	else
		judge_claims forged internal
	fi
	check "TCP goes on" guest_peer a bulk $SERVER $PORT 1000000
}

command -v tshark >/dev/null || bail "no tshark: run tools/deps"
judge_judged
topology
servers
CAPTURE_MORE=seen
on_backends scenario
CAPTURE='' CAPTURE_MORE=
finished_wire
on_backends wrong
finish
