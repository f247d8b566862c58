# SPDX-License-Identifier: GPL-2.0-only
# The stage of the network tests:
#
#	outside ── [router] ── host ── network ── guests
#
# outside has servers and 203.0.113.10, an address beyond its link; host plays
# the machine that culvert runs on, and has nothing but a default route; no one
# outside knows a route to a guest's subnet.
#
# A backend carries the guests: culvert, or the oracle, which is what an
# administrator would do without it: a bridge, ip_forward and an nft masquerade
# rule.  Every scenario that makes sense on both runs on both.

OUTSIDE=cvt-$ID-out
ROUTER=cvt-$ID-rtr
HOST=cvt-$ID-host
CULVERT=$BUILD/culvert
IN_HOST=(nsenter "--net=/run/netns/$HOST")

SERVER=203.0.113.10
GATEWAY=10.20.0.1
SUBNET=10.20.0.0/24
PORT=7000		# of the test's own server, TCP and UDP
HTTP=8000
IPERF=5201
UPLINK_IP=198.51.100.2

# $RUN is "exec" in a process of its own, so that its id is the command's.
RUN=
outside() { $RUN nsenter "--net=/run/netns/$OUTSIDE" "$@"; }
router() { $RUN nsenter "--net=/run/netns/$ROUTER" "$@"; }
host() { $RUN "${IN_HOST[@]}" "$@"; }
culvert() { host "$CULVERT" "$@"; }

# guest NAME CMD...
guest()
{
	local ns=cvt-$ID-$1
	shift
	$RUN nsenter "--net=/run/netns/$ns" "$@"
}
guest_peer() { guest "$1" "$PYTHON" "$TESTS/peer.py" "${@:2}"; }
outside_peer() { outside "$PYTHON" "$TESTS/peer.py" "$@"; }
host_peer() { host "$PYTHON" "$TESTS/peer.py" "$@"; }

# A namespace without IPv6, so that no frame moves but the test's, and without
# limits on the ICMP errors that tests count on.
new_netns()
{
	ip netns add "$1" || bail "cannot make namespace $1"
	nsenter "--net=/run/netns/$1" sh -c '
		ip link set lo up
		echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
		echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
		echo 0 >/proc/sys/net/ipv4/ip_forward
		echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
		echo 0 1 >/proc/sys/net/ipv4/ping_group_range'
}

# topology [MTU]: with an MTU there is a router before outside, whose far link has it
topology()
{
	local mtu=${1:-}

	grep -q ' /sys/fs/bpf bpf ' /proc/mounts || bail "no bpffs on /sys/fs/bpf"
	new_netns "$OUTSIDE"
	new_netns "$HOST"
	outside ip addr add $SERVER/32 dev lo
	if [ -n "$mtu" ]; then
		new_netns "$ROUTER"
		ip link add up0 netns "$HOST" type veth peer name in0 netns "$ROUTER"
		ip link add out0 netns "$ROUTER" mtu "$mtu" type veth \
			peer name in0 netns "$OUTSIDE" mtu "$mtu"
		router sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
			ip addr add 198.51.100.1/24 dev in0; ip link set in0 up
			ip addr add 192.0.2.1/24 dev out0; ip link set out0 up
			ip route add 203.0.113.10 via 192.0.2.2'
		outside sh -c 'ip addr add 192.0.2.2/24 dev in0; ip link set in0 up
			ip route add default via 192.0.2.1'
	else
		ip link add up0 netns "$HOST" type veth peer name in0 netns "$OUTSIDE"
		outside sh -c 'ip addr add 198.51.100.1/24 dev in0; ip link set in0 up'
	fi
	host sh -c "ip addr add $UPLINK_IP/24 dev up0; ip link set up0 up
		ip route add default via 198.51.100.1"
	await 5 host sh -c 'ip -o link show dev up0 | grep -q "state UP"' || bail "the uplink stays down"
	leak_watch
	host_state >"$TMP/host.before"
}

# What must never be seen outside: a guest's own address.  Counts from now on.
leak_watch()
{
	outside nft -f - <<-RULES
		table ip leak
		delete table ip leak
		table ip leak {
			chain pre {
				type filter hook prerouting priority raw;
				ip saddr 10.0.0.0/8 counter
			}
		}
	RULES
}

leaked() { outside nft list table ip leak | sed -n 's/.*counter packets \([0-9]*\).*/\1/p'; }

