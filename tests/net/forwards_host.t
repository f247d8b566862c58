#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Forwards that the host itself uses: on its loopback, and on the addresses
# that the outside uses too.  A program sees the address that it asked for; the
# guest sees the gateway.  Needs no daemon, and nothing of it stays.
. "$(dirname "$0")/lib.sh"

# asked KIND HOST PORT [SOURCE]: what a program of the host is told, see asked.py
asked() { host "$PYTHON" "$TESTS/asked.py" "$@" 2>&1; }
# elsewhere KIND HOST PORT: the same in another namespace
elsewhere() { outside "$PYTHON" "$TESTS/asked.py" "$@" 2>&1; }

# reaches CLAIM KIND HOST PORT [SOURCE]: a guest, which sees the gateway
reaches() { has "$1" "$(asked "${@:2}")" "^${3//./\\.} $4 saw ${GATEWAY//./\\.} [0-9]+$"; }
# refused CLAIM KIND HOST PORT [SOURCE]: nobody is there
refused() { is "$1" "$(asked "${@:2}")" ECONNREFUSED; }

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
state_of()
{
	forward ls -o json | jq -r --arg at "$1" \
		'.forwards[] | select(.listen == $at) | "\(.to)/\(.proto) \(.origin) \(.state)"'
}
entries() { bpftool -j map dump pinned "$CULVERT_BPF/map/host_forwards" | jq length; }
socket_pins() { ls "$CULVERT_BPF/link" | grep -c '^socket-'; }
finding() { culvert doctor -o json | jq -r --arg s "$1" '.findings[] | select(.subject == $s) | .state'; }

# Where there is no cgroup2, all but the host's own way is there.
without_cgroups()
{
	export CULVERT_CGROUP=$TMP
	said "without cgroup2 a forward on loopback is refused" \
		"'127\.0\.0\.1:8000:a:80/tcp': the host's own sockets cannot be led to guests: no cgroup2" \
		forward add 127.0.0.1:8000:a:80
	said "also of a guest that is not there yet" 'no cgroup2' forward add 127.0.0.1:8000:late:80
	is "nothing of it is kept" "$(forward ls -o json | jq '.forwards | length') $(entries)" "0 0"
	check "all addresses are those of uplinks then" forward add 0.0.0.0:8000:a:80
	is "and open" "$(state_of 0.0.0.0:8000)" "a:80/tcp command open"
	has "from outside" "$(outside_peer who tcp $UPLINK_IP 8000)" '^198\.51\.100\.1 '
	refused "but not from the host" tcp 127.0.0.1 8000
	is "doctor tells" "$(finding sockets)" note
	is "no program is at the cgroups" "$(socket_pins)" 0
	forward rm --all
	unset CULVERT_CGROUP
	is "doctor finds them possible" "$(finding sockets)" ok
}

loopback()
{
	local kind
	refused "nothing listens on loopback before" tcp 127.0.0.1 8080
	is "a forward on loopback needs no warning of the firewall" "$(forward add 127.0.0.1:8080:a:80 2>&1)" ""
	check "of UDP" forward add 127.0.0.1:8080:a:80/udp
	is "it is listed" "$(state_of 127.0.0.1:8080 | sort)" $'a:80/tcp command open\na:80/udp command open'
	is "its programs are pinned" "$(socket_pins)" 7
	for kind in tcp udp udp-connected tcp6 udp6 udp-connected6; do
		reaches "the host reaches the guest, $kind" $kind 127.0.0.1 8080
	done
	check "data in both directions" host_peer bulk 127.0.0.1 8080 4000000
	check "datagrams of all sizes" host_peer echo 127.0.0.1 8080 1 1472 1473 4000
	refused "another address of loopback is not that one" tcp 127.0.0.2 8080
	refused "nor is another port" tcp 127.0.0.1 8081
	is "connect to 0.0.0.0 is one to loopback" "$(asked tcp 0.0.0.0 8080 | cut -d' ' -f1,2)" "127.0.0.1 8080"
	check "a range on another one" forward add 127.1.2.3:9000-9002:b:8100-8102
	reaches "its last port" tcp 127.1.2.3 9002
	is "what the host says to others is not touched" "$(asked tcp $SERVER $PORT | cut -d' ' -f1-4)" \
		"$SERVER $PORT saw $UPLINK_IP"
}

