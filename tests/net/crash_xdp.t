#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# As crash.t, at some calls of a network with XDP on its uplink.
CRASH=with_xdp EVENLY=1
. "$(dirname "$0")/crash.t"
