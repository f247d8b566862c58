#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Requests that the daemon leaves without an answer are counted by name, of the
# guest that sent them, and the others are served as before.
. "$(dirname "$0")/lib.sh"
# Whatever ends the test, its small disk does not stay.
trap 'umount "$CULVERT_STATE" 2>/dev/null; rescue' EXIT

CLIENT=$TESTS/dhcp_client.py
client() { guest "$1" "$PYTHON" "$CLIENT" eth0 "${@:2}"; }
in_vain() { WAIT=0.5 client "$@"; }
address() { culvert lease ls "$NET" -o json | jq -r --arg g "$1" '.leases[] | select(.guest == $g) | .address'; }
# counts REASON GUEST N
counts() { [ "$(dropped "$1" "$2")" -ge "$3" ]; }
finding() { culvert doctor "$NET" -o json | jq -r '.findings[] | select(.subject == "lease store") | "\(.state) \(.finding)"'; }

configure()
{
	cat >"$TMP/refusals.yaml" <<-YAML
		subnet: $1
		dhcp: { dns: none }
		guests:
		  - { name: relay, mac: "52:54:00:00:00:03", ip: .2, trust: relay }	# the third that the test makes
	YAML
	culvert up "$NET" -f "$TMP/refusals.yaml" >"$TMP/up.log" 2>&1 || bail "culvert up: $(cat "$TMP/up.log")"
}

relayed()
{
	refute "a client of another network gets no answer" in_vain relay ask discover mac=0a:00:00:00:00:01 giaddr=192.0.2.1
	check "and is counted" await 5 counts dhcp-relay relay 1
	refute "nor does a relay get a guest's own lease" in_vain relay ask discover mac="${GUEST_MAC[a]}" giaddr=10.20.0.2
	check "and is counted" await 5 counts dhcp-relay relay 2
	refute "what asks for nothing gets no answer" in_vain a ask request
	check "and is counted" await 5 counts dhcp-unfit a 1
}

declining()
{
	local a
	for _ in 1 2 3 4 5; do
		client b lease >/dev/null
		a=$(address b)
		in_vain b ask decline want="$a" server=$GATEWAY >/dev/null
		sleep 0.3	# its allowance
	done
	check "a guest that declines one address after the other is counted" await 5 counts dhcp-declines b 1
	check "and another one served" client a lease
}

# Nothing is promised that cannot be kept; what was promised is kept.
disk()
{
	local before
	for _ in 1 2 3; do
		head -c 1M /dev/zero >>"$CULVERT_STATE/ballast" 2>/dev/null || break
	done
	while head -c 512 /dev/zero >>"$CULVERT_STATE/ballast" 2>/dev/null; do :; done
	guest_veth late
	before=$(dropped dhcp-store)
	refute "with a full disk a new guest gets no lease" in_vain late ask discover
	check "which is counted by name" await 5 counts dhcp-store late 1
	is "once" "$(($(dropped dhcp-store) - before))" 1
	check "a known one renews" client a ask request ciaddr="$(address a)"
	has "doctor names the disk" "$(finding)" '^FAIL leases cannot be written.*(full|space)'
	refute "still none" in_vain late ask discover
	is "and has no address" "$(address late)" ""
	rm "$CULVERT_STATE/ballast"
	check "with room again it gets one" client late lease
	check "and doctor notes what was" await 10 eval 'grep -q "^note leases can be written again" <<<"$(finding)"'
}

# The table of the whole host: held leases of clients that are not there.
table_full()
{
	"$PYTHON" - 1 "$CULVERT_BPF/map/leases" >"$TMP/leases.batch" <<-'BATCH'	# 1: the only network
		import struct, sys
		net, path = int(sys.argv[1]), sys.argv[2]
		far = 1 << 62
		for i in range(8192):
		    key = struct.pack("=H6B", net, 0x0a, 1, 0, 0, i >> 8, i & 255)
		    lease = struct.pack("=4sIIIQQQB31s64s", bytes([10, 20, 64 + (i >> 8), i & 255]), 0, 2, 16, far, far, 0, 0, b"", b"")
		    print("map update pinned", path, "key hex", key.hex(" "), "value hex", lease.hex(" "))
	BATCH
	bpftool batch file "$TMP/leases.batch" >"$TMP/batch.log" 2>&1
	guest_veth more
	refute "with a full table of leases a new guest gets none" in_vain more ask discover
	check "which is counted by name" await 5 counts dhcp-full more 1
	check "and in the log" await_line 5 "$CULVERT_RUN/serve.log" 'table of leases is full \(8192\)'
	check "a known one renews" client a ask request ciaddr="$(address a)"
	refute "doctor does not blame the disk" grep -q '^FAIL' <<<"$(finding)"
}

pool()
{
	local g
	culvert down "$NET"
	umount "$CULVERT_STATE"
	configure 10.20.0.0/29
	for g in relay late; do
		culvert port add "$NET" $g --mac "${GUEST_MAC[$g]}" --veth "cvt-$ID-$g" || bail "no port"
		guest_up $g ""
	done
	client relay farm 4 giaddr=10.20.0.2 >"$TMP/farm.log"
	is "all addresses are given" "$(grep -c '^10\.20\.0\.' "$TMP/farm.log")" 4
	refute "who comes then gets none" in_vain late ask discover
	check "which is counted by name" await 5 counts dhcp-pool late 1
	has "and in the log" "$(cat "$CULVERT_RUN/serve.log")" "guest 'late': DHCP: no address is left"
}

scenario()
{
	culvert down "$NET"
	mkdir -p "$CULVERT_STATE"
	mount -t tmpfs -o size=2M tmpfs "$CULVERT_STATE" || bail "no small disk"
	configure $SUBNET
	guest_veth a
	guest_veth b
	guest_veth relay 10.20.0.2
	client a lease >/dev/null
	relayed
	declining
	disk
	table_full
	pool
}

topology
on_backends scenario culvert
finish
