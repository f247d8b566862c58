#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Puts the figures of a run into a page: publish.py PAGE FIGURES.json

What stands between "<!-- figures SUITE -->" and "<!-- end SUITE -->" is made
anew.  `make performance` runs the suite first.

Exit: 0 done, 1 failed, 2 usage.
"""
import os
import re
import sys

sys.dont_write_bytecode = True
import report  # noqa: E402

TITLES = {"veth": "Guests that are veths", "tap": "Guests behind TAPs"}
STATUS = {report.DONE: "the machine was quiet enough to judge",
          report.WORSE: "something was worse than the baseline",
          report.NOISY: "**the machine was too noisy to judge all of it**"}


def number(value):
    return f"{value:,.0f}".replace(",", "\u202f") if abs(value) >= 100 else f"{value:.3g}"


def ratio(metric):
    return f"{metric['value']:.2f} ({metric['p25']:.2f}\u2013{metric['p75']:.2f})"


def made_of(document):
    head = document["header"]
    return (f"{head['cpus']} × {head['cpu']}, Linux {head['kernel']}, clang {head['clang']}, revision {head['revision']}, "
            f"programs `{(head['object_sha256'] or 'unknown')[:12]}`, {head['time'][:10]}; load {head['loadavg']:.1f}, "
            f"{head['steal_pct']:.1f} % of the time stolen, {document['disturbed_windows']} of {document['windows']} "
            f"windows disturbed by other programs; {STATUS[document['verdict']['status']]}.")


def path_table(document, guests):
    """Rows of one kind of guests, in the order they were measured in."""
    metrics = [m for m in document["metrics"] if m["guests"] == guests]
    by_name = {m["name"]: m for m in metrics}
    first = document["reference"]
    others = list(dict.fromkeys(m["backend"] for m in metrics if m["kind"] == "ratio"))
    if not metrics:
        return []
    head = ["", first] + [cell for b in others for cell in (b, f"to {first}")]
    lines = ["", f"### {TITLES[guests]}", "", "| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    for m in metrics:
        if m["kind"] != "value" or m["backend"] != first:
            continue
        row = m["name"].removesuffix(f".{first}.value")
        arrow = "↑" if m["better"] == "higher" else "↓"
        cells = [f"{m['label']}, {m['unit']} {arrow}", number(m["value"])]
        for b in others:
            cells += [number(by_name[f"{row}.{b}.value"]["value"]), ratio(by_name[f"{row}.{b}"])]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def path_block(document):
    lines = [made_of(document)]
    for guests in TITLES:
        lines += path_table(document, guests)
    return "\n".join(lines)


BLOCKS = {"path": path_block}


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return report.USAGE
    page, figures = sys.argv[1:]
    try:
        document = report.load(figures)
        suite = document["suite"]
        with open(page, encoding="utf-8") as f:
            text = f.read()
        block = BLOCKS[suite](document)
    except (report.NoReport, OSError, KeyError) as problem:
        print(f"publish.py: {problem!r}", file=sys.stderr)
        return report.FAILED
    marks = (f"<!-- figures {suite} -->", f"<!-- end {suite} -->")
    new, n = re.subn(f"{marks[0]}.*?{marks[1]}", lambda _: f"{marks[0]}\n{block}\n{marks[1]}", text, flags=re.S)
    if n != 1:
        print(f"publish.py: {page}: has no place for the figures of {suite}", file=sys.stderr)
        return report.FAILED
    with open(f"{page}.part", "w", encoding="utf-8") as f:
        f.write(new)
    os.replace(f"{page}.part", page)
    return report.DONE


if __name__ == "__main__":
    sys.exit(main())
