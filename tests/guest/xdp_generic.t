#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# XDP where the driver has none: on a bridge over virtio-net, whose packets come
# in pieces and with half-finished checksums; and on a device that cannot leave
# off its offloads, where it must stay off.
. "$(dirname "$0")/xdp_wire.sh"

on_kernel "" 1500 generic 11
on_kernel 6.12 1500 generic 11
on_kernel 6.12 1500 off 9
finish
