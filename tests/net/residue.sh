# SPDX-License-Identifier: GPL-2.0-only
# Before and after: what a test, and culvert in it, may not leave behind, and
# that the kernel took no harm.  Other tests run at the same time, so whatever
# is shared by the whole machine is told apart by this test's id.

LEAKED=0

SPLAT='WARNING:|BUG:|Oops|Call Trace|KASAN|UBSAN|general protection|RIP:|refcount_t|soft lockup|rcu.*stall|waiting for .* to become free'

residue_before()
{
	TAINTED=$(cat /proc/sys/kernel/tainted)
	DMESG_LAST=$(dmesg | tail -n 1)
	mounts_of_all >"$TMP/mounts.before"
	root_links >"$TMP/links.before"
	: >"$TMP/progs"
}

# Lines of the kernel's log since the test began that tell of harm.
splats()
{
	dmesg | awk -v last="$DMESG_LAST" '
		{ line[NR] = $0 } $0 == last { from = NR }
		END { for (i = from + 1; i <= NR; i++) print line[i] }' | grep -E "$SPLAT"
}

# Not those of other tests: each has a directory of its own.
mounts_of_all()
{
	awk -v own="$TMP/" '$2 ~ "^/run/netns/" { next }
		$2 ~ "/culvert-test\\.[^/]*/" && index($2, own) != 1 { next }
		{ print $1, $2, $3 }' /proc/self/mounts
}

# Links of the machine itself: the tests stay within their namespaces.
root_links()
{
	ip -o link | sed 's/^[0-9]*: \([^:@]*\).*/\1/' | sort
}

# All of the host namespace that culvert may not change for good.
host_state()
{
	host sh -c '
		echo "# links"; ip -o link | sed "s/ state [A-Z]* / /; s/ qlen [0-9]*//"
		echo "# addresses"; ip -o addr | sed "s/valid_lft.*//"
		echo "# routes"; ip route show table all; ip rule
		echo "# ruleset"; nft list ruleset
		echo "# qdiscs"; tc qdisc; tc filter show dev up0 ingress
		echo "# sysctls"; sysctl -a --pattern "^net\.(ipv[46]|netfilter|bridge)\." 2>/dev/null' |
		# A link's own entries come and go with it; one counts what is now.
		awk '/^net\.ipv[46]\.(conf|neigh)\./ && !/\.(all|default|lo|up0)\./ { next }
			/^net\.netfilter\.nf_conntrack_count/ { next }
			/^net\.ipv4\.tcp_fastopen_key/ { next }	# the kernel draws it for a listener
			{ print }'
}

# Programs of culvert started by this test: the environment tells whose.
own_processes()
{
	local p
	for p in /proc/[0-9]*; do
		[ "${p#/proc/}" != $$ ] &&
		grep -qsz "^CULVERT_RUN=$CULVERT_RUN\$" "$p/environ" && echo "${p#/proc/}"
	done
}

name_processes()
{
	local p
	for p; do
		echo "$p $(tr '\0' ' ' 2>/dev/null </proc/"$p"/cmdline)"
	done
}

own_culverts()
{
	local p
	for p in $(own_processes); do
		[ "$(readlink "/proc/$p/exe")" != "$CULVERT" ] || echo "$p"
	done
}

progs_left()
{
	local id
	for id in $(sort -u "$TMP/progs"); do
		bpftool prog show id "$id" 2>/dev/null
	done
}

own_files()
{
	find "$CULVERT_RUN" "$CULVERT_BPF" -mindepth 1 2>/dev/null
}

no_progs_left() { [ -z "$(progs_left)" ]; }
no_processes_left() { [ -z "$(own_processes)" ]; }

residue_claims()
{
	# The kernel frees a program some moments after its last user.
	await 10 no_progs_left
	await 5 no_processes_left
	is "no program stays loaded" "$(progs_left)" ""
	is "no process stays" "$(name_processes $(own_processes))" ""
	is "no pin and no file in CULVERT_RUN stays" "$(own_files)" ""
	is "no namespace stays" "$(ls /run/netns 2>/dev/null | grep -E "^cv(t-$ID-|-t$ID)")" ""
	is "no mount stays" "$(diff "$TMP/mounts.before" <(mounts_of_all)
		grep -E " /run/netns/cv(t-$ID-|-t$ID)" /proc/self/mounts)" ""
	is "no link stays on the machine" "$(diff "$TMP/links.before" <(root_links))" ""
	is "links, addresses, routes, rules and sysctls of the host are as before" \
		"$(diff "$TMP/host.before" "$TMP/host.after" | head -n 40)" ""
	is "no guest's address was seen outside" "$LEAKED" 0
	is "the kernel is not tainted" "$(cat /proc/sys/kernel/tainted)" "$TAINTED"
	is "the kernel's log shows no harm" "$(splats)" ""
}

# After a test that died: what `culvert down` could not take.
residue_remove()
{
	local ns p
	for p in $(own_processes); do
		kill -9 "$p" 2>/dev/null
	done
	for ns in /run/netns/cv-t"$ID"*; do
		[ ! -e "$ns" ] || ip netns del "${ns##*/}"
	done
	rm -rf "$CULVERT_BPF"
}
