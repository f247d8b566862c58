# SPDX-License-Identifier: GPL-2.0-only
# What leaves the host's uplink, captured at its far end and judged by tshark.
#
# CAPTURE="BACKEND..." does so in any test, for as long as such a backend is up
# (CAPTURE=culvert tests/run net/road).  The links between host and outside then
# leave no checksum and no segmentation unfinished, so net/offload, which
# switches them on again, is none to judge.

uplink_peer() { if [ -e "/run/netns/$ROUTER" ]; then router "$@"; else outside "$@"; fi; }

# finished_wire: every frame is as on a wire
finished_wire()
{
	host ethtool -K up0 tx off tso off gso off gro off >/dev/null 2>&1
	uplink_peer ethtool -K in0 tx off tso off gso off gro off >/dev/null 2>&1
	host ethtool -k up0 | grep -q '^tx-checksumming: off' || bail "cannot switch the wire's offloads"
}

declare -A CAPTURES=()
LAST_CAPTURED=9		# a port

# capture_start NAME FILTER: what comes from the uplink, into $TMP/NAME.pcap
capture_start()
{
	start "$1" uplink_peer tcpdump -U -ni in0 -Q in -B 131072 --immediate-mode -w "$TMP/$1.pcap" \
		"${2:+($2) or (src host $UPLINK_IP and udp dst port $LAST_CAPTURED)}"
	CAPTURES[$1]=$PID
	await_line 10 "$TMP/$1.log" 'listening on' || bail "no tcpdump"
}

last_captured()
{
	[ "$(tcpdump -nr "$TMP/$1.pcap" "udp dst port $LAST_CAPTURED" 2>/dev/null | wc -l)" != 0 ]
}

# capture_stop NAME: all that came until now is in the file, as with listen_end
capture_stop()
{
	host bash -c "echo >/dev/udp/198.51.100.1/$LAST_CAPTURED" 2>/dev/null
	await 10 last_captured "$1" || bail "tcpdump does not read on"
	stop "${CAPTURES[$1]}" INT
	grep -q '^0 packets dropped by kernel' "$TMP/$1.log" || bail "tcpdump lost frames"
	unset "CAPTURES[$1]"
}

judge() { "$PYTHON" "$TESTS/judge.py" "$@"; }

declare -A RULE_SAYS=(
	[internal]="no internal address came outside"
	[checksum]="no wrong checksum came outside"
	[malformed]="a dissector finds no fault with what came outside"
	[identification]="no two datagrams to a peer that may be fragments had one identification"
	[overlap]="no fragment came outside over another"
)

# judge_claims NAME RULE...
judge_claims()
{
	local rule
	for rule in "${@:2}"; do
		is "${RULE_SAYS[$rule]}" "$(judge "$TMP/$1.pcap" "$rule")" ""
	done
}

# --- of a whole test

capture_backend()
{
	case " ${CAPTURE:-} " in
	*" $BACKEND "*) ;;
	*) return ;;
	esac
	finished_wire
	capture_start uplink ''
}

# The oracle leaves identifications as the guests wrote them.
capture_backend_end()
{
	local WHERE=$BACKEND
	[ -n "${CAPTURES[uplink]:-}" ] || return 0
	capture_stop uplink
	judge_claims uplink internal checksum malformed overlap
	[ "$BACKEND" = oracle ] || judge_claims uplink identification
	[ -z "${CAPTURE_MORE:-}" ] || $CAPTURE_MORE "$TMP/uplink.pcap"
}
