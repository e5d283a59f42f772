#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Bad commands, socket messages and packets get a clear error or a counted drop, and change nothing.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
pc_net_up
cat >"$PC_WORK/rules.toml" <<'TOML'
schema = 1
[zone.wan]
interfaces = ["wan0"]
[[rule]]
name = "x"
in = "wan"
proto = "udp"
dport = 7000
action = "drop"
TOML
pc_start_daemon
expect() { # EXIT WORD COMMAND...
    local want=$1 word=$2
    shift 2
    "$@" >"$PC_WORK/out" 2>&1
    local got=$?
    [ $got = "$want" ] || pc_fail "$*: exit $got, expected $want: $(cat "$PC_WORK/out")"
    grep -q -- "$word" "$PC_WORK/out" || pc_fail "$*: no '$word' in: $(cat "$PC_WORK/out")"
    pc_ok "$*: exit $want, '$word'"
}
expect 2 "show" pc_shell shwo rules
expect 2 "rules" pc_shell show rulse
expect 2 "nosuch" pc_shell show rule nosuch
expect 2 "nosuch" pc_shell show set nosuch
expect 2 "999" pc_shell block 10.0.0.999 for 1h
expect 2 "for" pc_shell block 10.9.9.9 for ever
expect 1 "host bits" pc_shell block 10.9.9.9/8 for 1h
expect 2 "10.9.9.9" pc_shell unblock 10.9.9.9
expect 2 "99" pc_shell rollback 99 now
expect 2 "zone" pc_shell explain packet in nowhere tcp 1.1.1.1:1 2.2.2.2:2
expect 1 "No such file" pc_shell commit "$PC_WORK/none.toml"
/usr/bin/python3 - "$PC_WORK/run/control.sock" <<'PY' || pc_fail "the control socket"
import json, os, socket, sys
def ask(data, answers=True):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(5)
        sock.connect(sys.argv[1])
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while chunk := sock.recv(65536):
                got += chunk
        except ConnectionResetError:  # it may hang up on one that goes on talking nonsense
            assert not answers
    if answers:
        answer = json.loads(got.split(b"\0")[0])
        assert "error" in answer and answer["parameters"]["message"], answer
for bad in [b"{}\0", b"\0", b"nonsense\0", b"[1,2]\0", b'{"method":5}\0', b'{"method":"org.portcullis.Nope"}\0',
            b'{"method":"org.portcullis.GetRule"}\0', b'{"method":"org.portcullis.GetRule","parameters":7}\0',
            b'{"method":"org.portcullis.Commit","parameters":{"files":"x"}}\0',
            b'{"method":"org.portcullis.Commit","parameters":{"files":[{"path":1,"text":2}]}}\0',
            b'{"method":"org.portcullis.Block","parameters":{"prefix":"x","ttl_s":1}}\0',
            b'{"method":"org.portcullis.Block","parameters":{"prefix":"10.0.0.0/8","ttl_s":-1}}\0',
            b"[" * 100000 + b"\0", b"\xff\xfe\0"]:
    print("  message", bad[:60])
    ask(bad)
ask(b'{"method":"org.portcullis.GetStatus"', answers=False)
ask(os.urandom(100000), answers=False)
PY
pc_shell show status >/dev/null || pc_fail "the daemon did not survive"
pc_shell --json show status | pc_json 'j["revision"]' | grep -qx 1 || pc_fail "something was changed"
pc_ok "bad socket messages are answered with errors"
# Malformed frames on the wire: dropped, each under its reason.
in_wan /usr/bin/python3 - <<'PY'
import socket
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sock.bind(("eth0", 0))
head = b"\xff" * 6 + b"\x02" + b"\0" * 5
sock.send(head + b"\x08\x00" + b"\x45" + b"\0" * 10)
sock.send(head + b"\x08\x00" + b"\x44\0\0\x14" + b"\0" * 16 + b"\0" * 20)
sock.send(head + b"\x08\x00" + b"\x65\0\0\x14" + b"\0" * 16 + b"\0" * 20)
sock.send(head + b"\x08\x00" + b"\x45\0\x0f\xff" + b"\0" * 16 + b"\0" * 20)
sock.send(head + b"\x86\xdd" + b"\x60" + b"\0" * 20)
sock.send(head + b"\x86\xdd" + b"\x60\0\0\0\xff\xff\x06\x40" + b"\0" * 32)
sock.send(head + b"\x81\x00\0\x01" * 3 + b"\x08\x00" + b"\0" * 40)
PY
for reason in ipv4-truncated ipv4-header-length ipv4-version ipv4-total-length ipv6-truncated; do
    [ "$(pc_reason $reason)" -ge 1 ] || pc_fail "no packet was counted under $reason"
done
pc_ok "malformed frames are dropped and counted under their reasons"
