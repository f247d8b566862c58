#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Datagrams in fragments, and what may become of them on their way.

relay IFACE MAC DEST SOURCE MODE   what this namespace sends to DEST goes through a TUN of its own,
                          from which it leaves by IFACE to MAC, all fragments of a datagram at once:
                          order    as the kernel made them
                          reverse  the last one first
                          shuffle  in any order
                          double   each twice, in any order
                          hole     one of them begins 8 bytes early, with other data
                          extra    one more, with other data, over the last two and before the last
                          ahead    the same, before all
                          first    two first ones, the second longer and with other data
tell HOST PORT SIZE N M   N datagrams of SIZE bytes, then a small one; when that is back, and M of
                          the others, print how many of them came back right, and how many wrong
orphans IFACE MAC SOURCE DEST N    N later fragments of datagrams that have no first one
cut HOST PORT SIZE N      one UDP GSO send of N datagrams of SIZE bytes that may be fragmented on
                          their way: each must come back
grow HOST PORT FILE       a TCP connection that carries data, and more of it once FILE exists
"""
import fcntl
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from peer import checksum, connect, datagram, mac_bytes, pattern

IP_MTU_DISCOVER, IP_PMTUDISC_DONT = 10, 0
MORE = 0x2000
MTU = 1400      # leaves room for a fragment that is made longer


# --- one fragment, as its header and its payload

def more(packet):
    return bool(struct.unpack_from("!H", packet, 6)[0] & MORE)


def offset(packet):
    return (struct.unpack_from("!H", packet, 6)[0] & 0x1fff) * 8


def payload(packet):
    return packet[(packet[0] & 15) * 4:]


def fragment(packet, begin, data, mf):
    """Another fragment of the same datagram."""
    head = bytearray(packet[:(packet[0] & 15) * 4])
    struct.pack_into("!H", head, 2, len(head) + len(data))
    struct.pack_into("!H", head, 6, begin // 8 | (MORE if mf else 0))
    struct.pack_into("!H", head, 10, 0)
    struct.pack_into("!H", head, 10, checksum(bytes(head)))
    return bytes(head) + data


def other(data):
    return bytes(b ^ 0xff for b in data)


# --- what becomes of a datagram's fragments

def over_the_last_two(parts):
    """8 bytes of the last but one and 8 of the last."""
    return fragment(parts[0], offset(parts[-1]) - 8, b"\xee" * 16, True)


def hole(parts):
    last = parts[-1]
    begin = offset(last) - 8
    return parts[:-1] + [fragment(last, begin, b"\xee" * 8 + payload(last), False)]


def first(parts):
    longer = fragment(parts[0], 0, payload(parts[0])[:8] + other(payload(parts[0])[8:]) + b"\xee" * 8, True)
    return parts[:1] + [longer] + parts[1:]


def shuffled(parts):
    parts = list(parts)
    random.Random(len(parts)).shuffle(parts)
    return parts


MODES = {
    "order": lambda parts: parts,
    "reverse": lambda parts: parts[::-1],
    "shuffle": shuffled,
    "double": lambda parts: shuffled(parts * 2),
    "hole": hole,
    "extra": lambda parts: parts[:-1] + [over_the_last_two(parts)] + parts[-1:],
    "ahead": lambda parts: [over_the_last_two(parts)] + parts,
    "first": first,
}


# --- relay

def make_tun(name):
    tunsetiff, iff_tun_no_pi = 0x400454ca, 0x1001
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, tunsetiff, struct.pack("16sH22x", name.encode(), iff_tun_no_pi))
    return fd


def is_whole(parts):
    parts.sort(key=offset)
    at = 0
    for p in parts:
        if offset(p) != at:
            return False
        at += len(payload(p))
    return not more(parts[-1])


def relay(iface, mac, dest, source, mode):
    fd = make_tun("relay0")
    for words in ("link set relay0 mtu %d up" % MTU, "route replace %s dev relay0 src %s" % (dest, source)):
        subprocess.run(["ip"] + words.split(), check=True)
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((iface, 0))
    eth = mac_bytes(mac) + out.getsockname()[4] + b"\x08\x00"
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    print("ready", flush=True)
    waiting = {}
    while True:
        packet = os.read(fd, 65535)
        if packet[0] >> 4 != 4:
            continue
        if not more(packet) and not offset(packet):
            out.send(eth + packet)
            continue
        parts = waiting.setdefault(packet[4:6] + packet[9:10], [])
        parts.append(packet)
        if is_whole(parts):
            for p in MODES[mode](waiting.pop(packet[4:6] + packet[9:10])):
                out.send(eth + p)


# --- ends

def may_be_cut(sock):
    sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)


def tell(host, port, size, count, wanted):
    back = set()
    with datagram(host, port) as sock:
        may_be_cut(sock)
        sent = {pattern(int(size), "tell%d" % i) for i in range(int(count))}
        for data in sent:
            sock.send(data)
        sock.send(b"end")
        try:
            while b"end" not in back or len(back & sent) < int(wanted):
                back.add(sock.recv(65536))
        except socket.timeout:
            pass
    print("right %d wrong %d" % (len(back & sent), len(back - sent - {b"end"})) if b"end" in back else "lost")


def orphans(iface, mac, source, dest, count):
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((iface, 0))
    eth = mac_bytes(mac) + out.getsockname()[4] + b"\x08\x00"
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 1420, 0, 0, 64, 17, 0,
                       socket.inet_aton(source), socket.inet_aton(dest))
    for i in range(int(count)):
        packet = bytearray(head)
        struct.pack_into("!H", packet, 4, i & 0xffff)
        out.send(eth + fragment(bytes(packet), 1400, b"o" * 1400, True))


def cut(host, port, size, count):
    udp_segment = 103
    size, count = int(size), int(count)
    with datagram(host, port) as sock:
        sock.send(b"first")     # the flow is made by a packet of its own
        sock.recv(100)
        may_be_cut(sock)
        sock.setsockopt(socket.IPPROTO_UDP, udp_segment, size)
        sent = [pattern(size, "cut%d" % i) for i in range(count)]
        sock.send(b"".join(sent))
        back = []
        try:
            while len(back) < count:
                back.append(sock.recv(65536))
        except socket.timeout:
            pass
    if sorted(back) != sorted(sent):
        sys.exit("%d of %d came back, %d of them right" % (len(back), count, len(set(back) & set(sent))))


def exchange(sock, size, seed):
    """Both ways at once would fill all buffers: in pieces that they hold."""
    for i in range(size // 50000):
        data = pattern(50000, "%s%d" % (seed, i))
        sock.sendall(data)
        back = b""
        while len(back) < len(data):
            part = sock.recv(65536)
            if not part:
                sys.exit("closed")
            back += part
        if back != data:
            sys.exit("damaged")


def grow(host, port, path):
    with connect(host, port) as sock:
        sock.settimeout(30)
        sock.sendall(b"ECHO\n")
        exchange(sock, 200000, "before")
        print("ready", flush=True)
        while not os.path.exists(path):
            time.sleep(0.02)
        exchange(sock, 1000000, "after")
    print("whole", flush=True)


COMMANDS = {f.__name__: f for f in (relay, tell, orphans, cut, grow)}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    try:
        COMMANDS[sys.argv[1]](*sys.argv[2:])
    except OSError as problem:
        sys.exit("%s: %s" % (" ".join(sys.argv[1:3]), problem))
