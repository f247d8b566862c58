#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""SVG by hand: bars of ratios, and curves over a logarithmic x axis.

Text stays text, for copying and for screen readers; colours follow the
reader's light or dark mode, and series differ in pattern as well as colour.
"""
import math
from xml.sax.saxutils import escape

WIDTH = 860
LEFT, RIGHT, TOP, BOTTOM = 64, 20, 84, 46
PLOT_HEIGHT = 260
LIGHT = ("#0b6e99", "#c2571a", "#5b7f22", "#8a4fae", "#a3324b", "#5f6b76")
DARK = ("#5cc0ea", "#f0955a", "#a5cf62", "#c79be6", "#f07f98", "#aab5c0")
DASHES = ("", "7 3", "2 3", "9 3 2 3", "1 4", "12 4")


def style():
    def rules(ink, paper, faint, colours):
        return (f"text{{fill:{ink}}}.paper{{fill:{paper}}}.grid{{stroke:{faint}}}"
                f".axis,.whisker{{stroke:{ink}}}.one{{stroke:{ink}}}" +
                "".join(f".f{i}{{fill:{c}}}.s{i}{{stroke:{c}}}" for i, c in enumerate(colours)))
    return ("<style>text{font:12px system-ui,sans-serif}.title{font-size:15px;font-weight:600}"
            ".grid,.axis,.whisker,.one{stroke-width:1}.one{stroke-dasharray:5 3}"
            ".line{fill:none;stroke-width:2}" +
            rules("#1c2126", "#ffffff", "#d5dade", LIGHT) +
            "@media(prefers-color-scheme:dark){" + rules("#e6eaee", "#14181c", "#3a4249", DARK) +
            "}</style>")


def text(x, y, words, anchor="middle", css=""):
    extra = f' class="{css}"' if css else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{escape(words)}</text>'


def line(x1, y1, x2, y2, css):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>'


def number(value):
    return f"{value:.4g}" if value < 10000 else f"{value:,.0f}".replace(",", "\u2009")


def nice_step(most, steps=6):
    """1, 2 or 5 times a power of ten."""
    rough = most / steps
    power = 10 ** math.floor(math.log10(rough))
    return next(k * power for k in (1, 2, 5, 10) if k * power >= rough)


def top_of(values):
    """The end of an axis from 0, and its steps."""
    most = max(values) * 1.02
    step = nice_step(most)
    return math.ceil(most / step) * step, step


def document(title, note, height, parts):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">',
        f"<title>{escape(title)}</title>", style(),
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
        text(LEFT, 24, title, "start", "title"), text(LEFT, 43, note, "start"),
        *parts, "</svg>", ""])


def legend(names, looks, swatch):
    parts, x = [], LEFT
    for look, name in zip(looks, names):
        parts += [swatch(look, x, 60), text(x + 26, 68, name, "start")]
        x += 44 + 7.2 * len(name)
    return parts


def y_axis(top, step, at, unit):
    parts = [text(LEFT - 8, TOP - 12, unit, "end")]
    for i in range(round(top / step) + 1):
        value = i * step
        parts += [line(LEFT, at(value), WIDTH - RIGHT, at(value), "grid"),
                  text(LEFT - 8, at(value) + 4, number(value), "end")]
    return parts


def scale(top):
    """What lies below 0, as a difference of noise may, is drawn at 0."""
    return lambda value: TOP + PLOT_HEIGHT * (1 - max(value, 0) / top)


def looks_of(names, looks):
    """Which colour and pattern a series has: `looks` by name, so that one has the same in several plots."""
    return [(looks or {}).get(name, i) % len(LIGHT) for i, name in enumerate(names)]


def wrapped(label, width):
    """Words in lines of about so many letters."""
    lines = [""]
    for word in label.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def bars(title, note, groups, series, unit="ratio", looks=None):
    """Ratios beside each other, with a line at 1.

    `groups`: labels; `series`: [(name, [(value, low, high) or None per group])].
    """
    values = [v for _, of in series for v in of if v]
    top, step = top_of([v[2] for v in values] + [1.0])
    at = scale(top)
    wide = (WIDTH - LEFT - RIGHT) / len(groups)
    bar = min(wide * 0.8 / len(series), 46)
    labels = [wrapped(g, max(int(wide / 6.6), 6)) for g in groups]
    names = [name for name, _ in series]
    look = looks_of(names, looks)
    parts = legend(names, look,
                   lambda i, x, y: f'<rect class="f{i}" x="{x:.1f}" y="{y}" width="20" height="10"/>')
    parts += y_axis(top, step, at, unit)
    for g, words in enumerate(labels):
        middle = LEFT + wide * (g + 0.5)
        parts += [text(middle, at(0) + 17 + 14 * i, w) for i, w in enumerate(words)]
        for i, (name, of) in enumerate(series):
            if of[g]:
                parts.append(one_bar(look[i], name, of[g], middle + (i - len(series) / 2) * bar, bar, at))
    parts += [line(LEFT, at(1), WIDTH - RIGHT, at(1), "one"),
              line(LEFT, at(0), WIDTH - RIGHT, at(0), "axis")]
    height = TOP + PLOT_HEIGHT + BOTTOM + 14 * (max(map(len, labels)) - 1)
    return document(title, note, height, parts)


def one_bar(i, name, value, x, wide, at):
    v, low, high = value
    middle = x + wide / 2
    return (f'<g><title>{escape(name)}: {v:.3g} ({low:.3g} to {high:.3g})</title>'
            f'<rect class="f{i}" x="{x + 1:.1f}" y="{at(v):.1f}" width="{wide - 2:.1f}" '
            f'height="{at(0) - at(v):.1f}"/>' + line(middle, at(low), middle, at(high), "whisker") +
            line(middle - 4, at(low), middle + 4, at(low), "whisker") +
            line(middle - 4, at(high), middle + 4, at(high), "whisker") +
            text(middle, at(high) - 5, f"{v:.2f}") + "</g>")


def curves(title, note, series, x_label, unit, looks=None):
    """`series`: [(name, [(x, y, low, high)])], x above 0, on a logarithmic axis; low and high may be None."""
    points = [p for _, of in series for p in of]
    top, step = top_of([p[3] if p[3] is not None else p[1] for p in points])
    at = scale(top)
    first = math.floor(math.log10(min(p[0] for p in points)) + 1e-9)
    last = max(math.ceil(math.log10(max(p[0] for p in points)) - 1e-9), first + 1)

    def x_at(x):
        return LEFT + 16 + (WIDTH - LEFT - RIGHT - 32) * (math.log10(x) - first) / (last - first)

    def swatch(i, x, y):
        return (f'<line class="line s{i}" x1="{x:.1f}" y1="{y + 5}" x2="{x + 22:.1f}" y2="{y + 5}" '
                f'stroke-dasharray="{DASHES[i % len(DASHES)]}"/>')

    names = [name for name, _ in series]
    look = looks_of(names, looks)
    parts = legend(names, look, swatch) + y_axis(top, step, at, unit)
    for decade in range(first, last + 1):
        x = x_at(10 ** decade)
        parts += [line(x, at(0), x, at(0) + 5, "axis"), text(x, at(0) + 19, number(10 ** decade))]
    for i, (name, of) in enumerate(series):
        parts.append(one_curve(look[i], name, sorted(of, key=lambda p: p[0]), x_at, at))
    parts += [line(LEFT, at(0), WIDTH - RIGHT, at(0), "axis"),
              text((LEFT + WIDTH - RIGHT) / 2, at(0) + 38, x_label)]
    return document(title, note, TOP + PLOT_HEIGHT + BOTTOM, parts)


def one_curve(i, name, points, x_at, at):
    path = " ".join(f"{x_at(x):.1f},{at(y):.1f}" for x, y, _, _ in points)
    parts = [f'<polyline class="line s{i}" points="{path}" stroke-dasharray="{DASHES[i % len(DASHES)]}"/>']
    for x, y, low, high in points:
        if low is not None:
            parts.append(line(x_at(x), at(low), x_at(x), at(high), f"line s{i}"))
        parts.append(f'<circle class="f{i}" cx="{x_at(x):.1f}" cy="{at(y):.1f}" r="3.5">'
                     f"<title>{escape(name)}, {number(x)}: {number(y)}</title></circle>")
    return "".join(parts)
