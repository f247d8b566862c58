#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What `monitor` tells of flows, refusals and leases; that it tells no destination
# unless asked, nothing of what was before it, and how much it could not tell;
# and that nothing of it is left, however it ends.
. "$(dirname "$0")/lib.sh"

LOG=$TMP/monitor.log

# asked: what the programs are told that somebody wants to know
asked()
{
	bpftool -j map lookup pinned "$CULVERT_BPF/map/monitor" key 0 0 0 0 | jq '.formatted.value.what'
}
looks_on() { [ "$(asked)" != 0 ]; }

# monitor [ARGUMENT...]: in the background; sets MONITOR
monitor()
{
	start monitor culvert monitor "$@"
	MONITOR=$PID
	await 10 looks_on || bail "the monitor does not begin: $(cat "$LOG")"
}

# told PATTERN CLAIM: some line matches, soon
told()
{
	check "$2" await_line 10 "$LOG" "$1"
}

# event FILTER: the last event that matches, soon; a jq filter
event()
{
	await 10 event_is_there "$1"
	jq -c "select($1)" "$LOG" | tail -n 1
}
event_is_there() { [ -n "$(jq -c "select($1)" "$LOG")" ]; }

# of JSON FILTER: raw
of() { jq -r "$2" <<<"$1"; }

# ends_well CLAIM: the monitor that was told to end has
ends_well()
{
	await 10 gone kill -0 "$MONITOR"
	wait "$MONITOR"
	is "$1: exit status 0" $? 0
}

refusals_of_the_command()
{
	local out
	out=$(culvert monitor 2>&1)
	is "without a network it fails" $? 1
	has "and says why" "$out" 'no network is up'
}

