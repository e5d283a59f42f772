# SPDX-License-Identifier: GPL-3.0-or-later
"""The peers: each says which rule sets it can express (why_not), starts at the receiver's end of a veth
pair, and drops every packet, whatever rule it finds: else what comes after a verdict would be
measured too. What keeps the order of the rules is kept as if their actions counted.
"""
import prefixes
from nft import NftBest, NftLinear
from rulesets import EVERY_PORT, TCP, UDP
from veth import CLASSIFY, Unable, run

XDP_FILTER_MAX = 10_000
IPSET_PORTS_MAX = 64  # elements for one rule with a range of ports


class Empty:
    name = "empty"
    linear = False
    form = "an XDP program that only drops"

    def why_not(self, _ruleset):
        return None

    def start(self, veth, _ruleset, _binary):
        veth.attach_empty()

    def stop(self):
        pass


class Iptables:
    name = "iptables"
    linear = True
    form = "one rule each, raw table, PREROUTING, iptables-restore; sets of prefixes by ipset"

    def why_not(self, ruleset):
        return "needs ipset's set match" if ruleset.sets and not Ipset.usable() else None

    @staticmethod
    def rule_text(rule, version):
        out = ["-A PREROUTING"]
        if rule.src_set is not None:
            out.append(f"-m set --match-set s{rule.src_set + 1} src")
        elif rule.src[1]:
            out.append(f"-s {prefixes.text(rule.src, version)}")
        if rule.dst[1]:
            out.append(f"-d {prefixes.text(rule.dst, version)}")
        if rule.proto is not None:
            out.append(f"-p {rule.proto}")
        options = [f"--{name} {low}:{high}" for name, (low, high) in
                   (("sport", rule.sport), ("dport", rule.dport)) if (low, high) != EVERY_PORT]
        if rule.flags:
            value, mask = (flag_list(bits) for bits in rule.flags)
            options.append(f"--tcp-flags {mask} {value}")
        if options:
            out += ["-m tcp" if rule.proto == TCP else "-m udp", *options]
        return " ".join(out) + " -j DROP"

    def start(self, veth, ruleset, _binary):
        for number, entries in enumerate(ruleset.sets, 1):
            Ipset.fill(veth, f"s{number}", entries, ruleset.version)
        lines = ["*raw", ":PREROUTING DROP [0:0]"]
        lines += [self.rule_text(rule, ruleset.version) for rule in ruleset.rules]
        path = veth.write("rules.ipt", "\n".join(lines) + "\nCOMMIT\n")
        tool = "iptables-restore" if ruleset.version == 4 else "ip6tables-restore"
        with open(path, encoding="ascii") as file:
            veth.at_receiver(tool, stdin=file)

    def stop(self):
        pass


def flag_list(bits):
    names = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")
    return ",".join(name for bit, name in enumerate(names) if bits >> bit & 1) or "NONE"


