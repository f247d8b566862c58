#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The packet tables on Debian 12's kernel, the oldest that culvert claims.
. "$(dirname "$0")/../net/lib.sh"
. "$(dirname "$0")/guest.sh"
topology
tables_on ""
finish
