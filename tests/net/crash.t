#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# `up`, `port add` and `down` killed at a system call that changes the kernel:
# `up` again converges, `down` again leaves nothing.  CRASH_POINTS=all kills
# at every one, else at the first of each kind and some more, spread evenly.
. "$(dirname "$0")/lib.sh"

CALLS=bpf,sendmsg,sendto,mount,umount2,setns,unshare,mkdir,mkdirat,rename,renameat,unlink,unlinkat,ioctl,clone,clone3,fsync,fdatasync,pwrite64
POINTS=${CRASH_POINTS:-}

# calls COMMAND...: "SYSCALL NTH KIND" for each that the command makes; KIND is
# what it does, or in which directory.  A call that the kernel starts again (it
# does so while another one holds its lock) is one.
calls()
{
	culvert_traced -o "$TMP/trace" -e trace=$CALLS -- "$@" >/dev/null 2>&1
	awk '/ERESTART/ || !match($0, /^[a-z0-9]+\(/) { next }
	{
		call = substr($0, 1, RLENGTH - 1)
		kind = "-"
		if (match($0, /nlmsg_type=[A-Z_]+|BPF_[A-Z_]+|TUN[A-Z]+/))
			kind = substr($0, RSTART, RLENGTH)
		else if (match($0, /"\/[^"]*\//))
			kind = substr($0, RSTART, RLENGTH)
		gsub(/ /, "_", kind)
		print call, ++n[call], kind
	}' "$TMP/trace"
}

# culvert_traced STRACE-OPTION... -- COMMAND...
culvert_traced()
{
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	host strace -qq ${options[@]+"${options[@]}"} "$CULVERT" "$@"
}

# sample N: as many lines of the input, evenly, and, unless EVENLY, the first of each kind
EVENLY=${EVENLY:-}
sample()
{
	awk -v want="${POINTS:-$1}" -v evenly="$EVENLY" '
		{ line[NR] = $0; kind[NR] = $1 " " $3 }
		END {
			if (want == "all") want = NR
			for (i = 1; i <= NR; i++)
				if ((++seen[kind[i]] == 1 && !evenly) || int(i * want / NR) != int((i - 1) * want / NR))
					print line[i]
		}'
}

# killed SYSCALL NTH COMMAND...: fails unless it was killed there
killed()
{
	culvert_traced -o /dev/null -e trace="$1" -e inject="$1:signal=KILL:when=$2" -- "${@:3}" \
		>"$TMP/killed.out" 2>&1
	[ $? = 137 ]
}

# What is there when all is well, without what differs from run to run.
state()
{
	{
		host ip -o link
		host ip -o -4 addr
		nsenter "--net=/run/netns/cv-$NET" ip -o -d link
		find "$CULVERT_BPF" "$CULVERT_RUN" ! -type s ! -name '*.pid' ! -name '*lock*'
		culvert port ls "$NET" -o json | jq -c '.ports[]'
	} 2>/dev/null | sed -E 's/ (state|mode) [A-Za-z]+//g; s/<[^>]*>//; s/link\/ether [0-9a-f:]+//;
		s/(designated|bridge)_(root|id|bridge) [^ ]+//g; s/(root_id|[a-z_]*timer) +[^ ]+//g;
		s/(root_path_cost|topology_change[a-z_]*) [^ ]+//g; s/valid_lft.*//; s/link-netns[a-z]* [^ ]+//;
		s/(prog.xdp) .*/\1/' | sort
}

left()
{
	own_files
	ls -d "/run/netns/cv-$NET" 2>/dev/null
	host ip -o link show dev "cv-$NET" 2>/dev/null
	host ip -o link | grep -o '^.*prog.xdp'
	name_processes $(own_culverts)
}
nothing_left() { [ -z "$(left)" ]; }

# crash COMMAND-NAME N FUNCTION: kills at N points, FUNCTION judges each
crash()
{
	local call nth missed=0 bad=0 n=0 why
	while read -r call nth _; do
		n=$((n + 1))
		why=$("$3" "$call" "$nth") && continue
		[ "$why" = missed ] && {
			missed=$((missed + 1))
			[ $missed -gt 3 ] || note "not killed at $call $nth: $(head -n 3 "$TMP/killed.out")"
			continue
		}
		bad=$((bad + 1))
		note "killed at $call $nth: $why"
		# The next point begins on clean ground.
		culvert down --all --force >/dev/null 2>&1
		residue_remove
	done < <(sample "$2" <"$TMP/points")
	is "$1 killed at $n points" "$bad wrong" "0 wrong"
	# A few calls may come at other times than in the run that was recorded.
	check "$1: the kills hit" [ $((missed * 10)) -le $n ]
	[ $n -gt 0 ] || bail "no system calls of $1 were seen"
}

up_point()
{
	local out
	killed "$1" "$2" up "$NET" --subnet $SUBNET || { culvert down "$NET" >/dev/null 2>&1; echo missed; return 1; }
	out=$(culvert up "$NET" --subnet $SUBNET 2>&1) || { echo "up again: $out"; return 1; }
	remember_progs
	out=$(diff "$TMP/state.up" <(state)) || { echo "not converged: $out"; return 1; }
	out=$(culvert down "$NET" 2>&1) || { echo "down: $out"; return 1; }
	await 5 nothing_left || { echo "left: $(left)"; return 1; }
}

port_point()
{
	local out
	killed "$1" "$2" port add "$NET" p --mac 52:54:00:00:00:99 --ip 10.20.0.99 ||
		{ culvert port rm "$NET" p >/dev/null 2>&1; echo missed; return 1; }
	out=$(culvert port rm "$NET" p 2>&1)
	out=$(culvert port add "$NET" p --mac 52:54:00:00:00:99 --ip 10.20.0.99 2>&1) ||
		{ echo "port add again: $out"; return 1; }
	out=$(diff "$TMP/state.port" <(state)) || { echo "not converged: $out"; return 1; }
	out=$(culvert port rm "$NET" p 2>&1) || { echo "port rm: $out"; return 1; }
	out=$(diff "$TMP/state.up" <(state)) || { echo "not gone: $out"; return 1; }
}

down_point()
{
	local out
	out=$(culvert up "$NET" --subnet $SUBNET 2>&1) || { echo "up: $out"; return 1; }
	killed "$1" "$2" down "$NET" || { echo missed; return 1; }
	# When only the farewell was left to do, there is no such network any more.
	out=$(culvert down "$NET" 2>&1)
	await 5 nothing_left || { echo "left after down ($out): $(left)"; return 1; }
}

plain()
{
	calls up "$NET" --subnet $SUBNET >"$TMP/points"
	BACKEND=culvert
	remember_progs
	state >"$TMP/state.up"
	mv "$TMP/points" "$TMP/points.up"

	calls port add "$NET" p --mac 52:54:00:00:00:99 --ip 10.20.0.99 >"$TMP/points"
	state >"$TMP/state.port"
	culvert port rm "$NET" p
	crash "port add" 10 port_point

	calls down "$NET" >"$TMP/points"
	check "nothing is left without a kill" nothing_left
	crash down 10 down_point

	mv "$TMP/points.up" "$TMP/points"
	crash up 25 up_point
}

# crash_xdp.t: what they do to an uplink with XDP.  All other calls are those above.
with_xdp()
{
	mkdir -p "$CULVERT_CONF"
	echo "xdp: on" >"$CULVERT_CONF/$NET.yaml"
	calls up "$NET" --subnet $SUBNET >"$TMP/points.up"
	BACKEND=culvert
	remember_progs
	state >"$TMP/state.up"
	has "XDP is on" "$(cat "$TMP/state.up")" 'prog.xdp$'
	calls down "$NET" >"$TMP/points"
	check "nothing is left without a kill, with XDP" nothing_left
	crash "down with XDP" 10 down_point
	mv "$TMP/points.up" "$TMP/points"
	crash "up with XDP" 12 up_point
}

topology
case " ${TEST_BACKENDS:-culvert} " in
*' culvert '*)
	[ -x "$CULVERT" ] || bail "no $CULVERT: run make"
	${CRASH:-plain}
	;;
esac
finish
