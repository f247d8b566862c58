#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Frames that no kernel sends, from a guest; and captures of such, to try a judge on.

forge.py send IFACE GWMAC SOURCE DEST KIND N
                    N frames; the kinds are those of KINDS below, or all: each that is wrong
forge.py random IFACE GWMAC SOURCE DEST SEED N
                    N frames of all kinds in whose headers some bits are changed, half of
                    them with a correct IP checksum nevertheless
forge.py capture FILE SOURCE DEST KIND...
                    a capture file of such frames
"""
import random
import socket
import struct
import sys

sys.dont_write_bytecode = True
from peer import checksum, ipv4, mac_bytes

SPORT, DPORT = 4000, 4001


def put(packet, at, fmt, *values):
    out = bytearray(packet)
    struct.pack_into(fmt, out, at, *values)
    return bytes(out)


def flip(packet, at):
    return put(packet, at, "!B", packet[at] ^ 0x55)


def ip_sum(packet):
    ihl = (packet[0] & 15) * 4
    packet = put(packet, 10, "!H", 0)
    return put(packet, 10, "!H", checksum(packet[:ihl]))


def ip_field(packet, at, fmt, *values):
    return ip_sum(put(packet, at, fmt, *values))


def l4_sum(src, dst, proto, segment, at):
    pseudo = socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!BBH", 0, proto, len(segment))
    return put(segment, at, "!H", checksum(pseudo + segment) or 0xffff)


def udp(src, dst, data=b"forged" * 8, dport=DPORT):
    segment = struct.pack("!HHHH", SPORT, dport, 8 + len(data), 0) + data
    return ipv4(src, dst, 17, l4_sum(src, dst, 17, segment, 6))


def tcp(src, dst, flags=2, sequence=1000):
    segment = struct.pack("!HHLLBBHHH", SPORT, DPORT, sequence, 0, 5 << 4, flags, 1000, 0, 0)
    return ipv4(src, dst, 6, l4_sum(src, dst, 6, segment, 16))


def tcp_of_sum_0(src, dst):
    """The sequence number makes up for all else; and the checksum's other zero is written."""
    sum_of_rest = struct.unpack_from("!H", tcp(src, dst, sequence=0), 36)[0]
    return put(tcp(src, dst, sequence=sum_of_rest), 36, "!H", 0xffff)


def icmp(src, dst, kind=8, code=0, rest=b"\x12\x34\0\1", data=b"forged" * 8):
    message = struct.pack("!BBH", kind, code, 0) + rest + data
    return ipv4(src, dst, 1, put(message, 2, "!H", checksum(message)))


