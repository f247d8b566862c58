#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Leases outlive their network, and commands change them: reserved, removed,
# taken to another host and taken over from other servers.
. "$(dirname "$0")/lib.sh"

N=4
farm() { guest farm "$PYTHON" "$TESTS/farm.py" "$1" c $N "$TMP/acks" "${2:-20}"; }
ALL="acknowledged $N of $N, refused or changed 0, given twice 0"

ports()
{
	local i
	for ((i = 0; i < N; i++)); do
		culvert port add "$NET" "c$i" --veth "cvt-$ID-farm" --ifname "c$i" || bail "no port"
		guest farm ip link set "c$i" up
	done
}

# leases [FILTER]: "guest address state", by guest
leases() { culvert lease ls "$NET" -o json | jq -r '.leases[] | "\(.guest) \(.address) \(.state)"' | sort; }
address() { leases | awk -v g="$1" '$1 == g { print $2 }'; }
mac() { culvert port ls "$NET" -o json | jq -r --arg g "$1" '.ports[] | select(.port == $g) | .mac'; }
exported() { culvert lease export "$NET" | jq -cS '[.leases[] | {address, mac, state}] | sort_by(.address)'; }
listed() { leases | grep -q "$1"; }

network_again()
{
	culvert down "$NET"
	culvert up "$NET" --subnet $SUBNET >/dev/null
}

outlive()
{
	local before
	ports
	is "clients have leases" "$(farm bind)" "$ALL"
	before=$(leases)
	check "the network is taken down" culvert down "$NET"
	check "and comes up again" culvert up "$NET" --subnet $SUBNET
	ports
	is "its guests are confirmed to have what they had" "$(farm reboot)" "$ALL"
	is "and have it" "$(leases)" "$before"
	rm -f "$TMP/acks"
	is "one that has forgotten is given the same" "$(farm bind) $(leases)" "$ALL $before"
	check "a port is removed" culvert port rm "$NET" c3
	check "its lease is free" await 15 gone listed "^c3 "
	check "the port is added again" culvert port add "$NET" c3 --veth "cvt-$ID-farm" --ifname c3
	guest farm ip link set c3 up
	rm -f "$TMP/acks"
	farm bind >"$TMP/out"
	is "its guest has the address that it had" "$(address c3)" "$(awk '$1 == "c3" { print $2 }' <<<"$before")"
}

reserved()
{
	local a
	check "an address is reserved" culvert lease add "$NET" c0 .200
	check "for a guest that has no port too" culvert lease add "$NET" later 10.20.0.201
	check "and for a MAC" culvert lease add "$NET" 52:54:00:00:aa:01 .202
	refute "not one that another guest has" culvert lease add "$NET" c1 "$(address c2)"
	refute "not one that is reserved" culvert lease add "$NET" c1 .201
	refute "not the gateway's" culvert lease add "$NET" c1 .1
	has "it says why" "$(culvert lease add "$NET" c1 .201 2>&1)" "reserved"
	await 15 listed "10.20.0.202 reserved"
	is "they are listed" "$(leases | grep -c ' reserved$')" 2
	check "the guest's old lease is not renewed" await 15 listed "^c0 .* suspended"
	rm -f "$TMP/acks"
	is "the guest asks again" "$(farm bind)" "$ALL"
	is "and is given it" "$(leases | grep '^c0')" "c0 10.20.0.200 static"
	network_again
	ports
	is "also when the network was down meanwhile" "$(farm reboot) $(address c0)" "$ALL 10.20.0.200"
	a=$(address c1)
	check "a lease is removed" culvert lease rm "$NET" "$a"
	is "and its port closed" "$(culvert port ls "$NET" -o json |
		jq -r '.ports[] | select(.port == "c1") | .address')" null
	check "a reservation is removed by name" culvert lease rm "$NET" later
	check "and by MAC" culvert lease rm "$NET" 52:54:00:00:aa:01
	refute "but once" culvert lease rm "$NET" 52:54:00:00:aa:01
	has "one that nobody has is said to be none" "$(culvert lease rm "$NET" nobody 2>&1)" "no lease of 'nobody'"
	culvert port add "$NET" fixed --ip .210 --veth "cvt-$ID-farm" --ifname x0
	refute "what 'port add' gave is not removed" culvert lease rm "$NET" fixed
	culvert port rm "$NET" fixed
	await 15 gone listed ' reserved$'
	is "no reservation is left" "$(leases | grep -c reserved)" 0
}

