# SPDX-License-Identifier: GPL-2.0-only
# What the tests of XDP in virtual machines share: the outside, with a TAP as the
# machine's wire, whose offloads QEMU hands on.
. "$(dirname "$0")/../net/lib.sh"
. "$(dirname "$0")/guest.sh"

MODULES=(veth bridge tun sch_ingress cls_bpf)
DISPATCHER=$(ls /usr/lib/*/bpf/xdp-dispatcher.o)

# on_kernel SERIES MTU MODE CLAIMS
on_kernel()
{
	local mtu=$2 mode=$3 device=virtio-net-pci,netdev=n file module args=() out rc word claim
	kernel_there "$1" "XDP on Debian's ${1:-own} kernel" || return
	WHERE="$RELEASE, virtio-net, $mode, MTU $mtu"
	[ "$mode" != off ] || device+=,ctrl_guest_offloads=off
	outside ip link set vtap mtu "$mtu"
	for file in $(with_libraries "${PROGRAMS[@]}") "$DISPATCHER:${DISPATCHER#/}"; do
		args+=(-a "$file")
	done
	for module in "${MODULES[@]}"; do
		args+=(-m "$module")
	done
	out=$("$TOP/tools/vm-run" -k "$1" -t 200 "${args[@]}" -e SERVER=$SERVER -e IPERF=$IPERF \
		-e HTTP=$HTTP -e "SHA=$SHA" -e "MTU=$mtu" -e "MODE=$mode" \
		-x "nsenter --net=/run/netns/$OUTSIDE" "$TOP/tests/guest/xdp.sh" -- -m 512 \
		-netdev tap,id=n,ifname=vtap,script=no,downscript=no -device "$device,host_mtu=$mtu" 2>&1)
	rc=$?
	grep -E '^(not )?ok ' <<<"$out" >"$TMP/claims"
	while read -r word claim; do
		case $word in
		ok) ok "$claim" ;;
		*) not_ok "${claim#ok }" "see below" ;;
		esac
	done <"$TMP/claims"
	is "the virtual machine made all claims" "$rc, $(wc -l <"$TMP/claims") claims" "0, $4 claims" &&
		! grep -q '^not ok' "$TMP/claims" || note "$out"
	WHERE=
}

[ -x "$CULVERT" ] || bail "no $CULVERT: run make"
topology
servers
SHA=$(sha256sum <"$TMP/www/page" | cut -d ' ' -f 1)
cc -o "$TMP/xdp_foreign" "$TOP/tests/guest/xdp_foreign.c" -lxdp -lbpf || bail "no compiler"
outside ip tuntap add dev vtap mode tap vnet_hdr || bail "no TAP"
outside sh -c "ip addr replace 192.0.2.1/24 dev vtap; ip link set vtap up"
PROGRAMS=("$CULVERT" "$BUILD/pump" "$TMP/xdp_foreign" "$(command -v ip)" "$(command -v iperf3)")
