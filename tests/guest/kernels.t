#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# culvert itself on Debian's kernels: loaded, a guest behind a TAP and one
# behind a veth get online, and all goes away again.  6.1 has no tcx and is
# the oldest kernel that culvert claims; 6.12 has both ways to attach.
. "$(dirname "$0")/../net/lib.sh"
. "$(dirname "$0")/guest.sh"

MODULES=(veth bridge tun sch_ingress cls_bpf)

# on_kernel SERIES ATTACH
on_kernel()
{
	local file module args=() out rc word claim
	kernel_there "$1" "the road on Debian's ${1:-own} kernel" || return
	WHERE="$RELEASE, ${2:-attached as it is probed}"
	for file in $(with_libraries "$CULVERT" "$BUILD/pump" "$(command -v ip)" "$(command -v tc)"); do
		args+=(-a "$file")
	done
	for module in "${MODULES[@]}"; do
		args+=(-m "$module")
	done
	out=$("$TOP/tools/vm-run" -k "$1" -t 200 "${args[@]}" -a "$TESTS/dhcp-script:dhcp-script" \
		-e CULVERT_ATTACH="$2" "$TOP/tests/guest/road.sh" -- -m 512 2>&1)
	rc=$?
	grep -E '^(not )?ok ' <<<"$out" >"$TMP/claims"
	while read -r word claim; do
		case $word in
		ok) ok "$claim" ;;
		*) not_ok "${claim#ok }" "see below" ;;
		esac
	done <"$TMP/claims"
	is "the virtual machine made all claims" "$rc, $(wc -l <"$TMP/claims") claims" "0, 14 claims" ||
		note "$out"
	WHERE=
}

topology
[ -x "$CULVERT" ] || bail "no $CULVERT: run make"
on_kernel "" ""
on_kernel 6.12 ""
on_kernel 6.12 clsact
finish
