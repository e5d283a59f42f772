#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers behind a load balancer, and clients that keep their connections, for tests of tier netns.

  serve NAME ADDRESS PORT [proxy]      answers every request with its name, "/sick" with status 503, and
                                       "/well" too, unless well.example is asked for it; with "proxy" it wants a PROXY
                                       header of version 2 and adds the addresses that stand in it
  hold CLIENT ADDRESS PORT COUNT FIFO  asks on COUNT connections, again for each line that comes by the FIFO, and
                                       prints the names of the servers, sorted, a line each time
"""
import asyncio
import socket
import struct
import sys

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


async def read_proxy_header(reader):
    """The words of the header: "LOCAL", or both ends of the client's connection."""
    start = await reader.readexactly(16)
    signature, version, family, length = struct.unpack("!12sBBH", start)
    rest = await reader.readexactly(length)
    if signature != SIGNATURE or version >> 4 != 2:
        raise ValueError("no PROXY header")
    if version & 0xf == 0:
        return "LOCAL"
    layout, domain = {0x11: ("!4s4sHH", socket.AF_INET), 0x21: ("!16s16sHH", socket.AF_INET6)}[family]
    source, target, source_port, target_port = struct.unpack(layout, rest)
    return (f"{socket.inet_ntop(domain, source)} {source_port} "
            f"{socket.inet_ntop(domain, target)} {target_port}")


async def answer(name, wants_header, reader, writer):
    try:
        ends = " " + await read_proxy_header(reader) if wants_header else ""
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            well = not head.startswith((b"GET /sick ", b"GET /well ")) or b"\r\nHost: well.example\r\n" in head
            status = b"200 OK" if well else b"503 Service Unavailable"
            body = f"{name}{ends}\n".encode()
            writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, ValueError, KeyError):
        pass
    finally:
        writer.close()


async def serve(name, address, port, *words):
    await asyncio.start_server(lambda r, w: answer(name, "proxy" in words, r, w), address, int(port),
                               reuse_address=True, backlog=1024)
    await asyncio.Event().wait()


async def ask(reader, writer):
    writer.write(b"GET / HTTP/1.1\r\nHost: held.example\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    return (await reader.readexactly(length)).decode().split()[0]


async def hold(client, address, port, count, fifo):
    held = [await asyncio.open_connection(address, int(port), local_addr=(client, 0))
            for _ in range(int(count))]
    with open(fifo) as lines:
        while True:
            names = [await asyncio.wait_for(ask(*connection), 5) for connection in held]
            print(" ".join(sorted(names)), flush=True)
            lines.readline()


asyncio.run({"serve": serve, "hold": hold}[sys.argv[1]](*sys.argv[2:]))
