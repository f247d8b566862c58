#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What `up` makes on the host and in the kernel, that doing it twice changes
# nothing, that a refused command changes nothing, and that only labelled
# objects are touched.
. "$(dirname "$0")/lib.sh"

# links NAMESPACE: without what moves by itself
links()
{
	nsenter "--net=/run/netns/$1" sh -c 'ip -d link; ip addr; bridge fdb; bridge link' |
		sed -E 's/valid_lft.*//; s/ state [A-Z]+//; s/(gc_timer|hello_timer|tcn_timer|topology_change_timer) +[0-9.]+//g'
}

pins() { find "$CULVERT_BPF" | sort; }
everything() { links "$HOST"; links "cv-$NET"; pins; prog_ids; }

# While a network is up, all of the host is as before but the network's own
# link: its address, the route to its subnet and its own conf entries.
host_is_untouched()
{
	local link=cv-$NET
	host_state >"$TMP/host.up"
	is "up changes no link, route, rule or sysctl of the host but its own link's" \
		"$(diff "$TMP/host.before" <(grep -vE "$link|^local $GATEWAY|^broadcast 10\.20\.0\.(0|255) " "$TMP/host.up"))" ""
	is "the only route is to the guests' subnet" \
		"$(host ip route show dev "$link" | sed 's/ *$//')" \
		"$SUBNET proto kernel scope link src $GATEWAY"
}

