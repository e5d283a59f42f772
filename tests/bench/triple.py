# SPDX-License-Identifier: GPL-3.0-or-later
"""A client, a router and a server, in three network namespaces that nobody else has, and what runs in them.

    client 10.9.1.2 -- b1 10.9.1.1 [router] b2 10.9.2.1 -- 10.9.2.2 server

The names of the router's side are those that daemon.py knows: dst, bpffs, work.
"""
import itertools
import os
import signal
import subprocess
import tempfile
import time

import veth
from veth import Unable, run

CLIENT, SERVER = "10.9.1.2", "10.9.2.2"
CLIENT_NET = "10.9.1.0/24"
SYSCTLS = ("net.ipv4.ip_local_port_range=1024 65535", "net.ipv4.tcp_max_syn_backlog=8192",
           "net.core.somaxconn=8192")
END_S = 5
numbers = itertools.count()


class Triple:
    """`with Triple() as triple`."""
    inside = staticmethod(veth.Veth.inside)

    def __init__(self):
        number = f"pcb{os.getpid()}t{next(numbers)}"
        self.src, self.dst, self.far = (number + end for end in "crs")
        self.started = []

    def __enter__(self):
        self.work = tempfile.TemporaryDirectory(prefix="portcullis-bench.")
        self.bpffs = os.path.join(self.work.name, "bpf")
        try:
            self.make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def make(self):
        for ns in (self.src, self.dst, self.far):
            run("ip", "netns", "add", ns)
            run("ip", "-n", ns, "link", "set", "lo", "up")
            run(*self.inside(ns), "sysctl", "-qw", *SYSCTLS)
        for ns, dev, address in ((self.src, "b1", "10.9.1"), (self.far, "b2", "10.9.2")):
            run("ip", "link", "add", "b0", "netns", ns, "type", "veth", "peer", "name", dev, "netns", self.dst)
            run("ip", "-n", self.dst, "addr", "add", address + ".1/24", "dev", dev)
            run("ip", "-n", ns, "addr", "add", address + ".2/24", "dev", "b0")
            run("ip", "-n", self.dst, "link", "set", dev, "up")
            run("ip", "-n", ns, "link", "set", "b0", "up")
            run("ip", "-n", ns, "route", "add", "default", "via", address + ".1")
        run(*self.inside(self.dst), "sysctl", "-qw", "net.ipv4.ip_forward=1")
        os.mkdir(self.bpffs)
        run("mount", "-t", "bpf", "bpf", self.bpffs)

    def __exit__(self, *_):
        for process in list(self.started):
            self.stop(process)
        subprocess.run(["umount", self.bpffs], capture_output=True, check=False)
        for ns in (self.src, self.dst, self.far):
            subprocess.run(["ip", "netns", "del", ns], capture_output=True, check=False)
        self.work.cleanup()

    def path(self, name):
        return os.path.join(self.work.name, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def at_router(self, *command, **options):
        return run(*self.inside(self.dst), *command, **options)

    def at_client(self, *command, **options):
        return run(*self.inside(self.src), *command, **options)

    def start(self, ns, *command):
        """In the background, in a session of its own, so that it ends with all that it has started."""
        with open(self.path("log"), "a", encoding="utf-8") as log:
            process = subprocess.Popen([*self.inside(ns), *command], stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=log, start_new_session=True)
        self.started.append(process)
        return process

    def stop(self, process):
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                pass
            try:
                process.wait(END_S)
                break
            except subprocess.TimeoutExpired:
                pass
        if process in self.started:
            self.started.remove(process)

    def wait_for(self, what, ready, seconds=30):
        end = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > end:
                with open(self.path("log"), encoding="utf-8") as log:
                    said = log.read().strip().splitlines()
                raise Unable(f"{what}: not ready in {seconds} s: {' / '.join(said[-2:])[-200:]}")
            time.sleep(0.05)

    def listens(self, ns, port):
        return bool(run(*self.inside(ns), "ss", "-Hltn", f"sport = :{port}").strip())


def processes_of(process):
    """The process ids of a session."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                if int(file.read().rpartition(")")[2].split()[3]) == process.pid:
                    found.append(int(pid))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def resident_bytes(process):
    total = 0
    for pid in processes_of(process):
        with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("Rss:")) * 1024
    return total
