#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The flow table full to the last entry: what it costs, and that those who have
# flows keep them.  Time is for the bench; here is the kernel's memory.
. "$(dirname "$0")/lib.sh"

NOWHERE=203.0.113.66	# outside drops what is for it without a word
SPORTS=100
BYTES_PER_FLOW=256

# flood GUEST COUNT: UDP flows
flood()
{
	local mac ip
	guest "$1" ping -q -c 1 -W 5 $GATEWAY >/dev/null
	mac=$(guest "$1" ip neigh show $GATEWAY | sed 's/.*lladdr \([^ ]*\).*/\1/')
	ip=$(guest "$1" ip -4 -o addr show dev eth0 | sed 's/.*inet \([^/]*\).*/\1/')
	guest "$1" "$BUILD/flood" eth0 udp "$2" $SPORTS "$mac" "$ip" $NOWHERE
}

# network_count KEY, of flows and limit; the limit is the table's size
network_count() { culvert flow count "$NET" -o json | jq ".networks[0].$1"; }
guest_limit() { culvert flow count "$NET" -o json | jq '.guests[0].limit'; }

# map_says NAME KEY: of a pinned map
map_says() { bpftool -j map show pinned "$CULVERT_BPF/map/$1" | jq ".$2"; }

# fill: greedy guests as many as it takes; sets REFUSED, what was sent too much
fill()
{
	local table limit left n=0
	table=$(network_count limit) limit=$(guest_limit)
	left=$((table - $(network_count flows)))
	while [ $left -gt 0 ]; do
		n=$((n + 1))
		guest_veth "greedy$n" 10.20.0.$((100 + n))
		flood "greedy$n" "$limit" >/dev/null
		left=$((left - limit))
	done
	REFUSED=$((-left))
	note "$n guests with $limit flows each"
}

# Three maps have something for each flow.  `flows` and `live_flows` are taken
# whole, buckets and spare entries included.  Of `externals` a flow uses an
# entry, or shares it with others of the same port; here each is given its own,
# which is the worst.  The rest of `externals` is there without a flow, too.
memory()
{
	local claim="a flow takes not more than $BYTES_PER_FLOW bytes" table flows keys each sum
	table=$(map_says flows max_entries)
	flows=$(map_says flows bytes_memlock) keys=$(map_says live_flows bytes_memlock)
	each=$(($(map_says externals bytes_value)))
	sum=$(((flows + keys + table - 1) / table + each))
	note "flows $flows bytes, live_flows $keys, for $table flows: $(((flows + keys) / table)) bytes each" \
		"externals: $each bytes an entry, $(map_says externals bytes_memlock) in all"
	# Before 6.4 the kernel multiplies the entries' declared sizes.
	if [ "$flows" -le $((table * ($(map_says flows bytes_key) + $(map_says flows bytes_value)) + 65536)) ]; then
		skip "$claim" "this kernel does not count what a map takes"
	else
		is "$claim" "$sum, $([ "$sum" -le $BYTES_PER_FLOW ] || echo too many)" "$sum, "
	fi
}

scenario()
{
	local memlock table
	guest_tap b 10.20.0.10
	start_ready idle guest b "$PYTHON" "$TESTS/neighbours.py" idle $SERVER $PORT 100 "$TMP/go"
	table=$(network_count limit)
	is "the network may have all flows of the table" "$table" "$(map_says flows max_entries)"
	memlock=$(map_says flows bytes_memlock)
	fill
	is "the table holds as many flows as it has room for" "$(network_count flows)" "$table"
	is "each one beyond is refused and counted" "$(dropped network-flows)" "$REFUSED"
	is "nothing else was dropped" "$(culvert stats "$NET" -o json |
		jq -r '.drops[] | select(.packets > 0) | .reason' | sort -u)" network-flows
	memory
	is "the table was paid for when it was made" "$(map_says flows bytes_memlock)" "$memlock"
	refused_and_kept
}

refused_and_kept()
{
	is "a new flow is refused, with a word" "$(guest_peer b error $SERVER $PORT)" EHOSTUNREACH
	touch "$TMP/go"
	await_line 30 "$TMP/idle.log" '^idle'
	is "100 connections that were there all still carry data" "$(grep ^idle "$TMP/idle.log")" "idle 100"
	check "the flows of one guest are forgotten" culvert flow flush "$NET" --guest greedy1
	check "and there is room again" guest_peer b echo $SERVER $PORT 100
}

topology
servers
on_backends scenario culvert
finish