class Ipset:
    """Sets alone: they have no order and one verdict, so they express lists of prefixes, and rules that
    are all of one action with exact ports."""
    name = "ipset"
    linear = False
    form = "hash:net (hash:ip for hosts), or hash:net,port,net, one iptables rule in the raw table"

    @staticmethod
    def usable():
        try:
            run("ipset", "--version")
        except (Unable, FileNotFoundError):
            return False
        return True

    @staticmethod
    def is_list(ruleset):
        return len(ruleset.rules) == 1 and ruleset.rules[0].src_set is not None

    def why_not(self, ruleset):
        if not self.usable():
            return "ipset is not installed"
        if self.is_list(ruleset):
            return None
        if ruleset.sets:
            return "a list and rules: see iptables, which asks the list by ipset"
        if len({rule.action for rule in ruleset.rules}) > 1:
            return "rules of several actions have an order, elements of a set do not"
        for rule in ruleset.rules:
            low, high = rule.dport
            if (rule.sport != EVERY_PORT or rule.flags or rule.proto not in (TCP, UDP) or
                    high - low >= IPSET_PORTS_MAX or not rule.src[1] or not rule.dst[1]):
                return "source ports, flags, wide ranges or wildcards are in no set type"
        return None

    @staticmethod
    def fill(veth, name, entries, version):
        family = "inet" if version == 4 else "inet6"
        bits = 32 if version == 4 else 128
        kind = "hash:ip" if all(length == bits for _, length in entries) else "hash:net"
        lines = [f"create {name} {kind} family {family} maxelem {2 * len(entries)} hashsize "
                 f"{len(entries)}"]
        lines += [f"add {name} {prefixes.text(entry, version)}" for entry in entries]
        path = veth.write("set.ipset", "\n".join(lines) + "\n")
        veth.at_receiver("ipset", "restore", "-file", path)

    def start(self, veth, ruleset, _binary):
        if self.is_list(ruleset):
            self.fill(veth, "s1", ruleset.sets[0], ruleset.version)
            match = "-m set --match-set s1 src"
        else:
            lines = [f"create r hash:net,port,net family inet{'6' if ruleset.version == 6 else ''} "
                     f"maxelem {IPSET_PORTS_MAX * len(ruleset.rules)}"]
            for rule in ruleset.rules:
                low, high = rule.dport
                ports = f"{rule.proto}:{low}" + ("" if low == high else f"-{high}")
                lines.append(f"add r {prefixes.text(rule.src, ruleset.version)},{ports},"
                             f"{prefixes.text(rule.dst, ruleset.version)} -exist")
            path = veth.write("set.ipset", "\n".join(lines) + "\n")
            veth.at_receiver("ipset", "restore", "-file", path)
            match = "-m set --match-set r src,dst,dst"
        tool = "iptables" if ruleset.version == 4 else "ip6tables"
        veth.at_receiver(tool, "-t", "raw", "-P", "PREROUTING", "DROP")
        veth.at_receiver(tool, "-t", "raw", "-A", "PREROUTING", *match.split(), "-j", "DROP")

    @staticmethod
    def bytes(veth):
        for line in veth.at_receiver("ipset", "list", "s1", "-terse").splitlines():
            if line.startswith("Size in memory:"):
                return int(line.split(":")[1])
        return None

    def stop(self):
        pass


class XdpFilter:
    """xdp-filter of xdp-tools: addresses and ports, no prefixes, no combinations."""
    name = "xdp-filter"
    linear = False
    form = "source addresses; its map filled at once; what is not in it goes on to the stack"
    pins = "/sys/fs/bpf/xdp-filter"

    def why_not(self, ruleset):
        if not Ipset.is_list(ruleset) or ruleset.version != 4:
            return "lists of single addresses or ports only"
        if len(ruleset.sets[0]) > XDP_FILTER_MAX:
            return f"its map takes {XDP_FILTER_MAX:,} addresses"
        if any(length != 32 for _, length in ruleset.sets[0]):
            return "single addresses only, no prefixes"
        try:
            run("xdp-filter", "--help")
        except FileNotFoundError:
            return "xdp-filter is not installed"
        except Unable:
            pass
        return None

    def start(self, veth, _ruleset, binary):
        # Its pins have a fixed place: in a mount namespace that ends with the command.
        veth.at_receiver("unshare", "-m", "sh", "-ec",
                         "mount -t bpf bpf /sys/fs/bpf\n"
                         "xdp-filter load b1 -m native -f ipv4 -p allow\n"
                         f"{CLASSIFY} fill-xdp-filter {binary} {self.pins}/filter_ipv4")

    def stop(self):
        pass


class LpmTrie:
    """The map that kernel programs use for prefixes, behind the least of parsers."""
    name = "lpm-trie"
    linear = False
    form = "an XDP program with one BPF_MAP_TYPE_LPM_TRIE look-up of the source"

    def why_not(self, ruleset):
        return None if Ipset.is_list(ruleset) else "one list of prefixes only"

    def start(self, veth, _ruleset, binary):
        veth.at_receiver(CLASSIFY, "attach-trie", binary, veth.dst_index)

    def stop(self):
        pass


def made_of(names):
    known = {peer.name: peer for peer in (Empty, NftBest, NftLinear, Iptables, Ipset, XdpFilter, LpmTrie)}
    return [known[name]() for name in names]
