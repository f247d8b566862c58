#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# tools/bench/road: every backend's road is counted in one run, each proved to be
# the one that it is called; culvert's is the shortest of those that translate.
. "$(dirname "$0")/../net/lib.sh"
. "$(dirname "$0")/guest.sh"

# counts_less OTHER: on each way and number of flows that was counted
counts_less()
{
	jq -e --arg other "$1" '
		[.metrics[] | select(.name | endswith("culvert/" + $other)) | .value] |
		length == 4 and all(. > 0 and . < 1)' "$TMP/road.json"
}

topology
claim="the whole road is counted on Debian's 6.12"
if kernel_there 6.12 "$claim"; then
	check "$claim" "$TOP/tools/bench/road" -k 6.12 --rounds 3 --json "$TMP/road.json"
	check "culvert takes fewer instructions than nft" counts_less nft
	check "and fewer than nft's flowtable" counts_less flowtable
fi
finish
