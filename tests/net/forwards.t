#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Ports of the host that lead to guests: by command, by configuration, for one
# run.  A guest sees who speaks to it; a forward follows its guest and goes
# with it, and nobody else's port can be taken.
. "$(dirname "$0")/lib.sh"

# asked PROTO PORT [WHO...]: what a server behind a forward says of who asks; outside by default
asked()
{
	local who=("${@:3}")
	[ $# -gt 2 ] || who=(outside_peer)
	"${who[@]}" who "$1" $UPLINK_IP "$2" 2>&1
}

# closed PROTO PORT: nothing answers there
closed()
{
	! outside timeout 1.5 "$PYTHON" "$TESTS/peer.py" who "$1" $UPLINK_IP "$2"
}

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

forward() { culvert forward "$1" "$NET" "${@:2}"; }

# state_of PORTS: "TO ORIGIN STATE" of what listens there
state_of()
{
	forward ls -o json | jq -r --arg at ":$1" \
		'.forwards[] | select(.listen | endswith($at)) | "\(.to)/\(.proto) \(.origin) \(.state)"'
}

# Entries of `externals` that are open to everybody, and what all count.
counts() { "$PYTHON" "$TESTS/externals.py" "$CULVERT_BPF/map/externals"; }
open_ports() { counts | cut -d' ' -f1; }

# Port 8080 leads to port 80 of a.
reached()
{
	has "TCP reaches the guest, which sees the client's own address" "$(asked tcp 8080)" '^198\.51\.100\.1 [0-9]+$'
	has "UDP too" "$(asked udp 8080)" '^198\.51\.100\.1 [0-9]+$'
	is "the client's port is its own" "$(asked tcp 8080 outside_peer | wc -w)" 2
	check "datagrams of all sizes" outside_peer echo $UPLINK_IP 8080 1 1472 1473 4000
	check "data in both directions" outside_peer bulk $UPLINK_IP 8080 4000000
}

from_outside()
{
	local p
	is "no port is open before" "$(counts)" "0 0"
	forward add $UPLINK_IP:8080:a:80 2>"$TMP/add.err" || not_ok "forward add" "$(cat "$TMP/add.err")"
	has "forward add warns of the firewall" "$(cat "$TMP/add.err")" "the host's firewall does not see"
	check "the same for UDP" forward add -p $UPLINK_IP:8080:a:80 --udp
	check "a range" forward add 0.0.0.0:8100-8102:b:8100-8102
	check "a well-known port" forward add "*:80:b:8101"
	reached
	for p in 8100 8101 8102 80; do
		has "port $p answers" "$(asked tcp $p)" '^198\.51\.100\.1 '
	done
	check "the port next to the range does not" closed tcp 8103
	check "nor the range by UDP" closed udp 8101
	is "a second add of the same is fine" "$(forward add $UPLINK_IP:8080:a:80 >/dev/null 2>&1; echo $?)" 0
	is "the guest's own flows go on beside it" "$(guest_peer a who udp $SERVER $PORT | cut -d' ' -f1)" $UPLINK_IP
}

reached_by_neighbour()
{
	local seen
	seen=$(asked tcp 8080 guest_peer b)
	has "another guest reaches it, and seems to come from the host's address" "$seen" "^${UPLINK_IP//./\\.} [0-9]+$"
	has "by UDP too" "$(asked udp 8080 guest_peer b)" "^${UPLINK_IP//./\\.} [0-9]+$"
	check "with data in both directions" guest_peer b bulk $UPLINK_IP 8080 1000000
}

# Each of two guests behind one address sees the other's external one.
among_guests()
{
	reached_by_neighbour
	has "and the other way round" "$(asked tcp 8101 guest_peer a)" "^${UPLINK_IP//./\\.} [0-9]+$"
	has "a guest reaches its own" "$(asked tcp 8080 guest_peer a)" "^${UPLINK_IP//./\\.} [0-9]+$"
}

refusals()
{
	said "no address to listen on is refused" 'put one of an uplink .* or 0\.0\.0\.0 for all' forward add 9000:a:80
	said "an address that no uplink has is refused, and those named" "network '$NET' has: $UPLINK_IP" \
		forward add 198.51.100.77:9000:a:80
	said "a port that is forwarded already is refused" "':?.*8080:a:80/tcp' is there already" \
		forward add $UPLINK_IP:8080:b:80
	said "also as one of all addresses" "8080:a:80/tcp' is there already" forward add 0.0.0.0:8000-8090:b
	network_up "${NET}x" --subnet 10.21.0.0/24
	check "a guest of another network" culvert port add "${NET}x" x --ip 10.21.0.10
	said "another network's port is refused, and its owner named" \
		"8080 is forwarded to guest 'a' of network '$NET'" \
		culvert forward add "${NET}x" $UPLINK_IP:8079-8081:x
	is "nothing of that range stays open" "$(culvert forward ls "${NET}x" -o json | jq '.forwards | length') $(open_ports)" "0 6"
	start_ready holder guest_peer b hold $SERVER $PORT 20000 "$TMP/go" text
	said "a port of a guest's own flow is refused, and its owner named" \
		"20000 is used by guest 'b' of network '$NET' for its own flows \(1\)" \
		forward add $UPLINK_IP:20000:a:80
	check "but not to the guest's port that has it" forward add $UPLINK_IP:20000:b:20000
	touch "$TMP/go"
	await_line 10 "$TMP/holder.log" text
	start_ready host-one host_peer serve $UPLINK_IP 8300
	start_ready host-all host_peer serve 0.0.0.0 8301
	said "a port of the host's own is refused" '8300 is in use by a socket of the host' forward add $UPLINK_IP:8300:a:80
	said "by UDP too" '8300 is in use by a socket of the host' forward add $UPLINK_IP:8300:a:80/udp
	said "also where the host listens on all addresses" '8301 is in use' forward add $UPLINK_IP:8301:a:80
	has "the host keeps it" "$(asked tcp 8300)" '^198\.51\.100\.1 '
	check "a port of the host's ephemeral range is fine" forward add $UPLINK_IP:50000:a:80
	has "and works" "$(asked tcp 50000)" '^198\.51\.100\.1 '
	said "what is not there cannot be removed" "has no forward '0.0.0.0:7:a:7/tcp'" forward rm 0.0.0.0:7:a
	culvert down "${NET}x" >/dev/null
	NETS=("$NET")
}

# The guest goes and comes again; its forwards wait.
following()
{
	check "a forward for a guest that is not there yet" forward add 0.0.0.0:8400:late:80
	is "waits for it" "$(state_of 8400)" "late:80/tcp command waiting"
	guest_tap late
	is "and is opened with its port" "$(state_of 8400)" "late:80/tcp command open"
	export DHCP_LOG=$TMP/dhcp-late.log
	start udhcpc guest late busybox udhcpc -f -i eth0 -t 20 -T 1 -s "$TESTS/dhcp-script"
	CLIENT=$PID
	await_line 20 "$DHCP_LOG" '^bound' || not_ok "the guest gets an address"
	stop "$CLIENT"
	start_ready serve-late guest_peer late serve 0.0.0.0 80
	has "a guest with a leased address is reached" "$(asked tcp 8400)" '^198\.51\.100\.1 '

	# Another lease of the same guest: as the daemon gives it, by its reservation.
	printf 'subnet: %s\nguests:\n- { name: late, mac: "%s", ip: .77 }\n' $SUBNET "${GUEST_MAC[late]}" >"$TMP/lease.yaml"
	check "its address is changed" culvert up "$NET" -f "$TMP/lease.yaml"
	: >"$DHCP_LOG"
	start udhcpc guest late busybox udhcpc -f -i eth0 -t 20 -T 1 -s "$TESTS/dhcp-script"
	CLIENT=$PID
	await_line 20 "$DHCP_LOG" '^bound ip=10.20.0.77' || not_ok "the guest gets the other address" "$(cat "$DHCP_LOG")"
	stop "$CLIENT"
	has "and the forward follows" "$(asked tcp 8400)" '^198\.51\.100\.1 '
	is "up leaves what commands forward" "$(state_of 8400)" "late:80/tcp command open"

	guest_rm late
	check "the port goes" culvert port rm "$NET" late
	is "the forward waits again" "$(state_of 8400)" "late:80/tcp command waiting"
	check "nothing answers meanwhile" closed tcp 8400
	check "the port comes again" culvert port add "$NET" late
	is "and the forward with it" "$(state_of 8400)" "late:80/tcp command open"
}

# New connections only.
closing()
{
	check "TCP and UDP of one port" forward add $UPLINK_IP:8500:a:7500
	check "both" forward add $UPLINK_IP:8500:a:7500/udp
	start_ready serve-7500 guest_peer a serve 0.0.0.0 7500
	start_ready held outside_peer hold $UPLINK_IP 8500 42000 "$TMP/go-held" still
	has "a client speaks by UDP" "$(outside_peer who udp $UPLINK_IP 8500 42001)" '42001'
	check "rm" forward rm $UPLINK_IP:8500:a:7500
	check "rm of UDP" forward rm $UPLINK_IP:8500:a:7500 --udp
	check "no new connection comes in" closed tcp 8500
	check "no new datagrams" closed udp 8500
	touch "$TMP/go-held"
	await_line 10 "$TMP/held.log" still
	is "the connection that was there goes on" "$(grep -c '^still' "$TMP/held.log")" 1
}

configured()
{
	cat >"$TMP/forwards.yaml" <<-YAML
		subnet: $SUBNET
		forwards:
		- { listen: $UPLINK_IP:8600, to: a:80 }
		- { listen: $UPLINK_IP:8604, to: a:80 }
		- { listen: 0.0.0.0:8601-8602, to: b:8100-8101, proto: tcp }
		- { listen: 0.0.0.0:8603, to: late:80, proto: udp }
	YAML
	check "rm --all" forward rm --all
	is "closes all" "$(forward ls -o json | jq '.forwards | length') $(open_ports)" "0 0"
	check "up with forwards" culvert up "$NET" -f "$TMP/forwards.yaml"
	is "they are open" "$(state_of 8600) $(state_of 8601-8602)" "a:80/tcp config open b:8100-8101/tcp config open"
	has "and lead where they say" "$(asked tcp 8600) $(asked tcp 8602)" '198\.51\.100\.1 .*198\.51\.100\.1 '
	is "up again has nothing to do" "$(culvert up "$NET" -f "$TMP/forwards.yaml")" \
		"network $NET is already up, nothing to do"
	said "a command cannot take such a port" "is there already" forward add 0.0.0.0:8600:b:80
	sed -i '/8604/s/a:80/b:8100/; /8601/d' "$TMP/forwards.yaml"
	check "up with others" culvert up "$NET" -f "$TMP/forwards.yaml"
	is "what is gone is closed, what has changed leads elsewhere" "$(state_of 8601-8602)$(state_of 8604)" "b:8100/tcp config open"
	has "there" "$(asked tcp 8604)" '^198\.51\.100\.1 '
	check "nothing answers where it is closed" closed tcp 8601
	is "down to the entry" "$(open_ports)" 3
	sed -i '/8600/s/a:80/b:8100/' "$TMP/forwards.yaml"
	has "a port that still has flows of another guest is told, not taken" \
		"$(culvert up "$NET" -f "$TMP/forwards.yaml" 2>&1)" "8600 is used by guest 'a' .* for its own flows"
	is "and is closed" "$(state_of 8600) $(open_ports)" "b:8100/tcp config closed 2"
	sed -i '/8600/d' "$TMP/forwards.yaml"
	check "up without it" culvert up "$NET" -f "$TMP/forwards.yaml"
}

# As long as the guest runs.
published()
{
	start run culvert run -n "$NET" --name vm -p $UPLINK_IP:8700:80 -p 0.0.0.0:8701:81/udp -- \
		sh -c ': {fd}; while [ ! -e "$0" ]; do sleep 0.05; done' "$TMP/go-run"
	await 10 port_of_vm || not_ok "run -p does not start" "$(cat "$TMP/run.log")"
	is "run -p opens them" "$(state_of 8700) $(state_of 8701)" "vm:80/tcp run open vm:81/udp run open"
	culvert up "$NET" -f "$TMP/forwards.yaml" >/dev/null
	is "up leaves them" "$(state_of 8700)" "vm:80/tcp run open"
	touch "$TMP/go-run"
	wait "$PID"
	is "and they go with the guest" "$(state_of 8700)$(state_of 8701) $(open_ports)" " 2"
	said "a forward that cannot be opened: the guest is not started" 'is in use by a socket of the host' \
		culvert run -n "$NET" --name vm -p $UPLINK_IP:8300:80 -- sh -c ": {fd}; touch $TMP/started"
	refute "it was not" test -e "$TMP/started"
	refute "nor is its port there" port_of_vm
	said "a guest that is named in SPEC is refused" "'0.0.0.0:1:a:1': a port is a number" \
		culvert run -n "$NET" -p 0.0.0.0:1:a:1 -- sh -c ': {fd}'
}
port_of_vm() { culvert port ls "$NET" -o json | jq -e '.ports[] | select(.port == "vm")'; }

# What is lost leaves no port open for others, and no count.
ending()
{
	local before
	culvert forward add "$NET" $UPLINK_IP:8800-8899:a:100-199 2>/dev/null
	before=$(open_ports)
	check "the guest's port is removed" sh -c "kill ${GUEST_PID[a]}; sleep 0.2; ${IN_HOST[*]} $CULVERT port rm $NET a --force"
	is "its hundred ports are closed" "$before $(open_ports)" "102 2"
	said "they wait for it to come again" "is there already" culvert forward add "$NET" $UPLINK_IP:8800:b:8100
	check "given up" culvert forward rm "$NET" $UPLINK_IP:8800-8899:a:100-199
	check "they are free for others" culvert forward add "$NET" $UPLINK_IP:8800:b:8100
	culvert forward rm "$NET" --all
	guest_rm b
	culvert port rm "$NET" b
	is "and no count is left when all guests are gone" "$(counts)" "0 0"
	forward ls >"$TMP/ls"
	is "none is listed" "$(grep -c : "$TMP/ls")" 0
}

# What an administrator writes for it: a rule for the way in, and one for guests
# that come around the corner, whose answers would not pass here otherwise.
oracle_forwards()
{
	guest_tap a 10.20.0.10
	guest_veth b 10.20.0.11
	start_ready serve-oracle guest_peer a serve 0.0.0.0 80
	host nft -f - <<-RULES
		table ip oracle {
			chain pre {
				type nat hook prerouting priority dstnat;
				ip daddr $UPLINK_IP meta l4proto { tcp, udp } th dport 8080 dnat to 10.20.0.10:80
			}
			chain around {
				type nat hook postrouting priority srcnat - 1;
				ip saddr $SUBNET ip daddr $SUBNET ct status dnat snat to $UPLINK_IP
			}
		}
		insert rule ip oracle forward ct status dnat accept
	RULES
	reached
	reached_by_neighbour
	has "a guest reaches its own" "$(asked tcp 8080 guest_peer a)" "^${UPLINK_IP//./\\.} [0-9]+$"
	check "the port next to it does not answer" closed tcp 8081
}

topology
servers
on_backends oracle_forwards oracle
backend culvert
WHERE=
guest_tap a 10.20.0.10
guest_veth b 10.20.0.11
start_ready serve-a guest_peer a serve 0.0.0.0 80
for p in 8100 8101 8102; do
	start_ready serve-b-$p guest_peer b serve 0.0.0.0 $p
done
from_outside
among_guests
refusals
following
closing
configured
published
ending
check "down" culvert down "$NET"
NETS=()
is "and nothing of forwards is left" "$(ls "$CULVERT_RUN" 2>/dev/null | grep forwards)" ""
finish
