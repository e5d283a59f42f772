# SPDX-License-Identifier: GPL-3.0-or-later
"""Portcullis itself as one of the peers: its rule file, and a daemon of its own at the receiver."""
import os
import subprocess
import tempfile
import time

import prefixes
import rulesets
from veth import BUILD, Unable, run

HEAD = 'schema = 1\n[zone.wan]\ninterfaces = ["b1"]\nmode = "native"\ndefault = "drop"\n'
START_S = 120
FLAG_NAMES = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")


def span(low, high):
    return str(low) if low == high else f'"{low}-{high}"'


def flags_text(value, mask):
    return ",".join(("" if value >> bit & 1 else "!") + name
                    for bit, name in enumerate(FLAG_NAMES) if mask >> bit & 1)


def rule_text(number, rule, version, action):
    out = [f'[[rule]]\nname = "r{number}"\npriority = {number + 1}\nin = "wan"\n']
    if rule.src_set is not None:
        out.append(f'src = "@s{rule.src_set + 1}"\n')
    elif rule.src[1]:
        out.append(f'src = "{prefixes.text(rule.src, version)}"\n')
    if rule.dst[1]:
        out.append(f'dst = "{prefixes.text(rule.dst, version)}"\n')
    if rule.proto is not None:
        out.append(f"proto = {rule.proto}\n")
    for name, ports in (("sport", rule.sport), ("dport", rule.dport)):
        if ports != rulesets.EVERY_PORT:
            out.append(f"{name} = {span(*ports)}\n")
    if rule.flags:
        out.append(f'tcp_flags = "{flags_text(*rule.flags)}"\n')
    out.append(f'action = "{action or rule.action}"\n')
    return "".join(out)


def write_rules(ruleset, folder, action=None):
    """Writes rules.toml and the files of its sets; `action` in place of those of the rules."""
    text = [HEAD]
    for number, entries in enumerate(ruleset.sets, 1):
        path = os.path.join(folder, f"s{number}.txt")
        with open(path, "w", encoding="ascii") as file:
            file.write("".join(f"{prefixes.text(entry, ruleset.version)}\n" for entry in entries))
        text.append(f'[set.s{number}]\nfile = "{path}"\n')
    text += [rule_text(number, rule, ruleset.version, action)
             for number, rule in enumerate(ruleset.rules)]
    path = os.path.join(folder, "rules.toml")
    with open(path, "w", encoding="ascii") as file:
        file.write("".join(text))
    return path


class Portcullis:
    """All rules drop, so that all packets end at the same place; each is still found, and counted."""
    name = "portcullis"
    linear = False
    form = "rules in a rule file; per-rule counters included"

    def __init__(self):
        self.daemon = None

    def why_not(self, _ruleset):
        return None

    def start(self, veth, ruleset, _binary):
        self.start_with(veth, write_rules(ruleset, veth.work.name, "drop"))

    def start_with(self, veth, config):
        run_dir = os.path.join(veth.work.name, "run")
        os.makedirs(run_dir, exist_ok=True)
        paths = ["--run-dir", run_dir]
        self.options = ["--config", config, *paths, "--state-dir",
                        tempfile.mkdtemp(dir=veth.work.name), "--bpffs",
                        os.path.join(veth.bpffs, "pc")]
        self.veth = veth
        log = os.path.join(veth.work.name, "daemon.log")
        with open(log, "w", encoding="utf-8") as file:
            self.daemon = subprocess.Popen(
                [*veth.inside(veth.dst), os.path.join(BUILD, "ctl/portcullisd"), "--foreground",
                 *self.options], stdout=file, stderr=file)
        shell = [*veth.inside(veth.dst), os.path.join(BUILD, "ctl/portcullis"), *paths, "--json", "show",
                 "interfaces"]
        end = time.monotonic() + START_S
        while time.monotonic() < end and self.daemon.poll() is None:
            done = subprocess.run(shell, capture_output=True, text=True, check=False)
            if done.returncode == 0 and '"b1"' in done.stdout:
                return
            with open(log, encoding="utf-8") as file:
                said = file.read().strip()
            if "error[" in said:
                break
            time.sleep(0.1)
        raise Unable(" ".join(said.splitlines()[:1])[-200:] or f"portcullisd: not ready in {START_S} s")

    def stop(self):
        if self.daemon is None:
            return
        self.daemon.terminate()
        try:
            self.daemon.wait(30)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            self.daemon.wait()
        self.daemon = None
        try:
            run(*self.veth.inside(self.veth.dst), os.path.join(BUILD, "ctl/portcullisd"), "--detach",
                *self.options)
        except Unable:
            pass  # The namespace and its bpffs go next, and all of it with them.
