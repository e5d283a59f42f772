#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers and clients whose ways the inspector has to go along with.

clients.py serve                          SMTP on ports 25 and 2525, echo on 7000 and 7001, `exchange` on 7100 and 7101
clients.py mail ADDRESS PORT              sends a mail by smtplib
clients.py exchange ADDRESS PORT BYTES    so many bytes each way at one time; both ends compare SHA-256
clients.py hello ADDRESS PORT NAME PAUSE  a ClientHello as browsers send it: a post-quantum key share, ECH GREASE. In two
                                          parts with PAUSE seconds between them; waits for the ServerHello
clients.py ports ADDRESS PORT TURNS       connections from the same 50 ports, turn after turn: prints how many, how many
                                          failed, how many SYNs were sent again, and the slowest one's ms
clients.py load FILE ADDRESS PORT...      connections one after the other to each port in turn while FILE exists: prints
                                          "port began took what" for each, by the clock of time.time(), in seconds
"""
import hashlib
import os
import random
import socket
import struct
import sys
import threading
import time

BLOCK = os.urandom(1 << 16)
PORTS = range(20000, 20050)  # below what the router's own connections take, so that none of these meet
PQ_GROUP, PQ_SHARE_BYTES = 0x11ec, 1216  # X25519MLKEM768
ECH, ECH_BYTES = 0xfe0d, 239
KEY_SHARE, GROUPS = 51, 10
TOTAL_RETRANS = 100  # where it is in struct tcp_info


# ---- bytes both ways

def say_bytes(sock, count, said):
    """Never the same block twice: what comes in another order, or again, has another digest."""
    number = 0
    while count > 0:
        block = (struct.pack("!Q", number) + BLOCK)[:count]
        sock.sendall(block)
        said.update(block)
        count -= len(block)
        number += 1


def hear_bytes(sock, count, heard):
    room = memoryview(bytearray(1 << 18))
    while count > 0:
        got = sock.recv_into(room[:min(count, len(room))])
        if got == 0:
            raise ConnectionError(f"{count} bytes short")
        heard.update(room[:got])
        count -= got


def both_ways(sock, count):
    """True if the other end has heard what was said here; it is told what was heard."""
    said, heard = hashlib.sha256(), hashlib.sha256()
    speaker = threading.Thread(target=say_bytes, args=(sock, count, said))
    speaker.start()
    hear_bytes(sock, count, heard)
    speaker.join()
    sock.sendall(heard.digest())
    answer = bytearray()
    while len(answer) < 32:
        part = sock.recv(32 - len(answer))
        if not part:
            raise ConnectionError("no digest")
        answer += part
    return bytes(answer) == said.digest()


def serve_exchange(sock):
    with sock:
        both_ways(sock, struct.unpack("!Q", sock.recv(8, socket.MSG_WAITALL))[0])
        sock.recv(1)


def exchange(address, port, count):
    count = int(count)
    with socket.create_connection((address, int(port)), timeout=30) as sock:
        sock.sendall(struct.pack("!Q", count))
        return 0 if both_ways(sock, count) else "the digests differ"


def serve_echo(sock):
    """Says what is left to say after the client's end, then ends too."""
    with sock:
        while part := sock.recv(65536):
            sock.sendall(part)


# ---- mail

def serve_mail(sock):
    """Server first: the client says nothing until it has been greeted."""
    with sock, sock.makefile("rb") as lines:
        def reply(text):
            sock.sendall(text + b"\r\n")

        time.sleep(0.1)  # it thinks before it greets
        reply(b"220 mail.example ESMTP")
        for line in lines:
            verb = line[:4].upper()
            if verb == b"EHLO":
                reply(b"250-mail.example\r\n250 8BITMIME")
            elif verb == b"DATA":
                reply(b"354 go on")
                size = sum(map(len, iter(lines.readline, b".\r\n")))
                reply(b"250 %d bytes" % size)
            elif verb == b"QUIT":
                reply(b"221 bye")
                break
            else:
                reply(b"250 ok")


def mail(address, port):
    import smtplib  # half of the time that a client without it needs to start
    text = "Subject: a test\r\n\r\n" + "Not very long lines, but many of them.\r\n" * 5000
    with smtplib.SMTP(address, int(port), "client.example", timeout=10) as server:
        refused = server.sendmail("a@client.example", ["b@mail.example", "c@mail.example"], text)
    return f"refused: {refused}" if refused else 0


