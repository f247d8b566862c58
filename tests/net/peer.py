#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Both ends of the tests' conversations, one word each.

serve ADDRESS PORT        TCP and UDP: the first line of a TCP connection says what it wants,
                          ECHO | SINK | SOURCE BYTES SEED | WHO; a datagram "WHO" is answered
                          with the sender's address and port, any other with itself
bulk HOST PORT BYTES      upload and download, digests compared
echo HOST PORT SIZE...    one UDP datagram per size, each must come back whole and in order
who tcp|udp HOST PORT [SPORT [ADDRESS]]   the address and port that the server sees of what
                          comes from there
hold HOST PORT SPORT FILE TEXT  TCP and UDP from SPORT; once FILE exists, an exchange of TEXT on both
segments HOST PORT SIZE N one UDP GSO send of N datagrams of SIZE bytes: each must come back
flows HOST PORT N [tcp]   N flows, half TCP, half UDP (tcp: all TCP), exchange until SIGTERM; any failure counts
error HOST PORT [SPORT]   send a datagram to a closed port; print the ICMP error's name
ask HOST PORT SECONDS     send a datagram, wait so long; print "answered" or "silence"
fill HOST PORT N FILE     N UDP flows, one after another, each answered or told why not; print how
                          many of each; keep the sockets until FILE exists
