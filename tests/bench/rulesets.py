# SPDX-License-Identifier: GPL-3.0-or-later
"""Rule sets for the classifier's benchmark: made from a seed, or read from a file.

The families are named after the lists they look like. `acl`: whole lists for one side, services of
hosts on the other. `fw`: firewalls, with many wildcards and source ports. `ipc`: pairs of hosts and
networks. Addresses come from a tree of networks, sites, subnets and hosts, of which rules name some
again and again: so prefixes nest, and a packet matches a few rules, not one and not hundreds.
`mix` is a list of blocked prefixes, one rule that drops them, and some hundred rules behind.

A rule set is in the order in which its rules are asked. `sorted` has the narrow rules first, as lists
grow; `shuffled` any order, in which some rules are never reached.
"""
import random
import struct
from dataclasses import dataclass, field

import prefixes

TCP, UDP, ICMP, GRE, ICMP6 = 6, 17, 1, 47, 58
EVERY_PORT = (0, 65535)
HIGH_PORTS = (1024, 65535)
WELL_KNOWN = (20, 21, 22, 23, 25, 53, 80, 88, 110, 111, 119, 123, 135, 139, 143, 161, 389, 443, 445, 465,
              514, 587, 636, 993, 995, 1433, 1521, 1723, 3128, 3306, 3389, 5060, 5432, 6379, 8080, 8443)
FLAGS = ((0x02, 0x12), (0x10, 0x10), (0x04, 0x04), (0x01, 0x01), (0x00, 0x3f))


@dataclass(slots=True)
class Rule:
    """(address, length) pairs, inclusive ranges; proto None: any; flags (value, mask) or None;
    src_set: an index into RuleSet.sets that stands for `src`."""
    src: tuple
    dst: tuple
    sport: tuple = EVERY_PORT
    dport: tuple = EVERY_PORT
    proto: int | None = None
    flags: tuple | None = None
    action: str = "drop"
    src_set: int | None = None

    def key(self):
        return self.src, self.dst, self.sport, self.dport, self.proto, self.flags, self.src_set


@dataclass
class RuleSet:
    name: str
    version: int  # of IP
    rules: list
    sets: list = field(default_factory=list)  # of lists of (address, length)

    @property
    def bits(self):
        return 32 if self.version == 4 else 128


# Weights of pairs of levels, of ports (any, one, high ones, a range), of protocols.
FAMILIES = {
    "acl": {
        "pairs": {("any", "host"): 12, ("wide", "host"): 5, ("site", "host"): 13, ("net", "host"): 20,
                  ("subnet", "host"): 10, ("host", "host"): 25, ("net", "net"): 8,
                  ("host", "subnet"): 4, ("any", "net"): 3},
        "sport": (100, 0, 0, 0), "dport": (25, 50, 5, 20),
        "proto": {TCP: 80, UDP: 10, None: 7, ICMP: 3}, "flags": 0.03},
    "fw": {
        "pairs": {("any", "host"): 20, ("any", "subnet"): 6, ("host", "any"): 8, ("net", "any"): 3,
                  ("any", "net"): 3, ("host", "host"): 20, ("net", "host"): 14, ("host", "net"): 10,
                  ("net", "net"): 8, ("any", "any"): 3, ("wide", "host"): 5},
        "sport": (72, 8, 15, 5), "dport": (20, 50, 10, 20),
        "proto": {TCP: 55, UDP: 33, None: 3, ICMP: 5, GRE: 4}, "flags": 0.02},
    "ipc": {
        "pairs": {("host", "host"): 40, ("net", "net"): 12, ("host", "net"): 10, ("net", "host"): 10,
                  ("any", "host"): 6, ("host", "any"): 6, ("site", "site"): 6, ("wide", "net"): 5,
                  ("any", "any"): 2, ("subnet", "subnet"): 3},
        "sport": (75, 15, 7, 3), "dport": (45, 40, 5, 10),
        "proto": {TCP: 30, UDP: 35, None: 32, ICMP: 3}, "flags": 0.01},
}
LEVELS = ("any", "wide", "site", "net", "subnet", "host")
LENGTHS = {
    4: {"wide": (8, 11, 12, 14), "site": (16, 16, 18, 20), "net": (22, 23, 24, 24, 24),
        "subnet": (25, 26, 27, 28, 29, 30), "host": (32,)},
    6: {"wide": (24, 28, 29, 32), "site": (40, 44, 48, 48), "net": (52, 56, 56, 60), "subnet": (64,),
        "host": (128,)},
}
# Rules for all addresses are few in a list of any length.
OPEN_RULES_MAX = 12
# How many nodes a level gets for n rules: n to this power, and a few.
GROWTH = {"wide": 0.30, "site": 0.50, "net": 0.62, "subnet": 0.66, "host": 0.82}


