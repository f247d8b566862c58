# SPDX-License-Identifier: GPL-2.0-only
"""The figures as tables of docs/performance/scale.md, between "<!-- figures scale -->" and "<!-- end scale -->"."""
import re

HEADS = {"flows": ("Idle flows in the table", "idle"), "expiry": ("A million flows end", None),
         "networks": ("Networks", "networks"), "ports": ("Ports of one network, and leases", "ports")}


def number(value):
    return f"{value:,.0f}".replace(",", "\u202f") if abs(value) >= 1000 else f"{value:.3g}"


def cell(metric):
    if metric["kind"] == "ratio":
        return f"{metric['value']:.2f} ({metric['p25']:.2f}\u2013{metric['p75']:.2f})"
    return number(metric["value"])


def table(metrics, head):
    """Rows in the order measured, a column for each x."""
    columns = sorted({m["x"] for m in metrics})
    rows = {}
    for m in metrics:
        rows.setdefault((m["row"], m["unit"]), {})[m["x"]] = cell(m)
    lines = ["| " + " | ".join([f"{head}: "] + [number(x) for x in columns]) + " |", "|---|" + "---:|" * len(columns)]
    for (row, unit), cells in rows.items():
        what = row if unit == "ratio" else f"{row}, {unit}"
        lines.append("| " + " | ".join([what] + [cells.get(x, "") for x in columns]) + " |")
    return lines + [""]


def single(metrics):
    return ["| | |", "|---|---:|"] + \
        [f"| {m['label']}{'' if m['unit'] in ('ratio', 'flows') else ', ' + m['unit']} | {cell(m)} |" for m in metrics] + [""]


def made_of(document):
    head = document["header"]
    return (f"{head['cpus']} \u00d7 {head['cpu']}, Linux {head['kernel']}, clang {head['clang']}, revision {head['revision']}, "
            f"{head['time'][:10]}; load {head['loadavg']:.1f}, {head['steal_pct']:.1f} % of the time stolen.")


def publish(path, documents):
    """`documents`: of one run, or of several that measured a part each."""
    lines = []
    for document in documents:
        for part in dict.fromkeys(m["part"] for m in document["metrics"]):
            title, head = HEADS[part]
            of_part = [m for m in document["metrics"] if m["part"] == part]
            lines += [f"### {title}", "", made_of(document), ""]
            if head:
                lines += table([m for m in of_part if "x" in m], head)
            alone = [m for m in of_part if "x" not in m]
            lines += single(alone) if alone else []
    with open(path, encoding="utf-8") as f:
        text = f.read()
    text, found = re.subn(r"(<!-- figures scale -->\n).*?(<!-- end scale -->)",
                          lambda m: m[1] + "\n".join(lines) + m[2], text, flags=re.S)
    if not found:
        raise ValueError(f"{path}: no place for figures")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