mtu HOST PORT             send large datagrams that may not be fragmented; print the path's MTU
knock HOST PORT...        one datagram and one connection attempt each, without waiting
late ADDRESS PORT AFTER... a server that answers each datagram AFTER seconds (n-th arg, n-th peer)
protocol NUMBER           answers "WHO" in packets of this IP protocol with the sender's address
protocol NUMBER HOST      sends one, prints the answer
frames IFACE KIND N KEY=VALUE...    N raw frames
"""
import errno
import hashlib
import os
import select
import signal
import socket
import struct
import sys
import threading
import time

DEADLINE = 10.0


def pattern(size, seed):
    """Bytes that both sides can make and that repeat nowhere near a segment's length."""
    block = hashlib.shake_128(str(seed).encode()).digest(65521)
    return (block * (size // len(block) + 1))[:size]


def read_line(conn):
    line = b""
    while not line.endswith(b"\n"):
        c = conn.recv(1)
        if not c:
            break
        line += c
    return line.decode().split()


def serve_connection(conn, peer):
    with conn:
        words = read_line(conn)
        if not words:
            return
        if words[0] == "WHO":
            conn.sendall(("%s %d\n" % peer).encode())
        elif words[0] == "ECHO":
            while data := conn.recv(65536):
                conn.sendall(data)
        elif words[0] == "SINK":
            digest = hashlib.sha256()
            while data := conn.recv(262144):
                digest.update(data)
            conn.sendall(digest.hexdigest().encode())
        elif words[0] == "SOURCE":
            conn.sendall(pattern(int(words[1]), words[2]))


def serve_quietly(conn, peer):
    try:
        serve_connection(conn, peer)
    except OSError:
        pass


def serve_datagrams(sock):
    while True:
        data, peer = sock.recvfrom(65536)
        try:
            sock.sendto(("%s %d" % peer).encode() if data == b"WHO" else data, peer)
        except OSError:
            pass


def serve(host, port):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    udp.bind((host, int(port)))
    tcp = socket.socket()
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    tcp.bind((host, int(port)))
    tcp.listen(256)
    threading.Thread(target=serve_datagrams, args=(udp,), daemon=True).start()
    print("ready", flush=True)
    while True:
        conn, peer = tcp.accept()
        threading.Thread(target=serve_quietly, args=(conn, peer), daemon=True).start()


def connect(host, port, sport=0, addr=""):
    sock = socket.socket()
    sock.settimeout(DEADLINE)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sport or addr:
        sock.bind((addr, int(sport)))
    sock.connect((host, int(port)))
    return sock


def datagram(host, port, sport=0, addr=""):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(DEADLINE)
    sock.bind((addr, int(sport)))
    sock.connect((host, int(port)))
    return sock


def read_all(sock):
    parts = []
    while data := sock.recv(262144):
        parts.append(data)
    return b"".join(parts)


def bulk(host, port, size):
    size = int(size)
    data = pattern(size, "up")
    with connect(host, port) as sock:
        sock.sendall(b"SINK\n" + data)
        sock.shutdown(socket.SHUT_WR)
        if read_all(sock).decode() != hashlib.sha256(data).hexdigest():
            sys.exit("upload damaged")
    with connect(host, port) as sock:
        sock.sendall(b"SOURCE %d down\n" % size)
        if read_all(sock) != pattern(size, "down"):
            sys.exit("download damaged")


def echo(host, port, *sizes):
    ip_mtu_discover, ip_pmtudisc_dont = 10, 0
    with datagram(host, port) as sock:
        sock.setsockopt(socket.IPPROTO_IP, ip_mtu_discover, ip_pmtudisc_dont)
        for size in map(int, sizes):
            data = pattern(size, size)
            sock.send(data)
            try:
                back = sock.recv(65536)
            except socket.timeout:
                sys.exit("%d bytes: no answer" % size)
            if back != data:
                sys.exit("%d bytes: %d came back" % (size, len(back)))


def who(proto, host, port, sport=0, addr=""):
    with (connect if proto == "tcp" else datagram)(host, port, sport, addr) as sock:
        sock.send(b"WHO\n" if proto == "tcp" else b"WHO")
        print(sock.recv(100).decode().strip())


def hold(host, port, sport, path, text):
    with connect(host, port, sport) as tcp, datagram(host, port, sport) as udp:
        tcp.sendall(b"ECHO\n")
        print("ready", flush=True)
        while not os.path.exists(path):
            time.sleep(0.02)
        for sock in (tcp, udp):
            sock.send(text.encode())
            print(sock.recv(1000).decode(), flush=True)


def segments(host, port, size, count):
    udp_segment = 103
    size, count = int(size), int(count)
    with datagram(host, port) as sock:
        sock.send(b"first")     # the flow is made by a packet of its own
        sock.recv(100)
        sock.setsockopt(socket.IPPROTO_UDP, udp_segment, size)
        data = pattern(size * count, size)
        sock.send(data)
        back = []
        try:
            for _ in range(count):
                back.append(sock.recv(65536))
        except socket.timeout:
            pass
        if b"".join(back) != data:
            sys.exit("%d of %d datagrams came back, in order: %s" % (
                len(back), count, back == [data[i * size:][:size] for i in range(len(back))]))


class Flow:
    def __init__(self, tcp, host, port):
        self.sock = connect(host, port) if tcp else datagram(host, port)
        if tcp:
            self.sock.sendall(b"ECHO\n")
        self.failed = None

    def ask(self, data):
        self.want = data
        try:
            self.sock.send(data)
        except OSError as e:
            self.failed = self.failed or e

    def answer(self):
        try:
            got = b""
            while len(got) < len(self.want):
                part = self.sock.recv(len(self.want) - len(got))
                if not part:
                    raise OSError("closed")
                got += part
            if got != self.want:
                raise OSError("wrong data")
        except OSError as e:
            self.failed = self.failed or e


def flows(host, port, count, proto=""):
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
    all_flows = [Flow(i % 2 or proto == "tcp", host, port) for i in range(int(count))]
    print("ready", flush=True)
    rounds = 0
    while not stopped:
        for i, flow in enumerate(all_flows):
            flow.ask(b"%6d %3d" % (rounds, i))
        for flow in all_flows:
            flow.answer()
        rounds += 1
        print("round", rounds, flush=True)
        time.sleep(0.02)        # the pace of the flows, not a wait
    broken = [f for f in all_flows if f.failed]
    print("flows %d rounds %d broken %d" % (len(all_flows), rounds, len(broken)), flush=True)
    for flow in broken[:5]:
        print(flow.failed)
    sys.exit(bool(broken))


def outcome(sock):
    try:
        sock.send(b"anyone?")
        sock.recv(100)
        return "answered"
    except socket.timeout:
        return "silence"
    except OSError as e:
        return errno.errorcode[e.errno]


def error(host, port, sport=0):
    with datagram(host, port, sport) as sock:
        print(outcome(sock))


def ask(host, port, seconds):
    with datagram(host, port) as sock:
        sock.settimeout(float(seconds))
        print(outcome(sock))


def fill(host, port, count, path):
    socks = [datagram(host, port) for _ in range(int(count))]
    outcomes = [outcome(sock) for sock in socks]
    print(*("%d %s" % (outcomes.count(o), o) for o in sorted(set(outcomes))), sep=", ")
    print("ready", flush=True)
    while not os.path.exists(path):
        time.sleep(0.02)


def mtu(host, port):
    ip_mtu_discover, ip_pmtudisc_do, ip_mtu = 10, 2, 14
    with datagram(host, port) as sock:
        sock.setsockopt(socket.IPPROTO_IP, ip_mtu_discover, ip_pmtudisc_do)
        end = time.monotonic() + DEADLINE
        size = sock.getsockopt(socket.IPPROTO_IP, ip_mtu) - 28
        sock.settimeout(1)
        while time.monotonic() < end:
            try:
                sock.send(b"m" * size)
                sock.recv(65536)
                break
            except socket.timeout:
                continue
            except OSError as e:
                if e.errno != errno.EMSGSIZE:
                    raise
                size = sock.getsockopt(socket.IPPROTO_IP, ip_mtu) - 28
        print(sock.getsockopt(socket.IPPROTO_IP, ip_mtu))


def knock(host, *ports):
    for port in map(int, ports):
        with datagram(host, port) as sock:
            try:
                sock.send(b"knock")
            except OSError:
                pass
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex((host, port))
        select.select([], [sock], [], 0.02)
        sock.close()


def late(host, port, *delays):
    """Answers leave on time though the process sleeps: that is what is tested."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, int(port)))
    print("ready", flush=True)
    due = []
    for delay in map(float, delays):
        data, peer = sock.recvfrom(100)
        due.append((time.monotonic() + delay, data, peer))
        print("heard", len(due), flush=True)
    for when, data, peer in sorted(due):
        time.sleep(max(0, when - time.monotonic()))
        sock.sendto(data, peer)
    print("done", flush=True)


def protocol(number, host=None):
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, int(number)) as sock:
        if host:
            sock.settimeout(DEADLINE)
            sock.connect((host, 0))
            sock.send(b"WHO")
            packet = sock.recv(65536)
            print(packet[(packet[0] & 15) * 4:].decode())
            return
        print("ready", flush=True)
        while True:
            packet, peer = sock.recvfrom(65536)
            if not packet.endswith(b"WHO"):     # another one's answer
                continue
            with socket.socket(socket.AF_INET, socket.SOCK_RAW, int(number)) as back:
                back.bind((socket.inet_ntoa(packet[16:20]), 0))
                back.sendto(peer[0].encode(), peer)


# --- raw frames

def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ipv4(src, dst, proto, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, proto, 0,
                       socket.inet_aton(src), socket.inet_aton(dst))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def udp_packet(src, dst, sport, dport, data):
    return ipv4(src, dst, 17, struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data)


def arp(op, smac, sip, tmac, tip):
    return struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, op, mac_bytes(smac),
                       socket.inet_aton(sip), mac_bytes(tmac), socket.inet_aton(tip))


def make_frame(kind, v):
    """One frame; v: mac ip (the guest's own), gwmac gw, other (MAC), otherip, dst."""
    def eth(src, dst, ethertype, payload):
        return mac_bytes(dst) + mac_bytes(src) + struct.pack("!H", ethertype) + payload
    good = udp_packet(v["ip"], v["dst"], 4000, 4000, b"forged?")
    broadcast = "ff:ff:ff:ff:ff:ff"
    zero = "00:00:00:00:00:00"
    if kind == "good":
        return eth(v["mac"], v["gwmac"], 0x0800, good)
    if kind == "mac":
        return eth(v["other"], v["gwmac"], 0x0800, good)
    if kind == "ip":
        return eth(v["mac"], v["gwmac"], 0x0800,
                   udp_packet(v["otherip"], v["dst"], 4000, 4000, b"forged!"))
    if kind == "arp-ip":        # "the other address is mine"
        return eth(v["mac"], broadcast, 0x0806, arp(2, v["mac"], v["otherip"], zero, v["otherip"]))
    if kind == "arp-gateway":   # "I am the gateway"
        return eth(v["mac"], broadcast, 0x0806, arp(2, v["mac"], v["gw"], zero, v["gw"]))
    if kind == "arp-mac":
        return eth(v["mac"], broadcast, 0x0806, arp(1, v["other"], v["ip"], zero, v["otherip"]))
    if kind == "dhcp":          # a server's offer
        offer = b"\2\1\6\0" + b"\0" * 232 + b"\x63\x82\x53\x63" + b"\x35\1\2\xff"
        return eth(v["mac"], broadcast, 0x0800,
                   udp_packet(v["ip"], "255.255.255.255", 67, 68, offer))
    if kind == "ipv6":          # a router's advertisement
        ra = b"\x86\0\0\0\x40\0\x07\x08" + b"\0" * 8
        head = struct.pack("!IHBB", 6 << 28, len(ra), 58, 255)
        src = socket.inet_pton(socket.AF_INET6, "fe80::1")
        return eth(v["mac"], "33:33:00:00:00:01", 0x86dd,
                   head + src + socket.inet_pton(socket.AF_INET6, "ff02::1") + ra)
    if kind == "vlan":
        return eth(v["mac"], v["gwmac"], 0x8100, struct.pack("!HH", 5, 0x0800) + good)
    sys.exit("no such frame: " + kind)


def frames(iface, kind, count, *assignments):
    frame = make_frame(kind, dict(a.split("=", 1) for a in assignments))
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((iface, 0))
    for _ in range(int(count)):
        sock.send(frame)


COMMANDS = {f.__name__: f for f in (serve, bulk, echo, who, hold, segments, flows, error, ask, fill, mtu,
                                    knock, late, protocol, frames)}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    try:
        COMMANDS[sys.argv[1]](*sys.argv[2:])
    except KeyboardInterrupt:
        os._exit(130)
    except OSError as problem:
        sys.exit("%s: %s" % (" ".join(sys.argv[1:3]), problem))