flows()
{
	local e seen listed
	monitor -o json
	seen=$(guest_peer b who udp $SERVER $PORT)
	e=$(event '.event == "new" and .proto == "udp"')
	is "a new flow names network, guest and who began" \
		"$(of "$e" '"\(.network) \(.guest) \(.from)"')" "$NET b guest"
	is "it has the address and port that the server sees" "$(of "$e" .external)" "${seen/ /:}"
	has "the guest's own" "$(of "$e" .local)" '^10\.20\.0\.11:[0-9]+$'
	has "and the time" "$(of "$e" .time)" '^2[0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\.[0-9]{3}Z$'
	is "as the clock has it, within a minute" "$(of "$e" \
		'(now - (.time | sub("\\.[0-9]+Z"; "Z") | fromdate)) | . > -2 and . < 60')" true
	is "and no peer" "$(of "$e" .peer)" null

	check "a guest transfers by TCP" guest_peer a bulk $SERVER $PORT 100000
	e=$(event '.event == "new" and .proto == "tcp" and .guest == "a"')
	is "TCP is told as well" "$(of "$e" .proto)" tcp
	listed=$(culvert flow ls "$NET" --guest b --proto udp -o json | jq -c '.flows[0] |
		[.local, .external, .packets_out, .bytes_out, .packets_in, .bytes_in]')
	culvert flow flush "$NET" --guest b >"$TMP/flush"
	e=$(event '.event == "end" and .guest == "b"')
	is "its end has the figures of flow ls" \
		"$(of "$e" '[.local, .external, .packets_out, .bytes_out, .packets_in, .bytes_in] | tojson')" "$listed"
	is "and says that it was flushed" "$(of "$e" .reason)" flushed
	is "how long it was used" "$(of "$e" '.duration_s < 60')" true

	check "the host pings a guest" host ping -q -c 1 -W 5 10.20.0.10
	e=$(event '.event == "new" and .from == "host"')
	is "a flow of the host has no address outside" "$(of "$e" '"\(.guest) \(.proto) \(.external)"')" \
		"a icmp null"
	culvert forward add "$NET" "$UPLINK_IP:8080:b:80" || not_ok "a port is forwarded"
	outside bash -c "echo >/dev/tcp/$UPLINK_IP/8080" 2>/dev/null
	e=$(event '.event == "new" and .from == "outside"')
	is "a forward's flow is begun by the outside" "$(of "$e" '"\(.guest) \(.local) \(.external)"')" \
		"b 10.20.0.11:80 $UPLINK_IP:8080"
}

refused()
{
	local e seen port
	guest a bash -c "echo >/dev/tcp/$GATEWAY/22" 2>/dev/null
	e=$(event '.event == "refused" and .guest == "a"')
	is "a refusal says why" "$(of "$e" '"\(.proto) \(.from) \(.reason)"')" "tcp guest host-closed"
	is "and tells no peer" "$(of "$e" .peer)" null
	seen=$(guest_peer a who udp $SERVER $PORT)
	port=${seen#* }
	outside bash -c "echo >/dev/udp/$UPLINK_IP/$port"
	e=$(event '.event == "refused" and .from == "outside"')
	is "one from outside names the guest and the port outside" \
		"$(of "$e" '"\(.guest) \(.external) \(.reason)"')" "a $UPLINK_IP:$port filtered"
	is "whom the guests talk to was never told" "$(grep -cF "$SERVER" "$LOG")" 0
	is "nor from where the outside knocked" "$(grep -cF 198.51.100.1: "$LOG")" 0
}

states() { jq -r 'select(.event == "lease" and .guest == "c") | .state' "$LOG" | uniq | xargs; }
states_are() { [ "$(states)" = "$1" ]; }

leases()
{
	local client e
	export DHCP_LOG=$TMP/dhcp.log
	: >"$DHCP_LOG"
	start udhcpc guest c busybox udhcpc -f -i eth0 -t 20 -T 1 -s "$TESTS/dhcp-script"
	client=$PID
	await_line 25 "$DHCP_LOG" '^bound'
	check "the daemon's offer and lease are told" await 10 states_are "offered bound"
	e=$(event '.event == "lease" and .state == "bound"')
	is "with the address and its time" "$(of "$e" '"\(.address) \(.lease_s)"')" \
		"$(culvert lease ls "$NET" -o json | jq -r '.leases[] | select(.guest == "c") | .address') 43200"
	kill -USR1 "$client"
	check "a renewal by the kernel is told" await 10 states_are "offered bound renewed"
	kill -USR2 "$client"
	check "a release is told" await 10 states_are "offered bound renewed released"
	stop "$client"
}

one_at_a_time()
{
	local out
	out=$(culvert monitor 2>&1)
	is "a second monitor fails" $? 1
	is "and names the first" "$(grep -c "process $MONITOR\$" <<<"$out")" 1
	is "all of it is JSON, an object for each line" "$(jq -c . "$LOG" | wc -l)" "$(wc -l <"$LOG")"
	kill -TERM "$MONITOR"
	ends_well "SIGTERM ends it"
	is "nobody looks on any more" "$(asked)" 0
	is "its lock is gone" "$(ls "$CULVERT_RUN/monitor.lock" 2>/dev/null)" ""
}

narrowed()
{
	local before
	monitor "$NET" --refusals --destinations
	guest_peer b who udp $SERVER $PORT >/dev/null
	guest d bash -c "echo >/dev/tcp/$GATEWAY/22" 2>/dev/null
	guest a bash -c "echo >/dev/tcp/$GATEWAY/23" 2>/dev/null
	told " refused $NET a proto=tcp local=10\.20\.0\.10:[0-9]+ peer=$GATEWAY:23 from=guest reason=host-closed$" \
		"text tells a refusal, and its peer when asked"
	is "of no other kind" "$(grep -c ' \(new\|end\|lease\) ' "$LOG")" 0
	is "of no other network" "$(grep -c " ${NET}x " "$LOG")" 0
	kill -INT "$MONITOR"
	ends_well "SIGINT ends it"

	monitor --flows --destinations
	guest_peer b who udp $SERVER $PORT >/dev/null
	told " new $NET b proto=udp local=10\.20\.0\.11:[0-9]+ external=$UPLINK_IP:[0-9]+ peer=$SERVER:$PORT from=guest$" \
		"a flow's peer is told when asked"
	kill -KILL "$MONITOR"
	wait "$MONITOR" 2>/dev/null
	guest_peer a who udp $SERVER $PORT >/dev/null	# into the ring
	before=$(culvert flow ls "$NET" --guest a -o json | jq -r '.flows | length')
	monitor --flows
	guest_peer b who udp $SERVER $PORT >/dev/null
	told " new $NET b " "after one was killed another begins"
	is "it tells nothing of what was before" "$before $(grep -c " $NET a " "$LOG")" \
		"$before 0"
	is "nor what only the other was asked" "$(grep -c 'peer=' "$LOG")" 0
	kill -TERM "$MONITOR"
	ends_well "and ends"
}

# stalled: a monitor whose reader reads nothing until $TMP/read is there
stalled()
{
	rm -f "$TMP/fifo" "$TMP/read"
	mkfifo "$TMP/fifo"
	start reader bash -c "exec 3<'$TMP/fifo'
		until [ -e '$TMP/read' ]; do sleep 0.05; done; exec cat <&3"
	READER=$PID
	start monitor bash -c 'exec "${@:2}" >"$1"' - "$TMP/fifo" \
		"${IN_HOST[@]}" "$CULVERT" monitor --flows -o json
	MONITOR=$PID
	await 10 looks_on
}

# Of flows, as the totals of the host count them.
happened()
{
	culvert stats "$NET" -o json | jq '[.totals[] | select(.counter == "new_flows" or
		.counter == "expired_flows" or .counter == "flushed_flows") | .count] | add'
}

