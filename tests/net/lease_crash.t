#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Two hundred clients ask for leases while the daemon is killed, or its disk
# fails, at the system calls of the path from request to reply: what was
# acknowledged is on disk, no address is given twice, service resumes.
#
#	LEASE_POINTS=all	at every call; else at the first of each kind and at some
#				more, by LEASE_SEED (lease_points.py)
#	LEASE_KILLS=1000	kills at random moments under load (50)
#	LEASE_FROM="EIO once:164"	and only these, from that one on
#	LEASE_CLIENTS=200
#	LEASE_PARTS=...		of "killed failed starting kills full", all
. "$(dirname "$0")/lib.sh"
# Whatever ends the test, its small disk does not stay.
trap 'umount "$CULVERT_STATE" 2>/dev/null; rescue' EXIT

N=${LEASE_CLIENTS:-200}
DB=$CULVERT_STATE/leases.db
ALL="acknowledged $N of $N, refused or changed 0, given twice 0"
GOOD="of some acknowledged 0 lost, 0 given twice, database ok"

farm() { guest farm "$PYTHON" "$TESTS/farm.py" "$1" c "$N" "$TMP/acks" "${2:-20}"; }
checked() { "$PYTHON" "$TESTS/farm.py" check "$DB" "$TMP/acks"; }

part() { case " ${LEASE_PARTS:-$1} " in *" $1 "*) ;; *) return 1 ;; esac; }

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

# --- points

failing() { grep -qs "^failing" "$CULVERT_RUN/serve.leases"; }
well() { ! failing; }

# points WHAT CLAIM: see lease_points.py
points()
{
	daemon_kill
	BUILD=$BUILD guest farm "$PYTHON" -Bu "$TESTS/lease_points.py" "$1" c "$N" "$HOST" 2>&1 |
		tee "$TMP/points.log" | grep --line-buffered '^#'
	[[ $(tail -n 1 "$TMP/points.log") =~ ^([0-9]+)\ points\ hit,\ ([0-9]+)\ not\ reached,\ ([0-9]+)\ wrong$ ]] ||
		{ not_ok "$2" "$(cat "$TMP/points.log")"; return; }
	is "$2, at ${BASH_REMATCH[1]} points: nothing is lost or given twice, service resumes" \
		"${BASH_REMATCH[3]} wrong" "0 wrong"
	# A few calls are a timer's, and not made in each run.
	check "$2: they were hit" [ $((BASH_REMATCH[2] * 10)) -le "${BASH_REMATCH[1]}" ]
}

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
	clients_end
}

kills()
{
	points random "killed at random moments under load"
	rm -f "$TMP/acks"
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
	head -c 4000000 /dev/zero >"$CULVERT_STATE/filler" 2>/dev/null
	guest farm "$PYTHON" "$TESTS/farm.py" release d 1 "$TMP/acks.late" 3 >/dev/null
	await 10 failing
	daemon_kill
	rm "$CULVERT_STATE/filler"
	daemon_start
	refute "what a killed daemon has met its successor does not tell" failing
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
	! part killed || points killed "killed"
	! part failed || points failed "a full or failing disk"
	! part starting || points starting "killed when it starts"
	! part kills || kills
	! part full || full_disk
	daemon_kill
	check "up starts a daemon as before" culvert up "$NET" --subnet $SUBNET
	;;
esac
finish
