#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What lies in the pinned map `externals`, read from its own memory.

externals.py PIN        print how many ports are forwarded, and how many flows are
                        counted: as "FORWARDS COUNTED"
"""
import ctypes
import mmap
import os
import platform
import struct
import sys

ENTRIES = 4 * 3 << 16       # CV_MAX_EXTERNAL_ADDRESSES * CV_EXTERNAL_PROTOS << 16
ENTRY = struct.Struct("=QII")   # struct cv_external
BPF_OBJ_GET = 7
BPF_SYSCALL = {"x86_64": 321, "aarch64": 280}


def obj_get(path):
    text = ctypes.create_string_buffer(path.encode())
    attr = ctypes.create_string_buffer(struct.pack("=QII", ctypes.addressof(text), 0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(BPF_SYSCALL[platform.machine()], BPF_OBJ_GET, attr, len(attr.raw) - 1)
    if fd < 0:
        sys.exit("%s: %s" % (path, os.strerror(ctypes.get_errno())))
    return fd


def main(path):
    forwards = counted = 0
    with mmap.mmap(obj_get(path), ENTRIES * ENTRY.size, prot=mmap.PROT_READ) as memory:
        for word, _, flags in ENTRY.iter_unpack(memory[:]):
            forwards += flags & 1
            counted += word & 0xffffffff
    print(forwards, counted)


main(sys.argv[1])
