#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""tools/bench/report.py and plot.py: what is judged, and how; needs no root."""
import copy
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml
from contextlib import redirect_stdout

BENCH = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "tools", "bench")
sys.dont_write_bytecode = True
sys.path.insert(0, BENCH)
import plot  # noqa: E402
import report  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"
QUIET, STOLEN = "cpu 0 0 100 0 0 0 0 0 0 0\n", "cpu 0 0 150 0 0 0 0 50 0 0\n"


class Judgement(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="culvert-test.")
        self.addCleanup(self.folder.cleanup)
        self.stat("cpu 0 0 100 0 0 0 0 0 0 0\n")
        os.environ["BENCH_STAT"] = self.path("stat")
        self.addCleanup(os.environ.pop, "BENCH_STAT")

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def stat(self, line):
        with open(self.path("stat"), "w", encoding="utf-8") as f:
            f.write(line)

    def run_of(self, ratio=0.40, count=300, rate=100.0, spread=0.0):
        r = report.Report("path")
        r.add("cost", "x", "ratio", [ratio * (1 + spread * (i - 4)) for i in range(9)])
        r.add("instructions", "n", "exact", [count])
        r.add("rate", "x", "ratio", [rate] * 9, better="higher")
        r.add("speed", "Gb/s", "value", [rate] * 9, better="higher")
        return r

    def judge(self, new, old=None):
        """The exit status, and what was told."""
        told = io.StringIO()
        if old:
            old.finish(self.path("old.json"))
        with redirect_stdout(told):
            code = new.finish(self.path("new.json"), self.path("old.json") if old else None)
        return code, told.getvalue()

    def test_the_same_is_not_worse(self):
        """the same figures are not worse"""
        self.assertEqual(self.judge(self.run_of(), self.run_of())[0], report.DONE)

    def test_a_ratio_may_be_a_fifth_worse(self):
        """a ratio that is 19 % worse passes, one that is 21 % worse is told with old, new and percent"""
        self.assertEqual(self.judge(self.run_of(ratio=0.476), self.run_of())[0], report.DONE)
        code, told = self.judge(self.run_of(ratio=0.484), self.run_of())
        self.assertEqual(code, report.WORSE)
        self.assertIn("worse: cost: 0.4 -> 0.484 x, +21.0 %", told)

    def test_better_is_not_worse(self):
        """half the cost and twice the rate are not worse"""
        self.assertEqual(self.judge(self.run_of(ratio=0.2, rate=200), self.run_of())[0], report.DONE)

    def test_a_lower_rate_is_worse(self):
        """where higher is better, lower is worse; a value that is only told is not judged"""
        code, told = self.judge(self.run_of(rate=70), self.run_of())
        self.assertEqual(code, report.WORSE)
        self.assertNotIn("speed", told)

    def test_an_exact_count_has_one_percent(self):
        """a count that is 2 of 300 more passes, 4 more do not"""
        self.assertEqual(self.judge(self.run_of(count=302), self.run_of())[0], report.DONE)
        self.assertEqual(self.judge(self.run_of(count=304), self.run_of())[0], report.WORSE)

    def test_counts_of_another_kernel_prove_nothing(self):
        """counts that are worse on another kernel cannot be judged; ratios can"""
        old = self.run_of()
        old.header["kernel"] = "1.0"
        self.assertEqual(self.judge(self.run_of(count=304), old)[0], report.NOISY)
        self.assertEqual(self.judge(self.run_of(ratio=0.5), old)[0], report.WORSE)

    def test_spread_is_noise(self):
        """a ratio that scatters cannot be judged, not even as worse"""
        code, told = self.judge(self.run_of(ratio=0.9, spread=0.2), self.run_of())
        self.assertEqual(code, report.NOISY)
        self.assertIn("cannot be judged: scatters too much, standard error: cost", told)
        self.assertEqual(self.judge(self.run_of(spread=0.2))[0], report.NOISY)

    def test_stolen_time_is_noise(self):
        """a third of the time stolen: cannot be judged; a tenth: can"""
        for line, wanted in ((STOLEN, report.NOISY), ("cpu 0 0 190 0 0 0 0 10 0 0\n", report.DONE)):
            self.stat(QUIET)
            new = self.run_of()
            self.stat(line)
            self.assertEqual(self.judge(new)[0], wanted)

    def test_what_was_not_measured_is_told(self):
        """metrics that only one has are told; none in common is an error"""
        new = self.run_of()
        new.metrics.pop()
        self.assertIn("not in both, not compared: speed", self.judge(new, self.run_of())[1])
        new.metrics = [dict(new.metrics[0], name="other")]
        with self.assertRaises(report.NoReport):
            self.judge(new, self.run_of())

    def test_the_file_says_what_was_measured(self):
        """the file has the header, steal before and after, and each metric's quantiles"""
        new = self.run_of()
        self.judge(new)
        got = report.load(self.path("new.json"))
        self.assertEqual(got["header"]["kernel"], os.uname().release)
        self.assertEqual(got["header"]["steal_ticks"], {"before": 0, "after": 0})
        for key in ("cpu", "clang", "revision", "object_sha256", "loadavg"):
            self.assertIn(key, got["header"])
        m = report.Report("path").add("a", "x", "min", [5, 1, 2, 3, 4])
        self.assertEqual([m[k] for k in ("value", "p25", "p50", "p75", "samples")], [1, 2, 3, 4, 5])
        self.assertAlmostEqual(m["p90"], 4.6)

    def test_other_files_are_refused(self):
        """what no suite wrote is no baseline: as a program, status 1, and 2 without one"""
        for content in ("", "[]", '{"version": 1}', '{"version": 7, "suite": "", "header": {}, "metrics": []}'):
            with open(self.path("bad.json"), "w", encoding="utf-8") as f:
                f.write(content)
            with self.assertRaises(report.NoReport):
                report.load(self.path("bad.json"))
        self.judge(self.run_of())
        program = [sys.executable, "-B", os.path.join(BENCH, "report.py"), self.path("new.json")]
        for more, wanted in (([self.path("bad.json")], 1), ([], 2), ([self.path("new.json")], 0)):
            self.assertEqual(subprocess.run(program + more, capture_output=True, check=False).returncode, wanted)

    def test_as_a_program_it_finds_what_is_worse(self):
        """report.py NEW BASELINE ends with 3 for a doctored baseline"""
        self.judge(self.run_of())
        with open(self.path("new.json"), encoding="utf-8") as f:
            doctored = copy.deepcopy(json.load(f))
        doctored["metrics"][0]["value"] /= 2
        report.write(self.path("old.json"), doctored)
        done = subprocess.run([os.path.join(BENCH, "report.py"), self.path("new.json"), self.path("old.json")],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn("worse: cost: 0.2 -> 0.4 x, +100.0 %", done.stdout)


class Path(unittest.TestCase):
    """What tools/bench/path hands over, made by hand."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="culvert-test.")
        self.addCleanup(self.folder.cleanup)

    def judge(self, *options, culvert=0.4, spread=0.001, stolen=0):
        """The exit status of path_report.py, and what it told."""
        nft = [1000.0 + i for i in range(21)]
        mine = [n * culvert * (1 + spread * (i - 10)) for i, n in enumerate(nft)]
        row = {"name": "ns_up_100", "label": "packet up", "unit": "ns", "more_is_better": False, "backends": {
            "floor": {"raw_ns": 700.0}}}
        for name, values in (("nft", nft), ("culvert", mine)):
            row["backends"][name] = {"values": values, "bytes_arrived": [9, 9], "bytes_counted": [9, 9]}
        for name, content in (
                ("begin", {"header": report.header(), "ticks": [0, 0]}),
                ("tap", {"reference": "nft", "floor_ns": 670, "quick": True, "windows": 42, "disturbed": 1,
                         "ticks_before": [100, 0], "ticks_after": [200, stolen], "rows": [row]})):
            report.write(os.path.join(self.folder.name, f"{name}.json"), content)
        done = subprocess.run([os.path.join(BENCH, "path_report.py"), *options, self.folder.name],
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def test_limits(self):
        """a limit: kept 0, broken 3, nearer than the noise 4, of nothing that was measured 1"""
        for limit, wanted in (("0.45", 0), ("0.35", 3), ("0.4001", 4)):
            self.assertEqual(self.judge("--limit", f"tap.ns_up_100={limit}", spread=0.01)[0], wanted, limit)
        self.assertEqual(self.judge("--limit", "ns_up_100=0.45")[0], 1)

    def test_baseline(self):
        """a baseline: itself 0, a better one 3, and noise goes first"""
        base = os.path.join(self.folder.name, "base.json")
        self.assertEqual(self.judge("--json", base)[0], 0)
        self.assertEqual(self.judge("--baseline", base)[0], 0)
        code, told = self.judge("--baseline", base, culvert=0.5)
        self.assertEqual(code, 3)
        self.assertIn("worse: tap.ns_up_100.culvert: 0.4 -> 0.5 x nft, +25.0 %", told)
        self.assertEqual(self.judge("--baseline", base, culvert=0.5, stolen=30)[0], 4)
        self.assertEqual(self.judge(spread=0.2)[0], 4)

    def test_publish(self):
        """figures come into a page in place of the old ones; a page without a place for them is left alone"""
        made, page = (os.path.join(self.folder.name, name) for name in ("made.json", "page.md"))
        self.judge("--json", made)
        for text, code, wanted in (
                ("a\n<!-- figures path -->\nold\n<!-- end path -->\nb\n", 0, "| packet up, ns ↓ | 1\u202f010 | 404 | 0.40 (0.40–0.40) |"),
                ("no place", 1, "no place")):
            with open(page, "w", encoding="utf-8") as f:
                f.write(text)
            done = subprocess.run([os.path.join(BENCH, "publish.py"), page, made], capture_output=True, check=False)
            self.assertEqual(done.returncode, code)
            with open(page, encoding="utf-8") as f:
                got = f.read()
            self.assertIn(wanted, got)
            self.assertNotIn("old", got)

    def test_figures(self):
        """ratios are within rounds, stolen time is of the CPU that measured, the other windows are told"""
        made = os.path.join(self.folder.name, "made.json")
        self.judge("--json", made, spread=0, stolen=7)
        document = report.load(made)
        by_name = {m["name"]: m for m in document["metrics"]}
        self.assertAlmostEqual(by_name["tap.ns_up_100.culvert"]["value"], 0.4)
        self.assertAlmostEqual(by_name["tap.ns_up_100.culvert"]["noise_pct"], 0)
        self.assertAlmostEqual(by_name["tap.ns_up_100.nft.value"]["value"], 1010)
        self.assertEqual(document["header"]["steal_pct"], 7)
        self.assertEqual(document["disturbed_windows"], 1)


class Plots(unittest.TestCase):
    def texts(self, svg):
        return [t.text for t in xml.fromstring(svg).iter(f"{SVG}text")]

    def test_bars_are_as_high_as_their_values(self):
        """bars are well-formed, proportional, labelled, and a missing one is left out"""
        svg = plot.bars("a < b & c", "note", ["one", "two"],
                        [("x", [(0.5, 0.4, 0.6), (1.0, 0.9, 1.1)]), ("y", [(0.25, 0.2, 0.3), None])])
        root = xml.fromstring(svg)
        heights = [float(r.get("height")) for g in root.iter(f"{SVG}g") for r in g.iter(f"{SVG}rect")]
        self.assertEqual(len(heights), 3)
        self.assertAlmostEqual(heights[0] / heights[1], 2, places=1)
        self.assertAlmostEqual(heights[2] / heights[0], 2, places=1)
        for wanted in ("a < b & c", "one", "two", "x", "y", "0.50", "1.00"):
            self.assertIn(wanted, self.texts(svg))
        self.assertEqual(len([i for i in root.iter(f"{SVG}line") if i.get("class") == "one"]), 1)

    def test_what_noise_made_negative_is_drawn_at_0(self):
        """no bar has a height below 0"""
        svg = plot.bars("t", "n", ["g"], [("x", [(-0.1, -0.2, 0.1)])])
        self.assertFalse([h for h in (r.get("height") for r in xml.fromstring(svg).iter(f"{SVG}rect")) if float(h) < 0])

    def test_curves_have_a_logarithmic_axis(self):
        """curves are well-formed, and 1, 100 and 10 000 stand at equal distances"""
        svg = plot.curves("t", "n", [("x", [(1, 5, 4, 6), (10000, 9, 8, 9), (100, 7, None, None)])], "flows", "ns")
        root = xml.fromstring(svg)
        at = [float(c.get("cx")) for c in root.iter(f"{SVG}circle")]
        self.assertEqual(len(at), 3)
        self.assertAlmostEqual(at[1] - at[0], at[2] - at[1], places=0)
        self.assertIn("flows", self.texts(svg))

    def test_a_name_looks_the_same_in_every_plot(self):
        """a series has the colour that its name is given, others that of their place"""
        looks = {"b": 4}
        one = plot.bars("t", "n", ["g"], [("a", [(1, 1, 1)]), ("b", [(1, 1, 1)])], looks=looks)
        other = plot.curves("t", "n", [("b", [(1, 1, 1, 1), (10, 1, 1, 1)])], "x", "y", looks=looks)
        used = [[e.get("class") for e in xml.fromstring(svg).iter() if e.get("class", "")[:2] in ("f0", "f1", "f4")]
                for svg in (one, other)]
        self.assertEqual([sorted(set(u)) for u in used], [["f0", "f4"], ["f4"]])

    def test_both_modes_have_their_colours(self):
        """colours are given for light and for dark"""
        svg = plot.bars("t", "n", ["g"], [("x", [(1, 1, 1)])])
        self.assertIn("prefers-color-scheme:dark", svg)
        self.assertIn(plot.LIGHT[0], svg)
        self.assertIn(plot.DARK[0], svg)


class Tap(unittest.TestResult):
    """A line for each claim."""
    claims = 0

    def line(self, word, test, why=""):
        self.claims += 1
        print(f"{word} {self.claims} - {test.shortDescription()}")
        for row in why.splitlines():
            print(f"# {row}")

    def addSuccess(self, test):
        self.line("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.line("not ok", test, self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.line("not ok", test, self.errors[-1][1])


if __name__ == "__main__":
    result = Tap()
    unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__]).run(result)
    print(f"1..{result.claims}")
    sys.exit(not result.wasSuccessful())