# A socket that may not speak in the gateway's name is left where it is.
bound()
{
	refused "a socket bound to loopback stays there" tcp 127.0.0.1 8080 127.0.0.1
	refused "by UDP too" udp-connected 127.0.0.1 8080 127.0.0.1
	refused "and one bound to a device" tcp 127.0.0.1 8080 "dev lo"
	reaches "one bound to the gateway's address goes" tcp 127.0.0.1 8080 $GATEWAY
	reaches "by UDP too" udp 127.0.0.1 8080 $GATEWAY
}

# Another namespace has a loopback of its own.
others()
{
	is "another namespace is not led" "$(elsewhere tcp 127.0.0.1 8080)" ECONNREFUSED
	start_ready other outside_peer serve 127.0.0.1 8080
	is "its own server is reached" "$(elsewhere tcp 127.0.0.1 8080 | cut -d' ' -f1-4)" "127.0.0.1 8080 saw 127.0.0.1"
	is "by UDP too" "$(elsewhere udp 127.0.0.1 8080 | cut -d' ' -f1-4)" "127.0.0.1 8080 saw 127.0.0.1"
	stop "$PID"
	is "nor is a guest" "$(guest a "$PYTHON" "$TESTS/asked.py" tcp 127.0.0.1 8080 2>&1)" ECONNREFUSED
}

address_becomes() { host sh -c "ip addr flush dev up0; ip addr add $1/24 dev up0; ip route add default via 198.51.100.1"; }

external()
{
	check "a forward of the uplink's address" forward add $UPLINK_IP:8200:a:80
	check "of UDP" forward add $UPLINK_IP:8200:a:80/udp
	reaches "the host reaches it by its own address" tcp $UPLINK_IP 8200
	reaches "by UDP too" udp $UPLINK_IP 8200
	refused "but not by loopback" tcp 127.0.0.1 8200
	has "the outside reaches it as before" "$(outside_peer who tcp $UPLINK_IP 8200)" '^198\.51\.100\.1 '
	check "a forward of all addresses" forward add 0.0.0.0:8300:b:8100
	reaches "the host reaches it by loopback" tcp 127.0.0.1 8300
	reaches "and by its own address" tcp $UPLINK_IP 8300
	has "and the outside" "$(outside_peer who tcp $UPLINK_IP 8300)" '^198\.51\.100\.1 '
	said "loopback is one of all addresses" "8300:b:8100/tcp' is there already" forward add 127.0.0.1:8300:a:80
	check "127.0.0.2 is not" forward add 127.0.0.2:8300:a:80
	check "a port of the guest's own flow" guest_peer b who udp $SERVER $PORT 20000
	refused "leads the host nowhere" udp-connected $UPLINK_IP 20000

	address_becomes 198.51.100.9
	check "the uplink gets another address" culvert up "$NET" --no-daemon
	reaches "the host reaches the forward by that" tcp 198.51.100.9 8300
	reaches "and still by loopback" tcp 127.0.0.1 8300
	address_becomes $UPLINK_IP
	check "and the first one again" culvert up "$NET" --no-daemon
}