# servers: in outside; what each test needs of them is there when this returns
servers()
{
	local dir=$TMP/www
	mkdir -p "$dir"
	head -c 1000000 /dev/urandom >"$dir/page"
	start_ready server outside_peer serve $SERVER $PORT
	start http outside "$PYTHON" -u -m http.server -b $SERVER -d "$dir" $HTTP
	start iperf outside iperf3 -s --forceflush -B $SERVER -p $IPERF
	await_line 10 "$TMP/http.log" 'Serving HTTP' || bail "no web server"
	await_line 10 "$TMP/iperf.log" 'listening' || bail "no iperf3 server"
}

# --- backends

BACKEND=
NETS=()			# networks of culvert that are up
GUESTS=()
declare -A GUEST_MAC=() GUEST_PID=()

# on_backends SCENARIO [BACKEND...]: run a function on each (default: culvert and
# the oracle).  TEST_BACKENDS=oracle judges the harness itself without culvert.
on_backends()
{
	local scenario=$1 b
	shift
	[ $# != 0 ] || set -- culvert oracle
	for b in "$@"; do
		case " ${TEST_BACKENDS:-${b%%:*}} " in
		*" ${b%%:*} "*) ;;
		*) continue ;;
		esac
		WHERE=
		backend "$b"
		WHERE=$b
		"$scenario" "$b"
		WHERE=
	done
}

# backend culvert[:tcx|:clsact]|oracle [OPTION of culvert up...]
backend()
{
	backend_down
	BACKEND=${1%%:*}
	case $1 in
	culvert) unset CULVERT_ATTACH ;;
	culvert:*) export CULVERT_ATTACH=${1#*:} ;;
	esac
	if [ "$BACKEND" = culvert ]; then
		network_up "$NET" "${@:2}"
	else
		oracle_up
	fi
	capture_backend
}

# network_up NAME [OPTION of culvert up...]
network_up()
{
	local err
	[ -x "$CULVERT" ] || bail "no $CULVERT: run make"
	err=$(culvert up "$1" --subnet $SUBNET "${@:2}" 2>&1) || bail "culvert up: $err"
	NETS+=("$1")
}

oracle_up()
{
	host sh -c "ip link add br0 type bridge forward_delay 0
		ip addr add $GATEWAY/24 dev br0; ip link set br0 up
		echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables"
	host nft -f - <<-RULES
		table ip oracle {
			chain post {
				type nat hook postrouting priority srcnat;
				ip saddr $SUBNET oifname up0 masquerade
			}
			chain forward {
				type filter hook forward priority filter; policy drop;
				iifname br0 oifname up0 accept
				ct state established,related accept
			}
			chain input {
				type filter hook input priority filter;
				iifname br0 ct state new udp dport != 67 drop
				iifname br0 ct state new meta l4proto tcp drop
			}
		}
	RULES
}

oracle_down()
{
	host sh -c 'nft delete table ip oracle; ip link del br0
		echo 0 >/proc/sys/net/ipv4/ip_forward
		echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
		echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables'
}