def with_options(packet, options):
    """IP options, padded to whole words."""
    options += b"\0" * (-len(options) % 4)
    head = put(packet[:20] + options, 0, "!BBH", 0x45 + len(options) // 4, 0, len(packet) + len(options))
    return ip_sum(head + packet[20:])


KINDS = {
    "udp": udp,
    "tcp": tcp,
    "icmp": icmp,
    "sum-ip": lambda s, d: flip(udp(s, d), 10),
    "sum-udp": lambda s, d: flip(udp(s, d), 26),
    "sum-tcp": lambda s, d: flip(tcp(s, d), 36),
    "sum-icmp": lambda s, d: flip(icmp(s, d), 22),
    "version": lambda s, d: ip_field(udp(s, d), 0, "!B", 0x65),
    "ihl-short": lambda s, d: ip_sum(put(udp(s, d), 0, "!B", 0x44)),
    "ihl-beyond": lambda s, d: put(udp(s, d, b""), 0, "!B", 0x4f),
    "length-beyond": lambda s, d: ip_field(udp(s, d), 2, "!H", 1000),
    "length-short": lambda s, d: ip_field(udp(s, d), 2, "!H", 24),
    "truncated": lambda s, d: udp(s, d)[:22],
    "udp-length-beyond": lambda s, d: put(udp(s, d), 24, "!H", 1000),
    "udp-length-short": lambda s, d: put(udp(s, d), 24, "!H", 4),
    "tcp-header-beyond": lambda s, d: put(tcp(s, d), 32, "!B", 0xf0),
    "tcp-header-short": lambda s, d: put(tcp(s, d), 32, "!B", 0x40),
    "fin-alone": lambda s, d: tcp(s, d, 1),
    "reset-alone": lambda s, d: tcp(s, d, 4),
    "ttl-0": lambda s, d: ip_field(udp(s, d), 8, "!B", 0),
    "source-route": lambda s, d: with_options(udp(s, d), b"\x83\x07\x04" + socket.inet_aton(s)),
    "record-route": lambda s, d: with_options(udp(s, d), b"\x07\x07\x04\0\0\0\0"),
    "fragment-tiny": lambda s, d: ip_field(ip_field(udp(s, d), 6, "!H", 0x2000), 2, "!H", 28),
    "fragment-beyond": lambda s, d: ip_field(udp(s, d), 6, "!H", 0x1fff),
    "protocol-0": lambda s, d: ip_field(udp(s, d), 9, "!B", 0),
    "protocol-255": lambda s, d: ip_field(udp(s, d), 9, "!B", 255),
    "echo-reply": lambda s, d: icmp(s, d, 0),
    "redirect": lambda s, d: icmp(s, d, 5, 1, socket.inet_aton(s), udp(d, s)[:28]),
    "timestamp": lambda s, d: icmp(s, d, 13),
    "address-mask": lambda s, d: icmp(s, d, 17),
    # An error about a packet that was never sent, in the guest's own words.
    "error-invented": lambda s, d: icmp(s, d, 3, 3, b"\0" * 4, udp(d, s)[:28]),
    "error-short": lambda s, d: icmp(s, d, 3, 3, b"\0" * 4, udp(d, s)[:12]),
    "sum-of-0": tcp_of_sum_0,
    # Two that have one identification and may be cut on their way.
    "twins": udp,
}
NEVER_GOOD = [k for k in KINDS if k not in ("udp", "tcp", "icmp", "sum-of-0", "twins")]


def ethernet(iface, gateway):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((iface, 0))
    return sock, mac_bytes(gateway) + sock.getsockname()[4] + b"\x08\x00"


def send(iface, gateway, source, dest, kind, count):
    sock, eth = ethernet(iface, gateway)
    for k in NEVER_GOOD if kind == "all" else [kind]:
        for _ in range(int(count)):
            sock.send(eth + KINDS[k](source, dest))


def spoil(packet, rng):
    """Some bits of the headers, but not of the source: that would only be spoofing."""
    bits = [i for i in range(min(len(packet), 48) * 8) if not 12 <= i // 8 < 16]
    out = bytearray(packet)
    for i in rng.sample(bits, rng.randint(1, 4)):
        out[i // 8] ^= 1 << i % 8
    out = bytes(out)
    whole = 20 <= (out[0] & 15) * 4 <= len(out)
    return ip_sum(out) if whole and rng.random() < 0.5 else out


def random_frames(iface, gateway, source, dest, seed, count):
    rng = random.Random(int(seed))
    sock, eth = ethernet(iface, gateway)
    good = [KINDS[k](source, dest) for k in KINDS]
    for _ in range(int(count)):
        sock.send(eth + spoil(rng.choice(good), rng))


def capture(path, source, dest, *kinds):
    """As tcpdump writes it, with Ethernet headers."""
    with open(path, "wb") as f:
        f.write(struct.pack("=LHHlLLL", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for number, kind in enumerate(kinds, 1):
            packet = KINDS[kind](source, dest)
            if kind != "twins" and packet[0] == 0x45 and len(packet) > 20 and kind != "sum-ip":
                packet = ip_field(packet, 4, "!H", number)
            frame = b"\2\0\0\0\0\1" + b"\2\0\0\0\0\2" + b"\x08\x00" + packet
            f.write(struct.pack("=LLLL", number, 0, len(frame), len(frame)) + frame)


COMMANDS = {"send": send, "random": random_frames, "capture": capture}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    COMMANDS[sys.argv[1]](*sys.argv[2:])
