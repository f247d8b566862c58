#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Two hundred clients ask for leases while the daemon is killed, or its disk
# fails, at the system calls of the path from request to reply: what was
# acknowledged is on disk, no address is given twice, service resumes.
#
#	LEASE_POINTS=all	at every call; else at the first of each kind and some more
#	LEASE_KILLS=1000	kills at random moments under load (50)
#	LEASE_CLIENTS=200
. "$(dirname "$0")/lib.sh"
# Whatever ends the test, its small disk does not stay.
trap 'umount "$CULVERT_STATE" 2>/dev/null; rescue' EXIT

N=${LEASE_CLIENTS:-200}
KILLS=${LEASE_KILLS:-50}
POINTS=${LEASE_POINTS:-}
DB=$CULVERT_STATE/leases.db
ALL="acknowledged $N of $N, refused or changed 0, given twice 0"
GOOD="of some acknowledged 0 lost, 0 given twice, database ok"
NOTHING="of none acknowledged 0 lost, 0 given twice, database ok"

farm() { guest farm "$PYTHON" "$TESTS/farm.py" "$1" c "$N" "$TMP/acks" "${2:-20}"; }
checked() { "$PYTHON" "$TESTS/farm.py" check "${1:-$DB}" "${2:-$TMP/acks}"; }
is_good() { case $1 in "$GOOD" | "$NOTHING") ;; *) return 1 ;; esac; }

# --- the daemon

# Its number lies in a file, as points are run in shells of their own.
daemon_pid() { cat "$TMP/daemon.pid"; }
daemon_alive() { [ "$(readlink "/proc/$(daemon_pid)/exe")" = "$CULVERT" ]; }
# It serves when it has opened its maps.
daemon_serves() { grep -q 'serving the maps' "$TMP/serve.log"; }
daemon_start()
{
	start serve host "$CULVERT" serve
	disown "$PID"	# that it is killed is no news
	echo "$PID" >"$TMP/daemon.pid"
	await 15 daemon_serves || { echo "the daemon does not start: $(cat "$TMP/serve.log")"; return 1; }
}
daemon_kill()
{
	kill -9 "$(daemon_pid)" 2>/dev/null
	await 5 gone daemon_alive
}

# trace LOG STRACE-OPTION...: attach to the daemon; sets TRACER
trace()
{
	start tracer strace -f -p "$(daemon_pid)" -o "$@"
	TRACER=$PID
	disown "$PID"
	await_line 10 "$TMP/tracer.log" attached
}
trace_end()
{
	kill -INT "$TRACER" 2>/dev/null
	await 5 gone kill -0 "$TRACER"
}

clients_start()
{
	: >"$TMP/acks"
	start clients farm bind "${1:-20}"
	CLIENTS=$PID
	disown "$PID"
}
clients_wait() { await 40 gone kill -0 "$CLIENTS"; cat "$TMP/clients.log"; }
clients_end() { farm release >/dev/null; rm -f "$TMP/acks"; }

# --- points: "SYSCALL NTH KIND", as in crash.t

