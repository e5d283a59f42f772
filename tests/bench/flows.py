# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets of known flows, and rate limits.

    sudo tests/bench/run flows [--quick] [--only known,path,limits] [--flows N,N,...] [--rounds N]
                               [--seconds S] [--out DIR]

known   the daemon's XDP program under BPF_PROG_TEST_RUN: ns that a packet of a known flow costs above an
        empty program; packets of all flows alike (uniform) and of 1,024 of them (hot)
path    a veth pair into a router, 60,000 flows: the router without a firewall, with Portcullis, and with
        nft and conntrack. Each accepts the packet and looks up its route, and the route is a blackhole:
        the first place that all three come to, as conntrack does not work before the stack has
        taken the packet. What a firewall costs is the difference to the router without one, of the same
        round.
limits  what a limit lets pass, beside what it says, when twice as much comes: counted by nft behind the
        firewall, from one sender and from two, on queues of their own

Flows are opened by packets of both sides: a SYN, its answer, an ACK. A run in which packets are not those of
known flows, as the firewall itself counts them, ends with an error. In favour of nft: its rule stands in
prerouting, it has no counters, none of conntrack's accounting and no checksums to verify (a network card
does that). Medians of rounds that take all peers in turn; prints tables, writes flows.json to DIR
(build/bench). Exit status 1: a target was missed (with --quick it is only printed). Nothing else should
run meanwhile.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack

import flows_report
import veth
from daemon import Portcullis
from rulesets import TCP, UDP
from veth import BUILD, Unable, Veth, run

FLOWS = os.path.join(BUILD, "tests/bench/bench_flows")
SECTIONS = ("known", "path", "limits")
KINDS = ((4, TCP), (4, UDP), (6, TCP), (6, UDP))
ORDERS = ("uniform", "hot")
SYN, ACK = 0x02, 0x10
KNOWN_LEAST = 0.98  # of packets that have to be of known flows; in a full table some flows find no place
OPENINGS = 3         # attempts
LONG_S = 300
PACKET_BYTES = 46    # of L3, of the generator's packets
WARM_S = 1.0         # a limit's burst is 100 ms
LIMITS = (("1kpps", 1e3), ("10kpps", 1e4), ("100kpps", 1e5), ("1mpps", 1e6),
          ("5MB/s", 5e6 / PACKET_BYTES))
OFFERED = 2          # times what the limit lets pass

ROUTER = """schema = 1
[flows]
max = 262_144
new = 0
per_source = 0
[zone.lan]
interfaces = ["b1"]
mode = "native"
default = "drop"
established = true
[[rule]]
name = "out"
in = "lan"
action = "accept"
"""
LIMITED = """schema = 1
[zone.wan]
interfaces = ["b1"]
mode = "native"
default = "drop"
[limit.bench]
rate = "{rate}"
[[rule]]
name = "limited"
in = "wan"
limit = "bench"
action = "accept"
"""
CONNTRACK = """table inet bench {
  chain c { type filter hook prerouting priority filter; policy drop;
    ct state established accept
    iifname "b1" accept
  }
}
"""
CONNTRACK_WITNESS = """table inet witness {
  chain c { type filter hook prerouting priority filter + 10;
    ct state established counter
  }
}
"""
LIMIT_WITNESS = """table netdev witness {
  chain c { type filter hook ingress device "b1" priority 0;
    counter drop
  }
}
"""
SYSCTLS = ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.all.rp_filter=0",
           "net.ipv4.conf.b1.rp_filter=0", "net.ipv4.conf.all.send_redirects=0",
           "net.ipv4.conf.b1.send_redirects=0", "net.ipv4.ip_early_demux=0")
GATEWAYS = (("-4", "192.0.2.2"), ("-6", "fe80::2"))
SENDER_MAC = "02:00:00:00:00:01"


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def packets_of(kind, flows, order, flags=ACK, answers=False):
    """What the generator sends, as flow_words.h has it."""
    version, proto = kind
    return f"flows:{version}:{proto}:{flows}:{order}:{flags}" + (":answers" if answers else "")


def witnessed(pair, family):
    """What the only counter of the table `witness` says."""
    found = json.loads(pair.at_receiver("nft", "-j", "list", "table", family, "witness"))["nftables"]
    counters = [part["counter"]["packets"] for item in found
                for part in item.get("rule", {}).get("expr", []) if "counter" in part]
    return counters[0]


class Firewall(Portcullis):
    """Portcullis with a rule file of this benchmark's."""
    form = "XDP in native mode, zones with established = true; counters of flows, interfaces and reasons"

    def __init__(self, text=ROUTER):
        super().__init__()
        self.text = text

    def start_at(self, pair):
        self.start_with(pair, pair.write("rules.toml", self.text))

    def pins(self):
        return os.path.join(self.veth.bpffs, "pc")

    def known(self, pair, send):
        """How many packets of known flows it found among those that were sent."""
        before = self.established()
        send()
        return self.established() - before

    def established(self):
        return json.loads(run(FLOWS, "established", self.pins()))["packets"]

    def begin_opening(self, pair):
        pass

    def end_opening(self, pair):
        pass


