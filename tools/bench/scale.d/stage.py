# SPDX-License-Identifier: GPL-2.0-only
"""Hosts with culvert, guests, the outside, and the kernel's own floor beside them.

All of it is in a mount and a PID namespace of its own (tools/bench/scale makes
them): /run/netns, bpffs and processes are nobody else's, and go with the bench.
"""
import json
import os
import subprocess
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))))
BUILD = os.path.realpath(os.environ.get("BUILD", os.path.join(TOP, "build")))
CULVERT = os.environ.get("CULVERT_PROGRAM", os.path.join(BUILD, "culvert"))

GUEST_IP, FAR_IP = "10.77.0.2", "192.0.2.2"	# as tools/bench/wire.h has them
GATEWAY = "10.77.0.1"
NOWHERE = "203.0.113.66"	# the outside drops what is for it without a word
SETTLE_S, QUIET_READINGS = 30, 4
GUEST_MAC, HOST_MAC, FAR_MAC = "02:63:76:00:00:02", "02:63:76:00:01:01", "02:63:76:00:01:02"
QUIET = ("echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; "
         "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6; ip link set lo up")


class Failed(Exception):
    """What the bench cannot go on without."""


def run(*command, stdin=None, check=True):
    done = subprocess.run(command, text=True, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    if check and done.returncode:
        raise Failed(f"{' '.join(command)}: {done.stdout.strip() or done.returncode}")
    return done.stdout


def inside(ns, *command, **more):
    return run("nsenter", f"--net=/run/netns/{ns}", *command, **more)


def ip(ns, *lines):
    """Lines of ip(8), in one process."""
    return run("ip", "-n", ns, "-batch", "-", stdin="\n".join(lines) + "\n")


def new_netns(name):
    run("ip", "netns", "add", name)
    inside(name, "sh", "-c", QUIET)
    return name


class Took:
    """Of one command: milliseconds of time and of CPU."""

    def __init__(self, wall_s, usage):
        self.ms = wall_s * 1e3
        self.cpu_ms = (usage.ru_utime + usage.ru_stime) * 1e3


def timed(*command, env=None):
    begin = time.monotonic()
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
        out = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        took = Took(time.monotonic() - begin, usage)
    if child.returncode:
        raise Failed(f"{' '.join(command)}: {out.decode().strip()}")
    return took, out.decode()


class Account:
    """Kernel memory that this bench's processes have caused: a memory cgroup, v1 or v2, of our own.

    Namespaces, links, maps and programs are charged to who made them.  Others
    of the machine are not in it, as they are in /proc/meminfo, which is what
    remains where no cgroup can be made.
    """
    ROOTS = ("/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified", "/sys/fs/cgroup")

    def __init__(self):
        self.group = self.home = None
        for root in self.ROOTS:
            group = os.path.join(root, f"culvert-scale-{os.path.basename(os.readlink('/proc/self/ns/mnt')).strip('mnt:[]')}")
            try:
                os.mkdir(group)
            except OSError:
                continue
            if self.enter(root, group):
                return
            os.rmdir(group)

    def enter(self, root, group):
        v1 = os.path.exists(os.path.join(group, "memory.kmem.usage_in_bytes"))
        if not v1 and not os.path.exists(os.path.join(group, "memory.stat")):
            return False
        with open("/proc/self/cgroup", encoding="ascii") as f:
            at = [line.strip().split(":", 2) for line in f]
        self.home = next(root + path for _, names, path in at
                         if ("memory" in names.split(",") if v1 else not names))
        self.group, self.v1 = group, v1
        return self.move(group)

    @staticmethod
    def move(group):
        try:
            with open(os.path.join(group, "cgroup.procs"), "w", encoding="ascii") as f:
                f.write("0\n")
        except OSError:
            return False
        return True

    def mib(self):
        if not self.group:
            with open("/proc/meminfo", encoding="ascii") as f:
                at = {line.split(":")[0]: int(line.split()[1]) for line in f}
            return (at["SUnreclaim"] + at["Percpu"] + at["VmallocUsed"] + at["KernelStack"]) / 1024
        if self.v1:
            with open(os.path.join(self.group, "memory.kmem.usage_in_bytes"), encoding="ascii") as f:
                return int(f.read()) / 2 ** 20
        with open(os.path.join(self.group, "memory.stat"), encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("kernel ")) / 2 ** 20

    def settled(self):
        """The same, once what was taken away has gone: the kernel frees late, and much at once."""
        end = time.monotonic() + SETTLE_S
        least, quiet = self.mib(), 0
        while quiet < QUIET_READINGS and time.monotonic() < end:
            time.sleep(0.5)
            now = self.mib()
            quiet = quiet + 1 if now > least - 0.1 else 0
            least = min(least, now)
        return self.mib()

    def close(self):
        """The daemons have ended; what is left of their memory goes with the group."""
        if not self.group:
            return
        self.move(self.home)
        for _ in range(50):
            try:
                return os.rmdir(self.group)
            except OSError:
                time.sleep(0.1)


class Host:
    """Namespaces NAME-host and NAME-far, and culvert in the first."""

    def __init__(self, work, name, flows=None):
        self.name, self.dir = name, os.path.join(work, name)
        self.ns, self.far = new_netns(f"{name}-host"), new_netns(f"{name}-far")
        self.bpf = os.path.join(work, "bpf", name)
        for sub in ("run", "state", "conf", "netns"):
            os.makedirs(os.path.join(self.dir, sub))
        if flows:
            with open(os.path.join(self.dir, "conf", "host.yaml"), "w", encoding="ascii") as f:
                f.write(f"flows: {flows}\n")
        self.env = dict(os.environ, CULVERT_BPF=self.bpf, CULVERT_NETNS_CONF=f"{self.dir}/netns",
                        **{f"CULVERT_{k.upper()}": f"{self.dir}/{k}" for k in ("run", "state", "conf")})
        self.uplink()

    def uplink(self):
        run("ip", "link", "add", "up0", "address", HOST_MAC, "netns", self.ns, "type", "veth",
            "peer", "name", "eth0", "address", FAR_MAC, "netns", self.far)
        ip(self.ns, "addr add 192.0.2.1/24 dev up0", "link set up0 up",
           f"neigh replace {FAR_IP} lladdr {FAR_MAC} dev up0 nud permanent",
           f"route add default via {FAR_IP}")
        ip(self.far, f"addr add {FAR_IP}/24 dev eth0", "link set eth0 up",
           f"neigh replace 192.0.2.1 lladdr {HOST_MAC} dev eth0 nud permanent")

    def timed(self, *words):
        """Returns (Took, what it printed)."""
        return timed("nsenter", f"--net=/run/netns/{self.ns}", CULVERT, *words, env=self.env)

    def culvert(self, *words):
        return self.timed(*words)[1]

    def config(self, net, text):
        with open(os.path.join(self.dir, "conf", f"{net}.yaml"), "w", encoding="ascii") as f:
            f.write(text)

    # --- guests

    def guest(self, net, port, ns, address, mac=GUEST_MAC, ifname="eth0", prefix=24):
        """A namespace behind a veth port, with the gateway's MAC as any guest learns it.  Returns that."""
        self.culvert("port", "add", net, port, "--veth", ns, "--ifname", ifname, "--mac", mac,
                     "--ip", address)
        ip(ns, f"addr replace {address}/{prefix} dev {ifname}", f"link set {ifname} up")
        if prefix == 24:
            ip(ns, f"route replace default via {GATEWAY}")
        inside(ns, "ping", "-q", "-c", "1", "-W", "5", "-I", ifname, GATEWAY)
        for line in inside(ns, "ip", "neigh", "show", GATEWAY, "dev", ifname).splitlines():
            words = line.split()
            if "lladdr" in words:
                return words[words.index("lladdr") + 1]
        raise Failed(f"{self.name}: the gateway does not answer ARP")

    def line(self, ns, gateway_mac, label):
        """Of this host, as bench-scale reads it."""
        return f"culvert {ns} - {self.ns} {self.far} {gateway_mac} - {label} {self.bpf}\n"

    # --- the daemon

    def daemon(self):
        """(CPU time so far in ms, resident memory in MiB)."""
        with open(f"{self.dir}/run/serve.pid", encoding="ascii") as f:
            pid = int(f.read())
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
            cpu_ms = int(f.read().split()[0]) / 1e6
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            rss = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
        return cpu_ms, rss / 1024

    def daemon_busy_pct(self, seconds):
        """Of one CPU."""
        before, begin = self.daemon()[0], time.monotonic()
        time.sleep(seconds)
        return (self.daemon()[0] - before) / (time.monotonic() - begin) / 10

    # --- maps

    def map_values(self, name):
        return [e["formatted"]["value"] for e in
                json.loads(run("bpftool", "-j", "map", "dump", "pinned", f"{self.bpf}/map/{name}"))]

    def map_info(self, name):
        return json.loads(run("bpftool", "-j", "map", "show", "pinned", f"{self.bpf}/map/{name}"))

    def flows(self, net):
        return json.loads(self.culvert("flow", "count", net, "-o", "json"))["networks"][0]["flows"]


class Floor:
    """What the generator's own packet costs: dropped at the first hop."""

    def __init__(self):
        for ns in ("floor-guest", "floor-far"):
            new_netns(ns)
        run("ip", "link", "add", "eth0", "address", GUEST_MAC, "netns", "floor-guest", "type", "veth",
            "peer", "name", "eth0", "address", FAR_MAC, "netns", "floor-far")
        for ns in ("floor-guest", "floor-far"):
            ip(ns, "link set eth0 up")

    @staticmethod
    def line():
        return f"floor floor-guest - - floor-far {FAR_MAC} - floor -\n"


class Bare:
    """The least that a network is: a namespace, a bridge in it, a veth to the host.  By ip(8)."""

    def __init__(self):
        self.ns, self.count, self.port_kib = new_netns("bare-host"), 0, 0

    def up(self):
        """Three processes; returns milliseconds."""
        self.count += 1
        net = f"bare{self.count}"
        begin = time.monotonic()
        run("ip", "netns", "add", net)
        ip(net, "link add br0 type bridge", f"link add uplink0 master br0 type veth peer name b{self.count} netns {self.ns}",
           "link set br0 up", "link set uplink0 up")
        ip(self.ns, f"link set b{self.count} up", f"addr add 10.{64 + self.count // 250}.{self.count % 250}.1/24 dev b{self.count}")
        return (time.monotonic() - begin) * 1e3

    def down(self):
        net = f"bare{self.count}"
        begin = time.monotonic()
        ip(self.ns, f"link del b{self.count}")
        ip(net, "link del br0")
        run("ip", "netns", "del", net)
        self.count -= 1
        return (time.monotonic() - begin) * 1e3

    # --- ports: a veth into a namespace, with its near end in a bridge

    def ports_begin(self, account, kept):
        """Also weighs some."""
        for ns in ("bare-net", "bare-guests"):
            new_netns(ns)
        ip("bare-net", "link add br0 type bridge", "link set br0 up")
        before = account.settled()
        for i in range(kept):
            self.port_add(i)
        self.port_kib = (account.settled() - before) * 1024 / kept
        for i in range(kept):
            self.port_rm(i)

    def port_add(self, number):
        begin = time.monotonic()
        ip("bare-net", f"link add p{number} type veth peer name g{number} netns bare-guests",
           f"link set p{number} master br0", f"link set p{number} up")
        return (time.monotonic() - begin) * 1e3

    def port_rm(self, number):
        begin = time.monotonic()
        ip("bare-net", f"link del p{number}")
        return (time.monotonic() - begin) * 1e3
