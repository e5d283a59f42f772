# SPDX-License-Identifier: GPL-3.0-or-later
"""nftables in two forms: one rule for each rule, and the best that a good user makes by hand.

The best form is one verdict map of concatenated ranges where that is right. Rules of a list overlap, a
map refuses some elements that overlap, and which of others answers is not certain. So a list becomes
several maps, asked one after the other; order.h says which rule goes where. A rule with TCP flags is
an element that jumps to a chain of its own, which asks the flags and comes back. What no rule can
reach is left out, and so are fields that no rule names. Lists of prefixes are sets: a hash for
hosts, intervals with auto-merge for prefixes. Groups of a few rules stay rules. `--verify` counts
the verdicts of a trace.
"""
import json

import prefixes
from rulesets import EVERY_PORT, TCP, UDP
from veth import CLASSIFY, run

LOAD_S = 90
SMALL_GROUP = 3  # so many rules cost less than a map
# (name of the type, how it is read)
FIELDS = {"proto": ("inet_proto", "meta l4proto"), "sport": ("inet_service", "th sport"),
          "dport": ("inet_service", "th dport")}


def span(low, high):
    return str(low) if low == high else f"{low}-{high}"


def addresses(prefix, version):
    """nft takes no prefix of length 0 in a concatenation."""
    if prefix[1]:
        return prefixes.text(prefix, version)
    last = (1 << (32 if version == 4 else 128)) - 1
    return f"{prefixes.text_of(0, version)}-{prefixes.text_of(last, version)}"


def rule_text(rule, version, family, verdicts):
    out = []
    if rule.src_set is not None:
        out.append(f"{family} saddr @s{rule.src_set + 1}")
    elif rule.src[1]:
        out.append(f"{family} saddr {prefixes.text(rule.src, version)}")
    if rule.dst[1]:
        out.append(f"{family} daddr {prefixes.text(rule.dst, version)}")
    if rule.proto is not None and (rule.proto not in (TCP, UDP) or
                                   rule.sport == rule.dport == EVERY_PORT):
        out.append(f"meta l4proto {rule.proto}")
    name = "tcp" if rule.proto == TCP else "udp"
    for field, ports in (("sport", rule.sport), ("dport", rule.dport)):
        if ports != EVERY_PORT:
            out.append(f"{name} {field} {span(*ports)}")
    if rule.flags:
        out.append(f"tcp flags & {rule.flags[1]} == {rule.flags[0]}")
    return " ".join([*out, verdicts[rule.action]])


class Nft:
    linear = False

    def why_not(self, _ruleset):
        return None

    def start(self, veth, ruleset, binary):
        path = veth.write("rules.nft", self.text(ruleset, binary, {"drop": "drop", "accept": "drop"}))
        veth.at_receiver("nft", "-f", path, timeout=LOAD_S)

    def stop(self):
        pass

    def text(self, ruleset, path, verdicts):
        """`path`: the binary rule file; `verdicts`: what each action is written as."""
        family = "ip" if ruleset.version == 4 else "ip6"
        parts = [self.set_text(f"s{number}", entries, ruleset.version)
                 for number, entries in enumerate(ruleset.sets, 1)]
        before, rules = self.rules_text(ruleset, path, verdicts, family)
        policy = '\n    type filter hook ingress device "b1" priority 0; policy drop;\n    '
        return ("table netdev bench {\n" + "\n".join([*parts, *self.verdict_chains(verdicts), *before]) +
                "\n  chain c {" + policy + "\n    ".join(rules) + "\n  }\n}\n")

    def verify(self, veth, ruleset, binary, trace, packets=4096):
        """Whether as many packets get each verdict as the rules say; None, or what differs."""
        verdicts = {"drop": "goto dropped", "accept": "goto kept"}
        veth.at_receiver("nft", "-f", veth.write("verify.nft", self.text(ruleset, binary, verdicts)),
                         timeout=LOAD_S)
        before = veth.received()
        veth.send_exactly(trace, packets)
        if veth.received() - before < packets:
            return "packets were lost on the way"
        counted = {}
        for item in json.loads(veth.at_receiver("nft", "-j", "list", "table", "netdev", "bench"))["nftables"]:
            rule = item.get("rule", {})
            if rule.get("chain") in ("dropped", "kept"):
                counted[rule["chain"]] = rule["expr"][0]["counter"]["packets"]
        right = {"dropped": 0, "kept": 0}
        for at in json.loads(run(CLASSIFY, "search", binary, trace, str(packets)))["rules"]:
            if at < len(ruleset.rules):
                right["kept" if ruleset.rules[at].action == "accept" else "dropped"] += 1
        return None if counted == right else f"{self.name} decides {counted}, the rules {right}"

    @staticmethod
    def verdict_chains(verdicts):
        """For --verify: packets are counted by verdict."""
        return [f"  chain {verdict.split()[1]} {{ counter drop\n  }}"
                for verdict in verdicts.values() if verdict.startswith("goto ")]

    @staticmethod
    def set_text(name, entries, version):
        bits = 32 if version == 4 else 128
        kind = f"type ipv{version}_addr;"
        if any(length != bits for _, length in entries):
            kind += " flags interval; auto-merge;"
        elements = ",\n".join(prefixes.text_of(address, version) if length == bits else
                              prefixes.text((address, length), version) for address, length in entries)
        return f"  set {name} {{ {kind} elements = {{ {elements} }}\n  }}"


