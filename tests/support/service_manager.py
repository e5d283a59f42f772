#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd does for a service with FileDescriptorStoreMax=, for tests: sd_notify(3) and
sd_listen_fds(3). Commands are lines of a FIFO: "restart" (SIGTERM), "crash" (SIGKILL), each
followed by a start; "quit". Says "ready PID, N descriptors kept" when the program is.

    service_manager.py NOTIFY-SOCKET FIFO PROGRAM ARGUMENT...
"""
import array
import os
import select
import signal
import socket
import sys


class Manager:
    def __init__(self, path, fifo, command):
        self.command = command
        self.fifo = os.open(fifo, os.O_RDWR)
        self.path = path
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(path)
        self.store = []  # name and descriptor
        self.pid = 0

    def start(self):
        self.pid = os.fork()
        if self.pid:
            return
        os.environ.update(NOTIFY_SOCKET=self.path)
        if self.store:
            # Out of the way of the numbers that they get.
            high = [os.dup(fd) for _, fd in self.store]
            high = [fd if fd > 3 + len(high) else os.dup2(fd, 200 + i) for i, fd in enumerate(high)]
            for number, fd in enumerate(high):
                os.dup2(fd, 3 + number)
                os.set_inheritable(3 + number, True)
            os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(high)),
                              LISTEN_FDNAMES=":".join(name for name, _ in self.store))
        os.execv(self.command[0], self.command)

    def stop(self, number):
        os.kill(self.pid, number)
        os.waitpid(self.pid, 0)
        self.pid = 0

    def hear(self):
        words, control, _, _ = self.notify.recvmsg(4096, socket.CMSG_SPACE(4 * 16))
        fds = array.array("i")
        for level, kind, data in control:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
        said = dict(line.split("=", 1) for line in words.decode().splitlines())
        name = said.get("FDNAME", "")
        if said.get("FDSTOREREMOVE") == "1":
            for known, fd in self.store:
                if known == name:
                    os.close(fd)
            self.store = [kept for kept in self.store if kept[0] != name]
        if said.get("FDSTORE") == "1":
            self.store += [(name, fd) for fd in fds]
        if said.get("READY") == "1":
            print(f"ready {self.pid}, {len(self.store)} descriptors kept", flush=True)

    def run(self):
        self.start()
        commands = b""
        while True:
            ready, _, _ = select.select([self.notify, self.fifo], [], [])
            if self.notify in ready:
                self.hear()
            if self.fifo not in ready:
                continue
            commands += os.read(self.fifo, 4096)
            *lines, commands = commands.split(b"\n")
            for line in lines:
                if line == b"quit":
                    self.stop(signal.SIGTERM)
                    return
                self.stop(signal.SIGTERM if line == b"restart" else signal.SIGKILL)
                self.start()


Manager(sys.argv[1], sys.argv[2], sys.argv[3:]).run()
