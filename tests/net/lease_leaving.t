#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A guest gives its lease up while the daemon is stopped or dead: the kernel
# grants nothing more of it, so that the daemon, when it comes to that, ends no
# lease that was granted since.  Everybody else is served.
. "$(dirname "$0")/lib.sh"

CLIENT=$TESTS/dhcp_client.py
client() { guest "$1" "$PYTHON" "$CLIENT" eth0 "${@:2}"; }
in_vain() { WAIT=0.5 client "$@"; }
state_of() { culvert lease ls "$NET" -o json | jq -r --arg a "$1" '.leases[] | select(.address == $a) | .state'; }
port_address() { culvert port ls "$NET" -o json | jq -r --arg g "$1" '.ports[] | select(.port == $g) | .address'; }
state_is() { [ "$(state_of "$1")" = "$2" ]; }

# ask_all ADDRESS: whatever a client may say that has given ADDRESS up
ask_all()
{
	refute "no renewal is answered" in_vain a ask request ciaddr="$1"
	refute "nor a client that boots anew with its address" in_vain a ask request want="$1"
	refute "nor one that selects it" in_vain a ask request want="$1" server=$GATEWAY
	refute "nor one that has forgotten" in_vain a ask discover
	check "another guest's renewal is" client b ask request ciaddr="$B"
}

stopped()
{
	local daemon a
	daemon=$(own_culverts)
	client a lease >/dev/null
	a=$(port_address a)
	kill -STOP "$daemon"
	check "a renewal is answered while the daemon is stopped" client a ask request ciaddr="$a"
	refute "a lease is released, which nobody answers" in_vain a ask release ciaddr="$a" server=$GATEWAY
	is "it is on its way out" "$(state_of "$a")" leaving
	ask_all "$a"
	kill -CONT "$daemon"
	# The messages are judged in their order, and the client has asked again.
	check "the daemon gives it anew to who has asked since" await 10 state_is "$a" bound
	check "it is renewed" client a ask request ciaddr="$a"
	check "and its guest is heard" guest a sh -c \
		"ip addr replace $a/24 dev eth0; ping -q -c 1 -W 2 $GATEWAY"
}

kill_daemon()
{
	local p
	for p in $(own_culverts); do
		kill -9 "$p"
	done
	await 5 gone [ -n "$(own_culverts)" ]
}

# What a client asks lies in the ring for ten seconds at most; what it gave up is given up.
dead()
{
	local p a
	a=$(port_address a)
	kill_daemon
	in_vain a ask release ciaddr="$a" server=$GATEWAY >/dev/null
	is "what is released while there is no daemon is on its way out" "$(state_of "$a")" leaving
	ask_all "$a"
	sleep 11	# there is no event to wait for
	culvert up "$NET" --subnet $SUBNET >/dev/null
	check "a new daemon ends it" await 10 state_is "$a" ""
	is "and closes the port" "$(port_address a)" null
	check "the client asks, and has a lease" client a lease
	a=$(port_address a)
	kill_daemon
	in_vain a ask decline want="$a" server=$GATEWAY >/dev/null
	is "so is what is declined" "$(state_of "$a")" leaving
	refute "no renewal is answered" in_vain a ask request ciaddr="$a"
	sleep 11
	culvert up "$NET" --subnet $SUBNET >/dev/null
	check "a new daemon gives the address to nobody" await 10 state_is "$a" declined
	check "and its client another" client a lease
	[ "$(port_address a)" != "$a" ] && ok "which it has" || not_ok "which it has" "$(port_address a)"
}

scenario()
{
	guest_veth a
	guest_veth b
	client b lease >/dev/null
	B=$(port_address b)
	stopped
	dead
}

topology
on_backends scenario culvert
finish
