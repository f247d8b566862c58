#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Guests know each other by name where their network serves names, and all
# others through the host's resolver; nothing of it is left after `down`.
# There is no oracle: a bridge has no names.
. "$(dirname "$0")/lib.sh"

chmod 711 "$TMP"	# dnsmasq is not root when it reads the names
DNS="$PYTHON $TESTS/dns_peer.py"
ANSWER=192.0.2.77

# ask GUEST NAME [tcp]
ask() { guest "$1" $DNS ask $GATEWAY "${@:2}" 2>&1; }
answers() { [ "$(ask "$1" "$2")" = "$3" ]; }
server_pid() { cat "$CULVERT_RUN/$NET.dnsmasq.pid" 2>/dev/null; }
server_is_new() { [ -n "$(server_pid)" ] && [ "$(server_pid)" != "$1" ] && answers a b.lab.vm 10.20.0.11; }

client()
{
	export DHCP_LOG=$TMP/dhcp-$1.log
	: >>"$DHCP_LOG"
	start "udhcpc-$1" guest "$1" busybox udhcpc -f -i eth0 -t 20 -T 1 -x "hostname:$2" -s "$TESTS/dhcp-script"
}

# The host's resolver is the one outside: only the daemon's and `up`'s own view of it.
culvert_resolving()
{
	unshare -m --propagation slave sh -c '
		mount --bind "$0" /etc/resolv.conf && exec "$@"' "$TMP/resolv.conf" \
		"${IN_HOST[@]}" "$CULVERT" "$@"
}

conf()
{
	cat >"$TMP/net.yaml" <<-YAML
		subnet: $SUBNET
		${2:-}
		dhcp: { dns: $1, domain: lab.vm }
	YAML
}

scenario()
{
	local first ip p
	conf serve
	check "a network serves names" culvert_resolving up "$NET" -f "$TMP/net.yaml"
	guest_tap a 10.20.0.10
	guest_veth b 10.20.0.11
	guest_tap known

	check "a guest finds another by the name of its port" await 15 answers a b.lab.vm 10.20.0.11
	is "by TCP too" "$(ask a b.lab.vm tcp)" 10.20.0.11
	is "and by its address" "$(guest a $DNS ptr $GATEWAY 10.20.0.11)" b.lab.vm
	has "who runs in the namespace is told to ask there" "$(culvert exec "$NET" -- cat /etc/resolv.conf)" \
		"^nameserver $GATEWAY"
	is "who is nobody is nobody, and nobody outside is asked" "$(ask a nobody.lab.vm)" NXDOMAIN
	is "all other names are the host's resolver's" "$(ask a www.example.org)" $ANSWER
	has "which was asked" "$(cat "$TMP/upstream.log")" '^asked www.example.org'
	is "of the guests' domain it was asked nothing" "$(grep -c 'lab.vm' "$TMP/upstream.log")" 0

	client known My_Box
	check "a guest is given a lease, and the server's address" await_line 25 "$DHCP_LOG" '^bound'
	has "which is the gateway's" "$(cat "$DHCP_LOG")" "dns=$GATEWAY"
	ip=$(sed -n 's/^bound ip=\([0-9.]*\).*/\1/p' "$DHCP_LOG")
	check "it is found by its port's name" await 10 answers a known.lab.vm "$ip"
	check "and by what it calls itself" await 10 answers a my-box.lab.vm "$ip"

	check "a guest asks without end for what nobody answers" guest b $DNS flood $GATEWAY 3000
	is "another is answered, what nobody has asked before too" "$(ask a other.example.org)" $ANSWER
	check "what was too much is counted" [ "$(dropped dns-rate b)" -gt 1000 ]
	is "of that guest alone" "$(dropped dns-rate a)" 0

	refute "the host's other ports stay closed" guest a timeout 2 "$PYTHON" "$TESTS/peer.py" who tcp $GATEWAY 22
	has "policy tells that names are served" "$(culvert policy test "$NET" a host udp 53 2>&1)" '^allow: .*names'
	has "and that another port is not" "$(culvert policy test "$NET" a host udp 54 2>&1)" '^deny: '

	first=$(server_pid)
	kill -9 "$first"
	check "a server that died is started again" await 20 server_is_new "$first"
	first=$(server_pid)
	for p in $(own_culverts); do
		kill -9 "$p"
	done
	await 5 gone [ -n "$(own_culverts)" ]
	is "without the daemon names go on" "$(ask a b.lab.vm)" 10.20.0.11
	check "up again leaves it" culvert up "$NET" -f "$TMP/net.yaml"
	is "as it is" "$(server_pid)" "$first"

	conf none
	check "a network without resolvers" culvert up "$NET" -f "$TMP/net.yaml"
	is "tells its namespace of none" "$(ls "$CULVERT_NETNS_CONF" 2>/dev/null)" ""
	conf "[ 192.0.2.1, 192.0.2.2 ]"
	check "a network with resolvers of its own" culvert up "$NET" -f "$TMP/net.yaml"
	is "tells of them" "$(culvert exec "$NET" -- cat /etc/resolv.conf | tail -n +2)" "nameserver 192.0.2.1
nameserver 192.0.2.2
search lab.vm"
	echo "nameserver 192.0.2.9" >"$CULVERT_NETNS_CONF/cv-$NET/resolv.conf"
	conf host
	check "the network serves no names any more" culvert up "$NET" -f "$TMP/net.yaml"
	refute "the server has ended" grep -qs dnsmasq "/proc/$first/cmdline"
	refute "and is not to be reached" answers a b.lab.vm 10.20.0.11
	is "nor are its files there" "$(ls "$CULVERT_RUN" | grep -E 'names|dnsmasq')" ""

	is "somebody's own resolv.conf stays" "$(cat "$CULVERT_NETNS_CONF/cv-$NET/resolv.conf")" "nameserver 192.0.2.9"
	rm "$CULVERT_NETNS_CONF/cv-$NET/resolv.conf"

	conf serve "mode: isolated"
	check "a network without way out serves names" culvert up "$NET" -f "$TMP/net.yaml"
	check "of its guests" await 15 answers a b.lab.vm 10.20.0.11
	is "and of nobody else: names are no way out" "$(ask a www.example.net)" REFUSED
	is "nobody was asked" "$(grep -c 'example.net' "$TMP/upstream.log")" 0
}

command -v dnsmasq >/dev/null || [ -x /usr/sbin/dnsmasq ] || bail "no dnsmasq: tools/deps"
topology
servers
echo "nameserver $SERVER" >"$TMP/resolv.conf"
start_ready upstream outside $DNS serve $SERVER $ANSWER
on_backends scenario culvert
backend_down
is "no resolv.conf for the namespace is left" "$(find "$CULVERT_NETNS_CONF" 2>/dev/null)" ""
finish
