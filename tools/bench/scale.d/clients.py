# SPDX-License-Identifier: GPL-2.0-only
"""DHCP clients of a raw socket each holds no time of: one after another, every reply looked at."""
import ctypes
import os
import select
import socket
import struct
import time

import stage

CLONE_NEWNET = 0x40000000
DISCOVER, OFFER, REQUEST, ACK = 1, 2, 3, 5
DEADLINE = 5


def mac_of(number):
    return f"02:63:77:00:{number >> 8:02x}:{number & 255:02x}"


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def message(mac, xid, kind, ciaddr=bytes(4), options=b""):
    dhcp = struct.pack("!BBBBIHH", 1, 1, 6, 0, xid, 0, 0) + ciaddr + bytes(12) + mac + bytes(10 + 192) + \
        b"\x63\x82\x53\x63" + bytes((53, 1, kind)) + options + b"\xff"
    udp = struct.pack("!HHHH", 68, 67, 8 + len(dhcp), 0) + dhcp
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + ciaddr + b"\xff" * 4
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return b"\xff" * 6 + mac + b"\x08\x00" + head + udp


def reply(frame):
    """(xid, kind, yiaddr, server) of a server's message; None: it is none."""
    if len(frame) < 282 or frame[12:14] != b"\x08\x00" or frame[23] != 17:
        return None
    at = 14 + 4 * (frame[14] & 15)
    if frame[at:at + 4] != b"\x00\x43\x00\x44":
        return None
    dhcp = frame[at + 8:]
    options, i = {}, 240
    while i + 1 < len(dhcp) and dhcp[i] != 255:
        if dhcp[i] == 0:
            i += 1
            continue
        options[dhcp[i]] = dhcp[i + 2:i + 2 + dhcp[i + 1]]
        i += 2 + dhcp[i + 1]
    if 53 not in options:
        return None
    return struct.unpack("!I", dhcp[4:8])[0], options[53][0], dhcp[16:20], options.get(54, b"")


class Clients:
    """Of links g1 to gN in a namespace."""

    def __init__(self, ns, n):
        self.n, self.xid = n, 0
        self.leases = {}
        libc = ctypes.CDLL(None, use_errno=True)
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{ns}", os.O_RDONLY)
        libc.setns(there, CLONE_NEWNET)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        libc.setns(home, CLONE_NEWNET)
        os.close(home)
        os.close(there)

    def ask(self, number, kind, **more):
        """One message and its answer."""
        mac = bytes.fromhex(mac_of(number).replace(":", ""))
        self.xid += 1
        for _ in range(DEADLINE):
            self.socket.sendto(message(mac, self.xid, kind, **more), (f"g{number}", 0x0800))
            end = time.monotonic() + 1
            while select.select([self.socket], [], [], max(0, end - time.monotonic()))[0]:
                frame, sender = self.socket.recvfrom(2048)
                got = reply(frame) if sender[2] != 4 else None	# not what we sent ourselves
                if got and got[0] == self.xid:
                    return got
        raise stage.Failed(f"client {number} has no answer")

    def boot(self):
        """Seconds until all have a lease."""
        begin = time.monotonic()
        for number in range(1, self.n + 1):
            _, kind, ip, server = self.ask(number, DISCOVER)
            if kind != OFFER:
                raise stage.Failed(f"client {number}: no offer but {kind}")
            _, kind, ip, server = self.ask(number, REQUEST, options=b"\x32\x04" + ip + b"\x36\x04" + server)
            if kind != ACK:
                raise stage.Failed(f"client {number}: no lease but {kind}")
            self.leases[number] = ip
        if len(set(self.leases.values())) != self.n:
            raise stage.Failed("two clients have one address")
        return time.monotonic() - begin

    def renew(self, seconds):
        """Each once, evenly over the time."""
        begin = time.monotonic()
        for number, ip in self.leases.items():
            time.sleep(max(0, begin + seconds * number / self.n - time.monotonic()))
            _, kind, again, _ = self.ask(number, REQUEST, ciaddr=ip)
            if kind != ACK or again != ip:
                raise stage.Failed(f"client {number}: not renewed but {kind}")

    def close(self):
        self.socket.close()
