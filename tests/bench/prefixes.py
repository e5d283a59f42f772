# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of prefixes: hosts anywhere, and networks that lie in clusters as those of routing tables do."""
import socket

# How many of 100 prefixes have which length.
LENGTHS = {
    4: {16: 2, 17: 1, 18: 2, 19: 3, 20: 5, 21: 5, 22: 10, 23: 9, 24: 40, 26: 2, 28: 3, 29: 2, 30: 1, 32: 15},
    6: {32: 12, 36: 4, 40: 6, 44: 8, 46: 3, 47: 2, 48: 45, 52: 2, 56: 6, 60: 2, 64: 10},
}
CLUSTER = {4: (10, 12, 13, 14, 16), 6: (20, 24, 28, 32)}


def random_unicast(version, dice):
    """Neither private nor reserved by its first bits, so that no kernel refuses it as a source."""
    if version == 6:
        return 1 << 125 | dice.getrandbits(125)
    while True:
        address = dice.getrandbits(32)
        if 1 <= address >> 24 < 224 and address >> 24 not in (10, 127):
            return address


def hosts(version, count, dice):
    """`count` different addresses, anywhere."""
    bits = 32 if version == 4 else 128
    found = set()
    while len(found) < count:
        found.add(random_unicast(version, dice))
    return sorted((address, bits) for address in found)


def clustered(version, count, dice):
    """`count` different prefixes, some inside of others, around one centre for every 200."""
    bits = 32 if version == 4 else 128
    centres = []
    for _ in range(4 + count // 200):
        length = dice.choice(CLUSTER[version])
        address = random_unicast(version, dice)
        centres.append((address >> (bits - length) << (bits - length), length))
    lengths, weights = list(LENGTHS[version]), list(LENGTHS[version].values())
    found = set()
    while len(found) < count:
        for length in dice.choices(lengths, weights, k=count - len(found)):
            centre, covered = dice.choice(centres)
            address = centre | dice.getrandbits(bits - covered)
            found.add((address >> (bits - length) << (bits - length), max(length, covered)))
    return sorted((address >> (bits - length) << (bits - length), length) for address, length in found)


def text_of(number, version):
    if version == 4:
        return socket.inet_ntop(socket.AF_INET, number.to_bytes(4, "big"))
    return socket.inet_ntop(socket.AF_INET6, number.to_bytes(16, "big"))


def text(prefix, version):
    return f"{text_of(prefix[0], version)}/{prefix[1]}"
