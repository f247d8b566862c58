#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a guest still gets while its neighbour is greedy.

idle HOST PORT N FILE     N TCP connections, a word exchanged on each; once FILE exists, another one
                          on each; print how many carried both
new HOST PORT N           N TCP connections, one after another, a word exchanged on each; print how
                          many there were
"""
import os
import sys
import time

sys.dont_write_bytecode = True
from peer import DEADLINE, connect


def exchange(sock, word):
    sock.settimeout(DEADLINE)
    sock.sendall(word)
    got = b""
    while len(got) < len(word):
        part = sock.recv(len(word) - len(got))
        if not part:
            break
        got += part
    return got == word


def carries(sock, word):
    try:
        return exchange(sock, word)
    except OSError:
        return False


def opened(host, port, number):
    """A connection to the echo server that has carried its number, or None."""
    try:
        sock = connect(host, port)
        sock.sendall(b"ECHO\n")
        return sock if exchange(sock, b"%06d" % number) else None
    except OSError:
        return None


def idle(host, port, count, path):
    socks = [opened(host, port, i) for i in range(int(count))]
    print("ready", flush=True)
    while not os.path.exists(path):
        time.sleep(0.02)
    print("idle", sum(bool(s and carries(s, b"still%06d" % i)) for i, s in enumerate(socks)), flush=True)


def new(host, port, count):
    good = 0
    for i in range(int(count)):
        sock = opened(host, port, i)
        if sock:
            good += 1
            sock.close()
    print("new", good)


COMMANDS = {"idle": idle, "new": new}

if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
    sys.exit(__doc__)
COMMANDS[sys.argv[1]](*sys.argv[2:])
