# SPDX-License-Identifier: GPL-2.0-only
"""What the verifiers of Debian's kernels say of each program, and how much of it is too much.

The figures come with tools/bench/unit's, from the same virtual machines.  The
baseline is tools/bench/verifier.csv.
"""
import csv

COLUMNS = ("insns", "states", "stack", "xlated", "jited")
HEAD = ("kernel", "release", "clang", "program", *COLUMNS)
PERCENT = 10		# by how much the instructions that it looks at may grow
MOST_INSNS = 100_000	# of the million that it would look at
MOST_STACK = 512	# what a chain of calls may take, all frames rounded up as 6.1 does


class NoBaseline(Exception):
    """The file is not one that write() wrote."""


def parse(matches):
    """From "verifier PROGRAM …" lines, as tuples: {program: {column: number}}."""
    return {program: dict(zip(COLUMNS, map(int, numbers))) for program, *numbers in matches}


def read(path, wanted):
    """{kernel: (release, clang, {program: figures})}"""
    kernels = {}
    try:
        with open(path, encoding="utf-8", newline="") as f:
            for row in csv.DictReader(f):
                _, _, programs = kernels.setdefault(row["kernel"], (row["release"], row["clang"], {}))
                programs[row["program"]] = {c: int(row[c]) for c in COLUMNS}
    except (OSError, KeyError, TypeError, ValueError) as problem:
        raise NoBaseline(f"{path}: no baseline: {problem!r}") from None
    for series in wanted:
        if series not in kernels:
            raise NoBaseline(f"{path}: has no kernel {series}")
    return kernels


def write(path, kernels):
    with open(path, "w", encoding="utf-8", newline="") as f:
        rows = csv.writer(f, lineterminator="\n")
        rows.writerow(HEAD)
        for series, (release, clang, programs) in kernels.items():
            rows.writerows([series, release, clang, program, *(figures[c] for c in COLUMNS)]
                           for program, figures in programs.items())


def show(series, release, programs):
    print(f"kernel {series} ({release}), what the verifier says; stack: the deepest chain of calls")
    print(f"{'program':18}" + "".join(f"{c:>9}" for c in COLUMNS))
    for program, figures in programs.items():
        print(f"{program:18}" + "".join(f"{figures[c]:>9}" for c in COLUMNS))
    print()


def over_limit(kernels):
    """What is too much on any kernel, whatever it was before: a list of sentences."""
    return [f"{program} on {series}: {figures[column]} {what} (may be {most})"
            for series, (_, _, programs) in kernels.items()
            for program, figures in programs.items()
            for column, what, most in (("insns", "instructions verified", MOST_INSNS),
                                       ("stack", "bytes of stack", MOST_STACK))
            if figures[column] > most]


def grown(kernels, old):
    """What has grown too much since the baseline, and what only one of both has: two lists of sentences."""
    more, alone = [], []
    for series, (_, _, programs) in kernels.items():
        before = old[series][2]
        for program, figures in programs.items():
            if program not in before:
                continue
            was, now = before[program]["insns"], figures["insns"]
            if 100 * now > (100 + PERCENT) * was:
                more.append(f"{program} on {series}: {was} -> {now} instructions verified, "
                            f"{100 * (now / was - 1):+.1f} % (may be {PERCENT} %)")
        alone += [f"{program} on {series}" for program in sorted(programs.keys() ^ before.keys())]
    return more, alone
