#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same random rules for portcullis and for nft, and packets that tell them apart.

nft_witness.py rules SEED RULES FOLDER        writes FOLDER/rules.toml and FOLDER/rules.nft
nft_witness.py send SEED RULES PACKETS SIDE DEVICE MAC   aimed at these rules, from wan or lan
nft_witness.py catch DEVICE FILE              until SIGTERM: writes the numbers of those that came
nft_witness.py counters nft|portcullis        "name packets" lines from the JSON of either
"""
import ipaddress
import json
import random
import signal
import socket
import struct
import sys
import time

MAGIC = b"pcwitness"
NETS = {
    "wan": {4: ipaddress.ip_network("20.0.0.0/8"), 6: ipaddress.ip_network("2a00:20::/32")},
    "lan": {4: ipaddress.ip_network("10.0.0.0/8"), 6: ipaddress.ip_network("2a00:10::/32")},
}
DEVICES = {"wan": "wan0", "lan": "lan0"}
PROTOCOLS = {"tcp": 6, "udp": 17}


def some_net(dice, side, family, pool):
    """A prefix of that side; often one that others have, or inside of one."""
    if pool[side, family] and dice.random() < 0.6:
        outer = dice.choice(pool[side, family])
        if dice.random() < 0.5:
            return outer
    else:
        outer = NETS[side][family]
    longest = outer.max_prefixlen
    # All of a side now and then only: nothing behind such a rule would be met.
    shortest = outer.prefixlen + (4 if outer == NETS[side][family] and dice.random() < 0.97 else 0)
    length = dice.choice([shortest, longest] + list(range(shortest, longest + 1)))
    bits = dice.getrandbits(longest - outer.prefixlen) if longest > outer.prefixlen else 0
    address = int(outer.network_address) | bits
    address = address >> (longest - length) << (longest - length)
    net = ipaddress.ip_network((address, length))
    pool[side, family].append(net)
    return net


def some_ports(dice, many):
    ports = []
    for _ in range(dice.choice([1, 1, 2, 3, 12]) if many else 1):
        low = dice.choice([0, 22, 53, 80, 443, 1023, 1024, 65535, dice.randrange(65536)])
        ports.append((low, dice.choice([low, min(65535, low + dice.choice([0, 1, 10, 3000]))])))
    kept = []
    for low, high in sorted(ports):  # nft refuses what overlaps
        if not kept or low > kept[-1][1]:
            kept.append((low, high))
    return kept


def toml_ports(ports):
    return "[" + ", ".join(f'"{a}-{b}"' if a != b else str(a) for a, b in ports) + "]"


def nft_ports(ports):
    return "{ " + ", ".join(f"{a}-{b}" if a != b else str(a) for a, b in ports) + " }"


def nft_nets(nets):
    return "{ " + ", ".join(str(net) for net in ipaddress.collapse_addresses(nets)) + " }"


def add_addresses(dice, rule, toml, nft):
    """Always some, so that the hosts' own business matches no rule."""
    family = rule["family"]
    word = {4: "ip", 6: "ip6"}[family]
    names = dice.choice([["src"], ["dst"], ["src", "dst"], ["src", "dst"]])
    for name in names:
        side = rule["from"] if name == "src" else rule["to"]
        nets = [some_net(dice, side, family, rule["pool"]) for _ in range(dice.choice([1, 1, 1, 2, 5]))]
        negated = dice.random() < 0.15 and len(names) == 2 and name == "src"
        mark = "!" if negated else ""
        toml.append(f"{name} = [" + ", ".join(f'"{mark}{net}"' for net in nets) + "]")
        if negated:
            toml[-1] = toml[-1].replace("]", f', "{NETS[side][family]}"]')
        equal = "!= " if negated else ""
        nft.append(f"{word} {name[0]}addr {equal}{nft_nets(nets)}")
        if negated:
            nft.append(f"{word} {name[0]}addr {NETS[side][family]}")


def add_transport(dice, rule, toml, nft):
    kind = dice.randrange(7)
    if kind < 4:
        protocols = dice.choice([["tcp"], ["udp"], ["tcp", "udp"]])
        toml.append("proto = [" + ", ".join(f'"{p}"' for p in protocols) + "]")
        nft.append("meta l4proto { " + ", ".join(protocols) + " }")
        for name in ("dport", "sport"):
            if dice.random() < (0.8 if name == "dport" else 0.2):
                ports = some_ports(dice, True)
                toml.append(f"{name} = {toml_ports(ports)}")
                nft.append(f"th {name} {nft_ports(ports)}")
        if protocols == ["tcp"] and dice.random() < 0.3:
            toml.append('tcp_flags = "syn,!ack"')
            nft.append("tcp flags & (syn | ack) == syn")
    elif kind == 4:
        kind = dice.choice([0, 8]) if rule["family"] == 4 else dice.choice([128, 129])
        word = "icmp" if rule["family"] == 4 else "icmp6"
        toml.append(f'proto = "{word}"\nicmp_type = {kind}')
        nft.append(f"icmp type {kind}" if rule["family"] == 4 else f"icmpv6 type {kind}")
    if dice.random() < 0.1:
        low = dice.choice([80, 100, 128, 200])
        toml.append(f'len = "{low}-{low + 60}"')
        nft.append(f"meta length {low}-{low + 60}")
    if dice.random() < 0.1:
        word, ttl = ("ip ttl" if rule["family"] == 4 else "ip6 hoplimit"), dice.choice([32, 64])
        toml.append(f"ttl = {ttl}")
        nft.append(f"{word} {ttl}")


