#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What an independent dissector, tshark, says of packets captured outside.

judge.py FILE [RULE...]   print each fault, by the rules; all of them by default:
    internal          an address of 10.0.0.0/8, in a header, a quote or ARP
    checksum          a wrong IP, TCP, UDP or ICMP checksum, in a quote's header too
    malformed         what the dissector holds for an error
    identification    two datagrams of one peer and protocol with the same identification,
                      though they are fragments or may become some (RFC 6864)
    overlap           a fragment over another of its datagram
judge.py FILE --verified  what could be judged: how many checksums of each protocol are right,
                      how many packets are fragments, and how many quote another
Exit status 1 when there are faults.
"""
import collections
import os
import subprocess
import sys
import tempfile

INTERNAL = "10.0.0.0/8"
CHECKED = ("ip", "tcp", "udp", "icmp")
GOOD = "1"

# The kernel writes 0xffff for a sum of 0 whatever the protocol: the same number (RFC 1624).
BAD_SUM = "(%s) and not (tcp.checksum == 0xffff and tcp.checksum_calculated == 0)" % (
    " or ".join("%s.checksum.status in {0, 4}" % p for p in CHECKED))
FILTERS = {
    "internal": "ip.addr == %s or arp.src.proto_ipv4 == %s" % (INTERNAL, INTERNAL),
    "checksum": BAD_SUM,
    # A wrong checksum is an error too; it has its own rule.
    "malformed": '_ws.malformed or (_ws.expert.severity == "Error" and not (%s))' % BAD_SUM,
}
# What a payload means is nobody's business here, and guessing may go wrong.
KNOWN = {"_ws.expert", "_ws.malformed", "_ws.short", "frame", "eth", "ethertype", "ip", "arp", "icmp", "tcp",
         "udp", "data", "vlan"}


def configure(directory):
    """tshark in this process knows the KNOWN protocols only."""
    os.environ["WIRESHARK_CONFIG_DIR"] = directory
    run = subprocess.run(["tshark", "-G", "protocols"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         text=True, check=True)
    names = {line.split("\t")[2] for line in run.stdout.splitlines()}
    with open(os.path.join(directory, "disabled_protos"), "w") as f:
        f.write("\n".join(sorted(names - KNOWN)) + "\n")


def tshark(path, *words):
    command = ["tshark", "-n", "-r", path]
    for p in CHECKED[:3]:
        command += ["-o", p + ".check_checksum:TRUE"]
    run = subprocess.run(command + list(words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if run.returncode:
        sys.exit("tshark: " + run.stderr[:1000])
    return run.stdout.splitlines()


def fields(path, names, *words):
    """One list per packet: the first value of each field, in the outer header."""
    for line in tshark(path, *words, "-T", "fields", "-E", "occurrence=f",
                       *(w for n in names for w in ("-e", n))):
        yield line.split("\t")


def by_filter(path, rule):
    return ["%s: %s" % (rule, line.strip()) for line in tshark(path, "-Y", FILTERS[rule])]


def is_set(text):
    return text in ("1", "True")


def ip_headers(path):
    """Of each IPv4 packet: frame, (source, destination, protocol, identification), DF, MF, begin, end."""
    names = ("frame.number", "ip.src", "ip.dst", "ip.proto", "ip.id", "ip.flags.df", "ip.flags.mf",
             "ip.frag_offset", "ip.len", "ip.hdr_len")
    for v in fields(path, names, "-o", "ip.defragment:FALSE", "-Y", "ip"):
        if not all(v):
            continue        # so malformed that there is none: another rule's
        begin = int(v[7]) * 8      # in blocks, as on the wire
        yield v[0], tuple(v[1:5]), is_set(v[5]), is_set(v[6]), begin, begin + int(v[8]) - int(v[9])


def identification(path):
    faults, seen = [], {}
    for frame, key, df, mf, begin, _ in ip_headers(path):
        if begin or (df and not mf):
            continue
        if key in seen:
            faults.append("identification: frame %s has that of frame %s: %s" % (
                frame, seen[key], " ".join(key)))
        seen[key] = frame
    return faults


def overlap(path):
    """The same part again is a copy; the network makes such."""
    faults, parts = [], collections.defaultdict(set)
    for frame, key, _, mf, begin, end in ip_headers(path):
        if not mf and not begin:
            continue
        for b, e in parts[key] - {(begin, end)}:
            if begin < e and b < end:
                faults.append("overlap: frame %s, bytes %d to %d, over %d to %d of %s" % (
                    frame, begin, end, b, e, " ".join(key)))
                break
        parts[key].add((begin, end))
    return faults


RULES = {
    "internal": lambda path: by_filter(path, "internal"),
    "checksum": lambda path: by_filter(path, "checksum"),
    "malformed": lambda path: by_filter(path, "malformed"),
    "identification": identification,
    "overlap": overlap,
}


def verified(path):
    for p in CHECKED:
        print(p, len(tshark(path, "-Y", "%s.checksum.status == %s" % (p, GOOD))))
    print("fragment", sum(mf or begin > 0 for _, _, _, mf, begin, _ in ip_headers(path)))
    print("quote", len(tshark(path, "-Y", "icmp.type in {3, 4, 5, 11, 12}")))


def main(path, *rules):
    if rules == ("--verified",):
        return verified(path)
    faults = []
    for rule in rules or RULES:
        faults += RULES[rule](path)
    print("\n".join(faults), end="\n" if faults else "")
    return bool(faults)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as scratch:
        configure(scratch)
        sys.exit(main(*sys.argv[1:]))