moved()
{
	local before end=$(($(date +%s) + 3600))
	rm -f "$TMP/acks"
	farm bind >/dev/null
	before=$(exported)
	is "what is exported is what is lent" "$(jq length <<<"$before")" "$N"
	culvert lease export "$NET" >"$TMP/export"
	culvert down "$NET"
	rm -f "$CULVERT_STATE"/leases.db*
	culvert up "$NET" --subnet $SUBNET >/dev/null
	check "it is imported where nothing is known" culvert lease import "$NET" "$TMP/export"
	ports
	is "and its guests keep their addresses" "$(farm reboot)" "$ALL"
	is "all of it" "$(await 15 [ "$(exported)" = "$before" ]; exported)" "$before"
	check "twice is once" culvert lease import "$NET" "$TMP/export"

	printf '%s 52:54:00:00:bb:01 10.20.0.90 db *\n0 52:54:00:00:bb:02 10.20.0.91 * *\n' $end >"$TMP/dnsmasq"
	check "dnsmasq's file is imported" culvert lease import "$NET" "$TMP/dnsmasq"
	check "its leases are held" await 15 listed "null 10.20.0.90 bound"
	check "those without end are reserved" await 15 listed "null 10.20.0.91 reserved"
	printf '[\n{"ip-address": "10.20.0.92", "mac-address": "52:54:00:00:bb:03", "expiry-time": %s}\n]\n' \
		$end >"$TMP/status"
	check "libvirt's too" culvert lease import "$NET" "$TMP/status"
	check "and is held" await 15 listed "null 10.20.0.92 bound"

	before=$(exported)
	printf '%s 52:54:00:00:bb:04 10.20.0.94 * *\n%s 52:54:00:00:bb:05 10.20.0.90 * *\n' $end $end >"$TMP/bad"
	is "a file with a conflict is refused with its line" \
		"$(culvert lease import "$NET" "$TMP/bad" 2>&1)" \
		"culvert: error: $TMP/bad:2: 10.20.0.90 cannot be imported: 52:54:00:00:bb:01 has it"
	printf '%s 52:54:00:00:bb:04 10.20.0.94 * *\n%s 52:54:00:00:bb:05 192.0.2.9 * *\n' $end $end >"$TMP/bad"
	has "so is one with a foreign address" "$(culvert lease import "$NET" "$TMP/bad" 2>&1)" \
		"bad:2: 192.0.2.9 cannot be imported: it is no guest's address"
	printf '%s 52:54:00:00:bb:04 10.20.0.94 * *\nrubbish\n' $end >"$TMP/bad"
	has "so is one that is none" "$(culvert lease import "$NET" "$TMP/bad" 2>&1)" 'bad:2: no lease'
	is "nothing of them was taken" "$(exported)" "$before"
}

# Without a daemon the kernel renews to the horizon on disk, and nothing beyond it.
until_the_horizon()
{
	local p n=0
	culvert lease rm "$NET" c0	# a reservation has no end
	printf 'subnet: %s\ndhcp:\n  lease: 10s\n' $SUBNET >"$TMP/short.yaml"
	culvert down "$NET"
	culvert up "$NET" -f "$TMP/short.yaml" >/dev/null
	ports
	rm -f "$TMP/acks"
	is "clients have short leases" "$(farm bind)" "$ALL"
	for p in $(own_culverts); do
		kill -9 "$p"
	done
	await 5 gone [ -n "$(own_culverts)" ]
	while [ "$(farm renew 2)" = "$ALL" ] && [ $n -lt 1000 ]; do
		n=$((n + 1))
		sleep 0.2	# the pace of renewals, not a wait
	done
	note "$n renewals of each without a daemon"
	check "a dead daemon is not noticed" [ $n -gt 1 ]
	check "until the horizon" [ $n -lt 1000 ]
	is "no grant went beyond what is on disk" \
		"$("$PYTHON" "$TESTS/farm.py" check "$CULVERT_STATE/leases.db" "$TMP/acks")" \
		"of some acknowledged 0 lost, 0 given twice, database ok"
	culvert up "$NET" -f "$TMP/short.yaml" >/dev/null
	is "a new daemon confirms what they have" "$(farm reboot)" "$ALL"
}

# What another culvert wrote, and what is none, is neither read nor touched.
foreign_store()
{
	local sum
	sqlite3 "$CULVERT_STATE/leases.db" 'PRAGMA user_version = 7' >/dev/null
	has "a store of another version is named" "$(culvert lease export "$NET" 2>&1)" \
		"leases.db' is of schema version 7, this culvert reads version 2"
	has "by doctor too" "$(culvert doctor "$NET")" "^FAIL +lease store .*schema version 7"
	sqlite3 "$CULVERT_STATE/leases.db" 'PRAGMA user_version = 2' >/dev/null
	check "and is read again when it is right" culvert lease export "$NET"
	mv "$CULVERT_STATE" "$CULVERT_STATE.kept"
	mkdir "$CULVERT_STATE"
	echo "not a database, whatever its name says" >"$CULVERT_STATE/leases.db"
	sum=$(md5sum <"$CULVERT_STATE/leases.db")
	refute "a file that is no database is refused" culvert lease export "$NET"
	is "and left as it is" "$(md5sum <"$CULVERT_STATE/leases.db")" "$sum"
	rm -rf "$CULVERT_STATE"
	mv "$CULVERT_STATE.kept" "$CULVERT_STATE"
}

scenario()
{
	new_netns "cvt-$ID-farm"
	GUESTS+=(farm)
	outlive
	reserved
	moved
	foreign_store
	until_the_horizon
}

topology
on_backends scenario culvert
finish
