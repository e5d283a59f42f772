# SPDX-License-Identifier: GPL-3.0-or-later
"""Packet headers to ask a rule set about. What a trace is changes the result by several times, so each
rule set meets several:

match   a random point of a random rule, all rules equally often
cross   source of one rule, destination of a second, ports and protocol of a third: scans, floods
random  addresses and ports anywhere; mostly no rule

each `uniform`, over 131,072 headers, and `hot`, over 1,024 flows that come again and again.
"""
import random
import struct

import prefixes
from rulesets import ICMP, ICMP6, TCP, UDP

UNIFORM = 131072
FLOWS = 1024
HOT = 8192  # packets of these flows, in any order; then from the beginning
USUAL_FLAGS = (0x02, 0x10, 0x10, 0x18, 0x12, 0x11, 0x04)


def point(prefix, bits, dice):
    address, length = prefix
    return address | dice.getrandbits(bits - length) if length < bits else address


def source(ruleset, rule, dice):
    return dice.choice(ruleset.sets[rule.src_set]) if rule.src_set is not None else rule.src


def pick(ruleset, dice):
    """Half of the packets go to the rules with sets, if there are any."""
    with_sets = sum(rule.src_set is not None for rule in ruleset.rules[:8])
    if with_sets and dice.random() < 0.5:
        return ruleset.rules[dice.randrange(with_sets)]
    return dice.choice(ruleset.rules)


def l4(rule, version, dice):
    proto = rule.proto if rule.proto is not None else dice.choice((TCP, UDP))
    sport, dport, flags = dice.randint(*rule.sport), dice.randint(*rule.dport), 0
    if proto in (ICMP, ICMP6):
        sport, dport = 0x0800 if version == 4 else 0x8000, 0  # an echo request
    if proto == TCP:
        flags = dice.choice(USUAL_FLAGS)
        if rule.flags:
            flags = rule.flags[0] | flags & ~rule.flags[1]
    return sport, dport, proto, flags


def anywhere(prefix, version, dice):
    """A point of a prefix; of every address: of those that no kernel refuses."""
    if prefix[1] == 0:
        return prefixes.random_unicast(version, dice)
    return point(prefix, 32 if version == 4 else 128, dice)


def header(ruleset, kind, dice):
    version = ruleset.version
    if kind == "random":
        return (prefixes.random_unicast(version, dice), prefixes.random_unicast(version, dice),
                dice.randrange(1024, 65536), dice.randrange(65536), dice.choice((TCP, UDP)),
                dice.choice(USUAL_FLAGS))
    first = pick(ruleset, dice)
    second, third = (first, first) if kind == "match" else (pick(ruleset, dice), pick(ruleset, dice))
    return (anywhere(source(ruleset, first, dice), version, dice), anywhere(second.dst, version, dice),
            *l4(third, version, dice))


def checksum(src, dst, proto):
    """Of the generator's IPv4 header: 20 + 26 bytes long, TTL 64."""
    total = (0x4500 + 46 + (64 << 8 | proto) + (src >> 16) + (src & 0xffff) + (dst >> 16) +
             (dst & 0xffff))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def pack(head, version):
    """As struct bench_header, struct bench_header6."""
    src, dst, sport, dport, proto, flags = head
    if version == 4:
        return struct.pack("!IIHHHBB", src, dst, sport, dport, checksum(src, dst, proto), proto, flags)
    return struct.pack("!16s16sHHBB2x", src.to_bytes(16, "big"), dst.to_bytes(16, "big"), sport, dport,
                       proto, flags)


def make(ruleset, kind, heat, seed):
    """The bytes of a trace file."""
    dice = random.Random(f"{kind}/{heat}/{seed}")
    flows = [pack(header(ruleset, kind, dice), ruleset.version)
             for _ in range(UNIFORM if heat == "uniform" else FLOWS)]
    packets = flows if heat == "uniform" else dice.choices(flows, k=HOT)
    return struct.pack("<II", ruleset.version, len(packets)) + b"".join(packets)