# The programs that culvert has pinned, by id, which no later program gets.
prog_ids()
{
	local pin
	for pin in "$CULVERT_BPF"/prog/*; do
		[ ! -e "$pin" ] || bpftool -j prog show pinned "$pin" | jq .id
	done
}

# Each of them must be gone after `down`.
remember_progs() { prog_ids >>"$TMP/progs"; }

backend_down()
{
	local net g err
	capture_backend_end
	# With a guest's descriptor open a network may not be taken away.
	for g in ${GUESTS[@]+"${GUESTS[@]}"}; do
		guest_rm "$g"
	done
	GUESTS=()
	case $BACKEND in
	culvert)
		remember_progs
		for net in ${NETS[@]+"${NETS[@]}"}; do
			err=$(culvert down "$net" 2>&1) || not_ok "down of $net" "$err"
		done
		NETS=()
		;;
	oracle)
		oracle_down
		;;
	esac
	BACKEND=
}

# oracle_dhcp: busybox's server, so that real clients have something to compare with
oracle_dhcp()
{
	cat >"$TMP/udhcpd.conf" <<-CONF
		start 10.20.0.10
		end 10.20.0.99
		interface br0
		lease_file $TMP/udhcpd.leases
		pidfile $TMP/udhcpd.pid
		option subnet 255.255.255.0
		option router $GATEWAY
		option lease 3600
	CONF
	: >"$TMP/udhcpd.leases"
	start udhcpd host busybox udhcpd -f "$TMP/udhcpd.conf"
	await_line 5 "$TMP/udhcpd.log" 'started' || bail "no DHCP server"
}

# --- listening

declare -A LISTENER=() LISTENS_AS=()
LAST_HEARD=127.83.84.79

# listen NAME FILTER WHO...: print what WHO receives into $TMP/NAME.log.  The
# buffer holds whatever a test sends, as a lost frame would pass for silence.
listen()
{
	start "$1" "${@:3}" tcpdump -lnnei any -s 256 -B 16384 --immediate-mode -Q in \
		"${2:+($2) or (udp and dst host $LAST_HEARD)}"
	LISTENER[$1]=$PID
	LISTENS_AS[$1]="${*:3}"
	await_line 10 "$TMP/$1.log" 'listening on' || bail "no tcpdump"
}

# listen_end NAME: all that was heard until now is in the file.  tcpdump leaves
# behind what it has not read when it is told to end, so it ends when it has read
# a datagram that is sent now.
listen_end()
{
	${LISTENS_AS[$1]} bash -c "echo >/dev/udp/$LAST_HEARD/9" 2>/dev/null
	await_line 10 "$TMP/$1.log" "> $LAST_HEARD" || bail "tcpdump does not read on"
	kill -INT "${LISTENER[$1]}"
	await_line 5 "$TMP/$1.log" 'dropped by kernel$'
	grep -q '^0 packets dropped by kernel' "$TMP/$1.log" || bail "tcpdump lost frames of $1"
	sed -i "/$LAST_HEARD/d" "$TMP/$1.log"	# and the ICMP error that it caused
}

# --- guests

guest_new()
{
	GUESTS+=("$1")
	GUEST_MAC[$1]=52:54:00:00:00:$(printf %02x ${#GUESTS[@]})
	new_netns "cvt-$ID-$1"
	# Nothing is done before the test has offered its frames.
	guest "$1" ip link set lo up
}

# guest_tap NAME [IP [NETWORK [PUMP OPTION...]]]: behind a TAP
guest_tap()
{
	local name=$1 ip=${2:-} net=${3:-$NET} far mac err
	guest_new "$name"
	mac=${GUEST_MAC[$name]}
	if [ "$BACKEND" = culvert ]; then
		err=$(culvert port add "$net" "$name" --mac "$mac" ${ip:+--ip "$ip"} 2>&1) ||
			bail "culvert port add: $err"
		far=/run/netns/cv-$net:$name
	else
		host sh -c "ip tuntap add dev $name mode tap vnet_hdr
			ip link set dev $name master br0 up"
		far=/run/netns/$HOST:$name
	fi
	guest "$name" sh -c "ip tuntap add dev eth0 mode tap vnet_hdr
		ip link set eth0 address $mac"
	start_ready "pump-$name" "$BUILD/pump" "${@:4}" "$far" "/run/netns/cvt-$ID-$name:eth0"
	GUEST_PID[$name]=$PID
	guest_up "$name" "$ip"
}

# guest_veth NAME [IP [NETWORK]]: at the far end of a veth
guest_veth()
{
	local name=$1 ip=${2:-} net=${3:-$NET} mac err
	guest_new "$name"
	mac=${GUEST_MAC[$name]}
	if [ "$BACKEND" = culvert ]; then
		err=$(culvert port add "$net" "$name" --mac "$mac" ${ip:+--ip "$ip"} \
			--veth "cvt-$ID-$name" 2>&1) || bail "culvert port add: $err"
	else
		ip link add name "$name" netns "$HOST" type veth \
			peer name eth0 netns "cvt-$ID-$name" address "$mac"
		host ip link set dev "$name" master br0 up
	fi
	guest_up "$name" "$ip"
}

guest_up()
{
	guest "$1" ip link set eth0 up
	[ -z "$2" ] || guest "$1" sh -c "ip addr replace $2/24 dev eth0
		ip route replace default via $GATEWAY"
}

guest_rm()
{
	local name=$1
	if [ -n "${GUEST_PID[$name]:-}" ]; then
		stop "${GUEST_PID[$name]}"
		unset "GUEST_PID[$name]"
	fi
	[ "$BACKEND" = culvert ] || host ip link del dev "$name" 2>/dev/null
	ip netns del "cvt-$ID-$name" 2>/dev/null
}

# dropped REASON [GUEST]: packets, as `culvert stats` says
dropped()
{
	culvert stats "$NET" -o json | jq --arg reason "$1" --arg guest "${2:-}" \
		'[.drops[] | select(.reason == $reason and ($guest == "" or .guest == $guest))
		  | .packets] | add // 0'
}

topology_down()
{
	local ns
	[ ! -e "/run/netns/$HOST" ] || host_state >"$TMP/host.after"
	[ ! -e "/run/netns/$OUTSIDE" ] || LEAKED=$(leaked)
	for ns in /run/netns/cvt-"$ID"-*; do
		[ ! -e "$ns" ] || ip netns del "${ns##*/}"
	done
}
