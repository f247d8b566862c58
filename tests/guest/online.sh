# SPDX-License-Identifier: GPL-2.0-only
# What the virtual machine of the guest test and of `make demo` does: get a
# lease, ping, fetch a page.  SERVER, HTTP and WAIT come from the kernel's command
# line.  A line "guest: …" for each thing done; fails with the first that fails.

fail()
{
	echo "guest: FAILED: $*"
	exit 1
}

export DHCP_LOG=/tmp/dhcp.log
ip link set eth0 up || fail "no network device"
udhcpc -f -q -n -t 10 -T 1 -i eth0 -s /dhcp-script >/tmp/udhcpc.log 2>&1 ||
	{ cat /tmp/udhcpc.log; fail "no lease"; }
set -- $(ip -o -4 addr show dev eth0 | sed 's/.*inet \([^ ]*\).*/\1/')
[ -n "${1:-}" ] || fail "no address"
gateway=$(ip route | sed -n 's/^default via \([^ ]*\).*/\1/p')
echo "guest: Linux $(uname -r), address $1, gateway $gateway, by DHCP"

ping -q -c 2 -W 5 "$gateway" >/tmp/ping.log || fail "the gateway does not answer ping"
echo "guest: the gateway answers ping"
ping -q -c 2 -W 5 "$SERVER" >/tmp/ping.log || fail "$SERVER does not answer ping"
echo "guest: $SERVER answers ping"
# Not wget's own -T: Debian 12's busybox crashes on it.
timeout 20 wget -q -O /tmp/page "http://$SERVER:$HTTP/page" || fail "no page"
echo "guest: fetched http://$SERVER:$HTTP/page, sha256 $(sha256sum </tmp/page | cut -d ' ' -f 1)"

# Its flows and lease can be looked at until the server has a file of this name.
if [ -n "${WAIT:-}" ]; then
	until timeout 20 wget -q -O /tmp/wait "http://$SERVER:$HTTP/$WAIT" 2>/tmp/wget.log; do
		sleep 1
	done
fi
