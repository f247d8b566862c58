#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# XDP in a real driver, virtio-net, in virtual machines of Debian's kernels: with
# the wire's offloads as QEMU has them, and with jumbo frames.  Here libxdp's
# dispatcher runs others' programs beside ours.
. "$(dirname "$0")/xdp_wire.sh"

on_kernel "" 1500 native 27
on_kernel 6.12 9000 native 28
finish
