# SPDX-License-Identifier: GPL-2.0-only
# The main road on another kernel, run as the job of a virtual machine: a
# namespace is the outside, one is a guest behind a TAP, one behind a veth.
# Prints one claim a line; stops at the first that fails.

export PATH=/usr/bin:/bin
[ -n "${CULVERT_ATTACH:-}" ] || unset CULVERT_ATTACH
SERVER=203.0.113.10

claim()		# TEXT COMMAND...
{
	local text=$1
	shift
	"$@" >/tmp/out 2>&1 && { echo "ok $text"; return; }
	echo "not ok $text"
	cat /tmp/out
	dmesg | tail -n 20
	exit 1
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

outside() { nsenter --net=/run/netns/outside "$@"; }
guest()
{
	ns=$1
	shift
	nsenter --net=/run/netns/$ns "$@"
}

# --- the stage
mkdir -p /run/netns /var/lib /sys/fs/bpf /etc
mount -t tmpfs run /run
mount -t bpf bpf /sys/fs/bpf
mkdir /run/cgroup
mount -t cgroup2 cgroup2 /run/cgroup
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
tainted=$(cat /proc/sys/kernel/tainted)
for ns in outside tapguest vethguest; do
	/usr/bin/ip netns add $ns
	guest $ns /usr/bin/ip link set lo up
done
/usr/bin/ip link add up0 type veth peer name in0 netns outside
outside /usr/bin/ip addr add $SERVER/32 dev lo
outside /usr/bin/ip addr add 198.51.100.1/24 dev in0
outside /usr/bin/ip link set in0 up
/usr/bin/ip addr add 198.51.100.2/24 dev up0
/usr/bin/ip link set up0 up
/usr/bin/ip route add default via 198.51.100.1
head -c 3000000 /dev/urandom >/tmp/data

# --- the road
claim "up" culvert up lab --subnet 10.20.0.0/24
claim "a port with a TAP" culvert port add lab t --mac 52:54:00:00:00:01
claim "a port with a veth" culvert port add lab v --mac 52:54:00:00:00:02 --veth vethguest
guest tapguest /usr/bin/ip tuntap add dev eth0 mode tap vnet_hdr
guest tapguest /usr/bin/ip link set eth0 address 52:54:00:00:00:01
pump /run/netns/cv-lab:t /run/netns/tapguest:eth0 >/tmp/pump.log &
pump=$!
await grep ready /tmp/pump.log

# transfer GUEST: as many bytes up as down, undamaged
transfer()
{
	rm -f /tmp/up /tmp/down
	outside nc -l -p 9000 </tmp/data >/tmp/up &
	await sh -c "nsenter --net=/run/netns/outside netstat -ltn | grep -q :9000"
	guest $1 timeout 60 nc $SERVER 9000 </tmp/data >/tmp/down
	wait $!
	cmp /tmp/data /tmp/down && cmp /tmp/data /tmp/up
}

for ns in tapguest vethguest; do
	claim "$ns is given a lease" guest $ns timeout 60 udhcpc -f -q -n -t 20 -T 1 -i eth0 -s /dhcp-script
	claim "$ns reaches the outside" guest $ns ping -q -c 2 -W 5 $SERVER
	claim "$ns transfers 3 MB each way undamaged" transfer $ns
done
claim "guests reach each other" guest tapguest ping -q -c 2 -W 5 \
	$(culvert lease ls lab | sed -n 's/^v  *\([^ ]*\).*/\1/p')

# The host's own sockets; nc tells nobody that it listens.
by_loopback()
{
	/usr/bin/ip link set lo up
	culvert forward add lab 127.0.0.1:8080:v:80 || return 1
	guest vethguest nc -l -p 80 </tmp/data >/tmp/up &
	await sh -c "nsenter --net=/run/netns/vethguest netstat -ltn | grep -q :80"
	timeout 60 nc 127.0.0.1 8080 </tmp/data >/tmp/down
	wait $!
	cmp /tmp/data /tmp/down && cmp /tmp/data /tmp/up
}
claim "the host reaches a guest by a forward on its loopback" by_loopback
kill $pump
wait $pump
claim "down" culvert down lab

# --- what is left, and whether the kernel took harm
nothing_left()
{
	[ ! -e /run/netns/cv-lab ] && [ ! -e /sys/class/net/cv-lab ] &&
	[ -z "$(find /sys/fs/bpf -mindepth 1 ! -name '*.debug')" ] &&
	[ -z "$(/usr/bin/tc qdisc show dev up0 clsact)" ]
}
claim "nothing is left" nothing_left
unharmed()
{
	[ "$(cat /proc/sys/kernel/tainted)" = "$tainted" ] &&
	! dmesg | grep -E 'WARNING:|BUG:|Oops|Call Trace|refcount_t'
}
claim "the kernel took no harm" unharmed
