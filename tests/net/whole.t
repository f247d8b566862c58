#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A guest that has an address outside for itself: all its protocols and ports
# in both directions, whatever address it has inside; and that nobody else's
# address becomes a guest's by mistake.
. "$(dirname "$0")/lib.sh"

ROUTED=203.0.113.20	# outside has a route to it by the host
NEAR=198.51.100.20	# on the uplink's link, and nobody's there
SECOND=198.51.100.21	# the uplink's own, but not its first
PROTO=253		# for experiments (RFC 3692)

# said CLAIM PATTERN CMD...: the command fails with these words
said()
{
	local out
	if out=$("${@:3}" 2>&1); then
		not_ok "$1" "succeeded: ${*:3}" "$out"
		return
	fi
	has "$1" "$out" "$2"
}

# asked PROTO ADDRESS [WHO...]: what the server at an address says of who asks; outside by default
asked()
{
	local who=("${@:3}")
	[ $# -gt 2 ] || who=(outside_peer)
	"${who[@]}" who "$1" "$2" $PORT 2>&1
}
closed() { ! outside timeout 1.5 "$PYTHON" "$TESTS/peer.py" who "$1" "$2" $PORT; }
seen_as() { guest_peer "$1" who "${2:-udp}" $SERVER $PORT "${@:3}"; }
entries() { bpftool -j map dump pinned "$CULVERT_BPF/map/whole" | jq length; }
external_of() { culvert port ls "$NET" -o json | jq -r --arg g "$1" '.ports[] | select(.port == $g) | .external'; }
port() { culvert port add "$NET" "$@"; }

# config GUEST-LINE...: a file that has these guests
config()
{
	printf 'subnet: %s\nguests:\n' $SUBNET
	printf -- '- { %s }\n' "$@"
} >"$TMP/whole.yaml"
converge() { culvert up "$NET" -f "$TMP/whole.yaml"; }

refusals()
{
	said "the uplink's address is refused" "$UPLINK_IP: it is the address of uplink 'up0'" port x --external $UPLINK_IP
	said "an address in the guests' subnet is refused" "10.20.0.99: it is in $SUBNET" port x --external 10.20.0.99
	said "a loopback address is refused" "'127.0.0.9' is no IPv4 address that a guest may have" port x --external 127.0.0.9
	said "an address that another guest has is refused" "$ROUTED: guest 'web' of network '$NET' has it" port x --external $ROUTED
	config "name: web, external: $UPLINK_IP"
	said "so is the uplink's in a configuration" "it is the address of uplink 'up0'" converge
	is "and nothing has changed" "$(external_of web) $(entries)" "$ROUTED 1"
	network_up "${NET}x" --subnet 10.21.0.0/24
	said "another network's guest does not get it either" "guest 'web' of network '$NET' has it" \
		culvert port add "${NET}x" x --external $ROUTED
	said "nor an address in this one's subnet" "10.20.0.9: it is in $SUBNET, the guests' subnet of network '$NET'" \
		culvert port add "${NET}x" x --external 10.20.0.9
	check "a network without an uplink" culvert down "${NET}x"
	echo 'mode: isolated' >"$TMP/isolated.yaml"
	culvert up "${NET}x" -f "$TMP/isolated.yaml" >/dev/null
	said "has no address outside" "is isolated: it has no address outside" culvert port add "${NET}x" x --external $NEAR
	culvert down "${NET}x" >/dev/null
	NETS=("$NET")
	said "a network around such an address is refused" "subnet 203.0.113.0/24 has $ROUTED in it, which guest 'web' of network '$NET' has outside" \
		culvert up "${NET}x" --subnet 203.0.113.0/24
	is "of all those nothing is left" "$(culvert port ls "$NET" -o json | jq '.ports | length') $(entries)" "2 1"
}

to_outside()
{
	is "the guest is seen with its address, and its port as it is, by UDP" "$(seen_as web udp 500)" "$ROUTED 500"
	is "by TCP too" "$(seen_as web tcp 33000)" "$ROUTED 33000"
	check "ping" guest web ping -q -c 2 -i 0.1 -W 5 $SERVER
	is "another protocol" "$(guest_peer web protocol $PROTO $SERVER)" $ROUTED
	check "datagrams of all sizes" guest_peer web echo $SERVER $PORT 1 1472 1473 4000
	check "data in both directions" guest_peer web bulk $SERVER $PORT 4000000
	is "another guest has the uplink's" "$(seen_as b | cut -d' ' -f1)" $UPLINK_IP
	is "flow ls tells the address" "$(culvert flow ls "$NET" --guest web -o json |
		jq -r '.flows[] | select(.local == "10.20.0.10:33000") | .external')" "$ROUTED:33000"
	is "it takes no port of the shared address" \
		"$(culvert port ls "$NET" -o json | jq '.ports[] | select(.port == "web") | .external_ports')" 0
}

from_outside()
{
	is "TCP comes in unasked, and the guest sees who it is" "$(asked tcp $ROUTED | cut -d' ' -f1)" 198.51.100.1
	is "UDP too" "$(asked udp $ROUTED | cut -d' ' -f1)" 198.51.100.1
	check "ping" outside ping -q -c 2 -i 0.1 -W 5 $ROUTED
	is "another protocol" "$(outside_peer protocol $PROTO $ROUTED)" 198.51.100.1
	check "datagrams of all sizes" outside_peer echo $ROUTED $PORT 1 1472 1473 4000
	check "data in both directions" outside_peer bulk $ROUTED $PORT 4000000
	is "a closed port is told so, by the guest" "$(outside_peer error $ROUTED 9)" ECONNREFUSED
	is "another guest reaches it there" "$(asked tcp $ROUTED guest_peer b | cut -d' ' -f1)" $UPLINK_IP
	is "and it reaches itself" "$(asked udp $ROUTED guest_peer web | cut -d' ' -f1)" $ROUTED
	check "the host reaches the guest inside as ever" host_peer who tcp 10.20.0.10 $PORT
	check "the uplink's address is open to none" closed tcp $UPLINK_IP
}

