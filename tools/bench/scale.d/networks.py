# SPDX-License-Identifier: GPL-2.0-only
"""1, 10, 100, 1000 networks on one host: each command, memory, the daemon, a packet in the first and the last.

Beside it, in the same run and in turn, the floor: the namespace, bridge and
veth that a network is made of, by ip(8).
"""
import os
import time

import lanes
import stage

FIRST = "n1"
SUBNET = "10.77.0.0/24"
BARE_MEMORY = 100	# networks of the floor that are kept, for their memory


class Networks:
    def __init__(self, work):
        self.host, self.n = stage.Host(work, "many"), 0
        self.sites = []
        self.last = None

    def up(self, subnet="auto"):
        self.n += 1
        return self.host.timed("up", f"n{self.n}", "--subnet", subnet, "--uplink", "up0")[0]

    def guest(self, net, label):
        """In the first network, or in one with the same subnet: the bench knows one guest's address."""
        ns = stage.new_netns(f"many-{label}")
        gateway = self.host.guest(net, "guest", ns, stage.GUEST_IP)
        return self.host.line(ns, gateway, label)


def one_network(work):
    host = stage.Host(work, "one")
    host.culvert("up", FIRST, "--subnet", SUBNET, "--uplink", "up0")
    ns = stage.new_netns("one-guest")
    return host, host.line(ns, host.guest(FIRST, "guest", ns, stage.GUEST_IP), "one")


def add(bench, name, unit, samples, at, label, **more):
    bench.report.add(f"networks_{name}_{at}", unit, "ratio" if unit == "ratio" else "value", samples, x=at, row=label,
                     label=f"{label}, {at} networks", **more)


def commands(bench, many, at):
    """What is asked while they are there."""
    last = f"n{many.n}"
    for name, words in (("ls", ("ls",)), ("show", ("show", last)), ("stats", ("stats", last)),
                        ("flow_count", ("flow", "count")), ("doctor", ("doctor",)), ("up_again", ("up", last))):
        rounds = 1 if bench.quick or name == "doctor" else 3
        took = [many.host.timed(*words)[0] for _ in range(rounds)]
        add(bench, f"{name}_cpu_ms", "ms", [t.cpu_ms for t in took], at, f"{name.replace('_', ' ')}: CPU")
    ports = [(many.host.timed("port", "add", last, f"p{i}")[0], many.host.timed("port", "rm", last, f"p{i}")[0])
             for i in range(1 if bench.quick else 3)]
    add(bench, "port_add_cpu_ms", "ms", [p[0].cpu_ms for p in ports], at, "port add: CPU")
    add(bench, "port_rm_cpu_ms", "ms", [p[1].cpu_ms for p in ports], at, "port rm: CPU")


def grow(bench, many, bare, at):
    """Up to so many; the last of them in turn with the floor."""
    samples = min(at - 1, 3 if bench.quick else 15)
    while many.n < at - samples:
        many.up()
    daemon = many.host.daemon()[0]
    ours, floor, begun = [], [], many.n
    for _ in range(at - many.n):
        floor.append(bare.up())
        ours.append(many.up())
        bare.down()
    time.sleep(1.5)	# what the daemon does about it
    daemon = (many.host.daemon()[0] - daemon) / (at - begun)
    add(bench, "up_ms", "ms", [t.ms for t in ours], at, "up")
    add(bench, "up_cpu_ms", "ms", [t.cpu_ms for t in ours], at, "up: CPU")
    add(bench, "up_floor_ms", "ms", floor, at, "namespace, bridge, veth by ip")
    add(bench, "up_to_floor", "ratio", [a.ms / b for a, b in zip(ours, floor)], at, "up, to that")
    add(bench, "up_daemon_cpu_ms", "ms", [daemon], at, "CPU of the daemon for each up")


def packet(bench, many, one, first, at):
    """In the first network and in one that has just come up, in turn with a host that has one network."""
    many.up(SUBNET)
    last = many.guest(f"n{many.n}", f"last-{at}")
    # Both leave by the same link of the same host, where one sink sees both: one after the other.
    for label, line in (("first", first), ("last", last)):
        raw = lanes.measure(bench.work, [bench.floor.line(), one, line], 100, 4 if bench.quick else 60)
        name = line.split()[7]
        for way in ("up", "down"):
            add(bench, f"packet_{way}_{label}", "ratio", lanes.ratios(raw, name, "one", way), at,
                f"packet {way}, {label} network, to one alone")
    many.host.culvert("down", f"n{many.n}")
    many.n -= 1


def idle(bench, many, at):
    time.sleep(1.5)	# it looks more often for a while after a change
    busy = many.host.daemon_busy_pct(1 if bench.quick else 15)
    add(bench, "daemon_idle_pct", "%", [busy], at, "the daemon, nothing to do: of one CPU")
    add(bench, "daemon_mib", "MiB", [many.host.daemon()[1]], at, "resident memory of the daemon")


def down(bench, many, bare, at):
    """The last ones, in turn with the floor."""
    ours, floor = [], []
    for _ in range(2 if bench.quick else min(10, at // 2)):
        bare.up()
        floor.append(bare.down())
        ours.append(many.host.timed("down", f"n{many.n}")[0])
        many.n -= 1
    add(bench, "down_ms", "ms", [t.ms for t in ours], at, "down")
    add(bench, "down_cpu_ms", "ms", [t.cpu_ms for t in ours], at, "down: CPU")
    add(bench, "down_to_floor", "ratio", [a.ms / b for a, b in zip(ours, floor)], at, "down, to that by ip")
    while many.n < at:
        many.up()


def floor_memory(bench, bare):
    kept = 4 if bench.quick else BARE_MEMORY
    before = bench.account.settled()
    for _ in range(kept):
        bare.up()
    each = (bench.account.settled() - before) / kept
    bench.floor_kib = each * 1024
    bench.report.add("networks_floor_kib", "KiB", "value", [each * 1024],
                     label="kernel memory of a namespace, bridge and veth")
    for _ in range(kept):
        bare.down()


def memory(bench, before, at):
    each = (bench.account.settled() - before) * 1024 / (at - 1)
    add(bench, "kernel_kib_each", "KiB", [each], at, "kernel memory of each")
    add(bench, "kernel_to_floor", "ratio", [each / bench.floor_kib], at, "kernel memory, to that by ip",
        threshold_pct=None)


def measure(bench):
    steps = (2, 10) if bench.quick else (1, 10, 100, 1000)
    bare = bench.bare
    floor_memory(bench, bare)
    one_host, one = one_network(bench.work)
    many = Networks(bench.work)
    bench.report.add("networks_first_up_ms", "ms", "value", [many.up(SUBNET).ms],
                     label="up of the first: loads the programs")
    first = many.guest(FIRST, "first")
    before = bench.account.settled()
    for at in steps:
        if at > 1:
            grow(bench, many, bare, at)
            memory(bench, before, at)
        commands(bench, many, at)
        idle(bench, many, at)
        packet(bench, many, one, first, at)
        if at > 5:
            down(bench, many, bare, at)
    bench.report.add("networks_maps_mib", "MiB", "value",
                     [sum(many.host.map_info(name)["bytes_memlock"] for name in os.listdir(f"{many.host.bpf}/map")) / 2 ** 20],
                     label="all maps, whatever is in them")
    took = many.host.timed("down", "--all")[0]
    bench.report.add("networks_down_all_ms_each", "ms", "value", [took.ms / many.n],
                     label=f"down --all of {many.n}: for each")
    one_host.culvert("down", "--all")