class Space:
    """The addresses of one side: a tree that grows as nodes are asked for, up to a size."""

    def __init__(self, version, count, dice):
        self.version, self.dice = version, dice
        self.bits = 32 if version == 4 else 128
        self.nodes = {level: [] for level in LEVELS}
        self.nodes["any"].append((0, 0))
        self.room = {level: 4 + round(2 * count ** power) for level, power in GROWTH.items()}

    def pick(self, level):
        nodes = self.nodes[level]
        if level == "any":
            return nodes[0]
        if len(nodes) < self.room[level] and (not nodes or self.dice.random() < 0.6):
            nodes.append(self.grow(level))
            return nodes[-1]
        # Some networks are in many rules, most in few.
        return nodes[int(len(nodes) * self.dice.random() ** 1.7)]

    def grow(self, level):
        length = self.dice.choice(LENGTHS[self.version][level])
        if level == "wide":
            address = prefixes.random_unicast(self.version, self.dice)
        else:
            parent, covered = self.pick(LEVELS[LEVELS.index(level) - 1])
            address = parent | self.dice.getrandbits(self.bits - covered)
        return address >> (self.bits - length) << (self.bits - length), length


class Ports:
    """Single ports, and ranges that nest up to five deep; a few cross each other."""

    def __init__(self, count, dice):
        self.dice = dice
        extra = [dice.randrange(1024, 65536) for _ in range(min(400, count // 50))]
        self.singles = [*dice.sample(WELL_KNOWN, len(WELL_KNOWN)), *extra]
        self.ranges = []
        self.room = 8 + min(200, count // 100)
        while len(self.ranges) < self.room:
            self.nest(0, 65535, 5)

    def nest(self, low, high, depth):
        """Adds ranges inside of low-high, narrower ones inside of these."""
        if depth == 0 or high - low < 4 or len(self.ranges) >= self.room:
            return
        a, b = sorted(self.dice.sample(range(low, high + 1), 2))
        if (a, b) != (low, high):
            self.ranges.append((a, b))
            self.nest(a, b, depth - 1)
        if self.dice.random() < 0.05 and b < high:
            self.ranges.append((self.dice.randint(a, b), self.dice.randint(b, high)))

    def pick(self, weights):
        kind = self.dice.choices(("any", "one", "high", "range"), weights)[0]
        if kind == "one":
            port = self.singles[int(len(self.singles) * self.dice.random() ** 3)]
            return port, port
        if kind == "range":
            return self.ranges[int(len(self.ranges) * self.dice.random() ** 2)]
        return HIGH_PORTS if kind == "high" else EVERY_PORT


def specificity(rule):
    """How much a rule asks, in bits."""
    ports = sum(16 - (high - low).bit_length() for low, high in (rule.sport, rule.dport))
    return (rule.src[1] + rule.dst[1] + ports + (8 if rule.proto is not None else 0) +
            (4 if rule.flags else 0))


def in_order(rules, how, dice):
    dice.shuffle(rules)
    if how == "sorted":
        rules.sort(key=specificity, reverse=True)
    return rules


def generate(family, version, count, how, seed):
    """`count` rules of a family, no two alike; `how`: sorted or shuffled (the same rules)."""
    dice = random.Random(f"{family}/{version}/{count}/{seed}")
    shape = FAMILIES[family]
    sources, destinations = Space(version, count, dice), Space(version, count, dice)
    ports = Ports(count, dice)
    pairs, pair_weights = list(shape["pairs"]), list(shape["pairs"].values())
    protocols, protocol_weights = list(shape["proto"]), list(shape["proto"].values())
    rules, known, open_rules = [], set(), 0
    while len(rules) < count:
        src, dst = dice.choices(pairs, pair_weights)[0]
        if src == dst == "any":
            open_rules += 1
            if open_rules > OPEN_RULES_MAX:
                continue
        proto = dice.choices(protocols, protocol_weights)[0]
        rule = Rule(sources.pick(src), destinations.pick(dst), proto=proto)
        if proto in (TCP, UDP):
            rule.sport, rule.dport = ports.pick(shape["sport"]), ports.pick(shape["dport"])
        if proto == TCP and dice.random() < shape["flags"]:
            rule.flags = dice.choice(FLAGS)
        if proto == ICMP and version == 6:
            rule.proto = ICMP6
        rule.action = dice.choice(("drop", "drop", "accept"))
        # A rule for all packets would end the list.
        if rule.key() not in known and specificity(rule) > 0:
            known.add(rule.key())
            rules.append(rule)
    name = f"{family}{'6' if version == 6 else ''}"
    return RuleSet(name if how == "sorted" else f"{name} shuffled", version,
                   in_order(rules, how, dice))


def mix(blocked, count, seed):
    """What an edge router has: a list of bad networks, then a firewall's rules."""
    dice = random.Random(f"mix/{blocked}/{count}/{seed}")
    rest = generate("fw", 4, count, "sorted", seed)
    first = Rule((0, 0), (0, 0), src_set=0)
    return RuleSet("mix", 4, [first, *rest.rules], [prefixes.clustered(4, blocked, dice)])


def block_list(name, version, entries):
    return RuleSet(name, version, [Rule((0, 0), (0, 0), src_set=0)], [entries])


def parse_prefix(text):
    address, length = text.split("/")
    number = 0
    for byte in address.split("."):
        number = number << 8 | int(byte)
    length = int(length)
    return number >> (32 - length) << (32 - length), length


def read(path, how, seed):
    """A file with a rule a line, as the filter sets of the literature:
    @SRC/LEN DST/LEN LOW : HIGH LOW : HIGH PROTO/MASK FLAGS/MASK. The flags are left out, as theirs are of 16
    bits with the data offset in them; of rules that are then alike the first stays."""
    rules, known = [], set()
    with open(path, encoding="ascii") as file:
        for line in file:
            words = line.lstrip("@").split()
            if len(words) < 9:
                continue
            proto, mask = (int(word, 16) for word in words[8].split("/"))
            rule = Rule(parse_prefix(words[0]), parse_prefix(words[1]), (int(words[2]), int(words[4])),
                        (int(words[5]), int(words[7])), proto if mask else None)
            rule.action = "accept" if len(rules) % 3 == 2 else "drop"
            # The language takes ports of TCP and UDP only.
            if rule.proto not in (TCP, UDP):
                rule.sport = rule.dport = EVERY_PORT
            if rule.key() not in known:
                known.add(rule.key())
                rules.append(rule)
    if how == "shuffled":
        random.Random(seed).shuffle(rules)
    name = path.rsplit("/", 1)[-1]
    return RuleSet(name if how == "sorted" else f"{name} shuffled", 4, rules)


def binary(ruleset):
    """For bench_classify: see struct FileRule in rule_file.cc."""
    def address(number):
        return number.to_bytes(ruleset.bits // 8, "big")

    out = bytearray(struct.pack("<4sIII", b"PCBR", ruleset.version, len(ruleset.rules),
                                len(ruleset.sets)))
    for rule in ruleset.rules:
        value, mask = rule.flags or (0, 0)
        out += struct.pack("<16s16s4HHhBBBBB3x", address(rule.src[0]), address(rule.dst[0]), *rule.sport,
                           *rule.dport, 0 if rule.src_set is None else rule.src_set + 1,
                           -1 if rule.proto is None else rule.proto, rule.src[1], rule.dst[1], value,
                           mask, 0 if rule.action == "accept" else 1)
    for entries in ruleset.sets:
        out += struct.pack("<I", len(entries))
        for number, length in entries:
            out += struct.pack("<16sB3x", address(number), length)
    return bytes(out)