class Conntrack:
    """nft with connection tracking. A flow is confirmed when its first packet has left: until all are open
    there is a way out, back to the sender, who does not listen."""
    name = "nft"
    form = "ct state established accept, in a chain of prerouting"

    def start_at(self, pair):
        pair.at_receiver("nft", "-f", pair.write("conntrack.nft", CONNTRACK))
        pair.at_receiver("sysctl", "-qw", "net.netfilter.nf_conntrack_checksum=0")

    def stop(self):
        pass

    def begin_opening(self, pair):
        for version, gateway in GATEWAYS:
            pair.at_receiver("ip", version, "neigh", "replace", gateway, "lladdr", SENDER_MAC, "dev", "b1")
            pair.at_receiver("ip", version, "route", "add", "default", "via", gateway, "dev", "b1")

    def end_opening(self, pair):
        for version, gateway in GATEWAYS:
            pair.at_receiver("ip", version, "route", "del", "default", "via", gateway, "dev", "b1")

    def known(self, pair, send):
        pair.at_receiver("nft", "-f", pair.write("witness.nft", CONNTRACK_WITNESS))
        send()
        found = witnessed(pair, "inet")
        pair.at_receiver("nft", "delete", "table", "inet", "witness")
        return found


class NoFirewall:
    name = "none"
    form = "no rule, no table, no program"

    def start_at(self, pair):
        pass

    def stop(self):
        pass


def make_router(pair):
    for setting in SYSCTLS:
        pair.at_receiver("sysctl", "-qw", setting)
    for version, _ in GATEWAYS:
        # Behind every other way: see Conntrack.
        pair.at_receiver("ip", version, "route", "add", "blackhole", "default", "metric", "4000")


def open_flows(peer, pair, kind, flows):
    """Returns the share of them that is known then."""
    share = 0
    for _ in range(OPENINGS):
        peer.begin_opening(pair)
        for flags, answers in ((SYN, False), (SYN | ACK, True), (ACK, False)):
            pair.send_exactly(packets_of(kind, flows, "turn", flags, answers), flows)
        peer.end_opening(pair)
        share = peer.known(pair, lambda: pair.send_exactly(packets_of(kind, flows, "turn"), flows)) / flows
        if share >= KNOWN_LEAST:
            return share
    raise Unable(f"{peer.name}: only {share:.1%} of the packets are of known flows")


def measure_known(options):
    """One table, in which there are more and more flows of one kind."""
    rows = []
    for version, proto in KINDS:
        with ExitStack() as stack:
            pair = stack.enter_context(Veth())
            firewall = Firewall()
            stack.callback(firewall.stop)
            firewall.start_at(pair)
            for flows in options.flows:
                say(f"known: IPv{version}, protocol {proto}, {flows:,} flows")
                row = json.loads(pair.at_receiver(
                    FLOWS, "known", firewall.pins(), pair.dst_index, str(version), str(proto),
                    str(flows), str(options.rounds), str(min(0.1, options.seconds)), timeout=LONG_S))
                if row["known"] < KNOWN_LEAST * flows:
                    raise Unable(f"only {row['known']:,} of {flows:,} packets were of known flows")
                rows.append(row | {"version": version, "proto": proto})
    return rows


def measure_path(options):
    rows = []
    for kind in KINDS[::2] if options.quick else KINDS:
        say(f"path: IPv{kind[0]}, protocol {kind[1]}, {options.path_flows:,} flows")
        with ExitStack() as stack:
            running, known = {}, {}
            for peer in (NoFirewall(), Firewall(), Conntrack()):
                pair = stack.enter_context(Veth(os.cpu_count() - 1))
                stack.callback(peer.stop)
                make_router(pair)
                peer.start_at(pair)
                if hasattr(peer, "known"):
                    known[peer.name] = open_flows(peer, pair, kind, options.path_flows)
                running[peer.name] = pair
            for order in ORDERS:
                rows.append({"version": kind[0], "proto": kind[1], "flows": options.path_flows,
                             "order": order, "known": known} |
                            measure_in_turn(running, packets_of(kind, options.path_flows, order), options))
    return rows


def measure_in_turn(running, packets, options):
    for pair in running.values():
        pair.measure(packets, options.seconds)  # warms, and finds out how many packets it takes
    rounds = [{name: pair.measure(packets, options.seconds) for name, pair in running.items()}
              for _ in range(options.rounds)]
    return {"rounds": rounds,
            "ns": {name: statistics.median(taken[name] for taken in rounds) for name in running},
            "own": {name: statistics.median(taken[name] - taken["none"] for taken in rounds)
                    for name in running if name != "none"}}


