# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154
# One server each, and its clients; sourced by dhcp.
#
#	clients c0 ... cN ---- ports of culvert's network
#	clients eth0 --------- br0, where dnsmasq or Kea listens
#	relay eth0 ----------- a port with `trust: relay`, or br0
#
# The namespaces are $P-SERVER-clients, -relay and -host.

ns_in()
{
	ns=$1
	shift
	nsenter --net="/run/netns/$ns" "$@"
}

ns_make()
{
	ip netns add "$1"
	ns_in "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
		net.ipv6.conf.default.disable_ipv6=1
	ip -n "$1" link set lo up
}

# await FILE PATTERN
await()
{
	for _ in $(seq 100); do
		! grep -qsE "$2" "$1" || return 0
		sleep 0.05
	done
	echo "dhcp bench: no server, but:" >&2
	cat "$1" >&2
	return 1
}

relay_up()
{
	ip -n "$P-$1-relay" addr replace "$relay/16" dev eth0
	ip -n "$P-$1-relay" link set eth0 up
}

topo_bridge()
{
	for ns in host clients relay; do
		ns_make "$P-$1-$ns"
	done
	ip -n "$P-$1-host" link add br0 type bridge stp_state 0 forward_delay 0
	for ns in clients relay; do
		ip link add name "$ns" netns "$P-$1-host" type veth peer name eth0 netns "$P-$1-$ns"
		ip -n "$P-$1-host" link set "$ns" master br0 up
	done
	ip -n "$P-$1-clients" link set eth0 up
	ip -n "$P-$1-host" addr add "$gateway/16" dev br0
	ip -n "$P-$1-host" link set br0 up
	relay_up "$1"
	# Kea opens sockets on links that are running when it starts.
	for _ in $(seq 100); do
		! ip -n "$P-$1-host" link show br0 | grep -q 'state UP' || break
		sleep 0.05
	done
	echo "$1 $P-$1-clients eth0 $clients" >>"$work/sites"
}

topo_dnsmasq()
{
	topo_bridge dnsmasq
	# No function: what is in the background must be the server itself, which is ended.
	nsenter --net="/run/netns/$P-dnsmasq-host" dnsmasq --conf-file=/dev/null --keep-in-foreground --user=root --group=root \
		--port=0 --interface=br0 --bind-interfaces --no-resolv --no-hosts --pid-file= \
		--dhcp-authoritative --no-ping --quiet-dhcp --log-facility=- --dhcp-lease-max=60000 \
		--dhcp-range=10.77.1.0,10.77.239.255,255.255.0.0,1h \
		--dhcp-leasefile="$work/dnsmasq.leases" >"$work/dnsmasq.log" 2>&1 &
	daemons="$daemons $!"
	await "$work/dnsmasq.log" 'DHCP, IP range'
}

topo_kea()
{
	topo_bridge kea
	mkdir "$work/kea"
	cat >"$work/kea/conf" <<-JSON
		{ "Dhcp4": {
			"interfaces-config": { "interfaces": [ "br0" ], "dhcp-socket-type": "raw" },
			"lease-database": { "type": "memfile", "persist": true,
				"name": "$work/kea/leases.csv", "lfc-interval": 0 },
			"valid-lifetime": 3600, "authoritative": true,
			"subnet4": [ { "id": 1, "subnet": "10.77.0.0/16",
				"pools": [ { "pool": "10.77.1.0 - 10.77.239.255" } ],
				"option-data": [ { "name": "routers", "data": "$gateway" } ] } ],
			"loggers": [ { "name": "kea-dhcp4", "severity": "INFO",
				"output_options": [ { "output": "$work/kea/log", "maxver": 1, "maxsize": 0 } ] } ]
		} }
	JSON
	# Its word that it is ready is an INFO; a line for each message would be its cost, not DHCP's.
	sed -i 's/"loggers": \[/"loggers": [ { "name": "kea-dhcp4.leases", "severity": "WARN" },/' "$work/kea/conf"
	nsenter --net="/run/netns/$P-kea-host" env KEA_PIDFILE_DIR="$work/kea" KEA_LOCKFILE_DIR="$work/kea" \
		kea-dhcp4 -c "$work/kea/conf" >"$work/kea/out" 2>&1 &
	daemons="$daemons $!"
	await "$work/kea/log" 'DHCP4_STARTED'
}

