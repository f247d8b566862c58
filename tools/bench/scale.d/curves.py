# SPDX-License-Identifier: GPL-2.0-only
"""The figures as curves, one file each."""
import os
import re

import plot

# file, title, x axis, unit, [(series, names of its metrics: what stands for {} does not matter)]
PLOTS = (
    ("scale-flows", "A packet's cost by flows in the table, to the fewest", "idle flows in the table", "ratio",
     [(f"{way}, {active} active", rf"packet_{way}_{active}_of_\w+(?<!_ns)")
      for way in ("up", "down") for active in (1, 100, 10000)]),
    ("scale-sweeper", "The sweeper by live flows", "live flows", "% of a CPU",
     [("all alive", r"sweeper_alive_\w+_pct")]),
    ("scale-networks", "up and down by networks, beside what they are made of", "networks", "ms",
     [("up", r"networks_up_ms_\d+"), ("down", r"networks_down_ms_\d+"),
      ("namespace, bridge, veth by ip", r"networks_up_floor_ms_\d+")]),
    ("scale-networks-cpu", "CPU time of commands by networks", "networks", "ms",
     [("up", r"networks_up_cpu_ms_\d+"), ("the daemon, for each up", r"networks_up_daemon_cpu_ms_\d+"),
      ("down", r"networks_down_cpu_ms_\d+"), ("ls", r"networks_ls_cpu_ms_\d+"),
      ("port add", r"networks_port_add_cpu_ms_\d+"), ("stats", r"networks_stats_cpu_ms_\d+")]),
    ("scale-networks-packet", "A packet's cost by networks, to that of the only one", "networks", "ratio",
     [(f"{way}, the {which}", rf"networks_packet_{way}_{which}_\d+")
      for which in ("first", "last") for way in ("up", "down")]),
    ("scale-ports", "CPU time of commands by ports of a network", "ports", "ms",
     [("port add", r"ports_add_cpu_ms_\d+"), ("port rm", r"ports_rm_cpu_ms_\d+"),
      ("port ls", r"ports_port_ls_cpu_ms_\d+"), ("stats", r"ports_stats_cpu_ms_\d+"),
      ("up again", r"ports_up_again_cpu_ms_\d+")]),
    ("scale-ports-packet", "A packet's cost by ports, at the last one, to that of the only one", "ports", "ratio",
     [(way, rf"ports_packet_{way}_\d+") for way in ("up", "down")]),
)


def points(metrics, pattern):
    return [(m["x"], m["value"], *((m["p25"], m["p75"]) if m["samples"] > 2 else (None, None)))
            for m in metrics if re.fullmatch(pattern, m["name"])]


def draw(head, metrics, directory):
    """Those whose parts were measured."""
    note = f"{head['cpus']} x {head['cpu']}, Linux {head['kernel']}; median and quartiles; docs/performance/scale.md"
    for name, title, x_label, unit, series in PLOTS:
        curves = [(label, points(metrics, pattern)) for label, pattern in series]
        curves = [(label, of) for label, of in curves if len(of) > 1]
        if not curves:
            continue
        with open(os.path.join(directory, f"{name}.svg"), "w", encoding="utf-8") as f:
            f.write(plot.curves(title, note, curves, x_label, unit))
