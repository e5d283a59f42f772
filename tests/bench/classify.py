# SPDX-License-Identifier: GPL-3.0-or-later
"""The packet classifier, beside what else classifies packets on this machine.

    sudo tests/bench/run classify [--quick] [--only look-up,path,lists,updates] [--verify]
                                  [--rules FILE...] [--sizes 10,100,...] [--rounds N] [--out DIR]

look-up  the classifier by itself under BPF_PROG_TEST_RUN: ns per packet above the same program without
         the look-up; all families of rule sets, sizes, orders and traces (see rulesets.py, traces.py).
         Its answers are compared with a linear search; a wrong one ends the run.
path     Portcullis and its peers, each behind a veth pair of its own, the same generated traffic:
         ns per packet with the generator, as for the empty XDP drop
lists    one rule that drops the sources of a long list: both of the above, and loading it from a file
updates  one rule out of 10,000 and back in

Medians of rounds that take all peers in turn. Prints tables, writes classify.json and classify.svg to DIR
(build/bench). --rules takes filter sets in the usual format in place of the families. The same seed gives
the same rules and traces. Nothing else should run meanwhile.
"""
import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack

import chart
import peers
import prefixes
import report
import rulesets
import traces
import veth
from daemon import Portcullis, write_rules
from veth import BUILD, CLASSIFY, Unable, Veth, run

SECTIONS = ("look-up", "path", "lists", "updates")
KINDS = ("match", "cross", "random")
HEATS = ("uniform", "hot")
RULE_PEERS = ("empty", "nft-best", "nft-linear", "iptables", "ipset", "xdp-filter")
LIST_PEERS = ("empty", "lpm-trie", "nft-best", "ipset", "xdp-filter")
# A linear form that takes so long at one size is not asked at ten times as many rules.
LINEAR_NS_MAX = 20_000
UPDATED = 300  # rules
LONG_S = 300    # for one command that loads and measures


class Work:
    """The folder with all rule sets and traces of a run, each made once."""

    def __init__(self, folder, options):
        self.folder, self.options, self.made = folder, options, {}

    def file(self, key, make):
        if key not in self.made:
            self.made[key] = os.path.join(self.folder, f"{len(self.made)}.bin")
            with open(self.made[key], "wb") as file:
                file.write(make())
        return self.made[key]

    def rules(self, ruleset):
        return self.file(("rules", id(ruleset)), lambda: rulesets.binary(ruleset))

    def trace(self, ruleset, kind, heat):
        return self.file((id(ruleset), kind, heat),
                         lambda: traces.make(ruleset, kind, heat, self.options.seed))


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def row_of(ruleset):
    return {"set": ruleset.name, "version": ruleset.version, "rules": len(ruleset.rules),
            "entries": sum(len(entries) for entries in ruleset.sets)}


def look_up(work, ruleset, wanted, command="look-up"):
    """{"compile_s", "store_s", "bytes", "traces": {(kind, heat): {"ns", "wrong", ...}}} or {"why"}."""
    paths = {work.trace(ruleset, *trace): trace for trace in wanted}
    try:
        answer = json.loads(run(CLASSIFY, command, work.rules(ruleset), str(work.options.rounds),
                                str(min(0.1, work.options.seconds)), *paths, timeout=LONG_S))
    except Unable as error:
        return {"why": str(error), "traces": {}}
    answer["traces"] = {"/".join(trace): answer["traces"][path] for path, trace in paths.items()}
    wrong = sum(figures.get("wrong", 0) for figures in answer["traces"].values())
    if wrong:
        sys.exit(f"bench: {ruleset.name}, {len(ruleset.rules)} rules: {wrong} packets got another rule "
                 "than by linear search")
    return answer


def families_of(options, size):
    """(family, version) at this size: IPv6 has fewer."""
    for family in options.families:
        yield family, 4
        if size >= 1000:
            yield family, 6


def measure_look_ups(work, options):
    everything = [(kind, heat) for kind in KINDS for heat in HEATS]
    rows = []
    for ruleset in rulesets_of(options):
        say(f"look-up: {ruleset.name}, {len(ruleset.rules)} rules")
        rows.append(row_of(ruleset) | look_up(work, ruleset, everything))
    return rows


def rulesets_of(options):
    for path in options.rules:
        for how in ("sorted", "shuffled"):
            yield rulesets.read(path, how, options.seed)
    if options.rules:
        return
    for size in options.sizes:
        for family, version in families_of(options, size):
            for how in ("sorted", "shuffled") if version == 4 else ("sorted",):
                yield rulesets.generate(family, version, size, how, options.seed)
    yield rulesets.mix(options.blocked, 300, options.seed)