culvert_here()
{
	ns_in "$P-culvert-host" env CULVERT_RUN="$work/run" CULVERT_STATE="$work/state" \
		CULVERT_BPF="/sys/fs/bpf/$P" CULVERT_CONF="$work/conf" "$culvert" "$@"
}

topo_culvert()
{
	for ns in host clients relay; do
		ns_make "$P-culvert-$ns"
	done
	mkdir "$work/run" "$work/state" "$work/conf"
	ip -n "$P-culvert-host" link add up0 type veth peer name far0
	ip -n "$P-culvert-host" addr add 192.0.2.1/24 dev up0
	ip -n "$P-culvert-host" link set far0 up
	ip -n "$P-culvert-host" link set up0 up
	cat >"$work/net.yaml" <<-YAML
		subnet: 10.77.0.0/16
		uplink: up0
		dhcp:
		  lease: 1h
		  dns: none
	YAML
	culvert_here up "$P" -f "$work/net.yaml" >"$work/up.log" 2>&1 || { cat "$work/up.log" >&2; return 1; }
	culvert_here port add "$P" relay --veth "$P-culvert-relay" --ip "$relay" --trust relay >/dev/null
	i=0
	while [ $i -lt "$clients" ]; do
		mac=$(printf '02:63:66:00:%02x:%02x' $((i / 256)) $((i % 256)))
		culvert_here port add "$P" "c$i" --veth "$P-culvert-clients" --ifname "c$i" --mac "$mac" >/dev/null
		ip -n "$P-culvert-clients" link set "c$i" up
		i=$((i + 1))
	done
	relay_up culvert
	echo "culvert $P-culvert-clients c% $clients" >>"$work/sites"
}

# --- perfdhcp, a relay: a second each, in turn

perfdhcp_once()
{
	ns_in "$P-$1-relay" timeout 20 perfdhcp -4 -l eth0 -p 1 -W 500000 -R 2000 \
		-b "mac=02:63:70:0$2:00:00" "$gateway" >"$work/perfdhcp.out" 2>&1 || :
	rate=$(sed -n 's/^Rate: \([0-9.]*\).*/\1/p' "$work/perfdhcp.out" | head -n 1)
	[ -n "$rate" ] || { sed "s/^/dhcp bench: $1: perfdhcp: /" "$work/perfdhcp.out" >&2; return 0; }
	echo "{\"server\": \"$1\", \"round\": $2, \"per_s\": $rate}" >>"$work/perfdhcp.json"
}

perfdhcp_rounds()
{
	for round in 1 2 3; do
		for s in $servers; do
			perfdhcp_once "$s" $round
		done
	done
	printf '\nperfdhcp through a relay, new clients, four-way exchanges per second:\n'
	jq -rs 'group_by(.server)[] | "\(.[0].server)\t\(map(.per_s | round | tostring) | join("  "))"' \
		"$work/perfdhcp.json"
}

# Everything of ours, whatever of it exists.
topo_remove()
{
	if [ -d "$work/run" ]; then
		culvert_here down --all --force >"$work/down.log" 2>&1 ||
			sed 's/^/dhcp bench: culvert: /' "$work/down.log" >&2
	fi
	for ns in "/run/netns/$P"-* "/run/netns/cv-$P"; do
		[ ! -e "$ns" ] || ip netns del "${ns##*/}"
	done
	rm -rf "$work" "/sys/fs/bpf/${P:?}"
}
