#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers for the tests of tier netns: HTTP, HTTPS, TCP and UDP echo, both families.

Every answer names the peer's address, so that a test sees who the server believes it talks to.
"""
import asyncio
import socket
import ssl
import sys


async def serve_http(reader, writer):
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ", 2)[1].decode()
        host, port = writer.get_extra_info("peername")[:2]
        if path.startswith("/bytes/"):
            body = b"x" * int(path[len("/bytes/"):])
        else:
            body = f"hello {host} {port} {path}\n".encode()
        length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                       if line.startswith(b"content-length:")), 0)
        while length > 0:
            chunk = await reader.read(65536)
            if not chunk:
                break
            length -= len(chunk)
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
        writer.write(body)
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, ValueError, IndexError):
        pass
    finally:
        writer.close()


async def serve_echo(reader, writer):
    try:
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def serve_greeting(reader, writer):
    """Server first, as SMTP is: the client says nothing until it has been greeted."""
    writer.write(b"220 hello\r\n")
    await serve_echo(reader, writer)


class UdpEcho(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)


async def main():
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(sys.argv[1], sys.argv[2])
    for address in ("0.0.0.0", "::"):
        for port, callback, context in [(80, serve_http, None), (8080, serve_http, None),
                                        (443, serve_http, tls), (23, serve_echo, None),
                                        (25, serve_greeting, None), (2323, serve_echo, None),
                                        (7000, serve_echo, None)]:
            await asyncio.start_server(callback, address, port, ssl=context, reuse_address=True,
                                       backlog=1024)
        for port in (53, 7000):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            sock = socket.socket(family, socket.SOCK_DGRAM)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((address, port))
            await asyncio.get_running_loop().create_datagram_endpoint(UdpEcho, sock=sock)
    await asyncio.Event().wait()


asyncio.run(main())
