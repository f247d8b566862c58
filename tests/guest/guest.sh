# SPDX-License-Identifier: GPL-2.0-only
# What the tests of Debian's kernels share; read after tests/net/lib.sh.

# with_libraries PROGRAM...: "FILE:PATH" for each, in /usr/bin, and all that it links
with_libraries()
{
	local p lib
	for p; do
		ldd "$p" | grep -o '/[^ ]*' | sort -u | while read -r lib; do
			echo "$(realpath "$lib"):${lib#/}"
		done
		echo "$(realpath "$p"):usr/bin/${p##*/}"
	done | sort -u
}

# kernel_there SERIES CLAIM: sets RELEASE, or skips the claim where apt knows no
# such kernel; a kernel that is known but not to be had is a failure
kernel_there()
{
	local out
	out=$("$TOP/tools/vm-run" -k "$1" -f 2>&1) && {
		RELEASE=$(ls "$out/lib/modules")
		return 0
	}
	if grep -q 'known to apt' <<<"$out"; then
		skip "$2" "$out"
	else
		not_ok "$2" "the kernel is not fetched" "$out"
	fi
	return 1
}

# --- the packet tables: every program is loaded there, and does with each packet
# what it does here.  TABLES: which; "all", in half an hour; else those that show most
# in a minute and a half.

TABLES_SHORT="test_verdicts test_flow test_forward test_fragments test_quote test_refuse test_dhcp
test_policy_flows test_whole test_hairpin test_mss test_live"
case ${TABLES:-} in
all) TABLES_SHORT='' ;;
?*) TABLES_SHORT=$TABLES ;;
esac

# Stripped: the virtual machine's memory holds them all.
tables_collect()
{
	local t name
	TABLES_LEFT=()
	mkdir "$TMP/tables"
	for t in "$TOP"/tests/bpf/test_*.c; do
		name=$(basename "$t" .c)
		[ -z "$TABLES_SHORT" ] || grep -qw -- "$name" <<<"$TABLES_SHORT" || {
			TABLES_LEFT+=("$name")
			continue
		}
		[ -x "$BUILD/bpftest/$name" ] || bail "no $BUILD/bpftest/$name: run make tests"
		strip -s -o "$TMP/tables/$name" "$BUILD/bpftest/$name"
	done
}

# table_claim NAME LOG: what one of them printed
table_claim()
{
	local claims failed
	claims=$(grep -cE '^(not )?ok ' "$2")
	failed=$(grep -c '^not ok ' "$2")
	if grep -q '^1\.\.0 # SKIP' "$2"; then
		skip "$1" "$(sed -n 's/^1\.\.0 # SKIP //p' "$2")"
	elif [ "$failed" = 0 ] && grep -qx "1\.\.$claims" "$2" && grep -q '^exit 0 ' "$2"; then
		ok "$1: $claims claims hold"
	else
		not_ok "$1" "$(grep -v '^ok ' "$2")"
	fi
}

# tables_on SERIES: a claim for each
tables_on()
{
	local args=() file name rc
	kernel_there "$1" "the packet tables on Debian's ${1:-own} kernel" || return
	tables_collect
	WHERE=$RELEASE
	for file in $(with_libraries "$TMP"/tables/* "$(command -v ip)" "$(command -v dash)"); do
		args+=(-a "${file/usr\/bin\/test_/tables/test_}")
	done
	for name in veth tun sch_ingress cls_bpf; do
		args+=(-m $name)
	done
	# A clock that counts instructions: what a claim says of time holds on a busy machine.
	"$TOP/tools/vm-run" -k "$1" -t $((${TEST_TIMEOUT:-300} - 20)) "${args[@]}" \
		-a "$TOP/docs/verdicts.md:docs/verdicts.md" \
		-a "$TOP/tests/fuzz/corpus:tests/fuzz/corpus" "$TOP/tests/guest/tables.sh" -- \
		-m 768 -icount shift=0,sleep=off >"$TMP/console" 2>&1
	rc=$?
	for file in "$TMP"/tables/*; do
		name=${file##*/}
		awk -v name="$name" '$1 == "table" { on = $2 == name } on' "$TMP/console" >"$TMP/log"
		if [ -s "$TMP/log" ]; then
			table_claim "$name" "$TMP/log"
		else
			not_ok "$name" "not reached, exit status $rc; the end of the console:" "$(tail -n 3 "$TMP/console")"
		fi
	done
	[ ${#TABLES_LEFT[@]} = 0 ] ||
		skip "${TABLES_LEFT[*]}" "for the time they take here; make check-kernels runs them"
	has "the kernel took no harm" "$(tail -n 20 "$TMP/console")" '^harm 0 0$'
	WHERE=
}
