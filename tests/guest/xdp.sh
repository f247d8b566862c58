# SPDX-License-Identifier: GPL-2.0-only
# XDP on a virtio-net uplink, run as the job of a virtual machine: eth0 leads to
# the outside, a namespace is a guest behind a TAP.  Prints one claim a line.
# MODE: native; generic: a bridge is the uplink, eth0 its port; off: the device
# cannot leave off its offloads, so there is no XDP.

export PATH=/usr/bin:/bin
UPLINK=eth0
[ $MODE != generic ] || UPLINK=upbr

claim()		# TEXT COMMAND...
{
	local text=$1
	shift
	"$@" >/tmp/out 2>&1 && { echo "ok $text"; return; }
	echo "not ok $text"
	cat /tmp/out
	dmesg | tail -n 5
}

await()
{
	i=0
	until "$@" >/dev/null 2>&1; do
		i=$((i + 1))
		[ $i -lt 300 ] || return 1
		sleep 0.1
	done
}

guest() { nsenter --net=/run/netns/guest "$@"; }
taken() { culvert stats lab | awk '$1 == "xdp_packets" { print $2 }'; }
runs() { xdp_foreign ls $UPLINK | sort | tr '\n' ' '; }

# --- the stage
mkdir -p /run/netns /var/lib /sys/fs/bpf /etc
mount -t tmpfs run /run
mount -t bpf bpf /sys/fs/bpf
mkdir -p /run/cgroup /etc/culvert
mount -t cgroup2 cgroup2 /run/cgroup
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
tainted=$(cat /proc/sys/kernel/tainted)
/usr/bin/ip netns add guest
guest /usr/bin/ip link set lo up
/usr/bin/ip link set eth0 mtu "$MTU"
/usr/bin/ip link set eth0 up
if [ $MODE = generic ]; then
	/usr/bin/ip link add upbr type bridge forward_delay 0
	/usr/bin/ip link set eth0 master upbr
	/usr/bin/ip link set upbr up
fi
/usr/bin/ip addr add 192.0.2.2/24 dev $UPLINK
/usr/bin/ip route add default via 192.0.2.1
echo "xdp: on" >/etc/culvert/lab.yaml

up()
{
	culvert up lab --subnet 10.20.0.0/24 || return 1
	culvert port add lab t --mac 52:54:00:00:00:01 --ip 10.20.0.10 || return 1
	pump /run/netns/cv-lab:t /run/netns/guest:eth0 >/tmp/pump.log &
	pump=$!
	await grep ready /tmp/pump.log || return 1
	guest /usr/bin/ip link set eth0 address 52:54:00:00:00:01 mtu "$MTU"
	guest /usr/bin/ip addr add 10.20.0.10/24 dev eth0
	guest /usr/bin/ip link set eth0 up
	guest /usr/bin/ip route add default via 10.20.0.1
}

down()
{
	kill $pump
	wait $pump
	culvert down lab
}

# datagrams SIZE: 400 from the outside, none lost, and how many went by XDP
datagrams()
{
	before=$(taken)
	guest iperf3 -c $SERVER -p $IPERF -u -R -l "$1" -n $((400 * $1)) -b 2M --json >/tmp/iperf.json ||
		{ cat /tmp/iperf.json; return 1; }
	grep -q '"lost_packets":	0,' /tmp/iperf.json || { cat /tmp/iperf.json; return 1; }
	by_xdp=$(($(taken) - before))
	echo "$by_xdp went by XDP"
}
by_xdp() { datagrams "$1" && [ "$by_xdp" -ge 400 ]; }
by_tc() { datagrams "$1" && [ "$by_xdp" -lt 20 ]; }

page()
{
	guest timeout 60 wget -q -O /tmp/page "http://$SERVER:$HTTP/page" &&
		[ "$(sha256sum </tmp/page | cut -d ' ' -f 1)" = $SHA ]
}

upload()
{
	before=$(taken)
	guest iperf3 -c $SERVER -p $IPERF -n 4M || return 1
	[ $MODE != native ] || [ "$(taken)" -gt "$before" ]
}

mode() { culvert show lab | grep -q "^xdp  *$UPLINK $1 *\$" || { culvert show lab; return 1; }; }
is() { [ "$1" = "$2" ] || { echo "got: $1"; return 1; }; }

claim "up, with a guest" up
claim "XDP is $MODE" mode $MODE
if [ $MODE != off ]; then
	claim "by libxdp's dispatcher" is "$(runs)" "$MODE cv_xdp "
	claim "the doctor finds nothing wrong" culvert doctor
fi
# What is sent on this machine has half a checksum until the device needs a whole one.
[ $MODE = native ] && small=by_xdp || small=by_tc
claim "small datagrams arrive" $small 200
claim "large datagrams arrive" $small 1400
[ "$MTU" = 1500 ] || claim "jumbo datagrams arrive" by_tc 4000
claim "a page arrives undamaged" page
claim "an upload is acknowledged" upload

if [ $MODE = native ]; then
	claim "another program goes beside it" xdp_foreign add eth0
	claim "both run" is "$(runs)" "native cv_xdp native xdp_pass "
	claim "datagrams still go by XDP" by_xdp 200
	claim "up again changes nothing" sh -c "culvert up lab | grep -q already"
	claim "both still run" is "$(runs)" "native cv_xdp native xdp_pass "
	claim "down" down
	claim "the other's program stays" is "$(runs)" "native xdp_pass "
	claim "up beside another's" up
	claim "both run" is "$(runs)" "native cv_xdp native xdp_pass "
	claim "datagrams go by XDP" by_xdp 200
	claim "the other's can go" xdp_foreign del eth0
	claim "ours stays" is "$(runs)" "native cv_xdp "
	claim "datagrams go by XDP" by_xdp 200
fi
claim "down" down

dispatchers() { ls /sys/fs/bpf/xdp 2>/dev/null | grep -c dispatch; }
# As libxdp has pinned the program, or just after it is on the link.
killed()
{
	culvert up lab --subnet 10.20.0.0/24 >/dev/null 2>&1 &
	while [ "$(dispatchers)" = 0 ]; do :; done
	kill -9 $!
	wait $!
	[ $? = 137 ] && up && [ "$(dispatchers)" = 1 ] && mode native && by_xdp 200
}
uplink_gone()
{
	/usr/bin/ip link add v0 type veth peer name v1
	/usr/bin/ip link set v0 up
	cp /etc/culvert/lab.yaml /etc/culvert/other.yaml
	culvert up other --subnet 10.21.0.0/24 --uplink v0 && [ "$(dispatchers)" = 2 ] || return 1
	/usr/bin/ip link del v0
	culvert down other && [ "$(dispatchers)" = 1 ]
}
if [ $MODE = native ]; then
	claim "killed as it attaches, up again converges" killed
	claim "an uplink that goes leaves nothing behind" uplink_gone
	claim "down" down
fi
nothing_left()
{
	find /sys/fs/bpf -mindepth 1 ! -name '*.debug'
	[ -z "$(find /sys/fs/bpf -mindepth 1 ! -name '*.debug')" ] && [ -z "$(runs)" ] &&
	! /usr/bin/ip link show dev $UPLINK | grep xdp
}
claim "nothing is left" nothing_left
unharmed()
{
	[ "$(cat /proc/sys/kernel/tainted)" = "$tainted" ] &&
	! dmesg | grep -E 'WARNING:|BUG:|Oops|Call Trace|refcount_t|csum failure'
}
claim "the kernel took no harm" unharmed
echo "end of claims"
