#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A DHCP client that says what it is told to, and tells what it is answered.

    dhcp_client.py IFACE ask TYPE [KEY=VALUE]...
    dhcp_client.py IFACE lease [KEY=VALUE]...       DISCOVER, then REQUEST of what is offered
    dhcp_client.py IFACE farm N [KEY=VALUE]...      so many clients behind a relay, each a lease
    dhcp_client.py IFACE flood SECONDS              all that a bad guest can think of

TYPE: discover request decline release inform.  KEYs: mac (chaddr; the link's),
ciaddr, giaddr, want (50), server (54), src, opt=CODE:HEX (any number of times).
With giaddr it speaks as a relay: from port 67, and its answers come there.

A reply is one line: its type, then FIELD=VALUE, options as CODE=HEX in their
order.  No reply within WAIT seconds (environment; 5): "nothing", exit status 1.
"""
import os
import random
import socket
import struct
import sys
import time

TYPES = {"discover": 1, "offer": 2, "request": 3, "decline": 4, "ack": 5, "nak": 6, "release": 7, "inform": 8}
COOKIE = bytes.fromhex("63825363")
WAIT = float(os.environ.get("WAIT", "5"))


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


class Link:
    def __init__(self, name):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        self.sock.bind((name, 0x0800))
        self.mac = self.sock.getsockname()[4]

    def send(self, message, keys):
        relay = "giaddr" in keys
        src = socket.inet_aton(keys.get("src", keys.get("ciaddr", keys.get("giaddr", "0.0.0.0"))))
        dst = b"\xff" * 4
        udp = struct.pack(">HHHH", 67 if relay else 68, 67, 8 + len(message), 0) + message
        pseudo = src + dst + struct.pack(">BBH", 0, 17, len(udp))
        udp = udp[:6] + struct.pack(">H", checksum(pseudo + udp) or 0xffff) + udp[8:]
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, src, dst)
        ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
        self.sock.send(b"\xff" * 6 + self.mac + b"\x08\x00" + ip + udp)

    def receive(self, xid, until):
        """The frame of the reply with this xid; None when time is over."""
        while time.monotonic() < until:
            self.sock.settimeout(max(until - time.monotonic(), 0.001))
            try:
                frame = self.sock.recv(4096)
            except socket.timeout:
                return None
            if len(frame) > 282 and frame[23] == 17 and frame[34:36] == b"\x00\x43" and frame[42] == 2 \
                    and frame[46:50] == xid:
                return frame
        return None


def build(kind, link, keys, options):
    xid = struct.pack(">I", random.getrandbits(32))
    message = struct.pack(">BBBB4sHH4s4s4s4s", 1, 1, 6, 1 if "giaddr" in keys else 0, xid, 0, 0,
                          socket.inet_aton(keys.get("ciaddr", "0.0.0.0")), b"\0" * 4, b"\0" * 4,
                          socket.inet_aton(keys.get("giaddr", "0.0.0.0")))
    message += (mac_bytes(keys["mac"]) if "mac" in keys else link.mac).ljust(16, b"\0") + bytes(192) + COOKIE
    message += bytes([53, 1, TYPES[kind]])
    for key, code in (("want", 50), ("server", 54)):
        if key in keys:
            message += bytes([code, 4]) + socket.inet_aton(keys[key])
    for code, value in options:
        message += bytes([code, len(value)]) + value
    return xid, message + b"\xff"


def read_reply(frame):
    """What is checked of every reply, and its fields and options in order."""
    ip_len, = struct.unpack(">H", frame[16:18])
    udp, message = frame[34:14 + ip_len], frame[42:14 + ip_len]
    assert checksum(frame[14:34]) == 0, "IP checksum"
    pseudo = frame[26:34] + struct.pack(">BBH", 0, 17, len(udp))
    assert udp[6:8] != b"\0\0" and checksum(pseudo + udp) == 0, "UDP checksum"
    assert len(message) >= 300 and message[236:240] == COOKIE and message[240] == 53, "form"
    fields = {"to": socket.inet_ntoa(frame[30:34]) + ":" + str(struct.unpack(">H", frame[36:38])[0]),
              "yiaddr": socket.inet_ntoa(message[16:20]), "siaddr": socket.inet_ntoa(message[20:24]),
              "file": message[108:236].rstrip(b"\0").decode()}
    options, at = [], 240
    while message[at] != 255:
        if message[at]:
            options.append((message[at], message[at + 2:at + 2 + message[at + 1]]))
        at += 2 + message[at + 1] if message[at] else 1
    assert not any(message[at + 1:]), "padding"
    return fields, options


def tell(frame):
    fields, options = read_reply(frame)
    kind = next(name for name, number in TYPES.items() if number == options[0][1][0])
    print(kind, *(f"{k}={v}" for k, v in fields.items()), *(f"{c}={v.hex()}" for c, v in options), flush=True)
    return kind, fields, dict(options)


def exchange(kind, link, keys, options):
    xid, message = build(kind, link, keys, options)
    link.send(message, keys)
    return link.receive(xid, time.monotonic() + WAIT)


def ask(link, kind, keys, options):
    frame = exchange(kind, link, keys, options)
    if not frame:
        print("nothing")
        return 1
    tell(frame)
    return 0


def lease(link, keys, options, quiet=False):
    frame = exchange("discover", link, keys, options)
    if not frame:
        print("nothing")
        return 1
    fields, offered = read_reply(frame)
    keys = dict(keys, want=fields["yiaddr"], server=socket.inet_ntoa(dict(offered)[54]))
    frame = exchange("request", link, keys, options)
    if not frame:
        print("nothing")
        return 1
    if quiet:
        fields, options = read_reply(frame)
        print(fields["yiaddr"] if options[0][1][0] == TYPES["ack"] else "refused")
        return 0
    return 0 if tell(frame)[0] == "ack" else 1


def farm(link, n, keys, options):
    return max(lease(link, dict(keys, mac=f"0a:00:00:00:{i >> 8:02x}:{i & 255:02x}"), options, quiet=True)
               for i in range(n))


def flood(link, seconds):
    """As fast as it goes: own and others' MACs, every type, damaged ones."""
    end, sent = time.monotonic() + seconds, 0
    print("floods", flush=True)
    while time.monotonic() < end:
        for kind in ("discover", "request", "decline", "inform", "release"):
            keys = {"want": f"10.20.0.{random.randrange(2, 255)}"}
            if kind in ("decline", "release"):
                keys["server"] = "10.20.0.1"
            if random.random() < 0.3:
                keys["mac"] = f"02:00:00:00:00:{random.randrange(256):02x}"
            _, message = build(kind, link, keys, [(12, os.urandom(8))])
            if random.random() < 0.2:
                message = message[:random.randrange(200, len(message))]
            try:
                link.send(message, keys)
                sent += 1
            except OSError:
                pass
    print("sent", sent)
    return 0


def main(argv):
    link, command, rest = Link(argv[1]), argv[2], argv[3:]
    first = rest.pop(0) if command != "lease" else None
    options = [(int(v.split(":", 1)[0]), bytes.fromhex(v.split(":", 1)[1]))
               for k, v in (a.split("=", 1) for a in rest) if k == "opt"]
    keys = {k: v for k, v in (a.split("=", 1) for a in rest) if k != "opt"}
    if command == "flood":
        return flood(link, float(first))
    if command == "farm":
        return farm(link, int(first), keys, options)
    return ask(link, first, keys, options) if command == "ask" else lease(link, keys, options)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
