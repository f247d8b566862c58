#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What kind of NAT this is, in the words of a program that knows nothing of it:
# coturn's discovery of RFC 5780, from a guest, against coturn's STUN server
# with two addresses.  Then the same by datagrams of our own.
#
# The oracle keeps a source port as long as no other flow of the same peer has
# it, and filters by address and port whatever is asked for; where that differs
# from culvert the claims say so.
. "$(dirname "$0")/lib.sh"

OTHER=203.0.113.11	# the server's second address
STUN=3478		# and its two ports are this and the next
ROUNDS=${ROUNDS:-5}

EIM="NAT with Endpoint Independent Mapping!"
EIF="NAT with Endpoint Independent Filtering!"
ADF="NAT with Address Dependent Filtering!"
APDF="NAT with Address and Port Dependent Filtering!"

stun_server()
{
	# -n: Debian's configuration turns RFC 5780 off.  It writes its log and id where told.
	start turnserver outside turnserver -n -S --no-cli --no-tls --no-dtls \
		-L $SERVER -L $OTHER -p $STUN --alt-listening-port $((STUN + 1)) \
		--pidfile "$TMP/turnserver.pid" -l stdout --simple-log
	await 10 stun_listens || bail "no STUN server: $(tail -n 5 "$TMP/turnserver.log")"
}

stun_listens()
{
	local address
	for address in $SERVER $OTHER; do
		outside ss -Hlun "src $address:$STUN" | grep -q . &&
			outside ss -Hlun "src $address:$((STUN + 1))" | grep -q . || return 1
	done
}

# No two discoveries have a port in common: what one sent would open it for the
# next.  These are ports that the host does not take for itself, so each is seen
# outside as it is, where nobody else has it.
SPORT=61000
next_port() { SPORT=$((SPORT + 1)); }

# discover GUEST OPTION...: all that the program says
discover() { guest "$1" timeout 60 turnutils_natdiscovery -p $STUN "${@:2}" "${AT:-$SERVER}" 2>&1; }
from_port() { discover a "$@" -L 10.20.0.10 -l $SPORT; }
verdict() { grep -E '^(NAT with|No NAT)' <<<"$1"; }
seen() { sed -n 's/^.*UDP reflexive addr[: ]*//p' <<<"$1"; }
answers() { grep -c '^RFC 5780 response' <<<"$1"; }

# each N CMD...: the verdicts of N times, each from a port of its own, and all at
# the same time, as what is not answered waits for seconds
each()
{
	local i n=$1 pids=()
	shift
	for ((i = 0; i < n; i++)); do
		next_port
		"$@" >"$TMP/each-$i" &
		pids+=($!)
	done
	EACH=
	for ((i = 0; i < n; i++)); do
		wait "${pids[i]}"
		EACH+="$(verdict "$(cat "$TMP/each-$i")")"$'\n'
	done
}

# each_is CLAIM VERDICT CMD...
each_is()
{
	each $ROUNDS "${@:3}"
	is "$1, $ROUNDS times" "$(sort <<<"${EACH%?}" | uniq -c | sed 's/^ *//')" "$ROUNDS $2"
}

# with YAML: the network that is up takes this configuration
with()
{
	printf '%s\n' "$1" >"$TMP/with.yaml"
	culvert up "$NET" -f "$TMP/with.yaml" >"$TMP/with.log" 2>&1 ||
		bail "culvert up with $1: $(cat "$TMP/with.log")"
}

# probe GUEST SPORT ADDRESS:PORT...: one socket asks each of them who it is; the
# answers, which must come from the one that was asked
probe()
{
	guest "$1" timeout 30 "$PYTHON" -c '
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(5)
sock.bind(("", int(sys.argv[1])))
for word in sys.argv[2:]:
    host, port = word.split(":")
    sock.sendto(b"WHO", (host, int(port)))
    data, peer = sock.recvfrom(2048)
    print(data.decode() if peer == (host, int(port)) else "answer of %s:%d" % peer)
' "${@:2}" 2>&1
}

PAIRS=("$SERVER:7001" "$SERVER:7002" "$OTHER:7001" "$OTHER:7002" 198.51.100.1:7001)

pair_servers()
{
	local pair
	for pair in "${PAIRS[@]}"; do
		start_ready "pair-$pair" outside_peer serve "${pair%:*}" "${pair#*:}"
	done
}

mapping()
{
	local out
	each_is "mapping is endpoint-independent" "$EIM" from_port -m
	next_port
	listen answers 'ip[6:2] & 0x3fff != 0' guest a
	listen requests 'ip[6:2] & 0x3fff != 0' outside
	out=$(from_port -m -P)
	listen_end answers
	listen_end requests
	is "so it is with requests and answers in fragments" "$(verdict "$out")" "$EIM"
	is "both answers were whole" "$(answers "$out")" 2
	is "each of them, and each request, had been two fragments" \
		"$(grep -c " > " "$TMP/answers.log") $(grep -c " > " "$TMP/requests.log")" "4 4"
}

