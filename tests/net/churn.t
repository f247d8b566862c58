#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Guests come, are given leases, talk, and go, round after round: afterwards the
# daemon, the maps and the namespace are as after the first rounds.
#
#	CHURN_ROUNDS=200	six guests a round; 6 rounds in a check
. "$(dirname "$0")/lib.sh"

ROUNDS=${CHURN_ROUNDS:-6}
WARM=2			# rounds until everything has its size
N=4			# guests with DHCP, behind a veth
TAPS=2
FLOWS=40		# of one of them, a round
RSS_KB=512 		# the daemon may have grown by so much
ALL="acknowledged $N of $N, refused or changed 0, given twice 0"

farm() { guest farm "$PYTHON" "$TESTS/farm.py" "$1" v $N "$TMP/acks" "${2:-20}"; }
daemon_pid() { cat "$CULVERT_RUN/serve.pid"; }
flows() { culvert flow ls "$NET" -o json | jq '.flows | length'; }
no_leases() { [ "$(culvert lease ls "$NET" -o json | jq '[.leases[] | select(.state != "free")] | length')" = 0 ]; }
no_flows() { [ "$(flows)" = 0 ]; }

come()
{
	local i
	for ((i = 0; i < N; i++)); do
		culvert port add "$NET" "v$i" --veth "cvt-$ID-farm" --ifname "v$i" || return 1
		guest farm ip link set "v$i" up
	done
	for ((i = 0; i < TAPS; i++)); do
		culvert port add "$NET" "t$i" --ip "10.20.0.$((240 + i))" || return 1
	done
	culvert forward add "$NET" $UPLINK_IP:2022:t0:22 2>/dev/null || return 1
}

# The first guest has flows: they go with it.
talk()
{
	local address
	address=$(awk '$2 != "released" { print $2; exit }' "$TMP/acks")
	guest farm sh -c "ip addr add $address/24 dev v0 && ip route replace default via $GATEWAY dev v0" || return 1
	touch "$TMP/go"
	guest farm "$PYTHON" "$TESTS/peer.py" fill $SERVER $PORT $FLOWS "$TMP/go"
}

go()
{
	local i
	culvert forward rm "$NET" $UPLINK_IP:2022:t0:22 || return 1
	for ((i = 0; i < N; i++)); do
		culvert port rm "$NET" "v$i" || return 1
	done
	for ((i = 0; i < TAPS; i++)); do
		culvert port rm "$NET" "t$i" || return 1
	done
}

# round: one word when all went well
round()
{
	local out
	rm -f "$TMP/acks"
	come >/dev/null || { echo "no port"; return; }
	out=$(farm bind)
	[ "$out" = "$ALL" ] || { echo "bind: $out"; return; }
	out=$(talk)
	grep -q "$FLOWS" <<<"$out" || { echo "flows: $out"; return; }
	[ "$(flows)" -ge "$FLOWS" ] || { echo "only $(flows) flows"; return; }
	out=$(farm renew)
	[ "$out" = "$ALL" ] || { echo "renew: $out"; return; }
	[ $((RANDOM % 2)) = 0 ] || farm release >/dev/null
	go >/dev/null || { echo "no port rm"; return; }
	echo well
}

# What may not grow, as it is between rounds.
held()
{
	local pid
	pid=$(daemon_pid)
	echo "descriptors of the daemon $(ls "/proc/$pid/fd" | wc -l)"
	echo "mappings of the daemon $(grep -c 'bpf\|anon_inode' "/proc/$pid/maps")"
	echo "pins $(find "$CULVERT_BPF" | wc -l)"
	echo "files in CULVERT_RUN $(find "$CULVERT_RUN" | wc -l)"
	echo "files in CULVERT_STATE $(find "$CULVERT_STATE" | wc -l)"
	echo "links of the network $(nsenter "--net=/run/netns/cv-$NET" ip -o link | wc -l)"
	echo "links of the host $(host ip -o link | wc -l)"
	echo "sockets of the host $(host ss -Hapn 2>/dev/null | wc -l)"
	echo "forwards $(culvert forward ls "$NET" -o json | jq '.forwards | length')"
	echo "processes $(own_culverts | wc -l)"
	echo "ports $(culvert port ls "$NET" -o json | jq '.ports | length')"
	echo "flows $(flows)"
}
# A socket that replies leave by is closed when it was idle for long: less is no harm.
grown() { paste -d ' ' "$1" "$2" | awk '{ n = NF / 2 } $n > $NF { print }'; }
rss_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$(daemon_pid)/status"; }

churn()
{
	local i out bad=0 rss pid
	pid=$(daemon_pid)
	for ((i = 1; i <= ROUNDS && bad < 3; i++)); do
		out=$(round)
		[ "$out" = well ] || { bad=$((bad + 1)); note "round $i: $out"; }
		if [ $i = $WARM ]; then
			await 10 no_flows
			held >"$TMP/held"
			rss=$(rss_kb)
		fi
		[ $((i % 20)) != 0 ] || note "round $i: the daemon has $(rss_kb) kB, the store $(stat -c %s "$CULVERT_STATE/leases.db") bytes"
	done
	is "$((ROUNDS * (N + TAPS))) guests in $ROUNDS rounds are served" "$bad wrong" "0 wrong"
	check "no flow stays" await 10 no_flows
	check "no lease stays" await 15 no_leases
	is "by one daemon" "$(daemon_pid)" "$pid"
	held >"$TMP/held.now"
	note "$(cat "$TMP/held.now")" "the daemon: $rss kB after round $WARM, $(rss_kb) kB now"
	is "no more is held than after round $WARM" "$(grown "$TMP/held.now" "$TMP/held")" ""
	check "the daemon is not larger by more than $RSS_KB kB" [ $(($(rss_kb) - rss)) -le $RSS_KB ]
}

topology
servers
case " ${TEST_BACKENDS:-culvert} " in
*' culvert '*)
	new_netns "cvt-$ID-farm"
	backend culvert
	GUESTS+=(farm)
	churn
	;;
esac
finish