class Senders:
    """Some generators, each on a CPU of its own, that together send so many packets a second."""

    def __init__(self, pair, pps, threads, seconds):
        self.command = [*pair.inside(pair.src), "taskset", "-c"]
        self.words = [veth.GENERATOR, "paced", pair.src_index, pair.mac,
                      packets_of((4, UDP), 1000, "turn"), str(pps / threads), str(seconds)]
        self.threads = threads

    def __enter__(self):
        self.running = [subprocess.Popen([*self.command, str(cpu % os.cpu_count()), *self.words],
                                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                        for cpu in range(self.threads)]
        return self

    def check(self):
        for sender in self.running:
            if sender.poll() is not None:
                raise Unable(f"a generator ended early: {sender.stderr.read().decode().strip()[-200:]}")

    def __exit__(self, *_):
        for sender in self.running:
            sender.terminate()
        for sender in self.running:
            sender.communicate()


def counted(read):
    """(When, how many): the middle of the time that reading took."""
    begin = time.monotonic()
    number = read()
    return (begin + time.monotonic()) / 2, number


def per_second(before, after):
    return (after[1] - before[1]) / (after[0] - before[0])


def measure_limit(pair, pps, threads, seconds):
    """Packets a second: (that came, that passed)."""
    def readings():
        return counted(lambda: witnessed(pair, "netdev")), counted(pair.received)

    with Senders(pair, OFFERED * pps, threads, WARM_S + seconds + 60) as senders:
        time.sleep(WARM_S)
        passed, came = readings()
        time.sleep(seconds)
        passed_then, came_then = readings()
        senders.check()
    return per_second(came, came_then), per_second(passed, passed_then)


def measure_limits(options):
    rows = []
    for rate, pps in LIMITS:
        with ExitStack() as stack:
            pair = stack.enter_context(Veth(queues=2))
            firewall = Firewall(LIMITED.format(rate=rate))
            stack.callback(firewall.stop)
            firewall.start_at(pair)
            pair.at_receiver("nft", "-f", pair.write("witness.nft", LIMIT_WITNESS))
            for threads in (1, 2) if rate.endswith("pps") else (1,):
                say(f"limits: {rate}, {threads} sender(s)")
                rounds = [measure_limit(pair, pps, threads, options.limit_seconds)
                          for _ in range(options.limit_rounds)]
                rows.append({"rate": rate, "pps": pps, "threads": threads, "rounds": rounds,
                             "offered": statistics.median(came / pps for came, _ in rounds),
                             "passed": statistics.median(passed / pps for _, passed in rounds)})
    return rows


def parse_options(words):
    parser = argparse.ArgumentParser(prog="run flows", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two minutes: fewer kinds, short rounds")
    parser.add_argument("--only", default=",".join(SECTIONS), help="some of: " + ", ".join(SECTIONS))
    parser.add_argument("--flows", default="1000,60000,250000", help="numbers of flows, for `known`")
    parser.add_argument("--path-flows", type=int, default=60000, help="number of flows, for `path`")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="of traffic, for each measurement")
    parser.add_argument("--out", default=os.path.join(BUILD, "bench"))
    options = parser.parse_args(words)
    options.only = options.only.split(",")
    if unknown := set(options.only) - set(SECTIONS):
        parser.error(f"--only: no section {', '.join(unknown)}")
    # Each size adds to the flows of the one before.
    options.flows = sorted(int(word) for word in options.flows.split(","))
    options.rounds = options.rounds or (3 if options.quick else 9)
    options.seconds = options.seconds or (0.2 if options.quick else 1.0)
    options.limit_rounds = 1 if options.quick else 3
    options.limit_seconds = 2 if options.quick else 5
    return options


def write(results, options):
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "flows.json"), "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)


def main(words):
    options = parse_options(words)
    veth.need_root_and_build(veth.GENERATOR, FLOWS, os.path.join(BUILD, "ctl/portcullisd"))
    veth.end_on_signals()
    results = {"kernel": os.uname().release, "cpus": os.cpu_count(), "rounds": options.rounds,
               "forms": {peer.name: peer.form for peer in (NoFirewall(), Firewall(), Conntrack())}}
    sections = {"known": measure_known, "path": measure_path, "limits": measure_limits}
    begin = time.monotonic()
    try:
        for name in options.only:
            results[name] = sections[name](options)
            write(results, options)  # what there is, should a later section fail
    except Unable as error:
        sys.exit(f"bench: {error}")
    results["took_s"] = round(time.monotonic() - begin)
    write(results, options)
    print(flows_report.text(results))
    missed = flows_report.missed(results)
    for line in missed:
        print(f"missed: {line}")
    print(f"took {results['took_s']} s; all figures: {os.path.relpath(options.out)}/flows.json")
    return 1 if missed and not options.quick else 0