def make_rules(seed, count):
    """What packets are aimed at, and both texts."""
    dice = random.Random(int(seed))
    pool = {(side, family): [] for side in NETS for family in (4, 6)}
    toml = ["schema = 1"]
    for zone, device in DEVICES.items():
        toml.append(f'[zone.{zone}]\ninterfaces = ["{device}"]')
    nft = []
    for number in range(int(count)):
        side = dice.choice(["wan", "lan"])
        rule = {"from": side, "to": "lan" if side == "wan" else "wan", "pool": pool,
                "family": dice.choice([4, 6])}
        lines, words = [], []
        if dice.random() < 0.5:
            zone = side if dice.random() < 0.9 else rule["to"]
            lines.append(f'in = "{zone}"')
            words.append(f'iifname "{DEVICES[zone]}"')
        add_addresses(dice, rule, lines, words)
        add_transport(dice, rule, lines, words)
        action = dice.choice(["accept", "drop"])
        toml += ["[[rule]]", f'name = "r{number}"', *lines, f'action = "{action}"']
        nft.append(f'    {" ".join(words)} counter {action} comment "r{number}"')
    nft = ["table netdev witness {", "  chain in {",
           "    type filter hook ingress devices = { wan0, lan0 } priority 0; policy accept;",
           *nft, "  }", "}"]
    return pool, "\n".join(toml) + "\n", "\n".join(nft) + "\n"


def write_rules(seed, count, folder):
    _, toml, nft = make_rules(seed, count)
    for name, text in (("rules.toml", toml), ("rules.nft", nft)):
        with open(f"{folder}/{name}", "w", encoding="ascii") as file:
            file.write(text)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def layer4(dice, family, protocol, payload):
    """The header with a checksum of 0, and where that goes."""
    ports = [22, 53, 80, 443, 1023, 1024, 4000, 65535, 0, 23, 81, 1025, dice.randrange(65536)]
    sport, dport = dice.choice(ports), dice.choice(ports)
    if protocol == 6:
        flags = dice.choice([0x02, 0x12, 0x10, 0x18])
        return struct.pack("!HHIIBBHHH", sport, dport, 1, 1, 0x50, flags, 1000, 0, 0) + payload, 16
    if protocol == 17:
        return struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload, 6
    kind = dice.choice([0, 8]) if family == 4 else dice.choice([128, 129])
    return struct.pack("!BBHI", kind, 0, 0, 7) + payload, 2


def packet(dice, number, side, pool):
    family = dice.choice([4, 6])
    other = "lan" if side == "wan" else "wan"

    def address(of):
        net = dice.choice(pool[of, family]) if pool[of, family] and dice.random() < 0.9 else NETS[of][family]
        near = dice.choice([int(net[0]), int(net[-1]), int(net[0]) - 1, int(net[-1]) + 1,
                            int(net[0]) + dice.randrange(net.num_addresses)])
        whole = NETS[of][family]
        inside = int(whole[0]) <= near <= int(whole[-1])
        return (ipaddress.IPv4Address if family == 4 else ipaddress.IPv6Address)(near if inside else int(net[0]))

    src, dst = address(side).packed, address(other).packed
    protocol = dice.choice([6, 17, 17, 6, 1 if family == 4 else 58])
    payload = MAGIC + struct.pack("!I", number) + b"." * dice.choice([20, 40, 80, 120, 180])
    body, at = layer4(dice, family, protocol, payload)
    ttl = dice.choice([32, 64, 65])
    pseudo = src + dst + struct.pack("!II", len(body), protocol)
    check = checksum(body if protocol == 1 else pseudo + body)
    body = body[:at] + struct.pack("!H", check or (0xffff if protocol == 17 else 0)) + body[at + 2:]
    if family == 6:
        return 0x86dd, struct.pack("!IHBB", 6 << 28, len(body), protocol, ttl) + src + dst + body
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), number & 0xffff, 0, ttl, protocol, 0) + src + dst
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return 0x0800, head + body


def send(seed, rules, count, side, device, mac):
    pool, _, _ = make_rules(seed, rules)
    dice = random.Random(f"{seed} {side}")
    link = bytes.fromhex(mac.replace(":", "")) + bytes.fromhex("020000000001")
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((device, 0))
        for number in range(int(count)):
            ethertype, data = packet(dice, number, side, pool)
            sock.send(link + struct.pack("!H", ethertype) + data)
            if number % 50 == 0:
                time.sleep(0.002)  # nobody's queue is to overflow


def catch(device, file):
    seen, stopping = set(), []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(1))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
        sock.bind((device, 3))
        sock.settimeout(0.2)
        while not stopping:
            try:
                frame, (_, _, kind, _, _) = sock.recvfrom(4096)
            except TimeoutError:
                continue
            at = frame.find(MAGIC)
            if at >= 0 and kind != socket.PACKET_OUTGOING:
                seen.add(struct.unpack_from("!I", frame, at + len(MAGIC))[0])
    with open(file, "w", encoding="ascii") as out:
        out.writelines(f"{number}\n" for number in sorted(seen))


def counters(of):
    answer = json.load(sys.stdin)
    if of == "nft":
        rules = [item["rule"] for item in answer["nftables"] if "rule" in item]
        lines = [(rule["comment"], next(e["counter"]["packets"] for e in rule["expr"] if "counter" in e))
                 for rule in rules]
    else:
        lines = [(rule["name"], rule["packets"]) for rule in answer["rules"]]
    for name, packets in lines:
        print(name, packets)


def main():
    kind, *rest = sys.argv[1:]
    {"rules": write_rules, "send": send, "catch": catch, "counters": counters}[kind](*rest)


main()
