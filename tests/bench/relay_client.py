#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of `run relay`.

relay_client.py latency ADDRESS COUNT    µs of small requests and answers, one after the other: as JSON, a list for
                                         connections of their own and one for a connection that is kept
relay_client.py idle ADDRESS COUNT       opens connections, asks on each once, prints "ready" and holds them until its
                                         standard input ends
"""
import json
import socket
import sys
import time

REQUEST = b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n"
CLOSE = b"GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"


def opened(address):
    sock = socket.create_connection((address, 80), timeout=20)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def ask(sock, request):
    sock.sendall(request)
    answer = sock.recv(4096)
    if not answer.startswith(b"HTTP/1.1 200"):
        sys.exit(f"no answer but {answer[:40]!r}")


def latency(address, count):
    host = address.encode()
    new, kept = [], []
    for _ in range(count):
        began = time.perf_counter_ns()
        sock = opened(address)
        ask(sock, CLOSE % host)
        new.append((time.perf_counter_ns() - began) / 1000)
        sock.close()
    with opened(address) as sock:
        ask(sock, REQUEST % host)
        for _ in range(count):
            began = time.perf_counter_ns()
            ask(sock, REQUEST % host)
            kept.append((time.perf_counter_ns() - began) / 1000)
    print(json.dumps({"new": new, "kept": kept}))


def idle(address, count):
    socks = [opened(address) for _ in range(count)]
    for sock in socks:
        ask(sock, REQUEST % address.encode())
    print("ready", flush=True)
    sys.stdin.read()


{"latency": latency, "idle": idle}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