# A listener of the host has its port.
owners()
{
	start_ready own host_peer serve 127.0.0.1 8400
	said "a port of the host's own on loopback is refused" '127\.0\.0\.1:8400 is in use by a socket of the host' \
		forward add 127.0.0.1:8400:a:80
	said "by UDP too" '127\.0\.0\.1:8400 is in use' forward add 127.0.0.1:8400:a:80/udp
	said "also as one of all addresses" '127\.0\.0\.1:8400 is in use' forward add 0.0.0.0:8400:a:80
	is "and nothing of that stays" "$(state_of 0.0.0.0:8400)$(outside_peer who tcp $UPLINK_IP 8400 2>&1 | grep -c saw)" 0
	check "on the uplink's address it may be" forward add $UPLINK_IP:8400:a:80
	is "the host's server is reached" "$(asked tcp 127.0.0.1 8400 | cut -d' ' -f4)" 127.0.0.1
	forward rm $UPLINK_IP:8400:a:80
	stop "$PID"
	check "when it has gone the port is free" forward add 127.0.0.1:8400:a:80
	reaches "for the guest" tcp 127.0.0.1 8400
	start_ready own host_peer serve 127.0.0.1 8400
	is "a server of the host that comes later is asked first" "$(asked tcp 127.0.0.1 8400 | cut -d' ' -f4)" 127.0.0.1
	stop "$PID"
	reaches "until it ends" tcp 127.0.0.1 8400
	said "another guest's port is refused, and its owner named" "is there already" forward add 127.0.0.1:8400:b:8100
	network_up "${NET}x" --subnet 10.21.0.0/24 --no-daemon
	check "a guest of another network" culvert port add "${NET}x" x --ip 10.21.0.10
	said "another network's too" "127\.0\.0\.1:8400 is forwarded to guest 'a' of network '$NET'" \
		culvert forward add "${NET}x" 127.0.0.1:8399-8401:x
	culvert down "${NET}x" >/dev/null
	NETS=("$NET")
	is "the down of that network takes nothing of this one" "$(socket_pins)" 7
	reaches "which goes on" tcp 127.0.0.1 8400
}

# reserve IP: the guest "late" gets this address, and asks for it
reserve()
{
	printf 'subnet: %s\nguests:\n- { name: late, mac: "%s", ip: %s }\n' $SUBNET "${GUEST_MAC[late]}" "$1" >"$TMP/lease.yaml"
	culvert up "$NET" -f "$TMP/lease.yaml" --no-daemon >/dev/null || not_ok "up with another address"
	export DHCP_LOG=$TMP/dhcp-late.log
	: >"$DHCP_LOG"
	start udhcpc guest late busybox udhcpc -f -i eth0 -t 20 -T 1 -s "$TESTS/dhcp-script"
	await_line 20 "$DHCP_LOG" "^bound ip=10.20.0$1" || not_ok "the guest gets its address" "$(cat "$DHCP_LOG")"
	stop "$PID"
}

following()
{
	check "a forward for a guest that is not there yet" forward add 127.0.0.1:8500:late:80
	check "and of all addresses" forward add 0.0.0.0:8501:late:80
	is "waits for it" "$(state_of 127.0.0.1:8500)" "late:80/tcp command waiting"
	refused "and leads nowhere" tcp 127.0.0.1 8500
	guest_tap late
	is "it opens with the guest's port" "$(state_of 127.0.0.1:8500)" "late:80/tcp command open"
	refused "a guest without address is not there" tcp 127.0.0.1 8500
	reserve .77
	start_ready serve-late guest_peer late serve 0.0.0.0 80
	reaches "a guest with a lease is reached" tcp 127.0.0.1 8500
	reaches "by the uplink's address too" tcp $UPLINK_IP 8501
	reserve .78
	reaches "another lease is followed" tcp 127.0.0.1 8500
	reaches "by the uplink's address too" tcp $UPLINK_IP 8501
	guest_rm late
	check "the port goes" culvert port rm "$NET" late
	is "and the forward waits again" "$(state_of 127.0.0.1:8500)" "late:80/tcp command waiting"
	refused "leading nowhere" tcp 127.0.0.1 8500
	refused "neither by the uplink's address" tcp $UPLINK_IP 8501
}

