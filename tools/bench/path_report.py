#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Judges what tools/bench/path has measured: called by it, and not by people.

DIR has begin.json, the header and the CPU's ticks as of the beginning, and the
samples that the bench wrote for each kind of guest.  Each row becomes a ratio for each backend but
the first, NAME.BACKEND, and a value for each, NAME.BACKEND.value; rows of guests
behind TAPs have names that begin with "tap.".
"""
import argparse
import json
import os
import sys

sys.dont_write_bytecode = True		# may lie where nobody writes
import plot  # noqa: E402
import report  # noqa: E402

GUESTS = ("veth", "tap")
# What scatters more than the rest, and so may change more before it means something.
THRESHOLD_PCT = {"rr_p99": 40.0, "new_flows": 40.0}
FLOWS = (1, 100, 10000)
TITLES = {"veth": "veth guests", "tap": "guests behind TAPs"}
LOOKS = {"nft": 0, "redirect": 1, "culvert": 2, "iptables": 3, "masquerade": 4, "none": 5, "bare": 6,
         "culvert-xdp": 7}
PLOTS = (
    ("packets", "Cost of a small packet", "above the generator's own; less is better",
     ("ns_up_1", "ns_up_100", "ns_up_10000", "ns_down_1", "ns_down_100", "ns_down_10000")),
    ("throughput", "Throughput", "more is better",
     ("pps_up_100", "pps_down_100", "tcp_up", "tcp_down", "tcp4_up", "tcp4_down", "seg_up", "seg_down")),
    ("connections", "Latency, connections, new flows",
     "ping-pong: less is better; connects and flows: more is better",
     ("rr_p50", "rr_p99", "crr", "new_flows")),
)


def metric_name(guests, row):
    return ("" if guests == "veth" else f"{guests}.") + row["name"]


def add_row(out, guests, reference, row):
    """Metrics of one row: values of all backends, and what the others are to the first.

    Judged is culvert; the others are there to be told, unless they are alone.
    """
    better = "higher" if row["more_is_better"] else "lower"
    of = {name: b for name, b in row["backends"].items() if "values" in b}
    for backend, got in of.items():
        more = {"guests": guests, "label": row["label"], "backend": backend}
        carried = {k: got[k] for k in ("bytes_arrived", "bytes_counted")}
        name = f"{metric_name(guests, row)}.{backend}"
        raw = {"raw_ns": got["raw_ns"]} if "raw_ns" in got else {}
        out.add(f"{name}.value", row["unit"], "value", got["values"], better, **more, **carried, **raw)
        if backend == reference:
            continue
        ratios = [mine / first for mine, first in zip(got["values"], of[reference]["values"])]
        threshold = None
        if backend == "culvert" or "culvert" not in of:
            threshold = THRESHOLD_PCT.get(row["name"], report.THRESHOLD_PCT["ratio"])
        out.add(name, f"x {reference}", "ratio", ratios, better, threshold_pct=threshold, **more)


def read_results(folder):
    """Returns the Report, ready to be finished."""
    out = report.Report("path")
    with open(os.path.join(folder, "begin.json"), encoding="utf-8") as f:
        begin = json.load(f)
    out.header, out.begin = begin["header"], begin["ticks"]
    busy = stolen = windows = disturbed = 0
    for guests in GUESTS:
        try:
            with open(os.path.join(folder, f"{guests}.json"), encoding="utf-8") as f:
                measured = json.load(f)
        except FileNotFoundError:
            continue
        for row in measured["rows"]:
            add_row(out, guests, measured["reference"], row)
        before, after = measured["ticks_before"], measured["ticks_after"]
        busy, stolen = busy + after[0] - before[0], stolen + after[1] - before[1]
        windows, disturbed = windows + measured["windows"], disturbed + measured["disturbed"]
        out.extra.update({"reference": measured["reference"], "quick": measured["quick"],
                          "floor_ns": measured["floor_ns"], "windows": windows, "disturbed_windows": disturbed})
    out.set_steal(busy, stolen)
    return out


# --- limits

def parse_limit(text):
    name, equals, ratio = text.partition("=")
    try:
        value = float(ratio)
    except ValueError:
        value = 0
    if not equals or not name or value <= 0:
        raise argparse.ArgumentTypeError(f"{text}: NAME=RATIO")
    return name, value


def over_limits(limits, metrics):
    """Tells; returns the exit status."""
    by_name = {m["name"]: m for m in metrics}
    code = report.DONE
    for name, limit in limits:
        m = by_name.get(f"{name}.culvert")
        if not m:
            print(f"bench: --limit {name}: not measured for culvert", file=sys.stderr)
            return report.FAILED
        over = m["value"] - limit if m["better"] == "lower" else limit - m["value"]
        # Two standard errors: what noise has broken proves nothing.
        if abs(over) < 2 * m["value"] * (m["noise_pct"] or 0) / 100:
            print(f"cannot be judged: {name} is x{m['value']:.3f}, too near to the limit x{limit:g}")
            code = report.NOISY
        elif over > 0:
            print(f"over limit: {name} is x{m['value']:.3f}, limit x{limit:g}")
            code = code or report.WORSE
    return code


# --- plots

def bar_plot(folder, guests, file, title, note, names, metrics):
    """`metrics`: of these guests, by name."""
    rows = [n for n in names if any(m["row"] == n and m["kind"] == "ratio" for m in metrics)]
    if not rows:
        return
    backends = list(dict.fromkeys(m["backend"] for m in metrics if m["kind"] == "ratio"))
    by = {(m["row"], m["backend"]): m for m in metrics if m["kind"] == "ratio"}
    reference = next(m["unit"].split()[1] for m in by.values())
    series = [(b, [(by[r, b]["value"], by[r, b]["p25"], by[r, b]["p75"]) if (r, b) in by else None
                   for r in rows]) for b in backends]
    labels = [next(m["label"] for m in metrics if m["row"] == r) for r in rows]
    svg = plot.bars(f"{title}, {TITLES[guests]}", f"ratio to {reference}: median of rounds and quartiles; {note}",
                    labels, series, looks=LOOKS)
    save(os.path.join(folder, f"{guests}-{file}.svg"), svg)


def curve_plot(folder, guests, direction, metrics):
    """Time per packet against the number of flows that are active."""
    series = {}
    for m in metrics:
        stem, _, flows = m["row"].rpartition("_")
        if stem == f"ns_{direction}" and m["kind"] == "value" and int(flows) in FLOWS:
            series.setdefault(m["backend"], []).append((int(flows), m["value"], m["p25"], m["p75"]))
    if all(len(points) < 2 for points in series.values()):
        return
    svg = plot.curves(f"Time per packet {direction}, {TITLES[guests]}",
                      "ns of one CPU above the generator's own, medians and quartiles; less is better",
                      list(series.items()), "flows that are active", "ns", looks=LOOKS)
    save(os.path.join(folder, f"{guests}-flows-{direction}.svg"), svg)


def save(path, svg):
    with open(path, "w", encoding="utf-8") as f:
        f.write(svg)


def plots(folder, metrics):
    os.makedirs(folder, exist_ok=True)
    for guests in GUESTS:
        mine = [dict(m, row=m["name"].removeprefix("tap.").split(".")[0]) for m in metrics if m["guests"] == guests]
        for file, title, note, names in PLOTS:
            bar_plot(folder, guests, file, title, note, names, mine)
        for direction in ("up", "down"):
            curve_plot(folder, guests, direction, mine)


# --- the end

TWINS = ("pps_", "rr_p99")	# rows that are of the same windows as another
PROOF = {"culvert": "its flows", "nft": "its rules", "iptables": "its rules", "redirect": "its map",
         "bare": "its map", "culvert-xdp": "its flows, and XDP's count"}


def carried(out):
    """Who carried the bytes, by whose count."""
    total = {}
    for m in out.metrics:
        if m["kind"] == "value" and not m["name"].removeprefix("tap.").startswith(TWINS):
            total[m["backend"]] = total.get(m["backend"], 0) + sum(m["bytes_counted"])
    return ", ".join(f"{backend} {size / 1e9:.2f} GB ({PROOF.get(backend, 'its link')})" for backend, size in total.items())


def told(out, code):
    print(f"steal {out.header['steal_pct']:.1f} %, load {out.header['loadavg']:.1f} at the beginning, "
          f"{out.extra['disturbed_windows']} of {out.extra['windows']} windows disturbed by other programs\n"
          f"carried, as each datapath itself has counted: {carried(out)}; every packet's addresses were checked")
    if code == report.NOISY:
        print("this machine cannot judge now: run it when it is quiet")


def arguments():
    parser = argparse.ArgumentParser(prog="culvert bench path", usage="culvert bench path --help tells the options")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--svg", metavar="DIR")
    parser.add_argument("--baseline", metavar="FILE")
    parser.add_argument("--limit", metavar="NAME=RATIO", action="append", type=parse_limit, default=[])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="the options only, before anything is measured")
    what.add_argument("--begin", metavar="FILE", help="write the header")
    what.add_argument("results", metavar="DIR", nargs="?")
    return parser.parse_args()


def main():
    args = arguments()
    if args.begin:
        report.write(args.begin, {"header": report.header(), "ticks": report.stat_ticks()})
        return report.DONE
    try:
        if args.baseline:
            report.load(args.baseline)
        if args.check:
            return report.DONE
        out = read_results(args.results)
        limits = over_limits(args.limit, out.metrics)
        code = out.finish(args.json, args.baseline)
        if args.svg:
            plots(args.svg, out.metrics)
    except (report.NoReport, OSError) as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return report.FAILED
    if limits == report.FAILED:
        return limits
    code = max(code, limits)
    told(out, code)
    return code


if __name__ == "__main__":
    sys.exit(main())