class Path:
    """Peers behind veth pairs of their own, all running while they are measured in turn."""

    def __init__(self, work, options):
        self.work, self.options = work, options
        self.cpu = os.cpu_count() - 1
        self.slow = {}  # linear peers: (ns, rules) that was too much

    def start(self, stack, peer, ruleset, row):
        """Its veth pair, or None; says in the row why."""
        why = peer.why_not(ruleset)
        if peer.linear and (peer.name, ruleset.version) in self.slow:
            nanoseconds, rules = self.slow[peer.name, ruleset.version]
            if len(ruleset.rules) > rules:
                why = f"{nanoseconds:,.0f} ns at {rules:,} rules already"
        if why is None:
            try:
                pair = stack.enter_context(Veth(self.cpu))
                stack.callback(peer.stop)
                watch = time.monotonic()
                peer.start(pair, ruleset, self.work.rules(ruleset))
                row["start_s"][peer.name] = time.monotonic() - watch
                if hasattr(peer, "bytes"):
                    row["bytes"][peer.name] = peer.bytes(pair)
                if hasattr(peer, "maps"):
                    row["nft_maps"] = peer.maps
                return pair
            except Unable as error:
                why = str(error)
        row["why"][peer.name] = why
        return None

    def verify(self, ruleset, row):
        """Do nft's verdict maps decide as the rules say? For those that are written by hand, so to speak."""
        trace = self.work.trace(ruleset, "match", "uniform")
        for peer in peers.made_of(("nft-best", "nft-linear")):
            if peer.linear and len(ruleset.rules) > 1000:
                continue
            with Veth(self.cpu) as pair:
                try:
                    wrong = peer.verify(pair, ruleset, self.work.rules(ruleset), trace)
                except Unable as error:
                    wrong = str(error)
            row.setdefault("verified", {})[peer.name] = wrong or "right"
            say(f"      {peer.name}: {wrong or 'right'}")

    def measure(self, ruleset, wanted, names):
        """{"traces": {"match/hot": {peer: ns}}, "why": {peer: text}, "start_s": {peer: s}}."""
        say(f"path: {ruleset.name}, {len(ruleset.rules)} rules")
        row = row_of(ruleset) | {"traces": {}, "rounds": {}, "why": {}, "start_s": {},
                                "bytes": {}}
        if self.options.verify and len(ruleset.rules) > 1:
            self.verify(ruleset, row)
        with ExitStack() as stack:
            running = {}
            for peer in [*peers.made_of(names[:1]), Portcullis(), *peers.made_of(names[1:])]:
                pair = self.start(stack, peer, ruleset, row)
                if pair is not None:
                    running[peer.name] = (peer, pair)
            for kind, heat in wanted:
                self.measure_trace(ruleset, (kind, heat), running, row)
        return row

    def measure_trace(self, ruleset, trace, running, row):
        path = self.work.trace(ruleset, *trace)
        seconds = self.options.seconds
        for _, pair in running.values():
            pair.measure(path, seconds)  # warms, and finds out how many packets it takes
        samples = {name: [] for name in running}
        for _ in range(self.options.rounds):
            for name, (_, pair) in running.items():
                samples[name].append(pair.measure(path, seconds))
        medians = {name: statistics.median(values) for name, values in samples.items()}
        row["rounds"]["/".join(trace)] = samples
        row["traces"]["/".join(trace)] = medians
        for name, (peer, _) in running.items():
            if peer.linear and medians[name] > LINEAR_NS_MAX:
                self.slow[name, ruleset.version] = medians[name], len(ruleset.rules)


def measure_paths(work, options):
    path = Path(work, options)
    uniform, hot, cross = ("match", "uniform"), ("match", "hot"), ("cross", "uniform")
    rows = []
    if options.rules:
        return [path.measure(ruleset, (uniform, hot), RULE_PEERS) for ruleset in rulesets_of(options)]

    def add(family, version, size, how, wanted):
        ruleset = rulesets.generate(family, version, size, how, options.seed)
        rows.append(path.measure(ruleset, wanted, RULE_PEERS))

    for size in options.sizes:
        add(options.families[0], 4, size, "sorted", (uniform, hot))
    for size in [size for size in options.sizes if size in (1000, 10000)]:
        for family in options.families[1:]:
            add(family, 4, size, "sorted", (uniform, cross))
    if not options.quick:
        add(options.families[0], 4, 10000, "shuffled", (uniform,))
        add(options.families[0], 6, 10000, "sorted", (uniform,))
    rows.append(path.measure(rulesets.mix(options.blocked, 300, options.seed), (uniform,), RULE_PEERS))
    return rows


