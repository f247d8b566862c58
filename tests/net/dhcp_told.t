#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What guests are told by DHCP: options of the network and of one guest, boot
# files, relays, clones with one DUID; and a guest that asks without end.
. "$(dirname "$0")/lib.sh"

CLIENT=$TESTS/dhcp_client.py
client() { guest "$1" "$PYTHON" "$CLIENT" eth0 "${@:2}"; }

configure()
{
	cat >"$TMP/told.yaml" <<-YAML
		subnet: $SUBNET
		dhcp:
		  lease: 1h
		  dns: none
		  rapid-commit: true
		  options:
		    - { option: ntp, value: 10.20.0.5 }
		    - { option: routes, value: 10.0.0.0/8=10.20.0.5 }
		    - { option: ${1:-224}, type: ${2:-u16}, value: ${3:-513} }
		  boot:
		    - { arch: efi-x64, file: ipxe.efi, server: 10.20.0.5 }
		    - { ipxe: true, file: "http://10.20.0.5/menu.ipxe" }
		guests:
		  - name: own
		    mac: 52:54:00:00:00:02	# the second that the test makes
		    ip: .40
		    options: [ { option: hostname, value: mine } ]
		  - name: relay
		    mac: 52:54:00:00:00:03
		    ip: .9
		    trust: relay
	YAML
	culvert up "$NET" -f "$TMP/told.yaml" >"$TMP/up.log" 2>&1 || bail "culvert up: $(cat "$TMP/up.log")"
}

told()
{
	local out
	configure
	guest_veth a
	guest_tap own
	guest_veth relay 10.20.0.9

	WHERE="a guest"
	out=$(client a lease)
	has "is told the network's options" "$out" '^ack .* 42=0a140005 121=080a0a140005000a140001 224=0201 249=080a0a140005000a140001'
	out=$(client a ask discover opt=80:)
	has "that asks for rapid commit is bound at once" "$out" '^ack .* 80='
	out=$(client a ask discover)
	has "that does not is offered" "$out" '^offer '
	out=$(client a ask discover opt=60:505845436c69656e74 opt=93:0007)
	has "whose firmware is PXE is told its file and server" "$out" 'siaddr=10.20.0.5 file=ipxe.efi'
	out=$(client a ask discover opt=77:69505845)
	has "whose firmware is iPXE is told the URL" "$out" 'file=http://10.20.0.5/menu.ipxe .*175=b00101'

	WHERE="options of its own"
	out=$(client own lease)
	has "a guest is told them, at its first request and its reserved address" "$out" '^ack .*yiaddr=10.20.0.40 .* 12=6d696e65'
	out=$(client own ask request ciaddr=10.20.0.40)
	has "and when it renews" "$out" '^ack .* 12=6d696e65'

	WHERE="a trusted relay"
	out=$(client relay farm 20 giaddr=10.20.0.9 opt=82:010476657468)
	is "gets twenty clients twenty addresses" "$(sort -u <<<"$out" | grep -c '^10\.20\.0\.')" 20
	out=$(client relay ask discover mac=0a:00:00:00:00:03 giaddr=10.20.0.9 opt=82:010476657468)
	has "is answered at its address, on the server's port, 82 last" "$out" '^offer to=10.20.0.9:67 .* 82=010476657468$'
	out=$(client relay ask discover mac=0a:00:00:00:00:03 giaddr=10.20.0.9)
	has "is answered without 82 when it sends none" "$out" '^offer to=10.20.0.9:67 '
	refute "is not answered for another network" env WAIT=1 nsenter "--net=/run/netns/cvt-$ID-relay" \
		"$PYTHON" "$CLIENT" eth0 ask discover mac=0a:00:00:00:00:03 giaddr=192.0.2.1
	refute "a guest that is none is not answered" env WAIT=1 nsenter "--net=/run/netns/cvt-$ID-a" \
		"$PYTHON" "$CLIENT" eth0 ask discover mac=0a:00:00:00:00:03 giaddr=10.20.0.9

	WHERE="a port added with --trust"
	guest_new z
	check "relay is understood" culvert port add "$NET" z --mac "${GUEST_MAC[z]}" --ip .60 --trust relay \
		--veth "cvt-$ID-z"
	guest_up z 10.20.0.60
	out=$(client z lease mac=0a:00:00:00:99:01 giaddr=10.20.0.60)
	has "and its guest asks for others" "$out" '^ack to=10.20.0.60:67 '
	refute "but not for another relay's client" env WAIT=1 nsenter "--net=/run/netns/cvt-$ID-z" \
		"$PYTHON" "$CLIENT" eth0 lease mac=0a:00:00:00:00:03 giaddr=10.20.0.60
	refute "anything else is refused" culvert port add "$NET" y --trust all

	WHERE="the file changes"
	configure 225 string changed
	out=$(client a lease)
	has "and the next answer with it" "$out" ' 225=6368616e676564'
	configure 225 hex "$(printf 'ab%.0s' $(seq 300))"
	out=$(client a ask discover opt=57:05dc)
	has "more than the kernel holds is told by the daemon" "$out" " 225=$(printf 'ab%.0s' $(seq 255)) 225=$(printf 'ab%.0s' $(seq 45))"
}

