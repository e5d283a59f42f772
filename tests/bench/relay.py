# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows through the inspector, beside bare forwarding, HAProxy and Squid.

    sudo tests/bench/run relay [--quick] [--only NAME,...] [--rounds N] [--seconds S] [--flows N] [--json FILE]

One client, one router and one server, in namespaces of their own, made anew for each peer of each round.
The server is nginx with one process, and iperf3; nothing is masqueraded, as then the router's own ports
would meet those of clients. Medians of all rounds:

conn/s     connections with one small request each (wrk, 32 at one time)
req/s      small requests on 32 connections that are kept (wrk)
up, down   Gbit/s, one stream and eight (iperf3)
new, kept  µs from the beginning of a connection to the answer, and from a request on a kept one to the answer; one
           at a time; what it takes beyond bare forwarding, p50 / p99
CPU s/GB   of the whole machine, client and server included, while one stream goes down
kB/flow    memory of the relaying process for each of many idle connections

Tables in Markdown; --json has every round. Nothing else should run meanwhile.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack

import relay_peers
import relay_report
import triple as triple_module
import veth
from triple import SERVER, Triple, processes_of, resident_bytes
from veth import BUILD, Unable

CLIENT_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "relay_client.py")
PYTHON = "/usr/bin/python3"
CONNECTIONS = 32
IPERF_PORT = 5201
IDLE_READY_S = 60
SETTLE_S = 1.0
LATENCIES = ("new", "kept")
NGINX = """daemon off; master_process off; user root; pid {folder}/nginx.pid; error_log {folder}/log;
events {{ worker_connections 16000; }}
http {{
    access_log off; keepalive_timeout 3600; keepalive_requests 1000000000; default_type text/plain;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    server {{ listen 80 backlog=8192; location / {{ return 200 "hello\\n"; }} }}
}}
"""
TICKS = os.sysconf("SC_CLK_TCK")


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def start_servers(triple):
    config = triple.write("nginx.conf", NGINX.format(folder=triple.work.name))
    triple.start(triple.far, "nginx", "-e", triple.path("log"), "-c", config)
    triple.start(triple.far, "iperf3", "-s", "-p", str(IPERF_PORT))
    for port in (80, IPERF_PORT):
        triple.wait_for(f"the server's port {port}", lambda port=port: triple.listens(triple.far, port))


def wrk(triple, seconds, *headers):
    """Requests a second."""
    words = [word for header in headers for word in ("-H", header)]
    said = triple.at_client("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", *words, relay_peers.URL)
    if "Non-2xx" in said:
        raise Unable("wrk: " + said[said.index("Non-2xx"):].strip())
    return float(next(line.split()[1] for line in said.splitlines() if line.startswith("Requests/sec")))


