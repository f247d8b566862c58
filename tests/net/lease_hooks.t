#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A program that is told what becomes of leases: each event with its words, in
# order, as somebody who may do nothing; and it never keeps a guest waiting.
. "$(dirname "$0")/lib.sh"

HOOK=$TMP/hook
TOLD=$TMP/told		# what the hook writes down
CLIENT=$TESTS/dhcp_client.py
client() { guest "$1" "$PYTHON" "$CLIENT" eth0 "${@:2}"; }
quietly() { WAIT=0.2 client "$@" >/dev/null; }
address() { culvert lease ls "$NET" -o json | jq -r --arg g "$1" '.leases[] | select(.guest == $g) | .address'; }
told() { cut -d' ' -f1-4 "$TOLD/log"; }
told_n() { [ "$(grep -cE -- "$1" "$TOLD/log")" -ge "$2" ]; }
daemon_pid() { own_culverts; }
children() { ps -o pid= --ppid "$(daemon_pid)"; }
answered() { culvert stats "$NET" -o json | jq '.totals[] | select(.counter == "dhcp_answered") | .count'; }
finding() { culvert doctor "$NET" -o json | jq -r '.findings[] | select(.subject == "hook '"$NET"'") | "\(.state) \(.finding)"'; }
found() { finding | grep -qE -- "$1"; }

# hook LINES: what it does besides
hook()
{
	cat >"$HOOK.new" <<-SCRIPT
		#!/bin/sh
		$1
		echo "\$CULVERT_EVENT \$CULVERT_GUEST \$CULVERT_ADDRESS \$CULVERT_HOSTNAME" >>$TOLD/log
	SCRIPT
	chmod 755 "$HOOK.new"
	mv "$HOOK.new" "$HOOK"
}

configure()
{
	cat >"$TMP/hooks.yaml" <<-YAML
		subnet: $SUBNET
		dhcp:
		  lease: ${2:-1h}
		  dns: none
		  hook: $1
		guests:
		  - { name: fixed, ip: .50, mac: "52:54:00:00:00:03" }	# the third that the test makes
	YAML
	culvert up "$NET" -f "$TMP/hooks.yaml"
}

refused()
{
	local out
	out=$(configure "$TMP/none" 2>&1)
	is "a hook that is not there is refused with its line" "$out" \
		"culvert: error: $TMP/hooks.yaml:5: dhcp.hook: '$TMP/none': No such file or directory"
	out=$(configure hook 2>&1)
	has "so is one without path" "$out" "hooks.yaml:5: dhcp.hook: 'hook' is no absolute path"
}

# What the program is, and what it has.
surroundings()
{
	local ends now
	hook "exec >$TOLD/first 2>&1
		id -un; id -G; pwd; ls /proc/\$\$/fd; grep -E 'SigBlk|SigIgn|NoNewPrivs' /proc/self/status
		echo \"\$*\"; env"
	check "the network has a hook" configure "$HOOK"
	guest_veth a
	check "a guest is given a lease" client a lease opt=12:6e616d65 opt=61:01aabb
	check "the hook is told" await 10 told_n '^add a ' 1
	has "as nobody" "$(sed -n 1p "$TOLD/first")" '^nobody$'
	is "of nobody's groups" "$(sed -n 2p "$TOLD/first")" "$(id -G nobody)"
	is "in /" "$(sed -n 3p "$TOLD/first")" /
	# 10 is the script.
	is "with no descriptor of the daemon's" "$(sed -n '4,/SigBlk/p' "$TOLD/first" | grep -vE 'Sig|^(0|1|2|10)$')" ""
	has "no signal is held back" "$(cat "$TOLD/first")" 'SigBlk:.0000000000000000'
	has "or ignored" "$(cat "$TOLD/first")" 'SigIgn:.0000000000000000'
	has "and no more to be had by others' programs" "$(cat "$TOLD/first")" 'NoNewPrivs:.1'
	has "its words are dnsmasq's" "$(cat "$TOLD/first")" "^add ${GUEST_MAC[a]} $(address a) name\$"
	has "the rest is in its environment" "$(cat "$TOLD/first")" "^CULVERT_NETWORK=$NET\$"
	has "the client's id" "$(cat "$TOLD/first")" "^CULVERT_CLIENT_ID=01:aa:bb\$"
	ends=$(sed -n 's/^CULVERT_EXPIRES=//p' "$TOLD/first")
	now=$(date +%s)
	check "when the lease ends: within its hour" test "$ends" -gt "$now" -a "$ends" -le $((now + 3600))
	has "how long that is" "$(cat "$TOLD/first")" "^CULVERT_REMAINING=3(600|59[0-9])\$"
	is "nothing of the daemon's is there but where it works" \
		"$(grep -oE '^[A-Z_]+=' "$TOLD/first" | grep -vE '^(CULVERT_|PATH=|USER=|PWD=|OLDPWD=|_=|SHLVL=)')" ""
}