# many N: flows that are there at the same time, and then end
many()
{
	rm -f "$TMP/close"
	start fill guest_peer b fill $SERVER $PORT "$1" "$TMP/close"
	await 60 test -s "$TMP/fill.log"
	touch "$TMP/close"
	await 10 gone kill -0 "$PID"
	culvert flow flush "$NET" >/dev/null
}

overrun()
{
	local before told lost
	culvert flow flush "$NET" >/dev/null
	culvert flow flush "${NET}x" >/dev/null
	stalled
	before=$(happened)
	many 3000
	touch "$TMP/read"
	check "what found no room is told when there is some" await_line 20 "$TMP/reader.log" '"lost"'
	kill -TERM "$MONITOR"
	ends_well "SIGTERM ends it"
	await 10 gone kill -0 "$READER"
	told=$(jq -s '[.[] | select(.event == "new" or .event == "end")] | length' "$TMP/reader.log")
	lost=$(jq -s '[.[] | select(.event == "lost") | .count] | add' "$TMP/reader.log")
	has "some was" "$told $lost" '^[1-9][0-9]* [1-9]'
	is "what was told and what was lost is all that happened" $((told + lost)) \
		$(($(happened) - before))
	is "no time is missing: the monitor waited, and was there" \
		"$(jq -s '[.[] | select(.event == "lost") | .gap_s] | add' "$TMP/reader.log")" 0

	stalled
	many 3000
	kill -TERM "$MONITOR"
	ends_well "SIGTERM ends one that nobody reads"
	stop "$READER"
}

ends()
{
	start pipe bash -c '"$@" | head -n 1; echo "status ${PIPESTATUS[0]}"' - \
		"${IN_HOST[@]}" "$CULVERT" monitor --flows
	await 10 looks_on
	guest_peer b who udp $SERVER $PORT >/dev/null
	check "when its reader is gone it ends" await_line 10 "$TMP/pipe.log" '^status 0$'

	monitor "${NET}x"
	guest_rm d
	check "a network goes down under it" culvert down "${NET}x"
	NETS=("$NET")
	ends_well "and it ends"
}

# Of the last network nothing is left, also when a monitor was killed, or is there.
last()
{
	local g
	monitor
	kill -KILL "$MONITOR"
	wait "$MONITOR" 2>/dev/null
	for g in a b c; do
		guest_rm $g
	done
	remember_progs
	check "the last network goes down after one was killed" culvert down "$NET"
	is "and leaves no file" "$(ls "$CULVERT_RUN" 2>/dev/null)" ""
	network_up "$NET"
	monitor
	remember_progs
	check "it goes down under another" culvert down "$NET"
	NETS=()
	ends_well "which ends with it"
	is "and leaves no file either" "$(ls "$CULVERT_RUN" 2>/dev/null)" ""
}

ulimit -n 8192
topology
refusals_of_the_command
servers
backend culvert
network_up "${NET}x"
guest_tap a 10.20.0.10
guest_veth b 10.20.0.11
guest_tap c
guest_veth d 10.20.0.10 "${NET}x"
refute "a network that is not there fails" culvert monitor no-such-network
flows
refused
leases
one_at_a_time
narrowed
overrun
ends
last
finish
