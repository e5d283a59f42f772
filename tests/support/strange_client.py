#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TCP client of its own, on a raw IPv4 socket, that says two things about the same bytes.

strange_client.py TRICK FROM TO PORT HOST: asks for / of HOST by HTTP and prints what came back: "answer", "reset"
or "nothing". A segment with time to live LOST never reaches the server: the test sees to that, and to the kernel's
own resets.
"""
import random
import socket
import struct
import sys
import time

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
LOST = 20
GOOD = "fine.example"


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Connection:
    def __init__(self, client, server, port):
        self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.ears = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
        self.client, self.server = socket.inet_aton(client), socket.inet_aton(server)
        self.to = (server, 0)
        self.ports = (random.randrange(20000, 30000), port)
        self.start = random.randrange(1 << 20, 1 << 31)
        self.ack = 0
        self.heard = b""
        self.was_reset = False
        self.send(-1, b"", SYN)
        flags, seq = self.hear(3)
        if flags & (SYN | ACK) != SYN | ACK:
            sys.exit("no connection")
        self.ack = seq + 1
        self.send(0, b"", ACK)

    def tcp(self, offset, data, flags, urgent):
        head = struct.pack("!HHIIBBHHH", *self.ports, self.start + offset & 0xffffffff,
                           self.ack if flags & ACK else 0, 5 << 4, flags, 64240, 0, urgent)
        pseudo = self.client + self.server + struct.pack("!HH", 6, len(head) + len(data))
        return head[:16] + struct.pack("!H", checksum(pseudo + head + data)) + head[18:] + data

    def packet(self, part, ttl, number, at):
        return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(part), number, at, ttl, 6, 0, self.client,
                           self.server) + part

    def send(self, offset, data, flags=PSH | ACK, ttl=63, urgent=0):
        """`offset` from the first byte of the stream."""
        packet = self.packet(self.tcp(offset, data, flags, urgent), ttl, random.randrange(65536), 0)
        self.raw.sendto(packet, self.to)

    def send_fragments(self, offset, data):
        whole = self.tcp(offset, data, PSH | ACK, 0)
        number = random.randrange(1, 65536)
        for at in range(0, len(whole), 24):
            more = 0x2000 if at + 24 < len(whole) else 0
            self.raw.sendto(self.packet(whole[at:at + 24], 63, number, more | at // 8), self.to)

    def hear(self, seconds):
        """The next segment of the server: flags and number; (0, 0) if there is none."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.ears.settimeout(left)
            try:
                packet = self.ears.recv(65536)
            except socket.timeout:
                break
            tcp = packet[(packet[0] & 15) * 4:]
            if packet[12:16] != self.server or struct.unpack("!HH", tcp[:4]) != self.ports[::-1]:
                continue
            seq, flags = struct.unpack("!I", tcp[4:8])[0], tcp[13]
            self.was_reset |= bool(flags & RST)
            self.heard += tcp[(tcp[12] >> 4) * 4:]
            return flags, seq
        return 0, 0

    def listen(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and b"HTTP/1.1 200" not in self.heard and not self.was_reset:
            self.hear(left)


def request(host):
    return b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % host.encode()


def plain(it, real, _):
    it.send(0, real)


def decoy(it, real, fake):
    """What is judged gets lost."""
    it.send(0, fake, ttl=LOST)
    it.listen(0.3)
    it.send(0, real)


def decoy_later(it, real, fake):
    """... and what it was is long forgotten; then it comes in two, the name first."""
    it.send(0, fake, ttl=LOST)
    it.listen(9)
    it.send(9, real[9:])
    it.listen(0.5)
    it.send(0, real[:9])


def overlap(it, real, fake):
    """What is held contradicts itself."""
    it.send(9, fake[9:], ttl=LOST)
    it.send(9, real[9:])
    it.send(0, real[:9])
    it.listen(0.3)
    it.send(9, real[9:])


def gap(it, real, _):
    """The start comes last."""
    it.send(1, real[1:])
    it.listen(0.6)
    it.send(0, real[:1])


def urgent(it, real, _):
    """Servers read past an urgent byte."""
    it.send(0, b"\0", PSH | ACK | URG, urgent=1)
    it.send(1, real)


def shifted(it, real, fake):
    """Another SYN says that the stream began earlier than it did."""
    it.send(-1 - len(fake), b"", SYN)
    it.listen(0.2)
    it.send(-len(fake), fake)
    it.listen(0.3)
    it.send(0, real)


def resets(it, real, _):
    """The router believes that it is over, the server does not."""
    it.send(0, b"", RST, ttl=LOST)
    it.listen(3.5)
    it.send(0, real)


def fragments(it, real, _):
    it.send_fragments(0, real)


def main():
    trick, client, server, port, host = sys.argv[1:]
    it = Connection(client, server, int(port))
    fake = request(GOOD)  # as long as that of the other names, so that each is whole in its place
    globals()[trick](it, request(host), fake)
    it.listen(1.5)
    print("answer" if b"HTTP/1.1 200" in it.heard else "reset" if it.was_reset else "nothing")
    it.send(0, b"", RST)


main()
