# SPDX-License-Identifier: GPL-2.0-only
"""1, 10, 100, 1000 ports on one network, and 1000 leases that are renewed."""
import time

import clients
import lanes
import stage

NET = "n"
SUBNET = "10.77.0.0/20"


class Ports:
    """Veths into one namespace; the guests' addresses come by DHCP."""

    def __init__(self, work):
        self.host, self.n = stage.Host(work, "ports"), 0
        self.host.config(NET, f"subnet: {SUBNET}\nuplink: up0\ndhcp: {{ lease: 1h, dns: none }}\n")
        self.host.culvert("up", NET)
        self.ns = stage.new_netns("ports-guests")

    def add(self):
        self.n += 1
        return self.host.timed("port", "add", NET, f"p{self.n}", "--veth", self.ns, "--ifname", f"g{self.n}",
                               "--mac", clients.mac_of(self.n))[0]

    def rm(self):
        took = self.host.timed("port", "rm", NET, f"p{self.n}")[0]
        self.n -= 1
        return took


def add(bench, name, unit, samples, at, label):
    bench.report.add(f"ports_{name}_{at}", unit, "ratio" if unit == "ratio" else "value", samples, x=at, row=label,
                     label=f"{label}, {at} ports")


def grow(bench, ports, bare, at):
    samples = min(at - 1, 3 if bench.quick else 15) or 1
    while ports.n < at - samples:
        ports.add()
        bare.port_add(ports.n)
    added, removed, floor = [], [], []
    for _ in range(samples):
        added.append(ports.add())
        floor.append(bare.port_add(ports.n))
    for _ in range(min(samples, 5)):
        bare.port_rm(ports.n)
        removed.append(ports.rm())
    while ports.n < at:
        ports.add()
        bare.port_add(ports.n)
    add(bench, "add_ms", "ms", [t.ms for t in added], at, "port add")
    add(bench, "add_cpu_ms", "ms", [t.cpu_ms for t in added], at, "port add: CPU")
    add(bench, "add_floor_ms", "ms", floor, at, "a veth into a bridge, by ip")
    add(bench, "add_to_floor", "ratio", [a.ms / b for a, b in zip(added, floor)], at, "port add, to that")
    add(bench, "rm_ms", "ms", [t.ms for t in removed], at, "port rm")
    add(bench, "rm_cpu_ms", "ms", [t.cpu_ms for t in removed], at, "port rm: CPU")


def commands(bench, ports, at):
    for name, words in (("port_ls", ("port", "ls", NET)), ("stats", ("stats", NET)), ("doctor", ("doctor",)),
                        ("up_again", ("up", NET))):
        took = [ports.host.timed(*words)[0].cpu_ms for _ in range(1 if bench.quick or name == "doctor" else 2)]
        add(bench, f"{name}_cpu_ms", "ms", took, at, f"{name.replace('_', ' ')}: CPU")


def packet(bench, ports, one, at):
    """At the port that was added last, in turn with a host that has one."""
    ns = stage.new_netns(f"ports-guest-{at}")
    gateway = ports.host.guest(NET, "guest", ns, stage.GUEST_IP)
    raw = lanes.measure(bench.work, [bench.floor.line(), one, ports.host.line(ns, gateway, "last")], 100,
                        4 if bench.quick else 60)
    for way in ("up", "down"):
        add(bench, f"packet_{way}", "ratio", lanes.ratios(raw, "last", "one-port", way), at,
            f"packet {way}, last port, to one alone")
    ports.host.culvert("port", "rm", NET, "guest")


def one_port(work):
    host = stage.Host(work, "one-port")
    host.culvert("up", NET, "--subnet", SUBNET, "--uplink", "up0")
    ns = stage.new_netns("one-port-guest")
    return host, host.line(ns, host.guest(NET, "guest", ns, stage.GUEST_IP), "one-port")


def leases(bench, ports):
    """All of them get a lease, then renew, each once in the time given."""
    n, seconds = ports.n, 1 if bench.quick else 20
    stage.inside(ports.ns, "sh", "-c", f"for i in $(seq {n}); do echo link set g$i up; done | ip -batch -")
    before = ports.host.daemon()[0]
    farm = clients.Clients(ports.ns, n)
    took = farm.boot()
    bench.report.add("leases_boot_s", "s", "value", [took], label=f"{n} clients boot, one after another")
    time.sleep(5.5)	# and the next look at all leases
    bench.report.add("leases_boot_daemon_cpu_ms", "ms", "value", [(ports.host.daemon()[0] - before) / n],
                     label="CPU of the daemon for each")
    bench.report.add("leases_idle_daemon_pct", "%", "value", [ports.host.daemon_busy_pct(1 if bench.quick else 15)],
                     label=f"the daemon with {n} leases, nothing to do: of one CPU")
    before, begin = ports.host.daemon()[0], time.monotonic()
    farm.renew(seconds)
    time.sleep(5.5)
    bench.report.add("leases_renew_daemon_pct", "%", "value",
                     [(ports.host.daemon()[0] - before) / (time.monotonic() - begin) / 10],
                     label=f"while {n} renew within {seconds} s: of one CPU")
    bench.report.add("leases_renew_daemon_cpu_us", "us", "value", [(ports.host.daemon()[0] - before) * 1e3 / n],
                     label="CPU of the daemon for each renewal")
    bench.report.add("leases_daemon_mib", "MiB", "value", [ports.host.daemon()[1]], label="its resident memory")
    farm.close()


def measure(bench):
    steps = (1, 50) if bench.quick else (1, 10, 100, 1000)
    bare = bench.bare
    bare.ports_begin(bench.account, 5 if bench.quick else 50)
    one_host, one = one_port(bench.work)
    ports = Ports(bench.work)
    before = bench.account.settled()
    for at in steps:
        grow(bench, ports, bare, at)
        commands(bench, ports, at)
        packet(bench, ports, one, at)
    bench.report.add("ports_kernel_kib_each", "KiB", "value",
                     [(bench.account.settled() - before) * 1024 / ports.n - bare.port_kib],
                     label="kernel memory of a port")
    bench.report.add("ports_floor_kib", "KiB", "value", [bare.port_kib], label="of a veth into a bridge by ip")
    leases(bench, ports)
    took = ports.host.timed("down", NET)[0]
    bench.report.add("ports_down_ms", "ms", "value", [took.ms], label=f"down of the network with {ports.n} ports")
    bench.report.add("ports_down_cpu_ms", "ms", "value", [took.cpu_ms], label="its CPU")
    one_host.culvert("down", "--all")
