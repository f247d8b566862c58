#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Whatever a guest's link has switched on or off, data arrives undamaged: all
# combinations of segmentation, receive offload and checksum, through a TAP and
# a veth, with a wire that keeps super-packets and half-finished checksums
# whole, and with one that finishes them, so that every checksum is verified.
. "$(dirname "$0")/lib.sh"

BYTES=2000000

# wire on|off: what the links between host and outside leave unfinished
wire()
{
	host ethtool -K up0 tx "$1" tso "$1" gso "$1" gro "$1" >/dev/null 2>&1
	outside ethtool -K in0 tx "$1" tso "$1" gso "$1" gro "$1" >/dev/null 2>&1
	host ethtool -k up0 | grep -q "^tx-checksumming: $1" || bail "cannot switch the wire's offloads"
}

# A flag that depends on another one follows it; those that stand alone must be as asked.
set_offloads()
{
	guest "$1" ethtool -K eth0 tx "$2" gso "$3" tso "$4" gro "$5" >/dev/null 2>&1
	guest "$1" ethtool -k eth0 | awk -v tx="$2" -v gro="$5" '
		/^tx-checksumming:/ && $2 != tx { bad = 1 }
		/^generic-receive-offload:/ && $2 != gro { bad = 1 }
		END { exit bad }' || bail "cannot switch the offloads of guest $1"
}

transfers()
{
	guest_peer "$1" bulk $SERVER $PORT $BYTES &&
	guest_peer "$1" echo $SERVER $PORT 1 1472 20000
}

combinations()
{
	local g=$1 tx gso tso gro
	for tx in on off; do for gso in on off; do for tso in on off; do for gro in on off; do
		set_offloads "$g" $tx $gso $tso $gro
		check "TCP and UDP both ways with tx-checksum $tx gso $gso tso $tso gro $gro" \
			transfers "$g"
	done; done; done; done
	set_offloads "$g" on on on on
	check "40 datagrams sent as one are 40 datagrams" guest_peer "$g" segments $SERVER $PORT 1200 40
}

wrong_checksums()
{
	"$@" nstat -asz 2>/dev/null | awk '/InCsumErrors/ && $2 { print }'
}

scenario()
{
	local state
	guest_tap a 10.20.0.10
	guest_veth b 10.20.0.11
	guest_tap c 10.20.0.12 "$NET" --offload none
	for state in on off; do
		wire $state
		WHERE="$1, TAP, wire $state"
		combinations a
		WHERE="$1, veth, wire $state"
		combinations b
		WHERE="$1, TAP of a guest without offloads, wire $state"
		check "TCP and UDP both ways" transfers c
	done
	wire on
	WHERE=$1
	is "no side saw a wrong checksum" "$(wrong_checksums outside
		for g in a b c; do wrong_checksums guest $g; done)" ""
}

topology
servers
on_backends scenario
finish