points()
{
	sed -E 's/^[0-9]+ +//' "$1" | awk '
		/ERESTART|^---|^\+\+\+|<unfinished|resumed>|^epoll_wait/ || !match($0, /^[a-z0-9_]+\(/) { next }
		{
			call = substr($0, 1, RLENGTH - 1)
			kind = "-"
			if (match($0, /leases\.db[-a-z]*|BPF_[A-Z_]+/))
				kind = substr($0, RSTART, RLENGTH)
			print call, ++n[call], kind
		}'
}

# sample N: as many lines, evenly, and the first of each kind
sample()
{
	awk -v want="${POINTS:-$1}" '
		{ line[NR] = $0; kind[NR] = $1 " " $3 }
		END {
			if (want == "all") want = NR
			for (i = 1; i <= NR; i++)
				if (++seen[kind[i]] == 1 || int(i * want / NR) != int((i - 1) * want / NR))
					print line[i]
		}'
}

# every_point WHAT FILE FUNCTION
every_point()
{
	local call nth kind why n=0 bad=0 missed=0
	while read -r call nth kind <&3; do
		n=$((n + 1))
		why=$("$3" "$call" "$nth" 2>&1) && continue
		if [ "$why" = missed ]; then
			missed=$((missed + 1))
		else
			bad=$((bad + 1))
			note "$1 at $call $nth ($kind): $why"
		fi
		[ $bad -lt 5 ] || break
		daemon_kill
		daemon_start || break
	done 3<"$2"
	is "$1 at $n points: nothing is lost or given twice, service resumes" "$bad wrong" "0 wrong"
	# Requests gather differently from run to run, so a few calls are not made.
	check "$1: they were hit" [ $((missed * 2)) -le $n ]
}

# after_all: all clients have what they were given, on disk and in the kernel
after_all()
{
	local out
	out=$(clients_wait)
	[ "$out" = "$ALL" ] || { echo "clients: $out"; return 1; }
	out=$(checked)
	[ "$out" = "$GOOD" ] || { echo "afterwards: $out"; return 1; }
	out=$(farm reboot)
	[ "$out" = "$ALL" ] || { echo "asked again: $out"; return 1; }
	clients_end
}

# What was acknowledged when the daemon died or failed is in what it has left.
snapshot_good()
{
	local out f
	cp "$TMP/acks" "$TMP/acks.then"
	rm -rf "$TMP/copy"
	mkdir "$TMP/copy"
	for f in "$DB" "$DB-wal"; do
		[ ! -e "$f" ] || cp "$f" "$TMP/copy/"
	done
	# Without the index that the dead one has left: it is made anew from the log.
	out=$(checked "$TMP/copy/leases.db" "$TMP/acks.then" 2>&1)
	is_good "$out" || { echo "at that moment: $out"; return 1; }
}

dead_or_done() { ! daemon_alive || ! kill -0 "$CLIENTS" 2>/dev/null; }

killed_serving()
{
	trace /dev/null -e trace="$1" -e inject="$1:signal=KILL:when=$2" || return 1
	clients_start
	await 25 dead_or_done
	if daemon_alive; then
		trace_end
		clients_wait >/dev/null
		clients_end
		echo missed
		return 1
	fi
	trace_end
	snapshot_good && daemon_start && after_all
}

killed_starting()
{
	local out
	daemon_kill
	host strace -f -o /dev/null -e trace="$1" -e inject="$1:signal=KILL:when=$2" \
		timeout 1 "$CULVERT" serve >"$TMP/killed.out" 2>&1
	[ $? = 137 ] || { daemon_start; echo missed; return 1; }
	out=$(checked)
	is_good "$out" || { echo "at that moment: $out"; return 1; }
	daemon_start || return 1
	out=$(farm reboot)
	[ "$out" = "$ALL" ] || { echo "asked again: $out"; return 1; }
}

failing() { grep -qs "^failing" "$CULVERT_RUN/serve.leases"; }
failing_or_done() { failing || ! kill -0 "$CLIENTS" 2>/dev/null; }
well() { ! failing; }

failed_serving()
{
	local error=${ERROR:-ENOSPC}
	await 10 well
	trace /dev/null -e trace="$1" -e inject="$1:error=$error:when=$2+" || return 1
	clients_start 30
	await 20 failing_or_done
	if ! failing; then
		trace_end
		clients_wait >/dev/null
		clients_end
		echo missed
		return 1
	fi
	snapshot_good || { trace_end; return 1; }
	trace_end
	after_all || return 1
	daemon_alive || { echo "the daemon has died"; return 1; }
}
failed_with_eio() { ERROR=EIO failed_serving "$@"; }

# --- the claims

# In the order of the calls: what is written to the log is synced before a reply leaves.
synced_before_reply()
{
	sed -E 's/^[0-9]+ +//' "$1" | awk '
		/^pwrite64\(.*leases\.db-wal/ { dirty = 1 }
		/^fdatasync\(.*leases\.db-wal/ { dirty = 0; syncs++ }
		/^sendto\(/ { sent++; early += dirty }
		END { print (sent > 0 && syncs > 0) ? "replies" : "no replies", early + 0, "of them early" }'
}

serving()
{
	trace "$TMP/trace" -y
	clients_start
	is "$N clients are given leases" "$(clients_wait)" "$ALL"
	trace_end
	is "what they were given is on disk" "$(checked)" "$GOOD"
	is "each reply comes after the sync of what it promises" "$(synced_before_reply "$TMP/trace")" \
		"replies 0 of them early"
	check "one sync serves many" [ "$(grep -c 'fdatasync.*leases.db-wal' "$TMP/trace")" -lt $((N / 2)) ]
	is "sqlite3 reads them while the daemon runs" "$(sqlite3 "$DB" \
		"SELECT count(*) FROM lease WHERE state = 'bound' AND network = '$NET'")" "$N"
	points "$TMP/trace" >"$TMP/points"
	clients_end
	sample 5 <"$TMP/points" >"$TMP/points.kill"
	grep -E '^(pwrite64|fdatasync|ftruncate) ' "$TMP/points" | sample 2 >"$TMP/points.fail"
	every_point "killed" "$TMP/points.kill" killed_serving
	every_point "a full disk" "$TMP/points.fail" failed_serving
	every_point "a failing disk" "$TMP/points.fail" failed_with_eio
}

starting()
{
	clients_start
	clients_wait >/dev/null
	daemon_kill
	host strace -f -y -o "$TMP/trace" timeout 3 "$CULVERT" serve >/dev/null 2>&1
	points "$TMP/trace" | grep -E 'leases\.db|BPF_' | sample 2 >"$TMP/points.start"
	daemon_start
	every_point "killed when it starts" "$TMP/points.start" killed_starting
	clients_end
}

random_kills()
{
	local i out bad=0
	rm -f "$TMP/acks"
	start_ready churn farm churn 3600
	CHURN=$PID
	for ((i = 0; i < KILLS && bad < 5; i++)); do
		sleep "0.$((RANDOM % 30 + 5))"	# the moment is to be a random one
		daemon_kill
		cp "$TMP/acks" "$TMP/acks.then"
		out=$(checked "$DB" "$TMP/acks.then")
		is_good "$out" || { bad=$((bad + 1)); note "kill $i: $out"; }
		daemon_start || bad=$((bad + 1))
	done
	stop "$CHURN"
	is "killed at $i random moments under load: nothing is lost or given twice" "$bad wrong" "0 wrong"
	has "no client was refused what it had" "$(cat "$TMP/churn.log")" 'refused or changed 0, given twice 0'
	is "who has none is given a lease again" "$(farm bind)" "$ALL"
	clients_end
}

# A disk that is really full, with clients that are known.
full_disk()
{
	daemon_kill
	mount -t tmpfs -o size=3m none "$CULVERT_STATE" || bail "cannot mount a small disk"
	daemon_start
	clients_start
	clients_wait >/dev/null
	head -c 4000000 /dev/zero >"$CULVERT_STATE/filler" 2>/dev/null
	culvert port add "$NET" late --veth "cvt-$ID-farm" --ifname d0
	guest farm ip link set d0 up
	guest farm "$PYTHON" "$TESTS/farm.py" bind d 1 "$TMP/acks.late" 3 >"$TMP/late"
	is "a new client gets nothing that is not durable" "$(cut -d, -f1 "$TMP/late")" "acknowledged 0 of 1"
	is "known clients renew" "$(farm renew)" "$ALL"
	is "and are confirmed after their reboot" "$(farm reboot)" "$ALL"
	check "the daemon says so" await 10 failing
	has "doctor tells of it" "$(culvert doctor "$NET")" '^FAIL +lease store .*(full|no space)'
	rm "$CULVERT_STATE/filler"
	guest farm "$PYTHON" "$TESTS/farm.py" bind d 1 "$TMP/acks.late" 10 >"$TMP/late"
	is "with room again it is given a lease" "$(cut -d, -f1 "$TMP/late")" "acknowledged 1 of 1"
	check "by the same daemon" daemon_alive
	check "which is well" await 10 well
	daemon_kill
	await 5 umount "$CULVERT_STATE"	# a dead one closes its files last
}

topology
case " ${TEST_BACKENDS:-culvert} " in
*' culvert '*)
	new_netns "cvt-$ID-farm"
	backend culvert
	GUESTS+=(farm)
	for ((i = 0; i < N; i++)); do
		culvert port add "$NET" "c$i" --veth "cvt-$ID-farm" --ifname "c$i" || bail "no port"
		guest farm ip link set "c$i" up
	done
	own_culverts >"$TMP/daemon.pid"
	daemon_alive || bail "no daemon"
	serving
	starting
	random_kills
	full_disk
	check "up starts a daemon as before" culvert up "$NET" --subnet $SUBNET
	;;
esac
finish