def lists_of(options):
    dice = random.Random(options.seed)
    count = options.entries
    # The largest that xdp-filter's map takes.
    yield rulesets.block_list("hosts", 4, prefixes.hosts(4, peers.XDP_FILTER_MAX, dice))
    yield rulesets.block_list("hosts", 4, prefixes.hosts(4, count, dice))
    yield rulesets.block_list("networks", 4, prefixes.clustered(4, count, dice))
    yield rulesets.block_list("networks6", 6, prefixes.clustered(6, count, dice))


def measure_lists(work, options):
    """For each list: {"look_up", "trie", "file", "path"}."""
    rows = []
    path = Path(work, options)
    wanted = (("match", "uniform"), ("random", "uniform"), ("match", "hot"))
    for ruleset in lists_of(options):
        say(f"lists: {ruleset.name}, {len(ruleset.sets[0])} entries")
        row = row_of(ruleset)
        row["look_up"] = look_up(work, ruleset, wanted)
        row["trie"] = look_up(work, ruleset, wanted, "trie")
        with tempfile.TemporaryDirectory(dir=work.folder) as folder:
            try:
                row["file"] = json.loads(run(CLASSIFY, "file", write_rules(ruleset, folder),
                                             timeout=LONG_S))
            except Unable as error:
                row["file"] = {"why": str(error)}
        row["path"] = path.measure(ruleset, wanted[:2], LIST_PEERS)
        rows.append(row)
    return rows


def measure_updates(work, options):
    rows = []
    size = 10000 if 10000 in options.sizes else max(options.sizes)
    for family in options.families:
        ruleset = rulesets.generate(family, 4, size, "sorted", options.seed)
        say(f"updates: {ruleset.name}, {size} rules")
        row = row_of(ruleset)
        try:
            row |= json.loads(run(CLASSIFY, "update", work.rules(ruleset), str(UPDATED), timeout=LONG_S))
        except Unable as error:
            row["why"] = str(error)
        rows.append(row)
    return rows


def parse_options(words):
    parser = argparse.ArgumentParser(prog="run classify", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="some minutes: fewer sets, short rounds")
    parser.add_argument("--only", default=",".join(SECTIONS), help="some of: " + ", ".join(SECTIONS))
    parser.add_argument("--rules", nargs="+", default=[], metavar="FILE")
    parser.add_argument("--sizes", help="numbers of rules (default: 10,100,1000,10000,100000)")
    parser.add_argument("--families", help="the first one is drawn (default: acl,fw,ipc)")
    parser.add_argument("--entries", type=int, help="length of the lists (default: 1000000)")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="of traffic, for each measurement")
    parser.add_argument("--verify", action="store_true", help="count nft's verdicts first")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", default=os.path.join(BUILD, "bench"))
    options = parser.parse_args(words)
    quick = options.quick
    options.only = options.only.split(",")
    if unknown := set(options.only) - set(SECTIONS):
        parser.error(f"--only: no section {', '.join(unknown)}")
    sizes = options.sizes or ("10,1000,10000" if quick else "10,100,1000,10000,100000")
    options.sizes = [int(word) for word in sizes.split(",")]
    options.families = (options.families or ("acl,fw" if quick else "acl,fw,ipc")).split(",")
    options.entries = options.entries or (100_000 if quick else 1_000_000)
    options.blocked = min(50_000, options.entries)
    options.rounds = options.rounds or (3 if quick else 5)
    options.seconds = options.seconds or (0.2 if quick else 0.5)
    return options


def write(results, options):
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "classify.json"), "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
    name = options.families[0]
    with open(os.path.join(options.out, "classify.svg"), "w", encoding="utf-8") as file:
        file.write(chart.svg(report.lines(results, name), "rules", "ns per packet",
                             f"Cost of a dropped packet on a veth pair, rule sets '{name}'"))


def main(words):
    options = parse_options(words)
    veth.need_root_and_build(veth.GENERATOR, CLASSIFY, os.path.join(BUILD, "ctl/portcullisd"))
    veth.end_on_signals()
    begin = time.monotonic()
    results = {"kernel": os.uname().release, "cpus": os.cpu_count(), "seed": options.seed,
               "rounds": options.rounds, "forms": {peer.name: peer.form for peer in [
                   *peers.made_of(RULE_PEERS), *peers.made_of(("lpm-trie",)), Portcullis()]}}
    sections = {"look-up": measure_look_ups, "path": measure_paths, "lists": measure_lists,
                "updates": measure_updates}
    with tempfile.TemporaryDirectory(prefix="portcullis-bench.") as folder:
        work = Work(folder, options)
        for name in options.only:
            results[name] = sections[name](work, options)
            write(results, options)  # what there is, should a later section fail
    results["took_s"] = round(time.monotonic() - begin)
    write(results, options)
    print(report.text(results))
    print(f"took {results['took_s']} s; plot: {os.path.relpath(options.out)}/classify.svg")
    return 0
