# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154
# The same road once for every backend, each in namespaces of its own; sourced
# by path.
#
#   guest          net (culvert makes its own)      host             far
#   eth0 ------- port0 - br0 - uplink0 ---------- hv0   up0 ------- eth0
#   10.77.0.2                               10.77.0.1   192.0.2.1   192.0.2.2
#
# The namespaces are called $P-BACKEND-guest and so on; $P is cvb and the pid
# of path.  $work (/tmp/$P) is a directory for what the backends need.  Neighbours are
# static, IPv6 is off, the bridge does not call netfilter.
#
# $guests says what a guest is: "veth", as drawn, or "tap": eth0 and port0 are
# TAPs, and the bench carries frames between them.

guest_mac=02:63:76:00:00:02
gateway_mac=02:63:76:00:00:01
host_mac=02:63:76:00:01:01
far_mac=02:63:76:00:01:02

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
		net.ipv6.conf.default.disable_ipv6=1 \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
		net.ipv4.tcp_slow_start_after_idle=0
	ip -n "$1" link set lo up
}

# host up0 -- far eth0
topo_outside()
{
	ip link add name up0 address $host_mac netns "$P-$1-host" type veth \
		peer name eth0 address $far_mac netns "$P-$1-far"
	ip -n "$P-$1-host" addr add 192.0.2.1/24 dev up0
	ip -n "$P-$1-far" addr add 192.0.2.2/24 dev eth0
	ip -n "$P-$1-host" link set up0 up
	ip -n "$P-$1-far" link set eth0 up
	ip -n "$P-$1-host" neigh replace 192.0.2.2 lladdr $far_mac dev up0 nud permanent
	ip -n "$P-$1-far" neigh replace 192.0.2.1 lladdr $host_mac dev eth0 nud permanent
	ip -n "$P-$1-host" route add default via 192.0.2.2
}

# tap_make NAMESPACE NAME: one that stays, for the bench to open
tap_make()
{
	ip -n "$1" tuntap add dev "$2" mode tap vnet_hdr
}

# guest eth0 -- the namespace's port0
topo_port()
{
	if [ "$guests" = tap ]; then
		tap_make "$P-$1-net" port0
		tap_make "$P-$1-guest" eth0
		ip -n "$P-$1-guest" link set eth0 address $guest_mac
	else
		ip link add name port0 netns "$P-$1-net" type veth \
			peer name eth0 address $guest_mac netns "$P-$1-guest"
	fi
}

# $2: the gateway's MAC address
topo_guest()
{
	ip -n "$P-$1-guest" addr replace 10.77.0.2/24 dev eth0
	ip -n "$P-$1-guest" link set eth0 up
	ip -n "$P-$1-guest" neigh replace 10.77.0.1 lladdr "$2" dev eth0 nud permanent
	ip -n "$P-$1-guest" route replace default via 10.77.0.1
}

# guest eth0 -- port0, bridge, uplink0 -- host hv0
topo_inside()
{
	net=$P-$1-net
	ns_make "$net"
	if [ -d /proc/sys/net/bridge ]; then
		ns_in "$net" sysctl -qw net.bridge.bridge-nf-call-iptables=0 \
			net.bridge.bridge-nf-call-arptables=0 \
			net.bridge.bridge-nf-call-ip6tables=0
	fi
	topo_port "$1"
	ip link add name uplink0 netns "$net" type veth \
		peer name hv0 address $gateway_mac netns "$P-$1-host"
	ip -n "$net" link add br0 type bridge stp_state 0 forward_delay 0
	for link in port0 uplink0; do
		ip -n "$net" link set $link master br0 up
	done
	ip -n "$net" link set br0 up
	ip -n "$P-$1-host" addr add 10.77.0.1/24 dev hv0
	ip -n "$P-$1-host" link set hv0 up
	ip -n "$P-$1-host" neigh replace 10.77.0.2 lladdr $guest_mac dev hv0 nud permanent
	topo_guest "$1" $gateway_mac
}

topo_ends()
{
	ns_make "$P-$1-guest"
	ns_make "$P-$1-host"
	ns_make "$P-$1-far"
	topo_outside "$1"
}