def busy_s():
    """CPU seconds of the machine so far: all but idle, waiting for disks, and stolen."""
    with open("/proc/stat", encoding="utf-8") as file:
        user, nice, system, _idle, _wait, irq, softirq = map(int, file.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / TICKS


def own_s(process):
    total = 0
    for pid in processes_of(process) if process else ():
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            total += sum(map(int, file.read().rpartition(")")[2].split()[11:13]))
    return total / TICKS


def iperf(triple, seconds, streams, *options):
    said = triple.at_client("iperf3", "-J", "-c", SERVER, "-p", str(IPERF_PORT), "-t", str(seconds), "-P",
                            str(streams), *options)
    return json.loads(said)["end"]["sum_received"]


def measure_streams(triple, peer, seconds):
    """Gbit/s by direction and number of streams, and what one stream costs."""
    found = {}
    for streams in (1, 8):
        for direction, options in (("up", ()), ("down", ("-R",))):
            busy, own = busy_s(), own_s(peer.relay)
            got = iperf(triple, seconds, streams, *options)
            found[f"{direction}{streams}"] = got["bits_per_second"] / 1e9
            if (streams, direction) == (1, "down"):
                found["cpu_s_gb"] = (busy_s() - busy) / (got["bytes"] / 1e9)
                found["own_cpu_s_gb"] = (own_s(peer.relay) - own) / (got["bytes"] / 1e9)
    return found


def measure_latency(triple, count):
    took = json.loads(triple.at_client(PYTHON, CLIENT_PROGRAM, "latency", SERVER, str(count)))
    found = {}
    for name in LATENCIES:
        cuts = statistics.quantiles(took[name], n=100)
        found[name + "_p50"], found[name + "_p99"] = cuts[49], cuts[98]
    return found


def measure_memory(triple, peer, flows):
    """Bytes for each idle flow."""
    before = resident_bytes(peer.relay)
    with subprocess.Popen([*triple.inside(triple.src), PYTHON, CLIENT_PROGRAM, "idle", SERVER, str(flows)],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as client:
        try:
            if client.stdout.readline() != "ready\n":
                raise Unable(f"idle flows: {client.stderr.read().strip()[-200:]}")
            time.sleep(SETTLE_S)
            return (resident_bytes(peer.relay) - before) / flows
        finally:
            client.kill()


def measure(triple, peer, options):
    found = {"conn_s": wrk(triple, options.seconds, "Connection: close"), "req_s": wrk(triple, options.seconds)}
    found |= measure_latency(triple, options.requests)
    if not peer.http_only:
        found |= measure_streams(triple, peer, options.seconds)
    # Last, as a process keeps much of what it once had.
    if peer.relay is not None:
        found["flow_bytes"] = measure_memory(triple, peer, options.flows)
    return found


def run_rounds(options):
    """By name: the rounds, and what could not be measured, and why."""
    rounds, why = {peer.name: [] for peer in options.peers}, {}
    for number in range(options.rounds):
        for kind in options.peers:
            if kind.name in why:
                continue
            say(f"round {number + 1} of {options.rounds}: {kind.name}")
            peer = kind()
            # Namespaces of its own: ip_forward() drops a SYN that has the addresses and ports of a
            # transparent socket in TIME_WAIT, which a relay in the router's namespace leaves behind.
            with Triple() as triple, ExitStack() as stack:
                start_servers(triple)
                stack.callback(peer.stop, triple)
                try:
                    peer.start(triple)
                    rounds[kind.name].append(measure(triple, peer, options))
                except Unable as error:
                    if kind in (relay_peers.Bare, relay_peers.Inspected, relay_peers.Released):
                        raise
                    why[kind.name] = str(error)
    return rounds, why


def medians_of(rounds):
    return {name: {key: statistics.median(one[key] for one in taken) for key in taken[0]}
            for name, taken in rounds.items() if taken}


def parse_options(words):
    parser = argparse.ArgumentParser(prog="run relay", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [peer.name for peer in relay_peers.PEERS]
    parser.add_argument("--quick", action="store_true", help="some minutes: two short rounds")
    parser.add_argument("--only", default=",".join(name.replace(", ", "-") for name in names),
                        help="some of: " + ", ".join(name.replace(", ", "-") for name in names))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int, help="of traffic, for each measurement")
    parser.add_argument("--flows", type=int, default=2000, help="idle ones, for their memory")
    parser.add_argument("--json", metavar="FILE", help="all figures")
    options = parser.parse_args(words)
    wanted = options.only.split(",")
    options.peers = [peer for peer in relay_peers.PEERS if peer.name.replace(", ", "-") in wanted]
    if len(options.peers) != len(wanted) or relay_peers.Bare not in options.peers:
        parser.error("--only: names as --help has them, bare among them")
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.seconds = options.seconds or (1 if options.quick else 4)
    options.requests = 300 if options.quick else 2000
    return options


def main(words):
    options = parse_options(words)
    veth.need_root_and_build(relay_peers.INSPECTOR, os.path.join(BUILD, "ctl/portcullisd"))
    veth.end_on_signals()
    begin = time.monotonic()
    try:
        rounds, why = run_rounds(options)
    except Unable as error:
        sys.exit(f"bench: {error}")
    results = {"kernel": os.uname().release, "cpus": os.cpu_count(), "rounds": options.rounds,
               "seconds": options.seconds, "flows": options.flows, "server": triple_module.SERVER,
               "forms": {peer.name: peer.form for peer in options.peers}, "why": why,
               "medians": medians_of(rounds), "samples": rounds,
               "took_s": round(time.monotonic() - begin)}
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
    print(relay_report.text(results))
    return 0
