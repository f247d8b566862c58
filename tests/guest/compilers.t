#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The programs as other compilers make them are loaded by this kernel and by
# Debian's.  What they then do with packets: make check-kernels.
. "$(dirname "$0")/../net/lib.sh"
. "$(dirname "$0")/guest.sh"

COMPILERS="clang-14 clang-16 clang-19"
OBJECTS=()

for c in $COMPILERS; do
	if ! command -v $c >/dev/null; then
		skip "$c makes the programs" "there is none: tools/deps compilers"
		continue
	fi
	out=$(make -s -C "$TOP" BUILD="$TMP/$c" CLANG=$c "$TMP/$c/culvert.bpf.o" 2>&1) || {
		not_ok "$c makes the programs" "$out"
		continue
	}
	ok "$c makes the programs"
	cp "$TMP/$c/culvert.bpf.o" "$TMP/$c.o"
	OBJECTS+=("$c")
	out=$("$TOP/tools/verifier-stats" "$TMP/$c.o" 2>&1)
	is "this kernel loads those of $c" "$? $([ $? = 0 ] || echo "$out")" "0 "
done

# In the virtual machine; when one is refused, bpftool prints why.
cat >"$TMP/load.sh" <<'SH'
export PATH=/usr/bin:/bin
mount -t bpf bpf /sys/fs/bpf
for object in /*.o; do
	bpftool prog loadall $object /sys/fs/bpf/programs
	echo "loaded $object $?"
	rm -rf /sys/fs/bpf/programs
done
SH

loads_on()
{
	local args=() file c
	kernel_there "$1" "Debian's ${1:-own} kernel loads them" || return
	for file in $(with_libraries "$BPFTOOL"); do
		args+=(-a "$file")
	done
	for c in "${OBJECTS[@]}"; do
		args+=(-a "$TMP/$c.o:$c.o")
	done
	"$TOP/tools/vm-run" -k "$1" -t 200 "${args[@]}" "$TMP/load.sh" -- -m 768 >"$TMP/console" 2>&1
	for c in "${OBJECTS[@]}"; do
		has "$RELEASE loads those of $c" "$(cat "$TMP/console")" "^loaded /$c.o 0\$"
	done
}

BPFTOOL=$(PATH=$PATH:/usr/sbin command -v bpftool)
topology
[ ${#OBJECTS[@]} = 0 ] || { loads_on ""; loads_on 6.12; }
finish