# An address that no host has: from_uplink answers for it.
near()
{
	guest_new near
	check "a guest with an address of the uplink's link" port near --ip 10.20.0.12 --external $NEAR --veth "cvt-$ID-near"
	guest_up near 10.20.0.12
	start_ready serve-near guest_peer near serve 0.0.0.0 $PORT
	outside ip neigh flush dev in0
	is "it is reached" "$(asked tcp $NEAR | cut -d' ' -f1)" 198.51.100.1
	is "by the uplink's MAC" "$(outside ip neigh show $NEAR | sed 's/.*lladdr \([^ ]*\).*/\1/')" \
		"$(host ip -j link show up0 | jq -r '.[].address')"
	is "and seen as that" "$(seen_as near tcp 33001)" "$NEAR 33001"
	refute "nobody answers for its neighbour" outside ping -q -c 1 -W 1 198.51.100.30

	host ip addr add $SECOND/24 dev up0
	guest_new second
	check "a guest with the uplink's second address" port second --ip 10.20.0.13 --external $SECOND --veth "cvt-$ID-second"
	guest_up second 10.20.0.13
	start_ready serve-second guest_peer second serve 0.0.0.0 $PORT
	is "has it in both directions" "$(asked tcp $SECOND | cut -d' ' -f1) $(seen_as second udp 33002)" "198.51.100.1 $SECOND 33002"
	is "others keep the first" "$(seen_as b | cut -d' ' -f1)" $UPLINK_IP
	host sysctl -qw net.ipv4.conf.up0.promote_secondaries=1
	host ip addr del $UPLINK_IP/24 dev up0
	culvert up "$NET" >/dev/null 2>&1
	is "when the first goes, the second is the guest's still" "$(seen_as second tcp 33004)" "$SECOND 33004"
	guest_peer b knock $SERVER 9
	check "and not others' to share" test "$(dropped no-address b)" -gt 0
	host ip addr add $UPLINK_IP/24 dev up0
	host ip addr del $SECOND/24 dev up0
	host sysctl -qw net.ipv4.conf.up0.promote_secondaries=0
	culvert up "$NET" >/dev/null
	is "they have the first again" "$(seen_as b | cut -d' ' -f1)" $UPLINK_IP
	guest_rm second
	check "its port goes" culvert port rm "$NET" second
	guest_rm near
	check "the other one's too" culvert port rm "$NET" near
	check "nobody answers any more" closed tcp $NEAR
}

# The address belongs to the port; what it has inside may change.
following()
{
	config "name: web, mac: '${GUEST_MAC[web]}', ip: .77, external: $ROUTED"
	check "its address inside changes" converge
	guest web ip addr flush dev eth0
	guest_up web 10.20.0.77
	is "outside it has the same" "$(seen_as web udp 501) $(asked tcp $ROUTED | cut -d' ' -f1)" "$ROUTED 501 198.51.100.1"
	is "up again has nothing to do" "$(converge)" "network $NET is already up, nothing to do"

	config "name: web, external: $NEAR" "name: b, external: $ROUTED"
	check "a configuration gives it to another guest" converge
	is "which has it" "$(external_of web) $(external_of b) $(seen_as b udp 502)" "$NEAR $ROUTED $ROUTED 502"
	is "and the first one the other" "$(seen_as web udp 503)" "$NEAR 503"
	config "name: web, external: $ROUTED" "name: b, external: $NEAR"
	check "both exchange theirs" converge
	is "at once" "$(seen_as web udp 504), $(seen_as b udp 505)" "$ROUTED 504, $NEAR 505"
	config "name: web"
	check "a configuration takes it back" converge
	is "no guest has it" "$(external_of web) $(external_of b) $(entries)" "null null 0"
	is "the guest has the uplink's, for the port that had it too" "$(seen_as web udp 33003 | cut -d' ' -f1)" $UPLINK_IP
	check "nothing comes in" closed tcp $ROUTED
}

# By command: until the port goes.
ending()
{
	check "a port is removed" culvert port rm "$NET" b
	guest_rm b
	check "and added with an address" port b --external $ROUTED
	config "name: web"
	check "up leaves what a command gave" converge
	is "it is there" "$(external_of b)" $ROUTED
	config "name: web" "name: later, external: $NEAR"
	check "a guest may be yet to come" converge
	said "its address is kept for it" "$NEAR: guest 'later' of network '$NET' has it" port x --external $NEAR
	check "it comes" port later
	is "and has it" "$(external_of later)" $NEAR
	check "the ports go" sh -c "${IN_HOST[*]} $CULVERT port rm $NET b && ${IN_HOST[*]} $CULVERT port rm $NET later"
	is "and nothing is left of their addresses" "$(entries)" 0
	check "a guest gets it that is named after that" port c --external $ROUTED
}

topology
outside ip route add $ROUTED via $UPLINK_IP
servers
start_ready serve-proto outside_peer protocol $PROTO
config "name: web, external: $ROUTED"
backend culvert -f "$TMP/whole.yaml"
WHERE=
guest_tap web 10.20.0.10
guest_veth b 10.20.0.11
start_ready serve-web guest_peer web serve 0.0.0.0 $PORT
start_ready proto-web guest_peer web protocol $PROTO
refusals
to_outside
from_outside
near
following
ending
finish
