#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What every suite of the bench writes, and how two such files are compared.

A suite makes a Report before it measures, adds metrics, and ends with

    sys.exit(report.finish(json_path, baseline_path))

which writes the file, tells what is worse than the baseline, and returns the
exit status.  As a program:

    report.py NEW BASELINE        compares two files
    report.py --show FILE         prints one

Exit: 0 done, 1 failed, 2 usage, 3 worse than the baseline, 4 cannot be judged.

The file: {version, suite, header, metrics, verdict}, and what else a suite
adds to `extra`.  A metric is

    name, unit
    kind           exact: a count, the same in every run on one kernel and compiler
                   min: the least of the samples
                   ratio: the median of ratios within rounds
                   value: a median that depends on the machine, told and not judged
    value, samples (how many), p25, p50, p75, p90
    better         lower | higher
    threshold_pct  by how much it may get worse; null: not judged
    noise_pct      standard error of the value; null: not known

Noise goes before regressions: what noise has broken proves nothing.
"""
import argparse
import hashlib
import json
import math
import os
import platform
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
VERSION = 1
DONE, FAILED, USAGE, WORSE, NOISY = range(5)
KINDS = ("exact", "min", "ratio", "value")
THRESHOLD_PCT = {"exact": 1.0, "min": 15.0, "ratio": 20.0, "value": None}
MAX_STEAL_PCT = 25.0
MADE_OF = ("kernel", "clang")	# what an exact metric depends on


def quantile(ordered, q):
    """Of sorted values, between neighbours."""
    at = q * (len(ordered) - 1)
    below = math.floor(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (at - below) * (ordered[above] - ordered[below])


def median_noise_pct(ordered):
    """Standard error of a median: 1.253 sigma / sqrt(n), sigma = IQR / 1.349."""
    middle = quantile(ordered, 0.5)
    spread = quantile(ordered, 0.75) - quantile(ordered, 0.25)
    return 100 * 0.929 * spread / abs(middle) / math.sqrt(len(ordered)) if middle else None


# --- the header: what the figures are of

def output(command):
    """None when it fails."""
    try:
        return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              stdin=subprocess.DEVNULL, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


def first_line(command):
    return ((output(command) or "").splitlines() or [None])[0]


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in f:
            if line.startswith(("model name", "Hardware", "cpu model")):
                return line.partition(":")[2].strip()
    return platform.machine()


def sha256(path):
    try:
        with open(path, "rb") as f:
            return hashlib.sha256(f.read()).hexdigest()
    except OSError:
        return None


def stat_ticks(cpu="cpu"):
    """(busy, stolen) ticks of a line of /proc/stat; BENCH_STAT names another file, for tests."""
    with open(os.environ.get("BENCH_STAT", "/proc/stat"), encoding="utf-8") as f:
        for line in f:
            words = line.split()
            if words[0] == cpu:
                user, nice, system, _, _, irq, softirq, steal = map(int, words[1:9])
                return user + nice + system + irq + softirq + steal, steal
    raise ValueError(f"no line \"{cpu}\" in /proc/stat")


def programs():
    """The eBPF object as built here; the binary that contains it where that is all there is."""
    built = os.path.join(os.environ.get("BUILD", os.path.join(TOP, "build")), "culvert.bpf.o")
    return built if os.path.exists(built) else os.environ.get("CULVERT_PROGRAM", built)


def revision():
    """Of the source tree, else what the binary says of itself."""
    if os.path.isdir(os.path.join(TOP, "bpf")):
        found = first_line(["git", "-C", TOP, "describe", "--always", "--dirty", "--abbrev=12"])
        if found:
            return found
    text = output([os.environ.get("CULVERT_PROGRAM", "culvert"), "version", "-o", "json"])
    return json.loads(text)["versions"][0]["culvert"] if text else None


def header(program=None):
    """`program`: the eBPF object, or a binary that contains it."""
    program = program or programs()
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "revision": revision(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpu": cpu_model(),
        "cpus": os.cpu_count(),
        "clang": first_line([os.environ.get("CLANG", "clang"), "-dumpversion"]),
        "object": os.path.basename(program),
        "object_sha256": sha256(program),
        "loadavg": os.getloadavg()[0],
    }


class Report:
    """Of one run.  `program`: as in header(); `cpu`: where it runs, "cpu" is all of them."""

    def __init__(self, suite, program=None, cpu="cpu"):
        self.suite, self.cpu = suite, cpu
        self.header = header(program)
        self.metrics, self.extra = [], {}
        self.begin = stat_ticks(cpu)
        self.steal = None

    def add(self, name, unit, kind, samples, better="lower", **more):
        """`samples`: at least one number; `more`: other members, which go before those made here."""
        assert kind in KINDS and better in ("lower", "higher") and samples
        ordered = sorted(samples)
        metric = {
            "name": name, "unit": unit, "kind": kind, "better": better,
            "value": ordered[0] if kind == "min" else quantile(ordered, 0.5),
            "samples": len(ordered),
            "p25": quantile(ordered, 0.25), "p50": quantile(ordered, 0.5),
            "p75": quantile(ordered, 0.75), "p90": quantile(ordered, 0.9),
            "threshold_pct": THRESHOLD_PCT[kind],
            "noise_pct": median_noise_pct(ordered) if kind in ("ratio", "value") else None,
        }
        metric.update(more)
        self.metrics.append(metric)
        return metric

    def set_steal(self, busy, stolen):
        """Ticks that another program has counted while it measured."""
        self.steal = busy, stolen

    def steal_pct(self):
        """Since the beginning, of the time that was not idle."""
        busy, stolen = self.steal or (after - before for after, before in
                                      zip(stat_ticks(self.cpu), self.begin))
        return 100 * stolen / busy if busy > 0 else 0.0

    def finish(self, path=None, baseline=None, noise_fails=True):
        """Write, compare, tell.  Returns the exit status; `noise_fails`: also without a baseline."""
        steal = self.steal_pct()
        self.header["steal_ticks"] = {"before": self.begin[1], "after": stat_ticks(self.cpu)[1]}
        self.header["steal_pct"] = steal
        document = {"version": VERSION, "suite": self.suite, "header": self.header,
                    "metrics": self.metrics, **self.extra}
        code = DONE
        if baseline or noise_fails:
            code = judge(document, load(baseline) if baseline else None)
        document["verdict"] = {"status": code, "baseline": baseline}
        if path:
            write(path, document)
        return code


# --- files

def write(path, document):
    """Whole or not at all."""
    part = f"{path}.part"
    with open(part, "w", encoding="utf-8") as f:
        json.dump(document, f, indent=1)
        f.write("\n")
    os.replace(part, path)


class NoReport(Exception):
    """The file is not one that a suite wrote."""


def load(path):
    try:
        with open(path, encoding="utf-8") as f:
            document = json.load(f)
        if document["version"] != VERSION:
            raise NoReport(f"{path}: is of version {document['version']}, not {VERSION}")
        for key in ("suite", "header", "metrics"):
            _ = document[key]
        for metric in document["metrics"]:
            _ = [metric[key] for key in ("name", "kind", "value", "better", "threshold_pct", "unit")]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise NoReport(f"{path}: no figures of the bench: {problem!r}") from None
    return document


# --- judgement

def stolen(document):
    steal = document["header"].get("steal_pct", 0)
    return [f"{steal:.1f} % of the CPU time was stolen"] if steal > MAX_STEAL_PCT else []


def noise(document):
    """Why it cannot be judged; empty: it can."""
    reasons = stolen(document)
    vague = [f"{m['name']} {m['noise_pct']:.0f} %" for m in document["metrics"]
             if m["threshold_pct"] and (m.get("noise_pct") or 0) > m["threshold_pct"] / 2]
    if vague:
        reasons.append(f"scatters too much, standard error: {', '.join(vague)}")
    return reasons


def worse_pct(new, old):
    """By how much the new value is worse; below 0: better.  Of its own worth when higher is better."""
    if new["better"] == "lower":
        new, old = new["value"], old["value"]
    else:
        new, old = old["value"], new["value"]
    if old <= 0:
        return 0.0 if new <= old else math.inf
    return 100 * (new / old - 1)


def compare(new, old):
    """Returns [(metric, old metric, percent worse)] of all that both have, and the names that only one has."""
    theirs = {m["name"]: m for m in old["metrics"]}
    both = [(m, theirs[m["name"]], worse_pct(m, theirs[m["name"]]))
            for m in new["metrics"] if m["name"] in theirs]
    alone = sorted(theirs.keys() ^ {m["name"] for m in new["metrics"]})
    return both, alone


def judge(new, old=None):
    """Tells on standard output; returns the exit status."""
    reasons = noise(new)
    worse = []
    if old:
        if old["suite"] != new["suite"]:
            raise NoReport(f"the baseline is of the suite {old['suite']}, not {new['suite']}")
        both, alone = compare(new, old)
        if not both:
            raise NoReport("the baseline has no metric that was measured")
        worse = [(m, was, pct) for m, was, pct in both if m["threshold_pct"] and pct > m["threshold_pct"]]
        for m, was, pct in worse:
            print(f"worse: {m['name']}: {was['value']:.4g} -> {m['value']:.4g} {m['unit']}, "
                  f"{pct:+.1f} % (may be {m['threshold_pct']:g} %)")
        if alone:
            print(f"not in both, not compared: {' '.join(alone)}")
        other = [f"{key} {old['header'].get(key)}, not {new['header'].get(key)}" for key in MADE_OF
                 if old["header"].get(key) != new["header"].get(key)]
        if other:
            print(f"the baseline is of {'; '.join(other)}")
        if other and any(m["kind"] == "exact" for m, _, _ in worse):
            reasons.append("exact figures are of one kernel and compiler")
        if not worse:
            judged = sum(1 for m, _, _ in both if m["threshold_pct"])
            print(f"none of {judged} judged metrics is worse than the baseline")
    for reason in reasons:
        print(f"cannot be judged: {reason}")
    return NOISY if reasons else WORSE if worse else DONE


def show(document):
    head = document["header"]
    print(f"{document['suite']}: {head.get('cpus')} x {head.get('cpu')}, Linux {head.get('kernel')}, "
          f"{head.get('revision')}, {head.get('time')}")
    for m in document["metrics"]:
        spread = f"  [{m['p25']:.4g} .. {m['p75']:.4g}]" if m.get("samples", 1) > 1 else ""
        print(f"{m['name']:40} {m['value']:>12.4g} {m['unit']:6}{spread}")


def main():
    parser = argparse.ArgumentParser(prog="report.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--show", action="store_true", help="print NEW instead")
    parser.add_argument("new", metavar="NEW")
    parser.add_argument("baseline", metavar="BASELINE", nargs="?")
    args = parser.parse_args()
    if not args.show and not args.baseline:
        parser.error("a baseline is wanted")
    try:
        new = load(args.new)
        if args.show:
            show(new)
            return DONE
        return judge(new, load(args.baseline))
    except NoReport as problem:
        print(f"report.py: {problem}", file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
