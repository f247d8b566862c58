#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The daemon is killed, or its calls fail, at each system call of the way from request to reply.

killed PREFIX N HOST      killed before a call while N clients (links as in farm.py) are given leases
failed PREFIX N HOST      calls of the store fail with ENOSPC, then EIO: from one on, and one alone;
                          other calls that write fail with EIO, one alone
starting PREFIX N HOST    killed before a call of its start, with N leases
random PREFIX N HOST      killed LEASE_KILLS times at random moments, while N clients come, renew and go
Each prints "H points hit, M not reached, W wrong" last; HOST is the daemon's network namespace.

A first run under strace makes the list: a point is the n-th call of a name.  All clients ask at
once, while the daemon is stopped, so that every run makes the same calls.  At each point strace
injects; its log must show that this call was hit.  Then: what clients have an acknowledgement of
is on disk, nobody has another's address, the others are given leases, all are confirmed.

LEASE_POINTS=all          every call; else the first of each kind and of the rest every S-th, so
                          that the seeds 0 to S-1 take all
LEASE_SEED=N              which; told
LEASE_FROM=WHAT:N         with all: only those of one kind ("EIO once"), from the N-th on, as where a run was cut off
"""
import collections
import os
import random
import shutil
import subprocess
import sys
import time

import farm
from lease_stage import (ALL_GOOD, Daemon, SERVE_S, Strace, TMP, Together, Wrong, injected,
                         points_of_log, was_killed_at)

STATE, RUN = os.environ["CULVERT_STATE"], os.environ["CULVERT_RUN"]
KEPT = TMP + "/kept"
HOW_MANY = {"killed": 6, "failed": 3, "starting": 6}     # of a sample, beside the first of each kind
TRIES = 4               # of a point that is not reached: a timer's call may come between
MAX_WRONG = 5


class Test:
    def __init__(self, prefix, count, host):
        self.clients, self.daemon = Together(prefix, count), Daemon(host)

    def record(self):
        trace = Strace(self.daemon, "-y")
        self.clients.ask_at_once(self.daemon)
        trace.end()
        self.clients.finish(self.daemon)
        self.clients.release_all()
        return points_of_log()

    def again(self):
        """After what went wrong, or another kind of point: as in the beginning."""
        self.cold()
        self.clients.finish(self.daemon)
        self.clients.release_all()

    def cold(self):
        """The first replies of a daemon take some calls more."""
        self.daemon.kill()
        self.daemon.start()
        return True

    def all_is_well(self):
        self.clients.finish(self.daemon)
        self.clients.judge_disk("afterwards")
        self.clients.confirm()
        self.clients.release_all()

    # Each of these: whether the point was hit.

    def killed(self, point):
        trace = Strace(self.daemon, "-e", "trace=" + point.call,
                       "-e", "inject=%s:signal=KILL:when=%d" % (point.call, point.nth))
        self.clients.ask_at_once(self.daemon, self.daemon.dead)
        trace.end()
        dead = self.daemon.dead()
        if dead:
            self.clients.judge_disk("when it died")
            self.daemon.start()
        self.all_is_well()
        return dead and was_killed_at(point)

    def failed(self, point, error, on):
        trace = Strace(self.daemon, "-e", "trace=" + point.call, "-e", "inject=%s:error=%s:when=%d%s" % (
            point.call, error, point.nth, "+" if on else ""))
        try:
            self.clients.ask_at_once(self.daemon, quiet_s=0.2)
            hit = injected()
            if on and hit:
                self.await_told()
            self.clients.judge_disk("when it failed")
        finally:
            trace.end()
        self.all_is_well()
        if self.daemon.dead():
            raise Wrong("the daemon has died")
        return hit > 0

    def await_told(self):
        """A disk that goes on failing is told of, for `culvert doctor`."""
        path, end = RUN + "/serve.leases", time.monotonic() + SERVE_S
        while time.monotonic() < end:
            if os.path.exists(path):
                with open(path, encoding="utf-8") as f:
                    if f.read().startswith("failing"):
                        return
            self.clients.take(0.02)
        raise Wrong("nobody is told that the disk fails")

    def keep_files(self):
        """Of a daemon that was killed: for each start to find the same."""
        self.daemon.kill()
        shutil.rmtree(KEPT, ignore_errors=True)
        shutil.copytree(STATE, KEPT)

    def put_files_back(self):
        self.daemon.kill()
        for name in os.listdir(STATE):
            os.unlink(os.path.join(STATE, name))
        shutil.copytree(KEPT, STATE, dirs_exist_ok=True)

    def killed_starting(self, point):
        self.put_files_back()
        self.daemon.start_traced("-e", "trace=" + point.call, "-e",
                                 "inject=%s:signal=KILL:when=%d" % (point.call, point.nth))
        hit = was_killed_at(point)
        self.clients.judge_disk("when it died")
        self.daemon.start()
        self.clients.confirm()
        return hit


# --- which, and all of them

def is_effect(point):
    """Whether it changes what outlives the process."""
    return point.call in ("pwrite64", "fdatasync", "ftruncate", "fsync", "sendto", "write", "fcntl", "unlink") or \
        point.kind.startswith(("BPF_MAP_UPDATE", "BPF_MAP_DELETE"))


def effects_first(points):
    """What only reads leaves everything as it was: a kill there is one at the next call that changes something."""
    return sorted(points, key=lambda p: (not is_effect(p), p.kind.startswith("BPF_MAP_LOOKUP")))


def sample(points, what, seed):
    if os.environ.get("LEASE_POINTS") == "all":
        print("# %s: all %d calls, of which %d change what outlives the process" % (
            what, len(points), sum(map(is_effect, points))), flush=True)
        return effects_first(points)
    stride = max(1, len(points) // HOW_MANY[what])
    seen, taken = set(), []
    for i, p in enumerate(points):
        if (p.call, p.kind) not in seen or i % stride == seed % stride:
            taken.append(p)
        seen.add((p.call, p.kind))
    print("# %s: %d of %d calls, LEASE_SEED=%d of 0 to %d" % (
        what, len(taken), len(points), seed, stride - 1))
    return taken


def rest_of(points, what):
    kind, _, n = os.environ.get("LEASE_FROM", "").rpartition(":")
    return points if not kind else points[int(n):] if kind == what else []


def go_through(test, what, points, at):
    """at(point) for each; tell of what is wrong, and what was hit by its kind."""
    points = rest_of(points, what)
    kinds, missed, wrong, begun = collections.Counter(), [], 0, time.monotonic()
    for i, p in enumerate(points):
        if i and i % 250 == 0:
            print("# %s: %d of %d after %d s" % (what, i, len(points), time.monotonic() - begun), flush=True)
        try:
            if at(p) or any(test.cold() and at(p) for _ in range(TRIES - 1)):
                kinds["%s %s" % (p.call, p.kind)] += 1
            else:
                missed.append(p)
        except Wrong as e:
            wrong += 1
            print("# %s at %s %d (%s): %s" % (what, p.call, p.nth, p.kind, e), flush=True)
            if wrong == MAX_WRONG:
                break
            test.again()
    for kind, n in sorted(kinds.items()):
        print("# %s: %s: %d" % (what, kind, n))
    for p in missed[:9]:
        print("# %s: not reached: %s %d (%s)" % (what, p.call, p.nth, p.kind))
    print("# %s: %d points in %d s" % (what, sum(kinds.values()), time.monotonic() - begun), flush=True)
    return sum(kinds.values()), len(missed), wrong


def all_killed(test, seed):
    return [go_through(test, "killed", sample(test.record(), "killed", seed), test.killed)]


def all_failed(test, seed):
    points, results = test.record(), []
    store = [p for p in points if p.kind.startswith("leases.db")]
    others = [p for p in points if is_effect(p) and p not in store]
    writes = [p for p in store if p.call in ("pwrite64", "fdatasync", "ftruncate")]
    for error in "ENOSPC", "EIO":
        def from_now_on(p):
            test.cold()
            return test.failed(p, error, True)
        results.append(go_through(test, error + " from it on", sample(writes, "failed", seed), from_now_on))
        test.cold()
        results.append(go_through(test, error + " once", sample(store, "failed", seed),
                                  lambda p: test.failed(p, error, False)))
    results.append(go_through(test, "EIO once", sample(others, "failed", seed),
                              lambda p: test.failed(p, "EIO", False)))
    return results


def all_starting(test, seed):
    test.clients.finish(test.daemon)
    test.keep_files()
    test.daemon.start_traced("-y")
    points = [p for p in points_of_log() if p.kind != "-"]
    test.daemon.start()
    result = go_through(test, "starting", sample(points, "starting", seed), test.killed_starting)
    test.clients.release_all()
    return [result]


def whole_lines(f):
    """What has been written since, without a line that is half there."""
    lines, at = [], f.tell()
    for line in iter(f.readline, ""):
        if line[-1] != "\n":
            break
        lines.append(line)
        at = f.tell()
    f.seek(at)
    return lines


def judge_random(test, had, acks):
    farm.follow_acks(had, whole_lines(acks))
    lines = test.clients.lines_of_disk(had)
    if not ALL_GOOD.match(lines[0]):
        raise Wrong("; ".join(lines))


def random_kills(test, prefix, count):
    kills, wrong, had = int(os.environ.get("LEASE_KILLS", "50")), 0, {}
    path, begun = TMP + "/churn.acks", time.monotonic()
    with open(path, "w+", encoding="ascii") as acks, open(TMP + "/churn.log", "w", encoding="ascii") as log:
        churn = subprocess.Popen([sys.executable, os.path.dirname(__file__) + "/farm.py", "churn", prefix,
                                  count, path, "86400"], stdout=log)
        for i in range(kills):
            time.sleep(random.uniform(0.05, 0.35))      # the moment is to be a random one
            test.daemon.kill()
            try:
                judge_random(test, had, acks)
            except Wrong as e:
                wrong += 1
                print("# kill %d: %s" % (i, e), flush=True)
            if i % 3 == 0:
                time.sleep(random.uniform(0.2, 1.2))    # meanwhile the kernel answers alone
            test.daemon.start()
            if (i + 1) % 100 == 0:
                print("# %d kills in %d s, %d clients have leases" % (
                    i + 1, time.monotonic() - begun, len(had)), flush=True)
            if wrong == MAX_WRONG:
                break
        churn.terminate()
        churn.wait()
    with open(TMP + "/churn.log", encoding="ascii") as log:
        said = log.read()
    if "refused or changed 0, given twice 0" not in said:
        wrong += 1
        print("# clients: " + said.strip())
    return [(i + 1, 0, wrong)]


def main(what, prefix, count, host):
    test = Test(prefix, count, host)
    seed = int(os.environ.get("LEASE_SEED", time.time()))
    test.daemon.start()
    if what == "random":
        results = random_kills(test, prefix, count)
    else:
        results = {"killed": all_killed, "failed": all_failed, "starting": all_starting}[what](test, seed)
    print("%d points hit, %d not reached, %d wrong" % tuple(map(sum, zip(*results))))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
