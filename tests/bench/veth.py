# SPDX-License-Identifier: GPL-3.0-or-later
"""A sender, a veth pair and a receiver, in two network namespaces that nobody else has; and how commands
are run."""
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("PC_BUILD", os.path.join(ROOT, "build"))
GENERATOR = os.path.join(BUILD, "tests/bench/bench_generator")
CLASSIFY = os.path.join(BUILD, "tests/bench/bench_classify")
PACKETS_MIN, PACKETS_GROWTH = 2000, 8
IDLE_FRAMES = 3 * 64  # the generator sends them before it measures
PATIENCE_S = 120  # for any one command

numbers = itertools.count()


class Unable(Exception):
    """This peer cannot do this rule set: the text says why."""


def run(*command, timeout=PATIENCE_S, **options):
    """Its output; raises Unable if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False,
                              **options)
    except subprocess.TimeoutExpired:
        raise Unable(f"{os.path.basename(command[0])}: not done in {timeout} s") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines() or [f"exit status {done.returncode}"]
        raise Unable(next((line for line in said if "rror" in line), said[-1])[:200])
    return done.stdout


def need_root_and_build(*programs):
    if os.geteuid() != 0:
        sys.exit("bench: needs root")
    for program in programs:
        if not os.access(program, os.X_OK):
            sys.exit(f"bench: {os.path.relpath(program)} is not there: ninja -C {os.path.relpath(BUILD)}")


def end_on_signals():
    """SIGTERM and SIGHUP end the run as an error does: what was made is taken away."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit("bench: ended by a signal"))


class Veth:
    """`with Veth() as veth`: the receiver's end is b1, in the namespace veth.dst."""

    def __init__(self, cpu=None, queues=1):
        """`cpu`: of the generator; `queues`: of the receiver, which each CPU that sends has one of."""
        self.queues = [word for end in ("numtxqueues", "numrxqueues") for word in (end, str(queues))]
        self.pin = [] if cpu is None else ["taskset", "-c", str(cpu)]
        number = f"pcb{os.getpid()}n{next(numbers)}"
        self.src, self.dst = number + "s", number + "d"
        self.packets = {}  # by trace: how many a measurement takes

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
        for ns in (self.src, self.dst):
            run("ip", "netns", "add", ns)
        run("ip", "link", "add", "b0", *self.queues, "netns", self.src, "type", "veth", "peer", "name",
            "b1", *self.queues, "netns", self.dst)
        for ns, dev in ((self.src, "b0"), (self.dst, "b1")):
            run("ip", "-n", ns, "link", "set", dev, "up")
            # GRO makes the receiver take frames by NAPI, as a network card's driver does. It has to be
            # turned on while the link is up: else b0 sends no frames of XDP.
            run(*self.inside(ns), "ethtool", "-K", dev, "gro", "on")
        run("ip", "-n", self.dst, "addr", "add", "192.0.2.1/24", "dev", "b1")
        self.src_index = run("ip", "-n", self.src, "-o", "link", "show", "b0").split(":")[0]
        self.dst_index = run("ip", "-n", self.dst, "-o", "link", "show", "b1").split(":")[0]
        self.mac = json.loads(run("ip", "-n", self.dst, "-j", "link", "show", "b1"))[0]["address"]
        os.mkdir(self.bpffs)
        run("mount", "-t", "bpf", "bpf", self.bpffs)

    def __exit__(self, *_):
        subprocess.run(["umount", self.bpffs], capture_output=True, check=False)
        for ns in (self.src, self.dst):
            subprocess.run(["ip", "netns", "del", ns], capture_output=True, check=False)
        self.work.cleanup()

    @staticmethod
    def inside(ns):
        return ["nsenter", f"--net=/run/netns/{ns}"]

    def at_receiver(self, *command, **options):
        return run(*self.inside(self.dst), *command, **options)

    def write(self, name, text):
        path = os.path.join(self.work.name, name)
        with open(path, "wb" if isinstance(text, bytes) else "w") as file:
            file.write(text)
        return path

    def attach_empty(self):
        self.at_receiver(GENERATOR, "attach-empty", self.dst_index)

    def received(self):
        text = run("ip", "-n", self.dst, "-j", "-s", "link", "show", "b1")
        return json.loads(text)[0]["stats64"]["rx"]["packets"]

    def generate(self, trace, packets, *options):
        return int(run(*self.inside(self.src), *self.pin, GENERATOR, *options, self.src_index, self.mac,
                       trace, str(packets)))

    def send_exactly(self, trace, packets):
        """The first headers of a trace, each once, and nothing else."""
        self.generate(trace, packets, "once")

    def send(self, trace, packets):
        """Sends the headers of a trace: (ns, packets that the receiver handled). What its ring lost is
        not among these."""
        before = self.received() + IDLE_FRAMES
        took = self.generate(trace, packets)
        arrived = self.received() - before
        if arrived < packets / 10:
            raise Unable(f"of {packets} packets {max(0, arrived)} arrived")
        return took, arrived

    def measure(self, trace, seconds):
        """ns per packet, over about so long: a run has some ms of its own, so few packets tell little.
        How many it takes is known from the last time."""
        packets = self.packets.setdefault(trace, PACKETS_MIN)
        while True:
            took, arrived = self.send(trace, packets)
            if took >= seconds / 2 * 1e9:
                return took / arrived
            packets = int(packets * min(PACKETS_GROWTH, max(1.5, seconds * 1e9 / took)))
            self.packets[trace] = packets