# Another guest talks from the same port to the server's second address.  culvert
# gives that port to one guest only; the oracle to both, save towards this peer,
# which shows that the discovery tells one mapping from another.  Whether it then
# finds the oracle to depend on the port too is chance.
mapping_contested()
{
	local wanted="^$EIM"
	[ "$BACKEND" != oracle ] || wanted='^NAT with Address (and Port )?Dependent Mapping!'
	next_port
	is "another guest uses the port" "$(seen "$(AT=$OTHER discover b -t -T 0 -L 10.20.0.11 -l $SPORT)" |
		head -n 1)" "$UPLINK_IP:$SPORT"
	has "mapping of a port that another guest uses" "$(verdict "$(from_port -m)")" "$wanted"
}

# The same by our own datagrams, which see each port.
probes()
{
	local out ports=1
	next_port
	out=$(probe a $SPORT "${PAIRS[@]}")
	is "one socket, five peers: one external port" "$(sort -u <<<"$out" | wc -l), $(wc -l <<<"$out")" "1, 5"
	has "at the uplink's address" "$out" "^$UPLINK_IP [0-9]+$"
	next_port
	[ "$BACKEND" != oracle ] || ports=2	# of another peer, and of this one
	probe b $SPORT "${PAIRS[2]}" >"$TMP/probe-b"
	out=$(probe a $SPORT "${PAIRS[@]}")
	is "likewise when another guest uses the port" "$(sort -u <<<"$out" | wc -l), $(wc -l <<<"$out")" \
		"$ports, 5"
	refute "towards the same peer the guests differ" \
		grep -qxF "$(cat "$TMP/probe-b")" <<<"$(sed -n 3p <<<"$out")"
	is "asked again, the ports are the same" "$(probe a $SPORT "${PAIRS[@]}")" "$out"
}

filtering()
{
	each_is "by default filtering is by address and port" "$APDF" from_port -f
	[ "$BACKEND" != oracle ] || return 0
	with 'filter: address'
	each_is "filter: address" "$ADF" from_port -f
	with 'filter: endpoint-independent'
	each_is "filter: endpoint-independent" "$EIF" from_port -f
	next_port
	is "so it is with fragments" "$(verdict "$(from_port -f -P)")" "$EIF"
	next_port
	is "and mapping is what it was" "$(verdict "$(from_port -m)")" "$EIM"
}

# A socket sends to what another socket of its guest is seen as.  To the filter
# the other one is a stranger like any: only a network open to all lets it in.
# The oracle does not turn packets around.
hairpin()
{
	local out
	if [ "$BACKEND" != oracle ]; then
		listen turned "udp and src host $UPLINK_IP" guest a
		has "open to all, a guest reaches itself at its external address" "$(discover a -H)" \
			'^Received a request'
		listen_end turned
		is "as from its external address" "$(grep -c ' > ' "$TMP/turned.log")" 1
		with 'filter: address-and-port'
	fi
	out=$(discover a -H)
	is "filtered by address and port it does not" "$(answers "$out") $(grep -c '^STUN receive timeout' <<<"$out") \
$(grep -c '^Received a request' <<<"$out")" "1 2 0"
	[ "$BACKEND" = oracle ] ||
		each_is "and filtering is by address and port again" "$APDF" from_port -f
}

# Time itself is what is tested here, so here is waiting by the clock.
lifetime()
{
	local sys=/proc/sys/net/netfilter/nf_conntrack_udp_timeout before
	before=$(host cat $sys ${sys}_stream | xargs)
	if [ "$BACKEND" = oracle ]; then
		host sh -c "echo 5 >$sys; echo 5 >${sys}_stream"
	else
		with 'timeouts: { udp: 5s }'
	fi
	is "a mapping of 5 s is there after 2 s" "$(answers "$(discover a -t -T 2)")" 2
	is "it is not after 8 s" "$(answers "$(discover a -t -T 8)")" 1
	[ "$BACKEND" != oracle ] || host sh -c "echo ${before% *} >$sys; echo ${before#* } >${sys}_stream"
}

# Two guests in one namespace, so that one program can talk as both from one port.
collision()
{
	local out
	guest b ip link set eth0 netns "cvt-$ID-a" name eth1 || bail "b stays where it is"
	guest a sh -c "echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore
		ip link set eth1 up
		ip addr add 10.20.0.11/32 dev eth1
		ip rule add from 10.20.0.11 table 11
		ip route add $SUBNET dev eth1 table 11
		ip route add default via $GATEWAY dev eth1 table 11"
	next_port
	out=$(from_port -c -A 10.20.0.11)
	is "two guests with one port are both answered" "$(answers "$out")" 2
	is "they are seen from two ports" "$(seen "$out" | sort -u | wc -l)" 2
	is "and from one address" "$(seen "$out" | grep -c "$UPLINK_IP")" 2
}

scenario()
{
	guest_veth a 10.20.0.10
	guest_veth b 10.20.0.11
	mapping
	mapping_contested
	probes
	filtering
	hairpin
	lifetime
	collision
}

for program in turnserver turnutils_natdiscovery; do
	command -v $program >/dev/null || bail "no $program: run tools/deps"
done
topology
outside ip addr add $OTHER/32 dev lo
stun_server
pair_servers
on_backends scenario
finish
