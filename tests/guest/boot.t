#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A real virtual machine on a TAP: Debian's kernel boots in QEMU, gets its
# lease by DHCP over virtio-net and fetches a page from the outside.
. "$(dirname "$0")/../net/lib.sh"

MAC=52:54:00:00:00:77

# boot KERNEL: QEMU runs in the host's namespace, the TAP is in the network's
boot()
{
	local kernel=$1 via=${IN_HOST[*]} args=()
	shift
	if [ "$BACKEND" = culvert ]; then
		via+=" $CULVERT run -n $NET --name vm --"
	else
		args=(-netdev tap,id=n,ifname=vm,script=no,downscript=no
			-device virtio-net-pci,netdev=n,mac=$MAC)
	fi
	"$TOP/tools/vm-run" -k "$kernel" -t 100 -x "$via" -a "$TESTS/dhcp-script:dhcp-script" \
		-e SERVER=$SERVER -e HTTP=$HTTP "$TOP/tests/guest/online.sh" -- \
		${args[@]+"${args[@]}"} >"$TMP/console" 2>&1
}

oracle_vm()
{
	host ip tuntap add dev vm mode tap vnet_hdr
	host ip link set dev vm master br0 up
	GUESTS+=(vm)		# taken down like any guest
	oracle_dhcp
}

scenario()
{
	local series rc console
	[ "$BACKEND" = culvert ] || oracle_vm
	for series in ${KERNELS:-""}; do
		WHERE="$1${series:+, $series}"
		boot "$series"
		rc=$?
		console=$(cat "$TMP/console")
		is "the virtual machine did its work" "$rc" 0 || note "$console"
		has "it got its address by DHCP" "$console" 'address 10\.20\.0\.[0-9]+/24, gateway 10\.20\.0\.1,'
		has "the gateway answered its ping" "$console" 'guest: the gateway answers ping'
		has "the outside answered its ping" "$console" "guest: $SERVER answers ping"
		has "it fetched the page whole" "$console" "sha256 $(sha256sum <"$TMP/www/page" | cut -d ' ' -f 1)"
	done
}

topology
servers
"$TOP/tools/vm-run" -f >"$TMP/fetch" 2>&1 || bail "$(cat "$TMP/fetch")"
on_backends scenario
finish