class NftLinear(Nft):
    name = "nft-linear"
    linear = True
    form = "one rule each in a netdev ingress chain"

    def rules_text(self, ruleset, _path, verdicts, family):
        return [], [rule_text(rule, ruleset.version, family, verdicts) for rule in ruleset.rules]


class NftBest(Nft):
    name = "nft-best"
    form = "as many verdict maps of concatenated ranges as the rules' order needs; sets for lists"

    def __init__(self):
        self.maps = 0

    def rules_text(self, ruleset, path, verdicts, family):
        numbers = json.loads(run(CLASSIFY, "order", path))["maps"]
        fields = [name for name in FIELDS if name == "proto" or
                  any(getattr(rule, name) != EVERY_PORT for rule in ruleset.rules)]
        kind = " . ".join([f"ipv{ruleset.version}_addr"] * 2 + [FIELDS[name][0] for name in fields])
        key = " . ".join([f"{family} saddr", f"{family} daddr", *(FIELDS[name][1] for name in fields)])
        rules = [f"{family} saddr @s{rule.src_set + 1} {verdicts[rule.action]}"
                 for rule in ruleset.rules if rule.src_set is not None]
        groups, chains = {}, []
        for rule, number in zip(ruleset.rules, numbers):
            if rule.src_set is None and number >= 0:
                groups.setdefault(number, []).append(rule)
        self.maps = 0
        for number, group in sorted(groups.items()):
            if len(group) <= SMALL_GROUP:
                rules += [rule_text(rule, ruleset.version, family, verdicts) for rule in group]
                continue
            elements = {}
            for rule in group:
                self.add(elements, rule, fields, ruleset.version, verdicts)
            chains += self.map_text(number, elements, kind)
            rules.append(f"{key} vmap @m{number}")
            self.maps += 1
        return chains, rules

    @staticmethod
    def add(elements, rule, fields, version, verdicts):
        """Rules alike but for their flags share an element: verdicts in order, flags or None with each."""
        values = {"proto": "0-255" if rule.proto is None else str(rule.proto), "sport": span(*rule.sport),
                  "dport": span(*rule.dport)}
        key = " . ".join([addresses(rule.src, version), addresses(rule.dst, version),
                          *(values[name] for name in fields)])
        elements.setdefault(key, []).append((rule.flags, verdicts[rule.action]))

    @staticmethod
    def map_text(number, elements, kind):
        chains, lines = [], []
        for key, answers in elements.items():
            verdict = answers[0][1]
            if answers[0][0] is not None:
                name = f"f{number}x{len(chains)}"
                body = [f"tcp flags & {flags[1]} == {flags[0]} {answer}" if flags else answer
                        for flags, answer in answers]
                chains.append(f"  chain {name} {{\n    " + "\n    ".join(body) + "\n  }")
                verdict = f"jump {name}"
            lines.append(f"{key} : {verdict}")
        joined = ",\n      ".join(lines)
        return [*chains, f"  map m{number} {{ type {kind} : verdict; flags interval;\n"
                         f"    elements = {{ {joined} }}\n  }}"]
