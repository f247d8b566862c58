# SPDX-License-Identifier: GPL-2.0-only
"""Cost per packet at several hosts, interleaved, by bench-scale."""
import json
import os
import subprocess

import stage

FLOOR_NS = 670	# as tools/bench/bench.h
WINDOW_MS = 3	# about as long as a busy kernel lets a process run


def measure(work, sites, flows, rounds):
    """`sites`: lines, the floor first.  Returns {label: {direction: [ns of each round]}}."""
    path = os.path.join(work, "sites")
    with open(path, "w", encoding="ascii") as f:
        f.writelines(sites)
    done = subprocess.run([os.path.join(stage.BUILD, "bench-scale"), str(rounds), str(WINDOW_MS),
                           str(flows), path], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False)
    if done.returncode:
        raise stage.Failed(f"bench-scale: {done.stderr.strip() or done.returncode}")
    return json.loads(done.stdout)


def ratios(raw, label, to, direction):
    """Within a round: what is above the floor, by what is above the floor of another host."""
    floor = raw["floor"]["up"] if direction == "up" else raw["floor"]["down"]
    return [(a - f) / (b - f)
            for a, b, f in zip(raw[label][direction], raw[to][direction], floor) if b > f]


def above_floor(raw, label, direction):
    """ns, at the speed of the machine of reference."""
    return [(a / f - 1) * FLOOR_NS for a, f in zip(raw[label][direction], raw["floor"][direction])]
