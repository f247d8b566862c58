# SPDX-License-Identifier: GPL-2.0-only
"""What lease_points.py stands on: clients that ask at the same time, the daemon, strace at it."""
import collections
import os
import re
import shutil
import signal
import subprocess
import time

import farm

CULVERT = os.environ["BUILD"] + "/culvert"
TMP = os.environ["TMP"]
DB = os.environ["CULVERT_STATE"] + "/leases.db"
LOG = TMP + "/strace.log"
AT_ONCE = 70            # the ring holds twice as many: also what one that was killed has left there
QUIET_S = 1             # then a frame was lost
SERVE_S = 10
NO_POINT = "epoll_wait", "restart_syscall", "rt_sigreturn", "exit_group"
ALL_GOOD = re.compile("of (some|none) acknowledged 0 lost, 0 given twice, database ok$")
Point = collections.namedtuple("Point", "call nth kind")


class Wrong(Exception):
    pass


def bound_in_store():
    db = farm.sqlite3.connect("file:%s?mode=ro" % DB, uri=True)
    macs = {mac for mac, in db.execute("SELECT mac FROM lease WHERE state = 'bound'")}
    db.close()
    return macs


class Together(farm.Farm):
    """Clients that ask at the same time; what each has is known here."""

    def __init__(self, prefix, count):
        super().__init__(prefix, count, "/dev/null")
        self.everyone = list(self.clients.values())
        for c in self.everyone:
            c.had = None
        self.at_once = False

    def was_offered(self, c):
        if not self.at_once:
            self.select(c)

    def acknowledged(self, c, ip, options):
        super().acknowledged(c, ip, options)
        c.had = (farm.socket.inet_ntoa(ip), time.time(), farm.struct.unpack("!I", options[51])[0])

    def had(self):
        return {c.name(): c.had for c in self.everyone if c.address}

    def wait_for(self, who, what, enough, quiet_s):
        """Until all of them are so, or no frame has come for a while."""
        waiting = sum(not what(c) for c in who)
        quiet = time.monotonic()
        while waiting and not enough() and time.monotonic() < quiet + quiet_s:
            self.take(0.005)
            left = sum(not what(c) for c in who)
            if left != waiting:
                waiting, quiet = left, time.monotonic()

    def chunks(self, what):
        """As many requests as the ring holds."""
        who = [c for c in self.everyone if what(c)]
        return [who[i:i + AT_ONCE] for i in range(0, len(who), AT_ONCE)]

    def ask_at_once(self, daemon, enough=lambda: False, quiet_s=QUIET_S):
        """Who has no lease: all discover, then all request."""
        self.at_once = True
        for c in self.everyone:
            c.done, c.offered = bool(c.address), None
        for who in self.chunks(lambda c: not c.done):
            if enough():
                break
            with daemon.stopped():
                for c in who:
                    self.discover(c)
            self.wait_for(who, lambda c: c.offered, enough, quiet_s)
        for who in self.chunks(lambda c: c.offered):
            if enough():
                break
            with daemon.stopped():
                for c in who:
                    self.select(c)
            self.wait_for(who, lambda c: c.done, enough, quiet_s)
        self.at_once = False

    def finish(self, daemon):
        """Whoever has no lease yet gets one."""
        self.ask_at_once(daemon)
        farm.bind_until(self, time.monotonic() + SERVE_S)
        self.judge_all("served")

    def confirm(self):
        farm.ask_until(self, time.monotonic() + SERVE_S, "reboot")
        self.judge_all("asked again")

    def judge_all(self, when):
        said, n = farm.summary(self), len(self.everyone)
        if said != "acknowledged %d of %d, refused or changed 0, given twice 0" % (n, n):
            self.wrong = 0
            raise Wrong("%s: %s" % (when, said))

    def release_all(self):
        """And wait until the store says so."""
        for who in self.chunks(lambda c: c.address):
            bound = {c.name(): c.address for c in who}
            end = time.monotonic() + SERVE_S
            while bound and time.monotonic() < end:
                for c in who:
                    if c.name() in bound:
                        c.address = bound[c.name()]
                        self.release(c)
                again = time.monotonic() + 1
                while bound and time.monotonic() < again:
                    time.sleep(0.005)
                    still = bound_in_store()
                    bound = {name: ip for name, ip in bound.items() if name in still}
            if bound:
                raise Wrong("%d leases are not released" % len(bound))

    def judge_disk(self, when):
        """What has been acknowledged, and has not been read yet, is in what a dead or failing daemon has left."""
        self.take(0)
        lines = self.lines_of_disk(self.had())
        if not ALL_GOOD.match(lines[0]):
            raise Wrong("%s: %s" % (when, "; ".join(lines)))

    @staticmethod
    def lines_of_disk(had):
        copy = TMP + "/copy"
        shutil.rmtree(copy, ignore_errors=True)
        os.mkdir(copy)
        # Without the index that the dead one has left: it is made anew from the log.
        for name in (DB, DB + "-wal"):
            if os.path.exists(name):
                shutil.copy(name, copy)
        return farm.judge(copy + "/leases.db", had)