# The line that the bench reads; $2: the net namespace, $3: the gateway's MAC address, $4: the port's link
topo_line()
{
	port=-
	[ "$guests" != tap ] || port=$4
	echo "$1 $P-$1-guest $2 $P-$1-host $P-$1-far $3 $port" >>"$work/sites"
}

# The generator's own cost: its packet is dropped at the first hop.
topo_floor()
{
	ns_make "$P-floor-guest"
	ns_make "$P-floor-far"
	ip link add name eth0 address $guest_mac netns "$P-floor-guest" type veth \
		peer name eth0 address $far_mac netns "$P-floor-far"
	ip -n "$P-floor-guest" link set eth0 up
	ip -n "$P-floor-far" link set eth0 up
	echo "floor $P-floor-guest - - $P-floor-far $far_mac -" >>"$work/sites"
	[ "$guests" = veth ] || topo_tap_floor
}

# And that of two TAPs.
topo_tap_floor()
{
	for end in guest far; do
		ns_make "$P-tapfloor-$end"
		tap_make "$P-tapfloor-$end" eth0
		ip -n "$P-tapfloor-$end" link set eth0 up
	done
	echo "tap-floor $P-tapfloor-guest $P-tapfloor-far - $P-tapfloor-far $far_mac eth0" >>"$work/sites"
}

# Plain routing: the stack without a NAT.
topo_none()
{
	topo_ends none
	topo_inside none
	ns_in "$P-none-host" sysctl -qw net.ipv4.ip_forward=1
	ip -n "$P-none-far" route add 10.77.0.0/24 via 192.0.2.1
	topo_line none "$P-none-net" $gateway_mac port0
}

# Backend $1: the stack with masquerade and nothing else, nft's best case.
topo_translate()
{
	topo_ends "$1"
	topo_inside "$1"
	ns_in "$P-$1-host" sysctl -qw net.ipv4.ip_forward=1
	ns_in "$P-$1-host" nft -f - <<-'RULES'
	table ip bench {
		chain postrouting {
			type nat hook postrouting priority srcnat; policy accept;
			ip saddr 10.77.0.0/24 oifname "up0" masquerade
		}
	}
	RULES
	topo_line "$1" "$P-$1-net" $gateway_mac port0
}

topo_masquerade()
{
	topo_translate masquerade
}

# With the duties of culvert: guests out, only replies in.  The rules' counters
# prove the way; without them the chain would be as long.
topo_nft()
{
	topo_translate nft
	topo_filter nft
}

# The same; the packets of established flows go by the kernel's software flowtable.
topo_flowtable()
{
	topo_translate flowtable
	topo_filter flowtable "ct state established flow add @fast" || {
		echo "bench: flowtable: this kernel has none" >&2
		return 1
	}
}

