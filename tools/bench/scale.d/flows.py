# SPDX-License-Identifier: GPL-2.0-only
"""Idle flows in the table: what they cost a packet, commands, the sweeper, memory; and their end."""
import os
import re
import statistics
import subprocess
import time

import lanes
import stage

NET = "n"
SPORTS = 100		# of a filler: its flows share so many ports outside
PER_FILLER = 65536	# as many as a guest may have


class Filled:
    """A host with a guest to measure, and guests that fill the table."""

    def __init__(self, work, name, table, udp_timeout="1h"):
        self.host = stage.Host(work, name, table)
        self.host.config(NET, f"subnet: 10.77.0.0/24\nuplink: up0\ntimeouts: {{ udp: {udp_timeout} }}\n"
                              f"limits: {{ flows-per-guest: {PER_FILLER} }}\n")
        self.host.culvert("up", NET)
        self.guest = stage.new_netns(f"{name}-guest")
        self.gateway = self.host.guest(NET, "guest", self.guest, stage.GUEST_IP)
        self.idle, self.ns = 0, stage.new_netns(f"{name}-fill")
        # Each answers ARP on its own link only, though all are in one namespace.
        stage.inside(self.ns, "sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1",
                     "net.ipv4.conf.default.rp_filter=0", "net.ipv4.conf.all.rp_filter=0")

    def filler(self, number):
        address = f"10.77.0.{100 + number}"
        mac = self.host.guest(NET, f"fill{number}", self.ns, address, f"02:63:76:01:00:{number:02x}",
                              f"g{number}", 32)
        return f"g{number}", mac, address

    def fill(self, flows):
        """One packet each.  Returns seconds; all of them must be there."""
        n = -(-flows // PER_FILLER)
        fillers = [self.filler(i) for i in range(n)]
        before, begin = self.host.flows(NET), time.monotonic()
        for i, (ifname, mac, address) in enumerate(fillers):
            stage.inside(self.ns, os.path.join(stage.BUILD, "flood"), ifname, "udp",
                         str(flows // n + (i < flows % n)), str(SPORTS), mac, address, stage.NOWHERE)
        took = time.monotonic() - begin
        self.idle = self.host.flows(NET) - before
        if self.idle != flows:
            raise stage.Failed(f"{self.host.name}: {self.idle} of {flows} flows are in the table")
        return took

    def line(self):
        return self.host.line(self.guest, self.gateway, self.host.name)


def word(number):
    """1000000 -> 1M, as names have it."""
    for unit, text in ((1000000, "M"), (1000, "k")):
        if number >= unit and number % unit == 0:
            return f"{number // unit}{text}"
    return str(number)


# --- the sweeper, and pings beside it

class Sweeper:
    """By its own account (map `sweeper`): what the kernel does not tell of a timer."""

    def __init__(self, host):
        self.host, self.at = host, {}
        self.read()

    def read(self):
        """Since the last time: CPU ms, percent of one CPU; the longest run ever, in us."""
        at = self.host.map_values("sweeper")[0]
        at["now"] = time.monotonic()
        seconds = at["now"] - self.at.get("now", 0)
        spent_ns = at["spent_ns"] - self.at.get("spent_ns", 0)
        self.at = at
        return {"cpu_ms": spent_ns / 1e6, "longest_us": at["longest_ns"] / 1e3, "seconds": seconds,
                "percent": spent_ns / 1e7 / seconds}


class Ping:
    """From a guest to the outside, 500 a second."""

    def __init__(self, filled, seconds):
        self.child = subprocess.Popen(["nsenter", f"--net=/run/netns/{filled.guest}", "ping", "-n", "-i", "0.002",
                                       "-c", str(int(seconds * 500)), "-W", "1", stage.FAR_IP], text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def end(self):
        """All round trips in ms, sorted."""
        out = self.child.communicate()[0]
        times = sorted(float(t) for t in re.findall(r"time=([0-9.]+) ms", out))
        if not times:
            raise stage.Failed(f"ping: {out[-300:]}")
        return times


def await_flows(filled, most, seconds):
    """Until there are not more than so many."""
    end = time.monotonic() + seconds
    while filled.host.flows(NET) > most:
        if time.monotonic() > end:
            raise stage.Failed(f"{filled.host.name}: flows do not end")
        time.sleep(0.1)


# --- the parts

def packets(bench):
    """Others' idle flows in the table, and what a packet costs meanwhile."""
    cases = (100, 2000, 20000) if bench.quick else (1000, 100000, 1000000)
    active = (1, 100) if bench.quick else (1, 100, 10000)
    table = 40000 if bench.quick else 1100000
    hosts = {}
    for idle in cases:
        hosts[idle] = Filled(bench.work, f"flows-{word(idle)}", table)
        seconds = hosts[idle].fill(idle)
        if idle == cases[-1]:
            bench.report.add("flows_fill_rate", "1/s", "value", [idle / seconds], better="higher",
                             label=f"flows made, up to {word(idle)}")
    memory(bench, hosts[cases[-1]], table)
    small = f"flows-{word(cases[0])}"
    for n in active:
        raw = lanes.measure(bench.work, [bench.floor.line()] + [h.line() for h in hosts.values()], n,
                            4 if bench.quick else 240 if n > 1000 else 160)
        for idle in cases:
            for way in ("up", "down"):
                of = f"flows-{word(idle)}"
                bench.report.add(f"packet_{way}_{n}_of_{word(idle)}_ns", "ns", "value",
                                 lanes.above_floor(raw, of, way), x=idle,
                                 row=f"packet {way}, {n} active flows",
                                 label=f"packet {way}, {n} active flows, {word(idle)} idle")
                if idle != cases[0]:
                    bench.report.add(f"packet_{way}_{n}_of_{word(idle)}", "ratio", "ratio",
                                     lanes.ratios(raw, of, small, way), x=idle,
                                     row=f"packet {way}, {n} active flows, to {word(cases[0])} idle",
                                     label=f"the same, to {word(cases[0])} idle")
    for idle in cases:
        commands(bench, hosts[idle], idle)
        sweeping(bench, hosts[idle], idle)
    for idle in cases:
        hosts[idle].host.culvert("down", "--all")


def memory(bench, filled, table):
    flows, keys = filled.host.map_info("flows"), filled.host.map_info("live_flows")
    each = (flows["bytes_memlock"] + keys["bytes_memlock"]) / table + filled.host.map_info("externals")["bytes_value"]
    bench.report.add("flow_bytes", "bytes", "value", [each], label=f"memory per flow, a table of {table}")


def commands(bench, filled, idle):
    """Those that an operator calls while the table is full."""
    host = filled.host
    for name, words in (("ls", ("ls",)), ("stats", ("stats", NET)), ("flow_count", ("flow", "count", NET)),
                        ("port_add", ("port", "add", NET, "one-more")), ("port_rm", ("port", "rm", NET, "one-more"))):
        took = [host.timed(*words)[0].cpu_ms] if name.startswith("port_") else \
            [host.timed(*words)[0].cpu_ms for _ in range(1 if bench.quick else 3)]
        bench.report.add(f"flows_{name}_of_{word(idle)}_cpu_ms", "ms", "value", took, x=idle,
                         row=f"{name.replace('_', ' ')}: CPU", label=f"{name.replace('_', ' ')}: CPU, {word(idle)} flows")


def sweeping(bench, filled, idle):
    """What the sweeper takes with all of them alive."""
    sweeper = Sweeper(filled.host)
    time.sleep(0.5 if bench.quick else 9)
    took = sweeper.read()
    bench.report.add(f"sweeper_alive_{word(idle)}_pct", "%", "value", [took["percent"]], x=idle,
                     row="the sweeper, all alive: of one CPU",
                     label=f"the sweeper, {word(idle)} live flows: of one CPU")
    bench.report.add(f"sweeper_alive_{word(idle)}_longest_us", "us", "value", [took["longest_us"]], x=idle,
                     row="the sweeper: longest run",
                     label=f"the sweeper, {word(idle)} live flows: longest run")


def filled_in_time(bench, flows):
    """A full table none of whose flows has ended yet: (Filled, timeout, seconds that it took)."""
    for timeout in (4, 12, 36, 108) if bench.quick else (45, 135):
        filled = Filled(bench.work, f"expiry-{timeout}", 40000 if bench.quick else 1100000, f"{timeout}s")
        try:
            seconds = filled.fill(flows)
            if seconds < timeout - 1:
                return filled, timeout, seconds
        except stage.Failed as problem:	# the first have gone before the last came
            print(problem)
        filled.host.culvert("down", "--all")
    raise stage.Failed(f"{flows} flows cannot be made within {timeout} s")


def expiry(bench):
    """All flows of a full table end: CPU, the longest hold of a CPU, what pings notice."""
    flows, pings = (20000, 1) if bench.quick else (1000000, 6)
    empty = Filled(bench.work, "expiry-none", 20000)
    before = Ping(empty, pings).end()
    empty.host.culvert("down", "--all")
    filled, timeout, seconds = filled_in_time(bench, flows)
    sweeper = Sweeper(filled.host)
    last = time.monotonic()
    full = None
    if not bench.quick:
        sweeper.read()
        full = Ping(filled, pings).end()
    # Until the first of them end, which began as long ago as it took to make all.
    time.sleep(max(0, timeout - seconds - (time.monotonic() - last)))
    sweeper.read()
    ping = Ping(filled, pings + seconds)
    await_flows(filled, 100, timeout + 60)
    took = sweeper.read()
    during = ping.end()
    word_ = word(flows)
    add = bench.report.add
    add("expiry_flows", "flows", "value", [flows], label="flows that ended")
    add("expiry_seconds", "s", "value", [took["seconds"]], label=f"{word_} flows end within")
    add("expiry_cpu_ms", "ms", "value", [took["cpu_ms"]], label=f"CPU of the sweeper until {word_} have gone")
    add("expiry_ns_per_flow", "ns", "value", [took["cpu_ms"] * 1e6 / flows], label="CPU for each")
    add("expiry_cpu_pct", "%", "value", [took["percent"]], label="meanwhile, of one CPU")
    add("expiry_longest_us", "us", "value", [took["longest_us"]], label="the longest run of the sweeper")
    for name, times in (("before", before), ("full", full), ("during", during)):
        if times:
            add(f"expiry_ping_{name}_p50_ms", "ms", "value", [statistics.median(times)],
                label=f"ping p50, {name}")
            add(f"expiry_ping_{name}_p99_ms", "ms", "value", [times[int(len(times) * 0.99)]],
                label=f"ping p99, {name}")
    filled.host.culvert("down", "--all")
