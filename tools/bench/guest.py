# SPDX-License-Identifier: GPL-2.0-only
"""A suite's virtual machine: a kernel of Debian whose clock counts instructions."""
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
SERIES = {"6.1": "", "6.12": "6.12"}		# as tools/vm-run calls them
# A nanosecond is an instruction.  A named processor, as "max" is another with each
# QEMU; a plain one, whose long copies are few instructions, and which brings in no
# random numbers.
QEMU = ["-icount", "shift=0,sleep=off", "-cpu", "qemu64", "-m", "512"]


class Failed(Exception):
    """The virtual machine did not do its work."""


def clang_version():
    done = subprocess.run([os.environ.get("CLANG", "clang"), "-dumpversion"], text=True,
                          stdout=subprocess.PIPE, check=True)
    return done.stdout.strip()


def libraries(program):
    done = subprocess.run(["ldd", program], text=True, stdout=subprocess.PIPE, check=True)
    return re.findall(r"/\S*", done.stdout)


def files(programs, others=()):
    """vm-run's arguments that bring programs, as {here: there}, with their libraries, and other files."""
    there = {lib.lstrip("/"): lib for p in programs for lib in libraries(p)}
    there.update({path: here for here, path in [*programs.items(), *others]})
    return [word for path, here in there.items() for word in ("-a", f"{os.path.realpath(here)}:{path}")]


def find(*names):
    """{path here: path in the guest} of programs of the machine."""
    found = {name: shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") for name in names}
    missing = [name for name, path in found.items() if not path]
    if missing:
        raise Failed(f"{', '.join(missing)}: not found")
    return {path: f"usr/bin/{name}" for name, path in found.items()}


def run(series, script, limit_s, modules, arguments, progress=None):
    """Returns the kernel's release and all that the guest printed; "release …" must be among it."""
    command = [os.path.join(TOP, "tools", "vm-run"), "-k", SERIES[series], "-t", str(limit_s)]
    for module in modules:
        command += ["-m", module]
    with subprocess.Popen([*command, *arguments, script, "--", *QEMU], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as vm:
        lines = []
        for line in vm.stdout:
            lines.append(line)
            if progress and line.startswith(progress):
                print(line, end="", file=sys.stderr, flush=True)
    out = "".join(lines)
    release = re.search(r"^release (\S+)", out, re.M)
    if vm.returncode or not release:
        raise Failed(f"on kernel {series}, exit status {vm.returncode}:\n{out}")
    if not release[1].startswith(series + "."):
        raise Failed(f"vm-run's kernel is {release[1]}, not {series}")
    return release[1], out
