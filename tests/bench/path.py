# SPDX-License-Identifier: GPL-3.0-or-later
"""Portcullis beside its peers: one run, one veth pair, the same generated traffic.

    sudo tests/bench/run [path] [--rules 10,100,1000] [--rounds 5] [--seconds 1] [--out DIR]

Prints ns per packet (the generator included, as for every peer), medians of all rounds, and the
ratio to the empty XDP drop; writes bench.svg and bench.json to DIR (build/bench). Each rule names source
and destination prefix, protocol and a port range; each packet of the trace matches one rule, all
rules equally often, and is dropped. Rules do not overlap, because nft refuses overlapping
elements of an interval set. Packets are counted at the receiving interface: what its ring lost
does not count as handled. Nothing else should run meanwhile.
"""
import argparse
import json
import os
import random
import statistics
import sys

import chart
import prefixes
import traces
import veth
from daemon import Portcullis
from rulesets import TCP, UDP, Rule, RuleSet
from veth import BUILD, Veth

COLOURS = {"empty": "#888", "portcullis": "#c0392b", "nft": "#2471a3", "iptables": "#1e8449"}


def make_rules(count, seed):
    """Disjoint rules: every one has a destination /24 of its own inside 10.0.0.0/8."""
    dice = random.Random(seed)
    rules = []
    for network in dice.sample(range(1 << 16), count):
        length = dice.choice([8, 12, 16, 20, 24])
        source = dice.getrandbits(32) >> (32 - length) << (32 - length)
        low = dice.choice([22, 53, 80, 443, 1024, 5000, 8080])
        proto = dice.choice([TCP, UDP])
        rules.append(Rule((source, length), (10 << 24 | network << 8, 24), proto=proto,
                          dport=(low, low + dice.choice([0, 0, 0, 15, 1000]))))
    return RuleSet("disjoint", 4, rules)


class Bench:
    """The peers. Each is started, measured and stopped; all drop every packet of the trace."""

    def __init__(self, pair):
        self.veth = pair
        self.portcullis = Portcullis()

    def start_empty(self, _ruleset):
        self.veth.attach_empty()

    def stop_empty(self):
        veth.run("ip", "-n", self.veth.dst, "link", "set", "b1", "xdp", "off")

    def start_portcullis(self, ruleset):
        self.portcullis.start(self.veth, ruleset, None)

    def stop_portcullis(self):
        self.portcullis.stop()

    def start_nft(self, ruleset):
        elements = ",\n".join(f"{prefixes.text(r.src, 4)} . {prefixes.text(r.dst, 4)} . {r.proto} . "
                              f"{r.dport[0]}-{r.dport[1]}" for r in ruleset.rules)
        path = self.veth.write("rules.nft", f"""table netdev bench {{
  set s {{ type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags interval;
    elements = {{ {elements} }}
  }}
  chain c {{ type filter hook ingress device "b1" priority 0;
    ip saddr . ip daddr . meta l4proto . th dport @s drop
  }}
}}
""")
        self.veth.at_receiver("nft", "-f", path)

    def stop_nft(self):
        self.veth.at_receiver("nft", "delete", "table", "netdev", "bench")

    def start_iptables(self, ruleset):
        lines = [f"-A PREROUTING -s {prefixes.text(r.src, 4)} -d {prefixes.text(r.dst, 4)} -p {r.proto} "
                 f"--dport {r.dport[0]}:{r.dport[1]} -j DROP" for r in ruleset.rules]
        path = self.veth.write("rules.ipt", "\n".join(["*raw", *lines]) + "\nCOMMIT\n")
        with open(path, encoding="ascii") as file:
            self.veth.at_receiver("iptables-restore", stdin=file)

    def stop_iptables(self):
        self.veth.at_receiver("iptables", "-t", "raw", "-F", "PREROUTING")


def measure(options, counts, names):
    samples = {count: {name: [] for name in names} for count in counts}
    with Veth() as pair:
        bench = Bench(pair)
        try:
            for count in counts:
                ruleset = make_rules(count, options.seed)
                trace = pair.write("trace", traces.make(ruleset, "match", "uniform", options.seed))
                for _ in range(options.rounds):
                    for name in names:
                        getattr(bench, "start_" + name)(ruleset)
                        samples[count][name].append(pair.measure(trace, options.seconds))
                        getattr(bench, "stop_" + name)()
        finally:
            bench.stop_portcullis()
    return samples


def main(words):
    parser = argparse.ArgumentParser(prog="run path", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rules", default="10,100,1000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", default=os.path.join(BUILD, "bench"))
    options = parser.parse_args(words)
    veth.need_root_and_build(veth.GENERATOR, os.path.join(BUILD, "ctl/portcullisd"))
    veth.end_on_signals()
    counts = [int(word) for word in options.rules.split(",")]
    names = list(COLOURS)
    try:
        samples = measure(options, counts, names)
    except veth.Unable as error:
        sys.exit(f"bench: {error}")
    medians = {count: {name: statistics.median(row) for name, row in rows.items()}
               for count, rows in samples.items()}
    print(f"ns per packet, median of {options.rounds} rounds (ratio to the empty XDP drop); "
          f"{os.uname().release}, {os.cpu_count()} CPUs")
    print(f"{'rules':>6}" + "".join(f"{name:>22}" for name in names))
    for count in counts:
        row = medians[count]
        cells = [f"{row[name]:.0f} ({row[name] / row['empty']:.1f}x)" for name in names]
        print(f"{count:>6}" + "".join(f"{cell:>22}" for cell in cells))
    os.makedirs(options.out, exist_ok=True)
    lines = [chart.Line(name, colour, {count: medians[count][name] for count in counts})
             for name, colour in COLOURS.items()]
    with open(os.path.join(options.out, "bench.svg"), "w", encoding="utf-8") as file:
        file.write(chart.svg(lines, "rules", "ns per packet"))
    with open(os.path.join(options.out, "bench.json"), "w", encoding="utf-8") as file:
        json.dump({"kernel": os.uname().release, "samples": samples, "medians": medians}, file, indent=1)
    print(f"plot: {os.path.relpath(options.out)}/bench.svg")
    return 0