# ---- a browser's hello

def extensions_of(hello):
    """(what stands before them, [(type, body)]) of a ClientHello in one record."""
    at = 5 + 4 + 2 + 32
    at += 1 + hello[at]
    at += 2 + struct.unpack_from("!H", hello, at)[0]
    at += 1 + hello[at]
    head, rest = hello[9:at], hello[at + 2:]
    found = []
    while rest:
        kind, size = struct.unpack_from("!HH", rest)
        found.append((kind, rest[4:4 + size]))
        rest = rest[4 + size:]
    return head, found


def vector(body):
    return struct.pack("!H", len(body)) + body


def browsers_hello(name):
    import ssl
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    outgoing = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        pass
    head, extensions = extensions_of(outgoing.read())
    bodies = dict(extensions)
    share = struct.pack("!H", PQ_GROUP) + vector(os.urandom(PQ_SHARE_BYTES))
    bodies[KEY_SHARE] = vector(share + bodies[KEY_SHARE][2:])
    bodies[GROUPS] = vector(struct.pack("!H", PQ_GROUP) + bodies[GROUPS][2:])
    # Outer; HKDF-SHA256, AES-128-GCM; a config id; an encapsulated key; a payload. RFC 9849.
    bodies[ECH] = struct.pack("!BHHB", 0, 1, 1, random.randrange(256)) + vector(os.urandom(32)) + \
        vector(os.urandom(ECH_BYTES))
    body = head + vector(b"".join(struct.pack("!H", kind) + vector(part) for kind, part in bodies.items()))
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + vector(message)


def hello(address, port, name, pause):
    text = browsers_hello(name)
    with socket.create_connection((address, int(port)), timeout=5) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        cut = 1200 if float(pause) > 0 else len(text)
        sock.sendall(text[:cut])
        if cut < len(text):
            time.sleep(float(pause))
            sock.sendall(text[cut:])
        answer = sock.recv(6, socket.MSG_WAITALL)
    print(len(text))
    return 0 if answer[:1] == b"\x16" and answer[5:] == b"\x02" else f"no ServerHello but {answer.hex()}"


# ---- many connections

REQUEST = b"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n"


def ask(address, port, source=None, timeout=8):
    """(what came of it: "ok", "reset", "silence" or "ended"; how often its SYN was sent again)"""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    again = 0
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout)
        try:
            if source:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind(("", source))
            sock.connect((address, port))
            again = struct.unpack_from("=I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), TOTAL_RETRANS)[0]
            sock.sendall(REQUEST)
            first = sock.recv(4096)
            if not first.startswith(b"HTTP/1.1 200"):
                return "ended", again
            while sock.recv(4096):  # until the server ends it: its side is in TIME_WAIT then
                pass
            return "ok", again
        except TimeoutError:
            return "silence", again
        except OSError:
            return "reset", again


def ports(address, port, turns):
    count, failed, again, slowest = 0, 0, 0, 0
    for _ in range(int(turns)):
        for source in PORTS:
            began = time.monotonic()
            what, syns = ask(address, int(port), source)
            failed += what != "ok"
            again += syns
            slowest = max(slowest, time.monotonic() - began)
            count += 1
    print(count, failed, again, round(slowest * 1000))
    return 0


def load(file, address, *of):
    while os.path.exists(file):
        for port in of:
            began = time.time()
            what, _ = ask(address, int(port), timeout=2)
            print(port, f"{began:.3f} {time.time() - began:.3f}", what, flush=True)
            time.sleep(0.004)
    return 0


def listen(port, serve_one):
    with socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128) as listener:
        while True:
            threading.Thread(target=serve_one, args=(listener.accept()[0],), daemon=True).start()


def serve():
    for port, serve_one in ((25, serve_mail), (2525, serve_mail), (7000, serve_echo), (7001, serve_echo),
                            (7100, serve_exchange), (7101, serve_exchange)):
        threading.Thread(target=listen, args=(port, serve_one)).start()


def main():
    verbs = {"serve": serve, "mail": mail, "exchange": exchange, "hello": hello, "ports": ports, "load": load}
    return verbs[sys.argv[1]](*sys.argv[2:])


sys.exit(main())
