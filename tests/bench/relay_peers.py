# SPDX-License-Identifier: GPL-3.0-or-later
"""What `run relay` compares: ways from the LAN to the WAN through one router. Each is started at a Triple, measured
and stopped; `relay` is the process that relays, if there is one."""
import json
import os
import subprocess

from daemon import Portcullis
from triple import CLIENT_NET, SERVER
from veth import BUILD, run

PORT = 3129  # of the router's namespace, which has no other user
INSPECTOR = os.path.join(BUILD, "ctl/portcullis-inspect")

RULES = """schema = 1
[flows]
new = 0
per_source = 0
[zone.lan]
interfaces = ["b1"]
[zone.wan]
interfaces = ["b2"]
"""
INSPECT = """[inspect.all]
mode = "{mode}"
[[rule]]
name = "all"
in = "lan"
out = "wan"
proto = "tcp"
action = "inspect"
inspect = "all"
"""
HAPROXY = """global
    maxconn 6000
    nbthread {threads}
defaults
    mode tcp
    timeout connect 10s
    timeout client 1h
    timeout server 1h
    option splice-auto
listen all
    bind :{port} transparent
    server origin *
"""
TPROXY = """table ip bench {{
  chain pre {{ type filter hook prerouting priority mangle;
    iifname "b1" meta l4proto tcp socket transparent 1 meta mark set 1 accept
    iifname "b1" meta l4proto tcp tproxy to :{port} meta mark set 1 accept
  }}
}}
"""
SQUID = """http_port {port} intercept
http_port 3128
acl clients src {net}
http_access allow clients
cache deny all
access_log none
cache_log /dev/null
cache_store_log none
pid_filename none
on_unsupported_protocol tunnel all
client_persistent_connections on
server_persistent_connections on
coredump_dir {folder}
shutdown_lifetime 0 seconds
visible_hostname bench
max_filedescriptors 16384
pinger_enable off
"""
REDIRECT = """table ip bench {{
  chain pre {{ type nat hook prerouting priority dstnat;
    iifname "b1" meta l4proto tcp redirect to :{port}
  }}
}}
"""


class Bare:
    name = "bare"
    form = "forwarding, no program, no rule, no connection tracking"
    http_only = False

    def __init__(self):
        self.relay = None

    def start(self, triple):
        pass

    def stop(self, triple):
        pass


class HaProxy(Bare):
    name = "haproxy"
    form = "TPROXY mode: nft tproxy, mode tcp, splice-auto, a thread a CPU; onward from the router's own address"

    def start(self, triple):
        triple.at_router("ip", "rule", "add", "fwmark", "1", "lookup", "100")
        triple.at_router("ip", "route", "add", "local", "default", "dev", "lo", "table", "100")
        triple.at_router("nft", "-f", triple.write("tproxy.nft", TPROXY.format(port=PORT)))
        config = triple.write("haproxy.cfg", HAPROXY.format(port=PORT, threads=os.cpu_count()))
        self.relay = triple.start(triple.dst, "haproxy", "-db", "-q", "-f", config)
        triple.wait_for(self.name, lambda: triple.listens(triple.dst, PORT))

    def stop(self, triple):
        triple.stop(self.relay)
        triple.at_router("nft", "delete", "table", "ip", "bench")
        triple.at_router("ip", "route", "del", "local", "default", "dev", "lo", "table", "100")
        triple.at_router("ip", "rule", "del", "fwmark", "1", "lookup", "100")


class Squid(Bare):
    name = "squid"
    form = "intercept mode: nft redirect, so with connection tracking; no cache, no log, one process"
    # It waits for a request line in what iperf3 says first, and Debian's has no SSL-Bump to let TLS through.
    http_only = True

    def start(self, triple):
        triple.at_router("nft", "-f", triple.write("redirect.nft", REDIRECT.format(port=PORT)))
        os.chmod(triple.work.name, 0o755)  # it gives up root
        config = triple.write("squid.conf", SQUID.format(port=PORT, net=CLIENT_NET, folder=triple.work.name))
        self.relay = triple.start(triple.dst, "squid", "-N", "-f", config)
        triple.wait_for(self.name, lambda: triple.listens(triple.dst, PORT))

    def stop(self, triple):
        triple.stop(self.relay)
        triple.at_router("nft", "delete", "table", "ip", "bench")


class Rules(Bare):
    """What Portcullis' programs at the interfaces cost, apart from the inspector."""
    name = "portcullis rules"
    form = "no inspection: XDP and TC programs at both interfaces"
    text = RULES

    def __init__(self):
        super().__init__()
        self.daemon = Portcullis()

    def start(self, triple):
        self.daemon.start_with(triple, triple.write("rules.toml", self.text))

    def stop(self, triple):
        if self.relay is not None:
            triple.stop(self.relay)
            self.relay = None
        self.daemon.stop()
        subprocess.run(["umount", triple.path("run/inspect.netns")], capture_output=True, check=False)


class Inspected(Rules):
    mode = "terminate"
    name = "portcullis"
    form = "rule inspect, connections ended: hello read, logged, relayed; a worker a CPU"

    def __init__(self):
        super().__init__()
        self.text = RULES + INSPECT.format(mode=self.mode)

    def start(self, triple):
        super().start(triple)
        words = ["--run-dir", triple.path("run"), "--bpffs", os.path.join(triple.bpffs, "pc")]
        self.relay = triple.start(triple.dst, INSPECTOR, *words, "--state-dir", triple.work.name, "--log",
                                  triple.path("eve.json"), "--max-flows", "8000")
        shell = [*triple.inside(triple.dst), os.path.join(BUILD, "ctl/portcullis"), "--run-dir",
                 triple.path("run"), "--json", "show", "inspect"]
        triple.wait_for(self.name, lambda: json.loads(run(*shell))["inspects"][0]["state"] == "up")

    def stop(self, triple):
        super().stop(triple)
        os.unlink(triple.path("eve.json"))


class Released(Inspected):
    mode = "peek"
    name = "portcullis, released"
    form = 'the same with mode = "peek": the first bytes are looked at, then the kernel forwards'


PEERS = (Bare, HaProxy, Squid, Inspected, Released, Rules)
URL = f"http://{SERVER}/"
