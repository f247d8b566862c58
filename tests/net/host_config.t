#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# host.yaml: the size of the flow table is the operator's, for all networks,
# from the first that comes up to the last that goes.
. "$(dirname "$0")/lib.sh"

table() { bpftool -j map show pinned "$CULVERT_BPF/map/flows" | jq .max_entries; }
limits() { culvert flow count "$NET" -o json | jq -c '[.networks[0].limit, .guests[0].limit]'; }
host_yaml() { printf '%s\n' "$@" >"$CULVERT_CONF/host.yaml"; }

mkdir -p "$CULVERT_CONF"
topology

host_yaml 'flows: 20000'
check "a network comes up" culvert up "$NET" --subnet $SUBNET
NETS+=("$NET")
is "the table has as much room as host.yaml says" "$(table)" 20000
check "a port" culvert port add "$NET" a
is "limits follow: all of the table, and a quarter of it" "$(limits)" '[20000,5000]'

host_yaml 'flows: 1000000'
has "another size waits, and up says so" "$(culvert up "$NET" 2>&1)" \
	'the flow table has room for 20000 flows, not the 1000000 of .*/host\.yaml., until all networks have been down'
is "the table is as it was" "$(table)" 20000
check "another network comes up beside it" culvert up "$NET-b"
check "one goes" culvert down "$NET"
has "and comes back to the same table" "$(culvert up "$NET" 2>&1)" 'until all networks have been down'
check "all go" culvert down --all
has "the next one makes the table anew, without a word" "$(culvert up "$NET" --subnet $SUBNET 2>&1 | grep -c room)" '^0$'
is "with a million flows" "$(table)" 1000000
check "a port again" culvert port add "$NET" a
is "a guest may have 65536 of them" "$(limits)" '[1000000,65536]'

host_yaml 'flows: 1000000' 'subnet: auto'
refute "a bad host.yaml: nothing comes up" culvert up "$NET-c"
has "file, line and key are told" "$(culvert up "$NET-c" 2>&1)" '/host\.yaml:2: subnet: unknown key$'
refute "nothing was made" test -e "/run/netns/cv-$NET-c"
check "what is up goes down all the same" culvert down --all
NETS=()

rm "$CULVERT_CONF/host.yaml"
refute "a network cannot be called host" culvert up host
finish
