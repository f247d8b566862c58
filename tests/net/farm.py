#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Many DHCP clients in one namespace, one behind each link PREFIX0 ... PREFIX(N-1).

bind PREFIX N ACKS SECONDS    whoever has no lease in ACKS gets one; repeats itself like a client,
                              until all have one or the time is over
renew|reboot PREFIX N ACKS SECONDS   those of ACKS ask for what they have: RENEWING, INIT-REBOOT
release PREFIX N ACKS SECONDS those of ACKS give back what they have
churn PREFIX N ACKS SECONDS   ask for leases, renew and give them back, at random, until SIGTERM
check DATABASE ACKS           every lease that was acknowledged stands in the database with what
                              was granted, no address is two clients'

ACKS is a file of lines: "MAC ADDRESS WHEN SECONDS", written when an acknowledgement has come, and
"MAC released", before it is given back.
"""
import fcntl
import os
import random
import select
import signal
import socket
import sqlite3
import struct
import sys
import time

RETRY_S = 0.4
DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE = 1, 2, 3, 4, 5, 6, 7
BROADCAST = b"\xff" * 6


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def option(code, value):
    return bytes((code, len(value))) + value


def frame(client, kind, options, src=None, dst=None):
    src, dst = src or bytes(4), dst or b"\xff" * 4
    msg = struct.pack("!BBBBIHH4s4s4s4s16s64s128sI", 1, 1, 6, 0, client.xid, 0, 0, src, bytes(4),
                      bytes(4), bytes(4), client.mac, b"", b"", 0x63825363)
    msg += option(53, bytes((kind,))) + options + b"\xff"
    udp = struct.pack("!HHHH", 68, 67, 8 + len(msg), 0) + msg
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, src, dst)
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return BROADCAST + client.mac + b"\x08\x00" + ip + udp


def mac_of(sock, link):
    siocgifhwaddr = 0x8927
    return fcntl.ioctl(sock, siocgifhwaddr, struct.pack("16s24x", link.encode()))[18:24]


class Client:
    def __init__(self, index, mac):
        self.index = index
        self.mac = mac
        self.xid = random.getrandbits(32)
        self.address = self.offered = self.server = None
        self.done = False
        self.asked = 0.0

    def name(self):
        return ":".join("%02x" % b for b in self.mac)


class Farm:
    def __init__(self, prefix, count, acks):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
        self.sock.setblocking(False)
        links = ["%s%d" % (prefix, i) for i in range(int(count))]
        self.links = {socket.if_nametoindex(name): name for name in links}
        self.clients = {i: Client(i, mac_of(self.sock, name)) for i, name in self.links.items()}
        self.by_link = {self.links[i]: c for i, c in self.clients.items()}
        self.log = open(acks, "a", encoding="ascii", buffering=1)
        for mac, had in read_acks(acks).items():
            for c in self.clients.values():
                if c.name() == mac:
                    c.address = socket.inet_aton(had[0])
        self.wrong = 0

    def send(self, client, data):
        client.asked = time.monotonic()
        try:
            self.sock.sendto(data, (self.links[client.index], 0))
        except OSError:
            pass

    def discover(self, c):
        c.offered = None        # with the xid it has: on a slow machine the answer is one to the last attempt
        self.send(c, frame(c, DISCOVER, option(55, b"\1\3\6")))

    def select(self, c):
        self.send(c, frame(c, REQUEST, option(50, c.offered) + option(54, c.server)))

    def ask_again(self, c, word):
        c.xid = random.getrandbits(32)
        if word == "renew":
            self.send(c, frame(c, REQUEST, b"", c.address))
        else:
            self.send(c, frame(c, REQUEST, option(50, c.address)))

    def release(self, c):
        self.log.write("%s released\n" % c.name())
        gateway = c.address[:3] + b"\1"
        self.send(c, frame(c, RELEASE, option(54, gateway), c.address, gateway))
        c.address, c.done = None, True
        c.xid = random.getrandbits(32)      # an answer to what was asked before comes too late

    def replies(self, wait):
        """(client, type, yiaddr, options) of what has come, after waiting so long at most."""
        if not select.select([self.sock], [], [], wait)[0]:
            return
        while True:
            try:
                data, where = self.sock.recvfrom(2048)
            except BlockingIOError:
                return
            c = self.by_link.get(where[0])
            if not c or where[2] == 4 or len(data) < 282 or data[23] != 17 or data[36:38] != b"\0\x44":
                continue
            if struct.unpack("!I", data[46:50])[0] != c.xid:
                continue
            options, at = {}, 282
            while at + 1 < len(data) and data[at] != 255:
                if not data[at]:
                    at += 1
                    continue
                options[data[at]] = data[at + 2:at + 2 + data[at + 1]]
                at += 2 + data[at + 1]
            yield c, options[53][0], data[58:62], options

    def acknowledged(self, c, ip, options):
        if c.address and c.address != ip:
            self.wrong += 1
        c.address, c.done, c.offered = ip, True, None
        self.log.write("%s %s %.3f %d\n" % (c.name(), socket.inet_ntoa(ip), time.time(),
                                            struct.unpack("!I", options[51])[0]))

    def was_offered(self, c):
        self.select(c)

    def take(self, wait):
        for c, kind, ip, options in self.replies(wait):
            if kind == OFFER and not c.offered and not c.address:
                c.offered, c.server = ip, options[54]
                self.was_offered(c)
            elif kind == ACK and not c.done:
                self.acknowledged(c, ip, options)
            elif kind == NAK:
                self.wrong += bool(c.address)
                c.offered = None

    def due(self, c):
        return time.monotonic() - c.asked > RETRY_S


def follow_acks(had, lines):
    """What each client has, after these lines too."""
    for line in lines:
        words = line.split()
        if words[1] == "released":
            had.pop(words[0], None)
        else:
            had[words[0]] = (words[1], float(words[2]), int(words[3]))


def read_acks(path):
    had = {}
    if os.path.exists(path):
        with open(path, encoding="ascii") as f:
            follow_acks(had, f)
    return had


def bind_until(farm, end, enough=lambda: False):
    """Those without a lease ask for one, again and again."""
    everyone = list(farm.clients.values())
    for c in everyone:
        c.done = bool(c.address)
    while time.monotonic() < end and not enough() and not all(c.done for c in everyone):
        for c in everyone:
            if not c.done and farm.due(c):
                # An offer whose request was not answered is asked for once more, then anew.
                if c.offered and c.server:
                    farm.select(c)
                    c.server = None
                else:
                    farm.discover(c)
        farm.take(0.02)


def bind(prefix, count, acks, seconds):
    farm = Farm(prefix, count, acks)
    bind_until(farm, time.monotonic() + float(seconds))
    tell(farm)


def ask_until(farm, end, word):
    """Those with a lease ask for it."""
    everyone = [c for c in farm.clients.values() if c.address]
    for c in everyone:
        c.done, c.asked = False, 0.0
    while time.monotonic() < end and not all(c.done for c in everyone):
        for c in everyone:
            if not c.done and farm.due(c):
                farm.ask_again(c, word)
        farm.take(0.02)


def ask(word, prefix, count, acks, seconds):
    farm = Farm(prefix, count, acks)
    ask_until(farm, time.monotonic() + float(seconds), word)
    tell(farm)


def summary(farm):
    everyone = farm.clients.values()
    addresses = [c.address for c in everyone if c.address]
    return "acknowledged %d of %d, refused or changed %d, given twice %d" % (
        sum(c.done for c in everyone), len(everyone), farm.wrong,
        len(addresses) - len(set(addresses)))


def tell(farm):
    print(summary(farm))


def release(prefix, count, acks, seconds):
    farm = Farm(prefix, count, acks)
    for c in farm.clients.values():
        if c.address:
            farm.release(c)
    print("released")


def churn(prefix, count, acks, seconds):
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
    farm, end = Farm(prefix, count, acks), time.monotonic() + float(seconds)
    everyone = list(farm.clients.values())
    print("ready", flush=True)
    while time.monotonic() < end and not stopped:
        for c in everyone:
            if not farm.due(c):
                continue
            if c.address and random.random() < 0.3:
                farm.release(c)
            elif c.address:
                c.done = False
                farm.ask_again(c, random.choice(("renew", "reboot")))
            else:
                c.done = False
                farm.discover(c)
        farm.take(0.02)
    tell(farm)


def judge(database, had):
    """Lines; the first is "of some acknowledged 0 lost, 0 given twice, database ok" when all is well."""
    db = sqlite3.connect("file:%s?mode=ro" % database, uri=True)
    rows = {mac: (address, state, horizon) for mac, address, state, horizon in
            db.execute("SELECT mac, address, state, horizon FROM lease")}
    lost = []
    for mac, (address, when, seconds) in had.items():
        row = rows.get(mac)
        if not row or row[0] != address or row[1] != "bound" or row[2] < when + seconds - 1:
            lost.append("%s %s until %d: %s" % (mac, address, when + seconds, row))
    addresses = [address for address, _, _ in had.values()]
    first = "of %s acknowledged %d lost, %d given twice, database %s" % (
        "some" if had else "none", len(lost), len(addresses) - len(set(addresses)),
        db.execute("PRAGMA integrity_check").fetchone()[0])
    db.close()
    return [first] + lost[:5]


def check(database, acks):
    print("\n".join(judge(database, read_acks(acks))))


if __name__ == "__main__":
    words = {"bind": bind, "release": release, "churn": churn, "check": check,
             "renew": lambda *a: ask("renew", *a), "reboot": lambda *a: ask("reboot", *a)}
    if len(sys.argv) < 2 or sys.argv[1] not in words:
        sys.exit(__doc__)
    words[sys.argv[1]](*sys.argv[2:])
