#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The packet tables on Debian 13's kernel, which Debian 12 has as a backport.
. "$(dirname "$0")/../net/lib.sh"
. "$(dirname "$0")/guest.sh"
topology
tables_on 6.12
finish