labels()
{
	local name
	for name in $(nsenter "--net=/run/netns/cv-$NET" ip -o link | sed 's/^[0-9]*: \([^:@]*\).*/\1/'); do
		[ "$name" != lo ] || continue
		[ ${#name} -le 15 ] || echo "$name is too long"
		nsenter "--net=/run/netns/cv-$NET" ip -d link show dev "$name" |
			grep -q "alias culvert:$NET" || echo "$name has no label"
	done
	host ip -d link show dev "cv-$NET" | grep -q "alias culvert:$NET" || echo "cv-$NET has no label"
}

twice()
{
	everything >"$TMP/once"
	check "up again" culvert up "$NET" --subnet $SUBNET
	everything >"$TMP/twice"
	is "up twice changes nothing" "$(diff "$TMP/once" "$TMP/twice")" ""
}

maps_by_name()
{
	local ports networks
	ports=$(bpftool map dump pinned "$CULVERT_BPF/map/ports" | head -c 2000000)
	networks=$(bpftool map dump pinned "$CULVERT_BPF/map/networks")
	has "bpftool shows a port by field names" "$ports" '"mac": '
	has "with its name" "$ports" '"name": "a"'
	has "bpftool shows a network by field names" "$networks" '"timeout_ticks": '
	has "with its name, too" "$networks" "\"name\": \"$NET\""
	guest_peer a who udp $SERVER $PORT >/dev/null
	has "bpftool shows a flow by field names" \
		"$(bpftool map dump pinned "$CULVERT_BPF/map/flows")" '"rport": '
}

# Pins of another layout are refused, by name, and left as they are.
layout_refused()
{
	local pin=$CULVERT_BPF/map/meta good other out
	good=$(bpftool -j map lookup pinned "$pin" key 0 0 0 0 |
		jq -r '.value | map(ltrimstr("0x")) | join(" ")')
	other="63 ${good#* }"
	bpftool map update pinned "$pin" key 0 0 0 0 value hex $other
	out=$(culvert up "$NET" 2>&1)
	is "maps of another layout are refused" "$?" 1
	has "with a word on why" "$out" "made by another version of culvert"
	bpftool map update pinned "$pin" key 0 0 0 0 value hex $good
	check "and left as they were" culvert show "$NET"
	check "the guest did not notice" guest_peer a who udp $SERVER $PORT
}

# Each command that prints has JSON of the same shape.
json()
{
	local cmd
	for cmd in ls "show $NET" "port ls $NET" "lease ls $NET" "flow ls $NET" "flow count" \
		"stats $NET" version; do
		# shellcheck disable=SC2086
		is "$cmd -o json is one object with a version" \
			"$(culvert $cmd -o json 2>&1 | jq -r 'type, (.version | type)' 2>&1 | xargs)" "object number"
	done
	has "ls names the network" "$(culvert ls)" "$NET.*10\.20\.0\.0/24"
	has "port ls names the guests" "$(culvert port ls "$NET")" '^a .*52:54:00:00:00:01'
}

# refused CLAIM STATUS PATTERN COMMAND...: fails so, says that, changes nothing
refused()
{
	local claim=$1 status=$2 pattern=$3 out rc
	shift 3
	everything >"$TMP/r1"
	out=$(culvert "$@" 2>&1)
	rc=$?
	everything >"$TMP/r2"
	is "$claim: exit status" "$rc" "$status" || note "$out"
	has "$claim: says why" "$out" "$pattern"
	is "$claim: changes nothing" "$(diff "$TMP/r1" "$TMP/r2")" ""
}

bad_config()
{
	local key=$1 line=$2
	shift 2
	printf '%s\n' "$@" >"$TMP/bad.yaml"
	refused "bad file ($*)" 1 "bad.yaml:$line.*$key" up "${NET}z" -f "$TMP/bad.yaml"
}

refusals()
{
	bad_config colour 1 'colour: blue'
	bad_config mode 1 'mode: fast'
	bad_config subnet 1 'subnet: 10.20.0.0/33'
	bad_config subnet 2 'mode: nat' 'subnet: [1, 2]'
	bad_config isolate 1 'isolate: perhaps'
	bad_config lease 1 'dhcp: { lease: soon }'
	bad_config mac 2 'guests:' '  - { name: web, mac: 52:54 }'
	bad_config ip 3 'subnet: 10.21.0.0/24' 'guests:' '  - { name: web, ip: 10.99.0.4 }'
	refused "no such file" 1 'none.yaml' up "${NET}z" -f "$TMP/none.yaml"
	refused "no such uplink" 1 'nolink' up "${NET}z" --uplink nolink
	refused "no such network" 1 "${NET}z" down "${NET}z"
	refused "no such port" 1 nobody port rm "$NET" nobody
	refused "a MAC that is none" 1 52:54 port add "$NET" x --mac 52:54
	refused "an address outside of the subnet" 1 192.0.2.1 port add "$NET" x --ip 192.0.2.1
	refused "an address that another guest has" 1 10.20.0.10 port add "$NET" x --ip 10.20.0.10
	refused "no such command" 2 nonsense nonsense
	refused "no such option" 2 nonsense up --nonsense
	is "nothing was made for a refused network" "$(ls -d /run/netns/cv-"${NET}z" 2>/dev/null)" ""
}

# A link with the name that culvert would use, but not made by it.
foreign()
{
	host ip link add name "cv-${NET}y" type bridge
	refute "up refuses a name that someone else's link has" culvert up "${NET}y" --subnet 10.22.0.0/24
	check "the link of someone else is still there" host ip link show dev "cv-${NET}y"
	is "and nothing else was made" "$(ls -d /run/netns/cv-"${NET}y" 2>/dev/null)" ""
	host ip link del dev "cv-${NET}y"
	check "without it the network comes up" culvert up "${NET}y" --subnet 10.22.0.0/24
	check "and goes" culvert down "${NET}y"
}

# An open TAP holds a namespace alive; the holder is named.
held()
{
	local out
	out=$(culvert down "$NET" 2>&1)
	is "down refuses while a guest holds its TAP" $? 1 || note "$out"
	has "and names who" "$out" "pump.*|${GUEST_PID[a]}"
	has "by its process id" "$out" "${GUEST_PID[a]}"
	check "the guest is still online" guest_peer a bulk $SERVER $PORT 100000
	check "down --force takes it away" culvert down "$NET" --force
	check "the holder's TAP is gone" await 5 gone kill -0 "${GUEST_PID[a]}"
	NETS=()
}

scenario()
{
	guest_tap a 10.20.0.10
	host_is_untouched
	is "every link is labelled and has a short name" "$(labels)" ""
	twice
	maps_by_name
	layout_refused
	json
	refusals
	foreign
	remember_progs
	held
}

topology
servers
on_backends scenario culvert
finish