configured()
{
	cat >"$TMP/forwards.yaml" <<-YAML
		subnet: $SUBNET
		forwards:
		- { listen: 127.0.0.1:8600, to: a:80 }
		- { listen: 0.0.0.0:8601, to: a:80 }
	YAML
	check "rm --all" forward rm --all
	is "closes all" "$(forward ls -o json | jq '.forwards | length') $(entries)" "0 0"
	refused "and the host reaches nothing" tcp 127.0.0.1 8080
	check "up with forwards" culvert up "$NET" -f "$TMP/forwards.yaml" --no-daemon
	reaches "opens them" tcp 127.0.0.1 8600
	reaches "and those of all addresses" tcp 127.0.0.1 8601
	is "up again has nothing to do" "$(culvert up "$NET" -f "$TMP/forwards.yaml" --no-daemon)" \
		"network $NET is already up, nothing to do"
	rm "$CULVERT_BPF"/link/socket-connect4
	is "doctor sees a program that is gone" "$(finding forwards)" FAIL
	check "up" culvert up "$NET" -f "$TMP/forwards.yaml" --no-daemon
	reaches "attaches it again" tcp 127.0.0.1 8600
	is "and doctor is content" "$(finding forwards) $(finding residue)" "ok ok"
	sed -i '/8600/d' "$TMP/forwards.yaml"
	check "up without one" culvert up "$NET" -f "$TMP/forwards.yaml" --no-daemon
	refused "closes it" tcp 127.0.0.1 8600
	start run culvert run -n "$NET" --name a2 -p 127.0.0.1:8700:80 -- \
		sh -c ': {fd}; while [ ! -e "$0" ]; do sleep 0.05; done' "$TMP/go-run"
	await 10 opened_by_run || not_ok "run -p opens it" "$(cat "$TMP/run.log")"
	touch "$TMP/go-run"
	wait "$PID"
	is "one of run -p goes with the guest" "$(state_of 127.0.0.1:8700) $(entries)" " 1"
}
opened_by_run() { [ "$(state_of 127.0.0.1:8700)" = "a2:80/tcp run open" ]; }

# A connection outlives its forward, and still tells what was asked for.
closing()
{
	check "a forward" forward add 127.0.0.1:8800:a:80
	start_ready held host_peer hold 127.0.0.1 8800 42000 "$TMP/go-held" still
	check "its rm" forward rm 127.0.0.1:8800:a:80
	refused "no new connection" tcp 127.0.0.1 8800
	touch "$TMP/go-held"
	await_line 10 "$TMP/held.log" still
	is "the one that was there goes on" "$(grep -c '^still' "$TMP/held.log")" 1
}

isolated()
{
	network_up "${NET}i" --subnet 10.22.0.0/24 -f /dev/stdin --no-daemon <<<"mode: isolated"
	guest_veth alone 10.22.0.10 "${NET}i" 2>/dev/null	# the route is for the other network
	start_ready serve-alone guest_peer alone serve 0.0.0.0 80
	said "an isolated network has no uplink to listen on" 'has no uplink' culvert forward add "${NET}i" 0.0.0.0:8900:alone:80
	check "but loopback" culvert forward add "${NET}i" 127.0.0.1:8900:alone:80
	is "where the host reaches its guest" "$(asked tcp 127.0.0.1 8900 | cut -d' ' -f1-4)" "127.0.0.1 8900 saw 10.22.0.1"
}

topology
servers
backend culvert --no-daemon
WHERE=
guest_tap a 10.20.0.10
guest_veth b 10.20.0.11
start_ready serve-a guest_peer a serve 0.0.0.0 80
for p in 8100 8102; do
	start_ready serve-b-$p guest_peer b serve 0.0.0.0 $p
done
without_cgroups
loopback
bound
others
external
owners
following
configured
closing
isolated
remember_progs
check "down" culvert down --all --force
NETS=()
is "and no pin is left" "$(ls "$CULVERT_BPF" 2>/dev/null)" ""
refused "nor does the host reach anything" tcp 127.0.0.1 8601
finish