class Daemon:
    def __init__(self, host):
        self.enter = ["nsenter", "--net=/run/netns/" + host]
        self.process = self.ready = None

    def spawn(self, *before):
        """Whether it has become ready."""
        end, ready = os.pipe()
        with open(TMP + "/serve.log", "ab") as log:
            self.process = subprocess.Popen(
                self.enter + list(before) + [CULVERT, "serve", "--ready-fd", str(ready)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[ready])
        os.close(ready)
        self.pid = self.process.pid
        said = farm.select.select([end], [], [], 15)[0] and os.read(end, 1)
        os.close(end)
        return said == b"1"

    def start(self):
        if not self.spawn():
            raise Wrong("the daemon does not start")
        with open(TMP + "/daemon.pid", "w", encoding="ascii") as f:
            f.write("%d\n" % self.pid)

    def start_traced(self, *options):
        """And end it when it has become ready."""
        if self.spawn("strace", "-f", "-qq", "-o", LOG, *options):
            with open("/proc/%d/task/%d/children" % (self.pid, self.pid), encoding="ascii") as f:
                for child in f.read().split():
                    os.kill(int(child), signal.SIGTERM)
        self.process.wait()

    def dead(self):
        return self.process.poll() is not None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stopped(self):
        return Stopped(self)


class Stopped:
    def __init__(self, daemon):
        self.daemon = daemon

    def __enter__(self):
        if not self.daemon.dead():
            self.daemon.process.send_signal(signal.SIGSTOP)
            while self.state() not in "tTZX":
                time.sleep(0.0005)

    def __exit__(self, *_):
        self.daemon.process.send_signal(signal.SIGCONT)

    def state(self):
        with open("/proc/%d/stat" % self.daemon.pid, encoding="ascii") as f:
            return f.read().rpartition(")")[2].split()[0]


class Strace:
    """Attached to the daemon; the log holds the calls that it injects into, or all."""

    def __init__(self, daemon, *options):
        self.process = subprocess.Popen(
            ["strace", "-f", "-p", str(daemon.pid), "-o", LOG] + list(options),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        line = self.process.stderr.readline()
        if b"attached" not in line:
            raise Wrong("strace: %r" % line)

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait()
        self.process.stderr.close()


def calls_of_log():
    """[name, the rest of the line], and how the process ended."""
    found, killed = [], False
    with open(LOG, encoding="ascii", errors="replace") as f:
        for line in f:
            line = re.sub(r"^\d+ +", "", line)
            killed |= line.startswith("+++ killed by SIGKILL")
            m = re.match(r"([a-z0-9_]+)\((.*)", line)
            if m and "ERESTART" not in line:
                found.append(m.groups())
    return found, killed


def points_of_log():
    n, points = collections.Counter(), []
    for call, rest in calls_of_log()[0]:
        n[call] += 1
        kind = re.search(r"leases\.db[-a-z]*|BPF_[A-Z_]+", rest)
        if call not in NO_POINT:
            points.append(Point(call, n[call], kind.group(0) if kind else "-"))
    return points


def was_killed_at(point):
    calls, killed = calls_of_log()
    return killed and sum(call == point.call for call, _ in calls) == point.nth


def injected():
    return sum("(INJECTED)" in rest for _, rest in calls_of_log()[0])