# topo_filter BACKEND [RULE]
topo_filter()
{
	fast=
	[ $# = 1 ] || fast='flowtable fast { hook ingress priority filter; devices = { hv0, up0 }; }'
	ns_in "$P-$1-host" nft -f - <<-RULES
	table ip bench {
		counter up { }
		counter down { }
		$fast
		chain forward {
			type filter hook forward priority filter; policy drop;
			${2:-}
			iifname "hv0" ct state established,related,new counter name "up" accept
			oifname "hv0" ct state established,related counter name "down" accept
		}
	}
	RULES
}

# The same by the rules that libvirt writes for a network with NAT.
topo_iptables()
{
	topo_ends iptables
	topo_inside iptables
	ns_in "$P-iptables-host" sysctl -qw net.ipv4.ip_forward=1
	ns_in "$P-iptables-host" iptables-restore <<-'RULES'
	*nat
	-A POSTROUTING -s 10.77.0.0/24 -d 224.0.0.0/24 -j RETURN
	-A POSTROUTING -s 10.77.0.0/24 -d 255.255.255.255/32 -j RETURN
	-A POSTROUTING -s 10.77.0.0/24 ! -d 10.77.0.0/24 -p tcp -j MASQUERADE --to-ports 1024-65535
	-A POSTROUTING -s 10.77.0.0/24 ! -d 10.77.0.0/24 -p udp -j MASQUERADE --to-ports 1024-65535
	-A POSTROUTING -s 10.77.0.0/24 ! -d 10.77.0.0/24 -j MASQUERADE
	COMMIT
	*filter
	-A FORWARD -i hv0 -o hv0 -j ACCEPT
	-A FORWARD -d 10.77.0.0/24 -o hv0 -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment bench-down -j ACCEPT
	-A FORWARD -o hv0 -j REJECT --reject-with icmp-port-unreachable
	-A FORWARD -s 10.77.0.0/24 -i hv0 -m comment --comment bench-up -j ACCEPT
	-A FORWARD -i hv0 -j REJECT --reject-with icmp-port-unreachable
	COMMIT
	RULES
	topo_line iptables "$P-iptables-net" $gateway_mac port0
}

# The bench attaches redirect.bpf.c itself.
topo_hops()
{
	topo_ends "$1"
	topo_inside "$1"
	ip -n "$P-$1-far" route add 10.77.0.0/24 via 192.0.2.1
	topo_line "$1" "$P-$1-net" $gateway_mac port0
}

topo_redirect()
{
	topo_hops redirect
}

topo_bare()
{
	topo_hops bare
}

# culvert_at BACKEND ARGUMENT...: on its host; each has a culvert of its own
culvert_at()
{
	at=$1
	shift
	ns_in "$P-$at-host" env CULVERT_RUN="$work/$at/run" CULVERT_STATE="$work/$at/state" \
		CULVERT_BPF="/sys/fs/bpf/$P${at#culvert}" CULVERT_CONF="$work/$at/conf" \
		CULVERT_NETNS_CONF="$work/$at/netns" "$culvert" "$@"
}

# topo_network BACKEND NETWORK LINE: with that in its configuration
topo_network()
{
	backend=$1 network=$2
	topo_ends "$backend"
	mkdir -p "$work/$backend/run" "$work/$backend/state" "$work/$backend/conf"
	# The one guest may have what the table holds, as with nft.
	printf '%s\n' 'subnet: 10.77.0.0/24' 'uplink: up0' 'limits: { flows-per-guest: 262144 }' "$3" \
		>"$work/$backend/net.yaml"
	if [ "$guests" = tap ]; then
		tap_make "$P-$backend-guest" eth0
		ip -n "$P-$backend-guest" link set eth0 address $guest_mac
		set --
	else
		set -- --veth "$P-$backend-guest"
	fi
	if ! culvert_at "$backend" up "$network" -f "$work/$backend/net.yaml" >"$work/up.log" 2>&1 ||
	   ! culvert_at "$backend" port add "$network" guest "$@" --mac $guest_mac --ip 10.77.0.2 >>"$work/up.log" 2>&1; then
		sed "s/^/bench: $backend: /" "$work/up.log" >&2
		return 1
	fi
	mac=$(culvert_at "$backend" show "$network" | sed -n 's/^gateway_mac *\([0-9a-f:]*\)$/\1/p')
	[ -n "$mac" ] || { echo "bench: $backend: does not tell the gateway's MAC address" >&2; return 1; }
	topo_guest "$backend" "$mac"
	topo_line "$backend" "cv-$network" "$mac" guest
}

topo_culvert()
{
	topo_network culvert "$P" 'xdp: off'
}

# And its short road in; for TAPs only.
topo_culvert_xdp()
{
	topo_network culvert-xdp "${P}x" 'xdp: on'
}

# Everything of ours, whatever of it exists.
topo_remove()
{
	for backend in culvert culvert-xdp; do
		[ -d "$work/$backend/run" ] || continue
		culvert_at $backend down --all --force >"$work/down.log" 2>&1 ||
			sed "s/^/bench: $backend: /" "$work/down.log" >&2
	done
	for ns in "/run/netns/$P"-* "/run/netns/cv-$P" "/run/netns/cv-${P}x"; do
		[ ! -e "$ns" ] || ip netns del "${ns##*/}"
	done
	rm -rf "$work" "/sys/fs/bpf/${P:?}" "/sys/fs/bpf/$P-xdp"
}

# What a run left behind that was killed outright.
topo_sweep()
{
	for work in "${TMPDIR:-/tmp}"/cvb[0-9]*; do
		P=${work##*/}
		[ ! -d "$work" ] || [ -d "/proc/${P#cvb}" ] || topo_remove
	done
}
