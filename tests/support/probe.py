#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One probe of a test: exits 0 if an answer came, 1 if refused, 2 if there was silence.

probe.py tcp ADDRESS PORT [SOURCE]        connects, sends a line, waits for its echo
probe.py udp ADDRESS PORT [SOURCE]        the same with a datagram
probe.py raw ADDRESS PROTOCOL COUNT [SOURCE]   sends raw IP packets, waits for nothing
probe.py flood ADDRESS PORT SECONDS [SOURCE]   sends datagrams, some 10,000 a second, prints how many
probe.py sink PORT                             until SIGTERM: prints how many datagrams came
"""
import select
import signal
import socket
import sys
import time

TIMEOUT = 1.5


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def talk(kind, address, port, source=None):
    with socket.socket(family_of(address), kind) as sock:
        sock.settimeout(TIMEOUT)
        if source:
            sock.bind((source, 0))
        try:
            sock.connect((address, int(port)))
            sock.send(b"probe\n")
            return 0 if sock.recv(100) else 1
        except TimeoutError:
            return 2
        except OSError:  # refused, reset, or an ICMP error: somebody said no
            return 1


def raw(address, protocol, count, source=None):
    with socket.socket(family_of(address), socket.SOCK_RAW, int(protocol)) as sock:
        if source:
            sock.bind((source, 0))
        for _ in range(int(count)):
            sock.sendto(b"\0" * 16, (address, 0))
    return 0


def flood(address, port, seconds, source=None):
    sent = 0
    with socket.socket(family_of(address), socket.SOCK_DGRAM) as sock:
        if source:
            sock.bind((source, 0))
        end = time.monotonic() + float(seconds)
        while time.monotonic() < end:
            for _ in range(10):
                sock.sendto(b"flood", (address, int(port)))
            sent += 10
            time.sleep(0.001)
    print(sent)
    return 0


def sink(port):
    socks = []
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        sock = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        sock.bind((address, int(port)))
        socks.append(sock)
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(1))
    received = 0
    while not stopping:
        for sock in select.select(socks, [], [], 0.1)[0]:
            sock.recv(2048)
            received += 1
    print(received)
    return 0


def main():
    kind, *rest = sys.argv[1:]
    others = {"raw": raw, "flood": flood, "sink": sink}
    if kind in others:
        return others[kind](*rest)
    return talk({"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}[kind], *rest)


sys.exit(main())
