#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""UDP for the tests of the inspector: exits 0 if all is as it should be, and says what is not.

datagrams.py flows COUNT ADDRESS...       COUNT clients, each its own port, ask the echo of each address in turn;
                                          no answer may reach another client
datagrams.py large BYTES ADDRESS          one datagram of that size, fragmented, and its echo
datagrams.py refused ADDRESS PORT         a datagram to a port where nobody is; no answer may come
datagrams.py load SECONDS ADDRESS PORT    one client asks again and again, prints each 100 ms how many answers came
datagrams.py fragment FROM TO             a later fragment, alone
datagrams.py ask COUNT ADDRESS PORT       COUNT clients ask once each; prints how many have an answer within a second
datagrams.py freeze THREAD                stops that one thread of a process, by ptrace, until standard input ends
datagrams.py dns                          serves DNS: every name has the address 192.0.2.53
"""
import ctypes
import os
import select
import socket
import struct
import sys
import time

ECHO = 7000


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def open_client(address, port):
    sock = socket.socket(family_of(address), socket.SOCK_DGRAM)
    sock.connect((address, port))
    sock.setblocking(False)
    return sock


def flows(count, *addresses):
    wrong = 0
    answered = 0
    count = int(count)
    for start in range(0, count, 500):
        clients = {}
        for number in range(start, min(start + 500, count)):
            sock = open_client(addresses[number % len(addresses)], ECHO)
            clients[sock.fileno()] = (sock, b"client %d" % number)
        waiting = dict(clients)
        for _ in range(3):  # datagrams may be lost
            for sock, words in waiting.values():
                sock.send(words)
            end = time.monotonic() + 1
            poll = select.poll()
            for fd in clients:
                poll.register(fd, select.POLLIN)
            while waiting and time.monotonic() < end:
                for fd, _event in poll.poll(100):
                    sock, words = clients[fd]
                    try:
                        got = sock.recv(100)
                    except OSError:
                        continue
                    wrong += got != words
                    answered += fd in waiting
                    waiting.pop(fd, None)
            if not waiting:
                break
        for sock, _words in clients.values():
            sock.close()
    print(f"{answered} of {count} answered, {wrong} answers reached another client")
    return 0 if answered == count and wrong == 0 else 1


def large(size, address):
    with open_client(address, ECHO) as sock:
        sock.setblocking(True)
        sock.settimeout(1)
        words = bytes(i * 7 & 0xff for i in range(int(size)))
        for _ in range(3):
            sock.send(words)
            try:
                return 0 if sock.recv(70000) == words else 1
            except TimeoutError:
                pass
    print("no answer")
    return 1


def refused(address, port):
    with open_client(address, int(port)) as sock:
        sock.setblocking(True)
        sock.settimeout(0.5)
        try:
            sock.send(b"anybody?")
            sock.recv(100)
        except OSError:
            return 0
    return 1


def load(seconds, address, port):
    sock = open_client(address, int(port))
    end = time.monotonic() + float(seconds)
    number = 0
    while time.monotonic() < end:
        got = 0
        for _ in range(10):
            try:
                sock.send(b"load %d" % number)
            except OSError:
                pass
            number += 1
            if select.select([sock], [], [], 0.01)[0]:
                try:
                    got += bool(sock.recv(100))
                except OSError:
                    pass
        print(f"{time.time():.3f} {got}", flush=True)
    return 0


def fragment(source, address):
    """An IPv4 or IPv6 packet with 8 bytes at offset 1480 of a datagram that nobody began."""
    sock = socket.socket(family_of(address), socket.SOCK_RAW, socket.IPPROTO_RAW)
    if ":" in address:
        head = struct.pack("!IHBB", 6 << 28, 16, 44, 64)
        head += socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, address)
        head += struct.pack("!BBHI", socket.IPPROTO_UDP, 0, 1480, 4711)
    else:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 28, 4711, 1480 // 8, 64, socket.IPPROTO_UDP, 0)
        head += socket.inet_aton(source) + socket.inet_aton(address)
    sock.sendto(head + b"x" * 8, (address, 0))
    return 0


def ask(count, address, port):
    clients = {}
    for _ in range(int(count)):
        sock = open_client(address, int(port))
        clients[sock.fileno()] = sock
        sock.send(b"ask")
    answered = set()
    end = time.monotonic() + 1
    while time.monotonic() < end and len(answered) < len(clients):
        answered.update(select.select([fd for fd in clients if fd not in answered], [], [], 0.1)[0])
    print(len(answered))
    return 0


def freeze(thread):
    attach, detach, any_child = 16, 17, 0x40000000
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(attach, int(thread), None, None):
        print("ptrace:", os.strerror(ctypes.get_errno()), flush=True)
        return 1
    os.waitpid(int(thread), any_child)
    print("frozen", flush=True)
    sys.stdin.read()
    return 1 if libc.ptrace(detach, int(thread), None, None) else 0


def dns():
    socks = []
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        sock = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, 5300))
        socks.append(sock)
    while True:
        for sock in select.select(socks, [], [])[0]:
            question, peer = sock.recvfrom(4096)
            end = question.index(b"\0", 12) + 5
            answer = question[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0) + question[12:end]
            answer += struct.pack("!HHHIH", 0xc00c, 1, 1, 60, 4) + socket.inet_aton("192.0.2.53")
            sock.sendto(answer, peer)


KINDS = {"flows": flows, "large": large, "refused": refused, "load": load, "fragment": fragment,
         "ask": ask, "freeze": freeze, "dns": dns}
sys.exit(KINDS[sys.argv[1]](*sys.argv[2:]))
