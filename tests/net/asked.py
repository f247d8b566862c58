#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A client that tells what its own socket says of whom it speaks to.

asked.py KIND HOST PORT [SOURCE]

KIND: tcp; udp, which sends to HOST by sendto(); udp-connected.  With "6" behind
it the socket is one of IPv6 and HOST is written ::ffff:HOST.  SOURCE is bound
to before; "dev IFNAME" binds to the device.  Asks the server of peer.py WHO.
Prints: "PEER PORT saw CLIENT CLIENTPORT", PEER as getpeername() or recvfrom()
tells it; or the error's name.
"""
import errno
import socket
import sys

DEADLINE = 5.0


def plain(name):
    return name[0].removeprefix("::ffff:"), name[1]


def ask(kind, host, port, source=None):
    mapped = kind.endswith("6")
    family = socket.AF_INET6 if mapped else socket.AF_INET
    place = ("::ffff:" + host if mapped else host, port)
    kind = kind.rstrip("6")
    with socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as s:
        s.settimeout(DEADLINE)
        if source and source.startswith("dev "):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, source[4:].encode())
        elif source:
            s.bind((source, 0))
        if kind == "udp":
            s.sendto(b"WHO", place)
            seen, peer = s.recvfrom(64)
            return peer, seen
        s.connect(place)
        if kind == "tcp":
            s.sendall(b"WHO\n")
            seen = s.recv(64)
        else:
            s.send(b"WHO")
            seen = s.recv(64)
        return s.getpeername(), seen


def main(kind, host, port, source=None):
    try:
        peer, seen = ask(kind, host, int(port), source)
    except TimeoutError:
        sys.exit("silence")
    except OSError as problem:
        sys.exit(errno.errorcode[problem.errno])
    print(*plain(peer), "saw", seen.decode().strip())


main(*sys.argv[1:])