events()
{
	local a before
	hook ""
	: >"$TOLD/log"
	a=$(address a)
	before=$(answered)
	check "a client renews" client a ask request ciaddr="$a" opt=12:6e616d65 opt=61:01aabb
	is "and is answered by the kernel" $(($(answered) - before)) 1
	check "the hook is told of that" await 15 told_n "^renew a $a name" 1
	quietly a ask release ciaddr="$a" server=$GATEWAY opt=61:01aabb
	check "of its release" await 10 told_n "^release a $a name" 1
	client a lease >/dev/null
	a=$(address a)
	quietly a ask decline want="$a" server=$GATEWAY
	check "of an address that it declines" await 10 told_n "^decline a $a " 1
	client a lease >/dev/null
	a=$(address a)
	guest_veth gone
	client gone lease >/dev/null
	await 10 told_n '^add gone ' 1
	culvert port rm "$NET" gone
	check "of a port that is removed" await 15 told_n '^remove gone ' 1
	culvert lease rm "$NET" a
	check "of a lease that a command ends" await 15 told_n "^remove a $a" 1
	guest_veth fixed
	check "of one that is reserved, with its port" await 15 told_n '^add fixed 10.20.0.50' 1
	is "in their order, each once" "$(told | awk '{ print $1, $2 }' | paste -sd,)" \
		"renew a,release a,add a,decline a,add a,add gone,remove gone,remove a,add fixed"
}

none_left() { [ -z "$(children)" ]; }
# Whether a call was killed: on a machine so slow that the time limit comes first, this is no claim.
too_slow() { grep -q 'was killed' "$CULVERT_RUN/serve.log"; }

# One that does not end keeps nobody waiting but itself; what comes meanwhile is told after.
slow()
{
	local n
	mkfifo -m 666 "$TOLD/gate"
	: >"$TOLD/log"
	hook "touch $TOLD/began; read -r _ <$TOLD/gate"
	guest_veth b
	client a lease >/dev/null
	await 10 test -e "$TOLD/began" || bail "the hook is not called"
	check "while the hook waits another guest is given a lease" client b lease
	n=$(($(address b | cut -d. -f4)))
	quietly b ask release ciaddr=10.20.0.$n server=$GATEWAY
	client b lease >/dev/null
	is "it is told nothing" "$(wc -l <"$TOLD/log")" 0
	is "and is one process" "$(children | wc -l)" 1
	hook ""
	echo go >"$TOLD/gate"
	check "when it goes on it is told what is so" await 10 told_n "^add b 10.20.0.$n" 1
	sleep 0.3	# nothing else is to come: there is no event to wait for
	if too_slow; then
		skip "of each guest once" "the call was killed before it could go on"
	else
		is "of each guest once" "$(told | awk '{ print $1, $2 }' | paste -sd,)" "add a,add b"
	fi
	check "what came and went meanwhile is counted" await 10 found "[1-9][0-9]* changes? left out"
	check "no process is left" await 5 none_left
}

failing()
{
	local log=$CULVERT_RUN/serve.log
	hook "echo 'the database is away' >&2; exit 3"
	quietly b ask release ciaddr="$(address b)" server=$GATEWAY
	check "a hook that fails is in the log, with its words" await_line 10 "$log" \
		"hook '$HOOK' failed for 'release ${GUEST_MAC[b]}': exit status 3: the database is away"
	check "doctor warns of it" await 10 found "^warn .*exit status 3: the database is away"
	culvert doctor "$NET" >/dev/null
	is "by its exit status too" $? 3
	mv "$HOOK" "$HOOK.away"
	client b lease >/dev/null
	check "one that has gone is in the log" await_line 10 "$log" 'exit status 127: No such file or directory'
	hook ""
	client b lease >/dev/null
	quietly b ask release ciaddr="$(address b)" server=$GATEWAY
	check "one that works again too" await_line 10 "$log" "hook '$HOOK' works again"
	check "doctor is content" await 10 found "^ok "
	hook "exec sleep 1000"
	client b lease >/dev/null
	check "one without end is killed" await_line 25 "$log" "took longer than 10 s and was killed"
	hook ""
	check "and nothing is left of it" await 25 none_left
}

# What a new daemon cannot know it tells again.
again()
{
	local p hung
	client b lease >/dev/null
	await 10 told_n '^add b' 1
	hook "exec sleep 1000"
	quietly b ask release ciaddr="$(address b)" server=$GATEWAY
	client b lease >/dev/null
	await 10 gone none_left || bail "the hook is not called"
	p=$(children)
	check "a call is at work" kill -0 $p
	hung=$p
	for p in $(own_culverts); do
		kill -9 "$p"
	done
	await 5 gone [ -n "$(own_culverts)" ]
	check "it ends with the daemon" await 5 gone kill -0 $hung
	hook ""
	: >"$TOLD/log"
	configure "$HOOK" >/dev/null
	check "a new daemon tells what it finds" await 10 told_n '^known b ' 1
	has "of reserved ones too" "$(told)" '^known fixed 10.20.0.50'
	: >"$TOLD/log"
	cat >"$TMP/none.yaml" <<<"subnet: $SUBNET"
	culvert up "$NET" -f "$TMP/none.yaml" >/dev/null
	client b lease >/dev/null
	culvert lease rm "$NET" b
	sleep 6		# longer than a scan: there is no event to wait for
	is "without hook nothing is called" "$(cat "$TOLD/log")" ""
	is "and doctor has no word of it" "$(finding)" ""
}

expiry()
{
	: >"$TOLD/log"
	configure "$HOOK" 10s >/dev/null
	client b lease >/dev/null
	check "a short lease" await 10 told_n '^add b ' 1
	check "that is not renewed expires, at its horizon" await 40 told_n '^expire b ' 1
}

scenario()
{
	chmod 711 "$TMP"
	mkdir -p "$TOLD"
	chmod 777 "$TOLD"
	refused
	surroundings
	events
	slow
	failing
	again
	expiry
}

topology
on_backends scenario culvert
finish
