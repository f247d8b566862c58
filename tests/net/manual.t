#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What the manual pages say and only a network can show: the keys of each
# command's JSON, exit statuses, the example of culvert.yaml(5), and an example
# of culvert(8) typed as it stands.  Commands, options and drop reasons are
# compared by tests/unit/test_manual.c.
. "$(dirname "$0")/lib.sh"

COMMANDS=$TOP/docs/culvert.8.scd
CONFIG=$TOP/docs/culvert.yaml.5.scd

# described COMMAND: "ARRAY: KEY, KEY" of its section, as *ARRAY*: KEY, KEY. stands there
described()
{
	awk -v command="$1" '
		/^#/ { on = substr($0, 1, length(command) + 4) == "## " command " " }
		on && match($0, /^\*[a-z]+\*: [a-z_, ]+\.$/) { gsub(/[*.]/, ""); print }' "$COMMANDS"
}

# printed COMMAND...: the same of what it prints
printed()
{
	culvert "$@" -o json | jq -r 'to_entries[] | select(.key != "version") |
		.key + ": " + ([.value[] | keys_unsorted] | unique | map(join(", ")) | join(" | "))'
}

# json_is COMMAND OPERAND...
json_is()
{
	is "the keys of 'culvert $1' are those of the manual" "$(printed $1 "${@:2}")" "$(described "$1")"
}

# columns_are COMMAND OPERAND...: the first table's
columns_are()
{
	is "the columns of 'culvert $1' are those of the manual" \
		"$(culvert $1 "${@:2}" | awk 'NR == 1 { $1 = $1; print }')" \
		"$(described "$1" | sed -n '1s/.*: //p' | tr -d , | tr a-z A-Z)"
}

# status CODE CLAIM CMD...
status()
{
	"${@:3}" >/dev/null 2>&1
	is "$2: status $1" $? "$1"
}

# literal FILE PATTERN: the literal block that has a line like it
literal()
{
	awk -v pattern="$2" '
		$0 == "```" { if (block ~ pattern) printf "%s", block; block = ""; on = !on; next }
		on { block = block $0 "\n" }' "$1"
}

rendered()
{
	local out
	out=$(scdoc <"$1" | man --warnings=w -l - 2>&1 >/dev/null) || return 1
	[ -z "$out" ] || { echo "$out"; return 1; }
}

pages()
{
	local page
	for page in "$COMMANDS" "$CONFIG"; do
		if command -v man >/dev/null; then
			check "${page##*/} is rendered without a warning" rendered "$page"
		else
			skip "${page##*/} is rendered without a warning" "no man"
		fi
	done
}

keys()
{
	json_is ls
	columns_are ls
	json_is 'port ls' "$NET"
	columns_are 'port ls' "$NET"
	json_is 'forward ls' "$NET"
	columns_are 'forward ls' "$NET"
	json_is 'policy show' "$NET"
	columns_are 'policy show' "$NET"
	json_is 'policy test' "$NET" web 203.0.113.10
	json_is 'lease ls' "$NET"
	columns_are 'lease ls' "$NET"
	json_is 'flow ls' "$NET"
	columns_are 'flow ls' "$NET"
	json_is 'flow count' "$NET"
	json_is 'flow flush' "$NET"
	json_is stats "$NET"
	json_is doctor "$NET"
	json_is version
	is "the keys of 'culvert show' are those of the manual" "$(printed show "$NET")" \
		"$(described show; described 'port ls' | sed 's/ports:/guests:/')"
	is "'culvert up -o json' is as 'culvert ls'" "$(printed up "$NET")" "$(described ls)"
}

statuses()
{
	status 0 "a command that did its work" culvert up "$NET"
	status 1 "one that failed" culvert show no-such-network
	status 2 "wrong usage" culvert show
	status 5 "exec, of its command" culvert exec "$NET" -- sh -c 'exit 5'
	status 126 "exec of what is no program" culvert exec "$NET" -- /etc/passwd
	status 127 "exec of what is not there" culvert exec "$NET" -- /no/such/program
	status 5 "run, of its command" culvert run -n "$NET" -- sh -c ': {fd}; exit 5'
	status 127 "run of what is not there" culvert run -n "$NET" -- /no/such/program {fd}
	status 143 "run of what a signal killed" culvert run -n "$NET" -- sh -c ': {fd}; kill $$'
	host ip link set "cv-$NET" down
	status 3 "doctor, when a link is down" culvert doctor "$NET"
	culvert up "$NET" >/dev/null
	status 0 "doctor, after up" culvert doctor "$NET"
}

# The network is up by the example.
example_of_yaml()
{
	is "the example's guests are reserved" \
		"$(culvert lease ls "$NET" -o json | jq -r '.leases[] | "\(.hostname) \(.address) \(.state)"')" \
		"web 10.20.0.10 reserved
db 10.20.0.11 reserved
relay 10.20.0.12 reserved"
	check "a port of such a name is added" culvert port add "$NET" web
	is "and has the MAC and the address of the example" \
		"$(culvert port ls "$NET" -o json | jq -r '.ports[] | "\(.mac) \(.address) \(.static)"')" \
		"52:54:00:00:00:0a 10.20.0.10 true"
}

# "A namespace as a guest", with this test's names in place of its own.
example_of_commands()
{
	local ns=cvt-$ID-ct1 filter
	literal "$COMMANDS" 'ip netns add ct1' |
		sed -E "s/(netns add|-n|--veth) ct1/\1 $ns/; s/culvert up/& $NET/; s/ default ct1/ $NET ct1/
			s|^culvert|$CULVERT|" >"$TMP/example.sh"
	is "the example has six lines" "$(wc -l <"$TMP/example.sh")" 6
	GUESTS+=(ct1)
	check "it runs as it stands" host sh -e "$TMP/example.sh"
	check "its guest reaches the outside" guest ct1 ping -q -c 2 -i 0.1 -W 5 $SERVER
	guest ct1 ping -q -c 1 -W 1 $UPLINK_IP >/dev/null
	filter=$(literal "$COMMANDS" 'jq ' | sed -n "s/.*jq '\(.*\)'$/\1/p")
	is "the example with jq shows what is dropped" "$(culvert stats "$NET" -o json | jq "$filter" |
		jq -r 'select(.reason == "host-closed") | "\(.guest) \(.packets)"')" "ct1 1"
}

topology
pages
literal "$CONFIG" 'mode: nat\nsubnet' >"$TMP/example.yaml"
check "the example of culvert.yaml(5) is there" grep -q '^guests:' "$TMP/example.yaml"
backend culvert -f "$TMP/example.yaml"
example_of_yaml
example_of_commands
keys
statuses
finish