# Two disks copied from one: the same machine-id, so the same DUID.
dhclient_clone()
{
	local dir=$TMP/clone-$1
	mkdir -p "$dir"
	: >"$TMP/dhcp-$1.log"
	echo 'default-duid "\000\004AAAABBBBCCCCDDDD"; send dhcp-client-identifier ff:00:00:00:01:00:04:41:41:41:41:42:42:42:42:43:43:43:43:44:44:44:44; retry 2; timeout 20;' >"$dir/conf"
	start "clone-$1" guest "$1" dhclient -4 -d -v -cf "$dir/conf" -lf "$dir/leases" -pf "$dir/pid" \
		-sf "$TESTS/dhcp-script" -e "DHCP_LOG=$TMP/dhcp-$1.log" eth0
}

address_of() { guest "$1" ip -o -4 addr show dev eth0 | sed -n 's/.*inet \([0-9.]*\).*/\1/p'; }

clones()
{
	guest_tap c
	guest_veth d
	dhclient_clone c
	dhclient_clone d
	check "the first is bound" await_line 25 "$TMP/dhcp-c.log" '^BOUND '
	check "the second is bound" await_line 25 "$TMP/dhcp-d.log" '^BOUND '
	is "two clones with one DUID have two addresses" \
		"$(printf '%s\n' "$(address_of c)" "$(address_of d)" | sort -u | grep -c .)" 2
	check "and reach each other" guest c ping -q -c 1 -W 5 "$(address_of d)"
}

# Not a claim about time: a second is what the others are to wait at most, and it is told.
starvation()
{
	local g out before
	guest_veth bad
	for g in e f h; do
		guest_veth "$g"
	done
	start flood guest bad "$PYTHON" "$CLIENT" eth0 flood 6
	await_line 5 "$TMP/flood.log" '^floods' || bail "no flood"
	for g in e f h; do
		before=${EPOCHREALTIME/./}
		check "a guest beside one that floods is given a lease at its first request" client "$g" lease
		note "guest $g: $(((${EPOCHREALTIME/./} - before) / 1000)) ms, with the start of the client"
	done
	await_line 15 "$TMP/flood.log" '^sent' || bail "the flood does not end"
	note "$(grep sent "$TMP/flood.log")"
	out=$(culvert lease ls "$NET" -o json | jq '[.leases[] | select(.address != null)] | length')
	[ "$out" -le 60 ] && ok "it holds few addresses itself" || not_ok "it holds few addresses itself" "$out leases"
}

topology
servers
on_backends told culvert
on_backends clones culvert
on_backends starvation culvert
finish
