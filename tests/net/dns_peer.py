#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A resolver's two ends, without any cache or library of the machine's.

    dns_peer.py ask SERVER NAME [tcp]     prints the addresses, or NXDOMAIN, REFUSED, ...
    dns_peer.py ptr SERVER ADDRESS        prints the name
    dns_peer.py flood SERVER N            asks for N names below silent.example, and waits for none
    dns_peer.py serve ADDRESS ANSWER      answers every question for an A with ANSWER, but for
                                          those; prints each name it is asked for
"""
import socket
import struct
import sys

CODES = {0: "NOERROR", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}
A, PTR = 1, 12


def pack_name(name):
    return b"".join(bytes([len(x)]) + x.encode() for x in name.split(".") if x) + b"\0"


def read_name(msg, at):
    labels, end = [], None
    while msg[at]:
        if msg[at] >= 0xc0:
            end = end or at + 2
            at = struct.unpack_from("!H", msg, at)[0] & 0x3fff
            continue
        labels.append(msg[at + 1:at + 1 + msg[at]].decode())
        at += 1 + msg[at]
    return ".".join(labels), end or at + 1


def exchange(server, query, tcp):
    sock = socket.socket(type=socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
    sock.settimeout(2)
    try:
        sock.connect((server, 53))
        if not tcp:
            sock.send(query)
            return sock.recv(4096)
        sock.sendall(struct.pack("!H", len(query)) + query)
        size = struct.unpack("!H", sock.recv(2, socket.MSG_WAITALL))[0]
        return sock.recv(size, socket.MSG_WAITALL)
    except OSError as e:
        sys.exit(f"no answer: {e}")


def ask(server, name, kind, tcp):
    query = struct.pack("!6H", 0x4711, 0x100, 1, 0, 0, 0) + pack_name(name)
    msg = exchange(server, query + struct.pack("!2H", kind, 1), tcp)
    ident, flags, _, answers, _, _ = struct.unpack_from("!6H", msg)
    assert ident == 0x4711
    _, at = read_name(msg, 12)
    at += 4
    found = []
    for _ in range(answers):
        _, at = read_name(msg, at)
        rtype, _, _, size = struct.unpack_from("!2HIH", msg, at)
        at += 10
        if rtype == kind:
            found.append(socket.inet_ntoa(msg[at:at + 4]) if kind == A else read_name(msg, at)[0])
        at += size
    print(" ".join(sorted(found)) or CODES.get(flags & 15, flags & 15))


def serve(address, answer):
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.bind((address, 53))
    print("ready", flush=True)
    while True:
        msg, who = sock.recvfrom(4096)
        name, end = read_name(msg, 12)
        kind = struct.unpack_from("!H", msg, end)[0]
        print("asked", name, flush=True)
        if name.endswith("silent.example"):
            continue
        reply = msg[:2] + struct.pack("!5H", 0x8180, 1, kind == A, 0, 0) + msg[12:end + 4]
        if kind == A:
            reply += struct.pack("!3HIH", 0xc00c, A, 1, 60, 4) + socket.inet_aton(answer)
        sock.sendto(reply, who)


def flood(server, n):
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.connect((server, 53))
    for i in range(n):
        query = struct.pack("!6H", i & 0xffff, 0x100, 1, 0, 0, 0)
        try:
            sock.send(query + pack_name("n%d.silent.example" % i) + struct.pack("!2H", A, 1))
        except OSError:
            pass	# what an earlier one has come to


def main(words):
    if words[0] == "serve":
        serve(words[1], words[2])
    elif words[0] == "flood":
        flood(words[1], int(words[2]))
    elif words[0] == "ptr":
        ask(words[1], ".".join(reversed(words[2].split("."))) + ".in-addr.arpa", PTR, False)
    else:
        ask(words[1], words[2], A, words[3:] == ["tcp"])


main(sys.argv[1:])
